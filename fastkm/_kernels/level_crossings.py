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
other, and rings would touch themselves. So they keep `MARGIN` of an edge apart. The order of
crossings along the edges of a face is then strict, and lines in a convex face do not touch.

Lorensen & Cline (1987), Computer Graphics 21(4), in two dimensions.
"""

import numpy as np

from fastkm._kernels._jit import kernel

MARGIN = 2.0**-16
"""Share of an edge that crossings keep from each other and from nodes: for cells of 10 m it is
0.15 mm, 10^5 times the rounding of a coordinate of 5,000 km."""

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
def read_heights(values, i, j, heights):
    """Read the values round a face, in order; heights: (4,) OUT."""
    heights[0], heights[1] = values[i, j], values[i, j + 1]
    heights[2], heights[3] = values[i + 1, j + 1], values[i + 1, j]


@kernel
def label_corner(corner, heights, k, levels):
    """Label the corner of the frame opposite to node k: the mean of its neighbours, between theirs."""
    before, after = (k + 3) % 4, (k + 1) % 4
    height = 0.5 * heights[before] + 0.5 * heights[after]
    label = min(corner[before], corner[after])
    while label < max(corner[before], corner[after]) and levels[label] < height:
        label += 1
    return label


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
        above += count_on_edge(a, b)
        if min(d, c) >= 0:
            place_crossings(
                on_row, d, c, values[i + 1, j], values[i + 1, j + 1], levels,
                here + 1.0, columns[0, j], 0.0, columns[0, j + 1] - columns[0, j], points, marks,
            )  # fmt: skip
        elif d != c:
            place_end(on_row, max(d, c), here + 1.0, columns[1, j], points, marks)
        for _ in range(count_on_edge(d, c)):
            rightward[on_row] = c > d if min(d, c) >= 0 else d >= 0
            on_row += 1
        if min(a, d) >= 0:
            place_crossings(
                on_column, a, d, values[i, j], values[i + 1, j], levels,
                here, columns[0, j], 1.0, 0.0, points, marks,
            )  # fmt: skip
        elif a != d:
            place_end(on_column, max(a, d), here + 0.5, columns[0, j], points, marks)
        on_column += count_on_edge(a, d)


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
        corner[0], corner[1], corner[2], corner[3] = a, b, c, d
        edge[0], edge[1] = edges[UPPER, j], edges[ACROSS, j + 1]
        edge[2], edge[3] = edges[LOWER, j], edges[ACROSS, j]
        first[0], first[1], first[2], first[3] = a, b, d, a
        read_heights(values, i, j, heights)
        if min(a, b, c, d) >= 0:
            link_square(corner, edge, first, heights, levels, following)
            continue
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


@kernel
def find_middle(corner):
    """Return which of three nodes of a face is between the other two, -1 if there are fewer."""
    for k in range(4):
        if min(corner[k], corner[(k + 1) % 4], corner[(k + 3) % 4]) >= 0:
            return k
    return -1


@kernel
def place_crossings(start, a, b, low, high, levels, row, column, rows, columns, points, marks):
    """Place the crossings of a line from label a to label b, `rows` and `columns` long, in order."""
    n = abs(a - b)
    last = 0.0
    step = 0.5 * high - 0.5 * low
    for i in range(n):
        level = a + i if b > a else a - 1 - i
        share = (0.5 * levels[level] - 0.5 * low) / step if step != 0.0 else 0.5
        last = max(min(share, 1.0 - (n - i) * MARGIN), last + MARGIN)
        points[start + i, 0] = row + last * rows
        points[start + i, 1] = column + last * columns
        marks[start + i] = level


@kernel
def place_end(vertex, label, row, column, points, marks):
    """Place a vertex where a cell of a label ends."""
    points[vertex, 0] = row
    points[vertex, 1] = column
    marks[vertex] = ~label


@kernel
def find_crossing(start, a, b, level):
    """Return the crossing of a level on a line from label a to label b whose first is `start`."""
    return start + (level - a if b > a else a - 1 - level)


@kernel
def link_line(down, up, following):
    """Link a line between two crossings; going round the face values fall at the first of them."""
    following[2 * down + 1, 0] = 2 * up + 1
    following[2 * up, 0] = 2 * down


@kernel
def link_square(corner, edge, first, heights, levels, following):
    """Link the lines between four nodes; corner, edge, first, heights: (4,) IN, in order round it."""
    centre = 0.25 * heights[0] + 0.25 * heights[1] + (0.25 * heights[2] + 0.25 * heights[3])
    top = max(corner[0], corner[1], corner[2], corner[3])
    for level in range(min(corner[0], corner[1], corner[2], corner[3]), top):
        is_saddle = True
        up = 0
        for k in range(4):
            if corner[k] <= level < corner[(k + 1) % 4]:
                up = k
            is_saddle &= (corner[k] <= level) != (corner[(k + 1) % 4] <= level)
        for k in range(4):
            other = (k + 1) % 4
            if corner[other] <= level < corner[k]:
                if is_saddle:
                    up = other if centre > levels[level] else (k + 3) % 4
                link_line(
                    find_on_side(corner, edge, first, k, level),
                    find_on_side(corner, edge, first, up, level),
                    following,
                )


@kernel
def find_on_side(corner, edge, first, k, level):
    """Return the crossing of a level on a side of a face."""
    other = corner[k] + corner[(k + 1) % 4] - first[k]
    return find_crossing(edge[k], first[k], other, level)


@kernel
def link_frame(code, start, a, b, following):
    """Link a code along a line of the frame from label a to label b; return the last code."""
    for v in range(start, start + abs(a - b)):
        side = 0 if b > a else 1
        following[code, 0] = 2 * v + side
        code = 2 * v + 1 - side
    return code


@kernel
def link_few(corner, edge, first, row, column, between, points, marks, following):
    """Link two nodes beside each other, or single ones, to the frame."""
    for k in range(4):
        after, before = (k + 1) % 4, (k + 3) % 4
        if corner[k] < 0:
            continue
        a, b = corner[k], corner[after]
        if b >= 0:
            # lines go straight to the frame, which comes back from b
            start = between
            for level in range(min(a, b), max(a, b)):
                v = find_on_side(corner, edge, first, k, level)
                end = find_crossing(start, b, a, level)
                points[end, 0] = row if k % 2 == 0 else points[v, 0]
                points[end, 1] = points[v, 1] if k % 2 == 0 else column
                marks[end] = level
                if b > a:
                    link_line(end, v, following)
                else:
                    link_line(v, end, following)
                between += 1
            code = link_frame(2 * edge[after], start, b, a, following)
            following[code, 0] = 2 * edge[before]
        elif corner[before] < 0:
            place_end(between, a, row, column, points, marks)
            following[2 * edge[k], 0] = 2 * between
            following[2 * between, 0] = 2 * edge[before]
            between += 1


@kernel
def link_three(
    k, corner, edge, first, heights, levels, row, column, between, points, marks, following
):  # fmt: skip
    """Link three nodes to the frame at the fourth; k is the one between the other two.

    It lies at points[between].
    """
    before, after, missing = (k + 3) % 4, (k + 1) % 4, (k + 2) % 4
    a, b, c = corner[before], corner[k], corner[after]
    height = 0.5 * heights[before] + 0.5 * heights[after]
    m = label_corner(corner, heights, k, levels)
    at_row, at_column = points[between, 0], points[between, 1]
    centre, spoke = between, between + 1
    place_end(centre, m, row, column, points, marks)
    place_crossings(
        spoke, b, m, heights[k], height, levels,
        at_row, at_column, row - at_row, column - at_column, points, marks,
    )  # fmt: skip
    # the frame goes from c to the corner to a
    end_c, end_a = edge[after], edge[missing]
    to_corner = spoke + abs(b - m)
    place_crossings(
        to_corner, c, m, heights[after], height, levels,
        points[end_c, 0], points[end_c, 1], row - points[end_c, 0], column - points[end_c, 1],
        points, marks,
    )  # fmt: skip
    from_corner = to_corner + abs(c - m)
    place_crossings(
        from_corner, m, a, height, heights[before], levels,
        row, column, points[end_a, 0] - row, points[end_a, 1] - column, points, marks,
    )  # fmt: skip
    code = link_frame(2 * end_c, to_corner, c, m, following)
    following[code, 0] = 2 * centre
    code = link_frame(2 * centre, from_corner, m, a, following)
    following[code, 0] = 2 * end_a
    # lines in both quadrangles
    low, high = min(a, b, c, m), max(a, b, c, m)
    for level in range(low, high):
        on_spoke = find_crossing(spoke, b, m, level)
        link_triangle(
            level, b, c, m,
            find_on_side(corner, edge, first, k, level),
            find_crossing(to_corner, c, m, level), on_spoke, following,
        )  # fmt: skip
        link_triangle(
            level, a, b, m,
            find_on_side(corner, edge, first, before, level),
            on_spoke, find_crossing(from_corner, m, a, level), following,
        )  # fmt: skip


@kernel
def link_triangle(level, a, b, c, on_ab, on_bc, on_ca, following):
    """Link the line of a level, if it has one, between labels a, b and c, in order round a face."""
    down = up = -1
    if b <= level < a:
        down = on_ab
    elif a <= level < b:
        up = on_ab
    if c <= level < b:
        down = on_bc
    elif b <= level < c:
        up = on_bc
    if a <= level < c:
        down = on_ca
    elif c <= level < a:
        up = on_ca
    if down >= 0:
        link_line(down, up, following)
