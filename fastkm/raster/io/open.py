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
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, NamedTuple

from fastkm.raster.array_libraries import defer_array_libraries
from fastkm.raster.grid.axes import HELPERS
from fastkm.raster.io.clean_dataset import clean_dataset, decode_dataset
from fastkm.raster.io.decode_times import decode_times

if TYPE_CHECKING:
    import netCDF4
    import xarray as xr

STORE_MARKS = ("zarr.json", ".zgroup", ".zmetadata")
"""Files that make a folder a Zarr store, of format 3 and 2."""

NETCDF, ZARR = "netCDF", "a Zarr store"

DAMAGES = (OSError, ValueError, RuntimeError, AttributeError)
"""What netCDF4 raises on a damaged header; the last, if dimensions of a variable are not there."""

NETCDF3_MAGIC = b"CDF"
"""The first bytes of a netCDF3 file."""

_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 8, 7: 1, 8: 2, 9: 4, 10: 8, 11: 8}
"""Bytes of a number of each netCDF3 type; 7 to 11 are types of version 5."""


def is_zarr_store(path: str | os.PathLike[str]) -> bool:
    """Return True if a path is a folder that holds a Zarr store."""
    return any(Path(path, mark).is_file() for mark in STORE_MARKS)


@contextmanager
def open_stored(
    path: str | os.PathLike[str], group: str = "", *, decode: bool = False
) -> Iterator[xr.Dataset]:
    """Open a netCDF file or a Zarr store, or a group of it, with times decoded.

    If `decode` is True, fill values become NaN and packed numbers are unpacked; otherwise numbers
    are as stored. A group has the coordinates of the groups above it; see `inherit_coordinates`.

    Raises
    ------
    OSError
        If it cannot be read, or is of netCDF3 and cut off; the message names the file.
    ImportError
        If it is a Zarr store and zarr, of the extra ``archive``, is not installed.
    """
    opened = open_zarr if is_zarr_store(path) else open_netcdf
    with opened(path, group=group, decode=decode) as dataset:
        yield dataset


@contextmanager
def open_netcdf(
    path: str | os.PathLike[str], *, group: str = "", decode: bool = True
) -> Iterator[xr.Dataset]:
    """Open a netCDF file as `open_stored` does; a folder is refused."""
    require_file(path)
    with ExitStack() as files:

        def open_raw(level: str) -> xr.Dataset:
            import xarray as xr

            from fastkm.raster.io.netcdf_store import NetcdfStore

            untyped: Any = NetcdfStore
            store = untyped(file[level] if level else file, lock=netcdf_lock())
            return xr.open_dataset(store, engine="store", decode_cf=False, cache=False)

        with name_damage(path, NETCDF, *DAMAGES):
            require_complete(path)
            file = files.enter_context(open_netcdf4(path))
            dataset = _open_with_dates(open_raw, group, decode)
        with name_damage(path, NETCDF, RuntimeError):  # netCDF4's, if data is damaged
            yield dataset


def require_file(path: str | os.PathLike[str]) -> None:
    """Raise OSError if there is no such file."""
    if not os.fspath(path):
        raise FileNotFoundError("the name of the file is empty")
    if Path(path).is_dir():
        raise IsADirectoryError(f"{os.fspath(path)} is a folder, not a netCDF file")
    if not Path(path).is_file():
        raise FileNotFoundError(f"{os.fspath(path)}: no such file")


@contextmanager
def open_zarr(
    path: str | os.PathLike[str], *, group: str = "", decode: bool | None = False
) -> Iterator[xr.Dataset]:
    """Open a Zarr store as `open_stored` does; if `decode` is None, without decoding times."""
    try:
        import zarr  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"{os.fspath(path)} is a Zarr store, which needs zarr: pip install 'fastkm[archive]'"
        ) from error
    import xarray as xr

    # without consolidated metadata stores of both formats open, and none warns
    options: dict[str, Any] = {"engine": "zarr", "chunks": None, "consolidated": False}
    options |= {"decode_cf": False, "cache": False}
    with ExitStack() as files:

        def open_raw(level: str) -> xr.Dataset:
            return files.enter_context(xr.open_dataset(path, group=level or None, **options))

        with name_damage(path, ZARR, Exception):  # of any kind, if metadata is damaged
            dataset = _open_with_dates(open_raw, group, decode)
        with name_damage(path, ZARR, RuntimeError):  # a codec's, if data is damaged
            yield dataset


@contextmanager
def name_damage(path: str | os.PathLike[str], form: str, *kinds: type[Exception]) -> Iterator[None]:
    """Turn errors of these kinds into an `OSError` that names the file."""
    try:
        yield
    except kinds as error:
        is_internal = form == NETCDF and isinstance(error, AttributeError)
        reason = "its header is damaged" if is_internal else " ".join(get_reason(error).split())
        reason = reason or type(error).__name__
        raise OSError(f"{os.fspath(path)} cannot be read as {form}: {reason}") from error


