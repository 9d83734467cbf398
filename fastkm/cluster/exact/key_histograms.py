"""The histogram of 32-bit values without weights, in exact integer sums.

See `fastkm._kernels.histogram` for the sums, and `fastkm.cluster.exact.histograms` for the interface.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastkm._kernels import histogram as kernels
from fastkm.cluster.exact.bins import (
    Bins,
    SparseCounts,
    add_counts,
    combine_extents,
)
from fastkm.cluster.exact.collectors import GatherIfSmall
from fastkm.cluster.exact.histograms import Cuts, Histogram, require_finite
from fastkm.cluster.exact.sortable_keys import KeyOrder, KeyWindows, SingleKeys, make_sparse
from fastkm.cluster.extended_precision import as_double_double
from fastkm.cluster.streaming.chunks import Chunk, accumulate

if TYPE_CHECKING:
    from fastkm.cluster.streaming.chunks import Reducible
    from fastkm.cluster.streaming.source import Source

COARSE_BINS = 1 << (32 - kernels.LOW_BITS)
"""Bins of the first pass over keys: 32 MB a thread, of which only used pages take memory."""

LOW = np.uint64((1 << kernels.SUM_BITS) - 1)
"""The low bits of a packed word."""

MARK = np.uint64(1 << kernels.MARK_BIT)
"""The bit of a packed word that marks its bin."""

USED_AT_ONCE = 1 << 16
"""Counts of single keys that are added up at a time."""

KNOWN_BITS = 5
"""log2 of the keys of a bin of single keys' counts: bins of one key each would be a million."""

FINER_BINS = 1 << 15
"""Bins of a later pass, which may all be in use: 512 KB. With 2^18 they take twice the time."""

FINER_BINS_OF_LAZY = 1 << 20
"""The same if values are read from files: reading takes longer, so this pass should be the last."""


class CoarseCounts(NamedTuple):
    """Result of the first pass over values of 32 bits."""

    bins: SparseCounts  # counts, and sums and squares of low bits
    singles: SparseCounts  # counts of single keys
    ends: np.ndarray  # (2,) uint32, least and greatest key; the first is greater if there is none


@dataclass(frozen=True)
class CountCoarsely:
    """Reduction of the first pass: bins of 2^11 keys, and counts of some single keys."""

    order: KeyOrder
    singles: SingleKeys = field(default_factory=SingleKeys.none)

    def map(self, chunks: Iterator[Chunk], threads: int | None) -> CoarseCounts:
        """Count values and sum low bits."""
        order, limits, starts = self.order, self.order.limits, self.singles.find_starts()

        def add(table: ThreadTable, chunk: Chunk) -> None:
            bits = chunk.values.view(order.unsigned)
            table.make_room(len(bits))
            kernels.count_coarsely(
                bits, order.parts, limits, table.sums, table.pages, table.ends,
                starts, table.counts, table.wraps,
            )  # fmt: skip

        tables = accumulate(chunks, lambda: ThreadTable(COARSE_BINS, self.singles), add, threads)
        bins = add_counts([table.list_bins() for table in tables])
        ends = combine_extents([table.ends for table in tables])
        single = [(table.counts, table.wraps) for table in tables]
        # they need 64 bits only for many values
        many = sum(table.counted for table in tables) >= 1 << 32
        tables.clear()  # their memory is needed
        return CoarseCounts(bins, list_single_counts(single, np.int64 if many else np.uint32), ends)

    def combine(self, results: list[CoarseCounts]) -> CoarseCounts:
        """Add counts and sums up."""
        bins, singles, ends = zip(*results, strict=True)
        return CoarseCounts(add_counts(bins), add_counts(singles), combine_extents(ends))


