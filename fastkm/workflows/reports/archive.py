"""What the page of an archive shows: one label map at a time, curves of areas, and tracks.

Label maps are read from their files one after another, thinned and packed; no more than one block of
them is in memory. There are at most `MOST_MAPS`, of evenly spaced steps. If these have more than `MOST_CELLS` cells,
or would take more than about `MOST_BYTES`, judged by the first, rows and columns are left out. Areas are
those of all steps and all cells.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._version import __version__
from fastkm.html_report.contents import (
    MOST_ROWS,
    Clustering,
    Contents,
    Scores,
    Table,
    Timeline,
    Tracks,
)
from fastkm.raster.grid.projection import WGS84
from fastkm.workflows.archive.figures import as_times
from fastkm.workflows.archive_clusters import TrackTables
from fastkm.workflows.reports import archive_words as words
from fastkm.workflows.reports.sheet import Sheet, make_sheet
from fastkm.workflows.reports.words import CRITERIA

if TYPE_CHECKING:
    import pandas as pd

    from fastkm.vector.tracking.track import Tracks as FoundTracks
    from fastkm.workflows.archive_clusters import ArchiveClusters

MOST_MAPS = 240
"""Label maps of a page: twenty years of months."""

MOST_CELLS = 1 << 25
"""Cells of all label maps of a page, 120 maps of 360 x 720: to compress so many takes seconds."""

MOST_BYTES = 3 << 20
"""Of all label maps, compressed: 120 maps of the sample, 2^23 cells, take 0.33 MB, noise ten times as much."""


@dataclass(frozen=True, eq=False)
class Steps:
    """The steps of an archive that have label maps, and how large clusters are at each.

    Attributes
    ----------
    names : tuple of str
        The times as readers see them.
    times : array
        The same as dates, or as decimal years.
    cells, areas : (steps, k) float arrays
        Cells and km2 of each cluster; `areas` is None if they are not known.
    """

    names: tuple[str, ...]
    times: np.ndarray
    cells: np.ndarray
    areas: np.ndarray | None

    @property
    def sizes(self) -> np.ndarray:
        """The areas, or the cells if areas are not known."""
        return self.cells if self.areas is None else self.areas


@dataclass(frozen=True, eq=False)
class StepMaps:
    """The labels of some steps on the grid of a page; each loop reads them again, one by one."""

    result: ArchiveClusters
    numbers: np.ndarray
    sheet: Sheet

    def __iter__(self) -> Iterator[np.ndarray]:
        template = self.result.series.make_template()
        for labels in self.result.results.read_maps(self.numbers):
            yield self.sheet.pick(template.copy(data=labels), -1)


def describe_archive(
    result: ArchiveClusters, *, tracks: FoundTracks | None = None, title: str | None = None
) -> Contents:
    """Gather what the page of an archive shows.

    Parameters
    ----------
    result : ArchiveClusters
        The clusters.
    tracks : Tracks, optional
        Regions that were followed through its label maps; by default those in its folder.
    title : str, optional
        The heading of the page.

    Returns
    -------
    Contents
        Its timeline reads the label maps when it is iterated over.
    """
    template = result.series.make_template()
    steps = _read_steps(result)
    mapped = choose_mapped(len(steps.names))
    sheet = make_sheet(template)
    [first] = StepMaps(result, mapped[:1], sheet)
    thinned = _thin(sheet, first, len(mapped))
    if thinned is not sheet:
        sheet = thinned
        [first] = StepMaps(result, mapped[:1], sheet)
    tables = (
        result.results.read_tracks()
        if tracks is None
        else TrackTables(tracks.tracks, tracks.summary)
    )
    scores = result.results.read_scores()
    sizes, unit = _scale_sizes(steps)
    return Contents(
        title=title or words.make_title(result, template, steps.names),
        done=words.describe_work(result, scores, float(steps.cells.sum())),
        grid=sheet.make_grid(),
        clusterings=(_describe_clusters(result, steps, first),),
        facts=_list_facts(result, steps),
        scores=None if scores is None else Scores(scores.scores, result.k, CRITERIA[scores.criterion]),
        timeline=Timeline(
            steps.names, mapped, StepMaps(result, mapped, sheet), steps.times, sizes, unit,
            words.describe_steps(len(steps.names), len(mapped)),
        ),
        tracks=None if tables is None else gather_tracks(tables, sheet, steps.names),
    )  # fmt: skip


def choose_mapped(count: int) -> np.ndarray:
    """Choose the steps that have maps: all, or evenly spaced ones from the first to the last.

    Examples
    --------
    >>> choose_mapped(3), len(choose_mapped(5000)), choose_mapped(5000)[[0, 1, -1]]
    (array([0, 1, 2]), 240, array([   0,   21, 4999]))
    """
    return np.unique(np.linspace(0, count - 1, min(count, MOST_MAPS)).round().astype(np.int64))


def _thin(sheet: Sheet, first: np.ndarray, maps: int) -> Sheet:
    """Return a sheet with so few cells that so many maps of it, of which this is the first, fit into a page."""
    size = len(zlib.compress(first.tobytes()))
    step = math.ceil(math.sqrt(maps * max(first.size / MOST_CELLS, size / MOST_BYTES)))
    if step <= 1:
        return sheet
    cut = [
        slice(min((step - 1) // 2, len(axis.centres) - 1), None, step)
        for axis in (sheet.y, sheet.x)
    ]
    return replace(
        sheet,
        y=replace(sheet.y, centres=sheet.y.centres[cut[0]]),
        x=replace(sheet.x, centres=sheet.x.centres[cut[1]]),
        rows=sheet.rows[cut[0], cut[1] if sheet.rows.shape[1] > 1 else slice(None)],
        columns=sheet.columns[cut[0] if sheet.columns.shape[0] > 1 else slice(None), cut[1]],
        notes=(*sheet.notes, words.describe_thinning(step, maps)),
    )


def _read_steps(result: ArchiveClusters) -> Steps:
    """Read how large each cluster is at each step."""
    table = result.results.read_areas()
    names = tuple(dict.fromkeys(table["time"]))
    cells, areas = (
        table[column].to_numpy(float).reshape(len(names), result.k)
        for column in ("cells", "area_km2")
    )
    times = as_times(names, result.series.calendar)
    return Steps(names, times, cells, areas if np.isfinite(areas).all() else None)


def _scale_sizes(steps: Steps) -> tuple[np.ndarray, str]:
    """Return sizes in the unit of the axis, and the label of the axis."""
    from fastkm.plot.archive.time_series import scale_areas

    return scale_areas(steps.sizes, "cells" if steps.areas is None else "km2")


def _describe_clusters(result: ArchiveClusters, steps: Steps, labels: np.ndarray) -> Clustering:
    """Return the clusters, with the labels of the first step."""
    from matplotlib.colors import to_hex

    from fastkm.plot import class_colours, cluster_colormap

    several = len(result.series.variables) > 1
    colours = (
        class_colours(result.k)
        if several
        else [cluster_colormap(result.k)(j) for j in range(result.k)]
    )
    return Clustering(
        labels,
        tuple(map(to_hex, colours)),
        words.name_clusters(result),
        Table(*words.tabulate_clusters(result)),
        words.describe_sizes(
            result, steps.names, steps.sizes, "cells" if steps.areas is None else "km²"
        ),
    )


def _list_facts(result: ArchiveClusters, steps: Steps) -> tuple[tuple[str, str], ...]:
    """Return what is what."""
    rows, columns = result.series.shape
    return (
        ("Variable", ", ".join(result.series.variables)),
        ("Steps", f"{len(steps.names):,}, {steps.names[0]} to {steps.names[-1]}"),
        ("Inputs", f"{len(result.series.inputs):,}"),
        ("Cells of a step", f"{rows:,} × {columns:,}"),
        ("Written by", f"fastkm {__version__}"),
    )


def gather_tracks(tables: TrackTables, sheet: Sheet, names: tuple[str, ...]) -> Tracks | None:
    """Return the largest tracks: their centres on the map, and a table of their lives; None if none."""
    summary = tables.summary
    if not len(summary):
        return None
    by_area = summary["largest_km2"].notna().all()
    size = summary["largest_km2" if by_area else "largest_cells"]
    listed = summary.loc[size.sort_values(ascending=False, kind="stable").index[:MOST_ROWS]]
    places = dict(list(tables.tracks.groupby("track", sort=False)))
    move = make_mover(sheet)
    lines, steps = [], []
    for track in listed["track"]:
        own: pd.DataFrame = places[track]
        line, at = cut_at_seam(move(own), own["step"].to_numpy(), sheet)
        lines.append(line)
        steps.append(at)
    table = Table(*words.tabulate_tracks(listed, names, by_area=bool(by_area)))
    return Tracks(
        tuple(lines), tuple(steps), table, words.describe_tracks(len(summary), len(listed))
    )


def make_mover(sheet: Sheet) -> Any:
    """Return a function from rows of the table of tracks to the coordinates of the map."""
    west = sheet.x.ends[0]

    def move(rows: pd.DataFrame) -> np.ndarray:
        if "longitude" not in rows:
            return rows[["x", "y"]].to_numpy(float)
        longitude, latitude = rows[["longitude", "latitude"]].to_numpy(float).T
        if sheet.x.degrees is not None:
            return np.column_stack([west + (longitude - west) % 360, latitude])
        from pyproj import Transformer

        to_plane = Transformer.from_crs(WGS84, sheet.crs, always_xy=True)
        return np.column_stack(to_plane.transform(longitude, latitude))

    return move


def cut_at_seam(line: np.ndarray, steps: np.ndarray, sheet: Sheet) -> tuple[np.ndarray, np.ndarray]:
    """Interrupt a line by NaN where it crosses the end of longitudes, with the step of what follows."""
    if sheet.x.degrees is None:
        return line, steps
    jumps = np.flatnonzero(np.abs(np.diff(line[:, 0])) > 180) + 1
    return np.insert(line, jumps, np.nan, axis=0), np.insert(steps, jumps, steps[jumps])
