"""`contours_to_frame` against the lesson's own rule."""

import numpy as np
import pytest
import shapely
import xarray as xr
from skimage.measure import find_contours

from fastkm.vector.contours import contours_to_frame
from tests.label_maps import placed

GAUSSIAN = np.array([-70.1, -52.3, -33.7, -12.9, 11.1, 30.5, 52.9, 70.7])
IRREGULAR = np.array([2.3, 15.1, 40.7, 61.9, 88.8, 120.1, 150.3, 170.9, 201.7, 230.3])


SQUARE = np.array([[0.0, 0], [0, 2], [2, 2], [2, 0], [0, 0]])


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


def figure_of_eight():
    """A contour that crosses itself at row 1, column 1."""
    return np.array([[0.0, 0], [2, 2], [2, 0], [0, 2], [0, 0]])


def test_a_contour_that_crosses_itself_stays_as_it_is_and_says_where():
    with pytest.warns(UserWarning, match=r"contour_1 .*Self-intersection\[1 1\].*make_valid"):
        frame = contours_to_frame([SQUARE, figure_of_eight()], placed(np.zeros((3, 3))))
    assert frame.is_valid.tolist() == [True, False]
    assert frame.geometry[1].equals_exact(shapely.Polygon(figure_of_eight()[:, ::-1]), 0)


def test_several_that_cross_themselves_are_counted():
    with pytest.warns(UserWarning, match=r"contour_0 .*, and 2 more:"):
        contours_to_frame([figure_of_eight()] * 3, placed(np.zeros((3, 3))))


def test_make_valid_mends_what_crosses_itself():
    frame = contours_to_frame(
        [SQUARE, figure_of_eight()], placed(np.zeros((3, 3))), make_valid=True
    )
    assert frame.is_valid.all()
    assert frame.geom_type.tolist() == ["Polygon", "MultiPolygon"]
    assert shapely.area(frame.geometry.array).tolist() == [4, 2]


def test_make_valid_leaves_lines_out():
    spike = np.array([[0.0, 0], [0, 2], [1, 2], [0, 2], [2, 0], [0, 0]])
    [polygon] = contours_to_frame([spike], placed(np.zeros((3, 3))), make_valid=True).geometry
    assert polygon.equals(shapely.Polygon([(0, 0), (2, 0), (0, 2)]))
