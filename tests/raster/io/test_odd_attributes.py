"""Files whose attributes are of the wrong type, or cannot be meant: read, with a note."""

import warnings

import netCDF4
import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

import fastkm
from fastkm.cli.commands import app
from fastkm.raster.io.describe.variables import describe_variables
from fastkm.raster.io.read_bands import read_stack
from tests.small_archives import SINCE_1988, write_store
from tests.small_files import EAST, NORTH, write_netcdf
from tests.small_tiffs import write_tiff

nan = np.nan
STORED = np.array([[0, 1, 100], [-1, -56, 127]], "i1")
UNSIGNED = [[0, 1, 100], [255, 200, 127]]
SHORTS = STORED.astype("i2")

READINGS = {
    "unsigned": (STORED, {"valid_range": np.array([0, 255], "i2")}, UNSIGNED),
    "unsigned to 200": (STORED, {"valid_max": np.int16(200)}, [[0, 1, 100], [nan, 200, 127]]),
    "unsigned, filled by 255": (
        STORED,
        {"valid_max": np.int16(255), "missing_value": np.int16(255)},
        [[0, 1, 100], [nan, 200, 127]],
    ),
    "unsigned, filled by -1": (
        STORED,
        {"valid_max": np.int16(255), "_FillValue": np.int8(-1)},
        [[0, 1, 100], [nan, 200, 127]],
    ),
    "unsigned, packed": (
        STORED,
        {"valid_range": np.array([1, 254], "i2"), "scale_factor": 0.5},
        [[nan, 0.5, 50], [nan, 100, 63.5]],
    ),
    "unsigned by a number": (STORED, {"_Unsigned": np.int32(1)}, UNSIGNED),
    "a byte of 255": (STORED, {"missing_value": np.int16(255)}, [[0, 1, 100], [nan, -56, 127]]),
    "signed": (
        STORED.view("u1"),
        {"_Unsigned": "false", "valid_min": np.int8(-50), "missing_value": np.int8(-1)},
        [[0, 1, 100], [nan, nan, 127]],
    ),
    "signed, packed": (
        STORED.view("u1"),
        {"_Unsigned": "false", "scale_factor": 0.5},
        STORED / 2,
    ),
    "integer scale": (SHORTS, {"scale_factor": np.int16(2)}, SHORTS * 2.0),
    "integer scale of floats": (SHORTS / 4, {"scale_factor": np.int16(2)}, SHORTS / 2),
    "range without an end": (
        SHORTS.astype("f4"),
        {"valid_range": np.array([nan, 99], "f4")},
        [[0, 1, nan], [-1, -56, nan]],
    ),
    "a fill value beyond the type": (STORED, {"missing_value": np.int16(-9999)}, STORED),
    "NaN of integers": (SHORTS, {"missing_value": nan}, SHORTS),
}
NOTED = {
    "unsigned shorts": (
        SHORTS,
        {"valid_range": np.array([0, 65535], "i4")},
        SHORTS.view("u2"),
        "read as unsigned",
    ),
    "scale in a text": (SHORTS, {"scale_factor": "0.5"}, SHORTS / 2, "is read as 0.5"),
    "scale of two numbers": (
        SHORTS,
        {"scale_factor": [0.1, 0.2]},
        SHORTS,
        "scale_factor of 'water'",
    ),
    "scale of NaN": (SHORTS, {"scale_factor": nan}, SHORTS, "is ignored: nan"),
    "scale of 0": (SHORTS, {"scale_factor": 0.0}, SHORTS, "is ignored: 0.0"),
    "scale that is no number": (SHORTS, {"scale_factor": "none"}, SHORTS, "is ignored: 'none'"),
    "fill value in a text": (
        SHORTS,
        {"missing_value": "-56"},
        [[0, 1, 100], [-1, nan, 127]],
        "missing_value of 'water' is not a number but a text",
    ),
    "range in a text": (SHORTS, {"valid_range": "0, 99"}, [[0, 1, nan], [nan] * 3], "as 0, 99"),
    "range of one number": (SHORTS, {"valid_range": np.int16(5)}, SHORTS, "two numbers"),
    "minimum above maximum": (
        SHORTS,
        {"valid_min": np.int16(9), "valid_max": np.int16(5)},
        SHORTS,
        "the minimum, 9, is above the maximum, 5",
    ),
    "unsigned maybe": (STORED, {"_Unsigned": "maybe"}, STORED, "_Unsigned of 'water'"),
}
each_reading = pytest.mark.parametrize(
    ("stored", "attrs", "expected"), READINGS.values(), ids=READINGS
)


@each_reading
@pytest.mark.parametrize("form", ["NETCDF3_CLASSIC", "NETCDF4"])
def test_numbers_mean_what_they_must(tmp_path, form, stored, attrs, expected):
    form = "NETCDF4" if stored.dtype == np.uint8 else form  # the classic one has no such type
    path = write_netcdf(tmp_path / "a.nc", stored, form=form, **attrs)
    raster = fastkm.read_raster(path)
    np.testing.assert_allclose(raster.values, expected)
    np.testing.assert_array_equal(read_stack(path).values, raster.values)
    [described] = describe_variables(path)
    assert described.valid == np.isfinite(expected).sum()
    assert (described.low, described.high) == (np.nanmin(expected), np.nanmax(expected))


