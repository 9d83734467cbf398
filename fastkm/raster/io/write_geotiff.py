"""Write label maps as GeoTIFF, with a colour table, with rasterio of the extra ``tiff``.

Labels are bytes, and missing cells are 255 (two bytes and 65535 for more than 255 clusters): GDAL
keeps colour tables for unsigned types only, and a GIS shows such a map in its colours. North is up,
unless the raster's own transform says otherwise.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core.atomic_write import atomic_write
from fastkm._version import __version__
from fastkm.raster.grid.axes import find_axes, is_geographic
from fastkm.raster.grid.crs import Transform, compute_geotransform, get_crs_wkt, get_geotransform
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
        atomic_write(path) as draft,
        ignore_missing_georeference(),
        rasterio.open(draft, "w", **profile) as file,
    ):
        # the colour table has to be written before the labels
        file.write_colormap(1, _make_colour_table(colours, missing))
        file.write(numbers, 1)
        file.set_band_description(1, str(labels.attrs["long_name"]))
        file.update_tags(**tags)
        file.update_tags(1, **_make_band_tags(labels.attrs))


def _orient(labels: xr.DataArray) -> tuple[xr.DataArray, Transform | None]:
    """Return labels and their transform: the one they carry, or one with north up."""
    axes = find_axes(labels)
    labels = labels.transpose(axes.y, axes.x)
    own = get_geotransform(labels)
    if own is not None:
        return labels, own
    if axes.y not in labels.coords and axes.x not in labels.coords:
        return labels, None
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


def _find_wkt(labels: xr.DataArray) -> str | None:
    """Return the reference system that labels carry, or WGS84 for longitudes and latitudes."""
    carried = get_crs_wkt(labels)
    if carried is not None or not is_geographic(labels, find_axes(labels)):
        return carried
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
