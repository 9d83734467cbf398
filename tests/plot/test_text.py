import numpy as np
import pytest

from fastkm.plot._text import format_centroids, format_degrees, format_quantity, typeset_units


@pytest.mark.parametrize(
    ("units", "expected"),
    [
        ("kg m-2", r"$\mathrm{kg\,m^{-2}}$"),
        ("m s**-1", r"$\mathrm{m\,s^{-1}}$"),
        ("days since 1970-01-01", "days since 1970-01-01"),
        ("m.s-1", r"$\mathrm{m\,s^{-1}}$"),
        ("W/m^2", r"$\mathrm{W/m^{2}}$"),
        ("K", r"$\mathrm{K}$"),
        ("%", r"$\mathrm{\%}$"),
        ("degC", r"$\mathrm{{}^{\circ}C}$"),
        ("", ""),
        ("1", ""),
        ("degrees_north", "degrees_north"),
        ("1e-3 kg", "1e-3 kg"),
        ("a/b/c", "a/b/c"),
        ("US$ 5", r"US\$ 5"),
    ],
)
def test_units(units, expected):
    assert typeset_units(units) == expected


def test_a_label_has_what_there_is():
    assert format_quantity("water", "K") == r"water ($\mathrm{K}$)"
    assert format_quantity("", "K") == r"$\mathrm{K}$"
    assert format_quantity("water", "1") == "water"
    assert format_quantity("height", "") == "height"
    assert format_quantity("height", "days since then 2") == "height (days since then 2)"


@pytest.mark.parametrize(
    ("centroids", "expected"),
    [
        ([11.288, 21.722, 35.539], ["11.3", "21.7", "35.5"]),
        ([288.11, 288.12], ["288.1100", "288.1200"]),
        ([100.0, 900.0], ["100", "900"]),
        ([-999.0, -500.0, 11.288, 21.722], ["−999.0", "−500.0", "11.3", "21.7"]),
        ([26.1], ["26.1"]),
        ([0.0121, 0.0143], ["0.0121", "0.0143"]),
        ([-3.0e12, 5.0e12], ["−3.00e+12", "5.00e+12"]),
        ([-0.0], ["−0.0"]),
        ([0.0], ["0.0"]),
        ([5.0, 5.0], ["5.0", "5.0"]),
        ([1e-7, 2e-7], ["1.00e-07", "2.00e-07"]),
        ([1.0, 1.0 + 1e-12], ["1.000000", "1.000000"]),
    ],
)
def test_centroids(centroids, expected):
    assert format_centroids(np.array(centroids)) == expected


@pytest.mark.parametrize(
    ("value", "axis", "expected"),
    [
        (-180, "longitude", "180°"),
        (-30, "longitude", "30°W"),
        (359.5, "longitude", "0.5°W"),
        (30, "latitude", "30°N"),
        (-12.5, "latitude", "12.5°S"),
        (-90, "latitude", "90°S"),
        (0, "latitude", "0°"),
    ],
)
def test_degrees(value, axis, expected):
    assert format_degrees(value, axis) == expected
