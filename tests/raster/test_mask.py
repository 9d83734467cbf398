import numpy as np
import pytest

import fastkm
from fastkm.raster.mask import apply_mask
from tests.small_files import EAST, NORTH, write_netcdf, write_world

nan = np.nan
COORDS = {"lat": (np.array([0.0, 10]), NORTH), "lon": (np.array([5.0, 15, 25]), EAST)}


@pytest.fixture
def raster(tmp_path):
    path = tmp_path / "raster.nc"
    attrs = {"_FillValue": -9.0, "units": "K"}
    return fastkm.read_raster(write_netcdf(path, [[1.0, 2, -9], [4, 5, 6]], coords=COORDS, **attrs))


@pytest.fixture
def mask(tmp_path):
    def write(values, *, dims=("lat", "lon"), coords=COORDS, **attrs):
        return write_netcdf(tmp_path / "mask.nc", values, dims, coords=coords, **attrs)

    return write


def test_cells_where_the_mask_is_zero_are_missing(raster, mask):
    masked = apply_mask(raster, mask(np.array([[1, 0, 1], [1, 2, 0]], np.int8)))
    np.testing.assert_array_equal(masked, [[1, nan, nan], [4, 5, nan]])


def test_cells_where_the_mask_is_missing_are_missing(raster, mask):
    stored = np.array([[1, -1, 1], [1, 0, 1]], np.int16)
    masked = apply_mask(raster, mask(stored, _FillValue=np.int16(-1)))
    np.testing.assert_array_equal(masked, [[1, nan, nan], [4, nan, 6]])


def test_mask_may_hold_fractions_and_nan(raster, mask):
    masked = apply_mask(raster, mask([[0.1, nan, 1], [0, 1, 0.5]]))
    np.testing.assert_array_equal(masked, [[1, nan, nan], [nan, 5, 6]])


def test_attributes_and_encoding_are_kept(raster, mask):
    masked = apply_mask(raster, mask(np.ones((2, 3), np.int8)))
    assert masked.attrs == raster.attrs
    assert masked.encoding == raster.encoding
    np.testing.assert_array_equal(masked, raster)


def test_integers_can_be_masked(tmp_path, mask):
    counts = write_netcdf(tmp_path / "counts.nc", np.array([[1, 2, 3], [4, 5, 6]], np.int32))
    masked = apply_mask(fastkm.read_raster(counts), mask(np.eye(2, 3, dtype=np.int8)))
    np.testing.assert_array_equal(masked, [[1, nan, nan], [nan, 5, nan]])


def test_dimension_order_of_the_mask_does_not_matter(raster, mask):
    path = mask(np.array([[1, 1], [0, 1], [1, 0]], np.int8), dims=("lon", "lat"))
    np.testing.assert_array_equal(apply_mask(raster, path), [[1, nan, nan], [4, 5, nan]])


def test_mask_without_coordinates_needs_only_the_shape(raster, mask):
    path = mask(np.eye(2, 3, dtype=np.int8), dims=("rows", "columns"), coords=None)
    np.testing.assert_array_equal(apply_mask(raster, path), [[1, nan, nan], [nan, 5, nan]])


def test_mask_of_another_shape_is_refused(raster, mask):
    path = mask(np.ones((3, 3), np.int8), dims=("rows", "columns"), coords=None)
    with pytest.raises(
        ValueError, match=r"mask .*mask\.nc has shape \(3, 3\), the raster \(2, 3\)"
    ):
        apply_mask(raster, path)


@pytest.mark.parametrize("latitude", [[10.0, 0], [0.5, 10.5]])
def test_mask_with_other_coordinates_is_refused(raster, mask, latitude):
    path = mask(np.ones((2, 3), np.int8), coords={**COORDS, "lat": (np.array(latitude), NORTH)})
    with pytest.raises(ValueError, match=r"mask\.nc has other coordinates lat"):
        apply_mask(raster, path)


def test_mask_is_cut_by_the_same_box(tmp_path):
    box = (-20, -20, 20, 20)
    raster = fastkm.read_raster(write_world(tmp_path / "world.nc"), bbox=box)
    western = np.arange(-175.0, 180, 10)
    latitude = np.arange(-85.0, 90, 10)
    values = np.ones((18, 36), np.int8) * (western > 0)
    coords = {"lat": (latitude, NORTH), "lon": (western, EAST)}
    path = write_netcdf(tmp_path / "east.nc", values, coords=coords)
    masked = apply_mask(raster, path, bbox=box)
    np.testing.assert_array_equal(masked.isnull().values.all(axis=0), [True, True, False, False])


def test_missing_mask_file_is_named(raster, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.nc"):
        apply_mask(raster, tmp_path / "nowhere.nc")
