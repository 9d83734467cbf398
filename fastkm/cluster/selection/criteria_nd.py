"""The criteria of `choose_k` for rows of several features.

**Silhouette.** With several features there are no intervals and no prefix sums, so the silhouette
is that of a sample. The cells are cut into `SAMPLE` runs of equal weight, and one cell is drawn
from each, with a fixed seed: so the sample is spread evenly and is the same each time. For each of
its cells a and b are exact: its mean Euclidean distances to *all* cells of each cluster, computed
chunk by chunk. (The mean over a sample that is compared with itself only, as is often done, is
biased: b is the least of several means, and noise lowers the least.) For a large raster "all cells"
are the 2^20 of its sample, which biases b by as good as nothing. The error is twice the
standard error of the mean of that many independent cells, 0 if all cells were taken; as the sample
is spread evenly, the error is more likely too large than too small. With n cells it takes `SAMPLE`
* n distances, once for all k, and memory for `CHUNK` * `SAMPLE` of them.

A weighted cell counts by its weight in every mean, and an average cell of the cluster is left out
of a, as in `fastkm.cluster.selection.criteria_1d`.

**Calinski-Harabasz** is that of one feature; **BIC** and **elbow** are in
`fastkm.cluster.selection.criteria`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from fastkm.cluster.selection.criteria import Score

SAMPLE = 1000
"""Cells whose silhouettes are computed."""
CHUNK = 2048
"""Cells that the sample is compared with at once: 16 MB of distances."""


class RowSource(Protocol):
    """The data that was clustered; partitions of the same data share one object."""

    def gather(self) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the rows, shape (n, d), as they were clustered, and their weights or None."""


@dataclass(frozen=True, eq=False)
class Partition:
    """The clusters of one k, as the criteria need them, in the space that was clustered."""

    k: int
    counts: np.ndarray  # (k,) cells of each cluster
    weights: np.ndarray  # (k,) their summed weight
    inertia: float
    centroids: np.ndarray  # (k, d) float64, means of the rows of each cluster
    labels: Callable[[], np.ndarray]  # returns the cluster of each row of `rows`
    rows: RowSource  # all rows, or a sample of them


def silhouettes(partitions: dict[int, Partition]) -> dict[int, Score]:
    """Estimate the mean silhouette of each k above 1, and its error."""
    several = {k: partition for k, partition in partitions.items() if k > 1}
    if not several:
        return {}
    rows, weights = next(iter(several.values())).rows.gather()
    sample, shares = draw_sample(len(rows), weights)
    labels = [partition.labels() for partition in several.values()]
    sums = _sum_distances(rows, weights, sample, list(zip(labels, several, strict=True)))
    scores = {}
    for (k, partition), own, distances in zip(several.items(), labels, sums, strict=True):
        # of these rows, which may be a sample of those that were clustered
        counts = np.bincount(own, minlength=k)
        summed = counts if weights is None else np.bincount(own, weights, minlength=k)
        drawn = replace(partition, counts=counts, weights=summed.astype(float))
        each = _compare_distances(distances, own[sample], drawn)
        error = 0.0
        if len(sample) < len(rows):
            error = 2.0 * float(np.std(each, ddof=1)) / math.sqrt(len(each))
        scores[k] = Score(float(shares @ each), error)
    return scores


def draw_sample(n: int, weights: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Choose cells, spread evenly by weight; return their indices and their shares in the mean."""
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


def _sum_distances(
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
        chunk = slice(start, start + CHUNK)
        distances = cdist(sample, np.ascontiguousarray(rows[chunk], np.float64))
        if weights is not None:
            distances *= weights[chunk]
        for total, (labels, k) in zip(sums, labelled, strict=True):
            np.add(total, distances @ (labels[chunk, None] == np.arange(k)), out=total)
    return sums


def _compare_distances(sums: np.ndarray, own: np.ndarray, partition: Partition) -> np.ndarray:
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


def calinski_harabasz(partition: Partition) -> Score | None:
    """Divide the variance between clusters by that within them."""
    cells = int(partition.counts.sum())
    if partition.k in {1, cells} or math.isinf(partition.inertia):
        return None
    if partition.inertia == 0:
        return Score(math.inf, 0.0)
    middle = partition.weights @ partition.centroids / partition.weights.sum()
    squares = ((partition.centroids - middle) ** 2).sum(axis=1)
    between = float(partition.weights @ squares)
    return Score(between / partition.inertia * (cells - partition.k) / (partition.k - 1), 0.0)
