"""The lesson with its published numbers, on a small raster, the sample and the real one."""

import json
from itertools import pairwise

import geopandas as gpd
import numpy as np
import pytest
import shapely
import xarray as xr
from skimage.measure import find_contours

import fastkm
from fastkm.datasets import write_sample
from fastkm.plot import draw_raster
from scripts.tpw_workflow import (
    draw_contours,
    draw_thresholded,
    lesson,
    threshold,
    title_map,
    to_polygons,
    trace_long_contours,
    unpack,
)
from tests.conftest import needs_jit
from tests.label_maps import placed
from tests.plot.conftest import make_raster
from tests.plot.test_figures import assert_tidy
from tests.plot.test_figures import png_size as figure_size
from tests.small_files import PUBLISHED, REAL, names, png_size, write_netcdf

LESSON_FILES = {
    "clusters.png",
    "thresholded.png",
    "contours.png",
    "map.png",
    "summary.json",
    *(f"contour_test.{end}" for end in ("shp", "shx", "dbf", "prj", "cpg")),
}
LESSON_STEPS = [
    "read the raster",
    "cluster, k = 2 ... 8",
    "label the cells",
    "keep land and the moistest cluster",
    "trace contours and measure them",
    "write the shapefile",
    "draw the figures",
    "draw the shapefile on a map",
]
NOT_VALID = r"contour_0 is not a valid polygon, Ring Self-intersection.*mend it with make_valid"
needs_real = pytest.mark.skipif(
    not REAL.exists(), reason="the real raster is not part of the project"
)


@pytest.fixture(scope="module")
def small_lesson(basin, tmp_path_factory):
    """The lesson on a raster so small that no contour is long enough, where old files stand."""
    folder = tmp_path_factory.mktemp("lesson")
    for name in LESSON_FILES:
        (folder / name).write_text("old")
    return lesson(basin, folder), folder


@pytest.fixture(scope="module")
def sample_lesson(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder / "sample.nc")
    with pytest.warns(UserWarning, match=NOT_VALID):
        summary = lesson(folder / "sample.nc", folder / "out")
    return summary, folder / "out"


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    folder = tmp_path_factory.mktemp("real") / "out"
    with pytest.warns(UserWarning, match=NOT_VALID):
        summary = lesson(REAL, folder)
    return summary, folder


def test_lesson_leaves_its_files_and_no_others(small_lesson):
    summary, folder = small_lesson
    assert names(folder) == LESSON_FILES
    assert not [file for file in folder.iterdir() if file.read_bytes() == b"old"]
    assert {file.name for file in summary["files"]} == LESSON_FILES
    assert len(summary["files"]) == len(LESSON_FILES)


def test_lesson_times_each_step(small_lesson):
    summary, _ = small_lesson
    assert list(summary["seconds"]) == LESSON_STEPS
    assert all(0 <= seconds < 600 for seconds in summary["seconds"].values())


def test_summary_is_what_the_file_holds(small_lesson):
    summary, folder = small_lesson
    stored = json.loads((folder / "summary.json").read_text())
    assert stored == {key: value for key, value in summary.items() if key != "files"}


def test_summary_has_its_keys_and_types(small_lesson, basin):
    summary, _ = small_lesson
    assert list(summary) == [
        "fastkm", "variable", "units", "shape", "clusters", "contours", "seconds", "files",
    ]  # fmt: skip
    assert summary["fastkm"] == fastkm.__version__
    assert summary["variable"] == "water"
    assert summary["units"] == "kg m-2"
    assert summary["shape"] == [12, 24]
    assert list(summary["clusters"]) == ["2", "3", "4", "5", "6", "7", "8"]
    for k, found in summary["clusters"].items():
        assert len(found["centroids"]) == int(k)
        assert found["centroids"] == sorted(found["centroids"])
        assert type(found["inertia"]) is float
    assert summary["contours"]["level"] == 1.0
    assert summary["contours"]["min_diameter_px"] == 200.0
    assert type(summary["contours"]["found"]) is int


