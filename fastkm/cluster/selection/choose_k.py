"""How many clusters: four criteria, each from one pass over the sorted values.

Every criterion needs sums over clusters, and clusters in one dimension are intervals of the sorted
values: prefix sums over the profile that all results of one `kmeans1d` share give each k in
O(m + k) for m pieces, where the textbook's silhouette takes O(n^2).

**Silhouette** (Rousseeuw 1987). The mean distance of x to a cluster on one side of it is the
distance to that cluster's centroid, so b(x), the least of them, is that of a neighbour. The mean
distance a(x) within the own cluster comes from prefix sums of weight and of weight times value.
Values are taken relative to their own cluster's centroid, so that an offset costs no digits.

With weights a cell counts by its weight, in every mean. Leaving the cell itself out of a(x) is
done for an average cell of its cluster: a(x) = sum(w |x - y|) / (W (1 - 1/n)) for a cluster of n
cells and weight W. So the score does not depend on the unit of the weights, and equal weights
give the unweighted one.

*Error.* A piece of width h > 0 is known by its mean m, weight w and count only. For a cell at
m + t in it, t within ±h and of mean 0, b changes by t towards one side, and a by s t + e: other
pieces lie wholly on one side of it, which gives the slope s, and the cells of its own piece add
e, between 0 and w h / W (1 - 1/n). The silhouette rises with b and falls with a, so the ends of
their intervals bound it. Where the order of a and b and the nearer neighbour stay the same within
the piece, the score is 1 - a/b or b/a - 1 but for e, and its linear term has mean 0 over the
piece: what is left is at most half the largest second derivative, |s b ∓ a| / b^3 or
|s| |s b ∓ a| / a^3, times the variance of t, which is at most h^2 / 4, and e, whose mean is at
most half its greatest, over the larger of a and b. The error of a piece is the lesser of both
bounds, so it falls with h^2; it does not cover the rounding of the sums.

**BIC** (Pelleg & Moore 2000, X-means) with M = 1 dimension: the log-likelihood of a mixture of
normals of one variance, inertia / (R - k), less log(R) / 2 for each of the k - 1 shares, k
centroids and the variance; R is the number of cells. The likelihood is the sum of their point
probabilities, so its last term is (R - k) / 2; the paper's formula for a single cluster counts
k once for each cluster. **Calinski-Harabasz** (1974): variance between over variance within. In
both, weights are taken relative to their mean, so R and the degrees of freedom stay those of the
cells. **Elbow**: how far the inertia lies below the chord from the first k to the last. These
three follow from inertia, sizes and means of the clusters, which are known exactly however wide
the pieces are: their error is 0.

Clusters of several features have the same criteria, in `fastkm.cluster.selection.criteria_nd`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np

from fastkm.cluster.exact.result import KMeans1D, Profile
from fastkm.cluster.selection import criteria_nd
from fastkm.cluster.selection.criteria_nd import Partition

Score = tuple[float, float]
"""A score and the bound on its error."""

Result = TypeVar("Result", KMeans1D, Partition)


class Chooseable(Protocol):
    """A result that knows what the criteria need: a raster's clusters."""

    def for_choice(self) -> KMeans1D | Partition:
        """Give the result of one feature, or what is to be known of one of several."""


@dataclass(frozen=True)
class Choice:
    """A number of clusters, and the scores that decided.

    Attributes
    ----------
    k : int
        The k of the highest score; of equal ones the least.
    criterion : str
        What was scored.
    scores : dict of int to float
        The score of each k, higher is better. It may be infinite: see `choose_k`.
    errors : dict of int to float
        How far each score may be from that of the values themselves; 0 where their distinct
        values are all known. Of several features twice the standard error of a silhouette.
    left_out : tuple of int
        Each k that has no such score.
    """

    k: int
    criterion: str
    scores: dict[int, float]
    errors: dict[int, float]
    left_out: tuple[int, ...] = field(default=())

    def __repr__(self) -> str:
        lines = [f"Choice: k = {self.k} by {self.criterion}"]
        for k, score in self.scores.items():
            error = f" ± {self.errors[k]:.2g}" if self.errors[k] else ""
            chosen = "  <- chosen" if k == self.k else ""
            lines.append(f"  k = {k:<4d}{score:14.6g}{error}{chosen}")
        lines += [f"  k = {k:<4d}{'undefined':>14}" for k in self.left_out]
        return "\n".join(lines)


