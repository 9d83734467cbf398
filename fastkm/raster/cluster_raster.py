"""K-means of rasters of one or several bands: `cluster_raster`.

A raster of one band goes to `fastkm.kmeans1d`, which finds the optimum and proves it; the cells
of several bands are rows (`fastkm.raster.bands`), and Lloyd's algorithm finds a good partition of
them, not provably the best. Nothing here needs scikit-learn.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core.threads import thread_count
from fastkm.cluster.exact.kmeans1d import as_counts, kmeans1d
from fastkm.cluster.exact.predict import label_dtype
from fastkm.cluster.lloyd.fit import Fit, fit_rows
from fastkm.raster.bands import Rows, Stack, deviations, gathered, stack_of, weights_on
from fastkm.raster.codebook import StackCodebook
from fastkm.raster.grid.areas import cell_areas
from fastkm.raster.labels import label_raster
from fastkm.raster.raster_clusters import Gathering, RasterClusters, at_valid

if TYPE_CHECKING:
    import xarray as xr

    from fastkm.cluster.exact.result import KMeans1D

DISTINCT_CHUNK = 4096
"""Rows that are searched at once for as many distinct ones as clusters are asked for."""


def cluster_raster(
    raster: xr.DataArray | xr.Dataset,
    k: int | Iterable[int],
    *,
    weights: Any = None,
    standardize: bool = False,
    init: str | np.ndarray | Callable[..., Any] = "k-means++",
    n_init: int | str = "auto",
    max_iter: int = 300,
    tol: float = 1e-4,
    random_state: int | np.random.RandomState | np.random.Generator | None = 0,
    threads: int | None = None,
) -> Any:
    """Cluster the cells of a raster of one or several bands.

    Parameters
    ----------
    raster : xarray.DataArray or xarray.Dataset
        Rows, columns and any third dimension whose steps are the bands (channels, levels, the
        months of a year), or a dataset of variables on one grid. Cells are missing where any
        band is: by NaN, or by the attributes of the band.
    k : int or iterable of int
        Number of clusters, or several.
    weights : {"area"} or array-like, optional
        "area" weights cells by their area on the WGS84 ellipsoid, from the limits that CF bounds
        give where a dataset has them. Or weights that broadcast to rows and columns, by
        dimension names where they have some.
    standardize : bool, default: False
        Divide each band by its standard deviation over the cells, as `fastkm.whiten` does, so
        that bands count alike whatever their units. Centroids are given in these units.
    init, n_init, max_iter, tol : optional
        How Lloyd's algorithm starts and ends, as `sklearn.cluster.KMeans` has it: "k-means++",
        "random", centroids of shape (k, bands) in the units of the bands, or a callable. One
        band needs none of them.
    random_state : int, RandomState, Generator or None, default: 0
        Where the draws of the start come from. With an int the same data gives the same labels
        on every run.
    threads : int, optional
        Threads to use; by default as many as the process may.

    Returns
    -------
    RasterClusters or dict of int to RasterClusters
        One result for an int, a dictionary by k otherwise, which `fastkm.choose_k` takes.

    Raises
    ------
    ClusterError
        If there are fewer distinct cells than k, or all are missing. Of several k those are left
        out with a warning; it is an error only if none remains.
    ValueError
        If k is below 1, a cell is infinite, `raster` is no raster, or weights are negative, not
        finite, all 0, or areas of cells without latitudes and longitudes.
    TypeError
        If `raster` is neither a DataArray nor a Dataset, or k is not an integer.

    Warns
    -----
    UserWarning
        If some of several k are left out.
    RuntimeWarning
        If a band to be standardised is constant; it is left as it is.

    See Also
    --------
    fastkm.kmeans1d : one band, which is what a raster of one band goes to.

    Examples
    --------
    >>> import fastkm, xarray as xr
    >>> winter = xr.DataArray([[0.0, 1.0, 20.0, 21.0]], dims=("y", "x"), attrs={"units": "degC"})
    >>> rain = xr.DataArray([[900.0, 950.0, 100.0, np.nan]], dims=("y", "x"), attrs={"units": "mm"})
    >>> climate = xr.Dataset({"winter": winter, "rain": rain})
    >>> result = fastkm.cluster_raster(climate, 2, standardize=True)
    >>> result.labels.values
    array([[ 0,  0,  1, -1]], dtype=int8)
    >>> result.centroids.values.round(6).tolist()
    [[0.5, 925.0], [20.0, 100.0]]
    """
    wanted, several = as_counts(k)
    thread_count(threads)
    stack = stack_of(raster)
    over = _weights(weights, raster, stack)
    if len(stack.bands) == 1:
        results = _one_band(stack, wanted, over, standardize, threads)
    else:
        options = {
            "init": init, "n_init": n_init, "max_iter": max_iter, "tol": tol, "threads": threads,
        }  # fmt: skip
        results = _several_bands(stack, wanted, over, standardize, random_state, options)
    return results if several else results[wanted[0]]


def _weights(weights: Any, raster: xr.DataArray | xr.Dataset, stack: Stack) -> np.ndarray | None:
    """Lay areas or the given weights over the grid."""
    if weights is None:
        return None
    if isinstance(weights, str):
        if weights != "area":
            raise ValueError(f"weights must be 'area' or an array, got {weights!r}")
        return np.asarray(cell_areas(raster).values)
    return np.asarray(weights_on(weights, stack), np.float64)


def _one_band(
    stack: Stack, wanted: list[int], over: np.ndarray | None, standardize: bool, threads: int | None
) -> dict[int, RasterClusters]:
    """Find the optimum of one band."""
    [band] = stack.bands
    found: dict[int, KMeans1D] = kmeans1d(band, wanted, weights=over, threads=threads)
    scale = None
    if standardize:  # a partition is optimal whatever its unit is
        scale = deviations(gathered(stack, copy=True).rows, stack.names)
    return {
        k: RasterClusters(
            k=k,
            labels=label_raster(band, result),
            centroids=_by_band(stack, result.centroids[:, None]),
            counts=result.counts,
            weights=result.weights,
            inertia=result.inertia if scale is None else result.inertia / float(scale[0]) ** 2,
            gap=result.gap if scale is None else result.gap / float(scale[0]) ** 2,
            iterations=None,
            scale=None if scale is None else _by_band(stack, scale),
            codebook=result,
        )
        for k, result in found.items()
    }


def _several_bands(
    stack: Stack,
    wanted: list[int],
    over: np.ndarray | None,
    standardize: bool,
    random_state: Any,
    options: dict[str, Any],
) -> dict[int, RasterClusters]:
    """Run Lloyd's algorithm on the rows of several bands, for each k from the same seed."""
    found = gathered(stack, copy=standardize)
    weights = _checked_weights(at_valid(over, found.valid))
    possible = _possible(found.rows, weights, wanted)
    scale = deviations(found.rows, stack.names) if standardize else None
    if scale is not None:
        np.divide(found.rows, scale.astype(found.rows.dtype), out=found.rows)
    gathering = Gathering(stack, scale, over)
    results = {}
    for k in possible:
        own = {**options, "init": _scaled_init(options["init"], k, scale, stack)}
        fit = fit_rows(found.rows, k, rng=_generator(random_state), weights=weights, **own)
        results[k] = _dressed(_in_order(fit), found, weights, gathering)
    return results


