r"""The exact area of each cell: its quadrangle between two parallels and two meridians.

On an ellipsoid of semi-major axis a and eccentricity e the zone between the equator and latitude
phi has the area pi a^2 q(phi) with

    q(phi) = (1 - e^2) (sin phi / (1 - e^2 sin^2 phi) + artanh(e sin phi) / e),

which is what defines the authalic latitude (Snyder 1987, equation 3-12). So a cell between
phi_1 and phi_2, lambda_1 and lambda_2 has the area a^2 / 2 (lambda_2 - lambda_1) (q(phi_2) -
q(phi_1)). A geodesic polygon is no substitute: its sides do not run along parallels.

Cells of any other grid, projected or curvilinear, have four corners. On the sphere of the same
area, with authalic latitudes, their quadrangle between great circles is two triangles (Van Oosterom
& Strackee 1983). Neighbours share their sides, so the areas of a region add up, except at its
boundary, whose sides are not exactly great circles.

The limits of cells are those of the file (CF ``bounds``) if it has them. Otherwise they are midway
between the centres; the outermost cells are as wide as their neighbours, and end at the poles.
Centres stored as float32 are rounded, and the rounding of two centres is a large part of a small
step: if all steps are equal except for rounding, they are taken to be equal.

Snyder, J. P. (1987). Map projections: a working manual. USGS Professional Paper 1395.
Van Oosterom, A. & Strackee, J. (1983). The solid angle of a plane triangle. IEEE Trans. Biomed.
Eng. 30(2), 125-126.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np

from fastkm._core.attributes import read_text
from fastkm.raster.grid.axes import find_raster_variables, find_stack_axes, measure_rounding
from fastkm.raster.grid.coordinates import convert_coordinates, find_axis_degrees
from fastkm.raster.grid.geolocation import (
    AxisGrid,
    Grid,
    count_columns_around,
    find_globe_transform,
    find_grid,
)

if TYPE_CHECKING:
    import xarray as xr

Chunks = tuple[tuple[int, ...], ...]

SEMI_MAJOR = 6378137.0
"""Semi-major axis of the WGS84 ellipsoid, in metres."""
FLATTENING = 1 / 298.257223563
"""Flattening of the WGS84 ellipsoid."""

BLOCK = 1 << 16
"""Corners that are computed at a time; they take some 10 MB."""

_E2 = FLATTENING * (2 - FLATTENING)
_E = _E2**0.5


def cell_areas(raster: xr.DataArray | xr.Dataset) -> xr.DataArray:
    """Compute the area of each cell of a raster on the WGS84 ellipsoid, (y, x), in m2.

    The raster has latitudes and longitudes in degrees, by axis or by cell, or a reference system.
    Cells that have no place, or that reach beyond the Earth's edge (on a full disk), have no area.
    If it is a dataset, the limits of cells are read from the variables that CF ``bounds`` name.
    Cells whose latitude and longitude are missing have no area, 0. The areas of a lazy raster are a
    dask array with its blocks of rows and columns.

    Raises
    ------
    ValueError
        If the raster has neither, or its limits of cells are not valid.

    Examples
    --------
    >>> import xarray as xr
    >>> lat, lon = np.arange(-89.5, 90), np.arange(0.5, 360)
    >>> globe = xr.DataArray(np.zeros((180, 360)), {"lat": lat, "lon": lon}, ("lat", "lon"))
    >>> areas = cell_areas(globe)
    >>> round(float(areas.sum()) / 1e6, 1)  # km2
    510065621.7
    """
    grid: Any = raster
    if hasattr(raster, "data_vars"):
        names = find_raster_variables(grid)
        if not names:
            raise ValueError("areas of cells need a raster, but the dataset holds none")
        grid = grid[names[0]]
    axes = find_stack_axes(grid)
    plane = grid.isel({dim: 0 for dim in grid.dims if dim not in axes[1:]}, drop=True)
    plane = plane.transpose(axes.y, axes.x)
    degrees = find_axis_degrees(plane, axes.y, axes.x)
    if degrees is not None:
        grid = convert_coordinates(plane, axes.y, axes.x)
        sides = zip((axes.y, axes.x), degrees, strict=True)
        south_north, west_east = (_find_limits(raster, grid, dim, size) for dim, size in sides)
        areas = _measure_quadrangles(south_north, west_east, plane.chunks)
    else:
        areas = _measure_by_corners(plane)
    made = plane.copy(data=areas)
    made.name, made.encoding = "cell_area", {}
    made.attrs = {"units": "m2", "standard_name": "cell_area", "long_name": "area of the cell"}
    return made


def _measure_quadrangles(
    south_north: np.ndarray, west_east: np.ndarray, chunks: Chunks | None
) -> Any:
    """Compute the areas of cells between parallels and meridians, in m2; lazily, if in chunks."""
    south_north = np.clip(south_north, -90.0, 90.0)
    heights = SEMI_MAJOR**2 / 2 * np.abs(np.diff(compute_q(np.radians(south_north)), axis=1))
    widths = np.abs(np.diff(np.radians(west_east), axis=1)).T
    if chunks is None:
        return heights * widths
    import dask.array as da

    rows, columns = chunks
    return da.from_array(heights, (rows, 1)) * da.from_array(widths, (1, columns))


def _measure_by_corners(plane: xr.DataArray) -> Any:
    """Compute the areas of cells of four corners, in m2; lazily, if the raster is lazy."""
    grid = find_grid(plane)
    if find_globe_transform(grid) is None:
        y, x = plane.dims
        raise ValueError(
            f"areas of cells need latitudes and longitudes in degrees, but {plane.name!r} has the "
            f"coordinates {y!r} and {x!r} without them, and no reference system"
        )
    if isinstance(grid, AxisGrid) and grid.in_degrees:  # latitudes and longitudes by cell
        south_north, west_east = (_pair_edges(_place_edges(c, 0.0)) for c in (grid.y, grid.x))
        return _measure_quadrangles(south_north, west_east, plane.chunks)
    if plane.chunks is None:
        rows, columns = map(np.arange, plane.shape)
        return _measure_window(rows, columns, grid=grid)
    import dask.array as da

    rows, columns = (
        da.arange(size, chunks=(lengths,))
        for size, lengths in zip(plane.shape, plane.chunks, strict=True)
    )
    measure, name = partial(_measure_window, grid=grid), f"areas-{uuid4().hex}"
    return da.map_blocks(
        measure, rows[:, None], columns[None], name=name, dtype=np.float64, chunks=plane.chunks
    )


def _measure_window(row_numbers: np.ndarray, column_numbers: np.ndarray, grid: Grid) -> np.ndarray:
    """Compute the areas of the cells in consecutive rows and columns, some rows at a time."""
    first_row, first_column = int(np.ravel(row_numbers)[0]), int(np.ravel(column_numbers)[0])
    rows, columns = row_numbers.size, column_numbers.size
    areas = np.empty((rows, columns))
    step = max(1, BLOCK // (columns + 1))
    column_edges = first_column + np.arange(columns + 1)
    for start in range(0, rows, step):
        stop = min(start + step, rows)
        row_edges = first_row + np.arange(start, stop + 1)
        areas[start:stop] = measure_blocks(grid, row_edges, column_edges)
    missing = getattr(grid, "missing", None)
    if missing is not None:
        window = missing[first_row : first_row + rows, first_column : first_column + columns]
        areas[window] = 0.0
    return areas


def measure_blocks(grid: Grid, row_edges: np.ndarray, column_edges: np.ndarray) -> np.ndarray:
    """Compute the areas of blocks of cells of a grid on the globe, in m2.

    Edges are numbers of rows and columns, each the first of a block, and one more: shapes (r + 1,)
    and (c + 1,) for r times c blocks. A block with a corner that is no place on Earth has area 0.
    """
    to_globe: Any = find_globe_transform(grid)
    lattice = np.stack(np.meshgrid(row_edges, column_edges, indexing="ij"), axis=-1) - 0.5
    corners = _to_authalic_sphere(*np.radians(to_globe(grid.place(lattice.reshape(-1, 2))).T))
    corners = corners.reshape(3, len(row_edges), len(column_edges))
    a, b = corners[:, :-1, :-1], corners[:, 1:, :-1]  # of each block, in their order around it
    c, d = corners[:, 1:, 1:], corners[:, :-1, 1:]
    areas = np.abs(_compute_solid_angle(a, b, c) + _compute_solid_angle(a, c, d))
    areas *= SEMI_MAJOR**2 * compute_q(np.pi / 2) / 2
    areas[np.isnan(areas)] = 0.0
    return areas


def _to_authalic_sphere(longitude: np.ndarray, latitude: np.ndarray) -> np.ndarray:
    """Return unit vectors, (3, n), at the authalic latitudes of positions in radians."""
    sine = np.clip(compute_q(latitude) / compute_q(np.pi / 2), -1.0, 1.0)
    cosine = np.sqrt((1 - sine) * (1 + sine))
    return np.stack([cosine * np.cos(longitude), cosine * np.sin(longitude), sine])


def _compute_solid_angle(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Compute the signed solid angle of spherical triangles of unit vectors.

    It is computed from differences: the vectors of a small triangle differ in few digits.
    """
    volume = (a * np.cross(b - a, c - a, axis=0)).sum(axis=0)
    ab, bc, ca = (a * b).sum(axis=0), (b * c).sum(axis=0), (c * a).sum(axis=0)
    return np.asarray(2 * np.arctan2(volume, 1 + ab + bc + ca))


