"""The histogram of 64-bit values and of weighted ones: sums in fixed point, squares in a last pass.

See `fastkm._kernels.histogram` for the sums, and `fastkm.cluster.exact.histograms` for the interface.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastkm._core import validation
from fastkm._kernels.dynamic_program import recentre
from fastkm._kernels.histogram import sum_around_centres, sum_bins, widen_extent
from fastkm.cluster.exact.bins import (
    Bins,
    add_tables,
    combine_extents,
    find_distinct,
    make_distinct_bins,
)
from fastkm.cluster.exact.collectors import GatherIfSmall
from fastkm.cluster.exact.histograms import Histogram, require_finite, require_same_number
from fastkm.cluster.exact.sortable_keys import COARSE_BITS, KeyOrder, KeyWindows
from fastkm.cluster.exact.tie_breaking import ExactSums
from fastkm.cluster.extended_precision import from_fixed_point, to_fixed_point, two_sum
from fastkm.cluster.streaming.chunks import (
    CHUNK_VALUES,
    EXACT_INTEGERS,
    Chunk,
    InMemory,
    accumulate,
    slice_chunk,
)

if TYPE_CHECKING:
    from fastkm.cluster.streaming.chunks import Reducible
    from fastkm.cluster.streaming.source import Source

BINS = 1 << 16
"""Bins of a table: 5 MB a thread. With 2^12 and more, the values of a bin have at most two
different units in the last place, so that sums without weights are exact."""

MAX_VALUES = 2**35
"""Number of values from which on sums in fixed point could reach 2^63."""

LIGHTEST = 2.0**-84
"""Unit of the last digit in fixed point, if the greatest weight is 1/2 to 1; each weight is rounded
down by less."""

SORTED_ERROR = 2.0**-64
"""Relative error of the weights of sorted values, whose digits begin at the heaviest of each value."""

MAX_ERROR = 2.0**-24
"""Greatest share of the lightest weight by which it may be rounded down."""

LEAST_EXPONENT = -1023
"""2^1023 is the greatest power of two: distances below 2^-1023 are scaled by it."""


class Weighted(NamedTuple):
    """Values as float64, and their weights or, if all weigh the same, the one weight."""

    values: np.ndarray
    weights: np.ndarray


class WeightedHistogram(Histogram):
    """Bins of equally many keys between the extremes of the data."""

    has_squares = False

    def __init__(self, dtype: np.dtype, threads: int | None) -> None:
        super().__init__(dtype, threads)
        self.order = KeyOrder.of(np.dtype(np.float64))
        self.infinite = False
        self.least, self.greatest, self.number = 0.0, 0.0, 0
        self.shift = 64

    @property
    def unit(self) -> float:
        """The factor by which weights are multiplied."""
        return float(np.ldexp(1.0, self.power))

    def first(self, source: Source) -> Bins:
        """Measure values and weights in one pass; sort a few values, or bin many in another."""
        measure = MeasureExtents(self.dtype)
        found = source.reduce(GatherIfSmall(measure, self.dtype), self.threads)
        if isinstance(found, Chunk):
            self.measure(InMemory(found))
        else:
            self.open(found)
        require_finite(source, np.inf if self.infinite else 0.0)
        if isinstance(found, Chunk):
            return self.sort(found)
        bins = self.bin_all(source)
        require_same_number(self.number, int(bins.counts.sum()))
        return bins

    def measure(self, data: Reducible) -> None:
        """Find the extents of values and weights in a pass."""
        self.open(data.reduce(MeasureExtents(self.dtype), self.threads))

    def open(self, extents: Extents) -> None:
        """Set what depends on the extents of values and weights."""
        ends, weights, [self.number] = (array.tolist() for array in extents)
        if self.number >= MAX_VALUES:
            raise ValueError(
                f"values of 64 bits, and weighted ones, may be fewer than 2^35, got {self.number:,}"
            )
        least, greatest = ends
        if least > greatest:  # no value at all
            return
        self.infinite = bool(np.isinf([float(least), float(greatest)]).any())
        if self.infinite:
            return
        self.start = choose_start(least, greatest)
        self.least, self.greatest = float(least - self.start), float(greatest - self.start)
        self._scale_weights(*weights)

    def bin_all(self, data: Reducible) -> Bins:
        """Return bins of all values, once their extents are known."""
        return self.refine(data, self.windows(np.array([self.least]), np.array([self.greatest])))

    def windows(self, low: np.ndarray, high: np.ndarray) -> KeyWindows:
        """Return windows of values, looked up by cells of equally many keys."""
        extremes = self.order.to_keys(np.array([self.least, self.greatest]))
        least, greatest = (int(key) for key in extremes)
        wide = max(0, (greatest - least).bit_length() - COARSE_BITS)
        ends = np.stack([self.order.to_keys(low), self.order.to_keys(high)])
        return KeyWindows.of(ends, least, wide, ((greatest - least) >> wide) + 1)

    def refine(self, data: Reducible, windows: KeyWindows) -> Bins:
        """Return bins of the values in some windows, with sums about their means."""
        shift, offsets = windows.choose_bins(BINS, max(self.shift, 1))
        self.shift = shift
        reduction = SumBins(self, windows, offsets, shift)
        used, sums, reach = data.reduce(reduction, self.threads)
        base, scales = (numbers[used] for numbers in reduction.find_bases())
        low, high = reach.T + 0.0
        alone = low == high
        weight = from_fixed_point(sums[:, 1:4])
        first = np.where(alone, 0.0, from_fixed_point(sums[:, 4:7]))
        base = np.where(alone, low, base)
        moments = np.concatenate([weight, first, np.zeros((2, len(used)))])
        recentre(base, moments, scales)
        counts = np.ascontiguousarray(sums[:, 0])
        return Bins(low, high, base, counts, moments, np.ones(len(used), bool))

    def convert(self, chunk: Chunk) -> Weighted:
        """Return values as float64, and weights scaled so that the greatest is at most 1."""
        weights = np.ones(1) if chunk.weights is None else chunk.weights * self.unit
        return Weighted(self.to_float64(chunk.values), validation.freeze(weights))

    def to_float64(self, values: np.ndarray) -> np.ndarray:
        """Return values less `start`, as bins hold them."""
        values = values - self.dtype.type(self.start) if self.start else values
        return validation.freeze(values, self.order.dtype)

    def sort(self, chunk: Chunk) -> Bins:
        """Return bins of the distinct values of a chunk without NaN, by sorting them."""
        if chunk.weights is None:
            return super().sort(chunk)
        values, weights = self.convert(chunk)
        order = np.argsort(values, kind="stable")
        values, weights = values[order], weights[order]
        starts, counts = find_distinct(values)
        # scaled to the heaviest of each value, no weight is rounded away
        heaviest = np.frexp(np.maximum.reduceat(weights, starts))[1]
        digits = to_fixed_point(np.ldexp(weights, -np.repeat(heaviest, counts)))
        weight = np.ldexp(from_fixed_point(np.add.reduceat(digits, starts, axis=0)), heaviest)
        if len(values) == self.number:
            self.relative_error, self.absolute_error = SORTED_ERROR, 0.0
        else:  # the sums of all other bins keep their larger errors
            self.relative_error = max(self.relative_error, SORTED_ERROR)
        return make_distinct_bins(values[starts] + 0.0, counts, weight)

    def sum_between(
        self, data: Reducible, breaks: np.ndarray, centres: np.ndarray, reach: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Sum weight, w d and w d^2 of the values between breaks in another pass.

        Distances d are taken from the p centres; `reach` is half of the greatest distance from each.
        A value at one of the p - 1 breaks counts as below it. Return the three sums in
        double-double, (6, p), with distances in units of 2^exponents, and these exponents, (p,).
        """
        exponents = np.maximum(np.frexp(reach)[1] + 1, LEAST_EXPONENT)
        scales = np.ldexp(1.0, -exponents)
        sums = data.reduce(SumAroundCentres(self, breaks, centres, scales), self.threads)
        weight, half, squares = (from_fixed_point(sums[:, i : i + 3]) for i in (0, 3, 6))
        shifted = two_sum(2 * half[0] - weight[0], 2 * half[1] - weight[1])
        return np.concatenate([weight, shifted, squares]), exponents

    def _scale_weights(self, lightest: float, heaviest: float) -> None:
        """Choose the power of two that scales weights, and bound the errors of their sums."""
        if heaviest == 0:  # there are no weights
            return
        self.power = min(-int(np.frexp(heaviest)[1]), 1023)
        if lightest * self.unit < LIGHTEST / MAX_ERROR:
            raise ValueError(
                f"weights must not differ by more than 2^60 times, got {lightest:g} to {heaviest:g}"
            )
        self.absolute_error = 2 * LIGHTEST
        self.relative_error = self.absolute_error / (self.unit * lightest)


