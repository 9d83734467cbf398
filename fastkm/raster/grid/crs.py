"""The coordinate reference system that a raster carries: a CF grid mapping, as a coordinate.

A file keeps it in a variable of no dimensions whose attributes describe it, and which the
``grid_mapping`` of a raster names. As a scalar coordinate of the raster (``spatial_ref``, as
rioxarray has it) it goes wherever the raster goes: into label maps, and into files of both formats.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

Transform = tuple[float, float, float, float, float, float]

SPATIAL_REF = "spatial_ref"
"""The name where none is given."""


def grid_mapping(array: xr.DataArray) -> str | None:
    """Name the coordinate that holds the reference system; None where there is none.

    Examples
    --------
    >>> import xarray as xr
    >>> array = xr.DataArray([[1.0]], {"spatial_ref": 0})
    >>> grid_mapping(array)
    'spatial_ref'
    """
    named = _named(array)
    return next((name for name in (named, SPATIAL_REF) if name in array.coords), None)


def with_crs(array: xr.DataArray, dataset: xr.Dataset) -> xr.DataArray:
    """Give a variable of a dataset the reference system that it names, as a coordinate."""
    name = _named(array)
    if name is None or name in array.coords or name not in dataset.variables:
        return array
    described = dataset[name]
    if described.ndim:
        return array
    return array.assign_coords({name: described.reset_coords(drop=True)})


def carry_crs(source: xr.DataArray, made: xr.DataArray) -> xr.DataArray:
    """Let what was made of a raster name the reference system that its coordinates hold."""
    name = grid_mapping(source)
    if name is not None and name in made.coords:
        made.encoding = {**made.encoding, "grid_mapping": name}
    return made


def crs_wkt(array: xr.DataArray) -> str | None:
    """Give the reference system that a raster carries as well-known text; None where none."""
    name = grid_mapping(array)
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


def geotransform(array: xr.DataArray) -> Transform | None:
    """Give the six numbers of GDAL that lead from pixels to coordinates, as the raster has them.

    Returns
    -------
    tuple of float or None
        x of the outer corner, steps of x along a row and a column, y and its steps likewise.
    """
    name = grid_mapping(array)
    text = "" if name is None else str(array.coords[name].attrs.get("GeoTransform", ""))
    try:
        numbers = tuple(float(number) for number in text.split())
    except ValueError:
        return None
    return numbers if len(numbers) == 6 else None


def grid_transform(array: xr.DataArray, y: str, x: str) -> Transform | None:
    """Give the same from the coordinates, where they are evenly spaced; else None."""
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


def moved(array: xr.DataArray, whole: xr.DataArray, y: str, x: str) -> xr.DataArray:
    """Correct the transform that a raster carries after some rows and columns were taken of it."""
    old, name = geotransform(whole), grid_mapping(array)
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


def _named(array: xr.DataArray) -> str | None:
    name = array.encoding.get("grid_mapping", array.attrs.get("grid_mapping"))
    return None if name is None else str(name)
