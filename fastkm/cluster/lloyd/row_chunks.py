"""Rows of numbers in whatever layout and type they come, chunk by chunk, for the kernels.

float32 and float64 rows in C or Fortran order (a stack of bands, ``stack.reshape(d, -1).T``, is
in Fortran order) are handed on as they are. All else, integers, other byte orders, strides, is
converted chunk by chunk, so no second copy of the data is ever there.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fastkm._core import validation
from fastkm._core.threads import fold_chunks, map_chunks
from fastkm._kernels.lloyd import BLOCK, moments, rest_of

FEWEST_CHUNKS = 16
"""Chunks that any but small data is cut into, so that two threads end at nearly the same time."""

LEAST_ROWS, MOST_ROWS = 4 * BLOCK, 2**16
"""Rows a chunk: the Python around a chunk takes 20 to 40 microseconds, kernels take blocks anyway."""

LEAST_NUMBERS = 2**16
"""Numbers a chunk at least, for the same reason: 5,461 rows of 12 features."""

MOST_BYTES = 2**22
"""Bytes a chunk at most, where it must be converted."""


class Part(NamedTuple):
    """An array in which the rows of a chunk begin at `start`."""

    x: np.ndarray
    start: int


class Moments(NamedTuple):
    """Mean and variance of each feature, (d,) float64; not finite where a row is not."""

    mean: np.ndarray
    variance: np.ndarray


class RowChunks:
    """Rows to be read chunk by chunk.

    Parameters
    ----------
    rows : (n, d) array
        Any real type of at most 64 bits, any layout; n and d at least 1.
    dtype : numpy.dtype, optional
        The type to compute in; by default `fastkm._core.validation.working_dtype` of the array's.

    Attributes
    ----------
    n, d : int
        Rows and features.
    rest : tuple
        What kernels are compiled for, see `fastkm._kernels.lloyd.rest_of`.
    dtype : numpy.dtype
        float32 or float64.
    step : int
        Rows a chunk; it depends on n, d and dtype only.
    """

    def __init__(self, rows: np.ndarray, dtype: np.dtype | None = None) -> None:
        self.n, self.d = rows.shape
        self.rest = rest_of(self.d)
        self.dtype = validation.working_dtype(rows.dtype) if dtype is None else np.dtype(dtype)
        self.array = rows.view()
        self.array.flags.writeable = False
        flags = self.array.flags
        ready = flags.aligned and (flags.c_contiguous or flags.f_contiguous)
        self._ready = ready and self.array.dtype == self.dtype and self.array.dtype.isnative
        most = min(MOST_ROWS, MOST_BYTES // (self.d * self.dtype.itemsize))
        share = max(LEAST_NUMBERS // self.d, -(-self.n // FEWEST_CHUNKS))
        self.step = whole_blocks(max(LEAST_ROWS, min(most, share)))

    def part(self, start: int, stop: int, *, c_order: bool = False) -> Part:
        """Give an array that holds some rows, in C order if asked, and where they begin in it."""
        if self._ready and (self.array.flags.c_contiguous or not c_order):
            return Part(self.array, start)
        return Part(validation.frozen(self.array[start:stop], self.dtype), 0)

    def chosen(self, rows: Any) -> np.ndarray:
        """Copy some rows, by number, as (m, d) float64."""
        return self.array[rows].astype(np.float64)

    def map(self, function: Any, threads: int | None) -> list[Any]:
        """Call ``function(start, stop)`` for each chunk; give the results in order."""
        return map_chunks(quiet(function), self.n, self.step, threads=threads)

    def fold(self, function: Any, fold: Any, threads: int | None) -> None:
        """Call ``fold(function(start, stop))`` for each chunk, in order."""
        fold_chunks(quiet(function), quiet(fold), self.n, self.step, threads=threads)

    def moments(self, threads: int | None = None) -> Moments:
        """Compute mean and variance in one pass (Chan, Golub & LeVeque 1979)."""
        count, mean, squares = 0, np.zeros(self.d), np.zeros(self.d)

        def run(start: int, stop: int) -> tuple[int, np.ndarray, np.ndarray]:
            x, begin = self.part(start, stop)
            m = stop - start
            rows, first = x[begin : begin + m], x[begin].copy()
            total, square = np.empty(self.d), np.empty(self.d)
            if rows.flags.c_contiguous:
                moments(rows.reshape(-1), first, total, square)
            else:  # feature by feature: each is a line
                for f in range(self.d):
                    own = slice(f, f + 1)
                    moments(rows[:, f], first[own], total[own], square[own])
            total /= m
            return m, first + total, square - m * total**2

        def merge(other: tuple[int, np.ndarray, np.ndarray]) -> None:
            nonlocal count, mean, squares
            more, its_mean, its_squares = other
            apart = its_mean - mean
            squares = squares + its_squares + apart**2 * (count * more / (count + more))
            mean = mean + apart * (more / (count + more))
            count += more

        self.fold(run, merge, threads)
        return Moments(mean, squares / count)


def quiet(function: Any) -> Any:
    """Let a function overflow without a warning, in whatever thread: the infinite sum tells."""
    return np.errstate(over="ignore", invalid="ignore")(function)


def whole_blocks(rows: int) -> int:
    """Round a number of rows up to whole blocks of the kernels."""
    return -(-rows // BLOCK) * BLOCK
