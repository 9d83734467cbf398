"""Small regions of a label map join the label around them: no coordinates, no units.

`sieve_labels` writes labels as codes of the narrowest type, pads their map with a wall, and calls the
kernels of `fastkm._kernels.region_sieve`, whose essay says in which order regions join, and why.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from fastkm._core import validation
from fastkm._kernels.region_sieve import (
    AREA,
    CELLS,
    NEVER,
    PARENT,
    SEAM,
    WALL,
    join_single_cells,
    join_small_regions,
    queue_small_regions,
)
from fastkm.geometry.region_merging import find_touching_pairs, merge_pairs
from fastkm.geometry.regions import Regions, find_regions

INNER = np.s_[1:-1, 1:-1]
"""The map without its wall."""

MOST_NAMED = int(np.iinfo(np.int16).max) - 1
"""Labels up to this are codes themselves; others are numbered, which takes a sort."""


class _Connections(NamedTuple):
    """Which cells are neighbours: see `sieve_labels`."""

    connectivity: Literal[4, 8]
    periodic: bool


def sieve_labels(
    values: np.ndarray,
    missing: np.ndarray,
    limit: int,
    *,
    areas: np.ndarray | None = None,
    connectivity: Literal[4, 8] = 4,
    periodic: bool = False,
    holes: np.ndarray | None = None,
) -> np.ndarray:
    """Return a label map in which regions below a limit have joined the label around them.

    Parameters
    ----------
    values : (rows, columns) int array
        Labels; those of missing cells mean nothing, and stay.
    missing : (rows, columns) bool array
        The cells that never change and of which no region grows.
    limit : int
        Regions whose area is below it join.
    areas : (rows, columns) int64 array, optional
        The areas of cells; by default 1.
    connectivity : {4, 8}
        With 8, cells that touch at a corner are connected too.
    periodic : bool
        Whether the first column is a neighbour of the last.
    holes : (rows, columns) bool array, optional
        The missing cells whose regions join likewise, before all others.

    Examples
    --------
    >>> values = np.array([[1, 1, 1], [1, 0, 2], [1, 1, 0]])
    >>> sieve_labels(values, np.array([[False] * 3, [False] * 3, [False, False, True]]), 2)
    array([[1, 1, 1],
           [1, 1, 1],
           [1, 1, 0]])
    """
    if connectivity not in (4, 8):
        raise ValueError(f"connectivity must be 4 or 8, got {connectivity!r}")
    codes, names = _encode(values, missing, holes)
    hole = len(names) - 1
    connect = _Connections(connectivity, periodic)
    if holes is not None:
        _join_regions(codes, hole, limit, areas, connect, filling=True)
        codes[codes == hole] = WALL
    if connectivity == 4 and areas is None and limit > 1:
        _join_single_cells(codes, hole, periodic)
    _join_regions(codes, hole, limit, areas, connect, filling=False)
    found = codes[INNER]
    named = found.astype(values.dtype) if names[-2] == hole - 1 else names[found]
    return np.where(missing & (found < 0), values, named) if missing.any() else named


def _join_regions(
    codes: np.ndarray,
    hole: int,
    limit: int,
    areas: np.ndarray | None,
    connect: _Connections,
    *,
    filling: bool,
) -> None:
    """Let regions join, those of holes or those of labels; `codes` are padded and changed in place."""
    codes[1:-1, [0, -1]] = SEAM if connect.periodic else WALL
    regions = find_regions(validation.freeze(codes))
    rows = _list_regions(regions, areas, connect)
    width = codes.shape[1]
    offsets = np.array([-width, -1, 1, width, -width - 1, 1 - width, width - 1, width + 1])
    offsets = offsets[: connect.connectivity]
    keys = -np.arange(hole + 1)
    keys[hole] = NEVER
    # the most cells of a region that joins
    most = codes.size if areas is not None else min(limit, codes.size)
    flat, queue = codes.reshape(-1), np.empty(rows.shape[1], np.int64)
    waiting = queue_small_regions(
        flat, regions.numbers, regions.boxes, rows, limit, hole if filling else -1, queue
    )
    join_small_regions(
        flat,
        regions.numbers,
        rows,
        limit,
        filling,
        offsets,
        keys,
        queue[:waiting],
        np.empty(most, np.int64),
        np.empty(most * len(offsets), np.int64),
    )


def _encode(
    values: np.ndarray, missing: np.ndarray, holes: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the padded codes of a map, and the label of each code; the last one is a hole's."""
    some = bool(missing.any())
    top = int((np.where(missing, 0, values) if some else values).max(initial=0))
    if top <= MOST_NAMED:
        names, numbers = np.arange(top + 1), values
    else:
        names, numbers = np.unique(np.where(missing, 0, values), return_inverse=True)
    dtype = next(kind for kind in (np.int8, np.int16, np.int32) if len(names) <= np.iinfo(kind).max)
    codes = np.full((values.shape[0] + 2, values.shape[1] + 2), WALL, dtype)
    inner = codes[INNER]
    inner[...] = numbers.reshape(values.shape)
    if some:
        inner[missing] = WALL
    if holes is not None:
        inner[holes] = len(names)
    return codes, np.append(names, 0).astype(values.dtype)


def _join_single_cells(codes: np.ndarray, hole: int, periodic: bool) -> None:
    """Let regions of one cell join, white ones first; `codes` are padded and changed in place."""
    unsigned = np.dtype(f"u{codes.itemsize}").type
    before, after = codes.view(unsigned), codes.view(unsigned).copy()
    top = unsigned(hole), unsigned(np.iinfo(unsigned).max)  # WALL, if it is unsigned
    for black in range(2):
        _wrap(before, periodic)
        join_single_cells(before, after, black, *top)
        if periodic:  # both ends of a row may be of one colour: then the first has its turn before
            last = np.ascontiguousarray(before[:, -3:])
            last[:, 2] = after[:, 1]
            join_single_cells(last, end := last.copy(), black + codes.shape[1] - 3, *top)
            after[:, -2] = end[:, 1]
        before, after = after, before


def _wrap(codes: np.ndarray, periodic: bool) -> None:
    """Pad the rows of a round map with the cells across the seam."""
    if periodic:
        codes[:, 0], codes[:, -1] = codes[:, -2], codes[:, 1]


def _list_regions(regions: Regions, areas: np.ndarray | None, connect: _Connections) -> np.ndarray:
    """Return the rows of `join_small_regions`: regions and what each is connected with."""
    n = len(regions.labels)
    rows = np.empty((4, n), np.int64)
    rows[PARENT], rows[CELLS], rows[AREA] = np.arange(n), regions.cells, regions.cells
    if areas is not None:
        inner = regions.numbers[INNER]
        rows[AREA] = _add_up(areas[inner >= 0], inner[inner >= 0], n)
    if connect != (4, False):
        unpadded = regions._replace(numbers=np.ascontiguousarray(regions.numbers[INNER]))
        pairs = find_touching_pairs(unpadded, **connect._asdict())
        owners = merge_pairs(regions, pairs)
        first = np.unique(owners, return_index=True)[1]
        rows[PARENT] = first[owners]
        for sums in (rows[CELLS], rows[AREA]):
            total = _add_up(sums, owners, len(first))
            sums[:] = 0
            sums[first] = total
    return rows


def _add_up(numbers: np.ndarray, owners: np.ndarray, n: int) -> np.ndarray:
    """Add up whole numbers by owner, which float64 does without rounding below 2^53."""
    return np.bincount(owners, numbers, minlength=n).astype(np.int64)
