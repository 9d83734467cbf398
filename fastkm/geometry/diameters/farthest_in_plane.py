"""The farthest pair of points in space and, by their convex hull, in the plane.

Points are (n, d) C-contiguous float64 rows. Where squares would overflow or underflow they are scaled
by a power of two. The kernels and their essays are in `fastkm._kernels.farthest_pair`, `hull_filter`
and `ring_diameters`.
"""

from __future__ import annotations

import math
from threading import Event
from typing import Any

import numpy as np

from fastkm._core import validation
from fastkm._core.threads import CHUNK_BYTES, map_chunks, rows_per_chunk
from fastkm._kernels import ring_diameters
from fastkm._kernels.farthest_pair import (
    find_farthest_in_chains,
    find_farthest_in_columns,
    find_farthest_of_few,
    find_hull,
)
from fastkm._kernels.hull_filter import (
    find_extents,
    find_points_beyond_chords,
    find_strip_extremes,
    lay_chords,
)

SAFE_EXPONENT = 400
"""Coordinates between 2^-400 and 2^400 have squares that neither overflow nor underflow."""

LEAST_SQUARE = 2.0**-800
"""A square above this has lost no digits to others that underflow."""

MANY_CORNERS = 1 << 10
"""Hull corners up to which all pairs are compared (0.2 ms); beyond, the chains are searched.
Contours on a lattice stay below: n cells across give some n^(2/3) corners."""

STRIPS = 1 << 9
"""Strips by which inner points are left out: 256 keep ten times as many points of a rough circle, and
with 1024 the extremes no longer stay in a first-level cache."""

FINER = 16
"""How many times as many strips are used if the first ones leave many points: of a smooth curve they
leave out half of these."""

MANY_LEFT = 1 << 11
"""Points up to which sorting them costs less (0.2 ms) than leaving more of them out."""

CHUNK = 1 << 10
"""Points a chunk in the comparison of all pairs."""

ROWS = rows_per_chunk(2 * 8)
"""Points a chunk in a pass over the plane."""

FEW = 64
"""Points that are compared pair by pair: 64 in the plane take 6.1 us where blocks of points take 7.3, 128 take 23 and 13."""

Pair = tuple[float, int, int]
"""A distance, or its square, and its two rows."""


def find_farthest(rows: np.ndarray, method: str, *, threads: int | None = None) -> Pair | None:
    """Return the largest distance between rows, at least one, and a pair; None if not all are finite.

    The method is "hull", "chunked" for all pairs, or "auto".
    """
    pair = compare_few(rows) if method != "hull" else None
    if pair is not None:
        return pair
    # few points: if their largest square is in range, they are finite and no square has lost digits
    if len(rows) <= ring_diameters.SMALL and method != "hull":
        with np.errstate(over="ignore", invalid="ignore"):
            pair = find_farthest_in_columns(validation.freeze(rows.T), 0, len(rows))
        if LEAST_SQUARE < pair[0] < 1 / LEAST_SQUARE:
            return math.sqrt(pair[0]), pair[1], pair[2]
    # the extent, and whether all is finite
    is_planar, box = rows.shape[1] == 2, np.empty(0)
    if is_planar:
        box, finite = find_bounding_box(rows, threads=threads)
        size = np.abs(box).max()
    else:
        size = np.abs(rows).max(initial=0.0)
        finite = np.isfinite(size)
    if not finite:
        return None
    # squares in range
    exponent = int(np.frexp(size)[1])
    if abs(exponent) > SAFE_EXPONENT:
        rows, box = validation.freeze(np.ldexp(rows, -exponent)), np.ldexp(box, -exponent)
    else:
        exponent = 0
    # the pair
    if is_planar and (method == "hull" or (method == "auto" and len(rows) > ring_diameters.SMALL)):
        square, first, second = compare_hull_corners(rows, box, threads=threads)
    else:
        square, first, second = compare_all_pairs(rows, threads=threads)
    with np.errstate(over="ignore"):
        return float(np.ldexp(np.sqrt(square), exponent)), first, second


def compare_few(rows: np.ndarray) -> Pair | None:
    """Compare all pairs of up to `FEW` rows; None if there are more, or squares may lose digits."""
    if len(rows) > FEW or not np.vdot(rows, rows) < 1 / LEAST_SQUARE:
        return None
    square, first, second = find_farthest_of_few(rows)
    return (math.sqrt(square), first, second) if square > LEAST_SQUARE else None


