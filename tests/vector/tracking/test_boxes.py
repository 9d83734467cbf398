"""Bounding boxes that know the seam."""

import numpy as np
import pytest

import fastkm
from fastkm.raster.grid.geolocation import find_grid
from fastkm.vector.tracking.boxes import cover_spans, find_longitude_start, join_boxes, wrap_boxes
from tests.label_maps import globe, placed, polar, projected

SIDES = ["west", "south", "east", "north"]


def boxes_of(cells):
    """Return the boxes of the regions of cluster 1 at a single step."""
    return fastkm.track(cells.expand_dims("time"), cluster=1).tracks[SIDES].to_numpy().tolist()


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([(10, 20)], (10, 10)),
        ([(350, 370), (5, 15)], (350, 25)),
        ([(350, 380), (5, 15), (200, 210)], (200, 180)),
        ([(0, 120), (120, 240), (240, 360)], (0, 360)),
        ([(-10, 10)], (350, 20)),
    ],
)
def test_the_shortest_arc_covers_all_spans(spans, expected):
    low, high = np.array(spans, float).T
    assert cover_spans(low, high, 360.0) == expected


def test_a_box_may_lie_across_the_seam():
    assert boxes_of(globe([[0, 0, 0, 0], [1, 0, 0, 1]])) == [[270, 0, 90, 90]]
    assert boxes_of(globe([[0, 0, 0, 0], [1, 0, 0, 1]], west=-180)) == [[90, 0, -90, 90]]


def test_a_box_of_all_longitudes_begins_where_they_do():
    assert boxes_of(globe([[0, 0, 0, 0], [1, 1, 1, 1]])) == [[0, 0, 360, 90]]
    assert boxes_of(globe([[1, 1, 1, 1], [0] * 4], west=-180, descending=True)) == [
        [-180, 0, 180, 90]
    ]


def test_a_part_of_the_globe_keeps_its_longitudes():
    assert boxes_of(placed([[0, 1], [1, 1]], [-5.0, 5.0], [-3.0, 3.0])) == [[-6, -10, 6, 10]]


def test_without_a_place_a_box_is_one_of_columns_and_rows():
    cells = placed([[0, 1], [0, 1]]).drop_vars(["lat", "lon"]).rename(lat="y", lon="x")
    assert boxes_of(cells) == [[0.5, -0.5, 1.5, 1.5]]


def test_boxes_of_other_grids_hold_the_centres():
    [[west, south, east, north]] = boxes_of(polar(np.pad(np.ones((2, 2), int), 2)))
    assert (south, north) == pytest.approx((88.7, 88.7), abs=0.1)
    assert (east - west) % 360 == pytest.approx(270)
    cells = projected([[0, 1], [0, 1]], 3857, [0.0, 111319.49], [0.0, 111319.49])
    assert boxes_of(cells)[0] == pytest.approx([1, 0, 1, 1], abs=1e-3)


def test_joined_boxes_are_the_narrowest():
    none = [np.nan] * 4
    boxes = np.array([[350, 0, 10, 5], [20, -5, 30, 0], none, [0, 0, 360, 5], [3, 0, 4, 5], none])
    joined = join_boxes(boxes, np.array([0, 3, 5]), 0.0)
    np.testing.assert_array_equal(joined, [[350, -5, 30, 5], [0, 0, 360, 5], none])
    assert join_boxes(boxes[:2], np.array([0, 1]), 0.0).tolist() == boxes[:2].tolist()
    # far apart the other way round
    apart = np.array([[5, 0, 10, 5], [340, 0, 350, 5], [355, 0, 359, 5]])
    assert join_boxes(apart, np.array([0]), 0.0).tolist() == [[340, 0, 10, 5]]
    assert join_boxes(apart, np.array([0]), None).tolist() == [[5, 0, 359, 5]]
    assert join_boxes(np.empty((0, 4)), np.empty(0, int), 0.0).shape == (0, 4)


def test_longitudes_begin_where_those_of_the_raster_do():
    for west, start in ((0.0, 0.0), (-180.0, -180.0), (-1.0, 0.0)):
        assert find_longitude_start(find_grid(globe(np.zeros((2, 8)), west=west))) == start
    assert find_longitude_start(find_grid(polar(np.zeros((3, 3))))) == -180.0
    assert wrap_boxes(np.array([-10.0]), np.array([5.0]), 0.0).tolist() == [[350, 355]]
