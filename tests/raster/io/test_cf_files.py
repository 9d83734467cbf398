"""Files of labels keep to CF 1.8, whatever types their inputs have."""

import netCDF4
import numpy as np
import pytest
import xarray as xr
from pyproj import CRS

import fastkm
from fastkm.raster.io.write_netcdf import write_labels
from fastkm.raster.io.write_netcdf_series import join_label_series, write_label_series
from fastkm.raster.labels import label_raster
from fastkm.raster.multifile.combine import combine_files
from fastkm.raster.multifile.scan import scan_file
from tests.cf_checker import list_faults
from tests.small_archives import SINCE_1988, write_month
from tests.small_files import DAYS, EAST, NORTH, write_netcdf
from tests.small_tiffs import from_origin, write_tiff

VALUES = np.arange(12.0).reshape(3, 4)
LATITUDE, LONGITUDE = np.arange(-10, 20, 10), np.arange(0, 40, 10)
PLANE = {
    d: (np.arange(n) * 1000, {"standard_name": f"projection_{d}_coordinate", "units": "m"})
    for d, n in (("y", 3), ("x", 4))
}
POLE = {
    "grid_mapping_name": "rotated_latitude_longitude",
    "grid_north_pole_latitude": 39.25,
    "grid_north_pole_longitude": -162.0,
}
TURNED = {
    "rlat": (np.arange(3), {"standard_name": "grid_latitude", "units": "degrees", "axis": "Y"}),
    "rlon": (np.arange(4), {"standard_name": "grid_longitude", "units": "degrees", "axis": "X"}),
}
LIMITS = {"valid_range": np.array([-90, 90]), "actual_range": np.array([-90, 90])}


def write_latitudes(path):
    """All integers have 64 bits, among them times and their limits."""
    coords = {
        "time": (np.array([15]), {**DAYS, "valid_min": np.int64(0)}),
        "lat": (LATITUDE, {**NORTH, **LIMITS, "bounds": "lat_limits"}),
        "lon": (LONGITUDE, EAST),
    }
    limits = np.stack([LATITUDE - 5, LATITUDE + 5], axis=1)
    more = {"member": (np.uint32(3), {}, ()), "lat_limits": (limits, {}, ("lat", "nv"))}
    attrs = {"units": "kg m-2", "coordinates": "member"}
    dims = ("time", "lat", "lon")
    return write_netcdf(path, VALUES[None], dims, coords=coords, more=more, **attrs)


def write_projected(path):
    more = {"crs": (np.int64(0), CRS(32633).to_cf(), ())}
    return write_netcdf(path, VALUES, ("y", "x"), coords=PLANE, more=more, grid_mapping="crs")


def write_rotated(path):
    more = {"pole": (np.int64(0), POLE, ())}
    dims = ("rlat", "rlon")
    return write_netcdf(path, VALUES, dims, coords=TURNED, more=more, grid_mapping="pole")


def write_curvilinear(path):
    north, east = np.meshgrid(LATITUDE, LONGITUDE, indexing="ij")
    more = {"lat": (north, NORTH, ("j", "i")), "lon": (east, EAST, ("j", "i"))}
    coords = {"j": (np.arange(3), {}), "i": (np.arange(4), {})}
    return write_netcdf(path, VALUES, ("j", "i"), coords=coords, more=more, coordinates="lat lon")


def write_wgs84(path):
    path = path.with_suffix(".tif")
    write_tiff(path, VALUES, crs="EPSG:4326", transform=from_origin(0, 20, 10, 10))
    return path


WRITERS = [write_latitudes, write_projected, write_rotated, write_curvilinear, write_wgs84]


@pytest.fixture(params=WRITERS, ids=lambda function: function.__name__)
def raster(request, tmp_path):
    return fastkm.read_raster(request.param(tmp_path / "in.nc"))


def test_files_of_labels_pass_the_checker(raster, tmp_path):
    labels = label_raster(raster, fastkm.kmeans1d(raster, 3))
    write_labels(labels, tmp_path / "out.nc", source="-", history="-")
    assert list_faults(tmp_path / "out.nc") == []
    with xr.open_dataset(tmp_path / "out.nc", mask_and_scale=False) as file:
        for name in raster.coords:
            np.testing.assert_array_equal(file[name], raster[name])


