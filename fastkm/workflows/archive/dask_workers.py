"""Where the work of an archive is done: here, in processes of this machine, or on a dask cluster.

Reading netCDF in threads is not safe, and a kernel is serial: so a worker is a process of one
thread, and there is one for each CPU that is to work.
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
"""Bytes that a worker keeps, and up to which it reuses them. distributed has workers give back all
at once, so that each array is made of new pages: reading then takes twice the time."""

LESSON = (1 << 25) - (1 << 16)
"""Bytes: just below the most that malloc learns from. An archive then takes two thirds of the time."""

TIMEOUT = "20s"
"""How long a scheduler may take to answer."""


@contextmanager
def working(workers: int = 1, scheduler: str | None = None) -> Iterator[Client | None]:
    """Make a client of dask current for the length of a block.

    Parameters
    ----------
    workers : int, default: 1
        Processes on this machine; with 1 the work is done in this process.
    scheduler : str, optional
        The address of a scheduler, ``tcp://host:port``, whose workers do the work instead. They
        must see the same files under the same names, and have the same version of fastkm.

    Raises
    ------
    ImportError
        If dask is not installed.
    OSError
        If no scheduler answers there, or it has no workers.
    ValueError
        If the workers have another version of fastkm.
    """
    try:
        import dask.array
        from dask.distributed import Client
    except ImportError as error:
        raise ImportError(NEEDS_EXTRA) from error
    if scheduler is not None:
        with _connected(scheduler) as client, _in_words():
            yield client
    elif workers > 1:
        with (
            dask.config.set({ENVIRONMENT: {**dask.config.get(ENVIRONMENT), **ALLOCATION}}),
            _cluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                dashboard_address="127.0.0.1:0",  # a port that is free, for this machine only
                memory_limit=0,  # a worker that is killed for its memory would only begin again
            ) as cluster,
            Client(cluster) as client,
            _in_words(),
        ):
            yield client
    else:
        _teach_allocator()
        with dask.config.set(scheduler="synchronous"):  # in its threads ctrl-C may end in a hang
            yield None


def _cluster(**options: Any) -> LocalCluster:
    """Start processes that ignore ctrl-C: this one hears it, and ends them."""
    from dask.distributed import LocalCluster

    if threading.current_thread() is not threading.main_thread():
        return LocalCluster(silence_logs=logging.ERROR, **options)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return LocalCluster(silence_logs=logging.ERROR, **options)
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _in_words() -> Iterator[None]:
    """Say in a sentence that a cluster broke down."""
    try:
        yield
    except BaseException as error:
        if type(error).__module__.split(".")[0] != "distributed":
            raise
        raise OSError(
            f"the dask cluster failed: {error}; what is finished is kept, and --resume goes on"
        ) from error


def _teach_allocator() -> None:
    """Let glibc's malloc keep up to twice `LESSON` that is freed, and reuse it.

    It learns from the largest block that is freed. Elsewhere this does nothing.
    """
    np.empty(LESSON, np.uint8)


@contextmanager
def _connected(scheduler: str) -> Iterator[Any]:
    from dask.distributed import Client

    try:
        client = Client(scheduler, timeout=TIMEOUT)
    except (OSError, TimeoutError, ValueError) as error:
        raise OSError(f"no dask scheduler answers at {scheduler}: {error}") from error
    with client:
        versions = set(client.run(_version).values())
        if not versions:
            raise OSError(f"the dask scheduler at {scheduler} has no workers")
        if versions != {__version__}:
            raise ValueError(
                f"the workers of {scheduler} have fastkm {', '.join(sorted(versions))}, "
                f"here it is {__version__}"
            )
        yield client


def _version() -> str:
    return __version__
