"""Polygons of another reference system in the plane of a raster of a part of the Earth.

Edges that are straight in their own system are curves in the plane of the raster: they get a point every
`STEPS`-th of the raster's extent. That is exact enough: a chord and its arc are a thousandth of a cell
apart in a raster of 10,000 columns of 30 m, and less than a tenth in one of 2,000 columns of 3 km.

A projection may fold, tear or end somewhere, and longitudes jump. So points of a lattice over the raster
go to the system of the polygons and must come back, without a jump between neighbours; polygons are
cut to the box around them; and no edge may be long in the plane. Otherwise the polygons stay
where they are.
"""

from __future__ import annotations

import numpy as np

from fastkm.raster.grid.crs import is_longlat
from fastkm.raster.polygon_masks.point_locator import list_edges

LATTICE = 65
"""Rows and columns of points over the raster."""

STEPS = 1024
"""Into how many steps the extent of the raster is cut."""

LONGEST = 0.05
"""Share of the extent of the raster that no edge of a step may have."""

SAME_PLACE = 1e-4
"""Share of the extent of the raster within which its points must come back."""

JUMP = 30.0
"""Degrees of longitude between two points of the lattice, from which a pole is near."""


def project_polygons(
    shapes: np.ndarray, crs: str, plane: str, bounds: tuple[float, float, float, float]
) -> np.ndarray | None:
    """Return polygons of the system `crs` in the system `plane`, cut to some more than `bounds`.

    Return None if the projection is not smooth there.

    Parameters
    ----------
    shapes : (n,) array of shapely.Polygon
    crs, plane : str
    bounds : (x, y, x, y)
        Of the raster, in `plane`.

    Examples
    --------
    >>> import shapely
    >>> square = np.array([shapely.box(9.0, 50.0, 10.0, 51.0)])
    >>> [moved] = project_polygons(square, "EPSG:4326", "EPSG:32632", (4e5, 5e6, 7e5, 6e6))
    >>> [round(end / 1000) for end in moved.bounds]
    [500, 5539, 572, 5650]
    """
    import shapely
    from pyproj import Transformer

    move = Transformer.from_crs(crs, plane, always_xy=True)
    # the raster in the plane of the polygons
    west, south, east, north = bounds
    extent = max(east - west, north - south)
    lattice = np.meshgrid(np.linspace(west, east, LATTICE), np.linspace(south, north, LATTICE))
    there = np.array(move.transform(*lattice, direction="INVERSE"))
    back = np.array(move.transform(*there))
    with np.errstate(invalid="ignore"):
        if not (np.abs(back - lattice) < SAME_PLACE * extent).all():
            return None
    in_degrees = is_longlat(crs)
    if in_degrees:
        there[0] = np.unwrap(np.unwrap(there[0], period=360.0), period=360.0, axis=0)
        jumps = [np.abs(np.diff(there[0], axis=axis)).max() for axis in (0, 1)]
        if max(jumps) > JUMP:
            return None
    # polygons that are near, with points at every step
    low, high = there.min(axis=(1, 2)), there.max(axis=(1, 2))
    margin = 2 * (high - low).max() / LATTICE
    near = _cut_to_box(shapes, [*(low - margin), *(high + margin)], in_degrees=in_degrees)
    near = shapely.segmentize(near, (high - low).max() / STEPS)
    moved = np.column_stack(move.transform(*shapely.get_coordinates(near).T))
    if not np.isfinite(moved).all():
        return None
    placed = shapely.set_coordinates(near, moved)
    edges = list_edges(placed)
    if np.abs(edges[:, 2:] - edges[:, :2]).max(initial=0.0) > LONGEST * extent:
        return None
    return np.asarray(shapely.orient_polygons(placed))


def _cut_to_box(shapes: np.ndarray, box: list[float], *, in_degrees: bool) -> np.ndarray:
    """Return what of polygons lies in a box; those in degrees come in each turn that it reaches."""
    import shapely

    bounds = shapely.bounds(shapes)
    west, east = bounds[:, 0].min(), bounds[:, 2].max()
    first, last = np.ceil((box[0] - east) / 360.0), np.floor((box[2] - west) / 360.0)
    kept = []
    for turn in np.arange(first, last + 1) if in_degrees else [0]:
        shift = np.array([360.0 * turn, 0.0])
        low, high = bounds[:, :2] + shift, bounds[:, 2:] + shift
        hit = ((low < box[2:]) & (high > box[:2])).all(axis=1)
        inside = ((low >= box[:2]) & (high <= box[2:])).all(axis=1)
        window = shapely.box(box[0] - shift[0], box[1], box[2] - shift[0], box[3])
        cut = shapely.intersection(shapes[hit & ~inside], window)
        parts = shapely.get_parts(shapely.get_parts(np.concatenate([shapes[inside], cut])))
        parts = parts[shapely.get_dimensions(parts) == 2]
        kept.append(shapely.transform(parts, lambda points, move=shift: points + move))
    return np.concatenate([np.empty(0, object), *kept])
