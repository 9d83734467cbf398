"""K-means of rows in d dimensions, over d, k and type: fastkm beside its rivals.

    python -m bench.grid                          # the first grid and the one of many features
    python -m bench.grid --rows 100000 --runs 1   # quicker
    python -m bench.grid --growth                 # time against n
    python -m bench.grid --memory                 # bytes a row beyond the data; Linux only

Every rival does whole `fit`s of the same array from the same initial centroids, in the same type,
with the same threads, tolerance and most iterations, in turn; medians count. Kernels are compiled
by a fit before. scipy's `kmeans2` has no tolerance: it and fastkm's `kmeans2` do ten iterations.
faiss has none either, and no float64: it does as many iterations as fastkm did. Rivals that are not
installed are named and left out. Inertia stands beside time: a quick worse answer shows.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
from scipy.cluster import vq as scipy_vq
from sklearn.cluster import KMeans as SklearnKMeans
from sklearn.exceptions import ConvergenceWarning

import fastkm
from bench.table import readable, times

MOST_ITERATIONS, TOLERANCE = 20, 1e-4

FEW_FEATURES = [(d, k) for d in (2, 3, 4, 6, 12) for k in (4, 8, 16, 32)]
MANY_FEATURES = [(d, k) for d in (32, 64, 128) for k in (16, 64)]
TYPES = ("f4", "f8")


class Work(NamedTuple):
    """Rows and the centroids to start from."""

    rows: np.ndarray
    start: np.ndarray


class Answer(NamedTuple):
    """Centroids, and iterations if they are counted."""

    centroids: np.ndarray
    iterations: int


def blobs(n: int, d: int, k: int, dtype: str) -> Work:
    """Draw rows from k normal distributions that overlap; the first k rows are the start."""
    rng = np.random.default_rng(0)
    centres = rng.normal(scale=2.0, size=(k, d))
    rows = np.empty((n, d), dtype)
    for first in range(0, n, 2**16):
        part = rows[first : first + 2**16]
        part[:] = centres[rng.integers(0, k, len(part))] + rng.normal(size=part.shape)
    return Work(rows, rows[:k].copy())


def by_estimator(model: type, **options: Any) -> Callable[[Work, int], Answer]:
    """Fit an estimator of scikit-learn's kind."""

    def run(work: Work, _iterations: int) -> Answer:
        k = len(work.start)
        fit = model(
            k, init=work.start, n_init=1, max_iter=MOST_ITERATIONS, tol=TOLERANCE, **options
        ).fit(work.rows)
        return Answer(fit.cluster_centers_, fit.n_iter_)

    return run


def by_kmeans2(function: Callable[..., Any]) -> Callable[[Work, int], Answer]:
    """Do ten iterations of scipy's kind."""
    return lambda work, _: Answer(function(work.rows, work.start, minit="matrix")[0], 10)


def by_faiss(work: Work, iterations: int) -> Answer:
    """Train faiss's k-means on all rows."""
    import faiss

    n, d = work.rows.shape
    model = faiss.Kmeans(
        d, len(work.start), niter=iterations, max_points_per_centroid=n, min_points_per_centroid=1
    )
    model.train(work.rows, init_centroids=work.start)
    return Answer(model.centroids, iterations)


def estimators() -> dict[str, Callable[[Work, int], Answer]]:
    """Name who fits; fastkm first."""
    found = {
        "fastkm": by_estimator(fastkm.KMeans),
        "scikit-learn, lloyd": by_estimator(SklearnKMeans, algorithm="lloyd"),
        "scikit-learn, elkan": by_estimator(SklearnKMeans, algorithm="elkan"),
    }
    if find_spec("sklearnex"):
        from sklearnex.cluster import KMeans as IntelKMeans

        found["scikit-learn-intelex"] = by_estimator(IntelKMeans)
    if find_spec("faiss"):
        found["faiss"] = by_faiss
    return found


KMEANS2 = {"fastkm.kmeans2": by_kmeans2(fastkm.kmeans2), "scipy": by_kmeans2(scipy_vq.kmeans2)}


def inertia_of(work: Work, answer: Answer) -> float:
    """Sum the squared distances to the nearest centroid, in float64."""
    rows, centroids = (np.asarray(a, np.float64) for a in (work.rows, answer.centroids))
    _, distances = fastkm.vq(rows, centroids)
    return float(np.sum(distances**2))


@dataclass
class Times:
    """Seconds and inertia of each rival on one piece of work."""

    name: str
    seconds: dict[str, list[float]] = field(default_factory=dict)
    inertia: dict[str, float] = field(default_factory=dict)
    iterations: int = 0

    def median(self, rival: str) -> float:
        """Give the median of a rival's seconds."""
        return statistics.median(self.seconds[rival])

    def ratio(self, rival: str, ours: str) -> float:
        """Tell how many times our median a rival's is."""
        return self.median(rival) / self.median(ours)


def measure(name: str, work: Work, rivals: dict[str, Callable[..., Answer]], runs: int) -> Times:
    """Run all rivals in turn, so that a machine that slows down slows all of them."""
    found = Times(name)
    ours, *_ = rivals
    with quiet():
        found.iterations = rivals[ours](work, MOST_ITERATIONS).iterations  # compiles, too
        for _ in range(runs):
            for rival, run in rivals.items():
                if rival == "faiss" and work.rows.dtype != np.float32:
                    continue
                begin = time.perf_counter()
                answer = run(work, found.iterations)
                seconds = time.perf_counter() - begin
                found.seconds.setdefault(rival, []).append(seconds)
                found.inertia.setdefault(rival, inertia_of(work, answer))
    return found


