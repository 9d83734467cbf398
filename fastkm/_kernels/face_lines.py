"""Lines of levels in one face of a lattice: vertices along an edge, and links between them.

The essay is in `fastkm._kernels.level_crossings`. A face has the labels of its four nodes in `corner`,
their values in `heights`, the first vertex on each of its sides in `edge`, and in `first` the label of
the node where the vertices of that side are counted from, all (4,) IN and in order round the face:
side k leads from node k to the next.
"""

from fastkm._kernels._jit import kernel

MARGIN = 2.0**-16
"""Share of an edge that crossings keep from each other and from nodes: for cells of 10 m it is
0.15 mm, 10^5 times the rounding of a coordinate of 5,000 km."""


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
def place_crossing(vertex, level, low, high, levels, row, column, rows, columns, points, marks):
    """Place the only crossing of a line, as `place_crossings` would; this is small enough to be inlined."""
    step = 0.5 * high - 0.5 * low
    share = (0.5 * levels[level] - 0.5 * low) / step if step != 0.0 else 0.5
    share = max(min(share, 1.0 - MARGIN), MARGIN)
    points[vertex, 0] = row + share * rows
    points[vertex, 1] = column + share * columns
    marks[vertex] = level


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
def find_on_side(corner, edge, first, k, level):
    """Return the crossing of a level on a side of a face."""
    other = corner[k] + corner[(k + 1) % 4] - first[k]
    return find_crossing(edge[k], first[k], other, level)


@kernel
def read_heights(values, i, j, heights):
    """Read the values round a face, in order; heights: (4,) OUT."""
    heights[0], heights[1] = values[i, j], values[i, j + 1]
    heights[2], heights[3] = values[i + 1, j + 1], values[i + 1, j]


@kernel
def find_middle(corner):
    """Return which of three nodes of a face is between the other two, -1 if there are fewer."""
    for k in range(4):
        if min(corner[k], corner[(k + 1) % 4], corner[(k + 3) % 4]) >= 0:
            return k
    return -1


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
def link_line(down, up, following):
    """Link a line between two crossings; going round the face values fall at the first of them."""
    following[2 * down + 1, 0] = 2 * up + 1
    following[2 * up, 0] = 2 * down


@kernel
def link_one(a, b, c, d, on_ab, on_bc, on_cd, on_da, following):
    """Link the line between four labels, in order round a face, which one level divides in two."""
    down = on_ab if a > b else on_bc if b > c else on_cd if c > d else on_da
    up = on_ab if a < b else on_bc if b < c else on_cd if c < d else on_da
    link_line(down, up, following)


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
