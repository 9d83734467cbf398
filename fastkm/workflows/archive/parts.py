"""The parts of a run on the disk: each is a folder, with a manifest of what belongs to it.

A part may be lost or damaged before it is used: files are removed from the disks of a cluster after
some time, and a power cut may spoil what was written last. The manifest has the size and a digest of
each file, and the steps that the part stands for. A part that is not as its manifest says, or
belongs to another run, counts as not made.
"""

from __future__ import annotations

import errno
import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from fastkm._core.atomic_write import remove_folder
from fastkm.errors import ArchiveError
from fastkm.workflows.archive.checkpoint import read_json
from fastkm.workflows.archive.label_maps import hash_stored_steps

MANIFEST = "part.json"

Files = Mapping[str, Sequence[Any]]
"""The size and the digest of each file of a folder."""


class Part(NamedTuple):
    """A part that is whole: its folder, the names of its files, its steps, and those left out."""

    path: Path
    files: frozenset[str]
    steps: list[str]
    faults: list[ArchiveError]


class PartPlan(NamedTuple):
    """What a part has to hold: the steps (input and time) of a run.

    `key` tells runs apart. Steps are numbered from `first` in the Zarr store of label maps,
    `store`, if there is one.
    """

    path: str
    key: str
    steps: list[tuple[str, str]]
    first: int
    store: str | None


@contextmanager
def write_part(plan: PartPlan, faults: list[ArchiveError]) -> Iterator[Path]:
    """Yield a folder to write to; at the end add the manifest and rename the folder to its place.

    `faults` are the steps that turn out to be left out. If another task has made the part in the
    meantime, that one stays.
    """
    target = Path(plan.path)
    draft = target
    try:
        for folder in (target.parent.parent, target.parent):
            folder.mkdir(exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=target.parent, prefix=f"{target.name}.part"))
        yield draft
        left_out = {(fault.file, fault.step) for fault in faults}
        manifest = {
            "run": plan.key,
            "steps": [time for name, time in plan.steps if (name, time) not in left_out],
            "labels": _hash_labels(plan),
            "files": describe_files(draft),
            "faults": [vars(fault) for fault in faults],
        }
        (draft / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
        try:
            draft.rename(target)
        except OSError as error:
            if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                raise
    except OSError as error:
        name, time = plan.steps[0]
        reason = str(error)
        if "cannot be written" not in reason:
            reason = f"cannot be written: {error.strerror or error}"
        raise OSError(f"results of {name}, {time}: {reason}") from error
    finally:
        if draft != target:
            remove_folder(draft)


def read_part(plan: PartPlan) -> Part | None:
    """Read the manifest of a part; return None if the part is not whole, or of another run."""
    folder = Path(plan.path)
    manifest = read_json(folder / MANIFEST)
    try:
        if manifest is None or manifest["run"] != plan.key:
            return None
        faults = [ArchiveError(**fault) for fault in manifest["faults"]]
        left_out = {(fault.file, fault.step) for fault in faults}
        steps = [time for name, time in plan.steps if (name, time) not in left_out]
        whole = (
            manifest["steps"] == steps
            and len(steps) + len(left_out) == len(plan.steps)
            and is_whole(folder, manifest["files"])
            and manifest["labels"] == _hash_labels(plan)
        )
        return Part(folder, frozenset(manifest["files"]), steps, faults) if whole else None
    except (KeyError, TypeError, ValueError, OSError):
        return None


def remove_part(plan: PartPlan) -> None:
    """Remove a part that is not whole, if there is one."""
    remove_folder(Path(plan.path))


def describe_files(folder: Path) -> dict[str, list[Any]]:
    """Return the size and a digest of each file in a folder and the folders in it."""
    return {
        path.relative_to(folder).as_posix(): [path.stat().st_size, _hash_file(path)]
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def is_whole(folder: Path, files: Files) -> bool:
    """Return True if all these files are in a folder, and are what they were."""
    return all(
        (folder / name).stat().st_size == size and _hash_file(folder / name) == digest
        for name, (size, digest) in files.items()
    )


def _hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _hash_labels(plan: PartPlan) -> str | None:
    """Return a digest of the label maps in the store; None if each part has a file of them."""
    if plan.store is None:
        return None
    return hash_stored_steps(plan.store, plan.first, plan.first + len(plan.steps))