def find_diameters(
    rows: np.ndarray, bounds: np.ndarray, *, threads: int | None = None
) -> np.ndarray:
    """Return the largest distance in each contour, from one of `bounds` to the next; NaN for none."""
    validation.require_finite(rows, "points")
    found = np.full(len(bounds) - 1, -1.0)
    if rows.shape[1] == 2:
        _run_on_contours(ring_diameters.find_squared_diameters, rows, bounds, found, threads)
        np.sqrt(found, out=found, where=found >= 0)
    found[np.diff(bounds) == 0] = np.nan
    # contours that are long, or whose squares are out of range
    for i in np.flatnonzero(found < 0):
        found[i] = _measure_diameter(rows[bounds[i] : bounds[i + 1]], threads)
    return found


def exceeds_limit(
    rows: np.ndarray, bounds: np.ndarray, limit: float, *, threads: int | None = None
) -> np.ndarray:
    """Return for each contour whether its largest distance exceeds a limit."""
    verdicts = np.full(len(bounds) - 1, ring_diameters.UNKNOWN, np.uint8)
    square = find_largest_square(limit)
    if rows.shape[1] == 2:
        kernel = ring_diameters.mark_exceeding_rings
        _run_on_contours(kernel, rows, bounds, verdicts, threads, square)
    # contours whose boxes do not decide
    unknown = np.flatnonzero(verdicts == ring_diameters.UNKNOWN)
    if len(unknown):
        validation.require_finite(rows, "points")
    for i in unknown:
        own = rows[bounds[i] : bounds[i + 1]]
        verdicts[i] = len(own) > 0 and _exceeds_limit(own, limit, square, threads)
    return verdicts == ring_diameters.YES


def find_largest_square(limit: float) -> float:
    """Return the largest number whose square root, rounded, does not exceed `limit`; -1 if none.

    Examples
    --------
    >>> find_largest_square(2.0) >= 4.0, find_largest_square(-1.0)
    (True, -1.0)
    """
    if limit < 0:
        return -1.0
    square = limit * limit
    while math.sqrt(square) > limit:
        square = math.nextafter(square, 0.0)
    while square < math.inf and math.sqrt(math.nextafter(square, math.inf)) <= limit:
        square = math.nextafter(square, math.inf)
    return square


def find_bounding_box(rows: np.ndarray, *, threads: int | None = None) -> tuple[np.ndarray, bool]:
    """Return the least and greatest x, the least and greatest y, and whether all is finite."""

    def run(start: int, stop: int) -> tuple[np.ndarray, bool]:
        box = np.empty(4)
        return box, find_extents(rows[start:stop].reshape(-1), box)

    boxes, finite = zip(*map_chunks(run, len(rows), ROWS, threads=threads), strict=True)
    sides = np.stack(boxes)
    sides[:, ::2] *= -1
    box = sides.max(axis=0)
    box[::2] *= -1
    return box, all(finite)


def compare_all_pairs(
    rows: np.ndarray, *, beyond: float = np.inf, threads: int | None = None
) -> Pair:
    """Compare all pairs, chunks of second points in parallel.

    Once a square is above `beyond` it may be the one returned.
    """
    if len(rows) <= FEW:
        return find_farthest_of_few(validation.freeze(rows))
    columns = validation.freeze(rows.T)
    done = Event()

    def run(start: int, stop: int) -> Pair:
        if done.is_set():
            return 1.0, 0, 0
        square, first, second = find_farthest_in_columns(columns, start, stop)
        if square > beyond:
            done.set()
        return -square, first, second

    square, first, second = min(map_chunks(run, len(rows), CHUNK, threads=threads))
    return -square, first, second


def compare_hull_corners(rows: np.ndarray, box: np.ndarray, *, threads: int | None = None) -> Pair:
    """Compare the corners of the convex hull of points in the plane."""
    corners = find_hull_corners(rows, box, threads=threads)
    points = validation.freeze(rows[corners])
    if len(corners) <= MANY_CORNERS:
        order = np.argsort(corners)  # so ties go to the lowest rows, as if all were compared
        square, first, second = compare_all_pairs(points[order], threads=threads)
        return square, int(corners[order[first]]), int(corners[order[second]])
    rightmost = int(np.lexsort((points[:, 1], points[:, 0]))[-1])
    square, first, second = find_farthest_in_chains(points, rightmost)
    return square, int(corners[first]), int(corners[second])


