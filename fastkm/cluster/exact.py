"""The optimal clustering of values in memory: `kmeans1d`.

In one dimension k-means has an optimum that can be computed, and clusters are intervals. Values
are sorted and counted, `fastkm.cluster.optimal` finds the cuts, and the result is dressed with
what a user needs: centroids in ascending order, the breaks between clusters, and a `predict`
that gives the labels of any other values.

"Optimal" is meant to rounding: sums are in double-double, so the inertia is within 1e-12 of the
least possible, whatever the offset of the data and with fill values of any size at either end
(``tests/cluster/test_exact.py`` compares with exact rational arithmetic). Where values span so many
orders of magnitude that this fails, a warning says by how much.
"""

from __future__ import annotations

import operator
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from fastkm import _check
from fastkm._kernels.assign import assign_by_breaks
from fastkm._parallel import map_chunks, rows_per_chunk
from fastkm.cluster.optimal import optimal_cuts

EXACT_INTEGERS = 2**53
"""Integers up to this magnitude are float64 numbers; beyond it some are not."""

TOLERANCE = 1e-12
"""Rounding of the costs, as a share of the inertia, up to which an answer is called optimal."""

SAFE_EXPONENT = 400
"""Values below 2^400 and above 2^-400 have squares that neither overflow nor underflow."""


@dataclass(frozen=True, eq=False)
class KMeans1D:
    """An optimal one-dimensional clustering.

    Attributes
    ----------
    k : int
        Number of clusters.
    centroids : (k,) float64 array
        Cluster means, ascending.
    breaks : (k - 1,) float64 array
        Upper ends of all clusters but the last: cluster j holds the values above
        ``breaks[j - 1]`` up to and including ``breaks[j]``. They are the midpoints of
        neighbouring centroids, in the data's own type.
    counts : (k,) int64 array
        Number of values in each cluster.
    inertia : float
        Sum of squared distances to the centroids.
    """

    k: int
    centroids: np.ndarray
    breaks: np.ndarray
    counts: np.ndarray
    inertia: float

    def predict(self, values: Any) -> Any:
        """Label values by cluster.

        Parameters
        ----------
        values : array-like
            Any shape. Missing cells (NaN, a mask, a `DataArray`'s attributes) get -1.

        Returns
        -------
        array or DataArray
            Labels in the shape of `values`, the narrowest signed integer that holds them; a
            `DataArray` where one came.

        Raises
        ------
        TypeError
            If `values` does not hold real numbers.

        Examples
        --------
        >>> import numpy as np
        >>> import fastkm
        >>> result = fastkm.kmeans1d([1, 2, 8, 9], 2)
        >>> result.predict([[0.0, 20.0], [5.0, np.nan]])
        array([[ 0,  1],
               [ 0, -1]], dtype=int8)
        """
        cells, mask = _check.plain(values, "values")
        flat = _check.frozen(cells.reshape(-1), _check.working_dtype(cells.dtype))
        labels = np.empty(flat.shape, np.min_scalar_type(-self.k))
        breaks = _breaks_for(self.breaks, flat.dtype)

        def run(start: int, stop: int) -> None:
            assign_by_breaks(flat[start:stop], breaks, labels[start:stop])

        map_chunks(run, len(flat), rows_per_chunk(flat.itemsize))
        labels = labels.reshape(cells.shape)
        if mask is not None:
            labels[mask] = -1
        if hasattr(values, "dims") and hasattr(values, "copy"):
            labelled = values.copy(data=labels)
            labelled.attrs, labelled.encoding = {}, {}
            return labelled
        return labels

    def __repr__(self) -> str:
        lines = [f"KMeans1D: {self.k} clusters, inertia {self.inertia:.6g}"]
        for j, (centroid, count) in enumerate(zip(self.centroids, self.counts, strict=True)):
            end = f"up to {self.breaks[j]:.6g}" if j < self.k - 1 else "above"
            share = count / self.counts.sum()
            lines.append(f"  {j}: {centroid:12.6g}  {end:>20}  {count:>12,} values {share:7.2%}")
        return "\n".join(lines)


