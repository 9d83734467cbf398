"""Optimal segments of sorted values, by paying a price for each: a few passes, whatever k is.

Let f(k) be the least sum of squares of k segments. The sum of squares C(j, i) of a segment is
Monge, so f is convex, and partitions into k segments are also found without counting: each segment
costs a price more, and

    F(0) = 0,    F(i) = min over j < i of F(j) + C(j, i) + price

is the least cost of the values before i. With a high price few segments are best, with a low one
many. A price that leads to k segments leads to the best k of them, and there is one between f(k) -
f(k + 1) and f(k - 1) - f(k) unless these are equal, as they are if partitions are equally good.

**A pass.** The best j never moves left when i moves right. So candidates wait in a queue, each with
the row from which on it is best, its turn. A new candidate removes those at the end of the queue
that it beats when their turn comes. Its own turn is searched from where that of the candidate
before it was, in steps that double: O(n) in practice, O(n log n) at worst (Galil & Park 1992). With
some four comparisons a row, a pass over 10,000 values takes 0.5 ms.

**The search** is that of `fastkm.cluster.exact.pruning.price_search`. f(q) falls about as 1 / q^2 and the
price as 1 / q^3. Prices are chosen in turn by the power law through the nearest prices on both
sides, and by the slope of the chord between the two points of f: if no point lies below a chord, no
price leads to k, and if one number lies between the two, the slope leads to it. The first prices are
tried on few rows, so that all rows are passed some two times.

**The proof.** No segment has C(j, i) + price below F(i) - F(j), and what the segments of a path
have above it adds up to what the path costs more than F(m). So another path with k segments is as
good as the one that was found only if each of its segments has nothing above. Its last segment is
then that of the path, unless another j is as good for the row m; the next to last is it, unless
another j is as good for the row where that begins; and so on. k rows are looked at, and each only
until segments alone cost more than F of the row. If no other j is as good, up to rounding, no other
partition into k segments is.

**Rounding.** Let u be 2^-53. Sums are in double-double, centred on the median and summed outward
from there (see `fastkm._kernels.dynamic_program`). The sum s of a segment and its sum of squares q
are differences of these, rounded to float64: each is right to 3 u. As s^2 / n <= q, the cost
C = q - s^2 / n is right to 13 u q, and its sum with F(j) and the price to 3 u F(i) more. Low parts add less than 2^-90
of the squares of all values Q, and products that underflow less than `FLOOR`. The q of the segments
of a path add up to Q, so a path of k segments is right to 13 u Q + 3 k u F(m) and these. A
comparison of two candidates may be wrong if it is decided by less than its error. Then it discards
a candidate that is better by less than that, in this row and, as C is Monge, in all later ones.
What is missing to the error is added up over the whole pass, whether or not it matters: the
*doubt*, 0 in most passes. Each segment of a path may be wrong by all of it.

Aggarwal, Schieber & Tokuyama (1994). Finding a minimum-weight k-link path in graphs with the
concave Monge property and applications. Discrete Comput. Geom. 12, 263-280.
Galil & Park (1992). Dynamic programming with convexity, concavity and sparsity. Theor. Comput. Sci.
92, 49-76.
Gronlund et al. (2017), section 2.4: see `fastkm._kernels.dynamic_program`.
"""

from fastkm._kernels._jit import kernel
from fastkm._kernels.dynamic_program import FLOOR, NOISE, add, multiply, two_product, two_sum

OF_SQUARES = 2.0**-48
"""Bound on the error of a segment's cost, a share of its sum of squares about the median."""

OF_COST = 2.0**-51
"""Bound on the rounding of sums of costs and prices, a share of them."""

OF_LOW_PARTS = 2.0**-88
"""Bound on the errors of double-double, a share of the sum of all squares."""


@kernel
def sum_distinct(ordered, values, table):
    """Find the distinct values and their sums, as `accumulate_moments` has them, to the bit.

    ordered: (n,) float64, ascending IN; values: (n,) float64 OUT; table: (n + 1, 5) float64
    OUT, for the m distinct values the rows 0 to m: N, S and its low part, Q and its low part.
    Return m.
    """
    n, m = ordered.shape[0], 0
    for i in range(n):
        if i == 0 or ordered[i] != ordered[i - 1]:
            values[m] = ordered[i] + 0.0
            table[m, 0] = i  # for now the number of values before
            m += 1
    table[m, 0] = n
    # outward from the median, upward and then downward
    middle = m // 2
    before, end, step = table[middle, 0], m, 1
    for _ in range(2):
        s, s_low, q, q_low = 0.0, 0.0, 0.0, 0.0
        row = middle
        while True:
            table[row, 1], table[row, 2], table[row, 3], table[row, 4] = s, s_low, q, q_low
            if row == end:
                break
            value = values[row] if step > 0 else values[row - 1]
            w = table[row + step, 0] - table[row, 0]
            y, y_low = two_sum(value, -values[middle])
            p, p_low = multiply(w, 0.0, y, y_low)
            r, r_low = multiply(p, p_low, y, y_low)
            s, s_low = add(s, s_low, p, p_low)
            q, q_low = add(q, q_low, r, r_low)
            row += step
        end, step = 0, -1
    for row in range(m + 1):
        table[row, 0] -= before
    return m


