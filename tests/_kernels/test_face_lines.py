"""Lines in one face: places and names of crossings, and what is quick for one level of a face."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastkm._kernels.face_lines import (
    find_crossing,
    find_middle,
    find_on_side,
    label_corner,
    link_one,
    link_square,
    place_crossing,
    place_crossings,
    place_end,
    read_heights,
)
from tests import naive

HEIGHTS = st.floats(-1e300, 1e300)


@given(HEIGHTS, HEIGHTS, HEIGHTS, st.booleans())
def test_one_crossing_lies_where_it_is_the_first_of_several(low, high, level, falling):
    a, b = (5, 4) if falling else (4, 5)
    levels = np.array([0.0] * 4 + [level])
    line = levels, 7.0, -3.0, 1.0, 0.3
    one, several = np.zeros((2, 2)), np.zeros((2, 2))
    marks = np.zeros((2, 2), np.int32)
    place_crossing(1, 4, low, high, *line, one, marks[0])
    place_crossings(1, a, b, low, high, *line, several, marks[1])
    np.testing.assert_array_equal(one, several)
    np.testing.assert_array_equal(marks, [[0, 4], [0, 4]])


FACES = [
    labels for labels in product((2, 3), repeat=4)
    if len(set(labels)) == 2 and (labels[0] != labels[2] or labels[1] != labels[3])
]  # fmt: skip


@pytest.mark.parametrize("labels", FACES)
def test_one_level_is_linked_as_one_of_several(labels):
    corner = np.array(labels)
    edge = np.array([3, 5, 4, 6])  # one vertex on each side
    first = corner[[0, 1, 3, 0]]
    one, several = (np.full((14, 2), -9, np.int32) for _ in range(2))
    link_one(*labels, *edge.tolist(), one)
    link_square(corner, edge, first, np.zeros(4), np.zeros(3), several)
    assert (one != -9).sum() == 2
    np.testing.assert_array_equal(one, several)


@given(
    st.integers(0, 5), st.integers(0, 5), st.floats(0, 1), st.floats(0, 1),
    st.lists(st.floats(0, 1), min_size=5, max_size=5),
)  # fmt: skip
def test_crossings_are_kept_apart_on_their_line(a, b, low, high, levels):
    levels = np.sort(levels)
    marks, shares = naive.place_crossings(a, b, low, high, levels) if low != high else ([], [])
    points, found = np.full((6, 2), np.nan), np.full(6, -9, np.int32)
    place_crossings(0, a, b if marks else a, low, high, levels, 7.0, -3.0, 2.0, 0.25, points, found)
    count = len(marks)
    assert found[:count].tolist() == marks
    assert (found[count:] == -9).all()
    np.testing.assert_allclose(points[:count, 0], 7 + 2 * np.array(shares), rtol=0, atol=1e-9)
    np.testing.assert_allclose(points[:count, 1], -3 + np.array(shares) / 4, rtol=0, atol=1e-9)


@given(st.lists(st.integers(0, 4), min_size=4, max_size=4), st.lists(st.booleans(), min_size=4))
def test_a_crossing_is_found_by_its_level(corner, turned):
    """Vertices of a side are numbered from either of its nodes on."""
    edge = np.array([10, 20, 30, 40])
    first = np.array([corner[(k + turned[k]) % 4] for k in range(4)])
    for k in range(4):
        a, b = corner[k], corner[(k + 1) % 4]
        marks = naive.list_crossed_levels(b, a) if turned[k] else naive.list_crossed_levels(a, b)
        for place, level in enumerate(marks):
            assert find_on_side(np.array(corner), edge, first, k, level) == edge[k] + place
            start = (b, a) if turned[k] else (a, b)
            assert find_crossing(edge[k], *start, level) == edge[k] + place


def test_the_middle_of_three_nodes_is_between_the_others():
    for corner in product((-1, 0, 2), repeat=4):
        there = [k for k in range(4) if corner[k] >= 0]
        if len(there) < 4:
            lost = next(k for k in range(4) if corner[k] < 0)
            expected = (lost + 2) % 4 if len(there) == 3 else -1
            assert find_middle(np.array(corner)) == expected


@given(
    st.lists(st.integers(-3, 3), min_size=4, max_size=4),
    st.lists(st.integers(-7, 7), unique=True, min_size=1, max_size=9), st.integers(0, 3),
)  # fmt: skip
def test_the_corner_of_the_frame_has_the_label_of_its_value(heights, halves, k):
    heights, levels = np.array(heights, float), np.sort(halves) / 2
    corner = (levels < heights[:, None]).sum(axis=1)
    mean = (heights[k - 1] + heights[(k + 1) % 4]) / 2
    assert label_corner(corner, heights, k, levels) == (levels < mean).sum()


def test_what_is_read_and_placed_of_a_cell():
    heights, points, marks = np.empty(4), np.zeros((2, 2)), np.zeros(2, np.int32)
    read_heights(np.arange(12.0).reshape(3, 4), 1, 2, heights)
    assert heights.tolist() == [6, 7, 11, 10]
    place_end(1, 3, 0.5, 2.0, points, marks)
    assert points.tolist() == [[0, 0], [0.5, 2]]
    assert marks.tolist() == [0, ~3]
