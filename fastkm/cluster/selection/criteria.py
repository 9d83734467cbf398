"""Two criteria of `choose_k` that need only the sizes and the inertia of the clusters.

**BIC** (Pelleg & Moore 2000, X-means) for M features: the log-likelihood of a mixture of normals of
one variance, alike in all directions, inertia / (M (R - k)), less log(R) / 2 for each parameter:
k - 1 shares, M k coordinates of centroids, and the variance. R is the number of cells. All that is
multiplied by -2, as most programs do, so the lowest score is the best. The
likelihood is the sum of their point probabilities, so its last term is M (R - k) / 2; the paper's
formula for a single cluster counts k once for each cluster. Weights are taken relative to their
mean, so R stays the number of cells.

**Elbow**: how far the inertia lies below the chord from the first k to the last.

Both follow from numbers that are known exactly, so their error is 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np

Result = TypeVar("Result")


class Score(NamedTuple):
    """A score and the bound on its error."""

    value: float
    error: float


def score_each(
    criterion: Callable[[Result], Score | None], results: dict[int, Result]
) -> dict[int, Score]:
    """Score the result of each k; leave out each k for which the criterion returns None."""
    scores = {k: criterion(result) for k, result in results.items()}
    return {k: score for k, score in scores.items() if score is not None}


def bic(result: Any) -> Score | None:
    """Penalise the likelihood of a mixture of round normals that have one variance.

    `result` is a `KMeans1D` or a `fastkm.cluster.selection.criteria_nd.Partition`.
    """
    cells, features = int(result.counts.sum()), result.centroids[0].size
    if cells == result.k or math.isinf(result.inertia):
        return None
    if result.inertia == 0:
        return Score(-math.inf, 0.0)
    shares = result.weights / result.weights.sum()
    shares = shares[shares > 0]
    log_variance = math.log(result.inertia / result.weights.sum() / features)
    log_variance -= math.log1p(-result.k / cells)
    likelihood = (
        cells * float(shares @ np.log(shares))
        - cells * features / 2 * (math.log(2 * math.pi) + log_variance)
        - features * (cells - result.k) / 2
    )
    parameters = result.k - 1 + features * result.k + 1
    return Score(-2 * (likelihood - parameters / 2 * math.log(cells)), 0.0)


def elbow(results: dict[int, Any]) -> dict[int, Score]:
    """Measure how far the inertia lies below its chord, as a share of its fall."""
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
    return {k: Score(float(share), 0.0) for k, share in zip(inertia, shares, strict=True)}
