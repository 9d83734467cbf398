"""Polygons of label maps: they tile, they are those of rasterio, they give the labels back."""

import gc

import numpy as np
import pytest
import rasterio.features
import shapely
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import fastkm
from tests.from_file import from_file
from tests.label_maps import (
    curvilinear,
    globe,
    placed,
    polar,
    projected,
    rings_around_the_middle,
)

MAPS = arrays(
    np.int16, st.tuples(st.integers(1, 8), st.integers(1, 9)), elements=st.integers(-1, 2)
)
GLOBES = arrays(
    np.int16, st.tuples(st.integers(2, 7), st.integers(2, 9)), elements=st.integers(-1, 2)
)
BOUNDARIES = ("cell", "contour")
each_boundary = pytest.mark.parametrize("boundary", BOUNDARIES)
TURNS = [None, "0..360", "-180..180"]


def covered(frame, x, y):
    """Which label the polygons give to points; -1 where none, -2 where two polygons do."""
    found = np.full(np.shape(x), -1)
    for cluster, polygon in zip(frame["cluster"], frame.geometry, strict=True):
        inside = shapely.contains_xy(polygon, x, y)
        found[inside] = np.where(found[inside] == -1, cluster, -2)
    return found


def by_rasterio(labels):
    """Give (label, normalised polygon), shifted so that whole numbers are cell centres."""
    values = labels.astype(np.int32)
    shapes = rasterio.features.shapes(values, mask=values >= 0, connectivity=4)
    polygons = [(int(v), shapely.transform(shapely.geometry.shape(g), lambda p: p - 0.5))
                for g, v in shapes]  # fmt: skip
    return sorted((v, polygon.normalize().wkt) for v, polygon in polygons)


@given(MAPS)
def test_cells_without_junctions_are_those_of_rasterio(labels):
    frame = fastkm.polygonize(labels, junctions=False)
    found = zip(frame["cluster"], frame.geometry, strict=True)
    assert sorted((v, polygon.normalize().wkt) for v, polygon in found) == by_rasterio(labels)


@given(MAPS, st.sampled_from(BOUNDARIES), st.sampled_from([4, 8]))
def test_polygons_are_valid_apart_and_give_the_labels_back(labels, boundary, connectivity):
    frame = fastkm.polygonize(labels, boundary=boundary, connectivity=connectivity)
    assert frame.is_valid.all()
    row, column = np.indices(labels.shape).astype(float)
    np.testing.assert_array_equal(covered(frame, column, row), labels)
    if len(frame):
        np.testing.assert_allclose(frame.area.sum(), frame.union_all().area, atol=1e-9)
        assert all(ring.is_ccw for ring in shapely.get_exterior_ring(frame.geometry.explode()))
    if boundary == "cell":
        assert frame.area.sum() == (labels >= 0).sum()


@given(MAPS)
def test_corners_connect_by_option(labels):
    frame = fastkm.polygonize(labels, connectivity=8)
    apart = fastkm.polygonize(labels)
    assert frame.area.sum() == apart.area.sum()
    assert len(frame) <= len(apart) == len(frame.explode())
    for one, other in zip(frame.geometry, frame.cluster, strict=True):
        same = frame.geometry[(frame.cluster == other) & (frame.geometry != one)]
        assert not same.intersects(one).any()


def test_checkerboard_is_two_regions_by_corners():
    board = np.indices((6, 7)).sum(axis=0) % 2
    assert len(fastkm.polygonize(board)) == 42
    frame = fastkm.polygonize(board, connectivity=8)
    assert frame.geom_type.tolist() == ["MultiPolygon"] * 2
    assert frame.is_valid.all()


def test_rows_stand_in_the_order_of_first_cells():
    frame = fastkm.polygonize([[3, 3, 1], [2, 3, 1], [2, 2, 3]])
    assert frame["cluster"].tolist() == [3, 1, 2, 3]
    assert frame["cluster"].dtype == np.int64
    assert list(frame.columns) == ["cluster", "geometry"]
    assert frame.crs is None


@each_boundary
@pytest.mark.parametrize(
    "labels", [np.full((3, 4), -1), np.empty((0, 4), int), np.zeros((1, 1), int)]
)
def test_few_or_no_cells(labels, boundary):
    frame = fastkm.polygonize(labels, boundary=boundary)
    assert len(frame) == int((labels >= 0).any())
    assert list(frame.columns) == ["cluster", "geometry"]


