"""Bounds by prices: they lose no cut of an optimal partition, and the results are those of rounds."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastkm import kmeans1d
from fastkm.cluster.exact import collectors, solver
from fastkm.cluster.exact.bins import make_distinct_bins
from fastkm.cluster.exact.pruning import cut_pruner, priced_bounds
from fastkm.cluster.exact.pruning.cut_pruner import CutPruner
from fastkm.cluster.exact.small import small_arrays
from tests.cluster.exact.pruning.test_cut_pruner import optimal_positions, some_values, some_weights
from tests.codebooks import assert_same
from tests.conftest import COMPILED, needs_jit

SEEDS = st.integers(0, 2**32)
KINDS = ["uniform", "skewed", "spread", "lattice", "near ties", "mirrored", "offset"]
NEVER = 1 << 30


def some_pruner(seed, kind):
    """Make distinct values, their weights, and a pruner of them."""
    rng = np.random.default_rng(seed)
    values = some_values(rng, kind)
    weights = some_weights(rng, len(values))
    pair = np.stack([weights, np.zeros(len(values))])
    return values, weights, CutPruner(make_distinct_bins(values, np.ones(len(values), int), pair))


@pytest.mark.parametrize("most", [0, 64], ids=["two prices", "room"])
@pytest.mark.parametrize("kind", KINDS)
@given(SEEDS, st.integers(2, 6))
def test_no_cut_of_an_optimal_partition_is_ruled_out(kind, most, seed, k):
    values, weights, pruner = some_pruner(seed, kind)
    _, wanted = optimal_positions(values, weights, k)
    with pytest.MonkeyPatch.context() as patch:
        # too many places are no reason to give up here
        patch.setattr(priced_bounds, "MOST", most)
        patch.setattr(priced_bounds, "HELD", NEVER)
        patch.setattr(cut_pruner, "SPARSE", 1)
        found = pruner.bound_by_price(k)
    if found is None:  # no price leads to k segments
        return
    groups, _ = found
    assert groups.starts[-1] == len(groups.first)
    assert (groups.first[0], groups.first[-1]) == (0, len(values))
    for layer, places in zip(groups.list_layers()[1:-1], wanted, strict=True):
        assert np.isin(places, layer[0]).all()


@needs_jit
def test_hardly_more_than_the_cuts_remain():
    x = np.sort(np.random.default_rng(0).normal(size=20_000))
    pruner = CutPruner(make_distinct_bins(x, np.ones(len(x), int), np.stack([x**0, x * 0])))
    groups, upper = pruner.bound_by_price(300)
    assert len(groups.first) < 400
    path, _ = pruner.find_best(300, groups, upper)
    assert all(a < b for a, b in pairwise(path.tolist()))


@pytest.mark.parametrize(
    "kind", ["normal", "cauchy", "lognormal", "rounded", "float32", "weighted"]
)
def test_results_are_those_of_rounds(kind, monkeypatch):
    rng, size = np.random.default_rng(1), 4000 if COMPILED else 300
    x, weights = rng.normal(size=size), None
    if kind == "cauchy":
        x = rng.standard_cauchy(size)
    elif kind == "lognormal":
        x = np.exp(5 * x)
    elif kind == "rounded":
        x = np.round(x, 2)
    elif kind == "float32":
        x = x.astype("f4")
    elif kind == "weighted":
        weights = rng.uniform(0.1, 1, size)
    ks = [3, 10, 41, 100] if COMPILED else [3, 10, 20]
    monkeypatch.setattr(small_arrays, "MAX_SMALL", 0)
    monkeypatch.setattr(priced_bounds, "HELD", 64)
    monkeypatch.setattr(cut_pruner, "SPARSE", 2)
    monkeypatch.setattr(cut_pruner, "PATIENCE", 0.0)
    found = []
    for most in (0, 64):  # room for two prices, and for more
        monkeypatch.setattr(priced_bounds, "MOST", most)
        found.append(kmeans1d(x, ks, weights=weights))
    monkeypatch.setattr(CutPruner, "bound_by_price", lambda *_: None)
    wanted = kmeans1d(x, ks, weights=weights)
    for k in ks:
        for results in found:
            assert_same(results[k], wanted[k], but=("profile",))


@needs_jit
@pytest.mark.parametrize("dtype", ["f4", "f8", "i4", "i8"])
def test_sorted_values_give_the_results_of_bins(dtype, monkeypatch):
    """Values in memory that are sorted for many k only, beside the same values as dask has them."""
    da = pytest.importorskip("dask.array")
    x = (np.random.default_rng(2).normal(size=20_000) * 1e6).astype(dtype)
    monkeypatch.setattr(small_arrays, "MAX_SMALL", 0)
    monkeypatch.setattr(collectors, "MAX_SORTED", 500)
    wanted, lazy = kmeans1d(x, [4, 20]), kmeans1d(da.from_array(x, chunks=3000), [4, 20])
    sorts, decide = [], solver.Solver._cut_in_memory
    monkeypatch.setattr(
        solver.Solver, "_cut_in_memory", lambda *a: sorts.append(decide(*a)) or sorts[-1]
    )
    monkeypatch.setattr(solver, "MANY_SORTED", {4: 10, 8: 10})
    found = kmeans1d(x, [4, 20])
    assert [list(cuts) for cuts in sorts] == [[20]]
    for k in (4, 20):
        for other in (wanted[k], lazy[k]):
            assert_same(found[k], other, but=("profile", "passes"))
