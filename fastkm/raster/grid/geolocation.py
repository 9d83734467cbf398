"""Grids: from pixels, fractional (row, column), to coordinates (x, y).

This is the one module that knows where a fractional row lies. Whole numbers are cell centres,
halves are cell edges. Between centres a coordinate is linear in the index; beyond the first and
last centre it continues with the last step, so that index -0.5 is the outer edge of the first cell.
Latitudes end at the poles.

There are three kinds of grid. `AxisGrid` has a coordinate for its rows and one for its columns, in
either direction and with any steps; if its columns go round the globe, the column after the last is
the first, 360 degrees farther on. `TransformGrid` has a geotransform instead of coordinates.
`CurvilinearGrid` has a latitude and a longitude for every cell; if the latitudes depend on the row
alone and the longitudes on the column, the grid is an `AxisGrid`. Each has a method `place`, which
turns pixels into coordinates, and the attributes

- `crs`, the reference system of the coordinates: the one that the raster carries, otherwise
  EPSG:4326 if it has latitudes and longitudes, otherwise None;
- `in_degrees`, whether the coordinates are longitudes and latitudes in degrees;
- `straight`, whether straight lines along rows and columns stay straight;
- `turn`, the columns of a whole turn round the globe; 0 if the columns do not go round.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fastkm._core.notes import note_once
from fastkm._core.threads import map_chunks
from fastkm.raster.grid.axes import find_axes, is_geographic
from fastkm.raster.grid.coordinates import (
    LIMIT,
    convert_coordinates,
    find_cell_coordinates,
    has_axis,
    is_count,
)
from fastkm.raster.grid.crs import (
    Transform,
    get_crs_wkt,
    get_geotransform,
    has_plain_degrees,
    is_longlat,
)
from fastkm.raster.grid.curvilinear import WGS84, CurvilinearGrid, count_columns_around_cells
from fastkm.raster.grid.missing_places import fill_places
from fastkm.raster.grid.projection import PointTransform, make_degree_transform

if TYPE_CHECKING:
    import xarray as xr

GLOBAL_WIDTH = 300.0
"""Degrees of longitude; a raster this wide is shown with the whole globe."""

SNAP = 1e-6
"""Share of a cell within which a column is taken to be a centre or an edge."""

BLOCK = 1 << 15
"""Points that are placed at a time: 1 MB of pixels and coordinates."""


@dataclass(frozen=True, eq=False)
class AxisGrid:
    """A grid with a coordinate for rows and one for columns.

    Attributes
    ----------
    y, x : (rows,) and (columns,) float64 array
        Cell centres; longitudes without jumps.
    west : float, optional
        The meridian where longitudes on a map begin, if the raster's own reach beyond a map.
    """

    y: np.ndarray
    x: np.ndarray
    crs: str | None
    in_degrees: bool
    turn: int
    west: float | None = None
    straight: ClassVar[bool] = True

    def place(self, pixels: np.ndarray) -> np.ndarray:
        """Turn (row, column) into (x, y); a grid round the globe continues beyond its ends."""
        return np.column_stack(
            [self.interpolate_x(pixels[:, 1]), self._interpolate_y(pixels[:, 0])]
        )

    def place_halves(self, pixels: np.ndarray, parts: int = 2) -> np.ndarray:
        """Turn (row, column) into (x, y) by tables, ten times as fast; only for wholes and halves.

        With more `parts`, a power of two, also for smaller parts of a pixel. Columns may lie up to a
        turn beyond the last one.
        """
        placed = np.empty(pixels.shape)
        beyond = len(self.x) + 4 if self.turn else 1
        ends = (
            (1, self._interpolate_y, len(self.y) + 1),
            (0, self.interpolate_x, len(self.x) + beyond),
        )
        tables = [(axis, place(np.arange(-2.0, end, 1.0 / parts))) for axis, place, end in ends]

        def run(start: int, stop: int) -> None:
            for axis, table in tables:
                at = (parts * (pixels[start:stop, 1 - axis] + 2.0)).astype(np.intp)
                # "raise" would copy
                np.take(table, at, out=placed[start:stop, axis], mode="clip")

        map_chunks(run, len(pixels), BLOCK)
        return placed

    def _interpolate_y(self, row: np.ndarray) -> np.ndarray:
        y = interpolate(self.y, row)
        return np.clip(y, -90.0, 90.0) if self.in_degrees else y

    def interpolate_x(self, column: np.ndarray) -> np.ndarray:
        """Return x at fractional columns."""
        if not self.turn:
            return interpolate(self.x, column)
        full = np.copysign(360.0, self.x[-1] - self.x[0])
        turns = np.floor((column + 0.5) / self.turn)
        round_x = np.concatenate([[self.x[-1] - full], self.x, [self.x[0] + full]])
        return interpolate(round_x, column - turns * self.turn + 1.0) + turns * full

    def find_column(self, longitude: float) -> float | None:
        """Find the fractional column at which a meridian crosses the grid; None if it does not.

        A column that is a cell's centre or edge except for rounding is returned as that.

        Examples
        --------
        >>> import xarray as xr
        >>> globe = xr.DataArray(np.zeros((2, 4)), {"lat": [0, 1], "lon": [0, 90, 180, 270]}, ("lat", "lon"))
        >>> find_grid(globe).find_column(-180.0), find_grid(globe).find_column(405.0)
        (2.0, 0.5)
        """
        index = np.arange(-1.0, len(self.x) + 1)
        ends = np.array([-0.5, len(self.x) - 0.5])
        west, east = np.sort(self.interpolate_x(ends))
        meridian = longitude + 360.0 * np.ceil((west - longitude) / 360.0)
        if meridian >= east:
            return None
        order = 1 if self.x[-1] >= self.x[0] else -1
        column = float(np.interp(meridian, self.interpolate_x(index)[::order], index[::order]))
        half = round(2 * column) / 2
        column = half if abs(column - half) < SNAP else column
        return None if column in ends and not self.turn else column


@dataclass(frozen=True, eq=False)
class TransformGrid:
    """A grid with a geotransform: six numbers that turn pixels into coordinates."""

    transform: Transform
    crs: str | None
    in_degrees: ClassVar[bool] = False
    straight: ClassVar[bool] = True
    turn: ClassVar[int] = 0

    def place(self, pixels: np.ndarray) -> np.ndarray:
        """Turn (row, column) into (x, y)."""
        move = self.transform
        row, column = pixels.T + 0.5
        x = move[0] + column * move[1] + row * move[2]
        return np.column_stack([x, move[3] + column * move[4] + row * move[5]])


Grid = AxisGrid | TransformGrid | CurvilinearGrid
"""Where the cells of a raster lie; see above."""


def find_grid(raster: xr.DataArray) -> Grid:
    """Find out where the cells of a raster lie; return the grid of arrays of dimensions (y, x).

    Coordinates are converted to degrees or to the units of the reference system. If neither rows
    nor columns have a coordinate, the geotransform that the raster carries is used. If coordinates
    are not degrees, and there is no reference system, the latitudes and longitudes of every cell are
    used, if there are any. Otherwise a dimension without a coordinate is numbered.

    Raises
    ------
    ValueError
        If there are no cells, or a coordinate is missing somewhere, or neither ascends nor descends.

    Examples
    --------
    >>> import xarray as xr
    >>> raster = xr.DataArray(np.zeros((2, 4)), {"lat": [0, 1], "lon": [0, 90, 180, 270]}, ("lat", "lon"))
    >>> grid = find_grid(raster)
    >>> grid.turn, grid.crs, grid.place(np.array([[0.5, 4.0]])).tolist()
    (4, 'EPSG:4326', [[360.0, 0.5]])
    """
    axes = find_axes(raster)
    if not raster.size:
        raise ValueError(f"raster must have cells, got shape {raster.shape}")
    raster = convert_coordinates(raster, axes.y, axes.x)
    carried = get_crs_wkt(raster)
    geographic = is_geographic(raster, axes)
    without = not any(has_axis(raster, dim) for dim in axes[1:])
    # a geotransform, or latitudes and longitudes by cell, which say more than numbers of rows
    transform = get_geotransform(raster) if without else None
    if transform is not None:
        return _make_transform_grid(transform, carried, raster.sizes[axes.y], raster.sizes[axes.x])
    numbered = all(is_count(raster, dim) for dim in axes[1:])
    if not geographic and (numbered or not carried):
        cells = find_cell_coordinates(raster, axes.y, axes.x)
        if cells is not None:
            return _make_cell_grid(*cells)
    # otherwise coordinates of rows and columns
    if without and carried is not None:
        note_once("rows and columns have no coordinates: the reference system is ignored")
        carried = None
    in_degrees = geographic or has_plain_degrees(carried)
    y, x = (_read_monotonic_centres(raster, dim, in_degrees=in_degrees) for dim in axes[1:])
    if in_degrees and np.abs(y).max(initial=0.0) > LIMIT:
        note_once(f"{axes.y!r} has no latitudes: the reference system, of latitudes, is ignored")
        return AxisGrid(y, x, None, False, 0)
    if not in_degrees:
        return AxisGrid(y, x, carried, False, 0)
    if carried is not None and not is_longlat(carried):
        note_once(
            "rows and columns are latitudes and longitudes: another reference system is ignored"
        )
        carried = None
    western = axes.x in raster.coords and bool((raster[axes.x].values < 0).any())
    return _make_degree_grid(y, x, carried or WGS84, western=western)


def find_globe_transform(grid: Grid) -> PointTransform | None:
    """Return a function from (x, y) to (longitude, latitude), shape (n, 2); None if not known.

    Points that are no place on Earth are NaN.

    Examples
    --------
    >>> grid = TransformGrid((0.0, 1000.0, 0.0, 0.0, 0.0, -1000.0), "EPSG:3857")
    >>> find_globe_transform(grid)(np.array([[0.0, 0.0]])).round(6).tolist()
    [[0.0, 0.0]]
    """
    if grid.in_degrees:
        return lambda points: points
    if grid.crs is None:
        return None
    return make_degree_transform(grid.crs)


def is_on_globe(raster: xr.DataArray) -> bool:
    """Return True if it is known where on the globe a raster lies."""
    return find_globe_transform(find_grid(raster)) is not None


def find_regional_extent(raster: xr.DataArray) -> tuple[float, float, float, float] | None:
    """Find the outer edges (west, south, east, north), in degrees, of a part of the globe.

    Return None if the raster goes (nearly) round the globe, or has no latitudes and longitudes.

    Examples
    --------
    >>> import xarray as xr
    >>> raster = xr.DataArray(np.zeros((2, 3)), {"lat": [10, 20], "lon": [1, 2, 3]}, ("lat", "lon"))
    >>> find_regional_extent(raster)
    (0.5, 5.0, 3.5, 25.0)
    """
    grid = find_grid(raster)
    if not isinstance(grid, AxisGrid) or not grid.in_degrees:
        return None
    y = np.clip(interpolate(grid.y, np.array([-0.5, len(grid.y) - 0.5])), -90.0, 90.0)
    x = interpolate(grid.x, np.array([-0.5, len(grid.x) - 0.5]))
    (south, north), (west, east) = np.sort(y).tolist(), np.sort(x).tolist()
    return (west, south, east, north) if east - west < GLOBAL_WIDTH else None


def interpolate(centres: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Interpolate coordinates at fractional indices, and extrapolate linearly beyond both ends.

    Examples
    --------
    >>> interpolate(np.array([0.0, 10.0, 30.0]), np.array([-0.5, 0.5, 2.5]))
    array([-5.,  5., 40.])
    """
    if len(centres) < 2:
        return centres.sum() + index
    low = np.clip(np.floor(index).astype(np.int64), 0, len(centres) - 2)
    share = index - low
    return np.asarray(centres[low] * (1.0 - share) + centres[low + 1] * share)


