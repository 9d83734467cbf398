"""Whole jobs, from a file to maps, outlines and figures; every room is joined here.

`lesson` reproduces a well-known lesson to the letter: fill values are clustered along with the
water, contours end at the array's edge, and lengths are in pixels. `cluster_file` and
`outline_file` do the same work as it should be done: missing cells are never clustered, every
ring closes, holes are holes.

Each job tells `announce` the name of the step that begins, and returns what it found and wrote.
Figures and files are written whole or not at all.
"""

from __future__ import annotations

import csv
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._files import replacing
from fastkm._missing import physical
from fastkm._version import __version__
from fastkm.cluster import KMeans1D, kmeans1d
from fastkm.errors import ClusterError
from fastkm.geometry import LongContours, long_contours
from fastkm.raster import apply_mask, label_raster, read_raster, write_labels
from fastkm.vector import (
    check_extension,
    contours_to_frame,
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

LESSON_KS = range(2, 9)
LESSON_K = 6
LESSON_LEVEL = 1.0
LESSON_MIN_DIAMETER = 200.0
LAND, MOISTEST = 1, 2
"""Classes of the lesson's thresholded map: the lowest cluster and the highest."""

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
        return raster if self.mask is None else apply_mask(raster, self.mask, bbox=self.bbox)


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


def lesson(
    file: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    variable: str | None = None,
    announce: Announce = silent,
) -> dict[str, Any]:
    """Do every step of the lesson and write its figures, its shapefile and a summary.

    Parameters
    ----------
    file : path-like
        A netCDF file with one raster, or `variable` names it; its first time step is taken.
    output : path-like
        The folder for ``clusters.png``, ``thresholded.png``, ``contours.png``,
        ``contour_test.shp``, ``map.png`` and ``summary.json``.
    variable : str, optional
        The variable.
    announce : callable, optional
        Told the name of each step as it begins.

    Returns
    -------
    dict
        What ``summary.json`` holds, and under ``"files"`` the files written.

    Raises
    ------
    OSError, ValueError
        If the file cannot be read or holds no such raster.
    ClusterError
        If the raster has fewer than six distinct values.
    """
    import geopandas as gpd

    folder = Path(output)
    job = Job(announce)
    with job.step("read the raster"):
        stored = read_raster(file, variable, missing="keep")
        shown = read_raster(file, variable)
        cells = physical(stored)  # fill values and all
    with job.step("cluster, k = 2 ... 8"):
        results: dict[int, KMeans1D] = kmeans1d(cells, LESSON_KS)
        if LESSON_K not in results:
            raise ClusterError(f"the lesson needs {LESSON_K} clusters; the raster has fewer values")
    with job.step("label the cells"):
        maps = {k: result.predict(cells) for k, result in results.items()}
    with job.step("keep land and the moistest cluster"):
        thresholded = threshold(maps[LESSON_K], LESSON_K)
    with job.step("trace contours and measure them"):
        traced = lesson_contours(thresholded)
    with job.step("write the shapefile"):
        shapefile = folder / "contour_test.shp"
        write_outlines(contours_to_frame(traced.contours, stored), shapefile)
        job.files += _parts(shapefile)
    with job.step("draw the figures"):
        _draw_lesson(job, folder, shown, maps, results, thresholded, traced)
    with job.step("draw the shapefile on a map"):
        _draw_map(job, folder / "map.png", gpd.read_file(shapefile, engine="pyogrio"))
    summary = _lesson_summary(stored, results, traced, job)
    with replacing(folder / "summary.json") as draft:
        draft.write_text(json.dumps(summary, indent=2) + "\n")
    job.files.append(folder / "summary.json")
    return {**summary, "files": job.files}


def threshold(labels: np.ndarray, k: int) -> np.ndarray:
    """Keep the lowest cluster as 1 and the highest as 2, all else 0.

    Examples
    --------
    >>> threshold(np.array([0, 1, 2, -1]), 3)
    array([1, 0, 2, 0], dtype=int8)
    """
    classes = np.zeros(np.shape(labels), np.int8)
    classes[labels == 0] = LAND
    classes[labels == k - 1] = MOISTEST
    return classes


def lesson_contours(thresholded: np.ndarray) -> LongContours:
    """Trace a thresholded map as the lesson does: level 1.0, more than 200 pixels across."""
    return long_contours(thresholded, LESSON_LEVEL, min_diameter=LESSON_MIN_DIAMETER)


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
    with job.step("write label maps and the table"):
        for k, labels in maps.items():
            path = folder / f"labels_k{k}.nc"
            write_labels(
                labels,
                path,
                source=f"{selection.file.name}: {raster.name}",
                history=f"kmeans1d of {raster.name}, k = {k}",
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
        write_outlines(found, output)
        job.files += _parts(Path(output))
    if map_path is not None:
        with job.step("draw the map"):
            _draw_map(job, Path(map_path), found, extent=regional_extent(raster))
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


def _draw_lesson(
    job: Job,
    folder: Path,
    raster: xr.DataArray,
    maps: dict[int, np.ndarray],
    results: dict[int, KMeans1D],
    thresholded: np.ndarray,
    traced: LongContours,
) -> None:
    from fastkm.plot import clusters_figure, contours_figure, thresholded_figure

    def placed(cells: np.ndarray) -> xr.DataArray:
        """Give an array the raster's coordinates."""
        return raster.copy(data=cells)

    centroids = {k: result.centroids for k, result in results.items()}
    label_maps = {k: placed(labels) for k, labels in maps.items()}
    job.save(
        clusters_figure(raster, label_maps, centroids, title="k-means, fill values included"),
        folder / "clusters.png",
    )
    job.save(
        thresholded_figure(raster, label_maps[LESSON_K], centroids[LESSON_K], placed(thresholded)),
        folder / "thresholded.png",
    )
    job.save(contours_figure(raster, traced.contours), folder / "contours.png")


def _parts(path: Path) -> list[Path]:
    """List the files that a format is made of, the named one first."""
    endings = (".shp", ".shx", ".dbf", ".prj", ".cpg") if path.suffix.lower() == ".shp" else ()
    parts = [path.with_suffix(ending) for ending in endings[1:]]
    return [path, *(part for part in parts if part.exists())]


def _draw_map(
    job: Job, path: Path, outlines: gpd.GeoDataFrame, *, extent: Bbox | None = None
) -> None:
    from fastkm.plot import map_figure

    job.save(map_figure(outlines, extent=extent), path)


def _lesson_summary(
    raster: xr.DataArray, results: dict[int, KMeans1D], traced: LongContours, job: Job
) -> dict[str, Any]:
    kept = zip(traced.contours, traced.diameters, strict=True)
    return {
        "fastkm": __version__,
        "variable": str(raster.name),
        "units": str(raster.attrs.get("units", "")),
        "shape": list(raster.shape),
        "clusters": {
            str(k): {"centroids": result.centroids.tolist(), "inertia": result.inertia}
            for k, result in results.items()
        },
        "contours": {
            "level": LESSON_LEVEL,
            "min_diameter_px": LESSON_MIN_DIAMETER,
            "found": traced.found,
            "kept": [{"points": len(c), "diameter_px": diameter} for c, diameter in kept],
        },
        "seconds": {step: round(seconds, 6) for step, seconds in job.seconds.items()},
    }


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
