"""The outlines on a map of the world, or of a part of it.

The projection is plate carrée, longitude and latitude drawn as they are, so everything here is
a shift: an outline at 200 degrees on a map around 180 lies 20 to the right of its middle. A
ring is drawn wherever one of its copies, one turn to either side, meets the window; what
crosses the window's edge thus comes back at the other side, and no line runs across the map.

Land comes from `fastkm.plot.coastlines`, the frame from cartopy. Both are optional (extra
``maps``); without them the same outlines are drawn on plain axes, and a warning says so.
Outlines without a coordinate reference system lie nowhere on Earth and get axes of x and y.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.figure import Figure
from matplotlib.path import Path

from fastkm.plot._text import degrees_label
from fastkm.plot.coastlines import Resolution, land_polygons
from fastkm.plot.style import LAND_COLOUR, OUTLINE_COLOUR, SEA_COLOUR, SHORE_COLOUR

if TYPE_CHECKING:
    from collections.abc import Sequence

    import geopandas as gpd
    from matplotlib.axes import Axes
    from shapely import Polygon

Extent = tuple[float, float, float, float]

SMALLEST_KM2 = 1000.0
"""Islands and lakes below this are a millimetre wide in print: all shore, no land."""
NO_COASTLINES = (
    'the map has no coastlines because extra "maps" is not installed, '
    'install with pip install "fastkm[maps]"'
)
_LINE_TYPES = (1, 2)
_POLYGON_TYPE = 3


def map_figure(
    outlines: gpd.GeoDataFrame,
    *,
    title: str | None = None,
    extent: Extent | None = None,
    central_longitude: float | None = None,
    resolution: Resolution = "l",
) -> Figure:
    """Draw outlines in red over land.

    Parameters
    ----------
    outlines : geopandas.GeoDataFrame
        Polygons or lines in longitude and latitude (EPSG:4326); longitudes may run from 0 to
        360 or from -180 to 180. Holes are drawn like exteriors. Without a CRS: any x and y.
    title : str, optional
        The figure's title.
    extent : (west, south, east, north), optional
        The part of the world to show, in degrees; by default all.
    central_longitude : float, optional
        Middle of a map of the world in degrees. By default 180 where a longitude exceeds 180,
        else 0.
    resolution : {'c', 'l', 'i'}, default 'l'
        Crude, low or intermediate shorelines.

    Returns
    -------
    matplotlib.figure.Figure
        One map.

    Raises
    ------
    ValueError
        If the outlines are in a projected CRS, or `resolution` is none of the three.

    Warns
    -----
    UserWarning
        If extra ``maps`` is not installed: the map is drawn without land.

    Examples
    --------
    >>> import geopandas, shapely
    >>> outlines = geopandas.GeoDataFrame(geometry=[shapely.box(150, -10, 210, 10)], crs=4326)
    >>> map_figure(outlines.to_crs(6933))
    Traceback (most recent call last):
    ...
    ValueError: outlines must be in longitude and latitude (EPSG:4326), got EPSG:6933
    >>> figure = map_figure(outlines, title="Warm pool")  # doctest: +SKIP
    """
    crs = outlines.crs
    if crs is not None and not crs.is_geographic:
        msg = f"outlines must be in longitude and latitude (EPSG:4326), got {crs.to_string()}"
        raise ValueError(msg)
    rings = _rings(outlines)
    central = _central_longitude(rings, extent) if central_longitude is None else central_longitude
    window = (central - 180.0, -90.0, central + 180.0, 90.0) if extent is None else extent
    figure = Figure(figsize=_page(window, bool(title)), layout="constrained")
    if crs is None:
        ax = _nowhere_axes(figure)
        ax.add_collection(LineCollection(rings, colors=OUTLINE_COLOUR, linewidths=2.0))
        ax.autoscale_view()
    else:
        ax = _earth_axes(figure, central, window, resolution)
        ax.add_collection(_outline_lines(rings, central), autolim=False)
    if title:
        ax.set_title(title)
    return figure


def _page(window: Extent, titled: bool) -> tuple[float, float]:
    """Give the page the window's shape, within what is readable."""
    west, south, east, north = window
    shape = min(max((north - south) / (east - west), 0.3), 1.2)
    return 10.0, 10.0 * shape * 0.96 + 0.4 + 0.3 * titled


def _rings(outlines: gpd.GeoDataFrame) -> list[np.ndarray]:
    """Give every exterior, hole and line as points, shape (n, 2)."""
    import shapely

    shapes = np.asarray(outlines.geometry.array, dtype=object)
    parts = shapely.get_parts(shapely.get_parts(shapes))
    kinds = shapely.get_type_id(parts)
    lines = [*shapely.get_rings(parts[kinds == _POLYGON_TYPE]), *parts[np.isin(kinds, _LINE_TYPES)]]
    return [shapely.get_coordinates(line) for line in lines if not line.is_empty]


