"""Chunks, threads and ordered results.

The plan of chunks depends on the size of the data, never on the number of threads, and results
come back in chunk order. A sum that is added up in that order is the same, bit for bit, with one
thread or sixty-four.

The threads are one shared pool of plain Python threads. Kernels release the GIL, the calling
thread works too, and a process that was forked starts a pool of its own.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from functools import cache, lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from fastkm._core.dask_client import in_worker

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

    from threadpoolctl import ThreadpoolController

Result = TypeVar("Result")

CHUNK_BYTES = 1 << 19
"""Input bytes of a chunk: it stays in a second-level cache of 1 MB, and a kernel call (some 5
microseconds) costs less than a tenth of the work. 2^18 to 2^20 are as fast in `bench/`."""


def rows_per_chunk(row_bytes: int) -> int:
    """Return the number of rows in a chunk if one row takes `row_bytes` bytes."""
    return max(1, CHUNK_BYTES // max(1, row_bytes))


def plan_chunks(size: int, step: int) -> list[tuple[int, int]]:
    """Cut ``range(size)`` into (start, stop) pairs of length `step`; the last may be shorter."""
    if 0 < size <= step:
        return [(0, size)]
    return [(start, min(start + step, size)) for start in range(0, size, step)]


def map_chunks(
    function: Callable[[int, int], Result], size: int, step: int, *, threads: int | None = None
) -> list[Result]:
    """Call ``function(start, stop)`` for each chunk; return the results in chunk order.

    The chunks are ``plan_chunks(size, step)``. The function is called from several threads at once
    and should release the GIL for most of its time. The first exception of a call is raised here.
    """
    plan = plan_chunks(size, step)
    # without a second thread: a plain loop
    runners = min(resolve_thread_count(threads), len(plan))
    if runners <= 1:
        return [function(start, stop) for start, stop in plan]
    # each thread takes the next chunk until none is left
    results: dict[int, Result] = {}
    ticket = itertools.count()  # next() is atomic under the GIL

    def run() -> None:
        nonlocal ticket
        try:
            while (mine := next(ticket)) < len(plan):
                results[mine] = function(*plan[mine])
        finally:
            ticket = itertools.count(len(plan))  # after an error no thread takes another chunk

    helpers = _start_helpers(run, runners - 1)
    try:
        run()
    finally:
        # a helper that has not started has nothing left to do, and might wait for this very thread
        errors = [helper.exception() for helper in helpers if not helper.cancel()]
    for error in errors:
        if error is not None:
            raise error
    return [results[mine] for mine in range(len(plan))]


def _start_helpers(run: Callable[[], None], count: int) -> list[Future[None]]:
    """Let threads of the pool run a function; fewer if no thread can be started any more."""
    helpers: list[Future[None]] = []
    wanted: list[Callable[[], None]] = []
    # RuntimeError: Python is about to end, or there are too many threads
    with suppress(RuntimeError):
        pool = _get_pool(os.getpid())
        while len(helpers) < count:
            wanted = [run]
            helpers.append(pool.submit(_run_all, wanted))
        return helpers
    wanted.clear()  # what could not be started may be in the pool's queue all the same
    return helpers


def _run_all(wanted: list[Callable[[], None]]) -> None:
    for run in wanted:
        run()


def fold_chunks(
    function: Callable[[int, int], Result],
    fold: Callable[[Result], object],
    size: int,
    step: int,
    *,
    threads: int | None = None,
) -> None:
    """Call ``fold(function(start, stop))`` for each chunk, one fold at a time, in chunk order.

    Unlike `map_chunks` this keeps only the results that wait for an earlier chunk.
    """
    if size <= step:  # one chunk
        for result in map_chunks(function, size, step, threads=threads):
            fold(result)
        return
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


def limit_blas_to_one_thread() -> AbstractContextManager[object]:
    """Return a context in which BLAS has one thread: chunks have threads of their own."""
    return _find_blas(os.getpid()).limit(limits=1, user_api="blas")


def resolve_thread_count(threads: int | None = None) -> int:
    """Return the number of threads: `threads`, or ``FASTKM_NUM_THREADS``, or all usable CPUs.

    A task of dask uses only the thread that runs it: its worker has others for other tasks. A
    number that is not a positive integer raises a ValueError.
    """
    source = "threads"
    value: Any = threads
    if threads is None:
        source, value = "FASTKM_NUM_THREADS", os.environ.get("FASTKM_NUM_THREADS", "").strip()
        if not value:
            return 1 if in_worker() else count_usable_cpus()
        value = int(value) if value.isdecimal() else value
    if not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"{source} must be a positive integer, got {value!r}")
    return int(value)


@cache
def count_usable_cpus() -> int:
    """Return how many CPUs this process may use: its affinity, limited by a container's quota."""
    if hasattr(os, "sched_getaffinity"):
        allowed = len(os.sched_getaffinity(0))
    else:  # macOS, Windows
        allowed = os.cpu_count() or 1
    return max(1, min(allowed, _read_cgroup_quota(Path("/sys/fs/cgroup/cpu.max"), allowed)))


def _read_cgroup_quota(file: Path, default: int) -> int:
    """Return the CPUs that a cgroup v2 quota file grants, rounded up; `default` if it has none."""
    try:
        quota, period = file.read_text().split()[:2]
        return -(-int(quota) // int(period))
    except (OSError, ValueError):  # no such file, or "max 100000"
        return default


@lru_cache(maxsize=1)
def _find_blas(_pid: int) -> ThreadpoolController:
    """Find the BLAS libraries of a process, once: it takes some milliseconds."""
    # libraries that are loaded later are not found: first load scipy's, which compiled kernels call
    import scipy.linalg  # noqa: F401
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@lru_cache(maxsize=1)
def _get_pool(_pid: int) -> ThreadPoolExecutor:
    """Return the pool of a process: threads do not survive a fork."""
    from concurrent.futures import ThreadPoolExecutor  # not possible when Python is about to end

    return ThreadPoolExecutor(max(32, count_usable_cpus()), thread_name_prefix="fastkm")
