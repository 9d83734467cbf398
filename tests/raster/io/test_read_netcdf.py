"""Every way in which a file can say what a raster is and which of its cells are missing."""

import netCDF4
import numpy as np
import pytest
import xarray as xr

import fastkm
from fastkm.raster.grid.axes import find_axes, find_raster_variables, is_geographic
from fastkm.raster.io.open import open_netcdf
from tests.conftest import needs_jit
from tests.small_files import (
    DAYS,
    NORTH,
    OCTOBER_NOVEMBER,
    REAL,
    write_netcdf,
    write_world,
)

nan = np.nan
VALUES = np.array([[1, 2, 3], [4, 50, -9]], np.float32)
BYTES = np.array([[1, 2, 3], [100, -56, -1]], np.int8)
PACKED = np.array([[100, 200, 300], [400, 5000, -9999]], np.int16)
PACKING = {"scale_factor": 0.01, "add_offset": 1.0}
FORMS = ["NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF4", "NETCDF4_CLASSIC"]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file.nc"


# What makes a cell missing: stored numbers, attributes, and what "mask" must give.
DEFAULT_I2 = netCDF4.default_fillvals["i2"]
DEFAULT_F4 = np.float32(netCDF4.default_fillvals["f4"])
MISSING = {
    "nothing": (VALUES, {"_FillValue": np.float32(7)}, VALUES),
    "fill value": (VALUES, {"_FillValue": np.float32(-9)}, [[1, 2, 3], [4, 50, nan]]),
    "missing value": (VALUES, {"missing_value": np.float32(-9)}, [[1, 2, 3], [4, 50, nan]]),
    "missing values": (
        VALUES,
        {"missing_value": np.array([-9, 50], np.float32)},
        [[1, 2, 3], [4, nan, nan]],
    ),
    "fill value and another missing value": (
        VALUES,
        {"_FillValue": np.float32(-9), "missing_value": np.float32(3)},
        [[1, 2, nan], [4, 50, nan]],
    ),
    "fill value and other missing values": (
        VALUES,
        {"_FillValue": np.float32(-9), "missing_value": np.array([3, 50], np.float32)},
        [[1, 2, nan], [4, nan, nan]],
    ),
    "missing value as double": (
        np.array([[1, 2, 3], [4, 5, 1e20]], np.float32),
        {"missing_value": np.float64(1e20)},
        [[1, 2, 3], [4, 5, nan]],
    ),
    "valid_min": (VALUES, {"valid_min": np.float32(2)}, [[nan, 2, 3], [4, 50, nan]]),
    "valid_max": (VALUES, {"valid_max": np.float32(4)}, [[1, 2, 3], [4, nan, -9]]),
    "valid_range": (
        VALUES,
        {"valid_range": np.array([2, 4], np.float32)},
        [[nan, 2, 3], [4, nan, nan]],
    ),
    "NaN": (np.where(VALUES == 3, nan, VALUES), {}, [[1, 2, nan], [4, 50, -9]]),
    "NaN as fill value": (
        np.where(VALUES == 3, np.float32(nan), VALUES),
        {"_FillValue": np.float32(nan)},
        [[1, 2, nan], [4, 50, -9]],
    ),
    "default fill value": (
        np.where(VALUES < 0, DEFAULT_F4, VALUES),
        {},
        [[1, 2, 3], [4, 50, nan]],
    ),
    "default fill value of integers": (
        np.array([[1, 2, 3], [4, 5, DEFAULT_I2]], np.int16),
        {},
        [[1, 2, 3], [4, 5, nan]],
    ),
    "bytes have no default fill value": (
        np.array([[1, 2, 3], [4, 5, -127]], np.int8),
        {},
        [[1, 2, 3], [4, 5, -127]],
    ),
    "packed": (PACKED, {"_FillValue": np.int16(-9999), **PACKING}, [[2, 3, 4], [5, 51, nan]]),
    "packed, range in packed units": (
        PACKED,
        {"valid_range": np.array([200, 400], np.int16), **PACKING},
        [[nan, 3, 4], [5, nan, nan]],
    ),
    "packed, fill and range in packed units": (
        PACKED,
        {"_FillValue": np.int16(-9999), "valid_max": np.int16(400), **PACKING},
        [[2, 3, 4], [5, nan, nan]],
    ),
    # NetCDF Users' Guide: a range in the type of the scale factor speaks of unpacked values
    "packed, range in unpacked units": (
        PACKED,
        {"_FillValue": np.int16(-9999), "valid_range": np.array([2.5, 10.0]), **PACKING},
        [[nan, 3, 4], [5, nan, nan]],
    ),
    "packed, default fill value": (
        np.where(PACKED < 0, np.int16(DEFAULT_I2), PACKED),
        PACKING,
        [[2, 3, 4], [5, 51, nan]],
    ),
    "unsigned bytes": (
        BYTES,
        {"_FillValue": np.int8(-1), "_Unsigned": "true"},
        [[1, 2, 3], [100, 200, nan]],
    ),
    "unsigned bytes, range": (
        BYTES,
        {"valid_range": np.array([2, -2], np.int8), "_Unsigned": "true"},
        [[nan, 2, 3], [100, 200, nan]],
    ),
    "unsigned bytes, packed": (
        BYTES,
        {"_FillValue": np.int8(-1), "_Unsigned": "true", "scale_factor": 0.5},
        [[0.5, 1, 1.5], [50, 100, nan]],
    ),
    "unsigned bytes, packed, range": (
        BYTES,
        {"valid_range": np.array([2, -2], np.int8), "_Unsigned": "true", "scale_factor": 0.5},
        [[nan, 1, 1.5], [50, 100, nan]],
    ),
}
each_rule = pytest.mark.parametrize(
    ("stored", "attrs", "expected"), MISSING.values(), ids=MISSING.keys()
)


