import numpy as np
import pytest

from fastkm.raster.zonal import partial_sums, zonal_statistics


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


def test_parts_combine_to_the_same_bits_however_zones_are_cut():
    rng = np.random.default_rng(1)
    zones, values = rng.integers(-1, 3, (40, 9)).astype(np.int32), rng.normal(0, 1e6, (40, 9))
    values[3, 4] = np.nan
    whole = partial_sums(zones, values, 3).combine(np.arange(3), 3)
    np.testing.assert_allclose(whole, zonal_statistics(zones, values, 3), rtol=1e-13)
    for step in (1, 7, 13):
        cuts = range(0, 40, step)
        parts = [partial_sums(zones[i : i + step], values[i : i + step], 3) for i in cuts]
        joined = parts[0]
        for part in parts[1:]:
            joined = joined.append(part)
        found = joined.combine(np.tile(np.arange(3), len(parts)), 3)
        np.testing.assert_array_equal(found, whole)


def test_parts_with_infinite_values_or_none_combine_too():
    values = np.array([[np.inf, 1.0, np.nan, np.nan]])
    found = partial_sums(np.array([[0, 1, 2, 3]], np.int32), values, 4)
    combined = found.combine(np.array([0, 0, 1, 1]), 2)
    np.testing.assert_array_equal(combined.sums, [np.inf, np.nan])
    assert combined.counts.tolist() == [2, 0]
