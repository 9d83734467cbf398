"""Run the steps of the lesson once in this process, as the lesson does them or as fastkm does.

    python -m bench.lesson_steps WHO FILE WARM RESTARTS    # prints JSON

A run on another raster comes first, to compile kernels and load libraries. The address space is limited to
the memory that is free, so that a step that needs more fails, not the machine; the steps after it use
fastkm's result instead.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import fastkm
from bench.own_process import read_peak
from bench.quality import inertia_of
from bench.timing import silence_warnings
from fastkm._core.cf_missing import to_physical
from fastkm.geometry.distance import max_pairwise_distances
from fastkm.plot import clusters_figure
from fastkm.vector.write import write_outlines
from scripts.tpw_workflow import (
    LESSON_K,
    LESSON_KS,
    LESSON_LEVEL,
    LESSON_MIN_DIAMETER,
    draw_contours,
    draw_thresholded,
    threshold,
    to_polygons,
)

VARIABLE = "precipitable_water"
THE_LESSON = "the lesson"
RESTARTS = 20
"""Restarts that scipy makes by default."""


class Clock:
    """Measure the seconds of steps, and note which ones failed."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.failed: dict[str, str] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a step; if it runs out of memory, note that it failed."""
        begin = time.perf_counter()
        try:
            yield
        except MemoryError as error:
            self.failed[name] = str(error) or "out of memory"
        self.seconds[name] = time.perf_counter() - begin


def by_the_lesson(file: Path, folder: Path, restarts: int = RESTARTS) -> dict[str, Any]:
    """Do every step as the lesson does; the seconds are scaled up to all restarts."""
    import netCDF4
    from scipy.cluster import vq
    from scipy.spatial.distance import cdist
    from skimage import measure

    clock = Clock()
    with clock.step("read"), netCDF4.Dataset(file) as dataset:
        latitude, longitude = (dataset[name][:].data for name in ("latitude", "longitude"))
        water = dataset[VARIABLE][0]
        water.mask = False
        image = water.data
    flat = image.ravel()
    with clock.step("cluster"):
        rng = np.random.default_rng(0)
        codebooks = {k: vq.kmeans(flat.astype(float), k, restarts, rng=rng)[0] for k in LESSON_KS}
    clock.seconds["cluster"] *= RESTARTS / restarts
    with clock.step("label"):
        maps = {k: vq.vq(flat, codebooks[k])[0].reshape(image.shape) for k in LESSON_KS}
    with clock.step("threshold"):
        order = np.argsort(codebooks[LESSON_K])
        classes = np.zeros(image.shape)
        classes[maps[LESSON_K] == order[0]] = 1
        classes[maps[LESSON_K] == order[-1]] = 2
    with clock.step("trace"):
        found = measure.find_contours(classes, LESSON_LEVEL)
    across: list[float] = []
    with clock.step("measure"):
        across = [float(cdist(line, line).max()) for line in found]
    if "measure" in clock.failed:
        across = measure_lengths(found)
    long = [line for line, d in zip(found, across, strict=True) if d > LESSON_MIN_DIAMETER]
    with clock.step("write"):
        write_points_one_by_one(long, latitude, longitude, folder / "contours.shp")
    with clock.step("draw"):
        draw_by_the_lesson(image, maps, classes, long, folder)
    return summarize(clock, inertia_of(flat.astype(float), codebooks[LESSON_K]), across)


def write_points_one_by_one(
    lines: list[np.ndarray], latitude: np.ndarray, longitude: np.ndarray, path: Path
) -> None:
    """Look up the coordinates of each point, and write polygons."""
    import geopandas as gpd
    import shapely

    def at(centres: np.ndarray, index: float) -> float:
        low = int(index)
        return centres[low] if low == index else (centres[low] + centres[low + 1]) / 2

    rings = [[(at(longitude, c), at(latitude, r)) for r, c in line] for line in lines]
    names = [f"contour_{number}" for number in range(len(rings))]
    polygons = [shapely.Polygon(ring) for ring in rings]
    gpd.GeoDataFrame({"idx_name": names}, geometry=polygons, crs="EPSG:4326").to_file(path)


