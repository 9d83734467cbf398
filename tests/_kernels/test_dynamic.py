"""The dynamic program against exact rationals, the quadratic program and all partitions."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastkm._kernels import dynamic
from fastkm._kernels.dynamic import first_layer, moments, next_layer, segment_cost
from tests import naive
from tests.conftest import needs_jit

EPS = float(np.finfo(float).eps)
KINDS = st.sampled_from(["plain", "lattice", "offset", "outlier", "skewed"])


def some_values(seed, n, kind):
    """Ascending distinct values and how often they occur."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    if kind == "lattice":
        x = np.round(x * 5)
    elif kind == "offset":
        x += 1e9
    elif kind == "outlier":
        x[0] = 1e12
    elif kind == "skewed":
        x = np.exp(4 * x)
    values = np.unique(x)
    return values, rng.integers(1, 5, len(values))


def prefix_of(values, counts):
    prefix = np.empty((5, len(values) + 1))
    moments(values, counts, values[len(values) // 2], prefix)
    return prefix


def run(prefix, k, *, slack=None, gap=1):
    size = prefix.shape[1]
    slack = np.zeros(size) if slack is None else slack
    cost, cut = np.full((k, size), -7.0), np.full((k, size), -7)
    cut[0] = 0
    first_layer(prefix, slack, cost[0])
    for q in range(1, k):
        next_layer(prefix, slack, cost[q - 1], gap * (q + 1), gap, cost[q], cut[q])
    return cost, cut


@given(st.integers(0, 2**32), st.sampled_from([1, 2, 5, 20, 60]), KINDS)
def test_moments_are_exact_to_twice_the_digits(seed, n, kind):
    values, counts = some_values(seed, n, kind)
    prefix = prefix_of(values, counts)
    exact = naive.moments(values, counts, values[len(values) // 2])
    for part, high, low in ((0, prefix[0], None), (1, *prefix[1:3]), (2, *prefix[3:5])):
        scale = max(abs(row[part]) for row in exact)
        for i, row in enumerate(exact):
            got = Fraction(float(high[i])) + (0 if low is None else Fraction(float(low[i])))
            assert abs(got - (row[part] - exact[len(values) // 2][part])) <= scale * Fraction(
                len(values) * 32, 2**104
            )


@given(st.integers(0, 2**32), st.sampled_from([1, 2, 5, 20, 40]), KINDS)
def test_the_cost_of_a_segment_is_exact_to_its_last_digits(seed, n, kind):
    values, counts = some_values(seed, n, kind)
    prefix = prefix_of(values, counts)
    least = 2.0**-98 * float(naive.moments(values, counts, values[len(values) // 2])[-1][2])
    for j, i in itertools.combinations_with_replacement(range(len(values) + 1), 2):
        exact = float(naive.segment_cost(values, counts, j, i))
        assert segment_cost(prefix, j, i) == pytest.approx(exact, rel=4 * EPS, abs=least)


@pytest.mark.parametrize("outlier", [-1e12, -1e20, -1e40])
def test_an_outlier_below_costs_the_segments_above_it_no_digit(outlier):
    values = np.array([outlier, 1.0, 2.0, 3.0, 10.0, 11.0, 12.0])
    prefix = prefix_of(values, np.ones(7, np.int64))
    assert segment_cost(prefix, 1, 4) == pytest.approx(2.0, rel=1e-12)


def test_the_cost_of_equal_values_and_of_nothing_is_zero():
    prefix = prefix_of(np.array([0.1, 0.2]), np.array([10**9, 7]))
    assert [segment_cost(prefix, *ends) for ends in ((0, 0), (0, 1), (1, 2), (2, 2))] == [0.0] * 4


@given(
    st.integers(0, 2**32),
    st.sampled_from([1, 2, 3, 9, 25]),
    KINDS,
    st.integers(1, 5),
    st.booleans(),
)
def test_the_program_is_the_quadratic_one(seed, n, kind, k, empty):
    values, counts = some_values(seed, n, kind)
    prefix = prefix_of(values, counts)
    gap = 0 if empty else 1
    cost, _ = run(prefix, k, gap=gap)
    ref, _ = naive.layers(lambda j, i: segment_cost(prefix, j, i), prefix.shape[1], k, gap=gap)
    for comp_row, ref_row in zip(cost, ref, strict=True):
        wanted = [np.inf if number is None else number for number in ref_row]
        np.testing.assert_allclose(comp_row, wanted, rtol=8 * EPS)


@given(st.integers(0, 2**32), st.sampled_from([2, 9, 25]), st.integers(1, 4))
def test_a_slack_of_the_row_is_taken_off(seed, n, k):
    values, counts = some_values(seed, n, "plain")
    prefix = prefix_of(values, counts)
    slack = np.random.default_rng(seed).random(n + 1) / n
    cost, _ = run(prefix, k, slack=slack, gap=0)
    ref, _ = naive.layers(lambda j, i: segment_cost(prefix, j, i), n + 1, k, slack=slack, gap=0)
    np.testing.assert_allclose(cost, np.array(ref, float), rtol=1e-13, atol=1e-14)


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=9, unique=True), st.integers(1, 4))
def test_no_partition_is_cheaper(numbers, k):
    values, counts = np.array(sorted(numbers), float), np.ones(len(numbers), np.int64)
    k = min(k, len(values))
    cost, _ = run(prefix_of(values, counts), k)
    least = min(naive.all_partitions(values, counts, k))[0]
    assert cost[k - 1, -1] == pytest.approx(float(least), rel=8 * EPS, abs=0)


def test_the_twins_agree_with_each_other():
    values, counts = some_values(5, 10, "plain")
    for k in range(1, 6):
        assert naive.optimal_cuts(values, counts, k) == min(naive.all_partitions(values, counts, k))


def test_equal_costs_go_to_the_lowest_cut():
    _, cut = run(prefix_of(np.arange(5.0), np.ones(5, np.int64)), 2)
    assert cut[1].tolist() == [0, 0, 1, 1, 2, 2]


@needs_jit
@pytest.mark.parametrize("size", [510, 511, 512, 513, 1025])
def test_blocks_of_candidates_join_without_a_seam(size):
    values, counts = some_values(size, size, "plain")
    assert dynamic.BLOCK == 512  # sizes above are around it
    prefix = prefix_of(values, counts)
    cost, cut = run(prefix, 2)
    trials = [cost[0, j] + segment_cost(prefix, j, size) for j in range(1, size)]
    assert cost[1, -1] == min(trials)
    assert cut[1, -1] == 1 + int(np.argmin(trials))


def test_a_lone_far_value_is_cut_off_wherever_the_block_ends():
    values = np.arange(1100.0)
    values[-1] = 1e6
    _, cut = run(prefix_of(values, np.ones(1100, np.int64)), 2)
    assert cut[1, -1] == 1099
