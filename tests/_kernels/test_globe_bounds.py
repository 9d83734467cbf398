"""The bounds on distances beside GeographicLib, and the lists of pairs beside all pairs."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from fastkm._kernels import globe_bounds as kernels
from fastkm._kernels.globe_bounds import (
    bound_points,
    bound_tree,
    find_longest_chords,
    lambert_bound,
    list_pairs_in_rings,
    list_pairs_in_tree,
    mark_possible_rings,
    may_boxes_beat,
    may_points_beat,
)
from tests import naive

SEEDS = st.integers(0, 2**32)
FLAT = 1 / 298.257223563
E2 = FLAT * (2 - FLAT)
AXIS = 6378137.0
EARTHS = st.sampled_from([0.0, E2])


def vectors(latitude, longitude, flattening=FLAT):
    phi, lam = np.deg2rad(latitude), np.deg2rad(longitude)
    c, s = np.cos(phi), (1 - flattening) * np.sin(phi)
    return np.stack([c * np.cos(lam), c * np.sin(lam), s]) / np.hypot(c, s)


def some_pairs(seed, n, kind):
    """Latitudes and longitudes of pairs, at all scales."""
    rng = np.random.default_rng(seed)
    p = np.column_stack([np.degrees(np.arcsin(rng.uniform(-1, 1, n))), rng.uniform(-180, 180, n)])
    step = rng.normal(size=(n, 2)) * 10 ** rng.uniform(-7, 1.5, (n, 1))
    if kind == "equator":
        p[:, 0], step[:, 0] = 0, 0
    elif kind == "meridian":
        step[:, 1] = 0
    q = p + step
    if kind in ("antipodes", "equator"):
        half = np.arange(n) % 2 == 0 if kind == "equator" else np.ones(n, bool)
        q[half] = q[half] * [-1, 1] + [0, 180]
    elif kind == "anywhere":
        q = p[rng.permutation(n)]
    q[:, 0] = np.clip(q[:, 0], -90, 90)
    return p, q


PAIR_KINDS = ["anywhere", "neighbours", "antipodes", "equator", "meridian"]


def parts(u, v):
    """What `lambert_bound` wants: sums of squares."""
    return ((u - v) ** 2).sum(), ((u + v) ** 2).sum(), (u[2] + v[2]) ** 2, (u[2] - v[2]) ** 2


@pytest.mark.parametrize("kind", PAIR_KINDS)
@given(SEEDS)
def test_no_bound_is_below_the_geodesic(kind, seed):
    p, q = some_pairs(seed, 100, kind)
    distance = Geod(ellps="WGS84").inv(p[:, 1], p[:, 0], q[:, 1], q[:, 0])[2]
    u, v = vectors(*p.T), vectors(*q.T)
    for i, s in enumerate(distance):
        t, lambert, chord = naive.compute_globe_bounds(u[:, i], v[:, i], E2)
        least = AXIS * (1 - E2)
        assert s <= t * AXIS + 1e-7
        assert s <= lambert * AXIS + 1e-7
        assert 2 * least * np.sin(min(s, np.pi * least) / (2 * least)) <= chord * AXIS + 1e-7
        assert lambert_bound(*parts(u[:, i], v[:, i]), E2) == pytest.approx(lambert, abs=2e-14)


def test_the_second_bound_is_sharp_but_near_antipodes():
    p, q = some_pairs(0, 2000, "anywhere")
    distance = Geod(ellps="WGS84").inv(p[:, 1], p[:, 0], q[:, 1], q[:, 0])[2]
    u, v = vectors(*p.T), vectors(*q.T)
    bounds = (
        np.array([lambert_bound(*parts(a, b), E2) for a, b in zip(u.T, v.T, strict=True)]) * AXIS
    )
    assert np.quantile(bounds / distance, 0.9) < 1 + 4e-6


def cloud(seed, n, kind, flattening=FLAT):
    rng = np.random.default_rng(seed)
    latitude, longitude = np.degrees(np.arcsin(rng.uniform(-1, 1, n))), rng.uniform(0, 360, n)
    if kind == "cluster":
        latitude, longitude = 40 + rng.normal(size=n), 178 + 3 * rng.normal(size=n)
    elif kind == "lattice":
        latitude, longitude = np.round(latitude / 30) * 30, np.round(longitude / 30) * 30
    elif kind == "two caps":
        latitude = rng.choice([-1, 1], n) * rng.uniform(80, 90, n)
    return np.ascontiguousarray(vectors(latitude, longitude, flattening))


CLOUDS = st.sampled_from(["globe", "cluster", "lattice", "two caps"])


def beat_of(arc, e2):
    """What pairs are compared with: see the kernels' essay."""
    least = 1 - e2
    chord = 2 * least * np.sin(min(arc, np.pi * least) / (2 * least))
    return np.array([np.cos(arc / 2) ** 2, np.sin(arc / 2) ** 2, chord**2 * (1 - 1e-14), arc])


def bounds_of_all(columns, e2):
    """Return the least of the three bounds of all pairs (the chord's as an arc), by the twin."""
    found = {}
    for i, j in itertools.combinations(range(columns.shape[1]), 2):
        t, lambert, chord = naive.compute_globe_bounds(columns[:, i], columns[:, j], e2)
        least = 1 - e2
        schur = 2 * least * np.arcsin(min(1.0, chord / (2 * least)))
        # where the arc sine is steep the twin is the less exact
        found[i, j] = min(t, lambert, schur if chord < 1.999 * least else np.inf)
    return found


