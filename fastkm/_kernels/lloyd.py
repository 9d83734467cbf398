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

**Products** (BLAS). If d k is large, a matrix product gives all products of a block's rows with all
centroids, and the expanded form ranks the centroids. Its error is bounded. Rows whose two best
centroids are closer, some in a thousand, are compared directly before the sums move. So labels and
sums are again the same to the bit.

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

from fastkm._kernels._jit import fused_kernel, kernel, loose_kernel
from fastkm._kernels.row_blocks import BLOCK, find_two_nearest, gather_rows, load_rows, rank_square

MASS, COUNT, ARRIVED, DEPARTED, GONE = 0, 1, 2, 3, 4
"""Columns behind the d sums of a cluster: the weight of its rows, the number of rows with a weight,
the sums of the magnitudes that have ever been added and subtracted, and the subtracted weight."""

EXTRA = 5
"""Number of these columns."""

LINE = 16
"""Rows whose features are summed side by side."""

MOST_PRODUCTS, LEAST_PRODUCTS = 2**19, 64
"""Multiplications of one matrix product, and its least rows. OpenBLAS has quicker code for at most
10^6, which copies nothing: 1e5 rows of 128 features and 64 codes take 10.7 ms by 64, 14 by 256."""

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
        for i in range(count):
            flags[i] = code[i] != old[i]
        for i in range(count, BLOCK):
            flags[i] = 0
        changes = find_flags(flags, found)
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


@loose_kernel
def measure_rows(x, start, shift, sizes):
    """Write the sums of the squares of adjacent rows less the shift, added up in any order.

    x: C-contiguous; sizes: (m,) OUT.
    """
    for i in range(sizes.shape[0]):
        r, total = np.uint64(start) + np.uint64(i), x.dtype.type(0)
        for f in range(shift.shape[0]):
            v = x[r, np.uint64(f)] - shift[f]
            total += v * v
        sizes[i] = total


@fused_kernel
def step_by_products(x, start, shift, turned, norms, numbers, state, sums):
    """Do what `step_all_rows` does, by matrix products, and write no squares.

    x: C-contiguous; turned: (d, k) IN, the codes, any k; norms: (k,) IN, what a code adds to a
    square: its squared length and twice its product with the shift; numbers: (k,) IN, 0 to k - 1 in
    integers of the size of x's numbers; state: sizes (m,) IN, see `measure_rows`, not squares.
    """
    labels, weights, upper, lower, sizes = state
    m, (d, k) = labels.shape[0], turned.shape
    width = min(m, max(LEAST_PRODUCTS, min(BLOCK, MOST_PRODUCTS // (d * k))))
    products, block = np.empty((width, k), x.dtype), np.empty((width, d), x.dtype)
    best, second = np.empty(width, x.dtype), np.empty(width, x.dtype)
    code, direct, row = np.empty(width, np.int32), np.empty(k, x.dtype), np.empty(d, x.dtype)
    found, rows = np.empty(BLOCK, np.int32), np.empty(BLOCK, np.int32)
    low, one = numbers.dtype.type(0), numbers.dtype.type(1)
    while low < k - 1:
        low = low + low + one
    cut = x.dtype.type(2 * np.finfo(x.dtype).eps) * x.dtype.type(low + one)
    unit, offset = x.dtype.type((d + 8) * np.finfo(x.dtype).eps), x.dtype.type(0)
    for f in range(d):
        offset += shift[f] * shift[f]
    lost = d * np.finfo(x.dtype).tiny  # by underflow
    longest, slack = 2 * (norms.max() + 2 * offset), np.float32(d) * OUTWARDS
    moved = 0
    for begin in range(0, m, width):
        size, old = sizes[begin : begin + width], labels[begin : begin + width]
        count = old.shape[0]
        np.dot(x[start + begin : start + begin + count], turned, products[:count])
        rank_products(products[:count], size, norms, numbers, low, best, second, code)
        # compare rows directly whose two best squares are closer than their errors
        changes = 0
        for i in range(count):
            error = unit * (size[i] + size[i] + longest) + lost
            if not second[i] - best[i] > 4 * error + cut * best[i]:
                for f in range(d):
                    row[f] = x[np.uint64(start + begin + i), np.uint64(f)] - shift[f]
                best[i], second[i], code[i] = find_two_nearest_of_row(row, turned, direct)
            else:
                best[i] += 2 * error + cut * best[i]
                second[i] = max(second[i] - 2 * error, x.dtype.type(0))
            found[changes], rows[changes] = changes, begin + i
            code[changes] = code[i]
            changes += code[i] != old[i]
        # write bounds if wanted
        if upper.shape[0] > 0:
            high, low_bound = upper[begin : begin + count], lower[begin : begin + count]
            write_bounds(best, second, slack, high, low_bound)
        # move the rows whose label changes
        for c in range(changes):
            r, line = np.uint64(start) + np.uint64(rows[c]), block[c]
            for f in range(d):
                line[f] = x[r, np.uint64(f)] - shift[f]
        move_rows(block.T, code, found[:changes], rows[:changes], labels, weights, sums)
        moved += changes
    return moved


@fused_kernel
def rank_products(products, sizes, norms, numbers, low, best, second, code):
    """Find the two least squares of each row, and the code of the least; the least is cut off.

    products: (count, k) IN, of rows and codes, overwritten; sizes: (count,) IN; low: 2^b - 1 >= k - 1;
    best, second, code: OUT. Numbers that are not negative are ordered as their bits are. The code
    takes the place of the last bits, and the least of such integers says which code it belongs to;
    such loops are vectorised, without turning the products (1e5 rows, 64 codes: 2.4 ms, not 7).
    """
    keys, k = products.view(numbers.dtype), products.shape[1]
    infinity = np.full(1, np.inf, products.dtype)
    most = infinity.view(numbers.dtype)[0]
    for i in range(products.shape[0]):
        row, size = products[i], sizes[i]
        for j in range(k):
            row[j] = max(products.dtype.type(0), (size + norms[j]) - (row[j] + row[j]))
    for i in range(products.shape[0]):
        key, least = keys[i], most
        for j in range(k):
            least = min(least, (key[j] & ~low) | numbers[j])
        code[i] = least & low
        key[code[i]] = least & ~low
        best[i] = products[i, code[i]]
        key[code[i]] = most
    for i in range(products.shape[0]):
        key, least = keys[i], most
        for j in range(k):
            least = min(least, key[j])
        key[0] = least
        second[i] = products[i, 0]


@fused_kernel
def find_two_nearest_of_row(row, turned, squares):
    """Return what `find_two_nearest` finds, for one row: two least squares, code of the least.

    row: (d,) IN; turned: (d, k) IN, the codes; squares: (k,) OUT.
    """
    for j in range(squares.shape[0]):
        squares[j] = 0
    for f in range(row.shape[0]):
        v, line = row[f], turned[f]
        for j in range(squares.shape[0]):
            p = v - line[j]
            squares[j] += p * p
    best, second, code = squares.dtype.type(np.inf), squares.dtype.type(np.inf), np.int32(0)
    for j in range(squares.shape[0]):
        best, second, code = rank_square(squares[j], np.int32(j), best, second, code)
    return best, second, code


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
