"""Label maps that do not fit in memory: regions, and statistics of their cells, strip by strip.

A strip is some rows of the whole width. Blocks of dask are joined to the width of the raster, read
together with those of other rasters on the same grid, and cut into strips of about `STRIP_CELLS`
cells. `fastkm.geometry.strips` traces regions from strip to strip; those that no later row can
change are finished, and whoever asks for them measures and writes them.

Cells are added up by part, a part being what belongs together within one strip. When a region is
finished, its parts are known, and so are its sums. They are sums of two doubles, rounded once, so
that it does not matter where strips begin; those of a raster in memory may differ from them in the
last digits. What is kept grows with the regions that are not finished, not with the raster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from fastkm._core import cf_missing
from fastkm._core.blocks.dask_blocks import iterate_blocks
from fastkm._core.cf_rules import warn_of_stale_rules
from fastkm._core.notes import note_once
from fastkm.cluster.streaming.arrays import RawArray, as_raw_array, is_lazy
from fastkm.geometry.regions import Boundary, check_labels
from fastkm.geometry.strips import FinishedRegions, StripTracer
from fastkm.raster.grid.missing_places import count_lost_cells, note_lost_cells
from fastkm.raster.zonal import PartialSums, ZonalStatistics, partial_sums

if TYPE_CHECKING:
    import xarray as xr

    from fastkm.raster.grid.geolocation import Grid
    from fastkm.vector.seam import UnrolledColumns

STRIP_CELLS = 1 << 22
"""Cells of a strip, about. Rasters of at most as many cells are read at once."""

BLOCK_CELLS = 1 << 25
"""Cells that are read at once, at most; rows of tiles that have more are read again for each part."""

NO_SUMS = PartialSums(np.empty(0, np.int64), *np.empty((4, 0)))


class Finished(NamedTuple):
    """Regions of one of several label maps that no later strip can change.

    Attributes
    ----------
    map : int
        Which of the label maps.
    regions : FinishedRegions
        From `fastkm.geometry.strips`.
    statistics : dict of ZonalStatistics
        By the name of the raster; a number for each region.
    """

    map: int
    regions: FinishedRegions
    statistics: dict[str, ZonalStatistics]


@dataclass(frozen=True)
class TraceOptions:
    """How regions are connected and traced: see `fastkm.outline`."""

    boundary: Boundary = "cell"
    connectivity: Literal[4, 8] = 4
    bridge: int = 0
    junctions: bool = True


def require_bridge(bridge: Any) -> None:
    """Raise unless a bridge is a number of cells."""
    if not isinstance(bridge, Integral) or bridge < 0:
        raise ValueError(f"bridge must be a whole number of at least 0, got {bridge!r}")


def needs_strips(plane: Any) -> bool:
    """Return True if a raster of (row, column) is lazy and too large to be read at once."""
    return getattr(plane, "chunks", None) is not None and plane.size > STRIP_CELLS


def trace_strips(
    maps: Sequence[xr.DataArray],
    grid: Grid,
    columns: UnrolledColumns,
    options: TraceOptions = TraceOptions(),
    *,
    selected: Sequence[np.ndarray | None] | None = None,
    layers: Mapping[str, xr.DataArray] | None = None,
    hint: str = "",
    watch: Callable[[np.ndarray], object] | None = None,
) -> Iterator[Finished]:
    """Trace the regions of lazy label maps on one grid; yield those that are finished, batch by batch.

    Parameters
    ----------
    maps : sequence of xarray.DataArray
        Label maps of dimensions (y, x) and of dask; they are computed together.
    grid, columns
        Where their cells lie, and the columns in which they are traced.
    options : TraceOptions
        How regions are connected and traced.
    selected : sequence of (n,) int arrays, optional
        The labels to trace, for each map; None for all. Others are left out before they are traced,
        unless bridges or junctions matter: there a cell of another label is not a missing one.
    layers : mapping of xarray.DataArray, optional
        Rasters of the same grid of which statistics are computed, lazy or in memory; areas of cells
        are named ``areas``.
    hint : str, optional
        The end of the message of an error in the labels.
    watch : callable, optional
        It is called with the cells of the layer ``values`` of each strip, NaN where missing.

    Yields
    ------
    Finished
        At least one for each map, the last of which may have no regions.
    """
    require_bridge(options.bridge)
    sources = [_Source(plane, "labels") for plane in maps]
    others = {name: _Source(plane, name) for name, plane in (layers or {}).items()}
    alike = options.bridge == 0 and not (options.junctions and options.boundary == "cell")
    wanted = selected if selected is not None and alike else [None] * len(maps)
    missing = getattr(grid, "missing", None)
    tracers = [_MapTracer(maps[0].shape[1], grid, columns, options, list(others)) for _ in maps]
    lost = 0
    for rows, blocks in _read_strips([source.raw for source in (*sources, *others.values())]):
        values = {
            name: source.read_numbers(block)
            for (name, source), block in zip(others.items(), blocks[len(maps) :], strict=True)
        }
        if watch is not None:
            watch(values["values"])
        for number, (tracer, chosen) in enumerate(zip(tracers, wanted, strict=True)):
            cells, mask = sources[number].read(blocks[number])
            gone = None if missing is None else missing[rows]
            if gone is not None and gone.any():
                lost += count_lost_cells(cells, mask, gone)
                mask = gone if mask is None else mask | gone
            try:
                labels = _mask_labels(cells, mask, chosen, rows.start)
            except ValueError as error:
                raise ValueError(f"{error}{hint}") from None
            tracer.add(labels, values)
            finished = tracer.take(number)
            if len(finished.regions.labels):
                yield finished
    for number, tracer in enumerate(tracers):
        tracer.finish()
        yield tracer.take(number)
        note_cells_without_area(tracer.without_area)
    if missing is not None:
        note_lost_cells(lost, missing)
    for source in (*sources, *others.values()):
        source.warn()


def chunk_by_strips(raster: xr.DataArray) -> xr.DataArray:
    """Return a lazy raster in blocks as large as a strip."""
    return raster.chunk(
        {raster.dims[-2]: max(1, STRIP_CELLS // raster.shape[-1]), raster.dims[-1]: -1}
    )


def note_cells_without_area(count: int | np.integer[Any]) -> None:
    """Note how many cells of regions have no area."""
    if count:
        note_once(
            f"{count:,} cells have no area: they have no place, or reach beyond the Earth's edge"
        )


def find_labels(plane: xr.DataArray, which: str) -> np.ndarray:
    """Return the "highest" or "lowest" label of a lazy label map; an empty array if it has none."""
    source, found = _Source(plane, "labels"), np.empty(0, np.int64)
    best = np.max if which == "highest" else np.min
    for rows, (block,) in _read_strips([source.raw]):
        cells, mask = check_labels(_as_masked(*source.read(block)), rows.start)
        there = cells[(cells >= 0) & (True if mask is None else ~mask)]
        if there.size:
            found = best(np.append(found, there.astype(np.int64)), keepdims=True)
    return found


class _Source:
    """A raster of which blocks are read: missing cells by its attributes, as in memory."""

    def __init__(self, plane: xr.DataArray, name: str) -> None:
        self.name = name
        self.raw = as_raw_array(plane, name)
        self.stale = 0

    def read(self, block: RawArray | np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the numbers of a block, and its missing cells other than NaN, if there are any."""
        own = block if isinstance(block, RawArray) else as_raw_array(block, self.name)
        cells = replace(self.raw, values=own.values, mask=own.mask)
        self.stale += cells.count_stale_missing()
        return cf_missing.to_physical(cells), cells.find_missing()

    def read_numbers(self, block: RawArray | np.ndarray) -> np.ndarray:
        """Return the numbers of a block, NaN where missing."""
        cells, mask = self.read(block)
        return cells if mask is None or not mask.any() else np.where(mask, np.nan, cells)

    def warn(self) -> None:
        """Warn of rules of missing cells that were not applied."""
        warn_of_stale_rules(self.raw.stale, self.stale)


