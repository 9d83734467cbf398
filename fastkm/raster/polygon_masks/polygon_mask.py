"""Which cells of a raster lie in the polygons of a file.

Polygons come to the plane of the raster where that is safe: as they are, if they have the reference
system of the raster; longitudes and latitudes for a raster of longitudes and latitudes, in as many turns
as it takes; and projected, if the raster covers a part of the Earth on which the projection is smooth.
There they are filled line by line (`fastkm.geometry.polygon_filling`).

Otherwise cells go to the plane of the polygons, whose edges are straight there: cells of curvilinear
grids, of projections of the whole globe, and of longitudes and latitudes if polygons are projected. There
`point_locator` finds their centres, and for shares `SAMPLES` squared points of each cell at an edge.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastkm._core.notes import note_once
from fastkm._core.threads import map_chunks
from fastkm._core.validation import require_number
from fastkm.geometry.polygon_filling import fill_by_centre, measure_shares
from fastkm.raster.grid.crs import is_longlat
from fastkm.raster.grid.curvilinear import CurvilinearGrid
from fastkm.raster.grid.geolocation import (
    AxisGrid,
    Grid,
    TransformGrid,
    find_globe_transform,
    find_grid,
)
from fastkm.raster.polygon_masks.point_locator import PointLocator, list_edges, make_locator
from fastkm.raster.polygon_masks.polygon_file import read_polygons
from fastkm.raster.polygon_masks.projected_polygons import project_polygons

if TYPE_CHECKING:
    import pyproj
    import xarray as xr

CELLS = 1 << 22
"""Cells that are filled at a time: 16 MB of winding numbers, 32 of shares."""

POINTS = 1 << 16
"""Points that go to the plane of the polygons at a time."""

SAMPLES = 8
"""Rows and columns of points in a cell of which a share is counted."""

SAME_SHARE = 1e-9
"""By how much rounding may make a share smaller than it is."""

BESIDE_POLE = 1e-9
"""Degrees from a pole at which a cell centred there is tested."""

SAME_PLACE = 1e-6
"""Degrees within which a place must come back from the plane of the polygons."""


class Axis(NamedTuple):
    """The centres of rows or columns, (n,), and the lines between and around them, (n + 1,)."""

    centres: np.ndarray
    lines: np.ndarray


@dataclass(frozen=True, eq=False)
class FilledMask:
    """Polygons in the plane of a grid: their edges, (n, 4), and its rows and columns."""

    edges: np.ndarray
    y: Axis
    x: Axis
    share: float | None

    @property
    def overlaps(self) -> bool:
        """Whether the bounds of the polygons and of the grid overlap."""
        if not len(self.edges):
            return False
        return all(
            self.edges[:, k::2].min() < axis.lines.max()
            and self.edges[:, k::2].max() > axis.lines.min()
            for k, axis in ((1, self.y), (0, self.x))
        )

    def find_kept(self, rows: range, columns: range) -> np.ndarray:
        """Return which of the cells in some rows and columns lie in polygons."""
        y, x = (
            np.asarray(axis.centres[index.start : index.stop])
            if self.share is None
            else np.asarray(axis.lines[index.start : index.stop + 1])
            for axis, index in ((self.y, rows), (self.x, columns))
        )
        down, left = (-1 if len(line) > 1 and line[0] > line[-1] else 1 for line in (y, x))
        y, x = y[::down], x[::left]
        ends = self.edges[:, 1::2]
        near = (ends.max(axis=1) >= y[0]) & (ends.min(axis=1) <= y[-1])
        near &= self.edges[:, 0::2].min(axis=1) <= x[-1]
        if self.share is None:
            kept = fill_by_centre(self.edges[near], y, x)
        else:
            kept = measure_shares(self.edges[near], y, x) >= self.share - SAME_SHARE
        return kept[::down, ::left]


@dataclass(frozen=True, eq=False)
class LocatedMask:
    """Polygons in their own plane, of the system `crs`, and the grid whose cells go there."""

    locator: PointLocator
    crs: str | None
    grid: Grid
    share: float | None

    @property
    def overlaps(self) -> bool:
        """Always true: it is not known before cells are looked at."""
        return True

    def find_kept(self, rows: range, columns: range) -> np.ndarray:
        """Return which of the cells in some rows and columns lie in polygons."""
        cells = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2)
        kept = self._contains(cells.astype(np.float64))
        if self.share is not None:
            at_edge = np.flatnonzero(self._may_cross(rows, columns))
            steps = (np.arange(SAMPLES) + 0.5) / SAMPLES - 0.5
            inner = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
            for start in range(0, len(at_edge), POINTS):
                some = at_edge[start : start + POINTS]
                points = (cells[some][:, None] + inner).reshape(-1, 2)
                shares = self._contains(points).reshape(-1, len(inner)).mean(axis=1)
                kept[some] = shares >= self.share - SAME_SHARE
        kept = kept.reshape(len(rows), len(columns))
        missing = getattr(self.grid, "missing", None)
        if missing is not None:
            kept &= ~missing[rows.start : rows.stop, columns.start : columns.stop]
        return kept

    def _contains(self, pixels: np.ndarray) -> np.ndarray:
        """Return for each pixel, (n, 2), whether it lies in a polygon."""
        found = np.zeros(len(pixels), bool)

        def run(start: int, stop: int) -> None:
            places = self._place(pixels[start:stop])
            for points in self._move(places):
                inside = np.flatnonzero(self.locator.contains(points))
                found[start + inside[self._come_back(points[inside], places[inside])]] = True

        map_chunks(run, len(pixels), POINTS)
        return found

    def _may_cross(self, rows: range, columns: range) -> np.ndarray:
        """Return for each cell, (n,), whether an edge may run through it."""
        lattice = np.meshgrid(*(np.arange(i.start, i.stop + 1) - 0.5 for i in (rows, columns)))
        places = self._place(np.stack(lattice, axis=-1).transpose(1, 0, 2).reshape(-1, 2))
        crossing = np.zeros(len(rows) * len(columns), bool)
        for moved in self._move(places):
            points = moved.reshape(len(rows) + 1, len(columns) + 1, 2)
            corners = [points[:-1, :-1], points[1:, :-1], points[:-1, 1:], points[1:, 1:]]
            low, high = (
                extreme.reduce(corners).reshape(-1, 2) for extreme in (np.fmin, np.fmax)
            )
            crossing |= self.locator.may_cross(low, high)
            if is_degrees(self.crs):  # round a pole, or over the end of longitudes
                crossing |= high[:, 0] - low[:, 0] > 180.0
        return crossing

    def _place(self, pixels: np.ndarray) -> np.ndarray:
        """Return the longitudes and latitudes of pixels, (n, 2)."""
        to_globe: Any = find_globe_transform(self.grid)
        return np.asarray(to_globe(self.grid.place(pixels)))

    def _move(self, places: np.ndarray) -> list[np.ndarray]:
        """Return places in the plane of the polygons; in degrees, in each turn that they reach."""
        move = _make_transformer(self.crs)
        points = places if move is None else np.column_stack(move.transform(*places.T))
        points = np.where(np.isfinite(points), points, np.nan)
        if not is_degrees(self.crs):
            return [points]
        west = np.column_stack([(points[:, 0] + 180.0) % 360.0 - 180.0, points[:, 1]])
        east = self.locator.shapes[0].__class__  # placeholder
        del east
        return [west, west + [360.0, 0.0]]

    def _come_back(self, points: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Return which points are where their places are: projections may fold the Earth."""
        move = _make_transformer(self.crs)
        if move is None or is_degrees(self.crs) or not len(points):
            return np.ones(len(points), bool)
        again = np.column_stack(move.transform(*points.T, direction="INVERSE"))
        shift = again - places
        shift[:, 0] = (shift[:, 0] + 180.0) % 360.0 - 180.0
        shift[:, 0] *= np.cos(np.radians(places[:, 1]))
        return np.asarray(np.abs(shift).max(axis=1) < SAME_PLACE)
