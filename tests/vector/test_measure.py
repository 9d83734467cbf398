import numpy as np
import pytest
import shapely
from pyproj import Geod

from fastkm.vector.measure import _measure_in_degrees


@pytest.mark.parametrize("end", [(0.0, 90.0), (0.0, 1e-4), (0.0, -45.0), (0.0, 30.0)])
def test_meridians_are_geodesics(end):
    length = Geod(ellps="WGS84").inv(0, 0, *end)[2]
    found = _measure_in_degrees(np.zeros((1, 2)), np.array([end]))
    assert found[0] == pytest.approx(length, rel=2e-9)


@pytest.mark.parametrize("latitude", [-60.0, 0.0, 45.0, 89.9])
def test_parallels_are_arcs_not_geodesics(latitude):
    ends = np.array([[-40.0, latitude], [50.0, latitude]])
    fine = shapely.segmentize(shapely.LineString(ends), 0.01)
    length = Geod(ellps="WGS84").geometry_length(fine)
    found = _measure_in_degrees(ends[:1], ends[1:])
    assert found[0] == pytest.approx(length, rel=1e-7)
