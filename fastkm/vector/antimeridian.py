"""Polygons whose longitudes jump, or that touch a pole: cut at a meridian, closed over the pole.

The longitudes of a ring are unrolled, so that none is more than half a turn from the one before. A
pole itself has no longitude: a ring that runs through a pole comes to it on one meridian, leaves it
on another, and runs along the latitude of 90 degrees in between, to the west at the north pole and to
the east at the south pole, because so the region stays on its left. If the ring then ends where it
began, the polygon is an ordinary one in the plane and is cut to windows of one turn. If it ends one
turn away, it goes round a pole. With the region on its left that is the north pole for a ring that
goes east: the ring bounds the cap up to that pole, without the caps of holes that go round too. The
curve of a cap is repeated several times, one turn after another, from its point nearest to the pole,
beyond which there is nothing to cross; a window then cuts one turn out of it.

Longitudes are rounded to 2^-40 of a degree, 0.1 micrometres, so that whole turns are added and taken
away without an error. The package ``antimeridian`` does the same work, but rounds latitudes on the cut
to seven digits, which makes polygons invalid and neighbours overlap.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import shapely

STEPS_PER_DEGREE = 2.0**40
"""Longitudes are whole multiples of a degree divided by this."""

AT_POLE = 1e-9
"""Degrees from a pole within which a point has no longitude."""

OPPOSITE = 1e-6
"""Degrees by which two meridians may differ from half a turn and be joined over the pole."""

POLE_DECIMALS = 9
"""Decimals of a degree to which steps along a pole are rounded before they are compared with 0."""

NEAR_POLE = 60.0
"""Latitude from which an edge between opposite meridians leads over the pole, and a ring goes round
the pole that is near."""


def cut_at_meridian(
    polygon: shapely.Polygon, west: float, pole: float | None = None, *, large: bool = False
) -> np.ndarray:
    """Cut a polygon to longitudes of west ... west + 360.

    Parameters
    ----------
    polygon : shapely.Polygon
        Longitudes of any turn, and latitudes; the exterior counter-clockwise on the globe, that is
        with the region on its left. Steps of more than half a turn mean the shorter way.
    west : float
        The meridian where longitudes begin.
    pole : float, optional
        Latitude of the pole inside the exterior, if the exterior goes round one and it is known
        which; by default the one on its left, or the one that the whole ring is near.
    large : bool, default: False
        Whether the polygon may cover most of the Earth. An exterior that runs clockwise, and round
        no pole, then encloses what it leaves out. Otherwise it is a small one that is folded.

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

    rings = [_unroll_ring(ring) for ring in shapely.get_rings(polygon)]
    exterior, holes = rings[0], rings[1:]
    turns = round((exterior[-1, 0] - exterior[0, 0]) / 360.0)
    # an ordinary polygon of the plane
    if turns == 0:
        if large and not shapely.LinearRing(exterior).is_ccw:
            left_out = [part for ring in rings for part in _find_right_side(ring, west)]
            return _select_oriented(
                [shapely.difference(_turn_box(west), shapely.union_all(left_out))]
            )
        holes = [_shift_hole_inside(hole, exterior) for hole in holes]
        return _select_oriented(cut_to_turns(_repair(shapely.Polygon(exterior, holes)), west))
    # a cap round a pole, without its holes
    if pole is None:
        pole = np.copysign(90.0, turns)
        least, most = exterior[:, 1].min(), exterior[:, 1].max()
        if least > NEAR_POLE or most < -NEAR_POLE:  # cells that fold over the pole turn wrongly
            pole = np.copysign(90.0, least)
    covered = _close_over_pole(exterior, pole, west)
    for hole in holes:
        if abs(hole[-1, 0] - hole[0, 0]) > 180.0:
            removed = [_close_over_pole(hole, pole, west)]
        else:
            removed = cut_to_turns(_fill_ring(hole), west)
        covered = shapely.difference(covered, shapely.union_all(removed))
    return _select_oriented([covered])


