"""Lines of levels, and the bands between them, in pixels: no coordinates, no CRS.

`trace_levels` places every vertex once and links them; `collect_rings` and `collect_lines` make ragged
arrays of the vertices' coordinates, whatever these are by then. The kernels and their essays are in
`fastkm._kernels.level_crossings` and `fastkm._kernels.band_rings`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fastkm._core.threads import map_chunks
from fastkm._kernels.band_rings import (
    BAND,
    FIRST,
    NONE,
    POLYGON,
    SIZE,
    find_lines,
    find_rings,
    split_rings,
    write_rings,
)
from fastkm._kernels.level_crossings import MOST_LEVELS, count_vertices, cross_levels

MOST_VERTICES = 2**30 - 1
"""Codes, two a vertex, are numbered in int32."""

WRITES = 64
"""Parts in which rings are written, of as many rings: few calls, and no thread waits long for the last."""

ROWS = 64
"""Rows a chunk: with 3,600 columns their labels and values are 3 MB."""


class LevelVertices(NamedTuple):
    """Vertices of lines of levels, linked; see `fastkm._kernels.level_crossings`.

    Attributes
    ----------
    points : (n, 2) float64 array
        (row, column): whole numbers at cell centres, halves at cell edges.
    marks, rightward, following : arrays
        As the kernels have them.
    first : int
        The first vertex that lies on no edge between two nodes.
    row_offsets : (rows + 1,) int64 array
        Where the vertices on the edges along each row begin.
    """

    points: np.ndarray
    marks: np.ndarray
    rightward: np.ndarray
    following: np.ndarray
    first: int
    row_offsets: np.ndarray


class BandRings(NamedTuple):
    """Polygons of bands as ragged arrays, by band.

    Attributes
    ----------
    points : (m, 2) float64 array
        The vertices' coordinates. Rings are closed.
    ring_offsets : (r + 1,) int64 array
        Where each ring starts in `points`.
    polygon_offsets : (p + 1,) int64 array
        Where each polygon starts among the rings, its exterior first.
    bands : (p,) int64 array
        The band of each polygon, ascending.
    numbers : (walked rings,) int32 array
        The polygon of each ring in the second column of `LevelVertices.following`, -1 if it has none.
    path, starts : arrays
        The vertex of each point of all walked rings, and where each ring starts there.
    """

    points: np.ndarray
    ring_offsets: np.ndarray
    polygon_offsets: np.ndarray
    bands: np.ndarray
    numbers: np.ndarray
    path: np.ndarray
    starts: np.ndarray

    def place(
        self, places: np.ndarray, *, mirrored: bool = False, threads: int | None = None
    ) -> np.ndarray:
        """Return the points of all rings at other coordinates of the vertices."""
        points = np.empty((self.ring_offsets[-1], 2))
        starts, offsets = self.starts, self.ring_offsets

        def write(start: int, stop: int) -> None:
            some = offsets[start : stop + 1]
            write_rings(self.path, starts[start:stop], some, mirrored, places, points)

        map_chunks(write, len(starts), 1 + len(starts) // WRITES, threads=threads)
        return points


class _Columns(NamedTuple):
    """The columns of nodes in a window: which of the raster, and values on the window's ends."""

    places: np.ndarray  # (2, m): where nodes lie, and where the cell of each ends
    inner: np.ndarray  # columns of the raster
    left: tuple[np.ndarray, np.ndarray] | None  # values and labels on the window's end, if any
    right: tuple[np.ndarray, np.ndarray] | None


