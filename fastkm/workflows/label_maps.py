"""The label maps of a job: written block by block, those of all k in one pass over the raster.

Figures of large rasters show a cell of so many, which is taken from the blocks as they pass; values
that look like undeclared codes of missing cells are looked for in them. So nothing is read again.
All files are drafts until the pass has ended and each has been read again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastkm._core.cf_missing import Described, drop_stale_rules, find_missing, to_physical
from fastkm.raster.grid.repeated_columns import find_distinct_columns
from fastkm.raster.io.describe.suspicious import SentinelSearch
from fastkm.raster.io.geotiff.read_geotiff import is_geotiff, read_tags
from fastkm.raster.io.geotiff.write_geotiff import open_label_tiff
from fastkm.raster.io.lazy.block_reader import read_last
from fastkm.raster.io.open import is_zarr_store
from fastkm.raster.io.read_netcdf import read_global_attributes
from fastkm.raster.io.write_netcdf import open_label_netcdf
from fastkm.raster.io.write_zarr import open_label_zarr
from fastkm.raster.labels import Box, WriteBlock, iterate_cells
from fastkm.workflows.job import Colours, FileWriter, Selection, warn_of_sentinels
from fastkm.workflows.outputs import is_label_map

if TYPE_CHECKING:
    import xarray as xr

    from fastkm.raster.bands import BandStack
    from fastkm.workflows.cell_areas import CellAreas

MOST_DRAWN = 1024
"""Cells along a side of a lazy raster in figures, at most: a panel has 500 dots, or 1,000 alone."""


MANY_COLUMNS = 200
"""Columns from which cells are counted row by row if the areas of a row are equal: 4 ns a cell
(1800 x 3600), not 16 with an area for each cell; a row costs 2 us."""


class WrittenMaps(NamedTuple):
    """What is known of label maps when they are written; bands and maps of lazy ones are thinned."""

    stack: BandStack
    maps: dict[int, xr.DataArray]
    counts: dict[int, np.ndarray]  # cells of each cluster; those of repeated columns count once
    areas: dict[int, np.ndarray]  # of each cluster, in km2, in the same way


def write_maps(
    writer: FileWriter,
    maps: Mapping[int, xr.DataArray],
    stack: BandStack,
    colours: Mapping[int, Colours],
    selection: Selection,
    output: Path,
    *,
    by: str,
    count: bool = False,
    areas: CellAreas | None = None,
) -> WrittenMaps:
    """Write a label map for each k, whose history says how it was made (`by`) from which bands.

    GeoTIFFs need `colours`.
    The cells of clusters are counted only if `count` is True, and their `areas` are added up only if
    those of cells are given.
    """
    plan = plan_maps(maps, selection, output, by=by, of=stack)
    source = f"{selection.file.name}: {', '.join(stack.names)}"
    lazy = stack.is_lazy
    if lazy:
        chunks = dict(zip(stack.grid.dims, stack.grid.data.chunks, strict=True))
        maps = {k: labels.chunk(chunks) for k, labels in maps.items()}
    views = [_Thinned(array) for array in (*maps.values(), *stack.bands)] if lazy else []
    codes = _Sentinels(stack) if lazy else None
    counts = {k: _Counts(labels) for k, labels in maps.items() if count}
    sums = {} if areas is None else {k: _Counts(labels) for k, labels in maps.items()}
    with ExitStack() as files, read_last():
        writes = [
            files.enter_context(
                _open_map(
                    labels, path, selection, colours.get(k, ()), source=source, history=history
                )
            )
            for (k, labels), (path, history) in zip(maps.items(), plan.items(), strict=True)
        ]
        arrays = [labels.data for labels in maps.values()]
        bands = [band.data for band in stack.bands] if lazy else []
        for box, blocks in iterate_cells([*arrays, *bands]):
            for write, block in zip(writes, blocks, strict=False):
                write(box, block)
            for own, block in zip(counts.values(), blocks, strict=False):
                own.add(box, block)
            measured = None if areas is None else areas.measure(box)
            for total, block in zip(sums.values(), blocks, strict=False):
                total.add(box, block, measured)
            for view, block in zip(views, blocks, strict=False):
                view.add(box, block)
            if codes is not None:
                codes.add(blocks[len(maps) :])
            del blocks
    writer.files += plan
    counted = {k: own.cells for k, own in counts.items()}
    summed = {} if areas is None else {k: own.cells * areas.unit for k, own in sums.items()}
    if codes is None:
        return WrittenMaps(stack, dict(maps), counted, summed)
    warn_of_sentinels(codes.find())
    seen = [view.to_array() for view in views]
    thinned = replace(stack, bands=tuple(map(_decode, seen[len(maps) :])), whole=None)
    return WrittenMaps(thinned, dict(zip(maps, seen, strict=False)), counted, summed)


def plan_maps(
    ks: Iterable[int], selection: Selection, output: Path, *, by: str, of: BandStack
) -> dict[Path, str]:
    """Return the path of the label map of each k, and its history; see `write_maps`.

    In a folder the label maps have the format of the raster's file.
    """
    suffix = ".tif" if is_geotiff(selection.file) else ".nc"
    bands = ", ".join(of.names)
    return {
        output if is_label_map(output) else output / f"labels_k{k}{suffix}": (
            f"{by} of {bands}, k = {k}, in {selection}"
        )
        for k in ks
    }


def read_history(path: Path) -> str:
    """Read the history that `write_maps` gave to a label map; empty if there is none."""
    if not (path.is_file() or is_zarr_store(path)):
        return ""
    read = read_tags if is_geotiff(path) else read_global_attributes
    try:
        history = str(read(path).get("history", ""))
    except OSError:
        return ""
    program, _, done = history.partition("\n")[0].partition(": ")
    return done if program.startswith("fastkm ") else ""


def require_replaceable_store(output: Path, *, overwrite: bool) -> None:
    """Raise a ValueError if a Zarr store would be replaced that is no label map of fastkm."""
    if is_zarr_store(output) and not (overwrite or read_history(output)):
        raise ValueError(
            f"{output} exists and is no label map of fastkm: name another store, or replace it "
            "with --overwrite"
        )


def _open_map(
    labels: xr.DataArray,
    path: Path,
    selection: Selection,
    colours: Colours,
    **words: str,
) -> AbstractContextManager[WriteBlock]:
    """Open the file of a label map in the format of its name."""
    if is_geotiff(path):
        return open_label_tiff(labels, path, colours=colours, **words)
    inherited = read_global_attributes(selection.file)
    opened = open_label_zarr if path.suffix.lower() == ".zarr" else open_label_netcdf
    return opened(labels, path, inherited=inherited, **words)


class _Counts:
    """Counts the cells of each cluster, or their areas, without columns that repeat others."""

    def __init__(self, labels: xr.DataArray) -> None:
        columns = next(iter(find_distinct_columns(labels).values()), slice(None))
        self.stop = columns.indices(labels.shape[1])[1]
        self.cells = np.zeros(len(labels.attrs["flag_values"]), np.int64)

    def add(self, box: Box, block: np.ndarray, areas: np.ndarray | None = None) -> None:
        """Count the cells of a block, or add up their areas, which are whole numbers."""
        block = block[:, : max(0, self.stop - box[1].start)]
        size = len(self.cells) + 1
        if areas is not None and areas.shape[1] == 1 and block.shape[1] >= MANY_COLUMNS:
            rows = [np.bincount(row.astype(np.intp) + 1, minlength=size) for row in block]
            found = areas[:, 0] @ np.stack(rows)
        else:
            shifted = block.astype(np.intp).ravel() + 1
            sizes = None
            if areas is not None:
                sizes = np.broadcast_to(areas[:, : block.shape[1]], block.shape).ravel()
            found = np.bincount(shifted, sizes, minlength=size)
        self.cells += found[1:].astype(np.int64)


class _Sentinels:
    """Finds values that look like codes of missing cells in the bands of a stack."""

    def __init__(self, stack: BandStack) -> None:
        # the brightest cells of a photo are no codes
        stored = np.dtype(stack.grid.encoding.get("dtype", stack.grid.dtype))
        is_photo = stack.whole is not None and stored == np.uint8
        bands = [] if is_photo else [drop_stale_rules(band) for band in stack.bands]
        self.searches = [(band, SentinelSearch()) for band in bands]

    def add(self, blocks: list[np.ndarray]) -> None:
        """Look at a block of each band."""
        for (band, search), block in zip(self.searches, blocks, strict=False):
            search.add(Described(block, band.attrs, band.encoding))

    def find(self) -> list[float]:
        """Return the values, each once."""
        return list(dict.fromkeys(value for _, search in self.searches for value in search.find()))


class _Thinned:
    """A raster of which each cell stands for so many, taken from its blocks."""

    def __init__(self, array: xr.DataArray) -> None:
        step = math.ceil(max(array.shape) / MOST_DRAWN)
        self.cuts = [slice(min(step // 2, (size - 1) // 2), size, step) for size in array.shape]
        self.array = array.isel(dict(zip(array.dims, self.cuts, strict=True)))
        self.values = np.empty(self.array.shape, array.dtype)

    def add(self, box: Box, block: np.ndarray) -> None:
        """Take the cells of a block."""
        places, cells = [], []
        for cut, side in zip(self.cuts, box, strict=True):
            first = max(0, math.ceil((side.start - cut.start) / cut.step))
            start = cut.start + first * cut.step - side.start
            count = len(range(start, side.stop - side.start, cut.step))
            places.append(slice(first, first + count))
            cells.append(slice(start, None, cut.step))
        self.values[tuple(places)] = block[tuple(cells)]

    def to_array(self) -> xr.DataArray:
        """Return the raster."""
        return self.array.copy(data=self.values)


def _decode(band: xr.DataArray) -> xr.DataArray:
    """Return a band with NaN in missing cells, in physical units."""
    own: Any = drop_stale_rules(band)
    missing, values = find_missing(own), to_physical(own)
    return band.copy(data=np.where(missing, np.nan, values) if missing.any() else values)
