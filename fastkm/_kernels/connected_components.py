"""The connected regions of a label map, by runs.

A run is a maximal stretch of a row whose cells have one label. Adjacent equal cells of a row are in
one run, so regions that are connected along edges are connected sets of runs. What is left is to
join overlapping runs of neighbouring rows that have the same label (He, Chao & Suzuki 2008). Rows
are merged like sorted lists, with two pointers that only move right:

    row r - 1    |--- i ---|---- i + 1 ----|-------           i ends before j: i moves on
    row r        |------ j ------|--- j + 1 ---|---           j ends before i: j moves on

Union-find (Tarjan 1975) records which runs are joined. Each run points to a run of the same region
that is no later, the first run of a region to itself. Paths are halved while they are followed, and
of two roots the earlier one stays. As a pointer never points forward, one pass in order turns
pointers into numbers, and the numbers follow the first cells of the regions in raster order.

Cost: a comparison for each cell (done by numpy, for any type, before the kernels start), then time
in proportion to the runs, then the painting of the numbers. So smooth maps cost little more than
their memory, and labels of any type use the same machine code: a run's label is an int64.

He, Chao & Suzuki (2008). A run-based two-scan labeling algorithm. IEEE Trans. Image Process. 17(5).
Tarjan (1975). Efficiency of a good but not linear set union algorithm. Journal of the ACM 22(2).

Arrays are C-contiguous, and int64 unless a type is given. The m runs of a map of (rows, columns)
are in raster order. `starts`, (m + 1,), holds the flat index of the first cell of each run and ends
with rows * columns. The runs of row r are ``offsets[r]`` to ``offsets[r + 1]`` of `offsets`, (rows
+ 1,), and no run goes on from one row to the next.
"""

import numpy as np

from fastkm._kernels._jit import kernel

BLOCK = 8
"""Cells that are painted at once: two vectors of 16 bytes, one of 32."""


@kernel
def join_rows(starts, labels, offsets, columns, first, last, parents):
    """Join the runs of rows with those of the rows above; return how many first runs got a parent.

    starts, offsets: IN; labels: (m,) IN, negative if missing: such runs stay alone; first, last:
    the rows first to last - 1, each joined with the row above, first >= 1; parents: (m,) INOUT: each
    run comes in as its own parent, and goes out with a run of the same region, no later than the
    run; the first run of a region keeps itself.
    """
    joins = 0
    for row in range(first, last):
        i = offsets[row - 1]
        for j in range(offsets[row], offsets[row + 1]):
            label = labels[j]
            root = np.int64(-1)
            stop = starts[j + 1] - columns
            while True:
                # runs that overlap and have one label: the earlier root becomes the parent
                if labels[i] == label and label >= 0:
                    other = find_root(parents, i)
                    if root < 0:
                        root = find_root(parents, j)
                    if other != root:
                        joins += 1
                        if other < root:
                            root, other = other, root
                        parents[other] = root
                # if the run above ends first, look at the next one above
                if starts[i + 1] >= stop:
                    break
                i += 1
            if starts[i + 1] == stop:
                i += 1
    return joins


@kernel
def find_root(parents, i):
    """Return the first run of run i's region, and halve the path to it; parents: (m,) INOUT."""
    while parents[i] != i:
        parents[i] = parents[parents[i]]
        i = parents[i]
    return i


@kernel
def number_runs(starts, run_labels, offsets, columns, runs, labels, cells, boxes):
    """Turn parents into numbers of regions, in the order of their first runs; measure the regions.

    starts, offsets: IN; run_labels: (m,) IN; runs: (m,) INOUT, parents in and numbers out, -1 if
    missing; labels, cells: (n,) OUT; boxes: (n, 4) int32 OUT, first row, column, last row, column.
    """
    regions = 0
    for row in range(len(offsets) - 1):
        for j in range(offsets[row], offsets[row + 1]):
            if run_labels[j] < 0:
                runs[j] = -1
                continue
            first = starts[j] - row * columns
            last = starts[j + 1] - row * columns - 1
            # a run that is its own parent starts a region
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
            # add the run to its region
            runs[j] = number
            cells[number] += last - first + 1
            boxes[number, 2] = row
            if first < boxes[number, 1]:
                boxes[number, 1] = first
            if last > boxes[number, 3]:
                boxes[number, 3] = last


@kernel
def paint_runs(starts, runs, first, last, numbers):
    """Write the numbers of the runs first to last - 1 into their cells.

    Most runs are short. They are written in blocks that may reach into the next run, which then
    writes its own number; so there are no branches to mispredict. starts: IN; runs: (m,) IN, their
    numbers; numbers: (rows * columns,) int32 OUT.
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


@kernel
def renumber_cells(numbers, table, first, last, renumbered):
    """Look up the numbers of the cells first to last - 1 in a table; negative ones become -1.

    A step of 720 x 1440 cells takes 0.6 ms; numpy takes 3, because it makes indices of 64 bits first.
    numbers: (n,) int32 IN; table: (m,) int32 IN; renumbered: (n,) int32 OUT.
    """
    for cell in range(first, last):
        number = numbers[cell]
        renumbered[cell] = table[number] if number >= 0 else np.int32(-1)
