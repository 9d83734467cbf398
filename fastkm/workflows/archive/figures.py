"""The figures of an archive: areas through time, and where and when the highest cluster is."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fastkm.workflows.job import FileWriter

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

    from fastkm.raster.change.transitions import Transitions
    from fastkm.raster.multifile.series import RasterSeries
    from fastkm.workflows.archive.checkpoint import RunFolder
    from fastkm.workflows.archive.step_tasks import Row

COLUMNS = 2000
"""Columns of the Hovmoller diagram, at most: if there are more steps, several share a column."""


def compute_frequency(archive: RasterSeries, counts: np.ndarray) -> xr.DataArray:
    """Compute for each cell in what share of its steps, without missing ones, it is highest."""
    with np.errstate(invalid="ignore"):
        share = archive.make_template().copy(data=counts[0] / counts[1])
    share.name, share.attrs = "frequency", {}
    return share


def draw_figures(
    folder: RunFolder,
    archive: RasterSeries,
    rows: Sequence[Row],
    row_counts: np.ndarray,
    cell_counts: np.ndarray,
    transitions: Sequence[Transitions],
    *,
    k: int,
    highest: str,
    centroids: Sequence[float] | None,
) -> list[Path]:
    """Draw the figures of a run and return their files.

    `rows` and `row_counts` are from `read_tables` and `read_row_counts`, `cell_counts` and
    `transitions` from `count_labels`. `highest` describes the highest cluster in words.
    `centroids` are None if steps have their own, or if there are several variables.
    """
    from fastkm import plot

    # areas (or cells, if areas are not known) by step and cluster, and shares by column and row
    texts = list(dict.fromkeys(row["time"] for row in rows))
    times = as_times(texts, archive.calendar)
    known = all(row["area_km2"] is not None for row in rows)
    column = "area_km2" if known else "cells"
    areas = np.array([row[column] for row in rows], float).reshape(len(texts), k)
    with np.errstate(invalid="ignore"):
        share = np.divide(row_counts[:, 0], row_counts[:, 1], dtype=np.float32)
    y = archive.make_template()[archive.dims[1]]
    period = " to ".join(dict.fromkeys(text[:10] for text in (texts[0], texts[-1])))
    months = np.array([int(text[5:7]) for text in texts])
    units = archive.units[0] if len(archive.variables) == 1 else ""

    # draw and write one figure after another
    figures: dict[str, Callable[[], Figure]] = {
        "areas": lambda: plot.areas_figure(
            times, areas, centroids, units=units, unit_of_area="km2" if known else "cells"
        ),
        "hovmoller": lambda: plot.hovmoller_figure(
            times[:: -(-len(times) // len(share))], y, share, cluster=highest
        ),
        "frequency": lambda: plot.frequency_figure(
            compute_frequency(archive, cell_counts), cluster=highest, period=period
        ),
        "climatology": lambda: plot.climatology_figure(
            months,
            areas[:, -1],
            cluster=highest,
            period=period,
            unit_of_area="km2" if known else "cells",
        ),
    }
    if transitions:
        figures["transitions"] = transitions[0].plot
    writer = FileWriter()
    for name, draw in figures.items():
        writer.write_figure(draw(), folder.root / "figures" / f"{name}.png")
    return writer.files


def as_times(texts: Sequence[str], calendar: str) -> np.ndarray:
    """Convert times to numpy's dates, or to decimal years if numpy lacks the calendar."""
    if calendar == "standard":
        return np.array(texts, "datetime64[s]")
    import cftime  # type: ignore[import-untyped]

    dates = [
        cftime.datetime(*map(int, re.findall(r"\d+", text)[:6]), calendar=calendar)
        for text in texts
    ]
    years = np.array([date.year for date in dates])
    starts = [[cftime.datetime(y + n, 1, 1, calendar=calendar) for y in years] for n in (0, 1)]
    now, first, next_first = (
        np.asarray(cftime.date2num(part, "days since 2000-01-01", calendar), float)
        for part in (dates, *starts)
    )
    return years + (now - first) / (next_first - first)
