"""Cases of polygons between isolines.

matplotlib and contourpy end at the outermost centres of cells, fastkm at the edges of the array, so bands
are compared by their shares of the area. contourpy's polygons do not tile: an edge has other digits on
either side.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
import xarray as xr

import fastkm
from bench.case import Case, Rival
from bench.cases.outlines import serial, smooth

QUANTILES = np.arange(1, 7) / 7
"""Six breaks, so that each band has the same number of cells."""


def place_field(values: np.ndarray) -> xr.DataArray:
    """Place values on a plane of cells of 1 km."""
    coords = {dim: np.arange(float(size)) for dim, size in zip("yx", values.shape, strict=True)}
    return xr.DataArray(values, coords, ("y", "x"))


def smooth_field(rows: int) -> tuple[xr.DataArray, np.ndarray]:
    """Make a smooth field twice as wide as high, and its breaks."""
    values = smooth(rows, 6.1)
    return place_field(values), np.quantile(values, QUANTILES)


def noise_field(rows: int) -> tuple[xr.DataArray, np.ndarray]:
    """Make a square of noise, and its breaks."""
    values = np.random.default_rng(6).normal(size=(rows, rows))
    return place_field(values), np.quantile(values, QUANTILES)


def by_fastkm(data: tuple[xr.DataArray, np.ndarray]) -> gpd.GeoDataFrame:
    return fastkm.bands(*data)


def by_matplotlib(data: tuple[xr.DataArray, np.ndarray]) -> gpd.GeoDataFrame:
    """Draw filled contours, and take the rings of their paths: holes turn the other way."""
    from matplotlib.figure import Figure

    raster, breaks = data
    levels = [raster.values.min() - 1.0, *breaks, raster.values.max() + 1.0]
    axes = Figure().subplots()
    drawn = axes.contourf(raster["x"], raster["y"], raster.values, levels=levels)
    clusters, polygons = [], []
    for cluster, path in enumerate(drawn.get_paths()):
        rings: list[list[np.ndarray]] = []
        for ring in path.to_polygons():
            x, y = ring.T
            if not rings or np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]) > 0:
                rings.append([ring])
            else:
                rings[-1].append(ring)
        polygons += [shapely.Polygon(outer, holes) for outer, *holes in rings]
        clusters += [cluster] * len(rings)
    return gpd.GeoDataFrame({"cluster": clusters}, geometry=polygons)


def by_contourpy(data: tuple[xr.DataArray, np.ndarray]) -> gpd.GeoDataFrame:
    """Trace band by band, all polygons of one at once."""
    from contourpy import FillType, contour_generator

    raster, breaks = data
    kind = FillType.ChunkCombinedOffsetOffset
    generator = contour_generator(raster["x"], raster["y"], raster.values, fill_type=kind)
    clusters, polygons = [], []
    for cluster, (lower, upper) in enumerate(pairwise([-np.inf, *breaks, np.inf])):
        (points,), (rings,), (outers,) = generator.filled(lower, upper)
        if points is None:
            continue
        starts = rings.astype(np.int64), outers.astype(np.int64)
        polygons.append(shapely.from_ragged_array(shapely.GeometryType.POLYGON, points, starts))
        clusters += [cluster] * len(polygons[-1])
    return gpd.GeoDataFrame({"cluster": clusters}, geometry=np.concatenate(polygons))


def by_contourrs(data: tuple[xr.DataArray, np.ndarray]) -> gpd.GeoDataFrame:
    from contourrs import contours_arrow

    raster, breaks = data
    levels = [raster.values.min() - 1.0, *breaks, raster.values.max() + 1.0]
    table = contours_arrow(raster.values, thresholds=levels)
    polygons = shapely.from_wkb(table["geometry"].to_numpy())
    clusters = np.searchsorted(levels, table["value"].to_numpy(), side="right") - 1
    return gpd.GeoDataFrame({"cluster": clusters}, geometry=polygons)


def same_shares(_data: Any, ours: gpd.GeoDataFrame, theirs: gpd.GeoDataFrame) -> None:
    """Agree in the share of each band, to a few hundredths of the whole."""
    shares = []
    for frame in (ours, theirs):
        areas = frame.assign(area=frame.geometry.area).groupby("cluster")["area"].sum()
        shares.append(areas / areas.sum())
    assert shares[0].index.equals(shares[1].index)
    assert np.allclose(*shares, atol=0.02)


def bands_case(
    name: str, make: Callable[[int], Any], full: int, rename: Callable[[int], str] | None = None
) -> Case:
    """Trace the bands between six breaks."""
    return Case(
        name,
        make,
        {"tiny": 40, "small": min(full, 400), "full": full},
        {
            "fastkm": Rival(by_fastkm, "fastkm"),
            "matplotlib + shapely": serial(by_matplotlib, "matplotlib"),
            "contourpy + shapely": serial(by_contourpy, "contourpy"),
            "contourrs": Rival(by_contourrs, "contourrs"),
        },
        same_shares,
        rename=rename,
    )


def noise_name(rows: int) -> str:
    """Return the name of the case of noise of so many rows."""
    return f"bands, 6 breaks, noise, {rows} x {rows}"


BANDS = [
    bands_case("bands, 6 breaks, 1800 x 3600", smooth_field, 1800),
    bands_case(noise_name(512), noise_field, 512, noise_name),
    bands_case(noise_name(1024), noise_field, 1024, noise_name),
]
