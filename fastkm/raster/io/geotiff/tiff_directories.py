"""The directories of a TIFF file: whether all are there, and a copy in which they come first.

A GeoTIFF may keep its mask in a directory of its own, behind the data. If the file is cut off before
it, GDAL reads the data and knows of no mask: cells that are missing would pass for data. So the chain
of directories is followed here, through the few bytes that say where the next one is.

A file that is written block by block has its directories and overviews behind the data. In a Cloud
Optimized GeoTIFF all directories come first, then the tiles of the smallest overview, and the tiles
of the full size at last: a program that reads over a network needs one request for a view of the
whole. GDAL's driver ``COG`` makes such a file by compressing all tiles once more, which takes as long
as all the rest; here the tiles are copied as they are. What stands between header and first directory
is GDAL's, https://gdal.org/drivers/raster/cog.html: it says that each tile stands between its size
and its last four bytes.
"""

from __future__ import annotations

import os
import struct
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

TYPE_SIZES = {
    1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4,
    16: 8, 17: 8, 18: 8,
}  # fmt: skip
"""Bytes of a value of each type of TIFF."""

TILE_OFFSETS, TILE_BYTE_COUNTS = 324, 325
"""Tags of the places and sizes of tiles."""

STRUCTURE = b"""LAYOUT=IFDS_BEFORE_DATA
BLOCK_ORDER=ROW_MAJOR
BLOCK_LEADER=SIZE_AS_UINT4
BLOCK_TRAILER=LAST_4_BYTES_REPEATED
KNOWN_INCOMPATIBLE_EDITION=NO
 """
"""How a Cloud Optimized GeoTIFF is laid out, for GDAL."""


class _Layout(NamedTuple):
    """Formats of a count of entries and of an offset in a TIFF or BigTIFF; bytes of an entry."""

    count_format: str
    offset_format: str
    entry_size: int


class _Entry(NamedTuple):
    """The type and number of the values of a tag, and their bytes."""

    kind: int
    number: int
    values: bytes


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
    layout = _read_layout(file)
    if layout is None:
        return  # no TIFF: GDAL says so
    (offset,) = _read(file, layout.offset_format)
    seen = set()
    while offset and offset not in seen:
        seen.add(offset)
        file.seek(offset)
        (count,) = _read(file, layout.count_format)
        file.seek(count * layout.entry_size, os.SEEK_CUR)
        (offset,) = _read(file, layout.offset_format)


def _read_layout(file: BinaryIO) -> _Layout | None:
    """Read the header up to the offset of the first directory; None if it is no TIFF."""
    order = {b"II": "<", b"MM": ">"}.get(file.read(2))
    if order is None:
        return None
    (version,) = _read(file, order + "H")
    if version == 43:
        file.seek(8)
        return _Layout(order + "Q", order + "Q", 20)
    return _Layout(order + "H", order + "I", 12)


def _read(file: BinaryIO, form: str) -> tuple[int, ...]:
    return struct.unpack(form, file.read(struct.calcsize(form)))


