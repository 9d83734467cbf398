"""The optimal clustering of any amount of one-dimensional data: `kmeans1d`.

In one dimension clusters are intervals, and the best ones can be found and proven to be the best
from a few sums, in a few passes over data that need not fit in memory:

1. A pass bins the values: counts and sums of some 30,000 bins
   (`fastkm.cluster.exact.histograms`). Data of 64 bits, and weighted data, is measured first.
2. Bins that cannot hold a cut are ruled out, for each k (`fastkm.cluster.exact.pruning.cut_pruner`: the lemma,
   its proof, and the rounding).
3. A pass looks into the bins that remain. If they hold few values, these are copied, and no further
   pass is needed. Steps 2 and 3 are repeated until each cut lies between two values. Partitions
   whose costs differ by no more than rounding are compared exactly
   (`fastkm.cluster.exact.tie_breaking`). The gap between the inertia and the least possible one is
   then 0.

If the values are a dask array, or many in memory, some are read before to guess the cuts
(`fastkm.cluster.exact.solver.guess_cuts`), so that one pass is enough if the guess is right. If
`dask.distributed` has a client, its workers read and bin the blocks in each pass, and only bins
travel (`fastkm.cluster.streaming.dask_source`).

If there are many clusters, prices rule cuts between distinct values out in a time that does not grow
with k (`fastkm.cluster.exact.pruning.priced_bounds`), and up to 2^21 values in memory are sorted for that.

Up to 2^18 values are sorted instead of binned, and those of 8 and 16 bits are counted value
by value; the steps are the same. No sum depends on the order of its terms and no choice on how the
values come, so any number of threads and any chunks give the same result, bit for bit.

An array in memory of up to 2^16 cells without weights goes a shorter way to the same result
(`fastkm.cluster.exact.small.small_arrays`), as long as no other partition is equally good.

Medians instead of means are found by the same program with another cost
(`fastkm.cluster.exact.medians.solver`), among distinct values that are sorted in memory.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, SupportsIndex, overload

import numpy as np

from fastkm._core.notes import warn_user
from fastkm._core.threads import resolve_thread_count
from fastkm._core.validation import refuse_path
from fastkm.cluster.exact.finalize import finalize
from fastkm.cluster.exact.result import CENTRES, Centre
from fastkm.cluster.exact.small import small_arrays
from fastkm.cluster.exact.solver import Solution, Solver
from fastkm.cluster.streaming.chunks import FormatMismatch
from fastkm.cluster.streaming.source import Source

if TYPE_CHECKING:
    from fastkm.cluster.exact.medians.solver import MedianSolver
    from fastkm.cluster.exact.result import KMeans1D


@overload
def kmeans1d(
    values: Any,
    k: SupportsIndex,
    *,
    weights: Any = ...,
    criterion: Centre = ...,
    threads: int | None = ...,
) -> KMeans1D: ...
@overload
def kmeans1d(
    values: Any,
    k: Iterable[SupportsIndex],
    *,
    weights: Any = ...,
    criterion: Centre = ...,
    threads: int | None = ...,
) -> dict[int, KMeans1D]: ...
def kmeans1d(
    values: Any,
    k: SupportsIndex | Iterable[SupportsIndex],
    *,
    weights: Any = None,
    criterion: Centre = "mean",
    threads: int | None = None,
) -> KMeans1D | dict[int, KMeans1D]:
    """Find the optimal clustering of values into k intervals, with proof.

    Parameters
    ----------
    values : array-like, DataArray, dask array or callable
        Any shape, any real type. NaN, masked cells and cells that a `DataArray`'s attributes make
        missing are left out. Attributes count only as long as the array has the encoding of its
        file, which xarray drops when it computes. A callable takes no argument and returns an iterable of chunks, or of
        (chunk, weights) pairs. It is called once for each pass and must return the same each time.
        Blocks of a dask array are read on the workers of the current client if there is one,
        otherwise here one after another.
    k : int or iterable of int
        Number of clusters, or several numbers, which are solved together.
    weights : array-like, optional
        Weights of the values, such as areas of cells. They are broadcast to the shape of `values`,
        by dimension names if both are DataArrays. A value of weight 0 is left out.
    criterion : {"mean", "median"}, default: "mean"
        What a cluster gathers round: its mean, for the least sum of squared distances (k-means), or
        its median, for the least sum of distances (k-medians), which outliers hardly move. The
        median of an even number of values is half-way between the two in the middle. Medians need
        the distinct values sorted in memory, at most 2^25 of them (of all values if they have
        weights), some 130 bytes each. Up to 2^25 values are read once, more of them twice.
    threads : int, optional
        Threads to use; by default as many as the process may use, or one on a worker of dask. The
        result is the same, bit for bit, for any number.

    Returns
    -------
    KMeans1D or dict of int to KMeans1D
        One result for an int, a dictionary by k otherwise.

    Raises
    ------
    ClusterError
        If there are fewer distinct values than k. If k is several numbers, those that are too large
        are left out with a warning, and it is an error only if none remains.
    ValueError
        If k is below 1, values are infinite, integers differ by more than 2^53, weights are negative
        or not finite or differ by more than 2^60 times, passes give different values, the criterion
        is unknown, or distinct values are too many for medians.
    TypeError
        If `values` does not hold real numbers, or k is not an integer.

    Warns
    -----
    UserWarning
        If some of several k are left out, if attributes of a computed array would make cells
        missing, if an inertia is beyond float64, or if the optimum could not be proven; then ``gap`` bounds how far the inertia may be above the least.

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
    >>> fastkm.kmeans1d([1.0, 2.0, 4.0, 8.0, 9.0, 1000.0], 2, criterion="median")
    KMeans1D: 2 clusters of least absolute deviations, inertia 14, proven optimal
      0:            4              up to 502             5 values  83.33%
      1:         1000                  above             1 value   16.67%
    >>> archive = [[1.0, 2.0], [8.0, 9.0]]
    >>> fastkm.kmeans1d(lambda: archive, 2, weights=None).breaks
    array([5.])
    """
    wanted, several = as_counts(k)
    resolve_thread_count(threads)
    _require_one_array(values)
    if criterion not in CENTRES:
        raise ValueError(f"criterion must be 'mean' or 'median', got {criterion!r}")
    means = criterion == "mean"
    results = small_arrays.cluster_small(values, wanted) if means and weights is None else None
    if results is None:
        source = Source(values, weights, threads=threads)
        read = means and type(values) is not np.ndarray
        few = source.read_few(small_arrays.MAX_SMALL) if read else None
        results = None if few is None else small_arrays.cluster_small(few, wanted)
    if results is None:
        solver, solution = _solve(source, values, weights, wanted, threads, means=means)
        _require_possible(solution, wanted)
        results = finalize(solution) if isinstance(solver, Solver) else solver.finalize(solution)
        _warn_of_limits(results)
    return results if several else results[wanted[0]]


def as_counts(k: Any) -> tuple[list[int], bool]:
    """Return all k as a list, and whether there were several."""
    if type(k) is int and k >= 1:
        return [k], False
    several = not hasattr(k, "__index__") or np.ndim(k) > 0
    try:
        numbers = list(k) if several else [k]
        wanted = [operator.index(number) for number in numbers]
    except TypeError:
        raise TypeError(f"k must be an integer or several integers, got {k!r}") from None
    if not wanted:
        raise ValueError(f"k must hold at least one number, got {k!r}")
    if min(wanted) < 1:
        raise ValueError(f"k must be at least 1, got {numbers if several else numbers[0]!r}")
    return wanted, several


def _require_one_array(values: Any) -> None:
    """Raise a TypeError if values are the path of a file, or a dataset."""
    refuse_path("values", values)
    if hasattr(values, "data_vars"):
        names = list(values.data_vars)
        raise TypeError(
            f"values must be one array, got a Dataset of {', '.join(map(str, names))}: choose a "
            f"variable, dataset[{names[0] if names else 'name'!r}], or cluster several together with "
            "fastkm.cluster_raster"
        )


def _solve(
    source: Source, values: Any, weights: Any, ks: list[int], threads: int | None, *, means: bool
) -> tuple[Solver | MedianSolver, Solution]:
    """Solve in the type of the source, or as float64 if chunks are of several types."""
    kind: type[Solver | MedianSolver] = Solver
    if not means:
        from fastkm.cluster.exact.medians.solver import MedianSolver

        kind = MedianSolver
    solver = kind(source, ks, threads)
    try:
        return solver, solver.solve()
    except FormatMismatch:
        solver = kind(Source(values, weights, uniform=False, threads=threads), ks, threads)
        return solver, solver.solve()


def _require_possible(solution: Solution, wanted: list[int]) -> None:
    """Raise an error if every k is above the number of distinct values, or warn if some are."""
    impossible = sorted(set(wanted) - set(solution.cuts))
    if not impossible:
        return
    distinct = len(solution.bins.low)
    listed = ", ".join(map(str, impossible))
    if not solution.cuts:
        from fastkm.errors import ClusterError

        raise ClusterError(
            f"k = {listed} asks for more clusters than there are distinct "
            f"values, {distinct}{'' if distinct else ': all cells are missing'}"
        )
    warn_user(f"there are only {distinct} distinct values: k = {listed} is left out")


def _warn_of_limits(results: dict[int, KMeans1D]) -> None:
    """Warn if an inertia is beyond float64, or an optimum is not proven."""
    if any(np.isinf(result.inertia) for result in results.values()):
        warn_user("the inertia is beyond float64 and given as inf")
    for k, result in results.items():
        if result.gap > 0:
            warn_user(
                f"for k = {k} too many partitions are equally good to rounding: the inertia may "
                f"be above the least by {result.gap:.3g}"
            )