def test_lesson_clusters_fill_values_too(small_lesson, basin):
    summary, _ = small_lesson
    assert summary["clusters"]["6"]["centroids"][:2] == [-999.0, -500.0]
    stored = fastkm.read_raster(basin, missing="keep").values
    for k, found in summary["clusters"].items():
        expected = fastkm.kmeans1d(stored, int(k))
        np.testing.assert_array_equal(found["centroids"], expected.centroids)
        assert found["inertia"] == expected.inertia


def test_lesson_that_keeps_no_contour_still_writes_its_shapefile(small_lesson):
    summary, folder = small_lesson
    assert summary["contours"]["found"] > 0
    assert summary["contours"]["kept"] == []
    assert len(gpd.read_file(folder / "contour_test.shp", engine="pyogrio")) == 0


def test_figures_are_images_of_a_size_to_look_at(small_lesson):
    _, folder = small_lesson
    for path in folder.glob("*.png"):
        width, height = png_size(path)
        assert 500 < width < 4000, path.name
        assert 200 < height < 4000, path.name


def test_lesson_of_too_few_distinct_values_is_a_cluster_error(tmp_path):
    values = np.tile([1.0, 2, 3, 4], (4, 2))
    path = write_netcdf(tmp_path / "few.nc", values)
    with (
        pytest.warns(UserWarning, match="only 4 distinct values"),
        pytest.raises(fastkm.ClusterError, match="values"),
    ):
        lesson(path, tmp_path / "out")


def test_lesson_takes_the_variable_named(tmp_path, basin):
    path = write_netcdf(tmp_path / "two.nc", np.zeros((2, 2)), more={
        "ice": (np.zeros((2, 2)), {}, ("lat", "lon"))
    })  # fmt: skip
    with pytest.raises(ValueError, match="ice, water"):
        lesson(path, tmp_path / "out")
    with pytest.raises(fastkm.ClusterError):
        lesson(path, tmp_path / "out", variable="ice")


@needs_jit
class TestLessonOnTheSample:
    def test_files(self, sample_lesson):
        _, folder = sample_lesson
        assert names(folder) == LESSON_FILES

    def test_one_long_contour(self, sample_lesson):
        summary, folder = sample_lesson
        [kept] = summary["contours"]["kept"]
        assert kept["diameter_px"] > 200
        frame = gpd.read_file(folder / "contour_test.shp", engine="pyogrio")
        assert frame.idx_name.tolist() == ["contour_0"]
        assert frame.crs.to_epsg() == 4326
        west, south, east, north = frame.total_bounds
        assert 0 <= west < east <= 360
        assert -40 < south < north < 40
        assert not frame.is_valid.any()

    def test_make_valid_mends_the_contour(self, sample_lesson, tmp_path):
        lesson(sample_lesson[1].parent / "sample.nc", tmp_path, make_valid=True)
        frame = gpd.read_file(tmp_path / "contour_test.shp", engine="pyogrio")
        assert frame.is_valid.all()
        whole = gpd.read_file(sample_lesson[1] / "contour_test.shp", engine="pyogrio")
        assert shapely.area(frame.geometry.array) == pytest.approx(
            shapely.area(shapely.make_valid(whole.geometry.array))
        )


@needs_real
@needs_jit
class TestLessonOnTheRealRaster:
    def test_six_optimal_centroids(self, real):
        expected = [-999, -500, 11.288, 21.722, 35.539, 50.751]
        np.testing.assert_allclose(real[0]["clusters"]["6"]["centroids"], expected, atol=5e-4)

    def test_contours(self, real):
        contours = real[0]["contours"]
        assert contours["found"] == 25
        [kept] = contours["kept"]
        assert kept["points"] == 894
        assert kept["diameter_px"] == pytest.approx(244.248, abs=5e-4)

    def test_shapefile_holds_the_contour_to_the_vertex(self, real):
        frame = gpd.read_file(real[1] / "contour_test.shp", engine="pyogrio")
        stored = fastkm.read_raster(REAL, missing="keep")
        labels = fastkm.kmeans1d(stored.values, 6).predict(stored.values)
        [contour], _, _ = trace_long_contours(threshold(labels, 6))
        expected = np.column_stack([contour[:, 1] + 0.5, contour[:, 0] - 89.5])
        found = shapely.get_coordinates(frame.geometry[0])
        turned = shapely.Polygon(expected).normalize()
        assert frame.geometry[0].normalize().equals_exact(turned, 1e-9)
        assert len(found) in (894, 895)

    def test_published_map_gives_the_published_contour(self):
        with np.load(PUBLISHED) as published:
            [contour], [diameter], found = trace_long_contours(published["thresholded"])
        assert found == 25
        assert len(contour) == 915
        assert diameter == pytest.approx(244.295, abs=5e-4)


