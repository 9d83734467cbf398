"""Pieces of data, and what a pass over them is.

A pass has an aim: to count, to bin, to copy what is in some windows. What it finds is a *part*,
which is small beside the data, and parts of different data merge into that of all of it, in any
order and any grouping (they hold integers, or extremes, or the values themselves). So an aim does
not care where its pieces come from: `Source.reduced` hands it all pieces here, where the chunks
of each are shared by threads, or those of one block on a worker of a dask client, block by block,
and merges what comes back. An aim is small and travels to workers; so is a part, and it travels
back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np

from fastkm._core import validation
from fastkm._core.threads import map_chunks

Found = TypeVar("Found")

CHUNK_VALUES = 1 << 18
"""Values a chunk, 1 MB of float32: what is picked from them is still in the second-level cache,
and what Python does for a chunk is below a tenth of the time of the kernel."""


class Chunk(NamedTuple):
    """Present values and their weights.

    Attributes
    ----------
    values : (n,) array
        Of the source's dtype, read-only, C-contiguous, aligned, native. Floats without weights
        may hold NaN.
    weights : (n,) float64 array or None
        All above 0 and finite.
    """

    values: np.ndarray
    weights: np.ndarray | None


class Reduction(Protocol[Found]):
    """What a pass is for."""

    def map(self, pieces: Iterator[Chunk], threads: int | None) -> Found:
        """Find it in some pieces, at least one chunk at a time."""

    def merged(self, parts: list[Found]) -> Found:
        """Join what was found in different pieces; neither order nor grouping matters."""


class Reducible(Protocol):
    """Data that can be passed over: a `Source`, or `InMemory` values."""

    def reduce(self, aim: Reduction[Found], threads: int | None) -> Found:
        """Pass over all of it."""


class InMemory(NamedTuple):
    """A piece that is kept in memory."""

    piece: Chunk

    def reduce(self, aim: Reduction[Found], threads: int | None) -> Found:
        """Pass over the piece."""
        return aim.map(iter([self.piece]), threads)


def accumulate(
    pieces: Iterable[Chunk],
    make: Callable[[], Any],
    add: Callable[[Any, Chunk], None],
    threads: int | None,
) -> list[Any]:
    """Add all pieces up in a few tables, one for each thread at work, and give the tables.

    Which values end in which table is a matter of chance, so tables must hold integers.
    """
    idle: list[Any] = []

    def work(piece: Chunk) -> Callable[[int, int], None]:
        def run(start: int, stop: int) -> None:
            try:
                table = idle.pop()
            except IndexError:
                table = make()
            add(table, slice_chunk(piece, start, stop))
            idle.append(table)

        return run

    for piece in pieces:
        size = len(piece.values)
        map_chunks(work(piece), size, CHUNK_VALUES, threads=threads)
    return idle or [make()]


def drop_nan(piece: Chunk) -> Chunk:
    """Leave out NaN."""
    if piece.values.dtype.kind != "f":
        return piece
    present = ~np.isnan(piece.values)
    return piece if present.all() else take(piece, present)


def slice_chunk(piece: Chunk, start: int, stop: int) -> Chunk:
    """Give values start to stop."""
    weights = piece.weights
    return Chunk(piece.values[start:stop], None if weights is None else weights[start:stop])


def take(piece: Chunk, where: np.ndarray) -> Chunk:
    """Give the values at some positions."""
    weights = piece.weights
    return Chunk(
        validation.frozen(piece.values[where]),
        None if weights is None else validation.frozen(weights[where]),
    )


def concatenate(parts: list[Chunk], dtype: np.dtype) -> Chunk:
    """Join pieces."""
    if len(parts) == 1:
        return parts[0]
    values = np.concatenate([piece.values for piece in parts] or [np.empty(0, dtype)])
    heavy = [piece.weights for piece in parts if piece.weights is not None]
    return Chunk(
        validation.frozen(values), validation.frozen(np.concatenate(heavy)) if heavy else None
    )
