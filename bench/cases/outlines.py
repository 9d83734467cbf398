"""Cases of contours, regions and distances: from labels to polygons.

scikit-image's contours are fastkm's to the bit. contourpy's are the same lines with other starts and
joined otherwise at saddles, so their length is compared. Polygons are compared as sets of shapes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
import xarray as xr
from scipy.ndimage import gaussian_filter

import fastkm
from bench.case import Case, Rival
from bench.cases.data import lesson_contours
from bench.table import format_count
from fastkm.geometry.diameters.farthest_on_globe import EARTH_RADIUS
from fastkm.vector.write import write_outlines
from scripts.tpw_workflow import LESSON_LEVEL, LESSON_MIN_DIAMETER, to_polygons

PIECE = 1 << 10
"""Points whose distances to all others are computed at a time."""
LEVEL = 0.5
LEAST_FOR_HULLS = 100
"""Points of a walk below which all may lie on a line, which has no hull."""
MOST_FOR_CDIST = 20_000
"""Points of which cdist takes 3.2 GB."""


def smooth(rows: int, scale: float = 6.0) -> np.ndarray:
    """Filter noise on a globe of so many rows and twice as many columns."""
    noise = np.random.default_rng(0).normal(size=(rows, 2 * rows))
    return gaussian_filter(noise, scale, mode=("nearest", "wrap"))


def make_thresholded(dtype: str) -> Callable[[int], np.ndarray]:
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


def short_contours(rings: int) -> tuple[np.ndarray, np.ndarray]:
    """Make rings of 5 to 40 points, one in a thousand of them hundreds of pixels across."""
    rng = np.random.default_rng(3)
    sizes = rng.integers(5, 41, rings)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    ring = np.repeat(np.arange(rings), sizes)
    angle = 2 * np.pi * (np.arange(offsets[-1]) - offsets[ring]) / sizes[ring]
    radius = np.where(rng.random(rings) < 1e-3, 120.0, sizes / 6)[ring]
    middle = rng.uniform(0, 3600, (rings, 2))[ring]
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


def by_hull_and_pdist(points: np.ndarray) -> float:
    from scipy.spatial import ConvexHull
    from scipy.spatial.distance import pdist

    return float(pdist(points[ConvexHull(points).vertices]).max())


def by_shapely(points: np.ndarray) -> float:
    from scipy.spatial.distance import pdist

    hull = shapely.convex_hull(shapely.MultiPoint(points))
    return float(pdist(shapely.get_coordinates(hull)).max())


def by_cdist(points: np.ndarray) -> float:
    from scipy.spatial.distance import cdist

    return float(cdist(points, points).max())


def on_a_sphere_in_pieces(points: np.ndarray) -> float:
    """Compare all pairs, some at a time, by the angle between unit vectors."""
    latitude, longitude = np.radians(points).T
    space = np.column_stack([np.cos(latitude) * np.cos(longitude),
                             np.cos(latitude) * np.sin(longitude), np.sin(latitude)])  # fmt: skip
    least = np.inf
    for start in range(0, len(space), PIECE):
        least = min(least, float((space[start : start + PIECE] @ space[start:].T).min()))
    return float(EARTH_RADIUS * np.arccos(np.clip(least, -1, 1)))


def by_skimage(image: np.ndarray) -> list[np.ndarray]:
    from skimage import measure

    return measure.find_contours(image, LEVEL)


def by_contourpy(image: np.ndarray) -> list[np.ndarray]:
    from contourpy import contour_generator

    return contour_generator(z=image).lines(LEVEL)


def by_rasterio(labels: np.ndarray) -> gpd.GeoDataFrame:
    import rasterio.features

    shapes = list(rasterio.features.shapes(labels))
    polygons = [shapely.geometry.shape(shape) for shape, _ in shapes]
    return gpd.GeoDataFrame({"cluster": [int(v) for _, v in shapes]}, geometry=polygons)


def by_union_of_cells(labels: np.ndarray) -> gpd.GeoDataFrame:
    """Join the squares of each label; a cell that touches by a corner is a polygon of its own."""
    row, column = np.indices(labels.shape)
    cells = shapely.box(column, row, column + 1, row + 1)
    found = {
        label: shapely.coverage_union_all(cells[labels == label]) for label in np.unique(labels)
    }
    parts = {label: shapely.get_parts(union) for label, union in found.items()}
    clusters = np.repeat(list(parts), [len(some) for some in parts.values()])
    return gpd.GeoDataFrame({"cluster": clusters}, geometry=np.concatenate([*parts.values()]))


def boxes(data: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    points, offsets = data
    starts = offsets[:-1]
    sides = np.maximum.reduceat(points, starts) - np.minimum.reduceat(points, starts)
    return np.asarray(sides)


def find_long_contours(data: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    points, offsets = data
    return fastkm.exceeds_distance(points, LESSON_MIN_DIAMETER, offsets=offsets)


def write_to_folder(
    frame: gpd.GeoDataFrame, write: Callable[[gpd.GeoDataFrame, Path], Any]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write(frame, Path(folder, "contours.shp"))


def steps_by_fastkm(classes: xr.DataArray) -> list[float]:
    traced = lesson_contours(classes.values)
    write_to_folder(to_polygons(traced.contours, classes, make_valid=True), write_outlines)
    return traced.diameters


def steps_by_the_lesson(classes: xr.DataArray) -> list[float]:
    """Trace, measure with cdist, place point by point, write."""
    from skimage import measure

    latitude, longitude = classes["lat"].values, classes["lon"].values

    def at(centres: np.ndarray, index: float) -> float:
        low = int(index)
        return centres[low] if low == index else (centres[low] + centres[low + 1]) / 2

    found = measure.find_contours(classes.values.astype(float), LESSON_LEVEL)
    across = [by_cdist(line) for line in found]
    long = [line for line, d in zip(found, across, strict=True) if d > LESSON_MIN_DIAMETER]
    rings = [[(at(longitude, c), at(latitude, r)) for r, c in line] for line in long]
    frame = gpd.GeoDataFrame(
        {"idx_name": [f"contour_{i}" for i in range(len(rings))]},
        geometry=[shapely.Polygon(ring) for ring in rings],
        crs="EPSG:4326",
    )
    write_to_folder(frame, lambda frame, path: frame.to_file(path))
    return [d for d in across if d > LESSON_MIN_DIAMETER]


def length(lines: list[np.ndarray]) -> float:
    """Add up the lengths of lines."""
    return float(sum(np.hypot(*np.diff(line, axis=0).T).sum() for line in lines))


def same_contours(_image: Any, ours: list[np.ndarray], theirs: list[np.ndarray]) -> None:
    """Agree to the bit, or in all but where lines start and end: then columns stand first."""
    if len(ours) == len(theirs) and all(map(np.array_equal, ours, theirs)):
        return
    assert np.isclose(length(ours), length(theirs), rtol=1e-9)
    ends = np.sort(np.concatenate([line[:-1] @ [1e6, 1] for line in ours]))
    assert np.allclose(ends, np.sort(np.concatenate([line[:-1] @ [1, 1e6] for line in theirs])))


def same_polygons(_data: Any, ours: gpd.GeoDataFrame, theirs: gpd.GeoDataFrame) -> None:
    """Agree as sets of shapes; fastkm's lie round the centres of cells, and have junctions."""

    def rows(frame: gpd.GeoDataFrame, shift: float) -> list[tuple[int, str]]:
        moved = shapely.transform(frame.geometry.array, lambda points: points + shift)
        wkt = shapely.to_wkt(shapely.normalize(shapely.simplify(moved, 0)), trim=True)
        return sorted(zip(frame["cluster"].tolist(), wkt.tolist(), strict=True))

    assert rows(ours, 0.5) == rows(theirs, 0.0)


