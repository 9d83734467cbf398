"""Processes that check seeds; one that crashes or hangs is reported and replaced."""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from multiprocessing.connection import Connection, wait
from pathlib import Path

from tests.fuzz.check import Result, check_seed

PATIENCE = 120.0
"""Seconds for one file, also if kernels have to be compiled first."""

MEMORY = 8 * 2**30
"""Bytes of address space of a process."""


class Worker:
    """A process that checks one seed at a time."""

    def __init__(self, folder: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, other = context.Pipe()
        self.folder = folder
        self.seed, self.begun = -1, 0.0
        self.process = context.Process(target=_serve, args=(other, folder), daemon=True)
        self.process.start()
        other.close()

    def begin(self, seed: int) -> None:
        """Send a seed."""
        self.seed, self.begun = seed, time.monotonic()
        self.connection.send(seed)

    def end(self) -> None:
        """End the process: kindly, or by force if it is stuck."""
        self.connection.close()
        self.process.join(0.0 if self.seed >= 0 else 5.0)
        self.process.kill()
        self.process.join()

    def describe_crash(self) -> str:
        """Return how the process ended, and what it was doing."""
        self.process.join()
        errors = sorted(self.folder.rglob("stderr"))
        said = errors[0].read_text(errors="replace") if errors else ""
        lines = [line.strip() for line in said.splitlines() if "fastkm/" in line]
        return f"crash, exit status {self.process.exitcode}: {' '.join(lines[:1])}"


def check_seeds(seeds: Iterable[int], processes: int) -> Iterator[Result]:
    """Check seeds in some processes; yield results as they come."""
    waiting = iter(seeds)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as root:
        folders = (Path(root, str(number)) for number in range(10**9))
        busy: list[Worker] = []
        try:
            for _, seed in zip(range(processes), waiting, strict=False):
                busy.append(Worker(next(folders)))
                busy[-1].begin(seed)
            while busy:
                ready = wait([worker.connection for worker in busy], timeout=1.0)
                for place, worker in reversed([*enumerate(busy)]):
                    fault = ""
                    if worker.connection in ready:
                        try:
                            yield worker.connection.recv()
                        except EOFError:
                            fault = worker.describe_crash()
                    elif time.monotonic() - worker.begun > PATIENCE:
                        fault = f"no end after {PATIENCE:.0f} seconds"
                    else:
                        continue
                    if fault:
                        yield Result(worker.seed, "?", [], [fault])
                        worker.end()
                        busy[place] = Worker(next(folders))
                    busy[place].seed = -1
                    seed = next(waiting, None)
                    if seed is None:
                        busy.pop(place).end()
                    else:
                        busy[place].begin(seed)
        finally:
            for worker in busy:
                worker.end()


def _serve(connection: Connection, folder: Path) -> None:
    """Check the seeds that come, each in a folder of its own, until the process is ended."""
    os.environ["FASTKM_NUM_THREADS"] = "1"
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    faulthandler.enable(os.fdopen(2, "w", closefd=False))
    while True:
        try:
            seed = connection.recv()
        except EOFError:
            return
        own = folder / str(seed)
        own.mkdir(parents=True)
        try:
            result = check_seed(seed, own)
        except Exception as error:  # noqa: BLE001  (of the check itself)
            result = Result(seed, "?", [], [f"the check itself failed: {error!r}"])
        connection.send(result)
        shutil.rmtree(own, ignore_errors=True)
