"""Where on the globe a grid lies, and how large its cells are there, from points between its cells."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from fastkm.raster.grid.areas import measure_blocks
from fastkm.raster.grid.geolocation import AxisGrid, Grid, find_globe_transform

MOST_POINTS = 33
"""Points along a side."""

WIDEST_GAP = 30.0
"""Degrees between neighbouring longitudes from which a grid does not go round the globe: the points
around a pole that is in the grid leave smaller gaps."""


class GlobeInfo(NamedTuple):
    """Where a grid lies: west, south, east and north in degrees, and the width of cells in km.

    The width of a cell is that of a square of its area; `narrowest` and `widest` are those of some cells.
    """

    extent: tuple[float, float, float, float]
    narrowest: float
    widest: float


def locate_grid(grid: Grid, rows: int, columns: int) -> GlobeInfo | None:
    """Return where a grid of longitudes and latitudes by cell, or of a projection, lies.

    Return None if that is not known, or if it follows from the grid's own axes.
    """
    to_globe = find_globe_transform(grid)
    if to_globe is None or (isinstance(grid, AxisGrid) and grid.in_degrees):
        return None
    edges = [
        np.unique(np.linspace(0, size, min(size + 1, MOST_POINTS)).astype(int))
        for size in (rows, columns)
    ]
    lattice = np.stack(np.meshgrid(*edges, indexing="ij"), axis=-1).reshape(-1, 2) - 0.5
    points = to_globe(grid.place(lattice))
    points = points[np.isfinite(points).all(axis=1)]
    areas = measure_blocks(grid, *edges) / np.multiply.outer(*map(np.diff, edges))
    areas = areas[areas > 0]
    if not len(areas):
        return None
    west, east = _span_longitudes(points[:, 0])
    south, north = points[:, 1].min(), points[:, 1].max()
    narrowest, widest = (math.sqrt(area) / 1e3 for area in (areas.min(), areas.max()))
    return GlobeInfo((west, float(south), east, float(north)), narrowest, widest)


def _span_longitudes(longitudes: np.ndarray) -> tuple[float, float]:
    """Return the ends of the shortest arc that covers longitudes; -180 and 180 if it goes round.

    Examples
    --------
    >>> _span_longitudes(np.array([170.0, 350.0, 190.0])), _span_longitudes(np.arange(0.0, 360, 20))
    ((170.0, 350.0), (-180.0, 180.0))
    """
    turned = np.sort(longitudes % 360.0)
    gaps = np.diff(turned, append=turned[0] + 360.0)
    widest = int(gaps.argmax())
    if gaps[widest] < WIDEST_GAP:
        return -180.0, 180.0
    west = float(turned[(widest + 1) % len(turned)])
    east = west + 360.0 - float(gaps[widest])
    turn = 360.0 if west >= 180.0 else 0.0
    return west - turn, east - turn
