"""Describe the variables of a file: how they are stored, and what their values are.

Each value is read once, part by part: a file of any size is described in some 100 MB of memory.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core.attributes import read_text
from fastkm._core.cf_rules import FILLS, NEUTRAL, PACKING
from fastkm._core.nodata import Nodata, as_nodata
from fastkm.raster.io.describe.open_file import OpenFile, Source, open_file
from fastkm.raster.io.describe.parts import (
    choose_steps,
    count_parts,
    iterate_parts,
    reduce_parts,
)
from fastkm.raster.io.describe.statistics import Measurement, Statistics
from fastkm.raster.io.geotiff.read_geotiff import (
    choose_bands,
    describe_packing,
    name_band,
    unpack,
)
from fastkm.raster.io.lazy.block_plan import choose_block_shape
from fastkm.raster.io.lazy.geotiff_source import GeotiffSource
from fastkm.raster.io.read_netcdf import add_default_fill
from fastkm.raster.io.stamps import CHANGED, Stamp, read_stamp

if TYPE_CHECKING:
    import xarray as xr

BANDS_TOGETHER = 32
"""Bands of a GeoTIFF that are read together: counts of 16 bits take 0.5 MB for each of them."""


@dataclass(frozen=True)
class VariableInfo:
    """One raster variable of a file, or one band.

    What follows from its values is None, or empty, if these were not read.

    Attributes
    ----------
    name, units, long_name : str
    sizes : dict of str to int
        Sizes of the dimensions.
    dtype : str
        Type as stored.
    scale, offset : float
        How stored numbers are unpacked: ``scale * stored + offset``.
    cells : int
        Number of cells of all time steps.
    valid : int or None
        Number of cells to which no rule applies.
    low, high : float
        Range of the cells that are not missing; NaN if all are.
    missing : dict of str to int
        Number of missing cells by rule; several rules may apply to a cell.
    hidden : dict of str to list of float
        For rules on the valid range, the distinct values outside it, if there are few: readers
        that ignore valid ranges take these for data.
    suspicious : list of float
        Values that look like undeclared sentinels.
    """

    name: str
    units: str
    long_name: str
    sizes: dict[str, int]
    dtype: str
    scale: float
    offset: float
    cells: int
    valid: int | None
    low: float
    high: float
    missing: dict[str, int]
    hidden: dict[str, list[float]]
    suspicious: list[float]


def describe_variables(
    source: Source, *, nodata: Nodata = None, statistics: bool = True
) -> list[VariableInfo]:
    """Describe the raster variables of a netCDF file or a Zarr store, or the bands of a GeoTIFF.

    `source` is the path of the file, or the open file. Variables in groups have their paths as names.
    `nodata` are further missing values, as for `fastkm.read_raster`; they count as a rule of this name.
    Without `statistics` no value is read. Progress goes to the current one (`fastkm._core.progress`).

    Raises
    ------
    OSError
        If the file cannot be read, or changes meanwhile.
    ImportError
        If the file is a GeoTIFF and rasterio or rioxarray is not installed.
    """
    absent = as_nodata(nodata)
    with open_file(source) as file:
        if file.tiff is not None:
            return _describe_bands(file, absent, statistics=statistics)
        return [
            _describe_stored(stored, file.path, stamp, absent, statistics=statistics)
            for (stored, _), stamp in zip(file.rasters, file.stamps, strict=True)
        ]


def _describe_stored(
    array: xr.DataArray,
    path: str | os.PathLike[str],
    stamp: Stamp,
    nodata: tuple[float, ...],
    *,
    statistics: bool,
) -> VariableInfo:
    """Describe a variable of an open netCDF file or Zarr store."""
    sizes = {str(dim): int(size) for dim, size in array.sizes.items()}
    if not statistics:
        return _make_info(array.name, array.attrs, sizes, array.dtype, None)
    attrs = add_default_fill(array).attrs
    measurement = Measurement(array.dtype, attrs, nodata, _Decoder.of(array))
    variable = array.variable

    def measure(box: tuple[slice, ...]) -> list[Any]:
        _require_unchanged(path, stamp, str(array.name))
        values = np.asarray(variable[box].values)
        _require_unchanged(path, stamp, str(array.name))
        return [measurement.measure(values)]

    chunks = array.encoding.get("chunksizes") or array.encoding.get("chunks")
    width = array.dtype.itemsize
    steps = choose_steps(array.shape, chunks, width)
    count, size = count_parts(array.shape, steps), width * math.prod(steps)
    found = reduce_parts(measure, iterate_parts(array.shape, steps), count, size)
    empty = np.empty((0,) * array.ndim, array.dtype)
    [result] = found or [measurement.measure(empty)]
    return _make_info(array.name, array.attrs, sizes, array.dtype, measurement.finish(result))


@dataclass(frozen=True)
class _Decoder:
    """Unpacks numbers as xarray does."""

    packing: dict[Any, Any]

    @classmethod
    def of(cls, array: xr.DataArray) -> _Decoder:
        """Return the decoder of a variable, for values that are not missing."""
        named = [*PACKING, "_Unsigned", "_FillValue"]
        packing = {name: array.attrs[name] for name in named if name in array.attrs}
        if array.dtype.kind == "f":  # the type of unpacked floats depends on there being any fill
            fills = [np.ravel(array.attrs[name]) for name in FILLS if name in array.attrs]
            known = [fill for fill in np.concatenate([*fills, []]) if not np.isnan(fill)]
            packing |= {"_FillValue": array.dtype.type(known[0])} if known else {}
        return cls(packing)

    def __call__(self, values: np.ndarray) -> np.ndarray:
        import xarray as xr
        from xarray.conventions import decode_cf_variable

        if not any(name in self.packing for name in PACKING):
            return values if values.dtype.itemsize < 8 else values.astype(np.float64)
        stored = xr.Variable(("n",), values.ravel(), self.packing)
        with np.errstate(over="ignore"):  # infinite values are seen
            decoded = decode_cf_variable("values", stored, decode_times=False).values
        return np.asarray(decoded.reshape(values.shape))


def _describe_bands(
    file: OpenFile, nodata: tuple[float, ...], *, statistics: bool
) -> list[VariableInfo]:
    """Describe the bands of a GeoTIFF."""
    path, tiff, [stamp] = file.path, file.tiff, file.stamps
    numbers = choose_bands(tiff, None, path)
    bands = [_Band.of(tiff, number, nodata) for number in numbers]
    shape, tile = (tiff.height, tiff.width), tiff.block_shapes[numbers[0] - 1]
    has_place = not tiff.transform.is_identity
    infos = []
    for start in range(0, len(bands), BANDS_TOGETHER):
        group = bands[start : start + BANDS_TOGETHER]
        found: list[Statistics | None] = [None] * len(group)
        if statistics:
            found = list(_measure_bands(path, stamp, group, shape, tile, has_place=has_place))
        infos += [band.describe(shape, one) for band, one in zip(group, found, strict=True)]
    return infos


@dataclass(frozen=True)
class _Band:
    """A band of a GeoTIFF, and what is measured of it."""

    number: int
    name: str
    units: str
    measurement: Measurement

    @classmethod
    def of(cls, file: Any, number: int, nodata: tuple[float, ...]) -> _Band:
        """Return a band of an open file."""
        from rasterio.enums import MaskFlags

        packing, dtype = describe_packing(file, number), np.dtype(file.dtypes[number - 1])
        scale, offset = (float(packing.get(name, neutral)) for name, neutral in NEUTRAL.items())

        def decode(values: np.ndarray) -> np.ndarray:
            return values if (scale, offset) == (1.0, 0.0) else unpack(values, scale, offset)

        said = {MaskFlags.nodata, MaskFlags.all_valid}
        masked = not said & set(file.mask_flag_enums[number - 1])
        units = str(file.units[number - 1] or "")
        measured = Measurement(dtype, packing, nodata, decode, masked)
        return cls(number, name_band(file, number), units, measured)

    def describe(self, shape: tuple[int, int], found: Statistics | None) -> VariableInfo:
        """Return the description of the band."""
        attrs = {**self.measurement.attrs, "units": self.units, "long_name": self.name}
        sizes = dict(zip("yx", shape, strict=True))
        return _make_info(self.name, attrs, sizes, self.measurement.dtype, found)


def _measure_bands(
    path: str | os.PathLike[str],
    stamp: Stamp,
    bands: list[_Band],
    shape: tuple[int, int],
    tile: tuple[int, int],
    *,
    has_place: bool,
) -> list[Statistics]:
    """Measure bands of a GeoTIFF, which are read together."""
    numbers = tuple(band.number for band in bands)
    dtype = np.result_type(*(band.measurement.dtype for band in bands))
    stored, decoded = (
        GeotiffSource(os.fspath(path), dtype, numbers, decode, (), has_place)
        for decode in (False, True)
    )
    masked = any(band.measurement.masked for band in bands)

    def measure(box: tuple[slice, ...]) -> list[Any]:
        _require_unchanged(path, stamp)
        layers = stored.read(*box).reshape(len(bands), -1)
        masks = np.isnan(decoded.read(*box).reshape(len(bands), -1)) if masked else layers
        _require_unchanged(path, stamp)
        return [
            band.measurement.measure(values, mask if band.measurement.masked else None)
            for band, values, mask in zip(bands, layers, masks, strict=True)
        ]

    # half as large as blocks are elsewhere: they are copied, and several are read at a time
    height, width = choose_block_shape(*shape, 2 * len(bands), tile)
    steps = (min(height, shape[0]), min(width, shape[1]))
    count, size = count_parts(shape, steps), len(bands) * dtype.itemsize * math.prod(steps)
    found = reduce_parts(measure, iterate_parts(shape, steps), count, size)
    return [band.measurement.finish(one) for band, one in zip(bands, found, strict=True)]


def _make_info(
    name: Any,
    attrs: Any,
    sizes: dict[str, int],
    dtype: np.dtype,
    found: Statistics | None,
) -> VariableInfo:
    """Return the description of a variable with these attributes and statistics."""
    scale, offset = (float(np.ravel(attrs.get(n, neutral))[0]) for n, neutral in NEUTRAL.items())
    known = found or Statistics(None, {}, {}, np.nan, np.nan, [])
    return VariableInfo(
        name=str(name),
        units=read_text(attrs, "units"),
        long_name=read_text(attrs, "long_name"),
        sizes=sizes,
        dtype=dtype.name,
        scale=scale,
        offset=offset,
        cells=math.prod(sizes.values()),
        **known._asdict(),
    )


def _require_unchanged(path: str | os.PathLike[str], stamp: Stamp, name: str | None = None) -> None:
    """Raise an OSError if a file, or a variable of a Zarr store, is no longer what it was."""
    if read_stamp(path, None if name is None else [name]) != stamp:
        raise OSError(f"{os.fspath(path)} {CHANGED}")
