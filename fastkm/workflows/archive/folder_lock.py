"""The lock of a folder: one run at a time works there, whatever the name by which it is reached.

The lock is a file in the folder that is locked by the system (flock), because a lock beside it would
not follow if the folder is renamed, would have another name if it is reached by a link, and could
not be made if only the folder itself can be written to. A run that is killed leaves the file, which
locks nothing.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from fastkm._core.notes import warn_user

LOCK_NAME = ".lock"


class FolderLock:
    """The lock that a run holds on its folder; None if the system cannot lock files."""

    def __init__(self, root: Path, file: IO[str] | None) -> None:
        self.root, self._file = root, file

    def require_held(self) -> None:
        """Raise an OSError if the folder is no longer found by its name, or another one is."""
        if self._file is not None and not _is_at(self._file, self.root / LOCK_NAME):
            raise OSError(
                f"{self.root} was renamed or removed while the run was at work: if it has another "
                "name now, go on there with --resume"
            )


@contextmanager
def lock_folder(root: Path) -> Iterator[FolderLock]:
    """Keep other runs out of a folder within a ``with`` block; raise if one is at work.

    The folder is made if it does not exist, and removed again if nothing was written into it.

    Raises
    ------
    ValueError
        If another run is at work there.
    OSError
        If the folder cannot be made or written to.
    """
    made = [folder for folder in (root, *root.parents) if not folder.exists()]
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise type(error)(f"cannot make the folder {root}: {error.strerror}") from error
    try:
        file = _open_lock(root)
        try:
            yield FolderLock(root, file)
        finally:
            if file is not None:
                if _is_at(file, root / LOCK_NAME):
                    (root / LOCK_NAME).unlink()
                file.close()
    finally:
        for folder in made:
            with suppress(OSError):  # not empty
                folder.rmdir()


def _open_lock(root: Path) -> IO[str] | None:
    """Open the file of the lock and lock it; return None if the system cannot."""
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    path = root / LOCK_NAME
    while True:
        try:
            file = path.open("a")
        except OSError as error:
            raise type(error)(f"cannot write into {root}: {error.strerror}") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.close()
            if error.errno in {errno.EAGAIN, errno.EACCES}:
                raise ValueError(
                    f"another run is at work in {root}: wait until it ends, or name another folder"
                ) from None
            path.unlink(missing_ok=True)
            warn_user(
                f"the file system of {root} cannot lock files ({error.strerror}): take care that "
                "no other run works there"
            )
            return None
        if _is_at(file, path):
            return file
        file.close()  # the run that made it has just ended and removed it


def _is_at(file: IO[str], path: Path) -> bool:
    """Return True if a path names an open file."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except OSError:
        return False
