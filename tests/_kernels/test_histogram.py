"""Counts and sums by bin: exact and equal to those of the twin, whatever the bits and the order."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fastkm._kernels import histogram
from fastkm._kernels.histogram import (
    BLOCK,
    FOLD,
    LOW_BITS,
    MARK_BIT,
    MAX_VALUES,
    PAGE,
    SUM_BITS,
    add_in_folds,
    count_coarsely,
    count_codes,
    count_finely,
    find_marked_values,
    find_values_in_windows,
    find_window,
    sum_around_centres,
    sum_bins,
    to_key,
    to_narrow_keys,
    widen_extent,
)
from fastkm.cluster.exact.sortable_keys import KeyOrder, KeyWindows
from tests import naive

# keys below the origin wrap, as they should; plain Python says so
wraps = pytest.mark.filterwarnings("ignore:overflow encountered")
SEEDS = st.integers(0, 2**32)
TYPES = pytest.mark.parametrize("name", ["f4", "i4", "u4"])
ALL_TYPES = pytest.mark.parametrize("name", ["f4", "i4", "u4", "f8", "i8", "u8"])
SPECIAL = [0.0, -0.0, np.nan, -np.nan, np.inf, -np.inf, 1e-45, -1e-45, 1.0, -1.0, 3e38, -3e38]
DOUBT = Fraction(1, 2**52)


def some_bits(seed, number, name):
    """Bit patterns: of all kinds, of neighbours, and of the special numbers; some of them equal."""
    rng = np.random.default_rng(seed)
    dtype = np.dtype(name)
    unsigned = np.dtype(f"u{dtype.itemsize}")
    top = np.iinfo(unsigned).max
    anything = rng.integers(0, top, number, unsigned, endpoint=True)
    centres = rng.integers(0, top, 3, unsigned)[rng.integers(0, 3, number)]
    near = centres + rng.integers(0, 3 << LOW_BITS, number).astype(unsigned)
    with np.errstate(over="ignore", invalid="ignore"):
        special = np.array(SPECIAL).astype("f4" if dtype.kind != "f" else dtype)
    special = rng.choice(special.view(f"u{special.itemsize}").astype(unsigned), number)
    return np.choose(rng.integers(0, 3, number), [anything, near, special])


def keys_of(bits, name):
    dtype = np.dtype(name)
    return [naive.to_key(b, dtype.kind, 8 * dtype.itemsize) for b in bits]


def some_windows(seed, number, size, greatest):
    """Disjoint ranges of keys: whole bins of `size` keys, of which a few touch."""
    rng = np.random.default_rng(seed)
    bins = greatest // size + 1
    ends = np.unique([int(end) % bins for end in rng.integers(0, 2**63, 2 * number)])
    ends = ends[: len(ends) // 2 * 2].reshape(-1, 2)
    if len(ends) > 2:
        ends[1, 0] = ends[0, 1] + 1 if ends[0, 1] + 1 <= ends[1, 1] else ends[1, 0]
    return [(int(a) * size, int(b) * size + size - 1) for a, b in ends]


def windows_over(pairs, *, wide=None, origin=0, cells=None):
    """Build the table that the kernels look windows up in."""
    ends = np.array(pairs, np.uint64).T
    if cells is None:
        cells = ((int(ends[1, -1]) - origin) >> wide) + 1
    return KeyWindows.of(ends, np.uint64(origin), wide, cells)


def unpacked(table):
    """Return the rows of a packed table that are in use, without their marks."""
    mask, packed = (1 << SUM_BITS) - 1, table[:, 0] & np.uint64((1 << MARK_BIT) - 1)
    return {
        int(c): [int(packed[c]) >> SUM_BITS, int(packed[c]) & mask, int(table[c, 1])]
        for c in np.flatnonzero(packed)
    }


def unfolded(folds):
    """Return a sum in three folds exactly."""
    return sum(Fraction(int(part)) / Fraction(FOLD) ** (i + 1) for i, part in enumerate(folds))


@ALL_TYPES
@given(SEEDS)
def test_a_key_is_the_place_of_a_number_among_all(name, seed):
    bits = some_bits(seed, 40, name)
    order = KeyOrder.of(np.dtype(name)).parts
    assert [int(to_key(b, order)) for b in bits] == keys_of(bits, name)


@given(SEEDS, st.integers(1, 8), st.sampled_from([0, 3]))
def test_a_window_is_found_from_any_that_lies_before(seed, number, wide):
    pairs = some_windows(seed, number, 2, 100)
    windows = windows_over(pairs or [(4, 5)], wide=wide, cells=(102 >> wide) + 1)
    for k in range(102):
        wanted = [w for w, (a, b) in enumerate(windows.ends.T.tolist()) if a <= k <= b]
        for first in (windows.coarse[k >> wide], min(wanted, default=-1)):
            found = find_window(np.uint64(k), first, windows.ends)
            assert found == (wanted[0] if wanted else -1)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@given(SEEDS, st.sampled_from([0, 1, 2, 3, 4, 5, 7, 100]), st.sampled_from([1, 3, 2**16]))
def test_codes_are_counted(dtype, seed, number, different):
    rng = np.random.default_rng(seed)
    most = min(different, np.iinfo(dtype).max + 1)
    codes = (np.iinfo(dtype).max - rng.integers(0, most, number)).astype(dtype)
    counts = np.ones((4, np.iinfo(dtype).max + 1), np.int64)
    count_codes(codes, counts)
    np.testing.assert_array_equal(
        counts.sum(axis=0) - 4, np.bincount(codes, minlength=counts.shape[1])
    )


@TYPES
@given(SEEDS, st.sampled_from([0, 1, 50]), st.sampled_from([0, 1, 3]))
def test_counts_and_sums_of_low_bits_are_the_twins(name, seed, number, marked):
    bits = some_bits(seed, number, name)
    keys = keys_of(bits, name)
    bins = sorted({k >> LOW_BITS for k in keys[: 3 * marked : 3]})
    table = np.zeros((1 << 32 - LOW_BITS, 2), np.uint64)
    table[bins, 0] = 1 << MARK_BIT
    starts = np.zeros(len(table), np.uint32)
    starts[bins] = np.arange(len(bins)) << LOW_BITS
    counts = np.full(len(bins) << LOW_BITS, 254, np.uint8)
    wraps = np.zeros(len(counts), np.uint32)
    pages, ends = np.zeros(len(table) // PAGE, np.uint8), np.array([2**32 - 1, 0], np.uint32)
    order = KeyOrder.of(np.dtype(name))
    for half in np.array_split(bits, 2):  # a table goes on where it was
        count_coarsely(half, order.parts, order.limits, table, pages, ends, starts, counts, wraps)
    # keys of marked bins are counted one by one
    total = 256 * wraps.astype(int) + counts - 254
    got = {
        (bins[c >> LOW_BITS] << LOW_BITS) + (c & (1 << LOW_BITS) - 1): int(total[c])
        for c in np.flatnonzero(total).tolist()
    }
    assert got == {k: keys.count(k) for k in keys if k >> LOW_BITS in bins}
    # counts and sums of all bins
    wanted = naive.count_by_bin(keys, [(0, 2**32 - 1)], 1 << LOW_BITS)
    assert unpacked(table) == wanted
    assert np.flatnonzero(pages).tolist() == sorted({c // PAGE for c in wanted})
    numbers = [k for k, v in zip(keys, bits.view(name), strict=True) if v == v]
    # the keys of NaNs lie outside those of all numbers, and count as ends only if no number came
    above = [k for k in keys if k > order.limits[1]]
    below = [k for k in keys if k < order.limits[0]]
    least, greatest = min([*numbers, *above], default=2**32 - 1), max([*numbers, *below], default=0)
    assert ends.tolist() == [least, greatest]


@wraps
@TYPES
@given(SEEDS, st.sampled_from([0, 1, 50]), st.integers(1, 9), st.integers(0, LOW_BITS))
def test_counts_and_sums_in_windows_are_the_twins(name, seed, number, ranges, shift):
    bits = some_bits(seed, number, name)
    keys = keys_of(bits, name)
    size = 1 << shift
    pairs = some_windows(seed, ranges, size, 2**32 - 1) or [(0, 2**32 - 1)]
    if number:  # a window that holds something for certain
        pairs = [(a, b) for a, b in pairs if not a <= keys[0] <= b]
        start = keys[0] // size * size
        pairs = sorted([*pairs, (start, start + size - 1)])
    most = (1 << 18) // len(pairs) * size  # keep the table small
    pairs = [(a, min(b, a + most - 1)) for a, b in pairs]
    windows = windows_over(pairs, wide=20, cells=1 << 12)
    offsets = np.cumsum([0, *((b - a) // size + 1 for a, b in pairs)])
    table = np.zeros((offsets[-1], 2), np.uint64)
    order = KeyOrder.of(np.dtype(name)).parts
    count_finely(bits, order, *windows.lookup, offsets, shift, table)
    assert unpacked(table) == naive.count_by_bin(keys, pairs, size)


def test_a_packed_table_holds_as_many_values_as_it_may_take():
    last = (1 << LOW_BITS) - 1
    order = KeyOrder.of(np.dtype("u4"))
    table = np.zeros((1, 2), np.uint64)
    table[0] = (MAX_VALUES - 1 << SUM_BITS) + (MAX_VALUES - 1) * last, (MAX_VALUES - 1) * last**2
    pages, ends = np.zeros(1, np.uint8), np.array([2**32 - 1, 0], np.uint32)
    table[0, 0] += np.uint64(1 << MARK_BIT)
    single = np.zeros(1, np.uint32), np.zeros(last + 1, np.uint8), np.zeros(last + 1, np.uint32)
    bits = np.array([last], np.uint32)
    count_coarsely(bits, order.parts, order.limits, table, pages, ends, *single)
    assert unpacked(table) == {0: [MAX_VALUES, MAX_VALUES * last, MAX_VALUES * last**2]}
    assert single[1].tolist() == [0] * last + [1]  # the bin is still marked


@wraps
@ALL_TYPES
@pytest.mark.parametrize("number", [0, 1, 300, BLOCK - 1, BLOCK])
def test_sifted_are_the_places_of_marked_cells(name, number):
    bits = some_bits(number, number, name)
    keys = keys_of(bits, name)
    origin = sorted(keys)[number // 10] if number else 0
    wide = 8 * np.dtype(name).itemsize - 3
    last = (2 ** (wide + 3) - origin) >> wide  # no cell reaches beyond the last key
    marks = np.append(np.array([1, 0, 1, 1, 1, 1, 0, 1], np.uint8)[:last], np.uint8(0))
    cells, places = np.empty(BLOCK, np.uint32), np.empty(BLOCK + 1, np.int32)
    order = KeyOrder.of(np.dtype(name)).parts
    found = find_marked_values(
        bits, order, np.uint64(origin), np.uint64(wide), marks, cells, places
    )
    in_cell = [min((k - origin) >> wide, last) if k >= origin else last for k in keys]
    wanted = [i for i, c in enumerate(in_cell) if marks[c]]
    assert places[:found].tolist() == wanted
    assert number < BLOCK - 1 or found > 255  # more than a byte counts
    assert [cells[i] for i in wanted] == [in_cell[i] for i in wanted]


@wraps
@ALL_TYPES
@given(SEEDS, st.integers(1, 9), st.sampled_from([1, 50]))
def test_collected_are_the_values_in_windows_and_no_others(name, seed, ranges, number):
    bits = some_bits(seed, number, name)
    keys = keys_of(bits, name)
    top = 2 ** (8 * np.dtype(name).itemsize) - 1
    pairs = some_windows(seed, ranges, 1, top)
    here = [(k, k) for k in sorted(set(keys[::7])) if not any(a <= k <= b for a, b in pairs)]
    pairs = sorted(pairs + here) or [(0, top)]
    origin, wide = pairs[0][0], max(0, (pairs[-1][1] - pairs[0][0]).bit_length() - 10)
    windows = windows_over(pairs, origin=origin, wide=wide)
    found = np.empty(number, np.int32)
    met = find_values_in_windows(bits, KeyOrder.of(np.dtype(name)).parts, *windows.lookup, found)
    wanted = [i for i, k in enumerate(keys) if any(a <= k <= b for a, b in pairs)]
    assert found[:met].tolist() == wanted


@pytest.mark.parametrize("number", [BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 3])
def test_blocks_join_without_a_seam(number):
    bits = np.arange(number, dtype=np.uint32)
    order = KeyOrder.of(np.dtype("u4")).parts
    windows = windows_over([(3, number - 2)], wide=0, cells=number)
    found = np.empty(number, np.int32)
    met = find_values_in_windows(bits, order, *windows.lookup, found)
    np.testing.assert_array_equal(found[:met], np.arange(3, number - 1))
    table = np.zeros((number, 2), np.uint64)
    count_finely(bits, order, *windows.lookup, np.array([0, number]), 0, table)
    assert unpacked(table) == {c: [1, 0, 0] for c in range(number - 4)}


@wraps
def test_windows_of_one_key_find_neither_nan_nor_what_lies_beyond():
    values = np.array([-1e-5, np.nan, 1.0, -np.nan, -1.0, -1e-5, np.inf, -np.inf])
    order = KeyOrder.of(values.dtype)
    (key,) = keys_of(values[:1].view("u8"), "f8")
    windows = windows_over([(key, key)], origin=key, wide=0)
    found = np.empty(8, np.int32)
    assert find_values_in_windows(values.view("u8"), order.parts, *windows.lookup, found) == 2
    assert found[:2].tolist() == [0, 5]


@given(st.floats(0, 1))
@example(1.0)
@example(2.0**-84)
@example(1 - 2.0**-53)
def test_a_number_is_cut_into_three_integers(term):
    sums = np.array([[7, 0, 0, 0, 7]])
    add_in_folds(term, sums, 0, 1)
    assert sums[0, [0, 4]].tolist() == [7, 7]
    assert 0 <= sums[0, 1] <= FOLD
    assert (sums[0, 1:4] >= 0).all()
    assert (sums[0, 2:4] < FOLD).all()
    assert 0 <= Fraction(term) - unfolded(sums[0, 1:4]) < Fraction(1, 2**84)


def bins_over(windows, most):
    """The bins of some windows of float64 keys: shift, offsets, base and scale of each."""
    order = KeyOrder.of(np.dtype(float))
    shift, offsets = windows.choose_bins(most)
    base, scales = [], []
    for least, greatest in windows.ends.T.tolist():
        for number in range(least >> shift, (greatest >> shift) + 1):
            start = max(number << shift, least)
            stop = min((number + 1 << shift) - 1, greatest)
            low, high = order.to_values(np.array([start, stop], np.uint64))
            base.append(low)
            scales.append(2.0 ** -max(int(np.frexp(high - low)[1]), -1023))
    return shift, offsets, np.array(base), np.array(scales)


def weighed(values, weights, pairs, most):
    """Run `sum_bins`; return the windows' bins, its sums and the reach of each bin."""
    origin = pairs[0][0]
    wide = max(0, (pairs[-1][1] - origin).bit_length() - 8)
    windows = windows_over(pairs, origin=origin, wide=wide)
    shift, offsets, base, scales = bins_over(windows, most)
    sums, reach = np.zeros((len(base), 7), np.int64), np.tile([np.inf, -np.inf], (len(base), 1))
    order = KeyOrder.of(np.dtype(float)).parts
    sum_bins(values, weights, order, *windows.lookup, offsets, shift, base, scales, sums, reach)
    return (shift, offsets, base, scales), sums, reach


