"""Rasters on the grid of a label map: checked, as rows and columns, with missing cells NaN."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core import validation
from fastkm.vector.polygonize import to_cells_and_grid, to_plane

if TYPE_CHECKING:
    import xarray as xr


def require_data_array(name: str, array: Any) -> xr.DataArray:
    """Return an array if it is xarray's, otherwise raise."""
    import xarray as xr

    validation.refuse_path(name, array)
    if not isinstance(array, xr.DataArray):
        raise TypeError(f"{name} must be an xarray.DataArray, got {type(array).__name__}")
    return array


def align(
    raster: xr.DataArray, labels: xr.DataArray, shape: tuple[int, ...], name: str
) -> xr.DataArray:
    """Return a raster, which must be on the grid of the labels, as (row, column)."""
    plane: xr.DataArray = to_plane(require_data_array(name, raster), name)
    if plane.shape != shape:
        raise ValueError(f"{name} must have the shape of the labels, {shape}, got {plane.shape}")
    for dim in set(raster.dims) & set(labels.dims) & set(raster.coords) & set(labels.coords):
        if not np.array_equal(raster[dim].values, labels[dim].values):
            raise ValueError(f"{name} must be on the grid of the labels, but {dim!r} differs")
    return plane


def read_aligned(
    raster: xr.DataArray, labels: xr.DataArray, shape: tuple[int, ...], name: str
) -> np.ndarray:
    """Return the cells of a raster on the grid of the labels, NaN where missing."""
    cells = to_cells_and_grid(align(raster, labels, shape, name), name)[0]
    if isinstance(cells, np.ma.MaskedArray):
        return np.where(np.ma.getmaskarray(cells), np.nan, cells.data)
    return np.asarray(cells)
