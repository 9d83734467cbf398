"""Optimal k-means in one dimension, by dynamic programming over sorted distinct values.

An optimal clustering of m sorted distinct values cuts them into k segments. With C(j, i) the
within-cluster sum of squares of the values j .. i-1 and D_q(i) the least cost of cutting the
first i values into q segments,

    D_1(i) = C(0, i),    D_q(i) = min over j of D_{q-1}(j) + C(j, i).

C is Monge, so the lowest best j never moves left when i moves right. Rows are therefore done in
levels: first every 2^L-th, then the ones half-way between, each looking only between the
answers of its two done neighbours. A level costs O(m), a layer O(m log m) (Gronlund et al. 2017, section 2.2: the divide and conquer
of the textbooks, without the recursion). One run up to k gives every smaller k.

    row      0   1   2   3   4   5   6   7   8      levels: stride 8: row 8
    stride   .   1   2   1   4   1   2   1   8              stride 4: row 4, between 0 and 8 ...

Floating point: C(j, i) = Q - S^2 / N cancels, so S and Q come from sums in double-double of values
centred on the median, and the sums run outward from there: what lies far out, a fill value of
1e36 at either end, stands in no sum that segments nearer to the median use. C is rounded to
float64 once and the D_q add non-negative numbers. An answer is thus optimal up to a few units in
the last place of its own cost, whatever the offset of the data, unless a cluster lies some 1e12
times its own width from the median; then its cost drowns in `NOISE`, and the caller is told.
Costs that are equal after rounding go to the lowest cut.

The rows need not be all values: with the prefixes of a subset of positions the program finds
the best cuts among those. A slack that depends on the row alone leaves the cost Monge, so the
same program computes the lower bounds with which `fastkm.cluster.optimal` rules positions out.

The sums are one array (5, m + 1): N, S high, S low, Q high, Q low.

Wang, H. & Song, M. (2011). Ckmeans.1d.dp. The R Journal 3(2), 29-33.
Gronlund, A., Larsen, K. G., Mathiasen, A., Nielsen, J. S., Schneider, S. & Song, M. (2017).
Fast exact k-means, k-medians and Bregman divergence clustering in 1D. arXiv:1701.07204.
"""

import numpy as np

from fastkm._jit import kernel

BLOCK = 512
"""Candidates whose costs are evaluated before their minimum is taken: 4 KB, vectorised."""

SPLITTER = 134217729.0
"""2^27 + 1, Veltkamp's constant: splits a float64 into two halves whose products are exact."""

NOISE = 2.0**-98
"""Share of the sums of squares at its ends that a cost cannot tell from 0: equal values, far out."""


# two_sum and two_product stand in `sorted_lloyd` too: see the cache policy in `fastkm._jit`
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
def moments(values, counts, centre, prefix):
    """Fill the sums of the centred values, N, S and Q, from the middle outward.

    values: (m,) float64 sorted IN; counts: (m,) int64 IN; centre: values[m // 2] IN;
    prefix: (5, m + 1) float64 OUT, 0 at m // 2, negative sums below it.
    """
    middle = values.shape[0] // 2
    prefix[:, middle] = 0.0
    accumulate(values, counts, centre, middle, values.shape[0], 1, prefix)
    accumulate(values, counts, centre, middle - 1, -1, -1, prefix)


@kernel
def accumulate(values, counts, centre, first, last, step, prefix):
    """Add values first, first + step, ... (last excluded) to one side of `moments`."""
    n, s, s_low, q, q_low = 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(first, last, step):
        weight = step * float(counts[i])
        y, y_low = two_sum(values[i], -centre)
        p, p_low = two_product(weight, y)
        s, t = two_sum(s, p)
        s, s_low = two_sum(s, s_low + t + (p_low + weight * y_low))
        r, r_low = two_product(p, y)
        q, t = two_sum(q, r)
        q, q_low = two_sum(q, q_low + t + (r_low + p_low * y + 2.0 * (p * y_low)))
        n += weight
        edge = i + 1 if step > 0 else i
        prefix[0, edge] = n
        prefix[1, edge] = s
        prefix[2, edge] = s_low
        prefix[3, edge] = q
        prefix[4, edge] = q_low


@kernel
def segment_cost(prefix, j, i):
    """Give C(j, i), the sum of squares about the mean of the values j .. i-1."""
    n = max(prefix[0, i] - prefix[0, j], 1.0)  # an empty segment costs 0
    s, t = two_sum(prefix[1, i], -prefix[1, j])
    s, s_low = two_sum(s, t + (prefix[2, i] - prefix[2, j]))
    q, t = two_sum(prefix[3, i], -prefix[3, j])
    q_low = t + (prefix[4, i] - prefix[4, j])
    mean = s / n
    p, p_low = two_product(mean, n)
    mean_low = ((s - p) - p_low + s_low) / n
    r, r_low = two_product(mean, s)
    cost = (q - r) + (q_low - (r_low + mean * s_low + mean_low * s))
    noise = NOISE * (abs(prefix[3, j]) + abs(prefix[3, i]))
    return cost if cost > noise else 0.0


@kernel
def first_layer(prefix, slack, cost):
    """Fill D_1, less the slack of each row.

    prefix: (5, m + 1) IN; slack: (m + 1,) IN; cost: (m + 1,) OUT.
    """
    for i in range(cost.shape[0]):
        cost[i] = segment_cost(prefix, 0, i) - slack[i]


@kernel
def next_layer(prefix, slack, previous, first, gap, cost, cut):
    """Fill D_q and its cuts from D_{q-1}, less the slack of each row.

    prefix: (5, m + 1) IN; slack: (m + 1,) IN; previous: (m + 1,) D_{q-1} IN; first: the first
    row that has q segments; gap: the fewest values in the last segment, 0 or 1; cost: (m + 1,)
    OUT, infinite before `first`; cut: (m + 1,) int64 OUT, the lowest best start of segment q.
    """
    rows = cost.shape[0] - first
    cost[:first] = np.inf
    cut[:first] = 0
    trial = np.empty(BLOCK)
    stride = 1
    while stride < rows:
        stride *= 2
    while stride >= 1:
        for i in range(first - 1 + stride, cost.shape[0], 2 * stride):
            low = cut[i - stride] if i - stride >= first else first - gap
            high = i - gap
            if i + stride < cost.shape[0]:
                high = min(high, cut[i + stride])
            best = np.inf
            best_cut = low
            for block in range(low, high + 1, BLOCK):
                m = min(BLOCK, high + 1 - block)
                for b in range(m):
                    trial[b] = previous[block + b] + segment_cost(prefix, block + b, i)
                for b in range(m):
                    if trial[b] < best:
                        best = trial[b]
                        best_cut = block + b
            cost[i] = best - slack[i]
            cut[i] = best_cut
        stride //= 2
