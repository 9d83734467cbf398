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

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core.notes import warn_user
from fastkm.raster.grid.crs import is_longlat
from fastkm.raster.grid.projection import make_degree_transform
from fastkm.vector.antimeridian import (
    cut_at_meridian,
    cut_to_turns,
    round_longitudes,
    select_polygonal_parts,
)
from fastkm.vector.formats.earth import find_earth

if TYPE_CHECKING:
    import geopandas as gpd
    import pyproj
    import shapely

    from fastkm.raster.grid.projection import PointTransform

WGS84 = "EPSG:4326"
WEST = -180.0
STEP_METRES = 10_000.0
"""Longest edge of a projected ring: the arc and the chord are 2 m apart in middle latitudes."""
LARGE_AREA = 1e14
"""Square metres in the plane, a fifth of the Earth, from which a polygon may surround the point where
a plane round the opposite one ends."""
STEP_DEGREES = 0.1
"""The same in the degrees of a rotated pole."""


@dataclass
class EarthEdge:
    """The Earth's edge, for outlines that come in batches: where it is looked for, and what it cuts.

    Attributes
    ----------
    bounds : (4,) array, optional
        Least x and y and greatest x and y of all batches; by default each batch has its own.
    beyond, rows : int
        How many outlines reach beyond the edge, and of how many.
    """

    bounds: np.ndarray | None = None
    beyond: int = 0
    rows: int = 0

    def warn(self) -> None:
        """Warn if something lies beyond."""
        if self.beyond:
            warn_user(
                f"{self.beyond} of {self.rows} outlines reach beyond the Earth's edge: in longitudes "
                "and latitudes what lies there is left out"
            )


