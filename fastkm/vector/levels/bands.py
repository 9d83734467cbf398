"""The bands between levels as polygons: filled contours with coordinates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fastkm.vector.levels.placed_levels import (
    check_levels,
    collect_bands,
    read_levels,
    trace_bands,
)
from fastkm.vector.polygons import repair_region

if TYPE_CHECKING:
    import geopandas as gpd
    import xarray as xr
    from numpy.typing import ArrayLike

    from fastkm.cluster.exact.result import KMeans1D


def bands(
    raster: ArrayLike | xr.DataArray,
    breaks_or_codebook: ArrayLike | KMeans1D,
    *,
    longitudes: Literal["0..360", "-180..180"] | None = None,
    threads: int | None = None,
) -> gpd.GeoDataFrame:
    """Turn the bands of values between breaks into polygons with smooth edges.

    Between the centres of cells values are linear, so edges are those of isolines at the breaks, not
    of cells. The polygons tile the cells that are not missing: out to the edges of cells at the end of
    the raster and beside missing cells, where a line goes on to the edge. Neighbours have the same
    points on their common line, so no gaps open when polygons are reprojected.

    Parameters
    ----------
    raster : (rows, columns) array-like or xarray.DataArray
        Numbers; masked and NaN cells are missing and belong to no band. A lazy raster, of dask, is
        read as a whole.
    breaks_or_codebook : sequence of float, or KMeans1D
        Finite numbers that ascend, or a result of `fastkm.kmeans1d`, for its breaks.
    longitudes : {"0..360", "-180..180"}, optional
        Cut polygons where these begin; see `fastkm.polygonize`.
    threads : int, optional
        Threads to use. They do not change the result.

    Returns
    -------
    geopandas.GeoDataFrame
        One row a band that has an area, by value, in the reference system of the raster:

        - ``lower``, ``upper``: the breaks between which its values are, above the lower one and up
          to the upper one; ``-inf`` for the first and ``inf`` for the last band;
        - ``cluster``: the number of breaks below its values. At the centres of cells it is what
          `KMeans1D.predict` returns;
        - ``geometry``: a Polygon or a MultiPolygon, valid, with exteriors counter-clockwise.

        Coordinates are column and row, whole at cell centres, if the raster has none. Bands go on
        across the seam of a grid that goes round the globe, and to the pole if cells do.

    Raises
    ------
    ValueError
        If the breaks are not finite or do not ascend, the raster does not have two dimensions or has
        infinite values, or an option is unknown.
    TypeError
        If raster or breaks do not hold numbers, or the codebook is one of several bands.

    See Also
    --------
    fastkm.isolines : The lines between bands.
    fastkm.polygonize : Polygons along the edges of cells.

    Notes
    -----
    In a square between four centres lines are straight, and the mean of the four decides which
    corners they join in a saddle, as in contourpy and matplotlib. Where a value is equal to a break,
    the line passes it at 1/65536 of a cell, on its higher side.

    Where polygons are cut at the end of longitudes, values on the cut are interpolated, and lines are
    straight on either side of it. If every cell has a latitude and a longitude, edges are straight in
    degrees: in the cells round a pole amid the grid, edges of neighbours may cross.

    Examples
    --------
    >>> import fastkm
    >>> found = fastkm.bands([[0.0, 1.0, 4.0]], [0.5, 2.5])
    >>> found[["lower", "upper", "cluster"]]
       lower  upper  cluster
    0   -inf    0.5        0
    1    0.5    2.5        1
    2    2.5    inf        2
    >>> found.geometry[1].bounds
    (0.5, -0.5, 1.5, 0.5)
    """
    import geopandas as gpd
    import shapely

    levels = as_breaks(breaks_or_codebook)
    source = read_levels(raster, levels, longitudes)
    geometry, clusters = collect_bands(source, list(trace_bands(source, threads)))
    if not source.grid.straight:
        bad = ~shapely.is_valid(geometry)
        geometry[bad] = [repair_region(region) for region in geometry[bad]]
    ends = np.concatenate([[-np.inf], source.levels, [np.inf]])
    columns = {"lower": ends[clusters], "upper": ends[clusters + 1], "cluster": clusters}
    return gpd.GeoDataFrame(columns, geometry=geometry, crs=source.grid.crs)


def as_breaks(breaks_or_codebook: Any) -> np.ndarray:
    """Return breaks, checked, or those of a codebook of one band."""
    if hasattr(breaks_or_codebook, "predict"):
        breaks = getattr(breaks_or_codebook, "breaks", None)
        if breaks is None:
            raise TypeError(
                "a codebook of one band has breaks, one of several has none, got "
                f"{breaks_or_codebook!r}"
            )
        return np.asarray(breaks)
    return check_levels("breaks_or_codebook", breaks_or_codebook)
