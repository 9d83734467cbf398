"""Functions of `fastkm` as methods of xarray's arrays and datasets: ``import fastkm.xarray``.

The import registers an accessor, ``fastkm``, so that ``raster.fastkm.cluster(6)`` is
``fastkm.cluster_raster(raster, 6)``. A method takes all keywords of its function, and `help` shows the
function's signature and documentation. Nothing but xarray is loaded before a method is used.

Examples
--------
>>> import xarray as xr
>>> import fastkm.xarray
>>> raster = xr.DataArray([[1.0, 2.0], [8.0, 9.0]], dims=("y", "x"))
>>> raster.fastkm.cluster(2).labels.values
array([[0, 0],
       [1, 1]], dtype=int8)
>>> raster.fastkm.outline(2)[["cluster", "cells"]].values.tolist()
[[0, 2], [1, 2]]
"""

from __future__ import annotations

from types import MethodType
from typing import TYPE_CHECKING, Any

import xarray as xr

import fastkm

if TYPE_CHECKING:
    from collections.abc import Callable


class _Method:
    """A function of `fastkm` as a method of an accessor: the raster is its first argument."""

    def __init__(self, function: str) -> None:
        self._function = function

    def __get__(self, accessor: _Accessor | None, owner: type) -> Callable[..., Any]:
        function = getattr(fastkm, self._function)
        # a bound method has the signature, the documentation and the warnings of the function
        return function if accessor is None else MethodType(function, accessor.raster)


class _Accessor:
    """The raster that methods are called with."""

    def __init__(self, raster: Any) -> None:
        self.raster = raster


@xr.register_dataarray_accessor("fastkm")
class DataArrayAccessor(_Accessor):
    """Clusters of an array, and the outlines of those in a label map.

    Methods
    -------
    bands(breaks_or_codebook, ...)
        `fastkm.bands`, polygons between isolines.
    cluster(k, ...)
        `fastkm.cluster_raster`.
    isolines(levels, ...)
        `fastkm.isolines`.
    kmeans1d(k, ...)
        `fastkm.kmeans1d`.
    outline(k, ...)
        `fastkm.outline`, of a raster with k clusters or of a label map.
    polygonize(...)
        `fastkm.polygonize`, of a label map.
    sieve(min_area, ...)
        `fastkm.sieve`, of a label map.
    track(...)
        `fastkm.track`, of label maps through time.
    cluster_archive(k, ...)
        `fastkm.cluster_archive`, of an array with a dimension of dates.
    transitions(...)
        `fastkm.transitions`, of label maps through time.
    """

    bands = _Method("bands")
    cluster = _Method("cluster_raster")
    isolines = _Method("isolines")
    kmeans1d = _Method("kmeans1d")
    outline = _Method("outline")
    polygonize = _Method("polygonize")
    sieve = _Method("sieve")
    track = _Method("track")
    cluster_archive = _Method("cluster_archive")
    transitions = _Method("transitions")


@xr.register_dataset_accessor("fastkm")
class DatasetAccessor(_Accessor):
    """Clusters of the variables of a dataset together; other methods are those of one variable.

    Methods
    -------
    cluster(k, ...)
        `fastkm.cluster_raster`.
    cluster_archive(k, ...)
        `fastkm.cluster_archive`, of variables with a dimension of dates.
    """

    cluster = _Method("cluster_raster")
    cluster_archive = _Method("cluster_archive")
