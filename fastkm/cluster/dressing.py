"""From cuts to results: centroids, breaks, counts, inertia, in the units of the data."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from fastkm._kernels.dynamic import segment_cost
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
    prefix = atoms.prefix()
    results = {}
    for k, cuts in solution.cuts.items():
        ends = np.searchsorted(places, cuts)
        result = _result(solution, k, cuts, atoms, prefix, ends, profile)
        results[k] = (
            result
            if solution.source.packing is None
            else _unpacked(result, *solution.source.packing)
        )
    return results


def _parts(solution: Solution) -> tuple[Atoms, np.ndarray]:
    """Give scaled atoms with squares, and at which position of the solution's each begins."""
    atoms, folded, exponent = solution.atoms, solution.folded, solution.exponent
    everywhere = np.arange(len(atoms.low) + 1)
    if solution.squared:
        return atoms.scaled(-exponent), everywhere
    places = np.unique(np.concatenate(list(solution.cuts.values())))
    first, last = places[:-1], places[1:] - 1
    prefix = atoms.scaled(-exponent).prefix()
    weight = np.diff(prefix[0, places])
    means = (np.diff(prefix[2, places]) + np.diff(prefix[3, places])) / weight
    low, high = atoms.low[first], atoms.high[last]
    middle = atoms.base[len(atoms.base) // 2] + np.ldexp(means, exponent)
    centres = np.clip(middle, low, high)
    reach = np.maximum(high - centres, centres - low)
    pieces = solution.source.pieces()
    sums, exponents = folded.spread(pieces, atoms.high[last[:-1]], centres, reach)
    sums[2:4] = np.ldexp(sums[2:4], exponents - exponent)
    sums[4:6] = np.ldexp(sums[4:6], 2 * (exponents - exponent))
    counts = np.add.reduceat(atoms.counts, first)
    low, high, centres = np.ldexp([low, high, centres], -exponent)
    return Atoms(low, high, centres, counts, sums, np.ones(len(first), bool)), places


def _result(
    solution: Solution,
    k: int,
    cuts: np.ndarray,
    atoms: Atoms,
    prefix: np.ndarray,
    ends: np.ndarray,
    profile: Profile,
) -> KMeans1D:
    """Compute one result, in the units of the pieces."""
    known, exponent, unit = solution.atoms, solution.exponent, solution.folded.unit
    weight = np.diff(prefix[0, ends]) + np.diff(prefix[1, ends])
    means, costs = _means_and_costs(atoms, prefix, ends)
    ranges = np.stack([known.low[cuts[:-1]], known.high[cuts[1:] - 1]], axis=1)
    means = np.clip(np.ldexp(means, exponent), *ranges.T)
    start = solution.folded.start
    return KMeans1D(
        k=k,
        centroids=means + start,
        breaks=_breaks(means, ranges[:-1, 1], ranges[1:, 0], solution.source.dtype, start),
        counts=np.add.reduceat(known.counts, cuts[:-1]),
        weights=weight / unit,
        inertia=_square(costs.sum(), exponent, unit),
        gap=_square(solution.gaps[k], exponent, unit),
        passes=solution.source.passes,
        ranges=ranges + start,
        variances=np.array([_square(c, exponent, 1.0) for c in costs / weight]),
        profile=profile,
    )


def _means_and_costs(
    atoms: Atoms, prefix: np.ndarray, ends: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Give the mean of each segment and its sum of squares about it.

    Sums about the median of all data lose the digits of a segment that is far from it and narrow,
    and of one that is close to 0: their sums are formed anew about a median of their own.
    """
    centre = atoms.base[len(atoms.base) // 2]
    weight, _, total, total_low, _, _ = np.diff(prefix[:, ends])
    means = centre + (total + total_low) / weight
    costs = np.array([segment_cost(prefix, *pair) for pair in pairwise(ends)])
    squares = np.abs(prefix[4, ends])
    lost = costs < LOST * (squares[:-1] + squares[1:])
    lost |= np.abs(means) < LOST * np.abs(centre)
    lost &= (np.diff(ends) > 1) & (len(ends) > 2)
    for j in np.flatnonzero(lost):
        part = Atoms(*(array[..., ends[j] : ends[j + 1]] for array in atoms))
        whole = np.array([0, len(part.low)])
        means[j : j + 1], costs[j : j + 1] = _means_and_costs(part, part.prefix(), whole)
    return means, costs


def _square(value: float, exponent: int, unit: float) -> float:
    """Scale a sum of squares back; it may overflow."""
    with np.errstate(over="ignore", under="ignore"):
        return float(np.ldexp(value / unit, 2 * exponent))


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
