"""Cells with all that tells the missing ones among them, and weights laid over them.

A masked array has a mask, a `DataArray` attributes and an encoding, a dask array is not computed
yet: `RawArray` is one small form for all of them, of which parts can be taken before anything is
copied or computed. Weights are cells too. They are never spread to the shape of the values as a
whole, only over one box of them at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from fastkm._core import cf_missing, validation

Box = tuple[slice, ...]


@dataclass(frozen=True)
class RawArray:
    """An array taken apart; `fastkm._core.cf_missing` reads it like a `DataArray`.

    Attributes
    ----------
    values : numpy or dask array
        Real numbers of any layout; booleans are given as uint8.
    mask : bool array or None
        Of a masked array.
    attrs, encoding : mapping
        Of a `DataArray`.
    dims : tuple or None
        Of a `DataArray`.
    """

    values: Any
    mask: np.ndarray | None = None
    attrs: Mapping[Any, Any] = field(default_factory=dict)
    encoding: Mapping[Any, Any] = field(default_factory=dict)
    dims: tuple[Any, ...] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes: NaN where dask does not know one."""
        return self.values.shape

    def each(self, function: Callable[[Any], Any]) -> RawArray:
        """Apply a function to values and mask alike."""
        mask = None if self.mask is None else function(self.mask)
        return replace(self, values=function(self.values), mask=mask)

    def part(self, box: Box) -> RawArray:
        """Take the cells in a box; nothing is copied."""
        return self.each(lambda array: array[box])

    def block(self, index: tuple[int, ...]) -> RawArray:
        """Take one block of a dask array."""
        return replace(self, values=self.values.blocks[index])

    def load(self) -> RawArray:
        """Compute what is of dask."""
        if not is_lazy(self.values):
            return self
        computed = as_raw_array(self.values.compute(), "values")
        return replace(self, values=computed.values, mask=computed.mask)

    def missing(self, *, packed: bool = False) -> np.ndarray | None:
        """Find the missing cells; None where there is none, or only NaN in unpacked floats."""
        if not packed and not cf_missing.has_rules(self):
            return self.mask
        ruled = cf_missing.missing(self)
        return ruled if self.mask is None else ruled | self.mask


def is_lazy(array: Any) -> bool:
    """Tell whether an array is one of dask."""
    return hasattr(array, "__dask_graph__") and hasattr(array, "numblocks")


def as_raw_array(array: Any, name: str) -> RawArray:
    """Take an array of any kind apart. Dask arrays stay lazy.

    Raises
    ------
    TypeError, ValueError
        As `fastkm._core.validation.plain`, if it does not hold real numbers.
    """
    if not cf_missing.describes_itself(array):
        return _bare(array, name)
    lazy = is_lazy(getattr(array, "data", None))
    cells = _bare(array.data if lazy else array.values, name)
    encoding = getattr(array, "encoding", {})
    return replace(cells, attrs=array.attrs, encoding=encoding, dims=tuple(array.dims))


def _bare(array: Any, name: str) -> RawArray:
    """Take apart what has no attributes."""
    if is_lazy(array) and array.ndim == 0:  # dask has no blocks of it
        array = array.compute()
    masked = isinstance(array, np.ma.MaskedArray) and array.mask is not np.ma.nomask
    values = array if is_lazy(array) else np.asarray(array)
    validation.plain(np.empty(0, values.dtype), name)
    values = values.view(np.uint8) if values.dtype == bool else values
    return RawArray(values, np.ma.getmaskarray(array) if masked else None)


def align_weights(weights: Any, cells: RawArray) -> RawArray:
    """Lay weights over cells, by the names of dimensions where both have them.

    Raises
    ------
    TypeError
        If they are not real numbers.
    ValueError
        If they do not broadcast to the shape of the cells.
    """
    try:
        own = as_raw_array(weights, "weights")
    except ValueError as error:  # scipy finds complex numbers of the wrong value: here it is a type
        raise TypeError(str(error)) from None
    if own.dims is not None and cells.dims is not None:
        own = _in_order(own, own.dims, cells.dims)
    require_fit(own.shape, cells.shape)
    if any(map(math.isnan, own.shape)):
        blocks = getattr(cells.values, "numblocks", ())
        if blocks[len(blocks) - len(own.shape) :] != own.values.numblocks:
            raise ValueError("weights of unknown lengths must be chunked as values are")
    return own


def _in_order(weights: RawArray, have: tuple[Any, ...], want: tuple[Any, ...]) -> RawArray:
    """Bring the dimensions of weights into the order of those of values."""
    if not set(have) <= set(want):
        raise ValueError(f"weights must have dimensions among {want}, those of values, got {have}")
    order = [have.index(name) for name in want if name in have]
    broadcast_weights = tuple(slice(None) if name in have else None for name in want)
    return weights.each(lambda array: array.transpose(order)[broadcast_weights])


def require_fit(shape: tuple[int, ...], onto: tuple[int, ...]) -> None:
    """Raise unless numpy would broadcast one shape to the other; unknown lengths (NaN) pass."""
    pairs = zip(shape[::-1], onto[::-1], strict=False)
    fit = all(one in {1, other} or math.isnan(one + other) for one, other in pairs)
    if len(shape) > len(onto) or not fit:
        raise ValueError(f"weights must broadcast to the shape of values, {onto}, got {shape}")


def weights_of_block(weights: RawArray, box: Box, index: tuple[int, ...] = ()) -> RawArray:
    """Take and load the weights under a box of values, or under a block if lengths are unknown."""
    if any(map(math.isnan, weights.shape)):
        return weights.block(index[len(box) - len(weights.shape) :]).load()
    return weights_of_box(weights, box).load()


def weights_of_box(weights: RawArray, box: Box) -> RawArray:
    """Take the weights under a box of values; nothing is copied or loaded."""
    pairs = zip(weights.shape, box[len(box) - len(weights.shape) :], strict=True)
    return weights.part(tuple(slice(None) if size == 1 else cut for size, cut in pairs))


def broadcast_weights(weights: RawArray, shape: tuple[int, ...]) -> np.ndarray:
    """Spread loaded weights over a box of values, as a view; NaN stands for missing ones."""
    numbers, missing = cf_missing.physical(weights), weights.missing()
    return np.broadcast_to(
        numbers if missing is None else np.where(missing, np.nan, numbers), shape
    )
