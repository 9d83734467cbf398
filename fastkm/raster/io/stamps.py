"""Stamps: size and time of modification, by which a file that has changed is noticed."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

CHANGED = "was replaced or modified since it was first read"

STORE_METADATA = ("zarr.json", ".zgroup", ".zattrs", ".zarray", ".zmetadata")
"""Files of a Zarr store, and of each of its arrays, that are rewritten when it is."""


class Stamp(NamedTuple):
    """Bytes, and the time of modification in nanoseconds; of several files, the sums."""

    size: int
    modified: int


def read_stamp(path: str | os.PathLike[str], arrays: Iterable[str] | None = None) -> Stamp:
    """Read the stamp of a file or, for a Zarr store, of the metadata of some arrays.

    If `arrays` is None, all files of the store count, which may take seconds.
    """
    root = Path(path)
    if not root.is_dir():
        files = [root]
    elif arrays is None:
        files = [file for file in root.rglob("*") if file.is_file()]
    else:
        folders = dict.fromkeys([root, *(root / name for name in arrays)])
        named = (folder / name for folder in folders for name in STORE_METADATA)
        files = [file for file in named if file.is_file()]
    found = [file.stat() for file in files]
    return Stamp(sum(one.st_size for one in found), sum(one.st_mtime_ns for one in found))
