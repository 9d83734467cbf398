"""Which pairs of points on a globe may be farther apart than the best pair known.

On a globe every point is a corner of the hull, so a hull excludes no point. But pairs can be
excluded: a bound that is cheaper than the distance shows that they are no farther apart than a
pair already measured. `fastkm.geometry.diameters.farthest_on_globe` measures the pairs that are left, so the
answer is exact as long as no bound is too low.

Notation. Lengths are in equatorial radii. A point of the ellipsoid x^2 + y^2 + z^2 / (1 - e2) = 1
has the reduced latitude b (tan b = sqrt(1 - e2) tan of the geographic one) and is represented by
the unit vector u = (cos b cos l, cos b sin l, sin b): the ellipsoid is the unit sphere flattened,
z by sqrt(1 - e2). For two points D = |u - v|, S = |u + v|, and t is the angle between u and v, so
tan(t / 2) = D / S. C^2 = D^2 - e2 (uz - vz)^2 is the square of the straight line through the
earth. A sphere has e2 = 0. There are three bounds on the distance s, each from a path or theorem:

1. s <= t. Flattening shortens: the great circle from u to v becomes a path no longer than t.
2. s <= sqrt(t (t - e2 I)), I the integral of z'^2 along the great circle. That path's length is the
   integral of sqrt(1 - e2 z'^2) over the arc, and the root is concave (Jensen). In closed form
   I = ((t - sin t) (uz + vz)^2 / S^2 + (t + sin t) (uz - vz)^2 / D^2) / 2.
   To first order in e2 this is Lambert's formula. The distance is less by some e2^2 of itself, but
   near antipodes, where the geodesic leaves the great circle, by up to 0.1 %.
3. C >= 2 r sin(s / 2 r), r = 1 - e2, the least radius of curvature of a section (the equator's
   along a meridian). Schur's theorem: a curve that bends no more than a circle spans at least the
   circle's chord, for s <= pi r. A longer s has t > 3.12 by bound 1 and C > 2 r, so it passes too.

Bounds 1 and 3 take sums and products only: the distance to beat becomes three numbers, cos^2 and
sin^2 of half its angle and the square of its chord, and a pair is excluded unless D^2 cos^2 > S^2
sin^2 and C^2 > chord^2. In this form they are as sharp near antipodes, where S is small, as for
neighbours, where D is small. They bound boxes as they bound points, with the farthest that corners
of two boxes can be apart and the nearest that one box is to the other's antipode.

Few points: all pairs (`find_longest_chords`, `list_pairs_in_rings`). Many points are sorted into a
binary tree of boxes, and pairs of its nodes are split until a bound excludes them
(`list_pairs_in_tree`). The kernels stop when their list is full. The caller measures the pairs in
it, raises the distance to beat, and goes on.

Floating point: a unit vector is good to 1e-15, on the earth 6 nanometres. The caller lowers the
distance to beat by a micrometre, far more than that and every rounding here. Bound 2 divides by
S^2; it leaves this part out within 600 m of an antipode, where the quotient is mere rounding.

Arrays are C-contiguous, and float64 unless a type is given. columns: (3, n), unit vectors; offsets:
(m + 1,) int64, where each ring begins; beat: (4,), cos^2, sin^2, chord^2 and the distance.

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
"""S^2 below which the direction between a point and another's antipode is not used."""


