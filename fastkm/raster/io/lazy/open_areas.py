"""The areas of the cells of a lazy raster, as lazy as the raster is."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm.raster.grid.areas import cell_areas
from fastkm.raster.grid.axes import find_stack_axes
from fastkm.raster.io.choose import choose_steps, open_variables
from fastkm.raster.io.geotiff.read_geotiff import is_geotiff
from fastkm.raster.io.lazy.block_plan import Index, Lengths, simplify_index
from fastkm.raster.io.lazy.block_reader import KeptBlocks, keep_computed
from fastkm.raster.io.lazy.geotiff_source import describe_geotiff
from fastkm.raster.io.lazy.grid_source import load_coordinates, record_positions, take_positions
from fastkm.raster.io.read_bands import choose_plane, compute_plane_areas
from fastkm.raster.io.read_netcdf import crop

if TYPE_CHECKING:
    import xarray as xr

    from fastkm.raster.io.choose import Sel
    from fastkm.raster.io.read_netcdf import Bbox


def open_areas(
    path: str | os.PathLike[str],
    variable: str | None = None,
    *,
    like: xr.DataArray,
    time: int | str | np.datetime64 = 0,
    bbox: Bbox | None = None,
    sel: Sel | None = None,
    memory: int | str | None = None,
    used: int = 0,
) -> xr.DataArray:
    """Return the areas, in m2, of the cells of a lazy raster, as a dask array of the same blocks.

    The other parameters and the errors are those of `fastkm.raster.io.read_bands.read_areas`, to
    which the areas are equal. Blocks are kept as those of `fastkm.open_raster`, if they fit into the
    memory that is left beside bytes which are `used` for the raster: the areas of cells of a
    projection take a microsecond each.
    """
    chunks = like.chunks[-2:] if like.chunks else ()
    if is_geotiff(path):
        plane, _, _ = describe_geotiff(path, [1], None)
        areas = _measure_box(plane, cell_areas, bbox, chunks)
    else:
        with open_variables(path, [variable], decode=False) as [(stored, dataset)]:
            plane = load_coordinates(choose_plane(choose_steps(stored, sel), time))
            measure = partial(compute_plane_areas, dataset=dataset, bbox=None)
            areas = _measure_box(plane, measure, bbox, chunks)
    return areas.copy(data=keep_computed(areas.data, KeptBlocks.within(memory, used)))


def _measure_box(
    plane: xr.DataArray,
    measure: Callable[[xr.DataArray], xr.DataArray],
    bbox: Bbox | None,
    chunks: tuple[Lengths, ...],
) -> xr.DataArray:
    """Return the lazy areas of the cells of a raster in a box, which has these chunks.

    The limits of cells at the edges of the box lie midway to their neighbours outside.
    """
    import dask.array as da

    axes = find_stack_axes(plane)
    plane = plane.transpose(axes.y, axes.x)
    box, positions = take_positions(crop(record_positions(plane), axes, bbox), plane)

    # areas of the whole grid, cut where blocks of the box begin and end
    pairs = list(zip(plane.shape, positions, chunks, strict=True))
    lengths = tuple(_cut_whole(*pair) for pair in pairs)
    whole = measure(plane.copy(data=da.zeros(plane.shape, dtype=np.uint8, chunks=lengths)))

    # those in the box, in its order
    data = whole.data
    for axis, (_, own, chunk) in enumerate(pairs):
        before = (slice(None),) * axis
        parts = [data[(*before, index)] for index in _cut_box(own, chunk)]
        data = da.concatenate(parts, axis)
    areas = box.copy(data=data)
    areas.name, areas.attrs, areas.encoding = whole.name, whole.attrs, whole.encoding
    return areas


def _cut_whole(size: int, positions: np.ndarray, chunk: Lengths) -> Lengths:
    """Return lengths of the chunks of a dimension of which a box takes positions, in its chunks."""
    parts = [part for part in np.split(positions, np.cumsum(chunk)[:-1]) if part.size]
    ends = {0, size, *(int(p.min()) for p in parts), *(int(p.max()) + 1 for p in parts)}
    return tuple(np.diff(sorted(ends)).tolist())


def _cut_box(positions: np.ndarray, chunk: Lengths) -> list[Index]:
    """Return the positions of a box as one index if they are consecutive, otherwise by chunk."""
    index: Any = simplify_index(positions)
    if isinstance(index, slice):
        return [index]
    return [simplify_index(part) for part in np.split(positions, np.cumsum(chunk)[:-1])]
