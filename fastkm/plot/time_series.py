"""Figures of an archive: the areas of clusters through time, where and when the highest one is.

Times are dates as numpy has them, or numbers of years where a calendar has dates that numpy has
not. Where steps are missing nothing is drawn: a line is broken, and a column of the diagram is no
wider than its step, wherever the next one is (see `fastkm.plot._time_axis`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, MaxNLocator

from fastkm.plot._area_axis import mark_areas, shown_areas
from fastkm.plot._grid import kind_of
from fastkm.plot._text import centroid_numbers, degrees_label, quantity_label, typeset_units
from fastkm.plot._time_axis import (
    COLUMNS,
    YEAR,
    Steps,
    alone,
    broken,
    columns,
    is_monthly,
    locate,
    mark_time,
    running_mean,
    shared_columns,
)
from fastkm.plot.coastlines import draw_shores
from fastkm.plot.figures import panels, trimmed
from fastkm.plot.panels import draw_raster
from fastkm.plot.style import MISSING_COLOUR, RASTER_CMAP, cluster_colormap

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh

PAGE_WIDTH = 7.5
PANEL_HEIGHT = 1.15
"""Inches of one cluster's areas."""
MOST_PANELS = 12
"""Clusters that are drawn; of more, so many that are spread evenly. 400 take minutes to draw, and 18 MB."""
MOST_DOTS = 60
"""Steps of one month of the year beyond which their dots would be a bar."""
MONTHS = "JFMAMJJASOND"
GRID_COLOUR = "#e6e6e6"
MEAN_COLOUR = "#222222"
EDGE_COLOUR = "#8a8a8a"


def areas_figure(
    times: np.ndarray,
    areas: np.ndarray,
    centroids: Sequence[float] | np.ndarray | None = None,
    *,
    units: str = "",
    unit_of_area: str = "km2",
) -> Figure:
    """Show the area of each cluster through time, one below the other, the highest on top.

    Parameters
    ----------
    times : (n,) array
        Dates, or numbers of years; ascending.
    areas : (n, k) array
        Of each step and cluster; NaN where unknown.
    centroids : (k,) array-like, optional
        What the clusters are; without them they have numbers only.
    units : str, default: ""
        Of the centroids.
    unit_of_area : {"km2", "cells"}
        Square kilometres are shown in millions, areas of small regions in thousands or as they are.

    Returns
    -------
    matplotlib.figure.Figure
        A panel a cluster, in its colour; of more than 12 clusters, 12 from the lowest to the
        highest. A monthly series of more than two years has its running
        mean of 12 months, and its steps behind it. Of more than 2,000 steps that are not months
        the least to the greatest in each of 2,000 columns is shown, and the mean as a line.

    Raises
    ------
    ValueError
        If the shapes do not fit, times do not ascend, or `unit_of_area` is neither of the two.

    Examples
    --------
    >>> months = np.arange("2009-01", "2009-07", dtype="M8[M]")
    >>> figure = areas_figure(months, np.ones((6, 2)) * 1e6, [10.0, 50.0], units="kg m-2")
    >>> len(figure.axes)
    2
    """
    times, areas = _checked(times, areas, 2, "areas")
    k = areas.shape[1]
    if centroids is not None and len(centroids) != k:
        msg = f"centroids must be as many as clusters, {k}, got {len(centroids)}"
        raise ValueError(msg)
    drawn = [round(j) for j in np.linspace(k - 1, 0, min(k, MOST_PANELS))]
    figure = Figure(figsize=(PAGE_WIDTH, 1.1 + PANEL_HEIGHT * len(drawn)), layout="constrained")
    axes = figure.subplots(len(drawn), 1, sharex=True, squeeze=False)[:, 0]
    names = _names(k, centroids, units)
    values, label = shown_areas(areas, unit_of_area)
    for j, ax in zip(drawn, axes, strict=True):
        _draw_series(ax, times, values[:, j], cluster_colormap(k)(j))
        ax.set_title(names[j], loc="left", fontsize="medium")
    for ax in axes[:-1]:
        ax.tick_params(labelbottom=False)
        ax.set_xlabel("")
    explained = [ax.get_legend_handles_labels() for ax in axes]
    handles, texts = next((pair for pair in explained if pair[0]), ([], []))
    if handles:
        axes[0].legend(
            handles, texts, loc="lower right", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.0,
            ncols=2, frameon=False, fontsize="small",
        )  # fmt: skip
    figure.supylabel(label, fontsize="medium")
    return figure


