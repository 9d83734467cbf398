"""Results from cuts: centroids, breaks, counts, inertia, in the units of the data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._kernels.dynamic_program import FLOOR, segment_cost, segment_mean
from fastkm.cluster.exact.bins import Bins
from fastkm.cluster.exact.collectors import CountDistinct
from fastkm.cluster.exact.result import KMeans1D, Profile

if TYPE_CHECKING:
    from fastkm.cluster.exact.solver import Solution

LOST = 2.0**-50
"""Share of two sums in double-double below which their difference has less than 16 digits."""

LARGEST_ROOT = 1e150
"""Numbers below this have a square within float64."""

SelectPart = Callable[[int, int], tuple[Bins, int]]
"""Returns the bins from one position to another, divided by a power of two, and that power."""


def finalize(solution: Solution) -> dict[int, KMeans1D]:
    """Compute the results of a solution, for each k."""
    profile = make_profile(solution)
    select, places = _make_parts(solution)
    whole = select(0, len(places) - 1)
    prefix = whole[0].compute_prefix_sums()
    packing, results = solution.source.packing, {}
    for k, cuts in solution.cuts.items():
        found = _compute_means_and_costs(select, whole, prefix, np.searchsorted(places, cuts))
        result = _make_result(solution, k, found, profile)
        results[k] = result if packing is None else unpack(result, *packing)
    return results


def _make_parts(solution: Solution) -> tuple[SelectPart, np.ndarray]:
    """Return bins with squares, and the position among the solution's bins where each begins.

    If the solution's bins have no squares, they become one bin for each segment between any cuts,
    whose squares are summed in another pass.
    """
    bins, histogram = solution.bins, solution.histogram
    select = partial(_select_part, bins, np.zeros(len(bins.low), np.int32))
    if solution.squared:
        return select, np.arange(len(bins.low) + 1)
    # segments between the cuts of any k, and how far their values may be from the mean
    places = np.unique(np.concatenate(list(solution.cuts.values())))
    first, last = places[:-1], places[1:] - 1
    low, high = bins.low[first], bins.high[last]
    means = [_compute_mean_and_cost(*select(*pair))[0] for pair in pairwise(places)]
    centres = np.clip(means, low, high)
    reach = np.maximum(high / 2 - centres / 2, centres / 2 - low / 2)
    # sums about the means, in a pass
    sums, powers = histogram.sum_between(solution.source, bins.high[last[:-1]], centres, reach)
    counts, tight = np.add.reduceat(bins.counts, first), np.ones(len(first), bool)
    parts = Bins(low, high, centres, counts, sums, tight)
    return partial(_select_part, parts, powers), places


def _select_part(bins: Bins, powers: np.ndarray, start: int, stop: int) -> tuple[Bins, int]:
    """Return some bins at a scale of their own; their sums are in units of powers of two."""
    part = bins.select(start, stop)
    exponent = part.choose_exponent()
    return part.scale(exponent, powers[start:stop]), exponent


def _compute_means_and_costs(
    select: SelectPart, whole: tuple[Bins, int], prefix: np.ndarray, ends: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the mean of each segment, the sum of squares about it, and their powers of two.

    Sums about the median of all data lose the digits of a segment that is far from it and narrow,
    and of one that is close to 0: their sums are computed again, about a median of their own.
    """
    bins, exponent = whole
    centre = bins.base[len(bins.base) // 2]
    pairs = list(pairwise(ends.tolist()))
    means = np.array([segment_mean(prefix, centre, *pair) for pair in pairs])
    costs = np.array([segment_cost(prefix, *pair) for pair in pairs])
    # segments of several values whose sums have lost digits
    squares = np.abs(prefix[4, ends])
    lost = costs < LOST * (squares[:-1] + squares[1:]) + FLOOR / LOST
    lost |= np.abs(means) < LOST * np.abs(centre)
    lost &= bins.low[ends[:-1]] < bins.high[ends[1:] - 1]
    means, powers = np.ldexp(means, exponent), np.full(len(means), exponent)
    for j in np.flatnonzero(lost):
        means[j], costs[j], powers[j] = _compute_mean_and_cost(*select(*pairs[j]))
    return means, costs, powers


def _compute_mean_and_cost(bins: Bins, exponent: int) -> tuple[float, float, int]:
    """Return the mean of all bins, the sum of squares about it, and its power of two."""
    prefix, size = bins.compute_prefix_sums(), len(bins.base)
    mean = segment_mean(prefix, bins.base[size // 2], 0, size)
    return float(np.ldexp(mean, exponent)), segment_cost(prefix, 0, size), exponent


def _make_result(
    solution: Solution,
    k: int,
    found: tuple[np.ndarray, np.ndarray, np.ndarray],
    profile: Profile,
) -> KMeans1D:
    """Compute one result from means and costs, in the units of the chunks."""
    bins, cuts, histogram = solution.bins, solution.cuts[k], solution.histogram
    means, costs, powers = found
    ranges = np.stack([bins.low[cuts[:-1]], bins.high[cuts[1:] - 1]], axis=1)
    means = np.clip(means, *ranges.T)
    weight = np.add.reduceat(bins.sums[0], cuts[:-1])
    dtype, start = solution.source.dtype, histogram.start
    with np.errstate(over="ignore", under="ignore"):
        inertia = float(np.sum(np.ldexp(costs, 2 * powers - histogram.power)))
        variances = np.ldexp(costs / weight, 2 * powers)
        gap = float(np.ldexp(solution.gaps[k], -histogram.power))
    return KMeans1D(
        k=k,
        centroids=means + start,
        breaks=compute_breaks(means, ranges[:-1, 1], ranges[1:, 0], dtype, start),
        counts=np.add.reduceat(bins.counts, cuts[:-1]),
        weights=np.ldexp(weight, -histogram.power),
        inertia=inertia,
        gap=gap,
        passes=solution.source.passes,
        ranges=add_start(ranges, start, dtype),
        variances=variances,
        profile=profile,
    )


def add_start(values: np.ndarray, start: int, dtype: np.dtype) -> np.ndarray:
    """Add the number that was subtracted from integers, rounding once."""
    if start == 0:
        return values
    whole = np.floor(values)
    moved = whole.astype(dtype) + dtype.type(start)
    return np.asarray(moved.astype(np.float64) + (values - whole))


def compute_breaks(
    centroids: np.ndarray, below: np.ndarray, above: np.ndarray, dtype: np.dtype, start: int
) -> np.ndarray:
    """Round the midpoints of centroids into [below, above) in the data's own type."""
    middle = centroids[:-1] / 2 + centroids[1:] / 2
    if dtype.kind in "iu":
        whole = np.clip(np.floor(middle), below, above - 1)
        return whole.astype(dtype) + dtype.type(start) if start else whole
    middle, below, above = (array.astype(dtype, copy=False) for array in (middle, below, above))
    top = np.nextafter(above, dtype.type(-np.inf))
    return middle.clip(below, top).astype(np.float64, copy=False)


def _recount(solution: Solution) -> Profile | None:
    """Count distinct values in one more pass; None if they are more than `MAX_DISTINCT`."""
    source, count = solution.source, CountDistinct(solution.histogram)
    if source.lazy_blocks > 1 and source.reduce_some(count, [source.lazy_blocks // 2]) is None:
        return None  # a look at one block often spares one at all of them
    bins = source.reduce(count, solution.histogram.threads)
    if bins is None or len(bins.low) == 0:
        return None
    return make_profile(replace(solution, bins=bins))


def make_profile(solution: Solution) -> Profile:
    """Return what is known of all values, in the units of the data."""
    bins, histogram, dtype = solution.bins, solution.histogram, solution.source.dtype
    values = np.clip(bins.base + bins.sums[2] / bins.sums[0], bins.low, bins.high)
    profile = Profile(
        add_start(values, histogram.start, dtype),
        np.ldexp(bins.sums[0] + bins.sums[1], -histogram.power),
        bins.counts,
        bins.high - bins.low,
        None if bins.resolved.all() else partial(_recount, solution),
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


def unpack(result: KMeans1D, scale: float, offset: float) -> KMeans1D:
    """Convert a result from packed to physical units; a negative scale reverses its order.

    A break is set half-way to the next packed number, so that the rounding of a decoder does not
    matter.
    """
    order = slice(None, None, -1 if scale < 0 else 1)
    multiply = _multiply_by_square if result.criterion == "mean" else _multiply_by_size
    return replace(
        result,
        centroids=(result.centroids * scale + offset)[order],
        breaks=((result.breaks + 0.5) * scale + offset)[order],
        counts=result.counts[order],
        weights=result.weights[order],
        inertia=multiply(result.inertia, scale),
        gap=multiply(result.gap, scale),
        ranges=(result.ranges * scale + offset)[order, order],
        variances=_multiply_by_square(result.variances, scale)[order],
    )


def _multiply_by_square(numbers: Any, scale: float) -> Any:
    """Multiply by the square of a scale, which may be beyond float64."""
    if abs(scale) < LARGEST_ROOT:
        return numbers * scale**2
    with np.errstate(over="ignore"):
        return numbers * scale * scale


def _multiply_by_size(numbers: Any, scale: float) -> Any:
    """Multiply by a scale without its sign; the product may be beyond float64."""
    with np.errstate(over="ignore"):
        return numbers * abs(scale)
