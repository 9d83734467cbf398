"""Whether an input is still what it was when it was scanned.

Files are read several times in a run that may take hours, and one that was replaced in between
would give its values to the dates of another. So the size and the time of modification of an input
are compared before and after each read. A copy may keep both; so the times in the file are
compared, too. A file system with a cache may be late with all this by some seconds.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from typing import Any

import numpy as np

from fastkm.errors import ArchiveError
from fastkm.raster.io.open import is_zarr_store, netcdf_lock, open_netcdf4
from fastkm.raster.io.stamps import CHANGED, Stamp, read_stamp


def require_unchanged(
    path: str | os.PathLike[str], name: str, stamp: Stamp, arrays: Iterable[str] | None = None
) -> None:
    """Raise an ArchiveError, in which the input has this name, if its stamp is another one now."""
    try:
        now = read_stamp(path, arrays)
    except OSError as error:
        raise ArchiveError(name, "", f"cannot be read: {error.strerror}") from error
    if now != stamp:
        raise ArchiveError(name, "", CHANGED)


def read_times_digest(path: str | os.PathLike[str], variable: str, time: str) -> str:
    """Open a netCDF file and return what `hash_times` does; empty for a Zarr store."""
    if is_zarr_store(path):
        return ""
    with open_netcdf4(path) as file, netcdf_lock():
        return hash_times(file[variable], time)


def hash_times(variable: Any, time: str) -> str:
    """Return a digest of the time axis, as stored, of an open variable of netCDF4.

    It is empty if there is no such axis, or the variable is of a Zarr store.
    """
    group = variable.group() if hasattr(variable, "group") else None
    while group is not None and time not in group.variables:
        group = group.parent
    if group is None:
        return ""
    axis = group.variables[time]
    axis.set_auto_maskandscale(False)
    axis.set_auto_chartostring(False)
    meaning = [str(axis.__dict__.get(name)) for name in ("units", "calendar")]
    digest = hashlib.sha256("|".join(meaning).encode())
    values = np.asarray(axis[...])
    # texts of any length are objects, whose bytes are addresses
    digest.update(repr(values.tolist()).encode() if values.dtype.hasobject else values.tobytes())
    return digest.hexdigest()[:16]
