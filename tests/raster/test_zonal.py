import numpy as np
import pytest

from fastkm.raster.zonal import zonal_statistics


@pytest.mark.parametrize("dtype", ["i2", "f4", ">f8", "u8"])
def test_values_of_any_type_and_layout_are_summed_up(dtype):
    numbers = np.array([[0, 0, 2], [-1, 2, 2]], np.int32)
    values = np.asfortranarray(np.array([[1, 2, 3], [100, 5, 10]], dtype))
    found = zonal_statistics(numbers, values, 4)
    np.testing.assert_array_equal(found.counts, [2, 0, 3, 0])
    np.testing.assert_array_equal(found.sums, [3, np.nan, 18, np.nan])
    np.testing.assert_array_equal(found.least[[0, 2]], [1, 3])
    np.testing.assert_array_equal(found.greatest[[0, 2]], [2, 10])
    assert np.isnan(found.means[[1, 3]]).all()


def test_blocks_of_rows_add_up(monkeypatch):
    rng = np.random.default_rng(0)
    numbers, values = rng.integers(-1, 3, (20, 7)).astype(np.int32), rng.random((20, 7))
    whole = zonal_statistics(numbers, values, 3)
    monkeypatch.setattr("fastkm.raster.zonal.BLOCK_CELLS", 10)
    np.testing.assert_allclose(zonal_statistics(numbers, values, 3), whole, rtol=1e-14)
