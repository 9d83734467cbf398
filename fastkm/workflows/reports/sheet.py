"""The grid on which a page draws a raster: evenly spaced, and no finer than a screen.

Its cells are picked from those of the raster, so a number under the cursor is one of the raster. If
the raster is evenly spaced, these are every cell, or every n-th; otherwise the nearest cells, as for
grids with a longitude and a latitude for each cell.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core.attributes import read_text
from fastkm.html_report.contents import MOST_ACROSS, Axis, MapGrid
from fastkm.plot.globe.places import find_places
from fastkm.plot.globe.shores import find_shores
from fastkm.raster.grid.axes import find_axes
from fastkm.raster.grid.curvilinear import CurvilinearGrid
from fastkm.raster.grid.geolocation import AxisGrid, TransformGrid, find_grid
from fastkm.raster.grid.projection import WGS84
from fastkm.workflows.reports.words import count_things, format_units

if TYPE_CHECKING:
    from collections.abc import Callable

    import xarray as xr

    Locate = Callable[[np.ndarray, np.ndarray], np.ndarray]

Bounds = tuple[float, float, float, float]
"""West, south, east and north."""

EVEN = 0.01
"""Share of a step by which the steps of an evenly spaced grid may differ."""

FLATTEST = 4.0
"""Width over height of a map at most, or height over width, whatever its coordinates say."""

ZOOM = 4.0
"""How far readers may zoom in before the lines of the coast look crude."""

LEAST_ACROSS = 400
"""Cells of a map of a grid that is drawn by nearest cells, so that its edges look smooth."""


UNEVEN = (
    "The rows or columns of the raster are not evenly spaced. The map shows at each place the nearest "
    "cell."
)
CURVED = (
    "The cells of the raster do not lie in straight rows and columns. The map shows at each place the "
    "nearest cell."
)


@dataclass(frozen=True, eq=False)
class Sheet:
    """The grid of a map, and which cell of the raster each of its cells is.

    Attributes
    ----------
    x, y : Axis
        Columns and rows of the map.
    ratio : float
        Height over width.
    rows, columns : integer arrays
        The cell of the raster, (rows, 1) and (1, columns), or (rows, columns) each; -1 for none.
    shape : (rows, columns)
        The shape of the raster.
    crs : str or None
        The reference system of `x` and `y`.
    notes : tuple of str
        How cells were picked.
    shores : tuple of (n, 2) float arrays
        Lines of the coast.
    """

    x: Axis
    y: Axis
    ratio: float
    rows: np.ndarray
    columns: np.ndarray
    shape: tuple[int, ...]
    crs: str | None
    notes: tuple[str, ...]
    shores: tuple[np.ndarray, ...]

    def pick(self, plane: xr.DataArray, missing: float) -> np.ndarray:
        """Pick the cells of the map from a plane, (y, x); `missing` stands where there is none."""
        picked = np.asarray(self.pick_array(plane).values)
        outside = (self.rows < 0) | (self.columns < 0)
        return np.where(outside, np.asarray(missing, picked.dtype), picked)

    def pick_array(self, plane: xr.DataArray) -> xr.DataArray:
        """Pick the cells of the map, with the attributes of the plane; the last one for none."""
        y, x = plane.dims
        if self.rows.shape[1] == 1 and self.columns.shape[0] == 1:
            picked = plane.isel({y: self.rows[:, 0], x: self.columns[0]})
            return picked.load() if picked.chunks is None else picked.compute()
        import xarray as xr

        own = ("picked_y", "picked_x")
        places = {y: xr.DataArray(self.rows, dims=own), x: xr.DataArray(self.columns, dims=own)}
        return plane.compute().isel(places)

    def make_grid(
        self, values: np.ndarray | None = None, quantity: str = "value", units: str = ""
    ) -> MapGrid:
        """Return the grid for a page, with the values of its cells if they are known."""
        return MapGrid(self.x, self.y, self.ratio, values, quantity, units, self.shores, self.notes)


def make_sheet(raster: xr.DataArray) -> Sheet:
    """Choose the grid on which a raster is drawn.

    Parameters
    ----------
    raster : xarray.DataArray
        A raster of two dimensions, for its coordinates; its cells are not read.

    Returns
    -------
    Sheet
    """
    axes = find_axes(raster)
    raster = raster.transpose(axes.y, axes.x)
    grid = find_grid(raster)
    if isinstance(grid, TransformGrid) and not (grid.transform[2] or grid.transform[4]):
        centres = [np.arange(size, dtype=np.float64) for size in raster.shape]
        y, x = (grid.place(np.column_stack([n, n]))[:, 1 - i] for i, n in enumerate(centres))
        grid = AxisGrid(y, x, grid.crs, False, 0)
    if isinstance(grid, AxisGrid):
        return _pick_by_axes(raster, grid)
    return _pick_nearest(raster, grid)


def _pick_by_axes(raster: xr.DataArray, grid: AxisGrid) -> Sheet:
    """Pick rows and columns of a grid with a coordinate for each."""
    (rows, y), (columns, x) = _pick_along(grid.y), _pick_along(grid.x)
    names = [str(dim) for dim in raster.dims]
    y_axis, x_axis = (
        _make_axis(raster, name, centres, grid) for name, centres in zip(names, (y, x), strict=True)
    )
    if not (_is_even(grid.y) and _is_even(grid.x)):
        notes: tuple[str, ...] = (UNEVEN,)
    else:
        notes = _describe_thinning(raster.shape)
    ratio = _find_ratio(y_axis, x_axis, in_degrees=grid.in_degrees)
    shores = _trace_shores(raster, y_axis, x_axis)
    return Sheet(
        x_axis, y_axis, ratio, rows[:, None], columns[None], raster.shape, grid.crs, notes, shores
    )


def _is_even(centres: np.ndarray) -> bool:
    """Return True if the steps between centres are equal."""
    steps = np.diff(centres)
    return len(centres) < 3 or bool(np.ptp(steps) <= EVEN * abs(float(steps.mean())))


def _pick_along(centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which cells of a side are drawn, and evenly spaced centres."""
    count = len(centres)
    if _is_even(centres):
        step = math.ceil(count / MOST_ACROSS)
        picked = np.arange((step - 1) // 2, count, step)
        return picked, centres[picked]
    # evenly spaced places between the outer edges, as many as the smallest step asks for
    steps = np.diff(centres)
    first, last = centres[0] - steps[0] / 2, centres[-1] + steps[-1] / 2
    wanted = math.ceil(min(abs(last - first) / float(np.abs(steps).min()), MOST_ACROSS))
    drawn = min(MOST_ACROSS, max(count, wanted))
    places = first + (np.arange(drawn) + 0.5) * (last - first) / drawn
    sign = 1 if steps[0] > 0 else -1
    return np.searchsorted(sign * (centres[:-1] + steps / 2), sign * places), places


def _describe_thinning(shape: tuple[int, ...]) -> tuple[str, ...]:
    """Return what readers have to know if not all cells are drawn."""
    down, across = (math.ceil(size / MOST_ACROSS) for size in shape)
    if down == across == 1:
        return ()
    rows, columns = (
        f"every {thing}" if step == 1 else f"every {_ordinal(step)} {thing}"
        for step, thing in ((down, "row"), (across, "column"))
    )
    note = (
        f"The raster has {count_things(shape[0], 'row')} and {count_things(shape[1], 'column')}. The "
        f"map shows {rows} and {columns}: these are cells of the raster, not averages. Numbers in "
        "texts and tables are those of all cells."
    )
    return (note,)


def _pick_nearest(raster: xr.DataArray, grid: TransformGrid | CurvilinearGrid) -> Sheet:
    """Pick the nearest cell at each place of an even grid over a raster that has none of its own."""
    in_degrees = isinstance(grid, CurvilinearGrid)
    if isinstance(grid, TransformGrid):
        locate, bounds = _invert(grid, raster.shape)
    else:
        places = find_places(_attach_degrees(raster, grid))
        if places is None:
            return _pick_by_axes(raster, _number_cells(raster))
        locate, bounds = places.locate, _add_half_cells(places.bounds, raster)
    y, x = _spread_places(bounds, max(raster.shape), in_degrees=in_degrees)
    pixels = locate(*(np.ravel(one) for one in np.meshgrid(x, y)))
    inside = np.all((pixels >= -0.5) & (pixels < np.array(raster.shape[::-1]) - 0.5), axis=1)
    cells = np.where(inside[:, None], np.rint(np.nan_to_num(pixels)), -1).astype(np.intp)
    columns, rows = (cells[:, i].reshape(len(y), len(x)) for i in (0, 1))
    if in_degrees:
        y_axis = Axis("latitude", "", y, "latitude")
        x_axis = Axis("longitude", "", x, "longitude")
    else:
        units = _find_units(grid.crs)
        y_axis, x_axis = Axis("y", units, y), Axis("x", units, x)
    shores = _trace_shores(raster, y_axis, x_axis)
    ratio = _find_ratio(y_axis, x_axis, in_degrees=in_degrees)
    crs = WGS84 if in_degrees else grid.crs
    return Sheet(x_axis, y_axis, ratio, rows, columns, raster.shape, crs, (CURVED,), shores)


def _attach_degrees(raster: xr.DataArray, grid: CurvilinearGrid) -> xr.DataArray:
    """Return an array with the latitudes and longitudes of the cells of a raster, and no others."""
    import xarray as xr

    units = {"latitude": "degrees_north", "longitude": "degrees_east"}
    known = True if grid.missing is None else ~grid.missing
    coords = {
        name: (raster.dims, np.where(known, getattr(grid, name), np.nan), {"units": unit})
        for name, unit in units.items()
    }
    return xr.DataArray(np.zeros(raster.shape, bool), coords, raster.dims)


def _spread_places(
    bounds: Bounds, cells: int, *, in_degrees: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return the y and x of an even grid, whose cells are squares about as large as those of a raster.

    It has `cells` along its longer side.
    """
    west, south, east, north = bounds
    shrink = _shrink(south, north, east - west) if in_degrees else 1.0
    height, width = north - south, (east - west) * shrink
    size = max(height, width) / min(max(cells, LEAST_ACROSS), MOST_ACROSS)
    down, across = (max(1, round(length / size)) for length in (height, width))
    y = south + (np.arange(down) + 0.5) * (north - south) / down
    return y, west + (np.arange(across) + 0.5) * (east - west) / across


def _add_half_cells(bounds: Bounds, raster: xr.DataArray) -> Bounds:
    """Return the bounds of centres with room for the outer halves of cells."""
    west, south, east, north = bounds
    share = 0.5 / max(min(raster.shape) - 1, 1)
    up, across = share * (north - south), share * (east - west)
    across = min(across, (360.0 - east + west) / 2)
    return west - across, max(south - up, -90.0), east + across, min(north + up, 90.0)


def _number_cells(raster: xr.DataArray) -> AxisGrid:
    """Return a grid of the numbers of rows and columns."""
    y, x = (np.arange(size, dtype=np.float64) for size in raster.shape)
    return AxisGrid(y, x, None, False, 0)


def _invert(grid: TransformGrid, shape: tuple[int, ...]) -> tuple[Locate, Bounds]:
    """Return a function from x and y to columns and rows of a turned grid, and its bounds."""
    rows, columns = shape
    corners = np.array([[r, c] for r in (-0.5, rows - 0.5) for c in (-0.5, columns - 0.5)])
    placed = grid.place(corners)
    move = grid.transform
    inverse = np.linalg.inv(np.array([[move[1], move[2]], [move[4], move[5]]]))
    origin = np.array([move[0], move[3]])

    def locate(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.asarray((np.column_stack([x, y]) - origin) @ inverse.T - 0.5)

    (west, south), (east, north) = placed.min(axis=0), placed.max(axis=0)
    return locate, (float(west), float(south), float(east), float(north))


def _make_axis(raster: xr.DataArray, name: str, centres: np.ndarray, grid: AxisGrid) -> Axis:
    """Return a side of the map, with the name and the units of its coordinate."""
    if grid.in_degrees:
        kind: Any = "latitude" if name == raster.dims[0] else "longitude"
        return Axis(kind, "", centres, kind)
    attrs = raster[name].attrs if name in raster.coords else {}
    if name not in raster.coords and grid.crs is None:
        return Axis("row" if name == raster.dims[0] else "column", "", centres)
    units = format_units(read_text(attrs, "units")) if grid.crs is None else _find_units(grid.crs)
    return Axis(name, units, centres)


def _find_units(crs: str | None) -> str:
    """Return the units of a reference system."""
    from pyproj import CRS

    axes = [] if crs is None else CRS(crs).axis_info
    name = axes[0].unit_name if axes else ""
    return {"metre": "m", "degree": "°"}.get(name, name)


def _find_ratio(y: Axis, x: Axis, *, in_degrees: bool) -> float:
    """Return the height of a map over its width, if both sides have the same units."""
    (south, north), (west, east) = y.ends, x.ends
    if not in_degrees and y.units != x.units:
        return 0.5
    width = (east - west) * (_shrink(south, north, east - west) if in_degrees else 1.0)
    return min(max((north - south) / width, 1 / FLATTEST), FLATTEST)


def _shrink(south: float, north: float, width: float) -> float:
    """Return how wide degrees of longitude are drawn, as share of degrees of latitude."""
    from fastkm.plot._grid import shrink_longitudes

    return shrink_longitudes(south, north, width)


def _trace_shores(raster: xr.DataArray, y: Axis, x: Axis) -> tuple[np.ndarray, ...]:
    """Return lines of the coast over the map, none if it is not known where it lies."""
    import xarray as xr

    if y.degrees is None:  # a scalar coordinate has the reference system
        scalars = {name: c for name, c in raster.coords.items() if c.ndim == 0}
        dims = raster.dims
        coords = {dims[0]: (dims[0], y.centres), dims[1]: (dims[1], x.centres), **scalars}
    else:
        dims = ("latitude", "longitude")
        coords = {"latitude": y.centres, "longitude": x.centres}
    plane = xr.DataArray(np.zeros((len(y.centres), len(x.centres)), bool), coords, dims)
    path = find_shores(plane, ZOOM)
    if path is None:
        return ()
    columns, rows = np.asarray(path.vertices).T
    points = np.column_stack(
        [axis.centres[0] + at * axis.step for axis, at in ((x, columns), (y, rows))]
    )
    starts = np.flatnonzero(path.codes == path.MOVETO)
    return tuple(np.split(points, starts[1:]))


def _ordinal(number: int) -> str:
    """Return a number as the words of an order, such as 2nd."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if 10 < number % 100 < 14 else ending}"