def bin_of(key, pairs, shift, offsets):
    for w, (least, greatest) in enumerate(pairs):
        if least <= key <= greatest:
            return int(offsets[w]) + (key >> shift) - (least >> shift)
    return None


def some_weighed(seed, number, kind):
    """Values with weights, and windows of keys in which some of them are."""
    rng = np.random.default_rng(seed)
    values, weights = rng.normal(size=number), rng.random(number)
    if kind == "lattice":
        values, weights = np.round(values * 2**10) / 2**10, np.ceil(weights * 2**10) / 2**10
    elif kind == "offset":
        values += 1e9
    elif kind == "skewed":
        values = values * 10 ** rng.integers(-300, 300, number).astype(float)
    elif kind == "tiny":
        values = values * 1e-310
    values[rng.random(number) < 0.1] = np.nan
    values[rng.random(number) < 0.1] = -0.0
    keys = sorted(
        {k for v, k in zip(values, keys_of(values.view("u8"), "f8"), strict=True) if v == v}
    )
    third = len(keys) // 3
    pairs = [(keys[0], keys[0])] if keys else [(0, 10)]
    if third:
        pairs = [(keys[0], keys[third] - 1), (keys[third] + 1, keys[-1])]
    return values, weights, pairs


@wraps
@pytest.mark.parametrize("kind", ["lattice", "offset", "skewed", "tiny"])
@given(SEEDS, st.sampled_from([1, 2, 10, 60]), st.sampled_from([2, 16, 200]), st.booleans())
def test_weighed_sums_are_those_of_exact_rationals(kind, seed, number, most, alike):
    values, weights, pairs = some_weighed(seed, number, kind)
    weights = np.array([0.625]) if alike else weights
    (shift, offsets, base, scales), sums, reach = weighed(values, weights, pairs, most)
    keys = keys_of(values.view("u8"), "f8")
    inside = [bin_of(k, pairs, shift, offsets) for k in keys]
    members = {b: [i for i, c in enumerate(inside) if c == b] for b in set(inside) - {None}}
    each = np.broadcast_to(weights, values.shape)
    for b, rows in members.items():
        assert sums[b, 0] == len(rows)
        assert reach[b].tolist() == [values[rows].min(), values[rows].max()]
        w, first, _ = naive.sum_around_centres(values[rows], each[rows], [b] * len(rows), base)[b]
        assert abs(unfolded(sums[b, 1:4]) - w) <= len(rows) * DOUBT
        assert abs(unfolded(sums[b, 4:7]) - first * Fraction(scales[b])) <= len(rows) * DOUBT
    others = np.setdiff1d(np.arange(len(base)), list(members))
    assert not sums[others].any()
    assert (reach[others] == [np.inf, -np.inf]).all()


