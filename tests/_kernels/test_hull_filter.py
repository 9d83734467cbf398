"""The strips against obvious twins, and against the exact hull."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastkm._kernels.hull_filter import (
    find_extents,
    find_points_beyond_chords,
    find_strip_extremes,
    lay_chords,
)
from tests import naive
from tests._kernels.test_farthest_pair import KINDS, SEEDS, some_points

AXES = st.sampled_from([0, 1])


def box_of(points):
    return np.stack([points.min(axis=0), points.max(axis=0)]).T.ravel()


def wide_points(seed, n, kind):
    """Points whose box has an inside."""
    points = some_points(seed, n, 2, kind)
    low = points.min(axis=0)
    return np.concatenate([points, np.array([[0, 0], [1.5, 2.5], [0.5, 4]]) + low])


@pytest.mark.parametrize("n", [1, 7, 8, 9, 100])
def test_extents_are_the_least_and_the_greatest(n):
    points = np.random.default_rng(n).normal(size=(n, 2))
    box = np.empty(4)
    assert find_extents(points.reshape(-1), box)
    np.testing.assert_array_equal(box, box_of(points))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("row", [0, 8, 19, 20])
@pytest.mark.parametrize("axis", [0, 1])
def test_extents_see_what_is_not_finite(bad, row, axis):
    points = np.random.default_rng(0).normal(size=(21, 2))
    points[row, axis] = bad
    assert not find_extents(points.reshape(-1), np.empty(4))


@given(SEEDS, st.sampled_from([1, 5, 60]), AXES, st.sampled_from([1, 2, 7, 32]), KINDS)
def test_the_extremes_of_strips(seed, n, axis, m, kind):
    points = wide_points(seed, n, kind)
    ends = np.empty((2, m), np.int64)
    find_strip_extremes(points, axis, box_of(points), ends[0], ends[1])
    np.testing.assert_array_equal(ends, naive.find_strip_extremes(points, axis, box_of(points), m))


def laid(points, axis, m):
    """Lay chords below the upper hull of some points."""
    box = box_of(points)
    ends = naive.find_strip_extremes(points, axis, box, m)[1]
    height, rise = np.empty(m), np.empty(m)
    lay_chords(points[ends[ends >= 0]], axis, box, height, rise)
    return height, rise


@given(SEEDS, st.sampled_from([1, 5, 9]), AXES, st.sampled_from([2, 5, 8]), KINDS)
def test_chords_lie_below_the_upper_hull(seed, n, axis, m, kind):
    points = wide_points(seed, n, kind)
    box = box_of(points)
    left, right, base, _ = naive.as_fractions(np.roll(box, -2 * axis))
    height, rise = laid(points, axis, m)
    flat = points[:, [axis, 1 - axis]]
    for strip in range(m):
        for side, value in ((strip, height[strip]), (strip + 1, height[strip] + rise[strip])):
            top = naive.upper_hull_height(flat, left + (right - left) * side / m)
            assert naive.as_fractions([value])[0] <= top - base


def test_chords_lie_close_to_the_upper_hull():
    angle = np.linspace(0, np.pi, 10_001)
    half = np.column_stack([np.cos(angle), np.sin(angle)])
    m = 64
    height, rise = laid(half, 0, m)
    side = np.linspace(-1, 1, m + 1)
    np.testing.assert_allclose(height[1:-1], np.sqrt(1 - side[1:-2] ** 2), atol=2e-3)
    np.testing.assert_allclose((height + rise)[1:-1], np.sqrt(1 - side[2:-1] ** 2), atol=2e-3)


@given(SEEDS, st.sampled_from([1, 5, 60]), AXES, st.sampled_from([2, 7]), KINDS)
def test_what_is_between_the_chords_goes_and_nothing_else(seed, n, axis, m, kind):
    points = wide_points(seed, n, kind)
    rng = np.random.default_rng(seed)
    tall = np.ptp(points[:, 1 - axis])
    over = np.stack([rng.random(m), rng.normal(size=m)]) * tall
    under = np.stack([rng.random(m) / 2, rng.normal(size=m)]) * tall
    kept = np.empty(len(points), np.int32)
    size = find_points_beyond_chords(points, axis, box_of(points), over, under, kept)
    strip, share = naive.find_strips(points, axis, box_of(points), m)
    y = points[:, 1 - axis] - points[:, 1 - axis].min()
    between = (y < over[0, strip] + share * over[1, strip]) & (
        y > under[0, strip] + share * under[1, strip]
    )
    np.testing.assert_array_equal(kept[:size], np.flatnonzero(~between))
