"""An object of xarray as a series: what xarray has opened, selected or computed, step by step.

`ArraySeries` has the interface of a `RasterSeries` of files, so that an archive can be made of
either. It holds the arrays themselves, in memory or lazy; parts of it that travel to a worker take
along no more than their steps need. An array that still holds the numbers of its file, decoded or
not, has the rules of missing cells of the file; one that was computed, such as an anomaly, has none
but NaN (`fastkm._core.cf_rules`).
"""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from fastkm._core import cf_missing
from fastkm._core.attributes import read_text
from fastkm._core.cf_rules import RULES, split_attributes
from fastkm._core.nodata import as_nodata, declare_missing
from fastkm.errors import ArchiveError
from fastkm.raster.grid.areas import cell_areas
from fastkm.raster.grid.axes import (
    Axes,
    find_axes,
    find_raster_variables,
    find_stack_axes,
    has_dates,
)
from fastkm.raster.grid.location import attach_location
from fastkm.raster.io.choose import choose_steps, require_one_grid
from fastkm.raster.io.mask_file import require_mask
from fastkm.raster.io.read_netcdf import crop
from fastkm.raster.io.stamps import Stamp
from fastkm.raster.mask import apply_mask
from fastkm.raster.multifile.combine import describe_grid, parse_years, shorten_times
from fastkm.raster.multifile.dates import (
    describe_time,
    find_time_coordinate,
    find_time_dim,
    format_times,
)
from fastkm.raster.multifile.grid_window import GridWindow
from fastkm.raster.multifile.read_steps import DAMAGE, OutputFormat
from fastkm.raster.multifile.scan import (
    FileInfo,
    StoredVariable,
    extract_reason,
)
from fastkm.raster.multifile.series import (
    NANOSECOND_YEARS,
    Missing,
    RasterSeries,
    Step,
    VariableFormats,
)

if TYPE_CHECKING:
    import os

    import xarray as xr

    from fastkm._core.nodata import Nodata
    from fastkm.raster.io.choose import Sel
    from fastkm.raster.io.read_netcdf import Bbox

NAME = "dataset"
"""The name of the only input in error messages and results."""


