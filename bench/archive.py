"""How fast an archive is clustered, and in how much memory: beside reading it, and the lesson's way.

The archive is the sample's, monthly files as such files are (zlib 4, shuffle, a step a chunk). Each
round measures everything in turn, so that what else the machine does falls on all alike; medians
are given. Workers are started, and kernels compiled, before the clock is. fastkm has one thread a
process, here as in a worker.

*Read* is netCDF4's own reading of all files in as many processes, numbers as stored: decoding them,
which netCDF4 does unless told not to, is left out, since fastkm does not need it. *The lesson* is
``scipy.cluster.vq.kmeans`` of each month, all cells, k = 6, measured on `LESSON_MONTHS` and
multiplied; fill values make it converge sooner, so it is measured on the valid cells too, which are
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
from bench.own_process import peak
from bench.part import Found, Part
from bench.table import markdown, readable, times
from bench.threads import limited
from fastkm._core.dask_blocks import map_blocks
from fastkm.cluster.exact.histograms import KeyHistogram
from fastkm.cluster.streaming.source import Source
from fastkm.datasets.monthly_series import write_sample_archive
from fastkm.raster.multifile.combine import assembled
from fastkm.raster.multifile.scan import survey
from fastkm.workflows.archive.dask_workers import working
from fastkm.workflows.archive.fit import for_tasks
from fastkm.workflows.archive.label_maps import labelled, write_part

if TYPE_CHECKING:
    from fastkm.raster.multifile.series import Archive

SIZES = {"tiny": (2, 1.0, 1), "small": (24, 1.0, 1), "full": (120, 0.25, 3)}
"""Months, degrees and rounds."""
K = 6
LESSON_MONTHS = 3
ERA5 = {"steps": 40 * 8766, "rows": 721, "columns": 1440}
"""Hourly, 40 years, a quarter of a degree: 3.6e11 cells, more than this bench can hold."""
WORKERS = (1, 10, 100, 1000)


def read_files(paths: list[str]) -> int:
    """Read files with netCDF4, numbers as stored."""
    cells = 0
    for path in paths:
        with netCDF4.Dataset(path) as dataset:
            dataset.set_auto_maskandscale(False)
            cells += dataset["precipitable_water"][:].size
    return cells


def label_month(archive: Archive, codebook: fastkm.KMeans1D, folder: str) -> None:
    """Label the steps of a part of an archive and write the file."""
    raster = archive.read(0, 1, missing="mask").isel({archive.dims[0]: 0})
    path = Path(folder, archive.inputs[0].name)
    write_part(
        archive, [labelled(raster, codebook)], path, numbers=[0], codebooks=None, history="bench"
    )


def label_all(archive: Archive, codebook: fastkm.KMeans1D, folder: str) -> None:
    """Label all steps, on workers where there are some."""
    small = for_tasks(codebook)
    blocks = [(archive.part(i, i + 1), small, folder) for i in range(len(archive.steps))]
    for _, result in map_blocks(label_month, blocks):
        if isinstance(result, Exception):
            raise result


def lesson_month(path: str, *, valid: bool = False) -> None:
    """Cluster a month as the lesson does: all cells, fill values among them, or the valid ones."""
    with netCDF4.Dataset(path) as dataset:
        dataset.set_auto_maskandscale(False)
        cells = dataset["precipitable_water"][:].reshape(-1, 1).astype(np.float64)
    if valid:
        cells = cells[cells >= 0][:, None]
    centroids, _ = vq.kmeans(cells, K, rng=0)
    vq.vq(cells, centroids)


def seconds(work: Callable[[], object]) -> float:
    """Time a call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def measured(paths: list[Path], rounds: int) -> dict[str, float]:
    """Give the medians of what is measured, in seconds."""
    names = [str(path) for path in paths]
    archive = assembled([survey(path) for path in paths])
    found: dict[str, list[float]] = {}
    with pools() as pool, tempfile.TemporaryDirectory() as folder:
        for number in range(-1, rounds):  # the first compiles kernels and warms caches
            for workers in (1, 2):
                taken = timed(archive, names, workers, pool[workers], folder)
                if number >= 0:
                    for name, value in taken.items():
                        found.setdefault(name, []).append(value)
        count = min(LESSON_MONTHS, len(names))
        lesson = {
            name: seconds(lambda v=valid: [lesson_month(path, valid=v) for path in names[:count]])
            for name, valid in (("the lesson", False), ("the lesson, valid cells", True))
        }
    medians = {name: statistics.median(values) for name, values in found.items()}
    many = {f"{name}, extrapolated": t * len(names) / count for name, t in lesson.items()}
    return medians | many