@each_rule
@pytest.mark.parametrize("form", ["NETCDF3_CLASSIC", "NETCDF4"])
def test_missing_cells_are_nan_and_others_keep_their_value(path, form, stored, attrs, expected):
    raster = fastkm.read_raster(write_netcdf(path, stored, form=form, **attrs))
    np.testing.assert_allclose(raster.values, expected, rtol=1e-6)


@each_rule
def test_keep_gives_the_stored_numbers(path, stored, attrs, expected):
    raster = fastkm.read_raster(write_netcdf(path, stored, **attrs), missing="keep")
    np.testing.assert_array_equal(raster.values, stored)
    assert raster.values.dtype == stored.dtype


@each_rule
def test_functions_honour_the_attributes_of_a_raw_raster(path, stored, attrs, expected):
    write_netcdf(path, stored, **attrs)
    kept = fastkm.kmeans1d(fastkm.read_raster(path, missing="keep"), 2)
    masked = fastkm.kmeans1d(fastkm.read_raster(path), 2)
    np.testing.assert_allclose(kept.centroids, masked.centroids, rtol=1e-6)
    assert kept.counts.sum() == np.isfinite(expected).sum()


@each_rule
def test_reading_twice_masks_no_more(path, tmp_path, stored, attrs, expected):
    # a raster that was read, computed with and written back has no rule left to apply again
    first = fastkm.read_raster(write_netcdf(path, stored, **attrs))
    changed = first.copy(data=first.values.astype(float) - 1000)
    changed.encoding = {}
    again = tmp_path / "again.nc"
    changed.to_netcdf(again)
    np.testing.assert_allclose(fastkm.read_raster(again).values, np.subtract(expected, 1000), 1e-6)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_netcdf_is_read(path, form):
    write_netcdf(path, VALUES, form=form, _FillValue=np.float32(-9))
    np.testing.assert_array_equal(fastkm.read_raster(path).values, [[1, 2, 3], [4, 50, nan]])


def test_fill_value_that_is_declared_takes_the_place_of_the_default(path):
    stored = np.where(VALUES < 0, DEFAULT_F4, VALUES)
    raster = fastkm.read_raster(write_netcdf(path, stored, _FillValue=np.float32(1)))
    np.testing.assert_array_equal(raster.values, [[nan, 2, 3], [4, 50, DEFAULT_F4]])


def test_integers_with_nothing_missing_stay_integers(path):
    raster = fastkm.read_raster(write_netcdf(path, PACKED))
    assert raster.dtype == np.int16