@dataclass(frozen=True, eq=False, repr=False)
class ArraySeries(RasterSeries):
    """Rasters of one or more variables on one grid, one a step of time, from objects of xarray.

    Attributes
    ----------
    arrays : tuple of xarray.DataArray
        The variables, (time, y, x), with all steps of the only input, in order of time.
    rules : tuple of dict
        Of each variable, the attributes that say which of its numbers are missing.
    place : xarray.Dataset
        A raster on the grid before `bbox`, with the limits of cells if there are any.
    """

    arrays: tuple[xr.DataArray, ...]
    rules: tuple[dict[str, Any], ...]
    place: xr.Dataset

    def __getstate__(self) -> dict[str, Any]:
        """Return the series for another process: of dask, only the tasks that its steps need."""
        return {**self.__dict__, "arrays": tuple(map(_cull, self.arrays))}

    def read(
        self, first: int, last: int, *, missing: Missing = "keep"
    ) -> xr.DataArray | xr.Dataset:
        """Read the steps from `first` to before `last`, as `RasterSeries.read` does."""
        self._require_steps(first, last, missing)
        values = []
        for number, array in enumerate(self.arrays):
            chosen = self._take(array, first, last)
            try:
                # on a worker, as anywhere, by the thread that asks
                loaded = chosen.compute(scheduler="synchronous") if chosen.chunks else chosen.load()
            except DAMAGE as error:
                reason = f"cannot be read: {extract_reason(error, '')}"
                raise ArchiveError(NAME, self.steps[first].time, reason) from error
            values.append(self._make_converter(number, missing)(loaded.values))
        some = replace(self, steps=self.steps[first:last])
        return some._attach_coordinates(values, missing)

    def as_dask(
        self, *, missing: Missing = "keep", steps_per_chunk: int | None = None
    ) -> xr.DataArray | xr.Dataset:
        """Return all steps as arrays of dask, as `RasterSeries.as_dask` does.

        Arrays of dask keep their chunks, unless these have fewer steps.
        """
        length = self._check_chunk(missing, steps_per_chunk)
        values = []
        for number, (variable, array) in enumerate(zip(self.formats, self.arrays, strict=True)):
            chosen = self._take(array, 0, len(self.steps))
            if not chosen.chunks or max(chosen.chunks[0]) < length:
                chosen = chosen.chunk({self.dims[0]: length})
            dtype = np.dtype(variable.choose_format(missing).dtype)
            convert, empty = self._make_converter(number, missing), np.empty((0, 0, 0), dtype)
            values.append(chosen.data.map_blocks(convert, dtype=dtype, meta=empty))
        return self._attach_coordinates(values, missing)

    def select(self, numbers: Iterable[int]) -> Self:
        """Return the series of some steps."""
        chosen = super().select(numbers)
        indices = [step.index for step in chosen.steps]
        return replace(
            chosen,
            inputs=tuple(
                replace(one, times=tuple(one.times[i] for i in indices)) for one in chosen.inputs
            ),
            steps=tuple(step._replace(index=i) for i, step in enumerate(chosen.steps)),
            arrays=tuple(_take_steps(array, indices) for array in self.arrays),
        )

    def read_areas(self) -> xr.DataArray:
        """Return the areas of the cells, as `RasterSeries.read_areas` does."""
        areas = cell_areas(self.place)
        return crop(areas, find_stack_axes(areas), self.window.bbox)

    def require_stores_unchanged(self) -> None:
        """Do nothing: what xarray has opened is xarray's to watch."""

    def _take(self, array: xr.DataArray, first: int, last: int) -> xr.DataArray:
        return _take_steps(array, [step.index for step in self.steps[first:last]])

    def _make_converter(self, variable: int, missing: Missing) -> Callable[[Any], np.ndarray]:
        """Return what converts numbers as stored into what `read` returns."""
        if missing == "keep":
            return np.asarray
        encoding, dtype = self.arrays[variable].encoding, self.formats[variable].decoded.dtype
        return partial(_decode, rules=self.rules[variable], encoding=encoding, dtype=dtype)


def _take_steps(array: xr.DataArray, indices: Sequence[int]) -> xr.DataArray:
    """Take steps of an array, without a copy if they follow each other."""
    wanted: Any = list(indices)
    if wanted and wanted == list(range(wanted[0], wanted[-1] + 1)):
        wanted = slice(wanted[0], wanted[-1] + 1)
    return array.isel({array.dims[0]: wanted})


def _cull(array: xr.DataArray) -> xr.DataArray:
    """Return an array of dask without the tasks that it does not need."""
    if not array.chunks:
        return array
    from dask.base import optimize

    return array.copy(data=optimize(array.data)[0])


def _decode(
    values: np.ndarray, rules: Mapping[str, Any], encoding: Mapping[str, Any], dtype: str
) -> np.ndarray:
    """Return floats in physical units, NaN where missing."""
    described = cf_missing.Described(values, rules, encoding)
    decoded = cf_missing.to_physical(described).astype(dtype)
    decoded[cf_missing.find_missing(described)] = np.nan
    return decoded


