"""Passes over data that turn it into atoms: bins of all of it, then what some windows hold.

Three ways, by what the data is:

* `Codes`: values of 8 and 16 bits, one bin each; one pass and nothing is left to find out;
* `Packed`: values of 32 bits without weights, in exact integer sums;
* `fastkm.cluster.folding.Folded`: values of 64 bits, and weighted ones.

Up to `FEW` values are gathered and sorted instead. Which way is taken depends on the values
alone, never on how they come, and no sum depends on an order (`fastkm._kernels.histogram`): so
chunks and threads change nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm import _check
from fastkm._kernels import histogram
from fastkm._parallel import map_chunks
from fastkm.cluster.atoms import Atoms, distinct, split, total
from fastkm.cluster.keys import Order, Windows
from fastkm.cluster.source import Piece

if TYPE_CHECKING:
    from fastkm.cluster.folding import Folded

FEW = 1 << 18
"""Values that are gathered and sorted: with all that is computed of them, some 40 MB."""

SLICE = 1 << 18
"""Values that are looked at together while gathering."""

CELLS = 1 << (32 - histogram.LOW_BITS)
"""Bins of the first packed table: 32 MB a thread, of which the used pages count."""

FINER_CELLS = 1 << 15
"""Bins of a later one, which may all be in use: 512 KB. With 2^18 they take twice the time."""

CHUNK_VALUES = 1 << 18
"""Values a chunk, 1 MB of float32: what is picked from them is still in the second-level cache,
and what Python does for a chunk is below a tenth of the time of the kernel."""

HELD = 1 << 23
"""Values that are copied out of the data where only they matter: 32 MB of float32. A pass over
them takes the place of one over the data."""

CHUNK_CELLS = 1 << 18
"""Bins a chunk where tables are added up."""


class Codes:
    """One bin a value, for types of 8 and 16 bits."""

    def __init__(self, dtype: np.dtype, threads: int | None) -> None:
        self.dtype, self.threads = dtype, threads
        self.infinite = False

    def first(self, pieces: Iterable[Piece]) -> Atoms:
        """Count all values; NaN is left out."""
        cells = 1 << 8 * self.dtype.itemsize
        unsigned = np.dtype(f"u{self.dtype.itemsize}")

        def add(table: np.ndarray, piece: Piece) -> None:
            histogram.tally_codes(piece.values.view(unsigned), table)

        tables = accumulated(pieces, lambda: np.zeros((4, cells), np.int64), add, self.threads)
        counts = total(table.sum(axis=0) for table in tables)
        with np.errstate(invalid="ignore"):  # signalling NaN
            values = np.arange(cells).astype(unsigned).view(self.dtype).astype(np.float64) + 0.0
        used = np.flatnonzero(counts * ~np.isnan(values))
        used = used[np.argsort(values[used], kind="stable")]
        self.infinite = bool(np.isinf(values[used]).any())
        return counted(values[used], counts[used])


class Packed:
    """Bins of 2^11 keys, for types of 32 bits."""

    def __init__(self, dtype: np.dtype, threads: int | None) -> None:
        self.dtype, self.threads = dtype, threads
        self.order = Order.of(dtype)
        self.shift = histogram.LOW_BITS
        self.infinite = False

    def first(self, pieces: Iterable[Piece]) -> Atoms:
        """Bin all values; NaN is left out."""

        def add(table: np.ndarray, piece: Piece) -> None:
            histogram.tally(self._bits(piece), self.order.parts, table)

        totals, used = self._totals(pieces, CELLS, add)
        keys = used.astype(np.uint64) << np.uint64(histogram.LOW_BITS)
        ends = self.order.values(np.stack([keys, keys + np.uint64((1 << histogram.LOW_BITS) - 1)]))
        finite = np.isfinite(ends).all(axis=0)  # beyond infinity is NaN
        self.infinite = bool(np.isinf(ends).any())
        return self._atoms(keys[finite], totals[finite], histogram.LOW_BITS)

    def finer(self, pieces: Iterable[Piece], windows: Windows) -> Atoms:
        """Bin the values in some windows more finely."""
        shift, offsets = windows.bins(FINER_CELLS, max(self.shift, 1))
        self.shift = shift

        def add(table: np.ndarray, piece: Piece) -> None:
            histogram.tally_windows(
                self._bits(piece), self.order.parts, *windows.lookup, offsets, shift, table
            )

        totals, used = self._totals(pieces, int(offsets[-1]), add)
        window = np.searchsorted(offsets, used, side="right") - 1
        steps = (used - offsets[window]).astype(np.uint64)
        first = windows.ends[0, window] >> np.uint64(shift)
        return self._atoms((first + steps) << np.uint64(shift), totals, shift)

    def windows(self, low: np.ndarray, high: np.ndarray) -> Windows:
        """Find windows of values by the bins of the first pass."""
        ends = np.stack([self.order.keys(low), self.order.keys(high)])
        return Windows.of(ends, 0, histogram.LOW_BITS, CELLS)

    def converted(self, piece: Piece) -> Piece:
        """Give a piece as windows are looked up in it."""
        return piece

    def _bits(self, piece: Piece) -> np.ndarray:
        return piece.values.view(self.order.unsigned)

    def _totals(
        self, pieces: Iterable[Piece], cells: int, add: Callable[[np.ndarray, Piece], None]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Give count, sum and squares of low bits of the bins in use, and which those are."""
        totals, used = np.zeros((cells, 3), np.int64), np.zeros(cells, bool)
        alone = Lock()

        def drain(table: PackedTable) -> None:
            with alone:
                histogram.drain(table.sums, totals, used)
            table.taken = 0

        def add_safely(table: PackedTable, piece: Piece) -> None:
            if table.taken + len(piece.values) > histogram.MOST:
                drain(table)
            table.taken += len(piece.values)
            add(table.sums, piece)

        tables = accumulated(pieces, lambda: PackedTable(cells), add_safely, self.threads)

        def drain_cells(start: int, stop: int) -> None:
            here = slice(start, stop)
            for table in tables:
                histogram.drain(table.sums[here], totals[here], used[here])

        map_chunks(drain_cells, cells, CHUNK_CELLS, threads=self.threads)
        found = np.flatnonzero(used)
        return totals[found], found

    def _atoms(self, keys: np.ndarray, totals: np.ndarray, shift: int) -> Atoms:
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
        return Atoms(low, high, low, counts, sums, alone)


