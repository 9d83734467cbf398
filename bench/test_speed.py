"""Seconds of every rival on every case of the one table, by pytest-benchmark.

    pytest bench/ --benchmark-only --bench-size full --benchmark-json bench.json

Kernels are compiled before the clock starts, by the same work at the tiny size. `python -m bench`
runs the same cases in turn, with equal threads, and writes the tables.
"""

import pytest

from bench.case import Case
from bench.cases import CASES
from bench.threads import ALL
from bench.timing import ALLOWANCE, ROUNDS, silence_warnings, time_run

RUNS = [
    pytest.param(case, rival, id=f"{case.name}: {rival}")
    for cases in CASES.values()
    for case in cases
    for rival in case.rivals
]


@pytest.mark.parametrize(("case", "rival"), RUNS)
def test_speed(benchmark, size: str, case: Case, rival: str) -> None:
    one = case.rivals[rival]
    if why := one.why_missing():
        pytest.skip(f"left out: {why}")
    with silence_warnings():
        one.run(case.make(case.sizes["tiny"]))
        data = case.make(case.sizes[size])
        seconds, _ = time_run(one, data, ALL)
        rounds = ROUNDS if seconds * ROUNDS < ALLOWANCE[size] else 1
        benchmark.group = case.name
        benchmark.extra_info.update(case=case.name, rival=rival, size=size)
        benchmark.pedantic(one.run, (data,), rounds=rounds)
