"""``nodata=`` and ``--nodata``: missing values that a file does not declare."""

import json

import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

import fastkm
from fastkm.cli.commands import app
from fastkm.raster.io.describe.variables import describe_variables
from fastkm.raster.io.read_bands import read_stack
from fastkm.workflows.archive.options import ArchiveOptions
from tests.small_archives import write_month, write_packed
from tests.small_files import EAST, NORTH, write_netcdf
from tests.small_tiffs import write_tiff

nan, inf = np.nan, np.inf
FLOATS = np.array([[0, 1, -9999.5, 5], [inf, -inf, 127.5, 6]], "f4")
SHORTS = np.array([[0, 10, -9999, 50], [12, -1, 127, 60]], "i2")
CASES = {
    "floats": (FLOATS, {}, -9999.5, np.float32(-9999.5) == FLOATS),
    "several floats": (FLOATS, {}, [5, 6], np.isin(FLOATS, [5, 6])),
    "infinities": (FLOATS, {}, inf, np.isinf(FLOATS)),
    "integers": (SHORTS, {}, -9999, SHORTS == -9999),
    "no integer": (SHORTS, {}, 0.5, SHORTS == 0.5),
    "packed as stored": (SHORTS, {"scale_factor": 0.5}, -9999, SHORTS == -9999),
    "packed as seen": (SHORTS, {"scale_factor": 0.5}, -4999.5, SHORTS == -9999),
    "beside a fill value": (SHORTS, {"_FillValue": np.int16(-1)}, 0, SHORTS == 0),
}
each_case = pytest.mark.parametrize(
    ("stored", "attrs", "nodata", "gone"), CASES.values(), ids=CASES
)


@each_case
def test_declared_cells_are_missing(tmp_path, stored, attrs, nodata, gone):
    path = write_netcdf(tmp_path / "a.nc", stored, **attrs)
    before = fastkm.read_raster(path)
    wanted = before.where(~gone).values
    raster = fastkm.read_raster(path, nodata=nodata)
    np.testing.assert_array_equal(raster.values, wanted)
    assert raster.attrs == before.attrs
    np.testing.assert_array_equal(read_stack(path, nodata=nodata).values, wanted)
    kept = fastkm.read_raster(path, missing="keep", nodata=nodata)
    np.testing.assert_array_equal(kept.values, stored)
    [described] = describe_variables(path, nodata=nodata)
    assert described.missing.get("nodata", 0) == gone.sum()
    assert described.valid == np.sum(~np.isnan(wanted))


@each_case
def test_stored_numbers_know_what_is_missing(tmp_path, stored, attrs, nodata, gone):
    path = write_netcdf(tmp_path / "a.nc", stored, **attrs)
    nodata = [*np.ravel(nodata), inf]
    kept = fastkm.kmeans1d(fastkm.read_raster(path, missing="keep", nodata=nodata), 2)
    masked = fastkm.kmeans1d(fastkm.read_raster(path, nodata=nodata), 2)
    np.testing.assert_allclose(kept.centroids, masked.centroids)
    assert kept.counts.tolist() == masked.counts.tolist()


@pytest.mark.parametrize(("nodata", "gone"), [(-9999, 1), (6.0, 1), ([0, 60], 2), (0.25, 0)])
@pytest.mark.parametrize("declared", [None, -1])
def test_bands_of_a_geotiff(tmp_path, nodata, gone, declared):
    scale = {"scales": [0.5], "offsets": [1.0]}
    path = write_tiff(tmp_path / "a.tif", SHORTS, nodata=declared, **scale)
    before, raster = fastkm.read_raster(path), fastkm.read_raster(path, nodata=nodata)
    assert raster.isnull().sum() - before.isnull().sum() == gone
    assert describe_variables(path, nodata=nodata)[0].missing.get("nodata", 0) == gone
    kept = fastkm.read_raster(path, missing="keep", nodata=nodata)
    assert fastkm.kmeans1d(kept, 2).counts.sum() == raster.notnull().sum()
    stack = read_stack(write_tiff(tmp_path / "b.tif", [SHORTS, SHORTS + 1]), nodata=[0, -9999])
    assert stack.isnull().sum(["x", "y"]).values.tolist() == [2, 1]


