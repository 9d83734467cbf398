"""Every region of a label map as a polygon.

The way of the data: `find_regions` numbers the regions in the array; those that touch across the
seam of a round grid, or at corners where that counts, are joined; `plane_of` lays the columns out;
`trace_rings` traces all rings in one pass; `cut_to_windows` and `place_pieces` make polygons.
`Traced` holds what lies on that way, in pixels, for `polygonize` and for `fastkm.vector.outline.outline`.
"""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from fastkm._core import validation
from fastkm.geometry.region_merging import bridged, joined, touching
from fastkm.geometry.regions import Regions, Rings, find_regions, trace_rings
from fastkm.raster.grid.axes import find_axes
from fastkm.raster.grid.geolocation import AxisGrid, Grid, grid_of, without_repeated_column
from fastkm.vector.polygons import Pieces, cut_to_windows, place_pieces, take_polygons
from fastkm.vector.seam import Plane, plane_of

if TYPE_CHECKING:
    import geopandas as gpd
    import xarray as xr
    from numpy.typing import ArrayLike

Boundary = Literal["cell", "contour"]
BOUNDARIES = ("cell", "contour")

WEST = {None: None, "0..360": 0.0, "-180..180": -180.0}
"""Where the longitudes of the output begin."""


class Mosaic(NamedTuple):
    """The regions of a label map, joined across the seam and at corners.

    Attributes
    ----------
    numbers : (rows, columns) int32 array
        The region of each cell, -1 where missing; ordered by first cell.
    labels : (n,) int64 array
        The label of each region.
    cells : (n,) int64 array
        Its number of cells.
    parts : Regions
        The 4-connected parts of regions within the array.
    region : (p,) int64 array
        The region of each part.
    """

    numbers: np.ndarray
    labels: np.ndarray
    cells: np.ndarray
    parts: Regions
    region: np.ndarray


class Traced(NamedTuple):
    """Rings of regions, in pixels.

    Attributes
    ----------
    rings : Rings
        Not cut.
    owners : (p,) int64 array
        The region of each polygon.
    plane : Plane
        In which they were traced.
    """

    rings: Rings
    owners: np.ndarray
    plane: Plane

    def only(self, wanted: np.ndarray) -> Traced:
        """Keep the polygons of some regions; `wanted` is a bool array by region."""
        mine = np.flatnonzero(wanted[self.owners])
        if len(mine) == len(self.owners):
            return self
        return self._replace(rings=take_polygons(self.rings, mine), owners=self.owners[mine])

    def pieces(self) -> Pieces:
        """Cut the polygons to the windows of the plane."""
        return cut_to_windows(self.rings, self.owners, self.plane.windows)


