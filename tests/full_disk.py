"""A disk that is full, and what must not be left behind on it."""

import gc
from contextlib import contextmanager

import netCDF4
import pytest


@contextmanager
def files_up_to(size):
    """Let no file grow beyond some bytes, as on a disk that is full; fail if one is left open.

    netCDF4 would close such a file at any later time, while another thread may be reading.
    """
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    open_before = set(map(id, list_open_netcdf()))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not [file for file in list_open_netcdf() if id(file) not in open_before]


def list_open_netcdf():
    """List the netCDF files that this process has not closed."""
    return [found for found in gc.get_objects() if is_netcdf(found) and found.isopen()]


def is_netcdf(found):
    """Say whether an object is a netCDF file; not by ``isinstance``, which asks proxies."""
    return type(found) is netCDF4.Dataset
