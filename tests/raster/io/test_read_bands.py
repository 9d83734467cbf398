"""Several variables, bands or time steps of one file."""

import numpy as np
import pytest
import xarray as xr

import fastkm
from fastkm.raster.grid.crs import get_geotransform
from fastkm.raster.io.read_bands import read_stack
from fastkm.raster.mask import apply_mask
from tests.small_files import EAST, NORTH, OCTOBER_NOVEMBER, write_netcdf
from tests.small_tiffs import write_satellite

COORDS = {"lat": (np.array([10.0, 0, -10]), NORTH), "lon": (np.array([0.0, 90, 180, 270]), EAST)}


@pytest.fixture
def climate(tmp_path):
    """Water with a fill value, and ice with a valid range, on one grid; and something else."""
    values = np.arange(12.0, dtype=np.float32).reshape(3, 4)
    ice = values * 10
    ice[2, 3] = -500
    more = {
        "ice": (ice, {"valid_min": np.float32(0), "units": "m"}, ("lat", "lon")),
        "tall": (np.zeros((5, 6)), {}, ("row", "column")),
    }
    attrs = {"_FillValue": np.float32(0), "units": "K"}
    return write_netcdf(tmp_path / "a.nc", values, coords=COORDS, more=more, **attrs)


def levels(path, dims=("time", "level", "lat", "lon"), **options):
    values = np.arange(2.0 * 3 * 12).reshape(2, 3, 3, 4)
    coords = COORDS | {"time": OCTOBER_NOVEMBER, "level": (np.array([1000.0, 850, 500]), {})}
    return write_netcdf(path, values, dims, coords=coords, **options)


def test_variables_are_a_dataset_with_missing_cells_missing(climate):
    read = read_stack(climate, ["ice", "water"])
    assert list(read.data_vars) == ["ice", "water"]
    assert read.ice.isnull().sum() == read.water.isnull().sum() == 1
    assert read.ice.dtype == np.float32
    assert read.ice.attrs["units"] == "m"
    result = fastkm.cluster_raster(read, 2)
    assert result.counts.sum() == 10
    assert result.bands == ("ice", "water")


def test_one_variable_is_a_raster(climate):
    for variables in ("ice", ["ice"]):
        xr.testing.assert_identical(
            read_stack(climate, variables), fastkm.read_raster(climate, "ice")
        )


def test_without_names_there_must_be_one_variable(climate):
    with pytest.raises(ValueError, match="name one of its raster variables: ice, tall, water"):
        read_stack(climate)


def test_box_is_cut_of_all(climate):
    read = read_stack(climate, ["ice", "water"], bbox=(80, -5, 190, 15))
    assert read.ice.shape == read.water.shape == (2, 2)


def test_variables_on_other_grids_are_refused(climate):
    with pytest.raises(ValueError, match=r"share rows and columns, got 'water' .* 'tall'"):
        read_stack(climate, ["water", "tall"])
    with pytest.raises(ValueError, match="no variable 'snow'"):
        read_stack(climate, ["water", "snow"])
    with pytest.raises(ValueError, match="bands are those of one variable, got 2 variables"):
        read_stack(climate, ["water", "ice"], bands=[1])
    with pytest.raises(ValueError, match="at least one band, got none"):
        read_stack(climate, "ice", bands=[])


def test_levels_are_bands_of_a_time(tmp_path):
    read = read_stack(levels(tmp_path / "a.nc"), time="2009-11")
    assert read.dims == ("level", "lat", "lon")
    assert read.values[0, 0, 0] == 36
    result = fastkm.cluster_raster(read, 2)
    assert result.bands == ("level 1000", "level 850", "level 500")
    assert str(result.labels.time.dt.strftime("%m").values) == "11"


def test_bands_are_chosen_by_number(tmp_path):
    path = levels(tmp_path / "a.nc")
    assert read_stack(path, bands=[3, 1]).level.values.tolist() == [500, 1000]
    one = read_stack(path, bands=[2])
    assert one.dims == ("lat", "lon")
    assert float(one.level) == 850
    with pytest.raises(ValueError, match="band must be 1 to 3, those of 'water', got 4"):
        read_stack(path, bands=[4])


def test_all_times_are_bands(tmp_path):
    coords = COORDS | {"time": OCTOBER_NOVEMBER}
    values = np.arange(24.0).reshape(2, 3, 4)
    path = write_netcdf(tmp_path / "a.nc", values, ("time", "lat", "lon"), coords=coords)
    read = read_stack(path, time="all")
    assert read.shape == (2, 3, 4)
    assert fastkm.cluster_raster(read, 2).bands == ("2009-10-01", "2009-11-01")
    assert read_stack(path, time=1).values[0, 0] == 12


def test_bands_of_a_geotiff(tmp_path):
    path = write_satellite(tmp_path / "a.tif")
    assert read_stack(path).shape == (3, 6, 8)
    assert read_stack(path, bands=[3, 1]).attrs["long_name"] == ("swir", "red")
    assert read_stack(path, ["swir", "red"]).attrs["long_name"] == ("swir", "red")
    assert read_stack(path, "nir").identical(fastkm.read_raster(path, "nir"))
    cut = read_stack(path, bbox=(500_060, 4_999_920, 500_150, 4_999_960))
    assert cut.shape == (3, 2, 3)
    assert get_geotransform(cut) == (500_060, 30, 0, 4_999_960, 0, -20)
    with pytest.raises(ValueError, match="both name bands"):
        read_stack(path, "nir", bands=[1])
    with pytest.raises(ValueError, match="without a time axis"):
        read_stack(path, time="all")


def test_mask_leaves_cells_of_all_bands_out(climate, tmp_path):
    keep = np.ones((3, 4), np.int8)
    keep[0] = 0
    mask = write_netcdf(tmp_path / "mask.nc", keep, coords=COORDS)
    data = apply_mask(read_stack(climate, ["ice", "water"]), mask)
    assert data.ice.isnull().values[0].all()
    assert fastkm.cluster_raster(data, 2).counts.sum() == 7
    stack = read_stack(levels(tmp_path / "b.nc"))
    masked = apply_mask(stack, mask)
    assert masked.shape == stack.shape
    assert np.isnan(masked.values[:, 0]).all()
    assert np.isfinite(masked.values[:, 1:]).all()


def test_variables_with_levels_are_no_bands(tmp_path):
    more = {"ice": (np.zeros((3, 4)), {}, ("lat", "lon"))}
    path = levels(tmp_path / "a.nc", more=more)
    with pytest.raises(ValueError, match="rows and columns only, got 'water' with"):
        read_stack(path, ["water", "ice"], time=0)
