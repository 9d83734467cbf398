"""Which pairs of points on a globe may be farther apart than the best pair known.

On a globe every point is a corner of the hull, so a hull throws nothing out. What can go are
pairs: those that a bound, cheaper than the distance, shows to be no farther apart than a pair
already measured. `fastkm.geometry.farthest_on_globe` measures what is left, so the answer is exact as long
as no bound is too low.

Notation. Lengths are in equatorial radii. A point of the ellipsoid x^2 + y^2 + z^2 / (1 - e2) = 1
has the reduced latitude b (tan b = sqrt(1 - e2) tan of the geographic one), and stands for the
unit vector u = (cos b cos l, cos b sin l, sin b): the ellipsoid is the unit sphere flattened, z by
sqrt(1 - e2). For two points D = |u - v|, S = |u + v|, t the angle between u and v, so
tan(t / 2) = D / S, and C^2 = D^2 - e2 (uz - vz)^2 is the square of the straight line through the
earth. A sphere has e2 = 0. Three bounds on the distance s, each from a path or a theorem:

1. s <= t. Flattening shortens: the great circle from u to v becomes a path no longer than t.
2. s <= sqrt(t (t - e2 I)), I the integral of z'^2 along the great circle. That path's length is the
   integral of sqrt(1 - e2 z'^2) over the arc, and the root is concave (Jensen). In closed form
   I = ((t - sin t) (uz + vz)^2 / S^2 + (t + sin t) (uz - vz)^2 / D^2) / 2.
   To first order in e2 this is Lambert's formula; the distance is less by some e2^2 of itself, but
   near antipodes, where the geodesic leaves the great circle, up to 0.1 %.
3. C >= 2 r sin(s / 2 r), r = 1 - e2, the least radius of curvature of a section (the equator's
   along a meridian). A curve that bends no more than a circle spans at least the circle's chord
   (Schur's theorem), for s <= pi r. A pair at more than pi r has t > 3.12 by bound 1 and
   C > 2 r, so it passes too.

Bounds 1 and 3 take sums and products only: a distance to beat, best, becomes three numbers,
cos^2 and sin^2 of half its angle, and its chord's square, and a pair is out unless
D^2 cos^2 > S^2 sin^2 and C^2 > chord^2. In this form they are as sharp near antipodes, where S is
small, as for neighbours, where D is; and they bound boxes as they bound points, with the farthest
that corners of two boxes can be and the nearest that one is to the other's antipode.

Few points: all pairs (`farthest_in_rings`, `pairs_in_rings`). Many points are sorted into a binary
tree of boxes, and pairs of its nodes are split until a bound rules them out (`pairs_in_tree`). The
kernels stop when their list is full: the caller measures what is in it, raises the distance to
beat, and goes on.

Floating point: a unit vector is good to 1e-15, on the earth 6 nanometres; the caller lowers the
distance to beat by a micrometre, far above that and every rounding here. Bound 2 divides by S^2,
and leaves out that part within 600 m of an antipode, where the quotient is rounding's.

Arrays are C-contiguous; columns are (3, n) float64 unit vectors; beat is (4,) float64: cos^2, sin^2,
chord^2 and the distance.

References
----------
Lambert, W. D. (1942). The distance between two widely separated points on the surface of the
earth. Journal of the Washington Academy of Sciences 32(5), 125-130.
Schur, A. (1921). Ueber die Schwarzsche Extremaleigenschaft des Kreises unter den Kurven konstanter
Kruemmung. Mathematische Annalen 83, 143-148.
"""

import math

import numpy as np

from fastkm._kernels._jit import kernel

LEAF = 16
"""Points in a leaf of the tree, at most."""

NEAR_ANTIPODE = 1e-8
"""S^2 below which the direction between a point and another's antipode is not looked at."""


