"""Stacks: the bands of a raster on one grid, and their cells as rows of numbers.

K-means takes rows, one a cell, with a number a band. A `DataArray` of dimensions (band, y, x) is
that already, seen from the side: its cells are Fortran-ordered rows and are not copied, unless
some are missing or the bands are to be divided by their deviations. What is missing in any band is
missing; each band says by its own attributes what that is.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastkm._core import cf_missing, validation
from fastkm.cluster.streaming.arrays import align_weights, as_raw_array, broadcast_weights, is_lazy
from fastkm.raster.grid.axes import find_stack_axes, raster_variables
from fastkm.raster.grid.crs import carry_crs, with_crs

if TYPE_CHECKING:
    import xarray as xr

BLOCK = 1 << 16
"""Cells at a time of which a deviation is measured, so that no copy of a band is made."""


@dataclass(frozen=True, eq=False)
class Stack:
    """Bands on one grid.

    Attributes
    ----------
    bands : tuple of xarray.DataArray
        Dimensions (y, x); each with the attributes that say what is missing in it.
    names, units : tuple of str
        One a band; the names differ.
    values : (d, y, x) array or None
        The bands as one array, where they are one and hold physical numbers.
    """

    bands: tuple[xr.DataArray, ...]
    names: tuple[str, ...]
    units: tuple[str, ...]
    values: np.ndarray | None = None

    @property
    def grid(self) -> xr.DataArray:
        """A band, for its dimensions and coordinates."""
        return self.bands[0]


class Rows(NamedTuple):
    """Cells that are missing in no band.

    Attributes
    ----------
    rows : (n, d) array
        Row by row of the raster.
    valid : (y, x) bool array or None
        Where they lie; None where no cell is missing.
    """

    rows: np.ndarray
    valid: np.ndarray | None

    def spread(self, labels: np.ndarray, dtype: np.dtype, grid: xr.DataArray) -> np.ndarray:
        """Lay labels of the rows out on the grid, -1 where cells are missing."""
        if self.valid is None:
            return labels.astype(dtype, copy=False).reshape(grid.shape)
        laid = np.full(grid.shape, -1, dtype)
        laid[self.valid] = labels
        return laid


def stack_of(raster: Any) -> Stack:
    """Take a raster of any number of bands apart.

    Parameters
    ----------
    raster : xarray.DataArray or xarray.Dataset
        A dataset of rasters on one grid, or an array of two or three dimensions.

    Raises
    ------
    TypeError
        If it is neither, or does not hold real numbers.
    ValueError
        If it is no raster, has no cells, or the variables of a dataset lie on different grids.

    Examples
    --------
    >>> import xarray as xr
    >>> months = {"month": ["May", "June"]}
    >>> stack_of(xr.DataArray(np.zeros((2, 3, 4)), months, ("month", "y", "x"))).names
    ('May', 'June')
    """
    if hasattr(raster, "data_vars"):
        return _of_variables(raster)
    if not cf_missing.describes_itself(raster) or not hasattr(raster, "isel"):
        raise TypeError(
            "raster must be an xarray DataArray or Dataset (wrap a plain array, "
            f"xarray.DataArray(array, dims=('band', 'y', 'x'))), got {type(raster).__name__}"
        )
    return _of_array(raster)


def gathered(stack: Stack, scale: np.ndarray | None = None, *, copy: bool = False) -> Rows:
    """Gather the cells that are missing in no band, divided by `scale` where it is given.

    Raises
    ------
    ValueError
        If a band holds an infinity, which is no number to cluster.
    """
    valid = _valid(stack)
    whole = stack.values
    untouched = valid is None and scale is None and not copy
    if untouched and whole is not None and whole.dtype.isnative:
        return Rows(np.moveaxis(whole, 0, -1).reshape(-1, len(whole)), None)
    cells = stack.grid.size if valid is None else int(np.count_nonzero(valid))
    kinds = [cf_missing.physical(band[:0]).dtype for band in stack.bands]
    columns = np.empty((len(kinds), cells), validation.working_dtype(*kinds))
    for column, band in zip(columns, stack.bands, strict=True):
        numbers = cf_missing.physical(band)
        column[...] = numbers.reshape(-1) if valid is None else numbers[valid]
    if scale is not None:
        columns /= scale[:, None].astype(columns.dtype)
    return Rows(columns.T, valid)


def deviations(rows: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Measure the standard deviation of each band; 1 for a constant one, with a warning.

    Warns
    -----
    RuntimeWarning
        If a band is constant, as `fastkm.whiten` does.
    """
    found = np.array([_deviation(column) for column in rows.T])
    constant = found == 0
    if constant.any():
        listed = ", ".join(repr(name) for name, same in zip(names, constant, strict=True) if same)
        warnings.warn(
            f"bands of standard deviation zero are not standardised: {listed}",
            RuntimeWarning,
            stacklevel=4,
        )
    return np.where(constant, 1.0, found)