def _central_longitude(rings: Sequence[np.ndarray], extent: Extent | None = None) -> float:
    """Choose the middle of a turn that holds the extent, or all rings, uncut."""
    if extent is None:
        return 180.0 if any(ring[:, 0].max() > 180.0 for ring in rings) else 0.0
    west, _, east, _ = extent
    fitting = [c for c in (0.0, 180.0) if c - 180.0 <= west and east <= c + 180.0]
    return fitting[0] if fitting else (west + east) / 2.0


def _outline_lines(rings: Sequence[np.ndarray], central: float) -> LineCollection:
    """Draw the copies of each ring that meet the window, relative to its middle."""
    copies = [ring - (central + turn, 0.0) for ring in rings for turn in (-360.0, 0.0, 360.0)]
    seen = [ring for ring in copies if ring[:, 0].max() > -180.0 and ring[:, 0].min() < 180.0]
    return LineCollection(seen, colors=OUTLINE_COLOUR, linewidths=2.0, zorder=4)


def _earth_axes(figure: Figure, central: float, window: Extent, resolution: Resolution) -> Axes:
    """Make the axes, with land where the optional packages are there, x = 0 at the middle."""
    try:
        import cartopy.crs as ccrs

        land = land_polygons(resolution, central_longitude=central, smallest_km2=SMALLEST_KM2)
    except ModuleNotFoundError:
        warnings.warn(NO_COASTLINES, UserWarning, stacklevel=3)
        return _plain_axes(figure, central, window)
    ax: Any = figure.add_subplot(projection=ccrs.PlateCarree(central_longitude=central))
    ax.set_facecolor(SEA_COLOUR)
    ax.add_collection(_land_patches(land, central), autolim=False)
    _set_window(ax, central, window)
    _label_with_gridliner(ax, window)
    axes: Axes = ax
    return axes


def _set_window(ax: Axes, central: float, window: Extent) -> None:
    west, south, east, north = window
    ax.set_xlim(west - central, east - central)
    ax.set_ylim(south, north)


def _land_patches(land: Sequence[Polygon], central: float) -> PathCollection:
    """Fill land with its lakes left out: exterior and holes are one compound path."""
    import shapely

    paths = [
        Path.make_compound_path(
            *(
                Path(shapely.get_coordinates(ring) - (central, 0.0), closed=True)
                for ring in shapely.get_rings(polygon)
            )
        )
        for polygon in land
    ]
    return PathCollection(
        paths, facecolors=LAND_COLOUR, edgecolors=SHORE_COLOUR, linewidths=0.3, zorder=1
    )


def _ticks(low: float, high: float, most: int) -> np.ndarray:
    """Choose round degrees within a range, at most so many steps apart."""
    steps = np.array([1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 90.0])
    fitting = steps[(high - low) / steps <= most]
    step = fitting[0] if len(fitting) else steps[-1]
    return step * np.arange(np.ceil(low / step), np.floor(high / step) + 1)


def _label_with_gridliner(ax: Any, window: Extent) -> None:
    from matplotlib.ticker import FixedLocator

    lines = ax.gridlines(draw_labels={"bottom": "x", "left": "y"}, **_GRID)
    east, north = _ticks(window[0], window[2], 6), _ticks(window[1], window[3], 6)
    turned = (east + 180.0) % 360.0 - 180.0  # cartopy overlooks what exceeds 180
    lines.xlocator = FixedLocator(np.unique(turned).tolist())
    lines.ylocator = FixedLocator(north.tolist())


def _plain_axes(figure: Figure, central: float, window: Extent) -> Axes:
    ax = figure.add_subplot()
    _set_window(ax, central, window)
    ax.set_aspect("equal")
    east, north = _ticks(window[0], window[2], 6), _ticks(window[1], window[3], 6)
    ax.set_xticks(east - central, labels=[degrees_label(x, "longitude") for x in east])
    ax.set_yticks(north, labels=[degrees_label(y, "latitude") for y in north])
    ax.grid(visible=True, **_GRID)
    return ax


def _nowhere_axes(figure: Figure) -> Axes:
    ax = figure.add_subplot(aspect="equal", xlabel="x", ylabel="y")
    ax.grid(visible=True, **_GRID)
    return ax


_GRID: dict[str, Any] = {"color": "#7f8c99", "linewidth": 0.5, "alpha": 0.6, "linestyle": ":"}
