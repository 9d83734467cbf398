"""Works in turn, each in a process of its own, round after round; and what their tables need."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.table import format_ratio, format_seconds, format_table
from bench.threads import ALL, limit_threads

FILES = "FASTKM_BENCH_FILES"
"""Environment variable: a folder in which generated rasters are kept for the next run."""

ROUNDS = {"tiny": 1, "small": 2, "full": 3}
WORKERS = (1, 10, 100, 1000)
MANY = 1e12
"""Cells of the rasters that were not run."""


@dataclass(frozen=True)
class Work:
    """A work, as `bench.large.works` takes it.

    Attributes
    ----------
    name : str
        What is done, and by whom.
    arguments : tuple of str
        Of ``python -m bench.large.works``; ``{out}`` stands for a new folder.
    threads : int
        For fastkm, BLAS and OpenMP.
    once : bool
        Whether it runs in the first round only, because it takes long.
    """

    name: str
    arguments: tuple[str, ...]
    threads: int = ALL
    once: bool = False


@contextmanager
def make_raster(write: Callable[[Path, int], Path], side: int) -> Iterator[Path]:
    """Make a raster, in a folder that is deleted at the end or in the one that the user keeps."""
    with tempfile.TemporaryDirectory() as scratch:
        kept = Path(os.environ.get(FILES, scratch))
        path = kept / f"{write.__name__.removeprefix('write_')}_{side}.tif"
        if not path.exists():
            kept.mkdir(parents=True, exist_ok=True)
            write(path.with_suffix(".part"), side).rename(path)
        yield path


def measure_works(
    works: Sequence[Work],
    rounds: int,
    look: Mapping[str, Callable[[Path], Any]] | None = None,
) -> dict[str, dict[str, Any]]:
    """Run works in turn; return for each the median of its seconds, its peak and what it tells.

    ``look[name](folder)`` looks at what a work has written in its first round, as ``"seen"``. A work that
    fails has ``"failed"``, the last line of its error, instead.
    """
    found: dict[str, dict[str, Any]] = {work.name: {"runs": []} for work in works}
    for number in range(rounds):
        for work in works:
            one = found[work.name]
            if "failed" in one or (number and work.once):
                continue
            with tempfile.TemporaryDirectory() as folder:
                told = run_work(work, folder)
                print(f"  {work.name}: {format_run(told)}", flush=True)
                one["runs"].append(told.pop("seconds", None))
                one.update(told, peak=max(one.get("peak", 0), told.get("peak", 0)))
                if number == 0 and look and work.name in look and "failed" not in told:
                    one["seen"] = look[work.name](Path(folder))
    for one in found.values():
        runs = one.pop("runs")
        if "failed" not in one:
            one.update(seconds=statistics.median(runs), rounds=len(runs))
    return found


def run_work(work: Work, folder: str) -> dict[str, Any]:
    """Run a work once, and return its seconds and what it prints."""
    arguments = [part.replace("{out}", folder) for part in work.arguments]
    command = [sys.executable, "-m", "bench.large.works", *arguments]
    with limit_threads(work.threads):
        begin = time.perf_counter()
        ran = subprocess.run(command, check=False, capture_output=True, text=True)
        seconds = time.perf_counter() - begin
    if ran.returncode:
        lines = ran.stderr.strip().splitlines() or [f"ended with status {ran.returncode}"]
        return {"failed": lines[-1][:200]}
    return {"seconds": seconds, **json.loads(ran.stdout.splitlines()[-1])}


def format_run(told: Mapping[str, Any]) -> str:
    """Write the seconds and the peak of a run, or why it failed."""
    if "failed" in told:
        return f"failed: {told['failed']}"
    return f"{format_seconds(told['seconds'])}, {told['peak'] / 2**20:,.0f} MiB"


def write_works(found: Mapping[str, Mapping[str, Any]], yardstick: str) -> str:
    """Write the seconds and the peak of works, beside a yardstick."""
    base = found[yardstick].get("seconds")
    rows = []
    for name, one in found.items():
        if "failed" in one:
            rows.append([name, f"failed: {one['failed']}", "", "", ""])
            continue
        ratio = format_ratio(one["seconds"] / base) if base else ""
        peak, passes = f"{one['peak'] / 2**20:,.0f}", one.get("passes", "")
        rows.append([name, format_seconds(one["seconds"]), ratio, peak, passes])
    header = ["work", "median", f"times {yardstick!r}", "peak, MiB", "passes"]
    return format_table(header, rows, 4)


def project_hours(cells: int, seconds: float) -> list[list[float]]:
    """Return the hours that `MANY` cells would take with each number of workers, from one's rate."""
    return [[workers, MANY / (cells / seconds) / workers / 3600] for workers in WORKERS]


def write_projection(
    cells: int, stored: int, passes: int, alone: Mapping[str, Any], both: Mapping[str, Any]
) -> Iterator[str]:
    """Write what `MANY` cells would take, from the rate of one thread; nothing if that failed.

    `stored` are the bytes of the file, `alone` the run with one thread, `both` that with all.
    """
    if "failed" in alone:
        return
    rows = [
        [workers, f"{passes * stored / cells * MANY / 1e12:.2f}", passes, f"{hours:.2g}"]
        for workers, hours in project_hours(cells, alone["seconds"])
    ]
    gain = ""
    if "failed" not in both:
        quicker = format_ratio(alone["seconds"] / both["seconds"])
        gain = f" Here {ALL} threads are {quicker} times as quick as one."
    yield (
        f"From the rate of one thread ({cells / alone['seconds']:.3g} cells a second), {MANY:.0e} cells, which "
        f"were not run, would take these hours if workers of one thread shared them without loss.{gain}"
    )
    yield format_table(["workers", "read, TB", "passes", "hours"], rows, 4)
