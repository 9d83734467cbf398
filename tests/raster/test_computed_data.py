"""Arrays that xarray has computed keep the attributes of their file, which no longer hold."""

import pickle
import warnings

import dask.array as da
import numpy as np
import pytest
import xarray as xr

import fastkm
from fastkm.cluster.exact.kmeans1d import kmeans1d
from tests.small_files import EAST, NORTH, write_netcdf

ROWS, COLUMNS = 6, 8
BELOW = 7  # cells that are below 0 once the mean is taken away


@pytest.fixture(autouse=True)
def _attributes_are_kept():
    """Let all versions of xarray do what newer ones do by default."""
    with xr.set_options(keep_attrs=True):
        yield


@pytest.fixture
def file(tmp_path):
    values = np.full((ROWS, COLUMNS), 30.0, "f4") + np.arange(COLUMNS, dtype="f4")
    values.ravel()[:BELOW] = 1 + np.arange(BELOW) / 8
    coords = {
        "lat": (np.linspace(-50, 50, ROWS), NORTH),
        "lon": (np.arange(COLUMNS) * 45.0, EAST),
    }
    limits = {"valid_min": np.float32(0), "valid_max": np.float32(99)}
    return write_netcdf(tmp_path / "water.nc", values, coords=coords, **limits)


@pytest.fixture(params=[{}, {"mask_and_scale": False}, {"chunks": {"lat": 2}}], ids=str)
def anomaly(file, request):
    with xr.open_dataset(file, **request.param) as dataset:
        yield dataset["water"] - 20


def caught(function):
    """Return a result, and what was said of computed data."""
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        result = function()
    texts = [str(one.message) for one in given if "computed data" in str(one.message)]
    return result, texts


def assert_said_once(texts, cells=BELOW):
    assert len(texts) == 1
    assert f"not applied: valid_min = 0.0, valid_max = 99.0; {cells} cells" in texts[0]
    assert ".where()" in texts[0]


def test_all_cells_of_an_anomaly_are_clustered(anomaly):
    result, texts = caught(lambda: fastkm.kmeans1d(anomaly, 2))
    assert result.counts.tolist() == [BELOW, anomaly.size - BELOW]
    assert result.centroids[0] < 0
    assert_said_once(texts)
    results, texts = caught(lambda: fastkm.kmeans1d(anomaly, [2, 3]))
    assert_said_once(texts)
    assert caught(lambda: fastkm.choose_k(results, "bic"))[1] == []


def test_all_cells_of_an_anomaly_are_labelled(anomaly):
    result = fastkm.kmeans1d(anomaly.values, 2)
    labels, texts = caught(lambda: result.predict(anomaly).compute())
    assert (labels.values >= 0).all()
    if anomaly.chunks is None:
        assert_said_once(texts)
    else:
        assert len(texts) == 1  # with the count of one of the blocks
        assert "cells of a block that they would make missing" in texts[0]


@pytest.mark.parametrize("several", [False, True])
def test_all_cells_of_a_raster_are_clustered(anomaly, several):
    raster = xr.Dataset({"a": anomaly, "b": anomaly}) if several else anomaly
    result, texts = caught(lambda: fastkm.cluster_raster(raster, 2))
    assert result.counts.sum() == anomaly.size
    assert_said_once(texts, BELOW * (1 + several))
    labels, texts = caught(lambda: result.predict(raster).compute())
    assert (labels.values >= 0).all()
    assert len(texts) == 1


def test_all_cells_of_a_stack_are_clustered(anomaly):
    stack = xr.concat([anomaly, anomaly], "month")
    result, texts = caught(lambda: fastkm.cluster_raster(stack, 2))
    assert result.counts.sum() == anomaly.size
    assert_said_once(texts, 2 * BELOW)


def test_all_cells_of_an_anomaly_are_outlined(anomaly):
    outlines, texts = caught(lambda: fastkm.outline(anomaly, 2))
    assert outlines["cells"].sum() == anomaly.size
    assert_said_once(texts)
    bare = anomaly.copy()
    bare.attrs = {}
    labels = fastkm.kmeans1d(anomaly.values, 2).predict(bare)
    given, texts = caught(lambda: fastkm.outline(labels, values=anomaly))
    assert given["min"].min() < 0
    assert_said_once(texts)


def test_all_cells_of_an_anomaly_are_contoured_and_estimated(anomaly):
    contours, texts = caught(lambda: fastkm.find_contours(anomaly, 0.0))
    assert len(contours)
    assert_said_once(texts)
    rows = anomaly.stack(cell=("lat", "lon")).expand_dims("band").T
    model, texts = caught(lambda: fastkm.KMeans(2, random_state=0).fit(rows))
    assert model.cluster_centers_.min() < 0
    assert_said_once(texts)
    assert_said_once(caught(lambda: fastkm.kmeans2(rows, 2, rng=0))[1])


def test_labels_by_a_map_are_polygons_of_all_cells(file):
    with xr.open_dataset(file) as dataset:
        labels = (dataset["water"] > 20).astype("i1") + 100
    polygons, texts = caught(lambda: fastkm.polygonize(labels))
    assert len(polygons) == 2
    assert len(texts) == 1
    assert f"{labels.size} cells" in texts[0]


def test_the_numbers_of_the_file_keep_its_rules(file):
    with xr.open_dataset(file) as dataset:
        dataset["water"].attrs["valid_min"] = np.float32(20)
        part = dataset["water"].isel(lat=slice(None, None, -1)).copy()
        result, texts = caught(lambda: fastkm.kmeans1d(part, 2))
    assert result.counts.sum() == part.size - BELOW
    assert texts == []


@pytest.mark.parametrize("missing", ["mask", "keep"])
def test_a_raster_that_fastkm_has_read_may_be_computed_with(file, missing):
    raster = fastkm.read_raster(file, missing=missing)
    assert fastkm.kmeans1d(raster, 2).counts.sum() == raster.size
    result, texts = caught(lambda: fastkm.kmeans1d(raster - 20, 2))
    assert result.counts.sum() == raster.size
    assert len(texts) == (missing == "keep")  # otherwise no attribute is left to apply


def test_computed_weights_are_used_as_they_are():
    weights = xr.DataArray([-1.0, 1.0, 3.0], dims="x", attrs={"valid_min": 0.0})
    with pytest.raises(ValueError, match="weights must be finite and not negative"):
        caught(lambda: fastkm.kmeans1d([1.0, 2, 9], 2, weights=weights))
    result, texts = caught(lambda: fastkm.kmeans1d([1.0, 2, 9], 2, weights=weights + 1))
    assert result.weights.tolist() == [2.0, 4.0]
    assert texts == []


def test_masked_blocks_of_dask_are_not_counted_twice():
    values = np.ma.masked_less(np.array([-5.0, -1.0, 2.0, 8.0]), -2)
    array = xr.DataArray(da.from_array(values, chunks=2), dims="x", attrs={"valid_min": 0.0})
    result, texts = caught(lambda: kmeans1d(array, 2))
    assert result.counts.tolist() == [2, 1]
    assert "1 cell that" in texts[0]


def test_a_plan_of_labels_with_stale_rules_can_be_sent_to_another_process(anomaly):
    if anomaly.chunks is None:
        return
    labels = fastkm.kmeans1d(anomaly.values, 2).predict(anomaly)
    sent, texts = caught(lambda: pickle.loads(pickle.dumps(labels)).compute(scheduler="sync"))
    assert (sent.values >= 0).all()
    assert len(texts) == 1