class PackedTable:
    """A table for one thread, and how many values it has taken."""

    def __init__(self, cells: int) -> None:
        self.sums = np.zeros((cells, 2), np.uint64)
        self.taken = 0


def accumulated(
    pieces: Iterable[Piece],
    make: Callable[[], Any],
    add: Callable[[Any, Piece], None],
    threads: int | None,
) -> list[Any]:
    """Add all pieces up in a few tables, one for each thread at work, and give the tables.

    Which values end in which table is a matter of chance, so tables must hold integers.
    """
    idle: list[Any] = []

    def work(piece: Piece) -> Callable[[int, int], None]:
        def run(start: int, stop: int) -> None:
            try:
                table = idle.pop()
            except IndexError:
                table = make()
            add(table, part(piece, start, stop))
            idle.append(table)

        return run

    for piece in pieces:
        size = len(piece.values)
        map_chunks(work(piece), size, CHUNK_VALUES, threads=threads)
    return idle or [make()]


def gathered(pieces: Iterator[Piece]) -> tuple[list[Piece], Iterator[Piece]]:
    """Take up to `FEW` values that are not NaN; give them, and what remains of the pass."""
    taken: list[Piece] = []
    size = 0
    for piece in pieces:
        for start in range(0, len(piece.values), SLICE):
            present = without_nan(part(piece, start, start + SLICE))
            taken.append(present)
            size += len(present.values)
            if size > FEW:
                rest = part(piece, start + SLICE, len(piece.values))
                return taken, itertools.chain([rest], pieces)
    return taken, iter(())


def without_nan(piece: Piece) -> Piece:
    """Leave out NaN."""
    if piece.values.dtype.kind != "f":
        return piece
    present = ~np.isnan(piece.values)
    return piece if present.all() else at(piece, present)


def counted(values: np.ndarray, counts: np.ndarray) -> Atoms:
    """Make atoms of ascending values and their counts; the two zeros of floats become one."""
    starts = np.flatnonzero(np.append(True, values[1:] != values[:-1]))[: len(values)]
    if len(starts) < len(values):
        counts = np.add.reduceat(counts, starts)
    return distinct(values[starts], counts, split(counts))


def collected(
    pieces: Iterable[Piece], binning: Packed | Folded, windows: Windows, number: int, *, heavy: bool
) -> tuple[Piece, int]:
    """Copy the values in some windows, `number` of them, and their weights; tell how many came."""
    values = np.empty(number, binning.dtype)
    weights = np.empty(number) if heavy else None
    came, alone = 0, Lock()

    def work(piece: Piece) -> Callable[[int, int], None]:
        def run(start: int, stop: int) -> None:
            nonlocal came
            chunk = part(piece, start, stop)
            numbers = binning.converted(chunk).values
            found = np.empty(len(numbers), np.int32)
            size = histogram.collect(
                numbers.view(binning.order.unsigned), binning.order.parts, *windows.lookup, found
            )
            with alone:
                first, came = came, came + size
            here = slice(first, min(first + size, number))
            found = found[: here.stop - first] if here.stop > first else found[:0]
            values[here] = chunk.values[found]
            if weights is not None and chunk.weights is not None:
                weights[here] = chunk.weights[found]

        return run

    for piece in pieces:
        map_chunks(work(piece), len(piece.values), CHUNK_VALUES, threads=binning.threads)
    kept = None if weights is None else _check.frozen(weights)
    return Piece(_check.frozen(values), kept), came


def part(piece: Piece, start: int, stop: int) -> Piece:
    """Give values start to stop."""
    weights = piece.weights
    return Piece(piece.values[start:stop], None if weights is None else weights[start:stop])


def at(piece: Piece, where: np.ndarray) -> Piece:
    """Give the values at some positions."""
    weights = piece.weights
    return Piece(
        _check.frozen(piece.values[where]),
        None if weights is None else _check.frozen(weights[where]),
    )


def concatenated(parts: list[Piece], dtype: np.dtype) -> Piece:
    """Join pieces."""
    values = np.concatenate([piece.values for piece in parts] or [np.empty(0, dtype)])
    heavy = [piece.weights for piece in parts if piece.weights is not None]
    return Piece(_check.frozen(values), _check.frozen(np.concatenate(heavy)) if heavy else None)
