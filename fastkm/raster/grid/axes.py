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

if TYPE_CHECKING:
    import xarray as xr

_SIGNS = {
    "time": {"T", "time", "t"},
    "band": {"Z", "band", "bands", "channel", "variable", "wavelength", "radiation_wavelength"},
    "y": {"Y", "latitude", "projection_y_coordinate", "grid_latitude", "lat", "y", "nlat"},
    "x": {"X", "longitude", "projection_x_coordinate", "grid_longitude", "lon", "x", "nlon"},
}
_DEGREES = {
    "y": {"degrees_north", "degree_north", "degrees_N", "degree_N", "degreesN", "degreeN"},
    "x": {"degrees_east", "degree_east", "degrees_E", "degree_E", "degreesE", "degreeE"},
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
        if array.sizes[dim] > 1:
            raise ValueError(
                f"variable {array.name!r} has a dimension {dim!r} of {array.sizes[dim]}: "
                "a raster has time, rows and columns only; choose one step of it first"
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
    rest = [str(dim) for dim in array.dims if dim not in {roles["y"], roles["x"]}]
    long = [dim for dim in rest if array.sizes[dim] > 1]
    if len(long) > 1:
        listed = " and ".join(f"{dim!r} of {array.sizes[dim]}" for dim in long)
        raise ValueError(
            f"variable {array.name!r} has dimensions {listed} beside rows and columns: "
            "a stack has one, that of its bands; choose one step of the others first"
        )
    likely = [*long, *(dim for dim in (roles["band"], roles["time"]) if dim), *rest, None]
    return StackAxes(likely[0], str(roles["y"]), str(roles["x"]))


def find_time(array: xr.DataArray) -> str | None:
    """Return the name of the dimension of time; None if there is none."""
    return _find_dim(array, "time")


def is_geographic(array: xr.DataArray, axes: Axes | StackAxes) -> bool:
    """Return True if rows and columns are latitudes and longitudes in degrees."""
    return all(_has_degrees(array, role, dim) for role, dim in (("y", axes.y), ("x", axes.x)))


def find_cell_coordinates(array: xr.DataArray) -> tuple[np.ndarray, np.ndarray] | None:
    """Find the latitude and the longitude of every cell, in degrees, (rows, columns), float64.

    They are coordinates of two dimensions; return None if there are none. Raise ValueError if one
    of them is missing somewhere.
    """
    axes = find_axes(array)
    found = []
    for role in ("y", "x"):
        name = next((n for n in array.coords if _is_degrees_by_cell(array, role, str(n))), None)
        if name is None:
            return None
        cells = np.asarray(array.coords[name].transpose(axes.y, axes.x).values, np.float64)
        if not np.isfinite(cells).all():
            raise ValueError(f"coordinate {name!r} must be finite, but is missing in some cells")
        found.append(cells)
    return found[0], found[1]


def _is_degrees_by_cell(array: xr.DataArray, role: str, name: str) -> bool:
    return set(array.coords[name].dims) == set(array.dims) and _has_degrees(array, role, name)


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


def _find_dim(array: xr.DataArray, role: str) -> str | None:
    return next((str(dim) for dim in array.dims if _has_role(array, role, str(dim))), None)


def _has_role(array: xr.DataArray, role: str, dim: str) -> bool:
    if dim in array.coords:
        coordinate = array.coords[dim]
        if coordinate.dtype.kind == "M":
            return role == "time"
        signs = {coordinate.attrs.get("axis"), coordinate.attrs.get("standard_name")} - {None}
        if signs:
            return bool(signs & _SIGNS[role])
        if coordinate.attrs.get("units") in _DEGREES.get(role, ()):
            return True
    return dim.lower() in _SIGNS[role]


def _has_degrees(array: xr.DataArray, role: str, dim: str) -> bool:
    if dim not in array.coords or array.coords[dim].dtype.kind not in "iuf":
        return False
    attrs = array.coords[dim].attrs
    name = {"y": "latitude", "x": "longitude"}[role]
    declared = attrs.get("units") in _DEGREES[role] or attrs.get("standard_name") == name
    named = dim.lower() in {name, name[:3]} and "units" not in attrs
    limit = 90.0 if role == "y" else 720.0 if declared else 360.0  # ocean models begin anywhere
    largest = np.fmax.reduce(np.abs(array.coords[dim].values), axis=None, initial=0.0)
    within = bool(largest <= limit + 1e-6)
    return (declared or named) and within


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
    return [
        str(name)
        for name, array in dataset.data_vars.items()
        if array.dtype.kind in "iuf" and array.ndim >= 2 and name not in helpers
    ]
