"""The regions of a label map that are not finished: their parts, and their rings so far.

Parts, nodes and gaps are numbered from 0 in the order in which they come, so those of one strip
follow each other. When regions are finished, they stay in their places until more than half of all
nodes are of finished regions. Then the others move up, and keep their order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastkm._core import validation
from fastkm._kernels import strip_joining as joining
from fastkm._kernels.ring_tracing import link_turns
from fastkm.geometry.regions import Rings, find_turns, follow_links, to_kind

if TYPE_CHECKING:
    from fastkm.geometry.regions import Regions

ROOM = 1 << 18
"""Nodes that may always be there, open or not: 4 MB."""

ROW_BITS = 32
"""A corner is 64 bits: the row in the upper half, the column in the lower."""


class Stack:
    """Rows of int64 that are added at the end; the memory beyond them is reserved."""

    def __init__(self, width: int) -> None:
        self._array, self._size = np.empty((0, width), np.int64), 0

    def __len__(self) -> int:
        return self._size

    @property
    def rows(self) -> np.ndarray:
        """The rows, not copied."""
        return self._array[: self._size]

    def reserve(self, more: int) -> np.ndarray:
        """Return the rows with room for more after them."""
        if self._size + more > len(self._array):
            array = np.empty(
                (max(self._size + more, 3 * self._size // 2), self._array.shape[1]), np.int64
            )
            array[: self._size] = self.rows
            self._array = array
        return self._array

    def add(self, more: int) -> np.ndarray:
        """Add rows at the end; return them, to be written."""
        rows = self.reserve(more)[self._size : self._size + more]
        self._size += more
        return rows

    def cut(self, size: int) -> None:
        """Let the first `size` rows of what is reserved be the rows."""
        self._size = size

    def keep(self, kept: np.ndarray) -> None:
        """Keep the rows where a bool array is True."""
        self._array = self.rows[kept]
        self._size = len(self._array)


class OpenRegions:
    """Parts of strips, joined to pieces and regions, and their linked rings.

    Columns of the tables are explained in `fastkm._kernels.strip_joining`.
    """

    def __init__(
        self, corners: int, *, contour: bool, junctions: bool, wants_touches: bool
    ) -> None:
        self.links, self.facts = Stack(3), Stack(8)
        self._tally, self._nodes, self._gaps = Stack(5), Stack(2), Stack(2)
        self._touches = np.empty((0, 4), np.int64)
        self._waiting = np.full((2, corners), -1, np.int64)
        self._kind = to_kind(contour=contour, junctions=junctions)
        self._contour, self._wants_touches = contour, wants_touches
        self._open_nodes = 0

    def __len__(self) -> int:
        return len(self.links)

    def add_parts(self, strip: Regions, first_row: int, skip: int, *, is_last: bool) -> np.ndarray:
        """Add the parts of a strip, and link the turns of their rings; return (m, 4) touches.

        `first_row` is that of the strip in the map; `skip` rows of corners are linked already, and
        those below the strip are linked only if it is the last.
        """
        begin, count = len(self), len(strip.labels)
        self.links.add(count)[:] = np.arange(begin, begin + count)[:, None]
        tally = self._tally.add(count)
        tally[:] = 0, 0, -1, -1, -1
        # the corners where rings turn
        numbers = validation.freeze(strip.numbers)
        turns, rows = find_turns(numbers), np.array([skip, len(numbers) + is_last])
        first, last = np.searchsorted(turns, rows * (numbers.shape[1] + 1))
        turns = validation.freeze(turns[first:last])
        # nodes and gaps go to the end of those that are there
        counts = np.array([first_row, len(self._nodes), len(self._gaps), 0])
        touches = np.empty((2 * len(turns) * self._wants_touches, 4), np.int64)
        link_turns(
            turns,
            numbers,
            validation.freeze(strip.labels),
            validation.freeze(np.ones(count, bool)),
            self._kind,
            self._waiting,
            counts,
            self._nodes.reserve(4 * len(turns)),
            self._gaps.reserve(len(turns)),
            tally,
            touches,
        )
        self._nodes.cut(counts[1])
        self._gaps.cut(counts[2])
        # nodes that wait for the next strip have no successor yet
        if not is_last:
            west, east = np.append(-1, numbers[-1]), np.append(numbers[-1], -1)
            self._nodes.rows[self._waiting[0, (west != east) & (west >= 0)], 0] = -1
        touches = touches[: counts[3]].copy()
        touches[:, :2] += begin
        return touches

    def find_first_corners(self, begin: int) -> tuple[np.ndarray, np.ndarray]:
        """Return row and column of the first corners of parts, `begin` and on; -1 if not known."""
        starts = self._tally.rows[begin:, 2]
        corners = np.full(len(starts), -1)
        known = starts >= 0
        corners[known] = self._nodes.rows[starts[known], 1]
        return corners >> ROW_BITS, np.where(known, corners & ((1 << ROW_BITS) - 1), -1)

    def mark_roots(self, level: int, parts: np.ndarray) -> np.ndarray:
        """Return True for each part that is the root of some of them; -1 is no part."""
        marks = np.zeros(len(self), bool)
        joining.mark_roots(self.links.rows, level, parts, marks)
        return marks

    def decide_touches(self, touches: np.ndarray, last_row: np.ndarray) -> None:
        """Let rings cross over where a piece meets itself; keep touches that may become such.

        Pieces go on if one of their parts is in the last row.
        """
        touches = np.concatenate([self._touches, touches])
        is_open = self.mark_roots(joining.PIECE, last_row)
        left = joining.cross_over(
            touches, is_open, self.links.rows, self._waiting, self._nodes.rows, self._tally.rows
        )
        self._touches = touches[:left].copy()

    def list_parts(self, regions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the parts of some regions, and the place of each one's region."""
        parts, owners = np.empty((2, len(self)), np.int64)
        size = joining.list_parts(regions, self.links.rows, parts, owners)
        return parts[:size].copy(), owners[:size].copy()

    def walk(self, parts: np.ndarray) -> tuple[Rings, np.ndarray]:
        """Walk the rings of the pieces of some parts; return polygons, and the one of each part."""
        piece_roots = np.empty(len(parts), np.int64)
        joining.find_roots(self.links.rows, joining.PIECE, parts, piece_roots)
        roots = np.sort(parts[parts == piece_roots])
        polygons, places = np.arange(len(roots)), np.empty(len(self), np.int64)
        places[roots] = polygons  # memory that is not written to is never touched
        pieces = places[piece_roots]
        # points and turns of each piece, and where its rings may start
        tally = np.zeros((len(roots), 5), np.int64)
        starts, owners = np.empty((2, len(self._gaps)), np.int64)
        size = joining.merge_tallies(
            parts, pieces, self._tally.rows, self._gaps.rows, tally, starts, owners
        )
        tally[:, 2] = self._tally.rows[roots, 2]
        # gaps by piece, in raster order
        order = np.lexsort((self._nodes.rows[starts[:size], 1], owners[:size]))
        gaps = np.stack([starts[order], np.arange(1, size + 1)], axis=1)
        ends = np.cumsum(np.bincount(owners[:size], minlength=len(roots)))
        begins = np.append(0, ends)[:-1]
        tally[:, 3] = np.where(begins < ends, begins, -1)
        tally[:, 4] = ends - 1
        return follow_links(polygons, self._nodes.rows, gaps, tally, contour=self._contour), pieces

    def forget(self, parts: np.ndarray) -> np.ndarray | None:
        """Forget parts whose rings are walked; return the new places of all, if they have moved."""
        self.links.rows[parts, joining.NEXT] = -1
        if len(self._nodes) <= 2 * self._open_nodes + ROOM:
            return None
        # parts
        kept = self.links.rows[:, joining.NEXT] >= 0
        parts = renumber(kept)
        for table in (self.links, self.facts, self._tally):
            table.keep(kept)
        self.links.rows[:] = parts[self.links.rows]
        self._touches[:, :2] = parts[self._touches[:, :2]]
        # gaps; the last of a part has no next one
        kept = self._gaps.rows[:, 0] >= 0
        gaps = renumber(kept)
        self._gaps.keep(kept)
        self._gaps.rows[:, 1] = gaps[np.clip(self._gaps.rows[:, 1], -1, len(kept) - 1)]
        self._tally.rows[:, 3:] = gaps[self._tally.rows[:, 3:]]
        # nodes
        nodes = np.full(len(self._nodes) + 1, -1)
        self._nodes.cut(joining.pack_nodes(self._nodes.rows, nodes))
        self._open_nodes = len(self._nodes)
        self._gaps.rows[:, 0] = nodes[self._gaps.rows[:, 0]]
        self._tally.rows[:, 2] = nodes[self._tally.rows[:, 2]]
        self._touches[:, 2:] = nodes[self._touches[:, 2:]]
        self._waiting = nodes[self._waiting]
        return parts


def renumber(kept: np.ndarray) -> np.ndarray:
    """Return the new place of each old one, -1 for one that is not kept, and at last -1 for -1."""
    return np.append(np.where(kept, np.cumsum(kept) - 1, -1), -1)
