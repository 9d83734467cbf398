"""Contours: marching squares, linked up as scikit-image links them.

Squares. Four neighbouring pixels are the corners of a square (r, c), named after the upper left
one. Each corner above the level adds its number to the case of the square (upper left 1, upper
right 2, lower left 4, lower right 8). If some corners are above, but not all, one segment cuts the
square; in the cases 6 and 9, the saddles, two do. A segment runs from edge to edge with the low
side on its left. It meets an edge where linear interpolation of its two pixels is the level.

Links. Segments come in raster order of their squares. Each one is added to the contour that ends
where it starts, or to the one that starts where it ends, or joins the two, or starts a contour of
its own. scikit-image does this with two dictionaries, from coordinates of starts and ends to
contours. Order, orientation, first points and open ends all follow from them, so their behaviour is
repeated here exactly:

- The last write of a key wins. Two contours may start at one point: pixels equal to the level.
- A join keeps the contour that is older, and writes the keys of both of its ends again, whichever
  contour had them. A contour that closes gives up both keys.
- Contours come out in the order in which they were started.

Keys. The dictionaries compare coordinates. Here a point is a whole number, ``row * pitch + column``
on a lattice twice as fine as the pixels: even rows and columns are pixels, odd ones are the inside
of edges, which hold one point each. The rounded coordinate decides whether a point is on a pixel.
This matters: pixels equal to the level join segments that share no edge, and so does a crossing so
close to a pixel that it is rounded to it. NaN coordinates (from an infinite pixel) equal nothing,
not even themselves: their key is -1. A segment whose two ends are one point is left out.

Rolling maps. The segments of square row r use lattice rows 2 r to 2 r + 2 only, so the dictionaries
are arrays of four lattice rows, and the slot of a key is ``key % (4 * pitch)``: its last bits, as
`pitch` is a power of two. Slots are not cleared as rows pass. Instead a contour keeps the keys of
its ends, and a slot counts only if the contour in it has that very key. A key of a row that has
passed is not written, because its slot may belong to a row in use.

Cost. Bytes are compared for all squares, in vectors, and squares without a contour are skipped
eight at a time: 0.2 ns a square. A mixed square takes 4 ns to find, 9 ns to cut and 13 ns to link;
a point takes 4 to 18 ns to copy, depending on the cache. Points are kept in linked lists, so joins
are as cheap as the rest. Besides the result this takes 24 bytes a point, and up to twice as much.

Arrays are C-contiguous. Pixels may be NaN or infinite. Nothing is fused: coordinates are equal to
scikit-image's to the bit.

Lorensen, W. E. & Cline, H. E. (1987). Marching cubes: a high resolution 3D surface construction
algorithm. Computer Graphics 21(4), 163-169. The contract is scikit-image 0.26's `find_contours`.
"""

import numpy as np

from fastkm._kernels._jit import kernel

INVALID = 16
"""Bit of a pixel whose squares are left out."""

FIRST, LAST, FIRST_KEY, LAST_KEY, SIZE = range(5)
"""Columns of a contour: first and last point, their keys, number of points (0 once joined on)."""

NO_KEY = -2
"""Key of both ends of the first contour, a dummy: no segment is added to it."""

TOP, LEFT, RIGHT, BOTTOM = range(4)

# segments of each case, from edge to edge; for 6 and 9 if the low pixels are connected across the
# saddle, and if the high ones are
_CUTS = [
    (), (TOP, LEFT), (RIGHT, TOP), (RIGHT, LEFT), (LEFT, BOTTOM), (TOP, BOTTOM), (),
    (RIGHT, BOTTOM), (BOTTOM, RIGHT), (), (BOTTOM, TOP), (BOTTOM, LEFT), (LEFT, RIGHT),
    (TOP, RIGHT), (LEFT, TOP), (),
]  # fmt: skip
_SADDLES = {
    6: [(RIGHT, TOP, LEFT, BOTTOM), (LEFT, TOP, RIGHT, BOTTOM)],
    9: [(TOP, LEFT, BOTTOM, RIGHT), (TOP, RIGHT, BOTTOM, LEFT)],
}

EDGES = np.zeros((2, 16, 4), np.int64)
PAIRS = np.zeros(16, np.int64)
for _case, _cut in enumerate(_CUTS):
    EDGES[:, _case, : len(_cut)] = _cut
    PAIRS[_case] = len(_cut) // 2
for _case, _both in _SADDLES.items():
    EDGES[:, _case] = _both
    PAIRS[_case] = 2


