"""K-means of rasters of one or several bands: `cluster_raster`.

A raster of one band goes to `fastkm.kmeans1d`, which finds the optimum and proves it. The cells of
several bands are rows (`fastkm.raster.bands`), and Lloyd's algorithm finds a good partition of
them, which is not proven to be the best. Nothing here needs scikit-learn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, SupportsIndex, overload

import numpy as np

from fastkm._core import validation
from fastkm._core.renamed import make_callable
from fastkm._core.threads import resolve_thread_count
from fastkm.cluster.exact.kmeans1d import as_counts, kmeans1d
from fastkm.cluster.lloyd.fit import Fit, fit_rows
from fastkm.raster.bands import (
    BandStack,
    CellRows,
    as_band_stack,
    broadcast_to_grid,
    compute_deviations,
    gather_rows,
    plain_weights,
)
from fastkm.raster.cell_blocks import is_large
from fastkm.raster.cluster_options import (
    as_generator,
    check_weights,
    choose_possible,
    count_distinct,
    scale_init,
)
from fastkm.raster.codebook import BandsCodebook
from fastkm.raster.grid.areas import cell_areas
from fastkm.raster.grid.repeated_columns import drop_repeated_columns
from fastkm.raster.labels import label_raster
from fastkm.raster.large_rasters import fit_large_raster, measure_large_deviations
from fastkm.raster.raster_clusters import ClusteredRows, RasterClusters, to_band_array

if TYPE_CHECKING:
    import xarray as xr

    from fastkm.cluster.exact.result import KMeans1D

make_callable(__name__)


@overload
def cluster_raster(
    raster: xr.DataArray | xr.Dataset,
    k: SupportsIndex,
    *,
    weights: Any = ...,
    standardize: bool = ...,
    init: str | np.ndarray | Callable[..., Any] = ...,
    n_init: int | str = ...,
    max_iter: int = ...,
    tol: float = ...,
    random_state: int | np.random.RandomState | np.random.Generator | None = ...,
    threads: int | None = ...,
) -> RasterClusters: ...
@overload
def cluster_raster(
    raster: xr.DataArray | xr.Dataset,
    k: Iterable[SupportsIndex],
    *,
    weights: Any = ...,
    standardize: bool = ...,
    init: str | np.ndarray | Callable[..., Any] = ...,
    n_init: int | str = ...,
    max_iter: int = ...,
    tol: float = ...,
    random_state: int | np.random.RandomState | np.random.Generator | None = ...,
    threads: int | None = ...,
) -> dict[int, RasterClusters]: ...
def cluster_raster(
    raster: xr.DataArray | xr.Dataset,
    k: SupportsIndex | Iterable[SupportsIndex],
    *,
    weights: Any = None,
    standardize: bool = False,
    init: str | np.ndarray | Callable[..., Any] = "k-means++",
    n_init: int | str = "auto",
    max_iter: int = 300,
    tol: float = 1e-4,
    random_state: int | np.random.RandomState | np.random.Generator | None = 0,
    threads: int | None = None,
) -> RasterClusters | dict[int, RasterClusters]:
    """Cluster the cells of a raster of one or several bands.

    Parameters
    ----------
    raster : xarray.DataArray or xarray.Dataset
        Rows, columns and any third dimension whose steps are the bands (channels, levels, the
        months of a year), or a dataset of variables on one grid; in memory, or of dask arrays of
        any size. A cell is missing if any band is missing there: by NaN, or by the attributes of
        the band, as for `fastkm.kmeans1d`.
    k : int or iterable of int
        Number of clusters, or several.
    weights : {"area"} or array-like, optional
        "area" weights cells by their area on the WGS84 ellipsoid, within the limits that CF bounds
        give if a dataset has them. Or weights that broadcast to rows and columns, by their
        dimension names if they have any.
    standardize : bool, default: False
        Divide each band by its standard deviation over the cells, as `fastkm.whiten` does, so
        that bands count alike whatever their units. Centroids stay in the units of the bands.
    init, n_init, max_iter, tol : optional
        How Lloyd's algorithm starts and ends, as for `sklearn.cluster.KMeans`: "k-means++",
        "random", centroids of shape (k, bands) in the units of the bands, or a callable. One
        band needs none of them.
    random_state : int, RandomState, Generator or None, default: 0
        Source of the random draws of the start. With an int the same data gives the same labels
        on every run.
    threads : int, optional
        Threads to use; by default as many as the process may use.

    Returns
    -------
    RasterClusters or dict of int to RasterClusters
        One result for an int, a dictionary by k otherwise, which `fastkm.choose_k` takes.

    Raises
    ------
    ClusterError
        If there are fewer distinct cells than k, or all are missing. If there are several k, such k
        are left out with a warning; it is an error only if none remains.
    ValueError
        If k is below 1, a cell is infinite, `raster` is no raster, an option is out of its range,
        or weights are negative, not finite, all 0, or areas of cells without latitudes and
        longitudes.
    TypeError
        If `raster` is neither a DataArray nor a Dataset, or k is not an integer.

    Warns
    -----
    UserWarning
        If one of several k is left out.
    RuntimeWarning
        If a band to be standardised is constant; it is left as it is.

    See Also
    --------
    fastkm.kmeans1d : clusters of one band.

    Notes
    -----
    Several bands of more than 2^22 cells are clustered block by block. Lloyd's algorithm runs on a
    sample of 2^20 cells, drawn by `random_state`, until it has settled there, and then on all
    cells, which takes few passes; `passes` of the result counts them. `max_iter` holds for either.
    The run ends by `tol` as in memory, and its centroids are those of the last pass. Sums are
    exact, so that blocks, threads and the workers of a dask client change no bit. Labels of a lazy
    raster of this size are lazy.

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
    resolve_thread_count(threads)
    if n_init != "auto":
        validation.require_count("n_init", n_init, or_else="'auto' or ")
    validation.require_count("max_iter", max_iter)
    validation.require_number("tol", tol)
    whole = as_band_stack(raster)
    large = is_large(whole)
    if whole.is_lazy and not large:
        whole = as_band_stack(raster, load=True)
    grid_weights = _make_grid_weights(weights, raster, whole)
    stack = _drop_repeated_columns(whole)
    if grid_weights is not None and grid_weights.shape[-1:] == whole.grid.shape[1:]:
        grid_weights = grid_weights[..., : stack.grid.shape[1]]
    if len(stack.bands) == 1:
        results = _solve_one_band(stack, wanted, grid_weights, standardize, threads)
    else:
        options = {
            "init": init, "n_init": n_init, "max_iter": max_iter, "tol": tol, "threads": threads,
        }  # fmt: skip
        fit = fit_large_raster if large else _fit_several_bands
        results = fit(stack, wanted, grid_weights, standardize, random_state, options)
    if stack is not whole:
        results = {k: _label_whole(result, raster) for k, result in results.items()}
    return results if several else results[wanted[0]]


