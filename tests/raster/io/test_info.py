import netCDF4
import numpy as np
import pytest

import fastkm
from fastkm.raster.io.info import describe_variables, find_suspicious_values
from tests.small_files import REAL, write_basin, write_netcdf


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file.nc"


def test_raster_is_described(path):
    write_basin(path, (12, 24))
    [basin] = describe_variables(path)
    assert basin.name == "water"
    assert basin.units == "kg m-2"
    assert basin.long_name == "Precipitable Water"
    assert basin.sizes == {"time": 1, "latitude": 12, "longitude": 24}
    assert basin.dtype == "float32"
    assert basin.cells == 288
    assert basin.missing == {"_FillValue": 36, "missing_value": 36, "valid_min": 36 + 42}
    assert basin.valid == 288 - 36 - 42
    assert basin.hidden == {"valid_min": [-500.0]}
    assert basin.suspicious == []


def test_range_is_that_of_the_cells_that_reading_leaves(path):
    [basin] = describe_variables(write_basin(path))
    raster = fastkm.read_raster(path)
    assert (basin.low, basin.high) == (raster.min(), raster.max())
    assert basin.valid == raster.count()


def test_sentinel_that_nothing_declares_is_suspicious(path):
    values = np.arange(30.0).reshape(5, 6)
    values[0] = -500
    [found] = describe_variables(write_netcdf(path, values))
    assert found.suspicious == [-500.0]
    assert found.low == -500


def test_packed_range_is_in_units_and_type_as_stored(path):
    stored = np.array([[0, 100, 200], [300, 9000, -1]], np.int16)
    rules = {"_FillValue": np.int16(-1), "valid_max": np.int16(1000)}
    [found] = describe_variables(
        write_netcdf(path, stored, scale_factor=0.5, add_offset=10.0, **rules)
    )
    assert (found.low, found.high) == (10, 160)
    assert found.dtype == "int16"
    assert found.missing == {"_FillValue": 1, "valid_max": 1}
    assert found.valid == 4


def test_unsigned_bytes_are_read_as_such(path):
    stored = np.array([[1, 2, 3], [100, -56, -1]], np.int8)
    [found] = describe_variables(
        write_netcdf(path, stored, _FillValue=np.int8(-1), _Unsigned="true")
    )
    assert (found.low, found.high) == (1, 200)
    assert found.valid == 5


def test_default_fill_value_counts_as_fill_value(path):
    values = np.array([[1, 2, netCDF4.default_fillvals["f4"]]], np.float32)
    [found] = describe_variables(write_netcdf(path, values))
    assert found.missing == {"_FillValue": 1}
    assert found.high == 2


def test_cells_of_all_time_steps_count(path):
    values = np.array([[[1, np.nan]], [[3, 4]]])
    [found] = describe_variables(write_netcdf(path, values, ("time", "lat", "lon")))
    assert found.cells == 4
    assert found.missing == {"NaN": 1}
    assert (found.low, found.high) == (1, 4)


def test_range_of_a_raster_that_is_all_missing_is_nan(path):
    [found] = describe_variables(write_netcdf(path, np.full((2, 2), -9.0), _FillValue=-9.0))
    assert np.isnan([found.low, found.high]).all()
    assert found.valid == 0


def test_range_that_catches_many_values_hides_none(path):
    [found] = describe_variables(write_netcdf(path, np.arange(12.0).reshape(3, 4), valid_max=5.0))
    assert found.missing == {"valid_max": 6}
    assert found.hidden == {}


def test_reader_and_description_agree_on_a_missing_value_in_double(path):
    values = np.array([[1, 2, 3], [4, 5, 1e20]], np.float32)
    [found] = describe_variables(write_netcdf(path, values, missing_value=np.float64(1e20)))
    assert found.valid == 5
    assert fastkm.read_raster(path).count() == found.valid


def test_each_raster_of_a_file_is_described_and_nothing_else(path):
    more = {
        "ice": (np.zeros((2, 2)), {"units": "1"}, ("lat", "lon")),
        "profile": (np.zeros(2), {}, ("lat",)),
    }
    write_netcdf(path, np.ones((2, 2)), more=more)
    assert [(found.name, found.units) for found in describe_variables(path)] == [
        ("ice", "1"),
        ("water", ""),
    ]


def test_file_without_rasters_gives_an_empty_list(path):
    assert describe_variables(write_netcdf(path, np.zeros(3), ("lat",))) == []


def test_missing_file_is_named(path):
    with pytest.raises(FileNotFoundError, match=r"file\.nc"):
        describe_variables(path)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([-500.0] * 9 + [1, 2, 3, 4], [-500.0]),
        ([9999.0] * 9 + [1, 2, 3, 4], [9999.0]),
        ([-999.0] * 5 + [-500.0] * 5 + [1, 2, 3, 4], [-999.0, -500.0]),
        ([-999.0] * 5 + [9999.0] * 5 + [1, 2, 3, 4], [-999.0, 9999.0]),
        ([-500.0] * 4 + [1, 2, 3, 4], []),
        ([0.0] * 99 + [1, 2, 3, 4], []),
        ([0.0] * 50 + [1.0] * 50, []),
        ([5.0] * 50, []),
        ([], []),
    ],
)
def test_suspicious_is_what_occurs_often_and_lies_far_outside(values, expected):
    assert find_suspicious_values(np.array(values)) == expected


@pytest.mark.skipif(not REAL.exists(), reason="the real raster is not part of the project")
def test_ice_of_the_real_raster_is_shown_as_hidden():
    [found] = describe_variables(REAL)
    assert found.valid == 33120
    assert found.missing["valid_min"] - found.missing["_FillValue"] == 9815
    assert found.hidden == {"valid_min": [-500.0]}
