"""Parts of the benchmarks that time cases and show them side by side."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial

from bench.case import Case, list_left_out
from bench.part import Found, Part
from bench.table import write_comparison, write_summary
from bench.timing import Measurement, measure


def run(cases: list[Case], size: str) -> Found:
    """Time all cases."""
    return {"measured": [asdict(one) for case in cases for one in measure(case, size)]}


def read_measurements(found: Found) -> list[Measurement]:
    """Return what was measured, as `Measurement`."""
    return [Measurement(**one) for one in found["measured"]]


def section(found: Found) -> str:
    """Write every figure, below a summary of the rivals that take part in several cases."""
    measured = read_measurements(found)
    return f"{write_summary(measured)}\n\n{write_comparison(measured)}"


def comparison(title: str, cases: list[Case]) -> Part:
    """Return a part that times some cases."""
    return Part(title, partial(run, cases), section, left_out=lambda: list_left_out(cases))
