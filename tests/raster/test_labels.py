import numpy as np
import pandas as pd
import pytest
import xarray as xr

import fastkm
from fastkm._core.atomic_write import ExplainedError
from fastkm.raster.labels import iterate_cells, label_raster
from tests.conftest import needs_jit
from tests.small_files import write_basin

nan = np.nan


def test_cells_get_the_number_of_their_cluster(labels):
    np.testing.assert_array_equal(labels, [[0, 0, -1], [1, 1, 0]])
    assert labels.dtype == np.int8
    assert labels.name == "cluster"


def test_flags_are_one_word_a_cluster(labels):
    np.testing.assert_array_equal(labels.attrs["flag_values"], [0, 1])
    assert labels.attrs["flag_values"].dtype == np.int8
    assert labels.attrs["flag_meanings"] == "around_1.333_kg_m-2 around_20.5_kg_m-2"


@pytest.mark.parametrize("units", ["µg m-3", "W/m^2", "°C", "%", "", "1e-3 kg (kg)-1", "a  b"])
def test_flag_meanings_keep_to_the_letters_of_cf(raster, units):
    raster.attrs["units"] = units
    meanings = label_raster(raster, fastkm.kmeans1d(raster, 2)).attrs["flag_meanings"]
    words = meanings.split(" ")
    assert len(words) == 2
    allowed = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.+@")
    for word in words:
        assert word
        assert set(word) <= allowed


def test_flag_meanings_of_close_centroids_differ():
    pressure = xr.DataArray([[101320.0, 101321.0], [101324.0, 101325.0]], attrs={"units": "Pa"})
    labels = label_raster(pressure, fastkm.kmeans1d(pressure, 2))
    first, second = labels.attrs["flag_meanings"].split()
    assert first != second


def test_labels_tell_where_they_come_from(raster, labels):
    codebook = fastkm.kmeans1d(raster, 2)
    assert labels.attrs["long_name"] == "cluster of Water vapour"
    np.testing.assert_array_equal(labels.attrs["centroids"], codebook.centroids)
    np.testing.assert_array_equal(labels.attrs["breaks"], codebook.breaks)
    assert labels.attrs["inertia"] == codebook.inertia
    assert labels.attrs["centroid_units"] == "kg m-2"


def test_every_way_leads_to_the_same_label_map(raster, labels):
    codebook, clusters = fastkm.kmeans1d(raster, 2), fastkm.cluster_raster(raster, 2)
    xr.testing.assert_identical(clusters.labels, labels)
    inertia = {"inertia": codebook.inertia}
    for predicted in (codebook.predict(raster), clusters.predict(raster)):
        xr.testing.assert_identical(predicted.assign_attrs(inertia), labels)
        assert predicted.encoding == clusters.labels.encoding == {"_FillValue": np.int8(-1)}


def test_flags_have_the_type_of_the_labels(raster):
    wide = fastkm.kmeans1d(raster, 2).predict(raster, out=np.empty(raster.shape, "i4"))
    assert wide.attrs["flag_values"].dtype == wide.encoding["_FillValue"].dtype == np.int32


@pytest.mark.parametrize("lazy", [False, True])
def test_xarray_writes_what_is_missing(raster, tmp_path, lazy):
    labels = fastkm.kmeans1d(raster, 2).predict(raster.chunk(lat=1) if lazy else raster)
    labels.to_netcdf(tmp_path / "labels.nc")
    with xr.open_dataset(tmp_path / "labels.nc") as file:
        np.testing.assert_array_equal(file["cluster"], [[0, 0, nan], [1, 1, 0]])
        assert file["cluster"].encoding["dtype"] == np.int8
        assert file["cluster"].attrs["flag_values"].dtype == np.int8
    with xr.open_dataset(tmp_path / "labels.nc", mask_and_scale=False) as file:
        np.testing.assert_array_equal(file["cluster"], labels)


def test_labels_name_the_reference_system(raster, tmp_path):
    raster = raster.assign_coords(crs=((), 0, {"grid_mapping_name": "latitude_longitude"}))
    raster.attrs["grid_mapping"] = "crs"
    labels = fastkm.kmeans1d(raster, 2).predict(raster)
    assert labels.encoding["grid_mapping"] == "crs"
    assert "grid_mapping" not in labels.attrs
    labels.to_netcdf(tmp_path / "labels.nc")
    with xr.open_dataset(tmp_path / "labels.nc") as file:
        assert file["cluster"].attrs["grid_mapping"] == "crs"