def draw_area(
    ax: Axes, times: np.ndarray, areas: np.ndarray, *, colour: Any, unit_of_area: str = "km2"
) -> None:
    """Draw one series on the axes given; the arguments are those of `areas_figure`.

    Examples
    --------
    >>> ax = Figure().add_subplot()
    >>> draw_area(ax, np.array([2000.0, 2001.0]), np.array([1e6, 2e6]), colour="k")
    >>> ax.lines[0].get_ydata().tolist()
    [1.0, 2.0]
    """
    times, areas = _checked(times, areas, 1, "areas")
    values, label = shown_areas(areas, unit_of_area)
    _draw_series(ax, times, values, colour)
    ax.set_ylabel(label)


def _draw_series(ax: Axes, times: np.ndarray, values: np.ndarray, colour: Any) -> None:
    """Draw what is checked already, in the units of the axis."""
    steps = locate(times)
    long = is_monthly(times) and len(times) > 2 * YEAR
    if len(times) > COLUMNS and not long:
        _draw_crowd(ax, steps, values, colour)
    else:
        where, line = broken(steps, values)
        dots = np.isfinite(line) if len(times) <= 2 * YEAR else alone(line)
        width = 0.9 if long else 1.5
        edge = withStroke(linewidth=width + 0.9, foreground=EDGE_COLOUR)  # yellow is faint
        ax.plot(
            where, line, "o-", color=colour, linewidth=width, markersize=3,
            markevery=np.flatnonzero(dots).tolist(), path_effects=[edge],
        )  # fmt: skip
    middle, mean = running_mean(steps, values) if long else (np.empty(0), np.empty(0))
    if np.isfinite(mean).any():
        halo = withStroke(linewidth=3.2, foreground="white")  # the lowest clusters are as dark
        ax.plot(
            middle, mean, color=MEAN_COLOUR, linewidth=1.6, path_effects=[halo],
            label="mean of 12 months",
        )  # fmt: skip
    mark_time(ax, times, steps)
    mark_areas(ax, values)
    ax.yaxis.set_major_locator(MaxNLocator(4))
    ax.grid(color=GRID_COLOUR, linewidth=0.8)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)


