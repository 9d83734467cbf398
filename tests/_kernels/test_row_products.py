"""Ranking by matrix products against sorted squares; `test_lloyd` compares whole steps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastkm._kernels.row_blocks import BLOCK
from fastkm._kernels.row_products import (
    CACHE_LINE,
    FEW_CODES,
    find_close_rows,
    measure_rows,
    rank_few_codes,
    rank_products,
    step_by_products,
    touch_rows,
)
from tests import naive
from tests.kernel_rows import NO_WEIGHTS, SEEDS, Setting


@pytest.mark.parametrize(("dtype", "d"), [("f4", 13), ("f8", 40)])
def test_the_sizes_of_rows_are_those_less_the_shift(dtype, d):
    s = Setting(5, "noise", 60, 1, dtype, "C", d)
    sizes = np.empty(50, dtype)
    measure_rows(s.x, 10, s.shift, sizes)
    np.testing.assert_allclose(sizes, np.sum(s.relative[10:] ** 2, axis=1), rtol=s.eps)


def test_each_cache_line_is_read_once():
    numbers = np.zeros(100, "f4")
    numbers[:: CACHE_LINE // 4] = 1
    assert touch_rows(numbers) == 7


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@given(SEEDS, st.integers(1, 30), st.integers(1, 70))
def test_the_two_least_are_those_of_each_row(dtype, seed, n, k):
    products = np.random.default_rng(seed).integers(0, 40, (n, k)).astype(dtype)
    sizes, norms = np.full(n, 50, dtype), np.arange(k, dtype=dtype)
    squares = np.maximum(50 + norms - 2 * products, 0)  # exact, and many are equal or cut off
    wanted = naive.rank_squares(squares)
    best, second = np.empty((2, n), dtype)
    code, numbers = np.empty(n, np.int32), np.arange(k, dtype=f"i{best.itemsize}")
    if k <= FEW_CODES:
        lines = np.empty((k, n), dtype)
        rank_few_codes(products, lines, sizes, norms, best, second, code)
        np.testing.assert_array_equal([code, best, second], wanted)
    low = numbers.dtype.type(2 ** int(k - 1).bit_length() - 1)
    rank_products(products, sizes, norms, numbers, low, best, second, code)
    np.testing.assert_array_equal([code, best, second], wanted)


@pytest.mark.parametrize("k", [3, 17])
def test_a_row_without_a_finite_square_gets_a_code_and_is_compared_directly(k):
    products, best, second = np.full((1, k), np.nan, "f4"), np.empty(1, "f4"), np.empty(1, "f4")
    sizes, norms, code = np.full(1, np.nan, "f4"), np.ones(k, "f4"), np.empty(1, np.int32)
    if k <= FEW_CODES:
        rank_few_codes(products, np.empty((k, 1), "f4"), sizes, norms, best, second, code)
    else:
        low, numbers = np.int32(31), np.arange(k, dtype="i4")
        rank_products(products, sizes, norms, numbers, low, best, second, code)
    assert 0 <= code[0] < k
    flags, found = np.ones(BLOCK, np.uint8), np.empty(BLOCK, np.int32)
    errors = tuple(np.full(4, 1e-6, "f4"))
    assert find_close_rows(best, second, sizes, errors, flags, found) == 1
    assert found[0] == 0


def test_rows_are_close_if_errors_may_hide_which_code_is_nearer():
    best, second = np.array([1.0, 1.0, 4.0]), np.array([1.5, 1.25, 4.0])
    flags, found = np.ones(BLOCK, np.uint8), np.empty(BLOCK, np.int32)
    # an error of 0.1, and 0.05 of the least square
    errors = 0.025, 2.0, 0.0, 0.05
    assert find_close_rows(best, second, np.ones(3), errors, flags, found) == 2
    assert found[:2].tolist() == [1, 2]
    np.testing.assert_allclose(best, [1.25, 1.25, 4.4])
    np.testing.assert_allclose(second, [1.3, 1.05, 3.8])


@pytest.mark.parametrize("k", [FEW_CODES, FEW_CODES + 1])
def test_sizes_are_measured_once(k):
    s = Setting(6, "noise", 300, k, "f4", "C", 33)
    sizes, labels = np.full(300, -1, "f4"), np.full(300, -1, np.int32)
    wide = s.codes.astype(float)
    norms = (np.sum(wide**2, axis=1) + 2 * wide @ s.shift).astype("f4")
    none, turned = np.empty(0, "f4"), np.ascontiguousarray(s.codes.T)
    sums, numbers = np.zeros((k, 33 + 5)), np.arange(k, dtype="i4")
    state = labels, NO_WEIGHTS, none, none, sizes
    step_by_products(s.x, 0, s.shift, turned, norms, numbers, state, sums)
    np.testing.assert_array_equal(labels, naive.assign(s.relative, s.codes)[0])
    np.testing.assert_allclose(sizes, np.sum(s.relative**2, axis=1), rtol=s.eps)
    sizes *= np.float32(1 + s.eps / 8)
    kept = sizes.copy()
    assert step_by_products(s.x, 0, s.shift, turned, norms, numbers, state, sums) == 0
    np.testing.assert_array_equal(sizes, kept)
