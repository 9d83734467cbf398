"""The figures of a job on one raster: drawn from its results, and written as PNG, PDF or SVG."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fastkm.raster.grid.crs import has_plain_degrees
from fastkm.vector.plot_map import plot_map

if TYPE_CHECKING:
    import geopandas as gpd
    import xarray as xr

    from fastkm.cluster.codebook import Codebook
    from fastkm.cluster.selection.choose_k import Choice
    from fastkm.raster.bands import BandStack
    from fastkm.raster.io.read_netcdf import Bbox
    from fastkm.workflows.job import Colours, FileWriter


@dataclass(frozen=True)
class FigureOptions:
    """How the figures of a job are drawn; None leaves a choice to the figure.

    Attributes
    ----------
    format : {"png", "pdf", "svg"}
        The format of the files.
    dpi : float
        Dots per inch.
    title : str, optional
        The title, instead of what is drawn.
    cmap : str, optional
        A colour map of matplotlib.
    projection : str, optional
        "robinson", "plate-carree", "orthographic", "polar" or "EPSG:n".
    size : (width, height), optional
        In inches; without a height the figure is as high as its panels.
    """

    format: Literal["png", "pdf", "svg"] = "png"
    dpi: float = 150.0
    title: str | None = None
    cmap: str | None = None
    projection: str | None = None
    size: tuple[float, float | None] | None = None

    @property
    def look(self) -> dict[str, Any]:
        """The keywords of `clusters_figure`, `stack_figure` and `map_figure`."""
        return {"cmap": self.cmap, "projection": self.projection, "size": self.size}


DEFAULT_FIGURES = FigureOptions()


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
    options: FigureOptions,
    chosen: int | None = None,
) -> None:
    """Draw the bands and their label maps, each in a panel; that of the chosen k says so."""
    from fastkm.plot import clusters_figure, stack_figure

    centroids = {k: codebook.centroids for k, codebook in codebooks.items()}
    look = {"title": options.title, "chosen": chosen, **options.look}
    if len(stack.bands) == 1:
        figure = clusters_figure(stack.grid, maps, centroids, **look)
        writer.write_figure(figure, path, options.dpi)
        return
    bands = []
    for band, name, units in zip(stack.bands, stack.names, stack.units, strict=True):
        title = band.attrs.get("long_name", name)
        title = title if isinstance(title, str) else name
        bands.append(band.assign_attrs(long_name=title, units=units))
    colours = choose_colours(stack, codebooks)
    figure = stack_figure(
        bands, maps, centroids, colours, names=stack.names, photo=_is_photo(stack), **look
    )
    writer.write_figure(figure, path, options.dpi)


def draw_choice(writer: FileWriter, path: Path, choice: Choice, options: FigureOptions) -> None:
    """Draw the score of each k."""
    from fastkm.plot import scores_figure

    figure = scores_figure(
        choice.scores, choice.k, criterion=choice.criterion, errors=choice.errors
    )
    writer.write_figure(figure, path, options.dpi)


def draw_map(
    writer: FileWriter,
    path: Path,
    outlines: gpd.GeoDataFrame,
    options: FigureOptions,
    *,
    raster: xr.DataArray,
    extent: Bbox | None = None,
    units: str = "",
) -> None:
    """Draw outlines of a raster on a map of `extent`, or of the outlines with some room.

    Projected outlines are drawn in longitudes and latitudes.
    """
    from fastkm.plot.panels import compose_title

    in_degrees = outlines.crs is None or has_plain_degrees(outlines.crs)
    title = compose_title(raster) if options.title is None else options.title
    figure = plot_map(
        outlines, title=title, extent=extent if in_degrees else None, units=units, **options.look
    )
    writer.write_figure(figure, path, options.dpi)


def _is_photo(stack: BandStack) -> bool:
    """Return True if the bands are red, green and blue bytes, with perhaps one more."""
    kinds = {
        np.dtype(band.encoding.get("dtype", band.dtype)) if band.dtype.kind == "f" else band.dtype
        for band in stack.bands
    }
    return len(stack.bands) in {3, 4} and kinds == {np.dtype(np.uint8)}
