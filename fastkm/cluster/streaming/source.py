"""One pass after another over whatever values come: arrays, rasters, dask, chunks of an archive.

The exact solver reads its values a few times and never needs them all at once. A `Source` passes
over them as often as asked, block by block: a whole array, one block of a dask array, or one item
of the iterable that a callable returns (again for each pass). `fastkm.cluster.streaming.chunks`
describes how a block becomes chunks and what a pass computes.

A pass reads the blocks here, one after another, each with all threads; those of a dask array are
loaded ahead of it (`fastkm._core.blocks.read_ahead`). If the values are a dask array and there is a client, its workers read them, a block a task: then only the results of the
pass come back, and no values travel to workers but the weights of a block.
"""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core.blocks import dask_blocks
from fastkm._core.cf_rules import warn_of_stale_rules
from fastkm._core.dask_client import current_client
from fastkm._core.progress import SILENT, current_progress, use_progress
from fastkm._core.validation import freeze
from fastkm.cluster.streaming.arrays import (
    RawArray,
    align_weights,
    as_raw_array,
    is_lazy,
    load_weights,
    require_broadcast,
)
from fastkm.cluster.streaming.chunks import Block, Chunk, ChunkFormat, ChunkReader
from fastkm.cluster.streaming.dask_source import (
    Arguments,
    BlockResult,
    LazyBlocks,
    Loader,
    combine_results,
    detect_format,
    find_infinity,
    reduce_block,
    take_first,
)

if TYPE_CHECKING:
    from fastkm.cluster.streaming.chunks import Reduction, Result

PART, RUN = 1 << 20, 1 << 10
"""Values of a part of an array in memory, and neighbours that are read together: a page of 4 KB."""


