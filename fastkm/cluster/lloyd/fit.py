"""K-means of rows in d dimensions: where to start, when to stop, which run is the best.

`fit_rows` is behind `fastkm.KMeans` and `fastkm.cluster_raster`. Rows and centroids are taken
relative to the mean of the rows, so that an offset costs no digits; the iterations are
`fastkm.cluster.lloyd.iteration`'s.

A run stops when no row changes its label, or when the centroids move by no more than `tol` times
the mean variance of the features (sum of squares), or after `max_iter` iterations. A cluster that
has lost all its rows gets the row that is farthest from its own centroid, which leaves its own
cluster for it; so does scikit-learn. Labels and inertia of the result belong to its centroids:
`nearest_rows` gives the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

import numpy as np

from fastkm._core import validation
from fastkm._core.threads import map_chunks, rows_per_chunk, thread_count
from fastkm._kernels.lloyd import assign
from fastkm.cluster.lloyd.iteration import ALGORITHMS, LloydState, pad_to_even
from fastkm.cluster.lloyd.kmeans_plusplus import kmeans_plusplus
from fastkm.cluster.lloyd.row_chunks import RowChunks

STARTS = ("k-means++", "random")

RUNS_FROM_RANDOM = 10
"""Runs where `n_init` is "auto" and `init` "random" or a callable, as in scikit-learn; else 1."""

Init = str | np.ndarray | Callable[..., Any]


class Fit(NamedTuple):
    """The best of some runs.

    Attributes
    ----------
    centroids : (k, d) float64 array
        Means of the rows of each cluster, in the order of the start.
    labels : (n,) int32 array
        Nearest centroid of each row.
    inertia : float
        (Weighted) sum of squared distances to the nearest centroid.
    iterations : int
        Of the run that was best.
    """

    centroids: np.ndarray
    labels: np.ndarray
    inertia: float
    iterations: int


class Nearest(NamedTuple):
    """Labels of rows (int32), and the (weighted) sum of squared distances to their centroids."""

    labels: np.ndarray
    inertia: float


@np.errstate(over="ignore", invalid="ignore")  # an infinite inertia is said in words
def fit_rows(
    rows: np.ndarray,
    k: int,
    *,
    init: Init = "k-means++",
    n_init: int | str = "auto",
    max_iter: int = 300,
    tol: float = 1e-4,
    rng: Any,
    weights: np.ndarray | None = None,
    algorithm: str = "auto",
    threads: int | None = None,
) -> Fit:
    """Run Lloyd's algorithm from one or several starts; keep the best.

    Parameters
    ----------
    rows : (n, d) array
        Any real type and layout, finite; float32 is computed in float32 (sums in float64), all
        else in float64.
    k : int
        From 1 to n.
    init : {"k-means++", "random"}, (k, d) array or callable
        A callable is called as ``init(rows, k, random_state=rng)``.
    n_init : int or "auto"
        Number of runs. "auto" is 10 for "random" and callables, else 1.
    max_iter, tol
        See the module's essay.
    rng : numpy.random.RandomState
        Of the starts.
    weights : (n,) array, optional
        Finite, not negative, some above 0.
    algorithm : {"auto", "lloyd", "bounded", "blas"}
        How to compute. All give the same bits.
    threads : int, optional
        See `fastkm._core.threads.thread_count`. They change no bit either.

    Raises
    ------
    ValueError
        If rows are not finite or their squares overflow, or an argument is out of range.
    """
    if algorithm not in ALGORITHMS:
        raise ValueError(f"algorithm must be one of {', '.join(ALGORITHMS)}, got {algorithm!r}")
    thread_count(threads)
    table = RowChunks(rows)
    if not 1 <= k <= table.n:
        raise ValueError(f"k must be from 1 to the number of rows, {table.n}, got {k}")
    about = table.moments(threads)
    if not (np.isfinite(about.mean).all() and np.isfinite(about.variance).all()):
        raise_unfit(rows)
    shift = validation.frozen(about.mean.astype(table.dtype))
    limit = tol * float(about.variance.mean())
    w = None if weights is None else validation.frozen(weights, np.dtype(np.float64))
    best = None
    for _ in range(_runs(n_init, init)):
        start = _start(rows, table, shift, k, init, rng, w, threads)
        state = LloydState(table, shift, k, weights=w, algorithm=algorithm, threads=threads)
        fit = _settled(state, start, max_iter, limit)
        if best is None or fit.inertia < best.inertia:
            best = fit
    if best is None or not np.isfinite(best.inertia):
        raise_unfit(rows)
    return best


def nearest_rows(
    rows: np.ndarray,
    centroids: np.ndarray,
    *,
    weights: np.ndarray | None = None,
    out: np.ndarray | None = None,
    threads: int | None = None,
) -> Nearest:
    """Find the nearest centroid of each row; the lowest index of equally near ones.

    Parameters
    ----------
    rows : (n, d) array
        As in `fit_rows`.
    centroids : (k, d) float64 array
    weights : (n,) array, optional
    out : (n,) int32 array, optional
        Where to put the labels.
    threads : int, optional
    """
    table = RowChunks(rows)
    shift = validation.frozen(centroids.mean(axis=0).astype(table.dtype))
    codes = pad_to_even((centroids - shift).astype(table.dtype))
    labels = np.empty(table.n, np.int32) if out is None else out
    w = None if weights is None else np.asarray(weights, np.float64)

    def run(start: int, stop: int) -> float:
        x, first = table.part(start, stop)
        squares = np.empty(stop - start, table.dtype)
        assign(x, first, shift, codes, table.rest, labels[start:stop], squares)
        wide = squares.astype(np.float64, copy=False)
        return float(wide.sum() if w is None else wide @ w[start:stop])

    return Nearest(labels, float(sum(table.map(run, threads))))


def distances(rows: np.ndarray, centroids: np.ndarray, *, threads: int | None = None) -> np.ndarray:
    """Measure all distances, directly and chunk by chunk: (n, k), float32 where rows are."""
    from scipy.spatial.distance import cdist

    n, d = rows.shape
    k = len(centroids)
    out = np.empty((n, k), np.float32 if rows.dtype == np.float32 else np.float64)

    def run(start: int, stop: int) -> None:
        out[start:stop] = cdist(rows[start:stop], centroids)

    map_chunks(run, n, rows_per_chunk(8 * (d + k)), threads=threads)
    return out


def raise_unfit(rows: np.ndarray, name: str = "X") -> NoReturn:
    """Say why there is no result: rows are not finite, or their squares are not."""
    if rows.dtype.kind == "f":
        validation.require_finite(rows, name)
    raise ValueError(f"{name} is too large: squared distances overflow; scale it down")


def _runs(n_init: int | str, init: Init) -> int:
    if n_init != "auto":
        return int(n_init)
    return RUNS_FROM_RANDOM if callable(init) or (isinstance(init, str) and init == "random") else 1


def _start(
    rows: np.ndarray,
    table: RowChunks,
    shift: np.ndarray,
    k: int,
    init: Init,
    rng: Any,
    weights: np.ndarray | None,
    threads: int | None,
) -> np.ndarray:
    """Give the centroids to start from, relative to the shift."""
    if isinstance(init, str):
        if init == "k-means++":
            return kmeans_plusplus(table, shift, k, rng, weights=weights, threads=threads)
        validation.require_choice("init", init, STARTS, or_else=", a callable or an array")
        p = None if weights is None else weights / weights.sum()
        return table.chosen(rng.choice(table.n, k, replace=False, p=p)) - shift
    given = np.asarray(init(rows, k, random_state=rng) if callable(init) else init, np.float64)
    if given.shape != (k, table.d):
        raise ValueError(f"init must have shape {(k, table.d)}, got {given.shape}")
    if not np.isfinite(given).all():
        raise ValueError("init must not hold infs or NaNs")
    return given - shift


def _settled(state: LloydState, codes: np.ndarray, max_iter: int, limit: float) -> Fit:
    """Iterate until nothing moves, or as good as nothing."""
    iterations, going = 0, True
    while going and iterations < max_iter:
        iterations += 1
        moved = state.step(codes)
        means = _relocated(state, codes) if (state.counts == 0).any() else state.means()
        going = moved > 0 and float(np.sum((means - codes) ** 2)) > limit
        codes = means
    centroids = codes + state.shift
    found = nearest_rows(
        state.rows.array,
        centroids,
        weights=state.weights if len(state.weights) else None,
        out=state.labels,
        threads=state.threads,
    )
    return Fit(centroids, found.labels, found.inertia, iterations)


def _relocated(state: LloydState, codes: np.ndarray) -> np.ndarray:
    """Give empty clusters the rows that are farthest from their own centroids."""
    empty = np.flatnonzero(state.counts == 0)
    far = state.farthest(codes, len(empty))
    d = state.rows.d
    sums, masses, counts = state.sums[:, :d].copy(), state.masses.copy(), state.counts.copy()
    for cluster, row in zip(empty, far, strict=False):
        x, first = state.rows.part(row, row + 1)
        w = state.weights[row] if len(state.weights) else 1.0
        term = w * (x[first] - state.shift).astype(np.float64)
        old = state.labels[row]
        sums[cluster], masses[cluster], counts[cluster] = term, w, w > 0
        sums[old] -= term
        masses[old] -= w
        counts[old] -= w > 0
    filled = (counts > 0) & (masses > 0)
    return np.where(filled[:, None], sums / np.where(filled, masses, 1.0)[:, None], codes)
