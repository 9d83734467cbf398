"""`cluster_archive`: what ``fastkm archive`` does, in Python, for anything that xarray opens."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from fastkm._core.blocks.dask_blocks import map_blocks
from fastkm._core.progress import SILENT, Progress, use_progress
from fastkm._core.validation import require_choice
from fastkm.cluster.codebook import select_clusters
from fastkm.raster.io.open import ZARR, name_damage
from fastkm.raster.multifile.array_series import ArraySeries
from fastkm.raster.multifile.read_steps import DAMAGE
from fastkm.raster.multifile.scan import find_inputs
from fastkm.vector.coverage import as_shape
from fastkm.vector.measure import as_length
from fastkm.workflows.archive import fit
from fastkm.workflows.archive.options import ArchiveOptions, TrackOptions
from fastkm.workflows.archive.run import cluster_archive as run_archive
from fastkm.workflows.archive.run_log import PassCounter
from fastkm.workflows.archive.step_tasks import Row, Span, Task, cut_into_spans, do_steps
from fastkm.workflows.archive.summary import summarize
from fastkm.workflows.archive_clusters import (
    ArchiveClusters,
    FolderResults,
    MemoryResults,
    as_scores,
)
from fastkm.workflows.dask_workers import WORKER_TIMEOUT, use_workers
from fastkm.workflows.open_series import open_files, open_object

if TYPE_CHECKING:
    import geopandas as gpd
    import xarray as xr

    from fastkm._core.nodata import Nodata
    from fastkm.cluster.codebook import Codebook
    from fastkm.cluster.exact.result import KMeans1D
    from fastkm.cluster.selection.choose_k import Criterion
    from fastkm.errors import ArchiveError
    from fastkm.raster.io.choose import Sel
    from fastkm.raster.io.read_netcdf import Bbox
    from fastkm.raster.multifile.series import RasterSeries
    from fastkm.vector.formats.file_longitudes import FileLongitudes
    from fastkm.workflows.archive_clusters import ScoresOfK

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]

NAMED = ("common", "per-step")
"""Codebooks that are no file."""


def cluster_archive(
    data: Paths | xr.DataArray | xr.Dataset,
    k: int | Sequence[int] | None = None,
    output: str | os.PathLike[str] | None = None,
    *,
    variable: str | Sequence[str] | None = None,
    codebook: str | os.PathLike[str] = "common",
    choose: Criterion | None = None,
    weights: Literal["area"] | None = None,
    standardize: bool = False,
    select: str | int = "highest",
    min_diameter: str = "0px",
    longitudes: FileLongitudes | None = None,
    simplify: float | str | None = None,
    smooth: int = 0,
    bbox: Bbox | None = None,
    mask: str | os.PathLike[str] | None = None,
    mask_share: float | None = None,
    years: tuple[int, int] | None = None,
    sel: Sel | None = None,
    nodata: Nodata = None,
    sieve: str | None = None,
    fill_holes: bool = False,
    labels: Literal["netcdf", "zarr"] = "netcdf",
    track: bool | Mapping[str, Any] = False,
    resume: bool = False,
    overwrite: bool = False,
    on_error: Literal["stop", "skip"] = "stop",
    workers: int = 1,
    scheduler: str | None = None,
    worker_timeout: float = WORKER_TIMEOUT,
    progress: Progress = SILENT,
) -> ArchiveClusters:
    """Cluster all steps of an archive: one codebook, label maps, outlines and areas through time.

    Parameters
    ----------
    data : path-like, sequence of path-like, xarray.DataArray or xarray.Dataset
        NetCDF files, Zarr stores, folders of them or patterns; the URL of a Zarr store; or whatever
        xarray has opened, selected or computed, in memory or lazy, with a dimension of dates. Chunks
        of dask that hold whole steps are read once; others are computed again for each step in them.
    k : int or sequence of int, optional
        The number of clusters or, with `choose`, several. None if `codebook` is a file.
    output : path-like, optional
        A folder for the results, as ``fastkm archive`` writes them. Without one they stay in memory,
        except the label maps, which are computed when they are asked for.
    variable : str or sequence of str, optional
        The variable, or several, which are clustered together; may be left out if there is one.
    codebook : {"common", "per-step"} or path-like, default: "common"
        One codebook for all steps, one for each, or that of a file.
    choose : str, optional
        The criterion that chooses among several k; see `fastkm.choose_k`.
    weights : {"area"}, optional
        Weight cells by their areas.
    standardize : bool, default: False
        Divide several variables by their standard deviations.
    select : str or int, default: "highest"
        The clusters to outline: "highest", "lowest", "all" or a number.
    min_diameter : str, default: "0px"
        Leave out shorter outlines: "2000km" or "30px".
    longitudes : {"raster", "-180..180", "0..360"}, optional
        Those of the outlines; by default -180..180, where longitudes are known.
    simplify, smooth : optional
        Simplify and smooth the outlines of each step; see `fastkm.polygonize`.
    bbox, mask, mask_share, years, sel, nodata : optional
        The part of the data that is used; see `fastkm.open_archive`.
    sieve, fill_holes : optional
        Join regions of each label map below a limit to their neighbours; see `fastkm.sieve`.
    labels : {"netcdf", "zarr"}, default: "netcdf"
        Write label maps as a netCDF file for each input, or as one store.
    track : bool or mapping, default: False
        Follow the outlined regions of the highest selected cluster through time, with the
        ``min_overlap`` and ``gap`` of `fastkm.track`, which a mapping may give; needs a folder.
        With ``maps`` True, label maps have the ``track`` of each cell beside its ``cluster``.
    resume, overwrite : bool, default: False
        Go on with a run of the same files that was stopped; replace what the folder holds of an
        earlier run. That of an object of xarray cannot go on: it is made again.
    on_error : {"stop", "skip"}, default: "stop"
        Stop at an input or step that cannot be used, or leave it out.
    workers : int, default: 1
        Processes on this machine that do the work.
    scheduler : str, optional
        The address of a dask scheduler whose workers do it instead.
    worker_timeout : float
        Seconds for which a run waits if no worker is left.
    progress : Progress, optional
        Is told how far the work is.

    Returns
    -------
    ArchiveClusters
        The codebook, the label maps as a lazy `DataArray`, tables, outlines and transitions.

    Raises
    ------
    ArchiveError
        If an input or a step cannot be used and `on_error` is "stop".
    ValueError
        If an option is not valid or does not fit another, nothing is left to cluster, or the folder
        holds something else.
    OSError
        If nothing matches or can be read, the folder cannot be written to, or no worker is left.
    ImportError
        If an extra is not installed that is needed for workers, stores or tables.

    Examples
    --------
    Deviations from the mean of each month of the year are computed by xarray, and clustered here.
    They have the attributes of the file, but its valid range does not hold for them any more.

    >>> import fastkm, numpy as np, xarray as xr
    >>> months = np.arange("2009-01", "2011-01", dtype="M8[M]").astype("M8[ns]")
    >>> values = np.random.default_rng(0).normal(30, 5, (24, 4, 8))
    >>> water = xr.DataArray(
    ...     values,
    ...     {"time": months, "lat": [-60, -20, 20, 60], "lon": np.arange(22.5, 360, 45)},
    ...     ("time", "lat", "lon"),
    ...     name="water",
    ... )
    >>> by_month = water.groupby("time.month")
    >>> anomalies = (by_month - by_month.mean()).drop_vars("month")
    >>> found = fastkm.cluster_archive(anomalies, 3)
    >>> found
    ArchiveClusters: 3 clusters, the highest around 4.264; 24 steps, 2009-01-01 to 2010-12-01
    >>> found.labels.dims, found.areas.shape, len(found.outlines) > 0
    (('time', 'lat', 'lon'), (72, 8), True)
    >>> found.transitions().cells.shape
    (3, 3)
    """
    options = ArchiveOptions(
        ks=() if k is None else tuple(np.ravel(k).tolist()),
        codebook=codebook if codebook in NAMED else Path(codebook),  # type: ignore[arg-type]
        variables=(variable,) if isinstance(variable, str) else tuple(variable or ()),
        select=select,
        min_diameter=min_diameter,
        longitudes=longitudes,
        simplify=simplify,
        smooth=smooth,
        weights=weights,
        standardize=standardize,
        choose=choose,
        bbox=bbox,
        mask=None if mask is None else Path(mask),
        mask_share=mask_share,
        years=years,
        sel=sel,
        nodata=None if nodata is None else tuple(np.ravel(nodata).tolist()),
        sieve=sieve,
        fill_holes=fill_holes,
        labels=labels,
        track=TrackOptions(**(track if isinstance(track, Mapping) else {})) if track else None,
    )
    options.check()
    as_length(min_diameter)
    as_shape(simplify, smooth)
    require_choice("on_error", on_error, ("stop", "skip"))
    if output is None and (resume or overwrite):
        raise ValueError("resume and overwrite need a folder for the results, output")
    if output is None and track:
        raise ValueError("track needs a folder, output; or call track() of the result")
    inputs = _open_data(data, options)
    if isinstance(inputs, ArraySeries) and resume:
        raise ValueError("resume must be for files: what xarray has opened may have changed since")
    where: dict[str, Any] = {"workers": workers, "scheduler": scheduler, "progress": progress}
    if output is None:
        with use_workers(**where, timeout=worker_timeout):
            return _MemoryRun(options, progress, on_error == "skip").execute(inputs)
    done = run_archive(
        inputs, output, options, resume=resume, overwrite=overwrite, on_error=on_error,
        worker_timeout=worker_timeout, **where,
    )  # fmt: skip
    results = FolderResults(done.folder, done.series)
    return ArchiveClusters(
        done.summary["k"], done.summary, done.faults, done.series, results,
        done.folder, done.files, done.already_finished,
    )  # fmt: skip


def _open_data(data: Any, options: ArchiveOptions) -> Paths | ArraySeries:
    """Return paths as they are, and anything of xarray, or at a URL, as a series."""
    if isinstance(data, str) and "://" in data:
        import xarray as xr

        with warnings.catch_warnings():  # a store without consolidated metadata opens more slowly
            warnings.filterwarnings(
                "ignore", "Failed to open Zarr store with consolidated", RuntimeWarning
            )
            with name_damage(data, ZARR, *DAMAGE):
                data = xr.open_dataset(data, engine="zarr", chunks={})
    if hasattr(data, "dims"):
        return open_object(data, options.variables, **options.selection)
    paths: Paths = data
    return paths


class SpanResult(NamedTuple):
    """The results of a few steps, which travel back from a worker: label maps stay there."""

    numbers: list[int]
    own: list[KMeans1D]
    rows: list[Row]
    outlines: list[gpd.GeoDataFrame]
    faults: list[ArchiveError]


def _do_span(series: RasterSeries, task: Task) -> SpanResult:
    """Label, measure and outline the steps of a series."""
    found = SpanResult([], [], [], [], [])
    for number, result in do_steps(series, task, found.faults):
        found.numbers.append(number)
        found.rows.extend(result.rows)
        if result.own is not None:
            found.own.append(result.own)
        if len(result.outlines):
            found.outlines.append(result.outlines)
    return found


@dataclass
class _MemoryRun:
    """A run whose results stay in memory."""

    options: ArchiveOptions
    progress: Progress
    skip: bool
    faults: list[ArchiveError] = field(default_factory=list)

    def execute(self, inputs: Paths | ArraySeries) -> ArchiveClusters:
        """Go through all stages, those of a run with a folder without what is written."""
        import geopandas as gpd
        import pandas as pd

        series: RasterSeries
        if isinstance(inputs, ArraySeries):
            series = inputs
        else:
            paths = [path.absolute() for path in find_inputs(inputs)]
            options = self.options
            series, _ = open_files(
                paths, options.variables, self._handle_fault, self.progress, **options.selection
            )
        codebook, scores, series = self._find_codebook(series)
        [k] = self.options.ks if codebook is None else [codebook.k]
        select_clusters(self.options.select, k)
        spans = cut_into_spans(series)
        done = self._do_spans(series, spans, codebook, k)
        # join the results of all steps
        rows = [row for one in done for row in one.rows]
        if not rows:
            raise ValueError("no step of the archive could be labelled")
        pairs = zip(spans, done, strict=True)
        kept = series.select([span.first + n for span, one in pairs for n in one.numbers])
        frames = [frame for one in done for frame in one.outlines]
        outlines = pd.concat(frames, ignore_index=True) if frames else gpd.GeoDataFrame(geometry=[])
        results = MemoryResults(
            kept, k, codebook, [own for one in done for own in one.own], rows, outlines,
            self.options.sieve_options, scores,
        )  # fmt: skip
        series.require_stores_unchanged()
        summary = summarize(series, rows, codebook, k, self.faults)
        return ArchiveClusters(k, summary, self.faults, kept, results)

    def _handle_fault(self, error: ArchiveError) -> None:
        """Raise a fault or, if faults are to be skipped, list it."""
        if not self.skip:
            raise error
        self.faults.append(error)
        self.progress.note(f"left out: {error}")

    def _find_codebook(
        self, series: RasterSeries
    ) -> tuple[Codebook | None, ScoresOfK | None, RasterSeries]:
        """Find the codebook of all steps, or read it; return also the steps that can be used."""
        if self.options.per_step:
            return None, None, series
        if self.options.codebook_file is not None:
            return fit.read_codebook(self.options.codebook_file, series), None, series
        with use_progress(PassCounter(self.progress, "find the clusters")):
            codebook, facts, series = fit.find_common_codebook(
                series, self.options, self._handle_fault
            )
        return codebook, as_scores(facts), series

    def _do_spans(
        self, series: RasterSeries, spans: list[Span], codebook: Codebook | None, k: int
    ) -> list[SpanResult]:
        """Do the steps of all spans, here or on workers."""
        lean = None if codebook is None else codebook.without_profile()
        task = Task(lean, k, self.options, series.select_range(0, 1), "", self.skip)
        self.progress.begin("label the steps", len(series.steps), "steps")
        found: dict[int, SpanResult] = {}
        blocks = [(series.select_range(*span), task) for span in spans]
        for number, result in map_blocks(_do_span, blocks):
            if not isinstance(result, SpanResult):
                raise result
            for fault in result.faults:
                self._handle_fault(fault)
            found[number] = result
            self.progress.advance(spans[number].length)
        return [found[number] for number in sorted(found)]
