"""The criteria of `choose_k` for rows of several features.

What one dimension has, intervals and prefix sums, several have not, so the **silhouette** is that
of a sample: at most `SAMPLE` cells, one drawn from each of as many runs of cells of equal weight,
so that they are spread evenly and, the draw being seeded, the same each time. For each of them a
and b are exact: its mean Euclidean distances to *all* cells of each cluster, chunk by chunk. (The
mean over a sample that is compared with itself only, as is often done, is biased: b is the least of
several means, and noise lowers the least.) The error given is twice the standard error of the
mean of that many independent cells, 0 where all cells were taken; the sample being spread evenly
it is more likely too large than too small. With n cells it takes `SAMPLE` * n distances, once for
all k, and memory for `CHUNK` * `SAMPLE` of them.

With weights a cell counts by its weight in every mean, and a leaves an average cell of the cluster
out, as `fastkm.cluster.selection.choose_k` has it.

**BIC** and **Calinski-Harabasz** are those of one dimension with M features: normals of one
variance, alike in all directions, inertia / (M (R - k)), and k - 1 shares, M k coordinates of
centroids and the variance as parameters (Pelleg & Moore 2000).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

SAMPLE = 1000
"""Cells whose silhouettes are computed."""
CHUNK = 2048
"""Cells that the sample is compared with at once: 16 MB of distances."""


class Rows(Protocol):
    """The data that partitions share: they are of one data set where this is one object."""

    def gathered(self) -> tuple[np.ndarray, np.ndarray | None]:
        """Give the rows, shape (n, d), as they were clustered, and their weights or None."""


@dataclass(frozen=True, eq=False)
class Partition:
    """What the criteria need to know of one k.

    Attributes
    ----------
    k : int
        Number of clusters.
    counts, weights : (k,) array
        Cells of each cluster, and their summed weight.
    inertia : float
        In the space that was clustered, as the centroids.
    centroids : (k, d) float64 array
        Means of the rows of each cluster.
    labels : callable
        Gives the cluster of each row.
    rows : Rows
        The data.
    """

    k: int
    counts: np.ndarray
    weights: np.ndarray
    inertia: float
    centroids: np.ndarray
    labels: Callable[[], np.ndarray]
    rows: Rows


def silhouettes(partitions: dict[int, Partition]) -> dict[int, tuple[float, float]]:
    """Estimate the mean silhouette of each k above 1, and its error."""
    several = {k: partition for k, partition in partitions.items() if k > 1}
    if not several:
        return {}
    rows, weights = next(iter(several.values())).rows.gathered()
    chosen, shares = sampled(len(rows), weights)
    labels = [partition.labels() for partition in several.values()]
    sums = _sums_of_distances(rows, weights, chosen, list(zip(labels, several, strict=True)))
    scores = {}
    for (k, partition), own, distances in zip(several.items(), labels, sums, strict=True):
        each = _silhouettes(distances, own[chosen], partition)
        mean = float(shares @ each)
        spread = 0.0
        if len(chosen) < len(rows):
            spread = 2.0 * float(np.std(each, ddof=1)) / math.sqrt(len(each))
        scores[k] = mean, spread
    return scores


def sampled(n: int, weights: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Choose cells, spread evenly by weight; give their numbers and their shares in the mean.

    Examples
    --------
    >>> sampled(3, None)
    (array([0, 1, 2]), array([0.33333333, 0.33333333, 0.33333333]))
    """
    if n <= SAMPLE:
        shares = np.full(n, 1.0 / n) if weights is None else weights / weights.sum()
        return np.arange(n), shares
    places = (np.arange(SAMPLE) + np.random.default_rng(0).random(SAMPLE)) / SAMPLE
    if weights is None:
        chosen = (places * n).astype(np.int64)
    else:
        total = np.cumsum(weights)
        chosen = np.minimum(np.searchsorted(total, places * total[-1], side="right"), n - 1)
    return chosen, np.full(SAMPLE, 1.0 / SAMPLE)


def _sums_of_distances(
    rows: np.ndarray,
    weights: np.ndarray | None,
    chosen: np.ndarray,
    labelled: list[tuple[np.ndarray, int]],
) -> list[np.ndarray]:
    """Sum the (weighted) distances of chosen rows to the rows of each cluster, for each k."""
    from scipy.spatial.distance import cdist

    sample = np.ascontiguousarray(rows[chosen], np.float64)
    sums = [np.zeros((len(chosen), k)) for _, k in labelled]
    for start in range(0, len(rows), CHUNK):
        part = slice(start, start + CHUNK)
        distances = cdist(sample, np.ascontiguousarray(rows[part], np.float64))
        if weights is not None:
            distances *= weights[part]
        for total, (labels, k) in zip(sums, labelled, strict=True):
            np.add(total, distances @ (labels[part, None] == np.arange(k)), out=total)
    return sums


def _silhouettes(sums: np.ndarray, own: np.ndarray, partition: Partition) -> np.ndarray:
    """Compare the mean distance of cells to their own cluster with that to the next."""
    present = partition.weights > 0
    means = np.full(sums.shape, np.inf)
    np.divide(sums, partition.weights, out=means, where=present)
    cells = np.arange(len(own))
    alone = partition.counts[own] == 1
    others = 1.0 - 1.0 / np.where(alone, 2, partition.counts[own])
    a = means[cells, own] / others
    means[cells, own] = np.inf
    b = means.min(axis=1)
    larger = np.maximum(a, b)
    defined = ~alone & (larger > 0) & np.isfinite(larger)
    return np.divide(b - a, larger, out=np.zeros_like(larger), where=defined)


def bic(partition: Partition) -> tuple[float, float] | None:
    """Penalise the likelihood of a mixture of round normals that have one variance."""
    cells, features = int(partition.counts.sum()), partition.centroids.shape[1]
    if cells == partition.k or math.isinf(partition.inertia):
        return None
    if partition.inertia == 0:
        return math.inf, 0.0
    shares = partition.weights / partition.weights.sum()
    shares = shares[shares > 0]
    log_variance = math.log(partition.inertia / partition.weights.sum() / features)
    log_variance -= math.log1p(-partition.k / cells)
    likelihood = (
        cells * float(shares @ np.log(shares))
        - cells * features / 2 * (math.log(2 * math.pi) + log_variance)
        - features * (cells - partition.k) / 2
    )
    parameters = partition.k - 1 + features * partition.k + 1
    return likelihood - parameters / 2 * math.log(cells), 0.0


def calinski_harabasz(partition: Partition) -> tuple[float, float] | None:
    """Divide the variance between clusters by that within them."""
    cells = int(partition.counts.sum())
    if partition.k in {1, cells} or math.isinf(partition.inertia):
        return None
    if partition.inertia == 0:
        return math.inf, 0.0
    middle = partition.weights @ partition.centroids / partition.weights.sum()
    squares = ((partition.centroids - middle) ** 2).sum(axis=1)
    between = float(partition.weights @ squares)
    return between / partition.inertia * (cells - partition.k) / (partition.k - 1), 0.0
