"""Where the work on many blocks or files is done: in this process, in several, or on a dask cluster.

Reading netCDF in several threads is not safe, and a kernel is serial. So a worker is a process with
one thread, and there is one worker for each CPU that is to be used.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core.interrupts import hold_interrupts
from fastkm._core.progress import SILENT, Progress
from fastkm._version import __version__

if TYPE_CHECKING:
    from dask.distributed import Client, LocalCluster

NEEDS_EXTRA = "workers need distributed: install with pip install 'fastkm[archive]'"
ENVIRONMENT = "distributed.nanny.pre-spawn-environ"
QUIET = {"DASK_LOGGING__DISTRIBUTED": "critical"}
"""Environment of a worker: it logs nothing, such as a scheduler that ends before it at ctrl-C."""

ALLOCATION = {"MALLOC_TRIM_THRESHOLD_": 1 << 28, "MALLOC_MMAP_THRESHOLD_": 1 << 26}
"""Environment of a worker: how many freed bytes it keeps, and up to which size of a block. By
default distributed lets workers return freed memory at once, so that each array needs new pages:
reading then takes twice the time."""

MALLOC_BLOCK = (1 << 25) - (1 << 16)
"""Bytes, just below the size of the largest block whose release raises malloc's thresholds."""

TIMEOUT = "20s"
"""How long a scheduler may take to answer."""

WORKER_TIMEOUT = 30.0
"""Seconds for which a run waits for a worker if none is left."""

CHECK_INTERVAL = 1.0
"""Seconds between two questions for the number of workers."""


@contextmanager
def use_workers(
    workers: int = 1,
    scheduler: str | None = None,
    *,
    timeout: float = WORKER_TIMEOUT,
    progress: Progress = SILENT,
    advice: str = "",
) -> Iterator[Client | None]:
    """Make a client of dask current within a ``with`` block; None if this process does the work.

    This process does it if `workers` is 1 and no `scheduler` is given. The workers of a scheduler
    (``tcp://host:port``) must see the same files under the same names. If no worker is left, the
    work waits `timeout` seconds for one, and `progress` notes it. If workers fail, `advice` says what
    to do: it ends the sentence of the error.

    Raises
    ------
    ImportError
        If there are to be workers and distributed is not installed.
    OSError
        If no scheduler answers at the address, or there is no worker for `timeout` seconds.
    ValueError
        If the workers have another version of fastkm.
    """
    import dask

    if scheduler is None and workers == 1:
        # glibc's malloc then keeps twice this block and reuses it: a run takes 2/3 of the time
        np.empty(MALLOC_BLOCK, np.uint8)
        with dask.config.set(scheduler="synchronous"):  # with dask's threads, ctrl-C may hang
            yield None
        return
    try:
        from dask.distributed import Client
    except ImportError as error:
        raise ImportError(NEEDS_EXTRA) from error
    if scheduler is not None:
        with (
            _silence_logs(),
            _connect(scheduler, timeout, progress) as client,
            _watch_workers(client, timeout, progress, advice),
        ):
            yield client
    else:
        progress.begin("start workers", workers, "workers")
        with (
            dask.config.set({ENVIRONMENT: {**dask.config.get(ENVIRONMENT), **ALLOCATION, **QUIET}}),
            _start_cluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                dashboard_address="127.0.0.1:0",  # a port that is free, for this machine only
                memory_limit=0,  # a worker killed for its memory would only start again
            ) as cluster,
            Client(cluster) as client,
            _watch_workers(client, timeout, progress, advice),
        ):
            client.register_plugin(_make_forwarder())
            progress.advance(workers)
            yield client


@contextmanager
def _start_cluster(**options: Any) -> Iterator[LocalCluster]:
    """Start processes, and end them after the ``with`` block or if ctrl-C comes before it."""
    from dask.distributed import LocalCluster

    started: list[LocalCluster] = []
    before = dict(os.environ)
    try:
        # the first process is accompanied by a tracker, whose start would end the holding
        resource_tracker.ensure_running()
        with hold_interrupts(ignore=True):
            started.append(LocalCluster(silence_logs=logging.ERROR, **options))
        yield started[0]
    finally:
        for cluster in started:
            cluster.close()
        # distributed sets the environment of workers in this process
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


