"""The blocks of a dask array, loaded here some ahead, or where they are: on the workers of a client.

What travels to a worker for a block is the graph of dask that loads it, the reduction, the format
of the chunks, the attributes that say what is missing, and the weights of the block. The result of
the reduction travels back.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, NamedTuple

import numpy as np

from fastkm._core import cf_missing
from fastkm._core.blocks.read_ahead import BlockGraph, count_ahead, iterate_graphs, map_ahead
from fastkm.cluster.streaming.arrays import (
    Box,
    RawArray,
    as_raw_array,
    is_lazy,
    load_weights,
    require_broadcast,
    select_weights,
)
from fastkm.cluster.streaming.chunks import Block, ChunkFormat, ChunkReader, Reduction, Result

Arguments = tuple[int, Any, Any, Any]
"""For a task: number of the block, its values, the values of its weights and their mask; None if
there are none."""


@dataclass(frozen=True)
class LazyBlocks:
    """The blocks of a dask array of known lengths, and the weights that broadcast over them."""

    cells: RawArray
    weights: RawArray | None

    @classmethod
    def of(cls, cells: RawArray, weights: RawArray | None) -> LazyBlocks | None:
        """Return the blocks; None if the values are not of dask, or lengths are not known yet."""
        if not is_lazy(cells.values) or any(map(math.isnan, cells.shape)):
            return None
        if weights is not None and any(map(math.isnan, weights.shape)):
            return None
        return cls(cells, weights)

    def __len__(self) -> int:
        return math.prod(self.cells.values.numblocks)

    def list_boxes(self) -> Iterator[tuple[tuple[int, ...], Box]]:
        """Yield the index of each block among blocks, and its box of cells."""
        ends = [np.cumsum([0, *lengths]).tolist() for lengths in self.cells.values.chunks]
        for index in np.ndindex(*self.cells.values.numblocks):
            yield index, tuple(slice(e[i], e[i + 1]) for e, i in zip(ends, index, strict=True))

    def load(self, numbers: Iterable[int]) -> Iterator[Block]:
        """Load some blocks here."""
        boxes = list(self.list_boxes())
        for number in numbers:
            index, box = boxes[number]
            weights = None if self.weights is None else load_weights(self.weights, box)
            yield _make_block(number, self.cells.select_block(index).load(), weights)

    def load_all(self, where: str = "", threads: int | None = None) -> Iterator[Block]:
        """Load all blocks here, in the order of memory, some ahead on other threads.

        Lazy weights of the same chunks are computed together with the values.
        """
        arrays, weights = [self.cells.values], self.weights
        if weights is not None and getattr(weights.values, "chunks", None) == arrays[0].chunks:
            arrays.append(weights.values)

        def load(item: tuple[int, Box, BlockGraph]) -> Block:
            number, box, graph = item
            values, *more = graph.compute()
            cells, own = _fill(self.cells, values), None
            if weights is not None:
                own = _fill(weights, more[0]) if more else load_weights(weights, box)
            return _make_block(number, cells, own, where)

        boxes = (box for _, box in self.list_boxes())
        items = zip(itertools.count(), boxes, iterate_graphs(arrays), strict=False)
        return map_ahead(load, items, count_ahead(arrays, threads))

    def make_arguments(self) -> list[Arguments]:
        """Return the arguments of the tasks, one for each block."""
        from dask.delayed import delayed

        values = embed_graph(self.cells.values)
        if self.weights is None:
            return [(number, block, None, None) for number, block in enumerate(values.flat)]
        shared: dict[Any, tuple[Any, Any]] = {}  # the blocks of all steps share one step's weights
        arguments = []
        for number, (at, box) in enumerate(self.list_boxes()):
            # blocks share weights if their boxes begin alike along the axes that weights have
            sizes, axes = self.weights.shape, box[len(box) - len(self.weights.shape) :]
            begin = tuple(c.start if n > 1 else None for n, c in zip(sizes, axes, strict=True))
            if begin not in shared:
                part = select_weights(self.weights, box)
                weights, mask = (
                    a if a is None or is_lazy(a) else delayed(a, traverse=False)
                    for a in (part.values, part.mask)
                )
                shared[begin] = weights, mask
            arguments.append((number, values[at], *shared[begin]))
        return arguments

    def make_loader(self) -> Loader:
        """Return what makes a block of the arguments of a task."""
        return Loader(_keep_rules(self.cells), self.weights and _keep_rules(self.weights))


class EmbeddedGraph:
    """A block with the graph that computes it, so that the task that uses it computes it too.

    It is no dataclass: dask searches those for what else has to be computed before.
    """

    def __init__(self, graph: Mapping[Any, Any], key: Any) -> None:
        self.graph, self.key = graph, key

    def compute(self) -> Any:
        """Compute the block here."""
        from dask.local import get_sync

        return get_sync(self.graph, self.key)


def embed_graph(array: Any) -> np.ndarray:
    """Return the blocks of a dask array, each with its graph.

    If blocks need the same tasks, return delayed objects instead, so that dask does these once.
    """
    from dask.base import optimize
    from dask.core import flatten, get_dependencies

    (optimized,) = optimize(array)
    graph = dict(optimized.__dask_graph__())
    blocks, used = np.empty(array.numblocks, object), 0
    keys = flatten(optimized.__dask_keys__())
    for at, key in zip(np.ndindex(*array.numblocks), keys, strict=True):
        # collect the tasks that this block needs
        own, waiting = {}, [key]
        while waiting:
            name = waiting.pop()
            if name not in own:
                own[name] = graph[name]
                waiting += get_dependencies(graph, name)
        blocks[at] = EmbeddedGraph(own, key)
        used += len(own)
        if used > len(graph):
            return array.to_delayed()
    return blocks


@dataclass(frozen=True)
class Loader:
    """Makes blocks from the arguments of tasks, and from the attributes that all of them share."""

    cells: RawArray
    weights: RawArray | None

    def load(self, number: int, values: Any, weights: Any, mask: Any) -> Block:
        """Make a block of the arguments of its task; compute its values if they are a graph."""
        if isinstance(values, EmbeddedGraph):
            values = values.compute()
        cells = _fill(self.cells, values)
        if self.weights is None:
            return _make_block(number, cells, None)
        loaded = _fill(self.weights, weights)
        loaded = loaded if mask is None else replace(loaded, mask=mask)
        return _make_block(number, cells, loaded)


class BlockResult(NamedTuple, Generic[Result]):
    """The result of a reduction of some blocks, and the counts of `ChunkReader`."""

    result: Result
    values: int
    cells: int
    stale_missing: int


def reduce_block(
    loader: Loader,
    chunk_format: ChunkFormat,
    reduction: Reduction[Result],
    threads: int | None,
    *arguments: Any,
) -> BlockResult[Result]:
    """Compute a reduction of one block."""
    reader = ChunkReader(chunk_format)
    result = reduction.map(reader.read([loader.load(*arguments)]), threads)
    return BlockResult(result, reader.values, reader.cells, reader.stale_missing)


def combine_results(
    reduction: Reduction[Result], outcomes: list[BlockResult[Result]]
) -> BlockResult[Result]:
    """Combine the results of several blocks."""
    results, *counts = zip(*outcomes, strict=True)
    return BlockResult(reduction.combine(list(results)), *map(sum, counts))


def detect_format(loader: Loader, uniform: bool, *arguments: Any) -> ChunkFormat:
    """Choose the format that suits a block."""
    return ChunkFormat.of(loader.load(*arguments), uniform=uniform)


def find_infinity(
    loader: Loader, chunk_format: ChunkFormat, *arguments: Any
) -> tuple[int, str | None]:
    """Return the number of a block, and the address of its first infinity."""
    reader = ChunkReader(chunk_format)
    return arguments[0], reader.find_infinity([loader.load(*arguments)])


def take_first(places: list[tuple[int, str | None]]) -> tuple[int, str | None]:
    """Return the first block, by number, that has an address."""
    return min(places, key=lambda place: (place[1] is None, place[0]))


def _make_block(number: int, cells: RawArray, weights: RawArray | None, where: str = "") -> Block:
    if weights is not None:
        require_broadcast(weights.shape, cells.shape)
    return Block(cells, weights, f"{where}chunk {number}, ")


def _keep_rules(cells: RawArray) -> RawArray:
    """Leave out values, and attributes that do not say what values mean."""
    attrs, encoding = map(cf_missing.select_rules, (cells.attrs, cells.encoding))
    return RawArray(np.empty(0), None, attrs, encoding, stale=cells.stale)


def _fill(cells: RawArray, values: Any) -> RawArray:
    """Return cells with computed values, which `_keep_rules` has left out."""
    computed = as_raw_array(values, "values")
    return replace(cells, values=computed.values, mask=computed.mask)
