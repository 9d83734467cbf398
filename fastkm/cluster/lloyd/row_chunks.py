"""Rows of numbers of any layout and type, made ready for the kernels chunk by chunk.

float32 and float64 rows in C or Fortran order (a stack of bands, ``stack.reshape(d, -1).T``, is
in Fortran order) are passed on as they are. All others (integers, other byte orders, strides) are
converted chunk by chunk, so there is never a second copy of all data.
"""

from __future__ import annotations

from typing import Any, NamedTuple, NoReturn

import numpy as np

from fastkm._core import validation
from fastkm._core.threads import fold_chunks, map_chunks
from fastkm._kernels.lloyd import LINE, sum_features
from fastkm._kernels.row_blocks import BLOCK, make_rest

MIN_CHUNKS = 16
"""Chunks that all but small data is cut into, so that two threads end at nearly the same time."""

MIN_ROWS, MAX_ROWS = 4 * BLOCK, 2**16
"""Rows of a chunk: the Python code around a chunk takes 20 to 40 microseconds, and kernels work in
blocks anyway."""

MIN_NUMBERS = 2**16
"""Least numbers in a chunk, for the same reason: 5,461 rows of 12 features."""

MAX_BYTES = 2**22
"""Most bytes in a chunk if it must be converted."""

NO_WEIGHTS = validation.freeze(np.empty(0))
"""Stands for weights if there are none: of the same type, so kernels are compiled once for both."""


class LoadedRows(NamedTuple):
    """An array that is ready for the kernels, and the index at which the loaded rows begin."""

    x: np.ndarray
    start: int


class Moments(NamedTuple):
    """Mean and variance of each feature, (d,) float64; not finite if a row is not."""

    mean: np.ndarray
    variance: np.ndarray


class RowChunks:
    """Rows that are processed chunk by chunk.

    Rows are (n, d), of any real type of at most 64 bits and any layout; n and d are at least 1.
    Computations are in float32 or float64 (`dtype`). The number of rows in a chunk (`chunk_rows`)
    depends on n, d and `dtype` only. `rest` is an argument of the kernels: see `make_rest`.
    """

    def __init__(self, rows: np.ndarray) -> None:
        self.n, self.d = rows.shape
        self.rest = make_rest(self.d)
        self.dtype = validation.choose_working_dtype(rows.dtype)
        self.array = rows.view()
        self.array.flags.writeable = False
        flags = self.array.flags
        ready = flags.aligned and (flags.c_contiguous or flags.f_contiguous)
        self._is_ready = ready and self.array.dtype == self.dtype and self.array.dtype.isnative
        most = min(MAX_ROWS, MAX_BYTES // (self.d * self.dtype.itemsize))
        share = max(MIN_NUMBERS // self.d, -(-self.n // MIN_CHUNKS))
        self.chunk_rows = round_up_to_blocks(max(MIN_ROWS, min(most, share)))

    def load(self, start: int, stop: int, *, c_order: bool = False) -> LoadedRows:
        """Return an array that holds some rows, in C order if asked, and where they begin in it."""
        if self._is_ready and (self.array.flags.c_contiguous or not c_order):
            return LoadedRows(self.array, start)
        return LoadedRows(validation.freeze(self.array[start:stop], self.dtype), 0)

    def take(self, rows: Any) -> np.ndarray:
        """Return a copy of the rows with some indices, (m, d) float64."""
        return self.array[rows].astype(np.float64)

    def map(self, function: Any, threads: int | None) -> list[Any]:
        """Call ``function(start, stop)`` for each chunk; return the results in order."""
        return map_chunks(ignore_overflow(function), self.n, self.chunk_rows, threads=threads)

    def fold(self, function: Any, fold: Any, threads: int | None) -> None:
        """Call ``fold(function(start, stop))`` for each chunk, in order."""
        function, fold = ignore_overflow(function), ignore_overflow(fold)
        fold_chunks(function, fold, self.n, self.chunk_rows, threads=threads)

    @np.errstate(over="ignore", invalid="ignore")  # an infinite result is checked
    def compute_moments(self, threads: int | None = None) -> Moments:
        """Compute mean and variance in one pass (Chan, Golub & LeVeque 1979)."""

        def measure(start: int, stop: int) -> tuple[int, np.ndarray, np.ndarray]:
            # sums are relative to the first row of the chunk, so that an offset costs no digits
            x, begin = self.load(start, stop)
            m = stop - start
            rows, first = x[begin : begin + m], x[begin].copy()
            if rows.flags.c_contiguous:
                total, square = _sum_features(rows.reshape(-1), first)
            else:  # feature by feature: each is contiguous
                own = [_sum_features(rows[:, f], first[f : f + 1]) for f in range(self.d)]
                total, square = np.concatenate(own, axis=1)
            total /= m
            return m, first + total, square - m * total**2

        count, mean, squares = 0, np.zeros(self.d), np.zeros(self.d)
        for more, chunk_mean, chunk_squares in self.map(measure, threads):
            apart = chunk_mean - mean
            squares = squares + chunk_squares + apart**2 * (count * more / (count + more))
            mean = mean + apart * (more / (count + more))
            count += more
        return Moments(mean, squares / count)


def _sum_features(numbers: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Sum rows, one after another, less one of them, and the squares of that: (2, d) float64."""
    lanes = np.zeros((2, LINE * len(first)))
    sum_features(numbers, np.tile(first, LINE), *lanes)
    # one after another, which `sum` does not promise for a single feature
    return np.add.accumulate(lanes.reshape(2, LINE, len(first)), axis=1)[:, -1]


def ignore_overflow(function: Any) -> Any:
    """Let a function overflow without a warning, in any thread: its infinite result is checked."""
    return np.errstate(over="ignore", invalid="ignore")(function)


def round_up_to_blocks(rows: int) -> int:
    """Round a number of rows up to whole blocks of the kernels."""
    return -(-rows // BLOCK) * BLOCK


def raise_not_finite(rows: np.ndarray, name: str) -> NoReturn:
    """Raise a ValueError that says whether rows or only their squares are not finite."""
    validation.require_finite(rows, name, takes_masks=False)
    raise ValueError(f"{name} is too large: squared distances overflow; scale it down")
