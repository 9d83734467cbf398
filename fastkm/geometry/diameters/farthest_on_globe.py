"""The farthest pair of points on a globe: bounds first, then distances of the few pairs left.

`fastkm._kernels.globe_bounds` holds the essay and the bounds. The pairs that they leave are measured
here: on the sphere by the haversine formula, on the ellipsoid by `pyproj.Geod`, that is GeographicLib,
whose error is 15 nanometres. All pairs within a micrometre of the best are among them, so the maximum
is that over all pairs, to the bit, whichever way it was found.

Points are (n, 2) float64 rows of latitude and longitude in degrees, finite, the latitudes between the
poles. Distances are in metres.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from fastkm._core import validation
from fastkm._core.threads import map_chunks, rows_per_chunk
from fastkm._kernels import globe_bounds as kernels

EARTH_RADIUS = 6371008.8
"""Radius of the sphere in metres: the mean radius (2 a + b) / 3 of the IUGG."""

SMALL = 1 << 8
"""Points up to which bounds of all pairs are compared; a tree has an overhead of 0.5 ms."""

MARGIN = 1e-6
"""Metres by which the distance to beat is lowered: rounding errors are some 0.02."""

PAIRS = 1 << 16
"""Pairs that are measured in one call, at most."""

PAIRS_A_CHUNK = 1 << 12
"""Pairs that one thread measures at a time, some 2 ms."""

Pair = tuple[float, int, int]
"""A distance in metres and its two rows, the lower first."""


class Earth(NamedTuple):
    """A sphere or an ellipsoid.

    Attributes
    ----------
    radius : float
        The equator's, in metres.
    flattening : float
        Of the polar axis.
    longest : float
        The largest distance that there is, in metres.
    measure : callable
        Distances from latitudes and longitudes to latitudes and longitudes.
    """

    radius: float
    flattening: float
    longest: float
    measure: Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray]

    @property
    def e2(self) -> float:
        """The square of the eccentricity."""
        return self.flattening * (2.0 - self.flattening)


def great_circle(
    latitude: np.ndarray, longitude: np.ndarray, latitude2: np.ndarray, longitude2: np.ndarray
) -> np.ndarray:
    """Measure the arc on the sphere, equally well near antipodes and between neighbours.

    The haversine of the angle, and that of the angle to the antipode, are sums of squares, which do
    not cancel; their quotient is the squared tangent of half the angle.

    Examples
    --------
    >>> round(float(great_circle(0.0, 0.0, 0.0, 180.0)), 3)
    20015114.442
    """
    p, q = np.deg2rad(latitude), np.deg2rad(latitude2)
    turn = np.deg2rad(np.subtract(longitude2, longitude)) / 2
    slant = np.deg2rad(np.subtract(latitude2, latitude)) / 2
    both = np.cos(p) * np.cos(q)
    near = np.sin(slant) ** 2 + both * np.sin(turn) ** 2
    far = np.sin((p + q) / 2) ** 2 + both * np.cos(turn) ** 2
    return EARTH_RADIUS * 2 * np.arctan2(np.sqrt(near), np.sqrt(far))


def geodesic(
    latitude: np.ndarray, longitude: np.ndarray, latitude2: np.ndarray, longitude2: np.ndarray
) -> np.ndarray:
    """Measure the shortest line on the WGS84 ellipsoid.

    Examples
    --------
    >>> round(float(geodesic(0.0, 0.0, 90.0, 0.0)), 3)
    10001965.729
    """
    distance = _wgs84().inv(longitude, latitude, longitude2, latitude2)[2]
    return np.minimum(distance, HALF_MERIDIAN)


@cache
def _wgs84() -> Any:
    from pyproj import Geod

    return Geod(ellps="WGS84")


HALF_MERIDIAN = 20003931.458625447
"""The distance of any two antipodes on WGS84 by GeographicLib, the largest there is."""

SPHERE = Earth(EARTH_RADIUS, 0.0, np.pi * EARTH_RADIUS, great_circle)
WGS84 = Earth(6378137.0, 1 / 298.257223563, HALF_MERIDIAN, geodesic)
EARTHS = {"great_circle": SPHERE, "geodesic": WGS84}


def find_farthest(earth: Earth, points: np.ndarray, *, threads: int | None = None) -> Pair:
    """Find the largest distance between points, at least one, and a pair that has it."""
    points = _wrap_longitudes(points)
    if len(points) == 1:
        return 0.0, 0, 0
    if len(points) > SMALL:
        return _search_tree(earth, points, threads=threads)
    bounds = validation.freeze(np.array([0, len(points)], np.int64))
    found = _search_small_rings(earth, points, to_unit_vectors(earth, points), bounds, bounds[:1])
    return float(found[0][0]), int(found[1][0]), int(found[2][0])


def compare_all_pairs(earth: Earth, points: np.ndarray, *, threads: int | None = None) -> Pair:
    """Measure all pairs, without bounds; of equal distances return the lowest rows."""
    points = _wrap_longitudes(points)
    n = len(points)

    def run(start: int, stop: int) -> Pair:
        first, second = np.broadcast_arrays(np.arange(start, stop)[:, None], np.arange(start, n))
        distances = _measure(earth, points, first.ravel(), second.ravel()).reshape(first.shape)
        distances[second < first] = -1.0  # measured the other way round
        i, j = np.unravel_index(np.argmax(distances), distances.shape)
        return -float(distances[i, j]), start + int(i), start + int(j)

    distance, first, second = min(map_chunks(run, n, max(1, PAIRS // n), threads=threads))
    return -distance, first, second


def find_diameters(
    earth: Earth,
    points: np.ndarray,
    bounds: np.ndarray,
    *,
    floor: float = -np.inf,
    threads: int | None = None,
) -> np.ndarray:
    """Return the largest distance in each contour, from one of `bounds` to the next; NaN for none.

    A contour without a distance above `floor` may have any number up to `floor`.
    """
    sizes = np.diff(bounds)
    found = np.where(sizes > 0, 0.0, np.nan)
    if floor >= earth.longest:
        return found
    # small contours, many at a time
    points = _wrap_longitudes(points)
    few = np.flatnonzero((sizes > 1) & (sizes <= SMALL))
    step = rows_per_chunk(3 * 8 * max(1, int(sizes[few].sum()) // max(1, len(few))))

    def run(start: int, stop: int) -> None:
        chosen = few[start:stop]
        low, high = bounds[chosen[0]], bounds[chosen[-1] + 1]
        own = points[low:high]
        columns = to_unit_vectors(earth, own)
        within = validation.freeze(bounds[chosen[0] : chosen[-1] + 2] - low)
        rings = validation.freeze(chosen - chosen[0])
        found[chosen] = _search_small_rings(earth, own, columns, within, rings, floor=floor)[0]

    map_chunks(run, len(few), step, threads=threads)
    # large ones, each by itself
    for i in np.flatnonzero(sizes > SMALL):
        own = points[bounds[i] : bounds[i + 1]]
        found[i] = _search_tree(earth, own, floor=floor, threads=threads)[0]
    return found


def to_unit_vectors(earth: Earth, points: np.ndarray) -> np.ndarray:
    """Return the (3, n) unit vectors at the points' longitudes and reduced latitudes."""
    latitude, longitude = np.deg2rad(points[:, 0]), np.deg2rad(points[:, 1])
    across, up = np.cos(latitude), (1.0 - earth.flattening) * np.sin(latitude)
    size = np.hypot(across, up)
    across /= size
    columns = np.stack([across * np.cos(longitude), across * np.sin(longitude), up / size])
    return validation.freeze(columns)