def hovmoller_figure(
    times: np.ndarray,
    rows: xr.DataArray | np.ndarray,
    share: np.ndarray,
    *,
    cluster: str = "",
) -> Figure:
    """Show for each step and row of cells how much of it is in the highest cluster.

    Parameters
    ----------
    times : (n,) array
        Dates, or numbers of years; ascending.
    rows : (y,) array or DataArray
        Coordinate of the rows, latitudes for the most part; ascending or descending.
    share : (n, y) array
        From 0 to 1; NaN where a row has no cell that is present.
    cluster : str, optional
        What the highest cluster is, such as "around 51 kg m-2".

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
    figure = Figure(figsize=(PAGE_WIDTH, 4.2), layout="constrained")
    ax = figure.add_subplot()
    mesh = draw_hovmoller(ax, times, rows, share)
    figure.colorbar(mesh, ax=ax, label="share of the row's cells (%)", pad=0.02)
    ax.set_title(_of_highest("Where the highest cluster is", cluster), loc="left")
    return figure


def draw_hovmoller(
    ax: Axes, times: np.ndarray, rows: xr.DataArray | np.ndarray, share: np.ndarray
) -> QuadMesh:
    """Draw the diagram on the axes given; the arguments are those of `hovmoller_figure`.

    Examples
    --------
    >>> mesh = draw_hovmoller(Figure().add_subplot(), np.array([2000.0]), np.arange(3), np.eye(1, 3))
    >>> mesh.get_clim()
    (0.0, 100.0)
    """
    times, share = _checked(times, share, 2, "share")
    places = np.asarray(getattr(rows, "values", rows), float)
    if places.shape != share.shape[1:]:
        msg = f"rows must be as many as those of share, {share.shape[1]}, got {places.shape}"
        raise ValueError(msg)
    order = np.argsort(places)
    steps = locate(times)
    edges, cells = columns(steps, share)
    cells = 100 * cells[:, order]
    sides = _edges(places[order])
    attrs = getattr(rows, "attrs", {})
    name = getattr(rows, "name", None) or next(iter(getattr(rows, "dims", ("row",))))
    is_latitude = kind_of(name, attrs) == "latitude"
    if is_latitude:
        sides = sides.clip(-90.0, 90.0)  # half a cell beyond a pole is nowhere
    ax.set_facecolor(MISSING_COLOUR)
    mesh = ax.pcolormesh(
        edges, sides, np.ma.masked_invalid(cells.T), cmap=RASTER_CMAP,
        vmin=0, vmax=100, rasterized=True,
    )  # fmt: skip
    mark_time(ax, times, steps)
    if is_latitude:
        ax.yaxis.set_major_locator(MaxNLocator(7, steps=[1, 1.5, 2, 3, 6, 10]))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: degrees_label(y, "latitude")))
    else:
        text = str(attrs.get("long_name", name))
        ax.set_ylabel(quantity_label(text, str(attrs.get("units", ""))))
    return mesh


def frequency_figure(frequency: xr.DataArray, *, cluster: str = "") -> Figure:
    """Show on a map in which share of the steps each cell was in the highest cluster.

    Shorelines are drawn where the grid has longitudes and latitudes and extra ``maps`` is there.

    Parameters
    ----------
    frequency : DataArray, (y, x)
        From 0 to 1; NaN where a cell was never present.
    cluster : str, optional
        What the highest cluster is.

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
    shown.attrs = {"long_name": "share of the steps", "units": "%"}
    figure, [ax] = panels(1, shown, columns=1)
    image = draw_raster(ax, shown, title=_of_highest("How often in the highest cluster", cluster))
    image.set_clim(0.0, 100.0)
    draw_shores(ax, shown)
    return trimmed(figure)


def climatology_figure(
    months: np.ndarray, areas: np.ndarray, *, cluster: str = "", unit_of_area: str = "km2"
) -> Figure:
    """Show the area of the highest cluster by month of the year: mean, and all that there were.

    Parameters
    ----------
    months : (n,) int array
        Of each step, 1 to 12.
    areas : (n,) array
        Of the highest cluster; NaN where unknown.
    cluster : str, optional
        What the highest cluster is.
    unit_of_area : {"km2", "cells"}
        Square kilometres are shown in millions, areas of small regions in thousands or as they are.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If the shapes do not fit, a month is none, or `unit_of_area` is neither of the two.

    Examples
    --------
    >>> figure = climatology_figure(np.array([1, 7, 1]), np.array([1e6, 3e6, 2e6]))
    >>> figure.axes[0].lines[0].get_ydata()[[0, 6]].tolist()
    [1.5, 3.0]
    """
    figure = Figure(figsize=(PAGE_WIDTH, 3.6), layout="constrained")
    ax = figure.add_subplot()
    draw_climatology(ax, months, areas, unit_of_area=unit_of_area)
    ax.set_title(_of_highest("Area of the highest cluster by month", cluster), loc="left")
    return figure


