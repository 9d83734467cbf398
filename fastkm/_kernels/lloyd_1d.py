"""Lloyd's algorithm on sorted values, by prefix sums in double-double.

Sorted values x_0 <= x_1 <= ... and centroids c_0 < c_1 < ...: the values nearest to a centroid
are a segment, and the segments end at the midpoints of neighbouring centroids. With
P_i = x_0 + ... + x_{i-1} a segment's sum is P_end - P_start, its sum of distances to c needs
one more search (where x passes c), so one iteration costs k binary searches, O(k log n), in
place of the n k distances of the plain algorithm.

The difference of two prefix sums cancels: with one value of 1e12 among values below 1, or with
an offset of 1e9, plain float64 sums would leave few digits or none. Each prefix is therefore an
unevaluated sum of two float64 (106 bits), after T. J. Dekker, A floating-point technique for
extending the available precision, Numer. Math. 18 (1971).

Ties: a value as far from one centroid as from the next goes to the one with the lower index in
the caller's codebook, as a comparison of all pairs would send it. Distances are compared
rounded, as such a comparison sees them; both are monotone along the sorted values, so the
search still finds the one place where the choice changes.

The codes must differ by more than the rounding of the largest distance: seen from 1e36, 10 and 20
are equally far, and the lowest index of all would win, not a neighbour's.

Arrays are C-contiguous float64 where not said otherwise.
"""

from fastkm._kernels._jit import kernel

SPLITTER = 134217729.0
"""2^27 + 1, Veltkamp's constant: splits a float64 into two halves whose products are exact."""


# two_sum and two_product stand in `dynamic` too: see the cache policy in `fastkm._kernels._jit`
@kernel
def two_sum(a, b):
    """Give a + b rounded, and the rounding error, exactly."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


@kernel
def two_product(a, b):
    """Give a * b rounded, and the rounding error, exactly (no overflow, no underflow)."""
    p = a * b
    t = SPLITTER * a
    a_high = t - (t - a)
    a_low = a - a_high
    t = SPLITTER * b
    b_high = t - (t - b)
    b_low = b - b_high
    return p, ((a_high * b_high - p) + a_high * b_low + a_low * b_high) + a_low * b_low


@kernel
def quotient(high, low, n):
    """Divide a double-double by `n`, so closely that n equal values have themselves as mean."""
    q = high / n
    p, e = two_product(q, n)
    return q + ((high - p) - e + low) / n


@kernel
def prefix_sums(x, high, low):
    """Fill the prefix sums of `x`: entry i holds the sum of the first i values.

    x: (n,) IN; high, low: (n + 1,) OUT.
    """
    s, e = 0.0, 0.0
    high[0], low[0] = s, e
    for i in range(x.shape[0]):
        s, t = two_sum(s, x[i])
        s, e = two_sum(s, e + t)
        high[i + 1], low[i + 1] = s, e


@kernel
def passed(x, start, stop, c):
    """Count from 0 to the first value of x[start:stop] above `c`."""
    while start < stop:
        middle = (start + stop) // 2
        if x[middle] > c:
            stop = middle
        else:
            start = middle + 1
    return start


@kernel
def boundary(x, start, stop, a, b, tie_to_b):
    """Find the first value of x[start:stop] that is nearer to `b` than to `a`, a < b."""
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
def segment_distances(x, high, low, start, stop, c):
    """Sum |x - c| over x[start:stop], in double-double."""
    middle = passed(x, start, stop, c)
    # twice the prefix at the middle, less those at both ends: above minus below
    s, e = 0.0, 0.0
    for end, sign in ((start, 1.0), (stop, 1.0), (middle, -2.0)):
        s, t = two_sum(s, sign * high[end])
        s, e = two_sum(s, e + t + sign * low[end])
    p, q = two_product(c, float(2 * middle - start - stop))
    s, t = two_sum(s, p)
    return two_sum(s, e + t + q)


@kernel
def sorted_step(x, high, low, codebook, order, means, counts):
    """Do one iteration; return the sum of the distances to `codebook`.

    x: (n,) ascending IN; high, low: (n + 1,) of `prefix_sums` IN; codebook: (k,) IN;
    order: (k,) int64 IN, the stable sort of codebook; means: (k,) OUT, 0 without members;
    counts: (k,) int64 OUT.
    """
    n = x.shape[0]
    means[:] = 0.0
    counts[:] = 0
    s, e = 0.0, 0.0
    start = 0
    a = order[0]
    for position in range(1, order.shape[0] + 1):
        stop = n
        b = a
        if position < order.shape[0]:
            b = order[position]
            if codebook[b] == codebook[a]:
                continue  # the lowest index of equal centroids takes all
            stop = boundary(x, start, n, codebook[a], codebook[b], b < a)
        if stop > start:
            counts[a] = stop - start
            total, t = two_sum(high[stop], -high[start])
            means[a] = quotient(total, t + (low[stop] - low[start]), float(stop - start))
            p, q = segment_distances(x, high, low, start, stop, codebook[a])
            s, t = two_sum(s, p)
            s, e = two_sum(s, e + t + q)
        start = stop
        a = b
    return s + e
