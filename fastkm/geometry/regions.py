"""Regions of label maps and their rings, in cells: no coordinates, no CRS.

All regions of all labels are found and outlined at once. Each cell is compared with its neighbours;
after that the time grows with the boundaries only. The kernels and their essays are in
`fastkm._kernels.connected_components` and `fastkm._kernels.ring_tracing`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from fastkm._core import validation
from fastkm._core.threads import map_chunks, plan_chunks, rows_per_chunk
from fastkm._kernels.connected_components import (
    join_rows,
    number_runs,
    paint_runs,
    renumber_cells,
)
from fastkm._kernels.ring_tracing import (
    CORNERS,
    JUNCTIONS,
    MIDPOINTS,
    WALKS,
    link_turns,
    mark_turns,
    walk_rings,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike

Boundary = Literal["cell", "contour"]

MOST_REGIONS = 2**31 - 1
"""Regions are numbered in int32."""

RUNS = 1 << 16
"""Runs a chunk when the map of numbers is filled: 1 MB of runs."""

CELLS = 1 << 18
"""Cells a chunk when they are renumbered: 1 MB."""

POINTS = 1 << 17
"""Points a chunk when rings are written: 2 MB. With 1 MB it takes a tenth longer."""

SMALL = 1 << 16
"""Rows and columns below this fit 16 bits, and nodes up to its square fit 32."""


class Regions(NamedTuple):
    """The regions of a label map: cells of one label that are connected along edges.

    The arrays are read-only.

    Attributes
    ----------
    numbers : (rows, columns) int32 array
        The region of each cell, numbered by first cell in raster order; -1 where missing.
    labels : (n,) int64 array
        The label of each region.
    cells : (n,) int64 array
        The number of its cells.
    boxes : (n, 4) int32 array
        Its first row, first column, last row and last column, inclusive.
    """

    numbers: np.ndarray
    labels: np.ndarray
    cells: np.ndarray
    boxes: np.ndarray


class Rings(NamedTuple):
    """Polygons of regions as ragged arrays, one polygon a region.

    Attributes
    ----------
    points : (m, 2) float64 array
        (row, column): whole numbers at cell centres, halves at cell edges. Rings are closed:
        the first point is repeated at the end.
    ring_offsets : (r + 1,) int64 array
        Where each ring starts in `points`; ends with m.
    polygon_offsets : (p + 1,) int64 array
        Where each polygon starts among the rings; ends with r. The first ring of a polygon is
        its exterior, the others are its holes, in raster order of their first corners.
    regions : (p,) int64 array
        The region of each polygon, ascending.
    """

    points: np.ndarray
    ring_offsets: np.ndarray
    polygon_offsets: np.ndarray
    regions: np.ndarray


def find_regions(labels: ArrayLike) -> Regions:
    """Find the regions of a label map: cells of one label that are connected along edges [1]_.

    Labels are (rows, columns) integers or booleans, or floats that hold whole numbers. Cells are
    missing where the label is negative, NaN, masked, or missing by the attributes of a `DataArray`.

    References
    ----------
    .. [1] He, L., Chao, Y. & Suzuki, K. (2008). A run-based two-scan labeling algorithm. IEEE
       Transactions on Image Processing 17(5), 749-756.

    Examples
    --------
    >>> from fastkm.geometry.regions import find_regions
    >>> regions = find_regions([[5, 5, 7], [7, -1, 7]])
    >>> regions.numbers
    array([[ 0,  0,  1],
           [ 2, -1,  1]], dtype=int32)
    >>> regions.labels, regions.cells
    (array([5, 7, 7]), array([2, 2, 1]))
    """
    values, missing = check_labels(labels)
    # runs of equal cells in a row
    rows, columns = values.shape
    starts = _find_run_starts(values, missing)
    run_labels = _read_labels(values, missing, starts)
    starts = validation.freeze(np.append(starts, values.size))
    offsets = validation.freeze(np.searchsorted(starts, np.arange(rows + 1) * columns))
    # runs that touch become regions
    runs = np.arange(len(run_labels))
    n = _join_runs(starts, run_labels, offsets, columns, runs)
    if n > MOST_REGIONS:
        raise ValueError(f"labels must have at most {MOST_REGIONS} regions, got {n}")
    # what the regions are, and their map
    region_labels, cells = np.empty(n, np.int64), np.empty(n, np.int64)
    boxes = np.empty((n, 4), np.int32)
    number_runs(starts, run_labels, offsets, columns, runs, region_labels, cells, boxes)
    numbers = np.empty(values.shape, np.int32)
    flat, runs = numbers.reshape(-1), validation.freeze(runs)
    map_chunks(lambda i, j: paint_runs(starts, runs, i, j, flat), len(runs), RUNS)
    return Regions(*(validation.freeze(array) for array in (numbers, region_labels, cells, boxes)))


def renumber(numbers: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Look up the number of each cell in a table; -1 where it is negative.

    Examples
    --------
    >>> renumber(np.int32([[0, -1, 1]]), np.array([7, 5]))
    array([[ 7, -1,  5]], dtype=int32)
    """
    made = np.empty(numbers.shape, np.int32)
    cells, table = validation.freeze(numbers).reshape(-1), validation.freeze(table.astype(np.int32))
    flat = made.reshape(-1)
    map_chunks(lambda i, j: renumber_cells(cells, table, i, j, flat), cells.size, CELLS)
    return made


