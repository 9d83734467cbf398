"""Figures of the areas of an archive's clusters through time.

Times are dates as numpy has them, or numbers of years for calendars whose dates numpy does not
have. Nothing is drawn where steps are missing (see `fastkm.plot.archive.time_axis`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator, ScalarFormatter

from fastkm.plot._page import Page
from fastkm.plot._text import format_centroids, typeset_units
from fastkm.plot.archive.time_axis import (
    COLUMNS,
    YEAR,
    Steps,
    average_columns,
    break_line,
    check_series,
    find_isolated,
    format_time,
    is_monthly,
    place_steps,
    running_mean,
    share_columns,
)
from fastkm.plot.style import cluster_colormap, draw_grid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAGE_WIDTH = 7.5
PANEL_HEIGHT = 1.15  # height of the panel of one cluster's areas, in inches
MOST_PANELS = 12  # clusters that are drawn, evenly spread; 400 would take minutes, and 18 MB
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
        The area of each cluster at each step; NaN if unknown.
    centroids : (k,) array-like, optional
        The centroids, which name the clusters; without them, clusters are numbered.
    units : str, default: ""
        Units of the centroids.
    unit_of_area : {"km2", "cells"}
        Square kilometres are shown in millions, areas of small regions in thousands or as they are.

    Returns
    -------
    matplotlib.figure.Figure
        A panel a cluster, in its colour; if there are more than 12 clusters, 12 of them from the
        lowest to the highest, as the axis says. A monthly series of more than two years also has its running mean of
        12 months. More than 2,000 steps that are not months share 2,000 columns: each shows its
        least to greatest area, and a line their means.

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
    times, areas = check_series(times, areas, 2, "areas")
    k = areas.shape[1]
    if centroids is not None and len(centroids) != k:
        raise ValueError(f"centroids must be as many as clusters, {k}, got {len(centroids)}")
    # One panel a cluster, the highest on top.
    drawn = [round(j) for j in np.linspace(k - 1, 0, min(k, MOST_PANELS))]
    figure = Page(figsize=(PAGE_WIDTH, 1.1 + PANEL_HEIGHT * len(drawn)))
    axes = figure.subplots(len(drawn), 1, sharex=True, squeeze=False)[:, 0]
    names = _name_clusters(k, centroids, units)
    values, label = scale_areas(areas, unit_of_area)
    for j, ax in zip(drawn, axes, strict=True):
        _draw_series(ax, times, values[:, j], cluster_colormap(k)(j))
        ax.set_title(names[j], loc="left", fontsize="medium")
    # Only the lowest panel names the time, and one legend serves all panels.
    for ax in axes[:-1]:
        ax.tick_params(labelbottom=False)
        ax.set_xlabel("")
    legends = [ax.get_legend_handles_labels() for ax in axes]
    handles, texts = next((pair for pair in legends if pair[0]), ([], []))
    if handles:
        axes[0].legend(
            handles, texts, loc="lower right", bbox_to_anchor=(1.0, 1.0), borderpad=0.0,
            borderaxespad=0.4, ncols=2, frameon=False, fontsize="small",
        )  # fmt: skip
    some = "" if len(drawn) == k else f" ({len(drawn)} of {k} clusters)"
    figure.supylabel(label + some, fontsize="medium")
    return figure


def draw_area(
    ax: Axes, times: np.ndarray, areas: np.ndarray, *, colour: Any, unit_of_area: str = "km2"
) -> None:
    """Draw one series on the axes given; the arguments are those of `areas_figure`.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().add_subplot()
    >>> draw_area(ax, np.array([2000.0, 2001.0]), np.array([1e6, 2e6]), colour="k")
    >>> ax.lines[0].get_ydata().tolist()
    [1.0, 2.0]
    """
    times, areas = check_series(times, areas, 1, "areas")
    values, label = scale_areas(areas, unit_of_area)
    _draw_series(ax, times, values, colour)
    ax.set_ylabel(label)


def scale_areas(areas: np.ndarray, unit: str) -> tuple[np.ndarray, str]:
    """Return areas in the unit of the axis, and the label of the axis.

    The clusters of the world cover millions of square kilometres, those of a lake a few. With one
    unit for both, matplotlib would write a power of ten above the axis, where the title stands.
    """
    if unit not in {"km2", "cells"}:
        raise ValueError(f"unit_of_area must be 'km2' or 'cells', got {unit!r}")
    largest = float(np.nanmax(areas, initial=0.0))
    name, bounds = ("area, {}km²", (1e5, 100.0)) if unit == "km2" else ("{}cells", (1e6, np.inf))
    if largest >= bounds[0] or (unit == "km2" and largest == 0):
        return areas / 1e6, name.format("million ")
    if largest >= bounds[1]:
        return areas / 1e3, name.format("thousand ")
    return areas, name.format("")


def format_areas(ax: Axes, values: np.ndarray) -> None:
    """Write the numbers of the axis in full, without a power of ten above it."""
    numbers = ScalarFormatter(useOffset=False)
    numbers.set_scientific(False)
    ax.yaxis.set_major_formatter(numbers)
    if not (values > 0).any():  # all 0 or missing; no area is negative
        ax.set_ylim(-0.05, 1.0)


def _draw_series(ax: Axes, times: np.ndarray, values: np.ndarray, colour: Any) -> None:
    """Draw one series that is checked already, in the unit of the axis."""
    steps = place_steps(times)
    long = is_monthly(times) and len(times) > 2 * YEAR
    if len(times) > COLUMNS and not long:
        _draw_ranges(ax, steps, values, colour)
    else:
        # A thin line with its gaps; dots if there are few steps, or for a step between two gaps.
        where, line = break_line(steps, values)
        dots = np.isfinite(line) if len(times) <= 2 * YEAR else find_isolated(line)
        width = 0.9 if long else 1.5
        edge = withStroke(linewidth=width + 0.9, foreground=EDGE_COLOUR)  # yellow is pale
        ax.plot(
            where, line, "o-", color=colour, linewidth=width, markersize=3,
            markevery=np.flatnonzero(dots).tolist(), path_effects=[edge],
        )  # fmt: skip
    # The running mean of 12 months over it.
    middle, mean = running_mean(steps, values) if long else (np.empty(0), np.empty(0))
    if np.isfinite(mean).any():
        halo = withStroke(linewidth=3.2, foreground="white")  # for dark clusters
        ax.plot(
            middle, mean, color=MEAN_COLOUR, linewidth=1.6, path_effects=[halo],
            label="mean of 12 months",
        )  # fmt: skip
    format_time(ax, times, steps)
    format_areas(ax, values)
    ax.yaxis.set_major_locator(MaxNLocator(4))
    draw_grid(ax)


def _draw_ranges(ax: Axes, steps: Steps, values: np.ndarray, colour: Any) -> None:
    """Draw more steps than a page has dots: least to greatest and mean of each column."""
    shared = share_columns(steps)
    middle = (shared.edges[1:] + shared.edges[:-1]) / 2
    least, greatest = np.full((2, len(middle)), np.nan)
    for bound, function in ((least, np.fmin), (greatest, np.fmax)):
        bound[shared.filled] = function.reduceat(values, shared.starts)
        bound[shared.covered] = values[shared.covering]
    mean = average_columns(steps, values[:, None])[1][:, 0]
    ax.fill_between(
        middle, least, greatest, color=colour, alpha=0.5, linewidth=0, label="least to greatest"
    )
    ax.plot(middle, mean, color=MEAN_COLOUR, linewidth=0.8, label="mean")


def _name_clusters(k: int, centroids: Sequence[float] | np.ndarray | None, units: str) -> list[str]:
    """Return the titles of the panels: numbers of clusters, and centroids if there are any."""
    if centroids is None:
        return [f"cluster {j}" for j in range(k)]
    numbers, unit = format_centroids(centroids), typeset_units(units)
    return [f"cluster {j}, around {number} {unit}".strip() for j, number in enumerate(numbers)]
