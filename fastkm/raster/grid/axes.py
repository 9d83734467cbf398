"""Which dimension is which: time, bands, rows and columns of a variable, by the CF conventions.

A coordinate says what it is by ``axis``, ``standard_name`` or ``units``; where it says nothing
its name does. What is left are the rows and columns: the last two dimensions.

A raster is one step of time. In a stack the dimension that is neither rows nor columns is that of
the bands, whatever it is: channels of a satellite, levels, or the months of a year.
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
    """Names of the dimensions of a raster; `time` is None where there is none."""

    time: str | None
    y: str
    x: str


class StackAxes(NamedTuple):
    """Names of the dimensions of a stack; `band` is None where it has two dimensions only."""

    band: str | None
    y: str
    x: str


def find_axes(array: xr.DataArray) -> Axes:
    """Name the dimensions of a variable by their role.

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
    roles, others = _roles(array)
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
    """Name the dimensions of a stack: rows, columns, and the one of its bands.

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
    roles, _ = _roles(array)
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
    """Name the dimension of time; None where there is none."""
    return _first_with(array, "time")


def is_geographic(array: xr.DataArray, axes: Axes | StackAxes) -> bool:
    """Tell whether rows and columns are latitudes and longitudes in degrees."""
    return all(_is_degrees(array, role, dim) for role, dim in (("y", axes.y), ("x", axes.x)))


def curvilinear(array: xr.DataArray) -> tuple[np.ndarray, np.ndarray] | None:
    """Give the latitude and the longitude of every cell, where coordinates of two dimensions do.

    Returns
    -------
    tuple of (rows, columns) float64 array, or None
        Latitude and longitude in degrees.

    Raises
    ------
    ValueError
        If one of them is missing somewhere.
    """
    axes = find_axes(array)
    found = []
    for role in ("y", "x"):
        name = next((n for n in array.coords if _is_degrees_of_cells(array, role, str(n))), None)
        if name is None:
            return None
        cells = np.asarray(array.coords[name].transpose(axes.y, axes.x).values, np.float64)
        if not np.isfinite(cells).all():
            raise ValueError(f"coordinate {name!r} must be finite, but is missing in some cells")
        found.append(cells)
    return found[0], found[1]


def _is_degrees_of_cells(array: xr.DataArray, role: str, name: str) -> bool:
    return set(array.coords[name].dims) == set(array.dims) and _is_degrees(array, role, name)


def _roles(array: xr.DataArray) -> tuple[dict[str, str | None], list[str]]:
    """Give each role its dimension, and list the dimensions that have none."""
    roles = {role: _first_with(array, role) for role in _SIGNS}
    others = [str(dim) for dim in array.dims if dim not in roles.values()]
    for role in ("x", "y"):
        if roles[role] is None and others:
            roles[role] = others.pop()
    if roles["y"] is None or roles["x"] is None:
        raise ValueError(f"variable {array.name!r} has dimensions {array.dims}: not a raster")
    return roles, others


def _first_with(array: xr.DataArray, role: str) -> str | None:
    return next((str(dim) for dim in array.dims if _has_role(array, role, str(dim))), None)


def _has_role(array: xr.DataArray, role: str, dim: str) -> bool:
    if dim in array.coords:
        coordinate = array.coords[dim]
        if coordinate.dtype.kind == "M":
            return role == "time"
        said = {coordinate.attrs.get("axis"), coordinate.attrs.get("standard_name")} - {None}
        if said:
            return bool(said & _SIGNS[role])
        if coordinate.attrs.get("units") in _DEGREES.get(role, ()):
            return True
    return dim.lower() in _SIGNS[role]


def _is_degrees(array: xr.DataArray, role: str, dim: str) -> bool:
    if dim not in array.coords or array.coords[dim].dtype.kind not in "iuf":
        return False
    attrs = array.coords[dim].attrs
    name = {"y": "latitude", "x": "longitude"}[role]
    said = attrs.get("units") in _DEGREES[role] or attrs.get("standard_name") == name
    named = dim.lower() in {name, name[:3]} and "units" not in attrs
    limit = 90.0 if role == "y" else 720.0 if said else 360.0  # ocean models begin anywhere
    largest = np.fmax.reduce(np.abs(array.coords[dim].values), axis=None, initial=0.0)
    within = bool(largest <= limit + 1e-6)
    return (said or named) and within


HELPERS = ("bounds", "climatology", "ancillary_variables", "cell_measures", "grid_mapping")
"""Attributes that name variables which describe others: cell bounds, quality flags, areas."""


def raster_variables(dataset: xr.Dataset) -> list[str]:
    """List the variables that are rasters: numbers with rows and columns, no mere helpers."""
    names = []
    attributes = [variable.attrs for variable in dataset.variables.values()]
    helpers = {
        word for attrs in attributes for n in HELPERS for word in str(attrs.get(n, "")).split()
    }
    for name, array in dataset.data_vars.items():
        if array.dtype.kind in "iuf" and array.ndim >= 2 and name not in helpers:
            names.append(str(name))
    return names
