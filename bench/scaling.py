"""Time against n, k, d and threads, with every rival.

Each sweep is one kind of work at several places of an axis; everything else stays. A rival whose next
figure would be above the budget, by the growth of its last two, is left out from there on, and the
table says where it stopped. The slope is that of a straight line through the logarithms of the upper half
of a rival's figures: 1 means that twice the data take twice the time, 2 that they take four times.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.case import OURS, Case, left_out
from bench.cases.estimators import lloyd_case
from bench.cases.exact import labels_case
from bench.cases.outlines import contours_case, distance_case, regions_case
from bench.cases.vq import vq_case
from bench.part import Found, Part
from bench.style import line_of, new_figure, tidy
from bench.table import count, markdown, readable, times
from bench.threads import ALL
from bench.timing import Measured, measure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BUDGET = {"tiny": 1.0, "small": 1.0, "full": 5.0}
"""Seconds that a rival's next figure may take."""
ALLOWANCE = {"tiny": 0.0, "small": 0.3, "full": 1.0}
"""Seconds of a rival at one place, after which it takes part in no further round."""
MOST_OF_SMALL = {"n": 100_000, "k": 16, "d": 16}
"""Where the axes end at the small size."""
ERRATIC = {
    "scikit-learn, minibatch": "it ends when chance has it, so that its next figure cannot be foreseen"
}
"""Who takes part in no sweep, and why."""
STEEPEST = 3.0
"""No work here grows faster than n^3: two figures may lie so by chance."""


@dataclass(frozen=True)
class Sweep:
    """One kind of work along an axis.

    Attributes
    ----------
    title : str
        What is computed.
    axis : str
        What grows: n, k, d or threads.
    values : tuple of int
        The places.
    case : callable
        Makes the case of a place.
    """

    title: str
    axis: str
    values: tuple[int, ...]
    case: Callable[[int], Case]


def powers(base: int, first: int, last: int) -> tuple[int, ...]:
    """List powers of a base."""
    return tuple(base**exponent for exponent in range(first, last + 1))


def rows_of(cells: int) -> int:
    """Give the rows of a map twice as wide as high."""
    return max(4, round(math.sqrt(cells / 2)))


COUNTS = tuple(range(1, ALL + 1))
SWEEPS = [
    Sweep("1-D clusters and labels, k = 6", "n", powers(10, 4, 8), lambda n: labels_case(n, 6)),
    Sweep("vq, 6 codes", "n", powers(10, 4, 8), lambda n: vq_case(n, 1, 6)),
    Sweep("KMeans, d = 3, k = 8", "n", powers(10, 4, 8), lambda n: lloyd_case(n, 3, 8)),
    Sweep("longest distance of n points", "n", powers(10, 2, 7), distance_case),
    Sweep("find_contours, n cells", "n", powers(10, 4, 8), lambda n: contours_case(rows_of(n))),
    Sweep("polygonize, n cells", "n", powers(10, 4, 8), lambda n: regions_case(rows_of(n))),
    Sweep("1-D clusters and labels, n = 1e4", "k", powers(2, 1, 8), partial(labels_case, 10_000)),
    Sweep("KMeans, n = 1e5, d = 3", "k", powers(2, 1, 8), lambda k: lloyd_case(100_000, 3, k)),
    Sweep("KMeans, n = 1e5, k = 8", "d", powers(2, 1, 7), lambda d: lloyd_case(100_000, d, 8)),
    Sweep("1-D clusters and labels, n = 1e7", "threads", COUNTS, lambda _: labels_case(10**7, 6)),
    Sweep("vq, n = 1e7", "threads", COUNTS, lambda _: vq_case(10**7, 1, 6)),
    Sweep("KMeans, n = 1e6, d = 3, k = 8", "threads", COUNTS, lambda _: lloyd_case(10**6, 3, 8)),
    Sweep("find_contours, 1800 x 3600", "threads", COUNTS, lambda _: contours_case(1800)),
]


def run(size: str) -> Found:
    """Go along every axis."""
    return {"sweeps": [swept(sweep, size) for sweep in SWEEPS]}