@wraps
@given(SEEDS, st.booleans())
def test_weighed_sums_are_exact_where_terms_have_few_bits(seed, alike):
    rng = np.random.default_rng(seed)
    digits = 2.0 ** (52 if alike else 26)
    values = 1 + np.floor(rng.random(50) * digits) / digits
    weights = np.ones(1) if alike else np.ceil(rng.random(50) * 2**26) / 2**26
    pairs = [tuple(keys_of(np.array([1.0, 2.0 - 2.0**-52]).view("u8"), "f8"))]
    (*_, base, scales), sums, _ = weighed(values, weights, pairs, 1)
    assert (base.tolist(), scales.tolist()) == ([1.0], [1.0])
    wanted = naive.sum_around_centres(values, np.broadcast_to(weights, 50), [0] * 50, base)[0]
    assert (unfolded(sums[0, 1:4]), unfolded(sums[0, 4:7])) == wanted[:2]


@wraps
@given(SEEDS, st.sampled_from(["lattice", "skewed"]))
def test_no_order_of_the_values_changes_a_bit_of_what_they_weigh(seed, kind):
    values, weights, pairs = some_weighed(seed, 60, kind)
    turn = np.random.default_rng(seed).permutation(60)
    _, sums, reach = weighed(values, weights, pairs, 16)
    _, turned_sums, turned_reach = weighed(values[turn], weights[turn], pairs, 16)
    np.testing.assert_array_equal(turned_sums, sums)
    np.testing.assert_array_equal(turned_reach, reach)