class Source:
    """Values of any kind, to be read in several passes; `passes` counts those begun so far.

    Parameters
    ----------
    values, weights : array-like, DataArray, dask array or callable
        As for `fastkm.kmeans1d`.
    uniform : bool, default: True
        All blocks are of one type and packing. Otherwise all values become float64.
    threads : int, optional
        Number of blocks of a dask array that are loaded ahead here; the default is all cores.

    Attributes
    ----------
    format : ChunkFormat
        What all chunks have in common; its `dtype`, `packing` and `weighted` are attributes too.

    Raises
    ------
    TypeError
        If `values` or `weights` does not hold real numbers, or a callable needs arguments or
        does not return an iterable.
    ValueError
        If weights do not broadcast to the values, or are given with a callable.

    Examples
    --------
    >>> source = Source([[1, 2], [3, 4]], weights=[[1.0], [0.5]])
    >>> [chunk.weights.tolist() for chunk in source.read_chunks()]
    [[1.0, 1.0, 0.5, 0.5]]
    """

    def __init__(
        self, values: Any, weights: Any = None, *, uniform: bool = True, threads: int | None = None
    ) -> None:
        self._first_pass: tuple[int, int, int] | None = None
        self._whole: Block | None = None  # an array in memory
        self.passes = 0
        self._opened: Iterator[Block] | None = None
        self._open, self._lazy = _prepare_reading(values, weights, threads, again=not uniform)
        if self._is_remote():
            [arguments, *_] = self._arguments
            detect = partial(detect_format, self._loader, uniform)
            with use_progress(SILENT):  # to look at one block is no pass
                self.format = dask_blocks.reduce_blocks(detect, [arguments], lambda found: found[0])
        else:
            blocks = self._open()
            first = next(blocks, Block(RawArray(np.empty(0)), None, ""))
            self._opened = itertools.chain([first], blocks)
            self.format = ChunkFormat.of(first, uniform=uniform)
            if not (first.where or self.format.weighted):  # no chunk of a callable or of dask
                self._whole = first
        self.dtype, self.packing, self.weighted, _ = self.format

    @property
    def lazy_blocks(self) -> int:
        """Number of blocks if the values are a dask array of known lengths, otherwise 0."""
        return 0 if self._lazy is None else len(self._lazy)

    @property
    def in_memory(self) -> bool:
        """Whether the values are one array in memory, without weights."""
        return self._whole is not None

    def reduce(self, reduction: Reduction[Result], threads: int | None = None) -> Result:
        """Compute a reduction in a pass over all values: here, or on the workers of a client.

        Raises
        ------
        FormatMismatch
            If a block has another type or packing than the first.
        ValueError
            If a weight is negative or not finite, only some chunks have weights, or this pass
            has another number of values than the first one.
        """
        if not self._is_remote():
            return reduction.map(self.read_chunks(), threads)
        self.passes += 1
        number = self.passes
        outcome = self._reduce_remotely(reduction, self._arguments, threads)
        if self._first_pass is None and self._lazy is not None:
            warn_of_stale_rules(self._lazy.cells.stale, outcome.stale_missing)
        self._require_same_size(number, outcome.values, outcome.cells)
        return outcome.result

    @cached_property
    def parts(self) -> int:
        """Number of parts that can be read by themselves: blocks of a dask array, or of memory.

        A part of an array in memory is spread evenly over it: it has every so many runs of `RUN`
        values, or steps along the longest axis if values must be copied. 0 if there are no parts.
        """
        if self._whole is None:
            return self.lazy_blocks
        cells = self._whole.cells.values
        view = ChunkReader(self.format).view_block(self._whole)
        return cells.size // PART if view else min(cells.size // PART, max(cells.shape, default=0))

    def reduce_some(
        self, reduction: Reduction[Result], numbers: Sequence[int], threads: int | None = None
    ) -> Result:
        """Compute a reduction of some `parts`; this is no pass."""
        if self._whole is not None:
            pieces = map(partial(self._read_part, self._whole), numbers)
            return reduction.map(itertools.chain.from_iterable(pieces), threads)
        if self._lazy is None:
            raise ValueError("values must have parts of known lengths to read some of them")
        if not self._is_remote():
            blocks = self._lazy.load(numbers)
            return reduction.map(ChunkReader(self.format).read(blocks), threads)
        some = [self._arguments[number] for number in numbers]
        with use_progress(SILENT):
            return self._reduce_remotely(reduction, some, threads).result

    def read_chunks(self) -> Iterator[Chunk]:
        """Begin a pass here and yield its chunks; it raises as `reduce` does."""
        self.passes += 1
        return self._read_pass(self.passes)

    def read_few(self, most: int) -> np.ndarray | None:
        """Return the values of an array in memory, without a pass; None if there may be too many.

        None too if there are weights, or packed integers.
        """
        if self._whole is None or self.packing or math.prod(self._whole.cells.shape) > most:
            return None
        chunks = [chunk.values for chunk in self._read_pass(1)]
        return np.concatenate(chunks) if chunks else None

    def find_infinity(self) -> str:
        """Return the address of the first infinity that is not missing, in the order of memory."""
        if self._is_remote():
            task = partial(find_infinity, self._loader, self.format)
            with use_progress(SILENT):
                place = dask_blocks.reduce_blocks(task, self._arguments, take_first)[1]
        else:
            place = ChunkReader(self.format).find_infinity(self._open())
        return place or "a cell"  # if a callable gives its values only once

    def _is_remote(self) -> bool:
        """Return True if the blocks are read on the workers of a client."""
        return self._lazy is not None and current_client() is not None

    def _reduce_remotely(
        self, reduction: Reduction[Result], arguments: list[Arguments], threads: int | None
    ) -> BlockResult[Result]:
        task = partial(reduce_block, self._loader, self.format, reduction, threads)
        return dask_blocks.reduce_blocks(task, arguments, partial(combine_results, reduction))

    @cached_property
    def _arguments(self) -> list[Arguments]:
        return [] if self._lazy is None else self._lazy.make_arguments()

    @cached_property
    def _loader(self) -> Loader:
        nothing = Loader(RawArray(np.empty(0)), None)
        return nothing if self._lazy is None else self._lazy.make_loader()

    def _read_part(self, whole: Block, number: int) -> Iterator[Chunk]:
        """Copy a part of an array in memory."""
        reader = ChunkReader(self.format, counts_stale=False)
        view = reader.view_block(whole)
        if view is not None:
            runs = len(view.values) // (RUN * self.parts)
            table = view.values[: runs * RUN * self.parts].reshape(runs, self.parts, RUN)
            return iter([Chunk(freeze(table[:, number]).reshape(-1), None)])
        box = [slice(None)] * whole.cells.values.ndim
        box[int(np.argmax(whole.cells.shape))] = slice(number, None, self.parts)
        return reader.read([whole._replace(cells=whole.cells.select(tuple(box)))])

    def _read_pass(self, number: int) -> Iterator[Chunk]:
        blocks, self._opened = self._opened or self._open(), None
        reader = ChunkReader(self.format, counts_stale=self._first_pass is None)
        if self.lazy_blocks:
            current_progress().begin("pass", self.lazy_blocks, "blocks")
        for block in blocks:
            yield from reader.read([block])
            if self.lazy_blocks:
                current_progress().advance()
        if self._first_pass is None:
            warn_of_stale_rules(reader.stale, reader.stale_missing)
        self._require_same_size(number, reader.values, reader.cells)

    def _require_same_size(self, number: int, values: int, cells: int) -> None:
        """Raise if a pass gave another number of values or cells than the first complete one."""
        self._first_pass = self._first_pass or (number, values, cells)
        first, first_values, first_cells = self._first_pass
        for name, before, now in [("values", first_values, values), ("cells", first_cells, cells)]:
            if before != now:
                raise ValueError(
                    f"values must give the same chunks in every pass: {before:,} {name} in pass "
                    f"{first}, {now:,} in pass {number}"
                )


