"""kmeans1d against exact rational arithmetic, and what a user may count on."""

import itertools
import warnings
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import fastkm
from fastkm import kmeans1d
from tests import codebooks, naive
from tests.conftest import needs_jit
from tests.from_file import from_file

FINITE = st.floats(-1e6, 1e6, allow_subnormal=False)
SMALL = st.lists(FINITE, min_size=1, max_size=9)
RNG = np.random.default_rng(12)
OCEAN = np.concatenate([RNG.normal(12, 3, 300), RNG.normal(30, 4, 200), RNG.normal(50, 5, 100)])


def counted(values):
    return np.unique(np.asarray(values, float), return_counts=True)


def cuts_of(result, values):
    """Give the cuts of the sorted distinct values that a result's counts mean."""
    _, counts = counted(values)
    ends = np.concatenate(([0], np.cumsum(counts))).tolist()
    return [ends.index(end) for end in [0, *np.cumsum(result.counts).tolist()]]


def assert_consistent(result, values):
    """Hold what holds for any result: order, counts, means, inertia, labels."""
    values = np.asarray(values)
    flat = values[~np.isnan(values)] if values.dtype.kind == "f" else values.ravel()
    k = result.k
    assert result.centroids.shape == result.counts.shape == (k,)
    assert result.breaks.shape == (k - 1,)
    assert (np.diff(result.centroids) > 0).all()
    assert result.counts.min() >= 1
    assert result.counts.sum() == flat.size
    labels = result.predict(flat)
    assert np.bincount(labels, minlength=k).tolist() == result.counts.tolist()
    parts = [np.sort(flat)[labels[np.argsort(flat)] == j] for j in range(k)]
    for j in range(k - 1):
        assert float(parts[j].max()) <= result.breaks[j] < float(parts[j + 1].min())
    for part, centroid in zip(parts, result.centroids, strict=True):
        mean = sum(naive.as_fractions(part)) / len(part)
        assert abs(centroid - float(mean)) <= 4e-16 * max(abs(part.astype(float))) + 5e-324
    inertia = sum(naive.segment_cost(p, np.ones(len(p), int), 0, len(p)) for p in parts)
    rounding = flat.size * np.spacing(np.abs(result.centroids).max()) ** 2  # of the centroids
    assert result.inertia == pytest.approx(float(inertia), rel=1e-12, abs=rounding)


def assert_optimal(values, k):
    result = kmeans1d(values, k)
    distinct, counts = counted(values)
    least, _ = naive.find_optimal_cuts(distinct, counts, k)
    cost = naive.partition_cost(distinct, counts, cuts_of(result, values))
    assert float(cost - least) <= 1e-13 * float(least)
    assert result.inertia == pytest.approx(float(least), rel=1e-12, abs=1e-300)
    return result


@given(SMALL, st.integers(1, 5))
def test_the_inertia_is_the_least_in_exact_arithmetic(values, k):
    assert_optimal(values, min(k, len(counted(values)[0])))


@pytest.mark.parametrize("kind", ["normal", "offset", "skewed", "decimals", "high", "low"])
@given(st.integers(0, 2**32), st.integers(2, 5))
def test_the_cuts_are_optimal_in_exact_arithmetic(kind, seed, k):
    x = np.random.default_rng(seed).normal(size=20)
    if kind == "offset":
        x += 1e9
    elif kind == "skewed":
        x = np.exp(5 * x)
    elif kind == "decimals":
        x = np.round(x, 1)
    elif kind == "high":
        x[0] = 1e12
    elif kind == "low":
        x[0] = -1e12
    assert_consistent(assert_optimal(x, k), x)


@pytest.mark.parametrize("outlier", [1e15, -1e15, 1e40, -1e40, 9.96921e36, -9.96921e36, -1e150])
def test_an_outlier_takes_one_cluster_and_leaves_the_others_optimal(outlier):
    result = assert_optimal([outlier, 1.0, 2.0, 3.0, 10.0, 11.0, 12.0], 3)
    assert sorted(result.counts.tolist()) == [1, 3, 3]


def test_outliers_on_both_sides_leave_the_others_optimal():
    assert_optimal([-1e30, 1.0, 2.0, 3.0, 10.0, 11.0, 12.0, 1e30], 4)


