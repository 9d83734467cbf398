"""Write a label map as a CF netCDF file."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core.atomic_write import atomic_write
from fastkm._core.attributes import find_grid_mapping
from fastkm._core.cf_rules import LIMITS
from fastkm._version import __version__
from fastkm.cluster.codebook import MISSING
from fastkm.raster.grid.axes import has_dates
from fastkm.raster.io.decode_times import drop_unknown_dates
from fastkm.raster.io.open import netcdf_lock, open_netcdf4
from fastkm.raster.labels import Box, WriteBlock, write_cells

if TYPE_CHECKING:
    import xarray as xr

CHUNK = 1024
"""Rows and columns of a chunk, at most."""

LEVEL = 1
"""Level of compression; see `fastkm.raster.io.write_netcdf_series`."""

CHECKED_TOGETHER = 1 << 22
"""Numbers that are read at a time when a file is checked."""


def write_labels(
    labels: xr.DataArray,
    path: str | os.PathLike[str],
    *,
    source: str,
    history: str,
    inherited: Mapping[str, Any] | None = None,
) -> None:
    """Write a label map as a CF netCDF file, whole or not at all; one that exists is replaced.

    Parameters
    ----------
    labels : xarray.DataArray
        From `fastkm.cluster_raster` or `fastkm.raster.labels.label_raster`.
    source, history : str
        Where the labels come from: the file and variable, and what was done.
    inherited : mapping, optional
        Global attributes of the file that the labels come from: they are kept, its own source
        and history behind the new ones.
    """
    file = open_label_netcdf(labels, path, source=source, history=history, inherited=inherited)
    write_cells(labels, file)


@contextmanager
def open_label_netcdf(
    labels: xr.DataArray,
    path: str | os.PathLike[str],
    *,
    source: str,
    history: str,
    inherited: Mapping[str, Any] | None = None,
) -> Iterator[WriteBlock]:
    """Yield a function that writes the blocks of a label map, of which only metadata is used here.

    Parameters are those of `write_labels`.
    """
    dataset, encoding = make_label_dataset(labels, source, history, inherited)
    stored = dataset["cluster"]
    own = encoding.pop("cluster")
    with atomic_write(path, check_netcdf) as draft:
        write_dataset(dataset.drop_vars("cluster"), draft, encoding)
        with open_netcdf4(draft, "a") as file:
            with netcdf_lock():
                variable = _define_labels(file, stored, own["_FillValue"])

            def write(box: Box, block: np.ndarray) -> None:
                with netcdf_lock():
                    variable[box] = block

            yield write


def write_dataset(
    dataset: xr.Dataset, path: str | os.PathLike[str], encoding: Mapping[str, Any]
) -> None:
    """Write a small dataset as a netCDF file.

    Its method ``to_netcdf`` loads dask and distributed, 0.4 s, to choose a lock of theirs. On a
    worker it takes one from the scheduler: four messages, 15 ms in all.
    """
    from xarray.backends import NetCDF4DataStore

    kind: Any = NetCDF4DataStore
    loaded = dataset.compute()
    with open_netcdf4(path, "w") as file, netcdf_lock():
        loaded.dump_to_store(kind(file, mode="w", lock=False), encoding=encoding)


def _define_labels(file: Any, labels: xr.DataArray, missing: Any) -> Any:
    """Define the variable of labels in a file that has its coordinates."""
    for dim, size in labels.sizes.items():
        if dim not in file.dimensions:
            file.createDimension(dim, size)
    chunks = [min(size, CHUNK) for size in labels.shape]
    variable = file.createVariable(
        "cluster", labels.dtype, labels.dims, zlib=True, complevel=LEVEL, shuffle=False,
        chunksizes=chunks, fill_value=missing,
    )  # fmt: skip
    # so that chunks are compressed once, when they are whole: blocks may end within them
    counts = [math.ceil(size / chunk) for size, chunk in zip(labels.shape, chunks, strict=True)]
    row = math.prod(counts[1:])
    size = row * math.prod(chunks) * labels.dtype.itemsize
    variable.set_var_chunk_cache(size=size, nelems=100 * row + 1)
    variable.set_auto_maskandscale(False)
    variable.setncatts(labels.attrs)
    if "coordinates" in file.ncattrs():  # xarray has not seen the labels, to which they belong
        names = file.coordinates.split(" ")
        del file.coordinates
        names = [name for name in names if name != labels.attrs.get("grid_mapping")]
        if names:
            variable.coordinates = " ".join(names)
    return variable


def check_netcdf(path: str | os.PathLike[str]) -> None:
    """Read all numbers of a netCDF file, some megabytes at a time; raise if some cannot be read."""
    with open_netcdf4(path) as file, netcdf_lock():
        file.set_auto_maskandscale(False)
        for variable in file.variables.values():
            if not variable.ndim:
                variable[...]
                continue
            chunks = variable.chunking()
            least = 1 if chunks == "contiguous" else chunks[0]
            step = max(least, CHECKED_TOGETHER // max(1, math.prod(variable.shape[1:])))
            for first in range(0, variable.shape[0], step):
                variable[first : first + step]


def make_label_dataset(
    labels: xr.DataArray, source: str, history: str, inherited: Mapping[str, Any] | None
) -> tuple[xr.Dataset, dict[str, dict[str, object]]]:
    """Return the dataset of a file of labels, and the encoding of its variables."""
    labels = drop_unknown_dates(labels)
    dataset = labels.to_dataset()
    old = dict(inherited or {})
    older = {name: [str(old[name])] if name in old else [] for name in ("source", "history")}
    dataset.attrs = {
        **old,
        "Conventions": "CF-1.8",
        "title": str(labels.attrs["long_name"]),
        "source": "; ".join([source, *older["source"]]),
        "history": "\n".join([f"fastkm {__version__}: {history}", *older["history"]]),
    }
    crs = find_grid_mapping(labels)
    encoding: dict[str, dict[str, object]] = {
        "cluster": {"_FillValue": labels.dtype.type(MISSING), "zlib": True}
    }
    for key in labels.coords:
        name = str(key)
        encoding[name] = _choose_encoding(labels[name])
        dataset[name].attrs = _adapt_attributes(labels[name], encoding[name].get("dtype"))
        if name != crs and not {"standard_name", "long_name"} & set(dataset[name].attrs):
            dataset[name].attrs["long_name"] = name
    if crs is not None:
        dataset["cluster"].attrs["grid_mapping"] = crs
    return dataset, encoding


def _choose_encoding(coordinate: xr.DataArray) -> dict[str, Any]:
    """Choose how to store a coordinate: as its file did, in a type that CF 1.8 has.

    Coordinates have no missing cells.
    """
    stored = coordinate.encoding
    names = {"units", "calendar"} | ({"dtype"} if "scale_factor" not in stored else set())
    encoding = {**{n: v for n, v in stored.items() if n in names}, "_FillValue": None}
    dtype = _choose_cf_type(coordinate, np.dtype(encoding.get("dtype", coordinate.dtype)))
    return encoding if dtype is None else {**encoding, "dtype": dtype}


def _choose_cf_type(coordinate: xr.DataArray, dtype: np.dtype) -> np.dtype | None:
    """Choose a type that CF 1.8 has for numbers of a type that it has not; None for others.

    It has neither unsigned integers nor those of 64 bits. Dates become float64 whatever they are,
    because the parts of a series of files have to have one type.
    """
    if dtype.kind not in "iumMO" or (dtype.kind == "i" and dtype.itemsize < 8):
        return None
    if has_dates(coordinate) or coordinate.dtype.kind == "m":
        return np.dtype(np.float64)
    if dtype.kind == "O":  # texts
        return None
    numbers = coordinate.values
    kinds = map(np.dtype, (np.int32, np.float64))
    return next((kind for kind in kinds if _holds_exactly(kind, numbers)), None)


def _holds_exactly(dtype: np.dtype, numbers: np.ndarray) -> bool:
    """Return True if a type holds all numbers of another type exactly."""
    with np.errstate(invalid="ignore"):
        back = numbers.astype(dtype).astype(numbers.dtype)
    return np.array_equal(back, numbers, equal_nan=numbers.dtype.kind == "f")


def _adapt_attributes(coordinate: xr.DataArray, dtype: Any) -> dict[Any, Any]:
    """Return the attributes of a coordinate as they hold in a file of labels.

    The file does not hold limits of cells, so they are not named, and perhaps not all cells. Limits
    of values have the type in which the values are stored.
    """
    attrs = dict(coordinate.attrs)
    for name in ("bounds", "climatology", "actual_range"):
        attrs.pop(name, None)
    for name in LIMITS:
        if dtype is not None and np.asarray(attrs.get(name)).dtype.kind in "iuf":
            attrs[name] = np.asarray(attrs[name]).astype(dtype)
    return attrs
