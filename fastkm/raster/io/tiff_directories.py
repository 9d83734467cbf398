"""Whether all directories of a TIFF file are there.

A GeoTIFF may keep its mask in a directory of its own, behind the data. If the file is cut off before
it, GDAL reads the data and knows of no mask: cells that are missing would pass for data. So the chain
of directories is followed here, through the few bytes that say where the next one is.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO, NamedTuple


class _Layout(NamedTuple):
    """Formats of a count of entries and of an offset in a TIFF or BigTIFF; bytes of an entry."""

    count_format: str
    offset_format: str
    entry_size: int


def require_directories(path: str | os.PathLike[str]) -> None:
    """Raise an OSError if a TIFF file ends within or before one of its directories."""
    with Path(path).open("rb") as file:
        try:
            _follow_directories(file)
        except struct.error:
            raise OSError(
                f"{os.fspath(path)} is cut off or damaged: one of its directories lies beyond its end"
            ) from None


def _follow_directories(file: BinaryIO) -> None:
    """Go from directory to directory; raise struct.error if the file ends before the last one."""
    order = {b"II": "<", b"MM": ">"}.get(file.read(2))
    if order is None:
        return  # no TIFF: GDAL says so
    (version,) = _read(file, order + "H")
    if version == 43:
        layout = _Layout(order + "Q", order + "Q", 20)
        file.seek(8)
    else:
        layout = _Layout(order + "H", order + "I", 12)
    (offset,) = _read(file, layout.offset_format)
    seen = set()
    while offset and offset not in seen:
        seen.add(offset)
        file.seek(offset)
        (count,) = _read(file, layout.count_format)
        file.seek(count * layout.entry_size, os.SEEK_CUR)
        (offset,) = _read(file, layout.offset_format)


def _read(file: BinaryIO, form: str) -> tuple[int, ...]:
    return struct.unpack(form, file.read(struct.calcsize(form)))
