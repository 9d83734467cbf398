"""Counts and exact sums of values by bin, in one pass; the values of some bins, in another.

A bin is a range of *keys*. The key of a float is its bit pattern, changed so that keys are in the
order of the values (for negative numbers all bits are flipped, for the others the sign bit); the
key of an integer is the integer itself. Bins of equally many keys are narrow where numbers are
small and wide where numbers are large. They need no extent of the data, and no value falls outside.

    value    -inf ... -2.0 ... -1.0 ... -0.0  0.0 ... 1.0 ... 2.0 ... inf  NaN
    key      ------------------------------------------------------------->

Within a bin of 32-bit keys, a value is base + l u, with l the low bits of its key and u the
distance of neighbouring numbers there. The sums of l and l^2 are integers, so they are exact and do
not depend on any order: neither chunks nor threads change a bit. The count and the sum of l share
one 64-bit word (25 + 38 bits), so a value costs two additions: 1e8 float32 take 0.11 s on one
thread, where `numpy.std` takes 0.09 s. The bit that is left marks bins whose keys are counted one
by one in the same pass.

Values of 64 bits, and weighted values, have too many bits for that. There each term, scaled to at
most 1, is cut into three integers of 28 bits, and the integers are added (a sum pre-rounded in
folds; Demmel & Nguyen 2013). So a sum is again the same in any order, and a term is right within
2^-53 of itself and 2^-84 of the largest one. Sums of squares would lose the digits that wide bins
hide, so they are left to a last pass, about centres that are known by then.

Demmel, J. & Nguyen, H. D. (2013). Fast reproducible floating-point summation. ARITH 21, 163-172.
"""

import numpy as np

from fastkm._kernels._jit import kernel

LOW_BITS = 11
"""Low bits of a 32-bit key within a bin of the first pass: 2^21 bins, of which some 30,000 are in
use for values between 0 and 75 (480 KB: a second-level cache of 1 MB holds them). With 12 bits
twice as many values are left for the second pass, and the whole takes 10 % longer."""

SUM_BITS = 38
"""Bits of the packed word that hold the sum of low bits; the count has the others."""

MAX_VALUES = (1 << 25) - 1
"""Values that a packed table may take: more could overflow the count."""

MARK_BIT = 63
"""Bit of the packed word that is set if each key of the bin is counted too."""

PAGE_BITS = 9
PAGE = 1 << PAGE_BITS
"""Bins whose use is noted together. Some hundred of 2^12 pages are in use, so a table is emptied in
a fifth of a millisecond instead of three."""

BLOCK = 1024
"""Values that are looked up together: their cells stay in the first-level cache."""

FOLD = 2.0**28
"""Ratio of one fold to the next. Sums stay below 2^63 for 2^35 values."""


@kernel
def to_key(bits, order):
    """Return the key of a bit pattern, a uint64 in the order of the values.

    bits: an unsigned integer; order: (4,) uint64 IN: the sign bit, the bits to flip if it is set
    and if it is not, and the pattern that counts as 0 (that of -0.0).
    """
    wide = np.uint64(bits)
    wide = np.uint64(0) if wide == order[3] else wide
    return wide ^ (order[1] if wide & order[0] else order[2])


@kernel
def find_window(key, first, windows):
    """Return the index of the window that holds a key, or -1; look from window `first` on."""
    w = np.int64(first)
    if w < 0:
        return -1
    while w < windows.shape[1] and key > windows[1, w]:
        w += 1
    return w if w < windows.shape[1] and key >= windows[0, w] else -1


@kernel
def count_codes(codes, counts):
    """Count each of at most 65,536 codes, in four tables: equal neighbours need not wait.

    codes: (n,) uint8 or uint16 IN; counts: (4, c) int64 INOUT.
    """
    a, b, c, d = counts[0], counts[1], counts[2], counts[3]
    whole = codes.shape[0] // 4 * 4
    for i in range(0, whole, 4):
        a[codes[i]] += 1
        b[codes[i + 1]] += 1
        c[codes[i + 2]] += 1
        d[codes[i + 3]] += 1
    for i in range(whole, codes.shape[0]):
        a[codes[i]] += 1


@kernel
def to_narrow_keys(bits, order, keys):
    """Write the keys of 32-bit patterns, eight at a time: 64-bit arithmetic would take four.

    bits: (n,) unsigned IN, of at most 32 used bits; order: see `to_key`; keys: (n,) uint32 OUT.
    """
    sign, zero = np.uint32(order[0]), np.uint32(order[3])
    upper, lower = np.uint32(order[1]), np.uint32(order[2])
    for i in range(bits.shape[0]):
        b = np.uint32(bits[i])
        b = np.uint32(0) if b == zero else b
        keys[i] = np.uint32(b ^ (upper if b & sign else lower))


