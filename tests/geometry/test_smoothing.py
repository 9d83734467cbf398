"""Smoothed rings: they are Chaikin's, share their lines, and change areas by a known amount."""

import itertools

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fastkm.geometry.regions import find_regions, trace_rings
from fastkm.geometry.smoothing import MOST_PASSES, cut_corner, find_free_corners, smooth_rings
from tests import naive

MAPS = arrays(np.int8, st.tuples(st.integers(1, 8), st.integers(1, 9)), elements=st.integers(-1, 2))
PASSES = st.integers(1, MOST_PASSES)


def to_polygons(rings):
    """Give the polygons as shapely's."""
    offsets = (rings.ring_offsets, rings.polygon_offsets)
    return shapely.from_ragged_array(shapely.GeometryType.POLYGON, rings.points, offsets)


def edges_of(rings):
    """List the edges of each ring, from the lower end on, as pairs of points."""
    found = []
    for start, stop in itertools.pairwise(rings.ring_offsets):
        points = map(tuple, rings.points[start:stop].tolist())
        found += [tuple(sorted(edge)) for edge in itertools.pairwise(points)]
    return found


@pytest.mark.parametrize("passes", [1, 2, 3])
def test_an_island_is_smoothed_as_chaikin_does(passes):
    blob = np.zeros((9, 9), int)
    blob[2:6, 1:4] = blob[4, 4:8] = blob[3:7, 5] = 1
    regions = find_regions(blob)
    rings = trace_rings(regions, wanted=regions.labels == 1)
    [found] = to_polygons(smooth_rings(rings, regions.numbers, passes))
    wanted = shapely.Polygon(naive.cut_all_corners(rings.points, passes))
    assert found.symmetric_difference(wanted).area == 0
    assert len(found.exterior.coords) < len(wanted.exterior.coords)


@given(MAPS, PASSES)
def test_areas_change_by_what_the_corners_say(labels, passes):
    regions = find_regions(labels)
    if len(regions.labels) == 0:
        return
    rings = trace_rings(regions, junctions=True)
    smooth = smooth_rings(rings, regions.numbers, passes)
    polygons = to_polygons(smooth)
    assert shapely.is_valid(polygons).all()
    # of the four cells around a free corner the one gives to the three
    ones, threes = np.zeros((2, len(polygons)), int)
    for row, column in itertools.product(range(1, labels.shape[0]), range(1, labels.shape[1])):
        cells = regions.numbers[row - 1 : row + 1, column - 1 : column + 1].ravel().tolist()
        if sorted(cells.count(cell) for cell in set(cells)) == [1, 3]:
            for cell in set(cells) - {-1}:
                (ones if cells.count(cell) == 1 else threes)[cell] += 1
    change = (threes - ones) * ((4**passes - 1) / 3) / (8 * 4**passes)
    np.testing.assert_array_equal(shapely.area(polygons), regions.cells + change)


@given(MAPS, PASSES)
def test_a_ring_changes_by_a_sixth_and_a_bit_for_each_corner_that_stays(labels, passes):
    regions = find_regions(labels)
    rings = trace_rings(regions)  # a point at each corner, none besides
    smooth = smooth_rings(rings, regions.numbers, passes)
    free = find_free_corners(rings, regions.numbers)[1]
    stay = np.diff(rings.ring_offsets) - 1 - free
    before, after = (
        [shapely.Polygon(own.points[i:j]).area for i, j in itertools.pairwise(own.ring_offsets)]
        for own in (rings, smooth)
    )
    change = np.subtract(after, before)
    assert (np.abs(change) <= (4 + stay) * (1 - 0.25**passes) / 24).all()
    np.testing.assert_array_equal(change[stay == 0], (0.25**passes - 1) / 6)


@given(MAPS, PASSES)
def test_neighbours_share_their_edges(labels, passes):
    regions = find_regions(np.abs(labels))
    rings = trace_rings(regions, junctions=True)
    edges = edges_of(smooth_rings(rings, regions.numbers, passes))
    frame = [{-0.5, size - 0.5} for size in labels.shape]
    for edge, count in zip(*np.unique(edges, axis=0, return_counts=True), strict=True):
        (row, column), (next_row, next_column) = edge
        on_frame = row == next_row in frame[0] or column == next_column in frame[1]
        assert count == (1 if on_frame else 2)


def test_the_frame_and_junctions_stay():
    labels = np.array([[0, 0, 1, 1], [0, 0, 1, 1], [0, 2, 2, 1], [2, 2, 2, 2]])
    regions = find_regions(labels)
    rings = trace_rings(regions, junctions=True)
    smooth = smooth_rings(rings, regions.numbers, 2)
    kept = set(map(tuple, rings.points.tolist())) & set(map(tuple, smooth.points.tolist()))
    frame = {
        (-0.5, -0.5),
        (-0.5, 1.5),
        (-0.5, 3.5),
        (2.5, 3.5),
        (3.5, 3.5),
        (3.5, -0.5),
        (2.5, -0.5),
    }
    assert kept == frame | {(1.5, 1.5)}


def test_passes_double_the_points_of_a_corner():
    for passes in range(MOST_PASSES + 1):
        shape = cut_corner(passes)
        assert shape.shape == (2**passes, 2)
        np.testing.assert_array_equal(shape, shape[::-1, ::-1])
    np.testing.assert_array_equal(cut_corner(0), [[0, 0]])
