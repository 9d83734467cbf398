"""Figures of an archive's highest cluster: where it is through time, how often, in which months.

Times are those of `fastkm.plot.archive.time_series`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator

from fastkm.plot._grid import recognize_axis
from fastkm.plot._page import Page
from fastkm.plot._text import format_degrees, format_quantity, make_printable, read_text
from fastkm.plot.archive.time_axis import average_columns, check_series, format_time, place_steps
from fastkm.plot.archive.time_series import PAGE_WIDTH, format_areas, scale_areas
from fastkm.plot.figures import make_panels
from fastkm.plot.globe.shores import draw_shores
from fastkm.plot.panels import draw_raster
from fastkm.plot.style import MISSING_COLOUR, RASTER_CMAP, draw_grid

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.figure import Figure

MOST_DOTS = 60  # more steps of one month of the year are not drawn as dots, which would be a bar


def hovmoller_figure(
    times: np.ndarray, rows: xr.DataArray | np.ndarray, share: np.ndarray, *, cluster: str = ""
) -> Figure:
    """Show for each step and row of cells how much of it is in the highest cluster.

    Parameters
    ----------
    times : (n,) array
        Dates, or numbers of years; ascending.
    rows : (y,) array or DataArray
        Coordinate of the rows, usually latitudes; ascending or descending.
    share : (n, y) array
        From 0 to 1; NaN if all cells of a row are missing.
    cluster : str, optional
        Description of the highest cluster, such as "around 51 kg m-2".

    Returns
    -------
    matplotlib.figure.Figure
        Time to the right, rows upwards, colours for the share.

    Raises
    ------
    ValueError
        If the shapes do not fit, or times do not ascend.

    Examples
    --------
    >>> figure = hovmoller_figure(np.array([2000.0, 2001.0]), np.array([-10, 0, 10]), np.eye(2, 3))
    >>> [float(end) for end in figure.axes[0].get_ylim()]
    [-15.0, 15.0]
    """
    figure = Page(figsize=(PAGE_WIDTH, 4.2))
    ax = figure.add_subplot()
    mesh = draw_hovmoller(ax, times, rows, share)
    beside = ax.inset_axes((1.025, 0.0, 0.027, 1.0))
    figure.colorbar(mesh, cax=beside, label="share of the row's cells (%)")
    ax.set_title(_extend_title("Where the highest cluster is", cluster), loc="left")
    return figure


def draw_hovmoller(
    ax: Axes, times: np.ndarray, rows: xr.DataArray | np.ndarray, share: np.ndarray
) -> QuadMesh:
    """Draw the diagram on the axes given; the arguments are those of `hovmoller_figure`.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().add_subplot()
    >>> mesh = draw_hovmoller(ax, np.array([2000.0]), np.arange(3), np.eye(1, 3))
    >>> mesh.get_clim()
    (0.0, 100.0)
    """
    times, share = check_series(times, share, 2, "share")
    places = np.asarray(getattr(rows, "values", rows), float)
    if places.shape != share.shape[1:]:
        raise ValueError(
            f"rows must be as many as those of share, {share.shape[1]}, got {places.shape}"
        )
    # Columns of time and rows of latitude, both by their edges.
    order = np.argsort(places)
    steps = place_steps(times)
    edges, cells = average_columns(steps, share)
    cells = 100 * cells[:, order]
    sides = _find_edges(places[order])
    attrs = getattr(rows, "attrs", {})
    name = getattr(rows, "name", None) or next(iter(getattr(rows, "dims", ("row",))))
    is_latitude = recognize_axis(name, attrs) == "latitude"
    if is_latitude:
        sides = sides.clip(-90.0, 90.0)  # a cell centred on a pole ends there
    ax.set_facecolor(MISSING_COLOUR)
    mesh = ax.pcolormesh(
        edges, sides, np.ma.masked_invalid(cells.T), cmap=RASTER_CMAP,
        vmin=0, vmax=100, rasterized=True,
    )  # fmt: skip
    format_time(ax, times, steps)
    if is_latitude:
        ax.yaxis.set_major_locator(MaxNLocator(7, steps=[1, 1.5, 2, 3, 6, 10]))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: format_degrees(y, "latitude")))
    else:
        text = read_text(attrs.get("long_name", name))
        ax.set_ylabel(format_quantity(text, read_text(attrs.get("units"))))
    return mesh


def frequency_figure(frequency: xr.DataArray, *, cluster: str = "", period: str = "") -> Figure:
    """Show on a map in which share of the steps each cell was in the highest cluster.

    Shorelines are drawn if the grid has longitudes and latitudes and extra ``maps`` is installed.

    Parameters
    ----------
    frequency : DataArray, (y, x)
        From 0 to 1; NaN if a cell is always missing.
    cluster : str, optional
        Description of the highest cluster.
    period : str, optional
        The time that the steps cover.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there are not two dimensions.

    Examples
    --------
    >>> import xarray as xr
    >>> figure = frequency_figure(xr.DataArray([[0.0, 0.5], [np.nan, 1.0]], dims=("y", "x")))
    >>> figure.axes[0].images[0].get_clim()
    (0.0, 100.0)
    """
    shown = 100 * frequency
    share = f"share of the steps, {period}" if period else "share of the steps"
    shown.attrs = {"long_name": share, "units": "%"}
    figure, [ax] = make_panels(1, shown)
    image = draw_raster(ax, shown, title=_extend_title("How often in the highest cluster", cluster))
    image.set_clim(0.0, 100.0)
    draw_shores(ax, shown)
    figure.trim()
    return figure


def climatology_figure(
    months: np.ndarray,
    areas: np.ndarray,
    *,
    cluster: str = "",
    period: str = "",
    unit_of_area: str = "km2",
) -> Figure:
    """Show the area of the highest cluster by month of the year: the mean, and single steps.

    Parameters
    ----------
    months : (n,) int array
        The month of each step, 1 to 12.
    areas : (n,) array
        Areas of the highest cluster; NaN if unknown.
    cluster : str, optional
        Description of the highest cluster.
    period : str, optional
        The time that the steps cover.
    unit_of_area : {"km2", "cells"}
        Square kilometres are shown in millions, areas of small regions in thousands or as they are.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If the shapes do not fit, a month is not 1 to 12, or `unit_of_area` is neither of the two.

    Examples
    --------
    >>> figure = climatology_figure(np.array([1, 7, 1]), np.array([1e6, 3e6, 2e6]))
    >>> figure.axes[0].lines[0].get_ydata()[[0, 6]].tolist()
    [1.5, 3.0]
    """
    figure = Page(figsize=(PAGE_WIDTH, 3.6))
    ax = figure.add_subplot()
    draw_climatology(ax, months, areas, unit_of_area=unit_of_area)
    if period:
        ax.set_xlabel(make_printable(period))
    ax.set_title(_extend_title("Area of the highest cluster by month", cluster), loc="left")
    return figure


def draw_climatology(
    ax: Axes, months: np.ndarray, areas: np.ndarray, *, unit_of_area: str = "km2"
) -> None:
    """Draw the months on the axes given; the arguments are those of `climatology_figure`.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().add_subplot()
    >>> draw_climatology(ax, np.array([1, 2]), np.array([5.0, 6.0]), unit_of_area="cells")
    >>> ax.get_ylabel()
    'cells'
    """
    months, areas = check_series(months, areas, 1, "areas")
    if not np.isin(months, range(1, 13)).all():
        raise ValueError(f"months must be 1 to 12, got {months.min()} to {months.max()}")
    values, label = scale_areas(areas, unit_of_area)
    # Mean, least and greatest area of each month of the year.
    by_month = [values[(months == month) & np.isfinite(values)] for month in range(1, 13)]
    mean, least, greatest = (
        np.array([function(part) if len(part) else np.nan for part in by_month])
        for function in (np.mean, np.min, np.max)
    )
    where = np.arange(1, 13)
    colour = RASTER_CMAP(0.55)
    ax.plot(where, mean, "o-", color=RASTER_CMAP(0.3), linewidth=1.8, markersize=4, label="mean")
    most = max(map(len, by_month))
    if most > 1:
        ax.fill_between(
            where, least, greatest, color=colour, alpha=0.3, linewidth=0, label="least to greatest"
        )
        if most <= MOST_DOTS:
            ax.plot(months, values, ".", color=colour, markersize=4, label="single steps")
        ax.legend(frameon=False, fontsize="small")
    ax.set_xticks(where, list("JFMAMJJASOND"))
    ax.set_xlim(0.5, 12.5)
    ax.set_ylabel(label)
    format_areas(ax, values)
    draw_grid(ax)


def _find_edges(places: np.ndarray) -> np.ndarray:
    """Return the edges of cells, half-way between their centres."""
    if len(places) == 1:
        return np.array([places[0] - 0.5, places[0] + 0.5])
    middle = (places[1:] + places[:-1]) / 2
    first, last = 2 * places[0] - middle[0], 2 * places[-1] - middle[-1]
    return np.concatenate([[first], middle, [last]])


def _extend_title(heading: str, cluster: str) -> str:
    """Return a title with the description of the highest cluster, if there is one."""
    return make_printable(f"{heading} ({cluster})") if cluster else heading
