"""One pass after another over whatever values come: arrays, rasters, dask, chunks of an archive.

The solver of one dimension reads its values a few times and never needs them all at once. A
`Source` gives them piece by piece as often as asked, present cells only, flat, as one type, each
with its weight. Three steps lead there:

- *blocks*: what is in memory at one time, which is a whole array, one block of a dask array, or
  one chunk of those that a callable gives (and gives again in each pass);
- *boxes*: parts of a block of at most `PIECE_CELLS` cells, in the order of memory, so that what
  must be copied (strided, of another byte order, masked, weighted) is copied in small portions.
  An array that needs no copy is one box, and its piece is a view of it;
- *form*: packed rasters give the integers that stand in the file, which are few and exact; all
  else gives physical numbers in their own type. The first block decides, and a later one that
  is of another form raises `Differs`: then only float64 is common to all (``uniform=False``).
"""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from fastkm import _check, _missing
from fastkm._parallel import chunks
from fastkm.cluster.cells import (
    Box,
    Cells,
    beneath,
    cells_of,
    is_lazy,
    require_fit,
    spread,
    weights_over,
)

PIECE_CELLS = 2**20
"""Cells that are copied at a time: 8 MB of float64, next to which a call costs nothing."""

EXACT_INTEGERS = 2**53
"""Integers up to this magnitude are float64 numbers; beyond it some are not."""

Axes = tuple[int, ...]


class Differs(Exception):
    """A later block has another type or packing than the first: no error, but a fact to act on."""


class Piece(NamedTuple):
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


class Block(NamedTuple):
    """Cells in memory, the weights to spread over them, and how the address of a cell begins."""

    cells: Cells
    weights: Cells | None
    where: str


class Part(NamedTuple):
    """The cells of one box, flat: all of them, those to keep (None: all), and where one is."""

    values: np.ndarray
    weights: np.ndarray | None
    keep: np.ndarray | None
    address: Callable[[np.ndarray], str]


class Source:
    """Values of any kind, to be read in several passes.

    Parameters
    ----------
    values : array-like, DataArray, dask array or callable
        A callable takes no argument and returns an iterable of chunks, each of one of the
        former kinds, or of (chunk, weights) pairs.
    weights : array-like, optional
        Broadcastable to `values`; where both are DataArrays, by the names of dimensions.
    uniform : bool, default: True
        All blocks are of one type and packing. Otherwise everything is given as float64.

    Attributes
    ----------
    dtype : numpy.dtype
        Of the values of all pieces.
    packing : (float, float) or None
        Scale and offset, where pieces hold packed integers.
    weighted : bool
        Whether pieces have weights.
    passes : int
        Passes begun so far.

    Raises
    ------
    TypeError
        If `values` or `weights` does not hold real numbers, or a callable needs arguments or
        returns what is not iterable.
    ValueError
        If weights do not fit, or come beside a callable.

    Examples
    --------
    >>> source = Source([[1, 2], [3, 4]], weights=[[1.0], [0.5]])
    >>> [piece.weights.tolist() for piece in source.pieces()]
    [[1.0, 1.0, 0.5, 0.5]]
    """

    def __init__(self, values: Any, weights: Any = None, *, uniform: bool = True) -> None:
        self._uniform = uniform
        self._open = _opener(values, weights, again=not uniform)
        blocks = self._open()
        first = next(blocks, Block(Cells(np.empty(0)), None, ""))
        self._opened: Iterator[Block] | None = itertools.chain([first], blocks)
        self.weighted = first.weights is not None
        self.dtype, self.packing = _form(first.cells, uniform=uniform)
        self.passes = 0
        self._first_pass: tuple[int, int, int] | None = None

    def pieces(self) -> Iterator[Piece]:
        """Begin a pass.

        Raises
        ------
        Differs
            If a block has another type or packing than the first.
        ValueError
            If a weight is negative or not finite, only some chunks have weights, or this pass
            gives another number of values than the first did.
        """
        self.passes += 1
        return self._pass(self.passes)

    def locate_infinite(self) -> str:
        """Say where the first infinity is that is not missing, in the order of memory."""
        for part in itertools.chain.from_iterable(map(self._small_parts, self._open())):
            found = np.isinf(part.values) & (True if part.keep is None else part.keep)
            if found.any():
                return part.address(found)
        return "a cell"  # of a callable that gives its values only once

    def _pass(self, number: int) -> Iterator[Piece]:
        blocks, self._opened = self._opened or self._open(), None
        values = cells = 0
        for block in blocks:
            cells += block.cells.values.size
            whole = self._whole(block)
            for piece in map(_piece, self._small_parts(block)) if whole is None else [whole]:
                values += len(piece.values)
                if len(piece.values):
                    yield piece
        self._compare(number, values, cells)

    def _compare(self, number: int, values: int, cells: int) -> None:
        """Raise if a pass gave another number of values or cells than the first complete one."""
        self._first_pass = self._first_pass or (number, values, cells)
        first, first_values, first_cells = self._first_pass
        for name, before, now in [("values", first_values, values), ("cells", first_cells, cells)]:
            if before != now:
                raise ValueError(
                    f"values must give the same chunks in every pass: {before:,} {name} in pass "
                    f"{first}, {now:,} in pass {number}"
                )

    def _whole(self, block: Block) -> Piece | None:
        """Give a block as a view of what is in memory, where it may be one."""
        cells, axes = block.cells, _memory_order(block.cells.values)
        flags = cells.values.transpose(axes).flags
        bare = cells.mask is None and block.weights is None and not _missing.has_rules(cells)
        alike = self.packing is None and not self.weighted and cells.values.dtype == self.dtype
        if bare and alike and flags.c_contiguous and flags.aligned:
            return Piece(_flat(cells.values, axes), None)
        return None

    def _small_parts(self, block: Block) -> Iterator[Part]:
        if (block.weights is not None) != self.weighted:
            raise ValueError("values must give all chunks with weights, or none")
        for box in _boxes(block.cells):
            yield self._part(block, box)

    def _part(self, block: Block, box: Box) -> Part:
        axes, cells = _memory_order(block.cells.values), block.cells.part(box)

        def address(found: np.ndarray) -> str:
            first = np.unravel_index(int(np.argmax(found)), [cells.shape[axis] for axis in axes])
            steps = dict(zip(axes, first, strict=True))
            return f"{block.where}cell {tuple(c.start + int(steps[i]) for i, c in enumerate(box))}"

        missing = cells.missing(packed=self.packing is not None)
        values = _flat(self._numbers(cells, missing), axes, self.dtype)
        keep = None if missing is None else ~_flat(missing, axes)
        if block.weights is None:
            return Part(values, None, keep, address)
        present = ~np.isnan(values) & (True if keep is None else keep)
        spread_out = spread(beneath(block.weights, box), cells.shape)
        weights = _flat(spread_out, axes, np.dtype(np.float64))
        wrong = present & ~((weights >= 0) & (weights < np.inf))  # NaN is wrong too
        if wrong.any():
            got = f"{weights[np.argmax(wrong)]} in {address(wrong)}"
            raise ValueError(f"weights must be finite and not negative, got {got}")
        return Part(values, weights, present & (weights > 0), address)

    def _numbers(self, cells: Cells, missing: np.ndarray | None) -> np.ndarray:
        """Give the numbers of some cells in the form of this source."""
        if not self._uniform:
            return _as_float64(_missing.physical(cells), missing)
        if self.packing is None:
            numbers = _missing.physical(cells)
            if numbers.dtype.newbyteorder("=") != self.dtype:
                raise Differs
            return numbers
        stored = _missing.stored(cells, missing)
        if stored is None or _missing.packing(cells) != (self.dtype, *self.packing):
            raise Differs
        return stored


