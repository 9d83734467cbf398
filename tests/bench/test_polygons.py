"""The part of polygons: nanoseconds a vertex, and targets beside what was measured."""

from bench.cases import CASES
from bench.cases.polygons import FEWEST, PLAIN
from bench.polygons import TARGETS, write_by_vertex, write_targets
from bench.timing import Measurement

COVERAGE, SIMPLIFIED = "polygonize with junctions, 1800 x 3600", "polygons simplified, 1800 x 3600"


def measured(case, **seconds):
    return [Measurement(case, rival, 1, [time]) for rival, time in seconds.items()]


def test_targets_are_cases_with_the_rival_beside_them():
    for target in TARGETS:
        cases = [case for case in CASES["polygons"] if case.name.startswith(target.case)]
        assert cases, target
        assert all(target.rival in case.rivals for case in cases), target


def test_a_target_is_written_beside_what_was_measured():
    case = measured(COVERAGE, **{"fastkm": 0.3, "xarray-spatial": 3.0, FEWEST: 0.2})
    case += measured(SIMPLIFIED, **{"fastkm": 0.5, PLAIN: 0.25})
    lines = write_targets(case).splitlines()[2:]
    assert lines == [
        f"| {COVERAGE} | 300 ms | {FEWEST}: 200 ms | 1.2 times at most | 1.50 |",
        f"| {COVERAGE} | 300 ms | xarray-spatial: 3 s | 7 times at least | 10 |",
        f"| {SIMPLIFIED} | 500 ms | {PLAIN}: 250 ms | 3 times at most | 2.00 |",
    ]


def test_nanoseconds_a_vertex_are_those_of_the_counted_cases():
    case = measured(COVERAGE, fastkm=0.3, contourrs=0.6) + measured(SIMPLIFIED, fastkm=1.0)
    lines = write_by_vertex(case, {COVERAGE: 1_000_000}).splitlines()[2:]
    assert lines == [
        f"| {COVERAGE} | fastkm | 1 | 1,000,000 | 300 |",
        f"| {COVERAGE} | contourrs | 1 | 1,000,000 | 600 |",
    ]
