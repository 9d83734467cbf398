"""Binning of 64-bit and weighted values: sums in folds, squares in a last pass.

See `fastkm._kernels.histogram` for the folds and `fastkm.cluster.exact.histograms` for its sisters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastkm._core import validation
from fastkm._kernels import histogram
from fastkm._kernels.dynamic_program import recentre
from fastkm.cluster.exact.bins import Bins, bins_of_distinct, joined, split, sum_tables
from fastkm.cluster.exact.histograms import merge_extents
from fastkm.cluster.exact.sortable_keys import COARSE_BITS, KeyOrder, KeyWindows
from fastkm.cluster.exact.tie_breaking import ExactSums
from fastkm.cluster.streaming.chunks import EXACT_INTEGERS
from fastkm.cluster.streaming.pieces import CHUNK_VALUES, Chunk, accumulate, slice_chunk

if TYPE_CHECKING:
    from fastkm.cluster.streaming.pieces import Reducible

CELLS = 1 << 16
"""Bins of a table: 5 MB a thread. With 2^12 and more, the values of a bin have at most two
different units in the last place, so that sums without weights are exact."""

MOST = 2**35
"""Values whose sums in folds stay below 2^63."""

LIGHTEST = 2.0**-84
"""The least weight that three folds hold, where the greatest is 1/2 to 1; it is the most that any
weight is cut by."""

SORTED = 2.0**-64
"""Relative error of the weights of sorted values: folds begin at the heaviest of each value."""

ENOUGH = 2.0**-24
"""Share of the lightest weight that folds may cut off."""

LEAST_EXPONENT = -1023
"""2^1023 is the greatest power of two: distances below 2^-1023 are scaled by that."""


class Weighted(NamedTuple):
    """Values as float64, and their weights or, where all weigh the same, the one weight."""

    values: np.ndarray
    weights: np.ndarray


class WeightedHistogram:
    """Bins by extent.

    Attributes
    ----------
    start : int
        What is taken off integers before they become float64.
    power : int
        Weights are multiplied by 2^power.
    doubt, cut : float
        Relative and absolute error of the weights that the sums may have.
    infinite : bool
        Whether an infinity was met.
    """

    def __init__(self, dtype: np.dtype, threads: int | None) -> None:
        self.dtype, self.threads = dtype, threads
        self.order = KeyOrder.of(np.dtype(np.float64))
        self.start, self.power, self.infinite = 0, 0, False
        self.doubt, self.cut = 0.0, 0.0
        self.least, self.greatest, self.number = 0.0, 0.0, 0
        self.shift = 64

    @property
    def unit(self) -> float:
        """What weights are multiplied by."""
        return float(np.ldexp(1.0, self.power))

    @property
    def aim(self) -> MeasureExtents:
        """The aim of the pass before all others."""
        return MeasureExtents(self.dtype)

    def measure(self, data: Reducible) -> None:
        """Find the extents of values and weights in a pass."""
        self.open(data.reduce(self.aim, self.threads))

    def open(self, extents: Extents) -> None:
        """Learn the extents of values and weights."""
        ends, weights, self.number = extents
        if self.number >= MOST:
            raise ValueError(
                f"values of 64 bits, and weighted ones, may be fewer than 2^35, got {self.number:,}"
            )
        least, greatest = ends[0].item(), ends[1].item()
        if least > greatest:  # no value at all
            return
        self.infinite = bool(np.isinf([float(least), float(greatest)]).any())
        if self.infinite:
            return
        self.start = choose_start(least, greatest)
        self.least, self.greatest = float(least - self.start), float(greatest - self.start)
        self._weigh(*weights.tolist())

    def first(self, data: Reducible) -> Bins:
        """Bin all values; NaN is left out."""
        ends = np.array([self.least]), np.array([self.greatest])
        return self.refine(data, self.windows(*ends))

    def refine(self, data: Reducible, windows: KeyWindows) -> Bins:
        """Bin the values in some windows."""
        shift, offsets = windows.bins(CELLS, max(self.shift, 1))
        self.shift = shift
        aim = SumBins(self, windows, offsets, shift)
        used, sums, reach = data.reduce(aim, self.threads)
        base, scales = (numbers[used] for numbers in aim.places())
        low, high = reach.T + 0.0
        alone = low == high
        weight = from_fixed_point(sums[:, 1:4])
        first = np.where(alone, 0.0, from_fixed_point(sums[:, 4:7]))
        base = np.where(alone, low, base)
        moments = np.concatenate([weight, first, np.zeros((2, len(used)))])
        recentre(base, moments, scales)
        counts = np.ascontiguousarray(sums[:, 0])
        return Bins(low, high, base, counts, moments, np.ones(len(used), bool))

    def windows(self, low: np.ndarray, high: np.ndarray) -> KeyWindows:
        """Find windows of values by cells of the whole extent."""
        least, greatest = (
            int(key) for key in self.order.keys(np.array([self.least, self.greatest]))
        )
        wide = max(0, (greatest - least).bit_length() - COARSE_BITS)
        ends = np.stack([self.order.keys(low), self.order.keys(high)])
        return KeyWindows.of(ends, least, wide, ((greatest - least) >> wide) + 1)

    def convert(self, piece: Chunk) -> Weighted:
        """Give values as float64, and weights in units of at most 1."""
        weights = np.ones(1) if piece.weights is None else piece.weights * self.unit
        values = piece.values - self.dtype.type(self.start) if self.start else piece.values
        return Weighted(validation.frozen(values, self.order.dtype), validation.frozen(weights))

    def sorted(self, piece: Chunk) -> Bins:
        """Make atoms of distinct values by sorting them in memory."""
        if piece.weights is None:
            values = np.sort(piece.values)
            starts, counts = _runs(values)
            numbers = self.convert(Chunk(values[starts], None)).values + 0.0
            return bins_of_distinct(numbers, counts, split(counts))
        values, weights = self.convert(piece)
        order = np.argsort(values, kind="stable")
        values, weights = values[order], weights[order]
        starts, counts = _runs(values)
        heaviest = np.frexp(np.maximum.reduceat(weights, starts))[1]  # of each value: none is cut
        folds = _to_fixed_point(np.ldexp(weights, -np.repeat(heaviest, counts)))
        weight = np.ldexp(from_fixed_point(np.add.reduceat(folds, starts, axis=0)), heaviest)
        self.doubt, self.cut = SORTED, 0.0
        return bins_of_distinct(values[starts] + 0.0, counts, weight)

    def sum_between(
        self, data: Reducible, breaks: np.ndarray, centres: np.ndarray, reach: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Sum weight, w d and w d^2 in the parts between breaks.

        Parameters
        ----------
        data : Readable
        breaks : (p - 1,) float64 array
            A value at one belongs below it.
        centres, reach : (p,) float64 array
            About what, and half of how far from it a part's values may lie.

        Returns
        -------
        sums : (6, p) float64 array
            The three sums in double-double, with distances in units of 2^exponents.
        exponents : (p,) int array
        """
        exponents = np.maximum(np.frexp(reach)[1] + 1, LEAST_EXPONENT)
        scales = np.ldexp(1.0, -exponents)
        sums = data.reduce(SumAroundCentres(self, breaks, centres, scales), self.threads)
        weight, half, squares = (from_fixed_point(sums[:, i : i + 3]) for i in (0, 3, 6))
        shifted = joined(2 * half[0] - weight[0], 2 * half[1] - weight[1])
        return np.concatenate([weight, shifted, squares]), exponents

    def _weigh(self, lightest: float, heaviest: float) -> None:
        if heaviest == 0:  # there are no weights
            return
        self.power = min(-int(np.frexp(heaviest)[1]), 1023)
        if lightest * self.unit < LIGHTEST / ENOUGH:
            raise ValueError(
                f"weights must not differ by more than 2^60 times, got {lightest:g} to {heaviest:g}"
            )
        self.cut = 2 * LIGHTEST
        self.doubt = self.cut / (self.unit * lightest)


