"""The distribution of the values that were clustered: one histogram, the clusters in their colours.

It is drawn from bins, which a result keeps, so the values are not read again. Columns are whole
multiples of the smallest step between bins. If values are whole numbers, each column then has equally
many of them; otherwise columns with one more would stand out like a comb. A column in which a break lies
shows both clusters, one above the other.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from fastkm.plot._page import ShownFigure
from fastkm.plot._text import format_centroids, format_quantity, make_printable, typeset_units
from fastkm.plot.style import OUTLINE_COLOUR, cluster_colormap, draw_grid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure
    from matplotlib.patches import StepPatch

PAGE_INCHES = (7.0, 3.8)
MOST_COLUMNS = 120
MOST_NAMED = 12  # clusters that the legend names; of more, this many, evenly spread
MOST_BREAKS = 20  # lines; more would hide the columns
BREAK_COLOUR = "#555555"


def histogram_figure(
    values: np.ndarray,
    weights: np.ndarray,
    breaks: np.ndarray,
    centroids: Sequence[float] | np.ndarray,
    *,
    widths: np.ndarray | None = None,
    name: str = "value",
    units: str = "",
    title: str | None = None,
    cmap: str | Colormap | None = None,
) -> Figure:
    """Show the distribution of values, with the clusters, their breaks and centroids.

    Parameters
    ----------
    values : (m,) array
        The values, or the means of bins; ascending.
    weights : (m,) array
        How much of each there is.
    breaks : (k - 1,) array
        The upper ends of all clusters but the last.
    centroids : (k,) array-like
        The centroids, ascending.
    widths : (m,) array, optional
        The widths of bins, over which what is in them is spread.
    name, units : str
        What the values are.
    title : str, optional
        The figure's title; the number of clusters by default.
    cmap : str or matplotlib.colors.Colormap, optional
        The colour map that the clusters' colours are samples of; viridis by default.

    Returns
    -------
    matplotlib.figure.Figure
        A page with one panel. The legend names the clusters by their centroids and their shares of the
        weight, up to 12 of them.

    Raises
    ------
    ValueError
        If the shapes do not fit, there are no values, or the colour map is unknown.

    Examples
    --------
    >>> figure = histogram_figure(np.array([1.0, 2, 8]), np.array([5.0, 3, 2]), [5.0], [1.4, 8.0])
    >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()][:2]
    ['0: 1.4, 80.0 %', '1: 8.0, 20.0 %']
    """
    figure = ShownFigure(figsize=PAGE_INCHES, layout="constrained")
    ax = figure.add_subplot()
    draw_histogram(
        ax, values, weights, breaks, centroids, widths=widths, name=name, units=units, title=title,
        cmap=cmap,
    )  # fmt: skip
    return figure


def draw_histogram(
    ax: Axes,
    values: np.ndarray,
    weights: np.ndarray,
    breaks: np.ndarray,
    centroids: Sequence[float] | np.ndarray,
    *,
    widths: np.ndarray | None = None,
    name: str = "value",
    units: str = "",
    title: str | None = None,
    cmap: str | Colormap | None = None,
) -> list[StepPatch]:
    """Draw the distribution on the axes given, and return the columns of each cluster.

    The arguments are those of `histogram_figure`, which also says what is an error.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> values, breaks = np.array([1.0, 2.0, 3.0]), np.array([1.5])
    >>> columns = draw_histogram(Figure().add_subplot(), values, np.ones(3), breaks, [1.0, 2.5])
    >>> [patch.get_data().edges.tolist() for patch in columns]
    [[0.5, 1.5], [1.5, 2.5, 3.5]]
    """
    breaks, centres = np.asarray(breaks, np.float64), np.asarray(centroids, np.float64)
    k = len(centres)
    edges, shares = count_columns(values, weights, breaks, centres, widths)
    tops = np.cumsum(shares, axis=0)
    colours = cluster_colormap(k, cmap)
    drawn = []
    for j in range(k):
        filled = np.flatnonzero(shares[j])
        a, b = (filled[0], filled[-1] + 1) if len(filled) else (0, 0)
        drawn.append(
            ax.stairs(
                tops[j, a:b],
                edges[a : b + 1],
                baseline=(tops - shares)[j, a:b],
                fill=True,
                color=colours(j),
            )
        )
    # Breaks as lines, centroids as marks below the columns.
    if k - 1 <= MOST_BREAKS:
        for place in breaks:
            ax.axvline(place, color=BREAK_COLOUR, linewidth=0.8, linestyle=(0, (4, 3)))
    ax.plot(
        centres, np.zeros(k), "^", color=OUTLINE_COLOUR, markersize=6 if k <= MOST_NAMED else 3,
        clip_on=False, transform=ax.get_xaxis_transform(), zorder=5,
    )  # fmt: skip
    ax.set_xlim(edges[0], edges[-1])
    ax.set_ylim(0, 1.06 * float(tops[-1].max()))
    draw_grid(ax, "y")
    ax.set_xlabel(format_quantity(name, units))
    ax.set_ylabel("share of all values (%)")
    ax.set_title(f"{k} cluster{'s' if k > 1 else ''}" if title is None else make_printable(title))
    _add_legend(ax, centres, shares.sum(axis=1), colours, units)
    return drawn


def count_columns(
    values: np.ndarray,
    weights: np.ndarray,
    breaks: np.ndarray,
    centroids: Sequence[float] | np.ndarray,
    widths: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the edges of columns, (n + 1,), and the percentage of each cluster in each, (k, n).

    The arguments are those of `histogram_figure`, which also says what is an error.

    Examples
    --------
    >>> edges, shares = count_columns(np.array([1.0, 2.0, 3.0]), np.ones(3), [1.5], [1.0, 2.5])
    >>> edges.tolist(), shares.round(1).tolist()
    ([0.5, 1.5, 2.5, 3.5], [[33.3, 0.0, 0.0], [0.0, 33.3, 33.3]])
    """
    values, weights, breaks, centres = (
        np.asarray(array, np.float64) for array in (values, weights, breaks, centroids)
    )
    _check_shapes(values, weights, breaks, centres)
    edges = choose_edges(values)
    clusters = np.searchsorted(breaks, values)
    if widths is not None:
        values, weights, clusters = _spread(values, weights, clusters, widths, edges[1] - edges[0])
    columns = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    cells = clusters * (len(edges) - 1) + columns
    counts = np.bincount(cells, weights, len(centres) * (len(edges) - 1))
    return edges, 100 * counts.reshape(len(centres), -1) / weights.sum()


