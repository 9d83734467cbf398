"""Contours: marching squares, linked up as scikit-image links them.

Squares. Four neighbouring pixels are the corners of a square (r, c), r and c being those of its
upper left pixel. Corners above the level add up to its case (upper left 1, upper right 2, lower
left 4, lower right 8); where some are above and some not, one segment cuts it, in the cases 6
and 9, saddles, two. Segments run with the low side on their left, from an edge to an edge, and
meet an edge where the level lies between its two pixels, by linear interpolation.

Links. Segments come in raster order of their squares. Each is hung on the contour that ends where
it starts, or the one that starts where it ends, joins the two, or founds a contour of its own.
scikit-image does this with two dictionaries from the coordinates of starts and ends to contours,
and order, orientation, first points and open ends all follow from what it does to them, so that
is replayed here to the letter:

- The last write of a key wins. Two contours may start at one point: pixels equal to the level.
- A join keeps the contour that was founded first, and writes the keys of both of its ends anew,
  whoever held them. A contour that closes gives up both keys.
- Contours come out in the order in which they were founded.

Keys. Dictionaries compare coordinates. Here a point is a whole number, ``row * pitch + column``
on a lattice twice as fine as the pixels: even rows and columns are pixels, odd ones the inside of
edges, which hold one point each. It is the rounded coordinate that tells whether a point is on a
pixel: level-equal pixels join segments that share no edge, and so does a crossing so close
to a pixel that it rounds on to it. NaN coordinates (an infinite pixel) equal nothing, themselves
neither: their key is -1. A segment whose ends are one point is left out.

Rolling maps. The segments of square row r know lattice rows 2 r to 2 r + 2 only, so the
dictionaries are arrays of four lattice rows, and the slot of a key is ``key % (4 * pitch)``: its
last bits, as `pitch` is a power of two. Slots are not cleared as rows pass. A contour keeps the
keys of its ends, and a slot counts only if the contour in it has that very key; a key of a row
that has passed is not written, as its slot may belong to a row in use.

Cost. Bytes are compared for all squares, in vectors, and all but mixed squares are passed over
eight at a time: 0.2 ns a square. A mixed one takes 4 ns to find, 9 ns to cut and 13 ns to link, a
point 4 to 18 ns to lay out, as it is in a cache or not. Points are kept in linked lists, so joins
are as cheap as the rest. Beside the result that takes 24 bytes a point, and up to twice as much.

References: W. E. Lorensen & H. E. Cline (1987), Marching cubes, Computer Graphics 21(4); the
contract is `skimage.measure.find_contours` of 0.26.

Arrays are C-contiguous. Pixels may be NaN or infinite. Nothing is fused: coordinates are equal
to the bit.
"""

import numpy as np

from fastkm._kernels._jit import kernel

INVALID = 16
"""Bit of a pixel whose squares are left out."""

FIRST, LAST, FIRST_KEY, LAST_KEY, SIZE = range(5)
"""Columns of a contour: first and last point, their keys, number of points (0 once joined on)."""

NO_KEY = -2
"""Of both ends of the first contour, a dummy: no segment is hung on it."""

TOP, LEFT, RIGHT, BOTTOM = range(4)

