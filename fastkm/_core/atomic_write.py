"""Files are written whole or not at all: draft beside the target, close, check, then rename.

A reader never sees half a file, and a failed run leaves the old file in its place. If a format has
several files (a shapefile has five), the old ones go before the new ones come, and the named file
comes last: whenever a run is killed, no file of one result stands beside those of another. So do
files that other programs put beside an older result (statistics, indices, reference systems): see
`SIDE_FILES`.

Libraries that write may fail in silence, at close or before. So each writer says how its file is
read again, and the draft takes its place only after that.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from pathlib import Path

from fastkm._core.interrupts import hold_interrupts

_OF_RASTERS = (".aux.xml", ".ovr", ".msk", ".msk.ovr", ".xml")
"""What GDAL and GIS programs append to the name of a raster."""
_OF_SHAPEFILES = (
    ".shx", ".dbf", ".prj", ".qpj", ".cpg", ".cst", ".qix", ".sbn", ".sbx", ".fbn", ".fbx",
    ".ain", ".aih", ".ixs", ".mxs", ".idm", ".ind",
)  # fmt: skip
SIDE_FILES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    ".nc": (_OF_RASTERS, ()),
    ".tif": (_OF_RASTERS, (".tfw", ".tifw", ".wld")),
    ".tiff": (_OF_RASTERS, (".tfw", ".tifw", ".tiffw", ".wld")),
    ".png": (_OF_RASTERS, (".pgw", ".pngw", ".wld")),
    ".shp": ((".xml",), _OF_SHAPEFILES),
    ".gpkg": (("-wal", "-shm", "-journal", ".aux.xml"), ()),
}
"""By extension: what is appended to the name of a file, or takes the place of its extension."""

PROBE_BYTES = 1 << 20
"""A failure is explained by the disk if not even this much can be written to it."""

REMOVALS = 100
"""Attempts to remove a draft."""
REMOVAL_INTERVAL = 0.02
"""Seconds between two attempts."""

STORE_MARKS = ("zarr.json", ".zgroup")
"""One of these lies in a folder that is a Zarr store, which takes the place of an older one."""

_Draft = tuple[Path, Path]
_WAITING: ContextVar[tuple[ExitStack, list[_Draft]] | None] = ContextVar("waiting", default=None)
"""The drafts that `write_together` holds back."""


class ExplainedError(OSError):
    """An OSError that names a file and says what failed; nothing is added to it."""


@contextmanager
def atomic_write(
    path: str | os.PathLike[str], check: Callable[[Path], object] | None = None
) -> Iterator[Path]:
    """Yield a path to write to; if the ``with`` block succeeds, move what it wrote to `path`.

    The yielded path has the same name in a new folder beside the target. Files that the block
    leaves next to it (``.shx``, ``.dbf`` …) are moved too, and side files of an older result are
    removed. A folder that is missing is made.

    `check` is called with the draft after the block, which must have closed it, and reads it
    again: whatever it raises means that the file is spoiled.

    Raises
    ------
    OSError
        If the folder cannot be made, or the file cannot be written: a RuntimeError of the block,
        as of libraries on a full disk, is turned into one.
    """
    target = Path(path)
    is_store = _is_store(target)
    if target.is_dir() and not is_store:
        raise IsADirectoryError(f"{target} is a folder; name a file to write")
    if target.exists() and not (target.is_file() or is_store):
        raise OSError(f"{target} is a device or a pipe, which a file would replace")
    for parent in target.parents:
        if parent.exists() and not parent.is_dir():
            raise NotADirectoryError(f"{parent} is a file, not a folder")
    with ExitStack() as stack:
        folder = stack.enter_context(_make_folder_beside(target))
        draft = folder / target.name
        with explain_write_errors(target, draft):
            yield draft
            _finish(draft, check)
        waiting = _WAITING.get()
        if waiting is None:
            with hold_interrupts():
                _put_in_place(folder, target)
        else:
            waiting[0].push(stack.pop_all())
            waiting[1].append((folder, target))


@contextmanager
def write_together(instead_of: Sequence[Path] = ()) -> Iterator[None]:
    """Let all files that are written in a ``with`` block take their places together, at its end.

    They replace the files `instead_of`, and those of the same names. If the block fails, no file
    takes its place, and the older ones stay.
    """
    with ExitStack() as drafts:
        written: list[_Draft] = []
        token = _WAITING.set((drafts, written))
        try:
            yield
        finally:
            _WAITING.reset(token)
        with hold_interrupts():
            for old in instead_of:
                for file in (old, *find_side_files(old)):
                    file.unlink(missing_ok=True)
            for folder, target in written:
                _put_in_place(folder, target)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a text in UTF-8, whole or not at all; ends of lines stay what they are."""
    write_bytes(path, text.encode())


