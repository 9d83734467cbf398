"""How many clusters: score the results of several k by one of four criteria, and choose.

The criteria are in `criteria_1d` for one feature and `criteria_nd` for several, beside this module;
those that both share are in `criteria`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

from fastkm.cluster.selection import criteria_1d, criteria_nd
from fastkm.cluster.selection.criteria import Score, bic, elbow, score_each
from fastkm.cluster.selection.criteria_nd import Partition

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fastkm.cluster.exact.result import KMeans1D

Criterion = Literal["silhouette", "bic", "calinski_harabasz", "elbow"]

CRITERIA: tuple[Criterion, ...] = get_args(Criterion)
"""Names of the criteria."""

OF_SQUARES = ("bic", "calinski_harabasz")
"""Criteria that take the inertia for a sum of squares."""

LOWEST_WINS = {"bic"}
"""Criteria of which the lowest score is the best; of the others it is the highest."""

TENDENCIES: dict[str, str] = {
    "silhouette": "silhouette prefers few clusters: without gaps in the data it falls as k rises, and "
    "says little about how many classes are useful",
    "bic": "bic prefers many clusters of large rasters: each that describes some cells better pays",
    "calinski_harabasz": "calinski_harabasz prefers many clusters of one variable without gaps",
    "elbow": "elbow is where more clusters pay less; it depends on the first and the last k",
}
"""What each criterion tends to choose, in a sentence."""


class Selectable(Protocol):
    """A result from which the criteria can be computed: `fastkm.RasterClusters`."""

    def for_selection(self) -> KMeans1D | Partition:
        """Return the clusters of one feature, or of several."""


@dataclass(frozen=True)
class Choice:
    """A number of clusters, and the scores that decided.

    Attributes
    ----------
    k : int
        The k of the best score; the least k if several scores are equal.
    criterion : str
        Name of the criterion.
    scores : dict of int to float
        The score of each k; higher is better, but not if `lower_is_better`. It may be infinite: see
        `choose_k`.
    errors : dict of int to float
        How far each score may be from the exact score of the data; 0 if all distinct values are
        known. For silhouettes of several features, twice the standard error.
    left_out : tuple of int
        Each k for which the criterion is undefined.
    lower_is_better : bool
        Whether the lowest score is the best: that of "bic".
    """

    k: int
    criterion: str
    scores: dict[int, float]
    errors: dict[int, float]
    left_out: tuple[int, ...] = field(default=())

    @property
    def lower_is_better(self) -> bool:
        """Whether the lowest score is the best."""
        return self.criterion in LOWEST_WINS

    def to_frame(self) -> pd.DataFrame:
        """Return the scores as a data frame, one row a number of clusters.

        Returns
        -------
        pandas.DataFrame
            Index ``k``; ``score`` and ``error``, NaN where the criterion is undefined; and
            ``chosen``, which is True in one row.

        Examples
        --------
        >>> import fastkm
        >>> fastkm.choose_k(fastkm.kmeans1d([1, 2, 8, 9], [1, 2, 3])).to_frame().round(3)
           score  error  chosen
        k
        1    NaN    NaN   False
        2  0.856    0.0    True
        3  0.423    0.0   False
        """
        import pandas as pd

        ks = pd.Index(sorted([*self.scores, *self.left_out]), name="k")
        columns = {"score": pd.Series(self.scores, ks), "error": pd.Series(self.errors, ks)}
        return pd.DataFrame({**columns, "chosen": ks == self.k})

    def plot(self, *, ax: Axes | None = None, title: str | None = None) -> Figure:
        """Draw the score of each k; the chosen one is marked.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default in a new figure.
        title : str, optional
            The title.

        Returns
        -------
        matplotlib.figure.Figure

        Examples
        --------
        >>> import fastkm
        >>> figure = fastkm.choose_k(fastkm.kmeans1d([1, 2, 8, 9], [1, 2, 3])).plot()
        >>> figure.axes[0].get_ylabel()
        'mean silhouette, 1 is best'
        """
        from fastkm.plot import draw_scores, scores_figure

        options: dict[str, Any] = {"criterion": self.criterion, "errors": self.errors}
        if ax is None:
            return scores_figure(self.scores, self.k, title=title, **options)
        draw_scores(ax, self.scores, self.k, title=title, **options)
        return ax.get_figure(root=True)  # type: ignore[return-value]

    def __repr__(self) -> str:
        lines = [f"Choice: k = {self.k} by {self.criterion}"]
        for k, score in self.scores.items():
            error = f" ± {self.errors[k]:.2g}" if self.errors[k] else ""
            chosen = "  <- chosen" if k == self.k else ""
            lines.append(f"  k = {k:<4d}{score:14.6g}{error}{chosen}")
        lines += [f"  k = {k:<4d}{'undefined':>14}" for k in self.left_out]
        return "\n".join(lines)


def choose_k(
    results: Mapping[int, KMeans1D] | Mapping[int, Selectable],
    criterion: Criterion = "silhouette",
) -> Choice:
    """Choose the number of clusters by a criterion.

    Parameters
    ----------
    results : dict of int to KMeans1D or RasterClusters
        What one call of `fastkm.kmeans1d` or `fastkm.cluster_raster` with several k returned.
    criterion : {"silhouette", "bic", "calinski_harabasz", "elbow"}, default: "silhouette"
        How each k is scored, see Notes; the highest score wins, of "bic" the lowest.

    Returns
    -------
    Choice
        The chosen k, all scores and the bounds on their errors.

    Raises
    ------
    TypeError
        If `results` is not such a dictionary.
    ValueError
        If the criterion is unknown, defined for no k (the elbow needs three) or not for medians (BIC
        and Calinski-Harabasz), or `results` is empty, was loaded from a file or is of several data
        sets.

    Notes
    -----
    silhouette
        Mean over all cells of (b - a) / max(a, b), where a is a cell's mean distance to the other
        cells of its cluster, and b that to the cells of the next cluster [1]_. From -1 to 1; 0 for
        a cell alone in its cluster; undefined for k = 1. For one feature it is exact up to 2^20
        distinct values, for which the data may be read once more; beyond, a bound on the error is
        returned. For several features it is the score of at most 1000 cells, each compared with
        all (of a raster of more than 2^22 cells with a sample of 2^20), and the error is twice the
        standard error of their mean.
    bic
        Bayesian information criterion of a mixture of normals with one variance, as in X-means
        [2]_, as a penalty: -2 log-likelihoods and log(cells) for each parameter, lower is better.
        Undefined if each cell is a cluster.
    calinski_harabasz
        Variance between clusters over variance within [3]_. Undefined for k = 1, and if each cell
        is a cluster.
    elbow
        How far the inertia lies below the chord from the first k to the last, as a share of its
        fall from the first to the last.

    No criterion knows what the clusters are for; look at the scores of all k. Many rasters have no
    gaps between clusters: their silhouette falls as k rises, so it chooses few clusters, often two,
    while BIC and Calinski-Harabasz rate more clusters better, often up to the most that were tried.
    The elbow lies between, but it moves with the first and the last k.

    If the inertia is 0 although cells share clusters (as many clusters as distinct values), the fit
    is perfect, and BIC is minus infinity, Calinski-Harabasz infinity. If an inertia is beyond float64, the
    criteria that need it are undefined. Scores of weighted cells do not depend on the unit of the
    weights.

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
    clusterings, criteria = _check_results(results)
    of_medians = any(getattr(one, "criterion", "") == "median" for one in clusterings.values())
    if of_medians and criterion in OF_SQUARES:
        raise ValueError(
            f"{criterion} needs sums of squares, and results for criterion='median' have sums of "
            "distances: choose by silhouette or elbow"
        )
    scorers: dict[str, Callable[[dict[int, Any]], dict[int, Score]]] = {
        "silhouette": criteria.silhouettes,
        "bic": partial(score_each, bic),
        "calinski_harabasz": partial(score_each, criteria.calinski_harabasz),
        "elbow": elbow,
    }
    scored = scorers[criterion](clusterings)
    left_out = tuple(k for k in clusterings if k not in scored)
    if not scored:
        raise ValueError(f"{criterion} is undefined for k = {', '.join(map(str, left_out))}")
    best_of = min if criterion in LOWEST_WINS else max
    best = best_of(scored, key=lambda k: scored[k].value)  # the first of equals, and k ascends
    return Choice(
        best,
        criterion,
        scores={k: score.value for k, score in scored.items()},
        errors={k: score.error for k, score in scored.items()},
        left_out=left_out,
    )