@given(st.lists(st.integers(-30, 30), min_size=1, max_size=9), st.integers(1, 5))
def test_of_equal_costs_the_lowest_breaks_win(values, k):
    distinct, counts = counted(values)
    k = min(k, len(distinct))
    _, cuts = naive.find_optimal_cuts(distinct, counts, k)
    assert cuts_of(kmeans1d(values, k), values) == cuts


@pytest.mark.parametrize(
    ("values", "k"),
    [
        ([0, 4, 4, 16, 16, 17, 19, 19, 19], 3),
        ([0, 0, 2, 2, 5, 10, 10, 10, 11, 11, 12, 20, 20], 5),
        ([7, 8, 8, 9, 9, 9, 12, 12, 13, 18, 23, 23], 6),
    ],
    ids=str,
)
def test_of_equal_costs_that_round_apart_the_lowest_breaks_win(values, k):
    _, cuts = naive.find_optimal_cuts(*counted(values), k)
    assert cuts_of(kmeans1d(values, k), values) == cuts


@pytest.mark.parametrize("n", [4, 5, 7, 10, 31])
@pytest.mark.parametrize("k", [2, 3, 4])
def test_an_even_row_of_values_has_the_lowest_breaks(n, k):
    values = np.arange(n)
    _, cuts = naive.find_optimal_cuts(*counted(values), k)
    assert cuts_of(kmeans1d(values, k), values) == cuts


@pytest.mark.parametrize(
    "dtype", ["f8", "f4", "f2", "i1", "u1", "i2", "i4", "i8", "u8", ">f4", ">i2"]
)
def test_predict_gives_the_partition_back(dtype):
    values = OCEAN.astype(dtype)
    result = kmeans1d(values, 5)
    assert_consistent(result, values)
    assert result.predict(values).dtype == np.int8


@given(
    st.lists(st.floats(-100, 100, width=32), min_size=2, max_size=30, unique=True),
    st.sampled_from(["f8", "f4", "f2"]),
)
def test_neighbouring_floats_are_told_apart(values, dtype):
    cells = np.array(values).astype(dtype)
    cells = np.concatenate([cells, np.nextafter(cells, cells.dtype.type(np.inf))])
    assert_consistent(kmeans1d(cells, 2), cells)


@given(st.lists(st.integers(-5, 5), min_size=2, max_size=20), st.sampled_from(["i1", "i8", "f2"]))
def test_adjacent_integers_are_told_apart(values, dtype):
    cells = np.array(values, dtype)
    assert_consistent(kmeans1d(cells, len(set(values))), cells)


def test_bools_are_clustered():
    result = kmeans1d([True, False, True], 2)
    assert result.predict([True, False]).tolist() == [1, 0]
    assert result.counts.tolist() == [1, 2]


def test_breaks_are_the_midpoints_of_the_centroids():
    result = kmeans1d([0.0, 2.0, 10.0, 12.0], 2)
    assert result.breaks.tolist() == [6.0]
    assert kmeans1d(np.array([0, 2, 10, 13]), 2).breaks.tolist() == [6.0]  # 6.25, in integers


def test_a_value_at_a_break_belongs_below_it():
    result = kmeans1d([0.0, 2.0, 10.0, 12.0], 2)
    assert result.predict([6.0, np.nextafter(6.0, 7.0), -np.inf, np.inf]).tolist() == [0, 1, 0, 1]


@given(st.integers(0, 2**32), st.sampled_from(["f4", "f2"]))
def test_a_narrower_type_is_labelled_as_its_values(seed, dtype):
    result = kmeans1d(np.random.default_rng(seed).normal(size=30), 4)
    near = result.breaks.astype(dtype)
    cells = np.concatenate([near, np.nextafter(near, near.dtype.type(9)), -near])
    np.testing.assert_array_equal(result.predict(cells), result.predict(cells.astype("f8")))


def test_a_narrower_type_that_cannot_hold_the_breaks_is_labelled():
    result = kmeans1d([-1e300, -1e299, 1e299, 1e300], 4)
    assert result.predict(np.array([-1.0, 1.0, np.inf, -np.inf], "f4")).tolist() == [1, 2, 3, 0]


