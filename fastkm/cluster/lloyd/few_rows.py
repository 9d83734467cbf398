"""K-means of few rows: in one chunk, by kernels that compile quickly, with little Python around them.

The kernels of `fastkm._kernels.lloyd` are compiled for each number of features, which takes longer than
all iterations over some thousand rows. Those here (`fastkm._kernels.few_rows`) are compiled once for
each type. Their results are the same to the bit. What they cannot do, such as clusters that lose all
their rows, is left to the way for many rows, which then starts again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastkm._core import validation
from fastkm._kernels.few_rows import iterate_few
from fastkm._kernels.lloyd import EXTRA, GONE, MASS
from fastkm._kernels.row_blocks import BLOCK
from fastkm.cluster.lloyd.row_chunks import ignore_overflow

if TYPE_CHECKING:
    from fastkm.cluster.lloyd.iteration import LloydState
    from fastkm.cluster.lloyd.nearest import NearestCentroid
    from fastkm.cluster.lloyd.row_chunks import RowChunks

FEW_PRODUCTS = 1 << 20
"""Rows times numbers in the codebook up to which rows are few: an iteration takes at most 0.1 ms."""


def are_few(rows: RowChunks, k: int) -> bool:
    """Return True if rows are so few that kernels for one number of features do not pay."""
    return rows.n <= rows.chunk_rows and rows.n * rows.d * k <= FEW_PRODUCTS


def make_columns(rows: RowChunks, shift: np.ndarray) -> np.ndarray:
    """Return the rows less the shift, one feature after another: (d, n), of the type of the rows."""
    x, first = rows.load(0, rows.n)
    return validation.freeze((x[first : first + rows.n] - shift).T)


class FewRows:
    """Rows less a shift, what an iteration over them needs, and what it leaves."""

    def __init__(self, rows: RowChunks, shift: np.ndarray, k: int) -> None:
        self.columns, self.dtype = make_columns(rows, shift), rows.dtype
        self.labels, self.squares = np.full(rows.n, -1, np.int32), np.empty(rows.n, rows.dtype)
        self.sums, self.change = np.zeros((2, k, rows.d + EXTRA))
        self._totals, self._masses = self.sums[:, : rows.d], self.sums[:, rows.d + MASS, None]
        self._gone = self.sums[:, rows.d + GONE]
        self._before = np.empty((k, rows.d), rows.dtype)
        self._state = self.labels, self.sums, self.change, self.squares
        self._scratch = np.empty(BLOCK, rows.dtype), np.empty(BLOCK, np.int32)

    def step(self, codes: np.ndarray) -> int:
        """Assign rows to codes and update the sums; return how many codes have no row, at most 1.

        It is -1 if this must be done another way; then labels and squares may be incomplete.
        """
        typed = np.array(codes, self.dtype, order="C")  # the kernel overwrites it
        return int(iterate_few(self.columns, typed, self._before, 1, self._state, *self._scratch))

    def means(self) -> np.ndarray:
        """Means of the clusters relative to the shift, (k, d) float64."""
        return self._totals / self._masses

    def count_moves(self) -> float:
        """Return how many times a row has left a cluster for another one."""
        return float(self._gone.sum())


@ignore_overflow
def iterate_few_rows(
    state: LloydState, codes: np.ndarray, max_iter: int, limit: float
) -> tuple[np.ndarray, int] | None:
    """Iterate until centroids move by no more than the limit, or no row changes its label.

    Return the codes and the number of iterations, or None if it must be done another way. The state
    is that before the first iteration, and stays so.
    """
    if len(state.weights) or state.algorithm != "auto" or not are_few(state.rows, len(codes)):
        return None
    few, iterations, going = FewRows(state.rows, state.shift, len(codes)), 0, True
    moves = -1.0
    while going and iterations < max_iter:
        if few.step(codes) != 0:
            return None
        iterations += 1
        means, before, moves = few.means(), moves, few.count_moves()
        going = moves > before and float(np.square(means - codes).sum()) > limit
        codes = means
    return codes, iterations


@ignore_overflow
def assign_few_rows(
    rows: RowChunks, nearest: NearestCentroid, centroids: np.ndarray, labels: np.ndarray
) -> np.ndarray | None:
    """Fill the labels, (n,) int32, as `nearest` would; return the squared distances.

    Return None if it must be done another way: there are many rows, or a distance is not finite.
    """
    k = len(centroids)
    if not are_few(rows, k):
        return None
    few = FewRows(rows, nearest.shift, k)
    if few.step(nearest.codes[:k]) < 0:
        return None
    labels[:] = few.labels
    return few.squares
