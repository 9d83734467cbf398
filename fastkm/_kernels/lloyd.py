"""Lloyd's algorithm in d dimensions: the nearest centroid of each row, and the sums that follow.

Rows are taken in blocks that stay in the first-level cache, as columns: one line of adjacent
numbers a feature, whatever the layout of the rows. Over a block the loops run centroids outside,
features next, rows inside, so the innermost loop is vectorised; two centroids are compared at a
time, and eight features (`SLAB`), so that sums stay in registers. The features that are left over
by eights (all of them up to `UNROLLED`) come first; their number is the length of a tuple, `rest`,
and so known when compiling: the loop over a number known only at run time is half as fast. A
kernel is compiled once for each type, layout and length of `rest`.

Squared distances are sums of (x - c)^2 in feature order and in the type of the rows, products and
sums fused. The expanded form x^2 - 2xc + c^2 is quicker for many features but loses half the
digits where rows lie close to their centroid, which is where k-means puts them. Rows and centroids
are taken relative to a `shift` near the middle of the data, which costs nothing where the
difference is exact and keeps the digits of float32 centroids at large offsets.

A centroid replaces the best so far only where it is strictly nearer, so ties go to the lowest
index. A comparison with NaN is false: a row without a finite distance keeps code 0 and an infinite
square.

**Sums move.** The sums of the clusters are kept from one iteration to the next, and only rows
that change their label are added to the one and taken from the other. In the first iteration all
rows come from label -1, of which there is no sum. Once centroids settle this costs nothing, where
adding all rows up again would be half of the time (d = 3, k = 8).

**Bounds** (Hamerly 2010). For each row `upper` bounds the distance to its own centroid from
above, `lower` that to all others from below. After centroids have moved, the triangle inequality
moves the bounds: where upper is still below lower, or below half the distance of the own centroid
to its nearest neighbour, nothing can have changed. The rows that are left, `suspects`, are
gathered into full blocks. Bounds are float32, rounded outwards by more than the rounding of the
squares, so that a row is passed over only where computing it would give the same label: labels,
and with them all sums, are the same to the bit with bounds and without.

**Products** (BLAS). Where d k is large, all products of a block's rows with all centroids come
from one matrix product, and the expanded form ranks the centroids. Its error is bounded; rows
whose two best are closer than that, some in a thousand, are compared directly, one by one, before
the sums move. So labels and sums are again the same to the bit.

Arrays are aligned and native-endian, `x` C- or Fortran-contiguous, all else C-contiguous, codes an
even number (one of NaN is added where it is odd: no row is near it).

Lloyd, S. P. (1982). Least squares quantization in PCM. IEEE Trans. Inf. Theory 28, 129-137.
Hamerly, G. (2010). Making k-means even faster. SIAM International Conference on Data Mining.
"""

import numpy as np

from fastkm._kernels._jit import fused_kernel, kernel, loose_kernel

BLOCK = 256
"""Rows a block: 1 KB a feature of float32."""

SLAB = 8
"""Features whose sum stays in registers, where there are more than `UNROLLED`."""

UNROLLED = 12
"""Features up to which one slab takes them all. With 16 the compiler gives up vectors (1e6 rows, 32
codes: 150 ms in place of 13)."""

MASS, COUNT, ARRIVED, DEPARTED, GONE = 0, 1, 2, 3, 4
"""What stands behind the d sums of a cluster: the weight of its rows, how many have a weight, the
sums of the magnitudes that have ever come and gone, and the weights that have gone."""

EXTRA = 5

TILE = 64
"""Rows transposed at a time: of 256 rows of 128 features the first-level cache loses lines before
they are read to their end (1e5 rows: 8 ms more)."""

LINE = 16
"""Rows of products turned at a time, so that what is read stays in the cache until it is used up."""

OUT = np.float32(2.0**-21)
"""Rounds a bound outwards by more than conversion and two additions in float32 can err."""

LEAST = np.float32(2.0**-120)
MOST = np.float32(2.0**120)
"""Bounds are not told apart below the one (nor below the root of the least normal number of the
rows' type: squares below that have lost digits), and not trusted above the other."""


