"""The figures of a job on one raster: drawn from its results, and written as PNG."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fastkm.raster.grid.crs import has_plain_degrees
from fastkm.vector.geojson import to_longlat

if TYPE_CHECKING:
    import geopandas as gpd
    import xarray as xr

    from fastkm.cluster.codebook import Codebook
    from fastkm.cluster.selection.choose_k import Choice
    from fastkm.raster.bands import BandStack
    from fastkm.raster.io.read_netcdf import Bbox
    from fastkm.workflows.job import Colours, FileWriter


def choose_colours(stack: BandStack, codebooks: Mapping[int, Codebook]) -> dict[int, Colours]:
    """Choose the colours of the clusters of each k, in figures and in files of label maps.

    Clusters of one band have colours from low to high, those of a photo the colours of their
    centroids, and those of other bands colours that differ.
    """
    from fastkm.plot import class_colours, cluster_colormap

    if _is_photo(stack):
        centroids = {k: codebook.centroids[:, :3] for k, codebook in codebooks.items()}
        return {k: np.clip(colours / 255, 0, 1).tolist() for k, colours in centroids.items()}
    if len(stack.bands) > 1:
        return {k: class_colours(k) for k in codebooks}
    return {k: [cluster_colormap(k)(j) for j in range(k)] for k in codebooks}


def draw_clusters(
    writer: FileWriter,
    path: Path,
    stack: BandStack,
    maps: Mapping[int, xr.DataArray],
    codebooks: Mapping[int, Codebook],
) -> None:
    """Draw the bands and their label maps, each in a panel."""
    from fastkm.plot import clusters_figure, stack_figure

    centroids = {k: codebook.centroids for k, codebook in codebooks.items()}
    if len(stack.bands) == 1:
        writer.write_figure(clusters_figure(stack.grid, maps, centroids), path)
        return
    bands = []
    for band, name, units in zip(stack.bands, stack.names, stack.units, strict=True):
        title = band.attrs.get("long_name", name)
        title = title if isinstance(title, str) else name
        bands.append(band.assign_attrs(long_name=title, units=units))
    colours = choose_colours(stack, codebooks)
    writer.write_figure(stack_figure(bands, maps, centroids, colours, photo=_is_photo(stack)), path)


def draw_choice(writer: FileWriter, path: Path, choice: Choice) -> None:
    """Draw the score of each k."""
    from fastkm.plot import scores_figure

    figure = scores_figure(
        choice.scores, choice.k, criterion=choice.criterion, errors=choice.errors
    )
    writer.write_figure(figure, path)


def draw_map(
    writer: FileWriter,
    path: Path,
    outlines: gpd.GeoDataFrame,
    *,
    extent: Bbox | None = None,
    units: str = "",
) -> None:
    """Draw outlines on a map of `extent`, or of the world.

    Projected outlines are drawn in longitudes and latitudes, with some room around them.
    """
    from fastkm.plot import map_figure

    if outlines.crs is not None and not has_plain_degrees(outlines.crs):
        outlines = to_longlat(outlines)
        extent = _find_extent(outlines)
    writer.write_figure(map_figure(outlines, extent=extent, units=units), path)


def _find_extent(outlines: gpd.GeoDataFrame) -> Bbox | None:
    """Return the extent of outlines with some room; None for the world, or if there is no outline."""
    import shapely

    bounds = shapely.bounds(shapely.get_parts(np.asarray(outlines.geometry.array, object)))
    if not len(bounds):
        return None
    # on a map that begins at 180 degrees or at Greenwich, whichever shows them closer together
    maps = [bounds[:, [0, 2]] + 360.0 * (bounds[:, :1] < first) for first in (-180.0, 0.0)]
    west, east = min(((own.min(), own.max()) for own in maps), key=lambda ends: ends[1] - ends[0])
    south, north = bounds[:, 1].min(), bounds[:, 3].max()
    room = 0.1 * max(east - west, north - south)
    if room >= 30.0:
        return None
    return (
        float(west - room), float(max(south - room, -90.0)),
        float(east + room), float(min(north + room, 90.0)),
    )  # fmt: skip


def _is_photo(stack: BandStack) -> bool:
    """Return True if the bands are red, green and blue bytes, with perhaps one more."""
    kinds = {
        np.dtype(band.encoding.get("dtype", band.dtype)) if band.dtype.kind == "f" else band.dtype
        for band in stack.bands
    }
    return len(stack.bands) in {3, 4} and kinds == {np.dtype(np.uint8)}
