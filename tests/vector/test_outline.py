"""Outlines: `contours_to_frame` against the lesson's own rule, `outline` against its promises."""

import numpy as np
import pytest
import shapely
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.measure import find_contours

from fastkm.vector import contours_to_frame, outline

GAUSSIAN = np.array([-70.1, -52.3, -33.7, -12.9, 11.1, 30.5, 52.9, 70.7])
IRREGULAR = np.array([2.3, 15.1, 40.7, 61.9, 88.8, 120.1, 150.3, 170.9, 201.7, 230.3])


def placed(cells, latitude=None, longitude=None):
    cells = np.asarray(cells)
    latitude = np.arange(float(cells.shape[0])) if latitude is None else latitude
    longitude = np.arange(float(cells.shape[1])) if longitude is None else longitude
    return xr.DataArray(cells, {"lat": latitude, "lon": longitude}, ("lat", "lon"))


def lesson_coordinates(contour, latitude, longitude):
    """The lesson's loop, its names apart."""
    points = []
    for row, column in contour:
        if int(row) == row:
            y = latitude[int(row)]
        else:
            y = (latitude[int(row)] + latitude[int(row) + 1]) / 2.0
        if int(column) == column:
            x = longitude[int(column)]
        else:
            x = (longitude[int(column)] + longitude[int(column) + 1]) / 2.0
        points.append([x, y])
    return points


@pytest.fixture
def thresholded():
    """Classes 0, 1 and 2 in patches that touch each other and the edges."""
    rng = np.random.default_rng(3)
    return np.kron(rng.integers(0, 3, (4, 5)), np.ones((2, 2), int)).astype(float)


# contours_to_frame


@pytest.mark.parametrize("latitude", [GAUSSIAN, GAUSSIAN[::-1], np.arange(-3.5, 4)])
def test_contours_get_the_coordinates_of_the_lesson_to_the_vertex(thresholded, latitude):
    raster = placed(thresholded, latitude, IRREGULAR)
    contours = [contour for contour in find_contours(thresholded, 1.0) if len(contour) >= 4]
    assert len(contours) > 1
    frame = contours_to_frame(contours, raster)
    for contour, polygon in zip(contours, frame.geometry, strict=True):
        expected = shapely.Polygon(lesson_coordinates(contour, latitude, IRREGULAR))
        np.testing.assert_array_equal(
            shapely.get_coordinates(polygon), shapely.get_coordinates(expected)
        )


def test_contours_are_named_in_order_and_in_wgs84():
    ring = np.array([[0.0, 0], [0, 1], [1, 0], [0, 0]])
    frame = contours_to_frame([ring, ring + 0.5], placed(np.zeros((3, 3))))
    assert list(frame.columns) == ["idx_name", "geometry"]
    assert list(frame.idx_name) == ["contour_0", "contour_1"]
    assert frame.crs.to_epsg() == 4326


def test_contour_that_is_open_is_closed_by_a_straight_line():
    frame = contours_to_frame([np.array([[0.0, 0], [0, 2], [2, 2]])], placed(np.zeros((3, 3))))
    assert frame.geometry[0].equals(shapely.Polygon([(0, 0), (2, 0), (2, 2)]))


def test_no_contours_give_an_empty_frame_with_the_columns():
    frame = contours_to_frame([], placed(np.zeros((3, 3))))
    assert len(frame) == 0
    assert list(frame.columns) == ["idx_name", "geometry"]
    assert frame.crs.to_epsg() == 4326


def test_contours_of_a_projected_raster_have_no_crs():
    coords = {"y": ("y", [0.0, 1000, 2000], {"units": "m"}), "x": ("x", [0.0, 1000, 2000])}
    raster = xr.DataArray(np.zeros((3, 3)), coords, ("y", "x"))
    frame = contours_to_frame([np.array([[0.0, 0], [0, 2], [2, 2]])], raster)
    assert frame.crs is None
    assert frame.geometry[0].bounds == (0, 0, 2000, 2000)


# outline