@each_reading
def test_stored_numbers_are_clustered_alike(tmp_path, stored, attrs, expected):
    path = write_netcdf(tmp_path / "a.nc", stored, **attrs)
    kept = fastkm.kmeans1d(fastkm.read_raster(path, missing="keep"), 2)
    wanted = fastkm.kmeans1d(np.asarray(expected), 2)
    np.testing.assert_allclose(kept.centroids, wanted.centroids)
    assert kept.counts.tolist() == wanted.counts.tolist()


@pytest.mark.parametrize(("stored", "attrs", "expected", "note"), NOTED.values(), ids=NOTED)
def test_what_is_ignored_or_guessed_is_said(tmp_path, stored, attrs, expected, note):
    path = write_netcdf(tmp_path / "a.nc", stored, **attrs)
    for missing in ("mask", "keep"):
        with pytest.warns(UserWarning, match=note):
            raster = fastkm.read_raster(path, missing=missing)
        if missing == "mask":
            np.testing.assert_allclose(raster.values, expected)
        wanted = fastkm.kmeans1d(np.asarray(expected, np.float64), 2)
        np.testing.assert_allclose(fastkm.kmeans1d(raster, 2).centroids, wanted.centroids)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize(("scale", "offset"), [(-0.1, 20.0), (0.5, 10000.0), (1e-3, 0.0)])
def test_floats_that_are_packed_reach_the_ends_of_their_range(tmp_path, dtype, scale, offset):
    stored = np.sort(np.random.default_rng(0).normal(0, 40, 60).astype(dtype)).reshape(6, 10)
    for low, high in zip(stored[1], stored[4], strict=True):
        ends = {"valid_min": low, "valid_max": high}
        path = write_netcdf(
            tmp_path / "a.nc", stored, scale_factor=scale, add_offset=offset, **ends
        )
        kept = np.isfinite(fastkm.read_raster(path).values)
        np.testing.assert_array_equal(kept, (stored >= low) & (stored <= high))


def test_a_valid_range_is_hidden_by_unsigned_numbers(tmp_path):
    path = write_netcdf(tmp_path / "a.nc", STORED, valid_max=np.int16(200))
    assert describe_variables(path)[0].hidden == {"valid_max": [255.0]}


@pytest.mark.parametrize("form", ["NETCDF3_CLASSIC", "NETCDF4"])
def test_texts_may_be_numbers_or_arrays(tmp_path, form):
    odd = {
        "units": np.int32(1),
        "long_name": np.array([1.0, 2.0]),
        "standard_name": np.float32(3),
        "axis": np.array([1, 2], "i4"),
        "coordinates": np.int32(5),
        "ancillary_variables": np.array([1.0, 2.0]),
        "cell_methods": np.int32(1),
    }
    coords = {
        "lat": (np.array([10.0, 20.0]), {**odd, "valid_range": np.float64(1)}),
        "lon": (np.array([0.5, 1.5, 2.5]), odd),
    }
    path = write_netcdf(tmp_path / "a.nc", SHORTS, coords=coords, form=form, **odd)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "attribute valid_range of 'lat'")
        raster = fastkm.read_raster(path)
        [described] = describe_variables(path)
        outlines = fastkm.outline(raster, 2)
    assert (described.units, described.long_name) == ("1", "1.0, 2.0")
    assert raster["lon"].values.tolist() == [0.5, 1.5, 2.5]
    assert outlines["cells"].sum() == 6


def test_numbers_too_large_for_floats_are_missing_with_a_note(tmp_path):
    path = write_netcdf(tmp_path / "a.nc", SHORTS, scale_factor=1e307)
    with pytest.warns(UserWarning, match="3 cells of 'water' are missing, because their scale"):
        raster = fastkm.read_raster(path)
    np.testing.assert_allclose(raster.values, [[0, 1e307, nan], [-1e307, nan, nan]])
    assert describe_variables(path)[0].missing == {"overflow": 3}
    with pytest.raises(ValueError, match="must not be infinite"):
        fastkm.kmeans1d(fastkm.read_raster(path, missing="keep"), 2)


def test_a_huge_scale_is_clustered_as_any_other(tmp_path):
    raster = fastkm.read_raster(write_netcdf(tmp_path / "a.nc", SHORTS, scale_factor=1e300))
    with pytest.warns(UserWarning, match="the inertia is beyond float64"):
        result = fastkm.kmeans1d(raster, 2)
    assert (result.inertia, result.gap) == (np.inf, 0.0)
    np.testing.assert_allclose(result.centroids, [-1.4e301, 1.135e302], rtol=1e-12)


