"""Bins: sorted, disjoint ranges of one-dimensional data, with the sums that a cost needs.

A bin holds one distinct value, or a range of values that have not been looked at one by one (yet).
The cost of a partition whose cuts lie between bins needs only the weight of each bin and the sums
of w (x - base) and w (x - base)^2 in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from fastkm._core.threads import map_chunks
from fastkm._kernels.dynamic_program import accumulate_moments, accumulate_side

PARALLEL_BINS = 1 << 13
"""Bins whose sums are formed on two threads: half a millisecond of work."""

MAX_EXPONENT, MIN_EXPONENT = 480, -400
"""Values up to 2^480 have squares that do not overflow, in sums of 2^60; the squares of values
below 2^-400 begin to underflow."""

DENSE = 2
"""Sparse counts are added up in a dense table if it has at most this many times as many rows as
there are counts; 16 results of 30,000 bins take 6 ms so, 14 ms sorted, but 44 ms if scattered."""

SPLIT = 96
"""Groups for each cut in later rounds, as long as there are so many bins."""


class Bins(NamedTuple):
    """Bins of the data, ascending.

    `low` and `high` are the least and the greatest value that may be in each bin, equal if it holds
    one distinct value. `sums` are weight, w (x - base) and w (x - base)^2, each in double-double.
    """

    low: np.ndarray  # (m,) float64
    high: np.ndarray  # (m,) float64
    base: np.ndarray  # (m,) float64, numbers from which the distances in sums are taken
    counts: np.ndarray  # (m,) int64, numbers of values
    sums: np.ndarray  # (6, m) float64
    tight: np.ndarray  # (m,) bool, whether the data holds `low` and `high` themselves

    @property
    def resolved(self) -> np.ndarray:
        """Which bins hold one distinct value."""
        return self.low == self.high

    def choose_exponent(self) -> int:
        """Choose the power of two to divide all values by, 0 for ordinary magnitudes.

        The largest values become 2^480, not 1: so a fill value of 1e300 leaves the other values so
        large that their squares do not underflow.
        """
        exponent = int(np.frexp(max(abs(self.low[0]), abs(self.high[-1])))[1])
        return exponent if exponent < MIN_EXPONENT else max(exponent - MAX_EXPONENT, 0)

    def scale(self, exponent: int, powers: np.ndarray | int = 0) -> Bins:
        """Divide all values by ``2**exponent``; the distances in sums are in units of 2^powers."""
        if exponent == 0 and not np.any(powers):
            return self
        sums = self.sums.copy()
        sums[2:4] = np.ldexp(sums[2:4], powers - exponent)
        sums[4:6] = np.ldexp(sums[4:6], 2 * (powers - exponent))
        low, high, base = (np.ldexp(a, -exponent) for a in (self.low, self.high, self.base))
        return self._replace(low=low, high=high, base=base, sums=sums)

    def fill_least_squares(self) -> Bins:
        """Replace squares that are not known by the least that they can be.

        Costs are then those of values that lie at the mean of their bin: too low by the same
        amount for all partitions, and never below 0.
        """
        sums = self.sums.copy()
        sums[4] = np.maximum(sums[4], sums[2] ** 2 / sums[0])
        return self._replace(sums=sums)

    def select(self, start: int, stop: int) -> Bins:
        """Return the bins `start` to `stop`, the last one excluded."""
        return Bins(*(array[..., start:stop] for array in self))

    def take(self, places: np.ndarray) -> Bins:
        """Return the bins at some places."""
        return Bins(*(array[..., places] for array in self))

    def locate(self, values: np.ndarray) -> CandidateCuts:
        """Return the cuts that lie before some values, each as the bin that holds the value."""
        size, inside = len(self.low), np.searchsorted(self.low, values, side="right")
        first, stop = np.append(inside - 1, size), np.append(inside, size)
        starts = np.arange(len(values) + 3)
        return CandidateCuts(np.append(0, first), np.append(0, stop), starts)

    def replace_runs(self, first: np.ndarray, last: np.ndarray, finer: Bins) -> Bins:
        """Replace runs of bins, from `first` to `last` inclusive, by the `finer` bins in them."""
        kept = np.stack([np.append(0, last + 1), np.append(first, len(self.low))], axis=1)
        ends = np.searchsorted(finer.low, self.low[first])
        new = np.stack([ends, np.append(ends[1:], len(finer.low))], axis=1)
        return Bins(*(_splice(*arrays, kept, new) for arrays in zip(self, finer, strict=True)))

    def add_distinct(self, other: Bins) -> Bins:
        """Add the counts and weights of other distinct values to these."""
        order = np.argsort(np.concatenate([self.low, other.low]), kind="stable")
        values, counts, weights = (
            np.concatenate(pair, axis=-1)[..., order]
            for pair in zip(
                (self.low, self.counts, self.sums[:2]),
                (other.low, other.counts, other.sums[:2]),
                strict=True,
            )
        )
        starts, _ = find_distinct(values)
        return make_distinct_bins(
            values[starts],
            np.add.reduceat(counts, starts),
            np.add.reduceat(weights, starts, axis=1),
        )

    def compute_prefix_sums(self) -> np.ndarray:
        """Return the sums of all bins before each position, about the median bin: (6, m + 1)."""
        size = len(self.base)
        prefix, middle = np.empty((6, size + 1)), size // 2
        if size < PARALLEL_BINS:
            accumulate_moments(self.base, self.sums, self.base[middle], prefix)
            return prefix
        prefix[:, middle] = 0.0
        sides = [(middle, size, 1.0), (middle - 1, -1, -1.0)]

        def run(side: int, _: int) -> None:
            accumulate_side(self.base, self.sums, self.base[middle], *sides[side], prefix)

        map_chunks(run, 2, 1)
        return prefix


class CandidateCuts(NamedTuple):
    """For one k, the groups of bins in which each cut may be.

    Group g holds the bins ``first[g]`` to ``stop[g] - 1``. The groups of cut j are ``starts[j]`` to
    ``starts[j + 1] - 1``, ascending. Cut 0 is the position 0 and cut k the position m, both as
    empty groups.
    """

    first: np.ndarray  # (t,) int64
    stop: np.ndarray  # (t,) int64
    starts: np.ndarray  # (k + 2,) int64

    @classmethod
    def of(cls, layers: list[tuple[np.ndarray, np.ndarray]]) -> CandidateCuts:
        """Join the groups of each cut."""
        first, stop = (np.concatenate(parts) for parts in zip(*layers, strict=True))
        sizes = [len(part) for part, _ in layers]
        return cls(first, stop, np.concatenate(([0], np.cumsum(sizes))))

    def list_layers(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return the groups of each cut."""
        return [(self.first[a:b], self.stop[a:b]) for a, b in pairwise(self.starts)]

    @property
    def cut(self) -> np.ndarray:
        """Which cut each group belongs to."""
        return np.repeat(np.arange(len(self.starts) - 1), diff(self.starts))

    def keep(self, kept: np.ndarray) -> CandidateCuts:
        """Drop all groups but some."""
        starts = np.concatenate(([0], np.cumsum(kept)))[self.starts]
        return CandidateCuts(self.first[kept], self.stop[kept], starts)

    def split(self) -> CandidateCuts:
        """Split each group into two or more, so that a cut has `SPLIT` of them, or into single bins.

        Groups of the same bins are split alike whatever their cut is: see the lemma.
        """
        sizes = self.stop - self.first
        room = max(SPLIT * (len(self.starts) - 1) // len(self.first), 2)
        parts = np.maximum(np.minimum(sizes, room), 1)
        group = np.repeat(np.arange(len(parts)), parts)
        number = np.arange(len(group)) - np.repeat(np.cumsum(parts) - parts, parts)
        first = self.first[group] + sizes[group] * number // parts[group]
        stop = self.first[group] + sizes[group] * (number + 1) // parts[group]
        starts = np.concatenate(([0], np.cumsum(parts)))[self.starts]
        return CandidateCuts(first, stop, starts)

    def translate(self, old: Bins, new: Bins) -> CandidateCuts:
        """Translate positions among old bins to positions among new ones, some of them finer."""
        low = np.append(old.low, np.inf)
        first, stop = (np.searchsorted(new.low, low[ends]) for ends in (self.first, self.stop))
        return CandidateCuts(first, stop, self.starts)

    def count_pairs(self) -> int:
        """Count the segments that begin and end at positions of neighbouring cuts."""
        sizes = diff(self.starts)
        return int(sizes[:-1] @ sizes[1:])

    def is_unique(self) -> bool:
        """Return True if each cut has one position, and no two have the same."""
        positions = self.first
        return len(positions) == len(self.starts) - 1 and bool((diff(positions) > 0).all())


def _splice(old: np.ndarray, finer: np.ndarray, kept: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Join slices of two arrays in turn."""
    slices = [old[..., slice(*kept[0])]]
    for inner, outer in zip(new, kept[1:], strict=True):
        slices += [finer[..., slice(*inner)], old[..., slice(*outer)]]
    return np.concatenate(slices, axis=-1)


def make_distinct_bins(values: np.ndarray, counts: np.ndarray, weights: np.ndarray) -> Bins:
    """Make one bin of each value: ascending, distinct, with weights in double-double, (2, m)."""
    sums = np.zeros((6, len(values)))
    sums[:2] = weights
    return Bins(values, values, values, counts, sums, np.ones(len(values), bool))


def find_distinct(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find where each distinct value of a sorted array begins, and how often it occurs."""
    starts = np.flatnonzero(np.append(True, values[1:] != values[:-1]))[: len(values)]
    return starts, np.diff(np.append(starts, len(values)))


class SparseCounts(NamedTuple):
    """Integer sums of the bins in use."""

    places: np.ndarray  # (b,) integers, numbers of the bins, ascending
    totals: np.ndarray  # (b, c) integers, their counts and perhaps other sums


def add_counts(results: Sequence[SparseCounts]) -> SparseCounts:
    """Add sparse counts up, bin by bin."""
    if len(results) == 1:
        return results[0]
    places = np.concatenate([result.places for result in results])
    if len(places) == 0:
        return results[0]
    least, reach = int(places.min()), int(np.ptp(places)) + 1
    if reach <= DENSE * len(places):
        totals = np.zeros((reach, results[0].totals.shape[1]), np.int64)
        for result in results:
            totals[result.places - least] += result.totals
        used = np.flatnonzero(totals[:, 0])
        return SparseCounts(used + least, totals[used])
    order = np.argsort(places, kind="stable")  # merges what is ascending already
    used, starts = np.unique(places[order], return_index=True)
    totals = np.concatenate([result.totals for result in results])[order]
    return SparseCounts(used, np.add.reduceat(totals, starts, axis=0, dtype=np.int64))


def add_tables(tables: Iterable[np.ndarray]) -> np.ndarray:
    """Add integer tables up."""
    return np.asarray(sum(tables))


def combine_extents(extents: Sequence[np.ndarray]) -> np.ndarray:
    """Return the least and the greatest number of some (least, greatest) pairs."""
    return np.array([min(pair[0] for pair in extents), max(pair[1] for pair in extents)])


def diff(array: np.ndarray) -> np.ndarray:
    """Do what `numpy.diff` does, in a fifth of the time if there are few numbers."""
    return np.asarray(array[1:] - array[:-1])
