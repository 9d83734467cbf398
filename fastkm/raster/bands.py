"""Stacks: the bands of a raster on one grid, and their cells as rows of numbers.

K-means takes rows, one per cell, with one number per band. A `DataArray` of dimensions (band, y, x)
has this form already if its axes are seen in another order: its cells are Fortran-ordered rows and
are not copied, unless some are missing or the bands are to be divided by their deviations. A cell
that is missing in any band is missing; the attributes of each band say which of its cells are.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastkm._core import cf_missing, cf_rules, validation
from fastkm._core.attributes import carry_crs, read_text
from fastkm._core.cf_missing import settle_all
from fastkm._core.notes import warn_user
from fastkm.cluster.lloyd.cell_reader import raise_infinite
from fastkm.cluster.streaming.arrays import (
    RawArray,
    align_weights,
    as_raw_array,
    broadcast_weights,
    is_lazy,
)
from fastkm.raster.grid.axes import find_raster_variables, find_stack_axes
from fastkm.raster.grid.location import attach_location

if TYPE_CHECKING:
    import xarray as xr

BLOCK = 1 << 16
"""Cells at a time for which a deviation is computed, so that no copy of a band is made."""


@dataclass(frozen=True, eq=False)
class BandStack:
    """Rasters on one grid, the bands.

    Attributes
    ----------
    bands : tuple of xarray.DataArray
        Dimensions (y, x); each with the attributes that say which of its cells are missing.
    names, units : tuple of str
        One per band; the names differ.
    values : (d, y, x) array or None
        The bands as one array, if they come as one and hold physical numbers.
    whole : (d, y, x) array of numpy or dask, or None
        The bands as one array, as they are stored, if they come as one.
    """

    bands: tuple[xr.DataArray, ...]
    names: tuple[str, ...]
    units: tuple[str, ...]
    values: np.ndarray | None = None
    whole: Any = None

    @property
    def grid(self) -> xr.DataArray:
        """A band, for its dimensions and coordinates."""
        return self.bands[0]

    @property
    def is_lazy(self) -> bool:
        """Whether some band is of dask."""
        return any(is_lazy(band.data) for band in self.bands)

    def take_columns(self, bands: tuple[xr.DataArray, ...]) -> BandStack:
        """Return the stack of the first columns of its bands, which are given."""
        columns = bands[0].shape[1]
        values, whole = (
            None if array is None else array[:, :, :columns] for array in (self.values, self.whole)
        )
        return replace(self, bands=bands, values=values, whole=whole)

    def take_arrays(self) -> tuple[Any, ...]:
        """Return the bands as stored: one array (d, y, x), or arrays (y, x) of the same chunks."""
        if self.whole is not None:
            return (self.whole,)
        arrays = [band.data for band in self.bands]
        if not self.is_lazy:
            return tuple(arrays)
        from dask.array import asarray

        chunks = next(array.chunks for array in arrays if is_lazy(array))
        return tuple(asarray(array).rechunk(chunks) for array in arrays)


class CellRows(NamedTuple):
    """Cells that are missing in no band: their numbers, (n, d), in the order of the raster.

    `valid`, (y, x), says which cells these are; it is None if no cell is missing.
    """

    rows: np.ndarray
    valid: np.ndarray | None

    def to_grid(self, labels: np.ndarray, dtype: np.dtype, grid: xr.DataArray) -> np.ndarray:
        """Return the labels of the rows as an array on the grid, -1 where cells are missing."""
        if self.valid is None:
            return labels.astype(dtype, copy=False).reshape(grid.shape)
        label_map = np.full(grid.shape, -1, dtype)
        label_map[self.valid] = labels
        return label_map


def as_band_stack(raster: Any, *, load: bool = False) -> BandStack:
    """Return the bands of a raster, a dataset or an array of two or three dimensions, as a stack.

    Bands of dask stay lazy, with all attributes that they have, unless they are to be loaded.

    Raises
    ------
    TypeError
        If it is neither, or does not hold real numbers.
    ValueError
        If it is not a raster, has no cells, or the variables of a dataset lie on different grids.

    Examples
    --------
    >>> import xarray as xr
    >>> months = {"month": ["May", "June"]}
    >>> as_band_stack(xr.DataArray(np.zeros((2, 3, 4)), months, ("month", "y", "x"))).names
    ('May', 'June')
    """
    if hasattr(raster, "data_vars"):
        return _stack_variables(raster, load)
    if not cf_missing.is_described_array(raster) or not hasattr(raster, "isel"):
        validation.refuse_path("raster", raster)
        dims = ("y", "x") if getattr(raster, "ndim", 3) == 2 else ("band", "y", "x")
        raise TypeError(
            f"raster must be an xarray DataArray or Dataset, got {type(raster).__name__}: wrap a "
            f"plain array, xarray.DataArray(array, dims={dims})"
        )
    return _stack_array(raster, load)


def gather_rows(
    stack: BandStack, scale: np.ndarray | None = None, *, copy: bool = False
) -> CellRows:
    """Gather the cells that are missing in no band, divided by `scale` if it is given.

    Raises
    ------
    ValueError
        If a band holds an infinity, which cannot be clustered.
    """
    # without a copy, if the cells are rows already
    valid = _find_valid(stack)
    whole = stack.values
    needs_no_copy = valid is None and scale is None and not copy
    if needs_no_copy and whole is not None and whole.dtype.isnative:
        return CellRows(np.moveaxis(whole, 0, -1).reshape(-1, len(whole)), None)
    # otherwise band by band
    cells = stack.grid.size if valid is None else int(np.count_nonzero(valid))
    kinds = [cf_missing.to_physical(band[:0]).dtype for band in stack.bands]
    columns = np.empty((len(kinds), cells), validation.choose_working_dtype(*kinds))
    for column, band in zip(columns, stack.bands, strict=True):
        numbers = cf_missing.to_physical(band)
        column[...] = numbers.reshape(-1) if valid is None else numbers[valid]
    if scale is not None:
        columns /= scale[:, None].astype(columns.dtype)
    return CellRows(columns.T, valid)


def compute_deviations(rows: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Compute the standard deviation of each band; 1 for a constant one, with a warning.

    Warns
    -----
    RuntimeWarning
        If a band is constant, as `fastkm.whiten` does.
    """
    found = np.array([_compute_deviation(column) for column in rows.T])
    return replace_zeros(found, names)


