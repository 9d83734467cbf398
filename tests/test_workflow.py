"""Whole jobs on files: the lesson with its published numbers, clusters, outlines."""

import csv
import json
import struct

import geopandas as gpd
import netCDF4
import numpy as np
import pytest
import shapely
import xarray as xr

import fastkm
from fastkm.plot import map_figure
from fastkm.raster import write_sample
from fastkm.workflow import (
    Selection,
    chosen_cluster,
    cluster_file,
    lesson,
    lesson_contours,
    outline_file,
    threshold,
)
from tests.conftest import needs_jit
from tests.small_files import EAST, NORTH, PUBLISHED, REAL, write_basin, write_netcdf

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
needs_real = pytest.mark.skipif(
    not REAL.exists(), reason="the real raster is not part of the project"
)


def names(folder):
    return {file.name for file in folder.iterdir()}


def png_size(path):
    """Width and height from the header."""
    header = path.read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", header[16:])


@pytest.fixture(scope="module")
def basin(tmp_path_factory):
    return write_basin(tmp_path_factory.mktemp("basin") / "basin.nc")


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
    return lesson(folder / "sample.nc", folder / "out"), folder / "out"


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    folder = tmp_path_factory.mktemp("real") / "out"
    return lesson(REAL, folder), folder


# The lesson.


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


# Clusters.


def test_clusters_leave_their_files(basin, tmp_path):
    steps = []
    done = cluster_file(Selection(basin), [2, 4], tmp_path / "out", announce=steps.append)
    expected = ["labels_k2.nc", "labels_k4.nc", "clusters.csv", "clusters.png"]
    assert [file.name for file in done.files] == expected
    assert names(tmp_path / "out") == set(expected)
    assert len(steps) == 4
    assert list(done.results) == [2, 4]
    assert png_size(tmp_path / "out/clusters.png") > (500, 200)


def test_clusters_leave_missing_cells_out(basin, tmp_path):
    done = cluster_file(Selection(basin), [3], tmp_path)
    raster = fastkm.read_raster(basin)
    assert done.results[3].counts.sum() == raster.count()
    assert done.results[3].centroids.min() > 0
    labels = fastkm.read_raster(tmp_path / "labels_k3.nc")
    np.testing.assert_array_equal(labels.isnull(), raster.isnull())
    np.testing.assert_array_equal(labels, done.results[3].predict(raster).where(raster.notnull()))


def test_label_files_tell_where_they_come_from(basin, tmp_path):
    cluster_file(Selection(basin), [3], tmp_path)
    with netCDF4.Dataset(tmp_path / "labels_k3.nc") as file:
        assert file.source == "basin.nc: water"
        assert "kmeans1d" in file.history
        assert "k = 3" in file.history
    with xr.open_dataset(tmp_path / "labels_k3.nc") as file:
        assert str(file.time.dt.strftime("%Y-%m-%d").values) == "2009-10-16"


def test_table_has_a_row_a_cluster(basin, tmp_path):
    done = cluster_file(Selection(basin), [2, 3], tmp_path)
    with (tmp_path / "clusters.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["k"], row["cluster"]) for row in rows] == [
        ("2", "0"), ("2", "1"), ("3", "0"), ("3", "1"), ("3", "2"),
    ]  # fmt: skip
    for k, result in done.results.items():
        own = [row for row in rows if row["k"] == str(k)]
        assert [float(row["centroid"]) for row in own] == result.centroids.tolist()
        assert [int(row["cells"]) for row in own] == result.counts.tolist()
        assert [row["above"] for row in own] == ["", *map(str, result.breaks.tolist())]
        assert [row["up_to"] for row in own] == [*map(str, result.breaks.tolist()), ""]
        assert sum(float(row["share"]) for row in own) == pytest.approx(1)


