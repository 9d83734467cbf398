"""Points of lines between regions that are left out, smallest triangle first.

The algorithm of Visvalingam & Whyatt (1993): a point makes a triangle with its neighbours on the line;
the point of the smallest triangle goes, the triangles of its neighbours change, and so on while there
is one below the limit. A heap holds the triangles, and old ones of points that have new neighbours
are passed over when they come. An area, in single precision, and a number make one key of 64 bits:
with two numbers to compare it takes half as long again. A triangle that holds any other point, on its edges too, keeps its
point: then no line can cross another one, because lines that do not cross only get past each other
through a point [1].

All points are corners of cells, so a map of these says which there are: a byte each, with the bits
POINT (there is one), THIN (it belongs to a ring of two lines) and DONE (its line has been thinned). Rows
and columns of corners have coordinates, in which triangles are measured and looked into. Each line
belongs to two rings. It is thinned when the first of them comes, and the other one finds it DONE.

A line ends at points that stay. What it keeps besides is what a ring needs to enclose an area: three
points if it is a ring itself, two if it ends where it starts, one if a ring consists of two lines,
so that these do not both become the line from end to end.

Arrays are C-contiguous. `corners`, (m, 2) int32 IN, are rows and columns of corners, of closed rings;
`offsets`, (r + 1,) int64 IN, is where each ring starts in them; free: (m,) bool IN, points that may go,
not the last of a ring, which repeats the first; y, x: (rows + 1,) and (columns + 1,) float64 IN, ascending;
lattice: (rows + 1, columns + 1) uint8 INOUT. `path`, (longest ring + 1, 4) int64 scratch, is a line: row,
column, and the numbers of the points before and after; `heap`, (3 longest ring,) int64 scratch, holds
areas and numbers.

[1] Visvalingam, M. & Whyatt, J. D. (1993). Line generalisation by repeated elimination of points. The
Cartographic Journal 30(1), 46-51.
"""

import numpy as np

from fastkm._kernels._jit import kernel

POINT, THIN, DONE = 1, 2, 4

SCATTER, GATHER = 2654435761, 244002641
"""Points of equal triangles go in the order of their numbers times the first, modulo 2^32. So a staircase
shrinks everywhere and not from one end, which takes the square of its length: 16 seconds for 1000
lines across 1500 x 1500 cells. The second leads back."""

LOW = 2**32 - 1
"""The lower half of the bits of a number."""

ROUNDING = 1e-9
"""Share of a triangle's box by which a point may lie outside and still counts as inside."""

FEW = 8
"""Columns of a triangle's box up to which all are looked at, rather than searching for the first."""


@kernel
def mark_points(points, offsets, first, free, corners, lattice):
    """Find the corners where rings have points, and mark them.

    points: (m, 2) float64 IN, rows and columns, of which `first` is that of the first cells; corners:
    OUT; lattice: OUT, comes in as 0.
    """
    for ring in range(len(offsets) - 1):
        begin, last = offsets[ring], offsets[ring + 1] - 1
        fixed = 0
        for i in range(begin, last):
            corners[i, 0] = np.int64(points[i, 0] + 0.5)
            corners[i, 1] = np.int64(points[i, 1] + 0.5) - first
            lattice[corners[i, 0], corners[i, 1]] |= POINT
            fixed += not free[i]
        if fixed == 2:
            for i in range(begin, last):
                lattice[corners[i, 0], corners[i, 1]] |= THIN


@kernel
def thin_rings(corners, offsets, free, y, x, most, lattice, path, heap):
    """Take away the bit POINT of points whose triangles are not above `most`, line by line."""
    for ring in range(len(offsets) - 1):
        begin, last = offsets[ring], offsets[ring + 1] - 1
        n = last - begin
        # the ring from a point that stays, or as a whole
        fixed = begin
        while fixed < last and free[fixed]:
            fixed += 1
        closed = fixed == last
        size = 0
        for k in range(n if closed else n + 1):
            i = begin + (fixed - begin + k) % n
            path[size, 0], path[size, 1] = corners[i, 0], corners[i, 1]
            path[size, 2], path[size, 3] = size - 1, size + 1
            size += 1
            if not closed and k > 0 and not free[i]:
                thin_line(path, size, False, y, x, most, lattice, heap)
                path[0, 0], path[0, 1] = corners[i, 0], corners[i, 1]
                path[0, 2], path[0, 3] = -1, 1
                size = 1
        if closed:
            path[0, 2], path[size - 1, 3] = size - 1, 0
            thin_line(path, size, True, y, x, most, lattice, heap)


@kernel
def thin_line(path, size, closed, y, x, most, lattice, heap):
    """Thin the first `size` points of a path, of which the ends stay unless it is closed."""
    start, stop = (0, size) if closed else (1, size - 1)
    if stop <= start or lattice[path[start, 0], path[start, 1]] & DONE:
        return
    keep = 3 if closed else 0
    if not closed:
        if path[0, 0] == path[size - 1, 0] and path[0, 1] == path[size - 1, 1]:
            keep = 2
        elif lattice[path[start, 0], path[start, 1]] & THIN:
            keep = 1
    count = 0
    for j in range(start, stop):
        lattice[path[j, 0], path[j, 1]] |= DONE
        count = push(heap, count, measure_triangle(path, j, y, x), j, most)
    left = stop - start - keep
    while count > 0 and left > 0:
        key = heap[0]
        j = ((key & LOW) * GATHER) & LOW
        count = pop(heap, count)
        if not lattice[path[j, 0], path[j, 1]] & POINT:
            continue
        area = measure_triangle(path, j, y, x)
        if key != make_key(area, j) or (area > 0.0 and not is_empty(path, j, y, x, lattice)):
            continue
        lattice[path[j, 0], path[j, 1]] &= ~np.uint8(POINT)
        left -= 1
        before, after = path[j, 2], path[j, 3]
        path[before, 3], path[after, 2] = after, before
        if before >= start:
            count = push(heap, count, measure_triangle(path, before, y, x), before, most)
        if after < stop:
            count = push(heap, count, measure_triangle(path, after, y, x), after, most)


