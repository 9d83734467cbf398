"""Which regions of two label maps overlap, and by how much."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fastkm._core import validation
from fastkm._kernels.overlaps import list_shared_runs

FEW_RUNS = 1 << 12
"""Runs of shared cells for which there is room at first: 100 kB. Smooth maps of a million cells have
fewer; if there are more, the maps are read twice."""


class Overlaps(NamedTuple):
    """Pairs of regions that share cells, ascending, as arrays of one number per pair.

    Attributes
    ----------
    first, second : (n,) int64 array
        The region of the first map and that of the second.
    area : (n,) float64 array
        The summed area of the shared cells.
    cells : (n,) int64 array
        Their number.
    """

    first: np.ndarray
    second: np.ndarray
    area: np.ndarray
    cells: np.ndarray


def count_overlaps(before: np.ndarray, now: np.ndarray, areas: np.ndarray, size: int) -> Overlaps:
    """Count the cells that each region of one map shares with each of another, in one pass.

    Parameters
    ----------
    before, now : (rows, columns) int32 array
        The region of each cell, negative if it lies in none.
    areas : (rows, columns) float64 array
        The areas of the cells. The sum of a pair goes in raster order.
    size : int
        The number of regions of the second map.

    Examples
    --------
    >>> before, now = np.int32([[0, 0, 1, -1]]), np.int32([[0, 1, 1, 1]])
    >>> count_overlaps(before, now, np.ones((1, 4)), 2)
    Overlaps(first=array([0, 0, 1]), second=array([0, 1, 1]), area=array([1., 1., 1.]), cells=array([1, 1, 1]))
    """
    before, now, areas = (validation.freeze(array) for array in (before, now, areas))
    room = FEW_RUNS
    while True:
        keys, cells = np.empty(room, np.int64), np.empty(room, np.int64)
        shared = np.empty(room)
        runs = list_shared_runs(before, now, areas, size, keys, shared, cells)
        if runs <= room:
            break
        room = runs
    pairs, pair = np.unique(keys[:runs], return_inverse=True)
    first, second = np.divmod(pairs, max(size, 1))
    area = np.bincount(pair, shared[:runs], minlength=len(pairs))
    counts = np.bincount(pair, cells[:runs], minlength=len(pairs)).astype(np.int64)
    return Overlaps(first, second, area, counts)
