"""Which cuts between distinct values can be optimal, for all clusters at once.

A program over k layers (`fastkm.cluster.exact.pruning.cut_pruner`) takes time that grows with k. If each
segment costs a price more, nothing has to be counted, and a pass over m values serves every k
(`fastkm._kernels.priced_bounds`).

**The lemma.** Let F_p(e) be the least cost of the values before a place e, cut into any number of
segments, each at the price p more, and G_p(e) that of the values from e on. A partition into k
segments with its j-th cut at e has j segments before e and k - j after it. Without prices these
cost at least F_p(e) - j p and G_q(e) - (k - j) q, for any prices p and q. (This is weak duality of
Lagrange; Aggarwal, Schieber & Tokuyama 1994 have the search for k links by a price.) So e can be
the j-th cut of a partition that costs at most U only if

    F_p(e) + G_q(e) - j p - (k - j) q <= U.

With p = q the test does not depend on j. At a price that leads to k segments it is sharp: the least
cost of k segments is F_p of all values less k p. Most often hardly more than k - 1 places remain,
and the r-th of s places has room for r - 1 cuts before it and s - r after it: that says which j it
may have. Otherwise a second price, somewhat higher, says so: with p > q the test bounds j from
below, and with p < q from above.

**Rounding.** Costs are right to a few units in the last place and their noise, as in
`fastkm.cluster.exact.pruning.cut_pruner`. The noise of a segment is a sum over its two ends, so it is taken
off at each place, as a slack, and costs stay Monge. A sum over k segments is off by k times the rounding
of a sum and the doubt of the pass.

Aggarwal, Schieber & Tokuyama (1994): see `fastkm._kernels.priced_segments`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from fastkm._kernels.dynamic_program import FLOOR, NOISE, segment_cost
from fastkm._kernels.priced_bounds import bound_costs_at_price
from fastkm.cluster.exact.bins import CandidateCuts
from fastkm.cluster.exact.pruning.price_search import PriceSearch

if TYPE_CHECKING:
    from collections.abc import Callable

OF_SUMS = 2.0**-48
"""Bound on the rounding of a segment's part in a sum, a share of the greatest sum."""

MOST, HELD = 16, 64
"""Places for each cut, up to which no second price is needed, and up to which the bounds are of use."""


class Bounds:
    """Least costs before and after each place at some prices, for one k."""

    def __init__(self, table: np.ndarray, k: int) -> None:
        self.table, self.k = table, k
        self.noise = NOISE * np.abs(table[:, 4]) + FLOOR
        self.slack = 2 * self.noise
        self.slack[[0, -1]] = 0.0
        self.error = float(self.noise[0] + self.noise[-1])

    def run(self, price: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the least costs before and after each place."""
        return self._run(price, 1), self._run(price, -1)[::-1]

    def _run(self, price: float, step: int) -> np.ndarray:
        """Do a pass from one side; return the costs in its order."""
        cost, queue = np.empty(len(self.table)), np.empty((len(self.table), 2), np.int64)
        slack = self.slack if step > 0 else self.slack[::-1].copy()
        doubt = bound_costs_at_price(self.table, step, price, slack, cost, queue)
        self.error += self.k * (OF_SUMS * float(np.abs(cost).max()) + doubt)
        return cost

    def list_cuts(self, price: float, upper: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the places that may be cut, and from which to which j each: (2, p)."""
        k = self.k
        ahead, back = self.run(price)
        inside = ahead + back + self.slack <= upper + self.error + k * price
        inside[[0, -1]] = False
        places = np.flatnonzero(inside)
        # if few places remain, each has room for so many cuts on both sides
        number = np.arange(len(places))
        if len(places) * (len(places) - k + 2) <= MOST * k:
            return places, _clip(k - len(places) + number, number + 1, k)
        # at a higher price on the left, and on the right
        higher = price * (1 + 1 / k)
        dear_ahead, dear_back = self.run(higher)
        over = self.slack[places] - (upper + self.error)
        least = dear_ahead[places] + back[places] + over - k * price
        most = k * higher - ahead[places] - dear_back[places] - over
        least, most = (bound / (higher - price) for bound in (least, most))
        return places, _clip(np.ceil(least * (1 - 1e-12)), np.floor(most * (1 + 1e-12)), k)


def _clip(least: np.ndarray, most: np.ndarray, k: int) -> np.ndarray:
    """Return the bounds of j as integers from 1 to k - 1; the least may be above the greatest."""
    return np.stack([np.clip(least, 1, k), np.clip(most, 0, k - 1)]).astype(np.int64)


def bound_cuts(
    prefix: np.ndarray,
    k: int,
    measure: Callable[[np.ndarray], float],
    margin: Callable[[float], float],
) -> tuple[CandidateCuts, float] | None:
    """Return the places where each of k - 1 cuts between distinct values may be, and U.

    prefix: the sums at the places, see `fastkm._kernels.dynamic_program`. `measure` returns the noise of the
    costs of a partition, `margin` that of all that cost at most its argument. Return None if
    no price leads to k segments, or too many places remain.
    """
    search = PriceSearch(np.ascontiguousarray(prefix[[0, 2, 3, 4, 5]].T))
    if search.find_price(k) is None:
        return None
    cuts, price = search.list_path(), search.price
    if not price > 0:  # squares that underflow
        return None
    del search
    cost = sum(segment_cost(prefix, a, b) for a, b in pairwise(cuts))
    upper = float(cost + measure(cuts))
    bounds = Bounds(np.ascontiguousarray(prefix.T), k)
    places, (least, most) = bounds.list_cuts(price, upper + margin(upper))
    numbers = np.maximum(most - least + 1, 0)
    if numbers.sum() > HELD * k:
        return None
    # by cut, ascending in each
    place = np.repeat(places, numbers)
    cut = np.arange(len(place)) - np.repeat(np.cumsum(numbers) - numbers - least, numbers)
    order = np.argsort(cut, kind="stable")
    first = np.concatenate([[0], place[order], [prefix.shape[1] - 1]])
    stop = first + 1
    stop[[0, -1]] = first[[0, -1]]
    ends = np.cumsum(np.bincount(cut, minlength=k))
    starts = np.concatenate([[0], 1 + ends, [len(first)]])
    return CandidateCuts(first, stop, starts), upper
