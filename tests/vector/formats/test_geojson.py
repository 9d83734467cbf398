import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from fastkm.vector.formats.geojson import to_rfc7946

box = shapely.box
BELT = box(150, -10, 210, 10)


def one(shape, crs=4326):
    """Take one shape to RFC 7946, and see that it is what that asks for."""
    found = to_rfc7946(gpd.GeoDataFrame({"a": [7]}, geometry=[shape], crs=crs))
    assert found.crs is None
    assert found["a"].tolist() == [7]
    [shape] = found.geometry
    assert shape.is_valid
    assert shape.geom_type in ("Polygon", "MultiPolygon")
    west, south, east, north = shape.bounds
    assert west >= -180
    assert east <= 180
    assert south >= -90
    assert north <= 90
    for polygon in shapely.get_parts(shape):
        assert polygon.exterior.is_ccw
        assert not any(hole.is_ccw for hole in polygon.interiors)
    return shape


def covers(shape, longitude, latitude):
    return bool(shapely.intersects_xy(shape, (longitude + 180) % 360 - 180, latitude))


@pytest.mark.parametrize("crs", [4326, 4267, "OGC:CRS84", "+proj=longlat +R=6371229"])
@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (box(0, 0, 10, 5), box(0, 0, 10, 5)),
        (box(170, 0, 180, 5), box(170, 0, 180, 5)),
        (box(-180, 0, -170, 5), box(-180, 0, -170, 5)),
        (box(-180, 0, 180, 5), box(-180, 0, 180, 5)),
        (box(-178, 0, 178, 5), box(-178, 0, 178, 5)),
        (box(180, 0, 190, 5), box(-180, 0, -170, 5)),
        (box(200, 0, 350, 5), box(-160, 0, -10, 5)),
        (box(350, 0, 370, 5), box(-10, 0, 10, 5)),
        (box(0, 0, 360, 5), box(-180, 0, 180, 5)),
        (box(0.05, 0, 360.05, 5), box(-180, 0, 180, 5)),
        (box(-200, 0, -170, 5), shapely.MultiPolygon([box(-180, 0, -170, 5), box(160, 0, 180, 5)])),
        (BELT, shapely.MultiPolygon([box(150, -10, 180, 10), box(-180, -10, -150, 10)])),
        (box(0, 0, 360, 80).difference(box(10, 10, 350, 70)), box(-180, 0, 180, 80).difference(
            shapely.union(box(10, 10, 180, 70), box(-180, 10, -10, 70)))),
    ],
)  # fmt: skip
def test_longitudes_come_into_one_turn(crs, shape, expected):
    found = one(shape, crs)
    if crs in (4326, "OGC:CRS84"):
        assert found.equals(expected)
    assert found.symmetric_difference(expected).area < 0.01 * expected.length  # of the datum


def test_shapes_within_the_turn_keep_each_coordinate():
    rng = np.random.default_rng(3)
    points = rng.uniform(-1, 1, (5, 40, 2)) * [180, 90]
    shapes = [shapely.MultiPoint(own).convex_hull for own in points]
    found = to_rfc7946(gpd.GeoDataFrame(geometry=shapes, crs=4326))
    for one_shape, other in zip(found.geometry, shapes, strict=True):
        assert one_shape.normalize().equals_exact(other.normalize(), 0.0)


def test_exteriors_are_turned_in_any_crs():
    wrong = shapely.Polygon([(0, 0), (0, 9), (9, 9), (9, 0)], [[(1, 1), (2, 1), (2, 2), (1, 2)]])
    assert not wrong.exterior.is_ccw
    for crs in (4326, 3857, None):
        one(wrong, crs)


def test_without_a_crs_coordinates_stay():
    found = to_rfc7946(gpd.GeoDataFrame(geometry=[box(100, 100, 900, 200)]))
    assert found.geometry[0].equals(box(100, 100, 900, 200))


def test_the_frame_is_left_as_it_was():
    frame = gpd.GeoDataFrame(geometry=[BELT], crs=4326)
    to_rfc7946(frame)
    assert frame.crs.to_epsg() == 4326
    assert frame.geometry[0].equals(BELT)


