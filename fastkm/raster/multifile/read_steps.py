"""Reading steps of an archive: from places in files to an array (time, y, x).

Where steps lie is told by `Place`: an input, and indices on its time axis. What comes of them is
told by `Outcome`: the numbers as stored, or decoded. Both are small and picklable, because with a
dask cluster they travel to the workers with each block, and nothing else does.

netCDF is opened with netCDF4 itself. A step of 720 x 1440 cells takes 18 ms, of which opening
is 0.4; xarray, which opens in 2 ms, is left to the stores. The libraries of netCDF and HDF5 are
not safe to call from two threads, so a lock is held from opening to closing: that of xarray, whose
own reading is then kept apart from this as well.
"""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core import cf_missing
from fastkm.errors import ArchiveError
from fastkm.raster.io.netcdf3 import require_whole
from fastkm.raster.io.open import is_store, netcdf_lock, opened_store
from fastkm.raster.io.read_netcdf import Bbox, masked, missing_cells, with_default_fill
from fastkm.raster.mask import kept_cells
from fastkm.raster.multifile.scan import Form, reason_of

if TYPE_CHECKING:
    import xarray as xr

RULES = ("_FillValue", "missing_value", "valid_min", "valid_max", "valid_range", "_Unsigned")
"""Attributes that say which numbers are missing, or how their bits are to be read."""

DAMAGE = (OSError, RuntimeError, ValueError, LookupError, EOFError, zlib.error)
"""What netCDF4, zarr and their codecs raise where data is damaged, or is no longer as surveyed."""


@dataclass(frozen=True, eq=False)
class Place:
    """Steps of one input.

    Attributes
    ----------
    path, name : str
        Where it is, and what errors call it.
    form : Form
        How it stores the variable.
    indices : tuple of int
        On its time axis.
    times : tuple of str
        What errors call the steps.
    """

    path: str
    name: str
    form: Form
    indices: tuple[int, ...]
    times: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Window:
    """The part of the grid that is read.

    Attributes
    ----------
    rows, columns : slice or int array
        Those of the input, in the order in which they come out.
    shape : (int, int)
        Their numbers.
    mask : str, optional
        A file that says which of these cells are kept.
    bbox : tuple of float, optional
        The box that the mask is cut by.
    """

    rows: slice | np.ndarray
    columns: slice | np.ndarray
    shape: tuple[int, int]
    mask: str | None = None
    bbox: Bbox | None = None


@dataclass(frozen=True, eq=False)
class Outcome:
    """What comes of a variable.

    Attributes
    ----------
    dtype : str
        Of the array.
    attrs, encoding : dict
        That describe it.
    absent : number
        What cells hold that a mask leaves out.
    decode : bool
        Whether missing cells become NaN and packed numbers physical ones.
    """

    dtype: str
    attrs: dict[str, Any]
    encoding: dict[str, Any]
    absent: Any
    decode: bool


@dataclass(frozen=True, eq=False)
class Block:
    """Steps to be read: what a task of dask is given."""

    places: tuple[Place, ...]
    window: Window
    outcome: Outcome


def load(block: Block) -> np.ndarray:
    """Read the steps of a block.

    Returns
    -------
    (steps, rows, columns) array
        Of the type of the outcome.

    Raises
    ------
    ArchiveError
        If a step cannot be read; it names the input and the step.
    """
    outcome, window = block.outcome, block.window
    count = sum(len(place.indices) for place in block.places)
    values = np.empty((count, *window.shape), outcome.dtype)
    start = 0
    for place in block.places:
        part = values[start : start + len(place.indices)]
        start += len(place.indices)
        if not outcome.decode:
            _fill(part, place, window)
        elif place.form.dtype == outcome.dtype and _is_unpacked(place.form):
            _fill(part, place, window)
            gone = missing_cells(_array(part, place.form))
            part[np.logical_or.reduce(list(gone.values()))] = np.nan
        else:
            stored = np.empty(part.shape, place.form.dtype)
            _fill(stored, place, window)
            part[...] = decoded(stored, place.form).values
    if window.mask is not None:
        values[:, ~_kept(window.mask, window.bbox, _stamp(window.mask))] = outcome.absent
    return values


def stored_outcome(forms: Sequence[Form], *, with_mask: bool) -> Outcome | None:
    """Describe a variable as stored; None where its inputs do not store it in one way.

    Parameters
    ----------
    forms : sequence of Form
        Of all inputs.
    with_mask : bool
        A mask leaves out cells, so there must be a number that stands for missing ones.
    """
    first = forms[0]
    if any(rules_of(form) != rules_of(first) for form in forms[1:]):
        return None
    described = with_default_fill(_array(np.zeros((1, 1, 1), first.dtype), first))
    absent = _marks_missing(described)
    if with_mask and absent is None:
        return None
    return Outcome(first.dtype, described.attrs, {"dtype": np.dtype(first.dtype)}, absent, False)


def decoded_outcome(forms: Sequence[Form]) -> Outcome:
    """Describe a variable as decoded: floats, of the widest type that an input needs."""
    samples = [decoded(np.zeros((1, 1, 1), form.dtype), form) for form in forms]
    floats = [np.result_type(sample.dtype, np.float16) for sample in samples]
    dtype = np.result_type(*floats)
    if any(sample.dtype.kind != "f" for sample in samples):  # as xarray makes room for NaN
        dtype = np.result_type(dtype, np.float32)
    alike = all(rules_of(form) == rules_of(forms[0]) for form in forms[1:])
    encoding = samples[0].encoding if alike else {}
    return Outcome(dtype.str, samples[0].attrs, encoding, np.nan, True)