class Extents(NamedTuple):
    """Least and greatest value and weight; the first is the greater if there are none."""

    ends: np.ndarray  # (2,) of the type of the values, or float32 for float16
    weights: np.ndarray  # (2,) float64
    number: np.ndarray  # (1,) int64, of values


@dataclass(frozen=True)
class MeasureExtents:
    """Reduction: extents of values and weights."""

    dtype: np.dtype

    def map(self, chunks: Iterator[Chunk], threads: int | None) -> Extents:
        """Find the extents of values and weights."""
        if self.dtype.kind == "f":
            none = np.array([np.inf, -np.inf], validation.choose_working_dtype(self.dtype))
        else:
            none = np.array([np.iinfo(self.dtype).max, np.iinfo(self.dtype).min], self.dtype)

        def make() -> Extents:
            return Extents(none.copy(), np.array([np.inf, 0.0]), np.zeros(1, np.int64))

        def widen(table: Extents, chunk: Chunk) -> None:
            values = validation.freeze(chunk.values, none.dtype)
            table.number[0] += widen_extent(values, table.ends)
            if chunk.weights is not None:
                widen_extent(chunk.weights, table.weights)

        return self.combine(accumulate(chunks, make, widen, threads))

    def combine(self, results: list[Extents]) -> Extents:
        """Find the extents of all values and weights."""
        ends, weights, numbers = zip(*results, strict=True)
        return Extents(combine_extents(ends), combine_extents(weights), add_tables(numbers))


