"""Distance to the limit: passes over an array, beside a plain read and a plain write of the same array.

Nothing that looks at every value can be quicker than reading them. The plain read is `np.sum`, the
plain write `np.copyto` into an array that is there; both work in pieces on as many threads as fastkm has,
so that the limit has the same cores. A work of several passes is set against as many reads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

import fastkm
from bench.case import OURS, Case, Rival
from bench.cases.data import blobs, packed_water, values_and_codes, water, water_and_clusters
from bench.cases.outlines import LEVEL, label_map, thresholded, walk
from bench.comparison import measured_of
from bench.part import Found, Part
from bench.style import new_figure, tidy
from bench.table import by_case, markdown, readable, times
from bench.threads import ALL
from bench.timing import Measured, measure
from fastkm._core.threads import map_chunks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PIECE = 1 << 22
"""Bytes of a piece of the plain passes: a few of them for each thread, none too short to count."""
ITERATIONS = 10
COUNTS = sorted({1, ALL})
READ, WRITE = "np.sum", "np.copyto"


def plain_read(array: np.ndarray) -> float:
    """Add up all numbers, in pieces on threads.

    In the array's own type, wrapped around if need be: converting integers would be no plain read.
    """
    flat = array.reshape(-1)

    def add(start: int, stop: int) -> np.generic:
        return flat[start:stop].sum(dtype=flat.dtype)

    return float(sum(map(float, map_chunks(add, flat.size, PIECE // flat.itemsize))))


def plain_write(array: np.ndarray, target: np.ndarray) -> None:
    """Copy all numbers into an array that is there, in pieces on threads."""
    source, flat = array.reshape(-1), target.reshape(-1)

    def copy(start: int, stop: int) -> None:
        np.copyto(flat[start:stop], source[start:stop])

    map_chunks(copy, source.size, PIECE // source.itemsize)


def against_the_limit(
    name: str,
    make: Callable[[int], Any],
    sizes: tuple[int, int, int],
    run: Callable[[Any], Any],
    array_of: Callable[[Any], np.ndarray] = lambda data: data,
    passes: int = 1,
) -> Case:
    """Make a case of a work over an array, and of the plain passes over that array."""

    def made(size: int) -> tuple[Any, np.ndarray, np.ndarray]:
        data = make(size)
        array = array_of(data)
        return data, array, np.ones_like(array)

    rivals = {
        OURS: Rival(lambda made: run(made[0]), "fastkm"),
        READ: Rival(lambda made: plain_read(made[1]), yardstick=True),
        WRITE: Rival(lambda made: plain_write(made[1], made[2]), yardstick=True),
    }
    tiny, small, full = sizes
    sizes_of = {"tiny": tiny, "small": small, "full": full}
    return Case(name, made, sizes_of, rivals, lambda *_: None, at={"passes": passes})


def iterations(work: Any) -> Any:
    """Do some of Lloyd's."""
    model = fastkm.KMeans(len(work.start), init=work.start, n_init=1, max_iter=ITERATIONS, tol=0)
    return model.fit(work.rows)


MANY = (1_000, 1_000_000, 100_000_000)
CASES = [
    against_the_limit(
        "predict, 1e8 float32 to int8",
        water_and_clusters, MANY, lambda data: data[1].predict(data[0]), lambda data: data[0],
    ),
    against_the_limit(
        "vq, 1e8 float32, 6 codes",
        values_and_codes, MANY, lambda work: fastkm.vq(*work), lambda work: work.rows,
    ),
    against_the_limit("kmeans1d, 1e8 float32, k = 6", water, MANY, lambda x: fastkm.kmeans1d(x, 6)),
    against_the_limit(
        "kmeans1d, 1e8 int16, k = 6", packed_water, MANY, lambda x: fastkm.kmeans1d(x, 6)
    ),
    against_the_limit(
        f"KMeans, 1e7 x 3 float32, k = 8, {ITERATIONS} iterations",
        lambda n: blobs(n, 3, 8), (1_000, 100_000, 10_000_000), iterations, lambda w: w.rows, ITERATIONS,
    ),
    against_the_limit(
        "find_contours, 7000 x 14000 uint8",
        thresholded("uint8"), (40, 700, 7_000), lambda image: fastkm.find_contours(image, LEVEL),
    ),
    against_the_limit(
        "polygonize, 1800 x 3600 int32", label_map, (40, 400, 1_800), fastkm.polygonize
    ),
    against_the_limit(
        "longest distance, a walk of 1e7 points",
        walk, (1_000, 100_000, 10_000_000), fastkm.max_pairwise_distance,
    ),
]  # fmt: skip


def run(size: str) -> Found:
    """Time every work and its plain passes, on one thread and on all."""
    found = []
    for case in CASES:
        held = case.make(case.sizes[size])[1].nbytes
        for one in measure(case, size, threads=COUNTS, allowance=None if size == "tiny" else 3.0):
            one.at["bytes"] = held
            found.append(asdict(one))
    return {"measured": found}


def of(case: list[Measured], rival: str, threads: int) -> Measured:
    """Find one figure."""
    return next(one for one in case if (one.rival, one.threads) == (rival, threads))


def rows_of(found: Found) -> list[tuple[Measured, float, float, float]]:
    """Give fastkm's figures with the ratios to a read and a write, and the bytes read a second."""
    rows = []
    for case in by_case(measured_of(found)).values():
        for one in case:
            if one.rival == OURS:
                passes = one.at["passes"]
                read, write = (of(case, who, one.threads).median * passes for who in (READ, WRITE))
                rate = one.at["bytes"] * passes / one.median
                rows.append((one, one.median / read, one.median / write, rate))
    return rows


def section(found: Found) -> str:
    """Write the ratios."""
    rows = [
        [
            one.case,
            one.threads,
            readable(one.median),
            times(read),
            times(write),
            f"{rate / 1e9:.2g}",
        ]
        for one, read, write, rate in rows_of(found)
    ]
    header = ["work", "threads", "median", "times a plain read", "times a plain write", "GB/s"]
    return markdown(header, rows, 5)


def figures(found: Found) -> dict[str, Figure]:
    """Draw the ratios to a plain read as bars."""
    rows = rows_of(found)
    names = list(dict.fromkeys(one.case for one, *_ in rows))
    counts = sorted({one.threads for one, *_ in rows})
    figure, axes = new_figure(1, 1, width=8.5, height=0.62 * len(names) + 1)
    panel = axes[0, 0]
    height = 0.8 / len(counts)
    for number, threads in enumerate(counts):
        ratios = {one.case: read for one, read, *_ in rows if one.threads == threads}
        places = [names.index(case) + (number - (len(counts) - 1) / 2) * height for case in ratios]
        label = f"{threads} thread{'s' * (threads > 1)}"
        colour = ("#c1272d", "#e8a09b")[number % 2]
        bars = panel.barh(places, list(ratios.values()), height, label=label, color=colour)
        panel.bar_label(bars, [times(ratio) for ratio in ratios.values()], padding=3, fontsize=8)
    panel.axvline(1, color="0.3", linewidth=1)
    panel.set(xscale="log", xlabel="times a plain read of the same array on as many threads")
    panel.set_yticks(range(len(names)), names)
    panel.invert_yaxis()
    panel.margins(x=0.12)
    panel.legend(frameon=False)
    tidy(panel)
    return {"limit": figure}


PART = Part("Distance to the limit", run, section, figures)
