"""Write label maps as GeoTIFF, with a colour table, with rasterio of the extra ``tiff``.

Labels are bytes, and missing cells are 255 (two bytes and 65535 for more than 255 clusters): GDAL
keeps colour tables for unsigned types only, and a GIS shows such a map in its colours. North is up,
unless the raster's own transform says otherwise.

A file is a Cloud Optimized GeoTIFF: compressed tiles, and overviews, each cell of which is one of the
cells below it, because classes have no mean. It is written in two steps, because such a file begins
with what is known at the end: blocks go to a file beside it, as they come, which is then copied.
"""

from __future__ import annotations

import itertools
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import numpy as np

from fastkm._core.atomic_write import atomic_write
from fastkm._core.threads import resolve_thread_count
from fastkm._version import __version__
from fastkm.raster.grid.axes import find_axes, is_geographic
from fastkm.raster.grid.coordinates import convert_coordinates, find_axis_degrees
from fastkm.raster.grid.crs import (
    Transform,
    compute_geotransform,
    get_crs_wkt,
    get_geotransform,
    is_longlat,
)
from fastkm.raster.grid.geolocation import AxisGrid, find_grid
from fastkm.raster.io.geotiff.read_geotiff import ignore_missing_georeference, import_rasterio
from fastkm.raster.io.geotiff.tiff_directories import copy_cloud_optimized
from fastkm.raster.labels import Box, WriteBlock, write_cells

if TYPE_CHECKING:
    import xarray as xr

TILE = 512
"""Rows and columns of a tile."""

LEVEL = 1
"""Level of compression: level 6 takes ten times as long for files a tenth smaller."""

CACHE_BYTES = 1 << 24, 1 << 28
"""Memory that GDAL may use for tiles, at least and at most: by default it takes a twentieth of all."""

CACHED_ROWS = 4
"""Rows of tiles that should fit into it: blocks of several maps may end within tiles."""

_Window = tuple[tuple[int, int], tuple[int, int]]
_Written = tuple[_Window, int]
"""Where a block was written, and its checksum."""


def write_label_tiff(
    labels: xr.DataArray,
    path: str | os.PathLike[str],
    *,
    colours: Sequence[Sequence[float]],
    source: str,
    history: str,
) -> None:
    """Write a label map as a GeoTIFF with a colour table, whole or not at all; see `write_labels`.

    `colours`, shape (k, 3 or 4), are red, green and blue of each cluster, from 0 to 1.

    Raises
    ------
    ImportError
        If rasterio or rioxarray is not installed.
    ValueError
        If rows and columns are not evenly spaced, or there are more than 65535 clusters.
    """
    axes = find_axes(labels)
    labels = labels.transpose(axes.y, axes.x)
    file = open_label_tiff(labels, path, colours=colours, source=source, history=history)
    write_cells(labels, file)


