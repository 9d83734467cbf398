"""Blocks of rows, and the two nearest codes of each row: what Lloyd's kernels and k-means++ share.

**Blocks.** Rows are taken in blocks that stay in the first-level cache. A block is stored as
columns: the numbers of one feature lie side by side, whatever the layout of the rows. Over a block
the outer loop runs over centroids, the next one over features and the innermost one over rows, so
the innermost loop is vectorised. Two centroids are compared at a time, and eight features (`SLAB`),
so that sums stay in registers. The features that are left over by eights (all features up to
`UNROLLED`) come first. Their number is passed as the length of a tuple, `rest`, so that the
compiler knows it: a loop over a number known only at run time is half as fast. A kernel is compiled
once for each type, layout and length of `rest`.

**Distances.** Squared distances are sums of (x - c)^2 in feature order and in the type of the rows,
with products and sums fused. The expanded form x^2 - 2xc + c^2 is quicker for many features, but it
loses half of the digits if rows lie close to their centroid, which is where k-means puts them. Rows
and centroids are taken relative to a `shift` near the middle of the data. That costs nothing if the
difference is exact, and it keeps the digits of float32 centroids at large offsets. A centroid
replaces the best one so far only if it is strictly nearer, so ties go to the lowest index. A
comparison with NaN is false: a row without a finite distance keeps code 0 and an infinite square.

Arguments are those that the essay of `fastkm._kernels.lloyd` lists. A block has `width` rows. best, second:
(width,) OUT, squared distances to the nearest code and to the next; code: (width,) int32 OUT.
"""

import numpy as np

from fastkm._kernels._jit import fused_kernel

BLOCK = 256
"""Rows in a block: 1 KB a feature of float32."""

SLAB = 8
"""Features whose sum stays in registers, if there are more than `UNROLLED`."""

UNROLLED = 12
"""Number of features up to which one slab takes them all. With 16 the compiler no longer vectorises
(1e6 rows, 32 codes: 150 ms instead of 13)."""

TILE = 64
"""Rows that are transposed at a time. With 256 rows of 128 features the first-level cache loses
lines before they are read to their end (1e5 rows: 8 ms more)."""


def make_rest(d):
    """Return the tuple whose length tells the kernels how many features come first."""
    return (0,) * (d if d <= UNROLLED else d % SLAB)


@fused_kernel
def rank_square(square, label, best, second, code):
    """Return the two least squares so far and the code of the least, after one more square."""
    wins = square < best
    other = best if wins else square
    best = square if wins else best
    code = label if wins else code
    second = min(second, other)
    return best, second, code


@fused_kernel
def find_two_nearest(columns, codes, rest, best, second, code):
    """Find the two least squares of each row of a block, and the code of the least.

    columns: IN; best, second: (width,) OUT; code: (width,) int32 OUT.
    """
    width, first = columns.shape[1], len(rest)
    # a zero that the compiler does not know: of 0 + p p + q q it would fuse either product
    zero = columns.dtype.type(codes.shape[0] % 2)
    one_square, two_square = np.empty(width, columns.dtype), np.empty(width, columns.dtype)
    for i in range(width):
        best[i] = np.inf
        second[i] = np.inf
        code[i] = 0
    for j in range(0, codes.shape[0], 2):
        a, b = codes[j], codes[j + 1]
        one, two = np.int32(j), np.int32(j + 1)
        # few features: one loop does everything in registers
        if first == columns.shape[0]:
            for i in range(width):
                s, t = zero, zero
                for f in range(first):
                    v = columns[f, i]
                    p, q = v - a[f], v - b[f]
                    s += p * p
                    t += q * q
                low, high, kept = rank_square(s, one, best[i], second[i], code[i])
                best[i], second[i], code[i] = rank_square(t, two, low, high, kept)
            continue
        # many features: the leftover ones first, then slab by slab
        for i in range(width):
            s, t = zero, zero
            for f in range(first):
                v = columns[f, i]
                p, q = v - a[f], v - b[f]
                s += p * p
                t += q * q
            one_square[i], two_square[i] = s, t
        for start in range(first, columns.shape[0], SLAB):
            c, e, lines = a[start : start + SLAB], b[start : start + SLAB], columns[start:]
            for i in range(width):
                s, t = one_square[i], two_square[i]
                for f in range(SLAB):
                    v = lines[f, i]
                    p, q = v - c[f], v - e[f]
                    s += p * p
                    t += q * q
                one_square[i], two_square[i] = s, t
        for i in range(width):
            low, high, kept = rank_square(one_square[i], one, best[i], second[i], code[i])
            best[i], second[i], code[i] = rank_square(two_square[i], two, low, high, kept)


@fused_kernel
def load_rows(x, start, count, shift, columns):
    """Fill a block with `count` adjacent rows less the shift; columns: OUT, count <= width."""
    for begin in range(0, count, TILE):
        first, tile = start + begin, min(TILE, count - begin)
        for f in range(columns.shape[0]):
            line, feature, s = columns[f, begin:], x[first : first + tile, f], shift[f]
            for i in range(tile):
                line[i] = feature[i] - s


@fused_kernel
def gather_rows(x, start, rows, shift, columns):
    """Fill a block with chosen rows less the shift; columns: OUT, count <= width."""
    for f in range(columns.shape[0]):
        line, s = columns[f], shift[f]
        for i in range(rows.shape[0]):
            line[i] = x[np.uint64(start) + np.uint64(rows[i]), np.uint64(f)] - s
