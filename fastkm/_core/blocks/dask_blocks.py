"""Work on blocks: on the workers of a dask client if there is one, otherwise here, one at a time.

A reduction computes a result for each block, which is much smaller than the block, and combines
these results. On workers, tasks end in any order, so combining must not depend on the order or the
grouping of results (sums of integers do not). There `FAN_IN` results are combined at a time, so
that neither a worker nor the client ever holds the results of a whole archive.

Each pass over blocks reports to the current progress (`fastkm._core.progress`).

dask is imported only if there are arrays of dask; if it is not loaded, there is no client.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextvars import copy_context
from itertools import accumulate
from threading import Lock
from typing import Any, TypeVar

import numpy as np

from fastkm._core.blocks.read_ahead import compute_in_order
from fastkm._core.dask_client import current_client
from fastkm._core.progress import current_progress
from fastkm._core.threads import map_chunks

Result = TypeVar("Result")
Blocks = Sequence[Sequence[Any]]
Box = tuple[slice, ...]

FAN_IN = 16
"""Results that are combined at a time on workers."""

HELD_RESULTS = 4
"""Results that are kept in this process until they are combined: a map of counts takes 8 MB."""

BATCH = 8
"""Blocks that a task does one after another, at most."""

TASKS_PER_WORKER = 8
"""Tasks that each worker gets, at least, if there are enough: so that all end at about one time."""


def reduce_blocks(
    function: Callable[..., Result],
    blocks: Blocks,
    combine: Callable[[list[Result]], Result],
    *,
    threads: int | None = 1,
    here: bool = False,
) -> Result:
    """Call ``function(*block)`` for each of one or more blocks, and combine the results.

    Arguments that are delayed objects of dask are computed first. `function` and `combine` are sent
    to workers, unless the work is to be done `here`; `combine` must not depend on the order or the
    grouping of results. In this process, `threads` blocks are worked on at a time; None is as many
    as the process may use.
    """
    current_progress().begin("pass", len(blocks), "blocks")
    client = None if here else current_client()
    if client is None:
        return _reduce_here(function, blocks, combine, threads)
    from dask.delayed import delayed
    from distributed import as_completed

    # reduce each batch; they are sent together, because each one alone would carry the whole graph
    batches = _cut_into_batches(client, blocks)
    task = delayed(_reduce_batch, pure=False)
    futures = client.compute([task(function, combine, batch) for batch in batches])

    # combine the results of batches in a tree
    level = futures
    while len(level) > 1:
        level = [
            client.submit(combine, level[i : i + FAN_IN], pure=False)
            for i in range(0, len(level), FAN_IN)
        ]

    # report each batch as it ends
    sizes = {future.key: len(batch) for future, batch in zip(futures, batches, strict=True)}
    for future in as_completed(list(futures)):
        if future.status == "error":
            future.result()  # raises
        current_progress().advance(sizes[future.key])
    result: Result = level[0].result()
    return result


def iterate_blocks(arrays: Sequence[Any]) -> Iterator[tuple[Box, list[np.ndarray]]]:
    """Compute dask arrays of the same chunks together; yield boxes and blocks in the order of memory.

    What arrays have in common is computed once for each block. The next blocks are computed while
    this one is used (`fastkm._core.blocks.read_ahead`). On a client they are computed by the workers.
    """
    first = arrays[0]
    ends = [list(accumulate(lengths, initial=0)) for lengths in first.chunks]
    indices = list(np.ndindex(*first.numblocks))
    current_progress().begin("pass", len(indices), "blocks")
    for index, blocks in zip(indices, compute_in_order(arrays), strict=True):
        yield tuple(slice(end[i], end[i + 1]) for end, i in zip(ends, index, strict=True)), blocks
        del blocks
        current_progress().advance()


def _reduce_batch(
    function: Callable[..., Result], combine: Callable[[list[Result]], Result], blocks: Blocks
) -> Result:
    results = [function(*block) for block in blocks]
    return results[0] if len(results) == 1 else combine(results)


def _reduce_here(
    function: Callable[..., Result],
    blocks: Blocks,
    combine: Callable[[list[Result]], Result],
    threads: int | None,
) -> Result:
    held: list[Result] = []
    lock, progress, context = Lock(), current_progress(), copy_context()

    def compute(block: Sequence[Any]) -> Result:
        return function(*map(_compute, block))

    def run(start: int, _stop: int) -> None:
        result = context.copy().run(compute, blocks[start])
        with lock:
            held.append(result)
            if len(held) == HELD_RESULTS:
                held[:] = [combine(held)]
            progress.advance()

    map_chunks(run, len(blocks), 1, threads=threads)
    return held[0] if len(held) == 1 else combine(held)


def _cut_into_batches(client: Any, blocks: Blocks) -> list[Blocks]:
    """Cut blocks into batches, one for each task; a task for each block would take 10 % longer."""
    workers = max(1, len(client.nthreads()))
    size = max(1, min(BATCH, len(blocks) // (TASKS_PER_WORKER * workers)))
    return [blocks[start : start + size] for start in range(0, len(blocks), size)]


def _compute(argument: Any) -> Any:
    """Compute an argument if it is a delayed object of dask."""
    return argument.compute() if hasattr(argument, "__dask_graph__") else argument


def map_blocks(
    function: Callable[..., Result], blocks: Blocks
) -> Iterator[tuple[int, Result | Exception]]:
    """Call ``function(*block)`` for each block; yield its number and result when it has ended.

    If a block raises an OSError or ValueError, this is yielded as its result. If the iteration is
    left early, blocks that wait are not begun.
    """
    current_progress().begin("pass", len(blocks), "blocks")
    client = current_client()
    ended: Iterator[tuple[int, Result | Exception]]
    if client is None:
        ended = (
            (number, _try_call(function, *map(_compute, block)))
            for number, block in enumerate(blocks)
        )
    else:
        ended = _map_on_workers(client, function, blocks)
    for number, result in ended:
        current_progress().advance()
        yield number, result


def _map_on_workers(
    client: Any, function: Callable[..., Result], blocks: Blocks
) -> Iterator[tuple[int, Result | Exception]]:
    from distributed import as_completed

    batches = _cut_into_batches(client, blocks)
    futures = [client.submit(_map_batch, function, batch, pure=False) for batch in batches]
    starts = accumulate((len(batch) for batch in batches), initial=0)
    first = {future.key: start for future, start in zip(futures, starts, strict=False)}
    waiting = dict.fromkeys(futures)
    try:
        for future in as_completed(futures):
            del waiting[future]
            yield from enumerate(future.result(), first[future.key])
            future.release()  # results are not kept on the worker
    finally:
        client.cancel(list(waiting))


def _map_batch(function: Callable[..., Result], blocks: Blocks) -> list[Result | Exception]:
    """Call a function for each block of a batch."""
    return [_try_call(function, *block) for block in blocks]


def _try_call(function: Callable[..., Result], *block: Any) -> Result | Exception:
    try:
        return function(*block)
    except (OSError, ValueError) as error:
        return error
