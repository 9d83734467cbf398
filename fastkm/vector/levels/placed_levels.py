"""Lines of levels, and the bands between them, in coordinates.

A raster is traced window by window (`fastkm.vector.seam`): a round grid in one, which begins and ends
where longitudes do, with the same values on both ends. Each vertex is placed once, so the bands on
both sides of a line have the same points, and so has what lies west and east of the seam.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastkm._core.threads import map_chunks
from fastkm.cluster.exact.predict import label
from fastkm.geometry.level_lines import BandRings, LevelVertices, collect_rings, trace_levels
from fastkm.raster.grid.curvilinear import CurvilinearGrid
from fastkm.raster.grid.geolocation import BLOCK
from fastkm.vector.antimeridian import select_polygonal_parts
from fastkm.vector.polygonize import find_west, to_cells_and_grid
from fastkm.vector.polygons import (
    ON_CUT,
    collect_by_region,
    cut_where_crossing,
    is_mirrored,
    wrap_into_turn,
)
from fastkm.vector.seam import Window, unroll_columns

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from fastkm.raster.grid.geolocation import Grid


class LevelRaster(NamedTuple):
    """A raster, its labels by levels, and where it lies.

    Attributes
    ----------
    values : (rows, columns) array of numbers
    labels : (rows, columns) array of int
        The number of levels below each value, -1 where missing.
    levels : (k,) float64 array
    grid : Grid
    west : float or None
        The meridian where longitudes begin, None for where the raster's do.
    """

    values: np.ndarray
    labels: np.ndarray
    levels: np.ndarray
    grid: Grid
    west: float | None

    def trace(self, threads: int | None) -> Iterator[tuple[Window, LevelVertices, np.ndarray]]:
        """Yield the vertices of each window of columns, and their coordinates."""
        windows = unroll_columns(self.grid, self.values.shape[1], self.west).windows
        if self.grid.turn and isinstance(self.grid, CurvilinearGrid):
            # pieces meet again: on centres of cells, which are the same ones on both sides
            windows = ((0.0, float(self.grid.turn)),)
        for window in windows:
            vertices = trace_levels(
                self.values, self.labels, self.levels, window,
                periodic=bool(self.grid.turn), threads=threads,
            )  # fmt: skip
            yield window, vertices, self.place(vertices.points, threads)

    def place(self, points: np.ndarray, threads: int | None) -> np.ndarray:
        """Turn (row, column) into (x, y), with longitudes in the turn of the output."""
        grid, west = self.grid, self.west
        places = np.empty(points.shape)
        is_curved = isinstance(grid, CurvilinearGrid)

        def run(start: int, stop: int) -> None:
            placed = grid.place(points[start:stop])
            if is_curved:
                placed = wrap_into_turn(placed, self.find_curved_west())
            places[start:stop] = placed

        map_chunks(run, len(points), BLOCK, threads=threads)
        if not is_curved and west is not None and grid.in_degrees and len(points):
            # a window lies in one turn, and ends on its ends
            x = places[:, 0]
            x -= 360.0 * np.floor(((x.min() + x.max()) / 2 - west) / 360.0)
            for meridian in (west, west + 360.0):
                x[np.abs(x - meridian) < ON_CUT] = meridian
            np.clip(x, west, west + 360.0, out=x)
        return places

    def find_curved_west(self) -> float:
        """Return the meridian where the longitudes of a curvilinear grid are cut."""
        if self.west is None and isinstance(self.grid, CurvilinearGrid):
            return self.grid.find_west()
        return float(self.west or 0.0)


class TracedBands(NamedTuple):
    """Polygons of bands within one window of columns: their vertices, and rings in coordinates."""

    window: Window
    vertices: LevelVertices
    rings: BandRings


def read_levels(raster: Any, levels: np.ndarray, longitudes: str | None) -> LevelRaster:
    """Read a raster of finite or missing numbers, and label it by levels, which ascend.

    Raises
    ------
    ValueError
        If the raster has infinite values or is not (row, column), or `longitudes` is unknown.
    """
    cells, grid = to_cells_and_grid(raster, "raster")
    west = find_west(longitudes, grid)
    values = np.ma.getdata(cells)
    if values.dtype.kind not in "biuf":
        raise TypeError(f"raster must hold real numbers, got {values.dtype}")
    labels = label(cells, levels)
    if values.dtype.kind == "f":
        infinite = np.isinf(values)
        if infinite.any() and (infinite := infinite & (labels >= 0)).any():
            raise ValueError(
                "raster must be finite where it is not missing, got "
                f"{np.count_nonzero(infinite):,} infinite values"
            )
    floats = np.float32 if values.dtype.itemsize <= 2 else np.float64
    values = values if values.dtype.kind == "f" else values.astype(floats)
    return LevelRaster(values, labels, np.asarray(levels, np.float64), grid, west)


def check_levels(name: str, levels: ArrayLike) -> np.ndarray:
    """Return levels as an array; they must be finite and ascend.

    Examples
    --------
    >>> check_levels("breaks", [1, 2.5])
    array([1. , 2.5])
    """
    array = np.atleast_1d(np.asarray(levels))
    if array.dtype.kind not in "iuf" and array.size:
        raise TypeError(f"{name} must be numbers, got {levels!r}")
    array = array.astype(np.float64)
    if array.ndim != 1 or not np.isfinite(array).all() or (np.diff(array) <= 0).any():
        raise ValueError(f"{name} must be finite numbers that ascend, got {levels!r}")
    return array


def trace_bands(source: LevelRaster, threads: int | None) -> Iterator[TracedBands]:
    """Yield the bands of each window of columns, in coordinates."""
    curved = isinstance(source.grid, CurvilinearGrid)
    mirrored = is_mirrored(source.grid)
    for window, vertices, places in source.trace(threads):
        rings = collect_rings(vertices, places, mirrored=mirrored, curved=curved, threads=threads)
        yield TracedBands(window, vertices, rings)


def collect_bands(
    source: LevelRaster, traced: Sequence[TracedBands]
) -> tuple[np.ndarray, np.ndarray]:
    """Return one (Multi)Polygon for each band that has an area, and these bands, ascending."""
    import shapely

    rings = traced[0].rings
    if len(traced) > 1 or isinstance(source.grid, CurvilinearGrid) or not len(rings.bands):
        found = [to_polygons(source, own) for own in traced]
        owners = [own.rings.bands[which] for own, (_, which) in zip(traced, found, strict=True)]
        return collect_by_region(np.concatenate([one[0] for one in found]), np.concatenate(owners))
    # at once: polygons that are put together later are copied
    bands, firsts, counts = np.unique(rings.bands, return_index=True, return_counts=True)
    offsets = rings.ring_offsets, rings.polygon_offsets, np.append(firsts, len(rings.bands))
    kind = shapely.GeometryType.MULTIPOLYGON
    geometry = shapely.from_ragged_array(kind, rings.points, offsets)
    geometry[counts == 1] = shapely.get_geometry(geometry[counts == 1], 0)
    return geometry, bands


def to_polygons(source: LevelRaster, bands: TracedBands) -> tuple[np.ndarray, np.ndarray]:
    """Return the polygons of bands, cut where longitudes end, and the number of each one's own."""
    import shapely

    rings = bands.rings
    if len(rings.bands) == 0:
        return np.empty(0, object), np.empty(0, np.int64)
    offsets = (rings.ring_offsets, rings.polygon_offsets)
    polygons = shapely.from_ragged_array(shapely.GeometryType.POLYGON, rings.points, offsets)
    numbers = np.arange(len(polygons))
    if not isinstance(source.grid, CurvilinearGrid):
        return polygons, numbers
    polygons, numbers = cut_where_crossing(polygons, numbers, source.find_curved_west())
    # the seam of a curvilinear grid is no meridian: polygons that meet there become whole again
    joined = join_windows(source, [bands])
    regions, count = np.unique(joined, return_counts=True)
    split = regions[count > 1]
    mine = np.isin(joined[numbers], split)
    whole = [shapely.union_all(polygons[mine & (joined[numbers] == own)]) for own in split]
    parts, index = select_polygonal_parts(whole)
    polygons = np.concatenate([polygons[~mine], shapely.orient_polygons(parts)])
    return polygons, np.concatenate([numbers[~mine], split[index]])