def cut_to_turns(
    geometry: shapely.Geometry, west: float, beyond_pole: float = 0.0
) -> list[shapely.Geometry]:
    """Cut a geometry into turns, each shifted to west ... west + 360.

    The window of a turn ends `beyond_pole` degrees beyond the poles.

    Examples
    --------
    >>> import shapely
    >>> [part.bounds for part in cut_to_turns(shapely.box(350, 0, 370, 5), 0.0)]
    [(350.0, 0.0, 360.0, 5.0), (0.0, 0.0, 10.0, 5.0)]
    """
    import shapely

    low, _, high, _ = geometry.bounds
    parts = []
    for turn in range(int(np.floor((low - west) / 360.0)), int(np.ceil((high - west) / 360.0))):
        shifted = shapely.transform(geometry, partial(_shift_east, degrees=-360.0 * turn))
        parts.append(shapely.intersection(shifted, _turn_box(west, beyond_pole)))
    return parts


def select_polygonal_parts(geometries: Iterable[shapely.Geometry]) -> tuple[np.ndarray, np.ndarray]:
    """Return the polygons among the parts of geometries, and the number of each one's geometry."""
    import shapely

    parts, index = shapely.get_parts(np.array(geometries, object), return_index=True)
    parts, inner = shapely.get_parts(parts, return_index=True)  # parts of collections
    is_polygon = shapely.get_dimensions(parts) == 2
    return parts[is_polygon], index[inner][is_polygon]


def round_longitudes(longitudes: np.ndarray) -> np.ndarray:
    """Return longitudes that stay exact when whole turns are added."""
    return np.asarray(np.round(longitudes * STEPS_PER_DEGREE) / STEPS_PER_DEGREE)


