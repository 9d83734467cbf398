"""The dates of the steps of an input, as text.

Times are kept as ISO text, whose alphabetical order is the order of time in every calendar.
Calendars that agree on all dates of an input have one name: after the year 1582 ``gregorian`` and
``proleptic_gregorian`` are ``standard``, and ``365_day`` is always ``noleap``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core.attributes import read_text
from fastkm.raster.grid.axes import find_time, has_dates, is_called_time

if TYPE_CHECKING:
    import xarray as xr

_CALENDARS = {"gregorian": "standard", "365_day": "noleap", "366_day": "all_leap"}
_REFORM = "1582-10-15"


def find_time_dim(array: xr.DataArray) -> str | None:
    """Return the dimension of time: the one that has dates, or is called so."""
    dated = (str(d) for d in array.dims if d in array.coords and has_dates(array[d]))
    return next(dated, None) or find_time(array)


def find_time_coordinate(array: xr.DataArray, dim: str | None) -> xr.DataArray:
    """Return the dates of a variable: a coordinate along time, or one without dimensions."""
    if dim is None:
        dates = [c for c in array.coords.values() if not c.ndim and has_dates(c)]
        if not dates:
            raise ValueError(f"variable {array.name!r} has no time axis")
        # not that of a forecast's start
        return max(dates, key=_is_time)
    if dim not in array.coords:
        raise ValueError(f"time axis {dim!r} has no coordinate, so no dates")
    time = array[dim]
    if not has_dates(time):
        raise ValueError(
            f"time axis {dim!r} has no dates: its units are {time.attrs.get('units')!r}, "
            f"its calendar is {time.attrs.get('calendar', 'standard')!r}",
        )
    return time


def _is_time(coordinate: xr.DataArray) -> bool:
    """Return True if the attributes or the name of dates say that they are the time."""
    standard_name = read_text(coordinate.attrs, "standard_name")
    return standard_name == "time" or (not standard_name and is_called_time(str(coordinate.name)))


def format_times(time: xr.DataArray) -> tuple[tuple[str, ...], str]:
    """Return times as ISO text, and the name of their calendar."""
    values = np.ravel(time.values)
    if values.dtype.kind == "M":
        if np.isnat(values).any():
            raise ValueError(f"time axis {time.name!r} has missing dates")
        exact = (values.astype("datetime64[s]") == values).all()
        texts = tuple(np.datetime_as_string(values, unit="s" if exact else "ns").tolist())
    else:
        whole = all(not date.microsecond for date in values)
        texts = tuple(d.isoformat(timespec="seconds" if whole else "microseconds") for d in values)
    if not all(text[:4].isdigit() and text[4] == "-" for text in texts):
        raise ValueError(f"years must be 0 to 9999, got {min(texts)} to {max(texts)}")
    calendar = _find_calendar(time)
    if calendar == "proleptic_gregorian" and min(texts) >= _REFORM:
        calendar = "standard"
    return texts, calendar


def _find_calendar(time: xr.DataArray) -> str:
    """Return the calendar of dates: that of their type or, for numpy's, that of their file."""
    own = getattr(time.values.flat[0], "calendar", time.encoding.get("calendar", "standard"))
    return _name_calendar(own)


def _name_calendar(calendar: object) -> str:
    name = str(calendar).lower()
    return _CALENDARS.get(name, name)


def describe_time(time: xr.DataArray) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the attributes of a coordinate of time, and the units and the type it is stored in."""
    attrs = {k: v for k, v in time.attrs.items() if k not in {"bounds", "climatology"}}
    encoding = {k: time.encoding[k] for k in ("units", "calendar") if k in time.encoding}
    if _name_calendar(encoding.get("calendar", "standard")) != _find_calendar(time):
        encoding = {"calendar": _find_calendar(time)}  # dates were converted since they were read
    dtype = np.dtype(time.encoding.get("dtype", "f8")).newbyteorder("=").str
    return attrs, {**encoding, "dtype": dtype}
