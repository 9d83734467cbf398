"""Polygons as RFC 7946 wants them: WGS84, longitudes -180..180, cut at the antimeridian.

GDAL's own ``RFC7946=YES`` is not used. It takes an edge of more than 350 degrees for a short one
across the antimeridian, so a belt from -178 to 178 becomes the 4 degrees that it leaves out; and
of a belt from 0 to 360 it makes a collection of a polygon and a line.

Polygons in longitudes and latitudes are moved by whole turns and cut where they cross a meridian of
180; a straight edge stays what it is, however long. Edges in a projected system are curves on the
globe: they get a point every ten kilometres and go to WGS84 point by point, and
`fastkm.vector.antimeridian` cuts the polygons and closes them over a pole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm.vector.antimeridian import (
    cut_at_meridian,
    cut_to_turns,
    round_longitudes,
    select_polygonal_parts,
)

if TYPE_CHECKING:
    import geopandas as gpd
    import pyproj

WGS84 = "EPSG:4326"
WEST = -180.0
STEP_METRES = 10_000.0
"""Longest edge of a projected ring: the arc and the chord are 2 m apart in middle latitudes."""
STEP_DEGREES = 0.1
"""The same in the degrees of a rotated pole."""


def to_rfc7946(outlines: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return (Multi)Polygons in WGS84, longitudes of -180 to 180, exteriors counter-clockwise.

    Without a CRS they are only turned counter-clockwise. The frame that is returned has no CRS, so that
    no writer adds one.

    Raises
    ------
    ValueError
        If a point lies where its CRS has no place on Earth.

    Examples
    --------
    >>> import geopandas, shapely
    >>> belt = geopandas.GeoDataFrame(geometry=[shapely.box(150, 0, 210, 5)], crs=4326)
    >>> sorted(part.bounds for part in to_rfc7946(belt).geometry[0].geoms)
    [(-180.0, 0.0, -150.0, 5.0), (150.0, 0.0, 180.0, 5.0)]
    """
    import shapely

    crs = outlines.crs
    shapes = np.asarray(outlines.geometry.array, object)
    if crs is not None:
        if crs.is_geographic and not crs.is_derived:
            shapes = _cut_beyond_turn(_change_datum(shapes, crs))
        else:
            shapes = _unproject(shapes, crs)
    bare = outlines.set_crs(None, allow_override=True)
    return bare.set_geometry(shapely.orient_polygons(shapes))


def _change_datum(shapes: np.ndarray, crs: pyproj.CRS) -> np.ndarray:
    """Change the datum of degrees to WGS84, and leave each longitude in the turn where it was."""
    import pyproj
    import shapely

    if crs == pyproj.CRS(WGS84):
        return shapes
    move = pyproj.Transformer.from_crs(crs, WGS84, always_xy=True)
    degrees = np.degrees(crs.axis_info[0].unit_conversion_factor)

    def place(points: np.ndarray) -> np.ndarray:
        moved = _move_points(points, move, crs)
        moved[:, 0] += 360.0 * np.round((points[:, 0] * degrees - moved[:, 0]) / 360.0)
        return moved

    return np.asarray(shapely.transform(shapes, place))


def _cut_beyond_turn(shapes: np.ndarray) -> np.ndarray:
    """Cut shapes at the meridians of 180 and move what lies beyond by whole turns."""
    import shapely

    bounds = shapely.bounds(shapes)
    shapes = shapes.copy()
    for i in np.flatnonzero((bounds[:, 0] < WEST) | (bounds[:, 2] > WEST + 360.0)):
        rounded = shapely.transform(
            shapes[i], lambda xy: np.column_stack([round_longitudes(xy[:, 0]), xy[:, 1]])
        )
        parts, _ = select_polygonal_parts(cut_to_turns(rounded, WEST, beyond_pole=1.0))
        shapes[i] = shapely.union_all(parts)
    return shapes


def _unproject(shapes: np.ndarray, crs: pyproj.CRS) -> np.ndarray:
    """Take projected polygons to degrees."""
    import pyproj
    import shapely

    move = pyproj.Transformer.from_crs(crs, WGS84, always_xy=True)
    unit = crs.axis_info[0].unit_conversion_factor if crs.axis_info else 1.0
    # a rotated pole has degrees
    step = STEP_DEGREES if crs.is_geographic else STEP_METRES / unit
    poles = _find_poles(move)
    found = np.empty(len(shapes), object)
    # short edges, and a point where an edge runs through a pole
    shapes = shapely.orient_polygons(shapes)
    for _, pole in poles:
        shapes = shapely.snap(shapes, pole, step * 1e-6)
    for i, shape in enumerate(shapely.segmentize(shapes, step)):
        parts = []
        for polygon in shapely.get_parts(shape):
            around = shapely.Polygon(polygon.exterior)
            inside = [latitude for latitude, pole in poles if around.intersects(pole)]
            moved = shapely.transform(polygon, lambda points: _move_points(points, move, crs))
            parts += cut_at_meridian(moved, WEST, inside[0] if inside else None).tolist()
        found[i] = shapely.union_all(parts)
    return found


def _find_poles(move: pyproj.Transformer) -> list[tuple[float, Any]]:
    """Return the latitudes of the poles that are points of the plane, and these points."""
    import shapely

    places = []
    for latitude in (-90.0, 90.0):
        x, y = move.transform([0.0, 120.0], [latitude] * 2, direction="INVERSE")
        if np.isfinite(x).all() and np.ptp(x) < 1e-3 and np.ptp(y) < 1e-3:
            places.append((latitude, shapely.Point(x[0], y[0])))
    return places


def _move_points(points: np.ndarray, move: pyproj.Transformer, crs: pyproj.CRS) -> np.ndarray:
    """Transform points to longitudes and latitudes, all of which must be there."""
    moved = np.column_stack(move.transform(*points.T))
    if not np.isfinite(moved).all():
        raise ValueError(
            f"GeoJSON needs longitudes and latitudes, and outlines have points without them in "
            f"{crs.name}: write another format, which keeps the CRS"
        )
    return moved