def test_rules_move_to_the_encoding_and_other_attributes_stay(path):
    rules = {
        "_FillValue": np.float32(-9),
        "missing_value": np.float32(-9),
        "valid_min": np.float32(0),
        "valid_range": np.array([0, 75], np.float32),
    }
    write_netcdf(path, VALUES, units="kg m-2", long_name="Water", **rules)
    raster = fastkm.read_raster(path)
    assert raster.attrs == {"units": "kg m-2", "long_name": "Water"}
    assert raster.name == "water"
    for name, rule in rules.items():
        np.testing.assert_array_equal(raster.encoding[name], rule)


def test_kept_raster_still_says_what_is_missing(path):
    rules = {"_FillValue": np.float32(-9), "valid_max": np.float32(10)}
    raster = fastkm.read_raster(write_netcdf(path, VALUES, **rules), missing="keep")
    assert raster.attrs == rules


def test_unknown_treatment_of_missing_cells_is_refused(path):
    write_netcdf(path, VALUES)
    with pytest.raises(ValueError, match=r"missing must be one of 'mask', 'keep', got 'drop'"):
        fastkm.read_raster(path, missing="drop")


# Dimensions and coordinates.


@pytest.mark.parametrize(
    "dims",
    [
        ("lat", "lon"),
        ("lon", "lat"),
        ("lat", "time", "lon"),
        ("lon", "lat", "time"),
        ("time", "lat", "lon"),
    ],
)
def test_rows_are_latitudes_whatever_the_order_in_the_file(path, dims):
    full = xr.DataArray(np.arange(24.0).reshape(2, 3, 4), dims=("time", "lat", "lon"), name="water")
    chosen = full if "time" in dims else full[0]
    write_netcdf(path, chosen.transpose(*dims).values, dims)
    raster = fastkm.read_raster(path)
    assert raster.dims == ("lat", "lon")
    np.testing.assert_array_equal(raster.values, full[0].values)


@pytest.mark.parametrize("latitude", [np.arange(-85.0, 90, 10), np.arange(85.0, -90, -10)])
def test_latitude_keeps_the_direction_of_the_file(path, latitude):
    raster = fastkm.read_raster(write_world(path, latitude=latitude))
    np.testing.assert_array_equal(raster.lat, latitude)
    np.testing.assert_array_equal(raster.values[:, 0], 1000 * latitude + 5)
    assert raster.lat.attrs["units"] == "degrees_north"


def test_further_dimension_of_size_one_is_dropped(path):
    write_netcdf(path, VALUES[None], ("depth", "lat", "lon"), coords={"depth": ([10.0], {})})
    raster = fastkm.read_raster(path)
    assert raster.dims == ("lat", "lon")
    assert "depth" not in raster.coords


def test_further_dimension_that_is_longer_is_an_error(path):
    write_netcdf(path, np.zeros((3, 2, 2)), ("depth", "lat", "lon"))
    with pytest.raises(ValueError, match=r"dimension 'depth' of 3.*choose one"):
        fastkm.read_raster(path)


def test_file_without_coordinates_is_read(path):
    raster = fastkm.read_raster(write_netcdf(path, VALUES, ("rows", "columns")))
    assert raster.dims == ("rows", "columns")
    assert not raster.coords


def test_projected_coordinates_are_kept_and_are_no_degrees(path):
    metres = {"units": "m"}
    x = (np.array([0.0, 1000, 2000]), {"standard_name": "projection_x_coordinate", **metres})
    y = (np.array([9000.0, 8000]), {"standard_name": "projection_y_coordinate", **metres})
    raster = fastkm.read_raster(write_netcdf(path, VALUES, ("y", "x"), coords={"y": y, "x": x}))
    np.testing.assert_array_equal(raster.y, [9000, 8000])
    assert not is_geographic(raster, find_axes(raster))


# Which variable.


def grid(number):
    return np.full((2, 3), number, np.float32), {}, ("lat", "lon")


def test_variable_is_found_by_name(path):
    write_netcdf(path, VALUES, more={"ice": grid(4.0)})
    assert (fastkm.read_raster(path, "ice") == 4).all()


def test_several_candidates_are_listed(path):
    write_netcdf(path, VALUES, more={"ice": grid(4.0), "snow": grid(5.0)})
    with pytest.raises(ValueError, match=r"name one of its raster variables: ice, snow, water"):
        fastkm.read_raster(path)


