"""Lloyd's algorithm from one iteration to the next: labels, sums and bounds of all rows.

`LloydState` holds what stays between iterations and chooses how the next one is done: all rows or
only those that bounds leave in doubt. The choice depends on counts of rows, not on time, and every
way gives the same labels and sums, to the bit.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core import validation
from fastkm._core.threads import one_blas_thread
from fastkm._kernels.lloyd import (
    ARRIVED,
    COUNT,
    DEPARTED,
    EXTRA,
    GONE,
    MASS,
    OUT,
    assign,
    step_all,
    step_by_products,
    step_some,
    suspects,
)

if TYPE_CHECKING:
    from fastkm.cluster.lloyd.row_chunks import RowChunks

ALGORITHMS = ("auto", "lloyd", "bounded", "blas")

WORTH_BOUNDS = 80
"""d (k + 8) from which bounds may pay: about the cost of a pass over all rows, of which reading them
is worth eight codes. Below, the bounds of a row take as long as its distances."""

WORTH_PRODUCTS = 48
"""d from which matrix products are quicker than direct comparison."""

SETTLED = 0.10
"""Share of rows that change their label below which bounds are kept from then on."""

IN_DOUBT = 0.30
"""Share of rows in doubt above which bounds are given up again: gathering them costs more."""

CANCELLED = 2.0**22
"""Sums are added up anew when what came and went is so many times what is there: a fill value of
1e20 that has left a cluster leaves a rounding error behind that is larger than all other rows."""

NONE = validation.frozen(np.empty(0))  # as weights are: kernels are compiled once for both
NO_BOUNDS = np.empty(0, np.float32)


class LloydState:
    """The state of one run of Lloyd's algorithm.

    Parameters
    ----------
    rows : Rows
        The data, finite.
    shift : (d,) array
        What rows and codes are taken relative to, of the type of the rows.
    k : int
        Number of codes.
    weights : (n,) float64 array, optional
    algorithm : str
        One of `ALGORITHMS`.
    threads : int, optional

    Attributes
    ----------
    labels : (n,) int32 array
        Of the last iteration; -1 before the first.
    squares : (n,) array or None
        Squared distances of the last iteration, if they were asked for.
    """

    def __init__(
        self,
        rows: RowChunks,
        shift: np.ndarray,
        k: int,
        *,
        weights: np.ndarray | None = None,
        algorithm: str = "auto",
        threads: int | None = None,
    ) -> None:
        self.rows, self.shift, self.threads = rows, shift, threads
        self.weights = NONE if weights is None else weights
        self.labels = np.full(rows.n, -1, np.int32)
        self.sums = np.zeros((k, rows.d + EXTRA))
        self.algorithm = algorithm
        self._worth_bounds = rows.d * (k + 8) >= WORTH_BOUNDS
        self._by_products = algorithm == "blas" or (
            algorithm in {"auto", "bounded"} and rows.d >= WORTH_PRODUCTS
        )
        self._bounds: tuple[np.ndarray, np.ndarray] | None = None
        self._known = False
        self._moved = rows.n
        self._codes = np.empty((0, rows.d))

    @property
    def counts(self) -> np.ndarray:
        """Rows of each code that have a weight, (k,) float64."""
        return self.sums[:, self.rows.d + COUNT]

    @property
    def masses(self) -> np.ndarray:
        """Weight of the rows of each code, (k,) float64."""
        return self.sums[:, self.rows.d + MASS]

    def means(self) -> np.ndarray:
        """Means of the rows of each code relative to the shift, (k, d) float64; 0 where none."""
        masses = np.where(self.masses > 0, self.masses, 1.0)
        return self.sums[:, : self.rows.d] / masses[:, None]

    @np.errstate(over="ignore", invalid="ignore")  # squares that overflow are infinite
    def step(self, codes: np.ndarray, squares: np.ndarray | None = None) -> int:
        """Assign rows to codes and follow with the sums; tell how many rows change.

        Parameters
        ----------
        codes : (k, d) array
            Relative to the shift.
        squares : (n,) array, optional
            Of the rows' type: filled with the squared distances.
        """
        with one_blas_thread() if self._by_products else nullcontext():
            return self._stepped(codes.astype(self.rows.dtype), squares)

    def _stepped(self, typed: np.ndarray, squares: np.ndarray | None) -> int:
        """Do it, with codes of the rows' type."""
        if self._known and squares is None:
            self._moved = self._step_bounded(typed)
        else:
            self._known = self._wants_bounds()
            self._moved = self._step_all(typed, squares)
        self._codes = typed
        if self._cancelled():
            self.labels.fill(-1)
            self.sums.fill(0.0)
            self._step_all(typed, None)
        self.sums[self.counts == 0] = 0.0  # rounding may leave a little
        return self._moved

    def farthest(self, codes: np.ndarray, count: int) -> list[int]:
        """Find the rows that are farthest from the nearest of `codes`, the farthest first."""
        even, rest = pad_to_even(codes.astype(self.rows.dtype)), self.rows.rest

        def run(start: int, stop: int) -> list[tuple[float, int]]:
            x, first = self.rows.part(start, stop)
            labels = np.empty(stop - start, np.int32)
            squares = np.empty(stop - start, self.rows.dtype)
            assign(x, first, self.shift, even, rest, labels, squares)
            if len(self.weights):
                squares[self.weights[start:stop] == 0] = -1
            order = np.argsort(-squares, kind="stable")[:count]
            return [(float(squares[i]), start + int(i)) for i in order]

        found = [pair for part in self.rows.map(run, self.threads) for pair in part]
        found.sort(key=lambda pair: -pair[0])
        return [row for _, row in found[:count]]

    def reset(self) -> None:
        """Begin anew: the next iteration adds up all rows."""
        self.labels.fill(-1)
        self.sums.fill(0.0)
        self._known = False
        self._moved = self.rows.n

    def _wants_bounds(self) -> bool:
        if self.algorithm != "auto":
            return self.algorithm == "bounded"
        return self._worth_bounds and self._moved < SETTLED * self.rows.n

    def _step_all(self, codes: np.ndarray, squares: np.ndarray | None) -> int:
        """Compare all rows with all codes."""
        upper, lower = self._room_for_bounds() if self._known else (NO_BOUNDS, NO_BOUNDS)
        compare = self._comparison(codes, measured=squares is not None)
        none = NONE.astype(self.rows.dtype)

        def run(start: int, stop: int) -> tuple[int, np.ndarray]:
            own, sums = slice(start, stop), np.zeros_like(self.sums)
            state = self._state(own, upper, lower, none if squares is None else squares[own])
            return compare(start, stop, None, state, sums), sums

        return self._added(run)

    def _step_bounded(self, codes: np.ndarray) -> int:
        """Compare the rows that bounds leave in doubt with all codes."""
        drifts = drifts_of(self._codes, codes)
        margin = np.float32(1.0 - 2.0 * self.rows.d * float(OUT))
        upper, lower = self._room_for_bounds()
        compare = self._comparison(codes)
        none = NONE.astype(self.rows.dtype)
        doubted = []

        def run(start: int, stop: int) -> tuple[int, np.ndarray]:
            state = self._state(slice(start, stop), upper, lower, none)
            room, sums = np.empty(stop - start, np.int32), np.zeros_like(self.sums)
            found = suspects(state[0], state[2], state[3], drifts, margin, room)
            doubted.append(found)
            return compare(start, stop, room[:found], state, sums) if found else 0, sums

        moved = self._added(run)
        self.doubt = sum(doubted) / self.rows.n
        self._known = self.algorithm == "bounded" or self.doubt <= IN_DOUBT
        return moved

    def _state(
        self, own: slice, upper: np.ndarray, lower: np.ndarray, squares: np.ndarray
    ) -> tuple[np.ndarray, ...]:
        return self.labels[own], self.weights[own], upper[own], lower[own], squares

    def _comparison(self, codes: np.ndarray, *, measured: bool = False) -> Any:
        """Give the function that compares rows (all if None) of a chunk with codes.

        Products only rank: where squares are wanted, rows are compared directly.
        """
        even, rows, shift = pad_to_even(codes), self.rows, self.shift

        def directly(start: int, stop: int, some: Any, state: Any, sums: np.ndarray) -> int:
            x, first = rows.part(start, stop)
            if some is None:
                return step_all(x, first, shift, even, rows.rest, state, sums)
            return step_some(x, first, some, shift, even, rows.rest, state, sums)

        def by_products(start: int, stop: int, some: Any, state: Any, sums: np.ndarray) -> int:
            x, first = rows.part(start, stop, c_order=True)
            some = np.arange(stop - start, dtype=np.int32) if some is None else some
            return step_by_products(x, first, some, shift, turned, norms, state, sums)

        if measured or not self._by_products:
            return directly
        norms = np.sum(codes.astype(np.float64) ** 2, axis=1).astype(rows.dtype)
        turned = np.ascontiguousarray(codes.T)
        return by_products

    def _added(self, run: Callable[[int, int], tuple[int, np.ndarray]]) -> int:
        """Add up the changes of the sums in chunk order."""
        total = 0

        def add(part: tuple[int, np.ndarray]) -> None:
            nonlocal total
            moved, sums = part
            total += moved
            self.sums += sums

        self.rows.fold(run, add, self.threads)
        return total

    def _room_for_bounds(self) -> tuple[np.ndarray, np.ndarray]:
        if self._bounds is None:
            self._bounds = np.empty(self.rows.n, np.float32), np.empty(self.rows.n, np.float32)
        return self._bounds

    def _cancelled(self) -> bool:
        """Tell whether rounding errors of rows that have left may be larger than a sum."""
        arrived, departed, gone = (self.sums[:, self.rows.d + e] for e in (ARRIVED, DEPARTED, GONE))
        lost = arrived + departed > CANCELLED * np.abs(arrived - departed)
        lost |= self.masses + 2 * gone > CANCELLED * self.masses
        return bool(np.any(lost & (self.counts > 0)))


def pad_to_even(codes: np.ndarray) -> np.ndarray:
    """Add a code that is nobody's nearest where their number is odd."""
    if len(codes) % 2 == 0:
        return np.ascontiguousarray(codes)
    return np.concatenate([codes, np.full((1, codes.shape[1]), np.nan, codes.dtype)])


def drifts_of(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Measure how far codes have moved, for the bounds: see `suspects`. (3, k) float32."""
    from scipy.spatial.distance import cdist

    out, inwards = 1 + float(OUT), 1 - float(OUT)
    wide = after.astype(np.float64)
    own = np.sqrt(np.sum((wide - before) ** 2, axis=1)) * out
    farthest = int(own.argmax())
    other = np.full(len(own), own[farthest])
    other[farthest] = np.delete(own, farthest).max(initial=0.0)
    apart = cdist(wide, wide)
    np.fill_diagonal(apart, np.inf)
    half = apart.min(axis=1) / 2 * inwards
    return np.stack([own, other, half]).astype(np.float32)
