"""The farthest pair of points.

Two ways. `farthest_in_columns` compares all pairs, a block of second points at a time: O(n^2 d)
time, O(n d) memory, any dimension. In the plane the farthest pair are corners of the convex
hull. Most points can go first (`fastkm._kernels.hull_filter`); `hull` finds the corners among the rest
by Andrew's monotone chain (1979). Of two corners at the largest distance one is on the lower
chain and one on the upper, as parallel lines through them enclose the hull.
Where one walks along the lower chain, the farthest corner of the upper chain walks the other
way, for the diagonals of a convex quadrilateral are together longer than two opposite sides; so
`farthest_of_chains` halves the lower chain and looks between the answers of its neighbours, in
O(h log h) for h corners.

Floating point: a turn that rounding cannot tell from straight may lose a corner or keep a point
that is none. A lost corner lies within rounding of the chord that replaces it, so the distance
changes by some 1e-16 of itself, and the losses along a chain add up to no more than that share
of its length. A farthest corner mistaken by rounding costs the rows that it misleads no more
than its own error, by the same inequality; rotating calipers have no such bound: on a hull as
thin as rounding they stop early (measured: 38 % short on 58 nearly collinear points). Distances
are the square root of the sum of squared differences, as in `cdist`.

Ties: `farthest_in_columns` gives the lowest first index, then the lowest second.

Arrays are C-contiguous float64, finite.
"""

import numpy as np

from fastkm._kernels._jit import kernel

BLOCK = 256
"""Second points a block: their scratch, 6 KB, stays in the first-level cache."""


@kernel
def farthest_in_columns(columns, start, stop):
    """Find the farthest pair (i, j), i <= j, start <= j < stop; return its square, i and j.

    columns: (d, n) IN.
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
        for b in range(m):
            i, j = min(partner[b], block + b), max(partner[b], block + b)
            if best[b] > longest or (best[b] == longest and (i, j) < (first, second)):
                longest, first, second = best[b], i, j
    return longest, first, second


@kernel
def turn(points, a, b, c):
    """Give twice the area of the triangle a b c: positive where c lies left of a -> b."""
    return (points[b, 0] - points[a, 0]) * (points[c, 1] - points[a, 1]) - (
        points[b, 1] - points[a, 1]
    ) * (points[c, 0] - points[a, 0])


@kernel
def hull(points, corners):
    """Find the corners of the convex hull, counter-clockwise; return their number.

    points: (n, 2) sorted by row, no two equal, IN; corners: (2 n,) int64 OUT: where rounding calls
    both a turn and its reverse a left turn, points stand on both chains.
    """
    n = points.shape[0]
    size = 0
    for i in range(n):
        while size >= 2 and turn(points, corners[size - 2], corners[size - 1], i) <= 0.0:
            size -= 1
        corners[size] = i
        size += 1
    lower = size + 1
    for i in range(n - 2, -1, -1):
        while size >= lower and turn(points, corners[size - 2], corners[size - 1], i) <= 0.0:
            size -= 1
        corners[size] = i
        size += 1
    return max(size - 1, 1)  # the first corner came again


@kernel
def farthest_of_chains(points, split):
    """Find the farthest pair of a convex polygon; return its square, and the indices.

    points: (h, 2) corners counter-clockwise from the leftmost IN; split: index of the rightmost.
    """
    h = points.shape[0]
    partner = np.empty(split + 1, np.int64)
    longest, first, second = -1.0, 0, 0
    stride = 1
    while stride <= split:
        stride *= 2
    while stride >= 1:
        for i in range(stride - 1, split + 1, 2 * stride):
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
