"""Criteria of several features against scikit-learn, naive sums, and one dimension."""

import math

import numpy as np
import pytest
from sklearn.metrics import calinski_harabasz_score, silhouette_score

from fastkm.cluster.selection import criteria_nd
from fastkm.cluster.selection.choose_k import choose_k
from fastkm.cluster.selection.criteria import bic
from fastkm.cluster.selection.criteria_nd import Partition, calinski_harabasz, draw_sample


class Rows:
    def __init__(self, rows, weights=None):
        self.rows, self.weights = np.asarray(rows, float), weights

    def gather(self):
        return self.rows, self.weights


def partition_of(data, labels):
    labels = np.asarray(labels)
    k = labels.max() + 1
    w = np.ones(len(labels)) if data.weights is None else data.weights
    centroids = np.array(
        [np.average(data.rows[labels == j], axis=0, weights=w[labels == j]) for j in range(k)]
    )
    inertia = float((w * ((data.rows - centroids[labels]) ** 2).sum(axis=1)).sum())
    masses = np.bincount(labels, w)
    return Partition(k, np.bincount(labels), masses, inertia, centroids, lambda: labels, data)


def blobs(n=90, d=3, k=3, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % k
    return rng.normal(0, 1, (n, d)) + 3.0 * labels[:, None], labels


def chosen(data, labelled, criterion):
    return choose_k({max(labels) + 1: Wrapped(data, labels) for labels in labelled}, criterion)


class Wrapped:
    """What choose_k accepts: an object that knows what the criteria need."""

    def __init__(self, data, labels):
        self.own = partition_of(data, labels)

    def for_selection(self):
        return self.own


@pytest.mark.parametrize("chunk", [7, 2048])
@pytest.mark.parametrize("k", [2, 3, 5])
def test_silhouette_of_all_cells_is_scikit_learns(monkeypatch, chunk, k):
    monkeypatch.setattr(criteria_nd, "CHUNK", chunk)
    rows, labels = blobs(k=k)
    labels[0] = (labels[0] + 1) % k
    choice = chosen(Rows(rows), [labels], "silhouette")
    assert choice.scores[k] == pytest.approx(silhouette_score(rows, labels), abs=1e-12)
    assert choice.errors[k] == 0


def test_several_k_are_scored_together():
    rows, labels = blobs()
    merged = np.minimum(labels, 1)
    choice = chosen(Rows(rows), [merged, labels], "silhouette")
    assert choice.k == 3
    for own in (merged, labels):
        expected = silhouette_score(rows, own)
        assert choice.scores[max(own) + 1] == pytest.approx(expected, abs=1e-12)


def test_one_cluster_has_no_silhouette():
    rows, labels = blobs()
    choice = chosen(Rows(rows), [np.zeros(len(rows), int), labels], "silhouette")
    assert choice.left_out == (1,)
    with pytest.raises(ValueError, match="undefined for k = 1"):
        chosen(Rows(rows), [np.zeros(len(rows), int)], "silhouette")


def test_cell_alone_has_silhouette_zero():
    rows = np.array([[0.0, 0], [0, 1], [9, 9]])
    choice = chosen(Rows(rows), [np.array([0, 0, 1])], "silhouette")
    assert choice.scores[2] == pytest.approx(silhouette_score(rows, [0, 0, 1]))


def test_equal_cells_have_silhouette_zero():
    rows = np.zeros((4, 2))
    choice = chosen(Rows(rows), [np.array([0, 0, 1, 1])], "silhouette")
    assert choice.scores[2] == 0


def naive_weighted(rows, weights, labels):
    total = 0.0
    for i, x in enumerate(rows):
        n = (labels == labels[i]).sum()
        if n == 1:
            continue
        distance = np.sqrt(((rows - x) ** 2).sum(axis=1))
        means = {
            j: np.average(distance[labels == j], weights=weights[labels == j]) for j in set(labels)
        }
        a = means.pop(labels[i]) / (1 - 1 / n)
        b = min(means.values())
        total += weights[i] * (b - a) / max(a, b)
    return total / weights.sum()


def test_weighted_cells_count_by_their_weight():
    rows, labels = blobs(30)
    weights = np.random.default_rng(1).random(30) + 0.1
    choice = chosen(Rows(rows, weights), [labels], "silhouette")
    expected = naive_weighted(rows, weights, labels)
    assert choice.scores[3] == pytest.approx(expected, abs=1e-12)
    equal = chosen(Rows(rows, np.full(30, 7.0)), [labels], "silhouette")
    assert equal.scores[3] == pytest.approx(silhouette_score(rows, labels), abs=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
def test_sample_estimates_the_mean_within_its_error(monkeypatch, weighted):
    monkeypatch.setattr(criteria_nd, "SAMPLE", 60)
    rows, labels = blobs(400, d=2)
    weights = np.random.default_rng(2).random(400) + 0.1 if weighted else None
    choice = chosen(Rows(rows, weights), [labels], "silhouette")
    exact = naive_weighted(rows, np.ones(400) if weights is None else weights, labels)
    assert 0 < choice.errors[3] < 0.2
    assert abs(choice.scores[3] - exact) <= choice.errors[3]
    again = chosen(Rows(rows, weights), [labels], "silhouette")
    assert again.scores == choice.scores


def test_sample_is_spread_evenly_and_by_weight():
    cells, shares = draw_sample(100_000, None)
    assert len(set(cells // 100)) == len(cells) == 1000
    assert shares.sum() == pytest.approx(1)
    weights = np.where(np.arange(5000) < 500, 9.0, 1.0)
    cells, _ = draw_sample(5000, weights)
    assert (cells < 500).sum() == 500
    assert cells.max() < 5000
    few, shares = draw_sample(4, np.array([1.0, 1, 0, 2]))
    assert few.tolist() == [0, 1, 2, 3]
    assert shares.tolist() == [0.25, 0.25, 0, 0.5]


@pytest.mark.parametrize("k", [2, 4])
def test_calinski_harabasz_is_scikit_learns(k):
    rows, labels = blobs(k=k)
    choice = chosen(Rows(rows), [labels], "calinski_harabasz")
    assert choice.scores[k] == pytest.approx(calinski_harabasz_score(rows, labels))
    heavy = chosen(Rows(rows, np.full(len(rows), 5.0)), [labels], "calinski_harabasz")
    assert heavy.scores[k] == pytest.approx(choice.scores[k])


def test_bic_is_the_sum_of_point_probabilities():
    rows, labels = blobs(d=2)
    own = partition_of(Rows(rows), labels)
    n, d, k = *rows.shape, 3
    variance = own.inertia / (d * (n - k))
    likelihood = 0.0
    for x, label in zip(rows, labels, strict=True):
        square = ((x - own.centroids[label]) ** 2).sum()
        likelihood += math.log((labels == label).sum() / n)
        likelihood += -square / (2 * variance) - d / 2 * math.log(2 * math.pi * variance)
    expected = -2 * likelihood + (k - 1 + d * k + 1) * math.log(n)
    assert bic(own)[0] == pytest.approx(expected)
    heavy = partition_of(Rows(rows, np.full(n, 3.0)), labels)
    assert bic(heavy)[0] == pytest.approx(expected)


def test_criteria_find_three_groups():
    rows, labels = blobs()
    four = labels.copy()
    four[(labels == 0) & (rows[:, 0] > 0)] = 3
    labelled = [np.zeros(90, int), np.minimum(labels, 1), labels, four]
    for criterion in ("silhouette", "bic", "calinski_harabasz", "elbow"):
        assert chosen(Rows(rows), labelled, criterion).k in {2, 3}
    assert chosen(Rows(rows), labelled, "bic").k == 3


def test_perfect_fits_and_single_cells():
    rows = np.repeat(np.eye(2), 3, axis=0)
    perfect = partition_of(Rows(rows), np.repeat([0, 1], 3))
    assert -bic(perfect)[0] == calinski_harabasz(perfect)[0] == math.inf
    each = partition_of(Rows(np.eye(2)), [0, 1])
    assert bic(each) is None
    assert calinski_harabasz(each) is None


def test_several_data_sets_are_refused():
    rows, labels = blobs()
    mixed = {2: Wrapped(Rows(rows), np.minimum(labels, 1)), 3: Wrapped(Rows(rows), labels)}
    with pytest.raises(ValueError, match="one call, got several data sets"):
        choose_k(mixed)
    with pytest.raises(TypeError, match=r"by k, got Wrapped: call .* with several k"):
        choose_k(mixed[2])
