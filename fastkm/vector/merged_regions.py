"""The regions of a label map, merged where they are one on the globe, and their rings in pixels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from fastkm.geometry.region_merging import find_bridged_pairs, find_touching_pairs, merge_pairs
from fastkm.geometry.regions import Boundary, Regions, Rings, find_regions, renumber, trace_rings
from fastkm.vector.polygons import PolygonParts, cut_to_windows, select_polygons
from fastkm.vector.seam import Window, unroll_columns
from fastkm.vector.strips import require_bridge

if TYPE_CHECKING:
    from fastkm.raster.grid.geolocation import Grid

BATCH_POINTS = 1 << 18
"""Points of the polygons that are placed at a time, about: 4 MB, and 20 times as much on the way."""


class MergedRegions(NamedTuple):
    """The regions of a label map, merged across the seam, at corners and over bridges.

    Attributes
    ----------
    numbers : (rows, columns) int32 array
        The region of each cell, -1 where missing; ordered by first cell.
    labels : (n,) int64 array
        The label of each region.
    cells : (n,) int64 array
        Its number of cells.
    parts : Regions
        The 4-connected parts of regions within the array.
    owners : (p,) int64 array
        The region of each part.
    """

    numbers: np.ndarray
    labels: np.ndarray
    cells: np.ndarray
    parts: Regions
    owners: np.ndarray


class RegionRings(NamedTuple):
    """Polygons in pixels, not cut; the region of each, (p,); and the windows to cut them to."""

    rings: Rings
    owners: np.ndarray
    windows: tuple[Window, ...]

    def select(self, wanted: np.ndarray) -> RegionRings:
        """Return the polygons of some regions; `wanted` is a bool array by region."""
        mine = np.flatnonzero(wanted[self.owners])
        if len(mine) == len(self.owners):
            return self
        return self._replace(rings=select_polygons(self.rings, mine), owners=self.owners[mine])

    def cut(self) -> PolygonParts:
        """Cut the polygons to the windows."""
        return cut_to_windows(self.rings, self.owners, self.windows)

    def split(self, regions: int) -> Iterator[np.ndarray]:
        """Yield which regions to do together, of so many, as bool arrays: some `BATCH_POINTS` points."""
        sizes = np.diff(self.rings.ring_offsets[self.rings.polygon_offsets])
        points = np.cumsum(np.bincount(self.owners, sizes, minlength=regions))
        batch = points // BATCH_POINTS
        for number in np.unique(batch) if regions else (0,):
            yield batch == number


def find_merged_regions(
    values: Any, grid: Grid, connectivity: Literal[4, 8], bridge: Any = 0
) -> MergedRegions:
    """Find the regions of a label map; merge those with up to `bridge` missing cells between."""
    require_bridge(bridge)
    parts, periodic = find_regions(values), bool(grid.turn)
    if connectivity == 4 and not periodic and bridge == 0:
        return MergedRegions(*parts[:3], parts, np.arange(len(parts.labels)))
    # the region of each part
    pairs = find_touching_pairs(parts, connectivity=connectivity, periodic=periodic)
    pairs = np.concatenate([pairs, find_bridged_pairs(parts, int(bridge), periodic=periodic)])
    owners = merge_pairs(parts, pairs)
    # labels, cells and map of the regions
    count = int(owners.max(initial=-1)) + 1
    labels = np.empty(count, np.int64)
    labels[owners] = parts.labels
    cells = np.bincount(owners, parts.cells, minlength=count).astype(np.int64)
    return MergedRegions(renumber(parts.numbers, owners), labels, cells, parts, owners)


def trace_regions(
    regions: MergedRegions,
    grid: Grid,
    west: float | None,
    boundary: Boundary,
    junctions: bool,
    wanted: np.ndarray | None = None,
) -> RegionRings:
    """Trace the rings of the regions that are wanted (a bool array; by default all)."""
    plane = unroll_columns(grid, regions.numbers.shape[1], west)
    parts, owners = regions.parts, regions.owners
    if grid.turn:
        parts = find_regions(np.take(regions.numbers, plane.columns, axis=1))
        owners = parts.labels  # the labels of this map are the numbers of regions
    chosen = None if wanted is None else wanted[owners]
    rings = trace_rings(parts, boundary=boundary, junctions=junctions, wanted=chosen)
    if plane.first:
        rings.points[:, 1] += plane.first
    return RegionRings(rings, owners[rings.regions], plane.windows)
