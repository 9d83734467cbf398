"""The outlines on a map of the world, or of a part of it.

The projection is plate carrée, longitude and latitude drawn as they are, so everything here is
a shift: an outline at 200 degrees on a map around 180 lies 20 to the right of its middle. A
ring is drawn wherever one of its copies, one turn to either side, meets the window; what
crosses the window's edge thus comes back at the other side, and no line runs across the map.

Outlines of one cluster are red lines. Those of several are filled in the colours that label maps
have, and a colour bar names them; shorelines then lie on top.

A region that an output's convention has cut, at the meridian where longitudes end, is drawn as if it
were not: the cut is no outline, nor is the edge along a pole. What one row has on both sides of
that meridian, at the same latitudes, is left out of its lines.

Land comes from `fastkm.plot.coastlines`, the frame from cartopy. Both are optional (extra
``maps``); without them the same outlines are drawn on plain axes, and a warning says so.
Outlines without a coordinate reference system lie nowhere on Earth and get axes of x and y.
"""

from __future__ import annotations

import warnings
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import patheffects
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.path import Path

from fastkm.plot._text import centroid_numbers, degrees_label, quantity_label
from fastkm.plot.coastlines import Resolution, land_polygons
from fastkm.plot.style import (
    LAND_COLOUR,
    OUTLINE_COLOUR,
    SEA_COLOUR,
    SHORE_COLOUR,
    cluster_colormap,
)

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
BORDER_COLOUR = "#1a1a1a"
"""Of outlines whose inside is filled."""
ON_CUT = 1e-6
"""Degrees from a cut, or a pole, within which a point lies on it."""
_LINE_TYPES = (1, 2)
_POLYGON_TYPE = 3


def map_figure(
    outlines: gpd.GeoDataFrame,
    *,
    title: str | None = None,
    extent: Extent | None = None,
    central_longitude: float | None = None,
    resolution: Resolution = "l",
    units: str = "",
) -> Figure:
    """Draw outlines over land: of one cluster in red, of several in the clusters' colours.

    Parameters
    ----------
    outlines : geopandas.GeoDataFrame
        Polygons or lines in longitude and latitude (EPSG:4326); longitudes may run from 0 to
        360 or from -180 to 180. Holes are drawn like exteriors. Without a CRS: any x and y.
        Where a column ``cluster`` holds several numbers, polygons are filled in their colours, of
        as many clusters as a column ``k`` says, else of the highest number here and those below
        it. The colour bar has the centroids in a column ``value``.
    title : str, optional
        The figure's title.
    extent : (west, south, east, north), optional
        The part of the world to show, in degrees; by default all.
    central_longitude : float, optional
        Middle of a map of the world in degrees. By default 180 where a longitude exceeds 180,
        else 0.
    resolution : {'c', 'l', 'i'}, default 'l'
        Crude, low or intermediate shorelines.
    units : str, default ""
        Units of the centroids, as netCDF writes them.

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
    rings, rows = _rings(outlines)
    central = _central_longitude(rings, extent) if central_longitude is None else central_longitude
    window = (central - 180.0, -90.0, central + 180.0, 90.0) if extent is None else extent
    figure = Figure(figsize=_page(window, bool(title)), layout="constrained")
    clusters = _clusters(outlines)
    if crs is None:
        ax = _nowhere_axes(figure)
        lines = LineCollection(rings, colors=OUTLINE_COLOUR, linewidths=2.0)
    else:
        ax = _earth_axes(figure, central, window, resolution, shores_on_top=len(clusters) > 1)
        lines = _outline_lines(_strokes(rings, rows), central)
    if len(clusters) > 1:
        lines.set(color=BORDER_COLOUR, linewidth=0.4)
        ax.add_collection(_fills(outlines, clusters, None if crs is None else central))
        _name_clusters(ax, outlines, clusters, units)
    ax.add_collection(lines, autolim=crs is None)
    if crs is None:
        ax.autoscale_view()
    if title:
        ax.set_title(title)
    return figure


def _page(window: Extent, titled: bool) -> tuple[float, float]:
    """Give the page the window's shape, within what is readable."""
    west, south, east, north = window
    shape = min(max((north - south) / (east - west), 0.3), 1.2)
    return 10.0, 10.0 * shape * 0.96 + 0.4 + 0.3 * titled