def choose_edges(values: np.ndarray) -> np.ndarray:
    """Return the edges of at most about `MOST_COLUMNS` columns for ascending values.

    Examples
    --------
    >>> choose_edges(np.array([0.0, 1.0, 3.0])).tolist()
    [-0.5, 0.5, 1.5, 2.5, 3.5]
    """
    low, high = float(values[0]), float(values[-1])
    span = high - low
    if span == 0:
        room = max(abs(low), 1.0) / 2
        return np.array([low - room, low + room])
    if not math.isfinite(span):
        return np.linspace(low / 2, high / 2, MOST_COLUMNS + 1) * 2
    step = max(float(np.diff(values).min()), span * 2.0**-40)
    together = math.ceil(span / step / MOST_COLUMNS)
    count = math.floor((span / step + 0.5) / together) + 1
    return low - step / 2 + together * step * np.arange(count + 1)


def _spread(
    values: np.ndarray, weights: np.ndarray, clusters: np.ndarray, widths: np.ndarray, column: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut bins that are wider than half a column into parts, four a column; return them all."""
    parts = np.where(widths > column / 2, np.ceil(4 * widths / column), 1).astype(np.int64)
    whole = np.repeat(np.arange(len(values)), parts)
    number = np.arange(len(whole)) - np.repeat(np.cumsum(parts) - parts, parts)
    shift = ((number + 0.5) / parts[whole] - 0.5) * widths[whole]
    return values[whole] + shift, (weights / parts)[whole], clusters[whole]


def _check_shapes(
    values: np.ndarray, weights: np.ndarray, breaks: np.ndarray, centres: np.ndarray
) -> None:
    """Raise ValueError unless the arrays belong together."""
    if values.ndim != 1 or not values.size or weights.shape != values.shape:
        raise ValueError(
            "values and weights must have one dimension, and as many values as weights, got shapes "
            f"{values.shape} and {weights.shape}"
        )
    if centres.ndim != 1 or not centres.size or breaks.shape != (len(centres) - 1,):
        raise ValueError(
            f"breaks must be one less than centroids, got shapes {breaks.shape} and {centres.shape}"
        )


def _add_legend(
    ax: Axes, centres: np.ndarray, shares: np.ndarray, colours: Colormap, units: str
) -> None:
    """Add a legend beside the panel: clusters with centroids and shares, and what marks and lines are."""
    k = len(centres)
    numbers = format_centroids(centres)
    named = [round(j) for j in np.linspace(0, k - 1, min(k, MOST_NAMED))]
    handles: list[Patch | Line2D] = [
        Patch(color=colours(j), label=f"{j}: {numbers[j]}, {shares[j]:.1f} %") for j in named
    ]
    handles.append(Line2D([], [], color=OUTLINE_COLOUR, marker="^", ls="none", label="centroid"))
    if 1 < k <= MOST_BREAKS + 1:
        handles.append(Line2D([], [], color=BREAK_COLOUR, lw=0.8, ls=(0, (4, 3)), label="break"))
    heading = (
        f"centroid ({typeset_units(units)}), share" if typeset_units(units) else "centroid, share"
    )
    if len(named) < k:
        heading = f"{len(named)} of {k} clusters\n{heading}"
    ax.legend(
        handles=handles, title=heading, loc="upper left", bbox_to_anchor=(1.01, 1.0),
        borderaxespad=0.0, frameon=False, fontsize="small", title_fontsize="small",
        alignment="left",
    )  # fmt: skip
