"""Lloyd's algorithm block by block: that of rows in memory, in any blocks to the bit."""

import itertools

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from fastkm.cluster.lloyd import out_of_core as module
from fastkm.cluster.lloyd.fit import assign_rows
from fastkm.cluster.lloyd.out_of_core import fit_out_of_core
from fastkm.errors import ClusterError
from fastkm.raster.codebook import BandsCodebook
from tests import naive
from tests.clients import client_of


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
    return fit_out_of_core(read, list(itertools.pairwise(ends)), k, sample=some, **options)


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
    again = naive.iterate_lloyd(rows, found.centroids, np.ones(300), 1)
    np.testing.assert_allclose(again, found.centroids, rtol=0, atol=1e-9 * max(1, abs(rows).max()))


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("weighted", [False, True])
def test_counts_and_inertia_are_those_of_the_centroids(dtype, weighted) -> None:
    rows = clouds(3, dtype=dtype)
    weights = np.random.default_rng(1).uniform(0.1, 3, 300) if weighted else np.ones(300)
    found = streamed(rows, 4, (7, 50), weights=weights if weighted else None)
    labels = assign_rows(rows, found.centroids).labels
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


@pytest.mark.parametrize("sample", [0, 2])
def test_rows_are_drawn_where_the_sample_is_too_small(sample) -> None:
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.normal(middle, 1, (100, 2)) for middle in (0, 9, -9)])
    found = streamed(rows, 3, (50, 140, 140), sample=(rows[:sample], None))
    assert found.counts.tolist() == [100, 100, 100]
    assert same(found, streamed(rows[::-1], 3, (7, 80), sample=(rows[:sample], None)))


def test_rows_that_are_drawn_have_weight() -> None:
    rows = np.arange(12.0).reshape(6, 2)
    weights = np.array([0.0, 1, 1, 0, 0, 0])
    with pytest.raises(ClusterError, match="distinct rows, 2"):
        streamed(rows, 3, (2, 4), weights=weights)
    assert streamed(rows, 2, (2, 4), weights=weights).inertia == 0


@given(st.lists(st.integers(0, 40), max_size=6).map(sorted), st.integers(1, 30))
def test_draws_are_the_same_for_any_blocks(cuts, number) -> None:
    rows = np.random.default_rng(2).integers(-2, 3, (40, 2)) * np.array([0.0, 0.5]) - 0.0
    rows[::2] *= -1
    parts = [
        module.select_distinct(number, rows[a:b])
        for a, b in itertools.pairwise([0, *cuts, len(rows)])
    ]
    drawn = module._combine_drawn(number, parts)
    assert drawn.tobytes() == module.select_distinct(number, rows).tobytes()
    distinct = {tuple(row) for row in rows.tolist()}
    assert len(drawn) == min(number, len(distinct))
    assert {tuple(row) for row in drawn.tolist()} <= distinct


def test_a_cluster_that_has_lost_its_rows_gets_the_farthest_of_the_sample(monkeypatch) -> None:
    rows = clouds(3, n=60, d=2)
    start = np.array([rows.mean(axis=0), [1e3, 1e3], [2e3, 2e3]])
    monkeypatch.setattr(module, "_choose_start", lambda *_: start)
    one = streamed(rows, 3, (20,), max_iter=1)
    assert (one.counts > 0).all()
    farthest = rows[((rows - rows.mean(axis=0)) ** 2).sum(axis=1).argmax()]
    assert np.abs(one.centroids - farthest).sum(axis=1).min() < 1e-9
    assert same(one, streamed(rows, 3, (3, 50), max_iter=1))
    assert streamed(rows, 3).inertia < one.inertia


@pytest.mark.parametrize("times", [1, 2**24, 2**30])
def test_sums_of_any_number_of_rows(times) -> None:
    rows = np.random.default_rng(4).uniform(0, 1, (1000, 2))
    extent = module._measure_block(lambda: (rows, None))
    work = module._ClusterReduction(
        lambda: (rows, None), extent._replace(number=1000 * times), None
    )
    centre = np.full((1, 2), 0.5)
    sums = work.sum_block(centre)
    for _ in range(int(np.log2(times))):
        sums = module._combine_sums([sums, sums])
    found = work.to_numbers(sums)
    assert found.counts.tolist() == [1000 * times] == found.weights.tolist()
    np.testing.assert_allclose(found.means[0], rows.mean(axis=0), rtol=1e-12)
    expected = ((rows - centre) ** 2).sum() * times
    assert found.squares.sum() == pytest.approx(expected, rel=1e-12)


def test_rows_whose_squares_overflow() -> None:
    wide = clouds(dtype="f4")
    wide[200] = 1e20
    with pytest.raises(ValueError, match="rows are too large"):
        streamed(wide, 2, sample=(wide[:50], None))
    with pytest.raises(ValueError, match="rows are too large"):
        streamed(np.array([[1.7e308], [-1.7e308], [0]]), 2)
    assert streamed(wide, 2, standardize=True).counts.tolist() == [299, 1]


