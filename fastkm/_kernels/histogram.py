"""Counts and exact sums of values by bin, in one pass; the values of some bins, in another.

A bin is a range of *keys*: the bit pattern of a float, changed so that keys are in the order of
the values (all bits flipped for negative numbers, the sign bit for the others), or an integer
itself. Bins of equally many keys are narrow where numbers are small and wide where they are
large; they need no extent of the data, and no value falls outside.

    value    -inf ... -2.0 ... -1.0 ... -0.0  0.0 ... 1.0 ... 2.0 ... inf  NaN
    key      ------------------------------------------------------------->

Within a bin of 32-bit keys, a value is base + l u with l the low bits of its key and u the
distance of neighbouring numbers there. The sums of l and l^2 are integers, so they are exact and
do not depend on any order: neither chunks nor threads change a bit. The count and the sum of l
share one 64-bit word (26 + 38 bits), so a value costs two additions: 1e8 float32 take 0.11 s on
two threads, where `numpy.std` takes 0.13 s.

Values of 64 bits, and weighted ones, have too many bits for that. There each term, scaled to at
most 1, is cut into three integers of 28 bits, and the integers are added (a sum pre-rounded in
folds; Demmel & Nguyen 2013). So a sum is again the same in any order, and a term is right within
2^-53 of itself and 2^-84 of the largest. Sums of squares would lose what wide bins hide, so they
are left to a last pass, about centres that are known by then.

Demmel, J. & Nguyen, H. D. (2013). Fast reproducible floating-point summation. 21st IEEE
Symposium on Computer Arithmetic, 163-172.
"""

import numpy as np

from fastkm._kernels._jit import kernel

LOW_BITS = 11
"""Low bits of a 32-bit key within a bin of the first pass: 2^21 bins, of which some 30,000 are in
use for values between 0 and 75 (480 KB: a second-level cache of 1 MB holds them). 12 leave twice
as many values to look into, and take 10 % longer in all."""

SUM_BITS = 38
"""Bits of the packed word that hold the sum of low bits; the count has the others."""

MOST = (1 << 26) - 1
"""Values that a packed table may take: more could overflow the count."""

PAGE_BITS = 9
PAGE = 1 << PAGE_BITS
"""Bins whose use is noted together: some hundred of 2^12 pages are in use, so that to empty a
table takes a fifth of a millisecond, not three."""

BLOCK = 1024
"""Values that are sifted together: their cells stay in the first-level cache."""

FOLD = 2.0**28
"""Step from one fold to the next. Sums stay below 2^63 for 2^35 values."""


@kernel
def key_of(bits, order):
    """Put a bit pattern in the order of the values.

    bits: an unsigned integer; order: (4,) uint64: the sign bit, what to flip where it is set and
    where it is not, and the pattern that counts as 0 (that of -0.0).
    """
    wide = np.uint64(bits)
    wide = np.uint64(0) if wide == order[3] else wide
    return wide ^ (order[1] if wide & order[0] else order[2])


@kernel
def find_window(key, first, windows):
    """Give the index of the window that holds a key, or -1; `first` is where to begin looking."""
    w = np.int64(first)
    if w < 0:
        return -1
    while w < windows.shape[1] and key > windows[1, w]:
        w += 1
    return w if w < windows.shape[1] and key >= windows[0, w] else -1


