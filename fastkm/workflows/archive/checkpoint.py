"""The folder of a run: what is in it, what is done already, and what remains to be done.

Unfinished work is in ``.work``: ``plan.json`` (options and inputs) and ``parts/`` with a folder for
each part, which is written whole or not at all. The last file of the results is ``summary.json``:
once it is written, the run is finished and ``.work`` is removed.

A run can be resumed only with the options and inputs with which it began: otherwise some results
would come from the old ones and some from the new.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from fastkm._core.atomic_write import atomic_write
from fastkm.workflows.archive.options import Description, find_differences


class RunFolder:
    """The folder into which a run writes; it need not exist yet."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = Path(root)
        self.work = self.root / ".work"
        self.parts = self.work / "parts"
        self.codebook = self.root / "codebook.json"
        self.summary = self.root / "summary.json"
        self.errors = self.root / "errors.csv"
        self.labels = self.root / "labels"
        self.label_store = self.root / "labels.zarr"

    def require_usable(self, *, resume: bool) -> None:
        """Raise a ValueError or OSError if no run may begin here or, with `resume`, go on."""
        if not self.root.exists():
            return
        if not self.root.is_dir():
            raise NotADirectoryError(f"{self.root} is a file; name a folder for the results")

        # an empty folder, or a run that was stopped before it had a plan
        inside = [path for path in self.root.iterdir() if path.name != self.work.name]
        if not inside and not self._plan_path.exists():
            return

        if self._read_description() is None:
            raise ValueError(
                f"{self.root} is not empty, and holds no run that could go on: name another folder"
            )
        if not resume:
            raise ValueError(
                f"{self.root} is not empty: name another folder, or go on there with --resume"
            )

    def begin(self, description: Description) -> bool:
        """Begin a run, or go on; return True if it is finished.

        Raises
        ------
        ValueError
            If the run was begun with other options or inputs; the message lists them.
        """
        before = self._read_description()
        if before is None:
            write_json(description, self._plan_path)
        elif differ := find_differences(before, description):
            more = f"; and {len(differ) - 5} more" if len(differ) > 5 else ""
            raise ValueError(
                f"{self.root} was begun with other options or inputs, so it cannot go on: "
                f"{'; '.join(differ[:5])}{more}"
            )
        elif self.summary.exists():
            self.tidy()
            return True
        self.parts.mkdir(exist_ok=True)
        drafts = [self.parts.glob("*.part*"), self.root.glob(".*-*"), self.root.glob("*/.*-*")]
        for draft in chain.from_iterable(drafts):  # left behind by a run that was killed
            shutil.rmtree(draft, ignore_errors=True)
        return False

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other runs out of the folder within a ``with`` block; raise if one is at work."""
        try:
            import fcntl
        except ImportError:  # Windows
            yield
            return
        parent = self.root.absolute().parent
        lock = parent / f".{self.root.name}.lock"
        try:
            parent.mkdir(parents=True, exist_ok=True)
            opened = lock.open("w")
        except OSError as error:
            raise type(error)(f"cannot write into {parent}: {error.strerror}") from error
        with opened as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise ValueError(
                    f"another run is at work in {self.root}: wait until it ends"
                ) from None
            try:
                yield
            finally:
                lock.unlink(missing_ok=True)

    def tidy(self) -> None:
        """Remove what only an unfinished run needs."""
        shutil.rmtree(self.work, ignore_errors=True)

    def part(self, number: int) -> Path:
        """Return the path of the folder of a part."""
        return self.parts / f"{number:06d}"

    def find_files(self, name: str, numbers: Iterable[int]) -> list[Path]:
        """Find the files of this name in the folders of some parts; not every part has one."""
        paths = [self.part(number) / name for number in numbers]
        return [path for path in paths if path.exists()]

    @property
    def _plan_path(self) -> Path:
        return self.work / "plan.json"

    def _read_description(self) -> Description | None:
        """Read the options and inputs of the run that was begun here; None if there is none."""
        for path in (self._plan_path, self.codebook):
            stored = read_json(path)
            if stored is not None and {"options", "inputs"} <= set(stored):
                return stored
        return None


@contextmanager
def atomic_write_folder(target: Path) -> Iterator[Path]:
    """Yield a folder to write to; rename it to `target` if the ``with`` block succeeds.

    If another task has made `target` in the meantime, that one stays.
    """
    draft = Path(tempfile.mkdtemp(dir=target.parent, prefix=f"{target.name}.part"))
    try:
        yield draft
        try:
            draft.rename(target)
        except OSError as error:
            if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def write_json(value: Description, path: Path) -> None:
    """Write JSON with a line for each name, and for each entry of a list of dictionaries."""
    with atomic_write(path) as draft:
        entries = [f"  {json.dumps(name)}: {_format_value(part)}" for name, part in value.items()]
        text = "{\n" + ",\n".join(entries) + "\n}\n"
        draft.write_text(text, encoding="utf-8", newline="\n")


def read_json(path: Path) -> Any:
    """Read JSON; return None if there is no such file, or it is damaged."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None


def _format_value(value: Any) -> str:
    dump = partial(json.dumps, allow_nan=False, ensure_ascii=False)
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join(f"    {dump(entry)}" for entry in value) + "\n  ]"
    return dump(value)