@kernel
def make_key(area, j):
    """Return the place of a triangle among others: by its area in single precision, then its point."""
    return np.int64(np.float32(area).view(np.int32)) << 32 | (j * SCATTER) & LOW


@kernel
def write_left(points, corners, offsets, lattice, left_offsets, left):
    """Write the points that are left, closed rings, and return how many there are.

    points: (m, 2) float64 IN; left_offsets: (r + 1,) int64 OUT, where each ring starts in left: (m, 2)
    float64 OUT.
    """
    at = 0
    for ring in range(len(offsets) - 1):
        left_offsets[ring] = at
        for i in range(offsets[ring], offsets[ring + 1] - 1):
            if lattice[corners[i, 0], corners[i, 1]] & POINT:
                left[at, 0], left[at, 1] = points[i, 0], points[i, 1]
                at += 1
        left[at, 0], left[at, 1] = left[left_offsets[ring], 0], left[left_offsets[ring], 1]
        at += 1
    left_offsets[len(offsets) - 1] = at
    return at


@kernel
def measure_triangle(path, j, y, x):
    """Return the area of the triangle of point j and its neighbours."""
    # unsigned indices: Numba then does not ask whether they count from the end
    own, before, after = path[j], path[np.uint64(path[j, 2])], path[np.uint64(path[j, 3])]
    row, column = y[np.uint64(own[0])], x[np.uint64(own[1])]
    down, along = y[np.uint64(before[0])] - row, x[np.uint64(before[1])] - column
    down_after, along_after = y[np.uint64(after[0])] - row, x[np.uint64(after[1])] - column
    return abs(down * along_after - along * down_after) / 2


@kernel
def is_empty(path, j, y, x, lattice):
    """Return True if the triangle of point j holds no other point, nor its edges."""
    a, c = path[j, 2], path[j, 3]
    row_a, column_a, row_b, column_b = path[a, 0], path[a, 1], path[j, 0], path[j, 1]
    row_c, column_c = path[c, 0], path[c, 1]
    left, right = min(column_a, column_b, column_c), max(column_a, column_b, column_c)
    ya, xa, yb, xb, yc, xc = y[row_a], x[column_a], y[row_b], x[column_b], y[row_c], x[column_c]
    top, bottom = min(row_a, row_b, row_c), max(row_a, row_b, row_c)
    slack = ROUNDING * (y[bottom] - y[top]) * (x[right] - x[left])
    turn = 1.0 if (yb - ya) * (xc - xa) - (xb - xa) * (yc - ya) > 0 else -1.0
    for row in range(top, bottom + 1):
        first, end = left, x[right]
        if right - left > FEW:
            low, end = span_row(y[row], ya, xa, yb, xb, yc, xc)
            pad = ROUNDING * (x[right] - x[left])
            first, end = max(left, np.searchsorted(x, low - pad)), end + pad
        for column in range(first, right + 1):
            if x[column] > end:
                break
            if not lattice[row, column] & POINT:
                continue
            if (
                (row == row_a and column == column_a)
                or (row == row_b and column == column_b)
                or (row == row_c and column == column_c)
            ):
                continue
            v, u = y[row], x[column]
            ab = turn * ((yb - ya) * (u - xa) - (xb - xa) * (v - ya))
            bc = turn * ((yc - yb) * (u - xb) - (xc - xb) * (v - yb))
            ca = turn * ((ya - yc) * (u - xc) - (xa - xc) * (v - yc))
            if ab >= -slack and bc >= -slack and ca >= -slack:
                return False
    return True


@kernel
def span_row(v, ya, xa, yb, xb, yc, xc):
    """Return the least and greatest x of a triangle at y = v, which it reaches."""
    low, high = np.inf, -np.inf
    for y0, x0, y1, x1 in ((ya, xa, yb, xb), (yb, xb, yc, xc), (yc, xc, ya, xa)):
        if min(y0, y1) <= v <= max(y0, y1):
            at = x0 if y0 == y1 else x0 + (v - y0) / (y1 - y0) * (x1 - x0)
            low, high = min(low, at, x1 if y0 == y1 else at), max(high, at, x1 if y0 == y1 else at)
    return low, high


@kernel
def push(heap, count, area, j, most):
    """Add the triangle of point j, unless it is too large, to a heap of `count`; return the new count."""
    if area > most:
        return count
    key, k = make_key(area, j), np.uint64(count)
    while k > 0:
        up = (k - np.uint64(1)) >> np.uint64(1)
        if heap[up] < key:
            break
        heap[k] = heap[up]
        k = up
    heap[k] = key
    return count + 1


@kernel
def pop(heap, count):
    """Remove the first triangle; return the new count."""
    count -= 1
    key, k, last = heap[count], np.uint64(0), np.uint64(count)
    while True:
        # the last triangle still stands beyond the end, where the second of two may be looked for
        down = np.uint64(2) * k + np.uint64(1)
        if down >= last:
            break
        down += np.uint64(heap[down + np.uint64(1)] < heap[down])
        if key < heap[down]:
            break
        heap[k] = heap[down]
        k = down
    heap[k] = key
    return count
