"""Whole files or none: write beside the target, then rename.

A reader never sees half a file, and a failed run leaves what stood there before. Formats that
are several files (a shapefile is five) are moved together, the named one last.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a path to write to; move all that was written there into place on success.

    Parameters
    ----------
    path : path-like
        The file that is to exist afterwards. Its folder is made where it is missing.

    Raises
    ------
    OSError
        If the folder cannot be made or written to.

    Yields
    ------
    pathlib.Path
        A path with the same name in a new folder beside the target. Files that the block
        leaves next to it (``.shx``, ``.dbf`` …) are moved too.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with replacing(f"{folder}/a.txt") as draft:
    ...         _ = draft.write_text("whole")
    ...     print(Path(folder, "a.txt").read_text())
    whole
    """
    target = Path(path)
    if target.is_dir():
        raise IsADirectoryError(f"{target} is a folder; name a file to write")
    for parent in target.parents:
        if parent.exists() and not parent.is_dir():
            raise NotADirectoryError(f"{parent} is a file, not a folder")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-")
    except OSError as error:
        raise type(error)(f"cannot write into {target.parent}: {error.strerror}") from error
    with beside as folder:
        draft = Path(folder, target.name)
        yield draft
        for written in sorted(Path(folder).iterdir(), key=lambda file: file == draft):
            written.replace(target.parent / written.name)
