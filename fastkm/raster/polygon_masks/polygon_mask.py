"""Which cells of a raster lie in the polygons of a file.

Polygons come to the plane of the raster where that is safe: as they are, if they have its reference
system; longitudes and latitudes to a raster of longitudes and latitudes, in as many turns as it takes;
projected, if the raster covers a part of the Earth on which the projection is smooth. There they are
filled line by line (`filled_mask`), whatever their number.

Otherwise cells go to the plane of the polygons, whose edges are straight there (`located_mask`): those of
curvilinear grids, of projections of most of the Earth, and of longitudes and latitudes if the polygons
are projected.

A centre that lies on the boundary of two polygons belongs to one of them. A share is one of the cell in
the plane of the raster; where cells go to the polygons, it is counted by points.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core.notes import note_once
from fastkm._core.validation import require_number
from fastkm.raster.grid.crs import is_longlat
from fastkm.raster.grid.curvilinear import CurvilinearGrid
from fastkm.raster.grid.geolocation import Grid, TransformGrid, find_globe_transform, find_grid
from fastkm.raster.polygon_masks.filled_mask import (
    FilledMask,
    find_lines,
    is_turned,
    repeat_in_turns,
    to_pixels,
)
from fastkm.raster.polygon_masks.located_mask import LocatedMask, begin_in_the_west
from fastkm.raster.polygon_masks.point_locator import list_edges, make_locator
from fastkm.raster.polygon_masks.polygon_file import Polygons, read_polygons
from fastkm.raster.polygon_masks.projected_polygons import project_polygons

if TYPE_CHECKING:
    import xarray as xr

PolygonMask = FilledMask | LocatedMask
"""What finds the cells in some rows and columns: see `FilledMask.find_kept`."""

CELLS = 1 << 20
"""Cells that are looked at together: 4 MB of winding numbers, or 8 of shares."""


def check_share(share: float | None) -> None:
    """Raise unless a share is above 0 and at most 1, or None."""
    if share is None:
        return
    require_number("mask_share", share)
    if not 0.0 < share <= 1.0:
        raise ValueError(f"mask_share must be above 0 and at most 1, got {share}")


def read_polygon_mask(
    path: str | os.PathLike[str], raster: xr.DataArray, share: float | None = None
) -> np.ndarray:
    """Return which cells of a raster, (rows, columns), lie in the polygons of a file.

    Parameters
    ----------
    path : path-like
        A file of polygons, of any reference system.
    raster : xarray.DataArray
        Its last two dimensions are rows and columns.
    share : float, optional
        Cells of which at least this share lies in polygons are kept; by default those whose centres
        do.

    Raises
    ------
    OSError, ImportError
        If the file cannot be read.
    ValueError
        If it holds no polygons, no cell lies in them, or it is not known where the cells are.
    """
    mask = open_polygon_mask(path, raster, share)
    rows, columns = raster.shape[-2:]
    step = max(1, CELLS // columns)
    blocks = [
        mask.find_kept(range(start, min(start + step, rows)), range(columns))
        for start in range(0, rows, step)
    ]
    kept = np.concatenate(blocks)
    if not kept.any():
        which = "whose centre lies" if share is None else f"of which {share:.0%} lies"
        hint = "; mask_share (--mask-share) below 0.5 keeps more" if share is None else ""
        raise ValueError(f"mask {os.fspath(path)}: the raster has no cell {which} in it{hint}")
    return kept


def open_polygon_mask(
    path: str | os.PathLike[str], raster: xr.DataArray, share: float | None = None
) -> PolygonMask:
    """Return what finds the cells of a raster in the polygons of a file; see `read_polygon_mask`."""
    check_share(share)
    name = os.fspath(path)
    grid = find_grid(raster.isel(dict.fromkeys(raster.dims[:-2], 0), drop=True))
    polygons = read_polygons(path)
    if polygons.crs is None:
        polygons = _assume_crs(polygons, grid, name)
    elif find_globe_transform(grid) is None:
        raise ValueError(
            f"mask {name} has the CRS {polygons.crs.name!r}, but the raster has neither latitudes and "
            "longitudes nor a reference system: it is not known where its cells are"
        )
    mask = _make_mask(polygons, grid, raster.shape[-2:], share)  # type: ignore[arg-type]
    if not mask.overlaps():
        raise ValueError(f"mask {name} does not overlap the raster: its polygons lie elsewhere")
    return mask


def _assume_crs(polygons: Polygons, grid: Grid, name: str) -> Polygons:
    """Take the coordinates of polygons without a reference system for those of the raster."""
    from pyproj import CRS

    what = "longitudes and latitudes" if grid.in_degrees else "in the coordinates of the raster"
    note_once(f"mask {name} has no reference system: its polygons are taken to be {what}")
    return polygons if grid.crs is None else polygons._replace(crs=CRS(grid.crs))


def _make_mask(
    polygons: Polygons, grid: Grid, shape: tuple[int, int], share: float | None
) -> PolygonMask:
    """Bring the polygons to the plane of a grid, or let its cells go to theirs."""
    import shapely

    shapes = polygons.shapes
    if share is not None and len(shapes) > 1:  # their shares would add up where they overlap
        shapes = shapely.orient_polygons(shapely.get_parts(shapely.union_all(shapes)))
    if not isinstance(grid, CurvilinearGrid):
        y, x = find_lines(grid, shape)
        placed = _place_in_plane(shapes, polygons.crs, grid, shape)
        if placed is not None:
            edges = list_edges(placed)
            if grid.in_degrees and len(edges):
                edges = repeat_in_turns(edges, x)
            if isinstance(grid, TransformGrid) and is_turned(grid):
                edges = to_pixels(edges, grid)
            return FilledMask(edges, y, x, share)
    crs: Any = polygons.crs
    if is_longlat(crs):
        shapes = begin_in_the_west(shapes)
    return LocatedMask(make_locator(shapes), crs.to_wkt(), grid, share)


def _place_in_plane(
    shapes: np.ndarray, crs: Any, grid: Grid, shape: tuple[int, int]
) -> np.ndarray | None:
    """Return polygons in the reference system of a grid; None if that is not safe."""
    from pyproj import CRS

    own = None if grid.crs is None else CRS(grid.crs)
    if crs is None or own is None or own.equals(crs, ignore_axis_order=True):
        return shapes
    if grid.in_degrees:
        return _change_datum(shapes, crs, own) if is_longlat(crs) else None
    corners = grid.place(
        np.array([(r, c) for r in (-0.5, shape[0] - 0.5) for c in (-0.5, shape[1] - 0.5)])
    )
    bounds = (*corners.min(axis=0).tolist(), *corners.max(axis=0).tolist())
    return project_polygons(shapes, crs.to_wkt(), own.to_wkt(), bounds)


def _change_datum(shapes: np.ndarray, crs: Any, own: Any) -> np.ndarray:
    """Change the datum of longitudes and latitudes, and leave each longitude in its turn."""
    import shapely
    from pyproj import Transformer

    move = Transformer.from_crs(crs, own, always_xy=True)

    def place(points: np.ndarray) -> np.ndarray:
        moved = np.column_stack(move.transform(points[:, 0], np.clip(points[:, 1], -90.0, 90.0)))
        moved[:, 0] += 360.0 * np.round((points[:, 0] - moved[:, 0]) / 360.0)
        return moved

    return np.asarray(shapely.transform(shapes, place))