def swept(sweep: Sweep, size: str) -> dict[str, Any]:
    """Go along one axis; rivals that become too slow stop."""
    if sweep.axis == "threads":
        case = sweep.case(1)
        absent = {*ERRATIC, *(name for name, rival in case.rivals.items() if rival.serial)}
        found = measure(
            case, size, threads=sweep.values, leave_out=absent, allowance=ALLOWANCE[size]
        )
        points = [point(one, one.threads) for one in found]
        return {"title": sweep.title, "axis": sweep.axis, "points": points, "stopped": {}}
    points: list[dict[str, Any]] = []
    stopped: dict[str, int] = {}
    for value in places(sweep, size):
        others = [name for name in rivals_of(points) if name != OURS]
        slow = {name for name in others if expected(points, name, value) > BUDGET[size]}
        stopped.update({name: value for name in slow if name not in stopped})
        case = sweep.case(value)
        chosen = "tiny" if size == "tiny" else "full"
        absent = {*stopped, *ERRATIC}
        for one in measure(case, chosen, leave_out=absent, allowance=ALLOWANCE[size]):
            if one.threads == (1 if case.rivals[one.rival].serial else ALL):
                points.append(point(one, value))
    return {"title": sweep.title, "axis": sweep.axis, "points": points, "stopped": stopped}


def places(sweep: Sweep, size: str) -> tuple[int, ...]:
    """Choose the places that a size goes to."""
    if size == "tiny":
        return sweep.values[:2]
    last = MOST_OF_SMALL[sweep.axis] if size == "small" else max(sweep.values)
    return tuple(value for value in sweep.values if value <= last)


def point(one: Measured, value: int) -> dict[str, Any]:
    """Take down a figure with its place."""
    return {"value": value, **asdict(one)}


def rivals_of(points: Sequence[dict[str, Any]]) -> list[str]:
    """List who was measured, in the order of the first place."""
    return list(dict.fromkeys(one["rival"] for one in points))


def curve(points: Sequence[dict[str, Any]], rival: str) -> tuple[list[int], list[float]]:
    """Give the places of a rival, ascending, and its medians."""
    mine = sorted((one for one in points if one["rival"] == rival), key=lambda one: one["value"])
    return [one["value"] for one in mine], [float(np.median(one["seconds"])) for one in mine]


def expected(points: Sequence[dict[str, Any]], rival: str, value: int) -> float:
    """Expect the seconds at the next place, by the growth so far, and in proportion at least."""
    at, seconds = curve(points, rival)
    power = min(max(1.0, slope(at[-2:], seconds[-2:]) or 0.0), STEEPEST)
    return seconds[-1] * (value / at[-1]) ** power


def slope(at: Sequence[float], seconds: Sequence[float]) -> float | None:
    """Fit a line to the logarithms; one place has no slope."""
    if len(at) < 2:
        return None
    return float(np.polyfit(np.log(at), np.log(seconds), 1)[0])


def upper_slope(at: Sequence[float], seconds: Sequence[float]) -> float | None:
    """Give the slope of the upper half, of two places at least."""
    half = max(2, math.ceil(len(at) / 2))
    return slope(at[-half:], seconds[-half:])


def section(found: Found) -> str:
    """Write a table for every sweep."""
    sweeps = found["sweeps"]
    points = [one for sweep in sweeps if sweep["axis"] != "threads" for one in sweep["points"]]
    alone = sorted({one["rival"] for one in points if one["threads"] == 1})
    intro = (
        f"Everybody has all cores here, but these, who use one: {'; '.join(alone)}. "
        "*Too slow*: the next figure was foreseen to be above the budget."
    )
    tables = (f"{one['title']}, against {one['axis']}:\n\n{table(one)}" for one in sweeps)
    return "\n\n".join([intro, *tables])