class _MapTracer:
    """Traces one label map, and adds up the cells of its regions."""

    def __init__(
        self,
        width: int,
        grid: Grid,
        columns: UnrolledColumns,
        options: TraceOptions,
        layers: Sequence[str],
    ) -> None:
        self.tracer = StripTracer(
            width,
            order=columns.columns,
            first=columns.first,
            periodic=bool(grid.turn),
            boundary=options.boundary,
            junctions=options.junctions,
            connectivity=options.connectivity,
            bridge=options.bridge,
        )
        self.parts = np.empty(0, np.int64)  # those of regions that are not finished, ascending
        self.sums = dict.fromkeys(layers, NO_SUMS)
        self.without_area = 0

    def add(self, labels: np.ndarray, values: Mapping[str, np.ndarray]) -> None:
        """Add a strip of labels, and the values of its cells by layer."""
        parts = self.tracer.add(labels)
        if not values:
            return
        self.parts = np.concatenate([self.parts, parts.first + np.arange(parts.count)])
        if "areas" in values:
            nothing = (values["areas"] == 0) & (parts.numbers >= 0)
            self.without_area += int(np.count_nonzero(nothing))
        for name, cells in values.items():
            added = partial_sums(parts.numbers, cells, parts.count)
            self.sums[name] = self.sums[name].append(added)

    def finish(self) -> None:
        """There are no more strips."""
        self.tracer.finish()

    def take(self, number: int) -> Finished:
        """Take the regions that are finished, with the statistics of their cells."""
        regions = self.tracer.take()
        if not self.sums:
            return Finished(number, regions, {})
        # parts without cells, as there are below the last strip, were never added
        known = np.isin(regions.parts, self.parts)
        at, owners = np.searchsorted(self.parts, regions.parts[known]), regions.part_owners[known]
        statistics = {
            name: sums.select(at).combine(owners, len(regions.labels))
            for name, sums in self.sums.items()
        }
        kept = np.ones(len(self.parts), bool)
        kept[at] = False
        self.parts = self.parts[kept]
        self.sums = {name: sums.select(kept) for name, sums in self.sums.items()}
        return Finished(number, regions, statistics)


