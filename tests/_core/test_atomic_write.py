"""Whole files or none."""

import shutil
import signal
from pathlib import Path

import pytest

from fastkm._core.atomic_write import atomic_write, remove_folder, write_text, write_together


def write_then_fail(target):
    with atomic_write(target) as draft:
        draft.write_text("half")
        raise RuntimeError("the disk is full")


def test_a_written_file_stands_alone_in_its_place(tmp_path):
    with atomic_write(tmp_path / "a.txt") as draft:
        draft.write_text("new")
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "new"


def test_the_old_file_stands_until_the_block_ends(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with atomic_write(target) as draft:
        draft.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(OSError, match=r"a.txt cannot be written: the disk is full"):
        write_then_fail(target)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_failure_where_no_file_was_leaves_none(tmp_path):
    with pytest.raises(OSError, match="the disk is full"):
        write_then_fail(tmp_path / "a.txt")
    assert list(tmp_path.iterdir()) == []


def test_the_draft_has_the_targets_name_and_stands_on_its_disk(tmp_path):
    with atomic_write(tmp_path / "map.shp") as draft:
        assert draft.name == "map.shp"
        assert draft.parent.parent == tmp_path
        assert not draft.exists()
        draft.touch()


def test_several_files_are_moved_and_the_named_one_last(tmp_path, monkeypatch):
    moved = []
    replace = Path.replace
    monkeypatch.setattr(
        Path, "replace", lambda self, to: (moved.append(to.name), replace(self, to))
    )
    with atomic_write(tmp_path / "a.shp") as draft:
        for suffix in (".shp", ".shx", ".dbf", ".prj", ".cpg"):
            draft.with_suffix(suffix).write_text(suffix)
    assert moved[-1] == "a.shp"
    assert sorted(moved) == ["a.cpg", "a.dbf", "a.prj", "a.shp", "a.shx"]
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {
        f"a{suffix}": suffix for suffix in (".shp", ".shx", ".dbf", ".prj", ".cpg")
    }


def test_folders_are_made_and_text_paths_taken(tmp_path):
    with atomic_write(f"{tmp_path}/new/folder/a.txt") as draft:
        draft.write_text("new")
    assert (tmp_path / "new/folder/a.txt").read_text() == "new"


def test_a_bare_name_stands_in_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with atomic_write("a.txt") as draft:
        draft.write_text("new")
    assert (tmp_path / "a.txt").read_text() == "new"


def test_a_draft_that_fails_its_check_leaves_the_old_file(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")

    def check(draft):
        assert draft.read_text() == "new"
        raise ValueError("cut off")

    with (
        pytest.raises(OSError, match=r"a.txt cannot be written: .* read again: cut off"),
        atomic_write(target, check) as draft,
    ):
        draft.write_text("new")
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {"a.txt": "old"}


def test_a_block_that_writes_nothing_is_an_error(tmp_path):
    with pytest.raises(OSError, match="nothing was written"), atomic_write(tmp_path / "a.txt"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_an_error_speaks_of_the_target(tmp_path):
    with (
        pytest.raises(OSError, match=r"^\S*a.txt cannot be written: no place for \S*/a.txt here$"),
        atomic_write(tmp_path / "a.txt") as draft,
    ):
        raise RuntimeError(f"no place\nfor {draft} here")


def test_an_error_says_that_the_disk_is_full(tmp_path, monkeypatch):
    monkeypatch.setattr("fastkm._core.atomic_write._probe", lambda _: "No space left on device")
    with pytest.raises(OSError, match=r"a.txt cannot be written: No space left on device"):
        write_then_fail(tmp_path / "a.txt")


def test_names_may_be_as_long_as_the_disk_allows(tmp_path):
    write_text(tmp_path / ("ä" * 120 + ".txt"), "new")
    assert [file.read_text() for file in tmp_path.iterdir()] == ["new"]


SIDES = {
    "a.tif": ["a.tif.aux.xml", "a.tif.ovr", "a.tif.msk", "a.tif.xml", "a.tfw", "a.TFW", "a.wld"],
    "A.TIFF": ["A.TIFF.aux.xml", "A.tiffw"],
    "a.nc": ["a.nc.aux.xml"],
    "a.png": ["a.png.aux.xml", "a.pgw"],
    "a.shp": [*(f"a.{e}" for e in ("dbf", "prj", "PRJ", "qix", "sbn", "sbx", "cpg")), "a.shp.xml"],
    "a.gpkg": ["a.gpkg-wal", "a.gpkg-shm", "a.gpkg-journal"],
}


@pytest.mark.parametrize("name", SIDES)
@pytest.mark.parametrize("is_there", [False, True])
def test_side_files_of_an_older_result_go(tmp_path, name, is_there):
    others = ["a.txt", "a.qml", "ab.prj", "b.tfw", "a.csv", "a.tif.bak", "a"]
    for old in SIDES[name] + others + [name] * is_there:
        (tmp_path / old).write_text("old")
    with atomic_write(tmp_path / name) as draft:
        draft.write_text("new")
    assert {file.name for file in tmp_path.iterdir()} == {name, *others}
    assert (tmp_path / name).read_text() == "new"


def test_side_files_that_the_new_result_brings_stay(tmp_path):
    for name in ("a.tif", "a.tif.aux.xml", "a.tfw"):
        (tmp_path / name).write_text("old")
    with atomic_write(tmp_path / "a.tif") as draft:
        draft.write_text("new")
        draft.with_name("a.tif.aux.xml").write_text("new")
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {
        "a.tif": "new", "a.tif.aux.xml": "new"
    }  # fmt: skip


SET = ["a.shp", "a.shx", "a.dbf", "a.prj"]


def write_set(tmp_path):
    for name in [*SET, "a.qix"]:
        (tmp_path / name).write_text("old")
    with atomic_write(tmp_path / "a.shp") as draft:
        for name in SET[:3]:
            draft.with_name(name).write_text("new")


@pytest.mark.parametrize("moves", range(8))
def test_a_kill_between_two_moves_leaves_no_mixture(tmp_path, monkeypatch, moves):
    replace, left = Path.replace, iter(range(moves))

    def move(self, to):
        if next(left, None) is None:  # dead: nothing is moved back either
            raise SystemExit
        return replace(self, to)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", move)
        patch.setattr(Path, "unlink", lambda self: None)
        with pytest.raises(SystemExit):
            write_set(tmp_path)
    found = {file.name: file.read_text() for file in tmp_path.iterdir() if file.is_file()}
    assert "a.shp" not in found or set(found.values()) == {"old"}


@pytest.mark.parametrize("moves", range(8))
@pytest.mark.parametrize("error", [OSError(5, "input/output error"), KeyboardInterrupt()])
def test_a_move_that_fails_is_undone(tmp_path, monkeypatch, moves, error):
    replace, count = Path.replace, iter(range(100))

    def move(self, to):
        if next(count) == moves:
            raise error
        return replace(self, to)

    monkeypatch.setattr(Path, "replace", move)
    with pytest.raises((OSError, KeyboardInterrupt), match=r"a.shp cannot|^$"):
        write_set(tmp_path)
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == dict.fromkeys(
        [*SET, "a.qix"], "old"
    )


def test_files_take_their_places_together(tmp_path):
    for name in ("a.txt", "c.tif", "c.tif.ovr"):
        (tmp_path / name).write_text("old")
    with write_together([tmp_path / "a.txt", tmp_path / "c.tif"]):
        write_text(tmp_path / "a.txt", "new")
        write_text(tmp_path / "b.txt", "new")
        assert (tmp_path / "a.txt").read_text() == "old"
        assert not (tmp_path / "b.txt").exists()
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {
        "a.txt": "new", "b.txt": "new"
    }  # fmt: skip
    write_text(tmp_path / "d.txt", "at once")
    assert (tmp_path / "d.txt").exists()


def test_none_of_several_files_takes_its_place_if_one_fails(tmp_path):
    for name in ("a.txt", "c.txt"):
        (tmp_path / name).write_text("old")

    def write():
        with write_together([tmp_path / "c.txt"]):
            write_text(tmp_path / "a.txt", "new")
            write_then_fail(tmp_path / "b.txt")

    with pytest.raises(OSError, match=r"b.txt cannot be written"):
        write()
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {
        "a.txt": "old", "c.txt": "old"
    }  # fmt: skip


def write_store(target, text):
    with atomic_write(target) as draft:
        draft.mkdir()
        (draft / ".zgroup").write_text(text)


def test_a_store_takes_the_place_of_a_store(tmp_path):
    for text in ("old", "new"):
        write_store(tmp_path / "a.zarr", text)
        assert (tmp_path / "a.zarr/.zgroup").read_text() == text
    assert [file.name for file in tmp_path.iterdir()] == ["a.zarr"]


def test_a_store_stays_if_another_cannot_take_its_place(tmp_path, monkeypatch):
    write_store(tmp_path / "a.zarr", "old")
    replace = Path.replace

    def move(self, to):
        made = replace(self, to)
        if to == tmp_path / "a.zarr" and (to / ".zgroup").read_text() == "new":
            raise KeyboardInterrupt
        return made

    monkeypatch.setattr(Path, "replace", move)
    with pytest.raises(KeyboardInterrupt):
        write_store(tmp_path / "a.zarr", "new")
    assert [file.name for file in tmp_path.iterdir()] == ["a.zarr"]
    assert (tmp_path / "a.zarr/.zgroup").read_text() == "old"


def test_other_folders_are_not_replaced(tmp_path):
    (tmp_path / "a.zarr").mkdir()
    with pytest.raises(IsADirectoryError, match=r"a.zarr is a folder; name a file"):
        write_store(tmp_path / "a.zarr", "new")


def test_a_folder_is_removed_before_ctrl_c_arrives(tmp_path, monkeypatch):
    (tmp_path / "folder/inner").mkdir(parents=True)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    remove = shutil.rmtree

    def interrupted(*arguments, **options):
        signal.raise_signal(signal.SIGINT)
        remove(*arguments, **options)

    monkeypatch.setattr(shutil, "rmtree", interrupted)
    try:
        with pytest.raises(KeyboardInterrupt):
            remove_folder(tmp_path / "folder")
    finally:
        signal.signal(signal.SIGINT, before)
    assert list(tmp_path.iterdir()) == []


def test_an_error_that_is_explained_stays_as_it_is(tmp_path):
    def write():
        with atomic_write(tmp_path / "a.txt"):
            write_then_fail(tmp_path / "b.txt")

    with pytest.raises(OSError, match=r"^[^:]*b.txt cannot be written: the disk is full$"):
        write()