def test_impossible_k_is_left_out_with_a_warning(tmp_path):
    path = write_netcdf(tmp_path / "few.nc", np.tile([1.0, 2, 3], (3, 1)))
    with pytest.warns(UserWarning, match="k = 4 is left out"):
        done = cluster_file(Selection(path), [3, 4], tmp_path / "out")
    assert list(done.results) == [3]
    assert "labels_k4.nc" not in names(tmp_path / "out")


def test_more_clusters_than_values_are_a_cluster_error(tmp_path):
    path = write_netcdf(tmp_path / "few.nc", np.tile([1.0, 2, 3], (3, 1)))
    with pytest.raises(fastkm.ClusterError):
        cluster_file(Selection(path), [9], tmp_path / "out")


def test_box_time_and_mask_go_through(basin, tmp_path):
    longitude = fastkm.read_raster(basin).longitude.values
    latitude = fastkm.read_raster(basin).latitude.values
    half = np.ones((12, 24), np.int8) * (latitude > 0)[:, None]
    coords = {"latitude": (latitude, NORTH), "longitude": (longitude, EAST)}
    dims = ("latitude", "longitude")
    mask = write_netcdf(tmp_path / "mask.nc", half, dims, coords=coords)
    box = (90.0, -30.0, 270.0, 60.0)
    done = cluster_file(Selection(basin, "water", "2009-10", box, mask), [2], tmp_path / "out")
    expected = fastkm.read_raster(basin, bbox=box)
    expected = expected.where(expected.latitude > 0)
    assert done.results[2].counts.sum() == expected.count()
    with xr.open_dataset(tmp_path / "out/labels_k2.nc") as labels:
        np.testing.assert_array_equal(labels.longitude, expected.longitude)
        np.testing.assert_array_equal(labels.cluster.isnull(), expected.isnull())


def test_unknown_time_writes_nothing(basin, tmp_path):
    with pytest.raises(ValueError, match="time"):
        cluster_file(Selection(basin, time=7), [2], tmp_path / "out")
    assert not (tmp_path / "out").exists()


# Outlines.


def test_outlines_are_written_and_drawn(basin, tmp_path):
    steps = []
    done = outline_file(
        Selection(basin), 3, "highest", tmp_path / "o/moist.gpkg", map_path=tmp_path / "o/map.png",
        announce=steps.append,
    )  # fmt: skip
    assert names(tmp_path / "o") == {"moist.gpkg", "map.png"}
    assert [file.name for file in done.files] == ["moist.gpkg", "map.png"]
    assert steps[-1] == "draw the map"
    assert png_size(tmp_path / "o/map.png") > (800, 400)
    found = gpd.read_file(tmp_path / "o/moist.gpkg", engine="pyogrio")
    assert len(found) == len(done.outlines) == 1
    assert found.crs.to_epsg() == 4326
    assert found["cluster"].tolist() == [2]
    assert found["value"][0] == done.result.centroids[2]


@pytest.mark.parametrize("select", ["highest", "lowest", 1])
def test_outlines_hold_the_cells_of_the_cluster(basin, tmp_path, select):
    done = outline_file(Selection(basin), 3, select, tmp_path / "a.geojson")
    cluster = {"highest": 2, "lowest": 0, 1: 1}[select]
    assert done.cluster == cluster
    raster = fastkm.read_raster(basin)
    longitude, latitude = np.meshgrid(raster.longitude, raster.latitude)
    inside = shapely.contains_xy(
        done.outlines.union_all(), longitude.astype(float), latitude.astype(float)
    )
    np.testing.assert_array_equal(inside, done.result.predict(raster) == cluster)


def test_all_parts_of_a_shapefile_are_listed(basin, tmp_path):
    done = outline_file(Selection(basin), 3, "highest", tmp_path / "a.shp")
    assert {file.name for file in done.files} == {
        f"a.{e}" for e in ("shp", "shx", "dbf", "prj", "cpg")
    }


def test_smallest_diameter_goes_through(basin, tmp_path):
    done = outline_file(Selection(basin), 3, 2, tmp_path / "a.gpkg", min_diameter=1e6)
    assert len(done.outlines) == 0
    assert len(gpd.read_file(tmp_path / "a.gpkg", engine="pyogrio")) == 0