def polygonize(
    labels: ArrayLike | xr.DataArray,
    *,
    boundary: Boundary = "cell",
    connectivity: Literal[4, 8] = 4,
    longitudes: Literal["0..360", "-180..180"] | None = None,
) -> gpd.GeoDataFrame:
    """Turn every connected region of a label map into a polygon with holes.

    Parameters
    ----------
    labels : (rows, columns) array-like or xarray.DataArray
        Whole numbers; negative, masked and NaN cells are missing and belong to no polygon.
    boundary : {"cell", "contour"}
        "cell" follows the edges of cells: polygons tile the cells that are not missing, and are
        those of ``rasterio.features.shapes``. "contour" joins the points halfway between a
        region's cells and their neighbours, as `fastkm.find_contours` does at 0.5 of
        ``labels == label``, closed at the array's edge: it is smoother and does not tile.
    connectivity : {4, 8}
        With 8, cells that touch at a corner are connected too; such a region is a MultiPolygon
        whose parts touch at points.
    longitudes : {"0..360", "-180..180"}, optional
        Cut polygons where these begin. By default longitudes stay as the labels have them.

    Returns
    -------
    geopandas.GeoDataFrame
        One row a region, by first cell: ``cluster``, its label, and ``geometry``, valid, with
        exteriors counter-clockwise. (A last column that repeats the first, 360 degrees on, is left out.) Coordinates are column and row, whole at cell centres, where
        the labels have none. Regions of a grid that goes round the globe are joined across its
        seam, and are MultiPolygons where longitudes end.

    Raises
    ------
    ValueError
        If the labels have not two dimensions, or no whole numbers, or an option is unknown.
    TypeError
        If they are no numbers.

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

    values, grid = as_plain(labels)
    west = checked_west(longitudes, grid)
    mosaic = mosaic_of(values, grid, connectivity)
    traced = trace(mosaic, grid, west, boundary)
    geometry, owners = place_pieces(traced.pieces(), grid, west)
    return gpd.GeoDataFrame({"cluster": mosaic.labels[owners]}, geometry=geometry, crs=grid.crs)


def as_plain(labels: Any) -> tuple[Any, Grid]:
    """Give the cells of a label map in the order (row, column), missing ones masked, and their grid."""
    if not hasattr(labels, "dims"):
        values = labels if isinstance(labels, np.ma.MaskedArray) else np.asarray(labels)
        if values.ndim != 2:
            raise ValueError(f"labels must have two dimensions, got shape {values.shape}")
        rows, columns = (np.arange(size, dtype=np.float64) for size in values.shape)
        return values, AxisGrid(rows, columns, None, False, 0)
    axes = find_axes(labels)
    further = {dim: size for dim, size in labels.sizes.items() if dim not in axes[1:] and size > 1}
    if further:
        raise ValueError(f"labels must be one map of rows and columns, got also {further}")
    labels = labels.squeeze([dim for dim in labels.dims if dim not in axes[1:]], drop=True)
    labels = without_repeated_column(labels.transpose(axes.y, axes.x)).compute()
    values, mask = validation.plain(labels, "labels")
    grid = grid_of(labels)
    if isinstance(grid, AxisGrid) and grid.in_degrees and np.ptp(grid.x) >= 360.0:
        raise ValueError(
            f"labels must not have longitudes twice, got {grid.x[0]:g} to {grid.x[-1]:g}: leave out "
            "the columns that come again"
        )
    return values if mask is None else np.ma.MaskedArray(values, mask), grid


def checked_west(longitudes: str | None, grid: Grid) -> float | None:
    """Give the meridian where longitudes begin.

    Raises
    ------
    ValueError
        If the range is unknown, or the grid has no longitudes.
    """
    if longitudes not in list(WEST):
        raise ValueError(f"longitudes must be '0..360', '-180..180' or None, got {longitudes!r}")
    if longitudes is not None and not grid.in_degrees:
        raise ValueError(f"longitudes={longitudes!r} needs a raster with longitudes in degrees")
    return WEST[longitudes]


def mosaic_of(values: Any, grid: Grid, connectivity: Literal[4, 8], bridge: Any = 0) -> Mosaic:
    """Find the regions of a label map; join those that up to `bridge` missing cells part.

    Raises
    ------
    ValueError
        If the connectivity is neither 4 nor 8, `bridge` is no whole number of at least 0, or the
        labels are no labels.
    """
    if connectivity not in (4, 8):
        raise ValueError(f"connectivity must be 4 or 8, got {connectivity!r}")
    if not isinstance(bridge, Integral) or bridge < 0:
        raise ValueError(f"bridge must be a whole number of at least 0, got {bridge!r}")
    parts, periodic = find_regions(values), bool(grid.turn)
    if connectivity == 4 and not periodic and bridge == 0:
        return Mosaic(*parts[:3], parts, np.arange(len(parts.labels)))
    pairs = touching(parts, connectivity=connectivity, periodic=periodic)
    pairs = np.concatenate([pairs, bridged(parts, int(bridge), periodic=periodic)])
    region = joined(parts, pairs)
    count = int(region.max(initial=-1)) + 1
    labels = np.empty(count, np.int64)
    labels[region] = parts.labels
    cells = np.bincount(region, parts.cells, minlength=count).astype(np.int64)
    numbers = np.append(region, -1).astype(np.int32)[parts.numbers]
    return Mosaic(numbers, labels, cells, parts, region)


def trace(
    mosaic: Mosaic,
    grid: Grid,
    west: float | None,
    boundary: Boundary,
    wanted: np.ndarray | None = None,
) -> Traced:
    """Trace the rings of regions.

    Parameters
    ----------
    mosaic : Mosaic
        The regions.
    grid : Grid
        Where their cells lie.
    west : float or None
        The meridian where longitudes begin.
    boundary : {"cell", "contour"}
        See `polygonize`.
    wanted : (n,) bool array, optional
        Which regions; by default all.

    Raises
    ------
    ValueError
        If the boundary is unknown.
    """
    validation.require_choice("boundary", boundary, BOUNDARIES)
    plane = plane_of(grid, mosaic.numbers.shape[1], west)
    parts, region = mosaic.parts, mosaic.region
    if grid.turn:
        parts = find_regions(mosaic.numbers[:, plane.columns])
        region = parts.labels  # which are regions here
    chosen = None if wanted is None else wanted[region]
    rings = trace_rings(parts, boundary=boundary, wanted=chosen)
    if plane.first:
        rings.points[:, 1] += plane.first
    return Traced(rings, region[rings.regions], plane)
