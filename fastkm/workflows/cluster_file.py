"""Whole jobs on one raster, from a file to maps, outlines and figures.

`cluster_file` makes label maps and codebooks, `label_file` a label map of another file by a
codebook, `outline_file` outlines of clusters. A raster of one band gets the optimum, one of several
bands the result of Lloyd's algorithm; the same files are written. Missing cells are never
clustered. Each file is written whole or not at all. `progress` shows each stage as it begins.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fastkm._core.atomic_write import write_together
from fastkm._core.progress import SILENT, Progress
from fastkm.cluster.selection.choose_k import Choice, Criterion, choose_k
from fastkm.raster.bands import BandStack, as_band_stack
from fastkm.raster.cluster_raster import cluster_raster
from fastkm.raster.codebook import read_codebook_file, warn_of_other_units
from fastkm.raster.grid.repeated_columns import find_distinct_columns, note_repeated_columns
from fastkm.raster.io.choose import list_raster_variables
from fastkm.raster.io.geotiff.read_geotiff import is_geotiff
from fastkm.raster.labels import label_raster
from fastkm.raster.zonal import zonal_statistics
from fastkm.workflows.cell_areas import SQUARE_KM, find_areas
from fastkm.workflows.figures import (
    DEFAULT_FIGURES,
    FigureOptions,
    choose_colours,
    draw_choice,
    draw_clusters,
)
from fastkm.workflows.job import FileWriter, Selection
from fastkm.workflows.label_maps import (
    plan_maps,
    read_history,
    require_replaceable_store,
    write_maps,
)
from fastkm.workflows.outputs import (
    find_results,
    is_label_map,
    protect_inputs,
    require_one_k,
    require_replaceable,
)
from fastkm.workflows.reports.output import plan_report
from fastkm.workflows.tables import choice_table, cluster_table

if TYPE_CHECKING:
    import xarray as xr

    from fastkm.cluster.codebook import Codebook
    from fastkm.raster.raster_clusters import RasterClusters
    from fastkm.raster.sieve import SieveOptions


@dataclass(frozen=True)
class Clusters:
    """The result of `cluster_file` and of `label_file`, by k, and the files that were written."""

    raster: xr.DataArray | xr.Dataset
    stack: BandStack
    codebooks: dict[int, Codebook]
    maps: dict[int, xr.DataArray]  # the label map of the raster, lazy if that is
    counts: dict[int, np.ndarray]  # cells of each cluster in the label map
    inertia: dict[int, float] = field(default_factory=dict)  # empty if a given codebook was used
    masses: dict[int, float] = field(default_factory=dict)  # the weights or cells of the inertia
    weights: dict[int, np.ndarray] = field(default_factory=dict)  # summed; empty if there are none
    areas: dict[int, np.ndarray] = field(default_factory=dict)  # of the clusters, km2; if known
    passes: dict[int, int] = field(default_factory=dict)  # over all cells, as far as they count
    standardized: bool = False  # whether the inertia is in units of the deviations of the bands
    choice: Choice | None = None  # the k that was chosen, if one was to be chosen
    files: list[Path] = field(default_factory=list)

    def shares(self, k: int) -> np.ndarray:
        """Return the share of each cluster in the weights, or in the cells if there are none."""
        parts = self.weights.get(k, self.counts[k])
        return parts / (parts.sum() or 1)

    def measure_distance(self, k: int) -> float:
        """Return the root mean square distance of (weighted) cells to their centroids.

        Unlike the inertia, it is in the units of the data, or of their deviations, whatever the
        weights are and however many cells there are.
        """
        return math.sqrt(self.inertia[k] / self.masses[k])


def cluster_file(
    selection: Selection,
    ks: Sequence[int],
    output: str | os.PathLike[str],
    *,
    choose: Criterion | None = None,
    weights: str | None = None,
    standardize: bool = False,
    sieve: SieveOptions | None = None,
    report: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    figures: FigureOptions = DEFAULT_FIGURES,
    progress: Progress = SILENT,
) -> Clusters:
    """Cluster a raster for each k; write label maps, codebooks, a panel figure and a table.

    Parameters
    ----------
    selection, ks
        The raster, of one or several bands, and the numbers of clusters.
    output : path-like
        The folder for ``labels_k6.nc`` (``labels_k6.tif`` for a GeoTIFF) and
        ``codebook_k6.json``, one of each for each k, ``clusters.png`` and ``clusters.csv``. Or,
        for one k, a .nc or .tif file or a .zarr store: the label map, which is then all that is
        written.
    choose : str, optional
        A criterion of `fastkm.choose_k`, which then chooses one of the k; the scores are
        written to ``choice.csv`` and drawn in ``choice.png``.
    weights : {"area"}, optional
        Weight cells by their area.
    standardize : bool, default: False
        Divide bands by their standard deviations; the clusters of one band stay the same.
    sieve : SieveOptions, optional
        Sieve the label maps: tables and figures then show these, and codebooks stay as they are.
    report : path-like, optional
        A .html file for a page that shows the results in a browser; see `fastkm.report`.
    overwrite : bool, default: False
        Replace the results of an earlier run in the folder, all of them; other files stay. Replace
        a Zarr store that is no label map.
    figures : FigureOptions, optional
        How figures are drawn: as ``clusters.pdf`` for format "pdf".

    Raises
    ------
    OSError, ValueError
        If the file cannot be read or holds no such raster, or `choose` cannot choose; if the folder
        holds results of another run and `overwrite` is False, or the output is an input.
    ClusterError
        If the raster has fewer distinct values than every k.
    """
    require_one_k(output, ks)
    earlier = find_results(output)
    page = plan_report(report)
    protect_inputs([Path(output), *page, *earlier], [selection.file, selection.mask])
    output, writer = Path(output), FileWriter()
    require_replaceable_store(output, overwrite=overwrite)
    progress.begin("read the raster")
    raster = selection.open()
    areas = None if weights is None else selection.open_areas(raster)
    stack = as_band_stack(raster)
    standardize = standardize and len(stack.bands) > 1
    by = _describe_method(stack, standardize=standardize, weighted=areas is not None, sieve=sieve)
    maps = plan_maps(ks, selection, output, by=by, of=stack)
    books = {f"codebook_k{k}.json" for k in ks}
    drawn = _name_drawn("clusters", figures)
    scores = set() if choose is None else _name_drawn("choice", figures)
    _check_earlier(earlier, drawn | books | scores, maps, overwrite=overwrite)

    progress.begin("cluster")
    results = cluster_raster(raster, ks, weights=areas, standardize=standardize)
    done = Clusters(
        raster=raster,
        stack=stack,
        codebooks={k: result.codebook for k, result in results.items()},
        maps={k: result.labels for k, result in results.items()},
        counts={k: result.counts for k, result in results.items()},
        inertia={k: result.inertia for k, result in results.items()},
        masses={k: float(result.weights.sum()) for k, result in results.items()},
        weights={} if areas is None else {k: result.weights for k, result in results.items()},
        passes={k: result.passes for k, result in results.items() if result.passes is not None},
        areas={} if areas is None else {k: own.weights / SQUARE_KM for k, own in results.items()},
        standardized=standardize,
        choice=None if choose is None else choose_k(results, choose),
        files=writer.files,
    )
    if sieve is not None:
        progress.begin("sieve the label maps")
        if areas is None and sieve.needs_areas:
            areas = selection.open_areas(raster)
        done = _sieve_maps(done, sieve, areas)
    with write_together(earlier):
        _write_results(writer, done, selection, output, by, progress, figures)
        for path in page:
            _report_results(writer, path, done, results, selection, progress, figures)
    return done


def _sieve_maps(done: Clusters, sieve: SieveOptions, areas: xr.DataArray | None) -> Clusters:
    """Sieve the label maps; sums of weights, which are areas, are then theirs."""
    maps = {k: sieve.apply(labels, areas) for k, labels in done.maps.items()}
    weights = {}
    if done.weights and areas is not None:
        once = find_distinct_columns(done.stack.grid)
        sizes = areas.isel(once).values
        for k, labels in maps.items():
            found = zonal_statistics(labels.isel(once).values, sizes, k)
            weights[k] = np.nan_to_num(found.sums)
    return replace(
        done,
        maps=maps,
        counts={},  # counted when the maps are written
        weights=weights,
        areas={k: own / SQUARE_KM for k, own in weights.items()},
    )


def _name_drawn(name: str, figures: FigureOptions) -> set[str]:
    """Return the names of a table and its figure."""
    return {f"{name}.csv", f"{name}.{figures.format}"}


def _check_earlier(
    earlier: list[Path], new: set[str], maps: Mapping[Path, str], *, overwrite: bool
) -> None:
    """Raise if there are results of an earlier run that must stay.

    They may be replaced if it was the same run, which made no other files than the `new` ones and
    label `maps` of the same history.
    """
    again = {file.name for file in earlier} <= new | {path.name for path in maps} and all(
        read_history(path) == history for path, history in maps.items()
    )
    require_replaceable(earlier, overwrite=overwrite, again=again)


def _describe_method(
    stack: BandStack, *, standardize: bool, weighted: bool, sieve: SieveOptions | None
) -> str:
    """Return how clusters were found, for the history of label maps."""
    sieved = [] if sieve is None else [str(sieve)]
    if len(stack.bands) == 1:
        how = ["cells weighted by area"] * weighted + sieved
        return ", ".join(["kmeans1d", *how]) + "," * bool(how)
    how = ["standardized bands"] * standardize + ["cells weighted by area"] * weighted + sieved
    return ", ".join(["cluster_raster", *how])


def label_file(
    selection: Selection,
    codebook: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    sieve: SieveOptions | None = None,
    report: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    figures: FigureOptions = DEFAULT_FIGURES,
    progress: Progress = SILENT,
) -> Clusters:
    """Label a raster by the clusters of another; write a label map, a figure and a table.

    The codebook is a file that `cluster_file` or the `save` of a result wrote, and the raster has
    its bands. The output is a folder for ``labels_k6.nc``, ``clusters.png`` and ``clusters.csv``,
    whose cells and shares are those of this raster; with `overwrite` the results of an earlier run
    in it are replaced. Or it is a .nc or .tif file for the label map alone. With `sieve` the label
    map is sieved. `report` is a .html file for a page that shows the results in a browser.

    Raises
    ------
    OSError, ValueError
        If the file or the codebook cannot be read, or the file holds no such raster; if the folder
        holds results of another run and `overwrite` is False, or the output is an input.
    """
    path = Path(codebook)
    require_one_k(output, [0])
    inputs = [selection.file, selection.mask, path]
    earlier = find_results(output)
    page = plan_report(report)
    protect_inputs([Path(output), *page, *earlier], inputs)
    output, writer = Path(output), FileWriter()
    require_replaceable_store(output, overwrite=overwrite)
    progress.begin("read the raster")
    book, stored = read_codebook_file(path)
    raster = _select_variables(book, selection).open()
    stack = as_band_stack(raster)
    if not book.names and len(stack.bands) > 1:
        raise ValueError(
            f"{path} is the codebook of one band, but {selection.file} gives several; "
            "choose one of them"
        )
    if not book.names:  # of one band, only the codebook of an archive has units
        warn_of_other_units(stack.units, stored.get("units", [""]))
    by = f"labels by {path.name}" + ("" if sieve is None else f", {sieve},")
    maps = plan_maps([book.k], selection, output, by=by, of=stack)
    _check_earlier(earlier, _name_drawn("clusters", figures), maps, overwrite=overwrite)

    progress.begin("label")
    labels = label_raster(raster if book.names else stack.grid, book, with_inertia=False)
    note_repeated_columns(labels)
    if sieve is not None:
        areas = selection.open_areas(raster) if sieve.needs_areas else None
        labels = sieve.apply(labels, areas)
    done = Clusters(raster, stack, {book.k: book}, {book.k: labels}, {}, files=writer.files)
    with write_together(earlier):
        _write_results(writer, done, selection, output, by, progress, figures, with_codebooks=False)
        for own in page:
            from fastkm.workflows.reports.jobs import report_labels

            progress.begin("write the report")
            report_labels(
                writer, own, book, labels, done.counts[book.k], raster, selection,
                source=path.name, title=figures.title,
            )  # fmt: skip
    return done


def _select_variables(codebook: Codebook, selection: Selection) -> Selection:
    """Select the variables that the codebook names, if none is selected and the file has them."""
    if not codebook.names or selection.variable is not None or is_geotiff(selection.file):
        return selection
    has_all = set(codebook.names) <= set(list_raster_variables(selection.file))
    return replace(selection, variable=codebook.names) if has_all else selection


def _write_results(
    writer: FileWriter,
    done: Clusters,
    selection: Selection,
    output: Path,
    by: str,
    progress: Progress,
    figures: FigureOptions,
    *,
    with_codebooks: bool = True,
) -> None:
    """Write label maps; into a folder all other files too, `with_codebooks` or without.

    Cells are counted as they are written, if they have not been, and their areas are added up.
    """
    progress.begin("write label maps")
    has_colours = is_geotiff(output) or not is_label_map(output)  # of the map, or of the figure
    colours = choose_colours(done.stack, done.codebooks) if has_colours else {}
    written = write_maps(
        writer,
        done.maps,
        done.stack,
        colours,
        selection,
        output,
        by=by,
        count=not done.counts,
        areas=None if done.areas else find_areas(selection, done.raster, done.stack.grid),
    )
    done.counts.update(written.counts)
    done.areas.update(written.areas)
    if is_label_map(output):
        return
    progress.begin("write the table and draw the figure")
    if with_codebooks:
        for k, codebook in done.codebooks.items():
            path = output / f"codebook_k{k}.json"
            codebook.save(path)
            writer.files.append(path)
    shares = {k: done.shares(k) for k in done.codebooks}
    table = cluster_table(done.codebooks, done.counts, shares, done.areas)
    writer.write_table(table, output / "clusters.csv")
    path = output / f"clusters.{figures.format}"
    chosen = None if done.choice is None else done.choice.k
    draw_clusters(writer, path, written.stack, written.maps, done.codebooks, figures, chosen)
    if done.choice is not None:
        progress.begin("write and draw the scores")
        writer.write_table(choice_table(done.choice), output / "choice.csv")
        draw_choice(writer, output / f"choice.{figures.format}", done.choice, figures)


def _report_results(
    writer: FileWriter,
    path: Path,
    done: Clusters,
    results: Mapping[int, RasterClusters],
    selection: Selection,
    progress: Progress,
    figures: FigureOptions,
) -> None:
    """Write the report of what was clustered, with the label maps as they were written."""
    from fastkm.workflows.reports.jobs import report_clusters

    progress.begin("write the report")
    shown = {
        k: replace(result, labels=done.maps[k], counts=done.counts[k])
        for k, result in results.items()
    }
    report_clusters(
        writer, path, shown, done.raster, selection, choice=done.choice, title=figures.title
    )
