"""Reading one raster of a netCDF file, with every missing cell missing.

xarray opens and decodes the file (packing, times, fill values); what it leaves unapplied, valid
ranges and the format's default fill values, is applied here by `fastkm._core.cf_missing`. On the lesson's
file that is 9,815 cells of ice at -500 which would pass for water.

Attributes that have been applied move from ``attrs`` to ``encoding``, as xarray does with fill
values, so they are not applied again to numbers that have changed since.
"""

from __future__ import annotations

import os
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fastkm._core import cf_missing
from fastkm.raster.grid.axes import Axes, StackAxes, find_axes, is_geographic, raster_variables
from fastkm.raster.grid.crs import moved, with_crs
from fastkm.raster.io.read_geotiff import (
    band_number,
    is_geotiff,
    read_geotiff,
    refuse_time,
    single_band,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        The variable, or the name or number of a band of a GeoTIFF; may be left out where the
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
        if the variable is not a raster; or if `time`, `bbox` or `missing` does not fit.
    ImportError
        If the file is a GeoTIFF and rasterio or rioxarray, the extra ``tiff``, is not installed.

    Examples
    --------
    >>> import tempfile, fastkm
    >>> from fastkm.raster import write_sample
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_sample(f"{folder}/sample.nc")
    ...     raster = fastkm.read_raster(f"{folder}/sample.nc")
    >>> raster.shape, float(raster.min()) > 0
    ((180, 360), True)
    """
    if missing not in {"mask", "keep"}:
        raise ValueError(f"missing must be 'mask' or 'keep', got {missing!r}")
    if is_geotiff(path):
        return _of_geotiff(path, variable, time, bbox, decode=missing == "mask")
    with open_netcdf(path, decode=missing == "mask") as dataset:
        array = with_crs(choose_variable(dataset, variable, path), dataset)
        axes = find_axes(array)
        array = choose_time(array, axes, time)
        array = array.squeeze([d for d in array.dims if d not in axes], drop=True)
        array = array.transpose(axes.y, axes.x)
        if bbox is not None:
            array = moved(cut_to(array, axes, bbox), array, axes.y, axes.x)
        array = array.load()
    return masked(array) if missing == "mask" else with_default_fill(array)


def _of_geotiff(
    path: str | os.PathLike[str], name: str | None, time: Any, bbox: Bbox | None, *, decode: bool
) -> xr.DataArray:
    """Read one band of a GeoTIFF."""
    refuse_time(path, time)
    raster = single_band(read_geotiff(path, [band_number(path, name)], decode=decode))
    axes = Axes(None, "y", "x")
    return raster if bbox is None else moved(cut_to(raster, axes, bbox), raster, "y", "x")


@contextmanager
def open_netcdf(path: str | os.PathLike[str], *, decode: bool = True) -> Iterator[xr.Dataset]:
    """Open a netCDF file; every failure is an `OSError` that names the file.

    Parameters
    ----------
    path : path-like
        The file.
    decode : bool, default: True
        Turn fill values into NaN and unpack packed numbers.
    """
    import xarray as xr

    if not os.fspath(path):
        raise FileNotFoundError("the name of the file is empty")
    if Path(path).is_dir():
        raise IsADirectoryError(f"{os.fspath(path)} is a folder, not a netCDF file")
    if not Path(path).is_file():
        raise FileNotFoundError(f"{os.fspath(path)}: no such file")
    try:
        with warnings.catch_warnings():
            # a vector of missing values is decoded as it should be; xarray warns all the same
            warnings.filterwarnings("ignore", ".*multiple fill values", xr.SerializationWarning)
            # of dates that nanoseconds do not reach; cftime has them
            warnings.filterwarnings("ignore", "Unable to decode time", xr.SerializationWarning)
            dataset = _opened(path, mask_and_scale=decode)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise OSError(f"{os.fspath(path)} cannot be read as netCDF: {reason}") from error
    with dataset:
        try:
            yield dataset
        except RuntimeError as error:  # netCDF4's, where data is damaged
            raise OSError(f"{os.fspath(path)} cannot be read as netCDF: {error}") from error


def _opened(path: str | os.PathLike[str], *, mask_and_scale: bool) -> xr.Dataset:
    """Open with dates decoded, or as numbers where no calendar has their units (months)."""
    import xarray as xr

    options: dict[str, Any] = {"mask_and_scale": mask_and_scale, "decode_timedelta": False}
    try:
        return xr.open_dataset(path, engine="netcdf4", **options)
    except ValueError:
        return xr.open_dataset(path, engine="netcdf4", decode_times=False, **options)


def global_attributes(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read the attributes of a file as a whole: title, institution, history ...; a GeoTIFF has none.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    if is_geotiff(path):
        return {}
    with open_netcdf(path, decode=False) as dataset:
        return {str(name): value for name, value in dataset.attrs.items()}


def missing_cells(array: xr.DataArray) -> dict[str, np.ndarray]:
    """Find missing cells by rule, the format's default fill value among the rules."""
    return cf_missing.missing_by_rule(with_default_fill(array))


def with_default_fill(array: xr.DataArray) -> xr.DataArray:
    """Name the default fill value where the file names none; bytes have none by convention."""
    import netCDF4

    dtype = np.dtype(array.encoding.get("dtype", array.dtype))
    named = "_FillValue" in array.attrs or "_FillValue" in array.encoding
    default = netCDF4.default_fillvals.get(dtype.str[1:])
    if named or default is None or dtype.itemsize == 1:
        return array
    described = array.copy(deep=False)
    described.attrs = {**array.attrs, "_FillValue": dtype.type(default)}
    return described


def masked(array: xr.DataArray) -> xr.DataArray:
    """Make missing cells NaN, and move the rules that said so to ``encoding``."""
    # xarray compares float32 cells with a fill value in double and so overlooks 1e20; look again
    fills = {n: array.encoding[n] for n in ("_FillValue", "missing_value") if n in array.encoding}
    described = array.copy(deep=False)
    described.attrs = {**fills, **array.attrs}
    gone = np.logical_or.reduce(list(missing_cells(described).values()))
    made = array.where(~gone) if array.dtype.kind == "f" or gone.any() else array.copy()
    applied = {n: v for n, v in array.attrs.items() if n.startswith("valid_")}
    made.attrs = {n: v for n, v in array.attrs.items() if n not in applied}
    made.encoding = {**array.encoding, **applied}
    return made


def choose_variable(
    dataset: xr.Dataset, variable: str | None, path: str | os.PathLike[str]
) -> xr.DataArray:
    """Give the variable of this name, or the only raster."""
    names = raster_variables(dataset)
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
    """Take one step of time, by its index or its date."""
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
            f"{_span(array, axes.time)}"
        ) from error
    if axes.time not in chosen.dims:
        return chosen
    if chosen.sizes[axes.time] != 1:
        raise ValueError(f"time {time!r} fits {chosen.sizes[axes.time]} steps; it must fit one")
    return chosen.isel({axes.time: 0})


