"""Outlines on a map of the world, or of a part of it.

The projection is plate carrée: longitude and latitude are drawn as they are. An outline at 200
degrees on a map around 180 is only shifted, to 20 degrees right of the middle. A ring is drawn
wherever one of its copies, one turn to either side, meets the window. What crosses one edge of the
window thus continues at the other, and no line runs across the map.

Outlines of one cluster are red lines. Those of several clusters are filled in the colours of label
maps, and a colour bar names them; shorelines then lie on top.

Regions may have been cut at the meridian where longitudes end. They are drawn uncut: edges that one
row has on both sides of that meridian, at the same latitudes, are left out of its lines, and so
are edges along a pole.

Land comes from `fastkm.plot.coastlines`, the frame from cartopy. Both are optional (extra
``maps``); without them the same outlines are drawn on plain axes, and a warning says so.
Outlines without a coordinate reference system have no place on Earth, and get axes of x and y.
"""

from __future__ import annotations

import warnings
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from matplotlib import patheffects
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.path import Path

from fastkm.plot._grid import choose_degrees
from fastkm.plot._page import Page
from fastkm.plot._text import (
    format_centroids,
    format_degrees,
    format_quantity,
    make_printable,
)
from fastkm.plot.coastlines import Resolution, land_polygons
from fastkm.plot.panels import label_classes
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
    from matplotlib.figure import Figure

Extent = tuple[float, float, float, float]

PAGE_WIDTH = 10.0
SMALLEST_KM2 = 1000.0  # smaller islands are a millimetre wide in print: all shore, no land
NO_COASTLINES = (
    'the map has no coastlines because extra "maps" is not installed, '
    'install with pip install "fastkm[maps]"'
)
BORDER_COLOUR = "#1a1a1a"  # colour of outlines whose inside is filled
ON_CUT = 1e-6  # a point within so many degrees of a cut, or of a pole, lies on it
_GRID: dict[str, Any] = {"color": "#7f8c99", "linewidth": 0.5, "alpha": 0.6, "linestyle": ":"}
_TICK_STEPS = (1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 90.0)
_LINE_TYPES = (shapely.GeometryType.LINESTRING, shapely.GeometryType.LINEARRING)


