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

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fastkm._core.threads import map_chunks
from fastkm.raster.grid.axes import find_axes, find_cell_coordinates, is_geographic
from fastkm.raster.grid.crs import Transform, get_crs_wkt, get_geotransform
from fastkm.raster.grid.curvilinear import WGS84, CurvilinearGrid, count_columns_around_cells

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
    """

    y: np.ndarray
    x: np.ndarray
    crs: str | None
    in_degrees: bool
    turn: int
    straight: ClassVar[bool] = True

    def place(self, pixels: np.ndarray) -> np.ndarray:
        """Turn (row, column) into (x, y); a grid round the globe continues beyond its ends."""
        return np.column_stack(
            [self.interpolate_x(pixels[:, 1]), self._interpolate_y(pixels[:, 0])]
        )

    def place_halves(self, pixels: np.ndarray) -> np.ndarray:
        """Turn (row, column) into (x, y) by tables, ten times as fast; only for wholes and halves.

        Columns may lie up to a turn beyond the last one.
        """
        placed = np.empty(pixels.shape)
        beyond = len(self.x) + 4 if self.turn else 1
        ends = (
            (1, self._interpolate_y, len(self.y) + 1),
            (0, self.interpolate_x, len(self.x) + beyond),
        )
        tables = [(axis, place(np.arange(-2.0, end, 0.5))) for axis, place, end in ends]

        def run(start: int, stop: int) -> None:
            for axis, table in tables:
                at = (2.0 * pixels[start:stop, 1 - axis] + 4.0).astype(np.intp)
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

    If neither rows nor columns have a coordinate, the geotransform that the raster carries is used.
    If coordinates are not degrees, and there is no reference system, the latitudes and longitudes
    of every cell are used, if there are any. Otherwise a dimension without a coordinate is
    numbered.

    Raises
    ------
    ValueError
        If a coordinate is missing somewhere, or neither ascends nor descends.

    Examples
    --------
    >>> import xarray as xr
    >>> raster = xr.DataArray(np.zeros((2, 4)), {"lat": [0, 1], "lon": [0, 90, 180, 270]}, ("lat", "lon"))
    >>> grid = find_grid(raster)
    >>> grid.turn, grid.crs, grid.place(np.array([[0.5, 4.0]])).tolist()
    (4, 'EPSG:4326', [[360.0, 0.5]])
    """
    axes = find_axes(raster)
    carried = get_crs_wkt(raster)
    in_degrees = is_geographic(raster, axes) or _is_crs_in_degrees(carried)
    numbered = not {axes.y, axes.x} & set(raster.coords)
    transform = get_geotransform(raster) if numbered else None
    if transform is not None:
        return _make_transform_grid(transform, carried, raster.sizes[axes.y], raster.sizes[axes.x])
    cells = None if in_degrees or (carried and not numbered) else find_cell_coordinates(raster)
    if cells is not None:  # they say more than numbers of rows and columns
        return _make_cell_grid(*cells)
    y, x = (_read_monotonic_centres(raster, dim, in_degrees=in_degrees) for dim in (axes.y, axes.x))
    if not in_degrees:
        return AxisGrid(y, x, carried, False, 0)
    return _make_degree_grid(y, x, carried or WGS84)


def drop_repeated_column(raster: xr.DataArray) -> xr.DataArray:
    """Drop the last column if it repeats the first, 360 degrees farther on.

    Examples
    --------
    >>> import xarray as xr
    >>> longitude = [0.0, 90, 180, 270, 360]
    >>> raster = xr.DataArray(np.zeros((2, 5)), {"lat": [0, 1], "lon": longitude}, ("lat", "lon"))
    >>> drop_repeated_column(raster).lon.values
    array([  0.,  90., 180., 270.])
    """
    axes = find_axes(raster)
    if not is_geographic(raster, axes) or raster.sizes[axes.x] < 3:
        return raster
    x = np.unwrap(np.asarray(raster[axes.x].values, np.float64), period=360.0)
    step = abs(x[-1] - x[0]) / (len(x) - 1)
    is_repeated = abs(abs(x[-1] - x[0]) - 360.0) < 0.01 * step
    return raster.isel({axes.x: slice(0, -1)}) if is_repeated else raster


def find_globe_transform(grid: Grid) -> Callable[[np.ndarray], np.ndarray] | None:
    """Return a function from (x, y) to (longitude, latitude), shape (n, 2); None if not known.

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
    transform = _make_degree_transform(grid.crs)
    return lambda points: np.column_stack(transform(points[:, 0], points[:, 1]))


def is_on_globe(raster: xr.DataArray) -> bool:
    """Return True if it is known where on the globe a raster lies."""
    return find_globe_transform(find_grid(raster)) is not None


@lru_cache(maxsize=8)
def _make_degree_transform(
    crs: str,
) -> Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    from pyproj import Transformer

    return Transformer.from_crs(crs, WGS84, always_xy=True).transform


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
    if dim not in raster.coords:
        return np.arange(raster.sizes[dim], dtype=np.float64)
    centres = np.asarray(raster[dim].values, np.float64)
    if in_degrees and (np.abs(np.diff(centres)) > 180.0).any():
        centres = np.unwrap(centres, period=360.0)
    steps = np.diff(centres)
    if not np.isfinite(centres).all() or not ((steps > 0).all() or (steps < 0).all()):
        raise ValueError(f"coordinate {dim!r} must be finite, and ascend or descend")
    return centres


def _is_crs_in_degrees(crs: str | None) -> bool:
    """Return True if a reference system has longitudes and latitudes in degrees."""
    if crs is None:
        return False
    from pyproj import CRS

    system = CRS(crs)
    degrees = all(axis.unit_name == "degree" for axis in system.axis_info)
    return bool(system.is_geographic and not system.is_derived and degrees)


def _make_transform_grid(transform: Transform, crs: str | None, rows: int, columns: int) -> Grid:
    """Make a grid of a transform: of axes if it has degrees and is not rotated."""
    if not _is_crs_in_degrees(crs) or transform[2] or transform[4]:
        return TransformGrid(transform, crs)
    y = transform[3] + (np.arange(rows) + 0.5) * transform[5]
    return _make_degree_grid(y, transform[0] + (np.arange(columns) + 0.5) * transform[1], str(crs))


def _make_degree_grid(latitude: np.ndarray, longitude: np.ndarray, crs: str) -> AxisGrid:
    """Make a grid of latitudes and longitudes, and remove the jumps of the latter."""
    if (np.abs(np.diff(longitude)) > 180.0).any():
        longitude = np.unwrap(longitude, period=360.0)
    return AxisGrid(latitude, longitude, crs, True, count_columns_around(longitude))


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
    if (latitude == latitude[:, :1]).all() and (longitude == longitude[:1]).all():
        return _make_degree_grid(latitude[:, 0], longitude[0], WGS84)
    return CurvilinearGrid(latitude, longitude, count_columns_around_cells(longitude))