@wraps
def test_values_far_into_an_array_have_their_own_weights():
    values, weights = np.ones(BLOCK + 5), np.zeros(BLOCK + 5)
    values[BLOCK + 1], weights[BLOCK + 1] = 3.0, 0.5
    (key,) = keys_of(values[BLOCK + 1 : BLOCK + 2].view("u8"), "f8")
    _, sums, reach = weighed(values, weights, [(key, key)], 1)
    assert sums.tolist() == [[1, FOLD / 2, 0, 0, 0, 0, 0]]
    assert reach.tolist() == [[3.0, 3.0]]


def some_parts(seed, number, parts, kind):
    """Values, weights, ascending breaks, and a centre and scale for each part."""
    values, weights, _ = some_weighed(seed, number, kind)
    rng = np.random.default_rng(seed)
    known = np.unique(values[~np.isnan(values)])
    breaks = np.sort(rng.choice(known, min(parts - 1, len(known)), replace=False))
    centres = rng.choice(np.append(known, 0.0), len(breaks) + 1)
    part = np.array([sum(v > b for b in breaks) for v in values])
    far = [np.abs(values[(part == p) & (values == values)] - c) for p, c in enumerate(centres)]
    reach = [max(distances, default=0.0) for distances in far]
    scales = np.array([2.0 ** -max(int(np.frexp(r)[1]), -1023) for r in reach])
    return values, weights, breaks, part, centres, scales