def replace_zeros(deviations: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Replace deviations of zero by 1, with a warning."""
    constant = deviations == 0
    if constant.any():
        listed = ", ".join(repr(name) for name, same in zip(names, constant, strict=True) if same)
        warn_user(
            f"bands of standard deviation zero are not standardised: {listed}", RuntimeWarning
        )
    return np.where(constant, 1.0, deviations)


def plain_weights(weights: Any, stack: BandStack) -> Any:
    """Return weights as numbers that broadcast to the grid of a stack; lazy ones stay lazy."""
    own = align_weights(weights, as_raw_array(stack.grid, "raster"))
    if not is_lazy(own.values):
        return np.asarray(broadcast_weights(own, own.shape), np.float64)
    return own.values.map_blocks(_unpack_weights, rules=own, dtype=np.float64)


def broadcast_to_grid(weights: Any, stack: BandStack) -> np.ndarray:
    """Broadcast weights to the grid of a stack, or raise TypeError or ValueError."""
    own = align_weights(weights, as_raw_array(stack.grid, "raster"))
    return broadcast_weights(own.load(), stack.grid.shape)


def _unpack_weights(block: Any, *, rules: RawArray) -> np.ndarray:
    computed = as_raw_array(block, "weights")
    own = replace(rules, values=computed.values, mask=computed.mask)
    return np.asarray(broadcast_weights(own, own.shape), np.float64)


def _compute_deviation(column: np.ndarray) -> float:
    """Compute a standard deviation in float64, block by block."""
    if column.max() == column.min():
        return 0.0
    mean = column.mean(dtype=np.float64)
    squares = 0.0
    for start in range(0, len(column), BLOCK):
        off = column[start : start + BLOCK] - mean
        squares += float(off @ off)
    return (squares / len(column)) ** 0.5


def _find_valid(stack: BandStack) -> np.ndarray | None:
    """Find the cells that are missing in no band; None if no cell is missing."""
    valid = None
    for name, band in zip(stack.names, stack.bands, strict=True):
        missing = _find_missing(band, name)
        if missing is not None:
            valid = ~missing if valid is None else np.logical_and(valid, ~missing, out=valid)
    return valid


def _find_missing(band: xr.DataArray, name: str) -> np.ndarray | None:
    """Find the missing cells of a band; None if there are none. Raise if others are infinite."""
    cells = as_raw_array(band, f"band {name!r}")
    missing = cells.find_missing()
    if cells.values.dtype.kind == "f":
        finite = np.isfinite(cells.values)
        if not finite.all():
            nan = np.isnan(cells.values)
            missing = nan if missing is None else missing | nan
            infinite = np.count_nonzero(~(finite | missing))
            if infinite:
                raise_infinite(int(infinite), name)
    return missing if missing is not None and missing.any() else None


def _stack_variables(dataset: xr.Dataset, load: bool) -> BandStack:
    """Return the variables of a dataset as bands."""
    names = find_raster_variables(dataset)
    if not names:
        raise ValueError("raster must hold variables with rows and columns, got none")
    planes = [_to_plane(attach_location(dataset[name], dataset), load) for name in names]
    bands = planes if any(is_lazy(plane.data) for plane in planes) else settle_all(planes)
    for name, band in zip(names, bands, strict=True):
        if band.dims != bands[0].dims:
            raise ValueError(
                f"the variables of raster must share rows and columns, got {names[0]!r} on "
                f"{bands[0].dims} and {name!r} on {band.dims}"
            )
    units = tuple(read_text(band.attrs, "units") for band in bands)
    return BandStack(tuple(bands), tuple(names), units)


def _to_plane(array: xr.DataArray, load: bool) -> xr.DataArray:
    """Return a variable without bands in the order (y, x)."""
    axes = find_stack_axes(array)
    if axes.band is not None and array.sizes[axes.band] > 1:
        raise ValueError(
            f"a dataset's variables must have rows and columns only, got {array.name!r} with "
            f"{axes.band!r} of {array.sizes[axes.band]}; choose one step of it first, or give "
            "the variable by itself"
        )
    plane = _squeeze_others(array, (axes.y, axes.x)).transpose(axes.y, axes.x)
    plane = _drop_neutral_packing(plane)
    return _compute_lazy(plane) if load else plane


def _stack_array(array: xr.DataArray, load: bool) -> BandStack:
    """Return the steps of the third dimension of an array as bands."""
    axes = find_stack_axes(array)
    if axes.band is None or array.sizes[axes.band] == 1:
        name = _name_single_band(array, axes.band)
        plane = _to_plane(array, load)
        plane = plane if is_lazy(plane.data) else cf_missing.settle(plane)
        return BandStack((plane,), (name,), (read_text(array.attrs, "units"),))
    array = _drop_neutral_packing(_squeeze_others(array, axes).transpose(*axes))
    lazy = is_lazy(array.data) and not load
    array = array.chunk({axes.band: -1}) if lazy else cf_missing.settle(_compute_lazy(array))
    if not array.size:
        raise ValueError(f"raster must have cells, got shape {array.shape}")
    count = array.sizes[axes.band]
    bands = tuple(array.isel({axes.band: j}, drop=True) for j in range(count))
    plain = not any(name in array.attrs for name in (*cf_rules.PACKING, "_Unsigned"))
    values = array.values if plain and not lazy and array.dtype.kind in "iuf" else None
    names, units = name_bands(array, axes.band), _get_units(array, count)
    return BandStack(bands, names, units, values, array.data)


def _name_single_band(array: xr.DataArray, dim: str | None) -> str:
    """Name a single band like the array or, if that has no name, by its step."""
    if array.name is not None:
        return str(array.name)
    return name_bands(array, dim)[0] if dim is not None and dim in array.coords else "values"


def _squeeze_others(array: xr.DataArray, keep: tuple[str | None, ...]) -> xr.DataArray:
    """Drop all other dimensions, which have one step; their coordinates become scalar ones."""
    return array.squeeze([dim for dim in array.dims if dim not in keep])


def _drop_neutral_packing(array: xr.DataArray) -> xr.DataArray:
    """Drop a scale of 1 and an offset of 0, which rioxarray attaches to every raster."""
    neutral = {"scale_factor": 1.0, "add_offset": 0.0}
    given = {name: array.attrs[name] for name in neutral if name in array.attrs}
    if not given or any(np.any(np.asarray(given[name]) != neutral[name]) for name in given):
        return array
    plain = array.copy(deep=False)
    plain.attrs = {name: value for name, value in array.attrs.items() if name not in neutral}
    return plain


def _compute_lazy(array: xr.DataArray) -> xr.DataArray:
    """Load an array of dask once."""
    return carry_crs(array, array.compute()) if is_lazy(array.data) else array


def _get_units(array: xr.DataArray, count: int) -> tuple[str, ...]:
    """Return the units of each band: the same for all, or one per band, as GDAL has them."""
    units = array.attrs.get("units", "")
    if isinstance(units, tuple | list) and len(units) == count:
        return tuple("" if one is None else str(one) for one in units)
    return (read_text(array.attrs, "units"),) * count


def name_bands(array: xr.DataArray, dim: str) -> tuple[str, ...]:
    """Name the steps of a dimension by words or, if there are none, by dates or numbers.

    All names differ.

    Examples
    --------
    >>> import xarray as xr
    >>> months = np.array(["2009-10-01", "2009-11-01"], "M8[ns]")
    >>> name_bands(xr.DataArray([1.0, 2.0], {"time": months}, ("time",)), "time")
    ('2009-10-01', '2009-11-01')
    """
    count = array.sizes[dim]
    steps = np.asarray(array[dim].values) if dim in array.coords else None
    words = array.attrs.get("long_name")
    if steps is not None and all(isinstance(step, str | bytes) for step in steps):
        names = [str(step) for step in steps]
    elif isinstance(words, tuple | list) and len(words) == count and any(words):
        names = [str(word or f"{dim} {number}") for number, word in enumerate(words, 1)]
    elif steps is None:
        names = [f"{dim} {number}" for number in range(1, count + 1)]
    else:
        names = _format_steps(steps, dim)
    return make_unique(names)


def _format_steps(steps: np.ndarray, dim: str) -> list[str]:
    """Format numbers behind a word, and dates in ISO form, without the time if days differ."""
    if steps.dtype.kind in "iuf":
        return [f"{dim} {step:.7g}" for step in steps]
    dates = [str(step).replace(" ", "T") for step in steps]
    days = [date.split("T")[0] for date in dates]
    return days if len(set(days)) == len(days) else [date.split(".")[0] for date in dates]


def make_unique(names: list[str], pattern: str = "{} ({})") -> tuple[str, ...]:
    """Append a number to names that occur again, by a pattern of name and number.

    Examples
    --------
    >>> make_unique(["red", "red", "nir"])
    ('red', 'red (2)', 'nir')
    """
    unique: list[str] = []
    for name in names:
        numbered = (pattern.format(name, number) for number in itertools.count(2))
        candidates = itertools.chain([name], numbered)
        unique.append(next(word for word in candidates if word not in unique))
    return tuple(unique)
