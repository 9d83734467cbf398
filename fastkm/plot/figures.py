"""Whole figures: panels arranged on a page, one function a figure of the analysis.

Every function returns a `matplotlib.figure.Figure` that belongs to nobody: no pyplot, no
current figure, no window, so figures can be made in threads and thrown away without `close`.

The panels keep the scale of the map, so the page is cut to the panels and not the other way
round: its size follows from the raster's height over width, and the layout engine
("compressed") closes the gaps that maps of fixed scale leave.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.transforms import Bbox

from fastkm.plot._grid import read_grid
from fastkm.plot.maps import map_figure
from fastkm.plot.panels import describe, draw_classes, draw_contours, draw_labels, draw_raster

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np
    import xarray as xr
    from matplotlib.axes import Axes

__all__ = ["clusters_figure", "contours_figure", "map_figure", "thresholded_figure"]

PANEL_INCHES = 3.1
"""Width of a map in a grid of maps."""
WIDE_INCHES = 7.0
"""Width of a map that has the page to itself."""
NARROW_INCHES = 1.2
"""Width that a map has at least, however tall it is."""
BESIDE_INCHES = 1.05
"""Tick labels and colour bar at a map's sides."""
ABOVE_INCHES = 0.32
"""Title above a map."""
MARGIN_INCHES = 0.55
"""Tick labels below the page's last row and the second line of the first title."""
TITLE_INCHES = 0.35
"""The page's title, above all panels."""
PAD_INCHES = 0.06
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
        If the two mappings have different keys, a label map another shape than the raster, or
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
        msg = f"centroids must have the keys of label_maps, {sorted(label_maps)}, "
        msg += f"got {sorted(centroids)}"
        raise ValueError(msg)
    for k, labels in label_maps.items():
        require_shape(f"label_maps[{k}]", labels, raster)
    figure, axes = panels(1 + len(label_maps), raster, title=title)
    name, units = describe(raster)
    draw_raster(axes[0], raster, title=None if name else "raster")
    for ax, (k, labels) in zip(axes[1:], label_maps.items(), strict=True):
        draw_labels(ax, labels, centroids[k], units=units)
    return trimmed(figure)


def thresholded_figure(
    raster: xr.DataArray | np.ndarray,
    labels: xr.DataArray | np.ndarray,
    centroids: Sequence[float] | np.ndarray,
    thresholded: xr.DataArray | np.ndarray,
    *,
    names: Sequence[str] = ("other", "land", "moistest"),
) -> Figure:
    """Show one above the other a raster, its label map and the clusters that were kept.

    Parameters
    ----------
    raster : xarray.DataArray or numpy.ndarray, shape (rows, columns)
        The raster, missing cells NaN.
    labels : xarray.DataArray or numpy.ndarray, shape (rows, columns)
        Its label map; -1 is missing.
    centroids : array-like of float, shape (k,)
        The centroids, ascending, in the raster's units.
    thresholded : xarray.DataArray or numpy.ndarray, shape (rows, columns)
        Class numbers: 0 for what was dropped, 1, 2, … for what was kept; -1 is missing.
    names : sequence of str, default ("other", "land", "moistest")
        Names of the class numbers.

    Returns
    -------
    matplotlib.figure.Figure
        Three panels with common axes.

    Raises
    ------
    ValueError
        If the three maps differ in shape or a panel cannot be drawn.

    Examples
    --------
    >>> import numpy as np
    >>> raster = np.array([[1.0, 2.0], [9.0, 10.0]])
    >>> labels = np.array([[0, 0], [1, 1]])
    >>> figure = thresholded_figure(raster, labels, [1.5, 9.5], labels, names=("dry", "wet"))
    >>> figure.axes[2].get_title()
    'kept: wet'
    """
    require_shape("labels", labels, raster)
    require_shape("thresholded", thresholded, raster)
    figure, axes = panels(3, raster, columns=1)
    name, units = describe(raster)
    draw_raster(axes[0], raster, title=None if name else "raster")
    draw_labels(axes[1], labels, centroids, units=units)
    draw_classes(axes[2], thresholded, names, title=f"kept: {', '.join(names[1:])}")
    return trimmed(figure)


