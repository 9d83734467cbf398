import numpy as np
import pytest
import xarray as xr
from pyproj import CRS, Transformer

from fastkm.plot._grid import read_grid
from fastkm.plot.globe.places import find_places

LAEA = CRS("EPSG:3035")


def make_plane(units="m", scale=1.0, attrs=None):
    """A grid of 50 km around the middle of Europe, north first."""
    y, x = np.arange(4.5e6, 2e6, -5e4) / scale, np.arange(3e6, 5e6, 5e4) / scale
    crs = xr.DataArray(0, attrs={"crs_wkt": LAEA.to_wkt()} if attrs is None else attrs)
    coords = {"y": ("y", y, {"units": units}), "x": ("x", x, {"units": units}), "crs": crs}
    return xr.DataArray(np.zeros((len(y), len(x))), coords, ("y", "x"))


def make_cells():
    """The same cells without a reference system: longitudes and latitudes of each."""
    plane = make_plane()
    back = Transformer.from_crs(LAEA, 4326, always_xy=True)
    longitude, latitude = back.transform(*np.meshgrid(plane.x.values, plane.y.values))
    places = {"lon": (("y", "x"), longitude), "lat": (("y", "x"), latitude)}
    return xr.DataArray(plane.values, places, ("y", "x"))


def place(row, column):
    """The longitude and latitude of fractional cells of that grid."""
    x, y = 3e6 + 5e4 * np.asarray(column), 4.5e6 - 5e4 * np.asarray(row)
    return Transformer.from_crs(LAEA, 4326, always_xy=True).transform(x, y)


CELLS = np.array([[0.0, 0.0], [3.25, 10.5], [38.9, 49.0], [20.0, 20.0]])  # column, row


@pytest.mark.parametrize(
    "raster",
    [
        make_plane(),
        make_plane("km", 1000.0),
        make_plane(attrs={k: v for k, v in LAEA.to_cf().items() if k != "crs_wkt"}),
        make_cells(),
    ],
)
def test_places_are_found_in_planes_and_by_cell(raster):
    places = find_places(raster)
    found = places.locate(*place(CELLS[:, 1], CELLS[:, 0]))
    np.testing.assert_allclose(found, CELLS, atol=0.02)
    west, south, east, north = places.bounds
    assert -17 < west < -5 < 20 < east < 30
    assert 35 < south < 45 < 60 < north < 70
    far = places.locate(np.array([-150.0]), np.array([-40.0]))
    assert not ((far > -1) & (far < 60)).all()


def test_large_grids_are_interpolated_between_some_cells(monkeypatch):
    monkeypatch.setattr("fastkm.plot.globe.places.MOST_NODES", 20)
    found = find_places(make_cells()).locate(*place(CELLS[:, 1], CELLS[:, 0]))
    np.testing.assert_allclose(found, CELLS, atol=0.1)


def test_degrees_continue_beyond_the_grid(world):
    places = find_places(world[::-1])
    assert places.straight
    assert places.bounds == (0, -90, 360, 90)
    found = places.locate(np.array([5.0, 180.0, 365.0]), np.array([85.0, 0.0, -85.0]))
    np.testing.assert_allclose(found, [[0, 0], [17.5, 8.5], [36, 17]])


def test_a_grid_around_a_pole_goes_round_the_globe():
    side = np.arange(-3e6, 3.1e6, 2e5)
    crs = xr.DataArray(0, attrs={"crs_wkt": CRS("EPSG:3413").to_wkt()})
    coords = {"y": ("y", side, {"units": "m"}), "x": ("x", side, {"units": "m"}), "crs": crs}
    places = find_places(xr.DataArray(np.zeros((31, 31)), coords, ("y", "x")))
    west, south, east, north = places.bounds
    assert east - west == 360
    assert south < 60
    assert north == 90


@pytest.mark.parametrize(
    "raster",
    [
        np.zeros((3, 3)),
        xr.DataArray(np.zeros((3, 3)), dims=("y", "x")),
        xr.DataArray(np.zeros((1, 3)), {"lat": [1.0], "lon": [1.0, 2.0, 3.0]}, ("lat", "lon")),
        make_plane("furlong"),
        make_plane(attrs={"crs_wkt": "nonsense"}),
        make_cells() * np.nan + make_cells().assign_coords(lon=np.nan * make_cells().lon),
    ],
)
def test_without_places_there_are_none(raster):
    assert find_places(raster) is None


def test_north_is_up_and_cells_keep_their_shape_if_they_have_latitudes():
    cells = make_cells()[:, ::2]
    grid = read_grid(cells, name="raster")
    assert grid.rows.limits == (49.5, -0.5)  # north first
    assert grid.columns.limits == (-0.5, 19.5)
    assert grid.cell_ratio == pytest.approx(0.5, rel=0.01)
    grid = read_grid(cells[::-1, ::-1], name="raster")
    assert grid.rows.limits == (-0.5, 49.5)
    assert grid.columns.limits == (19.5, -0.5)


def test_planes_keep_the_shape_of_their_cells():
    grid = read_grid(make_plane()[::4], name="raster")
    assert grid.cell_ratio == pytest.approx(4)
    assert grid.rows.label == r"y ($\mathrm{km}$)"


def test_degrees_are_as_wide_as_in_the_middle_of_the_panel():
    lat, lon = np.arange(55.5, 65), np.arange(0.5, 20)
    grid = read_grid(xr.DataArray(np.zeros((10, 20)), {"lat": lat, "lon": lon}), name="raster")
    assert grid.cell_ratio == pytest.approx(2)