def test_no_rows_are_no_rows():
    for crs in (4326, 3031, None):
        assert len(to_rfc7946(gpd.GeoDataFrame(geometry=[], crs=crs))) == 0


@given(
    corners=st.lists(
        st.tuples(
            st.integers(-20, 20), st.integers(-20, 20), st.integers(1, 15), st.integers(1, 15)
        ),
        min_size=1,
        max_size=5,
    ),
    holes=st.lists(
        st.tuples(
            st.integers(-20, 20), st.integers(-20, 20), st.integers(1, 15), st.integers(1, 15)
        ),
        max_size=4,
    ),
    seed=st.integers(0, 99),
)
@pytest.mark.parametrize("crs", [3031, 3413, 6931, 3857, 32601, "ESRI:54009"])
def test_projected_shapes_cover_what_they_covered(crs, corners, holes, seed):
    """Cells of a 100 km grid whose corners meet in the origin, a pole for the first three."""
    cells = shapely.union_all([box(x, y, x + w, y + h) for x, y, w, h in corners])
    cells = cells.difference(shapely.union_all([box(x, y, x + w, y + h) for x, y, w, h in holes]))
    if cells.is_empty or cells.geom_type not in ("Polygon", "MultiPolygon"):
        return
    east = 500_000.0 if crs == 32601 else 0.0
    size = 20_000.0 if crs == 32601 else 100_000.0
    shape = shapely.transform(cells, lambda xy: xy * size + (east, 0.0))
    found = one(shape, crs)
    rng = np.random.default_rng(seed)
    points = rng.uniform(-25, 40, (60, 2)) * size + (east, 0.0)
    away = shapely.distance(shape.boundary, shapely.points(points)) > 0.01 * size
    move = pyproj.Transformer.from_crs(crs, 4326, always_xy=True)
    for x, y in points[away]:
        longitude, latitude = move.transform(x, y)
        assert covers(found, longitude, latitude) == bool(shapely.intersects_xy(shape, x, y))


@pytest.mark.parametrize(
    ("shape", "at_45", "at_minus_45"),
    [
        (shapely.Point(0, 0).buffer(1e6), True, True),
        (shapely.Point(1e5, 3e5).buffer(1e6), True, True),
        (shapely.Point(0, 0).buffer(1e6).difference(shapely.Point(0, 0).buffer(5e5)), False, False),
        (box(0, 0, 1e6, 1e6), True, False),
        (box(-1e6, 0, 1e6, 1e6), True, True),
        (box(-1e6, -1e6, 1e6, 1e6).difference(box(0, 0, 1e6, 1e6)), False, True),
        (box(-1e6, 1e5, 1e6, 1e6), False, False),
    ],
)
def test_areas_round_the_pole_are_kept(shape, at_45, at_minus_45):
    equal_area = 6932  # Lambert's, of the south
    found = one(shape, equal_area)
    geod = pyproj.Geod(ellps="WGS84")
    parallels = shapely.segmentize(found, 0.02)  # edges along parallels are no geodesics
    area = sum(abs(geod.geometry_area_perimeter(p)[0]) for p in _below_a_turn(parallels))
    assert area == pytest.approx(shape.area, rel=1e-4)
    assert covers(found, 45.0, -90.0) == at_45
    assert covers(found, -45.0, -90.0) == at_minus_45


def _below_a_turn(shape):
    """Cut into quarters, whose geodesic areas are meant."""
    quarters = [box(west, -90, west + 90, 90) for west in (-180, -90, 0, 90)]
    return [part for quarter in quarters for part in shapely.get_parts(shape.intersection(quarter))]


@pytest.mark.parametrize(
    "corners",
    [
        [(-3, 1), (-3, 3), (0, 3), (0, -1), (-1, -1), (-1, 1)],
        [(-1, 3), (2, 3), (2, 0), (-1, 0), (-1, 1), (0, 1), (0, 2), (-1, 2)],
    ],
)
def test_an_edge_through_the_pole_covers_what_it_covered(corners):
    shape = shapely.Polygon(np.array(corners) * 1e6)
    found = one(shape, 3413)
    points = np.stack(
        np.meshgrid(np.linspace(-3.9e6, 3.8e6, 60), np.linspace(-3.5e6, 3.9e6, 60)), -1
    ).reshape(-1, 2)
    points = points[shapely.distance(shape.boundary, shapely.points(points)) > 2e4]
    longitude, latitude = pyproj.Transformer.from_crs(3413, 4326, always_xy=True).transform(
        *points.T
    )
    inside = shapely.intersects_xy(shape, *points.T)
    np.testing.assert_array_equal(shapely.intersects_xy(found, longitude, latitude), inside)