def _opener(values: Any, weights: Any, *, again: bool) -> Callable[[], Iterator[Block]]:
    """Give the function that begins with the first block each time that it is called."""
    if not callable(values):
        cells = cells_of(values, "values")
        over = None if weights is None else weights_over(weights, cells)
        return lambda: _blocks(cells, over, "")
    if weights is not None:
        raise ValueError(
            "weights must not be given beside a callable: let values yield (chunk, weights) pairs"
        )
    # An iterator that was begun before would go on in the middle; all others begin anew.
    if again and iter(given := _called(values)) is given and _called(values) is given:
        raise ValueError("values must give the same chunks in every pass, got one iterator twice")
    return lambda: _blocks_of_chunks(_called(values))


def _called(values: Callable[[], Any]) -> Iterable[Any]:
    """Call for chunks; an array is one chunk, not as many as it has rows."""
    try:
        inspect.signature(values).bind()
    except TypeError as error:
        raise TypeError(f"values must be callable without arguments: {error}") from None
    except ValueError:  # some built-in functions do not tell their arguments
        pass
    given = values()
    if hasattr(given, "dtype"):
        return [given]
    if not hasattr(given, "__iter__"):
        got = type(given).__name__
        raise TypeError(f"values must return an iterable of chunks when called, got {got}")
    return given


def _blocks_of_chunks(given: Iterable[Any]) -> Iterator[Block]:
    for number, chunk in enumerate(given):
        pair = isinstance(chunk, tuple) and len(chunk) == 2
        values, weights = chunk if pair else (chunk, None)
        cells = cells_of(values, "values")
        over = None if weights is None else weights_over(weights, cells)
        yield from _blocks(cells, over, f"chunk {number}, ")


def _blocks(cells: Cells, weights: Cells | None, where: str) -> Iterator[Block]:
    """Load cells block by block. The lengths of blocks need not be known before."""
    if not is_lazy(cells.values):
        yield Block(cells, weights, where)
        return
    ends = [[0] for _ in cells.shape]  # of the blocks met so far, along each axis
    for number, index in enumerate(np.ndindex(*cells.values.numblocks)):
        block = cells.block(index).loaded()
        for end, at, length in zip(ends, index, block.shape, strict=True):
            if len(end) == at + 1:
                end.append(end[at] + length)
        box = tuple(slice(end[at], end[at + 1]) for end, at in zip(ends, index, strict=True))
        over = None if weights is None else beneath(weights, box, index)
        if over is not None:
            require_fit(over.shape, block.shape)
        yield Block(block, over, f"{where}chunk {number}, ")
    if weights is not None:
        require_fit(weights.shape, tuple(end[-1] for end in ends))


def _form(cells: Cells, *, uniform: bool) -> tuple[np.dtype, tuple[float, float] | None]:
    """Choose the type to give numbers in, and the packing where they are packed."""
    if not uniform:
        return np.dtype(np.float64), None
    how = _missing.packing(cells)
    parts = map(cells.part, _boxes(cells))
    if how and all(_missing.stored(p, p.missing(packed=True)) is not None for p in parts):
        return how.dtype, (how.scale, how.offset)
    none = Cells(np.empty(0, cells.values.dtype), None, cells.attrs, cells.encoding)
    return _missing.physical(none).dtype.newbyteorder("="), None


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


def _piece(part: Part) -> Piece:
    """Leave out what is not to be kept."""
    if part.keep is None or part.keep.all():
        return Piece(part.values, part.weights)
    weights = None if part.weights is None else _check.frozen(part.weights[part.keep])
    return Piece(_check.frozen(part.values[part.keep]), weights)


def _boxes(cells: Cells) -> Iterator[Box]:
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
    return _check.frozen(np.asarray(array).transpose(axes), dtype).reshape(-1)
