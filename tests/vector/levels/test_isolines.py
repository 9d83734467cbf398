"""Lines of equal value, in coordinates."""

import numpy as np
import pytest
import shapely

import fastkm
from tests.label_maps import curvilinear, globe

HILL = np.exp(-(np.hypot(*(np.indices((9, 11)) - np.array([4, 5])[:, None, None])) ** 2) / 8)


def test_lines_of_a_hill_are_closed_and_nested():
    frame = fastkm.isolines(HILL, [0.8, 0.2, 9.0])
    assert frame["level"].tolist() == [0.2, 0.8]
    low, high = frame.geometry
    assert low.is_ring
    assert high.is_ring
    assert shapely.Polygon(low).contains(high)


def test_one_level():
    frame = fastkm.isolines(HILL, 0.5)
    assert frame["level"].tolist() == [0.5]


def test_lines_end_at_the_seam_at_one_latitude():
    values = np.linspace(0, 1, 6)[:, None] + 0.3 * np.cos(2 * np.pi * np.arange(8) / 8)
    (line,) = fastkm.isolines(globe(values), [0.5]).geometry
    ends = np.array([line.coords[0], line.coords[-1]])
    assert set(ends[:, 0]) == {0, 360}
    assert ends[0, 1] == ends[1, 1]


def test_several_lines_of_a_level_are_one_row():
    frame = fastkm.isolines([[0.0, 1.0, 0.0, 1.0]], [0.5])
    assert frame.geometry[0].geom_type == "MultiLineString"
    assert len(frame.geometry[0].geoms) == 3


def test_lines_of_a_curvilinear_grid_are_cut_where_longitudes_jump():
    longitude, latitude = np.meshgrid(175.0 + np.arange(12), np.linspace(-30, 30, 8))
    longitude = (longitude + 180) % 360 - 180
    values = np.indices((8, 12))[0] + 0.1 * np.indices((8, 12))[1]
    raster = curvilinear(values, latitude + 0.5 * np.sin(longitude), longitude)
    (line,) = fastkm.isolines(raster, [3.3]).geometry
    parts = shapely.get_parts(line)
    assert len(parts) == 2
    bounds = shapely.bounds(parts)
    assert bounds[:, 0].min() == -180
    assert bounds[:, 2].max() == 180
    assert (bounds[:, 2] - bounds[:, 0] < 10).all()
    # it is the edge of a band
    edges = shapely.boundary(fastkm.bands(raster, [3.3]).geometry[0])
    assert shapely.hausdorff_distance(line, shapely.intersection(line, edges.buffer(1e-6))) < 1e-5


def test_there_may_be_none():
    frame = fastkm.isolines(globe(np.zeros((3, 4))), [1.0])
    assert len(frame) == 0
    assert frame.crs == "EPSG:4326"


def test_errors():
    with pytest.raises(ValueError, match="levels must be finite numbers that ascend"):
        fastkm.isolines([[0.0]], [np.inf])