def _span(array: xr.DataArray, dim: str) -> str:
    """Say from when to when the steps are."""
    if dim not in array.coords:
        return "which have no dates"
    first, last = (str(array[dim].values[end]).split("T")[0] for end in (0, -1))
    return f"{first} to {last}"


def cut_to(array: xr.DataArray, axes: Axes | StackAxes, bbox: Bbox) -> xr.DataArray:
    """Keep the rows and columns with centres in the box, columns from west to east."""
    west, south, east, north = _checked_bbox(bbox)
    for dim in (axes.y, axes.x):
        if dim not in array.coords:
            raise ValueError(f"bbox needs coordinates, but dimension {dim!r} has none")
    (y, near_y), (x, near_x) = (_centres(array, dim) for dim in (axes.y, axes.x))
    rows = np.flatnonzero((y >= south - near_y) & (y <= north + near_y))
    west -= near_x
    if is_geographic(array, axes):
        x = _continued_from(west, x)
        span = 360.0 if east - west >= 360.0 else (east - west) % 360.0
        inside = np.flatnonzero((x >= west) & (x <= west + span + near_x))
        columns = inside[np.argsort(x[inside], kind="stable")]
        repeated = np.diff(x[columns], prepend=-np.inf) <= near_x
        columns = columns[~repeated]
    else:
        columns = np.flatnonzero((x >= west) & (x <= east + near_x))
    if len(rows) == 0 or len(columns) == 0:
        raise ValueError(f"bbox {bbox} holds no cell centre of {array.name!r}")
    cut = array.isel({axes.y: rows, axes.x: columns})
    attrs = array[axes.x].attrs
    cut = cut.assign_coords({axes.x: _as_file(x[columns], np.asarray(array[axes.x].values))})
    cut[axes.x].attrs = attrs
    return cut


def _centres(array: xr.DataArray, dim: str) -> tuple[np.ndarray, float]:
    """Give cell centres as float64, and how far rounding in the file's type may have moved them."""
    stored = np.asarray(array[dim].values)
    exact = stored.dtype.kind != "f" or not stored.size
    return stored.astype(np.float64), 0.0 if exact else float(np.spacing(np.abs(stored).max()))


def _checked_bbox(bbox: Any) -> Bbox:
    try:
        numbers = tuple(float(number) for number in bbox)
    except (TypeError, ValueError):
        numbers = ()
    if len(numbers) != 4 or not np.isfinite(numbers).all() or numbers[1] > numbers[3]:
        raise ValueError(
            f"bbox must be (west, south, east, north) with south <= north, got {bbox!r}"
        )
    return numbers


def _continued_from(west: float, longitudes: np.ndarray) -> np.ndarray:
    """Shift longitudes by whole turns into [west, west + 360)."""
    return longitudes + 360.0 * np.ceil((west - longitudes) / 360.0)


def _as_file(continued: np.ndarray, original: np.ndarray) -> np.ndarray:
    """Shift the columns by whole turns, to the file's own range where all fit, else below 360."""
    low, high = original.min(), original.max()
    for turn in (0.0, -360.0, 360.0):
        shifted = continued + turn
        if shifted[0] >= low and shifted[-1] <= high:
            return shifted.astype(original.dtype)
    turns = np.ceil((continued[-1] - 360.0) / 360.0) if abs(continued).max() > 360.0 else 0.0
    return (continued - 360.0 * turns).astype(original.dtype)