@kernel
def farthest_in_rings(columns, offsets, rings, e2, first, second):
    """Find the pair with the longest straight line in each of some rings, first < second.

    offsets: (m + 1,) int64 IN; rings: (k,) int64, of at least two points, IN; first, second: (k,)
    int64 OUT, indices of points.
    """
    most = 0
    for ring in rings:
        most = max(most, offsets[ring + 1] - offsets[ring])
    scratch = np.empty(most)
    apart = np.empty(most, np.int64)
    for k in range(rings.size):
        start, stop = offsets[rings[k]], offsets[rings[k] + 1]
        n = stop - start
        x, y, z = columns[0, start:stop], columns[1, start:stop], columns[2, start:stop]
        for step in range(1, n):
            best, partner = scratch[: n - step], apart[: n - step]
            if step == 1:
                best[:] = -1.0
            x2, y2, z2 = x[step:], y[step:], z[step:]
            for i in range(n - step):
                u, v, w = x2[i] - x[i], y2[i] - y[i], z2[i] - z[i]
                square = u * u + v * v + (1.0 - e2) * (w * w)
                farther = square > best[i]
                best[i] = square if farther else best[i]
                partner[i] = step if farther else partner[i]
        i = 0
        for j in range(1, n - 1):
            i = j if scratch[j] > scratch[i] else i
        first[k], second[k] = start + i, start + i + apart[i]


@kernel
def rings_in_reach(columns, offsets, rings, e2, beats, possible):
    """Mark the rings whose box does not rule out a pair beyond the distance to beat.

    offsets: (m + 1,) int64 IN; rings: (k,) int64 IN; beats: (k, 4) IN; possible: (k,) bool OUT.
    """
    box = np.empty((1, 6))
    for k in range(rings.size):
        start, stop = offsets[rings[k]], offsets[rings[k] + 1]
        bound(columns, start, stop, box[0])
        possible[k] = stop - start > 1 and within(box, 0, 0, e2, beats[k])


@kernel
def pairs_in_rings(columns, offsets, rings, e2, beats, state, owner, first, second):
    """List the pairs of points, first < second, that may be beyond the distance to beat.

    offsets: (m + 1,) int64 IN; rings: (k,) int64 IN; beats: (k, 4) IN; state: (2,) int64 INOUT, the
    position in `rings` and the point of the ring to go on from; owner, first, second: (capacity,)
    int64 OUT, position in `rings` and points, capacity no less than a ring's points.
    Return the number of pairs; all rings are done when state[0] is k.
    """
    count = 0
    for k in range(state[0], rings.size):
        start, stop = offsets[rings[k]], offsets[rings[k] + 1]
        beat = beats[k]
        for i in range(start + state[1], stop):
            if count + (stop - i) > first.size:
                state[0], state[1] = k, i - start
                return count
            x, y, z = columns[0, i], columns[1, i], columns[2, i]
            hits = 0
            for j in range(i + 1, stop):
                u, v, w = columns[0, j] - x, columns[1, j] - y, columns[2, j] - z
                hits += u * u + v * v + w * w - e2 * (w * w) > beat[2]
            if hits > 0:
                for j in range(i + 1, stop):
                    if may_beat(columns, i, j, e2, beat):
                        owner[count], first[count], second[count] = k, i, j
                        count += 1
        state[1] = 0
    state[0] = rings.size
    return count


