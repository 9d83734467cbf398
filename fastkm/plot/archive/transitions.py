"""Figures of what passes between clusters from one step to the next: a matrix, and flows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from fastkm.plot._page import Page
from fastkm.plot._text import make_printable
from fastkm.plot.archive.time_series import EDGE_COLOUR, PAGE_WIDTH
from fastkm.plot.style import MISSING_COLOUR, RASTER_CMAP, cluster_colormap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

MOST_NUMBERS = 12
"""Clusters up to which the matrix has numbers: more do not fit into the cells."""

GAP = 0.2
"""Height of all gaps between clusters, of 1 for all clusters."""

BAR = 0.04
"""Width of the bars at both ends of flows, of 1 between them."""

SIDE = 0.14
"""Width of the names beside the bars."""

LEAST_NAME = 0.01
"""Height below which a bar has no name beside it, of 1 for all."""

EDGE: dict[str, Any] = {"edgecolor": EDGE_COLOUR, "linewidth": 0.6}
"""The edge of a bar: yellow is pale."""


def transitions_figure(
    table: ArrayLike,
    clusters: Sequence[int] | np.ndarray | None = None,
    *,
    title: str = "",
    unit_of_area: str = "km2",
) -> Figure:
    """Show as a matrix which share of each cluster passes to each other one.

    Parameters
    ----------
    table : (k, k) array-like
        Areas or cells that pass from the cluster of the row to that of the column.
    clusters : (k,) sequence of int, optional
        Their numbers, by default 0 to k - 1; -1 stands for missing cells.
    title : str, optional
        The title.
    unit_of_area : {"km2", "cells"}
        What the table counts.

    Returns
    -------
    matplotlib.figure.Figure
        Rows add up to 100 %. Up to 12 clusters, the shares are written into the cells.

    Raises
    ------
    ValueError
        If the shapes do not fit, or `unit_of_area` is neither of the two.

    Examples
    --------
    >>> figure = transitions_figure([[3.0, 1.0], [0.0, 2.0]])
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['75', '25', '0', '100']
    """
    values, numbers = _check_table(table, clusters, unit_of_area)
    with np.errstate(invalid="ignore"):
        shares = 100 * values / values.sum(axis=1, keepdims=True)
    k = len(numbers)
    side = min(7.5, 2.4 + 0.45 * k)
    figure = Page(ratio=1.0, figsize=(side + 0.9, side))
    ax = figure.add_subplot()
    shown = np.ma.masked_invalid(shares)
    image = ax.imshow(shown, cmap=RASTER_CMAP, vmin=0, vmax=100)
    if k <= MOST_NUMBERS:
        for (i, j), share in np.ndenumerate(shares):
            if np.isfinite(share):
                dark = share > 60  # the colours of high shares are light
                ax.text(
                    j, i, _format_share(share), ha="center", va="center",
                    color="black" if dark else "white", fontsize="small",
                )  # fmt: skip
    every = -(-k // MOST_NUMBERS)
    names = [_name(number) for number in numbers]
    ax.set_xticks(range(0, k, every), names[::every])
    ax.set_yticks(range(0, k, every), names[::every])
    ax.tick_params(length=0)
    ax.set_xlabel("to cluster")
    ax.set_ylabel("from cluster")
    what = "area" if unit_of_area == "km2" else "cells"
    beside = ax.inset_axes((1.04, 0.0, 0.05, 1.0))
    figure.colorbar(image, cax=beside, label=f"share of the cluster's {what} (%)")
    ax.set_title(make_printable(title), loc="left")
    figure.trim()
    return figure


def flows_figure(
    table: ArrayLike,
    clusters: Sequence[int] | np.ndarray | None = None,
    *,
    title: str = "",
    unit_of_area: str = "km2",
) -> Figure:
    """Show what passes between clusters as flows as wide as their areas: a Sankey diagram.

    Parameters, errors and result are those of `transitions_figure`: clusters of the earlier step
    stand at the left, those of the later one at the right, the highest on top.

    Examples
    --------
    >>> figure = flows_figure([[3.0, 1.0], [0.0, 2.0]])
    >>> len(figure.axes[0].patches)  # four bars and three flows
    7
    """
    values, numbers = _check_table(table, clusters, unit_of_area)
    # missing cells at the bottom, the highest cluster on top
    order = np.argsort(numbers)
    parts = values[np.ix_(order, order)] / (values.sum() or 1.0)
    colours, names = _choose_colours(numbers[order]), [_name(number) for number in numbers[order]]
    left, right = parts.sum(axis=1), parts.sum(axis=0)
    starts, ends = _stack_bars(left), _stack_bars(right)
    figure = Page(figsize=(PAGE_WIDTH, 4.6))
    ax = figure.add_subplot()
    below_start = starts[:, None] + np.cumsum(parts, axis=1) - parts
    below_end = ends[None] + np.cumsum(parts, axis=0) - parts
    for (i, j), height in np.ndenumerate(parts):
        if height > 0:
            flow = _outline_flow(below_start[i, j], below_end[i, j], height)
            ax.add_patch(PathPatch(flow, facecolor=colours[i], alpha=0.5, linewidth=0))
    for x, bottoms, heights in ((-BAR, starts, left), (1.0, ends, right)):
        place, side = (x - 0.015, "right") if x < 0 else (x + BAR + 0.015, "left")
        for bottom, height, colour, name in zip(bottoms, heights, colours, names, strict=True):
            ax.add_patch(Rectangle((x, bottom), BAR, height, facecolor=colour, **EDGE))
            if height >= LEAST_NAME:
                text = f"{name}: {_format_share(100 * height)} %"
                ax.text(place, bottom + height / 2, text, ha=side, va="center", fontsize="small")
    ax.set_xlim(-BAR - SIDE, 1 + BAR + SIDE)
    ax.set_ylim(0, 1 + GAP)
    ax.set_xticks([-BAR / 2, 1 + BAR / 2], ["from cluster", "to cluster"])
    ax.tick_params(length=0)
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
    ax.set_xlabel("shares of the " + ("area" if unit_of_area == "km2" else "cells"))
    ax.set_title(make_printable(title), loc="left")
    return figure


def _check_table(
    table: ArrayLike, clusters: Sequence[int] | np.ndarray | None, unit: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return the table and the numbers of its clusters, or raise."""
    values = np.asarray(table, np.float64)
    if values.ndim != 2 or len(values) != values.shape[1] or not values.size:
        raise ValueError(f"table must have shape (k, k), got {values.shape}")
    numbers = np.arange(len(values)) if clusters is None else np.asarray(clusters)
    if numbers.shape != (len(values),):
        raise ValueError(f"clusters must be as many as rows, {len(values)}, got {numbers.shape}")
    if unit not in {"km2", "cells"}:
        raise ValueError(f"unit_of_area must be 'km2' or 'cells', got {unit!r}")
    return values, numbers


