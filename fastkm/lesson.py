"""The lesson, to the letter: its clusters, contours, shapefile and map.

Fill values are clustered along with the water, contours end at the array's edge, each contour is a
polygon of its own, and lengths are in pixels, so that results can be compared with what others got
from the lesson. Two things are mended: labels are optimal, and numbered by centroid, so that the
land is always the lowest cluster and the moistest the highest. `fastkm.workflows.raster_file` has the same work
as it should be done.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core.atomic_write import atomic_write
from fastkm._core.cf_missing import physical
from fastkm._version import __version__
from fastkm.cluster.exact.kmeans1d import kmeans1d
from fastkm.errors import ClusterError
from fastkm.geometry.contours import LongContours, long_contours
from fastkm.raster.io.read_netcdf import read_raster
from fastkm.vector.contours import contours_to_frame
from fastkm.vector.write import write_outlines
from fastkm.workflows.job import Announce, Job, silent
from fastkm.workflows.raster_file import draw_map

if TYPE_CHECKING:
    import xarray as xr

    from fastkm.cluster.exact.result import KMeans1D

LESSON_KS = range(2, 9)
LESSON_K = 6
LESSON_LEVEL = 1.0
LESSON_MIN_DIAMETER = 200.0
LAND, MOISTEST = 1, 2
"""Classes of the lesson's thresholded map: the lowest cluster and the highest."""


def lesson(
    file: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    variable: str | None = None,
    make_valid: bool = False,
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
    make_valid : bool, default: False
        Mend contours that cross or touch themselves before they are written. By default they are
        written as they are, and a warning says so.
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
        frame = contours_to_frame(traced.contours, stored, make_valid=make_valid)
        job.files += write_outlines(frame, shapefile)
    with job.step("draw the figures"):
        _draw_lesson(job, folder, shown, maps, results, thresholded, traced)
    with job.step("draw the shapefile on a map"):
        draw_map(job, folder / "map.png", gpd.read_file(shapefile, engine="pyogrio"))
    summary = _lesson_summary(stored, results, traced, job)
    with atomic_write(folder / "summary.json") as draft:
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
