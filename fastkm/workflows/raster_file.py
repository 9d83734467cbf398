"""Whole jobs on one raster, from a file to maps, outlines and figures.

`cluster_file` makes label maps and codebooks, `label_file` a label map of another file by a
codebook, `outline_file` outlines of clusters. A raster of one band gets the optimum, one of several
bands the result of Lloyd's algorithm; the same files are written. Missing cells are never
clustered. Each file is written whole or not at all. `progress` shows each stage as it begins.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from fastkm._core.progress import SILENT, Progress
from fastkm.cluster.exact.kmeans1d import kmeans1d
from fastkm.cluster.selection.choose_k import Choice, Criterion, choose_k
from fastkm.raster.bands import BandStack, as_band_stack
from fastkm.raster.cluster_raster import cluster_raster
from fastkm.raster.codebook import load_codebook
from fastkm.raster.grid.axes import find_raster_variables
from fastkm.raster.grid.geolocation import find_regional_extent, is_on_globe
from fastkm.raster.io.open import open_netcdf
from fastkm.raster.io.read_geotiff import is_geotiff
from fastkm.raster.labels import label_raster
from fastkm.vector.outline import outline
from fastkm.vector.write import check_extension, write_outlines
from fastkm.workflows.figures import choose_colours, draw_choice, draw_clusters, draw_map
from fastkm.workflows.job import FileWriter, Selection, is_label_map, require_one_k, write_maps
from fastkm.workflows.tables import choice_table, cluster_table

if TYPE_CHECKING:
    import geopandas as gpd
    import xarray as xr

    from fastkm.cluster.codebook import Codebook
    from fastkm.cluster.exact.result import KMeans1D


@dataclass(frozen=True)
class Clusters:
    """The result of `cluster_file` and of `label_file`, by k, and the files that were written."""

    stack: BandStack
    codebooks: dict[int, Codebook]
    maps: dict[int, xr.DataArray]  # the label map of the raster
    counts: dict[int, np.ndarray]  # cells of each cluster in the label map
    inertia: dict[int, float] = field(default_factory=dict)  # empty if a given codebook was used
    weights: dict[int, np.ndarray] = field(default_factory=dict)  # summed; empty if there are none
    choice: Choice | None = None  # the k that was chosen, if one was to be chosen
    files: list[Path] = field(default_factory=list)

    def shares(self, k: int) -> np.ndarray:
        """Return the share of each cluster in the weights, or in the cells if there are none."""
        parts = self.weights.get(k, self.counts[k])
        return parts / (parts.sum() or 1)


@dataclass(frozen=True)
class Outlines:
    """The result of `outline_file`: clusters by k, which of them were selected, their outlines."""

    raster: xr.DataArray
    results: dict[int, KMeans1D]
    selected: dict[int, list[int]]
    outlines: gpd.GeoDataFrame
    files: list[Path]


@dataclass(frozen=True)
class OutlineOptions:
    """Options of `fastkm.outline` that hold for every k."""

    min_diameter: float | str = 0.0
    min_area: float | str = 0.0
    boundary: Literal["cell", "contour"] = "cell"
    connectivity: Literal[4, 8] = 4
    bridge: int = 0
    longitudes: Literal["0..360", "-180..180"] | None = None


def cluster_file(
    selection: Selection,
    ks: Sequence[int],
    output: str | os.PathLike[str],
    *,
    choose: Criterion | None = None,
    weights: str | None = None,
    standardize: bool = False,
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
        for one k, a .nc or .tif file: the label map, which is then all that is written.
    choose : str, optional
        A criterion of `fastkm.choose_k`, which then chooses one of the k; the scores are
        written to ``choice.csv`` and drawn in ``choice.png``.
    weights : {"area"}, optional
        Weight cells by their area.
    standardize : bool, default: False
        Divide bands by their standard deviations; the clusters of one band stay the same.

    Raises
    ------
    OSError, ValueError
        If the file cannot be read or holds no such raster, or `choose` cannot choose.
    ClusterError
        If the raster has fewer distinct values than every k.
    """
    require_one_k(output, ks)
    output, writer = Path(output), FileWriter()
    progress.begin("read the raster")
    raster = selection.read_stack()
    areas = None if weights is None else selection.read_areas()
    stack = as_band_stack(raster)
    standardize = standardize and len(stack.bands) > 1

    progress.begin("cluster")
    results = cluster_raster(raster, ks, weights=areas, standardize=standardize)
    choice = None if choose is None else choose_k(results, choose)
    done = Clusters(
        stack=stack,
        codebooks={k: result.codebook for k, result in results.items()},
        maps={k: result.labels for k, result in results.items()},
        counts={k: result.counts for k, result in results.items()},
        inertia={k: result.inertia for k, result in results.items()},
        weights={} if areas is None else {k: result.weights for k, result in results.items()},
        choice=choice,
        files=writer.files,
    )

    progress.begin("write label maps, codebooks and the table")
    by = _describe_method(stack, standardize=standardize, weighted=areas is not None)
    _write_maps_and_table(writer, done, selection, output, by)
    if is_label_map(output):
        return done
    progress.begin("draw the figure")
    draw_clusters(writer, output / "clusters.png", stack, done.maps, done.codebooks)
    if choice is not None:
        progress.begin("write and draw the scores")
        writer.write_table(choice_table(choice), output / "choice.csv")
        draw_choice(writer, output / "choice.png", choice)
    return done


