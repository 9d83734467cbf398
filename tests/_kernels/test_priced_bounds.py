"""Least costs at a price, from both sides, against exact rationals."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastkm._kernels.dynamic_program import FLOOR, NOISE, accumulate_moments
from fastkm._kernels.priced_bounds import (
    bound_costs_at_price,
    compare_bins,
    estimate_bins,
    measure_bins,
)
from fastkm._kernels.priced_segments import OF_LOW_PARTS, OF_SQUARES
from tests import naive

SEEDS = st.integers(0, 2**32)
SIZES = st.sampled_from([1, 2, 3, 7, 20])
KINDS = st.sampled_from(["plain", "lattice", "offset", "skewed", "outlier"])


def make_table(values, weights):
    """Return the sums before each place, a row for each."""
    sums, prefix = np.zeros((6, len(values))), np.empty((6, len(values) + 1))
    sums[0] = weights
    accumulate_moments(values, sums, values[len(values) // 2], prefix)
    return np.ascontiguousarray(prefix.T)


def make_values(rng, n, kind):
    """Make some distinct sorted values."""
    x = rng.normal(size=n)
    if kind == "lattice":
        x = np.arange(n) / 4
    elif kind == "offset":
        x += 1e9
    elif kind == "skewed":
        x = rng.exponential(size=n) ** 4
    elif kind == "outlier":
        x[rng.integers(n)] = 1e6
    return np.unique(x)


@given(SEEDS, SIZES, KINDS)
def test_the_cost_of_bins_is_right_in_both_directions(seed, n, kind):
    rng = np.random.default_rng(seed)
    values = make_values(rng, n, kind)
    weights = rng.choice([1.0, 3.0, 0.1], len(values))
    table = make_table(values, weights)
    low_parts = OF_LOW_PARTS * table[-1, 4] + FLOOR
    for (j, i), exact in naive.segment_costs(values, weights).items():
        cost, noise = measure_bins(table, j, i)
        assert abs(Fraction(float(cost)) - exact) <= Fraction(2.0**-48) * exact + Fraction(noise)
        estimate, squares = estimate_bins(table, j, i)
        error = Fraction(OF_SQUARES * squares + low_parts)
        assert abs(Fraction(float(estimate)) - exact) <= error
        assert measure_bins(table, i, j) == (cost, noise)
        assert estimate_bins(table, i, j) == (estimate, squares)


def test_a_weight_that_the_sums_swallow_costs_nothing():
    weights = np.array([1e20, 1e-20, 1.0])
    table = make_table(np.array([0.0, 1.0, 2.0]), weights)
    table[:, 1] = 0.0  # in float64 alone, nothing of the second weight is left
    cost, squares = estimate_bins(table, 1, 2)
    assert np.isfinite(cost)
    assert abs(cost) <= squares + 1e-20


@given(SEEDS, SIZES, KINDS, st.floats(-4, 2), st.booleans(), st.booleans())
def test_costs_are_the_least(seed, n, kind, power, backward, slackened):
    rng = np.random.default_rng(seed)
    values = make_values(rng, n, kind)
    weights = rng.choice([1.0, 3.0, 0.1], len(values))
    table, m, price = make_table(values, weights), len(values), 10.0**power
    slack = np.where(slackened, rng.random(m + 1) * price / 4, 0.0)
    cost, queue = np.empty(m + 1), np.empty((m + 1, 2), np.int64)
    doubt = bound_costs_at_price(table, -1 if backward else 1, price, slack, cost, queue)
    if backward:
        values, weights = -values[::-1], weights[::-1]
    exact = naive.solve_at_price(naive.segment_costs(values, weights), m, price, slack)
    # right to a few units in the last place, the noise of the sums and the doubt
    noise = NOISE * np.abs(table[:, 4]).max() + FLOOR
    for i, least in enumerate(exact):
        error = (m + 1) * (2.0**-48 * np.abs(cost[: i + 1]).max() + 4 * noise + doubt)
        assert abs(Fraction(float(cost[i])) - least) <= Fraction(float(error))


def test_what_float64_cannot_decide_is_decided_in_double_double():
    """Far from the median, float64 loses what the two candidates differ by."""
    values = np.array([-3.0, -2.0, -1.0, 0.0, 1e8, 1e8 + 1, 1e8 + 2, 1e8 + 4.5])
    table = make_table(values, np.ones(8))
    cost = np.zeros(9)
    costs = naive.segment_costs(values, np.ones(8))
    lead, doubt = compare_bins(table, 0, 1, cost, 4, 5, 8, 1e9)  # as if float64 were in doubt
    assert lead == pytest.approx(float(costs[4, 8] - costs[5, 8]), rel=1e-12)
    assert doubt == 0


def test_candidates_that_are_equally_good_leave_a_doubt():
    table = make_table(np.array([-2.0, -1.0, 1.0, 2.0]), np.ones(4))
    cost = np.zeros(5)
    cost[1] = 10.0 - 14 / 3  # as much as the segment of the last three is better
    lead, doubt = compare_bins(table, 0, 1, cost, 0, 1, 4, 0.0)
    assert abs(lead) < 1e-12
    assert 0 < doubt < 1e-12
