"""Where k-means starts: scipy's three ways to choose initial centroids, draw for draw.

Each takes the random generator that scipy would use and leaves it in the state in which scipy
would leave it, so that a seed gives the same start in both. `accept_seed` is scipy's transition
from ``seed`` to ``rng`` (SPEC 7): ``rng`` is passed through `numpy.random.default_rng`, while
``seed``, and neither of the two, keep their old meaning: the legacy generators.
"""

from __future__ import annotations

import functools
import numbers
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np

Random = np.random.Generator | np.random.RandomState
Function = TypeVar("Function", bound=Callable[..., Any])


def accept_seed(function: Function) -> Function:
    """Turn the keyword `rng` into a generator and `seed` into `rng`, as scipy does.

    `function` names both, for readers of its signature, but uses `rng` only.
    """

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if "rng" in kwargs and "seed" in kwargs:
            raise TypeError(f"{function.__name__}() takes rng or seed, got both")
        if "rng" in kwargs:
            kwargs["rng"] = np.random.default_rng(kwargs["rng"])
        elif "seed" in kwargs:
            kwargs["rng"] = kwargs.pop("seed")
        return function(*args, **kwargs)

    return cast("Function", wrapper)


def as_generator(rng: Any) -> Random:
    """Turn a generator, a seed or None (numpy's global state) into a generator, as scipy does."""
    if rng is None or rng is np.random:
        return np.random.mtrand._rand
    if isinstance(rng, numbers.Integral | np.integer):
        return np.random.RandomState(int(rng))
    if isinstance(rng, np.random.RandomState | np.random.Generator):
        return rng
    raise ValueError(f"seed must be None, an integer or a numpy generator, got {rng!r}")


def draw_points(rows: np.ndarray, k: int, rng: Random) -> np.ndarray:
    """Draw k different rows; raise a ValueError if there are fewer."""
    if k > len(rows):
        raise ValueError(f"k={k} is larger than the number of observations, {len(rows)}")
    return rows[rng.choice(len(rows), size=k, replace=False)]


def draw_gaussian(rows: np.ndarray, k: int, rng: Random) -> np.ndarray:
    """Draw k points from the normal distribution with the mean and covariance of the rows."""
    n, d = rows.shape
    mean = rows.mean(axis=0, dtype=np.float64)
    if d == 1:
        deviation = np.sqrt(np.cov(rows[:, 0], dtype=np.float64)) if n > 1 else np.nan
        return mean + (rng.standard_normal(size=k) * deviation)[:, None]
    if d > n:  # the covariance has no Cholesky factor
        _, s, vh = np.linalg.svd(rows - mean, full_matrices=False)
        x = rng.standard_normal(size=(k, len(s)))
        return mean + x @ (s[:, None] * vh / np.sqrt(n - 1.0))
    x = rng.standard_normal(size=(k, d))
    return mean + x @ np.linalg.cholesky(np.cov(rows.T, dtype=np.float64)).T


def draw_plusplus(rows: np.ndarray, k: int, rng: Random) -> np.ndarray:
    """Draw k rows by k-means++, one draw each (see `fastkm.cluster.lloyd.kmeans_plusplus`)."""
    n, d = rows.shape
    centroids, squares = np.empty((k, d)), np.full(n, np.inf)
    if isinstance(rng, np.random.Generator):
        chosen = int(rng.integers(0, n))
    else:
        chosen = int(rng.randint(0, n, dtype="int64"))
    centroids[0] = rows[chosen]
    for j in range(1, k):
        np.minimum(squares, _measure_squares(rows, centroids[j - 1]), out=squares)
        total = squares.sum()
        cumulative = np.cumsum(squares / total if total > 0 else squares)
        chosen = min(int(np.searchsorted(cumulative, rng.uniform())), n - 1)
        # if all distinct rows are drawn already, scipy takes the first row
        centroids[j] = rows[chosen if total > 0 else 0]
    return centroids


def _measure_squares(rows: np.ndarray, point: np.ndarray) -> np.ndarray:
    """Sum the squares feature by feature, the order in which `cdist` adds them."""
    total = np.zeros(len(rows))
    for feature, coordinate in zip(rows.T, point, strict=True):
        difference = feature - coordinate
        total += difference * difference
    return total


INITIALISERS: dict[str, Callable[[np.ndarray, int, Random], np.ndarray]] = {
    "random": draw_gaussian,
    "points": draw_points,
    "++": draw_plusplus,
}
