"""Passes over data that turn it into atoms: bins of all of it, then what some windows hold.

Three ways, by what the data is:

* `SmallTypeHistogram`: values of 8 and 16 bits, one bin each; one pass and nothing is left to find out;
* `KeyHistogram`: values of 32 bits without weights, in exact integer sums;
* `fastkm.cluster.exact.weighted_histograms.WeightedHistogram`: values of 64 bits, and weighted ones.

Up to `fastkm.cluster.exact.collectors.FEW` values are gathered and sorted instead. Which way is taken
depends on the values alone, never on how they come, and no sum depends on an order
(`fastkm._kernels.histogram`): so chunks, threads and workers change nothing.

How many passes there are, and how fine the bins of each, does depend on how the values come. So
`KeyHistogram` gives a solution in bins that do not: those of the first pass, divided at the cuts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastkm._kernels import histogram
from fastkm.cluster.exact.bins import Bins, bins_of_distinct, split, sum_tables
from fastkm.cluster.exact.guess import Guess
from fastkm.cluster.exact.sortable_keys import KeyOrder, KeyWindows
from fastkm.cluster.streaming.pieces import accumulate

if TYPE_CHECKING:
    from fastkm.cluster.streaming.pieces import Chunk, Reducible

CELLS = 1 << (32 - histogram.LOW_BITS)
"""Bins of the first packed table: 32 MB a thread, of which the used pages count."""

LOW = np.uint64((1 << histogram.SUM_BITS) - 1)
"""The low bits of a packed word."""

MOST_COUNTED = 1 << 31
"""Values of which a thread counts single keys in 32 bits."""

FINER_CELLS = 1 << 15
"""Bins of a later one, which may all be in use: 512 KB. With 2^18 they take twice the time."""

FINER_CELLS_OF_LAZY = 1 << 20
"""The same where values are read from files: reading takes longer, so this pass is the last."""


DENSE = 2
"""Bins are added up in a table of all between the first and the last where that has at most this
many times their number; 16 parts of 30,000 take 6 ms so, 14 ms sorted, but 44 ms if scattered."""


class SparseCounts(NamedTuple):
    """Integer sums of the bins in use.

    Attributes
    ----------
    places : (b,) integer array
        Which bins, ascending.
    totals : (b, c) integer array
        Their counts, and other sums.
    """

    places: np.ndarray
    totals: np.ndarray


def add_counts(parts: list[SparseCounts]) -> SparseCounts:
    """Add bins up."""
    if len(parts) == 1:
        return parts[0]
    places = np.concatenate([part.places for part in parts])
    if len(places) == 0:
        return parts[0]
    least, reach = int(places.min()), int(np.ptp(places)) + 1
    if reach <= DENSE * len(places):
        totals = np.zeros((reach, parts[0].totals.shape[1]), np.int64)
        for part in parts:
            totals[part.places - least] += part.totals
        used = np.flatnonzero(totals[:, 0])
        return SparseCounts(used + least, totals[used])
    order = np.argsort(places, kind="stable")  # merges what is ascending already
    used, starts = np.unique(places[order], return_index=True)
    totals = np.concatenate([part.totals for part in parts])[order]
    return SparseCounts(used, np.add.reduceat(totals, starts, axis=0, dtype=np.int64))


@dataclass(frozen=True)
class CountCodes:
    """Aim of a pass: how often each code occurs."""

    dtype: np.dtype

    def map(self, pieces: Iterator[Chunk], threads: int | None) -> SparseCounts:
        """Count."""
        unsigned = np.dtype(f"u{self.dtype.itemsize}")
        cells = 1 << 8 * self.dtype.itemsize

        def add(table: np.ndarray, piece: Chunk) -> None:
            histogram.count_codes(piece.values.view(unsigned), table)

        tables = accumulate(pieces, lambda: np.zeros((4, cells), np.int64), add, threads)
        counts = sum_tables(table.sum(axis=0) for table in tables)
        used = np.flatnonzero(counts)
        return SparseCounts(used, counts[used, None])

    def merged(self, parts: list[SparseCounts]) -> SparseCounts:
        """Add up."""
        return add_counts(parts)


class SmallTypeHistogram:
    """One bin a value, for types of 8 and 16 bits."""

    def __init__(self, dtype: np.dtype, threads: int | None) -> None:
        self.dtype, self.threads = dtype, threads
        self.infinite = False

    def first(self, data: Reducible) -> Bins:
        """Count all values; NaN is left out."""
        codes, counts = data.reduce(CountCodes(self.dtype), self.threads)
        with np.errstate(invalid="ignore"):  # signalling NaN
            typed = codes.astype(f"u{self.dtype.itemsize}").view(self.dtype)
            values = typed.astype(np.float64) + 0.0
        used = np.flatnonzero(~np.isnan(values))
        used = used[np.argsort(values[used], kind="stable")]
        self.infinite = bool(np.isinf(values[used]).any())
        return bins_of_counts(values[used], counts[used, 0])


class CoarseCounts(NamedTuple):
    """What the first pass over values of 32 bits finds.

    Attributes
    ----------
    bins : Bins
        Counts, and sums and squares of low bits.
    fine : Bins
        Counts of single keys, those of a guess.
    ends : (2,) uint32 array
        Least and greatest key of all values, the first the greater where there is none.
    """

    bins: SparseCounts
    fine: SparseCounts
    ends: np.ndarray


@dataclass(frozen=True)
class CountCoarsely:
    """Aim of the first pass: bins of 2^11 keys, and single keys where cuts are guessed."""

    order: KeyOrder
    guess: Guess = field(default_factory=Guess.none)

    def map(self, pieces: Iterator[Chunk], threads: int | None) -> CoarseCounts:
        """Count and sum."""
        order, guessed = self.order, self.guess.keys_counted
        starts = self.guess.starts() if guessed else None

        def add(table: ThreadTable, piece: Chunk) -> None:
            bits = piece.values.view(order.unsigned)
            table.make_room(len(bits))
            histogram.count_coarsely(
                bits, order.parts, order.limits, table.sums, table.pages, table.ends
            )
            if guessed:
                histogram.count_keys(bits, order.parts, starts, table.fine)

        def make() -> ThreadTable:
            return ThreadTable(CELLS, guessed)

        tables = accumulate(pieces, make, add, threads)
        wide = np.int64 if sum(table.counted for table in tables) >= 1 << 32 else np.uint32
        counts = sum_tables(table.counts().astype(wide, copy=False) for table in tables)
        keys = np.flatnonzero(counts[:guessed] != 0).astype(np.uint32)  # there may be a million
        return CoarseCounts(
            add_counts([table.bins() for table in tables]),
            SparseCounts(keys, counts[keys, None]),
            merge_extents([table.ends for table in tables]),
        )

    def merged(self, parts: list[CoarseCounts]) -> CoarseCounts:
        """Add up."""
        bins, fine, ends = zip(*parts, strict=True)
        return CoarseCounts(add_counts(list(bins)), add_counts(list(fine)), merge_extents(ends))


def merge_extents(ends: Sequence[np.ndarray]) -> np.ndarray:
    """Give the least and the greatest of some ends."""
    return np.array([min(pair[0] for pair in ends), max(pair[1] for pair in ends)])


@dataclass(frozen=True)
class CountFinely:
    """Aim of a later pass: narrower bins of some windows."""

    order: KeyOrder
    windows: KeyWindows
    offsets: np.ndarray
    shift: int

    def map(self, pieces: Iterator[Chunk], threads: int | None) -> SparseCounts:
        """Count and sum."""

        def add(table: ThreadTable, piece: Chunk) -> None:
            bits = piece.values.view(self.order.unsigned)
            table.make_room(len(bits))
            histogram.count_finely(
                bits, self.order.parts, *self.windows.lookup, self.offsets, self.shift, table.sums
            )

        tables = accumulate(pieces, lambda: ThreadTable(int(self.offsets[-1])), add, threads)
        return add_counts([table.bins() for table in tables])

    def merged(self, parts: list[SparseCounts]) -> SparseCounts:
        """Add up."""
        return add_counts(parts)


class ThreadTable:
    """A table for one thread; what it has taken is moved to wider sums before it overflows."""

    def __init__(self, cells: int, fine: int = 0) -> None:
        self.sums = np.zeros((cells, 2), np.uint64)
        self.pages = np.zeros(-(-cells // histogram.PAGE), np.uint8)
        self.ends = np.array([0xFFFFFFFF, 0], np.uint32)
        self.fine = np.zeros(fine + (1 << histogram.LOW_BITS) if fine else 0, np.uint32)
        self.taken = 0
        self.full: list[SparseCounts] = []
        self.counted = 0
        self.kept: np.ndarray | None = None

    def make_room(self, number: int) -> None:
        """Move sums away before some more values would be too many."""
        if self.taken + number > histogram.MOST:
            self.full = [self.bins()]
            self.sums[self.full[0].places] = 0  # no page is touched that was not
            self.pages[:], self.taken = 0, 0
        if self.counted // MOST_COUNTED != (self.counted + number) // MOST_COUNTED:
            self.kept = self.counts().astype(np.int64)
            self.fine[:] = 0
        self.taken += number
        self.counted += number

    def counts(self) -> np.ndarray:
        """Give the counts of single keys, as int64 where they may be large."""
        return self.fine if self.kept is None else self.kept + self.fine

    def bins(self) -> SparseCounts:
        """Give all that was taken, as bins."""
        if self.pages.any():  # of 2^21 bins only those of touched pages are looked at
            pages = np.flatnonzero(self.pages)
            some = self.sums.reshape(-1, histogram.PAGE, 2)[pages].reshape(-1, 2)
            used = np.flatnonzero(some[:, 0])
            places = pages[used // histogram.PAGE] * histogram.PAGE + used % histogram.PAGE
            packed = some[used]
        else:
            places = np.flatnonzero(self.sums[:, 0])
            packed = self.sums[places]
        counts, low = packed[:, 0] >> np.uint64(histogram.SUM_BITS), packed[:, 0] & LOW
        totals = np.stack([counts, low, packed[:, 1]], axis=1).astype(np.int64)
        return add_counts([*self.full, SparseCounts(places, totals)])


class KeyHistogram:
    """Bins of 2^11 keys, for types of 32 bits.

    Attributes
    ----------
    guess : Guess
        Where cuts are thought to be; it changes how much must be read, and nothing else.
    finer_cells : int
        Bins of a later pass.
    infinite : bool
        Whether an infinity was met.
    least, greatest : float
        Of all values.
    """

    def __init__(self, dtype: np.dtype, threads: int | None) -> None:
        self.dtype, self.threads = dtype, threads
        self.order = KeyOrder.of(dtype)
        self.shift = histogram.LOW_BITS
        self.guess, self.finer_cells = Guess.none(), FINER_CELLS
        self.infinite = False
        self.least = self.greatest = 0.0
        self.fine = SparseCounts(np.empty(0, np.int64), np.empty((0, 1), np.int64))

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel without what was found: it is large, and an aim does not need it."""
        return KeyHistogram, (self.dtype, self.threads)

    @property
    def aim(self) -> CountCoarsely:
        """The aim of the first pass."""
        return CountCoarsely(self.order, self.guess)

    def first(self, data: Reducible) -> Bins:
        """Bin all values; NaN is left out."""
        return self.open(data.reduce(self.aim, self.threads))

    def open(self, found: CoarseCounts) -> Bins:
        """Make atoms of what the first pass found."""
        (used, totals), self.fine, reach = found
        keys = used.astype(np.uint64) << np.uint64(histogram.LOW_BITS)
        ends = self.order.values(np.stack([keys, keys + np.uint64((1 << histogram.LOW_BITS) - 1)]))
        finite = np.isfinite(ends).all(axis=0)  # beyond infinity is NaN
        self.infinite = bool(np.isinf(ends).any())
        self.least, self.greatest = self.order.values(reach.astype(np.uint64)).tolist()
        return self._atoms(keys[finite], totals[finite], histogram.LOW_BITS)

    def refine(self, data: Reducible, windows: KeyWindows) -> Bins:
        """Bin the values in some windows more finely."""
        shift, offsets = windows.bins(self.finer_cells, max(self.shift, 1))
        self.shift = shift
        used, totals = data.reduce(CountFinely(self.order, windows, offsets, shift), self.threads)
        window = np.searchsorted(offsets, used, side="right") - 1
        steps = (used - offsets[window]).astype(np.uint64)
        first = windows.ends[0, window] >> np.uint64(shift)
        return self._atoms((first + steps) << np.uint64(shift), totals, shift)

    def known(self, windows: KeyWindows) -> Bins | None:
        """Give the distinct values in some windows where the guess covers them all."""
        places = self.guess.places(windows.ends)
        if places is None:
            return None
        first = np.searchsorted(self.fine.places, places[0])
        stop = np.searchsorted(self.fine.places, places[1], side="right")
        runs = [np.arange(a, b) for a, b in zip(first, stop, strict=True)]
        inside = np.concatenate([*runs, np.empty(0, np.int64)])
        counts = self.fine.totals[inside, 0].astype(np.int64)
        keys = self.guess.keys(self.fine.places[inside])
        return self._atoms(keys, np.stack([counts, 0 * counts, 0 * counts], axis=1), 0)

    def bins_of(self, values: np.ndarray) -> np.ndarray:
        """Give the bins of the first pass that hold some values."""
        return (self.order.keys(values) >> np.uint64(histogram.LOW_BITS)).astype(np.int64)

    def windows(self, low: np.ndarray, high: np.ndarray) -> KeyWindows:
        """Find windows of values by the bins of the first pass."""
        ends = np.stack([self.order.keys(low), self.order.keys(high)])
        return KeyWindows.of(ends, 0, histogram.LOW_BITS, CELLS)

    def convert(self, piece: Chunk) -> Chunk:
        """Give a piece as windows are looked up in it."""
        return piece

    def merge_to_coarse_bins(
        self, atoms: Bins, cuts: dict[int, np.ndarray]
    ) -> tuple[Bins, dict[int, np.ndarray]]:
        """Join atoms to the bins of the first pass, divided where cuts are.

        However a solution was found, these are the same: the sums are integers, and what comes of
        them is rounded in one way only.

        Parameters
        ----------
        atoms : Atoms
            Those beside cuts are distinct values.
        cuts : dict of int to (k + 1,) int64 array
            Positions among the atoms.

        Returns
        -------
        atoms : Atoms
        cuts : dict of int to (k + 1,) int64 array
        """
        size = len(atoms.low)
        keys = self.order.keys(atoms.low)
        bins = keys >> np.uint64(histogram.LOW_BITS) << np.uint64(histogram.LOW_BITS)
        divided = np.zeros(size + 1, bool)
        divided[np.concatenate(list(cuts.values()))] = True
        divided[[0, size]] = True
        begins = divided[:-1].copy()
        begins[1:] |= bins[1:] != bins[:-1]
        starts = np.flatnonzero(begins)
        low = (keys - bins).astype(np.int64)
        unit = self.order.values(bins + np.uint64(1)) - self.order.values(bins)
        first = (atoms.sums[2:4] / unit).astype(np.int64).sum(axis=0)
        second = (atoms.sums[4:6] / unit**2).astype(np.int64).sum(axis=0)
        second += 2 * low * first + atoms.counts * low**2
        first += low * atoms.counts
        totals = np.add.reduceat(np.stack([atoms.counts, first, second], axis=1), starts, axis=0)
        joined = self._atoms(bins[starts], totals, histogram.LOW_BITS)
        lows = np.append(self.least, atoms.low[1:])
        highs = np.append(atoms.high[:-1], self.greatest)
        stops = np.append(starts[1:], size)
        least = np.where(divided[starts], lows[starts], joined.low)
        greatest = np.where(divided[stops], highs[stops - 1], joined.high)
        places = np.append(starts, size)
        moved = {k: np.searchsorted(places, positions) for k, positions in cuts.items()}
        return joined._replace(low=least, high=greatest), moved

    def _atoms(self, keys: np.ndarray, totals: np.ndarray, shift: int) -> Bins:
        """Turn sums of low bits into atoms; a bin without variance is one distinct value."""
        counts, first, second = totals.T
        last = keys + np.uint64((1 << shift) - 1)
        if shift:
            last -= (last == self.order.minus_zero).astype(np.uint64)
        low, high = self.order.values(keys), self.order.values(last)
        unit = self.order.values(keys + np.uint64(shift > 0)) - low
        common = first // counts
        alone = (common * counts == first) & (common * first == second)
        low = np.where(alone, low + common * unit, low)
        high = np.where(alone, low, high)
        inside = np.where(alone, 0.0, unit)
        sums = np.concatenate([split(counts), split(first) * inside, split(second) * inside**2])
        return Bins(low, high, low, np.ascontiguousarray(counts), sums, alone)


def bins_of_counts(values: np.ndarray, counts: np.ndarray) -> Bins:
    """Make atoms of ascending values and their counts; the two zeros of floats become one."""
    starts = np.flatnonzero(np.append(True, values[1:] != values[:-1]))[: len(values)]
    if len(starts) < len(values):
        counts = np.add.reduceat(counts, starts)
    return bins_of_distinct(values[starts], counts, split(counts))
