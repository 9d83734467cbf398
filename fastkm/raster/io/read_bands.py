"""Reading several variables or bands of one file, with every missing cell missing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastkm.raster.grid.areas import cell_areas
from fastkm.raster.grid.axes import Axes, StackAxes, find_stack_axes, find_time
from fastkm.raster.grid.crs import moved, with_crs
from fastkm.raster.io.read_geotiff import (
    band_number,
    is_geotiff,
    read_geotiff,
    refuse_time,
    single_band,
)
from fastkm.raster.io.read_netcdf import (
    Bbox,
    choose_time,
    choose_variable,
    cut_to,
    masked,
    open_netcdf,
)

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr


def read_stack(
    path: str | os.PathLike[str],
    variables: str | Sequence[str] | None = None,
    *,
    time: int | str | np.datetime64 = 0,
    bbox: Bbox | None = None,
    bands: Sequence[int] | None = None,
) -> xr.DataArray | xr.Dataset:
    """Read the bands of a file on one grid: several variables, or those of one variable.

    Parameters
    ----------
    path : path-like
        A netCDF or GeoTIFF file.
    variables : str or sequence of str, optional
        The variables of a netCDF file; may be left out where it has just one raster. Of a
        GeoTIFF the names of bands.
    time : int, str or datetime64, default: 0
        The time step, as for `read_raster`; or ``"all"``, which makes every step a band.
    bbox : (west, south, east, north), optional
        Keep the cells with centres inside, as for `read_raster`.
    bands : sequence of int, optional
        Which bands, counted from 1, of a GeoTIFF or of a third dimension; all by default (but a
        GeoTIFF's alpha band).

    Returns
    -------
    xarray.DataArray or xarray.Dataset
        (y, x) where there is one band; (band, y, x), under their own names, where one variable
        or a GeoTIFF has several; a dataset of several variables. Missing cells are NaN.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it has no such variable, band, time or cells, or a variable is no raster.
    ImportError
        If the file is a GeoTIFF and rasterio or rioxarray is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from fastkm.raster import write_sample
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_sample(f"{folder}/sample.nc")
    ...     read_stack(f"{folder}/sample.nc").dims
    ('latitude', 'longitude')
    """
    if bands is not None and not bands:
        raise ValueError("bands must name at least one band, got none")
    if is_geotiff(path):
        return _of_geotiff(path, variables, time, bbox, bands)
    names = [variables] if variables is None or isinstance(variables, str) else list(variables)
    with open_netcdf(path) as dataset:
        if len(names) == 1:
            return _read(dataset, names[0], path, time, bbox, bands)
        if bands is not None:
            raise ValueError(f"bands are those of one variable, got {len(names)} variables")
        return _together(
            {str(name): _read(dataset, name, path, time, bbox, None) for name in names}
        )


def read_areas(
    path: str | os.PathLike[str], variable: str | None = None, *, bbox: Bbox | None = None
) -> xr.DataArray:
    """Read the areas of the cells of a raster, from its file's limits of cells where there are any.

    Parameters
    ----------
    path, variable, bbox
        As for `read_raster`.

    Returns
    -------
    xarray.DataArray
        As of `cell_areas`.

    Raises
    ------
    OSError, ValueError, ImportError
        As `read_raster` and `cell_areas`.
    """
    if is_geotiff(path):
        whole = read_geotiff(path, [1])
        areas = cell_areas(whole)
        return areas if bbox is None else cut_to(areas, find_stack_axes(areas), bbox)
    with open_netcdf(path) as dataset:
        return areas_of(dataset, variable, path, bbox)


def areas_of(
    dataset: xr.Dataset, variable: str | None, path: str | os.PathLike[str], bbox: Bbox | None
) -> xr.DataArray:
    """Give the areas of the cells of a variable of an open file; see `read_areas`."""
    array = choose_variable(dataset, variable, path)
    limits = [array[dim].attrs.get("bounds") for dim in array.dims if dim in array.coords]
    own = dataset[[array.name, *(name for name in limits if name in dataset.variables)]]
    areas = cell_areas(own.assign({array.name: with_crs(array, dataset)}))
    return areas if bbox is None else cut_to(areas, find_stack_axes(areas), bbox)


def _of_geotiff(
    path: str | os.PathLike[str],
    variables: Any,
    time: Any,
    bbox: Bbox | None,
    bands: Sequence[int] | None,
) -> xr.DataArray:
    """Read bands of a GeoTIFF; a single one becomes a raster."""
    refuse_time(path, time)
    if variables is not None:
        if bands is not None:
            raise ValueError("variables and bands both name bands of a GeoTIFF: give one of them")
        names = [variables] if isinstance(variables, str) else variables
        bands = [band_number(path, name) for name in names]
    array = read_geotiff(path, bands)
    if bbox is not None:
        array = moved(cut_to(array, find_stack_axes(array), bbox), array, "y", "x")
    return array if array.sizes["band"] > 1 else single_band(array)


def _read(
    dataset: xr.Dataset,
    name: str | None,
    path: str | os.PathLike[str],
    time: Any,
    bbox: Bbox | None,
    bands: Sequence[int] | None,
) -> xr.DataArray:
    """Read one variable, of two or three dimensions."""
    array = with_crs(choose_variable(dataset, name, path), dataset)
    if not (isinstance(time, str) and time == "all"):
        array = choose_time(array, Axes(find_time(array), "", ""), time)
    axes = find_stack_axes(array)
    array = array.squeeze([dim for dim in array.dims if dim not in axes], drop=True)
    array = _with_bands(array, axes, bands)
    if bbox is not None:
        array = moved(cut_to(array, axes, bbox), array, axes.y, axes.x)
    return masked(array.load())


def _with_bands(array: xr.DataArray, axes: StackAxes, bands: Sequence[int] | None) -> xr.DataArray:
    """Choose bands by number and order the dimensions; a single band has none."""
    count = 1 if axes.band is None else array.sizes[axes.band]
    for band in bands or ():
        if not 1 <= band <= count:
            raise ValueError(f"band must be 1 to {count}, those of {array.name!r}, got {band}")
    if axes.band is None:
        return array.transpose(axes.y, axes.x)
    chosen = list(range(count)) if bands is None else [band - 1 for band in bands]
    array = array.isel({axes.band: chosen[0] if len(chosen) == 1 else chosen})
    return array.transpose(*(dim for dim in axes if dim in array.dims))


def _together(arrays: dict[str, xr.DataArray]) -> xr.Dataset:
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
    made = xr.Dataset(arrays)
    for name, array in arrays.items():
        made[name].encoding = array.encoding
    return made
