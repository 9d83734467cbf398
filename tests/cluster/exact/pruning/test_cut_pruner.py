"""The bounds that rule cuts out: they hold exactly, and lose no cut of any optimal partition."""

import itertools
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastkm.cluster.exact import bins as bins_module
from fastkm.cluster.exact.bins import Bins, CandidateCuts, make_distinct_bins
from fastkm.cluster.exact.pruning import cut_pruner
from fastkm.cluster.exact.pruning.cut_pruner import CutPruner
from fastkm.cluster.exact.pruning.precise_costs import drop_dominated
from tests import naive

SEEDS = st.integers(0, 2**32)
EVERY_K = st.integers(1, 6)
SIZE = 14
KINDS = [
    "uniform", "skewed", "spread", "lattice", "near ties", "mirrored", "offset",
    "outlier 1e12", "outliers 1e36", "fill value 1e300",
]  # fmt: skip


def some_values(rng, kind):
    """Ascending distinct values."""
    x = rng.random(SIZE)
    if kind == "skewed":
        x = np.exp(6 * x)
    elif kind == "spread":
        x = rng.choice([-1.0, 1.0], SIZE) * 10.0 ** rng.uniform(-5, 5, SIZE)
    elif kind == "lattice":
        x = np.arange(SIZE) * 0.25
    elif kind == "near ties":
        x = np.arange(1.0, SIZE + 1) * (1 + rng.integers(-2, 3, SIZE) * 2.0**-52)
    elif kind == "mirrored":
        x = np.concatenate([x[::2], -x[::2]])
    elif kind == "offset":
        x = 1e9 + np.round(x, 3)
    elif kind == "outlier 1e12":
        x[0] = 1e12
    elif kind == "outliers 1e36":
        x[:2] = 1e36, -1e12
    elif kind == "fill value 1e300":
        x[0] = 1e300
    return np.unique(x)


def some_weights(rng, size):
    """Equal, whole, the cosines of latitudes up to a pole, or a few heavy ones among light ones."""
    cosines = np.cos(np.deg2rad(rng.uniform(-90, 90, size)))
    cosines[0] = np.cos(np.pi / 2)
    light = np.where(rng.random(size) < 0.3, 1.0, 2.0 ** -rng.integers(10.0, 40.0, size))
    kinds = [np.ones(size), rng.integers(1, 50, size).astype(float), cosines, light]
    return kinds[rng.integers(len(kinds))]


class Data(NamedTuple):
    """Values, their weights, the first value of each atom, and the atoms."""

    values: np.ndarray
    weights: np.ndarray
    starts: np.ndarray
    atoms: Bins


def some_data(seed, kind, *, binned=False):
    rng = np.random.default_rng(seed)
    values = some_values(rng, kind)
    weights = some_weights(rng, len(values))
    if not binned:
        pair = np.stack([weights, np.zeros(len(values))])
        atoms = make_distinct_bins(values, np.ones(len(values), np.int64), pair)
        return Data(values, weights, np.arange(len(values)), atoms)
    starts = np.flatnonzero(np.append(True, rng.random(len(values) - 1) < 0.6))
    return Data(values, weights, starts, bins(rng, values, weights, starts))


def bins(rng, values, weights, starts):
    """Atoms of neighbouring values: sums about the mean, squares not known, limits wider or not."""
    stops = np.append(starts[1:], len(values))
    low, high = values[starts], values[stops - 1]
    spare = 0.4 * (np.append(low[1:], high[-1]) - high)
    high = np.where(stops - starts > 1, high + spare * rng.integers(0, 2, len(starts)), high)
    part = np.repeat(np.arange(len(starts)), stops - starts)
    with np.errstate(under="ignore"):
        base = np.add.reduceat(values * weights, starts) / np.add.reduceat(weights, starts)
    base = np.clip(np.where(low == high, low, base), low, high)
    sums = naive.sum_around_centres(values, weights, part, base)
    pairs = [[*double(sums[p][0]), *double(sums[p][1]), 0.0, 0.0] for p in range(len(starts))]
    columns = np.array(pairs).T.copy()
    return Bins(low, high, base, stops - starts, columns, low == high)


