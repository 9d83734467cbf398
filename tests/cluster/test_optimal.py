"""The bounds that rule cuts out: they never lose an optimum, and they are needed."""

import inspect
import types

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastkm.cluster import optimal
from tests import naive
from tests.conftest import COMPILED, needs_jit

SEEDS = st.integers(0, 2**32)
SIZE = 150 if COMPILED else 50
KINDS = ["uniform", "normal", "skewed", "clustered", "duplicated", "outlier", "offset", "lattice"]


def some_values(seed, size, kind):
    """Ascending distinct values and how often they occur."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=size)
    if kind == "uniform":
        x = rng.random(size)
    elif kind == "skewed":
        x = np.exp(3 * x)
    elif kind == "clustered":
        x = x * 0.05 + rng.integers(0, 5, size)
    elif kind == "outlier":
        x[:2] = 1e6, -1e5
    elif kind == "offset":
        x += 1e9
    elif kind == "lattice":
        x = np.arange(size) * 0.25
    values = np.unique(x)
    counts = rng.integers(1, 50 if kind == "duplicated" else 2, len(values))
    return values, counts


def found(values, counts, ks, *, module=optimal):
    return {k: cuts.positions for k, cuts in module.optimal_cuts(values, counts, ks).items()}


def plain(values, counts, ks):
    assert len(values) <= optimal.FEW
    return found(values, counts, ks)


def bounded(values, counts, ks, *, few=12, edges=16, module=optimal):
    """Run the rounds on small inputs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "FEW", few)
        patch.setattr(module, "EDGES", edges)
        return found(values, counts, ks, module=module)


def costs_more(values, counts, cuts, wanted):
    """Tell whether a partition costs more than another beyond rounding."""
    cost, least = (naive.partition_cost(values, counts, path) for path in (cuts, wanted))
    return float(cost - least) > 1e-12 * float(least)


@pytest.mark.parametrize("kind", KINDS)
@given(SEEDS, st.integers(2, 6), st.sampled_from([4, 8, 16, 40]))
def test_the_rounds_give_the_cuts_of_the_plain_program(kind, seed, k, edges):
    values, counts = some_values(seed, SIZE, kind)
    wanted = plain(values, counts, [k])[k]
    cuts = bounded(values, counts, [k], edges=edges)[k]
    assert not costs_more(values, counts, cuts, wanted)
    np.testing.assert_array_equal(cuts, wanted)


@pytest.mark.parametrize("kind", KINDS)
@given(SEEDS)
def test_several_k_share_the_first_round(kind, seed):
    values, counts = some_values(seed, SIZE, kind)
    ks = [1, 2, 3, 5, 7]
    wanted = plain(values, counts, ks)
    for k, cuts in bounded(values, counts, ks).items():
        np.testing.assert_array_equal(cuts, wanted[k])


@pytest.mark.parametrize("kind", KINDS)
@given(SEEDS, st.integers(2, 5))
def test_a_round_keeps_every_cut_of_the_optimum(kind, seed, k):
    values, counts = some_values(seed, SIZE, kind)
    wanted = plain(values, counts, [k])[k]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(optimal, "EDGES", 24)
        kept = optimal._possible(
            values,
            optimal._prefix(values, counts),
            optimal._prefix(values[::-1], counts[::-1]),
            np.arange(len(values) + 1),
            [k],
        )[k]
    assert set(wanted) <= set(kept)


def test_a_round_rules_most_positions_out():
    values, counts = some_values(0, 3000, "clustered")
    prefix, mirrored = (
        optimal._prefix(v, c) for v, c in [(values, counts), (values[::-1], counts)]
    )
    kept = optimal._possible(values, prefix, mirrored, np.arange(3001), [3])[3]
    assert len(kept) < 300


def test_several_rounds_are_run(monkeypatch):
    rounds = []
    possible = optimal._possible

    def counted(*args):
        rounds.append(len(args[3]))
        return possible(*args)

    monkeypatch.setattr(optimal, "_possible", counted)
    values, counts = some_values(1, 600, "clustered")
    bounded(values, counts, [3], few=20, edges=64)
    assert len(rounds) > 1
    assert rounds == sorted(rounds, reverse=True)


def test_a_round_that_rules_nothing_out_ends_the_search():
    values, counts = some_values(2, 100, "uniform")
    cuts = bounded(values, counts, [6], few=5, edges=4)[6]
    np.testing.assert_array_equal(cuts, plain(values, counts, [6])[6])


@pytest.mark.parametrize("k", [48, 49, 50])
def test_more_segments_than_edges_are_still_found(k):
    values, counts = some_values(3, 50, "normal")
    np.testing.assert_array_equal(
        bounded(values, counts, [k], few=5, edges=8)[k], plain(values, counts, [k])[k]
    )


def mutant(old, new):
    """Give the module with one expression changed."""
    source = inspect.getsource(optimal)
    assert source.count(old) == 1
    module = types.ModuleType("mutant")
    module.__dict__["__name__"] = "mutant"
    exec(compile(source.replace(old, new), "mutant", "exec"), module.__dict__)  # noqa: S102
    return module


def wrong_answers(module):
    wrong = 0
    for seed in range(40):
        for kind in ("uniform", "normal", "clustered"):
            values, counts = some_values(seed, 60, kind)
            cuts = bounded(values, counts, [3], few=5, edges=12, module=module)[3]
            wrong += costs_more(values, counts, cuts, plain(values, counts, [3])[3])
    return wrong


def test_the_unchanged_module_gives_no_wrong_answer():
    assert wrong_answers(mutant("slack = 2.0 *", "slack = 2.0 *")) == 0


@pytest.mark.parametrize("factor", ["0.0", "0.02"])
def test_with_less_slack_optima_are_lost(factor):
    assert wrong_answers(mutant("slack = 2.0 *", f"slack = {factor} *")) > 0


@needs_jit
@pytest.mark.parametrize("kind", ["normal", "skewed", "clustered"])
def test_more_values_than_few_give_the_plain_cuts(kind, monkeypatch):
    values, counts = some_values(6, 3 * optimal.FEW, kind)
    cuts = found(values, counts, [2, 5])
    monkeypatch.setattr(optimal, "FEW", len(values))
    for k, wanted in found(values, counts, [2, 5]).items():
        np.testing.assert_array_equal(cuts[k], wanted)


def test_one_segment_and_as_many_as_values():
    values, counts = some_values(4, 6, "normal")
    cuts = found(values, counts, [1, 6])
    assert cuts[1].tolist() == [0, 6]
    assert cuts[6].tolist() == list(range(7))


def test_noise_is_told_where_a_cluster_lies_far_out():
    far = 1e15 + np.arange(5)
    counts = np.ones(10, np.int64)
    near = optimal.optimal_cuts(np.arange(10.0), counts, [2])[2]
    split = optimal.optimal_cuts(np.concatenate([np.arange(5.0), far]), counts, [2])[2]
    assert near.noise < 1e-25
    assert split.noise > 1e-3


def test_a_far_segment_of_one_value_has_no_noise():
    values, counts = np.array([1.0, 2.0, 3.0, 1e36]), np.array([5, 5, 5, 9])
    cuts = optimal.optimal_cuts(values, counts, [3])[3]
    assert cuts.positions.tolist() == [0, 1, 3, 4]
    assert cuts.noise < 1e-25
