"""Masks of lazy rasters: cells that a mask leaves out hold a number that means missing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np

from fastkm._core import cf_missing, cf_rules

if TYPE_CHECKING:
    import dask.array as da
    import xarray as xr

    from fastkm.raster.polygon_masks.polygon_mask import PolygonMask


def require_mask_grid(
    mask: xr.DataArray, raster: xr.DataArray, path: str | os.PathLike[str]
) -> None:
    """Raise a ValueError unless the mask of a file has the rows and columns of the raster."""
    shape = raster.shape[-2:]
    if mask.shape != shape:
        raise ValueError(f"mask {os.fspath(path)} has shape {mask.shape}, the raster {shape}")
    for own, other in zip(raster.dims[-2:], mask.dims, strict=True):
        both = own in raster.coords and other in mask.coords
        if both and not np.allclose(raster[own], mask[other], rtol=0, atol=1e-4):
            raise ValueError(f"mask {os.fspath(path)} has other coordinates {own} than the raster")


def mask_lazily(raster: xr.DataArray, mask: xr.DataArray) -> xr.DataArray:
    """Return a lazy raster as stored in which the cells are missing where a mask is 0 or missing.

    If no stored number means missing, the raster is decoded. The mask is lazy too, and as stored.
    """
    import dask.array as da

    find_kept = partial(_find_kept, attrs=mask.attrs, encoding=mask.encoding)
    keep = da.map_blocks(find_kept, mask.data, dtype=bool)
    return _keep_cells(raster, keep.rechunk(raster.data.chunks[-2:]))


def mask_by_polygons(raster: xr.DataArray, mask: PolygonMask) -> xr.DataArray:
    """Return a lazy raster as `mask_lazily` does, without the cells outside of polygons."""
    import dask.array as da

    rows, columns = (
        da.arange(size, chunks=(lengths,))
        for size, lengths in zip(raster.shape[-2:], raster.data.chunks[-2:], strict=True)
    )
    find_kept = partial(_find_cells_in_polygons, mask=mask)
    chunks, name = (rows.chunks[0], columns.chunks[0]), f"mask-{uuid4().hex}"
    keep = da.map_blocks(
        find_kept, rows[:, None], columns[None], name=name, dtype=bool, chunks=chunks
    )
    return _keep_cells(raster, keep)


def _keep_cells(raster: xr.DataArray, keep: da.Array) -> xr.DataArray:
    """Return a lazy raster as stored, or decoded, with missing cells where `keep` is False."""
    import dask.array as da

    absent = find_missing_number(raster)
    if absent is None:
        raster = decode_lazily(raster)
        absent = raster.dtype.type(np.nan)
    return raster.copy(data=da.where(keep, raster.data, absent))


def find_missing_number(array: xr.DataArray) -> Any:
    """Return a number that means missing among those of an array as stored; None if there is none."""
    fill = np.ravel(np.asarray(array.attrs.get("_FillValue", "")))
    if fill.dtype.kind in "iuf" and len(fill) == 1:
        number = fill.astype(array.dtype)[0]
        probe = cf_missing.Described(np.array([number]), array.attrs, array.encoding)
        if cf_missing.find_missing(probe).all():
            return number
    return array.dtype.type(np.nan) if array.dtype.kind == "f" else None


def decode_lazily(array: xr.DataArray) -> xr.DataArray:
    """Return a lazy array as stored with physical numbers, floats with NaN in missing cells.

    The attributes that were applied move to the encoding.
    """
    import dask.array as da

    wide = cf_rules.is_packed(array.attrs) or array.dtype.itemsize > 2
    dtype = np.dtype(np.float64 if wide else np.float32)
    decode = partial(_decode, attrs=array.attrs, encoding=array.encoding, dtype=dtype)
    decoded = array.copy(data=da.map_blocks(decode, array.data, dtype=dtype))
    applied = {name: array.attrs[name] for name in cf_rules.RULES if name in array.attrs}
    decoded.attrs = {name: v for name, v in array.attrs.items() if name not in applied}
    decoded.encoding = {**array.encoding, **applied}
    return decoded


def _find_cells_in_polygons(
    row_numbers: np.ndarray, column_numbers: np.ndarray, mask: PolygonMask
) -> np.ndarray:
    """Find the cells in consecutive rows and columns that lie in polygons."""
    rows, columns = (
        range(int(numbers.min()), int(numbers.max()) + 1)
        for numbers in (row_numbers, column_numbers)
    )
    return mask.find_kept(rows, columns)


def _find_kept(
    values: np.ndarray, attrs: Mapping[Any, Any], encoding: Mapping[Any, Any]
) -> np.ndarray:
    """Find the cells of a block of a mask that are neither 0 nor missing."""
    block = cf_missing.Described(values, attrs, encoding)
    return (cf_missing.to_physical(block) != 0) & ~cf_missing.find_missing(block)


def _decode(
    values: np.ndarray, attrs: Mapping[Any, Any], encoding: Mapping[Any, Any], dtype: np.dtype
) -> np.ndarray:
    """Decode a block as stored; see `decode_lazily`."""
    block = cf_missing.Described(values, attrs, encoding)
    decoded = cf_missing.to_physical(block).astype(dtype)
    decoded[cf_missing.find_missing(block)] = np.nan
    return decoded