def test_an_annulus_is_one_polygon():
    ring = shapely.Point(0, 0).buffer(1e6).difference(shapely.Point(0, 0).buffer(5e5))
    found = one(ring, 3031)
    assert found.geom_type == "Polygon"
    assert found.bounds[::2] == (-180, 180)


def test_a_rotated_pole_is_turned_back():
    crs = (
        "+proj=ob_tran +o_proj=longlat +o_lat_p=39.25 +o_lon_p=0 +lon_0=18 +R=6371229 "
        "+to_meter=0.0174532925199433"
    )
    found = one(box(-5, -5, 5, 5), crs)
    assert covers(found, 18.0, 50.75)  # the middle of the rotated degrees
    assert found.bounds[3] < 56.0
    assert covers(one(box(-5, 30, 5, 60), crs), 0.0, 90.0)  # the pole lies at 39.25


FULL_DISK = "+proj=geos +h=35785831 +lon_0=0 +ellps=GRS80"


@pytest.mark.parametrize(
    ("crs", "shape", "share"),
    [
        (FULL_DISK, box(-9e6, -9e6, 9e6, 9e6), 0.423),
        (FULL_DISK.replace("lon_0=0", "lon_0=140"), box(0, 0, 9e6, 9e6), 0.423 / 4),
        ("+proj=ortho +lat_0=40 +R=6371000", box(-9e6, -9e6, 9e6, 9e6), 0.5),
        ("+proj=sinu +R=6371007.181", box(-2e7, 0, 2e7, 2e7), 0.5),
        ("+proj=moll +lon_0=150", box(-2e7, -2e7, 0, 2e7), 0.5),
        ("+proj=eqearth", box(0, 0, 2e7, 2e7), 0.25),
        # the whole Earth, whose edge is one point, without a square in the middle
        (
            "+proj=laea +lat_0=50",
            box(-2e7, -2e7, 2e7, 2e7).difference(box(-8e6, -8e6, 8e6, 8e6)),
            0.498,
        ),
    ],
)
def test_shapes_end_at_the_edge_of_the_earth(crs, shape, share):
    with pytest.warns(UserWarning, match="1 of 1 outlines reach beyond the Earth's edge"):
        found = one(shape, crs)
    # its area on a sphere, in the plane of an equal-area projection
    flat = shapely.transform(
        found, lambda p: np.column_stack([p[:, 0], np.sin(np.radians(p[:, 1]))])
    )
    assert flat.area / 720.0 == pytest.approx(share, abs=0.01)


def test_shapes_in_space_are_left_out():
    frame = gpd.GeoDataFrame({"a": [1, 2]}, geometry=[box(8e6, 8e6, 9e6, 9e6), box(0, 0, 1e6, 1e6)])
    with pytest.warns(UserWarning, match="1 of 2 outlines"):
        found = to_rfc7946(frame.set_crs(FULL_DISK))
    assert found["a"].tolist() == [2]
    assert covers(found.geometry.iloc[0], 4.0, 4.0)


def test_system_of_no_place_is_an_error():
    with pytest.raises(ValueError, match="says nothing about the Earth"):
        one(box(0, 0, 1, 1), 'LOCAL_CS["plan",UNIT["metre",1]]')


@pytest.mark.parametrize(("crs", "degrees", "east"), [(4807, 0.9, 2.3372), (4813, 1.0, 106.8077)])
def test_grads_and_other_meridians_become_degrees_from_greenwich(crs, degrees, east):
    found = one(box(0, 10, 20, 20), crs)
    shift = 0.01  # of the datums
    assert found.bounds == pytest.approx(
        (east, 10 * degrees, east + 20 * degrees, 20 * degrees), abs=shift
    )
