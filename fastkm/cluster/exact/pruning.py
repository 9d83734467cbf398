"""Which cuts of sorted atoms can be optimal, and which are.

The dynamic program of `fastkm._kernels.dynamic_program` finds the best k segments of m positions in
O(k m log m). Data may have millions of distinct values, of which almost none can be a cut. This
module rules positions out, in rounds, until only those remain that the sums cannot tell apart.

**The lemma.** Let an optimal partition of the values have centroids c_1 < c_2 < ... and thresholds
t_j half-way between c_j and c_{j+1}; its j-th cut lies before the least value v_j above t_j. Let
the atoms be parted into groups of neighbours, the same for all cuts, and move every cut to the
left edge of the group that v_j lies in: cuts stay in order. The values that change sides are those of the group below v_j; they belong to cluster j, so
they are at most t_j, and such a value x costs

    (x - c_{j+1})^2 - (x - c_j)^2 = 2 (c_{j+1} - c_j) (t_j - x) <= 2 D_j (h - x)

more, with h the greatest value that may be in the group and D_j any bound on c_{j+1} - c_j. Over
the group that is at most 2 D_j (W h - S), W its weight and S its sum: the *slack* of the group.
Centroids moved to the new means only lower the total. So the moved partition R, whose cuts are
edges of groups, has

    cost(R) <= OPT + sum over its cuts of their slacks.

Where several cuts land on one edge the segments between are empty and cost nothing, and each cut
brings its own slack: the extra costs of a value that passes several centroids add up. A group of
one distinct value has no slack.

**The test.** So an edge e can be the j-th cut of R only if

    (best cost of j segments up to e) + (best cost of k - j segments from e), both with the
    slacks of their cuts subtracted, <= OPT <= U,

with U the cost of any partition, here the best one whose cuts are edges (a partition with empty
segments costs no less than the optimum either). The left side comes from one program forward and
one backward. Groups that fail are dropped, for this k and j; what remains is cut into smaller
groups, and D_j shrinks too: centroid j is at least the mean of the values between the lowest
cuts j - 1 and j that remain, centroid j + 1 at most the mean between the highest cuts j and j + 1,
and t_j, half-way between them, is in the group. Rounds end when groups are single atoms and stay.

**Rounding.** Costs are right to a few units in the last place (`fastkm._kernels.dynamic_program`), and a
search by levels may take a candidate that is worse by twice that on each level; over k layers a
sum is off by less than `ROUNDING` k U. Sums in folds (`fastkm.cluster.exact.weighted_histograms`) are those of
values moved by at most 2^-52 of the width of their bin, and of weights changed by a known share;
by Cauchy and Schwarz the first changes a cost by at most 2 sqrt(U V) 2^-52, V the sum of W w^2
over bins of width w. All this is added to U. Squares that are left out, those within folded bins,
are the same for every partition. What survives is compared in double-double (`told_apart`) and, if
still equal, exactly (`fastkm.cluster.exact.tie_breaking`).

**Cost.** On 1e8 float32 values, k = 2 ... 8, 450 of 30,000 bins survive, with 4 % of the values. On a
million distinct values in memory the rounds take 25 ms, the plain program 1.7 s.

Wang & Song (2011) and Gronlund et al. (2017), see `fastkm.cluster.exact.kmeans1d`, have the program; the
bounds that spare most of it are, as far as we know, new here.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from fastkm._kernels.dynamic_program import FLOOR, NOISE, precise_program, program, segment_cost
from fastkm.cluster.exact.bins import Bins, joined

EDGES = 512
"""Groups of the first round, which serves every k."""

SPLIT = 96
"""Groups a cut in later rounds, at least while there are more atoms."""

STALLED = 0.98
"""A round over single atoms that keeps more than this share is the last."""

ROUNDING = 2.0**-46
"""Margin of comparisons for each segment, a share of U: some ten times the rounding errors."""

FOLDED = 2.0**-50
"""Margin for sums in folds; see above."""


class CandidateCuts(NamedTuple):
    """For one k, the groups of atoms in which each cut may be.

    Attributes
    ----------
    first, stop : (t,) int64 array
        Group g holds the atoms ``first[g]`` to ``stop[g] - 1``; ascending for each cut.
    starts : (k + 2,) int64 array
        The groups of cut j are ``starts[j]`` to ``starts[j + 1] - 1``; cut 0 is the position 0 and
        cut k the position m, both as empty groups.
    """

    first: np.ndarray
    stop: np.ndarray
    starts: np.ndarray

    @classmethod
    def of(cls, layers: list[tuple[np.ndarray, np.ndarray]]) -> CandidateCuts:
        """Join the groups of each cut."""
        first, stop = (np.concatenate(parts) for parts in zip(*layers, strict=True))
        sizes = [len(part) for part, _ in layers]
        return cls(first, stop, np.concatenate(([0], np.cumsum(sizes))))

    def layers(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Give the groups of each cut."""
        return [(self.first[a:b], self.stop[a:b]) for a, b in pairwise(self.starts)]

    @property
    def cut(self) -> np.ndarray:
        """Which cut each group belongs to."""
        return np.repeat(np.arange(len(self.starts) - 1), _steps(self.starts))

    def only(self, kept: np.ndarray) -> CandidateCuts:
        """Drop groups."""
        starts = np.concatenate(([0], np.cumsum(kept)))[self.starts]
        return CandidateCuts(self.first[kept], self.stop[kept], starts)

    def refine(self) -> CandidateCuts:
        """Cut each group into two or more, `SPLIT` a cut on average, or into single atoms.

        Groups of the same atoms are cut alike whatever their cut: see the lemma.
        """
        sizes = self.stop - self.first
        room = max(SPLIT * (len(self.starts) - 1) // len(self.first), 2)
        parts = np.maximum(np.minimum(sizes, room), 1)
        group = np.repeat(np.arange(len(parts)), parts)
        number = np.arange(len(group)) - np.repeat(np.cumsum(parts) - parts, parts)
        first = self.first[group] + sizes[group] * number // parts[group]
        stop = self.first[group] + sizes[group] * (number + 1) // parts[group]
        starts = np.concatenate(([0], np.cumsum(parts)))[self.starts]
        return CandidateCuts(first, stop, starts)

    def translate(self, old: Bins, new: Bins) -> CandidateCuts:
        """Translate to atoms of which some are finer."""
        low = np.append(old.low, np.inf)
        first, stop = (np.searchsorted(new.low, low[ends]) for ends in (self.first, self.stop))
        return CandidateCuts(first, stop, self.starts)

    def pairs(self) -> int:
        """Count the segments that begin and end at positions of neighbouring cuts."""
        sizes = _steps(self.starts)
        return int(sizes[:-1] @ sizes[1:])

    def is_unique(self) -> bool:
        """Tell whether each cut has one position, a different one."""
        positions = self.first
        return len(positions) == len(self.starts) - 1 and bool((_steps(positions) > 0).all())


class CutPruner:
    """The atoms, and what the rounds need of them.

    Parameters
    ----------
    atoms : Atoms
        Of any magnitude.
    doubt, cut : float, default: 0
        Relative and absolute error that the weights may have.
    """

    def __init__(self, atoms: Bins, doubt: float = 0.0, cut: float = 0.0) -> None:
        self.whole, self.doubt, self.weight_cut = atoms, doubt, cut
        self.exponent = atoms.exponent()
        self.resolved = atoms.resolved
        self.size = len(atoms.low)
        atoms = atoms.scale(self.exponent).with_least_squares()
        self.prefix = atoms.prefix()
        centre = atoms.base[self.size // 2]
        self.low, self.high = atoms.low - centre, atoms.high - centre
        self.cut = cut * float(np.sum(atoms.counts)) * (atoms.high[-1] - atoms.low[0]) ** 2
        widths = atoms.high - atoms.low
        self.smeared = float(np.sum(atoms.sums[0] * widths**2)) if doubt else 0.0

    def first_round(self, ks: list[int]) -> dict[int, tuple[CandidateCuts, float]]:
        """Do the first round for all k at once: groups and U for each."""
        most, m = max(ks), self.size
        starts = self._edges()
        edges = np.concatenate(([0], *[np.append(starts, m)] * (most - 1), [m]))
        width = len(starts) + 1
        layers = np.concatenate(([0], 1 + width * np.arange(most), [len(edges)]))
        groups = CandidateCuts(starts, np.append(starts[1:], m), np.array([0, len(starts)]))
        slack = np.zeros(len(edges))
        slack[1:-1] = np.tile(np.append(self._slack(groups, *self._widest(groups)), 0.0), most - 1)
        ahead, back = self._bounds(edges, layers, slack)
        cost, cut = self._run(edges, layers, np.zeros_like(slack), lower=False)
        found = {}
        for k in ks:
            end = layers[k] + width - 1 if k < most else len(edges) - 1
            upper = cost[end] + self._noise(edges[_path(cut, end, k)])
            keep = []
            for j in range(1, k):
                here = slice(layers[j], layers[j] + width - 1)
                there = slice(layers[most - k + j], layers[most - k + j] + width - 1)
                keep.append(self._passes(ahead[here], back[there], slack[here], upper, k))
            found[k] = self._kept(starts, keep), upper
        return found

    def prune(self, k: int, groups: CandidateCuts, upper: float) -> tuple[CandidateCuts, float]:
        """Do rounds for one k until nothing more is ruled out."""
        if np.isfinite(upper) and self._are_values(groups):
            return self._divided(groups), upper  # the first round has looked at each value
        while True:
            groups = groups.refine()
            before = len(groups.first)
            groups, upper = self._round(k, groups, upper)
            single = bool((groups.stop - groups.first <= 1).all())
            stalled = len(groups.first) > STALLED * before
            if self._are_values(groups) or (single and stalled):
                return self._divided(groups), upper

    def _are_values(self, groups: CandidateCuts) -> bool:
        """Tell whether each group is one distinct value."""
        inner = groups.first[groups.starts[1] : groups.starts[-2]]
        alone = (groups.stop - groups.first <= 1).all()
        return bool(alone and self.resolved[inner].all())

    def _divided(self, groups: CandidateCuts) -> CandidateCuts:
        """Solve the parts between certain cuts, each at its own scale.

        A fill value of 1e308 makes the squares of all else underflow, but its own cut is certain,
        and what lies between two certain cuts is a problem of its own.
        """
        layers = groups.layers()
        certain = [j for j, (first, _) in enumerate(layers) if self._is_certain(first)]
        for a, b in pairwise(certain):
            start, stop = int(layers[a][0][0]), int(layers[b][0][0])
            part = self.whole.part(start, stop)
            if b - a > 1 and part.exponent() != self.exponent:
                search = CutPruner(part, self.doubt, self.weight_cut)
                finer, _ = search.prune(b - a, *search.first_round([b - a])[b - a])
                inner = finer.layers()[1:-1]
                layers[a + 1 : b] = [(first + start, last + start) for first, last in inner]
        return CandidateCuts.of(layers)

    def _is_certain(self, first: np.ndarray) -> bool:
        """Tell whether a cut has one position, before a distinct value or at the end."""
        return len(first) == 1 and bool(np.append(self.resolved, True)[first[0]])

    def drop_dominated(self, groups: CandidateCuts) -> CandidateCuts:
        """Drop what is worse in double-double; what remains is equal, or nearly.

        This needs sums without a doubt: those of weights in folds have one.
        """
        edges = groups.first
        alone = np.append(self.resolved, False)[edges]
        prefix = np.take(self.prefix, edges, axis=1)
        ahead, before = self._precise(edges, alone, prefix, groups.starts)
        mirrored = -prefix[:, ::-1]
        next_alone = np.append(False, self.resolved)[edges[::-1]]
        back, after = self._precise(
            self.size - edges[::-1], next_alone, mirrored, len(edges) - groups.starts[::-1]
        )
        back, after = back[:, ::-1], after[::-1]
        least = ahead[:, -1]
        reached = np.isfinite(ahead[0]) & np.isfinite(back[0])
        through, rest = joined(*np.stack([ahead[0], back[0]])[:, reached])
        worse = np.full(len(edges), np.inf)
        worse[reached] = (through - least[0]) + (rest + (ahead[1] + back[1])[reached] - least[1])
        return groups.only(worse <= before + after + before[-1])

    def _precise(
        self, edges: np.ndarray, alone: np.ndarray, prefix: np.ndarray, starts: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        cost, noise = np.empty((2, len(edges))), np.empty(len(edges))
        precise_program(edges, alone, np.ascontiguousarray(prefix), starts, cost, noise)
        return cost, noise

    def best(self, k: int, groups: CandidateCuts, upper: float) -> tuple[np.ndarray, float]:
        """Give the best cuts as far as they can be told, and a bound on what they miss."""
        none = np.zeros(len(groups.first))
        _, cut = self._run(groups.first, groups.starts, none, lower=False)
        path = groups.first[_path(cut, len(cut) - 1, k)]
        for j in range(k - 1, 0, -1):  # costs that underflow may leave a segment empty
            if path[j] >= path[j + 1]:
                first, _ = groups.layers()[j]
                path[j] = first[np.searchsorted(first, path[j + 1]) - 1]
        lowest, _ = self._run(groups.first, groups.starts, none, lower=True)
        cost = sum(segment_cost(self.prefix, a, b) for a, b in pairwise(path))
        gap = cost + self._noise(path) - lowest[-1] + self._margin(k, upper)
        with np.errstate(over="ignore"):
            return path, float(np.ldexp(gap, 2 * self.exponent))

    def _round(self, k: int, groups: CandidateCuts, upper: float) -> tuple[CandidateCuts, float]:
        edges = groups.first
        slack = self._slack(groups, *self._apart(groups))
        ahead, back = self._bounds(edges, groups.starts, slack)
        cost, cut = self._run(edges, groups.starts, np.zeros_like(slack), lower=False)
        upper = min(upper, cost[-1] + self._noise(edges[_path(cut, len(edges) - 1, k)]))
        keep = self._passes(ahead, back, slack, upper, k)
        keep[[0, -1]] = True
        return groups.only(keep), upper

    def _edges(self) -> np.ndarray:
        """Choose groups: where share of weight plus share of width passes the next of EDGES steps.

        A group then weighs little and is narrow, so its slack is small in the bulk and in tails.
        """
        if self.size <= EDGES:
            return np.arange(self.size)
        weight = self.prefix[0, :-1] - self.prefix[0, 0]
        width = self.low - self.low[0]
        measure = weight / weight[-1] + width / width[-1]
        step = np.floor(measure * (EDGES / 2))
        return np.flatnonzero(np.append(True, _steps(step) > 0))

    def _widest(self, _: CandidateCuts) -> tuple[np.ndarray, np.ndarray]:
        """Give the least and greatest centroid beside any cut: those of the data."""
        return self.low[:1], self.high[-1:]

    def _apart(self, groups: CandidateCuts) -> tuple[np.ndarray, np.ndarray]:
        """Give, for each group, the least and greatest centroid that its cut may lie between."""
        lowest = groups.first[groups.starts[:-1]]
        highest = groups.stop[groups.starts[1:] - 1]
        left = self._means(lowest, self.low[np.minimum(lowest[:-1], self.size - 1)])
        right = self._means(highest, self.high[np.maximum(highest[1:], 1) - 1])
        cut = groups.cut
        return np.append(self.low[0], left)[cut], np.append(right, self.high[-1])[cut]

    def _means(self, ends: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
        """Give the mean between neighbouring positions, or `otherwise` where they are one."""
        weight = _steps(self.prefix[0, ends]) + _steps(self.prefix[1, ends])
        total = _steps(self.prefix[2, ends]) + _steps(self.prefix[3, ends])
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(_steps(ends) > 0, total / weight, otherwise)

    def _slack(self, groups: CandidateCuts, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Bound the cost of moving a cut to the left edge of its group, rounded up."""
        first, stop = groups.first, groups.stop
        low, high = self.low[np.minimum(first, self.size - 1)], self.high[np.maximum(stop, 1) - 1]
        apart = np.minimum(right - left, 2 * np.minimum(high - left, right - low))
        apart = np.maximum(apart, 0) * (1 + 1e-9) + 2.0**-50 * (np.abs(left) + np.abs(right))
        n, n_low, s, s_low = self.prefix[:4]
        weight = (n[stop] - n[first]) + (n_low[stop] - n_low[first])
        total = (s[stop] - s[first]) + (s_low[stop] - s_low[first])
        short = weight * high - total + 2.0**-50 * weight * np.abs(high)
        moved = np.minimum(np.maximum(short, 0), weight * (high - low)) * (1 + 1e-9)
        free = (stop - first <= 1) & np.append(self.resolved, True)[first]
        return np.where(free | (stop == first), 0.0, 2 * apart * moved)

    def _run(
        self, edges: np.ndarray, starts: np.ndarray, slack: np.ndarray, *, lower: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        return _run(edges, np.take(self.prefix, edges, axis=1), starts, slack, lower=lower)

    def _bounds(
        self, edges: np.ndarray, starts: np.ndarray, slack: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Run the program with slack from the left and, mirrored, from the right."""
        ahead, _ = self._run(edges, starts, slack, lower=True)
        turned, mirrored = self.size - edges[::-1], -np.take(self.prefix, edges[::-1], axis=1)
        back, _ = _run(turned, mirrored, len(edges) - starts[::-1], slack[::-1].copy(), lower=True)
        return ahead, back[::-1]

    def _passes(
        self, ahead: np.ndarray, back: np.ndarray, slack: np.ndarray, upper: float, k: int
    ) -> np.ndarray:
        """Tell which edges may be a cut of R."""
        margin = self._margin(k, upper)
        rounding = ROUNDING * (np.abs(ahead) + np.abs(back))
        return ahead + back + slack <= upper + margin + rounding  # its own slack counts once

    def _margin(self, k: int, upper: float) -> float:
        """Bound how far the cost of a partition may be off that costs at most `upper`."""
        weights = min(upper * self.doubt, self.cut)
        folds = (FOLDED + self.doubt) * np.sqrt(upper) * np.sqrt(self.smeared)
        folds += FOLDED**2 * self.smeared
        return float(upper * k * ROUNDING + weights + folds)

    def _noise(self, path: np.ndarray) -> float:
        """Bound what the costs of a path's segments cannot tell from 0; one value has none."""
        squares = np.abs(self.prefix[4, path])
        alone = (_steps(path) == 1) & self.resolved[np.minimum(path[:-1], self.size - 1)]
        several = ~alone & (_steps(path) > 0)
        return float(np.sum(NOISE * (squares[:-1] + squares[1:])[several] + FLOOR))

    def _kept(self, starts: np.ndarray, keep: list[np.ndarray]) -> CandidateCuts:
        stops = np.append(starts[1:], self.size)
        ends = [(np.array([p]), np.array([p])) for p in (0, self.size)]
        inner = [(starts[kept], stops[kept]) for kept in keep]
        return CandidateCuts.of([ends[0], *inner, ends[1]])


def _run(
    edges: np.ndarray, prefix: np.ndarray, starts: np.ndarray, slack: np.ndarray, *, lower: bool
) -> tuple[np.ndarray, np.ndarray]:
    cost, cut = np.empty(len(edges)), np.empty(len(edges), np.int64)
    program(edges, prefix, starts, slack, lower, cost, cut)
    return cost, cut


def _steps(array: np.ndarray) -> np.ndarray:
    """Do what `numpy.diff` does, in a fifth of the time for few numbers."""
    return np.asarray(array[1:] - array[:-1])


def _path(cut: np.ndarray, end: int, k: int) -> np.ndarray:
    """Follow the best cuts back from a row of the last layer; give the rows."""
    rows = [end]
    for _ in range(k):
        rows.append(cut[rows[-1]])
    return np.array(rows[::-1])