def _drop_repeated_columns(stack: BandStack) -> BandStack:
    """Return a stack without the columns that repeat others; the same if there are none."""
    bands = tuple(drop_repeated_columns(band, note=True) for band in stack.bands)
    if bands[0].shape == stack.grid.shape:
        return stack
    return stack.take_columns(bands)


def _label_whole(result: RasterClusters, raster: xr.DataArray | xr.Dataset) -> RasterClusters:
    """Return a result whose label map has the columns too that were dropped."""
    labels = result.predict(raster)
    labels.attrs = result.labels.attrs
    return replace(result, labels=labels)


def _make_grid_weights(weights: Any, raster: xr.DataArray | xr.Dataset, stack: BandStack) -> Any:
    """Return the weights of the cells of the grid: their areas, or the given ones.

    Those of a large raster may be lazy, and of fewer rows and columns to which they broadcast.
    """
    if weights is None:
        return None
    if isinstance(weights, str):
        if weights != "area":
            raise ValueError(f"weights must be 'area' or an array, got {weights!r}")
        areas = cell_areas(raster)
        return plain_weights(areas, stack) if is_large(stack) else np.asarray(areas.values)
    if is_large(stack):
        return plain_weights(weights, stack)
    return np.asarray(broadcast_to_grid(weights, stack), np.float64)