def _rings(outlines: gpd.GeoDataFrame) -> tuple[list[np.ndarray], list[int]]:
    """Give every exterior, hole and line as points, shape (n, 2), and its row."""
    import shapely

    shapes = np.asarray(outlines.geometry.array, dtype=object)
    sets, rows = shapely.get_parts(shapes, return_index=True)
    parts, index = shapely.get_parts(sets, return_index=True)
    rows, kinds = rows[index], shapely.get_type_id(parts)
    areal = np.flatnonzero(kinds == _POLYGON_TYPE)
    linear = np.flatnonzero(np.isin(kinds, _LINE_TYPES) & ~shapely.is_empty(parts))
    rings, of = shapely.get_rings(parts[areal], return_index=True)
    lines = [shapely.get_coordinates(line) for line in [*rings, *parts[linear]]]
    return lines, [*rows[areal][of].tolist(), *rows[linear].tolist()]


def _clusters(outlines: gpd.GeoDataFrame) -> dict[int, tuple[float, ...]]:
    """Give the clusters that the frame tells apart, ascending, and their colours."""
    if "cluster" not in outlines or not len(outlines):
        return {}
    numbers = np.unique(np.asarray(outlines["cluster"], np.int64))
    of = "k" if "k" in outlines else "cluster"
    colours = cluster_colormap(int(outlines[of].max()) + (of == "cluster"))
    return {int(j): colours(int(j)) for j in numbers}


def _fills(
    outlines: gpd.GeoDataFrame, clusters: dict[int, tuple[float, ...]], central: float | None
) -> PathCollection:
    """Fill polygons in the colours of their clusters; `central` is None in a plane."""
    import shapely

    shapes = shapely.orient_polygons(np.asarray(outlines.geometry.array, dtype=object))
    parts, rows = shapely.get_parts(shapes, return_index=True)
    own = np.asarray(outlines["cluster"], np.int64)[rows]
    paths, colours = [], []
    for part, cluster in zip(parts, own.tolist(), strict=True):
        if shapely.get_type_id(part) != _POLYGON_TYPE or part.is_empty:
            continue
        rings = [shapely.get_coordinates(ring) for ring in shapely.get_rings(part)]
        for shift in (0.0,) if central is None else _copies(rings[0], central):
            moved = [Path(ring - (shift, 0.0), closed=True) for ring in rings]
            paths.append(Path.make_compound_path(*moved))
            colours.append(clusters[cluster])
    # parts that meet on a cut show no seam unless their edges are smoothed
    return PathCollection(paths, facecolors=colours, linewidths=0, antialiaseds=False, zorder=2)


def _name_clusters(
    ax: Axes,
    outlines: gpd.GeoDataFrame,
    clusters: dict[int, tuple[float, ...]],
    units: str,
) -> None:
    """Put a colour bar beside the map, with the centroids where the frame has them."""
    count = len(clusters)
    texts, label = [str(j) for j in clusters], "cluster"
    if "value" in outlines:
        values = outlines.groupby("cluster")["value"].first().reindex(list(clusters))
        if values.notna().all():
            numbers = centroid_numbers(values.to_numpy(float))
            texts = [f"{j}: {number}" for j, number in zip(clusters, numbers, strict=True)]
            label = quantity_label("centroid", units)
    norm = BoundaryNorm(np.arange(count + 1) - 0.5, count)
    colours = ScalarMappable(norm, ListedColormap(list(clusters.values())))
    bar = ax.figure.colorbar(colours, cax=ax.inset_axes((1.02, 0.0, 0.02, 1.0)))
    bar.set_ticks(list(range(count)), labels=texts)
    bar.ax.tick_params(length=0, labelsize=float(np.clip(250.0 / count, 4.0, 9.0)))
    bar.ax.minorticks_off()
    bar.outline.set_linewidth(0.6)
    bar.set_label(label)