def find_hull_corners(
    rows: np.ndarray, box: np.ndarray, *, threads: int | None = None
) -> np.ndarray:
    """Return the rows at the corners of the hull, counter-clockwise; of equal rows the first."""
    # leave out what strips, and sides of the box, show to be no corner
    if len(rows) <= MANY_LEFT:
        candidates = np.arange(len(rows))
    else:
        candidates = find_outer_rows(rows, box, 0, STRIPS, threads=threads)
    points = validation.freeze(rows[candidates])
    if len(candidates) > MANY_LEFT:
        keep = find_side_ends(points, box)
        candidates, points = candidates[keep], validation.freeze(points[keep])
    if len(candidates) > MANY_LEFT:
        strips = STRIPS if len(candidates) < FINER * STRIPS else FINER * STRIPS
        keep = find_outer_rows(points, box, 1, strips, threads=threads)
        candidates, points = candidates[keep], points[keep]
    # sort the others, and find the hull of the different ones
    order = np.lexsort((points[:, 1], points[:, 0]))
    candidates, points = candidates[order], points[order]
    new = np.concatenate(([True], (points[1:] != points[:-1]).any(axis=1)))
    candidates, points = candidates[new], validation.freeze(points[new])
    corners = np.empty(2 * len(points), np.int64)
    size = find_hull(points, corners)
    return np.asarray(candidates[corners[:size]])


def find_outer_rows(
    rows: np.ndarray, box: np.ndarray, axis: int, strips: int, *, threads: int | None = None
) -> np.ndarray:
    """List the rows that strips do not show to be inside the hull, ascending.

    `box` is that of these points and perhaps more; `axis`, 0 or 1, is the one across the strips.
    """
    sides = box[1::2] - box[::2]
    with np.errstate(divide="ignore", over="ignore"):
        if not np.isfinite(strips / sides).all():  # a line, which has no inside
            return np.arange(len(rows))

    def extremes(start: int, stop: int) -> np.ndarray:
        ends = np.empty((2, strips), np.int64)
        find_strip_extremes(rows[start:stop], axis, box, ends[0], ends[1])
        ends[ends >= 0] += start
        return ends

    def beyond(start: int, stop: int) -> np.ndarray:
        kept = np.empty(stop - start, np.int32)
        return (
            kept[: find_points_beyond_chords(rows[start:stop], axis, box, over, under, kept)]
            + start
        )

    # the highest and the lowest point of each strip, and the chords between them
    ends = np.stack(map_chunks(extremes, len(rows), ROWS, threads=threads))
    over, under = np.empty((2, strips)), np.empty((2, strips))
    mirror = np.array([1.0, -1.0] if axis == 0 else [-1.0, 1.0])
    mirrored = box.copy()
    mirrored[2 - 2 * axis : 4 - 2 * axis] = -box[2 - 2 * axis : 4 - 2 * axis][::-1]
    highest = _select_highest(rows[:, 1 - axis], ends[:, 1])
    lowest = _select_highest(-rows[:, 1 - axis], ends[:, 0])
    lay_chords(rows[highest], axis, box, over[0], over[1])
    lay_chords(rows[lowest] * mirror, axis, mirrored, under[0], under[1])
    under *= -1
    under[0] += sides[1 - axis]
    # the points beyond the chords
    return np.concatenate(map_chunks(beyond, len(rows), ROWS, threads=threads))


def _select_highest(heights: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Return one row a strip out of those of all chunks, (chunks, strips), -1 for none."""
    best = np.where(ends < 0, -np.inf, heights[ends]).argmax(axis=0)
    chosen = ends[best, np.arange(ends.shape[1])]
    return np.asarray(chosen[chosen >= 0])


def find_side_ends(rows: np.ndarray, box: np.ndarray) -> np.ndarray:
    """List the rows that are not on a side of the box between two others, ascending.

    A contour along the edge of its array has many such points, which strips cannot leave out.
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


def _measure_diameter(rows: np.ndarray, threads: int | None) -> float:
    pair = find_farthest(rows, "auto", threads=threads)
    return np.nan if pair is None else pair[0]


def _exceeds_limit(rows: np.ndarray, limit: float, square: float, threads: int | None) -> bool:
    """Return True if the largest distance of one contour exceeds a limit."""
    box = np.stack([rows.min(axis=0), rows.max(axis=0)])
    exponent = int(np.frexp(np.abs(box).max())[1])
    if rows.shape[1] == 2 or abs(exponent) > SAFE_EXPONENT:
        return _measure_diameter(rows, threads) > limit
    # in space the box may decide; its sides are summed as a pair's, so rounding keeps their order
    total = 0.0
    for side in box[1] - box[0]:
        total += float(side) * float(side)
        if float(side) * float(side) > square:
            return True
    if total <= square:
        return False
    return compare_all_pairs(rows, beyond=square, threads=threads)[0] > square


def _run_on_contours(
    kernel: Any,
    rows: np.ndarray,
    bounds: np.ndarray,
    found: np.ndarray,
    threads: int | None,
    *more: float,
) -> None:
    """Let a kernel fill `found`, chunks of contours in parallel."""
    mean = max(1, rows.nbytes // max(1, len(found)))

    def run(start: int, stop: int) -> None:
        kernel(rows, bounds, start, stop, *more, found)

    map_chunks(run, len(found), max(1, CHUNK_BYTES // mean), threads=threads)
