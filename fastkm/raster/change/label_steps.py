"""The label maps of a stack (time, y, x), step by step, and which step is compared with which.

A lazy stack is read a few steps at a time: those that dask keeps in one block, as far as they fit
into `BYTES_PER_READ`. So memory does not grow with the number of steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fastkm._core.validation import as_values_and_mask
from fastkm.geometry.regions import check_labels
from fastkm.raster.grid.axes import find_axes, has_dates
from fastkm.raster.grid.repeated_columns import drop_repeated_columns

if TYPE_CHECKING:
    import xarray as xr

Lag = int | Literal["year"]

BYTES_PER_READ = 1 << 26
"""Bytes of label maps that are read at a time: 64 maps of a quarter degree."""

PARTS = ("month", "day", "hour", "minute", "second", "microsecond")
"""Parts of a date, of which as many are compared as tell the steps of a year apart."""

MOST_LABELS = 4096
"""Labels have to be below this: a table of all pairs of them then takes 128 MB."""


def to_label_stack(labels: Any) -> xr.DataArray:
    """Return label maps as (time, y, x), without columns that repeat others, lazy if they are so.

    Raises
    ------
    TypeError
        If they are no `DataArray`.
    ValueError
        If they have no dimension of steps, or a further one beside rows and columns.
    """
    import xarray as xr

    if not isinstance(labels, xr.DataArray):
        raise TypeError(f"labels must be an xarray.DataArray, got {type(labels).__name__}")
    if labels.ndim != 3:
        raise ValueError(f"labels must have dimensions (time, y, x), got {labels.dims}")
    plane = find_axes(labels.isel({_find_steps(labels): 0}, drop=True))
    return drop_repeated_columns(labels.transpose(..., plane.y, plane.x))


def _find_steps(labels: xr.DataArray) -> str:
    """Return the dimension of the steps: the one of dates or called time, otherwise the first."""
    dated = [d for d in labels.dims if d in labels.coords and has_dates(labels[d])]
    called = [d for d in labels.dims if str(d).lower() in {"time", "t"}]
    return str([*dated, *called, labels.dims[0]][0])


def iterate_label_maps(stack: xr.DataArray) -> Iterator[np.ndarray]:
    """Yield each label map of a stack, (y, x) int8 or int32, negative where missing.

    Raises
    ------
    ValueError
        If a label is no whole number, or too large for a table of pairs.
    """
    time = str(stack.dims[0])
    for first, stop in cut_steps(stack):
        block = stack.isel({time: slice(first, stop)}).compute()
        values, missing = as_values_and_mask(block, "labels")
        for number in range(stop - first):
            own = values[number]
            yield _to_codes(own if missing is None else np.ma.MaskedArray(own, missing[number]))


def cut_steps(stack: xr.DataArray) -> list[tuple[int, int]]:
    """Return first and last (not included) of the steps that are read together."""
    together = max(1, BYTES_PER_READ // max(1, stack.dtype.itemsize * stack[0].size))
    cuts, first = [], 0
    for length in (len(stack),) if stack.chunks is None else stack.chunks[0]:
        stop = first + length
        cuts += [(start, min(start + together, stop)) for start in range(first, stop, together)]
        first = stop
    return cuts


def _to_codes(plane: np.ndarray) -> np.ndarray:
    """Return the labels of a map in the narrower of the types that the kernel takes."""
    values, missing = check_labels(plane)
    greatest = int(values.max(initial=-1))
    if greatest >= MOST_LABELS:
        raise ValueError(f"labels must be below {MOST_LABELS}, got {greatest}")
    if missing is not None:
        values = np.where(missing, -1, values)
    dtype = np.int8 if greatest < 128 else np.int32
    if values.dtype.kind == "i" and values.dtype.itemsize > np.dtype(dtype).itemsize:
        values = np.maximum(values, -1)  # so that no negative number wraps round
    return values.astype(dtype, copy=False)


def pair_steps(time: xr.DataArray, lag: Any) -> dict[int, int]:
    """Return the earlier step that each step is compared with, by number.

    A whole `lag` pairs each step with the one so many steps before, however far apart they are.
    "year" pairs the steps of one month in consecutive years or, if a month has several steps, those
    of one day, or hour, or whatever tells the steps apart.

    Examples
    --------
    >>> import xarray as xr
    >>> months = np.array(["2009-01-16", "2009-02-14", "2010-02-15"], "M8[ns]")
    >>> time = xr.DataArray(months, dims="time")
    >>> pair_steps(time, 1), pair_steps(time, "year")
    ({1: 0, 2: 1}, {2: 1})
    """
    count = time.size
    if lag != "year":
        if isinstance(lag, bool) or not isinstance(lag, (int, np.integer)) or lag < 1:
            raise ValueError(f"lag must be a whole number of at least 1 or 'year', got {lag!r}")
        return {later: later - int(lag) for later in range(int(lag), count)}
    if not has_dates(time):
        raise ValueError("lag='year' needs dates as the coordinate of time, and there are none")
    years = time.dt.year.values
    parts = np.stack([getattr(time.dt, name).values for name in PARTS], axis=1)
    for digits in range(1, len(PARTS) + 1):
        dates = [(int(y), *map(int, row[:digits])) for y, row in zip(years, parts, strict=True)]
        number = {date: i for i, date in enumerate(dates)}
        if len(number) == count:
            break
    else:
        raise ValueError("lag='year' needs steps of different times, got equal ones")
    before = {i: number.get((date[0] - 1, *date[1:])) for i, date in enumerate(dates)}
    return {later: earlier for later, earlier in before.items() if earlier is not None}


def list_months(time: xr.DataArray) -> list[int] | None:
    """Return the month of the year of each step; None if there are no dates."""
    return [int(month) for month in time.dt.month.values] if has_dates(time) else None
