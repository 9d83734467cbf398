"""Every part runs once at the tiny size, is JSON, and is written and drawn from that: none rots."""

import json
from functools import partial

import pytest

from bench import timing
from bench.cases import CASES
from bench.parts import PARTS
from tests.conftest import needs_jit


def check_startup(found: dict) -> None:
    """A first call compiles, and one with a warm cache reads."""
    [ours] = [one for one in found["first"] if one["rival"] == "fastkm"]
    assert ours["empty"] > ours["warm"] > ours["later"] > 0


def check_archive(found: dict) -> None:
    """Two processes are measured beside one, and memory."""
    assert {name.split(", ")[1] for name in found["seconds"] if "lesson" not in name} == {
        "1 process",
        "2 processes",
    }
    assert all(peak > 1e7 for _, peak in found["peaks"])
    assert 1_000 < found["merge"] < 1_000_000


def check_large(found: dict) -> None:
    """Every work ends well, and its peak is measured."""
    for name, one in found["works"].items():
        assert "failed" not in one, (name, one)
        assert one["seconds"] > 0
        assert one["peak"] > 1e7


def check_cases(name: str, found: dict) -> None:
    """Every rival of every case ran, and `bench.timing.measure` checked its answer."""
    measured = {(one["case"], one["rival"]) for one in found["measured"]}
    assert measured == {(case.name, rival) for case in CASES[name] for rival in case.present()}


CHECKS = {
    **{name: partial(check_cases, name) for name in CASES},
    "startup": check_startup,
    "archive": check_archive,
    **{name: check_large for name in PARTS if name.startswith("large-")},
}


@pytest.fixture
def one_run_each(monkeypatch):
    """Let the run without the clock be the only one of a rival; `test_timing` tests the rounds."""
    time_run, found = timing.time_run, {}

    def time_once(rival, data, threads, runs=1):
        key = id(rival), id(data), threads
        if key not in found:  # with what the numbers are of: they stay theirs
            found[key] = time_run(rival, data, threads), rival, data
        return found[key][0]

    monkeypatch.setattr(timing, "time_run", time_once)


def test_every_case_belongs_to_a_part() -> None:
    assert set(CASES) <= set(PARTS)


@pytest.mark.slow
@needs_jit
@pytest.mark.parametrize("name", PARTS)
def test_every_part_runs(name: str, tmp_path, one_run_each) -> None:
    part = PARTS[name]
    found = json.loads(json.dumps(part.run("tiny")))
    CHECKS.get(name, bool)(found)
    assert "|" in part.section(found)
    for stem, figure in part.figures(found).items():
        figure.savefig(tmp_path / f"{stem}.png")
        assert (tmp_path / f"{stem}.png").stat().st_size > 5_000
    assert isinstance(part.left_out(), dict)
