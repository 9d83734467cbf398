"""Diameters of many rings, which follow each other in one array (ragged, as shapely's).

A ring of a few dozen points is measured by comparing all its pairs, which is faster than any clever
way: row i meets row i + 1, then all rows meet the second next, and so on, in a vectorised loop over
rows. Rings of more than `SMALL` points are left to the caller.

The question "farther than so much?" is mostly answered by the bounding box: no pair is farther
apart than its diagonal, and the two points at its left and right are as far apart as it is wide.

Floating point: squares are compared, and rounding keeps order, so the box answers as the pairs
would, to the bit: a difference of two coordinates is at most the box's, rounded or not, and its
square and the sum follow. Squares are those of `fastkm._kernels.farthest_pair`.

Arrays are C-contiguous, and float64 unless a type is given.
"""

import numpy as np

from fastkm._kernels._jit import kernel

SMALL = 512
"""Most points of which all pairs are compared: 20 microseconds; a hull's overheads are 60."""

LEAST, MOST = 2.0**-400, 2.0**400
"""Coordinates of magnitudes between these have squares that neither overflow nor underflow."""

NO, YES, UNKNOWN = 0, 1, 2


@kernel
def mark_exceeding_rings(points, offsets, start, stop, square, verdicts):
    """Mark whether the largest squared distance in rings start to stop - 1 exceeds `square`.

    points: (n, 2) IN; offsets: (rings + 1,) int64 IN, ascending; verdicts: (rings,) uint8 OUT: NO,
    YES, or UNKNOWN for large rings and for numbers that are not finite or out of range.
    """
    scratch = np.empty((3, SMALL))
    for ring in range(start, stop):
        first, last = offsets[ring], offsets[ring + 1]
        verdicts[ring] = NO
        if first == last:
            continue
        # the bounding box, and whether its numbers can be trusted
        left = right = points[first, 0]
        lower = upper = points[first, 1]
        odd = 0
        for i in range(first, last):
            x, y = points[i, 0], points[i, 1]
            left, right = min(left, x), max(right, x)
            lower, upper = min(lower, y), max(upper, y)
            odd += np.isnan(x) | np.isnan(y)
        size = max(-left, right, -lower, upper)
        if not (odd == 0 and (size == 0.0 or LEAST <= size <= MOST)):
            verdicts[ring] = UNKNOWN
            continue
        # the box decides, or all pairs do
        wide, tall = (right - left) * (right - left), (upper - lower) * (upper - lower)
        if max(wide, tall) > square:
            verdicts[ring] = YES
        elif wide + tall > square:
            if last - first > SMALL:
                verdicts[ring] = UNKNOWN
            elif find_squared_diameter(points[first:last], scratch) > square:
                verdicts[ring] = YES


@kernel
def find_squared_diameters(points, offsets, start, stop, found):
    """Find the largest squared distance in each small ring, rings start to stop - 1.

    points, offsets: see `mark_exceeding_rings`; found: (rings,) OUT, 0 for rings of at most one
    point, -1 for large ones and if the largest number is out of range.
    """
    scratch = np.empty((3, SMALL))
    for ring in range(start, stop):
        first, last = offsets[ring], offsets[ring + 1]
        found[ring] = -1.0
        if last - first > SMALL:
            continue
        size = 0.0
        for i in range(first, last):
            size = max(size, abs(points[i, 0]), abs(points[i, 1]))
        if size == 0.0 or LEAST <= size <= MOST:
            found[ring] = find_squared_diameter(points[first:last], scratch)


@kernel
def find_squared_diameter(points, scratch):
    """Return the largest squared distance of points: (<= SMALL, 2) IN; scratch: (3, SMALL) OUT."""
    n = points.shape[0]
    x, y, best = scratch[0, :n], scratch[1, :n], scratch[2, :n]
    for i in range(n):
        x[i], y[i], best[i] = points[i, 0], points[i, 1], 0.0
    for step in range(1, n):
        left, below, most = x[: n - step], y[: n - step], best[: n - step]
        right, above = x[step:], y[step:]
        for i in range(n - step):
            u, v = right[i] - left[i], above[i] - below[i]
            d = u * u + v * v
            most[i] = max(most[i], d)
    largest = 0.0
    for i in range(n):
        largest = max(largest, best[i])
    return largest
