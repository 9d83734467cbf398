"""Small regions of a label map join the label around them: no coordinates, no units.

Regions have their turns in rounds: those of fewer than 2 cells, then 8, 32 and so on up to the limit.
In each round one after another joins until it has that many cells, or nothing is around it. Those
whose first cell is white on a chessboard (row + column is even) come before the others; of these, those in
even stripes of 64 rows before those in odd ones; of these, in raster order.

Why rounds: large regions take part late, so each cell is looked at a few times only, and tiny regions
have joined others before larger ones choose a neighbour. Why a chessboard: in raster order noise would be smeared along the
rows. Why stripes: the regions of one have no cells in common, nor neighbours, with those of the next
but one, as long as they are small. So threads can share them, and the answer does not depend on who does
which. The kernels, and the essay on how they find regions, are in `fastkm._kernels.region_sieve`.
"""

from __future__ import annotations

import itertools
from functools import partial
from typing import Literal

import numpy as np

from fastkm._core.threads import map_chunks, rows_per_chunk
from fastkm._kernels.region_sieve import SEAM, WALL, join_regions, join_single_cells, list_starts

INNER = np.s_[1:-1, 1:-1]
"""The map without its wall."""

MOST_NAMED = int(np.iinfo(np.int16).max) - 1
"""Labels up to this are codes themselves; others are numbered, which takes a sort."""

FEWEST, GROWTH = 2, 4
"""Cells of regions after the first round, and how many times as many they have after each other one.

In noise of five labels, up to 16 cells, 40 % of the cells keep their labels with 2 and with 4, which takes
a seventh less time, and 37 % with 8, which takes a sixth less again."""

STRIPE = 64
"""Rows of a stripe. Threads share stripes while regions join that have at most half as many cells."""

SPARE = 9
"""Cells by which a region may get larger than it is asked for, those at eight edges and corners of one."""


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
    hole, turn = len(names) - 1, FEWEST
    periodic = periodic and values.shape[1] > 1  # one column is no neighbour of itself
    codes[1:-1, [0, -1]] = SEAM if periodic else WALL
    if holes is not None:
        _join_in_rounds(codes, hole, hole, turn, limit, areas, connectivity)
        codes[codes == hole] = WALL
    if connectivity == 4 and areas is None and limit >= turn:
        _join_single_cells(codes, hole, periodic)
        turn *= GROWTH
    _join_in_rounds(codes, hole, 0, turn, limit, areas, connectivity)
    found = codes[INNER]
    named = found.astype(values.dtype) if names[-2] == hole - 1 else names[found]
    return np.where(missing & (found < 0), values, named) if missing.any() else named


def _join_in_rounds(
    codes: np.ndarray,
    hole: int,
    lowest: int,
    turn: int,
    limit: int,
    areas: np.ndarray | None,
    connectivity: Literal[4, 8],
) -> None:
    """Let regions join, those of codes from `lowest` on; `codes` are padded and changed in place.

    In the first round they join until they have as many cells as `turn` says.
    """
    rows, width = codes.shape
    offsets = np.array([-width, -1, 1, width, -width - 1, 1 - width, width - 1, width + 1])
    offsets = offsets[:connectivity]
    weights = np.empty(0, np.int64) if areas is None else np.pad(areas, 1).reshape(-1)
    starts: dict[tuple[int, int], np.ndarray] = {}

    def join(turn: int, black: int, stripes: range, begin: int, end: int) -> None:
        most = min(turn, codes.size) + SPARE
        cells = np.empty(min((connectivity + 1) * most, codes.size + SPARE), np.int64)
        border, counts = np.empty(connectivity * most, np.int64), np.zeros(hole + 1, np.int64)
        tools = weights, offsets, counts, cells, border
        for first in stripes[begin:end]:
            mine = starts.get((black, first))
            if mine is None:
                mine = _list_starts(codes, lowest, black, first)
            kept = join_regions(codes.reshape(-1), mine, lowest, turn, limit, *tools)
            starts[black, first] = mine[:kept]

    last = limit if areas is None else codes.size
    while turn < GROWTH * last:
        turn = min(turn, last)
        for black, odd in itertools.product((0, 1), (0, 1)):
            stripes = range(1 + odd * STRIPE, rows - 1, 2 * STRIPE)
            run = partial(join, turn, black, stripes)
            map_chunks(run, len(stripes), 1, threads=None if 2 * turn <= STRIPE else 1)
        turn *= GROWTH


def _list_starts(codes: np.ndarray, lowest: int, black: int, first: int) -> np.ndarray:
    """List the cells of one colour in the stripe from a row on at which regions may begin."""
    stop = min(first + STRIPE, len(codes) - 1)
    starts = np.empty((stop - first) * codes.shape[1], np.int64)
    return starts[: list_starts(codes, lowest, first, stop, black, starts)].copy()


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
    # even, so that each chunk begins with the same colour
    step = 2 * rows_per_chunk(2 * codes.strides[0])
    for black in range(2):
        if periodic:
            before[:, 0], before[:, -1] = before[:, -2], before[:, 1]
        map_chunks(partial(_join_some, before, after, black, top), len(codes) - 2, step)
        if periodic:  # both ends of a row may be of one colour: then the first has its turn before
            last = np.ascontiguousarray(before[:, -3:])
            last[:, 2] = after[:, 1]
            join_single_cells(last, end := last.copy(), black + codes.shape[1] - 3, *top)
            after[:, -2] = end[:, 1]
        before, after = after, before
    if periodic:
        codes[1:-1, [0, -1]] = SEAM


def _join_some(
    before: np.ndarray, after: np.ndarray, black: int, top: tuple[int, int], start: int, stop: int
) -> None:
    """Let regions of one cell join in some rows; see `_join_single_cells`."""
    part = np.s_[start : stop + 2]
    join_single_cells(before[part], after[part], black, *top)
