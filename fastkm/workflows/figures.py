"""The figures of a job on one raster: drawn from its results, and written as PNG."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fastkm.vector.geojson import to_rfc7946

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

    if outlines.crs is not None and not outlines.crs.is_geographic:
        outlines = to_rfc7946(outlines).set_crs(4326)
        west, south, east, north = outlines.total_bounds.tolist()
        room = 0.1 * max(east - west, north - south)  # NaN if there is no outline
        if 0 < room < 30.0:
            extent = (west - room, max(south - room, -90), east + room, min(north + room, 90))
    writer.write_figure(map_figure(outlines, extent=extent, units=units), path)


def _is_photo(stack: BandStack) -> bool:
    """Return True if the bands are red, green and blue bytes, with perhaps one more."""
    kinds = {
        np.dtype(band.encoding.get("dtype", band.dtype)) if band.dtype.kind == "f" else band.dtype
        for band in stack.bands
    }
    return len(stack.bands) in {3, 4} and kinds == {np.dtype(np.uint8)}
