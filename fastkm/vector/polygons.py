"""From rings in pixels to polygons in coordinates: cut to windows, placed, collected by region.

Everything that is not cut stays in ragged arrays until shapely takes all of it at once. The few
polygons that cross a window's end are cut by shapely, still in pixels, where cell edges are halves
and cuts are exact; on a globe every cut is a straight line of equal longitude.

Rows and columns of curvilinear grids are not straight lines in coordinates, so their polygons
keep a point at every corner of a cell; if one crosses the antimeridian or goes round a pole,
`fastkm.vector.antimeridian` cuts it.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastkm.geometry.regions import Rings
from fastkm.raster.grid.curvilinear import CurvilinearGrid
from fastkm.raster.grid.geolocation import AxisGrid, TransformGrid
from fastkm.vector.antimeridian import (
    cut_at_meridian,
    needs_cut,
    round_longitudes,
    select_polygonal_parts,
)
from fastkm.vector.seam import WHOLE

if TYPE_CHECKING:
    import shapely

    from fastkm.raster.grid.geolocation import Grid
    from fastkm.vector.seam import Window

STEPS_PER_PIXEL = 2.0**24
"""Pixels are rounded to whole multiples of a pixel divided by this; corners of cells stay."""

ON_CUT = 1e-9
"""Degrees from a cut within which a longitude is rounded to it."""


class PolygonParts(NamedTuple):
    """Parts of polygons in pixels (row, column); several may belong to one region.

    Attributes
    ----------
    rings : Rings
        Polygons that lie within a window.
    owners : (p,) int64 array
        The region of each.
    cut : (q,) array of shapely.Polygon
        What windows left of the others.
    cut_owners : (q,) int64 array
        The region of each.
    """

    rings: Rings
    owners: np.ndarray
    cut: np.ndarray
    cut_owners: np.ndarray

    def collect_exteriors(self, *, every_corner: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Return the points of all exteriors, (n, 2), and the region of each.

        Lines along cells have points at their ends; with `every_corner` at each corner of a cell.
        """
        import shapely

        points, offsets = drop_junctions(*select_rings(self.rings, self.rings.polygon_offsets[:-1]))
        cut, index = shapely.get_coordinates(shapely.get_exterior_ring(self.cut), return_index=True)
        sizes = np.bincount(index, minlength=len(self.cut))
        cut, cut_offsets = drop_junctions(cut, _to_offsets(sizes))
        kind = shapely.GeometryType.LINESTRING
        lines = shapely.from_ragged_array(kind, cut, (cut_offsets,))
        if every_corner:
            points, offsets = split_at_corners(points, offsets)
            lines = shapely.segmentize(lines, 1.0)
        cut_points, index = shapely.get_coordinates(lines, return_index=True)
        owners = np.repeat(self.owners, np.diff(offsets))
        return np.concatenate([points, cut_points]), np.concatenate(
            [owners, self.cut_owners[index]]
        )

    def find_column_spans(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the first and last column of each part, (n, 2), and its region."""
        import shapely

        bounds = shapely.bounds(self.cut).reshape(-1, 4)
        spans = np.concatenate([find_column_spans(self.rings), bounds[:, [1, 3]]])
        return spans, np.concatenate([self.owners, self.cut_owners])

    def select(self, wanted: np.ndarray) -> PolygonParts:
        """Return the parts of some regions; `wanted` is a bool array by region."""
        if wanted.all():
            return self
        whole, cut = np.flatnonzero(wanted[self.owners]), wanted[self.cut_owners]
        rings = select_polygons(self.rings, whole)
        return PolygonParts(rings, self.owners[whole], self.cut[cut], self.cut_owners[cut])


def find_column_spans(rings: Rings) -> np.ndarray:
    """Return the first and last column of each polygon, (p, 2)."""
    if len(rings.regions) == 0:
        return np.empty((0, 2))
    columns = rings.points[:, 1]
    starts = rings.ring_offsets[rings.polygon_offsets[:-1]]
    spans = np.minimum.reduceat(columns, starts), np.maximum.reduceat(columns, starts)
    return np.column_stack(spans)


def drop_junctions(points: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Leave out the points of rings where they go straight on along cells, so that a line is one.

    Contours have no points at corners of cells, and keep all theirs.

    Examples
    --------
    >>> ring = np.array([[-0.5, 0.5], [-0.5, 1.5], [-0.5, 3.5], [0.5, 3.5], [-0.5, 0.5]])
    >>> drop_junctions(ring, np.array([0, 5]))[0][:, 1].tolist()
    [0.5, 3.5, 3.5, 0.5]
    """
    steps = np.diff(points, axis=0) == 0.0
    straight = np.zeros(len(points), bool)
    straight[1:-1] = (steps[:-1] & steps[1:]).any(axis=1)
    straight &= (points % 1.0 == 0.5).all(axis=1)
    straight[offsets[:-1]] = straight[offsets[1:] - 1] = False
    before = np.append(0, np.cumsum(~straight))
    return np.compress(~straight, points, axis=0), before[offsets]


def split_at_corners(points: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Put points at the corners of cells along lines of more than one cell."""
    import shapely

    lines = shapely.from_ragged_array(shapely.GeometryType.LINESTRING, points, (offsets,))
    lines = shapely.segmentize(lines, 1.0)
    return shapely.get_coordinates(lines), _to_offsets(shapely.get_num_coordinates(lines))


def select_rings(rings: Rings, which: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the points of some rings, one ring after another, and where each begins."""
    starts, sizes = rings.ring_offsets[which], np.diff(rings.ring_offsets)[which]
    # `take` is four times as fast as an index of rows
    return np.take(rings.points, _expand_ranges(starts, sizes), axis=0), _to_offsets(sizes)


def select_polygons(rings: Rings, which: np.ndarray) -> Rings:
    """Return some of the polygons."""
    starts, sizes = rings.polygon_offsets[which], np.diff(rings.polygon_offsets)[which]
    points, ring_offsets = select_rings(rings, _expand_ranges(starts, sizes))
    return Rings(points, ring_offsets, _to_offsets(sizes), rings.regions[which])


def cut_to_windows(rings: Rings, owners: np.ndarray, windows: tuple[Window, ...]) -> PolygonParts:
    """Cut polygons in pixels to windows of columns; what lies in none is left out.

    `owners` are the regions of the polygons, (p,).
    """
    import shapely

    if windows == (WHOLE,) or len(owners) == 0:
        return PolygonParts(rings, owners, np.empty(0, object), np.empty(0, np.int64))
    left, right = find_column_spans(rings).T
    within = np.zeros(len(owners), bool)
    cut, cut_owners = [np.empty(0, object)], [np.empty(0, np.int64)]
    rows = rings.points[:, 0].min() - 1.0, rings.points[:, 0].max() + 1.0
    span = left.min() - 1.0, right.max() + 1.0
    for start, stop in windows:
        # polygons inside a window stay as they are
        inside = (left >= start) & (right <= stop)
        within |= inside
        # those that cross one of its ends are cut to the window
        crossing = np.flatnonzero((left < stop) & (right > start) & ~inside)
        box = shapely.box(rows[0], max(start, span[0]), rows[1], min(stop, span[1]))
        found = shapely.intersection(_to_polygons(select_polygons(rings, crossing)), box)
        parts, index = select_polygonal_parts(found)  # no lines along which they touch the box
        cut.append(parts)
        cut_owners.append(owners[crossing][index])
    kept = np.flatnonzero(within)
    rings = select_polygons(rings, kept)
    return PolygonParts(rings, owners[kept], np.concatenate(cut), np.concatenate(cut_owners))


def place_parts(
    parts: PolygonParts, grid: Grid, west: float | None, parts_of_pixels: int = 2
) -> tuple[np.ndarray, np.ndarray]:
    """Return one (Multi)Polygon in coordinates for each region that has parts, and these regions.

    Exteriors are counter-clockwise, and regions ascend. Longitudes are those of the raster, or of
    the turn that begins at `west`. Points are at whole multiples of a pixel divided by
    `parts_of_pixels`, a power of two.
    """
    if not isinstance(grid, CurvilinearGrid):
        return collect_by_region(*_place_straight(parts, grid, west, parts_of_pixels))
    import shapely

    geometry, regions = collect_by_region(*_place_curved(parts, grid, west))
    # parts of a curved region may touch, or overlap by rounding
    bad = ~shapely.is_valid(geometry)
    geometry[bad] = [repair_region(region) for region in geometry[bad]]
    return geometry, regions


def _place_straight(
    parts: PolygonParts, grid: Grid, west: float | None, parts_of_pixels: int
) -> tuple[np.ndarray, np.ndarray]:
    """Place polygons whose edges stay straight."""
    import shapely

    points = parts.rings.points
    if isinstance(grid, AxisGrid):
        points = grid.place_halves(points, parts_of_pixels)
    else:
        points = grid.place(points)
    placed = parts.rings._replace(points=points)
    if is_mirrored(grid):
        placed = placed._replace(points=_reverse_rings(placed))
    whole = _to_polygons(placed)
    cut = shapely.orient_polygons(shapely.transform(parts.cut, grid.place))
    polygons = np.concatenate([whole, cut])
    if west is not None and grid.in_degrees:
        polygons = _shift_into_turn(polygons, west)
    return polygons, np.concatenate([parts.owners, parts.cut_owners])


def _to_offsets(sizes: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(sizes)])


def _expand_ranges(starts: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return start, start + 1 ... of each size, one range after another."""
    before = np.cumsum(sizes) - sizes
    return np.repeat(starts - before, sizes) + np.arange(sizes.sum())


def _reverse_rings(rings: Rings) -> np.ndarray:
    """Return the points with each ring run the other way."""
    ends = rings.ring_offsets[:-1] + rings.ring_offsets[1:] - 1
    order = np.repeat(ends, np.diff(rings.ring_offsets)) - np.arange(len(rings.points))
    return np.take(rings.points, order, axis=0)


def _to_polygons(rings: Rings) -> np.ndarray:
    """Make polygons of rings, without the search for cycles, which they cannot have.

    It would look at all of them again and again: 640,000 took 0.65 s instead of 0.13.
    """
    import shapely

    if len(rings.polygon_offsets) == 1:
        return np.empty(0, object)
    offsets, collects = (rings.ring_offsets, rings.polygon_offsets), gc.isenabled()
    gc.disable()
    try:
        return shapely.from_ragged_array(shapely.GeometryType.POLYGON, rings.points, offsets)
    finally:
        if collects:
            gc.enable()


def is_mirrored(grid: Grid) -> bool:
    """Return True if rings turn the other way in coordinates than in (column, row)."""
    if isinstance(grid, TransformGrid):
        move = grid.transform
        return move[1] * move[5] < move[2] * move[4]
    if isinstance(grid, CurvilinearGrid):
        return grid.is_mirrored()
    corner, right, down = grid.place(np.array([[0.0, 0.0], [0.0, 0.5], [0.5, 0.0]]))
    (a, b), (c, d) = right - corner, down - corner
    return bool(a * d < b * c)


def _shift_into_turn(polygons: np.ndarray, west: float) -> np.ndarray:
    """Shift polygons by whole turns to longitudes of west ... west + 360."""
    import shapely

    bounds = shapely.bounds(polygons)
    turns = np.floor(((bounds[:, 0] + bounds[:, 2]) / 2 - west) / 360.0)
    points = shapely.get_coordinates(polygons)
    points[:, 0] += np.repeat(-360.0 * turns, shapely.get_num_coordinates(polygons))
    # polygons that were cut end on the cut, and so do others that touch it
    for meridian in (west, west + 360.0):
        points[np.abs(points[:, 0] - meridian) < ON_CUT, 0] = meridian
    np.clip(points[:, 0], west, west + 360.0, out=points[:, 0])  # edges that rounding put beyond
    return np.asarray(shapely.set_coordinates(polygons, points))


def _place_curved(
    parts: PolygonParts, grid: CurvilinearGrid, west: float | None
) -> tuple[np.ndarray, np.ndarray]:
    """Place polygons whose edges are curved, and cut them where their longitudes jump."""
    import shapely

    # a point at every corner of a cell, each in the turn of the output
    rings = parts.rings
    if is_mirrored(grid):
        rings = rings._replace(points=_reverse_rings(rings))
    pixels = shapely.segmentize(np.concatenate([_to_polygons(rings), parts.cut]), 1.0)
    pixels = shapely.transform(pixels, _round_pixels)
    if west is None:
        west = grid.find_west()
    placed = shapely.transform(
        shapely.transform(pixels, grid.place), lambda points: wrap_into_turn(points, west)
    )
    owners = np.concatenate([parts.owners, parts.cut_owners])
    polygons, owners = cut_where_crossing(placed, owners, west)
    # windows cut between columns, not along a meridian: those regions become whole again
    regions = np.unique(parts.cut_owners)
    mine = np.isin(owners, regions)
    whole = [shapely.union_all(polygons[mine & (owners == region)]) for region in regions]
    joined, index = select_polygonal_parts(whole)
    polygons = np.concatenate([polygons[~mine], shapely.orient_polygons(joined)])
    return polygons, np.concatenate([owners[~mine], regions[index]])


def cut_where_crossing(
    placed: np.ndarray, owners: np.ndarray, west: float
) -> tuple[np.ndarray, np.ndarray]:
    """Cut the polygons whose longitudes jump, and repair others that are invalid."""
    import shapely

    crossing, bad = _is_crossing(placed), ~shapely.is_valid(placed)
    cut = [cut_at_meridian(polygon, west) for polygon in placed[crossing]]
    cut_owners = np.repeat(owners[crossing], [len(own) for own in cut])
    broken, plain = bad & ~crossing, ~bad & ~crossing
    mended, index = select_polygonal_parts(shapely.make_valid(placed[broken]))
    mended = shapely.orient_polygons(mended)
    polygons = np.concatenate([placed[plain], mended, np.empty(0, object), *cut])
    return polygons, np.concatenate([owners[plain], owners[broken][index], cut_owners])


def _round_pixels(pixels: np.ndarray) -> np.ndarray:
    """Round points that divide lines, so that they do not depend on which end was the first."""
    return np.asarray(np.round(pixels * STEPS_PER_PIXEL) / STEPS_PER_PIXEL)


def _is_crossing(polygons: np.ndarray) -> np.ndarray:
    """Return for each polygon whether a ring jumps, or touches a pole."""
    import shapely

    if len(polygons) == 0:
        return np.zeros(0, bool)
    _, points, (rings, offsets) = shapely.to_ragged_array(polygons)
    return np.asarray(np.logical_or.reduceat(needs_cut(points, rings), offsets[:-1]))


def wrap_into_turn(points: np.ndarray, west: float) -> np.ndarray:
    """Shift longitudes by whole turns to west ... west + 360, rounded so that turns are exact."""
    longitude = round_longitudes(points[:, 0])
    return np.column_stack([longitude - 360.0 * np.floor((longitude - west) / 360.0), points[:, 1]])


def repair_region(region: shapely.Geometry) -> shapely.Geometry:
    """Make a region valid whose parts overlap by rounding."""
    import shapely

    parts = shapely.orient_polygons(select_polygonal_parts([shapely.make_valid(region)])[0])
    return parts[0] if len(parts) == 1 else shapely.multipolygons(parts)


def collect_by_region(polygons: np.ndarray, owners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return one geometry a region, a MultiPolygon for several polygons, and the regions."""
    import shapely

    order = np.argsort(owners, kind="stable")
    polygons, owners = polygons[order], owners[order]
    regions, index, counts = np.unique(owners, return_inverse=True, return_counts=True)
    geometry = np.empty(len(regions), object)
    alone = counts[index] == 1
    geometry[index[alone]] = polygons[alone]
    several = np.flatnonzero(counts > 1)
    if len(several):
        position = np.searchsorted(several, index[~alone])
        geometry[several] = shapely.multipolygons(polygons[~alone], indices=position)
    return geometry, regions
