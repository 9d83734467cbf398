"""The comparison in double-double of positions that float64 cannot rule out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastkm._kernels.dynamic_program import solve_layers_precisely
from fastkm.cluster.extended_precision import two_sum

if TYPE_CHECKING:
    from fastkm.cluster.exact.bins import CandidateCuts
    from fastkm.cluster.exact.pruning.cut_pruner import CutPruner


def drop_dominated(pruner: CutPruner, groups: CandidateCuts) -> CandidateCuts:
    """Drop positions that are worse in double-double; the others are equal, or nearly.

    This needs sums of exact weights: those in fixed point may have an error.
    """
    # the best costs of the segments before each position, and of those after it
    edges = groups.first
    alone = np.append(pruner.resolved, False)[edges]
    prefix = np.take(pruner.prefix, edges, axis=1)
    ahead, before = _run_precisely(edges, alone, prefix, groups.starts)
    mirrored = -prefix[:, ::-1]
    next_alone = np.append(False, pruner.resolved)[edges[::-1]]
    back, after = _run_precisely(
        pruner.size - edges[::-1], next_alone, mirrored, len(edges) - groups.starts[::-1]
    )
    back, after = back[:, ::-1], after[::-1]
    # how far the best partition through each position is above the best one of all
    least = ahead[:, -1]
    reached = np.isfinite(ahead[0]) & np.isfinite(back[0])
    through, rest = two_sum(*np.stack([ahead[0], back[0]])[:, reached])
    worse = np.full(len(edges), np.inf)
    worse[reached] = (through - least[0]) + (rest + (ahead[1] + back[1])[reached] - least[1])
    return groups.keep(worse <= before + after + before[-1])


def _run_precisely(
    edges: np.ndarray, alone: np.ndarray, prefix: np.ndarray, starts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Run the program in double-double; return costs and their noise."""
    cost, noise = np.empty((2, len(edges))), np.empty(len(edges))
    solve_layers_precisely(edges, alone, np.ascontiguousarray(prefix), starts, cost, noise)
    return cost, noise
