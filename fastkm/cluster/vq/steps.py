"""One iteration of Lloyd's algorithm: engines that report facts and set no policy.

From a codebook to the means of the rows nearest to each code, with the number of rows of each
and the mean distance:

* `SortedValues` for one dimension: sorted once, prefix sums once, then k binary searches an
  iteration however many rows there are; all restarts share it;
* `AllRows` for several: `fastkm.cluster.lloyd.iteration`, which compares rows with codes and follows
  with the sums.

Sums are float64 for every input.
"""

from __future__ import annotations

from typing import NamedTuple, NoReturn

import numpy as np

from fastkm._core import validation
from fastkm._kernels.lloyd_1d import prefix_sums, sorted_step
from fastkm.cluster.lloyd.iteration import LloydState
from fastkm.cluster.lloyd.row_chunks import RowChunks

LARGEST = 2.0**900
"""Magnitude from which sums of values and products with counts might overflow."""


class Step(NamedTuple):
    """One iteration's facts: means (0 where none), members of each code, mean distance.

    The distance may be NaN where it was not asked for: ``measured=False`` saves the time.
    """

    means: np.ndarray
    counts: np.ndarray
    distortion: float


class SortedValues:
    """The engine for one dimension."""

    labels: np.ndarray | None = None
    """It knows no labels."""

    def __init__(self, rows: np.ndarray) -> None:
        self.values = np.sort(rows[:, 0]).astype(np.float64, copy=False)
        # NaN sorts last: the ends tell whether all is finite, and small enough to be summed
        if not np.abs(self.values[[0, -1]]).max() < LARGEST:
            raise_infinite(rows)
        self.high, self.low = np.empty((2, len(self.values) + 1))
        prefix_sums(self.values, self.high, self.low)

    def step(self, codebook: np.ndarray, *, measured: bool = True) -> Step:
        """Do one iteration from a (k, 1) codebook."""
        codes = codebook[:, 0].astype(np.float64)
        if self._may_tie_by_rounding(codes):
            return AllRows(validation.frozen(self.values[:, None])).step(
                codebook, measured=measured
            )
        order = np.argsort(codes, kind="stable")
        means, counts = np.empty(len(codes)), np.empty(len(codes), np.int64)
        total = sorted_step(self.values, self.high, self.low, codes, order, means, counts)
        return Step(means[:, None], counts, total / len(self.values))

    def finite(self, codebook: np.ndarray) -> bool:  # noqa: ARG002  (see `AllRows`)
        """Tell that distances are finite: values that may not be are refused at once."""
        return True

    def _may_tie_by_rounding(self, codes: np.ndarray) -> bool:
        """Tell whether codes lie so close that, seen from afar, they are equally distant.

        A value of 1e36 is as far from 10 as from 20 in float64. The lowest index then wins,
        which need not be a neighbour among the sorted codes.
        """
        farthest = max(self.values[-1] - codes.min(), codes.max() - self.values[0])
        gaps = np.diff(np.unique(codes))
        return bool(gaps.min(initial=np.inf) <= 4 * np.spacing(farthest))


class AllRows:
    """The engine for several dimensions: it goes on from the codebook of the step before."""

    def __init__(self, rows: np.ndarray) -> None:
        self.rows = RowChunks(rows)
        self.unshifted = validation.frozen(np.zeros(self.rows.d, self.rows.dtype))
        self.state: LloydState | None = None
        about = self.rows.moments()
        self.centre, self.spread = about.mean, self.rows.n * float(about.variance.sum())

    @property
    def labels(self) -> np.ndarray | None:
        """The nearest codes of the rows in the last step."""
        return None if self.state is None else self.state.labels

    def finite(self, codebook: np.ndarray) -> bool:
        """Tell whether no squared distance can overflow, and all rows are finite.

        No row is farther from the mean than the root of the sum of all squared distances to it.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            away = np.sum((codebook.astype(np.float64) - self.centre) ** 2, axis=1).max()
            return bool(4 * (self.spread + away) < np.finfo(self.rows.dtype).max)

    def step(self, codebook: np.ndarray, *, measured: bool = True) -> Step:
        """Do one iteration from a (k, d) codebook."""
        if self.state is None or len(self.state.sums) != len(codebook):
            self.state = LloydState(self.rows, self.unshifted, len(codebook))
        squares = np.empty(self.rows.n, self.rows.dtype) if measured else None
        if measured:  # runs that end in one partition tie: their sums must not tell them apart
            self.state.reset()
        self.state.step(codebook, squares)
        distortion = np.nan if squares is None else self._distortion(squares)
        return Step(self.state.means(), self.state.counts.astype(np.int64), distortion)

    def _distortion(self, squares: np.ndarray) -> float:
        """Average the distances chunk by chunk."""

        def run(start: int, stop: int) -> float:
            return float(np.sqrt(squares[start:stop]).sum(dtype=np.float64))

        total = sum(self.rows.map(run, None))
        if not np.isfinite(total):
            raise_infinite(self.rows.array)
        return total / self.rows.n


Engine = SortedValues | AllRows


def engine_for(rows: np.ndarray) -> Engine:
    """Choose the engine by the number of features."""
    return SortedValues(rows) if rows.shape[1] == 1 else AllRows(rows)


def raise_infinite(rows: np.ndarray, name: str = "obs") -> NoReturn:
    """Say why distances are not finite: the rows are not, or their squares are not."""
    validation.require_finite(rows, name)
    raise ValueError(f"{name} is too large: squared distances overflow; scale it down")