@pytest.mark.parametrize("kind", ["lattice", "offset", "tiny", "skewed"])
@given(SEEDS, st.sampled_from([1, 2, 10, 60]), st.integers(1, 5), st.booleans())
def test_spread_sums_are_those_of_exact_rationals(kind, seed, number, parts, alike):
    values, weights, breaks, part, centres, scales = some_parts(seed, number, parts, kind)
    weights = np.array([0.625]) if alike else weights
    sums = np.zeros((len(centres), 9), np.int64)
    sum_around_centres(values, weights, breaks, centres, scales, sums)
    there = ~np.isnan(values)
    each = np.broadcast_to(weights, values.shape)
    exact = naive.sum_around_centres(values[there], each[there], part[there], centres)
    for p, scale in enumerate(scales):
        n, s, q = exact.get(p, (0, 0, 0))
        s, q = s * Fraction(scale), q * Fraction(scale) ** 2
        number = int(np.sum(part[there] == p))
        bound = number * DOUBT * (kind != "lattice")
        assert abs(unfolded(sums[p, 0:3]) - n) <= bound
        assert abs(unfolded(sums[p, 3:6]) - (n + s) / 2) <= bound
        assert abs(unfolded(sums[p, 6:9]) - q) <= bound


@given(SEEDS)
def test_no_order_of_the_values_changes_a_bit_of_their_spread(seed):
    values, weights, breaks, _, centres, scales = some_parts(seed, 60, 4, "offset")
    turn = np.random.default_rng(seed).permutation(60)
    sums, turned = np.zeros((2, len(centres), 9), np.int64)
    sum_around_centres(values, weights, breaks, centres, scales, sums)
    sum_around_centres(values[turn], weights[turn], breaks, centres, scales, turned)
    np.testing.assert_array_equal(turned, sums)


