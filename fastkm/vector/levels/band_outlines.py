"""Outlines of the bands between the breaks of clusters, with their measures, one row a region.

A region is a connected piece of a band, whose edge is a line of equal value, not the edges of cells.
So its area is that of its polygon, by Green's theorem on the ellipsoid: the sum of q(latitude) times
the step of longitude along its rings, where q is the area from the equator to a latitude. Edges are
straight in longitude and latitude, and q is integrated along each by three nodes of Gauss.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fastkm._core.memory import require_memory
from fastkm.cluster.streaming.arrays import is_lazy
from fastkm.geometry.level_lines import number_cells
from fastkm.geometry.regions import Rings
from fastkm.raster.grid.areas import SEMI_MAJOR, compute_q
from fastkm.raster.grid.geolocation import find_globe_transform
from fastkm.raster.zonal import zonal_statistics
from fastkm.vector.levels.placed_levels import (
    LevelRaster,
    TracedBands,
    join_windows,
    read_levels,
    to_polygons,
    trace_bands,
)
from fastkm.vector.measure import (
    as_area,
    as_length,
    is_selected,
    measure_diameters,
    measure_perimeters,
    require_place,
)
from fastkm.vector.polygons import (
    PolygonParts,
    collect_by_region,
    repair_region,
    split_at_corners,
)

if TYPE_CHECKING:
    import geopandas as gpd
    import xarray as xr

    from fastkm.cluster.exact.result import KMeans1D
    from fastkm.raster.grid.geolocation import Grid

CELL_BYTES = 32
"""Bytes that each cell takes: its value, its label, the number of its region while cells are counted."""

BESIDE_SEAM = 1e-9
"""Columns from the end of a window within which a line is one along which a region was cut."""


def outline_bands(
    raster: xr.DataArray,
    codebook: KMeans1D,
    *,
    select: str | int | Sequence[int] = "all",
    min_diameter: float | str = 0.0,
    min_area: float | str = 0.0,
    longitudes: Literal["0..360", "-180..180"] | None = None,
    threads: int | None = None,
) -> gpd.GeoDataFrame:
    """Outline and measure the regions of the bands between a codebook's breaks: see `fastkm.outline`."""
    import geopandas as gpd
    import shapely

    across, least_area = as_length(min_diameter), as_area(min_area)

    if is_lazy(raster.data):
        needed = raster.size * (raster.dtype.itemsize + CELL_BYTES)
        what = f"boundary='band', which needs all {raster.size:,} cells at once,"
        require_memory(needed, what, "take a part of them, or boundary='cell'")
    source = read_levels(raster, np.asarray(codebook.breaks), longitudes)
    require_place(source.grid, across, least_area)
    traced = list(trace_bands(source, threads))
    # regions: polygons that meet where windows end are one
    first = join_windows(source, traced)
    chosen, region = np.unique(first, return_inverse=True)
    n = len(chosen)
    bands = np.concatenate([own.rings.bands for own in traced])[chosen]
    before = np.cumsum([0, *(len(own.rings.bands) for own in traced)])
    mine = [region[start:stop] for start, stop in pairwise(before)]
    # polygons
    polygons, owners = [np.empty(0, object)], [np.empty(0, np.int64)]
    for own, regions in zip(traced, mine, strict=True):
        found, numbers = to_polygons(source, own)
        polygons.append(found)
        owners.append(regions[numbers])
    geometry, _ = collect_by_region(np.concatenate(polygons), np.concatenate(owners))
    bad = ~shapely.is_valid(geometry)
    geometry[bad] = [repair_region(own) for own in geometry[bad]]
    # measures of rings in pixels, and of cells
    rings = [_to_pixels(own) for own in traced]
    measured = _measure(source, traced, rings, mine, n, threads)
    zones = _number_cells(source, traced, mine)
    statistics = zonal_statistics(zones, source.values, n)
    # one row a region, the longest first
    wanted = is_selected(bands, select) & (measured[f"diameter_{across.unit}"] > across.value)
    if least_area.value > 0:
        wanted &= measured["area_km2"] > least_area.value
    order = np.lexsort((-measured["diameter_px"], bands))
    order = order[wanted[order]]
    columns = {
        "cluster": bands, "value": np.asarray(codebook.centroids)[bands], "cells": statistics.counts,
        **measured, "mean": statistics.means, "min": statistics.least, "max": statistics.greatest,
    }  # fmt: skip
    rows = {name: column[order] for name, column in columns.items()}
    return gpd.GeoDataFrame(rows, geometry=geometry[order], crs=source.grid.crs)


def _to_pixels(traced: TracedBands) -> Rings:
    """Return the rings of one window in (row, column)."""
    rings = traced.rings
    points = rings.place(traced.vertices.points)
    return Rings(points, rings.ring_offsets, rings.polygon_offsets, np.arange(len(rings.bands)))


