"""The figures of a page, as models of bokeh without data of maps: the browser adds that.

Texts that come from files are `PlainText`: bokeh takes what stands between two pairs of dollar signs
in other texts for mathematics. Colours of text and lines are set in the browser, which knows
whether the page is dark.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from bokeh.models import (
    AdaptiveTicker,
    ColumnDataSource,
    CustomJSTickFormatter,
    HoverTool,
    NoOverlap,
    PanTool,
    PlainText,
    Range1d,
    SingleIntervalTicker,
    WheelZoomTool,
)
from bokeh.plotting import figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastkm.html_report.contents import Axis, Histogram, MapGrid, Scores

MARK_COLOUR = "#e3120b"
"""Of what is chosen: regions, tracks, the cursor."""

SHORE_COLOUR = "#6b6455"
LINE_COLOUR = "#3b6ea5"
CHART_HEIGHT = 320

MOST_BREAKS = 20
"""Lines at breaks; more would hide the columns."""


def draw_map(grid: MapGrid) -> figure:
    """Return the map: a picture of cells, shores, outlines, tracks, and a mark for one cell.

    The data sources have the names under which the browser fills them.
    """
    (west, east), (south, north) = grid.x.ends, grid.y.ends
    plot = make_plot(
        x_range=Range1d(west, east),
        y_range=Range1d(south, north),
        aspect_ratio=1.0 / grid.ratio,
        output_backend="canvas",
    )
    zoom = WheelZoomTool(modifiers="ctrl")
    plot.add_tools(PanTool(), zoom)
    plot.toolbar.active_scroll = zoom
    for side, axis in zip(plot.axis, (grid.x, grid.y), strict=True):
        _label_axis(side, axis)
    cells = _make_source("cells", image=[np.zeros((1, 1), np.uint32)])
    plot.image_rgba("image", west, south, east - west, north - south, source=cells)
    plot.multi_line(
        "xs", "ys", source=_make_source("shores"), line_color=SHORE_COLOUR, line_width=0.7
    )
    look: dict[str, Any] = {"fill_color": None, "line_color": "black", "line_width": 1.0}
    plot.multi_polygons("xs", "ys", source=_make_source("regions"), **look)
    look |= {"line_color": MARK_COLOUR, "line_width": 2.5}
    plot.multi_polygons("xs", "ys", source=_make_source("chosen-region"), **look)
    for name, width, colour in (("tracks", 1.0, "black"), ("chosen-track", 3.0, MARK_COLOUR)):
        lines = _make_source(name)
        plot.multi_line("xs", "ys", source=lines, line_color=colour, line_width=width)
    heads = _make_source("track-heads", x=[], y=[])
    plot.scatter("x", "y", source=heads, size=8, fill_color="white", line_color="black")
    mark = _make_source("mark", x=[], y=[])
    size = {"width": abs(grid.x.step), "height": abs(grid.y.step)}
    plot.rect("x", "y", source=mark, fill_color=None, line_color="white", line_width=5, **size)
    plot.rect("x", "y", source=mark, fill_color=None, line_color=MARK_COLOUR, line_width=2, **size)
    return plot


def draw_histogram(
    histogram: Histogram, colours: Sequence[str], names: Sequence[str], label: str
) -> figure:
    """Return the distribution: columns with a part for each cluster, breaks and centroids."""
    edges, shares = histogram.edges, histogram.shares
    plot = make_plot(x_range=Range1d(float(edges[0]), float(edges[-1])), height=CHART_HEIGHT)
    plot.xaxis.axis_label = PlainText(text=label)
    plot.yaxis.axis_label = "share of all values (%)"
    tops = np.cumsum(shares, axis=0)
    cluster, column = np.nonzero(shares)
    source = ColumnDataSource(
        {
            "left": edges[column],
            "right": edges[column + 1],
            "bottom": (tops - shares)[cluster, column],
            "top": tops[cluster, column],
            "share": shares[cluster, column],
            "colour": [colours[j] for j in cluster.tolist()],
            "name": [f"{j}: {names[j]}" for j in cluster.tolist()],
        }
    )
    columns = plot.quad(
        "left", "right", "top", "bottom", source=source, fill_color="colour", line_color=None
    )
    tips = [("cluster", "@name"), ("values", "@left to @right"), ("share", "@share{0.00} %")]
    plot.add_tools(HoverTool(renderers=[columns], tooltips=tips))
    high = float(tops[-1].max())
    plot.y_range = Range1d(-0.06 * high, 1.06 * high)
    places = (
        [float(place) for place in histogram.breaks] if len(histogram.breaks) <= MOST_BREAKS else []
    )
    bounds = {"y0": [0.0] * len(places), "y1": [1.04 * high] * len(places)}
    ends = ColumnDataSource({"x": places, **bounds})
    plot.segment("x", "y0", "x", "y1", source=ends, line_dash="dashed", name="ink", line_width=1)
    centres = [float(centre) for centre in histogram.centroids]
    plot.scatter(
        centres, [-0.03 * high] * len(centres), marker="triangle", size=9, fill_color=MARK_COLOUR,
        line_color="white",
    )  # fmt: skip
    return plot


def draw_scores(scores: Scores) -> figure:
    """Return the finite scores as points joined by a line, with a ring around the chosen one."""
    ks = [k for k in sorted(scores.scores) if math.isfinite(scores.scores[k])]
    plot = make_plot(height=CHART_HEIGHT)
    if ks:
        plot.x_range = Range1d(ks[0] - 0.5, ks[-1] + 0.5)
    plot.xaxis.axis_label = "number of clusters k"
    plot.yaxis.axis_label = PlainText(text=scores.label)
    plot.xaxis.ticker = SingleIntervalTicker(interval=max(1, len(ks) // 20), num_minor_ticks=0)
    source = ColumnDataSource({"k": ks, "score": [scores.scores[k] for k in ks]})
    plot.line("k", "score", source=source, line_color=LINE_COLOUR, line_width=2)
    points = plot.scatter("k", "score", source=source, size=8, fill_color=LINE_COLOUR)
    plot.add_tools(
        HoverTool(renderers=[points], tooltips=[("k", "@k"), ("score", "@score{0.0000}")])
    )
    if scores.chosen in ks:
        plot.scatter(
            [scores.chosen], [scores.scores[scores.chosen]], size=18, fill_color=None,
            line_color=MARK_COLOUR, line_width=2.5,
        )  # fmt: skip
    return plot


def make_plot(**options: Any) -> figure:
    """Return an empty figure as wide as its place, without tools and without colours of its own."""
    plot = figure(
        sizing_mode="stretch_width",
        tools="",
        toolbar_location=None,
        background_fill_color=None,
        border_fill_color=None,
        outline_line_color=None,
        **options,
    )
    for axis in plot.axis:
        axis.major_label_policy = NoOverlap()
        axis.axis_label_text_font_style = "normal"
        axis.minor_tick_line_color = None
    return plot


def _make_source(name: str, **columns: Any) -> ColumnDataSource:
    """Return a source that the browser finds by its name; by default one of empty lines."""
    return ColumnDataSource(columns or {"xs": [], "ys": []}, name=name)


def _label_axis(side: Any, axis: Axis) -> None:
    """Put degrees with their hemisphere, or the name and the units, on a side of the map."""
    if axis.degrees is None:
        text = f"{axis.name} ({axis.units})" if axis.units else axis.name
        side.axis_label = PlainText(text=text)
        side.formatter = CustomJSTickFormatter(code="return formatNumber(tick)")
        return
    kind: Literal["longitude", "latitude"] = axis.degrees
    side.ticker = AdaptiveTicker(base=10, mantissas=[1, 1.5, 2, 3, 5, 6], desired_num_ticks=6)
    side.formatter = CustomJSTickFormatter(code=f"return formatDegrees(tick, '{kind}')")