def trace_levels(
    values: np.ndarray,
    labels: np.ndarray,
    levels: np.ndarray,
    window: tuple[float, float] = (-np.inf, np.inf),
    *,
    periodic: bool = False,
    threads: int | None = None,
) -> LevelVertices:
    """Place and link the vertices of the lines of all levels, in a window of columns.

    Parameters
    ----------
    values : (rows, columns) array of numbers
        What they are in missing cells does not matter.
    labels : (rows, columns) array of int
        The number of levels below each value, -1 where missing.
    levels : (k,) float64 array
        Ascending.
    window : (float, float), optional
        Fractional columns; infinite if it does not end inside the raster. Cells, and lines, are cut
        there, where values are interpolated.
    periodic : bool, default: False
        Whether the column after the last is the first.
    threads : int, optional
        Threads to use.

    Raises
    ------
    ValueError
        If there are too many levels or vertices.
    """
    if len(levels) > MOST_LEVELS:
        raise ValueError(f"levels must be at most {MOST_LEVELS:,}, got {len(levels):,}")
    columns = _plan_columns(values, labels, levels, window, periodic=periodic)
    # the vertices of each row of faces, which begins on the row of nodes before
    faces = len(values) + 1
    counts = np.empty((faces, 3), np.int64)

    def count(start: int, stop: int) -> None:
        lattice = _make_lattice(values, labels, columns, start, stop)
        count_vertices(*lattice, levels, counts[start:stop])

    map_chunks(count, faces, ROWS, threads=threads)
    on_rows, on_edges = int(counts[:, 0].sum()), int(counts[:, :2].sum())
    n = int(counts.sum())
    if n > MOST_VERTICES:
        raise ValueError(
            f"lines of levels must have at most {MOST_VERTICES:,} points, and these have {n:,}: take "
            "fewer levels or a part of the raster"
        )
    starts = np.zeros((faces, 4), np.int64)
    starts[1:, 1:] = np.cumsum(counts, axis=0)[:-1]
    starts[1:, 0] = starts[:-1, 1]
    starts += [0, 0, on_rows, on_edges]
    # the vertices themselves
    points, marks = np.empty((n, 2)), np.empty(n, np.int32)
    rightward, following = np.empty(on_rows, np.int8), np.full((2 * n, 2), NONE, np.int32)

    def cross(start: int, stop: int) -> None:
        lattice = _make_lattice(values, labels, columns, start, stop)
        cross_levels(
            *lattice, levels, columns.places, start - 1.0, starts[start:stop], points, marks,
            rightward, following,
        )  # fmt: skip

    map_chunks(cross, faces, ROWS, threads=threads)
    split_rings(following, marks, points, on_edges, np.zeros(n, np.int32))
    return LevelVertices(points, marks, rightward, following, on_edges, starts[:, 1])


