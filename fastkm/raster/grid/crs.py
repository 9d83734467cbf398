"""The coordinate reference system that a raster carries: a CF grid mapping, as a coordinate.

A file keeps it in a variable without dimensions, whose attributes describe it, and which the
attribute ``grid_mapping`` of a raster names. As a scalar coordinate (``spatial_ref``, as in
rioxarray) it goes wherever the raster goes: into label maps, and into files of both formats.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

Transform = tuple[float, float, float, float, float, float]
"""GDAL's geotransform: x of the outer corner, steps of x along a row and a column; y likewise."""

SPATIAL_REF = "spatial_ref"
"""The name of the coordinate if none is given."""


def find_grid_mapping(array: xr.DataArray) -> str | None:
    """Return the name of the coordinate that holds the reference system; None if there is none."""
    named = _get_mapping_name(array)
    return next((name for name in (named, SPATIAL_REF) if name in array.coords), None)


def attach_crs(array: xr.DataArray, dataset: xr.Dataset) -> xr.DataArray:
    """Attach to a variable of a dataset the reference system that it names, as a coordinate."""
    name = _get_mapping_name(array)
    if name is None or name in array.coords or name not in dataset.variables:
        return array
    described = dataset[name]
    if described.ndim:
        return array
    return array.assign_coords({name: described.reset_coords(drop=True)})


def carry_crs(source: xr.DataArray, made: xr.DataArray) -> xr.DataArray:
    """Let an array that was made of a raster name the same reference system, if it has it."""
    name = find_grid_mapping(source)
    if name is not None and name in made.coords:
        made.encoding = {**made.encoding, "grid_mapping": name}
    return made


def get_crs_wkt(array: xr.DataArray) -> str | None:
    """Return the reference system that a raster carries, as well-known text; None if none."""
    name = find_grid_mapping(array)
    attrs = {} if name is None else array.coords[name].attrs
    for key in ("crs_wkt", "spatial_ref"):
        if attrs.get(key):
            return str(attrs[key])
    if "grid_mapping_name" not in attrs:
        return None
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        return str(CRS.from_cf(attrs).to_wkt())
    except CRSError:
        return None


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


def update_geotransform(array: xr.DataArray, whole: xr.DataArray, y: str, x: str) -> xr.DataArray:
    """Correct the geotransform of a raster after some rows and columns were selected."""
    old, name = get_geotransform(whole), find_grid_mapping(array)
    if old is None or name is None or array.shape == whole.shape or y not in array.coords:
        return array
    row = float(np.argmin(np.abs(whole[y].values - array[y].values[0])))
    start = float(array[x].values[0] - whole[x].values[0]) / (old[1] or 1.0)
    column = round(start, 6)
    new = (
        old[0] + column * old[1] + row * old[2], *old[1:3],
        old[3] + column * old[4] + row * old[5], *old[4:],
    )  # fmt: skip
    described = array.coords[name].copy()
    described.attrs = {**described.attrs, "GeoTransform": " ".join(map(repr, new))}
    made = array.assign_coords({name: described})
    made.encoding = array.encoding
    return made


def _get_mapping_name(array: xr.DataArray) -> str | None:
    name = array.encoding.get("grid_mapping", array.attrs.get("grid_mapping"))
    return None if name is None else str(name)