def test_any_type_and_layout_gives_the_same():
    labels = np.array([[0, 0, 1], [2, 0, 1], [2, 2, 1]])
    wanted = fastkm.polygonize(labels)
    kinds = [labels.astype(t) for t in ("i1", "u1", "i4", ">i8", "u8", "f4", "f8")]
    kinds += [np.asfortranarray(labels), labels[::1, ::1].tolist(), np.ma.MaskedArray(labels)]
    for other in kinds:
        assert fastkm.polygonize(other).equals(wanted)


def test_missing_cells_have_no_polygon():
    masked = np.ma.MaskedArray([[1, 1], [1, 5]], [[0, 0], [0, 1]])
    holed = np.array([[1, 1], [1, np.nan]])
    filled = from_file(xr.DataArray([[1, 1], [1, 255]], dims=("y", "x")), _FillValue=255)
    for labels in (masked, holed, filled):
        assert fastkm.polygonize(labels).area.tolist() == [3.0]


# Coordinates


def test_irregular_and_descending_axes_are_followed():
    frame = fastkm.polygonize(placed([[0, 1], [0, 1]], [50.0, 30], [5.0, 9]))
    assert frame.geometry[0].bounds == (3, 20, 7, 60)
    assert frame.crs.to_epsg() == 4326
    assert all(shapely.is_ccw(shapely.get_exterior_ring(frame.geometry)))


def test_polygons_of_a_projected_raster_are_in_its_system():
    frame = fastkm.polygonize(projected([[0, 1]], 32633, [1000.0, 3000], [50.0]))
    assert frame.crs.to_epsg() == 32633
    assert frame.geometry[0].bounds == (0, 49.5, 2000, 50.5)


def test_order_of_the_dimensions_does_not_matter():
    labels = placed([[0, 0, 1], [2, 2, 2]])
    assert fastkm.polygonize(labels.transpose("lon", "lat")).equals(fastkm.polygonize(labels))


@each_boundary
@pytest.mark.parametrize("exact", [True, False])
def test_a_mesh_of_coordinates_is_the_same_as_its_axes(boundary, exact):
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 3, (6, 9))
    latitude, longitude = np.linspace(60, 30, 6), np.linspace(-20, 20, 9)
    mesh = np.meshgrid(latitude, longitude, indexing="ij")
    if not exact:
        mesh[0][0, 0] += 1e-9
    wanted = fastkm.polygonize(placed(labels, latitude, longitude), boundary=boundary)
    found = fastkm.polygonize(curvilinear(labels, *mesh), boundary=boundary)
    assert found["cluster"].tolist() == wanted["cluster"].tolist()
    for one, other in zip(found.geometry, wanted.geometry, strict=True):
        assert one.symmetric_difference(other).area < 1e-7


# Junctions


def test_regions_that_meet_on_a_straight_edge_have_a_point_there():
    labels = [[0, 1], [0, 2]]
    frame = fastkm.polygonize(labels)
    assert shapely.coverage_is_valid(frame.geometry.array)
    rings = [shapely.get_coordinates(polygon)[:-1].tolist() for polygon in frame.geometry]
    assert all([0.5, 0.5] in ring for ring in rings)
    assert [len(ring) for ring in rings] == [5, 4, 4]
    fewest = fastkm.polygonize(labels, junctions=False)
    assert fewest.count_coordinates().tolist() == [5, 5, 5]
    assert fewest.geometry.geom_equals(frame.geometry).all()


def test_contours_have_no_junctions():
    labels = np.random.default_rng(5).integers(-1, 3, (9, 8))
    frames = [
        fastkm.polygonize(labels, boundary="contour", junctions=junctions)
        for junctions in (True, False)
    ]
    assert frames[0].equals(frames[1])


