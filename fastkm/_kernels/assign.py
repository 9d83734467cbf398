"""Nearest centroid of every row, by plain comparison of all pairs; codes from breaks in one dimension.

For n rows, k centroids and d features the cost is n k d multiplications. Rows are taken in
blocks that stay in the first-level cache; a block is transposed once, so that the innermost
loop runs over adjacent numbers and is vectorised. The squared distance is the direct sum of
(x - c)^2, in feature order and in the type of the data: the expanded form x^2 - 2xc + c^2 is
quicker for many features but loses half the digits where rows lie close to their centroid,
which is where k-means puts them.

A centroid replaces the best so far only where it is strictly nearer, so ties go to the lowest
index. A comparison with NaN is false: a row without a finite distance keeps code 0 and
distance infinity.

Two habits keep the loops vectorised (measured on 1e7 float32 values, six centroids, one thread:
75 ms without, 16 ms with): arrays are sliced once a block, so that no index is a sum; and both
sides of a choice are loaded before it, so that it compiles to a blend and not to a branch.

Arrays are C-contiguous, aligned and native-endian.
"""

import numpy as np

from fastkm._jit import kernel

BLOCK = 256
"""Rows a block: 1 KB a feature of float32. On 1e7 float32 values and six codes, one
thread: 22 ms with 128, 16 ms with 256, 25 ms with 512."""


@kernel
def assign(x, codebook, codes, distances):
    """Find the nearest row of `codebook` for each row of `x`.

    x: (n, d) IN; codebook: (k, d) IN, k >= 1, the type of x; codes: (n,) int32 OUT;
    distances: (n,) OUT, Euclidean, the type of x.
    """
    n, d = x.shape
    columns = np.empty((d, BLOCK), x.dtype)
    square = np.empty(BLOCK, x.dtype)
    for start in range(0, n, BLOCK):
        rows = x[start : start + BLOCK]
        code = codes[start : start + BLOCK]
        best = distances[start : start + BLOCK]
        m = code.shape[0]
        for f in range(d):
            for i in range(m):
                columns[f, i] = rows[i, f]
        for i in range(m):
            best[i] = np.inf
            code[i] = 0
        for j in range(codebook.shape[0]):
            label = np.int32(j)
            first, c = columns[0], codebook[j, 0]
            for i in range(m):
                t = first[i] - c
                square[i] = t * t
            for f in range(1, d):
                c = codebook[j, f]
                column = columns[f]
                for i in range(m):
                    t = column[i] - c
                    square[i] += t * t
            for i in range(m):
                new, old, kept = square[i], best[i], code[i]
                nearer = new < old
                best[i] = new if nearer else old
                code[i] = label if nearer else kept
        for i in range(m):
            best[i] = np.sqrt(best[i])


@kernel
def assign_by_breaks(x, breaks, codes):
    """Count the breaks below each value; NaN gets -1.

    x: (n,) floating, int64 or uint64 IN; breaks: (k - 1,) ascending, the type of x IN;
    codes: (n,) integer OUT.
    """
    one = codes.dtype.type(1)
    none = codes.dtype.type(0)
    missing = codes.dtype.type(-1)
    for start in range(0, x.shape[0], BLOCK):
        value = x[start : start + BLOCK]
        code = codes[start : start + BLOCK]
        m = code.shape[0]
        for i in range(m):
            code[i] = none
        for j in range(breaks.shape[0]):
            b = breaks[j]
            for i in range(m):
                code[i] += one if value[i] > b else none
        for i in range(m):
            v, kept = value[i], code[i]
            code[i] = missing if np.isnan(v) else kept
