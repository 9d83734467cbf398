"""Where the work of an archive is done: in this process, in several, or on a dask cluster.

Reading netCDF in several threads is not safe, and a kernel is serial. So a worker is a process with
one thread, and there is one worker for each CPU that is to be used.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._version import __version__

if TYPE_CHECKING:
    from dask.distributed import Client, LocalCluster

NEEDS_EXTRA = "archives need dask: install with pip install 'fastkm[archive]'"
ENVIRONMENT = "distributed.nanny.pre-spawn-environ"
ALLOCATION = {"MALLOC_TRIM_THRESHOLD_": 1 << 28, "MALLOC_MMAP_THRESHOLD_": 1 << 26}
"""Environment of a worker: how many freed bytes it keeps, and up to which size of a block. By
default distributed lets workers return freed memory at once, so that each array needs new pages:
reading then takes twice the time."""

MALLOC_BLOCK = (1 << 25) - (1 << 16)
"""Bytes, just below the size of the largest block whose release raises malloc's thresholds."""

TIMEOUT = "20s"
"""How long a scheduler may take to answer."""


@contextmanager
def use_workers(workers: int = 1, scheduler: str | None = None) -> Iterator[Client | None]:
    """Make a client of dask current within a ``with`` block; None if this process does the work.

    This process does it if `workers` is 1 and no `scheduler` is given. The workers of a scheduler
    (``tcp://host:port``) must see the same files under the same names.

    Raises
    ------
    ImportError
        If dask is not installed.
    OSError
        If no scheduler answers at the address, or it has no workers.
    ValueError
        If the workers have another version of fastkm.
    """
    try:
        import dask.array
        from dask.distributed import Client
    except ImportError as error:
        raise ImportError(NEEDS_EXTRA) from error
    if scheduler is not None:
        with _connect(scheduler) as client, _explain_failures():
            yield client
    elif workers > 1:
        with (
            dask.config.set({ENVIRONMENT: {**dask.config.get(ENVIRONMENT), **ALLOCATION}}),
            _start_cluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                dashboard_address="127.0.0.1:0",  # a port that is free, for this machine only
                memory_limit=0,  # a worker killed for its memory would only start again
            ) as cluster,
            Client(cluster) as client,
            _explain_failures(),
        ):
            yield client
    else:
        # glibc's malloc then keeps twice this block and reuses it: a run takes 2/3 of the time
        np.empty(MALLOC_BLOCK, np.uint8)
        with dask.config.set(scheduler="synchronous"):  # with dask's threads, ctrl-C may hang
            yield None


def _start_cluster(**options: Any) -> LocalCluster:
    """Start processes that ignore ctrl-C: this process receives it, and ends them."""
    from dask.distributed import LocalCluster

    if threading.current_thread() is not threading.main_thread():
        return LocalCluster(silence_logs=logging.ERROR, **options)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return LocalCluster(silence_logs=logging.ERROR, **options)
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _explain_failures() -> Iterator[None]:
    """Turn an error of distributed into an OSError that says what to do."""
    try:
        yield
    except BaseException as error:
        if type(error).__module__.split(".")[0] != "distributed":
            raise
        raise OSError(
            f"the dask cluster failed: {error}; finished parts are kept: go on with --resume"
        ) from error


@contextmanager
def _connect(scheduler: str) -> Iterator[Any]:
    from dask.distributed import Client

    try:
        client = Client(scheduler, timeout=TIMEOUT)
    except (OSError, TimeoutError, ValueError) as error:
        raise OSError(f"no dask scheduler answers at {scheduler}: {error}") from error
    with client:
        versions = set(client.run(_get_version).values())
        if not versions:
            raise OSError(f"the dask scheduler at {scheduler} has no workers")
        if versions != {__version__}:
            raise ValueError(
                f"the workers of {scheduler} have fastkm {', '.join(sorted(versions))}, but this "
                f"process has {__version__}: install the same version"
            )
        yield client


def _get_version() -> str:
    return __version__