@pytest.mark.parametrize(("k", "dtype"), [(1, "i1"), (127, "i1"), (128, "i1"), (129, "i2")])
def test_labels_are_the_narrowest_signed_integers_that_hold_them(k, dtype):
    labels = kmeans1d(np.arange(k), k).predict(np.append(np.arange(float(k)), np.nan))
    assert labels.dtype == dtype
    assert (labels[0], labels[-2], labels[-1]) == (0, k - 1, -1)


@pytest.mark.parametrize("threads", ["1", "2", "5"])
def test_chunks_and_threads_change_no_label(threads, monkeypatch):
    result = kmeans1d(OCEAN, 4)
    wanted = result.predict(OCEAN)
    monkeypatch.setattr("fastkm._core.threads.CHUNK_BYTES", 8 * 13)
    monkeypatch.setenv("FASTKM_NUM_THREADS", threads)
    np.testing.assert_array_equal(result.predict(OCEAN), wanted)


def test_missing_cells_take_no_part_and_are_labelled_minus_one():
    grid = np.array([[1.0, np.nan, 2.0], [8.0, 9.0, np.nan]])
    result = kmeans1d(grid, 2)
    assert result.counts.tolist() == [2, 2]
    assert result.predict(grid).tolist() == [[0, -1, 0], [1, 1, -1]]


def test_masked_cells_take_no_part_and_are_labelled_minus_one():
    cells = np.ma.MaskedArray([1, 2, -999, 8, 9], [False, False, True, False, False])
    result = kmeans1d(cells, 2)
    assert result.centroids.tolist() == [1.5, 8.5]
    assert result.predict(cells).tolist() == [0, 0, -1, 1, 1]


def test_a_masked_infinity_is_not_looked_at():
    assert kmeans1d(np.ma.masked_invalid([1.0, np.inf, 2.0]), 2).counts.tolist() == [1, 1]


def described():
    raster = xr.DataArray(
        np.array([[1.0, -999.0, 2.0], [8.0, 9.0, -500.0]], "f4"),
        dims=("latitude", "longitude"),
        coords={"latitude": [10.0, 20.0]},
        attrs={"units": "kg m-2"},
        name="precipitable_water",
    )
    return from_file(raster, _FillValue=-999.0, valid_min=0.0)


def test_a_dataarray_comes_back_as_labels_on_its_grid():
    raster = described()
    result = kmeans1d(raster, 2)
    labels = result.predict(raster)
    assert result.centroids.tolist() == [1.5, 8.5]
    assert isinstance(labels, xr.DataArray)
    assert labels.values.tolist() == [[0, -1, 0], [1, 1, -1]]
    assert labels.dims == raster.dims
    assert labels.latitude.values.tolist() == [10.0, 20.0]
    # labels have no units, and no fill value of -999
    assert not {"units", "valid_min", "_FillValue"} & set(labels.attrs)
    assert labels.attrs["long_name"] == "cluster of precipitable_water"


def test_the_input_dataarray_keeps_its_attributes():
    raster = described()
    kmeans1d(raster, 2).predict(raster)
    assert raster.identical(described())


@pytest.mark.parametrize("shape", [(6,), (2, 3), (1, 2, 3), (6, 1)])
def test_labels_have_the_shape_of_the_values(shape):
    values = np.arange(6.0).reshape(shape)
    assert kmeans1d(values, 2).predict(values).shape == shape


@pytest.mark.parametrize(
    "layout",
    [
        np.asfortranarray,
        lambda a: a.astype(">f8"),
        lambda a: np.repeat(a, 2, axis=1)[:, ::2],
        lambda a: np.broadcast_to(a, a.shape),
        lambda a: a.tolist(),
    ],
    ids=["F", "big-endian", "gaps", "readonly", "list"],
)
def test_any_layout_gives_the_same_result(layout):
    grid = OCEAN.reshape(20, 30)
    got, wanted = kmeans1d(layout(grid), 4), kmeans1d(grid, 4)
    assert got.inertia == wanted.inertia
    np.testing.assert_array_equal(got.predict(layout(grid)), wanted.predict(grid))


def test_the_values_are_left_as_they_are():
    values = OCEAN[::-1].copy()
    kmeans1d(values, 3).predict(values)
    np.testing.assert_array_equal(values, OCEAN[::-1])


