"""Opening what holds rasters, netCDF files and Zarr stores alike, numbers as stored."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastkm.raster.io.netcdf3 import require_whole
from fastkm.raster.io.read_netcdf import open_netcdf

if TYPE_CHECKING:
    import xarray as xr

STORE_MARKS = ("zarr.json", ".zgroup", ".zmetadata")
"""Files that make a folder a Zarr store, of format 3 and 2."""


def is_store(path: str | os.PathLike[str]) -> bool:
    """Tell whether a path is a folder that holds a Zarr store."""
    return any(Path(path, mark).is_file() for mark in STORE_MARKS)


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[xr.Dataset]:
    """Open a netCDF file or a Zarr store, numbers as stored and times decoded.

    Raises
    ------
    OSError
        If it cannot be read, or is of netCDF3 and cut off.
    ImportError
        If it is a Zarr store and zarr, of the extra ``archive``, is not installed.
    """
    if not is_store(path):
        with open_netcdf(path, decode=False) as dataset:
            require_whole(path)
            yield dataset
        return
    with opened_store(path) as dataset:
        yield dataset


def opened_store(path: str | os.PathLike[str], *, decode_cf: bool = True) -> xr.Dataset:
    """Open a Zarr store; see `opened`.

    Parameters
    ----------
    path : path-like
        The folder.
    decode_cf : bool, default: True
        Decode times; numbers are as stored either way.
    """
    import xarray as xr

    try:
        import zarr  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"{os.fspath(path)} is a Zarr store, which needs zarr: pip install 'fastkm[archive]'"
        ) from error
    options: dict[str, Any] = {"decode_cf": False}
    if decode_cf:
        options = {"mask_and_scale": False, "decode_timedelta": False}
    # not consolidated: asked so, stores of either kind open, and none warns
    options |= {"engine": "zarr", "chunks": None, "consolidated": False}
    try:
        with warnings.catch_warnings():  # as `open_netcdf` does
            warnings.filterwarnings("ignore", "Unable to decode time", xr.SerializationWarning)
            return _opened(path, options)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise OSError(f"{os.fspath(path)} cannot be read as a Zarr store: {reason}") from error


def _opened(path: str | os.PathLike[str], options: dict[str, Any]) -> xr.Dataset:
    """Open with dates decoded, or as numbers where no calendar has their units."""
    import xarray as xr

    try:
        return xr.open_dataset(path, **options)
    except ValueError:
        return xr.open_dataset(path, **{**options, "decode_times": False})


def netcdf_lock() -> Any:
    """Give the lock to hold while netCDF4 is used, which is not safe to call from two threads.

    It is that of xarray, whose own reading is then kept apart from this as well.
    """
    from xarray.backends.locks import HDF5_LOCK, NETCDFC_LOCK, combine_locks

    return combine_locks([NETCDFC_LOCK, HDF5_LOCK])
