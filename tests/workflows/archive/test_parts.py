"""Finished parts that are lost or damaged before they are used, and what their manifests say."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from fastkm._core.progress import Progress
from fastkm.errors import ArchiveError
from fastkm.workflows.archive.parts import PartPlan, read_part, remove_part, write_part
from tests.workflows.archive.ends import OPTIONS, assert_equal, run

STEPS = [("pw_1.nc", "1988-01-15"), ("pw_1.nc", "1988-02-15")]


@pytest.fixture
def plan(tmp_path):
    (tmp_path / "parts").mkdir()
    return PartPlan(str(tmp_path / "parts/000001"), "key", STEPS, 0, None)


def write(plan, faults=()):
    with write_part(plan, list(faults)) as draft:
        (draft / "table.json").write_text("{}" * 100)
        (draft / "labels.nc").write_bytes(bytes(range(200)))


def test_a_part_is_read_as_it_was_written(plan) -> None:
    write(plan, [ArchiveError("pw_1.nc", "1988-02-15", "all cells are missing")])
    part = read_part(plan)
    assert part.steps == ["1988-01-15"]
    assert part.files == {"table.json", "labels.nc"}
    assert [str(fault) for fault in part.faults] == ["pw_1.nc, 1988-02-15: all cells are missing"]


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def empty(path):
    path.write_bytes(b"")


@pytest.mark.parametrize("name", ["table.json", "labels.nc", "part.json"])
@pytest.mark.parametrize("damage", [cut, flip, empty, os.unlink])
def test_a_damaged_part_is_not_whole(plan, name, damage) -> None:
    write(plan)
    assert read_part(plan) is not None
    damage(Path(plan.path, name))
    assert read_part(plan) is None
    remove_part(plan)
    write(plan)
    assert read_part(plan) is not None


@pytest.mark.parametrize(
    "other",
    [
        {"key": "another run"},
        {"steps": STEPS[:1]},
        {"steps": [*STEPS, ("pw_2.nc", "1988-03-15")]},
        {"steps": STEPS[::-1]},
    ],
)
def test_a_part_of_other_steps_or_of_another_run_is_none(plan, other) -> None:
    write(plan)
    assert read_part(plan._replace(**other)) is None


def test_a_part_that_another_task_has_made_stays(plan, tmp_path) -> None:
    with write_part(plan, []) as draft:
        (draft / "a").write_text("first")
        with write_part(plan, []) as other:
            (other / "a").write_text("second")
    assert (tmp_path / "parts/000001/a").read_text() == "second"
    assert [path.name for path in (tmp_path / "parts").iterdir()] == ["000001"]


class Labelling(Progress):
    """Does something when so many steps are labelled, the first `times` times."""

    def __init__(self, steps, do, times=1) -> None:
        self.steps, self.do, self.left = steps, do, times
        self.stage, self.done, self.notes = "", 0, []

    def begin(self, stage, total=1, unit="") -> None:
        self.stage, self.done = stage, 0

    def advance(self, number=1) -> None:
        self.done += number
        if self.stage == "label the steps" and self.done == self.steps and self.left:
            self.left -= 1
            self.do()

    def note(self, text) -> None:
        self.notes.append(text)


def stop():
    raise KeyboardInterrupt


@pytest.mark.parametrize("damage", [shutil.rmtree, lambda part: cut(part / "labels.nc")])
def test_a_part_that_is_lost_during_a_run_is_made_again(four, run_undisturbed, damage) -> None:
    progress = Labelling(4, lambda: damage(four / "out/.work/parts/000001"))
    run([four / "in"], four / "out", progress=progress)
    assert progress.notes == ["1 finished part was lost or damaged: made again"]
    assert_equal(four / "out", run_undisturbed())


def test_parts_that_are_lost_again_and_again_are_an_error(four) -> None:
    progress = Labelling(4, lambda: shutil.rmtree(four / "out/.work/parts/000001"), times=99)
    with pytest.raises(OSError, match=r"lost or damaged again and again: .*--resume"):
        run([four / "in"], four / "out", progress=progress)
    assert not (four / "out/areas.csv").exists()


@pytest.mark.parametrize(
    ("labels", "damaged"),
    [
        ("netcdf", ".work/parts/000001/labels.nc"),
        ("netcdf", "codebook.json"),
        ("zarr", ".work/parts/000001/rows.npy"),
        ("zarr", "labels.zarr/cluster/1.0.0"),
        ("zarr", "labels.zarr/lat/.zarray"),
    ],
)
def test_what_is_damaged_between_two_runs_is_made_again(
    four, run_undisturbed, labels, damaged
) -> None:
    options, out = replace(OPTIONS, labels=labels), four / "out"
    with pytest.raises(KeyboardInterrupt):
        run([four / "in"], out, options, progress=Labelling(3, stop))
    assert (out / ".work/parts/000001").exists()
    cut(out / damaged)
    run([four / "in"], out, options, resume=True)
    assert_equal(out, run_undisturbed(labels))
