"""What an archive is made of: its files and stores, found and looked into, but not read.

An input is a netCDF file or a Zarr store with one step of time or many. A `Survey` holds what has
to be known of it before a cell is read: its times, its grid, and in which form each variable is
stored. That is some ten kilobytes, and takes 3 ms where reading a quarter-degree step takes 20.

Times are kept as ISO text, which sorts as they do in every calendar. Calendars that agree on all
dates of an input have one name: after the year 1582 ``gregorian`` and ``proleptic_gregorian`` are
``standard``, and ``365_day`` is ``noleap`` always.
"""

from __future__ import annotations

import glob
import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm.errors import ArchiveError
from fastkm.raster.grid.axes import Axes, find_axes, find_time
from fastkm.raster.grid.crs import grid_mapping, with_crs
from fastkm.raster.io.open import is_store, opened
from fastkm.raster.io.read_netcdf import choose_variable

if TYPE_CHECKING:
    import xarray as xr

ENDINGS = {".nc", ".nc3", ".nc4", ".cdf", ".netcdf"}
"""What files of netCDF are called; asked only where a folder is given."""

_CALENDARS = {"gregorian": "standard", "365_day": "noleap", "366_day": "all_leap"}
_REFORM = "1582-10-15"


@dataclass(frozen=True, eq=False)
class Form:
    """How an input stores a variable.

    Attributes
    ----------
    name : str
        Of the variable.
    dtype : str
        Of the numbers as stored, in native byte order.
    attrs : dict
        As stored, those of packing and of missing cells among them.
    dims : tuple of str
        In the order of the file.
    axes : Axes
        Which of them are time, rows and columns; no time where it is a scalar coordinate.
    chunk : int
        Steps that are stored together, so that to read one means to unpack all.
    """

    name: str
    dtype: str
    attrs: dict[str, Any]
    dims: tuple[str, ...]
    axes: Axes
    chunk: int

    @property
    def units(self) -> str:
        """Of the physical values; empty where the file names none."""
        return str(self.attrs.get("units", ""))


@dataclass(frozen=True, eq=False)
class Survey:
    """What is known of an input before it is read.

    Attributes
    ----------
    path, name : str
        Where it is, and what errors call it.
    size : int
        Bytes; of a store those of all its files.
    times : tuple of str
        ISO, to the second or, where seconds are not whole, finer; in the order of the file.
    calendar : str
        Of these times.
    time_name : str
        Of their coordinate.
    time_attrs, time_encoding : dict
        Attributes of the coordinate, and the units, calendar and type that it is stored in.
    variables : tuple of Form
        One for each variable that was asked for.
    shape : (int, int)
        Rows and columns.
    y, x : float64 array or None
        Their coordinates.
    cells : str
        Digest of the coordinates of single cells; empty where there are none.
    crs : tuple
        Items of the grid mapping; empty where there is none.
    """

    path: str
    name: str
    size: int
    times: tuple[str, ...]
    calendar: str
    time_name: str
    time_attrs: dict[str, Any]
    time_encoding: dict[str, Any]
    variables: tuple[Form, ...]
    shape: tuple[int, int]
    y: np.ndarray | None
    x: np.ndarray | None
    cells: str
    crs: tuple[tuple[str, str], ...]


def find_inputs(patterns: Sequence[str | os.PathLike[str]]) -> list[Path]:
    """Find the files and stores that patterns name.

    Parameters
    ----------
    patterns : sequence of path-like
        Each a file, a Zarr store, a folder (its netCDF files and stores) or a glob, in which
        ``**`` stands for folders of any depth.

    Returns
    -------
    list of pathlib.Path
        Each once, in natural order: ``a2.nc`` before ``a10.nc``.

    Raises
    ------
    FileNotFoundError
        If a pattern matches nothing.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("a10.nc", "a2.nc", "notes.txt"):
    ...         _ = Path(folder, name).write_text("")
    ...     [path.name for path in find_inputs([folder, f"{folder}/a1*"])]
    ['a2.nc', 'a10.nc']
    """
    if isinstance(patterns, str | os.PathLike):
        patterns = [patterns]
    found: dict[Path, Path] = {}
    for pattern in patterns:
        matches = _matches(Path(pattern).expanduser() if os.fspath(pattern) else None)
        if not matches:
            raise FileNotFoundError(
                f"{os.fspath(pattern)!r} matches no file: an input is a netCDF file, a Zarr store, "
                "a folder of them, or a pattern such as 'data/*.nc'"
            )
        for path in matches:
            found.setdefault(path.resolve(), path)
    return sorted(found.values(), key=_natural)


