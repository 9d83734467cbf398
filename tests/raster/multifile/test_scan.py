"""What is found, and what is known of it before it is read."""

import pickle

import numpy as np
import pytest

from fastkm.errors import ArchiveError
from fastkm.raster.io.open import is_zarr_store, open_stored
from fastkm.raster.multifile.scan import find_inputs, make_short_names, scan_file
from tests.small_archives import (
    LATITUDE,
    PACKED,
    SHAPE,
    SINCE_1988,
    WATER,
    truncated,
    values_of,
    without_privileges,
    write_month,
    write_months,
    write_packed,
    write_single,
    write_store,
)
from tests.small_files import EAST, NORTH, write_netcdf, write_world

STORES = [(2, False), (2, True), (3, False)]


def names_of(paths):
    return [path.name for path in paths]


@pytest.fixture
def folder(tmp_path):
    for name in ("a10.nc", "a2.nc", "a1.nc4", "notes.txt", ".hidden.nc"):
        (tmp_path / name).write_text("")
    for name in ("2009", "2010"):
        (tmp_path / "deep" / name).mkdir(parents=True)
        (tmp_path / "deep" / name / "b.nc").write_text("")
    (tmp_path / "store.zarr" / "water").mkdir(parents=True)
    (tmp_path / "store.zarr" / ".zgroup").write_text("{}")
    (tmp_path / "store.zarr" / "inside.nc").write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (["a2.nc"], ["a2.nc"]),
        (["a*"], ["a1.nc4", "a2.nc", "a10.nc"]),
        (["a10.nc", "a2.nc"], ["a2.nc", "a10.nc"]),
        (["a10.nc", "a1*", "./a10.nc"], ["a1.nc4", "a10.nc"]),
        (["."], ["a1.nc4", "a2.nc", "a10.nc", "store.zarr"]),
        (["deep/**/*.nc"], ["b.nc", "b.nc"]),
        (["**/*.nc"], ["a2.nc", "a10.nc", "b.nc", "b.nc"]),
        (["**"], ["a1.nc4", "a2.nc", "a10.nc", "b.nc", "b.nc", "notes.txt", "store.zarr"]),
        (["*.zarr"], ["store.zarr"]),
        (["store.zarr"], ["store.zarr"]),
    ],
)
def test_files_are_found_once_in_natural_order(folder, monkeypatch, patterns, expected):
    monkeypatch.chdir(folder)
    assert names_of(find_inputs(patterns)) == expected
    assert names_of(find_inputs(patterns[::-1])) == expected


@pytest.mark.parametrize("pattern", ["c*.nc", "missing.nc", "deep", "", "deep/*"])
def test_pattern_that_matches_nothing_is_named(folder, monkeypatch, pattern):
    monkeypatch.chdir(folder)
    with pytest.raises(FileNotFoundError, match="matches no file") as caught:
        find_inputs(["a2.nc", pattern])
    assert repr(pattern) in str(caught.value)


def test_file_whose_name_looks_like_a_pattern(tmp_path):
    for name in ("a[1].nc", "a1.nc"):
        (tmp_path / name).write_text("")
    assert names_of(find_inputs([tmp_path / "a[1].nc"])) == ["a[1].nc"]


def test_one_path_may_come_alone(folder):
    assert names_of(find_inputs(folder / "a2.nc")) == ["a2.nc"]


def test_home_folder_in_a_pattern(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder))
    assert names_of(find_inputs(["~/a2.*"])) == ["a2.nc"]


def test_names_are_short_where_they_may_be():
    assert make_short_names(["x/a.nc", "x/b.nc"]) == ["a.nc", "b.nc"]
    assert make_short_names(["x/1/a.nc", "x/2/a.nc", "x/2/b.nc"]) == ["1/a.nc", "2/a.nc", "2/b.nc"]


