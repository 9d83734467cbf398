r"""Where the lines of all levels cross a lattice, and how bands of values run along them.

The nodes of the lattice are the centres of cells. A node has the number of levels below its value
as its *label*, -1 if it is missing. Along an edge between two nodes values are linear, so an edge
between labels 2 and 5 is crossed by levels 2, 3 and 4. Between four nodes the line of a level runs
straight from crossing to crossing (marching squares). In a saddle, the mean of the four values says
which corners it joins.

A band is what lies between two levels that follow each other. All bands are traced at once: each
crossing is one vertex with two sides, a low one (the band below its level) and a high one. A *code*
is 2 vertex + side, and ``following[code]`` is the code that comes next on the ring of the same band,
which has the band on its left, with columns to the right and rows upwards. The bands on both sides
of a line have the same vertices, therefore, and nothing has to be matched.

What is covered are the cells that are not missing: a cell is the square of half a step round its
node. Between nodes of which some are missing, lines go on to the edges of the cells, the *frame*:

    two are there         three are there: the centre C        one is there, or two opposite ones:
                          has the mean of a and c              a cell has one value in its quarter

    p--x--q               b------a        two quadrangles      p---p'.
    |  |  |               | \\    |        b a a' C and         |    |
    p'-x'-q'              |   C---a'      b C c' c, whose      p''--C
                          c---c'          lines go straight

An edge to a missing node has a vertex where the cell ends, and so has each corner C. These are no
crossings: they have one side only, and belong to one band. Lattices have a margin of missing nodes,
so the array's end is a frame like any other.

If a value is equal to a level or levels are close together, crossings would fall on a node or on each
other, and rings would touch themselves. So they keep `MARGIN` of an edge apart (`face_lines`). The order of
crossings along the edges of a face is then strict, and lines in a convex face do not touch.

Lorensen & Cline (1987), Computer Graphics 21(4), in two dimensions.
"""

import numpy as np

from fastkm._kernels._jit import kernel
from fastkm._kernels.face_lines import (
    find_middle,
    label_corner,
    link_few,
    link_one,
    link_square,
    link_three,
    place_crossing,
    place_crossings,
    place_end,
    read_heights,
)

MOST_LEVELS = 1 << 15
"""As many levels find room on an edge with their margins."""


@kernel
def count_vertices(labels, values, levels, counts):
    """Count the vertices of each row of faces: on the edges of the row below, along columns, between.

    labels, values, levels: as in `cross_levels`; counts: (rows - 1, 3) int64 OUT.
    """
    rows, columns = labels.shape
    corner, heights = np.zeros(4, np.int64), np.zeros(4)
    for i in range(rows - 1):
        along_row = along_column = between = 0
        for j in range(columns - 1):
            a, b = int(labels[i, j]), int(labels[i, j + 1])
            d, c = int(labels[i + 1, j]), int(labels[i + 1, j + 1])
            if a == b and a == c and a == d:
                continue
            along_row += count_on_edge(d, c)
            along_column += count_on_edge(a, d)
            if min(a, b, c, d) < 0:
                corner[0], corner[1], corner[2], corner[3] = a, b, c, d
                read_heights(values, i, j, heights)
                between += count_between(corner, heights, levels)
        counts[i, 0], counts[i, 1], counts[i, 2] = along_row, along_column, between


@kernel
def count_on_edge(a, b):
    """Count the vertices between two labels: crossings, or where a cell ends."""
    if a == b:
        return 0
    return abs(a - b) if a >= 0 and b >= 0 else 1


@kernel
def count_between(corner, heights, levels):
    """Count the vertices between four nodes of which some are missing; corner, heights: (4,) IN."""
    k = find_middle(corner)
    if k >= 0:
        m = label_corner(corner, heights, k, levels)
        return 1 + abs(corner[k] - m) + abs(corner[(k + 1) % 4] - corner[(k + 3) % 4])
    count = 0
    for k in range(4):
        after, before = corner[(k + 1) % 4], corner[(k + 3) % 4]
        if corner[k] >= 0 and after >= 0:
            count += abs(corner[k] - after)
        elif corner[k] >= 0 and before < 0:
            count += 1
    return count


@kernel
def cross_levels(labels, values, levels, columns, row, starts, points, marks, rightward, following):
    """Place the vertices of some rows of faces, and link them to rings.

    labels: (rows, columns) int32 IN, with a margin of -1 round the raster; values: (rows, columns)
    float64 IN, any number where missing; levels: (k,) float64 IN, ascending; columns: (2, columns)
    float64 IN, where nodes lie, and where the cell of each ends towards the next; row: float IN, where
    the first row of nodes lies; starts: (rows - 1, 4) int64 IN, for each row of faces the first vertex on
    the edges of the row above, of the row below, along columns, and between nodes; points: (n, 2)
    float64 OUT, (row, column); marks: (n,) int32 OUT, the level of a crossing, or the complement of
    the label of a vertex of the frame; rightward: (vertices on rows,) int8 OUT, the side that lies to
    the right; following: (2 n, 2) int32 OUT, the next code in the first column.
    """
    edges = np.zeros((3, labels.shape[1]), np.int64)
    for i in range(len(labels) - 1):
        place_on_edges(
            labels, values, levels, columns, i, row + i, starts, edges, points, marks, rightward
        )
        link_faces(
            labels,
            values,
            levels,
            columns,
            i,
            row + i,
            starts[i, 3],
            edges,
            points,
            marks,
            following,
        )


