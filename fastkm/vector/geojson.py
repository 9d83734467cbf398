"""Polygons as RFC 7946 wants them: WGS84, longitudes -180..180, cut at the antimeridian.

GDAL's own ``RFC7946=YES`` is not used. It takes an edge of more than 350 degrees for a short one
across the antimeridian, so a belt from -178 to 178 becomes the 4 degrees that it leaves out; and
of a belt from 0 to 360 it makes a collection of a polygon and a line.

Latitudes and longitudes are moved by whole turns and cut where they cross a meridian of 180; a
straight edge stays what it is, however long. Edges in a projected system are curves on the globe:
they get a point every ten kilometres, go to WGS84 point by point, and each ring is unrolled, so
that no edge jumps from 180 to -180. A ring that does not end where it began has gone round a pole
and is closed over it. A ring through a pole meets it on two meridians and runs along its latitude
in between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import geopandas as gpd
    import pyproj
    import shapely

WGS84 = "EPSG:4326"
STEP_METRES = 10_000.0
"""Longest edge of a projected ring: the arc and the chord are 2 m apart in middle latitudes."""
STEP_DEGREES = 0.1
"""The same in the degrees of a rotated pole."""
AT_POLE = 1e-9
"""Degrees from a pole within which a point has no longitude."""
GRAINS = 2.0**40
"""To a degree: longitudes in whole grains, of 0.1 micrometres, stay exact when turns are added."""


def to_rfc7946(outlines: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Give polygons in WGS84 with longitudes of -180 to 180, exteriors counter-clockwise.

    Parameters
    ----------
    outlines : geopandas.GeoDataFrame
        Polygons and MultiPolygons; without a CRS they are only turned counter-clockwise.

    Returns
    -------
    geopandas.GeoDataFrame
        The same rows. Without a CRS, so that no writer adds one.

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
            shapes = _within_a_turn(_in_wgs84(shapes, crs))
        else:
            shapes = _unprojected(shapes, crs)
    bare = outlines.set_crs(None, allow_override=True)
    return bare.set_geometry(shapely.orient_polygons(shapes))


def _in_wgs84(shapes: np.ndarray, crs: pyproj.CRS) -> np.ndarray:
    """Change the datum of degrees, and leave each longitude in the turn where it was."""
    import pyproj
    import shapely

    if crs == pyproj.CRS(WGS84):
        return shapes
    move = pyproj.Transformer.from_crs(crs, WGS84, always_xy=True)
    degrees = np.degrees(crs.axis_info[0].unit_conversion_factor)

    def place(points: np.ndarray) -> np.ndarray:
        x, y = _finite(move.transform(*points.T), crs)
        turns = np.round((points[:, 0] * degrees - x) / 360.0)
        return np.column_stack([x + 360.0 * turns, y])

    return np.asarray(shapely.transform(shapes, place))


def _within_a_turn(shapes: np.ndarray) -> np.ndarray:
    """Cut shapes at the meridians of 180 and move what lies beyond by whole turns."""
    import shapely

    bounds = shapely.bounds(shapes)
    beyond = np.flatnonzero((bounds[:, 0] < -180.0) | (bounds[:, 2] > 180.0))
    shapes = shapes.copy()
    for i in beyond:
        shapes[i] = _joined(_turns(shapes[i]))
    return shapes


def _turns(shape: shapely.Geometry) -> list[shapely.Geometry]:
    """Cut a shape into its parts by turn, each moved to -180..180."""
    import shapely

    west, south, east, north = shape.bounds
    shape = shapely.transform(shape, lambda xy: np.column_stack([_grained(xy[:, 0]), xy[:, 1]]))
    parts = []
    for turn in range(int(np.floor((west + 180.0) / 360.0)), int(np.ceil((east + 180.0) / 360.0))):
        middle = 360.0 * turn
        box = shapely.box(middle - 180.0, south - 1.0, middle + 180.0, north + 1.0)
        part = shapely.intersection(shape, box)
        parts.append(shapely.transform(part, lambda xy, x=middle: xy - (x, 0.0)))
    return parts


def _joined(parts: list[shapely.Geometry]) -> shapely.Geometry:
    """Join what belongs together, without the lines and points that cuts leave."""
    import shapely

    pieces = shapely.get_parts(shapely.get_parts(parts))
    return shapely.union_all(pieces[shapely.get_dimensions(pieces) == 2])


def _unprojected(shapes: np.ndarray, crs: pyproj.CRS) -> np.ndarray:
    """Take projected polygons to degrees."""
    import pyproj
    import shapely

    move = pyproj.Transformer.from_crs(crs, WGS84, always_xy=True)
    unit = crs.axis_info[0].unit_conversion_factor if crs.axis_info else 1.0
    # a rotated pole has degrees
    step = STEP_DEGREES if crs.is_geographic else STEP_METRES / unit
    poles = _poles(move)
    found = np.empty(len(shapes), object)
    for i, shape in enumerate(shapes):
        parts = []
        for polygon in shapely.get_parts(shape):
            filled = [
                _filled(_through_poles(ring, step, poles), move, poles, crs)
                for ring in shapely.get_rings(polygon)
            ]
            parts.append(shapely.difference(filled[0], shapely.union_all(filled[1:])))
        found[i] = _joined(parts)
    return found


def _poles(move: pyproj.Transformer) -> list[tuple[float, Any]]:
    """Give the latitudes of the poles that are points of the plane, and these points."""
    import shapely

    places = []
    for latitude in (-90.0, 90.0):
        x, y = move.transform([0.0, 120.0], [latitude] * 2, direction="INVERSE")
        if np.isfinite(x).all() and np.ptp(x) < 1e-3 and np.ptp(y) < 1e-3:
            places.append((latitude, shapely.Point(x[0], y[0])))
    return places


def _through_poles(ring: Any, step: float, poles: list[tuple[float, Any]]) -> Any:
    """Give a ring short edges, and a point where it runs through a pole."""
    import shapely

    for _, pole in poles:
        ring = shapely.snap(ring, pole, step * 1e-6)
    return shapely.segmentize(ring, step)


def _filled(
    ring: Any, move: pyproj.Transformer, poles: list[tuple[float, Any]], crs: pyproj.CRS
) -> shapely.Geometry:
    """Give what a ring encloses, in degrees within -180..180."""
    import shapely

    x, y = _finite(move.transform(*shapely.get_coordinates(ring).T), crs)
    x, y = _spread_poles(_grained(x), y)
    x[1:] -= 360.0 * np.cumsum(np.round(np.diff(x) / 360.0))  # whole turns, so the ends meet
    if abs(x[-1] - x[0]) > 180.0:
        plane = shapely.Polygon(ring)
        inside = [latitude for latitude, pole in poles if plane.intersects(pole)]
        pole = inside[0] if inside else float(np.copysign(90.0, y.mean()))
        x, y = np.append(x, [x[-1], x[0]]), np.append(y, [pole, pole])
    unrolled = shapely.Polygon(np.column_stack([x, y]))
    if not unrolled.is_valid:
        unrolled = shapely.make_valid(unrolled)
    return _joined(_turns(unrolled))


def _spread_poles(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Put a point at a pole on two meridians: where the ring comes from, and where it goes."""
    at = np.abs(y) > 90.0 - AT_POLE
    if not at.any() or at.all():
        return x, y
    x, y, at = x[:-1], y[:-1], at[:-1]  # open, and begun where there is a longitude
    start = int(np.flatnonzero(~at)[0])
    x, y, at = np.roll(x, -start), np.roll(y, -start), np.roll(at, -start)
    index = np.arange(len(x))
    known = np.flatnonzero(~at)
    before = known[np.searchsorted(known, index, side="right") - 1]
    after = known[np.searchsorted(known, index) % len(known)]
    twice = np.repeat(index, 1 + at)
    second = np.append(False, twice[1:] == twice[:-1])
    lon = np.where(second, x[after][twice], x[before][twice])
    lat = np.where(at[twice], np.copysign(90.0, y[twice]), y[twice])
    return np.append(lon, lon[0]), np.append(lat, lat[0])


def _grained(longitudes: np.ndarray) -> np.ndarray:
    return np.asarray(np.round(longitudes * GRAINS) / GRAINS)


def _finite(places: tuple[Any, Any], crs: pyproj.CRS) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.asarray(places[0], np.float64), np.asarray(places[1], np.float64)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError(
            f"GeoJSON wants longitudes and latitudes, and outlines have points without them in "
            f"{crs.name}; other formats keep the CRS"
        )
    return x, y