def _matches(pattern: Path | None) -> list[Path]:
    """List what one pattern names."""
    if pattern is None:
        return []
    if pattern.is_dir() and not is_store(pattern):
        inside = [path for path in pattern.iterdir() if not path.name.startswith(".")]
        return [path for path in inside if path.suffix.lower() in ENDINGS or is_store(path)]
    if pattern.exists():
        return [pattern]
    found = map(Path, glob.glob(os.fspath(pattern), recursive=True))  # noqa: PTH207 (takes any root)
    return [
        path
        for path in found
        if (path.is_file() or is_store(path)) and not any(map(is_store, path.parents))
    ]


def _natural(path: Path) -> list[list[str | int]]:
    """Split a path into parts and these into text and numbers, which are compared as such."""
    pieces = (re.split(r"([0-9]+)", part) for part in path.parts)
    return [[int(p) if i % 2 else p for i, p in enumerate(parts)] for parts in pieces]


def short_names(paths: Iterable[str | os.PathLike[str]]) -> list[str]:
    """Call files by their names, or where two are alike by their paths below a common folder.

    Examples
    --------
    >>> short_names(["/data/2009/a.nc", "/data/2010/b.nc"])
    ['a.nc', 'b.nc']
    >>> short_names(["/data/2009/a.nc", "/data/2010/a.nc"])
    ['2009/a.nc', '2010/a.nc']
    """
    whole = [Path(path).absolute() for path in paths]
    names = [path.name for path in whole]
    if len(set(names)) == len(names):
        return names
    common = os.path.commonpath([path.parent for path in whole])
    return [path.relative_to(common).as_posix() for path in whole]


def survey(
    path: str | os.PathLike[str],
    variables: str | Sequence[str] | None = None,
    *,
    name: str | None = None,
) -> Survey:
    """Look into an input.

    Parameters
    ----------
    path : path-like
        A netCDF file or a Zarr store.
    variables : str or sequence of str, optional
        The variables to read; may be left out where it has just one raster.
    name : str, optional
        What errors call it; by default the last part of `path`.

    Returns
    -------
    Survey
        Of these variables.

    Raises
    ------
    ArchiveError
        If it cannot be read, has no such variable, or the variable has no rows and columns or no
        dates.
    ValueError
        If `variables` is empty or names one twice.
    ImportError
        If it is a Zarr store and zarr is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from fastkm.raster import write_sample
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_sample(f"{folder}/sample.nc")
    ...     seen = survey(f"{folder}/sample.nc")
    >>> seen.times, seen.shape, seen.variables[0].units
    (('2009-10-16T00:00:00',), (180, 360), 'kg m-2')
    """
    called = Path(path).name if name is None else name
    names = [variables] if variables is None or isinstance(variables, str) else list(variables)
    if not names or len(set(names)) < len(names):
        raise ValueError(f"variables must be one or more, each once, got {variables!r}")
    try:
        with opened(path) as dataset:
            return _surveyed(dataset, path, called, names)
    except ArchiveError:
        raise
    except (OSError, ValueError) as error:
        raise ArchiveError(called, "", reason_of(error, path)) from error


def reason_of(error: BaseException, path: str | os.PathLike[str]) -> str:
    """Give what an error says without the path that it begins with."""
    known = error.strerror if isinstance(error, OSError) else None
    text = known or str(error) or type(error).__name__
    return text.removeprefix(os.fspath(path)).lstrip(": ")


def _surveyed(
    dataset: xr.Dataset,
    path: str | os.PathLike[str],
    name: str,
    variables: Sequence[str | None],
) -> Survey:
    arrays = [with_crs(choose_variable(dataset, v, path), dataset) for v in variables]
    forms = tuple(_form(array) for array in arrays)
    first, form = arrays[0], forms[0]
    for other in forms[1:]:
        if other.axes != form.axes:
            raise ArchiveError(
                name,
                "",
                f"variables must share time, rows and columns, but {form.name!r} has {form.dims} "
                f"and {other.name!r} has {other.dims}",
            )
    time = _time_coordinate(first, form.axes.time, name)
    times, calendar = _texts(time, name)
    crs = grid_mapping(first)
    items = {} if crs is None else first.coords[crs].attrs
    return Survey(
        path=os.fspath(Path(path).absolute()),  # workers may run in another folder
        name=name,
        size=size_of(path),
        times=times,
        calendar=calendar,
        time_name=str(time.name),
        time_attrs={k: v for k, v in time.attrs.items() if k not in {"bounds", "climatology"}},
        time_encoding={
            **{k: time.encoding[k] for k in ("units", "calendar") if k in time.encoding},
            "dtype": np.dtype(time.encoding.get("dtype", "f8")).newbyteorder("=").str,
        },
        variables=forms,
        shape=(first.sizes[form.axes.y], first.sizes[form.axes.x]),
        y=_centres(first, form.axes.y),
        x=_centres(first, form.axes.x),
        cells=_digest(first, form.axes),
        crs=tuple(sorted((str(key), str(value)) for key, value in items.items())),
    )