def contours_figure(
    raster: xr.DataArray | np.ndarray,
    contours: Iterable[np.ndarray],
    *,
    title: str | None = None,
) -> Figure:
    """Show contours over a raster.

    Parameters
    ----------
    raster : xarray.DataArray or numpy.ndarray, shape (rows, columns)
        The raster, missing cells NaN.
    contours : iterable of numpy.ndarray, shape (n, 2)
        Points as (row, column).
    title : str, optional
        The title, instead of the raster's name.

    Returns
    -------
    matplotlib.figure.Figure
        One panel.

    Raises
    ------
    ValueError
        If `raster` or a contour has a wrong shape.

    Examples
    --------
    >>> import numpy as np
    >>> figure = contours_figure(np.eye(3), [np.array([[0.5, 0.0], [0.5, 2.0]])])
    >>> len(figure.axes[0].collections)
    1
    """
    figure, axes = panels(1, raster)
    draw_raster(axes[0], raster, title=title)
    draw_contours(axes[0], contours)
    return trimmed(figure)


def require_shape(
    name: str, labels: xr.DataArray | np.ndarray, raster: xr.DataArray | np.ndarray
) -> None:
    """Raise unless two rasters have one shape."""
    if labels.shape != raster.shape:
        msg = f"{name} must have the raster's shape {raster.shape}, got {labels.shape}"
        raise ValueError(msg)


def panels(
    count: int,
    raster: xr.DataArray | np.ndarray,
    *,
    columns: int | None = None,
    title: str | None = None,
) -> tuple[Figure, list[Axes]]:
    """Make a page of `count` panels that share their axes, cut to the raster's scale."""
    ratio = read_grid(raster, name="raster").ratio
    across = _columns(count) if columns is None else columns
    rows = math.ceil(count / across)
    width = WIDE_INCHES if across == 1 else PANEL_INCHES
    # A tall map is held to the height of a square one, as far as its labels leave room.
    width = width if ratio <= 1 else max(width / ratio, NARROW_INCHES)
    height = width * ratio
    size = (across * (width + BESIDE_INCHES), rows * (height + ABOVE_INCHES))
    above = MARGIN_INCHES + (TITLE_INCHES if title else 0.0)
    engine = ConstrainedLayoutEngine(compress=True, w_pad=PAD_INCHES, h_pad=PAD_INCHES)
    figure = Figure(figsize=(size[0], size[1] + above), layout=engine)
    if title:
        figure.suptitle(title)
    return figure, _shared_axes(figure, rows, across, count)


def trimmed(figure: Figure) -> Figure:
    """Cut the page to what is on it: maps that keep their scale never fill an estimate."""
    for ax in figure.axes:  # what the axes measure stands where their numbers do
        if not ax.yaxis.get_tick_params().get("labelleft", True):
            ax.set_ylabel("")
        if not ax.xaxis.get_tick_params().get("labelbottom", True):
            ax.set_xlabel("")
    figure.draw_without_rendering()
    boxes = [ax.get_tightbbox() for ax in figure.axes]
    content = Bbox.union([box for box in boxes if box is not None])
    width, height = content.width / figure.dpi, content.height / figure.dpi
    if figure.get_suptitle():
        height += TITLE_INCHES
    figure.set_size_inches(width + 2 * PAD_INCHES, height + 2 * PAD_INCHES)
    return figure


def _shared_axes(figure: Figure, rows: int, columns: int, count: int) -> list[Axes]:
    """Add axes row by row; only the lowest of a column and the first of a row are labelled."""
    axes: list[Axes] = []
    for number in range(count):
        first = axes[0] if axes else None
        ax = figure.add_subplot(rows, columns, number + 1, sharex=first, sharey=first)
        ax.tick_params(labelbottom=number + columns >= count, labelleft=number % columns == 0)
        axes.append(ax)
    return axes


def _columns(count: int) -> int:
    """Choose the columns of a page about twice as wide as high: eight panels are 2 x 4."""
    rows = max(round(math.sqrt(count / 2)), math.ceil(count / MOST_COLUMNS))
    return math.ceil(count / rows)
