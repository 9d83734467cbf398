"""The arguments of `cluster_raster` that depend on the cells: starts, weights, numbers of clusters."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastkm._core.notes import warn_user

DISTINCT_CHUNK = 4096
"""Rows in which distinct ones are searched for at once, until there are as many as clusters."""


def scale_init(init: Any, k: int, d: int, scale: np.ndarray | None) -> Any:
    """Take centroids to start from into the space that is clustered."""
    if isinstance(init, str) or callable(init):
        return init
    centroids, shape = np.asarray(init, np.float64), (k, d)
    if centroids.shape != shape:
        raise ValueError(f"init must have shape (k, bands), {shape}, got {centroids.shape}")
    return centroids if scale is None else centroids / scale


def as_generator(random_state: Any) -> Any:
    """Return a generator: a new one for a seed, so that each k has the same draws."""
    if isinstance(random_state, np.random.RandomState | np.random.Generator):
        return random_state
    return np.random.RandomState(random_state)


def draw_seed(random_state: Any) -> int:
    """Draw the seed of a sample."""
    rng = as_generator(random_state)
    if isinstance(rng, np.random.Generator):
        return int(rng.integers(2**63))
    return int(rng.randint(2**63 - 1, dtype=np.int64))


def check_weight_range(lightest: float, heaviest: float) -> None:
    """Require weights that are finite, not negative and not all 0, by their least and greatest."""
    for weight in (lightest, heaviest):
        if not 0 <= weight < np.inf and lightest <= heaviest:
            raise ValueError(f"weights must be finite and not negative, got {weight}")
    if np.isnan(lightest):
        raise ValueError("weights must be finite and not negative, got nan")
    if heaviest == 0 and lightest == 0:
        raise ValueError("weights must be above 0 somewhere, got 0 in all cells")


def check_weights(weights: np.ndarray | None) -> np.ndarray | None:
    """Require weights that are finite, not negative and not all 0."""
    if weights is None:
        return None
    wrong = ~((weights >= 0) & (weights < np.inf))
    if wrong.any():
        raise ValueError(
            f"weights must be finite and not negative, got {weights[np.argmax(wrong)]}"
        )
    if len(weights) and not weights.any():
        raise ValueError("weights must be above 0 somewhere, got 0 in all cells")
    return np.ascontiguousarray(weights)


def choose_possible(distinct: int, cells: int, wanted: list[int]) -> list[int]:
    """Return the k that are no more than the distinct cells; warn of others, raise if none is left.

    There are so many `cells`, and as many `distinct` ones, at least if that is fewer than some k.
    """
    ks = list(dict.fromkeys(wanted))
    impossible = [k for k in ks if k > distinct]
    if not impossible:
        return ks
    listed = ", ".join(map(str, sorted(impossible)))
    if len(impossible) == len(ks):
        from fastkm.errors import ClusterError

        reason = "" if cells else ": all cells are missing in one band or another"
        raise ClusterError(
            f"k = {listed} asks for more clusters than there are distinct cells, "
            f"{distinct} of {cells}{reason}"
        )
    warn_user(f"there are only {distinct} distinct cells: k = {listed} is left out")
    return [k for k in ks if k <= distinct]


def count_distinct(rows: np.ndarray, weights: np.ndarray | None, most: int) -> int:
    """Count distinct rows of a weight above 0, up to `most`; the first chunk nearly always suffices."""
    known = rows[:0]
    for start in range(0, len(rows), DISTINCT_CHUNK):
        chunk = rows[start : start + DISTINCT_CHUNK]
        if weights is not None:
            chunk = chunk[weights[start : start + DISTINCT_CHUNK] > 0]
        known = np.unique(np.concatenate([known, chunk]), axis=0)
        if len(known) >= most:
            return most
    return len(known)
