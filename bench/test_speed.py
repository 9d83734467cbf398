"""Seconds of every rival on every case of `bench.cases.CASES`.

    pytest bench/ --benchmark-only --bench-size full --benchmark-json out/bench.json
    python -m bench.table out/bench.json

Kernels are compiled before the clock starts, by the same work at the tiny size. The median of
seven runs counts, or one run of rivals that take minutes.
"""

import pytest

from bench.cases import CASES, Case

RUNS = [
    pytest.param(case, rival, id=f"{case.name}: {rival}") for case in CASES for rival in case.rivals
]


@pytest.mark.parametrize(("case", "rival"), RUNS)
def test_speed(benchmark, size: str, case: Case, rival: str) -> None:
    run = case.rivals[rival]
    run(case.make(case.sizes["tiny"]))
    data = case.make(case.sizes[size])
    benchmark.group = case.name
    benchmark.extra_info.update(case=case.name, rival=rival, size=size)
    once = size == "full" and rival in case.once
    benchmark.pedantic(run, (data,), rounds=1 if once else 7, warmup_rounds=0 if once else 1)
