"""Time and memory to cluster an archive, beside merely reading it, and beside the lesson's way.

The archive is a generated one of monthly files (zlib level 4, shuffled, one step a chunk). Each round
measures everything in turn, so that other work of the machine slows all alike; the results are
medians. Workers are started and kernels are compiled before the clock starts. fastkm has one thread
in each process, as in a worker.

*Read* is netCDF4's own reading of all files in as many processes. The numbers are read as stored:
netCDF4 would decode them by default, but fastkm does not need that. *The lesson* is
``scipy.cluster.vq.kmeans`` of all cells of each month, k = 6, measured on `LESSON_MONTHS` months and
multiplied. Fill values make it converge sooner, so it is measured also on the valid cells, which are
what fastkm clusters. Memory is the peak of a process of its own, as the kernel counts it (Linux).
"""

from __future__ import annotations

import pickle
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import netCDF4
import numpy as np
from scipy.cluster import vq

import fastkm
from bench.own_process import read_peak
from bench.part import Found, Part
from bench.table import format_ratio, format_seconds, format_table
from bench.threads import limit_threads
from fastkm._core.blocks.dask_blocks import map_blocks
from fastkm.cluster.exact.key_histograms import KeyHistogram
from fastkm.cluster.streaming.source import Source
from fastkm.datasets.monthly_series import write_sample_archive
from fastkm.raster.labels import label_raster
from fastkm.raster.multifile.combine import combine_files
from fastkm.raster.multifile.scan import scan_file
from fastkm.workflows.archive.label_maps import write_label_maps
from fastkm.workflows.dask_workers import use_workers

if TYPE_CHECKING:
    from fastkm.raster.multifile.series import RasterSeries

SIZES = {"tiny": (2, 1.0, 1), "small": (24, 1.0, 1), "full": (120, 0.25, 3)}
"""Months, degrees and rounds."""
K = 6
LESSON_MONTHS = 3
ERA5 = {"steps": 40 * 8766, "rows": 721, "columns": 1440}
"""Hourly fields of 40 years at a quarter of a degree: 3.6e11 cells, too many to run here."""
WORKERS = (1, 10, 100, 1000)


def read_files(paths: list[str]) -> int:
    """Read files with netCDF4, numbers as stored."""
    cells = 0
    for path in paths:
        with netCDF4.Dataset(path) as dataset:
            dataset.set_auto_maskandscale(False)
            cells += dataset["precipitable_water"][:].size
    return cells


def label_month(archive: RasterSeries, codebook: fastkm.KMeans1D, folder: str) -> None:
    """Label the one step of a part of an archive, and write the file."""
    raster = archive.read(0, 1, missing="mask").isel({archive.dims[0]: 0})
    path = Path(folder, archive.inputs[0].name)
    labels = label_raster(raster, codebook, with_inertia=False)
    write_label_maps(archive, [labels], path, numbers=[0], codebooks=None, history="bench")


def label_all(archive: RasterSeries, codebook: fastkm.KMeans1D, folder: str) -> None:
    """Label all steps, on workers if there are any."""
    small = codebook.without_profile()
    blocks = [(archive.select_range(i, i + 1), small, folder) for i in range(len(archive.steps))]
    for _, result in map_blocks(label_month, blocks):
        if isinstance(result, Exception):
            raise result


def cluster_month_as_lesson(path: str, *, valid: bool = False) -> None:
    """Cluster a month as the lesson does: all cells with their fill values, or the valid cells."""
    with netCDF4.Dataset(path) as dataset:
        dataset.set_auto_maskandscale(False)
        cells = dataset["precipitable_water"][:].reshape(-1, 1).astype(np.float64)
    if valid:
        cells = cells[cells >= 0][:, None]
    centroids, _ = vq.kmeans(cells, K, rng=0)
    vq.vq(cells, centroids)


def time_call(work: Callable[[], object]) -> float:
    """Return the seconds of a call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def measure_medians(paths: list[Path], rounds: int) -> dict[str, float]:
    """Measure some rounds; return the medians in seconds."""
    names = [str(path) for path in paths]
    archive = combine_files([scan_file(path) for path in paths])
    found: dict[str, list[float]] = {}
    with start_readers() as pool, tempfile.TemporaryDirectory() as folder:
        for number in range(-1, rounds):  # the first compiles kernels and warms caches
            for workers in (1, 2):
                taken = time_round(archive, names, workers, pool[workers], folder)
                if number >= 0:
                    for name, value in taken.items():
                        found.setdefault(name, []).append(value)
        count = min(LESSON_MONTHS, len(names))
        lesson = {
            name: time_call(
                lambda v=valid: [cluster_month_as_lesson(path, valid=v) for path in names[:count]]
            )
            for name, valid in (("the lesson", False), ("the lesson, valid cells", True))
        }
    medians = {name: statistics.median(values) for name, values in found.items()}
    many = {f"{name}, extrapolated": t * len(names) / count for name, t in lesson.items()}
    return medians | many


@contextmanager
def start_readers() -> Iterator[dict[int, ProcessPoolExecutor]]:
    """Start the processes that read: a pool of one and a pool of two."""
    context = get_context("spawn")
    with ProcessPoolExecutor(1, context) as one, ProcessPoolExecutor(2, context) as two:
        yield {1: one, 2: two}


def time_round(
    archive: RasterSeries, names: list[str], workers: int, pool: ProcessPoolExecutor, folder: str
) -> dict[str, float]:
    """Measure one round with some workers."""
    shares = [names[i::workers] for i in range(workers)]
    list(pool.map(read_files, [share[:1] for share in shares]))  # starts the processes
    taken = {"read": time_call(lambda: list(pool.map(read_files, shares)))}
    made: list[fastkm.KMeans1D] = []
    with use_workers(workers):
        warm = archive.select_range(0, 2)
        label_all(warm, fastkm.kmeans1d(warm.as_dask(), K), folder)
        taken["codebook"] = time_call(lambda: made.append(fastkm.kmeans1d(archive.as_dask(), K)))
        taken["labels"] = time_call(lambda: label_all(archive, made[0], folder))
    taken["codebook and labels"] = taken["codebook"] + taken["labels"]
    return {f"{name}, {workers} process{'es' * (workers > 1)}": t for name, t in taken.items()}


def measure_peak_of_run(paths: list[Path]) -> int:
    """Return the bytes at the peak of ``fastkm archive`` in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "bench.archive", folder, *map(str, paths)]
        ran = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(ran.stdout.split()[-1])


