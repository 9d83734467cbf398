"""Lloyd's algorithm from one iteration to the next: labels, sums and bounds of all rows.

`LloydState` holds what is kept between iterations and chooses how the next one is done: with all
rows, or only with those whose label may change according to their bounds. The choice depends on
counts of rows, not on time, and each way gives the same labels and sums, to the bit.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np

from fastkm._core import validation
from fastkm._core.threads import limit_blas_to_one_thread
from fastkm._kernels.lloyd import (
    ARRIVED,
    COUNT,
    DEPARTED,
    EXTRA,
    GONE,
    MASS,
    OUTWARDS,
    assign,
    find_undecided_rows,
    step_all_rows,
    step_chosen_rows,
)
from fastkm._kernels.row_products import step_by_products
from fastkm.cluster.lloyd.row_chunks import NO_WEIGHTS, RowChunks

ALGORITHMS = ("auto", "lloyd", "bounded", "blas")

WORTH_BOUNDS = 80
"""d (k + 8) from which bounds may pay: about the cost of comparing one row with all codes, of which
reading the row is worth eight codes. Below, the bounds of a row take as long as its distances."""

MANY_FEATURES, WORTH_PRODUCTS = 32, 512
"""d from which matrix products are quicker than direct comparison, and d k from which they are for
fewer features (CPU time of an iteration over 1e5 rows, k = 8 and 16 for 32 features: 6.5 ms, not 7.2;
5.9, not 9.7; k = 32 for 16 and 24 features: 9.1, not 11.3; 8.1, not 10.3; on a loaded machine)."""

FEW_CHANGES = 0.10
"""Share of rows that change their label below which bounds are kept from then on."""

MANY_IN_DOUBT = 0.30
"""Share of rows in doubt above which bounds are given up: gathering these rows costs more. Beside
matrix products they cost so little that they are kept (1e5 rows, 0.5 ms of 10)."""

WORTH_GATHERING = 0.5
"""Share of a chunk's rows in doubt up to which they are gathered; above, all its rows are compared."""

CANCELLATION = 2.0**22
"""All rows are added up again if what has entered and left a sum is this many times the sum: a fill
value of 1e20 that has left a cluster leaves a rounding error that is larger than all other rows."""

NO_BOUNDS = np.empty(0, np.float32)