def draw_by_the_lesson(
    image: np.ndarray,
    maps: dict[int, np.ndarray],
    classes: np.ndarray,
    lines: list[np.ndarray],
    folder: Path,
) -> None:
    """Draw the raster with its label maps, the classes, and the contours, by imshow."""
    from matplotlib.figure import Figure

    shown = {"interpolation": "nearest", "aspect": "auto", "origin": "lower"}
    figure = Figure(figsize=(20, 7))
    for number, cells in enumerate([image, *maps.values()]):
        axes = figure.add_subplot(2, 4, number + 1)
        figure.colorbar(axes.imshow(cells, **shown), ax=axes)
    figure.savefig(folder / "clusters.png")
    figure = Figure(figsize=(15, 20))
    for number, cells in enumerate([image, maps[LESSON_K], classes]):
        axes = figure.add_subplot(3, 1, number + 1)
        figure.colorbar(axes.imshow(cells, **shown), ax=axes)
    figure.savefig(folder / "thresholded.png")
    figure = Figure(figsize=(20, 7))
    axes = figure.add_subplot()
    figure.colorbar(axes.imshow(image, **shown), ax=axes)
    for line in lines:
        axes.plot(line[:, 1], line[:, 0], color="black", linewidth=2)
    figure.savefig(folder / "contours.png")


def by_fastkm(file: Path, folder: Path) -> dict[str, Any]:
    """Do every step as ``scripts/tpw_workflow.py`` does."""
    clock = Clock()
    with clock.step("read"):
        stored = fastkm.read_raster(file, missing="keep")
        cells = to_physical(stored)
    with clock.step("cluster"):
        results = fastkm.kmeans1d(cells, LESSON_KS)
    with clock.step("label"):
        maps = {k: result.predict(cells) for k, result in results.items()}
    with clock.step("threshold"):
        classes = threshold(maps[LESSON_K], LESSON_K)
    with clock.step("trace"):
        found = fastkm.find_contours(classes, LESSON_LEVEL)
    with clock.step("measure"):
        across = measure_lengths(found)
    long = [line for line, d in zip(found, across, strict=True) if d > LESSON_MIN_DIAMETER]
    with clock.step("write"):
        write_outlines(to_polygons(long, stored), folder / "contours.shp")
    with clock.step("draw"):
        centroids = {k: result.centroids for k, result in results.items()}
        placed = {k: stored.copy(data=labels) for k, labels in maps.items()}
        kept = stored.copy(data=classes)
        clusters_figure(stored, placed, centroids).savefig(folder / "clusters.png")
        shown = draw_thresholded(stored, placed[LESSON_K], centroids[LESSON_K], kept)
        shown.savefig(folder / "thresholded.png")
        draw_contours(stored, long).savefig(folder / "contours.png")
    return summarize(clock, inertia_of(cells.ravel(), results[LESSON_K].centroids), across)


def measure_lengths(lines: list[np.ndarray]) -> list[float]:
    """Measure all contours at once."""
    offsets = np.cumsum([0, *map(len, lines)])
    return max_pairwise_distances(np.concatenate([np.empty((0, 2)), *lines]), offsets).tolist()


def summarize(clock: Clock, inertia: float, across: list[float]) -> dict[str, Any]:
    """Return the results of a run; `across` are the diameters of all contours."""
    kept = [d for d in across if d > LESSON_MIN_DIAMETER]
    return {
        "seconds": clock.seconds,
        "failed": clock.failed,
        "inertia": inertia,
        "kept": len(kept),
        "longest": max(kept, default=0.0),
        "peak": read_peak(),
    }


def main(who: str, file: str, warm: str, restarts: str) -> None:
    """Run one way, after a run on a coarse raster that compiles kernels and loads libraries."""
    way = partial(by_the_lesson, restarts=int(restarts)) if who == THE_LESSON else by_fastkm
    with silence_warnings(), tempfile.TemporaryDirectory() as folder:
        way(Path(warm), Path(folder))
        with limit_memory():
            print(json.dumps(way(Path(file), Path(folder))))


@contextmanager
def limit_memory() -> Iterator[None]:
    """Let allocations beyond the free memory fail, if the system has such a limit."""
    try:
        import resource

        meminfo = Path("/proc/meminfo").read_text()
    except (ImportError, OSError):  # Windows, macOS
        yield
        return
    available = 1024 * int(re.findall(r"MemAvailable:\s+(\d+)", meminfo)[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (available, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


if __name__ == "__main__":
    main(*sys.argv[1:])