def _check_results(results: Any) -> tuple[dict[int, Any], ModuleType]:
    """Require results of several k for one data set; return them by ascending k, and their criteria."""
    wanted = "results must be a dict of KMeans1D or RasterClusters by k"
    if not isinstance(results, Mapping):
        raise TypeError(
            f"{wanted}, got {type(results).__name__}: call kmeans1d or cluster_raster with several k"
        )
    if not results:
        raise ValueError("results must hold a result for each k, got none")
    clusterings: dict[int, Any] = {}
    sources: list[object] = []
    criteria: ModuleType = criteria_1d
    for k in sorted(results):
        result = results[k]
        clustering = result.for_selection() if hasattr(result, "for_selection") else result
        if isinstance(clustering, Partition):
            sources.append(clustering.rows)
            criteria = criteria_nd
        elif hasattr(clustering, "profile"):  # a KMeans1D
            sources.append(clustering.profile)
        else:
            raise TypeError(f"{wanted}, got a dict with {type(result).__name__} for k = {k}")
        clusterings[k] = clustering
    if any(source is None for source in sources):
        raise ValueError(
            "results must come from kmeans1d or cluster_raster: one loaded from a file has no values"
        )
    if any(source is not sources[0] for source in sources):
        raise ValueError("results must come from one call, got several data sets")
    return clusterings, criteria
