"""Is a netCDF3 file whole? The library does not ask, and reads zeros beyond the end of one.

The header of the classic formats (NetCDF Users' Guide, appendix B: version 1, 2 with wide offsets,
5 with wide counts) tells where each variable begins and how long it is, hence where the last ends. Files
of netCDF4 need no such care: HDF5 knows its own length, and refuses to open.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import BinaryIO, NamedTuple

MAGIC = b"CDF"
_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 8, 7: 1, 8: 2, 9: 4, 10: 8, 11: 8}
"""Of a number of each type; 7 to 11 are those of version 5."""


class _Layout(NamedTuple):
    """A variable: where it begins, how many bytes it (or a record of it) has, and its kind."""

    begin: int
    size: int
    recorded: bool


class _Header:
    """Reads a header from its beginning to its end."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        version = self._bytes(4)[3]
        self._count_bytes = 8 if version == 5 else 4
        self._offset_bytes = 4 if version == 1 else 8

    def _bytes(self, count: int) -> bytes:
        found = self._file.read(count)
        if len(found) < count:
            raise EOFError("the file is cut off: it ends within its header")
        return found

    def _integer(self, count: int = 4) -> int:
        return int.from_bytes(self._bytes(count), "big")

    def _padded(self, count: int) -> None:
        self._bytes(-(-count // 4) * 4)

    def _name(self) -> None:
        self._padded(self._integer(self._count_bytes))

    def _list(self) -> range:
        self._integer()
        return range(self._integer(self._count_bytes))

    def _attributes(self) -> None:
        for _ in self._list():
            self._name()
            kind = self._integer()
            self._padded(self._integer(self._count_bytes) * _BYTES[kind])

    def records(self) -> int | None:
        """Give the number of records; None where it was not known when the file was written."""
        records = self._integer(self._count_bytes)
        return None if records == 256**self._count_bytes - 1 else records

    def variables(self) -> list[_Layout]:
        """List the variables."""
        lengths = []
        for _ in self._list():
            self._name()
            lengths.append(self._integer(self._count_bytes))
        self._attributes()
        return [self._variable(lengths) for _ in self._list()]

    def _variable(self, lengths: list[int]) -> _Layout:
        self._name()
        ranks = range(self._integer(self._count_bytes))
        shape = [lengths[self._integer(self._count_bytes)] for _ in ranks]
        self._attributes()
        kind = self._integer()
        self._integer(self._count_bytes)  # its size, which version 1 cannot tell of a big one
        recorded = bool(shape) and shape[0] == 0
        size = math.prod(shape[1:] if recorded else shape) * _BYTES[kind]
        return _Layout(self._integer(self._offset_bytes), size, recorded)


def require_whole(path: str | os.PathLike[str]) -> None:
    """Raise if a file is of netCDF3 and shorter than its header says.

    Raises
    ------
    OSError
        With the two lengths.
    """
    with Path(path).open("rb") as file:
        if file.read(3) != MAGIC:
            return
        file.seek(0)
        try:
            end = _end(_Header(file))
        except EOFError as error:
            raise OSError(str(error)) from None
        except LookupError:  # a type that is none: the library has its own words for it
            return
    size = Path(path).stat().st_size
    if size < end:
        raise OSError(f"the file is cut off: it has {size} of {end} bytes")


def _end(header: _Header) -> int:
    """Say where the last number of a file ends."""
    records = header.records()
    variables = header.variables()
    recorded = [variable for variable in variables if variable.recorded]
    ends = [variable.begin + variable.size for variable in variables if not variable.recorded]
    if records and recorded:
        alone = len(recorded) == 1  # then records follow each other without padding
        stride = sum(v.size if alone else -(-v.size // 4) * 4 for v in recorded)
        ends += [v.begin + (records - 1) * stride + v.size for v in recorded]
    return max(ends, default=0)
