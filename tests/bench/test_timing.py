"""Timing: everybody does the same work, in turn, with the threads that it may use."""

import os

import pytest
from threadpoolctl import threadpool_info

from bench import timing
from bench.case import Case, Rival, list_left_out
from bench.threads import ALL, limit_threads
from bench.timing import ROUNDS, list_runs, measure


def case_of(check=lambda data, ours, theirs: None, loss=None, **rivals: Rival) -> Case:
    sizes = {"tiny": 1, "small": 2, "full": 3}
    return Case("work", lambda n: n, sizes, rivals, check, loss)


def test_all_take_turns_after_a_round_without_the_clock(monkeypatch) -> None:
    monkeypatch.setattr(timing, "BRIEF", 0.0)
    calls = []
    case = case_of(
        fastkm=Rival(lambda n: calls.append(("a", n))),
        other=Rival(lambda n: calls.append(("b", n))),
    )
    found = measure(case, "full")
    assert calls == [("a", 3), ("b", 3)] * (ROUNDS + 1)
    assert [len(one.seconds) for one in found] == [ROUNDS, ROUNDS]


@pytest.mark.parametrize("size", ["tiny", "small", "full"])
@pytest.mark.parametrize("allowance", [0.0, 99.0])
def test_no_compile_falls_into_a_timed_run(monkeypatch, size: str, allowance: float) -> None:
    clock, compiled = [0.0], set()

    def work(rival: str, n: int) -> None:
        """Compile for ten seconds if neither this size nor this number of threads was met before."""
        key = rival, n, os.environ["FASTKM_NUM_THREADS"]
        clock[0] += 1.0 if key in compiled else 10.0
        compiled.add(key)

    monkeypatch.setattr(timing.time, "perf_counter", lambda: clock[0])
    case = case_of(
        fastkm=Rival(lambda n: work("a", n)), other=Rival(lambda n: work("b", n), serial=True)
    )
    found = measure(case, size, threads=(1, 2), allowance=allowance)
    assert [one.threads for one in found] == [2, 1, 1]
    assert {second for one in found for second in one.seconds} == {1.0}


def test_brief_work_is_repeated_within_a_round(monkeypatch) -> None:
    clock, calls = [0.0], []

    def work(name: str, seconds: float) -> None:
        calls.append(name)
        clock[0] += seconds

    monkeypatch.setattr(timing, "BRIEF", 2.0**-8)
    monkeypatch.setattr(timing.time, "perf_counter", lambda: clock[0])
    case = case_of(
        fastkm=Rival(lambda n: work("a", 2.0**-10)), slow=Rival(lambda n: work("b", 1.0))
    )
    quick, slow = measure(case, "full", allowance=99.0)
    assert quick.seconds == [2.0**-10] * ROUNDS
    assert slow.seconds == [1.0] * ROUNDS
    assert calls.count("a") == 1 + 4 * ROUNDS
    assert calls.count("b") == 1 + ROUNDS


def test_one_that_has_used_its_allowance_rests(monkeypatch) -> None:
    clock, calls = [0.0], []

    def work(name: str, seconds: float) -> None:
        calls.append(name)
        clock[0] += seconds

    monkeypatch.setattr(timing.time, "perf_counter", lambda: clock[0])
    case = case_of(
        fastkm=Rival(lambda n: work("a", 2.0**-10)), slow=Rival(lambda n: work("b", 2.0))
    )
    quick, slow = measure(case, "full", allowance=3.0)
    assert len(quick.seconds) == ROUNDS
    assert len(slow.seconds) == 2
    assert calls.count("b") == 3  # the first does not count
    [_, once] = measure(case, "full", allowance=0.0)
    assert once.seconds == [2.0]


def test_a_wrong_answer_ends_the_run() -> None:
    def check(_data, ours, theirs) -> None:
        assert ours == theirs

    case = case_of(check, fastkm=Rival(lambda n: n), other=Rival(lambda n: n if n == 1 else n + 1))
    with pytest.raises(AssertionError, match="work: other"):
        measure(case, "full")


def test_losses_are_of_answers_and_yardsticks_have_none() -> None:
    case = case_of(
        loss=lambda data, answer: float(answer * data),
        fastkm=Rival(lambda n: 2),
        other=Rival(lambda n: 5),
        plain=Rival(lambda n: 0, yardstick=True),
    )
    assert [one.loss for one in measure(case, "full", allowance=0)] == [6.0, 15.0, None]


def test_fastkm_runs_on_one_thread_too_where_a_rival_has_one() -> None:
    alone = case_of(fastkm=Rival(lambda n: n), other=Rival(lambda n: n))
    serial = case_of(fastkm=Rival(lambda n: n), other=Rival(lambda n: n, serial=True))

    def run(case: Case, *threads: int) -> list[tuple[str, int]]:
        return [(name, number) for name, _, number in list_runs(case, threads)]

    assert run(alone, 2) == [("fastkm", 2), ("other", 2)]
    assert run(serial, 2) == [("fastkm", 2), ("fastkm", 1), ("other", 1)]
    assert run(alone, 1, 2) == [("fastkm", 2), ("fastkm", 1), ("other", 2), ("other", 1)]
    assert run(serial, 1) == [("fastkm", 1), ("other", 1)]


def test_threads_are_those_that_are_allowed() -> None:
    seen = []

    def run(_n: int) -> None:
        seen.append(
            (os.environ["FASTKM_NUM_THREADS"], {i["num_threads"] for i in threadpool_info()})
        )

    before = os.environ.get("FASTKM_NUM_THREADS")
    measure(case_of(fastkm=Rival(lambda n: n), other=Rival(run, serial=True)), "full", allowance=0)
    assert seen[-1] == ("1", {1})
    assert os.environ.get("FASTKM_NUM_THREADS") == before


def test_dask_keeps_to_the_limit() -> None:
    dask = pytest.importorskip("dask")
    before = dask.config.get("num_workers", None)
    with limit_threads(1):
        assert dask.config.get("num_workers") == 1
    assert dask.config.get("num_workers", None) == before


def test_a_limit_ends_with_its_block(monkeypatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    monkeypatch.delenv("FASTKM_NUM_THREADS", raising=False)
    with limit_threads(3):
        assert os.environ["OMP_NUM_THREADS"] == os.environ["FASTKM_NUM_THREADS"] == "3"
    assert os.environ["OMP_NUM_THREADS"] == "5"
    assert "FASTKM_NUM_THREADS" not in os.environ
    assert ALL >= 1


def test_one_that_is_not_installed_is_named() -> None:
    case = case_of(fastkm=Rival(lambda n: n), other=Rival(lambda n: n, needs="no_such_package"))
    assert list(case.present()) == ["fastkm"]
    [(who, why)] = list_left_out([case]).items()
    assert who == "other"
    assert "no_such_package" in why
    assert [one.rival for one in measure(case, "full", allowance=0)] == ["fastkm"]


def test_one_that_is_there_and_does_not_work_is_named_too(tmp_path, monkeypatch) -> None:
    (tmp_path / "broken_package.py").write_text("raise RuntimeError('compiled for another numpy')")
    monkeypatch.syspath_prepend(tmp_path)
    rival = Rival(lambda n: n, needs="broken_package")
    assert rival.why_missing() == "RuntimeError: compiled for another numpy"
