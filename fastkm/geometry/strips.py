"""Regions and rings of a label map that comes in strips of rows, as if it had come whole.

Each strip's connected parts are found together with the row above it, whose parts are known already.
That joins parts to regions from strip to strip (`fastkm._kernels.strip_joining`). Rings are linked
corner by corner in raster order in any case (`fastkm._kernels.ring_tracing`): the corners of a strip
go on where those of the strip before ended. A region is finished if no later row can reach it. Then
its rings are walked, and everything about it is forgotten (`fastkm.geometry.open_regions`).

Memory: a strip, and what belongs to regions that are not finished: 16 bytes for each corner of
their rings, 128 for each part, and as much again at most.

All results are equal to those of the whole map to the bit. A ring starts at the same corner: an
exterior at the first corner of the first part of its piece, a hole at its first corner. Every hole
has a gap there. There are more gaps than on a whole map, because the first cell of a part may not
be the first of its region; but they come later on their rings, and a ring is walked once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from fastkm._core import validation
from fastkm._kernels import strip_joining as joining
from fastkm.geometry.open_regions import OpenRegions
from fastkm.geometry.regions import Boundary, Regions, Rings, check_labels, find_regions

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


LAST_CELL = np.iinfo(np.int64).max
"""The first cell of a part whose first cell is in an earlier strip."""


@dataclass(frozen=True)
class Parts:
    """The connected parts of one strip.

    Attributes
    ----------
    numbers : (rows, columns) int32 array
        The part of each cell, from 0; -1 where missing.
    first : int
        The number of part 0 among the parts of all strips.
    count : int
        How many parts there are; some may have no cell in the strip.
    """

    numbers: np.ndarray
    first: int
    count: int


class FinishedRegions(NamedTuple):
    """Regions that no later row can change, by first cell.

    Attributes
    ----------
    labels, cells : (n,) int64 arrays
        The label of each region, and the number of its cells.
    boxes : (n, 4) int64 array
        Its first row, first column, last row and last column, inclusive.
    first_cells : (n,) int64 array
        The flat index of its first cell in the whole map.
    parts : (p,) int64 array
        Parts of strips, by their numbers among the parts of all strips.
    part_owners : (p,) int64 array
        The region of each part, 0 to n - 1.
    rings : Rings
        Polygons in pixels of the whole map, by first corner.
    owners : (q,) int64 array
        The region of each polygon.
    """

    labels: np.ndarray
    cells: np.ndarray
    boxes: np.ndarray
    first_cells: np.ndarray
    parts: np.ndarray
    part_owners: np.ndarray
    rings: Rings
    owners: np.ndarray


class StripTracer:
    """Find and outline the regions of a label map that comes in strips, first rows first.

    Parameters
    ----------
    columns : int
        The columns of the map.
    order : (m,) int64 array, optional
        The columns in which rings are traced, some of them repeated if the map is round; by default
        all, and of a round map the last before the first, the first two again after the last.
    first : int, default: 0
        The column that the first of `order` stands for: -1 is the last of a round map.
    periodic : bool, default: False
        If the first column is a neighbour of the last, as on a grid that goes round the globe.
    boundary : {"cell", "contour"}, default: "cell"
    junctions : bool, default: False
        As in `fastkm.geometry.regions.trace_rings`.
    connectivity : {4, 8}, default: 4
        With 8, cells of one label that touch at a corner are one region too, of several polygons.
    bridge : int, default: 0
        Regions of one label with up to so many missing cells of a row or column between are one.

    Examples
    --------
    >>> from fastkm.geometry.strips import StripTracer
    >>> tracer = StripTracer(3)
    >>> for row in ([5, 5, 7], [7, 5, 7], [7, 7, 7]):
    ...     parts = tracer.add([row])
    ...     tracer.take().labels
    array([], dtype=int64)
    array([], dtype=int64)
    array([5])
    >>> tracer.finish()
    >>> tracer.take().cells
    array([6])
    """

    def __init__(
        self,
        columns: int,
        *,
        order: np.ndarray | None = None,
        first: int = 0,
        periodic: bool = False,
        boundary: Boundary = "cell",
        junctions: bool = False,
        connectivity: Literal[4, 8] = 4,
        bridge: int = 0,
    ) -> None:
        validation.require_choice("boundary", boundary, ("cell", "contour"))
        if connectivity not in (4, 8):
            raise ValueError(f"connectivity must be 4 or 8, got {connectivity!r}")
        if order is None:
            first = -1 if periodic else 0
            order = np.arange(first, columns - 2 * first) % columns if columns else np.arange(0)
        self._columns, self._order, self._first_column = columns, np.asarray(order), first
        self._is_plain = np.array_equal(self._order, np.arange(columns))
        # where each column stands in the order first, and the places where columns come again
        self._places = np.unique(self._order, return_index=True)[1]
        self._again = np.flatnonzero(self._places[self._order] != np.arange(len(self._order)))
        self._periodic, self._contour = periodic, boundary == "contour"
        self._connectivity, self._bridge = connectivity, bridge
        # the strips so far: rows, parts, the last row in order, and whether there are more
        self._rows = self._part_count = 0
        self._above: tuple[np.ndarray, np.ndarray | None] | None = None
        self._is_finished = False
        # regions that are not finished, or not yet taken
        self._open = OpenRegions(
            len(self._order) + 1,
            contour=self._contour,
            junctions=junctions and not self._contour,
            wants_touches=not self._contour or connectivity == 8,
        )
        # the parts of the last row; of each column the last part, and the missing cells after it
        self._last_row = np.full(len(self._order), -1, np.int64)
        self._last, self._missing = np.full(columns, -1, np.int64), np.zeros(columns, np.int64)
        self._finished = np.empty(0, np.int64)  # one part of each finished region

    def add(self, labels: ArrayLike) -> Parts:
        """Add the next rows: (rows, columns) labels, as `fastkm.geometry.regions.find_regions` takes.

        Return their connected parts.
        """
        values, missing = check_labels(labels, self._rows)
        if values.shape[1] != self._columns:
            raise ValueError(f"labels must have {self._columns} columns, got {values.shape[1]}")
        if self._is_finished:
            raise ValueError("labels must not be added after finish()")
        if values.size == 0:
            return Parts(np.empty(values.shape, np.int32), self._part_count, 0)
        if not self._is_plain:
            values = values[:, self._order]
            missing = None if missing is None else missing[:, self._order]
        strip, context = self._prepend(values, missing), self._above is not None
        self._above = (values[-1:].copy(), None if missing is None else missing[-1:].copy())
        return self._extend(strip, int(context), is_last=False)

    def finish(self) -> None:
        """Finish all regions: there are no more rows."""
        if not self._is_finished and self._above is not None:
            self._extend(find_regions(_mask(*self._above)), 1, is_last=True)
        self._is_finished = True

    def take(self) -> FinishedRegions:
        """Return the regions that were finished since the last time, and forget them."""
        regions = np.sort(self._finished)
        self._finished = np.empty(0, np.int64)
        parts, owners = self._open.list_parts(regions)
        facts = np.empty((len(regions), 8), np.int64)
        joining.merge_facts(parts, owners, self._open.facts.rows, facts)
        numbers = self._open.facts.rows[parts, joining.NUMBER]
        # by first cell, which is not that of the first part where columns come again
        order = np.argsort(facts[:, joining.FIRST], kind="stable")
        facts, owners = facts[order], np.argsort(order)[owners]
        # rings
        rings, pieces = self._open.walk(parts)
        polygon_owners = np.empty(len(rings.regions), np.int64)
        polygon_owners[pieces] = owners
        if self._first_column:
            rings.points[:, 1] += self._first_column
        # what is left
        places = self._open.forget(parts)
        if places is not None:
            self._last_row, self._last = places[self._last_row], places[self._last]
        return FinishedRegions(
            labels=facts[:, joining.LABEL].copy(),
            cells=facts[:, joining.CELLS].copy(),
            boxes=facts[:, joining.BOX].copy(),
            first_cells=facts[:, joining.FIRST].copy(),
            parts=numbers,
            part_owners=owners,
            rings=rings,
            owners=polygon_owners,
        )

    def _prepend(self, values: np.ndarray, missing: np.ndarray | None) -> Regions:
        """Find the parts of a strip together with the row above it."""
        if self._above is not None:
            above, above_missing = self._above
            if missing is not None or above_missing is not None:
                missing = np.concatenate(
                    [
                        np.zeros(rows.shape, bool) if mask is None else mask
                        for rows, mask in ((above, above_missing), (values, missing))
                    ]
                )
            values = np.concatenate([above, values])
        return find_regions(_mask(values, missing))

    def _extend(self, strip: Regions, context: int, *, is_last: bool) -> Parts:
        """Join the parts of a strip, with the row above it or without, to those before it."""
        begin, count = len(self._open), len(strip.labels)
        touches = self._open.add_parts(strip, self._rows - context, context, is_last=is_last)
        rows = strip.numbers[context:]
        cells = validation.freeze(rows if self._is_plain else rows.take(self._places, axis=1))
        self._measure(strip, context, cells, begin)
        before = np.concatenate([self._last_row, self._last, np.arange(begin, begin + count)])
        self._join(strip, context, cells, begin, touches)
        # what may go on below
        self._last_row = _shift(strip.numbers[-1], begin)
        if is_last:
            self._last_row[:] = self._last[:] = -1
        if not self._contour:
            self._open.decide_touches(touches, self._last_row)
        is_finished = self._open.mark_roots(joining.REGION, before)
        is_finished &= ~self._open.mark_roots(joining.REGION, self._last_row)
        is_finished &= ~self._open.mark_roots(joining.REGION, self._last)
        self._finished = np.append(self._finished, np.flatnonzero(is_finished))
        parts = Parts(cells, self._part_count, count)
        self._rows += len(cells)
        self._part_count += count
        return parts

    def _join(
        self, strip: Regions, context: int, cells: np.ndarray, begin: int, touches: np.ndarray
    ) -> None:
        """Join parts of a strip, of which `begin` is the first, to each other and to those above."""
        links = self._open.links.rows
        # the parts of the row above have become parts of this strip
        if context:
            joining.join_pieces(self._last_row, _shift(strip.numbers[0], begin), links)
        # parts touch at corners
        if self._connectivity == 8:
            joining.join_regions(touches[:, 0].copy(), touches[:, 1].copy(), links)
        # parts have the same cells, where columns come again
        rows = strip.numbers[context:]
        for place in self._again:
            twin = self._places[self._order[place]]
            joining.join_regions(_shift(rows[:, place], begin), _shift(rows[:, twin], begin), links)
        # bridges
        if self._bridge:
            facts, last, missing = self._open.facts.rows, self._last, self._missing
            joining.bridge_missing(
                cells, begin, self._bridge, self._periodic, facts, last, missing, links
            )
            last[missing > self._bridge] = -1

    def _measure(self, strip: Regions, context: int, cells: np.ndarray, begin: int) -> None:
        """Enter what is known of the parts of a strip; first cells that are not known come last."""
        count = len(strip.labels)
        facts = self._open.facts.add(count)
        facts[:, joining.LABEL] = strip.labels
        facts[:, joining.NUMBER] = self._part_count + np.arange(count)
        if not self._is_plain:
            facts[:, joining.CELLS], facts[:, joining.FIRST] = 0, -1
            joining.measure_parts(cells, self._rows, facts)
            return
        # a part in the row above was counted with it, and has its first cell there
        above = strip.numbers[:context].reshape(-1)
        facts[:, joining.CELLS] = strip.cells - np.bincount(above[above >= 0], minlength=count)
        first_row = self._rows - context
        facts[:, joining.BOX] = strip.boxes + np.array([first_row, 0, first_row, 0])
        row, column = self._open.find_first_corners(begin)
        facts[:, joining.FIRST] = np.where(row < 0, LAST_CELL, row * self._columns + column)


def _mask(values: np.ndarray, missing: np.ndarray | None) -> Any:
    """Return values with their missing cells masked."""
    return values if missing is None else np.ma.MaskedArray(values, missing)


def _shift(numbers: np.ndarray, begin: int) -> np.ndarray:
    """Return numbers of parts among all open parts, -1 where missing."""
    return np.where(numbers >= 0, numbers.astype(np.int64) + begin, -1)