@pytest.mark.parametrize("command", ["info", "cluster", "outline"])
def test_commands_print_no_traceback(tmp_path, command):
    coords = {"lat": ([0.0, 9.0], NORTH), "lon": ([0.0, 9, 18], EAST)}
    texts = {"scale_factor": "0.1", "add_offset": "0"}
    path = write_netcdf(tmp_path / "a.nc", SHORTS, coords=coords, **texts)
    options = {"info": [], "cluster": ["-k", 2, "-o", tmp_path / "a.tif"],
               "outline": ["-k", 2, "-o", tmp_path / "a.gpkg"]}[command]  # fmt: skip
    with pytest.warns(UserWarning, match="of 'water' is not a number but a text"):
        result = CliRunner().invoke(app, [command, str(path), *map(str, options)])
    assert result.exit_code == 0, result.output


# Days


@pytest.mark.parametrize("units", ["days", "days since 2000-01-01"])
@pytest.mark.parametrize("form", ["netCDF", "Zarr"])
def test_days_are_data(tmp_path, units, form):
    times = {
        "time": (np.array([0, 31]), SINCE_1988),
        "lat": ([0.0, 9.0], NORTH),
        "lon": ([0.0, 9, 18], EAST),
    }
    stored = np.stack([SHORTS, SHORTS + 1])
    attrs = {"units": units, "_FillValue": np.int16(-1)}
    path = write_netcdf(tmp_path / "melt.nc", stored, ("time", "lat", "lon"), coords=times, **attrs)
    if form == "Zarr":
        path = write_store(tmp_path / "melt.zarr", path)
    raster = fastkm.read_raster(path, time=0)
    np.testing.assert_array_equal(raster.values, [[0, 1, 100], [nan, -56, 127]])
    assert raster.attrs["units"] == units
    assert str(raster["time"].values).startswith("1988-01")
    assert read_stack(path, time="all").shape == (2, 2, 3)
    [described] = describe_variables(path)
    assert (described.units, described.missing) == (units, {"_FillValue": 1})
    lazy = fastkm.open_archive(path)
    assert fastkm.kmeans1d(lazy, 2).counts.sum() == np.isfinite(lazy.values).sum() == 11


# Complex numbers


@pytest.mark.parametrize("dtype", ["complex64", "complex128", "complex_int16"])
def test_bands_of_complex_numbers_are_refused(tmp_path, dtype):
    path = write_tiff(tmp_path / "c.tif", np.ones((2, 3), "c8"))
    if dtype != "complex64":
        import rasterio

        with rasterio.open(path) as file:
            profile = {**file.profile, "dtype": dtype}
        with rasterio.open(path, "w", **profile) as file:
            file.write(np.ones((1, 2, 3), "c8"))
    for read in (fastkm.read_raster, describe_variables):
        with pytest.raises(ValueError, match="holds no band of real numbers"):
            read(path)
    with pytest.raises(ValueError, match=f"must hold real numbers, got {dtype}"):
        read_stack(path, bands=[1])


def test_variables_of_complex_numbers_are_refused(tmp_path):
    import netCDF4

    path = write_netcdf(tmp_path / "c.nc", SHORTS)
    with netCDF4.Dataset(path, "a") as file:
        kind = file.createCompoundType(np.dtype([("r", "f4"), ("i", "f4")]), "complex")
        file.createVariable("waves", kind, ("lat", "lon"))
        file.createVariable("names", "S1", ("lat", "lon"))
    assert [described.name for described in describe_variables(path)] == ["water"]
    for name, held in (("waves", r"compound values \(r, i\)"), ("names", r"\|S1")):
        with pytest.raises(ValueError, match=f"'{name}' must hold real numbers, but holds {held}"):
            fastkm.read_raster(path, name)
    with pytest.raises(ValueError, match="real numbers"):
        fastkm.kmeans1d(xr.DataArray(np.ones(4, "c8"), dims="x"), 2)


def test_names_of_coordinates_may_be_a_list(tmp_path):
    time = (np.array(1.0), {"units": "days since 2000-01-01"}, ())
    path = write_netcdf(
        tmp_path / "a.nc", np.ones((2, 3)), more={"time": time}, coordinates=["time", "nowhere"]
    )
    assert str(fastkm.read_raster(path).time.values).startswith("2000-01-02")


@pytest.mark.parametrize("fill", [2**31 - 1, None])
def test_a_fill_value_of_32_bits_is_missing_beside_a_scale_in_float32(tmp_path, fill):
    path = tmp_path / "a.nc"
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("y", 1)
        file.createDimension("x", 3)
        stored = file.createVariable("t", "i4", ("y", "x"), fill_value=fill)
        stored.set_auto_maskandscale(False)
        stored.scale_factor = np.float32(0.5)
        stored[:] = [[1, 2, netCDF4.default_fillvals["i4"] if fill is None else fill]]
    np.testing.assert_array_equal(fastkm.read_raster(path).values, [[0.5, 1.0, np.nan]])
