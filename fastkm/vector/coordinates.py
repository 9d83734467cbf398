"""From pixels to coordinates: the one place that knows where a fractional row lies.

Whole numbers are cell centres, halves are cell edges. Between centres a coordinate is linear in
the index; beyond the first and last centre it goes on with the step of the last two, so that
index -0.5 is the outer edge of the first cell. Latitudes end at the poles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastkm.raster.axes import find_axes, is_geographic
from fastkm.raster.crs import geotransform

if TYPE_CHECKING:
    import xarray as xr

ALL_ROUND = 300.0
"""Degrees of longitude from which a raster is shown with the whole globe."""


def to_coordinates(pixels: np.ndarray, raster: xr.DataArray) -> np.ndarray:
    """Turn (row, column) into (x, y) in the coordinates of a raster.

    Parameters
    ----------
    pixels : (n, 2) array
        Fractional rows and columns.
    raster : xarray.DataArray
        With rows and columns as its dimensions. Where neither has a coordinate the transform that
        the raster carries leads to x and y; else a dimension without a coordinate is numbered.

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
    axes = find_axes(raster)
    move = geotransform(raster)
    if move is not None and not {axes.y, axes.x} & set(raster.coords):  # a turned grid
        row, column = pixels.T + 0.5
        x = move[0] + column * move[1] + row * move[2]
        return np.column_stack([x, move[3] + column * move[4] + row * move[5]])
    y = interpolate(_centres(raster, axes.y), pixels[:, 0])
    x = interpolate(_centres(raster, axes.x), pixels[:, 1])
    if is_geographic(raster, axes):
        y = np.clip(y, -90.0, 90.0)
    return np.column_stack([x, y])


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
    if not is_geographic(raster, find_axes(raster)):
        return None
    corners = np.array([[-0.5, -0.5], np.array(raster.shape) - 0.5])
    (west, south), (east, north) = np.sort(to_coordinates(corners, raster), axis=0).tolist()
    return (west, south, east, north) if east - west < ALL_ROUND else None


def interpolate(centres: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Read coordinates at fractional indices, going on linearly beyond both ends.

    Examples
    --------
    >>> interpolate(np.array([0.0, 10.0, 30.0]), np.array([-0.5, 0.5, 2.5]))
    array([-5.,  5., 40.])
    """
    if len(centres) == 1:
        return centres[0] + index
    low = np.clip(np.floor(index).astype(np.int64), 0, len(centres) - 2)
    share = index - low
    return np.asarray(centres[low] * (1.0 - share) + centres[low + 1] * share)


def _centres(raster: xr.DataArray, dim: str) -> np.ndarray:
    if dim not in raster.coords:
        return np.arange(raster.sizes[dim], dtype=np.float64)
    return np.asarray(raster[dim].values, np.float64)
