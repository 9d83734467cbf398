r"""The area of each cell, exactly: its quadrangle between two parallels and two meridians.

On an ellipsoid of semi-major axis a and eccentricity e the area between the equator and latitude
phi, a turn of 2 pi round, is pi a^2 q(phi) with

    q(phi) = (1 - e^2) (sin phi / (1 - e^2 sin^2 phi) + artanh(e sin phi) / e),

which is what defines the authalic latitude (Snyder 1987, equation 3-12). So a cell between
phi_1 and phi_2, lambda_1 and lambda_2 has the area a^2 / 2 (lambda_2 - lambda_1) (q(phi_2) -
q(phi_1)). A geodesic polygon is no substitute: its sides do not run along parallels.

Cells of any other grid, projected or curvilinear, have four corners. On the sphere of the same area,
with authalic latitudes, their quadrangle between great circles is two triangles (Van Oosterom &
Strackee 1983). Neighbours share their sides, so the areas of a region add up but for its boundary, whose
sides are not quite great circles.

The limits of cells are those of the file (CF ``bounds``) where it has them, else the midpoints of
the centres, the outermost cells being as wide as their neighbours, but no farther than the
poles. Centres stored as float32 are rounded, and the rounding of two of them is much of a
small step: where all steps are equal up to it they are taken for equal.

Snyder, J. P. (1987). Map projections: a working manual. USGS Professional Paper 1395.
Van Oosterom, A. & Strackee, J. (1983). The solid angle of a plane triangle. IEEE Trans. Biomed.
Eng. 30(2), 125-126.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastkm.raster.grid.axes import find_stack_axes, is_geographic, raster_variables
from fastkm.raster.grid.geolocation import AxisGrid, globe_of, grid_of, turn_of

if TYPE_CHECKING:
    import xarray as xr

SEMI_MAJOR = 6378137.0
"""Of the WGS84 ellipsoid, in metres."""
FLATTENING = 1 / 298.257223563
"""Of the WGS84 ellipsoid."""

BLOCK = 1 << 16
"""Corners that are computed at a time: some 10 MB."""

_E2 = FLATTENING * (2 - FLATTENING)
_E = _E2**0.5


def cell_areas(raster: xr.DataArray | xr.Dataset) -> xr.DataArray:
    """Give the area of each cell of a raster on the WGS84 ellipsoid.

    Parameters
    ----------
    raster : xarray.DataArray or xarray.Dataset
        With latitudes and longitudes in degrees, by axis or by cell, or with a reference system. Of a
        dataset the limits of cells are read from the variables that CF ``bounds`` attributes name.

    Returns
    -------
    xarray.DataArray
        Square metres, float64, dimensions (y, x) under their own names.

    Raises
    ------
    ValueError
        If the raster has neither, or limits that are no limits.

    Examples
    --------
    >>> import xarray as xr
    >>> lat, lon = np.arange(-89.5, 90), np.arange(0.5, 360)
    >>> globe = xr.DataArray(np.zeros((180, 360)), {"lat": lat, "lon": lon}, ("lat", "lon"))
    >>> areas = cell_areas(globe)
    >>> round(float(areas.sum()) / 1e6, 1)  # km2
    510065621.7
    """
    grid = _grid_of(raster)
    axes = find_stack_axes(grid)
    plane = grid.isel({dim: 0 for dim in grid.dims if dim not in axes[1:]}, drop=True)
    plane = plane.transpose(axes.y, axes.x)
    areas = _of_quadrangles(raster, grid) if is_geographic(grid, axes) else _of_corners(plane)
    made = plane.copy(data=areas)
    made.name, made.encoding = "cell_area", {}
    made.attrs = {"units": "m2", "standard_name": "cell_area", "long_name": "area of the cell"}
    return made


def _of_quadrangles(raster: xr.DataArray | xr.Dataset, grid: xr.DataArray) -> np.ndarray:
    """Measure cells between the limits that a file or the centres of cells give."""
    axes = find_stack_axes(grid)
    return _between(_limits(raster, grid, axes.y), _limits(raster, grid, axes.x))


def _between(south_north: np.ndarray, west_east: np.ndarray) -> np.ndarray:
    """Measure cells between parallels and meridians."""
    south_north = np.clip(south_north, -90.0, 90.0)
    heights = np.abs(np.diff(_q(np.radians(south_north)), axis=1))
    widths = np.abs(np.diff(np.radians(west_east), axis=1))
    return np.asarray(SEMI_MAJOR**2 / 2 * heights * widths.T)


def _of_corners(plane: xr.DataArray) -> np.ndarray:
    """Measure cells of four corners, some rows at a time."""
    grid = grid_of(plane)
    to_globe = globe_of(grid)
    if to_globe is None:
        y, x = plane.dims
        raise ValueError(
            f"areas of cells need latitudes and longitudes in degrees, but {plane.name!r} has the "
            f"coordinates {y!r} and {x!r} without them, and no reference system"
        )
    if isinstance(grid, AxisGrid) and grid.in_degrees:  # latitudes and longitudes by cell
        return _between(*(_pairs(_edges(centres, 0.0)) for centres in (grid.y, grid.x)))
    rows, columns = plane.shape
    areas = np.empty((rows, columns))
    step = max(1, BLOCK // (columns + 1))
    for start in range(0, rows, step):
        stop = min(start + step, rows)
        lattice = np.indices((stop - start + 1, columns + 1)).reshape(2, -1).T - 0.5
        lattice[:, 0] += start
        corners = _on_sphere(*np.radians(to_globe(grid.place(lattice)).T))
        a, b, c, d = _around_cells(corners.reshape(3, stop - start + 1, columns + 1))
        areas[start:stop] = np.abs(_solid_angle(a, b, c) + _solid_angle(a, c, d))
    return areas * (SEMI_MAJOR**2 * _q(np.pi / 2) / 2)


def _on_sphere(longitude: np.ndarray, latitude: np.ndarray) -> np.ndarray:
    """Give unit vectors, (3, n), at authalic latitudes."""
    sine = np.clip(_q(latitude) / _q(np.pi / 2), -1.0, 1.0)
    cosine = np.sqrt((1 - sine) * (1 + sine))
    return np.stack([cosine * np.cos(longitude), cosine * np.sin(longitude), sine])


def _around_cells(corners: np.ndarray) -> tuple[np.ndarray, ...]:
    """Give the four corners of each cell, in their order around it."""
    return corners[:, :-1, :-1], corners[:, 1:, :-1], corners[:, 1:, 1:], corners[:, :-1, 1:]


def _solid_angle(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Give the signed solid angle of spherical triangles of unit vectors.

    Of differences, as small triangles have few digits in the vectors themselves.
    """
    volume = (a * np.cross(b - a, c - a, axis=0)).sum(axis=0)
    ab, bc, ca = (a * b).sum(axis=0), (b * c).sum(axis=0), (c * a).sum(axis=0)
    return np.asarray(2 * np.arctan2(volume, 1 + ab + bc + ca))


