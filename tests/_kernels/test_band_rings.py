"""Rings of bands and lines of levels against walks from code to code."""

import itertools

import numpy as np
import shapely
from hypothesis import example, given
from hypothesis import strategies as st

from fastkm._kernels.band_rings import (
    BAND,
    FIRST,
    NONE,
    SIZE,
    find_lines,
    find_on_line,
    find_rings,
    is_pair,
    is_point,
    split_rings,
    write_rings,
)
from tests import naive
from tests.level_lattices import cross, some_values

CROSSED = st.builds(
    lambda *options: cross(some_values(*options)),
    st.integers(0, 2**32), st.integers(1, 6), st.integers(1, 6), st.sampled_from([0, 0.3, 0.6]),
)  # fmt: skip


def split(found):
    """Return next codes of which those of the frame are complements, split where rings touch."""
    following = found.following.copy()
    walks = np.zeros(len(found.marks), np.int32)
    split_rings(following, found.marks, found.points, found.first, walks)
    return following


def bare(codes):
    """Return next codes without the mark of the frame, None where there are none."""
    return [None if code == NONE else int(code if code >= 0 else ~code) for code in codes]


@given(CROSSED)
def test_no_ring_touches_itself(found):
    following = split(found)
    expected = naive.split_rings(found.next_codes(), found.marks, found.points, found.first)
    assert bare(following[:, 0]) == expected
    is_frame = np.repeat(found.marks < 0, 2) & (found.following[:, 0] != NONE)
    np.testing.assert_array_equal((following[:, 0] < 0) & (following[:, 0] != NONE), is_frame)
    pairs = naive.list_pairs(found.marks, found.points, found.first)
    vertices = range(len(found.marks))
    assert [v for v in vertices if is_pair(v, found.first, found.marks, found.points)] == pairs


@example(cross(np.ones((1, 1))), False, 1.0)  # a triangle
@given(CROSSED, st.booleans(), st.sampled_from([0.0, 1.0]))
def test_rings_are_those_of_the_twin(found, curved, still):
    points, marks, first = found.points, found.marks, found.first
    places = points[:, ::-1].copy()
    places[places[:, 1] < 0, 0] *= 1.0 - still  # the upper frame is one place, as at a pole
    following = split(found)
    codes = bare(following[:, 0])
    path, rings = np.empty(len(codes), np.int32), np.empty((len(codes), 4), np.int32)
    count = find_rings(
        following, marks, found.rightward, points, places, first, curved, path, rings
    )
    walked = naive.walk_codes(codes)
    assert count == len(walked)
    for number, ring in enumerate(walked):
        assert {int(following[code, 1]) for code in ring} == {number}
        mark, side = marks[ring[0] >> 1], ring[0] & 1
        assert rings[number, BAND] == (mark + side if mark >= 0 else ~mark)
        # from the second code on, to the first
        own = [code >> 1 for code in ring]
        expected = []
        for k in range(1, len(own) + 1):
            a, b, c = own[k - 1], own[k % len(own)], own[(k + 1) % len(own)]
            is_frame = marks[b] < 0
            if b < first and ring[k - 1] < 2 * first and not is_frame:
                expected.append(b)  # never left out
            elif naive.is_point(a, b, c, is_frame and not curved, points, places):
                expected.append(b)
        size = len(expected) + 1 if len(expected) >= 3 else 0
        assert rings[number, SIZE] == size
        if size:
            begin = rings[number, FIRST]
            assert path[begin : begin + size - 1].tolist() == expected


@given(CROSSED)
def test_holes_belong_to_the_exterior_around_them(found):
    points = found.points
    following = split(found)
    codes = bare(following[:, 0])
    path, rings = np.empty(len(codes), np.int32), np.empty((len(codes), 4), np.int32)
    places = points[:, ::-1].copy()
    count = find_rings(
        following, found.marks, found.rightward, points, places, found.first, False, path, rings
    )
    shapes = [
        shapely.Polygon(places[path[begin : begin + size - 1]])
        for begin, _, _, size in rings[:count]
    ]
    exteriors = [k for k in range(count) if shapes[k].exterior.is_ccw]
    for k, (_, band, polygon, _) in enumerate(rings[:count]):
        if k in exteriors:
            assert polygon == k
            continue
        inside = shapes[k].buffer(-1e-9)
        around = [j for j in exteriors if rings[j, BAND] == band and shapes[j].covers(inside)]
        assert polygon == min(around, key=lambda j: shapes[j].area)


def test_a_point_is_kept_where_a_ring_turns_or_must():
    steps = [(0.0, 0.0), (0.0, 1.0), (0.0, 2.0), (1.0, 1.0), (2.0, 1.0)]
    pixels = np.array(steps)
    for places in (pixels[:, ::-1].copy(), pixels * [1.0, 0.0], pixels * [0.0, 1.0]):
        for a, b, c, may_go in np.ndindex(5, 5, 5, 2):
            expected = naive.is_point(a, b, c, bool(may_go), pixels, places)
            assert is_point(a, b, c, bool(may_go), pixels, places) == expected


@given(st.lists(st.lists(st.integers(0, 9), min_size=3, max_size=6), max_size=4), st.booleans())
def test_rings_are_written_closed_and_either_way(rings, backwards):
    places = np.random.default_rng(1).normal(size=(10, 2))
    path = np.array([vertex for ring in rings for vertex in ring], np.int32)
    starts = np.cumsum([0, *map(len, rings)])[:-1]
    offsets = np.cumsum([0, *(len(ring) + 1 for ring in rings)])
    points = np.full((offsets[-1], 2), np.nan)
    write_rings(path, starts, offsets, backwards, places, points)
    closed = [[*ring, ring[0]][:: -1 if backwards else 1] for ring in rings]
    expected = places[[vertex for ring in closed for vertex in ring]]
    np.testing.assert_array_equal(points, expected.reshape(-1, 2))


@given(CROSSED)
def test_lines_are_those_of_the_twin(found):
    following = split(found)
    codes = [0 if code == NONE else int(code) for code in following[:, 0]]
    path, lines = np.empty(len(codes), np.int32), np.empty((len(codes) + 1, 2), np.int64)
    count = find_lines(following, found.marks, found.first, path, lines)
    walked = [path[begin : begin + size].tolist() for begin, size in lines[:count]]
    expected = naive.find_lines(codes, found.marks)
    assert sorted((int(found.marks[line[0]]), line) for line in walked) == sorted(expected)
    # from each vertex to the next, and back
    steps = {pair for line in walked for pair in itertools.pairwise(line)}
    ups = {(v, find_on_line(v, 1, following, found.marks)) for line in walked for v in line}
    downs = {(find_on_line(v, 0, following, found.marks), v) for line in walked for v in line}
    assert {pair for pair in ups if pair[1] >= 0} == steps
    assert {pair for pair in downs if pair[0] >= 0} == steps
