"""One iteration of Lloyd's algorithm: engines that report facts and set no policy.

From a codebook to the means of the rows nearest to each code, with the number of rows of each
and the mean distance:

* `SortedValues` for one dimension: sorted once, prefix sums once, then k binary searches an
  iteration however many rows there are; all restarts share it;
* `Rows` for several: the assignment and update kernels over chunks of rows, added up in chunk
  order.

Sums are float64 for every input.
"""

from __future__ import annotations

from typing import NamedTuple, NoReturn

import numpy as np

from fastkm import _check
from fastkm._kernels.assign import assign
from fastkm._kernels.lloyd import accumulate
from fastkm._kernels.sorted_lloyd import prefix_sums, sorted_step
from fastkm._parallel import map_chunks, rows_per_chunk

LARGEST = 2.0**900
"""Magnitude from which sums of values and products with counts might overflow."""


class Step(NamedTuple):
    """One iteration's facts: means (0 where none), members of each code, mean distance."""

    means: np.ndarray
    counts: np.ndarray
    distortion: float


class SortedValues:
    """The engine for one dimension."""

    def __init__(self, rows: np.ndarray) -> None:
        self.values = np.sort(rows[:, 0]).astype(np.float64, copy=False)
        # NaN sorts last: the ends tell whether all is finite, and small enough to be summed
        if not np.abs(self.values[[0, -1]]).max() < LARGEST:
            raise_infinite(rows)
        self.high, self.low = np.empty((2, len(self.values) + 1))
        prefix_sums(self.values, self.high, self.low)

    def step(self, codebook: np.ndarray) -> Step:
        """Do one iteration from a (k, 1) codebook."""
        codes = codebook[:, 0].astype(np.float64)
        if self._may_tie_by_rounding(codes):
            return Rows(_check.frozen(self.values[:, None])).step(codebook)
        order = np.argsort(codes, kind="stable")
        means, counts = np.empty(len(codes)), np.empty(len(codes), np.int64)
        total = sorted_step(self.values, self.high, self.low, codes, order, means, counts)
        return Step(means[:, None], counts, total / len(self.values))

    def _may_tie_by_rounding(self, codes: np.ndarray) -> bool:
        """Tell whether codes lie so close that, seen from afar, they are equally distant.

        A value of 1e36 is as far from 10 as from 20 in float64. The lowest index then wins,
        which need not be a neighbour among the sorted codes.
        """
        farthest = max(self.values[-1] - codes.min(), codes.max() - self.values[0])
        gaps = np.diff(np.unique(codes))
        return bool(gaps.min(initial=np.inf) <= 4 * np.spacing(farthest))


class Rows:
    """The engine for several dimensions."""

    def __init__(self, rows: np.ndarray) -> None:
        self.rows = rows

    def step(self, codebook: np.ndarray) -> Step:
        """Do one iteration from a (k, d) codebook."""
        rows, codes = self.rows, _check.frozen(codebook, self.rows.dtype)
        n, d = rows.shape

        def run(start: int, stop: int) -> tuple[np.ndarray, np.ndarray, float]:
            part = rows[start:stop]
            code, dist = np.empty(len(part), np.int32), np.empty(len(part), rows.dtype)
            sums, counts = np.zeros(codes.shape), np.zeros(len(codes), np.int64)
            assign(part, codes, code, dist)
            return sums, counts, accumulate(part, code, dist, sums, counts)

        parts = map_chunks(run, n, rows_per_chunk(d * rows.itemsize))
        all_sums, all_counts, all_totals = zip(*parts, strict=True)
        counts = np.sum(all_counts, axis=0)
        total = sum(all_totals)
        if not np.isfinite(total):
            raise_infinite(rows)
        means = np.sum(all_sums, axis=0) / np.maximum(counts, 1)[:, None]
        return Step(means, counts, total / n)


Engine = SortedValues | Rows


def engine_for(rows: np.ndarray) -> Engine:
    """Choose the engine by the number of features."""
    return SortedValues(rows) if rows.shape[1] == 1 else Rows(rows)


def raise_infinite(rows: np.ndarray, name: str = "obs") -> NoReturn:
    """Say why distances are not finite: the rows are not, or their squares are not."""
    _check.require_finite(rows, name)
    raise ValueError(f"{name} is too large: squared distances overflow; scale it down")
