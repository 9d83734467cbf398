"""Windows of a GeoTIFF, as stored or, if attributes cannot say what is missing, decoded.

A file is opened for each window, in about a millisecond. A dataset of GDAL must not be used by two
threads, and keeps what it has read: up to a twentieth of the memory.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core.cf_rules import PACKING
from fastkm._core.nodata import as_nodata, declare_missing
from fastkm.raster.io.geotiff.read_geotiff import (
    choose_bands,
    describe_bands,
    describe_packing,
    ignore_missing_georeference,
    import_rasterio,
    list_failures,
    open_geotiff,
    read_layer,
    stack_layers,
    take_single_band,
)
from fastkm.raster.io.lazy.block_plan import Index, arrange, cover

if TYPE_CHECKING:
    import xarray as xr

    from fastkm._core.nodata import Nodata

_OPENING = threading.Lock()


@dataclass(frozen=True, eq=False)
class GeotiffSource:
    """Windows of bands of a GeoTIFF, counted from 1: (bands, rows, columns), or (rows, columns).

    If `decode` is True, missing cells are NaN, those equal to one of `nodata` too.
    """

    path: str
    dtype: np.dtype
    bands: tuple[int, ...]
    decode: bool
    nodata: tuple[float, ...]
    has_place: bool

    def read(self, rows: Index, columns: Index) -> np.ndarray:
        """Read a window, of all bands."""
        sides = [cover(index) for index in (rows, columns)]
        window = tuple((side.start, side.stop) for side in sides)
        with self._open() as file:
            if self.decode:
                layers = (
                    read_layer(file, band, self.nodata, decode=True, window=window)
                    for band in self.bands
                )
                values = stack_layers(layers, len(self.bands))
            else:
                values = np.asarray(file.read(list(self.bands), window=window))
        values = arrange(values, rows, columns)
        return values if len(self.bands) > 1 else values[0]

    @contextmanager
    def _open(self) -> Iterator[Any]:
        """Open the file, without the checks of `open_geotiff`, which it has passed."""
        rasterio = import_rasterio()
        try:
            if self.has_place:
                opened = rasterio.open(self.path)
            else:  # filters of warnings belong to all threads
                with _OPENING, ignore_missing_georeference():
                    opened = rasterio.open(self.path)
            with opened as file:
                yield file
        except list_failures() as error:
            raise OSError(f"{self.path} cannot be read as GeoTIFF: {error}") from error


def describe_geotiff(
    path: str | os.PathLike[str], bands: Sequence[int] | None, nodata: Nodata
) -> tuple[xr.DataArray, GeotiffSource, tuple[int, int]]:
    """Return a raster of bands without values, what reads them, and the shape of the file's tiles.

    A single band is a raster (y, x), several are (band, y, x).
    """
    import dask.array as da

    absent = as_nodata(nodata)
    with open_geotiff(path) as file:
        numbers = choose_bands(file, bands, path)
        shape = (len(numbers), file.height, file.width)
        array = describe_bands(file, numbers, da.zeros(shape, chunks=shape))
        packings = [describe_packing(file, number) for number in numbers]
        decode = _needs_decoding(file, numbers, packings)
        dtypes = [np.dtype(file.dtypes[number - 1]) for number in numbers]
        if decode:
            pairs = zip(dtypes, packings, strict=True)
            dtypes = [_choose_decoded_type(dtype, packing) for dtype, packing in pairs]
        dtype = np.result_type(*dtypes)
        array.encoding |= {"dtype": file.dtypes[numbers[0] - 1]}
        has_place = not file.transform.is_identity
        tile = file.block_shapes[numbers[0] - 1]
    array = array.copy(data=array.data.astype(dtype))
    if not decode:
        array.attrs |= packings[0]
        array = declare_missing(array, absent)
    array = array if len(numbers) > 1 else take_single_band(array)
    source = GeotiffSource(os.fspath(path), dtype, tuple(numbers), decode, absent, has_place)
    return array, source, tile


def _needs_decoding(
    file: Any, numbers: Sequence[int], packings: Sequence[dict[str, float]]
) -> bool:
    """Return True if attributes cannot say what the stored numbers of all bands mean."""
    from rasterio.enums import MaskFlags

    said = {MaskFlags.nodata, MaskFlags.all_valid}
    has_mask = any(not said & set(file.mask_flag_enums[number - 1]) for number in numbers)
    # compared as texts, in which NaN is equal to itself
    kinds = {(file.dtypes[n - 1], str(p)) for n, p in zip(numbers, packings, strict=True)}
    return has_mask or len(kinds) > 1


def _choose_decoded_type(dtype: np.dtype, packing: dict[str, float]) -> np.dtype:
    """Return the floating type of decoded numbers; see `read_layer`."""
    if any(name in packing for name in PACKING):
        return np.dtype(np.float64)
    if dtype.kind == "f":
        return dtype
    return np.dtype(np.float32 if dtype.itemsize <= 2 else np.float64)