def compute_q(latitude: np.ndarray | float) -> np.ndarray:
    """Compute q, the area between the equator and a latitude in radians, in units of pi a^2."""
    sine = np.sin(latitude)
    return np.asarray((1 - _E2) * (sine / (1 - _E2 * sine**2) + np.arctanh(_E * sine) / _E))


def _find_limits(
    raster: xr.DataArray | xr.Dataset, grid: xr.DataArray, dim: str, size: float
) -> np.ndarray:
    """Find the two limits of each cell along a dimension, in degrees: shape (n, 2).

    `size` has the degrees of the unit of the file.
    """
    # the limits of the file, if it has any
    coordinate = grid[dim]
    name = read_text({**coordinate.encoding, **coordinate.attrs}, "bounds")
    stored = None
    if name and name in getattr(raster, "variables", raster.coords):
        stored = np.asarray(raster[name].values, np.float64) * size
        if stored.shape != (coordinate.size, 2) or not np.isfinite(stored).all():
            raise ValueError(
                f"bounds {name!r} of {dim!r} must be finite, of shape {(coordinate.size, 2)}, "
                f"got {stored.shape}"
            )
    is_longitude = dim == find_stack_axes(grid).x
    if stored is not None:
        return np.unwrap(stored, axis=1, period=360.0) if is_longitude else stored
    # otherwise midway between centres
    centres = np.asarray(coordinate.values)
    if len(centres) < 2:
        raise ValueError(
            f"the limits of cells lie midway between their centres, but {dim!r} has {len(centres)} "
            "of them and no bounds"
        )
    exact = centres.astype(np.float64)
    exact = np.unwrap(exact, period=360.0) if is_longitude else exact
    edges = _place_edges(exact, measure_rounding(centres))
    if is_longitude and count_columns_around(exact):  # the outermost cells are neighbours
        full = np.copysign(360.0, exact[-1] - exact[0])
        shift = (edges[0] + full - edges[-1]) / 2
        edges[[0, -1]] += -shift, shift
    return _pair_edges(edges)


def _pair_edges(edges: np.ndarray) -> np.ndarray:
    return np.column_stack([edges[:-1], edges[1:]])


def _place_edges(centres: np.ndarray, rounding: float) -> np.ndarray:
    """Place edges midway between centres, and as far beyond the first and the last."""
    even = np.linspace(centres[0], centres[-1], len(centres))
    if np.abs(even - centres).max() <= rounding:
        step = (centres[-1] - centres[0]) / (len(centres) - 1)
        return centres[0] + step * (np.arange(len(centres) + 1) - 0.5)
    middles = (centres[:-1] + centres[1:]) / 2
    return np.concatenate([[2 * centres[0] - middles[0]], middles, [2 * centres[-1] - middles[-1]]])
