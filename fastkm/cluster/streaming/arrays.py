"""Arrays of any kind with their rules of missing cells, and weights of their cells.

A masked array has a mask, a `DataArray` has attributes and an encoding, a dask array is not
computed yet: `RawArray` holds any of them, and parts of it can be taken before anything is copied
or computed. Weights are a `RawArray` too. They are never broadcast to the shape of all values,
only to that of one box at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from fastkm._core import cf_missing, cf_rules, validation

Box = tuple[slice, ...]


class LazyArray(Protocol):
    """An array of dask, for type checkers."""

    def __dask_graph__(self) -> Any: ...


@dataclass(frozen=True)
class RawArray:
    """An array and its rules of missing cells; `fastkm._core.cf_missing` reads it as a `DataArray`.

    The attributes, the encoding and the names of dimensions are those of a `DataArray`. `stale` are
    rules that do not hold, because the array has been computed.
    """

    values: Any  # numpy or dask array, real numbers of any layout; booleans as uint8
    mask: np.ndarray | None = None  # of a masked array
    attrs: Mapping[Any, Any] = field(default_factory=dict)
    encoding: Mapping[Any, Any] = field(default_factory=dict)
    dims: tuple[Any, ...] | None = None
    stale: Mapping[Any, Any] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes, NaN if dask does not know one."""
        return self.values.shape

    def apply(self, function: Callable[[Any], Any]) -> RawArray:
        """Apply a function to values and mask alike."""
        mask = None if self.mask is None else function(self.mask)
        return replace(self, values=function(self.values), mask=mask)

    def select(self, box: Box) -> RawArray:
        """Take the cells in a box; nothing is copied."""
        return self.apply(lambda array: array[box])

    def select_block(self, index: tuple[int, ...]) -> RawArray:
        """Take one block of a dask array."""
        return replace(self, values=self.values.blocks[index])

    def load(self) -> RawArray:
        """Compute the values if they are of dask."""
        if not is_lazy(self.values):
            return self
        computed = as_raw_array(self.values.compute(), "values")
        return replace(self, values=computed.values, mask=computed.mask)

    def find_missing(self, *, packed: bool = False) -> np.ndarray | None:
        """Find the missing cells; return None if there are none but NaN in unpacked floats."""
        if not packed and not cf_missing.has_rules(self):
            return self.mask
        ruled = cf_missing.find_missing(self)
        return ruled if self.mask is None else ruled | self.mask

    def count_stale_missing(self) -> int:
        """Count the values that stale rules would make missing."""
        if not self.stale:
            return 0
        present = self.values if self.mask is None else self.values[~self.mask]
        return cf_missing.count_stale_missing(present, self.stale)


def is_lazy(array: Any) -> bool:
    """Return True if an array is one of dask."""
    return hasattr(array, "__dask_graph__") and hasattr(array, "numblocks")


def as_raw_array(array: Any, name: str) -> RawArray:
    """Return an array of any kind as a `RawArray`; dask arrays stay lazy.

    It raises as `fastkm._core.validation.as_values_and_mask` if it does not hold real numbers.
    """
    if not cf_missing.is_described_array(array):
        return _wrap_bare(array, name)
    lazy = is_lazy(getattr(array, "data", None))
    cells = _wrap_bare(array.data if lazy else array.values, name)
    encoding = getattr(array, "encoding", {})
    attrs, stale = cf_rules.split_attributes(array.attrs, encoding, cells.values.dtype)
    return replace(cells, attrs=attrs, encoding=encoding, dims=tuple(array.dims), stale=stale)


def _wrap_bare(array: Any, name: str) -> RawArray:
    """Return an array without attributes as a `RawArray`."""
    if is_lazy(array) and array.ndim == 0:  # dask has no blocks of it
        array = array.compute()
    masked = isinstance(array, np.ma.MaskedArray) and array.mask is not np.ma.nomask
    values = array if is_lazy(array) else np.asarray(array)
    validation.as_values_and_mask(np.empty(0, values.dtype), name)
    values = values.view(np.uint8) if values.dtype == bool else values
    return RawArray(values, np.ma.getmaskarray(array) if masked else None)


def align_weights(weights: Any, cells: RawArray) -> RawArray:
    """Return weights that broadcast to the cells, by the names of dimensions if both have them.

    Raise TypeError if weights are not real numbers, ValueError if they do not broadcast.
    """
    try:
        own = as_raw_array(weights, "weights")
    except ValueError as error:  # scipy finds complex numbers of the wrong value: here it is a type
        raise TypeError(str(error)) from None
    if own.dims is not None and cells.dims is not None:
        own = _order_dimensions(own, own.dims, cells.dims)
    if not is_lazy(own.values):
        cf_rules.warn_of_stale_rules(own.stale, own.count_stale_missing())
    require_broadcast(own.shape, cells.shape)
    if any(map(math.isnan, own.shape)):
        blocks = getattr(cells.values, "numblocks", ())
        if blocks[len(blocks) - len(own.shape) :] != own.values.numblocks:
            raise ValueError("weights of unknown lengths must be chunked as values are")
    return own


def _order_dimensions(weights: RawArray, have: tuple[Any, ...], want: tuple[Any, ...]) -> RawArray:
    """Bring the dimensions of weights into the order of those of values."""
    if not set(have) <= set(want):
        raise ValueError(f"weights must have dimensions among {want}, those of values, got {have}")
    order = [have.index(name) for name in want if name in have]
    index = tuple(slice(None) if name in have else None for name in want)
    return weights.apply(lambda array: array.transpose(order)[index])


def require_broadcast(shape: tuple[int, ...], onto: tuple[int, ...]) -> None:
    """Raise unless numpy would broadcast one shape to the other; unknown lengths (NaN) pass."""
    pairs = zip(shape[::-1], onto[::-1], strict=False)
    fit = all(one in {1, other} or math.isnan(one + other) for one, other in pairs)
    if len(shape) > len(onto) or not fit:
        raise ValueError(f"weights must broadcast to the shape of values, {onto}, got {shape}")


def load_weights(weights: RawArray, box: Box, index: tuple[int, ...] = ()) -> RawArray:
    """Return the loaded weights of a box of values, or of a block if lengths are unknown."""
    if any(map(math.isnan, weights.shape)):
        return weights.select_block(index[len(box) - len(weights.shape) :]).load()
    return select_weights(weights, box).load()


def select_weights(weights: RawArray, box: Box) -> RawArray:
    """Return the weights of a box of values; nothing is copied or loaded."""
    pairs = zip(weights.shape, box[len(box) - len(weights.shape) :], strict=True)
    return weights.select(tuple(slice(None) if size == 1 else cut for size, cut in pairs))


def broadcast_weights(weights: RawArray, shape: tuple[int, ...]) -> np.ndarray:
    """Broadcast loaded weights to the shape of a box, as a view; NaN stands for missing ones."""
    numbers, missing = cf_missing.to_physical(weights), weights.find_missing()
    return np.broadcast_to(
        numbers if missing is None else np.where(missing, np.nan, numbers), shape
    )
