"""Polygons whose longitudes jump, or that touch a pole: cut at a meridian, closed over the pole.

Longitudes of a ring are unrolled, so that none is more than half a turn from the one before. A pole
itself has no longitude: a ring that runs through one comes to it on one meridian, leaves it on another,
and runs along the latitude of 90 degrees in between, to the west at the north pole and to the east
at the south pole, for so the region stays on its left. Where the ring then ends where it began the
polygon is a plain one in the plane, and is cut to windows of a turn. Where it ends a turn away it
goes round a pole. With the region on its left, that is the north pole for a ring that goes east: what it
bounds is the cap up to that pole, without the caps of holes that go round too. The curve of a cap is
laid out several times, one turn after another, from its point nearest to the pole, beyond which there
is nothing to cross; a window then cuts a turn out of it.

Longitudes are rounded to 2^-40 of a degree, 0.1 micrometres, so that whole turns come and go without a
trace. The package ``antimeridian`` does the same work, but rounds latitudes on the cut to seven
digits, which makes polygons invalid and neighbours overlap.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import shapely

GRAINS = 2.0**40
"""Steps of longitude in a degree."""

AT_POLE = 1e-9
"""Degrees from a pole within which a point has no longitude."""

OPPOSITE = 1e-6
"""Degrees by which two meridians may differ from half a turn and be joined over the pole."""

POLE_DECIMALS = 9
"""Of degrees, to which steps along a pole are rounded before they are told from none."""

NEAR_POLE = 60.0
"""Latitude from which an edge between opposite meridians leads over the pole, and a ring goes round
the pole that is near."""


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
        return _areas(_windows(_mended(covered), west))
    pole = np.copysign(90.0, turns)
    least, most = exterior[:, 1].min(), exterior[:, 1].max()
    if least > NEAR_POLE or most < -NEAR_POLE:  # cells that fold over the pole turn the wrong way
        pole = np.copysign(90.0, least)
    covered = _cap(exterior, pole, west)
    for hole in holes:
        round_pole = abs(hole[-1, 0] - hole[0, 0]) > 180.0
        plain = _mended(shapely.Polygon(hole))
        gone = [_cap(hole, pole, west)] if round_pole else _windows(plain, west)
        covered = shapely.difference(covered, shapely.union_all(gone))
    return _areas([covered])


def needs_cut(points: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Tell which of many rings have a step of half a turn or more, or a point at a pole.

    Parameters
    ----------
    points : (n, 2) array
        Longitudes and latitudes of the rings, one after another.
    offsets : (r + 1,) array
        Where each begins.
    """
    steps = np.abs(np.diff(points[:, 0], append=points[-1:, 0])) >= 180.0 - OPPOSITE
    steps[offsets[1:] - 1] = False  # from one ring to the next
    steps |= np.abs(points[:, 1]) > 90.0 - AT_POLE
    return np.logical_or.reduceat(steps, offsets[:-1]) if len(offsets) > 1 else np.zeros(0, bool)


def _unrolled(ring: shapely.LinearRing) -> np.ndarray:
    """Give the points of a ring, without jumps, and two where it runs through a pole."""
    import shapely

    points = _over_poles(shapely.get_coordinates(ring))
    longitude, latitude = np.round(points[:, 0] * GRAINS) / GRAINS, points[:, 1]
    steps = np.diff(longitude)
    steps -= 360.0 * np.round(steps / 360.0)
    pole = np.where(np.abs(latitude) > 90.0 - AT_POLE, np.sign(latitude), 0.0)
    along = (pole[:-1] != 0) & (pole[:-1] == pole[1:])
    side = pole[:-1][along]
    steps[along] = -side * np.mod(-side * np.round(steps[along], POLE_DECIMALS), 360.0)
    left = steps.sum()
    if (
        abs(left) > 180.0 and (steps[along] == 0.0).any()
    ):  # along the whole of the pole, not at a point
        steps[np.flatnonzero(along)[steps[along] == 0.0][0]] -= left
    longitude = longitude[0] + np.concatenate([[0.0], np.cumsum(steps)])
    return np.column_stack([longitude, np.where(pole != 0, 90.0 * pole, latitude)])


def _over_poles(points: np.ndarray) -> np.ndarray:
    """Put a point at a pole on two meridians: where the ring comes from, and where it goes."""
    points = _with_poles(points)
    at = np.abs(points[:, 1]) > 90.0 - AT_POLE
    if not at.any() or at.all():
        return points
    start = int(np.flatnonzero(~at)[0])  # begun where there is a longitude, and open
    points, at = np.roll(points[:-1], -start, axis=0), np.roll(at[:-1], -start)
    again = at & np.append(False, at[:-1])
    points, at = points[~again], at[~again]
    known = np.flatnonzero(~at)
    index = np.arange(len(points))
    before = points[known[np.searchsorted(known, index, side="right") - 1], 0]
    after = points[known[np.searchsorted(known, index) % len(known)], 0]
    twice = np.repeat(index, 1 + at)
    second = np.append(False, twice[1:] == twice[:-1])
    longitude = np.where(at[twice], np.where(second, after[twice], before[twice]), points[twice, 0])
    ring = np.column_stack([longitude, points[twice, 1]])
    return np.concatenate([ring, ring[:1]])


def _with_poles(points: np.ndarray) -> np.ndarray:
    """Put the pole into edges that lead over it, from a meridian to the opposite one."""
    steps = np.abs(np.diff(points[:, 0])) % 360.0
    latitude = points[:, 1]
    high = np.minimum(np.abs(latitude[:-1]), np.abs(latitude[1:])) > NEAR_POLE
    low = np.maximum(np.abs(latitude[:-1]), np.abs(latitude[1:])) < 90.0 - AT_POLE
    over = (np.abs(steps - 180.0) < OPPOSITE) & high & low & (latitude[:-1] * latitude[1:] > 0)
    where = np.flatnonzero(over)
    poles = np.column_stack([points[where, 0], np.copysign(90.0, latitude[where])])
    return np.insert(points, where + 1, poles, axis=0)


def _beside(hole: np.ndarray, exterior: np.ndarray) -> np.ndarray:
    """Shift a hole by whole turns to where its exterior encloses it."""
    import shapely

    inside = shapely.get_coordinates(_mended(shapely.Polygon(hole)).representative_point())[0]
    low, high = exterior[:, 0].min(), exterior[:, 0].max()
    turns = np.arange(np.ceil((low - inside[0]) / 360.0), np.floor((high - inside[0]) / 360.0) + 1)
    around = _mended(shapely.Polygon(exterior))
    within = shapely.contains_xy(around, inside[0] + 360.0 * turns, inside[1])
    return _moved(hole, 360.0 * turns[within][0]) if within.any() else hole


def _mended(polygon: shapely.Polygon) -> shapely.Geometry:
    """Mend a polygon of a grid whose cells fold over each other."""
    import shapely

    return polygon if polygon.is_valid else shapely.make_valid(polygon)


def _windows(polygon: shapely.Geometry, west: float) -> list[shapely.Geometry]:
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
    copies = int(np.ceil(np.ptp(turn[:, 0]) / 360.0)) + 1  # one more than the ring wanders
    curve = [_moved(turn, full * copy) for copy in range(-copies, copies + 1)]
    end = _moved(turn[:1], full * (copies + 1))
    line = np.concatenate([*curve, end])
    over = [(line[-1, 0], pole), (line[0, 0], pole)]
    cap = _mended(shapely.Polygon(np.concatenate([line, over])))
    return shapely.intersection(cap, _turn(west))


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
