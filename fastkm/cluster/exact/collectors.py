"""Passes that copy values: few ones, all of them; of many, those in some windows; distinct ones.

They are the aims of `fastkm.cluster.streaming.pieces` that hold values. Of each it is known how many it may
hold at most, so what travels and what is held do not grow with the data.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Generic, NamedTuple

import numpy as np

from fastkm._core import validation
from fastkm._core.threads import map_chunks
from fastkm._kernels import histogram
from fastkm.cluster.streaming import pieces as lay
from fastkm.cluster.streaming.pieces import (
    Chunk,
    Found,
    Reduction,
    concatenate,
    drop_nan,
    slice_chunk,
)

if TYPE_CHECKING:
    from fastkm.cluster.exact.bins import Bins
    from fastkm.cluster.exact.histograms import KeyHistogram
    from fastkm.cluster.exact.sortable_keys import KeyWindows
    from fastkm.cluster.exact.weighted_histograms import WeightedHistogram

FEW = 1 << 18
"""Values that are gathered and sorted: with all that is computed of them, some 40 MB."""

SLICE = 1 << 18
"""Values that are looked at together while gathering."""

HELD = 1 << 23
"""Values that are copied out of the data where only they matter: 32 MB of float32. A pass over
them takes the place of one over the data."""

HELD_OF_LAZY = 1 << 20
"""The same where the data is not in memory: they come from workers."""

DISTINCT = 1 << 20
"""Distinct values that are counted for scores: some 100 MB while they are."""

CHUNK = 1 << 22
"""Values that are sorted together to count them."""


class GatherIfSmall(Generic[Found]):
    """All values, but NaN, where they are at most `FEW`; otherwise what another aim finds."""

    def __init__(self, aim: Reduction[Found], dtype: np.dtype) -> None:
        self.aim, self.dtype = aim, dtype
        self.most = FEW

    def map(self, pieces: Iterator[Chunk], threads: int | None) -> Chunk | Found:
        """Gather some values, and go on with the other aim when there are more."""
        taken, rest = gather_up_to(pieces, self.most)
        if _size(taken) <= self.most:
            return concatenate(taken, self.dtype)
        return self.aim.map(itertools.chain(taken, rest), threads)

    def merged(self, parts: list[Chunk | Found]) -> Chunk | Found:
        """Join values, or bin them where they become too many."""
        few = [slice_chunk for slice_chunk in parts if isinstance(slice_chunk, Chunk)]
        more = [slice_chunk for slice_chunk in parts if not isinstance(slice_chunk, Chunk)]
        if not more and _size(few) <= self.most:
            return concatenate(few, self.dtype)
        if few:
            more.append(self.aim.map(iter(few), 1))
        return self.aim.merged(more)


class WindowValues(NamedTuple):
    """Values that were looked for, or the first of them, and how many there are."""

    piece: Chunk
    came: int


@dataclass(frozen=True)
class GatherWindows:
    """The values in some windows, and their weights.

    Attributes
    ----------
    binning : Packed or Folded
    windows : Windows
    number : int
        How many there should be; no more are kept.
    heavy : bool
        Whether there are weights.
    """

    binning: KeyHistogram | WeightedHistogram
    windows: KeyWindows
    number: int
    heavy: bool

    def map(self, pieces: Iterator[Chunk], threads: int | None) -> WindowValues:
        """Copy them."""
        values = np.empty(self.number, self.binning.dtype)
        weights = np.empty(self.number) if self.heavy else None
        came, alone = 0, Lock()
        order = self.binning.order

        def work(piece: Chunk) -> Callable[[int, int], None]:
            def run(start: int, stop: int) -> None:
                nonlocal came
                chunk = slice_chunk(piece, start, stop)
                numbers = self.binning.convert(chunk).values
                found = np.empty(len(numbers), np.int32)
                size = histogram.collect(
                    numbers.view(order.unsigned), order.parts, *self.windows.lookup, found
                )
                with alone:
                    first, came = came, came + size
                here = slice(first, min(first + size, self.number))
                found = found[: here.stop - first] if here.stop > first else found[:0]
                values[here] = chunk.values[found]
                if weights is not None and chunk.weights is not None:
                    weights[here] = chunk.weights[found]

            return run

        for piece in pieces:
            map_chunks(work(piece), len(piece.values), lay.CHUNK_VALUES, threads=threads)
        kept = None if weights is None else validation.frozen(weights)
        return WindowValues(slice_chunk(Chunk(validation.frozen(values), kept), 0, came), came)

    def merged(self, parts: list[WindowValues]) -> WindowValues:
        """Join them."""
        joined = concatenate([copied.piece for copied in parts], self.binning.dtype)
        return WindowValues(
            slice_chunk(joined, 0, self.number), sum(copied.came for copied in parts)
        )


class CountDistinct:
    """All distinct values, as atoms; None where they are more than `DISTINCT`."""

    def __init__(self, folded: WeightedHistogram) -> None:
        self.folded = folded
        self.most = DISTINCT

    def map(self, pieces: Iterator[Chunk], threads: int | None) -> Bins | None:  # noqa: ARG002
        """Sort and count some values at a time; it ends early where they are too many."""
        found: Bins | None = self.folded.sorted(lay.concatenate([], self.folded.dtype))
        for piece in pieces:
            for start in range(0, len(piece.values), CHUNK):
                some = drop_nan(slice_chunk(piece, start, start + CHUNK))
                found = self.merged([found, self.folded.sorted(some)])
                if found is None:
                    return None
        return found

    def merged(self, parts: list[Bins | None]) -> Bins | None:
        """Add counts up, value by value."""
        found = parts[0]
        for other in parts[1:]:
            if found is None or other is None:
                return None
            found = found.merged(other)
            if len(found.low) > self.most:
                return None
        return found


def gather_up_to(pieces: Iterator[Chunk], most: int) -> tuple[list[Chunk], Iterator[Chunk]]:
    """Take pieces until there are more than `most` values, and what remains of the pass."""
    taken: list[Chunk] = []
    size = 0
    for piece in pieces:
        for start in range(0, len(piece.values), SLICE):
            present = drop_nan(slice_chunk(piece, start, start + SLICE))
            taken.append(present)
            size += len(present.values)
            if size > most:
                rest = slice_chunk(piece, start + SLICE, len(piece.values))
                return taken, itertools.chain([rest], pieces)
    return taken, iter(())


def _size(pieces: list[Chunk]) -> int:
    return sum(len(piece.values) for piece in pieces)
