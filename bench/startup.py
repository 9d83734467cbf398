"""What comes before the first answer: imports, and compiling the kernels.

Each figure is of processes of their own. An import is that of ``python -c "import ..."`` less that
of an empty program. A first call is one of the smallest size, once what it needs is imported: with
an empty cache of compiled kernels, and with the cache that this left. A later call is the second of
the same process. Rivals that compile nothing have the same three.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time

from bench.case import Case, left_out
from bench.cases import case_named
from bench.own_process import ask
from bench.part import Found, Part
from bench.table import markdown, readable

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


def cases() -> list[Case]:
    """Find the cases."""
    return [case_named(name) for name in FIRST]


def run(size: str) -> Found:
    """Start processes; at the tiny size for one case only."""
    chosen = cases()[: 1 if size == "tiny" else None]
    return {
        "imports": imports(RUNS[size]),
        "first": [one for c in chosen for one in first_calls(c)],
    }


def imports(runs: int) -> dict[str, list[float]]:
    """Time programs that import something, in turn."""
    found: dict[str, list[float]] = {code: [] for code in MODULES}
    for number in range(-1, runs):  # the first reads the disk
        for code, seconds in found.items():
            begin = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            if number >= 0:
                seconds.append(time.perf_counter() - begin)
    return found


def first_calls(case: Case) -> list[dict[str, object]]:
    """Time the first call of everybody, with an empty and with a warm cache."""
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
    modules = [[f"`{code}`", readable(max(0.0, s - nothing))] for code, s in medians.items()]
    calls = [
        [
            FIRST.get(one["case"], one["case"]),
            one["rival"],
            *(readable(one[c]) for c in ("empty", "warm", "later")),
        ]
        for one in found["first"]
    ]
    header = ["first call of", "who", "empty cache", "warm cache", "later call"]
    return f"{markdown(['program', 'seconds'], modules, 1)}\n\n{markdown(header, calls, 3)}"


PART = Part("Before the first answer", run, section, left_out=lambda: left_out(cases()))
