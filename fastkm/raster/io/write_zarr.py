"""Write a label map, or those of a series, as a Zarr store, which many processes can fill.

The store is first created with every cell missing; then each process writes its steps. A chunk is
one step, so no two processes share one, and they need not wait for each other. The store is of
format 2, which more programs read than format 3.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core.atomic_write import atomic_write, explain_write_errors
from fastkm._core.attributes import carry_crs
from fastkm.cluster.codebook import MISSING
from fastkm.cluster.streaming.arrays import is_lazy
from fastkm.raster.io.write_netcdf import make_label_dataset
from fastkm.raster.io.write_netcdf_series import (
    collect_codebook_values,
    describe_codebook_variables,
    drop_codebook_attributes,
)

if TYPE_CHECKING:
    import xarray as xr

    from fastkm.cluster.exact.result import KMeans1D
    from fastkm.raster.labels import Box, WriteBlock

CHUNK = 1024
"""Rows and columns of a chunk of a map in memory, at most."""


def create_label_store(
    path: str | os.PathLike[str],
    labels: xr.DataArray,
    times: xr.DataArray,
    *,
    source: str,
    history: str,
    inherited: Mapping[str, Any] | None = None,
    clusters: int | None = None,
    beside: Mapping[str, Mapping[str, str]] | None = None,
) -> None:
    """Create a Zarr store for the label maps of all steps, in which every cell is missing.

    Parameters
    ----------
    labels : xarray.DataArray
        Labels of one step, (y, x), or of some, (time, y, x), described as by
        `fastkm.raster.labels.label_raster`: all steps get their type, attributes and coordinates.
    times : xarray.DataArray
        The time coordinate of all steps; see `RasterSeries.make_time_coordinate`.
    source, history, inherited
        As for `fastkm.raster.io.write_netcdf.write_labels`.
    clusters : int, optional
        Number of clusters of each step, if each step has its own codebook.
    beside : mapping, optional
        The names and attributes of further variables, int32, -1 until they are filled.

    Raises
    ------
    FileExistsError
        If there is something at `path`.
    OSError
        If it cannot be written.
    ImportError
        If zarr or dask, of the extra ``archive``, is not installed.
    """
    _require_zarr()
    import xarray as xr

    # describe the labels of all steps by those of one
    target = Path(path)
    if target.exists():
        raise FileExistsError(f"{target} exists already")
    plane = labels
    if labels.ndim == 3:
        plane = labels[0].drop_vars(str(labels.dims[0]), errors="ignore")
    time = str(times.name)
    shape = (times.size, *plane.shape)
    whole = xr.DataArray(
        _make_lazy(shape, (1, *plane.shape), labels.dtype.type(MISSING)),
        {**plane.coords, time: times},
        (time, *plane.dims),
        plane.name,
        dict(plane.attrs),
    )
    whole[time].encoding = times.encoding
    whole = carry_crs(labels, whole)
    described = whole if clusters is None else drop_codebook_attributes(whole, clusters)
    dataset, encoding = make_label_dataset(described, source, history, inherited)
    encoding["cluster"] = {"_FillValue": encoding["cluster"]["_FillValue"]}
    if clusters is not None:
        described_variables = describe_codebook_variables(whole, clusters)
        for name, (dims, sizes, attrs) in described_variables.items():
            dataset[name] = (dims, _make_lazy(sizes, (*sizes[:-1], 1), np.float64(np.nan)), attrs)
    for name, described_as in (beside or {}).items():
        empty = _make_lazy(shape, (1, *plane.shape), np.int32(-1))
        dataset[name] = (whole.dims, empty, dict(described_as))
        encoding[name] = {"_FillValue": np.int32(-1)}
    with atomic_write(path, _check_store) as draft:
        _create(dataset, encoding, draft)


@contextmanager
def open_label_zarr(
    labels: xr.DataArray,
    path: str | os.PathLike[str],
    *,
    source: str,
    history: str,
    inherited: Mapping[str, Any] | None = None,
) -> Iterator[WriteBlock]:
    """Yield a function that writes the blocks of a label map, (y, x), to a Zarr store.

    Only the metadata of `labels` is used here, and the chunks of lazy ones. The parameters are those
    of `fastkm.raster.io.write_netcdf.write_labels`; a store that exists is replaced.

    Raises
    ------
    ImportError
        If zarr, of the extra ``archive``, is not installed.
    """
    _require_zarr()
    import zarr

    dataset, encoding = make_label_dataset(labels, source, history, inherited)
    encoding["cluster"] = {"_FillValue": encoding["cluster"]["_FillValue"]}
    chunks = tuple(min(size, CHUNK) for size in labels.shape)
    if is_lazy(labels.data):  # so that each block is some chunks
        chunks = tuple(int(lengths[0]) for lengths in labels.data.chunks)
    empty = _make_lazy(labels.shape, chunks, labels.dtype.type(MISSING))
    dataset["cluster"] = dataset["cluster"].copy(data=empty)
    with atomic_write(path, _check_store) as draft:
        _create(dataset, encoding, draft)
        stored: Any = zarr.open_group(draft, mode="r+", use_consolidated=False)["cluster"]

        def write(box: Box, block: np.ndarray) -> None:
            stored[box] = block

        yield write


def _require_zarr() -> None:
    """Raise an ImportError that says what to install if zarr is not there."""
    try:
        import zarr  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "a Zarr store of labels needs zarr: pip install 'fastkm[archive]'"
        ) from error


def _create(dataset: xr.Dataset, encoding: Mapping[str, Any], draft: Path) -> None:
    """Create a store with all metadata and coordinates, but without the values of lazy variables."""
    dataset.to_zarr(
        draft, mode="w", compute=False, zarr_format=2, consolidated=True, encoding=encoding
    )


def write_label_steps(
    path: str | os.PathLike[str],
    labels: xr.DataArray,
    first: int,
    *,
    codebooks: Sequence[KMeans1D] | None = None,
) -> None:
    """Write the label maps of some steps, (time, y, x), into a store of `create_label_store`.

    `first` is the position of their first step in the store; other processes may write other steps
    at the same time. There is a codebook for each step if the store was created with `clusters`.

    Raises
    ------
    OSError
        If the store cannot be written to.
    ValueError
        If the labels do not fit into it.
    """
    import zarr

    with explain_write_errors(Path(path), Path(path)):
        store = zarr.open_group(path, mode="r+", use_consolidated=False)
        stored: Any = store["cluster"]
        last = first + len(labels)
        fits = labels.shape[1:] == stored.shape[1:] and labels.dtype == stored.dtype
        if not (fits and first >= 0 and last <= stored.shape[0]):
            raise ValueError(
                f"labels of steps {first} to {last - 1}, shape {labels.shape}, {labels.dtype}, do "
                f"not fit into {os.fspath(path)}: shape {stored.shape}, {stored.dtype}"
            )
        values = {"cluster": labels.values}
        if codebooks is not None:
            values |= collect_codebook_values(labels, codebooks)
        for name, numbers in values.items():
            own: Any = store[name]
            steps = np.s_[first:last] if name == "cluster" else np.s_[..., first:last]
            own[steps] = numbers
            if not np.array_equal(own[steps], numbers, equal_nan=own.dtype.kind == "f"):
                raise OSError(f"{name!r} holds other numbers than were written")


def _check_store(path: Path) -> None:
    """Raise unless the coordinates of a store, and a step of it, can be read."""
    import zarr

    for _, array in zarr.open_group(path, mode="r").arrays():
        array[:1] if array.ndim > 1 else array[...]


def _make_lazy(shape: tuple[int, ...], chunks: tuple[int, ...], value: Any) -> Any:
    """Make an array of one value that is never computed, in chunks."""
    import dask.array as da

    full: Any = da.full
    return full(shape, value, dtype=value.dtype, chunks=chunks)
