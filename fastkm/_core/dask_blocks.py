"""Work on blocks: on the workers of a dask client where there is one, else here, one at a time.

Blocks are reduced: each gives a part that is small beside it, and parts are merged. Merging must
not depend on an order or on how parts are grouped (integer sums do not), since workers end when
they end. On workers parts are merged in groups, `FAN_IN` at a time, so that neither a worker nor
the client ever holds those of a whole archive.

dask is an extra: it is imported only where a client may be, that is where it is loaded already.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import accumulate
from typing import Any, TypeVar

Part = TypeVar("Part")

FAN_IN = 16
"""Parts that are merged at a time."""

KEPT = 4
"""Parts that wait here to be merged: those of maps of counts are 8 MB each."""

BATCH = 8
"""Blocks that a task does one after another, at most."""

TURNS = 8
"""Tasks that each worker gets, at least: so all end at about the same time."""

_WATCHER: ContextVar[Callable[[int], None] | None] = ContextVar("watcher", default=None)


@contextmanager
def report_blocks(watcher: Callable[[int], None]) -> Iterator[None]:
    """Tell `watcher` of blocks: -n where a pass over n of them begins, 1 for each that is done.

    Examples
    --------
    >>> told = []
    >>> with watching(told.append):
    ...     begin_pass(2)
    ...     block_done()
    >>> told
    [-2, 1]
    """
    token = _WATCHER.set(watcher)
    try:
        yield
    finally:
        _WATCHER.reset(token)


def begin_pass(blocks: int) -> None:
    """Tell the watcher, if there is one, that a pass begins."""
    watcher = _WATCHER.get()
    if watcher is not None:
        watcher(-blocks)


def block_done(number: int = 1) -> None:
    """Tell the watcher, if there is one, that a block is done, or some more."""
    watcher = _WATCHER.get()
    if watcher is not None:
        watcher(number)


def current_client() -> Any:
    """Give the client of `dask.distributed` that is current here; None where there is none.

    Inside a task there is none: a task does not wait for other tasks.
    """
    distributed = sys.modules.get("distributed")
    if distributed is None or in_worker():
        return None
    try:
        return distributed.get_client()
    except ValueError:
        return None


@contextmanager
def synchronous_scheduler() -> Iterator[None]:
    """Keep xarray from asking the scheduler of a cluster for leave to write a file.

    Where there is a client it takes locks that are known to the whole cluster: four journeys a file,
    15 ms in all, for files that no other process writes to.
    """
    dask = sys.modules.get("dask")
    if dask is None:
        yield
        return
    with dask.config.set(scheduler="synchronous"):
        yield


def in_worker() -> bool:
    """Tell whether this thread runs a task of `dask.distributed`."""
    utils = sys.modules.get("distributed.utils")
    return utils is not None and hasattr(utils.thread_state, "execution_state")


def reduce_blocks(
    function: Callable[..., Part],
    blocks: Sequence[Sequence[Any]],
    merge: Callable[[list[Part]], Part],
) -> Part:
    """Call ``function(*block)`` for each block and merge what comes.

    Parameters
    ----------
    function : callable
        To be sent to workers; arguments that are delayed objects of dask are computed before.
    blocks : sequence of sequences
        The arguments for each block; at least one block.
    merge : callable
        Merges parts; their order and grouping must not matter.

    Returns
    -------
    object
        The merged part.

    Examples
    --------
    >>> reduced(lambda values: max(values), [([1, 5],), ([4],)], max)
    5
    """
    begin_pass(len(blocks))
    client = current_client()
    if client is None:
        return _reduced_here(function, blocks, merge)
    from distributed import as_completed

    batches = _batches(client, blocks)
    task = _delayed(_merged_batch)
    # all at once: alone, each would take the graph of all blocks with it
    futures = client.compute([task(function, merge, batch) for batch in batches])
    level = futures
    while len(level) > 1:
        level = [
            client.submit(merge, level[i : i + FAN_IN], pure=False)
            for i in range(0, len(level), FAN_IN)
        ]
    sizes = {future.key: len(batch) for future, batch in zip(futures, batches, strict=True)}
    for future in as_completed(list(futures)):
        if future.status == "error":
            future.result()  # raises
        block_done(sizes[future.key])
    result: Part = level[0].result()
    return result


def _merged_batch(
    function: Callable[..., Part],
    merge: Callable[[list[Part]], Part],
    blocks: Sequence[Sequence[Any]],
) -> Part:
    parts = [function(*block) for block in blocks]
    return parts[0] if len(parts) == 1 else merge(parts)


def _batches(client: Any, blocks: Sequence[Any]) -> list[Sequence[Any]]:
    """Cut blocks into batches, one a task: a task for each would cost a tenth of its work."""
    workers = max(1, len(client.nthreads()))
    size = max(1, min(BATCH, len(blocks) // (TURNS * workers)))
    return [blocks[start : start + size] for start in range(0, len(blocks), size)]


def _reduced_here(
    function: Callable[..., Part],
    blocks: Sequence[Sequence[Any]],
    merge: Callable[[list[Part]], Part],
) -> Part:
    waiting: list[Part] = []
    for block in blocks:
        waiting.append(function(*map(_computed, block)))
        if len(waiting) == KEPT:
            waiting = [merge(waiting)]
        block_done()
    return waiting[0] if len(waiting) == 1 else merge(waiting)


def _delayed(function: Callable[..., Any]) -> Any:
    from dask.delayed import delayed

    return delayed(function, pure=False)


def _computed(argument: Any) -> Any:
    return argument.compute() if hasattr(argument, "__dask_graph__") else argument


def map_blocks(
    function: Callable[..., Part], blocks: Sequence[Sequence[Any]]
) -> Iterator[tuple[int, Part | Exception]]:
    """Call ``function(*block)`` for each block; give number and result of each that is done.

    Parameters
    ----------
    function : callable
        To be sent to workers.
    blocks : sequence of sequences
        The arguments for each block.

    Yields
    ------
    int, object
        The number of a block and its result, or the exception that it raised, in the order in
        which blocks end. Where the iteration is left early, the blocks that wait are not begun.

    Examples
    --------
    >>> list(completed(len, [("ab",), ("a",)]))
    [(0, 2), (1, 1)]
    """
    begin_pass(len(blocks))
    client = current_client()
    ended = (
        _completed_here(function, blocks)
        if client is None
        else _completed_there(client, function, blocks)
    )
    for number, result in ended:
        block_done()
        yield number, result


def _completed_here(
    function: Callable[..., Part], blocks: Sequence[Sequence[Any]]
) -> Iterator[tuple[int, Part | Exception]]:
    for number, block in enumerate(blocks):
        yield number, _tried(function, *map(_computed, block))


def _completed_there(
    client: Any, function: Callable[..., Part], blocks: Sequence[Sequence[Any]]
) -> Iterator[tuple[int, Part | Exception]]:
    from distributed import as_completed

    batches = _batches(client, blocks)
    futures = [client.submit(_batch, function, batch, pure=False) for batch in batches]
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


def _batch(
    function: Callable[..., Part], blocks: Sequence[Sequence[Any]]
) -> list[Part | Exception]:
    """Do some blocks one after another."""
    return [_tried(function, *block) for block in blocks]


def _tried(function: Callable[..., Part], *block: Any) -> Part | Exception:
    try:
        return function(*block)
    except (OSError, ValueError) as error:
        return error
