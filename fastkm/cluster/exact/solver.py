"""The passes of `kmeans1d`: make bins, rule bins out, make finer bins, until each cut is known.

See `fastkm.cluster.exact.kmeans1d` for the whole and `fastkm.cluster.exact.pruning.cut_pruner` for the proof.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fastkm._kernels.superaccumulator import sum_products
from fastkm.cluster.exact import collectors
from fastkm.cluster.exact.collectors import GatherWindows
from fastkm.cluster.exact.histograms import SmallTypeHistogram, require_same_number
from fastkm.cluster.exact.key_histograms import COARSE_BINS, KeyHistogram
from fastkm.cluster.exact.pruning.cut_pruner import CutPruner
from fastkm.cluster.exact.pruning.precise_costs import drop_dominated
from fastkm.cluster.exact.sortable_keys import SingleKeys
from fastkm.cluster.exact.tie_breaking import ExactSums, decide
from fastkm.cluster.exact.weighted_histograms import SumExactly, WeightedHistogram
from fastkm.cluster.streaming.chunks import InMemory, concatenate, drop_nan

if TYPE_CHECKING:
    from fastkm.cluster.exact.bins import Bins, CandidateCuts
    from fastkm.cluster.exact.histograms import Histogram
    from fastkm.cluster.exact.sortable_keys import KeyWindows
    from fastkm.cluster.streaming.chunks import Reducible
    from fastkm.cluster.streaming.source import Source

WINDOWS = 1 << 12
"""Windows of values that a pass looks into at most; more wait for the next pass."""

PAIRS = 1 << 24
"""Pairs of positions up to which costs are compared in double-double: a second."""

MANY_SORTED, MAX_SORTED = {4: 96, 8: 64}, 1 << 21
"""Clusters from which on cuts are found sooner by sorting all values in memory, by the bytes of one,
and the most values: some 600 MB meanwhile."""

SAMPLED_SHARE, MAX_SAMPLED, MIN_BLOCKS, MIN_PARTS = 16, 8, 8, 32
"""One in 16 blocks of a dask array is read to guess cuts, but at least one and at most 8, and none
of fewer than 8 blocks: a guess may spare a pass, but is not sure to. An array in memory has parts
of 2^20 values in place of blocks; up to 2^25 of them, the second pass takes less than the guess."""

SAMPLING = 150.0
"""Variances within clusters, of single values, by which a sample's cost of cuts in question may be
above its least: the cost of the best cuts of all values is so by some."""

NEAR = 8
"""Bins on each side of a cut that show whether the numbers there are rounded."""


@dataclass(frozen=True)
class Solution:
    """The optimal cuts for each possible k, and what is known of the data.

    The bins hold values less ``histogram.start``, and weights times 2^``histogram.power``.
    """

    source: Source
    bins: Bins
    histogram: Histogram  # that made the bins
    cuts: dict[int, np.ndarray]  # (k + 1,) int64, positions among the bins, 0 and m included
    gaps: dict[int, float]  # bounds on how far costs may be above the least ones
    squared: bool  # whether the sums of the bins hold squares


def choose_histogram(source: Source, ks: list[int], threads: int | None) -> Histogram:
    """Choose how values are binned, by their type and whether they have weights."""
    if source.weighted or source.dtype.itemsize == 8:
        return WeightedHistogram(source.dtype, threads)
    if source.dtype.itemsize <= 2:
        return SmallTypeHistogram(source.dtype, threads)
    histogram = KeyHistogram(source.dtype, threads, lazy=source.lazy_blocks > 0)
    histogram.singles = guess_cuts(source, ks, threads)
    return histogram


class Solver:
    """One problem, with what its passes have in common."""

    def __init__(self, source: Source, ks: list[int], threads: int | None) -> None:
        self.source, self.ks, self.threads = source, ks, threads
        self.histogram = choose_histogram(source, ks, threads)
        self.data: Reducible = source  # later the values that still matter, if they are few
        self.rules_out = True  # whether what is known may still rule out what is not
        lazy = source.lazy_blocks > 0
        self.max_copied = collectors.MAX_COPIED_OF_LAZY if lazy else collectors.MAX_COPIED

    def solve(self) -> Solution:
        """Find the optimal cuts for each possible k: do pass after pass until each cut is known."""
        # bins of all values, as many as there are clusters if there are so many distinct values
        bins = self.histogram.first(self.source)
        while len(bins.low) < max(self.ks) and not bins.resolved.all():
            bins = self._refine(bins, ~bins.resolved)
        possible = [k for k in dict.fromkeys(self.ks) if k <= len(bins.low)]
        if not possible:
            return Solution(self.source, bins, self.histogram, {}, {}, squared=True)
        # rule bins out, and look into those that may hold a cut, until these are single values
        known = self._cut_in_memory(bins, possible)
        pruner = self._make_pruner(bins)
        found = pruner.first_round([k for k in possible if k not in known])
        while True:
            found |= {k: (bins.locate(values), np.inf) for k, values in known.items()}
            found = {k: found[k] if k in known else pruner.prune(k, *found[k]) for k in possible}
            wanted = self._choose_bins(bins, [candidates for candidates, _ in found.values()])
            if not wanted.any():
                break
            old, bins = bins, self._refine(bins, wanted)
            # costs change: squares within bins that a weighted histogram left out become known
            found = {k: (cuts.translate(old, bins), np.inf) for k, (cuts, _) in found.items()}
            pruner = self._make_pruner(bins)
        # choose among cuts that are equally good; if a k is too large, bins are not merged, since
        # their number is reported
        cuts, gaps = self._decide(pruner, bins, found)
        squared = self.histogram.has_squares or bool(bins.resolved.all())
        if len(possible) == len(set(self.ks)):
            bins, cuts = self.histogram.finish(bins, cuts)
        return Solution(self.source, bins, self.histogram, cuts, gaps, squared)

    def _cut_in_memory(self, bins: Bins, ks: list[int]) -> dict[int, np.ndarray]:
        """Find the cuts for great k by sorting values in memory: for each the least value above it.

        What is left out is found by bins, and so are the sums: they are the same in any case.
        """
        number = int(bins.counts.sum())
        unfit = not self.source.in_memory or number > MAX_SORTED or bins.resolved.all()
        wanted = [] if unfit else [k for k in ks if k >= MANY_SORTED[self.source.dtype.itemsize]]
        if not wanted:
            return {}
        chunk = drop_nan(concatenate(list(self.source.read_chunks()), self.source.dtype))
        require_same_number(number, len(chunk.values))
        single = self.histogram.sort(chunk)
        pruner = CutPruner(single)
        bounded = {k: pruner.bound_by_price(k) for k in wanted}
        found = {k: pruner.prune(k, *pair) for k, pair in bounded.items() if pair is not None}
        cuts, gaps = self._decide(pruner, single, found)
        return {k: single.low[cuts[k][1:-1]] for k in cuts if gaps[k] == 0}

    def _make_pruner(self, bins: Bins) -> CutPruner:
        return CutPruner(bins, self.histogram.relative_error, self.histogram.absolute_error)

    def _refine(self, bins: Bins, wanted: np.ndarray) -> Bins:
        """Replace some bins by finer ones, from known counts, values in memory, or a pass."""
        known = wanted & self.histogram.find_known(bins)
        # what is known may rule out the rest; if not, all else waits for the pass over the rest
        use_known = known.any() and (self.rules_out or not (wanted & ~known).any())
        if known.any():
            self.rules_out = use_known
            wanted = known if use_known else wanted & ~known
        first, last, complete = _find_runs(wanted, bins.counts)
        inside = np.concatenate([np.arange(a, b + 1) for a, b in zip(first, last, strict=True)])
        number = int(bins.counts[inside].sum())
        low, high = bins.low[first], bins.high[last]
        if use_known:
            finer = self.histogram.refine_known(bins.take(inside))
        else:
            windows = self.histogram.windows(low, high)
            # copy the values if all that are wanted, now or later, are few enough
            if complete and number <= self.max_copied:
                self._copy_to_memory(windows, number)
            if complete and number <= collectors.MAX_SORTED and isinstance(self.data, InMemory):
                finer = self.histogram.sort(self.data.chunk)
            else:
                finer = self.histogram.refine(self.data, windows)
        require_same_number(number, int(finer.counts.sum()))
        return bins.replace_runs(first, last, finer)

    def _copy_to_memory(self, windows: KeyWindows, number: int) -> None:
        """Copy the values in some windows; no other values are wanted later."""
        reduction = GatherWindows(self.histogram, windows, number, self.source.weighted)
        found = self.data.reduce(reduction, self.threads)
        require_same_number(number, found.number)
        self.data = InMemory(found.chunk)

    def _choose_bins(self, bins: Bins, found: list[CandidateCuts]) -> np.ndarray:
        """Choose the bins to look into: those that may hold a cut, and the ends of clusters."""
        wanted, ends = np.zeros((2, len(bins.low)), bool)
        for candidates in found:
            inner = candidates.first[candidates.starts[1] : candidates.starts[-2]]
            wanted[inner] = True  # groups are single bins by now
            ends[inner - 1] = True
        wanted &= ~bins.resolved
        return wanted | (ends & ~bins.tight)

    def _decide(
        self, pruner: CutPruner, bins: Bins, found: dict[int, tuple[CandidateCuts, float]]
    ) -> tuple[dict[int, np.ndarray], dict[int, float]]:
        """Choose the best cuts for each k among those that rounding could not rule out."""
        # double-double rules more cuts out; it needs exact weights, and one cost for each pair
        left = {k: candidates for k, (candidates, _) in found.items()}
        for k, candidates in left.items():
            unique, few = candidates.is_unique(), candidates.count_pairs() <= PAIRS
            if not unique and few and not self.source.weighted:
                left[k] = drop_dominated(pruner, candidates)
        # exact sums between all positions of cuts that are still not unique
        several = [candidates.first for candidates in left.values() if not candidates.is_unique()]
        places = np.unique(np.concatenate(several or [np.zeros(1, np.int64)]))
        sums = self._sum_exactly(bins, places)
        # the exact comparison, or the best of rounded costs if there are too many to compare
        cuts, gaps = {}, dict.fromkeys(found, 0.0)
        for k, candidates in left.items():
            unique = candidates.is_unique()
            chosen = candidates.first if unique else decide(candidates, places, sums)
            if chosen is None:
                chosen, gaps[k] = pruner.find_best(k, *found[k])
            cuts[k] = chosen
        return cuts, gaps

    def _sum_exactly(self, bins: Bins, places: np.ndarray) -> ExactSums:
        """Sum weights and values between places exactly: those of bins, or in a pass."""
        sums = ExactSums(len(places) - 1)
        if len(places) == 1:
            return sums
        if self.source.weighted:
            reduction = SumExactly(self.histogram, bins.low[places[1:-1]])
            return self.source.reduce(reduction, self.threads)
        part = np.searchsorted(places, np.arange(len(bins.low)), side="right") - 1
        ones = np.ones(len(bins.low))
        sums.add(bins.base, bins.sums[0], part)
        for distances in bins.sums[2:4]:
            sum_products(np.ascontiguousarray(distances), ones, part, sums.total)
        return sums


def guess_cuts(source: Source, ks: list[int], threads: int | None) -> SingleKeys:
    """Guess where cuts are from some parts of the values, spread evenly over them."""
    parts = source.parts
    if parts < (MIN_BLOCKS if source.lazy_blocks else MIN_PARTS):
        return SingleKeys.none()
    share = SAMPLED_SHARE if source.lazy_blocks else 1
    number = min(max(parts // share, 1), MAX_SAMPLED)
    sample = KeyHistogram(source.dtype, threads)
    some = (np.arange(number) * parts + parts // 2) // number
    # one part shows whether there is anything to guess; the others are read only then
    found = source.reduce_some(sample.reduction, some[:1].tolist(), threads)
    bins = sample.open(found)
    if number > 1 and not bins.resolved.all():
        more = source.reduce_some(sample.reduction, some[1:].tolist(), threads)
        bins = sample.open(sample.reduction.combine([found, more]))
    places, ranks = _list_near_cuts(bins, ks)
    # the bins of all values are those of the sample and some between them
    near = np.clip(
        sample.find_coarse_bins(bins.low[places])[:, None] + np.arange(-1, 2), 0, COARSE_BINS - 1
    )
    return SingleKeys.choose(near.ravel(), np.repeat(ranks, 3))


def _list_near_cuts(bins: Bins, ks: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """List the bins of a sample in which cuts of all values may be, with the most likely ranked lowest.

    If numbers are rounded, the bins of the first pass hold one value each: nothing is to guess.
    """
    possible = [k for k in dict.fromkeys(ks) if 1 < k <= len(bins.low)]
    places, ranks = [np.empty(0, np.int64)], [np.empty(0)]
    if not possible:
        return places[0], ranks[0]
    pruner = CutPruner(bins, tolerance=SAMPLING / float(bins.counts.sum()))
    for k, found in pruner.first_round(possible).items():
        candidates, _ = pruner.prune(k, *found)
        for first, _ in candidates.list_layers()[1:-1]:
            begin, stop = int(first[0]) - 1, int(first[-1]) + 1
            if not bins.resolved[max(begin - NEAR, 0) : stop + NEAR].all():
                places.append(np.arange(begin, stop))
                ranks.append(np.abs(np.linspace(-1, 1, stop - begin)))
    return np.concatenate(places), np.concatenate(ranks)


def _find_runs(wanted: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, bool]:
    """Return the first and last bin of each run of wanted bins, and whether these are all runs.

    If there are more than `WINDOWS` runs, these are the ones with most values.
    """
    first = np.flatnonzero(wanted & ~np.append(False, wanted[:-1]))
    last = np.flatnonzero(wanted & ~np.append(wanted[1:], False))
    if len(first) <= WINDOWS:
        return first, last, True
    before = np.append(0, np.cumsum(counts))
    most = np.sort(np.argsort(before[first] - before[last + 1], kind="stable")[:WINDOWS])
    return first[most], last[most], False
