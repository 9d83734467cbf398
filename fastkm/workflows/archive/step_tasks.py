"""A part of an archive: a few steps of one input, labelled, measured and outlined by one task.

A part is a folder with

- ``labels.nc``: the label maps of its steps, unless they are in the Zarr store;
- ``table.json``: a row for each step and cluster: cells, area, mean value, outlines;
- ``rows.npy``: for each step and row of the grid, how many cells are in the highest cluster, and
  how many are not missing;
- ``outlines.parquet``: the outlines, if there are any;
- ``part.json``: its steps, those that could not be used, and digests of the other files.

The rasters in memory are those of one stored chunk, often one step. The error of a step is
collected or, if steps must not be skipped, raised.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastkm.cluster.codebook import select_clusters
from fastkm.cluster.exact.kmeans1d import kmeans1d
from fastkm.errors import ArchiveError
from fastkm.raster.grid.geolocation import find_grid
from fastkm.raster.grid.repeated_columns import drop_repeated_columns, find_distinct_columns
from fastkm.raster.labels import label_raster
from fastkm.raster.zonal import zonal_statistics
from fastkm.vector.coverage import as_shape
from fastkm.vector.formats.file_longitudes import choose_longitudes
from fastkm.vector.outline import outline_in_memory
from fastkm.workflows.archive.fit import require_finite
from fastkm.workflows.archive.label_maps import write_label_maps
from fastkm.workflows.archive.parts import PartPlan, read_part, remove_part, write_part

if TYPE_CHECKING:
    import geopandas as gpd
    import xarray as xr

    from fastkm.cluster.codebook import Codebook
    from fastkm.cluster.exact.result import KMeans1D
    from fastkm.raster.multifile.series import RasterSeries
    from fastkm.workflows.archive.options import ArchiveOptions

Row = dict[str, Any]

_AREAS: dict[Any, xr.DataArray | None] = {}
"""The areas of cells that this process used last, by the file and box they belong to."""

OUTLINES = "outlines.gpkg"
"""The file to which the outlines of all parts come."""

SQUARE_KM = 1e6
"""Square metres in a square kilometre."""

PART_CELLS = 1 << 23
"""Cells in a part, unless one step has more: eight steps of a quarter degree."""


class Span(NamedTuple):
    """The steps of a part: those of the archive from `first` to before `stop`."""

    first: int
    stop: int

    @property
    def length(self) -> int:
        """Number of steps."""
        return self.stop - self.first


@dataclass(frozen=True)
class Task:
    """What is the same for all parts, and is sent to a worker with each part."""

    codebook: Codebook | None  # None if each step has its own
    k: int
    options: ArchiveOptions
    grid: RasterSeries  # the first step of the archive, whose file says where the cells are
    history: str  # how the label maps were made, for their attributes
    skip: bool  # leave out a step that cannot be used; otherwise its error is raised


class StepResult(NamedTuple):
    """The results of one step; `own` is its codebook, None if all steps share one."""

    labels: xr.DataArray
    own: KMeans1D | None
    rows: list[Row]
    outlines: gpd.GeoDataFrame


def cut_into_spans(archive: RasterSeries) -> list[Span]:
    """Cut an archive into parts: consecutive steps of one input, of at most `PART_CELLS` cells."""
    size = max(archive.steps_per_read, PART_CELLS // math.prod(archive.shape))
    spans, first = [], 0
    for _, run in groupby(archive.steps, key=lambda step: step.source):
        stop = first + len(list(run))
        spans += [Span(start, min(start + size, stop)) for start in range(first, stop, size)]
        first = stop
    return spans


def make_part(archive: RasterSeries, task: Task, plan: PartPlan) -> list[ArchiveError]:
    """Do all steps of a part, write its folder, and return the steps left out.

    `archive` has only the steps of the part. Raise an ArchiveError if a step cannot be used and
    `task` does not skip it.
    """
    import pandas as pd

    made = read_part(plan)
    if made is not None:  # by a worker that died afterwards
        return made.faults
    remove_part(plan)
    faults: list[ArchiveError] = []
    with write_part(plan, faults) as draft:
        done = list(do_steps(archive, task, faults))
        own = [result.own for _, result in done if result.own is not None]
        if done:
            # label maps, counts by row and outlines of all steps
            write_label_maps(
                archive.select([number for number, _ in done]),
                [result.labels for _, result in done],
                draft / "labels.nc" if plan.store is None else Path(plan.store),
                numbers=[plan.first + number for number, _ in done],
                codebooks=own or None,
                history=task.history,
            )
            np.save(
                draft / "rows.npy", np.stack([_count_by_row(r.labels, task.k) for _, r in done])
            )
            frames = [result.outlines for _, result in done if len(result.outlines)]
            if frames:
                outlines = pd.concat(frames, ignore_index=True)
                outlines.to_parquet(draft / "outlines.parquet", index=False)

        # the table of measures
        rows = [row for _, result in done for row in result.rows]
        books = [
            describe_own(result.own, result.rows) for _, result in done if result.own is not None
        ]
        table = {"rows": rows, "codebooks": books}
        (draft / "table.json").write_text(json.dumps(table), encoding="utf-8")
    return faults


def do_steps(
    archive: RasterSeries, task: Task, faults: list[ArchiveError]
) -> Iterator[tuple[int, StepResult]]:
    """Yield the number in the part and the result of each step that can be used."""
    pairs = zip(archive.steps, _read_rasters(archive), strict=True)
    for number, (step, raster) in enumerate(pairs):
        try:
            yield number, do_step(archive, number, raster, task)
        except ValueError as error:
            fault = error
            name = archive.inputs[step.source].name
            if not isinstance(fault, ArchiveError) or (fault.file, fault.step) != (name, step.time):
                fault = ArchiveError(name, step.time, str(error))
            if not task.skip:
                raise fault from None
            faults.append(fault)


def _read_rasters(archive: RasterSeries) -> Iterator[Any]:
    """Yield the raster of each step, or the error; read steps together that are stored together."""
    count, size = len(archive.steps), archive.steps_per_read
    for first in range(0, count, size):
        last = min(first + size, count)
        try:
            block = archive.read(first, last, missing="mask")
        except ArchiveError as error:
            if last - first == 1:
                yield error
            else:  # find the step that cannot be read
                for number in range(first, last):
                    yield from _read_rasters(archive.select_range(number, number + 1))
        else:
            for number in range(last - first):
                yield block.isel({archive.dims[0]: number})


def do_step(archive: RasterSeries, number: int, raster: Any, task: Task) -> StepResult:
    """Label, measure and outline one step.

    Raise an ArchiveError if it could not be read or all its cells are missing, a ClusterError if it
    is to be clustered by itself and has too few distinct values.
    """
    if isinstance(raster, ArchiveError):
        raise raster
    step = archive.steps[number]
    source = archive.inputs[step.source].name
    layers = [raster] if len(archive.variables) == 1 else [raster[v] for v in archive.variables]
    if not any(np.isfinite(layer.values).any() for layer in layers):
        raise ArchiveError(source, step.time, "all cells are missing")
    require_finite(archive, number, raster)

    # label by the codebook of all steps, or by one of this step alone
    areas = _get_areas(task.grid)
    once = find_distinct_columns(layers[0])
    own_areas = None if areas is None else areas.isel(once)
    codebook, own = task.codebook, None
    if codebook is None:
        weights = own_areas if task.options.weights else None
        codebook = own = kmeans1d(raster.isel(once), task.k, weights=weights)
    labels = label_raster(raster, codebook, with_inertia=False)
    if not (labels.values >= 0).any():
        raise ArchiveError(source, step.time, "a variable is missing in every cell")
    sieve = task.options.sieve_options
    if sieve is not None:
        labels = sieve.apply(labels, areas)

    # outline and measure
    chosen, longer = select_clusters(task.options.select, task.k), task.options.min_diameter
    longitudes = choose_longitudes(task.options.longitudes, find_grid(labels))
    outlines, regions = outline_in_memory(
        labels, values=layers[0], select=chosen, areas=areas, min_diameter=longer,
        longitudes=longitudes, shape=as_shape(task.options.simplify, task.options.smooth),
    )  # fmt: skip
    if task.options.track is not None:
        outlines.insert(1, "region", regions)
    outlines.insert(0, "time", _make_time_column(step.time, archive.calendar, len(outlines)))
    layers = [layer.isel(once) for layer in layers]
    rows = _measure_clusters(
        step.time, labels.isel(once), layers, own_areas, task.k, chosen, outlines
    )
    return StepResult(labels, own, rows, outlines)


def _make_time_column(time: str, calendar: str, length: int) -> np.ndarray:
    """Make a column of dates, or of text if the calendar may have dates that numpy lacks."""
    if calendar != "standard":
        return np.full(length, time, object)
    return np.full(length, np.datetime64(time, "ms"))


def _measure_clusters(
    time: str,
    labels: xr.DataArray,
    layers: list[xr.DataArray],
    areas: xr.DataArray | None,
    k: int,
    chosen: list[int],
    outlines: gpd.GeoDataFrame,
) -> list[Row]:
    """Measure each cluster of a step."""
    # cells, mean values and areas of all clusters
    found = [zonal_statistics(labels.values, layer.values, k) for layer in layers]
    counts = np.bincount(labels.values[labels.values >= 0], minlength=k)
    names = ["mean"] if len(layers) == 1 else [f"mean_{layer.name}" for layer in layers]
    area = [None] * k
    if areas is not None:
        covered = zonal_statistics(labels.values, areas.values, k)
        area = (np.where(covered.counts > 0, covered.sums, 0.0) / SQUARE_KM).tolist()

    # a row for each cluster, with the length of its longest outline
    rows = []
    for j in range(k):
        row: Row = {"time": time, "cluster": j, "cells": int(counts[j]), "area_km2": area[j]}
        for name, layer in zip(names, found, strict=True):
            row[name] = float(layer.means[j]) if layer.counts[j] else None
        own = outlines[outlines["cluster"] == j]
        row["outlines"] = len(own) if j in chosen else None
        for column in ("diameter_px", "diameter_km"):
            longest = own[column].max() if len(own) else np.nan
            row[f"longest_{column[-2:]}"] = float(longest) if np.isfinite(longest) else None
        rows.append(row)
    return rows


def _count_by_row(labels: xr.DataArray, k: int) -> np.ndarray:
    """Count in each row of the grid the cells in the highest cluster, and those not missing."""
    values = drop_repeated_columns(labels).values
    return np.stack([(values == k - 1).sum(axis=1), (values >= 0).sum(axis=1)]).astype(np.int32)


def _get_areas(grid: RasterSeries) -> xr.DataArray | None:
    """Return the areas of the cells, None for a grid not on the globe; compute them only once."""
    first = grid.inputs[0]  # a file may change while a worker lives
    key = (first.path, grid.variables[0], grid.window.bbox, first.stamp)
    if key not in _AREAS:
        _AREAS.clear()
        _AREAS[key] = grid.find_areas()
    return _AREAS[key]


def describe_own(codebook: KMeans1D, rows: list[Row]) -> Row:
    """Describe the codebook of one step, for the list of codebooks."""
    stored = codebook.to_dict()
    names = ("centroids", "breaks", "counts", "inertia", "gap")
    return {"time": rows[0]["time"], **{name: stored[name] for name in names}}
