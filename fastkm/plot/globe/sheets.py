"""How longitudes and latitudes come onto the paper of a map, and the land there."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from matplotlib import patheffects
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.path import Path

from fastkm.plot._grid import choose_degrees
from fastkm.plot._text import format_degrees
from fastkm.plot.coastlines import LEAST_WIDTH, Resolution, land_polygons
from fastkm.plot.globe.projections import FRAME_COLOUR, View
from fastkm.plot.globe.strokes import cut_strokes
from fastkm.plot.style import LAND_COLOUR, SEA_COLOUR, SHORE_COLOUR

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.axes import Axes

Extent = tuple[float, float, float, float]

SMALLEST_KM2 = 1000.0  # smaller islands are a millimetre wide in print: all shore, no land
NO_COASTLINES = (
    'the map has no coastlines because extra "maps" is not installed, '
    'install with pip install "fastkm[maps]"'
)
ROOM = 2.0  # degrees around what is seen
_GRID: dict[str, Any] = {"color": "#7f8c99", "linewidth": 0.5, "alpha": 0.6, "linestyle": ":"}
_TICK_STEPS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 90.0)


class Sheet:
    """Longitudes and latitudes, or x and y, drawn as they are; x = 0 is the middle of a world map."""

    def __init__(self, central: float | None, window: Extent, shrink: float) -> None:
        self.central, self.window, self.shrink = central, window, shrink
        west, south, east, north = window
        self.ratio = (north - south) / ((east - west) * shrink)

    def prepare(self, ax: Axes) -> None:
        """Set limits, scale, and ticks at round longitudes and latitudes."""
        west, south, east, north = self.window
        middle = self.central or 0.0
        ax.set_aspect(1.0 / self.shrink)
        ax.set(xlim=(west - middle, east - middle), ylim=(south, north))
        ax.grid(visible=True, **_GRID)
        if self.central is None:
            ax.set(xlabel="x", ylabel="y")
            return
        x, y = (choose_degrees(a, b, 6, _TICK_STEPS) for a, b in ((west, east), (south, north)))
        ax.xaxis.set_ticks(x - middle, labels=[format_degrees(value, "longitude") for value in x])
        ax.yaxis.set_ticks(y, labels=[format_degrees(value, "latitude") for value in y])
        ax.tick_params(length=0, pad=6.0)  # so that the labels in a corner stay apart

    def place_polygon(self, polygon: shapely.Polygon) -> list[Path]:
        """Return a polygon as paths, one for each copy of it that meets the window."""
        shifts = [0.0]
        if self.central is not None:
            shifts = find_shifts(shapely.get_coordinates(polygon.exterior), self.central)
        return [make_path(polygon, shift) for shift in shifts]

    def place_lines(self, lines: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return lines as they are drawn."""
        return list(lines) if self.central is None else place_copies(lines, self.central)

    def clip(self, ax: Axes) -> None:
        """Leave what is drawn as it is: the axes clip it."""

    def find_extent(self, _: float) -> Extent:
        """Return the part of the world that is seen, in degrees."""
        return self.window


