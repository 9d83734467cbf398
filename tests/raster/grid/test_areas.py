"""Areas of cells against geodesics of small cells, and the ellipsoid's own area."""

import numpy as np
import pytest
import xarray as xr
from pyproj import Geod

from fastkm.raster.grid.areas import cell_areas
from fastkm.raster.io.read_bands import read_areas
from tests.label_maps import curvilinear, placed, polar, projected
from tests.small_files import EAST, NORTH, write_netcdf
from tests.small_tiffs import from_origin, write_tiff

WHOLE = 510065621.7e6
"""The area of the WGS84 ellipsoid in m2."""


def grid(lat, lon):
    lat, lon = np.asarray(lat), np.asarray(lon)
    coords = {"lat": ("lat", lat, NORTH), "lon": ("lon", lon, EAST)}
    return xr.DataArray(np.zeros((len(lat), len(lon))), coords, ("lat", "lon"), name="water")


def globe(step, dtype=float):
    lat = np.arange(-90 + step / 2, 90, step).astype(dtype)
    return grid(lat, np.arange(step / 2, 360, step).astype(dtype))


@pytest.mark.parametrize("step", [0.5, 1, 2.5, 30])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_cells_of_the_globe_add_up_to_it(step, dtype):
    assert float(cell_areas(globe(step, dtype)).sum()) == pytest.approx(WHOLE, rel=1e-10)


def test_centres_at_the_poles_have_half_cells():
    areas = cell_areas(grid(np.linspace(-90, 90, 73), np.arange(0, 360, 5)))
    assert float(areas.sum()) == pytest.approx(WHOLE, rel=1e-10)
    assert float(areas[0, 0]) < 0.6 * float(areas[1, 0])


@pytest.mark.parametrize("latitude", [-89.5, -45.0, 0.25, 60.0, 75.5])
def test_small_cells_are_as_large_as_geodesics_say(latitude):
    step = 0.01
    areas = cell_areas(grid(latitude + step * np.arange(3), 10 + step * np.arange(3)))
    south, north = latitude + step / 2, latitude + 1.5 * step
    west, east = 10 + step / 2, 10 + 1.5 * step
    expected, _ = Geod(ellps="WGS84").polygon_area_perimeter(
        [west, east, east, west], [south, south, north, north]
    )
    assert float(areas[1, 1]) == pytest.approx(expected, rel=1e-6)


def test_sides_run_along_parallels_and_not_along_geodesics():
    values = grid([60.5], [45.0]).to_dataset()
    values["lat"].attrs["bounds"], values["lon"].attrs["bounds"] = "lat_b", "lon_b"
    values["lat_b"] = ("lat", "n"), [[60.0, 61.0]]
    values["lon_b"] = ("lon", "n"), [[0.0, 90.0]]
    assert float(cell_areas(values)[0, 0]) / 1e6 == pytest.approx(
        551082.679, rel=1e-9
    )  # 90,000 geodesics a side


def test_direction_and_seam_do_not_matter():
    up = cell_areas(grid([-10.0, 0, 10], [330.0, 340, 350, 0]))
    down = cell_areas(grid([10.0, 0, -10], [330.0, 340, 350, 360]))
    np.testing.assert_allclose(up, down.values[::-1], rtol=1e-12)
    assert (up > 0).all()


def test_limits_come_from_bounds_where_there_are_any():
    lat, lon = np.array([0.0, 10, 30]), np.array([0.0, 10])
    data = grid(lat, lon).to_dataset()
    data["lat"].attrs["bounds"] = "lat_bnds"
    data["lat_bnds"] = ("lat", "nv"), [[-1.0, 1], [1, 20], [20, 40]]
    areas = cell_areas(data)
    middles = cell_areas(grid(lat, lon))
    assert float(areas[0, 0]) < 0.5 * float(middles[0, 0])
    np.testing.assert_allclose(float(areas[2, 0]), float(middles[2, 0]), rtol=1e-12)


def test_bounds_across_greenwich_are_narrow():
    data = grid([0.0, 1], [0.0, 1]).to_dataset()
    data["lon"].attrs["bounds"] = "lon_bnds"
    data["lon_bnds"] = ("lon", "nv"), [[359.5, 0.5], [0.5, 1.5]]
    areas = cell_areas(data)
    np.testing.assert_allclose(areas[:, 0], areas[:, 1], rtol=1e-12)


def test_result_is_a_described_raster():
    stack = grid([0.0, 1], [5.0, 6, 7]).expand_dims(time=3)
    areas = cell_areas(stack)
    assert areas.dims == ("lat", "lon")
    assert areas.attrs["units"] == "m2"
    assert areas.lon.values.tolist() == [5, 6, 7]


