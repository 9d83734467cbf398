"""Masks: a second raster on the same grid that says which cells take part."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from fastkm.raster.grid.axes import raster_variables
from fastkm.raster.io.read_netcdf import Bbox, read_raster

if TYPE_CHECKING:
    import xarray as xr

Raster = TypeVar("Raster", bound="xr.DataArray | xr.Dataset")


def apply_mask(raster: Raster, path: str | os.PathLike[str], *, bbox: Bbox | None = None) -> Raster:
    """Make the cells of `raster` missing where the mask file holds 0 or is missing.

    Parameters
    ----------
    raster : xarray.DataArray or xarray.Dataset
        From `read_raster` or `read_stack`, cut by the same `bbox`.
    path : path-like
        A netCDF or GeoTIFF file with one raster on the same grid.
    bbox : (west, south, east, north), optional
        The box that `raster` was cut by.

    Raises
    ------
    ValueError
        If the mask is on another grid.
    OSError
        If the file cannot be read.
    """
    given: Any = raster
    if not hasattr(given, "data_vars"):
        keep = kept_cells(path, bbox=bbox, grid=given)
        masked: Raster = _masked_by(keep, given)
        return masked
    made = given.copy()
    names = raster_variables(given)
    keep = kept_cells(path, bbox=bbox, grid=given[names[0]] if names else None)
    for name in names:
        made[name] = _masked_by(keep, given[name])
        made[name].encoding = given[name].encoding
    return made


def kept_cells(
    path: str | os.PathLike[str], *, bbox: Bbox | None = None, grid: xr.DataArray | None = None
) -> np.ndarray:
    """Read which cells a mask file keeps: those where it is neither 0 nor missing.

    Parameters
    ----------
    path, bbox
        As for `apply_mask`.
    grid : xarray.DataArray, optional
        A raster, its last two dimensions rows and columns, whose grid the mask must have.

    Returns
    -------
    (rows, columns) bool array

    Raises
    ------
    ValueError
        If the mask is on another grid.
    OSError
        If the file cannot be read.
    """
    mask = read_raster(path, bbox=bbox)
    if grid is not None:
        _require_grid(mask, grid, path)
    return np.asarray(np.nan_to_num(mask.values) != 0)


def _require_grid(mask: xr.DataArray, raster: xr.DataArray, path: str | os.PathLike[str]) -> None:
    """Raise unless the mask has the rows and columns of the raster."""
    shape = raster.shape[-2:]
    if mask.shape != shape:
        raise ValueError(f"mask {os.fspath(path)} has shape {mask.shape}, the raster {shape}")
    for own, other in zip(raster.dims[-2:], mask.dims, strict=True):
        both = own in raster.coords and other in mask.coords
        if both and not np.allclose(raster[own], mask[other], rtol=0, atol=1e-4):
            raise ValueError(f"mask {os.fspath(path)} has other coordinates {own} than the raster")


def _masked_by(keep: np.ndarray, raster: xr.DataArray) -> Any:
    """Make the cells of one raster or stack missing that are not kept."""
    masked = raster.where(keep)
    masked.encoding = raster.encoding
    return masked
