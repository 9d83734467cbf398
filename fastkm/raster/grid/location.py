"""What says where the cells of a variable lie, gathered from its dataset.

A variable names its grid mapping, and latitudes and longitudes of other dimensions than their names,
in attributes. Where no attribute names these, they are found by what they are called and by their
dimensions: "lat(nlat)", "XLAT(south_north, west_east)".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastkm._core.notes import note_once
from fastkm.raster.grid.coordinates import KINDS, find_degrees, may_be_degrees, rank_name
from fastkm.raster.grid.crs import attach_crs, get_crs_wkt

if TYPE_CHECKING:
    from collections.abc import Hashable

    import xarray as xr

_PACKING = ("scale_factor", "add_offset", "_Unsigned", "_FillValue", "missing_value")
"""Attributes and encoding of packed coordinates."""


def attach_location(array: xr.DataArray, dataset: xr.Dataset) -> xr.DataArray:
    """Attach to a variable of a dataset what says where its cells lie, as coordinates.

    These are its reference system, and latitudes and longitudes that no attribute names. Packed
    coordinates are unpacked.
    """
    array = _unpack_coordinates(attach_crs(array, dataset))
    if get_crs_wkt(array) is not None and set(array.dims[-2:]) <= set(array.coords):
        return array
    if all(_has_kind(array, role) for role in KINDS):
        return array
    pair = _find_pair(array, dataset)
    return array if pair is None else array.assign_coords(pair)


def _has_kind(array: xr.DataArray, role: str) -> bool:
    """Return True if a raster has latitudes (longitudes) already."""
    return any(c.ndim and find_degrees(c, role) is not None for c in array.coords.values())


def _find_pair(array: xr.DataArray, dataset: xr.Dataset) -> dict[Hashable, Any] | None:
    """Find latitudes and longitudes for a variable, by axis or by cell; None if there are none."""
    dims = set(array.dims)
    found = {}
    for role in KINDS:
        variables = (dataset[name].reset_coords(drop=True) for name in dataset.variables)
        likely = [v for v in variables if _may_fit(v, array) and may_be_degrees(v, role)]
        found[role] = [v for v in map(_unpack, likely) if find_degrees(v, role)]
    # those on the dimensions of the variable come first, then those of the same shape
    pairs = [
        (not set(y.dims) <= dims, -len(set(y.dims) | set(x.dims)), rank_name(y, "y"), order, y, x)
        for order, y in enumerate(found["y"])
        for x in found["x"]
        if set(y.dims) == set(x.dims) or (y.ndim == x.ndim == 1 and y.dims != x.dims)
    ]
    pairs = [p for p in pairs if len(set(p[4].dims) | set(p[5].dims)) >= 2]
    if not pairs:
        return None
    pairs.sort(key=lambda pair: pair[:4])
    *best, _, y, x = pairs[0]
    if sum(list(pair[:3]) == best for pair in pairs) > 1:
        note_once(
            f"several coordinates may be the places of {array.name!r}: {y.name!r} and {x.name!r} "
            "are taken"
        )
    return {c.name: (_rename_dims(c, array), c.values, c.attrs) for c in (y, x)}


def _may_fit(variable: xr.DataArray, array: xr.DataArray) -> bool:
    """Return True if a variable has dimensions, or the shape, of the rows and columns of another."""
    if not variable.ndim or variable.dtype.kind not in "iuf" or variable.name == array.name:
        return False
    if set(variable.dims) <= set(array.dims):
        return variable.ndim <= 2 or set(variable.dims) == set(array.dims)
    return (
        variable.ndim == 2
        and variable.shape == array.shape[-2:]
        and not (set(variable.dims) & set(array.dims))
    )


def _rename_dims(coordinate: xr.DataArray, array: xr.DataArray) -> tuple[Hashable, ...]:
    """Return the dimensions of a coordinate in the names that a variable has for them."""
    return coordinate.dims if set(coordinate.dims) <= set(array.dims) else array.dims[-2:]


def _unpack_coordinates(array: xr.DataArray) -> xr.DataArray:
    """Unpack coordinates that are as stored, and forget how those that are unpacked were packed."""
    made = {}
    for name, coordinate in array.coords.items():
        packed = any(key in {**coordinate.attrs, **coordinate.encoding} for key in _PACKING)
        if packed and coordinate.ndim and coordinate.dtype.kind in "iuf":
            unpacked = _unpack(coordinate).variable.copy(deep=False)
            left = (
                {*_PACKING, "dtype"}
                if {"scale_factor", "add_offset"} & set(unpacked.encoding)
                else set()
            )
            unpacked.encoding = {k: v for k, v in unpacked.encoding.items() if k not in left}
            made[name] = unpacked
    return array.assign_coords(made) if made else array


def _unpack(coordinate: xr.DataArray) -> xr.DataArray:
    """Unpack a coordinate if it is as stored."""
    import xarray as xr
    from xarray.conventions import decode_cf_variable

    if not any(key in coordinate.attrs for key in _PACKING):
        return coordinate
    name = str(coordinate.name)
    stored = coordinate.variable.to_base_variable()
    try:
        decoded = decode_cf_variable(name, stored, decode_times=False, decode_timedelta=False)
    except (TypeError, ValueError):  # attributes that are something else
        return coordinate
    return xr.DataArray(decoded.load(), name=name)
