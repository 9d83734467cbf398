"""The farthest-pair kernels against all pairs and exact turns."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastkm._kernels.farthest_pair import (
    find_farthest_in_chains,
    find_farthest_in_columns,
    find_farthest_of_few,
    find_hull,
)
from tests import naive


def some_points(seed, n, d, kind):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(n, d))
    if kind == "lattice":
        points = np.round(points * 2)
    elif kind == "duplicates":
        points = points[rng.integers(0, max(1, n // 3), n)]
    elif kind == "line":
        points = np.outer(np.round(points[:, 0] * 3), np.arange(1, d + 1)).astype(float)
    elif kind == "offset":
        points += 1e9
    return points


KINDS = st.sampled_from(["plain", "lattice", "duplicates", "line", "offset"])
SEEDS = st.integers(0, 2**32)


@given(SEEDS, st.sampled_from([1, 2, 9, 40]), st.sampled_from([1, 2, 3, 5]), KINDS)
def test_all_pairs_are_compared_and_ties_go_to_the_lowest_rows(seed, n, d, kind):
    points = some_points(seed, n, d, kind)
    ref = naive.find_farthest_in_columns(points)
    assert find_farthest_in_columns(points.T.copy(), 0, n) == ref
    assert find_farthest_of_few(points) == ref


@given(SEEDS, st.integers(0, 40), st.integers(1, 40))
def test_a_chunk_looks_at_its_second_points_only(seed, start, length):
    points = some_points(seed, 60, 2, "lattice")
    stop = min(60, start + length)
    comp = find_farthest_in_columns(points.T.copy(), start, stop)
    assert comp == naive.find_farthest_in_columns(points, start, stop)


@pytest.mark.parametrize("n", [255, 256, 257, 600])
def test_blocks_of_second_points_join_without_a_seam(n):
    points = np.zeros((n, 1))
    points[n - 1], points[3] = 2.0, -2.0
    assert find_farthest_in_columns(points.T.copy(), 0, n) == (16.0, 3, n - 1)


def hull_corners(points):
    corners = np.empty(len(points) + 1, np.int64)
    return corners[: find_hull(points, corners)]


@given(st.lists(st.tuples(st.integers(-4, 4), st.integers(-4, 4)), min_size=1, max_size=10))
def test_the_hull_of_lattice_points_is_exact(pairs):
    points = np.array(sorted(set(pairs)), float)
    assert set(hull_corners(points).tolist()) == naive.find_hull(points)


@given(SEEDS, st.sampled_from([1, 2, 3, 5, 12]))
def test_the_hull_of_random_points_is_exact(seed, n):
    points = np.array(sorted(map(tuple, some_points(seed, n, 2, "plain"))))
    assert set(hull_corners(points).tolist()) == naive.find_hull(points)


@given(SEEDS, st.integers(3, 30))
def test_the_hull_runs_counter_clockwise_from_the_leftmost(seed, n):
    points = np.array(sorted(map(tuple, some_points(seed, n, 2, "plain"))))
    corners = hull_corners(points)
    assert corners[0] == 0
    for a, b, c in zip(corners, np.roll(corners, -1), np.roll(corners, -2), strict=True):
        assert naive.orientation(points[a], points[b], points[c]) > 0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e200])
@pytest.mark.parametrize("row", [0, 2])
def test_what_is_not_finite_or_overflows_is_infinitely_far(bad, row):
    points = np.zeros((3, 2))
    points[row, 1] = bad
    with np.errstate(over="ignore", invalid="ignore"):
        assert find_farthest_in_columns(np.ascontiguousarray(points.T), 0, 3)[0] == np.inf


@given(SEEDS, st.integers(2, 60), st.sampled_from([1.0, 1e-3, 1e-8]))
def test_the_chains_of_a_convex_polygon_give_its_farthest_pair(seed, n, flatness):
    angle = np.sort(np.random.default_rng(seed).random(n)) * 2 * np.pi
    circle = np.column_stack([np.cos(angle), flatness * np.sin(angle)])
    points = np.array(sorted(map(tuple, circle)))
    polygon = points[hull_corners(points)]
    rightmost = int(np.lexsort((polygon[:, 1], polygon[:, 0]))[-1])
    square, first, second = find_farthest_in_chains(polygon, rightmost)
    assert square == pytest.approx(naive.find_farthest_in_columns(polygon)[0], rel=1e-13)
    assert square == pytest.approx(((polygon[first] - polygon[second]) ** 2).sum(), rel=1e-13)
