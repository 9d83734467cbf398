"""The seconds of each step of the lesson, as the lesson does it and as fastkm does it.

The raster is a month of the sample's archive, with the lesson's names and fill values, at 1, 0.25 and 0.1
degree. The lesson's way is `scipy.cluster.vq.kmeans` for k = 2 ... 8 of all cells, fill values and all,
``vq``, `skimage.measure.find_contours`, the greatest of all distances that ``cdist`` gives, polygons point by
point, geopandas, matplotlib. fastkm's way is that of ``scripts/tpw_workflow.py``. Both read the same file and leave the
same files. The last map, on coastlines, is left out of both, since the lesson's library for it is gone.

Each run is a process of its own, `bench.lesson_steps`.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.lesson_steps import RESTARTS
from bench.part import Found, Part
from bench.style import new_figure
from bench.table import format_percent, format_ratio, format_seconds, format_table
from bench.threads import ALL, limit_threads
from fastkm.datasets import sample_dataset, write_sample_archive
from scripts.tpw_workflow import LESSON_K, LESSON_MIN_DIAMETER

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STEPS = ("read", "cluster", "label", "threshold", "trace", "measure", "write", "draw")
COMPUTED = ("cluster", "label", "threshold", "trace", "measure")
"""The steps that compute; the others are files and figures."""
COARSE = 4.0
RESOLUTIONS = {"tiny": (COARSE,), "small": (1.0,), "full": (1.0, 0.25, 0.1)}
ROUNDS = {"tiny": 1, "small": 3, "full": 3}
FEW, FEW_BELOW = 2, 0.5
"""`FEW` restarts of scipy's are run if cells are smaller than `FEW_BELOW` degrees: all would take half an
hour at 0.1 degree."""
ENOUGH = 20.0
"""Seconds of one run of the lesson above which there is no further round."""
WAYS = ("the lesson", "fastkm, 1 thread", "fastkm")


def write_month(folder: Path, resolution: float) -> Path:
    """Write the raster; above one degree it is the sample, thinned."""
    if resolution <= 1:
        return write_sample_archive(folder, months=1, resolution=resolution)[0]
    every = slice(None, None, int(resolution))
    folder.mkdir(exist_ok=True)
    path = folder / "coarse.nc"
    sample_dataset().isel(latitude=every, longitude=every).to_netcdf(path)
    return path


def run_in_own_process(who: str, file: Path, warm: Path, restarts: int) -> dict[str, Any]:
    """Run one way in a process of its own."""
    command = [sys.executable, "-m", "bench.lesson_steps", who, str(file), str(warm), str(restarts)]
    with limit_threads(1 if who.endswith("1 thread") else ALL):
        ran = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(ran.stdout.splitlines()[-1])


def run_resolution(resolution: float, rounds: int) -> dict[str, Any]:
    """Run all ways in turn."""
    runs: dict[str, list[dict[str, Any]]] = {who: [] for who in WAYS}
    restarts = RESTARTS if resolution >= FEW_BELOW else FEW
    with tempfile.TemporaryDirectory() as folder:
        file = write_month(Path(folder, "month"), resolution)
        warm = write_month(Path(folder, "warm"), max(resolution, 1.0))
        for _ in range(rounds):
            for who in WAYS:
                runs[who].append(run_in_own_process(who, file, warm, restarts))
            if sum(runs["the lesson"][0]["seconds"].values()) > ENOUGH:
                break
    return {
        "resolution": resolution,
        "rounds": len(runs["fastkm"]),
        "restarts": restarts,
        "ways": {who: take_medians(some) for who, some in runs.items()},
    }


def take_medians(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the medians of the seconds, with all else from the last run."""
    medians = {step: statistics.median(run["seconds"][step] for run in runs) for step in STEPS}
    return {**runs[-1], "seconds": medians}


def run(size: str) -> Found:
    """Run all resolutions."""
    return {"resolutions": [run_resolution(r, ROUNDS[size]) for r in RESOLUTIONS[size]]}


def section(found: Found) -> str:
    """Write a table for each resolution."""
    return "\n\n".join(text for one in found["resolutions"] for text in write_paragraphs(one))


