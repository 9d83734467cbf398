"""Regions that a few missing cells part: a sea on both sides of an isthmus of one cell.

On a coarse grid land is often no wider than a cell where the water beyond is much the same. Along rows
and along columns, every run of missing cells that is short enough and has one label on both sides
is a bridge between the regions there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fastkm.geometry.regions import Regions


def bridged(regions: Regions, cells: int, *, periodic: bool = False) -> np.ndarray:
    """Find the pairs of regions of one label with a few missing cells of a row or column between.

    Parameters
    ----------
    regions : Regions
        From `find_regions`.
    cells : int
        The most missing cells, 0 or more.
    periodic : bool, default: False
        The first column is a neighbour of the last.

    Returns
    -------
    (p, 2) int64 array
        Pairs (lower, higher), each once, ascending.

    Examples
    --------
    >>> from fastkm.geometry.regions import find_regions
    >>> bridged(find_regions([[1, -1, 1, -1, -1, 1]]), 1)
    array([[0, 1]])
    """
    numbers = regions.numbers
    pairs = [np.empty((0, 2), np.int64)]
    for across in (numbers, numbers.T):
        turned, most = periodic and across is numbers, min(cells, across.shape[1] - 2)
        pairs += [_at_distance(across, missing, turned) for missing in range(1, most + 1)]
    found = np.sort(np.concatenate(pairs), axis=1)
    same = regions.labels[found[:, 0]] == regions.labels[found[:, 1]]
    return np.unique(found[same], axis=0)


def _at_distance(numbers: np.ndarray, missing: int, periodic: bool) -> np.ndarray:
    """Pair cells of different regions with exactly so many cells between, all of them missing."""
    columns = numbers.shape[1]
    stop = columns if periodic else columns - missing - 1
    if stop <= 0 or columns <= missing + 1:
        return np.empty((0, 2), np.int64)
    first = np.arange(stop)

    def shifted(step: int) -> np.ndarray:
        return numbers[:, (first + step) % columns]

    a, b = shifted(0), shifted(missing + 1)
    ends = (a >= 0) & (b >= 0) & (a != b)
    for step in range(1, missing + 1):
        ends &= shifted(step) < 0
    return np.stack([a[ends], b[ends]], axis=1).astype(np.int64)