def trace_rings(
    regions: Regions,
    *,
    boundary: Boundary = "cell",
    junctions: bool = False,
    wanted: ArrayLike | None = None,
) -> Rings:
    """Trace the outlines of regions, with their holes.

    Rings are simple, and polygons valid. Exteriors run counter-clockwise in (x = column, y = row)
    axes, that is clockwise on paper with row 0 on top; holes run the other way.

    Parameters
    ----------
    regions : Regions
        From `find_regions`.
    boundary : {"cell", "contour"}, default: "cell"
        "cell" follows the edges of the cells, with points where it turns: the polygons tile the
        cells that are not missing. Where a region meets itself at a corner, what it encloses is a
        hole that touches the ring around it in that corner, as in ``rasterio.features.shapes``.
        "contour" is ``skimage.measure.find_contours`` of ``numbers == region`` at 0.5: one point
        half-way between each two neighbours of which one is in the region. It cuts corners, so it
        does not tile, and what a region encloses is open where the region meets itself at a corner
        only. Beyond the array's edge there are other cells.
    junctions : bool, default: False
        With "cell", put a point also where the edges of other regions end on a straight one, so that
        neighbours have the same points along the edge that they share. "contour" has none.
    wanted : (n,) bool array-like, optional
        The regions to trace; by default all.

    Examples
    --------
    >>> from fastkm.geometry.regions import find_regions, trace_rings
    >>> regions = find_regions([[1, 1, 1], [1, 0, 1], [1, 1, 1]])
    >>> rings = trace_rings(regions)
    >>> rings.points[rings.ring_offsets[1] : rings.ring_offsets[2]]  # the hole
    array([[0.5, 0.5],
           [1.5, 0.5],
           [1.5, 1.5],
           [0.5, 1.5],
           [0.5, 0.5]])
    """
    validation.require_choice("boundary", boundary, ("cell", "contour"))
    n = len(regions.labels)
    chosen = np.ones(n, bool) if wanted is None else np.asarray(wanted)
    if chosen.shape != (n,) or chosen.dtype != bool:
        got = f"{chosen.dtype} of shape {chosen.shape}"
        raise ValueError(f"wanted must be one boolean a region, shape ({n},), got {got}")
    contour = boundary == "contour"
    return _trace_chosen(regions, chosen, contour=contour, junctions=junctions and not contour)


def number_by_label(labels: np.ndarray) -> np.ndarray:
    """Return the number of each region among those of its label.

    Examples
    --------
    >>> number_by_label(np.array([5, 7, 5]))
    array([0, 0, 1])
    """
    order = np.argsort(labels, kind="stable")
    numbers = np.empty(len(labels), np.int64)
    firsts = np.searchsorted(labels[order], labels[order])
    numbers[order] = np.arange(len(labels)) - firsts
    return numbers


