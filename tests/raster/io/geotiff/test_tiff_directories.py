"""A GeoTIFF that ends before one of its directories is refused; directories can be put first."""

import numpy as np
import pytest

import fastkm
from fastkm.raster.io.geotiff.tiff_directories import copy_cloud_optimized, require_directories

rasterio = pytest.importorskip("rasterio")


@pytest.mark.parametrize("options", [{}, {"BIGTIFF": "YES"}, {"ENDIANNESS": "BIG"}], ids=str)
def test_a_mask_that_is_cut_off_is_no_data(tmp_path, options):
    path, values = tmp_path / "a.tif", np.arange(24, dtype=np.uint8).reshape(4, 6)
    form = {"driver": "GTiff", "height": 4, "width": 6, "count": 1, "dtype": "uint8", **options}
    transform = rasterio.Affine(1, 0, 0, 0, -1, 50)
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(path, "w", transform=transform, **form) as file,
    ):
        file.write(values, 1)
        file.write_mask(values > 9)
    require_directories(path)
    assert np.isnan(fastkm.read_raster(path).values).sum() == 10
    whole, refused = path.read_bytes(), []
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        try:
            found = fastkm.read_raster(path).values
        except OSError as error:
            refused.append(str(error))
        else:
            assert np.isnan(found).sum() == 10
    assert len(refused) > 100
    assert all(str(path) in said for said in refused)


@pytest.mark.parametrize("options", [{}, {"BIGTIFF": "YES"}, {"ENDIANNESS": "BIG"}], ids=str)
def test_a_copy_with_directories_first(tmp_path, options):
    values = np.random.default_rng(0).integers(0, 999, (1, 70, 45)).astype(np.uint16)
    values[:, :20] = 0
    form = {"driver": "GTiff", "height": 70, "width": 45, "count": 1, "dtype": "uint16", **options}
    place = {"transform": rasterio.Affine(1, 0, 0, 0, -1, 50), "crs": "EPSG:32633"}
    tiles = {"tiled": True, "blockxsize": 16, "blockysize": 32, "sparse_ok": True}
    with rasterio.open(
        tmp_path / "a.tif", "w", compress="deflate", **form, **place, **tiles
    ) as file:
        file.write(values[:, 32:], window=((32, 70), (0, 45)))
        file.update_tags(title="a")
    with (
        rasterio.Env(GDAL_TIFF_OVR_BLOCKSIZE=16),
        rasterio.open(tmp_path / "a.tif", "r+") as file,
    ):
        file.build_overviews([2, 4])
    copy_cloud_optimized(tmp_path / "a.tif", tmp_path / "b.tif")
    for level in ({}, {"overview_level": 0}, {"overview_level": 1}):
        with (
            rasterio.open(tmp_path / "a.tif", **level) as old,
            rasterio.open(tmp_path / "b.tif", **level) as new,
        ):
            np.testing.assert_array_equal(old.read(), new.read())
            assert old.profile == new.profile
            assert old.tags() == new.tags()
            if not level:
                assert new.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"


def test_other_files_are_not_copied(tmp_path):
    with rasterio.open(
        tmp_path / "a.tif", "w", driver="GTiff", height=4, width=6, count=1, dtype="uint8",
        transform=rasterio.Affine(1, 0, 0, 0, -1, 50), tiled=True, blockxsize=16, blockysize=16,
    ):  # fmt: skip
        pass
    whole = (tmp_path / "a.tif").read_bytes()
    for content in (b"", b"PNG", b"II*", whole[:4], whole[:9]):
        (tmp_path / "b.tif").write_bytes(content)
        with pytest.raises(OSError, match=r"b.tif is no GeoTIFF with tiles, or is damaged"):
            copy_cloud_optimized(tmp_path / "b.tif", tmp_path / "c.tif")
