"""Variables of groups, and levels and members that are chosen by their values."""

import netCDF4
import numpy as np
import pytest
import xarray as xr

import fastkm
from fastkm.raster.io.choose import list_raster_variables
from fastkm.raster.io.describe.variables import describe_variables
from fastkm.raster.io.read_bands import read_areas, read_stack
from fastkm.raster.multifile.combine import open_archive
from fastkm.raster.multifile.scan import scan_file
from tests.small_files import EAST, NORTH, OCTOBER_NOVEMBER, write_netcdf
from tests.small_tiffs import write_satellite

COORDS = {"lat": (np.array([10.0, 0, -10]), NORTH), "lon": (np.array([0.0, 90, 180, 270]), EAST)}
LEVELS = np.array([1000.0, 850, 0.1], np.float32)
DIMS = ("time", "level", "member", "lat", "lon")
VALUES = np.arange(2.0 * 3 * 2 * 12).reshape(2, 3, 2, 3, 4)


@pytest.fixture
def path(tmp_path):
    """Two times, three levels, two members without coordinate."""
    coords = COORDS | {"time": OCTOBER_NOVEMBER, "level": (LEVELS, {"units": "hPa"})}
    return write_netcdf(tmp_path / "a.nc", VALUES, DIMS, coords=coords)


@pytest.mark.parametrize("level", [0.1, "0.1", "1e-1", np.float32(0.1)])
def test_level_by_value_and_member_by_index(path, level):
    sel = {"level": level, "member": 1}
    for read in (fastkm.read_raster(path, sel=sel, time=1), read_stack(path, sel=sel, time=1)):
        np.testing.assert_array_equal(read, VALUES[1, 2, 1])
        assert read.level == np.float32(0.1)


def test_levels_that_are_left_are_bands(path):
    np.testing.assert_array_equal(read_stack(path, sel={"member": "-1"}), VALUES[0, :, 1])


def test_series_at_a_level(path):
    lazy = open_archive(path, sel={"level": 850, "member": 0})
    np.testing.assert_array_equal(lazy, VALUES[:, 1, 0])
    assert lazy.level == 850


def test_series_at_levels_in_another_order(path, tmp_path):
    coords = COORDS | {"level": (LEVELS[::-1], {"units": "hPa"})}
    coords["time"] = (np.array([100], np.int32), OCTOBER_NOVEMBER[1])
    write_netcdf(tmp_path / "b.nc", VALUES[:1], DIMS, coords=coords)
    lazy = open_archive(tmp_path, sel={"level": 1000, "member": 1})
    np.testing.assert_array_equal(lazy, [VALUES[0, 0, 1], VALUES[1, 0, 1], VALUES[0, 2, 1]])


@pytest.mark.parametrize(
    ("sel", "message"),
    [
        ({"height": 2}, r"no dimension 'height'; it has time \(2\), level \(3\), member \(2\)"),
        ({"level": 500}, "sel: 500 is not among the values of 'level': 1000, 850, 0.100000001"),
        ({"level": "high"}, "sel: 'high' is not among the values of 'level'"),
        ({"member": 2}, "no coordinate, so take an index from 0 to 1, got 2"),
        ({"member": "r1i1p1"}, "no coordinate, so take an index from 0 to 1, got 'r1i1p1'"),
        ({}, r"choose one value of it with sel \(--sel level=1000\)"),
    ],
)
def test_what_there_is_not_is_refused(path, sel, message):
    with pytest.raises(ValueError, match=message):
        fastkm.read_raster(path, sel=sel)


def test_too_many_bands_say_what_to_do(path):
    with pytest.raises(ValueError, match="--sel member=0"):
        read_stack(path)


def test_dates_texts_and_other_coordinates_are_values(tmp_path):
    coords = COORDS | {"start": (np.array([0, 31]), OCTOBER_NOVEMBER[1])}
    more = {"run": (np.array(["r1i1p1", "r2i1p1"]), {}, ("start",))}
    path = tmp_path / "b.nc"
    write_netcdf(
        path, VALUES[0, 0], ("start", "lat", "lon"), coords=coords, more=more, coordinates="run"
    )
    for sel in ({"run": "r2i1p1"}, {"start": "2009-11"}, {"start": "2009-11-01T00:00:00"}):
        np.testing.assert_array_equal(fastkm.read_raster(path, sel=sel), VALUES[0, 0, 1])
    with pytest.raises(ValueError, match="'2009' is 2 times among the values of 'start'"):
        fastkm.read_raster(path, sel={"start": "2009"})


def test_geotiff_has_no_levels(tmp_path):
    for read in (fastkm.read_raster, read_stack):
        with pytest.raises(ValueError, match="GeoTIFF, which has bands only"):
            read(write_satellite(tmp_path / "a.tif"), sel={"level": 500})


def test_areas_of_many_dimensions(path):
    areas = read_areas(path)
    assert areas.dims == ("lat", "lon")
    np.testing.assert_array_equal(areas, read_areas(path, sel={"level": 850}, time="all"))


# Groups.


