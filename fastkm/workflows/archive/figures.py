"""The figures of an archive: areas through time, where and when the highest cluster is."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core.atomic_write import atomic_write
from fastkm._core.dask_blocks import reduce_blocks

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

    from fastkm.raster.multifile.series import Archive
    from fastkm.workflows.archive.checkpoint import Folder
    from fastkm.workflows.archive.step_tasks import Row

DPI = 150
COLUMNS = 2000
"""Of a diagram: steps beyond are put together."""

STORE_STEPS = 64
"""Steps of a Zarr store that are counted together."""


def count_highest(path: str, first: int | None, stop: int | None, k: int) -> np.ndarray:
    """Count for each cell the steps in the highest cluster, and those in which it is present.

    Parameters
    ----------
    path : str
        A file or a store of label maps.
    first, stop : int or None
        Steps of a store.
    k : int
        Number of clusters.

    Returns
    -------
    (2, y, x) int32 array
    """
    import xarray as xr

    options: dict[str, Any] = {"mask_and_scale": False, "decode_times": False, "chunks": None}
    options |= {"engine": "netcdf4"} if first is None else {"engine": "zarr", "consolidated": False}
    with xr.open_dataset(path, **options) as dataset:
        labels = dataset["cluster"]
        counts = np.zeros((2, *labels.shape[1:]), np.int32)
        for number in range(*slice(first, stop).indices(labels.shape[0])):
            values = labels[number].values
            counts[0] += values == k - 1
            counts[1] += values >= 0
    return counts


def added(parts: list[np.ndarray]) -> np.ndarray:
    """Add counts up, one after another: stacked they would take as much memory as all of them."""
    total = parts[0].copy()
    for part in parts[1:]:
        total += part
    return total


def frequency(folder: Folder, archive: Archive, labels: Sequence[Path], k: int) -> xr.DataArray:
    """Give the share of its present steps that each cell was in the highest cluster."""
    if folder.label_store.exists():
        count = len(archive.steps)
        blocks: list[tuple[Any, ...]] = [
            (str(folder.label_store), i, min(i + STORE_STEPS, count), k)
            for i in range(0, count, STORE_STEPS)
        ]
    else:
        blocks = [(str(path), None, None, k) for path in labels]
    highest, present = reduce_blocks(count_highest, blocks, added)
    grid = archive.template()
    with np.errstate(invalid="ignore"):
        share = highest / present
    made = grid.copy(data=share)
    made.name, made.attrs = "frequency", {}
    return made


def draw_figures(
    folder: Folder,
    archive: Archive,
    rows: Sequence[Row],
    labels: Sequence[Path],
    row_counts: np.ndarray,
    *,
    k: int,
    highest: str,
    centroids: Sequence[float] | None,
) -> list[Path]:
    """Draw the four figures of a run.

    Parameters
    ----------
    folder : Folder
    archive : Archive
        All steps.
    rows : sequence of dict
        What was measured of each step and cluster.
    labels : sequence of Path
        The files of label maps; empty where they are in the store.
    row_counts : (columns, 2, y) array
        For each step, or some steps together, and row the cells in the highest cluster, and those
        present.
    k : int
        Number of clusters.
    highest : str
        What the highest cluster is, in words.
    centroids : sequence of float or None
        Of the clusters, where all steps share them and they are of one variable.

    Returns
    -------
    list of Path
    """
    from fastkm import plot

    texts = list(dict.fromkeys(row["time"] for row in rows))
    times = _times(texts, archive.calendar)
    known = all(row["area_km2"] is not None for row in rows)
    column = "area_km2" if known else "cells"
    areas = np.array([row[column] for row in rows], float).reshape(len(texts), k)
    with np.errstate(invalid="ignore"):
        share = np.divide(row_counts[:, 0], row_counts[:, 1], dtype=np.float32)
    y = archive.template()[archive.dims[1]]
    months = np.array([int(text[5:7]) for text in texts])
    units = archive.units[0] if len(archive.variables) == 1 else ""
    figures: dict[str, Callable[[], Figure]] = {
        "areas": lambda: plot.areas_figure(
            times, areas, centroids, units=units, unit_of_area="km2" if known else "cells"
        ),
        "hovmoller": lambda: plot.hovmoller_figure(
            times[:: -(-len(times) // len(share))], y, share, cluster=highest
        ),
        "frequency": lambda: plot.frequency_figure(
            frequency(folder, archive, labels, k), cluster=highest
        ),
        "climatology": lambda: plot.climatology_figure(
            months, areas[:, -1], cluster=highest, unit_of_area="km2" if known else "cells"
        ),
    }
    paths = []
    for name, drawn in figures.items():
        path = folder.root / "figures" / f"{name}.png"
        with atomic_write(path) as draft:
            drawn().savefig(draft, dpi=DPI)
        paths.append(path)
    return paths


def _times(texts: Sequence[str], calendar: str) -> np.ndarray:
    """Give dates as numpy has them, or decimal years of calendars that it has not."""
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
