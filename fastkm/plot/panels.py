"""Panels: a raster or a label map, drawn on the axes that the caller gives.

A panel knows nothing of the figure around it. It draws in pixel coordinates, with the raster's
coordinates as tick labels (see `fastkm.plot._grid`), so that a raster, its label map and contours
of either lie exactly on top of one another.

The colour bar is an inset of its panel, a little to the right of the frame. It is then as high as
the map; a colour bar with axes of its own would be higher than a map that keeps its scale.
"""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.ticker import MaxNLocator

from fastkm.plot._grid import CellImage, Grid, read_grid
from fastkm.plot._text import (
    escape,
    format_centroids,
    format_date,
    format_quantity,
    make_printable,
    read_text,
    typeset_units,
)
from fastkm.plot.style import MISSING_COLOUR, class_colours, cluster_colormap, find_colormap

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.colorbar import Colorbar
    from matplotlib.colors import Colormap
    from matplotlib.image import AxesImage

MOST_NUMBERS = 2  # the colour bar shows centroids of at most so many bands
LEAST_POINTS = 4.0  # size of letters beside a colour bar
LETTERS_PER_INCH = 10  # letters of a title in matplotlib's default size
TICK_INCHES = 0.62  # room for a tick label of the lower axis and the gap to its neighbour