def test_survey_of_a_month(tmp_path):
    path = write_month(tmp_path / "pw.nc", 1)
    seen = scan_file(path)
    assert (seen.path, seen.name, seen.whole.size) == (str(path), "pw.nc", path.stat().st_size)
    assert seen.times == ("1988-02-15T00:00:00",)
    assert (seen.calendar, seen.time_name) == ("standard", "time")
    assert seen.time_encoding["units"] == "days since 1988-01-01"
    assert seen.shape == SHAPE
    np.testing.assert_array_equal(seen.y, LATITUDE.astype(np.float64))
    (form,) = seen.variables
    assert (form.name, form.dtype, form.units) == ("water", "<f4", "kg m-2")
    assert form.attrs["valid_max"] == 75
    assert form.axes == ("time", "lat", "lon")


def test_survey_of_a_long_file_is_small_when_pickled(tmp_path):
    seen = scan_file(write_single(tmp_path / "pw.nc", 24), "water")
    assert len(seen.times) == 24
    assert seen.times[0] == "1988-01-15T00:00:00"
    assert len(pickle.dumps(seen)) < 4000
    assert pickle.loads(pickle.dumps(seen)).times == seen.times


@pytest.mark.parametrize(("zarr_format", "consolidated"), STORES)
def test_stores_tell_what_files_tell(tmp_path, zarr_format, consolidated):
    file = write_single(tmp_path / "pw.nc")
    store = write_store(
        tmp_path / "pw.zarr", file, zarr_format=zarr_format, consolidated=consolidated
    )
    assert is_zarr_store(store)
    one, other = scan_file(file), scan_file(store)
    assert other.times == one.times
    assert other.variables[0].dims == one.variables[0].dims
    assert other.variables[0].attrs == one.variables[0].attrs
    np.testing.assert_array_equal(other.x, one.x)
    assert other.whole.size == sum(p.stat().st_size for p in store.rglob("*") if p.is_file())


@pytest.mark.parametrize("form", ["NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF4_CLASSIC"])
def test_forms_of_netcdf(tmp_path, form):
    assert scan_file(write_month(tmp_path / "a.nc", 3, form=form)).variables[0].dtype == "<f4"


def test_packing_is_told(tmp_path):
    (form,) = scan_file(write_packed(tmp_path / "a.nc", 0)).variables
    assert form.dtype == "<i2"
    assert {name: form.attrs[name] for name in PACKED} == PACKED


def test_time_of_day_and_fractions(tmp_path):
    hours = {**SINCE_1988, "units": "hours since 1988-01-01"}
    seen = scan_file(write_month(tmp_path / "a.nc", 0, time=(np.array([1.5]), hours)))
    assert seen.times == ("1988-01-01T01:30:00",)
    fine = {**SINCE_1988, "units": "milliseconds since 1988-01-01"}
    seen = scan_file(write_month(tmp_path / "b.nc", 0, time=(np.array([1500]), fine)))
    assert seen.times == ("1988-01-01T00:00:01.500000000",)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("standard", "standard"),
        ("gregorian", "standard"),
        ("proleptic_gregorian", "standard"),
        ("noleap", "noleap"),
        ("365_day", "noleap"),
        ("360_day", "360_day"),
        ("julian", "julian"),
    ],
)
def test_calendars(tmp_path, given, expected):
    time = (np.array([59]), {**SINCE_1988, "calendar": given})
    seen = scan_file(write_month(tmp_path / "a.nc", 0, time=time))
    assert seen.calendar == expected
    days = {"standard": "1988-02-29", "noleap": "1988-03-01", "360_day": "1988-02-30"}
    assert seen.times == (f"{days.get(expected, '1988-02-29')}T00:00:00",)


def test_dates_before_the_reform_keep_their_calendar(tmp_path):
    time = (
        np.array([0]),
        {"units": "days since 1200-01-01", "calendar": "proleptic_gregorian", "axis": "T"},
    )
    seen = scan_file(write_month(tmp_path / "a.nc", 0, time=time))
    assert (seen.calendar, seen.times) == ("proleptic_gregorian", ("1200-01-01T00:00:00",))


def test_time_may_be_a_scalar_coordinate(tmp_path):
    coords = {"lat": (LATITUDE, NORTH), "lon": (np.arange(8.0) * 45, EAST)}
    path = write_netcdf(
        tmp_path / "a.nc",
        values_of(0),
        coords=coords,
        more={"time": (np.int32(31), SINCE_1988, ())},
        coordinates="time",
        **WATER,
    )
    seen = scan_file(path)
    assert seen.times == ("1988-02-01T00:00:00",)
    assert seen.variables[0].axes == (None, "lat", "lon")


