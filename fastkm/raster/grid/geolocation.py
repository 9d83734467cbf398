"""From pixels to coordinates: the one place that knows where a fractional row lies.

Whole numbers are cell centres, halves are cell edges. Between centres a coordinate is linear in
the index; beyond the first and last centre it goes on with the step of the last two, so that
index -0.5 is the outer edge of the first cell. Latitudes end at the poles.

Three kinds of grid. `AxisGrid` has a coordinate for its rows and one for its columns, in either
direction and with any steps; where its columns go round the globe, the column after the last is
the first, a turn farther on. `TurnedGrid` has a transform in place of coordinates. `CurvilinearGrid`
has a latitude and a longitude for every cell: both are linear in row and column, the longitudes
being those nearest to each other, but near a pole, where the centres are joined through space. Where
these latitudes depend on the row alone, and the longitudes on the column, it is an `AxisGrid`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, Protocol

import numpy as np

from fastkm._core.threads import map_chunks
from fastkm.raster.grid.axes import curvilinear, find_axes, is_geographic
from fastkm.raster.grid.crs import Transform, crs_wkt, geotransform
from fastkm.raster.grid.curvilinear import CurvilinearGrid, columns_round

if TYPE_CHECKING:
    import xarray as xr

ALL_ROUND = 300.0
"""Degrees of longitude from which a raster is shown with the whole globe."""

WGS84 = "EPSG:4326"

SNAP = 1e-6
"""Share of a cell by which coordinates stored in float32 may be off (of 0.01 degree, 3e-4)."""


BLOCK = 1 << 15
"""Points that are placed at a time: 1 MB of them and of what comes of them."""


class Grid(Protocol):
    """Where the cells of a raster lie.

    Attributes
    ----------
    crs : str or None
        The reference system of the coordinates: the one that the raster carries, else EPSG:4326
        where it has latitudes and longitudes.
    in_degrees : bool
        Coordinates are longitudes and latitudes.
    straight : bool
        Straight lines along rows and columns stay straight.
    turn : int
        Columns of a whole turn round the globe; 0 where the columns do not go round.
    """

    @property
    def crs(self) -> str | None:
        """See above."""
        ...

    @property
    def in_degrees(self) -> bool:
        """See above."""
        ...

    @property
    def straight(self) -> bool:
        """See above."""
        ...

    @property
    def turn(self) -> int:
        """See above."""
        ...

    def place(self, pixels: np.ndarray) -> np.ndarray:
        """Turn (row, column) into (x, y), shape (n, 2)."""
        ...


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
        """Turn (row, column) into (x, y); columns beyond the ends of a round grid go on round."""
        return np.column_stack([self.x_at(pixels[:, 1]), self._y_at(pixels[:, 0])])

    def place_halves(self, pixels: np.ndarray) -> np.ndarray:
        """Place the corners of cells and what lies halfway between, by tables: ten times as fast.

        Rows and columns are wholes and halves of the grid, or up to a turn beyond its last column.
        """
        placed = np.empty(pixels.shape)
        beyond = len(self.x) + 4 if self.turn else 1
        ends = (1, self._y_at, len(self.y) + 1), (0, self.x_at, len(self.x) + beyond)
        tables = [(axis, place(np.arange(-2.0, end, 0.5))) for axis, place, end in ends]

        def run(start: int, stop: int) -> None:
            for axis, table in tables:
                at = (2.0 * pixels[start:stop, 1 - axis] + 4.0).astype(np.intp)
                # "raise" would copy
                np.take(table, at, out=placed[start:stop, axis], mode="clip")

        map_chunks(run, len(pixels), BLOCK)
        return placed

    def _y_at(self, row: np.ndarray) -> np.ndarray:
        y = interpolate(self.y, row)
        return np.clip(y, -90.0, 90.0) if self.in_degrees else y

    def x_at(self, column: np.ndarray) -> np.ndarray:
        """Give x at fractional columns."""
        if not self.turn:
            return interpolate(self.x, column)
        full = np.copysign(360.0, self.x[-1] - self.x[0])
        turns = np.floor((column + 0.5) / self.turn)
        round_x = np.concatenate([[self.x[-1] - full], self.x, [self.x[0] + full]])
        return interpolate(round_x, column - turns * self.turn + 1.0) + turns * full

    def column_of(self, longitude: float) -> float | None:
        """Give the fractional column where a meridian crosses the grid; None where it does not.

        A column within rounding of a cell's centre or edge is that.

        Examples
        --------
        >>> import xarray as xr
        >>> globe = xr.DataArray(np.zeros((2, 4)), {"lat": [0, 1], "lon": [0, 90, 180, 270]}, ("lat", "lon"))
        >>> grid_of(globe).column_of(-180.0), grid_of(globe).column_of(405.0)
        (2.0, 0.5)
        """
        index = np.arange(-1.0, len(self.x) + 1)
        ends = np.array([-0.5, len(self.x) - 0.5])
        west, east = np.sort(self.x_at(ends))
        meridian = longitude + 360.0 * np.ceil((west - longitude) / 360.0)
        if meridian >= east:
            return None
        order = 1 if self.x[-1] >= self.x[0] else -1
        column = float(np.interp(meridian, self.x_at(index)[::order], index[::order]))
        half = round(2 * column) / 2
        column = half if abs(column - half) < SNAP else column
        return None if column in ends and not self.turn else column


@dataclass(frozen=True, eq=False)
class TurnedGrid:
    """A grid that six numbers lead from pixels to coordinates."""

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


def grid_of(raster: xr.DataArray) -> Grid:
    """Find out where the cells of a raster lie.

    Parameters
    ----------
    raster : xarray.DataArray
        With rows and columns as its dimensions. Where neither has a coordinate the transform that
        the raster carries leads to x and y. Where coordinates are not degrees, and there is no
        reference system, latitudes and longitudes of every cell do, if there are any. A dimension
        without a coordinate is numbered.

    Returns
    -------
    Grid
        Of arrays with the dimensions in the order (y, x).

    Raises
    ------
    ValueError
        If a coordinate is missing somewhere, or neither ascends nor descends.

    Examples
    --------
    >>> import xarray as xr
    >>> raster = xr.DataArray(np.zeros((2, 4)), {"lat": [0, 1], "lon": [0, 90, 180, 270]}, ("lat", "lon"))
    >>> grid = grid_of(raster)
    >>> grid.turn, grid.crs, grid.place(np.array([[0.5, 4.0]])).tolist()
    (4, 'EPSG:4326', [[360.0, 0.5]])
    """
    axes = find_axes(raster)
    carried = crs_wkt(raster)
    in_degrees = is_geographic(raster, axes) or _is_in_degrees(carried)
    numbered = not {axes.y, axes.x} & set(raster.coords)
    move = geotransform(raster) if numbered else None
    if move is not None:
        return _of_transform(move, carried, raster.sizes[axes.y], raster.sizes[axes.x])
    cells = None if in_degrees or (carried and not numbered) else curvilinear(raster)
    if cells is not None:  # rather than numbers of rows and columns
        return _grid_of_cells(*cells)
    y, x = (_centres(raster, dim, turned=in_degrees) for dim in (axes.y, axes.x))
    if not in_degrees:
        return AxisGrid(y, x, carried, False, 0)
    return _axis_grid(y, x, carried or WGS84)


def without_repeated_column(raster: xr.DataArray) -> xr.DataArray:
    """Leave out a last column that is the first one again, 360 degrees farther on.

    Examples
    --------
    >>> import xarray as xr
    >>> longitude = [0.0, 90, 180, 270, 360]
    >>> raster = xr.DataArray(np.zeros((2, 5)), {"lat": [0, 1], "lon": longitude}, ("lat", "lon"))
    >>> without_repeated_column(raster).lon.values
    array([  0.,  90., 180., 270.])
    """
    axes = find_axes(raster)
    if not is_geographic(raster, axes) or raster.sizes[axes.x] < 3:
        return raster
    x = np.unwrap(np.asarray(raster[axes.x].values, np.float64), period=360.0)
    step = abs(x[-1] - x[0]) / (len(x) - 1)
    again = abs(abs(x[-1] - x[0]) - 360.0) < 0.01 * step
    return raster.isel({axes.x: slice(0, -1)}) if again else raster


def to_coordinates(pixels: np.ndarray, raster: xr.DataArray) -> np.ndarray:
    """Turn (row, column) into (x, y) in the coordinates of a raster.

    Parameters
    ----------
    pixels : (n, 2) array
        Fractional rows and columns.
    raster : xarray.DataArray
        See `grid_of`.

    Returns
    -------
    (n, 2) float64 array
        x (longitude) and y (latitude).

    Examples
    --------
    >>> import xarray as xr
    >>> raster = xr.DataArray(np.zeros((2, 3)), {"lat": [10, 20], "lon": [1, 2, 3]}, ("lat", "lon"))
    >>> to_coordinates(np.array([[0.5, 2.0], [-0.5, -0.5]]), raster)
    array([[ 3. , 15. ],
           [ 0.5,  5. ]])
    """
    return grid_of(raster).place(np.asarray(pixels, np.float64))


def globe_of(grid: Grid) -> Callable[[np.ndarray], np.ndarray] | None:
    """Give what turns (x, y) into (longitude, latitude), shape (n, 2); None where that is not known.

    Examples
    --------
    >>> grid = TurnedGrid((0.0, 1000.0, 0.0, 0.0, 0.0, -1000.0), "EPSG:3857")
    >>> globe_of(grid)(np.array([[0.0, 0.0]])).round(6).tolist()
    [[0.0, 0.0]]
    """
    if grid.in_degrees:
        return lambda points: points
    if grid.crs is None:
        return None
    transform = _to_degrees(grid.crs)
    return lambda points: np.column_stack(transform(points[:, 0], points[:, 1]))


def lies_on_globe(raster: xr.DataArray) -> bool:
    """Tell whether it is known where on the globe a raster lies."""
    return globe_of(grid_of(raster)) is not None


@lru_cache(maxsize=8)
def _to_degrees(crs: str) -> Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    from pyproj import Transformer

    return Transformer.from_crs(crs, WGS84, always_xy=True).transform


def regional_extent(raster: xr.DataArray) -> tuple[float, float, float, float] | None:
    """Give the outer edges (west, south, east, north) of a raster that is part of the globe.

    Returns
    -------
    tuple of float or None
        None where the raster goes round the globe, nearly, or has no latitudes and longitudes.

    Examples
    --------
    >>> import xarray as xr
    >>> raster = xr.DataArray(np.zeros((2, 3)), {"lat": [10, 20], "lon": [1, 2, 3]}, ("lat", "lon"))
    >>> regional_extent(raster)
    (0.5, 5.0, 3.5, 25.0)
    """
    grid = grid_of(raster)
    if not isinstance(grid, AxisGrid) or not grid.in_degrees:
        return None
    y = np.clip(interpolate(grid.y, np.array([-0.5, len(grid.y) - 0.5])), -90.0, 90.0)
    x = interpolate(grid.x, np.array([-0.5, len(grid.x) - 0.5]))
    (south, north), (west, east) = np.sort(y).tolist(), np.sort(x).tolist()
    return (west, south, east, north) if east - west < ALL_ROUND else None


def interpolate(centres: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Read coordinates at fractional indices, going on linearly beyond both ends.

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


def _centres(raster: xr.DataArray, dim: str, *, turned: bool) -> np.ndarray:
    """Give the coordinate of a dimension, longitudes without jumps."""
    if dim not in raster.coords:
        return np.arange(raster.sizes[dim], dtype=np.float64)
    centres = np.asarray(raster[dim].values, np.float64)
    if turned and (np.abs(np.diff(centres)) > 180.0).any():
        centres = np.unwrap(centres, period=360.0)
    steps = np.diff(centres)
    if not np.isfinite(centres).all() or not ((steps > 0).all() or (steps < 0).all()):
        raise ValueError(f"coordinate {dim!r} must be finite, and ascend or descend")
    return centres


def _is_in_degrees(crs: str | None) -> bool:
    """Tell whether a reference system has longitudes and latitudes in degrees."""
    if crs is None:
        return False
    from pyproj import CRS

    system = CRS(crs)
    degrees = all(axis.unit_name == "degree" for axis in system.axis_info)
    return bool(system.is_geographic and not system.is_derived and degrees)


def _of_transform(move: Transform, crs: str | None, rows: int, columns: int) -> Grid:
    """Make a grid of axes of degrees where a transform turns nothing, else a turned one."""
    if not _is_in_degrees(crs) or move[2] or move[4]:
        return TurnedGrid(move, crs)
    y = move[3] + (np.arange(rows) + 0.5) * move[5]
    return _axis_grid(y, move[0] + (np.arange(columns) + 0.5) * move[1], str(crs))


def _axis_grid(latitude: np.ndarray, longitude: np.ndarray, crs: str) -> AxisGrid:
    """Make a grid of latitudes and longitudes, the latter without jumps."""
    if (np.abs(np.diff(longitude)) > 180.0).any():
        longitude = np.unwrap(longitude, period=360.0)
    return AxisGrid(latitude, longitude, crs, True, turn_of(longitude))


def turn_of(x: np.ndarray) -> int:
    """Count the columns of a whole turn: all, where one more step leads to the first; else 0."""
    if len(x) < 2:
        return 0
    span = abs(x[-1] - x[0])
    step = span / (len(x) - 1)
    ends = max(abs(x[1] - x[0]), abs(x[-1] - x[-2]))
    closes = abs(span + step - 360.0) < 0.01 * step or abs(span + ends - 360.0) < 0.01 * ends
    return len(x) if closes else 0


def _grid_of_cells(latitude: np.ndarray, longitude: np.ndarray) -> Grid:
    """Make a grid of axes where the cells are a mesh, else one of cells."""
    if (latitude == latitude[:, :1]).all() and (longitude == longitude[:1]).all():
        return _axis_grid(latitude[:, 0], longitude[0], WGS84)
    return CurvilinearGrid(latitude, longitude, columns_round(longitude))
