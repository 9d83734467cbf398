"""Optimal k-means in one dimension, by dynamic programming over sorted values or bins.

An optimal clustering cuts sorted values into k segments. With C(j, i) the within-cluster sum of
squares from position j to i, and D_q(i) the least cost of cutting the values before i into q
segments,

    D_1(i) = C(0, i),    D_q(i) = min over j of D_{q-1}(j) + C(j, i).

C is Monge, so the lowest best j never moves left when i moves right. Rows are therefore done in
levels: first every 2^L-th row, then the rows half-way between. Each row looks only between the
answers of its two neighbours that are done. A layer of r rows and c candidates costs O((r + c) log
r) (Gronlund et al. 2017, section 2.2: the divide and conquer of the textbooks, without recursion).

    row      0   1   2   3   4   5   6   7   8      levels: stride 8: row 8
    stride   .   1   2   1   4   1   2   1   8              stride 4: row 4, between 0 and 8 ...

Each layer has rows of its own, the positions where its cut may be. Any row may have a slack that is
subtracted from its cost. As it depends on row and layer alone, the cost stays Monge, so one program
computes both the optima and the lower bounds with which `fastkm.cluster.exact.pruning.cut_pruner` rules
positions out. Empty segments cost nothing. The program from the right is the program from the left
on mirrored input: positions m - p, moments negated, both reversed.

Floating point: C(j, i) = Q - S^2 / N cancels. So N, S and Q are sums in double-double (some 106
bits) of values centred on the median, and the sums run outward from there: a value far out, such as
a fill value of 1e36 at either end, is part of no sum that segments nearer to the median use. C is
rounded to float64 once and the D_q add non-negative numbers, so an answer is right up to a few
units in the last place of its own cost, whatever the offset of the data. A cost cannot be told from
0 if it is below `NOISE` times the Q at its ends; a lower bound has this noise subtracted.

Arrays are C-contiguous, and float64 unless a type is given. The sums are one array (6, m + 1) over
the m bins, each of one value or many: N, S and Q, each with its low part.

Wang & Song (2011). Ckmeans.1d.dp. The R Journal 3(2), 29-33.
Gronlund, Larsen, Mathiasen, Nielsen, Schneider & Song (2017). Fast exact k-means, k-medians and
Bregman divergence clustering in 1D. arXiv:1701.07204.
Dekker (1971). A floating-point technique for extending the available precision. Numer. Math. 18.
"""

import numpy as np

from fastkm._kernels._jit import kernel

BLOCK = 256
"""Candidates whose costs are computed before their minimum is taken: 2 KB, vectorised."""

SPLITTER = 134217729.0
"""2^27 + 1, Veltkamp's constant: splits a float64 into two halves whose products are exact."""

NOISE = 2.0**-82
"""Share of the sums of squares at its ends below which a cost cannot be told from 0, for up to 2^21
bins: an addition of double-doubles is right to 2^-104."""

FLOOR = 2.0**-1040
"""Rounding of costs whose low parts underflow."""


# two_sum and two_product are in `lloyd_1d` too: see the cache policy in `fastkm._kernels._jit`
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
def add(a, a_low, b, b_low):
    """Return the sum of two double-doubles."""
    s, e = two_sum(a, b)
    return two_sum(s, e + (a_low + b_low))


@kernel
def multiply(a, a_low, b, b_low):
    """Return the product of two double-doubles."""
    p, e = two_product(a, b)
    return two_sum(p, e + (a * b_low + a_low * b))


@kernel
def recentre(base, sums, scales):
    """Move the base of each bin to its mean, and adapt the sum of distances, not of squares.

    base: (m,) INOUT; sums: (6, m) INOUT, see `accumulate_moments`: sums of w (x - base) come in
    multiplied by scales and go out without scales; scales: (m,) powers of two IN.
    """
    for i in range(base.shape[0]):
        mean = base[i] + sums[2, i] / sums[0, i] / scales[i]
        p, p_low = multiply(sums[0, i], sums[1, i], (base[i] - mean) * scales[i], 0.0)
        t, t_low = add(sums[2, i], sums[3, i], p, p_low)
        sums[2, i], sums[3, i] = t / scales[i], t_low / scales[i]
        base[i] = mean


@kernel
def accumulate_moments(base, sums, centre, prefix):
    """Write the sums N, S and Q of the centred values, from the middle outward.

    base: (m,) sorted IN; sums: (6, m) IN, the weight of each bin and the sums of w (x - base) and w
    (x - base)^2 in it, in double-double; centre: base[m // 2]; prefix: (6, m + 1) OUT, 0 at m // 2,
    negative sums below it.
    """
    middle = base.shape[0] // 2
    prefix[:, middle] = 0.0
    accumulate_side(base, sums, centre, middle, base.shape[0], 1.0, prefix)
    accumulate_side(base, sums, centre, middle - 1, -1, -1.0, prefix)


