"""The lesson, step by step: each step's seconds, as the lesson does it and as fastkm does it.

    python -m bench.lesson WHO FILE RESTARTS    # one run, in this process: JSON

The raster is a month of the sample's archive, with the lesson's names and fill values, at 1, 0.25 and 0.1
degree. The lesson's way is `scipy.cluster.vq.kmeans` for k = 2 ... 8 of all cells, fill values and all,
``vq``, `skimage.measure.find_contours`, the greatest of all distances that ``cdist`` gives, polygons point by
point, geopandas, matplotlib. fastkm's is what `fastkm.lesson` calls. Both read the same file and leave the
same files. The last map, on coastlines, is left out of both, since the lesson's library for it is gone.

Each run is a process of its own, with kernels compiled by a run on a small raster before. The address space is
limited to the memory that is there, so that a step that needs more fails instead of the machine; the steps
after it go on with what it would have given, from fastkm.
"""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import fastkm
from bench.own_process import peak
from bench.part import Found, Part
from bench.quality import inertia_of
from bench.style import new_figure
from bench.table import markdown, percent, readable, times
from bench.threads import ALL, limited
from bench.timing import quiet
from fastkm._missing import physical
from fastkm.geometry import max_pairwise_distances
from fastkm.lesson import LESSON_K, LESSON_KS, LESSON_LEVEL, LESSON_MIN_DIAMETER, threshold
from fastkm.raster import sample_dataset
from fastkm.raster.sample_archive import write_sample_archive

if TYPE_CHECKING:
    from matplotlib.figure import Figure

VARIABLE = "precipitable_water"
STEPS = ("read", "cluster", "label", "threshold", "trace", "measure", "write", "draw")
COMPUTED = ("cluster", "label", "threshold", "trace", "measure")
"""The steps that compute; the others are files and figures."""
COARSE, WARM = 4.0, 1.0
RESOLUTIONS = {"tiny": (COARSE,), "small": (1.0,), "full": (1.0, 0.25, 0.1)}
ROUNDS = {"tiny": 1, "small": 3, "full": 3}
RESTARTS = 20
"""That scipy makes by default."""
FEW, FEW_BELOW = 2, 0.5
"""So many at resolutions finer than this: all take half an hour at 0.1 degree."""
ENOUGH = 20.0
"""Seconds of a run after which there is no further round."""
WAYS = ("the lesson", "fastkm, 1 thread", "fastkm")


class Clock:
    """Seconds of steps, and what went wrong in them."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.failed: dict[str, str] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a step; one that finds no memory is taken down as failed."""
        begin = time.perf_counter()
        try:
            yield
        except MemoryError as error:
            self.failed[name] = str(error) or "out of memory"
        self.seconds[name] = time.perf_counter() - begin


def by_the_lesson(file: Path, folder: Path, restarts: int = RESTARTS) -> dict[str, Any]:
    """Do every step as the lesson does; the seconds are those of all restarts."""
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
        across = lengths(found)
    long = [line for line, d in zip(found, across, strict=True) if d > LESSON_MIN_DIAMETER]
    with clock.step("write"):
        write_points_one_by_one(long, latitude, longitude, folder / "contours.shp")
    with clock.step("draw"):
        draw_by_the_lesson(image, maps, classes, long, folder)
    return told(clock, inertia_of(flat.astype(float), codebooks[LESSON_K]), across)


def write_points_one_by_one(
    lines: list[np.ndarray], latitude: np.ndarray, longitude: np.ndarray, path: Path
) -> None:
    """Look up the place of each point, and write polygons."""
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
    """Do every step as `fastkm.lesson` does."""
    from fastkm.plot import clusters_figure, contours_figure, thresholded_figure
    from fastkm.vector import contours_to_frame, write_outlines

    clock = Clock()
    with clock.step("read"):
        stored = fastkm.read_raster(file, missing="keep")
        cells = physical(stored)
    with clock.step("cluster"):
        results = fastkm.kmeans1d(cells, LESSON_KS)
    with clock.step("label"):
        maps = {k: result.predict(cells) for k, result in results.items()}
    with clock.step("threshold"):
        classes = threshold(maps[LESSON_K], LESSON_K)
    with clock.step("trace"):
        found = fastkm.find_contours(classes, LESSON_LEVEL)
    with clock.step("measure"):
        across = lengths(found)
    long = [line for line, d in zip(found, across, strict=True) if d > LESSON_MIN_DIAMETER]
    with clock.step("write"):
        write_outlines(contours_to_frame(long, stored), folder / "contours.shp")
    with clock.step("draw"):
        centroids = {k: result.centroids for k, result in results.items()}
        placed = {k: stored.copy(data=labels) for k, labels in maps.items()}
        kept = stored.copy(data=classes)
        clusters_figure(stored, placed, centroids).savefig(folder / "clusters.png")
        shown = thresholded_figure(stored, placed[LESSON_K], centroids[LESSON_K], kept)
        shown.savefig(folder / "thresholded.png")
        contours_figure(stored, long).savefig(folder / "contours.png")
    return told(clock, inertia_of(cells.ravel(), results[LESSON_K].centroids), across)


