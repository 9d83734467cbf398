"""Blocks come in their order, each computed once, from their own part of the graph, some ahead."""

import threading

import dask.array as da
import numpy as np
import pytest

from fastkm._core.blocks import read_ahead
from fastkm._core.blocks.dask_blocks import iterate_blocks
from fastkm._core.blocks.read_ahead import compute_in_order, count_ahead, iterate_graphs, map_ahead
from fastkm._core.progress import use_progress
from tests.clients import client_of
from tests.steps import Steps

VALUES = np.arange(210).reshape(5, 6, 7)


@pytest.mark.parametrize("ahead", [0, 1, 2, 9])
def test_results_come_in_order_and_few_are_computed_before(ahead):
    begun = []
    results = map_ahead(lambda i: begun.append(i) or i * i, range(20), ahead)
    assert begun == []
    assert next(results) == 0
    assert begun == [0]
    for number, result in enumerate(results, 1):
        assert result == number**2
        assert len(begun) <= number + ahead + 1
        assert len(begun) == number + 1 or ahead > 0
    assert sorted(begun) == list(range(20))


def test_other_threads_compute_ahead():
    names = list(map_ahead(lambda _: threading.current_thread().name, range(4), 2))
    assert names[0] == threading.current_thread().name
    assert all(name.startswith("fastkm-ahead") for name in names[1:])


def test_an_error_is_raised_in_its_place_and_no_more_is_begun():
    begun = []

    def fail(i):
        begun.append(i)
        if i == 2:
            raise OSError(5, "bad")
        return i

    results = map_ahead(fail, range(100), 2)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(OSError, match="bad"):
        next(results)
    assert len(begun) <= 6


def test_who_stops_early_leaves_nothing_running():
    begun = []
    results = map_ahead(begun.append, range(100), 3)
    next(results), next(results)
    results.close()
    assert len(begun) <= 6
    assert not [t for t in threading.enumerate() if t.name.startswith("fastkm-ahead")]


def test_there_may_be_nothing_or_one():
    assert list(map_ahead(abs, [], 2)) == []
    assert list(map_ahead(abs, [-1], 2)) == [1]


@pytest.mark.parametrize("group", [1, 2, 5, 4096])
@pytest.mark.parametrize("chunks", [(5, 6, 7), (1, 6, 7), (2, 2, 2), (5, 1, 3)], ids=str)
def test_blocks_of_several_arrays_are_in_the_order_of_memory(chunks, group, monkeypatch):
    monkeypatch.setattr(read_ahead, "GROUP", group)
    lazy, told = da.from_array(VALUES, chunks=chunks), Steps()
    copies = np.zeros((2, *VALUES.shape), int)
    indices = list(np.ndindex(*lazy.numblocks))
    with use_progress(told):
        for index, (box, blocks) in zip(indices, iterate_blocks([lazy, lazy * 2]), strict=True):
            assert np.array_equal(blocks[0], lazy.blocks[index].compute())
            copies[(slice(None), *box)] = blocks
    assert np.array_equal(copies[0], VALUES)
    assert np.array_equal(copies[1], 2 * VALUES)
    assert told.totals == [len(indices)]
    assert told.done == [[1] * len(indices)]


def test_what_arrays_share_is_computed_once():
    met = []

    def spy(block):
        met.append(block.shape)
        return block

    lazy = da.from_array(VALUES, chunks=(1, 3, 7)).map_blocks(spy, meta=VALUES[:0])
    found = list(compute_in_order([lazy + 1, lazy % 2, lazy], threads=3))
    assert len(found) == len(met) == 10
    assert met == [(1, 3, 7)] * 10


def test_a_block_has_the_tasks_that_it_needs():
    lazy = da.from_array(VALUES, chunks=(1, 1, 1)) + 1
    assert max(len(graph.tasks) for graph in iterate_graphs([lazy])) <= 3


def test_an_array_without_dimensions_is_one_block():
    [(box, [total])] = iterate_blocks([da.from_array(VALUES, chunks=2).sum()])
    assert (box, total) == ((), VALUES.sum())


def test_large_blocks_are_not_computed_ahead_of_memory(monkeypatch):
    lazy = da.zeros((4, 100), chunks=(1, 100), dtype="f4")
    assert count_ahead([lazy], 7) == 7
    monkeypatch.setattr(read_ahead, "AHEAD_BYTES", 1200)
    assert count_ahead([lazy], 7) == 3
    assert count_ahead([lazy, lazy], 7) == 1
    monkeypatch.setattr(read_ahead, "AHEAD_BYTES", 300)
    assert count_ahead([lazy], 7) == 0
    assert count_ahead([lazy[lazy[:, 0] > 0]], 7) == 0  # lengths that are not known


def test_workers_compute_the_blocks():
    lazy = da.from_array(VALUES, chunks=(2, 3, 4)).map_blocks(_shift, dtype=VALUES.dtype)
    with client_of() as client, client.as_current():
        blocks = [block for _, [block] in iterate_blocks([lazy])]
        kept = [block for _, [block] in iterate_blocks([lazy.persist()])]
    wanted = [lazy.blocks[index].compute() for index in np.ndindex(*lazy.numblocks)]
    for one, other, block in zip(blocks, kept, wanted, strict=True):
        assert np.array_equal(one, block)
        assert np.array_equal(other, block)


def _shift(block):
    return block + 3