def _describe_method(stack: BandStack, *, standardize: bool, weighted: bool) -> str:
    """Return how clusters were found, for the history of label maps."""
    if len(stack.bands) == 1:
        return "kmeans1d, cells weighted by area," if weighted else "kmeans1d"
    how = ["standardized bands"] * standardize + ["cells weighted by area"] * weighted
    return ", ".join(["cluster_raster", *how])


def label_file(
    selection: Selection,
    codebook: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    progress: Progress = SILENT,
) -> Clusters:
    """Label a raster by the clusters of another; write a label map, a figure and a table.

    The codebook is a file that `cluster_file` or the `save` of a result wrote, and the raster has
    its bands. The output is a folder for ``labels_k6.nc``, ``clusters.png`` and ``clusters.csv``,
    whose cells and shares are those of this raster. Or it is a .nc or .tif file for the label map
    alone.

    Raises
    ------
    OSError, ValueError
        If the file or the codebook cannot be read, or the file holds no such raster.
    """
    path, output, writer = Path(codebook), Path(output), FileWriter()
    progress.begin("read the raster")
    book = load_codebook(path)
    raster = _select_variables(book, selection).read_stack()
    stack = as_band_stack(raster)
    if not book.names and len(stack.bands) > 1:
        raise ValueError(
            f"{path} is the codebook of one band, but {selection.file} gives several; "
            "choose one of them"
        )

    progress.begin("label")
    labels = label_raster(raster if book.names else stack.grid, book, with_inertia=False)
    counts = np.bincount(labels.values[labels.values >= 0], minlength=book.k)
    done = Clusters(stack, {book.k: book}, {book.k: labels}, {book.k: counts}, files=writer.files)

    progress.begin("write the label map and the table")
    by = f"labels by {path.name}"
    _write_maps_and_table(writer, done, selection, output, by, with_codebooks=False)
    if not is_label_map(output):
        progress.begin("draw the figure")
        draw_clusters(writer, output / "clusters.png", stack, done.maps, done.codebooks)
    return done


def _select_variables(codebook: Codebook, selection: Selection) -> Selection:
    """Select the variables that the codebook names, if none is selected and the file has them."""
    if not codebook.names or selection.variable is not None or is_geotiff(selection.file):
        return selection
    with open_netcdf(selection.file) as dataset:
        has_all = set(codebook.names) <= set(find_raster_variables(dataset))
    return replace(selection, variable=codebook.names) if has_all else selection


