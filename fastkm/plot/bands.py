"""Figures of rasters of several bands: the bands, or a photo, and label maps.

Clusters of several bands have no order from low to high, so they get colours that differ instead
of samples of one colour map. Clusters of a photo get the colours of their centroids, so that the
label map looks like the photo in few colours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import ListedColormap, to_rgb

from fastkm.plot._grid import read_grid
from fastkm.plot._text import format_centroids
from fastkm.plot.figures import make_panels, require_shape
from fastkm.plot.panels import draw_cells, draw_classes, draw_raster
from fastkm.plot.style import MISSING_COLOUR

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_BANDS = 12  # bands that are drawn; if there are more, this many, evenly spread
MOST_NUMBERS = 2  # the colour bar shows centroids of at most so many bands


def stack_figure(
    bands: Sequence[xr.DataArray],
    label_maps: Mapping[int, xr.DataArray],
    centroids: Mapping[int, np.ndarray],
    colours: Mapping[int, Sequence[Sequence[float]]],
    *,
    photo: bool = False,
) -> Figure:
    """Show bands and their label maps for several numbers of clusters.

    Parameters
    ----------
    bands : sequence of xarray.DataArray, shape (rows, columns)
        The bands, missing cells NaN; ``long_name`` and ``units`` name their panels.
    label_maps : mapping of int to xarray.DataArray
        A label map for each number of clusters k; -1 is missing.
    centroids : mapping of int to array, shape (k, bands)
        The centroids of each label map.
    colours : mapping of int to sequence, shape (k, 3 or 4)
        Red, green and blue of each cluster, from 0 to 1.
    photo : bool, default False
        Show the first three bands as red, green and blue of one picture.

    Returns
    -------
    matplotlib.figure.Figure
        The bands first, or the picture, then one panel a k in the mapping's order.

    Raises
    ------
    ValueError
        If a label map has another shape than the bands, or a panel cannot be drawn.

    Examples
    --------
    >>> import xarray as xr
    >>> band = xr.DataArray([[1.0, 9.0]], attrs={"long_name": "height"})
    >>> label = xr.DataArray([[0, 1]])
    >>> centres = np.array([[1.0, 2.0], [9.0, 3.0]])
    >>> figure = stack_figure([band, band], {2: label}, {2: centres}, {2: [(1, 0, 0), (0, 0, 1)]})
    >>> [ax.get_title() for ax in figure.axes]
    ['height', 'height', '2 clusters']
    """
    require_shape(label_maps, bands[0])
    evenly = np.linspace(0, len(bands) - 1, min(len(bands), MOST_BANDS))
    shown = [bands[round(j)] for j in evenly]
    first = 1 if photo else len(shown)
    figure, axes = make_panels(first + len(label_maps), bands[0])
    if photo:
        _draw_photo(axes[0], bands[:3])
    else:
        for ax, band in zip(axes, shown, strict=False):
            draw_raster(ax, band)
    for ax, (k, labels) in zip(axes[first:], label_maps.items(), strict=True):
        texts = _describe_clusters(centroids[k], plain=photo)
        draw_classes(ax, labels, ListedColormap(list(colours[k])), texts)
        ax.set_title(f"{k} cluster{'s' if k > 1 else ''}")
    figure.trim()
    return figure


def _draw_photo(ax: Axes, bands: Sequence[xr.DataArray]) -> None:
    """Draw three bands of bytes as one picture; cells that any of them misses are light grey."""
    layers = [read_grid(band, name="band") for band in bands]
    missing = np.logical_or.reduce([np.ma.getmaskarray(layer.cells) for layer in layers])
    picture = np.dstack([layer.cells.filled(0) for layer in layers]).clip(0, 255) / 255.0
    picture[missing] = to_rgb(MISSING_COLOUR)
    draw_cells(ax, layers[0], picture)
    ax.set_title("red, green, blue")


def _describe_clusters(centroids: np.ndarray, *, plain: bool) -> list[str]:
    """Return the texts of the colour bar: cluster numbers, and centroids if there are few bands."""
    if plain or centroids.shape[1] > MOST_NUMBERS:
        return [str(j) for j in range(len(centroids))]
    columns = [format_centroids(column) for column in centroids.T]
    return [f"{j}: {', '.join(row)}" for j, row in enumerate(zip(*columns, strict=True))]