def needs_cut(points: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Return for each ring whether it has a step of half a turn or more, or a point at a pole.

    The (n, 2) points are longitudes and latitudes, one ring after another; `offsets`, (r + 1,), are
    where each begins.
    """
    steps = np.abs(np.diff(points[:, 0], append=points[-1:, 0])) >= 180.0 - OPPOSITE
    steps[offsets[1:] - 1] = False  # from one ring to the next
    steps |= np.abs(points[:, 1]) > 90.0 - AT_POLE
    return np.logical_or.reduceat(steps, offsets[:-1]) if len(offsets) > 1 else np.zeros(0, bool)


def _unroll_ring(ring: shapely.LinearRing) -> np.ndarray:
    """Return the points of a ring without jumps, and two where it runs through a pole."""
    import shapely

    points = _split_pole_points(shapely.get_coordinates(ring))
    longitude, latitude = round_longitudes(points[:, 0]), points[:, 1]
    # away from the poles a step is the shorter way
    steps = np.diff(longitude)
    steps -= 360.0 * np.round(steps / 360.0)
    # along a pole it has the region on its left
    pole = np.where(np.abs(latitude) > 90.0 - AT_POLE, np.sign(latitude), 0.0)
    along = (pole[:-1] != 0) & (pole[:-1] == pole[1:])
    side, rounded = pole[:-1][along], np.round(steps[along], POLE_DECIMALS)
    turned = -side * np.mod(-side * rounded, 360.0)
    steps[along] += 360.0 * np.round((turned - rounded) / 360.0)  # exact, unlike those rounded
    # a ring along the whole of the pole, not through a point of it
    left = steps.sum()
    if abs(left) > 180.0 and (rounded == 0.0).any():
        steps[np.flatnonzero(along)[rounded == 0.0][0]] -= left
    longitude = longitude[0] + np.concatenate([[0.0], np.cumsum(steps)])
    return np.column_stack([longitude, np.where(pole != 0, 90.0 * pole, latitude)])


def _split_pole_points(points: np.ndarray) -> np.ndarray:
    """Put a point at a pole on two meridians: where the ring comes from, and where it goes."""
    points = _insert_poles(points)
    at = np.abs(points[:, 1]) > 90.0 - AT_POLE
    if not at.any() or at.all():
        return points
    # open the ring at a point that has a longitude; of points at a pole in a row keep one
    start = int(np.flatnonzero(~at)[0])
    points, at = np.roll(points[:-1], -start, axis=0), np.roll(at[:-1], -start)
    repeated = at & np.append(False, at[:-1])
    points, at = points[~repeated], at[~repeated]
    # give each pole point twice, with the longitudes of its neighbours
    known = np.flatnonzero(~at)
    index = np.arange(len(points))
    before = points[known[np.searchsorted(known, index, side="right") - 1], 0]
    after = points[known[np.searchsorted(known, index) % len(known)], 0]
    twice = np.repeat(index, 1 + at)
    second = np.append(False, twice[1:] == twice[:-1])
    longitude = np.where(at[twice], np.where(second, after[twice], before[twice]), points[twice, 0])
    ring = np.column_stack([longitude, points[twice, 1]])
    return np.concatenate([ring, ring[:1]])


def _insert_poles(points: np.ndarray) -> np.ndarray:
    """Put the pole into edges that lead over it, from a meridian to the opposite one."""
    steps = np.abs(np.diff(points[:, 0])) % 360.0
    latitude = points[:, 1]
    high = np.minimum(np.abs(latitude[:-1]), np.abs(latitude[1:])) > NEAR_POLE
    low = np.maximum(np.abs(latitude[:-1]), np.abs(latitude[1:])) < 90.0 - AT_POLE
    over = (np.abs(steps - 180.0) < OPPOSITE) & high & low & (latitude[:-1] * latitude[1:] > 0)
    where = np.flatnonzero(over)
    poles = np.column_stack([points[where, 0], np.copysign(90.0, latitude[where])])
    return np.insert(points, where + 1, poles, axis=0)


def _shift_hole_inside(hole: np.ndarray, exterior: np.ndarray) -> np.ndarray:
    """Shift a hole by whole turns to where its exterior encloses it."""
    import shapely

    inside = shapely.get_coordinates(_fill_ring(hole).representative_point())[0]
    low, high = exterior[:, 0].min(), exterior[:, 0].max()
    turns = np.arange(np.ceil((low - inside[0]) / 360.0), np.floor((high - inside[0]) / 360.0) + 1)
    around = _fill_ring(exterior)
    within = shapely.contains_xy(around, inside[0] + 360.0 * turns, inside[1])
    return _shift_east(hole, 360.0 * turns[within][0]) if within.any() else hole


def _find_right_side(ring: np.ndarray, west: float) -> list[shapely.Geometry]:
    """Return what a ring of the region on its left leaves out: its inside, or the cap of a pole."""
    turns = round((ring[-1, 0] - ring[0, 0]) / 360.0)
    if turns == 0:
        return cut_to_turns(_fill_ring(ring), west)
    return [_close_over_pole(ring, np.copysign(90.0, -turns), west)]


def _fill_ring(ring: np.ndarray) -> shapely.Geometry:
    import shapely

    return _repair(shapely.Polygon(ring))


def _repair(polygon: shapely.Polygon) -> shapely.Geometry:
    """Make a polygon valid; cells of a grid may fold over each other."""
    import shapely

    return polygon if polygon.is_valid else shapely.make_valid(polygon)


def _close_over_pole(ring: np.ndarray, pole: float, west: float) -> shapely.Geometry:
    """Return what lies between a ring round a pole and the pole, in one turn from `west` on."""
    import shapely

    # one turn, from the point nearest to the pole on
    points = ring[:-1]
    first = int(np.argmin(np.abs(pole - points[:, 1])))
    full = ring[-1, 0] - ring[0, 0]
    turn = np.concatenate([points[first:], _shift_east(points[:first], full)])
    turn[:, 0] -= full * np.floor((turn[0, 0] - west) / full)
    # copies before and after it, one more than the ring wanders, closed along the pole
    copies = int(np.ceil(np.ptp(turn[:, 0]) / 360.0)) + 1
    curve = [_shift_east(turn, full * copy) for copy in range(-copies, copies + 1)]
    line = np.concatenate([*curve, _shift_east(turn[:1], full * (copies + 1))])
    over = [(line[-1, 0], pole), (line[0, 0], pole)]
    cap = _repair(shapely.Polygon(np.concatenate([line, over])))
    return shapely.intersection(cap, _turn_box(west))


def _shift_east(points: np.ndarray, degrees: float) -> np.ndarray:
    return np.column_stack([points[:, 0] + degrees, points[:, 1]])


def _turn_box(west: float, beyond_pole: float = 0.0) -> shapely.Polygon:
    import shapely

    return shapely.box(west, -90.0 - beyond_pole, west + 360.0, 90.0 + beyond_pole)


def _select_oriented(geometries: list[shapely.Geometry]) -> np.ndarray:
    import shapely

    return shapely.orient_polygons(select_polygonal_parts(geometries)[0])