def draw_climatology(
    ax: Axes, months: np.ndarray, areas: np.ndarray, *, unit_of_area: str = "km2"
) -> None:
    """Draw the months on the axes given; the arguments are those of `climatology_figure`.

    Examples
    --------
    >>> ax = Figure().add_subplot()
    >>> draw_climatology(ax, np.array([1, 2]), np.array([5.0, 6.0]), unit_of_area="cells")
    >>> ax.get_ylabel()
    'cells'
    """
    months, areas = _checked(months, areas, 1, "areas")
    if not np.isin(months, range(1, 13)).all():
        msg = f"months must be 1 to 12, got {months.min()} to {months.max()}"
        raise ValueError(msg)
    values, label = shown_areas(areas, unit_of_area)
    own = [values[(months == month) & np.isfinite(values)] for month in range(1, 13)]
    mean, least, greatest = (
        np.array([function(part) if len(part) else np.nan for part in own])
        for function in (np.mean, np.min, np.max)
    )
    where = np.arange(1, 13)
    colour = RASTER_CMAP(0.55)
    ax.plot(where, mean, "o-", color=RASTER_CMAP(0.3), linewidth=1.8, markersize=4, label="mean")
    if max(map(len, own)) > 1:
        ax.fill_between(
            where, least, greatest, color=colour, alpha=0.3, linewidth=0, label="least to greatest"
        )
        if max(map(len, own)) <= MOST_DOTS:
            ax.plot(months, values, ".", color=colour, markersize=4, label="single steps")
        ax.legend(frameon=False, fontsize="small")
    ax.set_xticks(where, list(MONTHS))
    ax.set_xlim(0.5, 12.5)
    ax.set_ylabel(label)
    mark_areas(ax, values)
    ax.grid(color=GRID_COLOUR, linewidth=0.8)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)


def _checked(
    times: np.ndarray, values: np.ndarray, ndim: int, name: str
) -> tuple[np.ndarray, np.ndarray]:
    times = np.asarray(times)
    values = getattr(values, "values", values)
    kind = np.result_type(np.asarray(values), np.float32)  # many steps are no larger than they came
    values = np.ma.asarray(values).astype(kind, copy=False)
    values = np.asarray(np.ma.filled(values, np.nan))
    if np.isinf(values).any():
        values = np.where(np.isinf(values), np.nan, values)
    if times.ndim != 1 or not len(times):
        msg = f"times must have shape (n,) with n of at least 1, got {times.shape}"
        raise ValueError(msg)
    if values.ndim != ndim or len(values) != len(times) or not values.size:
        msg = f"{name} must have {ndim} dimensions, the first of {len(times)}, got {values.shape}"
        raise ValueError(msg)
    return times, values


def _draw_crowd(ax: Axes, steps: Steps, values: np.ndarray, colour: Any) -> None:
    """Draw more steps than dots: a line through them all would be a bar."""
    shared = shared_columns(steps)
    middle = (shared.edges[1:] + shared.edges[:-1]) / 2
    least, greatest = np.full((2, len(middle)), np.nan)
    for held, function in ((least, np.fmin), (greatest, np.fmax)):
        held[shared.filled] = function.reduceat(values, shared.starts)
        held[shared.covered] = values[shared.by]
    mean = columns(steps, values[:, None])[1][:, 0]
    ax.fill_between(
        middle, least, greatest, color=colour, alpha=0.5, linewidth=0, label="least to greatest"
    )
    ax.plot(middle, mean, color=MEAN_COLOUR, linewidth=0.8, label="mean")


def _edges(places: np.ndarray) -> np.ndarray:
    """Give the ends of cells half-way between their centres."""
    if len(places) == 1:
        return np.array([places[0] - 0.5, places[0] + 0.5])
    middle = (places[1:] + places[:-1]) / 2
    first, last = 2 * places[0] - middle[0], 2 * places[-1] - middle[-1]
    return np.concatenate([[first], middle, [last]])


def _names(k: int, centroids: Sequence[float] | np.ndarray | None, units: str) -> list[str]:
    if centroids is None:
        return [f"cluster {j}" for j in range(k)]
    numbers = centroid_numbers(centroids)
    return [
        f"cluster {j}, around {number} {typeset_units(units)}".strip()
        for j, number in enumerate(numbers)
    ]


def _of_highest(heading: str, cluster: str) -> str:
    return f"{heading} ({cluster})" if cluster else heading
