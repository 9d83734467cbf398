"""Whole jobs, from a file to maps, outlines and figures; every room is joined here.

`cluster_file` makes label maps and codebooks, `label_file` a label map of another file by a
codebook, `outline_file` outlines of clusters; `fastkm.lesson` is one more job. Rasters of several
bands go to `fastkm.workflows.several_bands`. Missing cells are never clustered, every ring closes, holes are holes.

Each job tells `announce` the name of the step that begins, and returns what it found and wrote.
Figures and files are written whole or not at all.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeGuard

import numpy as np

from fastkm.cluster.exact.kmeans1d import kmeans1d
from fastkm.cluster.exact.result import KMeans1D, load_codebook
from fastkm.cluster.selection.choose_k import Choice, choose_k
from fastkm.raster.codebook import is_stack_codebook
from fastkm.raster.grid.geolocation import lies_on_globe, regional_extent
from fastkm.raster.labels import label_raster
from fastkm.vector.geojson import to_rfc7946
from fastkm.vector.outline import outline
from fastkm.vector.write import check_extension, write_outlines
from fastkm.workflows.job import (
    Announce,
    Job,
    Selection,
    is_map,
    require_one_map,
    silent,
    write_maps,
)
from fastkm.workflows.several_bands import StackClusters, cluster_bands, draw_choice, label_bands
from fastkm.workflows.tables import choice_table, cluster_table

if TYPE_CHECKING:
    import geopandas as gpd
    import xarray as xr

    from fastkm.raster.io.read_netcdf import Bbox
    from fastkm.workflows.job import Colours


@dataclass(frozen=True)
class Clusters:
    """The result of `cluster_file` and of `label_file`: by k the clusters and their cells here."""

    raster: xr.DataArray
    results: dict[int, KMeans1D]
    counts: dict[int, np.ndarray]
    files: list[Path]
    choice: Choice | None = None
    weights: dict[int, np.ndarray] = field(default_factory=dict)

    def shares(self, k: int) -> np.ndarray:
        """Give the share of each cluster in the weights, or in the cells."""
        parts = self.weights.get(k, self.counts[k])
        return parts / (parts.sum() or 1)


@dataclass(frozen=True)
class Outlines:
    """The result of `outline_file`: the clusters and the selected ones by k, and their outlines."""

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
    choose: str | None = None,
    weights: str | None = None,
    standardize: bool = False,
    announce: Announce = silent,
) -> Clusters | StackClusters:
    """Cluster a raster for each k; write label maps, codebooks, a panel figure and a table.

    Parameters
    ----------
    selection : Selection
        The raster, of one or several bands.
    ks : sequence of int
        Numbers of clusters.
    output : path-like
        The folder for ``labels_k6.nc`` (``labels_k6.tif`` of a GeoTIFF) and
        ``codebook_k6.json``, one of each for each k, ``clusters.png`` and ``clusters.csv``. Or,
        of one k, a .nc or .tif file: the label map, which is then all that is written.
    choose : str, optional
        A criterion of `fastkm.choose_k`, which then chooses one of the k; the scores are
        written to ``choice.csv`` and drawn in ``choice.png``.
    weights : {"area"}, optional
        Weight cells by their area.
    standardize : bool, default: False
        Divide bands by their standard deviations; the clusters of one band stay the same.
    announce : callable, optional
        Told the name of each step as it begins.

    Raises
    ------
    OSError, ValueError
        If the file cannot be read or holds no such raster, or `choose` cannot choose.
    ClusterError
        If the raster has fewer distinct values than every k.
    """
    require_one_map(output, ks)
    job = Job(announce)
    with job.step("read the raster"):
        raster = selection.read_stack()
        areas = None if weights is None else selection.areas()
    if not _is_one_band(raster):
        return cluster_bands(
            job, raster, selection, ks, Path(output),
            choose=choose, weights=areas, standardize=standardize,
        )  # fmt: skip
    return _cluster_one_band(job, raster, selection, ks, Path(output), choose, areas)


def _is_one_band(raster: xr.DataArray | xr.Dataset) -> TypeGuard[xr.DataArray]:
    return not hasattr(raster, "data_vars") and raster.ndim == 2


def _cluster_one_band(
    job: Job,
    raster: xr.DataArray,
    selection: Selection,
    ks: Sequence[int],
    output: Path,
    choose: str | None,
    areas: xr.DataArray | None,
) -> Clusters:
    """Find the optimum of one band and write it."""
    with job.step("cluster"):
        results: dict[int, KMeans1D] = kmeans1d(raster, ks, weights=areas)
        choice = None if choose is None else choose_k(results, choose)
    maps = {k: label_raster(raster, result) for k, result in results.items()}
    weighed = {} if areas is None else {k: result.weights for k, result in results.items()}
    done = Clusters(raster, results, _cells(maps), job.files, choice, weighed)
    by = "kmeans1d" if areas is None else "kmeans1d, cells weighted by area,"
    with job.step("write label maps, codebooks and the table"):
        write_maps(job, maps, _colours(maps), selection, output, by=by, of=str(raster.name))
        if is_map(output):
            return done
        for k, result in results.items():
            path = output / f"codebook_k{k}.json"
            result.save(path)
            job.files.append(path)
        job.write(_table(done), output / "clusters.csv")
    with job.step("draw the figure"):
        _draw_clusters(job, output / "clusters.png", done, maps)
    if choice is not None:
        with job.step("write and draw the scores"):
            job.write(choice_table(choice), output / "choice.csv")
            draw_choice(job, output / "choice.png", choice)
    return done


def label_file(
    selection: Selection,
    codebook: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    announce: Announce = silent,
) -> Clusters | StackClusters:
    """Label a raster by the clusters of another; write a label map, a figure and a table.

    Parameters
    ----------
    selection : Selection
        The raster, with the bands of the codebook.
    codebook : path-like
        A file that `cluster_file` or the `save` of a result wrote.
    output : path-like
        The folder for ``labels_k6.nc``, ``clusters.png`` and ``clusters.csv``, whose cells and
        shares are those of this raster. Or a .nc or .tif file for the label map alone.
    announce : callable, optional
        Told the name of each step as it begins.

    Raises
    ------
    OSError, ValueError
        If the file or the codebook cannot be read, or the file holds no such raster.
    """
    output, job = Path(output), Job(announce)
    if is_stack_codebook(codebook):
        return label_bands(job, selection, Path(codebook), output)
    with job.step("read the raster"):
        result = load_codebook(codebook)
        raster = selection.read_stack()
        if not _is_one_band(raster):
            raise ValueError(
                f"{Path(codebook)} is the codebook of one band, but {selection.file} gives several; "
                "choose one of them"
            )
    with job.step("label"):
        labels = label_raster(raster, result)
        del labels.attrs["inertia"]  # it is not this raster's
    maps = {result.k: labels}
    done = Clusters(raster, {result.k: result}, _cells(maps), job.files)
    with job.step("write the label map and the table"):
        by = f"labels by {Path(codebook).name}"
        write_maps(job, maps, _colours(maps), selection, output, by=by, of=str(raster.name))
        if is_map(output):
            return done
        job.write(_table(done), output / "clusters.csv")
    with job.step("draw the figure"):
        _draw_clusters(job, output / "clusters.png", done, maps)
    return done


def outline_file(
    selection: Selection,
    ks: Sequence[int],
    select: str | int,
    output: str | os.PathLike[str],
    *,
    options: OutlineOptions = OutlineOptions(),
    map_path: str | os.PathLike[str] | None = None,
    announce: Announce = silent,
) -> Outlines:
    """Outline clusters of a raster; write the polygons and, if asked, maps.

    Parameters
    ----------
    selection : Selection
        The raster.
    ks : sequence of int
        Numbers of clusters; the file says in column ``k`` which a polygon comes from.
    select : {"all", "highest", "lowest"} or int
        The clusters, by centroid or number (0 is the lowest).
    output : path-like
        A file of a format that `fastkm.vector.write.write_outlines` knows.
    options : OutlineOptions, optional
        Which regions to leave out, and how to draw the others.
    map_path : path-like, optional
        A .png file for the map; of several k a file for each, ``map_k6.png``.
    announce : callable, optional
        Told the name of each step as it begins.

    Raises
    ------
    OSError, ValueError
        If the file cannot be read or holds no such raster, or `select` or `output` is wrong.
    ClusterError
        If the raster has fewer distinct values than every k.
    """
    import pandas as pd

    check_extension(output)
    chosen = {k: chosen_clusters(select, k) for k in ks}
    job = Job(announce)
    with job.step("read the raster"):
        raster = selection.read()
        areas = selection.areas() if lies_on_globe(raster) else None
    with job.step("cluster"):
        results: dict[int, KMeans1D] = kmeans1d(raster, ks)
    chosen = {k: chosen[k] for k in results}
    with job.step("trace the outlines"):
        found = {
            k: outline(
                label_raster(raster, result),
                values=raster,
                select=chosen[k],
                areas=areas,
                **vars(options),
            )
            for k, result in results.items()
        }
        for k, frame in found.items():
            frame.insert(0, "k", np.full(len(frame), k, np.int64))
        together = pd.concat(found.values(), ignore_index=True)
    with job.step("write the outlines"):
        job.files += write_outlines(together, output)
    if map_path is not None:
        units = str(raster.attrs.get("units", ""))
        with job.step("draw the map"):
            for k, path in _map_paths(Path(map_path), list(found)).items():
                draw_map(job, path, found[k], extent=regional_extent(raster), units=units)
    return Outlines(raster, results, chosen, together, job.files)


def chosen_clusters(select: str | int, k: int) -> list[int]:
    """Turn "all", "highest", "lowest" or a number into cluster numbers.

    Raises
    ------
    ValueError
        If it is none of these, or not below k.

    Examples
    --------
    >>> chosen_clusters("highest", 6), chosen_clusters("2", 6), chosen_clusters("all", 3)
    ([5], [2], [0, 1, 2])
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


