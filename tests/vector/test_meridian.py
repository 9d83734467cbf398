"""Polygons that cross the antimeridian or go round a pole."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from fastkm.vector.meridian import cut_at_meridian, jumps


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


def test_steps_of_more_than_half_a_turn_are_jumps():
    assert jumps(shapely.Polygon([(170, 0), (-170, 0), (170, 5)]))
    assert not jumps(shapely.Polygon([(-80, 0), (80, 0), (0, 5)]))
