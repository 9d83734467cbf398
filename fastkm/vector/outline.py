"""Outlines of a cluster as polygons with a coordinate reference system.

Two ways. `contours_to_frame` turns contours into one polygon each, as the lesson does: what the
contour leaves open is closed by a straight line, holes are shapes of their own. `outline` is for
all other work: it traces the cluster at 0.5 of ``labels == cluster`` with a border of other cells
around the array, so every ring closes, along the array's edge too; rings inside rings become
holes; and the polygons are valid. A region that crosses the seam of a global grid is cut there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fastkm.geometry import find_contours, max_pairwise_distance
from fastkm.raster.axes import find_axes, is_geographic
from fastkm.raster.crs import crs_wkt
from fastkm.vector.coordinates import to_coordinates

if TYPE_CHECKING:
    import geopandas as gpd
    import shapely
    import xarray as xr

WGS84 = "EPSG:4326"


def contours_to_frame(contours: Sequence[np.ndarray], raster: xr.DataArray) -> gpd.GeoDataFrame:
    """Turn contours into polygons named ``contour_0``, ``contour_1`` … in column ``idx_name``.

    Parameters
    ----------
    contours : sequence of (n, 2) array
        Rows and columns, n >= 3.
    raster : xarray.DataArray
        The raster whose coordinates they get.

    Returns
    -------
    geopandas.GeoDataFrame
        One row a contour, in the reference system that the raster carries, else in EPSG:4326
        where it has latitudes and longitudes.

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

    polygons = [shapely.Polygon(to_coordinates(contour, raster)) for contour in contours]
    names = [f"contour_{number}" for number in range(len(polygons))]
    return gpd.GeoDataFrame({"idx_name": names}, geometry=polygons, crs=_crs(raster))


def outline(
    labels: xr.DataArray, cluster: int, *, centroid: float, min_diameter: float = 0.0
) -> gpd.GeoDataFrame:
    """Outline the connected regions of one cluster.

    Parameters
    ----------
    labels : xarray.DataArray
        Cluster numbers by cell, -1 where missing.
    cluster : int
        The cluster to outline.
    centroid : float
        Its centroid, for the column ``value``.
    min_diameter : float, default: 0
        Leave out regions whose longest distance across is this many pixels or less.

    Returns
    -------
    geopandas.GeoDataFrame
        One row a region, the longest first: ``cluster``, ``value``, ``diameter_px`` (longest
        distance between two points of the exterior, in pixels) and ``geometry``, valid polygons
        with holes, in the reference system that the labels carry, else in EPSG:4326 where they
        have latitudes and longitudes.

    Examples
    --------
    >>> import xarray as xr
    >>> labels = xr.DataArray([[0, 1, 1], [0, 0, 0]], {"lat": [0, 1], "lon": [5, 6, 7]}, ("lat", "lon"))
    >>> outline(labels, 1, centroid=3.5).round(3)[["cluster", "value", "diameter_px"]]
       cluster  value  diameter_px
    0        1    3.5          2.0
    """
    import geopandas as gpd
    import shapely

    axes = find_axes(labels)
    labels = labels.transpose(axes.y, axes.x)
    polygons = _regions(np.asarray(labels.values) == cluster)
    diameters = np.array(
        [max_pairwise_distance(shapely.get_coordinates(p.exterior)) for p in polygons]
    )
    order = [int(i) for i in np.argsort(-diameters, kind="stable") if diameters[i] > min_diameter]
    geometry = [_placed(polygons[i], labels) for i in order]
    columns = {
        "cluster": np.full(len(order), cluster, np.int64),
        "value": np.full(len(order), centroid, np.float64),
        "diameter_px": diameters[order] if order else np.empty(0),
    }
    return gpd.GeoDataFrame(columns, geometry=geometry, crs=_crs(labels))


def _regions(inside: np.ndarray) -> list[shapely.Polygon]:
    """Trace the regions of a binary image as polygons with holes, in (row, column)."""
    import shapely

    rings = [ring - 1.0 for ring in find_contours(np.pad(inside, 1), 0.5)]
    if not rings:
        return []
    # rings at 0.5 neither cross nor touch, so even-odd filling tells exteriors from holes
    lines = shapely.linestrings(np.concatenate(rings), indices=_ring_numbers(rings))
    area = shapely.build_area(shapely.geometrycollections(lines))
    return list(shapely.get_parts(area))


def _ring_numbers(rings: list[np.ndarray]) -> np.ndarray:
    return np.repeat(np.arange(len(rings)), [len(ring) for ring in rings])


def _placed(polygon: shapely.Polygon, raster: xr.DataArray) -> shapely.Polygon:
    """Move a polygon from (row, column) to coordinates."""
    import shapely

    return shapely.transform(polygon, lambda pixels: to_coordinates(pixels, raster))


def _crs(raster: xr.DataArray) -> str | None:
    """Give the system that the raster carries; degrees without one are WGS84."""
    carried = crs_wkt(raster)
    if carried is not None:
        return carried
    return WGS84 if is_geographic(raster, find_axes(raster)) else None