def _map_paths(path: Path, ks: Sequence[int]) -> dict[int, Path]:
    """Name a map for each k."""
    if len(ks) == 1:
        return {ks[0]: path}
    return {k: path.with_name(f"{path.stem}_k{k}{path.suffix}") for k in ks}


def draw_map(
    job: Job,
    path: Path,
    outlines: gpd.GeoDataFrame,
    *,
    extent: Bbox | None = None,
    units: str = "",
) -> None:
    """Draw outlines on a map: of `extent`, or of the world; projected ones with some room around."""
    from fastkm.plot import map_figure

    if outlines.crs is not None and not outlines.crs.is_geographic:
        outlines = to_rfc7946(outlines).set_crs(4326)
        west, south, east, north = outlines.total_bounds.tolist()
        room = 0.1 * max(east - west, north - south)  # NaN where there is no outline
        if 0 < room < 30.0:
            extent = (west - room, max(south - room, -90), east + room, min(north + room, 90))
    job.save(map_figure(outlines, extent=extent, units=units), path)


def _cells(maps: dict[int, xr.DataArray]) -> dict[int, np.ndarray]:
    """Count the cells of each cluster in label maps by k."""
    labels = {k: labelled.values for k, labelled in maps.items()}
    return {k: np.bincount(own[own >= 0], minlength=k) for k, own in labels.items()}


def _table(done: Clusters) -> list[list[object]]:
    """List the clusters, their shares by weight where cells have weights."""
    return cluster_table(done.results, done.counts, {k: done.shares(k) for k in done.results})


def _colours(maps: Mapping[int, xr.DataArray]) -> dict[int, Colours]:
    """Give clusters the colours that figures give them."""
    from fastkm.plot import cluster_colormap

    return {k: [cluster_colormap(k)(j) for j in range(k)] for k in maps}


def _draw_clusters(job: Job, path: Path, done: Clusters, maps: dict[int, xr.DataArray]) -> None:
    """Draw the raster and its label maps."""
    from fastkm.plot import clusters_figure

    centroids = {k: result.centroids for k, result in done.results.items()}
    job.save(clusters_figure(done.raster, maps, centroids), path)
