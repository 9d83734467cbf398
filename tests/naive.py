"""Obvious twins of the kernels: slow, short, and without a line of fastkm.

Sums that a kernel keeps in extended precision are exact here (`fractions.Fraction`).
"""

import itertools
from fractions import Fraction
from functools import lru_cache
from types import MappingProxyType

import numpy as np


def square_distances(x, codebook):
    """Square the distances of all pairs, in the type of the rows and in feature order: (n, k)."""
    squares = np.zeros((len(x), len(codebook)), x.dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        for f in range(x.shape[1]):
            squares += (x[:, f, None] - codebook[:, f].astype(x.dtype)) ** 2
    return squares


def assign(x, codebook):
    """Compare every row with every code; the first nearest wins. Return codes and squares."""
    codes = np.zeros(len(x), np.int32)
    best = np.full(len(x), np.inf, x.dtype)
    for j, square in enumerate(square_distances(x, codebook).T):
        nearer = square < best
        best[nearer] = square[nearer]
        codes[nearer] = j
    return codes, best


def rank_squares(squares):
    """Sort the squares of each row: the first of the least ones, the least and the second one."""
    ranked = np.sort(np.c_[squares, np.full(len(squares), np.inf, squares.dtype)], axis=1)
    return squares.argmin(axis=1), ranked[:, 0], ranked[:, 1]


def list_changes(code, labels):
    """List the places where two labels differ, one row at a time."""
    return [i for i, label in enumerate(labels) if code[i] != label]


def assign_by_breaks(x, breaks):
    """Count the breaks below each value, one value at a time."""
    return np.array([-1 if v != v else sum(bool(v > b) for b in breaks) for v in x])


def sum_clusters(x, labels, weights, k):
    """Sum rows by label, exactly, then round: sums (k, d), masses, counts of rows with a weight."""
    sums = [[Fraction(0)] * x.shape[1] for _ in range(k)]
    masses, counts = [Fraction(0)] * k, np.zeros(k, np.int64)
    for row, label, w in zip(x, labels, as_fractions(weights), strict=True):
        sums[label] = [s + w * v for s, v in zip(sums[label], as_fractions(row), strict=True)]
        masses[label] += w
        counts[label] += w > 0
    return np.array(sums).astype(float), np.array(masses).astype(float), counts


def run_lloyd(x, codebook, weights, max_iter, tol):
    """Iterate as scikit-learn does; return centroids, labels, inertia, number of iterations."""
    x, codes = x.astype(float), np.array(codebook, float)
    limit, labels, iterations = tol * x.var(axis=0).mean(), None, 0
    while iterations < max_iter:
        iterations += 1
        before, (labels, squares) = labels, assign(x, codes)
        owners = labels.copy()
        empty = [j for j in range(len(codes)) if weights[labels == j].sum() == 0]
        far = np.argsort(-np.where(weights > 0, squares, -1), kind="stable")
        for j, row in zip(empty, far[: len(empty)], strict=True):
            owners[row] = j
        means = codes.copy()
        for j in range(len(codes)):
            w = weights[owners == j]
            if w.sum() > 0:
                means[j] = w @ x[owners == j] / w.sum()
        moved, codes = np.sum((means - codes) ** 2), means
        if np.array_equal(before, labels) or moved <= limit:
            break
    labels, squares = assign(x, codes)
    return codes, labels, float(squares @ weights), iterations


def as_fractions(values):
    """Return the values as fractions."""
    return [Fraction(float(value)) for value in values]


def compute_prefix_sums(x):
    """Sum the first i values exactly, for i = 0 ... n."""
    return list(itertools.accumulate(as_fractions(x), initial=Fraction(0)))


def step_sorted(x, codebook):
    """Do one iteration of Lloyd: all pairs, exact sums; return means, counts, sum of distances."""
    codes, _ = assign(np.asarray(x)[:, None], np.asarray(codebook)[:, None])
    means, counts, total = [], [], Fraction(0)
    for j, centre in enumerate(as_fractions(codebook)):
        members = as_fractions(x[codes == j])
        counts.append(len(members))
        means.append(float(sum(members) / len(members)) if members else 0.0)
        total += sum(abs(member - centre) for member in members)
    return np.array(means), np.array(counts), float(total)


def accumulate_moments(values, weights, centre):
    """Sum w, w y and w y^2 of the first i values, y = value - centre, exactly: m + 1 triples."""
    rows = [(Fraction(0), Fraction(0), Fraction(0))]
    centre = Fraction(float(centre))
    for value, w in zip(as_fractions(values), as_fractions(weights), strict=True):
        n, s, q = rows[-1]
        y = value - centre
        rows.append((n + w, s + w * y, q + w * y * y))
    return rows


def segment_cost(values, weights, j, i):
    """Return the sum of squares of the values j .. i-1 about their mean, exactly."""
    members = list(zip(as_fractions(values[j:i]), as_fractions(weights[j:i]), strict=True))
    size = sum(w for _, w in members)
    if size == 0:
        return Fraction(0)
    mean = sum(v * w for v, w in members) / size
    return sum(w * (v - mean) ** 2 for v, w in members)


def segment_costs(values, weights, ends=None):
    """Return the exact cost of every segment by (j, i); between some positions, or all.

    Tests of the same data for several k follow each other: the last costs are kept, read-only.
    """
    ends = None if ends is None else tuple(ends)
    return _segment_costs(tuple(map(float, values)), tuple(map(float, weights)), ends)


@lru_cache(maxsize=8)
def _segment_costs(values, weights, ends):
    rows = accumulate_moments(values, weights, 0)
    rows = rows if ends is None else [rows[end] for end in ends]
    costs = {(i, i): Fraction(0) for i in range(len(rows))}
    for j, i in itertools.combinations(range(len(rows)), 2):
        n, s, q = (b - a for a, b in zip(rows[j], rows[i], strict=True))
        costs[j, i] = q - s * s / n
    return MappingProxyType(costs)


def solve_layers(costs, layers, slack=None, *, empty=False):
    """Try every way to cut; return the least cost of each row of each layer, and its origin.

    costs: of segments, by (j, i); layers: the positions where each cut may be; slack: taken off
    the cost of each row, in the same nesting; empty: whether segments may be. Costs are None where
    there is no way; the lowest of equally good positions of the layer before wins.
    """
    table, cuts = [[Fraction(0)] * len(layers[0])], [[0] * len(layers[0])]
    for q in range(1, len(layers)):
        row, cut = [], []
        for r, i in enumerate(layers[q]):
            ways = [
                (before + costs[j, i], j)
                for before, j in zip(table[-1], layers[q - 1], strict=True)
                if before is not None and (j < i or (empty and j == i))
            ]
            best, origin = min(ways, default=(None, 0))
            off = 0 if slack is None else Fraction(float(slack[q][r]))
            row.append(None if best is None else best - off)
            cut.append(origin)
        table.append(row)
        cuts.append(cut)
    return table, cuts


def find_median(weights, j, i):
    """Return the first of the places j to i - 1 with half of their weight at or below it."""
    weights = as_fractions(weights)
    return next(t for t in range(j, i) if 2 * sum(weights[j : t + 1]) >= sum(weights[j:i]))


def deviation_costs(values, weights):
    """Return the exact sum of distances to a median for every segment, trying each value as one."""
    values, weights = as_fractions(values), as_fractions(weights)
    costs = {(i, i): Fraction(0) for i in range(len(values) + 1)}
    for j, i in itertools.combinations(range(len(values) + 1), 2):
        members = list(zip(values[j:i], weights[j:i], strict=True))
        costs[j, i] = min(sum(w * abs(v - centre) for v, w in members) for centre in values[j:i])
    return costs


def find_optimal_cuts(values, weights, k, costs=segment_costs):
    """Find the exact optimum: its cost and its cuts, of equal ones the lowest (last cut first)."""
    m = len(values)
    layers = [[0], *[list(range(1, m))] * (k - 1), [m]]
    table, cuts = solve_layers(costs(values, weights), layers)
    path = [m]
    for layer, cut in zip(layers[:0:-1], cuts[:0:-1], strict=True):
        path.append(cut[layer.index(path[-1])])
    return table[-1][-1], path[::-1]


def list_partitions(values, weights, k):
    """Return every partition into k segments with its exact cost: pairs (cost, cuts)."""
    costs = segment_costs(values, weights)
    m = len(values)
    result = []
    for inner in itertools.combinations(range(1, m), k - 1):
        cuts = [0, *inner, m]
        result.append((sum(costs[pair] for pair in itertools.pairwise(cuts)), cuts))
    return result


def partition_cost(values, weights, cuts):
    """Return the exact cost of one partition."""
    return sum(segment_cost(values, weights, j, i) for j, i in itertools.pairwise(cuts))


def to_key(bits, kind, size):
    """Return the place of a number among all of its type, from its bit pattern of `size` bits.

    kind: "f", "i" or "u". The two zeros of floats have one place.
    """
    half = 2 ** (size - 1)
    bits = int(bits)
    if kind == "u":
        return bits
    if kind == "i":
        return bits + half if bits < half else bits - half
    return half + bits if bits < half else half - (bits - half) - (bits > half)


def count_by_bin(keys, windows, size):
    """Count keys and add their last digits and squares of these, by bins of `size` keys.

    windows: pairs of least and greatest keys, cut into bins one after the other.
    """
    totals = {}
    for number in keys:
        before = 0
        for least, greatest in windows:
            if least <= number <= greatest:
                entry = totals.setdefault(before + (number - least) // size, [0, 0, 0])
                low = number % size
                for e, term in enumerate((1, low, low * low)):
                    entry[e] += term
            before += (greatest - least) // size + 1
    return totals


def sum_around_centres(values, weights, parts, centres):
    """Sum w, w d and w d^2 exactly, d = value - centre of its part: a dictionary by part."""
    sums = {}
    for value, w, part in zip(as_fractions(values), as_fractions(weights), parts, strict=True):
        d = value - Fraction(float(centres[part]))
        n, s, q = sums.get(part, (0, 0, 0))
        sums[part] = n + w, s + w * d, q + w * d * d
    return sums


def find_farthest_in_columns(points, start=0, stop=None):
    """Compare all pairs i <= j, start <= j < stop; the lowest i wins, then the lowest j."""
    best = (-1.0, 0, 0)
    for i in range(len(points)):
        for j in range(max(i, start), len(points) if stop is None else stop):
            square = 0.0
            for a, b in zip(points[i], points[j], strict=True):
                square += float(b - a) ** 2
            if square > best[0]:
                best = (square, i, j)
    return best


def orientation(a, b, c):
    """Return twice the signed area of a triangle, exactly."""
    (ax, ay), (bx, by), (cx, cy) = (as_fractions(point) for point in (a, b, c))
    return (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)


def find_hull(points):
    """Find the corners of different points: those no segment or triangle of others covers."""
    corners = set()
    for i, p in enumerate(points):
        others = [points[j] for j in range(len(points)) if j != i]
        # p is a corner if all others lie in an open half-plane through p, or on one ray from p
        if len(others) == 0:
            corners.add(i)
            continue
        for q in others:
            turns = [orientation(p, q, other) for other in others]
            ahead = [
                sum(
                    (b - a) * (d - a)
                    for a, b, d in zip(
                        as_fractions(p), as_fractions(q), as_fractions(o), strict=True
                    )
                )
                for o in others
            ]
            if all(t > 0 or (t == 0 and a > 0) for t, a in zip(turns, ahead, strict=True)):
                corners.add(i)
                break
    return corners


def find_strips(points, axis, box, m):
    """Return the strip of each point, of m equal ones across an axis, and the place within it."""
    place = (points[:, axis] - box[2 * axis]) * (m / (box[2 * axis + 1] - box[2 * axis]))
    strip = np.minimum(np.floor(place).astype(int), m - 1)
    return strip, place - strip


def find_strip_extremes(points, axis, box, m):
    """Find the first lowest and the first highest point of each strip, -1 where there is none."""
    strip, _ = find_strips(points, axis, box, m)
    ends = np.full((2, m), -1)
    for s in set(strip.tolist()):
        rows = np.flatnonzero(strip == s)
        heights = points[rows, 1 - axis]
        ends[:, s] = rows[heights.argmin()], rows[heights.argmax()]
    return ends


def upper_hull_height(points, x):
    """Return the height of the upper hull above x, exactly; None beyond its ends."""
    points = [as_fractions(point) for point in points]
    heights = [p[1] for p in points if p[0] == x]
    for (ax, ay), (bx, by) in itertools.permutations(points, 2):
        if ax < x < bx:
            heights.append(ay + (by - ay) * (x - ax) / (bx - ax))
    return max(heights, default=None)


def compute_globe_bounds(u, v, e2):
    """Return angle, Lambert's bound and chord of two points, in extended precision."""
    u, v = np.asarray(u, np.longdouble), np.asarray(v, np.longdouble)
    apart, opposite = np.linalg.norm(u - v), np.linalg.norm(u + v)
    if apart == 0:
        return 0.0, 0.0, 0.0
    t = 2 * np.arctan2(apart, opposite)
    chord = np.sqrt(apart**2 - e2 * (u[2] - v[2]) ** 2)
    if opposite > 1e-4:  # the integral of z'^2 along the arc, by Gauss's rule
        arc = (GAUSS[0] + 1) * t / 2
        slope = (v[2] * np.cos(arc) - u[2] * np.cos(t - arc)) / np.sin(t)
        total = GAUSS[1] @ slope**2 * t / 2
    else:  # which way the arc goes is rounding's; this much of the integral it has at least
        total = (t + np.sin(t)) * ((u[2] - v[2]) / apart) ** 2 / 2
    return float(t), float(np.sqrt(t * (t - e2 * total))), float(chord)


GAUSS = np.polynomial.legendre.leggauss(20)


def summarise(numbers, values, count):
    """Count, sum, least and greatest value of each region, NaN left out; sums are exact."""
    own = [values[(numbers == region) & (values == values)] for region in range(count)]
    return (
        [len(v) for v in own],
        [float(sum(as_fractions(v), Fraction(0))) for v in own],
        [min(v, default=np.inf) for v in own],
        [max(v, default=-np.inf) for v in own],
    )


def find_mixed_squares(pixels):
    """List the squares, by their upper left pixels, with corners of 0 and of 1 and no others."""
    rows, columns = pixels.shape
    corners = {
        (r, c): {int(pixels[r + i, c + j]) for i in (0, 1) for j in (0, 1)}
        for r in range(rows - 1)
        for c in range(columns - 1)
    }
    return [square for square, values in corners.items() if values == {0, 1}]


def cut_square(image, level, row, column, *, high):
    """Cut a square into segments ((row, column), (row, column)), the low side on the left."""
    ul, ur, ll, lr = (float(image[row + i, column + j]) for i in (0, 1) for j in (0, 1))
    if any(np.isnan(pixel) for pixel in (ul, ur, ll, lr)):
        return []

    def part(a, b):
        with np.errstate(over="ignore", invalid="ignore"):
            return float(np.subtract(level, a) / np.subtract(b, a)) if a != b else 0.0

    edges = {
        "t": (float(row), column + part(ul, ur)),
        "b": (row + 1.0, column + part(ll, lr)),
        "l": (row + part(ul, ll), float(column)),
        "r": (row + part(ur, lr), column + 1.0),
    }
    above = "".join("-+"[pixel > level] for pixel in (ul, ur, ll, lr))
    cuts = {
        "+---": "tl", "-+--": "rt", "++--": "rl", "--+-": "lb", "+-+-": "tb", "+++-": "rb",
        "---+": "br", "-+-+": "bt", "++-+": "bl", "--++": "lr", "+-++": "tr", "-+++": "lt",
        "-++-": "lt rb" if high else "rt lb", "+--+": "tr bl" if high else "tl br",
    }  # fmt: skip
    return [(edges[a], edges[b]) for a, b in map(tuple, cuts.get(above, "").split())]


def link_segments(segments):
    """Link segments as scikit-image does, by two dictionaries of coordinates.

    Segments whose ends are equal are left out; NaN coordinates equal nothing.
    """
    contours, starts, ends = {}, {}, {}
    for number, (a, b) in enumerate(segments):
        if a == b:
            continue
        tail, head = starts.pop(b, None), ends.pop(a, None)
        if head is None and tail is None:
            contours[number] = [a, b]
            starts[a] = ends[b] = number
        elif head is None:
            contours[tail].insert(0, a)
            starts[a] = tail
        elif tail is None:
            contours[head].append(b)
            ends[b] = head
        elif head == tail:
            contours[head].append(b)
        else:
            joined = contours.pop(head) + contours.pop(tail)
            contours[min(head, tail)] = joined
            starts[joined[0]] = ends[joined[-1]] = min(head, tail)
    return [contours[number] for number in sorted(contours)]


def number_regions(labels):
    """Number the 4-connected regions of equal labels by first cell; negative is missing."""
    numbers = np.full(labels.shape, -1, np.int32)
    count = 0
    for first in np.ndindex(labels.shape):
        if labels[first] < 0 or numbers[first] >= 0:
            continue
        numbers[first], flood = count, [first]
        while flood:
            row, column = flood.pop()
            for cell in (
                (row - 1, column),
                (row + 1, column),
                (row, column - 1),
                (row, column + 1),
            ):
                inside = 0 <= cell[0] < labels.shape[0] and 0 <= cell[1] < labels.shape[1]
                if inside and numbers[cell] < 0 and labels[cell] == labels[first]:
                    numbers[cell] = count
                    flood.append(cell)
        count += 1
    return numbers


def trace_rings(inside, *, contour, junctions=()):
    """Walk along the edges of a bool map from corner to corner, the region on the right hand.

    Where there is a choice, turn left (around foreign cells), for a contour right. Closed rings of
    (row, column), by first corner in raster order, which is where they start: the corners where
    they turn and those among `junctions`, or for a contour the midpoints of all edges.
    """
    padded = np.pad(inside, 1)
    leave = {}  # from each corner the directions in which edges leave
    for corner in np.ndindex(inside.shape[0] + 1, inside.shape[1] + 1):
        (nw, ne), (sw, se) = padded[corner[0] : corner[0] + 2, corner[1] : corner[1] + 2].tolist()
        edges = {(0, 1): (ne, se), (1, 0): (se, sw), (0, -1): (sw, nw), (-1, 0): (nw, ne)}
        leave[corner] = [d for d, (left, right) in edges.items() if right and not left]
    rings = []
    for start, ways in leave.items():
        while ways:
            corner, steps, path = start, ways[:1], []
            while True:
                down, along = steps[-1]
                leave[corner].remove(steps[-1])
                path.append(corner)
                corner = (corner[0] + down, corner[1] + along)
                right, left = (along, -down), (-along, down)
                order = [right, (down, along), left] if contour else [left, (down, along), right]
                onward = [d for d in order if d in leave[corner]]
                if not onward:
                    break
                steps.append(onward[0])
            if contour:
                ring = [np.add(p, np.divide(d, 2)) for p, d in zip(path, steps, strict=True)]
            else:
                turned = [a != b for a, b in zip(steps, steps[-1:] + steps[:-1], strict=True)]
                ring = [p for p, turn in zip(path, turned, strict=True) if turn or p in junctions]
            rings.append(np.array([*ring, ring[0]]) - 0.5)
    return rings


def find_free_corners(numbers, corners):
    """List for each corner, (row, column) of halves, whether three cells around it are of one region.

    The fourth is of another one, and the corner is within the map.
    """
    free = []
    for row, column in np.asarray(corners + 0.5, int).tolist():
        inside = 0 < row < numbers.shape[0] and 0 < column < numbers.shape[1]
        cells = numbers[row - 1 : row + 1, column - 1 : column + 1].ravel().tolist()
        free.append(inside and sorted(cells.count(cell) for cell in set(cells)) == [1, 3])
    return free


def smooth_ring(ring, free, passes):
    """Cut the free corners of a closed ring, one pass after another, and what these leave."""
    points = [(np.array(p), f) for p, f in zip(ring[:-1], free[:-1], strict=True)]
    for number in range(passes):
        cut = []
        for i, (p, is_free) in enumerate(points):
            if not is_free:
                cut.append((p, False))
                continue
            for q in (points[i - 1][0], points[(i + 1) % len(points)][0]):
                edge = np.abs(q - p).max()
                cut.append((p + (q - p) / edge * min(edge / 4, 0.25 * 0.5**number), True))
        points = cut
    return np.array([p for p, _ in [*points, points[0]]])


def cut_all_corners(ring, passes):
    """Chaikin's algorithm on a closed ring, with a point at every corner of a cell."""
    points = []
    for a, b in itertools.pairwise(ring):
        steps = int(np.abs(b - a).max())
        points += [a + (b - a) * step / steps for step in range(steps)]
    for _ in range(passes):
        edges = list(itertools.pairwise([*points, points[0]]))
        points = [p for a, b in edges for p in (0.75 * a + b / 4, a / 4 + 0.75 * b)]
    return np.array([*points, points[0]])


def thin_rings(rings, free, limit):
    """Leave out free points of closed rings, that of the smallest triangle of a line first.

    Each line is thinned in the first ring that it is part of. Points of equal triangles go by their
    number on the line, times 2654435761, modulo 2^32.
    """
    rings = [[tuple(p) for p in ring[:-1]] for ring in rings]
    fixed = {p for ring, own in zip(rings, free, strict=True)
             for p, f in zip(ring, own, strict=False) if not f}  # fmt: skip
    short = {p for ring in rings if len(fixed & set(ring)) == 2 for p in ring}
    there, done = {p for ring in rings for p in ring}, set()
    for ring in rings:
        start = next((i for i, p in enumerate(ring) if p in fixed), None)
        if start is None:
            lines = [ring]
        else:
            turned = ring[start:] + ring[: start + 1]
            ends = [i for i, p in enumerate(turned) if p in fixed]
            lines = [turned[i : j + 1] for i, j in itertools.pairwise(ends)]
        for line in lines:
            thin_line(line, start is None, there, done, short, limit)
    return [[p for p in ring if p in there] for ring in rings]


def cross(a, b, c):
    """Return twice the signed area of a triangle."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def thin_line(line, closed, there, done, short, limit):
    """Thin a line, or a ring, of points; see `thin_rings`."""
    inner = list(range(len(line))) if closed else list(range(1, len(line) - 1))
    if not inner or line[inner[0]] in done:
        return
    done.update(line[i] for i in inner)
    keep = 3 if closed else 2 if line[0] == line[-1] else int(line[inner[0]] in short)
    kept = list(range(len(line)))
    while len(kept) - 2 * (not closed) > keep:
        found = []
        for at, i in enumerate(kept):
            if i not in inner:
                continue
            around = [line[kept[at - 1]], line[i], line[kept[(at + 1) % len(kept)]]]
            turn = cross(*around)
            area, edges = abs(turn) / 2, list(itertools.pairwise([*around, around[0]]))
            blocked = area > 0 and any(
                all(cross(*edge, p) * turn >= 0 for edge in edges) for p in there - set(around)
            )
            if area <= limit and not blocked:
                found.append((area, i * 2654435761 % 2**32, i))
        if not found:
            return
        kept.remove(min(found)[2])
        there.remove(line[min(found)[2]])


def find_junctions(numbers):
    """Find the corners of cells where the ring of any region turns."""
    rings = [
        ring
        for region in range(numbers.max(initial=-1) + 1)
        for ring in trace_rings(numbers == region, contour=False)
    ]
    return {(row, column) for ring in rings for row, column in (ring + 0.5).astype(int).tolist()}


def sum_rows_by_label(rows, labels, weights, least, scales, centroids):
    """Count, weight, and scaled sums of values and squared distances by label, in plain floats."""
    k, d = centroids.shape
    counts = np.zeros(k, np.int64)
    sums = np.zeros((k, 1 + 2 * d))
    heavy = np.broadcast_to(weights, len(rows))
    for row, label, weight in zip(rows.astype(float), labels, heavy, strict=True):
        counts[label] += 1
        distances = (row - centroids[label]) * scales
        terms = [1.0, *((row - least) * scales), *(distances**2)]
        sums[label] += weight * np.array(terms)
    return counts, sums


def sum_integers_by_label(rows, labels, k):
    """Count rows and sum their numbers by label."""
    sums = np.zeros((k, 1 + rows.shape[1]), np.int64)
    for row, label in zip(rows.tolist(), labels, strict=True):
        sums[label] += [1, *row]
    return sums


def hash_place(place, seed):
    """Mix the bits of a number, modulo 2^64."""
    h = ((place + 1) * 0x9E3779B97F4A7C15 + seed) % 2**64
    h = ((h ^ (h >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
    h = ((h ^ (h >> 27)) * 0x94D049BB133111EB) % 2**64
    return h ^ (h >> 31)


def iterate_lloyd(rows, centroids, weights, iterations):
    """Run Lloyd's algorithm from given centroids; a cluster without rows stays."""
    for _ in range(iterations):
        distances = ((rows[:, None, :] - centroids[None]) ** 2).sum(axis=2)
        labels = distances.argmin(axis=1)
        moved = centroids.copy()
        for j in range(len(centroids)):
            if weights[labels == j].sum() > 0:
                moved[j] = np.average(rows[labels == j], axis=0, weights=weights[labels == j])
        centroids = moved
    return centroids


def collect_extremes(values, limits, most):
    """Return the least and the greatest distinct values within limits, each with its count."""
    distinct, counts = np.unique(values, return_counts=True)
    inside = (distinct >= limits[0]) & (distinct <= limits[1])
    pairs = list(zip(distinct[inside].tolist(), counts[inside].tolist(), strict=True))
    return pairs[:most], pairs[::-1][:most]


def count_held(block, held):
    """Count the values of a block that are equal to each of some numbers."""
    return [sum(value == number for value in block.tolist()) for number in held.tolist()]


def insert_first(values, limits, descending, most):
    """List the first distinct values within limits, in their order, with their counts."""
    inside = [value for value in values.tolist() if limits[0] <= value <= limits[1]]
    distinct = sorted(set(inside), reverse=descending)[:most]
    return [(value, inside.count(value)) for value in distinct]


def cut_into_folds(terms):
    """Cut numbers from 0 to 1 into the three first digits to the base 2^28, exactly."""
    whole = [int(Fraction(term) * 2**84) for term in terms.tolist()]
    return [(n >> 56, n >> 28 & (2**28 - 1), n & (2**28 - 1)) for n in whole]


def solve_at_price(costs, m, price, slack=None):
    """Return the least cost of the rows 0 to m if each segment costs a price more, less its slack."""
    best, slack = [Fraction(0)], np.zeros(m + 1) if slack is None else slack
    for i in range(1, m + 1):
        least = min(best[j] + costs[j, i] for j in range(i))
        best.append(least + Fraction(price) - Fraction(float(slack[i])))
    return best


def sieve(
    labels, limit, *, areas=None, connectivity=4, periodic=False, fill_holes=False, stripe=64
):
    """Let small regions join the label around them, in rounds of 2, 8, 32, ... cells; holes first."""
    labels = np.array(labels)
    areas = np.ones(labels.shape) if areas is None else areas
    order = sorted(np.ndindex(labels.shape), key=lambda c: (sum(c) % 2, c[0] // stripe % 2, c))

    def join(cell, turn, holes):
        """Let the region join if it begins at this cell and is small; return whether it did."""
        region = flood(labels, cell, connectivity, periodic)
        around = list_around(region, EDGES, labels.shape, periodic)
        beside = [labels[o] for o in around if labels[o] >= 0 and labels[o] != labels[cell]]
        is_small = len(region) < turn and sum(areas[each] for each in region) < limit
        if (labels[cell] < 0) != holes or not beside or not is_small:
            return False
        label = min(beside, key=lambda label: (-beside.count(label), label))
        for each in region:
            labels[each] = label
        return True

    for holes in (True, False) if fill_holes else (False,):
        turn = 2
        while turn < 4 * labels.size:
            for cell in order:
                if cell == min(flood(labels, cell, connectivity, periodic)):
                    while join(cell, turn, holes):
                        pass
            turn *= 4
    return labels


EDGES, CORNERS = [(-1, 0), (0, -1), (0, 1), (1, 0)], [(-1, -1), (-1, 1), (1, -1), (1, 1)]


def flood(labels, cell, connectivity, periodic):
    """List the cells of the region of a cell."""
    region, seen, steps = [cell], {cell}, EDGES + CORNERS * (connectivity == 8)
    for each in region:
        around = set(list_neighbours(each, steps, labels.shape, periodic)) - seen
        region += [other for other in around if labels[other] == labels[cell]]
        seen |= around
    return region


def list_around(region, steps, shape, periodic):
    """List what is some steps from the cells of a region, as often as it is."""
    return [o for each in region for o in list_neighbours(each, steps, shape, periodic)]


def list_neighbours(cell, steps, shape, periodic):
    """List the cells some steps from a cell, round the globe if it is periodic."""
    rows, columns = shape
    moved = [(cell[0] + down, cell[1] + right) for down, right in steps]
    moved = [(row, column % columns if periodic else column) for row, column in moved]
    return [(row, column) for row, column in moved if 0 <= row < rows and 0 <= column < columns]


def find_faces(values):
    """Return the convex faces of a raster in which lines of levels are straight: corners and heights.

    Corners are (row, column), in order. Together they cover the cells that are not NaN.
    """
    padded = np.pad(np.asarray(values, float), 1, constant_values=np.nan)
    faces = []
    for i, j in np.ndindex(padded.shape[0] - 1, padded.shape[1] - 1):
        corners = [(i - 1, j - 1), (i - 1, j), (i, j), (i, j - 1)]
        heights = [padded[row + 1, column + 1] for row, column in corners]
        nodes = [
            (np.array(own, float), height) for own, height in zip(corners, heights, strict=True)
        ]
        middle = np.array([i - 0.5, j - 0.5])
        there = [k for k in range(4) if not np.isnan(heights[k])]
        if len(there) == 4:
            faces.append(nodes)
        elif len(there) == 3:
            k = next(k for k in range(4) if {(k - 1) % 4, k, (k + 1) % 4} == set(there))
            a, b, c = nodes[k - 1], nodes[k], nodes[(k + 1) % 4]
            lost = nodes[(k + 2) % 4][0]
            centre = (middle, (a[1] + c[1]) / 2)
            faces.append([a, b, centre, ((a[0] + lost) / 2, a[1])])
            faces.append([b, c, ((c[0] + lost) / 2, c[1]), centre])
        elif len(there) == 2 and (there[1] - there[0]) % 2:
            p, q = nodes[there[0]], nodes[there[1]]
            inward = middle - (p[0] + q[0]) / 2
            faces.append([p, q, (q[0] + inward, q[1]), (p[0] + inward, p[1])])
        else:
            for corner, height in (nodes[k] for k in there):
                row, column = corner
                ends = [corner, (row, middle[1]), middle, (middle[0], column)]
                faces.append([(np.array(end), height) for end in ends])
    return faces


def find_higher_parts(face, level):
    """Return the polygons of a face in which values are above a level."""
    rings, ring = [], []
    centre = np.mean([height for _, height in face])
    is_high = [height > level for _, height in face]
    is_saddle = is_high in ([True, False, True, False], [False, True, False, True])
    for k in range(4):
        (point, height), (other, further) = face[k], face[(k + 1) % 4]
        if is_high[k]:
            ring.append(point)
        if is_high[k] != is_high[(k + 1) % 4]:
            ring.append(point + (level - height) / (further - height) * (other - point))
            if is_high[k] and is_saddle and centre <= level:
                rings.append(ring)
                ring = []
    if is_saddle and len(rings) == 2 and ring:  # began amid the part that ends last
        rings[0] = [*ring, *rings[0]]
        ring = []
    return [*rings, ring] if ring else rings


def list_crossed_levels(a, b):
    """Return the levels that lie between labels a and b, in order from a to b."""
    return list(range(a, b)) or list(range(b, a))[::-1]


def place_crossings(a, b, low, high, levels):
    """Return at which shares of a line from label a to label b it crosses levels, kept apart."""
    marks, shares, last = list_crossed_levels(a, b), [], 0.0
    for left, mark in zip(range(len(marks), 0, -1), marks, strict=True):
        share = (levels[mark] - low) / (high - low)
        last = max(min(share, 1.0 - left / 65536), last + 1 / 65536)
        shares.append(last)
    return marks, shares


def count_vertices(values, levels):
    """Count the vertices of a lattice with a margin: on each row, along columns, between nodes.

    Rows are those of faces; on a row means on that below.
    """
    found = np.zeros((len(values) + 1, 3), int)
    names = {name for link in link_levels(values, levels) for name, _ in link}
    for row, column, *_ in names:
        if row % 1 == 0:
            found[int(row), 0] += 1
        else:
            found[int(np.floor(row)) + 1, 1 if column % 1 == 0 else 2] += 1
    return found


def link_levels(values, levels):
    """Link the vertices of lines of levels, face by face and level by level.

    A link is a pair of (vertex, side), and a vertex is (row, column, mark, node): node is () except
    for the corner of a cell that is alone in its face, of which two may lie in one place.
    """
    links = []
    for face in find_faces(values):
        points = np.array([point for point, _ in face])
        after = np.roll(points, -1, axis=0)
        if (points[:, 1] * after[:, 0] - points[:, 0] * after[:, 1]).sum() < 0:
            face = face[::-1]  # noqa: PLW2901
        labels = [int((levels < height).sum()) for _, height in face]
        nodes = [tuple(point.tolist()) for point, _ in face if not (point % 1).any()]

        def name(point, mark, nodes=nodes):
            alone = len(nodes) == 1 and mark < 0 and (point % 1).all()
            return (*np.round(point, 9).tolist(), mark, nodes[0] if alone else ())

        sides = []
        for k in range(4):
            (p, low), (q, high) = face[k], face[(k + 1) % 4]
            marks = list_crossed_levels(labels[k], labels[(k + 1) % 4])
            places = [p + (levels[mark] - low) / (high - low) * (q - p) for mark in marks]
            sides.append(
                {mark: name(place, mark) for mark, place in zip(marks, places, strict=True)}
            )
        # lines go from where values fall, round the face, to where they rise
        centre = np.mean([height for _, height in face])
        for mark in range(min(labels), max(labels)):
            falls = [k for k in range(4) if mark in sides[k] and labels[k] > mark]
            rises = [k for k in range(4) if mark in sides[k] and labels[k] <= mark]
            for down in falls:
                up = rises[0]
                if len(falls) == 2:  # a saddle: round the low corner, or round the high one
                    up = (down + 1) % 4 if centre > levels[mark] else (down - 1) % 4
                down_there, up_there = sides[down][mark], sides[up][mark]
                links += [((down_there, 1), (up_there, 1)), ((up_there, 0), (down_there, 0))]
        # the frame is between two corners that are no nodes
        for k in range(4):
            (p, _), (q, _) = face[k], face[(k + 1) % 4]
            if not ((p % 1).any() and (q % 1).any()):
                continue
            code = (name(p, ~labels[k]), 0)
            for mark, there in sides[k].items():
                near = 0 if labels[k] <= mark else 1
                links.append((code, (there, near)))
                code = (there, 1 - near)
            links.append((code, (name(q, ~labels[(k + 1) % 4]), 0)))
    return links


def walk_codes(following):
    """Return the rings of codes, each from its lowest one on."""
    rings, seen = [], set()
    for start, after in enumerate(following):
        if start in seen or after is None:
            continue
        ring, code = [start], after
        while code != start:
            ring.append(code)
            code = following[code]
        seen.update(ring)
        rings.append(ring)
    return rings


def list_pairs(marks, pixels, first):
    """Return the vertices of the frame that lie where the next one of the same band does."""
    return [
        v
        for v in range(first, len(marks) - 1)
        if marks[v] == marks[v + 1] < 0 and tuple(pixels[v]) == tuple(pixels[v + 1])
    ]


def split_rings(following, marks, pixels, first):
    """Return following, in which no ring has both vertices of a pair."""
    following = list(following)
    for v in list_pairs(marks, pixels, first):
        if any({2 * v, 2 * v + 2} <= set(ring) for ring in walk_codes(following)):
            following[2 * v], following[2 * v + 2] = following[2 * v + 2], following[2 * v]
    return following


def is_point(a, b, c, is_frame, pixels, places):
    """Return True if b is a point of a ring from a to c: it moves there, and turns if it may go."""
    a_place, b_place, c_place = (tuple(places[v]) for v in (a, b, c))
    if a_place == b_place:
        return False
    stands_still = b_place == c_place
    is_straight = any(len({pixels[v][axis] for v in (a, b, c)}) == 1 for axis in (0, 1))
    return not is_frame or stands_still or not is_straight


def find_lines(following, marks):
    """Return the lines of levels as (level, vertices), each from its beginning, closed ones closed."""
    after = {
        v: following[2 * v + 1] >> 1
        for v, mark in enumerate(marks)
        if mark >= 0 and following[2 * v + 1] & 1 and marks[following[2 * v + 1] >> 1] == mark
    }
    lines, left = [], {v for v, mark in enumerate(marks) if mark >= 0}
    starts = sorted(left - set(after.values()))
    while left:
        start = starts.pop(0) if starts else min(left)
        line = [start]
        while line[-1] in after and after[line[-1]] != start:
            line.append(after[line[-1]])
        left -= set(line)
        lines.append((int(marks[start]), line + [start] * (line[-1] in after)))
    return lines


def count_label_pairs(before, after, areas, n):
    """Count cells and add up areas by two labels, cell by cell; row and column 0 are missing."""
    cells, sums = np.zeros((2, n, n), object)
    for i, pair in enumerate(zip(before, after, strict=True)):
        row, column = (max(int(label), -1) + 1 for label in pair)
        cells[row, column] += 1
        sums[row, column] += int(areas[i]) if len(areas) else 0
    return cells, sums


def list_stays(labels):
    """List the stays of all cells of (time, cells) labels: label, length, whether its end is seen."""
    stays = []
    for cell in np.transpose(labels):
        runs = [(label, len(list(run))) for label, run in itertools.groupby(cell.tolist())]
        for (label, length), (follower, _) in itertools.pairwise([*runs, (-1, 0)]):
            if label >= 0:
                stays.append((label, length, follower >= 0))
    return stays


def count_overlaps(before, now, areas):
    """Sum the area and the cells that regions of two maps share, cell by cell: {(a, b): [area, cells]}."""
    shared = {}
    for cell in np.ndindex(before.shape):
        pair = (int(before[cell]), int(now[cell]))
        if min(pair) >= 0:
            sums = shared.setdefault(pair, [0.0, 0])
            sums[0] += areas[cell]
            sums[1] += 1
    return shared


def link_regions(steps, min_overlap, gap):
    """Follow regions through maps of their numbers: the tracks of each step, and the rows of the ledger.

    Every region is compared with every region of the steps that it may be linked to, by cells. A row is
    (step, event, parent track, child track, parent step, parent region, child region, shared cells).
    """
    sets = [
        [set(zip(*np.nonzero(numbers == n), strict=True)) for n in range(numbers.max() + 1)]
        for numbers in steps
    ]
    tracks, rows, linked, count = [], [], set(), 0
    for t, regions in enumerate(sets):
        links, found = [], set()
        for s in range(t - 1, max(t - gap - 2, -1), -1):
            now = [
                (len(a & b), s, i, j)
                for i, a in enumerate(sets[s])
                for j, b in enumerate(regions)
                if (s, i) not in linked and j not in found
                if a & b and len(a & b) >= min_overlap * min(len(a), len(b))
            ]
            links += now
            linked |= {(s, i) for _, s, i, _ in now}
            found |= {j for *_, j in now}
        own, origin = [None] * len(regions), {}
        taken = set()
        links.sort(key=lambda link: (-link[0], tracks[link[1]][link[2]], link[3]))
        for link in links:
            parent = tracks[link[1]][link[2]]
            if own[link[3]] is None and parent not in taken:
                own[link[3]], origin[link[3]] = parent, link
                taken.add(parent)
        for j in range(len(regions)):
            if own[j] is None:
                own[j], count = count, count + 1
                origin[j] = next((link for link in links if link[3] == j), None)
                if origin[j] is None:
                    rows.append((t, "birth", -1, own[j], -1, -1, j, 0))
        for link in links:
            shared, s, i, j = link
            parent = tracks[s][i]
            event = "merge"
            if origin[j] == link:
                event = "continue" if own[j] == parent else "split"
            rows.append((t, event, parent, own[j], s, i, j, shared))
        tracks.append(own)
    for s, regions in enumerate(sets):
        ends = [i for i in range(len(regions)) if (s, i) not in linked]
        rows += [(s, "death", tracks[s][i], -1, s, i, -1, 0) for i in ends]
    return tracks, sorted(rows)


def fill_by_centre(edges, y, x):
    """Polygons as they are filled by centre: the winding number of each centre, edge by edge."""
    filled = np.zeros((len(y), len(x)), bool)
    for i, j in np.ndindex(filled.shape):
        winding = 0
        for x0, y0, x1, y1 in edges:
            low, high = ((x1, y1), (x0, y0)) if y0 > y1 else ((x0, y0), (x1, y1))
            if not low[1] <= y[i] < high[1]:
                continue
            crossing = low[0] + (y[i] - low[1]) / (high[1] - low[1]) * (high[0] - low[0])
            if crossing <= x[j]:
                winding += 1 if y0 > y1 else -1
        filled[i, j] = winding != 0
    return filled
