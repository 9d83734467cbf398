"""Lines of levels, and the bands between them, in coordinates.

A raster is traced window by window (`fastkm.vector.seam`): a round grid in one, which begins and ends
where longitudes do, with the same values on both ends. Each vertex is placed once, so the bands on
both sides of a line have the same points, and so has what lies west and east of the seam.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastkm._core.threads import map_chunks
from fastkm.cluster.exact.predict import label
from fastkm.geometry.level_lines import BandRings, LevelVertices, collect_rings, trace_levels
from fastkm.raster.grid.curvilinear import CurvilinearGrid
from fastkm.raster.grid.geolocation import BLOCK
from fastkm.vector.polygonize import find_west, to_cells_and_grid
from fastkm.vector.polygons import ON_CUT, cut_where_crossing, is_mirrored, wrap_into_turn
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
    """Polygons of bands within one window, as rings, and whether they are placed.

    Attributes
    ----------
    window : (float, float)
    vertices : LevelVertices
    rings : BandRings
        In coordinates.
    joined : (p,) int64 array
        The number of each polygon's region: those that meet across the seam have one together.
    """

    window: Window
    vertices: LevelVertices
    rings: BandRings
    joined: np.ndarray


def read_levels(raster: Any, levels: np.ndarray, longitudes: str | None) -> LevelRaster:
    """Read a raster of finite or missing numbers, and label it by levels, which ascend.

    Raises
    ------
    ValueError
        If the raster has infinite values or is not (row, column), or `longitudes` is unknown.
    """
    cells, grid = to_cells_and_grid(raster)
    west = find_west(longitudes, grid)
    values = np.ma.getdata(cells)
    if values.dtype.kind not in "biuf":
        raise TypeError(f"raster must hold real numbers, got {values.dtype}")
    labels = label(cells, levels)
    if values.dtype.kind == "f":
        with np.errstate(invalid="ignore"):
            infinite = np.isinf(values) & (labels >= 0)
        if infinite.any():
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
        rings = collect_rings(vertices, places, mirrored=mirrored, curved=curved)
        joined = np.arange(len(rings.bands))
        if source.grid.turn:
            joined = _join_across_seam(window, vertices, rings)
        yield TracedBands(window, vertices, rings, joined)


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
    regions, count = np.unique(bands.joined, return_counts=True)
    split = regions[count > 1]
    mine = np.isin(bands.joined[numbers], split)
    whole = [shapely.union_all(polygons[mine & (bands.joined[numbers] == own)]) for own in split]
    return (
        np.concatenate([polygons[~mine], np.array(whole, object)]),
        np.concatenate([numbers[~mine], split]),
    )


def _join_across_seam(window: Window, vertices: LevelVertices, rings: BandRings) -> np.ndarray:
    """Number polygons so that those that meet across the seam have the number of the first."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    points, marks, first = vertices.points, vertices.marks, vertices.first
    # where cells end at the seam: the first and the last vertex of each row, whose bands are equal
    starts, stops = vertices.row_offsets[:-1], vertices.row_offsets[1:] - 1
    some = stops > starts
    left, right = starts[some], stops[some]
    at_seam = (points[left, 1] == window[0]) & (points[right, 1] == window[1])
    at_seam &= marks[left] == marks[right]
    pairs = [np.stack([2 * left[at_seam], 2 * right[at_seam]])]
    # lines that end there, with both their sides
    on_columns = np.arange(vertices.row_offsets[-1], first)
    left, right = (on_columns[points[on_columns, 1] == end] for end in window)
    keys = [points[own, 0] + 1j * marks[own] for own in (left, right)]
    _, a, b = np.intersect1d(*keys, return_indices=True)
    crossings = marks[left[a]] >= 0
    both = np.stack([2 * left[a][crossings], 2 * right[b][crossings]])
    pairs += [both, both + 1]
    n = len(rings.bands)
    if n == 0:
        return np.empty(0, np.int64)
    found = rings.numbers[vertices.following[np.concatenate(pairs, axis=1), 1]]
    found = found[:, (found >= 0).all(axis=0)]
    graph = coo_array((np.ones(found.shape[1], bool), tuple(found)), shape=(n, n))
    count, component = connected_components(graph, directed=False)
    least = np.full(count, n)
    np.minimum.at(least, component, np.arange(n))
    return least[component]
