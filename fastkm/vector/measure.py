"""What regions measure: perimeters and diameters on the ellipsoid.

Lengths are those of the lines as they are drawn. On a grid of latitudes and longitudes a line is
straight in degrees, so along a parallel it is an arc of that parallel, not the shorter geodesic:
its length is the integral of the metric of the WGS84 ellipsoid, by five nodes of Gauss (an arc of 90
degrees of a meridian then has an error of 1e-9). On any other grid lines are cut at the corners
of cells and measured as geodesics. Where a region is cut for output its perimeter has no part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastkm.geometry.distance import max_pairwise_distances
from fastkm.raster.grid.areas import FLATTENING, SEMI_MAJOR
from fastkm.raster.grid.geolocation import globe_of
from fastkm.vector.polygons import at_every_corner

if TYPE_CHECKING:
    from fastkm.geometry.regions import Rings
    from fastkm.raster.grid.geolocation import Grid
    from fastkm.vector.polygons import Pieces
    from fastkm.vector.seam import Window


def diameters(
    pieces: Pieces, grid: Grid, regions: int, *, metric: str = "pixels", threads: int | None = None
) -> np.ndarray:
    """Measure the longest distance between two points of the exterior of each region.

    Parameters
    ----------
    pieces : Pieces
        In pixels.
    grid : Grid
        Where pixels lie.
    regions : int
        Number of regions.
    metric : {"pixels", "metres"}
        Distances in pixels, across the seam of a round grid, or of WGS84 geodesics.
    threads : int, optional
        See `fastkm.max_pairwise_distance`.

    Returns
    -------
    (n,) float64 array
        NaN for regions without pieces, and in metres where the grid lies nowhere on the globe.
    """
    if metric == "pixels":
        points, owners = pieces.exteriors()
        if grid.turn:
            points = _unrolled(points, owners, pieces, regions, grid.turn)
        points, offsets = _by_owner(points, owners, regions)
        return max_pairwise_distances(points, offsets, threads=threads)
    to_globe = globe_of(grid)
    if to_globe is None:
        return np.full(regions, np.nan)
    points, owners = pieces.exteriors(every_corner=True)  # a parallel is longer than its chord
    points, offsets = _by_owner(to_globe(grid.place(points))[:, ::-1], owners, regions)
    return max_pairwise_distances(points, offsets, metric="geodesic", threads=threads)


def perimeters(
    rings: Rings, owners: np.ndarray, grid: Grid, regions: int, window: Window
) -> np.ndarray:
    """Measure the boundary of each region, holes included, in metres.

    Parameters
    ----------
    rings : Rings
        In pixels, not yet cut.
    owners : (p,) int64 array
        The region of each polygon.
    grid : Grid
        Where pixels lie.
    regions : int
        Number of regions.
    window : (float, float)
        The columns that count: of a round raster the rest comes again.

    Returns
    -------
    (n,) float64 array
        NaN where the grid lies nowhere on the globe.
    """
    to_globe = globe_of(grid)
    if to_globe is None:
        return np.full(regions, np.nan)
    straight = grid.straight and grid.in_degrees
    points, offsets = (
        (rings.points, rings.ring_offsets)
        if straight
        else at_every_corner(rings.points, rings.ring_offsets)
    )
    polygon = np.repeat(np.arange(len(owners)), np.diff(rings.polygon_offsets))
    owner = np.repeat(owners[polygon], np.diff(offsets))
    inside = np.ones(len(points), bool)
    inside[offsets[1:] - 1] = False  # from the end of a ring leads no line
    start = np.flatnonzero(inside)
    a, b, owner = points[start], points[start + 1], owner[start]
    if np.isfinite(window).all():
        a, b, owner = _within(a, b, owner, window)
    ends = [to_globe(grid.place(end)) for end in (a, b)]
    lengths = _in_degrees(*ends) if straight else _geodesics(*ends)
    return np.bincount(owner, lengths, minlength=regions)


def _by_owner(
    points: np.ndarray, owners: np.ndarray, regions: int
) -> tuple[np.ndarray, np.ndarray]:
    """Order points by region; tell where each begins."""
    if (np.diff(owners) < 0).any():
        order = np.argsort(owners, kind="stable")
        points, owners = points[order], owners[order]
    return points, np.searchsorted(owners, np.arange(regions + 1))


def _unrolled(
    points: np.ndarray, owners: np.ndarray, pieces: Pieces, regions: int, turn: int
) -> np.ndarray:
    """Move what lies left of the widest gap in the columns of a region a turn to the right.

    Only regions that reach over more than half a turn can become narrower so.
    """
    (spans, whose), reach = pieces.spans(), np.array([[np.inf, -np.inf]]).repeat(regions, axis=0)
    np.minimum.at(reach[:, 0], whose, spans[:, 0])
    np.maximum.at(reach[:, 1], whose, spans[:, 1])
    wide = reach[:, 1] - reach[:, 0] > turn / 2
    mine = np.flatnonzero(wide[owners])
    mine = mine[np.argsort(owners[mine], kind="stable")]
    points, of_wide = points.copy(), wide[whose]
    spans, whose = spans[of_wide], whose[of_wide]
    for region in np.flatnonzero(wide):
        gap = _widest_gap(spans[whose == region], turn)
        if gap is not None:
            low, high = np.searchsorted(owners[mine], [region, region + 1])
            own = mine[low:high]
            points[own[points[own, 1] <= gap], 1] += turn
    return points


def _widest_gap(spans: np.ndarray, turn: int) -> float | None:
    """Give the column where the widest gap begins; None where that is the one round the end.

    Examples
    --------
    >>> _widest_gap(np.array([[0.0, 2.0], [8.0, 10.0]]), 10)
    2.0
    """
    spans = spans[np.argsort(spans[:, 0])]
    reach = np.maximum.accumulate(spans[:, 1])
    gaps = np.append(spans[1:, 0], spans[0, 0] + turn) - reach
    widest = int(np.argmax(gaps))
    return None if gaps[widest] <= max(gaps[-1], 0.0) else float(reach[widest])


def _within(
    a: np.ndarray, b: np.ndarray, owner: np.ndarray, window: Window
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut lines to a window of columns, which has its first column but not its last."""
    start, stop = window
    low, high = np.minimum(a[:, 1], b[:, 1]), np.maximum(a[:, 1], b[:, 1])
    whole = (low >= start) & (high <= stop) & (low < stop)
    crossing = ~whole & (high > start) & (low < stop)
    c, d = a[crossing], b[crossing]
    ends = [_on_line(c, d, np.clip(end[:, 1], start, stop)) for end in (c, d)]
    pairs = ((a[whole], ends[0]), (b[whole], ends[1]), (owner[whole], owner[crossing]))
    first, second, owners = (np.concatenate(pair) for pair in pairs)
    return first, second, owners


def _on_line(a: np.ndarray, b: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Give the points of lines at some columns."""
    share = (column - a[:, 1]) / (b[:, 1] - a[:, 1])
    return np.column_stack([a[:, 0] + share * (b[:, 0] - a[:, 0]), column])


def _in_degrees(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Measure lines that are straight in longitude and latitude, in metres."""
    e2 = FLATTENING * (2 - FLATTENING)
    east, north = np.radians(b - a).T
    middle = np.radians(a[:, 1] + b[:, 1]) / 2
    total = np.zeros(len(a))
    for node, weight in zip(*np.polynomial.legendre.leggauss(5), strict=True):
        latitude = middle + node / 2 * north
        w2 = 1 - e2 * np.sin(latitude) ** 2
        along = np.cos(latitude) * east
        up = (1 - e2) / w2 * north
        total += weight * np.sqrt((along**2 + up**2) / w2)
    return SEMI_MAJOR / 2 * total


def _geodesics(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    from pyproj import Geod

    _, _, lengths = Geod(ellps="WGS84").inv(*a.T, *b.T)
    return np.asarray(lengths)