def _scaled_init(init: Any, k: int, scale: np.ndarray | None, stack: Stack) -> Any:
    """Bring centroids to start from into the space that is clustered."""
    if isinstance(init, str) or callable(init):
        return init
    centroids = np.asarray(init, np.float64)
    if centroids.shape != (k, len(stack.bands)):
        raise ValueError(
            f"init must have shape (k, bands), {(k, len(stack.bands))}, got {centroids.shape}"
        )
    return centroids if scale is None else centroids / scale


def _generator(random_state: Any) -> Any:
    """Give a generator: a new one for a seed, so that each k has the same draws."""
    if isinstance(random_state, np.random.RandomState | np.random.Generator):
        return random_state
    return np.random.RandomState(random_state)


def _checked_weights(weights: np.ndarray | None) -> np.ndarray | None:
    """Require weights that are finite, not negative and not all 0."""
    if weights is None:
        return None
    wrong = ~((weights >= 0) & (weights < np.inf))
    if wrong.any():
        raise ValueError(
            f"weights must be finite and not negative, got {weights[np.argmax(wrong)]}"
        )
    if len(weights) and not weights.any():
        raise ValueError("weights must be above 0 somewhere, got 0 in all cells")
    return np.ascontiguousarray(weights)


def _possible(rows: np.ndarray, weights: np.ndarray | None, wanted: list[int]) -> list[int]:
    """Raise, or warn, where k is above the number of distinct cells; give the other k."""
    ks = list(dict.fromkeys(wanted))
    distinct = _distinct(rows, weights, max(ks))
    impossible = [k for k in ks if k > distinct]
    if not impossible:
        return ks
    listed = ", ".join(map(str, sorted(impossible)))
    if len(impossible) == len(ks):
        from fastkm.errors import ClusterError

        reason = "" if len(rows) else ": all cells are missing in one band or another"
        raise ClusterError(
            f"k = {listed} asks for more clusters than there are distinct cells, "
            f"{distinct} of {len(rows)}{reason}"
        )
    warnings.warn(
        f"there are only {distinct} distinct cells: k = {listed} is left out", stacklevel=4
    )
    return [k for k in ks if k <= distinct]


