"""Cases of contours, regions and distances: from labels to polygons."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import rasterio.features
import shapely
import xarray as xr
from scipy.ndimage import gaussian_filter
from scipy.spatial import ConvexHull
from scipy.spatial.distance import cdist, pdist
from skimage import measure

import fastkm
from bench.case import Case
from fastkm.geometry import EARTH_RADIUS
from fastkm.lesson import LESSON_LEVEL, LESSON_MIN_DIAMETER, lesson_contours
from fastkm.vector import contours_to_frame, write_outlines

PIECE = 1 << 10
"""Points whose distances to all others are computed at a time."""


def smooth(rows: int, scale: float = 6.0) -> np.ndarray:
    """Filter noise on a globe of so many rows and twice as many columns."""
    noise = np.random.default_rng(0).normal(size=(rows, 2 * rows))
    return gaussian_filter(noise, scale, mode=("nearest", "wrap"))


def thresholded(dtype: str) -> Callable[[int], np.ndarray]:
    """Make 0 and 1 of a type, in thousands of patches."""
    return lambda rows: (smooth(rows) > 0).astype(dtype)


def label_map(rows: int) -> np.ndarray:
    """Cut noise into six classes of equal size: 18,000 regions of 1800 rows."""
    values = smooth(rows, 6.1)
    return np.digitize(values, np.quantile(values, np.arange(1, 6) / 6)).astype(np.int32)


def walk(points: int) -> np.ndarray:
    """Walk at random on the lattice of half pixels, as a coast does."""
    steps = np.random.default_rng(1).integers(-1, 2, (points, 2))
    return np.cumsum(steps, axis=0) / 2


def blob(points: int) -> np.ndarray:
    """Wind a contour of a label map round a centre."""
    angle = np.linspace(0, 2 * np.pi, points)
    radius = points / 8 * (1 + 0.2 * np.sin(9 * angle))
    return np.round(2 * np.column_stack([radius * np.sin(angle), radius * np.cos(angle)])) / 2


def places(points: int) -> np.ndarray:
    """Scatter latitudes and longitudes over the globe."""
    rng = np.random.default_rng(2)
    return np.column_stack([np.degrees(np.arcsin(rng.uniform(-1, 1, points))),
                            rng.uniform(-180, 180, points)])  # fmt: skip


def short_contours(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Make rings of 5 to 40 points, one in a thousand of them hundreds of pixels across."""
    rng = np.random.default_rng(3)
    sizes = rng.integers(5, 41, count)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    ring = np.repeat(np.arange(count), sizes)
    angle = 2 * np.pi * (np.arange(offsets[-1]) - offsets[ring]) / sizes[ring]
    radius = np.where(rng.random(count) < 1e-3, 120.0, sizes / 6)[ring]
    middle = rng.uniform(0, 3600, (count, 2))[ring]
    points = middle + radius[:, None] * np.column_stack([np.sin(angle), np.cos(angle)])
    return np.round(2 * points) / 2, offsets


def lesson_map(rows: int) -> xr.DataArray:
    """Threshold a raster as the lesson does: land, a moist belt round the globe, and the rest."""
    latitude = -90 + (np.arange(rows) + 0.5) * 180 / rows
    longitude = (np.arange(2 * rows) + 0.5) * 180 / rows
    moist = np.cos(np.radians(latitude))[:, None] ** 6 + 20 * smooth(rows, rows / 60) * rows / 1800
    land = smooth(rows, rows / 30)[::-1]
    classes = np.where(land > np.quantile(land, 0.7), 1, np.where(moist > 0.8, 2, 0)).astype("i1")
    return xr.DataArray(classes, {"lat": latitude, "lon": longitude}, ("lat", "lon"))


def _hull_and_pdist(points: np.ndarray) -> float:
    return float(pdist(points[ConvexHull(points).vertices]).max())


def _all_pairs_on_a_sphere(points: np.ndarray) -> float:
    """Compare all pairs, some at a time, by the angle between unit vectors."""
    latitude, longitude = np.radians(points).T
    space = np.column_stack([np.cos(latitude) * np.cos(longitude),
                             np.cos(latitude) * np.sin(longitude), np.sin(latitude)])  # fmt: skip
    least = np.inf
    for start in range(0, len(space), PIECE):
        least = min(least, float((space[start : start + PIECE] @ space[start:].T).min()))
    return float(EARTH_RADIUS * np.arccos(np.clip(least, -1, 1)))


def _polygons_by_rasterio(labels: np.ndarray) -> gpd.GeoDataFrame:
    shapes = list(rasterio.features.shapes(labels))
    polygons = [shapely.geometry.shape(shape) for shape, _ in shapes]
    return gpd.GeoDataFrame({"cluster": [int(v) for _, v in shapes]}, geometry=polygons)


