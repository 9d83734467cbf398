"""Exact comparison of the few partitions that rounding cannot tell apart.

With W and S the weight and the sum of a segment, the cost of a partition is the sum of all
squares less the sum of S^2 / W over its segments. Sums of floats are integers times a power of
two, so W and S are known exactly, costs are compared as fractions, and of equal ones the lowest
cuts win.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np

from fastkm._kernels.superaccumulator import DIGITS, LOWEST, sum_products
from fastkm.cluster.optimal import Groups

PATIENCE = 100_000
"""Pairs of positions that are compared; an exact comparison takes some 5 microseconds."""


class ExactSums:
    """Sums of weights, and of values times weights, of the parts of some data."""

    def __init__(self, parts: int) -> None:
        self.weight, self.total = np.zeros((2, parts, DIGITS), np.int64)

    def add(self, values: np.ndarray, weights: np.ndarray, part: np.ndarray) -> None:
        """Add float64 values of float64 weights to the parts that they belong to."""
        weights = np.ascontiguousarray(np.broadcast_to(weights, values.shape))
        sum_products(np.ones(len(values)), weights, part, self.weight)
        sum_products(values, weights, part, self.total)

    def before(self) -> tuple[list[Fraction], list[Fraction]]:
        """Give the sums before each end of a part."""
        weight, total = [Fraction(0)], [Fraction(0)]
        for w, s in zip(self.weight, self.total, strict=True):
            weight.append(weight[-1] + _fraction(w))
            total.append(total[-1] + _fraction(s))
        return weight, total


def _fraction(digits: np.ndarray) -> Fraction:
    """Turn digits of 32 bits, with carries to do, into a number."""
    integer = sum(int(digits[i]) << (32 * int(i)) for i in np.flatnonzero(digits))
    return Fraction(integer, 2**-LOWEST)


def decide(groups: Groups, places: np.ndarray, sums: ExactSums) -> np.ndarray | None:
    """Choose the best cuts among groups of one atom each, exactly.

    Parameters
    ----------
    groups : Groups
        Where each cut may be.
    places : (p,) int64 array
        Positions, ascending, those of `groups` among them.
    sums : ExactSums
        Of the p - 1 parts between the places.

    Returns
    -------
    (k + 1,) int64 array or None
        The positions of the cuts; None where there are too many to compare.
    """
    layers = [groups.first[start:stop] for start, stop in pairwise(groups.starts)]
    if sum(len(a) * len(b) for a, b in pairwise(layers)) > PATIENCE:
        return None
    weight, total = sums.before()
    rows = [np.searchsorted(places, layer).tolist() for layer in layers]
    best: dict[int, Fraction] = {rows[0][0]: Fraction(0)}
    came: list[dict[int, int]] = []
    for candidates in rows[1:]:
        reached: dict[int, Fraction] = {}
        origin: dict[int, int] = {}
        for i in candidates:
            for j, before in best.items():
                if j >= i:
                    break
                value = before + (total[i] - total[j]) ** 2 / (weight[i] - weight[j])
                if i not in reached or value > reached[i]:
                    reached[i], origin[i] = value, j
        best = reached
        came.append(origin)
    path = [rows[-1][0]]
    for origin in reversed(came):
        path.append(origin[path[-1]])
    return np.asarray(places[path[::-1]])
