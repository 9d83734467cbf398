"""A gap of 0 is a proof: weaken its bounds and an attack finds it wrong; as they are, it holds.

The attack runs random data of the kinds that broke earlier versions through several small passes
and compares each result with the optimum in exact arithmetic.
"""

import itertools
from fractions import Fraction

import numpy as np
import pytest

from fastkm import kmeans1d
from fastkm.cluster.exact import bins as bins_module
from fastkm.cluster.exact import tie_breaking
from fastkm.cluster.exact.pruning import cut_pruner
from fastkm.cluster.exact.pruning.cut_pruner import CutPruner
from tests import naive
from tests.codebooks import optimum, present, several_passes
from tests.conftest import COMPILED

KINDS = ["normal", "scales", "skewed", "outlier", "offset", "mirrored"]
ROUNDS = 20 if COMPILED else 6


def some_values(rng, kind):
    """Values of a kind, some 50."""
    x = rng.normal(size=50)
    if kind == "scales":
        x = 10.0 ** rng.uniform(-3, 6, 3)[rng.integers(3, size=50)] * (1 + 0.1 * x)
    elif kind == "skewed":
        x = np.exp(4 * x)
    elif kind == "outlier":
        x[:2] = 1e12, -1e9
    elif kind == "offset":
        x += 1e9
    elif kind == "mirrored":
        x = np.round(np.concatenate([x[:25], -x[:25]]), 2)
    return x


def some_weights(rng, kind, size):
    """Cosines of latitudes with both poles, or a few heavy ones among light ones."""
    if kind == "areas":
        weights = np.cos(np.deg2rad(rng.uniform(-90, 90, size)))
        weights[:2] = np.cos(np.deg2rad(90.0))
        return weights
    return np.where(rng.random(size) < 0.3, 1.0, 2.0 ** -rng.integers(5.0, 30.0, size))


def wrong(values, weights, k):
    """Tell whether a result claims to be the optimum and is not."""
    result = kmeans1d(values, k, weights=weights)
    return result.gap == 0.0 and result.counts.tolist() != optimum(*present(values, weights), k)[1]


def attack(rounds=ROUNDS):
    """Count the wrong proofs."""
    found = 0
    for seed, kind in itertools.product(range(rounds), KINDS):
        rng = np.random.default_rng([seed, KINDS.index(kind)])
        values = some_values(rng, kind)
        weighting = ["none", "areas", "light"][seed % 3]
        weights = None if weighting == "none" else some_weights(rng, weighting, len(values))
        with several_passes(few=8, cells=[16, 64][seed % 2]):
            found += wrong(values, weights, int(rng.integers(2, 6)))
    return found


@pytest.fixture(autouse=True)
def small_rounds(monkeypatch):
    """Let few values take several rounds."""
    monkeypatch.setattr(cut_pruner, "EDGES", 8)
    monkeypatch.setattr(bins_module, "SPLIT", 6)


def shrunk_slack(search, *arguments, slack=CutPruner._bound_slack):
    return 0.05 * slack(search, *arguments)


def shrunk_distance(search, groups, apart=CutPruner._bound_centroids):
    """Let the centroids beside a cut lie closer together than they may."""
    left, right, threshold = apart(search, groups)
    middle = left / 2 + right / 2
    return middle - 0.05 * (middle - left), middle + 0.05 * (right - middle), threshold


MUTANTS = {"_bound_slack": shrunk_slack, "_bound_centroids": shrunk_distance}


@pytest.mark.slow
def test_what_is_proven_survives_the_attack():
    assert attack() == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTANTS)
def test_the_attack_finds_weaker_bounds(monkeypatch, name):
    monkeypatch.setattr(CutPruner, name, MUTANTS[name])
    assert attack() > 0


