"""Corners of rings that are replaced by several points: see `fastkm.geometry.smoothing`.

A corner is free if of the four cells around it three are of one region and one is of another. Rings are
walked twice: `mark_free_corners` finds the free ones and counts them, `cut_free_corners` writes the
points. Both do some rings, one after another, so that threads can share them.

Arrays are C-contiguous. `points`, (m, 2) float64 IN, are (row, column), halves, of closed rings along the
edges of cells; `offsets`, (r + 1,) int64 IN, is where each ring starts in them.
"""

import numpy as np

from fastkm._kernels._jit import kernel


@kernel
def mark_free_corners(points, offsets, numbers, first, start, stop, free, counts):
    """Find the free corners of rings `start` to `stop`.

    numbers: (rows, columns) int32 IN, the region of each cell, equal and negative where missing; first:
    the column of the rings that the first one of numbers has; free: (m,) bool OUT, False at the last
    point of a ring, which repeats the first; counts: (r,) int64 OUT, free corners of each ring.
    """
    rows, columns = numbers.shape
    for ring in range(start, stop):
        last = offsets[ring + 1] - 1
        count = 0
        for i in range(offsets[ring], last):
            row, column = np.int64(points[i, 0] + 0.5), np.int64(points[i, 1] + 0.5) - first
            free[i] = False
            if row > 0 and row < rows and column > 0 and column < columns:
                nw, ne = numbers[row - 1, column - 1], numbers[row - 1, column]
                sw, se = numbers[row, column - 1], numbers[row, column]
                if nw == se:
                    free[i] = (ne == nw) != (sw == nw)
                elif ne == sw:
                    free[i] = (nw == ne) != (se == ne)
            count += free[i]
        free[last] = False
        counts[ring] = count


@kernel
def cut_free_corners(points, offsets, free, shape, start, stop, cut_offsets, cut):
    """Write the points of rings `start` to `stop`, with those of `shape` instead of each free corner.

    free: (m,) bool IN; shape: (s, 2) float64 IN, the points of a corner, by how far they are from it
    towards the point before and the point after; cut_offsets: (r + 1,) int64 IN, where each ring
    starts in what is written; cut: (m + (s - 1) free ones, 2) float64 OUT, closed rings.
    """
    for ring in range(start, stop):
        begin, last = offsets[ring], offsets[ring + 1] - 1
        at = cut_offsets[ring]
        for i in range(begin, last):
            row, column = points[i, 0], points[i, 1]
            if not free[i]:
                cut[at, 0], cut[at, 1] = row, column
                at += 1
                continue
            before = i - 1 if i > begin else last - 1
            row_before, column_before = points[before, 0] - row, points[before, 1] - column
            row_after, column_after = points[i + 1, 0] - row, points[i + 1, 1] - column
            for j in range(len(shape)):
                back, on = shape[j, 0], shape[j, 1]
                cut[at, 0] = row + back * np.sign(row_before) + on * np.sign(row_after)
                cut[at, 1] = column + back * np.sign(column_before) + on * np.sign(column_after)
                at += 1
        cut[at, 0], cut[at, 1] = cut[cut_offsets[ring], 0], cut[cut_offsets[ring], 1]