@kernel
def count_coarsely(bits, order, limits, table, pages, ends, starts, counts, wraps):
    """Count 32-bit keys and sum their low bits in bins of 2^11 keys; count each key of marked bins.

    The keys of marked bins are listed without a branch and counted block by block: with 8 % of the
    values in marked bins, the pass takes 1.4 times as long, and 1.5 to 1.8 times with counts of 32
    bits, which leave the second-level cache. bits: (n,) uint32 IN; order: see `to_key`; limits:
    (2,) uint32 IN, least and greatest key of a number, as NaNs lie outside; table: (2^21, 2) uint64
    INOUT, mark, count and sum of low bits packed, and the sum of their squares; pages: (2^12,)
    uint8 INOUT, set if a page of `PAGE` bins is in use; ends: (2,) uint32 INOUT, least and greatest
    key of a number that came; if none came, least > greatest; starts: (2^21,) uint32 IN, the place
    in counts of the first key of each marked bin; counts: (c,) uint8 INOUT; wraps: (c,) uint32
    INOUT, how often each count has come round to 0.
    """
    one, marked = np.uint64(1 << SUM_BITS), np.uint64(MARK_BIT)
    mask, shift, paged = np.uint32((1 << LOW_BITS) - 1), np.uint32(LOW_BITS), np.uint32(PAGE_BITS)
    scratch, listed = np.empty(BLOCK, np.uint32), np.empty(BLOCK + 1, np.uint32)
    least, greatest = ends[0], ends[1]
    none, all_ones = np.uint32(0), np.uint32(0xFFFFFFFF)
    for start in range(0, bits.shape[0], BLOCK):
        block = bits[start : start + BLOCK]
        keys = scratch[: block.shape[0]]
        to_narrow_keys(block, order, keys)
        # the extent of the keys that are numbers, in vectors
        for i in range(keys.shape[0]):
            key = keys[i]
            least = min(least, key if key >= limits[0] else all_ones)
            greatest = max(greatest, key if key <= limits[1] else none)
        # counts and sums, one key after another
        number = np.uint64(0)
        for i in range(keys.shape[0]):
            key = keys[i]
            low = np.uint64(key & mask)
            cell = key >> shift
            total = table[cell, 0] + (one | low)
            table[cell, 0] = total
            table[cell, 1] += low * low
            pages[cell >> paged] = 1
            listed[number] = key
            number += total >> marked
        # counts of the keys of marked bins
        for i in range(number):
            key = listed[i]
            place = starts[key >> shift] + (key & mask)
            count = (np.int64(counts[place]) + 1) & 255
            counts[place] = count
            if count == 0:
                wraps[place] += np.uint32(1)
    ends[0] = least
    ends[1] = greatest


@kernel
def find_marked_values(bits, order, origin, wide, marks, cells, places):
    """List the places of the values in marked cells of keys; return their number.

    Cells are computed first and looked up afterwards, both without branches (1.3 ns a value; a
    branch that is taken now and then costs 3). bits: (n,) unsigned, n <= BLOCK IN; order: see
    `to_key`; origin, wide: uint64, cell c begins at key origin + c 2^wide; marks: (c + 1,) uint8
    IN, 1 if a cell is wanted, the last one 0; cells: (BLOCK,) uint32 OUT, of each value; places:
    (BLOCK + 1,) int32 OUT.
    """
    every_key = np.uint64(0xFFFFFFFF) >> wide  # the cell of the last 32-bit key
    # the cell of each value; a value beyond all cells gets the last mark, 0
    if bits.itemsize == 4 and origin == np.uint64(0) and marks.shape[0] > every_key:
        keys = cells[: bits.shape[0]]
        to_narrow_keys(bits, order, keys)
        for i in range(keys.shape[0]):
            keys[i] = keys[i] >> np.uint32(wide)
    else:
        last = np.uint64(marks.shape[0] - 1)
        for i in range(bits.shape[0]):
            cells[i] = np.uint32(min((to_key(bits[i], order) - origin) >> wide, last))
    # the places of values in marked cells
    number = 0
    for i in range(bits.shape[0]):
        places[number] = i
        number += np.int64(marks[cells[i]])
    return number


@kernel
def count_finely(bits, order, origin, wide, marks, coarse, windows, offsets, shift, table):
    """Count and sum as `count_coarsely` does, in narrower bins of some windows of keys.

    bits: (n,) uint32 IN; order, origin, wide, marks: see `find_marked_values`; coarse: (c,) int16
    IN, first window that reaches into each cell, or -1; windows: (2, w) uint64 IN, least and
    greatest keys; offsets: (w,) int64 IN, first bin of each window; shift: log2 of the keys in a
    bin; table: (bins, 2) uint64 INOUT.
    """
    one = np.uint64(1 << SUM_BITS)
    least, wider, narrow = np.uint64(origin), np.uint64(wide), np.uint64(shift)
    mask = (np.uint64(1) << narrow) - np.uint64(1)
    cells, places = np.empty(BLOCK, np.uint32), np.empty(BLOCK + 1, np.int32)
    for start in range(0, bits.shape[0], BLOCK):
        block = bits[start : start + BLOCK]
        for p in range(find_marked_values(block, order, least, wider, marks, cells, places)):
            i = places[p]
            # a marked cell may reach beyond its windows
            key = to_key(block[i], order)
            w = find_window(key, coarse[cells[i]], windows)
            if w >= 0:
                low = key & mask
                b = offsets[w] + np.int64((key >> narrow) - (windows[0, w] >> narrow))
                table[b, 0] += one | low
                table[b, 1] += low * low


