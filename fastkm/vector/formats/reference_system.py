"""Whether a file format keeps a reference system.

GDAL writes GeoPackages, shapefiles and FlatGeobufs with systems that it can describe there. It cannot
describe all: not those of rotated poles, for one, and a shapefile forgets how a satellite scans. So a
box is written with the system, read again and looked at: points in it must be where they were.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm.raster.grid.crs import is_longlat, is_rotated

if TYPE_CHECKING:
    import pyproj

SAME_PLACE = 1e-9
"""Share of the extent by which a CRS that was written may move points."""

POINTS = 5
"""Points on a side of the box that are compared."""


def keeps_crs(extension: str, crs: pyproj.CRS, bounds: np.ndarray) -> bool:
    """Return True if the format of an extension keeps the CRS of outlines within `bounds`.

    Examples
    --------
    >>> import pyproj
    >>> bounds = np.array([0.0, 0.0, 1e6, 1e6])
    >>> keeps_crs(".gpkg", pyproj.CRS(3035), bounds)
    True
    >>> keeps_crs(".gpkg", pyproj.CRS("+proj=nsper +h=3000000"), bounds)
    False
    """
    import geopandas as gpd
    import pyogrio
    import shapely
    from pyproj.exceptions import CRSError

    if is_longlat(crs) or crs.list_authority(min_confidence=100):
        return True
    if is_rotated(crs) or not np.isfinite(bounds).all():
        return not is_rotated(crs)
    probe = gpd.GeoDataFrame({"a": [0]}, geometry=[shapely.box(*bounds)], crs=crs)
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"probe{extension}"
        try:
            probe.to_file(path, engine="pyogrio")
        except CRSError:  # no WKT 1 of it
            return False
        found = pyogrio.read_info(path)["crs"]
    return is_same_crs(found, crs, bounds)


def is_same_crs(found: Any, crs: pyproj.CRS, bounds: np.ndarray) -> bool:
    """Return True if a CRS that was read puts points in a box where another has them.

    Its corners are not enough: those of a full disk are no place on Earth.
    """
    import pyproj
    from pyproj.exceptions import CRSError, ProjError

    if found is None:
        return False
    west, south, east, north = bounds.tolist()
    lines = np.linspace(west, east, POINTS), np.linspace(south, north, POINTS)
    x, y = (axis.ravel() for axis in np.meshgrid(*lines))
    try:
        there = pyproj.Transformer.from_crs(found, crs, always_xy=True).transform(x, y)
    except (CRSError, ProjError):  # as for a CRS that says nothing about the Earth
        return bool(pyproj.CRS(found) == crs)
    shift = np.abs(np.concatenate([there[0] - x, there[1] - y]))
    limit = SAME_PLACE * max(np.abs(x).max(), np.abs(y).max(), 1)
    return not bool((shift[np.isfinite(shift)] > limit).any())
