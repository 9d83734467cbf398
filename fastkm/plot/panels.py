"""Panels: a raster, a label map or contours, drawn on the axes that the caller gives.

A panel knows nothing of the figure around it. It draws in pixel coordinates with coordinates
as tick labels (see `fastkm.plot._grid`), so that a raster, its label map and contours found in
either lie exactly on top of one another.

A colour bar hangs on its panel as an inset, a little to the right of the frame: it is then as
high as the map, which a colour bar with axes of its own is not once the map keeps its scale.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import patheffects
from matplotlib.collections import LineCollection
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.ticker import MaxNLocator

from fastkm.plot._grid import Grid, Side, read_grid
from fastkm.plot._text import centroid_numbers, quantity_label, typeset_units
from fastkm.plot.style import MISSING_COLOUR, RASTER_CMAP, category_colormap, cluster_colormap

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.colorbar import Colorbar
    from matplotlib.image import AxesImage

LETTERS_PER_INCH = 10
"""Of a title in matplotlib's default size."""
TICK_INCHES = 0.62
"""Room that a tick label of the lower axis needs, its neighbour's distance included."""


def draw_raster(
    ax: Axes, raster: xr.DataArray | np.ndarray, *, title: str | None = None
) -> AxesImage:
    """Draw a raster in continuous colours, with its colour bar.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    raster : xarray.DataArray or numpy.ndarray, shape (rows, columns)
        Values; NaN, infinite and masked cells are light grey. A DataArray's ``long_name`` and
        ``units`` name the panel and its colour bar.
    title : str, optional
        The panel's title, instead of the raster's name, which then stands beside the colours.

    Returns
    -------
    matplotlib.image.AxesImage
        The image, in pixel coordinates.

    Raises
    ------
    ValueError
        If `raster` is not two-dimensional or has no cells.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().add_subplot()
    >>> image = draw_raster(ax, np.array([[1.0, 2.0], [np.nan, 4.0]]), title="Water")
    >>> image.get_clim()
    (1.0, 4.0)
    """
    grid = read_grid(raster, name="raster")
    image = draw_cells(ax, grid, cmap=RASTER_CMAP)
    if grid.cells.count() == 0:
        image.set_clim(0.0, 1.0)
    name, units = describe(raster)
    bar = _hang_colorbar(ax, grid, image)
    bar.set_label(
        typeset_units(units) if title is None else _wrap(quantity_label(name, units), 3.2)
    )
    width = _panel_inches(ax, grid)[0]
    ax.set_title(_wrap(name, width) if title is None else title)
    return image


def draw_labels(
    ax: Axes,
    labels: xr.DataArray | np.ndarray,
    centroids: Sequence[float] | np.ndarray,
    *,
    title: str | None = None,
    units: str = "",
) -> AxesImage:
    """Draw a label map in one colour a cluster; the colour bar gives their centroids.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    labels : xarray.DataArray or numpy.ndarray, shape (rows, columns)
        Cluster numbers 0 to k - 1; -1 is missing.
    centroids : array-like of float, shape (k,)
        The centroids in the order of the numbers.
    title : str, optional
        The panel's title; the number of clusters by default.
    units : str, default ""
        Units of the centroids, as netCDF writes them.

    Returns
    -------
    matplotlib.image.AxesImage
        The image, in pixel coordinates.

    Raises
    ------
    ValueError
        If `labels` is not two-dimensional, if `centroids` is not one-dimensional or empty, or
        if a label is none of -1, 0, …, k - 1.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().add_subplot()
    >>> image = draw_labels(ax, np.array([[0, 1], [-1, 1]]), [11.3, 50.8], units="kg m-2")
    >>> [text.get_text() for text in image.colorbar.ax.get_yticklabels()]
    ['0: 11.3', '1: 50.8']
    """
    centres = np.asarray(centroids, dtype=float)
    if centres.ndim != 1 or centres.size == 0:
        msg = f"centroids must have shape (k,) with k at least 1, got shape {centres.shape}"
        raise ValueError(msg)
    k = centres.size
    texts = [f"{number}: {text}" for number, text in enumerate(centroid_numbers(centres))]
    image = colour_classes(ax, labels, cluster_colormap(k), texts, name="labels")
    if image.colorbar is not None:
        image.colorbar.set_label(quantity_label("centroid", units))
    ax.set_title(f"{k} cluster{'s' if k > 1 else ''}" if title is None else title)
    return image


def draw_classes(
    ax: Axes,
    classes: xr.DataArray | np.ndarray,
    names: Sequence[str],
    *,
    title: str | None = None,
) -> AxesImage:
    """Draw a map of named classes, such as a thresholded label map.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    classes : xarray.DataArray or numpy.ndarray, shape (rows, columns)
        Class numbers 0 to n - 1; -1 is missing.
    names : sequence of str, length n
        What the classes are, 1 to 7 of them; the colour bar says it. Class 0 is pale.
    title : str, optional
        The panel's title.

    Returns
    -------
    matplotlib.image.AxesImage
        The image, in pixel coordinates.

    Raises
    ------
    ValueError
        If `classes` is not two-dimensional, holds a number without a name, or there are more
        names than colours.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> image = draw_classes(Figure().add_subplot(), np.array([[0, 1]]), ("sea", "land"))
    >>> image.norm.boundaries.tolist()
    [-0.5, 0.5, 1.5]
    """
    image = colour_classes(ax, classes, category_colormap(len(names)), names, name="classes")
    if title is not None:
        ax.set_title(title)
    return image


