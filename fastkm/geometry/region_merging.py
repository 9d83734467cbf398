"""Which regions belong together: those that touch at corners, across the seam, or over a bridge.

Regions of `fastkm.geometry.regions` are connected along edges within their array. What else
connects them are pairs of regions of one label, and `joined` makes groups of the pairs. On a coarse
grid land is often no wider than a cell where the water beyond is much the same: along rows and along
columns, every run of missing cells that is short enough and has one label on both sides is a bridge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from fastkm._core import validation
from fastkm.geometry.regions import turns_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from fastkm.geometry.regions import Regions


def touching(
    regions: Regions, *, connectivity: Literal[4, 8] = 4, periodic: bool = False
) -> np.ndarray:
    """Find the pairs of different regions of one label that touch.

    Parameters
    ----------
    regions : Regions
        From `find_regions`.
    connectivity : {4, 8}, default: 4
        4: along edges, where regions of one label touch across the seam only; 8: at corners too.
    periodic : bool, default: False
        The first column is a neighbour of the last, as on a grid that goes round the globe.

    Returns
    -------
    (p, 2) int64 array
        Pairs (lower, higher), each once, ascending.

    Raises
    ------
    ValueError
        If `connectivity` is neither 4 nor 8.

    Examples
    --------
    >>> from fastkm.geometry import find_regions, touching
    >>> regions = find_regions([[1, 0, 1], [0, 1, 1]])
    >>> touching(regions, connectivity=8)
    array([[0, 2],
           [1, 3]])
    >>> touching(regions, periodic=True)
    array([[0, 2]])
    """
    if connectivity not in (4, 8):
        raise ValueError(f"connectivity must be 4 or 8, got {connectivity!r}")
    numbers, pairs = regions.numbers, []
    if connectivity == 8:
        pairs += _across_corners(numbers)
    if periodic:
        west, east = numbers[:, -1:].reshape(-1), numbers[:, :1].reshape(-1)
        pairs.append((west, east))
        if connectivity == 8:
            pairs += [(west[:-1], east[1:]), (west[1:], east[:-1])]
    n = len(regions.labels)
    keys = [np.empty(0, np.int64)]
    for first, second in pairs:
        real = (first >= 0) & (second >= 0) & (first != second)
        a, b = first[real].astype(np.int64), second[real].astype(np.int64)
        same = regions.labels[a] == regions.labels[b]
        a, b = a[same], b[same]
        keys.append(np.minimum(a, b) * n + np.maximum(a, b))
    return np.stack(np.divmod(np.unique(np.concatenate(keys)), max(n, 1)), axis=1)


def joined(regions: Regions, pairs: ArrayLike) -> np.ndarray:
    """Group the regions that pairs connect, directly or over others.

    Parameters
    ----------
    regions : Regions
        From `find_regions`.
    pairs : (p, 2) array-like of int
        Regions that belong together, from `touching` for example.

    Returns
    -------
    (n,) int64 array
        The group of each region, numbered by first region.

    Raises
    ------
    ValueError
        If `pairs` does not have shape (p, 2) or names a region that is not there.
    TypeError
        If it does not hold integers.

    Examples
    --------
    >>> from fastkm.geometry import find_regions, joined, touching
    >>> regions = find_regions([[1, 0, 1], [0, 1, 1]])
    >>> joined(regions, touching(regions, connectivity=8))
    array([0, 1, 0, 1])
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = len(regions.labels)
    links = np.asarray(pairs)
    if links.size == 0:
        return np.arange(n)
    if links.ndim != 2 or links.shape[1] != 2:
        raise ValueError(f"pairs must have shape (p, 2), got {links.shape}")
    if links.dtype.kind not in "iu":
        raise TypeError(f"pairs must hold integers, got {links.dtype}")
    if links.min() < 0 or links.max() >= n:
        raise ValueError(
            f"pairs must name regions from 0 to {n - 1}, got {links.min()} to {links.max()}"
        )
    graph = coo_array((np.ones(len(links), bool), (links[:, 0], links[:, 1])), shape=(n, n))
    groups = connected_components(graph, directed=False)[1]
    # scipy numbers groups so, but does not promise it
    _, firsts, inverse = np.unique(groups, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(firsts))[inverse]


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


def _across_corners(numbers: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Give the two diagonal pairs at each inner corner where rings turn."""
    row, column = np.divmod(turns_of(validation.frozen(numbers)), numbers.shape[1] + 1)
    rows, columns = numbers.shape
    inner = (row > 0) & (row < rows) & (column > 0) & (column < columns)
    row, column = row[inner], column[inner]
    return [
        (numbers[row - 1, column - 1], numbers[row, column]),
        (numbers[row - 1, column], numbers[row, column - 1]),
    ]
