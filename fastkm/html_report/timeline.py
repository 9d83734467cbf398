"""The part of a page that goes through time: curves of the clusters' sizes, maps of steps, and tracks.

The scripts of the page put the map of the step that is shown in the place of the first one, move the
mark on the curves with it, and draw the tracks up to that step: see ``timeline.js``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from bokeh.models import ColumnDataSource, HoverTool, Span

from fastkm.html_report.figures import MARK_COLOUR, make_plot
from fastkm.html_report.pack import pack_array

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bokeh.plotting import figure

    from fastkm.html_report.contents import Timeline, Tracks

FEW_STEPS = 60
"""Steps up to which each has a dot on the curves."""

HEIGHT = 260
"""Pixels of the figure."""


def draw_sizes(timeline: Timeline, colours: Sequence[str]) -> figure:
    """Draw a curve for each cluster: its size at each step; a mark shows one of the steps."""
    times = place_steps(timeline)
    dated = timeline.times.dtype.kind == "M"
    plot = make_plot(height=HEIGHT, x_axis_type="datetime" if dated else "linear")
    plot.y_range.start = 0
    plot.yaxis.axis_label = timeline.unit
    columns = {str(j): timeline.sizes[:, j].astype(float) for j in range(len(colours))}
    source = ColumnDataSource({"time": times, "step": list(timeline.steps), **columns})
    for cluster, colour in enumerate(colours):
        look = {"source": source, "color": colour, "name": str(cluster)}
        plot.line("time", str(cluster), line_width=2, **look)
        if len(times) <= FEW_STEPS:
            plot.scatter("time", str(cluster), size=5, **look)
    tips = [("time", "@step"), ("cluster", "$name"), (timeline.unit, "@$name{0,0.[000]}")]
    plot.add_tools(HoverTool(tooltips=tips))
    mark = Span(
        location=times[0], dimension="height", line_width=2, line_color=MARK_COLOUR, name="shown"
    )
    plot.add_layout(mark)
    return plot


def place_steps(timeline: Timeline) -> np.ndarray:
    """Return where each step lies on the axis of the figure, float64; dates are milliseconds."""
    times = timeline.times
    return (times.astype("datetime64[ms]") if times.dtype.kind == "M" else times).astype(float)


def pack_timeline(timeline: Timeline, tracks: Tracks | None) -> dict[str, Any]:
    """Return what the scripts need to know, as JSON has it; maps are packed one after another."""
    packed = {
        "steps": timeline.steps,
        "times": place_steps(timeline).tolist(),
        "mapped": timeline.mapped.tolist(),
        "maps": [pack_array(labels) for labels in timeline.labels],
    }
    if tracks is not None:
        x, y = np.concatenate([np.empty((0, 2)), *tracks.lines]).T
        packed["tracks"] = {
            "x": pack_array(x.astype(np.float32)),
            "y": pack_array(y.astype(np.float32)),
            "steps": pack_array(np.concatenate([[], *tracks.steps]).astype(np.int32)),
            "ends": np.cumsum([len(line) for line in tracks.lines]).tolist(),
        }
    return packed
