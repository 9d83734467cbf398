"""The label maps of an archive: a file for each part, or one store for all steps."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from fastkm._core.attributes import read_text
from fastkm.cluster.codebook import MISSING, describe_classes, describe_labels, label_dtype
from fastkm.raster.io.write_netcdf_series import write_label_series
from fastkm.raster.io.write_zarr import create_label_store, write_label_steps
from fastkm.raster.multifile.combine import combine_files
from fastkm.raster.multifile.read_steps import DAMAGE
from fastkm.raster.multifile.scan import scan_file
from fastkm.vector.tracking.track_maps import NAME, describe_map

if TYPE_CHECKING:
    import xarray as xr

    from fastkm.cluster.codebook import Codebook
    from fastkm.cluster.exact.result import KMeans1D
    from fastkm.raster.multifile.series import RasterSeries


def write_label_maps(
    archive: RasterSeries,
    maps: Sequence[xr.DataArray],
    path: Path,
    *,
    numbers: Sequence[int],
    codebooks: Sequence[KMeans1D] | None,
    history: str,
) -> None:
    """Write the label maps of a part to a file, or into the store of all steps.

    `archive`, `maps`, `numbers` and `codebooks` have one entry for each step: its number is its
    place in the store; `codebooks` is None if all steps share one. `path` is a .nc file, or a Zarr
    store that exists.
    """
    import xarray as xr

    labels = xr.concat(list(maps), archive.make_time_coordinate(), combine_attrs="override")
    if path.suffix == ".nc":
        source = _describe_source(archive)
        write_label_series(labels, path, source=source, history=history, codebooks=codebooks)
        return
    for i, number in enumerate(numbers):
        own = None if codebooks is None else codebooks[i : i + 1]
        write_label_steps(path, labels[i : i + 1], number, codebooks=own)


def create_store(
    path: Path,
    archive: RasterSeries,
    codebook: Codebook | None,
    k: int,
    history: str,
    *,
    tracks: bool = False,
) -> None:
    """Create the store for all label maps, and maps of tracks if there are to be some.

    `codebook` is None if each step has its own.
    """
    create_label_store(
        path,
        make_label_template(archive, codebook, k),
        archive.make_time_coordinate(),
        source=_describe_source(archive),
        history=history,
        clusters=k if codebook is None else None,
        beside={NAME: describe_map(NAME)} if tracks else None,
    )


def make_label_template(archive: RasterSeries, codebook: Codebook | None, k: int) -> xr.DataArray:
    """Return a label map of missing cells with all attributes; `codebook` is None for one each step."""
    grid = archive.make_template()
    template = grid.copy(data=np.full(grid.shape, MISSING, label_dtype(k)))
    if codebook is not None:
        return describe_labels(template, grid, codebook.describe(grid))
    units = read_text(grid.attrs, "units")
    what = read_text(grid.attrs, "long_name", str(grid.name))
    classes = describe_classes(what, np.arange(k), units)
    return describe_labels(template, grid, {**classes, "centroid_units": units})


def open_label_maps(paths: Sequence[Path], times: Sequence[str] | None = None) -> xr.DataArray:
    """Open the label maps of some files, or of a store, as one lazy array: those of `times`, or all."""
    series = combine_files([scan_file(path, "cluster") for path in paths])
    if times is not None:
        wanted = set(times)
        series = series.select(i for i, step in enumerate(series.steps) if step.time in wanted)
    labels: Any = series.as_dask(missing="keep")
    return cast("xr.DataArray", labels)


def hash_stored_steps(path: str | os.PathLike[str], first: int, last: int) -> str:
    """Return a digest of the label maps, and codebooks, of some steps in a store.

    Raises
    ------
    OSError
        If they cannot be read.
    """
    import zarr

    digest = hashlib.sha256()
    try:
        store = zarr.open_group(path, mode="r", use_consolidated=False)
        for name in ("cluster", "centroids", "breaks", "inertia"):
            if name in store:
                stored: Any = store[name]
                steps = np.s_[first:last] if name == "cluster" else np.s_[..., first:last]
                digest.update(np.ascontiguousarray(stored[steps]).tobytes())
    except DAMAGE as error:
        raise OSError(f"{os.fspath(path)} cannot be read: {error}") from error
    return digest.hexdigest()[:16]


def _describe_source(archive: RasterSeries) -> str:
    names = [one.name for one in archive.inputs]
    few = ", ".join(names) if len(names) <= 2 else f"{names[0]} to {names[-1]}"
    return f"{few}: {', '.join(archive.variables)}"