def test_unknown_variable_is_an_error_that_lists_the_known(path):
    write_netcdf(path, VALUES, more={"ice": grid(4.0)})
    with pytest.raises(ValueError, match=r"no variable 'fog'; its rasters: ice, water"):
        fastkm.read_raster(path, "fog")


def test_vector_and_text_are_no_candidates(path):
    more = {
        "profile": (np.zeros(2), {}, ("lat",)),
        "names": (np.array([["a", "b", "c"], ["d", "e", "f"]]), {}, ("lat", "lon")),
        "crs": (np.int32(0), {}, ()),
    }
    write_netcdf(path, VALUES, more=more)
    assert fastkm.read_raster(path).name == "water"


@pytest.mark.parametrize("attribute", ["bounds", "climatology"])
def test_cell_bounds_are_no_candidates(path, attribute):
    time = (np.array([0, 31], np.int32), {**DAYS, attribute: "time_limits"})
    latitude = (np.array([0.0, 1]), {**NORTH, "bounds": "lat_limits"})
    more = {
        "time_limits": (np.array([[0, 31], [31, 61]], np.int32), {}, ("time", "nv")),
        "lat_limits": (np.array([[-0.5, 0.5], [0.5, 1.5]]), {}, ("lat", "nv")),
    }
    coords = {"time": time, "lat": latitude}
    write_netcdf(path, np.stack([VALUES, VALUES]), ("time", "lat", "lon"), coords=coords, more=more)
    assert fastkm.read_raster(path).name == "water"
    for decode in (True, False):
        with open_netcdf(path, decode=decode) as dataset:
            assert find_raster_variables(dataset) == ["water"]


def test_file_with_no_raster_says_so(path):
    write_netcdf(path, np.zeros(3), ("lat",))
    with pytest.raises(ValueError, match="holds no raster variable"):
        fastkm.read_raster(path)


# Which time step.


@pytest.fixture
def months(path):
    values = np.stack([VALUES, VALUES + 100])
    coords = {"time": OCTOBER_NOVEMBER}
    return write_netcdf(path, values, ("time", "lat", "lon"), coords=coords)


@pytest.mark.parametrize(
    ("time", "month"),
    [
        (0, 10),
        (1, 11),
        (-1, 11),
        (-2, 10),
        (np.int64(1), 11),
        ("2009-10", 10),
        ("2009-11", 11),
        ("2009-11-01", 11),
        (np.datetime64("2009-11-01"), 11),
    ],
)
def test_time_is_an_index_or_a_date(months, time, month):
    raster = fastkm.read_raster(months, time=time)
    assert raster.time.dt.month == month
    assert raster[0, 0] == {10: 1, 11: 101}[month]


@pytest.mark.parametrize(
    "time", [2, -3, "2010", "2009-12-24", "soon", "", 0.5, np.datetime64("2009-11-02")]
)
def test_time_that_is_not_there_is_an_error(months, time):
    with pytest.raises(ValueError, match="time"):
        fastkm.read_raster(months, time=time)


def test_date_that_fits_several_steps_is_an_error(months):
    with pytest.raises(ValueError, match=r"time '2009' fits 2 steps"):
        fastkm.read_raster(months, time="2009")


def test_date_is_an_error_where_there_is_no_time(path):
    write_netcdf(path, VALUES)
    with pytest.raises(ValueError, match="no time axis"):
        fastkm.read_raster(path, time="2009-10")
    with pytest.raises(ValueError, match="no time axis"):
        fastkm.read_raster(path, time=1)


def test_date_is_an_error_where_time_has_no_coordinate(path):
    write_netcdf(path, VALUES[None], ("time", "lat", "lon"))
    with pytest.raises(ValueError, match="2009-10"):
        fastkm.read_raster(path, time="2009-10")


def test_model_calendars_are_read(path):
    time = (np.array([59]), {"units": "days since 2009-01-01", "calendar": "360_day"})
    write_netcdf(path, VALUES[None], ("time", "lat", "lon"), coords={"time": time})
    assert fastkm.read_raster(path, time="2009-02-30").shape == (2, 3)


