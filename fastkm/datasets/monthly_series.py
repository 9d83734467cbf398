"""A sample archive: years of generated months of water vapour over the oceans, as files.

The longest runs of fastkm are those of archives, and the real ones (monthly precipitable water
since 1988) have to be downloaded. So the package makes its own, on any grid that divides a degree,
in the form of the sample (`fastkm.datasets.water_vapour`): land is -999, which ``_FillValue``
declares, ice is -500, which only ``valid_min`` gives away, and 1 or 2 % of the ocean are missing,
elsewhere each month. `fastkm.datasets._seasons` says what is drawn, and why it is the same on every
machine. Nothing is a measurement.

Files are netCDF-4 with one step a chunk, shuffle and zlib 4, as those of real archives, so that a
reader pays for decompression. Rounded to 0.01, an ocean cell takes 1.5 bytes, and land nothing. A
month at 0.25 degree takes 0.08 s on one core and 0.9 MB, and the process keeps below 150 MB.
"""

from __future__ import annotations

import re
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core.atomic_write import atomic_write
from fastkm._core.validation import require_choice, require_count
from fastkm.datasets._seasons import draw_month, make_grid
from fastkm.datasets.water_vapour import (
    LATITUDE_ATTRIBUTES,
    LONGITUDE_ATTRIBUTES,
    TIME_ATTRIBUTES,
    WATER_ATTRIBUTES,
)
from fastkm.raster.io.open import netcdf_lock, open_netcdf4
from fastkm.raster.io.write_netcdf import check_netcdf

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

EPOCH = np.datetime64("1988-01")
FIRST_YEAR, LAST_YEAR = 1800, 2199
FINEST = 10  # cells a degree; more would need over 1 GiB of maps

