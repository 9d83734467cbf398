"""Statistics of the clusters, and how far the assumptions of k-means hold for them.

K-means is right for groups that are alike: round, equally wide, equally large. It returns k
clusters whether the data has such groups or not, so these three assumptions are measured on the
clusters that it found. The measures are symptoms, not a test: k-means itself pulls clusters towards
equal width, so what is unequal in its result is more unequal in the data.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

import numpy as np

EQUAL_VARIANCE = 4.0
"""Variances count as equal up to this ratio of the largest to the smallest: the rule of thumb of
the analysis of variance, standard deviations within a factor of two."""

EQUAL_SIZE = 2.0
"""Clusters count as equally large up to this ratio of shares: none is more than twice another."""

WIDTH = 88
"""Columns of the report as text."""

_ONLY_ONE = "There is one cluster, and nothing to compare it with."

_UNEQUAL_VARIANCE = (
    "A break lies midway between two centroids, whatever their variances, so the outer values of "
    "a wide group are counted to its narrow neighbour."
)

_UNEQUAL_SIZE = (
    "K-means lowers its cost by cutting large groups and joining small ones, so a large group may "
    "be several clusters, and a small one part of another."
)


@dataclass(frozen=True)
class Assumption:
    """One assumption of k-means, measured.

    Attributes
    ----------
    name : str
        What is assumed.
    holds : bool or None
        Whether it holds; None if that is unknown.
    ratio : float
        Largest to smallest, 1 if all are equal; inf if the smallest is 0, NaN if it is unknown.
    words : str
        What was measured and, if the assumption fails, what it means.
    """

    name: str
    holds: bool | None
    ratio: float
    words: str

    def __str__(self) -> str:
        verdict = {True: "holds", False: "does not hold", None: "cannot be told"}[self.holds]
        text = f"{self.name}: {verdict}. {self.words}"
        return textwrap.fill(text, WIDTH, subsequent_indent="  ")


@dataclass(frozen=True, eq=False, repr=False)
class Report:
    """The clusters of a `KMeans1D` and the assumptions of k-means; it prints as a text.

    Attributes
    ----------
    shares : (k,) float64 array
        Share of each cluster in the weight; they sum to 1.
    ranges : (k, 2) float64 array
        Least and greatest value of each cluster.
    means, variances : (k,) float64 array
        Mean, or median, and mean squared distance to it.
    spherical, equal_variance, equal_size : Assumption
        Whether clusters are as wide in every direction, as wide as each other, as large as each
        other.
    centre : str
        "mean" or "median".

    Examples
    --------
    >>> import fastkm
    >>> report = fastkm.kmeans1d([1, 2, 1, 2, 8, 9], 2).report()
    >>> report.equal_size.holds, report.equal_size.ratio
    (True, 2.0)
    >>> print(report.equal_variance)
    equal variance: holds. All clusters have the variance 0.25.
    """

    shares: np.ndarray
    ranges: np.ndarray
    means: np.ndarray
    variances: np.ndarray
    spherical: Assumption
    equal_variance: Assumption
    equal_size: Assumption
    centre: str = "mean"

    def __repr__(self) -> str:
        heads = ("cluster", "share", "least", "greatest", self.centre, "variance")
        lines = ["{:>7}  {:>7}  {:>12}  {:>12}  {:>12}  {:>12}".format(*heads)]
        rows = zip(self.shares, self.ranges, self.means, self.variances, strict=True)
        for j, (share, (least, greatest), mean, variance) in enumerate(rows):
            numbers = "".join(f"  {x:12.6g}" for x in (least, greatest, mean, variance))
            lines.append(f"{j:>7}  {share:7.2%}{numbers}")
        lines += ["", f"What k-{self.centre}s assumes:"]
        return "\n".join([*lines, *map(str, self.assumptions)])

    @property
    def assumptions(self) -> tuple[Assumption, Assumption, Assumption]:
        """The three assumptions."""
        return self.spherical, self.equal_variance, self.equal_size


def describe_clusters(
    means: np.ndarray,
    ranges: np.ndarray,
    variances: np.ndarray,
    weights: np.ndarray,
    *,
    centre: str = "mean",
) -> Report:
    """Describe clusters by the arrays of a `KMeans1D`."""
    scaled = weights / weights.max()  # the sum of the weights themselves may overflow
    words = "With one variable there is only one direction, so it holds by construction."
    return Report(
        shares=scaled / scaled.sum(),
        ranges=ranges,
        means=means,
        variances=variances,
        spherical=Assumption("spherical variance", True, 1.0, words),
        equal_variance=_compare_variances(variances, ranges),
        equal_size=_compare_sizes(scaled),
        centre=centre,
    )


@np.errstate(over="ignore", divide="ignore")
def _compare_variances(variances: np.ndarray, ranges: np.ndarray) -> Assumption:
    """Compare the variances; they may be 0, or too large or too small for float64."""
    name = "equal variance"
    if len(variances) == 1:
        return Assumption(name, True, 1.0, _ONLY_ONE)
    underflown = (variances == 0) & (ranges[:, 0] < ranges[:, 1])
    if underflown.any() or not np.isfinite(variances).all():
        words = "Variances are too large or too small for float64, so they cannot be compared."
        return Assumption(name, None, np.nan, words)
    if not variances.any():
        return Assumption(name, True, 1.0, "Every cluster is one distinct value, of variance 0.")
    if not variances.all():
        alone = np.flatnonzero(variances == 0)
        words = (
            f"{_list_clusters(alone)} one distinct value, of variance 0, and the others are wider."
        )
        return Assumption(name, False, np.inf, f"{words} {_UNEQUAL_VARIANCE}")
    low, high = int(variances.argmin()), int(variances.argmax())
    if low == high:
        return Assumption(name, True, 1.0, f"All clusters have the variance {variances[0]:.4g}.")
    ratio = float(variances[high] / variances[low])
    holds = ratio <= EQUAL_VARIANCE
    words = (
        f"The largest variance, {variances[high]:.4g} (cluster {high}), is {ratio:.3g} times the "
        f"smallest, {variances[low]:.4g} (cluster {low}); up to {EQUAL_VARIANCE:g} times counts "
        "as equal."
    )
    return Assumption(name, holds, ratio, words if holds else f"{words} {_UNEQUAL_VARIANCE}")


@np.errstate(over="ignore", divide="ignore")
def _compare_sizes(weights: np.ndarray) -> Assumption:
    """Compare the shares of the clusters."""
    name = "equal size"
    if len(weights) == 1:
        return Assumption(name, True, 1.0, _ONLY_ONE)
    shares = weights / weights.sum()
    low, high = int(weights.argmin()), int(weights.argmax())
    if low == high:
        return Assumption(name, True, 1.0, f"All clusters have the share {shares[0]:.2%}.")
    ratio = float(weights[high] / weights[low])
    holds = ratio <= EQUAL_SIZE
    words = (
        f"The largest cluster, {high} with {shares[high]:.2%}, is {ratio:.3g} times the smallest, "
        f"{low} with {shares[low]:.2%}; up to {EQUAL_SIZE:g} times counts as equal."
    )
    return Assumption(name, holds, ratio, words if holds else f"{words} {_UNEQUAL_SIZE}")


def _list_clusters(clusters: np.ndarray) -> str:
    """Name clusters, with the verb that follows."""
    first, *others = [str(j) for j in clusters]
    if not others:
        return f"Cluster {first} is"
    return f"Clusters {', '.join([first, *others[:-1]])} and {others[-1]} are each"
