"""Reading GeoTIFF."""

import sys

import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp

import fastkm
from fastkm.raster.grid.axes import find_axes, is_geographic
from fastkm.raster.grid.crs import get_geotransform
from fastkm.raster.io.describe.variables import describe_variables
from fastkm.raster.io.geotiff.read_geotiff import open_geotiff, read_geotiff
from tests.small_tiffs import Affine, write_photo, write_satellite, write_tiff

nan = np.nan


@pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")
def test_bands_have_names_units_and_places(tmp_path):
    path = write_satellite(tmp_path / "a.tif", units=("K", "K", "K"))
    read = read_geotiff(path)
    assert read.dims == ("band", "y", "x")
    assert read.attrs["long_name"] == ("red", "nir", "swir")
    assert read.attrs["units"] == "K"
    assert read.y.values[:2].tolist() == [4_999_990, 4_999_970]
    assert read.x.values[:2].tolist() == [500_015, 500_045]
    assert read.rio.crs.to_epsg() == 32633
    with rasterio.open(path) as file:
        assert read.rio.transform() == file.transform


def test_nodata_is_missing_and_scales_are_applied(tmp_path):
    read = read_geotiff(write_satellite(tmp_path / "a.tif"))
    assert read.dtype == np.float32
    assert np.argwhere(np.isnan(read.values)).tolist() == [[1, 0, 0], [1, 0, 1]]
    np.testing.assert_allclose(read[0, 2, :3], [0.2, 0.201, 0.202], rtol=1e-6)


def test_offsets_are_applied_in_double(tmp_path):
    path = write_satellite(tmp_path / "a.tif", offsets=(1.0, 2, 3))
    read = read_geotiff(path)
    assert read.dtype == np.float64
    np.testing.assert_allclose(read[2, 0, :2], [3, 3.01], rtol=1e-12)


@pytest.mark.parametrize("dtype", ["u1", "i2", "i4", "f4", "f8"])
def test_whole_bands_keep_their_type(tmp_path, dtype):
    values = np.arange(12).reshape(1, 3, 4).astype(dtype)
    assert read_geotiff(write_tiff(tmp_path / "a.tif", values)).dtype == dtype


@pytest.mark.parametrize(
    ("dtype", "expected"), [("u1", "f4"), ("i2", "f4"), ("i4", "f8"), ("f4", "f4"), ("f8", "f8")]
)
def test_missing_cells_need_floats(tmp_path, dtype, expected):
    values = np.arange(12).reshape(3, 4).astype(dtype)
    read = fastkm.read_raster(write_tiff(tmp_path / "a.tif", values, nodata=3))
    assert read.dtype == expected
    assert np.argwhere(read.isnull().values).tolist() == [[0, 3]]


def test_one_missing_band_widens_the_others(tmp_path):
    values = np.array([[[1, 2]], [[3, 9]]], np.uint8)
    read = read_geotiff(write_tiff(tmp_path / "a.tif", values, nodata=9))
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, [[[1, 2]], [[3, nan]]])


def test_mask_is_missing(tmp_path):
    mask = np.array([[True, False], [True, True]])
    path = write_tiff(tmp_path / "a.tif", np.ones((2, 2), np.uint8), mask=mask)
    assert fastkm.read_raster(path).isnull().values.tolist() == [[False, True], [False, False]]
    [found] = describe_variables(path)
    assert found.missing == {"mask": 1}
    assert found.valid == 3


def test_mask_counts_and_the_nodata_value_does_not_if_a_file_has_both(tmp_path):
    values, mask = np.array([[0, 5], [0, 6]], np.uint8), np.array([[True, True], [False, True]])
    path = write_tiff(tmp_path / "a.tif", values, mask=mask, nodata=0)
    assert fastkm.read_raster(path).isnull().values.tolist() == [[False, False], [True, False]]
    [found] = describe_variables(path)
    assert (found.missing, found.valid) == ({"mask": 1}, 3)
    assert "_FillValue" not in fastkm.read_raster(path, missing="keep").attrs


def test_alpha_is_a_mask_and_no_band(tmp_path):
    values = np.full((4, 2, 2), 7, np.uint8)
    values[3] = [[255, 0], [255, 255]]
    colours = (ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha)
    path = write_tiff(tmp_path / "a.tif", values, colours=colours)
    read = read_geotiff(path)
    assert read.attrs["long_name"] == ("red", "green", "blue")
    assert np.isnan(read.values[:, 0, 1]).all()
    assert np.isfinite(read.values).sum() == 9
    assert read_geotiff(path, [4]).values[0, 0, 0] == 255


def test_photo_has_its_rows_go_down(tmp_path):
    photo = read_geotiff(write_photo(tmp_path / "a.tif"))
    assert photo.dtype == np.uint8
    assert photo.attrs["long_name"] == ("red", "green", "blue")
    assert photo.y.values[:2].tolist() == [-0.5, -1.5]
    assert get_geotransform(photo) == (0, 1, 0, 0, 0, 1)
    assert photo.rio.crs is None


def test_degrees_are_latitudes_and_longitudes(tmp_path):
    move = Affine(1, 0, -10, 0, -1, 50)
    path = write_tiff(tmp_path / "a.tif", np.zeros((3, 4)), crs="EPSG:4326", transform=move)
    raster = fastkm.read_raster(path)
    assert is_geographic(raster, find_axes(raster))
    assert raster.y.values.tolist() == [49.5, 48.5, 47.5]


def test_turned_grid_has_a_transform_and_no_coordinates(tmp_path):
    path = write_tiff(tmp_path / "a.tif", np.zeros((3, 4)), transform=Affine(1, 1, 5, 1, -1, 9))
    raster = fastkm.read_raster(path)
    assert "x" not in raster.coords
    assert get_geotransform(raster) == (5, 1, 1, 9, 1, -1)


