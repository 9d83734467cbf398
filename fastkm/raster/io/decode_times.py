"""Decode the times of a file to dates, as far as it says what they mean.

xarray decodes times of units such as "days since 2000-01-01", in the calendars that cftime knows.
Here the others are put in days first, if their meaning is clear: weeks; common years where all have
365 days; months and years. In a calendar without leap years, or of 30 days a month, these have one
length. In any other a whole month leads to the same day of a later month, and half a month from
there to the middle between that day and the next such day, as climatologies mean it. Other
fractions of a month are ambiguous, and no dates.

Times may also be texts (ISO 8601, or with WRF's underscore), and a dimension of time without dates
of its own takes those of a variable along it, such as WRF's ``XTIME`` and ``Times``.

Only coordinates are decoded: a raster of dates, such as those of snow melt, stays a raster of
numbers. Times that cannot be decoded stay as they are, and do not keep the data from being read.
"""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core.attributes import read_text
from fastkm._core.notes import warn_user
from fastkm.raster.grid.axes import has_dates, is_called_time
from fastkm.raster.io.clean_dataset import decode_numbers

if TYPE_CHECKING:
    import xarray as xr

_UNITS = re.compile(r"\s*(\w+)\s+since\s+(.+)", re.IGNORECASE | re.DOTALL)
_CLAIM = re.compile(r"\bsince\b|\bas\s+%", re.IGNORECASE)
_SHORT_YEAR = re.compile(r"\A\d{1,3}(?=-)")
_ISO = re.compile(r"\d{4}-\d\d(-\d\d([T _]\d\d:\d\d(:\d\d(\.\d+)?)?)?)?Z?")

NAMES = {
    **dict.fromkeys(("microsec", "microsecs"), "microseconds"),
    **dict.fromkeys(("millisec", "millisecs", "msec", "msecs", "ms"), "milliseconds"),
    **dict.fromkeys(("sec", "secs", "s"), "seconds"),
    **dict.fromkeys(("min", "mins"), "minutes"),
    **dict.fromkeys(("hr", "hrs", "h"), "hours"),
    "d": "days",
}
"""Names for short names of units, which xarray reads but does not write."""

WEEK = {"week": 7, "weeks": 7}
"""Days of units that no library reads."""

_YEARS = ("common_year", "common_years", "year", "years")

DAYS_IN_CALENDAR = {
    "360_day": {"month": 30, "months": 30, "year": 360, "years": 360},
    **{c: dict.fromkeys(_YEARS, 365) for c in ("noleap", "365_day")},
    **{c: {"year": 366, "years": 366} for c in ("all_leap", "366_day")},
}
"""Days of units that have one length in a calendar."""

MONTHS = {"month": 1, "months": 1, "year": 12, "years": 12}
"""Months of units whose length differs."""

DECODING_ERRORS = (ValueError, OverflowError, TypeError, KeyError, ArithmeticError)
"""What xarray and cftime raise at times that they cannot decode."""

TEXT = "SUTO"
"""Kinds of types that texts have."""

IRI_CALENDAR = "360"
"""The name of the IRI Data Library for ``360_day``."""

ROUNDING = 5e-3
"""Share of a month by which years stored in single precision differ from halves of months."""


def decode_times(dataset: xr.Dataset) -> xr.Dataset:
    """Return a dataset, opened without decoding times, with dates in place of its coordinates."""
    decoded = {
        str(name): dates
        for name, variable in dataset.coords.variables.items()
        if variable.dtype.kind not in TEXT or is_called_time(str(name))
        if (dates := _decode_variable(str(name), variable)) is not None
    }
    for dim in map(str, dataset.dims):
        if dim not in decoded and (is_called_time(dim) or _claims_dates(dataset.variables, dim)):
            dates = _find_dates_along(dataset, dim, decoded)
            if dates is not None:
                decoded[dim] = dates
    return dataset.assign_coords(decoded) if decoded else dataset


def note_unknown_dates(array: xr.DataArray, dim: str) -> None:
    """Warn if the file says that a dimension has dates, but not all are known."""
    time = array.coords.get(dim)
    if time is None:
        return
    units = read_text({**time.attrs, **time.encoding}, "units")
    if not has_dates(time):
        if time.dtype.kind in TEXT or _CLAIM.search(units):
            said = f"its units are {units!r}" if units else f"it begins with {time.values.flat[0]}"
            warn_user(f"the dates of {dim!r} are not known: {said}")
    elif _is_missing(time.values).any():
        warn_user(f"some dates of {dim!r} are missing")


def drop_unknown_dates(array: xr.DataArray) -> xr.DataArray:
    """Drop the coordinates that xarray would not read from a file again: unknown dates."""
    return array.drop_vars([n for n, c in array.coords.items() if not _is_readable(c.variable)])


def _is_readable(coordinate: xr.Variable) -> bool:
    from xarray.conventions import decode_cf_variable

    if has_dates(coordinate):
        return not _is_missing(coordinate.values).any()
    if not _CLAIM.search(read_text(coordinate.attrs, "units")):
        return True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            decode_cf_variable("", coordinate, decode_timedelta=False).load()
    except DECODING_ERRORS:
        return False
    return True


