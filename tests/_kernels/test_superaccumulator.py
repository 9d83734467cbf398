"""Sums of floats and of products, equal to those of exact rationals: not close, equal."""

import sys
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fastkm._kernels.superaccumulator import DIGITS, LOWEST, add_integer, split_float, sum_products
from tests import naive

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
LARGEST, SMALLEST = sys.float_info.max, 5e-324


def number_of(digits):
    """What a row of digits stands for."""
    return sum(int(digit) << (32 * i) for i, digit in enumerate(digits)) * Fraction(2) ** LOWEST


def sums(a, b, part, parts):
    digits = np.zeros((parts, DIGITS), np.int64)
    sum_products(np.array(a, float), np.array(b, float), np.array(part, np.int64), digits)
    return [number_of(row) for row in digits]


@given(FLOATS)
@example(0.0)
@example(-0.0)
@example(SMALLEST)
@example(sys.float_info.min)
@example(-LARGEST)
def test_two_halves_and_an_exponent_are_the_number(value):
    high, low, power = (int(part) for part in split_float(np.float64(value).view(np.uint64)))
    assert Fraction(high * 2**27 + low) * Fraction(2) ** power == Fraction(value)
    assert abs(high) < 2**26
    assert abs(low) < 2**27
    assert high * value >= 0
    assert low * value >= 0


@given(st.integers(-(2**55) + 1, 2**55 - 1), st.integers(LOWEST, LOWEST + 32 * (DIGITS - 3) + 31))
@example(2**55 - 1, LOWEST + 31)
@example(1 - 2**55, LOWEST + 32 * (DIGITS - 3) + 31)
def test_an_integer_is_put_where_its_exponent_says(integer, exponent):
    digits = np.zeros(DIGITS, np.int64)
    add_integer(digits, np.int64(integer), np.int64(exponent))
    assert number_of(digits) == integer * Fraction(2) ** exponent


@given(st.lists(st.tuples(FLOATS, FLOATS, st.integers(0, 2)), max_size=30))
@example([(LARGEST, LARGEST, 0), (-SMALLEST, SMALLEST, 0), (-LARGEST, LARGEST, 0)])
@example([(1e308, 1e308, 1), (1.0, 1.0, 1), (-1e308, 1e308, 1), (0.1, 1.0, 1)])
def test_sums_of_products_are_exact(terms):
    a, b, part = zip(*terms, strict=True) if terms else ((), (), ())
    wanted = [Fraction(0)] * 3
    for x, y, p in zip(naive.as_fractions(a), naive.as_fractions(b), part, strict=True):
        wanted[p] += x * y
    assert sums(a, b, part, 3) == wanted


@pytest.mark.parametrize("value", [LARGEST, -LARGEST, SMALLEST, 1.0 - 2.0**-53])
def test_carries_can_wait_for_as_many_terms_as_promised(value):
    digits = np.zeros((1, DIGITS), np.int64)
    number = 100
    sum_products(np.full(number, value), np.full(number, value), np.zeros(number, int), digits)
    assert number_of(digits[0]) == number * Fraction(value) ** 2
    assert np.abs(digits).max() <= number * (2**63 - 1) // 2**29


def test_sums_go_on_where_they_were():
    digits = np.zeros((1, DIGITS), np.int64)
    for value in (1e300, 0.1, -1e300):
        sum_products(np.array([value]), np.ones(1), np.zeros(1, np.int64), digits)
    assert number_of(digits[0]) == Fraction(0.1)
