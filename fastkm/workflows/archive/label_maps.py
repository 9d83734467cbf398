"""The label maps of an archive: made of a step, written for a part, and the store for all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from fastkm.cluster.exact.kmeans1d import kmeans1d
from fastkm.cluster.exact.result import KMeans1D
from fastkm.raster.io.write_netcdf_series import write_label_series
from fastkm.raster.io.write_zarr import create_label_store, write_label_region
from fastkm.raster.labels import label_raster

if TYPE_CHECKING:
    import xarray as xr

    from fastkm.raster.multifile.series import Archive
    from fastkm.workflows.archive.fit import Codebook


def labelled(raster: Any, codebook: Codebook) -> xr.DataArray:
    """Label a step: a raster, or a dataset of several variables."""
    if not isinstance(codebook, KMeans1D):
        return codebook.predict(raster)
    labels = label_raster(raster, codebook)
    del labels.attrs["inertia"]  # it is not that of one step
    return labels


def write_part(
    archive: Archive,
    maps: Sequence[xr.DataArray],
    path: Path,
    *,
    numbers: Sequence[int],
    codebooks: Sequence[Codebook] | None,
    history: str,
) -> None:
    """Write the label maps of a part to a file, or into the store of all.

    Parameters
    ----------
    archive : Archive
        The steps that have label maps.
    maps : sequence of DataArray
        One a step.
    path : Path
        A .nc file, or a Zarr store that exists.
    numbers : sequence of int
        Where the steps are in the store.
    codebooks : sequence of KMeans1D, optional
        One a step, where steps have their own.
    history : str
        What was done.
    """
    import xarray as xr

    labels = xr.concat(list(maps), archive.times(), combine_attrs="override")
    own = None if codebooks is None else [one for one in codebooks if isinstance(one, KMeans1D)]
    if path.suffix == ".nc":
        write_label_series(labels, path, source=_source(archive), history=history, codebooks=own)
        return
    for i, number in enumerate(numbers):
        mine = None if own is None else own[i : i + 1]
        write_label_region(path, labels[i : i + 1], number, codebooks=mine)


def create_store(path: Path, archive: Archive, codebook: Codebook | int, history: str) -> None:
    """Create the store for the label maps of all steps."""
    import xarray as xr

    plane, clusters = archive.template(), None
    if isinstance(codebook, int):
        clusters = codebook
        codebook = cast("KMeans1D", kmeans1d(np.arange(clusters), clusters))
    nothing = plane.astype(np.float32).where(False)
    layers = {
        name: nothing.rename(name).assign_attrs(units=units)
        for name, units in zip(archive.variables, archive.units, strict=True)
    }
    raster = nothing if isinstance(codebook, KMeans1D) else xr.Dataset(layers)
    create_label_store(
        path,
        labelled(raster, codebook),
        archive.times(),
        source=_source(archive),
        history=history,
        clusters=clusters,
    )


def _source(archive: Archive) -> str:
    names = [one.name for one in archive.inputs]
    few = ", ".join(names) if len(names) <= 2 else f"{names[0]} to {names[-1]}"
    return f"{few}: {', '.join(archive.variables)}"
