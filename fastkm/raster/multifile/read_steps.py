"""Read steps of a series: from positions in files to an array (time, y, x).

`FileSteps` holds where steps lie: an input, and indices on its time axis. `OutputFormat` holds what
they become: the numbers as stored, or decoded. Both are small and picklable, because with a dask
cluster they travel to the workers with each block, and nothing else does.

netCDF files are opened with netCDF4 itself. A step of 720 x 1440 cells takes 18 ms, of which
opening is 0.4; xarray takes 2 ms to open, and is used for Zarr stores only. The libraries of netCDF
and HDF5 are not safe to call from two threads, so a lock is held from opening to closing. It is
xarray's lock, so xarray's own reading does not run at the same time either.
"""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core import cf_missing, cf_rules
from fastkm.errors import ArchiveError
from fastkm.raster.io.clean_dataset import decode_numbers
from fastkm.raster.io.lazy.masks import find_missing_number
from fastkm.raster.io.open import (
    is_zarr_store,
    netcdf_lock,
    open_netcdf4,
    open_zarr,
    require_complete,
)
from fastkm.raster.io.read_netcdf import add_default_fill, find_missing_cells, mask_missing
from fastkm.raster.io.stamps import CHANGED, Stamp
from fastkm.raster.multifile.grid_window import GridWindow, find_kept
from fastkm.raster.multifile.scan import StoredVariable, extract_reason
from fastkm.raster.multifile.stamps import hash_times, require_unchanged

if TYPE_CHECKING:
    import xarray as xr

DAMAGE = (OSError, RuntimeError, ValueError, LookupError, EOFError, zlib.error)
"""What netCDF4, zarr and their codecs raise if data is damaged, or has changed since the scan."""


@dataclass(frozen=True, eq=False)
class FileSteps:
    """Steps of one input: how it stores the variable, and their positions on its time axis.

    `name` and `times` are the names of the input and of its steps in error messages. `stamp` and
    `times_digest`, of the coordinate `time_name`, are those of the input when it was scanned.
    """

    path: str
    name: str
    variable: StoredVariable
    indices: tuple[int, ...]
    times: tuple[str, ...]
    stamp: Stamp
    arrays: tuple[str, ...]
    time_name: str
    times_digest: str


@dataclass(frozen=True, eq=False)
class OutputFormat:
    """The array that a variable becomes: its type, attributes and encoding.

    `masked_value` is that of the cells outside the mask. `decode` says whether missing cells become
    NaN and packed numbers physical ones.
    """

    dtype: str
    attrs: dict[str, Any]
    encoding: dict[str, Any]
    masked_value: Any
    decode: bool


@dataclass(frozen=True, eq=False)
class Block:
    """What to read for one block of dask: its steps by file, the cells, and the output format."""

    files: tuple[FileSteps, ...]
    window: GridWindow
    output_format: OutputFormat


def read_block(block: Block) -> np.ndarray:
    """Read the steps of a block: (steps, rows, columns), in the output format.

    Raises
    ------
    ArchiveError
        If a step cannot be read; it names the input and the step.
    """
    output_format, window = block.output_format, block.window
    count = sum(len(steps.indices) for steps in block.files)
    values = np.empty((count, *window.shape), output_format.dtype)
    start = 0
    for steps in block.files:
        out = values[start : start + len(steps.indices)]
        start += len(steps.indices)
        variable = steps.variable
        if not output_format.decode:
            _read_steps(out, steps, window)
        elif variable.dtype == output_format.dtype and _needs_no_unpacking(variable):
            # decode in steps, in half the time that xarray takes
            _read_steps(out, steps, window)
            missing = find_missing_cells(_to_data_array(out, variable))
            out[np.logical_or.reduce(list(missing.values()))] = np.nan
        else:
            stored = np.empty(out.shape, variable.dtype)
            _read_steps(stored, steps, window)
            out[...] = decode_steps(stored, variable).values
    keep = find_kept(window)
    if keep is not None:
        values[:, ~keep] = output_format.masked_value
    return values


def find_stored_format(
    variables: Sequence[StoredVariable], *, with_mask: bool
) -> OutputFormat | None:
    """Find the format of a variable as stored; None if its inputs store it in different ways.

    If a mask leaves out cells, there must also be a number that stands for missing ones.
    """
    first = variables[0]
    if not _has_one_encoding(variables):
        return None
    described = add_default_fill(_to_data_array(np.zeros((1, 1, 1), first.dtype), first))
    absent = find_missing_number(described)
    if with_mask and absent is None:
        return None
    encoding = {"dtype": np.dtype(first.dtype)}
    return OutputFormat(first.dtype, described.attrs, encoding, absent, False)


def find_decoded_format(variables: Sequence[StoredVariable]) -> OutputFormat:
    """Find the format of a variable as decoded: floats, of the widest type that an input needs."""
    samples = [decode_steps(np.zeros((1, 1, 1), one.dtype), one) for one in variables]
    floats = [np.result_type(sample.dtype, np.float16) for sample in samples]
    dtype = np.result_type(*floats)
    if any(sample.dtype.kind != "f" for sample in samples):  # as xarray makes room for NaN
        dtype = np.result_type(dtype, np.float32)
    encoding = samples[0].encoding if _has_one_encoding(variables) else {}
    return OutputFormat(dtype.str, samples[0].attrs, encoding, np.nan, True)


def make_decoding_key(variable: StoredVariable) -> tuple[Any, ...]:
    """Return what decides which numbers are missing and what the others mean, for comparison."""
    rules = {n: np.asarray(v) for n, v in cf_missing.select_rules(variable.attrs).items()}
    return (variable.dtype, *((n, v.dtype.str, v.tobytes()) for n, v in rules.items()))


