import warnings

import numpy as np
import pytest
import xarray as xr
from matplotlib.mathtext import MathTextParser

from fastkm.plot import clusters_figure, hovmoller_figure
from fastkm.plot._text import (
    escape,
    format_centroids,
    format_degrees,
    format_quantity,
    ignore_text_warnings,
    make_printable,
    read_text,
    typeset_units,
)
from fastkm.plot.panels import describe


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


@pytest.mark.parametrize(
    "units", ["vol%", "wt%", "%RH", "mol mol-1", "kg m^-2", "W/m**2", "µg.m-3"]
)
def test_units_with_signs_become_mathematics(units):
    typeset = typeset_units(units)
    assert typeset.startswith("$")
    MathTextParser("path").parse(typeset)


@pytest.mark.parametrize("units", ["vol%", "$x^$"])
def test_units_are_drawn(units):
    raster = xr.DataArray(np.eye(2), attrs={"long_name": f"share in {units}", "units": units})
    clusters_figure(raster, {}, {})


HOSTILE = [
    "$", "$$", "100% $x^$", "a_b^c", "\\", "\\frac{", "{", "}", "#&~", "50 $\\mathrm{vol%}$", "a\\$b", "$a$ $",
    "a\nb", "a\x00b\x1b[31m", "\udcff", "温度 🌡", "word " * 5000, "x" * 5000, "µ°²", "\ufffe",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_fails_a_figure(text):
    cells = np.array([[0.0, 1], [2, 3]])
    coords = {"row": ("row", [0.5, 1.5], {"long_name": text, "units": text}), "column": [5.0, 6.0]}
    raster = xr.DataArray(
        cells, coords, ("row", "column"), attrs={"long_name": text, "units": text}
    )
    labels = raster.copy(data=np.array([[0, 0], [1, 1]]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = clusters_figure(raster, {2: labels}, {2: [0.5, 2.5]}, title=text)
        assert max(figure.get_size_inches()) < 40
        figure = hovmoller_figure(np.arange(2.0), raster.row, cells, cluster=text)
        with ignore_text_warnings():
            figure.draw_without_rendering()


@pytest.mark.parametrize("attribute", [5, 2.5, np.array([1.0, 2.0]), ["a", "b"], b"kg", None, True])
def test_attributes_of_other_types_are_texts(attribute):
    raster = xr.DataArray(np.eye(2), attrs={"long_name": attribute, "units": attribute})
    name, units = describe(raster)
    assert isinstance(typeset_units(units), str)
    assert escape(name) == read_text(attribute)


def test_text_is_printed_as_it_is():
    raster = xr.DataArray(np.eye(2), dims=("y", "x"), attrs={"long_name": "5 $ of $x^$, 100%"})
    figure = clusters_figure(raster, {}, {})
    title = figure.axes[0].title
    assert title._preprocess_math(title.get_text()) == ("5 $ of $x^$, 100%", False)


def test_mathematics_of_the_caller_stays():
    assert make_printable("$x^$ and 5") == r"\$x^\$ and 5"
    assert make_printable("$x^2$") == "$x^2$"


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
