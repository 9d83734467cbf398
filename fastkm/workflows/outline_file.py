"""Outlines of the clusters of one raster, from a file to polygons in a file and maps.

Missing cells belong to no outline. Each file is written whole or not at all. `progress` shows each
stage as it begins.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from fastkm._core.atomic_write import write_together
from fastkm._core.attributes import read_text
from fastkm._core.progress import SILENT, Progress
from fastkm.cluster.exact.kmeans1d import kmeans1d
from fastkm.raster.grid.geolocation import find_regional_extent, is_on_globe
from fastkm.raster.grid.repeated_columns import drop_repeated_columns
from fastkm.raster.labels import label_raster
from fastkm.vector.outline import outline
from fastkm.vector.write import check_extension, write_outlines
from fastkm.workflows.figures import draw_map
from fastkm.workflows.job import FileWriter, Selection
from fastkm.workflows.outputs import find_maps, protect_inputs, require_replaceable

if TYPE_CHECKING:
    import geopandas as gpd
    import xarray as xr

    from fastkm.cluster.exact.result import KMeans1D


@dataclass(frozen=True)
class Outlines:
    """The result of `outline_file`: clusters by k, which of them were selected, their outlines."""

    raster: xr.DataArray
    results: dict[int, KMeans1D]
    selected: dict[int, list[int]]
    outlines: gpd.GeoDataFrame
    files: list[Path]


@dataclass(frozen=True)
class OutlineOptions:
    """Options of `fastkm.outline` that hold for every k."""

    min_diameter: float | str = 0.0
    min_area: float | str = 0.0
    boundary: Literal["cell", "contour"] = "cell"
    connectivity: Literal[4, 8] = 4
    bridge: int = 0
    longitudes: Literal["0..360", "-180..180"] | None = None


def outline_file(
    selection: Selection,
    ks: Sequence[int],
    select: str | int,
    output: str | os.PathLike[str],
    *,
    options: OutlineOptions = OutlineOptions(),
    map_path: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    progress: Progress = SILENT,
) -> Outlines:
    """Outline clusters of a raster; write the polygons and, if `map_path` is given, maps.

    Parameters
    ----------
    selection, ks
        The raster, and the numbers of clusters: column ``k`` of the file says which k a polygon
        comes from.
    select : {"all", "highest", "lowest"} or int
        The clusters, by centroid or number (0 is the lowest).
    output : path-like
        A file of a format that `fastkm.vector.write.write_outlines` knows.
    options : OutlineOptions, optional
        Which regions to leave out, and how to draw the others.
    map_path : path-like, optional
        A .png file for the map; for several k a file each, ``map_k6.png``.
    overwrite : bool, default: False
        Remove maps of other k that an earlier run drew.

    Raises
    ------
    OSError, ValueError
        If the file cannot be read or holds no such raster, or `select` or `output` is wrong; if
        there are maps of other k and `overwrite` is False, or an output is an input.
    ClusterError
        If the raster has fewer distinct values than every k.
    """
    import pandas as pd

    check_extension(output)
    selected = {k: select_clusters(select, k) for k in ks}
    maps = {} if map_path is None else _name_maps(Path(map_path), ks)
    earlier = [] if map_path is None else find_maps(Path(map_path), ks)
    protect_inputs([Path(output), *maps.values(), *earlier], [selection.file, selection.mask])
    require_replaceable(earlier, overwrite=overwrite)
    writer = FileWriter()
    progress.begin("read the raster")
    raster = selection.read()
    areas = selection.read_areas() if is_on_globe(raster) else None
    progress.begin("cluster")
    results: dict[int, KMeans1D] = kmeans1d(drop_repeated_columns(raster, note=True), ks)
    selected = {k: selected[k] for k in results}
    progress.begin("trace the outlines")
    frames = {}
    for k, result in results.items():
        frames[k] = outline(
            label_raster(raster, result),
            values=raster,
            select=selected[k],
            areas=areas,
            **vars(options),
        )
        frames[k].insert(0, "k", np.full(len(frames[k]), k, np.int64))
    outlines = pd.concat(frames.values(), ignore_index=True)
    with write_together(earlier):
        progress.begin("write the outlines")
        writer.files += write_outlines(outlines, output)
        if maps:
            progress.begin("draw the map")
            units = read_text(raster.attrs, "units")
            for k, frame in frames.items():
                draw_map(writer, maps[k], frame, extent=find_regional_extent(raster), units=units)
    return Outlines(raster, results, selected, outlines, writer.files)


def _name_maps(path: Path, ks: Sequence[int]) -> dict[int, Path]:
    """Return the file of the map of each k."""
    if len(ks) == 1:
        return {ks[0]: path}
    return {k: path.with_name(f"{path.stem}_k{k}{path.suffix}") for k in ks}


def select_clusters(select: str | int, k: int) -> list[int]:
    """Turn "all", "highest", "lowest" or a number below k, also as a text, into cluster numbers.

    Anything else raises a ValueError.
    """
    named = {"lowest": [0], "highest": [k - 1], "all": list(range(k))}
    if select in named:
        return named[str(select)]
    try:
        cluster = int(select)
    except ValueError:
        cluster = -1
    if not 0 <= cluster < k:
        raise ValueError(f"select must be all, highest, lowest or 0 to {k - 1}, got {select!r}")
    return [cluster]
