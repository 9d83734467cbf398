"""Outlines of the clusters of one raster, from a file to polygons in a file and maps.

Missing cells belong to no outline. Each file is written whole or not at all. `progress` shows each
stage as it begins.

A raster that is opened lazily is traced strip by strip, and outlines are written batch by batch.
What the command says of them, and the longest for the map, is taken from the batches on their way.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from fastkm._core.atomic_write import write_together
from fastkm._core.attributes import read_text
from fastkm._core.notes import warn_user
from fastkm._core.progress import SILENT, Progress
from fastkm.cluster.codebook import select_clusters
from fastkm.cluster.exact.kmeans1d import kmeans1d
from fastkm.raster.grid.geolocation import find_grid, find_regional_extent, is_on_globe
from fastkm.raster.grid.repeated_columns import drop_repeated_columns
from fastkm.raster.io.describe.suspicious import SentinelSearch
from fastkm.raster.io.lazy.block_reader import read_last
from fastkm.raster.labels import label_raster
from fastkm.vector.antimeridian import select_polygonal_parts
from fastkm.vector.coverage import as_shape
from fastkm.vector.formats.file_longitudes import (
    FileLongitudes,
    choose_longitudes,
    note_longitudes,
    turn_to_raster,
)
from fastkm.vector.levels.band_outlines import check_options, outline_bands
from fastkm.vector.measure import as_area, as_length
from fastkm.vector.outline import iterate_outlines, outline
from fastkm.vector.polygonize import to_plane
from fastkm.vector.strips import chunk_by_strips, needs_strips
from fastkm.vector.write import check_extension, write_outlines
from fastkm.vector.write_batches import find_bounds, write_batches
from fastkm.workflows.figures import DEFAULT_FIGURES, FigureOptions, draw_map
from fastkm.workflows.job import FileWriter, Selection, note_classes, warn_of_sentinels
from fastkm.workflows.outputs import find_maps, protect_inputs, protect_layers, require_replaceable
from fastkm.workflows.reports.output import plan_report

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    import xarray as xr

    from fastkm.cluster.exact.result import KMeans1D
    from fastkm.raster.sieve import SieveOptions


MOST_DRAWN = 1 << 11
"""Outlines of one map, at most: the longest."""

FEW_POINTS = 100
"""Points of an outline that is not worth to simplify."""

DRAWN_STEPS = 1 << 10
"""Parts of the extent of a large raster that its map tells apart."""


class ClusterOutlines(NamedTuple):
    """The number of the outlines of one cluster, and the longest diameter, in pixels and km."""

    number: int = 0
    diameter_px: float = 0.0
    diameter_km: float = math.nan

    def add(self, rows: pd.DataFrame) -> ClusterOutlines:
        """Return the same with some more outlines."""
        if not len(rows):
            return self
        longest = rows.loc[rows["diameter_px"].idxmax()]
        lengths = max(self[1:], (longest["diameter_px"], longest["diameter_km"]))
        return ClusterOutlines(self.number + len(rows), *lengths)


@dataclass(frozen=True)
class Outlines:
    """The result of `outline_file`: clusters by k, which of them were selected, their outlines.

    `found` has their number and size by k and cluster. If the raster was traced strip by strip,
    `outlines` are only those for the maps: simplified, and at most `MOST_DRAWN` for each k.
    """

    raster: xr.DataArray
    results: dict[int, KMeans1D]
    selected: dict[int, list[int]]
    found: dict[int, dict[int, ClusterOutlines]]
    outlines: gpd.GeoDataFrame
    files: list[Path]


@dataclass(frozen=True)
class OutlineOptions:
    """Options of `fastkm.outline` that hold for every k, the longitudes of the file, and a sieve.

    The label maps are sieved before they are outlined.
    """

    min_diameter: float | str = 0.0
    min_area: float | str = 0.0
    boundary: Literal["cell", "contour", "band"] = "cell"
    connectivity: Literal[4, 8] = 4
    simplify: float | str | None = None
    smooth: int = 0
    bridge: int = 0
    sieve: SieveOptions | None = None
    longitudes: FileLongitudes | None = None

    def __post_init__(self) -> None:
        if self.boundary == "band" and self.sieve is not None:
            raise ValueError("sieve needs boundary='cell' or 'contour', got boundary='band'")


def outline_file(
    selection: Selection,
    ks: Sequence[int],
    select: str | int,
    output: str | os.PathLike[str],
    *,
    options: OutlineOptions = OutlineOptions(),
    map_path: str | os.PathLike[str] | None = None,
    report: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    figures: FigureOptions = DEFAULT_FIGURES,
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
        A .png, .pdf or .svg file for the map; for several k a file each, ``map_k6.png``.
    report : path-like, optional
        A .html file for a page that shows the outlines in a browser; see `fastkm.report`.
    overwrite : bool, default: False
        Remove maps of other k that an earlier run drew, and replace a GeoPackage that holds further
        layers.
    figures : FigureOptions, optional
        How the map is drawn; its format is that of `map_path`.

    Raises
    ------
    OSError, ValueError
        If the file cannot be read or holds no such raster, or `select` or `output` is wrong; if
        there are maps of other k, or a GeoPackage with further layers, and `overwrite` is False, or
        an output is an input.
    ClusterError
        If the raster has fewer distinct values than every k.
    """
    check_extension(output)
    selected = {k: select_clusters(select, k) for k in ks}
    maps = {} if map_path is None else _name_maps(Path(map_path), ks)
    earlier = [] if map_path is None else find_maps(Path(map_path), ks)
    page = plan_report(report)
    _protect_files([Path(output), *maps.values(), *page], earlier, selection, overwrite=overwrite)
    progress.begin("read the raster")
    raster, writer = selection.open_band(), FileWriter()
    note_classes(selection, raster, ks)
    is_shaped = as_shape(options.simplify, options.smooth, boundary=options.boundary).changes()
    in_strips = needs_strips(to_plane(raster)) and not is_shaped and options.boundary != "band"
    areas = None
    if is_on_globe(raster):  # in small blocks: they are no blocks of the file, and 8 bytes a cell
        areas = selection.open_areas(chunk_by_strips(raster) if in_strips else raster)
    progress.begin("cluster")
    results: dict[int, KMeans1D] = kmeans1d(drop_repeated_columns(raster, note=True), ks)
    selected = {k: selected[k] for k in results}
    labels = {k: label_raster(raster, result) for k, result in results.items()}
    if options.sieve is not None:
        labels = {k: options.sieve.apply(own, areas) for k, own in labels.items()}
    arguments: dict[str, Any] = {"values": raster, "areas": areas, **vars(options)}
    del arguments["sieve"]
    grid = find_grid(raster)
    arguments["longitudes"] = choose_longitudes(options.longitudes, grid)
    note_longitudes(output, options.longitudes, grid)
    seen = _Seen(selected, _find_tolerance(raster) if maps or page else None)
    with write_together(earlier):
        if in_strips:
            progress.begin("trace and write the outlines")
            search = SentinelSearch()
            del arguments["simplify"], arguments["smooth"]
            batches = iterate_outlines(labels, select=selected, watch=search.add, **arguments)
            bounds = find_bounds(grid, raster.shape)
            rows = (seen.keep(k, rows) for k, (rows, _) in batches)
            with read_last():
                writer.files += write_batches(rows, output, bounds=bounds)
            warn_of_sentinels(search.find())
            frames = seen.longest
        else:
            progress.begin("trace the outlines")
            frames = {
                k: seen.add(k, _trace(own, results[k], selected[k], arguments))
                for k, own in labels.items()
            }
            progress.begin("write the outlines")
            writer.files += write_outlines(_join(frames.values()), output)
        _note_limits(seen, options, {} if in_strips else labels, results, arguments)
        # maps are those of the raster
        turn = partial(turn_to_raster, grid=grid) if options.longitudes is None else None
        if maps:
            progress.begin("draw the map")
            _draw_maps(writer, maps, frames, seen, raster, figures, turn)
        for path in page:
            _report_outlines(
                writer, path, raster, results, labels, frames, turn, seen, selection, figures,
                progress, sieved=options.sieve is not None,
            )  # fmt: skip
    return Outlines(raster, results, selected, seen.found, _join(frames.values()), writer.files)