def check_labels(labels: ArrayLike, first: int = 0) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the labels as contiguous integers, and a mask of missing cells that are not negative.

    `first` is the number of the first row, for errors.
    """
    values, missing = validation.as_values_and_mask(labels, "labels")
    if values.ndim != 2:
        raise ValueError(f"labels must have shape (rows, columns), got {values.shape}")
    if values.dtype.kind == "f":
        real = ~np.isnan(values) if missing is None else ~np.isnan(values) & ~missing
        wrong = real & ((np.trunc(values) != values) | (np.abs(values) >= np.float64(2**63)))
        if wrong.any():
            row, column = np.argwhere(wrong)[0]
            raise ValueError(
                "labels must be whole numbers within int64 (NaN where missing), got "
                f"{values[row, column]} at row {first + row}, column {column}"
            )
        values, missing = np.where(real, values, -1).astype(np.int64), None
    if missing is not None:
        missing = validation.freeze(missing)
    return validation.freeze(values), missing


def _find_run_starts(values: np.ndarray, missing: np.ndarray | None) -> np.ndarray:
    """Find the flat indices of the cells that differ from their left neighbour, or have none."""
    columns = values.shape[1]

    def mark(first: int, marks: np.ndarray) -> None:
        part = slice(first, first + len(marks))
        marks[:, :1] = True
        np.not_equal(values[part, 1:], values[part, :-1], out=marks[:, 1:])
        if missing is not None:
            marks[:, 1:] |= missing[part, 1:] != missing[part, :-1]

    return _find_marked(mark, len(values), columns)


def _read_labels(values: np.ndarray, missing: np.ndarray | None, cells: np.ndarray) -> np.ndarray:
    """Return the labels of some cells as int64, negative where they are missing."""
    labels = values.reshape(-1)[cells].astype(np.int64)
    if missing is None:
        wrong = labels < 0
    else:
        gone = missing.reshape(-1)[cells]
        wrong = (labels < 0) & ~gone
        labels[gone] = -1
    if values.dtype == np.uint64 and wrong.any():
        raise ValueError(f"labels must be within int64, got {values.reshape(-1)[cells[wrong][0]]}")
    return validation.freeze(labels)


def _join_runs(
    starts: np.ndarray, labels: np.ndarray, offsets: np.ndarray, columns: int, runs: np.ndarray
) -> int:
    """Join runs into regions, chunks of rows in parallel; return the number of regions."""
    rows = len(offsets) - 1
    step = max(1, rows * RUNS // max(1, len(labels)))

    def join(start: int, stop: int) -> int:
        return join_rows(starts, labels, offsets, columns, start, stop, runs)

    joins = sum(map_chunks(lambda start, stop: join(start + 1, stop), rows, step))
    joins += sum(join(row, row + 1) for row, _ in plan_chunks(rows, step)[1:])
    return int(np.count_nonzero(labels >= 0)) - joins


def _trace_chosen(regions: Regions, wanted: np.ndarray, *, contour: bool, junctions: bool) -> Rings:
    """Trace the rings of some regions.

    The quarter turns of an exterior add up to 4, those of a hole to -4. So all places are known once
    turns are linked and counted, and regions can be written in parallel.
    """
    # corners where rings turn, in numbers as small as they may be
    numbers = validation.freeze(regions.numbers)
    turns = validation.freeze(find_turns(numbers))
    rows, columns = numbers.shape
    small = 4 * len(turns) <= SMALL**2 and max(rows, columns) < SMALL
    dtype = np.uint32 if small else np.int64
    # links from turn to turn; memory that no turn needs is never touched
    nodes, gaps = np.empty((4 * len(turns), 2), dtype), np.empty((len(turns), 2), dtype)
    tally = np.tile(np.array([0, 0, -1, -1, -1]), (len(wanted), 1))
    link_turns(
        turns,
        numbers,
        validation.freeze(regions.labels),
        validation.freeze(wanted),
        to_kind(contour=contour, junctions=junctions),
        np.zeros((2, columns + 1), np.int64),
        np.zeros(4, np.int64),
        nodes,
        gaps,
        tally,
        np.empty((0, 4), np.int64),
    )
    chosen = np.flatnonzero(wanted)
    if (tally[chosen, 2] < 0).any():
        raise ValueError("regions must be numbered by their first cells, as find_regions does")
    return follow_links(chosen, nodes, gaps, tally, contour=contour)


def to_kind(*, contour: bool, junctions: bool) -> int:
    """Return which points rings have, as `link_turns` wants it; contours have no junctions."""
    return MIDPOINTS if contour else JUNCTIONS if junctions else CORNERS


def follow_links(
    regions: np.ndarray, nodes: np.ndarray, gaps: np.ndarray, tally: np.ndarray, *, contour: bool
) -> Rings:
    """Write the rings of some regions, from what `link_turns` fills; their nodes are used up."""
    # points and rings of each region, and so their places
    sizes = tally[regions, :2]
    sizes[:, 1] = 2 - sizes[:, 1] // 4
    sizes[:, 0] += sizes[:, 1]
    ends = np.concatenate([np.zeros((1, 2), np.int64), np.cumsum(sizes, axis=0)])
    cursors = np.zeros((len(tally), 2), np.int64)
    cursors[regions] = ends[:-1]
    size, rings = ends[-1].tolist()
    # rings
    points, ring_offsets = np.empty((size, 2)), np.full(rings + 1, size)
    begins, order = ends[:-1, 0], validation.freeze(regions)

    def write(start: int, stop: int) -> None:
        first, last = np.searchsorted(begins, (start, stop))
        some, walks = order[first:last], np.empty((WALKS, 5), np.int64)
        walk_rings(some, nodes, gaps, contour, tally, cursors, ring_offsets, points, walks)

    map_chunks(write, size, POINTS)
    return Rings(points, ring_offsets, ends[:, 1], regions)


def find_turns(numbers: np.ndarray) -> np.ndarray:
    """Find the flat indices of the corners where rings turn."""
    rows, columns = numbers.shape
    if numbers.size == 0:
        return np.empty(0, np.int64)
    return _find_marked(
        lambda first, marks: mark_turns(numbers, first, marks), rows + 1, columns + 1
    )


def _find_marked(mark: Callable[[int, np.ndarray], None], rows: int, columns: int) -> np.ndarray:
    """Return the flat indices of what ``mark(first row, marks)`` marks, by chunks of rows."""

    def run(start: int, stop: int) -> np.ndarray:
        marks = np.empty((stop - start, columns), bool)
        mark(start, marks)
        return np.flatnonzero(marks) + start * columns

    found = map_chunks(run, rows, rows_per_chunk(columns))
    return np.concatenate([np.empty(0, np.int64), *found])
