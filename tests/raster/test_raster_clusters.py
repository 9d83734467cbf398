"""What a raster's clusters print, label, keep and tell `choose_k`."""

import copy
import pickle

import numpy as np
import pytest
import xarray as xr
from sklearn.metrics import calinski_harabasz_score, silhouette_score

import fastkm
from fastkm import cluster_raster, load_codebook

nan = np.nan


def stack(seed=0):
    rng = np.random.default_rng(seed)
    groups = np.arange(8) // 3
    values = np.stack([10.0 * groups, 500.0 - 100 * groups])[:, None, :]
    values = values + rng.normal(0, [[[0.5]], [[5.0]]], (2, 5, 8))
    coords = {"band": ["red", "nir"], "y": np.arange(5.0)[::-1], "x": np.arange(8.0)}
    return xr.DataArray(values, coords, ("band", "y", "x"), attrs={"units": "W m-2"})


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_own_labels_are_predicted(standardize, dtype):
    bands = stack().astype(dtype)
    bands[0, 1, 1] = nan
    result = cluster_raster(bands, 3, standardize=standardize)
    predicted = result.predict(bands)
    np.testing.assert_array_equal(predicted, result.labels)
    assert predicted.dtype == result.labels.dtype
    assert predicted.name == "cluster"
    assert "inertia" not in predicted.attrs
    xr.testing.assert_identical(predicted.y, bands.y)


def test_another_stack_is_labelled_by_the_same_centroids_and_deviations():
    result = cluster_raster(stack(), 3, standardize=True)
    other = stack(1) * [[[1.0]], [[1.0]]]
    other[1, 0, 0] = nan
    labels = result.predict(other).values
    rows = other.values.reshape(2, -1).T / result.scale.values
    codes = result.centroids.values / result.scale.values
    nearest = ((rows[:, None] - codes) ** 2).sum(axis=2).argmin(axis=1).reshape(5, 8)
    nearest[0, 0] = -1
    np.testing.assert_array_equal(labels, nearest)


def test_variables_of_a_dataset_are_taken_by_name():
    bands = stack()
    result = cluster_raster(bands, 3)
    data = bands.to_dataset("band")
    mixed = data[["nir"]].assign(extra=data.red * 7, red=data.red)
    np.testing.assert_array_equal(result.predict(mixed), result.labels)
    with pytest.raises(ValueError, match="must have the variables red, nir, got nir"):
        result.predict(data[["nir"]])


def test_bands_of_an_array_must_be_the_same():
    result = cluster_raster(stack(), 3)
    with pytest.raises(ValueError, match="must have the bands red, nir, got nir, red"):
        result.predict(stack().sel(band=["nir", "red"]))
    with pytest.raises(ValueError, match="must have the bands red, nir, got red"):
        result.predict(stack().sel(band=["red"]))


def test_another_year_has_other_dates():
    year = np.array(["2009-01-01", "2009-07-01"], "M8[ns]")
    bands = stack().rename(band="time")
    result = cluster_raster(bands.assign_coords(time=year), 3)
    later = bands.assign_coords(time=year + np.timedelta64(365, "D"))
    np.testing.assert_array_equal(result.predict(later), result.labels)


def test_one_band_predicts_too():
    band = stack()[0]
    result = cluster_raster(band, 3)
    np.testing.assert_array_equal(result.predict(band), result.labels)
    assert "inertia" not in result.predict(band).attrs
    with pytest.raises(ValueError, match="must have one band"):
        result.predict(stack())


def test_it_prints_itself():
    result = cluster_raster(stack(), 3, standardize=True)
    text = repr(result)
    title, heading, *rows = text.splitlines()
    assert title.startswith("RasterClusters: 3 clusters of 2 bands, 40 cells, inertia ")
    assert title.endswith("of standardised bands")
    assert heading.split() == ["red", "W", "m-2", "nir", "W", "m-2", "cells", "share"]
    assert len(rows) == 3
    assert rows[0].split()[-1] == "37.50%"
    html = result._repr_html_()
    assert html.startswith("<table><caption>RasterClusters: 3 clusters")
    assert html.count("<tr>") == 4
    one = cluster_raster(stack()[0], 1)
    assert "1 cluster of values" in repr(one)
    assert "proven optimal" in repr(one)


def test_names_are_escaped_in_html():
    data = xr.Dataset({"a<b": stack()[0].drop_vars("band"), "c": stack()[1].drop_vars("band")})
    assert "a&lt;b" in cluster_raster(data, 2)._repr_html_()


@pytest.mark.parametrize("standardize", [False, True])
def test_codebooks_are_kept_in_files(tmp_path, standardize):
    result = cluster_raster(stack(), 3, standardize=standardize)
    result.save(tmp_path / "a.json")
    loaded = load_codebook(tmp_path / "a.json")
    np.testing.assert_array_equal(loaded.predict(stack(2)), result.predict(stack(2)))
    np.testing.assert_array_equal(loaded.centroids, result.centroids)


def test_codebook_of_one_band_is_the_one_of_kmeans1d(tmp_path):
    cluster_raster(stack()[0], 3).save(tmp_path / "a.json")
    assert load_codebook(tmp_path / "a.json").k == 3


# Choosing k.


@pytest.mark.parametrize("standardize", [False, True])
def test_scores_are_scikit_learns(standardize):
    bands = stack()
    bands[0, 2, 2] = nan
    results = cluster_raster(bands, [2, 3, 4], standardize=standardize, tol=0)
    silhouette = fastkm.choose_k(results)
    variance = fastkm.choose_k(results, "calinski_harabasz")
    assert silhouette.k == 3
    for k, result in results.items():
        flat = result.labels.values.reshape(-1)
        rows = bands.values.reshape(2, -1).T[flat >= 0]
        rows = rows / result.scale.values if standardize else rows
        labels = flat[flat >= 0]
        assert silhouette.scores[k] == pytest.approx(silhouette_score(rows, labels))
        assert variance.scores[k] == pytest.approx(calinski_harabasz_score(rows, labels))
    assert set(silhouette.errors.values()) == {0.0}


@pytest.mark.parametrize("criterion", ["bic", "elbow"])
def test_other_criteria_choose_too(criterion):
    results = cluster_raster(stack(), range(1, 6), standardize=True)
    assert fastkm.choose_k(results, criterion).k in {2, 3}


def test_area_weights_reach_the_scores():
    bands = stack()
    weights = np.arange(1.0, 9)
    results = cluster_raster(bands, [2, 3], weights=weights)
    plain = cluster_raster(bands, [2, 3])
    assert fastkm.choose_k(results).scores != fastkm.choose_k(plain).scores


def test_results_of_two_calls_do_not_mix():
    mixed = {2: cluster_raster(stack(), 2), 3: cluster_raster(stack(), 3)}
    with pytest.raises(ValueError, match="one call"):
        fastkm.choose_k(mixed)
    with pytest.raises(TypeError, match=r"call .* with several k"):
        fastkm.choose_k(mixed[2])


def test_pickles_leave_the_raster_behind():
    results = cluster_raster(stack(), [2, 3])
    loaded = pickle.loads(pickle.dumps(results))
    np.testing.assert_array_equal(loaded[3].predict(stack()), results[3].labels)
    with pytest.raises(ValueError, match="pickled ones have no values"):
        fastkm.choose_k(loaded)
    assert copy.copy(results[2]).k == 2
