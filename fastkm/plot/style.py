"""Colours: one perceptual colour map for rasters, samples of it for clusters.

Clusters are numbered by ascending centroids, so their colours are ordered too: the colours of k
clusters are k samples of the colour map that draws the raster, the lowest centroid at its dark
end. A reader then sees without a key which of two clusters is the higher one, and a cluster looks
like the cells it was made of, whatever k is.

The colour map is viridis. Its lightness rises steadily, so the order survives a grey print.
Measured as distances in CIELAB, the closest two of 12 samples are 11 apart, and 6 apart under
simulated protanopia and deuteranopia (turbo: 16 and 6, but without an order; plasma: 9 and 4).
Missing cells are a light grey, at least 44 away from every sample.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import Colormap, ListedColormap, hsv_to_rgb

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MISSING_COLOUR = "#d9d9d9"
OUTLINE_COLOUR = "#e3120b"
LAND_COLOUR = "#efe6d2"
SEA_COLOUR = "#dcebf5"
SHORE_COLOUR = "#6b6455"
GRID_COLOUR = "#e6e6e6"

RASTER_CMAP: Colormap = colormaps["viridis"].with_extremes(bad=MISSING_COLOUR)
"""The colour map of continuous rasters; masked cells are light grey."""


def find_colormap(name: str | Colormap | None) -> Colormap:
    """Return a colour map of matplotlib, by default that of rasters; missing cells are light grey.

    Examples
    --------
    >>> find_colormap("magma").name, find_colormap(None).name
    ('magma', 'viridis')
    >>> find_colormap("sunshine")
    Traceback (most recent call last):
    ...
    ValueError: cmap must be a colour map of matplotlib, such as viridis or magma, got 'sunshine'
    """
    if name is None:
        return RASTER_CMAP
    if isinstance(name, str):
        if name not in colormaps:
            raise ValueError(
                f"cmap must be a colour map of matplotlib, such as viridis or magma, got {name!r}"
            )
        name = colormaps[name]
    return name.with_extremes(bad=MISSING_COLOUR)


def cluster_colormap(k: int, cmap: str | Colormap | None = None) -> ListedColormap:
    """Return a colour map with one colour a cluster, in the order of their centroids.

    Parameters
    ----------
    k : int
        Number of clusters, at least 1.
    cmap : str or matplotlib.colors.Colormap, optional
        The colour map that is sampled; by default that of rasters.

    Returns
    -------
    matplotlib.colors.ListedColormap
        Colour 0 is that of the lowest centroid. Masked cells are light grey.

    Raises
    ------
    ValueError
        If `k` is below 1, or `cmap` is unknown.

    Examples
    --------
    >>> cluster_colormap(6).N
    6
    >>> cluster_colormap(2).colors[0].round(2).tolist()
    [0.27, 0.0, 0.33, 1.0]
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    positions = np.linspace(0.0, 1.0, k) if k > 1 else np.array([0.5])
    colours = ListedColormap(list(find_colormap(cmap)(positions)), f"clusters{k}")
    return cast("ListedColormap", colours.with_extremes(bad=MISSING_COLOUR))


def class_colours(k: int) -> list[tuple[float, float, float]]:
    """Return colours for `k` clusters of several bands: they differ, and suggest no order.

    Parameters
    ----------
    k : int
        Number of clusters, at least 1.

    Returns
    -------
    list of tuple of float
        Red, green and blue from 0 to 1: up to 18 hues that stay apart, and for more clusters
        evenly spread hues in three lightnesses.

    Raises
    ------
    ValueError
        If `k` is below 1.

    Examples
    --------
    >>> len(set(class_colours(40)))
    40
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    strong, pale = (colormaps["tab20"](range(start, 20, 2))[:, :3] for start in (0, 1))
    # The eighth of both are greys, like missing cells.
    named = [*strong[:7], *strong[8:], *pale[:7], *pale[8:]]
    lightness = (0.95, 0.7, 0.45)
    hues = [hsv_to_rgb((j / k, 0.75, lightness[j % 3])) for j in range(k)]
    return [(float(r), float(g), float(b)) for r, g, b in (named[:k] if k <= len(named) else hues)]


def draw_grid(ax: Axes, axis: Literal["both", "y"] = "both") -> None:
    """Draw a pale grid behind the data, without a frame at the top and on the right."""
    ax.grid(axis=axis, color=GRID_COLOUR, linewidth=0.8)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