def test_map_of_no_outlines_is_drawn(basin, tmp_path):
    outline_file(
        Selection(basin), 3, 2, tmp_path / "a.gpkg", min_diameter=1e6, map_path=tmp_path / "m.png"
    )
    assert png_size(tmp_path / "m.png") > (800, 400)


def test_box_and_mask_go_through_to_outlines(basin, tmp_path):
    box = (90.0, -30.0, 270.0, 60.0)
    mask = write_netcdf(
        tmp_path / "mask.nc",
        np.ones((12, 24), np.int8) * (np.arange(24) > 9),
        ("latitude", "longitude"),
        coords={
            "latitude": (np.linspace(-55, 55, 12), NORTH),
            "longitude": (np.arange(7.5, 360, 15), EAST),
        },
    )
    done = outline_file(Selection(basin, bbox=box, mask=mask), 1, 0, tmp_path / "a.gpkg")
    west, south, east, north = done.outlines.total_bounds
    assert (west, east) == (150, 270)
    assert (south, north) == (-30, 60)


def test_outlines_across_the_seam_have_a_crs(basin, tmp_path):
    done = outline_file(Selection(basin, bbox=(270, -60, 180, 60)), 3, 2, tmp_path / "a.gpkg")
    assert done.outlines.crs is not None
    assert done.outlines.crs.to_epsg() == 4326


@pytest.mark.filterwarnings("ignore:.*no coordinate reference system")
@pytest.mark.parametrize("extension", [".shp", ".gpkg", ".geojson"])
def test_projected_outlines_are_drawn_in_their_own_plane(tmp_path, monkeypatch, extension):
    figures = []

    def draw(*arguments, **options):
        figures.append(map_figure(*arguments, **options))
        return figures[-1]

    monkeypatch.setattr("fastkm.plot.map_figure", draw)
    coords = {
        "y": (np.arange(8) * 1000.0, {"units": "m"}),
        "x": (np.arange(9) * 1e3, {"units": "m"}),
    }
    path = write_netcdf(
        tmp_path / "in.nc", np.arange(72.0).reshape(8, 9), ("y", "x"), coords=coords
    )
    drawn = tmp_path / "map.png"
    done = outline_file(Selection(path), 2, 1, tmp_path / f"a{extension}", map_path=drawn)
    assert done.outlines.crs is None
    west, east = figures[0].axes[0].get_xlim()
    assert west < 0
    assert 8000 < east < 10_000


@pytest.mark.parametrize(
    ("select", "output", "message"),
    [
        ("top", "a.shp", "select must be"),
        (3, "a.shp", "select must be"),
        (0, "a.kml", "must end in"),
    ],
)
def test_wrong_choice_is_refused_before_anything_is_read(tmp_path, select, output, message):
    with pytest.raises(ValueError, match=message):
        outline_file(Selection(tmp_path / "nowhere.nc"), 3, select, tmp_path / output)


@pytest.mark.parametrize(
    ("select", "expected"),
    [("highest", 5), ("lowest", 0), (0, 0), (5, 5), ("3", 3), (np.int64(2), 2)],
)
def test_clusters_are_chosen_by_name_or_number(select, expected):
    assert chosen_cluster(select, 6) == expected


@pytest.mark.parametrize("select", ["", "Highest!", "-1", 6, -1, "1.5"])
def test_choice_that_is_none_is_refused(select):
    with pytest.raises(ValueError, match=r"select must be highest, lowest or 0 to 5, got"):
        chosen_cluster(select, 6)


def test_threshold_of_one_cluster_and_of_missing_cells():
    np.testing.assert_array_equal(threshold(np.array([[0, 3], [-1, 1]]), 4), [[1, 2], [0, 0]])
    assert threshold(np.zeros((2, 2), int), 3).dtype == np.int8