def test_coordinates_keep_their_numbers(tmp_path):
    near = np.zeros((2, 4)), {"units": "degrees_north"}, ("lat", "lon")
    east = np.tile(np.arange(4.0), (2, 1)), {"units": "degrees_east"}, ("lat", "lon")
    more = {"north": near, "east": east}
    path = write_netcdf(tmp_path / "a.nc", SHORTS, more=more, coordinates="north east")
    raster = fastkm.read_raster(path, "water", nodata=0)
    assert raster.isnull().sum() == 1
    assert not raster["north"].isnull().any()


@pytest.mark.parametrize("missing", ["mask", "keep"])
def test_archives(tmp_path, missing):
    months = [write_month(tmp_path / f"{m}.nc", m, missing_value=None) for m in range(2)]
    whole = fastkm.open_archive(months, missing=missing)
    value = float(fastkm.read_raster(months[0]).max())
    lazy = fastkm.open_archive(months, missing=missing, nodata=[value, inf])
    counts = [fastkm.kmeans1d(each, 2).counts.sum() for each in (whole, lazy)]
    assert counts[0] - counts[1] == 1
    packed = [write_packed(tmp_path / f"p{m}.nc", m + 5) for m in range(2)]
    lazy = fastkm.open_archive([*months, *packed], missing=missing, nodata=20.15)
    assert np.isnan(lazy.values[2]).sum() - np.isnan(lazy.values[3]).sum() == 1


def test_options_of_an_archive_are_valid_json():
    described = ArchiveOptions(ks=(2,), nodata=(-9.0, inf)).describe()
    assert described["nodata"] == [-9.0, "inf"]
    json.dumps(described, allow_nan=False)


# The command


def run(*words):
    return CliRunner().invoke(app, [*map(str, words)])


@pytest.fixture
def water(tmp_path):
    coords = {"lat": ([-9.0, 9.0], NORTH), "lon": ([0.0, 9, 18, 27], EAST)}
    return write_netcdf(tmp_path / "water.nc", FLOATS, coords=coords)


def test_commands_leave_out_what_is_declared(water, tmp_path):
    out = tmp_path / "labels.nc"
    failed = run("cluster", water, "-k", 2, "-o", out)
    assert "--nodata inf" in str(failed.exception)
    done = run("cluster", water, "-k", 2, "-o", out, "--nodata", "inf", "--nodata", -9999.5)
    assert done.exit_code == 0, done.output
    with xr.open_dataset(out) as labels:
        assert labels["cluster"].isnull().sum() == 3
        assert "nodata inf -9999.5" in labels.attrs["history"]
    outlines = tmp_path / "all.geojson"
    done = run("outline", water, "-k", 2, "-o", outlines, "--nodata", "inf", "--select", "all")
    assert done.exit_code == 0, done.output
    told = run("info", water, "--nodata", "-inf", "--nodata", -9999.5)
    assert "missing by nodata │ 3" in told.output
    assert run("info", water, "--nodata", "x").exit_code == 2


def test_a_suspicious_value_names_the_option(tmp_path):
    values = np.append(np.full(8, -500.0), np.arange(1.0, 9)).astype("f4").reshape(4, 4)
    path = write_netcdf(tmp_path / "a.nc", values)
    with pytest.warns(UserWarning, match="-500 looks like a code .* --nodata -500 leaves it out"):
        assert run("cluster", path, "-k", 2, "-o", tmp_path / "a_labels.nc").exit_code == 0
    assert "--nodata -500" in "".join(run("info", path).output.split("\n"))
    assert run("cluster", path, "-k", 2, "-o", tmp_path / "b.nc", "--nodata", -500).exit_code == 0