def choose_k(
    results: Mapping[int, KMeans1D] | Mapping[int, Chooseable], criterion: str = "silhouette"
) -> Choice:
    """Choose the number of clusters by a score of each.

    Parameters
    ----------
    results : dict of int to KMeans1D or RasterClusters
        What one call of `fastkm.kmeans1d` or `fastkm.cluster_raster` with several k gave.
    criterion : {"silhouette", "bic", "calinski_harabasz", "elbow"}
        The score, see Notes; the highest wins.

    Returns
    -------
    Choice
        The chosen k, all scores and the bounds on their errors.

    Raises
    ------
    TypeError
        If `results` is not such a dictionary.
    ValueError
        If the criterion is unknown or defined for no k (the elbow needs three), `results` is
        empty, comes from a file or from several data sets.

    Notes
    -----
    silhouette
        Exact for up to 2^20 distinct values, for which the data may be read once more; beyond, a
        bound on the error is given. Of several features the score is that of at most 1000 cells,
        each compared with all, and the error twice the standard error of their mean. Mean over all
        cells of (b - a) / max(a, b): a is a cell's mean distance to the other cells
        of its cluster, b that to the cells of the next cluster. From -1 to 1; 0 for a cell alone
        in its cluster; undefined for k = 1.
    bic
        Bayesian information criterion of a mixture of normals with one variance, as X-means has
        it. Undefined where each cell is a cluster.
    calinski_harabasz
        Variance between clusters over variance within. Undefined for k = 1, and where each cell
        is a cluster.
    elbow
        How far the inertia lies below the chord from the first k to the last, as a share of its
        fall from the one to the other.

    Where an inertia of 0 remains though cells share clusters (as many clusters as distinct
    values), the fit is perfect, and BIC and Calinski-Harabasz are infinite. Where an inertia is
    beyond float64, the criteria that need it are undefined. Scores of weighted cells do not
    depend on the unit of the weights.

    References
    ----------
    .. [1] Rousseeuw, P. J. (1987). Silhouettes: a graphical aid to the interpretation and
       validation of cluster analysis. J. Comput. Appl. Math. 20, 53-65.
    .. [2] Pelleg, D. & Moore, A. (2000). X-means: extending k-means with efficient estimation of
       the number of clusters. ICML 17, 727-734.
    .. [3] Calinski, T. & Harabasz, J. (1974). A dendrite method for cluster analysis.
       Communications in Statistics 3, 1-27.

    Examples
    --------
    >>> import fastkm
    >>> fastkm.choose_k(fastkm.kmeans1d([1, 2, 3, 11, 12, 13, 21, 22, 23], range(1, 5)))
    Choice: k = 3 by silhouette
      k = 2         0.640927
      k = 3          0.86229  <- chosen
      k = 4         0.627619
      k = 1        undefined
    """
    if criterion not in CRITERIA:
        raise ValueError(f"criterion must be one of {', '.join(CRITERIA)}, got {criterion!r}")
    ordered = _checked(results)
    scored = _scored(ordered, criterion)
    left_out = tuple(k for k in ordered if k not in scored)
    if not scored:
        raise ValueError(f"{criterion} is undefined for k = {', '.join(map(str, left_out))}")
    best = max(scored, key=lambda k: scored[k][0])  # the first of equals, and k ascends
    scores, errors = ({k: pair[i] for k, pair in scored.items()} for i in (0, 1))
    return Choice(best, criterion, scores, errors, left_out)


def _scored(ordered: dict[int, Any], criterion: str) -> dict[int, Score]:
    """Score results of one kind."""
    if isinstance(next(iter(ordered.values())), Partition):
        return ROW_CRITERIA[criterion](ordered)
    return CRITERIA[criterion](_by_value(ordered) if criterion == "silhouette" else ordered)


