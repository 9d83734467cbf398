"""Reductions that copy values: all of them if they are few, those in some windows, distinct ones.

How many values each of them may copy is limited, so neither what travels nor what is kept in memory
grows with the data.
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
from fastkm._kernels.histogram import find_values_in_windows
from fastkm.cluster.streaming import chunks as streaming
from fastkm.cluster.streaming.chunks import Chunk, Result, concatenate, drop_nan, slice_chunk

if TYPE_CHECKING:
    from fastkm.cluster.exact.bins import Bins
    from fastkm.cluster.exact.histograms import Histogram
    from fastkm.cluster.exact.sortable_keys import KeyWindows
    from fastkm.cluster.streaming.chunks import Reduction

MAX_SORTED = 1 << 18
"""Values that are sorted instead of binned: with all that is computed of them, some 40 MB."""

GATHERED_AT_ONCE = 1 << 18
"""Values that are gathered at a time."""

MAX_COPIED = 1 << 23
"""Values that are copied out of the data if only they matter: 32 MB of float32. Later passes over
the data become passes over them."""

MAX_COPIED_OF_LAZY = 1 << 20
"""The same if the data is not in memory: the values come from workers."""

MAX_DISTINCT = 1 << 20
"""Distinct values that are counted for scores: some 100 MB meanwhile."""

SORTED_AT_ONCE = 1 << 22
"""Values that are sorted at a time to count distinct ones."""


class GatherIfSmall(Generic[Result]):
    """All values but NaN if they are at most `MAX_SORTED`, otherwise another reduction of them."""

    def __init__(self, reduction: Reduction[Result], dtype: np.dtype) -> None:
        self.reduction, self.dtype = reduction, dtype
        self.most = MAX_SORTED

    def map(self, chunks: Iterator[Chunk], threads: int | None) -> Chunk | Result:
        """Gather values, and go on with the other reduction when there are too many."""
        taken, rest = gather_up_to(chunks, self.most)
        if _count_values(taken) <= self.most:
            return concatenate(taken, self.dtype)
        return self.reduction.map(itertools.chain(taken, rest), threads)

    def combine(self, results: list[Chunk | Result]) -> Chunk | Result:
        """Join values, or reduce them too when they become too many."""
        values = [result for result in results if isinstance(result, Chunk)]
        reduced = [result for result in results if not isinstance(result, Chunk)]
        if not reduced and _count_values(values) <= self.most:
            return concatenate(values, self.dtype)
        if values:
            reduced.append(self.reduction.map(iter(values), 1))
        return self.reduction.combine(reduced)


class WindowValues(NamedTuple):
    """Values in some windows, or the first of them, and the number of all of them."""

    chunk: Chunk
    number: int


@dataclass(frozen=True)
class GatherWindows:
    """The values in some windows of a histogram, and their weights."""

    histogram: Histogram
    windows: KeyWindows
    number: int  # of values that are expected; no more are kept
    weighted: bool

    def map(self, chunks: Iterator[Chunk], threads: int | None) -> WindowValues:
        """Copy the values."""
        values = np.empty(self.number, self.histogram.dtype)
        weights = np.empty(self.number) if self.weighted else None
        size, lock = 0, Lock()
        order = self.histogram.order

        def share(chunk: Chunk) -> Callable[[int, int], None]:
            def run(start: int, stop: int) -> None:
                nonlocal size
                # find the values of this slice that are in a window
                part = slice_chunk(chunk, start, stop)
                numbers = self.histogram.convert(part).values
                found = np.empty(len(numbers), np.int32)
                more = find_values_in_windows(
                    numbers.view(order.unsigned), order.parts, *self.windows.lookup, found
                )
                # reserve places for them, as far as there is room, and copy them there
                with lock:
                    first, size = size, size + more
                here = slice(first, min(first + more, self.number))
                found = found[: here.stop - first] if here.stop > first else found[:0]
                values[here] = part.values[found]
                if weights is not None and part.weights is not None:
                    weights[here] = part.weights[found]

            return run

        for chunk in chunks:
            map_chunks(share(chunk), len(chunk.values), streaming.CHUNK_VALUES, threads=threads)
        own = None if weights is None else validation.freeze(weights)
        return WindowValues(slice_chunk(Chunk(validation.freeze(values), own), 0, size), size)

    def combine(self, results: list[WindowValues]) -> WindowValues:
        """Join the values."""
        joined = concatenate([result.chunk for result in results], self.histogram.dtype)
        number = sum(result.number for result in results)
        return WindowValues(slice_chunk(joined, 0, self.number), number)


class CountDistinct:
    """Bins of all distinct values; None if they are more than `MAX_DISTINCT`."""

    def __init__(self, histogram: Histogram) -> None:
        self.histogram = histogram
        self.most = MAX_DISTINCT

    def map(self, chunks: Iterator[Chunk], threads: int | None) -> Bins | None:  # noqa: ARG002
        """Sort and count some values at a time; end early if distinct ones are too many."""
        bins: Bins | None = self.histogram.sort(concatenate([], self.histogram.dtype))
        for chunk in chunks:
            for start in range(0, len(chunk.values), SORTED_AT_ONCE):
                some = drop_nan(slice_chunk(chunk, start, start + SORTED_AT_ONCE))
                bins = self.combine([bins, self.histogram.sort(some)])
                if bins is None:
                    return None
        return bins

    def combine(self, results: list[Bins | None]) -> Bins | None:
        """Add counts up, value by value."""
        bins = results[0]
        for other in results[1:]:
            if bins is None or other is None:
                return None
            bins = bins.add_distinct(other)
            if len(bins.low) > self.most:
                return None
        return bins


def gather_up_to(chunks: Iterator[Chunk], most: int) -> tuple[list[Chunk], Iterator[Chunk]]:
    """Take values until they are more than `most`; return them and the chunks that remain."""
    taken: list[Chunk] = []
    size = 0
    for chunk in chunks:
        for start in range(0, len(chunk.values), GATHERED_AT_ONCE):
            present = drop_nan(slice_chunk(chunk, start, start + GATHERED_AT_ONCE))
            taken.append(present)
            size += len(present.values)
            if size > most:
                rest = slice_chunk(chunk, start + GATHERED_AT_ONCE, len(chunk.values))
                return taken, itertools.chain([rest], chunks)
    return taken, iter(())


def _count_values(chunks: list[Chunk]) -> int:
    return sum(len(chunk.values) for chunk in chunks)
