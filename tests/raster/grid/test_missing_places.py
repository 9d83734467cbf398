"""Curvilinear grids in which the places of some cells are missing."""

import numpy as np
import pytest
import xarray as xr

import fastkm
from fastkm.raster.grid.areas import cell_areas
from fastkm.raster.grid.curvilinear import CurvilinearGrid
from fastkm.raster.grid.geolocation import AxisGrid, find_grid


def tilted(rows=14, columns=16):
    """Longitudes and latitudes of cells of a degree, whose rows and columns are tilted."""
    x, y = np.meshgrid(np.arange(columns) - 7.0, np.arange(rows) - 7.0)
    return x + 0.3 * y + 20, y + 0.2 * x


def raster(values, longitude, latitude, **attrs):
    coords = {
        "latitude": (("y", "x"), latitude, attrs),
        "longitude": (("y", "x"), longitude, attrs),
    }
    return xr.DataArray(values, coords, ("y", "x"), name="water")


def disk(missing=np.nan):
    """A swath in a disk: places and data are missing outside of it, and in a hole."""
    longitude, latitude = tilted()
    values = (np.hypot(longitude - 20, latitude) < 3).astype(float)
    gone = (np.hypot(longitude - 20, latitude) > 6) | (np.hypot(longitude - 22, latitude - 2) < 1.5)
    values[gone] = np.nan
    whole = raster(values, longitude, latitude)
    return raster(
        values, np.where(gone, missing, longitude), np.where(gone, missing, latitude)
    ), whole


@pytest.mark.parametrize("missing", [np.nan, -999.0, 1e20])
def test_cells_that_are_missing_need_no_place(missing):
    swath, whole = disk(missing)
    frame, expected = fastkm.outline(swath, 2), fastkm.outline(whole, 2)
    assert frame.crs.to_epsg() == 4326
    assert frame.cells.tolist() == expected.cells.tolist()
    assert frame.is_valid.all()
    np.testing.assert_allclose(frame.area_km2, expected.area_km2, rtol=1e-3)
    np.testing.assert_allclose(frame.total_bounds, expected.total_bounds, atol=0.01)
    weighted = fastkm.cluster_raster(swath, 2, weights="area")
    np.testing.assert_allclose(
        weighted.weights, fastkm.cluster_raster(whole, 2, weights="area").weights, rtol=1e-3
    )


def test_data_without_a_place_is_clustered_but_not_outlined():
    swath, whole = disk()
    values = whole.copy(data=whole.fillna(0.0).values).assign_coords(swath.coords)
    assert fastkm.cluster_raster(values, 2).counts.sum() == values.size
    lost = int(swath.isnull().sum())
    with pytest.warns(UserWarning, match=f"{lost} cells with data but no latitude and longitude"):
        frame = fastkm.outline(values, 2)
    assert frame.cells.sum() == values.size - lost


def test_areas_are_zero_without_a_place():
    swath, _ = disk()
    areas = cell_areas(swath)
    assert np.array_equal(areas.values == 0, swath.isnull().values)


def test_regular_grids_keep_their_rows_and_columns():
    longitude, latitude = np.meshgrid(np.arange(5.0, 360, 10), np.arange(-80.0, 81, 10))
    latitude[3, 4:7] = longitude[3, 4:7] = -999
    grid = find_grid(raster(np.zeros(latitude.shape), longitude, latitude))
    assert isinstance(grid, AxisGrid)
    assert grid.turn == 36


def test_cells_alone_have_corners_only_if_their_neighbours_do():
    longitude, latitude = tilted(6, 6)
    known = np.zeros((6, 6), bool)
    known[0, 0] = True
    known[2:6, 2:6] = True
    places = np.where(known, longitude, np.nan), np.where(known, latitude, np.nan)
    grid = find_grid(raster(np.zeros((6, 6)), *places))
    assert isinstance(grid, CurvilinearGrid)
    assert grid.missing[0, 0]
    assert np.array_equal(~grid.missing[1:, 1:], known[1:, 1:])
    with pytest.warns(UserWarning, match="1 cell with data but no latitude and longitude"):
        frame = fastkm.outline(raster(np.where(known, 1, -1), *places))
    assert frame.is_valid.all()
    assert frame.cells.tolist() == [16]


def test_places_that_are_all_missing_are_none():
    nowhere = np.full((3, 4), np.nan)
    assert find_grid(raster(np.zeros((3, 4)), nowhere, nowhere)).crs is None


def test_a_grid_round_the_globe_stays_round_without_its_continents():
    longitude, latitude = np.meshgrid(np.arange(36) * 10.0, np.linspace(-70, 70, 15))
    latitude = latitude + 5 * np.sin(np.radians(longitude))
    land = np.zeros(latitude.shape, bool)
    land[4:7, 10:15] = True
    gone = np.where(land, np.nan, longitude), np.where(land, np.nan, latitude)
    grid = find_grid(raster(np.zeros(latitude.shape), *gone))
    assert grid.turn == 36
    assert not grid.is_mirrored()
    assert grid.find_west() == 0.0