def test_threshold_of_one_cluster_and_of_missing_cells():
    np.testing.assert_array_equal(threshold(np.array([[0, 3], [-1, 1]]), 4), [[1, 2], [0, 0]])
    assert threshold(np.zeros((2, 2), int), 3).dtype == np.int8


def test_packed_numbers_are_unpacked_fill_values_and_all(tmp_path):
    stored = np.array([[1, -99], [3, 4]], "i2")
    packing = {"_FillValue": np.int16(-99), "scale_factor": np.float32(0.5), "add_offset": 10}
    path = write_netcdf(tmp_path / "packed.nc", stored, **packing)
    cells = unpack(fastkm.read_raster(path, missing="keep"))
    np.testing.assert_array_equal(cells, [[10.5, -39.5], [11.5, 12]])


# Polygons, against the lesson's own rule


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
    frame = to_polygons(contours, raster)
    for contour, polygon in zip(contours, frame.geometry, strict=True):
        expected = shapely.Polygon(lesson_coordinates(contour, latitude, IRREGULAR))
        np.testing.assert_array_equal(
            shapely.get_coordinates(polygon), shapely.get_coordinates(expected)
        )


def test_contours_are_named_in_order_and_in_wgs84():
    ring = np.array([[0.0, 0], [0, 1], [1, 0], [0, 0]])
    frame = to_polygons([ring, ring + 0.5], placed(np.zeros((3, 3))))
    assert list(frame.columns) == ["idx_name", "geometry"]
    assert list(frame.idx_name) == ["contour_0", "contour_1"]
    assert frame.crs.to_epsg() == 4326


def test_contour_that_is_open_is_closed_by_a_straight_line():
    frame = to_polygons([np.array([[0.0, 0], [0, 2], [2, 2]])], placed(np.zeros((3, 3))))
    assert frame.geometry[0].equals(shapely.Polygon([(0, 0), (2, 0), (2, 2)]))


def test_no_contours_give_an_empty_frame_with_the_columns():
    frame = to_polygons([], placed(np.zeros((3, 3))))
    assert len(frame) == 0
    assert list(frame.columns) == ["idx_name", "geometry"]
    assert frame.crs.to_epsg() == 4326


def test_contours_of_a_projected_raster_have_no_crs():
    coords = {"y": ("y", [0.0, 1000, 2000], {"units": "m"}), "x": ("x", [0.0, 1000, 2000])}
    raster = xr.DataArray(np.zeros((3, 3)), coords, ("y", "x"))
    frame = to_polygons([np.array([[0.0, 0], [0, 2], [2, 2]])], raster)
    assert frame.crs is None
    assert frame.geometry[0].bounds == (0, 0, 2000, 2000)


def figure_of_eight():
    """A contour that crosses itself at row 1, column 1."""
    return np.array([[0.0, 0], [2, 2], [2, 0], [0, 2], [0, 0]])


def test_a_contour_that_crosses_itself_stays_as_it_is_and_says_where():
    with pytest.warns(UserWarning, match=r"contour_1 .*Self-intersection\[1 1\].*make_valid"):
        frame = to_polygons([SQUARE, figure_of_eight()], placed(np.zeros((3, 3))))
    assert frame.is_valid.tolist() == [True, False]
    assert frame.geometry[1].equals_exact(shapely.Polygon(figure_of_eight()[:, ::-1]), 0)


def test_several_that_cross_themselves_are_counted():
    with pytest.warns(UserWarning, match=r"contour_0 .*, and 2 more:"):
        to_polygons([figure_of_eight()] * 3, placed(np.zeros((3, 3))))