def get_reason(error: BaseException) -> str:
    """Return the message of an error, without the number and the path that OSError adds to it."""
    return str(getattr(error, "strerror", None) or error)


def _open_with_dates(
    open_raw: Callable[[str], xr.Dataset], group: str, decode: bool | None
) -> xr.Dataset:
    """Open a group and those above it; decode its dates, if they are known, unless it is None."""
    import xarray as xr

    def open_level(level: str) -> xr.Dataset:
        raw = open_raw(level)
        odd = {dim: str(dim) for dim in raw.dims if not isinstance(dim, str)}
        return raw.rename(odd) if odd else raw

    defer_array_libraries()
    if decode is None:
        return open_level(group)
    with warnings.catch_warnings():
        # several missing values are decoded correctly; xarray warns all the same
        warnings.filterwarnings("ignore", ".*multiple fill values", xr.SerializationWarning)
        parts = group.split("/") if group else []
        levels = ["/".join(parts[:depth]) for depth in range(len(parts) + 1)]
        whole = inherit_coordinates([open_level(level) for level in levels])
        return decode_times(decode_dataset(clean_dataset(whole), mask_and_scale=decode))


def inherit_coordinates(groups: Sequence[xr.Dataset]) -> xr.Dataset:
    """Return the last of some groups with what it needs of those above it, from the root down.

    These are the coordinates of its dimensions, and variables that its attributes name, such as
    latitudes by cell and grid mappings, as the CF conventions say (section 2.7).
    """
    *above, own = groups
    for parent in reversed(above):
        while inherited := {
            name: variable
            for name, variable in parent.variables.items()
            if name not in own.variables
            and (name in own.dims or name in find_named_variables(own))
            and all(own.sizes.get(dim, size) == size for dim, size in variable.sizes.items())
        }:
            own = own.assign(inherited)
    for variable in own.variables.values():  # names may be paths from the root
        named = variable.attrs.get("coordinates")
        if above and isinstance(named, str) and "/" in named:
            words = named.split()
            variable.attrs["coordinates"] = " ".join(word.rpartition("/")[2] for word in words)
    return own


def find_named_variables(dataset: xr.Dataset) -> set[str]:
    """Return the names of the variables that attributes of others name."""
    return {
        word.rstrip(":").rpartition("/")[2]
        for variable in dataset.variables.values()
        for attribute in ("coordinates", *HELPERS)
        for word in str(variable.attrs.get(attribute, "")).split()
    }


def list_groups(path: str | os.PathLike[str]) -> list[str]:
    """List the groups of a netCDF file or a Zarr store below its root, as paths."""
    if is_zarr_store(path):
        import zarr

        with name_damage(path, ZARR, Exception):
            store = zarr.open_group(path, mode="r", use_consolidated=False)
            members = list(store.members(None))
        return sorted(name for name, member in members if isinstance(member, zarr.Group))
    require_file(path)
    with name_damage(path, NETCDF, *DAMAGES):
        require_complete(path)
        with open_netcdf4(path) as file, netcdf_lock():
            return [group.path.lstrip("/") for group in _walk_groups(file)]


def count_values(path: str | os.PathLike[str]) -> float:
    """Count the values of all variables of a netCDF file; infinity for what is none."""
    if not Path(path).is_file():
        return math.inf
    try:
        with open_netcdf4(path) as file, netcdf_lock():
            groups = [file, *_walk_groups(file)]
            return sum(own.size for group in groups for own in group.variables.values())
    except DAMAGES:
        return math.inf


def _walk_groups(group: Any) -> Iterator[Any]:
    for child in group.groups.values():
        yield child
        yield from _walk_groups(child)


@contextmanager
def open_netcdf4(
    path: str | os.PathLike[str], mode: Literal["r", "w", "a"] = "r"
) -> Iterator[netCDF4.Dataset]:
    """Open a netCDF file with netCDF4, and close it; hold `netcdf_lock` to use it.

    A file that fails to close, as on a full disk, counts as open. It would be closed once more when
    its memory is freed: at any time, without the lock, and the process crashes if another thread
    reads a file then. So it is closed once more here.
    """
    import netCDF4

    with netcdf_lock():
        file = netCDF4.Dataset(os.fspath(path), mode)
    try:
        yield file
    finally:
        with netcdf_lock():
            try:
                file.close()
            finally:
                if file.isopen():
                    file._close(False)  # False: say nothing of a failure, which was said above


def netcdf_lock() -> Any:
    """Return the lock to hold while netCDF4 is used, which is not safe to call from two threads.

    It is the lock of xarray, so xarray's own reading does not run at the same time either.
    """
    defer_array_libraries()
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
        self._left = os.fstat(file.fileno()).st_size
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
        self._left -= count
        if self._left < 0:
            raise EOFError("the file is cut off: it ends within its header")
        return self._file.read(count)


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
