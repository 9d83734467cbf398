import numpy as np
import pytest

from fastkm.raster.grid.units import _METRES, _WORDS, Unit, _list_units, parse_unit


@pytest.mark.parametrize(
    ("texts", "metres"),
    [
        (("m", "metre", "Meters", "1 m"), 1.0),
        (("km", "kilometers", "1000 meter", "1e3 m", "10^3 m", "1000*m", "10**3 metres"), 1e3),
        (("100000 m", "100 km"), 1e5),
        (("ft", "foot", "feet", "international_foot"), 0.3048),
        (("US_survey_foot", "US survey feet", "us-ft", "ftUS"), 1200 / 3937),
        (("0.304800609601219 metre",), 0.304800609601219),
        (("nautical miles",), 1852.0),
    ],
)
def test_lengths(texts, metres):
    for text in texts:
        unit = parse_unit(text)
        assert not unit.is_angle
        assert unit.size == pytest.approx(metres, rel=1e-12)


@pytest.mark.parametrize(
    ("texts", "degrees"),
    [
        (("degree", "degrees", "deg", "Degrees", "°"), 1.0),
        (("rad", "radians", "1 radian"), np.degrees(1)),
        (("microradian", "µrad", "urad", "1e-6 rad", "1.0E-6 radians"), np.degrees(1e-6)),
        (("grad", "grads", "gon"), 0.9),
        (("arc-minutes", "arcmin"), 1 / 60),
    ],
)
def test_angles(texts, degrees):
    for text in texts:
        unit = parse_unit(text)
        assert unit.is_angle
        assert unit.role is None
        assert unit.size == pytest.approx(degrees, rel=1e-14)


@pytest.mark.parametrize(
    "text", ["degrees_north", "Degrees_north", "degrees north", "degreeN", "°N"]
)
def test_degrees_have_a_direction(text):
    assert parse_unit(text) == Unit(True, 1.0, "y")


def test_degrees_west_and_south_count_the_other_way():
    assert parse_unit("degrees_west") == Unit(True, -1.0, "x")
    assert parse_unit("degrees_S") == Unit(True, -1.0, "y")


@pytest.mark.parametrize(
    "text", ["", "1", "K", "kelvin", "degrees C", "km2", "m s-1", "hours", "5"]
)
def test_others_are_no_units_of_coordinates(text):
    assert parse_unit(text) is None


def test_the_registry_is_asked_whenever_it_may_know():
    units = _list_units()
    assert [name for name in units if not _WORDS.search(name)] == []
    assert {name: units[name].size for name in _METRES} == _METRES