@kernel
def accumulate_side(base, sums, centre, first, last, sign, prefix):
    """Write one side of `accumulate_moments`: the bins first, first + sign, ... (last excluded)."""
    step = np.int64(sign)
    n, n_low, s, s_low, q, q_low = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(first, last, step):
        # the moments of one bin about the centre
        y, y_low = two_sum(base[i], -centre)
        w, w_low = sign * sums[0, i], sign * sums[1, i]
        t, t_low = sign * sums[2, i], sign * sums[3, i]
        u, u_low = sign * sums[4, i], sign * sums[5, i]
        p, p_low = multiply(w, w_low, y, y_low)  # w y
        if t != 0.0:  # w (y + d)^2 = w y^2 + 2 y (w d) + w d^2
            r, r_low = multiply(2.0 * t, 2.0 * t_low, y, y_low)
            u, u_low = add(u, u_low, r, r_low)
        r, r_low = multiply(p, p_low, y, y_low)
        # add them to the running sums
        n, n_low = add(n, n_low, w, w_low)
        s, s_low = add(s, s_low, p, p_low)
        s, s_low = add(s, s_low, t, t_low)
        q, q_low = add(q, q_low, r, r_low)
        q, q_low = add(q, q_low, u, u_low)
        edge = i + 1 if step > 0 else i
        prefix[0, edge] = n
        prefix[1, edge] = n_low
        prefix[2, edge] = s
        prefix[3, edge] = s_low
        prefix[4, edge] = q
        prefix[5, edge] = q_low


@kernel
def compute_cost(nj, nj_low, sj, sj_low, qj, qj_low, ni, ni_low, si, si_low, qi, qi_low):
    """Return C(j, i) and its noise, from the sums at its two ends."""
    # N, S and Q of the segment
    n, t = two_sum(ni, -nj)
    n, n_low = two_sum(n, t + (ni_low - nj_low))
    divisor = n if n > 0.0 else 1.0  # an empty segment costs 0
    s, t = two_sum(si, -sj)
    s, s_low = two_sum(s, t + (si_low - sj_low))
    q, t = two_sum(qi, -qj)
    q_low = t + (qi_low - qj_low)
    # Q - mean S, with the mean in double-double
    mean = s / divisor
    p, p_low = two_product(mean, divisor)
    mean_low = ((s - p) - p_low + s_low - mean * n_low) / divisor
    r, r_low = two_product(mean, s)
    cost = (q - r) + (q_low - (r_low + mean * s_low + mean_low * s))
    return cost, NOISE * (abs(qj) + abs(qi)) + FLOOR


@kernel
def segment_cost(prefix, j, i):
    """Return C(j, i), the sum of squares about the mean from position j to i; 0 if it is noise."""
    cost, noise = compute_cost(
        prefix[0, j], prefix[1, j], prefix[2, j], prefix[3, j], prefix[4, j], prefix[5, j],
        prefix[0, i], prefix[1, i], prefix[2, i], prefix[3, i], prefix[4, i], prefix[5, i],
    )  # fmt: skip
    return cost if cost > noise else 0.0


@kernel
def segment_mean(prefix, centre, j, i):
    """Return the mean from position j to i, rounded once; the values are less `centre`."""
    n, n_low = add(prefix[0, i], prefix[1, i], -prefix[0, j], -prefix[1, j])
    s, s_low = add(prefix[2, i], prefix[3, i], -prefix[2, j], -prefix[3, j])
    mean = s / n
    p, p_low = multiply(mean, 0.0, n, n_low)
    rest, rest_low = add(s, s_low, -p, -p_low)
    whole, low = two_sum(centre, mean)
    return whole + (low + (rest + rest_low) / n)


@kernel
def solve_layers(edges, prefix, starts, slack, lower, cost, cut):
    """Write the costs and cuts of all layers; layer q has the rows starts[q] to starts[q + 1].

    edges: (t,) int64 IN, positions, ascending in each layer; prefix: (6, t) IN, the sums at the
    edges; starts: (k + 2,) int64 IN, layer 0 is the position where everything begins; slack: (t,)
    IN; lower: bool, whether to subtract noise from the costs; cost: (t,) OUT, inf if a row cannot
    be reached; cut: (t,) int64 OUT, the row of the layer before, the lowest of the best.
    """
    cost[: starts[1]] = 0.0
    cut[: starts[1]] = 0
    for q in range(1, starts.shape[0] - 1):
        solve_layer(edges, prefix, starts[q - 1], starts[q], starts[q + 1], slack, lower, cost, cut)


