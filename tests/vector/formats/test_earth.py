import numpy as np
import pytest
import shapely

from fastkm.raster.grid.projection import make_degree_transform
from fastkm.vector.formats.earth import find_earth

RADIUS = 6371000.0


@pytest.mark.parametrize(
    ("crs", "area"),
    [
        (f"+proj=ortho +R={RADIUS}", np.pi),
        (f"+proj=ortho +R={RADIUS} +lat_0=60 +x_0=1e6", np.pi),
        (f"+proj=moll +R={RADIUS}", 4 * np.pi),  # these two keep areas
        (f"+proj=sinu +R={RADIUS} +lon_0=70", 4 * np.pi),
    ],
)
def test_area_is_that_of_the_earth_in_the_plane(crs, area):
    earth = find_earth((-2.2e7, -2.2e7, 2.2e7, 2.2e7), make_degree_transform(crs))
    assert earth.is_valid
    assert earth.area / RADIUS**2 == pytest.approx(area, rel=2e-3)
    assert np.isfinite(make_degree_transform(crs)(shapely.get_coordinates(earth))).all()


def test_only_the_rectangle_counts():
    to_globe = make_degree_transform(f"+proj=ortho +R={RADIUS}")
    rectangle = shapely.box(1e6, 2e6, 3e6, 3e6)
    assert find_earth(rectangle.bounds, to_globe).covers(rectangle)
    corner = shapely.box(3e6, 3e6, 9e6, 9e6)
    disk = shapely.Point(0, 0).buffer(RADIUS, 512)
    found = find_earth(corner.bounds, to_globe).intersection(corner)
    assert found.symmetric_difference(disk.intersection(corner)).area < 1e-4 * disk.area


def test_no_earth_is_empty():
    to_globe = make_degree_transform(f"+proj=ortho +R={RADIUS}")
    assert find_earth((8e6, 8e6, 9e6, 9e6), to_globe).is_empty


def test_poles_on_the_edge_are_corners():
    crs = f"+proj=sinu +R={RADIUS}"
    poles = [shapely.Point(0, y * RADIUS * np.pi / 2) for y in (-1, 1)]
    earth = find_earth((-2.2e7, -1.1e7, 2.2e7, 1.1e7), make_degree_transform(crs), poles)
    corners = shapely.get_coordinates(earth)
    assert all((np.abs(corners - (pole.x, pole.y)).max(axis=1) == 0).any() for pole in poles)