def test_projected_rasters_are_refused():
    flat = xr.DataArray(np.zeros((2, 2)), {"y": [0, 1e5], "x": [0, 1e5]}, ("y", "x"), name="dem")
    with pytest.raises(ValueError, match="need latitudes and longitudes in degrees, but 'dem'"):
        cell_areas(flat)


def test_one_row_without_bounds_is_refused():
    with pytest.raises(ValueError, match="'lat' has 1 of them and no bounds"):
        cell_areas(grid([0.0], [0.0, 1]))


def test_bounds_of_a_wrong_shape_are_refused():
    data = grid([0.0, 1], [0.0, 1]).to_dataset()
    data["lon"].attrs["bounds"] = "lon_bnds"
    data["lon_bnds"] = ("lon", "nv"), np.zeros((2, 4))
    with pytest.raises(ValueError, match=r"bounds 'lon_bnds' of 'lon' must be .* \(2, 2\)"):
        cell_areas(data)


def test_dataset_without_rasters_is_refused():
    with pytest.raises(ValueError, match="the dataset holds none"):
        cell_areas(xr.Dataset({"a": ("t", [1.0])}))


def test_areas_of_a_file_are_cut_as_its_raster_is(tmp_path):
    lat, lon = np.arange(-40.0, 41, 20), np.arange(0.0, 360, 20)
    limits = np.column_stack([lat - 1, lat + 1])
    path = write_netcdf(
        tmp_path / "a.nc",
        np.zeros((5, 18)),
        coords={"lat": (lat, NORTH | {"bounds": "lat_b"}), "lon": (lon, EAST)},
        more={"lat_b": (limits, {}, ("lat", "n"))},
    )
    whole, cut = read_areas(path), read_areas(path, bbox=(-45, -25, 45, 25))
    assert cut.shape == (3, 5)
    np.testing.assert_allclose(cut[1], whole.values[2, 0], rtol=1e-12)
    narrow = cell_areas(grid(lat, lon))
    assert float(whole[2, 0]) < 0.2 * float(narrow[2, 0])


def test_areas_of_a_geotiff(tmp_path):
    values = np.zeros((2, 180, 360), np.float32)
    move = from_origin(-180, 90, 1, 1)
    path = write_tiff(tmp_path / "a.tif", values, crs="EPSG:4326", transform=move)
    assert float(read_areas(path).sum()) == pytest.approx(WHOLE, rel=1e-10)
    assert read_areas(path, bbox=(0, 0, 10, 10)).shape == (10, 10)


# Cells of four corners


def test_cells_of_an_equal_area_projection_are_equal():
    x, y = np.arange(-3e6, 3e6, 2.5e4), np.arange(6e6, 6.5e6, 2.5e4)
    areas = cell_areas(projected(np.zeros((len(y), len(x))), 6933, x, y))
    assert areas.dims == ("y", "x")
    np.testing.assert_allclose(areas, 6.25e8, rtol=1e-5)  # sides are not quite great circles


def test_cells_of_a_metre_keep_their_digits():
    x, y = 5e5 + np.arange(4.0), 5e6 + np.arange(3.0)
    areas = cell_areas(projected(np.zeros((3, 4)), 6933, x, y))
    np.testing.assert_allclose(areas, 1.0, rtol=1e-7)


def test_a_mesh_has_the_areas_of_its_axes():
    latitude, longitude = np.linspace(80, -80, 321), np.linspace(0, 20, 41)
    wanted = cell_areas(placed(np.zeros((321, 41)), latitude, longitude))
    mesh = np.meshgrid(latitude, longitude, indexing="ij")
    np.testing.assert_allclose(
        cell_areas(curvilinear(np.zeros((321, 41)), *mesh)), wanted, rtol=1e-12
    )
    mesh[0][0, 0] += 1e-9  # no mesh any more
    np.testing.assert_allclose(
        cell_areas(curvilinear(np.zeros((321, 41)), *mesh)), wanted, rtol=2e-4
    )


def test_cells_around_a_pole_and_over_the_antimeridian_have_areas():
    areas = cell_areas(polar(np.zeros((11, 11))))
    middle = areas.values[5, 5]
    assert np.ptp(areas.values) / middle < 0.1
    assert (areas > 0).all()
    # the projection is 3 % too small at the pole, in length
    assert middle == pytest.approx(4e10 / 0.9698**2, rel=1e-3)


def test_blocks_of_rows_join(monkeypatch):
    raster = polar(np.zeros((9, 7)))
    whole = cell_areas(raster)
    monkeypatch.setattr("fastkm.raster.grid.areas.BLOCK", 10)
    np.testing.assert_array_equal(cell_areas(raster), whole)
