"""Label maps: a raster's clusters as a raster, with the attributes that CF gives to classes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core.atomic_write import ExplainedError
from fastkm._core.blocks.dask_blocks import iterate_blocks
from fastkm.cluster.streaming.arrays import is_lazy

if TYPE_CHECKING:
    import xarray as xr

    from fastkm.cluster.codebook import Codebook

Box = tuple[slice, ...]
"""Rows and columns of a block of cells."""

WriteBlock = Callable[[Box, np.ndarray], None]
"""Writes the labels of a block to a file."""

CELLS_TOGETHER = 1 << 22
"""Cells of a raster in memory that are written at a time, about."""


def label_raster(
    raster: xr.DataArray | xr.Dataset, codebook: Codebook, *, with_inertia: bool = True
) -> xr.DataArray:
    """Label the cells of a raster by cluster; missing cells get -1.

    The labels are those of the codebook's `predict`: the narrowest signed integers, named
    ``cluster``, with ``flag_values``, ``flag_meanings``, the centroids, and the coordinates of the
    raster; -1 is the fill value of files that xarray writes. With `with_inertia` they
    have the inertia of the codebook, if it knows it, as an attribute: it is that of the raster in
    which the clusters were found, and of no other.

    Examples
    --------
    >>> import fastkm, xarray as xr
    >>> raster = xr.DataArray([[1.0, 2.0], [8.0, 9.0]], attrs={"units": "kg m-2"})
    >>> labels = label_raster(raster, fastkm.kmeans1d(raster, 2))
    >>> labels.values.tolist(), labels.attrs["flag_meanings"]
    ([[0, 0], [1, 1]], 'around_1.5_kg_m-2 around_8.5_kg_m-2')
    """
    labels: xr.DataArray = codebook.predict(raster)
    if with_inertia and codebook.inertia is not None:
        labels.attrs["inertia"] = codebook.inertia
    return labels


def iterate_cells(arrays: Sequence[Any]) -> Iterator[tuple[Box, list[np.ndarray]]]:
    """Yield blocks of arrays of one shape: those of dask by their chunks, others by rows.

    An error of reading is an `ExplainedError`, so that it does not pass for one of writing.
    """
    if is_lazy(arrays[0]):
        try:
            yield from iterate_blocks(arrays)
        except OSError as error:
            raise ExplainedError(str(error)) from error
        return
    height, *others = arrays[0].shape
    step = max(1, CELLS_TOGETHER // max(1, math.prod(others)))
    for first in range(0, height, step):
        rows = slice(first, min(first + step, height))
        box = (rows, *(slice(0, size) for size in others))
        yield box, [array[rows] for array in arrays]


def write_cells(labels: xr.DataArray, file: AbstractContextManager[WriteBlock]) -> None:
    """Write all blocks of a label map to a file."""
    with file as write:
        for box, [block] in iterate_cells([labels.data]):
            write(box, block)
