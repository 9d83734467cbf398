"""Lloyd's algorithm for rows that do not fit in memory: block by block, pass after pass.

A pass computes sums for each block (`fastkm._kernels.fixed_point_rows`) and adds them up. The sums
are integers, so the result is the same to the bit however rows are cut into blocks, whichever
worker reads them, and in whatever order sums are added
(`fastkm._core.blocks.dask_blocks.reduce_blocks`). A sum is three integers, its *folds*, the digits to the
base 2^28 (`fastkm.cluster.extended_precision`). Adding carries from each fold to the one before it,
and the unit of the first fold grows with the number of rows, so that no sum overflows.

A start in memory saves passes: Lloyd's algorithm is first run on a sample, from several starts, and
the passes over all rows only improve its result. A sample of fewer distinct rows than clusters is
replaced by rows drawn in a pass: the distinct rows with the least hashes, wherever they are. A run
ends as in `fastkm.cluster.lloyd.fit`: when centroids move by no more than `tol` times the mean
variance of the sample's columns. A last pass computes the counts and the inertia of the centroids
that are returned. A cluster that has lost its rows gets the row of the sample that is farthest from
its centroid, if that row lies at no centroid; the row is then nearer, so inertia falls and a run
ends.

Lloyd's algorithm finds a good partition, not provably the best. In one dimension `fastkm.kmeans1d`
finds the best.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from fastkm._core import validation
from fastkm._core.blocks.dask_blocks import reduce_blocks
from fastkm._kernels.fixed_point_rows import sum_rows_by_label
from fastkm.cluster.extended_precision import from_fixed_point, two_sum
from fastkm.cluster.lloyd.fit import assign_rows, fit_rows

SAMPLE_RUNS = 4
"""Runs on the sample: each takes some hundredths of a second for 2^17 rows."""

SAMPLE_TOLERANCE = 1e-6
"""Tolerance of these runs. With 1e-4 they take 0.1 s less, but are followed by up to nine passes
over all rows instead of at most three (1e6 rows, five kinds of data)."""

ROUNDING = 2.0**-20
"""More than the relative error of rounding to float32."""

MIN_DRAWN = 1 << 14
"""Least number of distinct rows to draw if the sample has too few."""

MIXERS = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(32))
"""Odd factors and a shift that mix the bits of a row (Steele, Lea & Flood 2014)."""

FOLD_BITS = 28
"""Bits of a fold."""

ROW_BITS = 35
"""Bits of the greatest number of rows whose folds fit into 63 bits."""

SMALLEST_EXTENT = 2.0**-500
"""Extent that a column of zeros gets: squares of numbers scaled by it do not overflow."""

Read = Callable[..., tuple[np.ndarray, np.ndarray | None]]
Sample = tuple[np.ndarray, np.ndarray | None]


@dataclass(frozen=True, eq=False)
class OutOfCoreFit:
    """The result of `fit_out_of_core`, in the space that was clustered."""

    centroids: np.ndarray  # (k, d) float64, sorted by the first column, then by the next
    scale: np.ndarray | None  # (d,) float64, what each column was divided by
    counts: np.ndarray  # (k,) int64, rows of each cluster
    weights: np.ndarray  # (k,) float64, their summed weight
    inertia: float  # (weighted) sum of squared distances
    iterations: int  # passes that moved centroids


class InputRanges(NamedTuple):
    """Number of rows, range of each column, and range of the weights."""

    number: int
    least: np.ndarray
    greatest: np.ndarray
    lightest: float
    heaviest: float


class ClusterSums(NamedTuple):
    """The rows of each cluster in numbers."""

    counts: np.ndarray  # (k,) int64
    weights: np.ndarray  # (k,) summed weight
    means: np.ndarray  # (k, d)
    squares: np.ndarray  # (k, d) squared distances, summed by column


def fit_out_of_core(
    read: Read,
    blocks: Sequence[Sequence[Any]],
    k: int,
    *,
    sample: Sample,
    standardize: bool = False,
    max_iter: int = 100,
    tol: float = 1e-4,
) -> OutOfCoreFit:
    """Cluster rows that are read block by block.

    Parameters
    ----------
    read : callable
        ``read(*block)`` returns rows (n, d), finite, and their weights (n,), or None. float32 and
        float16 are compared in float32, all other types in float64. `read` is sent to workers if
        there are any.
    blocks : sequence of sequences
        The arguments of `read`; at least one block.
    sample : (rows, weights or None)
        Some of the rows, the same however blocks are cut.
    standardize
        Whether to divide columns by their standard deviations over all rows.
    max_iter, tol
        When to stop, see the module's essay; `max_iter` counts passes that move centroids.

    Raises
    ------
    ClusterError
        If there are fewer distinct rows than k.
    ValueError
        If weights are negative, not finite or all 0, or rows are not finite or their squares
        overflow.
    """
    # the ranges of the input check it and set the unit of the sums
    ranges = reduce_blocks(partial(_measure_block, read), blocks, _combine_ranges)
    _check_ranges(ranges)
    rows, weights = _as_working_floats(sample[0]), sample[1]
    scale = None
    if standardize:
        scale = _measure_deviations(read, blocks, ranges, rows.dtype)
        rows = (rows / scale.astype(rows.dtype)).astype(rows.dtype)
        ranges = ranges._replace(least=ranges.least / scale, greatest=ranges.greatest / scale)
    check_squares(ranges.least, ranges.greatest, rows.dtype)
    # start from the best run on the sample
    reduction = _ClusterReduction(read, ranges, scale)
    rows, weights = _ensure_distinct(reduction, blocks, k, rows, weights)
    codes = _choose_start(k, rows, weights)
    limit = tol * float(np.var(rows, axis=0, dtype=np.float64).mean())
    # Lloyd's iterations, one pass each
    iterations, going = 0, True
    while going and iterations < max_iter:
        iterations += 1
        sums = reduction.run(blocks, codes)
        means = refill_empty(np.where(sums.weights[:, None] > 0, sums.means, codes), sums, rows)
        moved = float(np.sum((means - codes) ** 2))
        codes, going = means, moved > limit
    # counts and inertia of the last centroids, in their final order
    codes = codes[np.lexsort(codes.T[::-1])]
    sums = reduction.run(blocks, codes)
    inertia = float(sums.squares.sum())
    return OutOfCoreFit(codes, scale, sums.counts, sums.weights, inertia, iterations)


class _ClusterReduction:
    """Computes the sums of all clusters in a pass over all rows; it is sent to workers."""

    def __init__(
        self, read: Read, ranges: InputRanges, scale: np.ndarray | None, *, weighted: bool = True
    ) -> None:
        self.read, self.scale, self.weighted = read, scale, weighted
        self.least = ranges.least
        # slightly wider, since columns are divided, and means rounded, in their own type
        largest = np.maximum(np.abs(ranges.least), np.abs(ranges.greatest))
        extent = (ranges.greatest - ranges.least) * (1 + ROUNDING) + largest * ROUNDING
        self.exponents = np.frexp(np.maximum(extent, SMALLEST_EXTENT))[1]
        spare_bits = max(0, ranges.number.bit_length() - ROW_BITS)
        self.power = -int(np.frexp(ranges.heaviest)[1]) - spare_bits

    def run(self, blocks: Sequence[Sequence[Any]], codes: np.ndarray) -> ClusterSums:
        """Read all blocks, and sum rows by the nearest of some centroids."""
        return self.to_numbers(reduce_blocks(partial(self.sum_block, codes), blocks, _combine_sums))

    def to_numbers(self, sums: np.ndarray) -> ClusterSums:
        """Convert sums in folds to numbers."""
        sums = carry(sums)
        d = len(self.exponents)
        folds = from_fixed_point(sums[:, 1:].reshape(len(sums), 1 + 2 * d, 3))
        weight, distances, squares = folds[:, :, 0], folds[:, :, 1 : 1 + d], folds[:, :, 1 + d :]
        mass = two_sum(*weight)[0]
        with np.errstate(invalid="ignore"):
            offsets = two_sum(*distances)[0] / mass[:, None]
        means = self.least + np.ldexp(offsets, self.exponents)
        total_squares = np.ldexp(two_sum(*squares)[0], 2 * self.exponents - self.power)
        return ClusterSums(sums[:, 0], np.ldexp(mass, -self.power), means, total_squares)

    def sum_block(self, codes: np.ndarray, *block: Any) -> np.ndarray:
        """Sum the rows of one block by the nearest centroid, in folds."""
        rows, weights = self.read_rows(*block)
        k, d = codes.shape
        sums = np.zeros((k, 4 + 6 * d), np.int64)
        if len(rows):
            unit = np.ldexp(np.ones(1) if weights is None else weights, self.power)
            sum_rows_by_label(
                rows, assign_rows(rows, codes).labels, validation.freeze(unit), self.least,
                np.ldexp(1.0, -self.exponents), validation.freeze(codes), sums,
            )  # fmt: skip
        return sums

    def read_rows(self, *block: Any) -> Sample:
        """Read a block; scale its rows to the space that is clustered."""
        found, weights = self.read(*block)
        rows = _as_working_floats(found)
        if self.scale is not None and len(rows):
            rows = validation.freeze(rows / self.scale.astype(rows.dtype))
        return rows, weights if self.weighted else None


def _as_working_floats(rows: np.ndarray) -> np.ndarray:
    """Convert rows to the type in which they are compared with centroids."""
    return validation.freeze(rows, validation.choose_working_dtype(rows.dtype))


def _measure_block(read: Read, *block: Any) -> InputRanges:
    """Measure the ranges of one block."""
    rows, weights = read(*block)
    if not len(rows):
        none = np.full(rows.shape[1], np.inf)
        return InputRanges(0, none, -none, np.inf, 0.0)
    # column by column: along the first axis it takes 40 times as long
    least, greatest = (
        np.array([end(column) for column in rows.T], np.float64) for end in (np.min, np.max)
    )
    if weights is None:
        return InputRanges(len(rows), least, greatest, 1.0, 1.0)
    return InputRanges(len(rows), least, greatest, float(weights.min()), float(weights.max()))


def _combine_ranges(ranges: list[InputRanges]) -> InputRanges:
    numbers, least, greatest, lightest, heaviest = zip(*ranges, strict=True)
    return InputRanges(
        sum(numbers),
        np.min(least, axis=0),
        np.max(greatest, axis=0),
        float(np.min(lightest)),
        float(np.max(heaviest)),
    )


def _combine_sums(sums: list[np.ndarray]) -> np.ndarray:
    return carry(np.sum(sums, axis=0))


def carry(sums: np.ndarray) -> np.ndarray:
    """Carry the bits above 28 to the fold before; the same total then has the same folds."""
    sums = sums.copy()
    folds = sums[:, 1:].reshape(len(sums), -1, 3)
    for place in (2, 1):
        folds[..., place - 1] += folds[..., place] >> FOLD_BITS
        folds[..., place] &= (1 << FOLD_BITS) - 1
    sums[:, 1:] = folds.reshape(len(sums), -1)
    return sums


def _check_ranges(ranges: InputRanges) -> None:
    if not ranges.number:
        from fastkm.errors import ClusterError

        raise ClusterError("all rows are missing: each has a missing value in some column")
    if not (np.isfinite(ranges.least).all() and np.isfinite(ranges.greatest).all()):
        raise ValueError("rows must be finite, got NaN or infinity")
    if not (ranges.lightest >= 0 and 0 < ranges.heaviest < np.inf):
        raise ValueError(
            f"weights must be finite, not negative and not all 0, got {ranges.lightest:g} to "
            f"{ranges.heaviest:g}"
        )


def check_squares(least: np.ndarray, greatest: np.ndarray, dtype: np.dtype) -> None:
    """Raise a ValueError if squared distances within the ranges may overflow."""
    with np.errstate(over="ignore"):
        longest = np.sum((greatest - least) ** 2)
    if not longest <= np.finfo(validation.choose_working_dtype(dtype)).max:
        raise ValueError("rows are too large: squared distances overflow; scale them down")


def _measure_deviations(
    read: Read, blocks: Sequence[Sequence[Any]], ranges: InputRanges, dtype: np.dtype
) -> np.ndarray:
    """Measure the standard deviation of each column over all rows, without weights.

    It is 1 for a constant column, and if the deviation is 0 in the type of the rows.
    """
    reduction = _ClusterReduction(read, ranges._replace(heaviest=1.0), None, weighted=False)
    middle = (ranges.least + ranges.greatest) / 2
    mean = reduction.run(blocks, middle[None, :]).means
    squares = reduction.run(blocks, mean).squares[0]
    deviation = np.sqrt(squares / ranges.number)
    present = (ranges.least < ranges.greatest) & (deviation.astype(dtype) > 0)
    return np.where(present, deviation, 1.0)


def _ensure_distinct(
    reduction: _ClusterReduction,
    blocks: Sequence[Sequence[Any]],
    k: int,
    rows: np.ndarray,
    weights: np.ndarray | None,
) -> Sample:
    """Return the rows of the sample that have a weight, or other rows if fewer than k differ."""
    if weights is not None:
        rows, weights = rows[weights > 0], weights[weights > 0]
    if len(select_distinct(k, rows)) >= k:
        return rows, weights
    # too few in the sample: draw among the distinct rows of all blocks
    number = max(k, MIN_DRAWN)
    drawn = reduce_blocks(
        partial(_draw_from_block, reduction, number), blocks, partial(_combine_drawn, number)
    )
    if len(drawn) < k:
        from fastkm.errors import ClusterError

        raise ClusterError(
            f"k = {k} asks for more clusters than there are distinct rows, {len(drawn)}"
        )
    return drawn, None


def _choose_start(k: int, rows: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """Return the centroids to start from: those of the best of some runs on a sample."""
    rng, runs = np.random.RandomState(0), SAMPLE_RUNS
    fit = fit_rows(rows, k, rng=rng, weights=weights, n_init=runs, tol=SAMPLE_TOLERANCE)
    return fit.centroids


def refill_empty(means: np.ndarray, sums: ClusterSums, rows: np.ndarray) -> np.ndarray:
    """Move the centroids of clusters without rows to rows of the sample, one after another."""
    full = sums.weights > 0
    for cluster in np.flatnonzero(~full):
        labels = assign_rows(rows, means[full]).labels
        squares = np.sum((rows - means[full][labels]) ** 2, axis=1)
        if squares.max() > 0:
            means[cluster] = rows[squares.argmax()]
            full[cluster] = True
    return means


def select_distinct(number: int, rows: np.ndarray) -> np.ndarray:
    """Select the distinct rows with the least hashes, `number` at most."""
    rows = rows + rows.dtype.type(0)  # -0.0 is 0.0
    hashes = _hash_rows(rows)
    order = np.lexsort((*rows.T, hashes))
    rows = rows[order]
    new = np.append(True, (rows[1:] != rows[:-1]).any(axis=1))[: len(rows)]
    return rows[new][:number]


def _hash_rows(rows: np.ndarray) -> np.ndarray:
    """Mix the bits of each row, so that the order of hashes does not depend on that of values."""
    first, second, shift = MIXERS
    hashes = np.zeros(len(rows), np.uint64)
    for column in rows.T:
        hashes = (hashes ^ column.astype(np.float64).view(np.uint64)) * first
        hashes = (hashes ^ (hashes >> shift)) * second
    return hashes ^ (hashes >> shift)


def _draw_from_block(reduction: _ClusterReduction, number: int, *block: Any) -> np.ndarray:
    rows, weights = reduction.read_rows(*block)
    return select_distinct(number, rows if weights is None else rows[weights > 0])


def _combine_drawn(number: int, drawn: list[np.ndarray]) -> np.ndarray:
    return select_distinct(number, np.concatenate(drawn))
