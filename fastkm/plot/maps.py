"""Outlines on a map of the world, or of a part of it.

By default the projection is plate carrée: longitude and latitude are drawn as they are, with degrees
of longitude as wide as they are in the middle of a part of the world. An outline at 200
degrees on a map around 180 is only shifted, to 20 degrees right of the middle. A ring is drawn
wherever one of its copies, one turn to either side, meets the window. What crosses one edge of the
window thus continues at the other, and no line runs across the map. In other projections cartopy
cuts.

The map shows the outlines with some room around them. Outlines of one cluster are red lines around
pale red; a region too small to be seen is a dot. Those of several clusters are filled in the colours
of label maps, and a colour bar names them; shorelines then lie on top.

Land comes from `fastkm.plot.coastlines`. It is optional (extra ``maps``); without it the same outlines
are drawn without land, and a warning says so.
Outlines without a coordinate reference system have no place on Earth, and get axes of x and y.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import BoundaryNorm, ListedColormap, to_rgba

from fastkm.plot._grid import shrink_longitudes
from fastkm.plot._page import Page
from fastkm.plot._text import (
    format_centroids,
    format_quantity,
    make_printable,
    typeset_units,
)
from fastkm.plot.globe.projections import check_projection, make_view
from fastkm.plot.globe.sheets import Extent, GlobeSheet, Sheet, add_land
from fastkm.plot.globe.strokes import cut_strokes, split_rings
from fastkm.plot.panels import label_classes, wrap
from fastkm.plot.style import OUTLINE_COLOUR, cluster_colormap

if TYPE_CHECKING:
    from collections.abc import Sequence

    import geopandas as gpd
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

    from fastkm.plot.coastlines import Resolution

PAGE_WIDTH = 10.0
TALLEST = 1.2  # height over width from which the page becomes narrower
LEAST_ROOM = 0.05  # degrees around outlines on a map that shows only them
BORDER_COLOUR = "#1a1a1a"  # colour of outlines whose inside is filled
LINE_POINTS = (0.7, 2.0)  # width of red outlines, from small regions to large ones
DOT_POINTS = 3.0  # size of a dot, and of regions that get one


def map_figure(
    outlines: gpd.GeoDataFrame,
    *,
    title: str | None = None,
    extent: Extent | None = None,
    central_longitude: float | None = None,
    resolution: Resolution | None = None,
    units: str = "",
    cmap: str | Colormap | None = None,
    projection: str | None = None,
    size: tuple[float, float | None] | None = None,
) -> Figure:
    """Draw outlines over land: those of one cluster in red, of several in the clusters' colours.

    Parameters
    ----------
    outlines : geopandas.GeoDataFrame
        Polygons or lines in longitude and latitude (EPSG:4326); longitudes may run from 0 to
        360 or from -180 to 180. Holes are drawn like exteriors. Without a CRS: any x and y.
        If a column ``cluster`` holds several numbers, polygons are filled in their colours, out
        of as many clusters as a column ``k`` says, otherwise as the highest number implies. The
        colour bar has the centroids of a column ``value``.
    title : str, optional
        The figure's title. Below it stands which cluster is shown, if it is one.
    extent : (west, south, east, north), optional
        The part of the world to show, in degrees; by default that of the outlines, with some room.
    central_longitude : float, optional
        Middle of a map of all longitudes in degrees. By default 180 if a longitude exceeds 180,
        otherwise 0.
    resolution : {'c', 'l', 'i'}, optional
        Crude, low or intermediate shorelines; by default as fine as the scale of the map.
    units : str, default ""
        Units of the centroids, as netCDF writes them.
    cmap : str or matplotlib.colors.Colormap, optional
        The colour map that the clusters' colours are samples of; viridis by default.
    projection : str, optional
        "plate-carree", "robinson", "orthographic", "polar" (the pole that is nearer) or the reference
        system of a plane, as "EPSG:3035".
    size : (width, height), optional
        Inches; if the height is None, the page is as high as the map.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If the outlines are in a projected CRS, or have none and a projection is named; if
        `resolution` is none of the three, or `cmap` or `projection` is unknown.
    ModuleNotFoundError
        If the projection needs cartopy, and that is not installed.

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
    if crs is not None and not _has_plain_degrees(crs):
        raise ValueError(
            f"outlines must be in longitude and latitude (EPSG:4326), got {crs.to_string()}"
        )
    projection = None if projection is None else check_projection(projection)
    if crs is None and projection is not None:
        raise ValueError(f"outlines must have a reference system to be drawn in {projection}")
    # What is seen: a window of the plane or of the world, or a view in a projection.
    rings, rows = split_rings(outlines)
    clusters = _colour_clusters(outlines, cmap)
    central, window = choose_window(rings, extent, central_longitude, on_globe=crs is not None)
    sheet: Sheet | GlobeSheet
    if crs is None:
        sheet = Sheet(None, window, 1.0)
    elif projection in (None, "plate-carree"):
        sheet = Sheet(central, window, shrink_longitudes(*window[1::2], window[2] - window[0]))
    else:
        reach = np.radians(max(min(window[2] - window[0], 180.0), window[3] - window[1]))
        sheet = GlobeSheet(make_view(projection, window, float(reach)))
    # The page and its axes, with land if the outlines lie on Earth.
    width = size[0] if size else PAGE_WIDTH * min(1.0, TALLEST / sheet.ratio)
    figure = Page(sheet.ratio, figsize=(width, width * sheet.ratio))
    ax = figure.add_subplot()
    sheet.prepare(ax)
    if crs is not None:
        add_land(ax, sheet, central, resolution, shores_on_top=len(clusters) > 1)
        rings = cut_strokes(rings, rows)
    # Outlines of one cluster are red around pale red, several clusters have thin dark ones.
    segments = sheet.place_lines(rings)
    if len(clusters) > 1:
        _fill_polygons(ax, sheet, outlines, clusters)
        lines = LineCollection(segments, colors=BORDER_COLOUR, linewidths=0.4, zorder=4)
        _add_colorbar(ax, outlines, clusters, units)
    else:
        _fill_polygons(ax, sheet, outlines, None)
        points = _measure_points(ax, segments, 72 * width)
        middle = float(np.median(points)) if len(points) else 0.0
        lines = LineCollection(
            segments, colors=OUTLINE_COLOUR, linewidths=np.clip(middle / 20, *LINE_POINTS), zorder=4
        )
        _add_dots(ax, segments, points)
    ax.add_collection(lines, autolim=False)
    sheet.clip(ax)
    texts = [title or "", _describe_cluster(outlines, clusters, units)]
    texts = [wrap(make_printable(text), 0.9 * width) for text in texts if text]
    if texts:
        ax.set_title("\n".join(texts))
    figure.trim(None if size is None else size[1])
    return figure


