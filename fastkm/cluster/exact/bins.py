"""Atoms: sorted, disjoint pieces of one-dimensional data, with the sums that a cost needs.

An atom is one distinct value, or a bin of values that are not told apart (yet). The cost of a
partition whose cuts lie between atoms needs only the weight of each atom and the sums of
w (x - base) and w (x - base)^2 in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from fastkm._core.threads import map_chunks
from fastkm._kernels.dynamic_program import accumulate, moments

MANY = 1 << 13
"""Atoms whose sums are formed on two threads: half a millisecond of work."""

LARGE, SMALL = 480, -400
"""Values up to 2^480 have squares that do not overflow, in sums of 2^60; those of values below
2^-400 begin to underflow."""


class Bins(NamedTuple):
    """Pieces of the data, ascending.

    Attributes
    ----------
    low, high : (m,) float64 array
        Least and greatest value that may be in each atom; equal where it is one distinct value.
    base : (m,) float64 array
        Where the sums of each atom count from.
    counts : (m,) int64 array
        Values in each atom.
    sums : (6, m) float64 array
        Weight, sum of w (x - base) and sum of w (x - base)^2, each in double-double.
    tight : (m,) bool array
        Whether the data holds ``low`` and ``high`` themselves.
    """

    low: np.ndarray
    high: np.ndarray
    base: np.ndarray
    counts: np.ndarray
    sums: np.ndarray
    tight: np.ndarray

    @property
    def resolved(self) -> np.ndarray:
        """Which atoms are one distinct value."""
        return self.low == self.high

    def exponent(self) -> int:
        """Choose the power of two to divide all values by, 0 for ordinary magnitudes.

        The largest come to 2^480, not to 1: a fill value of 1e300 then leaves the others where
        their squares do not underflow.
        """
        exponent = int(np.frexp(max(abs(self.low[0]), abs(self.high[-1])))[1])
        return exponent if exponent < SMALL else max(exponent - LARGE, 0)

    def scale(self, exponent: int) -> Bins:
        """Divide all values by ``2**exponent``."""
        if exponent == 0:
            return self
        sums = self.sums.copy()
        sums[2:4] = np.ldexp(sums[2:4], -exponent)
        sums[4:6] = np.ldexp(sums[4:6], -2 * exponent)
        low, high, base = (np.ldexp(a, -exponent) for a in (self.low, self.high, self.base))
        return self._replace(low=low, high=high, base=base, sums=sums)

    def with_least_squares(self) -> Bins:
        """Take squares that are not known for the least that they can be.

        Costs are then those of values that lie at the mean of their atom: less than they are, by
        the same amount for all partitions, and none below 0.
        """
        sums = self.sums.copy()
        sums[4] = np.maximum(sums[4], sums[2] ** 2 / sums[0])
        return self._replace(sums=sums)

    def part(self, start: int, stop: int) -> Bins:
        """Give the atoms from start to stop."""
        return Bins(*(array[..., start:stop] for array in self))

    def replace_runs(self, first: np.ndarray, last: np.ndarray, finer: Bins) -> Bins:
        """Put `finer` atoms in the place of some runs, from `first` to `last` inclusive."""
        kept = np.stack([np.append(0, last + 1), np.append(first, len(self.low))], axis=1)
        ends = np.searchsorted(finer.low, self.low[first])
        new = np.stack([ends, np.append(ends[1:], len(finer.low))], axis=1)
        return Bins(*(_splice(*arrays, kept, new) for arrays in zip(self, finer, strict=True)))

    def merged(self, other: Bins) -> Bins:
        """Add other distinct values to these."""
        order = np.argsort(np.concatenate([self.low, other.low]), kind="stable")
        values, counts, weights = (
            np.concatenate(pair, axis=-1)[..., order]
            for pair in (
                (self.low, other.low),
                (self.counts, other.counts),
                (self.sums[:2], other.sums[:2]),
            )
        )
        starts = np.flatnonzero(np.append(True, values[1:] != values[:-1]))[: len(values)]
        return bins_of_distinct(
            values[starts],
            np.add.reduceat(counts, starts),
            np.add.reduceat(weights, starts, axis=1),
        )

    def prefix(self) -> np.ndarray:
        """Give the sums of all atoms before each position, about the median atom: (6, m + 1)."""
        size = len(self.base)
        prefix, middle = np.empty((6, size + 1)), size // 2
        if size < MANY:
            moments(self.base, self.sums, self.base[middle], prefix)
            return prefix
        prefix[:, middle] = 0.0
        sides = [(middle, size, 1.0), (middle - 1, -1, -1.0)]

        def run(side: int, _: int) -> None:
            accumulate(self.base, self.sums, self.base[middle], *sides[side], prefix)

        map_chunks(run, 2, 1)
        return prefix


def _splice(old: np.ndarray, fine: np.ndarray, kept: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Join slices of two arrays in turn."""
    parts = [old[..., slice(*kept[0])]]
    for inner, outer in zip(new, kept[1:], strict=True):
        parts += [fine[..., slice(*inner)], old[..., slice(*outer)]]
    return np.concatenate(parts, axis=-1)


def bins_of_distinct(values: np.ndarray, counts: np.ndarray, weights: np.ndarray) -> Bins:
    """Make atoms of distinct values.

    Parameters
    ----------
    values : (m,) float64 array
        Ascending and distinct.
    counts : (m,) int64 array
        How often each occurs.
    weights : (2, m) float64 array
        What they weigh, in double-double.
    """
    sums = np.zeros((6, len(values)))
    sums[:2] = weights
    return Bins(values, values, values, counts, sums, np.ones(len(values), bool))


def sum_tables(tables: Iterable[np.ndarray]) -> np.ndarray:
    """Add integer tables up."""
    return np.asarray(sum(tables))


def split(integers: np.ndarray) -> np.ndarray:
    """Turn int64 into double-double, exactly: (2, ...)."""
    high = integers.astype(np.float64)
    return np.stack([high, (integers - high.astype(np.int64)).astype(np.float64)])


def joined(high: np.ndarray, low: np.ndarray) -> np.ndarray:
    """Add two float64 arrays into double-double."""
    sum_tables = high + low
    part = sum_tables - high
    return np.stack([sum_tables, (high - (sum_tables - part)) + (low - part)])
