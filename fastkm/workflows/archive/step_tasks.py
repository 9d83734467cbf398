"""A part of an archive: a few steps of one input, labelled, measured and outlined by one task.

A part is a folder with

- ``labels.nc``: the label maps of its steps (or they are in the Zarr store);
- ``table.json``: for each step and cluster the cells, their area, the mean value, the outlines;
- ``rows.npy``: for each step and row of cells those in the highest cluster, and those present;
- ``outlines.parquet``: the outlines, if there are any;
- ``faults.json``: the steps that could not be used, if there are any.

One step is in memory at a time, or as many as are stored in one chunk.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastkm.cluster.exact.kmeans1d import kmeans1d
from fastkm.cluster.exact.result import KMeans1D
from fastkm.errors import ArchiveError
from fastkm.raster.grid.geolocation import lies_on_globe
from fastkm.raster.zonal import zonal_statistics
from fastkm.vector.outline import outline
from fastkm.workflows.archive.checkpoint import new_folder, read_json, write_json
from fastkm.workflows.archive.fit import require_finite
from fastkm.workflows.archive.label_maps import labelled, write_part
from fastkm.workflows.raster_file import chosen_clusters

if TYPE_CHECKING:
    import geopandas as gpd
    import xarray as xr

    from fastkm.raster.multifile.series import Archive
    from fastkm.workflows.archive.fit import Codebook

Row = dict[str, Any]

_AREAS: dict[Any, xr.DataArray | None] = {}

SQUARE_KM = 1e6
"""Square metres of one."""

PART_CELLS = 1 << 23
"""Cells a part, or one step where that has more: eight steps of a quarter degree."""


class Span(NamedTuple):
    """The steps of a part: first to stop of an archive."""

    first: int
    stop: int


@dataclass(frozen=True)
class Task:
    """What is the same for all parts, and travels with each.

    Attributes
    ----------
    codebook : KMeans1D, StackCodebook or int
        The clusters; a number of clusters where each step has its own.
    select : str or int
        The clusters to outline.
    min_diameter : str
        Outlines must be longer than this.
    grid : Archive
        The first step of all, whose file says where the cells are.
    weighted : bool
        Whether clusters of a step are weighted by area.
    history : str
        What the label maps say of how they were made.
    skip : bool
        Whether a step that cannot be used is left out; otherwise its error is raised.
    store : str or None
        The Zarr store for label maps.
    """

    codebook: Codebook | int
    select: str | int
    min_diameter: str
    grid: Archive
    weighted: bool
    history: str
    skip: bool
    store: str | None = None

    @property
    def k(self) -> int:
        """Number of clusters."""
        return self.codebook if isinstance(self.codebook, int) else self.codebook.k

    @property
    def common(self) -> bool:
        """Whether all steps share the codebook."""
        return not isinstance(self.codebook, int)


class StepResult(NamedTuple):
    """What is found of one step."""

    labels: xr.DataArray
    codebook: Codebook
    rows: list[Row]
    outlines: gpd.GeoDataFrame


def plan_parts(archive: Archive) -> list[Span]:
    """Cut an archive into parts: runs of steps of one input, of at most `PART_CELLS` cells."""
    size = max(archive.steps_per_read, PART_CELLS // math.prod(archive.shape))
    spans, first = [], 0
    for _, run in groupby(archive.steps, key=lambda step: step.source):
        stop = first + len(list(run))
        spans += [Span(start, min(start + size, stop)) for start in range(first, stop, size)]
        first = stop
    return spans


def make_part(archive: Archive, first: int, task: Task, target: str) -> list[ArchiveError]:
    """Do all steps of a part and write its folder.

    Parameters
    ----------
    archive : Archive
        These steps only.
    first : int
        The number of the first step in the whole archive.
    task : Task
    target : str
        The folder.

    Returns
    -------
    list of ArchiveError
        The steps that were left out.

    Raises
    ------
    ArchiveError
        If a step cannot be used and `task` does not skip it.
    OSError
        If the folder cannot be written to.
    """
    faults: list[ArchiveError] = []
    if Path(target).exists():  # of a worker that died later
        return read_faults(Path(target))
    with new_folder(Path(target)) as draft:
        done = list(_done(archive, task, faults))
        if done:
            write_part(
                archive.only([number for number, _ in done]),
                [result.labels for _, result in done],
                draft / "labels.nc" if task.store is None else Path(task.store),
                numbers=[first + number for number, _ in done],
                codebooks=None if task.common else [result.codebook for _, result in done],
                history=task.history,
            )
            np.save(draft / "rows.npy", np.stack([_of_rows(r.labels, task.k) for _, r in done]))
            frames = [result.outlines for _, result in done if len(result.outlines)]
            if frames:
                _together(frames).to_parquet(draft / "outlines.parquet", index=False)
        rows = [row for _, result in done for row in result.rows]
        books = [] if task.common else [_book(result) for _, result in done]
        write_json({"rows": rows, "codebooks": books}, draft / "table.json")
        if faults:
            listed = [{"file": f.file, "step": f.step, "reason": f.reason} for f in faults]
            write_json({"faults": listed}, draft / "faults.json")
    return faults


def read_faults(part: Path) -> list[ArchiveError]:
    """Read which steps a part left out."""
    listed = read_json(part / "faults.json") or {"faults": []}
    return [ArchiveError(**fault) for fault in listed["faults"]]


def _done(
    archive: Archive, task: Task, faults: list[ArchiveError]
) -> Iterator[tuple[int, StepResult]]:
    """Give the number in the part and the result of each step that can be used."""
    pairs = zip(archive.steps, _rasters(archive), strict=True)
    for number, (step, raster) in enumerate(pairs):
        try:
            yield number, do_step(archive, number, raster, task)
        except ArchiveError as error:
            fault = error
        except ValueError as error:
            fault = ArchiveError(archive.inputs[step.source].name, step.time, str(error))
        else:
            continue
        if not task.skip:
            raise fault
        faults.append(fault)


def _rasters(archive: Archive) -> Iterator[Any]:
    """Read step after step, as many together as are stored together; an error is given as such."""
    count, size = len(archive.steps), archive.steps_per_read
    for first in range(0, count, size):
        last = min(first + size, count)
        try:
            block = archive.read(first, last, missing="mask")
        except ArchiveError as error:
            if last - first == 1:
                yield error
            else:  # the others may be good
                yield from _rasters_alone(archive, first, last)
        else:
            for number in range(last - first):
                yield block.isel({archive.dims[0]: number})


def _rasters_alone(archive: Archive, first: int, last: int) -> Iterator[Any]:
    for number in range(first, last):
        yield from _rasters(archive.part(number, number + 1))


def do_step(archive: Archive, number: int, raster: Any, task: Task) -> StepResult:
    """Label, measure and outline one step.

    Raises
    ------
    ArchiveError
        If it could not be read, or all its cells are missing.
    ClusterError
        If it is to have clusters of its own and has too few distinct values.
    """
    if isinstance(raster, ArchiveError):
        raise raster
    step = archive.steps[number]
    layers = [raster] if len(archive.variables) == 1 else [raster[v] for v in archive.variables]
    codebook = task.codebook
    if not any(np.isfinite(layer.values).any() for layer in layers):
        raise ArchiveError(archive.inputs[step.source].name, step.time, "all cells are missing")
    require_finite(archive, number, raster)
    areas = _areas(task.grid)
    if isinstance(codebook, int):
        codebook = kmeans1d(raster, codebook, weights=areas if task.weighted else None)
    labels = labelled(raster, codebook)
    if not (labels.values >= 0).any():
        raise ArchiveError(
            archive.inputs[step.source].name, step.time, "in all cells a variable is missing"
        )
    chosen = chosen_clusters(task.select, codebook.k)
    outlines = outline(
        labels, values=layers[0], select=chosen, areas=areas, min_diameter=task.min_diameter
    )
    outlines.insert(0, "time", _time_column(step.time, archive.calendar, len(outlines)))
    rows = _rows(step.time, labels, layers, areas, codebook, chosen, outlines)
    return StepResult(labels, codebook, rows, outlines)


def _time_column(time: str, calendar: str, length: int) -> np.ndarray:
    """Give a column of dates, or of text where the calendar has dates that no other has."""
    if calendar != "standard":
        return np.full(length, time, object)
    return np.full(length, np.datetime64(time, "ms"))


def _rows(
    time: str,
    labels: xr.DataArray,
    layers: list[xr.DataArray],
    areas: xr.DataArray | None,
    codebook: Codebook,
    chosen: list[int],
    outlines: gpd.GeoDataFrame,
) -> list[Row]:
    """Measure each cluster of a step."""
    k = codebook.k
    counts, means = _means(labels, layers, k)
    area = (
        [None] * k if areas is None else (_sum_by_cluster(labels, areas, k)[1] / SQUARE_KM).tolist()
    )
    rows = []
    for j in range(k):
        row: Row = {"time": time, "cluster": j, "cells": int(counts[j]), "area_km2": area[j]}
        row |= {name: float(mean[j]) if counts[j] else None for name, mean in means.items()}
        own = outlines[outlines["cluster"] == j]
        row["outlines"] = len(own) if j in chosen else None
        for column in ("diameter_px", "diameter_km"):
            longest = own[column].max() if len(own) else np.nan
            row[f"longest_{column[-2:]}"] = float(longest) if np.isfinite(longest) else None
        rows.append(row)
    return rows


def _of_rows(labels: xr.DataArray, k: int) -> np.ndarray:
    """Count by row the cells in the highest cluster, and those that are present."""
    values = labels.values
    return np.stack([(values == k - 1).sum(axis=1), (values >= 0).sum(axis=1)]).astype(np.int32)


def _means(
    labels: xr.DataArray, layers: list[xr.DataArray], k: int
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Give the cells of each cluster and their mean in each variable."""
    counts, means = np.zeros(k, np.int64), {}
    for layer in layers:
        counts, sums = _sum_by_cluster(labels, layer, k)
        name = "mean" if len(layers) == 1 else f"mean_{layer.name}"
        means[name] = sums / np.maximum(counts, 1)
    return counts, means


