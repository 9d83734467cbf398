"""Write the label maps of a series as one CF netCDF file.

The file is the one that `fastkm.raster.io.write_netcdf.write_labels` would write, except that each
step is a chunk and compression is faster. To write one step of 720 x 1440 cells takes 8 ms, and
each further one 2 ms: level 1 of zlib, without shuffling (which changes nothing for single bytes),
makes a file a quarter larger than level 4 and takes two thirds of its time.

If every step has its own codebook, the centroids are variables along time instead of attributes.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core.atomic_write import atomic_write
from fastkm.cluster.codebook import MISSING
from fastkm.raster.io.open import netcdf_lock, open_netcdf4
from fastkm.raster.io.write_netcdf import check_netcdf, make_label_dataset, write_dataset

if TYPE_CHECKING:
    import netCDF4
    import xarray as xr

    from fastkm.cluster.exact.result import KMeans1D

COMPRESSION = {"zlib": True, "complevel": 1, "shuffle": False}
"""Options of netCDF; see above for the reason."""

CODEBOOK_ATTRIBUTES = ("centroids", "breaks", "inertia")
"""Attributes of labels that describe one codebook for all steps."""


def write_label_series(
    labels: xr.DataArray,
    path: str | os.PathLike[str],
    *,
    source: str,
    history: str,
    inherited: Mapping[str, Any] | None = None,
    codebooks: Sequence[KMeans1D] | None = None,
) -> None:
    """Write the label maps of some steps of time, (time, y, x), as a CF netCDF file.

    The parameters are those of `fastkm.raster.io.write_netcdf.write_labels`. If each step has its
    own codebook, all with the same number of clusters, the centroids, breaks and inertia of
    `codebooks` become variables along time.

    Raises
    ------
    OSError
        If the file cannot be written.
    ValueError
        If there are not three dimensions, or not one codebook per step.

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
    described = _prepare_labels(labels, codebooks)
    dataset, encoding = make_label_dataset(described, source, history, inherited)
    if codebooks is not None:
        values = collect_codebook_values(labels, codebooks)
        for name, (dims, _, attrs) in describe_codebook_variables(labels, codebooks[0].k).items():
            dataset[name] = (dims, values[name], attrs)
            encoding[name] = {"_FillValue": None}
    encoding["cluster"] |= COMPRESSION | {"chunksizes": (1, *labels.shape[1:])}
    with atomic_write(path, check_netcdf) as draft:
        write_dataset(dataset, draft, encoding)


def join_label_series(
    parts: Sequence[str | os.PathLike[str]], path: str | os.PathLike[str]
) -> None:
    """Join the steps of several files into one file, as if it had been written at once.

    The parts are files of `write_label_series`, in the order of time. One step is in memory at a
    time. The attributes of the file are those of the first part.

    Raises
    ------
    OSError
        If a part cannot be read, or the file cannot be written.
    ValueError
        If there is no part, or one differs from the first in more than its steps.
    """
    if not parts:
        raise ValueError("parts must name at least one file, got none")
    # count all steps first, because the size of the dimension has to be known
    counts = []
    for part in parts:
        with _open_part(part) as file:
            counts.append(len(file.variables["cluster"]))
    with atomic_write(path, check_netcdf) as draft, open_netcdf4(draft, "w") as target:
        start = 0
        for part, count in zip(parts, counts, strict=True):
            with _open_part(part) as file:
                time = file.variables["cluster"].dimensions[0]
                if start == 0:
                    _define_file(target, file, time, sum(counts))
                _require_same_variables(target, file, time, part)
                for name, variable in file.variables.items():
                    if time in variable.dimensions:
                        before = (slice(None),) * variable.dimensions.index(time)
                        for step in range(count):
                            target.variables[name][*before, start + step] = variable[*before, step]
            start += count


@contextmanager
def add_step_variable(
    path: str | os.PathLike[str], name: str, attrs: Mapping[str, str]
) -> Iterator[netCDF4.Variable[Any]]:
    """Yield a new variable beside the label maps of a file, to fill it: int32, -1 elsewhere.

    The file gets it when it is filled; until then, it stays as it is.

    Raises
    ------
    OSError
        If the file cannot be read, or written.
    """
    with atomic_write(path, check_netcdf) as draft:
        shutil.copyfile(path, draft)
        with open_netcdf4(draft, "a") as file:
            with netcdf_lock():
                labels = file.variables["cluster"]
                options: dict[str, Any] = {**COMPRESSION, "shuffle": True}
                made = file.createVariable(
                    name, np.int32, labels.dimensions, fill_value=np.int32(-1),
                    chunksizes=(1, *labels.shape[1:]), **options,
                )  # fmt: skip
                of_place = sorted({"grid_mapping", "coordinates"} & set(labels.ncattrs()))
                made.setncatts({**attrs, **{own: labels.getncattr(own) for own in of_place}})
                made.set_auto_maskandscale(False)
            yield made


