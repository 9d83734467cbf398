"""Projections of panels and maps: a view of the globe, and rasters as they look in it.

A raster is not drawn cell by cell. For each pixel of the view, the place on the globe is computed,
and the cell that lies there is taken. So the same few lines serve every grid and every projection, and
nothing has to be cut. The view is then a raster like any other, with coordinates of a reference system,
and panels draw it as they draw all rasters. Polygons of maps are projected, and cut, by cartopy.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from matplotlib.patches import PathPatch
from matplotlib.path import Path

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

    from fastkm.plot.globe.places import Places

PROJECTIONS = ("robinson", "plate-carree", "orthographic", "polar")

PIXELS = 800
"""Pixels of the longer side of a projected panel: a map alone on its page has 1,050 dots."""

LONGEST = 0.5
"""Degrees of an edge from which on it gets points in between: a map of one degree or more then shows
it within half a dot of where it is, since all edges are straight in longitude and latitude."""

REGIONAL = 1.2
"""Extent in radians up to which a view shows the data, not the whole globe."""

FRAME_COLOUR = "#4d4d4d"
NO_CARTOPY = (
    'projections need cartopy, which extra "maps" installs: pip install "fastkm[maps]"; '
    "plate-carree needs none"
)


@dataclass(frozen=True, eq=False)
class View:
    """A part of the globe in a projection.

    Attributes
    ----------
    crs : cartopy.crs.Projection
        The projection.
    frame : shapely.Polygon
        What is seen, in its coordinates.
    is_global : bool
        Whether that is all of the globe, or half of it.
    """

    crs: Any
    frame: shapely.Polygon
    is_global: bool = False

    @property
    def ratio(self) -> float:
        """Height over width."""
        west, south, east, north = self.frame.bounds
        return float((north - south) / (east - west))

    def project(self, longitude: np.ndarray, latitude: np.ndarray) -> np.ndarray:
        """Return places as points of the view, (n, 2); what is not seen may be infinite."""
        import cartopy.crs as ccrs

        return np.asarray(self.crs.transform_points(ccrs.PlateCarree(), longitude, latitude)[:, :2])

    def sample_degrees(self) -> tuple[np.ndarray, np.ndarray]:
        """Return longitudes and latitudes of some points of the view, those that are on the globe."""
        import cartopy.crs as ccrs

        west, south, east, north = self.frame.bounds
        grid = np.meshgrid(np.linspace(west, east, 41), np.linspace(south, north, 41))
        plain = ccrs.PlateCarree().transform_points(self.crs, *map(np.ravel, grid))
        plain = plain[np.isfinite(plain).all(axis=1)]
        return plain[:, 0], plain[:, 1]

    def cut(self, shapes: Any) -> np.ndarray:
        """Return shapes in longitude and latitude as they are seen, one (or empty) for each."""
        import cartopy.crs as ccrs

        plain = ccrs.PlateCarree()
        # cartopy bends an edge only if it is far off in the middle, up to 1/100 of the whole plane
        whole = shapely.segmentize(np.asarray(shapes, object), LONGEST)
        seen = [self.crs.project_geometry(shape, plain) for shape in whole]
        return np.asarray(
            shapely.intersection(shapely.make_valid(np.array(seen, object)), self.frame)
        )


def check_projection(name: str) -> str:
    """Return the name of a projection in lower case, a reference system as ``EPSG:n``.

    Examples
    --------
    >>> check_projection("Robinson"), check_projection("epsg:3035")
    ('robinson', 'EPSG:3035')
    >>> check_projection("mercator")
    Traceback (most recent call last):
    ...
    ValueError: projection must be robinson, plate-carree, orthographic, polar or EPSG:n, got 'mercator'
    """
    if name.lower() in PROJECTIONS:
        return name.lower()
    if re.fullmatch(r"(?i)epsg:\d+", name):
        return name.upper()
    raise ValueError(f"projection must be {', '.join(PROJECTIONS)} or EPSG:n, got {name!r}")


def make_view(name: str, bounds: tuple[float, float, float, float], size: float) -> View:
    """Make a view of a part of the globe.

    Parameters
    ----------
    name : str
        A projection, not plate-carree; see `check_projection`.
    bounds : (west, south, east, north)
        The part in degrees.
    size : float
        Its extent in radians. A larger part than `REGIONAL` is seen with all of the globe.

    Raises
    ------
    ModuleNotFoundError
        If cartopy is not installed.
    ValueError
        If a reference system is unknown, or is no projection.
    """
    try:
        import cartopy.crs as ccrs
    except ModuleNotFoundError:
        raise ModuleNotFoundError(NO_CARTOPY) from None
    west, south, east, north = bounds
    across, up = (west + east) / 2, (south + north) / 2
    if name == "polar":
        crs = (ccrs.NorthPolarStereo if up >= 0 else ccrs.SouthPolarStereo)(
            across if east - west < 300.0 else 0.0
        )
        edge = max(south, 0.0) if up >= 0 else min(north, 0.0)
        circle = crs.transform_points(
            ccrs.PlateCarree(), np.linspace(-180, 180, 361), np.full(361, edge)
        )
        radius = float(np.hypot(circle[:, 0], circle[:, 1]).max())
        if size <= REGIONAL and abs(up) + (north - south) / 2 < 89.0:
            return View(crs, _find_window(crs, bounds))
        return View(crs, shapely.Point(0.0, 0.0).buffer(radius, quad_segs=90), edge > -30.0)
    if name.startswith("EPSG:"):
        return _view_plane(name, bounds, regional=size <= REGIONAL)
    crs = ccrs.Robinson(across) if name == "robinson" else ccrs.Orthographic(across, up)
    globe = shapely.Polygon(crs.boundary)
    if size > REGIONAL:
        return View(crs, globe, is_global=True)
    return View(crs, globe.intersection(_find_window(crs, bounds)))


def _view_plane(name: str, bounds: tuple[float, float, float, float], *, regional: bool) -> View:
    """Make a view of a part of the globe in the plane of a reference system.

    If the part is not small, only the area for which the reference system is meant is seen.
    """
    import cartopy.crs as ccrs
    from pyproj.exceptions import CRSError

    try:
        crs = ccrs.epsg(int(name[5:]))
    except (CRSError, ValueError, RuntimeError) as error:
        raise ValueError(f"projection must be a reference system of a plane, got {name}") from error
    if not regional and crs.area_of_use is not None:
        west, south, east, north = crs.area_of_use.bounds
        bounds = (west, south, east + 360.0 * (east < west), north)
    frame = _find_window(crs, bounds)
    # cartopy would cut at the edge of the area for which the reference system is meant
    x0, y0, x1, y1 = frame.buffer(0.1 * np.sqrt(frame.area), join_style="mitre").bounds
    crs.bounds = (x0, x1, y0, y1)
    return View(crs, frame)


def _find_window(crs: Any, bounds: tuple[float, float, float, float]) -> shapely.Polygon:
    """Return the rectangle in which a part of the globe lies, with a little room."""
    import cartopy.crs as ccrs

    west, south, east, north = bounds
    grid = np.meshgrid(np.linspace(west, east, 61), np.linspace(south, north, 61))
    placed = crs.transform_points(ccrs.PlateCarree(), *map(np.ravel, grid))[:, :2]
    placed = placed[np.isfinite(placed).all(axis=1)]
    if not len(placed):
        raise ValueError(
            f"the projection shows nothing of {west:g}, {south:g}, {east:g}, {north:g}"
        )
    low, high = placed.min(axis=0), placed.max(axis=0)
    room = 0.02 * (high - low).max()
    return shapely.box(*(low - room), *(high + room))


class Warp:
    """Rasters of one grid as they are seen in a projection.

    Parameters
    ----------
    name : str
        The projection; see `check_projection`.
    places : Places
        Where the cells of the grid lie.
    shape : (rows, columns)
        The shape of the grid.
    """

    def __init__(self, name: str, places: Places, shape: tuple[int, ...]) -> None:
        self.view: View | None = None
        if name == "plate-carree":
            west, south, east, north = places.bounds
            frame = shapely.box(west, south, east, north)
        else:
            self.view = make_view(name, places.bounds, places.size)
            frame = self.view.frame
        x0, y0, x1, y1 = frame.bounds
        step = max(x1 - x0, y1 - y0) / PIXELS
        across, up = (max(round(length / step), 1) for length in (x1 - x0, y1 - y0))
        self.x = x0 + (x1 - x0) * (np.arange(across) + 0.5) / across
        self.y = y0 + (y1 - y0) * (np.arange(up) + 0.5) / up
        # The cell that lies at each pixel.
        longitude, latitude = map(np.ravel, np.meshgrid(self.x, self.y))
        if self.view is not None:
            longitude, latitude = self._find_degrees(longitude, latitude)
        west = places.bounds[0]
        cells = places.locate((longitude - west) % 360.0 + west, latitude)
        rows, columns = shape
        with np.errstate(invalid="ignore"):
            cells = np.floor(cells + 0.5)
            self.inside = np.all((cells >= 0) & (cells < (columns, rows)), axis=1)
        self.column, self.row = np.where(self.inside[:, None], cells, 0).astype(int).T

    def _find_degrees(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the places of pixels; infinite ones are replaced by NaN."""
        import cartopy.crs as ccrs

        plain = ccrs.PlateCarree().transform_points(self.view.crs, x, y)  # type: ignore[union-attr]
        plain[~np.isfinite(plain).all(axis=1)] = np.nan
        return plain[:, 0], plain[:, 1]

    def apply(self, data: xr.DataArray) -> xr.DataArray:
        """Return a raster as it is seen; pixels without a cell are NaN, or -1 for whole numbers."""
        import xarray as xr

        values = np.asarray(data.values)[self.row, self.column]
        missing = np.nan if values.dtype.kind == "f" else -1
        values = np.where(self.inside, values, missing).reshape(len(self.y), len(self.x))
        scalars = {name: c for name, c in data.coords.items() if c.ndim == 0}
        if self.view is None:
            axes = {
                "latitude": ("latitude", self.y, {"units": "degrees_north"}),
                "longitude": ("longitude", self.x, {"units": "degrees_east"}),
            }
        else:
            scalars = {
                n: c
                for n, c in scalars.items()
                if not {"crs_wkt", "grid_mapping_name"} & set(c.attrs)
            }
            axes = {"y": ("y", self.y, {"units": "m"}), "x": ("x", self.x, {"units": "m"})}
            scalars["view"] = xr.DataArray(0, attrs={"crs_wkt": self.view.crs.to_wkt()})
        return xr.DataArray(values, {**axes, **scalars}, list(axes), data.name, data.attrs)

    def frame_panel(self, ax: Axes) -> None:
        """Draw the edge of what is seen of the globe around a panel, without numbers."""
        if self.view is None:
            return
        edge = shapely.get_coordinates(self.view.frame.exterior)
        step = self.x[1] - self.x[0], self.y[1] - self.y[0]
        path = Path((edge - (self.x[0], self.y[0])) / step, closed=True)
        patch = PathPatch(path, facecolor="none", edgecolor=FRAME_COLOUR, linewidth=0.6, zorder=5)
        patch.set_clip_on(False)
        ax.add_patch(patch)
        for artist in [*ax.images, *ax.patches]:
            if artist.get_clip_on():
                artist.set_clip_path(path, ax.transData)
        ax.set_facecolor("none")
        ax.spines[:].set_visible(False)
        ax.tick_params(length=0, labelleft=False, labelbottom=False)
        ax.set(xlabel="", ylabel="")
