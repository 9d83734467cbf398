"""The optimum of one feature, in the form in which `fitting` gives what it finds of several.

`fastkm.kmeans1d` does the work. What an estimator needs beside it: an answer also where there are
fewer distinct values than clusters, or integers that float64 cannot hold, and breaks for values of
any type, for it labels others than those that it has seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastkm.cluster.exact.kmeans1d import kmeans1d
from fastkm.cluster.exact.predict import label
from fastkm.cluster.lloyd.fit import Fit
from fastkm.cluster.streaming.chunks import EXACT_INTEGERS
from fastkm.errors import ClusterError

if TYPE_CHECKING:
    from fastkm.cluster.exact.result import KMeans1D


def optimum(
    values: np.ndarray,
    k: int,
    *,
    weights: np.ndarray | None = None,
    threads: int | None = None,
) -> tuple[Fit, np.ndarray]:
    """Find the proven optimum of k clusters, and its breaks.

    Parameters
    ----------
    values : (n,) array
        Finite, any real type.
    k : int
        Clusters. Of fewer distinct values each is one, and the last center stands for the rest.
    weights : (n,) float64 array, optional
        Finite, not negative, some above 0.
    threads : int, optional
        See `fastkm._core.threads.thread_count`.

    Returns
    -------
    Fit
        Centers ascending; 1 iteration.
    (m - 1,) float64 array
        For `between`, m being the clusters that have values.
    """
    values = _within_float64(values)
    best = _solved(values, k, weights, threads)
    breaks = _midpoints(best)
    centroids = np.pad(best.centroids, (0, k - best.k), mode="edge")
    labels = between(values, breaks, threads=threads)
    return Fit(centroids[:, np.newaxis], labels, float(best.inertia), 1), breaks


def between(values: np.ndarray, breaks: np.ndarray, *, threads: int | None = None) -> np.ndarray:
    """Count the breaks below each value, as int32: the index of its nearest center.

    Examples
    --------
    >>> _, breaks = optimum(np.array([1, 2, 7, 9]), 2)
    >>> between(np.array([4.5, 4.75, 5.0]), breaks)
    array([0, 0, 1], dtype=int32)
    """
    labels = np.empty(len(values), np.int32)
    label(_within_float64(values), breaks, out=labels, threads=threads)
    return labels


def _solved(
    values: np.ndarray, k: int, weights: np.ndarray | None, threads: int | None
) -> KMeans1D:
    """Find the optimum of k clusters, or of as many as there are distinct values."""
    try:
        return kmeans1d(values, k, weights=weights, threads=threads)
    except ClusterError:
        present = values if weights is None else values[weights > 0]
        return kmeans1d(values, len(np.unique(present)), weights=weights, threads=threads)


def _midpoints(best: KMeans1D) -> np.ndarray:
    """Give breaks that other values can be compared with, too: float64, whatever the data was.

    Those of the result itself are in the data's own type: after integers 4 may stand for 4.75.
    """
    halves = best.centroids / 2
    last, first = best.ranges[:-1, 1], best.ranges[1:, 0]
    return np.clip(halves[:-1] + halves[1:], last, np.nextafter(first, -np.inf))


def _within_float64(values: np.ndarray) -> np.ndarray:
    """Round integers of 64 bits that float64 cannot hold, which `kmeans1d` would refuse to."""
    if values.dtype.kind not in "iu" or values.dtype.itemsize < 8:
        return values
    held = len(values) == 0 or -EXACT_INTEGERS <= values.min() <= values.max() <= EXACT_INTEGERS
    return values if held else values.astype(np.float64)
