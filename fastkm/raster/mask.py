"""Masks: rasters on the same grid, or polygons, that say which cells of a raster are used."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from fastkm.raster.grid.axes import find_raster_variables
from fastkm.raster.io.lazy.masks import require_mask_grid
from fastkm.raster.io.mask_file import is_polygon_file, refuse_share
from fastkm.raster.io.read_netcdf import Bbox, read_raster
from fastkm.raster.polygon_masks.polygon_mask import read_polygon_mask

if TYPE_CHECKING:
    import xarray as xr

Raster = TypeVar("Raster", bound="xr.DataArray | xr.Dataset")


def apply_mask(
    raster: Raster,
    path: str | os.PathLike[str],
    *,
    bbox: Bbox | None = None,
    share: float | None = None,
) -> Raster:
    """Make the cells of a raster missing in which the mask is 0 or missing, or outside of polygons.

    The raster comes from `read_raster` or `read_stack`; `bbox` is the box by which it was cropped.
    The mask is a netCDF or GeoTIFF file with one raster on the same grid; or a file of polygons of any
    reference system, such as a .gpkg, .shp or .geojson. Then the cells are kept whose centres lie in
    them or, if `share` is given, of which at least this share does.

    Raises
    ------
    ValueError
        If the mask is on another grid; if it has no polygons, or no cell lies in them.
    OSError
        If the file cannot be read.
    """
    masked: Any = raster
    if not hasattr(raster, "data_vars"):
        keep = read_kept_cells(path, bbox=bbox, grid=masked, share=share)
        masked = masked.where(keep)
        masked.encoding = raster.encoding
        return masked
    masked = raster.copy()
    names = find_raster_variables(masked)
    first = masked[names[0]] if names else None
    keep = read_kept_cells(path, bbox=bbox, grid=first, share=share)
    for name in names:
        masked[name] = masked[name].where(keep)
        masked[name].encoding = raster[name].encoding
    return masked


def read_kept_cells(
    path: str | os.PathLike[str],
    *,
    bbox: Bbox | None = None,
    grid: xr.DataArray | None = None,
    share: float | None = None,
) -> np.ndarray:
    """Read which cells a mask file keeps, (rows, columns): where it is neither 0 nor missing.

    If `grid` is given, a raster whose last two dimensions are rows and columns, the mask must have
    its grid, or has polygons; see `apply_mask`.
    """
    if grid is not None and is_polygon_file(path):
        return read_polygon_mask(path, grid, share)
    refuse_share(path, share)
    mask = read_raster(path, bbox=bbox)
    if grid is not None:
        require_mask_grid(mask, grid, path)
    return np.asarray(np.nan_to_num(mask.values) != 0)