def _protect_files(
    outputs: list[Path], earlier: list[Path], selection: Selection, *, overwrite: bool
) -> None:
    """Raise a ValueError if a file that would be lost is an input, or is to be kept."""
    protect_inputs([*outputs, *earlier], [selection.file, selection.mask])
    require_replaceable(earlier, overwrite=overwrite)
    protect_layers(outputs[0], overwrite=overwrite)


def _trace(
    labels: xr.DataArray, result: KMeans1D, select: list[int], arguments: dict[str, Any]
) -> gpd.GeoDataFrame:
    """Outline the regions of labels, or of the bands between the breaks of a result."""
    if arguments["boundary"] != "band":
        return outline(labels, select=select, **arguments)
    check_options(result.k, None, None, arguments["connectivity"], arguments["bridge"])
    names = ("min_diameter", "min_area", "longitudes")
    chosen = {name: arguments[name] for name in names}
    return outline_bands(arguments["values"], result, select=select, **chosen)


def _note_limits(
    seen: _Seen,
    options: OutlineOptions,
    labels: dict[int, xr.DataArray],
    results: dict[int, KMeans1D],
    arguments: dict[str, Any],
) -> None:
    """Note that no outline is above the limits, and how long or large those of some labels are."""
    if seen.count():
        return
    whole = {**arguments, "min_diameter": 0.0, "min_area": 0.0}
    outlines = [_trace(own, results[k], [*seen.found[k]], whole) for k, own in labels.items()]
    across, area = as_length(options.min_diameter), as_area(options.min_area)
    reasons = []
    for word, most, limit, column in (
        ("longer", "longest", across, f"diameter_{across.unit}"),
        ("larger", "largest", area, "area_km2"),
    ):
        if limit.value > 0:
            own = max((frame[column].max() for frame in outlines if len(frame)), default=math.nan)
            known = f" (the {most} has {own:,.0f} {limit.unit})" if math.isfinite(own) else ""
            reasons.append(f"{word} than {limit.value:,.15g} {limit.unit}{known}")
    if reasons:
        warn_user(f"no outline is {' and '.join(reasons)}: the file has none")


