"""Outlines of clusters with their measures, one row a region.

Filters act on numbers first: labels, areas and boxes of cells leave regions out before anything is
traced, diameters before polygons are made. The measures of a region come from its cells (`cells`,
`area_km2`, `mean` ...) or from its rings before they are cut (`perimeter_km`), so a cut at the
antimeridian changes none of them.

Lazy labels that are larger than a strip are traced strip by strip (`fastkm.vector.strips`), and the
regions that are finished are measured batch by batch: `iterate_outlines`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from fastkm._core import cf_missing, validation
from fastkm._core.renamed import make_callable
from fastkm.cluster.exact.kmeans1d import kmeans1d
from fastkm.geometry.regions import number_by_label
from fastkm.raster.grid.areas import cell_areas
from fastkm.raster.grid.geolocation import Grid, find_globe_transform
from fastkm.raster.grid.repeated_columns import drop_repeated_columns
from fastkm.raster.labels import label_raster
from fastkm.raster.zonal import ZonalStatistics, zonal_statistics
from fastkm.vector.aligned import align, read_aligned, require_data_array
from fastkm.vector.coverage import UNCHANGED, Shape, as_shape, goes_in_strips
from fastkm.vector.levels.band_outlines import check_options, outline_bands
from fastkm.vector.measure import (
    as_area,
    as_length,
    is_selected,
    may_reach,
    measure_rings,
    require_place,
)
from fastkm.vector.merged_regions import (
    MergedRegions,
    RegionRings,
    find_merged_regions,
    trace_regions,
)
from fastkm.vector.polygonize import (
    Batch,
    find_checked_grid,
    find_west,
    join_batches,
    shape_regions,
    to_cells_and_grid,
    to_plane,
)
from fastkm.vector.polygons import place_parts
from fastkm.vector.seam import unroll_columns
from fastkm.vector.strips import (
    TraceOptions,
    chunk_by_strips,
    find_labels,
    note_cells_without_area,
    trace_strips,
)

if TYPE_CHECKING:
    import geopandas as gpd
    import xarray as xr

    from fastkm.cluster.exact.result import KMeans1D
    from fastkm.geometry.regions import Boundary

make_callable(__name__)

Select = str | int | Sequence[int]

MEASURES = ("area_km2", "perimeter_km", "diameter_px", "diameter_km", "mean", "min", "max")
"""Columns of measures, in their order."""


def outline(
    raster_or_labels: xr.DataArray,
    k: int | None = None,
    *,
    values: xr.DataArray | None = None,
    select: Select = "all",
    min_diameter: float | str = 0.0,
    min_area: float | str = 0.0,
    boundary: Boundary | Literal["band"] = "cell",
    connectivity: Literal[4, 8] = 4,
    junctions: bool = True,
    simplify: float | str | None = None,
    smooth: int = 0,
    bridge: int = 0,
    longitudes: Literal["0..360", "-180..180"] | None = None,
    areas: xr.DataArray | None = None,
    threads: int | None = None,
) -> gpd.GeoDataFrame:
    """Outline the connected regions of clusters, and measure them.

    Parameters
    ----------
    raster_or_labels : xarray.DataArray
        A raster, which is clustered if `k` is given; or labels: whole numbers, negative where
        missing, as `fastkm.cluster_raster` returns them. Either may be lazy, of dask: it is read
        and traced strip by strip, and sums of cells may differ in their last digits.
    k : int, optional
        Number of clusters of a raster.
    values : xarray.DataArray, optional
        The raster that the labels come from, for `mean`, `min` and `max`. By default the raster
        that is clustered here.
    select : {"all", "highest", "lowest"}, int or sequence of int
        The clusters to outline; "highest" is the highest label that there is.
    min_diameter : float or str, default: 0
        Leave out regions whose longest distance across is not above this: ``"200px"``, or
        ``"2000km"`` on the ground. A number is pixels.
    min_area : float or str, default: 0
        Leave out regions whose area is not above this: ``"5000km2"``. A number is km2.
    boundary : {"cell", "contour", "band"}
        Along the edges of cells, or smoother between their centres: see `fastkm.polygonize`. With
        "band", a raster and k, the outlines are those of `fastkm.bands` between the clusters' breaks:
        ``area_km2`` is the area inside, and ``cells`` counts cell centres, of which it may have none.
    connectivity : {4, 8}
        With 8, cells that touch at a corner are connected too.
    junctions : bool, default: True
        Put points where other polygons meet on a straight edge: see `fastkm.polygonize`.
    simplify, smooth
        Simplify and smooth polygons: see `fastkm.polygonize`. They are those of all regions
        together, and measures those of the regions as they were.
    bridge : int, default: 0
        Regions of a cluster with up to this many missing cells of a row or a column between them
        are one, a MultiPolygon: water on both sides of an isthmus.
    longitudes : {"0..360", "-180..180"}, optional
        The longitudes of the polygons, which are cut where these begin. By default they stay as
        the raster has them, if these are within one of the two; otherwise they are shifted or cut.
    areas : xarray.DataArray, optional
        Areas of the cells in m2; by default those of `fastkm.raster.grid.areas.cell_areas`.
    threads : int, optional
        See `fastkm.kmeans1d`.

    Returns
    -------
    geopandas.GeoDataFrame
        One row a region, by cluster, the longest first, in the reference system that the raster
        carries, otherwise in EPSG:4326 if it has latitudes and longitudes:

        - ``cluster``; ``value``, its centroid, NaN if that is not known;
        - ``cells``, the number of cells; ``area_km2``, the sum of their areas on WGS84;
        - ``perimeter_km``, the length of the boundary and its holes, without cuts;
        - ``diameter_px``, ``diameter_km``: the longest distance between two corners of cells of
          the exterior (points of the contour), in pixels, and along geodesics. A region that
          goes all round the globe is in pixels as long as the raster is wide;
        - ``mean``, ``min``, ``max`` of the raster's cells inside, if there is a raster;
        - ``geometry``: valid polygons with holes, or MultiPolygons if a region was cut or has
          several parts.

        Areas and lengths in km are NaN for rasters that lie nowhere on the globe. Regions of
        a grid that goes round the globe are joined across its seam.

    Raises
    ------
    ValueError
        If an option is unknown, the labels are not labels, or a limit in km or km2 is given for a
        raster that lies nowhere on the globe.
    ClusterError
        If the raster has fewer distinct values than `k`.

    Examples
    --------
    >>> import fastkm, xarray as xr
    >>> raster = xr.DataArray(
    ...     [[9.0, 1, 1, 8], [1, 1, 1, 7]],
    ...     {"lat": [-10.0, 10], "lon": [45.0, 135, 225, 315]}, ("lat", "lon"),
    ... )
    >>> found = fastkm.outline(raster, 2, select="highest", longitudes="-180..180")
    >>> found[["cluster", "value", "cells", "area_km2", "mean"]].round()
       cluster  value  cells    area_km2  mean
    0        1    8.0      3  65161373.0   8.0
    >>> found.geometry[0].bounds
    (-90.0, -20.0, 90.0, 20.0)
    """
    # labels, and where they lie
    labels = require_data_array("raster_or_labels", raster_or_labels)
    shape = as_shape(simplify, smooth, boundary=boundary, junctions=junctions)
    if k is not None:
        validation.require_count("k", k)
    if boundary == "band":
        check_options(k, values, areas, connectivity, bridge)
        result, raster = _cluster(labels, int(k or 0), threads)
        return outline_bands(
            raster, result, select=select, min_diameter=min_diameter, min_area=min_area,
            longitudes=longitudes, threads=threads,
        )  # fmt: skip
    if k is not None:
        result, values = _cluster(labels, int(k), threads)
        labels = label_raster(values, result)
    hint = "; a raster needs k" if k is None and labels.dtype.kind == "f" else ""
    if goes_in_strips(to_plane(labels), shape):
        batches = iterate_outlines(
            {0: labels}, values=values, select={0: select}, min_diameter=min_diameter,
            min_area=min_area, boundary=boundary, connectivity=connectivity, junctions=junctions,
            bridge=bridge, longitudes=longitudes, areas=areas, threads=threads, hint=hint,
        )  # fmt: skip
        frame, first_cells = join_batches(batch for _, batch in batches)
        order = np.lexsort((first_cells, -frame["diameter_px"], frame["cluster"]))
        return frame.iloc[order].reset_index(drop=True)
    frame, _ = outline_in_memory(
        labels, values=values, select=select, min_diameter=min_diameter, min_area=min_area,
        boundary=boundary, connectivity=connectivity, junctions=junctions, shape=shape,
        bridge=bridge, longitudes=longitudes, areas=areas, threads=threads, hint=hint,
    )  # fmt: skip
    return frame


def outline_in_memory(
    labels: xr.DataArray,
    *,
    values: xr.DataArray | None = None,
    select: Select = "all",
    min_diameter: float | str = 0.0,
    min_area: float | str = 0.0,
    boundary: Boundary = "cell",
    connectivity: Literal[4, 8] = 4,
    junctions: bool = True,
    shape: Shape = UNCHANGED,
    bridge: int = 0,
    longitudes: Literal["0..360", "-180..180"] | None = None,
    areas: xr.DataArray | None = None,
    threads: int | None = None,
    hint: str = "",
) -> tuple[gpd.GeoDataFrame, np.ndarray]:
    """Outline the regions of a label map in memory; return also the number of each row's region.

    Regions are numbered by first cell, all of a cluster by themselves. The `hint` ends the message of
    an error in the labels.
    """
    import geopandas as gpd

    across, least_area = as_length(min_diameter), as_area(min_area)
    cells, grid = to_cells_and_grid(labels)
    west = find_west(longitudes, grid)
    require_place(grid, across, *([least_area] if areas is None else []))
    # regions, of which labels and areas leave some out
    try:
        regions = find_merged_regions(cells, grid, connectivity, bridge)
    except ValueError as error:
        raise ValueError(f"{error}{hint}") from None
    measured = {"area_km2": _sum_areas(labels, grid, regions, areas)}
    wanted = is_selected(regions.labels, select)
    if least_area.value > 0:
        wanted &= measured["area_km2"] > least_area.value
    # rings and their lengths, which leave others out
    if len(regions.parts.labels) == len(wanted):
        wanted &= may_reach(across, regions.parts.boxes, grid)
    rings = trace_regions(regions, grid, west, boundary, junctions, wanted)
    parts, lengths = measure_rings(rings, grid, wanted, across, threads)
    measured |= lengths
    # statistics of the values
    if values is not None:
        cells = read_aligned(values, labels, regions.numbers.shape, "values")
        measured |= _name_statistics(zonal_statistics(regions.numbers, cells, len(regions.labels)))
    # one row a region, the longest first
    if shape.changes():
        left = np.union1d(parts.owners, parts.cut_owners)
        geometry, owners = shape_regions(regions, grid, west, shape, junctions, left)
    else:
        geometry, owners = place_parts(parts, grid, west)
    order = np.lexsort((-measured["diameter_px"][owners], regions.labels[owners]))
    columns = _make_columns(labels, regions.labels, regions.cells, measured, owners[order])
    frame = gpd.GeoDataFrame(columns, geometry=geometry[order], crs=grid.crs)
    return frame, number_by_label(regions.labels)[owners[order]]


def _cluster(raster: xr.DataArray, k: int, threads: int | None) -> tuple[KMeans1D, xr.DataArray]:
    """Cluster a raster; return it without rules of missing cells that do not hold, of which this warns."""
    result = kmeans1d(drop_repeated_columns(raster, note=True), k, threads=threads)
    return result, cf_missing.drop_stale_rules(raster)


def iterate_outlines(
    maps: Mapping[int, xr.DataArray],
    *,
    values: xr.DataArray | None = None,
    select: Mapping[int, Select],
    min_diameter: float | str = 0.0,
    min_area: float | str = 0.0,
    boundary: Boundary = "cell",
    connectivity: Literal[4, 8] = 4,
    junctions: bool = True,
    bridge: int = 0,
    longitudes: Literal["0..360", "-180..180"] | None = None,
    areas: xr.DataArray | None = None,
    threads: int | None = None,
    hint: str = "",
    watch: Callable[[np.ndarray], object] | None = None,
) -> Iterator[tuple[int, Batch]]:
    """Yield the outlines of lazy label maps on one grid, as `outline` has them, in batches.

    Maps are read together, strip by strip. A batch has the key of its map, rows in no order, and
    the first cells of their regions; there is at least one for each map. The `hint` ends the
    message of an error in the labels. `watch` is called with the values of each strip.
    """
    import geopandas as gpd

    # labels, and where they lie
    first = next(iter(maps.values()))
    planes = {key: to_plane(labels) for key, labels in maps.items()}
    across, least_area = as_length(min_diameter), as_area(min_area)
    plane = next(iter(planes.values()))
    grid = find_checked_grid(plane)
    west = find_west(longitudes, grid)
    require_place(grid, across, *([least_area] if areas is None else []))
    selected = {key: _resolve(select[key], own) for key, own in planes.items()}
    # rasters of which statistics are needed
    layers = {} if values is None else {"values": values}
    if areas is None and find_globe_transform(grid) is not None:
        areas = cell_areas(chunk_by_strips(first))
    if areas is not None:
        layers["areas"] = areas
    layers = {name: align(own, first, plane.shape, name) for name, own in layers.items()}
    # regions, of which labels, areas and boxes leave some out
    columns = unroll_columns(grid, plane.shape[1], west)
    keys, options = list(maps), TraceOptions(boundary, connectivity, bridge, junctions)
    traced = trace_strips(
        list(planes.values()), grid, columns, options,
        selected=list(selected.values()), layers=layers, hint=hint, watch=watch,
    )  # fmt: skip
    for number, regions, found in traced:
        key, n = keys[number], len(regions.labels)
        chosen = selected[key]
        wanted = np.ones(n, bool) if chosen is None else np.isin(regions.labels, chosen)
        wanted &= may_reach(across, regions.boxes, grid)
        measured = {"area_km2": np.full(n, np.nan)}
        if "areas" in found:
            measured["area_km2"] = 1e-6 * found["areas"].sums
        if least_area.value > 0:
            wanted &= measured["area_km2"] > least_area.value
        if "values" in found:
            measured |= _name_statistics(found["values"])
        # some at a time: rings and their lengths, which leave others out
        rings = RegionRings(regions.rings, regions.owners, columns.windows).select(wanted)
        for together in rings.split(n):
            now = wanted & together
            parts, lengths = measure_rings(rings.select(now), grid, now, across, threads)
            geometry, owners = place_parts(parts, grid, west)
            named = _make_columns(
                maps[key], regions.labels, regions.cells, measured | lengths, owners
            )
            frame = gpd.GeoDataFrame(named, geometry=geometry, crs=grid.crs)
            yield key, (frame, regions.first_cells[owners])


def _make_columns(
    labels: xr.DataArray,
    clusters: np.ndarray,
    cells: np.ndarray,
    measured: dict[str, np.ndarray],
    owners: np.ndarray,
) -> dict[str, np.ndarray]:
    """Return the columns of the frame, for the regions `owners`."""
    return {
        "cluster": clusters[owners],
        "value": _find_centroids(labels, clusters[owners]),
        "cells": cells[owners],
        **{name: measured[name][owners] for name in MEASURES if name in measured},
    }


def _name_statistics(found: ZonalStatistics) -> dict[str, np.ndarray]:
    return {"mean": found.means, "min": found.least, "max": found.greatest}


def _resolve(select: Select, plane: xr.DataArray) -> np.ndarray | None:
    """Return the labels that are selected of a lazy label map; None for all."""
    is_selected(np.empty(0, np.int64), select)  # raises
    if isinstance(select, str):
        return None if select == "all" else find_labels(plane, select)
    return np.atleast_1d(np.asarray(select))


def _sum_areas(
    labels: xr.DataArray, grid: Grid, regions: MergedRegions, areas: xr.DataArray | None
) -> np.ndarray:
    """Sum the areas of the cells of each region, in km2."""
    if areas is None:
        if find_globe_transform(grid) is None or regions.numbers.size == 0:
            return np.full(len(regions.labels), np.nan)
        areas = cell_areas(labels)
    cells = read_aligned(areas, labels, regions.numbers.shape, "areas")
    note_cells_without_area(np.count_nonzero((cells == 0) & (regions.numbers >= 0)))
    return 1e-6 * zonal_statistics(regions.numbers, cells, len(regions.labels)).sums


def _find_centroids(labels: xr.DataArray, clusters: np.ndarray) -> np.ndarray:
    """Return the centroids of clusters, which the labels may carry; NaN where they do not."""
    carried = np.atleast_1d(labels.attrs.get("centroids", [])).astype(np.float64)
    known = clusters < len(carried)
    return np.where(known, np.append(carried, np.nan)[np.where(known, clusters, -1)], np.nan)
