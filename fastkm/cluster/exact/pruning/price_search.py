"""The search for the price at which k segments are best, and the proof that no others are as good.

See `fastkm._kernels.priced_segments` for both.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fastkm._kernels.dynamic_program import FLOOR
from fastkm._kernels.priced_segments import (
    OF_COST,
    OF_LOW_PARTS,
    OF_SQUARES,
    is_only_path,
    solve_at_price,
)

ATTEMPTS = 60
"""Prices that are tried; most k need three to eight."""

COARSE = 16
"""Rows for each segment on which first prices are tried, and at least 16 times as many."""

STRIDE = 8.0
"""Factor from one price to the next, squared with each, until there are too few and too many segments."""


class Point(NamedTuple):
    """A point of f, and the price that led there."""

    number: int
    cost: float
    price: float


class PriceSearch:
    """The table of some sums, see `fastkm._kernels.priced_segments.sum_distinct`, and scratch for it."""

    def __init__(self, table: np.ndarray) -> None:
        self.table, self.size = table, len(table) - 1
        self.squares = float(table[-1, 3] - table[0, 3])
        self.least_error = OF_LOW_PARTS * self.squares + FLOOR
        self.cost = np.empty(self.size + 1)
        self.path = np.empty((self.size + 1, 4), np.int64)
        self.price = 0.0

    def find_cuts(self, k: int) -> np.ndarray | None:
        """Return the k + 1 cuts of the only best partition, or None if it is not proven to be that."""
        if k in {1, self.size}:
            return np.arange(0, self.size + 1, self.size // k)
        doubt = self.find_price(k)
        if doubt is None:
            return None
        # no other partition may cost as little, up to twice the error of one
        cost = self.cost.item(-1)
        error = OF_SQUARES * self.squares + k * (OF_COST * cost + self.least_error + doubt)
        arguments = self.table, self.size, self.price, 2 * error, self.cost, self.path
        if not is_only_path(*arguments):
            return None
        return self.list_path()

    def find_price(self, k: int) -> float | None:
        """Find a price that leads to k segments; return the doubt, or None if there is no price."""
        self.price = self.price or 4 * self.squares / k**3
        coarse = COARSE * max(k, COARSE)
        if 2 * coarse < self.size:
            self.path[: coarse + 1, 0] = np.arange(coarse + 1) * self.size // coarse
            self._find_price(k, coarse)
        self.path[:, 0] = np.arange(self.size + 1)
        return self._find_price(k, self.size)

    def list_path(self) -> np.ndarray:
        """Return the cuts that the last price led to."""
        cuts = [self.size]
        while cuts[-1]:
            cuts.append(self.path.item(cuts[-1], 1))
        return np.array(cuts[::-1])

    def _find_price(self, k: int, size: int) -> float | None:
        """Do so for some rows; see `find_price`."""
        few = many = None
        parallel = True  # the power law first
        for attempt in range(ATTEMPTS):
            number, doubt = solve_at_price(
                self.table, size, self.price, self.least_error, self.cost, self.path
            )
            if number == k:
                return doubt
            if parallel and few and many and not few.number < number < many.number:
                return None  # no point lies below the chord
            point = Point(number, self.cost.item(size) - number * self.price, self.price)
            few, many = (point, many) if number < k else (few, point)
            if few is None or many is None:
                stride = STRIDE ** (attempt if number > k else -attempt)
                self.price *= (number / k) ** 3 * stride
            elif parallel := not parallel or many.number - few.number == 2:
                self.price = (few.cost - many.cost) / (many.number - few.number)
            else:
                share = (k - few.number) / (many.number - few.number)
                ends = [point.price * (point.number / k) ** 3 for point in (few, many)]
                self.price = ends[0] + share * (ends[1] - ends[0])
        return None
