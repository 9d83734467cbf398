import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fastkm._kernels.zonal_sums import summarise, summarise_exactly
from tests import naive

SHAPES = st.tuples(st.integers(0, 6), st.integers(0, 9))
VALUES = st.floats(-1e9, 1e9) | st.sampled_from([np.nan, 1e300, -0.0])


def summarised(numbers, values, regions):
    counts = np.zeros(regions, np.int64)
    sums, least, greatest = np.zeros(regions), np.full(regions, np.inf), np.full(regions, -np.inf)
    summarise(numbers, values, counts, sums, least, greatest)
    return counts, sums, least, greatest


@given(st.data())
def test_regions_are_summed_up_as_cell_by_cell(data):
    shape = data.draw(SHAPES)
    numbers = data.draw(arrays(np.int32, shape, elements=st.integers(-1, 3)))
    values = data.draw(arrays(np.float64, shape, elements=VALUES))
    counts, sums, least, greatest = summarised(numbers, values, 4)
    wanted = naive.summarise(numbers, values, 4)
    np.testing.assert_array_equal(counts, wanted[0])
    largest = np.nanmax(np.abs(values), initial=0.0)
    np.testing.assert_allclose(sums, wanted[1], rtol=0, atol=1e-13 * largest * max(values.size, 1))
    np.testing.assert_array_equal(least, wanted[2])
    np.testing.assert_array_equal(greatest, wanted[3])


def test_rows_add_to_what_is_there():
    numbers, values = np.zeros((1, 2), np.int32), np.array([[3.0, 4.0]])
    state = np.array([2]), np.array([10.0]), np.array([5.0]), np.array([6.0])
    summarise(numbers, values, *state)
    assert [part.item() for part in state] == [4, 17, 3, 6]


def test_a_large_offset_keeps_its_digits():
    numbers = np.zeros((50, 200), np.int32)
    values = 1e9 + np.arange(10_000.0).reshape(50, 200)
    _, sums, _, _ = summarised(numbers, values, 1)
    assert sums[0] / 10_000 - 1e9 == 4999.5


@given(st.data())
def test_exact_sums_are_those_of_fractions(data):
    shape = data.draw(SHAPES)
    numbers = data.draw(arrays(np.int32, shape, elements=st.integers(-1, 3)))
    values = data.draw(arrays(np.float64, shape, elements=VALUES))
    counts, sums, rests = np.zeros(4, np.int64), np.zeros(4), np.zeros(4)
    least, greatest = np.full(4, np.inf), np.full(4, -np.inf)
    middle = shape[0] // 2  # in two calls, which carry on
    for part in (slice(middle), slice(middle, None)):
        summarise_exactly(numbers[part], values[part], counts, sums, rests, least, greatest)
    wanted = naive.summarise(numbers, values, 4)
    np.testing.assert_array_equal(counts, wanted[0])
    np.testing.assert_allclose(sums + rests, wanted[1], rtol=1e-15, atol=1e-16)
    np.testing.assert_array_equal(least, wanted[2])
    np.testing.assert_array_equal(greatest, wanted[3])


def test_the_rest_of_an_infinite_sum_is_no_number_to_add():
    state = [np.zeros(1, np.int64), *np.zeros((2, 1)), np.array([np.inf]), np.array([-np.inf])]
    summarise_exactly(np.zeros((1, 3), np.int32), np.array([[1.0, np.inf, 2.0]]), *state)
    assert state[1] + state[2] == np.inf