def _prepare_reading(
    values: Any, weights: Any, threads: int | None, *, again: bool
) -> tuple[Callable[[], Iterator[Block]], LazyBlocks | None]:
    """Return a function that yields all blocks, from the first, each time that it is called.

    Return the blocks themselves too if the values are a dask array of known lengths.
    """
    if not callable(values):
        cells = as_raw_array(values, "values")
        aligned = None if weights is None else align_weights(weights, cells)
        return lambda: _load_blocks(cells, aligned, "", threads), LazyBlocks.of(cells, aligned)
    if weights is not None:
        raise ValueError(
            "weights must not be given beside a callable: let values yield (chunk, weights) pairs"
        )
    # an iterator would continue where the first attempt stopped; other iterables begin again
    if again and iter(given := _call(values)) is given and _call(values) is given:
        raise ValueError("values must give the same chunks in every pass, got one iterator twice")
    return lambda: _load_items(_call(values), threads), None


def _call(values: Callable[[], Any]) -> Iterable[Any]:
    """Call for an iterable of chunks; an array is one chunk, not as many as it has rows."""
    try:
        inspect.signature(values).bind()
    except TypeError as error:
        raise TypeError(f"values must be callable without arguments: {error}") from None
    except ValueError:  # some built-in functions have no signature
        pass
    given = values()
    if hasattr(given, "dtype"):
        return [given]
    if not hasattr(given, "__iter__"):
        got = type(given).__name__
        raise TypeError(f"values must return an iterable of chunks when called, got {got}")
    return given


def _load_items(given: Iterable[Any], threads: int | None) -> Iterator[Block]:
    """Load what a callable has returned, block by block."""
    for number, item in enumerate(given):
        pair = isinstance(item, tuple) and len(item) == 2
        values, weights = item if pair else (item, None)
        cells = as_raw_array(values, "values")
        aligned = None if weights is None else align_weights(weights, cells)
        yield from _load_blocks(cells, aligned, f"chunk {number}, ", threads)


def _load_blocks(
    cells: RawArray, weights: RawArray | None, where: str, threads: int | None
) -> Iterator[Block]:
    """Load an array block by block, some ahead if the lengths of all blocks are known before."""
    if not is_lazy(cells.values):
        yield Block(cells, weights, where)
        return
    lazy = LazyBlocks.of(cells, weights)
    if lazy is not None:
        yield from lazy.load_all(where, threads)
        return
    ends = [[0] for _ in cells.shape]  # of the blocks met so far, along each axis
    for number, index in enumerate(np.ndindex(*cells.values.numblocks)):
        block = cells.select_block(index).load()
        for end, at, length in zip(ends, index, block.shape, strict=True):
            if len(end) == at + 1:
                end.append(end[at] + length)
        box = tuple(slice(end[at], end[at + 1]) for end, at in zip(ends, index, strict=True))
        loaded = None if weights is None else load_weights(weights, box, index)
        if loaded is not None:
            require_broadcast(loaded.shape, block.shape)
        yield Block(block, loaded, f"{where}chunk {number}, ")
    if weights is not None:
        require_broadcast(weights.shape, tuple(end[-1] for end in ends))