def _read_monotonic_centres(raster: xr.DataArray, dim: str, *, in_degrees: bool) -> np.ndarray:
    """Return the coordinate of a dimension, longitudes without jumps."""
    if not has_axis(raster, dim):
        return np.arange(raster.sizes[dim], dtype=np.float64)
    centres = np.asarray(raster[dim].values, np.float64)
    finite = bool(np.isfinite(centres).all())
    if finite and in_degrees and (np.abs(np.diff(centres)) > 180.0).any():
        centres = np.unwrap(centres, period=360.0)
    steps = np.diff(centres)
    if not finite or not ((steps > 0).all() or (steps < 0).all()):
        raise ValueError(f"coordinate {dim!r} must be finite, and ascend or descend")
    return centres


def _make_transform_grid(transform: Transform, crs: str | None, rows: int, columns: int) -> Grid:
    """Make a grid of a transform: of axes if it has degrees and is not rotated."""
    if not has_plain_degrees(crs) or transform[2] or transform[4]:
        return TransformGrid(transform, crs)
    y = transform[3] + (np.arange(rows) + 0.5) * transform[5]
    return _make_degree_grid(y, transform[0] + (np.arange(columns) + 0.5) * transform[1], str(crs))


def _make_degree_grid(
    latitude: np.ndarray, longitude: np.ndarray, crs: str, *, western: bool | None = None
) -> AxisGrid:
    """Make a grid of latitudes and longitudes, and remove the jumps of the latter.

    `western` says whether a file has longitudes below 0, by default whether these are.
    """
    if western is None:
        western = bool((longitude < 0).any())
    if (np.abs(np.diff(longitude)) > 180.0).any():
        longitude = np.unwrap(longitude, period=360.0)
    turn = count_columns_around(longitude)
    longitude, west = _choose_turn(longitude, western=western, turn=turn)
    return AxisGrid(latitude, longitude, crs, True, turn, west)


