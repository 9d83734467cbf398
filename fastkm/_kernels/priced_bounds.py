"""The least costs of sorted bins up to each place, if each segment costs a price more.

This is the pass of `fastkm._kernels.priced_segments` with costs in double-double, whose error is a
few units in the last place of the cost itself, over the sums of `fastkm._kernels.dynamic_program`,
from the left or from the right, and with a slack for each place.
`fastkm.cluster.exact.pruning.priced_bounds` rules cuts out with it.

Two candidates are compared in float64 (`fastkm._kernels.priced_segments` has the bound of its error)
and, if that is not enough, in double-double. Even then a comparison may be wrong if it is decided by
less than its error. Then it discards a candidate that is better by less than that, in this row and
all later ones. These errors are added up: the *doubt*, by which each segment of a path may be wrong.
"""

from fastkm._kernels._jit import kernel
from fastkm._kernels.dynamic_program import FLOOR, compute_cost
from fastkm._kernels.priced_segments import OF_LOW_PARTS, OF_SQUARES

OF_LEAST = 2.0**-49
"""Bound on the error of a comparison, a share of the costs that are compared."""


@kernel
def measure_bins(table, j, i):
    """Return the cost of the bins between two rows, and its noise; the rows may be turned round."""
    if j > i:
        j, i = i, j
    return compute_cost(
        table[j, 0], table[j, 1], table[j, 2], table[j, 3], table[j, 4], table[j, 5],
        table[i, 0], table[i, 1], table[i, 2], table[i, 3], table[i, 4], table[i, 5],
    )  # fmt: skip


@kernel
def estimate_bins(table, j, i):
    """Return the cost of the bins between two rows in float64, and its squares about the median."""
    if j > i:
        j, i = i, j
    n = (table[i, 0] - table[j, 0]) + (table[i, 1] - table[j, 1])
    s = (table[i, 2] - table[j, 2]) + (table[i, 3] - table[j, 3])
    q = (table[i, 4] - table[j, 4]) + (table[i, 5] - table[j, 5])
    divisor = n if n > 0.0 else 1.0  # weights that the sums swallow cost next to nothing
    return q - s * s / divisor, q


@kernel
def compare_bins(table, last, step, cost, j, later, i, least_error):
    """Return by how much the bins to i from `later` are better than from j, and the doubt."""
    a, b, c = last + step * later, last + step * j, last + step * i
    # in float64, if that is enough
    ours, our_squares = estimate_bins(table, a, c)
    theirs, their_squares = estimate_bins(table, b, c)
    ours += cost[later]
    theirs += cost[j]
    lead = theirs - ours
    error = OF_SQUARES * (our_squares + their_squares) + least_error
    if abs(lead) > error + OF_LEAST * (abs(ours) + abs(theirs)):
        return lead, 0.0
    # in double-double
    ours, our_noise = measure_bins(table, a, c)
    theirs, their_noise = measure_bins(table, b, c)
    ours += cost[later]
    theirs += cost[j]
    lead = theirs - ours
    doubt = OF_LEAST * (abs(ours) + abs(theirs)) + our_noise + their_noise - abs(lead)
    return lead, doubt if doubt > 0.0 else 0.0


@kernel
def bound_costs_at_price(table, step, price, slack, cost, queue):
    """Write the least cost, price and slack included, of the bins up to each place; return the doubt.

    table: (m + 1, 6) float64 IN, N, S and Q, each with its low part, before each place; step: 1, or
    -1 if everything is turned round; price: float; slack: (m + 1,) float64 IN, subtracted from the
    cost of each place but the first, in the order of the pass; cost: (m + 1,) float64 OUT, in the
    order of the pass; queue: (m + 1, 2) int64 OUT, candidates, and where the turn of each begins.
    """
    m = table.shape[0] - 1
    least_error = OF_LOW_PARTS * (table[m, 4] - table[0, 4]) + FLOOR
    last = 0 if step > 0 else m
    cost[0], queue[0, 0], queue[0, 1] = 0.0, 0, 1
    head, tail, hint, total = 0, 0, 1, 0.0
    for i in range(1, m + 1):
        while head < tail and queue[head + 1, 1] <= i:
            head += 1
        j = queue[head, 0]
        value, _ = measure_bins(table, last + step * j, last + step * i)
        cost[i] = cost[j] + (value + price) - slack[i]
        # remove the candidates that i beats from their turn on; then `low` is where it does not
        # beat the last that remains, and `high` where it does
        low, high = i, m + 1
        while queue[tail, 1] > i + 1:
            probe = queue[tail, 1]
            lead, doubt = compare_bins(
                table, last, step, cost, queue[tail, 0], i, probe, least_error
            )
            total += doubt
            if lead < 0.0:
                low = probe
                break
            high = probe
            tail -= 1
        # its turn, searched from where that of the candidate before began
        stride, probe = 1, hint
        while low + 1 < high:
            if probe <= low:
                probe = low + 1
            elif probe >= high:
                probe = high - 1
            lead, doubt = compare_bins(
                table, last, step, cost, queue[tail, 0], i, probe, least_error
            )
            total += doubt
            if lead < 0.0:
                low = probe
                probe += stride
            else:
                high = probe
                probe -= stride
            stride *= 2
            if stride > high - low:
                probe = (low + high) // 2
        hint = high
        if high <= m:
            tail += 1
            queue[tail, 0], queue[tail, 1] = i, high
    return total
