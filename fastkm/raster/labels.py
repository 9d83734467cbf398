"""Label maps: a raster's clusters as a raster, with the attributes that CF gives to classes."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core.atomic_write import atomic_write
from fastkm._version import __version__
from fastkm.raster.grid.crs import carry_crs, grid_mapping

if TYPE_CHECKING:
    import xarray as xr

    from fastkm.cluster.exact.result import KMeans1D

MISSING = -1
"""The label of a missing cell."""


def label_raster(raster: xr.DataArray, codebook: KMeans1D) -> xr.DataArray:
    """Label the cells of a raster by cluster.

    Parameters
    ----------
    raster : xarray.DataArray
        The cells; missing ones get -1.
    codebook : KMeans1D
        A result of `fastkm.kmeans1d`.

    Returns
    -------
    xarray.DataArray
        Narrowest signed integers, named ``cluster``, with ``flag_values``, ``flag_meanings``,
        the centroids, and the coordinates of the raster.

    Examples
    --------
    >>> import fastkm, xarray as xr
    >>> raster = xr.DataArray([[1.0, 2.0], [8.0, 9.0]], attrs={"units": "kg m-2"})
    >>> labels = label_raster(raster, fastkm.kmeans1d(raster, 2))
    >>> labels.values.tolist(), labels.attrs["flag_meanings"]
    ([[0, 0], [1, 1]], 'around_1.5_kg_m-2 around_8.5_kg_m-2')
    """
    labels: xr.DataArray = codebook.predict(raster)
    units = str(raster.attrs.get("units", ""))
    what = raster.attrs.get("long_name", "values" if raster.name is None else raster.name)
    labels.name = "cluster"
    labels.attrs = {
        "long_name": f"cluster of {what}",
        "flag_values": np.arange(codebook.k, dtype=labels.dtype),
        "flag_meanings": " ".join(_meanings(codebook.centroids, units)),
        "centroids": codebook.centroids,
        "breaks": codebook.breaks,
        "centroid_units": units,
        "inertia": codebook.inertia,
    }
    return carry_crs(raster, labels)


def describe_labels(
    labels: xr.DataArray,
    what: str,
    names: Sequence[str],
    units: Sequence[str],
    centroids: np.ndarray,
) -> xr.DataArray:
    """Give labels of several bands their name and attributes.

    Parameters
    ----------
    labels : xarray.DataArray
        Dimensions (y, x); changed.
    what : str
        What was clustered.
    names, units : sequence of str
        One a band.
    centroids : (k, d) array
        In these units.

    Returns
    -------
    xarray.DataArray
        `labels`, named ``cluster``, with ``flag_values``, ``flag_meanings``, and the centroids of
        each band in an attribute of its own, because netCDF has no tables in attributes.
    """
    labels.name = "cluster"
    columns = {
        f"centroids_{word}": column
        for word, column in zip(attribute_words(names), centroids.T, strict=True)
    }
    labels.attrs = {
        "long_name": f"cluster of {what}",
        "flag_values": np.arange(len(centroids), dtype=labels.dtype),
        "flag_meanings": " ".join(_meanings_of_rows(centroids)),
        "bands": ", ".join(names),
        "centroid_units": ", ".join(unit or "1" for unit in units),
        **columns,
    }
    return labels


def attribute_words(names: Sequence[str]) -> list[str]:
    """Turn names of bands into words of letters, digits and underscores, no two alike.

    Examples
    --------
    >>> attribute_words(["2 m temperature", "2-m temperature"])
    ['2_m_temperature', '2_m_temperature_2']
    """
    words: list[str] = []
    for name in names:
        word = re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_") or "band"
        numbered = (f"{word}_{number}" for number in range(2, len(names) + 2))
        words.append(word if word not in words else next(w for w in numbered if w not in words))
    return words


def write_labels(
    labels: xr.DataArray,
    path: str | os.PathLike[str],
    *,
    source: str,
    history: str,
    inherited: Mapping[str, Any] | None = None,
) -> None:
    """Write a label map as a CF netCDF file, whole or not at all.

    Parameters
    ----------
    labels : xarray.DataArray
        From `label_raster`.
    path : path-like
        The file to write; one that exists is replaced.
    source, history : str
        Where the labels come from: the file and variable, and what was done.
    inherited : mapping, optional
        Global attributes of the file that the labels come from: they are kept, its own source
        and history behind the new ones.
    """
    dataset, encoding = labelled_dataset(labels, source, history, inherited)
    with atomic_write(path) as draft:
        dataset.to_netcdf(draft, engine="netcdf4", encoding=encoding)


def labelled_dataset(
    labels: xr.DataArray, source: str, history: str, inherited: Mapping[str, Any] | None
) -> tuple[xr.Dataset, dict[str, dict[str, object]]]:
    """Give what a file of labels holds, and how each variable is stored; see `write_labels`."""
    dataset = labels.to_dataset()
    old = dict(inherited or {})
    dataset.attrs = {
        **old,
        "Conventions": "CF-1.8",
        "title": str(labels.attrs["long_name"]),
        "source": "; ".join([source, *_text(old, "source")]),
        "history": "\n".join([f"fastkm {__version__}: {history}", *_text(old, "history")]),
    }
    for name in labels.coords:  # the limits are not among the coordinates, so do not name them
        dataset[name].attrs.pop("bounds", None)
        dataset[name].attrs.pop("climatology", None)
    crs = grid_mapping(labels)
    if crs is not None:
        dataset["cluster"].attrs["grid_mapping"] = crs
    encoding: dict[str, dict[str, object]] = {
        "cluster": {"_FillValue": labels.dtype.type(MISSING), "zlib": True},
        **{str(name): _coordinate_encoding(labels[name]) for name in labels.coords},
    }
    return dataset, encoding


def _text(attributes: Mapping[str, Any], name: str) -> list[str]:
    return [str(attributes[name])] if name in attributes else []


def _coordinate_encoding(coordinate: xr.DataArray) -> dict[str, Any]:
    """Store a coordinate as its file did; coordinates have no missing cells."""
    kept = {n: v for n, v in coordinate.encoding.items() if n in {"units", "calendar", "dtype"}}
    return {**kept, "_FillValue": None}


def _meanings(centroids: np.ndarray, units: str) -> list[str]:
    """Name clusters in one word each of the letters that CF allows, with the digits it takes."""
    for digits in range(4, 18):
        words = [f"around_{centroid:.{digits}g}_{units}" for centroid in centroids]
        if len(set(words)) == len(words):
            break
    return [re.sub(r"[^A-Za-z0-9_.+@-]+", "_", word).strip("_") for word in words]


def _meanings_of_rows(centroids: np.ndarray) -> list[str]:
    """Name clusters of several bands by their centroids, with the digits it takes."""
    for digits in range(4, 18):
        words = ["_".join(f"{number:.{digits}g}" for number in row) for row in centroids]
        if len(set(words)) == len(words):
            break
    return [f"around_{word}" for word in words]