class Extents(NamedTuple):
    """Least and greatest value and weight, the first the greater where there is none.

    Attributes
    ----------
    ends : (2,) array
        In the type of the values, or float32 for float16.
    weights : (2,) float64 array
    number : int
        Values met.
    """

    ends: np.ndarray
    weights: np.ndarray
    number: int


@dataclass(frozen=True)
class MeasureExtents:
    """Aim of a pass: extents."""

    dtype: np.dtype

    def map(self, pieces: Iterator[Chunk], threads: int | None) -> Extents:
        """Find the extents of values and weights."""
        tables = accumulate(pieces, self._none, _widen, threads)
        return self.merged([Extents(ends, weights, int(n[0])) for ends, weights, n in tables])

    def merged(self, parts: list[Extents]) -> Extents:
        """Find the extents of all."""
        ends, weights, numbers = zip(*parts, strict=True)
        return Extents(merge_extents(ends), merge_extents(weights), sum(numbers))

    def _none(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if self.dtype.kind == "f":
            none = np.array([np.inf, -np.inf], validation.working_dtype(self.dtype))
        else:
            none = np.array([np.iinfo(self.dtype).max, np.iinfo(self.dtype).min], self.dtype)
        return none, np.array([np.inf, 0.0]), np.zeros(1, np.int64)


class BinSums(NamedTuple):
    """What is in the bins in use.

    Attributes
    ----------
    places : (b,) int64 array
        Which bins, ascending.
    sums : (b, 7) int64 array
        Counts, and weights and distances in folds.
    reach : (b, 2) float64 array
        Least and greatest value.
    """

    places: np.ndarray
    sums: np.ndarray
    reach: np.ndarray


@dataclass(frozen=True)
class SumBins:
    """Aim of a pass: bins of some windows, with sums in folds."""

    folded: WeightedHistogram
    windows: KeyWindows
    offsets: np.ndarray
    shift: int

    def map(self, pieces: Iterator[Chunk], threads: int | None) -> BinSums:
        """Add up."""
        base, scales = self.places()
        order = self.folded.order

        def make() -> tuple[np.ndarray, np.ndarray]:
            cells = len(base)
            return np.zeros((cells, 7), np.int64), np.tile([np.inf, -np.inf], (cells, 1))

        def add(table: tuple[np.ndarray, np.ndarray], piece: Chunk) -> None:
            values, weights = self.folded.convert(piece)
            histogram.sum_bins(
                values, weights, order.parts, *self.windows.lookup,
                self.offsets, self.shift, base, scales, *table,
            )  # fmt: skip

        parts = []
        for sums, reach in accumulate(pieces, make, add, threads):
            used = np.flatnonzero(sums[:, 0])
            parts.append(BinSums(used, sums[used], reach[used]))
        return self.merged(parts)

    def merged(self, parts: list[BinSums]) -> BinSums:
        """Add up."""
        if len(parts) == 1:
            return parts[0]
        places, sums, reach = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        if len(places) == 0:
            return parts[0]
        order = np.argsort(places, kind="stable")
        used, starts = np.unique(places[order], return_index=True)
        low, high = (
            extreme.reduceat(ends, starts)
            for extreme, ends in zip((np.minimum, np.maximum), reach[order].T, strict=True)
        )
        return BinSums(used, np.add.reduceat(sums[order], starts), np.stack([low, high], axis=1))

    def places(self) -> tuple[np.ndarray, np.ndarray]:
        """Give the least number of each bin, and the scale of distances from it."""
        windows, shift, offsets = self.windows, self.shift, self.offsets
        window = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
        steps = (np.arange(len(window)) - offsets[window]).astype(np.uint64)
        bins = (windows.ends[0, window] >> np.uint64(shift)) + steps
        begin = np.maximum(bins << np.uint64(shift), windows.ends[0, window])
        last = (bins << np.uint64(shift)) + np.uint64((1 << shift) - 1)
        end = np.minimum(last, windows.ends[1, window])
        base = self.folded.order.values(begin)
        exponents = np.frexp(self.folded.order.values(end) - base)[1]
        return base, np.ldexp(1.0, -np.maximum(exponents, LEAST_EXPONENT))


@dataclass(frozen=True)
class SumAroundCentres:
    """Aim of a pass: sums about known centres of the parts between breaks."""

    folded: WeightedHistogram
    breaks: np.ndarray
    centres: np.ndarray
    scales: np.ndarray

    def map(self, pieces: Iterator[Chunk], threads: int | None) -> np.ndarray:
        """Add up: (p, 9), three folds of each sum."""

        def make() -> np.ndarray:
            return np.zeros((len(self.centres), 9), np.int64)

        def add(table: np.ndarray, piece: Chunk) -> None:
            values, weights = self.folded.convert(piece)
            histogram.sum_around_centres(
                values, weights, self.breaks, self.centres, self.scales, table
            )

        return sum_tables(accumulate(pieces, make, add, threads))

    def merged(self, parts: list[np.ndarray]) -> np.ndarray:
        """Add up."""
        return sum_tables(parts)


@dataclass(frozen=True)
class SumExactly:
    """Aim of a pass: exact sums of the parts between bounds, each of which begins one."""

    folded: WeightedHistogram
    bounds: np.ndarray

    def map(self, pieces: Iterator[Chunk], threads: int | None) -> ExactSums:  # noqa: ARG002
        """Add values and weights."""
        sums = ExactSums(len(self.bounds) + 1)
        for piece in pieces:
            for start in range(0, len(piece.values), CHUNK_VALUES):
                chunk = slice_chunk(piece, start, start + CHUNK_VALUES)
                values, weights = self.folded.convert(chunk).values, chunk.weights
                sums.add(values, weights, np.searchsorted(self.bounds, values, side="right"))
        return sums

    def merged(self, parts: list[ExactSums]) -> ExactSums:
        """Add up."""
        sums = ExactSums(len(self.bounds) + 1)
        for one in parts:
            sums.weight += one.weight
            sums.total += one.total
        return sums


def _widen(table: tuple[np.ndarray, np.ndarray, np.ndarray], piece: Chunk) -> None:
    table[2][0] += histogram.extent(validation.frozen(piece.values, table[0].dtype), table[0])
    if piece.weights is not None:
        histogram.extent(piece.weights, table[1])


def _runs(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tell where each distinct value of a sorted array begins, and how often it occurs."""
    starts = np.flatnonzero(np.append(True, values[1:] != values[:-1]))[: len(values)]
    return starts, np.diff(np.append(starts, len(values)))


def choose_start(least: Any, greatest: Any) -> int:
    """Choose what to take off integers so that float64 can tell them apart.

    Raises
    ------
    ValueError
        If they differ by more than 2^53.
    """
    if isinstance(least, float) or max(-least, greatest) <= EXACT_INTEGERS:
        return 0
    if greatest - least > EXACT_INTEGERS:
        raise ValueError(
            f"values are integers that differ by more than 2^53, from {least} to {greatest}; "
            "float64 cannot tell them apart"
        )
    return int(least)


def _to_fixed_point(terms: np.ndarray) -> np.ndarray:
    """Cut numbers from 0 to 1 into three integers, as the kernel does: (..., 3)."""
    folds = []
    for _ in range(3):
        scaled = terms * histogram.FOLD
        folds.append(np.floor(scaled))
        terms = scaled - folds[-1]
    return np.stack(folds, axis=-1).astype(np.int64)


def from_fixed_point(folds: np.ndarray) -> np.ndarray:
    """Turn sums in three folds, (..., 3), into double-double: (2, ...)."""
    result = split(folds[..., 2]) / histogram.FOLD
    for column in (1, 0):
        high, low = split(folds[..., column])
        high, rest = joined(high, result[0])
        result = joined(high, rest + (low + result[1])) / histogram.FOLD
    return result