@contextmanager
def open_label_tiff(
    labels: xr.DataArray,
    path: str | os.PathLike[str],
    *,
    colours: Sequence[Sequence[float]],
    source: str,
    history: str,
) -> Iterator[WriteBlock]:
    """Yield a function that writes the blocks of a label map, of which only metadata is used here.

    Parameters and errors are those of `write_label_tiff`.
    """
    rasterio = import_rasterio()
    k = len(labels.attrs["flag_values"])
    if k > 65535:
        raise ValueError(f"a GeoTIFF holds at most 65535 clusters, got {k}")
    # rows and columns in the order of the transform, in a type for which GDAL keeps colours
    dtype, missing = (np.uint8, 255) if k <= 255 else (np.uint16, 65535)
    height, width = labels.shape
    rows, columns, transform = _orient(labels)
    # the file: size, type, and where its cells lie
    profile = {
        "driver": "GTiff", "height": height, "width": width, "count": 1, "bigtiff": "if_safer",
        "dtype": np.dtype(dtype).name, "nodata": missing, "tiled": True,
        "blockxsize": TILE, "blockysize": TILE, "compress": "deflate", "zlevel": LEVEL,
        "num_threads": resolve_thread_count(None),
    }  # fmt: skip
    if transform is not None:
        profile["transform"] = rasterio.Affine.from_gdal(*transform)
    wkt = _find_wkt(labels)
    if wkt is not None:
        profile["crs"] = rasterio.crs.CRS.from_wkt(wkt)
    needed = CACHED_ROWS * TILE * width * np.dtype(dtype).itemsize
    cache = int(np.clip(needed, *CACHE_BYTES))
    tags = {"source": source, "history": f"fastkm {__version__}: {history}"}
    written: list[_Written] = []
    with (
        rasterio.Env(GDAL_CACHEMAX=cache),
        ignore_missing_georeference(),
        atomic_write(path, partial(_check_tiff, written)) as draft,
    ):
        cells = draft.with_name(f"{draft.name}.cells")
        with rasterio.open(cells, "w", **profile) as file:
            # the colour table has to be written before the labels
            file.write_colormap(1, _make_colour_table(colours, missing))
            file.set_band_description(1, str(labels.attrs["long_name"]))
            file.update_tags(**tags)
            file.update_tags(1, **_make_band_tags(labels.attrs))

            def write(box: Box, block: np.ndarray) -> None:
                for window, part in _place(block.astype(dtype), rows[box[0]], columns[box[1]]):
                    file.write(part, 1, window=window)
                    written.append((window, zlib.crc32(part.data)))

            yield write
        _finish(cells, draft, max(height, width))


def _finish(cells: Path, draft: Path, size: int) -> None:
    """Add overviews to a file of cells, copy it as a Cloud Optimized GeoTIFF, and remove it."""
    from rasterio._err import CPLE_BaseError

    rasterio = import_rasterio()
    factors = [2**level for level in range(1, 32) if size > TILE << (level - 1)]
    if factors:
        try:
            with (
                rasterio.Env(GDAL_TIFF_OVR_BLOCKSIZE=TILE, ZLEVEL_OVERVIEW=LEVEL),
                rasterio.open(cells, "r+", num_threads=resolve_thread_count(None)) as file,
            ):
                file.build_overviews(factors, rasterio.enums.Resampling.nearest)
        except (CPLE_BaseError, TypeError) as error:  # the latter if GDAL cannot open it
            raise OSError(str(error)) from error
    copy_cloud_optimized(cells, draft)
    cells.unlink()
    for aside in draft.parent.glob(f"{cells.name}.*"):  # what a GeoTIFF cannot hold
        aside.rename(str(aside).replace(cells.name, draft.name))


def _place(
    block: np.ndarray, rows: np.ndarray, columns: np.ndarray
) -> Iterator[tuple[_Window, np.ndarray]]:
    """Yield the parts of a block whose rows and columns stand together in a file, and where."""
    for own_rows, top in _find_runs(rows):
        for own_columns, left in _find_runs(columns):
            part = np.ascontiguousarray(block[own_rows, own_columns])
            yield ((top, top + part.shape[0]), (left, left + part.shape[1])), part


def _find_runs(places: np.ndarray) -> list[tuple[slice, int]]:
    """Cut places into runs that ascend or descend by 1: slices that ascend, and their first place."""
    steps = np.diff(places)
    before = np.r_[steps[:1], steps[:-1]]
    turns = (np.abs(before) == 1) & (before != steps)
    ends = np.flatnonzero((np.abs(steps) != 1) | turns) + 1
    cuts = [0, *ends.tolist(), len(places)]
    runs = []
    for start, stop in itertools.pairwise(cuts):
        if places[start] <= places[stop - 1]:
            runs.append((slice(start, stop), int(places[start])))
        else:
            last = start - 1 if start else None
            runs.append((slice(stop - 1, last, -1), int(places[stop - 1])))
    return runs


