"""A disk that is full, and what must not be left behind on it."""

import gc
from contextlib import contextmanager
from pathlib import Path

import netCDF4
import pytest


@contextmanager
def files_up_to(size):
    """Let no file grow beyond some bytes, as on a disk that is full."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def list_open_netcdf(folder):
    """List the netCDF files below a folder that this process has not closed.

    Python would close them later, when it frees memory: perhaps while another thread reads.
    """
    files = [found for found in gc.get_objects() if type(found) is netCDF4.Dataset]
    return [
        file for file in files if file.isopen() and Path(file.filepath()).is_relative_to(folder)
    ]
