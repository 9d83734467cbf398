"""The kernels that trace rings against a walk along the edges."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastkm._kernels.ring_tracing import (
    CORNERS,
    JUNCTIONS,
    MIDPOINTS,
    WALKS,
    add_gap,
    add_midpoints,
    close_ring,
    count_turn,
    enter_hole,
    enter_region,
    link_turns,
    mark_turns,
    open_ring,
    read_cells_around,
    walk_rings,
)
from tests import naive

SEEDS, SIDES = st.integers(0, 2**32), st.integers(1, 9)


def some_numbers(seed, rows, columns):
    labels = np.random.default_rng(seed).integers(-1, 3, (rows, columns))
    return naive.number_regions(labels)


def around(numbers, row, column):
    return np.pad(numbers, 1, constant_values=-1)[row : row + 2, column : column + 2].ravel()


def turns_of(numbers):
    rows, columns = numbers.shape
    marks = np.zeros((rows + 1, columns + 1), bool)
    mark_turns(numbers, 0, marks)
    return np.flatnonzero(marks)


def linked(numbers, wanted, contour, dtype=np.uint32, *, junctions=False):
    turns = turns_of(numbers)
    nodes, gaps = np.zeros((4 * len(turns), 2), dtype), np.zeros((len(turns), 2), dtype)
    tally = np.tile([0, 0, -1, -1, -1], (len(wanted), 1))
    labels, waiting = np.arange(len(wanted)), np.zeros((2, numbers.shape[1] + 1), np.int64)
    counts, touches = np.zeros(4, np.int64), np.empty((0, 4), np.int64)
    kind = MIDPOINTS if contour else JUNCTIONS if junctions else CORNERS
    link_turns(
        turns, numbers, labels, wanted, kind, waiting, counts, nodes, gaps, tally, touches
    )  # fmt: skip
    return nodes, gaps, tally


@given(SEEDS, SIDES, SIDES, st.integers(0, 9))
def test_corners_with_edges_of_both_kinds_are_marked(seed, rows, columns, first):
    numbers = some_numbers(seed, rows, columns)
    first = min(first, rows)
    marks = np.zeros((rows + 1 - first, columns + 1), bool)
    mark_turns(numbers, first, marks)
    for row, column in np.ndindex(marks.shape):
        nw, ne, sw, se = around(numbers, row + first, column)
        assert marks[row, column] == ((nw != ne or sw != se) and (nw != sw or ne != se))


def test_the_cells_around_a_corner_are_its_own_or_none():
    numbers = some_numbers(5, 4, 3)
    for row, column in np.ndindex(5, 4):
        assert read_cells_around(numbers, row, column) == tuple(around(numbers, row, column))


def walked(numbers, wanted, contour, dtype, *, junctions=False):
    """Link and walk all at once; return a list of rings for each region that is wanted."""
    nodes, gaps, tally = linked(numbers, wanted, contour, dtype, junctions=junctions)
    rings = np.where(wanted, 2 - tally[:, 1] // 4, 0)
    ends = np.cumsum([tally[:, 0] + rings, rings], axis=1).T
    cursors = ends - np.transpose([tally[:, 0] + rings, rings])
    starts = [[int(c) for c in range(a, b)] for a, b in zip(cursors[:, 1], ends[:, 1], strict=True)]
    offsets = np.full(rings.sum() + 1, (tally[:, 0] + rings).sum())
    points = np.full((offsets[-1], 2), np.nan)
    regions = np.flatnonzero(wanted)
    walks = np.empty((WALKS, 5), np.int64)
    walk_rings(regions, nodes, gaps, contour, tally, cursors, offsets, points, walks)
    np.testing.assert_array_equal(cursors, ends)
    return [[points[offsets[ring] : offsets[ring + 1]] for ring in starts[r]] for r in regions]


def assert_rings_equal(comp, ref):
    assert [len(rings) for rings in comp] == [len(rings) for rings in ref]
    for rings, others in zip(comp, ref, strict=True):
        for ring, other in zip(rings, others, strict=True):
            np.testing.assert_array_equal(ring, other)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.uint32, np.int64])
@given(SEEDS, SIDES, SIDES, st.booleans())
def test_rings_are_those_of_a_walk_along_the_edges(dtype, seed, rows, columns, contour):
    numbers = some_numbers(seed, rows, columns)
    regions = range(numbers.max() + 1)
    ref = [naive.trace_rings(numbers == region, contour=contour) for region in regions]
    comp = walked(numbers, np.ones(len(regions), bool), contour, dtype)
    assert_rings_equal(comp, ref)


@given(SEEDS, SIDES, SIDES, st.booleans())
def test_junctions_are_points_of_all_rings_that_meet_there(seed, rows, columns, some):
    numbers = some_numbers(seed, rows, columns)
    wanted = np.random.default_rng(seed + 1).random(numbers.max() + 1) < (0.5 if some else 2)
    junctions = naive.find_junctions(numbers)
    ref = [
        naive.trace_rings(numbers == region, contour=False, junctions=junctions)
        for region in np.flatnonzero(wanted)
    ]
    assert_rings_equal(walked(numbers, wanted, False, np.uint32, junctions=True), ref)


@given(SEEDS, SIDES, SIDES, st.booleans())
def test_only_wanted_regions_get_nodes_and_rings(seed, rows, columns, contour):
    numbers = some_numbers(seed, rows, columns)
    wanted = np.random.default_rng(seed + 1).random(numbers.max() + 1) < 0.5
    ref = [naive.trace_rings(numbers == r, contour=contour) for r in np.flatnonzero(wanted)]
    assert_rings_equal(walked(numbers, wanted, contour, np.uint32), ref)
    tally = linked(numbers, wanted, contour)[2]
    assert (tally[~wanted] == [0, 0, -1, -1, -1]).all()


@given(SEEDS, SIDES, SIDES, st.booleans())
def test_points_and_turns_of_each_region_are_counted(seed, rows, columns, contour):
    numbers = some_numbers(seed, rows, columns)
    tally = linked(numbers, np.ones(numbers.max() + 1, bool), contour)[2]
    for region, counts in enumerate(tally):
        rings = naive.trace_rings(numbers == region, contour=contour)
        assert counts[0] == sum(len(ring) - 1 for ring in rings)
        assert counts[1] == 4 * (2 - len(rings))


@given(SEEDS, st.booleans())
def test_a_hole_may_be_where_its_first_cell_is_new_or_missing(seed, contour):
    numbers = some_numbers(seed, 9, 9)
    _, gaps, tally = linked(numbers, np.ones(numbers.max() + 1, bool), contour)
    for region, (_, quarters, _, gap, last) in enumerate(tally.tolist()):
        listed = [] if gap < 0 else [gap]
        while listed and listed[-1] != last:
            listed.append(int(gaps[listed[-1], 1]))
        assert listed == sorted(set(listed)), region
        assert len(listed) >= 1 - quarters // 4


@pytest.mark.parametrize("many", [WALKS - 1, WALKS, WALKS + 1, 3 * WALKS + 2])
def test_walks_go_on_together_whatever_their_number_and_length(many):
    rng = np.random.default_rng(many)
    labels = np.zeros((2 * many + 1, 40), int)
    for k in range(many):  # bars of many lengths, each in the one region around them
        labels[2 * k + 1, 1 : rng.integers(2, 39)] = k + 1
    numbers = naive.number_regions(labels)
    wanted = np.ones(numbers.max() + 1, bool)
    comp = walked(numbers, wanted, True, np.uint32)
    assert len(comp[0]) == many + 1
    ref = [naive.trace_rings(numbers == region, contour=True) for region in range(len(wanted))]
    assert_rings_equal(comp, ref)


def test_no_region_has_no_ring():
    assert walked(np.full((2, 3), -1, np.int32), np.zeros(0, bool), False, np.uint32) == []


@pytest.mark.parametrize(
    ("ends", "ref"),
    [
        ((2, 3, 2, 5), [(1.5, 3), (1.5, 4)]),
        ((2, 5, 2, 3), [(1.5, 4), (1.5, 3)]),
        ((2, 3, 4, 3), [(2, 2.5), (3, 2.5)]),
        ((4, 3, 2, 3), [(3, 2.5), (2, 2.5)]),
        ((2, 3, 2, 3), []),
    ],
)
def test_midpoints_of_unit_edges_lie_between_corners(ends, ref):
    points = np.full((4, 2), np.nan)
    assert add_midpoints(*ends, 1, points) == 1 + len(ref)
    assert points[1 : 1 + len(ref)].tolist() == [list(point) for point in ref]
    assert np.isnan(points[1 + len(ref) :]).all()


def test_a_turn_counts_as_a_point_or_by_its_reach():
    tally = np.array([[1, 2, -1, -1, -1], [7, 5, -1, -1, -1]])
    assert count_turn(1, -3, 1, False, tally) == 1
    assert count_turn(1, -3, -1, True, tally) == 1
    assert count_turn(1, -3, -1, True, tally) == 1
    assert tally[:, :2].tolist() == [[1, 2], [2, 4]]


def test_gaps_are_listed_by_region_in_order():
    gaps = np.zeros((4, 2), np.uint32)
    counts = np.full((2, 5), -1)
    for gap, (node, region) in enumerate([(10, 0), (11, 1), (12, 0), (13, 0)]):
        assert add_gap(gap, node, region, counts, gaps) == gap + 1
    assert counts[:, 3:].tolist() == [[0, 3], [1, 1]]
    assert gaps[:, 0].tolist() == [10, 11, 12, 13]
    assert (gaps[0, 1], gaps[2, 1]) == (2, 3)


def test_a_walk_enters_a_region_and_then_its_holes_where_none_has_passed():
    nodes = np.array([[1, 70], [0, 71], [2, 72], [0, 73]])  # the third has been passed
    gaps = np.array([[2, 1], [3, 9]])
    tally = np.array([[4, 4, 1, 0, 1]])
    cursors, offsets = np.array([[20, 6]]), np.zeros(9, np.int64)
    walks, points = np.full((2, 5), 9), np.arange(80.0).reshape(40, 2)
    enter_region(walks, 1, 0, nodes, tally, cursors, offsets)
    assert walks.tolist() == [[9] * 5, [1, 71, 20, 0, 0]]
    close_ring(24, 0, cursors, offsets, points)
    assert offsets[6] == 20
    assert points[24].tolist() == points[20].tolist()
    assert enter_hole(walks, 1, nodes, gaps, tally, cursors, offsets)
    assert walks.tolist() == [[9] * 5, [3, 73, 25, 0, -1]]
    assert offsets[7] == 25
    assert not enter_hole(walks, 1, nodes, gaps, tally, cursors, offsets)


def test_a_ring_opens_where_the_cursor_stands():
    walks, offsets = np.array([[9, 9, 9, 0, 9]]), np.zeros(3, np.int64)
    open_ring(walks, 0, 1, np.array([[1, 5], [0, 6]]), np.array([[30, 2]]), offsets)
    assert walks.tolist() == [[1, 6, 30, 0, 9]]
    assert offsets.tolist() == [0, 0, 30]