def _choose_colours(numbers: np.ndarray) -> list[Any]:
    """Return the colours of clusters, and of missing cells."""
    colours = cluster_colormap(max(1, int(numbers.max(initial=0)) + 1))
    return [MISSING_COLOUR if number < 0 else colours(int(number)) for number in numbers]


def _name(number: int) -> str:
    return "missing" if number < 0 else str(number)


def _format_share(share: float) -> str:
    """Return a share in whole percent, which says 0 and 100 only if it is so."""
    if 0 < share < 0.5:
        return "<1"
    return ">99" if 99.5 <= share < 100 else f"{share:.0f}"


def _stack_bars(heights: np.ndarray) -> np.ndarray:
    """Return the lower ends of bars that stand upon one another, with gaps between."""
    gaps = np.arange(len(heights)) * (GAP / max(1, len(heights) - 1))
    return np.asarray(np.cumsum(heights) - heights + gaps)


def _outline_flow(start: float, end: float, height: float) -> Path:
    """Outline a flow from its lower left corner: two curves that leave and arrive level."""
    there = [(0.0, start), (0.5, start), (0.5, end), (1.0, end)]
    back = [(x, y + height) for x, y in reversed(there)]
    curve = [Path.CURVE4] * 3
    codes = [Path.MOVETO, *curve, Path.LINETO, *curve, Path.CLOSEPOLY]
    return Path([*there, *back, there[0]], codes)
