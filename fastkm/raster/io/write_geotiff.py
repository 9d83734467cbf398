"""Write label maps as GeoTIFF, with a colour table, with rasterio of the extra ``tiff``.

Labels are bytes, and missing cells are 255 (two bytes and 65535 for more than 255 clusters): GDAL
keeps colour tables for unsigned types only, and a GIS shows such a map in its colours. North is up,
unless the raster's own transform says otherwise.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import numpy as np

from fastkm._core.atomic_write import atomic_write
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
from fastkm.raster.io.read_geotiff import ignore_missing_georeference, import_rasterio

if TYPE_CHECKING:
    import xarray as xr


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
    rasterio = import_rasterio()
    k = len(labels.attrs["flag_values"])
    if k > 65535:
        raise ValueError(f"a GeoTIFF holds at most 65535 clusters, got {k}")
    # rows and columns in the order of the transform, in a type for which GDAL keeps colours
    dtype, missing = (np.uint8, 255) if k <= 255 else (np.uint16, 65535)
    north_up, transform = _orient(labels)
    numbers = np.where(north_up.values < 0, missing, north_up.values).astype(dtype)
    # the file: size, type, and where its cells lie
    profile = {
        "driver": "GTiff", "height": numbers.shape[0], "width": numbers.shape[1], "count": 1,
        "dtype": np.dtype(dtype).name, "nodata": missing, "compress": "deflate",
    }  # fmt: skip
    if transform is not None:
        profile["transform"] = rasterio.Affine.from_gdal(*transform)
    wkt = _find_wkt(labels)
    if wkt is not None:
        profile["crs"] = rasterio.crs.CRS.from_wkt(wkt)
    tags = {"source": source, "history": f"fastkm {__version__}: {history}"}
    with (
        ignore_missing_georeference(),
        atomic_write(path, partial(_check_tiff, numbers)) as draft,
        rasterio.MemoryFile(filename="labels.tif") as memory,
    ):
        # written to memory first: on a full disk libtiff goes on in silence
        with memory.open(**profile) as file:
            # the colour table has to be written before the labels
            file.write_colormap(1, _make_colour_table(colours, missing))
            file.write(numbers, 1)
            file.set_band_description(1, str(labels.attrs["long_name"]))
            file.update_tags(**tags)
            file.update_tags(1, **_make_band_tags(labels.attrs))
        _copy_from_memory(memory.name, draft)


def _copy_from_memory(name: str, draft: Path) -> None:
    """Copy a file of GDAL's memory, and the .aux.xml beside it if there is one, to the disk."""
    import rasterio.shutil
    from rasterio._err import CPLE_BaseError

    try:
        rasterio.shutil.copyfiles(name, draft)
    except CPLE_BaseError as error:
        raise OSError(str(error)) from error


def _check_tiff(numbers: np.ndarray, draft: Path) -> None:
    """Raise unless a file holds these numbers, and GDAL's file beside it is whole."""
    with import_rasterio().open(draft) as file:
        if not np.array_equal(file.read(1), numbers):
            raise OSError("it holds other labels than were written")
    for aside in draft.parent.glob("*.xml"):
        ET.parse(aside)


def _orient(labels: xr.DataArray) -> tuple[xr.DataArray, Transform | None]:
    """Return labels and their transform: the one they carry, or one with north up."""
    axes = find_axes(labels)
    labels = convert_coordinates(labels.transpose(axes.y, axes.x), axes.y, axes.x)
    own = get_geotransform(labels)
    if own is not None:
        return labels, own
    if axes.y not in labels.coords and axes.x not in labels.coords:
        return labels, None
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
    return labels, transform


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
