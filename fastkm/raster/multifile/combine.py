"""From surveys to an archive: what fits together, what does not, and why.

The first good input is the measure: others must have its grid, its variables and their units.
They may store them in another type or packing. An input that does not fit is a fault, and so is
a step whose time another step has already; whether a fault ends the work or is noted and left out
is for the caller to say. Two calendars in one archive are no fault of either input, and are always
refused: neither an order of time nor a climatology would mean anything.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm.errors import ArchiveError
from fastkm.raster.grid.axes import Axes
from fastkm.raster.grid.crs import grid_mapping, moved, with_crs
from fastkm.raster.io.open import opened
from fastkm.raster.io.read_netcdf import Bbox, choose_variable, cut_to
from fastkm.raster.mask import kept_cells
from fastkm.raster.multifile.read_steps import Window, decoded_outcome, rules_of, stored_outcome
from fastkm.raster.multifile.scan import Form, Survey, find_inputs, short_names, survey
from fastkm.raster.multifile.series import NANOSECONDS, Archive, Missing, Step, Target

if TYPE_CHECKING:
    import xarray as xr

SHIFT = 1e-3
"""Share of a cell by which coordinates of two inputs may differ: float32 beside float64."""


def open_archive(
    files: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    variable: str | Sequence[str] | None = None,
    *,
    bbox: Bbox | None = None,
    mask: str | os.PathLike[str] | None = None,
    years: tuple[int, int] | None = None,
    missing: Missing = "mask",
    steps_per_chunk: int | None = None,
) -> xr.DataArray | xr.Dataset:
    """Open a series of rasters in netCDF files or Zarr stores as one lazy array.

    Parameters
    ----------
    files : path-like or sequence of path-like
        Files, stores, folders and globs; see `fastkm.raster.multifile.scan.find_inputs`.
    variable : str or sequence of str, optional
        The variable or variables; may be left out where the files have just one raster.
    bbox : (west, south, east, north), optional
        Keep the cells with centres inside, as for `fastkm.read_raster`.
    mask : path-like, optional
        A file with one raster on the same grid: cells where it is 0 or missing are left out.
    years : (int, int), optional
        First and last year.
    missing : {"mask", "keep"}
        "mask" makes missing cells NaN. "keep" gives numbers as stored, with the attributes that
        say which are missing; where the files differ in these, cells are NaN all the same.
    steps_per_chunk : int, optional
        Steps of time in a block of dask; by default as many as are stored together, or fewer where
        these are much.

    Returns
    -------
    xarray.DataArray or xarray.Dataset
        Dimensions (time, y, x) under their own names, in the order of time, its values arrays of
        dask; a dataset of several variables.

    Raises
    ------
    ArchiveError
        If a file cannot be used, or a step of time comes twice.
    ValueError
        If files have different calendars, nothing is left, or an option does not fit.
    OSError
        If nothing matches, or the mask cannot be read.
    ImportError
        If dask is not installed, or zarr where there is a store.

    Examples
    --------
    >>> import tempfile
    >>> from fastkm.raster import write_sample
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_sample(f"{folder}/sample.nc")
    ...     water = open_archive(folder, bbox=(0, -30, 360, 30))
    ...     water.dims, water.shape, round(float(water.max()), 1)
    (('time', 'latitude', 'longitude'), (1, 60, 360), 57.2)
    """
    paths = find_inputs([files] if isinstance(files, str | os.PathLike) else files)
    surveys = [
        survey(path, variable, name=name)
        for path, name in zip(paths, short_names(paths), strict=True)
    ]
    archive = assembled(surveys, years=years, bbox=bbox, mask=mask)
    return archive.lazy(missing=missing, steps_per_chunk=steps_per_chunk)


def stop(fault: ArchiveError) -> None:
    """Raise a fault."""
    raise fault


def assembled(
    surveys: Sequence[Survey],
    *,
    years: tuple[int, int] | None = None,
    bbox: Bbox | None = None,
    mask: str | os.PathLike[str] | None = None,
    on_fault: Callable[[ArchiveError], None] = stop,
) -> Archive:
    """Put inputs together.

    Parameters
    ----------
    surveys : sequence of Survey
        Of the inputs; the first good one is what others must fit.
    years : (int, int), optional
        First and last year. Steps of other years, and inputs that have no step left, are not
        looked at any further.
    bbox : (west, south, east, north), optional
        Keep the cells with centres inside.
    mask : path-like, optional
        A file that says which cells take part.
    on_fault : callable, optional
        Given each fault; it may raise it (by default it does) or keep it, and what is faulty is left
        out.

    Returns
    -------
    Archive
        Of the steps that are left.

    Raises
    ------
    ArchiveError
        From `on_fault`: another grid, variable or units, or a time that an earlier input has.
    ValueError
        If inputs have different calendars, nothing is left, or `years`, `bbox` or `mask` does not
        fit.
    OSError
        If the mask, or the first input, cannot be read.
    """
    first_year, last_year = _checked_years(years)
    dated = [(given, _steps_within(given, first_year, last_year)) for given in surveys]
    dated = [(given, chosen) for given, chosen in dated if chosen]
    inputs: list[Survey] = []
    found: list[tuple[str, int, int]] = []
    owner: dict[str, str] = {}
    for given, chosen in dated:
        if inputs:
            _require_calendar(inputs[0], given)
        wrong = _misfit(inputs[0], given) if inputs else None
        if wrong is not None:
            on_fault(ArchiveError(given.name, "", wrong))
            continue
        fresh = []
        for index in chosen:
            time = given.times[index]
            if time in owner:
                on_fault(ArchiveError(given.name, _short(time), f"is in {owner[time]} already"))
                continue
            owner[time] = given.name
            fresh.append((time, len(inputs), index))
        if fresh:
            found += fresh
            inputs.append(given)
    if not found:
        span = "" if years is None else f" of the years {first_year} to {last_year}"
        raise ValueError(f"no step{span} is left of {len(surveys)} inputs")
    return _made(inputs, sorted(found), bbox, mask)


def _checked_years(years: Any) -> tuple[int, int]:
    if years is None:
        return 0, 9999
    try:
        first, last = (int(year) for year in years)
    except (TypeError, ValueError):
        raise ValueError(f"years must be the first and the last year, got {years!r}") from None
    if first > last:
        raise ValueError(f"years must not end before they begin, got {first} to {last}")
    return first, last


def _steps_within(given: Survey, first: int, last: int) -> list[int]:
    return [i for i, time in enumerate(given.times) if first <= int(time[:4]) <= last]


def _require_calendar(first: Survey, other: Survey) -> None:
    if other.calendar != first.calendar:
        raise ValueError(
            f"the inputs must have one calendar, but {first.name} has {first.calendar!r} and "
            f"{other.name} has {other.calendar!r}"
        )


def _misfit(first: Survey, other: Survey) -> str | None:
    """Say why an input does not fit the first one; None where it does."""
    for own, wanted in zip(other.variables, first.variables, strict=True):
        if own.name != wanted.name:
            return f"has the variable {own.name!r}, {first.name} has {wanted.name!r}"
        if own.units != wanted.units:
            return f"other units of {own.name!r}: {own.units!r}, {first.name} has {wanted.units!r}"
    differs = _other_grid(first, other)
    return None if differs is None else f"other grid: {differs}"


def _other_grid(first: Survey, other: Survey) -> str | None:
    """Say in what two grids differ."""
    if other.shape != first.shape:
        return f"{_size(other)} cells, {first.name} has {_size(first)}"
    axes = first.variables[0].axes
    for dim, own, wanted in ((axes.y, other.y, first.y), (axes.x, other.x, first.x)):
        if not _alike(own, wanted):
            return f"{dim} is {_span(own)}, in {first.name} {_span(wanted)}"
    if other.cells != first.cells:
        return f"its cells have other coordinates than those of {first.name}"
    if other.crs and first.crs and other.crs != first.crs:
        return f"its reference system is not that of {first.name}"
    return None


def _size(given: Survey) -> str:
    return f"{given.shape[0]} x {given.shape[1]}"


def _alike(own: np.ndarray | None, wanted: np.ndarray | None) -> bool:
    """Tell whether coordinates are the same but for rounding."""
    if own is None or wanted is None:
        return own is wanted
    step = np.abs(np.diff(wanted)).min() if len(wanted) > 1 else 1.0
    return bool((np.abs(own - wanted) <= SHIFT * step).all())


def _span(centres: np.ndarray | None) -> str:
    if centres is None:
        return "without coordinate"
    middle = f", {centres[1]:.9g}, ..." if len(centres) > 2 else ""
    return f"{centres[0]:.9g}{middle} to {centres[-1]:.9g}"


def _made(
    inputs: list[Survey],
    found: list[tuple[str, int, int]],
    bbox: Bbox | None,
    mask: str | os.PathLike[str] | None,
) -> Archive:
    """Make the archive of inputs that fit and steps that are chosen."""
    first = inputs[0]
    grid, rows, columns = _cut_grid(first, bbox)
    bbox = None if bbox is None else (*map(float, bbox),)  # type: ignore[assignment]
    mask = None if mask is None else os.fspath(Path(mask).absolute())
    y, x = first.variables[0].axes.y, first.variables[0].axes.x
    shape = (len(rows), len(columns))
    window = Window(_as_slice(rows), _as_slice(columns), shape, mask, bbox)
    shared = _shared(inputs)
    targets = []
    for number, form in enumerate(first.variables):
        forms = list({id(one.variables[number]): one.variables[number] for one in shared}.values())
        stored = stored_outcome(forms, with_mask=mask is not None)
        targets.append(Target(form.name, form.units, stored, decoded_outcome(forms)))
    times = [time for time, _, _ in found]
    low, high = NANOSECONDS
    archive = Archive(
        inputs=tuple(shared),
        steps=tuple(
            Step(source, index, text)
            for text, (_, source, index) in zip(_shortened(times), found, strict=True)
        ),
        targets=tuple(targets),
        calendar=first.calendar,
        bbox=bbox,
        mask=mask,
        window=window,
        grid=grid,
        dims=(first.time_name, y, x),
        dated=first.calendar == "standard" and low <= times[0] and times[-1] < high,
        time_attrs=first.time_attrs,
        time_encoding=_time_encoding(inputs),
    )
    if mask is not None:
        kept_cells(mask, bbox=bbox, grid=archive.template())
    return archive


def _cut_grid(first: Survey, bbox: Bbox | None) -> tuple[xr.Dataset, np.ndarray, np.ndarray]:
    """Give the coordinates of the grid after `bbox`, and which rows and columns they are."""
    form = first.variables[0]
    time, y, x = form.axes
    with opened(first.path) as dataset:
        array = with_crs(choose_variable(dataset, form.name, first.path), dataset)
        if time is not None:
            array = array.isel({time: 0}, drop=True)
        array = array.squeeze([d for d in array.dims if d not in {y, x}], drop=True)
        array = array.transpose(y, x).drop_vars(first.time_name, errors="ignore")
        numbered = array.copy(data=np.broadcast_to(np.int8(0), array.shape))
        numbered = numbered.assign_coords(
            {_ROW: (y, np.arange(array.sizes[y])), _COLUMN: (x, np.arange(array.sizes[x]))}
        )
        cut = numbered
        if bbox is not None:
            cut = moved(cut_to(numbered, Axes(None, y, x), bbox), numbered, y, x)
        rows, columns = (np.asarray(cut[name].values) for name in (_ROW, _COLUMN))
        kept = cut.drop_vars([_ROW, _COLUMN])
        grid = kept.coords.to_dataset().load()
    for name in grid.variables:
        grid[name].encoding = {
            k: v for k, v in grid[name].encoding.items() if k in {"dtype", "bounds"}
        }
    crs = grid_mapping(kept)
    grid.attrs = {} if crs is None else {"grid_mapping": crs}
    return grid, rows, columns


_ROW, _COLUMN = "row of the input", "column of the input"


def _as_slice(numbers: np.ndarray) -> slice | np.ndarray:
    """Give numbers that follow each other as a slice, which is read without a copy."""
    if (np.diff(numbers) == 1).all():
        return slice(int(numbers[0]), int(numbers[-1]) + 1)
    return numbers


def _shared(inputs: list[Survey]) -> list[Survey]:
    """Let inputs share what they have in common, so that a pickle holds it once."""
    first = inputs[0]
    known: dict[Any, Form] = {}
    made = []
    for given in inputs:
        forms = tuple(
            known.setdefault((form.name, form.dims, form.axes, form.chunk, rules_of(form)), form)
            for form in given.variables
        )
        common = replace(given, y=first.y, x=first.x, crs=first.crs, time_attrs=first.time_attrs)
        made.append(replace(common, variables=forms))
    return made


def _time_encoding(inputs: list[Survey]) -> dict[str, Any]:
    """Choose how times are stored again: as in the first input, in floats where these differ."""
    first = inputs[0].time_encoding
    alike = all(
        given.time_encoding.get("units") == first.get("units")
        and np.dtype(given.time_encoding["dtype"]).kind in "iu"
        for given in inputs
    )
    return {**first, "dtype": np.dtype(first["dtype"] if alike else np.float64)}


def _shortened(times: Sequence[str]) -> list[str]:
    """Give times in one form: dates where all are at midnight, else to the minute or finer."""
    for ending, length in (("T00:00:00", 10), (":00", 16)):
        if all(time.endswith(ending) and len(time) == 19 for time in times):
            return [time[:length] for time in times]
    return list(times)


def _short(time: str) -> str:
    return _shortened([time])[0]