def _solve_one_band(
    stack: BandStack,
    wanted: list[int],
    grid_weights: Any,
    standardize: bool,
    threads: int | None,
) -> dict[int, RasterClusters]:
    """Find the optimum of one band."""
    [band] = stack.bands
    found: dict[int, KMeans1D] = kmeans1d(band, wanted, weights=grid_weights, threads=threads)
    scale, square = None, 1.0
    if standardize:  # a partition is optimal whatever its unit is
        if is_large(stack):
            scale = measure_large_deviations(stack, threads)
        else:
            scale = compute_deviations(gather_rows(stack, copy=True).rows, stack.names)
        square = float(scale[0]) ** 2
    return {
        k: RasterClusters(
            k=k,
            labels=label_raster(band, result),
            centroids=to_band_array(stack, result.centroids[:, None]),
            counts=result.counts,
            weights=result.weights,
            inertia=result.inertia / square,
            gap=result.gap / square,
            iterations=None,
            scale=None if scale is None else to_band_array(stack, scale),
            codebook=result,
            passes=result.passes,
        )
        for k, result in found.items()
    }


def _fit_several_bands(
    stack: BandStack,
    wanted: list[int],
    grid_weights: np.ndarray | None,
    standardize: bool,
    random_state: Any,
    options: dict[str, Any],
) -> dict[int, RasterClusters]:
    """Run Lloyd's algorithm on the rows of several bands, for each k from the same seed."""
    # cells that are missing in no band, with their weights
    clustered = ClusteredRows(stack, None, grid_weights)
    cells = gather_rows(stack, copy=standardize)
    weights = check_weights(clustered.select_weights(cells))
    distinct = count_distinct(cells.rows, weights, max(wanted))
    possible = choose_possible(distinct, len(cells.rows), wanted)
    # the space that is clustered: in units of the deviations if bands are standardised
    if standardize:
        scale = compute_deviations(cells.rows, stack.names)
        np.divide(cells.rows, scale.astype(cells.rows.dtype), out=cells.rows)
        clustered = replace(clustered, scale=scale)
    # every k starts from the same seed
    results = {}
    for k in possible:
        init = scale_init(options["init"], k, len(stack.bands), clustered.scale)
        own = {**options, "init": init, "rng": as_generator(random_state)}
        fit = fit_rows(cells.rows, k, weights=weights, **own)
        results[k] = _describe_fit(_sort_clusters(fit), cells, weights, clustered)
    return results


def _sort_clusters(fit: Fit) -> Fit:
    """Sort clusters by their centroids: those of the first band ascend, then the next."""
    order = np.lexsort(fit.centroids.T[::-1])
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return fit._replace(centroids=fit.centroids[order], labels=rank[fit.labels])


def _describe_fit(
    fit: Fit, cells: CellRows, weights: np.ndarray | None, clustered: ClusteredRows
) -> RasterClusters:
    """Lay labels out on the grid and give numbers their units."""
    stack, scale, k = clustered.stack, clustered.scale, len(fit.centroids)
    codebook = BandsCodebook(stack.names, stack.units, fit.centroids, scale)
    labels = codebook.to_label_map(fit.labels, cells, stack.grid)
    labels.attrs["inertia"] = fit.inertia
    counts = np.bincount(fit.labels, minlength=k)
    summed = counts if weights is None else np.bincount(fit.labels, weights, minlength=k)
    return RasterClusters(
        k=k,
        labels=labels,
        centroids=to_band_array(stack, codebook.centroids),
        counts=counts,
        weights=summed.astype(float),
        inertia=fit.inertia,
        gap=None,
        iterations=fit.iterations,
        scale=None if scale is None else to_band_array(stack, scale),
        codebook=codebook,
        clustered_rows=clustered,
    )