# by case, from edge to edge; 6 and 9 if the low pixels hang together, and if the high ones do
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
def mixed_squares(pixels, squares, row_ends):
    """Find the squares that a contour passes, in raster order; return their number.

    pixels: (rows, columns) uint8, 1 where above the level, and INVALID IN; squares: (rows *
    columns,) int64, row * columns + column of each OUT; row_ends: (rows - 1,) int64, the number
    of squares up to the end of each row OUT.
    """
    rows, columns = pixels.shape
    words = np.zeros((columns + 6) // 8, np.uint64)
    mixed = words.view(np.uint8)
    found = 0
    for r in range(rows - 1):
        upper, lower = pixels[r], pixels[r + 1]
        for c in range(columns - 1):
            case = upper[c] | (upper[c + 1] << 1) | (lower[c] << 2) | (lower[c + 1] << 3)
            mixed[c] = (case > 0) & (case < 15)
        for w in range(words.shape[0]):
            if words[w] != 0:
                for c in range(8 * w, 8 * w + 8):
                    squares[found] = r * columns + c  # and no branch: they mispredict
                    found += np.int64(mixed[c])
        row_ends[r] = found
    return found


@kernel
def cut_squares(squares, row_ends, corners, level, first_row, lattice, high, points, keys):
    """Cut squares into segments; return their number.

    squares: (n,) int64 IN; row_ends: (rows,) int64, the number of squares up to the end of each
    row IN, of segments OUT; corners: (4, n) float64, upper left, upper right, lower left and
    lower right pixels IN; first_row: the row of the first square in the image; lattice: columns of
    the image and pitch of the keys; high: 1 if high pixels hang together across a saddle, else 0;
    points: (2 n, 4) float64, row and column of both ends of each segment OUT; keys: (2 n, 2)
    int64, theirs OUT.
    """
    columns, pitch = lattice
    crossing = np.empty((4, 2))
    key = np.empty(4, np.int64)
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
            # all four are worked out: to branch on those that are needed costs more
            top, left = x + fraction(ul, ur, level), y + fraction(ul, ll, level)
            bottom, right = x + fraction(ll, lr, level), y + fraction(ur, lr, level)
            crossing[TOP, 0], crossing[TOP, 1] = y, top
            crossing[LEFT, 0], crossing[LEFT, 1] = left, x
            crossing[RIGHT, 0], crossing[RIGHT, 1] = right, x + 1
            crossing[BOTTOM, 0], crossing[BOTTOM, 1] = y + 1, bottom
            key[TOP] = key_of(corner, 1, top, x)
            key[LEFT] = key_of(corner, pitch, left, y)
            key[RIGHT] = key_of(corner + 2, pitch, right, y)
            key[BOTTOM] = key_of(corner + 2 * pitch, 1, bottom, x)
            for p in range(PAIRS[case]):
                a, b = EDGES[high, case, 2 * p], EDGES[high, case, 2 * p + 1]
                points[found, 0], points[found, 1] = crossing[a, 0], crossing[a, 1]
                points[found, 2], points[found, 3] = crossing[b, 0], crossing[b, 1]
                keys[found, 0], keys[found, 1] = key[a], key[b]
                if key[a] != key[b] or key[a] < 0:  # else it starts where it ends
                    found += 1
        begin = row_ends[r]
        row_ends[r] = found
    return found


@kernel
def fraction(a, b, level):
    """Tell which part of the way from pixel a to pixel b the level is at."""
    if a == b:
        return 0.0
    return (level - a) / (b - a)


@kernel
def key_of(pixel, step, coordinate, cell):
    """Give the key of a point between a pixel and the next, `step` lattice points apart."""
    if coordinate != coordinate:  # noqa: PLR0124
        return -1
    return pixel + step * (int(coordinate > cell) + int(coordinate >= cell + 1))


@kernel
def link_segments(points, keys, row_ends, first_row, latest, contours, nodes, following, counts):
    """Hang the segments of some rows of squares on contours, or on each other.

    points: (n, 4) float64, keys: (n, 2) int64, row_ends: (rows,) int64 IN, see `cut_squares`;
    first_row: that of the first square IN; latest: (2, 4 * pitch) int64, the contours that start
    and end at each key, 0 at first INOUT; contours: (>= contours + 1 + n, 5) int64, the first one
    a dummy without keys INOUT; nodes: (>= nodes + 2 n, 2) float64, points INOUT; following: as
    long, int64, the point after each INOUT; counts: (2,) int64, of nodes and contours INOUT.
    """
    starts, ends = latest[0], latest[1]
    slots = starts.shape[0]
    node, contour = counts[0], counts[1]
    begin = 0
    for r in range(row_ends.shape[0]):
        live = (first_row + r) * (slots // 2)  # the least key that is in use
        for s in range(begin, row_ends[r]):
            a, b = keys[s, 0], keys[s, 1]
            tail = taken(starts, contours, FIRST_KEY, b)
            head = taken(ends, contours, LAST_KEY, a)
            if tail != head and tail > 0 and head > 0:
                join(head, tail, live, starts, ends, contours, following)
                continue
            if tail == head == 0:
                contour += 1
                head = contour
                nodes[node, 0], nodes[node, 1] = points[s, 0], points[s, 1]
                contours[head, FIRST] = contours[head, LAST] = node
                contours[head, FIRST_KEY] = a
                contours[head, SIZE] = 1
                write(starts, a, live, head)
                node += 1
            if head == 0:
                nodes[node, 0], nodes[node, 1] = points[s, 0], points[s, 1]
                following[node] = contours[tail, FIRST]
                contours[tail, FIRST] = node
                contours[tail, FIRST_KEY] = a
                contours[tail, SIZE] += 1
                write(starts, a, live, tail)
            else:
                nodes[node, 0], nodes[node, 1] = points[s, 2], points[s, 3]
                following[contours[head, LAST]] = node
                contours[head, LAST] = node
                contours[head, SIZE] += 1
                if tail == 0:  # else it closes
                    contours[head, LAST_KEY] = b
                    write(ends, b, live, head)
            node += 1
        begin = row_ends[r]
    counts[0], counts[1] = node, contour


@kernel
def taken(latest, contours, column, key):
    """Take the contour with an end at a key out of a map; 0 if there is none."""
    slot = key & (latest.shape[0] - 1)
    contour = latest[slot]
    if contours[contour, column] != key:
        return 0
    latest[slot] = 0
    return contour


@kernel
def write(latest, key, live, contour):
    """Enter a contour under a key, unless its row has passed (or it is NaN's, -1)."""
    if key >= live:
        latest[key & (latest.shape[0] - 1)] = contour


@kernel
def join(head, tail, live, starts, ends, contours, following):
    """Put one contour after another, under the number of the older."""
    kept, gone = min(head, tail), max(head, tail)
    following[contours[head, LAST]] = contours[tail, FIRST]
    for column in (FIRST, FIRST_KEY):
        contours[kept, column] = contours[head, column]
    for column in (LAST, LAST_KEY):
        contours[kept, column] = contours[tail, column]
    contours[kept, SIZE] += contours[gone, SIZE]
    contours[gone, SIZE] = 0
    write(starts, contours[kept, FIRST_KEY], live, kept)
    write(ends, contours[kept, LAST_KEY], live, kept)


@kernel
def lay_out(firsts, offsets, backwards, nodes, following, points):
    """Copy contours point by point from their lists.

    firsts: (n,) int64, the first node of each, offsets: (n + 1,) int64, where it begins among
    the points, and where the last ends IN; backwards: bool IN; nodes, following: see
    `link_segments` IN; points: (m, 2) float64 OUT, between the first and the last offset.
    """
    for c in range(firsts.shape[0]):
        node = firsts[c]
        for i in range(offsets[c], offsets[c + 1]):
            j = offsets[c] + offsets[c + 1] - 1 - i if backwards else i
            points[j, 0], points[j, 1] = nodes[node, 0], nodes[node, 1]
            node = following[node]