def _checked(results: Any) -> dict[int, Any]:
    """Require results of several k for one data set; sort them by k."""
    if isinstance(results, KMeans1D) or hasattr(results, "for_choice"):
        raise TypeError(
            "results must be those of several k: give kmeans1d or cluster_raster a range"
        )
    bare = results
    if isinstance(results, Mapping):
        bare = {k: r.for_choice() if hasattr(r, "for_choice") else r for k, r in results.items()}
    if not isinstance(results, Mapping) or not all(
        isinstance(result, KMeans1D | Partition) for result in bare.values()
    ):
        raise TypeError(
            f"results must be a dict of KMeans1D or RasterClusters by k, got {type(results).__name__}"
        )
    if not results:
        raise ValueError("results must hold a result for each k, got none")
    sources = [r.profile if isinstance(r, KMeans1D) else r.rows for r in bare.values()]
    if any(source is None for source in sources):
        raise ValueError(
            "results must come from kmeans1d or cluster_raster: one loaded from a file has no values"
        )
    if any(source is not sources[0] for source in sources):
        raise ValueError("results must come from one call, got several data sets")
    return dict(sorted(bare.items()))


def _by_value(results: dict[int, KMeans1D]) -> dict[int, KMeans1D]:
    """Replace a profile of wider pieces by one of distinct values, where those can be counted."""
    profile = next(iter(results.values())).profile
    exact = profile.recount() if profile is not None and profile.recount is not None else None
    return results if exact is None else {k: replace(r, profile=exact) for k, r in results.items()}


def _for_each(
    score: Callable[[Result], Score | None],
) -> Callable[[dict[int, Result]], dict[int, Score]]:
    """Score each k by itself, leaving out those without a score."""

    def scored(results: dict[int, Result]) -> dict[int, Score]:
        pairs = {k: score(result) for k, result in results.items()}
        return {k: pair for k, pair in pairs.items() if pair is not None}

    return scored


def _silhouette(result: KMeans1D) -> Score | None:
    """Average the silhouettes of all pieces."""
    if result.k == 1:
        return None
    parts = _parts(result)
    gaps = [math.inf, *parts.gaps.tolist(), math.inf]
    total, error = 0.0, 0.0
    for j, (start, stop) in enumerate(pairwise(parts.edges.tolist())):
        if result.counts[j] == 1:
            continue
        own = slice(start, stop)
        weights = parts.weights[own]
        near = _Distances.of(parts.offsets[own], weights, result.counts[j], gaps[j : j + 2])
        total += float(weights @ _compared(near.a, near.b))
        if parts.widths[own].any():
            error += float(weights @ near.errors(parts.widths[own]))
    whole = float(parts.weights.sum())
    return total / whole, error / whole


class _Distances(NamedTuple):
    """Mean distances of the pieces of one cluster, and how they change as a piece's value does."""

    a: np.ndarray
    b: np.ndarray
    slope: np.ndarray  # of a
    side: np.ndarray  # slope of b: +1 where the neighbour below is nearer, else -1
    turn: np.ndarray  # distance to the value where the two neighbours are equally near
    within: np.ndarray  # a's share of the own piece

    @classmethod
    def of(
        cls, offsets: np.ndarray, weights: np.ndarray, count: int, gaps: list[float]
    ) -> _Distances:
        """Compute them for `count` cells, offsets from their centroid, and gaps to the next two."""
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

    def errors(self, widths: np.ndarray) -> np.ndarray:
        """Bound the error of each piece's silhouette; see the module's essay."""
        own = self.within * widths
        reach = np.abs(self.slope) * widths
        low_a, high_a = np.maximum(self.a - reach, 0.0), self.a + reach + own
        low_b, high_b = np.maximum(self.b - widths, 0.0), self.b + widths
        score = _compared(self.a, self.b)
        coarse = np.maximum(score - _compared(high_a, low_b), _compared(low_a, high_b) - score)
        smooth = ((high_a < low_b) | (high_b < low_a)) & (self.turn >= widths)
        larger = np.maximum(low_a, low_b)
        bend = np.abs(self.slope * self.b - self.side * self.a)
        bend *= np.where(self.a < self.b, 1.0, np.abs(self.slope))
        with np.errstate(divide="ignore", invalid="ignore"):  # where it is not smooth
            fine = bend * (widths / 2) ** 2 / larger**3 + own / 2 / larger
        return np.where(smooth, np.fmin(fine, coarse), coarse)


