"""k-means++ with several trials a step: starts that are spread over the data.

Each next start is drawn with probability as its squared distance to those before it; of
``2 + log k`` draws the one that leaves the least is taken. The draws are scikit-learn's: from the
same generator come the same starts, but for rounding. Distances to the nearest start are the only
array of the length of the data.

Arthur, D. & Vassilvitskii, S. (2007). k-means++: the advantages of careful seeding. SODA.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core import validation
from fastkm._kernels.lloyd import candidates, keep_nearer

if TYPE_CHECKING:
    from fastkm.cluster.lloyd.row_chunks import RowChunks

NONE = validation.frozen(np.empty(0))


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
    search = _Search(rows, shift, NONE if weights is None else weights, threads)
    starts = np.empty((k, rows.d), rows.dtype)
    starts[0] = search.row(search.first(rng.random()))
    trials = 2 + int(math.log(k))
    for j in range(1, k):
        left = search.keep(starts[j - 1])
        draws = rng.uniform(size=trials) * left
        drawn = np.stack([search.row(search.at(draw)) for draw in draws])
        starts[j] = drawn[search.best(drawn)]
    return starts


class _Search:
    """The squared distances to the starts so far, and their (weighted) sums chunk by chunk."""

    def __init__(
        self, rows: RowChunks, shift: np.ndarray, weights: np.ndarray, threads: int | None
    ) -> None:
        self.rows, self.shift, self.weights, self.threads = rows, shift, weights, threads
        self.squares = np.full(rows.n, np.inf, rows.dtype)
        self.ends = np.empty(0)

    def row(self, i: int) -> np.ndarray:
        """Give one row relative to the shift, as the kernels see it."""
        x, first = self.rows.part(i, i + 1)
        return x[first] - self.shift

    def first(self, share: float) -> int:
        """Find the row at a share of the whole weight."""
        if not len(self.weights):
            return min(int(share * self.rows.n), self.rows.n - 1)
        ends = np.cumsum(self.weights)
        return min(int(np.searchsorted(ends, share * ends[-1], side="right")), self.rows.n - 1)

    def keep(self, start: np.ndarray) -> float:
        """Take one more start into account; give what remains of the squared distances."""
        code = validation.frozen(start)

        def run(begin: int, stop: int) -> float:
            x, first = self.rows.part(begin, stop)
            keep_nearer(x, first, self.shift, code, self.squares[begin:stop])
            return float(self._weighted(begin, stop).sum(dtype=np.float64))

        self.ends = np.cumsum(self.rows.map(run, self.threads))
        return float(self.ends[-1])

    def at(self, draw: float) -> int:
        """Find the row in which the running sum of squared distances passes `draw`."""
        chunk = min(int(np.searchsorted(self.ends, draw)), len(self.ends) - 1)
        begin = chunk * self.rows.step
        before = self.ends[chunk - 1] if chunk else 0.0
        part = self._weighted(begin, min(begin + self.rows.step, self.rows.n))
        within = np.searchsorted(np.cumsum(part, dtype=np.float64), draw - before)
        return begin + min(int(within), len(part) - 1)

    def best(self, drawn: np.ndarray) -> int:
        """Tell which of some rows would leave the least as the next start."""
        codes = validation.frozen(drawn)
        sums = np.zeros(len(codes))

        def run(begin: int, stop: int) -> np.ndarray:
            x, first = self.rows.part(begin, stop)
            own, totals = slice(begin, stop), np.empty(len(codes))
            candidates(x, first, self.shift, codes, self.weights[own], self.squares[own], totals)
            return totals

        def add(totals: np.ndarray) -> None:
            sums.__iadd__(totals)

        self.rows.fold(run, add, self.threads)
        return int(np.argmin(sums))

    def _weighted(self, begin: int, stop: int) -> np.ndarray:
        squares = self.squares[begin:stop]
        return squares * self.weights[begin:stop] if len(self.weights) else squares
