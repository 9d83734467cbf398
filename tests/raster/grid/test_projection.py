import numpy as np
import pytest
from pyproj import Transformer

from fastkm.raster.grid.projection import make_degree_transform

OVALS = [
    "+proj=sinu +R=6371007.181",
    "+proj=sinu",
    "+proj=moll",
    "+proj=robin",
    "+proj=eqearth",
    "+proj=hammer",
    "+proj=igh",
    "+proj=natearth",
    "+proj=aea +lat_1=30 +lat_2=60",
    "+proj=geos +h=35785831 +lon_0=-75 +sweep=x",
    "+proj=ortho +lat_0=40 +lon_0=10",
    "+proj=nsper +h=3000000",
]


@pytest.mark.parametrize("crs", OVALS)
def test_places_come_back_and_the_rest_is_nan(crs):
    rng = np.random.default_rng(0)
    points = rng.uniform(-2.5e7, 2.5e7, (400, 2)) * rng.uniform(0, 1, (400, 1)) ** 2
    places = make_degree_transform(crs)(points)
    known = np.isfinite(places).all(axis=1)
    assert 0.1 < known.mean() < 0.9
    assert (np.isnan(places).all(axis=1) == ~known).all()
    again = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(*places[known].T)
    np.testing.assert_allclose(np.column_stack(again), points[known], atol=1.0)


@pytest.mark.parametrize("crs", OVALS)
def test_every_place_that_is_projected_is_found(crs):
    rng = np.random.default_rng(1)
    places = np.column_stack([rng.uniform(-179, 179, 200), rng.uniform(-89, 89, 200)])
    points = np.column_stack(
        Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(*places.T)
    )
    seen = np.isfinite(points).all(axis=1)
    assert seen.mean() > 0.05
    np.testing.assert_allclose(make_degree_transform(crs)(points[seen]), places[seen], atol=1e-6)


@pytest.mark.parametrize(
    "crs", ["EPSG:3857", "EPSG:6933", "+proj=eqc +lon_0=150", "+proj=mill", "+proj=merc +units=km"]
)
def test_the_earth_begins_again_beyond_a_cylinder(crs):
    forward = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    x, y = forward.transform([0.0, 0.1], [40.0, 40.0])
    width = 3600 * (x[1] - x[0])
    places = make_degree_transform(crs)(
        np.array([[x[0] + width * 0.75, y[0]], [x[0] - width * 0.75, y[0]]])
    )
    np.testing.assert_allclose(places % [360.0, 90.0], [[270.0, 40.0], [90.0, 40.0]], atol=1e-6)


def test_edges_of_cells_beyond_a_rotated_pole_lie_at_the_pole():
    rotated = "+proj=ob_tran +o_proj=longlat +o_lat_p=39.25 +o_lon_p=0 +lon_0=18"
    places = make_degree_transform(rotated)(
        np.array([[0.0, 90.2], [0.0, 90.0], [370.0, 0.0], [10.0, 0.0]])
    )
    assert np.isfinite(places).all()
    np.testing.assert_allclose(places[0], places[1], atol=1e-9)
    np.testing.assert_allclose(places[2], places[3], atol=1e-9)


def test_system_that_says_nothing_about_the_earth_has_no_transform():
    assert make_degree_transform('LOCAL_CS["plan",UNIT["metre",1]]') is None
