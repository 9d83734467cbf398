"""The words of the page of an archive: what was done and found through time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from fastkm._core.attributes import read_text
from fastkm.cluster.selection.choose_k import TENDENCIES
from fastkm.raster.grid.repeated_columns import drop_repeated_columns
from fastkm.workflows.reports.missing import explain_missing
from fastkm.workflows.reports.words import (
    CRITERIA,
    count_things,
    format_number,
    format_units,
    list_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    import xarray as xr

    from fastkm.workflows.archive_clusters import ArchiveClusters, ScoresOfK

Rows = tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]
"""Headings, and rows, of a table."""

BEGINNINGS = {"birth": "appears", "split": "splits off"}
ENDS = {"death": "disappears", "merge": "joins another"}
"""How tracks begin and end, in words."""


def make_title(result: ArchiveClusters, template: xr.DataArray, steps: Sequence[str]) -> str:
    """Return the heading of the page."""
    names = result.series.variables
    what = read_text(template.attrs, "long_name", names[0]) if len(names) == 1 else ", ".join(names)
    period = " to ".join(dict.fromkeys((steps[0], steps[-1])))
    return f"{what}: {count_things(result.k, 'cluster')}, {period}"


def describe_work(
    result: ArchiveClusters, scores: ScoresOfK | None, counted: float
) -> tuple[str, ...]:
    """Return paragraphs: how steps were clustered, why into so many clusters, and what is missing."""
    steps = result.summary["steps"]
    cells = steps * drop_repeated_columns(result.series.make_template()).size
    texts = [
        _explain_method(result),
        _explain_choice(result, scores),
        explain_missing(cells, cells - round(counted), [_find_rules(result)]),
    ]
    left_out = result.summary["left_out"]
    if left_out:
        what = "1 input or step" if left_out == 1 else f"{left_out:,} inputs or steps"
        texts.append(f"{what} could not be used and {'was' if left_out == 1 else 'were'} left out.")
    return tuple(texts)


def _find_rules(result: ArchiveClusters) -> xr.DataArray:
    """Return an array with the attributes of the first variable as they are stored."""
    made = result.series.make_template()
    stored = result.series.formats[0].stored
    if stored is not None:
        made.attrs, made.encoding = stored.attrs, stored.encoding
    return made


def _explain_method(result: ArchiveClusters) -> str:
    """Return what was clustered with what."""
    steps = count_things(result.summary["steps"], "step")
    several = len(result.series.variables) > 1
    what = "the values of their variables" if several else "their values"
    if result.codebook is None:
        return (
            f"Each of {steps} was clustered by itself: its cells were put into "
            f"{count_things(result.k, 'cluster')} by {what}. So a cluster of one step may stand for other "
            "values than that of another."
        )
    return (
        f"The cells of {steps} were put into {count_things(result.k, 'cluster')} by {what}: a cell "
        "belongs to the cluster whose centroid is nearest. All steps have the same centroids, so a "
        "cluster means the same at all times."
    )


def _explain_choice(result: ArchiveClusters, scores: ScoresOfK | None) -> str:
    """Return why there are so many clusters."""
    if scores is None:
        return "The number of clusters was given, not found. No rule knows what clusters are for."
    tendency = TENDENCIES[scores.criterion]
    return (
        f"{result.k} clusters were chosen among {list_numbers(sorted(scores.scores))} by "
        f"{CRITERIA[scores.criterion]}. Look at the scores of all: {tendency}."
    )


def name_clusters(result: ArchiveClusters) -> tuple[str, ...]:
    """Return the centroid of each cluster with its units; its place if each step has centroids of its own."""
    if result.codebook is None:
        ends = {0: "the lowest", result.k - 1: "the highest"}
        return tuple(ends.get(j, f"number {j}") for j in range(result.k))
    units = [format_units(unit) for unit in result.series.units]
    names = []
    for row in result.codebook.centroids.reshape(result.k, -1):
        pairs = zip(row[:4], units, strict=False)
        names.append(", ".join(f"{format_number(x)} {unit}".strip() for x, unit in pairs))
    return tuple(name + (" …" if len(units) > 4 else "") for name in names)


def tabulate_clusters(result: ArchiveClusters) -> Rows:
    """Return the table of clusters: centroids and breaks, and means over all steps."""
    units = [format_units(unit) for unit in result.series.units]
    table: dict[str, Sequence[str]] = {}
    if result.codebook is not None:
        for number, (name, column) in enumerate(result.codebook.tabulate().items()):
            unit = units[number] if number < len(units) else ""
            heading = f"{name.replace('_', ' ')} {unit}".strip()
            table[heading] = ["" if x == "" else format_number(float(x)) for x in column]
    clusters = result.summary["clusters"]
    table["cells a step"] = [_format_size(one["mean_cells"]) for one in clusters]
    if all(one["mean_area_km2"] is not None for one in clusters):
        table["area a step km²"] = [_format_size(one["mean_area_km2"]) for one in clusters]
    if any(one["outlines"] is not None for one in clusters):
        table["outlines"] = [
            "" if one["outlines"] is None else f"{one['outlines']:,}" for one in clusters
        ]
    numbers = [str(j) for j in range(result.k)]
    return ("cluster", *table), tuple(zip(numbers, *table.values(), strict=True))


def _format_size(size: float) -> str:
    """Return a number of cells or square kilometres, with decimals if it is small.

    Examples
    --------
    >>> _format_size(68971181.9), _format_size(0.03124)
    ('68,971,182', '0.03124')
    """
    return f"{size:,.0f}" if size >= 100 or size == int(size) else f"{size:.4g}"


def describe_sizes(
    result: ArchiveClusters, steps: Sequence[str], sizes: np.ndarray, unit: str
) -> tuple[str, ...]:
    """Return paragraphs: when the highest cluster was largest and smallest, and what is proven."""
    own = sizes[:, -1]
    high, low = int(np.argmax(own)), int(np.argmin(own))
    text = (
        f"The highest cluster, {result.k - 1} ({name_clusters(result)[-1]}), has {_format_size(own.mean())} {unit} "
        f"on average over {count_things(len(steps), 'step')}"
    )
    if own[high] > own[low]:
        text += (
            f": most at {steps[high]}, {_format_size(own[high])} {unit}, and least at "
            f"{steps[low]}, {_format_size(own[low])} {unit}"
        )
    return (f"{text}.", _explain_proof(result))


def _explain_proof(result: ArchiveClusters) -> str:
    """Return what is proven of the clusters."""
    if result.codebook is None:
        return (
            "The clusters of each step are proven optimal: no other way to put its values into so many "
            "clusters has a lower sum of squared distances to their means."
        )
    if not result.codebook.proven_optimal:
        return "Another start might find clusters that lie nearer to the values: nothing is proven."
    return (
        "The centroids are proven optimal for the data that they were found in: no other way to put "
        f"its values into {count_things(result.k, 'cluster')} has a lower sum of squared distances to "
        "their means. The result does not depend on a start or on chance."
    )


def describe_steps(count: int, mapped: int) -> tuple[str, ...]:
    """Return what readers have to know of steps without maps."""
    if mapped == count:
        return ()
    text = (
        f"The curves show all {count:,} steps. To keep the page small, it holds the maps of {mapped:,} "
        "evenly spaced steps; between two of them the map stays that of the one before."
    )
    return (text,)


def describe_thinning(step: int, maps: int) -> str:
    """Return that cells were left out so that many maps fit into a page."""
    return (
        f"So that {maps:,} maps fit into the page, it shows only one in {step} of the rows and "
        "columns that a screen has room for. Areas in curves and tables are those of all cells."
    )


def tabulate_tracks(summary: pd.DataFrame, steps: Sequence[str], *, by_area: bool) -> Rows:
    """Return the table of tracks: their lives, largest extent, and paths."""
    size = "largest_km2" if by_area else "largest_cells"
    headings = ("track", "first", "last", "steps", "begins", "ends",
                "largest area km²" if by_area else "largest cells", "path km")  # fmt: skip
    rows = []
    for one in summary.to_dict("records"):
        path = one["path_km"]
        rows.append(
            (
                str(one["track"]), steps[one["first_step"]], steps[one["last_step"]],
                f"{one['steps']:,}", BEGINNINGS[one["origin"]], ENDS[one["end"]],
                _format_size(one[size]), _format_size(path) if math.isfinite(path) else "",
            )
        )  # fmt: skip
    return headings, tuple(rows)


def describe_tracks(count: int, listed: int) -> tuple[str, ...]:
    """Return what readers have to know of tracks that are not listed, and of what is drawn."""
    drawn = (
        "The map shows where the centre of each region has been up to the step that is shown, with a dot "
        "for where it is."
    )
    if listed == count:
        return (drawn,)
    return (drawn, f"These are the {listed:,} tracks with the largest regions, of {count:,}.")