def lengths(lines: list[np.ndarray]) -> list[float]:
    """Measure all contours at once."""
    offsets = np.cumsum([0, *map(len, lines)])
    return max_pairwise_distances(np.concatenate([np.empty((0, 2)), *lines]), offsets).tolist()


def told(clock: Clock, inertia: float, across: list[float]) -> dict[str, Any]:
    """Put together what a run tells: `across` are the diameters of all contours."""
    kept = [d for d in across if d > LESSON_MIN_DIAMETER]
    return {
        "seconds": clock.seconds,
        "failed": clock.failed,
        "inertia": inertia,
        "kept": len(kept),
        "longest": max(kept, default=0.0),
        "peak": peak(),
    }


def write_month(folder: Path, resolution: float) -> Path:
    """Write the raster; above one degree it is the sample, thinned."""
    if resolution <= 1:
        return write_sample_archive(folder, months=1, resolution=resolution)[0]
    every = slice(None, None, int(resolution))
    path = folder / "coarse.nc"
    sample_dataset().isel(latitude=every, longitude=every).to_netcdf(path)
    return path


def in_own_process(who: str, file: Path, restarts: int) -> dict[str, Any]:
    """Run one way in a process of its own."""
    command = [sys.executable, "-m", "bench.lesson", who, str(file), str(restarts)]
    with limited(1 if who.endswith("1 thread") else ALL):
        ran = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(ran.stdout.splitlines()[-1])


def at_resolution(resolution: float, rounds: int) -> dict[str, Any]:
    """Run all ways in turn."""
    runs: dict[str, list[dict[str, Any]]] = {who: [] for who in WAYS}
    restarts = RESTARTS if resolution >= FEW_BELOW else FEW
    with tempfile.TemporaryDirectory() as folder:
        file = write_month(Path(folder), resolution)
        for _ in range(rounds):
            for who in WAYS:
                runs[who].append(in_own_process(who, file, restarts))
            if sum(runs["the lesson"][0]["seconds"].values()) > ENOUGH:
                break
    return {
        "resolution": resolution,
        "rounds": len(runs["fastkm"]),
        "restarts": restarts,
        "ways": {who: median_of(some) for who, some in runs.items()},
    }