def _distinct(rows: np.ndarray, weights: np.ndarray | None, most: int) -> int:
    """Count distinct rows of a weight above 0, up to `most`; most often the first chunk will do."""
    known = rows[:0]
    for start in range(0, len(rows), DISTINCT_CHUNK):
        part = rows[start : start + DISTINCT_CHUNK]
        if weights is not None:
            part = part[weights[start : start + DISTINCT_CHUNK] > 0]
        known = np.unique(np.concatenate([known, part]), axis=0)
        if len(known) >= most:
            return most
    return len(known)


def _in_order(fit: Fit) -> Fit:
    """Sort clusters by their centroids: those of the first band ascend, then the next."""
    order = np.lexsort(fit.centroids.T[::-1])
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return fit._replace(centroids=fit.centroids[order], labels=rank[fit.labels])


def _dressed(
    fit: Fit, found: Rows, weights: np.ndarray | None, gathering: Gathering
) -> RasterClusters:
    """Lay labels out on the grid and give numbers their units."""
    stack, scale, k = gathering.stack, gathering.scale, len(fit.centroids)
    codebook = StackCodebook(stack.names, stack.units, fit.centroids, scale)
    labels = codebook.dressed(found.spread(fit.labels, label_dtype(k), stack.grid), stack.grid)
    labels.attrs["inertia"] = fit.inertia
    counts = np.bincount(fit.labels, minlength=k)
    return RasterClusters(
        k=k,
        labels=labels,
        centroids=_by_band(stack, codebook.centroids),
        counts=counts,
        weights=counts.astype(float) if weights is None else _summed(fit.labels, weights, k),
        inertia=fit.inertia,
        gap=None,
        iterations=fit.iterations,
        scale=None if scale is None else _by_band(stack, scale),
        codebook=codebook,
        gathering=gathering,
    )


def _summed(labels: np.ndarray, weights: np.ndarray, k: int) -> np.ndarray:
    return np.bincount(labels, weights, minlength=k)


def _by_band(stack: Stack, numbers: np.ndarray) -> xr.DataArray:
    """Give numbers of shape (d,) or (k, d) the names and units of the bands."""
    import xarray as xr

    coords = {"band": list(stack.names), "units": ("band", list(stack.units))}
    dims = ("cluster", "band")[-numbers.ndim :]
    name = "centroids" if numbers.ndim == 2 else "deviations"
    return xr.DataArray(numbers, coords, dims, name=name)