def copy_cloud_optimized(source: Path, target: Path) -> None:
    """Copy a tiled GeoTIFF with overviews so that it is a Cloud Optimized GeoTIFF.

    Its directories are those of the full size and then of the overviews, from the largest one.

    Raises
    ------
    OSError
        If the file has no directories with tiles, or the copy cannot be written.
    """
    with source.open("rb") as old, target.open("wb") as new:
        try:
            layout = _read_layout(old)
            header = old.tell()
            directories = [] if layout is None else _read_directories(old, layout)
        except (struct.error, KeyError):
            layout = None
        if layout is None or not all(TILE_OFFSETS in directory for directory in directories):
            raise OSError(f"{source} is no GeoTIFF with tiles, or is damaged")
        structure = b"GDAL_STRUCTURAL_METADATA_SIZE=%06d bytes\n" % len(STRUCTURE) + STRUCTURE
        first = header + struct.calcsize(layout.offset_format) + len(structure)
        starts = [first + first % 2]
        for directory in directories:
            starts.append(starts[-1] + len(_format_directory(directory, layout, 0, 0)))
        # places of the tiles, those of the smallest overview first
        end = starts[-1]
        moves = []
        for directory in reversed(directories):
            places, sizes = (
                _get_numbers(directory[tag], layout) for tag in (TILE_OFFSETS, TILE_BYTE_COUNTS)
            )
            ends = end + np.cumsum(np.where(sizes > 0, sizes + 8, 0))
            _set_numbers(directory, TILE_OFFSETS, np.where(sizes > 0, ends - 4 - sizes, 0), layout)
            moves.append((places, sizes))
            end = int(ends[-1])
        # header, directories and tiles
        old.seek(0)
        new.write(old.read(header) + struct.pack(layout.offset_format, starts[0]) + structure)
        new.write(bytes(first % 2))
        for directory, (start, stop) in zip(directories, pairwise(starts), strict=True):
            following = 0 if stop == starts[-1] else stop
            new.write(_format_directory(directory, layout, start, following))
        for places, sizes in moves:
            for place, size in zip(places.tolist(), sizes.tolist(), strict=True):
                if size:
                    old.seek(place)
                    tile = old.read(size)
                    new.write(struct.pack("<I", size) + tile + tile[-4:])


def _read_directories(file: BinaryIO, layout: _Layout) -> list[dict[int, _Entry]]:
    """Read the entries of all directories by tag, from where the header says that the first is."""
    order, field = layout.offset_format[0], struct.calcsize(layout.offset_format)
    directories = []
    (offset,) = _read(file, layout.offset_format)
    while offset:
        file.seek(offset)
        (count,) = _read(file, layout.count_format)
        raw = file.read(count * layout.entry_size)
        (offset,) = _read(file, layout.offset_format)
        directory = {}
        for start in range(0, len(raw), layout.entry_size):
            tag, kind = struct.unpack_from(order + "HH", raw, start)
            (number,) = struct.unpack_from(layout.offset_format, raw, start + 4)
            size, at = number * TYPE_SIZES[kind], start + 4 + field
            if size > field:
                file.seek(*struct.unpack_from(layout.offset_format, raw, at))
                values = file.read(size)
            else:
                values = raw[at : at + size]
            directory[tag] = _Entry(kind, number, values)
        directories.append(directory)
    return directories


def _format_directory(
    directory: dict[int, _Entry], layout: _Layout, start: int, following: int
) -> bytes:
    """Return the bytes of a directory at `start`, with the values of its tags behind it."""
    order, field = layout.offset_format[0], struct.calcsize(layout.offset_format)
    entries = [struct.pack(layout.count_format, len(directory))]
    behind: list[bytes] = []
    at = start + len(entries[0]) + len(directory) * layout.entry_size + field
    for tag, entry in sorted(directory.items()):
        values = entry.values.ljust(field, b"\0")
        if len(values) > field:
            behind.append(values + bytes(len(values) % 2))
            values = struct.pack(layout.offset_format, at)
            at += len(behind[-1])
        entries.append(struct.pack(order + "HH", tag, entry.kind))
        entries.append(struct.pack(layout.offset_format, entry.number) + values)
    return b"".join([*entries, struct.pack(layout.offset_format, following), *behind])


def _get_numbers(entry: _Entry, layout: _Layout) -> np.ndarray:
    """Return the values of an entry of integers."""
    dtype = np.dtype(f"{layout.offset_format[0]}u{TYPE_SIZES[entry.kind]}")
    return np.frombuffer(entry.values, dtype).astype(np.int64)


def _set_numbers(
    directory: dict[int, _Entry], tag: int, numbers: np.ndarray, layout: _Layout
) -> None:
    """Replace the values of an entry of integers."""
    entry = directory[tag]
    dtype = np.dtype(f"{layout.offset_format[0]}u{TYPE_SIZES[entry.kind]}")
    directory[tag] = entry._replace(values=numbers.astype(dtype).tobytes())
