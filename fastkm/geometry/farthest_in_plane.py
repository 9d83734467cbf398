"""The farthest pair of points in space and, by their convex hull, in the plane.

Arrays here are checked: C-contiguous float64, finite, with squares in range. The kernels and their
essays are in `fastkm._kernels.farthest_pair` and `fastkm._kernels.hull_filter`.
"""

from __future__ import annotations

from threading import Event

import numpy as np

from fastkm._core import validation
from fastkm._core.threads import map_chunks, rows_per_chunk
from fastkm._kernels.farthest_pair import farthest_in_columns, farthest_of_chains, hull
from fastkm._kernels.hull_filter import beyond_chords, chords, extents, strip_extremes

MANY_CORNERS = 1 << 10
"""Hull corners up to which all pairs are compared (0.2 ms); beyond, the chains are searched.
Contours on a lattice stay below: n cells across give some n^(2/3) corners."""

STRIPS = 1 << 9
"""Strips that points are sorted out by: 256 keep ten times as many points of a rough circle, and
with 1024 the extremes no longer stay in a first-level cache."""

FINER = 16
"""How many times as many strips sort out what the first ones leave, where that is much: of a smooth
curve half of it goes then."""

MANY_LEFT = 1 << 11
"""Points of which it pays to throw out more before they are sorted (0.2 ms)."""

CHUNK = 1 << 10
"""Points a chunk in the comparison of all pairs."""

ROWS = rows_per_chunk(2 * 8)
"""Points a chunk in a pass over the plane."""

Pair = tuple[float, int, int]
"""A squared distance and its two rows."""


def bounding_box(rows: np.ndarray, *, threads: int | None = None) -> tuple[np.ndarray, bool]:
    """Give the least and greatest x, the least and greatest y, and whether all is finite."""

    def run(start: int, stop: int) -> tuple[np.ndarray, bool]:
        box = np.empty(4)
        return box, extents(rows[start:stop], box)

    boxes, finite = zip(*map_chunks(run, len(rows), ROWS, threads=threads), strict=True)
    sides = np.stack(boxes)
    sides[:, ::2] *= -1
    box = sides.max(axis=0)
    box[::2] *= -1
    return box, all(finite)


def farthest_of_all(
    rows: np.ndarray, *, beyond: float = np.inf, threads: int | None = None
) -> Pair:
    """Compare all pairs, chunks of second points in parallel.

    Once a square is above `beyond` it may be the one returned.
    """
    columns = validation.frozen(rows.T)
    done = Event()

    def run(start: int, stop: int) -> Pair:
        if done.is_set():
            return 1.0, 0, 0
        square, first, second = farthest_in_columns(columns, start, stop)
        if square > beyond:
            done.set()
        return -square, first, second

    square, first, second = min(map_chunks(run, len(rows), CHUNK, threads=threads))
    return -square, first, second


def farthest_by_hull(rows: np.ndarray, box: np.ndarray, *, threads: int | None = None) -> Pair:
    """Compare the corners of the convex hull of points in the plane."""
    corners = hull_corners(rows, box, threads=threads)
    points = validation.frozen(rows[corners])
    if len(corners) <= MANY_CORNERS:
        order = np.argsort(corners)  # ties then go to the lowest rows, as where all are compared
        square, first, second = farthest_of_all(points[order], threads=threads)
        return square, int(corners[order[first]]), int(corners[order[second]])
    rightmost = int(np.lexsort((points[:, 1], points[:, 0]))[-1])
    square, first, second = farthest_of_chains(points, rightmost)
    return square, int(corners[first]), int(corners[second])


