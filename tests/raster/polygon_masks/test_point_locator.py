import numpy as np
import shapely
from hypothesis import given
from hypothesis import strategies as st

from fastkm.raster.polygon_masks.point_locator import BOXES, make_locator


def draw(seed):
    """Draw some polygons with holes, and points among them."""
    rng = np.random.default_rng(seed)
    shapes = []
    for _ in range(3):
        x, y, radius = rng.uniform(0, 10, 3)
        shapes.append(shapely.Point(x, y).buffer(radius + 0.1) - shapely.Point(x, y).buffer(0.1))
    points = rng.uniform(-12, 22, (400, 2))
    points[:20] = np.round(points[:20])
    return shapely.orient_polygons(np.array(shapes)), points


@given(st.integers(0, 10_000))
def test_points_are_where_shapely_finds_them(seed):
    shapes, points = draw(seed)
    found = make_locator(shapes).contains(points)
    wanted = np.any([shapely.intersects_xy(shape, points) for shape in shapes], axis=0)
    np.testing.assert_array_equal(found, wanted)
    assert 0 < found.sum() < 400


@given(st.integers(0, 10_000))
def test_boxes_that_an_edge_runs_through_are_found(seed):
    shapes, points = draw(seed)
    locator = make_locator(shapes)
    high = points + np.abs(points[::-1]) / 40
    boxes = shapely.box(*points.T, *high.T)
    crossed = np.any([shapely.intersects(shape.boundary, boxes) for shape in shapes], axis=0)
    found = locator.may_cross(points, high)
    assert (found | ~crossed).all()
    assert not found.all()


def test_what_is_no_place_lies_nowhere():
    locator = make_locator(np.array([shapely.box(0, 0, BOXES, 1)]))
    points = np.array([[np.nan, 0.5], [0.5, np.nan], [np.inf, 0.5], [0.5, 0.5]])
    assert locator.contains(points).tolist() == [False, False, False, True]