def median_of(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Take the medians of the seconds, the rest of the last run."""
    medians = {step: statistics.median(run["seconds"][step] for run in runs) for step in STEPS}
    return {**runs[-1], "seconds": medians}


def run(size: str) -> Found:
    """Run all resolutions."""
    return {"resolutions": [at_resolution(r, ROUNDS[size]) for r in RESOLUTIONS[size]]}


def section(found: Found) -> str:
    """Write a table for every resolution."""
    return "\n\n".join(text for one in found["resolutions"] for text in paragraphs(one))


def paragraphs(one: dict[str, Any]) -> Iterator[str]:
    """Write a table of steps, and what came of them."""
    ways = one["ways"]
    lesson, ours = ways["the lesson"], ways["fastkm"]
    totals = {who: sum(way["seconds"].values()) for who, way in ways.items()}
    rows = [[step, *(cell(way, step) for way in ways.values())] for step in STEPS]
    rows.append(["**all**", *(readable(total) for total in totals.values())])
    ratios = {who: totals["the lesson"] / total for who, total in totals.items()}
    rows.append(["times as quick", *(times(ratio) for ratio in ratios.values())])
    computed = {who: sum(way["seconds"][step] for step in COMPUTED) for who, way in ways.items()}
    gains = [times(computed["the lesson"] / computed[who]) for who in ways]
    rows.append([f"the same of {', '.join(COMPUTED)}", *gains])
    rows.append(["peak memory", *(f"{way['peak'] / 1e6:,.0f} MB" for way in ways.values())])
    yield f"At {one['resolution']:g} degree (runs of each: {one['rounds']}):"
    yield markdown(["step", *ways], rows, len(ways))
    above = lesson["inertia"] / ours["inertia"] - 1
    yield (
        f"Inertia of {LESSON_K} clusters: the lesson's is {percent(above)} above fastkm's. Contours longer "
        f"than {LESSON_MIN_DIAMETER:g} pixels: {lesson['kept']}, the longest {lesson['longest']:.1f} "
        f"across; fastkm's: {ours['kept']}, {ours['longest']:.1f}."
    )
    if one["restarts"] < RESTARTS:
        yield (
            f"Of the {RESTARTS} restarts that scipy makes for each k, {one['restarts']} were run here; "
            "the seconds of *cluster* are multiplied accordingly."
        )
    for step, why in lesson["failed"].items():
        yield f"The lesson fails at *{step}*: {why}. What follows goes on with fastkm's result."


def cell(way: dict[str, Any], step: str) -> str:
    """Write the seconds of a step, or that it failed."""
    return "out of memory" if step in way["failed"] else readable(way["seconds"][step])


COLOURS = {
    "read": "#9e9e9e", "cluster": "#c1272d", "label": "#e8833a", "threshold": "#f2c14e",
    "trace": "#3b8f4f", "measure": "#2ca6c4", "write": "#1f4e79", "draw": "#b9a7d0",
}  # fmt: skip


def figures(found: Found) -> dict[str, Figure]:
    """Draw where the time goes: every bar is the whole of its own time, which stands at its end.

    Seconds on one axis would hide fastkm's bars, and logarithms cannot be stacked.
    """
    bars = [(one, who) for one in found["resolutions"] for who in ("the lesson", "fastkm")]
    figure, axes = new_figure(1, 1, width=9.5, height=0.55 * len(bars) + 1.3)
    panel = axes[0, 0]
    places = [number + 0.35 * (number // 2) for number in range(len(bars))]
    for place, (one, who) in zip(places, bars, strict=True):
        seconds = one["ways"][who]["seconds"]
        total, left = sum(seconds.values()), 0.0
        for step in STEPS:
            share = 100 * seconds[step] / total
            panel.barh(place, share, left=left, color=COLOURS[step], height=0.82)
            if share > SHOWN:
                name = f"{step}\n{readable(seconds[step])}"
                panel.text(left + share / 2, place, name, ha="center", va="center", fontsize=7.5,
                           color="white" if step in DARK else "black")  # fmt: skip
            left += share
        panel.text(101, place, end_of(one, who, total), va="center", fontsize=9, weight="bold")
    labels = [f"{who}, {one['resolution']:g}°" for one, who in bars]
    panel.set_yticks(places, labels)
    panel.set(xlim=(0, 100), xlabel="share of the time of all steps, %")
    panel.invert_yaxis()
    panel.spines[["top", "right"]].set_visible(False)
    handles = [patch(COLOURS[step]) for step in STEPS]
    figure.legend(handles, STEPS, loc="outside upper center", ncols=len(STEPS), frameon=False)
    return {"lesson_steps": figure}


DARK = ("cluster", "write", "trace")
SHOWN = 6.0
"""Per cent of a bar from which on a step has its name in it."""


def end_of(one: dict[str, Any], who: str, total: float) -> str:
    """Write what stands at the end of a bar."""
    if who == "the lesson":
        failed = one["ways"][who]["failed"]
        return f"{readable(total)}" + (", then out of memory" if failed else "")
    lesson, ours = (one["ways"][way]["seconds"] for way in ("the lesson", "fastkm"))
    computing = sum(lesson[step] for step in COMPUTED) / sum(ours[step] for step in COMPUTED)
    gain = times(sum(lesson.values()) / total)
    return f"{readable(total)}: {gain} times as quick\n(computing alone: {times(computing)} times)"


def patch(colour: str) -> Any:
    """Make what the legend shows of a step."""
    from matplotlib.patches import Patch

    return Patch(color=colour)


PART = Part("The lesson, step by step", run, section, figures)


def main(who: str, file: str, restarts: str) -> None:
    """Run one way, kernels compiled and libraries loaded by a coarse raster before."""
    lesson = partial(by_the_lesson, restarts=int(restarts))
    way = lesson if who == "the lesson" else by_fastkm
    with quiet(), tempfile.TemporaryDirectory() as folder:
        way(write_month(Path(folder), WARM), Path(folder))
        with memory_limited():
            print(json.dumps(way(Path(file), Path(folder))))


@contextmanager
def memory_limited() -> Iterator[None]:
    """Let an allocation that the machine has no memory for fail, where this can be done."""
    try:
        import resource
    except ImportError:  # Windows
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_AS)
    available = re.findall(r"MemAvailable:\s+(\d+)", Path("/proc/meminfo").read_text())
    resource.setrlimit(resource.RLIMIT_AS, (1024 * int(available[0]), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


if __name__ == "__main__":
    main(*sys.argv[1:])
