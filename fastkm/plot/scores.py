"""The scores of several numbers of clusters, and the number that was chosen.

The scores are plain numbers, such as those that `fastkm.choose_k` computes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from matplotlib.ticker import MaxNLocator

from fastkm.plot._page import Page
from fastkm.plot._text import make_printable
from fastkm.plot.style import OUTLINE_COLOUR, RASTER_CMAP, draw_grid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

AXIS_LABELS = {
    "silhouette": "mean silhouette, 1 is best",
    "bic": "Bayesian information criterion, lower is better",
    "calinski_harabasz": "Calinski-Harabasz index, higher is better",
    "elbow": "inertia below its chord, as share of its fall",
}
"""The label of the axis for each criterion."""

PAGE_INCHES = (6.0, 3.8)
LINE_COLOUR = RASTER_CMAP(0.3)
HEADROOM = 0.15  # room for the label above the highest score, as share of the axes' height


def scores_figure(
    scores: Mapping[int, float],
    chosen: int,
    *,
    criterion: str,
    errors: Mapping[int, float] | None = None,
    title: str | None = None,
) -> Figure:
    """Show the score of each number of clusters, and which one was chosen.

    Parameters
    ----------
    scores : mapping of int to float
        The score of each k; infinite ones stand above all others.
    chosen : int
        The k to mark.
    criterion : str
        The criterion; the axis has it in words if it is one of `fastkm.choose_k`.
    errors : mapping of int to float, optional
        How far each score may be off; drawn as a bar if above 0.
    title : str, optional
        The figure's title.

    Returns
    -------
    matplotlib.figure.Figure
        A page with one panel.

    Raises
    ------
    ValueError
        If a score is NaN, `chosen` has no score, or `errors` has other keys than `scores`.

    Examples
    --------
    >>> figure = scores_figure({2: 0.61, 3: 0.74}, 3, criterion="silhouette")
    >>> figure.axes[0].get_ylabel()
    'mean silhouette, 1 is best'
    """
    figure = Page(figsize=PAGE_INCHES)
    ax = figure.add_subplot()
    draw_scores(ax, scores, chosen, criterion=criterion, errors=errors, title=title)
    return figure


def draw_scores(
    ax: Axes,
    scores: Mapping[int, float],
    chosen: int,
    *,
    criterion: str,
    errors: Mapping[int, float] | None = None,
    title: str | None = None,
) -> Line2D:
    """Draw scores on the axes given, and return the line through the finite ones.

    The arguments are those of `scores_figure`, which also says what is an error.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> line = draw_scores(Figure().add_subplot(), {2: 0.61, 3: 0.74}, 3, criterion="silhouette")
    >>> line.get_xydata().tolist()
    [[2.0, 0.61], [3.0, 0.74]]
    """
    bounds = dict.fromkeys(scores, 0.0) if errors is None else errors
    _check_scores(scores, chosen, bounds)
    # A line through the finite scores, with a bar for each that may be off.
    ks = sorted(scores)
    finite = [k for k in ks if math.isfinite(scores[k])]
    (line,) = ax.plot(finite, [scores[k] for k in finite], "o-", color=LINE_COLOUR, markersize=5)
    unsure = [k for k in finite if bounds[k] > 0]
    if unsure:
        heights, reach = ([values[k] for k in unsure] for values in (scores, bounds))
        ax.errorbar(unsure, heights, reach, fmt="none", ecolor=LINE_COLOUR, capsize=3)
    # Ticks at whole k only, and limits with room for a label above the highest score.
    ax.set_xlim(ks[0] - 0.5, ks[-1] + 0.5)
    ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + HEADROOM * (high - low))
    draw_grid(ax, "y")
    ax.set_xlabel("number of clusters k")
    ax.set_ylabel(AXIS_LABELS.get(criterion, make_printable(criterion)))
    # A ring around the chosen k, and its number above it.
    height = _mark_infinite(ax, scores)[chosen]
    ax.plot(
        [chosen], [height], "o", markersize=13, markerfacecolor="none",
        markeredgecolor=OUTLINE_COLOUR, markeredgewidth=1.8,
    )  # fmt: skip
    infinite = "" if math.isfinite(scores[chosen]) else " (infinite)"
    ax.annotate(
        f"k = {chosen}{infinite}", (chosen, height + bounds[chosen]), xytext=(0, 10),
        textcoords="offset points", horizontalalignment="center", color=OUTLINE_COLOUR,
        fontweight="bold",
    )  # fmt: skip
    if title is not None:
        ax.set_title(make_printable(title))
    return line


def _check_scores(scores: Mapping[int, float], chosen: int, errors: Mapping[int, float]) -> None:
    """Raise ValueError unless the arguments belong together and no score is NaN."""
    if chosen not in scores:
        raise ValueError(f"chosen must be a k that has a score, {sorted(scores)}, got {chosen}")
    for k, score in scores.items():
        if math.isnan(score):
            raise ValueError(f"scores must be numbers, but that of k = {k} is NaN")
    if set(errors) != set(scores):
        raise ValueError(
            f"errors must have the keys of scores, {sorted(scores)}, got {sorted(errors)}"
        )


def _mark_infinite(ax: Axes, scores: Mapping[int, float]) -> dict[int, float]:
    """Draw an arrow for each infinite score; return the height at which each k is drawn."""
    if not any(map(math.isfinite, scores.values())):
        ax.set_yticks([])
    low, high = ax.get_ylim()
    inside = HEADROOM * (high - low)
    ends = {math.inf: (high - inside, "^"), -math.inf: (low + inside, "v")}
    heights = dict(scores)
    for k, score in scores.items():
        if score in ends:
            heights[k], marker = ends[score]
            ax.plot([k], [heights[k]], marker, color=LINE_COLOUR, markersize=8)
    return heights