class _Seen:
    """What is kept of outlines while they are written: numbers and, for maps, the longest ones."""

    def __init__(self, selected: dict[int, list[int]], tolerance: float | None) -> None:
        self.found = {k: dict.fromkeys(own, ClusterOutlines()) for k, own in selected.items()}
        self.tolerance = tolerance  # of simplified outlines; None if none are drawn
        self.longest: dict[int, gpd.GeoDataFrame] = {}

    def count(self) -> int:
        """Return the number of outlines."""
        return sum(found.number for own in self.found.values() for found in own.values())

    def add(self, k: int, rows: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        """Count some outlines of a k; return them with a column of it."""
        rows.insert(0, "k", np.full(len(rows), k, np.int64))
        for cluster, found in self.found[k].items():
            self.found[k][cluster] = found.add(rows[rows["cluster"] == cluster])
        return rows

    def keep(self, k: int, rows: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        """Do the same, and keep the longest outlines, with no more points than a map can show."""
        rows = self.add(k, rows)
        some = rows.iloc[:0] if self.tolerance is None else _simplify(rows, self.tolerance)
        kept = [frame for frame in (self.longest.get(k), some) if frame is not None and len(frame)]
        self.longest[k] = _choose_longest(_join(kept or [some]))
        return rows


def _report_outlines(
    writer: FileWriter,
    path: Path,
    raster: xr.DataArray,
    results: dict[int, KMeans1D],
    labels: dict[int, xr.DataArray],
    frames: dict[int, gpd.GeoDataFrame],
    turn: Callable[[gpd.GeoDataFrame], gpd.GeoDataFrame] | None,
    seen: _Seen,
    selection: Selection,
    figures: FigureOptions,
    progress: Progress,
    *,
    sieved: bool,
) -> None:
    """Write the report of the clusters and their outlines."""
    from fastkm.workflows.reports.jobs import as_raster_clusters, report_clusters

    progress.begin("write the report")
    found = as_raster_clusters(raster, results, labels, sieved=sieved)
    outlines = _join(frames.values() if turn is None else map(turn, frames.values()))
    report_clusters(
        writer, path, found, raster, selection,
        outlines=outlines, outlines_in_all=seen.count(), title=figures.title,
    )  # fmt: skip


def _draw_maps(
    writer: FileWriter,
    maps: dict[int, Path],
    frames: dict[int, gpd.GeoDataFrame],
    seen: _Seen,
    raster: xr.DataArray,
    figures: FigureOptions,
    turn: Callable[[gpd.GeoDataFrame], gpd.GeoDataFrame] | None,
) -> None:
    """Draw the outlines of each k on a map; `turn` changes their longitudes."""
    units, extent = read_text(raster.attrs, "units"), find_regional_extent(raster)
    for k, frame in frames.items():
        count = sum(found.number for found in seen.found[k].values())
        if count > MOST_DRAWN:
            text = f"{maps[k]} shows the {MOST_DRAWN:,} longest of {count:,} outlines"
            warn_user(text)
        drawn = _choose_longest(frame)
        drawn = drawn if turn is None else turn(drawn)
        draw_map(writer, maps[k], drawn, figures, raster=raster, extent=extent, units=units)


def _simplify(outlines: gpd.GeoDataFrame, tolerance: float) -> gpd.GeoDataFrame:
    """Leave out points that a map does not tell apart."""
    import shapely

    longest = _choose_longest(outlines)
    shapes = np.array(longest.geometry.array, object)
    for i in np.flatnonzero(shapely.get_num_coordinates(shapes) > FEW_POINTS):
        parts = []
        for part in shapely.get_parts(shapes[i]):
            holes = shapely.get_rings(part)[1:]
            bounds = shapely.bounds(holes).reshape(-1, 4)
            large = (bounds[:, 2:] - bounds[:, :2]).max(axis=1) > tolerance
            parts.append(shapely.Polygon(part.exterior, holes[large].tolist()))
        # to keep rings apart while points go would take minutes
        plain = shapely.simplify(shapely.multipolygons(parts), tolerance, preserve_topology=False)
        kept, _ = select_polygonal_parts([shapely.make_valid(plain)])
        if len(kept):
            shapes[i] = shapely.multipolygons(kept)
    return longest.set_geometry(shapes, crs=outlines.crs)


def _choose_longest(outlines: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return at most `MOST_DRAWN` outlines, the longest, in the order in which they come."""
    if len(outlines) <= MOST_DRAWN:
        return outlines
    order = np.argsort(-outlines["diameter_px"].to_numpy(), kind="stable")
    return outlines.iloc[np.sort(order[:MOST_DRAWN])]


def _join(frames: Iterable[gpd.GeoDataFrame]) -> gpd.GeoDataFrame:
    """Return the rows of several frames in one."""
    import pandas as pd

    return pd.concat(list(frames), ignore_index=True)


def _find_tolerance(raster: xr.DataArray) -> float:
    """Return the distance that a map of a raster does not show, in its coordinates."""
    bounds = find_bounds(find_grid(raster), raster.shape)
    return float(np.nan_to_num(bounds[2:] - bounds[:2]).max()) / DRAWN_STEPS


def _name_maps(path: Path, ks: Sequence[int]) -> dict[int, Path]:
    """Return the file of the map of each k."""
    if len(ks) == 1:
        return {ks[0]: path}
    return {k: path.with_name(f"{path.stem}_k{k}{path.suffix}") for k in ks}
