"""What is quick for one level of a face, beside what does any number of them."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastkm._kernels.face_lines import link_one, link_square, place_crossing, place_crossings

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