def test_raster_is_a_band_by_name_or_number(tmp_path):
    path = write_satellite(tmp_path / "a.tif", units=("K", "m", ""))
    by_name, by_number = fastkm.read_raster(path, "nir"), fastkm.read_raster(path, "2")
    assert by_name.identical(by_number)
    assert by_name.name == "nir"
    assert by_name.attrs["units"] == "m"
    assert by_name.dims == ("y", "x")
    assert "units" not in fastkm.read_raster(path, "swir").attrs


def test_box_is_cut_and_the_transform_follows(tmp_path):
    path = write_satellite(tmp_path / "a.tif")
    whole = fastkm.read_raster(path, "swir")
    box = (500_060, 4_999_920, 500_150, 4_999_960)
    cut = fastkm.read_raster(path, "swir", bbox=box)
    assert cut.shape == (2, 3)
    np.testing.assert_array_equal(cut, whole[2:4, 2:5])
    assert get_geotransform(cut) == (500_060, 30, 0, 4_999_960, 0, -20)


def test_numbers_as_stored_say_what_is_missing(tmp_path):
    path = write_satellite(tmp_path / "a.tif")
    raw = fastkm.read_raster(path, "nir", missing="keep")
    assert raw.dtype == np.int16
    assert raw.values[0, 0] == -9999
    assert raw.attrs["scale_factor"] == 1e-3
    raw_result = fastkm.kmeans1d(raw, 2)
    assert raw_result.counts.sum() == 46
    np.testing.assert_allclose(
        raw_result.centroids,
        fastkm.kmeans1d(fastkm.read_raster(path, "nir"), 2).centroids,
        rtol=1e-6,
    )


def test_bands_are_described(tmp_path):
    found = describe_variables(write_satellite(tmp_path / "a.tif"))
    assert [one.name for one in found] == ["red", "nir", "swir"]
    assert found[1].missing == {"_FillValue": 2}
    assert found[1].dtype == "int16"
    assert found[2].high == pytest.approx(0.07)


def test_what_is_not_there_is_refused(tmp_path):
    path = write_satellite(tmp_path / "a.tif")
    with pytest.raises(ValueError, match=r"a.tif: name one of its bands: red, nir, swir"):
        fastkm.read_raster(path)
    with pytest.raises(ValueError, match=r"no band 'blue'; its bands: red, nir, swir"):
        fastkm.read_raster(path, "blue")
    with pytest.raises(ValueError, match="without a time axis, got time=3"):
        fastkm.read_raster(path, "red", time=3)
    with pytest.raises(ValueError, match=r"band must be 1 to 3, those of .*, got 4"):
        read_geotiff(path, [4])
    with pytest.raises(ValueError, match="holds no band of real numbers"):
        read_geotiff(write_tiff(tmp_path / "c.tif", np.zeros((2, 2), np.complex64)))


def test_what_cannot_be_read_is_an_os_error(tmp_path):
    (tmp_path / "bad.tif").write_text("no tiff")
    with pytest.raises(OSError, match=r"bad.tif cannot be read as GeoTIFF"):
        fastkm.read_raster(tmp_path / "bad.tif")
    with pytest.raises(FileNotFoundError, match=r"no.tif: no such file"):
        fastkm.read_raster(tmp_path / "no.tif")
    (tmp_path / "folder.tif").mkdir()
    with pytest.raises(IsADirectoryError, match="is a folder"):
        fastkm.read_raster(tmp_path / "folder.tif")


def test_missing_extra_says_how_to_install_it(tmp_path, monkeypatch):
    path = write_photo(tmp_path / "a.tif")
    monkeypatch.setitem(sys.modules, "rioxarray", None)
    with pytest.raises(ImportError, match=r"pip install 'fastkm\[tiff\]'"):
        fastkm.read_raster(path)


def test_default_fill_values_of_netcdf_are_data(tmp_path):
    values = np.array([[65535, 1, 2]], np.uint16)
    [described] = describe_variables(write_tiff(tmp_path / "a.tif", values))
    assert (described.valid, described.missing) == (3, {})


@pytest.mark.parametrize("scale", [1e300, 1e-300])
def test_scales_beyond_single_precision_are_applied_in_double(tmp_path, scale):
    path = write_tiff(
        tmp_path / "a.tif", np.arange(12, dtype=np.uint8).reshape(3, 4), scales=[scale]
    )
    np.testing.assert_array_equal(read_geotiff(path).values.ravel(), np.arange(12) * scale)


def test_numbers_too_large_for_floats_are_missing_with_a_note(tmp_path):
    path = write_tiff(tmp_path / "a.tif", np.array([[1, 2, 99]], np.uint8), scales=[1e307])
    with pytest.warns(UserWarning, match="1 cells of 'band 1' are missing, because their scale"):
        assert np.isnan(read_geotiff(path).values).sum() == 1


def test_a_scale_that_is_cut_off_is_said(tmp_path):
    path = write_tiff(tmp_path / "a.tif", np.arange(12, dtype=np.uint8).reshape(3, 4), scales=[5.0])
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"<GDALMetadata>") + 20])
    with pytest.warns(UserWarning, match="is damaged, and read in part: .*GDALMetadata"):
        read_geotiff(path)


def test_what_gdal_raises_by_itself_names_the_file(tmp_path):
    from rasterio._err import CPLE_AppDefinedError

    path = write_tiff(tmp_path / "a.tif", np.zeros((1, 2, 3), np.uint8))
    with (
        pytest.raises(OSError, match=r"a\.tif cannot be read as GeoTIFF: Incorrect count"),
        open_geotiff(path),
    ):
        raise CPLE_AppDefinedError(1, 1, "Incorrect count")
