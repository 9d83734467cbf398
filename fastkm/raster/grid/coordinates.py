"""Coordinates of rows, columns and cells: which are latitudes and longitudes, and in which unit.

A coordinate is a latitude if its ``standard_name`` or its unit ("degrees_north") says so, or if its
unit is that of an angle, or missing, and its name, ``long_name`` or ``axis`` says so. Its numbers
must fit as well: metres may be called "lat". Other coordinates are in a unit of length or, on the
disk that a geostationary satellite sees, of angles.

Files keep their own units. `convert_coordinates` returns a raster with those of its reference
system, for all that has to know where cells lie.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastkm._core.attributes import read_text
from fastkm._core.memory import require_memory
from fastkm._core.notes import note_once
from fastkm.raster.grid.crs import fits_geotransform, get_crs_wkt, is_longlat, is_rotated
from fastkm.raster.grid.units import Unit, parse_unit

if TYPE_CHECKING:
    import xarray as xr

KINDS = {"y": "latitude", "x": "longitude"}
"""What the coordinates of rows and of columns are on the globe."""

_NORTH_EAST = {"y": "degrees_north", "x": "degrees_east"}

_WORDS = {"y": "lat(?:itude)?", "x": "lon(?:g|gitude)?"}
_GRIDS = "(?:nav|geo|x|[cfgtuvw])?_?"
"""What the names of latitudes begin with if there are several grids: "nav_lat", "XLAT", "TLAT"."""
_POINTS = "(?:_?(?:[cfmtuvwrp]|rho|psi|2d|deg|grid_[tuvw]))?"
"""What they end with: "lat_rho", "XLAT_U", "nav_lat_grid_T"."""
_NO_PLACE = re.compile(r"rot|grid[ _]?(?:lat|lon)|index|number|bound|vert")
"""Words of other coordinates that are called so."""

LIMIT = 90.0 + 1e-4
"""Degrees of latitude, as far as float32 goes in radians."""


def find_degrees(coordinate: xr.DataArray, role: str) -> float | None:
    """Return the degrees north or east of the unit of a latitude ("y") or longitude ("x").

    Return None if the coordinate is none.

    Examples
    --------
    >>> import xarray as xr
    >>> find_degrees(xr.DataArray([0.0, 1.5], dims="lat", name="lat", attrs={"units": "rad"}), "y")
    57.29577951308232
    """
    if not may_be_degrees(coordinate, role):
        return None
    text = read_text(coordinate.attrs, "units")
    unit = parse_unit(text)
    declared = read_text(coordinate.attrs, "standard_name").lower() == KINDS[role]
    declared = declared or (unit is not None and unit.role == role)
    size = 1.0 if unit is None else unit.size
    if not _fits(coordinate, role, size, declared=declared):
        return None
    if unit is None and text.strip():
        note_once(f"units {text!r} of latitudes and longitudes are taken as degrees")
    return size


def may_be_degrees(coordinate: xr.DataArray, role: str) -> bool:
    """Return True if the unit and the names of a coordinate say that it is a latitude (longitude)."""
    if coordinate.dtype.kind not in "iuf":
        return False
    text, name = (read_text(coordinate.attrs, key) for key in ("units", "standard_name"))
    unit = parse_unit(text)
    if unit is None:
        known = not text.strip() or name.lower() == KINDS[role]
        return known and is_named(coordinate, role, is_angle=False)
    if not unit.is_angle or unit.role not in {role, None}:
        return False
    if is_named(coordinate, role) or name:
        return is_named(coordinate, role) or (unit.role == role and not _NO_PLACE.search(name))
    axis = read_text(coordinate.attrs, "axis").upper() == role.upper()
    return unit.role == role or (axis and not re.search("lat|lon", str(coordinate.name).lower()))


def is_named(coordinate: xr.DataArray, role: str, *, is_angle: bool = True) -> bool:
    """Return True if the names of a coordinate say that it is a latitude or a longitude.

    More names count if its unit is that of an angle.
    """
    standard = read_text(coordinate.attrs, "standard_name").lower()
    if standard:
        return standard == KINDS[role]
    name, long_name = str(coordinate.name).lower(), read_text(coordinate.attrs, "long_name").lower()
    if _NO_PLACE.search(name) or _NO_PLACE.search(long_name):
        return False
    word = f"{_GRIDS}{_WORDS[role]}s?"
    if re.fullmatch(word + _POINTS, name) or re.search(rf"\b{KINDS[role]}s?\b", long_name):
        return True
    return is_angle and bool(re.search(rf"(?<![a-z]){word}(?![a-z])", name))


def _fits(coordinate: xr.DataArray, role: str, size: float, *, declared: bool) -> bool:
    """Return True if numbers fit into the range of latitudes or longitudes.

    By cell some may lie outside, which stand for missing places: any of a coordinate that is
    declared, otherwise one.
    """
    if coordinate.ndim > 1:
        what = f"coordinate {coordinate.name!r} of {coordinate.size:,} cells"
        require_memory(4 * 8 * coordinate.size, what, "cut out a part of the file first")
    limit = _get_limit(role, declared=declared) / abs(size)
    numbers = coordinate.values
    if ((numbers >= -limit) & (numbers <= limit)).all():
        return True
    numbers = numbers[np.isfinite(numbers)]
    outside = numbers[np.abs(numbers) > limit]
    if coordinate.ndim < 2:
        return not outside.size
    several = outside.size and not declared and (outside != outside[0]).any()
    return outside.size < max(numbers.size, 1) and not several


def _get_limit(role: str, *, declared: bool) -> float:
    if role == "y":
        return LIMIT
    return 720.0 if declared else 360.0 + 1e-4  # ocean models begin anywhere


def find_axis_coordinate(array: xr.DataArray, role: str, dim: str) -> xr.DataArray | None:
    """Find the coordinate along the rows ("y") or the columns ("x"): mostly that of the dimension.

    It is the latitudes or longitudes along the dimension if that has no coordinate, or only numbers
    without a unit.
    """
    own = array.coords[dim] if has_axis(array, dim) else None
    if own is not None and (find_degrees(own, role) is not None or _has_meaning(own, array)):
        return own
    along = _list_along(array, dim)
    found = [c for c in along if find_degrees(c, role) is not None]
    return min(found, key=lambda c: rank_name(c, role)) if found else own


def has_axis(array: xr.DataArray, dim: str) -> bool:
    """Return True if a dimension has a coordinate along it; one by cell may have its name too."""
    return dim in array.coords and array.coords[dim].dims == (dim,)


def _list_along(array: xr.DataArray, dim: str) -> list[xr.DataArray]:
    """List the coordinates along a dimension that have other names."""
    variables = array.coords.variables
    return [array.coords[n] for n, v in variables.items() if v.dims == (dim,) and n != dim]


def find_axis_role(array: xr.DataArray, dim: str) -> str | None:
    """Return "y" if latitudes lie along a dimension, "x" for longitudes; None for neither or both.

    Only coordinates of other names than the dimension count.
    """
    along = _list_along(array, dim)
    roles = [role for role in KINDS if any(find_degrees(c, role) is not None for c in along)]
    return roles[0] if len(roles) == 1 else None


def is_cell_coordinate(array: xr.DataArray) -> bool:
    """Return True if the unit and the names of a variable are those of latitudes or longitudes."""
    return any(may_be_degrees(array, role) for role in KINDS)


def _has_meaning(coordinate: xr.DataArray, array: xr.DataArray) -> bool:
    """Return True if a coordinate has a unit or a name, or a reference system says what it is."""
    return _is_described(coordinate) or get_crs_wkt(array) is not None


def _is_described(coordinate: xr.DataArray) -> bool:
    unit = parse_unit(read_text(coordinate.attrs, "units"))
    return unit is not None or bool(read_text(coordinate.attrs, "standard_name"))


def is_count(array: xr.DataArray, dim: str) -> bool:
    """Return True if a dimension has no coordinate, or one that counts its steps: 0, 1, 2 ..."""
    if not has_axis(array, dim) or _is_described(array.coords[dim]):
        return not has_axis(array, dim)
    values = array.coords[dim].values
    return values.dtype.kind in "iuf" and bool(
        len(values) and values[0] in {0, 1} and (values == values[0] + np.arange(len(values))).all()
    )


def rank_name(coordinate: xr.DataArray, role: str) -> int:
    """Return 0 for the plainest name of latitudes or longitudes, and more for others."""
    name = str(coordinate.name).lower()
    plain = {KINDS[role], KINDS[role][:3], f"nav_{KINDS[role][:3]}"}
    standard = read_text(coordinate.attrs, "standard_name").lower() == KINDS[role]
    return 0 if name in plain else 1 if standard else 2


def find_axis_degrees(array: xr.DataArray, y: str, x: str) -> tuple[float, float] | None:
    """Return the degrees of the units of rows and columns if these are latitudes and longitudes."""
    crs = get_crs_wkt(array)
    sizes = []
    for role, dim in (("y", y), ("x", x)):
        coordinate = find_axis_coordinate(array, role, dim)
        size = None if coordinate is None else find_degrees(coordinate, role)
        if coordinate is None or size is None or not _agrees(coordinate, role, crs):
            return None
        sizes.append(size)
    return sizes[0], sizes[1]


def _agrees(coordinate: xr.DataArray, role: str, crs: str | None) -> bool:
    """Return False if the coordinate is another one in the reference system of the raster.

    The degrees of a rotated pole may be called north and east, and rioxarray calls them longitudes
    and latitudes; pyproj calls grads degrees.
    """
    if crs is None or is_longlat(crs):
        return True
    if is_rotated(crs):
        return rank_name(coordinate, role) == 0
    unit = parse_unit(read_text(coordinate.attrs, "units"))
    named = is_named(coordinate, role) or (unit is not None and unit.role == role)
    units = _read_crs_units(crs)
    return named and (units is None or not units.is_angle)


def convert_coordinates(array: xr.DataArray, y: str, x: str) -> xr.DataArray:
    """Return a raster with the coordinates of rows and columns under the names of the dimensions.

    They are in degrees if they are latitudes and longitudes, otherwise in the units of the
    reference system, if there is one.

    Examples
    --------
    >>> import xarray as xr
    >>> coords = {"lat": ("row", [0.0, 1.0]), "lon": ("column", [5.0, 6.0])}
    >>> convert_coordinates(xr.DataArray(np.zeros((2, 2)), coords, ("row", "column")), "row", "column").row.values
    array([0., 1.])
    """
    degrees, crs = find_axis_degrees(array, y, x), get_crs_wkt(array)
    if degrees is None and fits_geotransform(array, y, x):  # which is in the units of the system
        return array
    made = {}
    for number, (role, dim) in enumerate((("y", y), ("x", x))):
        coordinate = find_axis_coordinate(array, role, dim)
        if coordinate is None or coordinate.dtype.kind not in "iuf":
            continue
        size = degrees[number] if degrees else _find_factor(coordinate, crs)
        if size == 1.0 and coordinate.name == dim:
            continue
        bounds = {k: v for k, v in coordinate.encoding.items() if k == "bounds"}
        attrs = {**bounds, **coordinate.attrs}
        if degrees:
            attrs |= {"standard_name": KINDS[role], "units": _NORTH_EAST[role]}
        elif size != 1.0:
            attrs.pop("units", None)
        values = coordinate.values if size == 1.0 else coordinate.values.astype(float) * size
        made[dim] = (dim, values, attrs)
    return array.assign_coords(made) if made else array


class _CrsUnits(NamedTuple):
    """Whether a reference system counts in angles; the size and the name of its unit.

    `height` is that of a geostationary satellite, in metres.
    """

    is_angle: bool
    size: float
    name: str
    height: float | None


@lru_cache(maxsize=32)
def _read_crs_units(crs: str) -> _CrsUnits | None:
    """Read the units of a reference system; None if it has no axes."""
    from pyproj import CRS

    system = CRS(crs)
    if not system.axis_info:
        return None
    axis = system.axis_info[0]
    is_angle = bool(system.is_geographic)
    size = float(
        np.degrees(axis.unit_conversion_factor) if is_angle else axis.unit_conversion_factor
    )
    plain: Any = system.source_crs if system.is_bound else system
    heights = [
        parameter.value * parameter.unit_conversion_factor
        for parameter in getattr(plain.coordinate_operation, "params", ())
        if parameter.name.lower().replace("_", " ") == "satellite height"
    ]
    return _CrsUnits(is_angle, size or 1.0, axis.unit_name, heights[0] if heights else None)


def _find_factor(coordinate: xr.DataArray, crs: str | None) -> float:
    """Return what turns numbers of a coordinate into the units of a reference system."""
    wanted = None if crs is None else _read_crs_units(crs)
    if wanted is None:
        return 1.0
    text = read_text(coordinate.attrs, "units").strip()
    unit = parse_unit(text)
    if unit is None and wanted.height and _is_tiny(coordinate):  # no grid is a metre wide
        unit = parse_unit("radian")
    if unit is not None:
        factor = _compute_factor(unit, text, wanted)
        if factor is not None:
            return factor
    elif text in {"", "1"}:
        return 1.0
    note_once(
        f"units {text!r} of coordinates are taken as those of the reference system, {wanted.name}"
    )
    return 1.0


def _compute_factor(unit: Unit, text: str, wanted: _CrsUnits) -> float | None:
    """Return the ratio of two units; None if one is a length and the other an angle."""
    if unit.is_angle == wanted.is_angle:
        feet = text.lower() in {"ft", "foot", "feet"} and "foot" in wanted.name  # of any kind
        ratio = unit.size / wanted.size
        return 1.0 if feet or abs(ratio - 1.0) < 1e-9 else ratio
    if unit.is_angle and wanted.height:  # angles at which a satellite scans
        return float(np.radians(unit.size)) * wanted.height / wanted.size
    return None


def _is_tiny(coordinate: xr.DataArray) -> bool:
    return bool(np.fmax.reduce(np.abs(coordinate.values), initial=0.0) < 1.0)


def find_cell_coordinates(
    array: xr.DataArray, y: str, x: str
) -> tuple[np.ndarray, np.ndarray] | None:
    """Find the latitude and the longitude of every cell, in degrees, (rows, columns), float64.

    They are coordinates of two dimensions; return None if there are none. Both are NaN in cells in
    which one of them is missing or out of range.
    """
    found = []
    cells = [c for c in array.coords.values() if set(c.dims) == {y, x}]
    for role in KINDS:
        sizes = [(find_degrees(c, role), c) for c in cells if may_be_degrees(c, role)]
        usable = [(rank_name(c, role), n, size, c) for n, (size, c) in enumerate(sizes) if size]
        if not usable:
            return None
        *_, size, chosen = min(usable, key=lambda each: each[:2])
        degrees = np.asarray(chosen.transpose(y, x).values, np.float64) * size
        limit = _get_limit(role, declared=True)
        found.append(np.where(np.abs(degrees) <= limit, degrees, np.nan))
    missing = np.isnan(found[0]) | np.isnan(found[1])
    for degrees in found:
        degrees[missing] = np.nan
    return None if missing.all() else (found[0], found[1])