def _choose_turn(x: np.ndarray, *, western: bool, turn: int) -> tuple[np.ndarray, float | None]:
    """Shift longitudes onto a map, or return the meridian where they are to be cut.

    Those within -180 to 180 or 0 to 360 degrees stay as they are.

    Examples
    --------
    >>> _choose_turn(np.array([340.0, 360.0, 380.0]), western=False, turn=0)
    (array([-20.,   0.,  20.]), None)
    >>> _choose_turn(np.array([170.0, 180.0, 190.0]), western=True, turn=0)
    (array([170., 180., 190.]), -180.0)
    """
    low, high = float(x.min()), float(x.max())
    slack = (high - low) / max(len(x) - 1, 1) / 2
    if low >= -180.0 - slack and high <= 180.0 + slack:
        return x, None
    if not western and low >= -slack and high <= 360.0 + slack:
        return x, None
    shift = -360.0 * round((low + high) / 720.0)
    if not turn and low + shift >= -180.0 - slack and high + shift <= 180.0 + slack:
        return x + shift, None
    return x, -180.0 if western else 0.0


def count_columns_around(x: np.ndarray) -> int:
    """Count the columns of a whole turn: all if one more step leads to the first, otherwise 0."""
    if len(x) < 2:
        return 0
    span = abs(x[-1] - x[0])
    step = span / (len(x) - 1)
    ends = max(abs(x[1] - x[0]), abs(x[-1] - x[-2]))
    closes = abs(span + step - 360.0) < 0.01 * step or abs(span + ends - 360.0) < 0.01 * ends
    return len(x) if closes else 0


def _make_cell_grid(latitude: np.ndarray, longitude: np.ndarray) -> Grid:
    """Make a grid of the coordinates of cells: of axes if they depend on row or column alone."""
    missing = np.isnan(latitude)
    y, x = np.fmax.reduce(latitude, axis=1), np.fmax.reduce(longitude, axis=0)
    on_axes = (latitude == y[:, None]) & (longitude == x) | missing
    if on_axes.all() and np.isfinite(y).all() and np.isfinite(x).all():
        return _make_degree_grid(y, x, WGS84)
    turn = count_columns_around_cells(longitude)
    if not missing.any():
        return CurvilinearGrid(latitude, longitude, turn)
    latitude, longitude, missing = fill_places(latitude, longitude)
    return CurvilinearGrid(latitude, longitude, turn, missing)