@dataclass(frozen=True)
class CountFinely:
    """Reduction of a later pass: narrower bins of some windows."""

    order: KeyOrder
    windows: KeyWindows
    offsets: np.ndarray
    shift: int

    def map(self, chunks: Iterator[Chunk], threads: int | None) -> SparseCounts:
        """Count values and sum low bits."""

        def add(table: ThreadTable, chunk: Chunk) -> None:
            bits = chunk.values.view(self.order.unsigned)
            table.make_room(len(bits))
            kernels.count_finely(
                bits, self.order.parts, *self.windows.lookup, self.offsets, self.shift, table.sums
            )

        none = SingleKeys.none()
        tables = accumulate(chunks, lambda: ThreadTable(int(self.offsets[-1]), none), add, threads)
        return add_counts([table.list_bins() for table in tables])

    combine = staticmethod(add_counts)


class ThreadTable:
    """Packed sums of one thread; they are moved to wider sums before they overflow.

    The counts of single keys are those in `counts`, and 256 for each time that these came round.
    """

    def __init__(self, bins: int, singles: SingleKeys) -> None:
        self.sums = np.zeros((bins, 2), np.uint64)
        self.pages = np.zeros(-(-bins // kernels.PAGE), np.uint8)
        self.ends = np.array([0xFFFFFFFF, 0], np.uint32)
        self.counts = np.zeros(singles.size, np.uint8)
        self.wraps = make_sparse(singles.size)
        self.marked = singles.bins
        self.sums[self.marked, 0] = MARK
        self.packed = self.counted = 0  # values in `sums`, and all values
        self.wide_bins: list[SparseCounts] = []

    def make_room(self, number: int) -> None:
        """Move sums to wider ones if so many more values could make them overflow."""
        if self.packed + number > kernels.MAX_VALUES:
            self.wide_bins = [self.list_bins()]
            self.sums[self.wide_bins[0].places] = 0  # touches no other page of memory
            self.sums[self.marked, 0] = MARK
            self.pages[:], self.packed = 0, 0
        self.packed += number
        self.counted += number

    def list_bins(self) -> SparseCounts:
        """List the bins in use: count, sum of low bits, and sum of their squares."""
        if self.pages.any():  # of 2^21 bins only those of touched pages are looked at
            pages = np.flatnonzero(self.pages)
            touched = self.sums.reshape(-1, kernels.PAGE, 2)[pages].reshape(-1, 2)
            used = np.flatnonzero(touched[:, 0] & ~MARK)
            places = pages[used // kernels.PAGE] * kernels.PAGE + used % kernels.PAGE
            packed = touched[used]
        else:
            places = np.flatnonzero(self.sums[:, 0] & ~MARK)
            packed = self.sums[places]
        counts, low = (packed[:, 0] & ~MARK) >> np.uint64(kernels.SUM_BITS), packed[:, 0] & LOW
        totals = np.stack([counts, low, packed[:, 1]], axis=1).astype(np.int64)
        return add_counts([*self.wide_bins, SparseCounts(places, totals)])


def list_single_counts(tables: list[tuple[np.ndarray, np.ndarray]], dtype: Any) -> SparseCounts:
    """Add counts of single keys up and list those above 0: perhaps a million, so some at a time.

    `tables` are the counts and wraps of each thread.
    """
    size, number = len(tables[0][0]), 0
    keys, found = np.empty(size, np.uint32), np.empty(size, dtype)
    for start in range(0, size, USED_AT_ONCE):
        part = slice(start, start + USED_AT_ONCE)
        total = np.zeros(min(USED_AT_ONCE, size - start), dtype)
        for counts, wraps in tables:
            total += counts[part]
            total += wraps[part].astype(dtype) << dtype(8)
        used = np.flatnonzero(total)
        place = slice(number, number + len(used))
        keys[place], found[place] = used + start, total[used]
        number += len(used)
    return SparseCounts(keys[:number], found[:number, None])


class KeyHistogram(Histogram):
    """Bins of 2^11 keys, for types of 32 bits without weights.

    The first pass counts the keys in `singles` one by one; they change how often the data is read,
    and nothing else.
    """

    def __init__(self, dtype: np.dtype, threads: int | None, *, lazy: bool = False) -> None:
        super().__init__(dtype, threads)
        self.order = KeyOrder.of(dtype)
        self.shift = kernels.LOW_BITS
        self.finer_bins = FINER_BINS_OF_LAZY if lazy else FINER_BINS
        self.singles = SingleKeys.none()
        self.single_counts = np.empty(0, np.int64)  # of each key of `singles`
        self.least = self.greatest = 0.0
        self.is_sorted = False

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle without the counts: they are large, and no reduction needs them."""
        return KeyHistogram, (self.dtype, self.threads)

    @property
    def reduction(self) -> CountCoarsely:
        """The reduction of the first pass."""
        return CountCoarsely(self.order, self.singles)

    def first(self, source: Source) -> Bins:
        """Sort a few values, or bin many, in one pass."""
        found = source.reduce(GatherIfSmall(self.reduction, self.dtype), self.threads)
        if isinstance(found, Chunk):
            bins, self.is_sorted = self.sort(found), True
            require_finite(source, *bins.low[:1], *bins.high[-1:])
            return bins
        bins = self.open(found)
        require_finite(source, self.least, self.greatest)
        return bins

    def open(self, found: CoarseCounts) -> Bins:
        """Make bins of the result of the first pass; infinite values are in none."""
        (used, totals), (places, numbers), extent = found
        self.single_counts = np.zeros(self.singles.size, numbers.dtype)
        self.single_counts[places] = numbers[:, 0]
        keys = used.astype(np.uint64) << np.uint64(kernels.LOW_BITS)
        last = keys + np.uint64((1 << kernels.LOW_BITS) - 1)
        ends = self.order.to_values(np.stack([keys, last]))
        finite = np.isfinite(ends).all(axis=0)  # keys beyond infinity are NaN
        self.least, self.greatest = self.order.to_values(extent.astype(np.uint64)).tolist()
        return self._make_bins(keys[finite], totals[finite], kernels.LOW_BITS)

    def windows(self, low: np.ndarray, high: np.ndarray) -> KeyWindows:
        """Return windows of values, looked up by the bins of the first pass."""
        ends = np.stack([self.order.to_keys(low), self.order.to_keys(high)])
        return KeyWindows.of(ends, 0, kernels.LOW_BITS, COARSE_BINS)

    def find_known(self, bins: Bins) -> np.ndarray:
        """Find the bins whose keys are counted one by one."""
        return np.isin(self.find_coarse_bins(bins.low), self.singles.bins)

    def refine_known(self, bins: Bins) -> Bins:
        """Return finer bins of some bins from the counts of single keys: of 2^5 keys, then of one."""
        keys, last = self.order.to_keys(bins.low), self.order.to_keys(bins.high)
        wide = last - keys >= np.uint64(1 << KNOWN_BITS)
        finer = [
            self._divide_known(keys[wide], kernels.LOW_BITS, KNOWN_BITS),
            self._divide_known(keys[~wide], KNOWN_BITS, 0),
        ]
        joined = Bins(*(np.concatenate(pair, axis=-1) for pair in zip(*finer, strict=True)))
        return joined.take(np.argsort(joined.low, kind="stable"))

    def _divide_known(self, keys: np.ndarray, bits: int, shift: int) -> Bins:
        """Divide bins of 2^bits keys, whose first keys are given, into bins of 2^shift keys."""
        rows = self.singles.find_places(keys) >> bits
        counts = self.single_counts.reshape(-1, 1 << bits)[rows].reshape(-1, 1 << shift)
        # count, and sums of low bits and of their squares: exact, they are far below 2^53
        low = np.arange(1 << shift)
        totals = counts.astype(np.float64) @ np.stack([low**0, low, low**2], axis=1).astype(float)
        first = keys[:, None] + np.arange(0, 1 << bits, 1 << shift, dtype=np.uint64)
        used = totals[:, 0] > 0
        return self._make_bins(first.ravel()[used], totals[used].astype(np.int64), shift)

    def refine(self, data: Reducible, windows: KeyWindows) -> Bins:
        """Return finer bins of the values in some windows."""
        shift, offsets = windows.choose_bins(self.finer_bins, max(self.shift, 1))
        self.shift = shift
        used, totals = data.reduce(CountFinely(self.order, windows, offsets, shift), self.threads)
        window = np.searchsorted(offsets, used, side="right") - 1
        steps = (used - offsets[window]).astype(np.uint64)
        first = windows.ends[0, window] >> np.uint64(shift)
        return self._make_bins((first + steps) << np.uint64(shift), totals, shift)

    def find_coarse_bins(self, values: np.ndarray) -> np.ndarray:
        """Return the numbers of the bins of the first pass that hold some values."""
        return (self.order.to_keys(values) >> np.uint64(kernels.LOW_BITS)).astype(np.int64)

    def finish(self, bins: Bins, cuts: Cuts) -> tuple[Bins, Cuts]:
        """Merge bins to those of the first pass, divided at cuts, unless values were sorted.

        However a solution was found, the merged bins are the same: their sums are integers, and
        everything that is computed from them is rounded in one way only. The bins on both sides of
        a cut must be distinct values.
        """
        if self.is_sorted:
            return bins, cuts
        # a merged bin begins at each cut, and where a coarse bin begins
        size = len(bins.low)
        keys = self.order.to_keys(bins.low)
        coarse = keys >> np.uint64(kernels.LOW_BITS) << np.uint64(kernels.LOW_BITS)
        divided = np.zeros(size + 1, bool)
        divided[np.concatenate(list(cuts.values()))] = True
        divided[[0, size]] = True
        begins = divided[:-1].copy()
        begins[1:] |= coarse[1:] != coarse[:-1]
        starts = np.flatnonzero(begins)
        # sums of low bits and of their squares, from sums about the base of each bin
        low = (keys - coarse).astype(np.int64)
        unit = self.order.to_values(coarse + np.uint64(1)) - self.order.to_values(coarse)
        first = (bins.sums[2:4] / unit).astype(np.int64).sum(axis=0)
        second = (bins.sums[4:6] / unit**2).astype(np.int64).sum(axis=0)
        second += 2 * low * first + bins.counts * low**2
        first += low * bins.counts
        totals = np.add.reduceat(np.stack([bins.counts, first, second], axis=1), starts, axis=0)
        merged = self._make_bins(coarse[starts], totals, kernels.LOW_BITS)
        # the ends of a bin at a cut are values, those of others the ends of the coarse bin
        lows = np.append(self.least, bins.low[1:])
        highs = np.append(bins.high[:-1], self.greatest)
        stops = np.append(starts[1:], size)
        least = np.where(divided[starts], lows[starts], merged.low)
        greatest = np.where(divided[stops], highs[stops - 1], merged.high)
        places = np.append(starts, size)
        moved = {k: np.searchsorted(places, positions) for k, positions in cuts.items()}
        return merged._replace(low=least, high=greatest), moved

    def _make_bins(self, keys: np.ndarray, totals: np.ndarray, shift: int) -> Bins:
        """Make bins of sums of low bits; one without variance is one distinct value."""
        counts, first, second = totals.T
        last = keys + np.uint64((1 << shift) - 1)
        if shift:
            last -= (last == self.order.minus_zero).astype(np.uint64)
        low, high = self.order.to_values(keys), self.order.to_values(last)
        unit = self.order.to_values(keys + np.uint64(shift > 0)) - low
        common = first // counts
        alone = (common * counts == first) & (common * first == second)
        low = np.where(alone, low + common * unit, low)
        high = np.where(alone, low, high)
        inside = np.where(alone, 0.0, unit)
        distances = as_double_double(first) * inside
        sums = np.concatenate(
            [as_double_double(counts), distances, as_double_double(second) * inside**2]
        )
        return Bins(low, high, low, np.ascontiguousarray(counts), sums, alone)
