"""Scores of one feature: against an obvious twin, scikit-learn, and values hidden in bins."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import calinski_harabasz_score, silhouette_score

from fastkm import kmeans1d
from fastkm.cluster.exact.result import KMeans1D, Profile
from fastkm.cluster.selection.choose_k import CRITERIA, choose_k
from tests.codebooks import several_passes

# Results by hand: any partition will do, so none of these tests waits for the solver.


def profile_of(values, weights=None, edges=None):
    """Collect values by distinct value, or by bins with these edges."""
    values = np.asarray(values, np.float64)
    weights = np.ones(len(values)) if weights is None else np.asarray(weights, np.float64)
    if edges is None:
        middles, piece = np.unique(values, return_inverse=True)
        widths = np.zeros(len(middles))
    else:
        used, piece = np.unique(np.searchsorted(edges, values, side="left"), return_inverse=True)
        sums = np.bincount(piece, weights * (values - values[0]))
        middles = values[0] + sums / np.bincount(piece, weights)
        widths = np.diff(edges)[used - 1]
    return Profile(
        values=middles,
        weights=np.bincount(piece, weights),
        counts=np.bincount(piece),
        widths=widths,
    )


def result_of(values, breaks, profile, weights=None):
    """Measure the partition at these breaks."""
    values = np.asarray(values, np.float64)
    weights = np.ones(len(values)) if weights is None else np.asarray(weights, np.float64)
    label = np.searchsorted(breaks, values, side="left")
    k = len(breaks) + 1
    own = [label == j for j in range(k)]
    centroids = np.array(
        [values[m][0] + np.average(values[m] - values[m][0], weights=weights[m]) for m in own]
    )
    squares = weights * (values - centroids[label]) ** 2
    masses = np.bincount(label, weights)
    return KMeans1D(
        k=k,
        centroids=centroids,
        breaks=np.asarray(breaks, np.float64),
        counts=np.bincount(label),
        weights=masses,
        inertia=float(squares.sum()),
        gap=0.0,
        passes=1,
        ranges=np.array([[values[m].min(), values[m].max()] for m in own]),
        variances=np.bincount(label, squares) / masses,
        profile=profile,
    )


def results_of(values, cuts, weights=None, edges=None):
    """Give a result for each list of breaks."""
    profile = profile_of(values, weights, edges)
    return {len(breaks) + 1: result_of(values, breaks, profile, weights) for breaks in cuts}


def score_of(values, breaks, criterion, weights=None):
    choice = choose_k(results_of(values, [breaks], weights), criterion)
    return choice.scores[len(breaks) + 1]


# Twins.


def naive_silhouette(values, labels, weights=None):
    """Compare all pairs of cells."""
    values = np.asarray(values, np.float64)
    weights = np.ones(len(values)) if weights is None else np.asarray(weights, np.float64)
    total = 0.0
    for x, label, weight in zip(values, labels, weights, strict=True):
        means = {}
        for other in set(labels):
            own = labels == other
            means[other] = (weights[own] @ np.abs(values[own] - x)) / weights[own].sum()
        n = int((labels == label).sum())
        if n == 1:
            continue
        a = means.pop(label) * n / (n - 1)
        b = min(means.values())
        if max(a, b) > 0:
            total += weight * (b - a) / max(a, b)
    return total / weights.sum()


def naive_bic(values, labels):
    """Sum the logarithms of the point probabilities, as Pelleg and Moore define them."""
    values = np.asarray(values, np.float64)
    k, cells = len(set(labels)), len(values)
    means = {label: values[labels == label].mean() for label in set(labels)}
    squares = np.array([(x - means[j]) ** 2 for x, j in zip(values, labels, strict=True)])
    variance = squares.sum() / (cells - k)
    likelihood = 0.0
    for square, label in zip(squares, labels, strict=True):
        share = (labels == label).sum() / cells
        density = math.exp(-square / (2 * variance)) / math.sqrt(2 * math.pi * variance)
        likelihood += math.log(share) + math.log(density)
    return -2 * likelihood + ((k - 1) + k + 1) * math.log(cells)


@st.composite
def partitions(draw, most=40, least_clusters=2):
    """Draw values with repeats, in any order, and breaks between some of them."""
    numbers = st.integers(-30, 30) | st.integers(-3, 3)
    values = draw(st.lists(numbers, min_size=3, max_size=most))
    distinct = sorted(set(values))
    assume(len(distinct) > 1)
    lower = st.sampled_from(distinct[:-1])
    chosen = draw(st.sets(lower, min_size=least_clusters - 1, max_size=5))
    return np.array(values, np.float64) / 4, np.sort([b / 4 for b in chosen])


def labels_of(values, breaks):
    return np.searchsorted(breaks, values, side="left")


# Scores.


@given(partitions())
def test_silhouette_compares_all_pairs(case):
    values, breaks = case
    expected = naive_silhouette(values, labels_of(values, breaks))
    assert score_of(values, breaks, "silhouette") == pytest.approx(expected, abs=1e-13)


@given(partitions(), st.data())
def test_silhouette_counts_a_cell_by_its_weight(case, data):
    values, breaks = case
    weights = np.array([data.draw(st.sampled_from([0.25, 1, 3.5, 100])) for _ in values])
    expected = naive_silhouette(values, labels_of(values, breaks), weights)
    assert score_of(values, breaks, "silhouette", weights) == pytest.approx(expected, abs=1e-12)


@given(partitions(), st.sampled_from([1e-3, 0.7, 1.0, 1e12]))
def test_scores_of_equal_weights_are_scikit_learns(case, weight):
    values, breaks = case
    labels = labels_of(values, breaks)
    assume(len(breaks) + 1 < len(values))
    weights = np.full(len(values), weight)
    for given_weights in (None, weights):
        score = score_of(values, breaks, "silhouette", given_weights)
        assert score == pytest.approx(silhouette_score(values[:, None], labels), abs=1e-12)
        score = score_of(values, breaks, "calinski_harabasz", given_weights)
        if math.isfinite(score):
            expected = calinski_harabasz_score(values[:, None], labels)
            assert score == pytest.approx(expected, rel=1e-10)
        else:
            assert len(set(values)) == len(breaks) + 1


@given(partitions(least_clusters=1))
def test_bic_sums_point_probabilities(case):
    values, breaks = case
    assume(len(set(values)) > len(breaks) + 1)
    expected = naive_bic(values, labels_of(values, breaks))
    assert score_of(values, breaks, "bic") == pytest.approx(expected, rel=1e-12, abs=1e-10)


@pytest.mark.parametrize("criterion", CRITERIA)
def test_unit_of_weights_changes_nothing(criterion):
    random = np.random.default_rng(1)
    values, weights = random.normal(0, 5, 300), random.uniform(0.1, 1, 300)
    cuts = [[], [0], [-2, 2], [-3, 0, 3]]
    one, other = (
        choose_k(results_of(values, cuts, unit * weights), criterion) for unit in (1.0, 1e6)
    )
    assert one.k == other.k
    assert list(one.scores.values()) == pytest.approx(list(other.scores.values()), rel=1e-12)


@pytest.mark.parametrize("criterion", ["silhouette", "calinski_harabasz"])
def test_weights_weigh(criterion):
    values, weights = np.array([0.0, 1, 2, 9, 10, 14]), np.array([1.0, 5, 1, 8, 2, 1])
    weighted = score_of(values, [5], criterion, weights)
    assert abs(weighted - score_of(values, [5], criterion)) > 0.01


def test_weighted_calinski_harabasz_divides_weighted_variances():
    values, weights = np.array([0.0, 1, 2, 9, 10, 14]), np.array([1.0, 5, 1, 8, 2, 1])
    low, high = np.average(values[:3], weights=weights[:3]), np.average(
        values[3:], weights=weights[3:]
    )  # fmt: skip
    middle = np.average(values, weights=weights)
    between = 7 * (low - middle) ** 2 + 11 * (high - middle) ** 2
    within = weights[:3] @ (values[:3] - low) ** 2 + weights[3:] @ (values[3:] - high) ** 2
    score = score_of(values, [5], "calinski_harabasz", weights)
    assert score == pytest.approx(between / within * (6 - 2) / (2 - 1))


@pytest.mark.parametrize("criterion", ["silhouette", "calinski_harabasz"])
@pytest.mark.parametrize("offset", [1e9, -1e9])
def test_offset_costs_no_digits(criterion, offset):
    random = np.random.default_rng(2)
    values = np.round(random.normal([[0], [4], [7]], 1, (3, 80)).ravel() * 2**20) / 2**20
    labels = labels_of(values, [2, 5.5])
    twin = {"silhouette": silhouette_score, "calinski_harabasz": calinski_harabasz_score}
    expected = twin[criterion](values[:, None], labels)
    score = score_of(values + offset, np.array([2, 5.5]) + offset, criterion)
    assert score == pytest.approx(expected, rel=1e-7 if criterion[0] == "c" else 1e-12)


def test_far_outlier_costs_no_digits():
    values = np.array([0.0, 0.25, 1.0, 5.0, 5.5, 6.0, 1e12, 2e12])
    breaks = [2.0, 7.0]
    expected = naive_silhouette(values, labels_of(values, breaks))
    assert score_of(values, breaks, "silhouette") == pytest.approx(expected, abs=1e-15)
    mirrored = score_of(-values, [-6.5, -3.0], "silhouette")
    assert mirrored == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("scale", [2.0**1019, 2.0**-1060], ids=["huge", "denormal"])
def test_extreme_magnitudes_do_not_matter(scale):
    values = np.array([-5.0, -4, -1, 3, 4, 9])
    plain = score_of(values, [0], "silhouette")
    with np.errstate(over="ignore", under="ignore"):
        results = results_of(values * scale, [[0]])
    assert choose_k(results).scores[2] == pytest.approx(plain, abs=1e-15)


def test_cells_alone_in_their_cluster_count_as_nothing():
    assert score_of([0.0, 1, 10], [0.5, 5], "silhouette") == 0
    labels = np.array([0, 0, 1])
    assert score_of([0.0, 1, 10], [5], "silhouette") == naive_silhouette([0, 1, 10], labels)


# What is chosen.


def test_perfect_fit_is_infinitely_good():
    values = [1.0] * 5 + [2.0] * 5 + [9.0] * 5
    results = results_of(values, [[], [5], [1.5, 5]])
    for criterion in ("bic", "calinski_harabasz"):
        choice = choose_k(results, criterion)
        assert choice.k == 3
        assert choice.scores[3] == (-math.inf if choice.lower_is_better else math.inf)
        assert choice.errors[3] == 0


def test_elbow_is_farthest_below_the_chord():
    results = results_of([0.0, 1, 10, 11, 40, 42], [[], [20], [5, 20], [0.5, 5, 20, 41]])
    choice = choose_k(results, "elbow")
    one, two, three, five = (results[k].inertia for k in (1, 2, 3, 5))
    assert choice.k == 2
    assert choice.scores[1] == choice.scores[5] == 0
    fall = one - five
    assert choice.scores[2] == pytest.approx((one - fall / 4 - two) / fall)
    assert choice.scores[3] == pytest.approx((one - fall / 2 - three) / fall)


def test_inertia_beyond_float64_is_left_out():
    values = np.array([-1e200, 0, 1e200, 1.1e200])
    with np.errstate(over="ignore"):
        results = results_of(values, [[-1e199], [-1e199, 5e199]])
    assert set(choose_k(results).scores) == {2, 3}
    with pytest.raises(ValueError, match=r"^bic is undefined for k = 2, 3$"):
        choose_k(results, "bic")
    with pytest.raises(ValueError, match="at least three k"):
        choose_k(results, "elbow")


# Bounds: the values of a bin may lie anywhere in it.


@st.composite
def hidden(draw):
    """Draw bins, values in them, weights, and breaks among the edges of the bins."""
    edges = np.array(sorted(draw(st.sets(st.integers(0, 40), min_size=3, max_size=12)))) / 1.0
    number = st.integers(0, 64)
    values, occupied = [], []
    for low, high in pairwise(edges):
        inside = draw(st.lists(number, max_size=4))
        values += [low + (high - low) * max(part, 1) / 64 for part in inside]
        occupied += [high] * bool(inside)
    assume(len(occupied) > 1)
    breaks = draw(st.sets(st.sampled_from(occupied[:-1]), min_size=1, max_size=4))
    weights = [draw(st.sampled_from([0.5, 1.0, 20.0])) for _ in values]
    return np.array(values), np.array(weights), edges, np.array(sorted(breaks))


@given(hidden())
def test_error_bounds_hold_for_values_anywhere_in_their_bins(case):
    values, weights, edges, breaks = case
    choice = choose_k(results_of(values, [breaks], weights, edges))
    (k,) = choice.scores
    expected = naive_silhouette(values, labels_of(values, breaks), weights)
    assert abs(choice.scores[k] - expected) <= choice.errors[k] + 1e-13


@pytest.mark.parametrize("criterion", ["bic", "calinski_harabasz", "elbow"])
def test_other_scores_are_known_exactly_from_bins(criterion):
    values = np.random.default_rng(5).gamma(3, 8, 500)
    edges = np.arange(0, 129.0, 1)
    cuts = [[20], [15, 30], [10, 20, 30]]
    binned = choose_k(results_of(values, cuts, edges=edges), criterion)
    exact = choose_k(results_of(values, cuts), criterion)
    assert set(binned.errors.values()) == {0.0}
    assert list(binned.scores.values()) == pytest.approx(list(exact.scores.values()), rel=1e-12)


def test_error_falls_with_the_square_of_the_width():
    values = np.random.default_rng(6).gamma(3, 8, 20_000)
    exact = choose_k(results_of(values, [[25.0]])).scores[2]
    errors = []
    for bins in (128, 1024):
        edges = np.linspace(0, 200, bins + 1)
        choice = choose_k(results_of(values, [[25.0]], edges=edges))
        assert abs(choice.scores[2] - exact) <= choice.errors[2]
        errors.append(choice.errors[2])
    assert errors[1] < errors[0] / 32
    assert errors[1] < 5e-4


def test_single_cells_of_wide_bins_are_known():
    choice = choose_k(results_of([0.5, 3.5, 8.5], [[5.0]], edges=np.arange(10.0)))
    assert choice.errors == {2: 0.0}


# What is refused.


def binned_results(weighted):
    """Results in whose profile several distinct values share a piece, and exact ones."""
    rng = np.random.default_rng(5)
    values = np.round(rng.normal(size=300), 2)
    weights = rng.uniform(0.1, 1, 300) if weighted else None
    exact = kmeans1d(values, range(2, 5), weights=weights)
    with several_passes():
        binned = kmeans1d(values, range(2, 5), weights=weights)
    assert binned[2].profile.widths.any()
    return binned, exact


@pytest.mark.parametrize("weighted", [False, True])
def test_distinct_values_are_counted_where_the_profile_has_bins(weighted):
    binned, exact = binned_results(weighted)
    got, wanted = choose_k(binned), choose_k(exact)
    assert got.errors == {2: 0.0, 3: 0.0, 4: 0.0}
    assert got.scores == pytest.approx(wanted.scores, rel=1e-13)


def test_of_too_many_distinct_values_the_error_is_bounded(monkeypatch):
    monkeypatch.setattr("fastkm.cluster.exact.collectors.MAX_DISTINCT", 20)
    binned, exact = binned_results(weighted=False)
    got, wanted = choose_k(binned), choose_k(exact)
    for k, error in got.errors.items():
        assert 0 < error < 0.1
        assert abs(got.scores[k] - wanted.scores[k]) <= error
