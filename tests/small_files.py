"""Small netCDF files for the tests, written with netCDF4 exactly as told: nothing is scaled."""

import struct
from pathlib import Path

import netCDF4
import numpy as np

REAL = Path(__file__).parents[1] / "../shared/data/tpw_v07r01_200910_digitised.nc"
PUBLISHED = REAL.with_name("tpw_200910_published_maps.npz")

NORTH = {"units": "degrees_north", "standard_name": "latitude"}
EAST = {"units": "degrees_east", "standard_name": "longitude"}
DAYS = {"units": "days since 2009-10-01", "standard_name": "time"}

OCTOBER_NOVEMBER = (np.array([0, 31], np.int32), DAYS)


def write_netcdf(
    path, values, dims=("lat", "lon"), *, coords=None, more=None, form="NETCDF4", **attrs
):
    """Write variable ``water``; ``coords`` and ``more`` map names to (values, attributes[, dims])."""
    values = np.asarray(values)
    with netCDF4.Dataset(path, "w", format=form) as file:
        for dim, size in zip(dims, values.shape, strict=True):
            file.createDimension(dim, size)
        for name, (numbers, attributes) in (coords or {}).items():
            _add(file, name, numbers, (name,), attributes)
        for name, (numbers, attributes, own_dims) in (more or {}).items():
            for dim, size in zip(own_dims, np.shape(numbers), strict=True):
                if dim not in file.dimensions:
                    file.createDimension(dim, size)
            _add(file, name, numbers, own_dims, attributes)
        _add(file, "water", values, dims, attrs)
    return path


def _add(file, name, numbers, dims, attributes):
    numbers, attributes = np.asarray(numbers), dict(attributes)
    fill = attributes.pop("_FillValue", None)
    kind = str if numbers.dtype.kind in "UO" else numbers.dtype
    variable = file.createVariable(name, kind, dims, fill_value=fill)
    variable.setncatts(attributes)
    if kind is not str:
        variable.set_auto_maskandscale(False)
    variable[...] = numbers.astype(object) if kind is str else numbers


def write_world(path, longitude=None, latitude=None, **attrs):
    """Write a small globe whose cells hold 1000 * latitude + longitude, with the sign of east."""
    longitude = np.arange(5.0, 360, 10) if longitude is None else np.asarray(longitude)
    latitude = np.arange(-85.0, 90, 10) if latitude is None else np.asarray(latitude)
    values = 1000 * latitude[:, None] + longitude % 360
    coords = {"lat": (latitude, NORTH), "lon": (longitude, EAST)}
    return write_netcdf(path, values, coords=coords, **attrs)


def write_basin(path, shape=(12, 24), **more):
    """Write a small sea with land at -999, ice at -500 and a moist patch that is not at an edge.

    Names, types and attributes are those of the real raster; values are 1 to 60, all distinct.
    """
    rows, columns = shape
    latitude = np.linspace(-55, 55, rows).astype(np.float32)
    longitude = ((np.arange(columns) + 0.5) * 360 / columns).astype(np.float32)
    distance = np.hypot(
        np.arange(rows)[:, None] - rows / 2 + 0.3, np.arange(columns) / 2 - columns / 4 + 0.1
    )
    values = 60 - 50 * distance / distance.max() + np.linspace(0, 1, rows * columns).reshape(shape)
    values[:2] = -500.0
    values[:, :3] = -999.0
    water = {
        "units": "kg m-2",
        "long_name": "Precipitable Water",
        "_FillValue": np.float32(-999),
        "missing_value": np.float32(-999),
        "valid_min": np.float32(0),
        "valid_max": np.float32(75),
    }
    coords = {
        "time": (np.array([15], np.int32), DAYS),
        "latitude": (latitude, NORTH),
        "longitude": (longitude, EAST),
    }
    dims = ("time", "latitude", "longitude")
    return write_netcdf(path, values[None].astype(np.float32), dims, coords=coords, **water, **more)


def names(folder):
    """Names of the files in a folder."""
    return {file.name for file in folder.iterdir()}


def png_size(path):
    """Width and height from the header."""
    header = path.read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", header[16:])
