"""Whole jobs, from a file to maps, outlines and figures; every room is joined here.

`cluster_file` makes label maps and codebooks, `label_file` a label map of another file by a
codebook, `outline_file` outlines of a cluster; `fastkm.lesson` is one more job. Missing cells are
never clustered, every ring closes, holes are holes.

Each job tells `announce` the name of the step that begins, and returns what it found and wrote.
Figures and files are written whole or not at all.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fastkm._files import replacing
from fastkm._tables import Rows, choice_table, cluster_table, write_csv
from fastkm.cluster import Choice, KMeans1D, choose_k, kmeans1d, load_codebook
from fastkm.raster import (
    apply_mask,
    global_attributes,
    label_raster,
    read_raster,
    suspicious_values,
    write_labels,
)
from fastkm.vector import (
    check_extension,
    outline,
    regional_extent,
    write_outlines,
)

if TYPE_CHECKING:
    import geopandas as gpd
    import xarray as xr
    from matplotlib.figure import Figure

    from fastkm.raster.read import Bbox

Announce = Callable[[str], None]

DPI = 150


def silent(step: str) -> None:
    """Announce nothing."""


@dataclass
class Job:
    """What a job wrote, and how long each of its steps took."""

    announce: Announce = silent
    files: list[Path] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Announce a step and time it."""
        self.announce(name)
        start = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - start

    def save(self, figure: Figure, path: Path) -> None:
        """Write a figure as PNG."""
        with replacing(path) as draft:
            figure.savefig(draft, dpi=DPI)
        self.files.append(path)

    def write(self, rows: Rows, path: Path) -> None:
        """Write a table as CSV."""
        write_csv(rows, path)
        self.files.append(path)


@dataclass(frozen=True)
class Selection:
    """Which raster of a file: the arguments of `fastkm.read_raster`, and a mask file."""

    file: Path
    variable: str | None = None
    time: int | str = 0
    bbox: Bbox | None = None
    mask: Path | None = None

    def read(self) -> xr.DataArray:
        """Read it with all missing cells missing."""
        raster = read_raster(self.file, self.variable, time=self.time, bbox=self.bbox)
        if self.mask is not None:
            raster = apply_mask(raster, self.mask, bbox=self.bbox)
        present = raster.values[np.isfinite(raster.values)]
        for value in suspicious_values(present):
            warnings.warn(f"{value:g} looks like a code for something missing", stacklevel=2)
        return raster

    def __str__(self) -> str:
        """Say which raster it is, in the words of the command."""
        options = {"time": self.time, "bbox": self.bbox, "mask": self.mask and self.mask.name}
        chosen = [f"{name} {value}" for name, value in options.items() if value]
        return ", ".join([self.file.name, *chosen])


@dataclass(frozen=True)
class Clusters:
    """The result of `cluster_file` and of `label_file`: by k the clusters and their cells here."""

    raster: xr.DataArray
    results: dict[int, KMeans1D]
    counts: dict[int, np.ndarray]
    files: list[Path]
    choice: Choice | None = None


@dataclass(frozen=True)
class Outlines:
    """The result of `outline_file`."""

    raster: xr.DataArray
    result: KMeans1D
    cluster: int
    outlines: gpd.GeoDataFrame
    files: list[Path]


def cluster_file(
    selection: Selection,
    ks: Sequence[int],
    output: str | os.PathLike[str],
    *,
    choose: str | None = None,
    announce: Announce = silent,
) -> Clusters:
    """Cluster a raster for each k; write label maps, codebooks, a panel figure and a table.

    Parameters
    ----------
    selection : Selection
        The raster.
    ks : sequence of int
        Numbers of clusters.
    output : path-like
        The folder for ``labels_k6.nc`` and ``codebook_k6.json`` (one of each for each k),
        ``clusters.png`` and ``clusters.csv``.
    choose : str, optional
        A criterion of `fastkm.choose_k`, which then chooses one of the k; the scores are
        written to ``choice.csv`` and drawn in ``choice.png``.
    announce : callable, optional
        Told the name of each step as it begins.

    Raises
    ------
    OSError, ValueError
        If the file cannot be read or holds no such raster, or `choose` cannot choose.
    ClusterError
        If the raster has fewer distinct values than every k.
    """
    folder = Path(output)
    job = Job(announce)
    with job.step("read the raster"):
        raster = selection.read()
    with job.step("cluster"):
        results: dict[int, KMeans1D] = kmeans1d(raster, ks)
        choice = None if choose is None else choose_k(results, choose)
    maps = {k: label_raster(raster, result) for k, result in results.items()}
    done = Clusters(raster, results, _cells(maps), job.files, choice)
    with job.step("write label maps, codebooks and the table"):
        _write_maps(job, maps, selection, folder, by="kmeans1d", of=raster.name)
        for k, result in results.items():
            path = folder / f"codebook_k{k}.json"
            result.save(path)
            job.files.append(path)
        job.write(cluster_table(done.results, done.counts), folder / "clusters.csv")
    with job.step("draw the figure"):
        _draw_clusters(job, folder / "clusters.png", done, maps)
    if choice is not None:
        with job.step("write and draw the scores"):
            job.write(choice_table(choice), folder / "choice.csv")
            _draw_choice(job, folder / "choice.png", choice)
    return done


