"""One iteration of Lloyd's algorithm: engines that report facts and set no policy.

An engine takes a codebook and computes the mean and the number of the rows nearest to each code,
and the mean distance:

* `SortedEngine` for one feature: values are sorted and summed once (prefix sums); then an iteration
  is k binary searches, however many rows there are. All restarts share one engine;
* `RowEngine` for several features compares rows with codes (`fastkm.cluster.lloyd.iteration`).

Sums are float64 for every input.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fastkm._core import validation
from fastkm._kernels.lloyd_1d import compute_prefix_sums, step_sorted
from fastkm.cluster.lloyd.iteration import LloydState
from fastkm.cluster.lloyd.row_chunks import RowChunks, raise_not_finite

LARGEST = 2.0**900
"""Magnitude from which sums of values and products with counts might overflow."""


class StepResult(NamedTuple):
    """The result of one iteration."""

    means: np.ndarray  # (k, d) float64, of the rows of each code; 0 if there are none
    counts: np.ndarray  # (k,) int64, number of these rows
    distortion: float  # mean distance; may be NaN with ``measured=False``, which saves time


class SortedEngine:
    """The engine for one feature."""

    labels: np.ndarray | None = None  # it computes none

    def __init__(self, rows: np.ndarray) -> None:
        self.values = np.sort(rows[:, 0]).astype(np.float64, copy=False)
        # NaN sorts last: the first and last value show whether all can be summed
        if not np.abs(self.values[[0, -1]]).max() < LARGEST:
            raise_not_finite(rows, "obs")
        self.high, self.low = np.empty((2, len(self.values) + 1))
        compute_prefix_sums(self.values, self.high, self.low)

    def step(self, codebook: np.ndarray, *, measured: bool = True) -> StepResult:
        """Do one iteration from a (k, 1) codebook."""
        codes = codebook[:, 0].astype(np.float64)
        if self._may_tie_by_rounding(codes):
            return RowEngine(validation.freeze(self.values[:, None])).step(
                codebook, measured=measured
            )
        order = np.argsort(codes, kind="stable")
        means, counts = np.empty(len(codes)), np.empty(len(codes), np.int64)
        total = step_sorted(self.values, self.high, self.low, codes, order, means, counts)
        return StepResult(means[:, None], counts, total / len(self.values))

    def has_finite_distances(self, codebook: np.ndarray) -> bool:  # noqa: ARG002  (see `RowEngine`)
        """Return True: the constructor refuses values whose distances may not be finite."""
        return True

    def _may_tie_by_rounding(self, codes: np.ndarray) -> bool:
        """Return True if codes lie so close that a far value may be equally distant from several.

        A value of 1e36 is as far from 10 as from 20 in float64. The lowest index then wins,
        which need not be a neighbour among the sorted codes.
        """
        farthest = max(self.values[-1] - codes.min(), codes.max() - self.values[0])
        gaps = np.diff(np.unique(codes))
        return bool(gaps.min(initial=np.inf) <= 4 * np.spacing(farthest))


class RowEngine:
    """The engine for several features; a step is quicker if the codebook has changed little."""

    def __init__(self, rows: np.ndarray) -> None:
        self.rows = RowChunks(rows)
        self.unshifted = validation.freeze(np.zeros(self.rows.d, self.rows.dtype))
        self.state: LloydState | None = None
        moments = self.rows.compute_moments()
        self.mean, self.total_squares = moments.mean, self.rows.n * float(moments.variance.sum())

    @property
    def labels(self) -> np.ndarray | None:
        """The nearest codes of the rows in the last step."""
        return None if self.state is None else self.state.labels

    def has_finite_distances(self, codebook: np.ndarray) -> bool:
        """Return True if no squared distance can overflow, and all rows are finite.

        No row is farther from the mean than the root of the sum of all squared distances to it.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            away = np.sum((codebook.astype(np.float64) - self.mean) ** 2, axis=1).max()
            return bool(4 * (self.total_squares + away) < np.finfo(self.rows.dtype).max)

    def step(self, codebook: np.ndarray, *, measured: bool = True) -> StepResult:
        """Do one iteration from a (k, d) codebook."""
        if self.state is None or len(self.state.sums) != len(codebook):
            self.state = LloydState(self.rows, self.unshifted, len(codebook))
        squares = np.empty(self.rows.n, self.rows.dtype) if measured else None
        if measured:  # runs that end in the same partition must tie, whatever came before
            self.state.reset()
        self.state.step(codebook, squares)
        distortion = np.nan if squares is None else self._average_distances(squares)
        return StepResult(self.state.means(), self.state.counts.astype(np.int64), distortion)

    def _average_distances(self, squares: np.ndarray) -> float:
        """Average the roots of squares, chunk by chunk; raise a ValueError if it is not finite."""

        def run(start: int, stop: int) -> float:
            return float(np.sqrt(squares[start:stop]).sum(dtype=np.float64))

        total = sum(self.rows.map(run, None))
        if not np.isfinite(total):
            raise_not_finite(self.rows.array, "obs")
        return total / self.rows.n


Engine = SortedEngine | RowEngine


def choose_engine(rows: np.ndarray) -> Engine:
    """Choose the engine by the number of features."""
    return SortedEngine(rows) if rows.shape[1] == 1 else RowEngine(rows)
