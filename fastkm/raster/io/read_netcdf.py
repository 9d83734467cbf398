"""Read one raster of a netCDF or GeoTIFF file, with NaN in every missing cell.

A raster is a two-dimensional field: one variable or band at one step of time, with rows and
columns.

xarray opens and decodes the file (packing, times, fill values). It does not apply valid ranges and
the format's default fill values; `fastkm._core.cf_missing` does so here. In the
file of `scripts/tpw_workflow.py` these are 9,815 cells of ice at -500 that would pass for water.

Attributes that have been applied move from ``attrs`` to ``encoding``, as xarray does with fill
values, so they are not applied a second time to numbers that have changed since.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fastkm._core import cf_missing
from fastkm._core.validation import require_choice
from fastkm.raster.grid.axes import (
    Axes,
    StackAxes,
    find_axes,
    find_raster_variables,
    is_geographic,
    measure_rounding,
)
from fastkm.raster.grid.crs import attach_crs, update_geotransform
from fastkm.raster.io.open import open_netcdf
from fastkm.raster.io.read_geotiff import (
    find_band,
    is_geotiff,
    read_geotiff,
    refuse_time,
    take_single_band,
)

if TYPE_CHECKING:
    import xarray as xr

Bbox = tuple[float, float, float, float]


def read_raster(
    path: str | os.PathLike[str],
    variable: str | None = None,
    *,
    time: int | str | np.datetime64 = 0,
    bbox: Bbox | None = None,
    missing: Literal["mask", "keep"] = "mask",
) -> xr.DataArray:
    """Read one two-dimensional raster from a netCDF or GeoTIFF file.

    Parameters
    ----------
    path : path-like
        A netCDF3, netCDF4 or GeoTIFF file.
    variable : str, optional
        The variable, or the name or number of a band of a GeoTIFF; may be left out if the
        file has just one raster.
    time : int, str or datetime64, default: 0
        The time step: its index (negative from the end), or a date such as ``"2009-10"``.
    bbox : (west, south, east, north), optional
        Keep the cells with centres inside, in the units of the coordinates. Longitudes may be
        given as -180..180 or 0..360 whatever the file has, and west may be above east: the box
        then crosses the seam, and columns are put in west-to-east order.
    missing : {"mask", "keep"}
        "mask" makes cells NaN that are equal to ``_FillValue`` (or the format's default) or any
        of ``missing_value``, or outside ``valid_min``, ``valid_max`` or ``valid_range``. "keep"
        gives the numbers as stored, sentinels among them, packed numbers packed; the
        attributes then still say what is missing, and functions of fastkm that are handed the
        `DataArray` honour them, while its ``.values`` are plain numbers.

    Returns
    -------
    xarray.DataArray
        Dimensions (y, x) under their own names, in the file's own direction, with coordinates
        and CF attributes.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If the file has no such variable, or none is named and there is not just one candidate;
        if the variable is not a raster; or if `time`, `bbox` or `missing` is not valid.
    ImportError
        If the file is a GeoTIFF and rasterio or rioxarray, the extra ``tiff``, is not installed.

    Examples
    --------
    >>> import tempfile, fastkm
    >>> from fastkm.datasets.water_vapour import write_sample
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_sample(f"{folder}/sample.nc")
    ...     raster = fastkm.read_raster(f"{folder}/sample.nc")
    >>> raster.shape, float(raster.min()) > 0
    ((180, 360), True)
    """
    require_choice("missing", missing, ("mask", "keep"))
    if is_geotiff(path):
        refuse_time(path, time)
        band = read_geotiff(path, [find_band(path, variable)], decode=missing == "mask")
        return crop(take_single_band(band), Axes(None, "y", "x"), bbox)
    with open_netcdf(path, decode=missing == "mask") as dataset:
        array = attach_crs(choose_variable(dataset, variable, path), dataset)
        axes = find_axes(array)
        array = choose_time(array, axes, time)
        array = array.squeeze([d for d in array.dims if d not in axes], drop=True)
        array = crop(array.transpose(axes.y, axes.x), axes, bbox).load()
    return mask_missing(array) if missing == "mask" else add_default_fill(array)


def read_global_attributes(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read the global attributes of a file: title, institution, history ...; a GeoTIFF has none."""
    if is_geotiff(path):
        return {}
    with open_netcdf(path, decode=False) as dataset:
        return {str(name): value for name, value in dataset.attrs.items()}


def find_missing_cells(array: xr.DataArray) -> dict[str, np.ndarray]:
    """Find the missing cells by rule; the format's default fill value is one of the rules."""
    return cf_missing.find_missing_by_rule(add_default_fill(array))


def add_default_fill(array: xr.DataArray) -> xr.DataArray:
    """Add the default fill value if the file names none; bytes have none by convention."""
    import netCDF4

    dtype = np.dtype(array.encoding.get("dtype", array.dtype))
    named = "_FillValue" in array.attrs or "_FillValue" in array.encoding
    default = netCDF4.default_fillvals.get(dtype.str[1:])
    if named or default is None or dtype.itemsize == 1:
        return array
    described = array.copy(deep=False)
    described.attrs = {**array.attrs, "_FillValue": dtype.type(default)}
    return described


def mask_missing(array: xr.DataArray) -> xr.DataArray:
    """Set missing cells to NaN, and move the attributes with their rules to ``encoding``."""
    # xarray compares float32 cells with a fill value in double and misses 1e20: compare again
    fills = {n: array.encoding[n] for n in ("_FillValue", "missing_value") if n in array.encoding}
    described = array.copy(deep=False)
    described.attrs = {**fills, **array.attrs}
    missing = np.logical_or.reduce(list(find_missing_cells(described).values()))
    made = array.where(~missing) if array.dtype.kind == "f" or missing.any() else array.copy()
    applied = {n: v for n, v in array.attrs.items() if n.startswith("valid_")}
    made.attrs = {n: v for n, v in array.attrs.items() if n not in applied}
    made.encoding = {**array.encoding, **applied}
    return made


def choose_variable(
    dataset: xr.Dataset, variable: str | None, path: str | os.PathLike[str]
) -> xr.DataArray:
    """Return the variable of this name, or the only raster."""
    names = find_raster_variables(dataset)
    listed = ", ".join(names) or "none"
    if variable is None:
        if not names:
            raise ValueError(f"{os.fspath(path)} holds no raster variable")
        if len(names) != 1:
            raise ValueError(f"{os.fspath(path)}: name one of its raster variables: {listed}")
        return dataset[names[0]]
    if variable not in dataset.data_vars:
        raise ValueError(f"{os.fspath(path)} has no variable {variable!r}; its rasters: {listed}")
    return dataset[variable]


def choose_time(array: xr.DataArray, axes: Axes, time: int | str | np.datetime64) -> xr.DataArray:
    """Select one step of time, by its index or its date."""
    if axes.time is None:
        if not (isinstance(time, int | np.integer) and time in {0, -1}):
            raise ValueError(f"time={time!r} was asked for, but {array.name!r} has no time axis")
        return array
    steps = array.sizes[axes.time]
    if isinstance(time, int | np.integer):
        if not -steps <= time < steps:
            raise ValueError(f"time index {time} is outside the {steps} steps of {array.name!r}")
        return array.isel({axes.time: int(time)})
    try:
        chosen = array.sel({axes.time: time})
    except (KeyError, ValueError, TypeError) as error:
        raise ValueError(
            f"time {time!r} is not among the {steps} steps of {array.name!r}, "
            f"{_format_time_span(array, axes.time)}"
        ) from error
    if axes.time not in chosen.dims:
        return chosen
    if chosen.sizes[axes.time] != 1:
        raise ValueError(f"time {time!r} fits {chosen.sizes[axes.time]} steps; it must fit one")
    return chosen.isel({axes.time: 0})


def _format_time_span(array: xr.DataArray, dim: str) -> str:
    """Describe the range of the dates of the steps."""
    if dim not in array.coords:
        return "which have no dates"
    first, last = (str(array[dim].values[end]).split("T")[0] for end in (0, -1))
    return f"{first} to {last}"


def crop(array: xr.DataArray, axes: Axes | StackAxes, bbox: Bbox | None) -> xr.DataArray:
    """Keep the rows and columns with centres in the box, columns from west to east.

    The transform that the array carries is updated. Without a box the array is returned as it is.
    """
    if bbox is None:
        return array
    west, south, east, north = _parse_bbox(bbox)
    for dim in (axes.y, axes.x):
        if dim not in array.coords:
            raise ValueError(f"bbox needs coordinates, but dimension {dim!r} has none")
    stored_y, stored_x = (np.asarray(array[dim].values) for dim in (axes.y, axes.x))
    y, x = stored_y.astype(np.float64), stored_x.astype(np.float64)
    near_y, near_x = measure_rounding(stored_y), measure_rounding(stored_x)
    # centres on an edge are inside, whatever their rounding
    rows = np.flatnonzero((y >= south - near_y) & (y <= north + near_y))
    west -= near_x
    if is_geographic(array, axes):
        # shift longitudes into [west, west + 360), so that a box across the seam is one range
        x = x + 360.0 * np.ceil((west - x) / 360.0)
        span = 360.0 if east - west >= 360.0 else (east - west) % 360.0
        inside = np.flatnonzero((x >= west) & (x <= west + span + near_x))
        columns = inside[np.argsort(x[inside], kind="stable")]
        is_repeated = np.diff(x[columns], prepend=-np.inf) <= near_x
        columns = columns[~is_repeated]
    else:
        columns = np.flatnonzero((x >= west) & (x <= east + near_x))
    if len(rows) == 0 or len(columns) == 0:
        raise ValueError(f"bbox {bbox} holds no cell centre of {array.name!r}")
    cropped = array.isel({axes.y: rows, axes.x: columns})
    cropped = cropped.assign_coords({axes.x: _to_file_range(x[columns], stored_x)})
    cropped[axes.x].attrs = array[axes.x].attrs
    return update_geotransform(cropped, array, axes.y, axes.x)


def _parse_bbox(bbox: Any) -> Bbox:
    """Return the four numbers of a box, or raise."""
    try:
        numbers = tuple(float(number) for number in bbox)
    except (TypeError, ValueError):
        numbers = ()
    if len(numbers) != 4 or not np.isfinite(numbers).all() or numbers[1] > numbers[3]:
        raise ValueError(
            f"bbox must be (west, south, east, north) with south <= north, got {bbox!r}"
        )
    return numbers


def _to_file_range(continued: np.ndarray, original: np.ndarray) -> np.ndarray:
    """Shift longitudes by whole turns: into the file's range if all fit, otherwise below 360."""
    low, high = original.min(), original.max()
    for turn in (0.0, -360.0, 360.0):
        shifted = continued + turn
        if shifted[0] >= low and shifted[-1] <= high:
            return shifted.astype(original.dtype)
    turns = np.ceil((continued[-1] - 360.0) / 360.0) if abs(continued).max() > 360.0 else 0.0
    return (continued - 360.0 * turns).astype(original.dtype)
