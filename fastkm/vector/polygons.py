"""From rings in pixels to polygons in coordinates: cut to windows, placed, joined to regions.

Everything that is not cut stays in ragged arrays until shapely takes all of it at once. The few
polygons that cross a window's end are cut by shapely, still in pixels, where cell edges are halves
and cuts are exact; on a globe every cut is a straight line of equal longitude.

Rows and columns of curvilinear grids are not straight lines in coordinates, so their polygons
keep a point at every corner of a cell; where one crosses the antimeridian or goes round a pole
`fastkm.vector.antimeridian` cuts it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastkm.geometry.regions import Rings
from fastkm.raster.grid.curvilinear import CurvilinearGrid
from fastkm.raster.grid.geolocation import AxisGrid, TurnedGrid
from fastkm.vector.antimeridian import GRAINS, cut_at_meridian, needs_cut

if TYPE_CHECKING:
    import shapely

    from fastkm.raster.grid.geolocation import Grid
    from fastkm.vector.seam import Window

ON_CUT = 1e-9
"""Degrees from a cut within which a longitude is rounded to it."""

SEAM_DECIMALS = 11
"""Of degrees, to which both sides of a seam are rounded so that they meet: a micrometre."""


class Pieces(NamedTuple):
    """Polygons in pixels (row, column); several may belong to one region.

    Attributes
    ----------
    rings : Rings
        Those that lie within a window.
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

    def exteriors(self, *, every_corner: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Give the points of all exteriors, (n, 2), and whose they are.

        Lines along cells have points at their ends; with `every_corner` at each corner of a cell.
        """
        import shapely

        points, offsets = take_rings(self.rings, self.rings.polygon_offsets[:-1])
        lines = shapely.get_exterior_ring(self.cut)
        if every_corner:
            points, offsets = at_every_corner(points, offsets)
            lines = shapely.segmentize(lines, 1.0)
        of_cut, index = shapely.get_coordinates(lines, return_index=True)
        owners = np.repeat(self.owners, np.diff(offsets))
        return np.concatenate([points, of_cut]), np.concatenate([owners, self.cut_owners[index]])

    def spans(self) -> tuple[np.ndarray, np.ndarray]:
        """Give the first and last column of each piece, (n, 2), and whose it is."""
        import shapely

        own = column_spans(self.rings)
        bounds = shapely.bounds(self.cut).reshape(-1, 4)
        return (
            np.concatenate([own, bounds[:, [1, 3]]]),
            np.concatenate([self.owners, self.cut_owners]),
        )

    def only(self, wanted: np.ndarray) -> Pieces:
        """Keep the pieces of some regions; `wanted` is a bool array by region."""
        if wanted.all():
            return self
        keep = wanted[self.cut_owners]
        mine = np.flatnonzero(wanted[self.owners])
        return Pieces(
            take_polygons(self.rings, mine),
            self.owners[mine],
            self.cut[keep],
            self.cut_owners[keep],
        )


def column_spans(rings: Rings) -> np.ndarray:
    """Give the first and last column of each polygon, (p, 2)."""
    if len(rings.regions) == 0:
        return np.empty((0, 2))
    columns = rings.points[:, 1]
    starts = rings.ring_offsets[rings.polygon_offsets[:-1]]
    return np.column_stack(
        [np.minimum.reduceat(columns, starts), np.maximum.reduceat(columns, starts)]
    )


def at_every_corner(points: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Put points at the corners of cells along lines of more than one cell."""
    import shapely

    lines = shapely.from_ragged_array(shapely.GeometryType.LINESTRING, points, (offsets,))
    lines = shapely.segmentize(lines, 1.0)
    return shapely.get_coordinates(lines), np.concatenate(
        [[0], np.cumsum(shapely.get_num_coordinates(lines))]
    )


def take_rings(rings: Rings, which: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the points of some rings, one ring after another, and where each begins."""
    starts, sizes = rings.ring_offsets[which], np.diff(rings.ring_offsets)[which]
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    return rings.points[_ranges(starts, sizes)], offsets


def take_polygons(rings: Rings, which: np.ndarray) -> Rings:
    """Give some of the polygons."""
    starts, sizes = rings.polygon_offsets[which], np.diff(rings.polygon_offsets)[which]
    points, ring_offsets = take_rings(rings, _ranges(starts, sizes))
    return Rings(
        points, ring_offsets, np.concatenate([[0], np.cumsum(sizes)]), rings.regions[which]
    )


def cut_to_windows(rings: Rings, owners: np.ndarray, windows: tuple[Window, ...]) -> Pieces:
    """Cut polygons to windows of columns; what lies in none is left out.

    Parameters
    ----------
    rings : Rings
        Polygons in pixels.
    owners : (p,) array
        The region of each.
    windows : tuple of (float, float)
        Columns from which to which.
    """
    import shapely

    if windows == ((-np.inf, np.inf),) or len(owners) == 0:
        return Pieces(rings, owners, np.empty(0, object), np.empty(0, np.int64))
    left, right = column_spans(rings).T
    within = np.zeros(len(owners), bool)
    cut, of = [np.empty(0, object)], [np.empty(0, np.int64)]
    rows = rings.points[:, 0].min() - 1.0, rings.points[:, 0].max() + 1.0
    span = left.min() - 1.0, right.max() + 1.0
    for start, stop in windows:
        inside = (left >= start) & (right <= stop)
        within |= inside
        crossing = np.flatnonzero((left < stop) & (right > start) & ~inside)
        box = shapely.box(rows[0], max(start, span[0]), rows[1], min(stop, span[1]))
        found = shapely.intersection(_polygons(take_polygons(rings, crossing)), box)
        parts, index = shapely.get_parts(found, return_index=True)
        areal = shapely.get_dimensions(parts) == 2  # not the lines along which they touch the box
        parts, index = parts[areal], index[areal]
        cut.append(parts)
        of.append(owners[crossing][index])
    kept = np.flatnonzero(within)
    return Pieces(take_polygons(rings, kept), owners[kept], np.concatenate(cut), np.concatenate(of))


def place_pieces(pieces: Pieces, grid: Grid, west: float | None) -> tuple[np.ndarray, np.ndarray]:
    """Turn pieces into polygons in coordinates, one for each region, exteriors counter-clockwise.

    Parameters
    ----------
    pieces : Pieces
        Polygons in pixels.
    grid : Grid
        Where the pixels lie.
    west : float or None
        The first of the longitudes of the output, of a whole turn; None for those of the raster.

    Returns
    -------
    geometry : (m,) array of shapely.Polygon and shapely.MultiPolygon
        One a region.
    owners : (m,) int64 array
        The region of each, ascending.
    """
    import shapely

    if isinstance(grid, CurvilinearGrid):
        polygons, owners = _place_curved(pieces, grid, west)
    else:
        rings = pieces.rings
        place = grid.place_halves if isinstance(grid, AxisGrid) else grid.place
        placed = rings._replace(points=place(rings.points))
        if _mirrored(grid):
            placed = placed._replace(points=_reversed(placed))
        whole = _polygons(placed)
        cut = shapely.orient_polygons(shapely.transform(pieces.cut, grid.place))
        polygons, owners = (
            np.concatenate([whole, cut]),
            np.concatenate([pieces.owners, pieces.cut_owners]),
        )
        if west is not None and grid.in_degrees:
            polygons = _into_turn(polygons, west, len(whole))
    geometry, regions = _joined(polygons, owners)
    if isinstance(grid, CurvilinearGrid):  # parts that touch may do so on one side of rounding only
        bad = ~shapely.is_valid(geometry)
        geometry[bad] = [_valid(region) for region in geometry[bad]]
    return geometry, regions


def _ranges(starts: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Give start, start + 1 ... of each size, one range after another."""
    before = np.cumsum(sizes) - sizes
    return np.repeat(starts - before, sizes) + np.arange(sizes.sum())


def _reversed(rings: Rings) -> np.ndarray:
    """Give the points with each ring run the other way."""
    ends = rings.ring_offsets[:-1] + rings.ring_offsets[1:] - 1
    return rings.points[np.repeat(ends, np.diff(rings.ring_offsets)) - np.arange(len(rings.points))]


def _polygons(rings: Rings) -> np.ndarray:
    import shapely

    if len(rings.polygon_offsets) == 1:
        return np.empty(0, object)
    offsets = (rings.ring_offsets, rings.polygon_offsets)
    return shapely.from_ragged_array(shapely.GeometryType.POLYGON, rings.points, offsets)


def _mirrored(grid: Grid) -> bool:
    """Tell whether rings turn the other way in coordinates than in (column, row)."""
    if isinstance(grid, TurnedGrid):
        move = grid.transform
        return move[1] * move[5] < move[2] * move[4]
    if isinstance(grid, CurvilinearGrid):
        return grid.is_mirrored()
    corner, right, down = grid.place(np.array([[0.0, 0.0], [0.0, 0.5], [0.5, 0.0]]))
    (a, b), (c, d) = right - corner, down - corner
    return bool(a * d < b * c)


def _into_turn(polygons: np.ndarray, west: float, uncut: int) -> np.ndarray:
    """Shift polygons by whole turns to longitudes of west ... west + 360."""
    import shapely

    bounds = shapely.bounds(polygons)
    turns = np.floor(((bounds[:, 0] + bounds[:, 2]) / 2 - west) / 360.0)
    shifts = np.repeat(-360.0 * turns, shapely.get_num_coordinates(polygons))
    points = shapely.get_coordinates(polygons)
    points[:, 0] += shifts
    ends = points[shapely.get_num_coordinates(polygons[:uncut]).sum() :]
    for meridian in (west, west + 360.0):
        ends[np.abs(ends[:, 0] - meridian) < ON_CUT, 0] = meridian
    np.clip(points[:, 0], west, west + 360.0, out=points[:, 0])  # edges that rounding put beyond
    return np.asarray(shapely.set_coordinates(polygons, points))


def _place_curved(
    pieces: Pieces, grid: CurvilinearGrid, west: float | None
) -> tuple[np.ndarray, np.ndarray]:
    """Place polygons whose edges are curved, and cut them where their longitudes jump."""
    import shapely

    own = pieces.rings
    if _mirrored(grid):
        own = own._replace(points=_reversed(own))
    raw = np.concatenate([_polygons(own), pieces.cut])
    # a point at every corner of a cell
    placed = shapely.transform(shapely.segmentize(raw, 1.0), grid.place)
    if west is None:
        west = grid.own_west()
    placed = shapely.transform(placed, lambda xy: _within_turn(xy, west))
    owners = np.concatenate([pieces.owners, pieces.cut_owners])
    crossing, bad = _crossing(placed), ~shapely.is_valid(placed)
    cut = [cut_at_meridian(polygon, west) for polygon in placed[crossing]]
    index = np.repeat(owners[crossing], [len(parts) for parts in cut])
    mended, of = _areas(shapely.make_valid(placed[bad & ~crossing]), owners[bad & ~crossing])
    plain = ~crossing & ~bad
    polygons = np.concatenate([placed[plain], mended, np.empty(0, object), *cut])
    owners = np.concatenate([owners[plain], of, index])
    return _dissolved(polygons, owners, np.unique(pieces.cut_owners))


def _crossing(polygons: np.ndarray) -> np.ndarray:
    """Tell which polygons have a ring that jumps, or that touches a pole."""
    import shapely

    if len(polygons) == 0:
        return np.zeros(0, bool)
    _, points, (rings, offsets) = shapely.to_ragged_array(polygons)
    return np.asarray(np.logical_or.reduceat(needs_cut(points, rings), offsets[:-1]))


def _within_turn(points: np.ndarray, west: float) -> np.ndarray:
    longitude = np.round(points[:, 0] * GRAINS) / GRAINS
    return np.column_stack([longitude - 360.0 * np.floor((longitude - west) / 360.0), points[:, 1]])


def _valid(region: shapely.Geometry) -> shapely.Geometry:
    """Mend a region whose parts overlap by rounding."""
    import shapely

    parts, _ = _areas(np.array([shapely.make_valid(region)]), np.zeros(1, np.int64))
    return parts[0] if len(parts) == 1 else shapely.multipolygons(parts)


def _dissolved(
    polygons: np.ndarray, owners: np.ndarray, regions: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Join the parts of regions that were cut between columns, not along a meridian."""
    import shapely

    mine = np.isin(owners, regions)
    rounded = shapely.transform(polygons[mine], lambda points: np.round(points, SEAM_DECIMALS))
    of = owners[mine]
    whole = np.array([shapely.union_all(rounded[of == region]) for region in regions], object)
    parts, of = _areas(whole, regions)
    return np.concatenate([polygons[~mine], parts]), np.concatenate([owners[~mine], of])


def _areas(geometries: np.ndarray, owners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the polygons among the parts of geometries, and whose they are."""
    import shapely

    parts, index = shapely.get_parts(geometries, return_index=True)
    parts, inner = shapely.get_parts(parts, return_index=True)  # of collections
    areal = shapely.get_dimensions(parts) == 2
    return shapely.orient_polygons(parts[areal]), owners[index[inner][areal]]


def _joined(polygons: np.ndarray, owners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Join the polygons of each region, to MultiPolygons where there are several."""
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
