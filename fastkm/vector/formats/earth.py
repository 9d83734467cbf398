"""The part of a projected plane that is on Earth, and what of a polygon lies in it.

A full disk or an oval ends inside its raster, and cells there have corners that are no place.
`find_earth` samples a rectangle of the plane, traces the edge between points that are places and points
that are none, and moves each point of that edge to where the Earth ends, by bisection. Points of
the edge are places themselves. A pole that is a point of the plane becomes a corner of the edge,
if it lies on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from fastkm.geometry.contours import find_contours

if TYPE_CHECKING:
    import shapely

    from fastkm.raster.grid.projection import PointTransform

SAMPLES = 256
"""Points along each side of the rectangle: the chord across a full disk's edge is 0.1 km inside."""

BISECTIONS = 20
"""Halvings of the step between two samples: 50 km become 5 cm."""


def find_earth(
    bounds: tuple[float, float, float, float] | np.ndarray,
    to_globe: PointTransform,
    poles: Sequence[shapely.Point] = (),
) -> shapely.Geometry:
    """Return which part of a rectangle, (west, south, east, north), lies on Earth.

    Examples
    --------
    >>> from fastkm.raster.grid.projection import make_degree_transform
    >>> disk = make_degree_transform("+proj=ortho +R=6371000")
    >>> round(find_earth((-9e6, -9e6, 9e6, 9e6), disk).area / 6371000.0**2, 2)
    3.14
    """
    import shapely

    # a lattice that goes beyond the rectangle, with an edge that counts as no place
    west, south, east, north = bounds
    step = max(east - west, north - south) / (SAMPLES - 8)
    x, y = (
        (low + high) / 2 + step * (np.arange(SAMPLES) - (SAMPLES - 1) / 2)
        for low, high in ((west, east), (south, north))
    )
    lattice = np.column_stack([axis.ravel() for axis in np.meshgrid(x, y)])
    on_earth = np.isfinite(to_globe(lattice)).all(axis=1).reshape(SAMPLES, SAMPLES)
    on_earth[[0, -1]] = on_earth[:, [0, -1]] = False
    # its edge, each point between a place and none, moved to where the places end
    rings = []
    for contour in find_contours(on_earth.astype(np.float64), 0.5):
        low, high = np.floor(contour).astype(int), np.ceil(contour).astype(int)
        first = on_earth[tuple(low.T)][:, None]
        inside, outside = np.where(first, low, high), np.where(first, high, low)
        ends = (np.column_stack([x[at[:, 1]], y[at[:, 0]]]) for at in (inside, outside))
        rings.append(shapely.Polygon(_bisect(to_globe, *ends)))
    earth = reduce(shapely.symmetric_difference, map(shapely.make_valid, rings), shapely.Polygon())
    for pole in poles:
        earth = shapely.snap(earth, pole, 2 * step) if earth.boundary.distance(pole) else earth
    return shapely.make_valid(earth)


def _bisect(to_globe: PointTransform, inside: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """Return the last points that are places on the way from points inside to points outside."""
    for _ in range(BISECTIONS):
        middle = (inside + outside) / 2
        on_earth = np.isfinite(to_globe(middle)).all(axis=1, keepdims=True)
        inside, outside = np.where(on_earth, middle, inside), np.where(on_earth, outside, middle)
    return inside
