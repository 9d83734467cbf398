"""The reports of jobs on one raster: of the commands ``fastkm cluster`` and ``fastkm outline``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core.notes import ignore_notes
from fastkm.raster.bands import BandStack, as_band_stack
from fastkm.raster.grid.repeated_columns import drop_repeated_columns
from fastkm.raster.raster_clusters import RasterClusters, to_band_array
from fastkm.workflows.reports.report import make_contents, write_report

if TYPE_CHECKING:
    from pathlib import Path

    import geopandas as gpd
    import xarray as xr

    from fastkm.cluster.codebook import Codebook
    from fastkm.cluster.exact.result import KMeans1D
    from fastkm.cluster.selection.choose_k import Choice
    from fastkm.workflows.job import FileWriter, Selection


def report_clusters(
    writer: FileWriter,
    path: Path,
    results: Mapping[int, RasterClusters],
    raster: xr.DataArray | xr.Dataset,
    selection: Selection,
    *,
    choice: Choice | None = None,
    outlines: gpd.GeoDataFrame | None = None,
    outlines_in_all: int = 0,
    title: str | None = None,
) -> None:
    """Write the report of the clusters of a raster for each k, and of outlines if there are any.

    `outlines` may be the longest ones of more.
    """
    contents = make_contents(
        results,
        raster=raster,
        choice=choice,
        outlines=outlines,
        title=title,
        facts=_list_facts(selection),
        stored=_read_stored(raster, selection),
    )
    if contents.outlines is not None and outlines is not None and outlines_in_all > len(outlines):
        note = f"All these are among the {len(outlines):,} longest of {outlines_in_all:,} outlines."
        own = replace(contents.outlines, notes=(*contents.outlines.notes, note))
        contents = replace(contents, outlines=own)
    write_report(contents, path)
    writer.files.append(path)


def report_labels(
    writer: FileWriter,
    path: Path,
    codebook: Codebook,
    labels: xr.DataArray,
    counts: np.ndarray,
    raster: xr.DataArray | xr.Dataset,
    selection: Selection,
    *,
    source: str,
    title: str | None = None,
) -> None:
    """Write the report of a raster that was labelled by the codebook of the file `source`."""
    stack = as_band_stack(raster)
    result = _make_result(stack, codebook, labels, counts)
    contents = make_contents(
        {codebook.k: result},
        raster=raster,
        title=title,
        facts=_list_facts(selection),
        stored=_read_stored(raster, selection),
    )
    method = (
        f"Each cell was put into that cluster of {source} whose centroid is nearest. These clusters may "
        "come from other data, and others might fit this raster better."
    )
    [shown] = contents.clusterings
    write_report(
        replace(
            contents,
            done=(method, *contents.done[2:]),
            clusterings=(replace(shown, found=shown.found[:1]),),
        ),
        path,
    )
    writer.files.append(path)


def as_raster_clusters(
    raster: xr.DataArray,
    results: Mapping[int, KMeans1D],
    labels: Mapping[int, xr.DataArray],
    *,
    sieved: bool = False,
) -> dict[int, RasterClusters]:
    """Return the clusters of a raster of one band as results of `fastkm.cluster_raster`.

    Cells are counted in the label maps if these were `sieved`.
    """
    stack = as_band_stack(raster)
    made = {}
    for k, found in results.items():
        counts = found.counts
        if sieved:
            cells = drop_repeated_columns(labels[k]).values
            counts = np.bincount(cells[cells >= 0], minlength=k)
        made[k] = replace(
            _make_result(stack, found, labels[k], counts),
            weights=found.weights,
            inertia=found.inertia,
            gap=found.gap,
        )
    return made


def _make_result(
    stack: BandStack, codebook: Codebook, labels: xr.DataArray, counts: np.ndarray
) -> RasterClusters:
    """Return a result without what was not computed: its inertia is NaN."""
    book: Any = codebook
    return RasterClusters(
        k=codebook.k,
        labels=labels,
        centroids=to_band_array(stack, codebook.centroids.reshape(codebook.k, -1)),
        counts=counts,
        weights=counts.astype(float),
        inertia=np.nan,
        gap=None if codebook.names else np.nan,
        iterations=None,
        scale=None,
        codebook=book,
    )


def _read_stored(raster: xr.DataArray | xr.Dataset, selection: Selection) -> xr.DataArray | None:
    """Read a raster of one band as its file has it, unless it is large or has a band of a number."""
    stack = as_band_stack(raster)
    if len(stack.bands) > 1 or stack.is_lazy or selection.bands is not None:
        return None
    with ignore_notes():
        return selection.read_stored()


def _list_facts(selection: Selection) -> tuple[tuple[str, str], ...]:
    """Return which raster of which file it is."""
    return (("File", str(selection)),)