def _has_plain_degrees(crs: Any) -> bool:
    """Return True if a CRS has longitudes and latitudes, in degrees, counted from Greenwich."""
    return bool(
        crs.is_geographic
        and not crs.is_derived
        and crs.axis_info[0].unit_name == "degree"
        and crs.prime_meridian.longitude == 0.0
    )


def choose_window(
    rings: Sequence[np.ndarray], extent: Extent | None, central: float | None, *, on_globe: bool
) -> tuple[float, Extent]:
    """Return the middle of the map, and the part of the world or of the plane that it shows."""
    if not on_globe:
        window = extent or _find_bounds(rings)
        room = 0.05 * max(window[2] - window[0], window[3] - window[1]) or 1.0
        return 0.0, window if extent else _widen(window, room, room)
    if extent is not None:
        return _choose_centre(rings, extent) if central is None else central, extent
    whole = central if central is not None else _choose_centre(rings)
    if not rings or central is not None:
        return whole, (whole - 180.0, -90.0, whole + 180.0, 90.0)
    # On a map that begins at 180 degrees or at Greenwich, whichever shows outlines closer together.
    ends = []
    lines = np.array([(ring[:, 0].min(), ring[:, 0].max()) for ring in rings])
    for middle in (0.0, 180.0):
        turned = lines - 360.0 * np.floor((lines[:, :1] - middle + 180.0) / 360.0)
        ends.append((turned[:, 0].min(), turned[:, 1].max()))
    west, east = min(ends, key=lambda pair: pair[1] - pair[0])
    _, south, _, north = _find_bounds(rings)
    room = max(0.1 * max(east - west, north - south), LEAST_ROOM)
    window = _widen((west, south, east, north), room, min(room, 15.0))
    window = window[0], max(window[1], -90.0), window[2], min(window[3], 90.0)
    if window[2] - window[0] >= 330.0:
        return whole, (whole - 180.0, window[1], whole + 180.0, window[3])
    return _choose_centre(rings, window), window


