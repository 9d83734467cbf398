"""Perimeters and diameters of regions, in pixels and on the ellipsoid; limits of lengths and areas.

Lengths are those of the lines as they are drawn. On a grid of latitudes and longitudes a line is
straight in degrees, so along a parallel it is an arc of that parallel, not the shorter geodesic:
its length is the integral of the metric of the WGS84 ellipsoid, by five nodes of Gauss (an arc of 90
degrees of a meridian then has an error of 1e-9). On any other grid lines are cut at the corners
of cells and measured as geodesics. The line along which a region is cut for output is not counted,
nor is what lies beyond the Earth's edge, as on a full disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fastkm._core.validation import Limit, parse_limit
from fastkm.geometry.distance import max_pairwise_distances
from fastkm.raster.grid.areas import FLATTENING, SEMI_MAJOR
from fastkm.raster.grid.geolocation import find_globe_transform
from fastkm.vector.polygons import drop_junctions, split_at_corners

if TYPE_CHECKING:
    from fastkm.geometry.regions import Rings
    from fastkm.raster.grid.geolocation import Grid
    from fastkm.vector.merged_regions import RegionRings
    from fastkm.vector.polygons import PolygonParts
    from fastkm.vector.seam import Window

GAUSS = (
    (-0.906179845938664, 0.23692688505618908),
    (-0.5384693101056831, 0.47862867049936647),
    (0.0, 0.5688888888888889),
    (0.5384693101056831, 0.47862867049936647),
    (0.906179845938664, 0.23692688505618908),
)
"""Five nodes of Gauss and their weights, in closed form: those of numpy differ in last bits between
its versions, as BLAS does."""


def as_length(limit: float | str) -> Limit:
    """Read a lower limit of length: "200px", "2000km", or a number of pixels.

    Examples
    --------
    >>> as_length("2000km")
    Limit(value=2000.0, unit='km')
    """
    return parse_limit("min_diameter", limit, ("px", "km"))


def as_area(limit: float | str) -> Limit:
    """Read a lower limit of area: "5000km2", or a number of km2."""
    return parse_limit("min_area", limit, ("km2",))


def require_place(grid: Grid, *limits: Limit) -> None:
    """Raise if a limit on the ground is given for a raster that lies nowhere on the globe."""
    for limit in limits:
        if limit.unit != "px" and limit.value > 0 and find_globe_transform(grid) is None:
            raise ValueError(
                f"{limit.value:g}{limit.unit} needs a raster with latitudes and longitudes or a "
                "reference system, and this one has neither"
            )


def is_selected(labels: np.ndarray, select: str | int | Sequence[int]) -> np.ndarray:
    """Return for each region whether its label is selected.

    Examples
    --------
    >>> is_selected(np.array([0, 2, 1]), "highest")
    array([False,  True, False])
    """
    if isinstance(select, str) and select == "all":
        return np.ones(len(labels), bool)
    if isinstance(select, str) and select in {"highest", "lowest"}:
        if len(labels) == 0:
            return np.zeros(0, bool)
        return labels == (labels.max() if select == "highest" else labels.min())
    chosen = np.atleast_1d(np.asarray(select))
    if isinstance(select, str) or chosen.dtype.kind not in "iu" or chosen.ndim != 1:
        raise ValueError(
            f"select must be 'all', 'highest', 'lowest' or whole numbers, got {select!r}"
        )
    return np.isin(labels, chosen)


def may_reach(across: Limit, boxes: np.ndarray, grid: Grid) -> np.ndarray:
    """Return which regions may have a diameter above a limit in pixels, by their boxes."""
    if across.unit != "px" or grid.turn:
        return np.ones(len(boxes), bool)
    boxes = boxes.astype(np.float64)
    diagonals = np.hypot(*(boxes[:, 2:] - boxes[:, :2] + 1).T) * (1 + 1e-12)
    return np.asarray(diagonals > across.value)


def measure_rings(
    rings: RegionRings, grid: Grid, wanted: np.ndarray, across: Limit, threads: int | None
) -> tuple[PolygonParts, dict[str, np.ndarray]]:
    """Measure the lengths of the regions that are wanted; return the parts of those far across."""
    # diameters
    parts, lengths = rings.cut(), {}
    for unit, metric, scale in (("px", "pixels", 1.0), ("km", "metres", 1e-3)):
        found = scale * measure_diameters(parts, grid, len(wanted), metric=metric, threads=threads)
        lengths[f"diameter_{unit}"] = found
        if across.unit == unit and across.value > 0:
            wanted = wanted & (found > across.value)
            parts = parts.select(wanted)
    # perimeters of the rings that are left
    rings = rings.select(wanted)
    around = measure_perimeters(rings.rings, rings.owners, grid, len(wanted), rings.windows[0])
    lengths["perimeter_km"] = 1e-3 * around
    return parts, lengths


def measure_diameters(
    parts: PolygonParts,
    grid: Grid,
    regions: int,
    *,
    metric: str = "pixels",
    threads: int | None = None,
) -> np.ndarray:
    """Measure the longest distance between two points of the exterior of each region, (regions,).

    The metric is "pixels", across the seam of a round grid, or "metres" of WGS84 geodesics. NaN for
    regions without parts, and in metres if the grid lies nowhere on the globe.
    """
    if metric == "pixels":
        points, owners = parts.collect_exteriors()
        if grid.turn:
            points = _unroll_regions(points, owners, parts, regions, grid.turn)
        points, offsets = _sort_by_owner(points, owners, regions)
        return max_pairwise_distances(points, offsets, threads=threads)
    to_globe = find_globe_transform(grid)
    if to_globe is None:
        return np.full(regions, np.nan)
    points, owners = parts.collect_exteriors(
        every_corner=True
    )  # a parallel is longer than its chord
    places = to_globe(grid.place(points))[:, ::-1]
    known = np.isfinite(places).all(axis=1)  # others lie beyond the Earth's edge
    points, offsets = _sort_by_owner(places[known], owners[known], regions)
    return max_pairwise_distances(points, offsets, metric="geodesic", threads=threads)


def measure_perimeters(
    rings: Rings, owners: np.ndarray, grid: Grid, regions: int, window: Window
) -> np.ndarray:
    """Measure the boundary of each region, holes included, in metres, (regions,).

    The rings are not yet cut, and `owners` are the regions of their polygons. Only the columns of the
    window count; the others of a round raster are repeated. NaN if the grid lies nowhere on the globe.
    """
    to_globe = find_globe_transform(grid)
    if to_globe is None:
        return np.full(regions, np.nan)
    # points between which lines are straight, or geodesics
    straight = grid.straight and grid.in_degrees
    points, offsets = drop_junctions(rings.points, rings.ring_offsets)
    if not straight:
        points, offsets = split_at_corners(points, offsets)
    # lines from each point of a ring to the next, and their regions
    polygon = np.repeat(np.arange(len(owners)), np.diff(rings.polygon_offsets))
    owner = np.repeat(owners[polygon], np.diff(offsets))
    inside = np.ones(len(points), bool)
    inside[offsets[1:] - 1] = False  # no line leads from the end of a ring
    start = np.flatnonzero(inside)
    a, b, owner = points[start], points[start + 1], owner[start]
    if np.isfinite(window).all():
        a, b, owner = _cut_to_window(a, b, owner, window)
    # their lengths on the ground
    ends = [to_globe(grid.place(end)) for end in (a, b)]
    lengths = _measure_in_degrees(*ends) if straight else _measure_geodesics(*ends)
    known = np.isfinite(lengths)  # others lie beyond the Earth's edge
    return np.bincount(owner[known], lengths[known], minlength=regions)


def _sort_by_owner(
    points: np.ndarray, owners: np.ndarray, regions: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the points in the order of regions, and where each region begins."""
    if (np.diff(owners) < 0).any():
        order = np.argsort(owners, kind="stable")
        points, owners = points[order], owners[order]
    return points, np.searchsorted(owners, np.arange(regions + 1))