def rest_of(d):
    """Give the tuple whose length tells kernels how many features come first."""
    return (0,) * (d if d <= UNROLLED else d % SLAB)


@fused_kernel
def nearer(square, label, best, second, code):
    """Rank a square among the two least so far."""
    wins = square < best
    other = best if wins else square
    best = square if wins else best
    code = label if wins else code
    second = min(second, other)
    return best, second, code


@fused_kernel
def two_nearest(columns, codes, rest, best, second, code):
    """Find the two least squares of each row of a block, and the code of the least.

    columns: (d, width) IN; codes: (k, d) IN, k even, the type of columns; rest: see `rest_of`; best, second: (width,) OUT; code: (width,) int32 OUT.
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
        if first == columns.shape[0]:
            for i in range(width):
                s, t = zero, zero
                for f in range(first):
                    v = columns[f, i]
                    p, q = v - a[f], v - b[f]
                    s += p * p
                    t += q * q
                low, high, kept = nearer(s, one, best[i], second[i], code[i])
                best[i], second[i], code[i] = nearer(t, two, low, high, kept)
            continue
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
            low, high, kept = nearer(one_square[i], one, best[i], second[i], code[i])
            best[i], second[i], code[i] = nearer(two_square[i], two, low, high, kept)


@fused_kernel
def load(x, start, count, shift, columns):
    """Fill a block with `count` adjacent rows less the shift.

    x: (n, d) IN; shift: (d,) IN; columns: (d, width) OUT, count <= width.
    """
    for begin in range(0, count, TILE):
        first, tile = start + begin, min(TILE, count - begin)
        for f in range(columns.shape[0]):
            line, feature, s = columns[f, begin:], x[first : first + tile, f], shift[f]
            for i in range(tile):
                line[i] = feature[i] - s


@fused_kernel
def gather(x, start, rows, shift, columns):
    """Fill a block with chosen rows less the shift.

    x: (n, d) IN; rows: (count,) int32 IN, counted from start; shift: (d,) IN; columns: (d, width)
    OUT, count <= width.
    """
    for f in range(columns.shape[0]):
        line, s = columns[f], shift[f]
        for i in range(rows.shape[0]):
            line[i] = x[np.uint64(start) + np.uint64(rows[i]), np.uint64(f)] - s


@fused_kernel
def bound(best, second, slack, upper, lower):
    """Write the bounds of adjacent rows from their two least squares.

    best, second: (count,) or longer IN; slack: relative error of a distance; upper, lower:
    (count,) float32 OUT.
    """
    least = np.float32(np.sqrt(np.finfo(best.dtype).tiny)) + LEAST
    for i in range(upper.shape[0]):
        high = np.float32(np.sqrt(best[i])) * (np.float32(1) + slack) + least
        low = np.float32(np.sqrt(second[i])) * (np.float32(1) - slack)
        upper[i] = high
        lower[i] = min(MOST, low)


@fused_kernel
def positions(flags, found):
    """List where flags are set, eight at a time.

    flags: (BLOCK,) uint8 IN; found: (BLOCK,) int32 OUT. Returns how many there are.
    """
    count = 0
    words = flags.view(np.uint64)
    for w in range(words.shape[0]):
        if words[w] != 0:
            for i in range(8 * w, 8 * w + 8):
                found[count] = i
                count += np.int64(flags[i])
    return count


@kernel
def move(columns, code, changed, rows, labels, weights, sums):
    """Take rows from the sums of their old labels to those of the new.

    columns: (d, width) IN; code: (width,) int32 IN; changed: (count,) int32 IN, places in the
    block; rows: (count,) int32 IN, their places in labels (m,) int32 INOUT and weights (m,) or (0,)
    IN; sums: (k, d + 5) float64 INOUT, see `MASS`. Not fused, so that what goes is what came; the
    same to the bit in all callers. Indices are unsigned: for signed ones Numba asks
    each time whether they count from the end, which takes as long as the sums.
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
def step_all(x, start, shift, codes, rest, state, sums):
    """Do one iteration for adjacent rows: labels, sums, and what else is wanted.

    x: (n, d) IN; start: the first row; shift: (d,) IN; codes, rest: see `two_nearest`; state:
    labels (m,) int32 INOUT, weights (m,) or (0,) float64 IN, upper and lower (m,) or (0,) float32
    OUT, squares (m,) or (0,) OUT; sums: see `move`. Returns how many rows change their label.
    """
    labels, weights, upper, lower, squares = state
    m, d = labels.shape[0], codes.shape[1]
    width = min(m, BLOCK)
    columns = np.zeros((d, width), x.dtype)
    best, second = np.empty(width, x.dtype), np.empty(width, x.dtype)
    code, flags = np.empty(width, np.int32), np.zeros(BLOCK, np.uint8)
    found, rows = np.empty(BLOCK, np.int32), np.empty(BLOCK, np.int32)
    slack = np.float32(d) * OUT
    moved = 0
    for begin in range(0, m, BLOCK):
        old = labels[begin : begin + BLOCK]
        count = old.shape[0]
        load(x, start + begin, count, shift, columns)
        two_nearest(columns, codes, rest, best, second, code)
        if upper.shape[0] > 0:
            bound(best, second, slack, upper[begin : begin + count], lower[begin : begin + count])
        if squares.shape[0] > 0:
            squares[begin : begin + count] = best[:count]
        flags[count:] = 0
        for i in range(count):
            flags[i] = code[i] != old[i]
        changes = positions(flags, found)
        for c in range(changes):
            rows[c] = begin + found[c]
        move(columns, code, found[:changes], rows[:changes], labels, weights, sums)
        moved += changes
    return moved