@pytest.fixture
def grouped(tmp_path):
    """One name in several groups, whose coordinates stand at the root."""
    path = tmp_path / "g.nc"
    with netCDF4.Dataset(path, "w") as file:
        for name, (numbers, attrs) in (COORDS | {"time": OCTOBER_NOVEMBER}).items():
            file.createDimension(name, len(numbers))
            coordinate = file.createVariable(name, numbers.dtype, (name,))
            coordinate[:] = numbers
            coordinate.setncatts(attrs)
        file.createVariable("crs", "i4", ()).grid_mapping_name = "latitude_longitude"
        for number, name in enumerate(("a", "b", "b/c")):
            water = file.createGroup(name).createVariable("water", "f8", ("time", "lat", "lon"))
            water[:] = VALUES[:, 0, 0] + number
            water.grid_mapping = "crs"
        own = file.createGroup("own")
        own.createDimension("lat", 5)
        own.createVariable("lat", "f8", ("lat",))[:] = np.arange(5)
        own.createVariable("snow", "f8", ("lat", "lon"))[:] = 0
    return path


GROUPED = ["a/water", "b/water", "b/c/water", "own/snow"]


def test_variables_of_groups_are_listed(grouped):
    assert list_raster_variables(grouped) == GROUPED
    assert [found.name for found in describe_variables(grouped)] == GROUPED


@pytest.mark.parametrize("name", ["b/c/water", "/b/c/water"])
def test_variable_of_a_group_has_the_coordinates_above(grouped, name):
    raster = fastkm.read_raster(grouped, name, time="2009-11")
    np.testing.assert_array_equal(raster, VALUES[1, 0, 0] + 2)
    assert (raster.name, str(raster.time.values)[:10]) == ("b/c/water", "2009-11-01")
    np.testing.assert_array_equal(raster.lat, COORDS["lat"][0])
    assert "crs" in raster.coords


def test_dimension_of_the_group_hides_that_above(grouped):
    assert fastkm.read_raster(grouped, "own/snow").lat.size == 5


def test_one_name_in_two_groups(grouped):
    both = read_stack(grouped, ["a/water", "b/water"])
    assert list(both) == ["a/water", "b/water"]
    lazy = open_archive(grouped, ["a/water", "b/c/water"])
    np.testing.assert_array_equal(lazy["b/c/water"], VALUES[:, 0, 0] + 2)


def test_variables_of_groups_with_other_grids_are_refused(grouped):
    with pytest.raises(ValueError, match="differ in 'lat'"):
        read_stack(grouped, ["a/water", "own/snow"])


@pytest.mark.parametrize("name", ["a/snow", "none/water", "water"])
def test_unknown_variable_of_a_group(grouped, name):
    listed = ", ".join(GROUPED)
    with pytest.raises(ValueError, match=f"has no variable '{name}'; its rasters: {listed}"):
        fastkm.read_raster(grouped, name)


def test_only_raster_may_be_in_a_group(tmp_path, grouped):
    with pytest.raises(ValueError, match="name one of its raster variables: a/water, b/water"):
        fastkm.read_raster(grouped)
    with netCDF4.Dataset(tmp_path / "one.nc", "w") as file:
        group = file.createGroup("deep/down")
        for dim in ("y", "x"):
            group.createDimension(dim, 3)
        group.createVariable("water", "f4", ("y", "x"))[:] = 1
    assert fastkm.read_raster(tmp_path / "one.nc").name == "deep/down/water"


def test_coordinates_by_cell_are_found_by_their_paths(tmp_path):
    with netCDF4.Dataset(tmp_path / "swath.nc", "w") as file:
        product = file.createGroup("PRODUCT")
        product.createDimension("scanline", 3)
        product.createDimension("pixel", 4)
        for name, attrs in (("latitude", NORTH), ("longitude", EAST)):
            place = product.createVariable(name, "f4", ("scanline", "pixel"))
            place[:] = np.arange(12).reshape(3, 4)
            place.setncatts(attrs)
        cloud = product.createGroup("input").createVariable("cloud", "f4", ("scanline", "pixel"))
        cloud[:] = 1
        cloud.coordinates = "/PRODUCT/longitude /PRODUCT/latitude"
    raster = fastkm.read_raster(tmp_path / "swath.nc", "PRODUCT/input/cloud")
    assert set(raster.coords) == {"latitude", "longitude"}


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_groups_of_a_store(tmp_path, path, zarr_format):
    pytest.importorskip("zarr")
    store = tmp_path / "a.zarr"
    with xr.open_dataset(path) as dataset:
        dataset.to_zarr(store, group="run/one", zarr_format=zarr_format, consolidated=False)
    assert list_raster_variables(store) == ["run/one/water"]
    sel = {"level": 1000, "member": 1}
    np.testing.assert_array_equal(fastkm.read_raster(store, sel=sel), VALUES[0, 0, 1])
    np.testing.assert_array_equal(open_archive(store, sel=sel), VALUES[:, 0, 1])
    assert scan_file(store, "run/one/water", sel=sel).variables[0].name == "run/one/water"
