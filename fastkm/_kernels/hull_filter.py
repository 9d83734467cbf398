"""A filter before the convex hull: strips show that most points cannot be corners of it.

The plane is cut into m upright strips of equal width (Bentley, Faust & Preparata 1982). One pass
keeps the highest and lowest point of each strip. The upper hull of the highest points is a concave
chain below the upper hull of all points, and the lower hull of the lowest points a convex chain
above that of all. So a point strictly between these chains is no corner. Within a strip the upper
chain lies above the chord between its heights at the strip's sides, because it is concave. A second
pass compares each point with the two chords of its strip, two products a point, and keeps it unless
it is strictly between. A contour of a million points keeps some two points a strip.

The first and the last strip keep all their points, as the chains need not reach the outer sides. If
these are many, the same method with x and y exchanged removes most of them.

Floating point: a point is removed only if it is inside by more than rounding can explain. With x
and y measured from the least x and y, and x in units of a strip's width, the strip of a point is
the whole part of its rounded x, and its place within the strip is the rest, exactly. The error of a
chord's height is then below 4 m eps of the extent of y, which `lay_chords` subtracts. The height of
a chain at a side is the lower of its heights on both sides of it, 16 eps of the extent of x away: a
steep chain has no other bound, and a concave one is lowest at an end.

Arrays are C-contiguous, float64 unless a type is given, and finite but for `find_extents`.

Bentley, Faust & Preparata (1982). Approximation algorithms for convex hulls. Commun. ACM 25(1).
"""

import numpy as np

from fastkm._kernels._jit import kernel

LANES = 16
"""Running extremes side by side, an even number: the loop over them is vectorised."""

EPS = 2.0**-52


@kernel
def find_extents(flat, box):
    """Find the least and greatest x and y; return True if all numbers are finite.

    flat: (2 n,) IN, x and y of n >= 1 points in turn; box: (4,) OUT, x, x, y, y.
    """
    low, high, odd = np.empty(LANES), np.empty(LANES), np.empty(LANES, np.bool_)
    for lane in range(LANES):
        low[lane], high[lane], odd[lane] = np.inf, -np.inf, False
    # even lanes hold x, odd lanes hold y
    size = flat.shape[0]
    whole = size - size % LANES
    for start in range(0, whole, LANES):
        values = flat[start : start + LANES]
        for lane in range(LANES):
            v = values[lane]
            low[lane] = v if v < low[lane] else low[lane]
            high[lane] = v if v > high[lane] else high[lane]
            odd[lane] |= v != v  # noqa: PLR0124
    for i in range(whole, size):
        lane = i - whole
        v = flat[i]
        low[lane] = v if v < low[lane] else low[lane]
        high[lane] = v if v > high[lane] else high[lane]
        odd[lane] |= v != v  # noqa: PLR0124
    # the extremes of all lanes of an axis
    finite = True
    for axis in range(2):
        least, most = np.inf, -np.inf
        for lane in range(axis, LANES, 2):
            least = low[lane] if low[lane] < least else least
            most = high[lane] if high[lane] > most else most
            finite &= not odd[lane]
        box[2 * axis], box[2 * axis + 1] = least, most
        finite &= (-np.inf < least) & (most < np.inf)
    return finite


@kernel
def find_strip_extremes(points, axis, box, lowest, highest):
    """Find the lowest and the highest point of each strip: their rows, the first of equal ones.

    points: (n, 2) IN; axis: across the strips, 0 for upright ones; box: (4,) IN, of these and
    perhaps more points; lowest, highest: (m,) int64 OUT, -1 if a strip has no point.
    """
    m = lowest.size
    origin = box[2 * axis]
    scale = m / (box[2 * axis + 1] - origin)
    low = np.full(m, np.inf)
    high = np.full(m, -np.inf)
    lowest[:] = -1
    highest[:] = -1
    for i in range(points.shape[0]):
        strip = min(np.uint32((points[i, axis] - origin) * scale), np.uint32(m - 1))
        y = points[i, 1 - axis]
        if y < low[strip]:
            low[strip] = y
            lowest[strip] = i
        if y > high[strip]:
            high[strip] = y
            highest[strip] = i


@kernel
def lay_chords(ends, axis, box, height, rise):
    """Lay chords below the upper hull of points, one for each strip.

    ends: (e, 2) IN, points, at most one a strip, in the order of strips; axis, box: see
    `find_strip_extremes`; height: (m,) OUT, above the least y, at the strip's left side, negative
    if the hull does not span the strip; rise: (m,) OUT, from there to the right side.
    """
    m = height.size
    width = box[2 * axis + 1] - box[2 * axis]
    tall = box[3 - 2 * axis] - box[2 - 2 * axis]
    x = np.empty(ends.shape[0])
    y = np.empty(ends.shape[0])
    size = 0
    # the corners of the upper hull, from the least x and y
    for e in range(ends.shape[0]):
        u, v = ends[e, axis] - box[2 * axis], ends[e, 1 - axis] - box[2 - 2 * axis]
        while size >= 2 and (x[size - 1] - x[size - 2]) * (v - y[size - 2]) >= (
            y[size - 1] - y[size - 2]
        ) * (u - x[size - 2]):
            size -= 1
        x[size], y[size] = u, v
        size += 1
    # the height of the hull at each side of a strip, rounded down
    pad = 16.0 * EPS * width
    corner = 0
    before = -tall
    for side in range(m + 1):
        here = -tall
        middle = width * side / m
        if size > 0 and middle - pad >= x[0] and middle + pad <= x[size - 1]:
            here = tall
            for at in (middle - pad, middle + pad):
                while corner > 0 and x[corner] > at:
                    corner -= 1
                while corner + 2 < size and x[corner + 1] < at:
                    corner += 1
                share = (at - x[corner]) / (x[corner + 1] - x[corner])
                here = min(here, y[corner] + share * (y[corner + 1] - y[corner]))
            here -= 4.0 * m * EPS * tall
        # the chord of the strip to the left
        if side > 0:
            spanned = before > -tall and here > -tall
            height[side - 1] = before if spanned else -tall
            rise[side - 1] = here - before if spanned else 0.0
        before = here


@kernel
def find_points_beyond_chords(points, axis, box, over, under, kept):
    """List the points that are not strictly between the chords of their strip; return how many.

    points, axis, box: see `find_strip_extremes`; over, under: (2, m) IN, heights and rises, from
    `lay_chords` and its mirror image; kept: (n,) int32 OUT, rows ascending.
    """
    m = over.shape[1]
    origin, base = box[2 * axis], box[2 - 2 * axis]
    scale = m / (box[2 * axis + 1] - origin)
    size = np.uint32(0)
    for i in range(points.shape[0]):
        place = (points[i, axis] - origin) * scale
        strip = min(np.uint32(place), np.uint32(m - 1))
        share = place - strip
        y = points[i, 1 - axis] - base
        below = y < over[0, strip] + share * over[1, strip]
        above = y > under[0, strip] + share * under[1, strip]
        kept[size] = i
        size += np.uint32(not (below and above))
    return size
