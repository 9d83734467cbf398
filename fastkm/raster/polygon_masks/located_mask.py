"""Masks of polygons that stay in their own plane: cells go there, by their places on the globe."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core.threads import map_chunks
from fastkm.raster.grid.crs import is_longlat
from fastkm.raster.grid.curvilinear import WGS84, CurvilinearGrid
from fastkm.raster.grid.geolocation import Grid, find_globe_transform
from fastkm.raster.polygon_masks.filled_mask import SAME_SHARE

if TYPE_CHECKING:
    from pyproj import Transformer

    from fastkm.raster.polygon_masks.point_locator import PointLocator

POINTS = 1 << 16
"""Points that are moved at a time: some 10 MB. 2^18 are not faster."""

SAMPLES = 8
"""Rows and columns of points in a cell, of which a share is counted."""

SAME_DEGREES = 1e-6
"""Degrees within which a place must come back from the plane of the polygons."""

ROOM = 0.02
"""Share of the extent of polygons by which the box around them on the globe is larger."""

WHOLE_GLOBE = (-180.0, -90.0, 180.0, 90.0)


@dataclass(frozen=True, eq=False)
class LocatedMask:
    """Polygons in a plane of their own, with the system `crs`, and the grid whose cells go there."""

    locator: PointLocator
    crs: str
    grid: Grid
    share: float | None

    def find_kept(self, rows: range, columns: range) -> np.ndarray:
        """Return which of the cells in some rows and columns lie in the polygons."""
        cells = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2)
        kept = self._contains(cells)
        if self.share is not None:
            at_edge = np.flatnonzero(self._may_cross(rows, columns))
            steps = (np.arange(SAMPLES) + 0.5) / SAMPLES - 0.5
            inner = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
            step = POINTS // SAMPLES  # cells, of which each has some points
            for start in range(0, len(at_edge), step):
                some = at_edge[start : start + step]
                found = self._contains((cells[some][:, None] + inner).reshape(-1, 2))
                shares = found.reshape(-1, len(inner)).mean(axis=1)
                kept[some] = shares >= self.share - SAME_SHARE
        kept = kept.reshape(len(rows), len(columns))
        missing = getattr(self.grid, "missing", None)
        if missing is not None:
            kept &= ~missing[rows.start : rows.stop, columns.start : columns.stop]
        return kept

    def overlaps(self) -> bool:
        """Return True: whether cells lie in the polygons is known when all of them are placed."""
        return True

    def _contains(self, pixels: np.ndarray) -> np.ndarray:
        """Return for each pixel, (n, 2), whether it lies in a polygon."""
        found = np.zeros(len(pixels), bool)

        west, south, east, north = find_globe_bounds(self.crs, *self.locator.bounds.tolist())

        def run(start: int, stop: int) -> None:
            places = self._place(pixels[start:stop])
            within = (places[:, 1] >= south) & (places[:, 1] <= north)
            near = np.flatnonzero(within & ((places[:, 0] - west) % 360.0 <= east - west))
            for points in self._move(places[near]):
                inside = np.flatnonzero(self.locator.contains(points))
                inside = inside[self._come_back(points[inside], places[near[inside]])]
                found[start + near[inside]] = True

        map_chunks(run, len(pixels), POINTS)
        return found

    def _may_cross(self, rows: range, columns: range) -> np.ndarray:
        """Return for each cell, (n,), whether an edge may run through it."""
        corners = np.meshgrid(
            *(np.arange(index.start, index.stop + 1) - 0.5 for index in (rows, columns)),
            indexing="ij",
        )
        places = self._place(np.stack(corners, axis=-1).reshape(-1, 2))
        crossing = np.zeros(len(rows) * len(columns), bool)
        for moved in self._move(places):
            points = moved.reshape(len(rows) + 1, len(columns) + 1, 2)
            around = [points[:-1, :-1], points[1:, :-1], points[:-1, 1:], points[1:, 1:]]
            low, high = (end.reduce(around).reshape(-1, 2) for end in (np.fmin, np.fmax))
            crossing |= self.locator.may_cross(low, high)
            if is_longlat(self.crs):  # round a pole, or over the end of longitudes
                crossing |= high[:, 0] - low[:, 0] > 180.0
        return crossing

    def _place(self, pixels: np.ndarray) -> np.ndarray:
        """Return the longitudes and latitudes of pixels, (n, 2)."""
        grid, whole = self.grid, pixels.dtype.kind == "i"
        if isinstance(grid, CurvilinearGrid) and whole:  # in a tenth of the time
            row, column = pixels.T
            return np.column_stack([grid.longitude[row, column], grid.latitude[row, column]])
        to_globe: Any = find_globe_transform(self.grid)
        return np.asarray(to_globe(self.grid.place(pixels.astype(np.float64))))

    def _move(self, places: np.ndarray) -> list[np.ndarray]:
        """Return places in the plane of the polygons; in degrees, in each turn that these reach."""
        move = make_transformer(self.crs)
        points = places if move is None else np.column_stack(move.transform(*places.T))
        points = np.where(np.isfinite(points), points, np.nan)
        if not is_longlat(self.crs):
            return [points]
        west = np.column_stack([(points[:, 0] + 180.0) % 360.0 - 180.0, points[:, 1]])
        return [west, west + np.array([360.0, 0.0])] if self.locator.bounds[2] > 180.0 else [west]

    def _come_back(self, points: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Return which points are where their places are: a projection may fold the Earth."""
        move: Any = make_transformer(self.crs)
        if move is None or is_longlat(self.crs) or not len(points):
            return np.ones(len(points), bool)
        shift = np.column_stack(move.transform(*points.T, direction="INVERSE")) - places
        shift[:, 0] = (shift[:, 0] + 180.0) % 360.0 - 180.0
        shift[:, 0] *= np.cos(np.radians(places[:, 1]))
        return np.asarray(np.abs(shift).max(axis=1) < SAME_DEGREES)


