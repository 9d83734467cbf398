"""Figures of what passes between clusters from one step to the next: a matrix, and flows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from fastkm.plot._page import Page
from fastkm.plot._text import make_printable
from fastkm.plot.archive.time_series import scale_areas
from fastkm.plot.style import MISSING_COLOUR, RASTER_CMAP, cluster_colormap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

MOST_NUMBERS = 12
"""Clusters up to which the matrix has numbers: more do not fit into the cells."""

GAP = 0.2
"""Share of the height of flows that is left between clusters."""

BAR = 0.04
"""Width of the bars at both ends of flows, of which they are 1 apart."""

LEAST_NAME = 0.008
"""Share of the height below which a bar has no name beside it."""


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
    figure = Page(figsize=(7.5, 4.6))
    ax = figure.add_subplot()
    total = values.sum() or 1.0
    colours = _choose_colours(numbers)
    # bars of both sides, the highest cluster on top and missing cells at the bottom
    order = np.argsort(numbers)
    left, right = (_stack_bars(sums[order] / total) for sums in (values.sum(axis=1), values.sum(axis=0)))
    parts = values[np.ix_(order, order)] / total
    bottoms_left = left[:, None] + np.cumsum(parts, axis=1) - parts
    bottoms_right = right[None] + np.cumsum(parts, axis=0) - parts
    for (i, j), width in np.ndenumerate(parts):
        if width > 0:
            ax.add_patch(
                _draw_flow(bottoms_left[i, j], bottoms_right[i, j], width, colours[order[i]])
            )
    for place, bottoms, sums in ((0.0, left, parts.sum(axis=1)), (1.0, right, parts.sum(axis=0))):
        for number, bottom, height, colour in zip(
            numbers[order], bottoms, sums, (colours[i] for i in order), strict=True
        ):
            x = place - BAR if place == 0.0 else place
            ax.add_patch(_draw_bar(x, bottom, height, colour))
            if height >= LEAST_NAME:
                beside = (x - 0.01, "right") if place == 0.0 else (x + BAR + 0.01, "left")
                ax.text(
                    beside[0], bottom + height / 2, _name(number), ha=beside[1], va="center",
                    fontsize="small",
                )  # fmt: skip
    ax.set_xlim(-BAR - 0.1, 1 + BAR + 0.1)
    ax.set_ylim(0, 1 + GAP)
    ax.set_axis_off()
    scaled, label = scale_areas(np.array([total]), unit_of_area)
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