def test_time_is_known_by_its_dates_if_not_by_its_name(tmp_path):
    coords = {
        "month": (np.array([15]), {"units": "days since 1988-01-01"}),
        "lat": (LATITUDE, NORTH),
        "lon": (np.arange(8.0) * 45, EAST),
    }
    path = write_netcdf(
        tmp_path / "a.nc", values_of(0)[None], ("month", "lat", "lon"), coords=coords, **WATER
    )
    assert scan_file(path).variables[0].axes.time == "month"


def test_coordinates_of_cells_are_told_apart(tmp_path):
    def write(name, shift):
        lon, lat = np.meshgrid(np.arange(8.0) * 40 + shift, LATITUDE)
        return write_netcdf(
            tmp_path / name,
            values_of(0)[None],
            ("time", "y", "x"),
            coords={"time": (np.array([1]), SINCE_1988)},
            more={"lat": (lat, NORTH, ("y", "x")), "lon": (lon, EAST, ("y", "x"))},
            coordinates="lat lon",
            **WATER,
        )

    first, same, other = (
        scan_file(write(f"{i}.nc", shift)) for i, shift in enumerate((0, 0, 1e-3))
    )
    assert first.y is None
    assert first.cells_digest == same.cells_digest != other.cells_digest
    assert first.cells_digest


# Faults: how an input is made, what is asked of it, and what the error must say.
def _text(path):
    path.write_text("no data at all\n" * 50)


def _not_a_raster(path):
    write_netcdf(path, np.arange(3.0), ("time",), coords={"time": (np.arange(3), SINCE_1988)})


def _three_dimensions(path):
    values = np.zeros((1, 3, 4, 5), np.float32)
    coords = {"time": (np.array([1]), SINCE_1988)}
    write_netcdf(path, values, ("time", "level", "lat", "lon"), coords=coords)


def _no_steps(path):
    values = np.zeros((0, *SHAPE), np.float32)
    write_netcdf(path, values, ("time", "lat", "lon"), coords={"time": (np.zeros(0), SINCE_1988)})


def _no_cells(path):
    values = np.zeros((1, 0, 3), np.float32)
    write_netcdf(path, values, ("time", "lat", "lon"), coords={"time": (np.zeros(1), SINCE_1988)})


def _no_dates(path):
    write_netcdf(path, np.zeros((1, *SHAPE)), ("time", "lat", "lon"))


def _noleap(year):
    return {"units": f"days since {year}-01-01", "calendar": "noleap", "axis": "T"}


def _months_since(path):
    write_month(path, 0, time=(np.array([1 / 3]), {"units": "months since 1988-01-01"}))


FAULTS = {
    "text": (_text, None, "cannot be read as netCDF: .*"),
    "empty": (lambda path: path.write_bytes(b""), None, "cannot be read as netCDF: .*"),
    "truncated": (
        lambda path: truncated(write_month(path, 0)),
        None,
        "cannot be read as netCDF: .*",
    ),
    "wrong variable": (
        lambda path: write_month(path, 0),
        "ice",
        "has no variable 'ice'; its rasters: water",
    ),
    "no raster": (_not_a_raster, None, "holds no raster variable"),
    "line": (_not_a_raster, "water", "variable 'water' has dimensions .*not a raster"),
    "levels": (_three_dimensions, None, ".*has a dimension 'level' of 3.*"),
    "no time": (write_world, None, "variable 'water' has no time axis"),
    "no cells": (_no_cells, None, r"variable 'water' must have cells, got shape \(1, 0, 3\)"),
    "no steps": (_no_steps, None, "variable 'water' has no step of time"),
    "no dates": (_no_dates, None, "time axis 'time' has no coordinate, so no dates"),
    "months": (_months_since, None, ".*no dates: its units are 'months since 1988-01-01'.*"),
    "far future": (
        lambda path: write_month(path, 0, time=(np.array([0]), _noleap(10000))),
        None,
        "years must be 0 to 9999, got 10000-01-01T00:00:00 .*",
    ),
    "far past": (
        lambda path: write_month(path, 0, time=(np.array([0]), _noleap(-20))),
        None,
        "years must be 0 to 9999, got -0020-01-01T00:00:00 .*",
    ),
    "missing dates": (
        lambda path: write_month(path, 0, time=(np.array([np.nan]), SINCE_1988)),
        None,
        "time axis 'time' has missing dates",
    ),
}