def test_several_k_come_back_by_k_as_they_come_alone():
    results = kmeans1d(OCEAN, (k for k in (6, 2, 3)))
    assert list(results) == [6, 2, 3]
    for k, result in results.items():
        alone = kmeans1d(OCEAN, k)
        assert result.inertia == alone.inertia
        np.testing.assert_array_equal(result.centroids, alone.centroids)


def test_inertia_never_rises_with_k():
    inertia = [result.inertia for result in kmeans1d(OCEAN[::5], range(1, 121)).values()]
    assert all(more <= less for less, more in itertools.pairwise(inertia))
    assert inertia[-1] == 0.0


@pytest.mark.slow
@given(st.integers(0, 2**32), st.integers(2, 6))
def test_no_run_of_lloyd_is_better(seed, k):
    rng = np.random.default_rng(seed)
    values = np.exp(rng.normal(size=80))
    book, _ = fastkm.kmeans(values, k, 5, rng=rng)
    lloyd = np.sum(fastkm.vq(values, book)[1] ** 2)
    assert kmeans1d(values, k).inertia <= lloyd * (1 + 1e-12)


@pytest.mark.parametrize("offset", [1e9, -1e9, 1e12])
def test_an_offset_moves_the_centroids_and_nothing_else(offset):
    values = np.round(OCEAN * 16) / 16  # exact at the offset
    near, far = kmeans1d(values, 4), kmeans1d(values + offset, 4)
    assert far.counts.tolist() == near.counts.tolist()
    assert far.inertia == pytest.approx(near.inertia, rel=1e-9)
    np.testing.assert_allclose(
        far.centroids - offset, near.centroids, atol=2 * np.spacing(abs(offset))
    )


@pytest.mark.parametrize("exponent", [-1000, -600, -330, 330, 500])
def test_a_power_of_two_scales_everything(exponent):
    values = np.round(OCEAN, 2)
    near, far = kmeans1d(values, 4), kmeans1d(np.ldexp(values, exponent), 4)
    assert far.counts.tolist() == near.counts.tolist()
    np.testing.assert_array_equal(far.centroids, np.ldexp(near.centroids, exponent))


def test_large_magnitudes_are_clustered_and_the_inertia_given_as_inf():
    with pytest.warns(UserWarning, match="inertia is beyond float64") as caught:
        result = kmeans1d([1e200, 2e200, 8e200, 9e200], 2)
    np.testing.assert_allclose(result.centroids, [1.5e200, 8.5e200])
    assert result.inertia == np.inf
    assert caught[0].filename == __file__


def test_small_magnitudes_are_clustered():
    result = kmeans1d([1e-200, 2e-200, 8e-200, 9e-200], 2)
    assert result.counts.tolist() == [2, 2]
    np.testing.assert_allclose(result.centroids, [1.5e-200, 8.5e-200])
    assert result.inertia == 0.0  # 1e-400


def test_denormals_are_clustered():
    tiny = 5e-324
    result = kmeans1d(np.array([0, 1, 2, 100, 101, 102]) * tiny, 2)
    assert result.counts.tolist() == [3, 3]
    assert result.centroids.tolist() == [tiny, 101 * tiny]


@pytest.mark.filterwarnings("ignore:the inertia is beyond float64")
@pytest.mark.parametrize(
    ("values", "centroids"),
    [
        ([-1.7e308, 1.7e308], [0.0]),
        ([-1.7e308, 1.5e308, 1.7e308], [-1.7e308, 1.6e308]),
        ([1.5e308] * 2 + [1.7e308] * 2, [1.6e308]),
    ],
    ids=str,
)
def test_the_largest_floats_have_finite_means(values, centroids):
    result = kmeans1d(values, len(centroids))
    np.testing.assert_allclose(result.centroids, centroids, rtol=1e-15)


def test_the_two_zeros_are_one_value():
    result = kmeans1d([-0.0, 0.0, 1.0], 2)
    assert result.counts.tolist() == [2, 1]
    assert result.predict([0.0, -0.0]).tolist() == [0, 0]


def test_equal_values_make_one_cluster():
    result = kmeans1d(np.full(1000, 0.1), 1)
    assert result.centroids.tolist() == [0.1]
    assert (result.inertia, result.breaks.size, result.counts.tolist()) == (0.0, 0, [1000])


def test_as_many_clusters_as_distinct_values_cost_nothing():
    result = kmeans1d([0.1, 0.2, 0.2, 0.7], 3)
    assert result.centroids.tolist() == [0.1, 0.2, 0.7]
    assert result.inertia == 0.0


