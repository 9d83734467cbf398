import os
from unittest.mock import patch

import netCDF4
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastkm
from fastkm._core.progress import Progress, use_progress
from fastkm.raster.io.describe import parts, variables
from fastkm.raster.io.describe.statistics import Measurement
from fastkm.raster.io.describe.variables import describe_variables
from fastkm.raster.io.lazy import block_plan
from tests.small_files import REAL, write_basin, write_netcdf
from tests.small_tiffs import write_tiff


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


def test_without_statistics_no_value_is_read(path, monkeypatch):
    write_netcdf(path, np.int16([[1, 2], [3, -1]]), scale_factor=0.5, add_offset=10.0)
    monkeypatch.setattr(variables, "reduce_parts", None)
    [found] = describe_variables(path, statistics=False)
    assert (found.cells, found.valid, found.missing, found.suspicious) == (4, None, {}, [])
    assert (found.dtype, found.scale, found.offset) == ("int16", 0.5, 10)
    assert np.isnan([found.low, found.high]).all()
    tiff = write_tiff(path.with_name("a.tif"), np.ones((2, 3, 4), np.uint8))
    found = describe_variables(tiff, statistics=False)
    assert [(each.name, each.cells, each.valid) for each in found] == [
        ("band 1", 12, None),
        ("band 2", 12, None),
    ]


@pytest.mark.parametrize("dtype", ["i1", "u2", "i4", "f4", "f8"])
@settings(max_examples=15)
@given(st.integers(0, 2**32), st.sampled_from([1, 4, 32, 100]))
def test_parts_change_nothing(tmp_path_factory, dtype, seed, size):
    rng = np.random.default_rng(seed)
    path = tmp_path_factory.getbasetemp() / f"parts_{dtype}.nc"
    values = rng.integers(-3, 20, (2, 5, 7)).astype(dtype)
    values[rng.random(values.shape) < 0.3] = 100
    rules = {"_FillValue": 3, "missing_value": [7, 8], "valid_max": 90}
    rules = {name: np.array(value, dtype) for name, value in rules.items() if rng.random() < 0.6}
    if rng.random() < 0.5:
        rules |= {"scale_factor": -0.5, "add_offset": 10.0}
    write_netcdf(path, values, ("time", "lat", "lon"), **rules)
    whole = describe_variables(path, nodata=5)
    with patch.object(parts, "PART_BYTES", size), patch.object(parts, "MOST_BYTES", size):
        assert describe_variables(path, nodata=5) == whole
    # the same, looked at cell by cell
    with patch.object(Measurement, "counts_values", False):
        assert describe_variables(path, nodata=5) == whole


@pytest.mark.parametrize("masked", [False, True])
def test_bands_are_read_together_in_windows(tmp_path, monkeypatch, masked):
    rng = np.random.default_rng(2)
    values = rng.integers(0, 200, (3, 40, 50)).astype(np.uint16)
    mask = rng.random((40, 50)) < 0.7 if masked else None
    options = {"tiled": True, "blockxsize": 16, "blockysize": 16}
    path = write_tiff(
        tmp_path / "a.tif", values, mask=mask, nodata=None if masked else 7, **options
    )
    whole = describe_variables(path, nodata=0)
    for band, found in zip(values, whole, strict=True):
        present = (band != 0) & (mask if masked else band != 7)
        assert (found.valid, found.low) == (present.sum(), band[present].min())
    monkeypatch.setattr(block_plan, "BLOCK_VALUES", 100)
    monkeypatch.setattr(variables, "BANDS_TOGETHER", 2)
    shown = Counted()
    with use_progress(shown):
        assert describe_variables(path, nodata=0) == whole
    assert shown.done == shown.total == 2 * 12


def test_without_cells_there_is_no_range(path):
    [found] = describe_variables(write_netcdf(path, np.zeros((0, 4, 5)), ("time", "lat", "lon")))
    assert (found.cells, found.valid, found.missing) == (0, 0, {})
    assert np.isnan(found.low)


@pytest.mark.parametrize("name", ["a.nc", "a.tif"])
def test_file_that_changes_while_it_is_read_is_named(tmp_path, monkeypatch, name):
    path = tmp_path / name
    write = write_tiff if name == "a.tif" else write_netcdf
    write(path, np.ones((1, 4, 5), np.float32)[0] if name == "a.nc" else np.ones((1, 4, 5)))

    def measure(self, values, mask=None):
        os.utime(path, (0, 0))
        return real(self, values, mask)

    real = Measurement.measure
    monkeypatch.setattr(Measurement, "measure", measure)
    monkeypatch.setattr(parts, "PART_BYTES", 4)
    monkeypatch.setattr(block_plan, "BLOCK_VALUES", 4)
    monkeypatch.setattr(block_plan, "MOST_VALUES", 4)
    with pytest.raises(OSError, match=rf"{name} was replaced or modified"):
        describe_variables(path)


class Counted(Progress):
    """Counts what is reported."""

    total = done = 0

    def begin(self, stage, total=1, unit=""):
        self.total += total

    def advance(self, number=1):
        self.done += number


@pytest.mark.skipif(not REAL.exists(), reason="the real raster is not part of the project")
def test_ice_of_the_real_raster_is_shown_as_hidden():
    [found] = describe_variables(REAL)
    assert found.valid == 33120
    assert found.missing["valid_min"] - found.missing["_FillValue"] == 9815
    assert found.hidden == {"valid_min": [-500.0]}
