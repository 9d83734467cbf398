"""Choose in a file: a variable, by its name or the path of its group; and steps of its dimensions.

The variables of the groups of a netCDF file or a Zarr store are called by path, such as
``forecast/temperature``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import numpy as np

from fastkm._core.nodata import Nodata, as_nodata, declare_missing
from fastkm.raster.grid.axes import find_raster_variables, has_dates
from fastkm.raster.grid.location import attach_location
from fastkm.raster.io.decode_times import note_unknown_dates
from fastkm.raster.io.open import list_groups, open_stored

if TYPE_CHECKING:
    import xarray as xr

    from fastkm.raster.grid.axes import Axes

Sel = Mapping[str, float | int | str]
"""The values at which dimensions are fixed, such as ``{"level": 500}``."""

MOST_LISTED = 12
"""Values of a coordinate that an error lists."""


class UnnamedRasterError(ValueError):
    """A file has several rasters or bands, `names`, and one of them has to be named."""

    def __init__(self, path: str | os.PathLike[str], kind: str, names: Sequence[str]) -> None:
        super().__init__(f"{os.fspath(path)}: name one of its {kind}: {', '.join(names)}")
        self.names = list(names)


class OpenVariable(NamedTuple):
    """A variable with what says where its cells lie, and the dataset that holds it."""

    array: xr.DataArray
    dataset: xr.Dataset


@contextmanager
def open_variables(
    path: str | os.PathLike[str],
    names: Sequence[str | None] | None,
    *,
    decode: bool,
    nodata: Nodata = None,
    place: bool = True,
) -> Iterator[list[OpenVariable]]:
    """Open a file and yield these of its variables; None stands for its only raster.

    Without names all rasters come, those in groups under their paths.

    The ``missing_value`` of the variables includes `nodata`. If `place` is False, they come without
    what says where their cells lie (`fastkm.raster.grid.location`), and no value is read.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it has no such variable, or not just one raster, or a variable holds no real numbers.
    """
    absent = as_nodata(nodata)
    with ExitStack() as files:

        @cache
        def open_group(group: str) -> xr.Dataset:
            return files.enter_context(open_stored(path, group, decode=decode))

        chosen = []
        names = _list_rasters(path, open_group) if names is None else names
        for given in names:
            name = _find_only_raster(open_group(""), path) if given is None else given
            group = name.strip("/").rpartition("/")[0]
            if group and group not in list_groups(path):
                _refuse_variable(path, name)
            dataset = open_group(group)
            array = choose_variable(dataset, name, path)
            _require_numbers(array, path)
            array = declare_missing(array, absent)
            array = attach_location(array, dataset) if place else array
            chosen.append(OpenVariable(array, dataset))
        yield chosen


def _require_numbers(array: xr.DataArray, path: str | os.PathLike[str]) -> None:
    """Raise unless a variable holds real numbers."""
    if array.dtype.kind in "biuf":
        return
    names = array.dtype.names
    held = f"compound values ({', '.join(names)})" if names else str(array.dtype)
    raise ValueError(f"{os.fspath(path)}: {array.name!r} must hold real numbers, but holds {held}")


def list_raster_variables(path: str | os.PathLike[str]) -> list[str]:
    """List the raster variables of a file, those in groups by their paths."""
    with ExitStack() as files:
        return _list_rasters(path, lambda group: files.enter_context(open_stored(path, group)))


def _list_rasters(
    path: str | os.PathLike[str], open_group: Callable[[str], xr.Dataset]
) -> list[str]:
    """List the raster variables of all groups, which are opened."""
    names = []
    for group in ["", *list_groups(path)]:
        own = find_raster_variables(open_group(group))
        names += [f"{group}/{name}" if group else name for name in own]
    return names


def choose_variable(
    dataset: xr.Dataset, variable: str, path: str | os.PathLike[str]
) -> xr.DataArray:
    """Return a variable of the dataset of its group, under its whole name."""
    full = variable.strip("/")
    name = full.rpartition("/")[2]
    if name not in dataset.data_vars:
        _refuse_variable(path, variable)
    return dataset[name] if name == full else dataset[name].rename(full)


def _refuse_variable(path: str | os.PathLike[str], variable: str) -> NoReturn:
    """Raise because a file has no such variable."""
    listed = ", ".join(list_raster_variables(path)) or "none"
    raise ValueError(f"{os.fspath(path)} has no variable {variable!r}; its rasters: {listed}")


def _find_only_raster(root: xr.Dataset, path: str | os.PathLike[str]) -> str:
    """Return the name of the only raster at the root of a file or, without any there, in it."""
    own = find_raster_variables(root)
    if len(own) == 1:
        return own[0]
    names = list_raster_variables(path)
    if not names:
        raise ValueError(f"{os.fspath(path)} holds no raster variable")
    if own or len(names) > 1:
        raise UnnamedRasterError(path, "raster variables", names)
    return names[0]


def require_one_grid(first: xr.DataArray, other: xr.DataArray) -> None:
    """Raise unless a variable has the coordinates of another along its dimensions."""
    for dim in (dim for dim in first.dims if dim in other.dims):
        both = dim in first.coords and dim in other.coords
        if first.sizes[dim] != other.sizes[dim] or (both and not first[dim].equals(other[dim])):
            raise ValueError(
                f"the variables must share rows, columns and time, but {first.name!r} and "
                f"{other.name!r} differ in {dim!r}"
            )


def choose_steps(array: xr.DataArray, sel: Sel | None) -> xr.DataArray:
    """Fix dimensions, such as that of levels, at one value each, which stays as a coordinate.

    The value is that of the coordinate, or the index if the dimension has no coordinate.

    Raises
    ------
    ValueError
        If there is no such dimension or value; the message lists what there is.
    """
    return array.isel(find_positions(array, sel))


def find_positions(array: xr.DataArray, sel: Sel | None) -> dict[str, int]:
    """Return the indices at which `choose_steps` fixes dimensions."""
    positions = {}
    for name, value in (sel or {}).items():
        dim = _find_dimension(array, name)
        positions[dim] = _find_position(array, dim, name, value)
    return positions


def _find_dimension(array: xr.DataArray, name: str) -> str:
    """Return the dimension of this name, or that of the one-dimensional coordinate."""
    if name in array.dims:
        return name
    if name in array.coords and array.coords[name].ndim == 1:
        return str(array.coords[name].dims[0])
    listed = ", ".join(f"{dim} ({size})" for dim, size in array.sizes.items())
    raise ValueError(f"sel: {array.name!r} has no dimension {name!r}; it has {listed}")


def _find_position(array: xr.DataArray, dim: str, name: str, value: Any) -> int:
    """Return the index of a value of a coordinate, or an index itself if there is no coordinate."""
    size = array.sizes[dim]
    if name not in array.coords:
        index = int(value) if str(value).removeprefix("-").isdigit() else size
        if not -size <= index < size:
            raise ValueError(
                f"sel: dimension {name!r} of {array.name!r} has no coordinate, so take an index "
                f"from 0 to {size - 1}, got {value!r}"
            )
        return index % size
    coordinate = array.coords[name]
    found = np.flatnonzero(_is_value(coordinate, value))
    if len(found) == 1:
        return int(found[0])
    values = [format_value(each) for each in coordinate.values]
    if len(values) > MOST_LISTED:
        values = [*values[: MOST_LISTED - 1], "...", values[-1]]
    what = f"is {len(found)} times" if len(found) else "is not"
    raise ValueError(f"sel: {value!r} {what} among the values of {name!r}: {', '.join(values)}")


def _is_value(coordinate: xr.DataArray, value: Any) -> np.ndarray:
    """Return where a coordinate has a value: numbers up to rounding, dates by their beginning."""
    values = coordinate.values
    if values.dtype.kind in "iuf":
        try:
            number = float(value)
        except ValueError:
            return np.zeros(values.shape, bool)
        near = 1e-12 * float(np.abs(values[np.isfinite(values)]).max(initial=0.0))
        return np.isclose(values.astype(np.float64), number, rtol=1e-6, atol=near)
    texts = [format_value(each) for each in values]
    if has_dates(coordinate):
        return np.array([text.startswith(str(value)) for text in texts])
    return np.array([text == str(value) for text in texts])


def format_value(value: Any) -> str:
    """Return a value of a coordinate as text: dates in ISO 8601, numbers with nine digits."""
    if isinstance(value, bytes):
        return value.decode(errors="replace").strip()
    if isinstance(value, np.datetime64):
        return str(value.astype("datetime64[s]"))
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    return f"{value:.9g}" if isinstance(value, int | float | np.number) else str(value)


def choose_time(array: xr.DataArray, axes: Axes, time: int | str | np.datetime64) -> xr.DataArray:
    """Select one step of time, by its index or its date."""
    if axes.time is None:
        if not (isinstance(time, int | np.integer) and time in {0, -1}):
            raise ValueError(f"time={time!r} was asked for, but {array.name!r} has no time axis")
        return array
    note_unknown_dates(array, axes.time)
    dim, steps = axes.time, array.sizes[axes.time]
    if isinstance(time, int | np.integer):
        if not -steps <= time < steps:
            raise ValueError(f"time index {time} is outside the {steps} steps of {array.name!r}")
        return array.isel({dim: int(time)})
    try:
        chosen = array.sel({dim: time})
    except (KeyError, ValueError, TypeError) as error:
        what = f"the {steps} steps" if steps > 1 else "the steps"
        raise ValueError(
            f"time {time!r} is not among {what} of {array.name!r}: {_format_time_span(array, dim)}"
        ) from error
    if dim not in chosen.dims:
        return chosen
    if chosen.sizes[dim] != 1:
        raise ValueError(f"time {time!r} fits {chosen.sizes[dim]} steps; it must fit one")
    return chosen.isel({dim: 0})


def _format_time_span(array: xr.DataArray, dim: str) -> str:
    """Describe the range of the dates of the steps."""
    if dim not in array.coords:
        return "they have no dates"
    first, last = (str(array[dim].values[end]).split("T")[0] for end in (0, -1))
    return f"{first} to {last}" if array.sizes[dim] > 1 else f"it has one step, {first}"