class GlobeSheet:
    """Longitudes and latitudes as a view of the globe shows them."""

    def __init__(self, view: View) -> None:
        self.view, self.ratio = view, view.ratio

    def prepare(self, ax: Axes) -> None:
        """Set limits and scale, and draw the edge of the view, meridians and parallels."""
        west, south, east, north = self.view.frame.bounds
        ax.set(xlim=(west, east), ylim=(south, north), aspect="equal", xticks=[], yticks=[])
        ax.set_facecolor("none")
        ax.spines[:].set_visible(False)
        step = 30.0 if self.view.is_global else 10.0
        x, y = np.arange(-180.0, 181.0, 5.0), np.arange(-90.0, 91.0, 5.0)
        meridians = [np.column_stack([0 * y + at, y]) for at in np.arange(-180.0, 180.0, step)]
        parallels = [np.column_stack([x, 0 * x + at]) for at in np.arange(step - 90.0, 90.0, step)]
        lines = [shapely.LineString(line) for line in [*meridians, *parallels]]
        seen = self.view.cut([shapely.MultiLineString(lines)])
        ax.add_collection(LineCollection(_list_lines(seen), zorder=1.5, **_GRID), autolim=False)
        edge = self._make_edge(facecolors="none", edgecolors=FRAME_COLOUR, linewidths=0.8, zorder=5)
        edge.set_clip_on(False)
        ax.add_collection(edge, autolim=False)

    def place_polygon(self, polygon: shapely.Polygon) -> list[Path]:
        """Return the parts of a polygon that are seen, as paths."""
        parts = shapely.get_parts(shapely.get_parts(self.view.cut([polygon])))
        kinds = shapely.get_type_id(parts) == shapely.GeometryType.POLYGON
        return [make_path(part, 0.0) for part in parts[kinds & ~shapely.is_empty(parts)]]

    def place_lines(self, lines: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return the parts of lines that are seen."""
        shapes = [shapely.LineString(line) for line in lines]
        return _list_lines(self.view.cut(shapes)) if shapes else []

    def clip(self, ax: Axes) -> None:
        """Clip what is drawn to the view."""
        path = make_path(self.view.frame, 0.0)
        for collection in ax.collections:
            if collection.get_clip_on():
                collection.set_clip_path(path, ax.transData)

    def find_extent(self, central: float) -> Extent:
        """Return the part of the world that is seen, in degrees around a meridian, with some room."""
        if self.view.is_global:
            return central - 180.0, -90.0, central + 180.0, 90.0
        longitude, latitude = self.view.sample_degrees()
        south, north = latitude.min() - ROOM, latitude.max() + ROOM
        if max(north, -south) > 90.0:  # around a pole lie all longitudes
            return central - 180.0, float(south), central + 180.0, float(north)
        turned = (longitude - central + 180.0) % 360.0 + central - 180.0
        return float(turned.min() - ROOM), float(south), float(turned.max() + ROOM), float(north)

    def _make_edge(self, **options: Any) -> PathCollection:
        """Return the view as one path."""
        return PathCollection([make_path(self.view.frame, 0.0)], **options)


def add_land(
    ax: Axes,
    sheet: Sheet | GlobeSheet,
    central: float,
    resolution: Resolution | None,
    *,
    shores_on_top: bool,
) -> None:
    """Add land and sea if shorelines are installed, otherwise warn; none if they would be coarse."""
    seen = sheet.find_extent(central)
    width = min(seen[2] - seen[0], 360.0)
    room = 2.0 * ROOM if isinstance(sheet, GlobeSheet) else 0.0
    if width - room < LEAST_WIDTH and seen[3] - seen[1] - room < LEAST_WIDTH:
        return
    if resolution is None:
        resolution = "l" if width > 40.0 else "i"
    try:
        land = land_polygons(
            resolution,
            central_longitude=central,
            smallest_km2=SMALLEST_KM2 * min(1.0, width / 180.0) ** 2,
            extent=None if width > 300.0 else seen,
        )
    except ModuleNotFoundError:
        warnings.warn(NO_COASTLINES, UserWarning, stacklevel=3)
        return
    if isinstance(sheet, GlobeSheet) and width <= 300.0:  # what is not seen takes long to project
        clipped = shapely.get_parts(shapely.clip_by_rect(np.array(land, dtype=object), *seen))
        land = tuple(part for part in clipped if part.geom_type == "Polygon")
    paths = [path for polygon in land for path in sheet.place_polygon(polygon)]
    sea: dict[str, Any] = {"facecolors": SEA_COLOUR, "linewidths": 0, "zorder": 0}
    if isinstance(sheet, GlobeSheet):
        ax.add_collection(PathCollection([make_path(sheet.view.frame, 0.0)], **sea), autolim=False)
    else:
        ax.set_facecolor(SEA_COLOUR)
    fill = PathCollection(paths, facecolors=LAND_COLOUR, linewidths=0.0, zorder=1)
    if isinstance(sheet, GlobeSheet):  # the meridian where land was cut may be seen
        rings = [shapely.get_coordinates(ring) for ring in shapely.get_rings(land)]
        paths = [Path(line) for line in sheet.place_lines(cut_strokes(rings, [0] * len(rings)))]
    look: dict[str, Any] = {"facecolors": "none", "edgecolors": SHORE_COLOUR, "linewidths": 0.3}
    if shores_on_top:
        halo = patheffects.withStroke(linewidth=1.0, foreground="white", alpha=0.5)
        look["path_effects"] = [halo]
    shores = PathCollection(paths, zorder=3 if shores_on_top else 1.2, **look)
    for collection in (fill, shores):
        ax.add_collection(collection, autolim=False)


def place_copies(rings: Iterable[np.ndarray], central: float) -> list[np.ndarray]:
    """Return the copies of each ring that meet the window, relative to its middle."""
    return [ring - (shift, 0.0) for ring in rings for shift in find_shifts(ring, central)]


def find_shifts(ring: np.ndarray, central: float) -> list[float]:
    """Return the shifts by which copies of a ring meet the window around the middle."""
    west, east = ring[:, 0].min() - central, ring[:, 0].max() - central
    turns = np.array([-360.0, 0.0, 360.0])
    return (central + turns[(east - turns > -180.0) & (west - turns < 180.0)]).tolist()


def _list_lines(shapes: Any) -> list[np.ndarray]:
    """Return the points of each line among shapes."""
    parts = shapely.get_parts(shapely.get_parts(shapes))
    lines = parts[np.isin(shapely.get_type_id(parts), (1, 2)) & ~shapely.is_empty(parts)]
    return [shapely.get_coordinates(line) for line in lines]


def make_path(polygon: shapely.Polygon, shift: float) -> Path:
    """Return a polygon as one path of its exterior and holes, moved westward by `shift`."""
    rings = [shapely.get_coordinates(ring) for ring in shapely.get_rings(polygon)]
    return Path.make_compound_path(*(Path(ring - (shift, 0.0), closed=True) for ring in rings))
