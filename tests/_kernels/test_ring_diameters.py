"""Rings one after another against all pairs of each."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastkm._kernels import ring_diameters
from fastkm._kernels.ring_diameters import (
    NO,
    UNKNOWN,
    YES,
    find_squared_diameter,
    find_squared_diameters,
    mark_exceeding_rings,
)
from tests import naive
from tests._kernels.test_farthest_pair import KINDS, SEEDS, some_points

SIZES = st.lists(st.integers(0, 12), min_size=1, max_size=8)


def rings(seed, sizes, kind):
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return some_points(seed, max(1, int(offsets[-1])), 2, kind)[: offsets[-1]], offsets


def pieces(points, offsets):
    return [points[a:b] for a, b in itertools.pairwise(offsets)]


@given(SEEDS, SIZES, KINDS)
def test_the_largest_square_of_each_ring(seed, sizes, kind):
    points, offsets = rings(seed, sizes, kind)
    found = np.empty(len(sizes))
    find_squared_diameters(points, offsets, 0, len(sizes), found)
    wanted = [
        max(0.0, naive.find_farthest_in_columns(piece)[0]) for piece in pieces(points, offsets)
    ]
    np.testing.assert_array_equal(found, wanted)


@given(SEEDS, SIZES, KINDS, st.integers(0, 11))
def test_a_square_is_exceeded_where_the_largest_is_beyond(seed, sizes, kind, pick):
    points, offsets = rings(seed, sizes, kind)
    largest = [
        naive.find_farthest_in_columns(piece)[0] if len(piece) else -1.0
        for piece in pieces(points, offsets)
    ]
    limit = max(0.0, largest[pick % len(largest)])
    for square in (limit, np.nextafter(limit, -1), np.nextafter(limit, np.inf), -1.0, np.inf):
        verdicts = np.full(len(sizes), 7, np.uint8)
        mark_exceeding_rings(points, offsets, 0, len(sizes), square, verdicts)
        np.testing.assert_array_equal(verdicts, np.where(np.array(largest) > square, YES, NO))


def test_a_chunk_of_rings_is_all_that_is_written():
    points, offsets = rings(0, [3, 3, 3, 3], "plain")
    verdicts, found = np.full(4, 7, np.uint8), np.full(4, 7.0)
    mark_exceeding_rings(points, offsets, 1, 3, 0.0, verdicts)
    find_squared_diameters(points, offsets, 1, 3, found)
    assert verdicts.tolist() == [7, YES, YES, 7]
    assert (found == 7).tolist() == [True, False, False, True]


def test_large_rings_are_left_to_the_caller_unless_their_box_answers():
    angle = np.linspace(0, 2 * np.pi, ring_diameters.SMALL + 1)
    circle = np.column_stack([np.cos(angle), np.sin(angle)])
    offsets, verdicts = np.array([0, len(circle)]), np.empty(1, np.uint8)
    for square, answer in ((3.9, YES), (5.0, UNKNOWN), (8.0, NO)):
        mark_exceeding_rings(circle, offsets, 0, 1, square, verdicts)
        assert verdicts[0] == answer
    found = np.empty(1)
    find_squared_diameters(circle, offsets, 0, 1, found)
    assert found[0] == -1


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 2.0**401, 2.0**-401])
@pytest.mark.parametrize("row", [0, 1, 2])
def test_numbers_out_of_range_are_left_to_the_caller(bad, row):
    points = np.zeros((5, 2))
    points[row, 1] = bad
    offsets, verdicts = np.array([0, 3, 5]), np.empty(2, np.uint8)
    mark_exceeding_rings(points, offsets, 0, 2, 1.0, verdicts)
    assert verdicts.tolist() == [UNKNOWN, NO]
    if np.isfinite(bad):
        found = np.empty(2)
        find_squared_diameters(points, offsets, 0, 2, found)
        assert found.tolist() == [-1, 0]


@given(SEEDS, st.integers(0, 30), KINDS)
def test_the_longest_of_a_few_points(seed, n, kind):
    points = some_points(seed, max(n, 1), 2, kind)[:n]
    assert find_squared_diameter(points, np.empty((3, ring_diameters.SMALL))) == max(
        0.0, naive.find_farthest_in_columns(points)[0]
    )
