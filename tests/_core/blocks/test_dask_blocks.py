"""Blocks are reduced to the same here and on workers, in any order; tasks have one thread."""

import operator
from functools import reduce

import dask
import pytest

from fastkm._core.blocks.dask_blocks import FAN_IN, reduce_blocks
from fastkm._core.dask_client import current_client, in_worker
from fastkm._core.progress import use_progress
from fastkm._core.threads import count_usable_cpus, map_chunks, resolve_thread_count
from fastkm.errors import ArchiveError
from tests.clients import client_of
from tests.steps import Steps


@pytest.fixture(scope="module")
def workers():
    """A client, as long as this module runs; tests make it current by `here_or_there`."""
    with client_of() as client:
        yield client


@pytest.fixture(params=["here", "workers"])
def where(request):
    """Run a test without a client and with one."""
    if request.param == "here":
        yield "here"
    else:
        with request.getfixturevalue("workers").as_current():
            yield "workers"


def total(parts):
    return reduce(operator.add, parts)


@pytest.mark.parametrize("number", [1, 2, FAN_IN, FAN_IN + 1, FAN_IN**2 + 3])
def test_all_blocks_are_merged_once(where, number):
    assert reduce_blocks(lambda i, j: {i: j}, [(i, i * i) for i in range(number)], merged) == {
        i: i * i for i in range(number)
    }


def merged(parts):
    return dict(sorted(pair for part in parts for pair in part.items()))


def test_delayed_arguments_are_computed(where):
    blocks = [(dask.delayed(i) + 1,) for i in range(5)]
    assert reduce_blocks(lambda i: i, blocks, total) == 15


@pytest.mark.parametrize(
    "error", [ArchiveError("a.nc", "2001-01", "cut"), OSError(5, "bad"), KeyError(1)]
)
def test_an_error_reaches_the_caller_unchanged(where, error):
    def fail(i):
        if i == 3:
            raise error
        return i

    with pytest.raises(type(error)) as caught:
        reduce_blocks(fail, [(i,) for i in range(20)], total)
    assert str(caught.value) == str(error)
    assert caught.value.__dict__ == error.__dict__


def test_an_error_of_merging_reaches_the_caller(where):
    def fail(parts):
        raise KeyError(len(parts))

    with pytest.raises(KeyError):
        reduce_blocks(lambda i: i, [(1,), (2,)], fail)


def test_progress_is_told_of_each_pass_and_each_block(where):
    told = Steps()
    with use_progress(told):
        reduce_blocks(lambda i: i, [(i,) for i in range(4)], total)
    assert (told.stages, told.totals, told.done) == (["pass"], [4], [[1, 1, 1, 1]])


def test_a_task_has_no_client_and_one_thread(where, monkeypatch):
    monkeypatch.delenv("FASTKM_NUM_THREADS", raising=False)
    there = where == "workers"
    assert (current_client() is None) != there
    assert not in_worker()
    told = reduce_blocks(
        lambda: [(in_worker(), current_client() is None, resolve_thread_count())], [()], total
    )
    assert told == [(there, True, 1 if there else count_usable_cpus())]
    assert resolve_thread_count() == count_usable_cpus()


def test_a_task_has_the_threads_that_it_is_given(where, monkeypatch):
    assert reduce_blocks(lambda: [resolve_thread_count(3)], [()], total) == [3]
    monkeypatch.setenv("FASTKM_NUM_THREADS", "2")  # workers of this test are in this process
    assert reduce_blocks(lambda: [resolve_thread_count()], [()], total) == [2]


def test_chunks_of_a_task_are_mapped_by_its_thread(where):
    def names():
        import threading

        found = map_chunks(lambda *_: threading.current_thread().name, 9, 1, threads=None)
        return [set(found) == {threading.current_thread().name} or not in_worker()]

    assert reduce_blocks(names, [()], total) == [True]


@pytest.mark.parametrize("threads", [1, 2, 5, None])
def test_threads_reduce_blocks_of_this_process(workers, threads):
    blocks = [(number, dask.delayed(number)) for number in range(23)]
    with workers.as_current():  # a client that is not asked
        found = reduce_blocks(operator.mul, blocks, total, threads=threads, here=True)
    assert found == sum(number**2 for number in range(23))
    with pytest.raises(ZeroDivisionError):
        reduce_blocks(operator.floordiv, [(1, 1), (1, 0), (1, 2)], total, threads=threads)