@kernel
def find_longest_chords(columns, offsets, rings, e2, first, second):
    """Find the pair with the longest straight line in each of some rings, first < second.

    columns, offsets: IN; rings: (k,) int64 IN, of >= 2 points; first, second: (k,) int64 OUT.
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
        # each point with the one `step` places later, in vectors
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
        # the best of all points
        i = 0
        for j in range(1, n - 1):
            i = j if scratch[j] > scratch[i] else i
        first[k], second[k] = start + i, start + i + apart[i]


@kernel
def mark_possible_rings(columns, offsets, rings, e2, beats, possible):
    """Mark the rings whose box does not exclude a pair beyond the distance to beat.

    columns, offsets: IN; rings: (k,) int64 IN; beats: (k, 4) IN; possible: (k,) bool OUT.
    """
    box = np.empty((1, 6))
    for k in range(rings.size):
        start, stop = offsets[rings[k]], offsets[rings[k] + 1]
        bound_points(columns, start, stop, box[0])
        possible[k] = stop - start > 1 and may_boxes_beat(box, 0, 0, e2, beats[k])


@kernel
def list_pairs_in_rings(columns, offsets, rings, e2, beats, state, owner, first, second):
    """List the pairs, first < second, that may be beyond the distance to beat; return how many.

    columns, offsets, rings, beats: see `mark_possible_rings`; state: (2,) int64 INOUT, the position
    in `rings` to go on from, k when all are done, and the point of that ring; owner, first, second:
    (capacity,) int64 OUT, position in `rings` and points, capacity no less than a ring's points.
    """
    count = 0
    for k in range(state[0], rings.size):
        start, stop = offsets[rings[k]], offsets[rings[k] + 1]
        beat = beats[k]
        for i in range(start + state[1], stop):
            # stop if the pairs of one more point might not fit
            if count + (stop - i) > first.size:
                state[0], state[1] = k, i - start
                return count
            # bound 3 first, in vectors; all bounds only if it leaves a pair
            x, y, z = columns[0, i], columns[1, i], columns[2, i]
            hits = 0
            for j in range(i + 1, stop):
                u, v, w = columns[0, j] - x, columns[1, j] - y, columns[2, j] - z
                hits += u * u + v * v + w * w - e2 * (w * w) > beat[2]
            if hits > 0:
                for j in range(i + 1, stop):
                    if may_points_beat(columns, i, j, e2, beat):
                        owner[count], first[count], second[count] = k, i, j
                        count += 1
        state[1] = 0
    state[0] = rings.size
    return count


@kernel
def list_pairs_in_tree(columns, boxes, e2, beat, pending, size, first, second):
    """List the pairs of points, first != second, that may be beyond the distance to beat.

    Return the number of pending pairs of nodes, 0 when all is done, and of pairs listed. columns:
    IN; boxes: (2 leaves, 6) IN, see `bound_tree`; beat: (4,) IN; pending: (stack, 2) int64 INOUT,
    `size` pairs of nodes; first, second: (capacity,) int64 OUT, capacity at least LEAF^2.
    """
    n, leaves = columns.shape[1], boxes.shape[0] // 2
    count = 0
    while size > 0:
        a, b = pending[size - 1, 0], pending[size - 1, 1]
        if a >= leaves and count + LEAF * LEAF > first.size:
            break
        size -= 1
        if not may_boxes_beat(boxes, a, b, e2, beat):
            continue
        # two inner nodes: their children
        if a < leaves:
            for i in range(2 * a, 2 * a + 2):
                for j in range(2 * b, 2 * b + 2):
                    if (a != b or i <= j) and may_boxes_beat(boxes, i, j, e2, beat):
                        pending[size, 0], pending[size, 1] = i, j
                        size += 1
            continue
        # two leaves: their points
        for i in range((a - leaves) * n // leaves, (a - leaves + 1) * n // leaves):
            after = i + 1 if a == b else (b - leaves) * n // leaves
            for j in range(after, (b - leaves + 1) * n // leaves):
                if may_points_beat(columns, i, j, e2, beat):
                    first[count], second[count] = i, j
                    count += 1
    return size, count


@kernel
def bound_tree(columns, boxes):
    """Bound the points below each node: node k has the children 2 k and 2 k + 1, the root is 1.

    columns: IN; boxes: (2 leaves, 6) OUT, leaves a power of two, no more than points; each leaf has
    as many points as the others or one less, in the order of columns.
    """
    n, leaves = columns.shape[1], boxes.shape[0] // 2
    for leaf in range(leaves):
        bound_points(columns, leaf * n // leaves, (leaf + 1) * n // leaves, boxes[leaves + leaf])
    for node in range(leaves - 1, 0, -1):
        for side in range(6):
            boxes[node, side] = max(boxes[2 * node, side], boxes[2 * node + 1, side])


@kernel
def bound_points(columns, start, stop, box):
    """Bound points: box (6,) float64 OUT, the greatest x, y, z and the greatest -x, -y, -z."""
    for axis in range(3):
        low, high = np.inf, -np.inf
        for i in range(start, stop):
            low, high = min(low, columns[axis, i]), max(high, columns[axis, i])
        box[axis], box[3 + axis] = high, -low


@kernel
def may_boxes_beat(boxes, a, b, e2, beat):
    """Return True if bounds 1 and 3 let points of box a and b be beyond the distance to beat."""
    apart, opposite, w = 0.0, 0.0, 0.0
    for axis in range(3):
        w = max(boxes[a, axis] + boxes[b, 3 + axis], boxes[b, axis] + boxes[a, 3 + axis])
        v = max(0.0, -boxes[a, axis] - boxes[b, axis], -boxes[a, 3 + axis] - boxes[b, 3 + axis])
        apart += w * w
        opposite += v * v
    return apart * beat[0] > opposite * beat[1] and apart - e2 * (w * w) > beat[2]


@kernel
def may_points_beat(columns, i, j, e2, beat):
    """Return True if all three bounds let points i and j be beyond the distance to beat."""
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
    return lambert_bound(apart, opposite, (z2 + z) * (z2 + z), w, e2) > beat[3]


@kernel
def lambert_bound(apart, opposite, zs, zd, e2):
    """Return bound 2, from D^2, S^2, (uz + vz)^2 and (uz - vz)^2."""
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
