"""Double-doubles and numbers in fixed point hold the exact number, or nearly."""

from fractions import Fraction

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from fastkm.cluster.extended_precision import (
    as_double_double,
    from_fixed_point,
    to_fixed_point,
    two_sum,
)
from tests import naive


def whole(pair):
    """Give double-doubles exactly."""
    return [sum(parts) for parts in zip(*map(naive.as_fractions, pair), strict=True)]


@given(st.integers(1 - 2**62, 2**62))
@example(2**53 + 1)
@example(-(2**62) + 1)
def test_an_integer_is_split_exactly(number):
    pair = as_double_double(np.array([number]))
    assert whole(pair) == [number]
    assert pair[0, 0] == float(number)


@given(st.floats(-1e300, 1e300), st.floats(-1e300, 1e300))
def test_two_numbers_are_joined_exactly(a, b):
    pair = two_sum(np.array([a]), np.array([b]))
    assert whole(pair) == [Fraction(a) + Fraction(b)]
    assert pair[0, 0] == a + b


def test_folds_keep_all_digits_of_a_number():
    numbers = np.random.default_rng(2).random(100) * 0.5 + 0.5  # the last digit is 2^-53
    totals = from_fixed_point(to_fixed_point(numbers))
    for number, high, low in zip(numbers.tolist(), *totals.tolist(), strict=True):
        assert Fraction(high) + Fraction(low) == Fraction(number)


def test_the_sum_of_folds_is_the_exact_sum():
    numbers = np.random.default_rng(3).random(1000) * 0.5 + 0.5
    high, low = from_fixed_point(to_fixed_point(numbers).sum(axis=0)).tolist()
    wanted = sum(naive.as_fractions(numbers))
    assert abs(Fraction(high) + Fraction(low) - wanted) <= wanted * Fraction(2.0**-100)
    backwards = from_fixed_point(to_fixed_point(numbers[::-1]).sum(axis=0)).tolist()
    assert [high, low] == backwards
