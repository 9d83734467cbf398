"""The program of k-medians against exact rationals and every way to cut."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fastkm._kernels.dynamic_program import FLOOR, accumulate_moments
from fastkm._kernels.median_program import (
    NOISE,
    find_median,
    median_cost,
    solve_median_layer,
    solve_median_layers,
)
from tests import naive

SEEDS = st.integers(0, 2**32)
KINDS = st.sampled_from(["plain", "whole", "offset", "outlier", "all magnitudes"])
EPS = Fraction(1, 2**50)


class Data:
    """Distinct values with weights, and their sums."""

    def __init__(self, values, weights):
        self.values, self.weights = np.array(values, float), np.array(weights, float)
        sums = np.zeros((6, len(values)))
        sums[0] = weights
        self.prefix = np.empty((6, len(values) + 1))
        accumulate_moments(self.values, sums, self.values[len(values) // 2], self.prefix)


def some_data(seed, n, kind):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n) * 10
    if kind == "whole":
        x = np.round(x)
    elif kind == "offset":
        x += 1e9
    elif kind == "outlier":
        x[0] = 1e36
    elif kind == "all magnitudes":
        x *= 10.0 ** rng.integers(-8, 9, n)
    values = np.unique(x)
    return Data(values, rng.choice([1.0, 2.0, 0.1], len(values)))


def noise_of(data, j, i):
    return Fraction(NOISE * (abs(data.prefix[2, j]) + abs(data.prefix[2, i])) + FLOOR)


@given(seed=SEEDS, n=st.sampled_from([1, 2, 3, 5, 9]), kind=KINDS)
def test_a_median_has_half_of_the_weight_at_or_below_it(seed, n, kind):
    data = some_data(seed, n, kind)
    data.weights[:] = np.round(data.weights)  # whole numbers: halves are exact
    data.weights[data.weights == 0] = 1
    data = Data(data.values, data.weights)
    m = len(data.values)
    for j in range(m):
        for i in range(j + 1, m + 1):
            assert find_median(data.prefix, j, i) == naive.find_median(data.weights, j, i)


@given(seed=SEEDS, n=st.sampled_from([1, 2, 3, 5, 9]), kind=KINDS)
def test_costs_are_right_to_their_noise_and_rounding(seed, n, kind):
    data = some_data(seed, n, kind)
    for (j, i), wanted in naive.deviation_costs(data.values, data.weights).items():
        cost, noise = median_cost(data.values, data.prefix, j, i)
        if i - j <= 1:
            assert cost == noise == 0
        else:
            assert noise == noise_of(data, j, i)
            assert abs(Fraction(cost) - wanted) <= EPS * wanted + Fraction(noise)


@given(seed=SEEDS, n=st.sampled_from([2, 3, 5, 9]), kind=KINDS, mirrored=st.booleans())
@example(seed=1, n=9, kind="whole", mirrored=True)
def test_layers_are_those_of_every_way_to_cut(seed, n, kind, mirrored):
    data = some_data(seed, n, kind)
    m = len(data.values)
    rng = np.random.default_rng(seed)
    k = int(rng.integers(1, 5))
    everywhere = bool(rng.integers(2))
    layers = [
        list(range(m + 1))
        if everywhere
        else sorted(rng.choice(m + 1, rng.integers(1, m + 2), replace=False).tolist())
        for _ in range(k)
    ]
    layers = [[0], *layers]
    slack = [rng.random(len(layer)) * (q > 0) for q, layer in enumerate(layers)]
    costs = naive.deviation_costs(data.values, data.weights)
    if mirrored:
        costs = {(m - i, m - j): cost for (j, i), cost in costs.items()}
    wanted, _ = naive.solve_layers(costs, layers, slack, empty=True)
    starts = np.cumsum([0, *map(len, layers)])
    edges = np.concatenate(layers).astype(np.int64)
    noise = len(layers) * (noise_of(data, 0, m))
    size = max(costs.values()) + k
    found = {}
    for lower in (False, True):
        cost, cut = np.full(len(edges), -7.0), np.full(len(edges), -7)
        solve_median_layers(
            data.values,
            data.prefix,
            edges,
            starts,
            np.concatenate(slack),
            lower,
            mirrored,
            cost,
            cut,
        )
        found[lower] = cost
        for q in range(1, len(layers)):
            rows = slice(starts[q], starts[q + 1])
            for row, value in zip(cost[rows], wanted[q], strict=True):
                assert (value is None) == (row == np.inf)
                if value is not None:
                    assert abs(Fraction(row) - value) <= len(layers) * EPS * size + noise
            inside = (cut[rows] >= starts[q - 1]) & (cut[rows] < starts[q])
            assert inside.all()
    assert (found[True] <= found[False]).all()


def test_of_equal_ways_the_lowest_is_taken():
    data = Data([0.0, 1.0, 2.0], [1.0, 1.0, 1.0])
    edges, starts = np.array([0, 1, 2, 3]), np.array([0, 1, 3, 4])
    cost, cut = np.empty(4), np.empty(4, np.int64)
    solve_median_layers(
        data.values, data.prefix, edges, starts, np.zeros(4), False, False, cost, cut
    )
    assert (cost[3], cut[3]) == (1.0, 1)


def test_rows_before_all_candidates_cannot_be_reached():
    data = Data([0.0, 1.0, 2.0], [1.0, 1.0, 1.0])
    edges = np.array([2, 1, 3])
    cost, cut = np.array([0.0, -1.0, -1.0]), np.zeros(3, np.int64)
    solve_median_layer(data.values, data.prefix, edges, 0, 1, 3, False, False, cost, cut)
    assert cost.tolist() == [0.0, np.inf, 0.0]


@pytest.mark.parametrize("weight", [3.0, 1e-3])
def test_a_cost_is_in_units_of_weight_and_value(weight):
    data = Data([10.0, 20.0, 40.0], np.full(3, weight))
    assert median_cost(data.values, data.prefix, 0, 3)[0] == pytest.approx(30 * weight, rel=1e-15)