def _sum_by_cluster(
    labels: xr.DataArray, values: xr.DataArray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """Count the cells of each cluster and sum their values; an empty cluster has sum 0."""
    found = zonal_statistics(labels.values, values.values, k)
    return found.counts, np.where(found.counts > 0, found.sums, 0.0)


def _areas(grid: Archive) -> xr.DataArray | None:
    """Give the areas of the cells, which a process computes once; None where they have none."""
    path = Path(grid.inputs[0].path)
    known = path.stat()  # a worker may outlive what is in a file
    key = (str(path), grid.variables[0], grid.bbox, known.st_mtime_ns, known.st_size)
    if key not in _AREAS:
        _AREAS.clear()
        _AREAS[key] = grid.areas() if lies_on_globe(grid.template()) else None
    return _AREAS[key]


def _together(frames: list[gpd.GeoDataFrame]) -> gpd.GeoDataFrame:
    import pandas as pd

    return pd.concat(frames, ignore_index=True)


def _book(result: StepResult) -> Row:
    """Describe the clusters of one step."""
    codebook = result.codebook
    assert isinstance(codebook, KMeans1D)
    return {
        "time": result.rows[0]["time"],
        "centroids": codebook.centroids.tolist(),
        "breaks": codebook.breaks.tolist(),
        "counts": codebook.counts.tolist(),
        "inertia": float(codebook.inertia),
        "gap": float(codebook.gap),
    }
