"""Chunks of present values, what a pass over them is, and how blocks in memory become chunks.

A pass computes a *reduction*: it counts, sums up in bins, or copies the values in some windows.
The reduction maps chunks to a result, which is small beside the data, and combines the results of
different chunks into that of all of them, in any order and any grouping (results hold integers, or
extremes, or the values themselves). So a reduction need not know where its chunks come from:
`fastkm.cluster.streaming.source.Source.reduce` maps all chunks here, each shared by threads, or
block by block on the workers of a dask client, and combines what comes back. A reduction is small
and travels to workers; its results are small and travel back.

A *block* is what is in memory at one time: an array, one block of a dask array, one item of a
callable's iterable. Two steps lead from a block to chunks:

- a block is cut into *boxes* of at most `BOX_CELLS` cells, in the order of memory, so that what
  must be copied (strided, of another byte order, masked, weighted) is copied in small portions.
  An array that needs no copy is one box, and its chunk is a view of it;
- all chunks have one *format*: the values of packed rasters are the integers that stand in the
  file, which are few and exact; all others are physical numbers in their own type. The first block
  decides. A later block of another format raises `FormatMismatch`: then all blocks can only be
  read as float64 (``uniform=False``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np

from fastkm._core import cf_missing, validation
from fastkm._core.threads import map_chunks, plan_chunks
from fastkm.cluster.streaming.arrays import Box, RawArray, broadcast_weights, load_weights

Result = TypeVar("Result")

CHUNK_VALUES = 1 << 18
"""Values that a thread processes at once, 1 MB of float32: a copy of some of them is still in the
second-level cache, and the Python code for a chunk takes below a tenth of the kernel's time."""

BOX_CELLS = 2**20
"""Cells that are copied at a time: 8 MB of float64, next to which a call costs nothing."""

EXACT_INTEGERS = 2**53
"""Integers up to this magnitude are float64 numbers; beyond it some are not."""

Axes = tuple[int, ...]


class FormatMismatch(Exception):
    """A later block has another type or packing than the first: no error, but a fact to act on."""


class Chunk(NamedTuple):
    """Present values and their weights; floats without weights may hold NaN."""

    values: np.ndarray  # (n,) of the source's dtype, read-only, C-contiguous, aligned, native
    weights: np.ndarray | None  # (n,) float64, all above 0 and finite


class Reduction(Protocol[Result]):
    """What a pass computes."""

    def map(self, chunks: Iterator[Chunk], threads: int | None) -> Result:
        """Compute the result of some chunks."""

    def combine(self, results: list[Result]) -> Result:
        """Combine the results of different chunks; neither order nor grouping matters."""


class Reducible(Protocol):
    """Data that can be reduced: a `Source`, or `InMemory` values."""

    def reduce(self, reduction: Reduction[Result], threads: int | None) -> Result:
        """Compute a reduction of all values."""


class InMemory(NamedTuple):
    """Values that are kept in memory."""

    chunk: Chunk

    def reduce(self, reduction: Reduction[Result], threads: int | None) -> Result:
        """Compute a reduction of all values."""
        return reduction.map(iter([self.chunk]), threads)


def accumulate(
    chunks: Iterable[Chunk],
    make: Callable[[], Any],
    add: Callable[[Any, Chunk], None],
    threads: int | None,
) -> list[Any]:
    """Add all chunks up in tables, one for each thread at work, and return the tables.

    Which values end in which table is a matter of chance, so tables must hold integers.
    """
    idle: list[Any] = []

    def share(chunk: Chunk) -> Callable[[int, int], None]:
        def run(start: int, stop: int) -> None:
            try:
                table = idle.pop()
            except IndexError:
                table = make()
            add(table, slice_chunk(chunk, start, stop))
            idle.append(table)

        return run

    for chunk in chunks:
        map_chunks(share(chunk), len(chunk.values), CHUNK_VALUES, threads=threads)
    return idle or [make()]


def drop_nan(chunk: Chunk) -> Chunk:
    """Leave out NaN."""
    if chunk.values.dtype.kind != "f":
        return chunk
    present = ~np.isnan(chunk.values)
    return chunk if present.all() else _select(chunk, present)


def slice_chunk(chunk: Chunk, start: int, stop: int) -> Chunk:
    """Return the values `start` to `stop`, the last one excluded, as views."""
    weights = chunk.weights
    return Chunk(chunk.values[start:stop], None if weights is None else weights[start:stop])