def rules_of(form: Form) -> tuple[Any, ...]:
    """Give what decides which numbers are missing and what the others mean, to be compared."""
    said = [
        (name, form.attrs[name]) for name in (*RULES, *cf_missing.PACKING) if name in form.attrs
    ]
    return (form.dtype, *((n, np.asarray(v).dtype.str, np.asarray(v).tobytes()) for n, v in said))


def decoded(stored: np.ndarray, form: Form) -> xr.DataArray:
    """Decode numbers as `fastkm.read_raster` does: xarray first, then what it leaves unapplied."""
    import xarray as xr
    from xarray.conventions import decode_cf_variable

    variable = _array(stored, form).variable
    with _quiet(form):
        made = decode_cf_variable(form.name, variable, decode_times=False, decode_timedelta=False)
    array = xr.DataArray(made, name=form.name)
    array.encoding = made.encoding
    return masked(array.load())


def _is_unpacked(form: Form) -> bool:
    """Tell whether decoding only makes cells missing: in place, in half the time that xarray takes."""
    return np.dtype(form.dtype).kind == "f" and not set(cf_missing.PACKING) & set(form.attrs)


@contextmanager
def _quiet(form: Form) -> Iterator[None]:
    """Let xarray not warn of several fill values, which are decoded as they should be."""
    import xarray as xr

    if "missing_value" not in form.attrs:  # filters of warnings belong to all threads
        yield
        return
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*multiple fill values", xr.SerializationWarning)
        yield


def _array(values: np.ndarray, form: Form) -> xr.DataArray:
    import xarray as xr

    return xr.DataArray(values, dims=("time", "y", "x"), attrs=dict(form.attrs), name=form.name)


def _marks_missing(described: xr.DataArray) -> Any:
    """Give the stored number that stands for missing cells; None where none does."""
    fill = np.ravel(np.asarray(described.attrs.get("_FillValue", "")))
    if fill.dtype.kind not in "iuf" or len(fill) != 1:
        return None
    number = fill.astype(described.dtype)[0]
    probe = described.copy(data=np.full(described.shape, number))
    probe.attrs = described.attrs
    return number if cf_missing.missing(probe).all() else None


def _fill(out: np.ndarray, place: Place, window: Window) -> None:
    """Read the steps of one input as stored into `out`."""
    form, row = place.form, 0
    try:
        with _variable(place.path, form.name) as variable:
            if _fill_at_once(out, variable, place, window):
                return
            for row, index in enumerate(place.indices):
                key = _key(form, index, window)
                out[row] = _cut(np.asarray(variable[key]), form, window)
    except DAMAGE as error:
        reason = f"cannot be read: {reason_of(error, place.path)}"
        raise ArchiveError(place.name, place.times[row], reason) from error


def _fill_at_once(out: np.ndarray, variable: Any, place: Place, window: Window) -> bool:
    """Read steps that are stored together, so that their chunk is unpacked once.

    Returns
    -------
    bool
        False where they must be read one by one: because that is as fast, or to find out which of them
        is damaged.
    """
    form, first, last = place.form, place.indices[0], place.indices[-1]
    if form.chunk == 1 or place.indices != tuple(range(first, last + 1)):
        return False
    try:
        read = np.asarray(variable[_key(form, slice(first, last + 1), window)])
    except DAMAGE:
        return False
    dims = [dim for dim in form.dims if dim in form.axes]
    read = np.moveaxis(read, dims.index(str(form.axes.time)), 0)
    for row, step in enumerate(read):
        out[row] = _cut(step, form, window)
    return True


@contextmanager
def _variable(path: str, name: str) -> Iterator[Any]:
    """Open an input and give a variable that yields stored numbers when it is indexed."""
    if is_store(path):
        with opened_store(path, decode_cf=False) as dataset:
            yield dataset.variables[name]
        return
    import netCDF4

    require_whole(path)
    with netcdf_lock(), netCDF4.Dataset(path) as file:
        variable = file.variables[name]
        variable.set_auto_maskandscale(False)
        variable.set_auto_chartostring(False)
        yield variable


def _key(form: Form, index: int | slice, window: Window) -> tuple[int | slice, ...]:
    """Index a step or some, the whole of its rows and columns or what lies between the outermost."""
    of_dim: dict[str | None, int | slice] = {
        form.axes.time: index,
        form.axes.y: _span(window.rows),
        form.axes.x: _span(window.columns),
    }
    return tuple(of_dim.get(dim, 0) for dim in form.dims)


def _span(chosen: slice | np.ndarray) -> slice:
    if isinstance(chosen, slice):
        return chosen
    return slice(int(chosen.min()), int(chosen.max()) + 1)


def _cut(read: np.ndarray, form: Form, window: Window) -> np.ndarray:
    """Order rows and columns, and choose among them where they are not in a row."""
    if form.dims.index(form.axes.x) < form.dims.index(form.axes.y):
        read = read.T
    if not isinstance(window.rows, slice):
        read = read[window.rows - window.rows.min()]
    if not isinstance(window.columns, slice):
        read = read[:, window.columns - window.columns.min()]
    return read


def _stamp(path: str) -> tuple[int, int]:
    """Tell one content of a file from another."""
    status = Path(path).stat()
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=4)
def _kept(path: str, bbox: Bbox | None, stamp: tuple[int, int]) -> np.ndarray:  # noqa: ARG001
    """Read a mask once in a process, which costs as much as reading a step."""
    keep = kept_cells(path, bbox=bbox)
    keep.flags.writeable = False
    return keep
