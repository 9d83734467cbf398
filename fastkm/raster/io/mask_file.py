"""Whether the file of a mask holds a raster or polygons."""

from __future__ import annotations

import os
from pathlib import Path

from fastkm.raster.io.geotiff.read_geotiff import is_geotiff
from fastkm.raster.io.open import is_zarr_store

RASTERS = (".nc", ".nc3", ".nc4", ".cdf", ".h5", ".hdf5", ".he5", ".zarr")
"""Extensions of files that hold rasters, and never polygons."""

MAGIC = (b"CDF", b"\x89HDF", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""First bytes of netCDF, HDF5 and TIFF files."""


def is_polygon_file(path: str | os.PathLike[str]) -> bool:
    """Return True unless a file holds a raster, by its name or its first bytes.

    Examples
    --------
    >>> is_polygon_file("basin.gpkg"), is_polygon_file("basin.nc"), is_polygon_file("basin.tif")
    (True, False, False)
    """
    if Path(path).suffix.lower() in RASTERS or is_geotiff(path) or is_zarr_store(path):
        return False
    if not Path(path).is_file():
        return bool(os.fspath(path))
    with Path(path).open("rb") as file:
        return not file.read(4).startswith(MAGIC)


def require_mask(mask: str | os.PathLike[str] | None, share: float | None) -> None:
    """Raise a ValueError if a share is given without a mask."""
    if mask is None and share is not None:
        raise ValueError("mask_share (--mask-share) needs a mask of polygons, got none")


def refuse_share(path: str | os.PathLike[str], share: float | None) -> None:
    """Raise a ValueError if a share is given for a mask that is a raster."""
    if share is not None:
        raise ValueError(
            f"mask_share (--mask-share) is for polygons, but mask {os.fspath(path)} is a raster"
        )
