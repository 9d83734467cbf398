"""The connected regions of a label map, by runs.

A run is a longest piece of a row whose cells have one label. Two cells of a row that are equal and
adjacent are in one run, so regions that are connected along edges are connected sets of runs:
what is left is to join runs of neighbouring rows that overlap and have the same label (He, Chao &
Suzuki 2008). Rows are merged like sorted lists, two pointers that move right only:

    row r - 1    |--- i ---|---- i + 1 ----|-------           i reaches less far: i moves on
    row r        |------ j ------|--- j + 1 ---|---           j reaches less far: j moves on

Which runs are joined is kept by union-find (Tarjan 1975): each run points to one of the same
region that is no later, the first one to itself, paths are halved while they are walked, and of
two roots the earlier one stays. As a pointer never points forward, one pass in order turns
pointers into numbers, and the numbers follow the first cells of the regions in raster order.

Cost: a comparison for each cell (done by numpy, for any type, before the kernels start), then
time in proportion to the runs, then the painting of the numbers. So smooth maps cost little more
than their memory, and labels of any type use the same machine code: a run's label is an int64.

He, L., Chao, Y. & Suzuki, K. (2008). A run-based two-scan labeling algorithm. IEEE Transactions on
Image Processing 17(5), 749-756.
Tarjan, R. E. (1975). Efficiency of a good but not linear set union algorithm. Journal of the ACM
22(2), 215-225.

Arrays are C-contiguous. The m runs of a map of (rows, columns) are in raster order, `starts` holds
the flat index of the first cell of each and ends with rows * columns, the run in row r are
``offsets[r]`` to ``offsets[r + 1]``, and no run goes on from one row to the next.
"""

import numpy as np

from fastkm._kernels._jit import kernel

BLOCK = 8
"""Cells that are painted at once: two vectors of 16 bytes, one of 32."""


@kernel
def join_rows(starts, labels, offsets, columns, first, last, parents):
    """Join the runs of some rows with each other; return how many first runs got a parent.

    starts: (m + 1,) int64 IN; labels: (m,) int64 IN, negative where missing: such runs stay alone;
    offsets: (rows + 1,) int64 IN; first, last: rows; parents: (m,) int64 OUT, these rows only: a
    run of the same region, no later than the run; the first run of a region has itself.
    """
    joins = 0
    for row in range(first, last):
        for j in range(offsets[row], offsets[row + 1]):
            parents[j] = j
        if row > first:
            joins += join_row(starts, labels, offsets, columns, row, parents)
    return joins


@kernel
def join_row(starts, labels, offsets, columns, row, parents):
    """Join the runs of a row with those of the row above; return how many first runs got a parent.

    parents: (m,) int64 INOUT; all else as in `join_rows`.
    """
    joins = 0
    i = offsets[row - 1]
    for j in range(offsets[row], offsets[row + 1]):
        label = labels[j]
        root = np.int64(-1)
        stop = starts[j + 1] - columns
        while True:
            if labels[i] == label and label >= 0:
                other = root_of(parents, i)
                if root < 0:
                    root = root_of(parents, j)
                if other != root:
                    joins += 1
                    low = min(root, other)
                    parents[max(root, other)] = low
                    root = low
            if starts[i + 1] >= stop:
                break
            i += 1
        if starts[i + 1] == stop:
            i += 1
    return joins


@kernel
def root_of(parents, i):
    """Follow the pointers from run i to the first run of its region; halve the path.

    parents: (m,) int64 INOUT.
    """
    while parents[i] != i:
        parents[i] = parents[parents[i]]
        i = parents[i]
    return i


@kernel
def number_runs(starts, run_labels, offsets, columns, runs, labels, cells, boxes):
    """Turn parents into numbers of regions, in the order of their first runs; measure regions.

    starts: (m + 1,) int64 IN; run_labels: (m,) int64 IN; offsets: (rows + 1,) int64 IN; runs: (m,)
    int64 INOUT: the parents come in, the numbers go out, -1 where missing; labels: (n,) int64 OUT;
    cells: (n,) int64 OUT; boxes: (n, 4) int32 OUT: first row and column, last row and column.
    """
    regions = 0
    for row in range(len(offsets) - 1):
        for j in range(offsets[row], offsets[row + 1]):
            if run_labels[j] < 0:
                runs[j] = -1
                continue
            first = starts[j] - row * columns
            last = starts[j + 1] - row * columns - 1
            if runs[j] == j:
                number = regions
                regions += 1
                labels[number] = run_labels[j]
                cells[number] = 0
                boxes[number, 0] = row
                boxes[number, 1] = first
                boxes[number, 3] = last
            else:
                number = runs[runs[j]]
            runs[j] = number
            cells[number] += last - first + 1
            boxes[number, 1] = min(boxes[number, 1], first)
            boxes[number, 2] = row
            boxes[number, 3] = max(boxes[number, 3], last)


@kernel
def paint_runs(starts, runs, first, last, numbers):
    """Write the numbers of the runs `first` to `last` into their cells.

    Most runs are short. They are written in blocks that may reach into the next run, which then
    writes its own number; so there is nothing to guess for the branch predictor.

    starts: (m + 1,) int64 IN; runs: (m,) int64 IN; numbers: (rows * columns,) int32 OUT.
    """
    end = starts[last]
    for j in range(first, last):
        number = np.int32(runs[j])
        cell, stop = np.uint64(starts[j]), np.uint64(starts[j + 1])
        while cell < stop and cell + np.uint64(BLOCK) <= np.uint64(end):
            for k in range(BLOCK):
                numbers[cell + np.uint64(k)] = number
            cell += np.uint64(BLOCK)
        while cell < stop:
            numbers[cell] = number
            cell += np.uint64(1)