def draw_raster(
    ax: Axes,
    raster: xr.DataArray | np.ndarray,
    *,
    title: str | None = None,
    cmap: str | Colormap | None = None,
) -> AxesImage:
    """Draw a raster in continuous colours, with its colour bar.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    raster : xarray.DataArray or numpy.ndarray, shape (rows, columns)
        Values; NaN, infinite and masked cells are light grey. The ``long_name`` and ``units`` of a
        DataArray name the panel and its colour bar.
    title : str, optional
        The panel's title, instead of the raster's name, which then stands beside the colour bar.
    cmap : str or matplotlib.colors.Colormap, optional
        The colour map; viridis by default.

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
    image = draw_cells(ax, grid, cmap=find_colormap(cmap))
    image.set_clim(*(_find_range(grid.cells) or (0.0, 1.0)))
    name, units = describe(raster)
    bar = _add_colorbar(ax, grid, image)
    if title is None:
        bar.set_label(typeset_units(units))
        ax.set_title(wrap(escape(name), _estimate_size(ax, grid)[0]))
    else:
        bar.set_label(wrap(format_quantity(name, units), 3.2))
        ax.set_title(make_printable(title))
    return image


def draw_labels(
    ax: Axes,
    labels: xr.DataArray | np.ndarray,
    centroids: Sequence[float] | np.ndarray,
    *,
    title: str | None = None,
    units: str = "",
    cmap: str | Colormap | None = None,
) -> AxesImage:
    """Draw a label map in one colour a cluster; the colour bar names their centroids.

    Clusters of several bands have no order, so their colours differ and suggest none.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    labels : xarray.DataArray or numpy.ndarray, shape (rows, columns)
        Cluster numbers 0 to k - 1; -1 is missing.
    centroids : array-like of float, shape (k,) or (k, d)
        The centroids in the order of the numbers, of one band or of several. The colour bar has those
        of one or two bands.
    title : str, optional
        The panel's title; the number of clusters by default.
    units : str, default ""
        Units of the centroids, as netCDF writes them.
    cmap : str or matplotlib.colors.Colormap, optional
        The colour map that the colours are samples of; by default viridis, or `class_colours` for
        several bands.

    Returns
    -------
    matplotlib.image.AxesImage
        The image, in pixel coordinates.

    Raises
    ------
    ValueError
        If `labels` is not two-dimensional, if `centroids` has neither of the two shapes or is empty,
        or if a label is none of -1, 0, …, k - 1.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().add_subplot()
    >>> image = draw_labels(ax, np.array([[0, 1], [-1, 1]]), [11.3, 50.8], units="kg m-2")
    >>> [text.get_text() for text in image.colorbar.ax.get_yticklabels()]
    ['0: 11.3', '1: 50.8']
    """
    centres = np.asarray(centroids, dtype=float)
    if centres.ndim not in {1, 2} or centres.size == 0:
        raise ValueError(
            "centroids must have shape (k,) or (k, bands) with k at least 1, got shape "
            f"{centres.shape}"
        )
    k, bands = centres.reshape(len(centres), -1).shape
    colours = cluster_colormap(k, cmap)
    if bands > 1 and cmap is None:
        colours = ListedColormap(class_colours(k))
    image = draw_classes(ax, labels, colours, name_clusters(centres))
    if image.colorbar is not None:
        name = "centroid" if bands <= MOST_NUMBERS else "cluster"
        image.colorbar.set_label(format_quantity(name, units if bands <= MOST_NUMBERS else ""))
    ax.set_title(f"{k} cluster{'s' if k > 1 else ''}" if title is None else make_printable(title))
    return image


def name_clusters(centroids: np.ndarray) -> list[str]:
    """Return the texts of a colour bar: cluster numbers, and centroids if there are few bands.

    Examples
    --------
    >>> name_clusters(np.array([1.0, 3.0])), name_clusters(np.eye(2, 3))
    (['0: 1.0', '1: 3.0'], ['0', '1'])
    """
    columns = centroids.reshape(len(centroids), -1).T
    if len(columns) > MOST_NUMBERS:
        return [str(j) for j in range(len(centroids))]
    texts = [format_centroids(column) for column in columns]
    return [f"{j}: {', '.join(row)}" for j, row in enumerate(zip(*texts, strict=True))]


def describe(raster: xr.DataArray | np.ndarray) -> tuple[str, str]:
    """Return the name and the units of a raster; plain arrays have neither.

    The name is the raster's ``long_name``, ``standard_name`` or own name, in this order.
    """
    if isinstance(raster, np.ndarray):
        return "", ""
    fallback = raster.attrs.get("standard_name", "" if raster.name is None else raster.name)
    name = read_text(raster.attrs.get("long_name", read_text(fallback).replace("_", " ")))
    return name, read_text(raster.attrs.get("units", ""))


def compose_title(raster: xr.DataArray | np.ndarray) -> str:
    r"""Return the title of a figure of a raster: its name, units and date, as far as it has them.

    Examples
    --------
    >>> import xarray as xr
    >>> time = np.datetime64("2009-10-16", "ns")
    >>> attrs = {"long_name": "Precipitable Water", "units": "mm"}
    >>> compose_title(xr.DataArray([[1.0]], {"time": time}, ("y", "x"), attrs=attrs))
    'Precipitable Water ($\\mathrm{mm}$), 2009-10-16'
    """
    return ", ".join(filter(None, (format_quantity(*describe(raster)), read_date(raster))))


def read_date(raster: xr.DataArray | np.ndarray) -> str:
    """Return the date of a raster, the first of its scalar coordinates that is one; "" if none is."""
    if isinstance(raster, np.ndarray):
        return ""
    dates = (format_date(c.values) for c in raster.coords.values() if c.ndim == 0)
    return next((text for text in dates if text), "")


def draw_classes(
    ax: Axes, labels: xr.DataArray | np.ndarray, cmap: ListedColormap, texts: Sequence[str]
) -> AxesImage:
    """Draw class numbers in the colours of a colour map, with a text for each at the colour bar."""
    grid = read_grid(labels, name="labels", missing=-1)
    count = len(texts)
    least, greatest = _find_range(grid.cells) or (0.0, 0.0)
    if not (least >= 0 and greatest < count):
        raise ValueError(
            f"labels must be -1 or lie in 0 to {count - 1}, got {least:g} to {greatest:g}"
        )
    norm = BoundaryNorm(np.arange(count + 1) - 0.5, count)
    image = draw_cells(ax, grid, cmap=cmap, norm=norm)
    bar = _add_colorbar(ax, grid, image)
    # The largest font with which all texts fit above one another.
    label_classes(bar, texts, 0.85 * 72 * _estimate_size(ax, grid)[1] / count)
    return image


def label_classes(bar: Colorbar, texts: Sequence[str], points: float) -> None:
    """Write a text beside each class of a colour bar, in a font of about so many points.

    If that is too small to be read, only some classes have a text.
    """
    step = max(1, math.ceil(LEAST_POINTS / points))
    bar.set_ticks(list(range(0, len(texts), step)), labels=list(texts[::step]))
    bar.ax.tick_params(length=0, labelsize=float(np.clip(points * step, LEAST_POINTS, 9.0)))
    bar.ax.minorticks_off()


def draw_cells(
    ax: Axes, grid: Grid, picture: np.ndarray | None = None, **options: Any
) -> AxesImage:
    """Show the cells, or a picture of them, to scale, north up, with ticks at round coordinates."""
    ax.set_aspect(grid.cell_ratio if grid.fits else "auto")
    ax.set_xlim(*grid.columns.limits)
    ax.set_ylim(*grid.rows.limits)
    ax.set_facecolor(MISSING_COLOUR)
    cells = grid.cells if picture is None else picture
    averaged = picture is None and "norm" not in options  # classes and colours have no mean
    image = CellImage(ax, cells, grid.extent, averaged=averaged, **options)
    width, height = _estimate_size(ax, grid)
    # Ticks at round coordinates, and the names of the axes.
    room = (max(width / TICK_INCHES, 1), max(height / 0.3, 2))
    for axis, side, most in zip((ax.xaxis, ax.yaxis), (grid.columns, grid.rows), room, strict=True):
        ticks = side.place_ticks(int(min(most, 8)))
        if ticks is None:
            axis.set_major_locator(MaxNLocator(int(min(most, 8)), integer=True))
        else:
            axis.set_ticks(ticks[0], labels=ticks[1])
        axis.set_label_text(side.label)
    ax.tick_params(direction="out", length=3)
    return image


def _find_range(cells: np.ma.MaskedArray[Any, Any]) -> tuple[float, float] | None:
    """Return the least and the greatest value, or None if all are missing.

    The methods of masked arrays take ten times as long.
    """
    values, mask = cells.data, np.ma.getmask(cells)
    if mask is not np.ma.nomask:
        present = int(np.argmin(mask))
        if mask.flat[present]:
            return None
        values = np.where(mask, values.flat[present], values)
    return float(values.min()), float(values.max())


def _add_colorbar(ax: Axes, grid: Grid, image: AxesImage) -> Colorbar:
    """Put a colour bar beside the frame, as wide on a high panel as on a flat one."""
    width = min(max(0.05 * grid.ratio, 0.015), 0.1)
    beside = ax.inset_axes((1 + width, 0.0, width, 1.0))
    bar = ax.figure.colorbar(image, cax=beside)
    bar.outline.set_linewidth(0.6)
    return bar


def _estimate_size(ax: Axes, grid: Grid) -> tuple[float, float]:
    """Estimate width and height in inches before any layout is done: the frame's, cut to scale."""
    dots = ax.figure.dpi
    width = min(ax.bbox.width / dots, ax.bbox.height / dots / grid.ratio)
    return width, width * grid.ratio


def wrap(text: str, inches: float) -> str:
    """Break a title so that it is about as wide as its panel and its colour bar."""
    letters = int((inches + 0.5) * LETTERS_PER_INCH)
    has_mathematics = "$" in text.replace(r"\$", "")
    return "\n".join(
        textwrap.wrap(
            text, max(letters, 12), break_on_hyphens=False, break_long_words=not has_mathematics
        )
    )