@kernel
def count_codes(codes, counts):
    """Count each of at most 65,536 codes.

    codes: (n,) uint8 or uint16 IN; counts: (4, c) int64 INOUT, four so that equal neighbours
    need not wait for each other.
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
def narrow_keys(bits, order, keys):
    """Give the keys of 32-bit patterns, eight at a time: 64-bit arithmetic would take four.

    bits: (n,) unsigned, of at most 32 bits used IN; order: see `key_of` IN; keys: (n,) uint32 OUT.
    """
    sign, zero = np.uint32(order[0]), np.uint32(order[3])
    upper, lower = np.uint32(order[1]), np.uint32(order[2])
    for i in range(bits.shape[0]):
        b = np.uint32(bits[i])
        b = np.uint32(0) if b == zero else b
        keys[i] = np.uint32(b ^ (upper if b & sign else lower))


@kernel
def count_coarsely(bits, order, limits, table, pages, ends):
    """Count and sum the low bits of 32-bit keys in bins of 2^11 keys.

    bits: (n,) uint32 IN; order: see `key_of` IN; limits: (2,) uint32 least and greatest key of a
    number IN; table: (2^21, 2) uint64 INOUT: count and sum of low bits packed, sum of their
    squares; pages: (2^12,) uint8, set where a page of `PAGE` bins is in use INOUT; ends: (2,)
    uint32 least and greatest key met, but those of NaN INOUT.
    """
    one = np.uint64(1 << SUM_BITS)
    mask, shift, paged = np.uint32((1 << LOW_BITS) - 1), np.uint32(LOW_BITS), np.uint32(PAGE_BITS)
    scratch = np.empty(BLOCK, np.uint32)
    least, greatest = ends[0], ends[1]
    none, all_ones = np.uint32(0), np.uint32(0xFFFFFFFF)
    for start in range(0, bits.shape[0], BLOCK):
        block = bits[start : start + BLOCK]
        keys = scratch[: block.shape[0]]
        narrow_keys(block, order, keys)
        for i in range(keys.shape[0]):
            key = keys[i]
            least = min(least, key if key >= limits[0] else all_ones)
            greatest = max(greatest, key if key <= limits[1] else none)
        for i in range(keys.shape[0]):
            key = keys[i]
            low = np.uint64(key & mask)
            cell = key >> shift
            table[cell, 0] += one | low
            table[cell, 1] += low * low
            pages[cell >> paged] = 1
    ends[0] = least
    ends[1] = greatest


@kernel
def count_keys(bits, order, starts, counts):
    """Count each 32-bit key of some bins of 2^11 keys.

    bits: (n,) uint32 IN; order: see `key_of` IN; starts: (2^21,) uint32 where the first key of a
    bin is counted, the same place for all bins that are not wanted IN; counts: (c,) uint32 INOUT.
    """
    mask, shift = np.uint32((1 << LOW_BITS) - 1), np.uint32(LOW_BITS)
    scratch = np.empty(BLOCK, np.uint32)
    for start in range(0, bits.shape[0], BLOCK):
        block = bits[start : start + BLOCK]
        keys = scratch[: block.shape[0]]
        narrow_keys(block, order, keys)
        for i in range(keys.shape[0]):
            key = keys[i]
            counts[starts[key >> shift] + (key & mask)] += np.uint32(1)


@kernel
def sift(bits, order, origin, wide, marks, cells, places):
    """List the places of the values in marked cells of keys; give their number.

    Cells are computed first and looked up then: both loops are without branches (1.3 ns a value,
    where a branch that is taken now and then costs 3).

    bits: (n,) unsigned, n <= BLOCK IN; order: see `key_of` IN; origin, wide: cell c begins at key
    origin + c 2^wide IN; marks: (c + 1,) uint8, 1 where a cell is wanted, the last 0 IN; cells,
    places: (BLOCK,) uint32 and (BLOCK + 1,) int32 scratch and OUT.
    """
    every_key = np.uint64(0xFFFFFFFF) >> wide  # the cell of the last 32-bit key
    if bits.itemsize == 4 and origin == np.uint64(0) and marks.shape[0] > every_key:
        keys = cells[: bits.shape[0]]
        narrow_keys(bits, order, keys)
        for i in range(keys.shape[0]):
            keys[i] = keys[i] >> np.uint32(wide)
    else:
        last = np.uint64(marks.shape[0] - 1)
        for i in range(bits.shape[0]):
            cells[i] = np.uint32(min((key_of(bits[i], order) - origin) >> wide, last))
    number = 0
    for i in range(bits.shape[0]):
        places[number] = i
        number += np.int64(marks[cells[i]])
    return number


@kernel
def count_finely(bits, order, origin, wide, marks, coarse, windows, offsets, shift, table):
    """Count and sum as `count_coarsely`, in narrower bins of some windows of keys.

    bits: (n,) uint32 IN; order: see `key_of` IN; origin, wide, marks: see `sift` IN; coarse: (c,)
    int16 first window that reaches into each cell, or -1 IN; windows: (2, w) uint64 least and
    greatest keys IN; offsets: (w,) int64 first bin of each window IN; shift: log2 of the keys in a
    bin IN; table: (bins, 2) uint64 INOUT.
    """
    one = np.uint64(1 << SUM_BITS)
    least, wider, narrow = np.uint64(origin), np.uint64(wide), np.uint64(shift)
    mask = (np.uint64(1) << narrow) - np.uint64(1)
    cells, places = np.empty(BLOCK, np.uint32), np.empty(BLOCK + 1, np.int32)
    for start in range(0, bits.shape[0], BLOCK):
        block = bits[start : start + BLOCK]
        for p in range(sift(block, order, least, wider, marks, cells, places)):
            i = places[p]
            key = key_of(block[i], order)
            w = find_window(key, coarse[cells[i]], windows)
            if w >= 0:
                low = key & mask
                b = offsets[w] + np.int64((key >> narrow) - (windows[0, w] >> narrow))
                table[b, 0] += one | low
                table[b, 1] += low * low


@kernel
def collect(bits, order, origin, wide, marks, coarse, windows, found):
    """List the places of the values whose keys lie in some windows; give their number.

    bits: (n,) uint32 or uint64 IN; order, origin, wide, marks, coarse, windows: see above IN;
    found: (n,) int32 OUT.
    """
    least, wider = np.uint64(origin), np.uint64(wide)
    cells, places = np.empty(BLOCK, np.uint32), np.empty(BLOCK + 1, np.int32)
    number = 0
    for start in range(0, bits.shape[0], BLOCK):
        block = bits[start : start + BLOCK]
        for p in range(sift(block, order, least, wider, marks, cells, places)):
            i = places[p]
            if find_window(key_of(block[i], order), coarse[cells[i]], windows) >= 0:
                found[number] = start + i
                number += 1
    return number


@kernel
def fold(term, sums, row, column):
    """Cut a number from 0 to 1 into three integers of 28 bits, and add them to three columns.

    sums: (rows, columns) int64 INOUT.
    """
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
    """Count values and add weights and weighted distances from the base of each bin.

    values: (n,) float64 IN; weights: (n,) float64 of at most 1, or (1,) for all IN;
    order, origin, wide, marks, coarse, windows, offsets, shift: see above IN; base: (bins,) least
    number of each bin IN; scales: (bins,) power of two that brings distances from it to at most 1
    IN; sums: (bins, 7) int64 INOUT: count, and three folds of each sum; reach: (bins, 2) INOUT:
    the least and greatest value met.
    """
    bits = values.view(np.uint64)
    least, wider, narrow = np.uint64(origin), np.uint64(wide), np.uint64(shift)
    cells, places = np.empty(BLOCK, np.uint32), np.empty(BLOCK + 1, np.int32)
    each = weights.shape[0] > 1
    for start in range(0, bits.shape[0], BLOCK):
        block = bits[start : start + BLOCK]
        for p in range(sift(block, order, least, wider, marks, cells, places)):
            i = places[p]
            key = key_of(block[i], order)
            w = find_window(key, coarse[cells[i]], windows)
            if w < 0:
                continue
            b = offsets[w] + np.int64((key >> narrow) - (windows[0, w] >> narrow))
            value, weight = values[start + i], weights[start + i] if each else weights[0]
            sums[b, 0] += 1
            fold(weight, sums, b, 1)
            fold(weight * ((value - base[b]) * scales[b]), sums, b, 4)
            reach[b, 0] = min(reach[b, 0], value)
            reach[b, 1] = max(reach[b, 1], value)


@kernel
def sum_around_centres(values, weights, breaks, centres, scales, sums):
    """Add weighted squares about known centres, for the parts between breaks.

    values: (n,) float64 IN; weights: (n,) of at most 1, or (1,) for all IN; breaks: (p - 1,)
    ascending; a value at one belongs below it IN; centres: (p,) IN; scales: (p,) power of two
    that brings distances from a centre to at most 1 IN; sums: (p, 9) int64 INOUT: three folds of
    the sums of w, w (1 + d) / 2 and w d^2 with d the scaled distance.
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
        fold(weight, sums, p, 0)
        fold(weight * (0.5 + 0.5 * distance), sums, p, 3)
        fold(weight * (distance * distance), sums, p, 6)


@kernel
def extent(values, ends):
    """Widen `ends`, least and greatest, by the values; give how many are not NaN.

    values: (n,) floating IN; ends: (2,) of the same type INOUT.
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
