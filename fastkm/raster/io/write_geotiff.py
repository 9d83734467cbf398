"""Label maps as GeoTIFF, with a colour table, by rasterio, which is an extra.

Labels are bytes with the missing cells at 255 (two bytes and 65535 for more than 255 clusters):
GDAL keeps colour tables for unsigned types only, and a GIS shows such a map as it is. North is up,
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
from fastkm.raster.grid.crs import Transform, crs_wkt, geotransform, grid_transform
from fastkm.raster.io.read_geotiff import import_rasterio, no_georeference_is_fine

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
    """Write a label map as a GeoTIFF with a colour table, whole or not at all.

    Parameters
    ----------
    labels : xarray.DataArray
        A label map of `fastkm.cluster_raster` or `label_raster`.
    path : path-like
        The file to write; one that exists is replaced.
    colours : sequence, shape (k, 3 or 4)
        Red, green and blue of each cluster, from 0 to 1.
    source, history : str
        Where the labels come from, and what was done.

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
    dtype, missing = (np.uint8, 255) if k <= 255 else (np.uint16, 65535)
    north_up, transform = _placed(labels)
    numbers = np.where(north_up.values < 0, missing, north_up.values).astype(dtype)
    profile = {
        "driver": "GTiff", "height": numbers.shape[0], "width": numbers.shape[1], "count": 1,
        "dtype": np.dtype(dtype).name, "nodata": missing, "compress": "deflate",
    }  # fmt: skip
    if transform is not None:
        profile["transform"] = rasterio.Affine.from_gdal(*transform)
    wkt = _wkt(labels)
    if wkt is not None:
        profile["crs"] = rasterio.crs.CRS.from_wkt(wkt)
    tags = {"source": source, "history": f"fastkm {__version__}: {history}"}
    with (
        atomic_write(path) as draft,
        no_georeference_is_fine(),
        rasterio.open(draft, "w", **profile) as file,
    ):
        file.write_colormap(1, _colour_table(colours, missing))  # before what it colours
        file.write(numbers, 1)
        file.set_band_description(1, str(labels.attrs["long_name"]))
        file.update_tags(**tags)
        file.update_tags(1, **_band_tags(labels.attrs))


def _placed(labels: xr.DataArray) -> tuple[xr.DataArray, Transform | None]:
    """Give labels in the order of their transform, and that: the file's own, or one north up."""
    axes = find_axes(labels)
    labels = labels.transpose(axes.y, axes.x)
    own = geotransform(labels)
    if own is not None:
        return labels, own
    if axes.y not in labels.coords and axes.x not in labels.coords:
        return labels, None
    if axes.y in labels.coords and labels[axes.y].values[0] < labels[axes.y].values[-1]:
        labels = labels.isel({axes.y: slice(None, None, -1)})
    if axes.x in labels.coords and labels[axes.x].values[0] > labels[axes.x].values[-1]:
        labels = labels.isel({axes.x: slice(None, None, -1)})
    transform = grid_transform(labels, axes.y, axes.x)
    if transform is None:
        raise ValueError(
            f"a GeoTIFF needs evenly spaced rows and columns, but {axes.y!r} and {axes.x!r} are "
            "not; write the label map as .nc"
        )
    return labels, transform


def _wkt(labels: xr.DataArray) -> str | None:
    carried = crs_wkt(labels)
    if carried is not None or not is_geographic(labels, find_axes(labels)):
        return carried
    return str(import_rasterio().crs.CRS.from_epsg(4326).to_wkt())


def _colour_table(colours: Sequence[Sequence[float]], missing: int) -> dict[int, tuple[int, ...]]:
    table = {
        number: (*(round(255 * float(part)) for part in colour[:3]), 255)
        for number, colour in enumerate(colours)
    }
    return {**table, missing: (0, 0, 0, 0)}


def _band_tags(attrs: Mapping[str, Any]) -> dict[str, str]:
    """Write the attributes of labels as GDAL's texts, and a name for each cluster."""
    tags = {
        name: " ".join(f"{number!r}" for number in np.ravel(value).tolist())
        if isinstance(value, np.ndarray)
        else str(value)
        for name, value in attrs.items()
        if name not in {"flag_meanings", "_FillValue"}
    }
    meanings = str(attrs["flag_meanings"]).split(" ")
    return tags | {f"category_{number}": word for number, word in enumerate(meanings)}
