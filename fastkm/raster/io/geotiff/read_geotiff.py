"""Read bands of a GeoTIFF with rasterio, of the extra ``tiff``.

Nodata values, masks and alpha bands say which cells are missing; an alpha band itself is not a band
to cluster. The reference system and the transform become the coordinate ``spatial_ref``
(`fastkm.raster.grid.crs`).
"""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core.cf_missing import Described
from fastkm._core.cf_rules import NEUTRAL, clean_attributes, warn_of_overflow
from fastkm._core.memory import require_memory
from fastkm._core.nodata import Nodata, as_nodata, declare_missing, find_nodata
from fastkm._core.notes import warn_user
from fastkm.raster.io.geotiff.tiff_directories import require_directories

if TYPE_CHECKING:
    import xarray as xr

EXTENSIONS = (".tif", ".tiff")

DAMAGE = re.compile("(IO error|Can not read|Failed to read).*")
"""What GDAL says of a part of a file that is not there."""

SCALES_IN_SINGLE = (1e-20, 1e20)
"""Scales, whatever their sign, between which numbers of 16 bits or less are scaled in float32."""

NEEDS_EXTRA = "GeoTIFF files need rasterio and rioxarray: install with pip install 'fastkm[tiff]'"


def is_geotiff(path: str | os.PathLike[str]) -> bool:
    """Return True if the name of a file is that of a GeoTIFF.

    Examples
    --------
    >>> is_geotiff("photo.TIF"), is_geotiff("photo.nc")
    (True, False)
    """
    return Path(path).suffix.lower() in EXTENSIONS


def read_geotiff(
    path: str | os.PathLike[str],
    bands: Sequence[int] | None = None,
    *,
    decode: bool = True,
    nodata: Nodata = None,
) -> xr.DataArray:
    """Read bands of a GeoTIFF, counted from 1, by default all but alpha bands: (band, y, x).

    The attribute ``long_name`` has the names of the bands, ``units`` their units. If `decode` is
    True, missing cells become NaN, and scales and offsets are applied. Otherwise numbers are as
    stored, and the attributes of a single band say what they mean. `nodata` are further missing
    values, as for `fastkm.read_raster`.

    Raises
    ------
    ImportError
        If rasterio or rioxarray is not installed.
    OSError
        If the file cannot be read.
    ValueError
        If it has no such band.
    MemoryError
        If the bands need more memory than there is.
    """
    absent = as_nodata(nodata)
    with open_geotiff(path) as file:
        numbers = choose_bands(file, bands, path)
        widths = [max(2, np.dtype(file.dtypes[number - 1]).itemsize) for number in numbers]
        require_memory(
            2 * file.width * file.height * sum(widths),
            f"{os.fspath(path)}: {file.height} x {file.width} cells of {len(numbers)} bands",
            "cut out a part of it first, such as by gdal_translate -projwin",
        )
        values = stack_layers(
            (read_layer(file, number, absent, decode=decode) for number in numbers), len(numbers)
        )
        array = describe_bands(file, numbers, values)
        if not decode and len(numbers) == 1:
            array.attrs |= describe_packing(file, numbers[0])
        array.encoding |= {"dtype": file.dtypes[numbers[0] - 1]}
    return array if decode else declare_missing(array, absent)


def describe_bands(file: Any, numbers: Sequence[int], values: Any) -> xr.DataArray:
    """Return the values of bands of an open file as a raster, (band, y, x), with its coordinates."""
    import xarray as xr

    names = tuple(name_band(file, number) for number in numbers)
    units = tuple(str(file.units[j - 1] or "") for j in numbers)
    array = xr.DataArray(
        values,
        {"band": list(numbers), **_compute_coordinates(file)},
        ("band", "y", "x"),
        attrs={"long_name": names, "units": units[0] if len(set(units)) == 1 else units},
    )
    array.name = None  # not that of a dask array
    return _attach_location(array, file)


def list_bands(path: str | os.PathLike[str]) -> list[int]:
    """List the numbers of the bands of a GeoTIFF that are not alpha, counted from 1."""
    with open_geotiff(path) as file:
        return choose_bands(file, None, path)


def read_tags(path: str | os.PathLike[str]) -> dict[str, str]:
    """Read the tags of a GeoTIFF: its title, history ..."""
    with open_geotiff(path) as file:
        return dict(file.tags())


def has_classes(path: str | os.PathLike[str], number: int) -> bool:
    """Return True if the numbers of a band are classes: it has a colour table, or tags of classes."""
    with open_geotiff(path) as file:
        is_palette = file.colorinterp[number - 1].name == "palette"
        return is_palette or "flag_values" in file.tags(number)


