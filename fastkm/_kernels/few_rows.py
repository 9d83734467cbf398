"""Lloyd's algorithm for few rows, whatever their number of features: kernels that compile quickly.

Those of `fastkm._kernels.lloyd` are compiled for each number of features, which pays if there are many
rows. Those here are compiled once for each type: sums of squares stay in the first-level cache
instead of in registers. All iterations are done in one call, because for 100 rows a call costs more
than an iteration.

The results are those of `fastkm._kernels.lloyd`, to the bit: squares are added up in feature order,
with products and sums fused; ties go to the lowest index; a row without a finite distance gets code
0; sums move with the rows that change their label, and what enters and leaves them is recorded.

Scratch comes from the caller: an array that a kernel allocates takes a tenth of a second to compile.

Arrays are C-contiguous and of the type of the columns (float32 or float64) unless one is given. The
same everywhere are columns: (d, n) IN, one feature after another; codes: (k, d); scratch: (BLOCK,).
"""

import math

from fastkm._kernels._jit import fused_kernel
from fastkm._kernels.lloyd import ARRIVED, COUNT, DEPARTED, EXTRA, GONE, MASS
from fastkm._kernels.row_blocks import BLOCK

LOST = 2.0**22
"""As `CANCELLATION` in `fastkm.cluster.lloyd.iteration`: a sum that has lost digits is added up again."""


@fused_kernel
def rank_codes(columns, begin, codes, scratch, best, code):
    """Find the nearest code of each row of a block, and its squared distance.

    begin: the first row; codes: IN; best: (m,) OUT, m <= BLOCK; code: (>= m,) int32 OUT.
    """
    m, last = best.shape[0], codes.shape[1] - 1
    infinity = best.dtype.type(float("inf"))
    square = scratch[:m]
    for i in range(m):
        best[i] = infinity
        code[i] = 0
    for j in range(codes.shape[0]):
        for i in range(m):
            square[i] = 0
        for f in range(last):
            c, line = codes[j, f], columns[f, begin : begin + m]
            for i in range(m):
                p = line[i] - c
                square[i] += p * p
        # the last feature, and whether the code is nearer than those before
        c, line = codes[j, last], columns[last, begin : begin + m]
        for i in range(m):
            p = line[i] - c
            s = square[i] + p * p
            old, kept = best[i], code[i]
            nearer = s < old
            best[i] = s if nearer else old
            code[i] = j if nearer else kept


@fused_kernel
def assign_few(columns, codes, scratch, labels, distances):
    """Find the nearest code of each row and its distance; return True if all distances are finite.

    codes: IN; labels: (n,) int32 OUT; distances: (n,) OUT.
    """
    infinity = distances.dtype.type(float("inf"))
    finite = True
    for begin in range(0, labels.shape[0], BLOCK):
        best = distances[begin : begin + BLOCK]
        rank_codes(columns, begin, codes, scratch, best, labels[begin : begin + BLOCK])
        for i in range(best.shape[0]):
            finite &= best[i] < infinity
            best[i] = math.sqrt(best[i])
    return finite


@fused_kernel
def iterate_few(columns, codes, before, iterations, state, scratch, nearest):
    """Do iterations of Lloyd's; return in how many of them a code had no row, -1 to give up.

    A code without rows stays. If no row changes its label, the iterations that are left would do the
    same, and are not done. It gives up if a distance is not finite, or if sums would have to be added
    up again. codes: INOUT; before: (k, d) OUT, those before the last iteration; state: labels, (n,)
    int32 INOUT, -1 at first; sums, (k, d + 5) float64 INOUT, 0 at first, see `fastkm._kernels.lloyd`;
    change, alike, what is to be added to them; squares, (n,) OUT, the distances to
    the codes before the last iteration, squared; nearest: (BLOCK,) int32 OUT.
    """
    labels, sums, change, squares = state
    empties = 0
    for left in range(iterations, 0, -1):
        for j in range(codes.shape[0]):
            for f in range(codes.shape[1]):
                before[j, f] = codes[j, f]
        # the nearest code of each row; rows that change their label move
        moved = 0
        for begin in range(0, labels.shape[0], BLOCK):
            best = squares[begin : begin + BLOCK]
            rank_codes(columns, begin, codes, scratch, best, nearest)
            more = move_few(columns, begin, best, nearest, labels, change)
            if more < 0:
                return -1
            moved += more
        # the new codes
        empty = update_codes(sums, change, codes)
        if empty < 0:
            return -1
        if moved == 0:
            return empties + left * empty
        empties += empty
    return empties


@fused_kernel
def move_few(columns, begin, best, nearest, labels, change):
    """Move the rows of a block that change their label; return how many, -1 if not all are finite.

    best: (m,) IN; nearest: (>= m,) int32 IN; labels: INOUT; change: (k, d + 5) float64 INOUT.
    """
    d, moved = columns.shape[0], 0
    infinity = best.dtype.type(float("inf"))
    for i in range(best.shape[0]):
        if not best[i] < infinity:
            return -1
        new, old = nearest[i], labels[begin + i]
        if new == old:
            continue
        labels[begin + i] = new
        moved += 1
        size = 0.0
        for f in range(d):
            term = float(columns[f, begin + i])
            change[new, f] += term
            size += abs(term)
            if old >= 0:
                change[old, f] -= term
        change[new, d + MASS] += 1.0
        change[new, d + COUNT] += 1.0
        change[new, d + ARRIVED] += size
        if old >= 0:
            change[old, d + MASS] -= 1.0
            change[old, d + COUNT] -= 1.0
            change[old, d + DEPARTED] += size
            change[old, d + GONE] += 1.0
    return moved


@fused_kernel
def update_codes(sums, change, codes):
    """Add changes to sums and divide; return 1 if a code has no row, -1 if digits are lost, or 0.

    sums: (k, d + 5) float64 INOUT; change: alike INOUT, 0 afterwards; codes: INOUT.
    """
    d, empty = codes.shape[1], 0
    for j in range(codes.shape[0]):
        for f in range(d + EXTRA):
            sums[j, f] += change[j, f]
            change[j, f] = 0.0
        mass, gone = sums[j, d + MASS], sums[j, d + GONE]
        came, went = sums[j, d + ARRIVED], sums[j, d + DEPARTED]
        if mass == 0.0:
            empty = 1
            for f in range(d + EXTRA):
                sums[j, f] = 0.0
            continue
        if came + went > LOST * abs(came - went) or mass + 2 * gone > LOST * mass:
            return -1
        for f in range(d):
            codes[j, f] = sums[j, f] / mass
    return empty