@pytest.mark.parametrize(
    ("values", "number"),
    [([5.0] * 9, 1), ([], 0), ([np.nan], 0), (np.ma.masked_all(3), 0)],
    ids=str,
)
def test_fewer_distinct_values_than_k_is_an_error_that_gives_their_number(values, number):
    with pytest.raises(fastkm.ClusterError, match=rf"k = 2 .* distinct values, {number}\b"):
        kmeans1d(values, 2)


def test_of_several_k_the_impossible_are_left_out_with_a_warning():
    with pytest.warns(UserWarning, match="only 3 distinct values: k = 4, 9 is left out") as caught:
        results = kmeans1d([1.0, 2.0, 3.0], [2, 3, 4, 9])
    assert list(results) == [2, 3]
    assert caught[0].filename == __file__


def test_of_several_k_none_possible_is_an_error():
    with pytest.raises(fastkm.ClusterError, match="k = 2, 3 "):
        kmeans1d([1.0], [2, 3])


@pytest.mark.parametrize("value", [np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["f8", "f4", "f2"])
def test_an_infinity_is_an_error_that_says_where(value, dtype):
    grid = np.ones((3, 4), dtype)
    grid[2, 1] = value
    with pytest.raises(ValueError, match=r"infinite, but cell \(2, 1\) is"):
        kmeans1d(grid, 1)


def test_an_infinity_beside_masked_cells_is_found_where_it_is():
    cells = np.ma.MaskedArray([[np.inf, 1.0], [2.0, np.inf]], [[True, False], [False, False]])
    with pytest.raises(ValueError, match=r"cell \(1, 1\) is"):
        kmeans1d(cells, 1)


@pytest.mark.parametrize(
    "values",
    [np.array([0, 2**53 + 1]), np.array([-(2**63), 0]), np.array([5, 2**64 - 1], "u8")],
    ids=str,
)
def test_integers_that_float64_cannot_tell_apart_are_an_error(values):
    with pytest.raises(ValueError, match=r"integers that differ by more than 2\^53, from"):
        kmeans1d(values, 1)


@pytest.mark.parametrize("offset", [-(2**63), -(2**53) - 1, 2**53 - 4, 2**62 + 3])
def test_integers_beyond_2_to_the_53_are_told_apart(offset):
    steps = np.array([0, 1, 2, 3, 9, 9, 30])
    values = np.array([offset + int(step) for step in steps])
    near, far = kmeans1d(steps, 3), codebooks.assert_optimal(values, 3)
    assert far.breaks.dtype == np.int64
    assert (far.breaks - offset).tolist() == near.breaks.tolist()
    assert (far.counts.tolist(), far.inertia) == (near.counts.tolist(), near.inertia)
    np.testing.assert_array_equal(far.predict(values), near.predict(steps))


def test_unsigned_integers_beyond_2_to_the_53_are_told_apart():
    values = np.array([2**64 - 1, 2**64 - 2, 2**64 - 9, 2**64 - 11], "u8")
    result = codebooks.assert_optimal(values, 2)
    assert result.breaks.dtype == np.uint64
    assert result.predict(values).tolist() == [1, 1, 0, 0]


def test_integers_up_to_2_to_the_53_are_exact():
    result = kmeans1d(np.array([2**53 - 1, 2**53]), 2)
    assert result.centroids.tolist() == [2.0**53 - 1, 2.0**53]
    assert result.predict(np.array([2**53 - 1, 2**53])).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("k", "message"),
    [
        (0, "k must be at least 1, got 0"),
        (-1, "k must be at least 1, got -1"),
        ([2, 0], r"k must be at least 1, got \[2, 0\]"),
        ([], r"k must hold at least one number, got \[\]"),
    ],
    ids=str,
)
def test_k_below_one_is_a_value_error(k, message):
    with pytest.raises(ValueError, match=message):
        kmeans1d([1.0, 2.0], k)


@pytest.mark.parametrize("k", [2.0, None, "2", [2, 2.5], np.array(2.0)], ids=repr)
def test_k_that_is_no_integer_is_a_type_error(k):
    with pytest.raises(TypeError, match="k must be an integer or several integers, got"):
        kmeans1d([1.0, 2.0], k)


