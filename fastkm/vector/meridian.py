"""Polygons whose longitudes jump: cut at a meridian, or closed over the pole that they go round.

Longitudes of a ring are unrolled, so that none is more than half a turn from the one before. Where
the ring then ends where it began the polygon is a plain one in the plane, and is cut to windows of a
turn. Where it ends a turn away it goes round a pole. With the region on its left, that is the north
pole for a ring that goes east: what it bounds is the cap up to that pole, without the caps of holes
that go round too. The curve of a cap is laid out several times, one turn after another, from its point
nearest to the pole, beyond which there is nothing to cross; a window then cuts a turn out of it.

The package ``antimeridian`` does the same, but rounds latitudes on the cut to seven digits, which
makes polygons invalid and neighbours overlap.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import shapely

COPIES = 2
"""Turns on either side for which the curve of a cap is laid out: one more than a ring can wander."""


def cut_at_meridian(polygon: shapely.Polygon, west: float) -> np.ndarray:
    """Cut a polygon to longitudes of west ... west + 360.

    Parameters
    ----------
    polygon : shapely.Polygon
        Longitudes of any turn, and latitudes; the exterior counter-clockwise on the globe, that is
        with the region on its left. Steps of more than half a turn mean the shorter way.
    west : float
        The meridian where longitudes begin.

    Returns
    -------
    (n,) array of shapely.Polygon
        The parts.

    Examples
    --------
    >>> import shapely
    >>> across = shapely.Polygon([(170, 0), (-170, 0), (-170, 5), (170, 5)])
    >>> [part.bounds for part in cut_at_meridian(across, -180.0)]
    [(170.0, 0.0, 180.0, 5.0), (-180.0, 0.0, -170.0, 5.0)]
    >>> cap = shapely.Polygon([(0, 80), (120, 80), (-120, 80)])
    >>> [part.bounds for part in cut_at_meridian(cap, -180.0)]
    [(-180.0, 80.0, 180.0, 90.0)]
    """
    import shapely

    rings = [_unrolled(ring) for ring in shapely.get_rings(polygon)]
    exterior, holes = rings[0], rings[1:]
    turns = round((exterior[-1, 0] - exterior[0, 0]) / 360.0)
    if turns == 0:
        covered = shapely.Polygon(exterior, [_beside(hole, exterior) for hole in holes])
        return _areas(_windows(covered, west))
    pole = np.copysign(90.0, turns)
    covered = _cap(exterior, pole, west)
    for hole in holes:
        round_pole = abs(hole[-1, 0] - hole[0, 0]) > 180.0
        gone = [_cap(hole, pole, west)] if round_pole else _windows(shapely.Polygon(hole), west)
        covered = shapely.difference(covered, shapely.union_all(gone))
    return _areas([covered])


def jumps(polygon: shapely.Polygon) -> bool:
    """Tell whether a step of a polygon is more than half a turn."""
    import shapely

    rings = (shapely.get_coordinates(ring)[:, 0] for ring in shapely.get_rings(polygon))
    return any(np.abs(np.diff(longitudes)).max() > 180.0 for longitudes in rings)


def _unrolled(ring: shapely.LinearRing) -> np.ndarray:
    import shapely

    points = shapely.get_coordinates(ring)
    points[:, 0] = np.unwrap(points[:, 0], period=360.0)
    return points


def _beside(hole: np.ndarray, exterior: np.ndarray) -> np.ndarray:
    """Shift a hole by whole turns to where its exterior is."""
    low, high = exterior[:, 0].min(), exterior[:, 0].max()
    middle = (hole[:, 0].min() + hole[:, 0].max()) / 2
    turns = round(((low + high) / 2 - middle) / 360.0)
    return _moved(hole, 360.0 * turns)


def _windows(polygon: shapely.Polygon, west: float) -> list[shapely.Geometry]:
    """Cut a polygon into turns, each shifted to west ... west + 360."""
    import shapely

    low, _, high, _ = polygon.bounds
    parts = []
    for turn in range(int(np.floor((low - west) / 360.0)), int(np.ceil((high - west) / 360.0))):
        moved = shapely.transform(polygon, partial(_moved, degrees=-360.0 * turn))
        parts.append(shapely.intersection(moved, _turn(west)))
    return parts


def _cap(ring: np.ndarray, pole: float, west: float) -> shapely.Geometry:
    """Give what lies between a ring round a pole and the pole, in a turn from `west` on."""
    import shapely

    points = ring[:-1]
    first = int(np.argmin(np.abs(pole - points[:, 1])))
    full = ring[-1, 0] - ring[0, 0]
    later = _moved(points, full)
    turn = np.concatenate([points[first:], later[:first]])
    turn[:, 0] -= full * np.floor((turn[0, 0] - west) / full)
    curve = [_moved(turn, full * copy) for copy in range(-COPIES, COPIES + 1)]
    end = _moved(turn[:1], full * (COPIES + 1))
    line = np.concatenate([*curve, end])
    over = [(line[-1, 0], pole), (line[0, 0], pole)]
    return shapely.intersection(shapely.Polygon(np.concatenate([line, over])), _turn(west))


def _moved(points: np.ndarray, degrees: float) -> np.ndarray:
    """Move points to the east."""
    return np.column_stack([points[:, 0] + degrees, points[:, 1]])


def _turn(west: float) -> shapely.Polygon:
    import shapely

    return shapely.box(west, -90.0, west + 360.0, 90.0)


def _areas(geometries: list[shapely.Geometry]) -> np.ndarray:
    """Give the polygons among the parts."""
    import shapely

    parts = shapely.get_parts(shapely.get_parts(np.array(geometries, object)))
    return shapely.orient_polygons(parts[shapely.get_dimensions(parts) == 2])
