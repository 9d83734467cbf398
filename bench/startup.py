"""What comes before the first answer: imports, and compiling the kernels.

Each figure comes from fresh processes. The time of an import is that of ``python -c "import ..."``
less that of an empty program. A first call works on the smallest size, after what it needs has been
imported: once with an empty cache of compiled kernels, and once with the cache that this run left. A
later call is the second call in the same process. Rivals that compile nothing are timed likewise.
Whole programs run with an empty cache and then twice with the one that this left.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.case import Case, list_left_out
from bench.cases import find_case
from bench.own_process import ask
from bench.part import Found, Part
from bench.table import format_seconds, format_table
from fastkm.datasets import write_sample

MODULES = (
    "pass", "import numpy", "import numba", "import fastkm", "import fastkm.cluster",
    "import scipy.cluster.vq", "import sklearn.cluster", "import skimage.measure",
)  # fmt: skip
FIRST = {
    "vq, 1e7 float32, 6 codes": "vq",
    "kmeans(x, 6), 1.04e6 float64 values": "kmeans",
    "kmeans2, 10 iterations, 1e6 x 3 float32, 8 codes": "kmeans2",
    "1-D clusters and labels, 1e7 values, k = 6": "kmeans1d and predict",
    "KMeans, 1e6 x 3 float32, k = 8": "KMeans",
    "longest distance, a walk of 1e6 points": "max_pairwise_distance",
    "find_contours, 1800 x 3600 uint8": "find_contours",
    "polygonize, 1800 x 3600": "polygonize",
    "predict, 1e8 float32 to int8": "predict",
    "the lesson's computation, 720 x 1440": "the lesson's computation",
}
"""Cases by name, one for each kind of work, and what they call."""
SCRIPT = str(Path(__file__).parents[1] / "scripts" / "tpw_workflow.py")
PROGRAMS = {
    "the lesson's script": [SCRIPT, "--output", "out"],
    "fastkm cluster -k 4 -o out": ["-m", "fastkm", "cluster", "out.nc", "-k", "4", "-o", "out"],
    "fastkm outline -k 4 -o x.gpkg": [
        "-m",
        "fastkm",
        "outline",
        "out.nc",
        "-k",
        "4",
        "-o",
        "x.gpkg",
    ],
}
"""Arguments of Python; ``out.nc`` is a sample raster."""
RUNS = {"tiny": 1, "small": 3, "full": 7}


def find_cases() -> list[Case]:
    """Find the cases."""
    return [find_case(name) for name in FIRST]


def run(size: str) -> Found:
    """Time imports and first calls; at the tiny size, first calls of one case only."""
    chosen = find_cases()[: 1 if size == "tiny" else None]
    return {
        "imports": time_imports(RUNS[size]),
        "first": [one for c in chosen for one in measure_first_calls(c)],
        "programs": [measure_program(p) for p in list(PROGRAMS)[: 0 if size == "tiny" else None]],
    }


def time_imports(runs: int) -> dict[str, list[float]]:
    """Time programs that import something, in turn."""
    found: dict[str, list[float]] = {code: [] for code in MODULES}
    for number in range(-1, runs):  # the first reads the disk
        for code, seconds in found.items():
            begin = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            if number >= 0:
                seconds.append(time.perf_counter() - begin)
    return found


def measure_first_calls(case: Case) -> list[dict[str, object]]:
    """Time the first call of each rival, with an empty and with a warm cache."""
    found = []
    for name, rival in case.present().items():
        if rival.yardstick:
            continue
        with tempfile.TemporaryDirectory() as cache:
            environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
            empty, _ = ask("first", case.name, name, "tiny", environment)
            warm, later = ask("first", case.name, name, "tiny", environment)
        found.append(
            {"case": case.name, "rival": name, "empty": empty, "warm": warm, "later": later}
        )
    return found


def measure_program(name: str) -> dict[str, object]:
    """Time a program with an empty cache, and with the cache that it left."""
    with tempfile.TemporaryDirectory() as folder:
        write_sample(Path(folder, "out.nc"))
        environment = {**os.environ, "NUMBA_CACHE_DIR": str(Path(folder, "cache"))}
        seconds = []
        for _ in range(3):
            begin = time.perf_counter()
            command = [sys.executable, *PROGRAMS[name]]
            subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
            seconds.append(time.perf_counter() - begin)
    return {"program": name, "empty": seconds[0], "warm": min(seconds[1:])}


def section(found: Found) -> str:
    """Write the tables."""
    medians = {code: statistics.median(seconds) for code, seconds in found["imports"].items()}
    nothing = medians.pop("pass")
    modules = [[f"`{code}`", format_seconds(max(0.0, s - nothing))] for code, s in medians.items()]
    calls = [
        [
            FIRST.get(one["case"], one["case"]),
            one["rival"],
            *(format_seconds(one[c]) for c in ("empty", "warm", "later")),
        ]
        for one in found["first"]
    ]
    header = ["first call of", "who", "empty cache", "warm cache", "later call"]
    tables = [
        format_table(["program", "seconds"], modules, 1),
        format_table(header, calls, 3),
    ]
    if found.get("programs"):
        rows = [
            [f"`{one['program']}`", *(format_seconds(one[c]) for c in ("empty", "warm"))]
            for one in found["programs"]
        ]
        tables.append(format_table(["whole program", "empty cache", "warm cache"], rows, 2))
    return "\n\n".join(tables)


PART = Part("Before the first answer", run, section, left_out=lambda: list_left_out(find_cases()))
