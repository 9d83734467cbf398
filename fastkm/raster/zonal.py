"""Zonal statistics: what the cells of each region, or of each cluster, add up to."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from fastkm._kernels.zonal_sums import summarise, summarise_exactly

BLOCK_CELLS = 1 << 16
"""Cells that are converted to float64 at a time."""


class ZonalStatistics(NamedTuple):
    """Statistics of the cells of each zone, arrays of one number per zone.

    `counts` are cells with a value other than NaN. The others are float64, in the units of the
    values, and NaN for zones without a value.
    """

    counts: np.ndarray
    sums: np.ndarray
    means: np.ndarray
    least: np.ndarray
    greatest: np.ndarray


def zonal_statistics(zones: np.ndarray, values: np.ndarray, size: int) -> ZonalStatistics:
    """Compute statistics of a raster by zone, of the values (of any real type) of its cells.

    `zones` has the zone of each cell, from 0 to ``size - 1``; negative if it lies in none.

    Examples
    --------
    >>> zonal_statistics(np.array([[0, 0, -1, 1]]), np.array([[1, 4, 9, 7]]), 2).means
    array([2.5, 7. ])
    """
    counts = np.zeros(size, np.int64)
    sums, least, greatest = np.zeros(size), np.full(size, np.inf), np.full(size, -np.inf)
    for numbers, block in _iterate_blocks(zones, values):
        summarise(numbers, block, counts, sums, least, greatest)
    return _finish(counts, sums, least, greatest)


class PartialSums(NamedTuple):
    """Statistics of parts of zones, arrays of one number per part; sums are ``sums + rests``."""

    counts: np.ndarray
    sums: np.ndarray
    rests: np.ndarray
    least: np.ndarray
    greatest: np.ndarray

    def select(self, which: np.ndarray) -> PartialSums:
        """Return the statistics of some parts."""
        return PartialSums(*(statistic[which] for statistic in self))

    def append(self, others: PartialSums) -> PartialSums:
        """Return the statistics of these parts and of others after them."""
        return PartialSums(*map(np.concatenate, zip(self, others, strict=True)))

    def combine(self, zones: np.ndarray, size: int) -> ZonalStatistics:
        """Combine parts to zones, of which `zones` has that of each part.

        Sums are rounded once, so it does not matter how a zone is cut into parts.
        """
        counts = np.zeros(size, np.int64)
        least, greatest = np.full(size, np.inf), np.full(size, -np.inf)
        np.add.at(counts, zones, self.counts)
        np.minimum.at(least, zones, self.least)
        np.maximum.at(greatest, zones, self.greatest)
        # most zones have one part
        sums = np.zeros(size)
        sums[zones] = self.sums + self.rests
        order = np.argsort(zones, kind="stable")
        ends = np.searchsorted(zones[order], np.arange(size + 1))
        for zone in np.flatnonzero(np.diff(ends) > 1):
            own = order[ends[zone] : ends[zone + 1]]
            parts = np.concatenate([self.sums[own], self.rests[own]])
            sums[zone] = math.fsum(parts) if np.isfinite(parts).all() else parts.sum()
        return _finish(counts, sums, least, greatest)


def partial_sums(parts: np.ndarray, values: np.ndarray, size: int) -> PartialSums:
    """Compute statistics of cells by part, as `zonal_statistics` takes them by zone.

    Examples
    --------
    >>> found = partial_sums(np.array([[0, 0, -1, 1]]), np.array([[1, 4, 9, 7]]), 2)
    >>> found.combine(np.array([0, 0]), 1).means
    array([4.])
    """
    counts, sums, rests = np.zeros(size, np.int64), np.zeros(size), np.zeros(size)
    least, greatest = np.full(size, np.inf), np.full(size, -np.inf)
    for numbers, block in _iterate_blocks(parts, values):
        summarise_exactly(numbers, block, counts, sums, rests, least, greatest)
    return PartialSums(counts, sums, rests, least, greatest)


def _iterate_blocks(
    zones: np.ndarray, values: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield zones and values of some rows at a time, as kernels take them."""
    step = max(1, BLOCK_CELLS // max(1, zones.shape[1]))
    for row in range(0, len(zones), step):
        numbers = np.require(zones[row : row + step], np.int32, ["C", "A"])
        yield numbers, np.require(values[row : row + step], np.float64, ["C", "A"])


def _finish(
    counts: np.ndarray, sums: np.ndarray, least: np.ndarray, greatest: np.ndarray
) -> ZonalStatistics:
    """Return the statistics of zones, NaN for those without a value."""
    empty = counts == 0
    for statistic in (sums, least, greatest):
        statistic[empty] = np.nan
    return ZonalStatistics(counts, sums, sums / np.maximum(counts, 1), least, greatest)
