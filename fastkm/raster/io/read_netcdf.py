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

from fastkm._core import cf_missing, cf_rules
from fastkm._core.memory import require_memory
from fastkm._core.validation import require_choice
from fastkm.raster.grid.axes import (
    Axes,
    StackAxes,
    find_axes,
    measure_rounding,
)
from fastkm.raster.grid.coordinates import find_axis_coordinate, find_axis_degrees
from fastkm.raster.grid.crs import update_geotransform
from fastkm.raster.io.choose import Sel, choose_steps, choose_time, open_variables
from fastkm.raster.io.geotiff.read_geotiff import (
    find_band,
    is_geotiff,
    read_geotiff,
    refuse_time,
    take_single_band,
)
from fastkm.raster.io.open import open_stored

if TYPE_CHECKING:
    import xarray as xr

    from fastkm._core.nodata import Nodata

Bbox = tuple[float, float, float, float]

BYTES_PER_BYTE = 3
"""Bytes of memory that a byte of decoded values takes while it is read, at the least."""


def read_raster(
    path: str | os.PathLike[str],
    variable: str | None = None,
    *,
    time: int | str | np.datetime64 = 0,
    bbox: Bbox | None = None,
    sel: Sel | None = None,
    nodata: Nodata = None,
    missing: Literal["mask", "keep"] = "mask",
) -> xr.DataArray:
    """Read one two-dimensional raster from a netCDF or GeoTIFF file.

    Parameters
    ----------
    path : path-like
        A netCDF3, netCDF4 or GeoTIFF file, or a Zarr store.
    variable : str, optional
        The variable, in a group by its path such as ``"forecast/temperature"``, or the name or
        number of a band of a GeoTIFF; may be left out if the file has just one raster.
    time : int, str or datetime64, default: 0
        The time step: its index (negative from the end), or a date such as ``"2009-10"``.
    bbox : (west, south, east, north), optional
        Keep the cells with centres inside, in degrees if the coordinates are latitudes and
        longitudes, otherwise in their units. Longitudes may be given as -180..180 or 0..360
        whatever the file has, and west may be above east: the box then crosses the seam, and
        columns are put in west-to-east order.
    sel : mapping of str to float, int or str, optional
        The values at which further dimensions are fixed, such as ``{"level": 500}``: those of
        their coordinates, equal up to rounding, or indices if they have none.
    nodata : float or sequence of float, optional
        Further values that mean missing, as they are stored or in physical units; infinity stands
        for both infinities.
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
        if the variable is not a raster; or if `time`, `bbox`, `sel` or `missing` is not valid.
    MemoryError
        If the raster needs more memory than there is.
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
        refuse_time(path, time, sel)
        band = read_geotiff(
            path, [find_band(path, variable)], decode=missing == "mask", nodata=nodata
        )
        return crop(take_single_band(band), Axes(None, "y", "x"), bbox)
    decode = missing == "mask"
    with open_variables(path, [variable], decode=decode, nodata=nodata) as [opened]:
        array = choose_steps(opened.array, sel)
        axes = find_axes(array)
        array = choose_time(array, axes, time)
        array = array.squeeze([d for d in array.dims if d not in axes], drop=True)
        array = load(crop(array.transpose(axes.y, axes.x), axes, bbox), path)
    return mask_missing(array) if decode else add_default_fill(array)


def read_global_attributes(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read the global attributes of a file: title, institution, history ...; a GeoTIFF has none."""
    if is_geotiff(path):
        return {}
    with open_stored(path) as dataset:
        return {str(name): value for name, value in dataset.attrs.items()}


def load(array: xr.DataArray, path: str | os.PathLike[str]) -> xr.DataArray:
    """Load the values of an array of a file, unless they need more memory than there is."""
    require_memory(
        BYTES_PER_BYTE * array.size * array.dtype.itemsize,
        f"{os.fspath(path)}: {array.name!r} of {' x '.join(map(str, array.shape))} cells",
        "take a part of it with bbox (--bbox)",
    )
    with np.errstate(over="ignore"):  # see `mask_missing`
        return array.load()


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
    """Set missing cells to NaN, and move the attributes with their rules to ``encoding``.

    Packed integers whose physical value is beyond floats are missing too, with a warning.
    """
    # xarray compares float32 cells with a fill value in double and misses 1e20: compare again
    fills = {n: array.encoding[n] for n in ("_FillValue", "missing_value") if n in array.encoding}
    described = array.copy(deep=False)
    described.attrs = {**fills, **array.attrs}
    missing = np.logical_or.reduce(list(find_missing_cells(described).values()))
    stored = np.dtype(array.encoding.get("dtype", array.dtype))
    if array.dtype.kind == "f" and stored.kind in "iu":
        missing = missing | _find_overflow(array, missing)
    made = array.where(~missing) if array.dtype.kind == "f" or missing.any() else array.copy()
    rules = (*cf_rules.FILLS, *cf_rules.LIMITS)
    applied = {n: v for n, v in array.attrs.items() if n in rules}
    made.attrs = {n: v for n, v in array.attrs.items() if n not in applied}
    made.encoding = {**array.encoding, **applied}
    return made


def _find_overflow(array: xr.DataArray, missing: np.ndarray) -> np.ndarray:
    """Find the cells that are infinite because unpacking has made them so; warn of them."""
    infinite = np.isinf(array.values) & ~missing
    cf_rules.warn_of_overflow(int(np.count_nonzero(infinite)), array.name, array.encoding)
    return infinite


def crop(array: xr.DataArray, axes: Axes | StackAxes, bbox: Bbox | None) -> xr.DataArray:
    """Keep the rows and columns with centres in the box, columns from west to east.

    The box is in degrees for latitudes and longitudes, otherwise in the units of the coordinates.
    The transform that the array carries is updated. Without a box the array is returned as it is.
    """
    if bbox is None:
        return array
    west, south, east, north = _parse_bbox(bbox)
    sides = []
    for role, dim in (("y", axes.y), ("x", axes.x)):
        coordinate = find_axis_coordinate(array, role, dim)
        if coordinate is None:
            raise ValueError(f"bbox needs coordinates, but dimension {dim!r} has none")
        sides.append(coordinate)
    degrees = find_axis_degrees(array, axes.y, axes.x)
    stored_y, stored_x = (
        side.values if size == 1.0 else side.values.astype(np.float64) * size
        for side, size in zip(sides, degrees or (1.0, 1.0), strict=True)
    )
    y, x = stored_y.astype(np.float64), stored_x.astype(np.float64)
    near_y, near_x = measure_rounding(stored_y), measure_rounding(stored_x)
    # centres on an edge are inside, whatever their rounding
    rows = np.flatnonzero((y >= south - near_y) & (y <= north + near_y))
    west -= near_x
    if degrees is not None:
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
    if degrees is not None:
        shifted = (_to_file_range(x[columns], stored_x) / degrees[1]).astype(sides[1].dtype)
        cropped = cropped.assign_coords({sides[1].name: (axes.x, shifted, sides[1].attrs)})
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