def map_figure(
    outlines: gpd.GeoDataFrame,
    *,
    title: str | None = None,
    extent: Extent | None = None,
    central_longitude: float | None = None,
    resolution: Resolution = "l",
    units: str = "",
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
        The figure's title.
    extent : (west, south, east, north), optional
        The part of the world to show, in degrees; by default all.
    central_longitude : float, optional
        Middle of a map of the world in degrees. By default 180 if a longitude exceeds 180,
        otherwise 0.
    resolution : {'c', 'l', 'i'}, default 'l'
        Crude, low or intermediate shorelines.
    units : str, default ""
        Units of the centroids, as netCDF writes them.

    Returns
    -------
    matplotlib.figure.Figure

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
    if crs is not None and not _has_plain_degrees(crs):
        raise ValueError(
            f"outlines must be in longitude and latitude (EPSG:4326), got {crs.to_string()}"
        )
    # The page, and the window of the world that it shows.
    rings, rows = _split_rings(outlines)
    central = _choose_centre(rings, extent) if central_longitude is None else central_longitude
    window = (central - 180.0, -90.0, central + 180.0, 90.0) if extent is None else extent
    # As high as the window demands, within what is readable.
    shape = min(max((window[3] - window[1]) / (window[2] - window[0]), 0.3), 1.2)
    figure = Page(shape, figsize=(PAGE_WIDTH, PAGE_WIDTH * shape))
    # The axes, with land if the outlines lie on Earth, and the lines on them.
    clusters = _colour_clusters(outlines)
    if crs is None:
        ax = figure.add_subplot(aspect="equal", xlabel="x", ylabel="y")
        ax.grid(visible=True, **_GRID)
        lines = LineCollection(rings, colors=OUTLINE_COLOUR, linewidths=2.0)
    else:
        ax = _add_globe_axes(figure, central, window, resolution, shores_on_top=len(clusters) > 1)
        lines = _make_lines(_cut_strokes(rings, rows), central)
    # Several clusters are filled, with thin dark outlines.
    if len(clusters) > 1:
        lines.set(color=BORDER_COLOUR, linewidth=0.4)
        ax.add_collection(_fill_polygons(outlines, clusters, None if crs is None else central))
        _add_colorbar(ax, outlines, clusters, units)
    ax.add_collection(lines, autolim=crs is None)
    if crs is None:
        ax.autoscale_view()
    if title:
        ax.set_title(make_printable(title))
    figure.trim()
    return figure


def _has_plain_degrees(crs: Any) -> bool:
    """Return True if a CRS has longitudes and latitudes, in degrees, counted from Greenwich."""
    return bool(
        crs.is_geographic
        and not crs.is_derived
        and crs.axis_info[0].unit_name == "degree"
        and crs.prime_meridian.longitude == 0.0
    )


def _split_rings(outlines: gpd.GeoDataFrame) -> tuple[list[np.ndarray], list[int]]:
    """Return every exterior, hole and line as points, shape (n, 2), and the row of each."""
    shapes = np.asarray(outlines.geometry.array, dtype=object)
    sets, rows = shapely.get_parts(shapes, return_index=True)
    parts, index = shapely.get_parts(sets, return_index=True)
    rows, kinds = rows[index], shapely.get_type_id(parts)
    areal = np.flatnonzero(kinds == shapely.GeometryType.POLYGON)
    linear = np.flatnonzero(np.isin(kinds, _LINE_TYPES) & ~shapely.is_empty(parts))
    rings, of = shapely.get_rings(parts[areal], return_index=True)
    lines = [shapely.get_coordinates(line) for line in [*rings, *parts[linear]]]
    return lines, [*rows[areal][of].tolist(), *rows[linear].tolist()]


def _colour_clusters(outlines: gpd.GeoDataFrame) -> dict[int, tuple[float, ...]]:
    """Return the cluster numbers of the frame, ascending, with their colours."""
    if "cluster" not in outlines or not len(outlines):
        return {}
    numbers = np.unique(np.asarray(outlines["cluster"], np.int64))
    k = outlines["k"].max() if "k" in outlines else numbers[-1] + 1
    colours = cluster_colormap(int(k))
    return {int(j): colours(int(j)) for j in numbers}


def _fill_polygons(
    outlines: gpd.GeoDataFrame, clusters: dict[int, tuple[float, ...]], central: float | None
) -> PathCollection:
    """Return polygons in the colours of their clusters; `central` is None without a CRS."""
    shapes = shapely.orient_polygons(np.asarray(outlines.geometry.array, dtype=object))
    parts, rows = shapely.get_parts(shapes, return_index=True)
    own = np.asarray(outlines["cluster"], np.int64)[rows]
    paths, colours = [], []
    for part, cluster in zip(parts, own.tolist(), strict=True):
        if shapely.get_type_id(part) != shapely.GeometryType.POLYGON or part.is_empty:
            continue
        exterior = shapely.get_coordinates(shapely.get_exterior_ring(part))
        shifts = [0.0] if central is None else _find_shifts(exterior, central)
        paths += [_make_path(part, shift) for shift in shifts]
        colours += [clusters[cluster]] * len(shifts)
    # Without antialiasing, parts that meet on a cut show no seam.
    return PathCollection(paths, facecolors=colours, linewidths=0, antialiaseds=False, zorder=2)


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


def _cut_strokes(rings: Sequence[np.ndarray], rows: Sequence[int]) -> list[np.ndarray]:
    """Return the lines to draw: the rings without cuts and without edges along a pole."""
    if not rings:
        return []
    # Longitudes that span a whole turn end at a meridian where regions may be cut.
    west = min(ring[:, 0].min() for ring in rings)
    east = max(ring[:, 0].max() for ring in rings)
    meridians = (west, east) if abs(east - west - 360.0) < ON_CUT else ()
    # A cut has edges of the same row on both sides of that meridian.
    rings_of_row: dict[int, list[np.ndarray]] = {}
    for row, ring in sorted(zip(rows, rings, strict=True), key=itemgetter(0)):
        rings_of_row.setdefault(row, []).append(ring)
    strokes = []
    for own in rings_of_row.values():
        cuts = []
        for longitude in meridians:
            lines = [_make_latitudes(ring, _find_edges(ring, longitude)) for ring in own]
            any_edge = any(map(len, lines))
            cuts.append(shapely.union_all(np.concatenate(lines)) if any_edge else None)
        for ring in own:
            strokes += _remove_cuts(ring, meridians, cuts)
    return strokes


def _find_edges(ring: np.ndarray, longitude: float) -> np.ndarray:
    """Return which edges of a ring run along a meridian, as numbers of their first points."""
    on = np.abs(ring[:, 0] - longitude) < ON_CUT
    return np.flatnonzero(on[1:] & on[:-1])


def _make_latitudes(ring: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return the latitudes between which edges run, as shapely's lines at longitude 0."""
    if not len(edges):  # most rings; shapely would take longer to find nothing
        return np.empty(0, dtype=object)
    ends = np.stack([ring[edges, 1], ring[edges + 1, 1]], axis=1)
    return np.asarray(shapely.linestrings(np.zeros_like(ends), ends))


def _remove_cuts(
    ring: np.ndarray, meridians: Sequence[float], cuts: Sequence[Any]
) -> list[np.ndarray]:
    """Split a ring into the lines that remain when edges on cuts and poles are left out.

    `cuts` are the latitudes of the row's edges on each of the meridians, as lines at longitude 0,
    or None if the row has no edge there.
    """
    polar = np.abs(np.abs(ring[:, 1]) - 90.0) < ON_CUT
    removed = polar[1:] & polar[:-1]
    # An edge on one side keeps the latitudes that have no edge on the other side.
    extra = []
    for side, longitude in enumerate(meridians):
        edges = _find_edges(ring, longitude)
        if not len(edges) or cuts[1 - side] is None:
            continue
        removed[edges] = True
        kept = shapely.difference(_make_latitudes(ring, edges), cuts[1 - side])
        parts = shapely.get_parts(kept[~shapely.is_empty(kept)])
        extra += [np.add(shapely.get_coordinates(part), (longitude, 0.0)) for part in parts]
    if not removed.any():
        return [ring]
    # Runs of edges that remain are one line each.
    edges = np.flatnonzero(~removed)
    runs = np.split(edges, np.flatnonzero(np.diff(edges) > 1) + 1)
    return [ring[run[0] : run[-1] + 2] for run in runs if len(run)] + extra


def _choose_centre(rings: Sequence[np.ndarray], extent: Extent | None = None) -> float:
    """Return the middle of a map that shows the extent, or all rings, uncut."""
    if extent is None:
        return 180.0 if any(ring[:, 0].max() > 180.0 for ring in rings) else 0.0
    west, _, east, _ = extent
    fitting = [c for c in (0.0, 180.0) if c - 180.0 <= west and east <= c + 180.0]
    return fitting[0] if fitting else (west + east) / 2.0


def _make_lines(rings: Sequence[np.ndarray], central: float) -> LineCollection:
    """Return the copies of each ring that meet the window, relative to its middle."""
    seen = [ring - (shift, 0.0) for ring in rings for shift in _find_shifts(ring, central)]
    return LineCollection(seen, colors=OUTLINE_COLOUR, linewidths=2.0, zorder=4)


def _find_shifts(ring: np.ndarray, central: float) -> list[float]:
    """Return the shifts by which copies of a ring meet the window around the middle."""
    west, east = ring[:, 0].min() - central, ring[:, 0].max() - central
    turns = np.array([-360.0, 0.0, 360.0])
    return (central + turns[(east - turns > -180.0) & (west - turns < 180.0)]).tolist()


def _add_globe_axes(
    figure: Figure, central: float, window: Extent, resolution: Resolution, *, shores_on_top: bool
) -> Axes:
    """Add axes with x = 0 at the middle, with land if the optional packages are installed."""
    west, south, east, north = window
    land: tuple[shapely.Polygon, ...] = ()
    options: dict[str, Any] = {}
    try:
        import cartopy.crs as ccrs

        land = land_polygons(resolution, central_longitude=central, smallest_km2=SMALLEST_KM2)
        options["projection"] = ccrs.PlateCarree(central_longitude=central)
    except ModuleNotFoundError:
        warnings.warn(NO_COASTLINES, UserWarning, stacklevel=3)
    ax: Axes = figure.add_subplot(aspect="equal", **options)
    ax.set(xlim=(west - central, east - central), ylim=(south, north))
    if land:
        ax.set_facecolor(SEA_COLOUR)
        ax.add_collection(_make_land(land, central), autolim=False)
        if shores_on_top:
            shores = _make_land(land, central)
            halo = patheffects.withStroke(linewidth=1.0, foreground="white", alpha=0.5)
            shores.set(facecolor="none", zorder=3, path_effects=[halo])
            ax.add_collection(shores, autolim=False)
    # Round longitudes and latitudes; cartopy would draw each of these labels and lines twice.
    x, y = (
        choose_degrees(low, high, 6, _TICK_STEPS) for low, high in ((west, east), (south, north))
    )
    ax.xaxis.set_ticks(x - central, labels=[format_degrees(value, "longitude") for value in x])
    ax.yaxis.set_ticks(y, labels=[format_degrees(value, "latitude") for value in y])
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_visible(True)
    ax.tick_params(length=0, pad=6.0)  # so that the labels in a corner stay apart
    ax.grid(visible=True, **_GRID)
    return ax


def _make_land(land: Sequence[shapely.Polygon], central: float) -> PathCollection:
    """Return filled land, with its lakes left out."""
    paths = [_make_path(polygon, central) for polygon in land]
    return PathCollection(
        paths, facecolors=LAND_COLOUR, edgecolors=SHORE_COLOUR, linewidths=0.3, zorder=1
    )


def _make_path(polygon: shapely.Polygon, shift: float) -> Path:
    """Return a polygon as one path of its exterior and holes, moved westward by `shift`."""
    rings = [shapely.get_coordinates(ring) for ring in shapely.get_rings(polygon)]
    return Path.make_compound_path(*(Path(ring - (shift, 0.0), closed=True) for ring in rings))
