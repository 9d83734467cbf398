"""Lloyd's algorithm on sorted values, by prefix sums in double-double.

Let values x_0 <= x_1 <= ... and centroids c_0 < c_1 < ... be sorted. The values nearest to a
centroid are a segment, and the segments end at midpoints of neighbouring centroids. With P_i the
sum of the first i values, a segment's sum is P_end - P_start. Its sum of distances to c needs one
more search (where x passes c). So one iteration costs k binary searches, O(k log n), instead of n k
distances.

The difference of two prefix sums cancels: with one value of 1e12 among values below 1, or with an
offset of 1e9, plain float64 sums would leave few digits or none. Each prefix is therefore an
unevaluated sum of two float64 (106 bits; Dekker 1971, see `fastkm._kernels.dynamic_program`).

Ties: a value as far from one centroid as from the next one goes to the centroid with the lower
index in the caller's codebook, as in a comparison of all pairs. Distances are compared rounded, as
there, and both are monotone along the sorted values, so the search still finds the one place where
the choice changes. The codes must differ by more than the rounding of the largest distance: seen
from 1e36, 10 and 20 are equally far, and the lowest index of all would win, not a neighbour's.

Arrays are C-contiguous, and float64 unless a type is given.
"""

from fastkm._kernels._jit import kernel

SPLITTER = 134217729.0
"""2^27 + 1, Veltkamp's constant: splits a float64 into two halves whose products are exact."""


# two_sum and two_product are in `dynamic_program` too: see the cache policy in `_jit`
@kernel
def two_sum(a, b):
    """Return a + b rounded, and its rounding error, exactly."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


@kernel
def two_product(a, b):
    """Return a * b rounded, and its rounding error, exactly (without overflow and underflow)."""
    p = a * b
    t = SPLITTER * a
    a_high = t - (t - a)
    a_low = a - a_high
    t = SPLITTER * b
    b_high = t - (t - b)
    b_low = b - b_high
    return p, ((a_high * b_high - p) + a_high * b_low + a_low * b_high) + a_low * b_low


@kernel
def divide(high, low, n):
    """Divide a double-double by `n`, so closely that the mean of n equal values is that value."""
    q = high / n
    p, e = two_product(q, n)
    return q + ((high - p) - e + low) / n


@kernel
def compute_prefix_sums(x, high, low):
    """Write the prefix sums of x: (n,) IN, 0 first, in double-double; high, low: (n + 1,) OUT."""
    s, e = 0.0, 0.0
    high[0], low[0] = s, e
    for i in range(x.shape[0]):
        s, t = two_sum(s, x[i])
        s, e = two_sum(s, e + t)
        high[i + 1], low[i + 1] = s, e


@kernel
def find_first_above(x, start, stop, c):
    """Return the index of the first value of sorted x[start:stop] above `c`, or stop."""
    while start < stop:
        middle = (start + stop) // 2
        if x[middle] > c:
            stop = middle
        else:
            start = middle + 1
    return start


@kernel
def find_boundary(x, start, stop, a, b, tie_to_b):
    """Return the index of the first value of x[start:stop] nearer to `b` than to `a`, a < b."""
    while start < stop:
        middle = (start + stop) // 2
        to_a = abs(x[middle] - a)
        to_b = abs(b - x[middle])
        if to_b < to_a or (tie_to_b and to_b == to_a):
            stop = middle
        else:
            start = middle + 1
    return start


@kernel
def sum_distances(x, high, low, start, stop, c):
    """Return the sum of |x - c| over x[start:stop], in double-double."""
    middle = find_first_above(x, start, stop, c)
    # twice the prefix at the middle, less those at both ends: above minus below
    s, e = 0.0, 0.0
    for end, sign in ((start, 1.0), (stop, 1.0), (middle, -2.0)):
        s, t = two_sum(s, sign * high[end])
        s, e = two_sum(s, e + t + sign * low[end])
    p, q = two_product(c, float(2 * middle - start - stop))
    s, t = two_sum(s, p)
    return two_sum(s, e + t + q)


@kernel
def step_sorted(x, high, low, codebook, order, means, counts):
    """Do one iteration; return the sum of the distances to `codebook`.

    x: (n,) ascending IN; high, low: (n + 1,) IN, its prefix sums; codebook: (k,) IN; order: (k,)
    int64 IN, its stable sort; means: (k,) OUT, 0 without members; counts: (k,) int64 OUT.
    """
    n = x.shape[0]
    means[:] = 0.0
    counts[:] = 0
    s, e = 0.0, 0.0
    start = 0
    a = order[0]
    for position in range(1, order.shape[0] + 1):
        # the segment of centroid a ends where the next centroid b is nearer
        stop = n
        b = a
        if position < order.shape[0]:
            b = order[position]
            if codebook[b] == codebook[a]:
                continue  # the lowest index of equal centroids takes all
            stop = find_boundary(x, start, n, codebook[a], codebook[b], b < a)
        # its mean, its count and its distances
        if stop > start:
            counts[a] = stop - start
            total, t = two_sum(high[stop], -high[start])
            means[a] = divide(total, t + (low[stop] - low[start]), float(stop - start))
            p, q = sum_distances(x, high, low, start, stop, codebook[a])
            s, t = two_sum(s, p)
            s, e = two_sum(s, e + t + q)
        start = stop
        a = b
    return s + e


@kernel
def iterate_sorted(x, high, low, codes, before, order, means, counts, iterations):
    """Do iterations; return the last one's sum of distances, and in how many a code had no value.

    A code without values stays. If no code changes, the iterations that are left would do the same,
    and are not done. The number is -1 if codes are not finite or so close that values may be equally
    far from several by rounding: `step_sorted` must not be called. x, high, low: as there; codes: (k,)
    INOUT, of a floating type; before: (k,) OUT, codes before the last iteration; order: (k,) int64 OUT;
    means, counts: OUT, as there.
    """
    k = codes.shape[0]
    total, empties = 0.0, 0
    for left in range(iterations, 0, -1):
        # sort the codes by insertion; of equal ones the lowest index comes first
        for j in range(k):
            c = float(codes[j])
            before[j] = c
            place = j
            while place > 0 and before[order[place - 1]] > c:
                order[place] = order[place - 1]
                place -= 1
            order[place] = j
        # four times the spacing of the largest distance, or somewhat more
        least, most = before[order[0]], before[order[k - 1]]
        limit = max(x[x.shape[0] - 1] - least, most - x[0]) * 2.0**-50 + 2.0**-1000
        for p in range(1, k):
            gap = before[order[p]] - before[order[p - 1]]
            if gap != 0.0 and not gap > limit:
                return total, -1
        if not (least > -(2.0**1000) and most < 2.0**1000):
            return total, -1
        # the new codes
        total = step_sorted(x, high, low, before, order, means, counts)
        empty, changed = 0, False
        for j in range(k):
            if counts[j] > 0:
                codes[j] = means[j]
                changed |= codes[j] != before[j]
            else:
                empty = 1
        if not changed:
            return total, empties + left * empty
        empties += empty
    return total, empties
