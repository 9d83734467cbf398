"""Lloyd's algorithm for rows that do not fit in memory: block by block, pass after pass.

What a pass finds in a block are sums that add up (`fastkm._kernels.fixed_point_rows`): integers, so that the
result is the same to the bit however rows are cut into blocks, whoever reads them, and in whatever
order sums are merged (`fastkm._core.dask_blocks.reduce_blocks`). Merging carries from fold to fold, and the unit of
the first fold grows with the number of rows, so that no number of rows makes a sum overflow.

A start in memory saves passes: Lloyd's algorithm is run on a sample first, from several seeds, and
all rows only settle what it found. A sample of fewer distinct rows than clusters is replaced by
rows drawn in a pass: the distinct ones whose hashes are the least, wherever they lie. A run ends as
`fastkm.cluster.lloyd.fit` says: when centroids move by no more than `tol` times the mean variance of
the sample's columns. A last pass gives the counts and the inertia of the centroids that are
returned. A cluster that has lost its rows gets the row of the sample that is farthest from its
centroid, if it lies at none; that row is then nearer, so inertia falls and a run ends.

Lloyd's algorithm finds a good partition, not provably the best. In one dimension `fastkm.kmeans1d`
finds that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from fastkm._core import validation
from fastkm._core.dask_blocks import reduce_blocks
from fastkm._kernels.fixed_point_rows import fold_rows
from fastkm.cluster.exact.bins import joined
from fastkm.cluster.exact.weighted_histograms import from_fixed_point
from fastkm.cluster.lloyd.fit import fit_rows, nearest_rows

RUNS = 4
"""Runs on the sample: of 2^17 rows each takes some hundredths of a second."""

SETTLED = 1e-6
"""Tolerance of these runs. With 1e-4 they take 0.1 s less, but then up to nine passes over all rows
follow where with this at most three do (1e6 rows, five kinds of data)."""

ROUNDED = 2.0**-20
"""More than what rounding to float32 changes."""

DRAWN = 1 << 14
"""Distinct rows that are drawn, at least, where the sample has too few."""

MIXERS = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(32))
"""Odd factors and a shift that mix the bits of a row (Steele, Lea & Flood 2014)."""

CARRIED = 28
"""Bits of a fold."""

ROOM = 35
"""Bits of the greatest number of rows whose folds fit into 63 bits."""

SMALLEST = 2.0**-500
"""Extent of a column of zeros; squares of what it scales do not overflow."""

Read = Callable[..., tuple[np.ndarray, np.ndarray | None]]
Sample = tuple[np.ndarray, np.ndarray | None]


@dataclass(frozen=True, eq=False)
class Streamed:
    """What `fit_out_of_core` found.

    Attributes
    ----------
    centroids : (k, d) float64 array
        In the space that was clustered; those of the first column ascend, of equal ones the next.
    scale : (d,) float64 array or None
        What each column was divided by.
    counts : (k,) int64 array
        Rows of each cluster.
    weights : (k,) float64 array
        Their summed weight.
    inertia : float
        (Weighted) sum of squared distances, in the space that was clustered.
    iterations : int
        Passes that moved centroids.
    """

    centroids: np.ndarray
    scale: np.ndarray | None
    counts: np.ndarray
    weights: np.ndarray
    inertia: float
    iterations: int


class Extent(NamedTuple):
    """Number of rows, ends of each column, and ends of the weights."""

    number: int
    least: np.ndarray
    greatest: np.ndarray
    lightest: float
    heaviest: float


class Sums(NamedTuple):
    """Count, weight, mean of each column and variance about a centroid, by cluster."""

    counts: np.ndarray
    weights: np.ndarray
    means: np.ndarray
    squares: np.ndarray


def fit_out_of_core(
    read: Read,
    blocks: Sequence[Sequence[Any]],
    k: int,
    *,
    sample: Sample,
    standardize: bool = False,
    max_iter: int = 100,
    tol: float = 1e-4,
    seed: int = 0,
) -> Streamed:
    """Cluster rows that are read block by block.

    Parameters
    ----------
    read : callable
        ``read(*block)`` gives rows (n, d), finite, and their weights (n,), or None. float32 and
        float16 are compared in float32, all else in float64. It is sent to workers where there
        are some.
    blocks : sequence of sequences
        The arguments of `read`; at least one block.
    k : int
        Number of clusters.
    sample : (rows, weights or None)
        Some of the rows, the same however blocks are cut.
    standardize : bool, default: False
        Divide columns by their standard deviations over all rows.
    max_iter : int, default: 100
        Passes at most.
    tol : float, default: 1e-4
        See the module's essay.
    seed : int, default: 0
        Of the starts.

    Returns
    -------
    Streamed

    Raises
    ------
    ClusterError
        If there are fewer distinct rows than k.
    ValueError
        If weights are negative, not finite or all 0, or rows are not finite or their squares
        overflow.

    Examples
    --------
    >>> rows = np.array([[0.0, 0.0], [1.0, 0.0], [10.0, 8.0], [11.0, 8.0]])
    >>> found = lloyd_streamed(
    ...     lambda start: (rows[start : start + 2], None), [(0,), (2,)], 2, sample=(rows, None)
    ... )
    >>> found.centroids.tolist(), found.inertia
    ([[0.5, 0.0], [10.5, 8.0]], 1.0)
    """
    extent = reduce_blocks(partial(_extent, read), blocks, _widest)
    _check_extent(extent)
    rows, weights = _floats(sample[0]), sample[1]
    scale = None
    if standardize:
        scale = _deviations(read, blocks, extent, rows.dtype)
        rows = (rows / scale.astype(rows.dtype)).astype(rows.dtype)
        extent = extent._replace(least=extent.least / scale, greatest=extent.greatest / scale)
    _check_squares(extent, rows.dtype)
    work = _Pass(read, extent, scale)
    rows, weights = _enough(work, blocks, k, rows, weights)
    codes = _start(k, rows, weights, seed)
    limit = tol * float(np.var(rows, axis=0, dtype=np.float64).mean())
    iterations, going = 0, True
    while going and iterations < max_iter:
        iterations += 1
        sums = work.map(blocks, codes)
        means = _refilled(np.where(sums.weights[:, None] > 0, sums.means, codes), sums, rows)
        moved = float(np.sum((means - codes) ** 2))
        codes, going = means, moved > limit
    codes = codes[np.lexsort(codes.T[::-1])]
    sums = work.map(blocks, codes)
    inertia = float(sums.squares.sum())
    return Streamed(codes, scale, sums.counts, sums.weights, inertia, iterations)


class _Pass:
    """A pass over all rows, with what all passes have in common; sent to workers."""

    def __init__(self, read: Read, extent: Extent, scale: np.ndarray | None) -> None:
        self.read, self.scale = read, scale
        self.least = extent.least
        # a hair wider, since columns are divided, and means rounded, in their own type
        largest = np.maximum(np.abs(extent.least), np.abs(extent.greatest))
        spread = (extent.greatest - extent.least) * (1 + ROUNDED) + largest * ROUNDED
        self.exponents = np.frexp(np.maximum(spread, SMALLEST))[1]
        self.power = -int(np.frexp(extent.heaviest)[1]) - max(0, extent.number.bit_length() - ROOM)

    def map(self, blocks: Sequence[Sequence[Any]], codes: np.ndarray) -> Sums:
        """Sum by the nearest of some centroids."""
        return self.found(reduce_blocks(partial(self.of_block, codes), blocks, _added))

    def found(self, sums: np.ndarray) -> Sums:
        """Turn folds into numbers."""
        sums = _carried(sums)
        d = len(self.exponents)
        folds = from_fixed_point(sums[:, 1:].reshape(len(sums), 1 + 2 * d, 3))
        weight, distances, squares = folds[:, :, 0], folds[:, :, 1 : 1 + d], folds[:, :, 1 + d :]
        heavy = joined(*weight)[0]
        with np.errstate(invalid="ignore"):
            offsets = joined(*distances)[0] / heavy[:, None]
        means = self.least + np.ldexp(offsets, self.exponents)
        spread = np.ldexp(joined(*squares)[0], 2 * self.exponents - self.power)
        return Sums(sums[:, 0], np.ldexp(heavy, -self.power), means, spread)

    def of_block(self, codes: np.ndarray, *block: Any) -> np.ndarray:
        """Sum one block."""
        rows, weights = self.rows(*block)
        k, d = codes.shape
        sums = np.zeros((k, 4 + 6 * d), np.int64)
        if len(rows):
            unit = np.ones(1) if weights is None else np.ldexp(weights, self.power)
            if weights is None:
                unit = np.ldexp(unit, self.power)
            fold_rows(
                rows, nearest_rows(rows, codes).labels, validation.frozen(unit), self.least,
                np.ldexp(1.0, -self.exponents), validation.frozen(codes), sums,
            )  # fmt: skip
        return sums

    def rows(self, *block: Any) -> Sample:
        """Read a block, in the space that is clustered, kept within the extents."""
        found, weights = self.read(*block)
        rows = _floats(found)
        if self.scale is not None and len(rows):
            rows = validation.frozen(rows / self.scale.astype(rows.dtype))
        return rows, weights


def _floats(rows: np.ndarray) -> np.ndarray:
    """Bring rows to the type in which they are compared with centroids."""
    return validation.frozen(rows, validation.working_dtype(rows.dtype))


def _extent(read: Read, *block: Any) -> Extent:
    """Measure a block."""
    rows, weights = read(*block)
    if not len(rows):
        none = np.full(rows.shape[1], np.inf)
        return Extent(0, none, -none, np.inf, 0.0)
    # column by column: along the first axis it takes 40 times as long
    least, greatest = (
        np.array([end(column) for column in rows.T], np.float64) for end in (np.min, np.max)
    )
    if weights is None:
        return Extent(len(rows), least, greatest, 1.0, 1.0)
    return Extent(len(rows), least, greatest, float(weights.min()), float(weights.max()))


def _widest(parts: list[Extent]) -> Extent:
    return Extent(
        sum(part.number for part in parts),
        np.min([part.least for part in parts], axis=0),
        np.max([part.greatest for part in parts], axis=0),
        float(np.min([part.lightest for part in parts])),
        float(np.max([part.heaviest for part in parts])),
    )


def _added(parts: list[np.ndarray]) -> np.ndarray:
    return _carried(np.sum(parts, axis=0))


def _carried(sums: np.ndarray) -> np.ndarray:
    """Carry what is above 28 bits to the fold before; the same total gives the same folds."""
    sums = sums.copy()
    folds = sums[:, 1:].reshape(len(sums), -1, 3)
    for place in (2, 1):
        folds[..., place - 1] += folds[..., place] >> CARRIED
        folds[..., place] &= (1 << CARRIED) - 1
    sums[:, 1:] = folds.reshape(len(sums), -1)
    return sums


def _check_extent(extent: Extent) -> None:
    if not extent.number:
        from fastkm.errors import ClusterError

        raise ClusterError("all rows are missing in one column or another")
    if not (np.isfinite(extent.least).all() and np.isfinite(extent.greatest).all()):
        raise ValueError("rows must be finite, got NaN or infinity")
    if not (extent.lightest >= 0 and 0 < extent.heaviest < np.inf):
        raise ValueError(
            f"weights must be finite, not negative and not all 0, got {extent.lightest:g} to "
            f"{extent.heaviest:g}"
        )


def _check_squares(extent: Extent, dtype: np.dtype) -> None:
    with np.errstate(over="ignore"):
        longest = np.sum((extent.greatest - extent.least) ** 2)
    if not longest <= np.finfo(validation.working_dtype(dtype)).max:
        raise ValueError("rows are too large: squared distances overflow; scale them down")


def _deviations(
    read: Read, blocks: Sequence[Sequence[Any]], extent: Extent, dtype: np.dtype
) -> np.ndarray:
    """Give the standard deviation of each column over all rows, without weights.

    It is 1 for constants, and where it is 0 in the type of the rows.
    """
    plain = _Pass(partial(_unweighted, read), extent._replace(heaviest=1.0), None)
    middle = (extent.least + extent.greatest) / 2
    mean = plain.map(blocks, middle[None, :]).means
    squares = plain.map(blocks, mean).squares[0]
    deviation = np.sqrt(squares / extent.number)
    present = (extent.least < extent.greatest) & (deviation.astype(dtype) > 0)
    return np.where(present, deviation, 1.0)


def _unweighted(read: Read, *block: Any) -> Sample:
    return read(*block)[0], None


def _enough(
    work: _Pass,
    blocks: Sequence[Sequence[Any]],
    k: int,
    rows: np.ndarray,
    weights: np.ndarray | None,
) -> Sample:
    """Give the rows of the sample that weigh, or others if fewer than k of them differ."""
    if weights is not None:
        rows, weights = rows[weights > 0], weights[weights > 0]
    if len(_distinct(k, rows)) >= k:
        return rows, weights
    number = max(k, DRAWN)
    drawn = reduce_blocks(
        partial(_drawn_of_block, work, number), blocks, partial(_drawn_of, number)
    )
    if len(drawn) < k:
        from fastkm.errors import ClusterError

        raise ClusterError(
            f"k = {k} asks for more clusters than there are distinct rows, {len(drawn)}"
        )
    return drawn, None


def _start(k: int, rows: np.ndarray, weights: np.ndarray | None, seed: int) -> np.ndarray:
    """Give centroids to start from: the best of some runs on a sample."""
    rng = np.random.RandomState(seed)
    rows = validation.frozen(rows)
    return fit_rows(rows, k, rng=rng, weights=weights, n_init=RUNS, tol=SETTLED).centroids


def _refilled(means: np.ndarray, sums: Sums, rows: np.ndarray) -> np.ndarray:
    """Move the centroids of clusters without rows to rows of the sample, one after another."""
    full = sums.weights > 0
    for cluster in np.flatnonzero(~full):
        labels = nearest_rows(rows, means[full]).labels
        squares = np.sum((rows - means[full][labels]) ** 2, axis=1)
        if squares.max() > 0:
            means[cluster] = rows[squares.argmax()]
            full[cluster] = True
    return means


def _distinct(number: int, rows: np.ndarray) -> np.ndarray:
    """Give up to so many distinct rows: those whose hashes are the least."""
    rows = rows + rows.dtype.type(0)  # -0.0 is 0.0
    hashes = _hashes(rows)
    order = np.lexsort((*rows.T, hashes))
    rows = rows[order]
    new = np.append(True, (rows[1:] != rows[:-1]).any(axis=1))[: len(rows)]
    return rows[new][:number]


def _hashes(rows: np.ndarray) -> np.ndarray:
    """Mix the bits of each row, so that their order has nothing to do with that of the rows."""
    first, second, shift = MIXERS
    hashes = np.zeros(len(rows), np.uint64)
    for column in rows.T:
        hashes = (hashes ^ column.astype(np.float64).view(np.uint64)) * first
        hashes = (hashes ^ (hashes >> shift)) * second
    return hashes ^ (hashes >> shift)


def _drawn_of_block(work: _Pass, number: int, *block: Any) -> np.ndarray:
    rows, weights = work.rows(*block)
    return _distinct(number, rows if weights is None else rows[weights > 0])


def _drawn_of(number: int, parts: list[np.ndarray]) -> np.ndarray:
    return _distinct(number, np.concatenate(parts))
