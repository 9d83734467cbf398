"""Open a file that is described, once for all that is said of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from fastkm.raster.io.choose import OpenVariable, list_raster_variables, open_variables
from fastkm.raster.io.geotiff.read_geotiff import is_geotiff, open_geotiff
from fastkm.raster.io.open import is_zarr_store
from fastkm.raster.io.stamps import Stamp, read_stamp


class OpenFile(NamedTuple):
    """An open file."""

    path: str | os.PathLike[str]
    tiff: Any  # rasterio's dataset of a GeoTIFF, otherwise None
    rasters: list[OpenVariable]  # the raster variables of any other file, as they are stored
    stamps: list[Stamp]  # one for each of them, or one of a GeoTIFF, read before it was opened


Source = str | os.PathLike[str] | OpenFile


@contextmanager
def open_file(source: Source) -> Iterator[OpenFile]:
    """Open a netCDF file, a Zarr store or a GeoTIFF, unless it is open.

    Raises
    ------
    OSError
        If the file cannot be read.
    ImportError
        If the file is a GeoTIFF and rasterio or rioxarray is not installed.
    """
    if isinstance(source, OpenFile):
        yield source
    elif is_geotiff(source):
        stamps = _read_stamps(source, [""])
        with open_geotiff(source) as tiff:
            yield OpenFile(source, tiff, [], stamps)
    else:
        # the stamp of a store is that of its arrays, whose names have to be known before
        names = list_raster_variables(source) if is_zarr_store(source) else None
        stamps = _read_stamps(source, names or [""])
        with open_variables(source, names, decode=False, place=False) as rasters:
            yield OpenFile(source, None, rasters, stamps if names else stamps * len(rasters))


def _read_stamps(path: str | os.PathLike[str], names: list[str]) -> list[Stamp]:
    """Read the stamps of arrays; none if there is no file, which whoever opens it says."""
    return [read_stamp(path, [name]) for name in names] if Path(path).exists() else []