class BinSums(NamedTuple):
    """Sums of the bins in use."""

    places: np.ndarray  # (b,) int64, numbers of the bins, ascending
    sums: np.ndarray  # (b, 7) int64, count, and weight and weighted distance in fixed point
    reach: np.ndarray  # (b, 2) float64, least and greatest value


@dataclass(frozen=True)
class SumBins:
    """Reduction: bins of some windows, with sums in fixed point."""

    histogram: WeightedHistogram
    windows: KeyWindows
    offsets: np.ndarray
    shift: int

    def map(self, chunks: Iterator[Chunk], threads: int | None) -> BinSums:
        """Add weights and weighted distances up."""
        base, scales = self.find_bases()
        order = self.histogram.order

        def make() -> tuple[np.ndarray, np.ndarray]:
            return np.zeros((len(base), 7), np.int64), np.tile([np.inf, -np.inf], (len(base), 1))

        def add(table: tuple[np.ndarray, np.ndarray], chunk: Chunk) -> None:
            values, weights = self.histogram.convert(chunk)
            sum_bins(
                values, weights, order.parts, *self.windows.lookup,
                self.offsets, self.shift, base, scales, *table,
            )  # fmt: skip

        results = []
        for sums, reach in accumulate(chunks, make, add, threads):
            used = np.flatnonzero(sums[:, 0])
            results.append(BinSums(used, sums[used], reach[used]))
        return self.combine(results)

    def combine(self, results: list[BinSums]) -> BinSums:
        """Add the sums of each bin up."""
        if len(results) == 1:
            return results[0]
        places, sums, reach = (np.concatenate(arrays) for arrays in zip(*results, strict=True))
        if len(places) == 0:
            return results[0]
        order = np.argsort(places, kind="stable")
        used, starts = np.unique(places[order], return_index=True)
        low, high = reach[order].T
        reach = np.stack([np.minimum.reduceat(low, starts), np.maximum.reduceat(high, starts)], 1)
        return BinSums(used, np.add.reduceat(sums[order], starts), reach)

    def find_bases(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the least number of each bin, and the scale of distances from it."""
        windows, shift, offsets = self.windows, self.shift, self.offsets
        window = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
        steps = (np.arange(len(window)) - offsets[window]).astype(np.uint64)
        bins = (windows.ends[0, window] >> np.uint64(shift)) + steps
        begin = np.maximum(bins << np.uint64(shift), windows.ends[0, window])
        last = (bins << np.uint64(shift)) + np.uint64((1 << shift) - 1)
        end = np.minimum(last, windows.ends[1, window])
        base = self.histogram.order.to_values(begin)
        exponents = np.frexp(self.histogram.order.to_values(end) - base)[1]
        return base, np.ldexp(1.0, -np.maximum(exponents, LEAST_EXPONENT))


@dataclass(frozen=True)
class SumAroundCentres:
    """Reduction: sums of the values between breaks, about known centres."""

    histogram: WeightedHistogram
    breaks: np.ndarray
    centres: np.ndarray
    scales: np.ndarray

    def map(self, chunks: Iterator[Chunk], threads: int | None) -> np.ndarray:
        """Return three sums in fixed point for each centre: (p, 9)."""

        def make() -> np.ndarray:
            return np.zeros((len(self.centres), 9), np.int64)

        def add(table: np.ndarray, chunk: Chunk) -> None:
            values, weights = self.histogram.convert(chunk)
            sum_around_centres(values, weights, self.breaks, self.centres, self.scales, table)

        return add_tables(accumulate(chunks, make, add, threads))

    combine = staticmethod(add_tables)


@dataclass(frozen=True)
class SumExactly:
    """Reduction: exact sums of the values between bounds; a value at a bound lies above it."""

    histogram: Histogram
    bounds: np.ndarray

    def map(self, chunks: Iterator[Chunk], threads: int | None) -> ExactSums:  # noqa: ARG002
        """Add values and weights up."""
        sums = ExactSums(len(self.bounds) + 1)
        for chunk in chunks:
            for start in range(0, len(chunk.values), CHUNK_VALUES):
                some = slice_chunk(chunk, start, start + CHUNK_VALUES)
                values = self.histogram.convert(some).values
                part = np.searchsorted(self.bounds, values, side="right")
                sums.add(values, some.weights, part)
        return sums

    def combine(self, results: list[ExactSums]) -> ExactSums:
        """Add sums up."""
        sums = ExactSums(len(self.bounds) + 1)
        for result in results:
            sums.weight += result.weight
            sums.total += result.total
        return sums


def choose_start(least: Any, greatest: Any) -> int:
    """Choose the number to subtract from integers so that float64 holds them exactly."""
    if isinstance(least, float) or max(-least, greatest) <= EXACT_INTEGERS:
        return 0
    if greatest - least > EXACT_INTEGERS:
        raise ValueError(
            f"values are integers that differ by more than 2^53, from {least} to {greatest}; "
            "float64 cannot tell them apart"
        )
    return int(least)