@kernel
def find_mixed_squares(pixels, words, mixed, squares, row_ends):
    """Find the squares that a contour passes, in raster order; return their number.

    pixels: (rows, columns) uint8 IN, 1 if above the level, and INVALID; words: ((columns + 6) // 8,)
    uint64 INOUT, 0 at first, and mixed, the same as uint8: scratch, because a view takes half a second
    to compile; squares: (rows * columns,) int64 OUT, flat indices; row_ends: (rows - 1,) int64 OUT,
    squares up to each row's end.
    """
    rows, columns = pixels.shape
    found = 0
    for r in range(rows - 1):
        upper, lower = pixels[r], pixels[r + 1]
        # in vectors: which squares are mixed
        for c in range(columns - 1):
            case = upper[c] | (upper[c + 1] << 1) | (lower[c] << 2) | (lower[c + 1] << 3)
            mixed[c] = (case > 0) & (case < 15)
        # list them; eight that are not mixed are skipped together
        for w in range(words.shape[0]):
            if words[w] != 0:
                for c in range(8 * w, 8 * w + 8):
                    squares[found] = r * columns + c  # no branch: it would be mispredicted
                    found += np.int64(mixed[c])
        row_ends[r] = found
    return found


@kernel
def cut_squares(squares, row_ends, corners, level, first_row, lattice, high, points, keys):
    """Cut squares into segments; return their number.

    squares: (n,) int64 IN; row_ends: (rows,) int64 INOUT, the number of squares up to the end of
    each row comes in, that of segments goes out; corners: (4, n) float64 IN, upper left, upper
    right, lower left and lower right pixels; first_row: the row of the first square in the image;
    lattice: three int IN, columns of the image, pitch of the keys, and 1; high: 1 if high pixels are
    connected across a saddle, otherwise 0; points: (2 n, 4) float64 OUT, row and column of both
    ends of each segment; keys: (2 n, 2) int64 OUT, of both ends.
    """
    columns, pitch, one = lattice  # a literal 1 would compile `to_key` twice
    ys, xs, key = np.empty(4), np.empty(4), np.empty(4, np.int64)
    found, begin = 0, 0
    for r in range(row_ends.shape[0]):
        y = first_row + r
        for s in range(begin, row_ends[r]):
            ul, ur, ll, lr = corners[0, s], corners[1, s], corners[2, s], corners[3, s]
            # NaN; np.isnan takes a tenth of a second longer to compile
            if ul != ul or ur != ur or ll != ll or lr != lr:  # noqa: PLR0124
                continue
            x = squares[s] - r * columns
            case = (ul > level) + 2 * (ur > level) + 4 * (ll > level) + 8 * (lr > level)
            corner = 2 * (y * pitch + x)
            # all four crossings and keys: branches to the ones that are needed cost more
            top, left = x + interpolate(ul, ur, level), y + interpolate(ul, ll, level)
            bottom, right = x + interpolate(ll, lr, level), y + interpolate(ur, lr, level)
            ys[TOP], xs[TOP] = y, top
            ys[LEFT], xs[LEFT] = left, x
            ys[RIGHT], xs[RIGHT] = right, x + 1
            ys[BOTTOM], xs[BOTTOM] = y + 1, bottom
            key[TOP] = to_key(corner, one, top, x)
            key[LEFT] = to_key(corner, pitch, left, y)
            key[RIGHT] = to_key(corner + 2, pitch, right, y)
            key[BOTTOM] = to_key(corner + 2 * pitch, one, bottom, x)
            # one or two segments
            for p in range(PAIRS[case]):
                a, b = EDGES[high, case, 2 * p], EDGES[high, case, 2 * p + 1]
                points[found, 0], points[found, 1] = ys[a], xs[a]
                points[found, 2], points[found, 3] = ys[b], xs[b]
                keys[found, 0], keys[found, 1] = key[a], key[b]
                if key[a] != key[b] or key[a] < 0:  # otherwise it starts where it ends
                    found += 1
        begin = row_ends[r]
        row_ends[r] = found
    return found


@kernel
def interpolate(a, b, level):
    """Return how far the level is on the way from pixel a (0) to pixel b (1)."""
    if a == b:
        return 0.0
    return (level - a) / (b - a)


@kernel
def to_key(pixel, step, coordinate, cell):
    """Return the key of a point between a pixel and the next one, `step` lattice points apart."""
    if coordinate != coordinate:  # noqa: PLR0124
        return -1
    return pixel + step * (int(coordinate > cell) + int(coordinate >= cell + 1))


