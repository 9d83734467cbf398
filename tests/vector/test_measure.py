import numpy as np
import pytest
import shapely
from pyproj import Geod

from fastkm.vector.measure import _in_degrees, summary


@pytest.mark.parametrize("end", [(0.0, 90.0), (0.0, 1e-4), (0.0, -45.0), (0.0, 30.0)])
def test_meridians_are_geodesics(end):
    length = Geod(ellps="WGS84").inv(0, 0, *end)[2]
    found = _in_degrees(np.zeros((1, 2)), np.array([end]))
    assert found[0] == pytest.approx(length, rel=2e-9)


@pytest.mark.parametrize("latitude", [-60.0, 0.0, 45.0, 89.9])
def test_parallels_are_arcs_not_geodesics(latitude):
    ends = np.array([[-40.0, latitude], [50.0, latitude]])
    fine = shapely.segmentize(shapely.LineString(ends), 0.01)
    length = Geod(ellps="WGS84").geometry_length(fine)
    found = _in_degrees(ends[:1], ends[1:])
    assert found[0] == pytest.approx(length, rel=1e-7)


@pytest.mark.parametrize("dtype", ["i2", "f4", ">f8", "u8"])
def test_values_of_any_type_and_layout_are_summed_up(dtype):
    numbers = np.array([[0, 0, 2], [-1, 2, 2]], np.int32)
    values = np.asfortranarray(np.array([[1, 2, 3], [100, 5, 10]], dtype))
    found = summary(numbers, values, 4)
    np.testing.assert_array_equal(found.sums, [3, np.nan, 18, np.nan])
    np.testing.assert_array_equal(found.least[[0, 2]], [1, 3])
    np.testing.assert_array_equal(found.greatest[[0, 2]], [2, 10])
    assert np.isnan(found.means[[1, 3]]).all()


def test_blocks_of_rows_add_up(monkeypatch):
    rng = np.random.default_rng(0)
    numbers, values = rng.integers(-1, 3, (20, 7)).astype(np.int32), rng.random((20, 7))
    whole = summary(numbers, values, 3)
    monkeypatch.setattr("fastkm.vector.measure.BLOCK", 10)
    np.testing.assert_allclose(summary(numbers, values, 3), whole, rtol=1e-14)
