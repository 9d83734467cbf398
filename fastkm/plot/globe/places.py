"""From longitudes and latitudes to the cells of a panel.

Shorelines are drawn over panels of any grid, and rasters are drawn in any projection. Both need the
cell at which a place lies. There are three kinds of grids:

- a longitude for each column and a latitude for each row: interpolation;
- a reference system, and its coordinates for columns and rows: projection, then interpolation;
- a longitude and a latitude for each cell: the nearest cell in space is found in a tree, and a step of
  Newton's method from its centre gives the fraction of a cell. Grids are smooth, so one step will do:
  what remains is the curvature of the grid within one cell.

Pixels are (column, row); the centre of the first cell is (0, 0). Places outside the grid have pixels
outside it, or NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fastkm.plot._grid import Side, find_cell_degrees, read_side, to_space
from fastkm.plot._text import read_text

if TYPE_CHECKING:
    import xarray as xr
    from pyproj import CRS

Locate = Callable[[np.ndarray, np.ndarray], np.ndarray]

SAMPLED = 50
"""Rows and columns of cells whose places tell where a grid lies."""

MOST_NODES = 1000
"""Rows and columns of cells in the tree; of larger grids it has some, between which it interpolates."""

NEAR_CELLS = 2.0
"""Cells from the nearest centre, at most, of a place that is located by it."""

_METRES = {"", "m", "metre", "metres", "meter", "meters"}
_KILOMETRES = {"km", "kilometre", "kilometres", "kilometer", "kilometers"}
_RADIANS = {"rad", "radian", "radians"}


@dataclass(frozen=True, eq=False)
class Places:
    """Where the cells of a panel lie on the globe.

    Attributes
    ----------
    locate : callable
        From longitudes and latitudes, (n,) each, to pixels, (n, 2).
    bounds : (west, south, east, north)
        In degrees; 360 degrees wide if the grid goes round a pole.
    size : float
        The extent in radians, by the chord.
    straight : bool
        Whether each column is a meridian: longitudes beyond an end then continue there.
    """

    locate: Locate
    bounds: tuple[float, float, float, float]
    size: float
    straight: bool


def find_places(data: xr.DataArray | np.ndarray) -> Places | None:
    """Find out where the cells of a raster lie; return None if nothing says so."""
    if isinstance(data, np.ndarray) or min(data.shape) < 2:
        return None
    rows, columns = (read_side(data, position) for position in (0, 1))
    if (columns.kind, rows.kind) == ("longitude", "latitude"):
        return _place_by_axes(rows, columns)
    return _place_by_crs(data, rows, columns) or _place_by_cells(data)


def _place_by_axes(rows: Side, columns: Side) -> Places:
    """Return the places of a grid of meridians and parallels."""
    (_, longitude), (_, latitude) = columns.add_edges(), rows.add_edges()
    west, east = float(longitude[0]), float(longitude[-1])
    south, north = max(float(latitude[0]), -90.0), min(float(latitude[-1]), 90.0)

    def locate(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.column_stack([_interpolate(columns, x), _interpolate(rows, y)])

    size = np.radians(max(min(east - west, 180.0), north - south))
    return Places(locate, (west, south, east, north), float(size), straight=True)


def _interpolate(side: Side, values: np.ndarray) -> np.ndarray:
    """Return fractional cells of a side, continued beyond both ends."""
    cells, coordinates = side.add_edges()
    found = np.interp(values, coordinates, cells)
    for end, other in ((0, 1), (-1, -2)):
        slope = (cells[other] - cells[end]) / (coordinates[other] - coordinates[end])
        beyond = values < coordinates[0] if end == 0 else values > coordinates[-1]
        found = np.where(beyond, cells[end] + slope * (values - coordinates[end]), found)
    return found


def _place_by_crs(data: xr.DataArray, rows: Side, columns: Side) -> Places | None:
    """Return the places of a grid with coordinates of a reference system, None if there is none."""
    from pyproj import Transformer
    from pyproj.exceptions import CRSError, ProjError

    crs = _read_crs(data)
    if crs is None or rows.values is None or columns.values is None:
        return None
    units = read_text(data[data.dims[1]].attrs.get("units")).strip().lower()
    factor = _find_factor(units, crs)
    if factor is None:
        return None
    try:
        move = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    except (CRSError, ProjError):
        return None
    # `Side` may have its coordinates in other units than the file: here they are those of the CRS
    y, x = (
        Side(size, np.asarray(data[dim].values, float) * factor)
        for dim, size in zip(data.dims, data.shape, strict=True)
    )

    def locate(longitude: np.ndarray, latitude: np.ndarray) -> np.ndarray:
        placed = np.column_stack(move.transform(longitude, latitude))
        placed[~np.isfinite(placed).all(axis=1)] = np.nan
        return np.column_stack([_interpolate(x, placed[:, 0]), _interpolate(y, placed[:, 1])])

    sample = (side.add_edges()[1] for side in (x, y))
    some = [ends[np.linspace(0, len(ends) - 1, SAMPLED).round().astype(int)] for ends in sample]
    across, up = map(np.ravel, np.meshgrid(*some))
    longitude, latitude = move.transform(across, up, direction="INVERSE")
    return _describe(locate, longitude, latitude)


def _read_crs(data: xr.DataArray) -> CRS | None:
    """Return the reference system that a scalar coordinate of a raster holds."""
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    for coordinate in data.coords.values():
        if coordinate.ndim == 0 and {"crs_wkt", "spatial_ref", "grid_mapping_name"} & set(
            coordinate.attrs
        ):
            text = coordinate.attrs.get("crs_wkt", coordinate.attrs.get("spatial_ref"))
            try:
                return CRS(text) if text else CRS.from_cf(dict(coordinate.attrs))
            except (CRSError, KeyError, TypeError, ValueError):
                continue
    return None


def _find_factor(units: str, crs: CRS) -> float | None:
    """Return what turns coordinates into those of the reference system; None if that is unclear."""
    own = crs.axis_info[0].unit_name if crs.axis_info else ""
    if crs.is_geographic:
        return 1.0 if units.startswith("degree") or not units else None
    if units in _RADIANS:  # of a satellite
        return crs.to_cf().get("perspective_point_height")
    if units == own.lower() or (units in _METRES and own in {"metre", ""}):
        return 1.0
    return 1000.0 if units in _KILOMETRES and own in {"metre", ""} else None


def _place_by_cells(data: xr.DataArray) -> Places | None:
    """Return the places of a grid with a longitude and a latitude for each cell."""
    from scipy.spatial import cKDTree

    degrees = find_cell_degrees(data)
    if degrees is None:
        return None
    step_down, step_right = (max(1, size // MOST_NODES) for size in data.shape)
    longitude, latitude = (own[::step_down, ::step_right] for own in degrees)
    centres = to_space(longitude, latitude)
    known = np.isfinite(centres).all(axis=2)
    if known.sum() < 4:
        return None
    down, right = (np.gradient(centres, axis=axis) for axis in (0, 1))
    known &= np.isfinite(down).all(axis=2) & np.isfinite(right).all(axis=2)
    where = np.argwhere(known)
    tree = cKDTree(centres[known])
    # No place is farther from its cell; to look for farther ones takes a hundred times as long.
    steps = (
        np.sqrt(np.einsum("ij,ij->i", down[known], down[known])),
        np.sqrt(np.einsum("ij,ij->i", right[known], right[known])),
    )
    farthest = NEAR_CELLS * float(np.hypot(*steps).max())

    def locate(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        found = np.full((len(x), 2), np.nan)
        points = to_space(x, y)
        usable = np.flatnonzero(np.isfinite(points).all(axis=1))
        distance, nearest = tree.query(points[usable], distance_upper_bound=farthest)
        usable, nearest = usable[np.isfinite(distance)], nearest[np.isfinite(distance)]
        row, column = where[nearest].T
        # Least squares in the plane of the two steps to the neighbours.
        a, b = down[row, column], right[row, column]
        off = points[usable] - centres[row, column]
        aa, ab, bb, ap, bp = (
            np.einsum("ij,ij->i", u, v) for u, v in ((a, a), (a, b), (b, b), (a, off), (b, off))
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            scale = aa * bb - ab * ab
            off_centre = np.column_stack([aa * bp - ab * ap, bb * ap - ab * bp]) / scale[:, None]
        off_centre[~(np.abs(off_centre) <= NEAR_CELLS).all(axis=1)] = np.nan
        nodes = np.column_stack([column, row]) + off_centre
        found[usable] = nodes * (step_right, step_down)
        return found

    rows, columns = (
        np.linspace(0, size - 1, min(size, SAMPLED)).round().astype(int) for size in latitude.shape
    )
    some = np.ix_(rows, columns)
    return _describe(locate, longitude[some].ravel(), latitude[some].ravel())


def _describe(locate: Locate, longitude: np.ndarray, latitude: np.ndarray) -> Places | None:
    """Return places that reach as far as some of them do; None if none is on Earth."""
    seen = np.isfinite(longitude) & np.isfinite(latitude)
    if not seen.any():
        return None
    longitude, latitude = np.asarray(longitude)[seen], np.asarray(latitude)[seen]
    south, north = float(latitude.min()), float(latitude.max())
    # Longitudes from -180 or from 0, whichever shows the grid in one piece.
    ends = []
    for first in (-180.0, 0.0):
        turned = (longitude - first) % 360.0 + first
        ends.append((float(turned.min()), float(turned.max())))
    west, east = min(ends, key=lambda pair: pair[1] - pair[0])
    for pole in (-90.0, 90.0):  # a pole between the cells is no cell
        row_column = locate(np.array([0.0]), np.array([pole]))
        if np.isfinite(row_column).all() and abs(pole - (north if pole > 0 else south)) < 25.0:
            is_polar = east - west > 180.0
            south, north = (min(south, pole), max(north, pole)) if is_polar else (south, north)
    if east - west > 300.0:
        west, east = (west + east) / 2 - 180.0, (west + east) / 2 + 180.0
    size = np.linalg.norm(np.ptp(to_space(longitude, latitude), axis=0))
    return Places(locate, (west, south, east, north), float(size), straight=False)
