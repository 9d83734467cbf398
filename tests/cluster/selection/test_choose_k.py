"""Choosing k: the best of the scores, and what cannot be compared."""

import pickle

import numpy as np
import pytest

from fastkm.cluster.selection.choose_k import CRITERIA, TENDENCIES, Choice, choose_k
from tests.cluster.selection.test_criteria_1d import binned_results, result_of, results_of


def test_no_criterion_depends_on_the_order_of_k():
    values = np.random.default_rng(3).normal(size=60)
    results = results_of(values, [[], [0], [-1, 1], [-1, 0, 1]])
    for criterion in CRITERIA:
        backwards = choose_k(dict(reversed(results.items())), criterion)
        assert backwards == choose_k(results, criterion)


@pytest.mark.parametrize("criterion", CRITERIA)
def test_three_heaps_are_three_clusters(criterion):
    heaps = np.random.default_rng(4).normal([[0], [50], [100]], 1, (3, 100)).ravel()
    tails = [[1.5, 25, 75], [1.5, 25, 51.5, 75], [1.5, 25, 51.5, 75, 101.5]]
    cuts = [[], [25], [25, 75], *tails]
    choice = choose_k(results_of(heaps, cuts), criterion)
    assert choice.k == 3
    assert choice.criterion == criterion
    best = min if choice.lower_is_better else max
    assert best(choice.scores, key=choice.scores.get) == 3
    assert set(choice.errors.values()) == {0.0}


def test_bic_is_lower_for_better_clusters_and_the_others_are_higher():
    results = results_of([0.0, 1, 2, 50, 51, 52], [[], [25]])
    for criterion in ("bic", "calinski_harabasz", "silhouette"):
        assert choose_k(results, criterion).lower_is_better == (criterion == "bic")
    scores = choose_k(results, "bic").scores
    assert scores[2] < scores[1]


def test_equal_scores_go_to_the_fewer_clusters():
    same = results_of([0.0, 0, 1, 1, 9, 9], [[5]])[2]
    for criterion in ("silhouette", "bic", "calinski_harabasz"):
        assert choose_k(dict.fromkeys((5, 3, 4), same), criterion).k == 3


@pytest.mark.parametrize(
    ("criterion", "left_out"),
    [("silhouette", (1,)), ("calinski_harabasz", (1, 4)), ("bic", (4,)), ("elbow", ())],
)
def test_undefined_scores_are_left_out_and_named(criterion, left_out):
    results = results_of([0.0, 1, 5, 9], [[], [3], [3, 7], [0.5, 3, 7]])
    choice = choose_k(results, criterion)
    assert choice.left_out == left_out
    assert set(choice.scores) == set(choice.errors) == {1, 2, 3, 4} - set(left_out)
    assert repr(choice).count("undefined") == len(left_out)
    assert "nan" not in repr(choice)


def test_repr_shows_every_score():
    choice = Choice(3, "silhouette", {2: 0.5, 3: 0.75}, {2: 0.0, 3: 1e-5}, (1,))
    assert repr(choice).splitlines() == [
        "Choice: k = 3 by silhouette",
        "  k = 2              0.5",
        "  k = 3             0.75 ± 1e-05  <- chosen",
        "  k = 1        undefined",
    ]


def test_each_criterion_is_explained():
    assert set(TENDENCIES) == set(CRITERIA)
    for criterion, sentence in TENDENCIES.items():
        assert sentence.startswith(criterion)


def test_what_is_not_results_is_refused():
    results = results_of([0.0, 1, 5, 9], [[3], [3, 7]])
    with pytest.raises(
        TypeError, match="got KMeans1D: call kmeans1d or cluster_raster with several k"
    ):
        choose_k(results[2])
    with pytest.raises(TypeError, match="dict of KMeans1D or RasterClusters by k, got list"):
        choose_k(list(results.values()))
    with pytest.raises(
        TypeError, match="dict of KMeans1D or RasterClusters by k, got a dict with str for k = 2"
    ):
        choose_k({2: "two"})
    with pytest.raises(ValueError, match="got none"):
        choose_k({})


def test_results_without_values_are_refused():
    values = [0.0, 1, 5, 9]
    loaded = {k: result_of(values, breaks, None) for k, breaks in ((2, [3]), (3, [3, 7]))}
    with pytest.raises(ValueError, match="one loaded from a file has no values"):
        choose_k(loaded)


def test_results_of_several_data_sets_are_refused():
    mixed = {**results_of([0.0, 1, 5], [[3]]), **results_of([0.0, 1, 5, 9], [[3, 7]])}
    with pytest.raises(ValueError, match="one call, got several data sets"):
        choose_k(mixed)


def test_unknown_criterion_is_refused():
    known = "silhouette, bic, calinski_harabasz, elbow, got 'gap'"
    with pytest.raises(ValueError, match=known):
        choose_k(results_of([0.0, 1, 5], [[3]]), "gap")


def test_elbow_needs_three_k():
    with pytest.raises(ValueError, match=r"elbow needs the inertia of at least three k, got 2, 3"):
        choose_k(results_of([0.0, 1, 5, 9], [[3], [3, 7]]), "elbow")


def test_no_k_with_a_score_is_an_error():
    with pytest.raises(ValueError, match=r"^silhouette is undefined for k = 1$"):
        choose_k(results_of([0.0, 1, 5, 9], [[]]))


def test_pickled_results_can_be_compared_still():
    binned, _ = binned_results(weighted=False)
    again = choose_k(pickle.loads(pickle.dumps(binned)))
    assert again.k == choose_k(binned).k
    assert min(again.errors.values()) > 0
