"""Lloyd's algorithm in d dimensions: the nearest centroid of each row, and the clusters' sums.

Rows are taken in blocks, whose nearest codes `fastkm._kernels.row_blocks` finds; its essay says how,
and how distances are rounded.

**Sums move.** The sums of the clusters are kept from one iteration to the next. Only rows that
change their label are subtracted from the sums of the old label and added to those of the new one.
In the first iteration all rows come from label -1, which has no sums. Once centroids settle this
costs nothing, while adding up all rows again would take half of the time (d = 3, k = 8).

**Bounds** (Hamerly 2010). For each row `upper` bounds the distance to its own centroid from above,
and `lower` bounds the distances to all other centroids from below. After centroids have moved, the
triangle inequality moves the bounds. If upper is still below lower, or below half the distance of
the own centroid to its nearest neighbour, the label cannot have changed. The other rows
(`find_undecided_rows`) are gathered into full blocks. Bounds are float32 and rounded outwards by
more than the rounding of the squares, so a row is skipped only if computing it would give the same
label. So labels, and with them all sums, are the same to the bit with bounds and without.
`fastkm._kernels.row_products` does the same for many features by matrix products.

**Arguments.** Arrays are aligned, native-endian and of the type of x (float32 or float64) unless
one is given. x is C- or Fortran-contiguous, all others are C-contiguous. The same everywhere are x:
(n, d) IN; start, the first of its rows that counts; shift: (d,) IN; columns: (d, width), a block
less shift; codes: (k, d) IN, k even (if it is odd, the caller adds a code of NaN, to which no row
is near); rest, see `make_rest`; rows: (count,) int32 IN, chosen rows counted from start; labels:
(m,) int32, of the rows from start on; weights: (m,) float64 IN, or (0,) if all are 1; upper, lower:
(m,) float32, or (0,) without bounds; sums: (k, d + 5) float64 INOUT, see `MASS`.

Lloyd, S. P. (1982). Least squares quantization in PCM. IEEE Trans. Inf. Theory 28, 129-137.
Hamerly, G. (2010). Making k-means even faster. SIAM International Conference on Data Mining.
"""

import numpy as np

from fastkm._kernels._jit import fused_kernel, kernel
from fastkm._kernels.row_blocks import BLOCK, find_two_nearest, gather_rows, load_rows

MASS, COUNT, ARRIVED, DEPARTED, GONE = 0, 1, 2, 3, 4
"""Columns behind the d sums of a cluster: the weight of its rows, the number of rows with a weight,
the sums of the magnitudes that have ever been added and subtracted, and the subtracted weight."""

EXTRA = 5
"""Number of these columns."""

LINE = 16
"""Rows whose features are summed side by side."""

OUTWARDS = np.float32(2.0**-21)
"""Rounds a bound outwards by more than the error of a conversion and two additions in float32."""

LEAST = np.float32(2.0**-120)
MOST = np.float32(2.0**120)
"""Bounds below `LEAST` (or below the root of the least normal number of the rows' type, because
smaller squares have lost digits) decide nothing; bounds above `MOST` are not trusted."""


@fused_kernel
def write_bounds(best, second, slack, upper, lower):
    """Write the bounds of adjacent rows from their two least squares.

    best, second: (>= count,) IN; slack: float32, relative error of a distance; upper, lower: OUT.
    """
    least = np.float32(np.sqrt(np.finfo(best.dtype).tiny)) + LEAST
    for i in range(upper.shape[0]):
        high = np.float32(np.sqrt(best[i])) * (np.float32(1) + slack) + least
        low = np.float32(np.sqrt(second[i])) * (np.float32(1) - slack)
        upper[i] = high
        lower[i] = min(MOST, low)


@fused_kernel
def find_flags(flags, found):
    """List where flags: (BLOCK,) uint8 IN are 1; found: (BLOCK,) int32 OUT; return how many."""
    count = 0
    words = flags.view(np.uint64)
    for w in range(words.shape[0]):
        if words[w] != 0:
            for i in range(8 * w, 8 * w + 8):
                found[count] = i
                count += np.int64(flags[i])
    return count


