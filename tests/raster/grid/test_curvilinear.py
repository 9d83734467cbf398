"""Grids with a latitude and a longitude for every cell."""

import numpy as np
import pytest
import xarray as xr

from fastkm.raster.grid.geolocation import find_grid


def pixels(*pairs):
    return np.array(pairs, float)


def curvilinear(latitude, longitude):
    coords = {
        "nav_lat": (("y", "x"), latitude, {"units": "degrees_north"}),
        "nav_lon": (("y", "x"), longitude, {"units": "degrees_east"}),
    }
    return xr.DataArray(np.zeros(np.shape(latitude)), coords, ("y", "x"))


def test_cells_with_coordinates_of_their_own():
    grid = find_grid(curvilinear([[0.0, 1], [10, 12]], [[179.0, -179], [179, -177]]))
    assert grid.crs == "EPSG:4326"
    assert not grid.straight
    found = grid.place(pixels((0, 0), (0, 0.5), (0.5, 0.5), (1, 1), (-0.5, 0)))
    np.testing.assert_allclose(
        found, [[179, 0], [180, 0.5], [180.5, 5.75], [183, 12], [179, -5]], atol=1e-12
    )


def test_a_cell_around_a_pole_is_joined_through_space():
    grid = find_grid(curvilinear([[80.0, 80], [80, 80]], [[-135.0, 135], [-45, 45]]))
    [[_, latitude]] = grid.place(pixels((0.5, 0.5)))
    assert latitude == pytest.approx(90)


@pytest.mark.parametrize(("columns", "turn"), [(36, 36), (30, 0)])
def test_cells_that_go_round_are_recognised(columns, turn):
    longitude, latitude = np.meshgrid(np.arange(columns) * 10.0 + 5, np.linspace(-60, 60, 5))
    grid = find_grid(curvilinear(latitude + np.sin(np.radians(longitude)), longitude % 360))
    assert grid.turn == turn
    if turn:
        last, first = grid.place(pixels((2, 35.5), (2, -0.5)))
        np.testing.assert_allclose(last, first)


def test_which_way_a_grid_turns():
    longitude, latitude = np.meshgrid(np.arange(0.0, 40, 10), np.arange(10.0, 40, 10))
    latitude += longitude / 1e3
    assert not find_grid(curvilinear(latitude, longitude)).is_mirrored()
    assert find_grid(curvilinear(latitude[::-1], longitude)).is_mirrored()
    assert find_grid(curvilinear(latitude, -longitude)).is_mirrored()
    assert not find_grid(curvilinear(latitude[::-1], -longitude)).is_mirrored()