@kernel
def measure_segment(table, j, i):
    """Return the cost of the segment between two rows, and its squares about the median."""
    if j > i:
        j, i = i, j
    n = table[i, 0] - table[j, 0]
    s = (table[i, 1] - table[j, 1]) + (table[i, 2] - table[j, 2])
    q = (table[i, 3] - table[j, 3]) + (table[i, 4] - table[j, 4])
    divisor = n if n > 0.0 else 1.0  # weights that the sums swallow cost next to nothing
    return q - s * s / divisor, q


@kernel
def compare(table, cost, path, j, later, i, least_error):
    """Return by how much the segment to i from `later` is better than from j, and the doubt."""
    row = path[i, 0]
    ours, our_squares = measure_segment(table, path[later, 0], row)
    theirs, their_squares = measure_segment(table, path[j, 0], row)
    theirs += cost[j]
    lead = theirs - (cost[later] + ours)
    error = OF_SQUARES * (our_squares + their_squares) + OF_COST * theirs + least_error
    doubt = error - abs(lead)
    return lead, doubt if doubt > 0.0 else 0.0


@kernel
def solve_at_price(table, m, price, least_error, cost, path):
    """Write F for some rows of a table; return the number of segments up to row m, and the doubt.

    table: see `sum_distinct` IN; least_error: float, of any comparison; cost: (m + 1,) float64 OUT;
    path: (m + 1, 4) int64 INOUT: IN the rows of the table, all ascending or all descending; OUT the best j of
    each, and the queue: candidates, and where the turn of each begins.
    """
    cost[0], path[0, 2], path[0, 3] = 0.0, 0, 1
    head, tail, hint, doubt = 0, 0, 1, 0.0
    for i in range(1, m + 1):
        while head < tail and path[head + 1, 3] <= i:
            head += 1
        j = path[head, 2]
        cost[i] = cost[j] + (measure_segment(table, path[j, 0], path[i, 0])[0] + price)
        path[i, 1] = j
        # remove the candidates that i beats from their turn on; then `low` is where it does not
        # beat the last that remains, and `high` where it does
        low, high = i, m + 1
        while path[tail, 3] > i + 1:
            probe = path[tail, 3]
            lead, more = compare(table, cost, path, path[tail, 2], i, probe, least_error)
            doubt += more
            if lead < 0.0:
                low = probe
                break
            high = probe
            tail -= 1
        # its turn, searched from where that of the candidate before began
        step, probe = 1, hint
        while low + 1 < high:
            if probe <= low:
                probe = low + 1
            elif probe >= high:
                probe = high - 1
            lead, more = compare(table, cost, path, path[tail, 2], i, probe, least_error)
            doubt += more
            if lead < 0.0:
                low = probe
                probe += step
            else:
                high = probe
                probe -= step
            step *= 2
            if step > high - low:
                probe = (low + high) // 2
        hint = high
        if high <= m:
            tail += 1
            path[tail, 2], path[tail, 3] = i, high
    number = 0
    while m > 0:
        m = path[m, 1]
        number += 1
    return number, doubt


@kernel
def is_only_path(table, m, price, margin, cost, path):
    """Return whether no other path costs less than the best one and a margin.

    cost, path: those of `solve_at_price`, for the ascending rows 0 to m IN.
    """
    while m > 0:
        limit = cost[m] + margin
        j = m - 1
        while j >= 0:
            value = measure_segment(table, j, m)[0]
            if value > limit:  # and so are all longer segments
                break
            if j != path[m, 1] and cost[j] + value + price <= limit:
                return False
            j -= 1
        m = path[m, 1]
    return True


@kernel
def describe_segments(values, table, cuts, lost, facts, ranges):
    """Write what is known of segments; mean and cost are `segment_mean` and `segment_cost` to the bit.

    values: (m,) float64 IN; table: see `sum_distinct` IN; cuts: (k + 1,) int64 IN; lost: float IN, the
    share of two sums below which their difference has too few digits; facts: (4, k) float64 OUT,
    mean, cost, weight and variance; ranges: (k, 2) float64 OUT. Return whether all have digits
    enough. Weights are whole numbers, so their low parts are 0.
    """
    centre, enough = values[values.shape[0] // 2], True
    for q in range(cuts.shape[0] - 1):
        j, i = cuts[q], cuts[q + 1]
        # N, S and Q of the segment, and S^2 / N
        n = table[i, 0] - table[j, 0]
        s, s_low = add(table[i, 1], table[i, 2], -table[j, 1], -table[j, 2])
        squares, t = two_sum(table[i, 3], -table[j, 3])
        squares_low = t + (table[i, 4] - table[j, 4])
        mean = s / n
        p, p_low = two_product(mean, n)
        r, r_low = two_product(mean, s)
        mean_low = ((s - p) - p_low + s_low) / n
        cost = (squares - r) + (squares_low - (r_low + mean * s_low + mean_low * s))
        size = abs(table[j, 3]) + abs(table[i, 3])
        cost = cost if cost > NOISE * size + FLOOR else 0.0
        # the mean, rounded once
        rest, rest_low = add(s, s_low, -p, -p_low)
        whole, low = two_sum(centre, mean)
        mean = whole + (low + (rest + rest_low) / n)
        low, high = values[j], values[i - 1]
        if cost < lost * size + FLOOR / lost or abs(mean) < lost * abs(centre):
            enough = enough and low == high
        mean = low if mean < low else mean
        mean = high if mean > high else mean
        facts[0, q], facts[1, q], facts[2, q], facts[3, q] = mean + 0.0, cost, n, cost / n
        ranges[q, 0], ranges[q, 1] = low, high
    return enough
