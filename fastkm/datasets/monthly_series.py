"""A sample archive: years of generated months of water vapour over the oceans, as files.

Archives are what fastkm's longest runs are for, and the real ones (monthly precipitable water since
1988) have to be downloaded. So the package makes its own, on any grid that divides a degree. Its form
is the sample's (`fastkm.datasets.water_vapour`), trap for trap: land at -999, which ``_FillValue`` declares,
and ice at -500, which only ``valid_min`` gives away; and 1 or 2 % of the ocean are missing, elsewhere
each month, and marked as land is. What is drawn, and why it is the same on every machine, stands in
`fastkm.datasets._seasons`. Nothing is a measurement.

Files are written as archives' files are: netCDF-4, one step a chunk, shuffle and zlib 4, so a reader
pays for inflating. Rounded to 0.01, an ocean cell holds some 12 bits, and that is what is stored:
1.5 bytes a cell of ocean, nothing for land. Values that are not rounded would take twice
that.

A month at 0.25 degree takes 0.08 s on one core, half of it to deflate; a process that writes keeps
below 150 MB.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from itertools import pairwise
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core.atomic_write import atomic_write
from fastkm._core.validation import require_choice, require_count
from fastkm.datasets import _seasons
from fastkm.datasets._one_month import LAND
from fastkm.datasets.water_vapour import (
    LATITUDE_ATTRIBUTES,
    LONGITUDE_ATTRIBUTES,
    TIME_ATTRIBUTES,
    WATER_ATTRIBUTES,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

_EPOCH = date(1988, 1, 1)
_YEARS = (1800, 2199)
_FINEST = 10  # cells a degree; more would need over 1 GiB of maps
_LAYOUTS = ("monthly", "single")

_WIND_ATTRIBUTES = {
    "_FillValue": np.float32(LAND),
    "units": "m s-1",
    "long_name": "Monthly Average Wind Speed at 10 m over Ice-Free Oceans",
    "standard_name": "wind_speed",
    "valid_min": np.float32(0),
    "valid_max": np.float32(50),
    "missing_value": np.float32(LAND),
}
_VARIABLES = {"precipitable_water": WATER_ATTRIBUTES, "wind_speed": _WIND_ATTRIBUTES}


def _per_degree(resolution: Any) -> int:
    """Give the cells a degree of a resolution.

    Raises
    ------
    ValueError
        If it is not a degree divided by 1 to 10.
    """
    number = isinstance(resolution, Real)
    parts = round(1 / resolution) if number and 0.5 / _FINEST < resolution < 1.5 else 0
    if not 1 <= parts <= _FINEST or abs(parts * resolution - 1) > 1e-6:
        raise ValueError(
            f"resolution must be 1 degree or a whole part of it down to 1/{_FINEST}, "
            f"such as 1.0, 0.5 or 0.25, got {resolution!r}"
        )
    return parts


def _months(start: Any, months: int) -> range:
    """Give months, counted from January 1988.

    Raises
    ------
    ValueError
        If `start` is not a year and month, or a month lies outside of 1800 to 2199.
    """
    found = re.fullmatch(r"([0-9]{4})-(0[1-9]|1[0-2])", start) if isinstance(start, str) else None
    if not found:
        raise ValueError(f"start must be a year and a month such as '1988-01', got {start!r}")
    first = 12 * (int(found[1]) - _EPOCH.year) + int(found[2]) - 1
    covered = range(first, first + months)
    first_year, last_year = (_EPOCH.year + month // 12 for month in (covered[0], covered[-1]))
    if first_year < _YEARS[0] or last_year > _YEARS[1]:
        raise ValueError(
            f"start and months must stay within {_YEARS[0]} to {_YEARS[1]}, "
            f"got {start!r} and {months}"
        )
    return covered


def _require_step(step: Any) -> None:
    """Raise ValueError unless a step is an integer of at least 0."""
    if not isinstance(step, Integral) or step < 0:
        raise ValueError(f"step must be an integer of at least 0, got {step!r}")


def _first_day(month: int) -> date:
    return date(_EPOCH.year + month // 12, month % 12 + 1, 1)


def sample_step(
    step: int,
    resolution: float = 1.0,
    *,
    start: str = "1988-01",
    variable: str = "precipitable_water",
) -> _seasons.Map:
    """Make one step of a sample archive, without the steps before.

    Parameters
    ----------
    step : int
        Months since `start`, from 0.
    resolution : float
        Size of a cell in degrees: 1, or a whole part of it down to 1/10.
    start : str
        Year and month of step 0, such as ``"1988-01"``.
    variable : {'precipitable_water', 'wind_speed'}
        In kg m-2, or in m s-1.

    Returns
    -------
    (180 / resolution, 360 / resolution) float32 array
        As the file holds it: from south to north and from 0 degrees eastward; land and gaps are
        -999, sea ice is -500. The array is new, and the caller's.

    Raises
    ------
    ValueError
        If an argument is none of the above, or the month lies outside of 1800 to 2199.

    See Also
    --------
    write_sample_archive : many of them, as files.

    Notes
    -----
    The values are generated, not measured, and the same on every machine.

    Examples
    --------
    >>> from fastkm.datasets.monthly_series import sample_step
    >>> july = sample_step(6, 0.5)
    >>> july.shape, july.dtype
    ((360, 720), dtype('float32'))
    >>> (july == sample_step(0, 0.5, start="1988-07")).all()
    np.True_
    """
    _require_step(step)
    require_choice("variable", variable, tuple(_VARIABLES))
    parts = _per_degree(resolution)
    return _seasons.drawn(_months(start, int(step) + 1)[-1], parts)[variable]


def write_sample_archive(
    folder: str | os.PathLike[str],
    *,
    months: int = 120,
    resolution: float = 1.0,
    start: str = "1988-01",
    layout: str = "monthly",
    variables: int = 1,
    announce: Callable[[str], None] | None = None,
) -> list[Path]:
    """Write a sample archive: generated months of precipitable water, as netCDF files.

    Parameters
    ----------
    folder : path-like
        Where to write; made where it is missing. Files of the same names are replaced, others stay.
    months : int
        How many steps to write, one a month.
    resolution : float
        Size of a cell in degrees: 1, or a whole part of it down to 1/10.
    start : str
        Year and month of the first step, such as ``"1988-01"``.
    layout : {'monthly', 'single'}
        A file a month, ``pw_198801.nc`` and so on, or all in ``pw.nc``.
    variables : {1, 2}
        With 2, ``wind_speed`` stands beside ``precipitable_water``, missing at the same cells.
    announce : callable, optional
        Called with a text such as ``"month 3 of 120"`` before each step.

    Returns
    -------
    list of pathlib.Path
        The files, in the order of time.

    Raises
    ------
    ValueError
        If an argument is none of the above, or a month lies outside of 1800 to 2199.
    OSError
        If a file cannot be written; those before it stay.

    See Also
    --------
    sample_step : the values of one step, in memory.

    Notes
    -----
    Each file is written whole or not at all, one step in memory at a time. Steps are chunks, with zlib
    4 and shuffle: 0.9 MB a month at 0.25 degree, 0.1 MB at 1 degree. The time is a whole number of days
    in the middle of the month, with bounds.

    Examples
    --------
    >>> import tempfile
    >>> from fastkm.datasets.monthly_series import write_sample_archive
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     files = write_sample_archive(folder, months=3, start="1997-11")
    ...     [file.name for file in files]
    ['pw_199711.nc', 'pw_199712.nc', 'pw_199801.nc']
    """
    require_count("months", months)
    require_choice("layout", layout, _LAYOUTS)
    if isinstance(variables, bool) or variables not in (1, 2):
        raise ValueError(f"variables must be 1 or 2, got {variables!r}")
    parts = _per_degree(resolution)
    covered = _months(start, int(months))
    names = tuple(_VARIABLES)[: int(variables)]
    if layout == "single":
        contents = {Path(folder, "pw.nc"): covered}
    else:
        contents = {
            Path(folder, f"pw_{_first_day(month):%Y%m}.nc"): range(month, month + 1)
            for month in covered
        }
    for path, inside in contents.items():
        with _writing(path, inside, parts, names) as file:
            for position, month in enumerate(inside):
                if announce is not None:
                    announce(f"month {month - covered[0] + 1} of {months}")
                drawn = _seasons.drawn(month, parts)
                for name in names:
                    file[name][position] = drawn[name]
    return list(contents)


@contextmanager
def _writing(path: Path, inside: range, parts: int, names: tuple[str, ...]) -> Iterator[Any]:
    """Open a netCDF file that lacks its values only, and move it into place in the end.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    import netCDF4

    with atomic_write(path) as draft:
        try:
            with netCDF4.Dataset(draft, "w", format="NETCDF4") as file:
                _fill_in(file, inside, parts, names)
                yield file
        except RuntimeError as error:  # what netCDF4 raises when the disk is full
            if not str(error).startswith("NetCDF"):
                raise
            raise OSError(f"cannot write {path}: {error}") from error