@fused_kernel
def step_some(x, start, rows, shift, codes, rest, state, sums):
    """Do one iteration for chosen rows. As `step_all`; rows: (count,) int32 IN, from start.

    Bounds are written if wanted, squares are not.
    """
    labels, weights, upper, lower, _ = state
    d, width = codes.shape[1], min(rows.shape[0], BLOCK)
    columns = np.zeros((d, width), x.dtype)
    best, second = np.empty(width, x.dtype), np.empty(width, x.dtype)
    code, slack = np.empty(width, np.int32), np.float32(d) * OUT
    found, places = np.empty(BLOCK, np.int32), np.empty(BLOCK, np.int32)
    high, low = np.empty(width, np.float32), np.empty(width, np.float32)
    bounded = upper.shape[0] > 0
    moved = 0
    for begin in range(0, rows.shape[0], BLOCK):
        some = rows[begin : begin + BLOCK]
        count = some.shape[0]
        gather(x, start, some, shift, columns)
        two_nearest(columns, codes, rest, best, second, code)
        bound(best, second, slack, high, low)
        changes = 0
        for i in range(count):
            r = np.uint32(some[i])
            if bounded:
                upper[r], lower[r] = high[i], low[i]
            found[changes], places[changes] = i, r
            changes += code[i] != labels[r]
        move(columns, code, found[:changes], places[:changes], labels, weights, sums)
        moved += changes
    return moved


@loose_kernel
def centre(x, start, rows, shift, block, sizes):
    """Write chosen rows less the shift; and the sums of their squares, added in any order.

    x: (n, d) C-contiguous IN; start, rows: see `gather`; shift: (d,) IN; block: (width, d) OUT;
    sizes: (width,) OUT.
    """
    for i in range(rows.shape[0]):
        r = np.uint64(start) + np.uint64(rows[i])
        total = x.dtype.type(0)
        for f in range(block.shape[1]):
            v = x[r, np.uint64(f)] - shift[f]
            block[i, f] = v
            total += v * v
        sizes[i] = total


