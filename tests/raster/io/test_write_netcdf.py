import netCDF4
import numpy as np
import pytest
import xarray as xr

import fastkm
from fastkm.raster.io.write_netcdf import write_labels
from fastkm.raster.labels import label_raster
from tests.small_files import NORTH, write_netcdf

nan = np.nan


@pytest.fixture
def written(labels, tmp_path):
    path = tmp_path / "made" / "labels.nc"
    write_labels(labels, path, source="in.nc: water", history="kmeans1d, k = 2")
    return path


def test_file_as_it_stands(written):
    with netCDF4.Dataset(written) as file:
        file.set_auto_maskandscale(False)
        cluster = file["cluster"]
        assert cluster.dtype == np.int8
        assert cluster.dimensions == ("lat", "lon")
        assert cluster._FillValue == -1
        assert cluster._FillValue.dtype == np.int8
        np.testing.assert_array_equal(cluster[:], [[0, 0, -1], [1, 1, 0]])
        np.testing.assert_array_equal(cluster.flag_values, [0, 1])
        assert cluster.flag_values.dtype == np.int8
        assert len(cluster.flag_meanings.split()) == len(cluster.flag_values)
        assert "_FillValue" not in file["lat"].ncattrs()
        assert "_FillValue" not in file["lon"].ncattrs()


def test_file_tells_where_it_comes_from(written):
    with netCDF4.Dataset(written) as file:
        assert file.Conventions == "CF-1.8"
        assert file.title == "cluster of Water vapour"
        assert file.source == "in.nc: water"
        assert file.history == f"fastkm {fastkm.__version__}: kmeans1d, k = 2"


def test_netcdf4_masks_what_is_missing(written):
    with netCDF4.Dataset(written) as file:
        np.testing.assert_array_equal(file["cluster"][:].mask, [[0, 0, 1], [0, 0, 0]])


def test_xarray_reads_values_and_coordinates_back(written, raster):
    with xr.open_dataset(written) as file:
        np.testing.assert_array_equal(file["cluster"], [[0, 0, nan], [1, 1, 0]])
        assert set(file["cluster"].coords) == {"lat", "lon", "time"}
        for name in ("lat", "lon", "time"):
            np.testing.assert_array_equal(file[name], raster[name])
        assert file["lat"].attrs == raster["lat"].attrs


def test_fastkm_reads_its_own_labels_back(written):
    np.testing.assert_array_equal(fastkm.read_raster(written), [[0, 0, nan], [1, 1, 0]])


def test_attributes_name_no_variable_that_the_file_lacks(tmp_path):
    latitude = (np.array([-5.0, 5]), {**NORTH, "bounds": "lat_limits"})
    more = {"lat_limits": (np.array([[-10.0, 0], [0, 10]]), {}, ("lat", "nv"))}
    values = np.array([[1.0, 2], [8, 9]])
    write_netcdf(tmp_path / "in.nc", values, coords={"lat": latitude}, more=more)
    raster = fastkm.read_raster(tmp_path / "in.nc")
    labels = label_raster(raster, fastkm.kmeans1d(raster, 2))
    write_labels(labels, tmp_path / "out.nc", source="-", history="-")
    with netCDF4.Dataset(tmp_path / "out.nc") as file:
        assert getattr(file["lat"], "bounds", "lat") in file.variables


def test_one_cluster_can_be_written(raster, tmp_path):
    labels = label_raster(raster, fastkm.kmeans1d(raster, 1))
    write_labels(labels, tmp_path / "one.nc", source="-", history="-")
    with netCDF4.Dataset(tmp_path / "one.nc") as file:
        assert file["cluster"].flag_values == 0
        assert file["cluster"].flag_meanings.split() == ["around_9_kg_m-2"]


def test_dates_of_model_calendars_are_written(tmp_path):
    time = (np.array([59]), {"units": "days since 2009-01-01", "calendar": "360_day"})
    values = np.array([[[1.0, 2], [8, 9]]])
    write_netcdf(tmp_path / "in.nc", values, ("time", "lat", "lon"), coords={"time": time})
    raster = fastkm.read_raster(tmp_path / "in.nc")
    labels = label_raster(raster, fastkm.kmeans1d(raster, 2))
    write_labels(labels, tmp_path / "out.nc", source="-", history="-")
    with xr.open_dataset(tmp_path / "out.nc") as file:
        assert file.time.item() == raster.time.item()


def test_existing_file_is_replaced(labels, tmp_path):
    path = tmp_path / "labels.nc"
    path.write_text("old")
    write_labels(labels, path, source="-", history="-")
    assert fastkm.read_raster(path).shape == (2, 3)


def test_failed_write_leaves_the_old_file_and_nothing_else(labels, tmp_path, monkeypatch):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "labels.nc").write_text("old")

    def fail(dataset, draft, encoding):
        draft.write_text("half")
        raise OSError("disk full")

    monkeypatch.setattr("fastkm.raster.io.write_netcdf.write_dataset", fail)
    with pytest.raises(OSError, match="disk full"):
        write_labels(labels, folder / "labels.nc", source="-", history="-")
    assert [file.name for file in folder.iterdir()] == ["labels.nc"]
    assert (folder / "labels.nc").read_text() == "old"


@pytest.mark.parametrize("chunks", [(2, 2), (1, 9), (9, 3)])
def test_blocks_of_lazy_labels(tmp_path, monkeypatch, chunks):
    monkeypatch.setattr("fastkm.raster.io.write_netcdf.CHUNK", 4)
    raster = xr.DataArray(
        np.random.default_rng(0).normal(size=(7, 9)), {"y": np.arange(7.0)}, ("y", "x"), "water"
    )
    raster = raster.assign_coords(height=2.0, place=("x", np.arange(9)))
    raster[2, 3] = nan
    labels = label_raster(raster, fastkm.kmeans1d(raster, 3))
    lazy = labels.chunk(dict(zip("yx", chunks, strict=True)))
    for made, path in ((labels, tmp_path / "a.nc"), (lazy, tmp_path / "b.nc")):
        write_labels(made, path, source="-", history="-")
    with netCDF4.Dataset(tmp_path / "b.nc") as file:
        assert file["cluster"].chunking() == [4, 4]
        assert file["cluster"].coordinates == "height place"
        assert "coordinates" not in file.ncattrs()
    with xr.open_dataset(tmp_path / "a.nc") as one, xr.open_dataset(tmp_path / "b.nc") as other:
        assert one.identical(other)
        np.testing.assert_array_equal(one.cluster.fillna(-1), labels)