@contextmanager
def pools() -> Iterator[dict[int, ProcessPoolExecutor]]:
    """Give processes that read, one and two."""
    context = get_context("spawn")
    with ProcessPoolExecutor(1, context) as one, ProcessPoolExecutor(2, context) as two:
        yield {1: one, 2: two}


def timed(
    archive: Archive, names: list[str], workers: int, pool: ProcessPoolExecutor, folder: str
) -> dict[str, float]:
    """Measure one round with some workers."""
    shares = [names[i::workers] for i in range(workers)]
    list(pool.map(read_files, [share[:1] for share in shares]))  # processes are there
    taken = {"read": seconds(lambda: list(pool.map(read_files, shares)))}
    made: list[fastkm.KMeans1D] = []
    with working(workers):
        warm = archive.part(0, 2)
        label_all(warm, fastkm.kmeans1d(warm.lazy(), K), folder)
        taken["codebook"] = seconds(lambda: made.append(fastkm.kmeans1d(archive.lazy(), K)))
        taken["labels"] = seconds(lambda: label_all(archive, made[0], folder))
    taken["codebook and labels"] = taken["codebook"] + taken["labels"]
    return {f"{name}, {workers} process{'es' * (workers > 1)}": t for name, t in taken.items()}


def peak_of_run(paths: list[Path]) -> int:
    """Give the bytes at the peak of ``fastkm archive`` in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "bench.archive", folder, *map(str, paths)]
        ran = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(ran.stdout.split()[-1])


def peak_here(folder: str, paths: list[str]) -> int:
    """Run an archive in this process, and give its peak."""
    from fastkm.workflows.archive.options import ArchiveOptions
    from fastkm.workflows.archive.run import cluster_archive

    cluster_archive(paths, Path(folder, "out"), ArchiveOptions(ks=(K,), min_diameter="2000km"))
    return peak()


def part_bytes(archive: Archive) -> int:
    """Give the size of what one block of the first pass sends to be merged."""
    source = Source(archive.part(0, 1).lazy())
    return len(pickle.dumps(source.reduced(KeyHistogram(source.dtype, 1).aim, 1)))


def projected(found: dict[str, float], cells: int, stored: int, merge: int) -> list[list[object]]:
    """Give for some numbers of workers the hours that ERA5 would take, from the rates of one.

    Parameters
    ----------
    found : dict of str to float
        Seconds, as of `measured`.
    cells, stored : int
        Cells and bytes that they are of.
    merge : int
        Bytes that a block sends to be merged.
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
    with limited(1), tempfile.TemporaryDirectory() as folder:
        paths = write_sample_archive(folder, months=max(months, 2), resolution=resolution)
        found = measured(paths, rounds)
        archive = assembled([survey(path) for path in paths[:1]])
        cells = len(paths) * archive.shape[0] * archive.shape[1]
        stored = sum(path.stat().st_size for path in paths)
        merge = part_bytes(archive)
        short, long = paths[: max(1, len(paths) // 10)], paths
        if months >= 120:
            long = write_sample_archive(f"{folder}/long", months=2 * months, resolution=resolution)
        peaks = [[len(some), peak_of_run(some)] for some in (short, long)]
    return {
        "cells": cells,
        "bytes": stored,
        "seconds": found,
        "peaks": peaks,
        "merge": merge,
        "projected": projected(found, cells, stored, merge),
    }


def section(told: Found) -> str:
    """Write what was measured as Markdown."""
    found: dict[str, float] = told["seconds"]
    rows = []
    for name, value in found.items():
        read = found["read, 2 processes" if "2 processes" in name else "read, 1 process"]
        rows.append([name, readable(value), times(value / read)])
    whole = "codebook and labels, {}"
    gain = found[whole.format("1 process")] / found[whole.format("2 processes")]
    lesson = found["the lesson, extrapolated"] / found[whole.format("1 process")]
    first = [
        [workers, f"{passes * read / 1e12:.2f}", passes, f"{merge / 1e9:.0f}", f"{hours:.2g}"]
        for workers, read, passes, merge, hours in told["projected"]
    ]
    return "\n\n".join(
        [
            f"{told['cells']:.2g} cells, {told['bytes'] / 1e6:,.0f} MB of files.",
            markdown(["work", "seconds", "times reading"], rows, 2),
            f"2 workers against 1: {times(gain)}; the lesson's way against one process: {times(lesson)}.",
            *(
                f"Peak memory of the command, {n} months: {peak / 1e6:.0f} MB."
                for n, peak in told["peaks"]
            ),
            "From these rates, 40 years of hourly fields at 0.25 degree (3.6e11 cells), which were not run:",
            markdown(["workers", "read, TB", "passes", "merged, GB", "hours"], first, 5),
        ]
    )


PART = Part("An archive of months", run, section)

if __name__ == "__main__":
    print(peak_here(sys.argv[1], sys.argv[2:]))
