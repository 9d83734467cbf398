"""Which regions are merged: those that touch at corners, across the seam, or over a bridge.

Regions of `fastkm.geometry.regions` are connected along edges within their array. Other connections
are pairs of regions of one label, and `merge_pairs` makes groups of the pairs. On a coarse grid land is
often no wider than a cell where the water beyond is much the same: along rows and along columns,
every run of missing cells that is short enough and has one label on both sides is a bridge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from fastkm._core import validation
from fastkm.geometry.regions import find_turns

if TYPE_CHECKING:
    from fastkm.geometry.regions import Regions

Neighbours = tuple[np.ndarray, np.ndarray]
"""The regions of pairs of cells, -1 where a cell is missing."""


def find_touching_pairs(
    regions: Regions, *, connectivity: Literal[4, 8] = 4, periodic: bool = False
) -> np.ndarray:
    """Find the pairs of different regions of one label that touch, (lower, higher), ascending.

    With a connectivity of 4, along edges, regions of one label touch across the seam only; with 8 at
    corners too. If `periodic`, the first column is a neighbour of the last, as on a grid that goes
    round the globe.

    Examples
    --------
    >>> from fastkm.geometry.regions import find_regions
    >>> regions = find_regions([[1, 0, 1], [0, 1, 1]])
    >>> find_touching_pairs(regions, connectivity=8)
    array([[0, 2],
           [1, 3]])
    >>> find_touching_pairs(regions, periodic=True)
    array([[0, 2]])
    """
    if connectivity not in (4, 8):
        raise ValueError(f"connectivity must be 4 or 8, got {connectivity!r}")
    numbers, neighbours = regions.numbers, []
    if connectivity == 8:
        neighbours += _pair_across_corners(numbers)
    if periodic:
        west, east = numbers[:, -1:].reshape(-1), numbers[:, :1].reshape(-1)
        neighbours.append((west, east))
        if connectivity == 8:
            neighbours += [(west[:-1], east[1:]), (west[1:], east[:-1])]
    return _collect_pairs(regions, neighbours)


def find_bridged_pairs(regions: Regions, cells: int, *, periodic: bool = False) -> np.ndarray:
    """Find the pairs of regions of one label with 1 to `cells` missing cells of a line between.

    Lines are rows and columns; with `periodic` the first column is a neighbour of the last.

    Examples
    --------
    >>> from fastkm.geometry.regions import find_regions
    >>> find_bridged_pairs(find_regions([[1, -1, 1, -1, -1, 1]]), 1)
    array([[0, 1]])
    """
    numbers, neighbours = regions.numbers, []
    for lines in (numbers, numbers.T):
        is_round, most = periodic and lines is numbers, min(cells, lines.shape[1] - 2)
        neighbours += [_pair_at_distance(lines, size, is_round) for size in range(1, most + 1)]
    return _collect_pairs(regions, neighbours)


def merge_pairs(regions: Regions, pairs: np.ndarray) -> np.ndarray:
    """Return the group of each region: those that pairs connect, directly or through others.

    Groups are numbered by first region.

    Examples
    --------
    >>> from fastkm.geometry.regions import find_regions
    >>> regions = find_regions([[1, 0, 1], [0, 1, 1]])
    >>> merge_pairs(regions, find_touching_pairs(regions, connectivity=8))
    array([0, 1, 0, 1])
    """
    # the lowest region that each is known to be connected with
    lowest = np.arange(len(regions.labels))
    while True:
        ends = lowest[pairs]
        apart = ends[ends[:, 0] != ends[:, 1]]
        if not len(apart):
            break
        # each round at least halves what is still apart: only lowest neighbours stay
        np.minimum.at(lowest, apart.max(axis=1), apart.min(axis=1))
        while not np.array_equal(lowest, further := lowest[lowest]):
            lowest = further
    return np.unique(lowest, return_inverse=True)[1]


def _collect_pairs(regions: Regions, neighbours: list[Neighbours]) -> np.ndarray:
    """Return the pairs of different regions of one label, (lower, higher), once and ascending."""
    n = len(regions.labels)
    keys = [np.empty(0, np.int64)]
    for first, second in neighbours:
        real = (first >= 0) & (second >= 0) & (first != second)
        a, b = first[real].astype(np.int64), second[real].astype(np.int64)
        same = regions.labels[a] == regions.labels[b]
        a, b = a[same], b[same]
        keys.append(np.minimum(a, b) * n + np.maximum(a, b))
    return np.stack(np.divmod(np.unique(np.concatenate(keys)), max(n, 1)), axis=1)


def _pair_across_corners(numbers: np.ndarray) -> list[Neighbours]:
    """Return the two diagonal pairs of cells at each inner corner where rings turn."""
    row, column = np.divmod(find_turns(validation.freeze(numbers)), numbers.shape[1] + 1)
    rows, columns = numbers.shape
    inner = (row > 0) & (row < rows) & (column > 0) & (column < columns)
    row, column = row[inner], column[inner]
    return [
        (numbers[row - 1, column - 1], numbers[row, column]),
        (numbers[row - 1, column], numbers[row, column - 1]),
    ]


def _pair_at_distance(numbers: np.ndarray, missing: int, periodic: bool) -> Neighbours:
    """Pair cells of a row with exactly `missing` cells between, all of which are missing."""
    columns = numbers.shape[1]
    first = np.arange(columns if periodic else columns - missing - 1)

    def shift(step: int) -> np.ndarray:
        return numbers[:, (first + step) % columns]

    between = np.logical_and.reduce([shift(step) < 0 for step in range(1, missing + 1)])
    return shift(0)[between], shift(missing + 1)[between]
