"""Whole commands on a small file, beside a process that only imports what they cannot do without.

Each command and its yardstick run in turn, in fresh processes, once with compiled kernels in the cache
that this run has left. Seconds are those of processors, of a process and its threads: they hardly depend
on what else the machine does, and a command of one thread takes as long by the clock.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.part import Found, Part
from bench.table import format_ratio, format_seconds, format_spread, format_table
from fastkm.datasets import write_sample

READ = "import xarray, netCDF4"
COMMANDS = {
    "fastkm info": (["info", "sample.nc"], READ),
    "fastkm cluster -k 4 -o x.nc": (
        ["cluster", "sample.nc", "-k", "4", "-o", "x.nc"],
        f"{READ}, numba",
    ),
    "fastkm cluster -k 4 -o x.tif": (
        ["cluster", "sample.nc", "-k", "4", "-o", "x.tif"],
        f"{READ}, numba, rioxarray",
    ),
    "fastkm outline -k 4 -o x.gpkg": (
        ["outline", "sample.nc", "-k", "4", "-o", "x.gpkg"],
        f"{READ}, numba, geopandas",
    ),
}
"""Commands, their arguments, and the program that each is measured by."""
RUNS = {"tiny": 1, "small": 5, "full": 15}


def run(size: str) -> Found:
    """Time commands and their yardsticks; at the tiny size, the first only."""
    chosen = list(COMMANDS)[: 1 if size == "tiny" else None]
    with tempfile.TemporaryDirectory() as folder:
        write_sample(Path(folder, "sample.nc"))
        return {"commands": [_measure(name, RUNS[size], folder) for name in chosen]}


def _measure(name: str, runs: int, folder: str) -> dict[str, object]:
    """Time one command and its yardstick in turn."""
    arguments, yardstick = COMMANDS[name]
    programs = {
        "own": [sys.executable, "-m", "fastkm", *arguments],
        "imports": [sys.executable, "-c", yardstick],
    }
    found: dict[str, list[float]] = {who: [] for who in programs}
    for number in range(-1, runs):  # the first reads the disk and may compile
        for who, program in programs.items():
            seconds = _time(program, folder)
            if number >= 0:
                found[who].append(seconds)
    return {"command": name, "yardstick": yardstick, **found}


def _time(program: list[str], folder: str) -> float:
    """Return the processor time of a program, whose modules are kept as bytecode."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(Path(folder, "bytecode"))}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(program, cwd=folder, env=environment, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)


def section(found: Found) -> str:
    """Write the table."""
    rows = []
    for one in found["commands"]:
        own, imports = (statistics.median(one[who]) for who in ("own", "imports"))
        spread = format_spread(one["own"])
        rows.append(
            [
                f"`{one['command']}`",
                f"`{one['yardstick']}`",
                format_seconds(own),
                spread,
                format_seconds(imports),
                format_ratio(own / imports),
            ]
        )
    header = ["command", "imports", "command takes", "of", "imports take", "times"]
    return format_table(header, rows, 4)


PART = Part("Whole commands", run, section)
