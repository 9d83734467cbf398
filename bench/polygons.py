"""Polygons that tile, beside rivals: times, nanoseconds a vertex, and the targets that were set."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from bench import comparison
from bench.case import OURS, list_left_out
from bench.cases import CASES
from bench.cases.polygons import FEWEST, PLAIN
from bench.comparison import read_measurements
from bench.part import Found, Part
from bench.table import (
    compute_ratio,
    find_own,
    format_ratio,
    format_seconds,
    format_table,
    group_by_case,
)
from bench.timing import Measurement, time_run


class Target(NamedTuple):
    """A limit: a rival takes at least so many times fastkm's time, or fastkm at most so many of its."""

    case: str
    rival: str
    times: float
    at_most: bool = False


TARGETS = (
    Target("polygonize with junctions, 1800", FEWEST, 1.2, at_most=True),
    Target("polygonize with junctions, 1024", FEWEST, 1.2, at_most=True),
    Target("polygonize with junctions, 1800", "xarray-spatial", 7),
    Target("polygonize with junctions, 1024", "xarray-spatial", 8),
    Target("polygonize with junctions", "contourrs", 1),
    Target("polygons simplified", PLAIN, 3, at_most=True),
    Target("polygons smoothed", PLAIN, 3, at_most=True),
    Target("sieve", "rasterio", 10),
    Target("bands", "matplotlib + shapely", 5),
)
"""What polygons were to reach when they were made; `case` is how names of cases begin."""

VERTICES = ("polygonize",)
"""How the cases begin whose vertices are counted."""


def run(size: str) -> Found:
    """Time all cases, and count the vertices of fastkm's polygons."""
    import shapely

    vertices = {}
    for case in CASES["polygons"]:
        if case.name.startswith(VERTICES):
            _, frame = time_run(case.rivals[OURS], case.make(case.sizes[size]), 1)
            vertices[case.name] = int(shapely.get_num_coordinates(frame.geometry.array).sum())
    return {**comparison.run(CASES["polygons"], size), "vertices": vertices}


def section(found: Found) -> str:
    """Write every figure, nanoseconds a vertex, and how each target was met."""
    measured = read_measurements(found)
    return "\n\n".join(
        [
            comparison.section(found),
            "The same by vertex of fastkm's polygons with junctions:",
            write_by_vertex(measured, found["vertices"]),
            "The targets that were set. contourrs needs Python 3.12 or later.",
            write_targets(measured),
        ]
    )


def write_by_vertex(measured: list[Measurement], vertices: dict[str, int]) -> str:
    """Write the nanoseconds a vertex of each rival."""
    rows = [
        [one.work, one.rival, one.threads, f"{vertices[one.case]:,}",
         f"{1e9 * one.median / vertices[one.case]:,.0f}"]
        for one in measured
        if one.case in vertices
    ]  # fmt: skip
    return format_table(["work", "who", "threads", "vertices", "ns a vertex"], rows, 3)


def write_targets(measured: list[Measurement]) -> str:
    """Write each target beside what was measured, case by case."""
    rows = []
    for target in TARGETS:
        for name, case in group_by_case(measured).items():
            others = [one for one in case if one.rival == target.rival]
            if name.startswith(target.case) and others:
                rows.append(write_target(target, others[0], case))
    return format_table(["work", "fastkm", "beside", "target", "measured"], rows, 2)


def write_target(target: Target, one: Measurement, case: list[Measurement]) -> list[str]:
    """Write one line: at most so many times the time of another, or at least so many times quicker."""
    ratio = compute_ratio(one, case)
    limit = f"{target.times:g} times {'at most' if target.at_most else 'at least'}"
    reached = 1 / ratio if target.at_most else ratio
    own = format_seconds(find_own(one, case).median)
    return [
        one.work,
        own,
        f"{one.rival}: {format_seconds(one.median)}",
        limit,
        format_ratio(reached),
    ]


PART = Part("Polygons that tile", run, section, left_out=partial(list_left_out, CASES["polygons"]))
