"""Rings along cells with fewer points, such that neighbours still share each line.

Free corners of cells (see `fastkm.geometry.smoothing`) may go, all other points stay: where three
regions meet, where regions meet diagonally, and on the frame of the map. The lines between these are
thinned by `fastkm._kernels.line_thinning`, which measures triangles in the coordinates of rows and
columns. So lines cross neither in pixels nor, once they are placed, in coordinates.

What ``shapely.coverage_simplify`` does with any polygons takes here a tenth of the time, because corners of
cells need no table to be found in, and each line is thinned once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastkm._kernels.line_thinning import mark_points, thin_rings, write_left
from fastkm.geometry.smoothing import find_free_corners

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastkm.geometry.regions import Rings


def thin_out(
    rings: Rings,
    numbers: np.ndarray,
    y: np.ndarray,
    x: np.ndarray,
    tolerance: float,
    *,
    first: int = 0,
    ends: Sequence[float] = (),
) -> Rings:
    """Leave out the points of rings whose triangle with their neighbours is small.

    Parameters
    ----------
    rings : Rings
        From `fastkm.geometry.regions.trace_rings`, of all regions, with junctions.
    numbers : (rows, columns) int array
        The region of each cell.
    y, x : (rows + 1,) and (columns + 1,) float array
        Ascending coordinates of the corners of cells.
    tolerance : float
        The square root of the area of the largest triangle that goes.
    first : int, default: 0
        The column that the first one of `numbers` has in the rings.
    ends : sequence of float, optional
        Columns in which lines stay as they are, and all that cross them.

    Examples
    --------
    >>> from fastkm.geometry.regions import find_regions, trace_rings
    >>> regions = find_regions(np.tri(6, 6, dtype=int))
    >>> rings = trace_rings(regions, junctions=True)
    >>> thin = thin_out(rings, regions.numbers, np.arange(7.0), np.arange(7.0), 1.0)
    >>> len(rings.points), len(thin.points)
    (28, 10)
    """
    points, offsets = rings.points, rings.ring_offsets
    free = find_free_corners(rings, numbers, first)[0]
    if len(ends):
        free &= ~_find_points_at(rings, ends)
    # which points there are, and which stay
    corners = np.empty(points.shape, np.int32)
    lattice = np.zeros((len(y), len(x)), np.uint8)
    mark_points(points, offsets, first, free, corners, lattice)
    longest = int(np.diff(offsets).max(initial=1))
    path, heap = np.empty((longest + 1, 4), np.int64), np.empty(3 * longest, np.int64)
    y, x = np.ascontiguousarray(y), np.ascontiguousarray(x)
    thin_rings(corners, offsets, free, y, x, tolerance**2, lattice, path, heap)
    # their rings
    left, left_offsets = np.empty_like(points), np.empty_like(offsets)
    count = write_left(points, corners, offsets, lattice, left_offsets, left)
    return rings._replace(points=left[:count], ring_offsets=left_offsets)


def _find_points_at(rings: Rings, ends: Sequence[float]) -> np.ndarray:
    """Return for each point whether it lies in one of some columns, or an edge from it crosses one."""
    column, found = rings.points[:, 1], np.zeros(len(rings.points), bool)
    last = rings.ring_offsets[1:] - 1
    for end in ends:
        side = np.sign(column - end)
        crossing = side[:-1] * side[1:] < 0
        crossing[last[:-1]] = False  # from one ring to the next
        found |= side == 0
        found[:-1] |= crossing
        found[1:] |= crossing
    found[rings.ring_offsets[:-1]] |= found[last]
    return found
