"""What ``fastkm info`` prints."""

import io
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from fastkm.cli import commands, description
from fastkm.cli.description import print_grid, print_variable
from fastkm.raster.io.describe.grids import AxisInfo, GridInfo, LayoutInfo
from fastkm.raster.io.describe.on_globe import GlobeInfo
from fastkm.raster.io.describe.variables import VariableInfo
from tests.small_files import write_basin, write_netcdf
from tests.small_tiffs import write_tiff

PLANE = GridInfo((AxisInfo("y", 4, (), ""), AxisInfo("x", 5, ("1", "9"), "m")), None, None, "", "")


@pytest.fixture
def printed(monkeypatch):
    """Return a function that returns what was printed, each row in one line."""
    shown = io.StringIO()
    monkeypatch.setattr(description, "out", Console(file=shown, width=200))
    return lambda: [" ".join(line.strip("│ ").split()) for line in shown.getvalue().split("\n")]


def describe(**changes):
    known = {
        "name": "water", "units": "mm", "long_name": "Rain", "sizes": {"y": 4, "x": 5},
        "dtype": "int16", "scale": 1.0, "offset": 0.0, "cells": 20, "valid": 15, "low": 0.0,
        "high": 7.5, "missing": {}, "hidden": {}, "suspicious": [],
    }  # fmt: skip
    return VariableInfo(**{**known, **changes})


def test_grid_is_printed(printed):
    degrees = GridInfo(PLANE.axes, (-0.5, 10, 359.5, 20), (1.0, 0.25), "degrees", "")
    print_grid(degrees, {"a": LayoutInfo((1, 4, 5), "zstd")})
    lines = printed()
    assert lines[0] == "grid of a"
    assert "y │ 4 values, no coordinate" in lines
    assert "x │ 5 values: 1 to 9 m" in lines
    assert "extent │ longitudes -0.5 to 359.5, latitudes 10 to 20" in lines
    assert "cell size │ 1 x 0.25 degrees" in lines
    assert "reference system │ none named; longitudes and latitudes" in lines
    assert "chunks │ 1 x 4 x 5, zstd" in lines


@pytest.mark.parametrize(
    ("units", "globe", "expected"),
    [
        (
            "metres",
            GlobeInfo((14.999, 45.0, 15.25, 45.5), 1.0, 1.0),
            "longitudes 15 to 15.25, latitudes 45 to 45.5; cells about 1 km wide",
        ),
        ("degrees", GlobeInfo((0, 0, 1, 1), 8.04, 12.6), "cells 8.04 to 12.6 km wide"),
    ],
)
def test_the_place_of_a_grid_is_printed(printed, units, globe, expected):
    print_grid(replace(PLANE, units=units, globe=globe), {"a": LayoutInfo(None, "")})
    assert f"on the globe │ {expected}" in printed()


def test_the_time_between_dates_is_printed(printed):
    axis = AxisInfo("time", 24, ("1988-01-16", "1989-12-16"), "", "28 to 31 days")
    print_grid(replace(PLANE, axes=(axis,)), {"a": LayoutInfo(None, "")})
    assert "time │ 24 values: 1988-01-16 to 1989-12-16, 28 to 31 days apart" in printed()


def test_layouts_are_told_apart_and_many_names_are_cut(printed):
    layouts = {f"b{number}": LayoutInfo(None, "") for number in range(12)}
    layouts["b3"] = LayoutInfo((2, 2), "")
    print_grid(PLANE, layouts)
    lines = printed()
    assert lines[0] == "grid of b0, b1, b2, b3, b4, b5, b6, b7 and 4 more"
    assert "chunks of b3 │ 2 x 2" in lines
    assert "chunks of b0, b1, b2, b4, b5, b6, b7, b8 and 3 more │ none" in lines
    assert "reference system │ none named" in lines


def test_extent_in_metres(printed):
    system = "WGS 84 / UTM zone 32N (EPSG:32632)"
    grid = GridInfo(PLANE.axes, (399960.0, 5190240.0, 509760.0, 5300040.0), None, "metres", system)
    print_grid(grid, {"a": LayoutInfo(None, "")})
    lines = printed()
    assert "extent │ x 399960 to 509760, y 5190240 to 5300040 metres" in lines
    assert f"reference system │ {system}" in lines


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 7.5, "0 to 7.5"),
        (1e9, 1e9 + 0.5, "1000000000 to 1000000000.5"),
        (3.0, 3.0, "3 to 3"),
        (-np.inf, np.inf, "-inf to inf"),
        (-1.7e308, 1.7e308, "-1.7e+308 to 1.7e+308"),
        (4995.40625, 5004.32373, "4995.406 to 5004.324"),
    ],
)
def test_range_has_digits_enough(printed, low, high, expected):
    print_variable(describe(low=low, high=high))
    assert f"range │ {expected}" in printed()


def test_variable_is_printed(printed):
    sentinel = float(np.float32(-3.4028235e38))
    print_variable(
        describe(
            scale=0.01,
            offset=-5.0,
            missing={"valid_min": 5},
            hidden={"valid_min": [-500.0]},
            suspicious=[sentinel],
        )
    )
    lines = printed()
    assert "stored as │ int16, value = 0.01 x stored - 5" in lines
    assert "cells │ 20, of them 15 valid" in lines
    assert "missing by valid_min │ 5; only this rule catches -500" in lines
    assert any("--nodata -3.4028234663852886e+38 leaves it out" in line for line in lines)


def test_long_names_are_folded_and_not_cut(printed):
    print_variable(describe(long_name="x" * 1000))
    assert sum(line.count("x") for line in printed()) >= 1000


def test_what_is_not_known_is_not_printed(printed):
    print_variable(describe(name="B02", long_name="B02", valid=None, low=np.nan, high=np.nan))
    lines = printed()
    assert "cells │ 20" in lines
    assert not any(line.startswith(("what", "range", "missing")) for line in lines)


def test_info_shows_grids_first_and_no_statistics_if_they_are_not_wanted(tmp_path):
    path = write_basin(tmp_path / "a.nc")
    shown = CliRunner().invoke(commands.app, ["info", str(path)])
    assert shown.exit_code == 0
    assert shown.output.index("grid of water") < shown.output.index("range")
    brief = CliRunner().invoke(commands.app, ["info", str(path), "--no-stats"]).output
    assert "grid of water" in brief
    assert "stored as" in brief
    assert "range" not in brief


def test_a_passing_bar_is_shown_on_a_terminal(tmp_path, monkeypatch):
    shown = io.StringIO()
    terminal = Console(file=shown, force_terminal=True, width=120)
    monkeypatch.setattr(commands, "err", terminal)
    path = write_tiff(tmp_path / "a.tif", np.ones((2, 3, 4), np.uint8))
    assert CliRunner().invoke(commands.app, ["info", str(path)]).exit_code == 0
    assert "reading values" in shown.getvalue()
    assert "1 of 1 block " in shown.getvalue()


def test_units_that_are_commands_to_a_terminal_are_shown_as_numbers(tmp_path):
    coords = {"lat": (np.arange(2.0), {"units": "m\x1b[31m"})}
    path = write_netcdf(tmp_path / "a.nc", np.ones((2, 3)), coords=coords)
    shown = CliRunner().invoke(commands.app, ["info", str(path)])
    assert shown.exit_code == 0, shown.output
    assert "\x1b" not in shown.output
    assert "m\\x1b[31m" in shown.output
