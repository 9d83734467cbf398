"""Write a label map as a CF netCDF file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fastkm._core.atomic_write import atomic_write
from fastkm._version import __version__
from fastkm.cluster.codebook import MISSING
from fastkm.raster.grid.crs import find_grid_mapping

if TYPE_CHECKING:
    import xarray as xr


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
    dataset, encoding = make_label_dataset(labels, source, history, inherited)
    with atomic_write(path) as draft:
        dataset.to_netcdf(draft, engine="netcdf4", encoding=encoding)


def make_label_dataset(
    labels: xr.DataArray, source: str, history: str, inherited: Mapping[str, Any] | None
) -> tuple[xr.Dataset, dict[str, dict[str, object]]]:
    """Return the dataset of a file of labels, and the encoding of its variables."""
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
    for coordinate in labels.coords:  # the file does not hold limits of cells: do not name them
        dataset[coordinate].attrs.pop("bounds", None)
        dataset[coordinate].attrs.pop("climatology", None)
    crs = find_grid_mapping(labels)
    if crs is not None:
        dataset["cluster"].attrs["grid_mapping"] = crs
    encoding: dict[str, dict[str, object]] = {
        "cluster": {"_FillValue": labels.dtype.type(MISSING), "zlib": True},
        **{str(name): _choose_encoding(labels[name]) for name in labels.coords},
    }
    return dataset, encoding


def _choose_encoding(coordinate: xr.DataArray) -> dict[str, Any]:
    """Choose how to store a coordinate: as its file did; coordinates have no missing cells."""
    kept = {n: v for n, v in coordinate.encoding.items() if n in {"units", "calendar", "dtype"}}
    return {**kept, "_FillValue": None}
