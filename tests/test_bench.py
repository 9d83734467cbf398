"""Every rival's answer is right, every benchmark runs, and the table reads its output."""

import pytest

from bench.cases import CASES, Case
from bench.table import table

RIVALS = [
    pytest.param(case, rival, id=f"{case.name}: {rival}")
    for case in CASES
    for rival in case.rivals
    if rival != "fastkm"
]


@pytest.mark.parametrize(("case", "rival"), RIVALS)
def test_rivals_agree_with_fastkm(case: Case, rival: str) -> None:
    data = case.make(case.sizes["tiny"])
    case.check(data, case.rivals["fastkm"](data), case.rivals[rival](data))


def test_table_gives_ratios_to_fastkm() -> None:
    runs = [
        {"extra_info": {"case": "work", "rival": rival}, "stats": {"median": median}}
        for rival, median in (("fastkm", 0.002), ("scipy", 1.5))
    ]
    text = table({"benchmarks": runs})
    assert "| work | fastkm | 2 ms | 1.0 |" in text
    assert "| work | scipy | 1.5 s | 750.0 |" in text