def hull_corners(rows: np.ndarray, box: np.ndarray, *, threads: int | None = None) -> np.ndarray:
    """Give the rows at the corners of the convex hull, counter-clockwise; of equal rows the first."""
    if len(rows) <= MANY_LEFT:
        candidates = np.arange(len(rows))
    else:
        candidates = outer_rows(rows, box, 0, STRIPS, threads=threads)
    points = validation.frozen(rows[candidates])
    if len(candidates) > MANY_LEFT:
        keep = ends_of_sides(points, box)
        candidates, points = candidates[keep], validation.frozen(points[keep])
    if len(candidates) > MANY_LEFT:
        strips = STRIPS if len(candidates) < FINER * STRIPS else FINER * STRIPS
        keep = outer_rows(points, box, 1, strips, threads=threads)
        candidates, points = candidates[keep], points[keep]
    order = np.lexsort((points[:, 1], points[:, 0]))
    candidates, points = candidates[order], points[order]
    new = np.concatenate(([True], (points[1:] != points[:-1]).any(axis=1)))
    candidates, points = candidates[new], validation.frozen(points[new])
    corners = np.empty(2 * len(points), np.int64)
    size = hull(points, corners)
    return np.asarray(candidates[corners[:size]])


def outer_rows(
    rows: np.ndarray, box: np.ndarray, axis: int, strips: int, *, threads: int | None = None
) -> np.ndarray:
    """List the rows that strips do not show to be inside the hull, ascending.

    Parameters
    ----------
    rows : (n, 2) float64 array
    box : (4,) float64 array
        Of these points and perhaps more.
    axis : {0, 1}
        The axis across the strips.
    strips : int
        Their number.
    """
    sides = box[1::2] - box[::2]
    with np.errstate(divide="ignore", over="ignore"):
        if not np.isfinite(strips / sides).all():  # a line, which has no inside
            return np.arange(len(rows))

    def extremes(start: int, stop: int) -> np.ndarray:
        ends = np.empty((2, strips), np.int64)
        strip_extremes(rows[start:stop], axis, box, ends[0], ends[1])
        ends[ends >= 0] += start
        return ends

    def beyond(start: int, stop: int) -> np.ndarray:
        kept = np.empty(stop - start, np.int32)
        return kept[: beyond_chords(rows[start:stop], axis, box, over, under, kept)] + start

    ends = np.stack(map_chunks(extremes, len(rows), ROWS, threads=threads))
    over, under = np.empty((2, strips)), np.empty((2, strips))
    mirror = np.array([1.0, -1.0] if axis == 0 else [-1.0, 1.0])
    mirrored = box.copy()
    mirrored[2 - 2 * axis : 4 - 2 * axis] = -box[2 - 2 * axis : 4 - 2 * axis][::-1]
    highest = _highest_of(rows[:, 1 - axis], ends[:, 1])
    lowest = _highest_of(-rows[:, 1 - axis], ends[:, 0])
    chords(rows[highest], axis, box, over[0], over[1])
    chords(rows[lowest] * mirror, axis, mirrored, under[0], under[1])
    under *= -1
    under[0] += sides[1 - axis]
    return np.concatenate(map_chunks(beyond, len(rows), ROWS, threads=threads))


def _highest_of(heights: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Choose one row a strip out of those of all chunks, (chunks, strips), -1 for none."""
    best = np.where(ends < 0, -np.inf, heights[ends]).argmax(axis=0)
    chosen = ends[best, np.arange(ends.shape[1])]
    return np.asarray(chosen[chosen >= 0])


def ends_of_sides(rows: np.ndarray, box: np.ndarray) -> np.ndarray:
    """List the rows that are not on a side of the box between two others, ascending.

    A contour along the edge of its array has many such points, which no strip tells from corners.
    """
    keep = np.ones(len(rows), bool)
    ends = []
    for axis in (0, 1):
        for side in box[2 * axis : 2 * axis + 2]:
            on = np.flatnonzero(rows[:, axis] == side)
            if len(on):
                along = rows[on, 1 - axis]
                ends += [on[along.argmin()], on[along.argmax()]]
                keep[on] = False
    keep[ends] = True
    return np.flatnonzero(keep)
