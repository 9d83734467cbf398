"""Medians of segments and sums of distances to them, exactly, as integers times a power of two.

Sums of weights, and of values times weights, are kept at every `BLOCK`-th row as integers
(`fastkm._kernels.superaccumulator`); what is between is added up when it is asked for. Then

    C(j, i) = S_j + S_i - 2 S_t - x_t (N_j + N_i - 2 N_t)

with x_t the weighted median, see `fastkm._kernels.median_program`, is an integer too: unlike a sum
of squares about a mean, it has no denominator.
"""

from __future__ import annotations

import itertools
from functools import cache
from typing import NamedTuple

import numpy as np

from fastkm._core.threads import map_chunks
from fastkm._kernels.median_program import find_median
from fastkm.cluster.exact.tie_breaking import ExactSums, to_integer

BLOCK = 1 << 11
"""Rows between known sums: a sum takes 0.1 ms, and those of 1e7 rows 10 MB."""


class SortedRows(NamedTuple):
    """Values in order, with their weights; equal values may come several times."""

    values: np.ndarray  # (r,) float64
    weights: np.ndarray  # (r,) float64
    starts: np.ndarray  # (m + 1,) int64, where each distinct value begins, and r


class ExactSegments:
    """Segments of the distinct values of some rows; `prefix` are the rounded sums of these."""

    def __init__(self, rows: SortedRows, prefix: np.ndarray, threads: int | None) -> None:
        self.rows, self.prefix = rows, prefix
        size = len(rows.values)
        sums = ExactSums(-(-size // BLOCK))

        def add(start: int, stop: int) -> None:
            part = np.arange(start, stop) // BLOCK
            sums.add(rows.values[start:stop], rows.weights[start:stop], part)

        map_chunks(add, size, 64 * BLOCK, threads=threads)
        self._weight = list(itertools.accumulate(map(to_integer, sums.weight), initial=0))
        self._total = list(itertools.accumulate(map(to_integer, sums.total), initial=0))
        self.sum_before = cache(self._sum_before)

    def _sum_before(self, position: int) -> tuple[int, int]:
        """Return the sums of the weights, and of values times weights, of the values before one."""
        stop = int(self.rows.starts[position])
        block = stop // BLOCK
        here = slice(block * BLOCK, stop)
        sums = ExactSums(1)
        sums.add(self.rows.values[here], self.rows.weights[here], np.zeros(stop - here.start, int))
        return (
            self._weight[block] + to_integer(sums.weight[0]),
            self._total[block] + to_integer(sums.total[0]),
        )

    def find_median(self, start: int, stop: int) -> tuple[int, bool]:
        """Return the first value with half of the weight at or below it, and whether it is half."""
        both = self.sum_before(start)[0] + self.sum_before(stop)[0]
        t = int(find_median(self.prefix, start, stop))
        # the rounded sums may be wrong by some values if the halves are nearly equal
        while 2 * self.sum_before(t + 1)[0] < both:
            t += 1
        while t > start and 2 * self.sum_before(t)[0] >= both:
            t -= 1
        return t, 2 * self.sum_before(t + 1)[0] == both

    def compute_cost(self, start: int, stop: int) -> int:
        """Return the sum of the distances to the median, in an unknown but common unit."""
        t, _ = self.find_median(start, stop)
        (n_j, s_j), (n_t, s_t), (n_i, s_i) = map(self.sum_before, (start, t, stop))
        value, unit = float(self.rows.values[self.rows.starts[t]]).as_integer_ratio()
        return s_j + s_i - 2 * s_t - value * (n_j + n_i - 2 * n_t) // unit

    def compute_median(self, start: int, stop: int) -> float:
        """Return the median; half-way between two values if each has half of the weight on its side."""
        t, even = self.find_median(start, stop)
        low = float(self.rows.values[self.rows.starts[t]])
        if not even:
            return low
        return low / 2 + float(self.rows.values[self.rows.starts[t + 1]]) / 2
