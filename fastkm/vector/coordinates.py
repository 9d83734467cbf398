"""From pixels to coordinates: the one place that knows where a fractional row lies.

Whole numbers are cell centres, halves are cell edges. Between centres a coordinate is linear in
the index; beyond the first and last centre it goes on with the step of the last two, so that
index -0.5 is the outer edge of the first cell. Latitudes end at the poles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastkm.raster.axes import find_axes, is_geographic

if TYPE_CHECKING:
    import xarray as xr


def to_coordinates(pixels: np.ndarray, raster: xr.DataArray) -> np.ndarray:
    """Turn (row, column) into (x, y) in the coordinates of a raster.

    Parameters
    ----------
    pixels : (n, 2) array
        Fractional rows and columns.
    raster : xarray.DataArray
        With rows and columns as its dimensions. A dimension without a coordinate is numbered.

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
    y = interpolate(_centres(raster, axes.y), pixels[:, 0])
    x = interpolate(_centres(raster, axes.x), pixels[:, 1])
    if is_geographic(raster, axes):
        y = np.clip(y, -90.0, 90.0)
    return np.column_stack([x, y])


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
