"""Chunks, threads, ordered results."""

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_info, threadpool_limits

from fastkm._core import threads as threads_module
from fastkm._core.threads import (
    fold_chunks,
    limit_blas_to_one_thread,
    map_chunks,
    plan_chunks,
    resolve_thread_count,
    rows_per_chunk,
)


@given(st.integers(0, 1000), st.integers(1, 300))
def test_chunks_cover_the_range_once_and_in_order(size, step):
    plan = plan_chunks(size, step)
    assert [i for start, stop in plan for i in range(start, stop)] == list(range(size))
    assert all(0 < stop - start <= step for start, stop in plan)


@pytest.mark.parametrize(
    ("row_bytes", "rows"), [(8, 65536), (1 << 19, 1), (1 << 30, 1), (0, 1 << 19)]
)
def test_a_chunk_holds_a_fixed_number_of_bytes_and_at_least_a_row(row_bytes, rows):
    assert rows_per_chunk(row_bytes) == rows


@pytest.mark.parametrize("threads", [1, 2, 5, 64])
def test_results_come_in_chunk_order_whichever_is_done_first(threads):
    def late_first(start, stop):
        time.sleep(0.003 * (start == 0))
        return start, stop

    assert map_chunks(late_first, 103, 10, threads=threads) == plan_chunks(103, 10)


@pytest.mark.parametrize("threads", [1, 4])
def test_nothing_to_do_gives_nothing(threads):
    assert map_chunks(lambda start, stop: 1, 0, 10, threads=threads) == []


def test_several_threads_work_at_once():
    barrier = threading.Barrier(3, timeout=20)
    names = map_chunks(
        lambda start, stop: (barrier.wait(), threading.current_thread().name)[1], 3, 1, threads=3
    )
    assert len(set(names)) == 3
    assert threading.current_thread().name in names


def test_one_thread_is_the_calling_one():
    names = map_chunks(lambda start, stop: threading.current_thread().name, 5, 1, threads=1)
    assert set(names) == {threading.current_thread().name}


def test_a_sum_of_floats_is_the_same_bits_with_any_number_of_threads():
    x = np.random.default_rng(0).normal(size=1001) * 1e8
    totals = {
        sum(map_chunks(lambda a, b: float(x[a:b].sum()), 1001, 17, threads=threads))
        for threads in (1, 2, 5, 16)
    }
    assert len(totals) == 1


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("culprit", [0, 7, 19])
def test_an_error_in_a_chunk_reaches_the_caller(threads, culprit):
    def fail(start, stop):
        if start == culprit:
            raise KeyError(culprit)
        return start

    with pytest.raises(KeyError, match=str(culprit)):
        map_chunks(fail, 20, 1, threads=threads)


def test_after_an_error_no_thread_goes_on():
    done = []

    def fail(start, stop):
        if start == 0:
            raise KeyError
        time.sleep(0.002)
        done.append(start)

    with pytest.raises(KeyError):
        map_chunks(fail, 10_000, 1, threads=3)
    count = len(done)
    assert count < 9_000
    time.sleep(0.02)
    assert len(done) == count


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_are_folded_in_chunk_order_whichever_is_done_first(threads):
    folded = []

    def late(start, stop):
        time.sleep(0.02 if start == 0 else 0.001)
        return start, stop

    fold_chunks(late, folded.append, 100, 7, threads=threads)
    assert folded == plan_chunks(100, 7)


@pytest.mark.parametrize("threads", [1, 4])
def test_nothing_folds_nothing(threads):
    fold_chunks(lambda start, stop: stop, pytest.fail, 0, 5, threads=threads)


def test_one_result_is_folded_at_a_time():
    inside, most = [], []

    def fold(result):
        inside.append(result)
        time.sleep(0.001)
        most.append(len(inside))
        inside.remove(result)

    fold_chunks(lambda start, stop: start, fold, 40, 1, threads=8)
    assert most == [1] * 40


def test_folded_sums_of_floats_are_the_same_bits_with_any_number_of_threads():
    x, totals = np.random.default_rng(0).normal(size=1001) * 1e8, set()
    for threads in (1, 2, 5, 16):
        total = np.zeros(1)
        fold_chunks(lambda a, b: x[a:b].sum(), total.__iadd__, 1001, 17, threads=threads)
        totals.add(total.item())
    assert len(totals) == 1


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("culprit", [0, 7, 19])
@pytest.mark.parametrize("guilty", ["function", "fold"])
def test_an_error_in_a_chunk_or_a_fold_reaches_the_caller(guilty, threads, culprit):
    folded = []

    def fail(start):
        if start == culprit:
            raise KeyError(culprit)
        folded.append(start)

    function = (lambda start, stop: start) if guilty == "fold" else (lambda a, b: fail(a) or a)
    fold = fail if guilty == "fold" else folded.append
    with pytest.raises(KeyError, match=str(culprit)):
        fold_chunks(function, fold, 20, 1, threads=threads)
    if guilty == "fold":
        assert folded == list(range(culprit))  # none is folded after one that failed


def blas_threads():
    """Those of NumPy and SciPy: rivals in the bench bring their own, loaded at any time."""
    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    return [p["num_threads"] for p in pools if "numpy" in p["filepath"] or "scipy" in p["filepath"]]