def _has_one_encoding(variables: Sequence[StoredVariable]) -> bool:
    """Return True if all inputs store a variable in one way."""
    keys = [make_decoding_key(variable) for variable in variables]
    return all(key == keys[0] for key in keys)


def decode_steps(stored: np.ndarray, variable: StoredVariable) -> xr.DataArray:
    """Decode numbers as `fastkm.read_raster` does: first xarray, then the rules it ignores."""
    import xarray as xr

    raw = _to_data_array(stored, variable).variable
    with _ignore_fill_warnings(variable):
        decoded = decode_numbers(variable.name, raw)
    array = xr.DataArray(decoded, name=variable.name)
    array.encoding = decoded.encoding
    with np.errstate(over="ignore"):  # see `mask_missing`
        return mask_missing(array.load())


def _needs_no_unpacking(variable: StoredVariable) -> bool:
    """Return True if decoding changes nothing but missing cells."""
    return np.dtype(variable.dtype).kind == "f" and not cf_rules.is_packed(variable.attrs)


@contextmanager
def _ignore_fill_warnings(variable: StoredVariable) -> Iterator[None]:
    """Ignore xarray's warning of several fill values, which it decodes correctly."""
    import xarray as xr

    if "missing_value" not in variable.attrs:  # filters of warnings belong to all threads
        yield
        return
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*multiple fill values", xr.SerializationWarning)
        yield


def _to_data_array(values: np.ndarray, variable: StoredVariable) -> xr.DataArray:
    import xarray as xr

    return xr.DataArray(
        values, dims=("time", "y", "x"), attrs=dict(variable.attrs), name=variable.name
    )


def _read_steps(out: np.ndarray, steps: FileSteps, window: GridWindow) -> None:
    """Read the steps of one input as stored into `out`."""
    variable, row = steps.variable, 0
    try:
        with (
            open_stored_variable(steps.path, variable.name) as source,
            _require_unchanged(steps, source),
        ):
            if _read_steps_at_once(out, source, steps, window):
                return
            for row, index in enumerate(steps.indices):
                key = _make_index(variable, index, window)
                out[row] = _arrange(np.asarray(source[key]), variable, window)
    except ArchiveError as error:
        raise ArchiveError(steps.name, steps.times[row], error.reason) from None
    except DAMAGE as error:
        reason = f"cannot be read: {extract_reason(error, steps.path)}"
        raise ArchiveError(steps.name, steps.times[row], reason) from error


@contextmanager
def _require_unchanged(steps: FileSteps, source: Any) -> Iterator[None]:
    """Raise an ArchiveError if, before or after, an open input is not what it was when scanned."""
    check = partial(require_unchanged, steps.path, steps.name, steps.stamp, steps.arrays)
    check()
    if hash_times(source, steps.time_name) != steps.times_digest:
        raise ArchiveError(steps.name, "", CHANGED)
    yield
    check()


def _read_steps_at_once(out: np.ndarray, source: Any, steps: FileSteps, window: GridWindow) -> bool:
    """Read steps that are stored together at once, so that their chunk is unpacked once.

    Return False if they must be read one by one: because that is as fast, or to find out which of
    them is damaged.
    """
    variable, first, last = steps.variable, steps.indices[0], steps.indices[-1]
    if variable.steps_per_chunk == 1 or steps.indices != tuple(range(first, last + 1)):
        return False
    try:
        read = np.asarray(source[_make_index(variable, slice(first, last + 1), window)])
    except DAMAGE:
        return False
    dims = [dim for dim in variable.dims if dim in variable.axes]
    read = np.moveaxis(read, dims.index(str(variable.axes.time)), 0)
    for row, step in enumerate(read):
        out[row] = _arrange(step, variable, window)
    return True


@contextmanager
def open_stored_variable(path: str, name: str) -> Iterator[Any]:
    """Open an input and yield a variable that returns stored numbers when it is indexed."""
    if is_zarr_store(path):
        group, _, own = name.rpartition("/")
        with open_zarr(path, group=group, decode=None) as dataset:
            yield dataset.variables[own]
        return
    require_complete(path)
    with open_netcdf4(path) as file, netcdf_lock():
        variable = file[name]
        variable.set_auto_maskandscale(False)
        variable.set_auto_chartostring(False)
        yield variable


def _make_index(
    variable: StoredVariable, index: int | slice, window: GridWindow
) -> tuple[int | slice, ...]:
    """Make the index of one or some steps: from the first to the last row and column needed."""
    of_dim: dict[str | None, int | slice] = {
        variable.axes.time: index,
        variable.axes.y: _to_covering_slice(window.rows),
        variable.axes.x: _to_covering_slice(window.columns),
    }
    return tuple(of_dim.get(dim, variable.positions.get(dim, 0)) for dim in variable.dims)


def _to_covering_slice(chosen: slice | np.ndarray) -> slice:
    if isinstance(chosen, slice):
        return chosen
    return slice(int(chosen.min()), int(chosen.max()) + 1)


def _arrange(read: np.ndarray, variable: StoredVariable, window: GridWindow) -> np.ndarray:
    """Order rows and columns, and select among them if they are not consecutive."""
    if variable.dims.index(variable.axes.x) < variable.dims.index(variable.axes.y):
        read = read.T
    if not isinstance(window.rows, slice):
        read = read[window.rows - window.rows.min()]
    if not isinstance(window.columns, slice):
        read = read[:, window.columns - window.columns.min()]
    return read
