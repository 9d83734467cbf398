"""Read several variables or bands of one file as a stack, with NaN in every missing cell."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastkm._core.attributes import read_text
from fastkm.raster.grid.areas import cell_areas
from fastkm.raster.grid.axes import (
    Axes,
    StackAxes,
    find_other_dims,
    find_stack_axes,
    find_time,
)
from fastkm.raster.io.choose import (
    OpenVariable,
    Sel,
    choose_steps,
    choose_time,
    open_variables,
    require_one_grid,
)
from fastkm.raster.io.decode_times import note_unknown_dates
from fastkm.raster.io.geotiff.read_geotiff import (
    find_band,
    is_geotiff,
    read_geotiff,
    refuse_time,
    take_single_band,
)
from fastkm.raster.io.read_netcdf import Bbox, crop, load, mask_missing

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr

    from fastkm._core.nodata import Nodata


def read_stack(
    path: str | os.PathLike[str],
    variables: str | Sequence[str] | None = None,
    *,
    time: int | str | np.datetime64 = 0,
    bbox: Bbox | None = None,
    bands: Sequence[int] | None = None,
    sel: Sel | None = None,
    nodata: Nodata = None,
) -> xr.DataArray | xr.Dataset:
    """Read the bands of a file on one grid: several variables, or those of one variable.

    Parameters
    ----------
    path, bbox, sel, nodata
        As for `read_raster`.
    variables : str or sequence of str, optional
        The variables of a netCDF file, or the names of bands of a GeoTIFF; may be left out if the
        netCDF file has just one raster.
    time : int, str or datetime64, default: 0
        The time step, as for `read_raster`; or ``"all"``, which makes every step a band.
    bands : sequence of int, optional
        Which bands, counted from 1, of a GeoTIFF or of a third dimension; all by default, except
        the alpha band of a GeoTIFF.

    Returns
    -------
    xarray.DataArray or xarray.Dataset
        Dimensions (y, x) for one band; (band, y, x), under their own names, for several bands of
        one variable or of a GeoTIFF; a dataset for several variables. Missing cells are NaN.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it has no such variable, band, time or cells, or a variable is not a raster.
    MemoryError
        If the raster needs more memory than there is.
    ImportError
        If the file is a GeoTIFF and rasterio or rioxarray is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from fastkm.datasets.water_vapour import write_sample
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_sample(f"{folder}/sample.nc")
    ...     read_stack(f"{folder}/sample.nc").dims
    ('latitude', 'longitude')
    """
    if bands is not None and not bands:
        raise ValueError("bands must name at least one band, got none")
    if is_geotiff(path):
        refuse_time(path, time, sel)
        return _read_geotiff_bands(path, variables, bbox, bands, nodata)
    names = [variables] if variables is None or isinstance(variables, str) else list(variables)
    if bands is not None and len(names) != 1:
        raise ValueError(f"bands are those of one variable, got {len(names)} variables")
    with open_variables(path, names, decode=True, nodata=nodata) as chosen:
        selected = [select_bands(choose_steps(a, sel), time, bbox, bands) for a, _ in chosen]
        read = [mask_missing(load(array, path)) for array in selected]
    return read[0] if len(read) == 1 else combine_variables({str(a.name): a for a in read})


def read_areas(
    path: str | os.PathLike[str],
    variable: str | None = None,
    *,
    time: int | str | np.datetime64 = 0,
    bbox: Bbox | None = None,
    sel: Sel | None = None,
) -> xr.DataArray:
    """Read the areas, in m2, of the cells of a raster, from the limits in its file if it has any.

    Parameters and errors are those of `read_stack` and `cell_areas`.
    """
    if is_geotiff(path):
        areas = cell_areas(read_geotiff(path, [1]))
        return crop(areas, find_stack_axes(areas), bbox)
    with open_variables(path, [variable], decode=True) as [opened]:
        return compute_variable_areas(opened, time, bbox, sel).load()


def compute_variable_areas(
    opened: OpenVariable, time: Any, bbox: Bbox | None, sel: Sel | None
) -> xr.DataArray:
    """Compute the areas of the cells of a variable of an open file; see `read_areas`."""
    array, dataset = opened
    return compute_plane_areas(choose_plane(choose_steps(array, sel), time), dataset, bbox)


def compute_plane_areas(
    plane: xr.DataArray, dataset: xr.Dataset, bbox: Bbox | None
) -> xr.DataArray:
    """Compute the areas of the cells of a raster from the limits in its dataset, if it has any."""
    limits = {read_text(c.attrs, "bounds") for c in plane.coords.values() if c.ndim == 1}
    own = dataset[sorted(limits & set(dataset.variables))]
    areas = cell_areas(own.assign({plane.name: plane}))
    return crop(areas, find_stack_axes(areas), bbox)


def choose_plane(array: xr.DataArray, time: Any) -> xr.DataArray:
    """Choose a step of time, and any level or member: cells have the same areas in all."""
    if not (isinstance(time, str) and time == "all"):
        array = choose_time(array, Axes(find_time(array), "", ""), time)
    others = find_other_dims(array)
    return array.isel(dict.fromkeys(others, 0), drop=True)


def _read_geotiff_bands(
    path: str | os.PathLike[str],
    variables: Any,
    bbox: Bbox | None,
    bands: Sequence[int] | None,
    nodata: Nodata,
) -> xr.DataArray:
    """Read bands of a GeoTIFF; a single band becomes a raster."""
    array = read_geotiff(path, number_bands(path, variables, bands), nodata=nodata)
    array = crop(array, find_stack_axes(array), bbox)
    return array if array.sizes["band"] > 1 else take_single_band(array)


def number_bands(
    path: str | os.PathLike[str], variables: Any, bands: Sequence[int] | None
) -> Sequence[int] | None:
    """Return the numbers of bands of a GeoTIFF that are called by name or number; None for all."""
    if variables is None:
        return bands
    if bands is not None:
        raise ValueError("variables and bands both name bands of a GeoTIFF: give one of them")
    names = [variables] if isinstance(variables, str) else variables
    return [find_band(path, name) for name in names]


def select_bands(
    array: xr.DataArray, time: Any, bbox: Bbox | None, bands: Sequence[int] | None
) -> xr.DataArray:
    """Select what `read_stack` reads of a variable: (y, x), or (band, y, x); nothing is loaded."""
    dim = find_time(array)
    if not (isinstance(time, str) and time == "all"):
        array = choose_time(array, Axes(dim, "", ""), time)
    elif dim is not None:
        note_unknown_dates(array, dim)
    axes = find_stack_axes(array)
    array = array.squeeze([dim for dim in array.dims if dim not in axes], drop=True)
    return crop(_choose_bands(array, axes, bands), axes, bbox)


def _choose_bands(
    array: xr.DataArray, axes: StackAxes, bands: Sequence[int] | None
) -> xr.DataArray:
    """Choose bands by number, and order the dimensions; a single band loses its dimension."""
    count = 1 if axes.band is None else array.sizes[axes.band]
    for band in bands or ():
        if not 1 <= band <= count:
            raise ValueError(f"band must be 1 to {count}, those of {array.name!r}, got {band}")
    if axes.band is None:
        return array.transpose(axes.y, axes.x)
    chosen = list(range(count)) if bands is None else [band - 1 for band in bands]
    array = array.isel({axes.band: chosen[0] if len(chosen) == 1 else chosen})
    return array.transpose(*(dim for dim in axes if dim in array.dims))


def combine_variables(arrays: dict[str, xr.DataArray]) -> xr.Dataset:
    """Make a dataset of rasters on one grid."""
    import xarray as xr

    first = next(iter(arrays.values()))
    for name, array in arrays.items():
        if array.ndim != 2:
            raise ValueError(
                f"several variables must have rows and columns only, got {name!r} with {array.dims}"
            )
        if array.dims != first.dims:
            raise ValueError(
                f"the variables must share rows and columns, got {first.name!r} on {first.dims} "
                f"and {name!r} on {array.dims}"
            )
        require_one_grid(first, array)
    return xr.Dataset(arrays)