@pytest.mark.parametrize(("make", "variable", "reason"), FAULTS.values(), ids=FAULTS)
def test_fault_is_named_with_file_and_reason(tmp_path, make, variable, reason):
    import re

    path = tmp_path / "pw.nc"
    make(path)
    with pytest.raises(ArchiveError) as caught:
        scan_file(path, variable)
    assert (caught.value.file, caught.value.step) == ("pw.nc", "")
    assert re.fullmatch(reason, caught.value.reason)
    assert str(tmp_path) not in str(caught.value)


def test_missing_file(tmp_path):
    with pytest.raises(ArchiveError, match=r"(?i)no such file") as caught:
        scan_file(tmp_path / "a.nc", name="2009/a.nc")
    assert caught.value.file == "2009/a.nc"


def test_folder_that_is_no_store(tmp_path):
    with pytest.raises(ArchiveError, match="is a folder"):
        scan_file(tmp_path)


def test_permission(tmp_path):
    path = write_month(tmp_path / "pw.nc", 0)
    path.chmod(0)
    try:
        with without_privileges(), pytest.raises(ArchiveError, match="Permission denied") as caught:
            scan_file(path)
    finally:
        path.chmod(0o600)
    assert caught.value.file == "pw.nc"
    assert scan_file(path).times


def test_damaged_store(tmp_path):
    store = write_store(tmp_path / "pw.zarr", write_month(tmp_path / "pw.nc", 0))
    (store / "water" / ".zarray").write_text("{ not json")
    with pytest.raises(ArchiveError, match=r"pw.zarr: cannot be read as a Zarr store: "):
        scan_file(store)


def test_store_without_zarr(tmp_path, monkeypatch):
    (tmp_path / ".zgroup").write_text("{}")
    monkeypatch.setitem(__import__("sys").modules, "zarr", None)
    with pytest.raises(ImportError, match=r"fastkm\[archive\]"), open_stored(tmp_path):
        pass


def test_several_variables(tmp_path):
    dims = ("time", "lat", "lon")
    path = write_month(tmp_path / "a.nc", 0)
    import netCDF4

    with netCDF4.Dataset(path, "a") as file:
        file.createVariable("wind", "i2", dims)[:] = 1
        file.createVariable("land", "i2", dims[1:])[:] = 1
    seen = scan_file(path, ["water", "wind"])
    assert [form.name for form in seen.variables] == ["water", "wind"]
    with pytest.raises(ArchiveError, match="name one of its raster variables"):
        scan_file(path)
    with pytest.raises(ArchiveError, match="variables must share time, rows and columns"):
        scan_file(path, ["water", "land"])


@pytest.mark.parametrize("variables", [[], ["water", "water"]])
def test_variables_must_be_some_each_once(tmp_path, variables):
    with pytest.raises(ValueError, match="one or more, each once"):
        scan_file(write_month(tmp_path / "a.nc", 0), variables)


def test_a_survey_reads_no_values(tmp_path):
    """A file whose metadata stands before the cut can be surveyed."""
    paths = write_months(tmp_path, 1)
    big = np.zeros((300, 400), np.float32)
    big += np.random.default_rng(0).uniform(0, 1, big.shape).astype(np.float32)
    coords = {
        "lat": (np.linspace(-80, 80, 300), NORTH),
        "lon": (np.linspace(0, 359, 400), EAST),
    }
    path = write_month(paths[0], 0, values=big, coords=coords)
    content = bytearray(path.read_bytes())
    at = content.find(big[150].tobytes()[:64])
    assert at > 0
    content[at : at + 1000] = bytes(1000)
    path.write_bytes(content)
    assert scan_file(path).shape == (300, 400)
