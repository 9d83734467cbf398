"""Rings of bands and lines of levels, from vertices that are linked.

The rings are the circles of ``following``, see `fastkm._kernels.level_crossings`. They are walked in
the order of their lowest code. Vertices on rows come first and in raster order, so a ring that meets
a row begins where it does so first, farthest to the left. If the band is to the right there, the ring
is an exterior. If it is to the left, the ring is a hole, and the vertex before that one on the row
bounds the same piece of the band: its ring, which was walked earlier, belongs to the same polygon.
A ring that meets no row is an exterior, because what a hole leaves out holds a node.

Where two cells of a band touch at a corner, and the other two cells there are missing, two vertices of
the frame lie in one place. If they are of one ring, it goes on crosswise and becomes two rings, which
touch. The parts of a ring between such pairs are nested, because they all touch on its right side, so
one walk round the ring finds all of them.

Vertices at which the ring stands still are left out, which is so where cells end at the pole, and
those of the frame that lie on a straight line along a row or a column. So each ring has as few
points as its cells need, and neighbours keep the vertices that they share.
"""

from fastkm._kernels._jit import kernel

FIRST, BAND, POLYGON, SIZE = range(4)
"""Columns of what is known of a ring: where its points begin, its band, the ring that is the exterior of
its polygon, and the number of its points, the first of them twice; 0 if it encloses nothing."""

NONE = -(2**31)
"""No code, and no ring."""


@kernel
def split_rings(following, marks, pixels, first, walks):
    """Split the rings that touch themselves at corners of cells, then mark the frame.

    following: (2 n, 2) int32 INOUT, next codes in the first column, where those of the frame's
    vertices become their complements; marks: (n,) int32 IN; pixels: (n, 2) float64 IN; first: int IN,
    the first vertex between nodes; walks: (n,) int32 OUT, filled with 0 before.
    """
    for pair in range(first, len(marks) - 1):
        if walks[pair] > 0 or not is_pair(pair, first, marks, pixels):
            continue
        code = 2 * pair
        while True:
            vertex = code >> 1
            walks[vertex] = pair
            after = following[code, 0]
            other = -1
            if is_pair(vertex, first, marks, pixels):
                other = vertex + 1
            elif is_pair(vertex - 1, first, marks, pixels):
                other = vertex - 1
            if other >= 0 and walks[other] == pair:
                following[code, 0], following[2 * other, 0] = following[2 * other, 0], after
            code = after
            if code == 2 * pair:
                break
    for vertex in range(len(marks)):
        if marks[vertex] < 0:
            following[2 * vertex, 0] = ~following[2 * vertex, 0]


@kernel
def is_pair(vertex, first, marks, pixels):
    """Return True if a vertex of the frame and the next one are of one band, in one place."""
    if vertex < first or vertex + 1 >= len(marks) or marks[vertex] >= 0:
        return False
    same = marks[vertex] == marks[vertex + 1]
    same &= pixels[vertex, 0] == pixels[vertex + 1, 0]
    return same and pixels[vertex, 1] == pixels[vertex + 1, 1]


@kernel
def find_rings(following, marks, rightward, pixels, places, first, curved, path, rings):
    """Walk all rings and return how many there are.

    following: (2 n, 2) int32 INOUT, the next codes, and the ring of each code, `NONE` before; marks:
    (n,) int32 IN; rightward: (r,) int8 IN; pixels: (n, 2) float64 IN, (row, column); places: (n, 2)
    float64 IN, coordinates; first: int IN, the first vertex between nodes; curved: bool IN, if vertices
    on straight lines are kept; path: (2 n,) int32 OUT, the points of all rings; rings: (m, 4) int32
    OUT.
    """
    count = at = 0
    for start in range(len(following)):
        if following[start, 1] != NONE or following[start, 0] == NONE:
            continue
        # round the ring: each code between the one before and the one after
        begin = at
        before, code = start, following[start, 0]
        if code < 0:
            code = ~code
        while True:
            after = following[code, 0]
            following[code, 1] = count
            is_frame = after < 0
            if is_frame:
                after = ~after
            path[at] = code >> 1
            at += 1
            if (is_frame or before >= 2 * first or code >= 2 * first) and not is_point(
                before >> 1, code >> 1, after >> 1, is_frame and not curved, pixels, places
            ):
                at -= 1
            if code == start:
                break
            before, code = code, after
        # the band, and the exterior
        vertex, side = start >> 1, start & 1
        mark = marks[vertex]
        polygon = count
        if vertex < len(rightward) and rightward[vertex] != side:
            right = 2 * (vertex - 1) + int(rightward[vertex - 1])
            polygon = rings[following[right, 1], POLYGON]
        rings[count, FIRST] = begin
        rings[count, BAND] = mark + side if mark >= 0 else ~mark
        rings[count, POLYGON] = polygon
        rings[count, SIZE] = at - begin + 1 if at - begin >= 3 else 0
        count += 1
    return count


@kernel
def is_point(a, b, c, may_go, pixels, places):
    """Return True if a ring does not stand still at b, and turns there or must keep it."""
    if places[a, 0] == places[b, 0] and places[a, 1] == places[b, 1]:
        return False
    if not may_go or (places[b, 0] == places[c, 0] and places[b, 1] == places[c, 1]):
        return True
    along_row = pixels[a, 0] == pixels[b, 0] == pixels[c, 0]
    return not (along_row or pixels[a, 1] == pixels[b, 1] == pixels[c, 1])


@kernel
def write_rings(path, starts, offsets, backwards, places, points):
    """Write the points of some rings, the first of each twice.

    path, places: as in `find_rings`, IN; starts: (r,) int64 IN, where each begins in `path`; offsets:
    (r + 1,) int64 IN, where it begins in `points`; backwards: bool IN, if rings run the other way;
    points: (m, 2) float64 OUT.
    """
    for ring in range(len(starts)):
        start, stop = offsets[ring], offsets[ring + 1] - 1
        for k in range(stop - start):
            vertex = path[starts[ring] + k]
            at = stop - k if backwards else start + k
            points[at, 0] = places[vertex, 0]
            points[at, 1] = places[vertex, 1]
        last, again = (start, stop) if not backwards else (stop, start)
        points[again, 0] = points[last, 0]
        points[again, 1] = points[last, 1]


@kernel
def find_lines(following, marks, first, path, lines):
    """Walk the lines of all levels; return how many there are.

    following: as `find_rings` takes it, INOUT; marks, first: as there, IN; path: (2 n,) int32 OUT, the
    points of all lines; lines: (m, 2) int64 OUT, where each begins in `path`, and its number of points.
    """
    count = at = 0
    # open lines begin between nodes; the rest is closed
    for closed in range(2):
        for start in range(0 if closed else first, len(marks)):
            if marks[start] < 0 or following[2 * start, 1] != NONE:
                continue
            if not closed and find_on_line(start, 0, following, marks) >= 0:
                continue
            lines[count, 0] = at
            vertex = start
            while vertex >= 0 and following[2 * vertex, 1] == NONE:
                following[2 * vertex, 1] = count
                path[at] = vertex
                at += 1
                vertex = find_on_line(vertex, 1, following, marks)
            if closed:
                path[at] = start
                at += 1
            lines[count, 1] = at - lines[count, 0]
            count += 1
    return count


@kernel
def find_on_line(vertex, side, following, marks):
    """Return the next vertex of a line on its high side, the one before on its low side, or -1."""
    code = following[2 * vertex + side, 0]
    # codes of one band, so of one side of a level
    return code >> 1 if code >= 0 and marks[code >> 1] == marks[vertex] else -1