def test_the_checker_finds_what_is_mended(tmp_path):
    faults = list_faults(write_latitudes(tmp_path / "in.nc"))
    assert any("int64" in fault for fault in faults)


def test_integers_become_the_shorter_ones_and_dates_floats(tmp_path):
    raster = fastkm.read_raster(write_latitudes(tmp_path / "in.nc"))
    labels = label_raster(raster, fastkm.kmeans1d(raster, 3))
    write_labels(labels, tmp_path / "out.nc", source="-", history="-")
    with netCDF4.Dataset(tmp_path / "out.nc") as file:
        kinds = {name: variable.dtype for name, variable in file.variables.items()}
        assert kinds == {
            "time": "f8", "lat": "i4", "lon": "i4", "member": "i4", "cluster": "i1",
        }  # fmt: skip
        assert file["lat"].valid_range.dtype == np.int32
        assert file["time"].valid_min.dtype == np.float64
        assert "actual_range" not in file["lat"].ncattrs()
        assert file["member"].long_name == "member"


@pytest.mark.parametrize(
    ("numbers", "kind"),
    [
        (np.array([1, 2, 3], "u2"), "i4"),
        (np.array([1, 2, 2**40]), "f8"),
        (np.array([1, 2, 2**53 + 1]), "i8"),
        (np.array([1, 2, 3], "i2"), "i2"),
        (np.array([1, 2, 3], "f4"), "f4"),
        (np.array(["a", "b", "c"]), str),
        (np.array(["a", "b", "c"], object), str),
        (np.array([1, 2, 3], "m8[h]"), "f8"),
        (xr.date_range("2001-01-01", periods=3, calendar="noleap", use_cftime=True), "f8"),
    ],
    ids=str,
)
def test_types_of_coordinates(tmp_path, numbers, kind):
    raster = xr.DataArray(VALUES, dims=("y", "x")).assign_coords(own=("y", numbers))
    labels = label_raster(raster, fastkm.kmeans1d(raster, 3))
    write_labels(labels, tmp_path / "out.nc", source="-", history="-")
    with netCDF4.Dataset(tmp_path / "out.nc") as file:
        assert file["own"].dtype == kind
    with xr.open_dataset(tmp_path / "out.nc", decode_timedelta=True) as file:
        np.testing.assert_array_equal(file["own"], numbers)


def test_a_series_of_files_passes_the_checker(tmp_path):
    coords = {
        "time": (np.array([15, 46]), DAYS),
        "lat": (LATITUDE, NORTH),
        "lon": (LONGITUDE, EAST),
    }
    values = np.stack([VALUES, VALUES + 1])
    dims = ("time", "lat", "lon")
    write_netcdf(tmp_path / "in.nc", values, dims, coords=coords, units="K")
    with xr.open_dataset(tmp_path / "in.nc") as file:
        series = file["water"].load()
    codebooks = [fastkm.kmeans1d(step, 2) for step in series]
    labels = label_raster(series, codebooks[0])
    for own in (None, codebooks):
        write_label_series(labels, tmp_path / "out.nc", source="-", history="-", codebooks=own)
        assert list_faults(tmp_path / "out.nc") == []


def test_parts_of_long_integer_times_are_joined(tmp_path):
    units = {**SINCE_1988, "units": "seconds since 1988-01-01"}
    paths = [
        write_month(tmp_path / f"{m}.nc", m, time=(np.array([seconds]), units))
        for m, seconds in enumerate([10**6, 2**33])  # the first fits into 32 bits
    ]
    archive = combine_files([scan_file(path) for path in paths])
    book = fastkm.kmeans1d(archive.read(0, 2), 2)
    parts = []
    for step in range(2):
        parts.append(tmp_path / f"part{step}.nc")
        labels = label_raster(archive.read(step, step + 1), book)
        write_label_series(labels, parts[-1], source="-", history="-")
    join_label_series(parts, tmp_path / "out.nc")
    assert list_faults(tmp_path / "out.nc") == []
    with xr.open_dataset(tmp_path / "out.nc") as file:
        np.testing.assert_array_equal(file.time, archive.make_time_coordinate())
