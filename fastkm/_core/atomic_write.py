"""Files are written whole or not at all: write beside the target, then rename.

A reader never sees half a file, and a failed run leaves the old file in its place. If a format has
several files (a shapefile has five), all are moved at the end, the named one last.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a path to write to; if the ``with`` block succeeds, move what it wrote to `path`.

    The yielded path has the same name in a new folder beside the target. Files that the block
    leaves next to it (``.shx``, ``.dbf`` …) are moved too. A folder that is missing is made.

    Raises
    ------
    OSError
        If the folder cannot be made or written to.
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
