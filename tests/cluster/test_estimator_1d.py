"""The optimum of one feature, beside kmeans1d and brute force."""

import numpy as np
import pytest

import fastkm
from fastkm.cluster.estimator_1d import find_optimum, label_by_breaks

VALUES = np.random.default_rng(2).normal(0, 5, 60)


@pytest.mark.parametrize("dtype", ["f8", "f4", "f2", "i8", "u1", "?"])
def test_it_is_what_kmeans1d_finds(dtype):
    values = np.abs(VALUES).astype(dtype)
    k = min(4, len(np.unique(values)))
    found, _ = find_optimum(values, k)
    best = fastkm.kmeans1d(values, k)
    np.testing.assert_array_equal(found.centroids[:, 0], best.centroids)
    np.testing.assert_array_equal(found.labels, best.predict(values))
    assert found.labels.dtype == np.int32
    assert (found.inertia, found.iterations) == (best.inertia, 1)


def test_weights_count():
    weights = np.arange(60.0) % 4
    found, _ = find_optimum(VALUES, 3, weights=weights)
    repeated, _ = find_optimum(np.repeat(VALUES, weights.astype(int)), 3)
    np.testing.assert_allclose(found.centroids, repeated.centroids, rtol=1e-14)
    assert found.inertia == pytest.approx(repeated.inertia, rel=1e-14)


def test_distinct_values_that_are_too_few_are_a_cluster_each():
    found, breaks = find_optimum(np.array([3, 1, 3, 1, 1]), 4)
    np.testing.assert_array_equal(found.centroids[:, 0], [1, 3, 3, 3])
    np.testing.assert_array_equal(found.labels, [1, 0, 1, 0, 0])
    np.testing.assert_array_equal(breaks, [2])
    assert found.inertia == 0


def test_values_of_no_weight_are_no_distinct_values_but_have_labels():
    found, _ = find_optimum(np.array([1.0, 2, 9]), 3, weights=np.array([1.0, 0, 1]))
    np.testing.assert_array_equal(found.centroids[:, 0], [1, 9, 9])
    np.testing.assert_array_equal(found.labels, [0, 0, 1])


def test_breaks_after_integers_serve_other_numbers():
    _, breaks = find_optimum(np.array([1, 2, 7, 9]), 2)  # centers 1.5 and 8
    np.testing.assert_array_equal(label_by_breaks(np.array([4.2, 4.75, 4.8]), breaks), [0, 0, 1])


@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_a_value_midway_between_two_centers_belongs_to_the_lower(dtype):
    values = np.array([-4, 0, 4, 6], dtype)  # centers -4, 0 and 5; -2 is midway
    found, breaks = find_optimum(values, 3)
    np.testing.assert_array_equal(found.centroids[:, 0], [-4, 0, 5])
    np.testing.assert_array_equal(label_by_breaks(np.array([-2, 2.5], dtype), breaks), [0, 1])


@pytest.mark.parametrize("offset", [0, 2**24, 1e9])
def test_breaks_give_the_partition_that_is_proven(offset):
    values = (np.round(VALUES * 2) / 2 + offset).astype("f4")
    for k in range(1, 9):
        if k <= len(np.unique(values)):
            found, _ = find_optimum(values, k)
            np.testing.assert_array_equal(found.labels, fastkm.kmeans1d(values, k).predict(values))


def test_integers_that_float64_cannot_hold_are_rounded():
    values = np.array([2**53 + 1, 2**53 + 3, -(2**62), 2**62 + 1])
    found, breaks = find_optimum(values, 3)
    np.testing.assert_array_equal(found.labels, [1, 1, 0, 2])
    np.testing.assert_array_equal(label_by_breaks(values, breaks), found.labels)


def test_threads_change_nothing():
    values = np.tile(VALUES, 40)
    one, two = find_optimum(values, 5, threads=1)[0], find_optimum(values, 5, threads=2)[0]
    for ours, theirs in zip(one, two, strict=True):
        np.testing.assert_array_equal(ours, theirs)