@kernel
def find_values_in_windows(bits, order, origin, wide, marks, coarse, windows, found):
    """List the places of the values whose keys lie in some windows; return their number.

    bits: (n,) uint32 or uint64 IN; found: (n,) int32 OUT; all else: see `count_finely`.
    """
    least, wider = np.uint64(origin), np.uint64(wide)
    cells, places = np.empty(BLOCK, np.uint32), np.empty(BLOCK + 1, np.int32)
    number = 0
    for start in range(0, bits.shape[0], BLOCK):
        block = bits[start : start + BLOCK]
        for p in range(find_marked_values(block, order, least, wider, marks, cells, places)):
            i = places[p]
            if find_window(to_key(block[i], order), coarse[cells[i]], windows) >= 0:
                found[number] = start + i
                number += 1
    return number


@kernel
def add_in_folds(term, sums, row, column):
    """Add a term from 0 to 1, as three integers, to sums[row]: int64 INOUT, from `column` on."""
    for c in range(column, column + 3):
        term *= FOLD
        whole = np.floor(term)
        sums[row, c] += np.int64(whole)
        term -= whole


@kernel
def sum_bins(
    values, weights, order, origin, wide, marks, coarse, windows, offsets, shift, base, scales,
    sums, reach,
):  # fmt: skip
    """Count values by bin, and sum their weights and weighted distances from the base of the bin.

    values: (n,) float64 IN; weights: (n,) float64 of at most 1, or (1,) for all IN; base, scales:
    (bins,) float64 IN, least number of each bin, and power of two that brings distances from it to
    at most 1; sums: (bins, 7) int64 INOUT, count, and three folds of each sum; reach: (bins, 2)
    float64 INOUT, the least and greatest value that came; all else: see `count_finely`.
    """
    bits = values.view(np.uint64)
    least, wider, narrow = np.uint64(origin), np.uint64(wide), np.uint64(shift)
    cells, places = np.empty(BLOCK, np.uint32), np.empty(BLOCK + 1, np.int32)
    each = weights.shape[0] > 1
    for start in range(0, bits.shape[0], BLOCK):
        block = bits[start : start + BLOCK]
        for p in range(find_marked_values(block, order, least, wider, marks, cells, places)):
            i = places[p]
            key = to_key(block[i], order)
            w = find_window(key, coarse[cells[i]], windows)
            if w < 0:
                continue
            # add the value to its bin
            b = offsets[w] + np.int64((key >> narrow) - (windows[0, w] >> narrow))
            value, weight = values[start + i], weights[start + i] if each else weights[0]
            sums[b, 0] += 1
            add_in_folds(weight, sums, b, 1)
            add_in_folds(weight * ((value - base[b]) * scales[b]), sums, b, 4)
            reach[b, 0] = min(reach[b, 0], value)
            reach[b, 1] = max(reach[b, 1], value)


@kernel
def sum_around_centres(values, weights, breaks, centres, scales, sums):
    """Sum weights, weighted distances and squares about known centres, between breaks.

    values: (n,) IN; weights: (n,) of at most 1, or (1,) for all IN; breaks: (p - 1,) ascending IN,
    a value at a break belongs below it; centres, scales: (p,) IN, powers of two that bring
    distances from the centres to at most 1; sums: (p, 9) int64 INOUT, three folds of the sums of w,
    w (1 + d) / 2 and w d^2, with d the scaled distance. All but sums are float64.
    """
    each = weights.shape[0] > 1
    for i in range(values.shape[0]):
        value = values[i]
        if np.isnan(value):
            continue
        p = np.searchsorted(breaks, value)
        weight = weights[i] if each else weights[0]
        scale = scales[p]
        if scale < 1.0:  # the difference itself may overflow
            distance = value * scale - centres[p] * scale
        else:
            distance = (value - centres[p]) * scale
        add_in_folds(weight, sums, p, 0)
        add_in_folds(weight * (0.5 + 0.5 * distance), sums, p, 3)
        add_in_folds(weight * (distance * distance), sums, p, 6)


@kernel
def widen_extent(values, ends):
    """Widen an extent by some values; return how many of them are not NaN.

    values: (n,) floating IN; ends: (2,) of the same type INOUT, least and greatest value.
    """
    least, greatest, number = ends[0], ends[1], 0
    for i in range(values.shape[0]):
        v = values[i]
        least = min(least, v)
        greatest = max(greatest, v)
        number += 0 if np.isnan(v) else 1
    ends[0] = least
    ends[1] = greatest
    return number