def weights_on(weights: Any, stack: Stack) -> np.ndarray:
    """Lay weights over the grid of a stack.

    Raises
    ------
    TypeError, ValueError
        If they are not real numbers, or do not broadcast to rows and columns.
    """
    own = align_weights(weights, as_raw_array(stack.grid, "raster"))
    return broadcast_weights(own.load(), stack.grid.shape)


def _deviation(column: np.ndarray) -> float:
    """Measure in float64, block by block."""
    if column.max() == column.min():
        return 0.0
    mean = column.mean(dtype=np.float64)
    squares = 0.0
    for start in range(0, len(column), BLOCK):
        off = column[start : start + BLOCK] - mean
        squares += float(off @ off)
    return (squares / len(column)) ** 0.5


def _valid(stack: Stack) -> np.ndarray | None:
    """Find the cells that are missing in no band; None where none is missing."""
    valid = None
    for name, band in zip(stack.names, stack.bands, strict=True):
        gone = _gone(band, name)
        if gone is not None:
            valid = ~gone if valid is None else np.logical_and(valid, ~gone, out=valid)
    return valid


def _gone(band: xr.DataArray, name: str) -> np.ndarray | None:
    """Find the missing cells of a band; None where there are none. Infinities are refused."""
    cells = as_raw_array(band, f"band {name!r}")
    gone = cells.missing()
    if cells.values.dtype.kind == "f":
        finite = np.isfinite(cells.values)
        if not finite.all():
            absent = np.isnan(cells.values) if gone is None else gone | np.isnan(cells.values)
            infinite = np.count_nonzero(~(finite | absent))
            if infinite:
                raise ValueError(
                    f"raster must be finite where it is not missing, got infinity in {infinite} "
                    f"cells of band {name!r}"
                )
            gone = absent
    return gone if gone is not None and gone.any() else None


def _of_variables(dataset: xr.Dataset) -> Stack:
    """Take the variables of a dataset for bands."""
    names = raster_variables(dataset)
    if not names:
        raise ValueError("raster must hold variables with rows and columns, got none")
    bands = [_plane(with_crs(dataset[name], dataset)) for name in names]
    for name, band in zip(names, bands, strict=True):
        if band.dims != bands[0].dims:
            raise ValueError(
                f"the variables of raster must share rows and columns, got {names[0]!r} on "
                f"{bands[0].dims} and {name!r} on {band.dims}"
            )
    units = tuple(str(band.attrs.get("units", "")) for band in bands)
    return Stack(tuple(bands), tuple(names), units)


def _plane(array: xr.DataArray) -> xr.DataArray:
    """Bring a variable without bands into the order (y, x)."""
    axes = find_stack_axes(array)
    if axes.band is not None and array.sizes[axes.band] > 1:
        raise ValueError(
            f"a dataset's variables must have rows and columns only, got {array.name!r} with "
            f"{axes.band!r} of {array.sizes[axes.band]}; choose one step of it first, or give "
            "the variable by itself"
        )
    plane = _squeezed(array, (axes.y, axes.x)).transpose(axes.y, axes.x)
    return _loaded(_without_neutral_packing(plane))