@pytest.mark.parametrize("k", [np.int64(2), np.uint8(2)], ids=repr)
def test_k_may_be_a_numpy_integer(k):
    assert kmeans1d([1.0, 2.0], k).k == 2


@pytest.mark.parametrize("path", ["a.nc", Path("a.nc")], ids=repr)
def test_a_path_is_no_array(path):
    with pytest.raises(
        TypeError, match=r"got 'a.nc': read the file first: fastkm.read_raster\('a.nc'"
    ):
        kmeans1d(path, 2)


def test_a_dataset_is_no_array():
    water = xr.DataArray([1.0, 9.0], dims="x")
    with pytest.raises(TypeError, match=r"a Dataset of water, ice: choose .* dataset\['water'\]"):
        kmeans1d(xr.Dataset({"water": water, "ice": water}), 2)


@pytest.mark.parametrize(
    "values", [["a"], [None], np.array(["2009-10-01"], "M8[D]"), np.longdouble([1])], ids=repr
)
def test_values_that_are_no_real_numbers_are_a_type_error(values):
    with pytest.raises(TypeError, match="values must hold real numbers"):
        kmeans1d(values, 1)
    with pytest.raises(TypeError, match="values must hold real numbers"):
        kmeans1d([1.0], 1).predict(values)


def test_a_result_shows_its_clusters():
    shown = repr(kmeans1d([1.0, 2.0, 8.0, 9.0], 2))
    assert "2 clusters, inertia 1" in shown
    assert "8.5" in shown
    assert "50.00%" in shown


@needs_jit
def test_a_million_values_are_clustered_as_their_counts():
    cells = np.random.default_rng(3).integers(0, 500, 1_000_000)
    numbers, counts = np.unique(cells, return_counts=True)
    result = kmeans1d(cells, 5)
    small = kmeans1d(np.repeat(numbers, 1), 5)
    assert result.counts.sum() == 1_000_000
    assert result.centroids == pytest.approx(small.centroids, abs=2)
    parts = np.split(np.arange(500), np.searchsorted(numbers, result.breaks, side="right"))
    assert result.counts.tolist() == [counts[part].sum() for part in parts]


@needs_jit
def test_many_float32_values_lose_no_digit():
    cells = np.tile(np.linspace(287, 289, 1000, dtype="f4"), 2000)
    result = kmeans1d(cells, 1)
    assert result.centroids[0] == pytest.approx(cells[:1000].mean(dtype="f8"), rel=1e-14)


def test_the_library_itself_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kmeans1d(np.append(OCEAN, np.nan), range(1, 9))


@pytest.mark.parametrize("fill", [-999.0, 1e10, -1e15, 1e20, 9.96921e36, -1e36, 1e150])
def test_fill_values_left_in_cost_the_others_no_digit(fill):
    clean = kmeans1d(OCEAN, 4)
    result = kmeans1d(np.concatenate([OCEAN, np.full(250, fill)]), 5)
    assert result.inertia == pytest.approx(clean.inertia, rel=1e-12)


def test_fill_values_at_both_ends_cost_the_others_no_digit():
    values = np.concatenate([OCEAN, np.full(250, 1e20), np.full(7, -1e36)])
    assert kmeans1d(values, 6).inertia == pytest.approx(kmeans1d(OCEAN, 4).inertia, rel=1e-12)


def test_narrow_groups_far_apart_are_optimal():
    values = np.concatenate([np.linspace(0, 1, 50), 1e15 + np.arange(9)])
    for k in (2, 3, 4, 5):
        codebooks.assert_optimal(values, k)


@pytest.mark.parametrize("offset", [0.0, 1e10, 1e12, 1e13])
def test_an_offset_costs_the_inertia_no_digit(offset):
    values = np.round(np.random.default_rng(3).normal(size=300) * 64) / 64 + offset  # exact
    wanted = kmeans1d(values - offset, 3).inertia
    assert kmeans1d(values, 3).inertia == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize(
    "k",
    [np.array(2), np.array([2]), (2,), iter([2]), {2}, range(2, 3)],
    ids=str.split("scalar array tuple iterator set range"),
)
def test_one_k_or_several(k):
    result = kmeans1d([1.0, 2.0, 8.0], k)
    assert (result if isinstance(k, np.ndarray) and k.ndim == 0 else result[2]).k == 2
