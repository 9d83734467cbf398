"""Cases of polygons that tile: with junctions, simplified, smoothed, sieved, and bands between isolines.

Rivals trace the same cells, without the vertices where three regions meet, so fastkm does more work. It
stands beside itself without them as a yardstick. Polygons are compared as sorted rows of cluster, area
and length, which vertices on straight edges do not change.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
import xarray as xr

import fastkm
from bench.case import Case, Rival
from bench.cases.outlines import by_rasterio, label_map, serial, smooth

CLASSES = 5
LARGE = 40.0
"""Cells over which the noise of large regions is smoothed."""
TOLERANCE, PASSES, SIZE = 2, 2, 16
"""Cells of tolerance of what is simplified, times that corners are cut, cells of the least region."""
FEWEST, PLAIN = "fastkm, fewest vertices", "fastkm, polygonize alone"


def random_map(rows: int) -> np.ndarray:
    """Draw each cell of a square from five classes: half as many regions as cells."""
    return np.random.default_rng(4).integers(0, CLASSES, (rows, rows)).astype(np.int32)


def noise(rows: int) -> np.ndarray:
    """Draw each cell of a map twice as wide as high from five classes."""
    return np.random.default_rng(5).integers(0, CLASSES, (rows, 2 * rows)).astype(np.uint8)


def large_regions(rows: int) -> np.ndarray:
    """Cut smoother noise into six classes: some hundred regions."""
    values = smooth(rows, LARGE * rows / 1800)
    return np.digitize(values, np.quantile(values, np.arange(1, 6) / 6)).astype(np.int32)


def without_junctions(labels: np.ndarray) -> gpd.GeoDataFrame:
    return fastkm.polygonize(labels, junctions=False)


def by_xarray_spatial(labels: np.ndarray) -> gpd.GeoDataFrame:
    from xrspatial.experimental.polygonize import polygonize

    raster = xr.DataArray(labels, dims=("y", "x"))
    return polygonize(raster, column_name="cluster", return_type="geopandas")


def by_contourrs(labels: np.ndarray) -> gpd.GeoDataFrame:
    from contourrs import shapes_arrow

    table = shapes_arrow(labels, connectivity=4)
    polygons = shapely.from_wkb(table["geometry"].to_numpy())
    return gpd.GeoDataFrame({"cluster": table["value"].to_numpy()}, geometry=polygons)


def sort_rows(frame: gpd.GeoDataFrame) -> np.ndarray:
    """Return the sorted rows (cluster, area, length) of a frame."""
    polygons = frame.geometry.array
    rows = np.column_stack([frame["cluster"], shapely.area(polygons), shapely.length(polygons)])
    return rows[np.lexsort(rows.T[::-1])]


def same_regions(_data: Any, ours: gpd.GeoDataFrame, theirs: gpd.GeoDataFrame) -> None:
    """Agree in the cluster, area and length of each region."""
    assert len(ours) == len(theirs)
    assert np.allclose(sort_rows(ours), sort_rows(theirs))


def by_rasterio_and_simplify(labels: np.ndarray) -> gpd.GeoDataFrame:
    frame = by_rasterio(labels)
    simplified = shapely.coverage_simplify(frame.geometry.array, TOLERANCE)
    return frame.set_geometry(gpd.GeoSeries(simplified))


def by_rasterio_and_chaikin(labels: np.ndarray) -> gpd.GeoDataFrame:
    """Cut the corners of each ring by itself, so that gaps open where three regions meet."""
    frame = by_rasterio(labels)
    polygons = [
        shapely.Polygon(cut_corners(one.exterior), [cut_corners(hole) for hole in one.interiors])
        for one in frame.geometry
    ]
    return frame.set_geometry(polygons)


def cut_corners(ring: shapely.LinearRing) -> np.ndarray:
    """Cut the corners of a ring with a point at each corner of a cell (Chaikin 1974)."""
    points = shapely.get_coordinates(shapely.segmentize(ring, 1.0))[:-1]
    for _ in range(PASSES):
        following = np.roll(points, -1, axis=0)
        pairs = np.stack([0.75 * points + 0.25 * following, 0.25 * points + 0.75 * following], 1)
        points = pairs.reshape(-1, 2)
    return points


def by_gdal_sieve(labels: np.ndarray) -> np.ndarray:
    import rasterio.features

    return rasterio.features.sieve(labels, SIZE)


def nearly_same_areas(_data: Any, ours: gpd.GeoDataFrame, theirs: gpd.GeoDataFrame) -> None:
    """Agree in the number of regions of each cluster, and to 3 % in their area.

    Simplified it is 0.3 % of the full map, 0.5 % of the small one and 2.2 % of the tiny one, which
    has more outline for its area; smoothed 0.2 % at most.
    """
    sums = [f.assign(area=f.geometry.area).groupby("cluster")["area"].agg(["count", "sum"])
            for f in (ours, theirs)]  # fmt: skip
    assert sums[0]["count"].equals(sums[1]["count"])
    assert np.allclose(sums[0]["sum"], sums[1]["sum"], rtol=0.03)


def sieved_alike(labels: np.ndarray, ours: np.ndarray, theirs: np.ndarray) -> None:
    """Keep labels, and most cells as they were where regions are large."""
    assert set(np.unique(theirs)) <= set(np.unique(labels))
    kept = ours == labels
    assert np.mean(theirs[kept] == labels[kept]) > 0.5


def regions_case(
    name: str,
    make: Callable[[int], np.ndarray],
    full: int = 1800,
    rename: Callable[[int], str] | None = None,
) -> Case:
    """Turn all regions of a label map into polygons that share their vertices."""
    return Case(
        name,
        make,
        {"tiny": 40, "small": 400, "full": full},
        {
            "fastkm": Rival(fastkm.polygonize, "fastkm"),
            "rasterio + shapely": serial(by_rasterio, "rasterio.features"),
            "xarray-spatial": serial(by_xarray_spatial, "xrspatial.experimental.polygonize"),
            "contourrs": Rival(by_contourrs, "contourrs"),
            FEWEST: Rival(without_junctions, "fastkm", yardstick=True),
        },
        same_regions,
        rename=rename,
    )


def generalize_case(name: str, options: dict[str, Any], others: dict[str, Rival]) -> Case:
    """Simplify or smooth the polygons of a label map."""
    return Case(
        f"{name}, 1800 x 3600",
        label_map,
        {"tiny": 40, "small": 400, "full": 1800},
        {
            "fastkm": Rival(lambda labels: fastkm.polygonize(labels, **options), "fastkm"),
            **others,
            PLAIN: Rival(fastkm.polygonize, "fastkm", yardstick=True),
        },
        nearly_same_areas,
    )


def random_name(rows: int) -> str:
    """Return the name of the case of a random map of so many rows."""
    return f"polygonize with junctions, {rows} x {rows} at random"


POLYGONS = [
    regions_case("polygonize with junctions, 1800 x 3600", label_map),
    regions_case("polygonize with junctions, large regions, 1800 x 3600", large_regions),
    regions_case(random_name(1024), random_map, 1024, random_name),
    generalize_case(
        "polygons simplified",
        {"simplify": f"{TOLERANCE}px"},
        {"rasterio + coverage_simplify": serial(by_rasterio_and_simplify, "rasterio.features")},
    ),
    generalize_case(
        "polygons smoothed",
        {"smooth": PASSES},
        {"rasterio + corners of each ring": serial(by_rasterio_and_chaikin, "rasterio.features")},
    ),
    Case(
        f"sieve, regions below {SIZE} cells of noise, 1800 x 3600",
        noise,
        {"tiny": 40, "small": 400, "full": 1800},
        {
            "fastkm": Rival(lambda labels: fastkm.sieve(labels, f"{SIZE}px"), "fastkm"),
            "rasterio": serial(by_gdal_sieve, "rasterio.features"),
        },
        sieved_alike,
    ),
]