def _strokes(rings: Sequence[np.ndarray], rows: Sequence[int]) -> list[np.ndarray]:
    """Give the lines to draw: the rings without cuts and without edges along a pole."""
    if not rings:
        return []
    west = min(ring[:, 0].min() for ring in rings)
    east = max(ring[:, 0].max() for ring in rings)
    meridians = (west, east) if abs(east - west - 360.0) < ON_CUT else ()
    strokes = []
    for _, group in groupby(sorted(zip(rows, rings, strict=True), key=_first), key=_first):
        own = [ring for _, ring in group]
        bounds = [_on_meridian(own, longitude) for longitude in meridians]
        for ring in own:
            strokes += _uncut(ring, meridians, bounds)
    return strokes


def _first(pair: tuple[int, np.ndarray]) -> int:
    return pair[0]


def _on_meridian(rings: Sequence[np.ndarray], longitude: float) -> list[tuple[float, float]]:
    """Give the latitudes between which edges run along a meridian, without overlaps."""
    found = []
    for ring in rings:
        on = np.abs(ring[:, 0] - longitude) < ON_CUT
        along = np.flatnonzero(on[1:] & on[:-1])
        found += [tuple(sorted(ring[i : i + 2, 1].tolist())) for i in along]
    merged: list[tuple[float, float]] = []
    for low, high in sorted(found):
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return merged


def _uncut(
    ring: np.ndarray,
    meridians: Sequence[float],
    bounds: Sequence[Sequence[tuple[float, float]]],
) -> list[np.ndarray]:
    """Split a ring into the lines that remain when edges on cuts and poles are left out."""
    polar = np.abs(np.abs(ring[:, 1]) - 90.0) < ON_CUT
    gone = polar[1:] & polar[:-1]
    extra = []
    for side, longitude in enumerate(meridians):
        if not bounds[1 - side]:
            continue
        on = np.abs(ring[:, 0] - longitude) < ON_CUT
        for i in np.flatnonzero(on[1:] & on[:-1]):
            gone[i] = True
            low, high = sorted(ring[i : i + 2, 1].tolist())
            for start, stop in _outside(low, high, bounds[1 - side]):
                extra.append(np.array([[longitude, start], [longitude, stop]]))
    if not gone.any():
        return [ring]
    edges = np.flatnonzero(~gone)
    runs = np.split(edges, np.flatnonzero(np.diff(edges) > 1) + 1)
    return [ring[run[0] : run[-1] + 2] for run in runs if len(run)] + extra


def _outside(
    low: float, high: float, covered: Sequence[tuple[float, float]]
) -> list[tuple[float, float]]:
    """Give the parts of low ... high that no interval covers."""
    found = []
    for start, stop in covered:
        if low < min(start, high):
            found.append((low, min(start, high)))
        low = max(low, stop)
    if low < high:
        found.append((low, high))
    return found


def _central_longitude(rings: Sequence[np.ndarray], extent: Extent | None = None) -> float:
    """Choose the middle of a turn that holds the extent, or all rings, uncut."""
    if extent is None:
        return 180.0 if any(ring[:, 0].max() > 180.0 for ring in rings) else 0.0
    west, _, east, _ = extent
    fitting = [c for c in (0.0, 180.0) if c - 180.0 <= west and east <= c + 180.0]
    return fitting[0] if fitting else (west + east) / 2.0


def _outline_lines(rings: Sequence[np.ndarray], central: float) -> LineCollection:
    """Draw the copies of each ring that meet the window, relative to its middle."""
    seen = [ring - (shift, 0.0) for ring in rings for shift in _copies(ring, central)]
    return LineCollection(seen, colors=OUTLINE_COLOUR, linewidths=2.0, zorder=4)


def _copies(ring: np.ndarray, central: float) -> list[float]:
    """Give the shifts by which copies of a ring meet the window around the middle."""
    west, east = ring[:, 0].min() - central, ring[:, 0].max() - central
    return [
        central + turn
        for turn in (-360.0, 0.0, 360.0)
        if east - turn > -180.0 and west - turn < 180.0
    ]


def _earth_axes(
    figure: Figure,
    central: float,
    window: Extent,
    resolution: Resolution,
    *,
    shores_on_top: bool = False,
) -> Axes:
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
    if shores_on_top:
        shores = _land_patches(land, central)
        halo = patheffects.withStroke(linewidth=1.0, foreground="white", alpha=0.5)
        shores.set(facecolor="none", zorder=3, path_effects=[halo])  # seen on dark and on light
        ax.add_collection(shores, autolim=False)
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
