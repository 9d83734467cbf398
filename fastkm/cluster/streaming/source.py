"""One pass after another over whatever values come: arrays, rasters, dask, chunks of an archive.

The solver of one dimension reads its values a few times and never needs them all at once. A
`Source` passes over them as often as asked, block by block: a whole array, one block of a dask
array, or one chunk of those that a callable gives (and gives again in each pass). What becomes of
a block is told in `fastkm.cluster.streaming.chunks`, what a pass is in `fastkm.cluster.streaming.pieces`.

A pass reads the blocks here, one after another, each with all threads; or, where the values are a
dask array and there is a client, on its workers, a block a task. Then no value comes here but
those that the pass is for, and none goes there but the weights beneath a block.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core import dask_blocks
from fastkm.cluster.streaming.arrays import (
    RawArray,
    align_weights,
    as_raw_array,
    is_lazy,
    require_fit,
    weights_of_block,
)
from fastkm.cluster.streaming.chunks import Block, ChunkFormat, ChunkReader
from fastkm.cluster.streaming.dask_source import (
    Arguments,
    DetectFormat,
    LazyBlocks,
    Loader,
    LocateInfinity,
    ReduceBlock,
    take_first,
)

if TYPE_CHECKING:
    from fastkm.cluster.streaming.pieces import Chunk, Found, Reduction


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
    form : Form
        All three of these.
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
        self._first_pass: tuple[int, int, int] | None = None
        self.passes = 0
        self._opened: Iterator[Block] | None = None
        self._open, self._lazy = _opener(values, weights, again=not uniform)
        if self._distant():
            [arguments, *_] = self._arguments
            forming = DetectFormat(self._loader, uniform)
            with _unwatched():
                self.form = dask_blocks.reduce_blocks(forming, [arguments], lambda forms: forms[0])
        else:
            blocks = self._open()
            first = next(blocks, Block(RawArray(np.empty(0)), None, ""))
            self._opened = itertools.chain([first], blocks)
            self.form = ChunkFormat.of(first, uniform=uniform)
        self.dtype, self.packing, self.weighted, _ = self.form

    @property
    def lazy(self) -> int:
        """Number of blocks where the values are a dask array of known lengths, otherwise 0."""
        return 0 if self._lazy is None else len(self._lazy)

    def reduce(self, aim: Reduction[Found], threads: int | None = None) -> Found:
        """Pass over all values: here, or on the workers of a client.

        Parameters
        ----------
        aim : Aim
            What the pass is for.
        threads : int, optional
            See `fastkm._core.threads.thread_count`.

        Raises
        ------
        Differs
            If a block has another type or packing than the first.
        ValueError
            If a weight is negative or not finite, only some chunks have weights, or this pass
            gives another number of values than the first did.
        """
        if not self._distant():
            return aim.map(self.chunks(), threads)
        self.passes += 1
        number = self.passes
        reading = ReduceBlock(self._loader, self.form, aim, threads)
        outcome = dask_blocks.reduce_blocks(reading, self._arguments, reading.merged)
        self._compare(number, outcome.values, outcome.cells)
        return outcome.found

    def reduce_some(
        self, aim: Reduction[Found], numbers: Sequence[int], threads: int | None = None
    ) -> Found:
        """Look at some blocks of a dask array; this is no pass."""
        if self._lazy is None:
            raise ValueError("only blocks of a dask array can be read alone")
        if not self._distant():
            return aim.map(ChunkReader(self.form).chunks(self._lazy.load(numbers)), threads)
        reading = ReduceBlock(self._loader, self.form, aim, threads)
        some = [self._arguments[number] for number in numbers]
        with _unwatched():
            return dask_blocks.reduce_blocks(reading, some, reading.merged).found

    def chunks(self) -> Iterator[Chunk]:
        """Begin a pass here, whose pieces are taken one by one; it raises as `reduced` does."""
        self.passes += 1
        return self._pass(self.passes)

    def locate_infinite(self) -> str:
        """Say where the first infinity is that is not missing, in the order of memory."""
        if self._distant():
            locating = LocateInfinity(self._loader, self.form)
            with _unwatched():
                place = dask_blocks.reduce_blocks(locating, self._arguments, take_first)[1]
        else:
            place = ChunkReader(self.form).infinite(self._open())
        return place or "a cell"  # of a callable that gives its values only once

    def _distant(self) -> bool:
        """Tell whether the blocks are read elsewhere."""
        return self._lazy is not None and dask_blocks.current_client() is not None

    @cached_property
    def _arguments(self) -> list[Arguments]:
        return [] if self._lazy is None else self._lazy.arguments()

    @cached_property
    def _loader(self) -> Loader:
        return Loader(RawArray(np.empty(0)), None) if self._lazy is None else self._lazy.loader()

    def _pass(self, number: int) -> Iterator[Chunk]:
        blocks, self._opened = self._opened or self._open(), None
        reader = ChunkReader(self.form)
        if self.lazy:
            dask_blocks.begin_pass(self.lazy)
        for block in blocks:
            yield from reader.chunks([block])
            if self.lazy:
                dask_blocks.block_done()
        self._compare(number, reader.values, reader.cells)

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


def _unwatched() -> AbstractContextManager[None]:
    """Look at some blocks without telling: it is no pass."""
    return dask_blocks.report_blocks(lambda _: None)


def _opener(
    values: Any, weights: Any, *, again: bool
) -> tuple[Callable[[], Iterator[Block]], LazyBlocks | None]:
    """Give the function that begins with the first block each time that it is called."""
    if not callable(values):
        cells = as_raw_array(values, "values")
        over = None if weights is None else align_weights(weights, cells)
        return lambda: _blocks(cells, over, ""), LazyBlocks.of(cells, over)
    if weights is not None:
        raise ValueError(
            "weights must not be given beside a callable: let values yield (chunk, weights) pairs"
        )
    # An iterator that was begun before would go on in the middle; all others begin anew.
    if again and iter(given := _called(values)) is given and _called(values) is given:
        raise ValueError("values must give the same chunks in every pass, got one iterator twice")
    return lambda: _blocks_of_chunks(_called(values)), None


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
        cells = as_raw_array(values, "values")
        over = None if weights is None else align_weights(weights, cells)
        yield from _blocks(cells, over, f"chunk {number}, ")


def _blocks(cells: RawArray, weights: RawArray | None, where: str) -> Iterator[Block]:
    """Load cells block by block. The lengths of blocks need not be known before."""
    if not is_lazy(cells.values):
        yield Block(cells, weights, where)
        return
    ends = [[0] for _ in cells.shape]  # of the blocks met so far, along each axis
    for number, index in enumerate(np.ndindex(*cells.values.numblocks)):
        block = cells.block(index).load()
        for end, at, length in zip(ends, index, block.shape, strict=True):
            if len(end) == at + 1:
                end.append(end[at] + length)
        box = tuple(slice(end[at], end[at + 1]) for end, at in zip(ends, index, strict=True))
        over = None if weights is None else weights_of_block(weights, box, index)
        if over is not None:
            require_fit(over.shape, block.shape)
        yield Block(block, over, f"{where}chunk {number}, ")
    if weights is not None:
        require_fit(weights.shape, tuple(end[-1] for end in ends))
