"""Processes, a scheduler that is reached by its address, and workers that die: the same results."""

import os
import re
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest

from fastkm._core.progress import Progress
from fastkm.workflows.archive.dask_workers import use_workers
from tests.conftest import needs_jit
from tests.workflows.archive.ends import OPTIONS, assert_equal, run

distributed = pytest.importorskip("distributed")


@pytest.mark.slow
@needs_jit
def test_processes(months, whole, tmp_path) -> None:
    run([months], tmp_path / "out", workers=2)
    assert_equal(tmp_path / "out", whole)


@pytest.fixture(scope="module")
def scheduler():
    """The address of a scheduler in a process of its own, with one worker in another."""
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
    started = [
        subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", "0", "--no-dashboard"],
            stderr=subprocess.PIPE, text=True,
        )
    ]  # fmt: skip
    try:
        for line in started[0].stderr:
            found = re.search(r"tcp://[\d.]+:\d+", line)
            if found:
                break
        reader = threading.Thread(target=started[0].stderr.read)
        reader.start()
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", "distributed.cli.dask_worker", found[0], "--nthreads", "1",
                 "--no-dashboard", "--no-nanny"],
                stderr=subprocess.DEVNULL,
            )
        )  # fmt: skip
        with distributed.Client(found[0]) as client:
            client.wait_for_workers(1, timeout=60)
        yield found[0]
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait()
        reader.join()
        started[0].stderr.close()


@pytest.mark.slow
@needs_jit
def test_a_scheduler_by_its_address(months, whole, tmp_path, scheduler) -> None:
    run([months], tmp_path / "out", scheduler=scheduler)
    assert_equal(tmp_path / "out", whole)


def test_an_address_where_nobody_answers(months, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("fastkm.workflows.archive.dask_workers.TIMEOUT", "0.2s")
    with pytest.raises(OSError, match=r"no dask scheduler answers at tcp://127.0.0.1:9"):
        run([months], tmp_path / "out", scheduler="tcp://127.0.0.1:9")


class Killing(Progress):
    """Kills a worker once the labels are under way."""

    def __init__(self) -> None:
        self.stage, self.killed = "", []

    def begin(self, stage, total=1, unit="") -> None:
        self.stage = stage

    def advance(self, number=1) -> None:
        if self.stage == "label the steps" and number == 1 and not self.killed:
            pids = distributed.get_client().run(os.getpid)
            self.killed.append(next(iter(pids.values())))
            os.kill(self.killed[0], signal.SIGKILL)


@pytest.mark.slow
@needs_jit
@pytest.mark.filterwarnings("ignore")
def test_a_worker_that_dies(months, whole, tmp_path) -> None:
    progress = Killing()
    run([months], tmp_path / "out", workers=2, progress=progress)
    assert len(progress.killed) == 1
    assert_equal(tmp_path / "out", whole)


def test_one_process_needs_no_client() -> None:
    with use_workers(1) as client:
        assert client is None


@pytest.mark.slow
@needs_jit
def test_a_run_leaves_no_processes(months, tmp_path) -> None:
    run([months], tmp_path / "out", OPTIONS, workers=2)
    time.sleep(0.1)
    children = [child.cmdline() for child in psutil.Process().children(recursive=True)]
    workers = [line for line in map(" ".join, children) if "multiprocessing" in line]
    assert not [line for line in workers if "resource_tracker" not in line]
