"""The lock belongs to the folder: it holds under every name, and ends with the run."""

import errno
import fcntl

import pytest

from fastkm.workflows.archive.folder_lock import LOCK_NAME, lock_folder
from tests.small_archives import without_privileges, write_months
from tests.workflows.archive.ends import assert_equal, run, without_work
from tests.workflows.archive.test_parts import Labelling


def test_a_folder_is_made_and_removed_with_its_lock(tmp_path) -> None:
    with lock_folder(tmp_path / "a/b") as lock:
        lock.require_held()
        assert without_work(tmp_path / "a/b") == [LOCK_NAME]
    assert not (tmp_path / "a").exists()
    with lock_folder(tmp_path / "a"):
        (tmp_path / "a/areas.csv").write_text("")
    assert without_work(tmp_path / "a") == ["areas.csv"]


def refuse(folder):
    with (
        pytest.raises(ValueError, match=f"another run is at work in {folder}"),
        lock_folder(folder),
    ):
        pass


def test_it_holds_under_another_name(tmp_path) -> None:
    (tmp_path / "link").symlink_to("out")
    with lock_folder(tmp_path / "out"):
        refuse(tmp_path / "link")
        (tmp_path / "out").rename(tmp_path / "new")
        refuse(tmp_path / "new")
    with lock_folder(tmp_path / "new"):
        pass


def test_the_lock_of_a_run_that_was_killed_locks_nothing(tmp_path) -> None:
    (tmp_path / LOCK_NAME).write_text("")
    with lock_folder(tmp_path):
        pass
    assert without_work(tmp_path) == []


def test_a_lock_that_is_removed_while_another_run_opens_it(tmp_path, monkeypatch) -> None:
    lock, seen = fcntl.flock, []

    def remove_first(file, how):
        if not seen:
            (tmp_path / LOCK_NAME).unlink()
        seen.append(how)
        lock(file, how)

    monkeypatch.setattr(fcntl, "flock", remove_first)
    with lock_folder(tmp_path) as held:
        held.require_held()
    assert len(seen) == 2


def test_a_folder_that_is_renamed_or_replaced_is_no_longer_held(tmp_path) -> None:
    with lock_folder(tmp_path / "out") as lock:
        (tmp_path / "out").rename(tmp_path / "new")
        for make in (lambda: None, (tmp_path / "out").mkdir):
            make()
            with pytest.raises(OSError, match=r"renamed or removed .*--resume"):
                lock.require_held()
    assert without_work(tmp_path / "new") == [LOCK_NAME]


def test_a_file_system_without_locks_is_noted(tmp_path, monkeypatch) -> None:
    def refuse(*_):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.warns(UserWarning, match="cannot lock files"), lock_folder(tmp_path) as lock:
        lock.require_held()
    assert without_work(tmp_path) == []


def test_a_folder_that_cannot_be_made_or_written_to(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="cannot make the folder"), lock_folder(tmp_path / "file/out"):
        pass
    (tmp_path / "out").mkdir(mode=0o555)
    with (
        without_privileges(),
        pytest.raises(PermissionError, match="cannot write into"),
        lock_folder(tmp_path / "out"),
    ):
        pass


def test_only_the_folder_itself_need_be_writable(tmp_path) -> None:
    write_months(tmp_path, 2)
    (tmp_path / "parent/out/lost+found").mkdir(parents=True)
    (tmp_path / "parent").chmod(0o555)
    with without_privileges():
        run([tmp_path / "pw_*.nc"], tmp_path / "parent/out")
    assert (tmp_path / "parent/out/summary.json").exists()
    (tmp_path / "parent").chmod(0o755)


def test_a_run_whose_folder_is_renamed_stops_and_goes_on_there(tmp_path) -> None:
    write_months(tmp_path, 3)
    out, new = tmp_path / "out", tmp_path / "new"
    with pytest.raises(OSError, match="renamed or removed"):
        run([tmp_path / "pw_*.nc"], out, progress=Labelling(2, lambda: out.rename(new)))
    run([tmp_path / "pw_*.nc"], new, resume=True)
    run([tmp_path / "pw_*.nc"], out)
    assert_equal(new, out)
    assert LOCK_NAME not in without_work(new)
