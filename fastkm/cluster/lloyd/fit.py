"""K-means of rows in d dimensions: where to start, when to stop, which run is the best.

`fit_rows` does the work of `fastkm.KMeans` and `fastkm.cluster_raster`. Rows and centroids are
taken relative to the mean of the rows, so that an offset costs no digits; an iteration is done by
`fastkm.cluster.lloyd.iteration`.

A run stops when no row changes its label, when the centroids move by no more than `tol` times the
mean variance of the features (sum of squares), or after `max_iter` iterations. A cluster that
has lost all its rows gets the row that is farthest from its own centroid, and that row leaves its
cluster, as in scikit-learn. Labels and inertia of the result belong to its centroids:
`assign_rows` returns the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastkm._core import validation
from fastkm._core.threads import map_chunks, resolve_thread_count, rows_per_chunk
from fastkm.cluster.lloyd.few_rows import assign_few_rows, iterate_few_rows
from fastkm.cluster.lloyd.iteration import ALGORITHMS, LloydState
from fastkm.cluster.lloyd.kmeans_plusplus import kmeans_plusplus
from fastkm.cluster.lloyd.nearest import NearestCentroid
from fastkm.cluster.lloyd.row_chunks import RowChunks, raise_not_finite

STARTS = ("k-means++", "random")

RUNS_FROM_RANDOM = 10
"""Runs if `n_init` is "auto" and `init` is "random" or a callable, as in scikit-learn; otherwise 1."""

Init = str | np.ndarray | Callable[..., Any]


class Fit(NamedTuple):
    """The best of several runs; centroids are in the order of the start."""

    centroids: np.ndarray  # (k, d) float64
    labels: np.ndarray  # (n,) int32
    inertia: float
    iterations: int  # of this run


class Assignment(NamedTuple):
    """Labels of rows (int32), and the (weighted) sum of squared distances to their centroids."""

    labels: np.ndarray
    inertia: float


@np.errstate(over="ignore", invalid="ignore")  # an infinite inertia raises an error below
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
    """Run Lloyd's algorithm from one or several starts; return the best run.

    Parameters
    ----------
    rows : (n, d) array
        Any real type and layout, finite; float32 and float16 are computed in float32 (sums in
        float64), all other types in float64.
    init : {"k-means++", "random"}, (k, d) array or callable
        A callable is called as ``init(rows, k, random_state=rng)``; its rows are read-only.
    n_init : int or "auto"
        Number of runs. "auto" is 10 for "random" and callables, otherwise 1.
    max_iter, tol
        When a run stops, see the module's essay.
    rng : numpy.random.RandomState
        Draws the starts.
    weights : (n,) array, optional
        Finite, not negative, some above 0.
    algorithm, threads
        How to compute: one of `ALGORITHMS`, and the number of threads. They change no bit.

    Raises
    ------
    ValueError
        If rows are not finite or their squares overflow, k is not from 1 to n, or another argument
        is out of range.
    """
    # check the arguments
    validation.require_choice("algorithm", algorithm, ALGORITHMS)
    resolve_thread_count(threads)
    chunks = RowChunks(rows)
    if not 1 <= k <= chunks.n:
        raise ValueError(f"k must be from 1 to the number of rows, {chunks.n}, got {k}")
    # mean and variance: the shift, the tolerance, and whether rows are finite
    moments = chunks.compute_moments(threads)
    if not (np.isfinite(moments.mean).all() and np.isfinite(moments.variance).all()):
        raise_not_finite(rows, "X")
    shift = validation.freeze(moments.mean.astype(chunks.dtype))
    limit = tol * float(moments.variance.mean())
    w = None if weights is None else validation.freeze(np.asarray(weights), np.dtype(np.float64))
    # the runs; the first of equally good ones is kept
    best = None
    if n_init == "auto":
        is_random = callable(init) or (isinstance(init, str) and init == "random")
        n_init = RUNS_FROM_RANDOM if is_random else 1
    for _ in range(int(n_init)):
        start = _choose_start(chunks, shift, k, init, rng, w, threads)
        state = LloydState(chunks, shift, k, weights=w, algorithm=algorithm, threads=threads)
        fit = _iterate(state, start, max_iter, limit)
        if best is None or fit.inertia < best.inertia:
            best = fit
    if best is None or not np.isfinite(best.inertia):
        raise_not_finite(rows, "X")
    return best


def assign_rows(
    rows: np.ndarray,
    centroids: np.ndarray,
    *,
    weights: np.ndarray | None = None,
    out: np.ndarray | None = None,
    threads: int | None = None,
) -> Assignment:
    """Find the nearest centroid of each row; the first of equally near ones.

    Rows are (n, d) as in `fit_rows`, centroids (k, d) float64, weights (n,). `out`, (n,) int32, is
    filled with the labels if it is given.
    """
    chunks = RowChunks(rows)
    nearest = NearestCentroid(centroids, chunks.dtype)
    labels = np.empty(chunks.n, np.int32) if out is None else out
    w = None if weights is None else np.asarray(weights, np.float64)
    few = assign_few_rows(chunks, nearest, centroids, labels)

    def run(start: int, stop: int) -> float:
        x, first = chunks.load(start, stop)
        squares = nearest.find(x, first, labels[start:stop]) if few is None else few
        wide = squares.astype(np.float64, copy=False)
        return float(wide.sum() if w is None else wide @ w[start:stop])

    return Assignment(labels, float(sum(chunks.map(run, threads))))


def measure_distances(
    rows: np.ndarray, centroids: np.ndarray, *, threads: int | None = None
) -> np.ndarray:
    """Measure all distances from differences, chunk by chunk: (n, k), float32 if the rows are."""
    from scipy.spatial.distance import cdist

    n, d = rows.shape
    k = len(centroids)
    out = np.empty((n, k), np.float32 if rows.dtype == np.float32 else np.float64)

    def run(start: int, stop: int) -> None:
        out[start:stop] = cdist(rows[start:stop], centroids)

    map_chunks(run, n, rows_per_chunk(8 * (d + k)), threads=threads)
    return out


def _choose_start(
    chunks: RowChunks,
    shift: np.ndarray,
    k: int,
    init: Init,
    rng: Any,
    weights: np.ndarray | None,
    threads: int | None,
) -> np.ndarray:
    """Return the centroids to start from, relative to the shift."""
    if isinstance(init, str):
        if init == "k-means++":
            return kmeans_plusplus(chunks, shift, k, rng, weights=weights, threads=threads)
        validation.require_choice("init", init, STARTS, or_else=", a callable or an array")
        p = None if weights is None else weights / weights.sum()
        return chunks.take(rng.choice(chunks.n, k, replace=False, p=p)) - shift
    name = "init"
    if callable(init):
        name, init = "what init returns", init(chunks.array, k, random_state=rng)
    numbers, _ = validation.as_values_and_mask(init, name)  # complex ones are refused
    start = numbers.astype(np.float64)
    if start.shape != (k, chunks.d):
        raise ValueError(
            f"{name} must have shape (clusters, features) = {(k, chunks.d)}, got {start.shape}"
        )
    if not np.isfinite(start).all():
        raise ValueError(f"{name} must not hold infs or NaNs")
    return start - shift


def _iterate(state: LloydState, codes: np.ndarray, max_iter: int, limit: float) -> Fit:
    """Iterate until centroids move by no more than the limit, or no row changes its label."""
    few = iterate_few_rows(state, codes, max_iter, limit)
    if few is not None:
        codes, iterations = few
    else:
        iterations, going = 0, True
        while going and iterations < max_iter:
            iterations += 1
            changed = state.step(codes)
            means = _relocate_empty(state, codes) if (state.counts == 0).any() else state.means()
            going = changed > 0 and float(np.sum((means - codes) ** 2)) > limit
            codes = means
    centroids = codes + state.shift
    found = assign_rows(
        state.rows.array,
        centroids,
        weights=state.weights if len(state.weights) else None,
        out=state.labels,
        threads=state.threads,
    )
    return Fit(centroids, found.labels, found.inertia, iterations)


def _relocate_empty(state: LloydState, codes: np.ndarray) -> np.ndarray:
    """Return the means after empty clusters got the rows farthest from their own centroids."""
    empty = np.flatnonzero(state.counts == 0)
    far = state.find_farthest(codes, len(empty))
    d = state.rows.d
    sums, masses, counts = state.sums[:, :d].copy(), state.masses.copy(), state.counts.copy()
    # move each row from its cluster to an empty one
    for cluster, row in zip(empty, far, strict=False):
        x, first = state.rows.load(row, row + 1)
        w = state.weights[row] if len(state.weights) else 1.0
        term = w * (x[first] - state.shift).astype(np.float64)
        old = state.labels[row]
        sums[cluster], masses[cluster], counts[cluster] = term, w, w > 0
        sums[old] -= term
        masses[old] -= w
        counts[old] -= w > 0
    # a cluster that is still empty keeps its centroid
    filled = (counts > 0) & (masses > 0)
    return np.where(filled[:, None], sums / np.where(filled, masses, 1.0)[:, None], codes)
