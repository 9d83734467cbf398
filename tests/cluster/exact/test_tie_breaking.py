"""The exact comparison: sums are fractions, the best partition wins, of equal ones the lowest."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastkm import kmeans1d
from fastkm.cluster.exact import tie_breaking
from fastkm.cluster.exact.bins import CandidateCuts
from fastkm.cluster.exact.tie_breaking import ExactSums, decide
from tests import naive
from tests.codebooks import assert_optimal, optimum, present, several_passes
from tests.conftest import COMPILED

SEEDS = st.integers(0, 2**32)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
POSITIVE = st.floats(min_value=5e-324, max_value=1e308, allow_subnormal=True)
RUNS = [1000, 8], ["few", "several passes"]


def sums_of(values, weights, part, parts):
    sums = ExactSums(parts)
    sums.add(np.array(values, float), weights, np.array(part, np.int64))
    return sums


def assert_multiple(got, wanted):
    """Hold that integers are some fractions times one power of two."""
    factors = {Fraction(a) / b for a, b in zip(got, wanted, strict=True) if b}
    assert [a == 0 for a in got] == [b == 0 for b in wanted]
    assert len(factors) <= 1
    for factor in factors:
        top, bottom = factor.numerator, factor.denominator
        assert top & (top - 1) == bottom & (bottom - 1) == 0


@given(st.lists(st.tuples(FLOATS, POSITIVE, st.integers(0, 3)), max_size=20), st.booleans())
def test_sums_are_exact(rows, weighted):
    values, weights = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    part = [row[2] for row in rows]
    own = weights if weighted else np.ones(len(rows))
    sums = sums_of(values, weights if weighted else None, part, 4)
    exact = list(zip(naive.as_fractions(values), naive.as_fractions(own), part, strict=True))
    heavy = [sum(w for _, w, p in exact if p < end) for end in range(5)]
    total = [sum(v * w for v, w, p in exact if p < end) for end in range(5)]
    got_heavy, got_total = sums.accumulate()
    assert_multiple(got_heavy, heavy)
    assert_multiple(got_total, total)


@given(SEEDS)
def test_chunks_in_any_order_give_the_same_sums(seed):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=30) * 10.0 ** rng.uniform(-300, 300, 30)
    weights, part = rng.random(30), rng.integers(0, 3, 30)
    once, parts, order = sums_of(values, weights, part, 3), ExactSums(3), rng.permutation(30)
    for chunk in np.split(order, [7, 7, 20]):
        parts.add(values[chunk], weights[chunk], part[chunk])
    assert parts.accumulate() == once.accumulate()


@pytest.mark.parametrize(
    ("numbers", "short"),
    [([0, 0], [0, 0]), ([0, 8, -12], [0, 2, -3]), ([0, 5, 2], [0, 5, 2]), ([0, -4], [0, -1])],
)
def test_integers_are_made_short(numbers, short):
    assert tie_breaking._shorten(numbers) == short


def groups_at(layers):
    return CandidateCuts.of([(np.array(at), np.array(at) + 1) for at in layers])


def tried(values, weights, layers):
    """Compare all partitions whose cuts are in the layers; the lowest last cut wins, and so on."""
    costs = naive.segment_costs(values, weights)
    ways = [way for way in itertools.product(*layers) if all(a < b for a, b in pairs(way))]
    return min(ways, key=lambda way: (sum(costs[pair] for pair in pairs(way)), way[::-1]))


def pairs(way):
    return list(itertools.pairwise(way))


@pytest.mark.parametrize("kind", ["random", "lattice", "mirrored", "near ties"])
@given(SEEDS, st.integers(1, 4))
def test_the_decision_is_the_best_of_all(kind, seed, k):
    rng = np.random.default_rng(seed)
    m = int(rng.integers(k, 11))
    values = np.arange(1.0, m + 1)
    if kind == "random":
        values = np.sort(rng.normal(size=m))
    elif kind == "mirrored":
        half = np.arange(1, m // 2 + 1) * rng.integers(1, 4)
        values = np.unique(np.concatenate([-half, half, [0.0] * (m % 2)]))
    elif kind == "near ties":
        values = values * (1 + rng.integers(-1, 2, m) * 2.0**-52)
    m = len(values)
    weights = rng.choice([1.0, 0.1], m) if kind == "random" else np.ones(m)
    _, best = naive.find_optimal_cuts(values, weights, k)
    layers = [[0], *[[cut] for cut in best[1:-1]], [m]]
    for layer in layers[1:-1]:
        others = np.flatnonzero(rng.random(m) < 0.6).tolist()
        layer[:] = sorted({*layer, *others} - {0})
    places = np.unique(np.concatenate(layers))
    part = np.searchsorted(places, np.arange(m), side="right") - 1
    sums = sums_of(values, weights, part, len(places) - 1)
    chosen = decide(groups_at(layers), places, sums).tolist()
    assert chosen == list(tried(values, weights, layers)) == best


def test_of_many_equal_partitions_the_lowest_wins():
    values, every = np.arange(12.0), list(range(1, 12))
    sums = sums_of(values, None, np.arange(12), 12)
    for k in range(2, 8):
        groups = groups_at([[0], *[every] * (k - 1), [12]])
        lowest = naive.find_optimal_cuts(values, np.ones(12), k)[1]
        assert decide(groups, np.arange(13), sums).tolist() == lowest


def test_too_many_comparisons_are_left(monkeypatch):
    groups = groups_at([[0], [1, 2], [2, 3], [4]])  # (1 + 2) 2 + (2 + 2) 2 + (2 + 1) 1 costs
    sums = sums_of(np.arange(4.0), None, np.arange(4), 4)
    monkeypatch.setattr(tie_breaking, "PATIENCE", 17)
    assert decide(groups, np.arange(5), sums).tolist() == [0, 1, 2, 4]
    monkeypatch.setattr(tie_breaking, "PATIENCE", 16)
    assert decide(groups, np.arange(5), sums) is None


TIED = {
    "lattice": np.arange(32.0),
    "mirrored": np.concatenate([10 + np.arange(9) ** 2.0, -10 - np.arange(9) ** 2.0]),
    "near ties": np.arange(1.0, 33) * (1 + np.array([0, 1] * 16) * 2.0**-52),
}


@pytest.mark.parametrize("few", RUNS[0], ids=RUNS[1])
@pytest.mark.parametrize("k", [2, 3, 5])
@pytest.mark.parametrize("kind", TIED)
@pytest.mark.parametrize("weighted", [False, True])
def test_ties_have_the_lowest_breaks(weighted, kind, k, few):
    weights = np.full(len(TIED[kind]), 0.3) if weighted else None
    with several_passes(few):
        assert_optimal(TIED[kind], k, weights)


@pytest.mark.parametrize("few", RUNS[0], ids=RUNS[1])
@pytest.mark.parametrize("k", [3, 5])
@pytest.mark.parametrize("weighted", [False, True])
def test_beyond_patience_the_gap_bounds_what_is_missing(monkeypatch, weighted, k, few):
    values = TIED["lattice"]
    weights = np.full(32, 0.3) if weighted else None
    monkeypatch.setattr(tie_breaking, "PATIENCE", 0)
    with several_passes(few), pytest.warns(UserWarning, match=f"for k = {k} too many partitions"):
        result = kmeans1d(values, k, weights=weights)
    sorted_values, own = present(values, weights)
    least, _ = optimum(sorted_values, own, k)
    ends = [0, *np.cumsum(result.counts).tolist()]
    cost = naive.partition_cost(sorted_values, own, ends)
    assert 0 < result.gap < 1e-9 * result.inertia
    assert cost - least <= Fraction(result.gap)
    assert Fraction(result.inertia) - least <= Fraction(result.gap)


@pytest.mark.parametrize("few", RUNS[0], ids=RUNS[1])
@given(SEEDS, st.integers(2, 5))
def test_a_gap_holds_for_random_near_ties(few, seed, k):
    """Where patience ends at once, nothing but rounding is left to choose by."""
    rng = np.random.default_rng(seed)
    size = 30 if COMPILED else 20
    values = np.arange(1.0, size + 1) * (1 + rng.integers(-2, 3, size) * 2.0**-52)
    with several_passes(few), pytest.MonkeyPatch.context() as patch:
        patch.setattr(tie_breaking, "PATIENCE", 0)
        patch.setattr("warnings.warn", lambda *_, **__: None)
        result = kmeans1d(values, k)
    least, counts = optimum(values, np.ones(size), k)
    cost = naive.partition_cost(values, np.ones(size), [0, *np.cumsum(result.counts).tolist()])
    assert cost - least <= Fraction(result.gap)
    assert result.gap > 0 or result.counts.tolist() == counts