def double(number):
    """Give a fraction in double-double."""
    return float(number), float(number - Fraction(float(number)))


def layers_of(m, k):
    return [[0], *[list(range(1, m))] * (k - 1), [m]]


def optimal_positions(values, weights, k):
    """Find the least cost and, of each cut, every place that it has in some optimal partition."""
    m, costs = len(values), naive.segment_costs(values, weights)
    mirrored = {(m - i, m - j): cost for (j, i), cost in costs.items()}
    ahead, _ = naive.solve_layers(costs, layers_of(m, k))
    back, _ = naive.solve_layers(mirrored, layers_of(m, k))
    least = ahead[-1][-1]
    places = []
    for j in range(1, k):
        ways = [(i, ahead[j][i - 1], back[k - j][m - i - 1]) for i in range(1, m)]
        places.append([i for i, a, b in ways if a is not None and b is not None and a + b == least])
    return least, places


def inner_cost(data):
    """Sum the squares within atoms, which a search leaves out, exactly."""
    ends = [*data.starts.tolist(), len(data.values)]
    return naive.partition_cost(data.values, data.weights, ends)


def assert_kept(data, groups, places):
    """Hold that no place of a cut in an optimal partition was ruled out."""
    for layer, wanted in zip(groups.list_layers()[1:-1], places, strict=True):
        for place in wanted:
            atom = np.searchsorted(data.starts, place, side="right") - 1
            first, stop = layer
            assert ((first <= atom) & (atom < stop)).any(), (place, layer)


def true(number, search):
    """Give a cost of the scaled atoms in the units of the values."""
    return Fraction(float(number)) * Fraction(4) ** search.exponent


@pytest.fixture(autouse=True)
def small_rounds(monkeypatch):
    """Let few values take several rounds, and let thresholds be bounded for most of them."""
    monkeypatch.setattr(cut_pruner, "OUTLYING", 0.25)
    monkeypatch.setattr(cut_pruner, "FAR", 1.0)
    monkeypatch.setattr(cut_pruner, "EDGES", 6)
    monkeypatch.setattr(bins_module, "SPLIT", 4)


@pytest.mark.parametrize("binned", [False, True], ids=["distinct", "bins"])
@pytest.mark.parametrize("kind", KINDS)
@given(SEEDS, EVERY_K)
def test_no_cut_of_an_optimal_partition_is_ruled_out(kind, binned, seed, k):
    data = some_data(seed, kind, binned=binned)
    k = min(k, len(data.starts))
    least, places = optimal_positions(data.values, data.weights, k)
    search, inner = CutPruner(data.atoms), inner_cost(data)
    first, upper = search.first_round([k, 1])[k]
    assert_kept(data, first, places)
    groups, closer = search.prune(k, first, upper)
    assert_kept(data, groups, places)
    assert (groups.stop - groups.first <= 1).all()
    for bound in (upper, closer):
        assert true(bound + search._compute_margin(k, bound), search) >= least - inner
    if not binned:
        assert_kept(data, drop_dominated(search, groups), places)


@given(SEEDS, st.sampled_from(KINDS))
def test_several_k_share_the_first_round(seed, kind):
    data = some_data(seed, kind)
    search, ks = CutPruner(data.atoms), [2, 5, 3]
    for k, (groups, upper) in search.first_round(ks).items():
        _, places = optimal_positions(data.values, data.weights, k)
        assert_kept(data, groups, places)
        assert_kept(data, search.prune(k, groups, upper)[0], places)


@pytest.mark.parametrize("kind", KINDS)
@given(SEEDS, EVERY_K)
def test_the_best_is_a_partition_no_further_from_the_optimum_than_its_gap(kind, seed, k):
    data = some_data(seed, kind)
    k = min(k, len(data.values))
    search = CutPruner(data.atoms)
    groups, upper = search.prune(k, *search.first_round([k])[k])
    path, gap = search.find_best(k, groups, upper)
    assert (path[0], path[-1], len(path)) == (0, len(data.values), k + 1)
    assert (np.diff(path) > 0).all()
    assert all(at in first for at, (first, _) in zip(path, groups.list_layers(), strict=True))
    least, _ = naive.find_optimal_cuts(data.values, data.weights, k)
    cost = naive.partition_cost(data.values, data.weights, path.tolist())
    if np.isfinite(gap):
        assert cost - least <= Fraction(gap)