def _measure(
    source: LevelRaster,
    traced: list[TracedBands],
    rings: list[Rings],
    owners: list[np.ndarray],
    n: int,
    threads: int | None,
) -> dict[str, np.ndarray]:
    """Measure areas and lengths of n regions; `owners` are those of the polygons of each window."""
    area, around = np.zeros(n), np.zeros(n)
    for own, some, regions in zip(traced, rings, owners, strict=True):
        # lines along which windows cut are not counted
        beyond = -2.0, source.values.shape[1] + 2.0
        start, stop = np.clip(own.window, *beyond) if not source.grid.turn else own.window
        window = (start + BESIDE_SEAM, stop)
        around += measure_perimeters(some, regions, source.grid, n, window)
        area += measure_ring_areas(some, regions, source.grid, n)
    parts = PolygonParts(
        _join_rings(rings), np.concatenate(owners), np.empty(0, object), np.empty(0, np.int64)
    )
    across = [
        measure_diameters(parts, source.grid, n, metric=metric, threads=threads)
        for metric in ("pixels", "metres")
    ]
    return {
        "area_km2": 1e-6 * area,
        "perimeter_km": 1e-3 * around,
        "diameter_px": across[0],
        "diameter_km": 1e-3 * across[1],
    }


def _join_rings(rings: list[Rings]) -> Rings:
    """Put the polygons of several windows into the arrays of one."""
    if len(rings) == 1:
        return rings[0]
    points = np.cumsum([0, *(len(own.points) for own in rings)])
    counts = np.cumsum([0, *(len(own.ring_offsets) - 1 for own in rings)])
    return Rings(
        np.concatenate([own.points for own in rings]),
        np.append(np.concatenate([own.ring_offsets[:-1] + at for own, at in zip(rings, points[:-1], strict=True)]), points[-1]),
        np.append(np.concatenate([own.polygon_offsets[:-1] + at for own, at in zip(rings, counts[:-1], strict=True)]), counts[-1]),
        np.concatenate([own.regions for own in rings]),
    )  # fmt: skip


def measure_ring_areas(rings: Rings, owners: np.ndarray, grid: Grid, regions: int) -> np.ndarray:
    """Measure the area of each region in m2, (regions,); NaN if the grid lies nowhere on the globe.

    `owners` are the regions of the polygons. Rings may go round a pole.
    """
    to_globe = find_globe_transform(grid)
    if to_globe is None:
        return np.full(regions, np.nan)
    points, offsets = rings.points, rings.ring_offsets
    if not (grid.straight and grid.in_degrees):
        points, offsets = split_at_corners(points, offsets)
    places = np.radians(to_globe(grid.place(points)))
    # from each point to the next
    inside = np.ones(max(len(places) - 1, 0), bool)
    inside[offsets[1:-1] - 1] = False
    ring = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets) - 1)
    a, b = places[:-1][inside], places[1:][inside]
    east = b[:, 0] - a[:, 0]
    if not (grid.straight and grid.in_degrees):
        east -= 2 * np.pi * np.round(east / (2 * np.pi))
    below = np.zeros(len(a))
    for node, weight in zip(*np.polynomial.legendre.leggauss(3), strict=True):
        latitude = (a[:, 1] + b[:, 1]) / 2 + node / 2 * (b[:, 1] - a[:, 1])
        below += weight / 2 * compute_q(latitude)
    count = len(offsets) - 1
    area = np.abs(np.bincount(ring, np.nan_to_num(below * east), minlength=count))
    # round a pole, the cap is what is left
    turns = np.round(np.bincount(ring, np.nan_to_num(east), minlength=count) / (2 * np.pi))
    area = np.where(turns != 0, np.abs(2 * np.pi * compute_q(np.pi / 2) - area), area)
    # holes are taken away
    polygon = np.repeat(np.arange(len(owners)), np.diff(rings.polygon_offsets))
    sign = np.full(count, -1.0)
    sign[rings.polygon_offsets[:-1]] = 1.0
    return SEMI_MAJOR**2 / 2 * np.bincount(owners[polygon], sign * area, minlength=regions)


def _number_cells(
    source: LevelRaster, traced: list[TracedBands], owners: list[np.ndarray]
) -> np.ndarray:
    """Return the region of each cell, -1 where missing."""
    zones: np.ndarray = np.full(source.labels.shape, -1, np.int64)
    count = zones.shape[1]
    for own, regions in zip(traced, owners, strict=True):
        start, stop = own.window
        first = int(np.ceil(start)) if np.isfinite(start) else 0
        last = int(np.ceil(stop)) if np.isfinite(stop) else count
        columns = np.arange(first, last)
        found = number_cells(own.vertices, own.rings, columns)
        zones[:, columns % count] = np.append(regions, -1)[found]
    return zones


def check_options(k: Any, values: Any, areas: Any, connectivity: int, bridge: int) -> None:
    """Raise a ValueError if options of `fastkm.outline` do not go with ``boundary="band"``."""
    if k is None or values is not None:
        raise ValueError(
            "boundary='band' needs a raster and k: its edges lie between the values of cells, which "
            "labels do not have"
        )
    for name, given in (
        ("areas", areas is not None),
        ("connectivity=8", connectivity != 4),
        ("bridge", bridge != 0),
    ):
        if given:
            raise ValueError(f"{name} needs boundary='cell' or 'contour', got boundary='band'")
