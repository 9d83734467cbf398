"""The optimum of one feature, in the form in which `fastkm.cluster.lloyd.fit` returns a result.

`fastkm.kmeans1d` does the work. An estimator needs more: a result even if there are fewer distinct
values than clusters, or integers that float64 cannot hold; and breaks for values of any type, since
it labels values that were not in the data.
"""

from __future__ import annotations

import numpy as np

from fastkm.cluster.exact.kmeans1d import kmeans1d
from fastkm.cluster.exact.predict import label
from fastkm.cluster.lloyd.fit import Fit
from fastkm.cluster.streaming.chunks import EXACT_INTEGERS
from fastkm.errors import ClusterError


def find_optimum(
    values: np.ndarray, k: int, *, weights: np.ndarray | None = None, threads: int | None = None
) -> tuple[Fit, np.ndarray]:
    """Find the proven optimum of k clusters, and the breaks between those that have values.

    Values are (n,), finite, of any real type; weights are not negative, some above 0. If there are
    fewer distinct values than k, each is a cluster, and the remaining centroids, which ascend,
    repeat the last one. The breaks are for `label_by_breaks`.
    """
    values = _round_large_integers(values)
    try:
        best = kmeans1d(values, k, weights=weights, threads=threads)
    except ClusterError:  # there are fewer distinct values than k
        present = values if weights is None else values[weights > 0]
        best = kmeans1d(values, len(np.unique(present)), weights=weights, threads=threads)
    # breaks in float64: those of the result have the type of the data, and for integers 4 may stand
    # for 4.75
    halves = best.centroids / 2
    last, first = best.ranges[:-1, 1], best.ranges[1:, 0]
    breaks = np.clip(halves[:-1] + halves[1:], last, np.nextafter(first, -np.inf))
    centroids = np.pad(best.centroids, (0, k - best.k), mode="edge")
    labels = label_by_breaks(values, breaks, threads=threads)
    return Fit(centroids[:, np.newaxis], labels, float(best.inertia), 1), breaks


def label_by_breaks(
    values: np.ndarray, breaks: np.ndarray, *, threads: int | None = None
) -> np.ndarray:
    """Count the breaks below each value: the index of its nearest center, int32."""
    labels = np.empty(len(values), np.int32)
    label(_round_large_integers(values), breaks, out=labels, threads=threads)
    return labels


def _round_large_integers(values: np.ndarray) -> np.ndarray:
    """Convert integers of 64 bits to float64 if it cannot hold them; `kmeans1d` refuses those."""
    if values.dtype.kind not in "iu" or values.dtype.itemsize < 8:
        return values
    exact = len(values) == 0 or -EXACT_INTEGERS <= values.min() <= values.max() <= EXACT_INTEGERS
    return values if exact else values.astype(np.float64)