def random_edges(rng, m):
    """Cut the atoms into some groups of neighbours: a cut lies in one of them."""
    return np.concatenate(([0], np.flatnonzero(rng.random(m - 1) < 0.35) + 1, [m]))


def moved_cost(data, costs, groups, cuts):
    """Move cuts of values to the left edges of their groups; give the exact cost and the groups."""
    path, inside = [0], []
    for j, cut in enumerate(cuts[1:-1], start=1):
        atom = np.searchsorted(data.starts, cut, side="right") - 1
        layer = np.arange(groups.starts[j], groups.starts[j + 1])
        holds = (groups.first[layer] <= atom) & (atom < groups.stop[layer])
        group = layer[np.flatnonzero(holds)[0]]
        inside.append(group)
        path.append(int(data.starts[groups.first[group]]))
    path.append(len(data.values))
    return sum(costs[pair] for pair in itertools.pairwise(path)), inside


@pytest.mark.parametrize("windows", [False, True], ids=["widest D", "D of windows"])
@pytest.mark.parametrize("binned", [False, True], ids=["distinct", "bins"])
@given(SEEDS, st.sampled_from(KINDS[:-1]), EVERY_K)
def test_the_lemma(windows, binned, seed, kind, k):
    """Cuts moved to the left edges of their groups cost at most the sum of the slacks more."""
    data = some_data(seed, kind, binned=binned)
    k = min(k, len(data.values))
    rng = np.random.default_rng(seed)
    least, cuts = naive.find_optimal_cuts(data.values, data.weights, k)
    search, m = CutPruner(data.atoms), len(data.atoms.low)
    layers = [(np.array([0]), np.array([0])), (np.array([m]), np.array([m]))]
    edges = random_edges(rng, m)  # of all cuts: those that move stay in order
    for cut in cuts[1:-1]:
        atom = np.searchsorted(data.starts, cut, side="right") - 1
        at = np.searchsorted(edges, atom, side="right") - 1
        kept = np.arange(len(edges) - 1) == at
        if windows:
            kept |= rng.random(len(kept)) < 0.3
        layers.insert(-1, (edges[:-1][kept], edges[1:][kept]))
    groups = CandidateCuts.of(layers)
    bounds = search._bound_centroids(groups) if windows else search._bound_all_centroids()
    slack = search._bound_slack(groups, *bounds)
    costs = naive.segment_costs(data.values, data.weights)
    cost, inside = moved_cost(data, costs, groups, cuts)
    assert cost <= least + sum(true(slack[group], search) for group in inside)


def test_several_cuts_in_one_group():
    """All of {0, 1, 2} and {100} lies in one group: each of the three cuts brings its own slack."""
    values, ones = np.array([0.0, 1.0, 2.0, 100.0]), np.ones(4)
    atoms = make_distinct_bins(values, np.ones(4, np.int64), np.stack([ones, 0 * ones]))
    ends = [(np.array([p]), np.array([p])) for p in (0, 4)]
    groups = CandidateCuts.of([ends[0], *[(np.array([0]), np.array([4]))] * 3, ends[1]])
    search = CutPruner(atoms)
    slack = search._bound_slack(groups, *search._bound_all_centroids())
    moved = naive.segment_cost(values, ones, 0, 4)
    assert slack.sum() >= moved > 0  # the optimum costs 0
    assert slack[0] == slack[-1] == 0


def test_a_group_of_one_distinct_value_has_no_slack_and_a_bin_has():
    rng = np.random.default_rng(1)
    values, starts = np.array([0.0, 1.0, 2.0, 3.0]), np.array([0, 1, 3])
    search = CutPruner(bins(rng, values, np.ones(4), starts))
    groups = CandidateCuts(np.arange(3), np.arange(1, 4), np.array([0, 3]))
    slack = search._bound_slack(groups, *search._bound_all_centroids())
    assert (slack > 0).tolist() == [False, True, False]


