"""Reading bands of a GeoTIFF, by rasterio, which is an extra.

Missing is what nodata values, masks and alpha bands say; an alpha band is no band to cluster. The
reference system and the transform become the coordinate ``spatial_ref`` (`fastkm.raster.grid.crs`).
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

EXTENSIONS = (".tif", ".tiff")

NEEDS_EXTRA = "GeoTIFF files need rasterio and rioxarray: install with pip install 'fastkm[tiff]'"


def is_geotiff(path: str | os.PathLike[str]) -> bool:
    """Tell by its name whether a file is a GeoTIFF.

    Examples
    --------
    >>> is_geotiff("photo.TIF"), is_geotiff("photo.nc")
    (True, False)
    """
    return Path(path).suffix.lower() in EXTENSIONS


def read_geotiff(
    path: str | os.PathLike[str], bands: Sequence[int] | None = None, *, decode: bool = True
) -> xr.DataArray:
    """Read bands of a GeoTIFF.

    Parameters
    ----------
    path : path-like
        The file.
    bands : sequence of int, optional
        Which bands, from 1; all but alpha bands by default.
    decode : bool, default: True
        Make missing cells NaN and apply scales and offsets. Otherwise numbers are as stored, and
        the attributes of a single band say what they mean.

    Returns
    -------
    xarray.DataArray
        Dimensions (band, y, x); the attribute ``long_name`` has the names of the bands, ``units``
        their units.

    Raises
    ------
    ImportError
        If rasterio or rioxarray is not installed.
    OSError
        If the file cannot be read.
    ValueError
        If it has no such band.
    """
    import xarray as xr

    with _opened(path) as file:
        numbers = _chosen(file, bands, path)
        values = _stacked((_layer(file, number, decode=decode) for number in numbers), len(numbers))
        names = tuple(_name(file, number) for number in numbers)
        units = tuple(str(file.units[j - 1] or "") for j in numbers)
        array = xr.DataArray(
            values,
            {"band": list(numbers), **_coordinates(file)},
            ("band", "y", "x"),
            attrs={"long_name": names, "units": units[0] if len(set(units)) == 1 else units},
        )
        array = _located(array, file)
        if not decode and len(numbers) == 1:
            array.attrs |= _packing(file, numbers[0])
        array.encoding |= {"dtype": file.dtypes[numbers[0] - 1]}
    return array


def band_numbers(path: str | os.PathLike[str]) -> list[int]:
    """List the bands of a GeoTIFF that are not alpha, from 1."""
    with _opened(path) as file:
        return _chosen(file, None, path)


def band_number(path: str | os.PathLike[str], name: str | None) -> int:
    """Find a band of a GeoTIFF by its name or number; without one, the only band.

    Raises
    ------
    ValueError
        If there is no such band, or there are several and none is named.
    """
    with _opened(path) as file:
        numbers = _chosen(file, None, path)
        names = {number: _name(file, number) for number in numbers}
    if name is None:
        if len(numbers) != 1:
            listed = ", ".join(names.values())
            raise ValueError(f"{os.fspath(path)}: name one of its bands: {listed}")
        return numbers[0]
    found = [number for number, own in names.items() if name in {own, str(number)}]
    if not found:
        listed = ", ".join(names.values())
        raise ValueError(f"{os.fspath(path)} has no band {name!r}; its bands: {listed}")
    return found[0]


def refuse_time(path: str | os.PathLike[str], time: Any) -> None:
    """Raise if a time is asked for in a GeoTIFF, which has none."""
    if not (isinstance(time, int | np.integer) and time in {0, -1}):
        raise ValueError(f"{os.fspath(path)} is a GeoTIFF without a time axis, got time={time!r}")


def single_band(array: xr.DataArray) -> xr.DataArray:
    """Make a raster of the only band of `read_geotiff`."""
    raster = array.isel(band=0, drop=True)
    raster.attrs |= band_attributes(array, 0)
    raster.name = raster.attrs["long_name"]
    if not raster.attrs["units"]:
        del raster.attrs["units"]
    return raster


def band_attributes(array: xr.DataArray, position: int) -> dict[str, str]:
    """Give the name and units of one band of `read_geotiff`."""
    units = array.attrs["units"]
    return {
        "long_name": array.attrs["long_name"][position],
        "units": units if isinstance(units, str) else units[position],
    }


def import_rasterio() -> Any:
    """Import what GeoTIFF needs."""
    try:
        import rasterio
        import rioxarray  # noqa: F401
    except ImportError as error:
        raise ImportError(NEEDS_EXTRA) from error
    return rasterio


@contextmanager
def no_georeference_is_fine() -> Iterator[None]:
    """Keep quiet about photos that lie nowhere on the globe."""
    from rasterio.errors import NotGeoreferencedWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield


@contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[Any]:
    """Open a GeoTIFF; every failure is an `OSError` that names the file."""
    if Path(path).is_dir():
        raise IsADirectoryError(f"{os.fspath(path)} is a folder, not a GeoTIFF file")
    if not Path(path).is_file():
        raise FileNotFoundError(f"{os.fspath(path)}: no such file")
    rasterio = import_rasterio()
    try:
        with no_georeference_is_fine(), rasterio.open(path) as file:
            yield file
    except rasterio.errors.RasterioError as error:
        raise OSError(f"{os.fspath(path)} cannot be read as GeoTIFF: {error}") from error


def _chosen(file: Any, bands: Sequence[int] | None, path: str | os.PathLike[str]) -> list[int]:
    """Check numbers of bands, or take all that are not alpha."""
    from rasterio.enums import ColorInterp

    if bands is not None:
        for band in bands:
            if not 1 <= band <= file.count:
                raise ValueError(
                    f"band must be 1 to {file.count}, those of {os.fspath(path)}, got {band}"
                )
        return list(bands)
    meanings = enumerate(file.colorinterp, 1)
    numbers = [number for number, meaning in meanings if meaning != ColorInterp.alpha]
    kinds = {np.dtype(file.dtypes[number - 1]).kind for number in numbers}
    if not numbers or not kinds <= set("iuf"):
        raise ValueError(f"{os.fspath(path)} holds no band of real numbers")
    return numbers


def _name(file: Any, number: int) -> str:
    """Name a band by its description, its colour or its number."""
    colour = file.colorinterp[number - 1].name
    fallback = colour if colour in {"red", "green", "blue"} else f"band {number}"
    return str(file.descriptions[number - 1] or fallback)


def _stacked(layers: Iterator[np.ndarray], count: int) -> np.ndarray:
    """Put bands into one array of a type that holds all, without a second copy of all."""
    first = next(layers)
    made = np.empty((count, *first.shape), first.dtype)
    made[0] = first
    for position, layer in enumerate(layers, 1):
        made = made.astype(np.result_type(made, layer), copy=False)
        made[position] = layer
    return made


def _layer(file: Any, number: int, *, decode: bool) -> np.ndarray:
    """Read a band, in floats with NaN where that is needed."""
    if not decode:
        return np.asarray(file.read(number))
    band = file.read(number, masked=True)
    stored, gone = np.asarray(band.data), np.ma.getmaskarray(band)
    scale, offset = file.scales[number - 1], file.offsets[number - 1]
    if scale != 1 or offset != 0:
        precise = stored.dtype.itemsize > 2 and stored.dtype != np.float32
        kind = np.float64 if precise or offset != 0 else np.float32
        stored = (stored.astype(np.float64) * scale + offset).astype(kind)
    if not gone.any():
        return stored
    kind = np.float32 if stored.dtype.kind != "f" and stored.dtype.itemsize <= 2 else np.float64
    made = stored if stored.dtype.kind == "f" else stored.astype(kind)
    made[gone] = np.nan
    return made


def _packing(file: Any, number: int) -> dict[str, float]:
    """Say what stored numbers mean, where they are not just what they are."""
    attrs = {}
    nodata = file.nodatavals[number - 1]
    if nodata is not None:
        attrs["_FillValue"] = np.dtype(file.dtypes[number - 1]).type(nodata)
    scale, offset = file.scales[number - 1], file.offsets[number - 1]
    if scale != 1 or offset != 0:
        attrs |= {"scale_factor": scale, "add_offset": offset}
    return attrs


def _coordinates(file: Any) -> dict[str, np.ndarray]:
    """Give centres of rows and columns; a photo has its rows go down from 0."""
    columns, rows = np.arange(file.width) + 0.5, np.arange(file.height) + 0.5
    move = file.transform
    if move.is_identity:
        return {"y": -rows, "x": columns}
    if move.b != 0 or move.d != 0:  # turned: rows and columns have no coordinates of their own
        return {}
    return {"y": move.f + move.e * rows, "x": move.c + move.a * columns}


def _located(array: xr.DataArray, file: Any) -> xr.DataArray:
    """Let the raster carry the reference system and the transform."""
    if file.crs is not None:
        array = array.rio.write_crs(file.crs)
        if "x" in array.coords:
            array = array.rio.write_coordinate_system()
    return array.rio.write_transform(file.transform)