def make_array_series(
    data: xr.DataArray | xr.Dataset,
    variables: Sequence[str] | None = None,
    *,
    bbox: Bbox | None = None,
    mask: str | os.PathLike[str] | None = None,
    mask_share: float | None = None,
    years: tuple[int, int] | None = None,
    sel: Sel | None = None,
    nodata: Nodata = None,
) -> ArraySeries:
    """Make a series of an object of xarray; parameters are those of `fastkm.open_archive`.

    Raises
    ------
    ValueError
        If there is no such variable, or several and none is named; if a variable has no dates, no
        rows and columns, or a step of time twice; if nothing is left, or an option is not valid.
    TypeError
        If a variable does not hold real numbers.
    """
    require_mask(mask, mask_share)
    # the variables, as (time, y, x) in the order of time
    chosen = [
        _order_steps(choose_steps(declare_missing(array, as_nodata(nodata)), sel))
        for array in _choose_arrays(data, variables)
    ]
    dims = tuple(map(str, chosen[0].dims))
    for other in chosen[1:]:
        if other.dims != chosen[0].dims:
            raise ValueError(
                f"variables must share time, rows and columns, but {chosen[0].name!r} has {dims} and "
                f"{other.name!r} has {other.dims}"
            )
        require_one_grid(chosen[0], other)
    # the steps that are wanted
    times, calendar = format_times(find_time_coordinate(chosen[0], dims[0]))
    for before, after in pairwise(times):
        if before == after:
            raise ValueError(f"{NAME} must have each step of time once, but has {after} twice")
    first_year, last_year = parse_years(years)
    wanted = [i for i, text in enumerate(times) if first_year <= int(text[:4]) <= last_year]
    if not wanted:
        span = "" if years is None else f" of the years {first_year} to {last_year}"
        raise ValueError(f"no step{span} is left of {len(times)} in {NAME}")
    times = tuple(times[i] for i in wanted)
    chosen = [_take_steps(array, wanted) for array in chosen]
    # the cells that are wanted
    place = _describe_place(data, chosen[0])
    axes = Axes(None, *dims[1:])
    arrays = [crop(array, axes, bbox) for array in chosen]
    grid = describe_grid(_drop_dates(arrays[0].isel({dims[0]: 0}, drop=True)))
    if mask is not None:
        arrays = [apply_mask(array, mask, bbox=bbox, share=mask_share) for array in arrays]
    # what the variables become
    rules = [_select_rules(array) for array in arrays]
    formats = [_find_format(*pair) for pair in zip(arrays, rules, strict=True)]
    time_attrs, time_encoding = describe_time(arrays[0][dims[0]])
    low, high = NANOSECOND_YEARS
    shape = (arrays[0].shape[1], arrays[0].shape[2])
    # a stamp of its own: nothing else says whether the numbers are those of an earlier run
    stamp = Stamp(sum(array.nbytes for array in arrays), clock.time_ns())
    info = FileInfo(
        path="",
        name=NAME,
        times=times,
        calendar=calendar,
        time_name=dims[0],
        time_attrs=time_attrs,
        time_encoding=time_encoding,
        variables=tuple(_describe_variable(array) for array in arrays),
        shape=shape,
        y=None,
        x=None,
        cells_digest="",
        crs=(),
        whole=stamp,
        stamp=stamp,
        times_digest="",
    )
    return ArraySeries(
        inputs=(info,),
        steps=tuple(Step(0, i, text) for i, text in enumerate(shorten_times(times))),
        formats=tuple(formats),
        calendar=calendar,
        window=GridWindow(slice(0, shape[0]), slice(0, shape[1]), shape, bbox=bbox),
        grid=grid,
        dims=(dims[0], dims[1], dims[2]),
        uses_numpy_dates=calendar == "standard" and low <= times[0] and times[-1] < high,
        time_attrs=time_attrs,
        time_encoding={**time_encoding, "dtype": np.dtype(time_encoding["dtype"])},
        arrays=tuple(arrays),
        rules=tuple(rules),
        place=place,
    )


