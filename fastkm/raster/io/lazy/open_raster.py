"""Open one raster of a file without reading it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from fastkm.raster.grid.axes import find_stack_axes
from fastkm.raster.io.choose import choose_steps, open_variables
from fastkm.raster.io.geotiff.read_geotiff import find_band, is_geotiff, refuse_time
from fastkm.raster.io.lazy.block_plan import choose_block_shape
from fastkm.raster.io.lazy.block_reader import (
    BlockReader,
    KeptBlocks,
    Source,
    make_dask_array,
)
from fastkm.raster.io.lazy.geotiff_source import describe_geotiff
from fastkm.raster.io.lazy.grid_source import (
    find_tile,
    load_coordinates,
    make_source,
    record_positions,
    take_positions,
)
from fastkm.raster.io.lazy.masks import mask_by_polygons, mask_lazily, require_mask_grid
from fastkm.raster.io.mask_file import is_polygon_file, refuse_share, require_mask
from fastkm.raster.io.read_bands import (
    combine_variables,
    number_bands,
    select_bands,
)
from fastkm.raster.io.read_netcdf import add_default_fill, crop
from fastkm.raster.io.stamps import Stamp, read_stamp
from fastkm.raster.polygon_masks.polygon_mask import open_polygon_mask

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr

    from fastkm._core.nodata import Nodata
    from fastkm.raster.io.choose import Sel
    from fastkm.raster.io.read_netcdf import Bbox


def open_raster(
    path: str | os.PathLike[str],
    variables: str | Sequence[str] | None = None,
    *,
    time: int | str | np.datetime64 = 0,
    bbox: Bbox | None = None,
    bands: Sequence[int] | None = None,
    sel: Sel | None = None,
    nodata: Nodata = None,
    mask: str | os.PathLike[str] | None = None,
    mask_share: float | None = None,
    memory: int | str | None = None,
) -> xr.DataArray | xr.Dataset:
    """Open a raster of one or several bands of a file; its numbers are read when they are needed.

    Parameters
    ----------
    path, bbox, sel, nodata
        As for `fastkm.read_raster`.
    variables : str or sequence of str, optional
        The variables of a netCDF file or a Zarr store, or the names of bands of a GeoTIFF; may be
        left out if the file has just one raster.
    time : int, str or datetime64, default: 0
        The time step, as for `fastkm.read_raster`; or ``"all"``, which makes every step a band.
    bands : sequence of int, optional
        Which bands, counted from 1, of a GeoTIFF or of a third dimension; all by default, except
        the alpha band of a GeoTIFF.
    mask : path-like, optional
        A file with one raster on the same grid: cells in which it is 0 or missing are missing. Or a
        file of polygons of any reference system, such as a .gpkg, .shp or .geojson: cells whose
        centres lie outside are missing.
    mask_share : float, optional
        Keep the cells of which at least this share lies in the polygons of the mask, instead of
        those whose centres do; above 0 and at most 1.
    memory : int or str, optional
        Bytes of memory, or a size such as ``"2GiB"``, that the process may take: blocks that were
        read are kept as long as they fit, and read again otherwise. By default half of what is
        free.

    Returns
    -------
    xarray.DataArray or xarray.Dataset
        Dask arrays of dimensions (y, x) for one band; (band, y, x), under their own names, for
        several bands of one variable or of a GeoTIFF; a dataset for several variables. Blocks
        consist of whole tiles or chunks of the file. Numbers are as stored, sentinels among them,
        and attributes say what is missing: functions of fastkm honour these. If attributes cannot
        say it, as with a mask in a GeoTIFF, numbers are decoded, with NaN in missing cells.

    Raises
    ------
    OSError
        If the file cannot be read. Computing raises it too if the file has changed since.
    ValueError
        If it has no such variable, band, time or cells, or a variable is not a raster.
    ImportError
        If the file is a GeoTIFF and rasterio or rioxarray is not installed.

    Examples
    --------
    >>> import tempfile, fastkm
    >>> from fastkm.datasets.water_vapour import write_sample
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_sample(f"{folder}/sample.nc")
    ...     raster = fastkm.open_raster(f"{folder}/sample.nc")
    ...     fastkm.kmeans1d(raster, 4).k
    4
    """
    if bands is not None and not bands:
        raise ValueError("bands must name at least one band, got none")
    require_mask(mask, mask_share)
    kept = KeptBlocks.within(memory)
    if is_geotiff(path):
        refuse_time(path, time, sel)
        arrays = [_open_bands(path, number_bands(path, variables, bands), bbox, nodata, kept)]
    else:
        names = [variables] if variables is None or isinstance(variables, str) else variables
        arrays = _open_variables(path, names, time, bbox, bands, sel, nodata, kept)
    if mask is not None and is_polygon_file(mask):
        polygons = open_polygon_mask(mask, arrays[0], mask_share)
        arrays = [mask_by_polygons(array, polygons) for array in arrays]
    elif mask is not None:
        refuse_share(mask, mask_share)
        kept_cells = _open_mask(mask, bbox, kept)
        require_mask_grid(kept_cells, arrays[0], mask)
        arrays = [mask_lazily(array, kept_cells) for array in arrays]
    if len(arrays) == 1:
        return arrays[0]
    return combine_variables({str(array.name): array for array in arrays})


def _open_mask(path: str | os.PathLike[str], bbox: Bbox | None, kept: KeptBlocks) -> xr.DataArray:
    """Open the only raster of a file."""
    if is_geotiff(path):
        return _open_bands(path, [find_band(path, None)], bbox, None, kept)
    [mask] = _open_variables(path, [None], 0, bbox, None, None, None, kept)
    return mask


def _open_bands(
    path: str | os.PathLike[str],
    numbers: Sequence[int] | None,
    bbox: Bbox | None,
    nodata: Nodata,
    kept: KeptBlocks,
) -> xr.DataArray:
    """Open bands of a GeoTIFF, by default all."""
    stamp = read_stamp(path)
    whole, source, tile = describe_geotiff(path, numbers, nodata)
    axes = find_stack_axes(whole)
    array, positions = take_positions(crop(record_positions(whole), axes, bbox), whole)
    return _attach_blocks(array, source, tuple(positions[-2:]), tile, 1, stamp, (), kept)


def _open_variables(
    path: str | os.PathLike[str],
    names: Sequence[str | None],
    time: Any,
    bbox: Bbox | None,
    bands: Sequence[int] | None,
    sel: Sel | None,
    nodata: Nodata,
    kept: KeptBlocks,
) -> list[xr.DataArray]:
    """Open variables of a netCDF file or a Zarr store."""
    if bands is not None and len(names) != 1:
        raise ValueError(f"bands are those of one variable, got {len(names)} variables")
    tile, opened = None, []
    with open_variables(path, names, decode=False, nodata=nodata) as chosen:
        arrays = tuple(str(stored.name) for stored, _ in chosen)
        stamp = read_stamp(path, arrays)
        for stored, _ in chosen:
            selected = select_bands(choose_steps(record_positions(stored), sel), time, bbox, bands)
            array, positions = take_positions(selected, stored)
            source, rows, columns = make_source(path, array, stored, positions)
            tile = tile or find_tile(
                array, stored
            )  # one for all, whose blocks are computed together
            array = _attach_blocks(
                array, source, (rows, columns), tile, len(names), stamp, arrays, kept
            )
            opened.append(add_default_fill(load_coordinates(array)))
    return opened


def _attach_blocks(
    array: xr.DataArray,
    source: Source,
    positions: tuple[np.ndarray, ...],
    tile: tuple[int, int],
    variables: int,
    stamp: Stamp,
    arrays: tuple[str, ...],
    kept: KeptBlocks,
) -> xr.DataArray:
    """Return an array with blocks of a source as its values."""
    rows, columns = positions
    bands = array.shape[0] if array.ndim > 2 else None
    shape = choose_block_shape(len(rows), len(columns), (bands or 1) * variables, tile)
    reader = BlockReader(source, stamp, arrays, f"raster-{uuid4().hex}", kept)
    return array.copy(data=make_dask_array(reader, bands, rows, columns, shape))
