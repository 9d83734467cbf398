"""Which cuts between sorted values can be optimal for k-medians.

The rounds, the test and its proof are those of `fastkm.cluster.exact.pruning.cut_pruner`, with this lemma: let
an optimal partition have medians c_1 <= c_2 <= ... and thresholds t_j half-way between c_j and
c_{j+1}. The values below its j-th cut are at most t_j, those above at least t_j, whichever medians are
taken if a cluster has several. If the cut is moved to the left edge of its group, a value x of the
group that goes to the next cluster costs

    |x - c_{j+1}| - |x - c_j| <= 2 max(0, t_j - x) <= 2 (h - x)

more, with h the greatest value of the group: the cut lies within the group, so t_j is at most h. So
the slack of a group of weight W and sum S is 2 (W h - S), whatever the medians are. Taking the new medians only lowers the cost.

A value costs its distance, not its square, so neither outliers nor small numbers need a scale of
their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastkm._kernels.dynamic_program import FLOOR
from fastkm._kernels.median_program import NOISE, median_cost, solve_median_layers
from fastkm.cluster.exact.bins import diff
from fastkm.cluster.exact.pruning.cut_pruner import CutPruner

if TYPE_CHECKING:
    from fastkm.cluster.exact.bins import Bins, CandidateCuts


EDGES = 128
"""Groups of the first round: a cost takes some 20 times as long as one of means. 1e5 values and k = 6
take 19 ms with 128, 33 with 512."""


class MedianPruner(CutPruner):
    """Rules out positions of cuts among distinct values; costs are absolute deviations."""

    degree = 1

    def __init__(self, bins: Bins) -> None:
        self.bins = bins
        self.relative_error = self.weight_cost_error = self.squared_widths = self.tolerance = 0.0
        self.has_outliers = False
        self.exponent = bins.choose_exponent()
        self.resolved = bins.resolved
        self.size = len(bins.low)
        scaled = bins.scale(self.exponent)
        self.values, self.prefix = scaled.low, scaled.compute_prefix_sums()
        self.low = self.high = scaled.low - scaled.low[self.size // 2]

    def bound_by_price(self, k: int) -> None:
        """Return None: prices bound sums of squares only."""

    def _choose_edges(self, number: int | None = None) -> np.ndarray:
        return super()._choose_edges(EDGES if number is None else number)

    def _solve_parts(self, groups: CandidateCuts) -> CandidateCuts:
        """Return the groups: all parts have one scale."""
        return groups

    def _bound_slack(
        self,
        groups: CandidateCuts,
        left: np.ndarray,  # noqa: ARG002
        right: np.ndarray,  # noqa: ARG002
        threshold: np.ndarray,  # noqa: ARG002
    ) -> np.ndarray:
        """Bound the cost of moving a cut to the left edge of its group, rounded up."""
        first, stop = groups.first, groups.stop
        high = self.high[np.maximum(stop, 1) - 1]
        n, n_low, s, s_low = self.prefix[:4]
        weight = (n[stop] - n[first]) + (n_low[stop] - n_low[first])
        total = (s[stop] - s[first]) + (s_low[stop] - s_low[first])
        short = weight * high - total + 2.0**-50 * weight * np.abs(high)
        free = self._are_alone(groups) | (stop == first)
        return np.where(free, 0.0, 2 * np.maximum(short, 0) * (1 + 1e-9))

    def _run_program(
        self, edges: np.ndarray, starts: np.ndarray, slack: np.ndarray, *, lower: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Run the program from the left; return costs and the rows of cuts."""
        return self._solve(edges, starts, slack, lower=lower)

    def _bound_costs(
        self, edges: np.ndarray, starts: np.ndarray, slack: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Run the program with slack from the left and, mirrored, from the right."""
        ahead, _ = self._solve(edges, starts, slack, lower=True)
        back, _ = self._solve(
            self.size - edges[::-1],
            len(edges) - starts[::-1],
            slack[::-1].copy(),
            lower=True,
            mirrored=True,
        )
        return ahead, back[::-1]

    def _solve(
        self,
        edges: np.ndarray,
        starts: np.ndarray,
        slack: np.ndarray,
        *,
        lower: bool,
        mirrored: bool = False,
    ) -> tuple[np.ndarray, np.ndarray]:
        cost, cut = np.empty(len(edges)), np.empty(len(edges), np.int64)
        solve_median_layers(
            self.values, self.prefix, edges, starts, slack, lower, mirrored, cost, cut
        )
        return cost, cut

    def _compute_cost(self, start: int, stop: int) -> float:
        """Return the cost of a segment."""
        return max(0.0, float(median_cost(self.values, self.prefix, start, stop)[0]))

    def _compute_noise(self, path: np.ndarray) -> float:
        """Bound the rounding of the costs of a path's segments; a segment of one value has none."""
        sums = np.abs(self.prefix[2, path])
        several = diff(path) > 1
        return float(np.sum(NOISE * (sums[:-1] + sums[1:])[several] + FLOOR))