def prefix_costs(values, weights):
    """Give a function that tells the exact cost of a partition of ascending values."""
    rows = naive.accumulate_moments(values, weights, values[len(values) // 2])

    def segment(j, i):
        n, s, q = (b - a for a, b in zip(rows[j], rows[i], strict=True))
        return q - s * s / n

    return lambda cuts: sum(segment(j, i) for j, i in itertools.pairwise(cuts))


def changed(rng, cuts, values):
    """Move some cuts a little, or one anywhere, or each to half-way between the means beside it."""
    inner, n = cuts[1:-1].copy(), cuts[-1]
    way = rng.integers(3)
    if way == 0:
        inner += rng.integers(-2, 3, len(inner))
    elif way == 1:
        inner[rng.integers(len(inner))] = rng.integers(1, n)
    else:
        inner += rng.integers(-9, 10, len(inner))
        ends = np.concatenate(([0], np.sort(np.clip(inner, 1, n - 1)), [n]))
        means = [np.mean(values[a:b]) if b > a else values[a] for a, b in itertools.pairwise(ends)]
        inner = np.searchsorted(values, (np.array(means[:-1]) + means[1:]) / 2, side="right")
    return np.concatenate(([0], np.sort(inner), [n]))


def is_partition(cuts, values):
    """Tell whether no cluster is empty and no value is in two."""
    inner = cuts[1:-1]
    return (np.diff(cuts) > 0).all() and (values[inner - 1] < values[inner]).all()


@pytest.mark.parametrize("patient", [True, False], ids=["proven", "with a gap"])
@pytest.mark.parametrize("kind", [*KINDS, "lattice"])
def test_no_change_of_the_cuts_costs_less_than_the_gap_allows(monkeypatch, kind, patient):
    """Of more values than can be solved exactly here."""
    if not patient:
        monkeypatch.setattr(tie_breaking, "PATIENCE", 0)
        monkeypatch.setattr("warnings.warn", lambda *_, **__: None)
    for seed in range(3):
        rng = np.random.default_rng([seed, 77])
        parts = [some_values(rng, kind) for _ in range(5 if COMPILED else 2)]
        values = np.arange(101.0) if kind == "lattice" else np.concatenate(parts)
        weighting = ["none", "areas", "light"][seed]
        weights = None if seed == 0 else some_weights(rng, weighting, len(values))
        with several_passes(few=20):
            result = kmeans1d(values, 5, weights=weights)
        tied = kind == "lattice" and seed == 0
        assert result.gap > 0 or patient or not tied
        assert not (patient and result.gap > 0)
        ordered, own = present(values, weights)
        cost, cuts = prefix_costs(ordered, own), np.append(0, np.cumsum(result.counts))
        least = cost(cuts.tolist()) - Fraction(result.gap)
        for _ in range(60):
            others = changed(rng, cuts, ordered)
            if is_partition(others, ordered):
                assert cost(others.tolist()) >= least


def test_the_changes_find_what_is_better(monkeypatch):
    """The test above can fail: without their slack the bounds lose the optimum, and it is seen."""
    rng, better = np.random.default_rng(5), 0
    monkeypatch.setattr(
        CutPruner, "_bound_slack", lambda _, groups, *__: np.zeros(len(groups.first))
    )
    for seed in range(ROUNDS):
        values = np.random.default_rng(seed).normal(size=100)
        with several_passes(few=20):
            result = kmeans1d(values, 4)
        ordered, own = present(values)
        cost, cuts = prefix_costs(ordered, own), np.append(0, np.cumsum(result.counts))
        others = [changed(rng, cuts, ordered) for _ in range(60)]
        sizes = [cost(way.tolist()) for way in others if is_partition(way, ordered)]
        better += result.gap == 0.0 and min(sizes) < cost(cuts.tolist())
    assert better > 0


def scattered(rng, size):
    """Clusters of any size and width, and a few values far out: cuts lie close together."""
    number = int(rng.integers(1, 5))
    centres = rng.random(number) * 10.0 ** rng.uniform(-3, 6, number)
    widths = 10.0 ** rng.uniform(-4, 4, number)
    member = rng.choice(number, size, p=rng.dirichlet(np.full(number, 0.3)))
    far = 10.0 ** rng.uniform(0, 12, int(rng.integers(5)))
    return np.unique(np.append(centres[member] + widths[member] * rng.normal(size=size), far))


@pytest.mark.parametrize(("edges", "split"), [(5, 8), (9, 15), (9, 19)])
def test_cuts_close_together_in_groups_of_any_size(monkeypatch, edges, split):
    monkeypatch.setattr(cut_pruner, "EDGES", edges)
    monkeypatch.setattr(bins_module, "SPLIT", split)
    for seed in range(50, 60):
        rng = np.random.default_rng(seed)
        values = scattered(rng, 40)
        assert not wrong(values, None, int(rng.integers(4, 7)))
