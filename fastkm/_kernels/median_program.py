"""Optimal k-medians in one dimension: the program of `dynamic_program` with absolute deviations.

C(j, i) is here the sum of w |x - x_t| over the distinct values j to i - 1, with x_t their weighted
median. It is Monge too (Gronlund et al. 2017, section 4), so the program is the same: layers, rows
in levels, the lowest best candidate. With N and S the sums of weights and of w x before a position,

    C(j, i) = (S_i - S_t) - (S_t - S_j) - x_t ((N_i - N_t) - (N_t - N_j)),

and t is the first value with half of the weight at or below it, found by bisection in N: O(log m)
for a cost, so a layer of r rows and c candidates costs O((r + c) log r log m).

The program from the right gets the positions m - p and reads the same sums: C(j, i) is then that
from m - i to m - j.

Floating point: sums and x_t are double-doubles about the median of all values, see
`fastkm._kernels.dynamic_program`. A sum of up to 2^26 terms is right to 2^-79 of S, which grows
outward from there, so a cost cannot be told from 0 if it is below `NOISE` times the S at its ends.
One value costs nothing. If the two halves are equal to rounding, t may be the value beside the
median. That costs more by 2^-51 of the segment's weight times their distance, 2^-50 of C.

Gronlund, Larsen, Mathiasen, Nielsen, Schneider & Song (2017). Fast exact k-means, k-medians and
Bregman divergence clustering in 1D. arXiv:1701.07204.
"""

import numpy as np

from fastkm._kernels._jit import kernel
from fastkm._kernels.dynamic_program import FLOOR, add, multiply, two_sum

NOISE = 2.0**-76
"""Share of the sums of distances at its ends below which a cost cannot be told from 0."""


@kernel
def find_median(prefix, j, i):
    """Return the first of the values j to i - 1 with half of their weight at or below it.

    prefix: (6, m + 1) IN, see `fastkm._kernels.dynamic_program.accumulate_moments`.
    """
    low, high = j, i - 1
    while low < high:
        t = (low + high) // 2
        below = (prefix[0, t + 1] - prefix[0, j]) + (prefix[1, t + 1] - prefix[1, j])
        above = (prefix[0, i] - prefix[0, t + 1]) + (prefix[1, i] - prefix[1, t + 1])
        if below >= above:
            high = t
        else:
            low = t + 1
    return low


@kernel
def median_cost(values, prefix, j, i):
    """Return C(j, i) and its noise; 0 for an empty segment and for one value.

    values: (m,) float64, ascending IN; prefix: see `find_median` IN.
    """
    if i - j <= 1:
        return 0.0, 0.0
    t = find_median(prefix, j, i)
    # the sums above and below the median
    s, s_low = add(prefix[2, i], prefix[3, i], -prefix[2, t], -prefix[3, t])
    r, r_low = add(prefix[2, t], prefix[3, t], -prefix[2, j], -prefix[3, j])
    s, s_low = add(s, s_low, -r, -r_low)
    n, n_low = add(prefix[0, i], prefix[1, i], -prefix[0, t], -prefix[1, t])
    r, r_low = add(prefix[0, t], prefix[1, t], -prefix[0, j], -prefix[1, j])
    n, n_low = add(n, n_low, -r, -r_low)
    # less the median, times how much more weight is above it
    y, y_low = two_sum(values[t], -values[values.shape[0] // 2])
    p, p_low = multiply(y, y_low, n, n_low)
    cost, _ = add(s, s_low, -p, -p_low)
    return cost, NOISE * (abs(prefix[2, j]) + abs(prefix[2, i])) + FLOOR


@kernel
def solve_median_layers(values, prefix, edges, starts, slack, lower, mirrored, cost, cut):
    """Write the costs and cuts of all layers; layer q has the rows starts[q] to starts[q + 1].

    values, prefix: see `median_cost` IN; edges, starts, slack, lower, cost, cut: see
    `fastkm._kernels.dynamic_program.solve_layers`; mirrored: bool, whether edges are positions m - p.
    """
    cost[: starts[1]] = 0.0
    cut[: starts[1]] = 0
    for q in range(1, starts.shape[0] - 1):
        begin, middle, end = starts[q - 1], starts[q], starts[q + 1]
        solve_median_layer(
            values, prefix, edges, begin, middle, end, lower, mirrored, cost, cut
        )  # fmt: skip
        cost[middle:end] -= slack[middle:end]


@kernel
def solve_median_layer(values, prefix, edges, begin, middle, end, lower, mirrored, cost, cut):
    """Write the rows middle to end from the candidates begin to middle, without slack."""
    # candidates that cannot be reached come first, and so do rows without a candidate
    usable, m = begin, values.shape[0]
    while usable < middle and cost[usable] == np.inf:
        usable += 1
    first = middle
    while first < end and (usable == middle or edges[first] < edges[usable]):
        cost[first] = np.inf
        cut[first] = begin
        first += 1
    # level by level, each row between the cuts of its neighbours that are done
    stride = 1
    while stride < end - first:
        stride *= 2
    while stride >= 1:
        for i in range(first - 1 + stride, end, 2 * stride):
            low = cut[i - stride] if i - stride >= first else usable
            high = np.searchsorted(edges[begin:middle], edges[i], side="right") + begin - 1
            if i + stride < end:
                high = min(high, cut[i + stride])
            best = np.inf
            best_cut = low
            for j in range(low, high + 1):
                left, right = edges[j], edges[i]
                if mirrored:
                    left, right = m - right, m - left
                value, noise = median_cost(values, prefix, left, right)
                value = value - noise if lower else value
                value = cost[j] + max(0.0, value)
                if value < best:
                    best = value
                    best_cut = j
            cost[i] = best
            cut[i] = best_cut
        stride //= 2
