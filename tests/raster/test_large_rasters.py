"""Rasters of several bands above the size at which they are read block by block: the same bits.

The size is lowered, so that small rasters take that way, in memory as well as lazily.
"""

import itertools

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import fastkm
from fastkm import choose_k, cluster_raster
from fastkm.cluster.lloyd import cell_reader, survey
from fastkm.errors import ClusterError
from fastkm.raster import cell_blocks
from fastkm.raster.codebook import BandsCodebook
from tests.clients import client_of
from tests.from_file import from_file
from tests.small_files import EAST, NORTH

KINDS = ["u2", "i2", "f4", "f8"]
FILL = {"u1": 0, "i2": -9, "u2": 65535, "i4": -9999, "f4": -9.0, "f8": np.nan}


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(cell_blocks, "LARGE_CELLS", 20)
    monkeypatch.setattr(cell_blocks, "BLOCK_CELLS", 16)
    monkeypatch.setattr(cell_reader, "CHUNK_CELLS", 7)
    monkeypatch.setattr(survey, "SAMPLE_ROWS", 25)


def image(kind="u2", d=3, shape=(6, 9), *, holes=0.2, seed=0, **attrs):
    """Bands as they come from a file, with a fill value in some cells."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform(20, 200, (4, d))
    groups = rng.integers(0, 4, shape)
    values = np.moveaxis(centres[groups], -1, 0) + rng.normal(0, 8, (d, *shape))
    values = np.clip(values, 1, 250).astype(kind)
    values[rng.random((d, *shape)) < holes / d] = FILL[kind]
    coords = {
        "band": [f"b{j}" for j in range(d)],
        "lat": ("lat", np.linspace(40, 60, shape[0]), NORTH),
        "lon": ("lon", np.arange(shape[1]) * 2.0, EAST),
    }
    array = xr.DataArray(values, coords, ("band", "lat", "lon"), name="image")
    return from_file(array, _FillValue=np.array(FILL[kind], kind), **attrs)


def lazily(raster, chunks):
    lazy = raster.chunk(chunks)
    for name in raster.data_vars if hasattr(raster, "data_vars") else ():
        lazy[name].encoding = raster[name].encoding
    lazy.encoding = raster.encoding
    return lazy


def same(one, other):
    labels = one.labels.compute()
    xr.testing.assert_identical(labels, other.labels.compute())
    assert labels.dtype == other.labels.dtype
    xr.testing.assert_identical(one.centroids, other.centroids)
    assert (one.scale is None) == (other.scale is None)
    if one.scale is not None:
        xr.testing.assert_identical(one.scale, other.scale)
    assert one.counts.tolist() == other.counts.tolist()
    assert one.weights.tolist() == other.weights.tolist()
    assert (one.inertia, one.iterations, one.passes) == (
        other.inertia, other.iterations, other.passes,
    )  # fmt: skip
    return True


def check_against_cells(raster, result, weights=None):
    """Counts, weights and inertia are those of the labels, and labels are the nearest centroids."""
    labels = result.labels.values.reshape(-1)
    rows = raster.values.reshape(len(raster), -1).T.astype(float)
    fill = FILL[raster.dtype.str[1:]]
    missing = (np.isnan(rows) if np.isnan(fill) else rows == fill).any(axis=1)
    np.testing.assert_array_equal(labels == -1, missing)
    present, own = rows[~missing], labels[~missing]
    w = np.ones(len(labels)) if weights is None else np.broadcast_to(weights, raster.shape[1:])
    w = np.asarray(w, float).reshape(-1)[~missing]
    scale = 1.0 if result.scale is None else result.scale.values
    if result.scale is not None:
        np.testing.assert_allclose(scale, present.std(axis=0), rtol=1e-6)
    squares = (((present[:, None] - result.centroids.values) / scale) ** 2).sum(axis=2)
    np.testing.assert_allclose(squares[np.arange(len(own)), own], squares.min(axis=1), rtol=1e-4)
    assert result.counts.tolist() == np.bincount(own, minlength=result.k).tolist()
    np.testing.assert_allclose(result.weights, np.bincount(own, w, minlength=result.k), rtol=1e-12)
    assert result.inertia == pytest.approx(float(squares.min(axis=1) @ w), rel=1e-4)


def run_or_explain(raster, k, **options):
    """Return the clusters, or why there are none."""
    try:
        return cluster_raster(raster, k, **options)
    except ClusterError as error:
        return str(error)


cuts = st.integers(2, 9)
cases = st.tuples(
    st.sampled_from(KINDS), st.integers(2, 4), st.tuples(cuts, cuts, cuts), st.integers(1, 5),
    st.booleans(), st.sampled_from([None, "area", "rows", "cells"]),
    st.sampled_from([0.0, 0.2, 0.95]), st.booleans(), st.integers(0, 50),
)  # fmt: skip


def require_same_bits(
    kind, d, chunks, k, standardize, weighted, holes, as_dataset, seed, threads=(2,)
):
    """Cluster in memory and in blocks of dask, on one thread and on several."""
    raster = image(kind, d, holes=holes, seed=seed)
    rng = np.random.default_rng(seed)
    weights = {
        "rows": xr.DataArray(rng.uniform(0, 2, 6).round(), dims="lat"),
        "cells": rng.uniform(0.1, 2, (6, 9)),
    }.get(weighted, weighted)
    options = {"weights": weights, "standardize": standardize, "random_state": seed}
    data = raster.to_dataset("band") if as_dataset else raster
    if as_dataset:
        for name in data:
            data[name].attrs, data[name].encoding = raster.attrs, raster.encoding
    lazy = lazily(data, dict(zip(raster.dims[-2:], chunks[1:], strict=True)))
    if not as_dataset:
        lazy = lazily(lazy, {"band": chunks[0]})
    here = run_or_explain(data, k, threads=1, **options)
    if isinstance(here, str):
        assert run_or_explain(lazy, k, threads=1, **options) == here
        return
    for number in threads:
        assert same(cluster_raster(lazy, k, threads=number, **options), here)
    if weighted is None:
        check_against_cells(raster, here)


@settings(max_examples=4)
@given(cases)
def test_blocks_threads_and_memory_change_no_bit(case):
    require_same_bits(*case)


@pytest.mark.slow
@settings(max_examples=80)
@given(cases)
def test_many_rasters_in_many_blocks(case):
    require_same_bits(*case, threads=(1, 2, 3))


@pytest.mark.parametrize(
    ("kind", "attrs"),
    [(">i2", {}), ("i1", {"_Unsigned": "true"}), ("f2", {}), (">f4", {}), ("u8", {})],
)
def test_bands_of_unusual_types(kind, attrs):
    raster = image("u1", shape=(6, 9)).clip(1, 120 if kind == "f2" else 250)
    values = raster.values.view("i1") if kind == "i1" else raster.values.astype(kind)
    raster = from_file(raster.copy(data=values), _FillValue=values.dtype.type(9), **attrs)
    here = cluster_raster(raster, 3)
    assert same(cluster_raster(lazily(raster, {"lat": 4, "lon": 5}), 3, threads=2), here)
    assert here.centroids.max() > 100


# One way for all sizes.


@pytest.mark.parametrize("standardize", [False, True])
def test_it_ends_near_lloyd_in_memory(monkeypatch, standardize):
    raster = image(shape=(30, 40), seed=4)
    monkeypatch.setattr(survey, "SAMPLE_ROWS", 900)
    large = cluster_raster(raster, 4, standardize=standardize)
    monkeypatch.setattr(cell_blocks, "LARGE_CELLS", 10_000)
    small = cluster_raster(raster, 4, standardize=standardize)
    assert large.inertia <= 1.005 * small.inertia
    assert small.passes is None
    assert large.passes <= 6
    np.testing.assert_array_equal(small.codebook.predict(raster), small.labels)
    np.testing.assert_array_equal(large.codebook.predict(raster), large.labels)


def test_several_k_are_read_together():
    raster = image(seed=1)
    several = cluster_raster(raster, [2, 4, 3])
    assert list(several) == [2, 4, 3]
    for k, result in several.items():
        assert same(result, cluster_raster(raster, k))


def test_workers_change_no_bit():
    raster = image("f4")
    lazy = lazily(raster, {"lat": 3, "lon": 4})
    weights = xr.DataArray(np.linspace(1, 2, 9), dims="lon")
    here = cluster_raster(raster, 3, weights=weights)
    with client_of() as client, client.as_current():
        assert same(cluster_raster(lazy, 3, weights=weights.chunk({"lon": 5})), here)
        assert same(cluster_raster(raster, 3, weights=weights), here)


def test_lazy_rasters_have_lazy_labels():
    lazy = lazily(image(), {"lat": 3, "lon": 4})
    result = cluster_raster(lazy, 2)
    assert result.labels.chunks == lazy.chunks[1:]
    again = result.predict(lazy)
    assert again.chunks == lazy.chunks[1:]
    xr.testing.assert_equal(again.compute(), result.labels.compute())
    assert isinstance(cluster_raster(image(), 2).labels.data, np.ndarray)


@pytest.mark.parametrize("standardize", [False, True])
def test_one_band_streams(standardize):
    raster = image(d=1, holes=0.3)
    raster[0, :, 3:] = 7
    lazy = lazily(raster, {"lat": 2})
    for weights in (None, "area"):
        here = cluster_raster(raster, 3, standardize=standardize, weights=weights)
        there = cluster_raster(lazy, 3, standardize=standardize, weights=weights)
        assert same(there, here)
        assert here.passes >= 1
        assert there.labels.chunks is not None


def test_packed_integers_are_unpacked():
    stored = image("i2", scale_factor=0.5, add_offset=-20.0)
    plain = (image("i2").astype("f8") * 0.5 - 20).where(image("i2") != FILL["i2"])
    plain.attrs = {}
    packed, floats = cluster_raster(stored, 3), cluster_raster(plain, 3)
    np.testing.assert_array_equal(packed.labels, floats.labels)
    np.testing.assert_allclose(packed.centroids, floats.centroids, rtol=1e-12)
    assert packed.inertia == pytest.approx(floats.inertia, rel=1e-9)
    assert same(cluster_raster(lazily(stored, {"lon": 5}), 3), packed)
    scaled = cluster_raster(stored, 3, standardize=True)
    np.testing.assert_allclose(scaled.scale, plain.std(("lat", "lon")), rtol=0.1)


def test_many_missing_codes_and_ranges():
    raster = image("u2", valid_range=np.array([30, 180], "u2"))
    result = cluster_raster(raster, 2)
    outside = ((raster < 30) | (raster > 180)).any("band").values
    np.testing.assert_array_equal(result.labels.values == -1, outside)


def test_bands_of_several_types():
    raster = image("u1")
    data = raster.to_dataset("band")
    data["b1"] = data["b1"].astype("i2")
    data["b2"] = data["b2"].astype("f4")
    for name in data:
        data[name] = from_file(data[name], _FillValue=data[name].dtype.type(0))
    here = cluster_raster(data, 3)
    lazy = data.copy()
    lazy["b0"], lazy["b1"] = data["b0"].chunk({"lat": 2}), data["b1"].chunk({"lon": 3})
    assert same(cluster_raster(lazy, 3), here)
    check_against_cells(raster, here)


# The sample.


def survey_of(raster, seed=0, **how):
    from fastkm.raster.bands import as_band_stack

    source = cell_blocks.CellBlocks.of(as_band_stack(raster))
    return survey.survey_cells(source.reader, source.list_blocks(), raster[0].size, seed, **how)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 9))
def test_the_sample_does_not_depend_on_blocks(rows, columns, seed):
    raster = image("f4", d=2, holes=0.4)
    here, _ = survey_of(raster, seed)
    there, _ = survey_of(lazily(raster, {"lat": rows, "lon": columns}), seed, threads=2)
    assert here.sample.places.tolist() == there.sample.places.tolist()
    assert here.sample.rows.tobytes() == there.sample.rows.tobytes()
    flat = raster.values.reshape(2, -1).T
    np.testing.assert_array_equal(here.sample.rows, flat[here.sample.places])


def test_the_sample_is_uniform(monkeypatch):
    monkeypatch.setattr(cell_blocks, "BLOCK_CELLS", 2000)
    monkeypatch.setattr(cell_reader, "CHUNK_CELLS", 1000)
    monkeypatch.setattr(survey, "SAMPLE_ROWS", 1000)
    raster = image(shape=(100, 100), holes=0)
    places = [survey_of(raster, seed)[0].sample.places for seed in range(3)]
    for drawn in places:
        assert len(np.unique(drawn)) == 1000
        expected, _ = np.histogram(np.arange(10_000), 10)
        found, _ = np.histogram(drawn, 10)
        assert ((found - expected / 10) ** 2 / (expected / 10)).sum() < 30
    assert 50 < len(np.intersect1d(*places[:2])) < 160


def test_many_missing_cells_take_a_second_pass(monkeypatch):
    monkeypatch.setattr(survey, "SURPLUS", 2)
    raster = image("f4", shape=(20, 30), holes=0)
    raster[:, 2:] = np.nan
    found, passes = survey_of(raster)
    assert passes == 2
    assert found.cells == 60
    assert len(found.sample.places) == 25
    assert found.sample.places.max() < 60
    raster[:, :, 20:] = np.nan
    assert cluster_raster(raster, 2).counts.sum() == 40


def test_rare_cells_are_drawn_for_many_clusters():
    raster = image("u2", holes=0)
    raster[:] = 5
    raster[:, 0, :3] = np.array([[1, 2, 3]] * 3)
    result = cluster_raster(raster, 4)
    assert sorted(result.counts) == [1, 1, 1, 51]
    assert result.inertia == 0
    assert same(cluster_raster(lazily(raster, {"lat": 2}), 4), result)
    with pytest.raises(ClusterError, match=r"k = 5 asks for more .* distinct cells, 4 of 54"):
        cluster_raster(raster, 5)
    with pytest.warns(UserWarning, match="only 4 distinct cells: k = 5, 6 is left out"):
        assert list(cluster_raster(raster, [5, 2, 6])) == [2]


# How it starts and ends.


@pytest.mark.parametrize("kind", ["u2", "f8"])
def test_options_reach_the_engine(kind):
    raster = image(kind, seed=3)
    options = [
        {"init": "random", "n_init": 3}, {"max_iter": 1}, {"tol": 0.0}, {"random_state": 7},
        {"random_state": np.random.default_rng(2)}, {"random_state": np.random.RandomState(2)},
        {"init": np.full((3, 3), 100.0) + np.arange(3)[:, None], "standardize": True},
        {"init": lambda rows, k, random_state: rows[:k]},
    ]  # fmt: skip
    for own in options:
        result = cluster_raster(raster, 3, **own)
        check_against_cells(raster, result)
    with pytest.raises(ValueError, match=r"init must have shape \(k, bands\)"):
        cluster_raster(raster, 3, init=np.zeros((2, 3)))


def test_it_ends_when_nothing_moves():
    raster = image("u2", seed=3)
    result = cluster_raster(raster, 3, tol=0.0)
    rows = raster.values.reshape(3, -1).T
    labels = result.labels.values.reshape(-1)
    means = [rows[labels == j].mean(axis=0) for j in range(3)]
    np.testing.assert_allclose(result.centroids, means, rtol=1e-12)
    once = cluster_raster(raster, 3, tol=0.0, max_iter=1)
    assert once.inertia >= result.inertia
    assert once.passes == 3  # the survey, the pass that moves centroids, and that of the result


def test_k_is_chosen_from_the_sample():
    raster = image(seed=2, holes=0)
    results = cluster_raster(raster, [2, 3, 4, 5])
    choice = choose_k(results)
    assert set(choice.scores) == {2, 3, 4, 5}
    assert all(-1 <= score <= 1 for score in choice.scores.values())
    for criterion in ("bic", "calinski_harabasz", "elbow"):
        assert choose_k(results, criterion).k in results
    weighted = cluster_raster(raster, [2, 3], weights="area")
    assert choose_k(weighted).k in weighted


# What is refused.


def test_infinities_are_refused_by_band():
    raster = image("f4", holes=0)
    raster[1, 2, 3:5] = np.inf
    for data in (raster, lazily(raster, {"lat": 2})):
        with pytest.raises(ValueError, match="infinity in 2 cells of band 'b1'"):
            cluster_raster(data, 2)
    clean = cluster_raster(image("f4"), 2)
    with pytest.raises(ValueError, match=r"infinity in . cells of a block of band 'b1'"):
        clean.predict(raster)


@pytest.mark.parametrize(
    ("weight", "message"),
    [(-1.0, "not negative, got -1.0"), (np.nan, "got nan"), (np.inf, "got inf")],
)
def test_wrong_weights_are_refused(weight, message):
    weights = np.ones((6, 9))
    weights[2, 3] = weight
    raster = image(holes=0)
    for data in (raster, lazily(raster, {"lat": 2})):
        with pytest.raises(ValueError, match=f"weights must be .*{message}"):
            cluster_raster(data, 2, weights=weights)
    with pytest.raises(ValueError, match="above 0 somewhere, got 0 in all cells"):
        cluster_raster(raster, 2, weights=np.zeros((6, 1)))


def test_all_missing_is_a_cluster_error():
    raster = image("f4")
    raster[1] = np.nan
    for weights in (None, "area"):
        with pytest.raises(ClusterError, match="all cells are missing in one band or another"):
            cluster_raster(raster, 2, weights=weights)


def test_squares_that_overflow_are_refused():
    raster = image("f4", holes=0)
    raster[0, 0, 0] = 1e20
    with pytest.raises(ValueError, match="squared distances overflow"):
        cluster_raster(raster, 2)


@pytest.mark.parametrize("kind", ["u2", "f4"])
def test_constant_bands_stay_and_warn(kind):
    raster = image(kind, holes=0)
    raster[1] = 9
    with pytest.warns(RuntimeWarning, match="deviation zero are not standardised: 'b1'"):
        result = cluster_raster(raster, 2, standardize=True)
    assert result.scale[1] == 1


def test_rules_of_computed_bands_are_not_applied():
    raster = image("f4", holes=0)
    lazy = raster.chunk({"lat": 2}) * np.float32(1)
    lazy.attrs["valid_max"] = 100.0
    with pytest.warns(UserWarning, match="valid_max"):
        result = cluster_raster(lazy, 2)
    assert result.counts.sum() == 54
    with pytest.warns(UserWarning, match="valid_max"):
        result.labels.compute()


def test_a_codebook_labels_any_cells_alike():
    raster = image("f4", seed=5)
    book = cluster_raster(raster, 3, standardize=True).codebook
    whole = book.predict(raster)
    assert isinstance(book, BandsCodebook)
    for i, j in itertools.product(range(0, 6, 2), range(0, 9, 3)):
        part = raster[:, i : i + 2, j : j + 3]
        np.testing.assert_array_equal(book.predict(part), whole[i : i + 2, j : j + 3])


def test_columns_that_repeat_others_are_counted_once():
    raster = image(shape=(5, 9), holes=0)
    raster = raster.assign_coords(lon=("lon", np.linspace(0, 360, 9), EAST))
    raster.encoding = {"dtype": raster.dtype}
    raster[:, :, -1] = raster[:, :, 0]
    with pytest.warns(UserWarning, match="the last column repeats the first"):
        here = cluster_raster(raster, 2, weights="area")
    there = cluster_raster(lazily(raster, {"lat": 2, "lon": 4}), 2, weights="area")
    assert here.counts.sum() == 40
    assert here.labels.shape == (5, 9)
    assert same(there, here)
    assert fastkm.choose_k({2: here, 3: here}).k == 2