@pytest.mark.parametrize("keep", [True, False])
def test_groups_of_labels_are_a_label_map(keep):
    dates = pd.date_range("2000-01-01", periods=12, freq="MS")
    months = xr.DataArray(np.arange(24.0).reshape(12, 2), {"time": dates}, ("time", "x"), "water")
    book = fastkm.kmeans1d(months, 3)
    with xr.set_options(keep_attrs=keep):
        labels = months.groupby("time.season").map(book.predict)
    xr.testing.assert_equal(labels.drop_vars("season", errors="ignore"), book.predict(months))
    assert labels.name == "cluster"
    assert labels.attrs.keys() == book.predict(months).attrs.keys()
    assert labels.encoding == {"_FillValue": np.int8(-1)}


def test_labels_of_a_series_keep_its_index():
    water = pd.Series([1.0, nan, 9.0], index=["a", "b", "c"], name="water")
    labels = fastkm.kmeans1d(water, 2).predict(water)
    expected = pd.Series([0, -1, 1], index=["a", "b", "c"], name="cluster", dtype="int8")
    pd.testing.assert_series_equal(labels, expected)


def test_labels_of_a_column_of_polygons_are_a_column():
    import geopandas as gpd

    frame = gpd.GeoDataFrame(
        {"water": [1.0, 9.0, 8.0]}, geometry=gpd.points_from_xy(*[range(3)] * 2)
    )
    frame = frame.iloc[[2, 0, 1]]
    frame["cluster"] = fastkm.kmeans1d(frame["water"], 2).predict(frame["water"])
    assert frame["cluster"].to_dict() == {2: 1, 0: 0, 1: 1}


def test_raster_is_left_as_it_was(raster):
    before = raster.copy(deep=True)
    label_raster(raster, fastkm.kmeans1d(raster, 2))
    xr.testing.assert_identical(raster, before)
    assert raster.encoding["_FillValue"] == -9


def test_raw_raster_gets_the_same_labels(tmp_path):
    path = write_basin(tmp_path / "basin.nc")
    kept, masked = fastkm.read_raster(path, missing="keep"), fastkm.read_raster(path)
    codebook = fastkm.kmeans1d(masked, 3)
    np.testing.assert_array_equal(label_raster(kept, codebook), label_raster(masked, codebook))
    assert (label_raster(kept, codebook).values == -1).sum() == masked.isnull().sum()


@needs_jit
def test_many_clusters_take_a_wider_type():
    values = xr.DataArray(np.arange(400.0).reshape(20, 20))
    labels = label_raster(values, fastkm.kmeans1d(values, 200))
    assert labels.dtype == np.int16
    assert labels.attrs["flag_values"].dtype == np.int16
    assert len(labels.attrs["flag_meanings"].split()) == 200
    assert labels.max() == 199


@pytest.mark.parametrize("cells", [1, 7, 100])
def test_blocks_of_arrays_in_memory_are_rows(monkeypatch, cells):
    monkeypatch.setattr("fastkm.raster.labels.CELLS_TOGETHER", cells)
    arrays = [np.arange(12).reshape(4, 3), np.arange(12, 24).reshape(4, 3)]
    copies = [np.zeros_like(array) for array in arrays]
    boxes = []
    for box, blocks in iterate_cells(arrays):
        boxes.append(box)
        for copy, block in zip(copies, blocks, strict=True):
            copy[box] = block
    np.testing.assert_array_equal(copies, arrays)
    assert len(boxes) == {1: 4, 7: 2, 100: 1}[cells]


def test_an_error_of_reading_says_so_itself():
    import dask.array as da

    def fail(block):
        raise OSError("a.nc has changed")

    lazy = da.zeros((4, 4), chunks=2).map_blocks(fail, meta=np.zeros((0, 0)))
    with pytest.raises(ExplainedError, match=r"^a.nc has changed$"):
        list(iterate_cells([lazy]))
