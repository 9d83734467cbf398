"""A result as a page for a browser: `report`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from fastkm._core.atomic_write import write_text
from fastkm._core.attributes import read_text
from fastkm._core.cf_missing import to_physical
from fastkm._version import __version__
from fastkm.html_report.contents import Clustering, Contents, Histogram, Scores, Table
from fastkm.raster.bands import BandStack, as_band_stack
from fastkm.raster.grid.axes import find_axes
from fastkm.raster.grid.repeated_columns import drop_repeated_columns
from fastkm.raster.raster_clusters import RasterClusters
from fastkm.workflows.cell_areas import sum_areas
from fastkm.workflows.figures import choose_colours
from fastkm.workflows.reports.missing import count_by_rule, explain_missing, holds_stored_values
from fastkm.workflows.reports.regions import describe_outlines
from fastkm.workflows.reports.sheet import Sheet, make_sheet
from fastkm.workflows.reports.words import (
    count_things,
    describe_result,
    describe_work,
    format_units,
    list_numbers,
    list_words,
    name_clusters,
    tabulate_clusters,
)

if TYPE_CHECKING:
    import geopandas as gpd
    import xarray as xr

    from fastkm.cluster.exact.result import KMeans1D
    from fastkm.cluster.selection.choose_k import Choice
    from fastkm.vector.tracking.track import Tracks
    from fastkm.workflows.archive_clusters import ArchiveClusters

NO_EXTRA = (
    'a report needs bokeh and jinja2, which extra "report" installs: pip install "fastkm[report]"'
)


def report(
    result: RasterClusters | Mapping[int, RasterClusters] | ArchiveClusters,
    path: str | os.PathLike[str],
    *,
    raster: xr.DataArray | xr.Dataset | None = None,
    outlines: gpd.GeoDataFrame | None = None,
    choice: Choice | None = None,
    tracks: Tracks | None = None,
    title: str | None = None,
) -> None:
    """Write a result as one page for a browser, which opens without a network.

    The page says what was done and found, and has the label map with the value and the cluster of
    each cell, the clusters, the distribution of the values, and, if they are given, outlines and the
    scores of several k. An archive has a slider over time. Large rasters are thinned, by cells and not
    by averages, to what a screen shows.

    Parameters
    ----------
    result : RasterClusters, dict of int to RasterClusters, or ArchiveClusters
        What `fastkm.cluster_raster` or `fastkm.cluster_archive` returned.
    path : path-like
        The .html file to write; one that exists is replaced.
    raster : xarray.DataArray or xarray.Dataset, optional
        The raster that was clustered, for its values; not for an archive.
    outlines : geopandas.GeoDataFrame, optional
        Regions of `fastkm.outline` or `fastkm.polygonize`, for the map and a table.
    choice : Choice, optional
        What `fastkm.choose_k` returned, for the scores. Of several results the one that was chosen
        is shown first.
    tracks : Tracks, optional
        What the ``track`` of an archive returned; by default the tracks in its folder, if any.
    title : str, optional
        The heading; by default what was clustered.

    Raises
    ------
    ModuleNotFoundError
        If bokeh or jinja2 is not installed.
    TypeError
        If `result` is none of these.
    ValueError
        If `raster` has another shape than the result, or an option does not go with the result.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import fastkm, xarray as xr
    >>> water = xr.DataArray([[1.0, 2.0], [8.0, 9.0]], dims=("y", "x"), name="water")
    >>> clusters = fastkm.cluster_raster(water, 2)
    >>> fastkm.report(clusters, "water.html", raster=water)  # doctest: +SKIP
    """
    require_extra()
    from fastkm.workflows.archive_clusters import ArchiveClusters

    if isinstance(result, ArchiveClusters):
        from fastkm.workflows.reports.archive import describe_archive

        if not (raster is None and outlines is None and choice is None):
            raise ValueError("raster, outlines and choice do not go with the result of an archive")
        write_report(describe_archive(result, tracks=tracks, title=title), path)
        return
    if tracks is not None:
        raise ValueError("tracks do not go with the clusters of a raster, only with an archive")
    results: Any = {result.k: result} if isinstance(result, RasterClusters) else result
    is_mapping = isinstance(results, Mapping) and len(results) > 0
    if not (is_mapping and all(isinstance(one, RasterClusters) for one in results.values())):
        raise TypeError(
            "result must be a result of cluster_raster or cluster_archive, "
            f"got {type(result).__name__}"
        )
    contents = make_contents(
        dict(results), raster=raster, outlines=outlines, choice=choice, title=title
    )
    write_report(contents, path)


def require_extra() -> None:
    """Raise ModuleNotFoundError if bokeh or jinja2 is not installed."""
    if not (find_spec("bokeh") and find_spec("jinja2")):
        raise ModuleNotFoundError(NO_EXTRA)


def write_report(contents: Contents, path: str | os.PathLike[str]) -> None:
    """Write a page, whole or not at all."""
    from fastkm.html_report.page import render_page

    write_text(path, render_page(contents))


def make_contents(
    results: Mapping[int, RasterClusters],
    *,
    raster: xr.DataArray | xr.Dataset | None = None,
    outlines: gpd.GeoDataFrame | None = None,
    choice: Choice | None = None,
    title: str | None = None,
    facts: tuple[tuple[str, str], ...] = (),
    stored: xr.DataArray | None = None,
) -> Contents:
    """Return what the page of one raster shows.

    `facts` are told beside those that are known here. `stored` is a raster of one band as its file
    has it, if that is known: missing cells are counted in it by rule.
    """
    ks = sorted(results)
    shown = choice.k if choice is not None and choice.k in results else ks[0]
    labels = {k: prepare_labels(results[k].labels) for k in ks}
    sheet = make_sheet(labels[shown])
    stack = None if raster is None else as_band_stack(raster)
    colours = _choose_colours(results, stack)
    clusterings = tuple(_describe_clustering(results[k], labels[k], sheet, colours[k]) for k in ks)
    first = results[shown]
    quantity = read_text(first.labels.attrs, "long_name").removeprefix("cluster of ")
    units = {format_units(str(unit)) for unit in first.centroids["units"].values}
    unit = units.pop() if len(units) == 1 else ""
    values = None
    if stack is not None and first.gap is not None:
        values = _pick_values(stack.grid, sheet, clusterings[ks.index(shown)].labels)
    if stored is None and values is not None and stack and holds_stored_values(stack.grid):
        stored = stack.grid
    missing = labels[shown].size - int(first.counts.sum())
    shape = labels[shown].shape
    size = f"{count_things(shape[0], 'row')}, {count_things(shape[1], 'column')}"
    return Contents(
        title=title or _compose_title(first, ks, quantity),
        done=(
            *describe_work(results, choice),
            explain_missing(
                labels[shown].size,
                missing,
                () if stack is None else stack.bands,
                None if stored is None else count_by_rule(prepare_labels(stored)),
            ),
        ),
        grid=sheet.make_grid(values, quantity, unit),
        clusterings=clusterings,
        shown=ks.index(shown),
        facts=(*facts, ("Raster", size), ("Written by", f"fastkm {__version__}")),
        scores=None if choice is None else Scores(choice.scores, choice.k, label_scores(choice)),
        outlines=None if outlines is None else describe_outlines(outlines, sheet, unit),
    )


def prepare_labels(labels: xr.DataArray) -> xr.DataArray:
    """Return a label map as a plane, (y, x), without columns that repeat others."""
    axes = find_axes(labels)
    others = {dim: 0 for dim in labels.dims if dim not in {axes.y, axes.x}}
    return drop_repeated_columns(labels.isel(others)).transpose(axes.y, axes.x)


def label_scores(choice: Choice) -> str:
    """Return what the scores of a choice are."""
    from fastkm.plot.scores import AXIS_LABELS

    return AXIS_LABELS[choice.criterion]


def describe_histogram(codebook: KMeans1D) -> Histogram | None:
    """Return the distribution of the values that were clustered; None if it is not known."""
    from fastkm.plot.histogram import count_columns

    profile = codebook.profile
    if profile is None:
        return None
    breaks, centroids = (np.asarray(a, np.float64) for a in (codebook.breaks, codebook.centroids))
    edges, shares = count_columns(
        profile.values, profile.weights, breaks, centroids, profile.widths
    )
    return Histogram(edges, shares, breaks, centroids)


def _describe_clustering(
    result: RasterClusters, labels: xr.DataArray, sheet: Sheet, colours: tuple[str, ...]
) -> Clustering:
    """Return the clusters of one k."""
    areas = sum_areas(labels, result.k)
    return Clustering(
        labels=sheet.pick(labels, -1),
        colours=colours,
        names=name_clusters(result),
        table=Table(*tabulate_clusters(result, areas)),
        found=describe_result(result, areas),
        histogram=None
        if result.gap is None
        else describe_histogram(cast("KMeans1D", result.codebook)),
    )


def _choose_colours(
    results: Mapping[int, RasterClusters], stack: BandStack | None
) -> dict[int, tuple[str, ...]]:
    """Return the colours of the clusters of each k, as figures have them."""
    from matplotlib.colors import to_hex

    from fastkm.plot import class_colours, cluster_colormap

    if stack is not None:
        found: Mapping[int, Any] = choose_colours(
            stack, {k: one.codebook for k, one in results.items()}
        )
    else:
        found = {
            k: class_colours(k) if one.gap is None else cluster_colormap(k)(range(k))
            for k, one in results.items()
        }
    return {k: tuple(to_hex(colour) for colour in colours) for k, colours in found.items()}


def _pick_values(band: xr.DataArray, sheet: Sheet, labels: np.ndarray) -> np.ndarray:
    """Return the values of the cells of the map, NaN where they are missing."""
    band = prepare_labels(band)
    if band.shape != sheet.shape:
        raise ValueError(
            f"raster must be the one that was clustered, of {sheet.shape} cells, got {band.shape}"
        )
    picked = sheet.pick_array(band)
    return np.where(labels >= 0, to_physical(picked).astype(np.float64), np.nan)


def _compose_title(result: RasterClusters, ks: list[int], quantity: str) -> str:
    """Return the heading of a page: how many clusters of what, and of which date."""
    from fastkm.plot._text import format_date

    clusters = count_things(result.k, "cluster") if len(ks) == 1 else f"{list_numbers(ks)} clusters"
    what = quantity if result.gap is not None else list_words(result.bands)
    what = what if len(result.bands) < 4 else f"{len(result.bands)} bands"
    dates = [format_date(c.values) for c in result.labels.coords.values() if c.size == 1]
    return ", ".join([f"{clusters} of {what}", *filter(None, dates)])
