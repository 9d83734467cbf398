"""The plan of blocks: how a raster of a file is cut, so that each block is quick to read.

A block consists of whole tiles (chunks, strips) of the file, so that none is unpacked twice, and
of about `BLOCK_VALUES` values over all bands. It has all columns of the raster if one row of tiles
is small enough.
"""

from __future__ import annotations

import numpy as np

BLOCK_VALUES = 1 << 22
"""Values of a block over all bands, about."""

MOST_VALUES = 1 << 24
"""Values of a block that consists of one tile; larger tiles are cut, and unpacked several times."""

MOST_RUNS = 8
"""Runs of positions that are read one by one: a box across the seam has two."""

WHOLE = np.iinfo(np.int64).max
"""A length at which nothing is cut."""

Index = slice | np.ndarray
"""Positions along a dimension of a file: consecutive ones, or any."""

Lengths = tuple[int, ...]


def choose_block_shape(
    rows: int, columns: int, depth: int, tile: tuple[int, int]
) -> tuple[int, int]:
    """Return at which multiples of rows and columns to cut a file of these tiles into blocks.

    `rows` and `columns` are those of the raster, `depth` is its number of bands.

    Examples
    --------
    >>> choose_block_shape(10980, 10980, 4, (256, 256))
    (256, 4096)
    >>> choose_block_shape(10980, 10980, 1, (1, 10980)) == (381, WHOLE)
    True
    """
    rows, columns, depth = max(1, rows), max(1, columns), max(1, depth)
    tile = max(1, tile[0]), max(1, tile[1])
    height, width = min(tile[0], rows), min(tile[1], columns)
    cells = max(1, BLOCK_VALUES // depth)
    if height * columns <= cells:
        return tile[0] * max(1, cells // (height * columns)), WHOLE
    if height * width <= cells:
        return tile[0], tile[1] * (cells // (height * width))
    if height * width * depth <= MOST_VALUES:
        return tile
    return max(1, cells // width), min(width, cells)


def cut_positions(positions: np.ndarray, length: int) -> tuple[Lengths, list[Index]]:
    """Cut positions in a file into blocks: at multiples of a length, and where a run ends.

    Return how many positions each block has, and which they are.

    Examples
    --------
    >>> cut_positions(np.array([6, 7, 0, 1, 2, 3, 4]), 4)
    ((2, 4, 1), [slice(6, 8, None), slice(0, 4, None), slice(4, 5, None)])
    """
    is_new = np.diff(positions // length) != 0
    gaps = np.diff(positions) != 1
    if np.count_nonzero(gaps) < MOST_RUNS:
        is_new |= gaps
    else:  # rows or columns in some other order: as many at a time, from wherever they are
        is_new = np.arange(1, len(positions)) % length == 0
    parts = np.split(positions, np.flatnonzero(is_new) + 1)
    return tuple(len(part) for part in parts), [simplify_index(part) for part in parts]


def simplify_index(positions: np.ndarray) -> Index:
    """Return positions as a slice if they are consecutive."""
    if not len(positions):
        return slice(0, 0)
    is_run = bool((np.diff(positions) == 1).all())
    return slice(int(positions[0]), int(positions[-1]) + 1) if is_run else positions


def cover(index: Index) -> slice:
    """Return the least range that holds all positions."""
    return index if isinstance(index, slice) else slice(int(index.min()), int(index.max()) + 1)


def arrange(values: np.ndarray, rows: Index, columns: Index) -> np.ndarray:
    """Select rows and columns among those that `cover` them: the last two axes of values."""
    if not isinstance(rows, slice):
        values = values[..., rows - rows.min(), :]
    if not isinstance(columns, slice):
        values = values[..., columns - columns.min()]
    return values
