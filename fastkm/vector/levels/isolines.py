"""Lines of equal value, with coordinates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from fastkm.geometry.level_lines import collect_lines
from fastkm.vector.levels.placed_levels import LevelRaster, check_levels, read_levels

if TYPE_CHECKING:
    import geopandas as gpd
    import xarray as xr
    from numpy.typing import ArrayLike


def isolines(
    raster: ArrayLike | xr.DataArray,
    levels: ArrayLike,
    *,
    longitudes: Literal["0..360", "-180..180"] | None = None,
    threads: int | None = None,
) -> gpd.GeoDataFrame:
    """Trace the lines along which a raster has given values.

    They are the lines between the polygons of `fastkm.bands`, with the same points: linear between
    the centres of cells, and straight on to the edges of cells at the end of the raster and beside
    missing cells.

    Parameters
    ----------
    raster : (rows, columns) array-like or xarray.DataArray
        Numbers; masked and NaN cells are missing.
    levels : float or sequence of float
        Finite numbers.
    longitudes : {"0..360", "-180..180"}, optional
        Cut lines where these begin; see `fastkm.polygonize`.
    threads : int, optional
        Threads to use. They do not change the result.

    Returns
    -------
    geopandas.GeoDataFrame
        One row a level that has lines, ascending, in the reference system of the raster: ``level``, and
        ``geometry``, a LineString or a MultiLineString. Closed lines end where they begin.
        Coordinates are column and row if the raster has none.

    Raises
    ------
    ValueError
        If levels are not finite, the raster does not have two dimensions or has infinite values, or
        an option is unknown.
    TypeError
        If raster or levels do not hold numbers.

    See Also
    --------
    fastkm.bands : The polygons between the lines.
    fastkm.find_contours : Contours of an array in pixels, those of scikit-image.

    Examples
    --------
    >>> import fastkm
    >>> fastkm.isolines([[0.0, 1.0, 4.0]], [0.5, 9.0]).geometry.tolist()
    [<LINESTRING (0.5 0.5, 0.5 0, 0.5 -0.5)>]
    """
    import geopandas as gpd
    import shapely

    wanted = check_levels("levels", np.sort(np.unique(np.asarray(levels))))
    source = read_levels(raster, wanted, longitudes)
    lines, numbers = [np.empty(0, object)], [np.empty(0, np.int64)]
    for _, vertices, places in source.trace(threads):
        points, offsets, found = collect_lines(vertices, places)
        if not source.grid.straight:
            points, offsets, found = _cut_at_meridian(points, offsets, found, source)
        if len(found):
            lines.append(
                shapely.from_ragged_array(shapely.GeometryType.LINESTRING, points, (offsets,))
            )
            numbers.append(found)
    every, owners = np.concatenate(lines), np.concatenate(numbers)
    order = np.argsort(owners, kind="stable")
    rows, index, count = np.unique(owners[order], return_inverse=True, return_counts=True)
    geometry = shapely.multilinestrings(every[order], indices=index) if len(rows) else every
    geometry = np.where(count == 1, shapely.get_geometry(geometry, 0), geometry)
    return gpd.GeoDataFrame(
        {"level": wanted[rows]}, geometry=gpd.GeoSeries(geometry, crs=source.grid.crs)
    )


def _cut_at_meridian(
    points: np.ndarray, offsets: np.ndarray, numbers: np.ndarray, source: LevelRaster
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut lines where longitudes jump from one end of a turn to the other."""
    west = source.find_curved_west()
    x = points[:, 0]
    jumps = np.abs(np.diff(x)) > 180.0
    jumps[offsets[1:-1] - 1] = False  # from one line to the next
    at = np.flatnonzero(jumps)
    # both sides get the point on the meridian between
    eastward = x[at] > x[at + 1]
    here, there = np.where(eastward, west + 360.0, west), np.where(eastward, west, west + 360.0)
    step = x[at + 1] + np.where(eastward, 360.0, -360.0) - x[at]
    share = np.where(step != 0.0, (here - x[at]) / np.where(step != 0.0, step, 1.0), 0.5)
    y = points[at, 1] + share * (points[at + 1, 1] - points[at, 1])
    added = np.stack([np.column_stack([here, y]), np.column_stack([there, y])], axis=1)
    moved = offsets + 2 * np.searchsorted(at, offsets - 1)
    breaks = at + 1 + 2 * np.arange(len(at)) + 1
    whole = np.insert(points, np.repeat(at + 1, 2), added.reshape(-1, 2), axis=0)
    every = np.sort(np.concatenate([moved, breaks]))
    owners = numbers[np.searchsorted(moved, every[:-1], side="right") - 1]
    return whole, every, owners