def test_time_in_units_that_no_calendar_knows_is_read_by_index(path):
    time = (np.array([0.5, 1.5]), {"units": "months since 1955-01-01"})
    values = np.stack([VALUES, VALUES + 100])
    write_netcdf(path, values, ("time", "lat", "lon"), coords={"time": time})
    assert fastkm.read_raster(path, time=1)[0, 0] == 101


# Which box.

EASTERN = np.arange(5.0, 360, 10)
WESTERN = np.arange(-175.0, 180, 10)


@pytest.mark.parametrize("longitude", [EASTERN, WESTERN])
@pytest.mark.parametrize(
    ("west", "east", "expected"),
    [
        (20, 50, [25, 35, 45]),
        (-25, -5, [335, 345, 355]),
        (335, 355, [335, 345, 355]),
        (-20, 20, [345, 355, 5, 15]),
        (340, 20, [345, 355, 5, 15]),
        (160, 200, [165, 175, 185, 195]),
        (160, -160, [165, 175, 185, 195]),
    ],
)
def test_box_is_cut_in_either_convention_and_across_the_seams(
    path, longitude, west, east, expected
):
    raster = fastkm.read_raster(write_world(path, longitude), bbox=(west, -20, east, 20))
    np.testing.assert_array_equal(raster.lat, [-15, -5, 5, 15])
    np.testing.assert_array_equal(raster.values[0], np.add(expected, -15000))
    np.testing.assert_array_equal(raster.lon % 360, expected)
    np.testing.assert_array_equal(np.diff(raster.lon), 10)
    assert raster.lon.attrs["units"] == "degrees_east"


@pytest.mark.parametrize("longitude", [EASTERN, WESTERN])
@pytest.mark.parametrize("box", [(-180, -90, 180, 90), (0, -90, 360, 90), (-20, -90, 340, 90)])
def test_box_of_the_whole_globe_has_every_cell_once_from_its_west(path, longitude, box):
    raster = fastkm.read_raster(write_world(path, longitude), bbox=box)
    assert raster.shape == (18, 36)
    assert raster.values[0, 0] == -85000 + (box[0] + 5) % 360
    np.testing.assert_array_equal(np.diff(raster.lon), 10)


@pytest.mark.parametrize("box", [(340, -20, 20, 20), (-20, -20, 20, 20), (350, -90, 340, 90)])
def test_box_across_the_seam_is_still_in_degrees(path, box):
    raster = fastkm.read_raster(write_world(path), bbox=box)
    assert is_geographic(raster, find_axes(raster))


