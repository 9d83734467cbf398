"""Bounding boxes of regions and of tracks, on a globe whose longitudes go round.

A box is (west, south, east, north). If it lies across the end of longitudes, its west is greater than
its east, as in GeoJSON (RFC 7946). Of all boxes that hold what they are to hold, it is the narrowest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastkm.raster.grid.geolocation import AxisGrid

if TYPE_CHECKING:
    from fastkm.raster.grid.geolocation import Grid
    from fastkm.vector.merged_regions import MergedRegions

TURN = 360.0

CLOSED = 1e-9
"""The widest gap, in degrees or columns, that is only rounding: what has no wider one goes all round."""


def find_longitude_start(grid: Grid) -> float:
    """Return where the longitudes of results begin: 0 if the raster's reach from 0, otherwise -180."""
    if not isinstance(grid, AxisGrid):
        return -180.0
    if grid.west is not None:
        return grid.west
    return 0.0 if grid.x.max() > 180.0 or grid.x.min() >= 0.0 else -180.0


def wrap_longitudes(longitude: np.ndarray, start: float) -> np.ndarray:
    """Return longitudes between `start` and a turn later."""
    return start + (longitude - start) % TURN


def cover_spans(low: np.ndarray, high: np.ndarray, period: float) -> tuple[float, float]:
    """Return where the shortest arc of a circle begins that covers all spans, and its length.

    Examples
    --------
    >>> cover_spans(np.array([350.0, 5.0]), np.array([380.0, 15.0]), 360.0)
    (350.0, 30.0)
    """
    starts = low % period
    order = np.argsort(starts, kind="stable")
    starts, ends = starts[order], (starts + (high - low))[order]
    # how far the spans before each one reach, those before the first a turn earlier
    reach = np.maximum.accumulate(np.append(ends.max() - period, ends[:-1]))
    gaps = starts - reach
    widest = int(np.argmax(gaps))
    return float(starts[widest]), float(period - max(gaps[widest], 0.0))


def find_region_boxes(regions: MergedRegions, grid: Grid) -> np.ndarray:
    """Find the boxes of regions by the edges of cells, in coordinates, (n, 4).

    The grid has a coordinate for rows and one for columns, or a transform.
    """
    n = len(regions.labels)
    parts, owners = regions.parts.boxes + np.array([-0.5, -0.5, 0.5, 0.5]), regions.owners
    ends = np.tile([np.inf, np.inf, -np.inf, -np.inf], (n, 1))
    for side, extend in enumerate((np.minimum, np.minimum, np.maximum, np.maximum)):
        extend.at(ends[:, side], owners, parts[:, side])
    # parts on both sides of the seam
    if grid.turn:
        for region in np.flatnonzero(np.bincount(owners, minlength=n) > 1):
            own = parts[owners == region]
            first, width = cover_spans(own[:, 1], own[:, 3], grid.turn)
            ends[region, [1, 3]] = first, first + width
    corners = [grid.place(ends[:, [i, j]]) for i in (0, 2) for j in (1, 3)]
    low, high = np.min(corners, axis=0), np.max(corners, axis=0)
    boxes = np.column_stack([low, high])
    if grid.in_degrees and isinstance(grid, AxisGrid) and (grid.turn or grid.west is not None):
        boxes[:, [0, 2]] = wrap_boxes(low[:, 0], high[:, 0] - low[:, 0], find_longitude_start(grid))
    return boxes


def find_boxes_of_centres(
    numbers: np.ndarray, longitude: np.ndarray, latitude: np.ndarray, size: int, start: float
) -> np.ndarray:
    """Find the boxes of regions by the centres of their cells, (size, 4); arrays have one entry a cell."""
    order = np.argsort(numbers, kind="stable")
    ends = np.searchsorted(numbers[order], np.arange(size + 1))
    boxes = np.full((size, 4), np.nan)
    for region in range(size):
        own = order[ends[region] : ends[region + 1]]
        x, y = longitude[own], latitude[own]
        x, y = x[np.isfinite(x)], y[np.isfinite(x)]
        if len(x):
            first, width = cover_spans(x, x, TURN)
            west, east = wrap_boxes(np.array([first]), np.array([width]), start)[0]
            boxes[region] = west, y.min(), east, y.max()
    return boxes


def wrap_boxes(west: np.ndarray, width: np.ndarray, start: float) -> np.ndarray:
    """Return west and east of boxes of some width, (n, 2), between `start` and a turn later.

    Examples
    --------
    >>> wrap_boxes(np.array([170.0, 10.0]), np.array([20.0, 360.0]), -180.0)
    array([[ 170., -170.],
           [-180.,  180.]])
    """
    whole = width >= TURN - CLOSED
    west = np.where(whole, start, wrap_longitudes(west, start))
    east = west + np.where(whole, TURN, width)
    return np.column_stack([west, np.where(east > start + TURN + CLOSED, east - TURN, east)])


def join_boxes(boxes: np.ndarray, first: np.ndarray, start: float | None) -> np.ndarray:
    """Return the narrowest box around the boxes of each group, (n, 4); groups begin at `first`.

    Longitudes are between `start` and a turn later; None if they are coordinates that do not go round.
    """
    if not len(first):
        return np.empty((0, 4))
    known = np.isfinite(boxes)
    low, high = np.where(known, boxes, np.inf), np.where(known, boxes, -np.inf)
    ends = [np.minimum.reduceat(low[:, :2], first), np.maximum.reduceat(high[:, 2:], first)]
    joined = np.concatenate(ends, axis=1)
    joined[~np.isfinite(joined[:, 0])] = np.nan
    if start is None:
        return joined
    # less than half a turn from the first to the last is the shortest way round
    across = np.logical_or.reduceat(boxes[:, 0] > boxes[:, 2], first)
    far = across | (joined[:, 2] - joined[:, 0] > TURN / 2)
    last = np.append(first[1:], len(boxes))
    for group in np.flatnonzero(far & (last - first > 1)):
        own = boxes[first[group] : last[group]]
        own = own[np.isfinite(own[:, 0])]
        width = np.where(own[:, 0] > own[:, 2], TURN, 0.0) + own[:, 2] - own[:, 0]
        west, length = cover_spans(own[:, 0], own[:, 0] + width, TURN)
        if (width >= TURN - CLOSED).any():
            west, length = start, TURN
        joined[group, [0, 2]] = wrap_boxes(np.array([west]), np.array([length]), start)[0]
    return joined
