"""Pages of panels: a raster and its label maps, and the grid of panels of every such page.

There is no pyplot, no current figure and no window, so figures can be made in threads and thrown
away without `close`. `fastkm.plot._page` places the panels.

Panels keep the scale of the map, so the height of the page follows from the raster's height over
its width, and not the other way round.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from fastkm.plot._grid import read_grid
from fastkm.plot._page import Page
from fastkm.plot._text import make_printable
from fastkm.plot.panels import describe, draw_labels, draw_raster

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANEL_INCHES = 3.1  # width of a map among others
WIDE_INCHES = 7.0  # width of a map that has the page to itself
NARROW_INCHES = 1.2  # least width of a map, however tall it is
BESIDE_INCHES = 1.05  # tick labels and colour bar at a map's sides
ABOVE_INCHES = 0.32  # title above a map
MARGIN_INCHES = 0.55  # tick labels below the page's last row and the second line of the first title
MOST_COLUMNS = 4


def clusters_figure(
    raster: xr.DataArray | np.ndarray,
    label_maps: Mapping[int, xr.DataArray | np.ndarray],
    centroids: Mapping[int, Sequence[float] | np.ndarray],
    *,
    title: str | None = None,
) -> Figure:
    """Show a raster and its label maps for several numbers of clusters.

    Parameters
    ----------
    raster : xarray.DataArray or numpy.ndarray, shape (rows, columns)
        The raster, missing cells NaN.
    label_maps : mapping of int to xarray.DataArray or numpy.ndarray
        A label map of the raster's shape for each number of clusters k; -1 is missing.
    centroids : mapping of int to array-like, shape (k,)
        The centroids of each label map, ascending, in the raster's units.
    title : str, optional
        The figure's title.

    Returns
    -------
    matplotlib.figure.Figure
        The raster first, then one panel a k in the mapping's order, up to four side by side.

    Raises
    ------
    ValueError
        If the two mappings have different keys, a label map has another shape than the raster, or
        a panel cannot be drawn.

    Examples
    --------
    >>> import numpy as np
    >>> raster = np.array([[1.0, 2.0], [9.0, 10.0]])
    >>> maps = {1: np.zeros((2, 2), int), 2: np.array([[0, 0], [1, 1]])}
    >>> figure = clusters_figure(raster, maps, {1: [5.5], 2: [1.5, 9.5]})
    >>> [ax.get_title() for ax in figure.axes]
    ['raster', '1 cluster', '2 clusters']
    """
    if set(label_maps) != set(centroids):
        raise ValueError(
            f"centroids must have the keys of label_maps, {sorted(label_maps)}, "
            f"got {sorted(centroids)}"
        )
    require_shape(label_maps, raster)
    figure, axes = make_panels(1 + len(label_maps), raster, title=title)
    name, units = describe(raster)
    draw_raster(axes[0], raster, title=None if name else "raster")
    for ax, (k, labels) in zip(axes[1:], label_maps.items(), strict=True):
        draw_labels(ax, labels, centroids[k], units=units)
    figure.trim()
    return figure


def require_shape(label_maps: Mapping[int, Any], raster: xr.DataArray | np.ndarray) -> None:
    """Raise ValueError unless all label maps have the raster's shape."""
    for k, labels in label_maps.items():
        if labels.shape != raster.shape:
            raise ValueError(
                f"label_maps[{k}] must have the raster's shape {raster.shape}, got {labels.shape}"
            )


def make_panels(
    count: int,
    raster: xr.DataArray | np.ndarray,
    *,
    columns: int | None = None,
    title: str | None = None,
) -> tuple[Page, list[Axes]]:
    """Make a page of `count` panels that share their axes, in the raster's scale.

    Parameters
    ----------
    count : int
        The number of panels, at least 1.
    raster : xarray.DataArray or numpy.ndarray, shape (rows, columns)
        What is drawn in them, or another raster of the same grid.
    columns : int, optional
        How many panels stand side by side; by default the page is about twice as wide as high.
    title : str, optional
        The page's title.

    Returns
    -------
    page : matplotlib.figure.Figure
        Its height is not known before panels are drawn: call `page.trim()` then.
    axes : list of matplotlib.axes.Axes
        The panels, row by row.

    Raises
    ------
    ValueError
        If `raster` is not two-dimensional or has no cells.

    Examples
    --------
    >>> import numpy as np
    >>> from fastkm.plot import draw_raster
    >>> page, axes = make_panels(2, np.eye(3), columns=1)
    >>> images = [draw_raster(ax, cells) for ax, cells in zip(axes, [np.eye(3), 1 - np.eye(3)])]
    >>> page.trim()
    >>> page.savefig("two.png", dpi=150)  # doctest: +SKIP
    """
    ratio = read_grid(raster, name="raster").ratio
    across = _choose_columns(count) if columns is None else columns
    rows = math.ceil(count / across)
    width = WIDE_INCHES if across == 1 else PANEL_INCHES
    # A tall map is held to the height of a square one, as far as its labels leave room.
    width = width if ratio <= 1 else max(width / ratio, NARROW_INCHES)
    page_width = across * (width + BESIDE_INCHES)
    page_height = rows * (width * ratio + ABOVE_INCHES) + MARGIN_INCHES  # `trim` knows better
    page = Page(ratio, figsize=(page_width, page_height))
    if title:
        page.suptitle(make_printable(title))
    # Panels row by row; only the lowest of a column and the first of a row are labelled.
    axes: list[Axes] = []
    for number in range(count):
        first = axes[0] if axes else None
        ax = page.add_subplot(rows, across, number + 1, sharex=first, sharey=first)
        ax.tick_params(labelbottom=number + across >= count, labelleft=number % across == 0)
        axes.append(ax)
    return page, axes


def _choose_columns(count: int) -> int:
    """Choose the columns of a page about twice as wide as high: eight panels are 2 x 4."""
    rows = max(round(math.sqrt(count / 2)), math.ceil(count / MOST_COLUMNS))
    return math.ceil(count / rows)
