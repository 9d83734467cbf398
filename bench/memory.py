"""Memory of everybody on the same work: each run in a process of its own. Linux only.

What counts is the peak beyond the data, answer included, with kernels compiled before. A rival
without a number needs more memory than there is, or broke down.
"""

from __future__ import annotations

import os
import subprocess

from bench.case import OURS, Case, left_out
from bench.cases import case_named
from bench.own_process import ask
from bench.part import Found, Part
from bench.table import markdown, times

WEIGHED = (
    "vq, 1e7 float32, 6 codes",
    "1-D clusters and labels, 1e7 values, k = 6",
    "kmeans1d, 1e8 float32, k = 2 ... 8",
    "kmeans2, 10 iterations, 1e6 x 3 float32, 8 codes",
    "KMeans, 1e6 x 12 float32, k = 8",
    "all pairs of 20,000 points",
    "find_contours, 1800 x 3600 uint8",
    "polygonize, 1800 x 3600",
)
"""Cases by name."""


def cases() -> list[Case]:
    """Find the cases."""
    return [case_named(name) for name in WEIGHED]


def run(size: str) -> Found:
    """Weigh every rival of the cases; at the tiny size fastkm only, on two of them."""
    found = []
    for case in cases()[: 2 if size == "tiny" else None]:
        for name, rival in case.present().items():
            if rival.yardstick or (size == "tiny" and name != OURS):
                continue
            beyond, held = weighed(case.name, name, size)
            found.append({"case": case.name, "rival": name, "beyond": beyond, "data": held})
    return {"weighed": found}


def weighed(case: str, rival: str, size: str) -> list[float | None]:
    """Give the bytes beyond the data and those of the data, or nothing of one that breaks down."""
    try:
        return list(ask("peak", case, rival, size, dict(os.environ)))
    except subprocess.CalledProcessError:
        return [None, None]


def section(found: Found) -> str:
    """Write the bytes of each."""
    ours = {one["case"]: one["beyond"] for one in found["weighed"] if one["rival"] == OURS}
    rows = []
    for one in found["weighed"]:
        beyond, base = one["beyond"], ours[one["case"]]
        ratio = times(beyond / base) if beyond and base else ""
        data = "" if one["data"] is None else f"{one['data'] / 1e6:,.0f}"
        told = "broke down" if beyond is None else f"{beyond / 1e6:,.1f}"
        rows.append([one["case"], one["rival"], data, told, ratio])
    header = ["work", "who", "data, MB", "peak beyond it, MB", "times fastkm's"]
    return markdown(header, rows, 3)


PART = Part("Memory", run, section, left_out=lambda: left_out(cases()))
