"""Regions of consecutive steps are linked where they overlap; tracks go on along links.

Two regions are linked if they share area, and at least the required share of the area of the smaller
one. They lie at consecutive steps, or some steps apart: a region that has no link to a step in between is
looked for at the next ones, as long as no more than `gap` steps are missed.

Each track takes one region of a step, and each region belongs to one track. The links to a step are
taken by falling shared area (of equal ones, that of the older track first, then that of the first
region in raster order), and the first link of a region whose other end's track is still free continues
that track. So a merger goes on as the parent that shares most, and the other parents end in it unless
they go on elsewhere. A region with links that continues no track is born by a split. New tracks are
numbered in the order of their first cells, step by step.

The ledger has a row for each link, birth and death. A region has exactly one row of origin: "birth"
(no links to earlier steps), "continue", or "split", which is the link with the largest shared area; all
its other links are "merge". A region without links to later steps has a row "death". From these rows
and nothing else the tracks can be found again.

Only the steps that may still be linked are kept, `gap` + 1 of them.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastkm.geometry.overlaps import count_overlaps

if TYPE_CHECKING:
    from fastkm.vector.tracking.step_regions import StepRegions

EVENTS = ("birth", "continue", "split", "merge", "death")
BIRTH, CONTINUE, SPLIT, MERGE, DEATH = range(5)

SAME_AREA = 1e-6
"""Share of the largest cell by which two shared areas may differ and be equal: areas of cells at one
latitude differ by rounding."""


class Links(NamedTuple):
    """Links to one step, as arrays of one number per link, ascending by step, parent and child.

    `parent` and `child` are places in their steps; `track` is that of the parent.
    """

    step: np.ndarray
    parent: np.ndarray
    child: np.ndarray
    track: np.ndarray
    area: np.ndarray
    cells: np.ndarray


class Ledger(NamedTuple):
    """Rows of the ledger as columns; -1 where there is no parent or no child."""

    step: np.ndarray
    event: np.ndarray  # numbers of `EVENTS`
    parent_track: np.ndarray
    child_track: np.ndarray
    parent_step: np.ndarray
    parent_region: np.ndarray
    child_region: np.ndarray
    shared_area: np.ndarray
    shared_cells: np.ndarray
    at_record_end: np.ndarray


@dataclass
class _Held:
    """A step that may still be linked."""

    step: int
    found: StepRegions
    tracks: np.ndarray
    linked: np.ndarray  # whether a region has a link to a later step


@dataclass
class Linker:
    """Links the regions of one step after another, and keeps the ledger.

    `weights` are the areas of cells, (rows, columns), in `unit` of the areas of regions.
    """

    weights: np.ndarray
    unit: float
    min_overlap: float
    gap: int
    step: int = 0
    tracks: int = 0
    _held: deque[_Held] = field(default_factory=deque)
    _rows: list[Ledger] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._quantum = SAME_AREA * self.unit * float(self.weights.max(initial=0.0)) or 1.0

    def add(self, found: StepRegions) -> np.ndarray:
        """Add the regions of the next step; return their tracks."""
        self._let_go(self.gap + 1)
        links = self._find_links(found)
        tracks, principal = self._continue_tracks(links, len(found.regions))
        self._note_origins(found, links, tracks, principal)
        self._held.append(_Held(self.step, found, tracks, np.zeros(len(tracks), bool)))
        self.step += 1
        return tracks

    def finish(self) -> Ledger:
        """Return the ledger; there are no more steps."""
        self._let_go(self.gap + 1)
        self._let_go(0, at_record_end=True)
        rows = Ledger(*(np.concatenate(column) for column in zip(*self._rows, strict=True)))
        keys = (rows.parent_region, rows.parent_step, rows.event, rows.child_region)
        # deaths have no child, and come last in their step
        order = np.lexsort((*keys, rows.event == DEATH, rows.step))
        return Ledger(*(column[order] for column in rows))

    def _find_links(self, found: StepRegions) -> Links:
        """Find the links to the next step: first from the step before, then from earlier ones."""
        size = len(found.regions)
        rows, open_children = [], np.ones(size, bool)
        for held in reversed(self._held):
            if not (size and len(held.tracks)):
                continue
            pairs = count_overlaps(held.found.numbers, found.numbers, self.weights, size)
            a, b, area = pairs.first, pairs.second, self.unit * pairs.area
            # the share of the smaller region; one that is covered whole is exactly 1
            covered = (
                (pairs.cells == step.measures["cells"][at], step.shares[at])
                for step, at in ((held.found, a), (found, b))
            )
            with np.errstate(invalid="ignore", divide="ignore"):
                share = np.maximum(*(np.where(whole, 1.0, area / own) for whole, own in covered))
            good = (area > 0) & (share >= self.min_overlap) & ~held.linked[a] & open_children[b]
            a, b = a[good], b[good]
            steps = np.full(len(a), held.step)
            rows.append(Links(steps, a, b, held.tracks[a], area[good], pairs.cells[good]))
            held.linked[a] = True
            open_children[b] = False
        if not rows:
            none = np.empty(0, np.int64)
            return Links(none, none, none, none, np.empty(0), none)
        return Links(*(np.concatenate(column) for column in zip(*reversed(rows), strict=True)))

    def _continue_tracks(self, links: Links, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the track of each region of the next step, and the link that it comes from, or -1."""
        tracks, principal = np.full(size, -1, np.int64), np.full(size, -1, np.int64)
        order = np.lexsort((links.child, links.track, -np.round(links.area / self._quantum)))
        taken: set[int] = set()
        for link in order.tolist():
            child, track = links.child[link], int(links.track[link])
            if tracks[child] < 0 and track not in taken:
                taken.add(track)
                tracks[child], principal[child] = track, link
        # of the links of a region that continues no track, the first one
        for link in order[::-1][tracks[links.child[order[::-1]]] < 0].tolist():
            principal[links.child[link]] = link
        new = tracks < 0
        tracks[new] = self.tracks + np.arange(np.count_nonzero(new))
        self.tracks += int(np.count_nonzero(new))
        return tracks, principal

    def _note_origins(
        self, found: StepRegions, links: Links, tracks: np.ndarray, principal: np.ndarray
    ) -> None:
        """Note the births of regions without links, and all links."""
        born = np.flatnonzero(principal < 0)
        self._note(BIRTH, child=tracks[born], child_region=found.regions[born],
                   at_record_end=self.step <= self.gap)  # fmt: skip
        first = np.zeros(len(links.child), bool)
        first[principal[principal >= 0]] = True
        goes_on = tracks[links.child] == links.track
        event = np.where(first, np.where(goes_on, CONTINUE, SPLIT), MERGE)
        regions = {held.step: held.found.regions for held in self._held}
        parents = [regions[step][at] for step, at in zip(links.step, links.parent, strict=True)]
        self._note(
            event, parent=links.track, child=tracks[links.child], parent_step=links.step,
            parent_region=np.array(parents, np.int64), child_region=found.regions[links.child],
            area=links.area, cells=links.cells,
        )  # fmt: skip

    def _let_go(self, keep: int, *, at_record_end: bool = False) -> None:
        """Let go of all steps but the last ones; regions without links end there."""
        while len(self._held) > keep:
            held = self._held.popleft()
            ended = np.flatnonzero(~held.linked)
            self._note(
                DEATH, step=held.step, parent=held.tracks[ended], parent_step=held.step,
                parent_region=held.found.regions[ended], at_record_end=at_record_end,
            )  # fmt: skip

    def _note(
        self,
        event: int | np.ndarray,
        *,
        step: int | None = None,
        parent: np.ndarray | int = -1,
        child: np.ndarray | int = -1,
        parent_step: np.ndarray | int = -1,
        parent_region: np.ndarray | int = -1,
        child_region: np.ndarray | int = -1,
        area: np.ndarray | float = 0.0,
        cells: np.ndarray | int = 0,
        at_record_end: bool = False,
    ) -> None:
        step = self.step if step is None else step
        columns = step, event, parent, child, parent_step, parent_region, child_region, area, cells
        even = np.broadcast_arrays(*columns, at_record_end)
        self._rows.append(Ledger(*map(np.atleast_1d, even)))
