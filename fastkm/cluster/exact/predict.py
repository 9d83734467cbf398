"""Labels from breaks, for values of any kind, without a copy of all of them.

A label is the number of breaks below a value. The comparison is exact whatever the types: breaks
are rounded *down* to a type that holds every value, because x <= break means the same for x of
that type as x <= break rounded down. That type is float32 for bools, float16 and integers of up
to 16 bits, float64 for integers of 32 bits; integers of 64 bits are compared as they are.

Values are taken in chunks. A chunk of a contiguous array of floats is a view that goes to the
kernel as it is; of anything else it is a converted copy that stays in the cache. What a
`DataArray`'s attributes make missing is found chunk by chunk too, so that a block of a dask array
is no special case.

2e7 float32 values take 5.1 ms for 8 clusters on two threads; a copy of them takes 8.5 ms.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fastkm._core import cf_missing, validation
from fastkm._core.threads import map_chunks, rows_per_chunk
from fastkm._kernels.assign_by_breaks import assign_by_breaks
from fastkm.cluster.streaming.arrays import RawArray, as_raw_array, is_lazy

MISSING = -1
"""The label of a missing cell."""

CHUNKS_AT_ONCE = 4
"""Chunks of `_parallel` a call: around a kernel this quick the Python of a call counts. 2e7 float32
values on two threads take 7.0 ms with 1, 5.7 with 2, 5.1 with 4 and 4.9 with 8; with 8 big-endian
float64, which is converted, slows down from 6.9 ms to 8.3."""


def label_dtype(k: int) -> np.dtype:
    """Choose the narrowest signed integer that holds the labels of k clusters.

    Examples
    --------
    >>> label_dtype(128), label_dtype(129)
    (dtype('int8'), dtype('int16'))
    """
    return np.min_scalar_type(-k)


def label(
    values: Any, breaks: np.ndarray, *, out: np.ndarray | None = None, threads: int | None = None
) -> Any:
    """Count the breaks below each value; -1 where it is missing.

    Parameters
    ----------
    values : array-like
        Any shape and any real type, a `DataArray` or a dask array.
    breaks : (k - 1,) float64, int64 or uint64 array
        Ascending.
    out : array, optional
        As for `KMeans1D.predict`, which says what comes back.
    threads : int, optional
        See `fastkm._core.threads.thread_count`; a dask array's blocks have one each.
    """
    array = getattr(values, "data", values) if hasattr(values, "dims") else values
    if is_lazy(array):
        if out is not None:
            raise TypeError("out must be None for a dask array: its labels are computed later")
        labels = _lazy(array, breaks, getattr(values, "attrs", {}), getattr(values, "encoding", {}))
    else:
        labels = _filled(as_raw_array(values, "values"), breaks, out, threads=threads)
    if hasattr(values, "dims") and hasattr(values, "copy"):
        labelled = values.copy(data=labels)
        labelled.attrs, labelled.encoding = {}, {}
        return labelled
    return labels


def _line(array: np.ndarray, transposed: bool) -> Any:
    """Give what slices like a flat view: one, or where memory has gaps an iterator that copies."""
    array = array.T if transposed else array
    flat = array.ndim <= 1 or array.flags.c_contiguous
    return array.reshape(-1) if flat else array.flat


def _filled(
    cells: RawArray, breaks: np.ndarray, out: np.ndarray | None, *, threads: int | None = None
) -> np.ndarray:
    """Label cells chunk by chunk, into `out` or a new array in their order."""
    flags = cells.values.flags
    transposed = flags.f_contiguous and not flags.c_contiguous
    narrowest = label_dtype(len(breaks) + 1)
    if out is None:
        out = np.empty(cells.shape, narrowest, order="F" if transposed else "C")
    else:
        _check_out(out, cells.values, len(breaks))

    def part(start: int, stop: int) -> RawArray:
        return cells.each(lambda array: _line(array, transposed)[start:stop])

    edges = Edges.of(breaks, _comparable(cf_missing.physical(part(0, 0)).dtype))

    def run(start: int, stop: int) -> None:
        some = part(start, stop)
        target = _line(out, transposed)
        at_once = isinstance(target, np.ndarray) and _is_ready(target, narrowest)
        codes = target[start:stop] if at_once else np.empty(stop - start, narrowest)
        edges.count_below(cf_missing.physical(some), codes)
        missing = some.missing()
        if missing is not None:
            codes[missing] = MISSING
        if not at_once:
            target[start:stop] = codes

    step = CHUNKS_AT_ONCE * rows_per_chunk(edges.breaks.itemsize)
    map_chunks(run, out.size, step, threads=threads)
    return out


def _is_ready(target: np.ndarray, dtype: np.dtype) -> bool:
    """Tell whether the kernel, compiled for one kind of labels, may write to `target`."""
    return target.dtype == dtype and target.flags.carray


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


def _comparable(dtype: np.dtype) -> np.dtype:
    """Choose the type to compare in: it holds every value of `dtype`."""
    if dtype.kind in "iu" and dtype.itemsize == 8:
        return dtype.newbyteorder("=")
    return np.result_type(dtype, np.float32)


@dataclass(frozen=True)
class Edges:
    """Breaks in the type in which values are compared with them.

    Attributes
    ----------
    breaks : array
        Rounded down to the type.
    below : int
        How many more lie below every number of the type.
    """

    breaks: np.ndarray
    below: int = 0

    @classmethod
    def of(cls, breaks: np.ndarray, dtype: np.dtype) -> Edges:
        """Round breaks down to `dtype`.

        Examples
        --------
        >>> Edges.of(np.array([-0.5, 2.5, 1e300]), np.dtype("u8"))
        Edges(breaks=array([                   2, 18446744073709551615], dtype=uint64), below=1)
        """
        numbers = breaks.tolist()  # Python compares integers and floats exactly
        if dtype.kind == "f":
            with np.errstate(over="ignore"):  # a break beyond float32 is above all its numbers
                typed = breaks.astype(dtype)
            high = [edge > number for edge, number in zip(typed.tolist(), numbers, strict=True)]
            typed[high] = np.nextafter(typed[high], dtype.type(-np.inf))
            return cls(validation.frozen(typed))
        limits = np.iinfo(dtype)
        whole = [min(math.floor(number), limits.max) for number in numbers]
        inside = [number for number in whole if number >= limits.min]
        return cls(validation.frozen(np.array(inside, dtype)), len(whole) - len(inside))

    def count_below(self, numbers: np.ndarray, codes: np.ndarray) -> None:
        """Fill `codes` with the number of breaks below each of `numbers`, -1 for NaN."""
        assign_by_breaks(validation.frozen(numbers, self.breaks.dtype), self.breaks, codes)
        if self.below:  # integers only, so there was no NaN
            codes += self.below


def _lazy(
    array: Any, breaks: np.ndarray, attrs: Mapping[Any, Any], encoding: Mapping[Any, Any]
) -> Any:
    """Plan the labels of a dask array; every block sees the attributes of the whole."""
    validation.plain(
        np.empty(0, array.dtype), "values"
    )  # a wrong type fails now, not when computed
    dtype = label_dtype(len(breaks) + 1)
    return array.map_blocks(
        _labelled_block,
        breaks=breaks,
        attrs=dict(attrs),
        encoding=dict(encoding),
        dtype=dtype,
        meta=np.empty((0,) * array.ndim, dtype),
    )


def _labelled_block(
    block: Any, *, breaks: np.ndarray, attrs: Mapping[Any, Any], encoding: Mapping[Any, Any]
) -> np.ndarray:
    """Label one block, on the thread that dask gave it."""
    cells = replace(as_raw_array(block, "values"), attrs=attrs, encoding=encoding)
    return _filled(cells, breaks, None, threads=1)
