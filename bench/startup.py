"""What comes before the first answer: imports, and compiling the kernels.

Each figure comes from fresh processes. The time of an import is that of ``python -c "import ..."``
less that of an empty program. A first call works on the smallest size, after what it needs has been
imported: once with an empty cache of compiled kernels, and once with the cache that this run left. A
later call is the second call in the same process. Rivals that compile nothing are timed likewise.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time

from bench.case import Case, list_left_out
from bench.cases import find_case
from bench.own_process import ask
from bench.part import Found, Part
from bench.table import format_seconds, format_table

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
    "the lesson's computation, 720 x 1440": "the lesson's computation",
}
"""Cases by name, one for each kind of work, and what they call."""
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


def section(found: Found) -> str:
    """Write both tables."""
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
    return f"{format_table(['program', 'seconds'], modules, 1)}\n\n{format_table(header, calls, 3)}"


PART = Part("Before the first answer", run, section, left_out=lambda: list_left_out(find_cases()))