def _wrap_longitudes(points: np.ndarray) -> np.ndarray:
    """Bring longitudes between -180 and 180, so that radians lose no digits."""
    longitude = np.fmod(points[:, 1], 360.0)
    longitude -= 360.0 * np.sign(longitude) * (np.abs(longitude) > 180.0)
    return np.column_stack([points[:, 0], longitude])


def _measure(
    earth: Earth,
    points: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    *,
    threads: int | None = 1,
) -> np.ndarray:
    """Measure pairs of points, in parallel if there are many."""

    def run(start: int, stop: int) -> np.ndarray:
        p, q = points[first[start:stop]], points[second[start:stop]]
        return earth.measure(p[:, 0], p[:, 1], q[:, 0], q[:, 1])

    parts = map_chunks(run, len(first), PAIRS_A_CHUNK, threads=threads)
    return np.concatenate(parts) if parts else np.empty(0)


def _compute_thresholds(earth: Earth, best: np.ndarray) -> np.ndarray:
    """Return what the kernels compare with, one row for each distance to beat."""
    arc = np.clip((best - MARGIN) / earth.radius, 0.0, np.pi)
    least = 1.0 - earth.e2
    chord = 2.0 * least * np.sin(np.minimum(arc, np.pi * least) / (2.0 * least))
    # beyond a point the chord does not grow with the arc, so it needs a margin of its own
    square = chord * chord * (1.0 - 1e-14)
    return np.stack([np.cos(arc / 2) ** 2, np.sin(arc / 2) ** 2, square, arc], axis=-1)