@pytest.mark.parametrize("longitudes", TURNS[1:])
@pytest.mark.parametrize("make", [globe, polar], ids=["globe", "polar"])
def test_polygons_share_their_points_across_the_end_of_longitudes(make, longitudes):
    cells = np.kron(np.random.default_rng(6).integers(0, 3, (9, 7)), np.ones((1, 2), int))
    polygons = fastkm.polygonize(make(cells), longitudes=longitudes).geometry.array
    turned = shapely.transform(polygons, lambda points: points + np.array([360.0, 0.0]))
    assert shapely.coverage_is_valid(np.concatenate([polygons, turned]))


def test_polygons_end_on_the_meridian_whether_they_are_cut_or_not():
    # the edge between the last column and the first is 1e-14 degrees beside the meridian
    cells = np.zeros((4, 14), int)
    cells[1, 0], cells[2, [0, -1]] = 1, 2
    frame = fastkm.polygonize(globe(cells), longitudes="0..360")
    x = frame.get_coordinates()["x"]
    assert (x[x < 1.0] == 0.0).all()
    assert shapely.coverage_is_valid(frame.geometry.array)


def test_long_edges_of_curvilinear_grids_have_the_same_points_from_either_end():
    cells = np.repeat([[0], [1]], 150, axis=1)
    longitude, latitude = np.meshgrid(np.linspace(0, 90, 150), [10.0, 11.0])
    latitude = latitude + np.sin(np.radians(longitude))
    polygons = fastkm.polygonize(curvilinear(cells, latitude, longitude)).geometry.array
    assert shapely.coverage_is_valid(polygons)


# Round the globe


@given(GLOBES, st.sampled_from(TURNS), st.sampled_from([0.0, -180.0, -7.5]), st.booleans())
def test_a_globe_is_tiled_once(labels, longitudes, west, descending):
    labels = np.abs(labels)
    frame = fastkm.polygonize(
        globe(labels, west=west, descending=descending), longitudes=longitudes
    )
    assert frame.is_valid.all()
    np.testing.assert_allclose(shapely.area(frame.geometry).sum(), 360 * 180, rtol=1e-12)
    np.testing.assert_allclose(shapely.area(frame.union_all()), 360 * 180, rtol=1e-12)
    low = {None: west, "0..360": 0, "-180..180": -180}[longitudes]
    np.testing.assert_allclose(frame.total_bounds, [low, -90, low + 360, 90], rtol=1e-12)


@given(GLOBES, st.sampled_from(TURNS), st.sampled_from([0.0, -7.5]), st.sampled_from(BOUNDARIES))
def test_a_globe_gives_its_labels_back(labels, longitudes, west, boundary):
    raster = globe(labels, west=west)
    frame = fastkm.polygonize(raster, longitudes=longitudes, boundary=boundary)
    assert frame.is_valid.all()
    low = {None: west, "0..360": 0, "-180..180": -180}[longitudes]
    x, y = np.meshgrid(raster.lon, raster.lat)
    x = (x - low) % 360 + low
    np.testing.assert_array_equal(covered(frame, x, y), labels)


@given(GLOBES, st.sampled_from([4, 8]))
def test_regions_of_a_globe_do_not_depend_on_where_it_is_cut(labels, connectivity):
    frames = [
        fastkm.polygonize(
            globe(np.roll(labels, shift, axis=1), west=-shift * 360 / labels.shape[1]),
            longitudes="0..360",
            connectivity=connectivity,
        )
        for shift in (0, 1)
    ]
    polygons = [
        sorted((c, g.normalize().wkt) for c, g in zip(f.cluster, shapely.set_precision(
            f.geometry.array, 1e-6), strict=True))
        for f in frames
    ]  # fmt: skip
    assert polygons[0] == polygons[1]


def test_region_over_the_seam_is_one_and_is_cut_where_longitudes_end():
    labels = globe([[1, 0, 0, 1], [1, 0, 0, 1]])
    frame = fastkm.polygonize(labels)
    assert len(frame) == 2
    parts = frame.geometry[0].geoms
    assert [part.bounds for part in parts] == [(0, -90, 90, 90), (270, -90, 360, 90)]
    turned = fastkm.polygonize(labels, longitudes="-180..180")
    assert turned.geometry[0].bounds == (-90, -90, 90, 90)
    assert turned.geom_type.tolist() == ["Polygon", "MultiPolygon"]


