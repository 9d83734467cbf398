"""The coordinate reference system that a raster carries: a CF grid mapping, as a coordinate.

A file keeps it in a variable without dimensions, whose attributes describe it, and which the
attribute ``grid_mapping`` of a raster names. As a scalar coordinate (``spatial_ref``, as in
rioxarray) it goes wherever the raster goes: into label maps, and into files of both formats.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core.attributes import SPATIAL_REF, find_grid_mapping, get_mapping_name
from fastkm._core.notes import note_once
from fastkm.raster.grid.grid_mapping import clean_mapping, read_system

if TYPE_CHECKING:
    import xarray as xr
    from pyproj import CRS

Transform = tuple[float, float, float, float, float, float]
"""GDAL's geotransform: x of the outer corner, steps of x along a row and a column; y likewise."""

SAME_DEGREES = 1e-9
"""Degrees by which a pole that rotates nothing may move a place."""

_SAMPLED = np.array([[10.0, 20.0], [100.0, 50.0], [-60.0, -30.0]])
"""Longitudes and latitudes that a pole is tried at."""


def attach_crs(array: xr.DataArray, dataset: xr.Dataset) -> xr.DataArray:
    """Attach to a variable of a dataset the reference system that it names, as a coordinate.

    What cannot be read of it is left out, with a note.
    """
    names = [get_mapping_name(array), SPATIAL_REF]
    if names[0] is not None and names[0] not in dataset.variables:
        note_once(f"grid mapping {names[0]!r} of {array.name!r} is not in the file: it is ignored")
    for name in names:
        if name is None or name not in dataset.variables:
            continue
        described = dataset[name].reset_coords(drop=True)
        if described.size != 1:
            note_once(f"grid mapping {name!r} of {array.name!r} has dimensions: it is ignored")
            continue
        described = described.squeeze(drop=True).copy()
        described.attrs = clean_mapping(described.attrs, name)
        if described.attrs:
            return array.assign_coords({name: described})
    return array


def get_crs_wkt(array: xr.DataArray) -> str | None:
    """Return the reference system that a raster carries, as well-known text; None if none.

    Instead of a pole that rotates nothing it is that of the longitudes and latitudes.
    """
    name = find_grid_mapping(array)
    carried = None if name is None else read_system(array.coords[name].attrs, name)
    return None if carried is None else _drop_idle_pole(carried)


def has_plain_degrees(crs: CRS | str | None) -> bool:
    """Return True if coordinates are longitudes and latitudes in degrees, counted from Greenwich.

    A rotated pole has degrees that are not longitudes and latitudes, and pyproj calls it geographic
    all the same; so it does grads, and longitudes from other meridians.

    Examples
    --------
    >>> has_plain_degrees("EPSG:4326"), has_plain_degrees("EPSG:4807"), has_plain_degrees(None)
    (True, False, False)
    """
    system = None if crs is None else _unrotate(str(crs))
    if system is None or system.prime_meridian is None:
        return False
    return is_longlat(crs) and system.prime_meridian.longitude == 0.0


def is_longlat(crs: CRS | str | None) -> bool:
    """Return True if coordinates are longitudes and latitudes in degrees, from any meridian."""
    system = None if crs is None else _unrotate(str(crs))
    if system is None or system.is_derived:
        return False
    return all(axis.unit_name == "degree" for axis in system.axis_info[:2])


def is_rotated(crs: CRS | str | None) -> bool:
    """Return True if degrees are derived from longitudes and latitudes, as by a rotated pole."""
    system = None if crs is None else _unrotate(str(crs))
    return system is not None and bool(system.is_derived)


@lru_cache(maxsize=32)
def _drop_idle_pole(wkt: str) -> str:
    """Return the system of longitudes and latitudes for a pole that rotates nothing."""
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        is_derived = CRS(wkt).is_derived
    except CRSError:
        return wkt
    system = _unrotate(wkt)
    if not is_derived or system is None or system.is_derived:
        return wkt
    return str(system.to_wkt())


@lru_cache(maxsize=32)
def _unrotate(crs: str) -> CRS | None:
    """Return a geographic system without heights, and without a pole that rotates nothing.

    Return None for any other system.
    """
    from pyproj import CRS, Transformer
    from pyproj.exceptions import CRSError

    system: Any
    try:
        system = CRS(crs)
    except CRSError:
        return None
    while system.is_bound or system.is_compound:
        system = system.source_crs if system.is_bound else system.sub_crs_list[0]
    if not system.is_geographic:
        return None
    if not system.is_derived:
        return system
    # try a few places
    move = Transformer.from_crs(system, system.source_crs, always_xy=True)
    moved = np.column_stack(move.transform(*_SAMPLED.T))
    shift = (moved - _SAMPLED + 180.0) % 360.0 - 180.0
    found: CRS = system.source_crs if np.abs(shift).max() < SAME_DEGREES else system
    return found


def get_geotransform(array: xr.DataArray) -> Transform | None:
    """Return the geotransform that a raster carries; None if it carries none."""
    name = find_grid_mapping(array)
    text = "" if name is None else str(array.coords[name].attrs.get("GeoTransform", ""))
    try:
        numbers = tuple(float(number) for number in text.split())
    except ValueError:
        return None
    return numbers if len(numbers) == 6 else None


def compute_geotransform(array: xr.DataArray, y: str, x: str) -> Transform | None:
    """Compute the geotransform from coordinates; None if they are not evenly spaced."""
    ends = []
    for dim in (x, y):
        if dim not in array.coords or array.sizes[dim] < 2:
            return None
        centres = np.asarray(array[dim].values, np.float64)
        step = (centres[-1] - centres[0]) / (len(centres) - 1)
        even = centres[0] + step * np.arange(len(centres))
        if step == 0 or np.abs(even - centres).max() > 1e-3 * abs(step):
            return None
        ends.append((float(centres[0] - step / 2), float(step)))
    (left, right), (top, down) = ends
    return (left, right, 0.0, top, 0.0, down)


def fits_geotransform(array: xr.DataArray, y: str, x: str) -> bool:
    """Return True if a raster carries a geotransform that is that of its coordinates."""
    carried = get_geotransform(array)
    computed = None if carried is None else compute_geotransform(array, y, x)
    if carried is None or computed is None:
        return False
    steps = np.array([carried[1], carried[1], 1.0, carried[5], 1.0, carried[5]])
    return bool((np.abs(np.subtract(carried, computed)) <= 0.01 * np.abs(steps)).all())


def update_geotransform(array: xr.DataArray, whole: xr.DataArray, y: str, x: str) -> xr.DataArray:
    """Correct the geotransform of a raster after some rows and columns were selected."""
    old, name = get_geotransform(whole), find_grid_mapping(array)
    if old is None or name is None or array.shape == whole.shape or y not in array.coords:
        return array
    row = float(np.argmin(np.abs(whole[y].values - array[y].values[0])))
    columns = np.asarray(whole[x].values, np.float64)  # perhaps in other units than the transform
    step = float(columns[-1] - columns[0]) / max(len(columns) - 1, 1) or 1.0
    column = round(float(array[x].values[0] - columns[0]) / step, 6)
    new = (
        old[0] + column * old[1] + row * old[2], *old[1:3],
        old[3] + column * old[4] + row * old[5], *old[4:],
    )  # fmt: skip
    described = array.coords[name].copy()
    described.attrs = {**described.attrs, "GeoTransform": " ".join(map(repr, new))}
    made = array.assign_coords({name: described})
    made.encoding = array.encoding
    return made
