"""The folder of a run: what is in it, what is done already, and what has to be.

Work in hand is in ``.work``: ``plan.json`` (options and inputs) and ``parts/``, a folder a part,
which is there whole or not at all. When the last file of the results, ``summary.json``, is written
the run is finished and ``.work`` goes.

A run may be taken up again only with the options and inputs that it was begun with: else the
results would be of two minds.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

from fastkm._core.atomic_write import atomic_write
from fastkm.workflows.archive.options import Description, differences


class Folder:
    """The folder that a run writes to.

    Parameters
    ----------
    root : path-like
        It need not exist.
    """

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
        """Raise unless a run may begin here, or go on.

        Raises
        ------
        ValueError
            If the folder is not empty and `resume` is not given, or what is in it is not a run.
        OSError
            If it is a file.
        """
        if self.root.exists() and not self.root.is_dir():
            raise NotADirectoryError(f"{self.root} is a file; name a folder for the results")
        if self.is_empty():
            return
        if not resume:
            raise ValueError(
                f"{self.root} is not empty: name another folder, or go on there with --resume"
            )
        if self._before() is None:
            raise ValueError(f"{self.root} holds something else than a run that could go on")

    def is_empty(self) -> bool:
        """Tell whether nothing is there, or nothing but the beginnings of a run without a plan."""
        if not self.root.exists():
            return True
        inside = [path for path in self.root.iterdir() if path.name != self.work.name]
        return not inside and not self._plan.exists()

    def begin(self, description: Description) -> bool:
        """Begin a run, or go on; tell whether it is finished.

        Raises
        ------
        ValueError
            If what was begun differs, with the differences.
        OSError
            If the folder cannot be written to.
        """
        before = self._before()
        if before is None:
            write_json(description, self._plan)
            self.parts.mkdir(exist_ok=True)
            return False
        differ = differences(before, description)
        if differ:
            raise ValueError(
                f"{self.root} was begun with other options or inputs, so it cannot go on: "
                + "; ".join(differ[:5])
                + (f"; and {len(differ) - 5} more" if len(differ) > 5 else "")
            )
        if self.summary.exists():
            self.tidy()
            return True
        self.parts.mkdir(exist_ok=True)
        drafts = [self.parts.glob("*.part*"), self.root.glob(".*-*"), self.root.glob("*/.*-*")]
        for left in chain.from_iterable(drafts):  # of a run that was killed
            shutil.rmtree(left, ignore_errors=True)
        return False

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other runs away from the folder for the length of a block.

        Raises
        ------
        ValueError
            If another run is at work here.
        """
        try:
            import fcntl
        except ImportError:  # Windows
            yield
            return
        at = self.root.absolute().parent
        lock = at / f".{self.root.name}.lock"
        try:
            at.mkdir(parents=True, exist_ok=True)
            opened = lock.open("w")
        except OSError as error:
            raise type(error)(f"cannot write into {at}: {error.strerror}") from error
        with opened as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise ValueError(f"another run is at work in {self.root}") from None
            try:
                yield
            finally:
                lock.unlink(missing_ok=True)

    def tidy(self) -> None:
        """Remove what only a run in hand needs."""
        shutil.rmtree(self.work, ignore_errors=True)

    def part(self, number: int) -> Path:
        """Name the folder of a part."""
        return self.parts / f"{number:06d}"

    @property
    def _plan(self) -> Path:
        return self.work / "plan.json"

    def _before(self) -> Description | None:
        """Read what was begun here; None where nothing was."""
        for path in (self._plan, self.codebook):
            stored = read_json(path)
            if stored is not None and {"options", "inputs"} <= set(stored):
                return stored
        return None


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Give a folder to write to; it takes its name when all is written.

    Where another task was faster with the same part, that one stays.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as root:
    ...     with new_folder(Path(root, "000001")) as draft:
    ...         _ = (draft / "table.json").write_text("[]")
    ...     sorted(path.name for path in Path(root).iterdir())
    ['000001']
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
    """Write JSON, a line for each name and for each entry of a list of entries."""
    with atomic_write(path) as draft:
        draft.write_text(_text(value), encoding="utf-8", newline="\n")


def read_json(path: Path) -> Any:
    """Read JSON; None where there is none."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None


def _text(value: Description) -> str:
    lines = [f"  {json.dumps(name)}: {_value(part)}" for name, part in value.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _value(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join(f"    {_line(entry)}" for entry in value) + "\n  ]"
    return _line(value)


def _line(value: Any) -> str:
    return json.dumps(value, allow_nan=False, ensure_ascii=False)
