"""Cases of masks from polygons: the cells of a raster whose centres lie in the polygons of a file.

Both read the same GeoPackage in each run. The coast of the continent has 1e5
points for 1800 rows of the raster; there are a lake and islands, too.
"""

from __future__ import annotations

import atexit
import shutil
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import shapely
import xarray as xr

from bench.case import Case, Rival
from bench.cases.outlines import serial
from fastkm.raster.mask import apply_mask

POINTS_A_ROW = 56
ISLANDS = 500


class MaskedRaster(NamedTuple):
    """A global raster and a file of polygons, which is removed when the process ends."""

    raster: xr.DataArray
    path: Path


def coast(rows: int) -> MaskedRaster:
    """Draw a continent with a rough coast, a lake and islands, and a raster of so many rows."""
    rng = np.random.default_rng(8)
    angle = np.linspace(0, 2 * np.pi, POINTS_A_ROW * rows, endpoint=False)
    walk = np.cumsum(rng.normal(size=len(angle))) * 6 / np.sqrt(len(angle))
    radius = 50 + walk + (walk[0] - walk[-1]) * angle / (2 * np.pi)
    ring = np.column_stack([1.8 * radius * np.cos(angle), 0.9 * radius * np.sin(angle)])
    lake = shapely.Point(10, 0).buffer(10)
    places = np.column_stack([rng.uniform(-178, 178, ISLANDS), rng.uniform(-85, 85, ISLANDS)])
    shapes = [shapely.make_valid(shapely.Polygon(ring)) - lake]
    folder = mkdtemp()
    atexit.register(shutil.rmtree, folder)
    path = Path(folder) / "coast.gpkg"
    islands = shapely.buffer(shapely.points(places), 0.5)
    gpd.GeoDataFrame(geometry=[*shapes, *islands], crs=4326).to_file(path)
    latitude = 90 - (np.arange(rows) + 0.5) * 180 / rows
    longitude = -180 + (np.arange(2 * rows) + 0.5) * 180 / rows
    coords = {"lat": latitude, "lon": longitude}
    raster = xr.DataArray(np.ones((rows, 2 * rows), np.float32), coords, ("lat", "lon"))
    return MaskedRaster(raster, path)


def by_fastkm(data: MaskedRaster) -> xr.DataArray:
    return apply_mask(data.raster, data.path)


def by_rasterio(data: MaskedRaster) -> xr.DataArray:
    import rasterio.features
    from rasterio.transform import from_bounds

    frame = gpd.read_file(data.path)
    place = from_bounds(-180, -90, 180, 90, data.raster.shape[1], data.raster.shape[0])
    outside = rasterio.features.geometry_mask(frame.geometry, data.raster.shape, place)
    return data.raster.where(~outside)


def same_cells(_data: Any, ours: xr.DataArray, theirs: xr.DataArray) -> None:
    """Agree in each cell."""
    assert np.array_equal(ours, theirs, equal_nan=True)


MASKS = [
    Case(
        "mask from polygons, 1800 x 3600",
        coast,
        {"tiny": 40, "small": 400, "full": 1800},
        {
            "fastkm": Rival(by_fastkm, "fastkm"),
            "rasterio": serial(by_rasterio, "rasterio.features"),
        },
        same_cells,
    )
]