def write_paragraphs(one: dict[str, Any]) -> Iterator[str]:
    """Write the table of steps at one resolution, and notes on the results."""
    ways = one["ways"]
    lesson, ours = ways["the lesson"], ways["fastkm"]
    totals = {who: sum(way["seconds"].values()) for who, way in ways.items()}
    rows = [[step, *(write_cell(way, step) for way in ways.values())] for step in STEPS]
    rows.append(["**all**", *(format_seconds(total) for total in totals.values())])
    ratios = {who: totals["the lesson"] / total for who, total in totals.items()}
    rows.append(["times as quick", *(format_ratio(ratio) for ratio in ratios.values())])
    computed = {who: sum(way["seconds"][step] for step in COMPUTED) for who, way in ways.items()}
    gains = [format_ratio(computed["the lesson"] / computed[who]) for who in ways]
    rows.append([f"the same of {', '.join(COMPUTED)}", *gains])
    rows.append(["peak memory", *(f"{way['peak'] / 1e6:,.0f} MB" for way in ways.values())])
    yield f"At {one['resolution']:g} degree (runs of each: {one['rounds']}):"
    yield format_table(["step", *ways], rows, len(ways))
    above = lesson["inertia"] / ours["inertia"] - 1
    yield (
        f"Inertia of {LESSON_K} clusters: the lesson's is {format_percent(above)} above fastkm's. Contours longer "
        f"than {LESSON_MIN_DIAMETER:g} pixels: {lesson['kept']}, the longest {lesson['longest']:.1f} "
        f"across; fastkm's: {ours['kept']}, {ours['longest']:.1f}."
    )
    if one["restarts"] < RESTARTS:
        yield (
            f"Of the {RESTARTS} restarts that scipy makes for each k, {one['restarts']} were run here; "
            "the seconds of *cluster* are multiplied accordingly."
        )
    for step, why in lesson["failed"].items():
        yield f"The lesson fails at *{step}*: {why}. What follows goes on with fastkm's result."


def write_cell(way: dict[str, Any], step: str) -> str:
    """Write the seconds of a step, or that it failed."""
    return "out of memory" if step in way["failed"] else format_seconds(way["seconds"][step])


COLOURS = {
    "read": "#9e9e9e", "cluster": "#c1272d", "label": "#e8833a", "threshold": "#f2c14e",
    "trace": "#3b8f4f", "measure": "#2ca6c4", "write": "#1f4e79", "draw": "#b9a7d0",
}  # fmt: skip


def figures(found: Found) -> dict[str, Figure]:
    """Draw where the time goes, in seconds: a panel for each resolution, as wide as the lesson's time."""
    resolutions = found["resolutions"]
    figure, axes = new_figure(len(resolutions), 1, width=9.5, height=1.6)
    for one, panel in zip(resolutions, axes[:, 0], strict=True):
        totals = {who: sum(one["ways"][who]["seconds"].values()) for who in DRAWN}
        longest = max(totals.values())
        for place, who in enumerate(DRAWN):
            draw_bar(panel, place, one["ways"][who]["seconds"], longest)
            end = write_end(one, who, totals[who])
            panel.text(
                totals[who] + 0.01 * longest, place, end, va="center", fontsize=9, weight="bold"
            )
        panel.set_yticks(range(len(DRAWN)), DRAWN)
        panel.set(xlim=(0, 1.3 * longest), title=f"{one['resolution']:g}° cells")
        panel.set_xlabel("seconds" if one is resolutions[-1] else "")
        panel.invert_yaxis()
        panel.spines[["top", "right"]].set_visible(False)
    handles = [make_patch(COLOURS[step]) for step in STEPS]
    figure.legend(handles, STEPS, loc="outside upper center", ncols=len(STEPS), frameon=False)
    return {"lesson_steps": figure}


def draw_bar(panel: Any, place: int, seconds: dict[str, float], longest: float) -> None:
    """Draw the steps of one way in a row; those that are long enough are named."""
    left = 0.0
    for step in STEPS:
        panel.barh(place, seconds[step], left=left, color=COLOURS[step], height=0.82)
        if seconds[step] > SHOWN * longest:
            name = f"{step}\n{format_seconds(seconds[step])}"
            panel.text(left + seconds[step] / 2, place, name, ha="center", va="center", fontsize=7.5,
                       color="white" if step in DARK else "black")  # fmt: skip
        left += seconds[step]


DRAWN = ("the lesson", "fastkm")
DARK = ("cluster", "write", "trace")
SHOWN = 0.055
"""A step has its name written in it if it takes at least this share of the longest bar."""


def write_end(one: dict[str, Any], who: str, total: float) -> str:
    """Write the total at the end of a bar, and for fastkm the ratio."""
    if who == "the lesson":
        few = ", extrapolated" if one["restarts"] < RESTARTS else ""
        return (
            format_seconds(total) + few + (", out of memory" if one["ways"][who]["failed"] else "")
        )
    lesson, ours = (one["ways"][way]["seconds"] for way in ("the lesson", "fastkm"))
    computing = sum(lesson[step] for step in COMPUTED) / sum(ours[step] for step in COMPUTED)
    gain = format_ratio(sum(lesson.values()) / total)
    return f"{format_seconds(total)}: {gain} times as quick\n(computing alone: {format_ratio(computing)} times)"


def make_patch(colour: str) -> Any:
    """Return the patch of colour that the legend shows for a step."""
    from matplotlib.patches import Patch

    return Patch(color=colour)


PART = Part("The lesson, step by step", run, section, figures)
