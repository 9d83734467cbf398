"""Every region of a label map as a polygon.

The way of the data: `find_regions` numbers the regions in the array; regions that touch across the
seam of a round grid, or at corners if that counts, are merged; `unroll_columns` lays the columns out;
`trace_rings` traces all rings in one pass; `cut_to_windows` and `place_parts` make polygons.
`fastkm.vector.outline` goes the same way and measures the regions, still in pixels, before the end.

A lazy label map that is larger than a strip is traced strip by strip (`fastkm.vector.strips`), and
becomes polygons batch by batch. They are the same polygons.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fastkm._core import validation
from fastkm._core.renamed import make_callable
from fastkm.cluster.streaming.arrays import is_lazy
from fastkm.raster.grid.axes import find_axes
from fastkm.raster.grid.geolocation import AxisGrid, Grid, find_grid
from fastkm.raster.grid.missing_places import mask_missing_places
from fastkm.raster.grid.repeated_columns import drop_repeated_columns
from fastkm.vector.coverage import (
    Shape,
    as_shape,
    cover_missing,
    goes_in_strips,
    shape_rings,
)
from fastkm.vector.merged_regions import (
    MergedRegions,
    RegionRings,
    find_merged_regions,
    trace_regions,
)
from fastkm.vector.polygons import place_parts
from fastkm.vector.seam import unroll_columns
from fastkm.vector.strips import TraceOptions, trace_strips

if TYPE_CHECKING:
    import geopandas as gpd
    import xarray as xr
    from numpy.typing import ArrayLike

    from fastkm.geometry.regions import Boundary

Batch = tuple["gpd.GeoDataFrame", np.ndarray]
"""Rows of some regions, and the first cells of these regions."""

make_callable(__name__)

WEST = {None: None, "0..360": 0.0, "-180..180": -180.0}
"""Where the longitudes of the output begin."""


def polygonize(
    labels: ArrayLike | xr.DataArray,
    *,
    boundary: Boundary = "cell",
    connectivity: Literal[4, 8] = 4,
    junctions: bool = True,
    simplify: float | str | None = None,
    smooth: int = 0,
    longitudes: Literal["0..360", "-180..180"] | None = None,
) -> gpd.GeoDataFrame:
    """Turn every connected region of a label map into a polygon with holes.

    Parameters
    ----------
    labels : (rows, columns) array-like or xarray.DataArray
        Whole numbers; negative, masked and NaN cells are missing and belong to no polygon. Lazy
        labels, of dask, are read and traced strip by strip: see `fastkm.polygonize_to_file` for more
        polygons than fit in memory.
    boundary : {"cell", "contour"}
        "cell" follows the edges of cells: polygons tile the cells that are not missing. "contour"
        joins the points halfway between a region's cells and their neighbours, as
        `fastkm.find_contours` does at 0.5 of ``labels == label``, closed at the array's edge: it is
        smoother and does not tile.
    connectivity : {4, 8}
        With 8, cells that touch at a corner are connected too; such a region is a MultiPolygon
        whose parts touch at points.
    junctions : bool, default: True
        Put a point into a straight edge wherever other polygons meet on it. Then neighbours have
        the same points along the edge that they share: polygons are a valid coverage
        (``shapely.coverage_is_valid``), unless cells overlap, as at the folds of some grids, and no
        gaps open when they are reprojected. Without these points polygons have as few as possible,
        those of ``rasterio.features.shapes``. "contour" has none.
    simplify : float or str, optional
        Leave out points of all polygons together, so that no gaps open and none overlap: those whose
        triangle with their neighbours is smaller than the square of this tolerance, in pixels,
        ``"2px"``, or in units of the reference system, ``0.5``. The frame of the labels and the ends
        of longitudes stay. It needs ``boundary="cell"`` and junctions.
    smooth : int, default: 0
        How often, 0 to 5, corners are cut off the lines between polygons (Chaikin's algorithm), before
        anything is simplified. Neighbours keep the same line, and points where three polygons meet
        stay. At each corner of one cell at most 1/24 of a cell goes to the neighbour. So an island
        in one other region loses at most 1/6 of a cell, however large it is, if it does not meet
        itself at a corner; each corner that stays adds 1/24 to the bound. It needs ``boundary="cell"``. Lazy labels are read at once for
        this and for `simplify`.
    longitudes : {"0..360", "-180..180"}, optional
        Cut polygons where these begin. By default longitudes stay as the labels have them if
        they are within one of the two; otherwise they are shifted or cut so that they are.

    Returns
    -------
    geopandas.GeoDataFrame
        One row a region, by first cell: ``cluster``, its label, and ``geometry``, valid, with
        exteriors counter-clockwise. Coordinates are column and row, whole at cell centres, if
        the labels have none. Regions of a grid that goes round the globe are joined across its
        seam, and are MultiPolygons if they reach over the end of longitudes. A last column that
        repeats the first, 360 degrees on, is left out.

    Raises
    ------
    ValueError
        If the labels do not have two dimensions or are not whole numbers, or an option is unknown.
    TypeError
        If they are not numbers.

    Examples
    --------
    >>> import fastkm
    >>> found = fastkm.polygonize([[0, 0, 1], [0, 0, 0]])
    >>> found["cluster"].tolist()
    [0, 1]
    >>> found.geometry[1].wkt
    'POLYGON ((1.5 -0.5, 2.5 -0.5, 2.5 0.5, 1.5 0.5, 1.5 -0.5))'
    """
    import geopandas as gpd

    shape = as_shape(simplify, smooth, boundary=boundary, junctions=junctions)
    plane = to_plane(labels)
    if goes_in_strips(plane, shape):
        batches = iterate_polygons(
            plane,
            boundary=boundary,
            connectivity=connectivity,
            junctions=junctions,
            longitudes=longitudes,
        )
        frame, first_cells = join_batches(batches)
        return frame.iloc[np.argsort(first_cells)].reset_index(drop=True)
    values, grid = to_cells_and_grid(plane)
    west = find_west(longitudes, grid)
    regions = find_merged_regions(values, grid, connectivity)
    if shape.changes():
        geometry, owners = shape_regions(regions, grid, west, shape, junctions)
    else:
        rings = trace_regions(regions, grid, west, boundary, junctions)
        geometry, owners = place_parts(rings.cut(), grid, west)
    return gpd.GeoDataFrame({"cluster": regions.labels[owners]}, geometry=geometry, crs=grid.crs)


def iterate_polygons(
    plane: xr.DataArray,
    *,
    boundary: Boundary = "cell",
    connectivity: Literal[4, 8] = 4,
    junctions: bool = True,
    longitudes: Literal["0..360", "-180..180"] | None = None,
) -> Iterator[Batch]:
    """Yield the polygons of a lazy label map of (row, column), as `polygonize` has them, in batches.

    Each batch has the first cells of its regions too, by which they come in order. There is at least
    one batch.
    """
    import geopandas as gpd

    grid = find_checked_grid(plane)
    west = find_west(longitudes, grid)
    columns = unroll_columns(grid, plane.shape[1], west)
    options = TraceOptions(boundary, connectivity, junctions=junctions)
    for _, regions, _ in trace_strips([plane], grid, columns, options):
        rings = RegionRings(regions.rings, regions.owners, columns.windows)
        for wanted in rings.split(len(regions.labels)):
            geometry, owners = place_parts(rings.select(wanted).cut(), grid, west)
            clusters = {"cluster": regions.labels[owners]}
            frame = gpd.GeoDataFrame(clusters, geometry=geometry, crs=grid.crs)
            yield frame, regions.first_cells[owners]


def join_batches(batches: Iterable[Batch]) -> tuple[gpd.GeoDataFrame, np.ndarray]:
    """Return all rows of batches in one frame, and the first cells of their regions."""
    import pandas as pd

    frames, first_cells = zip(*batches, strict=True)
    some = [frame for frame in frames if len(frame)]
    return pd.concat(some or frames[:1], ignore_index=True), np.concatenate(first_cells)


def to_plane(labels: Any, name: str = "labels") -> Any:
    """Return a raster as (row, column), without columns that repeat others, lazy if it is so.

    A plain array is returned as it is, and has pixels for coordinates. Errors are those of the
    argument `name`.
    """
    if not hasattr(labels, "dims"):
        if not is_lazy(labels) or labels.ndim != 2:
            return labels
        import xarray as xr

        return xr.DataArray(labels, dims=("y", "x"))
    axes = find_axes(labels)
    further = {dim: size for dim, size in labels.sizes.items() if dim not in axes[1:] and size > 1}
    if further:
        raise ValueError(f"{name} must be one map of rows and columns, got also {further}")
    labels = labels.squeeze([dim for dim in labels.dims if dim not in axes[1:]], drop=True)
    return drop_repeated_columns(labels.transpose(axes.y, axes.x))


def find_checked_grid(plane: xr.DataArray, name: str = "labels") -> Grid:
    """Find the grid of a raster, in which no longitude may come twice."""
    grid = find_grid(plane)
    if isinstance(grid, AxisGrid) and grid.in_degrees and np.ptp(grid.x) >= 360.0:
        raise ValueError(
            f"{name} must not have longitudes twice, got {grid.x[0]:g} to {grid.x[-1]:g}: leave out "
            "the columns that come again"
        )
    return grid


def to_cells_and_grid(labels: Any, name: str = "labels") -> tuple[Any, Grid]:
    """Return the cells of a raster as (row, column), missing ones masked, and their grid."""
    # a plain array has pixels for coordinates
    if not hasattr(labels, "dims"):
        values = labels if isinstance(labels, np.ma.MaskedArray) else np.asarray(labels)
        if values.ndim == 0 and values.dtype.kind not in "biuf":
            validation.refuse_path(name, labels)
            advice = ": pass clusters.labels" if hasattr(labels, "labels") else ""
            raise TypeError(f"{name} must be a label map, got {type(labels).__name__}{advice}")
        if values.ndim != 2:
            raise ValueError(f"{name} must have two dimensions, got shape {values.shape}")
        rows, columns = (np.arange(size, dtype=np.float64) for size in values.shape)
        return values, AxisGrid(rows, columns, None, False, 0)
    # cells, and where they lie
    labels = to_plane(labels, name).compute()
    values, mask = validation.as_values_and_mask(labels, name)
    grid = find_checked_grid(labels, name)
    mask = mask_missing_places(values, mask, grid)
    return values if mask is None else np.ma.MaskedArray(values, mask), grid


def find_west(longitudes: str | None, grid: Grid) -> float | None:
    """Return the meridian where longitudes begin, None for where the raster's do.

    That is chosen for a raster whose longitudes reach beyond a map.
    """
    if longitudes not in list(WEST):
        raise ValueError(f"longitudes must be '0..360', '-180..180' or None, got {longitudes!r}")
    if longitudes is not None and not grid.in_degrees:
        raise ValueError(f"longitudes={longitudes!r} needs a raster with longitudes in degrees")
    if longitudes is None and isinstance(grid, AxisGrid):
        return grid.west
    return WEST[longitudes]


def shape_regions(
    regions: MergedRegions,
    grid: Grid,
    west: float | None,
    shape: Shape,
    junctions: bool,
    wanted: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the smoothed and simplified (Multi)Polygons of regions, and their numbers, ascending.

    `wanted` are the numbers of the regions that are wanted; by default all.
    """
    numbers = np.arange(len(regions.labels))
    chosen = numbers >= 0 if wanted is None else np.isin(numbers, wanted)
    if shape.tolerance is None:
        rings = trace_regions(regions, grid, west, "cell", junctions, chosen)
        return shape_rings(rings, regions, grid, west, shape)
    # all are simplified together
    covered = cover_missing(regions, grid)
    rings = trace_regions(covered, grid, west, "cell", junctions)
    geometry, owners = shape_rings(rings, covered, grid, west, shape)
    return geometry[chosen[owners]], owners[chosen[owners]]
