"""The optimal k-medians of values of any kind: `fastkm.kmeans1d` with ``criterion="median"``.

The distinct values are needed in order, with their weights. Those of 8 and 16 bits are counted; up to
2^25 others are copied and sorted; more are counted chunk by chunk in a second pass, as long as the
distinct ones are no more. The cuts are then found as for means: positions are ruled out
(`fastkm.cluster.exact.medians.pruning`), and what rounding cannot tell apart is compared as integers
(`fastkm.cluster.exact.medians.exact_segments`); of equally good cuts the lowest are taken.

1e7 float64 values, all different, take 2.7 s of processor time and 1.2 GB.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from fastkm._core.validation import freeze
from fastkm._kernels.median_program import find_median
from fastkm.cluster.exact.bins import Bins, find_distinct
from fastkm.cluster.exact.collectors import MAX_DISTINCT, CountDistinct, GatherIfSmall
from fastkm.cluster.exact.finalize import add_start, compute_breaks, make_profile, unpack
from fastkm.cluster.exact.histograms import (
    Histogram,
    SmallTypeHistogram,
    require_finite,
    require_same_number,
)
from fastkm.cluster.exact.medians.exact_segments import ExactSegments, SortedRows
from fastkm.cluster.exact.medians.pruning import MedianPruner
from fastkm.cluster.exact.result import KMeans1D
from fastkm.cluster.exact.solver import Solution
from fastkm.cluster.exact.tie_breaking import are_few, find_greatest
from fastkm.cluster.exact.weighted_histograms import MeasureExtents, WeightedHistogram
from fastkm.cluster.streaming.chunks import Chunk, InMemory

if TYPE_CHECKING:
    from fastkm.cluster.exact.bins import CandidateCuts
    from fastkm.cluster.streaming.source import Source

MOST = 1 << 25
"""Distinct values, or weighted ones, up to which k-medians are found: some 4 GB meanwhile."""

MAX_PROFILE = 1 << 16
"""Bins that a result's profile keeps, and one for each cluster."""