def to_rfc7946(outlines: gpd.GeoDataFrame, *, edge: EarthEdge | None = None) -> gpd.GeoDataFrame:
    """Return (Multi)Polygons in WGS84, longitudes of -180 to 180, exteriors counter-clockwise.

    Without a CRS they are only turned counter-clockwise. The frame that is returned has no CRS, so that
    no writer adds one. What lies beyond the Earth's edge, in space around a full disk, is left out,
    and so is a row of which nothing remains. If an `edge` is given, it counts them, and is to warn.

    Raises
    ------
    ValueError
        If the CRS says nothing about the Earth.

    Warns
    -----
    UserWarning
        If something lies beyond the Earth's edge.

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
        if is_longlat(crs):
            shapes = _cut_beyond_turn(_change_datum(shapes, crs))
        else:
            own = edge or EarthEdge()
            shapes = _unproject(shapes, crs, own)
            if edge is None:
                own.warn()
    bare = outlines.set_crs(None, allow_override=True)
    made = bare.set_geometry(shapely.orient_polygons(shapes))
    return made[~shapely.is_empty(shapes)]


def to_longlat(outlines: gpd.GeoDataFrame, *, edge: EarthEdge | None = None) -> gpd.GeoDataFrame:
    """Return outlines as `to_rfc7946` does, in EPSG:4326."""
    return to_rfc7946(outlines, edge=edge).set_crs(WGS84)


def _change_datum(shapes: np.ndarray, crs: pyproj.CRS) -> np.ndarray:
    """Change the datum of degrees to WGS84, and leave each longitude in the turn where it was."""
    import pyproj
    import shapely

    if crs == pyproj.CRS(WGS84):
        return shapes
    move = pyproj.Transformer.from_crs(crs, WGS84, always_xy=True)

    def place(points: np.ndarray) -> np.ndarray:
        moved = np.column_stack(move.transform(points[:, 0], np.clip(points[:, 1], -90.0, 90.0)))
        moved[:, 0] += 360.0 * np.round((points[:, 0] - moved[:, 0]) / 360.0)
        return moved

    return np.asarray(shapely.transform(shapes, place))


def _cut_beyond_turn(shapes: np.ndarray) -> np.ndarray:
    """Cut shapes at the meridians of 180 and move what lies beyond by whole turns."""
    import shapely

    bounds = shapely.bounds(shapes)
    beyond = np.flatnonzero((bounds[:, 0] < WEST) | (bounds[:, 2] > WEST + 360.0))
    if not len(beyond):
        return shapes
    # all are rounded, so that neighbours keep the same points
    shapes = shapely.transform(
        shapes, lambda xy: np.column_stack([round_longitudes(xy[:, 0]), xy[:, 1]])
    )
    for i in beyond:
        parts, _ = select_polygonal_parts(cut_to_turns(shapes[i], WEST, beyond_pole=1.0))
        shapes[i] = shapely.union_all(parts)
    return shapes


def _unproject(shapes: np.ndarray, crs: pyproj.CRS, edge: EarthEdge) -> np.ndarray:
    """Take projected polygons to degrees."""
    import pyproj
    import shapely

    to_globe = make_degree_transform(str(crs))
    if to_globe is None:
        raise ValueError(f"the CRS {crs.name!r} of the outlines says nothing about the Earth")
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
    shapes = _cut_to_earth(shapes, step, to_globe, [pole for _, pole in poles], edge)
    for i, shape in enumerate(shapely.segmentize(shapes, step)):
        parts = []
        for polygon in shapely.get_parts(shape):
            around = shapely.Polygon(polygon.exterior)
            inside = [latitude for latitude, pole in poles if around.intersects(pole)]
            moved = _move_polygon(polygon, to_globe)
            if moved is not None:
                pole = inside[0] if inside else None
                large = not crs.is_geographic and polygon.area * unit**2 > LARGE_AREA
                parts += cut_at_meridian(moved, WEST, pole, large=large).tolist()
        found[i] = shapely.union_all(parts)
    return found


def _cut_to_earth(
    shapes: np.ndarray,
    step: float,
    to_globe: PointTransform,
    poles: list[Any],
    edge: EarthEdge,
) -> np.ndarray:
    """Cut shapes to the part of the plane that is on Earth, if they reach beyond it."""
    import shapely

    points, index = shapely.get_coordinates(shapely.segmentize(shapes, step), return_index=True)
    beyond = np.unique(index[~np.isfinite(to_globe(points)).all(axis=1)])
    edge.beyond, edge.rows = edge.beyond + len(beyond), edge.rows + len(shapes)
    if not len(beyond):
        return shapes
    bounds = shapely.total_bounds(shapes[beyond]) if edge.bounds is None else edge.bounds
    earth = find_earth(bounds, to_globe, poles)
    shapes = shapes.copy()
    for i in beyond:
        parts, _ = select_polygonal_parts([shapely.intersection(shapes[i], earth)])
        shapes[i] = shapely.multipolygons(shapely.orient_polygons(parts))
    return shapes


def _move_polygon(polygon: shapely.Polygon, to_globe: PointTransform) -> shapely.Polygon | None:
    """Take a polygon to degrees without the points that are no place; None if few are left."""
    import shapely

    rings = []
    for ring in shapely.get_rings(polygon):
        points = to_globe(shapely.get_coordinates(ring)[:-1])
        points = points[np.isfinite(points).all(axis=1)]
        rings.append(shapely.linearrings(points) if len(points) > 2 else None)
    if not rings or rings[0] is None:
        return None
    return shapely.Polygon(rings[0], list(filter(None, rings[1:])))


def _find_poles(move: pyproj.Transformer) -> list[tuple[float, Any]]:
    """Return the latitudes of the poles that are points of the plane, and these points."""
    import shapely

    places = []
    for latitude in (-90.0, 90.0):
        x, y = move.transform([0.0, 120.0], [latitude] * 2, direction="INVERSE")
        if np.isfinite(x).all() and np.ptp(x) < 1e-3 and np.ptp(y) < 1e-3:
            places.append((latitude, shapely.Point(x[0], y[0])))
    return places
