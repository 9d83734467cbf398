"""Time against n, k, d and threads, with every rival.

Each sweep is one kind of work at several places of an axis; everything else stays. A rival stops when
its next time, predicted from the growth between its last two, would be above the budget; the table says
where. The slope is that of a straight line through the logarithms of the upper half of a rival's times:
1 means that twice the data take twice the time, 2 that they take four times as long.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.case import OURS, Case, list_left_out, replace_size
from bench.cases.estimators import lloyd_case
from bench.cases.exact import labels_case
from bench.cases.outlines import contours_case, distance_case, regions_case
from bench.cases.vq import vq_case
from bench.part import Found, Part
from bench.style import choose_line, new_figure, tidy
from bench.table import format_count, format_ratio, format_seconds, format_table
from bench.threads import ALL
from bench.timing import Measurement, measure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BUDGET = {"tiny": 1.0, "small": 1.0, "full": 5.0}
"""Seconds that a rival's next run may take."""
ALLOWANCE = {"tiny": 0.0, "small": 0.3, "full": 1.0}
"""Seconds of a rival at one place after which it takes part in no further round."""
MOST_OF_SMALL = {"n": 100_000, "k": 16, "d": 16}
"""Where the axes end at the small size."""
ERRATIC = {
    "scikit-learn, minibatch": "it ends when chance has it, so that its next figure cannot be foreseen"
}
"""Rivals that take part in no sweep, and why."""
STEEPEST = 3.0
"""Steepest growth to predict: no work here grows faster than n^3, but two times may seem to."""


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


def list_powers(base: int, first: int, last: int) -> tuple[int, ...]:
    """List powers of a base."""
    return tuple(base**exponent for exponent in range(first, last + 1))


def count_rows(cells: int) -> int:
    """Return the rows of a map twice as wide as high."""
    return max(4, round(math.sqrt(cells / 2)))


COUNTS = tuple(range(1, ALL + 1))
SWEEPS = [
    Sweep(
        "1-D clusters and labels, k = 6", "n", list_powers(10, 4, 8), lambda n: labels_case(n, 6)
    ),
    Sweep("vq, 6 codes", "n", list_powers(10, 4, 8), lambda n: vq_case(n, 1, 6)),
    Sweep("KMeans, d = 3, k = 8", "n", list_powers(10, 4, 8), lambda n: lloyd_case(n, 3, 8)),
    Sweep("longest distance of n points", "n", list_powers(10, 2, 7), distance_case),
    Sweep(
        "find_contours, n cells", "n", list_powers(10, 4, 8), lambda n: contours_case(count_rows(n))
    ),
    Sweep("polygonize, n cells", "n", list_powers(10, 4, 8), lambda n: regions_case(count_rows(n))),
    Sweep(
        "1-D clusters and labels, n = 1e4", "k", list_powers(2, 1, 8), partial(labels_case, 10_000)
    ),
    Sweep("KMeans, n = 1e5, d = 3", "k", list_powers(2, 1, 8), lambda k: lloyd_case(100_000, 3, k)),
    Sweep("KMeans, n = 1e5, k = 8", "d", list_powers(2, 1, 7), lambda d: lloyd_case(100_000, d, 8)),
    Sweep("1-D clusters and labels, n = 1e7", "threads", COUNTS, lambda _: labels_case(10**7, 6)),
    Sweep("vq, n = 1e7", "threads", COUNTS, lambda _: vq_case(10**7, 1, 6)),
    Sweep("KMeans, n = 1e6, d = 3, k = 8", "threads", COUNTS, lambda _: lloyd_case(10**6, 3, 8)),
    Sweep("find_contours, 1800 x 3600", "threads", COUNTS, lambda _: contours_case(1800)),
]


def run(size: str) -> Found:
    """Run all sweeps."""
    return {"sweeps": [run_sweep(sweep, size) for sweep in SWEEPS]}


def run_sweep(sweep: Sweep, size: str) -> dict[str, Any]:
    """Run a sweep along its axis; rivals that become too slow stop."""
    if sweep.axis == "threads":
        case = sweep.case(1)
        absent = {*ERRATIC, *(name for name, rival in case.rivals.items() if rival.serial)}
        found = measure(
            case, size, threads=sweep.values, leave_out=absent, allowance=ALLOWANCE[size]
        )
        points = [make_point(one, one.threads) for one in found]
        title = replace_size(sweep.title, case.sizes["full"], case.sizes[size])
        return {"title": title, "axis": sweep.axis, "points": points, "stopped": {}}
    points: list[dict[str, Any]] = []
    stopped: dict[str, int] = {}
    for value in choose_places(sweep, size):
        others = [name for name in list_rivals(points) if name != OURS]
        slow = {name for name in others if predict_seconds(points, name, value) > BUDGET[size]}
        stopped.update({name: value for name in slow if name not in stopped})
        case = sweep.case(value)
        chosen = "tiny" if size == "tiny" else "full"
        absent = {*stopped, *ERRATIC}
        for one in measure(case, chosen, leave_out=absent, allowance=ALLOWANCE[size]):
            if one.threads == (1 if case.rivals[one.rival].serial else ALL):
                points.append(make_point(one, value))
    return {"title": sweep.title, "axis": sweep.axis, "points": points, "stopped": stopped}


def choose_places(sweep: Sweep, size: str) -> tuple[int, ...]:
    """Return the places of a sweep at a size."""
    if size == "tiny":
        return sweep.values[:2]
    last = MOST_OF_SMALL[sweep.axis] if size == "small" else max(sweep.values)
    return tuple(value for value in sweep.values if value <= last)


