"""Read a raster with netCDF4, zarr or rasterio alone, and find its missing cells the naive way.

The rules of the CF conventions and the NetCDF Users' Guide are written here once more, cell by cell
in mind, so that a mistake in `fastkm` is not made twice. Nothing of `fastkm` is imported.
"""

from __future__ import annotations

import base64
import itertools
import struct
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import netCDF4
import numpy as np

NO = {"false", "0"}


class Reading(NamedTuple):
    """The numbers of a raster as stored, which of them are missing, and how they are scaled.

    `times` are the dimensions whose coordinate is a time.
    """

    dims: tuple[str, ...]
    stored: np.ndarray
    missing: np.ndarray
    scale: float
    offset: float
    times: tuple[str, ...] = ()


def read_independently(path: Path, variable: str, nodata: Sequence[float] = ()) -> Reading:
    """Read a variable of a netCDF file or Zarr store, or all bands of a GeoTIFF.

    `nodata` are missing values, as stored or in physical units; inf stands for -inf too.
    """
    if path.suffix == ".tif":
        found = _read_geotiff(path)
    else:
        read = _read_zarr if path.is_dir() else _read_netcdf
        found = _apply_rules(*read(path, variable))
        found = found._replace(times=_find_times(read, path, variable, found.dims))
    with np.errstate(over="ignore"):
        physical = found.stored.astype(np.float64) * found.scale + found.offset
    if found.stored.dtype.kind in "iu":  # beyond floats
        found.missing[np.isinf(physical)] = True
    for number in nodata:
        found.missing[found.stored == number] = True
        found.missing[
            np.isinf(physical) if np.isinf(number) else np.isclose(physical, number, 1e-6, 0)
        ] = True
    return found


def _read_netcdf(path: Path, variable: str) -> tuple[tuple[str, ...], np.ndarray, dict[str, Any]]:
    with netCDF4.Dataset(path) as file:
        file.set_auto_maskandscale(False)
        own = file[variable] if "/" in variable else file.variables[variable]
        return (
            own.dimensions,
            np.asarray(own[...]),
            {name: own.getncattr(name) for name in own.ncattrs()},
        )


def _read_zarr(path: Path, variable: str) -> tuple[tuple[str, ...], np.ndarray, dict[str, Any]]:
    import zarr

    own: Any = zarr.open_group(path, mode="r", use_consolidated=False)[variable]
    attrs = dict(own.attrs)
    values = np.asarray(own[...])
    if own.metadata.zarr_format == 2:
        if own.metadata.fill_value is not None:
            attrs["_FillValue"] = own.metadata.fill_value
        return tuple(attrs.pop("_ARRAY_DIMENSIONS")), values, attrs
    fill = attrs.get("_FillValue")
    if isinstance(fill, str) and values.dtype.kind == "f":  # xarray's way to write a float
        attrs["_FillValue"] = struct.unpack("<d", base64.standard_b64decode(fill))[0]
    return own.metadata.dimension_names, values, attrs


def _find_times(read: Any, path: Path, variable: str, dims: tuple[str, ...]) -> tuple[str, ...]:
    """Find the dimensions with a coordinate of times, in the group of a variable or the root."""
    found = []
    for dim, group in itertools.product(dims, {variable.rpartition("/")[0], ""}):
        with suppress(Exception):
            _, _, attrs = read(path, f"{group}/{dim}".lstrip("/"))
            if attrs.get("standard_name") == "time" or " since " in str(attrs.get("units")):
                found.append(dim)
    return tuple(found)


def _read_geotiff(path: Path) -> Reading:
    import rasterio

    with rasterio.open(path) as file:
        alpha = rasterio.enums.ColorInterp.alpha
        numbers = [number for number in file.indexes if file.colorinterp[number - 1] != alpha]
        values, masks = file.read(numbers), file.read_masks(numbers)
        missing = masks == 0
        scale, offset = file.scales[numbers[0] - 1], file.offsets[numbers[0] - 1]
    # numbers that cannot be meant say nothing
    scale = scale if np.isfinite(scale) and scale != 0 else 1.0
    offset = offset if np.isfinite(offset) else 0.0
    if values.dtype.kind == "f":
        missing |= np.isnan(values)
    return Reading(("band", "y", "x"), values, missing, scale, offset)


