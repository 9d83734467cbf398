from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from fastkm.geometry.polygon_filling import fill_by_centre, measure_shares
from tests import naive


def edges_of(*polygons):
    """List the edges of polygons, with the region on the left."""
    rings = shapely.get_rings(shapely.orient_polygons(np.array(polygons)))
    points = [shapely.get_coordinates(ring) for ring in rings]
    return np.concatenate([np.hstack([own[:-1], own[1:]]) for own in points])


def star(seed, points, x, y, size):
    """Draw a polygon round a point, with some corners on whole numbers."""
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0, 2 * np.pi, points))
    corners = np.column_stack([np.cos(angles), np.sin(angles)]) * rng.uniform(0.3, 1, (points, 1))
    corners = corners * size + [x, y]
    corners[::3] = np.round(corners[::3])
    return shapely.Polygon(corners)


seeds = st.integers(0, 10_000)


@given(seeds, st.integers(3, 12))
def test_centres_are_those_of_the_naive_twin(seed, points):
    rng = np.random.default_rng(seed)
    edges = edges_of(star(seed, points, *rng.uniform(1, 6, 2), 4))
    y, x = (np.sort(rng.choice(np.arange(-8, 20) / 2, 6, replace=False)) for _ in range(2))
    np.testing.assert_array_equal(fill_by_centre(edges, y, x), naive.fill_by_centre(edges, y, x))


@given(seeds)
def test_polygons_that_tile_share_no_centre_and_leave_none_out(seed):
    rng = np.random.default_rng(seed)
    cuts = np.r_[0, np.sort(rng.choice(np.arange(1, 8), 2, replace=False)), 8]
    points = [(x, rng.integers(-2, 3)) for x in cuts]
    low = [shapely.box(a, -9, b, -4) for a, b in pairwise(cuts)]
    high = [shapely.Polygon([(a[0], -4), (b[0], -4), b, a]) for a, b in pairwise(points)]
    y, x = np.arange(-9.0, -2.5), np.arange(0.0, 8)
    counts = sum(fill_by_centre(edges_of(part), y, x).astype(int) for part in low + high)
    assert (counts[y < -2] == 1).all()


@given(seeds)
def test_holes_are_left_out_and_overlaps_count_once(seed):
    rng = np.random.default_rng(seed)
    outer, other = (shapely.box(*rng.uniform(0, 4, 2), *rng.uniform(6, 11, 2)) for _ in range(2))
    holed = shapely.difference(outer, shapely.box(4.5, 4.5, 5.5, 5.5))
    y = x = np.arange(0.25, 12, 0.5)
    wanted = shapely.contains_xy(shapely.union(holed, other), *np.meshgrid(x, y))
    found = fill_by_centre(edges_of(holed, other), y, x)
    np.testing.assert_array_equal(found, wanted)


@given(seeds, st.integers(3, 12))
def test_shares_are_areas_of_what_a_cell_and_the_polygon_have_in_common(seed, points):
    rng = np.random.default_rng(seed)
    polygon = star(seed, points, *rng.uniform(1, 6, 2), 4)
    if not polygon.is_valid:  # corners were rounded
        return
    y, x = (np.sort(rng.choice(np.arange(-8, 20) / 2, 6, replace=False)) for _ in range(2))
    found = measure_shares(edges_of(polygon), y, x)
    for i, j in np.ndindex(5, 5):
        cell = shapely.box(x[j], y[i], x[j + 1], y[i + 1])
        assert found[i, j] == pytest.approx(cell.intersection(polygon).area / cell.area, abs=1e-12)


def test_what_lies_beyond_the_lattice_changes_nothing():
    y = x = np.arange(0.0, 5)
    inner = shapely.box(1, 1, 3, 3)
    far = [shapely.box(9, 1, 12, 3), shapely.box(-9, -8, 12, -3), shapely.box(-9, 8, 12, 9)]
    left = shapely.box(-9, 1, -4, 3)
    for fill in (fill_by_centre, measure_shares):
        wanted = fill(edges_of(inner), y, x)
        np.testing.assert_array_equal(fill(edges_of(inner, left, *far), y, x), wanted)


def test_no_edges_fill_nothing():
    nothing, lines = np.empty((0, 4)), np.arange(4.0)
    assert not fill_by_centre(nothing, lines, lines).any()
    assert not measure_shares(nothing, lines, lines).any()
