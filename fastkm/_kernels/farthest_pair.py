"""The farthest pair of points.

`find_farthest_in_columns` compares all pairs, a block of second points at a time: O(n^2 d) time,
O(n d) memory, any dimension. `find_farthest_of_few` compares pair by pair, which is quicker for few.
Ties go to the lowest first index, then the lowest second.

In the plane the farthest pair are corners of the convex hull. Most other points can be removed
first (`fastkm._kernels.hull_filter`), and `find_hull` finds the corners among the rest by Andrew's
monotone chain (1979). Of two corners at the largest distance one is on the lower chain and one on
the upper, as parallel lines through them enclose the hull. If one walks along the lower chain, the
farthest corner of the upper chain walks the other way, because the diagonals of a convex
quadrilateral are together longer than two opposite sides. So `find_farthest_in_chains` halves the
lower chain and looks between the answers of its neighbours, in O(h log h) for h corners.

Floating point: a turn that rounding cannot tell from straight may lose a corner or keep a point
that is not one. A lost corner lies within rounding of the chord that replaces it, so the distance
changes by some 1e-16 of itself, and the losses along a chain add up to no more than that share of
its length. If rounding chooses a wrong farthest corner, the rows that it misleads lose no more than
its own error, by the same inequality. Rotating calipers have no such bound: on a hull as thin as
rounding they stop early (measured: 38 % short on 58 nearly collinear points). Distances are the
square root of the sum of squared differences, as in `cdist`.

Arrays are C-contiguous, finite, and float64 unless a type is given.
"""

import numpy as np

from fastkm._kernels._jit import kernel

BLOCK = 256
"""Second points in a block: their scratch, 6 KB, stays in the first-level cache."""


@kernel
def find_farthest_of_few(points):
    """Return square, i, j of the farthest pair, i <= j; points: (n, d) IN, n >= 1."""
    longest, first, second = 0.0, 0, 0
    for i in range(points.shape[0]):
        for j in range(i + 1, points.shape[0]):
            square = 0.0
            for f in range(points.shape[1]):
                t = points[j, f] - points[i, f]
                square += t * t
            if square > longest:
                longest, first, second = square, i, j
    return longest, first, second


@kernel
def find_farthest_in_columns(columns, start, stop):
    """Return square, i, j of the farthest pair, i <= j, start <= j < stop; columns: (d, n) IN.

    The square is infinite if one overflows, or if a number from start to stop is not finite.
    """
    d = columns.shape[0]
    square = np.empty(BLOCK)
    best = np.empty(BLOCK)
    partner = np.empty(BLOCK, np.int64)
    longest, first, second = -1.0, 0, 0
    for block in range(start, stop, BLOCK):
        m = min(BLOCK, stop - block)
        for b in range(m):
            best[b] = -1.0
            partner[b] = 0
        # one first point with all second points of the block, in vectors
        for i in range(block + m):
            for b in range(m):
                square[b] = 0.0
            for f in range(d):
                c = columns[f, i]
                column = columns[f, block : block + m]
                for b in range(m):
                    t = column[b] - c
                    square[b] += t * t
            for b in range(m):
                new, old, kept = square[b], best[b], partner[b]
                farther = new > old
                best[b] = new if farther else old
                partner[b] = i if farther else kept
        # the best pair of the block; of equal ones the lowest indices
        for b in range(m):
            if best[b] < 0.0:  # not even as far from itself as 0: NaN
                return np.inf, 0, 0
            i, j = min(partner[b], block + b), max(partner[b], block + b)
            if best[b] > longest or (best[b] == longest and (i, j) < (first, second)):
                longest, first, second = best[b], i, j
    return longest, first, second


@kernel
def orientation(points, a, b, c):
    """Return twice the area of the triangle a b c: positive if c lies left of a -> b."""
    return (points[b, 0] - points[a, 0]) * (points[c, 1] - points[a, 1]) - (
        points[b, 1] - points[a, 1]
    ) * (points[c, 0] - points[a, 0])


@kernel
def find_hull(points, corners):
    """Find the corners of the convex hull, counter-clockwise; return their number.

    points: (n, 2) IN, sorted by x, then y, no two equal; corners: (2 n,) int64 OUT: if rounding
    calls both a turn and its reverse a left turn, points are on both chains.
    """
    n = points.shape[0]
    size = 0
    for i in range(n):
        while size >= 2 and orientation(points, corners[size - 2], corners[size - 1], i) <= 0.0:
            size -= 1
        corners[size] = i
        size += 1
    lower = size + 1
    for i in range(n - 2, -1, -1):
        while size >= lower and orientation(points, corners[size - 2], corners[size - 1], i) <= 0.0:
            size -= 1
        corners[size] = i
        size += 1
    return max(size - 1, 1)  # the last corner is the first one again


@kernel
def find_farthest_in_chains(points, split):
    """Find the farthest pair of a convex polygon; return its square, and the indices.

    points: (h, 2) IN, corners counter-clockwise from the leftmost; split: index of the rightmost.
    """
    h = points.shape[0]
    partner = np.empty(split + 1, np.int64)
    longest, first, second = -1.0, 0, 0
    stride = 1
    while stride <= split:
        stride *= 2
    while stride >= 1:
        for i in range(stride - 1, split + 1, 2 * stride):
            # look between the partners of the two neighbours that are done
            low = partner[i - stride] if i >= stride else split
            high = partner[i + stride] if i + stride <= split else h
            best = -1.0
            for j in range(low, high + 1):
                x = points[i, 0] - points[j % h, 0]
                y = points[i, 1] - points[j % h, 1]
                if x * x + y * y > best:
                    best = x * x + y * y
                    partner[i] = j
            if best > longest:
                longest, first, second = best, i, partner[i] % h
        stride //= 2
    return longest, first, second
