"""Columns that repeat others: a meridian at 0 and at 360, and the halo of ocean models.

A grid round the globe may end with the columns that it begins with. Such cells are the same cells:
they are clustered, counted and outlined once, but label maps keep them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

from fastkm._core.notes import note_once
from fastkm.raster.grid.axes import find_raster_variables, find_stack_axes
from fastkm.raster.grid.coordinates import (
    convert_coordinates,
    find_axis_degrees,
    find_cell_coordinates,
)
from fastkm.raster.grid.crs import get_crs_wkt, has_plain_degrees

if TYPE_CHECKING:
    import xarray as xr

Raster = TypeVar("Raster", bound="xr.DataArray | xr.Dataset")

MOST = 8
"""Columns by which grids with coordinates of cells overlap, at most."""

SAME = 1e-4
"""Degrees by which two columns of them may differ: rounding to float32."""


def drop_repeated_columns(raster: Raster, *, note: bool = False) -> Raster:
    """Drop the last columns if they repeat the first ones; say so if `note` is True.

    Examples
    --------
    >>> import xarray as xr
    >>> longitude = [0.0, 90, 180, 270, 360]
    >>> raster = xr.DataArray(np.zeros((2, 5)), {"lat": [0, 1], "lon": longitude}, ("lat", "lon"))
    >>> drop_repeated_columns(raster).lon.values
    array([  0.,  90., 180., 270.])
    """
    distinct = find_distinct_columns(raster)
    if note:
        _note(distinct)
    return cast("Raster", raster.isel(distinct)) if distinct else raster


def note_repeated_columns(raster: xr.DataArray | xr.Dataset) -> None:
    """Warn if columns repeat others."""
    _note(find_distinct_columns(raster))


def _note(distinct: dict[str, slice]) -> None:
    for columns in distinct.values():
        count = -columns.stop
        last = f"{count} columns repeat the first {count}"
        last = last if count > 1 else "column repeats the first"
        note_once(f"the last {last}: these cells are counted once")


def find_distinct_columns(raster: xr.DataArray | xr.Dataset) -> dict[str, slice]:
    """Return how to select the columns that repeat no other, for ``isel``; empty if all do.

    Nothing is selected of an array that is no raster.
    """
    grid: Any = raster
    if hasattr(raster, "data_vars"):
        grid = next((raster[name] for name in find_raster_variables(grid)), raster)
    try:
        axes = find_stack_axes(grid)
    except (AttributeError, ValueError):
        return {}
    plane = grid.isel({dim: 0 for dim in grid.dims if dim not in axes[1:]}, drop=True)
    repeated = _count_repeated(plane, axes.y, axes.x)
    return {axes.x: slice(0, -repeated)} if repeated else {}


def _count_repeated(plane: xr.DataArray, y: str, x: str) -> int:
    """Count the last columns of a grid that are its first ones, a turn round the globe later."""
    crs = get_crs_wkt(plane)
    if find_axis_degrees(plane, y, x) or (x in plane.coords and has_plain_degrees(crs)):
        longitude = convert_coordinates(plane, y, x)[x].values
        return _count_by_axis(np.asarray(longitude, np.float64))
    cells = None if crs is not None else find_cell_coordinates(plane, y, x)
    return 0 if cells is None else _count_by_cells(*cells)


def _count_by_axis(longitude: np.ndarray) -> int:
    """Count the last longitudes that are the first ones, a turn later."""
    if len(longitude) < 3 or not np.isfinite(longitude).all():
        return 0
    longitude = np.unwrap(longitude, period=360.0)
    span = np.abs(longitude - longitude[0])
    near = 0.01 * span[-1] / (len(span) - 1)
    repeated = int((span >= 360.0 - near).sum())
    first = len(span) - repeated
    if not 0 < repeated < first or np.abs(span[first:] - 360.0 - span[:repeated]).max() > near:
        return 0
    return repeated


def _count_by_cells(latitude: np.ndarray, longitude: np.ndarray) -> int:
    """Count the last columns with the latitudes and longitudes of the first ones, as far as known."""
    columns = latitude.shape[1]
    for count in range(1, min(MOST, columns // 2 - 1) + 1):
        first, last = slice(0, count), slice(columns - count, columns)
        if _is_same(latitude, longitude, first, last) and not _is_same(
            latitude, longitude, first, slice(count, 2 * count)
        ):
            return count
    return 0


def _is_same(latitude: np.ndarray, longitude: np.ndarray, a: slice, b: slice) -> bool:
    """Return True if two ranges of columns lie at the same places."""
    apart = np.abs(latitude[:, a] - latitude[:, b])
    turned = np.abs((longitude[:, a] - longitude[:, b] + 180.0) % 360.0 - 180.0)
    # longitudes of a pole are of no use
    turned *= np.cos(np.radians(latitude[:, a]))
    known = np.isfinite(apart) & np.isfinite(turned)
    return bool(known.any() and (np.maximum(apart, turned)[known] <= SAME).all())
