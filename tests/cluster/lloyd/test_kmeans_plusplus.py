"""k-means++: scikit-learn's draws, and starts that are rows of weight."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import kmeans_plusplus as sklearn_kmeans_plusplus

from fastkm.cluster.lloyd import row_chunks as module
from fastkm.cluster.lloyd.kmeans_plusplus import kmeans_plusplus
from fastkm.cluster.lloyd.row_chunks import RowChunks
from tests.clouds import cloud, freeze
from tests.conftest import COMPILED

MANY = 1500 if COMPILED else 600


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch):
    monkeypatch.setattr(module, "MIN_ROWS", 256)
    monkeypatch.setattr(module, "MIN_NUMBERS", 1)
    monkeypatch.setattr(module, "MAX_ROWS", 256)


def starts(x, k, seed, weights=None, threads=None, shift=None):
    """Starts as they stand in the data, and the generator's state afterwards."""
    rng = np.random.RandomState(seed)
    shift = np.zeros(x.shape[1], RowChunks(x).dtype) if shift is None else shift
    weights = None if weights is None else freeze(np.asarray(weights, float))
    found = kmeans_plusplus(RowChunks(x), freeze(shift), k, rng, weights=weights, threads=threads)
    return found, rng.randint(2**31)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", ["mixture", "noise"])
@pytest.mark.parametrize("k", [1, 2, 5, 12])
def test_the_starts_are_scikit_learns_and_so_is_the_generator(kind, k, weighted):
    for seed in range(4 if COMPILED else 2):
        x = cloud(seed, kind, MANY, 3)
        weights = np.random.default_rng(seed).random(MANY) if weighted else None
        rng = np.random.RandomState(seed)
        wanted, _ = sklearn_kmeans_plusplus(x, k, sample_weight=weights, random_state=rng)
        found, following = starts(x, k, seed, weights)
        np.testing.assert_array_equal(found, wanted)
        assert following == rng.randint(2**31)


def test_starts_are_relative_to_the_shift():
    x = cloud(3, "lattice", 300, 3)
    shift = np.array([1.0, -2.0, 3.0])
    np.testing.assert_array_equal(starts(x, 4, 1, shift=shift)[0], starts(x, 4, 1)[0] - shift)


@given(st.integers(0, 2**32), st.integers(1, 8), st.sampled_from(["f4", "f8", "i2"]))
def test_starts_are_rows_and_different_while_there_are_enough(seed, k, dtype):
    x = cloud(seed, "lattice", 300, 3).astype(dtype)
    found = starts(x, k, seed % 2**32)[0]
    assert found.dtype == RowChunks(x).dtype
    assert len(np.unique(found, axis=0)) == k
    assert set(map(tuple, found)) <= set(map(tuple, x.astype(found.dtype)))


@pytest.mark.parametrize("distinct", [1, 2, 3])
def test_fewer_distinct_rows_than_starts_are_all_chosen(distinct):
    x = np.repeat(np.arange(distinct, dtype=float), 300)[:, None] * [1.0, 2.0]
    for seed in range(5):
        found = starts(x, 6, seed)[0]
        assert len(np.unique(found, axis=0)) == distinct


@pytest.mark.parametrize("k", [1, 4])
def test_rows_without_weight_are_never_chosen(k):
    x = cloud(5, "noise", 900, 3)
    weights = np.zeros(900)
    owners = [255, 256, 511, 512, 600, 899]  # at the borders of chunks
    weights[owners] = [1.0, 2.0, 0.1, 3.0, 1e-9, 5.0]
    for seed in range(10):
        found = starts(x, k, seed, weights)[0]
        assert set(map(tuple, found)) <= set(map(tuple, x[owners]))


def test_each_row_is_first_as_often_as_it_weighs():
    x = np.arange(3.0)[:, None]
    firsts = [starts(x, 1, seed, [1.0, 0.0, 3.0])[0].item() for seed in range(300)]
    assert firsts.count(1.0) == 0
    assert 45 <= firsts.count(0.0) <= 105
    evenly = [starts(x, 1, seed)[0].item() for seed in range(300)]
    assert min(evenly.count(v) for v in (0.0, 1.0, 2.0)) > 70


def test_the_least_of_all_draws_takes_no_row_without_weight():
    class Least:
        def random(self):
            return 0.0

    x = np.arange(4.0)[:, None]
    weights = freeze(np.array([0.0, 0.0, 1.0, 0.0]))
    assert kmeans_plusplus(RowChunks(x), freeze(np.zeros(1)), 1, Least(), weights=weights) == 2.0


@pytest.mark.parametrize("weighted", [False, True])
def test_no_number_of_threads_changes_a_start(weighted):
    x = cloud(8, "mixture", 1100, 3, "f4", "F")
    weights = np.random.default_rng(8).random(1100) if weighted else None
    results = [starts(x, 9, 3, weights, threads)[0] for threads in (1, 2, 3)]
    np.testing.assert_array_equal(results[1], results[0])
    np.testing.assert_array_equal(results[2], results[0])
