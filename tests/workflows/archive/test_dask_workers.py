"""Processes, a scheduler that is reached by its address, and workers that die: the same results."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
import warnings

import psutil
import pytest

from fastkm._core.progress import Progress
from fastkm.workflows import dask_workers
from fastkm.workflows.archive.run import ADVICE
from fastkm.workflows.dask_workers import use_workers
from tests.conftest import needs_jit
from tests.workflows.archive.ends import OPTIONS, assert_equal, run

distributed = pytest.importorskip("distributed")


@pytest.mark.slow
@needs_jit
def test_processes(months, whole, tmp_path) -> None:
    before = dict(os.environ)
    run([months], tmp_path / "out", workers=2)
    assert_equal(tmp_path / "out", whole)
    assert dict(os.environ) == before


def test_workers_need_distributed(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "dask.distributed", None)
    with use_workers(1) as client:
        assert client is None
    with pytest.raises(ImportError, match="workers need distributed"), use_workers(2):
        pass


@pytest.mark.slow
@needs_jit
def test_warnings_of_workers_are_given_here() -> None:
    with pytest.warns(UserWarning, match="odd") as given, use_workers(2) as client:  # noqa: PT031
        client.submit(warnings.warn, "an odd file").result()
        deadline = time.monotonic() + 20
        while not given.list and time.monotonic() < deadline:
            time.sleep(0.01)


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
    monkeypatch.setattr("fastkm.workflows.dask_workers.TIMEOUT", "0.2s")
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


class Client:
    """A client whose workers are counted one time after another; None stands for no answer."""

    def __init__(self, counts) -> None:
        self.counts, self.scheduler, self.futures, self.cancelled = iter(counts), self, {}, 0
        self.ncores = None

    def sync(self, _function, **_options):
        count = next(self.counts, 0)
        if count is None:
            raise OSError("no answer")
        return range(count)

    def cancel(self, futures) -> None:
        self.cancelled += 1

    def wait(self):
        """Fail as a result does that is waited for and cancelled."""
        deadline = time.monotonic() + 10
        while not self.cancelled and time.monotonic() < deadline:
            time.sleep(0.01)
        raise type("FutureCancelledError", (Exception,), {"__module__": "distributed.client"})


class Notes(Progress):
    def __init__(self) -> None:
        self.notes = []

    def note(self, text) -> None:
        self.notes.append(text)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(dask_workers, "CHECK_INTERVAL", 0.01)


@pytest.mark.parametrize("missing", [0, None])
def test_no_worker_is_left(quick, missing) -> None:
    client, notes = Client([2, missing]), Notes()
    with (
        pytest.raises(OSError, match=r"no worker is left, and none came within 0.1 s; .*--resume"),
        dask_workers._watch_workers(client, 0.1, notes, ADVICE),
    ):
        client.wait()
    assert notes.notes == ["no worker is left: waiting 0.1 s for one"]


def test_workers_that_come_back_in_time(quick) -> None:
    client, notes = Client([1, *[0] * 6, *[1] * 1000]), Notes()
    with dask_workers._watch_workers(client, 5, notes):
        time.sleep(0.3)
    assert client.cancelled == 0
    assert notes.notes == ["no worker is left: waiting 5 s for one"]


class KillingAll(Killing):
    """Kills all workers once the labels are under way, and keeps the notes."""

    def __init__(self) -> None:
        super().__init__()
        self.notes = []

    def note(self, text) -> None:
        self.notes.append(text)


@pytest.mark.slow
@needs_jit
@pytest.mark.filterwarnings("ignore")
def test_the_only_worker_of_a_scheduler_dies(months, whole, tmp_path, scheduler) -> None:
    """The last test that uses this scheduler."""
    progress = KillingAll()
    with pytest.raises(OSError, match=r"no worker is left, and none came within 2 s; .*--resume"):
        run([months], tmp_path / "out", scheduler=scheduler, worker_timeout=2, progress=progress)
    assert progress.notes == ["no worker is left: waiting 2 s for one"]
    with pytest.raises(OSError, match=r"has no workers, and none came within 0.5 s"):
        run([months], tmp_path / "out", resume=True, scheduler=scheduler, worker_timeout=0.5)
    run([months], tmp_path / "out", resume=True)
    assert_equal(tmp_path / "out", whole)