def _form(array: xr.DataArray) -> Form:
    time = _time_dim(array)
    if time is not None and not array.sizes[time]:
        raise ValueError(f"variable {array.name!r} has no step of time")
    plane = array if time is None else array.isel({time: 0}, drop=True)
    axes = find_axes(plane)
    return Form(
        name=str(array.name),
        dtype=array.dtype.newbyteorder("=").str,
        attrs={str(key): value for key, value in array.attrs.items()},
        dims=tuple(map(str, array.dims)),
        axes=Axes(time, axes.y, axes.x),
        chunk=_chunk(array, time),
    )


def _chunk(array: xr.DataArray, time: str | None) -> int:
    """Give the length of stored chunks along time; netCDF and Zarr have two words for chunks."""
    chunks = array.encoding.get("chunksizes") or array.encoding.get("chunks")
    return 1 if time is None or chunks is None else int(chunks[array.dims.index(time)])


def _time_dim(array: xr.DataArray) -> str | None:
    """Name the dimension of time: the one that is called so, or has dates."""
    dated = (str(d) for d in array.dims if d in array.coords and _has_dates(array[d]))
    return next(dated, None) or find_time(array)


def _has_dates(coordinate: xr.DataArray) -> bool:
    if coordinate.dtype.kind != "O":
        return bool(coordinate.dtype.kind == "M")
    return coordinate.size > 0 and hasattr(coordinate.values.flat[0], "calendar")


def _time_coordinate(array: xr.DataArray, dim: str | None, name: str) -> xr.DataArray:
    """Give the dates of a variable: a coordinate along time, or of no dimensions."""
    if dim is None:
        scalars = (c for c in array.coords.values() if not c.ndim and _has_dates(c))
        found = next(scalars, None)
        if found is None:
            raise ArchiveError(name, "", f"variable {array.name!r} has no time axis")
        return found
    if dim not in array.coords:
        raise ArchiveError(name, "", f"time axis {dim!r} has no coordinate, so no dates")
    time = array[dim]
    if not _has_dates(time):
        raise ArchiveError(
            name,
            "",
            f"time axis {dim!r} has no dates: its units are {time.attrs.get('units')!r}, "
            f"its calendar is {time.attrs.get('calendar', 'standard')!r}",
        )
    return time


def _texts(time: xr.DataArray, name: str) -> tuple[tuple[str, ...], str]:
    """Give times as ISO text, and the name of their calendar."""
    values = np.ravel(time.values)
    if values.dtype.kind == "M":
        if np.isnat(values).any():
            raise ArchiveError(name, "", f"time axis {time.name!r} has missing dates")
        exact = (values.astype("datetime64[s]") == values).all()
        texts = tuple(np.datetime_as_string(values, unit="s" if exact else "ns").tolist())
    else:
        whole = all(not date.microsecond for date in values)
        texts = tuple(d.isoformat(timespec="seconds" if whole else "microseconds") for d in values)
    if not all(text[:4].isdigit() and text[4] == "-" for text in texts):
        raise ArchiveError(name, "", f"years must be 0 to 9999, got {min(texts)} to {max(texts)}")
    given = str(time.encoding.get("calendar", "standard")).lower()
    calendar = _CALENDARS.get(given, given)
    if calendar == "proleptic_gregorian" and min(texts) >= _REFORM:
        calendar = "standard"
    return texts, calendar


def _centres(array: xr.DataArray, dim: str) -> np.ndarray | None:
    if dim not in array.coords or array[dim].dtype.kind not in "iuf":
        return None
    return np.asarray(array[dim].values, np.float64)


def _digest(array: xr.DataArray, axes: Axes) -> str:
    """Sum up coordinates that every cell has one of, latitudes and longitudes for the most part."""
    of_cells = [n for n, c in array.coords.items() if set(c.dims) == {axes.y, axes.x}]
    if not of_cells:
        return ""
    digest = hashlib.sha256()
    for coordinate in sorted(map(str, of_cells)):
        digest.update(np.ascontiguousarray(array[coordinate].transpose(axes.y, axes.x).values).data)
    return digest.hexdigest()


def size_of(path: str | os.PathLike[str]) -> int:
    """Give the bytes of a file, or of all files of a store."""
    path = Path(path)
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size
