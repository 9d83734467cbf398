"""The kernels that thin lines against the smallest triangle of all, again and again."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastkm._kernels.line_thinning import (
    DONE,
    POINT,
    is_empty,
    make_key,
    mark_points,
    measure_triangle,
    pop,
    push,
    span_row,
    thin_line,
    thin_rings,
    write_left,
)
from tests import naive


def some_rings(seed, rows, columns):
    """Give the rings of all regions of a map without missing cells, and which points are free."""
    numbers = naive.number_regions(np.random.default_rng(seed).integers(0, 2, (rows, columns)))
    marked = naive.find_junctions(numbers)
    rings = [
        ring
        for region in range(numbers.max() + 1)
        for ring in naive.trace_rings(numbers == region, contour=False, junctions=marked)
    ]
    free = [naive.find_free_corners(numbers, ring) for ring in rings]
    return rings, [[*own[:-1], False] for own in free]


def thin(rings, free, y, x, most):
    points, offsets = np.concatenate(rings), np.cumsum([0, *map(len, rings)])
    free, lattice = np.concatenate(free), np.zeros((len(y), len(x)), np.uint8)
    corners = np.empty(points.shape, np.int32)
    mark_points(points + np.array([0.0, 5.0]), offsets, 5, free, corners, lattice)
    np.testing.assert_array_equal(corners[free], points[free] + 0.5)
    path, heap = np.empty((len(points) + 1, 4), np.int64), np.empty(3 * len(points), np.int64)
    thin_rings(corners, offsets, free, y, x, most, lattice, path, heap)
    left, left_offsets = np.empty_like(points), np.empty_like(offsets)
    count = write_left(points, corners, offsets, lattice, left_offsets, left)
    assert count == left_offsets[-1]
    return [left[i:j] for i, j in itertools.pairwise(left_offsets)]


@settings(max_examples=25)
@given(
    st.integers(0, 2**32),
    st.integers(1, 6),
    st.integers(1, 7),
    st.sampled_from([0.0, 0.5, 2.0, 99.0]),
)
def test_rings_are_those_of_the_smallest_triangle_first(seed, rows, columns, most):
    rings, free = some_rings(seed, rows, columns)
    found = thin(rings, free, np.arange(rows + 1.0), np.arange(columns + 1.0), most)
    for ring, wanted in zip(found, naive.thin_rings(rings, free, most), strict=True):
        assert ring.tolist() == [*map(list, wanted), list(wanted[0])]


def test_triangles_are_measured_in_coordinates():
    path = np.array([[0, 0, -1, 1], [0, 2, 0, 2], [3, 2, 1, 3]])
    y, x = np.array([0.0, 1.0, 3.0, 6.0]), np.array([0.0, 10.0, 30.0])
    assert measure_triangle(path, 1, y, x) == 90.0


@pytest.mark.parametrize("columns", [4, 40])
def test_points_in_a_triangle_and_on_its_edges_keep_its_corner(columns):
    path = np.array([[0, 0, -1, 1], [0, columns, 0, 2], [4, columns, 1, 3]])
    y, x = np.arange(5.0), np.arange(columns + 1.0)
    for row, column in np.ndindex(5, columns + 1):
        lattice = np.zeros((5, columns + 1), np.uint8)
        lattice[row, column] = POINT
        corner = (row, column) in [(0, 0), (0, columns), (4, columns)]
        inside = row * columns <= 4 * column
        assert is_empty(path, 1, y, x, lattice) == (corner or not inside)


def test_a_row_of_a_triangle_is_spanned():
    assert span_row(1.0, 0.0, 0.0, 0.0, 4.0, 2.0, 4.0) == (2.0, 4.0)
    assert span_row(0.0, 0.0, 0.0, 0.0, 4.0, 2.0, 4.0) == (0.0, 4.0)


def test_lines_that_are_done_or_have_no_points_stay():
    path = np.array([[0, 0, -1, 1], [0, 1, 0, 2], [1, 1, 1, 3]])
    y = x = np.arange(2.0)
    for lattice, size in (
        (np.full((2, 2), POINT | DONE, np.uint8), 3),
        (np.ones((2, 2), np.uint8), 2),
    ):
        before = lattice.copy()
        thin_line(path, size, False, y, x, 99.0, lattice, np.empty(9, np.int64))
        np.testing.assert_array_equal(lattice, before)


@given(st.lists(st.integers(0, 5), max_size=30))
def test_a_heap_gives_the_smallest_first(areas):
    heap, count = np.empty(len(areas) + 1, np.int64), 0
    for number, area in enumerate(areas):
        count = push(heap, count, float(area), number, 4.0)
    found = []
    while count > 0:
        found.append(int(heap[0]))
        count = pop(heap, count)
    keys = [make_key(float(area), number) for number, area in enumerate(areas) if area <= 4]
    assert found == sorted(keys)


def test_keys_tell_areas_and_then_points_apart():
    areas = [0.0, 1e-30, 0.5, 0.75, 1e12]
    keys = [[int(make_key(area, number)) for number in range(9)] for area in areas]
    assert all(max(low) < min(high) for low, high in itertools.pairwise(keys))
    assert len(np.unique(keys)) == 45