@lru_cache(maxsize=8)
def make_transformer(crs: str) -> Transformer | None:
    """Return what moves longitudes and latitudes to a system; None if they are its coordinates."""
    from pyproj import CRS, Transformer

    if CRS(crs).equals(CRS(WGS84), ignore_axis_order=True):
        return None
    return Transformer.from_crs(WGS84, crs, always_xy=True)


@lru_cache(maxsize=8)
def find_globe_bounds(
    crs: str, west: float, south: float, east: float, north: float
) -> tuple[float, float, float, float]:
    """Return longitudes and latitudes around bounds in a plane, (west, south, east, north).

    The whole globe is returned if the plane has longitudes and latitudes, or ends within the bounds.
    """
    from pyproj import Transformer

    move = Transformer.from_crs(crs, WGS84, always_xy=True)
    around = move.transform_bounds(west, south, east, north)
    if is_longlat(crs) or not np.isfinite(around).all():
        return WHOLE_GLOBE
    left, low, right, high = around
    right += 360.0 if right < left else 0.0
    room = 1.0 / 64 + ROOM * max(right - left, high - low)
    if right - left + 2 * room >= 360.0:
        left, right = WHOLE_GLOBE[0] + room, WHOLE_GLOBE[2] - room
    return left - room, low - room, right + room, high + room


def begin_in_the_west(shapes: np.ndarray) -> np.ndarray:
    """Return polygons in longitudes, each shifted by whole turns so that it begins in -180 ... 180."""
    import shapely

    turns = np.floor((shapely.bounds(shapes)[:, 0] + 180.0) / 360.0)
    points = shapely.get_coordinates(shapes)
    points[:, 0] -= np.repeat(360.0 * turns, shapely.get_num_coordinates(shapes))
    return np.asarray(shapely.set_coordinates(shapes.copy(), points))
