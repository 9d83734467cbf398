"""No cut of an optimal partition into medians is ruled out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastkm.cluster.exact.bins import CandidateCuts, make_distinct_bins
from fastkm.cluster.exact.medians.pruning import MedianPruner
from tests import naive


def make_bins(values, counts):
    weights = np.stack([counts.astype(float), np.zeros(len(counts))])
    return make_distinct_bins(values, counts, weights)


def some_bins(seed, m):
    rng = np.random.default_rng(seed)
    values = np.unique(np.round(rng.normal(size=m) * rng.choice([3, 100]), 1))
    return make_bins(values, rng.integers(1, 4, len(values)))


@given(seed=st.integers(0, 2**32), k=st.integers(2, 4), width=st.integers(2, 4))
def test_the_cuts_of_the_optimum_remain(seed, k, width):
    bins = some_bins(seed, 12)
    m = len(bins.low)
    cost, optimum = naive.find_optimal_cuts(bins.low, bins.counts, k, naive.deviation_costs)
    # groups that are wider than a value, so that slack matters
    edges = np.arange(0, m, width)
    groups = edges, np.minimum(edges + width, m)
    ends = [(np.array([end]), np.array([end])) for end in (0, m)]
    candidates = CandidateCuts.of([ends[0], *[groups] * (k - 1), ends[1]])
    found, upper = MedianPruner(bins).prune(k, candidates, np.inf)
    assert upper >= float(cost) * (1 - 1e-12)
    for cut, layer in zip(optimum, found.list_layers(), strict=True):
        assert cut in layer[0]


def test_slack_bounds_what_moving_a_cut_costs():
    values = np.array([0.0, 1.0, 2.0, 10.0, 11.0])
    pruner = MedianPruner(make_bins(values, np.ones(5, np.int64)))
    groups = CandidateCuts(np.array([0, 0, 3, 5]), np.array([0, 3, 5, 5]), np.array([0, 1, 3, 4]))
    slack = pruner._bound_slack(groups, *[np.zeros(4)] * 3)
    assert slack == pytest.approx([0, 2 * (2 + 1 + 0), 2 * 1, 0], rel=1e-8)
    assert (slack >= [0, 6, 2, 0]).all()


def test_the_best_of_rounded_costs_has_a_bound():
    bins = some_bins(3, 12)
    pruner = MedianPruner(bins)
    found, upper = pruner.prune(3, *pruner.first_round([3])[3])
    path, gap = pruner.find_best(3, found, upper)
    cost, cuts = naive.find_optimal_cuts(bins.low, bins.counts, 3, naive.deviation_costs)
    assert path.tolist() == cuts
    assert 0 < gap < 1e-10 * cost


def test_a_path_of_single_values_has_no_noise():
    pruner = MedianPruner(some_bins(1, 9))
    single = np.arange(len(pruner.low) + 1)
    assert pruner._compute_noise(single) < 1e-300 < pruner._compute_noise(single[[0, -1]])
