"""Label maps through time, step by step: what xarray holds, or what else reads them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastkm._core import validation
from fastkm.raster.change.label_steps import cut_steps
from fastkm.raster.grid.axes import find_stack_axes

if TYPE_CHECKING:
    import xarray as xr


class Step(NamedTuple):
    """One step: its time and labels, and the raster that they come from or what is outlined already.

    `outlined` are columns of the outlines of the cluster, and ``region``, their numbers by first cell.
    """

    time: Any
    labels: xr.DataArray
    values: xr.DataArray | None = None
    outlined: dict[str, np.ndarray] | None = None


def find_time_axis(labels: Any) -> str:
    """Return the dimension of labels that is neither rows nor columns."""
    import xarray as xr

    if not isinstance(labels, xr.DataArray):
        raise TypeError(f"labels must be an xarray.DataArray, got {type(labels).__name__}")
    time = find_stack_axes(labels).band
    if time is None:
        raise ValueError(
            f"labels must have a dimension of time, rows and columns, got {labels.dims}"
        )
    return time


def find_cluster(labels: xr.DataArray, cluster: Any) -> int:
    """Return the number of a cluster that may be named "highest" or "lowest"."""
    if isinstance(cluster, int | np.integer) and not isinstance(cluster, bool) and cluster >= 0:
        return int(cluster)
    if not (isinstance(cluster, str) and cluster in {"highest", "lowest"}):
        raise ValueError(
            f"cluster must be 'highest', 'lowest' or a whole number of at least 0, got {cluster!r}"
        )
    best = max if cluster == "highest" else min
    flags = np.atleast_1d(labels.attrs.get("flag_values", []))
    if flags.size:
        return int(best(flags[flags >= 0].tolist(), default=0))
    # one pass over the labels
    number = -1
    for step in iterate_steps(labels, None, find_time_axis(labels)):
        cells, missing = validation.as_values_and_mask(step.labels, "labels")
        real = cells[cells >= 0 if missing is None else (cells >= 0) & ~missing]
        if real.size:
            own = int(real.max() if cluster == "highest" else real.min())
            number = own if number < 0 else best(number, own)
    return max(number, 0)  # any cluster, if all cells are missing


def iterate_steps(labels: xr.DataArray, values: xr.DataArray | None, time: str) -> Iterator[Step]:
    """Yield the steps of an array; those of a lazy one are read by chunks."""
    times = labels[time].values if time in labels.coords else np.arange(labels.sizes[time])
    for first, stop in cut_steps(labels.transpose(time, ...)) if len(times) else ():
        window = {time: slice(first, stop)}
        some = labels.isel(window).compute()
        own = None if values is None else values.isel(window).compute()
        for number in range(stop - first):
            at = {time: number}
            raster = None if own is None else own.isel(at, drop=True)
            yield Step(times[first + number], some.isel(at, drop=True), raster)


def require_aligned(values: Any, labels: xr.DataArray) -> None:
    """Raise unless values are on the grid and at the times of the labels."""
    import xarray as xr

    if not isinstance(values, xr.DataArray):
        raise TypeError(f"values must be an xarray.DataArray, got {type(values).__name__}")
    if dict(values.sizes) != dict(labels.sizes):
        raise ValueError(
            f"values must have the dimensions of the labels, {dict(labels.sizes)}, "
            f"got {dict(values.sizes)}"
        )
    for dim in labels.dims:
        both = dim in labels.coords and dim in values.coords
        if both and not np.array_equal(values[dim].values, labels[dim].values):
            raise ValueError(f"values must be on the grid of the labels, but {dim!r} differs")