class MedianSolver:
    """One problem: `solve` finds the cuts, `finalize` makes results of them."""

    def __init__(self, source: Source, ks: list[int], threads: int | None) -> None:
        self.source, self.ks, self.threads = source, ks, threads
        self.chunk: Chunk | None = None  # weighted values
        small = source.dtype.itemsize <= 2 and not source.weighted
        kind = SmallTypeHistogram if small else WeightedHistogram
        self.histogram: Histogram = kind(source.dtype, threads)

    def solve(self) -> Solution:
        """Find the optimal cuts for each possible k."""
        bins = self._count()
        cuts, gaps = {}, {}
        possible = [k for k in dict.fromkeys(self.ks) if k <= len(bins.low)]
        if possible:
            self.pruner = MedianPruner(bins)
            found = self.pruner.first_round(possible)
            for k in possible:
                cuts[k], gaps[k] = self._choose(k, *self.pruner.prune(k, *found[k]))
        return Solution(self.source, bins, self.histogram, cuts, gaps, squared=True)

    def _count(self) -> Bins:
        """Return the distinct values, with their counts and weights."""
        histogram, source = self.histogram, self.source
        if not isinstance(histogram, WeightedHistogram):
            return histogram.first(source)
        gather = GatherIfSmall(MeasureExtents(source.dtype), source.dtype)
        gather.most = MOST
        found = source.reduce(gather, self.threads)
        if isinstance(found, Chunk):
            histogram.measure(InMemory(found))
        else:
            histogram.open(found)
        require_finite(source, np.inf if histogram.infinite else 0.0)
        if isinstance(found, Chunk):
            if source.weighted:
                found = self.chunk = sort_chunk(found)
            return histogram.sort(found)
        count = CountDistinct(histogram)
        count.most = MOST
        bins = None if source.weighted else source.reduce(count, self.threads)
        if bins is None:
            what = "weighted values" if source.weighted else "distinct values"
            raise ValueError(
                f"values must be at most {MOST:,} {what} if criterion is 'median', since they are "
                f"sorted in memory, got more: round them, take a sample, or use criterion='mean'"
            )
        require_same_number(histogram.number, int(bins.counts.sum()))
        return bins

    @cached_property
    def segments(self) -> ExactSegments:
        """Segments of the distinct values, exactly; to sum them up takes time."""
        return ExactSegments(self._sort_rows(self.pruner.bins), self.pruner.prefix, self.threads)

    def _sort_rows(self, bins: Bins) -> SortedRows:
        """Return the values in order, with the weights that they came with, in any unit."""
        if self.chunk is None:
            size = np.arange(len(bins.low) + 1)
            return SortedRows(bins.low, bins.counts.astype(np.float64), size)
        values, weights = self.histogram.convert(self.chunk)
        starts, _ = find_distinct(values)
        return SortedRows(values, weights, np.append(starts, len(values)))

    def _choose(self, k: int, groups: CandidateCuts, upper: float) -> tuple[np.ndarray, float]:
        """Choose the best cuts among those that remain; bound their cost above the least."""
        if groups.is_unique():
            return groups.first, 0.0
        if not are_few(groups):
            return self.pruner.find_best(k, groups, upper)
        places = np.unique(groups.first)
        ends = places.tolist()
        cost = self.segments.compute_cost
        return find_greatest(groups, places, lambda j, i: -cost(ends[j], ends[i])), 0.0

    def finalize(self, solution: Solution) -> dict[int, KMeans1D]:
        """Compute the results of a solution, for each k."""
        packing, results = self.source.packing, {}
        many = len(solution.bins.low) > MAX_DISTINCT
        bins = merge_bins(solution.bins, solution.cuts) if many else solution.bins
        # merged bins are not looked into again, as the distinct values are too many
        profile = replace(make_profile(replace(solution, bins=bins)), recount=None)
        for k, cuts in solution.cuts.items():
            result = self._make_result(solution, k, cuts)
            if packing is not None:
                result = unpack(result, *packing)
            results[k] = replace(result, profile=profile)
        return results

    def _compute_median(self, start: int, stop: int) -> float:
        """Return the median of some distinct values; counts are exact in the rounded sums."""
        if self.chunk is not None:
            return self.segments.compute_median(start, stop)
        numbers, values = self.pruner.prefix[0], self.pruner.bins.low
        t = int(find_median(self.pruner.prefix, start, stop))
        even = 2 * numbers[t + 1] == numbers[start] + numbers[stop]
        return float(values[t] / 2 + values[t + 1] / 2) if even else float(values[t])

    def _make_result(self, solution: Solution, k: int, cuts: np.ndarray) -> KMeans1D:
        """Compute one result in the units of the chunks."""
        bins, histogram, dtype = solution.bins, self.histogram, self.source.dtype
        exponent, ends = self.pruner.exponent, list(pairwise(cuts.tolist()))
        ranges = np.stack([bins.low[cuts[:-1]], bins.low[cuts[1:] - 1]], axis=1)
        medians = np.array([self._compute_median(*pair) for pair in ends])
        weight = np.add.reduceat(bins.sums[0], cuts[:-1])
        # sums of distances and of their squares, cluster by cluster, in the pruner's scale
        costs, squares = np.empty((2, k))
        for j, (start, stop) in enumerate(ends):
            centre = np.ldexp(medians[j], -exponent)
            distances = np.abs(self.pruner.values[start:stop] - centre)
            costs[j] = np.sum(bins.sums[0, start:stop] * distances)
            squares[j] = np.sum(bins.sums[0, start:stop] * distances**2)
        with np.errstate(over="ignore", under="ignore"):
            inertia = float(np.ldexp(np.sum(costs), exponent - histogram.power))
            variances = np.ldexp(squares / weight, 2 * exponent)
        return KMeans1D(
            k=k,
            centroids=add_start(medians, histogram.start, dtype),
            breaks=compute_breaks(medians, ranges[:-1, 1], ranges[1:, 0], dtype, histogram.start),
            counts=np.add.reduceat(bins.counts, cuts[:-1]),
            weights=np.ldexp(weight, -histogram.power),
            inertia=inertia,
            gap=float(np.ldexp(solution.gaps[k], -histogram.power)),
            passes=self.source.passes,
            ranges=add_start(ranges, histogram.start, dtype),
            variances=variances,
            criterion="median",
        )


def sort_chunk(chunk: Chunk) -> Chunk:
    """Return values in order, with their weights."""
    order = np.argsort(chunk.values, kind="stable")
    weights = None if chunk.weights is None else freeze(chunk.weights[order])
    return Chunk(freeze(chunk.values[order]), weights)


def merge_bins(bins: Bins, cuts: dict[int, np.ndarray]) -> Bins:
    """Merge distinct values to at most `MAX_PROFILE` bins, and one for each cut."""
    even = np.linspace(0, len(bins.low), MAX_PROFILE + 1).astype(np.int64)
    ends = np.unique(np.concatenate([even, *cuts.values()]))
    starts, sizes = ends[:-1], np.diff(ends)
    low = bins.low[starts]
    sums = np.zeros((6, len(starts)))
    sums[:2] = np.add.reduceat(bins.sums[:2], starts, axis=1)
    sums[2] = np.add.reduceat(bins.sums[0] * (bins.low - np.repeat(low, sizes)), starts)
    counts = np.add.reduceat(bins.counts, starts)
    return Bins(low, bins.low[ends[1:] - 1], low, counts, sums, np.ones(len(low), bool))
