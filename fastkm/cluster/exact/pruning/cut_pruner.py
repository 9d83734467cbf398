"""Which cuts between sorted bins can be optimal.

The dynamic program of `fastkm._kernels.dynamic_program` finds the best k segments of m positions in
O(k m log m). Data may have millions of distinct values, of which almost none can be a cut. This
module rules positions out, in rounds, until only those remain that rounding cannot rule out.

**The lemma.** Let an optimal partition of the values have centroids c_1 < c_2 < ... and thresholds
t_j half-way between c_j and c_{j+1}; its j-th cut lies before the least value v_j above t_j. Divide
the bins into groups of neighbours, the same groups for all cuts, and move every cut to the left
edge of the group in which v_j lies: cuts stay in order. The values that move to another cluster are
those of this group below v_j. They belong to cluster j, so they are at most t_j, and such a value x
costs

    (x - c_{j+1})^2 - (x - c_j)^2 = 2 (c_{j+1} - c_j) (t_j - x) <= 2 D_j (h - x)

more, with h the greatest value that may be in the group and D_j any bound on c_{j+1} - c_j. Summed
over the group, this is at most 2 D_j (W h - S), with W its weight and S its sum: the *slack* of the
group. It is at most 2 D_j W (T_j - l) too, with l the least value that may be in the group and T_j
a bound on t_j: no value moves if t_j is below the group. So an outlier, whose threshold is far from
all other values, spoils no bound. Moving the centroids to the new means only lowers the cost. So the moved partition R, whose
cuts are edges of groups, has

    cost(R) <= OPT + sum over its cuts of their slacks.

If several cuts move to one edge, the segments between them are empty and cost nothing, and each cut
adds its own slack: the extra costs of a value that passes several centroids add up. A group of one
distinct value has no slack.

**The test.** So an edge e can be the j-th cut of R only if

    (best cost of j segments up to e) + (best cost of k - j segments from e), both with the
    slacks of their cuts subtracted, <= OPT <= U,

with U the cost of any partition, here the best one whose cuts are edges (a partition with empty
segments costs no less than the optimum either). The left side comes from one program forward and
one backward. Groups that fail are dropped, for this k and j. Those that remain are cut into smaller
groups, and D_j shrinks too: centroid j is at least the mean of the values between the lowest
cuts j - 1 and j that remain, centroid j + 1 at most the mean between the highest cuts j and j + 1,
and t_j, half-way between them, is in the group. Rounds end when groups are single bins and hardly
any of them are dropped.

**Rounding.** Costs are right to a few units in the last place (`fastkm._kernels.dynamic_program`),
and a search by levels may take a candidate that is worse by twice that on each level; over k layers
a sum is off by less than `ROUNDING` k U. Sums in fixed point
(`fastkm.cluster.exact.weighted_histograms`) are those of values moved by at most 2^-52 of the width
of their bin, and of weights changed by a known share; by Cauchy and Schwarz the first changes a
cost by at most 2 sqrt(U V) 2^-52, V the sum of W w^2 over bins of width w. All this is added to U.
A weighted histogram leaves out the squares within bins, which are the same for every partition.
What remains is compared in double-double (`fastkm.cluster.exact.pruning.precise_costs`) and, if still equal, exactly
(`fastkm.cluster.exact.tie_breaking`).

**Cost.** On 1e8 float32 values, k = 2 ... 8, 450 of 30,000 bins remain, with 4 % of the values. On a
million distinct values in memory the rounds take 25 ms, the plain program 1.7 s. With dozens of
clusters or heavy tails rounds take long: `fastkm.cluster.exact.pruning.priced_bounds` has another test.

Wang & Song (2011) and Gronlund et al. (2017), see `fastkm.cluster.exact.kmeans1d`, have the program;
the bounds that spare most of it are, as far as we know, new here.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from fastkm._kernels.dynamic_program import (
    FLOOR,
    NOISE,
    segment_cost,
    solve_layers,
)
from fastkm.cluster.exact.bins import CandidateCuts, diff
from fastkm.cluster.exact.pruning.priced_bounds import bound_cuts

if TYPE_CHECKING:
    from fastkm.cluster.exact.bins import Bins

EDGES = 512
"""Groups of the first round, which serves every k."""

MANY, SEVERAL, SPARSE = 40, 8, 16
"""Clusters from which on prices rule cuts out sooner, and those from which on they do so if rounds
take long; distinct values for each cluster."""

PATIENCE = 0.6
"""Groups of all rounds, a share of the distinct values, from which on prices are tried."""

FAR, OUTLYING = 2.0**20, 1 / 256
"""Extents of the data without this share of their weight at each end, beyond which there are
outliers: thresholds are bounded then. Other data keeps the bins of earlier versions, and so every
bit of sums that are rounded."""

STALLED = 0.98
"""A round over single bins is the last if it keeps more than this share of them."""

ROUNDING = 2.0**-46
"""Margin of comparisons for each segment, a share of U: some ten times the rounding errors."""

FIXED_POINT = 2.0**-50
"""Margin for sums in fixed point; see above."""


class CutPruner:
    """Rules out positions of cuts among bins. The weights of single values may have errors.

    If the bins are of a sample, positions stay that cost up to a share `tolerance` more than U.
    """

    degree = 2  # costs are in units of the values to this power

    def __init__(
        self,
        bins: Bins,
        relative_error: float = 0.0,
        absolute_error: float = 0.0,
        *,
        tolerance: float = 0.0,
    ) -> None:
        self.bins = bins
        self.relative_error, self.absolute_error = relative_error, absolute_error
        self.tolerance = tolerance
        self.exponent = bins.choose_exponent()
        self.resolved = bins.resolved
        self.size = len(bins.low)
        bins = bins.scale(self.exponent).fill_least_squares()
        self.prefix = bins.compute_prefix_sums()
        centre = bins.base[self.size // 2]
        self.low, self.high = bins.low - centre, bins.high - centre
        extent = bins.high[-1] - bins.low[0]
        share = bins.sums[0].sum() * np.array([OUTLYING, 1 - OUTLYING])
        least, most = np.searchsorted(self.prefix[0, 1:] - self.prefix[0, 0], share)
        self.has_outliers = 0 < (bins.low[most] - bins.low[least]) * FAR < extent
        self.weight_cost_error = absolute_error * float(np.sum(bins.counts)) * extent**2
        widths = bins.high - bins.low
        self.squared_widths = float(np.sum(bins.sums[0] * widths**2)) if relative_error else 0.0

    def first_round(self, ks: list[int]) -> dict[int, tuple[CandidateCuts, float]]:
        """Do the first round; return the groups and U for each k."""
        found = {}
        for k in ks:
            bounded = self.bound_by_price(k) if k >= MANY else None
            if bounded is not None:
                found[k] = bounded
        rest = [k for k in ks if k not in found]
        return found | self._do_first_round(rest) if rest else found

    def bound_by_price(self, k: int) -> tuple[CandidateCuts, float] | None:
        """Rule cuts between distinct values out by prices (`priced_bounds`); None if it cannot be done."""
        if self.size < SPARSE * k or self.has_outliers or not self.resolved.all():
            return None
        bounded = bound_cuts(
            self.prefix, k, self._compute_noise, lambda upper: self._compute_margin(k, upper)
        )
        return None if bounded is None else self._do_round(k, *bounded)

    def _do_first_round(self, ks: list[int]) -> dict[int, tuple[CandidateCuts, float]]:
        """Do the first round for all k at once; return the groups and U for each."""
        # one layer of edges for each cut of the greatest k, the same edges in all of them
        most, m = max(ks), self.size
        starts = self._choose_edges()
        edges = np.concatenate(([0], *[np.append(starts, m)] * (most - 1), [m]))
        width = len(starts) + 1
        layers = np.concatenate(([0], 1 + width * np.arange(most), [len(edges)]))
        groups = CandidateCuts(starts, np.append(starts[1:], m), np.array([0, len(starts)]))
        own_slack = self._bound_slack(groups, *self._bound_all_centroids())
        slack = np.zeros(len(edges))
        slack[1:-1] = np.tile(np.append(own_slack, 0.0), most - 1)
        # lower bounds from both sides, and the best partition whose cuts are edges
        ahead, back = self._bound_costs(edges, layers, slack)
        cost, cut = self._run_program(edges, layers, np.zeros_like(slack), lower=False)
        # the test: cut j of k has j segments on its left and k - j on its right
        found = {}
        for k in ks:
            end = layers[k] + width - 1 if k < most else len(edges) - 1
            upper = cost[end] + self._compute_noise(edges[_trace_path(cut, end, k)])
            keep = []
            for j in range(1, k):
                here = slice(layers[j], layers[j] + width - 1)
                there = slice(layers[most - k + j], layers[most - k + j] + width - 1)
                keep.append(self._may_hold_cut(ahead[here], back[there], slack[here], upper, k))
            inner = [(groups.first[kept], groups.stop[kept]) for kept in keep]
            ends = [(np.array([position]), np.array([position])) for position in (0, m)]
            found[k] = CandidateCuts.of([ends[0], *inner, ends[1]]), upper
        return found

    def prune(self, k: int, groups: CandidateCuts, upper: float) -> tuple[CandidateCuts, float]:
        """Do rounds for one k until no more groups are ruled out; return the groups and U."""
        # the first round may have looked at each value already
        if np.isfinite(upper) and self._are_single_values(groups):
            return self._solve_parts(groups), upper
        work, patience = 0.0, PATIENCE * self.size if SEVERAL <= k < MANY else np.inf
        while True:
            # smaller groups have less slack; if there are too many, prices need none
            groups = groups.split()
            work += len(groups.first)
            if work > patience:
                patience, bounded = np.inf, self.bound_by_price(k)
                if bounded is not None:
                    return self._solve_parts(bounded[0]), bounded[1]
            before = len(groups.first)
            groups, upper = self._do_round(k, groups, upper)
            # the end: single values, or single bins of which almost none are ruled out
            single = bool((groups.stop - groups.first <= 1).all())
            stalled = len(groups.first) > STALLED * before
            if self._are_single_values(groups) or (single and stalled):
                return self._solve_parts(groups), upper

    def _are_single_values(self, groups: CandidateCuts) -> bool:
        """Return True if each group is one distinct value."""
        inner = groups.first[groups.starts[1] : groups.starts[-2]]
        alone = (groups.stop - groups.first <= 1).all()
        return bool(alone and self.resolved[inner].all())

    def _solve_parts(self, groups: CandidateCuts) -> CandidateCuts:
        """Prune between cuts that are certain, each part at its own scale.

        A fill value of 1e308 makes the squares of all other values underflow, but its own cut is
        certain, and the bins between two certain cuts are a problem of their own.
        """
        # a cut is certain if it has one position: at the end, before a distinct value, or before a
        # bin that lies above the threshold
        layers, threshold = groups.list_layers(), self._bound_centroids(groups)[2]
        exact = np.append(self.resolved, True)[groups.first]
        if self.has_outliers:
            exact = self._are_alone(groups) | (groups.stop == groups.first)
        exact |= threshold < np.append(self.low, np.inf)[groups.first]
        single = diff(groups.starts) == 1
        certain = np.flatnonzero(single & exact[groups.starts[:-1]]).tolist()
        # the part between two certain cuts is searched again if another scale suits it
        for a, b in pairwise(certain):
            start, stop = int(layers[a][0][0]), int(layers[b][0][0])
            part = self.bins.select(start, stop)
            if b - a > 1 and part.choose_exponent() != self.exponent:
                pruner = CutPruner(part, self.relative_error, self.absolute_error)
                finer, _ = pruner.prune(b - a, *pruner.first_round([b - a])[b - a])
                inner = finer.list_layers()[1:-1]
                layers[a + 1 : b] = [(first + start, last + start) for first, last in inner]
        return CandidateCuts.of(layers)

    def find_best(self, k: int, groups: CandidateCuts, upper: float) -> tuple[np.ndarray, float]:
        """Return the best cuts by rounded costs, and a bound on their cost above the optimum."""
        none = np.zeros(len(groups.first))
        _, cut = self._run_program(groups.first, groups.starts, none, lower=False)
        path = groups.first[_trace_path(cut, len(cut) - 1, k)]
        # costs that underflow may leave a segment empty
        for j in range(k - 1, 0, -1):
            if path[j] >= path[j + 1]:
                first, _ = groups.list_layers()[j]
                path[j] = first[np.searchsorted(first, path[j + 1]) - 1]
        # the gap to the least cost that any partition may have
        lowest, _ = self._run_program(groups.first, groups.starts, none, lower=True)
        cost = sum(self._compute_cost(a, b) for a, b in pairwise(path))
        gap = cost + self._compute_noise(path) - lowest[-1] + self._compute_margin(k, upper)
        with np.errstate(over="ignore"):
            return path, float(np.ldexp(gap, self.degree * self.exponent))

    def _compute_cost(self, start: int, stop: int) -> float:
        """Return the cost of a segment."""
        return float(segment_cost(self.prefix, start, stop))

    def _do_round(self, k: int, groups: CandidateCuts, upper: float) -> tuple[CandidateCuts, float]:
        """Do one round; return the groups that pass the test, and U."""
        edges = groups.first
        slack = self._bound_slack(groups, *self._bound_centroids(groups))
        ahead, back = self._bound_costs(edges, groups.starts, slack)
        cost, cut = self._run_program(edges, groups.starts, np.zeros_like(slack), lower=False)
        path = edges[_trace_path(cut, len(edges) - 1, k)]
        upper = min(upper, cost[-1] + self._compute_noise(path))
        keep = self._may_hold_cut(ahead, back, slack, upper, k) & self._have_room(groups, k)
        keep[[0, -1]] = True
        return groups.keep(keep), upper

    def _have_room(self, groups: CandidateCuts, k: int) -> np.ndarray:
        """Find the groups with a distinct value for each cluster on both sides of their cut."""
        if not self.has_outliers:
            return np.ones(len(groups.first), bool)
        distinct = np.append(0, np.cumsum(np.where(self.resolved, 1, self.bins.counts)))
        below, above = distinct[groups.stop] - 1, distinct[-1] - distinct[groups.first]
        return np.asarray((below >= groups.cut) & (above >= k - groups.cut))

    def _choose_edges(self, number: int | None = None) -> np.ndarray:
        """Choose where groups begin: each has its share of weight plus width, so little slack."""
        number = EDGES if number is None else number
        if self.size <= number:
            return np.arange(self.size)
        weight = self.prefix[0, :-1] - self.prefix[0, 0]
        width = self.low - self.low[0]
        measure = weight / weight[-1] + width / width[-1]
        step = np.floor(measure * (number / 2))
        return np.flatnonzero(np.append(True, diff(step) > 0))

    def _bound_all_centroids(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return bounds of all centroids and thresholds: the ends of the data."""
        return self.low[:1], self.high[-1:], self.high[-1:]

    def _bound_centroids(self, groups: CandidateCuts) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return for each group the least and greatest centroid on the two sides of its cut.

        The third bound is the greatest threshold of the cut.
        """
        lowest = groups.first[groups.starts[:-1]]
        last = groups.starts[1:] - 1
        alone = self._are_alone(groups) & self.has_outliers
        highest = np.where(alone, groups.first, groups.stop)[last]
        left = self._compute_means(lowest, self.low[np.minimum(lowest[:-1], self.size - 1)])
        right = self._compute_means(highest, self.high[np.maximum(highest[1:], 1) - 1])
        least, greatest = np.append(self.low[0], left), np.append(right, self.high[-1])
        # sums in fixed point may move a mean by a share of the extent
        beyond = 2.0**-50 * max(abs(self.low[0]), abs(self.high[-1]))
        threshold = np.append(self.low[0], right) / 2 + greatest / 2 + beyond
        if not self.has_outliers:
            threshold[:] = self.high[-1]
        cut = groups.cut
        return least[cut], greatest[cut], threshold[cut]

    def _are_alone(self, groups: CandidateCuts) -> np.ndarray:
        """Find the groups that are one distinct value, or the end."""
        alone = np.append(self.resolved, True)[groups.first]
        return np.asarray((groups.stop - groups.first <= 1) & alone)

    def _compute_means(self, ends: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
        """Return the means between neighbouring positions, or `otherwise` if they are the same."""
        weight = diff(self.prefix[0, ends]) + diff(self.prefix[1, ends])
        total = diff(self.prefix[2, ends]) + diff(self.prefix[3, ends])
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(diff(ends) > 0, total / weight, otherwise)

    def _bound_slack(
        self, groups: CandidateCuts, left: np.ndarray, right: np.ndarray, threshold: np.ndarray
    ) -> np.ndarray:
        """Bound the cost of moving a cut to the left edge of its group, rounded up."""
        first, stop = groups.first, groups.stop
        low, high = self.low[np.minimum(first, self.size - 1)], self.high[np.maximum(stop, 1) - 1]
        apart = np.minimum(right - left, 2 * np.minimum(high - left, right - low))
        apart = np.maximum(apart, 0) * (1 + 1e-9) + 2.0**-50 * (np.abs(left) + np.abs(right))
        n, n_low, s, s_low = self.prefix[:4]
        weight = (n[stop] - n[first]) + (n_low[stop] - n_low[first])
        total = (s[stop] - s[first]) + (s_low[stop] - s_low[first])
        short = weight * high - total + 2.0**-50 * weight * np.abs(high)
        reach = np.clip(threshold - low, 0, high - low)
        moved = np.minimum(np.maximum(short, 0), weight * reach) * (1 + 1e-9)
        free = self._are_alone(groups) | (stop == first)
        return np.where(free, 0.0, 2 * apart * moved)

    def _run_program(
        self, edges: np.ndarray, starts: np.ndarray, slack: np.ndarray, *, lower: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Run the program from the left; return costs and the rows of cuts."""
        cost, cut = np.empty(len(edges)), np.empty(len(edges), np.int64)
        prefix = np.take(self.prefix, edges, axis=1)
        solve_layers(edges, prefix, starts, slack, lower, cost, cut)
        return cost, cut

    def _bound_costs(
        self, edges: np.ndarray, starts: np.ndarray, slack: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Run the program with slack from the left and, mirrored, from the right."""
        ahead, _ = self._run_program(edges, starts, slack, lower=True)
        back, cut = np.empty(len(edges)), np.empty(len(edges), np.int64)
        mirrored = self.size - edges[::-1], -np.take(self.prefix, edges[::-1], axis=1)
        ends = len(edges) - starts[::-1]
        solve_layers(*mirrored, ends, slack[::-1].copy(), True, back, cut)
        return ahead, back[::-1]

    def _may_hold_cut(
        self, ahead: np.ndarray, back: np.ndarray, slack: np.ndarray, upper: float, k: int
    ) -> np.ndarray:
        """Return which edges pass the test."""
        margin = self._compute_margin(k, upper)
        rounding = ROUNDING * (np.abs(ahead) + np.abs(back))
        return ahead + back + slack <= upper + margin + rounding  # the edge's own slack counts once

    def _compute_margin(self, k: int, upper: float) -> float:
        """Bound the error of the cost of a partition that costs at most `upper`."""
        weights = min(upper * self.relative_error, self.weight_cost_error)
        values = (FIXED_POINT + self.relative_error) * np.sqrt(upper) * np.sqrt(self.squared_widths)
        values += FIXED_POINT**2 * self.squared_widths
        return float(upper * (k * ROUNDING + self.tolerance) + weights + values)

    def _compute_noise(self, path: np.ndarray) -> float:
        """Bound the rounding of the costs of a path's segments; a segment of one value has none."""
        squares = np.abs(self.prefix[4, path])
        alone = (diff(path) == 1) & self.resolved[np.minimum(path[:-1], self.size - 1)]
        several = ~alone & (diff(path) > 0)
        return float(np.sum(NOISE * (squares[:-1] + squares[1:])[several] + FLOOR))


def _trace_path(cut: np.ndarray, end: int, k: int) -> np.ndarray:
    """Follow the best cuts back from a row of the last layer; return the rows."""
    rows = [end]
    for _ in range(k):
        rows.append(cut[rows[-1]])
    return np.array(rows[::-1])