def _of_array(array: xr.DataArray) -> Stack:
    """Take the steps of the third dimension for bands."""
    axes = find_stack_axes(array)
    if axes.band is None or array.sizes[axes.band] == 1:
        name = _only_name(array, axes.band)
        return Stack((_plane(array),), (name,), (str(array.attrs.get("units", "")),))
    array = _loaded(_without_neutral_packing(_squeezed(array, axes).transpose(*axes)))
    if not array.size:
        raise ValueError(f"raster must have cells, got shape {array.shape}")
    count = array.sizes[axes.band]
    bands = tuple(array.isel({axes.band: j}, drop=True) for j in range(count))
    plain = not any(name in array.attrs for name in (*cf_missing.PACKING, "_Unsigned"))
    values = np.asarray(array.values) if plain and array.dtype.kind in "iuf" else None
    return Stack(bands, band_names(array, axes.band), _units(array, count), values)


def _only_name(array: xr.DataArray, dim: str | None) -> str:
    """Name a single band: as the array is named, else by its step."""
    if array.name is not None:
        return str(array.name)
    return band_names(array, dim)[0] if dim is not None and dim in array.coords else "values"


def _squeezed(array: xr.DataArray, keep: tuple[str | None, ...]) -> xr.DataArray:
    """Take the only step of all other dimensions, whose coordinates become scalar ones."""
    return array.squeeze([dim for dim in array.dims if dim not in keep])


def _without_neutral_packing(array: xr.DataArray) -> xr.DataArray:
    """Drop a scale of 1 and an offset of 0, which rioxarray gives every raster."""
    neutral = {"scale_factor": 1.0, "add_offset": 0.0}
    given = {name: array.attrs[name] for name in neutral if name in array.attrs}
    if not given or any(np.any(given[name] != neutral[name]) for name in given):
        return array
    plain = array.copy(deep=False)
    plain.attrs = {name: value for name, value in array.attrs.items() if name not in neutral}
    return plain


def _loaded(array: xr.DataArray) -> xr.DataArray:
    """Compute what is of dask, once."""
    lazy = is_lazy(array.data)
    return carry_crs(array, array.compute()) if lazy else array


def _units(array: xr.DataArray, count: int) -> tuple[str, ...]:
    """Give the units of each band: one for all, or a list of them as GDAL has it."""
    units = array.attrs.get("units", "")
    if isinstance(units, tuple | list) and len(units) == count:
        return tuple("" if one is None else str(one) for one in units)
    return (str(units),) * count


def band_names(array: xr.DataArray, dim: str) -> tuple[str, ...]:
    """Name the steps of a dimension: by words, else by dates or numbers; no two alike.

    Examples
    --------
    >>> import xarray as xr
    >>> months = np.array(["2009-10-01", "2009-11-01"], "M8[ns]")
    >>> band_names(xr.DataArray([1.0, 2.0], {"time": months}, ("time",)), "time")
    ('2009-10-01', '2009-11-01')
    """
    count = array.sizes[dim]
    steps = np.asarray(array[dim].values) if dim in array.coords else None
    words = array.attrs.get("long_name")
    if steps is not None and (steps.dtype.kind in "US" or _all_text(steps)):
        names = [str(step) for step in steps]
    elif isinstance(words, tuple | list) and len(words) == count and any(words):
        names = [str(word or f"{dim} {number}") for number, word in enumerate(words, 1)]
    elif steps is None:
        names = [f"{dim} {number}" for number in range(1, count + 1)]
    else:
        names = _dates_or_numbers(steps, dim)
    return unique_names(names)


def _all_text(steps: np.ndarray) -> bool:
    return steps.dtype.kind in "OT" and all(isinstance(step, str) for step in steps)


def _dates_or_numbers(steps: np.ndarray, dim: str) -> list[str]:
    """Write dates as ISO has them, as short as tells them apart, and numbers behind a word."""
    if steps.dtype.kind in "iuf":
        return [f"{dim} {step:.7g}" for step in steps]
    dates = [str(step).replace(" ", "T") for step in steps]
    days = [date.split("T")[0] for date in dates]
    return days if len(set(days)) == len(days) else [date.split(".")[0] for date in dates]


def unique_names(names: list[str]) -> tuple[str, ...]:
    """Put a number behind names that occur again.

    Examples
    --------
    >>> unique_names(["red", "red", "nir"])
    ('red', 'red (2)', 'nir')
    """
    seen: dict[str, int] = {}
    unique: list[str] = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        candidate = name if seen[name] == 1 else f"{name} ({seen[name]})"
        while candidate in unique:
            seen[name] += 1
            candidate = f"{name} ({seen[name]})"
        unique.append(candidate)
    return tuple(unique)
