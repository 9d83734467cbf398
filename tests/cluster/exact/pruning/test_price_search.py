"""Cuts by prices against every way to cut: found only if they are the only best ones."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastkm._kernels.priced_segments import sum_distinct
from fastkm.cluster.exact.pruning import price_search
from fastkm.cluster.exact.pruning.price_search import PriceSearch
from tests import naive

SEEDS = st.integers(0, 2**32)


def make_search(values):
    """Return a search among some distinct, sorted values."""
    values, table = np.asarray(values, float), np.empty((len(values) + 1, 5))
    assert sum_distinct(values, np.empty(len(values)), table) == len(values)
    return PriceSearch(table)


def find_best(values, k):
    """Return the cuts of all best partitions."""
    ways = naive.list_partitions(np.asarray(values, float), np.ones(len(values)), k)
    least = min(cost for cost, _ in ways)
    return [cuts for cost, cuts in ways if cost == least]


@given(SEEDS, st.integers(1, 7), st.integers(1, 7), st.sampled_from(["plain", "lattice", "skewed"]))
def test_cuts_are_those_of_the_only_best_partition(seed, n, k, kind):
    rng = np.random.default_rng(seed)
    values = {
        "plain": rng.normal(size=n),
        "lattice": rng.integers(0, 12, n) / 4,
        "skewed": rng.exponential(size=n) ** 6,
    }[kind]
    values = np.unique(values)
    k = min(k, len(values))
    found, best = make_search(values).find_cuts(k), find_best(values, k)
    if found is not None:
        assert [found.tolist()] == best
    else:
        assert kind == "lattice" or len(best) > 1


@pytest.mark.parametrize("k", [1, 2, 3, 19, 20])
def test_a_partition_is_not_the_only_one(k):
    """Equal distances: all ways to cut 20 into k parts of two neighbouring sizes are as good."""
    found = make_search(np.arange(20.0)).find_cuts(k)
    if k in {1, 2, 20}:
        assert found.tolist() == np.linspace(0, 20, k + 1).tolist()
    else:
        assert found is None


def test_many_ks_of_many_values():
    """Few rows give the first prices; all cuts are midway between means, and as good as the next k."""
    values = np.sort(np.random.default_rng(0).normal(size=520)).round(6)
    search = make_search(values)
    for k in (2, 5, 519):
        cuts = search.find_cuts(k)
        means = [values[a:b].mean() for a, b in itertools.pairwise(cuts)]
        middle = (np.array(means[:-1]) + means[1:]) / 2
        assert (values[cuts[1:-1] - 1] < middle).all()
        assert (middle < values[cuts[1:-1]]).all()


def test_the_first_price_does_not_matter():
    values = np.sort(np.random.default_rng(1).exponential(size=50) ** 3)
    wanted = make_search(values).find_cuts(7).tolist()
    for price in (1e-12, 1e12):
        search = make_search(values)
        search.price = price
        assert search.find_cuts(7).tolist() == wanted


def test_no_cuts_are_found_if_prices_run_out(monkeypatch):
    values = np.sort(np.random.default_rng(1).normal(size=50))
    monkeypatch.setattr(price_search, "ATTEMPTS", 0)
    assert make_search(values).find_cuts(7) is None