def find_band(path: str | os.PathLike[str], name: str | None) -> int:
    """Find the number of a band of a GeoTIFF by its name or number; without one, the only band.

    Raises
    ------
    ValueError
        If there is no such band, or there are several and none is named.
    """
    with open_geotiff(path) as file:
        numbers = choose_bands(file, None, path)
        names = {number: name_band(file, number) for number in numbers}
    listed = ", ".join(names.values())
    if name is None:
        if len(numbers) != 1:
            from fastkm.raster.io.choose import UnnamedRasterError

            raise UnnamedRasterError(path, "bands", [*names.values()])
        return numbers[0]
    found = [number for number, own in names.items() if name in {own, str(number)}]
    if not found:
        raise ValueError(f"{os.fspath(path)} has no band {name!r}; its bands: {listed}")
    return found[0]


def refuse_time(path: str | os.PathLike[str], time: Any, sel: Any = None) -> None:
    """Raise if a time or a level is asked for in a GeoTIFF, which has bands only."""
    if sel:
        raise ValueError(f"{os.fspath(path)} is a GeoTIFF, which has bands only, got sel={sel!r}")
    if not (isinstance(time, int | np.integer) and time in {0, -1}):
        raise ValueError(f"{os.fspath(path)} is a GeoTIFF without a time axis, got time={time!r}")


def take_single_band(array: xr.DataArray) -> xr.DataArray:
    """Return the only band that `read_geotiff` has read as a raster."""
    raster = array.isel(band=0, drop=True)
    raster.name = raster.attrs["long_name"] = array.attrs["long_name"][0]
    if not raster.attrs["units"]:
        del raster.attrs["units"]
    return raster


def import_rasterio() -> Any:
    """Import rasterio and rioxarray, or raise with the command that installs them."""
    try:
        import rasterio
        import rioxarray  # noqa: F401
    except ImportError as error:
        raise ImportError(NEEDS_EXTRA) from error
    return rasterio


def list_failures() -> tuple[type[Exception], ...]:
    """List what rasterio raises if GDAL fails: its own errors, and GDAL's where it does not translate."""
    from rasterio._err import CPLE_BaseError
    from rasterio.errors import RasterioError

    return RasterioError, CPLE_BaseError


@contextmanager
def ignore_missing_georeference() -> Iterator[None]:
    """Ignore rasterio's warning of photos that have no place on the globe."""
    from rasterio.errors import NotGeoreferencedWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield


@contextmanager
def _ignore_garbled_messages() -> Iterator[None]:
    """Ignore that rasterio cannot decode, for its log, what GDAL quotes of a damaged file.

    It happens where no exception can be raised; such an error is printed, and then reported.
    """
    print_error, report = sys.excepthook, sys.unraisablehook

    def print_others(kind: type[BaseException], *details: Any) -> None:
        if kind is not UnicodeDecodeError:
            print_error(kind, *details)

    def report_others(failed: sys.UnraisableHookArgs) -> None:
        if failed.exc_type is not UnicodeDecodeError:
            report(failed)

    sys.excepthook, sys.unraisablehook = print_others, report_others
    try:
        yield
    finally:
        sys.excepthook, sys.unraisablehook = print_error, report


@contextmanager
def _note_damage(path: str | os.PathLike[str]) -> Iterator[None]:
    """Warn of what GDAL cannot read of a file and leaves out: a scale at its end, if it is cut off."""
    log, own = logging.getLogger("rasterio._env"), threading.get_ident()

    def look(record: logging.LogRecord) -> bool:
        found = DAMAGE.search(record.getMessage())
        if found and record.thread == own:
            warn_user(f"{os.fspath(path)} is damaged, and read in part: {found.group()}")
        return True

    log.addFilter(look)
    try:
        yield
    finally:
        log.removeFilter(look)


@contextmanager
def open_geotiff(path: str | os.PathLike[str]) -> Iterator[Any]:
    """Open a GeoTIFF; every failure is an `OSError` that names the file."""
    if Path(path).is_dir():
        raise IsADirectoryError(f"{os.fspath(path)} is a folder, not a GeoTIFF file")
    if not Path(path).is_file():
        raise FileNotFoundError(f"{os.fspath(path)}: no such file")
    rasterio = import_rasterio()
    require_directories(path)
    try:
        with (
            ignore_missing_georeference(),
            _ignore_garbled_messages(),
            _note_damage(path),
            rasterio.open(path) as file,
        ):
            yield file
    except list_failures() as error:
        raise OSError(f"{os.fspath(path)} cannot be read as GeoTIFF: {error}") from error


def choose_bands(file: Any, bands: Sequence[int] | None, path: str | os.PathLike[str]) -> list[int]:
    """Check the numbers of bands, or choose all that are not alpha."""
    from rasterio.enums import ColorInterp

    if bands is not None:
        for band in bands:
            if not 1 <= band <= file.count:
                raise ValueError(
                    f"band must be 1 to {file.count}, those of {os.fspath(path)}, got {band}"
                )
            if not _is_real(file, band):
                raise ValueError(
                    f"band {band} of {os.fspath(path)} must hold real numbers, got "
                    f"{file.dtypes[band - 1]}: write its magnitude, or a part, to a file of its own"
                )
        return list(bands)
    meanings = enumerate(file.colorinterp, 1)
    numbers = [number for number, meaning in meanings if meaning != ColorInterp.alpha]
    if not numbers or not all(_is_real(file, number) for number in numbers):
        raise ValueError(f"{os.fspath(path)} holds no band of real numbers")
    return numbers


