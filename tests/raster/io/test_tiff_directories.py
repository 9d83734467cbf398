"""A GeoTIFF that ends before one of its directories, such as that of its mask, is refused."""

import numpy as np
import pytest

import fastkm
from fastkm.raster.io.tiff_directories import require_directories

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