def collect_rings(
    vertices: LevelVertices,
    places: np.ndarray,
    *,
    mirrored: bool = False,
    curved: bool = False,
    threads: int | None = None,
) -> BandRings:
    """Collect the rings of all bands; exteriors are counter-clockwise unless places are mirrored.

    `places`, (n, 2) float64, are the coordinates of the vertices. If `curved`, points on straight
    lines of the frame stay, because they are not straight in coordinates.
    """
    points, marks, rightward, following, first, _ = vertices
    # rings
    path = np.empty(len(following), np.int32)
    rings = np.empty((len(following) // 3 + 1, 4), np.int32)
    count = find_rings(following, marks, rightward, points, places, first, curved, path, rings)
    rings = rings[:count]
    written = rings[:, FIRST] + rings[:, SIZE] - 1  # the first point comes twice in a ring
    path = path[: written[rings[:, SIZE] > 0].max(initial=0)]
    # by band and polygon, exteriors first, as they were found
    order = np.lexsort((rings[:, POLYGON], rings[:, BAND]))
    order = order[rings[order, SIZE] > 0]
    is_first = rings[order, POLYGON] == order
    polygons = order[is_first]
    polygon_offsets = np.append(np.flatnonzero(is_first), len(order))
    ring_offsets = np.append(0, np.cumsum(rings[order, SIZE], dtype=np.int64))
    bands = rings[polygons, BAND].astype(np.int64)
    # the polygon of each ring
    numbers = np.full(count, -1, np.int32)
    numbers[polygons] = np.arange(len(polygons), dtype=np.int32)
    numbers = numbers[rings[:, POLYGON]]
    starts = rings[order, FIRST].astype(np.int64)
    empty = np.empty((0, 2))
    found = BandRings(empty, ring_offsets, polygon_offsets, bands, numbers, path, starts)
    return found._replace(points=found.place(places, mirrored=mirrored, threads=threads))


def number_cells(vertices: LevelVertices, rings: BandRings, columns: np.ndarray) -> np.ndarray:
    """Return the polygon of the cell centres in some columns of each row, -1 where missing.

    Shape (rows, columns); `columns` are those of the vertices, int64, and lie in their window.
    """
    rows = len(vertices.row_offsets) - 1
    on_rows = vertices.points[: vertices.row_offsets[-1]]
    # the next vertex to the right, whose left side is the centre's
    width = 2.0 * (np.ptp(on_rows[:, 1]) + 4.0) if len(on_rows) else 1.0
    keys = on_rows[:, 0] * width + (on_rows[:, 1] - columns[0])
    wanted = np.arange(rows)[:, None] * width + (columns - columns[0])
    at = np.searchsorted(keys, wanted, side="right")
    found = at < np.repeat(vertices.row_offsets[1:, None], len(columns), axis=1)
    at = np.where(found, at, 0)
    if not len(on_rows):
        return np.full(wanted.shape, -1, np.int32)
    side = vertices.rightward[at]
    ring = vertices.following[2 * at + 1 - side, 1]
    # a cell begins at a vertex of the frame whose left side is no band
    is_missing = ~found | ((vertices.marks[at] < 0) & (side == 0))
    return np.where(is_missing, np.int32(-1), rings.numbers[np.where(is_missing, 0, ring)])


def collect_lines(
    vertices: LevelVertices, places: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Collect the lines of all levels: points, (m, 2), where each line starts, and its level.

    Lines have higher values on their left, where columns go to the right and rows upwards, and are
    ordered by level.
    """
    marks, following = vertices.marks, vertices.following
    path, lines = np.empty(len(following), np.int32), np.empty((len(marks) // 2 + 1, 2), np.int64)
    count = find_lines(following, marks, vertices.first, path, lines)
    levels = marks[path[lines[:count, 0]]]
    order = np.argsort(levels, kind="stable")
    starts, sizes = lines[order].T
    offsets = np.append(0, np.cumsum(sizes))
    index = np.repeat(starts - offsets[:-1], sizes) + np.arange(offsets[-1])
    return np.take(places, path[index], axis=0), offsets, levels[order].astype(np.int64)


def _plan_columns(
    values: np.ndarray,
    labels: np.ndarray,
    levels: np.ndarray,
    window: tuple[float, float],
    *,
    periodic: bool,
) -> _Columns:
    """Plan the columns of nodes: cell centres inside the window, its ends, and a margin.

    Examples
    --------
    >>> cells = np.array([[0.0, 4.0]]), np.array([[0, 1]]), np.array([3.0])
    >>> _plan_columns(*cells, (0.5, np.inf), periodic=False).places
    array([[-0.5,  0.5,  1. ,  2. ],
           [ 0.5,  0.5,  1.5,  2. ]])
    """
    count = values.shape[1]
    start, stop = window
    low = np.floor(start) + 1 if np.isfinite(start) else 0
    high = np.ceil(stop) if np.isfinite(stop) else count
    inner = np.arange(low, high, dtype=np.int64)
    nodes, ends = [inner.astype(np.float64)], [inner[:-1] + 0.5]
    # nodes on the ends of the window, where cells end too
    left = right = None
    if np.isfinite(start):
        left = _interpolate_end(values, labels, levels, start, np.floor(start + 0.5))
        nodes.insert(0, np.array([start]))
        ends.insert(0, np.array([start, max(start, low - 0.5)]))
    else:
        ends.insert(0, np.array([low - 0.5]))
    if np.isfinite(stop):
        right = _interpolate_end(values, labels, levels, stop, np.ceil(stop - 0.5))
        nodes.append(np.array([stop]))
        ends.append(np.array([min(stop, high - 0.5), stop]))
    else:
        ends.append(np.array([high - 0.5]))
    columns, ended = np.concatenate(nodes), np.concatenate(ends)
    columns = np.concatenate([columns[:1] - 1.0, columns, columns[-1:] + 1.0])
    places = np.stack([columns, np.append(ended, columns[-1])])
    return _Columns(places, inner % count if periodic else inner, left, right)


def _interpolate_end(
    values: np.ndarray, labels: np.ndarray, levels: np.ndarray, column: float, owner: float
) -> tuple[np.ndarray, np.ndarray]:
    """Interpolate values and labels at a fractional column, missing where the cell `owner` is."""
    count = values.shape[1]
    low = int(np.floor(column))
    share = column - low
    mine = int(owner) % count
    found, found_labels = values[:, mine].astype(np.float64), labels[:, mine].copy()
    if share > 0.0:
        before, after = low % count, (low + 1) % count
        both = (labels[:, before] >= 0) & (labels[:, after] >= 0)
        found[both] = values[both, before] * (1.0 - share) + values[both, after] * share
        found_labels[both] = np.searchsorted(levels, found[both])
    return found, found_labels


def _make_lattice(
    values: np.ndarray, labels: np.ndarray, columns: _Columns, start: int, stop: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and values of the nodes around some rows of faces, with the margin."""
    shape = (stop - start + 1, columns.places.shape[1])
    node_labels, node_values = np.full(shape, -1, np.int32), np.zeros(shape)
    # rows of nodes begin with the margin
    first, last = max(start - 1, 0), min(stop, len(values))
    rows = slice(first + 1 - start, last + 1 - start)
    begin = 1 if columns.left is None else 2
    inner = slice(begin, begin + len(columns.inner))
    for nodes, cells, number in ((node_values, values, 0), (node_labels, labels, 1)):
        some = cells[first:last]
        nodes[rows, inner] = (
            some if _is_range(columns.inner, cells.shape[1]) else some[:, columns.inner]
        )
        if columns.left is not None:
            nodes[rows, 1] = columns.left[number][first:last]
        if columns.right is not None:
            nodes[rows, -2] = columns.right[number][first:last]
    return node_labels, node_values


def _is_range(columns: np.ndarray, count: int) -> bool:
    """Return True if these are all columns in their order."""
    return len(columns) == count and columns[0] == 0