def _prepare_labels(labels: xr.DataArray, codebooks: Sequence[KMeans1D] | None) -> xr.DataArray:
    """Check labels, and drop their codebook's attributes if each step has a codebook."""
    if labels.ndim != 3:
        raise ValueError(f"labels must have dimensions (time, y, x), got {labels.dims}")
    if codebooks is None:
        return labels
    if len(codebooks) != len(labels) or len({codebook.k for codebook in codebooks}) != 1:
        raise ValueError(
            f"codebooks must be one a step, all of as many clusters, got {len(codebooks)} of "
            f"{sorted({codebook.k for codebook in codebooks})} clusters for {len(labels)} steps"
        )
    return drop_codebook_attributes(labels, codebooks[0].k)


def drop_codebook_attributes(labels: xr.DataArray, clusters: int) -> xr.DataArray:
    """Drop the attributes that describe one codebook for all steps."""
    made = labels.copy(deep=False)
    made.attrs = {n: v for n, v in labels.attrs.items() if n not in CODEBOOK_ATTRIBUTES}
    made.attrs["flag_meanings"] = " ".join(f"cluster_{number}" for number in range(clusters))
    made.encoding = labels.encoding
    return made


def describe_codebook_variables(
    labels: xr.DataArray, clusters: int
) -> dict[str, tuple[tuple[str, ...], tuple[int, ...], dict[str, str]]]:
    """Return the dimensions, sizes and attributes of the variables that hold the codebooks.

    Time is their last dimension, because CF recommends to put all others before it.
    """
    time, steps = str(labels.dims[0]), len(labels)
    units = str(labels.attrs.get("centroid_units", ""))
    own = {"units": units} if units else {}
    mean = {"long_name": "mean of cluster", **own}
    upper_end = {"long_name": "upper end of cluster", **own}
    squares = {"long_name": "sum of squared distances to centroids"}
    made: dict[str, tuple[tuple[str, ...], tuple[int, ...], dict[str, str]]] = {}
    made["centroids"] = (("centroid", time), (clusters, steps), mean)
    if clusters > 1:  # a dimension of 0 would be an unlimited one
        made["breaks"] = (("break", time), (clusters - 1, steps), upper_end)
    made["inertia"] = ((time,), (steps,), squares)
    return made


def collect_codebook_values(
    labels: xr.DataArray, codebooks: Sequence[KMeans1D]
) -> dict[str, np.ndarray]:
    """Return the float64 values of the variables that hold the codebooks."""
    return {
        name: np.array([getattr(codebook, name) for codebook in codebooks], np.float64).T
        for name in describe_codebook_variables(labels, codebooks[0].k)
    }


def _define_file(target: netCDF4.Dataset, part: netCDF4.Dataset, time: str, steps: int) -> None:
    """Define the variables of a part for all steps, and copy those without time."""
    target.setncatts(part.__dict__)
    for dim, size in part.dimensions.items():
        target.createDimension(dim, steps if dim == time else size.size)
    for name, variable in part.variables.items():
        options: dict[str, Any] = {}
        if name == "cluster":
            options = {**COMPRESSION, "fill_value": MISSING, "chunksizes": (1, *variable.shape[1:])}
        copy = target.createVariable(name, variable.dtype, variable.dimensions, **options)
        copy.setncatts({n: v for n, v in variable.__dict__.items() if n != "_FillValue"})
        if variable.dtype is not str:
            copy.set_auto_maskandscale(False)
        if time not in variable.dimensions:
            copy[...] = variable[...]


def _require_same_variables(
    target: netCDF4.Dataset, part: netCDF4.Dataset, time: str, path: str | os.PathLike[str]
) -> None:
    """Raise unless a part has the variables of the first part; only its steps may differ."""
    if set(part.variables) != set(target.variables):
        raise ValueError(f"{os.fspath(path)} does not hold the variables of the first part")
    for name, wanted in target.variables.items():
        own = part.variables[name]
        same = _describe_variable(own) == _describe_variable(wanted)
        if same and time not in own.dimensions:
            same = own.shape == wanted.shape and bool(np.all(own[...] == wanted[...]))
        sizes = [
            {d: n for d, n in zip(v.dimensions, v.shape, strict=True) if d != time}
            for v in (own, wanted)
        ]
        if not same or sizes[0] != sizes[1]:
            raise ValueError(f"{name!r} in {os.fspath(path)} is not as in the first part")


def _describe_variable(variable: Any) -> tuple[Any, ...]:
    attrs = {name: np.asarray(value).tolist() for name, value in variable.__dict__.items()}
    return variable.dimensions, str(variable.dtype), repr(sorted(attrs.items()))


@contextmanager
def _open_part(path: str | os.PathLike[str]) -> Iterator[netCDF4.Dataset]:
    """Open a part, with numbers as stored; every failure is an `OSError` that names it."""
    try:
        with open_netcdf4(path) as file, netcdf_lock():
            file.set_auto_maskandscale(False)
            yield file
    except (OSError, RuntimeError) as error:
        raise OSError(f"{os.fspath(path)} cannot be read: {error}") from error