def draw_contours(
    ax: Axes, contours: Iterable[np.ndarray], *, color: str = "black"
) -> LineCollection:
    """Draw contours over a raster or label map that is already on the axes.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw. The axes' limits are left alone.
    contours : iterable of numpy.ndarray, shape (n, 2)
        Points as (row, column), as `skimage.measure.find_contours` gives them.
    color : str, default "black"
        Colour of the lines; a thin white edge keeps them apart from dark cells.

    Returns
    -------
    matplotlib.collections.LineCollection
        The lines, in pixel coordinates.

    Raises
    ------
    ValueError
        If a contour does not have the shape (n, 2).

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> lines = draw_contours(Figure().add_subplot(), [np.array([[0.0, 5.0], [1.0, 6.0]])])
    >>> lines.get_segments()[0].tolist()
    [[5.0, 0.0], [6.0, 1.0]]
    """
    lines = LineCollection(
        [_as_points(number, contour) for number, contour in enumerate(contours)],
        colors=color,
        linewidths=1.6,
        zorder=3,
        path_effects=[patheffects.withStroke(linewidth=2.8, foreground="white")],
    )
    ax.add_collection(lines, autolim=False)
    return lines


def describe(raster: xr.DataArray | np.ndarray) -> tuple[str, str]:
    """Give the name and the units of a raster; plain arrays have neither.

    Parameters
    ----------
    raster : xarray.DataArray or numpy.ndarray
        Its ``long_name``, ``standard_name`` or own name is taken, in this order.

    Returns
    -------
    name, units : str
        Either may be empty. Dollar signs of the name are escaped, or they would begin a formula.

    Examples
    --------
    >>> describe(np.zeros((2, 2)))
    ('', '')
    """
    if isinstance(raster, np.ndarray):
        return "", ""
    fallback = raster.attrs.get("standard_name", "" if raster.name is None else raster.name)
    name = str(raster.attrs.get("long_name", str(fallback).replace("_", " ")))
    return name.replace("$", r"\$"), str(raster.attrs.get("units", ""))


def _as_points(number: int, contour: np.ndarray) -> np.ndarray:
    """Turn rows and columns into x and y."""
    points = np.asarray(contour, dtype=float)
    if points.ndim != 2 or points.shape[1] != 2:
        msg = f"contours[{number}] must have shape (n, 2), got {points.shape}"
        raise ValueError(msg)
    return points[:, ::-1]


def colour_classes(
    ax: Axes,
    classes: xr.DataArray | np.ndarray,
    cmap: ListedColormap,
    texts: Sequence[str],
    *,
    name: str,
) -> AxesImage:
    """Draw numbers of classes in the colours of a map, with a text for each beside them."""
    grid = read_grid(classes, name=name, missing=-1)
    count = len(texts)
    if grid.cells.count() and not (grid.cells.min() >= 0 and grid.cells.max() < count):
        msg = (
            f"{name} must be -1 or lie in 0 to {count - 1}, "
            f"got {grid.cells.min():g} to {grid.cells.max():g}"
        )
        raise ValueError(msg)
    norm = BoundaryNorm(np.arange(count + 1) - 0.5, count)
    image = draw_cells(ax, grid, cmap=cmap, norm=norm)
    bar = _hang_colorbar(ax, grid, image)
    bar.set_ticks(list(range(count)), labels=list(texts))
    bar.ax.tick_params(length=0, labelsize=_label_size(ax, grid, count))
    bar.ax.minorticks_off()
    return image


def draw_cells(
    ax: Axes, grid: Grid, picture: np.ndarray | None = None, **options: Any
) -> AxesImage:
    """Show the cells, or a picture of them, to scale, north up, with round coordinates."""
    image = ax.imshow(
        grid.cells if picture is None else picture,
        origin="lower",
        extent=grid.extent,
        interpolation="nearest",
        aspect=grid.cell_ratio if grid.fits else "auto",
        **options,
    )
    ax.set_xlim(*grid.x_limits)
    ax.set_ylim(*grid.y_limits)
    ax.set_facecolor(MISSING_COLOUR)
    width, height = _panel_inches(ax, grid)
    _mark(ax.xaxis, grid.columns, int(min(max(width / TICK_INCHES, 1), 8)))
    _mark(ax.yaxis, grid.rows, int(min(max(height / 0.3, 2), 8)))
    ax.tick_params(direction="out", length=3)
    return image


def _mark(axis: Axis, side: Side, most: int) -> None:
    ticks = side.ticks(most)
    if ticks is None:
        axis.set_major_locator(MaxNLocator(most, integer=True))
    else:
        axis.set_ticks(ticks[0], labels=ticks[1])
    axis.set_label_text(side.label)


def _hang_colorbar(ax: Axes, grid: Grid, image: AxesImage) -> Colorbar:
    """Put a colour bar beside the frame, as wide on a high panel as on a flat one."""
    width = min(max(0.05 * grid.ratio, 0.015), 0.1)
    beside = ax.inset_axes((1 + width, 0.0, width, 1.0))
    bar = ax.figure.colorbar(image, cax=beside)
    bar.outline.set_linewidth(0.6)
    return bar


def _panel_inches(ax: Axes, grid: Grid) -> tuple[float, float]:
    """Estimate the drawn size before any layout is done: the frame's, cut to scale."""
    dots = ax.figure.dpi
    width = min(ax.bbox.width / dots, ax.bbox.height / dots / grid.ratio)
    return width, width * grid.ratio


def _label_size(ax: Axes, grid: Grid, count: int) -> float:
    """Choose a font in points with which `count` labels fit above one another."""
    height = _panel_inches(ax, grid)[1]
    return float(np.clip(0.85 * 72 * height / count, 4.0, 9.0))


def _wrap(text: str, inches: float) -> str:
    """Break a title so that it is about as wide as its panel and its colour bar."""
    letters = int((inches + 0.5) * LETTERS_PER_INCH)
    return "\n".join(textwrap.wrap(text, max(letters, 12), break_on_hyphens=False))