@contextmanager
def _silence_logs() -> Iterator[None]:
    """Keep distributed from logging what becomes one sentence."""
    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def _watch_workers(
    client: Client, timeout: float, progress: Progress, advice: str = ""
) -> Iterator[None]:
    """Cancel the work if there is no worker for some time; explain what then fails, or else."""
    watch = _Watch(client, timeout, progress)
    thread = threading.Thread(target=watch.run, name="fastkm-workers", daemon=True)
    thread.start()
    try:
        with _explain_failures(watch, advice):
            yield
    finally:
        watch.ended.set()
        thread.join()


def _make_forwarder() -> Any:
    """Make a plugin that sends the warnings of workers to the client, which gives them as its own."""
    from dask.distributed import WorkerPlugin
    from distributed.protocol.pickle import dumps

    class Forwarder(WorkerPlugin):
        def setup(self, worker: Any) -> None:
            def forward(message: Any, category: type[Warning], *_: Any) -> None:
                sent = {"message": dumps(str(message)), "category": dumps(category)}
                worker.log_event("warn", sent)

            warnings.showwarning = forward  # type: ignore[assignment]

    return Forwarder()


class _Watch:
    """Counts the workers of a client now and then; `lost` says that there were none for long."""

    def __init__(self, client: Client, timeout: float, progress: Progress) -> None:
        self.client, self.timeout, self.progress = client, timeout, progress
        self.ended, self.lost = threading.Event(), False

    def run(self) -> None:
        """Count until the work has ended, or there is no worker for `timeout` seconds."""
        seen, noted = time.monotonic(), False
        while not self.ended.wait(CHECK_INTERVAL):
            now = time.monotonic()
            if _count_workers(self.client):
                seen, noted = now, False
            elif now - seen > self.timeout:
                self.lost = True
                self._cancel_all()
            elif not noted and now - seen > min(2 * CHECK_INTERVAL, self.timeout / 2):
                noted = True
                self.progress.note(f"no worker is left: waiting {self.timeout:g} s for one")

    def _cancel_all(self) -> None:
        """Cancel all that is waited for, so that whoever waits gets an error."""
        from dask.distributed import Future

        with suppress(Exception):  # the client has just been closed
            self.client.cancel([Future(key, self.client) for key in list(self.client.futures)])


def _count_workers(client: Client) -> int:
    """Return the number of workers; 0 if the scheduler does not answer."""
    scheduler: Any = client.scheduler
    try:
        return len(client.sync(scheduler.ncores, workers=None, callback_timeout=5))
    except Exception:  # noqa: BLE001 (whatever it is: it does not answer)
        return 0


@contextmanager
def _explain_failures(watch: _Watch | None = None, advice: str = "") -> Iterator[None]:
    """Turn an error of distributed into an OSError, with `advice` on what to do."""
    try:
        yield
    except BaseException as error:
        if type(error).__module__.split(".")[0] != "distributed":
            raise
        reason = f"the dask cluster failed: {' '.join(str(error).split())}"
        if type(error).__name__ == "FutureCancelledError":
            reason = "the dask scheduler has ended"
        if watch is not None and watch.lost:
            reason = f"no worker is left, and none came within {watch.timeout:g} s"
        raise OSError(f"{reason}{advice}") from error


@contextmanager
def _connect(scheduler: str, timeout: float, progress: Progress) -> Iterator[Any]:
    from dask.distributed import Client

    try:
        client = Client(scheduler, timeout=TIMEOUT)
    except (OSError, TimeoutError, ValueError) as error:
        raise OSError(f"no dask scheduler answers at {scheduler}: {error}") from error
    with client:
        if not _count_workers(client):
            progress.note(f"{scheduler} has no worker: waiting {timeout:g} s for one")
            try:
                client.wait_for_workers(1, timeout=timeout)
            except TimeoutError:
                raise OSError(
                    f"the dask scheduler at {scheduler} has no workers, and none came within "
                    f"{timeout:g} s"
                ) from None
        versions = set(client.run(_get_version).values())
        if versions != {__version__}:
            raise ValueError(
                f"the workers of {scheduler} have fastkm {', '.join(sorted(versions))}, but this "
                f"process has {__version__}: install the same version"
            )
        yield client


def _get_version() -> str:
    return __version__
