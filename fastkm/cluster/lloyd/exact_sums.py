"""A pass of Lloyd's algorithm over a large raster: exact sums of the cells of each cluster.

There are two ways, chosen by the types of the bands, never by a block. Bands of integers of 8 and 16
bits have sums that are integers, if cells have no weights. Then means and inertia are computed from
them in rational numbers: they are rounded once. All other numbers are summed in fixed point
(`fastkm._kernels.sums_by_label`). In both, sums are the same to the bit in any order.

A pass serves several sets of centroids at once, one for each k, so that all are read once.

Integers have an inertia without a look at distances: the sum of (x - c)^2 over a cluster is Q - 2 c S
+ n c^2, of its sum S, its sum of squares Q and its count n. The sum of all Q is known from the first
pass (`fastkm.cluster.lloyd.survey`). What cancels does no harm to rational numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastkm._core import validation
from fastkm._core.blocks.dask_blocks import reduce_blocks
from fastkm._kernels.sums_by_label import (
    sum_in_folds,
    sum_integers_by_label,
    sum_numbers_by_label,
)
from fastkm.cluster.extended_precision import from_fixed_point, two_sum
from fastkm.cluster.lloyd.nearest import NearestCentroid
from fastkm.cluster.lloyd.out_of_core import FOLD_BITS, ROUNDING, ROW_BITS, SMALLEST_EXTENT, carry

if TYPE_CHECKING:
    from fastkm.cluster.lloyd.cell_reader import CellChunk, CellReader, Window
    from fastkm.cluster.lloyd.survey import Survey

Blocks = Sequence[Sequence[Any]]


class PassSums(NamedTuple):
    """The cells of each cluster in numbers, in the space that is clustered."""

    counts: np.ndarray  # (k,) int64
    weights: np.ndarray  # (k,) float64
    means: np.ndarray  # (k, d) float64, not finite for an empty cluster
    inertia: float


class IntegerSums:
    """Sums of bands of small integers; it is sent to workers."""

    def __init__(self, reader: CellReader, survey: Survey) -> None:
        self.reader, self.squares = reader, survey.squares
        scale = np.ones(reader.d) if reader.scale is None else reader.scale
        self.units = [
            (Fraction(band.factor) / Fraction(s), Fraction(band.offset) / Fraction(s))
            for band, s in zip(reader.bands, scale.tolist(), strict=True)
        ]

    def sum_block(
        self, all_codes: list[np.ndarray], window: Window, *parts: Any
    ) -> list[np.ndarray]:
        """Sum the cells of a block: (k, 1 + d) int64 for each set of centroids."""
        dtype = self.reader.dtype
        nearest = [NearestCentroid(codes, dtype) for codes in all_codes]
        sums = [np.zeros((len(codes) + 1, 1 + self.reader.d), np.int64) for codes in all_codes]
        for chunk in self.reader.read(window, *parts):
            for own, total in zip(nearest, sums, strict=True):
                labels, _ = chunk.assign(own, len(total) - 1)
                sum_integers_by_label(chunk.stored, labels, total)
        return [total[:-1] for total in sums]

    @staticmethod
    def combine(found: list[list[np.ndarray]]) -> list[np.ndarray]:
        """Combine the sums of several blocks."""
        return [np.sum(group, axis=0) for group in zip(*found, strict=True)]

    def to_numbers(self, sums: np.ndarray, codes: np.ndarray) -> PassSums:
        """Convert sums to numbers."""
        counts, inertia = sums[:, 0], Fraction(0)
        means = np.full(codes.shape, np.nan)
        for j, (factor, offset) in enumerate(self.units):
            total = Fraction(self.squares[j])
            for i, (n, s) in enumerate(sums[:, [0, 1 + j]].tolist()):
                if n:
                    means[i, j] = float(factor * s / n + offset)
                    code = (Fraction(float(codes[i, j])) - offset) / factor
                    total += code * (n * code - 2 * s)
            inertia += factor**2 * total
        return PassSums(counts, counts.astype(np.float64), means, float(inertia))


class FixedPointSums:
    """Sums of bands of any type, of cells that may have weights; it is sent to workers."""

    def __init__(self, reader: CellReader, survey: Survey) -> None:
        self.reader = reader
        scale = 1.0 if reader.scale is None else reader.scale
        self.least, greatest = survey.least / scale, survey.greatest / scale
        # slightly wider, since columns are divided, and means rounded, in their own type
        largest = np.maximum(np.abs(self.least), np.abs(greatest))
        extent = (greatest - self.least) * (1 + ROUNDING) + largest * ROUNDING
        self.exponents = np.frexp(np.maximum(extent, SMALLEST_EXTENT))[1]
        self.scales = np.ldexp(1.0, -self.exponents)
        self.square_exponent = int(np.frexp(np.sum(np.ldexp(1.0, 2 * self.exponents)))[1])
        spare_bits = max(0, survey.cells.bit_length() - ROW_BITS)
        self.power = -int(np.frexp(survey.heaviest)[1]) - spare_bits

    def sum_block(
        self, all_codes: list[np.ndarray], window: Window, *parts: Any
    ) -> list[np.ndarray]:
        """Sum the cells of a block: (k + 1, 4 + 3 d) int64 for each set of centroids.

        The last row has the folds of the inertia, where others have those of the weight.
        """
        dtype = self.reader.dtype
        nearest = [NearestCentroid(codes, dtype) for codes in all_codes]
        sums = [np.zeros((len(codes) + 1, 4 + 3 * self.reader.d), np.int64) for codes in all_codes]
        inertias = np.zeros((len(all_codes), 3), np.int64)
        for chunk in self.reader.read(window, *parts):
            with np.errstate(over="ignore", invalid="ignore"):  # of cells that are missing
                x, weights = self._fill_missing(chunk)
                for own, total, inertia in zip(nearest, sums, inertias, strict=True):
                    labels, squares = chunk.assign(own, len(total) - 1)
                    sum_numbers_by_label(x, labels, weights, self.least, self.scales, total)
                    terms = squares.astype(np.float64) * np.ldexp(1.0, -self.square_exponent)
                    sum_in_folds(terms * weights, inertia)
        for total, inertia in zip(sums, inertias, strict=True):
            total[-1] = 0
            total[-1, 1:4] = inertia
        return sums

    @staticmethod
    def combine(found: list[list[np.ndarray]]) -> list[np.ndarray]:
        """Combine the sums of several blocks."""
        return [carry(np.sum(group, axis=0)) for group in zip(*found, strict=True)]

    def to_numbers(self, sums: np.ndarray, codes: np.ndarray) -> PassSums:
        """Convert sums to numbers."""
        k, d = codes.shape
        sums = carry(sums)
        folds = from_fixed_point(sums[:, 1:].reshape(k + 1, 1 + d, 3))
        masses, distances = two_sum(*folds[:, :, 0])[0], two_sum(*folds[:, :k, 1:])[0]
        with np.errstate(invalid="ignore", divide="ignore"):
            means = self.least + np.ldexp(distances / masses[:k, None], self.exponents)
        inertia = float(np.ldexp(masses[k], self.square_exponent - self.power))
        return PassSums(sums[:k, 0], np.ldexp(masses[:k], -self.power), means, inertia)

    def sum_squares(self, window: Window, *parts: Any) -> np.ndarray:
        """Sum the cells of a block, and their squares, without weights: (2 d, 4) int64.

        Numbers are distances from the least one, from 0 to 1; see `measure_deviations`.
        """
        d = self.reader.d
        sums = np.zeros((2 * d, 4), np.int64)
        for chunk in self.reader.read(window, *parts):
            with np.errstate(over="ignore", invalid="ignore"):
                x, _ = self._fill_missing(chunk)
            for j, column in enumerate(x.T):
                terms = (column.astype(np.float64) - self.least[j]) * self.scales[j]
                sum_in_folds(terms, sums[j, 1:])
                sum_in_folds(terms * terms, sums[d + j, 1:])
        return sums

    def _fill_missing(self, chunk: CellChunk) -> tuple[np.ndarray, np.ndarray]:
        """Return rows and weights in units of the sums; missing cells have a number and no weight."""
        unit = np.ones(1) if chunk.weights is None else chunk.weights
        if chunk.missing is None:
            return chunk.x, validation.freeze(np.ldexp(unit, self.power))
        least = self.least.astype(chunk.x.dtype)[:, None]
        x = validation.freeze(np.where(chunk.missing, least, chunk.x.T)).T
        weights = unit if chunk.weights is None else np.where(chunk.missing, 0.0, unit)
        return x, validation.freeze(np.ldexp(weights, self.power))


def measure_deviations(
    reader: CellReader, survey: Survey, blocks: Blocks, **how: Any
) -> tuple[np.ndarray, int]:
    """Measure the standard deviation of each band over all cells, without weights.

    It is 0 if a band is constant, or if the deviation is 0 in the type of the rows. Also return how
    many passes that took; `how` is passed on to `reduce_blocks`.
    """
    n, passes = survey.cells, 0
    if reader.has_integer_sums:
        sums = [Fraction(total) for total in survey.sums]
        squares = [Fraction(total) for total in survey.squares]
        units = np.array([abs(band.factor) for band in reader.bands])
    else:
        work, passes = FixedPointSums(reader, survey), 1
        folds = carry(reduce_blocks(work.sum_squares, blocks, _add_folds, **how))[:, 1:]
        base = [1 << (FOLD_BITS * power) for power in (2, 1, 0)]
        totals = [
            Fraction(sum(a * b for a, b in zip(row, base, strict=True)), 1 << (3 * FOLD_BITS))
            for row in folds.tolist()
        ]
        sums, squares = totals[: reader.d], totals[reader.d :]
        units = np.ldexp(1.0, work.exponents)
    variances = [max(q / n - (s / n) ** 2, Fraction(0)) for s, q in zip(sums, squares, strict=True)]
    deviations = np.sqrt(np.array([float(v) for v in variances])) * units
    present = (survey.least < survey.greatest) & (deviations.astype(reader.dtype) > 0)
    return np.where(present, deviations, 0.0), passes


def _add_folds(found: list[np.ndarray]) -> np.ndarray:
    return carry(np.sum(found, axis=0))