def _unroll_regions(
    points: np.ndarray, owners: np.ndarray, parts: PolygonParts, regions: int, turn: int
) -> np.ndarray:
    """Move what lies left of the widest gap in the columns of a region a turn to the right.

    Only regions that reach over more than half a turn can become narrower so.
    """
    # the regions that reach so far, and their points
    spans, whose = parts.find_column_spans()
    first, last = np.full(regions, np.inf), np.full(regions, -np.inf)
    np.minimum.at(first, whose, spans[:, 0])
    np.maximum.at(last, whose, spans[:, 1])
    wide = last - first > turn / 2
    mine = np.flatnonzero(wide[owners])
    mine = mine[np.argsort(owners[mine], kind="stable")]
    # each is shifted by itself
    points = points.copy()
    for region in np.flatnonzero(wide):
        gap = _find_widest_gap(spans[whose == region], turn)
        if gap is not None:
            low, high = np.searchsorted(owners[mine], [region, region + 1])
            own = mine[low:high]
            points[own[points[own, 1] <= gap], 1] += turn
    return points


def _find_widest_gap(spans: np.ndarray, turn: int) -> float | None:
    """Return the column where the widest gap begins; None if that is the gap round the end.

    Examples
    --------
    >>> _find_widest_gap(np.array([[0.0, 2.0], [8.0, 10.0]]), 10)
    2.0
    """
    spans = spans[np.argsort(spans[:, 0])]
    reach = np.maximum.accumulate(spans[:, 1])
    gaps = np.append(spans[1:, 0], spans[0, 0] + turn) - reach
    widest = int(np.argmax(gaps))
    return None if gaps[widest] <= max(gaps[-1], 0.0) else float(reach[widest])


