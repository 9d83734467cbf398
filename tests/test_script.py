"""The lesson's script, run as a user runs it."""

import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest

from fastkm.datasets import sample_dataset
from tests.conftest import needs_jit
from tests.small_files import write_basin, write_netcdf

SCRIPT = Path(__file__).parents[1] / "scripts" / "tpw_workflow.py"
FILES = {
    "clusters.png",
    "thresholded.png",
    "contours.png",
    "map.png",
    "summary.json",
    *(f"contour_test.{end}" for end in ("shp", "shx", "dbf", "prj", "cpg")),
}


def run(*arguments, folder=None):
    return subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=folder,
        env={**os.environ, "COLUMNS": "120"},
    )


def names(folder):
    return {file.name for file in folder.iterdir()}


@pytest.fixture(scope="module")
def on_sample(tmp_path_factory):
    folder = tmp_path_factory.mktemp("script") / "out"
    return run("--output", folder), folder


@pytest.fixture(scope="module")
def on_basin(tmp_path_factory):
    folder = tmp_path_factory.mktemp("basin")
    write_basin(folder / "basin.nc")
    return run(folder / "basin.nc", "--output", folder / "out"), folder / "out"


def assert_failed(done, expected):
    printed = done.stdout + done.stderr
    assert done.returncode == 1
    assert printed.startswith("tpw_workflow: ")
    assert expected in printed
    assert len(printed.strip().splitlines()) == 1


def test_script_leaves_its_files(on_basin):
    done, folder = on_basin
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert names(folder) == FILES
    for name in FILES:
        assert f"wrote {folder / name}" in done.stdout


def test_first_line_says_that_it_is_the_lesson_and_how_to_do_it_right(on_basin):
    first = on_basin[0].stdout.splitlines()[0]
    assert "lesson to the letter, fill values and all" in first
    assert "`fastkm cluster" in first


def test_script_prints_clusters_contours_and_times(on_basin):
    done, folder = on_basin
    summary = json.loads((folder / "summary.json").read_text())
    assert "water (kg m-2)" in done.stdout
    for found in summary["clusters"].values():
        assert f"{found['centroids'][-1]:.3f}" in done.stdout
    contours = summary["contours"]
    assert f"{contours['found']} contours, 0 longer than 200 pixels" in done.stdout
    for step, seconds in summary["seconds"].items():
        assert f"{seconds:8.3f} s  {step}" in done.stdout


def test_figures_are_images(on_basin):
    _, folder = on_basin
    for path in folder.glob("*.png"):
        header = path.read_bytes()[:24]
        assert header[:8] == b"\x89PNG\r\n\x1a\n"
        assert min(struct.unpack(">II", header[16:])) > 200


@needs_jit
class TestSample:
    def test_it_is_taken_where_no_file_is_named(self, on_sample):
        done, folder = on_sample
        assert done.returncode == 0, done.stderr
        assert names(folder) == {*FILES, "sample.nc"}
        assert "precipitable_water (kg m-2)" in done.stdout

    def test_every_file_left_is_told(self, on_sample):
        done, folder = on_sample
        assert f"wrote {folder / 'sample.nc'}" in done.stdout

    def test_moistest_cluster_has_one_long_contour(self, on_sample):
        done, folder = on_sample
        [kept] = json.loads((folder / "summary.json").read_text())["contours"]["kept"]
        assert f"{kept['points']} points, {kept['diameter_px']:.3f} pixels across" in done.stdout
        assert gpd.read_file(folder / "contour_test.shp", engine="pyogrio").crs.to_epsg() == 4326

    def test_fill_values_are_clustered_to_the_letter(self, on_sample):
        summary = json.loads((on_sample[1] / "summary.json").read_text())
        assert summary["clusters"]["6"]["centroids"][:2] == [-999, -500]
        assert summary["shape"] == list(sample_dataset()["precipitable_water"].shape[1:])


def test_missing_file_fails_with_a_sentence(tmp_path):
    done = run(tmp_path / "nowhere.nc", "--output", tmp_path / "out")
    assert_failed(done, "nowhere.nc: no such file")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_file_that_is_not_netcdf_fails_with_a_sentence(tmp_path):
    (tmp_path / "a.nc").write_text("hello")
    assert_failed(run(tmp_path / "a.nc", "--output", tmp_path / "out"), "cannot be read as netCDF")


@pytest.mark.slow
def test_several_variables_are_listed(tmp_path):
    more = {"ice": (np.zeros((2, 2)), {}, ("lat", "lon"))}
    path = write_netcdf(tmp_path / "a.nc", np.zeros((2, 2)), more=more)
    assert_failed(run(path, "--output", tmp_path / "out"), "ice, water")


def test_raster_of_too_few_values_fails_without_a_traceback(tmp_path):
    path = write_netcdf(tmp_path / "few.nc", np.tile([1.0, 2, 3], (4, 2)))
    done = run(path, "--output", tmp_path / "out")
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert "values" in done.stdout + done.stderr


@pytest.mark.slow
def test_unknown_option_is_wrong_usage():
    assert run("--colour").returncode == 2
