"""k-means++ with several trials for each start: starts that are spread over the data.

Each next start is drawn with a probability proportional to its squared distance to the nearest
start so far. Of ``2 + log k`` draws, the one that leaves the least sum of squared distances is
taken. The draws are scikit-learn's: the same generator gives the same starts, except for rounding.
The distances to the nearest start are the only array of the length of the data.

Arthur, D. & Vassilvitskii, S. (2007). k-means++: the advantages of careful seeding. SODA.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fastkm._core import validation
from fastkm._kernels.kmeans_plusplus import lower_squares, square_distances, try_candidates
from fastkm._kernels.row_blocks import BLOCK
from fastkm.cluster.lloyd.few_rows import are_few, make_columns
from fastkm.cluster.lloyd.row_chunks import NO_WEIGHTS, RowChunks


def kmeans_plusplus(
    rows: RowChunks,
    shift: np.ndarray,
    k: int,
    rng: Any,
    *,
    weights: np.ndarray | None = None,
    threads: int | None = None,
) -> np.ndarray:
    """Choose k rows to start from, relative to the shift: (k, d), of the type of the rows."""
    if weights is None and are_few(rows, k):
        squares: _SquaredDistances = _FewSquaredDistances(rows, shift)
    else:
        own = NO_WEIGHTS if weights is None else weights
        squares = _SquaredDistances(rows, shift, own, threads)
    starts = np.empty((k, rows.d), rows.dtype)
    starts[0] = squares.read_row(squares.find_row_by_weight(rng.random()))
    trials = 2 + int(math.log(k))
    for j in range(1, k):
        total = squares.add_start(starts[j - 1])
        draws = rng.uniform(size=trials) * total
        drawn = np.stack([squares.read_row(squares.find_row(draw)) for draw in draws])
        starts[j] = drawn[squares.find_best(drawn)]
    return starts


class _SquaredDistances:
    """The squared distances to the starts so far, and their (weighted) running sum by chunk."""

    def __init__(
        self, rows: RowChunks, shift: np.ndarray, weights: np.ndarray, threads: int | None
    ) -> None:
        self.rows, self.shift, self.weights, self.threads = rows, shift, weights, threads
        self.squares = np.full(rows.n, np.inf, rows.dtype)
        self.ends = np.empty(0)

    def read_row(self, i: int) -> np.ndarray:
        """Return one row relative to the shift, as the kernels compute it."""
        x, first = self.rows.load(i, i + 1)
        return x[first] - self.shift

    def find_row_by_weight(self, share: float) -> int:
        """Find the row in which the running sum of the weights passes a share of the total."""
        if not len(self.weights):
            return min(int(share * self.rows.n), self.rows.n - 1)
        ends = np.cumsum(self.weights)
        return min(int(np.searchsorted(ends, share * ends[-1], side="right")), self.rows.n - 1)

    def add_start(self, start: np.ndarray) -> float:
        """Lower the distances of rows that are nearer to a new start; return the sum of all."""
        code = validation.freeze(start)

        def run(begin: int, stop: int) -> float:
            x, first = self.rows.load(begin, stop)
            lower_squares(x, first, self.shift, code, self.squares[begin:stop])
            return float(self._weight_squares(begin, stop).sum(dtype=np.float64))

        self.ends = np.cumsum(self.rows.map(run, self.threads))
        return float(self.ends[-1])

    def find_row(self, draw: float) -> int:
        """Find the row in which the running sum of squared distances passes `draw`."""
        chunk = min(int(np.searchsorted(self.ends, draw)), len(self.ends) - 1)
        begin = chunk * self.rows.chunk_rows
        before = self.ends[chunk - 1] if chunk else 0.0
        squares = self._weight_squares(begin, min(begin + self.rows.chunk_rows, self.rows.n))
        within = np.searchsorted(np.cumsum(squares, dtype=np.float64), draw - before)
        return begin + min(int(within), len(squares) - 1)

    def find_best(self, drawn: np.ndarray) -> int:
        """Find the row that, as the next start, would leave the least sum of squared distances."""
        codes = validation.freeze(drawn)

        def run(begin: int, stop: int) -> np.ndarray:
            x, first = self.rows.load(begin, stop)
            own, totals = slice(begin, stop), np.empty(len(codes))
            try_candidates(
                x, first, self.shift, codes, self.weights[own], self.squares[own], totals
            )
            return totals

        return int(np.argmin(sum(self.rows.map(run, self.threads))))

    def _weight_squares(self, begin: int, stop: int) -> np.ndarray:
        squares = self.squares[begin:stop]
        return squares * self.weights[begin:stop] if len(self.weights) else squares


class _FewSquaredDistances(_SquaredDistances):
    """The same of few rows without weights, by one kernel that compiles quickly."""

    def __init__(self, rows: RowChunks, shift: np.ndarray) -> None:
        super().__init__(rows, shift, NO_WEIGHTS, None)
        self.columns = make_columns(rows, shift)

    def add_start(self, start: np.ndarray) -> float:
        self.squares = np.minimum(self.squares, self._measure(start))
        self.ends = self.squares.sum(dtype=np.float64, keepdims=True)
        return float(self.ends[0])

    def find_best(self, drawn: np.ndarray) -> int:
        # sums of the places in a block, and their sum, in the order of `try_candidates`
        kept = np.zeros((len(drawn), -(-self.rows.n // BLOCK) * BLOCK))
        for own, code in zip(kept, drawn, strict=True):
            own[: self.rows.n] = np.minimum(self.squares, self._measure(code))
        lanes = kept.reshape(len(drawn), -1, BLOCK).sum(axis=1)
        return int(np.argmin(np.cumsum(lanes, axis=1)[:, -1]))

    def _measure(self, code: np.ndarray) -> np.ndarray:
        square = np.empty(self.rows.n, self.rows.dtype)
        square_distances(self.columns, validation.freeze(code), square)
        return square