def same_areas(_data: Any, ours: gpd.GeoDataFrame, theirs: gpd.GeoDataFrame) -> None:
    """Agree in the area and number of the polygons of each cluster."""
    sums = [f.assign(area=f.geometry.area).groupby("cluster")["area"].agg(["count", "sum"])
            for f in (ours, theirs)]  # fmt: skip
    assert sums[0].index.equals(sums[1].index)
    assert np.allclose(sums[0], sums[1])


def close(_data: Any, ours: Any, theirs: Any) -> None:
    assert np.allclose(ours, theirs, rtol=1e-9, atol=0)


def angle_close(_data: Any, ours: float, theirs: float) -> None:
    """Agree to the metre or so that an arc cosine leaves near half a turn."""
    assert abs(ours - theirs) < 1.0


def not_beyond_the_box(_data: Any, ours: np.ndarray, sides: np.ndarray) -> None:
    """No contour is longer than its box, and one whose box is wide enough is."""
    assert not (ours & (np.hypot(*sides.T) <= LESSON_MIN_DIAMETER)).any()
    assert ours[(sides > LESSON_MIN_DIAMETER).any(axis=1)].all()


def serial(run: Callable[[Any], Any], needs: str) -> Rival:
    """Name one that has one thread."""
    return Rival(run, needs, serial=True)


