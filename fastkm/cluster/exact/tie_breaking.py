"""Exact comparison of the few partitions whose costs differ by no more than rounding.

With W and S the weight and the sum of a segment, the cost of a partition is the sum of all
squares less the sum of S^2 / W over its segments. Sums of floats are integers times a power of
two, so W and S are known exactly and costs are compared as fractions. If several partitions have
the least cost, the lowest cuts are chosen.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._kernels.superaccumulator import DIGITS, sum_products

if TYPE_CHECKING:
    from fastkm.cluster.exact.bins import CandidateCuts

PATIENCE = 400_000
"""Exact costs that are computed at most; one takes some 4 microseconds."""


Gain = Callable[[int, int], Any]
"""Returns the gain of the segment between two places, an exact number."""


class ExactSums:
    """Exact sums of weights, and of values times weights, of the parts of some data."""

    def __init__(self, parts: int) -> None:
        self.weight, self.total = np.zeros((2, parts, DIGITS), np.int64)

    def add(self, values: np.ndarray, weights: np.ndarray | None, part: np.ndarray) -> None:
        """Add float64 values with float64 weights, or with weight 1, to their parts."""
        ones = np.ones(len(values))
        weights = ones if weights is None else weights
        sum_products(ones, weights, part, self.weight)
        sum_products(values, weights, part, self.total)

    def accumulate(self) -> tuple[list[int], list[int]]:
        """Return the sums before each end of a part, each in some power of two."""
        weight = list(itertools.accumulate(map(to_integer, self.weight), initial=0))
        total = list(itertools.accumulate(map(to_integer, self.total), initial=0))
        return _shorten(weight), _shorten(total)


def to_integer(digits: np.ndarray) -> int:
    """Return the number whose digits of 32 bits these are, before any carries."""
    return sum(int(digits[i]) << (32 * int(i)) for i in np.flatnonzero(digits))


def _shorten(numbers: list[int]) -> list[int]:
    """Divide by the greatest common power of two: short integers are quicker."""
    bits = 0
    for number in numbers:
        bits |= abs(number)
    zeros = max((bits & -bits).bit_length() - 1, 0)
    return [number >> zeros for number in numbers]


def decide(groups: CandidateCuts, places: np.ndarray, sums: ExactSums) -> np.ndarray | None:
    """Choose the best cuts among groups of one bin each, exactly.

    `places` are positions, ascending, those of `groups` among them, and `sums` those of the parts
    between the places. Return the positions of the k + 1 cuts; None if too many have to be compared.
    """
    if not are_few(groups):
        return None
    weight, total = sums.accumulate()

    @cache
    def gain(j: int, i: int) -> Fraction:
        return Fraction((total[i] - total[j]) ** 2, weight[i] - weight[j])

    return find_greatest(groups, places, gain)


def are_few(groups: CandidateCuts) -> bool:
    """Return True if no more than `PATIENCE` segments between groups have to be compared."""
    layers = [groups.first[start:stop] for start, stop in pairwise(groups.starts)]
    compared = sum((len(a) + len(b)) * len(b).bit_length() for a, b in pairwise(layers))
    return compared <= PATIENCE


def find_greatest(groups: CandidateCuts, places: np.ndarray, gain: Gain) -> np.ndarray:
    """Find the cuts with the greatest sum of gains of segments, given by their ends' `places`."""
    # the greatest sum up to each candidate, cut by cut
    layers = [groups.first[start:stop] for start, stop in pairwise(groups.starts)]
    rows = [np.searchsorted(places, layer).tolist() for layer in layers]
    best: dict[int, Any] = {rows[0][0]: 0}
    origins = []
    for candidates in rows[1:]:
        best, origin = _solve_layer(candidates, best, gain)
        origins.append(origin)
    # back from the end of the data to its beginning
    path = [rows[-1][0]]
    for origin in reversed(origins):
        path.append(origin[path[-1]])
    return np.asarray(places[path[::-1]])


def _solve_layer(
    rows: list[int], before: dict[int, Any], gain: Gain
) -> tuple[dict[int, Any], dict[int, int]]:
    """Find the greatest gain of each row and the lowest place where its segment may begin.

    The lowest best beginning never moves left when the row moves right, so the row in the middle
    is done first, and each half looks only on its side.
    """
    starts = list(before)
    best: dict[int, Any] = {}
    origin: dict[int, int] = {}
    spans = [(0, len(rows), 0, len(starts))]
    while spans:
        low, high, first, last = spans.pop()
        if low >= high:
            continue
        # the row in the middle of a span of rows
        middle = (low + high) // 2
        i, found = rows[middle], first
        for at in range(first, last):
            j = starts[at]
            if j >= i:
                break
            value = before[j] + gain(j, i)
            if i not in best or value > best[i]:
                best[i], origin[i], found = value, j, at
        # the rows on both sides of it
        spans += [(low, middle, first, found + 1), (middle + 1, high, found, last)]
    return dict(sorted(best.items())), origin
