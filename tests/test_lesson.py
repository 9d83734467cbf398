"""The lesson with its published numbers, on a small raster, the sample and the real one."""

import json

import geopandas as gpd
import numpy as np
import pytest
import shapely

import fastkm
from fastkm.datasets.water_vapour import write_sample
from fastkm.lesson import lesson, lesson_contours, threshold
from tests.conftest import needs_jit
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
    steps = []
    return lesson(basin, folder, announce=steps.append), folder, steps


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
    summary, folder, _ = small_lesson
    assert names(folder) == LESSON_FILES
    assert not [file for file in folder.iterdir() if file.read_bytes() == b"old"]
    assert {file.name for file in summary["files"]} == LESSON_FILES
    assert len(summary["files"]) == len(LESSON_FILES)


def test_lesson_announces_and_times_each_step(small_lesson):
    summary, _, steps = small_lesson
    assert steps == LESSON_STEPS
    assert list(summary["seconds"]) == LESSON_STEPS
    assert all(0 <= seconds < 600 for seconds in summary["seconds"].values())


def test_summary_is_what_the_file_holds(small_lesson):
    summary, folder, _ = small_lesson
    stored = json.loads((folder / "summary.json").read_text())
    assert stored == {key: value for key, value in summary.items() if key != "files"}


def test_summary_has_its_keys_and_types(small_lesson, basin):
    summary, _, _ = small_lesson
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
    summary, _, _ = small_lesson
    assert summary["clusters"]["6"]["centroids"][:2] == [-999.0, -500.0]
    stored = fastkm.read_raster(basin, missing="keep").values
    for k, found in summary["clusters"].items():
        expected = fastkm.kmeans1d(stored, int(k))
        np.testing.assert_array_equal(found["centroids"], expected.centroids)
        assert found["inertia"] == expected.inertia


def test_lesson_that_keeps_no_contour_still_writes_its_shapefile(small_lesson):
    summary, folder, _ = small_lesson
    assert summary["contours"]["found"] > 0
    assert summary["contours"]["kept"] == []
    assert len(gpd.read_file(folder / "contour_test.shp", engine="pyogrio")) == 0


def test_figures_are_images_of_a_size_to_look_at(small_lesson):
    _, folder, _ = small_lesson
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
        [contour] = lesson_contours(threshold(labels, 6)).contours
        expected = np.column_stack([contour[:, 1] + 0.5, contour[:, 0] - 89.5])
        found = shapely.get_coordinates(frame.geometry[0])
        turned = shapely.Polygon(expected).normalize()
        assert frame.geometry[0].normalize().equals_exact(turned, 1e-9)
        assert len(found) in (894, 895)

    def test_published_map_gives_the_published_contour(self):
        with np.load(PUBLISHED) as published:
            traced = lesson_contours(published["thresholded"])
        assert traced.found == 25
        [contour], [diameter] = traced.contours, traced.diameters
        assert len(contour) == 915
        assert diameter == pytest.approx(244.295, abs=5e-4)


def test_threshold_of_one_cluster_and_of_missing_cells():
    np.testing.assert_array_equal(threshold(np.array([[0, 3], [-1, 1]]), 4), [[1, 2], [0, 0]])
    assert threshold(np.zeros((2, 2), int), 3).dtype == np.int8