def test_a_column_too_narrow_for_its_deviation_stays() -> None:
    rows = clouds(5, d=2) * np.array([1, 1e-310])
    assert streamed(rows, 2, standardize=True).scale[1] == 1


def test_nearest_is_that_of_a_codebook() -> None:
    rows = clouds(6, dtype="f4").round()
    found = streamed(rows, 4, (50,), standardize=True)
    bands = xr.Dataset(
        {f"b{j}": (("y", "x"), column.reshape(15, 20)) for j, column in enumerate(rows.T)}
    )
    codebook = BandsCodebook(tuple(bands), ("",) * 3, found.centroids, found.scale)
    labels = codebook.predict(bands).values
    np.testing.assert_array_equal(np.bincount(labels.ravel(), minlength=4), found.counts)


@given(st.integers(0, 99), st.integers(1, 4), st.integers(1, 5))
def test_each_step_is_that_of_lloyd(seed, k, d) -> None:
    rows, weights = clouds(seed, d=d), np.random.default_rng(seed).uniform(0.1, 3, 300)
    sample = (rows[:40], weights[:40])
    start = streamed(rows, k, weights=weights, sample=sample, max_iter=0).centroids
    for steps in (1, 3):
        found = streamed(rows, k, (9, 99), weights=weights, sample=sample, max_iter=steps, tol=0.0)
        expected = naive.iterate_lloyd(rows, start, weights, found.iterations)
        expected = expected[np.lexsort(expected.T[::-1])]
        np.testing.assert_allclose(found.centroids, expected, rtol=0, atol=1e-9)


def test_workers_change_no_bit() -> None:
    rows = clouds(8, dtype="f4")
    here = streamed(rows, 4, (10, 150))
    with client_of() as client, client.as_current():
        assert same(here, streamed(rows, 4, range(5, 300, 5)))


def test_draws_are_from_everywhere() -> None:
    rows = np.arange(20_000.0)[:, None]
    drawn = module.select_distinct(400, rows)
    assert drawn.mean() == pytest.approx(10_000, rel=0.1)
    assert np.ptp(drawn) > 19_000


def test_more_clusters_than_rows_are_drawn(monkeypatch) -> None:
    monkeypatch.setattr(module, "MIN_DRAWN", 3)
    rows = clouds(9, n=40)
    assert streamed(rows, 5, (10,), sample=(rows[:0], None)).counts.min() > 0


def test_deviations_are_without_weights() -> None:
    rows, weights = clouds(2), np.random.default_rng(1).uniform(0.1, 30, 300)
    found = streamed(rows, 3, (11, 180), weights=weights, standardize=True)
    np.testing.assert_allclose(found.scale, rows.std(axis=0), rtol=1e-12)


def test_a_run_ends_by_its_tolerance() -> None:
    rows = np.random.default_rng(5).uniform(0, 1, (500, 2))
    some = (rows[:20], None)
    assert streamed(rows, 6, sample=some, tol=10.0).iterations == 1
    assert streamed(rows, 6, sample=some, tol=0.0).iterations > 3


def test_rows_of_half_precision_are_compared_in_single() -> None:
    rows = clouds(6, dtype="f2")
    weights = np.random.default_rng(1).uniform(0.1, 3, 300)
    for standardize, steps in itertools.product((False, True), (0, 100)):
        options = {"weights": weights, "standardize": standardize, "max_iter": steps}
        half, single = (streamed(rows.astype(t), 4, (9,), **options) for t in ("f2", "f4"))
        assert same(half, single)


def test_a_deviation_that_is_zero_in_the_type_of_the_rows() -> None:
    rows = clouds(5, n=1000, d=2, dtype="f4")
    rows[:, 1] = 0
    rows[3, 1] = 1e-45
    assert streamed(rows, 2, (70,), standardize=True).scale[1] == 1


@pytest.mark.parametrize("column", [0, 2])
def test_ends_are_those_of_each_column(column) -> None:
    rows = clouds(7)
    rows[5, column] = np.nan
    with pytest.raises(ValueError, match="rows must be finite"):
        streamed(rows, 2, (3,), sample=(rows[10:], None))
    extent = module._measure_block(lambda: (clouds(7), None))
    assert extent.least.tolist() == clouds(7).min(axis=0).tolist()
    assert extent.greatest.tolist() == clouds(7).max(axis=0).tolist()


def test_the_start_has_settled_on_the_sample() -> None:
    rows = np.random.default_rng(11).gamma(2, 5, (1500, 2))
    start = module._choose_start(6, rows, None)
    moved = naive.iterate_lloyd(rows, start, np.ones(len(rows)), 1) - start
    assert (moved**2).sum() <= 1e-6 * rows.var(axis=0).mean()
