"""The criteria of `choose_k` for one feature, each from one pass over the sorted values.

Each criterion needs sums over clusters, and clusters in one dimension are intervals of the sorted
values. All results of one `kmeans1d` call share a profile of m bins; prefix sums over it therefore
give the score of each k in O(m + k), while the textbook's silhouette takes O(n^2).

**Silhouette** (Rousseeuw 1987). The mean distance of x to a cluster on one side of it is the
distance to that cluster's centroid, so the least of them, b(x), is that to a neighbour. The mean
distance a(x) within the own cluster comes from prefix sums of weight and of weight times value.
Values are taken relative to their own cluster's centroid, so that an offset costs no digits.

A weighted cell counts by its weight in every mean. To leave the cell itself out of a(x), an average
cell of its cluster is left out: a(x) = sum(w |x - y|) / (W (1 - 1/n)) for a cluster of n cells and
weight W. So the score does not depend on the unit of the weights, and equal weights give the
unweighted score.

*Error.* A bin of width h > 0 is known by its mean m, weight w and count only. For a cell at m + t
in it, with t within ±h and of mean 0, b changes by t towards one side, and a by s t + e: other bins
lie wholly on one side of it, which gives the slope s, and the cells of its own bin add e, between 0
and w h / W (1 - 1/n). The silhouette rises with b and falls with a, so the ends of their intervals
bound it. If the order of a and b and the nearer neighbour stay the same within the bin, the score
is 1 - a/b or b/a - 1 except for e, and its linear term has mean 0 over the bin. The remainder is at
most half the largest second derivative, |s b ∓ a| / b^3 or |s| |s b ∓ a| / a^3, times the variance
of t, which is at most h^2 / 4, plus e, whose mean is at most half its greatest, over the larger of
a and b. The error of a bin is the lesser of both bounds, so it falls with h^2; it does not cover
the rounding of the sums.

**Calinski-Harabasz** (1974): variance between over variance within. Weights are taken relative to
their mean, so the degrees of freedom stay those of the cells. The score follows from inertia, sizes
and means of the clusters, which are known exactly however wide the bins are: its error is 0.

**BIC** and **elbow** are in `fastkm.cluster.selection.criteria`.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastkm.cluster.selection.criteria import Score, score_each

if TYPE_CHECKING:
    from fastkm.cluster.exact.result import KMeans1D, Profile


def silhouettes(results: dict[int, KMeans1D]) -> dict[int, Score]:
    """Average the silhouettes of each k above 1; read the data again if that makes them exact."""
    profile = next(iter(results.values())).profile
    exact = profile.recount() if profile is not None and profile.recount is not None else None
    if exact is not None:
        results = {k: replace(result, profile=exact) for k, result in results.items()}
    return score_each(_average_silhouettes, results)


def _average_silhouettes(result: KMeans1D) -> Score | None:
    """Average the silhouettes of all bins."""
    if result.k == 1:
        return None
    bins = _split_profile(result)
    gaps = [math.inf, *bins.gaps.tolist(), math.inf]
    total, error = 0.0, 0.0
    for j, (start, stop) in enumerate(pairwise(bins.edges.tolist())):
        if result.counts[j] == 1:
            continue
        own = slice(start, stop)
        weights = bins.weights[own]
        near = _BinDistances.measure(bins.offsets[own], weights, result.counts[j], gaps[j : j + 2])
        total += float(weights @ _compute_silhouettes(near.a, near.b))
        if bins.widths[own].any():
            error += float(weights @ near.bound_errors(bins.widths[own]))
    whole = float(bins.weights.sum())
    return Score(total / whole, error / whole)


class _BinDistances(NamedTuple):
    """Mean distances of the bins of one cluster, and how they change as a bin's value does."""

    a: np.ndarray
    b: np.ndarray
    slope: np.ndarray  # of a
    side: np.ndarray  # slope of b: +1 if the neighbour below is nearer, otherwise -1
    turn: np.ndarray  # distance to the value at which the two neighbours are equally near
    within: np.ndarray  # a's share of the own bin

    @classmethod
    def measure(
        cls, offsets: np.ndarray, weights: np.ndarray, count: int, gaps: list[float]
    ) -> _BinDistances:
        """Measure distances for `count` cells: offsets from their centroid, gaps to the next two."""
        below, above = offsets + gaps[0], gaps[1] - offsets
        mass, moment = np.cumsum(weights), np.cumsum(weights * offsets)
        others = mass[-1] * (1 - 1 / count)
        distances = offsets * (2 * mass - mass[-1]) + (moment[-1] - 2 * moment)
        return cls(
            a=np.maximum(distances, 0.0) / others,
            b=np.minimum(below, above),
            slope=(2 * mass - weights - mass[-1]) / others,
            side=np.where(below < above, 1.0, -1.0),
            turn=np.abs(below - above) / 2,
            within=weights / others,
        )

    def bound_errors(self, widths: np.ndarray) -> np.ndarray:
        """Bound the error of each bin's silhouette; see the module's essay."""
        own = self.within * widths
        reach = np.abs(self.slope) * widths
        # the bound from the ends of the intervals of a and b
        low_a, high_a = np.maximum(self.a - reach, 0.0), self.a + reach + own
        low_b, high_b = np.maximum(self.b - widths, 0.0), self.b + widths
        score = _compute_silhouettes(self.a, self.b)
        coarse = np.maximum(
            score - _compute_silhouettes(high_a, low_b), _compute_silhouettes(low_a, high_b) - score
        )
        # the bound from the second derivative, if the score is smooth within the bin
        smooth = ((high_a < low_b) | (high_b < low_a)) & (self.turn >= widths)
        larger = np.maximum(low_a, low_b)
        bend = np.abs(self.slope * self.b - self.side * self.a)
        bend *= np.where(self.a < self.b, 1.0, np.abs(self.slope))
        with np.errstate(divide="ignore", invalid="ignore"):  # in bins where it is not smooth
            fine = bend * (widths / 2) ** 2 / larger**3 + own / 2 / larger
        return np.where(smooth, np.fmin(fine, coarse), coarse)


