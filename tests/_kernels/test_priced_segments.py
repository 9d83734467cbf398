"""Segments at a price against exact rationals, and sums to the bit of those of the dynamic program."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastkm._kernels.dynamic_program import (
    FLOOR,
    accumulate_moments,
    segment_cost,
    segment_mean,
)
from fastkm._kernels.priced_segments import (
    OF_LOW_PARTS,
    OF_SQUARES,
    compare,
    describe_segments,
    is_only_path,
    measure_segment,
    solve_at_price,
    sum_distinct,
)
from tests import naive

SEEDS = st.integers(0, 2**32)
SIZES = st.sampled_from([1, 2, 3, 7, 20])
KINDS = st.sampled_from(["plain", "repeated", "offset", "outlier", "skewed", "both zeros"])
LOST = 2.0**-50


def make_values(seed, n, kind):
    """Make n sorted values."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    if kind == "repeated":
        x = rng.integers(-3, 3, n) / 4
    elif kind == "offset":
        x += 1e9
    elif kind == "outlier":
        x[rng.integers(n)] = 1e6
    elif kind == "skewed":
        x = rng.exponential(size=n) ** 4
    elif kind == "both zeros":
        x = x * rng.choice([-0.0, 0.0, 1.0], n)
    return np.sort(x)


def make_table(ordered):
    """Return the distinct values and the table of their sums."""
    values, table = np.empty(len(ordered)), np.empty((len(ordered) + 1, 5))
    m = sum_distinct(ordered, values, table)
    return values[:m], table[: m + 1]


def make_path(rows):
    """Return the scratch of a pass over some rows."""
    path = np.empty((len(rows), 4), np.int64)
    path[:, 0] = rows
    return path


