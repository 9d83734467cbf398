"""Polygons that cross the antimeridian or go round a pole."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from fastkm.vector.antimeridian import cut_at_meridian, needs_cut


def wrapped(points, west):
    """Bring longitudes into a turn, as a raster has them."""
    return [((x - west) % 360 + west, y) for x, y in points]


def circle(middle, radius, points=24, *, east=True):
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    angle = angle if east else -angle
    return [(middle[0] + radius * np.cos(a), middle[1] + radius * np.sin(a)) for a in angle]


def round_a_pole(latitude, wiggle=0.0, points=36, *, east=True, start=0.0):
    turn = np.linspace(0, 360, points, endpoint=False) * (1 if east else -1) + start
    return [(x, latitude + wiggle * np.sin(np.radians(5 * x))) for x in turn]


@given(
    st.floats(-400, 400), st.floats(-50, 50), st.floats(1, 30), st.sampled_from([-180.0, 0.0, 17.0])
)
def test_a_circle_keeps_its_area_wherever_it_lies(x, y, radius, west):
    whole = shapely.Polygon(circle((x, y), radius), [circle((x, y), radius / 2, east=False)])
    rings = [wrapped(shapely.get_coordinates(r)[:-1], west) for r in shapely.get_rings(whole)]
    parts = cut_at_meridian(shapely.Polygon(rings[0], rings[1:]), west)
    assert shapely.is_valid(parts).all()
    np.testing.assert_allclose(shapely.area(parts).sum(), whole.area, rtol=1e-9)
    bounds = shapely.bounds(parts)
    assert bounds[:, 0].min() >= west
    assert bounds[:, 2].max() <= west + 360
    assert shapely.is_ccw(shapely.get_exterior_ring(parts)).all()


@pytest.mark.parametrize("west", [-180.0, 0.0, 17.0])
@pytest.mark.parametrize("start", [0.0, 3.0, 175.0, -170.0])
@pytest.mark.parametrize("wiggle", [0.0, 4.0])
@pytest.mark.parametrize("north", [True, False])
def test_a_ring_round_a_pole_covers_it(west, start, wiggle, north):
    latitude = 70.0 if north else -70.0
    ring = wrapped(round_a_pole(latitude, wiggle, east=north, start=start), west)
    parts = cut_at_meridian(shapely.Polygon(ring), west)
    assert shapely.is_valid(parts).all()
    np.testing.assert_allclose(shapely.area(parts).sum(), 360 * 20, rtol=1e-9)
    assert shapely.bounds(parts)[:, 3 if north else 1].tolist() == [np.copysign(90, latitude)]


@pytest.mark.parametrize("north", [True, False])
def test_a_ring_of_land_round_a_pole_has_its_hole(north):
    sign = 1 if north else -1
    exterior = wrapped(round_a_pole(60 * sign, 2, east=north), -180)
    hole = wrapped(round_a_pole(80 * sign, 1, east=not north, start=5.0), -180)
    island = wrapped(circle((179, 70 * sign), 3, east=False), -180)
    parts = cut_at_meridian(shapely.Polygon(exterior, [hole, island]), -180.0)
    assert shapely.is_valid(parts).all()
    circle_area = shapely.Polygon(circle((0, 0), 3)).area
    np.testing.assert_allclose(shapely.area(parts).sum(), 360 * 20 - circle_area, rtol=1e-9)


def test_a_ring_that_wanders_back_over_the_cut():
    back = [(170, 70), (-170, 72), (175, 78), (-160, 80), (0, 75), (90, 70)]
    parts = cut_at_meridian(shapely.Polygon(back), -180.0)
    assert shapely.is_valid(parts).all()
    union = shapely.union_all(parts)
    assert union.covers(shapely.Point(0, 85))
    assert union.bounds == (-180, 70, 180, 90)
    # the ring's area under the curve, by trapezoids over its unrolled steps
    x = np.unwrap([p[0] for p in [*back, back[0]]], period=360)
    y = [p[1] for p in [*back, back[0]]]
    np.testing.assert_allclose(union.area, np.trapezoid(90 - np.array(y), x), rtol=1e-9)


def test_steps_of_half_a_turn_and_points_at_a_pole_need_a_cut():
    rings = [
        [(170, 0), (-170, 0), (170, 5), (170, 0)],
        [(-80, 0), (80, 0), (0, 5), (-80, 0)],
        [(0, 80), (180, 80), (90, 70), (0, 80)],  # over the pole
        [(0, 90), (10, 80), (20, 80), (0, 90)],
    ]
    found = needs_cut(np.concatenate(rings).astype(float), np.arange(0, 17, 4))
    assert found.tolist() == [True, False, True, True]
    assert len(needs_cut(np.empty((0, 2)), np.zeros(1, int))) == 0


@pytest.mark.parametrize("west", [-180.0, 0.0])
@pytest.mark.parametrize("start", [0.0, 100.0, 179.0])
@pytest.mark.parametrize("width", [30.0, 90.0, 170.0, 200.0, 300.0])
@pytest.mark.parametrize("north", [True, False])
def test_a_wedge_ends_at_the_pole(west, start, width, north):
    """Its corner has no longitude of its own: any will do."""
    steps = start + np.linspace(0, width, 8)
    base = [(x, 70.0) for x in steps] if north else [(x, -70.0) for x in steps[::-1]]
    ring = wrapped([*base, (123.0, 90.0 if north else -90.0)], west)
    parts = cut_at_meridian(shapely.Polygon(ring), west)
    assert shapely.is_valid(parts).all()
    np.testing.assert_allclose(shapely.area(parts).sum(), 20 * width, rtol=1e-9)


@pytest.mark.parametrize("north", [True, False])
def test_an_edge_between_opposite_meridians_leads_over_the_pole(north):
    sign = 1 if north else -1
    half = [(30.0, 80.0 * sign), (120.0, 60.0 * sign), (-150.0, 80.0 * sign)]
    parts = cut_at_meridian(shapely.Polygon(half if north else half[::-1]), -180.0)
    assert shapely.is_valid(parts).all()
    # two trapezoids of 90 degrees between a parallel and the line to the pole
    np.testing.assert_allclose(shapely.area(parts).sum(), 2 * 90 * (10 + 30) / 2, rtol=1e-9)


@pytest.mark.parametrize("turns", [1.2, 3.4])
def test_a_spiral_keeps_its_area(turns):
    angle = np.linspace(0, 360 * turns, int(40 * turns))
    outer = np.column_stack([angle, 60 + angle / 360 * 4])
    inner = outer[::-1] + np.array([0, 2.0])
    ring = np.concatenate([outer, inner])
    hole = np.array([(10, 60.7), (10, 61.0), (20, 61.2), (20, 61.0)])
    hole += np.array([0.0, 0.3])
    whole = shapely.Polygon(ring, [hole])
    assert whole.is_valid
    parts = cut_at_meridian(shapely.Polygon(wrapped(ring, -180), [wrapped(hole, -180)]), -180.0)
    assert shapely.is_valid(parts).all()
    np.testing.assert_allclose(shapely.area(parts).sum(), whole.area, rtol=1e-9)


@pytest.mark.parametrize("width", [90.0, 360.0])
@pytest.mark.parametrize("north", [True, False])
def test_cells_along_a_pole_keep_their_longitudes(width, north):
    bottom = [(x, 80.0) for x in np.linspace(20, 20 + width, 13)]
    top = [(x, 90.0) for x in np.linspace(20 + width, 20, 13)]
    ring = bottom + top
    if not north:
        ring = [(x, -y) for x, y in ring[::-1]]
    parts = cut_at_meridian(shapely.Polygon(ring), -180.0)
    assert shapely.is_valid(parts).all()
    np.testing.assert_allclose(shapely.area(parts).sum(), 10 * width, rtol=1e-9)


@pytest.mark.parametrize("pole", [-90.0, 90.0])
def test_points_after_a_pole_keep_their_longitudes(pole):
    west, east = np.round(np.array([360 / 7, 1440 / 7]) * 2**40) / 2**40
    corners = [(west, pole), (west, pole / 2), (east, pole / 2), (east, pole), (west + 90, pole)]
    ring = corners if pole > 0 else corners[::-1]
    for first in range(len(ring)):
        [part] = cut_at_meridian(shapely.Polygon(ring[first:] + ring[:first]), 0.0)
        assert {*shapely.get_coordinates(part)[:, 0].tolist()} == {west, east}