@kernel
def pairs_in_tree(columns, boxes, e2, beat, pending, size, first, second):
    """List the pairs of points, first != second, that may be beyond the distance to beat.

    boxes: (2 leaves, 6) of `bound_tree` IN; beat: (4,) IN; pending: (stack, 2) int64 pairs of nodes
    INOUT, `size` of them; first, second: (capacity,) int64 OUT, capacity at least LEAF^2.
    Return the number of pending pairs of nodes and of pairs listed; all is done when none is pending.
    """
    n, leaves = columns.shape[1], boxes.shape[0] // 2
    count = 0
    while size > 0:
        a, b = pending[size - 1, 0], pending[size - 1, 1]
        if a >= leaves and count + LEAF * LEAF > first.size:
            break
        size -= 1
        if not within(boxes, a, b, e2, beat):
            continue
        if a < leaves:
            for i in range(2 * a, 2 * a + 2):
                for j in range(2 * b, 2 * b + 2):
                    if (a != b or i <= j) and within(boxes, i, j, e2, beat):
                        pending[size, 0], pending[size, 1] = i, j
                        size += 1
            continue
        for i in range((a - leaves) * n // leaves, (a - leaves + 1) * n // leaves):
            after = i + 1 if a == b else (b - leaves) * n // leaves
            for j in range(after, (b - leaves + 1) * n // leaves):
                if may_beat(columns, i, j, e2, beat):
                    first[count], second[count] = i, j
                    count += 1
    return size, count


@kernel
def bound_tree(columns, boxes):
    """Bound the points below each node: node k has the children 2 k and 2 k + 1, 1 is the root.

    boxes: (2 leaves, 6) OUT, leaves a power of two, no more than points; each has as many points as
    the others or one less, in the order of columns.
    """
    n, leaves = columns.shape[1], boxes.shape[0] // 2
    for leaf in range(leaves):
        bound(columns, leaf * n // leaves, (leaf + 1) * n // leaves, boxes[leaves + leaf])
    for node in range(leaves - 1, 0, -1):
        for side in range(6):
            boxes[node, side] = max(boxes[2 * node, side], boxes[2 * node + 1, side])


@kernel
def bound(columns, start, stop, box):
    """Bound points: box (6,) OUT, the greatest x, y, z and the greatest -x, -y, -z."""
    for axis in range(3):
        low, high = np.inf, -np.inf
        for i in range(start, stop):
            low, high = min(low, columns[axis, i]), max(high, columns[axis, i])
        box[axis], box[3 + axis] = high, -low


@kernel
def within(boxes, a, b, e2, beat):
    """Tell whether bounds 1 and 3 let points of box a and b be beyond the distance to beat."""
    apart, opposite, w = 0.0, 0.0, 0.0
    for axis in range(3):
        w = max(boxes[a, axis] + boxes[b, 3 + axis], boxes[b, axis] + boxes[a, 3 + axis])
        v = max(
            0.0,
            -boxes[a, axis] - boxes[b, axis],
            -boxes[a, 3 + axis] - boxes[b, 3 + axis],
        )
        apart += w * w
        opposite += v * v
    return apart * beat[0] > opposite * beat[1] and apart - e2 * (w * w) > beat[2]


@kernel
def may_beat(columns, i, j, e2, beat):
    """Tell whether all three bounds let points i and j be beyond the distance to beat."""
    x, y, z = columns[0, i], columns[1, i], columns[2, i]
    x2, y2, z2 = columns[0, j], columns[1, j], columns[2, j]
    apart = (x2 - x) * (x2 - x) + (y2 - y) * (y2 - y)
    w = (z2 - z) * (z2 - z)
    if apart + w - e2 * w <= beat[2]:
        return False
    apart += w
    opposite = (x2 + x) * (x2 + x) + (y2 + y) * (y2 + y) + (z2 + z) * (z2 + z)
    if apart * beat[0] <= opposite * beat[1]:
        return False
    return reach(apart, opposite, (z2 + z) * (z2 + z), w, e2) > beat[3]


@kernel
def reach(apart, opposite, zs, zd, e2):
    """Give bound 2, from D^2, S^2, (uz + vz)^2 and (uz - vz)^2."""
    if apart == 0.0:
        return 0.0
    t = 2.0 * math.atan2(math.sqrt(apart), math.sqrt(opposite))
    if e2 == 0.0:
        return t
    sine = math.sin(t)
    total = (t + sine) * zd / apart
    if opposite > NEAR_ANTIPODE:
        total += (t - sine) * zs / opposite
    return math.sqrt(t * (t - 0.5 * e2 * total))