def make_point(one: Measurement, value: int) -> dict[str, Any]:
    """Return a measurement with its place."""
    return {"value": value, **asdict(one)}


def list_rivals(points: Sequence[dict[str, Any]]) -> list[str]:
    """Return the rivals that were measured, in the order of the first place."""
    return list(dict.fromkeys(one["rival"] for one in points))


def extract_curve(points: Sequence[dict[str, Any]], rival: str) -> tuple[list[int], list[float]]:
    """Return the places of a rival, ascending, and its medians."""
    mine = sorted((one for one in points if one["rival"] == rival), key=lambda one: one["value"])
    return [one["value"] for one in mine], [float(np.median(one["seconds"])) for one in mine]


def predict_seconds(points: Sequence[dict[str, Any]], rival: str, value: int) -> float:
    """Predict the seconds at the next place from the growth so far, at least in proportion."""
    at, seconds = extract_curve(points, rival)
    power = min(max(1.0, fit_slope(at[-2:], seconds[-2:]) or 0.0), STEEPEST)
    return seconds[-1] * (value / at[-1]) ** power


def fit_slope(at: Sequence[float], seconds: Sequence[float]) -> float | None:
    """Fit a line to the logarithms; return its slope, or None if there is one place only."""
    if len(at) < 2:
        return None
    return float(np.polyfit(np.log(at), np.log(seconds), 1)[0])


def fit_upper_slope(at: Sequence[float], seconds: Sequence[float]) -> float | None:
    """Return the slope of the upper half of the places, at least two."""
    half = max(2, math.ceil(len(at) / 2))
    return fit_slope(at[-half:], seconds[-half:])


def section(found: Found) -> str:
    """Write a table for every sweep."""
    sweeps = found["sweeps"]
    points = [one for sweep in sweeps if sweep["axis"] != "threads" for one in sweep["points"]]
    alone = sorted({one["rival"] for one in points if one["threads"] == 1})
    intro = (
        f"Everybody has all cores here, but these, who use one: {'; '.join(alone)}. "
        "*Too slow*: the next figure was foreseen to be above the budget."
    )
    tables = (f"{one['title']}, against {one['axis']}:\n\n{write_table(one)}" for one in sweeps)
    return "\n\n".join([intro, *tables])


def write_table(sweep: dict[str, Any]) -> str:
    """Write a line for each rival: its time at each place, and the slope or the gain."""
    values = sorted({one["value"] for one in sweep["points"]})
    threads = sweep["axis"] == "threads"
    rows = []
    for rival in list_rivals(sweep["points"]):
        at, seconds = extract_curve(sweep["points"], rival)
        cells = {value: format_seconds(s) for value, s in zip(at, seconds, strict=True)}
        if rival in sweep["stopped"]:
            cells[sweep["stopped"][rival]] = "too slow"
        rate = fit_upper_slope(at, seconds)
        last = (
            format_ratio(seconds[0] / seconds[-1])
            if threads
            else ("" if rate is None else f"{rate:.2f}")
        )
        rows.append([rival, *(cells.get(value, "") for value in values), last])
    header = [sweep["axis"], *map(format_count, values), "gain" if threads else "slope"]
    return format_table(header, rows, len(values) + 1)


def figures(found: Found) -> dict[str, Figure]:
    """Draw the sweeps over n, over k and d, and over threads."""
    groups = {"scaling_n": "n", "scaling_k_d": "kd", "scaling_threads": ("threads",)}
    drawn = {}
    for name, axes in groups.items():
        sweeps = [one for one in found["sweeps"] if one["axis"] in axes]
        if sweeps:
            drawn[name] = draw_sweeps(sweeps)
    return drawn


def draw_sweeps(sweeps: list[dict[str, Any]]) -> Figure:
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
    for rival in list_rivals(sweep["points"]):
        at, seconds = extract_curve(sweep["points"], rival)
        rate = fit_upper_slope(at, seconds)
        label = rival if rate is None else f"{rival}, {rate:.2f}"
        panel.plot(at, seconds, label=label, markersize=4, **choose_line(rival))
    panel.set(xscale="log", yscale="log", xlabel=sweep["axis"], ylabel="seconds")
    panel.set_title(sweep["title"], fontsize=10)
    if sweep["axis"] != "n":
        values = sorted({one["value"] for one in sweep["points"]})
        panel.set_xticks(values, [str(value) for value in values])
        panel.set_xticks([], minor=True)
    put_legend_below(panel, "slope")
    tidy(panel)


def draw_gain(panel: Axes, sweep: dict[str, Any]) -> None:
    """Draw how many times as quick as on one thread each rival is."""
    values = sorted({one["value"] for one in sweep["points"]})
    panel.plot(values, values, color="0.6", linestyle="--", label="the ideal")
    for rival in list_rivals(sweep["points"]):
        at, seconds = extract_curve(sweep["points"], rival)
        gains = [seconds[0] / s for s in seconds]
        panel.plot(at, gains, label=f"{rival}, {gains[-1]:.2f}", markersize=4, **choose_line(rival))
    panel.set(xlabel="threads", ylabel="times as quick as on one")
    panel.set_xticks(values)
    panel.set_title(sweep["title"], fontsize=10)
    put_legend_below(panel, "gain")
    tidy(panel)


def put_legend_below(panel: Axes, title: str) -> None:
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


def make_cases() -> list[Case]:
    """Return the first case of each sweep."""
    return [sweep.case(sweep.values[0]) for sweep in SWEEPS]


def list_absentees() -> dict[str, str]:
    """Return the rivals that take no part, and why."""
    return {**list_left_out(make_cases()), **ERRATIC}


PART = Part("Time against n, k, d and threads", run, section, figures, list_absentees)
