"""Inputs that are replaced while a run is on, or before it goes on."""

import csv
import os

import pytest

from fastkm.errors import ArchiveError
from tests.small_archives import write_month, write_single, write_store
from tests.workflows.archive.ends import assert_equal, run
from tests.workflows.archive.test_parts import Labelling, stop


def replace_last(folder, *, keep_mtime=False):
    path = folder / "in/pw_4.nc"
    before = path.stat()
    write_month(path, 6)
    modified = before.st_mtime_ns if keep_mtime else before.st_mtime_ns + 1
    os.utime(path, ns=(0, modified))
    assert path.stat().st_size == before.st_size


@pytest.mark.parametrize("keep_mtime", [False, True])
def test_during_a_run(four, keep_mtime) -> None:
    progress = Labelling(1, lambda: replace_last(four, keep_mtime=keep_mtime))
    with pytest.raises(ArchiveError, match=r"pw_4\.nc, 1988-04-15: was replaced or modified"):
        run([four / "in"], four / "out", progress=progress)
    assert not (four / "out/areas.csv").exists()


def test_during_a_run_that_skips(four) -> None:
    progress = Labelling(1, lambda: replace_last(four))
    done = run([four / "in"], four / "out", on_error="skip", progress=progress)
    assert [(fault.file, fault.step) for fault in done.faults] == [("pw_4.nc", "1988-04-15")]
    with (four / "out/errors.csv").open() as file:
        assert [row["file"] for row in csv.DictReader(file)] == ["pw_4.nc"]
    with (four / "out/areas.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 3 * 3


def test_the_first_input_tells_where_cells_are(four) -> None:
    """If it changes, each step is listed under its own name, none is lost."""
    from fastkm.workflows.archive import step_tasks

    step_tasks._AREAS.clear()
    with pytest.raises(ValueError, match="no step of the archive could be labelled"):
        run(
            [four / "in"],
            four / "out",
            on_error="skip",
            progress=Labelling(0, lambda: os.utime(four / "in/pw_1.nc")),
        )


@pytest.mark.parametrize("keep_mtime", [False, True])
def test_before_a_run_goes_on(four, run_undisturbed, keep_mtime) -> None:
    with pytest.raises(KeyboardInterrupt):
        run([four / "in"], four / "out", progress=Labelling(2, stop))
    content, before = (four / "in/pw_4.nc").read_bytes(), (four / "in/pw_4.nc").stat()
    replace_last(four, keep_mtime=keep_mtime)
    with pytest.raises(ValueError, match=r"cannot go on: pw_4\.nc was replaced or modified"):
        run([four / "in"], four / "out", resume=True)
    (four / "in/pw_4.nc").write_bytes(content)
    os.utime(four / "in/pw_4.nc", ns=(0, before.st_mtime_ns))
    run([four / "in"], four / "out", resume=True)
    assert_equal(four / "out", run_undisturbed())


def test_a_store_whose_numbers_change(tmp_path) -> None:
    store = write_store(tmp_path / "pw.zarr", write_single(tmp_path / "pw.nc", 3))
    chunk = next(path for path in (store / "water").iterdir() if path.name[0] == "0")
    with pytest.raises(ArchiveError, match=r"^pw\.zarr: was replaced or modified"):
        run([store], tmp_path / "out", progress=Labelling(3, lambda: os.utime(chunk)))
    assert not (tmp_path / "out/summary.json").exists()