HULLS = {
    "fastkm": Rival(fastkm.max_pairwise_distance, "fastkm"),
    "ConvexHull + pdist": serial(by_hull_and_pdist, "scipy.spatial"),
    "shapely, convex hull": serial(by_shapely, "shapely"),
}


def distance_case(n: int, make: Callable[[int], np.ndarray] = walk, word: str = "a walk") -> Case:
    """Measure the longest distance of some points; all pairs where that fits in memory."""
    all_pairs = {"cdist": serial(by_cdist, "scipy.spatial")} if n <= MOST_FOR_CDIST else {}
    others = HULLS if n >= LEAST_FOR_HULLS else {"fastkm": HULLS["fastkm"]}
    return Case(
        f"longest distance, {word} of {format_count(n)} points",
        make,
        {"tiny": min(n, 200), "small": min(n, 5_000), "full": n},
        {**others, **all_pairs},
        close,
        at={"n": n},
    )


def contours_case(rows: int, dtype: str = "uint8", *, flat: bool = False) -> Case:
    """Trace the contours of a thresholded image, or of one without any."""
    make = make_thresholded(dtype)
    return Case(
        f"find_contours, {rows} x {2 * rows} {dtype}{', none there' if flat else ''}",
        (lambda n: np.zeros_like(make(n))) if flat else make,
        {"tiny": min(rows, 40), "small": min(rows, 400), "full": rows},
        {
            "fastkm": Rival(lambda image: fastkm.find_contours(image, LEVEL), "fastkm"),
            "scikit-image": serial(by_skimage, "skimage.measure"),
            "contourpy": serial(by_contourpy, "contourpy"),
        },
        same_contours,
        at={"n": 2 * rows * rows},
    )


def regions_case(rows: int) -> Case:
    """Turn the regions of a label map into polygons."""
    return Case(
        f"polygonize, {rows} x {2 * rows}",
        label_map,
        {"tiny": min(rows, 40), "small": min(rows, 400), "full": rows},
        {
            "fastkm": Rival(fastkm.polygonize, "fastkm"),
            "rasterio + shapely": serial(by_rasterio, "rasterio.features"),
        },
        same_polygons,
        at={"n": 2 * rows * rows},
    )


OUTLINES = [
    *(contours_case(1800, dtype) for dtype in ("uint8", "int64", "float32", "float64")),
    contours_case(20),
    contours_case(8),
    contours_case(20, flat=True),
    contours_case(8, flat=True),
    regions_case(1800),
    regions_case(20),
    Case(
        "polygonize by areas, 200 x 400",
        label_map,
        {"tiny": 20, "small": 200, "full": 200},
        {
            "fastkm": Rival(fastkm.polygonize, "fastkm"),
            "shapely, union of cells": serial(by_union_of_cells, "shapely"),
        },
        same_areas,
    ),
    distance_case(1_000_000, blob, "a lobed curve"),
    distance_case(1_000_000),
    distance_case(10_000),
    distance_case(100),
    distance_case(30),
    distance_case(3),
    Case(
        "all pairs of 20,000 points",
        walk,
        {"tiny": 200, "small": 2_000, "full": 20_000},
        {
            "fastkm": Rival(lambda p: fastkm.max_pairwise_distance(p, method="chunked"), "fastkm"),
            "cdist": serial(by_cdist, "scipy.spatial"),
        },
        close,
    ),
    Case(
        "great-circle diameter of 1e5 places",
        places,
        {"tiny": 200, "small": 5_000, "full": 100_000},
        {
            "fastkm": Rival(
                lambda p: fastkm.max_pairwise_distance(p, metric="great_circle"), "fastkm"
            ),
            "all pairs in pieces": Rival(on_a_sphere_in_pieces),
        },
        angle_close,
    ),
    Case(
        "above 200 pixels? 1e5 short contours",
        short_contours,
        {"tiny": 200, "small": 10_000, "full": 100_000},
        {
            "fastkm": Rival(find_long_contours, "fastkm"),
            "their boxes": Rival(boxes, serial=True, yardstick=True),
        },
        not_beyond_the_box,
    ),
    Case(
        "the lesson after clustering, 1800 x 3600",
        lesson_map,
        {"tiny": 60, "small": 240, "full": 1800},
        {
            "fastkm": Rival(steps_by_fastkm, "fastkm"),
            "scikit-image + cdist": serial(steps_by_the_lesson, "skimage.measure"),
        },
        close,
    ),
]