class LloydState:
    """The state of one run of Lloyd's algorithm.

    Rows and codes are relative to `shift`, a (d,) point of the type of the rows. `algorithm` is one
    of `ALGORITHMS`. `labels` (n,) int32 are those of the last iteration, -1 before the first;
    `sums` (k, d + EXTRA) float64 hold what the kernels of `fastkm._kernels.lloyd` keep of each
    cluster.
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
        self.weights = NO_WEIGHTS if weights is None else weights
        self.labels = np.full(rows.n, -1, np.int32)
        self.sums = np.zeros((k, rows.d + EXTRA))
        self.algorithm = algorithm
        self._may_use_bounds = rows.d * (k + 8) >= WORTH_BOUNDS
        self._uses_products = algorithm == "blas" or (
            algorithm in {"auto", "bounded"}
            and (rows.d >= MANY_FEATURES or rows.d * min(k, 64) >= WORTH_PRODUCTS)
        )
        self._sizes = np.full(rows.n if self._uses_products else 0, -1, rows.dtype)  # unknown
        self._bounds: tuple[np.ndarray, np.ndarray] | None = None
        self._has_bounds = False
        self._changed = rows.n
        self._codes = np.empty((0, rows.d))

    @property
    def counts(self) -> np.ndarray:
        """Rows of each cluster that have a weight above 0, (k,) float64."""
        return self.sums[:, self.rows.d + COUNT]

    @property
    def masses(self) -> np.ndarray:
        """Summed weight of the rows of each cluster, (k,) float64."""
        return self.sums[:, self.rows.d + MASS]

    def means(self) -> np.ndarray:
        """Means of the clusters relative to the shift, (k, d) float64; 0 if a cluster is empty."""
        masses = np.where(self.masses > 0, self.masses, 1.0)
        return self.sums[:, : self.rows.d] / masses[:, None]

    @np.errstate(over="ignore", invalid="ignore")  # squares that overflow are infinite
    def step(self, codes: np.ndarray, squares: np.ndarray | None = None) -> int:
        """Assign rows to codes and update the sums; return how many rows change their label.

        Codes are (k, d), relative to the shift. `squares`, (n,) of the type of the rows, is filled
        with the squared distances if it is given.
        """
        with limit_blas_to_one_thread() if self._uses_products else nullcontext():
            typed = codes.astype(self.rows.dtype)
            # bounds tell which labels may change, but not the distances
            drifts = None
            if self._has_bounds and squares is None:
                drifts = measure_drifts(self._codes, typed)
            else:
                self._has_bounds = self._needs_bounds()
            self._changed = self._compare(typed, squares, drifts)
            self._codes = typed
            # sums are updated by differences: add them up again if rounding errors grow too large
            if self._has_cancelled():
                self.labels.fill(-1)
                self.sums.fill(0.0)
                self._compare(typed, None, None)
        self.sums[self.counts == 0] = 0.0  # rounding may leave a little
        return self._changed

    def find_farthest(self, codes: np.ndarray, count: int) -> list[int]:
        """Find the rows that are farthest from the nearest of `codes`, the farthest first."""
        even, rest = pad_to_even(codes.astype(self.rows.dtype)), self.rows.rest

        def run(start: int, stop: int) -> list[tuple[float, int]]:
            x, first = self.rows.load(start, stop)
            labels = np.empty(stop - start, np.int32)
            squares = np.empty(stop - start, self.rows.dtype)
            assign(x, first, self.shift, even, rest, labels, squares)
            if len(self.weights):
                squares[self.weights[start:stop] == 0] = -1
            order = np.argsort(-squares, kind="stable")[:count]
            return [(float(squares[i]), start + int(i)) for i in order]

        found = [pair for chunk in self.rows.map(run, self.threads) for pair in chunk]
        found.sort(key=lambda pair: -pair[0])
        return [row for _, row in found[:count]]

    def reset(self) -> None:
        """Forget all labels and bounds: the next iteration adds up all rows."""
        self.labels.fill(-1)
        self.sums.fill(0.0)
        self._has_bounds = False
        self._changed = self.rows.n

    def _needs_bounds(self) -> bool:
        if self.algorithm != "auto":
            return self.algorithm == "bounded"
        return self._may_use_bounds and self._changed < FEW_CHANGES * self.rows.n

    def _compare(
        self, codes: np.ndarray, squares: np.ndarray | None, drifts: np.ndarray | None
    ) -> int:
        """Compare rows with all codes and update the sums; return how many rows change their label.

        With drifts, only rows whose label may change according to their bounds are compared.
        """
        upper, lower = self._allocate_bounds() if self._has_bounds else (NO_BOUNDS, NO_BOUNDS)
        margin = np.float32(1.0 - 2.0 * self.rows.d * float(OUTWARDS))
        compare = self._choose_comparison(codes, measured=squares is not None)
        no_squares = NO_WEIGHTS.astype(self.rows.dtype)
        changed, in_doubt = 0, []

        def run(start: int, stop: int) -> tuple[int, np.ndarray]:
            own, sums = slice(start, stop), np.zeros_like(self.sums)
            own_squares = no_squares if squares is None else squares[own]
            state = self.labels[own], self.weights[own], upper[own], lower[own], own_squares
            if drifts is None:
                return compare(start, stop, None, state, sums), sums
            rows = np.empty(stop - start, np.int32)
            found = find_undecided_rows(state[0], state[2], state[3], drifts, margin, rows)
            in_doubt.append(found)
            if found == 0:
                return 0, sums
            chosen = rows[:found] if found <= WORTH_GATHERING * (stop - start) else None
            return compare(start, stop, chosen, state, sums), sums

        def add(chunk: tuple[int, np.ndarray]) -> None:
            nonlocal changed
            changed += chunk[0]
            self.sums += chunk[1]

        self.rows.fold(run, add, self.threads)
        if drifts is not None and self.algorithm != "bounded" and not self._uses_products:
            self._has_bounds = sum(in_doubt) / self.rows.n <= MANY_IN_DOUBT
        return changed

    def _choose_comparison(self, codes: np.ndarray, *, measured: bool = False) -> Any:
        """Choose the function that compares some rows (all if None) of a chunk with the codes.

        Products only rank codes: if squares are to be `measured`, rows are compared directly.
        """
        even, rows, shift = pad_to_even(codes), self.rows, self.shift

        def compare_directly(start: int, stop: int, some: Any, state: Any, sums: np.ndarray) -> int:
            x, first = rows.load(start, stop)
            if some is None:
                return step_all_rows(x, first, shift, even, rows.rest, state, sums)
            return step_chosen_rows(x, first, some, shift, even, rows.rest, state, sums)

        def compare_products(start: int, stop: int, some: Any, state: Any, sums: np.ndarray) -> int:
            x, first = rows.load(start, stop, c_order=True)
            own = (*state[:4], self._sizes[start:stop])
            if some is not None:
                x, first = validation.freeze(x[first : first + stop - start].take(some, axis=0)), 0
                own = tuple(array[some] if len(array) else array for array in own)
                own = (own[0], validation.freeze(own[1]), *own[2:])  # the type that all rows have
            moved = step_by_products(x, first, shift, transposed, norms, numbers, own, sums)
            if some is not None:
                for array, chosen in zip((state[0], *state[2:4]), (own[0], *own[2:4]), strict=True):
                    if len(array):
                        array[some] = chosen
            return moved

        if measured or not self._uses_products:
            return compare_directly
        wide = codes.astype(np.float64)
        norms = (np.sum(wide**2, axis=1) + 2 * wide @ shift.astype(np.float64)).astype(rows.dtype)
        numbers = np.arange(len(codes), dtype=f"i{rows.dtype.itemsize}")
        transposed = np.ascontiguousarray(codes.T)
        return compare_products

    def _allocate_bounds(self) -> tuple[np.ndarray, np.ndarray]:
        if self._bounds is None:
            self._bounds = np.empty(self.rows.n, np.float32), np.empty(self.rows.n, np.float32)
        return self._bounds

    def _has_cancelled(self) -> bool:
        """Return True if rounding errors of rows that have left may be larger than a sum."""
        arrived, departed, gone = (self.sums[:, self.rows.d + e] for e in (ARRIVED, DEPARTED, GONE))
        lost = arrived + departed > CANCELLATION * np.abs(arrived - departed)
        lost |= self.masses + 2 * gone > CANCELLATION * self.masses
        return bool(np.any(lost & (self.counts > 0)))


def pad_to_even(codes: np.ndarray) -> np.ndarray:
    """Add a code of NaN, to which no row is near, if the number of codes is odd."""
    if len(codes) % 2 == 0:
        return np.ascontiguousarray(codes)
    return np.concatenate([codes, np.full((1, codes.shape[1]), np.nan, codes.dtype)])


def measure_drifts(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Measure how far codes have moved: (3, k) float32, see `find_undecided_rows`."""
    from scipy.spatial.distance import cdist

    out, inwards = 1 + float(OUTWARDS), 1 - float(OUTWARDS)
    wide = after.astype(np.float64)
    own = np.sqrt(np.sum((wide - before) ** 2, axis=1)) * out
    farthest = int(own.argmax())
    other = np.full(len(own), own[farthest])
    other[farthest] = np.delete(own, farthest).max(initial=0.0)
    apart = cdist(wide, wide)
    np.fill_diagonal(apart, np.inf)
    half = apart.min(axis=1) / 2 * inwards
    return np.stack([own, other, half]).astype(np.float32)
