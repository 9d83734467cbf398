"""Masks of polygons that lie in the plane of a raster: filled line by line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from fastkm.geometry.polygon_filling import fill_by_centre, measure_shares
from fastkm.raster.grid.geolocation import AxisGrid, TransformGrid

SAME_SHARE = 1e-9
"""By how much rounding may make a share smaller than it is."""

BESIDE_POLE = 1e-9
"""Degrees from a pole at which a cell that is centred there is tested."""


class Lines(NamedTuple):
    """The centres of rows or columns, (n,), and the lines between and around them, (n + 1,)."""

    centres: np.ndarray
    between: np.ndarray


@dataclass(frozen=True, eq=False)
class FilledMask:
    """Polygons in the plane of a grid: their edges, (n, 4), and where its rows and columns lie."""

    edges: np.ndarray
    y: Lines
    x: Lines
    share: float | None

    def find_kept(self, rows: range, columns: range) -> np.ndarray:
        """Return which of the cells in some rows and columns lie in the polygons."""
        ends = 0 if self.share is None else 1
        y, x = (
            lines[ends][index.start : index.stop + ends]
            for lines, index in ((self.y, rows), (self.x, columns))
        )
        up, right = (1 if line[0] <= line[-1] else -1 for line in (y, x))
        y, x = y[::up], x[::right]
        height = self.edges[:, 1::2]
        near = (height.max(axis=1) >= y[0]) & (height.min(axis=1) <= y[-1])
        near &= self.edges[:, ::2].min(axis=1) <= x[-1]
        if self.share is None:
            kept = fill_by_centre(self.edges[near], y, x)
        else:
            kept = measure_shares(self.edges[near], y, x) >= self.share - SAME_SHARE
        return kept[::up, ::right]

    def overlaps(self) -> bool:
        """Return True if the bounds of the polygons and of the grid have something in common."""
        return len(self.edges) > 0 and all(
            self.edges[:, axis::2].min() < lines.between.max()
            and self.edges[:, axis::2].max() > lines.between.min()
            for axis, lines in ((1, self.y), (0, self.x))
        )


def find_lines(grid: AxisGrid | TransformGrid, shape: tuple[int, int]) -> tuple[Lines, Lines]:
    """Find where rows and columns lie in the plane of a grid: in pixels, if it is turned."""
    found = []
    for axis, size in enumerate(shape):
        index = np.arange(-0.5, size, 0.5)  # lines and centres in turn
        if not is_turned(grid):
            pixels = np.zeros((len(index), 2))
            pixels[:, axis] = index
            index = grid.place(pixels)[:, 1 - axis]
        found.append(Lines(index[1::2], index[::2]))
    y, x = found
    if grid.in_degrees:
        most = 90.0 - BESIDE_POLE
        y = y._replace(centres=np.clip(y.centres, -most, most))
    return y, x


def is_turned(grid: AxisGrid | TransformGrid) -> bool:
    """Return True if rows and columns do not run along x and y."""
    return isinstance(grid, TransformGrid) and bool(grid.transform[2] or grid.transform[4])


def to_pixels(edges: np.ndarray, grid: TransformGrid) -> np.ndarray:
    """Return edges, (n, 4), as (column, row), with what is inside on their left again."""
    move = grid.transform
    matrix = np.array([[move[1], move[2]], [move[4], move[5]]])
    ends = (edges.reshape(-1, 2) - [move[0], move[3]]) @ np.linalg.inv(matrix).T - 0.5
    placed = ends.reshape(-1, 4)
    return placed if np.linalg.det(matrix) > 0 else placed[:, [2, 3, 0, 1]]


def repeat_in_turns(edges: np.ndarray, x: Lines) -> np.ndarray:
    """Return edges in longitudes once in each turn in which they may reach the columns."""
    west, east = edges[:, ::2].min(), edges[:, ::2].max()
    first = np.ceil((x.between.min() - east) / 360.0)
    last = np.floor((x.between.max() - west) / 360.0)
    turns = np.arange(first, last + 1)
    shifts = 360.0 * turns[:, None, None] * [1.0, 0.0, 1.0, 0.0]
    return np.asarray((edges + shifts).reshape(-1, 4))