def _choose_arrays(
    data: xr.DataArray | xr.Dataset, variables: Sequence[str] | None
) -> list[xr.DataArray]:
    """Return the variables that are named, or the only one, with what says where cells lie."""
    import xarray as xr

    if isinstance(data, xr.DataArray):
        data = data.to_dataset(name="values" if data.name is None else data.name)
    names = list(variables or find_raster_variables(data))
    if not names or (not variables and len(names) > 1):
        listed = ", ".join(map(repr, names)) or "none"
        raise ValueError(f"name one of the raster variables of {NAME}, which are {listed}")
    if len(set(names)) < len(names) or not set(names) <= set(data.data_vars):
        listed = ", ".join(map(repr, data.data_vars)) or "none"
        raise ValueError(f"variables must be of {NAME}, each once, {listed}, got {names}")
    arrays = [attach_location(data[name], data) for name in names]
    for array in arrays:
        if array.dtype.kind not in "biuf":
            raise TypeError(f"{array.name!r} must hold real numbers, but holds {array.dtype}")
    return arrays


def _order_steps(array: xr.DataArray) -> xr.DataArray:
    """Return a variable as (time, y, x), its steps in the order of time."""
    time = find_time_dim(array)
    if time is None:
        array = array.expand_dims(str(find_time_coordinate(array, None).name))
        time = str(array.dims[0])
    if not array.size:
        raise ValueError(f"variable {array.name!r} must have cells, got shape {array.shape}")
    axes = find_axes(array.isel({time: 0}, drop=True))
    dates = find_time_coordinate(array, time).values
    array = array.squeeze([dim for dim in array.dims if dim not in {time, axes.y, axes.x}])
    array = array.transpose(time, axes.y, axes.x)
    if (dates[1:] < dates[:-1]).any():
        array = array.isel({time: np.argsort(dates, kind="stable")})
    return array


def _describe_place(data: xr.DataArray | xr.Dataset, array: xr.DataArray) -> xr.Dataset:
    """Return a raster of zeros on the grid of a variable, with the limits of cells if there are any."""
    import xarray as xr

    plane = _drop_dates(array.isel({array.dims[0]: 0}, drop=True))
    plane = plane.copy(data=np.zeros(plane.shape, np.int8))
    described = [{**c.encoding, **c.attrs} for c in plane.coords.values() if c.ndim == 1]
    named = {read_text(attributes, "bounds") for attributes in described}
    variables = getattr(data, "variables", data.coords)
    limits = {name: data[name].reset_coords(drop=True) for name in sorted(named & set(variables))}
    return xr.Dataset({plane.name: plane, **limits}).load()


def _drop_dates(plane: xr.DataArray) -> xr.DataArray:
    """Leave out coordinates that are dates, such as those of a forecast's start."""
    return plane.drop_vars([name for name, c in plane.coords.items() if has_dates(c)])


def _select_rules(array: xr.DataArray) -> dict[str, Any]:
    """Return the attributes that say which numbers of an array are missing, as far as they hold."""
    kept, _ = split_attributes(array.attrs, array.encoding, array.dtype)
    return {name: kept[name] for name in RULES if name in kept}


def _find_format(array: xr.DataArray, rules: Mapping[str, Any]) -> VariableFormats:
    """Return how a variable comes out, as it is and decoded."""
    empty = cf_missing.Described(np.empty(0, array.dtype), rules, array.encoding)
    dtype = np.result_type(cf_missing.to_physical(empty).dtype, np.float16)
    if array.dtype.kind != "f":  # as xarray makes room for NaN
        dtype = np.result_type(dtype, np.float32)
    attrs = {name: value for name, value in array.attrs.items() if name not in RULES}
    stored = OutputFormat(array.dtype.str, array.attrs, array.encoding, None, False)
    decoded = OutputFormat(dtype.str, attrs, {}, np.nan, True)
    return VariableFormats(str(array.name), read_text(attrs, "units"), stored, decoded)


def _describe_variable(array: xr.DataArray) -> StoredVariable:
    """Describe a variable as the scan of a file does."""
    dims = tuple(map(str, array.dims))
    together = max(array.chunks[0]) if array.chunks else 1
    return StoredVariable(
        str(array.name), array.dtype.str, dict(array.attrs), dims, Axes(*dims), together, {}
    )