def check(listed, bounds, arc):
    """Listed are the pairs with a bound beyond the arc, but for rounding."""
    assert len(listed) == len(set(listed))
    tight = 1e-12
    assert {pair for pair, least in bounds.items() if least > arc + tight} <= set(listed)
    assert set(listed) <= {pair for pair, least in bounds.items() if least > arc - tight}


@given(SEEDS, CLOUDS, EARTHS, st.integers(0, 99))
def test_rings_list_the_pairs_that_no_bound_rules_out(seed, kind, e2, rank):
    sizes = [5, 1, 9, 0, 2, 9]
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    columns = cloud(seed, offsets[-1], kind, 1 - np.sqrt(1 - e2))
    rings = np.array([0, 2, 4, 5])
    bounds = [bounds_of_all(columns[:, offsets[r] : offsets[r + 1]], e2) for r in rings]
    arcs = [sorted(b.values())[rank % len(b)] - 1e-9 for b in bounds]
    beats = np.array([beat_of(max(0, arc), e2) for arc in arcs])
    state = np.zeros(2, np.int64)
    owner, first, second = np.empty((3, 9), np.int64)  # too few for all
    listed = {k: [] for k in range(len(rings))}
    while state[0] < len(rings):
        count = list_pairs_in_rings(columns, offsets, rings, e2, beats, state, owner, first, second)
        for k, i, j in zip(owner[:count], first[:count], second[:count], strict=True):
            start = offsets[rings[k]]
            listed[int(k)].append((int(i - start), int(j - start)))
    for k, pairs in listed.items():
        check(pairs, bounds[k], max(0, arcs[k]))


@given(SEEDS, CLOUDS, EARTHS, st.sampled_from([0, 1, 5, 300]))
def test_a_tree_lists_the_pairs_that_no_bound_rules_out(seed, kind, e2, rank):
    columns = cloud(seed, 33, kind, 1 - np.sqrt(1 - e2))
    columns = np.ascontiguousarray(columns[:, np.argsort(columns[0])])
    bounds = bounds_of_all(columns, e2)
    arc = max(0, sorted(bounds.values(), reverse=True)[rank] - 1e-9)
    boxes = np.empty((2 * 4, 6))
    bound_tree(columns, boxes)
    pending, size = np.ones((64, 2), np.int64), 1
    first, second = np.empty((2, kernels.LEAF**2), np.int64)
    listed = []
    while size:
        size, count = list_pairs_in_tree(
            columns, boxes, e2, beat_of(arc, e2), pending, size, first, second
        )
        for i, j in zip(first[:count].tolist(), second[:count].tolist(), strict=True):
            listed.append((min(i, j), max(i, j)))
    check(listed, bounds, arc)


@given(SEEDS, CLOUDS, EARTHS)
def test_the_longest_straight_line_of_each_ring(seed, kind, e2):
    sizes = [2, 7, 0, 30]
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    columns = cloud(seed, offsets[-1], kind)
    rings = np.array([0, 1, 3])
    first, second = np.empty((2, 3), np.int64)
    find_longest_chords(columns, offsets, rings, e2, first, second)
    flat = columns.T * [1, 1, np.sqrt(1 - e2)]
    for k, ring in enumerate(rings):
        assert offsets[ring] <= first[k] < second[k] < offsets[ring + 1]
        longest = naive.find_farthest_in_columns(flat[offsets[ring] : offsets[ring + 1]])[0]
        assert ((flat[first[k]] - flat[second[k]]) ** 2).sum() == pytest.approx(longest, abs=1e-14)


@given(SEEDS, CLOUDS, EARTHS, st.floats(0, 3.2))
def test_boxes_rule_out_no_pair_that_points_do_not(seed, kind, e2, arc):
    columns = cloud(seed, 24, kind, 1 - np.sqrt(1 - e2))
    columns = np.ascontiguousarray(columns[:, np.argsort(columns[1])])
    beat = beat_of(arc, e2)
    boxes = np.empty((2, 6))
    bound_points(columns, 0, 8, boxes[0])
    bound_points(columns, 16, 24, boxes[1])
    np.testing.assert_array_equal(boxes[0, :3], columns[:, :8].max(axis=1))
    np.testing.assert_array_equal(boxes[0, 3:], -columns[:, :8].min(axis=1))
    across = any(may_points_beat(columns, i, j, e2, beat) for i in range(8) for j in range(16, 24))
    assert may_boxes_beat(boxes, 0, 1, e2, beat) >= across
    assert may_boxes_beat(boxes, 0, 1, e2, beat) == may_boxes_beat(boxes, 1, 0, e2, beat)
    inside = any(may_points_beat(columns, i, j, e2, beat) for i in range(8) for j in range(i))
    assert may_boxes_beat(boxes, 0, 0, e2, beat) >= inside
    offsets, possible = np.array([0, 8, 9, 9]), np.empty(3, bool)
    beats = np.stack([beat] * 3)
    mark_possible_rings(columns, offsets, np.arange(3), e2, beats, possible)
    assert possible[0] == may_boxes_beat(boxes, 0, 0, e2, beat)
    assert not possible[1:].any()


def test_a_far_box_is_ruled_out():
    columns = np.ascontiguousarray(vectors(np.array([0, 1, 0, 1.0]), np.array([0, 1, 20, 21.0])))
    boxes = np.empty((2, 6))
    bound_points(columns, 0, 2, boxes[0])
    bound_points(columns, 2, 4, boxes[1])
    assert may_boxes_beat(boxes, 0, 1, E2, beat_of(np.deg2rad(20), E2))
    assert not may_boxes_beat(boxes, 0, 1, E2, beat_of(np.deg2rad(23), E2))
    assert not may_boxes_beat(boxes, 0, 0, E2, beat_of(np.deg2rad(3), E2))
