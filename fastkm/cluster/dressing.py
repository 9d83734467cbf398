"""From cuts to results: centroids, breaks, counts, inertia, in the units of the data."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from fastkm._kernels.dynamic import FLOOR, segment_cost
from fastkm.cluster.atoms import Atoms
from fastkm.cluster.codebook import KMeans1D, Profile

if TYPE_CHECKING:
    from fastkm.cluster.solver import Solution

LOST = 2.0**-50
"""Share of a sum in double-double below which a difference has less than 16 digits."""


def dressed(solution: Solution) -> dict[int, KMeans1D]:
    """Compute the results of a solution, for each k."""
    profile = _profile(solution)
    atoms, places = _parts(solution)
    scaled = atoms.scaled(atoms.exponent())
    prefix = scaled.prefix()
    results = {}
    for k, cuts in solution.cuts.items():
        ends = np.searchsorted(places, cuts)
        result = _result(solution, k, _means_and_costs(atoms, scaled, prefix, ends), profile)
        results[k] = (
            result
            if solution.source.packing is None
            else _unpacked(result, *solution.source.packing)
        )
    return results


def _parts(solution: Solution) -> tuple[Atoms, np.ndarray]:
    """Give atoms with squares, and at which position of the solution's each begins."""
    atoms, folded = solution.atoms, solution.folded
    if solution.squared:
        return atoms, np.arange(len(atoms.low) + 1)
    places = np.unique(np.concatenate(list(solution.cuts.values())))
    first, last = places[:-1], places[1:] - 1
    low, high = atoms.low[first], atoms.high[last]
    means = [_mean_and_cost(atoms.part(*pair))[0] for pair in pairwise(places)]
    centres = np.clip(means, low, high)
    reach = np.maximum(high - centres, centres - low)
    sums = folded.spread(solution.source.pieces(), atoms.high[last[:-1]], centres, reach)
    counts = np.add.reduceat(atoms.counts, first)
    return Atoms(low, high, centres, counts, sums, np.ones(len(first), bool)), places


def _result(
    solution: Solution, k: int, found: tuple[np.ndarray, np.ndarray], profile: Profile
) -> KMeans1D:
    """Compute one result from means and costs, in the units of the pieces."""
    atoms, cuts, start = solution.atoms, solution.cuts[k], solution.folded.start
    ranges = np.stack([atoms.low[cuts[:-1]], atoms.high[cuts[1:] - 1]], axis=1)
    means = np.clip(found[0], *ranges.T)
    weight = np.add.reduceat(atoms.sums[0], cuts[:-1])
    unit = solution.folded.unit
    with np.errstate(over="ignore"):
        inertia, gap = float(found[1].sum() / unit), float(solution.gaps[k] / unit)
    return KMeans1D(
        k=k,
        centroids=means + start,
        breaks=_breaks(means, ranges[:-1, 1], ranges[1:, 0], solution.source.dtype, start),
        counts=np.add.reduceat(atoms.counts, cuts[:-1]),
        weights=weight / unit,
        inertia=inertia,
        gap=gap,
        passes=solution.source.passes,
        ranges=ranges + start,
        variances=found[1] / weight,
        profile=profile,
    )


def _means_and_costs(
    atoms: Atoms, scaled: Atoms, prefix: np.ndarray, ends: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Give the mean of each segment and its sum of squares about it.

    Sums about the median of all data lose the digits of a segment that is far from it and narrow,
    and of one that is close to 0: their sums are formed anew, about a median of their own.
    """
    exponent, centre = atoms.exponent(), scaled.base[len(scaled.base) // 2]
    weight, _, total, total_low, _, _ = np.diff(prefix[:, ends])
    means = centre + (total + total_low) / weight
    costs = np.array([segment_cost(prefix, *pair) for pair in pairwise(ends)])
    squares = np.abs(prefix[4, ends])
    lost = costs < LOST * (squares[:-1] + squares[1:]) + FLOOR / LOST
    lost |= np.abs(means) < LOST * np.abs(centre)
    means, costs = np.ldexp(means, exponent), _squares(costs, exponent)
    lost &= atoms.low[ends[:-1]] < atoms.high[ends[1:] - 1]
    for j in np.flatnonzero(lost):
        means[j], costs[j] = _mean_and_cost(atoms.part(ends[j], ends[j + 1]))
    return means, costs


def _mean_and_cost(atoms: Atoms) -> tuple[float, float]:
    """Give the mean of all atoms and their sum of squares about it."""
    exponent = atoms.exponent()
    scaled = atoms.scaled(exponent)
    prefix = scaled.prefix()
    weight, _, total, total_low, _, _ = prefix[:, -1] - prefix[:, 0]
    mean = scaled.base[len(scaled.base) // 2] + (total + total_low) / weight
    cost = segment_cost(prefix, 0, len(atoms.low))
    return float(np.ldexp(mean, exponent)), float(_squares(cost, exponent))


def _squares(values: np.ndarray | float, exponent: int) -> np.ndarray:
    """Scale sums of squares back; they may overflow."""
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(np.ldexp(values, 2 * exponent))


def _breaks(
    centroids: np.ndarray, below: np.ndarray, above: np.ndarray, dtype: np.dtype, start: int
) -> np.ndarray:
    """Round the midpoints of centroids into [below, above) in the data's own type."""
    middle = centroids[:-1] / 2 + centroids[1:] / 2
    if dtype.kind in "iu":
        whole = np.clip(np.floor(middle), below, above - 1)
        return whole.astype(dtype) + dtype.type(start) if start else whole
    typed = middle.astype(dtype)
    top = np.nextafter(above.astype(dtype), dtype.type(-np.inf))
    return np.clip(typed, below.astype(dtype), top).astype(np.float64)


def _profile(solution: Solution) -> Profile:
    atoms, start = solution.atoms, solution.folded.start
    values = atoms.base + atoms.sums[2] / atoms.sums[0] + start
    profile = Profile(
        np.clip(values, atoms.low + start, atoms.high + start),
        (atoms.sums[0] + atoms.sums[1]) / solution.folded.unit,
        atoms.counts,
        atoms.high - atoms.low,
    )
    if solution.source.packing is None:
        return profile
    scale, offset = solution.source.packing
    order = slice(None, None, -1 if scale < 0 else 1)
    return Profile(
        (profile.values * scale + offset)[order],
        profile.weights[order],
        profile.counts[order],
        (profile.widths * abs(scale))[order],
    )


def _unpacked(result: KMeans1D, scale: float, offset: float) -> KMeans1D:
    """Turn a result in packed units into physical ones; a negative scale turns it round.

    A break is set half-way to the next packed number, where no rounding of a decoder matters.
    """
    order = slice(None, None, -1 if scale < 0 else 1)
    ends = (result.ranges * scale + offset)[order, order]
    return KMeans1D(
        k=result.k,
        centroids=(result.centroids * scale + offset)[order],
        breaks=((result.breaks + 0.5) * scale + offset)[order],
        counts=result.counts[order],
        weights=result.weights[order],
        inertia=result.inertia * scale**2,
        gap=result.gap * scale**2,
        passes=result.passes,
        ranges=ends,
        variances=(result.variances * scale**2)[order],
        profile=result.profile,
    )
