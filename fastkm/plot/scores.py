"""How many clusters: the scores of several k, and the one that was chosen.

The scores are plain numbers; `fastkm.choose_k` computes them, or anything else does.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fastkm.plot.style import OUTLINE_COLOUR, RASTER_CMAP

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

AXIS_LABELS = {
    "silhouette": "mean silhouette, 1 is best",
    "bic": "Bayesian information criterion, higher is better",
    "calinski_harabasz": "Calinski-Harabasz index, higher is better",
    "elbow": "inertia below its chord, as share of its fall",
}
"""What the axis says of each criterion."""

PAGE_INCHES = (6.0, 3.8)
LINE_COLOUR = RASTER_CMAP(0.3)
HEADROOM = 0.15
"""Of the axes' height: room for the label above the highest score."""


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
        What was scored; the axis says it in words for the criteria of `fastkm.choose_k`.
    errors : mapping of int to float, optional
        How far each score may be off: drawn as bars where above 0.
    title : str, optional
        The figure's title.

    Returns
    -------
    matplotlib.figure.Figure
        A page with one panel.

    Raises
    ------
    ValueError
        If there are no scores, one is NaN, `chosen` is none of them, or the keys of `errors`
        are others.

    Examples
    --------
    >>> figure = scores_figure({2: 0.61, 3: 0.74}, 3, criterion="silhouette")
    >>> figure.axes[0].get_ylabel()
    'mean silhouette, 1 is best'
    """
    figure = Figure(figsize=PAGE_INCHES, layout="constrained")
    draw_scores(figure.add_subplot(), scores, chosen, criterion=criterion, errors=errors)
    if title is not None:
        figure.axes[0].set_title(title)
    return figure


def draw_scores(
    ax: Axes,
    scores: Mapping[int, float],
    chosen: int,
    *,
    criterion: str,
    errors: Mapping[int, float] | None = None,
) -> Line2D:
    """Draw scores against the number of clusters; the arguments are those of `scores_figure`.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    scores : mapping of int to float
        The score of each k.
    chosen : int
        The k to mark.
    criterion : str
        What was scored.
    errors : mapping of int to float, optional
        How far each score may be off.

    Returns
    -------
    matplotlib.lines.Line2D
        The line through the finite scores.

    Raises
    ------
    ValueError
        As `scores_figure` does.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> line = draw_scores(Figure().add_subplot(), {2: 0.61, 3: 0.74}, 3, criterion="silhouette")
    >>> line.get_xydata().tolist()
    [[2.0, 0.61], [3.0, 0.74]]
    """
    bounds = dict.fromkeys(scores, 0.0) if errors is None else errors
    _check(scores, chosen, bounds)
    ks = sorted(scores)
    finite = [k for k in ks if math.isfinite(scores[k])]
    (line,) = ax.plot(finite, [scores[k] for k in finite], "o-", color=LINE_COLOUR, markersize=5)
    unsure = [k for k in finite if bounds[k] > 0]
    if unsure:
        ax.errorbar(
            unsure,
            [scores[k] for k in unsure],
            [bounds[k] for k in unsure],
            fmt="none",
            ecolor=LINE_COLOUR,
            capsize=3,
        )
    _give_room(ax, ks)
    heights = _mark_infinite(ax, scores)
    _mark_chosen(ax, chosen, heights[chosen], scores[chosen], bounds[chosen])
    ax.set_xlabel("number of clusters k")
    ax.set_ylabel(AXIS_LABELS.get(criterion, criterion))
    return line


def _check(scores: Mapping[int, float], chosen: int, errors: Mapping[int, float]) -> None:
    if chosen not in scores:
        msg = f"chosen must be a k that has a score, {sorted(scores)}, got {chosen}"
        raise ValueError(msg)
    for k, score in scores.items():
        if math.isnan(score):
            msg = f"scores must be numbers, but that of k = {k} is NaN"
            raise ValueError(msg)
    if set(errors) != set(scores):
        msg = f"errors must have the keys of scores, {sorted(scores)}, got {sorted(errors)}"
        raise ValueError(msg)


def _give_room(ax: Axes, ks: list[int]) -> None:
    """Mark whole k only, and fix the limits with room for a label above the highest score."""
    ax.set_xlim(ks[0] - 0.5, ks[-1] + 0.5)
    ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + HEADROOM * (high - low))
    ax.grid(axis="y", color="#e6e6e6", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)


def _mark_infinite(ax: Axes, scores: Mapping[int, float]) -> dict[int, float]:
    """Point up, or down, where a score has no end; give the height at which each k stands."""
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


def _mark_chosen(ax: Axes, chosen: int, height: float, score: float, error: float) -> None:
    """Ring the chosen k, and write which it is above it."""
    infinite = "" if math.isfinite(score) else " (infinite)"
    ax.plot(
        [chosen], [height], "o", markersize=13, markerfacecolor="none",
        markeredgecolor=OUTLINE_COLOUR, markeredgewidth=1.8,
    )  # fmt: skip
    ax.annotate(
        f"k = {chosen}{infinite}",
        (chosen, height + error),
        xytext=(0, 10),
        textcoords="offset points",
        horizontalalignment="center",
        color=OUTLINE_COLOUR,
        fontweight="bold",
    )
