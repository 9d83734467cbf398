"""Seconds of every rival on every case of the one table, by pytest-benchmark.

    pytest bench/ --benchmark-only --bench-size full --benchmark-json bench.json

Kernels are compiled before the clock starts, by the same work. `python -m bench`
runs the same cases in turn, with equal threads, and writes the tables.
"""

import pytest

from bench.case import Case
from bench.cases import CASES
from bench.threads import ALL
from bench.timing import ALLOWANCE, ROUNDS, silence_warnings, time_run


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Name each run with the size that is run."""
    size = str(metafunc.config.getoption("--bench-size"))
    runs = [
        pytest.param(case, rival, id=f"{case.name_at(size)}: {rival}")
        for cases in CASES.values()
        for case in cases
        for rival in case.rivals
    ]
    metafunc.parametrize(("case", "rival"), runs)


def test_speed(benchmark, size: str, case: Case, rival: str) -> None:
    one = case.rivals[rival]
    if why := one.why_missing():
        pytest.skip(f"left out: {why}")
    with silence_warnings():
        data = case.make(case.sizes[size])
        seconds, _ = time_run(one, data, ALL)
        rounds = ROUNDS if seconds * ROUNDS < ALLOWANCE[size] else 1
        benchmark.group = case.name_at(size)
        benchmark.extra_info.update(case=case.name_at(size), rival=rival, size=size)
        benchmark.pedantic(one.run, (data,), rounds=rounds)