def _compute_silhouettes(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Compute (b - a) / max(a, b), 0 if both are 0."""
    larger = np.maximum(a, b)
    return np.divide(b - a, larger, out=np.zeros_like(larger), where=larger > 0)


class _ClusteredBins(NamedTuple):
    """The bins of the profile, split into the clusters of one result, in units of a power of two."""

    edges: np.ndarray  # (k + 1,) where clusters begin and end among the bins
    offsets: np.ndarray  # (m,) values less their own cluster's centroid
    gaps: np.ndarray  # (k - 1,) distances of neighbouring centroids
    weights: np.ndarray  # (m,)
    widths: np.ndarray  # (m,) 0 if the bin is a single cell
    masses: np.ndarray  # (k,)
    exponent: int


def _split_profile(result: KMeans1D) -> _ClusteredBins:
    """Split the profile; each cluster is measured from one of its own values, so nothing cancels."""
    profile: Profile = result.profile  # type: ignore[assignment]  # checked
    exponent = int(np.frexp(np.abs(profile.values[[0, -1]]).max())[1])
    values = np.ldexp(profile.values, -exponent)
    edges = np.searchsorted(np.cumsum(profile.counts), np.cumsum(result.counts)) + 1
    edges = np.concatenate([[0], edges])
    starts, sizes = edges[:-1], np.diff(edges)
    pivots = values[starts + sizes // 2]
    offsets = values - np.repeat(pivots, sizes)
    masses = np.add.reduceat(profile.weights, starts)
    means = np.add.reduceat(profile.weights * offsets, starts) / masses
    return _ClusteredBins(
        edges=edges,
        offsets=offsets - np.repeat(means, sizes),
        gaps=np.diff(pivots) + np.diff(means),
        weights=profile.weights,
        widths=np.where(profile.counts > 1, np.ldexp(profile.widths, -exponent), 0.0),
        masses=masses,
        exponent=exponent,
    )


def calinski_harabasz(result: KMeans1D) -> Score | None:
    """Divide the variance between clusters by that within them."""
    cells = int(result.counts.sum())
    if result.k in {1, cells} or math.isinf(result.inertia):
        return None
    bins = _split_profile(result)
    within = math.ldexp(result.inertia, -2 * bins.exponent)
    if within == 0:
        return Score(math.inf, 0.0)
    centroids = np.concatenate([[0.0], np.cumsum(bins.gaps)])
    middle = bins.masses @ centroids / bins.masses.sum()
    between = float(bins.masses @ (centroids - middle) ** 2)
    return Score(between / within * (cells - result.k) / (result.k - 1), 0.0)