def _find_bounds(rings: Sequence[np.ndarray]) -> Extent:
    """Return the least and greatest coordinates of lines."""
    if not rings:
        return 0.0, 0.0, 1.0, 1.0
    low = np.min([ring.min(axis=0) for ring in rings], axis=0)
    high = np.max([ring.max(axis=0) for ring in rings], axis=0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _widen(window: Extent, across: float, up: float) -> Extent:
    """Return a window with room at its sides, and above and below."""
    west, south, east, north = window
    return float(west - across), float(south - up), float(east + across), float(north + up)


def _colour_clusters(
    outlines: gpd.GeoDataFrame, cmap: str | Colormap | None
) -> dict[int, tuple[float, ...]]:
    """Return the cluster numbers of the frame, ascending, with their colours."""
    if "cluster" not in outlines or not len(outlines):
        return {}
    numbers = np.unique(np.asarray(outlines["cluster"], np.int64))
    k = outlines["k"].max() if "k" in outlines else numbers[-1] + 1
    colours = cluster_colormap(int(k), cmap)
    return {int(j): colours(int(j)) for j in numbers}


def _describe_cluster(
    outlines: gpd.GeoDataFrame, clusters: dict[int, tuple[float, ...]], units: str
) -> str:
    """Return which cluster is shown, and around which centroid; "" if that is not one cluster."""
    if len(clusters) != 1:
        return ""
    [number], k = clusters, int(outlines["k"].max()) if "k" in outlines else 0
    places = {0: "lowest", k - 1: "highest"}
    text = (
        f"{places[number]} of {k} clusters" if k > 1 and number in places else f"cluster {number}"
    )
    # steps of an archive may each have a centroid of their own
    values = outlines["value"].unique() if "value" in outlines else []
    if len(values) == 1 and np.isfinite(values[0]):
        text += f", centroid {format_centroids([float(values[0])])[0]} {typeset_units(units)}"
    return text.strip()


def _fill_polygons(
    ax: Axes,
    sheet: Sheet | GlobeSheet,
    outlines: gpd.GeoDataFrame,
    clusters: dict[int, tuple[float, ...]] | None,
) -> None:
    """Fill polygons in the colours of their clusters, or in pale red if these are None."""
    shapes = shapely.orient_polygons(np.asarray(outlines.geometry.array, dtype=object))
    parts, rows = shapely.get_parts(shapes, return_index=True)
    pale = to_rgba(OUTLINE_COLOUR, 0.25)
    own = [0] * len(parts) if clusters is None else outlines["cluster"].to_numpy(np.int64)[rows]
    paths, colours = [], []
    for part, cluster in zip(parts, own, strict=True):
        if shapely.get_type_id(part) != shapely.GeometryType.POLYGON or part.is_empty:
            continue
        placed = sheet.place_polygon(part)
        paths += placed
        colours += [pale if clusters is None else clusters[int(cluster)]] * len(placed)
    if not paths:
        return
    # Without antialiasing, parts that meet on a cut show no seam.
    fills = PathCollection(paths, facecolors=colours, linewidths=0, antialiaseds=False, zorder=2)
    ax.add_collection(fills, autolim=False)


def _measure_points(ax: Axes, segments: Sequence[np.ndarray], page: float) -> np.ndarray:
    """Return how large lines are on a page so many points wide."""
    left, right = ax.get_xlim()
    sizes = [np.hypot(*np.ptp(line, axis=0)) for line in segments]
    return np.array(sizes) * page / (right - left)


def _add_dots(ax: Axes, segments: Sequence[np.ndarray], points: np.ndarray) -> None:
    """Draw a dot for each line that is too small to be seen."""
    small = [(line.min(axis=0) + line.max(axis=0)) / 2 for line in segments]
    small = [place for place, size in zip(small, points, strict=True) if size < DOT_POINTS]
    if small:
        x, y = np.array(small).T
        ax.plot(x, y, "o", color=OUTLINE_COLOUR, markersize=DOT_POINTS, markeredgewidth=0, zorder=4)


def _add_colorbar(
    ax: Axes, outlines: gpd.GeoDataFrame, clusters: dict[int, tuple[float, ...]], units: str
) -> None:
    """Add a colour bar beside the map, with the centroids if the frame has them."""
    count = len(clusters)
    texts, label = [str(j) for j in clusters], "cluster"
    if "value" in outlines:
        values = outlines.groupby("cluster")["value"].first().reindex(list(clusters))
        if values.notna().all():
            numbers = format_centroids(values.to_numpy(float))
            texts = [f"{j}: {number}" for j, number in zip(clusters, numbers, strict=True)]
            label = format_quantity("centroid", units)
    norm = BoundaryNorm(np.arange(count + 1) - 0.5, count)
    colours = ScalarMappable(norm, ListedColormap(list(clusters.values())))
    bar = ax.figure.colorbar(colours, cax=ax.inset_axes((1.02, 0.0, 0.02, 1.0)))
    bar.outline.set_linewidth(0.6)
    bar.set_label(label)
    label_classes(bar, texts, 250.0 / count)


def _choose_centre(rings: Sequence[np.ndarray], extent: Extent | None = None) -> float:
    """Return the middle of a map that shows the extent, or all rings, uncut."""
    if extent is None:
        return 180.0 if any(ring[:, 0].max() > 180.0 for ring in rings) else 0.0
    west, _, east, _ = extent
    fitting = [c for c in (0.0, 180.0) if c - 180.0 <= west and east <= c + 180.0]
    return fitting[0] if fitting else (west + east) / 2.0
