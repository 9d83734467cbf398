"""Colours: one perceptual map for rasters, samples of it for clusters.

Cluster numbers are an order, centroids ascending, so their colours are ordered too: the
colours of k clusters are k samples of the map that draws the raster, the lowest centroid at
its dark end. A reader then knows without a key which of two clusters is the higher one, and a
cluster looks like the cells it was made of, whatever k is.

The map is viridis. Its lightness rises steadily, so the order survives a grey print; measured
as distances in CIELAB, the closest two of 12 samples are 11 apart, and 6 apart under simulated
protanopia and deuteranopia (turbo: 16 and 6, but unordered; plasma: 9 and 4). Missing cells are
a light grey that is at least 44 away from every sample.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import Colormap, ListedColormap, hsv_to_rgb

MISSING_COLOUR = "#d9d9d9"
OUTLINE_COLOUR = "#e3120b"
LAND_COLOUR = "#efe6d2"
SEA_COLOUR = "#dcebf5"
SHORE_COLOUR = "#6b6455"
CATEGORY_COLOURS = ("#f5f5f0", "#c2a878", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9")
"""Kept classes: pale for what was dropped, then hues that stay apart for the colour-blind."""

RASTER_CMAP: Colormap = colormaps["viridis"].with_extremes(bad=MISSING_COLOUR)
"""The colour map of continuous rasters; masked cells are light grey."""


def cluster_colormap(k: int) -> ListedColormap:
    """Give `k` clusters a colour each, in the order of their centroids.

    Parameters
    ----------
    k : int
        Number of clusters, at least 1.

    Returns
    -------
    matplotlib.colors.ListedColormap
        Colour 0 is the lowest centroid's. Masked cells are light grey.

    Raises
    ------
    ValueError
        If `k` is below 1.

    Examples
    --------
    >>> cluster_colormap(6).N
    6
    >>> cluster_colormap(2).colors[0].round(2).tolist()
    [0.27, 0.0, 0.33, 1.0]
    """
    if k < 1:
        msg = f"k must be at least 1, got {k}"
        raise ValueError(msg)
    positions = np.linspace(0.0, 1.0, k) if k > 1 else np.array([0.5])
    return _listed(list(RASTER_CMAP(positions)), name=f"clusters{k}")


def category_colormap(n: int) -> ListedColormap:
    """Give `n` unordered classes a colour each; class 0, what was dropped, is pale.

    Parameters
    ----------
    n : int
        Number of classes, 1 to 7.

    Returns
    -------
    matplotlib.colors.ListedColormap
        Masked cells are light grey.

    Raises
    ------
    ValueError
        If `n` is not between 1 and 7.

    Examples
    --------
    >>> category_colormap(3).N
    3
    """
    if not 1 <= n <= len(CATEGORY_COLOURS):
        msg = f"n must be between 1 and {len(CATEGORY_COLOURS)}, got {n}"
        raise ValueError(msg)
    return _listed(list(CATEGORY_COLOURS[:n]), name=f"classes{n}")


def class_colours(k: int) -> list[tuple[float, float, float]]:
    """Give `k` clusters of several bands colours that differ and say nothing of an order.

    Parameters
    ----------
    k : int
        Number of clusters, at least 1.

    Returns
    -------
    list of tuple of float
        Red, green and blue from 0 to 1: hues of one lightness that stay apart, and beyond 18
        hues that are spread evenly, in three lightnesses.

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
        msg = f"k must be at least 1, got {k}"
        raise ValueError(msg)
    strong, pale = (colormaps["tab20"](range(start, 20, 2))[:, :3] for start in (0, 1))
    named = [*strong[:7], *strong[8:], *pale[:7], *pale[8:]]  # the eighth are greys, as missing is
    if k <= len(named):
        return [(float(r), float(g), float(b)) for r, g, b in named[:k]]
    lightness = (0.95, 0.7, 0.45)
    hues = [hsv_to_rgb((j / k, 0.75, lightness[j % 3])) for j in range(k)]
    return [(float(r), float(g), float(b)) for r, g, b in hues]


def _listed(colours: list[Any], *, name: str) -> ListedColormap:
    """Make a list of colours a map whose missing cells are light grey."""
    return cast("ListedColormap", ListedColormap(colours, name).with_extremes(bad=MISSING_COLOUR))