@contextmanager
def quiet() -> Iterator[None]:
    """Say nothing of runs that end before they converge, or of clusters that scipy empties."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", UserWarning)
        yield


def geometric_mean(numbers: Iterable[float]) -> float:
    """Average ratios."""
    return math.exp(statistics.fmean(map(math.log, numbers)))


def lines_of(found: list[Times]) -> list[str]:
    """List every piece of work and rival, with how far the inertia is above fastkm's."""
    lines = [
        "| work | who | median | times fastkm's | inertia |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    for one in found:
        ours, *_ = one.seconds
        for rival in one.seconds:
            above = one.inertia[rival] / one.inertia[ours] - 1
            lines.append(
                f"| {one.name} | {rival} | {readable(one.median(rival))} "
                f"| {times(one.ratio(rival, ours))} | {above:+.1e} |"
            )
    return lines


def summary_of(title: str, found: list[Times]) -> list[str]:
    """Average over all work: against each rival, and against the best of those of one kind."""
    ours, *_ = found[0].seconds
    others = list(dict.fromkeys(rival for one in found for rival in one.seconds if rival != ours))
    kinds = {rival: [rival] for rival in others}
    learned = [rival for rival in others if rival.startswith("scikit-learn")]
    if len(learned) > 1:
        kinds["the best of " + ", ".join(learned)] = learned
    lines = []
    for name, rivals in kinds.items():
        ratios = [
            min(one.ratio(rival, ours) for rival in rivals)
            for one in found
            if all(rival in one.seconds for rival in rivals)
        ]
        lines.append(
            f"| {title} | {name} | {times(geometric_mean(ratios))} | {times(min(ratios))} "
            f"| {times(max(ratios))} |"
        )
    return lines


def compare(rows: int, many_rows: int, runs: int) -> None:
    """Print all medians, then their summary."""
    rivals = estimators()
    for missing in {"scikit-learn-intelex", "faiss"} - set(rivals):
        print(f"left out, as it is not installed: {missing}")
    grids: dict[str, list[Times]] = {}
    for title, n, grid, who in [
        (f"fit, {rows:,} rows, d = 2 ... 12", rows, FEW_FEATURES, rivals),
        (f"fit, {many_rows:,} rows, d = 32 ... 128", many_rows, MANY_FEATURES, rivals),
        (f"kmeans2, {rows:,} rows, d = 2 ... 12", rows, FEW_FEATURES, KMEANS2),
    ]:
        found = [
            measure(f"{title.split(',')[0]}, n = {n:,}, d = {d}, k = {k}, {dtype}", work, who, runs)
            for dtype in TYPES
            for d, k in grid
            for work in [blobs(n, d, k, dtype)]
        ]
        print(*lines_of(found), sep="\n", end="\n\n", flush=True)
        grids[title] = found
    print(
        "| work | against | geometric mean | least | most |",
        "| --- | --- | ---: | ---: | ---: |",
        sep="\n",
    )
    for title, found in grids.items():
        print(*summary_of(title, found), sep="\n")


def grow(sizes: Iterable[int]) -> list[tuple[int, float]]:
    """Time ten iterations of fastkm against n: pairs of n and nanoseconds a row and iteration."""
    found = []
    for n in sizes:
        work = blobs(n, 3, 8, "f4")
        model = fastkm.KMeans(8, init=work.start, max_iter=10, tol=0)
        model.fit(work.rows)
        seconds = []
        for _ in range(5):
            begin = time.perf_counter()
            model.fit(work.rows)
            seconds.append(time.perf_counter() - begin)
        found.append((n, statistics.median(seconds) / n / model.n_iter_ * 1e9))
    return found


def bytes_a_row(n: int) -> float:
    """Measure the memory of a fit beyond its data, at its peak."""
    from bench.memory import memory_beyond

    small, work = blobs(1_000, 12, 16, "f4"), blobs(n, 12, 16, "f4")

    def fit(some: Work) -> None:
        fastkm.KMeans(16, init=some.start, max_iter=MOST_ITERATIONS).fit(some.rows)

    fit(small)
    return memory_beyond(lambda: fit(work)) / n


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.grid", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the first grid")
    parser.add_argument("--many-rows", type=int, default=100_000, help="where d is 32 and more")
    parser.add_argument("--runs", type=int, default=3, help="of each rival; the median counts")
    parser.add_argument("--growth", action="store_true", help="time against n, fastkm only")
    parser.add_argument("--memory", action="store_true", help="bytes a row, fastkm only")
    options = parser.parse_args(arguments)
    if options.growth:
        for n, nanoseconds in grow([options.rows // 10, options.rows, options.rows * 10]):
            print(f"{n:>12,} rows: {nanoseconds:.2f} ns a row and iteration")
    elif options.memory:
        print(f"{bytes_a_row(10 * options.rows):.1f} bytes a row")
    else:
        compare(options.rows, options.many_rows, options.runs)


if __name__ == "__main__":
    main()
