"""Contours as polygons, as the lesson makes them: one each, whatever they are.

What a contour leaves open is closed by a straight line, a hole is a shape of its own, and where a
contour meets itself the polygon is not valid. `fastkm.outline` is for all other work.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fastkm.raster.grid.geolocation import grid_of

if TYPE_CHECKING:
    import geopandas as gpd
    import xarray as xr


def contours_to_frame(
    contours: Sequence[np.ndarray], raster: xr.DataArray, *, make_valid: bool = False
) -> gpd.GeoDataFrame:
    """Turn contours into polygons named ``contour_0``, ``contour_1`` … in column ``idx_name``.

    Parameters
    ----------
    contours : sequence of (n, 2) array
        Rows and columns, n >= 3.
    raster : xarray.DataArray
        The raster whose coordinates they get.
    make_valid : bool, default: False
        Mend polygons that cross or touch themselves: they become MultiPolygons, which cover the
        same area. By default they stay as they are.

    Returns
    -------
    geopandas.GeoDataFrame
        One row a contour, in the reference system that the raster carries, else in EPSG:4326
        where it has latitudes and longitudes.

    Warns
    -----
    UserWarning
        Of polygons that are not valid: why, and where.

    Examples
    --------
    >>> import xarray as xr
    >>> raster = xr.DataArray(np.zeros((3, 3)), {"lat": [0, 1, 2], "lon": [5, 6, 7]}, ("lat", "lon"))
    >>> frame = contours_to_frame([np.array([[0.0, 0], [0, 2], [2, 0]])], raster)
    >>> frame.idx_name[0], frame.geometry[0].wkt
    ('contour_0', 'POLYGON ((5 0, 7 0, 5 2, 5 0))')
    """
    import geopandas as gpd
    import shapely

    grid = grid_of(raster)
    polygons = np.array([shapely.Polygon(grid.place(contour)) for contour in contours], object)
    wrong = np.flatnonzero(~np.asarray(shapely.is_valid(polygons), bool))
    if make_valid:
        for number in wrong:
            polygons[number] = _areas_of(shapely.make_valid(polygons[number]))
    elif len(wrong):
        others = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        warnings.warn(
            f"contour_{wrong[0]} is not a valid polygon, "
            f"{shapely.is_valid_reason(polygons[wrong[0]])}{others}: mend it with make_valid, "
            "or use fastkm.outline, whose polygons are valid",
            stacklevel=2,
        )
    names = [f"contour_{number}" for number in range(len(polygons))]
    return gpd.GeoDataFrame({"idx_name": names}, geometry=list(polygons), crs=grid.crs)


def _areas_of(geometry: object) -> object:
    """Leave out the points and lines of what was mended."""
    import shapely

    parts = shapely.get_parts(shapely.get_parts(geometry))
    areal = parts[shapely.get_dimensions(parts) == 2]
    return areal[0] if len(areal) == 1 else shapely.multipolygons(areal)
