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
from typing import Any, TypeVar

Part = TypeVar("Part")

FAN_IN = 16
"""Parts that are merged at a time."""

_WATCHER: ContextVar[Callable[[int], None] | None] = ContextVar("watcher", default=None)


@contextmanager
def watching(watcher: Callable[[int], None]) -> Iterator[None]:
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


def block_done() -> None:
    """Tell the watcher, if there is one, that a block is done."""
    watcher = _WATCHER.get()
    if watcher is not None:
        watcher(1)


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


def in_worker() -> bool:
    """Tell whether this thread runs a task of `dask.distributed`."""
    utils = sys.modules.get("distributed.utils")
    return utils is not None and hasattr(utils.thread_state, "execution_state")


def reduced(
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

    task = _delayed(function)
    # all at once: alone, each would take the graph of all blocks with it
    futures = client.compute([task(*block) for block in blocks])
    level = futures
    while len(level) > 1:
        level = [
            client.submit(merge, level[i : i + FAN_IN], pure=False)
            for i in range(0, len(level), FAN_IN)
        ]
    for future in as_completed(list(futures)):
        if future.status == "error":
            future.result()  # raises
        block_done()
    result: Part = level[0].result()
    return result


def _reduced_here(
    function: Callable[..., Part],
    blocks: Sequence[Sequence[Any]],
    merge: Callable[[list[Part]], Part],
) -> Part:
    waiting: list[Part] = []
    for block in blocks:
        waiting.append(function(*map(_computed, block)))
        if len(waiting) == FAN_IN:
            waiting = [merge(waiting)]
        block_done()
    return waiting[0] if len(waiting) == 1 else merge(waiting)


def _delayed(function: Callable[..., Any]) -> Any:
    from dask.delayed import delayed

    return delayed(function, pure=False)


def _computed(argument: Any) -> Any:
    return argument.compute() if hasattr(argument, "__dask_graph__") else argument


def completed(
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
        try:
            yield number, function(*map(_computed, block))
        except (OSError, ValueError) as error:
            yield number, error


def _completed_there(
    client: Any, function: Callable[..., Part], blocks: Sequence[Sequence[Any]]
) -> Iterator[tuple[int, Part | Exception]]:
    from distributed import as_completed

    futures = [client.submit(function, *block, pure=False) for block in blocks]
    numbers = {future.key: number for number, future in enumerate(futures)}
    try:
        for future in as_completed(list(futures)):
            number = numbers[future.key]
            futures[number] = None  # its result is not kept on the worker
            error = future.exception()
            if error is not None and not isinstance(error, OSError | ValueError):
                raise error
            yield number, future.result() if error is None else error
    finally:
        client.cancel([future for future in futures if future is not None])