def _cut_to_window(
    a: np.ndarray, b: np.ndarray, owner: np.ndarray, window: Window
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut lines to a window of columns, which has its first column but not its last."""
    # lines inside, and lines that cross an end, with the points there
    start, stop = window
    low, high = np.minimum(a[:, 1], b[:, 1]), np.maximum(a[:, 1], b[:, 1])
    whole = (low >= start) & (high <= stop) & (low < stop)
    crossing = ~whole & (high > start) & (low < stop)
    c, d = a[crossing], b[crossing]
    ends = [_interpolate(c, d, np.clip(end[:, 1], start, stop)) for end in (c, d)]
    pairs = ((a[whole], ends[0]), (b[whole], ends[1]), (owner[whole], owner[crossing]))
    first, second, owners = (np.concatenate(pair) for pair in pairs)
    return first, second, owners


def _interpolate(a: np.ndarray, b: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Return the points of lines at some columns."""
    share = (column - a[:, 1]) / (b[:, 1] - a[:, 1])
    return np.column_stack([a[:, 0] + share * (b[:, 0] - a[:, 0]), column])


def _measure_in_degrees(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Measure lines that are straight in longitude and latitude, in metres."""
    e2 = FLATTENING * (2 - FLATTENING)
    east, north = np.radians(b - a).T
    middle = np.radians(a[:, 1] + b[:, 1]) / 2
    total = np.zeros(len(a))
    for node, weight in GAUSS:
        latitude = middle + node / 2 * north
        w2 = 1 - e2 * np.sin(latitude) ** 2
        along = np.cos(latitude) * east
        up = (1 - e2) / w2 * north
        total += weight * np.sqrt((along**2 + up**2) / w2)
    return SEMI_MAJOR / 2 * total


def _measure_geodesics(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    from pyproj import Geod

    _, _, lengths = Geod(ellps="WGS84").inv(*a.T, *b.T)
    return np.asarray(lengths)
