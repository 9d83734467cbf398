"""Vertices of lines of levels, and their links, against all faces one by one."""

from collections import Counter
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastkm._kernels.level_crossings import count_between, count_on_edge, count_vertices
from tests import naive
from tests.level_lattices import LEVELS, cross, pad_lattice, some_values

RASTERS = st.builds(
    some_values, st.integers(0, 2**32), st.integers(1, 5), st.integers(1, 5),
    st.sampled_from([0, 0.3, 0.7]),
)  # fmt: skip


def name_links(found):
    """Return how often each link comes: between places, marks and sides."""
    names = [
        (*np.round(found.points[v], 9).tolist(), int(found.marks[v]))
        for v in range(len(found.marks))
    ]
    return Counter(
        ((names[code >> 1], code & 1), (names[after >> 1], after & 1))
        for code, after in enumerate(found.next_codes())
        if after is not None
    )


def require_the_twins_links(values):
    expected = naive.link_levels(values, LEVELS)
    bare = Counter(((p[:3], side), (q[:3], other)) for (p, side), (q, other) in expected)
    assert name_links(cross(values)) == bare


@given(RASTERS)
def test_lines_are_linked_as_level_by_level(values):
    require_the_twins_links(values)


HEIGHTS = (np.nan, -1.5, -0.5, 0.25, 1.5)
"""Missing, and one for each label."""


@pytest.mark.parametrize("corner", HEIGHTS)
def test_each_face_is_linked_as_level_by_level(corner):
    """All four nodes go through `link_one` or `link_square`, three through `link_three`, which links
    triangles by `link_triangle`, and fewer through `link_few`; `link_frame` links what is beside
    missing ones, and `link_line` each line.
    """
    for others in product(HEIGHTS, repeat=3):
        require_the_twins_links(np.array([corner, *others]).reshape(2, 2))


@given(RASTERS)
def test_vertices_are_counted(values):
    """They are where `place_on_edges` and `place_on_row` put them, and `link_faces` those between."""
    labels, padded = pad_lattice(values, LEVELS)
    counts = np.full((len(labels) - 1, 3), -1)
    count_vertices(labels, padded, LEVELS, counts)
    np.testing.assert_array_equal(counts, naive.count_vertices(values, LEVELS))


@given(RASTERS)
def test_vertices_on_rows_come_in_raster_order_and_know_their_right(values):
    found = cross(values)
    labels, _ = pad_lattice(values, LEVELS)
    on_rows = found.points[: len(found.rightward)]
    assert (np.diff(on_rows[:, 0] * 1000 + on_rows[:, 1]) > 0).all()
    for (row, column), side in zip(on_rows, found.rightward, strict=True):
        left, right = labels[int(row) + 1, int(np.floor(column)) + 1 :][:2]
        assert side == (right > left if min(left, right) >= 0 else left >= 0)


@pytest.mark.parametrize("a", range(-1, 4))
@pytest.mark.parametrize("b", range(-1, 4))
def test_an_edge_has_a_vertex_for_each_level_or_where_a_cell_ends(a, b):
    one_is_missing = (a < 0) != (b < 0)
    expected = 1 if one_is_missing else len(naive.list_crossed_levels(a, b))
    assert count_on_edge(a, b) == expected


def test_vertices_between_nodes_are_those_of_their_face():
    for heights in product(HEIGHTS, repeat=4):
        values = np.array([heights[:2], heights[:1:-1]])
        if not np.isnan(values).any():
            continue
        corner = np.array([-1 if np.isnan(own) else int((own > LEVELS).sum()) for own in heights])
        between = {
            name
            for link in naive.link_levels(values, LEVELS)
            for name, _ in link
            if 0 < name[0] < 1 and 0 < name[1] < 1
        }
        assert count_between(corner, np.nan_to_num(heights), LEVELS) == len(between)