@kernel
def solve_layer(edges, prefix, begin, middle, end, slack, lower, cost, cut):
    """Write the rows middle to end from the candidates begin to middle; see `solve_layers`."""
    # candidates that cannot be reached come first, and so do rows without a candidate
    usable = begin
    while usable < middle and cost[usable] == np.inf:
        usable += 1
    first = middle
    while first < end and (usable == middle or edges[first] < edges[usable]):
        cost[first] = np.inf
        cut[first] = begin
        first += 1
    # level by level, each row between the cuts of its neighbours that are done
    trial = np.empty(BLOCK)
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
            for block in range(low, high + 1, BLOCK):
                m = min(BLOCK, high + 1 - block)
                compute_trial_costs(prefix, block, m, i, cost, lower, trial)
                for b in range(m):
                    if trial[b] < best:
                        best = trial[b]
                        best_cut = block + b
            cost[i] = best - slack[i]
            cut[i] = best_cut
        stride //= 2


@kernel
def compute_trial_costs(prefix, block, m, i, cost, lower, trial):
    """Write the costs of row i for m candidates from `block` on; trial: (BLOCK,) float64 OUT."""
    n, n_low = prefix[0, block : block + m], prefix[1, block : block + m]
    s, s_low = prefix[2, block : block + m], prefix[3, block : block + m]
    q, q_low = prefix[4, block : block + m], prefix[5, block : block + m]
    before = cost[block : block + m]
    ni, ni_low, si, si_low = prefix[0, i], prefix[1, i], prefix[2, i], prefix[3, i]
    qi, qi_low = prefix[4, i], prefix[5, i]
    for b in range(m):
        value, noise = compute_cost(
            n[b], n_low[b], s[b], s_low[b], q[b], q_low[b], ni, ni_low, si, si_low, qi, qi_low
        )
        value = value if value > noise else 0.0
        reduced = value - noise
        reduced = max(0.0, reduced)
        trial[b] = before[b] + (reduced if lower else value)


@kernel
def compute_precise_cost(prefix, j, i):
    """Return C(j, i) in double-double, from the columns j and i of the sums."""
    n, n_low = add(prefix[0, i], prefix[1, i], -prefix[0, j], -prefix[1, j])
    if n <= 0.0:
        return 0.0, 0.0
    s, s_low = add(prefix[2, i], prefix[3, i], -prefix[2, j], -prefix[3, j])
    q, q_low = add(prefix[4, i], prefix[5, i], -prefix[4, j], -prefix[5, j])
    mean = s / n
    p, p_low = multiply(mean, 0.0, n, n_low)
    rest, rest_low = add(s, s_low, -p, -p_low)
    mean, mean_low = two_sum(mean, (rest + rest_low) / n)
    p, p_low = multiply(mean, mean_low, s, s_low)
    return add(q, q_low, -p, -p_low)


@kernel
def solve_layers_precisely(edges, alone, prefix, starts, cost, noise):
    """Do what `solve_layers` does, in double-double and pair by pair, without slack.

    edges, prefix, starts: see `solve_layers`; alone: (t,) bool IN, whether the bin at an edge is
    one distinct value, which costs nothing; cost: (2, t) OUT, inf if a row cannot be reached;
    noise: (t,) OUT, which the cost of any path may be off by.
    """
    cost[:, : starts[1]] = 0.0
    noise[: starts[1]] = 0.0
    for q in range(1, starts.shape[0] - 1):
        for i in range(starts[q], starts[q + 1]):
            cost[0, i], cost[1, i], noise[i] = np.inf, 0.0, 0.0
            for j in range(starts[q - 1], starts[q]):
                if edges[j] >= edges[i]:
                    break
                if cost[0, j] == np.inf:
                    continue
                # the cost of this segment, and its noise
                value, value_low, doubt = 0.0, 0.0, 0.0
                if not (edges[i] - edges[j] == 1 and alone[j]):
                    value, value_low = compute_precise_cost(prefix, j, i)
                    doubt = NOISE * (abs(prefix[4, j]) + abs(prefix[4, i])) + FLOOR
                # the cost of the path through j
                value, value_low = add(cost[0, j], cost[1, j], value, value_low)
                noise[i] = max(noise[i], noise[j] + doubt)
                if value < cost[0, i] or (value == cost[0, i] and value_low < cost[1, i]):
                    cost[0, i], cost[1, i] = value, value_low