def table(sweep: dict[str, Any]) -> str:
    """Give a line for every rival, a column for every place, and the slope or the gain."""
    places = sorted({one["value"] for one in sweep["points"]})
    threads = sweep["axis"] == "threads"
    rows = []
    for rival in rivals_of(sweep["points"]):
        at, seconds = curve(sweep["points"], rival)
        cells = {value: readable(s) for value, s in zip(at, seconds, strict=True)}
        if rival in sweep["stopped"]:
            cells[sweep["stopped"][rival]] = "too slow"
        rate = upper_slope(at, seconds)
        last = (
            times(seconds[0] / seconds[-1]) if threads else ("" if rate is None else f"{rate:.2f}")
        )
        rows.append([rival, *(cells.get(value, "") for value in places), last])
    header = [sweep["axis"], *map(count, places), "gain" if threads else "slope"]
    return markdown(header, rows, len(places) + 1)


def figures(found: Found) -> dict[str, Figure]:
    """Draw the sweeps over n, over k and d, and over threads."""
    groups = {"scaling_n": "n", "scaling_k_d": "kd", "scaling_threads": ("threads",)}
    drawn = {}
    for name, axes in groups.items():
        sweeps = [one for one in found["sweeps"] if one["axis"] in axes]
        if sweeps:
            drawn[name] = figure_of(sweeps)
    return drawn


def figure_of(sweeps: list[dict[str, Any]]) -> Figure:
    """Draw sweeps side by side, three in a row."""
    columns = min(len(sweeps), 3 if len(sweeps) != 4 else 4)
    rows = -(-len(sweeps) // columns)
    threads = sweeps[0]["axis"] == "threads"
    figure, axes = new_figure(rows, columns, width=4.6 if threads else 5.4, height=4.4)
    for panel, sweep in zip(axes.ravel(), sweeps, strict=False):
        (draw_gain if threads else draw_sweep)(panel, sweep)
    for panel in axes.ravel()[len(sweeps) :]:
        panel.set_axis_off()
    return figure


def draw_sweep(panel: Axes, sweep: dict[str, Any]) -> None:
    """Draw seconds against the axis, both logarithmic; the legend has the slopes."""
    for rival in rivals_of(sweep["points"]):
        at, seconds = curve(sweep["points"], rival)
        rate = upper_slope(at, seconds)
        label = rival if rate is None else f"{rival}, {rate:.2f}"
        panel.plot(at, seconds, label=label, markersize=4, **line_of(rival))
    panel.set(xscale="log", yscale="log", xlabel=sweep["axis"], ylabel="seconds")
    panel.set_title(sweep["title"], fontsize=10)
    if sweep["axis"] != "n":
        values = sorted({one["value"] for one in sweep["points"]})
        panel.set_xticks(values, [str(value) for value in values])
        panel.set_xticks([], minor=True)
    legend_below(panel, "slope")
    tidy(panel)


def draw_gain(panel: Axes, sweep: dict[str, Any]) -> None:
    """Draw how many times as quick as on one thread everybody is."""
    values = sorted({one["value"] for one in sweep["points"]})
    panel.plot(values, values, color="0.6", linestyle="--", label="the ideal")
    for rival in rivals_of(sweep["points"]):
        at, seconds = curve(sweep["points"], rival)
        gains = [seconds[0] / s for s in seconds]
        panel.plot(at, gains, label=f"{rival}, {gains[-1]:.2f}", markersize=4, **line_of(rival))
    panel.set(xlabel="threads", ylabel="times as quick as on one")
    panel.set_xticks(values)
    panel.set_title(sweep["title"], fontsize=10)
    legend_below(panel, "gain")
    tidy(panel)


def legend_below(panel: Axes, title: str) -> None:
    """Put the legend where it hides no line."""
    panel.legend(
        title=f"who, {title}",
        loc="upper center",
        bbox_to_anchor=(0.5, -0.14),
        ncols=2,
        fontsize=7.5,
        title_fontsize=7.5,
        frameon=False,
    )


def cases() -> list[Case]:
    """Give a case of each sweep."""
    return [sweep.case(sweep.values[0]) for sweep in SWEEPS]


def absentees() -> dict[str, str]:
    """Name those who take no part, and why."""
    return {**left_out(cases()), **ERRATIC}


PART = Part("Time against n, k, d and threads", run, section, figures, absentees)
