"""Whole files or none."""

from pathlib import Path

import pytest

from fastkm._core.atomic_write import atomic_write


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
    with pytest.raises(RuntimeError, match="disk is full"):
        write_then_fail(target)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_failure_where_no_file_was_leaves_none(tmp_path):
    with pytest.raises(RuntimeError, match="disk is full"):
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