def write_bytes(path: str | os.PathLike[str], content: bytes) -> None:
    """Write bytes, whole or not at all."""

    def check(draft: Path) -> None:
        if draft.read_bytes() != content:
            raise OSError("it holds other bytes than were written")

    with atomic_write(path, check) as draft:
        draft.write_bytes(content)


def find_side_files(path: str | os.PathLike[str]) -> list[Path]:
    """Return the files that exist beside `path` and that programs take for parts of it."""
    target = Path(path)
    appended, instead = SIDE_FILES.get(target.suffix.lower(), ((), ()))
    names = [target.name + end for end in appended] + [target.stem + end for end in instead]
    upper = [target.stem + end.upper() for end in instead]
    files = [target.with_name(name) for name in names + upper]
    return [file for file in files if file.is_file() or file.is_symlink()]


def remove_folder(folder: Path) -> None:
    """Remove a folder if there is one, even if threads of a failed writer go on for a while.

    Ctrl-C waits until it is gone: `shutil.rmtree` closes a descriptor twice if it is interrupted
    after the first time, and the failure to do so would hide that it was.
    """
    for _ in range(REMOVALS):
        with hold_interrupts():
            shutil.rmtree(folder, ignore_errors=True)
        if not folder.is_dir():
            return
        time.sleep(REMOVAL_INTERVAL)


@contextmanager
def explain_write_errors(target: Path, draft: Path) -> Iterator[None]:
    """Turn a failure to write into an `OSError` that names the file and says why.

    Some libraries only say that something failed.
    """
    try:
        yield
    except ExplainedError:
        raise
    except (OSError, RuntimeError) as error:
        reason = _probe(draft.parent) or getattr(error, "strerror", None) or str(error)
        # HDF5 cannot close what it cannot write, and would hold the space
        if draft.is_file():
            os.truncate(draft, 0)
        reason = " ".join(str(reason).replace(str(draft), str(target)).split())
        raise ExplainedError(f"{target} cannot be written: {reason}") from error


def _is_store(target: Path) -> bool:
    """Return True if a path is a folder that holds a Zarr store."""
    return any((target / mark).is_file() for mark in STORE_MARKS)


@contextmanager
def _make_folder_beside(target: Path) -> Iterator[Path]:
    """Make a folder for a draft on the disk of its target, and the target's own folder."""
    prefix = f".{target.name[:40]}-"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=target.parent, prefix=prefix))
    except OSError as error:
        raise type(error)(f"cannot write into {target.parent}: {error.strerror}") from error
    try:
        yield folder
    finally:
        remove_folder(folder)


def _probe(folder: Path) -> str | None:
    """Return why nothing more can be written into a folder: full disk, quota, limit; else None."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(os.urandom(PROBE_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error.strerror
    return None


def _finish(draft: Path, check: Callable[[Path], object] | None) -> None:
    """Send what was written to the disk, which may fail only now, and read it again."""
    if not draft.exists():
        raise OSError("nothing was written")
    for file in draft.parent.iterdir():
        if file.is_file():
            with file.open("r+b") as opened:
                os.fsync(opened.fileno())
    if check is None:
        return
    try:
        check(draft)
    except Exception as error:
        raise OSError(f"what was written cannot be read again: {error}") from error


def _put_in_place(folder: Path, target: Path) -> None:
    """Move all files of a draft's folder beside `target`, which comes last."""
    written = sorted(folder.iterdir(), key=lambda file: file.name == target.name)
    new = [target.with_name(file.name) for file in written]
    old = [target, *find_side_files(target), *new]
    removed: list[Path] = []
    placed: list[Path] = []
    try:
        aside = Path(tempfile.mkdtemp(dir=folder))
        if len(new) > 1 or old != [target, target] or target.is_dir():
            for file in old:
                if os.path.lexists(file):
                    file.replace(aside / file.name)
                    removed.append(file)
        for draft, file in zip(written, new, strict=True):
            draft.replace(file)
            placed.append(file)
    except BaseException as error:
        for file in placed:
            shutil.rmtree(file) if file.is_dir() else file.unlink()
        for file in removed:
            shutil.rmtree(file, ignore_errors=True)  # a store that has just come
            (aside / file.name).replace(file)
        if isinstance(error, OSError):
            raise OSError(f"{target} cannot be written: {error.strerror}") from error
        raise