def test_cells_centred_on_the_cut_are_cut_in_two():
    labels = placed([[1, 0, 2, 0]], [0.0], [0.0, 90, 180, 270])
    frame = fastkm.polygonize(labels, longitudes="-180..180").set_index("cluster")
    halves = frame.geometry[2].geoms
    assert sorted(part.bounds[::2] for part in halves) == [(-180, -135), (135, 180)]


def test_part_of_the_globe_across_the_antimeridian_is_cut_there():
    labels = placed([[1, 1, 1]], [0.0], [170.0, 180, 190])
    assert fastkm.polygonize(labels).geometry[0].bounds == (165, -0.5, 195, 0.5)
    [cut] = fastkm.polygonize(labels, longitudes="-180..180").geometry
    assert [part.bounds[::2] for part in cut.geoms] == [(165, 180), (-180, -165)]


@each_boundary
@pytest.mark.parametrize("longitudes", TURNS)
def test_rings_round_a_pole_cover_it_or_leave_it_out(boundary, longitudes):
    labels = rings_around_the_middle()
    frame = fastkm.polygonize(polar(labels), boundary=boundary, longitudes=longitudes)
    assert frame.is_valid.all()
    frame = frame.set_index("cluster")
    assert len(frame) == 3
    inside = {
        cluster: [bool(frame.geometry[cluster].covers(shapely.Point(x, y)))
                  for x, y in [(10, 89.9), (170, 89.9), (100, 80)]]
        for cluster in (1, 2)
    }  # fmt: skip
    assert inside == {1: [False, False, True], 2: [True, True, False]}


def test_belt_round_the_globe_is_closed_at_both_ends():
    cells = np.zeros((9, 12), int)
    cells[4] = 1
    frame = fastkm.polygonize(globe(cells)).set_index("cluster")
    assert frame.geometry[1].bounds == (0, -10, 360, 10)
    assert len(frame) == 3


@each_boundary
def test_a_round_curvilinear_grid_is_joined(boundary):
    longitude, latitude = np.meshgrid((np.arange(24) * 15 + 107.5) % 360, np.linspace(-75, 75, 8))
    latitude = latitude + 3 * np.sin(np.radians(2 * longitude))
    cells = np.zeros((8, 24), int)
    cells[3, :3], cells[3, -2:] = 1, 1
    frame = fastkm.polygonize(curvilinear(cells, latitude, longitude), boundary=boundary)
    assert frame["cluster"].tolist() == [0, 1]
    assert frame.is_valid.all()
    assert frame.geom_type.tolist()[1] == "Polygon"


@pytest.mark.parametrize(
    ("labels", "options", "message"),
    [
        ([1, 2], {}, r"two dimensions, got shape \(2,\)"),
        ([[1.5]], {}, "whole numbers"),
        ([[1]], {"boundary": "edge"}, "boundary must be one of 'cell', 'contour', got 'edge'"),
        ([[1]], {"connectivity": 6}, "connectivity must be 4 or 8, got 6"),
        ([[1]], {"longitudes": "180"}, "longitudes must be '0..360', '-180..180' or None"),
    ],
)
def test_bad_input_is_a_value_error_that_says_what_came(labels, options, message):
    with pytest.raises(ValueError, match=message):
        fastkm.polygonize(labels, **options)


@pytest.mark.parametrize("collects", [True, False])
def test_garbage_is_collected_afterwards_as_before(collects):
    was = gc.isenabled()
    try:
        (gc.enable if collects else gc.disable)()
        fastkm.polygonize([[0, 1], [1, 0]])
        assert gc.isenabled() == collects
    finally:
        (gc.enable if was else gc.disable)()


def test_clusters_and_paths_are_no_labels():
    clusters = fastkm.cluster_raster(xr.DataArray([[1.0, 9.0]], dims=("y", "x")), 2)
    with pytest.raises(TypeError, match=r"got RasterClusters: pass clusters.labels"):
        fastkm.polygonize(clusters)
    with pytest.raises(TypeError, match="labels must be a label map, got dict"):
        fastkm.polygonize({2: clusters})
    with pytest.raises(TypeError, match=r"read the file first: fastkm.read_raster\('a.nc'\)"):
        fastkm.polygonize("a.nc")


def test_words_are_no_labels():
    with pytest.raises(TypeError, match="labels must hold real numbers"):
        fastkm.polygonize([["a", "b"]])