@kernel
def link_segments(points, keys, row_ends, first_row, latest, contours, nodes, following, counts):
    """Add the segments of some rows of squares to contours, or start new ones.

    points, keys, row_ends: as they come from `cut_squares` IN; first_row: that of the first square;
    latest: (2, 4 * pitch) int64 INOUT, the contours that start and end at each key, 0 at first;
    contours: (>= contours + 1 + n, 5) int64 INOUT, the first one a dummy without keys; nodes: (>=
    nodes + 2 n, 2) float64 INOUT, points; following: as long, int64 INOUT, the point after each;
    counts: (2,) int64 INOUT, of nodes and contours.
    """
    starts, ends = latest[0], latest[1]
    slots = starts.shape[0]
    node, contour = counts[0], counts[1]
    begin = 0
    for r in range(row_ends.shape[0]):
        live = (first_row + r) * (slots // 2)  # the least key that is in use
        for s in range(begin, row_ends[r]):
            a, b = keys[s, 0], keys[s, 1]
            tail = take_contour(starts, contours, np.int64(FIRST_KEY), b)
            head = take_contour(ends, contours, np.int64(LAST_KEY), a)
            if tail != head and tail > 0 and head > 0:
                join_contours(head, tail, live, starts, ends, contours, following)
                continue
            # a new contour, with the first point of the segment
            if tail == head == 0:
                contour += 1
                head = contour
                nodes[node, 0], nodes[node, 1] = points[s, 0], points[s, 1]
                contours[head, FIRST] = contours[head, LAST] = node
                contours[head, FIRST_KEY] = a
                contours[head, SIZE] = 1
                enter_contour(starts, a, live, head)
                node += 1
            # the segment goes before the contour `tail`, or after the contour `head`
            if head == 0:
                nodes[node, 0], nodes[node, 1] = points[s, 0], points[s, 1]
                following[node] = contours[tail, FIRST]
                contours[tail, FIRST] = node
                contours[tail, FIRST_KEY] = a
                contours[tail, SIZE] += 1
                enter_contour(starts, a, live, tail)
            else:
                nodes[node, 0], nodes[node, 1] = points[s, 2], points[s, 3]
                following[contours[head, LAST]] = node
                contours[head, LAST] = node
                contours[head, SIZE] += 1
                if tail == 0:  # otherwise it closes
                    contours[head, LAST_KEY] = b
                    enter_contour(ends, b, live, head)
            node += 1
        begin = row_ends[r]
    counts[0], counts[1] = node, contour


@kernel
def take_contour(latest, contours, column, key):
    """Take the contour with an end at a key out of a row of `latest`; return 0 if there is none."""
    slot = key & (latest.shape[0] - 1)
    contour = latest[slot]
    if contours[contour, column] != key:
        return 0
    latest[slot] = 0
    return contour


@kernel
def enter_contour(latest, key, live, contour):
    """Enter a contour under a key, unless the key's row has passed (or it is NaN's, -1)."""
    if key >= live:
        latest[key & (latest.shape[0] - 1)] = contour


@kernel
def join_contours(head, tail, live, starts, ends, contours, following):
    """Append the contour `tail` to the contour `head`, under the number of the older one."""
    kept, gone = (head, tail) if head < tail else (tail, head)
    following[contours[head, LAST]] = contours[tail, FIRST]
    contours[kept, FIRST] = contours[head, FIRST]
    contours[kept, FIRST_KEY] = contours[head, FIRST_KEY]
    contours[kept, LAST] = contours[tail, LAST]
    contours[kept, LAST_KEY] = contours[tail, LAST_KEY]
    contours[kept, SIZE] += contours[gone, SIZE]
    contours[gone, SIZE] = 0
    enter_contour(starts, contours[kept, FIRST_KEY], live, kept)
    enter_contour(ends, contours[kept, LAST_KEY], live, kept)


@kernel
def copy_contours(firsts, offsets, backwards, nodes, following, points):
    """Copy contours point by point from their lists.

    firsts: (n,) int64 IN, their first nodes; offsets: (n + 1,) int64 IN, where each one begins, and
    the last one ends, in points: (m, 2) float64 OUT; nodes, following: IN, see `link_segments`.
    """
    for c in range(firsts.shape[0]):
        node = firsts[c]
        for i in range(offsets[c], offsets[c + 1]):
            j = offsets[c] + offsets[c + 1] - 1 - i if backwards else i
            points[j, 0], points[j, 1] = nodes[node, 0], nodes[node, 1]
            node = following[node]
