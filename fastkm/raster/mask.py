"""Masks: rasters that say which cells of another raster on the same grid are used."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from fastkm.raster.grid.axes import find_raster_variables
from fastkm.raster.io.lazy.masks import require_mask_grid
from fastkm.raster.io.read_netcdf import Bbox, read_raster

if TYPE_CHECKING:
    import xarray as xr

Raster = TypeVar("Raster", bound="xr.DataArray | xr.Dataset")


def apply_mask(raster: Raster, path: str | os.PathLike[str], *, bbox: Bbox | None = None) -> Raster:
    """Make the cells of a raster missing in which the mask is 0 or missing.

    The raster comes from `read_raster` or `read_stack`; `bbox` is the box by which it was cropped.
    The mask is a netCDF or GeoTIFF file with one raster on the same grid.

    Raises
    ------
    ValueError
        If the mask is on another grid.
    OSError
        If the file cannot be read.
    """
    masked: Any = raster
    if not hasattr(raster, "data_vars"):
        keep = read_kept_cells(path, bbox=bbox, grid=masked)
        masked = masked.where(keep)
        masked.encoding = raster.encoding
        return masked
    masked = raster.copy()
    names = find_raster_variables(masked)
    keep = read_kept_cells(path, bbox=bbox, grid=masked[names[0]] if names else None)
    for name in names:
        masked[name] = masked[name].where(keep)
        masked[name].encoding = raster[name].encoding
    return masked


def read_kept_cells(
    path: str | os.PathLike[str], *, bbox: Bbox | None = None, grid: xr.DataArray | None = None
) -> np.ndarray:
    """Read which cells a mask file keeps, (rows, columns): where it is neither 0 nor missing.

    If `grid` is given, a raster whose last two dimensions are rows and columns, the mask must have
    its grid; see `apply_mask`.
    """
    mask = read_raster(path, bbox=bbox)
    if grid is not None:
        require_mask_grid(mask, grid, path)
    return np.asarray(np.nan_to_num(mask.values) != 0)
