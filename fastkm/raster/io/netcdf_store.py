"""A netCDF file for xarray whose attributes, too, are read under the lock.

xarray takes the lock for numbers only, and another thread may be reading numbers at that time: a
dask computation that fails leaves its other threads at work.
"""

from __future__ import annotations

from typing import Any

from xarray.backends import NetCDF4DataStore


class NetcdfStore(NetCDF4DataStore):
    """xarray's store of an open file; who opened the file closes it."""

    __slots__ = ()

    def load(self) -> Any:
        """Return the variables, whose numbers are read when they are used, and the attributes."""
        untyped: Any = super()
        with self.lock:
            return untyped.load()
