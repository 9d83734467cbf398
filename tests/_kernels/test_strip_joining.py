"""The kernels that join parts of strips against sets of parts, and loops over cells."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fastkm._kernels.ring_tracing import add_touch
from fastkm._kernels.strip_joining import (
    BOTTOM,
    BOX,
    CELLS,
    FIRST,
    LABEL,
    LEFT,
    NEXT,
    NUMBER,
    PIECE,
    REGION,
    RIGHT,
    TOP,
    bridge_missing,
    cross_over,
    find_root,
    find_roots,
    join_over,
    join_pieces,
    join_regions,
    join_two_regions,
    list_parts,
    mark_roots,
    measure_parts,
    merge_facts,
    merge_tallies,
    pack_nodes,
)
from fastkm.geometry.region_merging import find_bridged_pairs, merge_pairs
from fastkm.geometry.regions import find_regions

PAIRS = st.lists(st.tuples(st.integers(-1, 9), st.integers(-1, 9)), max_size=12)


def alone(parts=10):
    """Return links of parts that are not joined."""
    return np.repeat(np.arange(parts)[:, None], 3, axis=1)


def columns_of(pairs):
    return np.array(pairs, np.int64).reshape(-1, 2).T.copy()


def sets(pairs, parts=10):
    """Return the set of each part after pairs are joined one by one."""
    found = [{part} for part in range(parts)]
    for a, b in pairs:
        if a >= 0 and b >= 0:
            both = found[a] | found[b]
            for part in both:
                found[part] = both
    return found


@given(PAIRS, PAIRS)
def test_pieces_are_within_regions_and_all_parts_of_a_region_are_listed(pieces, regions):
    links = alone()
    join_pieces(*columns_of(pieces), links)
    join_regions(*columns_of(regions), links)
    ref_pieces, ref_regions = sets(pieces), sets(pieces + regions)
    for part in range(10):
        assert find_root(links, PIECE, part) == min(ref_pieces[part])
        assert find_root(links, REGION, part) == min(ref_regions[part])
    roots = np.array(sorted({min(region) for region in ref_regions}))
    parts, owners = np.full((2, 12), -7)
    assert list_parts(roots, links, parts, owners) == 10
    assert [set(parts[:10][owners[:10] == k].tolist()) for k in range(len(roots))] == [
        ref_regions[root] for root in roots
    ]
    assert parts[10] == owners[10] == -7


def test_roots_are_found_and_marked():
    links, marks = alone(5), np.zeros(5, bool)
    join_two_regions(4, 1, links)
    roots = np.empty(3, np.int64)
    find_roots(links, REGION, np.array([4, 3, 1]), roots)
    assert roots.tolist() == [1, 3, 1]
    mark_roots(links, REGION, np.array([4, -1, 0]), marks)
    assert np.flatnonzero(marks).tolist() == [0, 1]


@given(st.integers(0, 2**32), st.integers(0, 5), st.integers(1, 7))
def test_parts_are_measured_as_cell_by_cell(seed, rows, columns):
    numbers = np.random.default_rng(seed).integers(-1, 4, (rows, columns)).astype(np.int32)
    facts = np.zeros((4, 8), np.int64)
    facts[:, FIRST] = -1
    measure_parts(numbers, 10, facts)
    for part, fact in enumerate(facts):
        cells = np.argwhere(numbers == part) + np.array([10, 0])
        assert fact[CELLS] == len(cells)
        if len(cells):
            assert fact[BOX].tolist() == [*cells.min(axis=0), *cells.max(axis=0)]
            assert fact[FIRST] == cells[0] @ (columns, 1)


@given(
    st.integers(0, 2**32), st.integers(1, 9), st.integers(1, 9), st.integers(0, 4), st.booleans()
)
def test_bridges_are_those_between_pairs(seed, rows, columns, bridge, periodic):
    rng = np.random.default_rng(seed)
    labels = np.where(rng.random((rows, columns)) < 0.6, -1, rng.integers(0, 2, (rows, columns)))
    regions = find_regions(labels)
    n = len(regions.labels)
    facts, links = np.zeros((3 + n, 8), np.int64), alone(3 + n)
    facts[3:, LABEL] = regions.labels
    last, missing = np.full(columns, -1), np.zeros(columns, np.int64)
    for row in range(rows):  # strips of a row, after three other parts
        strip = regions.numbers[row : row + 1]
        bridge_missing(strip, 3, bridge, periodic, facts, last, missing, links)
    roots = np.empty(n, np.int64)
    find_roots(links, REGION, np.arange(3, 3 + n), roots)
    ref = merge_pairs(regions, find_bridged_pairs(regions, bridge, periodic=periodic))
    np.testing.assert_array_equal(roots[:, None] == roots, ref[:, None] == ref)


def test_a_bridge_has_one_label_and_not_too_many_missing_cells():
    facts = np.zeros((3, 8), np.int64)
    facts[:, LABEL] = 5, 5, 6
    for part, other, missing, joined in [
        (0, 1, 2, True),
        (0, 1, 0, False),
        (0, 1, 3, False),
        (0, 2, 1, False),
        (-1, 2, 1, False),
    ]:
        links = alone(3)
        join_over(part, other, missing, 2, facts, links)
        assert (links != alone(3)).any() == joined


def test_rings_cross_over_where_parts_are_one_piece():
    # nodes 0 and 1 are of one piece, 2 and 3 of two that are open, 4 and 5 of one that is not
    links = alone(6)
    join_pieces(*columns_of([(0, 1)]), links)
    touches = np.array([[0, 1, 0, 1], [2, 3, 2, 3], [4, 5, 4, 5]])
    is_open = np.array([True, True, True, True, False, True])
    corners = np.arange(6) % 3 + (np.arange(6) << 32)
    nodes = np.stack([[-1, 7, 8, 9, 10, 11], corners], axis=1)
    waiting, tally = np.array([[0, 3, 2], [9, 9, 9]]), np.zeros((6, 5), np.int64)
    assert cross_over(touches, is_open, links, waiting, nodes, tally) == 1
    assert touches[0].tolist() == [2, 3, 2, 3]
    assert nodes[:, 0].tolist() == [7, -1, 8, 9, 10, 11]
    assert waiting.tolist() == [[1, 3, 2], [9, 9, 9]]
    assert tally[:, 1].tolist() == [-4, 0, 0, 0, 0, 0]


def test_what_is_known_of_parts_is_put_together():
    facts = np.zeros((4, 8), np.int64)
    names = [LABEL, CELLS, TOP, LEFT, BOTTOM, RIGHT, FIRST, NUMBER]
    facts[:, names] = [
        [5, 3, 1, 4, 2, 6, 14, 0],
        [5, 0, 0, 0, 9, 9, 0, 1],  # no cell
        [5, 2, 2, 3, 3, 5, 23, 2],
        [6, 1, 7, 7, 7, 7, 77, 3],
    ]
    merged = np.full((2, 8), -9)
    merge_facts(np.array([1, 2, 3, 0]), np.array([0, 0, 1, 0]), facts, merged)
    assert merged[:, names[:-1]].tolist() == [[5, 5, 1, 3, 3, 6, 14], [6, 1, 7, 7, 7, 7, 77]]


def test_points_turns_and_gaps_of_parts_are_put_together():
    tally = np.array([[3, 1, 8, 0, 2], [9, 9, 9, 1, 1], [4, 3, 9, -1, -1], [5, 0, 9, 3, 3]])
    gaps = np.array([[20, 2], [21, -5], [22, -5], [23, -5]])
    merged = np.zeros((2, 5), np.int64)
    found, owners = np.zeros((2, 4), np.int64)
    size = merge_tallies(
        np.array([0, 3, 2]), np.array([1, 0, 1]), tally, gaps, merged, found, owners
    )
    assert merged[:, :2].tolist() == [[5, 0], [7, 4]]
    assert found[:size].tolist() == [20, 22, 23]
    assert owners[:size].tolist() == [1, 1, 0]
    assert gaps[:, 0].tolist() == [-1, 21, -1, -1]


def test_nodes_that_are_used_up_make_room():
    nodes = np.array([[0, 10], [3, 11], [2, 12], [-1, 13], [1, 14]])
    places = np.full(6, -1)
    assert pack_nodes(nodes, places) == 3
    assert nodes[:3].tolist() == [[1, 11], [-1, 13], [0, 14]]
    assert places.tolist() == [-1, 0, -1, 1, 2, -1]


def test_touches_are_listed_one_after_another():
    touches = np.zeros((2, 4), np.int64)
    assert add_touch(0, 4, 5, 6, 7, touches) == 1
    assert add_touch(1, 8, 9, 10, 11, touches) == 2
    assert touches.tolist() == [[4, 5, 6, 7], [8, 9, 10, 11]]


def test_a_region_of_two_parts_is_a_circle_and_no_piece():
    links = alone(3)
    join_two_regions(2, 0, links)
    assert links[:, PIECE].tolist() == [0, 1, 2]
    assert links[:, REGION].tolist() == [0, 1, 0]
    assert links[:, NEXT].tolist() == [2, 1, 0]
