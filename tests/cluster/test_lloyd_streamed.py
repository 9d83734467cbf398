"""Lloyd's algorithm block by block: that of rows in memory, in any blocks to the bit."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastkm.cluster.fitting import nearest_rows
from fastkm.cluster.lloyd_streamed import lloyd_streamed
from fastkm.errors import ClusterError
from tests import naive


def clouds(seed=0, n=300, d=3, dtype="f8", offset=0.0):
    rng = np.random.default_rng(seed)
    centres = rng.uniform(-20, 20, (4, d))
    return (centres[rng.integers(0, 4, n)] + rng.normal(0, 2, (n, d)) + offset).astype(dtype)


def streamed(rows, k, cuts=(), *, weights=None, sample=None, **options):
    """Cluster rows that are cut into blocks at some places."""
    ends = [0, *cuts, len(rows)]

    def read(start, stop):
        return rows[start:stop], None if weights is None else weights[start:stop]

    some = (rows, weights) if sample is None else sample
    return lloyd_streamed(read, list(itertools.pairwise(ends)), k, sample=some, **options)


def same(one, other):
    return (
        one.centroids.tobytes() == other.centroids.tobytes()
        and one.inertia == other.inertia
        and one.counts.tolist() == other.counts.tolist()
        and one.weights.tolist() == other.weights.tolist()
        and one.iterations == other.iterations
    )


@given(
    st.lists(st.integers(0, 300), max_size=25).map(sorted),
    st.sampled_from(["f4", "f8"]),
    st.booleans(),
)
def test_blocks_change_no_bit(cuts, dtype, weighted) -> None:
    rows = clouds(dtype=dtype)
    weights = np.random.default_rng(1).uniform(0.1, 3, 300) if weighted else None
    assert same(streamed(rows, 4, cuts, weights=weights), streamed(rows, 4, weights=weights))


@given(st.integers(0, 20), st.integers(1, 4), st.integers(1, 5), st.sampled_from([0.0, 1e9]))
def test_it_ends_where_lloyd_in_memory_ends(seed, k, d, offset) -> None:
    rows = clouds(seed, d=d, offset=offset)
    found = streamed(rows, k, (100, 200), tol=0.0)
    again = naive.lloyd_steps(rows, found.centroids, np.ones(300), 1)
    np.testing.assert_allclose(again, found.centroids, rtol=0, atol=1e-9 * max(1, abs(rows).max()))


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("weighted", [False, True])
def test_counts_and_inertia_are_those_of_the_centroids(dtype, weighted) -> None:
    rows = clouds(3, dtype=dtype)
    weights = np.random.default_rng(1).uniform(0.1, 3, 300) if weighted else np.ones(300)
    found = streamed(rows, 4, (7, 50), weights=weights if weighted else None)
    labels = nearest_rows(rows, found.centroids).labels
    np.testing.assert_array_equal(found.counts, np.bincount(labels, minlength=4))
    np.testing.assert_allclose(found.weights, np.bincount(labels, weights, minlength=4))
    squares = ((rows.astype(float) - found.centroids[labels]) ** 2).sum(axis=1)
    assert found.inertia == pytest.approx(float(squares @ weights), rel=1e-10)


def test_inertia_never_rises() -> None:
    rows = np.random.default_rng(5).uniform(0, 1, (500, 2))
    inertias = [
        streamed(rows, 6, (250,), sample=(rows[:20], None), max_iter=m).inertia
        for m in range(1, 12)
    ]
    assert all(a >= b - 1e-12 for a, b in itertools.pairwise(inertias))
    assert inertias[-1] < inertias[0]


def test_clusters_are_in_order() -> None:
    found = streamed(clouds(7), 4)
    assert found.centroids[:, 0].tolist() == sorted(found.centroids[:, 0])


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_columns_are_divided_by_their_deviations(dtype) -> None:
    rows = clouds(2, dtype=dtype) * np.array([1, 100, 0.01], dtype)
    found = streamed(rows, 3, (11, 180), standardize=True)
    deviation = rows.astype(float).std(axis=0)
    np.testing.assert_allclose(found.scale, deviation, rtol=1e-9)
    plain = streamed((rows / found.scale.astype(dtype)).astype(dtype), 3)
    np.testing.assert_allclose(found.centroids, plain.centroids, rtol=1e-6)


def test_a_constant_column() -> None:
    rows = clouds(4)
    rows[:, 1] = 1 / 3
    for standardize in (False, True):
        found = streamed(rows, 3, (100,), standardize=standardize)
        np.testing.assert_allclose(found.centroids[:, 1], 1 / 3)
        assert np.isfinite(found.inertia)
    zeros = np.zeros((5, 2))
    zeros[:, 0] = range(5)
    assert streamed(zeros, 5).inertia == 0


def test_as_many_clusters_as_rows() -> None:
    rows = clouds(1, n=12)
    found = streamed(rows, 12, (5,))
    assert found.inertia == pytest.approx(0, abs=1e-20)
    assert found.counts.tolist() == [1] * 12


def test_a_sample_that_is_too_small_is_made_up_for() -> None:
    rows = clouds(1, n=60)
    found = streamed(rows, 4, (20, 20, 40), sample=(rows[:2], None))
    assert found.counts.sum() == 60
    assert same(found, streamed(rows, 4, sample=(rows[:2], None)))


def test_too_few_distinct_rows() -> None:
    rows = np.ones((6, 2))
    with pytest.raises(ClusterError, match=r"k = 2 .* distinct rows, 1"):
        streamed(rows, 2, (3,))
    with pytest.raises(ClusterError, match="all rows are missing"):
        streamed(np.empty((0, 2)), 1)


@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf])
def test_wrong_weights(weight) -> None:
    weights = np.ones(300)
    weights[7] = weight
    with pytest.raises(ValueError, match="weights must be finite"):
        streamed(clouds(), 2, weights=weights, sample=(clouds()[:5], None))


def test_infinite_rows() -> None:
    rows = clouds()
    rows[3, 1] = np.inf
    with pytest.raises(ValueError, match="rows must be finite"):
        streamed(rows, 2, sample=(rows[10:], None))
