"""Rings with their corners cut, in pixels, such that neighbours still share each line.

Chaikin's corner cutting [1]_ replaces a point p between a and b by p + (a - p) / 4 and
p + (b - p) / 4, again and again; the limit is a quadratic spline. Here it runs on outlines with a point
at every corner of a cell, and one rule says which points it moves:

    a corner is *free* if of the four cells around it three are of one region and one is of another

Cells that are missing count as one region. Every other point stays: junctions, where three regions
meet; corners in which a region meets itself or another one diagonally; and the frame of the map. So
whether a corner is cut, and how, is seen from the cells around it. The rings on both sides of a line
find the same without knowing of each other, and so do copies of a line beyond a seam.

Cuts of one corner never meet those of another, because they reach less than half a cell along its
edges. So n passes turn each free corner into the same 2^n points, turned into its directions:
`cut_corner`. Points on straight lines, which Chaikin's cutting would add, are left out. All
coordinates are sums of powers of two, nothing is rounded, and lines are the same to the bit on
both sides.

A free corner gives (1 - 4^-n) / 24 square pixels of the one cell to the region of the three. So a ring
with c more such corners round a cell of its own than round one of others encloses c (1 - 4^-n) / 24
square pixels less. It turns right four times more than left, counting all corners, so c is 4 if all are
free, however long it is: an island that touches neither a third region nor itself loses 1/6, at most.
Each corner that stays changes c by one: with f of them the bound is (4 + f) / 24.

.. [1] Chaikin, G. M. (1974). An algorithm for high-speed curve generation. Computer Graphics and Image
   Processing 3(4), 346-349.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastkm._core import validation
from fastkm._core.threads import map_chunks
from fastkm._kernels.corner_cutting import cut_free_corners, mark_free_corners
from fastkm.geometry.regions import POINTS

if TYPE_CHECKING:
    from fastkm.geometry.regions import Rings

MOST_PASSES = 5
"""Passes, at most: after five a line is within 1/4000 of a pixel of its limit, of 32 points a corner."""


def smooth_rings(rings: Rings, numbers: np.ndarray, passes: int, *, first: int = 0) -> Rings:
    """Cut the free corners of rings along cells, so many times.

    Parameters
    ----------
    rings : Rings
        From `fastkm.geometry.regions.trace_rings`, with ``boundary="cell"``.
    numbers : (rows, columns) int array
        The region of each cell, the same negative number where missing.
    passes : int
        How often corners are cut; each pass doubles the points at free corners.
    first : int, default: 0
        The column that the first one of `numbers` has in the rings.

    Examples
    --------
    >>> from fastkm.geometry.regions import find_regions, trace_rings
    >>> regions = find_regions([[0, 0, 0], [0, 1, 0], [0, 0, 0]])
    >>> rings = trace_rings(regions)
    >>> len(rings.points), len(smooth_rings(rings, regions.numbers, 1).points)
    (15, 23)
    """
    points, offsets = rings.points, rings.ring_offsets
    shape = validation.freeze(cut_corner(passes))
    free, counts = find_free_corners(rings, numbers, first)
    cut_offsets = offsets + (len(shape) - 1) * np.append(0, np.cumsum(counts))
    cut = np.empty((cut_offsets[-1], 2))

    def write(start: int, stop: int) -> None:
        begin, end = np.searchsorted(offsets[:-1], (start, stop))
        cut_free_corners(points, offsets, free, shape, begin, end, cut_offsets, cut)

    map_chunks(write, len(points), POINTS)
    return rings._replace(points=cut, ring_offsets=cut_offsets)


def find_free_corners(
    rings: Rings, numbers: np.ndarray, first: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Return for each point of rings whether it is a free corner, and how many each ring has.

    The last point of a ring, which repeats the first, is not.
    """
    points, offsets = rings.points, rings.ring_offsets
    free, counts = np.empty(len(points), bool), np.empty(len(offsets) - 1, np.int64)
    numbers = validation.freeze(np.ascontiguousarray(numbers, np.int32))

    def mark(start: int, stop: int) -> None:
        begin, end = np.searchsorted(offsets[:-1], (start, stop))
        mark_free_corners(points, offsets, numbers, first, begin, end, free, counts)

    map_chunks(mark, len(points), POINTS)
    return free, counts


def cut_corner(passes: int) -> np.ndarray:
    """Return the points of a corner at (0, 0), between (1, 0) and (0, 1), that is cut so many times.

    Examples
    --------
    >>> cut_corner(1).tolist()
    [[0.25, 0.0], [0.0, 0.25]]
    """
    shape = np.zeros((1, 2))
    for number in range(passes):
        piece = 0.5**number  # what is left between two corners of a cell
        before, after = shape[:1] + np.array([piece, 0.0]), shape[-1:] + np.array([0.0, piece])
        line = np.concatenate([before, shape, after])
        cuts = [shape + (near - shape) / 4 for near in (line[:-2], line[2:])]
        shape = np.stack(cuts, axis=1).reshape(-1, 2)
    return shape
