"""Iterations of Lloyd's algorithm: engines that report facts and set no policy.

An engine takes a codebook and computes the mean and the number of the rows nearest to each code,
and the mean distance:

* `SortedEngine` for one feature: values are sorted and summed once (prefix sums); then an iteration
  is k binary searches, however many rows there are. All restarts share one engine;
* `RowEngine` for several features compares rows with codes (`fastkm.cluster.lloyd.iteration`). Few
  rows are compared in one call of a kernel (`fastkm._kernels.few_rows`), with the same results.

`run` does several iterations without a return to Python. Sums are float64 for every input.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np

from fastkm._core import validation
from fastkm._core.threads import resolve_thread_count
from fastkm._kernels.few_rows import iterate_few
from fastkm._kernels.lloyd import COUNT, EXTRA
from fastkm._kernels.lloyd_1d import compute_prefix_sums, iterate_sorted
from fastkm._kernels.row_blocks import BLOCK
from fastkm.cluster.lloyd.iteration import LloydState
from fastkm.cluster.lloyd.row_chunks import Moments, RowChunks, raise_not_finite

LARGEST = 2.0**900
"""Magnitude from which sums of values and products with counts might overflow."""

FEW_PRODUCTS = 1 << 18
"""Rows times numbers in the codebook up to which few rows are compared in one call: from there on
kernels for one number of features, and bounds, gain more than compiling them costs."""


class StepResult(NamedTuple):
    """The result of one iteration."""

    means: np.ndarray  # (k, d) floating, of the rows of each code; of no meaning if there are none
    counts: np.ndarray  # (k,) number of these rows
    distortion: float  # mean distance; may be NaN with ``measured=False``, which saves time


class Run(NamedTuple):
    """The result of several iterations."""

    codebook: np.ndarray  # (k, d) of the type of the rows; a code without rows stays where it was
    before: np.ndarray  # the codebook before the last iteration
    labels: np.ndarray | None  # (n,) int32, nearest codes of `before`, if they were computed
    empty: int  # iterations in which a code had no rows


class SortedEngine:
    """The engine for one feature."""

    labels: np.ndarray | None = None  # it computes none

    def __init__(self, rows: np.ndarray) -> None:
        self.dtype = rows.dtype
        self.values = np.sort(rows[:, 0]).astype(np.float64, copy=False)
        # NaN sorts last: the first and last value show whether all can be summed
        if not max(-self.values[0], self.values[-1]) < LARGEST:
            raise_not_finite(rows, "obs")
        self.high, self.low = np.empty((2, len(self.values) + 1))
        compute_prefix_sums(self.values, self.high, self.low)

    def run(self, codebook: np.ndarray, iterations: int) -> Run | None:
        """Do iterations from a (k, 1) codebook; return None if they must be done one by one."""
        if codebook.dtype != self.dtype:
            return None
        codes = codebook.reshape(-1).copy()
        before, _, _, empty = self._iterate(codes, iterations)
        if empty < 0:
            return None
        return Run(codes[:, None], before.astype(self.dtype)[:, None], None, empty)

    def step(self, codebook: np.ndarray, *, measured: bool = True) -> StepResult:
        """Do one iteration from a (k, 1) codebook."""
        means = codebook.reshape(-1).astype(np.float64)
        _, counts, total, empty = self._iterate(means, 1)
        if empty < 0:
            rows = RowEngine(validation.freeze(self.values[:, None]))
            return rows.step(codebook, measured=measured)
        return StepResult(means[:, None], counts, total / len(self.values))

    def _iterate(
        self, codes: np.ndarray, iterations: int
    ) -> tuple[np.ndarray, np.ndarray, float, int]:
        """Move codes; return the last ones before, the counts, and what `iterate_sorted` returns."""
        before, means = np.empty((2, len(codes)))
        order, counts = np.empty((2, len(codes)), np.int64)
        total, empty = iterate_sorted(
            self.values, self.high, self.low, codes, before, order, means, counts, iterations
        )
        return before, counts, total, empty

    def has_finite_distances(self, codebook: np.ndarray) -> bool:  # noqa: ARG002  (see `RowEngine`)
        """Return True: the constructor refuses values whose distances may not be finite."""
        return True


class RowEngine:
    """The engine for several features; a step is quicker if the codebook has changed little."""

    def __init__(self, rows: np.ndarray) -> None:
        resolve_thread_count()  # a wrong number is an error for few rows too
        self.rows = RowChunks(rows)
        self.state: LloydState | None = None

    @cached_property
    def columns(self) -> np.ndarray:
        """The rows, one feature after another."""
        return validation.freeze(self.rows.array.T, self.rows.dtype)

    @cached_property
    def moments(self) -> Moments:
        """Mean and variance of each feature."""
        return self.rows.compute_moments()

    def run(self, codebook: np.ndarray, iterations: int) -> Run | None:
        """Do iterations from a (k, d) codebook; return None if they must be done one by one."""
        found = self._iterate_few(codebook, iterations)
        return None if found is None else found[0]

    @property
    def labels(self) -> np.ndarray | None:
        """The nearest codes of the rows in the last step."""
        return None if self.state is None else self.state.labels

    def has_finite_distances(self, codebook: np.ndarray) -> bool:
        """Return True if no squared distance can overflow, and all rows are finite.

        No row is farther from the mean than the root of the sum of all squared distances to it.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            away = np.sum((codebook.astype(np.float64) - self.moments.mean) ** 2, axis=1).max()
            within = self.rows.n * float(self.moments.variance.sum())
            return bool(4 * (within + away) < np.finfo(self.rows.dtype).max)

    def step(self, codebook: np.ndarray, *, measured: bool = True) -> StepResult:
        """Do one iteration from a (k, d) codebook."""
        # runs that end in the same partition must tie, whatever came before
        few = self._iterate_few(codebook, 1) if measured else None
        if few is not None:
            total = float(np.sqrt(few[2]).sum(dtype=np.float64))
            return StepResult(few[0].codebook, few[1], total / self.rows.n)
        if self.state is None or len(self.state.sums) != len(codebook):
            unshifted = validation.freeze(np.zeros(self.rows.d, self.rows.dtype))
            self.state = LloydState(self.rows, unshifted, len(codebook))
        squares = np.empty(self.rows.n, self.rows.dtype) if measured else None
        if measured:
            self.state.reset()
        self.state.step(codebook, squares)
        distortion = np.nan if squares is None else self._average_distances(squares)
        return StepResult(self.state.means(), self.state.counts.astype(np.int64), distortion)

    @np.errstate(over="ignore", invalid="ignore")  # an infinite distance is reported
    def _iterate_few(
        self, codebook: np.ndarray, iterations: int
    ) -> tuple[Run, np.ndarray, np.ndarray] | None:
        """Do iterations by one call of a kernel, from the start; return counts and squares too.

        Return None if there are many rows (more than a chunk: its sums are added up first), or if a
        squared distance overflows.
        """
        (k, d), n, dtype = codebook.shape, self.rows.n, self.rows.dtype
        if n * codebook.size > FEW_PRODUCTS or n > self.rows.chunk_rows:
            return None
        codes, before = codebook.astype(dtype), np.empty((k, d), dtype)
        labels, squares = np.full(n, -1, np.int32), np.empty(n, dtype)
        sums, change = np.zeros((2, k, d + EXTRA))
        state = labels, sums, change, squares
        scratch, nearest = np.empty(BLOCK, dtype), np.empty(BLOCK, np.int32)
        empty = iterate_few(self.columns, codes, before, iterations, state, scratch, nearest)
        if empty < 0:
            return None
        return Run(codes, before, labels, empty), sums[:, d + COUNT].astype(np.int64), squares

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
