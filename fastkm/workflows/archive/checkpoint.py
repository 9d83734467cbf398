"""The folder of a run: what is in it, what is done already, and what remains to be done.

Unfinished work is in ``.work``: ``plan.json`` (options and inputs), ``digests.json`` (of files that
parts depend on) and ``parts/`` with a folder for each part, which is written whole or not at all.
The last file of the results is ``summary.json``: once it is written, the run is finished and
``.work`` is removed.

A run can be resumed only with the options and inputs with which it began: otherwise some results
would come from the old ones and some from the new.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from fastkm._core.atomic_write import remove_folder, write_text
from fastkm.workflows.archive.folder_lock import LOCK_NAME
from fastkm.workflows.archive.options import Description, find_differences, is_same_command

NO_RESULTS = {".work", LOCK_NAME, "lost+found"}
"""Names in a folder into which nothing has been written yet; the last is of a disk mounted there."""


RESULTS = [
    "codebook.json", "labels/*.nc", "outlines.gpkg", "areas.csv", "areas.parquet",
    "transitions.csv", "persistence.csv", "tracks.csv", "events.csv", "track_summary.csv",
    "figures/*.png", "errors.csv", "run.json",
]  # fmt: skip
"""Patterns of the names of files that a run writes, besides its summary."""


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

    def require_usable(self, *, resume: bool, overwrite: bool = False) -> None:
        """Raise a ValueError or OSError if no run may begin here or, with `resume`, go on.

        A finished run may be made again, with the same options and inputs: see `begin`.
        """
        if not self.root.exists():
            return
        if not self.root.is_dir():
            raise NotADirectoryError(f"{self.root} is a file; name a folder for the results")

        # an empty folder, or a run that was stopped before it had a plan
        inside = [path for path in self.root.iterdir() if path.name not in NO_RESULTS]
        if not inside and not self._plan_path.exists():
            return

        if self._read_description() is None:
            raise ValueError(
                f"{self.root} is not empty, and holds no run that could go on: name another folder"
            )
        if not (resume or overwrite or self.is_finished()):
            raise ValueError(
                f"{self.root} holds a run that was stopped: go on with --resume, replace it with "
                "--overwrite, or name another folder"
            )

    def exclude_results(self, paths: Sequence[Path]) -> list[Path]:
        """Return absolute paths, which workers need, without those in this folder."""
        root = self.root.resolve()
        kept = [path.absolute() for path in paths if not path.resolve().is_relative_to(root)]
        if not kept:
            raise ValueError(
                f"all inputs are in {self.root}, the folder for the results: name another one"
            )
        return kept

    def begin(
        self, description: Description, *, resume: bool = False, overwrite: bool = False
    ) -> bool:
        """Begin a run, or go on; return True if it is finished.

        A finished run is made again if `overwrite` says so or, without `resume`, if it is the same
        run and an input has changed since.

        Raises
        ------
        ValueError
            If the run was begun with other options or inputs; the message lists them.
        """
        before = self._read_description()
        if before is not None and overwrite:
            self._remove_run()
            before = None
        differ = [] if before is None else find_differences(before, description)
        if self.is_finished() and not resume and before is not None:
            if not is_same_command(before, description):
                raise ValueError(
                    f"{self.root} holds the results of another run: name another folder, or replace "
                    f"them with --overwrite; {_list_some(differ)}"
                )
            if differ or self._is_older_than(description):
                self._remove_run()
                before, differ = None, []
        if before is None:
            write_json(description, self._plan_path)
        elif differ:
            raise ValueError(
                f"{self.root} was begun with other options or inputs, so it cannot go on: "
                f"{_list_some(differ)}"
            )
        elif self.is_finished():
            self.tidy()
            return True
        self.parts.mkdir(parents=True, exist_ok=True)
        drafts = [self.parts.glob("*.part*"), self.root.glob(".*-*"), self.root.glob("*/.*-*")]
        for draft in chain.from_iterable(drafts):  # left behind by a run that was killed
            remove_folder(draft)
        return False

    def is_finished(self) -> bool:
        """Return True if all results are there."""
        return read_json(self.summary) is not None

    def _is_older_than(self, description: Description) -> bool:
        """Return True if an input was modified after the results were written."""
        written = self.summary.stat().st_mtime_ns
        return any(each.get("modified", 0) > written for each in description["inputs"])

    def _remove_run(self) -> None:
        """Remove the results and the unfinished work of a run, and nothing else."""
        self.summary.unlink(missing_ok=True)
        for store in (self.label_store, self.work):
            remove_folder(store)
        for pattern in RESULTS:
            for file in self.root.glob(pattern):
                file.unlink()
        for folder in ("labels", "figures"):
            with suppress(OSError):  # there is none, or the user has put something into it
                (self.root / folder).rmdir()

    def keep_digest(self, name: str, digest: Any) -> None:
        """Keep a digest, in the types of JSON, under a name."""
        write_json({**self._read_digests(), name: digest}, self._digests_path)

    def recall_digest(self, name: str) -> Any:
        """Return the digest that `keep_digest` was given; None if there is none."""
        return self._read_digests().get(name)

    def read_codebook(self) -> Description | None:
        """Read ``codebook.json``; return None unless it is what this run has written."""
        stored = read_json(self.codebook)
        kept = self.recall_digest("codebook")
        return stored if stored is not None and hash_json(stored) == kept else None

    def tidy(self) -> None:
        """Remove what only an unfinished run needs."""
        remove_folder(self.work)

    def part(self, number: int) -> Path:
        """Return the path of the folder of a part."""
        return self.parts / f"{number:06d}"

    def list_parts(self) -> list[int]:
        """List the numbers of the parts that have a folder."""
        try:
            return sorted(int(path.name) for path in self.parts.iterdir() if path.name.isdigit())
        except FileNotFoundError:
            return []

    @property
    def _plan_path(self) -> Path:
        return self.work / "plan.json"

    @property
    def _digests_path(self) -> Path:
        return self.work / "digests.json"

    def _read_digests(self) -> Description:
        return read_json(self._digests_path) or {}

    def _read_description(self) -> Description | None:
        """Read the options and inputs of the run that was begun here; None if there is none."""
        for path in (self._plan_path, self.codebook):
            stored = read_json(path)
            if stored is not None and {"options", "inputs"} <= set(stored):
                return stored
        return None


def _list_some(differences: Sequence[str]) -> str:
    more = f"; and {len(differences) - 5} more" if len(differences) > 5 else ""
    return "; ".join(differences[:5]) + more


def hash_json(value: Any) -> str:
    """Return a digest of a value in the types of JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def write_json(value: Description, path: Path) -> None:
    """Write JSON with a line for each name, and for each entry of a list of dictionaries."""
    entries = [f"  {json.dumps(name)}: {_format_value(part)}" for name, part in value.items()]
    write_text(path, "{\n" + ",\n".join(entries) + "\n}\n")


def read_json(path: Path) -> Any:
    """Read a dictionary as JSON; return None if there is no such file, or it is damaged."""
    try:
        stored = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return stored if isinstance(stored, dict) else None


def _format_value(value: Any) -> str:
    dump = partial(json.dumps, allow_nan=False, ensure_ascii=False)
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join(f"    {dump(entry)}" for entry in value) + "\n  ]"
    return dump(value)