def _search_small_rings(
    earth: Earth,
    points: np.ndarray,
    columns: np.ndarray,
    bounds: np.ndarray,
    rings: np.ndarray,
    *,
    floor: float = -np.inf,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the farthest pair in each of some small contours.

    `points` are (n, 2) degrees and `columns` their (3, n) unit vectors; `rings` are (k,) numbers of
    contours of 2 to `SMALL` points. Returns (k,) distances, any number up to `floor` if none is
    beyond it, and the (k,) first and second rows of `points`.
    """
    # contours that may reach beyond the floor
    best = np.zeros(len(rings))
    pairs = np.zeros((2, len(rings)), np.int64)
    open_ = np.arange(len(rings))
    if floor >= 0:
        possible = np.empty(len(rings), bool)
        beats = _compute_thresholds(earth, np.full(len(rings), floor))
        kernels.mark_possible_rings(columns, bounds, rings, earth.e2, beats, possible)
        open_ = np.flatnonzero(possible)
    if len(open_) == 0:
        return best, pairs[0], pairs[1]
    # the pair with the longest chord in each is a good start
    rings = validation.freeze(rings[open_])
    now = np.empty((2, len(rings)), np.int64)
    kernels.find_longest_chords(columns, bounds, rings, earth.e2, now[0], now[1])
    pairs[:, open_] = now
    best[open_] = _measure(earth, points, now[0], now[1])
    unsettled = best[open_] <= floor if floor > -np.inf else np.ones(len(open_), bool)
    open_, rings = open_[unsettled], validation.freeze(rings[unsettled])
    # pairs that bounds do not show to be nearer, a chunk at a time
    state = np.zeros(2, np.int64)
    owner, first, second = np.empty((3, PAIRS_A_CHUNK), np.int64)
    while state[0] < len(rings):
        beats = _compute_thresholds(earth, np.maximum(best[open_], floor))
        count = kernels.list_pairs_in_rings(
            columns, bounds, rings, earth.e2, beats, state, owner, first, second
        )
        ring, i, j = open_[owner[:count]], first[:count], second[:count]
        distance = _measure(earth, points, i, j)
        # the best pair of each contour; of equal distances the lowest rows
        order = np.lexsort((j, i, -distance, ring))
        order = order[np.concatenate(([True], np.diff(ring[order]) > 0))[: len(order)]]
        ring, i, j, distance = ring[order], i[order], j[order], distance[order]
        lower = (i < pairs[0, ring]) | ((i == pairs[0, ring]) & (j < pairs[1, ring]))
        better = (distance > best[ring]) | ((distance == best[ring]) & lower)
        best[ring[better]] = distance[better]
        pairs[:, ring[better]] = i[better], j[better]
    return best, pairs[0], pairs[1]


def _search_tree(
    earth: Earth, points: np.ndarray, *, floor: float = -np.inf, threads: int | None = None
) -> Pair:
    """Find the farthest pair with a tree; stop at the first beyond `floor`, if that is given.

    If none is beyond, the distance may be any number up to `floor`.
    """
    # different points along a curve, and a tree of boxes above them
    columns = to_unit_vectors(earth, points)
    order = sort_along_curve(columns)
    ranked = points[order]
    new = np.concatenate(([True], (ranked[1:] != ranked[:-1]).any(axis=1)))
    order = order[new]
    if len(order) == 1:
        return 0.0, 0, 0
    columns = validation.freeze(columns[:, order])
    leaves = 1
    while leaves * kernels.LEAF < len(order):
        leaves *= 2
    boxes = np.empty((2 * leaves, 6))
    kernels.bound_tree(columns, boxes)
    # pairs of boxes that may hold a farther pair
    pending = np.ones((256, 2), np.int64)  # three more a level than are taken off, and 64 levels
    first, second = np.array(_guess_far_pairs(earth, columns)).T
    best = _select_best(earth, points, order, first, second)
    size, capacity = 1, PAIRS_A_CHUNK // 4
    while size > 0 and best[0] < earth.longest and not (best[0] > floor > -np.inf):
        first, second = np.empty((2, capacity), np.int64)
        beat = _compute_thresholds(earth, np.array(max(best[0], floor)))
        size, count = kernels.list_pairs_in_tree(
            columns, boxes, earth.e2, beat, pending, size, first, second
        )
        if count:
            found = _select_best(
                earth, points, order, first[:count], second[:count], threads=threads
            )
            best = min(best, found, key=lambda pair: (-pair[0], pair[1], pair[2]))
        capacity = min(PAIRS, 4 * capacity)
    return best


def _select_best(
    earth: Earth,
    points: np.ndarray,
    order: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    *,
    threads: int | None = 1,
) -> Pair:
    """Measure pairs of positions in `order`; return the best, of equal ones the lowest rows."""
    i, j = order[first], order[second]
    i, j = np.minimum(i, j), np.maximum(i, j)
    distance = _measure(earth, points, i, j, threads=threads)
    top = np.flatnonzero(distance == distance.max())
    one = top[np.lexsort((j[top], i[top]))[0]]
    return float(distance[one]), int(i[one]), int(j[one])


def _guess_far_pairs(earth: Earth, columns: np.ndarray) -> list[tuple[int, int]]:
    """Return pairs that are likely far apart: from three points to the farthest, and on from there."""
    flat = columns * np.array([[1.0], [1.0], [1.0 - earth.flattening]])
    pairs = []
    for start in columns.argmax(axis=1):
        here, before = int(start), -1.0
        while True:
            square = ((flat - flat[:, here : here + 1]) ** 2).sum(axis=0)
            there = int(square.argmax())
            if square[there] <= before:
                break
            pairs.append((here, there))
            here, before = there, square[there]
    return pairs


def sort_along_curve(columns: np.ndarray) -> np.ndarray:
    """Return an order of (3, n) points in which neighbours are near: by bits of x, y, z in turn.

    Of equal points the lower row comes first.
    """
    low = columns.min(axis=1, keepdims=True)
    extent = max(float((columns.max(axis=1, keepdims=True) - low).max()), np.finfo(float).eps)
    cell = ((columns - low) * ((2**21 - 1) / extent)).astype(np.uint64)
    for shift, mask in (
        (32, 0x1F00000000FFFF),
        (16, 0x1F0000FF0000FF),
        (8, 0x100F00F00F00F00F),
        (4, 0x10C30C30C30C30C3),
        (2, 0x1249249249249249),
    ):
        cell = (cell | (cell << np.uint64(shift))) & np.uint64(mask)
    code = (cell[0] << np.uint64(2)) | (cell[1] << np.uint64(1)) | cell[2]
    return np.argsort(code, kind="stable")
