"""Label maps through time, as a Zarr store that many processes fill.

The store is first created whole, every cell missing; then each process writes its steps. Since a chunk
is one step no two processes share one, and they need not wait for each other. It is of format 2,
which more programs read than read format 3.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm.raster.grid.crs import carry_crs
from fastkm.raster.io.write_netcdf_series import (
    named_errors,
    table_values,
    tables,
    without_codebook,
)
from fastkm.raster.labels import MISSING, labelled_dataset

if TYPE_CHECKING:
    import xarray as xr

    from fastkm.cluster.exact.result import KMeans1D


def create_label_store(
    path: str | os.PathLike[str],
    labels: xr.DataArray,
    times: xr.DataArray,
    *,
    source: str,
    history: str,
    inherited: Mapping[str, Any] | None = None,
    clusters: int | None = None,
) -> None:
    """Create a Zarr store for the label maps of all steps, in which every cell is missing.

    Parameters
    ----------
    path : path-like
        The folder to make.
    labels : xarray.DataArray
        Labels of any one step, (y, x), or of some, (time, y, x), described as by
        `fastkm.raster.labels.label_raster`: their type, attributes and coordinates are those of all.
    times : xarray.DataArray
        The time coordinate of all steps; see `Archive.times`.
    source, history, inherited
        As for `write_label_series`.
    clusters : int, optional
        How many clusters each step has, where it has a codebook of its own.

    Raises
    ------
    FileExistsError
        If there is something at `path`.
    OSError
        If it cannot be written.
    ImportError
        If zarr or dask, of the extra ``archive``, is not installed.
    """
    try:
        import dask  # noqa: F401
        import zarr  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "a Zarr store of labels needs zarr and dask: pip install 'fastkm[archive]'"
        ) from error
    import xarray as xr

    target = Path(path)
    if target.exists():
        raise FileExistsError(f"{target} exists already")
    plane = (
        labels[0].drop_vars(str(labels.dims[0]), errors="ignore") if labels.ndim == 3 else labels
    )
    time = str(times.name)
    shape = (times.size, *plane.shape)
    whole = xr.DataArray(
        _lazy(shape, labels.dtype.type(MISSING)),
        {**plane.coords, time: times},
        (time, *plane.dims),
        plane.name,
        dict(plane.attrs),
    )
    whole[time].encoding = times.encoding
    whole = carry_crs(labels, whole)
    described = whole if clusters is None else without_codebook(whole, clusters)
    dataset, encoding = labelled_dataset(described, source, history, inherited)
    encoding["cluster"] = {"_FillValue": encoding["cluster"]["_FillValue"]}
    if clusters is not None:
        dataset = dataset.assign(
            {
                name: (dims, _lazy(sizes, np.float64(np.nan)), attrs)
                for name, (dims, sizes, attrs) in tables(whole, clusters).items()
            }
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as folder:
        draft = Path(folder, target.name)
        with named_errors(target, draft):
            dataset.to_zarr(
                draft, mode="w", compute=False, zarr_format=2, consolidated=True, encoding=encoding
            )
            draft.rename(target)


def write_label_region(
    path: str | os.PathLike[str],
    labels: xr.DataArray,
    first: int,
    *,
    codebooks: Sequence[KMeans1D] | None = None,
) -> None:
    """Write the label maps of some steps into a store; other processes may write others meanwhile.

    Parameters
    ----------
    path : path-like
        From `create_label_store`.
    labels : xarray.DataArray
        Dimensions (time, y, x).
    first : int
        The number of their first step among all of the store.
    codebooks : sequence of KMeans1D, optional
        One a step, where the store was created for such.

    Raises
    ------
    OSError
        If the store cannot be written to.
    ValueError
        If the labels do not fit into it.
    """
    import zarr

    with named_errors(Path(path), Path(path)):
        store = zarr.open_group(path, mode="r+", use_consolidated=False)
        stored: Any = store["cluster"]
        last = first + len(labels)
        fits = labels.shape[1:] == stored.shape[1:] and labels.dtype == stored.dtype
        if not (fits and first >= 0 and last <= stored.shape[0]):
            raise ValueError(
                f"labels of steps {first} to {last - 1}, shape {labels.shape}, {labels.dtype}, do "
                f"not fit into {os.fspath(path)}: shape {stored.shape}, {stored.dtype}"
            )
        stored[first:last] = labels.values
        if codebooks is not None:
            for name, values in table_values(labels, codebooks).items():
                store[name][first:last] = values  # type: ignore[index]


def _lazy(shape: tuple[int, ...], value: Any) -> Any:
    """Give an array of one value that is never computed, a step a chunk."""
    import dask.array as da

    full: Any = da.full
    return full(shape, value, dtype=value.dtype, chunks=(1, *shape[1:]))
