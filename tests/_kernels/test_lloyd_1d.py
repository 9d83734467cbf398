"""Lloyd on sorted values against all pairs and exact sums."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastkm._kernels.lloyd_1d import (
    compute_prefix_sums,
    divide,
    find_boundary,
    find_first_above,
    iterate_sorted,
    step_sorted,
    sum_distances,
    two_product,
    two_sum,
)
from tests import naive

EPS = float(np.finfo(float).eps)
SIZES = st.sampled_from([1, 2, 3, 7, 30, 100])


def prefixes(x):
    high, low = np.empty((2, len(x) + 1))
    compute_prefix_sums(x, high, low)
    return high, low


def run(x, codebook):
    codebook = np.asarray(codebook, float)
    means, counts = np.full(len(codebook), -7.0), np.full(len(codebook), -7)
    order = np.argsort(codebook, kind="stable")
    total = step_sorted(x, *prefixes(x), codebook, order, means, counts)
    return means, counts, total


def some_values(seed, n, kind):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    if kind == "lattice":
        x = np.round(x * 2)
    elif kind == "offset":
        x += 1e9
    elif kind == "outlier":
        x[0], x[-1] = 1e12, -1e12
    return np.sort(x)


KINDS = st.sampled_from(["plain", "lattice", "offset", "outlier"])


@given(st.integers(0, 2**32), SIZES, KINDS)
def test_prefix_sums_are_exact_to_twice_the_digits(seed, n, kind):
    x = some_values(seed, n, kind)
    high, low = prefixes(x)
    bound = Fraction(1, 2**100) * sum(abs(value) for value in naive.as_fractions(x))
    for h, e, ref in zip(high, low, naive.compute_prefix_sums(x), strict=True):
        assert abs(Fraction(float(h)) + Fraction(float(e)) - ref) <= bound


@given(st.integers(0, 2**32), SIZES, KINDS, st.integers(1, 6), st.booleans())
def test_a_step_is_that_of_all_pairs_and_exact_sums(seed, n, kind, k, from_data):
    x = some_values(seed, n, kind)
    rng = np.random.default_rng(seed + 1)
    codebook = rng.choice(x, k) if from_data else rng.normal(size=k) + np.median(x)
    means, counts, total = run(x, codebook)
    ref_means, ref_counts, ref_total = naive.step_sorted(x, codebook)
    np.testing.assert_array_equal(counts, ref_counts)
    np.testing.assert_allclose(means, ref_means, rtol=2 * EPS, atol=0)
    np.testing.assert_allclose(total, ref_total, rtol=4 * EPS, atol=0)


@given(st.integers(0, 2**32), st.permutations(range(5)))
def test_the_order_of_the_codebook_does_not_change_the_total(seed, shuffled):
    x = some_values(seed, 60, "plain")
    codebook = np.random.default_rng(seed + 1).normal(size=5)
    assert run(x, codebook)[2] == run(x, codebook[list(shuffled)])[2]


@pytest.mark.parametrize("codebook", [[4.0, 6.0], [6.0, 4.0]])
def test_a_value_in_the_middle_goes_to_the_lower_index(codebook):
    _, counts, total = run(np.array([5.0]), codebook)
    assert counts.tolist() == [1, 0]
    assert total == 1.0


def test_the_first_of_equal_codes_takes_all():
    means, counts, _ = run(np.array([1.0, 2.0, 9.0]), [9.0, 1.0, 1.0, 9.0])
    assert counts.tolist() == [1, 2, 0, 0]
    assert means.tolist() == [9.0, 1.5, 0.0, 0.0]


def test_a_middle_value_between_duplicates_goes_to_the_lowest_index_of_all():
    _, counts, _ = run(np.array([5.0]), [6.0, 4.0, 6.0, 4.0])
    assert counts.tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize("value", [0.1, 1e9 + 0.1, -1e-300, 1e300 / 7])
def test_the_mean_of_equal_values_is_the_value(value):
    means, _, total = run(np.full(7, value), [value])
    assert means.tolist() == [value]
    assert total == 0.0


def test_one_outlier_costs_the_others_no_digit():
    x = np.concatenate(([-1e12], np.linspace(0, 1, 101)))
    means, _, _ = run(x, [-1e12, 0.5])
    assert means.tolist() == [-1e12, 0.5]


@given(
    st.floats(-1e100, 1e100, allow_subnormal=False), st.floats(-1e100, 1e100, allow_subnormal=False)
)
def test_the_product_of_two_numbers_is_kept_exactly(a, b):
    if a * b == 0 or abs(a * b) > 1e-250:  # below, the error itself underflows
        p, e = two_product(a, b)
        if a * b != 0:
            assert Fraction(p) + Fraction(e) == Fraction(a) * Fraction(b)


@given(st.floats(-1e100, 1e100), st.floats(-1e100, 1e100))
def test_the_sum_of_two_numbers_is_kept_exactly(a, b):
    s, e = two_sum(a, b)
    assert Fraction(s) + Fraction(e) == Fraction(a) + Fraction(b)


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=40), st.integers(-9, 8), st.booleans())
def test_the_boundary_is_the_first_value_nearer_to_the_upper_code(values, a, tie_to_b):
    x, b = np.sort(np.array(values, float)), float(a + 1 + abs(a) % 3)
    nearer = [abs(b - v) < abs(v - a) or (tie_to_b and abs(b - v) == abs(v - a)) for v in x]
    expected = nearer.index(True) if True in nearer else len(x)
    assert find_boundary(x, 0, len(x), float(a), b, tie_to_b) == expected
    assert find_first_above(x, 0, len(x), float(a)) == np.count_nonzero(x <= a)


@given(st.integers(0, 2**32), SIZES, st.sampled_from([0.0, 1e9, -1e12]))
def test_distances_of_a_segment_are_exact_to_the_last_digit(seed, n, offset):
    x = np.sort(np.random.default_rng(seed).normal(size=n)) + offset
    start, stop, c = n // 4, n, float(x[n // 2]) + 0.1
    high, low = sum_distances(x, *prefixes(x), start, stop, c)
    exact = sum(abs(v - Fraction(c)) for v in naive.as_fractions(x[start:stop]))
    assert high + low == pytest.approx(float(exact), rel=4 * EPS)


def test_the_quotient_of_a_double_double_is_rounded_once():
    p, e = two_product(0.1, 7.0)
    assert divide(p, e, 7.0) == 0.1


def iterate(x, codebook, iterations):
    """Iterate; return the total and how many iterations left a code empty, codes and those before."""
    codes = np.array(codebook)
    (before, means), (order, counts) = np.empty((2, len(codes))), np.empty((2, len(codes)), int)
    total, empty = iterate_sorted(x, *prefixes(x), codes, before, order, means, counts, iterations)
    return total, empty, codes, before, counts


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@given(seed=st.integers(0, 2**32), n=SIZES, k=st.integers(1, 6), iterations=st.integers(1, 5))
def test_iterations_are_steps_one_after_another(dtype, seed, n, k, iterations):
    x = np.sort(np.random.default_rng(seed).normal(size=n).astype(dtype)).astype(float)
    codes = np.random.default_rng(seed + 1).normal(size=k).astype(dtype)
    found = iterate(x, codes, iterations)
    empties = 0
    for _ in range(iterations):
        before = codes
        means, counts, total = run(x, before)
        empties += not counts.all()
        codes = np.where(counts > 0, means, before).astype(dtype)
    assert found[:2] == (total, empties)
    for got, wanted in zip(found[2:], (codes, before, counts), strict=True):
        np.testing.assert_array_equal(got, wanted)


def test_codes_that_stay_end_the_iterations():
    x = np.array([1.0, 2.0, 8.0, 9.0])
    total, empty, codes, before, _ = iterate(x, [1.5, 8.5, 99.0], 1000)
    assert (total, empty) == (2.0, 1000)
    assert codes.tolist() == before.tolist() == [1.5, 8.5, 99.0]


@pytest.mark.parametrize(
    "codebook", [[0.0, 1e-5], [1.0, np.nan, 2.0], [np.nan], [np.inf, 0.0], [-np.inf]]
)
def test_codes_that_rounding_may_confuse_are_given_up(codebook):
    assert iterate(np.array([1e12]), codebook, 3)[1] == -1