def _is_missing(dates: Any) -> np.ndarray:
    values = np.asarray(dates)
    return np.isnat(values) if values.dtype.kind == "M" else np.asarray(values != values)  # noqa: PLR0124


def _claims_dates(variables: Any, dim: str) -> bool:
    return dim in variables and bool(_CLAIM.search(read_text(variables[dim].attrs, "units")))


def _decode_variable(name: str, variable: xr.Variable) -> xr.Variable | None:
    """Decode the times of a variable; None if it has none, or it is not clear what they mean."""
    if variable.ndim > 1 or not variable.size or has_dates(variable):
        return None
    if variable.dtype.kind in TEXT:
        return _parse_texts(variable)
    if variable.dtype.kind not in "iuf" or not _UNITS.match(read_text(variable.attrs, "units")):
        return None
    from xarray.conventions import decode_cf_variable

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # dates beyond nanoseconds become cftime's
            numbers = _put_in_days(decode_numbers(name, variable).load())
            dates = decode_cf_variable(name, numbers, decode_timedelta=False).load()
    except DECODING_ERRORS:
        return None
    if dates.encoding.keys() & {"scale_factor", "add_offset"}:  # of times that were packed
        dates.encoding["dtype"] = np.dtype(np.float64)
    return dates


def _parse_texts(variable: xr.Variable) -> xr.Variable | None:
    """Return texts as dates; None if one of them is no date."""
    import xarray as xr

    texts = [t.decode("ascii", "replace") if isinstance(t, bytes) else str(t)
             for t in np.ravel(variable.values)]  # fmt: skip
    texts = [text.strip(" \0") for text in texts]
    if not all(map(_ISO.fullmatch, texts)):
        return None
    try:
        dates = np.array([t.rstrip("Z").replace("_", "T") for t in texts], "datetime64[us]")
    except ValueError:  # the 13th month
        return None
    attrs = {name: v for name, v in variable.attrs.items() if name not in {"units", "calendar"}}
    return xr.Variable(variable.dims, dates.reshape(variable.shape), attrs)


def _put_in_days(times: xr.Variable) -> xr.Variable:
    """Return times in days, or in a unit of another name, if xarray does not know their unit.

    Raise ValueError if it is not clear what they mean.
    """
    import xarray as xr

    found = _UNITS.match(read_text(times.attrs, "units"))
    given = read_text(times.attrs, "calendar", "standard").lower()
    calendar = "360_day" if given == IRI_CALENDAR else given
    unit, given_start = (found[1].lower(), found[2]) if found else ("", "")
    # the year comes first, as xarray says in a warning each time
    since = _SHORT_YEAR.sub(lambda year: year[0].zfill(4), given_start, count=1)
    lengths = {**WEEK, **DAYS_IN_CALENDAR.get(calendar, {})}
    values = np.asarray(times.values, np.float64)
    if unit in lengths:
        values = values * lengths[unit]
    elif unit in MONTHS:
        values = _count_days(values * MONTHS[unit], f"days since {since}", calendar)
    elif calendar == given and unit not in NAMES and since == given_start:
        return times
    else:
        attrs = {"units": f"{NAMES.get(unit, unit)} since {since}", "calendar": calendar}
        return xr.Variable(times.dims, times, {**times.attrs, **attrs}, times.encoding)
    attrs = {**times.attrs, "units": f"days since {since}", "calendar": calendar}
    return xr.Variable(times.dims, values, attrs, {"dtype": np.dtype(np.float64)})


def _count_days(months: np.ndarray, units: str, calendar: str) -> np.ndarray:
    """Return the days to dates that are whole or half months after the date in `units`."""
    import cftime  # type: ignore[import-untyped]

    start = cftime.num2date(0, units, calendar)
    halves = np.round(2 * months)
    if np.nanmax(np.abs(2 * months - halves), initial=0.0) > 2 * ROUNDING:
        raise ValueError("fractions of months are ambiguous, except halves")

    def count(month: int) -> float:
        year, index = divmod(start.year * 12 + start.month - 1 + month, 12)
        first = start.replace(year=year, month=index + 1, day=1)
        date = first.replace(day=min(start.day, first.daysinmonth))
        return float(cftime.date2num(date, units, calendar))

    days = np.full(months.shape, np.nan)
    for position, half in np.ndenumerate(halves):
        if np.isfinite(half):
            whole = int(half // 2)
            days[position] = (count(whole) + count(whole + int(half % 2))) / 2
    return days


def _find_dates_along(
    dataset: xr.Dataset, dim: str, decoded: dict[str, xr.Variable]
) -> xr.Variable | None:
    """Return the dates of a variable along a dimension, as its coordinate; None if not clear."""
    others = {
        str(name): dates
        for name, variable in dataset.data_vars.variables.items()
        if variable.dims == (dim,) and (dates := _decode_variable(str(name), variable)) is not None
    }
    along = [dates for dates in {**decoded, **others}.values() if dates.dims == (dim,)]
    named = [dates for dates in along if read_text(dates.attrs, "standard_name") == "time"]
    likely = named or along
    said = {tuple(str(date)[:19].replace(" ", "T") for date in dates.values) for dates in likely}
    return likely[0] if len(said) == 1 else None