def _apply_rules(dims: tuple[str, ...], values: np.ndarray, attrs: dict[str, Any]) -> Reading:
    values = values.astype(values.dtype.newbyteorder("="))
    ranges = [_as_numbers(attrs.get("valid_range"))]
    ranges = [own for own in ranges if len(own) == 2]
    single = [_as_numbers(attrs.get(name)) for name in ("valid_min", "valid_max")]
    ranges.append([own[0] if len(own) == 1 else None for own in single])
    scale, offset = (_as_numbers(attrs.get(name)) for name in ("scale_factor", "add_offset"))
    # numbers that cannot be meant say nothing
    scale, offset = (
        own if own and np.isfinite(own[0]) and set(own) == {own[0]} else []
        for own in (scale, offset)
    )
    scale = [] if scale and scale[0] == 0 else scale
    is_packed = bool(scale or offset)
    scale, offset = float((scale or [1])[0]), float((offset or [0])[0])

    if "_FillValue" not in attrs and values.dtype.itemsize > 1:
        attrs = {**attrs, "_FillValue": netCDF4.default_fillvals[values.dtype.str[1:]]}

    # integers are unsigned if an attribute says so, or if no signed ones reach the range
    turn = 2 ** (8 * values.dtype.itemsize)
    said = str(attrs.get("_Unsigned")).lower()
    is_unsigned = said in {"true", "1"}
    low, high = ranges[0]
    is_physical = is_packed and isinstance(high, float)
    if values.dtype.itemsize <= 2 and high is not None and not is_physical and said not in NO:
        wraps = low is not None and values.dtype == np.int8 and -128 <= high < 0
        is_unsigned |= (low is None or low >= 0) and (turn // 2 <= high < turn or wraps)
    is_unsigned &= values.dtype.kind == "i"
    turn = turn if is_unsigned else 0
    if is_unsigned:
        values = values.view(values.dtype.str.replace("i", "u"))

    # fill values
    missing = np.isnan(values) if values.dtype.kind == "f" else np.zeros(values.shape, bool)
    fills = _as_numbers(attrs.get("_FillValue"))
    for number in [*fills, *_as_numbers(attrs.get("missing_value"))]:
        wanted = number + turn if turn and number < 0 else number
        if values.dtype.kind == "f":
            wanted = values.dtype.type(wanted)
        missing |= values == wanted

    # ranges; of packed integers they are in physical units if they are of floating type
    for (low, high), is_pair in zip(ranges, [True, False][-len(ranges) :], strict=True):
        ends = [n + turn if turn and n is not None and n < 0 else n for n in (low, high)]
        if None not in ends and ends[0] > ends[1]:  # the wrong way round
            ends = ends[::-1] if is_pair else [None, None]
        for end, is_out in zip(ends, (np.less, np.greater), strict=True):
            if end is not None and values.dtype.kind == "f":
                missing |= is_out(values, values.dtype.type(end))
            elif end is not None:
                is_physical = is_packed and isinstance(end, float)
                missing |= is_out(values * scale + offset if is_physical else values, end)
    return Reading(tuple(dims), values, missing, scale, offset)


def _as_numbers(attribute: Any) -> list[Any]:
    """Return the numbers of an attribute, also of one that holds them as text; or none."""
    if attribute is None:
        return []
    found = []
    if isinstance(attribute, str):
        attribute = attribute.replace(",", " ").split()
    for part in np.ravel(np.asarray(attribute)).tolist():
        try:
            # a text that is a whole number is an integer
            is_whole = isinstance(part, str) and part.strip().lstrip("-").isdecimal()
            is_number = isinstance(part, int | float)
            found.append(part if is_number else int(part) if is_whole else float(part))
        except (TypeError, ValueError):
            return []
    return found
