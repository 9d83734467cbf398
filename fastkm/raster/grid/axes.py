"""The roles of dimensions, by the CF conventions: time, bands, rows and columns of a variable.

The attributes ``axis``, ``standard_name`` or ``units`` of a coordinate say what it is; without them
its name does. The last two of the remaining dimensions are the rows and columns.

A *raster* has rows and columns, at one step of time. A *stack* is several rasters on one grid, its
bands: the dimension that is neither rows nor columns is that of the bands, whether these are
channels of a satellite, levels, or the months of a year. A *grid* is where the cells of a raster
lie. A *series* is a raster for each of many steps of time, in one or more files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastkm._core.attributes import read_text
from fastkm.raster.grid.coordinates import find_axis_degrees, find_axis_role, is_cell_coordinate
from fastkm.raster.grid.units import parse_unit

if TYPE_CHECKING:
    import xarray as xr

_SIGNS = {
    "time": {"T", "time", "t"},
    "band": {"Z", "band", "bands", "channel", "variable", "wavelength", "radiation_wavelength"},
    "y": {"Y", "latitude", "projection_y_coordinate", "grid_latitude", "lat", "y", "nlat"},
    "x": {"X", "longitude", "projection_x_coordinate", "grid_longitude", "lon", "x", "nlon"},
}


class Axes(NamedTuple):
    """Names of the dimensions of a raster; `time` is None if there is no time."""

    time: str | None
    y: str
    x: str


class StackAxes(NamedTuple):
    """Names of the dimensions of a stack; `band` is None if it has two dimensions only."""

    band: str | None
    y: str
    x: str


def find_axes(array: xr.DataArray) -> Axes:
    """Find the names of the dimensions of a raster.

    Raises
    ------
    ValueError
        If the variable has no rows and columns, or a further dimension longer than 1.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> find_axes(xr.DataArray(np.zeros((1, 2, 3)), dims=("time", "lon", "lat")))
    Axes(time='time', y='lat', x='lon')
    """
    roles, others = _assign_roles(array)
    if roles["band"] is not None:
        others.append(roles["band"])
    for dim in others:
        if array.sizes[dim] != 1:
            raise ValueError(
                f"variable {array.name!r} has a dimension {dim!r} of {array.sizes[dim]}: a raster "
                f"has time, rows and columns only; {_advise_sel(array, dim)}"
            )
    return Axes(roles["time"], str(roles["y"]), str(roles["x"]))


def find_stack_axes(array: xr.DataArray) -> StackAxes:
    """Find the names of the dimensions of a stack: rows, columns, and bands.

    Raises
    ------
    ValueError
        If the variable has no rows and columns, or two more dimensions longer than 1.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> find_stack_axes(xr.DataArray(np.zeros((12, 2, 3)), dims=("time", "lat", "lon")))
    StackAxes(band='time', y='lat', x='lon')
    """
    roles, _ = _assign_roles(array)
    rest = find_other_dims(array)
    long = [dim for dim in rest if array.sizes[dim] > 1]
    if len(long) > 1:
        listed = " and ".join(f"{dim!r} of {array.sizes[dim]}" for dim in long)
        raise ValueError(
            f"variable {array.name!r} has dimensions {listed} beside rows and columns: "
            f"a stack has one, that of its bands; {_advise_sel(array, long[-1])}"
        )
    likely = [*long, *(dim for dim in (roles["band"], roles["time"]) if dim), *rest, None]
    return StackAxes(likely[0], str(roles["y"]), str(roles["x"]))


def _advise_sel(array: xr.DataArray, dim: str) -> str:
    """Return advice on how to fix a dimension."""
    if not array.sizes[dim]:
        return "it has no value to choose"
    value = array[dim].values[0] if dim in array.coords else 0
    shown = f"{value:g}" if isinstance(value, np.number) else value
    return f"choose one value of it with sel (--sel {dim}={shown})"


def find_other_dims(array: xr.DataArray) -> list[str]:
    """Return the names of the dimensions that are neither rows nor columns."""
    roles, _ = _assign_roles(array)
    return [str(dim) for dim in array.dims if dim not in {roles["y"], roles["x"]}]


def find_time(array: xr.DataArray) -> str | None:
    """Return the name of the dimension of time; None if there is none."""
    return _find_dim(array, "time")


def is_called_time(name: str) -> bool:
    """Return True if a name is one that dimensions of time have."""
    return name.lower() in _SIGNS["time"]


def has_dates(coordinate: xr.DataArray | xr.Variable) -> bool:
    """Return True if a coordinate consists of dates, of numpy or of cftime."""
    if coordinate.dtype.kind != "O":
        return bool(coordinate.dtype.kind == "M")
    return any(hasattr(value, "calendar") for value in np.ravel(coordinate.values))


def is_geographic(array: xr.DataArray, axes: Axes | StackAxes) -> bool:
    """Return True if rows and columns are latitudes and longitudes in degrees.

    They are not if the raster carries a rotated pole, unless they are called latitude and longitude.
    """
    return find_axis_degrees(array, axes.y, axes.x) == (1.0, 1.0)


def _assign_roles(array: xr.DataArray) -> tuple[dict[str, str | None], list[str]]:
    """Assign a dimension to each role, and list the dimensions without a role."""
    roles = {role: _find_dim(array, role) for role in _SIGNS}
    others = [str(dim) for dim in array.dims if dim not in roles.values()]
    for role in ("x", "y"):
        if roles[role] is None and others:
            roles[role] = others.pop()
    if roles["y"] is None or roles["x"] is None:
        raise ValueError(f"variable {array.name!r} has dimensions {array.dims}: not a raster")
    return roles, others


def _claims_dates(array: xr.DataArray) -> bool:
    """Return True if numbers are times; with rows and columns they may be a raster of dates."""
    return " since " in read_text(array.attrs, "units")


def _find_dim(array: xr.DataArray, role: str) -> str | None:
    return next((str(dim) for dim in array.dims if _has_role(array, role, str(dim))), None)


def _has_role(array: xr.DataArray, role: str, dim: str) -> bool:
    if dim in array.coords:
        coordinate = array.coords[dim]
        if has_dates(coordinate) or _claims_dates(coordinate):
            return role == "time"
        signs = {read_text(coordinate.attrs, name) for name in ("axis", "standard_name")} - {""}
        if signs:
            return bool(signs & _SIGNS[role])
        unit = parse_unit(read_text(coordinate.attrs, "units"))
        if unit is not None and unit.role is not None:
            return unit.role == role
    along = find_axis_role(array, dim)
    if along is not None:
        return along == role
    return dim.lower() in _SIGNS[role]


def measure_rounding(centres: np.ndarray) -> float:
    """Return how far rounding in a floating type may have moved the centres of cells."""
    if centres.dtype.kind != "f" or not centres.size:
        return 0.0
    return float(np.spacing(np.abs(centres).max()))


HELPERS = ("bounds", "climatology", "ancillary_variables", "cell_measures", "grid_mapping")
"""Attributes that name variables which describe others: cell bounds, quality flags, areas."""


def find_raster_variables(dataset: xr.Dataset) -> list[str]:
    """List the variables that are rasters: numbers with rows and columns that describe no other."""
    attributes = [variable.attrs for variable in dataset.variables.values()]
    helpers = {
        word for attrs in attributes for n in HELPERS for word in str(attrs.get(n, "")).split()
    }
    found = [
        str(name)
        for name, array in dataset.data_vars.items()
        if array.dtype.kind in "iuf" and array.ndim >= 2 and name not in helpers
        if not _claims_dates(array) or (_find_dim(array, "y") and _find_dim(array, "x"))
    ]
    return [name for name in found if not is_cell_coordinate(dataset[name])] or found