@fused_kernel
def list_changes(code, labels, flags, found):
    """List the rows of a block that change their label; return how many.

    code: (>= count,) IN; labels: (count,) IN; flags: (BLOCK,) uint8 OUT; found: (BLOCK,) int32 OUT.
    """
    for i in range(labels.shape[0]):
        flags[i] = code[i] != labels[i]
    for i in range(labels.shape[0], BLOCK):
        flags[i] = 0
    return find_flags(flags, found)


@kernel
def move_rows(columns, code, changed, rows, labels, weights, sums):
    """Move rows from the sums of their old labels to those of the new ones.

    columns: IN; code: (width,) int32 IN; changed: (count,) int32 IN, places in the block; rows:
    places of the same rows in labels, INOUT, and weights. Nothing is fused, so that exactly what
    was added is subtracted, and all callers get the same bits. Indices are unsigned: for signed
    ones Numba checks each time whether they count from the end, which takes as long as the sums.
    """
    d, weighted = columns.shape[0], weights.shape[0] > 0
    for c in range(changed.shape[0]):
        i, r = np.uint32(changed[c]), np.uint32(rows[c])
        new, old = np.uint32(code[i]), labels[r]
        w = weights[r] if weighted else 1.0
        one = 1.0 if w > 0 else 0.0
        size = 0.0
        for f in range(d):
            term = w * columns[f, i]
            sums[new, f] += term
            size += abs(term)
        sums[new, d + MASS] += w
        sums[new, d + COUNT] += one
        sums[new, d + ARRIVED] += size
        # in the first iteration there is no old label
        if old >= 0:
            before = np.uint32(old)
            for f in range(d):
                sums[before, f] -= w * columns[f, i]
            sums[before, d + MASS] -= w
            sums[before, d + COUNT] -= one
            sums[before, d + DEPARTED] += size
            sums[before, d + GONE] += w
        labels[r] = code[i]


@fused_kernel
def step_all_rows(x, start, shift, codes, rest, state, sums):
    """Do one iteration for adjacent rows; return how many rows change their label.

    state: labels INOUT, weights, upper and lower OUT, squares (m,) OUT or (0,) if not wanted.
    """
    labels, weights, upper, lower, squares = state
    m, d = labels.shape[0], codes.shape[1]
    width = min(m, BLOCK)
    columns = np.zeros((d, width), x.dtype)
    best, second = np.empty(width, x.dtype), np.empty(width, x.dtype)
    code, flags = np.empty(width, np.int32), np.zeros(BLOCK, np.uint8)
    found, rows = np.empty(BLOCK, np.int32), np.empty(BLOCK, np.int32)
    slack = np.float32(d) * OUTWARDS
    moved = 0
    for begin in range(0, m, BLOCK):
        old = labels[begin : begin + BLOCK]
        count = old.shape[0]
        # the nearest code of each row, with bounds and squares if wanted
        load_rows(x, start + begin, count, shift, columns)
        find_two_nearest(columns, codes, rest, best, second, code)
        if upper.shape[0] > 0:
            write_bounds(
                best, second, slack, upper[begin : begin + count], lower[begin : begin + count]
            )
        if squares.shape[0] > 0:  # a slice assigned to a slice would take a second to compile
            for i in range(count):
                squares[begin + i] = best[i]
        # move the rows whose label changes
        changes = list_changes(code, old, flags, found)
        for c in range(changes):
            rows[c] = begin + found[c]
        move_rows(columns, code, found[:changes], rows[:changes], labels, weights, sums)
        moved += changes
    return moved