def concatenate(chunks: list[Chunk], dtype: np.dtype) -> Chunk:
    """Join chunks into one; `dtype` is that of no values at all."""
    if len(chunks) == 1:
        return chunks[0]
    values = np.concatenate([chunk.values for chunk in chunks] or [np.empty(0, dtype)])
    weights = [chunk.weights for chunk in chunks if chunk.weights is not None]
    joined = validation.freeze(np.concatenate(weights)) if weights else None
    return Chunk(validation.freeze(values), joined)


def _select(chunk: Chunk, keep: np.ndarray) -> Chunk:
    """Return a copy of the values that are to be kept."""
    values, weights = chunk
    kept = None if weights is None else validation.freeze(weights[keep])
    return Chunk(validation.freeze(values[keep]), kept)


class Block(NamedTuple):
    """Cells in memory, weights to broadcast over them, and how the address of a cell begins."""

    cells: RawArray
    weights: RawArray | None
    where: str


class BoxCells(NamedTuple):
    """The cells of one box, flat: all of them, which to keep (None: all), and where they are."""

    chunk: Chunk
    keep: np.ndarray | None
    locate: Callable[[np.ndarray], str]


class ChunkFormat(NamedTuple):
    """What all chunks have in common."""

    dtype: np.dtype  # of the values
    packing: tuple[float, float] | None  # scale and offset, if chunks hold packed integers
    weighted: bool  # whether chunks have weights
    uniform: bool  # whether blocks are of one type and packing; otherwise values become float64

    @classmethod
    def of(cls, block: Block, *, uniform: bool) -> ChunkFormat:
        """Choose the format that suits a block."""
        return cls(*_choose_type(block.cells, uniform=uniform), block.weights is not None, uniform)


class ChunkReader:
    """Turns blocks into chunks, and counts values returned and cells read.

    `stale` are rules of computed blocks that do not hold, `stale_missing` the cells to which they
    would apply.
    """

    def __init__(self, chunk_format: ChunkFormat, *, counts_stale: bool = True) -> None:
        self.format, self.counts_stale = chunk_format, counts_stale
        self.values = self.cells = self.stale_missing = 0
        self.stale: dict[Any, Any] = {}

    def read(self, blocks: Iterable[Block]) -> Iterator[Chunk]:
        """Yield the present values of some blocks."""
        for block in blocks:
            self.cells += block.cells.values.size
            if self.counts_stale:
                self._count_stale(block.cells)
            view = self.view_block(block)
            for chunk in map(_drop_missing, self._read_boxes(block)) if view is None else [view]:
                self.values += len(chunk.values)
                if len(chunk.values):
                    yield chunk

    def _count_stale(self, cells: RawArray) -> None:
        if cells.stale:
            self.stale |= cells.stale
            boxes = map(cells.select, _cut_into_boxes(cells))
            self.stale_missing += sum(box.count_stale_missing() for box in boxes)

    def find_infinity(self, blocks: Iterable[Block]) -> str | None:
        """Return the address of the first infinity that is not missing, in the order of memory."""
        for block in blocks:
            for box in self._read_boxes(block):
                infinite = np.isinf(box.chunk.values) & (True if box.keep is None else box.keep)
                if infinite.any():
                    return box.locate(infinite)
        return None

    def view_block(self, block: Block) -> Chunk | None:
        """Return a block as a view of what is in memory; None if it must be copied."""
        cells, axes = block.cells, _order_axes(block.cells.values)
        flags = cells.values.transpose(axes).flags
        bare = cells.mask is None and block.weights is None and not cf_missing.has_rules(cells)
        plain = self.format.packing is None and not self.format.weighted
        alike = plain and cells.values.dtype == self.format.dtype
        if bare and alike and flags.c_contiguous and flags.aligned:
            return Chunk(_flatten(cells.values, axes), None)
        return None

    def _read_boxes(self, block: Block) -> Iterator[BoxCells]:
        if (block.weights is not None) != self.format.weighted:
            raise ValueError("values must give all chunks with weights, or none")
        for box in _cut_into_boxes(block.cells):
            yield self._read_box(block, box)

    def _read_box(self, block: Block, box: Box) -> BoxCells:
        axes, cells = _order_axes(block.cells.values), block.cells.select(box)

        def locate(found: np.ndarray) -> str:
            first = np.unravel_index(int(np.argmax(found)), [cells.shape[axis] for axis in axes])
            steps = dict(zip(axes, first, strict=True))
            return f"{block.where}cell {tuple(c.start + int(steps[i]) for i, c in enumerate(box))}"

        # values in the common format, and which of them are present
        missing = cells.find_missing(packed=self.format.packing is not None)
        values = _flatten(self._convert(cells, missing), axes, self.format.dtype)
        keep = None if missing is None else ~_flatten(missing, axes)
        if block.weights is None:
            return BoxCells(Chunk(values, None), keep, locate)
        # weights of the same cells; values of weight 0 are left out
        present = ~np.isnan(values) & (True if keep is None else keep)
        spread_out = broadcast_weights(load_weights(block.weights, box), cells.shape)
        weights = _flatten(spread_out, axes, np.dtype(np.float64))
        wrong = present & ~((weights >= 0) & (weights < np.inf))  # NaN is wrong too
        if wrong.any():
            got = f"{weights[np.argmax(wrong)]} in {locate(wrong)}"
            raise ValueError(f"weights must be finite and not negative, got {got}")
        return BoxCells(Chunk(values, weights), present & (weights > 0), locate)

    def _convert(self, cells: RawArray, missing: np.ndarray | None) -> np.ndarray:
        """Return the numbers of some cells in the common format."""
        if not self.format.uniform:
            return _as_float64(cf_missing.to_physical(cells), missing)
        if self.format.packing is None:
            numbers = cf_missing.to_physical(cells)
            if numbers.dtype.newbyteorder("=") != self.format.dtype:
                raise FormatMismatch
            return numbers
        stored = cf_missing.to_stored(cells, missing)
        packing = (self.format.dtype, *self.format.packing)
        if stored is None or cf_missing.read_packing(cells) != packing:
            raise FormatMismatch
        return stored


