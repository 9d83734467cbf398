"""Cases side by side: the parts of the benchmarks that are made of the one table of cases."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial

from bench.case import Case, left_out
from bench.part import Found, Part
from bench.table import comparison_table, summary_table
from bench.timing import Measured, measure


def run(cases: list[Case], size: str) -> Found:
    """Time all cases."""
    return {"measured": [asdict(one) for case in cases for one in measure(case, size)]}


def measured_of(found: Found) -> list[Measured]:
    """Read what was measured."""
    return [Measured(**one) for one in found["measured"]]


def section(found: Found) -> str:
    """Write every figure, and above them their summary where a rival takes part in several cases."""
    measured = measured_of(found)
    return f"{summary_table(measured)}\n\n{comparison_table(measured)}"


def comparison(title: str, cases: list[Case]) -> Part:
    """Make a part of cases."""
    return Part(title, partial(run, cases), section, left_out=lambda: left_out(cases))
