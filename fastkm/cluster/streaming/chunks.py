"""From blocks in memory to pieces: what is missing is left out, all else becomes one type.

A *block* is what is in memory at one time: an array, one block of a dask array, one chunk of a
callable. Two steps lead from it to pieces:

- *boxes*: parts of a block of at most `PIECE_CELLS` cells, in the order of memory, so that what
  must be copied (strided, of another byte order, masked, weighted) is copied in small portions.
  An array that needs no copy is one box, and its piece is a view of it;
- *form*: packed rasters give the integers that stand in the file, which are few and exact; all
  else gives physical numbers in their own type. The first block decides, and a later one that
  is of another form raises `FormatMismatch`: then only float64 is common to all (``uniform=False``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np

from fastkm._core import cf_missing, validation
from fastkm._core.threads import chunks
from fastkm.cluster.streaming.arrays import Box, RawArray, broadcast_weights, weights_of_block
from fastkm.cluster.streaming.pieces import Chunk

PIECE_CELLS = 2**20
"""Cells that are copied at a time: 8 MB of float64, next to which a call costs nothing."""

EXACT_INTEGERS = 2**53
"""Integers up to this magnitude are float64 numbers; beyond it some are not."""

Axes = tuple[int, ...]


class FormatMismatch(Exception):
    """A later block has another type or packing than the first: no error, but a fact to act on."""


class Block(NamedTuple):
    """Cells in memory, the weights to spread over them, and how the address of a cell begins."""

    cells: RawArray
    weights: RawArray | None
    where: str


class Part(NamedTuple):
    """The cells of one box, flat: all of them, those to keep (None: all), and where one is."""

    values: np.ndarray
    weights: np.ndarray | None
    keep: np.ndarray | None
    address: Callable[[np.ndarray], str]


class ChunkFormat(NamedTuple):
    """What all pieces have in common.

    Attributes
    ----------
    dtype : numpy.dtype
        Of the values.
    packing : (float, float) or None
        Scale and offset, where pieces hold packed integers.
    weighted : bool
        Whether pieces have weights.
    uniform : bool
        Whether all blocks are of one type and packing. Otherwise everything is given as float64.
    """

    dtype: np.dtype
    packing: tuple[float, float] | None
    weighted: bool
    uniform: bool

    @classmethod
    def of(cls, block: Block, *, uniform: bool) -> ChunkFormat:
        """Choose the form that suits a block."""
        return cls(*_type(block.cells, uniform=uniform), block.weights is not None, uniform)


class ChunkReader:
    """Turns blocks into pieces, and counts.

    Attributes
    ----------
    values, cells : int
        Given and met so far.
    """

    def __init__(self, form: ChunkFormat) -> None:
        self.form = form
        self.values = self.cells = 0

    def chunks(self, blocks: Iterable[Block]) -> Iterator[Chunk]:
        """Give the present values of some blocks."""
        for block in blocks:
            self.cells += block.cells.values.size
            whole = self._whole(block)
            for piece in map(_piece, self._parts(block)) if whole is None else [whole]:
                self.values += len(piece.values)
                if len(piece.values):
                    yield piece

    def infinite(self, blocks: Iterable[Block]) -> str | None:
        """Say where the first infinity is that is not missing, in the order of memory."""
        for block in blocks:
            for part in self._parts(block):
                found = np.isinf(part.values) & (True if part.keep is None else part.keep)
                if found.any():
                    return part.address(found)
        return None

    def _whole(self, block: Block) -> Chunk | None:
        """Give a block as a view of what is in memory, where it may be one."""
        cells, axes = block.cells, _memory_order(block.cells.values)
        flags = cells.values.transpose(axes).flags
        bare = cells.mask is None and block.weights is None and not cf_missing.has_rules(cells)
        alike = (
            self.form.packing is None
            and not self.form.weighted
            and cells.values.dtype == self.form.dtype
        )
        if bare and alike and flags.c_contiguous and flags.aligned:
            return Chunk(_flat(cells.values, axes), None)
        return None

    def _parts(self, block: Block) -> Iterator[Part]:
        if (block.weights is not None) != self.form.weighted:
            raise ValueError("values must give all chunks with weights, or none")
        for box in _boxes(block.cells):
            yield self._part(block, box)

    def _part(self, block: Block, box: Box) -> Part:
        axes, cells = _memory_order(block.cells.values), block.cells.part(box)

        def address(found: np.ndarray) -> str:
            first = np.unravel_index(int(np.argmax(found)), [cells.shape[axis] for axis in axes])
            steps = dict(zip(axes, first, strict=True))
            return f"{block.where}cell {tuple(c.start + int(steps[i]) for i, c in enumerate(box))}"

        missing = cells.missing(packed=self.form.packing is not None)
        values = _flat(self._numbers(cells, missing), axes, self.form.dtype)
        keep = None if missing is None else ~_flat(missing, axes)
        if block.weights is None:
            return Part(values, None, keep, address)
        present = ~np.isnan(values) & (True if keep is None else keep)
        spread_out = broadcast_weights(weights_of_block(block.weights, box), cells.shape)
        weights = _flat(spread_out, axes, np.dtype(np.float64))
        wrong = present & ~((weights >= 0) & (weights < np.inf))  # NaN is wrong too
        if wrong.any():
            got = f"{weights[np.argmax(wrong)]} in {address(wrong)}"
            raise ValueError(f"weights must be finite and not negative, got {got}")
        return Part(values, weights, present & (weights > 0), address)

    def _numbers(self, cells: RawArray, missing: np.ndarray | None) -> np.ndarray:
        """Give the numbers of some cells in the form of this source."""
        if not self.form.uniform:
            return _as_float64(cf_missing.physical(cells), missing)
        if self.form.packing is None:
            numbers = cf_missing.physical(cells)
            if numbers.dtype.newbyteorder("=") != self.form.dtype:
                raise FormatMismatch
            return numbers
        stored = cf_missing.stored(cells, missing)
        if stored is None or cf_missing.packing(cells) != (self.form.dtype, *self.form.packing):
            raise FormatMismatch
        return stored


def _type(cells: RawArray, *, uniform: bool) -> tuple[np.dtype, tuple[float, float] | None]:
    """Choose the type to give numbers in, and the packing where they are packed."""
    if not uniform:
        return np.dtype(np.float64), None
    how = cf_missing.packing(cells)
    parts = map(cells.part, _boxes(cells))
    if how and all(cf_missing.stored(p, p.missing(packed=True)) is not None for p in parts):
        return how.dtype, (how.scale, how.offset)
    none = RawArray(np.empty(0, cells.values.dtype), None, cells.attrs, cells.encoding)
    return cf_missing.physical(none).dtype.newbyteorder("="), None


def _as_float64(numbers: np.ndarray, missing: np.ndarray | None) -> np.ndarray:
    """Convert numbers; present integers that might change are an error."""
    if numbers.dtype.kind in "iu" and numbers.dtype.itemsize == 8:
        present = numbers if missing is None else numbers[~missing]
        extreme = max(
            (abs(int(end(present))) for end in (np.min, np.max) if present.size), default=0
        )
        if extreme > EXACT_INTEGERS:
            raise ValueError(
                f"values of several types must lie within 2^53, as float64 must hold them all, "
                f"got {extreme}"
            )
    return numbers.astype(np.float64)


def _piece(part: Part) -> Chunk:
    """Leave out what is not to be kept."""
    if part.keep is None or part.keep.all():
        return Chunk(part.values, part.weights)
    weights = None if part.weights is None else validation.frozen(part.weights[part.keep])
    return Chunk(validation.frozen(part.values[part.keep]), weights)


def _boxes(cells: RawArray) -> Iterator[Box]:
    """Cut cells in memory into boxes of at most `PIECE_CELLS`."""
    whole = tuple(slice(0, length) for length in cells.shape)
    return _cut(whole, _memory_order(cells.values))


def _cut(box: Box, axes: Axes) -> Iterator[Box]:
    """Cut a box along the first axis, and along the next where a single step is still too big."""
    lengths = [cut.stop - cut.start for cut in box]
    cells = math.prod(lengths)
    if cells <= PIECE_CELLS:
        yield box
        return
    axis, *inner = axes
    for start, stop in chunks(lengths[axis], max(1, PIECE_CELLS * lengths[axis] // cells)):
        yield from _cut((*box[:axis], slice(start, stop), *box[axis + 1 :]), tuple(inner))


def _memory_order(array: np.ndarray) -> Axes:
    """Order the axes by their strides, the longest first: Fortran order is no worse than C."""
    return tuple(sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis])))


def _flat(array: np.ndarray, axes: Axes, dtype: np.dtype | None = None) -> np.ndarray:
    """Flatten an array in the order of axes, as one contiguous, native, read-only row."""
    return validation.frozen(np.asarray(array).transpose(axes), dtype).reshape(-1)