def join_windows(source: LevelRaster, traced: Sequence[TracedBands]) -> np.ndarray:
    """Return a number for each polygon of all windows: that of the first one that it is one region with.

    Polygons that meet where a window ends are one region: across the seam, or at a meridian.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    before = np.cumsum([0, *(len(own.rings.bands) for own in traced)])
    neighbours = [(i, i + 1) for i in range(len(traced) - 1)]
    if source.grid.turn:
        neighbours.append((len(traced) - 1, 0))
    pairs = [np.empty((2, 0), np.int64)]
    pairs += [before[[a, b], None] + _pair_polygons(traced[a], traced[b]) for a, b in neighbours]
    found, n = np.concatenate(pairs, axis=1), int(before[-1])
    if n == 0:
        return np.empty(0, np.int64)
    graph = coo_array((np.ones(found.shape[1], bool), tuple(found)), shape=(n, n))
    count, component = connected_components(graph, directed=False)
    least = np.full(count, n)
    np.minimum.at(least, component, np.arange(n))
    return least[component]


def _pair_polygons(west: TracedBands, east: TracedBands) -> np.ndarray:
    """Return pairs of polygons of one band that meet where a window ends and the next begins, (2, m)."""
    sides = []
    for traced, number in ((west, 1), (east, 0)):
        (points, marks, _, following, first, offsets), end = traced.vertices, traced.window[number]
        # the vertex of each row where its cell ends there, and lines that end there
        at_rows = offsets[1:] - 1 if number else offsets[:-1]
        at_rows = at_rows[np.diff(offsets) > 0]
        found = np.concatenate([at_rows, np.arange(offsets[-1], first)])
        found = found[points[found, 1] == end]
        found = found[(marks[found] >= 0) == (found >= offsets[-1])]
        # both sides of lines
        polygons = traced.rings.numbers[following[2 * found, 1]]
        above = following[2 * found + 1, 1]
        above = np.where(above >= 0, traced.rings.numbers[np.maximum(above, 0)], -1)
        sides.append((points[found, 0] + 1j * marks[found], polygons, above))
    (keys, low, high), (other_keys, other_low, other_high) = sides
    _, a, b = np.intersect1d(keys, other_keys, return_indices=True)
    pairs = np.stack([np.append(low[a], high[a]), np.append(other_low[b], other_high[b])])
    return pairs[:, (pairs >= 0).all(axis=0)].astype(np.int64)