def test_column_that_the_file_repeats_comes_once(path):
    raster = fastkm.read_raster(
        write_world(path, np.arange(0.0, 361, 10)), bbox=(-180, -90, 180, 90)
    )
    np.testing.assert_array_equal(np.diff(raster.lon), 10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_centres_on_the_edges_of_the_box_are_inside(path, dtype):
    # as float32, 0.7 lies below 0.7 and 0.8 above 0.8
    tenths = np.array([0.5, 0.6, 0.7, 0.8, 0.9], dtype)
    raster = fastkm.read_raster(write_world(path, tenths, tenths), bbox=(0.7, 0.7, 0.8, 0.8))
    assert raster.shape == (2, 2)


def test_box_of_descending_latitudes_keeps_them_descending(path):
    latitude = np.arange(85.0, -90, -10)
    raster = fastkm.read_raster(write_world(path, latitude=latitude), bbox=(0, 0, 360, 30))
    np.testing.assert_array_equal(raster.lat, [25, 15, 5])


def test_box_of_integer_longitudes(path):
    raster = fastkm.read_raster(write_world(path, np.arange(0, 360, 10)), bbox=(-15, -90, 15, 90))
    np.testing.assert_array_equal(raster.lon, [-10, 0, 10])


def test_box_of_projected_coordinates_has_no_seam(path):
    coords = {
        "y": (np.arange(0.0, 5000, 1000), {"units": "m"}),
        "x": (np.arange(-2000.0, 3000, 1000), {"units": "m"}),
    }
    write_netcdf(path, np.arange(25.0).reshape(5, 5), ("y", "x"), coords=coords)
    raster = fastkm.read_raster(path, bbox=(-1000, 500, 1500, 3500))
    np.testing.assert_array_equal(raster.x, [-1000, 0, 1000])
    np.testing.assert_array_equal(raster.y, [1000, 2000, 3000])
    with pytest.raises(ValueError, match="holds no cell"):
        fastkm.read_raster(path, bbox=(1500, 0, -1000, 4000))


@pytest.mark.parametrize("box", [(11, -20, 14, 20), (0, 86, 360, 90)])
def test_box_between_the_cells_is_an_error(path, box):
    with pytest.raises(ValueError, match=r"bbox .* holds no cell centre of 'water'"):
        fastkm.read_raster(write_world(path), bbox=box)


@pytest.mark.parametrize(
    "box",
    [(0, 10, 10, -10), (0, 0, 10), (0, 0, 10, nan), (0, 0, np.inf, 1), "0,0", ("w", 0, 10, 10)],
)
def test_box_that_is_none_is_refused_by_name(path, box):
    with pytest.raises(ValueError, match="bbox must be"):
        fastkm.read_raster(write_world(path), bbox=box)


def test_box_needs_coordinates(path):
    with pytest.raises(ValueError, match=r"bbox needs coordinates.*'lat'"):
        fastkm.read_raster(write_netcdf(path, VALUES), bbox=(0, 0, 1, 1))


# Files that are none.


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.nc: no such file"):
        fastkm.read_raster(tmp_path / "nowhere.nc")


@pytest.mark.parametrize("content", [b"", b"latitude,longitude,water\n"])
def test_file_that_is_not_netcdf_is_an_os_error_that_names_it(path, content):
    path.write_bytes(content)
    with pytest.raises(OSError, match=r"file\.nc"):
        fastkm.read_raster(path)


def test_file_with_a_damaged_chunk_is_an_os_error_that_names_it(path):
    rng = np.random.default_rng(0)
    data = xr.Dataset({"water": (("lat", "lon"), rng.integers(0, 9, (60, 60)))})
    data.to_netcdf(path, engine="netcdf4", encoding={"water": {"zlib": True, "fletcher32": True}})
    content = bytearray(path.read_bytes())
    content[-600:-500] = bytes(100)
    path.write_bytes(content)
    with pytest.raises(OSError, match=r"file\.nc"):
        fastkm.read_raster(path)


@pytest.mark.parametrize("name", ["", "."])
def test_path_that_is_no_file_is_an_os_error(name):
    with pytest.raises(OSError, match="file"):
        fastkm.read_raster(name)


def test_empty_path_is_explained():
    with pytest.raises(OSError, match=r"^(?!:)"):
        fastkm.read_raster("")


def test_path_may_be_text(path):
    write_netcdf(path, VALUES)
    np.testing.assert_array_equal(fastkm.read_raster(str(path)).values, VALUES)


# The real one.


@pytest.mark.skipif(not REAL.exists(), reason="the real raster is not part of the project")
class TestRealRaster:
    def test_ice_and_land_are_missing(self):
        kept, masked = fastkm.read_raster(REAL, missing="keep"), fastkm.read_raster(REAL)
        assert np.count_nonzero(kept.values == -500) == 9815
        assert masked.isnull().values[kept.values == -500].all()
        assert masked.isnull().values[kept.values == -999].all()
        assert masked.count() == 33120
        assert masked.min() >= 0

    @needs_jit
    def test_four_clusters_of_water(self):
        expected = [11.288, 21.722, 35.539, 50.751]
        for missing in ("mask", "keep"):
            found = fastkm.kmeans1d(fastkm.read_raster(REAL, missing=missing), 4)
            np.testing.assert_allclose(found.centroids, expected, atol=5e-4)
            assert found.counts.sum() == 33120

    @needs_jit
    def test_six_clusters_of_the_stored_numbers(self):
        stored = fastkm.read_raster(REAL, missing="keep").values
        expected = [-999, -500, 11.288, 21.722, 35.539, 50.751]
        np.testing.assert_allclose(fastkm.kmeans1d(stored, 6).centroids, expected, atol=5e-4)

    def test_coordinates_are_those_of_the_file(self):
        raster = fastkm.read_raster(REAL)
        np.testing.assert_array_equal(raster.latitude, np.arange(-89.5, 90))
        np.testing.assert_array_equal(raster.longitude, np.arange(0.5, 360))
        assert str(raster.time.dt.strftime("%Y-%m").values) == "2009-10"
        assert raster.attrs["units"] == "kg m-2"
