"""Zonal statistics: what the cells of each region, or of each cluster, add up to."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fastkm._kernels.zonal_sums import summarise

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
    step = max(1, BLOCK_CELLS // max(1, zones.shape[1]))
    for row in range(0, len(zones), step):
        numbers = np.require(zones[row : row + step], np.int32, ["C", "A"])
        block = np.require(values[row : row + step], np.float64, ["C", "A"])
        summarise(numbers, block, counts, sums, least, greatest)
    empty = counts == 0
    for statistic in (sums, least, greatest):
        statistic[empty] = np.nan
    return ZonalStatistics(counts, sums, sums / np.maximum(counts, 1), least, greatest)