def outlined(cells, *, cluster=1, min_diameter=0.0, **coords):
    return outline(placed(cells, **coords), cluster, centroid=3.5, min_diameter=min_diameter)


def grid_points(shape):
    rows, columns = np.indices(shape)
    return columns.ravel().astype(float), rows.ravel().astype(float)


def covered(frame, shape):
    """Which cell centres the polygons cover, and how often."""
    counts = np.zeros(shape, int)
    for polygon in frame.geometry:
        counts += shapely.contains_xy(polygon, *grid_points(shape)).reshape(shape)
    return counts


def test_columns_are_typed_and_rows_carry_cluster_value_and_diameter():
    frame = outlined([[0, 0, 0], [0, 2, 0], [0, 0, 0]], cluster=2)
    assert list(frame.columns) == ["cluster", "value", "diameter_px", "geometry"]
    assert [str(kind) for kind in frame.dtypes] == ["int64", "float64", "float64", "geometry"]
    assert frame.crs.to_epsg() == 4326
    assert frame.drop(columns="geometry").to_numpy().tolist() == [[2, 3.5, 1.0]]


def test_single_cell_is_a_diamond_around_its_centre():
    [polygon] = outlined([[0, 0, 0], [0, 1, 0], [0, 0, 0]]).geometry
    assert polygon.equals(shapely.Polygon([(0.5, 1), (1, 1.5), (1.5, 1), (1, 0.5)]))


def test_single_cell_that_is_the_whole_array():
    [polygon] = outlined([[1]]).geometry
    assert polygon.equals(shapely.Polygon([(-0.5, 0), (0, 0.5), (0.5, 0), (0, -0.5)]))


def test_hole_is_cut_out():
    cells = np.ones((5, 5), int)
    cells[2, 2] = 0
    [polygon] = outlined(cells).geometry
    assert len(polygon.interiors) == 1
    assert not polygon.contains(shapely.Point(2, 2))


def test_rings_in_rings_are_regions_of_their_own():
    cells = np.zeros((9, 9), int)
    cells[1:-1, 1:-1], cells[2:-2, 2:-2], cells[4, 4] = 1, 0, 1
    frame = outlined(cells)
    assert len(frame) == 2
    assert [len(polygon.interiors) for polygon in frame.geometry] == [1, 0]
    np.testing.assert_array_equal(covered(frame, cells.shape), cells)


def test_region_at_the_edge_is_closed_along_it():
    cells = np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 1]])
    frame = outlined(cells)
    assert frame.geometry.is_valid.all()
    np.testing.assert_allclose(frame.geometry[0].bounds, (-0.5, -0.5, 1.5, 1.5))
    np.testing.assert_array_equal(covered(frame, cells.shape), cells)


def test_whole_array_is_one_polygon_out_to_the_edges_of_the_cells():
    [polygon] = outlined(np.ones((18, 36), int), latitude=np.arange(-85, 90, 10.0),
                         longitude=np.arange(5, 360, 10.0)).geometry  # fmt: skip
    assert polygon.bounds == (0, -90, 360, 90)
    assert polygon.is_valid


def test_cells_that_touch_at_a_corner_only_are_two_regions():
    frame = outlined([[1, 0], [0, 1]])
    assert len(frame) == 2
    assert frame.geometry.is_valid.all()


def test_missing_cells_belong_to_no_other_cluster():
    cells = np.array([[-1, -1, 0], [-1, 0, 0], [1, 1, 1]])
    np.testing.assert_array_equal(covered(outlined(cells, cluster=0), cells.shape), cells == 0)


@pytest.mark.parametrize(
    "cells", [np.zeros((3, 4), int), np.full((3, 4), -1), np.zeros((1, 1), int)]
)
def test_cluster_without_cells_gives_an_empty_frame_with_the_columns(cells):
    frame = outlined(cells)
    assert len(frame) == 0
    assert list(frame.columns) == ["cluster", "value", "diameter_px", "geometry"]
    assert frame.crs.to_epsg() == 4326
    assert frame.dtypes["cluster"] == np.int64