def _grid_of(raster: xr.DataArray | xr.Dataset) -> xr.DataArray:
    """Give a variable on the grid."""
    import xarray as xr

    if isinstance(raster, xr.DataArray):
        return raster
    names = raster_variables(raster)
    if not names:
        raise ValueError("areas of cells need a raster, but the dataset holds none")
    return raster[names[0]]


def _q(latitude: np.ndarray | float) -> np.ndarray:
    """Measure the area from the equator on, in units of pi a^2 for a whole turn."""
    sine = np.sin(latitude)
    return np.asarray((1 - _E2) * (sine / (1 - _E2 * sine**2) + np.arctanh(_E * sine) / _E))


def _limits(raster: xr.DataArray | xr.Dataset, grid: xr.DataArray, dim: str) -> np.ndarray:
    """Give the two limits of each cell along a dimension, in degrees: shape (n, 2)."""
    coordinate = grid[dim]
    name = coordinate.attrs.get("bounds", coordinate.encoding.get("bounds"))
    stored = None
    if name is not None and name in getattr(raster, "variables", raster.coords):
        stored = np.asarray(raster[name].values, np.float64)
        if stored.shape != (coordinate.size, 2) or not np.isfinite(stored).all():
            raise ValueError(
                f"bounds {name!r} of {dim!r} must be finite, of shape {(coordinate.size, 2)}, "
                f"got {stored.shape}"
            )
    turned = dim == find_stack_axes(grid).x
    if stored is not None:
        return np.unwrap(stored, axis=1, period=360.0) if turned else stored
    centres = np.asarray(coordinate.values)
    if len(centres) < 2:
        raise ValueError(
            f"the limits of cells follow from neighbours, but {dim!r} has {len(centres)} of them "
            "and no bounds"
        )
    exact = centres.astype(np.float64)
    exact = np.unwrap(exact, period=360.0) if turned else exact
    edges = _edges(exact, _rounding(centres))
    if turned and turn_of(exact):  # the outermost are neighbours
        full = np.copysign(360.0, exact[-1] - exact[0])
        shift = (edges[0] + full - edges[-1]) / 2
        edges[[0, -1]] += -shift, shift
    return _pairs(edges)


def _pairs(edges: np.ndarray) -> np.ndarray:
    return np.column_stack([edges[:-1], edges[1:]])


def _rounding(centres: np.ndarray) -> float:
    """Tell how far the type of centres may have moved them."""
    largest = np.abs(centres).max()
    return float(np.spacing(largest)) if centres.dtype.kind == "f" else 0.0


def _edges(centres: np.ndarray, rounding: float) -> np.ndarray:
    """Put edges midway between centres, and as far beyond the first and the last."""
    even = np.linspace(centres[0], centres[-1], len(centres))
    if np.abs(even - centres).max() <= rounding:
        step = (centres[-1] - centres[0]) / (len(centres) - 1)
        return centres[0] + step * (np.arange(len(centres) + 1) - 0.5)
    middles = (centres[:-1] + centres[1:]) / 2
    return np.concatenate([[2 * centres[0] - middles[0]], middles, [2 * centres[-1] - middles[-1]]])
