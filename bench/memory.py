"""Memory of all rivals on the same work, each in a process of its own. Linux only.

The peak beyond the data counts, the answer included; kernels are compiled before. A rival without a
number needs more memory than the machine has, or broke down.
"""

from __future__ import annotations

import os
import subprocess

from bench.case import OURS, Case, list_left_out
from bench.cases import find_case
from bench.own_process import ask
from bench.part import Found, Part
from bench.table import format_ratio, format_table

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
"""Names of the cases whose memory is measured."""


def find_cases() -> list[Case]:
    """Return the cases of `WEIGHED`."""
    return [find_case(name) for name in WEIGHED]


def run(size: str) -> Found:
    """Measure every rival on every case; at the tiny size fastkm only, on two cases."""
    found = []
    for case in find_cases()[: 2 if size == "tiny" else None]:
        for name, rival in case.present().items():
            if rival.yardstick or (size == "tiny" and name != OURS):
                continue
            beyond, held = weigh(case.name, name, size)
            found.append(
                {"case": case.name_at(size), "rival": name, "beyond": beyond, "data": held}
            )
    return {"weighed": found}


def weigh(case: str, rival: str, size: str) -> list[float | None]:
    """Return the bytes beyond the data and those of the data; None twice if the rival breaks down."""
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
        ratio = format_ratio(beyond / base) if beyond and base else ""
        data = "" if one["data"] is None else f"{one['data'] / 1e6:,.0f}"
        peak = "broke down" if beyond is None else f"{beyond / 1e6:,.1f}"
        rows.append([one["case"], one["rival"], data, peak, ratio])
    header = ["work", "who", "data, MB", "peak beyond it, MB", "times fastkm's"]
    return format_table(header, rows, 3)


PART = Part("Memory", run, section, left_out=lambda: list_left_out(find_cases()))