@fused_kernel
def step_chosen_rows(x, start, rows, shift, codes, rest, state, sums):
    """Do what `step_all_rows` does for chosen rows, but write no squares."""
    labels, weights, upper, lower, _ = state
    d, width = codes.shape[1], min(rows.shape[0], BLOCK)
    columns = np.zeros((d, width), x.dtype)
    best, second = np.empty(width, x.dtype), np.empty(width, x.dtype)
    code, slack = np.empty(width, np.int32), np.float32(d) * OUTWARDS
    found, places = np.empty(BLOCK, np.int32), np.empty(BLOCK, np.int32)
    high, low = np.empty(width, np.float32), np.empty(width, np.float32)
    bounded = upper.shape[0] > 0
    moved = 0
    for begin in range(0, rows.shape[0], BLOCK):
        some = rows[begin : begin + BLOCK]
        count = some.shape[0]
        # the nearest code of each row, and its bounds
        gather_rows(x, start, some, shift, columns)
        find_two_nearest(columns, codes, rest, best, second, code)
        write_bounds(best, second, slack, high, low)
        # write bounds if wanted; move the rows whose label changes
        changes = 0
        for i in range(count):
            r = np.uint32(some[i])
            if bounded:
                upper[r], lower[r] = high[i], low[i]
            found[changes], places[changes] = i, r
            changes += code[i] != labels[r]
        move_rows(columns, code, found[:changes], places[:changes], labels, weights, sums)
        moved += changes
    return moved


@fused_kernel
def find_undecided_rows(labels, upper, lower, drifts, margin, rows):
    """Move bounds as centroids have moved; list the rows that may change label; return how many.

    labels: IN; upper, lower: INOUT; drifts: (3, k) float32 IN, how far each centroid has moved, how
    far any other has moved, and half its distance to the nearest other; margin: float32 below 1,
    takes off the error of two squares; rows: (m,) int32 OUT, the listed ones first.
    """
    own, other, half = drifts[0], drifts[1], drifts[2]
    out, inwards = np.float32(1) + OUTWARDS, np.float32(1) - OUTWARDS
    flags, places = np.zeros(BLOCK, np.uint8), np.empty(BLOCK, np.int32)
    found = 0
    for begin in range(0, labels.shape[0], BLOCK):
        label, high, low = (
            labels[begin : begin + BLOCK],
            upper[begin : begin + BLOCK],
            lower[begin : begin + BLOCK],
        )
        # move the bounds of a block, and flag the rows that they do not decide
        for i in range(label.shape[0]):
            j = np.uint32(label[i])
            far = (high[i] + own[j]) * out
            near = low[i] * inwards - other[j] * out
            high[i], low[i] = far, near
            limit = max(half[j], near)
            flags[i] = not far < limit * margin
        # list the flagged rows
        flags[label.shape[0] :] = 0
        count = find_flags(flags, places)
        for i in range(count):
            rows[found + i] = begin + places[i]
        found += count
    return found


@fused_kernel
def assign(x, start, shift, codes, rest, labels, squares):
    """Find the nearest code of each row; labels: OUT; squares: (m,) OUT, of the distances.

    x may hold integers; shift, codes and squares have the type of the distances.
    """
    m, d = labels.shape[0], codes.shape[1]
    width = min(m, BLOCK)
    columns = np.zeros((d, width), codes.dtype)
    best, second = np.empty(width, codes.dtype), np.empty(width, codes.dtype)
    code = np.empty(width, np.int32)
    for begin in range(0, m, BLOCK):
        label, square = labels[begin : begin + BLOCK], squares[begin : begin + BLOCK]
        count = label.shape[0]
        load_rows(x, start + begin, count, shift, columns)
        find_two_nearest(columns, codes, rest, best, second, code)
        for i in range(count):
            label[i] = code[i]
            square[i] = best[i]


@fused_kernel
def sum_features(numbers, shift, total, square):
    """Sum rows less one of them, and the squares of these differences, feature by feature.

    numbers: (m d,) IN, row after row; shift: (LINE d,) IN, that one, again and again; total, square:
    (LINE d,) float64 INOUT, 0 at first. Each of `LINE` rows has sums of its own, so that the loop is
    vectorised; the caller adds them up, in order.
    """
    lanes = shift.shape[0]
    for begin in range(0, numbers.shape[0], lanes):
        line = numbers[begin : begin + lanes]
        for i in range(line.shape[0]):
            v = np.float64(line[i] - shift[i])
            total[i] += v
            square[i] += v * v