def run_for_peak(folder: str, paths: list[str]) -> int:
    """Run an archive in this process, and return the bytes at its peak."""
    from fastkm.workflows.archive.options import ArchiveOptions
    from fastkm.workflows.archive.run import cluster_archive

    cluster_archive(paths, Path(folder, "out"), ArchiveOptions(ks=(K,), min_diameter="2000km"))
    return read_peak()


def measure_part_bytes(archive: RasterSeries) -> int:
    """Return the size of what one block of the first pass sends to be combined."""
    source = Source(archive.select_range(0, 1).as_dask())
    return len(pickle.dumps(source.reduce(KeyHistogram(source.dtype, 1).reduction, 1)))


def project_hours(
    found: dict[str, float], cells: int, stored: int, merge: int
) -> list[list[object]]:
    """Return the hours that ERA5 would take with each number of workers, from the rates of one.

    Parameters
    ----------
    found : dict of str to float
        Seconds, from `measure_medians`.
    cells, stored : int
        Cells and bytes of the archive that was measured.
    merge : int
        Bytes that a block sends to be combined.
    """
    many = ERA5["steps"] * ERA5["rows"] * ERA5["columns"]
    rate = cells / found["codebook and labels, 1 process"]
    return [
        [workers, many * stored / cells, 2, merge * ERA5["steps"], many / rate / workers / 3600]
        for workers in WORKERS
    ]


def run(size: str) -> Found:
    """Measure everything."""
    months, resolution, rounds = SIZES[size]
    with limit_threads(1), tempfile.TemporaryDirectory() as folder:
        paths = write_sample_archive(folder, months=max(months, 2), resolution=resolution)
        found = measure_medians(paths, rounds)
        archive = combine_files([scan_file(path) for path in paths[:1]])
        cells = len(paths) * archive.shape[0] * archive.shape[1]
        stored = sum(path.stat().st_size for path in paths)
        merge = measure_part_bytes(archive)
        short, long = paths[: max(1, len(paths) // 10)], paths
        if months >= 120:
            long = write_sample_archive(f"{folder}/long", months=2 * months, resolution=resolution)
        peaks = [[len(some), measure_peak_of_run(some)] for some in (short, long)]
    return {
        "cells": cells,
        "bytes": stored,
        "seconds": found,
        "peaks": peaks,
        "merge": merge,
        "projected": project_hours(found, cells, stored, merge),
    }


def section(results: Found) -> str:
    """Write what was measured as Markdown."""
    found: dict[str, float] = results["seconds"]
    rows = []
    for name, value in found.items():
        read = found["read, 2 processes" if "2 processes" in name else "read, 1 process"]
        rows.append([name, format_seconds(value), format_ratio(value / read)])
    whole = "codebook and labels, {}"
    gain = found[whole.format("1 process")] / found[whole.format("2 processes")]
    lesson = found["the lesson, extrapolated"] / found[whole.format("1 process")]
    first = [
        [workers, f"{passes * read / 1e12:.2f}", passes, f"{merge / 1e9:.0f}", f"{hours:.2g}"]
        for workers, read, passes, merge, hours in results["projected"]
    ]
    return "\n\n".join(
        [
            f"{results['cells']:.2g} cells, {results['bytes'] / 1e6:,.0f} MB of files.",
            format_table(["work", "seconds", "times reading"], rows, 2),
            f"2 workers against 1: {format_ratio(gain)}; the lesson's way against one process: {format_ratio(lesson)}.",
            *(
                f"Peak memory of the command, {n} months: {most / 1e6:.0f} MB."
                for n, most in results["peaks"]
            ),
            "From these rates, 40 years of hourly fields at 0.25 degree (3.6e11 cells), which were not run:",
            format_table(["workers", "read, TB", "passes", "merged, GB", "hours"], first, 5),
        ]
    )


PART = Part("An archive of months", run, section)

if __name__ == "__main__":
    print(run_for_peak(sys.argv[1], sys.argv[2:]))
