"""Regions that are too small join the label around them, on a padded map.

The codes of a map are labels, 0 or more, and `WALL` where no region is; a wall of one cell surrounds the
map. The highest code is that of a hole, a missing cell that may be filled; no region joins holes. If the
map goes round the globe, the columns of the wall are `SEAM` instead, and stand for those across.

A region joins the label of which most edges of cells are around it (ties: the lower label). All
regions of this label that touch it are one with it from then on.

`fastkm.geometry.sieve` says whose turn it is. A region has its turn at its first cell, from which it is
flooded until it is as large as regions of that round need not be, or an earlier cell shows up. So no
region needs a number, a list of its cells or one of its neighbours, and what is large is not looked
at. Regions only grow, so a cell that is not the first of its region will never be. Each round passes
on the cells that may still be first ones, fewer each time.

Most regions of noise are single cells. White ones on a chessboard (row + column is even) share no
edges, so what they join does not depend on their order, and `join_single_cells` does all at once,
with 32 cells in a vector: 2 ms for 1800 x 3600 cells, where one after another takes a hundred.
"""

import numpy as np

from fastkm._kernels._jit import kernel

WALL = -1
"""Code of cells outside the map, and of cells that never change."""

SEAM = -2
"""Code of cells that stand for those across the seam."""

TAKEN = -3
"""Code of the cells of the region that has its turn."""

EDGE = 1 << 32
"""An edge in the keys of labels. A key is the edges times this, less the label: the highest one has
most edges and, if several have as many, the lowest label."""


@kernel
def join_single_cells(before, after, black, hole, wall):
    """Let regions of one white cell, or of one black cell, join; labels are unsigned here.

    before: (rows, columns) unsigned IN, padded, with the cells across the seam if there is one;
    after: the same shape and type OUT, the pad as it is; black: whether black cells join instead of
    white ones; hole, wall: the highest label but one, and the highest, of the same type.
    """
    width = before.shape[1] - 2
    turns = np.zeros(width + 1, before.dtype)
    turns[::2] = 1
    for row in range(1, len(before) - 1):
        above, own, below, out = before[row - 1], before[row], before[row + 1], after[row]
        # row and column count from 1 here, which does not change what is white
        turn = turns[(row + 1 + black) % 2 :]
        for j in range(width):
            label = own[j + 1]
            n, s, w, e = above[j + 1], below[j + 1], own[j], own[j + 2]
            single = (n != label) & (s != label) & (w != label) & (e != label) & (turn[j] != 0)
            # labels to join, the lowest of those that come twice, and the lowest of all
            n = n if n < hole else wall
            s = s if s < hole else wall
            w = w if w < hole else wall
            e = e if e < hole else wall
            twice = n if (n == s) | (n == w) | (n == e) else wall
            twice = min(twice, s if (s == w) | (s == e) else wall)
            twice = min(twice, w if w == e else wall)
            once = min(n, s, w, e)
            best = twice if twice < wall else once
            out[j + 1] = best if single & (label != wall) & (best != wall) else label


@kernel
def list_starts(codes, lowest, first, stop, black, starts):
    """List the white or the black cells at which regions may begin, in raster order; return how many.

    codes: (rows, columns) IN, padded; lowest: the lowest code of regions; first, stop: rows; black:
    whether black cells are listed instead of white ones; starts: int64 OUT, of their flat indices,
    one more than there may be.
    """
    width = codes.shape[1]
    begins, count = np.empty(width, np.bool_), 0
    for row in range(first, stop):
        above, own = codes[row - 1], codes[row]
        for j in range(1, width - 1):
            code = own[j]
            known = (code == own[j + 1]) & (code == above[j + 1])
            begins[j] = (code >= lowest) & (code != above[j]) & (code != own[j - 1]) & (not known)
        for j in range(1 + (row + 1 + black) % 2, width - 1, 2):
            starts[count] = row * width + j
            count += begins[j]
    return count


@kernel
def join_regions(codes, starts, lowest, turn, limit, areas, offsets, counts, cells, border):
    """Let the regions of a list that are small join; return how many cells of the list may be first.

    codes: (rows * columns,) INOUT, padded; starts: (n,) int64 INOUT, from `list_starts`, then those
    that may still be first cells of regions below the limit; lowest: the lowest code of regions, that
    of a hole if these join, which then join once; turn: a region of fewer cells joins until it has
    as many; limit: of its area; areas: (rows * columns,) int64 IN, (0,) for 1 each; offsets: (4,) or
    (8,) int64 IN, from a cell to those at its edges, then to those at its corners if they are
    connected; counts: (labels + 1,) int64 SCRATCH, comes and goes as 0; cells: int64 SCRATCH, for 5
    times the turn and 8 more, or for all cells; border: int64 SCRATCH, `offsets` times as many.
    """
    width, kept = offsets[3], 0
    for start in starts:
        # unsigned indices: Numba then does not ask whether they count from the end
        label = codes[np.uint64(start)]
        if label < lowest:
            continue
        codes[np.uint64(start)], cells[0] = TAKEN, start
        size, seen, around, area = 1, 0, 0, 0
        first, least = start, start
        while True:
            # its cells, and those around it, without branches that nobody can predict
            while seen < size < turn and area < limit and least >= first:
                cell = cells[np.uint64(seen)]
                seen += 1
                area += areas[np.uint64(cell)] if len(areas) else 1
                for d in range(len(offsets)):
                    other = cell + offsets[d]
                    code = codes[np.uint64(other)]
                    if code == SEAM:
                        other += width - 2 if other % width == 0 else 2 - width
                        code = codes[np.uint64(other)]
                    same = code == label
                    codes[np.uint64(other)] = TAKEN if same else code
                    cells[np.uint64(size)] = other
                    size += same
                    least = min(least, other if same else least)
                    border[np.uint64(around)] = other if d < 4 else -other
                    around += (code >= 0) & (not same)
            if seen < size or area >= limit or least < first:
                break
            chosen = _choose_label(codes, border, around, counts)
            if chosen < 0:
                break
            label, first = codes.dtype.type(chosen), -1
            if lowest > 0:
                break
            size, around = _take_label(codes, label, cells, size, border, around)
        for j in range(size):
            codes[np.uint64(cells[np.uint64(j)])] = label
        starts[kept] = start
        kept += (least >= start) & (area < limit)
    return kept


@kernel
def _choose_label(codes, border, around, counts):
    """Return the label that a region joins: see `join_regions`; -1 if there is none at its edges."""
    best = np.int64(0)
    for j in range(around):
        other = border[np.uint64(j)]
        code = np.uint64(codes[np.uint64(abs(other))])
        counts[code] += other > 0
        best = max(best, counts[code] * EDGE - np.int64(code))
    for j in range(around):
        counts[np.uint64(codes[np.uint64(abs(border[np.uint64(j)]))])] = 0
    return -best % EDGE if best > 0 else np.int64(-1)


@kernel
def _take_label(codes, label, cells, size, border, around):
    """Add the cells of a label that are around a region; return how many it has, and are around it."""
    left = 0
    for j in range(around):
        other = abs(border[np.uint64(j)])
        code = codes[np.uint64(other)]
        same = code == label
        codes[np.uint64(other)] = TAKEN if same else code
        cells[np.uint64(size)] = other
        size += same
        border[np.uint64(left)] = border[np.uint64(j)]
        left += (code >= 0) & (not same)
    return size, left