def _choose_type(cells: RawArray, *, uniform: bool) -> tuple[np.dtype, tuple[float, float] | None]:
    """Choose the type of the numbers, and the packing if they are packed."""
    if not uniform:
        return np.dtype(np.float64), None
    # all present cells must be packed as they stand in the file
    packing = cf_missing.read_packing(cells)
    boxes = map(cells.select, _cut_into_boxes(cells))
    if packing and all(
        cf_missing.to_stored(box, box.find_missing(packed=True)) is not None for box in boxes
    ):
        return packing.dtype, (packing.scale, packing.offset)
    none = RawArray(np.empty(0, cells.values.dtype), None, cells.attrs, cells.encoding)
    return cf_missing.to_physical(none).dtype.newbyteorder("="), None


def _as_float64(numbers: np.ndarray, missing: np.ndarray | None) -> np.ndarray:
    """Convert numbers; raise if a present integer would change."""
    if numbers.dtype.kind in "iu" and numbers.dtype.itemsize == 8:
        present = numbers if missing is None else numbers[~missing]
        extreme = max(abs(int(present.min(initial=0))), int(present.max(initial=0)))
        if extreme > EXACT_INTEGERS:
            raise ValueError(
                f"values of several types must lie within 2^53, as float64 must hold them all, "
                f"got {extreme}"
            )
    return numbers.astype(np.float64)


def _drop_missing(box: BoxCells) -> Chunk:
    """Return the values of a box that are present."""
    return box.chunk if box.keep is None or box.keep.all() else _select(box.chunk, box.keep)


def _cut_into_boxes(cells: RawArray) -> Iterator[Box]:
    """Cut cells in memory into boxes of at most `BOX_CELLS`."""
    whole = tuple(slice(0, length) for length in cells.shape)
    return _cut_box(whole, _order_axes(cells.values))


def _cut_box(box: Box, axes: Axes) -> Iterator[Box]:
    """Cut a box along the first axis, and along the next if a single step is still too big."""
    lengths = [cut.stop - cut.start for cut in box]
    cells = math.prod(lengths)
    if cells <= BOX_CELLS:
        yield box
        return
    axis, *inner = axes
    for start, stop in plan_chunks(lengths[axis], max(1, BOX_CELLS * lengths[axis] // cells)):
        yield from _cut_box((*box[:axis], slice(start, stop), *box[axis + 1 :]), tuple(inner))


def _order_axes(array: np.ndarray) -> Axes:
    """Order the axes by their strides, the longest first: Fortran order is no worse than C."""
    return tuple(sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis])))


def _flatten(array: np.ndarray, axes: Axes, dtype: np.dtype | None = None) -> np.ndarray:
    """Flatten an array in the order of axes, as one contiguous, native, read-only row."""
    return validation.freeze(np.asarray(array).transpose(axes), dtype).reshape(-1)