def label_file(
    selection: Selection,
    codebook: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    announce: Announce = silent,
) -> Clusters:
    """Label a raster by the clusters of another; write a label map, a figure and a table.

    Parameters
    ----------
    selection : Selection
        The raster.
    codebook : path-like
        A file that `cluster_file` or `KMeans1D.save` wrote.
    output : path-like
        The folder for ``labels_k6.nc``, ``clusters.png`` and ``clusters.csv``, whose cells and
        shares are those of this raster.
    announce : callable, optional
        Told the name of each step as it begins.

    Raises
    ------
    OSError, ValueError
        If the file or the codebook cannot be read, or the file holds no such raster.
    """
    folder = Path(output)
    job = Job(announce)
    with job.step("read the raster"):
        result = load_codebook(codebook)
        raster = selection.read()
    with job.step("label"):
        labels = label_raster(raster, result)
        del labels.attrs["inertia"]  # it is not this raster's
    maps = {result.k: labels}
    done = Clusters(raster, {result.k: result}, _cells(maps), job.files)
    with job.step("write the label map and the table"):
        by = f"labels by {Path(codebook).name}"
        _write_maps(job, maps, selection, folder, by=by, of=raster.name)
        job.write(cluster_table(done.results, done.counts), folder / "clusters.csv")
    with job.step("draw the figure"):
        _draw_clusters(job, folder / "clusters.png", done, maps)
    return done


def outline_file(
    selection: Selection,
    k: int,
    select: str | int,
    output: str | os.PathLike[str],
    *,
    min_diameter: float = 0.0,
    map_path: str | os.PathLike[str] | None = None,
    announce: Announce = silent,
) -> Outlines:
    """Outline one cluster of a raster; write the polygons and, if asked, a map.

    Parameters
    ----------
    selection : Selection
        The raster.
    k : int
        Number of clusters.
    select : {"highest", "lowest"} or int
        The cluster, by its centroid or its number (0 is the lowest).
    output : path-like
        A .shp, .gpkg or .geojson file.
    min_diameter : float, default: 0
        Keep regions longer than this many pixels.
    map_path : path-like, optional
        A .png file for the map.
    announce : callable, optional
        Told the name of each step as it begins.

    Raises
    ------
    OSError, ValueError
        If the file cannot be read or holds no such raster, or `select` or `output` is wrong.
    ClusterError
        If the raster has fewer distinct values than k.
    """
    check_extension(output)
    cluster = chosen_cluster(select, k)
    job = Job(announce)
    with job.step("read the raster"):
        raster = selection.read()
    with job.step("cluster"):
        result: KMeans1D = kmeans1d(raster, k)
        labels = label_raster(raster, result)
    with job.step("trace the outlines"):
        centroid = float(result.centroids[cluster])
        found = outline(labels, cluster, centroid=centroid, min_diameter=min_diameter)
    with job.step("write the outlines"):
        job.files += write_outlines(found, output)
    if map_path is not None:
        with job.step("draw the map"):
            draw_map(job, Path(map_path), found, extent=regional_extent(raster))
    return Outlines(raster, result, cluster, found, job.files)


def chosen_cluster(select: str | int, k: int) -> int:
    """Turn "highest", "lowest" or a number into a cluster number.

    Raises
    ------
    ValueError
        If it is none of these, or not below k.

    Examples
    --------
    >>> chosen_cluster("highest", 6), chosen_cluster("2", 6)
    (5, 2)
    """
    named = {"lowest": 0, "highest": k - 1}
    try:
        cluster = named[select] if select in named else int(select)
    except ValueError:
        cluster = -1
    if not 0 <= cluster < k:
        raise ValueError(f"select must be highest, lowest or 0 to {k - 1}, got {select!r}")
    return cluster


def draw_map(
    job: Job, path: Path, outlines: gpd.GeoDataFrame, *, extent: Bbox | None = None
) -> None:
    """Draw outlines on a map: of `extent`, or of the world."""
    from fastkm.plot import map_figure

    job.save(map_figure(outlines, extent=extent), path)


def _cells(maps: dict[int, xr.DataArray]) -> dict[int, np.ndarray]:
    """Count the cells of each cluster in label maps by k."""
    labels = {k: labelled.values for k, labelled in maps.items()}
    return {k: np.bincount(own[own >= 0], minlength=k) for k, own in labels.items()}


def _write_maps(
    job: Job,
    maps: dict[int, xr.DataArray],
    selection: Selection,
    folder: Path,
    *,
    by: str,
    of: object,
) -> None:
    """Write a label map for each k, which says how it was made and of which variable."""
    inherited = global_attributes(selection.file)
    for k, labels in maps.items():
        path = folder / f"labels_k{k}.nc"
        write_labels(
            labels,
            path,
            source=f"{selection.file.name}: {of}",
            history=f"{by} of {of}, k = {k}, in {selection}",
            inherited=inherited,
        )
        job.files.append(path)


def _draw_clusters(job: Job, path: Path, done: Clusters, maps: dict[int, xr.DataArray]) -> None:
    """Draw the raster and its label maps."""
    from fastkm.plot import clusters_figure

    centroids = {k: result.centroids for k, result in done.results.items()}
    job.save(clusters_figure(done.raster, maps, centroids), path)


def _draw_choice(job: Job, path: Path, choice: Choice) -> None:
    """Draw the scores of each k."""
    from fastkm.plot import scores_figure

    figure = scores_figure(
        choice.scores, choice.k, criterion=choice.criterion, errors=choice.errors
    )
    job.save(figure, path)