def test_a_value_at_a_break_belongs_below_it():
    sums = np.zeros((3, 9), np.int64)
    sum_around_centres(
        np.array([1.0, 2.0, 2.0, 2.5, 3.0]), np.ones(1), np.array([1.0, 2.0]),
        np.array([1.0, 2.0, 2.5]), np.ones(3), sums,
    )  # fmt: skip
    assert sums[:, 0].tolist() == [FOLD, 2 * FOLD, 2 * FOLD]
    assert sums[:, 6].tolist() == [0, 0, FOLD / 4]


@pytest.mark.parametrize("name", ["f4", "f8"])
@given(st.lists(st.floats(width=32), max_size=20))
@example([np.nan, 2.0, np.nan, -1.0])
@example([np.nan])
def test_the_extent_is_that_of_what_is_not_nan(name, values):
    values = np.array(values, name)
    ends = np.array([np.inf, -np.inf], name)
    known = values[~np.isnan(values)]
    assert widen_extent(values, ends) == len(known)
    assert ends.tolist() == [known.min(initial=np.inf), known.max(initial=-np.inf)]


def test_the_extent_of_integers_goes_on_where_it_was():
    ends = np.array([3, 4])
    assert widen_extent(np.array([2**62, 2**62 + 1]), ends) == 2
    assert ends.tolist() == [3, 2**62 + 1]


def test_the_folds_leave_room_for_as_many_values_as_promised():
    assert int(FOLD) * 2**35 == 2**63
    assert MAX_VALUES << SUM_BITS < 2**MARK_BIT
    assert MAX_VALUES * ((1 << histogram.LOW_BITS) - 1) < 2**SUM_BITS


@pytest.mark.parametrize("name", ["f4", "i4", "u4"])
@given(SEEDS)
def test_narrow_keys_are_the_keys(name, seed):
    bits = some_bits(seed, 50, name)
    keys = np.empty(50, np.uint32)
    to_narrow_keys(bits, KeyOrder.of(np.dtype(name)).parts, keys)
    assert keys.tolist() == keys_of(bits, name)