def _check_tiff(written: Sequence[_Written], draft: Path) -> None:
    """Raise unless a file holds what was written, and its overviews and GDAL's file are whole."""
    rasterio = import_rasterio()
    with rasterio.open(draft, num_threads=resolve_thread_count(None)) as file:
        for window, checksum in written:
            if zlib.crc32(file.read(1, window=window)) != checksum:
                raise OSError("it holds other labels than were written")
        overviews = len(file.overviews(1))
    for level in range(overviews):
        with rasterio.open(draft, overview_level=level) as file:
            for _, window in file.block_windows(1):
                file.read(1, window=window)
    for aside in draft.parent.glob("*.xml"):
        ET.parse(aside)


def _orient(labels: xr.DataArray) -> tuple[np.ndarray, np.ndarray, Transform | None]:
    """Return the place of each row and column in the file, and its transform.

    It is the transform that the labels carry, or one with north up.
    """
    axes = find_axes(labels)
    own = get_geotransform(labels)
    places = {dim: np.arange(size) for dim, size in labels.sizes.items()}
    if own is not None or (axes.y not in labels.coords and axes.x not in labels.coords):
        return places[axes.y], places[axes.x], own
    labels = convert_coordinates(labels, axes.y, axes.x)
    labels = labels.assign_coords({f"place {dim}": (dim, place) for dim, place in places.items()})
    if is_geographic(labels, axes):
        labels = _unroll_longitudes(labels, axes.x)
    if axes.y in labels.coords and labels[axes.y].values[0] < labels[axes.y].values[-1]:
        labels = labels.isel({axes.y: slice(None, None, -1)})
    if axes.x in labels.coords and labels[axes.x].values[0] > labels[axes.x].values[-1]:
        labels = labels.isel({axes.x: slice(None, None, -1)})
    transform = compute_geotransform(labels, axes.y, axes.x)
    if transform is None:
        raise ValueError(
            f"a GeoTIFF needs evenly spaced rows and columns, but {axes.y!r} and {axes.x!r} are "
            "not; write the label map as .nc"
        )
    rows, columns = (np.argsort(labels[f"place {dim}"].values) for dim in (axes.y, axes.x))
    return rows, columns, transform


def _unroll_longitudes(labels: xr.DataArray, dim: str) -> xr.DataArray:
    """Return labels with longitudes without jumps, on a map."""
    grid = find_grid(labels)
    if not isinstance(grid, AxisGrid):
        return labels
    if grid.west is None:
        return labels.assign_coords({dim: grid.x})
    if not grid.turn:
        turns = np.floor((grid.x.min() + 180.0) / 360.0)
        return labels.assign_coords({dim: grid.x - 360.0 * turns})
    turned = grid.west + (grid.x - grid.west) % 360.0
    return labels.assign_coords({dim: turned}).sortby(dim)


def _find_wkt(labels: xr.DataArray) -> str | None:
    """Return the reference system that labels carry, or WGS84 for longitudes and latitudes."""
    from pyproj.crs import CRS, is_wkt

    carried, axes = get_crs_wkt(labels), find_axes(labels)
    if is_longlat(carried) or find_axis_degrees(labels, axes.y, axes.x) is None:
        if carried is None or is_wkt(carried):
            return carried
        return str(CRS(carried).to_wkt())  # of a code such as EPSG:32633
    return str(import_rasterio().crs.CRS.from_epsg(4326).to_wkt())


def _make_colour_table(
    colours: Sequence[Sequence[float]], missing: int
) -> dict[int, tuple[int, ...]]:
    table = {
        number: (*(round(255 * float(channel)) for channel in colour[:3]), 255)
        for number, colour in enumerate(colours)
    }
    return {**table, missing: (0, 0, 0, 0)}


def _make_band_tags(attrs: Mapping[str, Any]) -> dict[str, str]:
    """Turn the attributes of labels into texts, as GDAL has them, and add a name per cluster."""
    tags = {
        name: " ".join(f"{number!r}" for number in np.ravel(value).tolist())
        if isinstance(value, np.ndarray)
        else str(value)
        for name, value in attrs.items()
        if name not in {"flag_meanings", "_FillValue"}
    }
    meanings = str(attrs["flag_meanings"]).split(" ")
    return tags | {f"category_{number}": word for number, word in enumerate(meanings)}
