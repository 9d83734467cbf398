"""Label maps through time, as one CF netCDF file.

A file is what `fastkm.raster.labels.write_labels` would write, but that each step is a chunk, and that
writing it takes 8 ms for one step of 720 x 1440 cells, and 2 for each one more: level 1 of zlib,
without shuffling (which does nothing to single bytes), makes a file a quarter larger than level 4
and takes two thirds of its time.

Where every step has a codebook of its own, the centroids stand in variables along time in place of
attributes.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core.atomic_write import atomic_write
from fastkm._core.dask_blocks import synchronous_scheduler
from fastkm.raster.io.open import netcdf_lock
from fastkm.raster.labels import MISSING, labelled_dataset

if TYPE_CHECKING:
    import netCDF4
    import xarray as xr

    from fastkm.cluster.exact.result import KMeans1D

COMPRESSED = {"zlib": True, "complevel": 1, "shuffle": False}
"""See above."""

OF_ONE_CODEBOOK = ("centroids", "breaks", "inertia")
"""Attributes of labels that all steps share a codebook with."""

SPARE = 1 << 20
"""Bytes: with fewer left on a disk, that is why it cannot be written to."""


def write_label_series(
    labels: xr.DataArray,
    path: str | os.PathLike[str],
    *,
    source: str,
    history: str,
    inherited: Mapping[str, Any] | None = None,
    codebooks: Sequence[KMeans1D] | None = None,
) -> None:
    """Write the label maps of some steps of time as a CF netCDF file, whole or not at all.

    Parameters
    ----------
    labels : xarray.DataArray
        Dimensions (time, y, x), named and described as by `fastkm.raster.labels.label_raster`.
    path : path-like
        The file to write; one that exists is replaced.
    source, history : str
        Where the labels come from, and what was done.
    inherited : mapping, optional
        Global attributes of the file that the labels come from.
    codebooks : sequence of KMeans1D, optional
        One a step, all with as many clusters, where steps have their own: their centroids,
        breaks and inertia become variables along time.

    Raises
    ------
    OSError
        If the file cannot be written.
    ValueError
        If there are not three dimensions, or not one codebook a step.

    Examples
    --------
    >>> import tempfile, fastkm, xarray as xr
    >>> water = xr.DataArray([[[1.0, 2.0], [8.0, 9.0]]], {"time": [0]}, ("time", "y", "x"))
    >>> labels = fastkm.raster.labels.label_raster(water, fastkm.kmeans1d(water, 2))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_label_series(labels, f"{folder}/labels.nc", source="water", history="k = 2")
    ...     xr.load_dataset(f"{folder}/labels.nc").cluster.shape
    (1, 2, 2)
    """
    described = _described(labels, codebooks)
    dataset, encoding = labelled_dataset(described, source, history, inherited)
    if codebooks is not None:
        dataset = dataset.assign(_along_time(labels, codebooks))
        encoding |= {name: {"_FillValue": None} for name in tables(labels, codebooks[0].k)}
    encoding["cluster"] |= COMPRESSED | {"chunksizes": (1, *labels.shape[1:])}
    with atomic_write(path) as draft, named_errors(Path(path), draft), synchronous_scheduler():
        dataset.to_netcdf(draft, engine="netcdf4", encoding=encoding)


def join_label_series(
    parts: Sequence[str | os.PathLike[str]], path: str | os.PathLike[str]
) -> None:
    """Put the steps of several files into one, as if it had been written at once.

    One step is in memory at a time.

    Parameters
    ----------
    parts : sequence of path-like
        From `write_label_series`, in the order of time.
    path : path-like
        The file to write; one that exists is replaced. Its attributes are those of the first part.

    Raises
    ------
    OSError
        If a part cannot be read, or the file not be written.
    ValueError
        If there is no part, or one differs from the first in more than its steps.
    """
    if not parts:
        raise ValueError("parts must name at least one file, got none")
    with netcdf_lock():
        counts = []
        for part in parts:
            with _read(part) as file:
                counts.append(len(file.variables["cluster"]))
    with atomic_write(path) as draft, _written(draft, path) as made:
        start = 0
        for part, count in zip(parts, counts, strict=True):
            with _read(part) as file:
                time = file.variables["cluster"].dimensions[0]
                if start == 0:
                    _begin(made, file, time, sum(counts))
                _require_alike(made, file, time, part)
                for name, variable in file.variables.items():
                    if time in variable.dimensions:
                        for step in range(count):
                            made.variables[name][start + step] = variable[step]
            start += count


def _described(labels: xr.DataArray, codebooks: Sequence[KMeans1D] | None) -> xr.DataArray:
    """Check labels, and let their attributes not speak for other steps' codebooks."""
    if labels.ndim != 3:
        raise ValueError(f"labels must have dimensions (time, y, x), got {labels.dims}")
    if codebooks is None:
        return labels
    if len(codebooks) != len(labels) or len({codebook.k for codebook in codebooks}) != 1:
        raise ValueError(
            f"codebooks must be one a step, all of as many clusters, got {len(codebooks)} of "
            f"{sorted({codebook.k for codebook in codebooks})} clusters for {len(labels)} steps"
        )
    return without_codebook(labels, codebooks[0].k)


