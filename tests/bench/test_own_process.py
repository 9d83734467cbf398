"""Memory is that of the work alone, and first calls are of fresh processes."""

import json
import mmap

import numpy as np
import pytest

from bench import memory, own_process, startup
from bench.case import Case, Rival
from bench.own_process import measure_memory_beyond, measure_peak
from tests.conftest import needs_jit

SIZES = {"tiny": 1000, "small": 10_000_000, "full": 10_000_000}


def test_memory_is_that_of_the_work_alone() -> None:
    kept = np.ones(10_000_000)

    def work() -> None:
        """Fill pages of its own: the heap may have as much to spare, left by other tests."""
        with mmap.mmap(-1, 64_000_000) as pages:
            for page in range(0, len(pages), mmap.PAGESIZE):
                pages[page] = 1

    assert measure_memory_beyond(work) == pytest.approx(64e6, rel=0.1)
    assert kept.all()


def test_data_and_what_is_beyond_them_are_told_apart() -> None:
    rival = Rival(lambda data: np.concatenate([data, data]))
    case = Case("work", np.ones, SIZES, {"fastkm": rival}, lambda *_: None)
    beyond, held = measure_peak(case, rival, "full")
    assert held == pytest.approx(80e6, rel=0.1)
    assert beyond == pytest.approx(160e6, rel=0.1)


@pytest.mark.slow
@needs_jit
def test_a_process_of_its_own_tells_its_peak_and_its_first_call(capsys) -> None:
    name = next(iter(startup.FIRST))
    own_process.main(["first", name, "scipy", "tiny"])
    first, later = json.loads(capsys.readouterr().out)
    assert first > 0
    assert later > 0
    assert memory.weigh("no such case", "fastkm", "tiny") == [None, None]
    beyond, held = memory.weigh(memory.WEIGHED[0], "fastkm", "tiny")
    assert 0 <= beyond < 64e6
    assert held >= 0


def test_all_named_cases_are_there() -> None:
    assert [case.name for case in memory.find_cases()] == list(memory.WEIGHED)
    assert [case.name for case in startup.find_cases()] == list(startup.FIRST)


def test_memory_is_told_with_ratios() -> None:
    weighed = [
        {"case": "one", "rival": "fastkm", "beyond": 2e6, "data": 40e6},
        {"case": "one", "rival": "big", "beyond": 800e6, "data": 40e6},
        {"case": "one", "rival": "bigger", "beyond": None, "data": None},
    ]
    lines = memory.section({"weighed": weighed}).splitlines()
    assert lines[2] == "| one | fastkm | 40 | 2.0 | 1.00 |"
    assert lines[3] == "| one | big | 40 | 800.0 | 400 |"
    assert lines[4] == "| one | bigger |  | broke down |  |"


def test_startup_is_told() -> None:
    imports = {"pass": [0.02, 0.01, 0.03], "import numpy": [0.12, 0.13, 0.11]}
    first = [
        {
            "case": "vq, 1e7 float32, 6 codes",
            "rival": "fastkm",
            "empty": 2.0,
            "warm": 0.5,
            "later": 0.01,
        }
    ]
    text = startup.section({"imports": imports, "first": first})
    assert "| `import numpy` | 100 ms |" in text
    assert "| vq | fastkm | 2 s | 500 ms | 10 ms |" in text
    assert "whole program" not in text
    programs = [{"program": "a script", "empty": 3.0, "warm": 1.5}]
    text = startup.section({"imports": imports, "first": first, "programs": programs})
    assert "| `a script` | 3 s | 1.5 s |" in text
