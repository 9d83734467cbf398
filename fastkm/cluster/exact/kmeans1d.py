"""The optimal clustering of any amount of one-dimensional data: `kmeans1d`.

In one dimension clusters are intervals, and the best ones can be found and proven to be the best
from a few sums, in a few passes over data that need not fit in memory:

1. A pass bins the values: counts and sums of some 30,000 bins (`fastkm.cluster.exact.histograms`). Data of
   64 bits, and weighted data, is measured first.
2. Bins that cannot hold a cut are ruled out, for each k (`fastkm.cluster.exact.pruning`: the lemma, its
   proof, and the rounding).
3. A pass looks into the bins that remain. Where few values are in them they are copied, and no
   further pass is needed. 2 and 3 are repeated until each cut lies between two values. What
   rounding cannot tell apart is compared exactly (`fastkm.cluster.exact.tie_breaking`). The gap between the
   inertia and the least possible one is then 0.

Of a dask array a few blocks are looked at before (`fastkm.cluster.exact.guess`), so that one pass does
where the guess is right. Where `dask.distributed` has a client, the blocks are read and binned on
its workers, in each pass, and only bins travel (`fastkm.cluster.streaming.pieces`).

Up to 2^18 values are sorted instead of binned, and those of 8 and 16 bits are counted value
by value; the steps are the same. No sum depends on the order of its terms and no choice on how the
values come, so any number of threads and any chunks give the same result, bit for bit.

Wang, H. & Song, M. (2011). Ckmeans.1d.dp: optimal k-means clustering in one dimension by dynamic
programming. The R Journal 3(2), 29-33.
Gronlund, A., Larsen, K. G., Mathiasen, A., Nielsen, J. S., Schneider, S. & Song, M. (2017). Fast
exact k-means, k-medians and Bregman divergence clustering in 1D. arXiv:1701.07204.
"""

from __future__ import annotations

import operator
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core.threads import thread_count
from fastkm.cluster.exact.finalize import finalize
from fastkm.cluster.exact.solver import Solution, solve
from fastkm.cluster.streaming.chunks import FormatMismatch
from fastkm.cluster.streaming.source import Source

if TYPE_CHECKING:
    from fastkm.cluster.exact.result import KMeans1D


def kmeans1d(
    values: Any, k: int | Iterable[int], *, weights: Any = None, threads: int | None = None
) -> Any:
    """Find the optimal clustering of values into k intervals, with proof.

    Parameters
    ----------
    values : array-like, DataArray, dask array or callable
        Any shape, any real type. NaN, masked cells and cells that a `DataArray`'s attributes make
        missing are left out. A callable takes no argument and returns an iterable of chunks, or of
        (chunk, weights) pairs, the same each time that it is called: once for each pass. Blocks of
        a dask array are read on the workers of the current client, or here one after another.
    k : int or iterable of int
        Number of clusters, or several: they are found together.
    weights : array-like, optional
        Weights of the values, such as areas of cells: broadcast to the shape of `values`, by
        dimension names where both are DataArrays. A value of weight 0 is left out.
    threads : int, optional
        Threads to use; by default as many as the process may, on a worker of dask one. They change
        no bit of the result.

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
        If k is below 1, values are infinite, integers differ by more than 2^53, weights are negative
        or not finite or differ by more than 2^60 times, or passes give different values.
    TypeError
        If `values` does not hold real numbers, or k is not an integer.

    Warns
    -----
    UserWarning
        If some of several k are left out, an inertia is beyond float64, or the optimum could not
        be proven; then ``gap`` bounds what is missing.

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
    >>> result.centroids, result.breaks, result.inertia, result.gap
    (array([1.5, 8.5]), array([5.]), 1.0, 0.0)
    >>> sorted(fastkm.kmeans1d([1.0, 2.0, 8.0, 9.0], range(1, 4)))
    [1, 2, 3]
    >>> archive = [[1.0, 2.0], [8.0, 9.0]]
    >>> fastkm.kmeans1d(lambda: archive, 2, weights=None).breaks
    array([5.])
    """
    wanted, several = as_counts(k)
    thread_count(threads)
    solution = _solve(values, weights, wanted, threads)
    _check_possible(solution, wanted)
    results = finalize(solution)
    _warn(results)
    return results if several else results[wanted[0]]


def as_counts(k: Any) -> tuple[list[int], bool]:
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


def _solve(values: Any, weights: Any, ks: list[int], threads: int | None) -> Solution:
    """Solve in the values' own form, or as float64 where chunks have several forms."""
    try:
        return solve(Source(values, weights), ks, threads)
    except FormatMismatch:
        return solve(Source(values, weights, uniform=False), ks, threads)


def _check_possible(solution: Solution, wanted: list[int]) -> None:
    """Raise, or warn, where k is above the number of distinct values."""
    impossible = sorted(set(wanted) - set(solution.cuts))
    if not impossible:
        return
    distinct = len(solution.atoms.low)
    listed = ", ".join(map(str, impossible))
    if not solution.cuts:
        from fastkm.errors import ClusterError

        raise ClusterError(
            f"k = {listed} asks for more clusters than there are distinct "
            f"values, {distinct}{'' if distinct else ': all cells are missing'}"
        )
    warnings.warn(
        f"there are only {distinct} distinct values: k = {listed} is left out", stacklevel=3
    )


def _warn(results: dict[int, KMeans1D]) -> None:
    if any(np.isinf(result.inertia) for result in results.values()):
        warnings.warn("the inertia is beyond float64 and given as inf", stacklevel=3)
    for k, result in results.items():
        if result.gap > 0:
            warnings.warn(
                f"for k = {k} too many partitions are equally good to rounding: the inertia may "
                f"be above the least by {result.gap:.3g}",
                stacklevel=3,
            )
