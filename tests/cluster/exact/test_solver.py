"""Whatever the sizes of tables and of what is held, the optimum is found."""

import numpy as np
import pytest

from fastkm import kmeans1d
from fastkm.cluster.exact import collectors, solver
from fastkm.cluster.exact.pruning.cut_pruner import CutPruner
from fastkm.cluster.exact.solver import _find_runs
from tests.codebooks import assert_optimal, assert_same, random_values, several_passes
from tests.conftest import COMPILED

SLOW = [("f4", False), ("i4", False)] if COMPILED else []  # their tables have 2^21 cells
CASES = pytest.mark.parametrize(("dtype", "weighted"), [*SLOW, ("f8", False), ("f8", True)])


def data(dtype, weighted, size=48):
    values = random_values(3, "normal", dtype, size)
    values = values // 2**19 if dtype == "i4" else values / 100 + values.dtype.type(1)
    return values, np.random.default_rng(3).uniform(0.1, 1, size) if weighted else None


@CASES
@pytest.mark.parametrize("held", [0, 10, 1000])
@pytest.mark.parametrize("few", [0, 10, 30])
@pytest.mark.parametrize("windows", [1, 1000])
def test_any_limits_give_the_optimum(dtype, weighted, held, few, windows):
    values, weights = data(dtype, weighted)
    wanted = kmeans1d(values, 4, weights=weights)
    with several_passes() as patch:
        patch.setattr(collectors, "MAX_COPIED", held)
        patch.setattr(collectors, "MAX_SORTED", few)
        patch.setattr(solver, "WINDOWS", windows)
        result = assert_optimal(values, 4, weights)
    assert_same(
        result, wanted, but=("passes", "profile", "centroids", "inertia", "variances", "weights")
    )
    np.testing.assert_allclose(result.centroids, wanted.centroids, rtol=1e-15)


@CASES
@pytest.mark.parametrize("cells", [16, 32, 1 << 12])
def test_any_number_of_bins_gives_the_optimum(dtype, weighted, cells):
    values, weights = data(dtype, weighted)
    with several_passes(few=5, cells=cells):
        assert_optimal(values, 3, weights)


@pytest.mark.parametrize(("dtype", "weighted"), [("f8", False), ("f8", True)])
def test_fewer_values_are_held_in_more_passes(dtype, weighted):
    values, weights = data(dtype, weighted, 240)
    with several_passes(few=20) as patch:
        many = kmeans1d(values, 4, weights=weights)
        patch.setattr(collectors, "MAX_COPIED", 1000)
        assert kmeans1d(values, 4, weights=weights).passes < many.passes


@pytest.mark.parametrize("outlier", [1e30, 1e300, 1e308])
def test_outliers_leave_few_places_for_cuts(outlier, monkeypatch):
    found, prune = [], CutPruner.prune

    def spy(pruner, k, groups, upper):
        kept, upper = prune(pruner, k, groups, upper)
        found.append(len(kept.first))
        return kept, upper

    monkeypatch.setattr(CutPruner, "prune", spy)
    values = np.random.default_rng(0).normal(30, 10, 1500)
    with several_passes(few=1000, cells=1 << 16) as patch:
        patch.setattr(collectors, "MAX_COPIED", 10**6)
        usual = kmeans1d(values, 3)
        values = np.append(values, [outlier, -outlier])
        result = kmeans1d(values, 5)
    assert max(found) < 60  # without a bound on thresholds some hundred
    np.testing.assert_array_equal(result.breaks[1:3], usual.breaks)
    assert result.counts.tolist() == [1, *usual.counts.tolist(), 1]


@pytest.mark.parametrize("pairs", [0, 1 << 24])
def test_ties_are_decided_with_and_without_the_closer_comparison(pairs, monkeypatch):
    monkeypatch.setattr(solver, "PAIRS", pairs)
    for k in (2, 3, 4):
        assert_optimal(np.arange(13.0), k)


@pytest.mark.parametrize("most", [1, 2, 3])
def test_runs_beyond_the_limit_wait_and_those_with_most_values_are_first(most, monkeypatch):
    monkeypatch.setattr(solver, "WINDOWS", most)
    wanted = np.array([0, 1, 1, 0, 1, 0, 1], bool)
    first, last, complete = _find_runs(wanted, np.array([9, 1, 1, 9, 5, 9, 3]))
    assert complete == (most == 3)
    runs = {1: [(4, 4)], 2: [(4, 4), (6, 6)], 3: [(1, 2), (4, 4), (6, 6)]}
    assert list(zip(first.tolist(), last.tolist(), strict=True)) == runs[most]