def _is_real(file: Any, number: int) -> bool:
    """Return True if a band holds real numbers; complex integers have no type of numpy's."""
    return not file.dtypes[number - 1].startswith("complex")


def name_band(file: Any, number: int) -> str:
    """Name a band by its description, its colour or its number."""
    colour = file.colorinterp[number - 1].name
    fallback = colour if colour in {"red", "green", "blue"} else f"band {number}"
    return str(file.descriptions[number - 1] or fallback)


def stack_layers(layers: Iterator[np.ndarray], count: int) -> np.ndarray:
    """Copy bands into one array of a type that holds all; one band at a time is in memory twice."""
    first = next(layers)
    stack = np.empty((count, *first.shape), first.dtype)
    stack[0] = first
    for position, layer in enumerate(layers, 1):
        stack = stack.astype(np.result_type(stack, layer), copy=False)
        stack[position] = layer
    return stack


def read_layer(
    file: Any, number: int, nodata: tuple[float, ...], *, decode: bool, window: Any = None
) -> np.ndarray:
    """Read a band, or a window of it; as floats with NaN if cells are missing."""
    if not decode:
        return np.asarray(file.read(number, window=window))
    band = file.read(number, masked=True, window=window)
    values, missing = np.asarray(band.data), np.ma.getmaskarray(band)
    packing = describe_packing(file, number)
    if nodata:
        missing = missing | find_nodata(Described(values, packing, {}), nodata)
    scale, offset = (packing.get(name, neutral) for name, neutral in NEUTRAL.items())
    if scale != 1 or offset != 0:
        unpacked = unpack(values, scale, offset)
        too_large = np.isinf(unpacked) & np.isfinite(values) & ~missing
        warn_of_overflow(int(np.count_nonzero(too_large)), name_band(file, number), packing)
        values, missing = unpacked, missing | too_large
    if not missing.any():
        return values
    if values.dtype.kind != "f":
        values = values.astype(np.float32 if values.dtype.itemsize <= 2 else np.float64)
    values[missing] = np.nan
    return values


def unpack(values: np.ndarray, scale: float, offset: float) -> np.ndarray:
    """Scale stored numbers, in a float type that holds the results."""
    needs_double = values.dtype.itemsize > 2 and values.dtype != np.float32
    least, most = SCALES_IN_SINGLE
    fits_in_single = not needs_double and offset == 0 and least <= abs(scale) <= most
    with np.errstate(over="ignore"):
        physical = values.astype(np.float64) * scale + offset
        return physical.astype(np.float32) if fits_in_single else physical


def describe_packing(file: Any, number: int) -> dict[str, float]:
    """Return the attributes that say what stored numbers mean: nodata value, scale and offset."""
    from rasterio.enums import MaskFlags

    attrs = {}
    nodata, dtype = file.nodatavals[number - 1], np.dtype(file.dtypes[number - 1])
    if MaskFlags.nodata not in file.mask_flag_enums[number - 1]:
        nodata = None  # a mask or an alpha band says what is missing instead
    if nodata is not None and (dtype.kind == "f" or nodata == _clip(nodata, dtype)):
        attrs["_FillValue"] = dtype.type(nodata)
    packing = dict(zip(NEUTRAL, (file.scales[number - 1], file.offsets[number - 1]), strict=True))
    if packing != NEUTRAL:
        attrs |= clean_attributes(packing, dtype, of=f" of band {number}")
    return attrs


def _clip(number: float, dtype: np.dtype) -> int:
    """Return the integer of a type that is closest to a number."""
    limits = np.iinfo(dtype)
    return 0 if np.isnan(number) else int(np.clip(number, int(limits.min), int(limits.max)))


def _compute_coordinates(file: Any) -> dict[str, np.ndarray]:
    """Compute the centres of rows and columns; the rows of a photo go down from 0."""
    columns, rows = np.arange(file.width) + 0.5, np.arange(file.height) + 0.5
    move = file.transform
    if move.is_identity:
        return {"y": -rows, "x": columns}
    if move.b != 0 or move.d != 0:  # rotated: rows and columns have no coordinates of their own
        return {}
    return {"y": move.f + move.e * rows, "x": move.c + move.a * columns}


def _attach_location(array: xr.DataArray, file: Any) -> xr.DataArray:
    """Attach the reference system and the transform of a file to a raster."""
    if file.crs is not None:
        array = array.rio.write_crs(file.crs)
        if "x" in array.coords:
            array = array.rio.write_coordinate_system()
    return array.rio.write_transform(file.transform)