def test_make_valid_mends_what_crosses_itself():
    frame = to_polygons([SQUARE, figure_of_eight()], placed(np.zeros((3, 3))), make_valid=True)
    assert frame.is_valid.all()
    assert frame.geom_type.tolist() == ["Polygon", "MultiPolygon"]
    assert shapely.area(frame.geometry.array).tolist() == [4, 2]


def test_make_valid_leaves_lines_out():
    spike = np.array([[0.0, 0], [0, 2], [1, 2], [0, 2], [2, 0], [0, 0]])
    [polygon] = to_polygons([spike], placed(np.zeros((3, 3))), make_valid=True).geometry
    assert polygon.equals(shapely.Polygon([(0, 0), (2, 0), (0, 2)]))


# Figures


@pytest.fixture
def world():
    return make_raster(np.arange(-85.0, 90, 10), np.arange(5.0, 360, 10))


def test_thresholded_figure_is_three_aligned_panels(world):
    bands = np.digitize(world.latitude, [-30, 30])[:, None] + np.zeros(world.shape, int)
    labels = world.copy(data=bands)
    figure = draw_thresholded(world, labels, [11.3, 21.7, 50.8], labels)
    assert_tidy(figure)
    frames = [ax.get_window_extent() for ax in figure.axes]
    assert len(frames) == 3
    assert np.ptp([frame.x0 for frame in frames]) < 1
    assert np.ptp([frame.x1 for frame in frames]) < 1
    gaps = [high.y0 - low.y1 for high, low in pairwise(frames)]
    assert max(gaps) < 0.25 * frames[0].height
    assert figure.axes[0].get_shared_x_axes().joined(figure.axes[0], figure.axes[2])
    texts = [t.get_text() for t in figure.axes[2].images[0].colorbar.ax.get_yticklabels()]
    assert texts == ["other", "land", "moistest"]
    assert figure.axes[2].get_title() == "kept: land, moistest"


@pytest.mark.parametrize("north_first", [False, True])
def test_contours_lie_on_their_cells(world, north_first):
    raster = world[::-1] if north_first else world
    figure = draw_contours(raster, [np.array([[2.0, 30.0], [4.5, 31.0]])])
    [ax] = figure.axes
    [line] = ax.lines
    assert line.get_xydata().tolist() == [[30, 2], [31, 4.5]]
    assert line.get_color() == "black"
    bare = draw_contours(raster, []).axes[0]
    draw_raster(bare, raster)
    assert (ax.get_xlim(), ax.get_ylim()) == (bare.get_xlim(), bare.get_ylim())
    assert_tidy(figure)
    width, height = figure_size(figure, bbox_inches="tight")
    assert 1.5 < width / height < 3


@needs_real
def test_figure_of_the_real_raster():
    with xr.open_dataset(REAL, mask_and_scale=False) as dataset:
        raw = dataset.precipitable_water[0].load()
    raster = raw.where((raw >= 0) & (raw <= 75)).assign_attrs(raw.attrs)
    with np.load(PUBLISHED) as published:
        kept = raw.copy(data=published["thresholded"])
    centroids = [-999.0, -500.0, 11.288, 21.722, 35.539, 50.751]
    edges = np.add(centroids[1:], centroids[:-1]) / 2
    labels = raw.copy(data=np.digitize(raw, edges))
    figure = draw_thresholded(raster, labels, centroids, kept)
    assert_tidy(figure)
    image = figure.axes[0].images[0]
    np.testing.assert_array_equal(image.get_array().mask, raw.values < 0)
    assert [ax.get_title() for ax in figure.axes][1:] == ["6 clusters", "kept: land, moistest"]


def test_the_map_says_what_it_shows_and_when():
    raster = xr.DataArray(np.zeros((2, 3)), name="tpw")
    assert title_map(raster) == "tpw: the moistest"
    raster = raster.assign_attrs(long_name="Water").assign_coords(time=np.datetime64("2009-10-16"))
    assert title_map(raster) == "Water: the moistest, 2009-10-16"