@fused_kernel
def step_by_products(x, start, rows, shift, turned, norms, state, sums):
    """Do one iteration for chosen rows by matrix products, and directly where these do not decide.

    x: (n, d) C-contiguous IN; start, rows, shift, state, sums: see `step_some`; turned: (d, k)
    IN, the codes, of any number; norms: (k,) IN, their squared lengths. Returns how many rows change their label.
    """
    labels, weights, upper, lower, _ = state
    d, k = turned.shape
    width = min(rows.shape[0], BLOCK)
    block, products = np.zeros((width, d), x.dtype), np.empty((width, k), x.dtype)
    squares, size = np.empty((k, width), x.dtype), np.zeros(width, x.dtype)
    best, second = np.empty(width, x.dtype), np.empty(width, x.dtype)
    code = np.empty(width, np.int32)
    high, low = np.empty(width, np.float32), np.empty(width, np.float32)
    direct, flags = np.empty(k, x.dtype), np.zeros(BLOCK, np.uint8)
    found, places = np.empty(BLOCK, np.int32), np.empty(BLOCK, np.int32)
    unit = x.dtype.type((d + 8) * np.finfo(x.dtype).eps)
    lost = d * np.finfo(x.dtype).tiny  # by underflow
    longest, slack = 2 * norms.max(), np.float32(d) * OUT
    moved = 0
    for begin in range(0, rows.shape[0], BLOCK):
        some = rows[begin : begin + BLOCK]
        count = some.shape[0]
        centre(x, start, some, shift, block, size)
        np.dot(block, turned, products)
        for first in range(0, width, LINE):
            last = min(first + LINE, width)
            for j in range(k):
                norm = norms[j]
                for i in range(first, last):
                    squares[j, i] = norm - (products[i, j] + products[i, j])
        least(squares, best, second, code)
        flags[count:] = 0
        for i in range(count):
            error = unit * (size[i] + longest) + lost
            flags[i] = not second[i] - best[i] > 4 * error
            best[i] = max(size[i] + best[i] + 2 * error, x.dtype.type(0))
            second[i] = max(size[i] + second[i] - 2 * error, x.dtype.type(0))
        for c in range(positions(flags, found)):
            i = found[c]
            best[i], second[i], code[i] = to_codes(block[i], turned, direct)
        if upper.shape[0] > 0:
            bound(best, second, slack, high[:count], low[:count])
            for i in range(count):
                r = np.uint32(some[i])
                upper[r], lower[r] = high[i], low[i]
        for i in range(count):
            flags[i] = code[i] != labels[some[i]]
        changes = positions(flags, found)
        for c in range(changes):
            places[c] = some[found[c]]
        move(block.T, code, found[:changes], places[:changes], labels, weights, sums)
        moved += changes
    return moved