def compute_prefix(values, counts):
    """Return the sums of the dynamic program."""
    sums, prefix = np.zeros((6, len(values))), np.empty((6, len(values) + 1))
    sums[0] = counts
    accumulate_moments(values, sums, values[len(values) // 2], prefix)
    return prefix


def least_error(table):
    return OF_LOW_PARTS * (table[-1, 3] - table[0, 3]) + FLOOR


@given(SEEDS, SIZES, KINDS)
def test_sums_are_those_of_the_dynamic_program(seed, n, kind):
    ordered = make_values(seed, n, kind)
    distinct, counts = np.unique(ordered, return_counts=True)
    values, table = make_table(ordered)
    assert np.array_equal(values, distinct)
    assert not np.signbit(values[values == 0]).any()
    prefix = compute_prefix(distinct, counts)
    assert np.array_equal(table, prefix[[0, 2, 3, 4, 5]].T)


def test_no_value_has_no_sums():
    values, table = make_table(np.empty(0))
    assert len(values) == 0
    assert np.array_equal(table, np.zeros((1, 5)))


@given(SEEDS, SIZES, KINDS)
def test_the_cost_of_a_segment_is_right_in_both_directions(seed, n, kind):
    ordered = make_values(seed, n, kind)
    values, table = make_table(ordered)
    counts = np.unique(ordered, return_counts=True)[1]
    costs = naive.segment_costs(values, counts)
    for (j, i), exact in costs.items():
        if j == i:
            continue
        cost, squares = measure_segment(table, j, i)
        error = OF_SQUARES * squares + least_error(table)
        assert abs(Fraction(float(cost)) - exact) <= Fraction(error)
        assert measure_segment(table, i, j) == (cost, squares)


@given(SEEDS, SIZES, KINDS, st.floats(-4, 2), st.booleans())
def test_costs_at_a_price_are_the_least(seed, n, kind, power, backward):
    ordered = make_values(seed, n, kind)
    values, table = make_table(ordered)
    m, price = len(values), 10.0**power
    rows = np.arange(m + 1)[:: -1 if backward else 1]
    cost, path = np.empty(m + 1), make_path(rows)
    number, doubt = solve_at_price(table, m, price, least_error(table), cost, path)
    # what is found, against every way to cut
    if backward:
        values = -values[::-1]
    counts = np.unique(-ordered if backward else ordered, return_counts=True)[1]
    costs = naive.segment_costs(values, counts)
    squares = table[-1, 3] - table[0, 3]
    for i, exact in enumerate(naive.solve_at_price(costs, m, price)):
        error = OF_SQUARES * squares + (m + 1) * (2.0**-51 * cost[i] + least_error(table) + doubt)
        assert abs(Fraction(float(cost[i])) - exact) <= Fraction(float(error))
    # the path has the cost and as many segments as it says
    ends = [m]
    while ends[-1] > 0:
        ends.append(int(path[ends[-1], 1]))
    assert len(ends) - 1 == number
    own = sum(costs[j, i] for i, j in itertools.pairwise(ends))
    assert float(own) + number * price == pytest.approx(
        float(cost[m]), rel=1e-9, abs=1e-9 * squares
    )


def test_some_rows_may_be_left_out():
    values = np.arange(40.0) ** 2
    _, table = make_table(values)
    rows = np.array([0, 10, 20, 30, 40])
    cost, path = np.empty(5), make_path(rows)
    solve_at_price(table, 4, 100.0, 0.0, cost, path)
    costs = naive.segment_costs(values, np.ones(40))
    costs = {(j, i): costs[rows[j], rows[i]] for i in range(5) for j in range(i)}
    wanted = naive.solve_at_price(costs, 4, 100.0)
    assert np.allclose(cost, [float(one) for one in wanted], rtol=1e-13)


def test_what_rounding_cannot_decide_is_in_doubt():
    """Two candidates of the same cost: the doubt is the error that the comparison may have."""
    _, table = make_table(np.array([-2.0, -1.0, 1.0, 2.0]))
    path, cost = make_path(np.arange(5)), np.zeros(5)
    cost[1] = measure_segment(table, 0, 4)[0] - measure_segment(table, 1, 4)[0]
    lead, doubt = compare(table, cost, path, 0, 1, 4, 0.0)
    assert lead == 0
    assert 0 < doubt < 1e-12
    cost[1] += 1e-9
    lead, doubt = compare(table, cost, path, 0, 1, 4, 0.0)
    assert lead < 0
    assert doubt == 0
    # symmetric values, where two partitions are equally good, leave a doubt to a pass too
    assert solve_at_price(table, 4, 0.5, 0.0, cost, path)[1] > 0


@pytest.mark.parametrize(
    ("values", "price", "only"),
    [
        ([0.0, 1.0, 5.0, 9.0, 12.0], 3.0, True),
        ([0.0, 1.0, 5.0, 9.0, 10.0], 20.0, False),  # 5 goes left or right
        ([0.0, 1.0, 5.0, 9.0, 10.0], 1e-6, True),
        ([0.0, 1.0, 2.0], 0.5, False),
    ],
)
def test_another_path_that_is_as_good_is_noticed(values, price, only):
    _, table = make_table(np.array(values))
    m = len(values)
    cost, path = np.empty(m + 1), make_path(np.arange(m + 1))
    solve_at_price(table, m, price, 0.0, cost, path)
    assert is_only_path(table, m, price, 1e-9, cost, path) == only
    assert not is_only_path(table, m, price, 1e9, cost, path)


@given(SEEDS, SIZES, KINDS)
def test_means_and_costs_are_those_of_the_dynamic_program(seed, n, kind):
    ordered = make_values(seed, n, kind)
    values, table = make_table(ordered)
    m = len(values)
    counts = np.unique(ordered, return_counts=True)[1]
    prefix = compute_prefix(values, counts)
    rng = np.random.default_rng(seed)
    cuts = np.unique(np.append([0, m], rng.integers(0, m + 1, 3)))
    k = len(cuts) - 1
    facts, ranges = np.empty((4, k)), np.empty((k, 2))
    describe_segments(values, table, cuts, LOST, facts, ranges)
    for q in range(k):
        j, i = int(cuts[q]), int(cuts[q + 1])
        low, high = values[j], values[i - 1]
        mean = np.clip(segment_mean(prefix, values[m // 2], j, i), low, high) + 0.0
        cost, weight = segment_cost(prefix, j, i), counts[j:i].sum()
        assert facts[:, q].tolist() == [mean, cost, weight, cost / weight]
        assert ranges[q].tolist() == [low, high]


@pytest.mark.parametrize(
    ("ordered", "enough"),
    [
        ([1.0, 2.0, 8.0, 9.0], True),
        ([-1.0, 1.0, 8.0, 9.0], False),  # the mean is 0, far below the median
        ([0.0, 5.0, 1e9, 1e9 + 2.0**-23], False),  # a narrow segment far from the median
    ],
)
def test_lost_digits_are_noticed(ordered, enough):
    values, table = make_table(np.array(ordered))
    facts, ranges = np.empty((4, 2)), np.empty((2, 2))
    cuts = np.array([0, 2, 4])
    assert describe_segments(values, table, cuts, LOST, facts, ranges) == enough