def test_blas_has_one_thread_inside_and_as_many_as_before_outside():
    with limit_blas_to_one_thread():  # loads scipy's
        pass
    with threadpool_limits(limits=2, user_api="blas"):
        before = blas_threads()
        with limit_blas_to_one_thread():
            assert set(blas_threads()) == {1}
        assert blas_threads() == before
        with pytest.raises(KeyError), limit_blas_to_one_thread():
            raise KeyError
        assert blas_threads() == before


def test_a_chunk_may_map_chunks_itself():
    def outer(start, stop):
        return sum(map_chunks(lambda a, b: b - a, 50, 5, threads=4))

    assert map_chunks(outer, 40, 1, threads=4) == [50] * 40


def test_many_callers_at_once_do_not_wait_for_each_other_for_ever():
    results = []

    def call():
        results.append(map_chunks(lambda start, stop: stop - start, 100, 3, threads=8))

    callers = [threading.Thread(target=call, daemon=True) for _ in range(20)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(timeout=60)
    assert [sum(result) for result in results] == [100] * 20


def test_threads_come_from_the_argument_then_the_variable_then_the_machine(monkeypatch):
    monkeypatch.setenv("FASTKM_NUM_THREADS", "7")
    assert resolve_thread_count(3) == 3
    assert resolve_thread_count() == 7
    monkeypatch.setenv("FASTKM_NUM_THREADS", "")
    assert resolve_thread_count() == threads_module.count_usable_cpus()
    monkeypatch.delenv("FASTKM_NUM_THREADS")
    assert resolve_thread_count() == threads_module.count_usable_cpus()


@pytest.mark.parametrize("value", ["0", "-2", "two", "1.5", "nan"])
def test_a_bad_variable_is_named(value, monkeypatch):
    monkeypatch.setenv("FASTKM_NUM_THREADS", value)
    with pytest.raises(ValueError, match=f"FASTKM_NUM_THREADS .*{value}"):
        resolve_thread_count()


@pytest.mark.parametrize("value", [0, -1, 1.5, "many", [2]])
def test_a_bad_argument_is_named(value):
    with pytest.raises(ValueError, match="threads must be a positive integer"):
        resolve_thread_count(value)


@pytest.mark.parametrize(
    ("text", "cpus"), [("200000 100000\n", 2), ("150000 100000\n", 2), ("50000 100000\n", 1)]
)
def test_a_containers_quota_counts_rounded_up(tmp_path, text, cpus):
    file = tmp_path / "cpu.max"
    file.write_text(text)
    assert threads_module._read_cgroup_quota(file, 9) == cpus


@pytest.mark.parametrize("text", ["max 100000\n", "", "nonsense"])
def test_without_a_quota_the_affinity_counts(tmp_path, text):
    file = tmp_path / "cpu.max"
    file.write_text(text)
    assert threads_module._read_cgroup_quota(file, 9) == 9
    assert threads_module._read_cgroup_quota(tmp_path / "none", 9) == 9


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the system has no affinity")
def test_no_more_cpus_than_the_affinity_allows():
    assert 1 <= threads_module.count_usable_cpus() <= len(os.sched_getaffinity(0))


def test_a_new_process_gets_a_new_pool():
    parent = threads_module._get_pool(os.getpid())
    assert threads_module._get_pool(os.getpid()) is parent
    child = threads_module._get_pool(-1)
    try:
        assert child is not parent
    finally:
        child.shutdown()
        threads_module._get_pool.cache_clear()


NESTED = """
from fastkm._core.threads import map_chunks

def outer(start, stop):
    return sum(map_chunks(lambda a, b: b - a, 64, 1, threads=64))

print(sum(map_chunks(outer, 64, 1, threads=64)))
"""


def test_chunks_within_chunks_finish_when_every_thread_of_the_pool_is_taken():
    run = subprocess.run(  # a process of its own: threads that wait for ever cannot be ended
        [sys.executable, "-c", NESTED], capture_output=True, text=True, timeout=20, check=True
    )
    assert run.stdout == "4096\n"


@pytest.mark.parametrize("left", [0, 2])
def test_where_no_thread_can_be_started_the_calling_one_does_the_work(left, monkeypatch):
    pool = threads_module._get_pool(os.getpid())
    late = []

    class EndingPool:
        """A pool that starts some helpers and then queues one, but cannot start its thread."""

        def submit(self, function, *arguments):
            if len(late) < left:
                late.append(None)
                return pool.submit(function, *arguments)
            late.append((function, arguments))
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threads_module, "_get_pool", lambda pid: EndingPool())
    done = []
    plan = map_chunks(lambda *span: (done.append(span), span)[1], 50, 5, threads=5)
    assert plan == plan_chunks(50, 5)
    function, arguments = late[-1]
    function(*arguments)  # its thread comes free after all
    assert sorted(done) == plan


def test_calls_at_exit_and_after_the_main_thread_give_the_same_result():
    code = """
import atexit, threading, time
from fastkm._core.threads import map_chunks

def call():
    print(sum(map_chunks(lambda start, stop: stop - start, 1000, 10, threads=4)))

def call_late():
    threading.main_thread().join()
    call()

atexit.register(call)
threading.Thread(target=call_late).start()
"""
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert (run.stdout, run.stderr) == ("1000\n1000\n", "")
