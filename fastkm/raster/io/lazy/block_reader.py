"""Blocks of a file as dask arrays: each is read when it is computed, and kept if it fits.

A block that was read is kept in this process, as it is stored, as long as all kept blocks fit into
the limit of memory; the others are read again in each pass. Blocks that are kept are never dropped
for others: passes go through all of them in one order, in which the block that was used last is the
one that is needed last. On a worker nothing is kept, and neither is what is read for the last time
(`read_last`).

Before and after each read the file is compared with what it was when it was opened.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import uuid4

import numpy as np

from fastkm._core.blocks.read_ahead import BlockGraph, iterate_graphs
from fastkm._core.memory import parse_memory
from fastkm.raster.io.lazy.block_plan import Index, cut_positions
from fastkm.raster.io.stamps import CHANGED, Stamp, read_stamp

RESERVE = 340 << 20
"""Bytes of the limit that are left for work on blocks, but at most three quarters of it."""


_IS_LAST = ContextVar("is_last", default=False)


@contextmanager
def read_last() -> Iterator[None]:
    """Keep no more blocks within a ``with`` block: those that are read there are read for the last time."""
    token = _IS_LAST.set(True)
    try:
        yield
    finally:
        _IS_LAST.reset(token)


class Source(Protocol):
    """What reads parts of a raster of a file: (bands, rows, columns), or (rows, columns)."""

    @property
    def path(self) -> str:
        """Name of the file."""

    @property
    def dtype(self) -> np.dtype:
        """Type of the numbers, of native byte order."""

    def read(self, rows: Index, columns: Index) -> np.ndarray:
        """Read all bands of some rows and columns of the file; raise OSError if this fails."""


class KeptBlocks:
    """Blocks that are kept in this process as long as they fit into a limit of bytes.

    A copy on a worker keeps nothing.
    """

    def __init__(self, limit: int) -> None:
        self._left = limit
        self._blocks: dict[Hashable, np.ndarray] = {}
        self._lock = threading.Lock()

    @classmethod
    def within(cls, memory: int | str | None, used: int = 0) -> KeptBlocks:
        """Return an empty store for a limit of memory of the process; see `parse_memory`.

        Bytes that are `used` for something else are left out.
        """
        limit = parse_memory(memory)
        return cls(limit - min(3 * limit // 4, RESERVE) - used)

    def get(self, key: Hashable) -> np.ndarray | None:
        """Return a block; None if it is not kept."""
        return self._blocks.get(key)

    def keep(self, key: Hashable, block: np.ndarray) -> None:
        """Keep a block if it fits."""
        with self._lock:
            if key not in self._blocks and block.nbytes <= self._left and not _IS_LAST.get():
                self._blocks[key] = block
                self._left -= block.nbytes

    def __reduce__(self) -> tuple[Any, ...]:
        return KeptBlocks, (0,)


@dataclass(frozen=True, eq=False)
class BlockReader:
    """Reads blocks of a source, or returns those that are kept.

    `name` is the one under which blocks are kept; `arrays` are those of a Zarr store that count for
    the stamp.
    """

    source: Source
    stamp: Stamp
    arrays: tuple[str, ...]
    name: str
    kept: KeptBlocks

    def read(self, number: tuple[int, int], rows: Index, columns: Index) -> np.ndarray:
        """Return the block of this number, which has these rows and columns.

        Raises
        ------
        OSError
            If the file cannot be read, or is no longer what it was.
        """
        key = (self.name, *number)
        block = self.kept.get(key)
        if block is None:
            self._require_unchanged()
            try:
                read = self.source.read(rows, columns)
            finally:  # a file that has changed cannot be read, perhaps
                self._require_unchanged()
            block = np.ascontiguousarray(read, self.source.dtype)
            self.kept.keep(key, block)
        return block

    def _require_unchanged(self) -> None:
        """Raise an OSError if the file is no longer what it was."""
        if read_stamp(self.source.path, self.arrays) != self.stamp:
            raise OSError(f"{self.source.path} {CHANGED}")


def make_dask_array(
    reader: BlockReader,
    bands: int | None,
    rows: np.ndarray,
    columns: np.ndarray,
    shape: tuple[int, int],
) -> Any:
    """Make a dask array (bands, rows, columns), or (rows, columns), of blocks of a file.

    `rows` and `columns` are positions in the file, `shape` is that of blocks.
    """
    from dask.array import Array

    row_lengths, row_parts = cut_positions(rows, shape[0])
    column_lengths, column_parts = cut_positions(columns, shape[1])
    front = () if bands is None else (0,)
    graph = {
        (reader.name, *front, i, j): (_read, reader, (i, j), own_rows, own_columns)
        for i, own_rows in enumerate(row_parts)
        for j, own_columns in enumerate(column_parts)
    }
    chunks = (row_lengths, column_lengths)
    return Array(
        graph,
        reader.name,
        chunks if bands is None else ((bands,), *chunks),
        dtype=reader.source.dtype,
        meta=np.empty((0,) * (2 + len(front)), reader.source.dtype),
    )


def keep_computed(array: Any, kept: KeptBlocks) -> Any:
    """Return a dask array (rows, columns) whose blocks are kept, once computed, if they fit."""
    from dask.array import Array

    name = f"kept-{uuid4().hex}"
    graphs = zip(np.ndindex(*array.numblocks), iterate_graphs([array]), strict=True)
    graph = {
        (name, *number): (_compute, kept, name, number, _Embedded(block))
        for number, block in graphs
    }
    return Array(graph, name, array.chunks, dtype=array.dtype)


class _Embedded:
    """The graph of a block, in which dask does not search for tasks."""

    def __init__(self, graph: BlockGraph) -> None:
        self.graph = graph


def _compute(
    kept: KeptBlocks, name: str, number: tuple[int, ...], embedded: _Embedded
) -> np.ndarray:
    """Return a block that is kept, or compute it."""
    from dask.local import get_sync

    key = (name, *number)
    block = kept.get(key)
    if block is None:
        tasks, [own] = embedded.graph
        block = np.asarray(get_sync(tasks, own))
        kept.keep(key, block)
    return block


def _read(reader: BlockReader, number: tuple[int, int], rows: Index, columns: Index) -> np.ndarray:
    return reader.read(number, rows, columns)
