"""Distance to the limit: fastkm beside a plain read and a plain write of the same array.

No function that looks at every value can be quicker than reading the values. The plain read is
`np.sum`, the plain write is `np.copyto` into an existing array. Both work in chunks on as many threads
as fastkm has, so that they use the same cores. Work of several passes is compared with as many reads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

import fastkm
from bench.case import OURS, Case, Rival
from bench.cases.data import blobs, packed_water, values_and_codes, water, water_and_clusters
from bench.cases.outlines import LEVEL, label_map, make_thresholded, walk
from bench.comparison import read_measurements
from bench.part import Found, Part
from bench.style import new_figure, tidy
from bench.table import format_ratio, format_seconds, format_table, group_by_case
from bench.threads import ALL
from bench.timing import Measurement, measure
from fastkm._core.threads import map_chunks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PIECE = 1 << 22
"""Bytes of a chunk of the plain passes: a few chunks for each thread, none too short to measure."""
ITERATIONS = 10
COUNTS = sorted({1, ALL})
READ, WRITE = "np.sum", "np.copyto"


def read_plainly(array: np.ndarray) -> float:
    """Add up all numbers, in chunks on threads.

    The sum has the type of the array and may wrap around: a conversion would be no plain read.
    """
    flat = array.reshape(-1)

    def add(start: int, stop: int) -> np.generic:
        return flat[start:stop].sum(dtype=flat.dtype)

    return float(sum(map(float, map_chunks(add, flat.size, PIECE // flat.itemsize))))


def write_plainly(array: np.ndarray, target: np.ndarray) -> None:
    """Copy all numbers into an existing array, in chunks on threads."""
    source, flat = array.reshape(-1), target.reshape(-1)

    def copy(start: int, stop: int) -> None:
        np.copyto(flat[start:stop], source[start:stop])

    map_chunks(copy, source.size, PIECE // source.itemsize)


def make_case(
    name: str,
    make: Callable[[int], Any],
    sizes: tuple[int, int, int],
    run: Callable[[Any], Any],
    array_of: Callable[[Any], np.ndarray] = lambda data: data,
    passes: int = 1,
) -> Case:
    """Return a case: some work on an array, and the plain passes over that array."""

    def make_with_target(size: int) -> tuple[Any, np.ndarray, np.ndarray]:
        data = make(size)
        array = array_of(data)
        return data, array, np.ones_like(array)

    rivals = {
        OURS: Rival(lambda made: run(made[0]), "fastkm"),
        READ: Rival(lambda made: read_plainly(made[1]), yardstick=True),
        WRITE: Rival(lambda made: write_plainly(made[1], made[2]), yardstick=True),
    }
    tiny, small, full = sizes
    sizes_of = {"tiny": tiny, "small": small, "full": full}
    return Case(name, make_with_target, sizes_of, rivals, lambda *_: None, at={"passes": passes})


def run_iterations(work: Any) -> Any:
    """Do `ITERATIONS` iterations of Lloyd's algorithm."""
    model = fastkm.KMeans(len(work.start), init=work.start, n_init=1, max_iter=ITERATIONS, tol=0)
    return model.fit(work.rows)


MANY = (1_000, 1_000_000, 100_000_000)
CASES = [
    make_case(
        "predict, 1e8 float32 to int8",
        water_and_clusters, MANY, lambda data: data[1].predict(data[0]), lambda data: data[0],
    ),
    make_case(
        "vq, 1e8 float32, 6 codes",
        values_and_codes, MANY, lambda work: fastkm.vq(*work), lambda work: work.rows,
    ),
    make_case("kmeans1d, 1e8 float32, k = 6", water, MANY, lambda x: fastkm.kmeans1d(x, 6)),
    make_case(
        "kmeans1d, 1e8 int16, k = 6", packed_water, MANY, lambda x: fastkm.kmeans1d(x, 6)
    ),
    make_case(
        f"KMeans, 1e7 x 3 float32, k = 8, {ITERATIONS} iterations",
        lambda n: blobs(n, 3, 8), (1_000, 100_000, 10_000_000), run_iterations, lambda w: w.rows, ITERATIONS,
    ),
    make_case(
        "find_contours, 7000 x 14000 uint8",
        make_thresholded("uint8"), (40, 700, 7_000), lambda image: fastkm.find_contours(image, LEVEL),
    ),
    make_case(
        "polygonize, 1800 x 3600 int32", label_map, (40, 400, 1_800), fastkm.polygonize
    ),
    make_case(
        "longest distance, a walk of 1e7 points",
        walk, (1_000, 100_000, 10_000_000), fastkm.max_pairwise_distance,
    ),
]  # fmt: skip


def run(size: str) -> Found:
    """Time each work and its plain passes, on one thread and on all."""
    found = []
    for case in CASES:
        held = case.make(case.sizes[size])[1].nbytes
        for one in measure(case, size, threads=COUNTS, allowance=None if size == "tiny" else 3.0):
            one.at["bytes"] = held
            found.append(asdict(one))
    return {"measured": found}


def find_measurement(case: list[Measurement], rival: str, threads: int) -> Measurement:
    """Return the measurement of a rival with a number of threads."""
    return next(one for one in case if (one.rival, one.threads) == (rival, threads))


def compute_ratios(found: Found) -> list[tuple[Measurement, float, float, float]]:
    """Return fastkm's measurements, their ratios to a read and a write, and the bytes read a second."""
    rows = []
    for case in group_by_case(read_measurements(found)).values():
        for one in case:
            if one.rival == OURS:
                passes = one.at["passes"]
                read, write = (
                    find_measurement(case, who, one.threads).median * passes
                    for who in (READ, WRITE)
                )
                rate = one.at["bytes"] * passes / one.median
                rows.append((one, one.median / read, one.median / write, rate))
    return rows


def section(found: Found) -> str:
    """Write the ratios."""
    rows = [
        [
            one.work,
            one.threads,
            format_seconds(one.median),
            format_ratio(read),
            format_ratio(write),
            f"{rate / 1e9:.2g}",
        ]
        for one, read, write, rate in compute_ratios(found)
    ]
    header = ["work", "threads", "median", "times a plain read", "times a plain write", "GB/s"]
    return format_table(header, rows, 5)


def figures(found: Found) -> dict[str, Figure]:
    """Draw the ratios to a plain read as bars."""
    rows = compute_ratios(found)
    names = list(dict.fromkeys(one.work for one, *_ in rows))
    counts = sorted({one.threads for one, *_ in rows})
    figure, axes = new_figure(1, 1, width=8.5, height=0.62 * len(names) + 1)
    panel = axes[0, 0]
    height = 0.8 / len(counts)
    for number, threads in enumerate(counts):
        ratios = {one.work: read for one, read, *_ in rows if one.threads == threads}
        places = [names.index(case) + (number - (len(counts) - 1) / 2) * height for case in ratios]
        label = f"{threads} thread{'s' * (threads > 1)}"
        colour = ("#c1272d", "#e8a09b")[number % 2]
        bars = panel.barh(places, list(ratios.values()), height, label=label, color=colour)
        panel.bar_label(
            bars, [format_ratio(ratio) for ratio in ratios.values()], padding=3, fontsize=8
        )
    panel.axvline(1, color="0.3", linewidth=1)
    panel.set(xscale="log", xlabel="times a plain read of the same array on as many threads")
    panel.set_yticks(range(len(names)), names)
    panel.invert_yaxis()
    panel.margins(x=0.12)
    panel.legend(frameon=False)
    tidy(panel)
    return {"limit": figure}


PART = Part("Distance to the limit", run, section, figures)
