"""Histograms: passes over data that make bins of all values, then finer bins of some windows.

There are three, chosen by the data (`fastkm.cluster.exact.solver.choose_histogram`):

* `SmallTypeHistogram`: values of 8 and 16 bits, one bin for each value, in one pass;
* `fastkm.cluster.exact.key_histograms.KeyHistogram`: values of 32 bits without weights, in exact integer sums;
* `fastkm.cluster.exact.weighted_histograms.WeightedHistogram`: values of 64 bits, and weighted ones.

The last two gather and sort up to `fastkm.cluster.exact.collectors.MAX_SORTED` values instead. The
choice depends on the values alone, never on how they come, and no sum depends on an order
(`fastkm._kernels.histogram`): so chunks, threads and workers change nothing.

The number of passes, and how fine the bins of each are, does depend on how the values come. So
`KeyHistogram.finish` returns bins that do not: those of the first pass, divided at the cuts.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._kernels import histogram as kernels
from fastkm.cluster.exact.bins import (
    Bins,
    SparseCounts,
    add_counts,
    add_tables,
    find_distinct,
    make_distinct_bins,
)
from fastkm.cluster.extended_precision import as_double_double
from fastkm.cluster.streaming.chunks import Chunk, accumulate

if TYPE_CHECKING:
    from fastkm.cluster.exact.sortable_keys import KeyOrder, KeyWindows
    from fastkm.cluster.streaming.chunks import Reducible
    from fastkm.cluster.streaming.source import Source

Cuts = dict[int, np.ndarray]


class Histogram(ABC):
    """The passes that the solver needs, and what it must know of their sums.

    The methods that are not abstract suit data whose first pass finds each distinct value.
    """

    order: KeyOrder  # of the keys in which windows are looked up
    start = 0  # number that is subtracted from integers before they become float64
    power = 0  # weights are multiplied by 2^power
    relative_error = absolute_error = 0.0  # that the weight of a single value may have in sums
    has_squares = True  # whether bins of several values have the sums of w (x - base)^2

    def __init__(self, dtype: np.dtype, threads: int | None) -> None:
        self.dtype, self.threads = dtype, threads

    @abstractmethod
    def first(self, source: Source) -> Bins:
        """Do the first pass, or the first two, and return bins of all values; NaN is left out."""

    def windows(self, low: np.ndarray, high: np.ndarray) -> KeyWindows:
        """Return windows that hold the values from each of `low` to its `high`."""
        raise NotImplementedError

    def find_known(self, bins: Bins) -> np.ndarray:
        """Find the bins for whose finer bins no pass is needed."""
        return np.zeros(len(bins.low), bool)

    def refine_known(self, bins: Bins) -> Bins:
        """Return finer bins of some bins without a pass."""
        raise NotImplementedError

    def refine(self, data: Reducible, windows: KeyWindows) -> Bins:
        """Return finer bins of the values in some windows."""
        raise NotImplementedError

    def convert(self, chunk: Chunk) -> Any:
        """Return a chunk as windows are looked up in it, with its `values` in the key's type."""
        return chunk

    def to_float64(self, values: np.ndarray) -> np.ndarray:
        """Return values as bins hold them."""
        return values.astype(np.float64)

    def sort(self, chunk: Chunk) -> Bins:
        """Return bins of the distinct values of a chunk without NaN, by sorting them."""
        values = np.sort(chunk.values)
        starts, counts = find_distinct(values)
        numbers = self.to_float64(values[starts]) + 0.0
        return make_distinct_bins(numbers, counts, as_double_double(counts))

    def sum_between(
        self, data: Reducible, breaks: np.ndarray, centres: np.ndarray, reach: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Sum about centres in another pass; only needed if bins have no squares."""
        raise NotImplementedError

    def finish(self, bins: Bins, cuts: Cuts) -> tuple[Bins, Cuts]:
        """Return bins, and cuts among them, that do not depend on how the solution was found."""
        return bins, cuts


def require_finite(source: Source, *extremes: float) -> None:
    """Raise an error that locates the first infinity if the extreme values are not finite."""
    if np.isinf(extremes).any():
        raise ValueError(
            f"values must not be infinite, but {source.find_infinity()} is: set infinities to NaN, "
            "or leave them out when a file is read (nodata=inf, or --nodata inf)"
        )


def require_same_number(before: int, now: int) -> None:
    """Raise an error if a pass had another number of values than an earlier one."""
    if before != now:
        raise ValueError(
            f"values must be the same in every pass: {before:,} were between the same limits "
            f"in one pass, {now:,} in the next"
        )


@dataclass(frozen=True)
class CountCodes:
    """Reduction: how often each bit pattern of a small type occurs."""

    dtype: np.dtype

    def map(self, chunks: Iterator[Chunk], threads: int | None) -> SparseCounts:
        """Count bit patterns."""
        unsigned = np.dtype(f"u{self.dtype.itemsize}")
        size = 1 << 8 * self.dtype.itemsize

        def add(table: np.ndarray, chunk: Chunk) -> None:
            kernels.count_codes(chunk.values.view(unsigned), table)

        tables = accumulate(chunks, lambda: np.zeros((4, size), np.int64), add, threads)
        counts = add_tables(table.sum(axis=0) for table in tables)
        used = np.flatnonzero(counts)
        return SparseCounts(used, counts[used, None])

    combine = staticmethod(add_counts)


class SmallTypeHistogram(Histogram):
    """One bin for each value of a type of 8 or 16 bits."""

    def first(self, source: Source) -> Bins:
        """Count all values in one pass; the two zeros of floats become one."""
        codes, counts = source.reduce(CountCodes(self.dtype), self.threads)
        with np.errstate(invalid="ignore"):  # signalling NaN
            typed = codes.astype(f"u{self.dtype.itemsize}").view(self.dtype)
            values = typed.astype(np.float64) + 0.0
        used = np.flatnonzero(~np.isnan(values))
        used = used[np.argsort(values[used], kind="stable")]
        values = values[used]
        require_finite(source, *values[:1], *values[-1:])
        starts, _ = find_distinct(values)
        numbers = np.add.reduceat(counts[used, 0], starts) if len(starts) else counts[used, 0]
        return make_distinct_bins(values[starts], numbers, as_double_double(numbers))
