"""Outlines on a map, in whatever reference system they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastkm.raster.grid.crs import has_plain_degrees
from fastkm.vector.formats.geojson import to_longlat

if TYPE_CHECKING:
    import geopandas as gpd
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure


def plot_map(
    regions: gpd.GeoDataFrame,
    *,
    title: str | None = None,
    extent: tuple[float, float, float, float] | None = None,
    units: str = "",
    cmap: str | Colormap | None = None,
    projection: str | None = None,
    size: tuple[float, float | None] | None = None,
    **options: Any,
) -> Figure:
    """Draw regions on a map with coastlines: those of one cluster in red, of several in colours.

    Parameters
    ----------
    regions : geopandas.GeoDataFrame
        What `fastkm.outline` or `fastkm.polygonize` returns, or other polygons (in longitudes and latitudes lines, too). A column
        ``cluster`` gives their colours, a column ``value`` the centroids of the legend. Without a
        reference system they are drawn in their own x and y; those of a plain array have its row 0 at
        the bottom, as ``clusters.plot()`` has.
    title : str, optional
        The title. Below it stands which cluster is shown, if it is one, and around which centroid.
    extent : (west, south, east, north), optional
        The part of the world to show, in degrees; by default that of the regions, with some room.
    units : str, default ""
        Units of the centroids, as netCDF writes them.
    cmap : str or matplotlib.colors.Colormap, optional
        The colour map that the clusters' colours are samples of; viridis by default.
    projection : str, optional
        "plate-carree", "robinson", "orthographic", "polar" or "EPSG:n"; by default longitudes and
        latitudes as they are.
    size : (width, height), optional
        Inches; if the height is None, the page is as high as the map.
    **options
        Those of `fastkm.plot.map_figure`.

    Returns
    -------
    matplotlib.figure.Figure
        Notebooks show it; ``savefig`` writes it.

    Raises
    ------
    ValueError
        As `fastkm.plot.map_figure` does.
    TypeError
        If the regions are no polygons.
    ModuleNotFoundError
        If the projection needs cartopy, and that is not installed.

    Warns
    -----
    UserWarning
        If extra ``maps`` is not installed: the map is drawn without land.

    Examples
    --------
    >>> import fastkm, xarray as xr
    >>> regions = fastkm.outline(xr.DataArray([[1.0, 2.0], [8.0, 9.0]], dims=("y", "x")), 2)
    >>> figure = fastkm.plot_map(regions, title="Two clusters", units="m")
    >>> [text.get_text() for text in figure.axes[0].child_axes[0].get_yticklabels()]
    ['0: 1.5', '1: 8.5']
    >>> fastkm.plot_map(regions, projection="robinson")
    Traceback (most recent call last):
    ...
    ValueError: outlines must have a reference system to be drawn in robinson
    """
    from fastkm.plot import map_figure

    if not hasattr(regions, "geometry"):
        labels = "clusters.labels" if hasattr(regions, "labels") else "labels"
        raise TypeError(
            f"regions must be polygons, got {type(regions).__name__}: fastkm.polygonize({labels}) "
            "makes them"
        )
    if regions.crs is not None and not has_plain_degrees(regions.crs):
        regions = to_longlat(regions)
    return map_figure(
        regions, title=title, extent=extent, units=units, cmap=cmap, projection=projection,
        size=size, **options,
    )  # fmt: skip
