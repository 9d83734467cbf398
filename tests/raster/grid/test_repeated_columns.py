"""Columns that repeat others are clustered, counted and outlined once; label maps keep them."""

import numpy as np
import pytest
import xarray as xr

import fastkm
from fastkm.raster.grid.repeated_columns import drop_repeated_columns, find_distinct_columns

NOTE = r"the last .*column.* repeat.* the first.*: these cells are counted once"


def by_axis(longitude, attrs=None):
    longitude, latitude = np.asarray(longitude, float), np.arange(-60.0, 61, 30)
    coords = {"lat": latitude, "lon": ("lon", longitude, attrs or {"units": "degrees_east"})}
    values = np.abs(latitude)[:, None] + longitude % 360
    return xr.DataArray(values, coords, ("lat", "lon"), name="water")


def with_halo(columns=36, halo=2):
    """A tilted grid round the globe that ends with the columns that it begins with."""
    longitude, latitude = np.meshgrid(
        np.arange(columns) * 360.0 / columns, np.linspace(-75, 75, 16)
    )
    latitude = latitude + 5 * np.sin(np.radians(longitude))
    places = [np.concatenate([a, a[:, :halo]], axis=1) for a in (latitude, longitude)]
    places[1] = (places[1] + 180) % 360 - 180
    coords = {name: (("y", "x"), a) for name, a in zip(("nav_lat", "nav_lon"), places, strict=True)}
    values = (places[0] > 0).astype(float) + (places[0] > 40)
    return xr.DataArray(values, coords, ("y", "x"), name="water")


@pytest.mark.parametrize(
    ("longitude", "repeated"),
    [
        (np.arange(0, 361, 30), 1),
        (np.arange(-180, 181, 30), 1),
        (np.arange(360, -1, -30), 1),
        (np.arange(0, 391, 30), 2),
        ([*range(0, 331, 30), 0], 1),
        (np.arange(0, 331, 30), 0),
        (np.arange(0, 390, 7), 0),
        ([0, 10], 0),
    ],
)
def test_meridians_that_come_again(longitude, repeated):
    distinct = find_distinct_columns(by_axis(longitude))
    assert distinct == ({"lon": slice(0, -repeated)} if repeated else {})


@pytest.mark.parametrize("halo", [0, 1, 2, 3])
def test_halo_of_cells(halo):
    raster = with_halo(halo=halo)
    assert drop_repeated_columns(raster).sizes["x"] == 36
    holes = raster.copy()
    holes["nav_lat"] = holes.nav_lat.where(holes.nav_lon != 40)  # places that nobody knows
    assert drop_repeated_columns(holes).sizes["x"] == 36


def test_cells_without_places_or_of_one_place_repeat_nothing():
    bare = xr.DataArray(np.zeros((3, 4)), dims=("y", "x"))
    assert find_distinct_columns(bare) == {}
    assert find_distinct_columns(xr.Dataset()) == {}
    level = with_halo(halo=0)
    assert find_distinct_columns(level * 0 + level.nav_lat * 0) == {}
    same = bare.assign_coords(
        lat=(("y", "x"), np.zeros((3, 4))), lon=(("y", "x"), np.zeros((3, 4)))
    )
    assert find_distinct_columns(same) == {}


@pytest.mark.parametrize("raster", [by_axis(np.arange(0, 361, 30)), with_halo()])
def test_clusters_count_them_once_and_label_maps_keep_them(raster):
    once = drop_repeated_columns(raster)
    with pytest.warns(UserWarning, match=NOTE):
        found = fastkm.cluster_raster(raster, 2, weights="area")
    expected = fastkm.cluster_raster(once, 2, weights="area")
    assert found.labels.shape == raster.shape
    assert found.counts.tolist() == expected.counts.tolist()
    np.testing.assert_allclose(found.weights, expected.weights, rtol=1e-6)
    repeated = raster.shape[1] - once.shape[1]
    assert np.array_equal(found.labels[:, -repeated:], found.labels[:, :repeated])


def test_several_bands_count_them_once():
    bands = xr.concat([by_axis(np.arange(0, 361, 30)) + n for n in (0, 5)], "band")
    with pytest.warns(UserWarning, match=NOTE):
        found = fastkm.cluster_raster(bands, [2, 3])
    once = fastkm.cluster_raster(drop_repeated_columns(bands), [2, 3])
    for k, result in found.items():
        assert result.labels.shape == (5, 13)
        assert result.counts.tolist() == once[k].counts.tolist()
        assert result.inertia == once[k].inertia
        assert result.labels.attrs["inertia"] == once[k].labels.attrs["inertia"]
    assert fastkm.choose_k(found, "silhouette").k == fastkm.choose_k(once, "silhouette").k


@pytest.mark.parametrize("raster", [by_axis(np.arange(0, 361, 30)), with_halo()])
def test_outlines_have_them_once(raster):
    with pytest.warns(UserWarning, match=NOTE):
        frame = fastkm.outline(raster, 2)
    once = drop_repeated_columns(raster)
    assert frame.cells.sum() == once.size
    assert frame.area_km2.tolist() == pytest.approx(
        fastkm.outline(once, 2).area_km2.tolist(), rel=1e-6
    )
