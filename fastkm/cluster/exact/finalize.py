"""From cuts to results: centroids, breaks, counts, inertia, in the units of the data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from fastkm._kernels.dynamic_program import FLOOR, segment_cost, segment_mean
from fastkm.cluster.exact.bins import Bins
from fastkm.cluster.exact.collectors import CountDistinct
from fastkm.cluster.exact.result import KMeans1D, Profile

if TYPE_CHECKING:
    from fastkm.cluster.exact.solver import Solution

LOST = 2.0**-50
"""Share of a sum in double-double below which a difference has less than 16 digits."""

Part = Callable[[int, int], tuple[Bins, int]]
"""Gives the atoms from one position to another, divided by a power of two, and that power."""


def finalize(solution: Solution) -> dict[int, KMeans1D]:
    """Compute the results of a solution, for each k."""
    profile = _profile(solution)
    part, places = _parts(solution)
    whole = part(0, len(places) - 1)
    prefix = whole[0].prefix()
    results = {}
    for k, cuts in solution.cuts.items():
        found = _means_and_costs(part, whole, prefix, np.searchsorted(places, cuts))
        result = _result(solution, k, found, profile)
        packing = solution.source.packing
        results[k] = result if packing is None else _unpack(result, *packing)
    return results


def _parts(solution: Solution) -> tuple[Part, np.ndarray]:
    """Give atoms with squares, and at which position of the solution's each begins."""
    atoms, folded = solution.atoms, solution.folded
    if solution.squared:
        return partial(_part, atoms), np.arange(len(atoms.low) + 1)
    places = np.unique(np.concatenate(list(solution.cuts.values())))
    first, last = places[:-1], places[1:] - 1
    low, high = atoms.low[first], atoms.high[last]
    centres = np.clip([_mean_and_cost(*_part(atoms, *p))[0] for p in pairwise(places)], low, high)
    reach = np.maximum(high / 2 - centres / 2, centres / 2 - low / 2)
    sums, powers = folded.sum_between(solution.source, atoms.high[last[:-1]], centres, reach)
    counts, tight = np.add.reduceat(atoms.counts, first), np.ones(len(first), bool)
    parts = Bins(low, high, centres, counts, sums, tight)
    return partial(_part_in_powers, parts, powers), places


def _part(atoms: Bins, start: int, stop: int) -> tuple[Bins, int]:
    part = atoms.part(start, stop)
    return part.scale(part.exponent()), part.exponent()


def _part_in_powers(atoms: Bins, powers: np.ndarray, start: int, stop: int) -> tuple[Bins, int]:
    """Give a part of atoms whose sums are in powers of two of their own."""
    part = atoms.part(start, stop)
    exponent, power = part.exponent(), powers[start:stop]
    low, high, base = (np.ldexp(a, -exponent) for a in (part.low, part.high, part.base))
    sums = part.sums.copy()
    sums[2:4] = np.ldexp(sums[2:4], power - exponent)
    sums[4:6] = np.ldexp(sums[4:6], 2 * (power - exponent))
    return part._replace(low=low, high=high, base=base, sums=sums), exponent


def _means_and_costs(
    part: Part, whole: tuple[Bins, int], prefix: np.ndarray, ends: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give the mean of each segment, its sum of squares about it, and their powers of two.

    Sums about the median of all data lose the digits of a segment that is far from it and narrow,
    and of one that is close to 0: their sums are formed anew, about a median of their own.
    """
    atoms, exponent = whole
    centre = atoms.base[len(atoms.base) // 2]
    pairs = list(pairwise(ends.tolist()))
    means = np.array([segment_mean(prefix, centre, *pair) for pair in pairs])
    costs = np.array([segment_cost(prefix, *pair) for pair in pairs])
    squares = np.abs(prefix[4, ends])
    lost = costs < LOST * (squares[:-1] + squares[1:]) + FLOOR / LOST
    lost |= np.abs(means) < LOST * np.abs(centre)
    lost &= atoms.low[ends[:-1]] < atoms.high[ends[1:] - 1]
    means, powers = np.ldexp(means, exponent), np.full(len(means), exponent)
    for j in np.flatnonzero(lost):
        means[j], costs[j], powers[j] = _mean_and_cost(*part(*pairs[j]))
    return means, costs, powers


def _mean_and_cost(atoms: Bins, exponent: int) -> tuple[float, float, int]:
    """Give the mean of all atoms, their sum of squares about it, and its power of two."""
    prefix, size = atoms.prefix(), len(atoms.base)
    mean = segment_mean(prefix, atoms.base[size // 2], 0, size)
    return float(np.ldexp(mean, exponent)), segment_cost(prefix, 0, size), exponent


def _result(
    solution: Solution,
    k: int,
    found: tuple[np.ndarray, np.ndarray, np.ndarray],
    profile: Profile,
) -> KMeans1D:
    """Compute one result from means and costs, in the units of the pieces."""
    atoms, cuts, folded = solution.atoms, solution.cuts[k], solution.folded
    ranges = np.stack([atoms.low[cuts[:-1]], atoms.high[cuts[1:] - 1]], axis=1)
    means, costs, powers = np.clip(found[0], *ranges.T), found[1], found[2]
    weight = np.add.reduceat(atoms.sums[0], cuts[:-1])
    dtype, start = solution.source.dtype, folded.start
    with np.errstate(over="ignore", under="ignore"):
        inertia = float(np.sum(np.ldexp(costs, 2 * powers - folded.power)))
        variances = np.ldexp(costs / weight, 2 * powers)
        gap = float(np.ldexp(solution.gaps[k], -folded.power))
    return KMeans1D(
        k=k,
        centroids=means + start,
        breaks=_breaks(means, ranges[:-1, 1], ranges[1:, 0], dtype, start),
        counts=np.add.reduceat(atoms.counts, cuts[:-1]),
        weights=np.ldexp(weight, -folded.power),
        inertia=inertia,
        gap=gap,
        passes=solution.source.passes,
        ranges=_move(ranges, start, dtype),
        variances=variances,
        profile=profile,
    )


def _move(values: np.ndarray, start: int, dtype: np.dtype) -> np.ndarray:
    """Add what was taken off integers, rounding once."""
    if start == 0:
        return values
    whole = np.floor(values)
    return np.asarray(
        (whole.astype(dtype) + dtype.type(start)).astype(np.float64) + (values - whole)
    )


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


def _recount(solution: Solution) -> Profile | None:
    """Count distinct values in one more pass; None where there are more than `DISTINCT`."""
    source, aim = solution.source, CountDistinct(solution.folded)
    if source.lazy > 1 and source.reduce_some(aim, [source.lazy // 2]) is None:
        return None  # a look at one block often spares one at all of them
    atoms = source.reduce(aim, solution.folded.threads)
    if atoms is None or len(atoms.low) == 0:
        return None
    return _profile(replace(solution, atoms=atoms))


def _profile(solution: Solution) -> Profile:
    atoms, folded, dtype = solution.atoms, solution.folded, solution.source.dtype
    values = np.clip(atoms.base + atoms.sums[2] / atoms.sums[0], atoms.low, atoms.high)
    profile = Profile(
        _move(values, folded.start, dtype),
        np.ldexp(atoms.sums[0] + atoms.sums[1], -folded.power),
        atoms.counts,
        atoms.high - atoms.low,
        None if atoms.resolved.all() else partial(_recount, solution),
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


def _unpack(result: KMeans1D, scale: float, offset: float) -> KMeans1D:
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
