"""How large rasters of several bands are cut into blocks, whose cells are read as rows.

A lazy raster has the blocks of dask, a raster in memory strips of rows. What is computed of them is
the same for any blocks (`fastkm.cluster.lloyd.exact_sums`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core.blocks.read_ahead import iterate_graphs
from fastkm._core.cf_rules import warn_of_stale_rules
from fastkm._core.threads import map_chunks
from fastkm.cluster.codebook import MISSING, label_dtype
from fastkm.cluster.lloyd.cell_reader import BandReader, CellReader, Window, raise_infinite
from fastkm.cluster.lloyd.nearest import NearestCentroid
from fastkm.cluster.streaming.arrays import RawArray, as_raw_array, is_lazy, select_weights

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fastkm.raster.bands import BandStack

BLOCK_CELLS = 1 << 18
"""Cells of a strip: enough strips for all threads, and few enough that the Python around them does
not count."""


LARGE_CELLS = 1 << 22
"""Cells of a raster above which it is read block by block, in memory too."""


class LazyBlock:
    """A block of dask arrays, and of weights, with the graphs that compute it.

    It is no tuple and no dataclass: dask searches those for what else has to be computed before.
    """

    def __init__(self, *graphs: Any, weights: Any = None) -> None:
        self.graphs, self.weights = graphs, weights

    def compute(self) -> list[Any]:
        """Compute the arrays of the block; weights that are at hand are the last."""
        arrays = [array for graph in self.graphs for array in graph.compute()]
        return arrays if self.weights is None else [*arrays, self.weights]


@dataclass(frozen=True)
class CellBlocks:
    """A raster of several bands as blocks.

    `arrays` are one array of all bands, (d, y, x), or one of each, (y, x), of numpy or of dask;
    `weights` are numbers that broadcast to (y, x).
    """

    arrays: tuple[Any, ...]
    reader: CellReader
    weights: Any = None

    @classmethod
    def of(cls, stack: BandStack, weights: Any = None) -> CellBlocks:
        """Return the blocks of a stack."""
        arrays = stack.take_arrays()
        bands = [
            BandReader.of(as_raw_array(band, f"band {name!r}"), name)
            for band, name in zip(stack.bands, stack.names, strict=True)
        ]
        reader = CellReader(tuple(bands), stack.grid.shape[1], weights is not None)
        return cls(arrays, reader, weights)

    @property
    def is_lazy(self) -> bool:
        """Whether the bands are of dask."""
        return is_lazy(self.arrays[0])

    def divide(self, scale: np.ndarray | None) -> CellBlocks:
        """Return the blocks with numbers that are divided by a scale, (d,)."""
        return replace(self, reader=replace(self.reader, scale=scale))

    def get_schedule(self, threads: int | None) -> dict[str, Any]:
        """Return where passes are done, for `reduce_blocks`: arrays in memory do not travel."""
        return {"threads": threads, "here": not self.is_lazy}

    def label(self, codes: np.ndarray, threads: int | None) -> Any:
        """Label cells by the nearest of some centroids, -1 if missing: an array, (y, x).

        It is of dask if the raster is.
        """
        dtype, reader = label_dtype(len(codes)), replace(self.reader, weighted=False)
        if self.is_lazy:
            from dask.array import map_blocks

            drop = 0 if self.arrays[0].ndim == 3 else None
            return map_blocks(
                _label_block, *self.arrays, reader=reader, codes=codes, warned=[],
                drop_axis=drop, dtype=dtype, meta=np.empty((0, 0), dtype),
            )  # fmt: skip
        labels = np.empty(self.arrays[0].shape[-2:], dtype)
        windows = list(self._list_strips())

        def run(start: int, _stop: int) -> None:
            rows, _ = _get_box(windows[start])
            parts = [array[..., rows, :] for array in self.arrays]
            labels[rows] = _label_block(*parts, reader=reader, codes=codes, warned=[])

        map_chunks(run, len(windows), 1, threads=threads)
        return labels

    def list_blocks(self) -> list[tuple[Any, ...]]:
        """Return the arguments of `CellReader.read`, one tuple for each block."""
        return list(self._iterate_lazy() if self.is_lazy else self._iterate_strips())

    def _list_strips(self) -> Iterator[Window]:
        rows, columns = self.arrays[0].shape[-2:]
        step = max(1, BLOCK_CELLS // columns)
        for start in range(0, rows, step):
            yield Window(start, min(step, rows - start), 0, columns)

    def _iterate_strips(self) -> Iterator[tuple[Any, ...]]:
        for window in self._list_strips():
            box = _get_box(window)
            parts = [array[..., box[0], :] for array in self.arrays]
            if self.weights is not None:
                parts.append(_select(self.weights, box))
            yield (window, *parts)

    def _iterate_lazy(self) -> Iterator[tuple[Any, ...]]:
        windows = list(_list_windows(self.arrays[0].chunks[-2:]))
        graphs: list[Any] = [iterate_graphs(self.arrays)]
        weights = self.weights
        if is_lazy(weights):
            graphs.append(iterate_graphs([_align_chunks(weights, self.arrays[0])]))
            weights = None
        for window, *own in zip(windows, *graphs, strict=True):
            part = None if weights is None else _select(weights, _get_box(window))
            yield window, LazyBlock(*own, weights=part)


def is_large(stack: BandStack) -> bool:
    """Return True if a raster has so many cells that it is read block by block."""
    return bool(stack.grid.size > LARGE_CELLS)


def _align_chunks(weights: Any, array: Any) -> Any:
    """Broadcast weights of dask to the chunks of an array, without a copy."""
    from dask.array import broadcast_to

    return broadcast_to(weights, array.shape[-2:]).rechunk(array.chunks[-2:])


def _list_windows(chunks: Sequence[Sequence[int]]) -> Iterator[Window]:
    """Yield the windows of the chunks of rows and columns, in the order of memory."""
    rows, columns = ([0, *np.cumsum(lengths).tolist()] for lengths in chunks)
    for i, height in enumerate(chunks[0]):
        for j, width in enumerate(chunks[1]):
            yield Window(rows[i], height, columns[j], width)


def _get_box(window: Window) -> tuple[slice, slice]:
    return (
        slice(window.first_row, window.first_row + window.rows),
        slice(window.first_column, window.first_column + window.columns),
    )


def _label_block(
    *arrays: np.ndarray, reader: CellReader, codes: np.ndarray, warned: list[bool]
) -> np.ndarray:
    """Label the cells of one block; the first block with a reason to warn of its rules warns."""
    dtype, shape = label_dtype(len(codes)), arrays[0].shape[-2:]
    nearest = NearestCentroid(codes, reader.dtype)
    labels = np.empty(shape, dtype)
    flat = labels.reshape(-1)
    for chunk in reader.read(Window(0, shape[0], 0, shape[1]), *arrays):
        for band, cells in zip(reader.bands, chunk.bands, strict=True):
            infinite = band.count_infinite(cells)
            if infinite:
                raise_infinite(infinite, band.name, " of a block")
            stale = 0 if warned else cells.count_stale_missing()
            if stale:
                warned.append(True)
                warn_of_stale_rules(cells.stale, stale, among="of a block")
        flat[chunk.cut], _ = chunk.assign(nearest, MISSING)
    return labels


def _select(weights: Any, box: tuple[slice, slice]) -> Any:
    """Return the weights of a box, loaded; they broadcast to it."""
    part = select_weights(RawArray(weights), box).load()
    return part.values
