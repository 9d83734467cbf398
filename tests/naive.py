"""Obvious twins of the kernels: slow, short, and without a line of fastkm.

Sums that a kernel keeps in extended precision are exact here (`fractions.Fraction`).
"""

import itertools
from fractions import Fraction

import numpy as np


def assign(x, codebook):
    """Compare every row with every code, in the type of the rows; the first nearest wins."""
    codes = np.zeros(len(x), np.int32)
    best = np.full(len(x), np.inf, x.dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        for j, code in enumerate(codebook):
            square = np.zeros(len(x), x.dtype)
            for f in range(x.shape[1]):
                difference = x[:, f] - code[f]
                square += difference * difference
            nearer = square < best
            best[nearer] = square[nearer]
            codes[nearer] = j
        return codes, np.sqrt(best)


def assign_by_breaks(x, breaks):
    """Count the breaks below each value, one value at a time."""
    return np.array([-1 if v != v else sum(bool(v > b) for b in breaks) for v in x])


def accumulate(x, codes, distances, k):
    """Sum rows and distances, one row at a time."""
    sums, counts, total = np.zeros((k, x.shape[1])), np.zeros(k, np.int64), 0.0
    for row, code, distance in zip(x, codes, distances, strict=True):
        sums[code] += row
        counts[code] += 1
        total += float(distance)
    return sums, counts, total


def exact(values):
    """Give the values as fractions."""
    return [Fraction(float(value)) for value in values]


def prefix_sums(x):
    """Sum the first i values exactly, for i = 0 ... n."""
    return list(itertools.accumulate(exact(x), initial=Fraction(0)))


def sorted_step(x, codebook):
    """Do one iteration of Lloyd: all pairs, exact sums; give means, counts, sum of distances."""
    codes, _ = assign(np.asarray(x)[:, None], np.asarray(codebook)[:, None])
    means, counts, total = [], [], Fraction(0)
    for j, centre in enumerate(exact(codebook)):
        members = exact(x[codes == j])
        counts.append(len(members))
        means.append(float(sum(members) / len(members)) if members else 0.0)
        total += sum(abs(member - centre) for member in members)
    return np.array(means), np.array(counts), float(total)


def moments(values, counts, centre):
    """Count, sum and sum of squares of the first i centred values, exactly: (m + 1) triples."""
    rows = [(Fraction(0), Fraction(0), Fraction(0))]
    centre = Fraction(float(centre))
    for value, count in zip(exact(values), counts, strict=True):
        n, s, q = rows[-1]
        y = value - centre
        rows.append((n + int(count), s + int(count) * y, q + int(count) * y * y))
    return rows


def segment_cost(values, counts, j, i):
    """Sum of squares of the values j .. i-1 about their mean, exactly."""
    members = [(v, int(c)) for v, c in zip(exact(values[j:i]), counts[j:i], strict=True)]
    size = sum(c for _, c in members)
    if size == 0:
        return Fraction(0)
    mean = sum(v * c for v, c in members) / size
    return sum(c * (v - mean) ** 2 for v, c in members)


def segment_costs(values, counts):
    """Cost of every segment, exactly, by the key (j, i)."""
    rows = moments(values, counts, 0)
    costs = {}
    for j, i in itertools.combinations(range(len(rows)), 2):
        n, s, q = (b - a for a, b in zip(rows[j], rows[i], strict=True))
        costs[j, i] = q - s * s / n
    return costs


def layers(cost, size, k, *, slack=None, gap=1):
    """Run the O(k m^2) program on any segment cost; give the tables of costs and lowest cuts.

    Costs are None where there are fewer positions than segments.
    """
    slack = [0] * size if slack is None else slack
    table = [[cost(0, i) - slack[i] for i in range(size)]]
    cuts = [[0] * size]
    for q in range(1, k):
        row, cut = [None] * size, [0] * size
        for i in range(gap * (q + 1), size):
            for j in range(gap * q, i - gap + 1):
                trial = table[q - 1][j] + cost(j, i)
                if row[i] is None or trial < row[i]:
                    row[i], cut[i] = trial, j
            row[i] -= slack[i]
        table.append(row)
        cuts.append(cut)
    return table, cuts


def optimal_cuts(values, counts, k):
    """Find the exact optimum: its cost and its cuts, of equal ones the lowest (last cut first)."""
    costs = segment_costs(values, counts)
    m = len(values)
    table, cuts = layers(lambda j, i: costs[j, i] if j < i else Fraction(0), m + 1, k)
    path = [m]
    for q in range(k - 1, -1, -1):
        path.append(cuts[q][path[-1]])
    return table[k - 1][m], path[::-1]


def all_partitions(values, counts, k):
    """Give every partition into k segments with its exact cost: pairs (cost, cuts)."""
    costs = segment_costs(values, counts)
    m = len(values)
    result = []
    for inner in itertools.combinations(range(1, m), k - 1):
        cuts = [0, *inner, m]
        result.append((sum(costs[pair] for pair in itertools.pairwise(cuts)), cuts))
    return result


def partition_cost(values, counts, cuts):
    """Cost of one partition, exactly."""
    return sum(segment_cost(values, counts, j, i) for j, i in itertools.pairwise(cuts))


def farthest(points, start=0, stop=None):
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


def turn(a, b, c):
    """Twice the signed area of a triangle, exactly."""
    (ax, ay), (bx, by), (cx, cy) = (exact(point) for point in (a, b, c))
    return (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)


def hull(points):
    """Find the corners of different points: those no segment or triangle of others covers."""
    corners = set()
    for i, p in enumerate(points):
        others = [points[j] for j in range(len(points)) if j != i]
        # p is a corner if all others lie in an open half-plane through p, or on one ray from p
        if len(others) == 0:
            corners.add(i)
            continue
        for q in others:
            turns = [turn(p, q, other) for other in others]
            ahead = [
                sum((b - a) * (d - a) for a, b, d in zip(exact(p), exact(q), exact(o), strict=True))
                for o in others
            ]
            if all(t > 0 or (t == 0 and a > 0) for t, a in zip(turns, ahead, strict=True)):
                corners.add(i)
                break
    return corners


def octagon(points):
    """Mark what is not strictly inside the octagon of the first extreme points."""
    directions = [(1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1)]
    corners = [int(np.argmax(a * points[:, 0] + b * points[:, 1])) for a, b in directions]
    keep = np.zeros(len(points), bool)
    keep[corners] = True
    for a, b in zip(corners, corners[1:] + corners[:1], strict=True):
        if a != b:
            keep |= [turn(points[a], points[b], point) <= 0 for point in points]
    return keep
