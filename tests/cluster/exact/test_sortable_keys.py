"""Keys are in the order of the values, and windows of them are found."""

import pickle

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fastkm._kernels.histogram import find_values_in_windows
from fastkm.cluster.exact.sortable_keys import KeyOrder, KeyWindows
from tests import naive

TYPES = pytest.mark.parametrize("name", ["f4", "f8", "i4", "u4", "i8", "u8"])
BITS = st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=30)
SPECIAL = [0.0, -0.0, 5e-324, -5e-324, 1e-45, 1.0, -1.0, np.inf, -np.inf, 2.0**-1022, 1e308, -3e38]


def numbers(bits, name):
    """Read bit patterns as numbers, without NaN."""
    dtype = np.dtype(name)
    values = np.array([b % 2 ** (8 * dtype.itemsize) for b in bits], f"u{dtype.itemsize}")
    values = values.view(dtype)
    if dtype.kind == "f":
        with np.errstate(over="ignore", invalid="ignore"):
            values = np.append(values, np.array(SPECIAL, dtype))
            values = values[~np.isnan(values)]
    return values


@TYPES
@given(BITS)
def test_keys_are_places_among_all_numbers(name, bits):
    values = numbers(bits, name)
    dtype = values.dtype
    raw = values.view(f"u{dtype.itemsize}")
    wanted = [naive.to_key(b, dtype.kind, 8 * dtype.itemsize) for b in raw]
    keys = KeyOrder.of(dtype).to_keys(values)
    assert keys.dtype == np.uint64
    assert keys.tolist() == wanted


@TYPES
@given(BITS)
def test_keys_are_in_the_order_of_the_values(name, bits):
    values = np.sort(numbers(bits, name))
    keys = KeyOrder.of(values.dtype).to_keys(values)
    np.testing.assert_array_equal(keys[1:] > keys[:-1], values[1:] > values[:-1])
    np.testing.assert_array_equal(keys[1:] == keys[:-1], values[1:] == values[:-1])


@TYPES
@given(BITS)
def test_values_of_keys_are_the_values_in_float64(name, bits):
    values = numbers(bits, name)
    order = KeyOrder.of(values.dtype)
    back = order.to_values(order.to_keys(values))
    assert back.dtype == np.float64
    np.testing.assert_array_equal(back, values.astype(np.float64))
    assert not np.signbit(back[back == 0]).any()


@pytest.mark.parametrize("name", ["f4", "f8"])
def test_neighbouring_numbers_have_neighbouring_keys(name):
    dtype = np.dtype(name)
    order = KeyOrder.of(dtype)
    values = np.array([1.0, -1.0, 0.0, np.finfo(dtype).tiny, -np.finfo(dtype).tiny], dtype)
    above = np.nextafter(values, dtype.type(np.inf))
    assert (order.to_keys(above) - order.to_keys(values)).tolist() == [1] * 5


@pytest.mark.parametrize("name", ["f4", "f8"])
def test_the_key_of_minus_zero_is_no_values(name):
    dtype = np.dtype(name)
    order = KeyOrder.of(dtype)
    below = -np.nextafter(dtype.type(0), dtype.type(1))
    zero, minus_zero, least = order.to_keys(np.array([0.0, -0.0, below], dtype)).tolist()
    assert zero == minus_zero == order.minus_zero + 1 == least + 2
    assert order.to_values(np.array([order.minus_zero], np.uint64)).tolist() == [0.0]


@pytest.mark.parametrize("name", ["i4", "u4"])
def test_integers_have_no_minus_zero(name):
    assert KeyOrder.of(np.dtype(name)).minus_zero == -1


def test_values_are_read_in_the_type_of_the_order():
    order = KeyOrder.of(np.dtype("f4"))
    np.testing.assert_array_equal(order.to_keys([0.1]), order.to_keys(np.array([0.1], "f4")))
    assert order.unsigned == np.uint32


@st.composite
def windows_of(draw, cells=40, wide=3):
    """Some windows of keys from an origin on, and where they are."""
    origin = draw(st.sampled_from([0, 7, 2**63 + 5]))
    ends = draw(st.sets(st.integers(0, (cells << wide) - 1), min_size=2, max_size=20))
    ends = sorted(ends)[: len(ends) // 2 * 2]
    pairs = [(origin + a, origin + b) for a, b in zip(ends[::2], ends[1::2], strict=True)]
    return KeyWindows.of(np.array(pairs, np.uint64).T, origin, wide, cells), pairs


@given(windows_of())
def test_the_table_names_the_first_window_that_reaches_into_a_cell(drawn):
    windows, pairs = drawn
    for c in range(40):
        start = int(windows.origin) + c * 8
        there = [w for w, (a, b) in enumerate(pairs) if a < start + 8 and b >= start]
        assert windows.coarse[c] == min(there, default=-1)
        assert windows.marks[c] == bool(there)
    assert windows.marks[40] == 0
    assert windows.marks.dtype == np.uint8


@given(windows_of())
def test_windows_travel_without_their_table(drawn):
    windows, _ = drawn
    sent = pickle.dumps(windows)
    assert len(sent) < 800
    for one, other in zip(windows, pickle.loads(sent), strict=True):
        np.testing.assert_array_equal(one, other)


@TYPES
def test_no_number_is_beyond_the_limits(name):
    order = KeyOrder.of(np.dtype(name))
    ends = [-np.inf, np.inf] if name[0] == "f" else [np.iinfo(name).min, np.iinfo(name).max]
    assert order.limits.dtype == order.unsigned
    assert order.limits.tolist() == order.to_keys(np.array(ends, name)).tolist()


@given(windows_of(), st.integers(1, 400))
@example((KeyWindows.of(np.array([[5], [5]], np.uint64), 5, 0, 1), [(5, 5)]), 1)
def test_bins_are_the_narrowest_of_which_there_are_few_enough(drawn, most):
    windows, pairs = drawn
    shift, offsets = windows.choose_bins(most)

    def needed(shift):
        return [(b >> shift) - (a >> shift) + 1 for a, b in pairs]

    assert np.diff(offsets).tolist() == needed(shift)
    assert offsets[0] == 0
    assert offsets[-1] <= max(most, len(pairs))
    assert shift == 0 or sum(needed(shift - 1)) > max(most, len(pairs))


def test_a_wide_window_has_as_many_bins_as_wanted():
    ends = np.array([[2**52], [2**64 - 2**52]], np.uint64)
    shift, offsets = KeyWindows.of(ends, 2**52, 48, 1 << 16).choose_bins(1 << 16)
    assert (shift, offsets.tolist()) == (48, [0, 2**16 - 32 + 1])


@pytest.mark.filterwarnings("ignore:overflow encountered")  # said by kernels as plain Python
def test_kernels_take_windows_whose_keys_begin_low_and_high():
    """One compiled kernel serves both: values below 0 have keys below 2^63, others above."""
    order = KeyOrder.of(np.dtype(float))
    for value in (-1.0, 1.0, -1.0):
        values = np.array([value, 3.0, np.nan, value])
        key = order.to_keys(values[:1])
        windows = KeyWindows.of(np.stack([key, key]), int(key[0]), 0, 1)
        found = np.empty(4, np.int32)
        number = find_values_in_windows(values.view(np.uint64), order.parts, *windows.lookup, found)
        assert found[:number].tolist() == [0, 3]