def three_bars():
    cells = np.zeros((7, 12), int)
    cells[1, 1:4], cells[3, 1:10], cells[5, 1:6] = 1, 1, 1
    return cells


def test_longest_comes_first():
    frame = outlined(three_bars())
    np.testing.assert_allclose(frame.diameter_px, [9, 5, 3])
    assert [polygon.bounds[1] for polygon in frame.geometry] == [2.5, 4.5, 0.5]


@pytest.mark.parametrize(("limit", "kept"), [(2.999, 3), (3.0, 2), (5.0, 1), (9.0, 0), (1e9, 0)])
def test_diameter_must_exceed_the_limit(limit, kept):
    assert len(outlined(three_bars(), min_diameter=limit)) == kept


def test_diameter_is_in_pixels_whatever_the_coordinates():
    frame = outlined(three_bars(), latitude=np.arange(7) * 5.0, longitude=np.arange(12) * 0.25)
    np.testing.assert_allclose(frame.diameter_px, [9, 5, 3])


def test_area_of_a_box_is_that_of_its_cells_less_the_corners():
    cells = np.zeros((60, 80), int)
    cells[10:50, 10:70] = 1
    [polygon] = outlined(cells).geometry
    np.testing.assert_allclose(polygon.area, 40 * 60 - 4 * 0.125)


@pytest.mark.parametrize("rows", [slice(None), slice(None, None, -1)])
def test_latitudes_of_either_direction_give_the_same_valid_polygons(rows):
    rng = np.random.default_rng(5)
    cells = (rng.random((8, 10)) < 0.6).astype(int)
    frame = outlined(cells[rows], latitude=GAUSSIAN[rows], longitude=IRREGULAR)
    assert frame.geometry.is_valid.all()
    ascending = outlined(cells, latitude=GAUSSIAN, longitude=IRREGULAR)
    assert frame.union_all().equals(ascending.union_all())


@pytest.mark.parametrize("latitude", [np.linspace(-90, 90, 7), np.linspace(90, -90, 7)])
def test_polygons_stay_valid_where_cells_are_centred_on_the_poles(latitude):
    rng = np.random.default_rng(11)
    cells = (rng.random((7, 12)) < 0.6).astype(int)
    frame = outlined(cells, latitude=latitude, longitude=np.arange(0, 360, 30.0))
    assert frame.geometry.is_valid.all()
    assert np.abs(frame.total_bounds[[1, 3]]).max() <= 90


def test_order_of_the_dimensions_does_not_matter():
    labels = placed([[0, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0]])
    [expected] = outline(labels, 1, centroid=0.0).geometry
    [polygon] = outline(labels.transpose("lon", "lat"), 1, centroid=0.0).geometry
    assert polygon.equals(expected)


def test_projected_labels_have_no_crs():
    labels = placed([[1, 0], [0, 0]]).rename(lat="y", lon="x")
    assert outline(labels, 1, centroid=0.0).crs is None


images = arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9)))


@given(images)
def test_polygons_cover_the_inside_cells_once_and_no_others(image):
    frame = outlined(image.astype(int))
    np.testing.assert_array_equal(covered(frame, image.shape), image.astype(int))


@given(images)
def test_polygons_are_valid_and_do_not_overlap(image):
    frame = outlined(image.astype(int))
    assert frame.geometry.is_valid.all()
    assert (frame.geometry.geom_type == "Polygon").all()
    apart = shapely.area(np.asarray(frame.geometry)).sum()
    np.testing.assert_allclose(shapely.area(frame.union_all()), apart, atol=1e-9)


@given(images)
def test_diameters_are_those_of_the_exteriors_and_fall(image):
    frame = outlined(image.astype(int))
    for polygon, diameter in zip(frame.geometry, frame.diameter_px, strict=True):
        corners = shapely.get_coordinates(polygon.exterior)
        farthest = np.hypot(*(corners[:, None] - corners[None]).transpose(2, 0, 1)).max()
        np.testing.assert_allclose(diameter, farthest, rtol=1e-12)
    assert (np.diff(frame.diameter_px) <= 0).all()
