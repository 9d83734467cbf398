"""Bands and lines of levels against the faces of a raster, one by one."""

from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from fastkm.geometry.level_lines import collect_lines, collect_rings, number_cells, trace_levels
from tests import naive

WHOLE = (-np.inf, np.inf)


def label(values, levels):
    labels = (values[..., None] > levels).sum(axis=-1)
    return np.where(np.isnan(values), -1, labels).astype(np.int8)


def trace(values, levels, window=WHOLE, **options):
    return trace_levels(values, label(values, levels), levels, window, **options)


def to_polygons(rings):
    if not len(rings.bands):
        return np.empty(0, object)
    offsets = (rings.ring_offsets, rings.polygon_offsets)
    return shapely.from_ragged_array(shapely.GeometryType.POLYGON, rings.points, offsets)


def collect(vertices):
    rings = collect_rings(vertices, vertices.points[:, ::-1].copy())
    return rings, to_polygons(rings)


def some_raster(seed, rows, columns, share):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(rows, columns))
    values[rng.random(values.shape) < share] = np.nan
    return values


def naive_bands(values, levels):
    """Return the bands of a raster, each the union of what its faces hold."""
    faces = naive.find_faces(values)
    higher = []
    for level in [-np.inf, *levels, np.inf]:
        parts = [part for face in faces for part in naive.find_higher_parts(face, level)]
        polygons = [shapely.Polygon(np.array(part)[:, ::-1]) for part in parts]
        higher.append(shapely.union_all(polygons, grid_size=1e-12))
    return [shapely.difference(low, high) for low, high in pairwise(higher)]


@given(
    st.integers(0, 2**32), st.integers(1, 6), st.integers(1, 6), st.sampled_from([0, 0.2, 0.6]),
    st.integers(1, 4),
)  # fmt: skip
def test_bands_are_those_of_the_faces(seed, rows, columns, share, k):
    values = some_raster(seed, rows, columns, share)
    levels = np.linspace(-1.1, 1.3, k)
    rings, polygons = collect(trace(values, levels))
    assert shapely.is_valid(polygons).all()
    assert shapely.is_ccw(shapely.get_exterior_ring(polygons)).all()
    for band, expected in enumerate(naive_bands(values, levels)):
        found = shapely.union_all(polygons[rings.bands == band])
        assert shapely.symmetric_difference(found, expected).area < 1e-8


@given(st.integers(0, 2**32), st.integers(1, 6), st.integers(1, 6), st.sampled_from([0, 0.3, 0.7]))
def test_values_equal_to_levels_and_levels_close_together(seed, rows, columns, share):
    values = np.round(some_raster(seed, rows, columns, share))
    levels = np.array([-1.0, 0.0, np.nextafter(0.0, 1.0), 1e-300, 1.0])
    rings, polygons = collect(trace(values, levels))
    assert shapely.is_valid(polygons).all()
    assert len(polygons) == 0 or shapely.coverage_is_valid(polygons)
    assert np.isclose(shapely.area(polygons).sum(), np.isfinite(values).sum())
    assert set(rings.bands) >= set(label(values, levels)[np.isfinite(values)])


@given(
    st.integers(0, 2**32), st.integers(1, 5), st.integers(2, 6), st.sampled_from([0, 0.4]),
    st.sampled_from([-0.5, -0.3, 0.0, 0.3, 0.5, 1.0]),
)  # fmt: skip
def test_a_window_of_a_round_raster(seed, rows, columns, share, start):
    values, levels = some_raster(seed, rows, columns, share), np.array([-0.5, 0.5])
    vertices = trace(values, levels, (start, start + columns), periodic=True)
    rings, polygons = collect(vertices)
    assert shapely.is_valid(polygons).all()
    assert len(polygons) == 0 or shapely.coverage_is_valid(polygons)
    assert np.isclose(shapely.area(polygons).sum(), np.isfinite(values).sum())
    # each centre is in the polygon that is said to hold it
    inside = np.arange(int(np.ceil(start)), int(np.ceil(start + columns)))
    found = number_cells(vertices, rings, inside)
    expected = label(values, levels)[:, inside % columns]
    np.testing.assert_array_equal(np.append(rings.bands, -1)[found], expected)
    for (row, column), polygon in np.ndenumerate(found):
        if polygon >= 0:
            assert polygons[polygon].distance(shapely.Point(inside[column], row)) == 0


@pytest.mark.parametrize("share", [0, 0.3])
def test_lines_are_what_bands_share(share):
    values, levels = some_raster(5, 12, 15, share), np.array([-0.4, 0.1, 0.9])
    rings, polygons = collect(trace(values, levels))
    vertices = trace(values, levels)
    points, offsets, numbers = collect_lines(vertices, vertices.points[:, ::-1].copy())
    lines = shapely.from_ragged_array(shapely.GeometryType.LINESTRING, points, (offsets,))
    assert (np.diff(numbers) >= 0).all()
    for level in range(3):
        below, above = (
            shapely.union_all(polygons[some])
            for some in (rings.bands <= level, rings.bands > level)
        )
        shared = shapely.intersection(shapely.boundary(below), shapely.boundary(above))
        length = shapely.length(lines[numbers == level]).sum()
        assert np.isclose(shapely.length(shared), length)


def test_a_ring_that_touches_itself_becomes_two():
    values = np.ones((3, 3))
    values[1, 1] = values[0, 0] = np.nan
    _, (polygon,) = collect(trace(values, np.array([5.0])))
    assert polygon.is_valid
    assert len(polygon.interiors) == 1
    assert polygon.area == 7


def test_threads_change_nothing():
    values, levels = some_raster(0, 200, 30, 0.1), np.array([-0.5, 0.2])
    one, two = (trace(values, levels, threads=threads) for threads in (1, 2))
    places = one.points.copy()
    rings = (collect_rings(own, places, threads=k) for k, own in enumerate((one, two), 1))
    for a, b in [*zip(one, two, strict=True), *zip(*rings, strict=True)]:
        np.testing.assert_array_equal(a, b)


def test_too_many_levels():
    values = np.zeros((2, 2))
    with pytest.raises(ValueError, match=r"levels must be at most 32,768, got 32,769"):
        trace(values, np.arange(32769.0))


def test_too_many_vertices(monkeypatch):
    monkeypatch.setattr("fastkm.geometry.level_lines.MOST_VERTICES", 3)
    with pytest.raises(ValueError, match=r"at most 3 points, and these have 8: take fewer levels"):
        trace(np.zeros((1, 1)), np.array([0.5]))
