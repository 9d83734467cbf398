"""Masks: a second raster on the same grid that says which cells take part."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from fastkm.raster.read import Bbox, read_raster

if TYPE_CHECKING:
    import xarray as xr


def apply_mask(
    raster: xr.DataArray, path: str | os.PathLike[str], *, bbox: Bbox | None = None
) -> xr.DataArray:
    """Make the cells of `raster` missing where the mask file holds 0 or is missing.

    Parameters
    ----------
    raster : xarray.DataArray
        From `read_raster`, cut by the same `bbox`.
    path : path-like
        A netCDF file with one raster on the same grid.
    bbox : (west, south, east, north), optional
        The box that `raster` was cut by.

    Raises
    ------
    ValueError
        If the mask is on another grid.
    OSError
        If the file cannot be read.
    """
    mask = read_raster(path, bbox=bbox)
    if mask.shape != raster.shape:
        raise ValueError(
            f"mask {os.fspath(path)} has shape {mask.shape}, the raster {raster.shape}"
        )
    for own, other in zip(raster.dims, mask.dims, strict=True):
        both = own in raster.coords and other in mask.coords
        if both and not np.allclose(raster[own], mask[other], rtol=0, atol=1e-4):
            raise ValueError(f"mask {os.fspath(path)} has other coordinates {own} than the raster")
    keep = np.nan_to_num(mask.values) != 0
    masked = raster.where(keep)
    masked.encoding = raster.encoding
    return masked
