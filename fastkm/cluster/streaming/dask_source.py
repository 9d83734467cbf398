"""Passes over the blocks of a dask array where they are: on the workers of a client.

What travels to a worker for a block is the way to load it (a graph of dask), the aim of the pass,
the form of the pieces, the attributes that say what is missing, and the weights beneath. What
travels back is what the aim found.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, NamedTuple

import numpy as np

from fastkm._core import cf_missing
from fastkm.cluster.streaming.arrays import (
    Box,
    RawArray,
    as_raw_array,
    is_lazy,
    require_fit,
    weights_of_block,
    weights_of_box,
)
from fastkm.cluster.streaming.chunks import Block, ChunkFormat, ChunkReader
from fastkm.cluster.streaming.pieces import Found, Reduction

Arguments = tuple[int, Any, Any, Any]
"""For a task: number of the block, its values, the values of the weights beneath and their mask;
None where there are none."""


@dataclass(frozen=True)
class LazyBlocks:
    """The blocks of a dask array of known lengths, and the weights laid over them."""

    cells: RawArray
    weights: RawArray | None

    @classmethod
    def of(cls, cells: RawArray, weights: RawArray | None) -> LazyBlocks | None:
        """Give the blocks; None where there are none, or only dask will know how long they are."""
        if not is_lazy(cells.values) or any(map(math.isnan, cells.shape)):
            return None
        if weights is not None and any(map(math.isnan, weights.shape)):
            return None
        return cls(cells, weights)

    def __len__(self) -> int:
        return math.prod(self.cells.values.numblocks)

    def boxes(self) -> Iterator[tuple[tuple[int, ...], Box]]:
        """Give the place of each block among blocks, and among cells."""
        ends = [np.cumsum([0, *lengths]).tolist() for lengths in self.cells.values.chunks]
        for index in np.ndindex(*self.cells.values.numblocks):
            yield index, tuple(slice(e[i], e[i + 1]) for e, i in zip(ends, index, strict=True))

    def load(self, numbers: Iterable[int]) -> Iterator[Block]:
        """Load some blocks here."""
        boxes = list(self.boxes())
        for number in numbers:
            index, box = boxes[number]
            over = None if self.weights is None else weights_of_block(self.weights, box)
            yield _block(number, self.cells.block(index).load(), over)

    def arguments(self) -> list[Arguments]:
        """Give what tasks need: one for each block."""
        from dask.delayed import delayed

        values = embed_graph(self.cells.values)
        if self.weights is None:
            return [(number, values[at], None, None) for number, (at, _) in enumerate(self.boxes())]
        shared: dict[Any, tuple[Any, Any]] = {}  # weights of one step lie under the blocks of all
        found = []
        for number, (at, box) in enumerate(self.boxes()):
            sizes, over = self.weights.shape, box[len(box) - len(self.weights.shape) :]
            where = tuple(c.start if n > 1 else None for n, c in zip(sizes, over, strict=True))
            if where not in shared:
                part = weights_of_box(self.weights, box)
                one, other = (
                    a if a is None or is_lazy(a) else delayed(a, traverse=False)
                    for a in (part.values, part.mask)
                )
                shared[where] = one, other
            found.append((number, values[at], *shared[where]))
        return found

    def loader(self) -> Loader:
        """Give what makes a block of the arguments of a task."""
        return Loader(_described(self.cells), self.weights and _described(self.weights))


class EmbeddedGraph:
    """A block with all that makes it: computed by the task that uses it, so it need not travel.

    No dataclass: into those dask looks for what else has to be computed before.
    """

    def __init__(self, graph: Mapping[Any, Any], key: Any) -> None:
        self.graph, self.key = graph, key

    def computed(self) -> Any:
        """Compute the block here."""
        from dask.local import get_sync

        return get_sync(self.graph, self.key)


def embed_graph(array: Any) -> np.ndarray:
    """Give the blocks of a dask array: sealed ones if none needs what another needs, else delayed."""
    from dask.base import optimize
    from dask.core import flatten, get_dependencies

    (short,) = optimize(array)
    graph = dict(short.__dask_graph__())
    found, used = np.empty(array.numblocks, object), 0
    for at, key in zip(np.ndindex(*array.numblocks), flatten(short.__dask_keys__()), strict=True):
        own, waiting = {}, [key]
        while waiting:
            name = waiting.pop()
            if name not in own:
                own[name] = graph[name]
                waiting += get_dependencies(graph, name)
        found[at] = EmbeddedGraph(own, key)
        used += len(own)
        if used > len(graph):
            return array.to_delayed()
    return found


@dataclass(frozen=True)
class Loader:
    """What tells about values and weights, without themselves."""

    cells: RawArray
    weights: RawArray | None

    def block(self, number: int, values: Any, weights: Any, mask: Any) -> Block:
        """Give a block; its values have been computed, or are now."""
        if isinstance(values, EmbeddedGraph):
            values = values.computed()
        cells = _filled(self.cells, values)
        if self.weights is None:
            return _block(number, cells, None)
        over = _filled(self.weights, weights)
        return _block(number, cells, over if mask is None else replace(over, mask=mask))


class BlockResult(NamedTuple, Generic[Found]):
    """What an aim found in some blocks, and the number of their values and cells."""

    found: Found
    values: int
    cells: int


@dataclass(frozen=True, repr=False)
class ReduceBlock(Generic[Found]):
    """A task: passes over one block."""

    loader: Loader
    form: ChunkFormat
    aim: Reduction[Found]
    threads: int | None

    def __call__(self, *arguments: Any) -> BlockResult[Found]:
        """Load a block and pass over it."""
        reader = ChunkReader(self.form)
        block = self.loader.block(*arguments)
        found = self.aim.map(reader.chunks([block]), self.threads)
        return BlockResult(found, reader.values, reader.cells)

    def merged(self, outcomes: list[BlockResult[Found]]) -> BlockResult[Found]:
        """Join what was found in several blocks."""
        found, values, cells = zip(*outcomes, strict=True)
        return BlockResult(self.aim.merged(list(found)), sum(values), sum(cells))


@dataclass(frozen=True, repr=False)
class DetectFormat:
    """A task: chooses the form that suits a block."""

    loader: Loader
    uniform: bool

    def __call__(self, *arguments: Any) -> ChunkFormat:
        """Load a block and choose."""
        return ChunkFormat.of(self.loader.block(*arguments), uniform=self.uniform)


@dataclass(frozen=True, repr=False)
class LocateInfinity:
    """A task: looks for an infinity in a block."""

    loader: Loader
    form: ChunkFormat

    def __call__(self, *arguments: Any) -> tuple[int, str | None]:
        """Load a block and look."""
        block = self.loader.block(*arguments)
        return arguments[0], ChunkReader(self.form).infinite([block])


def take_first(places: list[tuple[int, str | None]]) -> tuple[int, str | None]:
    """Give the first block, by number, in which something was found."""
    return min(places, key=lambda place: (place[1] is None, place[0]))


def _block(number: int, cells: RawArray, over: RawArray | None) -> Block:
    if over is not None:
        require_fit(over.shape, cells.shape)
    return Block(cells, over, f"chunk {number}, ")


def _described(cells: RawArray) -> RawArray:
    """Leave out values, and attributes that do not say what values mean."""
    attrs, encoding = map(cf_missing.rules_of, (cells.attrs, cells.encoding))
    return RawArray(np.empty(0), None, attrs, encoding)


def _filled(described: RawArray, values: Any) -> RawArray:
    computed = as_raw_array(values, "values")
    return replace(described, values=computed.values, mask=computed.mask)