def _boxes_by_numpy(data: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    points, offsets = data
    starts = offsets[:-1]
    sides = np.maximum.reduceat(points, starts) - np.minimum.reduceat(points, starts)
    return np.asarray(sides)


def _exceeds(data: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    points, offsets = data
    return fastkm.exceeds_distance(points, LESSON_MIN_DIAMETER, offsets=offsets)


def _written(frame: gpd.GeoDataFrame, write: Callable[[gpd.GeoDataFrame, Path], Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write(frame, Path(folder, "contours.shp"))


def _steps_by_fastkm(classes: xr.DataArray) -> list[float]:
    traced = lesson_contours(classes.values)
    _written(contours_to_frame(traced.contours, classes, make_valid=True), write_outlines)
    return traced.diameters


def _steps_by_the_lesson(classes: xr.DataArray) -> list[float]:
    """Trace, measure with cdist, place point by point, write."""
    latitude, longitude = classes["lat"].values, classes["lon"].values

    def at(centres: np.ndarray, index: float) -> float:
        low = int(index)
        return centres[low] if low == index else (centres[low] + centres[low + 1]) / 2

    found = measure.find_contours(classes.values.astype(float), LESSON_LEVEL)
    across = [float(cdist(line, line).max()) for line in found]
    long = [line for line, d in zip(found, across, strict=True) if d > LESSON_MIN_DIAMETER]
    rings = [[(at(longitude, c), at(latitude, r)) for r, c in line] for line in long]
    frame = gpd.GeoDataFrame(
        {"idx_name": [f"contour_{i}" for i in range(len(rings))]},
        geometry=[shapely.Polygon(ring) for ring in rings],
        crs="EPSG:4326",
    )
    _written(frame, lambda frame, path: frame.to_file(path))
    return [d for d in across if d > LESSON_MIN_DIAMETER]


def _same_contours(_data: Any, ours: list[np.ndarray], theirs: list[np.ndarray]) -> None:
    assert len(ours) == len(theirs)
    assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


def _same_polygons(_data: Any, ours: gpd.GeoDataFrame, theirs: gpd.GeoDataFrame) -> None:
    def rows(frame: gpd.GeoDataFrame, shift: float) -> list[tuple[int, str]]:
        moved = shapely.transform(frame.geometry.array, lambda points: points + shift)
        wkt = shapely.to_wkt(shapely.normalize(moved), trim=True)
        return sorted(zip(frame["cluster"].tolist(), wkt.tolist(), strict=True))

    assert rows(ours, 0.5) == rows(theirs, 0.0)


def _close(_data: Any, ours: Any, theirs: Any) -> None:
    assert np.allclose(ours, theirs, rtol=1e-9, atol=0)


def _not_beyond_the_box(_data: Any, ours: np.ndarray, sides: np.ndarray) -> None:
    assert not (ours & (np.hypot(*sides.T) <= LESSON_MIN_DIAMETER)).any()
    assert ours[(sides > LESSON_MIN_DIAMETER).any(axis=1)].all()


OUTLINES = [
    *(
        Case(
            f"find_contours, 1800 x 3600 {dtype}",
            thresholded(dtype),
            {"tiny": 40, "small": 400, "full": 1800},
            {
                "fastkm": lambda image: fastkm.find_contours(image, 0.5),
                "scikit-image": lambda image: measure.find_contours(image, 0.5),
            },
            _same_contours,
        )
        for dtype in ("uint8", "int64", "float32", "float64")
    ),
    Case(
        "polygonize, 1800 x 3600, 18,000 regions",
        label_map,
        {"tiny": 40, "small": 400, "full": 1800},
        {"fastkm": fastkm.polygonize, "rasterio + shapely": _polygons_by_rasterio},
        _same_polygons,
    ),
    Case(
        "longest distance, a lobed curve of 1e6 points",
        blob,
        {"tiny": 200, "small": 20_000, "full": 1_000_000},
        {"fastkm": fastkm.max_pairwise_distance, "ConvexHull + pdist": _hull_and_pdist},
        _close,
    ),
    Case(
        "longest distance, a walk of 1e6 points",
        walk,
        {"tiny": 200, "small": 20_000, "full": 1_000_000},
        {"fastkm": fastkm.max_pairwise_distance, "ConvexHull + pdist": _hull_and_pdist},
        _close,
    ),
    Case(
        "all pairs of 20,000 points",
        walk,
        {"tiny": 200, "small": 2_000, "full": 20_000},
        {
            "fastkm": lambda points: fastkm.max_pairwise_distance(points, method="chunked"),
            "cdist": lambda points: cdist(points, points).max(),
        },
        _close,
    ),
    Case(
        "great-circle diameter of 1e5 places",
        places,
        {"tiny": 200, "small": 5_000, "full": 100_000},
        {
            "fastkm": lambda p: fastkm.max_pairwise_distance(p, metric="great_circle"),
            "all pairs in pieces": _all_pairs_on_a_sphere,
        },
        lambda _data, ours, theirs: _angle_close(ours, theirs),
        once=("all pairs in pieces",),
    ),
    Case(
        "above 200 pixels? 1e5 short contours",
        short_contours,
        {"tiny": 200, "small": 10_000, "full": 100_000},
        {"fastkm": _exceeds, "their boxes (a yardstick)": _boxes_by_numpy},
        _not_beyond_the_box,
    ),
    Case(
        "the lesson after clustering, 1800 x 3600",
        lesson_map,
        {"tiny": 60, "small": 240, "full": 1800},
        {"fastkm": _steps_by_fastkm, "scikit-image + cdist": _steps_by_the_lesson},
        _close,
        once=("scikit-image + cdist",),
    ),
]


def _angle_close(ours: float, theirs: float) -> None:
    """Agree to the metre or so that an arc cosine leaves near half a turn."""
    assert abs(ours - theirs) < 1.0