WIND_ATTRIBUTES = WATER_ATTRIBUTES | {
    "units": "m s-1",
    "long_name": "Monthly Average Wind Speed at 10 m over Ice-Free Oceans",
    "standard_name": "wind_speed",
    "valid_max": np.float32(50),
}
ATTRIBUTES = {"precipitable_water": WATER_ATTRIBUTES, "wind_speed": WIND_ATTRIBUTES}


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
        Where to write; made if it is missing. Files of the same names are replaced, others stay.
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

    Notes
    -----
    Each file is written whole or not at all, one step in memory at a time. The time is a whole
    number of days in the middle of the month, with bounds. The values are generated, not measured,
    and the same on every machine.

    Examples
    --------
    >>> import tempfile
    >>> from fastkm.datasets import write_sample_archive
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     files = write_sample_archive(folder, months=3, start="1997-11")
    ...     [file.name for file in files]
    ['pw_199711.nc', 'pw_199712.nc', 'pw_199801.nc']
    """
    # Check all arguments before anything is written.
    require_count("months", months)
    require_choice("layout", layout, ("monthly", "single"))
    if isinstance(variables, bool) or variables not in (1, 2):
        raise ValueError(f"variables must be 1 or 2, got {variables!r}")
    parts = count_parts(resolution)
    covered = number_months(start, int(months))
    names = tuple(ATTRIBUTES)[: int(variables)]

    # The months of each file.
    if layout == "single":
        contents = {Path(folder, "pw.nc"): covered}
    else:
        contents = {
            Path(folder, f"pw_{str(EPOCH + month).replace('-', '')}.nc"): range(month, month + 1)
            for month in covered
        }

    for path, inside in contents.items():
        with atomic_write(path, check_netcdf) as draft, open_netcdf4(draft, "w") as file:
            with netcdf_lock():
                _write_header(file, inside, parts, names)
            for position, month in enumerate(inside):
                if announce is not None:
                    announce(f"month {month - covered[0] + 1} of {months}")
                drawn = draw_month(month, parts)
                with netcdf_lock():
                    for name in names:
                        file[name][position] = drawn[name]
    return list(contents)


def count_parts(resolution: Any) -> int:
    """Return the number of cells a degree, or raise ValueError unless it is one of 1 to 10."""
    number = isinstance(resolution, Real)
    parts = round(1 / resolution) if number and 0.5 / FINEST < resolution < 1.5 else 0
    if not 1 <= parts <= FINEST or abs(parts * resolution - 1) > 1e-6:
        raise ValueError(
            f"resolution must be 1 degree or a whole part of it down to 1/{FINEST}, "
            f"such as 1.0, 0.5 or 0.25, got {resolution!r}"
        )
    return parts


def number_months(start: Any, months: int) -> range:
    """Return the numbers of some months from `start` on, counted from January 1988."""
    if not isinstance(start, str) or not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", start):
        raise ValueError(f"start must be a year and a month such as '1988-01', got {start!r}")
    first = int(np.datetime64(start) - EPOCH)
    earliest, end = (12 * (year - 1988) for year in (FIRST_YEAR, LAST_YEAR + 1))
    if first < earliest or first + months > end:
        raise ValueError(
            f"start and months must stay within {FIRST_YEAR} to {LAST_YEAR}, "
            f"got {start!r} and {months}"
        )
    return range(first, first + months)


def _write_header(file: Any, inside: range, parts: int, names: tuple[str, ...]) -> None:
    """Write attributes, dimensions, coordinates and times, and make the variables."""
    grid = make_grid(parts)
    rows, columns = grid.land.shape
    # The first day of each month, and of the month after the last.
    first_days = (EPOCH + np.arange(inside[0], inside[-1] + 2)).astype("M8[D]")
    file.setncatts(
        {
            "Conventions": "CF-1.6",
            "title": (
                "Generated sample of monthly mean total precipitable water on a "
                f"{round(1 / parts, 4)} degree grid"
            ),
            "source": (
                "Generated by formula in fastkm.datasets.monthly_series. "
                "Not a measurement, not a model's output."
            ),
            "comment": (
                "Generated by fastkm for examples, tests and benchmarks: the values mean nothing "
                "for any real month. Missing data and land are denoted by -999.0, ice by -500.0. "
                "Land after Natural Earth 1:110m, public domain."
            ),
            "time_coverage_start": f"{first_days[0]}T00:00:00Z",
            "time_coverage_end": f"{first_days[-1] - 1}T23:59:59Z",
        }
    )
    sizes = {"longitude": columns, "latitude": rows, "time": 1 if len(inside) == 1 else None}
    for name, size in (sizes | {"bounds": 2}).items():
        file.createDimension(name, size)

    # Coordinates. A step's time is the 16th or 15th of its month, its bounds are first days.
    days = (first_days - EPOCH).astype(int)
    bounds = np.column_stack([days[:-1], days[1:]])
    time_attributes = TIME_ATTRIBUTES | {"calendar": "standard", "bounds": "time_bounds"}
    for name, dtype, dimensions, values, attributes in (
        ("longitude", "f4", ("longitude",), grid.longitude, LONGITUDE_ATTRIBUTES),
        ("latitude", "f4", ("latitude",), grid.latitude, LATITUDE_ATTRIBUTES),
        ("time", "i4", ("time",), bounds.sum(axis=1) // 2, time_attributes),
        ("time_bounds", "i4", ("time", "bounds"), bounds, {}),
    ):
        coordinate = file.createVariable(name, dtype, dimensions)
        coordinate.setncatts(attributes)
        coordinate[:] = values

    # Variables. Steps are written whole; netCDF's cache would keep 16 and more of them.
    for name in names:
        others = dict(ATTRIBUTES[name])
        variable = file.createVariable(
            name, "f4", ("time", "latitude", "longitude"), fill_value=others.pop("_FillValue"),
            zlib=True, complevel=4, shuffle=True, chunksizes=(1, rows, columns), chunk_cache=1,
        )  # fmt: skip
        variable.setncatts(others)