def _compared(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Give (b - a) / max(a, b), 0 where both are 0."""
    larger = np.maximum(a, b)
    return np.divide(b - a, larger, out=np.zeros_like(larger), where=larger > 0)


class _Parts(NamedTuple):
    """The profile cut into the clusters of one result, in units of a power of two."""

    edges: np.ndarray  # (k + 1,) where clusters begin and end among the pieces
    offsets: np.ndarray  # (m,) values less their own cluster's centroid
    gaps: np.ndarray  # (k - 1,) distances of neighbouring centroids
    weights: np.ndarray  # (m,)
    widths: np.ndarray  # (m,) 0 where a piece is a single cell
    masses: np.ndarray  # (k,)
    exponent: int


def _parts(result: KMeans1D) -> _Parts:
    """Cut the profile; each cluster is measured from one of its own values, so nothing cancels."""
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
    return _Parts(
        edges=edges,
        offsets=offsets - np.repeat(means, sizes),
        gaps=np.diff(pivots) + np.diff(means),
        weights=profile.weights,
        widths=np.where(profile.counts > 1, np.ldexp(profile.widths, -exponent), 0.0),
        masses=masses,
        exponent=exponent,
    )


def _bic(result: KMeans1D) -> Score | None:
    """Penalise the likelihood of a mixture of normals that have one variance."""
    cells = int(result.counts.sum())
    if cells == result.k or math.isinf(result.inertia):
        return None
    if result.inertia == 0:
        return math.inf, 0.0
    shares = result.weights / result.weights.sum()
    log_variance = math.log(result.inertia / result.weights.sum()) - math.log1p(-result.k / cells)
    likelihood = (
        cells * float(shares @ np.log(shares))
        - cells / 2 * (math.log(2 * math.pi) + log_variance)
        - (cells - result.k) / 2
    )
    parameters = 2 * result.k  # k - 1 shares, k centroids, one variance
    return likelihood - parameters / 2 * math.log(cells), 0.0


def _calinski_harabasz(result: KMeans1D) -> Score | None:
    """Divide the variance between clusters by that within them."""
    cells = int(result.counts.sum())
    if result.k in {1, cells} or math.isinf(result.inertia):
        return None
    parts = _parts(result)
    within = math.ldexp(result.inertia, -2 * parts.exponent)
    if within == 0:
        return math.inf, 0.0
    centroids = np.concatenate([[0.0], np.cumsum(parts.gaps)])
    middle = parts.masses @ centroids / parts.masses.sum()
    between = float(parts.masses @ (centroids - middle) ** 2)
    return between / within * (cells - result.k) / (result.k - 1), 0.0


def _elbow(results: dict[int, Any]) -> dict[int, Score]:
    """Measure how far the inertia lies below its chord."""
    inertia = {k: result.inertia for k, result in results.items() if result.inertia < math.inf}
    if len(inertia) < 3:
        raise ValueError(
            f"elbow needs the inertia of at least three k, got {', '.join(map(str, inertia))}"
        )
    ks = np.array(list(inertia), np.float64)
    falls = np.array(list(inertia.values())) / (inertia[min(inertia)] or 1.0)
    along = (ks - ks[0]) / (ks[-1] - ks[0])
    below = falls[0] - along * (falls[0] - falls[-1]) - falls
    shares = below / ((falls[0] - falls[-1]) or 1.0)
    shares[[0, -1]] = 0.0
    return {k: (float(share), 0.0) for k, share in zip(inertia, shares, strict=True)}


CRITERIA: dict[str, Callable[[dict[int, KMeans1D]], dict[int, Score]]] = {
    "silhouette": _for_each(_silhouette),
    "bic": _for_each(_bic),
    "calinski_harabasz": _for_each(_calinski_harabasz),
    "elbow": _elbow,
}
"""All criteria by name."""

ROW_CRITERIA: dict[str, Callable[[dict[int, Partition]], dict[int, Score]]] = {
    "silhouette": criteria_nd.silhouettes,
    "bic": _for_each(criteria_nd.bic),
    "calinski_harabasz": _for_each(criteria_nd.calinski_harabasz),
    "elbow": _elbow,
}
"""The same for clusters of several features."""
