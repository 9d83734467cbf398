"""Open netCDF files and Zarr stores.

A netCDF3 file that is cut off is refused: the library does not ask for its length, and reads zeros
beyond its end. The header of the classic formats (NetCDF Users' Guide, appendix B: version 1, 2
with wide offsets, 5 with wide counts) holds where each variable begins and how long it is, hence
where the last one ends. Files of netCDF4 need no such check: HDF5 knows its own length, and refuses
to open.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

if TYPE_CHECKING:
    import xarray as xr

STORE_MARKS = ("zarr.json", ".zgroup", ".zmetadata")
"""Files that make a folder a Zarr store, of format 3 and 2."""

NETCDF3_MAGIC = b"CDF"
"""The first bytes of a netCDF3 file."""

_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 8, 7: 1, 8: 2, 9: 4, 10: 8, 11: 8}
"""Bytes of a number of each netCDF3 type; 7 to 11 are types of version 5."""


def is_zarr_store(path: str | os.PathLike[str]) -> bool:
    """Return True if a path is a folder that holds a Zarr store."""
    return any(Path(path, mark).is_file() for mark in STORE_MARKS)


@contextmanager
def open_stored(path: str | os.PathLike[str]) -> Iterator[xr.Dataset]:
    """Open a netCDF file or a Zarr store, numbers as stored and times decoded.

    Raises
    ------
    OSError
        If it cannot be read, or is of netCDF3 and cut off.
    ImportError
        If it is a Zarr store and zarr, of the extra ``archive``, is not installed.
    """
    if is_zarr_store(path):
        with open_zarr(path) as dataset:
            yield dataset
        return
    with open_netcdf(path, decode=False) as dataset:
        require_complete(path)
        yield dataset


@contextmanager
def open_netcdf(path: str | os.PathLike[str], *, decode: bool = True) -> Iterator[xr.Dataset]:
    """Open a netCDF file; every failure is an `OSError` that names the file.

    If `decode` is True, fill values become NaN and packed numbers are unpacked. Times are decoded
    either way.
    """
    if not os.fspath(path):
        raise FileNotFoundError("the name of the file is empty")
    if Path(path).is_dir():
        raise IsADirectoryError(f"{os.fspath(path)} is a folder, not a netCDF file")
    if not Path(path).is_file():
        raise FileNotFoundError(f"{os.fspath(path)}: no such file")
    options = {"mask_and_scale": decode, "decode_timedelta": False, "engine": "netcdf4"}
    try:
        dataset = _open_with_dates(path, options)
    except (OSError, ValueError) as error:
        reason = get_reason(error)
        raise OSError(f"{os.fspath(path)} cannot be read as netCDF: {reason}") from error
    with dataset:
        try:
            yield dataset
        except RuntimeError as error:  # netCDF4's, if data is damaged
            raise OSError(f"{os.fspath(path)} cannot be read as netCDF: {error}") from error


def open_zarr(path: str | os.PathLike[str], *, decode_cf: bool = True) -> xr.Dataset:
    """Open a Zarr store, times decoded if `decode_cf` is True; numbers are as stored either way."""
    try:
        import zarr  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"{os.fspath(path)} is a Zarr store, which needs zarr: pip install 'fastkm[archive]'"
        ) from error
    options: dict[str, Any] = {"decode_cf": False}
    if decode_cf:
        options = {"mask_and_scale": False, "decode_timedelta": False}
    # without consolidated metadata stores of both formats open, and none warns
    options |= {"engine": "zarr", "chunks": None, "consolidated": False}
    try:
        return _open_with_dates(path, options)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        reason = get_reason(error)
        raise OSError(f"{os.fspath(path)} cannot be read as a Zarr store: {reason}") from error


def get_reason(error: BaseException) -> str:
    """Return the message of an error, without the number and the path that OSError adds to it."""
    return str(getattr(error, "strerror", None) or error)


def _open_with_dates(path: str | os.PathLike[str], options: dict[str, Any]) -> xr.Dataset:
    """Open with dates decoded, or as numbers if no calendar has their units (months)."""
    import xarray as xr

    with warnings.catch_warnings():
        # several missing values are decoded correctly; xarray warns all the same
        warnings.filterwarnings("ignore", ".*multiple fill values", xr.SerializationWarning)
        # dates that do not fit into nanoseconds become cftime's
        warnings.filterwarnings("ignore", "Unable to decode time", xr.SerializationWarning)
        try:
            return xr.open_dataset(path, **options)
        except ValueError:
            return xr.open_dataset(path, **{**options, "decode_times": False})


def netcdf_lock() -> Any:
    """Return the lock to hold while netCDF4 is used, which is not safe to call from two threads.

    It is the lock of xarray, so xarray's own reading does not run at the same time either.
    """
    from xarray.backends.locks import HDF5_LOCK, NETCDFC_LOCK, combine_locks

    return combine_locks([NETCDFC_LOCK, HDF5_LOCK])


def require_complete(path: str | os.PathLike[str]) -> None:
    """Raise OSError if a file is of netCDF3 and shorter than its header says."""
    with Path(path).open("rb") as file:
        if file.read(3) != NETCDF3_MAGIC:
            return
        file.seek(0)
        try:
            end = _find_end(_HeaderReader(file))
        except EOFError as error:
            raise OSError(str(error)) from None
        except LookupError:  # an unknown type, for which the library has its own message
            return
    size = Path(path).stat().st_size
    if size < end:
        raise OSError(f"the file is cut off: it has {size} of {end} bytes")


class _StoredRange(NamedTuple):
    """Where a variable begins, how many bytes it (or one record) has, and if it has records."""

    begin: int
    size: int
    has_records: bool


class _HeaderReader:
    """Reads the header of a netCDF3 file from its beginning to its end."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        version = self._read_bytes(4)[3]
        self._count_bytes = 8 if version == 5 else 4
        self._offset_bytes = 4 if version == 1 else 8

    def read_record_count(self) -> int | None:
        """Return the number of records; None if it was not known when the file was written."""
        records = self._read_integer(self._count_bytes)
        return None if records == 256**self._count_bytes - 1 else records

    def read_variables(self) -> list[_StoredRange]:
        """Return where each variable is stored."""
        lengths = []
        for _ in self._read_list_range():
            self._skip_name()
            lengths.append(self._read_integer(self._count_bytes))
        self._skip_attributes()
        return [self._read_variable(lengths) for _ in self._read_list_range()]

    def _read_variable(self, lengths: list[int]) -> _StoredRange:
        self._skip_name()
        ranks = range(self._read_integer(self._count_bytes))
        shape = [lengths[self._read_integer(self._count_bytes)] for _ in ranks]
        self._skip_attributes()
        kind = self._read_integer()
        self._read_integer(self._count_bytes)  # its size, which version 1 cannot hold if it is big
        has_records = bool(shape) and shape[0] == 0
        size = math.prod(shape[1:] if has_records else shape) * _BYTES[kind]
        return _StoredRange(self._read_integer(self._offset_bytes), size, has_records)

    def _skip_attributes(self) -> None:
        for _ in self._read_list_range():
            self._skip_name()
            kind = self._read_integer()
            self._skip_padded(self._read_integer(self._count_bytes) * _BYTES[kind])

    def _skip_name(self) -> None:
        self._skip_padded(self._read_integer(self._count_bytes))

    def _skip_padded(self, count: int) -> None:
        self._read_bytes(-(-count // 4) * 4)

    def _read_list_range(self) -> range:
        """Read the tag and the length of a list, to go through its items."""
        self._read_integer()
        return range(self._read_integer(self._count_bytes))

    def _read_integer(self, count: int = 4) -> int:
        return int.from_bytes(self._read_bytes(count), "big")

    def _read_bytes(self, count: int) -> bytes:
        found = self._file.read(count)
        if len(found) < count:
            raise EOFError("the file is cut off: it ends within its header")
        return found


def _find_end(header: _HeaderReader) -> int:
    """Return the position at which the last number of a file ends."""
    records = header.read_record_count()
    variables = header.read_variables()
    recorded = [variable for variable in variables if variable.has_records]
    ends = [variable.begin + variable.size for variable in variables if not variable.has_records]
    if records and recorded:
        is_alone = len(recorded) == 1  # then records follow each other without padding
        stride = sum(v.size if is_alone else -(-v.size // 4) * 4 for v in recorded)
        ends += [v.begin + (records - 1) * stride + v.size for v in recorded]
    return max(ends, default=0)
