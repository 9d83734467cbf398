"""Labels from breaks, for values of any kind, without a copy of all of them.

A label is the number of breaks below a value. The comparison is exact whatever the types: breaks
are rounded *down* to a type that holds every value, because x <= break means the same for x of
that type as x <= break rounded down. That type is float32 for bools, float16 and integers of up
to 16 bits, float64 for integers of 32 bits; integers of 64 bits are compared as they are.

Values are taken in chunks. A chunk of a contiguous array of floats is a view, which goes to the
kernel as it is; a chunk of anything else is a converted copy, which stays in the cache. Cells that
the attributes of a `DataArray` make missing are found chunk by chunk too, so that a block of a dask
array is no special case.

2e7 float32 values take 5.1 ms for 8 clusters on two threads; a copy of them takes 8.5 ms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from fastkm._core import cf_missing, validation
from fastkm._core.cf_rules import warn_of_stale_rules
from fastkm._core.threads import map_chunks, rows_per_chunk
from fastkm._kernels.assign_by_breaks import assign_by_breaks
from fastkm.cluster.codebook import MISSING, label_dtype
from fastkm.cluster.streaming.arrays import RawArray, as_raw_array, is_lazy

CHUNKS_AT_ONCE = 4
"""Chunks of `fastkm._core.threads` that one call labels: the kernel is so quick that the Python around
it counts. 2e7 float32 values on two threads take 7.0 ms with 1, 5.7 with 2, 5.1 with 4 and 4.9 with
8; with 8, big-endian float64, which is converted, slows down from 6.9 ms to 8.3."""


def label(
    values: Any, breaks: np.ndarray, *, out: np.ndarray | None = None, threads: int | None = None
) -> Any:
    """Label each value with the number of breaks below it, -1 if it is missing.

    See `KMeans1D.predict`. Breaks are float64, int64 or uint64 and ascend. Each block of a dask
    array is labelled on one thread.
    """
    if out is None and _is_one_chunk(values):
        return _label_chunk(values, breaks)
    array = getattr(values, "data", values) if hasattr(values, "dims") else values
    if is_lazy(array):
        if out is not None:
            raise TypeError("out must be None for a dask array: its labels are computed later")
        labels = _label_lazily(values, array, breaks)
    else:
        cells = as_raw_array(values, "values")
        warn_of_stale_rules(cells.stale, cells.count_stale_missing())
        labels = _label_cells(cells, breaks, out, threads=threads)
    if hasattr(values, "dims") and hasattr(values, "copy"):
        labelled = values.copy(data=labels)
        labelled.attrs, labelled.encoding = {}, {}
        return labelled
    if hasattr(values, "index") and hasattr(values, "iloc"):  # a Series
        from pandas import Series

        return Series(labels, values.index, name="cluster", copy=False)
    return labels


def _is_one_chunk(values: Any) -> bool:
    """Return True if values are a plain array of numbers, and no more than one chunk of them."""
    if type(values) is not np.ndarray or not values.flags.c_contiguous:
        return False
    few = values.size <= CHUNKS_AT_ONCE * rows_per_chunk(values.itemsize)
    return few and values.dtype.kind in "iuf" and values.itemsize <= 8


def _label_chunk(values: np.ndarray, breaks: np.ndarray) -> np.ndarray:
    """Label a plain array in one call of the kernel: 100 values take 8 us, otherwise 38."""
    codes = np.empty(values.shape, label_dtype(len(breaks) + 1))
    edges = Edges.from_breaks(breaks, _choose_comparison_type(values.dtype))
    edges.count_below(values.reshape(-1), codes.reshape(-1))
    return codes


def _flatten(array: np.ndarray, transposed: bool) -> Any:
    """Return what slices like a flat view: one, or an iterator that copies if memory has gaps."""
    array = array.T if transposed else array
    is_flat = array.ndim <= 1 or array.flags.c_contiguous
    return array.reshape(-1) if is_flat else array.flat


def _label_cells(
    cells: RawArray, breaks: np.ndarray, out: np.ndarray | None, *, threads: int | None = None
) -> np.ndarray:
    """Label cells chunk by chunk, into `out` or a new array in their order."""
    # the order of memory, so that chunks are views
    flags = cells.values.flags
    transposed = flags.f_contiguous and not flags.c_contiguous
    narrowest = label_dtype(len(breaks) + 1)
    if out is None:
        out = np.empty(cells.shape, narrowest, order="F" if transposed else "C")
    else:
        _check_out(out, cells.values, len(breaks))

    def take(start: int, stop: int) -> RawArray:
        return cells.apply(lambda array: _flatten(array, transposed)[start:stop])

    dtype = cf_missing.to_physical(take(0, 0)).dtype
    edges = Edges.from_breaks(breaks, _choose_comparison_type(dtype))

    def label_chunk(start: int, stop: int) -> None:
        chunk = take(start, stop)
        target = _flatten(out, transposed)
        # straight into `out` if the kernel, compiled for one type of labels, can write there
        in_place = (
            isinstance(target, np.ndarray) and target.dtype == narrowest and target.flags.carray
        )
        codes = target[start:stop] if in_place else np.empty(stop - start, narrowest)
        edges.count_below(cf_missing.to_physical(chunk), codes)
        missing = chunk.find_missing()
        if missing is not None:
            codes[missing] = MISSING
        if not in_place:
            target[start:stop] = codes

    size = CHUNKS_AT_ONCE * rows_per_chunk(edges.breaks.itemsize)
    map_chunks(label_chunk, out.size, size, threads=threads)
    return out


def _check_out(out: Any, array: np.ndarray, highest: int) -> None:
    """Raise unless `out` can take labels up to `highest` for the cells of `array`."""
    if not isinstance(out, np.ndarray) or isinstance(out, np.ma.MaskedArray):
        raise TypeError(f"out must be a plain array, got {type(out).__name__}")
    if out.dtype.kind != "i" or np.iinfo(out.dtype).max < highest:
        raise TypeError(
            f"out must hold signed integers from -1 to {highest}, got type {out.dtype.name}"
        )
    if out.shape != array.shape:
        raise ValueError(f"out must have the shape of the values, {array.shape}, got {out.shape}")
    if not out.flags.writeable:
        raise ValueError("out must be writeable, got a read-only array")
    if np.may_share_memory(out, array):
        raise ValueError("out must not share memory with the values")


@cache
def _choose_comparison_type(dtype: np.dtype) -> np.dtype:
    """Choose the type to compare in: it holds every value of `dtype`."""
    if dtype.kind in "iu" and dtype.itemsize == 8:
        return dtype.newbyteorder("=")
    return np.result_type(dtype, np.float32)


@dataclass(frozen=True)
class Edges:
    """Breaks in the type in which values are compared with them, rounded down to it."""

    breaks: np.ndarray
    below: int = 0  # number of further breaks, which lie below every number of the type

    @classmethod
    def from_breaks(cls, breaks: np.ndarray, dtype: np.dtype) -> Edges:
        """Round breaks down to `dtype`.

        Examples
        --------
        >>> Edges.from_breaks(np.array([-0.5, 2.5, 1e300]), np.dtype("u8"))
        Edges(breaks=array([                   2, 18446744073709551615], dtype=uint64), below=1)
        """
        if breaks.dtype == dtype:
            return cls(validation.freeze(breaks))
        numbers = breaks.tolist()  # Python compares integers and floats exactly
        if dtype.kind == "f":
            with np.errstate(over="ignore"):  # a break beyond float32 is above all its numbers
                typed = breaks.astype(dtype)
            high = [edge > number for edge, number in zip(typed.tolist(), numbers, strict=True)]
            if any(high):
                typed[high] = np.nextafter(typed[high], dtype.type(-np.inf))
            return cls(validation.freeze(typed))
        limits = np.iinfo(dtype)
        whole = [min(math.floor(number), limits.max) for number in numbers]
        inside = [number for number in whole if number >= limits.min]
        return cls(validation.freeze(np.array(inside, dtype)), len(whole) - len(inside))

    def count_below(self, numbers: np.ndarray, codes: np.ndarray) -> None:
        """Fill `codes` with the number of breaks below each of `numbers`, -1 for NaN."""
        assign_by_breaks(validation.freeze(numbers, self.breaks.dtype), self.breaks, codes)
        if self.below:  # integers only, so there was no NaN
            codes += self.below


def _label_lazily(values: Any, array: Any, breaks: np.ndarray) -> Any:
    """Plan the labels of the dask array of some values; every block sees their attributes."""
    # a wrong type fails now, not when the labels are computed
    validation.as_values_and_mask(np.empty(0, array.dtype), "values")
    dtype = label_dtype(len(breaks) + 1)
    rules = replace(as_raw_array(values, "values"), values=np.empty(0, array.dtype))
    return array.map_blocks(
        _label_block,
        breaks=breaks,
        rules=rules,
        warned=[],
        dtype=dtype,
        meta=np.empty((0,) * array.ndim, dtype),
    )


def _label_block(
    block: Any, *, breaks: np.ndarray, rules: RawArray, warned: list[bool]
) -> np.ndarray:
    """Label one block, on the thread that dask gave it; the first with a reason to warn warns."""
    computed = as_raw_array(block, "values")
    cells = replace(rules, values=computed.values, mask=computed.mask)
    stale = 0 if warned else cells.count_stale_missing()
    if stale:
        warned.append(True)
        warn_of_stale_rules(cells.stale, stale, among="of a block")
    return _label_cells(cells, breaks, None, threads=1)