def _mask_labels(
    cells: np.ndarray, mask: np.ndarray | None, chosen: np.ndarray | None, first: int
) -> np.ndarray:
    """Return labels as whole numbers, with those masked that are missing or not chosen."""
    cells, mask = check_labels(_as_masked(cells, mask), first)
    if chosen is not None:
        others = np.isin(cells, chosen, invert=True)
        mask = others if mask is None else mask | others
    return _as_masked(cells, mask)


def _as_masked(cells: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    return cells if mask is None else np.ma.MaskedArray(cells, mask)


def _read_strips(arrays: Sequence[RawArray]) -> Iterator[tuple[slice, list[Any]]]:
    """Yield the rows of each strip and the cells of all arrays there, the first of which is lazy."""
    first = arrays[0].values
    rows, width = first.shape
    strip = max(1, STRIP_CELLS // max(1, width))
    heights = _plan_heights(first.chunks[0], width)
    # arrays of small blocks, as computed areas have, are not joined to large ones
    together = [
        is_lazy(array.values) and (max(heights) <= strip or max(array.values.chunks[0]) > strip)
        for array in arrays
    ]
    joined = [
        array.values.rechunk((tuple(heights), -1), method="tasks")
        for array, same in zip(arrays, together, strict=True)
        if same
    ]
    for box, blocks in iterate_blocks(joined):
        start, stop, _ = box[0].indices(rows)
        step = -(-(stop - start) // -(-(stop - start) // strip))
        for row in range(start, stop, step):
            part = slice(row, min(row + step, stop))
            own = iter(blocks)
            yield (
                part,
                [
                    next(own)[part.start - start : part.stop - start]
                    if same
                    else _take(array, part)
                    for array, same in zip(arrays, together, strict=True)
                ],
            )


def _take(array: RawArray, rows: slice) -> RawArray | np.ndarray:
    """Return some rows of an array that is read by itself."""
    chosen = array.select((rows,))
    return chosen.values.compute(scheduler="synchronous") if is_lazy(chosen.values) else chosen


def _plan_heights(heights: Sequence[int], width: int) -> list[int]:
    """Join rows of blocks while they make no more than a strip, and cut those that are too high.

    Examples
    --------
    >>> _plan_heights([1, 1, 1, 600], 1 << 20)
    [3, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 24]
    """
    strip, most = (max(1, cells // max(1, width)) for cells in (STRIP_CELLS, BLOCK_CELLS))
    planned: list[int] = []
    for height in heights:
        pieces = [most] * (height // most) + [height % most] * (height % most > 0)
        for piece in pieces:
            if planned and planned[-1] + piece <= strip:
                planned[-1] += piece
            else:
                planned.append(piece)
    return planned