def without_codebook(labels: xr.DataArray, clusters: int) -> xr.DataArray:
    """Take the attributes away that speak of one codebook for all steps."""
    made = labels.copy(deep=False)
    made.attrs = {n: v for n, v in labels.attrs.items() if n not in OF_ONE_CODEBOOK}
    made.attrs["flag_meanings"] = " ".join(f"cluster_{number}" for number in range(clusters))
    made.encoding = labels.encoding
    return made


def tables(
    labels: xr.DataArray, clusters: int
) -> dict[str, tuple[tuple[str, ...], tuple[int, ...], dict[str, str]]]:
    """Give dimensions, sizes and attributes of what differs from step to step."""
    time, steps = str(labels.dims[0]), len(labels)
    units = {"units": str(labels.attrs.get("centroid_units", ""))}
    made: dict[str, tuple[tuple[str, ...], tuple[int, ...], dict[str, str]]] = {
        "centroids": ((time, "centroid"), (steps, clusters), {"long_name": "mean of cluster"}),
        "breaks": ((time, "break"), (steps, clusters - 1), {"long_name": "upper end of cluster"}),
    }
    if clusters == 1:  # a dimension of 0 would be an unlimited one
        del made["breaks"]
    if units["units"]:
        for _, _, attrs in made.values():
            attrs.update(units)
    made["inertia"] = ((time,), (steps,), {"long_name": "sum of squared distances to centroids"})
    return made


def table_values(labels: xr.DataArray, codebooks: Sequence[KMeans1D]) -> dict[str, np.ndarray]:
    """Give the values of these tables, float64."""
    return {
        name: np.array([getattr(codebook, name) for codebook in codebooks], np.float64)
        for name in tables(labels, codebooks[0].k)
    }


def _along_time(labels: xr.DataArray, codebooks: Sequence[KMeans1D]) -> dict[str, Any]:
    values = table_values(labels, codebooks)
    described = tables(labels, codebooks[0].k)
    return {name: (dims, values[name], attrs) for name, (dims, _, attrs) in described.items()}


def _define(made: netCDF4.Dataset, name: str, like: Any) -> None:
    """Define a variable like one of a part; that of the labels is compressed, a step a chunk."""
    options: dict[str, Any] = {}
    if name == "cluster":
        sizes = [made.dimensions[dim].size for dim in like.dimensions]
        options = {**COMPRESSED, "fill_value": MISSING, "chunksizes": (1, *sizes[1:])}
    variable = made.createVariable(name, like.dtype, like.dimensions, **options)
    variable.setncatts({n: v for n, v in like.__dict__.items() if n != "_FillValue"})
    if like.dtype is not str:
        variable.set_auto_maskandscale(False)


def _begin(made: netCDF4.Dataset, part: netCDF4.Dataset, time: str, steps: int) -> None:
    """Define what a part has, for all steps, and copy what does not go along time."""
    made.setncatts(part.__dict__)
    for dim, size in part.dimensions.items():
        made.createDimension(dim, steps if dim == time else size.size)
    for name, variable in part.variables.items():
        _define(made, name, variable)
        if time not in variable.dimensions:
            made.variables[name][...] = variable[...]


def _require_alike(
    made: netCDF4.Dataset, part: netCDF4.Dataset, time: str, path: str | os.PathLike[str]
) -> None:
    """Raise unless a part has the variables of the first one, but for its steps."""
    if set(part.variables) != set(made.variables):
        raise ValueError(f"{os.fspath(path)} does not hold the variables of the first part")
    for name, wanted in made.variables.items():
        own = part.variables[name]
        same = _text_of(own) == _text_of(wanted) and own.dimensions == wanted.dimensions
        if same and time not in own.dimensions:
            same = own.shape == wanted.shape and bool(np.all(own[...] == wanted[...]))
        if not same or own.shape[1:] != wanted.shape[1:]:
            raise ValueError(f"{name!r} in {os.fspath(path)} is not as in the first part")


def _text_of(variable: Any) -> tuple[str, str]:
    attrs = {name: np.asarray(value).tolist() for name, value in variable.__dict__.items()}
    return str(variable.dtype), repr(sorted(attrs.items()))


@contextmanager
def _read(path: str | os.PathLike[str]) -> Iterator[netCDF4.Dataset]:
    """Open a part as it is stored; every failure is an `OSError` that names it."""
    import netCDF4

    try:
        with netCDF4.Dataset(os.fspath(path)) as file:
            file.set_auto_maskandscale(False)
            yield file
    except (OSError, RuntimeError) as error:
        raise OSError(f"{os.fspath(path)} cannot be read: {error}") from error


@contextmanager
def _written(draft: Path, path: str | os.PathLike[str]) -> Iterator[netCDF4.Dataset]:
    """Create a file; no other thread uses the library meanwhile."""
    import netCDF4

    with named_errors(Path(path), draft), netcdf_lock(), netCDF4.Dataset(draft, "w") as file:
        yield file


@contextmanager
def named_errors(path: Path, draft: Path) -> Iterator[None]:
    """Say which file cannot be written, and that the disk is full where it is.

    The libraries of netCDF and HDF5 only say that something failed.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:
        free = shutil.disk_usage(draft.parent).free
        reason: Any = error.strerror if isinstance(error, OSError) and error.strerror else error
        reason = f"no space is left on the disk ({free} bytes)" if free < SPARE else reason
        if draft.is_file():  # HDF5 cannot close what it cannot write, and would hold the space
            os.truncate(draft, 0)
        raise OSError(f"{path} cannot be written: {reason}") from error
