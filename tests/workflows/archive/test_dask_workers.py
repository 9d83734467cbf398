"""Processes, a scheduler that is reached by its address, and workers that die: the same results."""

import os
import re
import signal
import subprocess
import sys
import threading
import time

import pytest

from fastkm.workflows.archive.dask_workers import working
from fastkm.workflows.archive.progress import Report
from tests.conftest import needs_jit
from tests.workflows.archive.ends import OPTIONS, assert_equal, run

distributed = pytest.importorskip("distributed")


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


@needs_jit
def test_a_scheduler_by_its_address(months, whole, tmp_path, scheduler) -> None:
    run([months], tmp_path / "out", scheduler=scheduler)
    assert_equal(tmp_path / "out", whole)


def test_an_address_where_nobody_answers(months, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("fastkm.workflows.archive.dask_workers.TIMEOUT", "0.2s")
    with pytest.raises(OSError, match=r"no dask scheduler answers at tcp://127.0.0.1:9"):
        run([months], tmp_path / "out", scheduler="tcp://127.0.0.1:9")


class Killing(Report):
    """Kills a worker once the labels are under way."""

    def __init__(self) -> None:
        self.stage, self.killed = "", []

    def begin(self, stage, total, unit) -> None:
        self.stage = stage

    def advance(self, number=1) -> None:
        if self.stage == "label the steps" and number == 1 and not self.killed:
            pids = distributed.get_client().run(os.getpid)
            self.killed.append(next(iter(pids.values())))
            os.kill(self.killed[0], signal.SIGKILL)


@needs_jit
@pytest.mark.filterwarnings("ignore")
def test_a_worker_that_dies(months, whole, tmp_path) -> None:
    report = Killing()
    run([months], tmp_path / "out", workers=2, report=report)
    assert len(report.killed) == 1
    assert_equal(tmp_path / "out", whole)


def test_one_process_needs_no_client() -> None:
    with working(1) as client:
        assert client is None


@needs_jit
def test_a_run_leaves_no_processes(months, tmp_path) -> None:
    run([months], tmp_path / "out", OPTIONS, workers=2)
    time.sleep(0.1)
    children = subprocess.run(
        ["ps", "--ppid", str(os.getpid()), "-o", "args="],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    assert "multiprocessing" not in children or "resource_tracker" in children
