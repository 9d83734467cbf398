"""Whole jobs, from a file to maps, outlines and figures; every room is joined here.

`cluster_file` makes label maps, `outline_file` outlines of a cluster; `fastkm.lesson` is a third
job. Missing cells are never clustered, every ring closes, holes are holes.

Each job tells `announce` the name of the step that begins, and returns what it found and wrote.
Figures and files are written whole or not at all.
"""

from __future__ import annotations

import csv
import os
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fastkm._files import replacing
from fastkm.cluster import KMeans1D, kmeans1d
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
    """The result of `cluster_file`."""

    raster: xr.DataArray
    results: dict[int, KMeans1D]
    files: list[Path]


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
    announce: Announce = silent,
) -> Clusters:
    """Cluster a raster for each k; write label maps, a panel figure and a table.

    Parameters
    ----------
    selection : Selection
        The raster.
    ks : sequence of int
        Numbers of clusters.
    output : path-like
        The folder for ``labels_k6.nc`` (one for each k), ``clusters.png`` and ``clusters.csv``.
    announce : callable, optional
        Told the name of each step as it begins.

    Raises
    ------
    OSError, ValueError
        If the file cannot be read or holds no such raster.
    ClusterError
        If the raster has fewer distinct values than every k.
    """
    folder = Path(output)
    job = Job(announce)
    with job.step("read the raster"):
        raster = selection.read()
    with job.step("cluster"):
        results: dict[int, KMeans1D] = kmeans1d(raster, ks)
        maps = {k: label_raster(raster, result) for k, result in results.items()}
    inherited = global_attributes(selection.file)
    with job.step("write label maps and the table"):
        for k, labels in maps.items():
            path = folder / f"labels_k{k}.nc"
            write_labels(
                labels,
                path,
                source=f"{selection.file.name}: {raster.name}",
                history=f"kmeans1d of {raster.name}, k = {k}, in {selection}",
                inherited=inherited,
            )
            job.files.append(path)
        _write_table(job, folder / "clusters.csv", results.values())
    with job.step("draw the figure"):
        from fastkm.plot import clusters_figure

        centroids = {k: result.centroids for k, result in results.items()}
        job.save(clusters_figure(raster, maps, centroids), folder / "clusters.png")
    return Clusters(raster, results, job.files)


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


def _write_table(job: Job, path: Path, results: Iterable[KMeans1D]) -> None:
    """Write one row a cluster: its centroid, the breaks that bound it, its cells and share."""
    with replacing(path) as draft, draft.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["k", "cluster", "centroid", "above", "up_to", "cells", "share"])
        for result in results:
            bounds = ["", *result.breaks.tolist(), ""]
            total = int(result.counts.sum())
            for j, centroid in enumerate(result.centroids.tolist()):
                cells = int(result.counts[j])
                row = [result.k, j, centroid, bounds[j], bounds[j + 1], cells, cells / total]
                table.writerow(row)
    job.files.append(path)