def kmeans1d(values: Any, k: int | Iterable[int]) -> Any:
    """Find the optimal clustering of values into k intervals.

    Parameters
    ----------
    values : array-like
        Any shape. NaN, masked cells and cells that a `DataArray`'s attributes make missing
        are left out.
    k : int or iterable of int
        Number of clusters, or several: they are found together.

    Returns
    -------
    KMeans1D or dict of int to KMeans1D
        One result for an int, a dictionary by k otherwise.

    Raises
    ------
    ClusterError
        If there are fewer distinct values than k. Of several k those are left out with a
        warning; it is an error only if none remains.
    ValueError
        If k is below 1, values are infinite, or integers are beyond 2^53.
    TypeError
        If `values` does not hold real numbers, or k is not an integer.

    Warns
    -----
    RuntimeWarning
        If the values span so many orders of magnitude that rounding hides a better answer.
    UserWarning
        If some of several k are left out, or an inertia is beyond float64.

    References
    ----------
    .. [1] Wang, H. & Song, M. (2011). Ckmeans.1d.dp: optimal k-means clustering in one
       dimension by dynamic programming. The R Journal 3(2), 29-33.
    .. [2] Gronlund, A. et al. (2017). Fast exact k-means, k-medians and Bregman divergence
       clustering in 1D. arXiv:1701.07204.

    Examples
    --------
    >>> import fastkm
    >>> result = fastkm.kmeans1d([1.0, 2.0, 8.0, 9.0], 2)
    >>> result.centroids, result.breaks, result.inertia
    (array([1.5, 8.5]), array([5.]), 1.0)
    >>> sorted(fastkm.kmeans1d([1.0, 2.0, 8.0, 9.0], range(1, 4)))
    [1, 2, 3]
    """
    wanted, several = _as_counts(k)
    cells, mask = _check.plain(values, "values")
    distinct, counts = _distinct(cells, mask)
    possible = [number for number in wanted if number <= len(distinct)]
    if not possible:
        from fastkm.errors import ClusterError

        raise ClusterError(
            f"k = {', '.join(map(str, wanted))} asks for more clusters than there are distinct "
            f"values, {len(distinct)}{'' if len(distinct) else ': all cells are missing'}"
        )
    if len(possible) < len(wanted):
        warnings.warn(
            f"there are only {len(distinct)} distinct values: k = "
            f"{', '.join(map(str, sorted(set(wanted) - set(possible))))} is left out",
            stacklevel=2,
        )
    exponent = _scaling(distinct)
    cuts = optimal_cuts(np.ldexp(distinct, -exponent), counts, possible)
    results = {
        n: _dressed(distinct, counts, cuts[n].positions, cells.dtype, exponent) for n in possible
    }
    _warn_of_noise(results, {n: _unscaled(cuts[n].noise, exponent) for n in possible})
    if any(np.isinf(result.inertia) for result in results.values()):
        warnings.warn("the inertia is beyond float64 and given as inf", stacklevel=2)
    return results if several else results[possible[0]]


def _as_counts(k: Any) -> tuple[list[int], bool]:
    """Read one k or several, and tell which it was."""
    several = not hasattr(k, "__index__") or np.ndim(k) > 0
    try:
        numbers = list(k) if several else [k]
        wanted = [operator.index(number) for number in numbers]
    except TypeError:
        raise TypeError(f"k must be an integer or several, got {k!r}") from None
    if not wanted or min(wanted) < 1:
        raise ValueError(f"k must be at least 1, got {numbers!r}")
    return wanted, several