def _fill_in(file: Any, inside: range, parts: int, names: tuple[str, ...]) -> None:
    grid = _seasons.grid_of(parts)
    shape = (len(inside), *grid.land.shape)
    dimensions = ("time", "latitude", "longitude")
    file.setncatts(_global_attributes(inside, parts))
    for name, size in (("longitude", shape[2]), ("latitude", shape[1]), ("time", shape[0])):
        file.createDimension(name, None if name == "time" and size > 1 else size)
    file.createDimension("bounds", 2)
    for name, attributes in (
        ("longitude", LONGITUDE_ATTRIBUTES),
        ("latitude", LATITUDE_ATTRIBUTES),
    ):
        file.createVariable(name, "f4", (name,)).setncatts(attributes)
        file[name][:] = getattr(grid, name)
    time = file.createVariable("time", "i4", ("time",))
    time.setncatts(TIME_ATTRIBUTES | {"calendar": "standard", "bounds": "time_bounds"})
    bounds = file.createVariable("time_bounds", "i4", ("time", "bounds"))
    days = [(_first_day(month) - _EPOCH).days for month in range(inside[0], inside[-1] + 2)]
    time[:] = [(first + last) // 2 for first, last in pairwise(days)]  # the 16th, or 15th
    bounds[:] = list(pairwise(days))
    for name in names:
        variable = file.createVariable(
            name,
            "f4",
            dimensions,
            fill_value=np.float32(LAND),
            zlib=True,
            complevel=4,
            shuffle=True,
            chunksizes=(1, *shape[1:]),
            chunk_cache=1,  # steps are written whole; the library would keep 16 and more of them
        )
        variable.setncatts({k: v for k, v in _VARIABLES[name].items() if k != "_FillValue"})


def _global_attributes(inside: range, parts: int) -> dict[str, str]:
    first, last = _first_day(inside[0]), _first_day(inside[-1])
    days = calendar.monthrange(last.year, last.month)[1]
    return {
        "Conventions": "CF-1.6",
        "title": (
            "Generated sample of monthly mean total precipitable water on a "
            f"{round(1 / parts, 4)} degree grid"
        ),
        "source": (
            "Generated by formula in fastkm.datasets.monthly_series. Not a measurement, not a model's "
            "output."
        ),
        "comment": (
            "Generated by fastkm for examples, tests and benchmarks: the values mean nothing for any "
            "real month. Missing data and land are denoted by -999.0, ice by -500.0. Land after "
            "Natural Earth 1:110m, public domain."
        ),
        "time_coverage_start": f"{first}T00:00:00Z",
        "time_coverage_end": f"{last.replace(day=days)}T23:59:59Z",
    }
