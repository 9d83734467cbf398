"""The longitudes of outlines in files: those of maps, unless those of the raster are asked for.

Basemaps run from -180 to 180. Of a raster from 0 to 360 the western half of the globe would lie beside
them, and no other layer would meet it. GeoParquet counts so too: its bounds are those of RFC 7946.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from fastkm._core.notes import note_once
from fastkm.raster.grid.curvilinear import CurvilinearGrid
from fastkm.raster.grid.geolocation import AxisGrid
from fastkm.vector.antimeridian import cut_to_turns, select_polygonal_parts

if TYPE_CHECKING:
    import geopandas as gpd

    from fastkm.raster.grid.geolocation import Grid

Longitudes = Literal["0..360", "-180..180"]

FileLongitudes = Literal["0..360", "-180..180", "raster"]
"""What may be asked for: a range, or the one that the raster has."""

CHOICES = ("0..360", "-180..180", "raster")

ON_END = 1e-6
"""Degrees beyond 180 that count as rounding."""


def choose_longitudes(longitudes: FileLongitudes | None, grid: Grid | None) -> Longitudes | None:
    """Return the longitudes in which outlines are traced for a file; None for the raster's.

    Without a choice they are -180..180 if the grid, None for a plain array, has longitudes.

    Raises
    ------
    ValueError
        If `longitudes` is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> grid = AxisGrid(np.array([0.0]), np.array([90.0, 270.0]), "EPSG:4326", True, 2)
    >>> choose_longitudes(None, grid), choose_longitudes("raster", grid)
    ('-180..180', None)
    """
    if longitudes is not None and longitudes not in CHOICES:
        listed = ", ".join(map(repr, CHOICES))
        raise ValueError(f"longitudes must be {listed} or None, got {longitudes!r}")
    if longitudes == "raster":
        return None
    if longitudes is None and grid is not None and grid.in_degrees:
        return "-180..180"
    return longitudes


def note_longitudes(
    path: str | os.PathLike[str], longitudes: FileLongitudes | None, grid: Grid | None
) -> None:
    """Note that a file has other longitudes than the raster, if that was not asked for.

    GeoJSON has no others: see `fastkm.vector.formats.geojson`.
    """
    is_geojson = Path(path).suffix.lower() == ".geojson"
    if longitudes is None and not is_geojson and _reaches_beyond(grid):
        note_once(
            f"{os.fspath(path)} has longitudes -180..180, as maps do; longitudes='raster' "
            "keeps those of the raster"
        )


def _reaches_beyond(grid: Grid | None) -> bool:
    """Return True if a grid has longitudes beyond -180 ... 180, where they would stay."""
    if isinstance(grid, CurvilinearGrid):
        return grid.find_west() == 0.0 and bool(np.nanmax(grid.longitude) > 180.0)
    if not isinstance(grid, AxisGrid) or not grid.in_degrees or grid.west == -180.0:
        return False
    ends = grid.interpolate_x(np.array([-0.5, len(grid.x) - 0.5]))
    return bool(np.abs(ends).max() > 180.0 + ON_END)


def turn_to_raster(outlines: gpd.GeoDataFrame, grid: Grid) -> gpd.GeoDataFrame:
    """Return outlines where the raster has them, for its map: each part shifted by whole turns.

    Parts are cut where the raster begins, and joined where they were cut before.

    Examples
    --------
    >>> import geopandas, shapely
    >>> grid = AxisGrid(np.array([0.0]), np.array([90.0, 270.0]), "EPSG:4326", True, 2)
    >>> west = geopandas.GeoDataFrame(geometry=[shapely.box(-170, 0, -160, 5)], crs=4326)
    >>> turn_to_raster(west, grid).total_bounds.tolist()
    [190.0, 0.0, 200.0, 5.0]
    """
    import shapely

    if not _reaches_beyond(grid) or not len(outlines):
        return outlines
    west = 0.0
    if isinstance(grid, AxisGrid):
        west = float(grid.interpolate_x(np.array([-0.5, len(grid.x) - 0.5])).min())
    turned = []
    for parts in map(shapely.get_parts, outlines.geometry):
        cut = [part for whole in parts for part in cut_to_turns(whole, west)]
        turned.append(shapely.union_all(select_polygonal_parts(cut)[0]))
    return outlines.set_geometry(turned, crs=outlines.crs)