def _distinct(cells: np.ndarray, mask: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Sort and count the values that are neither masked nor NaN."""
    present = cells if mask is None else cells[~mask]
    if cells.dtype.kind in "iu" and present.size:
        extreme = max(abs(int(present.min())), abs(int(present.max())))
        if extreme > EXACT_INTEGERS:
            raise ValueError(f"values beyond 2^53 cannot be told apart as float64, got {extreme}")
    distinct, counts = np.unique(present, return_counts=True, equal_nan=True)
    distinct = distinct.astype(np.float64)
    if len(distinct) and np.isnan(distinct[-1]):  # sorts last
        distinct, counts = distinct[:-1], counts[:-1]
    if len(distinct) and not np.isfinite(distinct[[0, -1]]).all():
        infinite = np.isinf(cells) if mask is None else np.isinf(cells) & ~mask
        where = np.argwhere(infinite)[0]
        raise ValueError(f"values must not be infinite, but cell {tuple(map(int, where))} is")
    return distinct, counts


def _warn_of_noise(results: dict[int, KMeans1D], noise: dict[int, float]) -> None:
    """Warn where costs are not known well enough to call the answer optimal."""
    for k, result in results.items():
        if noise[k] > TOLERANCE * result.inertia:
            warnings.warn(
                f"the values span too many orders of magnitude: for k = {k} the inertia may be "
                f"above the least by {noise[k]:.3g}",
                RuntimeWarning,
                stacklevel=3,
            )


def _scaling(distinct: np.ndarray) -> int:
    """Choose a power of two that brings extreme magnitudes where squares are safe, else 0."""
    exponent = int(np.frexp(np.abs(distinct[[0, -1]]).max())[1])
    return exponent if abs(exponent) > SAFE_EXPONENT else 0


def _dressed(
    distinct: np.ndarray, counts: np.ndarray, cuts: np.ndarray, dtype: np.dtype, exponent: int
) -> KMeans1D:
    """Compute centroids, breaks, counts and inertia of a partition from its values."""
    centroids, sizes, inertia = [], [], 0.0
    scaled = np.ldexp(distinct, -exponent)
    for start, stop in pairwise(cuts):
        values, weights = scaled[start:stop], counts[start:stop]
        middle = values[len(values) // 2]
        about = values - middle  # so that an offset costs no digits
        mean = float(np.sum(weights * about) / weights.sum())
        inertia += float(np.sum(weights * (about - mean) ** 2))
        centroids.append(middle + mean)
        sizes.append(weights.sum())
    inertia = _unscaled(inertia, exponent)
    means = np.ldexp(centroids, exponent)
    breaks = _breaks(means, distinct[cuts[1:-1] - 1], distinct[cuts[1:-1]], dtype)
    return KMeans1D(len(means), means, breaks, np.array(sizes), inertia)


def _unscaled(square: float, exponent: int) -> float:
    """Scale a sum of squares back; it may overflow."""
    with np.errstate(over="ignore", under="ignore"):
        return float(np.ldexp(square, 2 * exponent))


def _breaks(
    centroids: np.ndarray, below: np.ndarray, above: np.ndarray, dtype: np.dtype
) -> np.ndarray:
    """Round the midpoints of centroids into [below, above) in the data's own type."""
    middle = centroids[:-1] / 2 + centroids[1:] / 2
    if dtype.kind in "biu":
        return np.clip(np.floor(middle), below, above - 1)
    typed = middle.astype(dtype.newbyteorder("="))
    top = np.nextafter(above.astype(typed.dtype), typed.dtype.type(-np.inf))
    return np.clip(typed, below.astype(typed.dtype), top).astype(np.float64)


def _breaks_for(breaks: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Round the breaks down to `dtype`: x <= break means the same for every x of that type."""
    with np.errstate(over="ignore"):  # a break beyond float32 is above all its numbers
        typed = breaks.astype(dtype)
    high = typed.astype(np.float64) > breaks
    typed[high] = np.nextafter(typed[high], dtype.type(-np.inf))
    return _check.frozen(typed)
