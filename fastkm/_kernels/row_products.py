"""The nearest codes of rows by matrix products, for many features: an iteration of Lloyd's algorithm.

A matrix product (BLAS) gives all products of a block's rows with all codes, and the expanded form
x^2 - 2xc + c^2 ranks the codes. Its error is bounded. Rows whose two best codes are closer, some in a
thousand, are compared directly before the sums move. So labels and sums are those of
`fastkm._kernels.lloyd` to the bit.

Arguments are those that its essay lists; x is C-contiguous here.
"""

import numpy as np

from fastkm._kernels._jit import fused_kernel, loose_kernel
from fastkm._kernels.lloyd import OUTWARDS, find_flags, list_changes, move_rows, write_bounds
from fastkm._kernels.row_blocks import BLOCK, rank_square

CACHE_LINE = 64
"""Bytes that are read from memory together, on most processors."""

MOST_PRODUCTS, LEAST_PRODUCTS = 2**19, 64
"""Multiplications of one matrix product, and its least rows. OpenBLAS has quicker code for at most
10^6, which copies nothing: 1e5 rows of 128 features and 64 codes take 10.7 ms by 64, 14 by 256."""

FEW_CODES = 16
"""Number of codes up to which products are turned to be ranked, see `rank_few_codes`."""


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


@loose_kernel
def touch_rows(numbers):
    """Read one number of each cache line of some rows; return the sum, which is good for nothing.

    A matrix product reads rows in an order that the processor does not foresee, so it waits for the
    memory. With this before, products of 1e5 rows of 128 features and 16 codes take 15 ms, not 28, if
    others use the memory, too; 64 codes 19, not 27. numbers: (count d,) IN, row after row.
    """
    total = numbers.dtype.type(0)
    for i in range(0, numbers.shape[0], CACHE_LINE // numbers.itemsize):
        total += numbers[i]
    return total


@fused_kernel
def step_by_products(x, start, shift, turned, norms, numbers, state, sums):
    """Do what `step_all_rows` does, by matrix products, and write no squares.

    x: C-contiguous; turned: (d, k) IN, the codes, any k; norms: (k,) IN, what a code adds to a
    square: its squared length and twice its product with the shift; numbers: (k,) IN, 0 to k - 1 in
    integers of the size of x's numbers; state: sizes (m,) INOUT, see `measure_rows`, not squares;
    they are measured where they are negative.
    """
    labels, weights, upper, lower, sizes = state
    m, (d, k) = labels.shape[0], turned.shape
    width = min(m, max(LEAST_PRODUCTS, min(BLOCK, MOST_PRODUCTS // (d * k))))
    products, block = np.empty((width, k), x.dtype), np.empty((width, d), x.dtype)
    best, second = np.empty(width, x.dtype), np.empty(width, x.dtype)
    code, direct, row = np.empty(width, np.int32), np.empty(k, x.dtype), np.empty(d, x.dtype)
    flags, found = np.zeros(BLOCK, np.uint8), np.empty(BLOCK, np.int32)
    rows, lines = np.empty(BLOCK, np.int32), np.empty((min(k, FEW_CODES), width), x.dtype)
    low, one = numbers.dtype.type(0), numbers.dtype.type(1)
    while low < k - 1:
        low = low + low + one
    cut = x.dtype.type(2 * np.finfo(x.dtype).eps) * x.dtype.type(low + one)
    unit, offset = x.dtype.type((d + 8) * np.finfo(x.dtype).eps), x.dtype.type(0)
    for f in range(d):
        offset += shift[f] * shift[f]
    lost = x.dtype.type(d * np.finfo(x.dtype).tiny)  # by underflow
    longest = x.dtype.type(2 * (norms.max() + 2 * offset))
    errors, slack = (unit, longest, lost, cut), np.float32(d) * OUTWARDS
    moved = 0
    for begin in range(0, m, width):
        size, old = sizes[begin : begin + width], labels[begin : begin + width]
        count = old.shape[0]
        first = start + begin
        if size[0] >= 0:
            # what is written keeps the compiler from leaving it out
            products[0, 0] = touch_rows(x[first : first + count].reshape(-1))
        else:
            measure_rows(x, first, shift, size)
        np.dot(x[first : first + count], turned, products[:count])
        if k <= FEW_CODES:
            rank_few_codes(products[:count], lines, size, norms, best, second, code)
        else:
            rank_products(products[:count], size, norms, numbers, low, best, second, code)
        # compare rows directly whose two best squares are closer than their errors
        for c in range(find_close_rows(best, second, size, errors, flags, found)):
            i = np.uint32(found[c])
            r = np.uint64(first) + np.uint64(i)
            for f in range(d):
                row[f] = x[r, np.uint64(f)] - shift[f]
            best[i], second[i], code[i] = find_two_nearest_of_row(row, turned, direct)
        # write bounds if wanted
        if upper.shape[0] > 0:
            high, low_bound = upper[begin : begin + count], lower[begin : begin + count]
            write_bounds(best, second, slack, high, low_bound)
        # move the rows whose label changes
        changes = list_changes(code, old, flags, found)
        for c in range(changes):
            rows[c] = begin + found[c]
            r, line = np.uint64(start) + np.uint64(rows[c]), block[found[c]]
            for f in range(d):
                line[f] = x[r, np.uint64(f)] - shift[f]
        move_rows(block.T, code, found[:changes], rows[:changes], labels, weights, sums)
        moved += changes
    return moved


@fused_kernel
def find_close_rows(best, second, sizes, errors, flags, found):
    """List the rows whose two best squares are closer than their errors; return how many.

    Both become bounds of the squares. best, second: (>= count,) INOUT; sizes: (count,) IN; errors:
    what an error is relative to the size of a row, the size of codes, an absolute error, and one that
    is relative to the least square; flags: (BLOCK,) uint8 OUT; found: (BLOCK,) int32 OUT.
    """
    zero = best.dtype.type(0)
    unit, longest, lost, cut = errors
    for i in range(sizes.shape[0]):
        least, other = best[i], second[i]
        error = unit * (sizes[i] + sizes[i] + longest) + lost
        twice, loss = error + error, cut * least
        flags[i] = not other - least > twice + twice + loss
        best[i] = least + (twice + loss)
        second[i] = max(other - twice, zero)
    for i in range(sizes.shape[0], BLOCK):
        flags[i] = 0
    return find_flags(flags, found)


@fused_kernel
def rank_few_codes(products, lines, sizes, norms, best, second, code):
    """Do what `rank_products` does, cutting nothing off; the products stay.

    lines: (k, >= count) OUT, the products turned, so that rows are ranked side by side. That pays for
    few codes only (1e5 rows, 16 codes: 1.1 ms, not 1.6; 64 codes: 4.0, not 2.7).
    """
    count, zero = sizes.shape[0], products.dtype.type(0)
    for i in range(count):
        row = products[i]
        for j in range(norms.shape[0]):
            lines[j, i] = row[j]
        best[i] = np.inf
        second[i] = np.inf
        code[i] = 0
    for j in range(norms.shape[0]):
        norm, line, one = norms[j], lines[j], np.int32(j)
        for i in range(count):
            square = max(zero, (sizes[i] + norm) - (line[i] + line[i]))
            best[i], second[i], code[i] = rank_square(square, one, best[i], second[i], code[i])


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