def _write_maps_and_table(
    writer: FileWriter,
    done: Clusters,
    selection: Selection,
    output: Path,
    by: str,
    *,
    with_codebooks: bool = True,
) -> None:
    """Write label maps; into a folder also the table and, `with_codebooks`, the codebooks."""
    colours = choose_colours(done.stack, done.codebooks)
    of = ", ".join(done.stack.names)
    write_maps(writer, done.maps, colours, selection, output, by=by, of=of)
    if is_label_map(output):
        return
    if with_codebooks:
        for k, codebook in done.codebooks.items():
            path = output / f"codebook_k{k}.json"
            codebook.save(path)
            writer.files.append(path)
    shares = {k: done.shares(k) for k in done.codebooks}
    writer.write_table(cluster_table(done.codebooks, done.counts, shares), output / "clusters.csv")


def outline_file(
    selection: Selection,
    ks: Sequence[int],
    select: str | int,
    output: str | os.PathLike[str],
    *,
    options: OutlineOptions = OutlineOptions(),
    map_path: str | os.PathLike[str] | None = None,
    progress: Progress = SILENT,
) -> Outlines:
    """Outline clusters of a raster; write the polygons and, if `map_path` is given, maps.

    Parameters
    ----------
    selection, ks
        The raster, and the numbers of clusters: column ``k`` of the file says which k a polygon
        comes from.
    select : {"all", "highest", "lowest"} or int
        The clusters, by centroid or number (0 is the lowest).
    output : path-like
        A file of a format that `fastkm.vector.write.write_outlines` knows.
    options : OutlineOptions, optional
        Which regions to leave out, and how to draw the others.
    map_path : path-like, optional
        A .png file for the map; for several k a file each, ``map_k6.png``.

    Raises
    ------
    OSError, ValueError
        If the file cannot be read or holds no such raster, or `select` or `output` is wrong.
    ClusterError
        If the raster has fewer distinct values than every k.
    """
    import pandas as pd

    check_extension(output)
    selected = {k: select_clusters(select, k) for k in ks}
    writer = FileWriter()
    progress.begin("read the raster")
    raster = selection.read()
    areas = selection.read_areas() if is_on_globe(raster) else None
    progress.begin("cluster")
    results: dict[int, KMeans1D] = kmeans1d(raster, ks)
    selected = {k: selected[k] for k in results}
    progress.begin("trace the outlines")
    frames = {}
    for k, result in results.items():
        frames[k] = outline(
            label_raster(raster, result),
            values=raster,
            select=selected[k],
            areas=areas,
            **vars(options),
        )
        frames[k].insert(0, "k", np.full(len(frames[k]), k, np.int64))
    outlines = pd.concat(frames.values(), ignore_index=True)
    progress.begin("write the outlines")
    writer.files += write_outlines(outlines, output)
    if map_path is not None:
        progress.begin("draw the map")
        units = str(raster.attrs.get("units", ""))
        path = Path(map_path)
        for k, frame in frames.items():
            own = path if len(frames) == 1 else path.with_name(f"{path.stem}_k{k}{path.suffix}")
            draw_map(writer, own, frame, extent=find_regional_extent(raster), units=units)
    return Outlines(raster, results, selected, outlines, writer.files)


def select_clusters(select: str | int, k: int) -> list[int]:
    """Turn "all", "highest", "lowest" or a number below k, also as a text, into cluster numbers.

    Anything else raises a ValueError.
    """
    named = {"lowest": [0], "highest": [k - 1], "all": list(range(k))}
    if select in named:
        return named[str(select)]
    try:
        cluster = int(select)
    except ValueError:
        cluster = -1
    if not 0 <= cluster < k:
        raise ValueError(f"select must be all, highest, lowest or 0 to {k - 1}, got {select!r}")
    return [cluster]
