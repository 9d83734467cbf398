"""A run that is stopped, at whatever moment, goes on and ends as if nothing had been."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from fastkm._core.progress import Progress
from fastkm.workflows.archive.options import ArchiveOptions
from tests.conftest import COMPILED, needs_jit
from tests.small_archives import write_month, write_months, write_single
from tests.workflows.archive.ends import OPTIONS, assert_equal, run


class Stopping(Progress):
    """Is pressed ctrl-C after so many things were told."""

    def __init__(self, after) -> None:
        self.left = after

    def advance(self, number=1) -> None:
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt


@pytest.mark.figures
@pytest.mark.slow
@pytest.mark.parametrize("after", range(0, 21, 2 if COMPILED else 9))
def test_a_run_stopped_anywhere_goes_on(months, whole, tmp_path, after) -> None:
    with pytest.raises(KeyboardInterrupt):
        run([months], tmp_path / "out", progress=Stopping(after))
    assert not (tmp_path / "out/summary.json").exists()
    run([months], tmp_path / "out", resume=True)
    assert_equal(tmp_path / "out", whole)
    assert not (tmp_path / "out/.work").exists()


def test_finished_steps_are_not_done_again(months, whole, tmp_path, monkeypatch) -> None:
    with pytest.raises(KeyboardInterrupt):
        run([months], tmp_path / "out", progress=Stopping(8 + 8 + 5))
    kept = len(list((tmp_path / "out/.work/parts").iterdir()))
    assert kept > 0
    done = []
    from fastkm.workflows.archive import make_parts as module

    make = module.make_part
    monkeypatch.setattr(module, "make_part", lambda *given: done.append(given[1]) or make(*given))
    run([months], tmp_path / "out", resume=True)
    assert len(done) == 8 - kept
    assert_equal(tmp_path / "out", whole)


@pytest.mark.slow
@needs_jit
@pytest.mark.parametrize("seed", range(4))
def test_killed_at_a_random_moment(months, whole, tmp_path, seed) -> None:
    arguments = [str(months), "-k", "3", "--min-diameter", "2px", "-o", str(tmp_path / "out")]
    started = subprocess.Popen(
        [sys.executable, "-m", "fastkm", "archive", *arguments],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline, wait = time.monotonic() + 60, random.Random(seed).uniform(0, 0.5)
    while not (tmp_path / "out/.work/plan.json").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(wait)
    os.kill(started.pid, signal.SIGKILL)
    started.wait()
    run([months], tmp_path / "out", resume=True)
    assert_equal(tmp_path / "out", whole)


@needs_jit
@pytest.mark.skipif(
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN,
    reason="the shell's background ignores ctrl-C",
)
def test_ctrl_c_says_how_to_go_on(tmp_path) -> None:
    write_single(tmp_path / "pw.nc", 40)
    started = subprocess.Popen(
        [sys.executable, "-m", "fastkm", "archive", str(tmp_path / "pw.nc"), "-k", "3", "-o",
         str(tmp_path / "out")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not (tmp_path / "out/.work/plan.json").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    started.send_signal(signal.SIGINT)
    try:
        _, told = started.communicate(timeout=60)
    finally:
        started.kill()
    assert started.returncode == 130, told
    assert "--resume" in told.splitlines()[-1]
    assert "Traceback" not in told


def test_resume_of_nothing_starts(months, whole, tmp_path) -> None:
    (tmp_path / "out").mkdir()
    run([months], tmp_path / "out", resume=True)
    assert_equal(tmp_path / "out", whole)


def test_resume_of_a_finished_run_says_so(months, whole) -> None:
    before = {path: path.stat().st_mtime_ns for path in whole.rglob("*")}
    done = run([months], whole, resume=True)
    assert (done.already_finished, done.files) == (True, [])
    assert {path: path.stat().st_mtime_ns for path in whole.rglob("*")} == before


def test_a_folder_that_is_not_empty_is_refused(months, whole, tmp_path) -> None:
    with pytest.raises(ValueError, match=r"results of another run: .* --overwrite; k was"):
        run([months], whole, options=replace(OPTIONS, ks=(4,)))
    with pytest.raises(ValueError, match=r"results of another run: .* is gone"):
        run(sorted(months.iterdir())[1:], whole)
    (tmp_path / "notes.txt").write_text("mine")
    for resume in (False, True):
        with pytest.raises(ValueError, match=r"not empty|something else"):
            run([months], tmp_path, resume=resume)
    with pytest.raises(NotADirectoryError):
        run([months], tmp_path / "notes.txt")


def test_the_same_run_is_made_again_only_if_an_input_has_changed(tmp_path) -> None:
    file, out = write_month(tmp_path / "in.nc", 0), tmp_path / "out"
    run([file], out)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    assert run([file], out).already_finished
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before
    write_month(file, 1)
    later = time.time() + 10
    os.utime(file, (later, later))
    assert not run([file], out).already_finished
    run([file], tmp_path / "fresh")
    assert_equal(out, tmp_path / "fresh")


def test_overwriting_removes_what_the_earlier_run_wrote_and_nothing_else(tmp_path) -> None:
    first, second = (write_month(tmp_path / f"{name}.nc", n) for n, name in enumerate("ab"))
    out = tmp_path / "out"
    run([first], out)
    mine = [out / "notes.txt", out / "labels/mine.txt", out / "figures/mine.pdf"]
    for file in mine:
        file.write_text("mine")
    with pytest.raises(ValueError, match="take one of the two"):
        run([second], out, overwrite=True, resume=True)
    run([second], out, overwrite=True)
    assert [file.read_text() for file in mine] == ["mine"] * 3
    for file in mine:
        file.unlink()
    run([second], tmp_path / "fresh")
    assert_equal(out, tmp_path / "fresh")
    given = replace(OPTIONS, ks=(), codebook=out / "codebook.json")
    with pytest.raises(ValueError, match=r"codebook.json is an input"):
        run([second], out, options=given, overwrite=True)


@pytest.mark.parametrize(
    ("options", "difference"),
    [
        (replace(OPTIONS, ks=(4,)), r"k was \[3\] and is \[4\]"),
        (replace(OPTIONS, min_diameter="3px"), "min_diameter was 2px and is 3px"),
        (replace(OPTIONS, bbox=(0, -60, 360, 60)), "bbox was not given and is"),
        (replace(OPTIONS, codebook="per-step"), "codebook was common and is per-step"),
    ],
)
def test_other_options_are_refused_by_name(months, whole, options, difference) -> None:
    with pytest.raises(ValueError, match=difference):
        run([months], whole, options, resume=True)


def test_other_inputs_are_refused_by_name(tmp_path) -> None:
    (tmp_path / "in").mkdir()
    write_months(tmp_path / "in", 3)
    with pytest.raises(KeyboardInterrupt):
        run([tmp_path / "in"], tmp_path / "out", progress=Stopping(5))
    write_month(tmp_path / "in/pw_9.nc", 8)
    with pytest.raises(ValueError, match=r"pw_9\.nc is new"):
        run([tmp_path / "in"], tmp_path / "out", resume=True)
    (tmp_path / "in/pw_9.nc").unlink()
    (tmp_path / "in/pw_1.nc").unlink()
    with pytest.raises(ValueError, match=r"pw_1\.nc is gone"):
        run([tmp_path / "in"], tmp_path / "out", resume=True)


def test_another_codebook_of_the_same_name_is_another(whole, months, tmp_path) -> None:
    book = tmp_path / "codebook.json"
    book.write_bytes((whole / "codebook.json").read_bytes())
    options = ArchiveOptions(codebook=book)
    run([months], tmp_path / "out", options)
    changed = json.loads(book.read_text())
    changed["centroids"][0] -= 1.0
    book.write_text(json.dumps(changed))
    with pytest.raises(ValueError, match=r"codebook was codebook\.json"):
        run([months], tmp_path / "out", options, resume=True)