UPPER, LOWER, ACROSS = range(3)
"""Rows of the first vertices on the edges of a row of faces: above, below, and along columns."""


@kernel
def place_on_edges(
    labels, values, levels, columns, i, here, starts, edges, points, marks, rightward
):  # fmt: skip
    """Place the vertices on the edges below row i of faces, and along columns.

    here: float IN, where the nodes above lie; edges: (3, columns) int64 OUT, the first vertex on each
    edge; all else as in `cross_levels`.
    """
    above, on_row, on_column = starts[i, 0], starts[i, 1], starts[i, 2]
    for j in range(labels.shape[1] - 1):
        a, b = int(labels[i, j]), int(labels[i, j + 1])
        d, c = int(labels[i + 1, j]), int(labels[i + 1, j + 1])
        edges[UPPER, j], edges[LOWER, j], edges[ACROSS, j] = above, on_row, on_column
        if a == b and a == c and a == d:
            continue
        above += count_on_edge(a, b)
        # mostly one level: 2.3 million take 98 ms, and 180 with a call of `place_crossings` for each
        if min(c, d) >= 0 and abs(c - d) == 1:
            place_crossing(
                on_row, min(c, d), values[i + 1, j], values[i + 1, j + 1], levels,
                here + 1.0, columns[0, j], 0.0, columns[0, j + 1] - columns[0, j], points, marks,
            )  # fmt: skip
        elif c != d:
            place_on_row(
                on_row, labels, values, levels, columns, i + 1, j, here + 1.0, points, marks
            )
        for _ in range(count_on_edge(d, c)):
            rightward[on_row] = c > d if min(d, c) >= 0 else d >= 0
            on_row += 1
        if min(a, d) >= 0 and abs(a - d) == 1:
            place_crossing(
                on_column, min(a, d), values[i, j], values[i + 1, j], levels,
                here, columns[0, j], 1.0, 0.0, points, marks,
            )  # fmt: skip
        elif a != d and min(a, d) >= 0:
            place_crossings(
                on_column, a, d, values[i, j], values[i + 1, j], levels,
                here, columns[0, j], 1.0, 0.0, points, marks,
            )  # fmt: skip
        elif a != d:
            place_end(on_column, max(a, d), here + 0.5, columns[0, j], points, marks)
        on_column += count_on_edge(a, d)


@kernel
def place_on_row(start, labels, values, levels, columns, i, j, row, points, marks):
    """Place the vertices to the right of node j on row i of nodes, which lies at `row`."""
    a, b = int(labels[i, j]), int(labels[i, j + 1])
    if min(a, b) >= 0:
        place_crossings(
            start, a, b, values[i, j], values[i, j + 1], levels,
            row, columns[0, j], 0.0, columns[0, j + 1] - columns[0, j], points, marks,
        )  # fmt: skip
    elif a != b:
        place_end(start, max(a, b), row, columns[1, j], points, marks)


@kernel
def link_faces(
    labels, values, levels, columns, i, here, between, edges, points, marks, following
):  # fmt: skip
    """Link the lines in row i of faces; between: int IN, the first vertex between its nodes."""
    corner, edge, first = np.zeros(4, np.int64), np.zeros(4, np.int64), np.zeros(4, np.int64)
    heights = np.zeros(4)
    for j in range(labels.shape[1] - 1):
        a, b = int(labels[i, j]), int(labels[i, j + 1])
        d, c = int(labels[i + 1, j]), int(labels[i + 1, j + 1])
        if a == b and a == c and a == d:
            continue
        low, high = min(a, b, c, d), max(a, b, c, d)
        if low >= 0 and high == low + 1 and (a != c or b != d):
            link_one(
                a, b, c, d, edges[UPPER, j], edges[ACROSS, j + 1], edges[LOWER, j],
                edges[ACROSS, j], following,
            )  # fmt: skip
            continue
        corner[0], corner[1], corner[2], corner[3] = a, b, c, d
        edge[0], edge[1] = edges[UPPER, j], edges[ACROSS, j + 1]
        edge[2], edge[3] = edges[LOWER, j], edges[ACROSS, j]
        first[0], first[1], first[2], first[3] = a, b, d, a
        read_heights(values, i, j, heights)
        if low >= 0:
            link_square(corner, edge, first, heights, levels, following)
            continue
        # the row above may belong to another thread, which writes the same
        place_on_row(edges[UPPER, j], labels, values, levels, columns, i, j, here, points, marks)
        k = find_middle(corner)
        if k >= 0:
            points[between, 0] = here + (k > 1)
            points[between, 1] = columns[0, j + 1] if k in (1, 2) else columns[0, j]
            link_three(
                k, corner, edge, first, heights, levels, here + 0.5, columns[1, j], between,
                points, marks, following,
            )  # fmt: skip
        else:
            link_few(
                corner, edge, first, here + 0.5, columns[1, j], between, points, marks, following
            )
        between += count_between(corner, heights, levels)