@fused_kernel
def to_codes(row, turned, squares):
    """Find the two least squares of one row and the code of the least: those of `two_nearest`.

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
        best, second, code = nearer(squares[j], np.int32(j), best, second, code)
    return best, second, code


@fused_kernel
def least(squares, best, second, code):
    """Find the two least of each column. squares: (k, width) IN; best, second, code: (width,) OUT."""
    width = squares.shape[1]
    for i in range(width):
        best[i], second[i], code[i] = np.inf, np.inf, 0
    for j in range(squares.shape[0]):
        line, label = squares[j], np.int32(j)
        for i in range(width):
            best[i], second[i], code[i] = nearer(line[i], label, best[i], second[i], code[i])


@fused_kernel
def suspects(labels, upper, lower, drifts, margin, rows):
    """Move the bounds as centroids have moved; find the rows that may have a new label.

    labels: (m,) int32 IN; upper, lower: (m,) float32 INOUT; drifts: (3, k) float32 IN, how far
    each centroid has moved, how far any other has, and half its distance to the nearest other;
    margin: float32 below 1, takes off what two squares may err; rows: (m,) int32 OUT. Returns how many are found: they stand first in rows.
    """
    own, other, half = drifts[0], drifts[1], drifts[2]
    out, inwards = np.float32(1) + OUT, np.float32(1) - OUT
    flags, places = np.zeros(BLOCK, np.uint8), np.empty(BLOCK, np.int32)
    found = 0
    for begin in range(0, labels.shape[0], BLOCK):
        label, high, low = (
            labels[begin : begin + BLOCK],
            upper[begin : begin + BLOCK],
            lower[begin : begin + BLOCK],
        )
        for i in range(label.shape[0]):
            j = np.uint32(label[i])
            far = (high[i] + own[j]) * out
            near = low[i] * inwards - other[j] * out
            high[i], low[i] = far, near
            limit = max(half[j], near)
            flags[i] = not far < limit * margin
        flags[label.shape[0] :] = 0
        count = positions(flags, places)
        for i in range(count):
            rows[found + i] = begin + places[i]
        found += count
    return found


@fused_kernel
def assign(x, start, shift, codes, rest, labels, squares):
    """Find the nearest code of each row, and the square of its distance.

    As `step_all`; labels: (m,) int32 OUT; squares: (m,) OUT, the type of x.
    """
    m, d = labels.shape[0], codes.shape[1]
    width = min(m, BLOCK)
    columns = np.zeros((d, width), x.dtype)
    best, second = np.empty(width, x.dtype), np.empty(width, x.dtype)
    code = np.empty(width, np.int32)
    for begin in range(0, m, BLOCK):
        label, square = labels[begin : begin + BLOCK], squares[begin : begin + BLOCK]
        count = label.shape[0]
        load(x, start + begin, count, shift, columns)
        two_nearest(columns, codes, rest, best, second, code)
        for i in range(count):
            label[i] = code[i]
            square[i] = best[i]


@fused_kernel
def moments(numbers, first, sums, squares):
    """Sum rows less one of them, and their squares, feature by feature.

    numbers: (m d,) IN, row after row; first: (d,) IN, of the type of numbers; sums, squares: (d,)
    float64 OUT. Each of `LINE` rows has sums of its own, so that they run in vectors.
    """
    d, lanes = first.shape[0], first.shape[0] * LINE
    shift, total, square = np.empty(lanes, first.dtype), np.zeros(lanes), np.zeros(lanes)
    for i in range(lanes):
        shift[i] = first[i % d]
    for begin in range(0, numbers.shape[0], lanes):
        line = numbers[begin : begin + lanes]
        for i in range(line.shape[0]):
            v = np.float64(line[i] - shift[i])
            total[i] += v
            square[i] += v * v
    sums[:], squares[:] = 0.0, 0.0
    for i in range(lanes):
        sums[i % d] += total[i]
        squares[i % d] += square[i]


@fused_kernel
def candidates(x, start, shift, codes, weights, squares, totals):
    """Sum what would remain of the squared distances if each of some codes were chosen.

    x: (n, d) IN; start: the first row; shift: (d,) IN; codes: (t, d) IN; weights: (m,) or (0,)
    float64 IN; squares: (m,) IN, to the nearest code so far, the type of x; totals: (t,) float64
    OUT.
    """
    t, d = codes.shape
    m, width = squares.shape[0], min(squares.shape[0], BLOCK)
    columns, square = np.zeros((d, width), x.dtype), np.empty(width, x.dtype)
    lanes = np.zeros((t, width))
    for begin in range(0, m, BLOCK):
        least = squares[begin : begin + BLOCK]
        w = weights[begin : begin + BLOCK]
        count = least.shape[0]
        load(x, start + begin, count, shift, columns)
        for j in range(t):
            total = lanes[j]
            to_code(columns, codes[j], square)
            if weights.shape[0] > 0:
                for i in range(count):
                    s, near = square[i], least[i]
                    total[i] += w[i] * (min(near, s))
            else:
                for i in range(count):
                    s, near = square[i], least[i]
                    total[i] += min(near, s)
    for j in range(t):
        totals[j] = 0.0
        for i in range(width):
            totals[j] += lanes[j, i]


@fused_kernel
def to_code(columns, code, square):
    """Square the distances of a block's rows to one code. columns: (d, width) IN; code: (d,) IN."""
    width = square.shape[0]
    for i in range(width):
        square[i] = 0
    for f in range(columns.shape[0]):
        line, c = columns[f], code[f]
        for i in range(width):
            v = line[i] - c
            square[i] += v * v


@fused_kernel
def keep_nearer(x, start, shift, code, squares):
    """Lower squared distances to those to one more code.

    x: (n, d) IN; start: the first row; shift: (d,) IN; code: (d,) IN; squares: (m,) INOUT.
    """
    m, d = squares.shape[0], code.shape[0]
    width = min(m, BLOCK)
    columns, square = np.zeros((d, width), x.dtype), np.empty(width, x.dtype)
    for begin in range(0, m, BLOCK):
        least = squares[begin : begin + BLOCK]
        load(x, start + begin, least.shape[0], shift, columns)
        to_code(columns, code, square)
        for i in range(least.shape[0]):
            s, near = square[i], least[i]
            least[i] = min(near, s)
