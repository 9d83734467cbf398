"""The passes of `kmeans1d`: bin, rule out, look closer, until each cut is known.

See `fastkm.cluster.exact.kmeans1d` for the whole and `fastkm.cluster.exact.pruning` for the proof.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fastkm._kernels.superaccumulator import sum_products
from fastkm.cluster.exact import collectors, histograms
from fastkm.cluster.exact.collectors import GatherIfSmall, GatherWindows
from fastkm.cluster.exact.guess import Guess
from fastkm.cluster.exact.pruning import CandidateCuts, CutPruner
from fastkm.cluster.exact.tie_breaking import ExactSums, decide
from fastkm.cluster.exact.weighted_histograms import SumExactly, WeightedHistogram
from fastkm.cluster.streaming.pieces import Chunk, InMemory

if TYPE_CHECKING:
    from fastkm.cluster.exact.bins import Bins
    from fastkm.cluster.exact.sortable_keys import KeyWindows
    from fastkm.cluster.streaming.pieces import Reducible
    from fastkm.cluster.streaming.source import Source

WINDOWS = 1 << 12
"""Windows of values that a pass looks into at most; more wait for the next pass."""

PAIRS = 1 << 24
"""Pairs of positions up to which costs are compared in double-double: a second."""


SHARE, SAMPLED, LEAST = 16, 8, 8
"""Of the blocks of a dask array one in 16 is looked at before, but at least one, at most 8, and none
where there are fewer than 8: a guess spares a pass, but it is not sure to."""


NEAR = 8
"""Atoms to both sides of a cut by which it is seen whether numbers are rounded."""


@dataclass(frozen=True)
class Solution:
    """Where the cuts are.

    Attributes
    ----------
    source : Source
        The data.
    atoms : Atoms
        What is known of it; numbers less ``folded.start``, weights times ``folded.unit``.
    folded : Folded
        With start and unit.
    cuts : dict of int to (k + 1,) int64 array
        Positions among the atoms, 0 and m included. Impossible k are left out.
    gaps : dict of int to float
        How far the cost may be above the least.
    squared : bool
        Whether the sums of the atoms hold squares.
    """

    source: Source
    atoms: Bins
    folded: WeightedHistogram
    cuts: dict[int, np.ndarray]
    gaps: dict[int, float]
    squared: bool


def solve(source: Source, ks: list[int], threads: int | None) -> Solution:
    """Find the optimal cuts for each possible k."""
    return Solver(source, threads).run(ks)


class Solver:
    """One problem, with what its passes have in common."""

    def __init__(self, source: Source, threads: int | None) -> None:
        self.source, self.threads = source, threads
        self.data: Reducible = source
        self.folded = WeightedHistogram(source.dtype, threads)
        self.most_held = collectors.HELD_OF_LAZY if source.lazy else collectors.HELD
        self.binning: (
            histograms.SmallTypeHistogram | histograms.KeyHistogram | WeightedHistogram
        ) = self.folded
        if source.dtype.itemsize <= 2 and not source.weighted:
            self.binning = histograms.SmallTypeHistogram(source.dtype, threads)
        elif source.dtype.itemsize == 4 and not source.weighted:
            self.binning = histograms.KeyHistogram(source.dtype, threads)
            if source.lazy:
                self.binning.finer_cells = histograms.FINER_CELLS_OF_LAZY

    def run(self, ks: list[int]) -> Solution:
        """Do pass after pass until each cut is known."""
        atoms = self._first(ks)
        while len(atoms.low) < max(ks) and not atoms.resolved.all():
            atoms = self._refine(atoms, ~atoms.resolved)
        possible = [k for k in dict.fromkeys(ks) if k <= len(atoms.low)]
        if not possible:
            return Solution(self.source, atoms, self.folded, {}, {}, squared=True)
        search = CutPruner(atoms, self.folded.doubt, self.folded.cut)
        found = search.first_round(possible)
        while True:
            found = {k: search.prune(k, *found[k]) for k in possible}
            wanted = self._wanted(atoms, [groups for groups, _ in found.values()])
            if not wanted.any():
                break
            old, atoms = atoms, self._refine(atoms, wanted)
            # U is found anew: sums in folds leave out the squares within bins
            found = {k: (groups.translate(old, atoms), np.inf) for k, (groups, _) in found.items()}
            search = CutPruner(atoms, self.folded.doubt, self.folded.cut)
        cuts, gaps = self._decide(search, atoms, found)
        squared = self.binning is not self.folded or bool(atoms.resolved.all())
        if isinstance(self.binning, histograms.KeyHistogram) and len(possible) == len(set(ks)):
            atoms, cuts = self.binning.merge_to_coarse_bins(atoms, cuts)
        return Solution(self.source, atoms, self.folded, cuts, gaps, squared)

    def _first(self, ks: list[int]) -> Bins:
        """Do the first pass, or the first two."""
        if isinstance(self.binning, histograms.SmallTypeHistogram):
            atoms = self.binning.first(self.source)
            self._require_finite()
            return atoms
        if isinstance(self.binning, histograms.KeyHistogram):
            self.binning.guess = guess_cuts(self.source, self.binning, ks)
        found = self.source.reduce(GatherIfSmall(self.binning.aim, self.source.dtype), self.threads)
        if isinstance(found, Chunk):
            self.folded.measure(InMemory(found))
            self.binning = self.folded
            self._require_finite()
            return self.folded.sorted(found)
        if isinstance(self.binning, histograms.KeyHistogram):
            atoms = self.binning.open(found)
            self._require_finite()
            return atoms
        self.folded.open(found)
        self._require_finite()
        atoms = self.folded.first(self.source)
        self._require_same(self.folded.number, int(atoms.counts.sum()))
        return atoms

    def _require_finite(self) -> None:
        if self.binning.infinite:
            where = self.source.locate_infinite()
            raise ValueError(f"values must not be infinite, but {where} is")

    def _refine(self, atoms: Bins, wanted: np.ndarray) -> Bins:
        """Look into some atoms: in what is known or held of the data, or in a pass."""
        assert not isinstance(self.binning, histograms.SmallTypeHistogram)
        first, last, complete = _runs(wanted, atoms.counts)
        number = int(sum(atoms.counts[a : b + 1].sum() for a, b in zip(first, last, strict=True)))
        windows = self.binning.windows(atoms.low[first], atoms.high[last])
        finer = self._known(windows)
        if finer is None:
            if complete and number <= self.most_held:
                self._keep_in_memory(windows, number)
            if complete and number <= collectors.FEW and isinstance(self.data, InMemory):
                finer = self.folded.sorted(self.data.piece)
            else:
                finer = self.binning.refine(self.data, windows)
        self._require_same(number, int(finer.counts.sum()))
        return atoms.replace_runs(first, last, finer)

    def _known(self, windows: KeyWindows) -> Bins | None:
        return (
            self.binning.known(windows)
            if isinstance(self.binning, histograms.KeyHistogram)
            else None
        )

    def _keep_in_memory(self, windows: KeyWindows, number: int) -> None:
        """Copy the values in some windows: what is wanted later is among them."""
        assert not isinstance(self.binning, histograms.SmallTypeHistogram)
        aim = GatherWindows(self.binning, windows, number, self.source.weighted)
        piece, came = self.data.reduce(aim, self.threads)
        self._require_same(number, came)
        self.data = InMemory(piece)

    def _require_same(self, before: int, now: int) -> None:
        if before != now:
            raise ValueError(
                f"values must be the same in every pass: {before:,} were between the same limits "
                f"in one pass, {now:,} in the next"
            )

    def _decide(
        self, search: CutPruner, atoms: Bins, found: dict[int, tuple[CandidateCuts, float]]
    ) -> tuple[dict[int, np.ndarray], dict[int, float]]:
        """Give the cuts that are left, after closer comparison where there are several."""
        left = {k: groups for k, (groups, _) in found.items()}
        for k, groups in left.items():
            if not (groups.is_unique() or self.source.weighted or groups.pairs() > PAIRS):
                left[k] = search.drop_dominated(groups)
        unsure = [groups.first for groups in left.values() if not groups.is_unique()]
        places = np.unique(np.concatenate(unsure or [np.zeros(1, np.int64)]))
        sums = self._exact_sums(atoms, places)
        cuts, gaps = {}, dict.fromkeys(found, 0.0)
        for k, groups in left.items():
            chosen = groups.first if groups.is_unique() else decide(groups, places, sums)
            if chosen is None:
                chosen, gaps[k] = search.best(k, *found[k])
            cuts[k] = chosen
        return cuts, gaps

    def _exact_sums(self, atoms: Bins, places: np.ndarray) -> ExactSums:
        """Sum weights and values between places exactly: of the atoms, or in a pass."""
        sums = ExactSums(len(places) - 1)
        if len(places) == 1:
            return sums
        if not self.source.weighted:
            part = np.searchsorted(places, np.arange(len(atoms.low)), side="right") - 1
            one = np.ones(len(atoms.low))
            sums.add(atoms.base, atoms.sums[0], part)
            for distances in atoms.sums[2:4]:
                sum_products(np.ascontiguousarray(distances), one, part, sums.total)
            return sums
        return self.source.reduce(SumExactly(self.folded, atoms.low[places[1:-1]]), self.threads)

    def _wanted(self, atoms: Bins, found: list[CandidateCuts]) -> np.ndarray:
        """Choose the atoms to look into: where cuts may be, and the ends of clusters."""
        wanted, ends = np.zeros((2, len(atoms.low)), bool)
        for groups in found:
            inner = groups.first[groups.starts[1] : groups.starts[-2]]
            wanted[inner] = True  # groups are single atoms by now
            ends[inner - 1] = True
        wanted &= ~atoms.resolved
        return wanted | (ends & ~atoms.tight)


def guess_cuts(source: Source, packed: histograms.KeyHistogram, ks: list[int]) -> Guess:
    """Guess where cuts are from some blocks of a dask array, spread evenly over it."""
    if source.lazy < LEAST:
        return Guess.none()
    number = min(max(source.lazy // SHARE, 1), SAMPLED)
    sample = histograms.KeyHistogram(packed.dtype, packed.threads)
    spread = (np.arange(number) * source.lazy + source.lazy // 2) // number
    found = source.reduce_some(sample.aim, spread[:1].tolist(), packed.threads)
    lows = _unsure(sample.open(found), ks)
    if number > 1 and len(lows):
        more = source.reduce_some(sample.aim, spread[1:].tolist(), packed.threads)
        lows = _unsure(sample.open(sample.aim.merged([found, more])), ks)
    return Guess.around(packed.bins_of(lows), histograms.CELLS)


def _unsure(atoms: Bins, ks: list[int]) -> np.ndarray:
    """Give the least values above the best cuts, but for those among distinct values.

    Rounded numbers are told apart by the first pass: there is nothing to guess.
    """
    possible = [k for k in dict.fromkeys(ks) if 1 < k <= len(atoms.low)]
    if not possible:
        return np.empty(0)
    search = CutPruner(atoms)
    paths = [
        search.best(k, *search.prune(k, *groups))[0][1:-1]
        for k, groups in search.first_round(possible).items()
    ]
    cuts = np.unique(np.concatenate(paths))
    near = np.clip(cuts[:, None] + np.arange(-NEAR, NEAR), 0, len(atoms.low) - 1)
    return atoms.low[cuts[~atoms.resolved[near].all(axis=1)]]


def _runs(wanted: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, bool]:
    """Find the runs of wanted atoms, or where they are too many those with most values.

    Returns
    -------
    first, last : (w,) int64 array
    complete : bool
        Whether these are all.
    """
    first = np.flatnonzero(wanted & ~np.append(False, wanted[:-1]))
    last = np.flatnonzero(wanted & ~np.append(wanted[1:], False))
    if len(first) <= WINDOWS:
        return first, last, True
    before = np.append(0, np.cumsum(counts))
    most = np.sort(np.argsort(before[first] - before[last + 1], kind="stable")[:WINDOWS])
    return first[most], last[most], False