@given(SEEDS, st.sampled_from(KINDS[:-1]))
def test_centroids_beside_a_cut_lie_within_the_bounds(seed, kind):
    """Of the optimal partition, whatever else the windows hold."""
    data, k = some_data(seed, kind), 4
    _, cuts = naive.find_optimal_cuts(data.values, data.weights, k)
    rng, m = np.random.default_rng(seed), len(data.values)
    layers = [(np.array([0]), np.array([0])), (np.array([m]), np.array([m]))]
    for cut in cuts[1:-1]:
        kept = rng.random(m) < 0.2
        kept[[0, cut]] = False, True
        layers.insert(-1, (np.flatnonzero(kept), np.flatnonzero(kept) + 1))
    groups, search = CandidateCuts.of(layers), CutPruner(data.atoms)
    left, right, threshold = search._bound_centroids(groups)
    centre = naive.as_fractions([data.values[m // 2]])[0]
    sums = naive.accumulate_moments(data.values, data.weights, 0)
    means = [(sums[b][1] - sums[a][1]) / (sums[b][0] - sums[a][0]) for a, b in pairs(cuts)]
    for j in range(1, k):
        here = groups.cut == j
        doubt = Fraction(2.0**-50) * (abs(means[j - 1] - centre) + abs(means[j] - centre))
        assert all(x <= means[j - 1] - centre + doubt for x in naive.as_fractions(left[here]))
        assert all(x >= means[j] - centre - doubt for x in naive.as_fractions(right[here]))
        half = (means[j - 1] + means[j]) / 2 - centre - doubt
        assert all(x >= half for x in naive.as_fractions(threshold[here]))


def test_a_group_above_the_threshold_has_no_slack():
    """An outlier is a cluster of its own, so no value near the others moves to it."""
    rng = np.random.default_rng(1)
    values, starts = np.array([-1e30, 0.0, 1.0, 2.0, 3.0]), np.array([0, 1, 3])
    search = CutPruner(bins(rng, values, np.ones(5), starts))
    layers = [(np.array([p]), np.array([q])) for p, q in ((0, 0), (1, 2), (2, 3), (3, 3))]
    groups = CandidateCuts.of(layers)
    slack = search._bound_slack(groups, *search._bound_centroids(groups))
    assert (slack > 0).tolist() == [False, False, True, False]
    assert search._bound_slack(groups, *search._bound_all_centroids())[1] > 1e12


def pairs(items):
    return list(itertools.pairwise(items))


def test_near_ties_are_told_apart_in_double_double():
    """Costs that differ by some 2^-51 of themselves are one to float64."""
    for values, cut in (([-1.0, 0.0, 1 + 2.0**-51], 2), ([-1 - 2.0**-51, 0.0, 1.0], 1)):
        pair = np.stack([np.ones(3), np.zeros(3)])
        search = CutPruner(make_distinct_bins(np.array(values), np.ones(3, np.int64), pair))
        groups, _ = search.prune(2, *search.first_round([2])[2])
        assert len(groups.first) == 4
        assert drop_dominated(search, groups).first.tolist() == [0, cut, 3]


def test_rounds_leave_little_of_many_values(monkeypatch):
    """Bounds that rule nothing out lose nothing either: these rule out almost all."""
    monkeypatch.setattr(cut_pruner, "EDGES", 64)
    values = np.sort(np.random.default_rng(2).normal(size=400))
    pair = np.stack([np.ones(400), np.zeros(400)])
    search = CutPruner(make_distinct_bins(values, np.ones(400, np.int64), pair))
    for k, found in search.first_round([2, 3, 5]).items():
        assert len(found[0].first) < 64 * k / 2
        assert search.prune(k, *found)[0].is_unique()


def three_cuts():
    """Groups of k = 3: cut 1 in atoms 2-4 or 6-9, cut 2 in atoms 5-9."""
    ends = [(np.array([p]), np.array([p])) for p in (0, 10)]
    return CandidateCuts.of([
        ends[0], (np.array([2, 6]), np.array([5, 10])), (np.array([5]), np.array([10])), ends[1],
    ])  # fmt: skip


def as_lists(groups):
    return [(first.tolist(), stop.tolist()) for first, stop in groups.list_layers()]


def test_groups_are_joined_and_given_apart_again():
    groups = three_cuts()
    assert groups.starts.tolist() == [0, 1, 3, 4, 5]
    assert groups.cut.tolist() == [0, 1, 1, 2, 3]
    assert as_lists(CandidateCuts.of(groups.list_layers())) == as_lists(groups)
    assert groups.count_pairs() == 1 * 2 + 2 * 1 + 1 * 1


def test_groups_can_be_dropped():
    kept = three_cuts().keep(np.array([True, False, True, True, True]))
    assert as_lists(kept) == [([0], [0]), ([6], [10]), ([5], [10]), ([10], [10])]
    assert not kept.is_unique()  # cut 2 before cut 1
    assert not three_cuts().is_unique()


@pytest.mark.parametrize(
    ("positions", "unique"), [([0, 2, 5, 9], True), ([0, 5, 5, 9], False), ([0, 6, 5, 9], False)]
)
def test_cuts_are_unique_where_each_has_one_place_above_the_last(positions, unique):
    groups = CandidateCuts.of([(np.array([p]), np.array([p + 1])) for p in positions])
    assert groups.is_unique() is unique


@given(SEEDS, st.sampled_from([2, 4, 96]))
def test_finer_groups_hold_the_same_atoms(seed, split):
    rng = np.random.default_rng(seed)
    layers = []
    for _ in range(4):
        edges = np.flatnonzero(rng.random(60) < 0.2)
        layers.append((edges[:-1], edges[1:]) if len(edges) > 1 else ([3], [40]))
    layers = [tuple(np.asarray(part, np.int64) for part in layer) for layer in layers]
    groups = CandidateCuts.of(layers)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bins_module, "SPLIT", split)
        finer = groups.split()
    for (first, stop), (fine, end) in zip(layers, finer.list_layers(), strict=True):
        assert atoms_in(first, stop) == atoms_in(fine, end)
        assert (end > fine).all()
        assert np.isin(first, fine).all()
        assert len(fine) >= np.minimum(stop - first, 2).sum()
        assert len(fine) <= max(split * len(layers), 2 * len(first))


def atoms_in(first, stop):
    return [atom for a, b in zip(first, stop, strict=True) for atom in range(a, b)]


def test_ends_stay_as_they_are_in_finer_groups():
    finer = three_cuts().split()
    assert as_lists(finer)[0] == ([0], [0])
    assert as_lists(finer)[-1] == ([10], [10])


def test_groups_move_to_finer_atoms():
    def ones(values):
        values = np.array(values)
        pair = np.stack([np.ones(len(values)), np.zeros(len(values))])
        return make_distinct_bins(values, np.ones(len(values), np.int64), pair)

    old, new = ones(np.arange(10.0)), ones([0.0, 1, 2, 2.5, 3, 4, 5, 5.2, 5.4, 6, 7, 8, 9])
    moved = three_cuts().translate(old, new)
    assert as_lists(moved) == [([0], [0]), ([2, 9], [6, 13]), ([6], [13]), ([13], [13])]


@given(SEEDS)
def test_groups_of_all_cuts_stay_parts_of_one_partition(seed):
    """Cuts that move to the left edges of their groups stay in order only then."""
    rng, k = np.random.default_rng(seed), 4
    ends = [(np.array([p]), np.array([p])) for p in (0, 400)]
    every = np.arange(0, 400, 40), np.arange(40, 401, 40)
    groups = CandidateCuts.of([ends[0], *[every] * (k - 1), ends[1]])
    while (groups.stop - groups.first > 1).any():
        kept = rng.random(len(groups.first)) < rng.choice([0.05, 0.5, 1.0], k + 1)[groups.cut]
        kept[groups.starts[:-1]] = True
        groups = groups.keep(kept).split()
        parts = np.unique(np.stack([groups.first, groups.stop])[:, 1:-1], axis=1)
        assert (parts[0, 1:] >= parts[1, :-1]).all()
