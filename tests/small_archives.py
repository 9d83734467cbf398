"""Small archives for the tests: monthly files, one file, packed ones, Zarr stores, and faults."""

import ctypes
import os
from contextlib import contextmanager

import numpy as np
import xarray as xr

from tests.small_files import EAST, NORTH, write_netcdf

SHAPE = (6, 8)
LATITUDE = np.linspace(-50, 50, SHAPE[0]).astype(np.float32)
LONGITUDE = ((np.arange(SHAPE[1]) + 0.5) * 45).astype(np.float32)
SINCE_1988 = {"units": "days since 1988-01-01", "standard_name": "time", "axis": "T"}
WATER = {
    "units": "kg m-2",
    "long_name": "Precipitable water",
    "_FillValue": np.float32(-999),
    "missing_value": np.float32(-999),
    "valid_min": np.float32(0),
    "valid_max": np.float32(75),
}
PACKED = {
    "units": "kg m-2",
    "_FillValue": np.int16(-9999),
    "scale_factor": np.float32(0.01),
    "add_offset": np.float32(20),
}
DIMS = ("time", "lat", "lon")


def middle_of(month):
    """Days since 1988-01-01 to the middle of a month, counted from January 1988."""
    first = np.datetime64("1988-01") + month
    return int((first.astype("datetime64[D]") - np.datetime64("1988-01-01")).astype(int)) + 14


def values_of(month, shape=SHAPE):
    """Distinct values, land at -999, and ice at -500 that moves."""
    rng = np.random.default_rng(month)
    values = rng.uniform(1, 70, shape).round(2).astype(np.float32)
    values[:, 0] = -999
    values[0, 1 + month % 5] = -500
    return values


def write_month(path, month, *, values=None, coords=None, time=None, dims=DIMS, **attrs):
    """Write one step; ``coords`` replaces coordinates, ``time`` is (numbers, attributes)."""
    values = values_of(month) if values is None else values
    given = {
        "time": (np.array([middle_of(month)], np.int32), SINCE_1988) if time is None else time,
        "lat": (LATITUDE, NORTH),
        "lon": (LONGITUDE, EAST),
        **(coords or {}),
    }
    described = attrs if "_FillValue" in attrs else {**WATER, **attrs}
    described = {name: value for name, value in described.items() if value is not None}
    form = described.pop("form", "NETCDF4")
    return write_netcdf(path, values[None], dims, coords=given, form=form, **described)


def write_months(folder, count=4, **attrs):
    """Write a file a month, from January 1988."""
    return [write_month(folder / f"pw_{m + 1}.nc", m, **attrs) for m in range(count)]


def write_single(path, count=4, **attrs):
    """Write all months into one file."""
    values = np.stack([values_of(month) for month in range(count)])
    coords = {
        "time": (np.array([middle_of(m) for m in range(count)], np.int32), SINCE_1988),
        "lat": (LATITUDE, NORTH),
        "lon": (LONGITUDE, EAST),
    }
    return write_netcdf(path, values, DIMS, coords=coords, **{**WATER, **attrs})


def write_packed(path, month, **attrs):
    """Write a month as 16-bit integers."""
    stored = np.arange(48, dtype=np.int16).reshape(SHAPE) * 10 + month
    stored[:, 0] = -9999
    return write_month(path, month, values=stored, **{**PACKED, **attrs})


def write_store(folder, source, *, zarr_format=2, consolidated=False, chunks=None):
    """Copy a netCDF file, numbers as stored, into a Zarr store."""
    with xr.open_dataset(source, mask_and_scale=False, decode_times=False) as dataset:
        dataset.load()
        dataset.water.encoding = {} if chunks is None else {"chunks": chunks}
        dataset.to_zarr(folder, zarr_format=zarr_format, consolidated=consolidated, mode="w")
    return folder


def truncated(path, keep=0.5):
    """Cut a file off."""
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    return path


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


@contextmanager
def without_privileges():
    """Let this thread be refused by permissions, also where it is root's (Linux)."""
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = _Header(0x20080522, 0), (_Sets * 2)()
    if libc.capget(ctypes.byref(header), sets):
        raise OSError(ctypes.get_errno(), "capget")
    before = sets[0].effective
    sets[0].effective = before & ~0b110  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    if libc.capset(ctypes.byref(header), sets):
        raise OSError(ctypes.get_errno(), "capset")
    try:
        yield
    finally:
        sets[0].effective = before
        libc.capset(ctypes.byref(header), sets)
