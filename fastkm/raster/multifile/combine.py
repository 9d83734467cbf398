"""Combine scanned files into a series, and find out which of them do not fit.

The first input sets the standard: the others must have its grid, its variables and their units.
They may store them in another type or packing. An input that does not fit is a fault, and so is a
step whose time an earlier step has already. The caller decides whether a fault ends the work, or is
noted and left out. Two calendars in one series are not the fault of one of the inputs, and always
an error: neither the order of time nor a climatology would mean anything.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core.attributes import find_grid_mapping
from fastkm._core.memory import require_memory
from fastkm.errors import ArchiveError
from fastkm.raster.grid.axes import Axes, has_dates
from fastkm.raster.io.choose import Sel, open_variables
from fastkm.raster.io.mask_file import require_mask
from fastkm.raster.io.read_netcdf import BYTES_PER_BYTE, Bbox, crop
from fastkm.raster.multifile.grid_window import GridWindow, restrict_to_mask
from fastkm.raster.multifile.read_steps import (
    find_decoded_format,
    find_stored_format,
    make_decoding_key,
)
from fastkm.raster.multifile.scan import (
    FileInfo,
    StoredVariable,
    find_inputs,
    make_short_names,
    scan_file,
)
from fastkm.raster.multifile.series import (
    NANOSECOND_YEARS,
    Missing,
    RasterSeries,
    Step,
    VariableFormats,
)

if TYPE_CHECKING:
    import xarray as xr

    from fastkm._core.nodata import Nodata

TOLERANCE = 1e-3
"""Share of a cell by which coordinates of two inputs may differ: float32 beside float64."""


def open_archive(
    files: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    variable: str | Sequence[str] | None = None,
    *,
    bbox: Bbox | None = None,
    mask: str | os.PathLike[str] | None = None,
    mask_share: float | None = None,
    years: tuple[int, int] | None = None,
    sel: Sel | None = None,
    nodata: Nodata = None,
    missing: Missing = "mask",
    steps_per_chunk: int | None = None,
) -> xr.DataArray | xr.Dataset:
    """Open a series of rasters in netCDF files or Zarr stores as one lazy array.

    Parameters
    ----------
    files : path-like or sequence of path-like
        Files, stores, folders and globs; see `fastkm.raster.multifile.scan.find_inputs`.
    variable : str or sequence of str, optional
        The variable or variables; may be left out if the files have just one raster.
    bbox : (west, south, east, north), optional
        Keep the cells with centres inside, as for `fastkm.read_raster`.
    mask, mask_share : path-like and float, optional
        A raster on the same grid, or polygons, and which cells they keep: see `fastkm.open_raster`.
    years : (int, int), optional
        First and last year.
    sel : mapping of str to float, int or str, optional
        The values at which further dimensions are fixed, as for `fastkm.read_raster`.
    nodata : float or sequence of float, optional
        Further values that mean missing, as for `fastkm.read_raster`.
    missing : {"mask", "keep"}
        "mask" sets missing cells to NaN. "keep" returns the numbers as stored, with the attributes
        that say which are missing; if the files differ in these, missing cells are NaN all the
        same.
    steps_per_chunk : int, optional
        Steps of time in a block of dask; by default as many as are stored together, but no more
        than some 64 MB.

    Returns
    -------
    xarray.DataArray or xarray.Dataset
        Arrays of dask with the dimensions (time, y, x) under their own names, in the order of
        time; a dataset for several variables.

    Raises
    ------
    ArchiveError
        If a file cannot be used, or a step of time comes twice.
    ValueError
        If files have different calendars, nothing is left, or an option is not valid.
    OSError
        If nothing matches, or the mask cannot be read.
    ImportError
        If dask is not installed, or there is a store and zarr is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from fastkm.datasets.water_vapour import write_sample
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_sample(f"{folder}/sample.nc")
    ...     water = open_archive(folder, bbox=(0, -30, 360, 30))
    ...     water.dims, water.shape, round(float(water.max()), 1)
    (('time', 'latitude', 'longitude'), (1, 60, 360), 57.2)
    """
    paths = find_inputs(files)
    infos = [
        scan_file(path, variable, name=name, sel=sel, nodata=nodata)
        for path, name in zip(paths, make_short_names(paths), strict=True)
    ]
    series = combine_files(infos, years=years, bbox=bbox, mask=mask, mask_share=mask_share)
    return series.as_dask(missing=missing, steps_per_chunk=steps_per_chunk)


def raise_fault(fault: ArchiveError) -> None:
    """Raise a fault."""
    raise fault


def combine_files(
    infos: Sequence[FileInfo],
    *,
    years: tuple[int, int] | None = None,
    bbox: Bbox | None = None,
    mask: str | os.PathLike[str] | None = None,
    mask_share: float | None = None,
    on_fault: Callable[[ArchiveError], None] = raise_fault,
) -> RasterSeries:
    """Combine inputs into a series; see `open_archive` for `bbox`, `mask` and `mask_share`.

    Parameters
    ----------
    infos : sequence of FileInfo
        The inputs; all others must fit the first.
    years : (int, int), optional
        First and last year. Steps of other years, and inputs without a step in these years, are
        ignored.
    on_fault : callable, optional
        Called with each fault; it may raise the fault (as it does by default) or keep it, in which
        case the input or step is left out.

    Raises
    ------
    ArchiveError
        From `on_fault`: another grid, variable or units, or a time that an earlier input has.
    ValueError
        If inputs have different calendars, nothing is left, or `years`, `bbox` or `mask` is not
        valid.
    OSError
        If the mask, or the first input, cannot be read.
    """
    require_mask(mask, mask_share)
    first_year, last_year = parse_years(years)
    inputs: list[FileInfo] = []
    found: list[tuple[str, int, int]] = []
    owner: dict[str, str] = {}
    for info in infos:
        years_of_steps = [int(time[:4]) for time in info.times]
        chosen = [i for i, year in enumerate(years_of_steps) if first_year <= year <= last_year]
        if not chosen:
            continue
        # does the input fit the first one?
        if inputs:
            if info.calendar != inputs[0].calendar:
                raise ValueError(
                    f"the inputs must have one calendar, but {inputs[0].name} has "
                    f"{inputs[0].calendar!r} and {info.name} has {info.calendar!r}"
                )
            mismatch = _find_mismatch(inputs[0], info)
            if mismatch is not None:
                on_fault(ArchiveError(info.name, "", mismatch))
                continue
        # which of its steps are new?
        fresh = []
        for index in chosen:
            time = info.times[index]
            if time in owner:
                reason = f"is in {owner[time]} already"
                on_fault(ArchiveError(info.name, shorten_times([time])[0], reason))
                continue
            owner[time] = info.name
            fresh.append((time, len(inputs), index))
        if fresh:
            found += fresh
            inputs.append(info)
    if not found:
        span = "" if years is None else f" of the years {first_year} to {last_year}"
        raise ValueError(f"no step{span} is left of {len(infos)} inputs")
    series = _make_series(inputs, sorted(found), bbox, with_mask=mask is not None)
    if mask is None:
        return series
    window = restrict_to_mask(series.window, series.make_template(), mask, mask_share)
    return replace(series, window=window)


def parse_years(years: Any) -> tuple[int, int]:
    """Return the first and the last year, or raise."""
    if years is None:
        return 0, 9999
    try:
        first, last = (int(year) for year in years)
    except (TypeError, ValueError):
        raise ValueError(f"years must be the first and the last year, got {years!r}") from None
    if first > last:
        raise ValueError(f"years must not end before they begin, got {first} to {last}")
    return first, last


def _find_mismatch(first: FileInfo, other: FileInfo) -> str | None:
    """Describe why an input does not fit the first one; return None if it does."""
    for own, wanted in zip(other.variables, first.variables, strict=True):
        if own.name != wanted.name:
            return f"has the variable {own.name!r}, {first.name} has {wanted.name!r}"
        if own.units != wanted.units:
            return f"other units of {own.name!r}: {own.units!r}, {first.name} has {wanted.units!r}"
    differs = _find_grid_mismatch(first, other)
    return None if differs is None else f"other grid: {differs}"


def _find_grid_mismatch(first: FileInfo, other: FileInfo) -> str | None:
    """Describe in what two grids differ; return None if they do not."""
    if other.shape != first.shape:
        own, wanted = (" x ".join(map(str, info.shape)) for info in (other, first))
        return f"{own} cells, {first.name} has {wanted}"
    axes = first.variables[0].axes
    for dim, x, first_x in ((axes.y, other.y, first.y), (axes.x, other.x, first.x)):
        if not _is_same_coordinate(x, first_x):
            return f"{dim} is {_format_span(x)}, in {first.name} {_format_span(first_x)}"
    if other.cells_digest != first.cells_digest:
        return f"its cells have other coordinates than those of {first.name}"
    if other.crs and first.crs and other.crs != first.crs:
        return f"its reference system is not that of {first.name}"
    return None


def _is_same_coordinate(own: np.ndarray | None, wanted: np.ndarray | None) -> bool:
    """Return True if coordinates are the same except for rounding."""
    if own is None or wanted is None:
        return own is wanted
    step = np.abs(np.diff(wanted)).min() if len(wanted) > 1 else 1.0
    return bool((np.abs(own - wanted) <= TOLERANCE * step).all())


def _format_span(centres: np.ndarray | None) -> str:
    if centres is None:
        return "without coordinate"
    middle = f", {centres[1]:.9g}, ..." if len(centres) > 2 else ""
    return f"{centres[0]:.9g}{middle} to {centres[-1]:.9g}"


def _make_series(
    inputs: list[FileInfo],
    found: list[tuple[str, int, int]],
    bbox: Bbox | None,
    *,
    with_mask: bool,
) -> RasterSeries:
    """Make the series of inputs that fit, and of steps (time, input, index) in order of time."""
    # the cells to read
    first = inputs[0]
    grid, rows, columns = _crop_grid(first, bbox)
    bbox = None if bbox is None else (*map(float, bbox),)  # type: ignore[assignment]
    window = GridWindow(_as_slice(rows), _as_slice(columns), (len(rows), len(columns)), bbox=bbox)
    inputs = _share_common_values(inputs)
    # how each variable comes out, as stored and decoded
    formats = []
    for number, variable in enumerate(first.variables):
        distinct = {id(info.variables[number]): info.variables[number] for info in inputs}
        ways = list(distinct.values())
        stored = find_stored_format(ways, with_mask=with_mask)
        decoded = find_decoded_format(ways)
        formats.append(VariableFormats(variable.name, variable.units, stored, decoded))
    require_memory(
        BYTES_PER_BYTE
        * (len(rows) * len(columns))
        * sum(np.dtype(variable.decoded.dtype).itemsize for variable in formats),
        f"{first.name}: one step of {len(rows)} x {len(columns)} cells",
        "take a part of it with bbox (--bbox)",
    )
    # the steps, and how their dates are represented
    times = [time for time, _, _ in found]
    low, high = NANOSECOND_YEARS
    return RasterSeries(
        inputs=tuple(inputs),
        steps=tuple(
            Step(source, index, text)
            for text, (_, source, index) in zip(shorten_times(times), found, strict=True)
        ),
        formats=tuple(formats),
        calendar=first.calendar,
        window=window,
        grid=grid,
        dims=(first.time_name, first.variables[0].axes.y, first.variables[0].axes.x),
        uses_numpy_dates=first.calendar == "standard" and low <= times[0] and times[-1] < high,
        time_attrs=first.time_attrs,
        time_encoding=_choose_time_encoding(inputs),
    )


def _crop_grid(first: FileInfo, bbox: Bbox | None) -> tuple[xr.Dataset, np.ndarray, np.ndarray]:
    """Return the coordinates of the grid after `bbox`, and the numbers of its rows and columns."""
    variable = first.variables[0]
    time, y, x = variable.axes
    with open_variables(first.path, [variable.name], decode=False) as [opened]:
        array = opened.array.isel(variable.positions)
        if time is not None:
            array = array.isel({time: 0}, drop=True)
        array = array.squeeze([d for d in array.dims if d not in {y, x}], drop=True)
        # dates that are no dimension, such as those of a forecast's start, differ between inputs
        dated = [n for n, c in array.coords.items() if has_dates(c) and n not in variable.positions]
        array = array.transpose(y, x).drop_vars([first.time_name, *dated], errors="ignore")
        # number rows and columns before they are cropped, so that the numbers are cropped with them
        numbered = array.copy(data=np.broadcast_to(np.int8(0), array.shape))
        numbered = numbered.assign_coords(
            {_ROW: (y, np.arange(array.sizes[y])), _COLUMN: (x, np.arange(array.sizes[x]))}
        )
        cropped = crop(numbered, Axes(None, y, x), bbox)
        rows, columns = (np.asarray(cropped[name].values) for name in (_ROW, _COLUMN))
        grid = describe_grid(cropped.drop_vars([_ROW, _COLUMN]))
    first.require_unchanged()
    return grid, rows, columns


def describe_grid(plane: xr.DataArray) -> xr.Dataset:
    """Return the coordinates of a raster, loaded; an attribute names its grid mapping, if any."""
    grid = plane.coords.to_dataset().load()
    for name in grid.variables:
        grid[name].encoding = {
            k: v for k, v in grid[name].encoding.items() if k in {"dtype", "bounds"}
        }
    crs = find_grid_mapping(plane)
    grid.attrs = {} if crs is None else {"grid_mapping": crs}
    return grid


_ROW, _COLUMN = "row of the input", "column of the input"


def _as_slice(numbers: np.ndarray) -> slice | np.ndarray:
    """Return consecutive numbers as a slice, which is read without a copy."""
    if (np.diff(numbers) == 1).all():
        return slice(int(numbers[0]), int(numbers[-1]) + 1)
    return numbers


def _share_common_values(inputs: list[FileInfo]) -> list[FileInfo]:
    """Let inputs share equal values, so that a pickle holds them once."""
    first = inputs[0]
    known: dict[Any, StoredVariable] = {}
    shared = []
    for info in inputs:
        variables = []
        for own in info.variables:
            fixed = tuple(own.positions.items())
            stored = (own.name, own.dims, own.axes, own.steps_per_chunk, fixed)
            key = (*stored, make_decoding_key(own))
            variables.append(known.setdefault(key, own))
        common = replace(info, y=first.y, x=first.x, crs=first.crs, time_attrs=first.time_attrs)
        shared.append(replace(common, variables=tuple(variables)))
    return shared


def _choose_time_encoding(inputs: list[FileInfo]) -> dict[str, Any]:
    """Choose how to store times: as in the first input, or as floats if the inputs differ."""
    first = inputs[0].time_encoding
    alike = all(
        info.time_encoding.get("units") == first.get("units")
        and np.dtype(info.time_encoding["dtype"]).kind in "iu"
        for info in inputs
    )
    return {**first, "dtype": np.dtype(first["dtype"] if alike else np.float64)}


def shorten_times(times: Sequence[str]) -> list[str]:
    """Shorten times alike: to dates if all are at midnight, otherwise to minutes if possible."""
    for ending, length in (("T00:00:00", 10), (":00", 16)):
        if all(time.endswith(ending) and len(time) == 19 for time in times):
            return [time[:length] for time in times]
    return list(times)
