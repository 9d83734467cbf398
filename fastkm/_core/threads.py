"""Chunks, threads and ordered results.

The plan of chunks depends on the size of the data, never on the number of threads, and results
come back in chunk order. A sum that is reduced in that order is the same, bit for bit, with one
thread or sixty-four.

The threads are one shared pool of plain Python threads: kernels release the GIL, the calling
thread works too, and a process that forks starts a pool of its own.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import cache, lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from fastkm._core import dask_blocks

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

Result = TypeVar("Result")

CHUNK_BYTES = 1 << 19
"""Input bytes a chunk: it stays in a second-level cache of 1 MB, and a kernel call (some 5
microseconds) below a tenth of the work. 2^18 to 2^20 measure alike on the cases of `bench/`."""


def rows_per_chunk(row_bytes: int) -> int:
    """Tell how many rows a chunk holds when one row takes `row_bytes` bytes.

    Examples
    --------
    >>> rows_per_chunk(8)
    65536
    """
    return max(1, CHUNK_BYTES // max(1, row_bytes))


def chunks(size: int, step: int) -> list[tuple[int, int]]:
    """Cut ``range(size)`` into (start, stop) pairs of `step`; the last may be shorter.

    Examples
    --------
    >>> chunks(10, 4)
    [(0, 4), (4, 8), (8, 10)]
    """
    return [(start, min(start + step, size)) for start in range(0, size, step)]


def map_chunks(
    function: Callable[[int, int], Result], size: int, step: int, *, threads: int | None = None
) -> list[Result]:
    """Call ``function(start, stop)`` for each chunk; return the results in chunk order.

    Parameters
    ----------
    function : callable
        Called from several threads at once; it should release the GIL for most of its time.
    size, step : int
        The number of rows and the rows a chunk.
    threads : int, optional
        See `thread_count`.

    Returns
    -------
    list
        One result a chunk. The first exception of a call is raised here.

    Examples
    --------
    >>> map_chunks(lambda start, stop: stop - start, 10, 4)
    [4, 4, 2]
    """
    plan = chunks(size, step)
    runners = min(thread_count(threads), len(plan))
    if runners <= 1:
        return [function(start, stop) for start, stop in plan]
    results: dict[int, Result] = {}
    ticket = itertools.count()  # next() is atomic under the GIL

    def run() -> None:
        while (mine := next(ticket)) < len(plan):
            results[mine] = function(*plan[mine])

    helpers = [_pool_of(os.getpid()).submit(run) for _ in range(runners - 1)]
    try:
        run()
    finally:
        ticket = itertools.count(len(plan))  # after an error here the helpers stop early
        # one that has not started has nothing left to do, and might wait for this very thread
        errors = [helper.exception() for helper in helpers if not helper.cancel()]
    for error in errors:
        if error is not None:
            raise error
    return [results[mine] for mine in range(len(plan))]


def fold_chunks(
    function: Callable[[int, int], Result],
    fold: Callable[[Result], object],
    size: int,
    step: int,
    *,
    threads: int | None = None,
) -> None:
    """Call ``fold(function(start, stop))`` for each chunk, one fold at a time, in chunk order.

    As `map_chunks`, but no more results are kept than wait for an earlier chunk to end.

    Examples
    --------
    >>> sums = []
    >>> fold_chunks(lambda start, stop: stop - start, sums.append, 10, 4)
    >>> sums
    [4, 4, 2]
    """
    waiting: dict[int, Result] = {}
    lock, turn = Lock(), 0

    def run(start: int, stop: int) -> None:
        nonlocal turn
        result = function(start, stop)
        with lock:
            waiting[start] = result
            while turn in waiting:
                fold(waiting.pop(turn))
                turn += step

    map_chunks(run, size, step, threads=threads)


def one_blas_thread() -> AbstractContextManager[object]:
    """Hold BLAS to one thread for the length of a block: the chunks have threads of their own."""
    return _blas(os.getpid()).limit(limits=1, user_api="blas")


def thread_count(threads: int | None = None) -> int:
    """Threads to use: the argument, else ``FASTKM_NUM_THREADS``, else the usable CPUs.

    A task of dask has the one thread that runs it: its worker has others for other tasks.

    Raises
    ------
    ValueError
        If the number is not a positive integer.

    Examples
    --------
    >>> thread_count(3)
    3
    """
    source, value = "threads", threads
    if threads is None:
        source, value = "FASTKM_NUM_THREADS", _environment_threads()
    if not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"{source} must be a positive integer, got {value!r}")
    return int(value)


def _environment_threads() -> Any:
    text = os.environ.get("FASTKM_NUM_THREADS", "").strip()
    if not text:
        return 1 if dask_blocks.in_worker() else usable_cpus()
    return int(text) if text.isdecimal() else text


@cache
def usable_cpus() -> int:
    """CPUs that this process may use: its affinity, cut by a container's quota."""
    if hasattr(os, "sched_getaffinity"):
        allowed = len(os.sched_getaffinity(0))
    else:  # macOS, Windows
        allowed = os.cpu_count() or 1
    return max(1, min(allowed, _cgroup_quota(Path("/sys/fs/cgroup/cpu.max"), allowed)))


def _cgroup_quota(file: Path, default: int) -> int:
    """CPUs that a cgroup v2 quota file grants, rounded up; `default` where there is none."""
    try:
        quota, period = file.read_text().split()[:2]
        return -(-int(quota) // int(period))
    except (OSError, ValueError):  # no such file, or "max 100000"
        return default


@lru_cache(maxsize=1)
def _blas(_pid: int) -> ThreadpoolController:
    """Find the BLAS libraries of a process: looking for them takes some milliseconds.

    What is loaded later is missed, so the one that compiled kernels call, scipy's, is loaded now.
    """
    import scipy.linalg  # noqa: F401
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@lru_cache(maxsize=1)
def _pool_of(_pid: int) -> ThreadPoolExecutor:
    """Give the pool of a process: threads do not survive a fork."""
    return ThreadPoolExecutor(max(32, usable_cpus()), thread_name_prefix="fastkm")
