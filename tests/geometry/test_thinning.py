"""Thinned rings: valid, sharing their lines, in any coordinates."""

import itertools

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fastkm.geometry.regions import find_regions, trace_rings
from fastkm.geometry.thinning import thin_out

MAPS = arrays(np.int8, st.tuples(st.integers(1, 9), st.integers(1, 12)), elements=st.integers(0, 2))


def to_polygons(rings):
    """Give the polygons as shapely's."""
    offsets = (rings.ring_offsets, rings.polygon_offsets)
    return shapely.from_ragged_array(shapely.GeometryType.POLYGON, rings.points, offsets)


@settings(max_examples=40)
@given(MAPS, st.sampled_from([0.0, 0.75, 1.5, 99.0]), st.integers(0, 2**32))
def test_polygons_stay_a_coverage_where_they_are_placed(labels, tolerance, seed):
    rng = np.random.default_rng(seed)
    y, x = (np.cumsum(10.0 ** rng.uniform(-2, 1, size + 1)) for size in labels.shape)
    regions = find_regions(labels)
    rings = trace_rings(regions, junctions=True)
    thin = thin_out(rings, regions.numbers, y, x, tolerance)
    assert len(thin.points) <= len(rings.points)
    row, column = (thin.points + 0.5).astype(int).T
    polygons = to_polygons(thin._replace(points=np.column_stack([y[row], x[column]])))
    assert shapely.is_valid(polygons).all()
    assert shapely.coverage_is_valid(polygons)
    total = (y[-1] - y[0]) * (x[-1] - x[0])
    np.testing.assert_allclose(shapely.area(polygons).sum(), total, rtol=1e-9)


@pytest.mark.parametrize("end", [3.0, 3.5, 4.2])
def test_edges_at_an_end_stay(end):
    labels = np.random.default_rng(3).integers(0, 2, (12, 9))
    regions = find_regions(labels)
    rings = trace_rings(regions, junctions=True)
    axes = np.arange(13.0), np.arange(10.0)
    rings.points[:, 1] += 2
    thin = thin_out(rings, regions.numbers, *axes, 99.0, first=2, ends=(end,))

    def edges_at(some):
        """Give the points in the column, and the ends of the edges that cross it."""
        found = {tuple(p) for p in some.points.tolist() if p[1] == end}
        for start, stop in itertools.pairwise(some.ring_offsets):
            for a, b in itertools.pairwise(map(tuple, some.points[start:stop].tolist())):
                if min(a[1], b[1]) < end < max(a[1], b[1]):
                    assert a[0] == b[0]
                    found |= {a, b}
        return found

    assert edges_at(thin) == edges_at(rings)
    assert len(thin.points) < len(thin_out(rings, regions.numbers, *axes, 0.0, first=2).points)


def test_long_thin_triangles_are_looked_into():
    labels = (np.indices((60, 60)).sum(axis=0) // 3) % 2
    regions = find_regions(labels)
    rings = trace_rings(regions, junctions=True)
    axes = np.arange(61.0), np.arange(61.0)
    polygons = to_polygons(thin_out(rings, regions.numbers, *axes, 50.0))
    assert shapely.coverage_is_valid(polygons)
    assert shapely.get_num_coordinates(polygons).sum() < 0.2 * len(rings.points)
