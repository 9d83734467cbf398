"""Pages of panels: a raster and its label maps, and the grid of panels of every such page.

There is no pyplot, no current figure and no window, so figures can be made in threads and thrown
away without `close`. `fastkm.plot._page` places the panels.

Panels keep the scale of the map, so the height of the page follows from the raster's height over
its width, and not the other way round.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm.plot._grid import read_grid
from fastkm.plot._page import Page
from fastkm.plot._text import escape, make_printable, read_text, typeset_units
from fastkm.plot.globe.places import find_places
from fastkm.plot.globe.shores import add_shores, find_shores
from fastkm.plot.panels import compose_title, describe, draw_labels, draw_raster, read_date, wrap

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

PANEL_INCHES = 3.1  # width of a map among others
WIDE_INCHES = 7.0  # width of a map that has the page to itself
NARROW_INCHES = 1.2  # least width of a tall map
TALLEST_INCHES = 7.5  # height for which a tall map becomes narrower than that
FLAT = 1 / 6  # height over width of maps that stand above one another
BESIDE_INCHES = 1.05  # tick labels and colour bar at a map's sides
ABOVE_INCHES = 0.32  # title above a map
MARGIN_INCHES = 0.55  # tick labels below the page's last row and the second line of the first title
MOST_COLUMNS = 4


def clusters_figure(
    raster: xr.DataArray | np.ndarray,
    label_maps: Mapping[int, Any] | Any,
    centroids: Mapping[int, Sequence[float] | np.ndarray] | None = None,
    *,
    title: str | None = None,
    chosen: int | None = None,
    cmap: str | Colormap | None = None,
    projection: str | None = None,
    size: tuple[float, float | None] | None = None,
) -> Figure:
    """Show a raster and its label maps for several numbers of clusters.

    Parameters
    ----------
    raster : xarray.DataArray or numpy.ndarray, shape (rows, columns)
        The raster, missing cells NaN.
    label_maps : mapping of int to KMeans1D or RasterClusters, or to a label map
        What `fastkm.kmeans1d` or `fastkm.cluster_raster` return for several numbers of clusters k, or
        for one k; or for each k a label map of the raster's shape, in which -1 is missing.
    centroids : mapping of int to array-like, shape (k,), optional
        The centroids of each label map, ascending, in the raster's units; results have their own.
    title : str, optional
        The figure's title; by default the raster's name, units and date, if it has a date.
    chosen : int, optional
        The number of clusters that was chosen, whose title says so.
    cmap : str or matplotlib.colors.Colormap, optional
        The colour map of the raster, and of the clusters; viridis by default.
    projection : str, optional
        Draw the panels in this projection: "robinson", "plate-carree", "orthographic", "polar"
        (the pole that is nearer) or the reference system of a plane, as "EPSG:3035". By default
        rows and columns are drawn as they are.
    size : (width, height), optional
        Inches; if the height is None, the page is as high as its panels.

    Returns
    -------
    matplotlib.figure.Figure
        The raster first, then one panel a k in the mapping's order, up to four side by side.

    Raises
    ------
    ValueError
        If the two mappings have different keys, a result is one of several bands, a label map has another shape than the raster, or
        a panel cannot be drawn; if the colour map or the projection is unknown, or nothing says
        where on the globe the cells of the raster lie.
    ModuleNotFoundError
        If a projection needs cartopy, and that is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> raster = np.array([[1.0, 2.0], [9.0, 10.0]])
    >>> maps = {1: np.zeros((2, 2), int), 2: np.array([[0, 0], [1, 1]])}
    >>> figure = clusters_figure(raster, maps, {1: [5.5], 2: [1.5, 9.5]})
    >>> [ax.get_title() for ax in figure.axes]
    ['raster', '1 cluster', '2 clusters']
    >>> import fastkm
    >>> figure = clusters_figure(raster, fastkm.kmeans1d(raster, [1, 2]))
    """
    if centroids is None:
        label_maps, centroids = _take_results(label_maps, raster)
    if set(label_maps) != set(centroids):
        raise ValueError(
            f"centroids must have the keys of label_maps, {sorted(label_maps)}, "
            f"got {sorted(centroids)}"
        )
    require_shape(label_maps, raster)
    globe = Globe(raster, projection)
    shown = globe.see(raster)
    name, units = describe(raster)
    full = compose_title(raster) if title is None and read_date(raster) else None
    figure, axes = make_panels(1 + len(label_maps), shown, title=title or full, size=size)
    image = draw_raster(axes[0], shown, title="raster" if full or not name else None, cmap=cmap)
    if full and image.colorbar is not None:
        image.colorbar.set_label(typeset_units(units))
    for ax, (k, labels) in zip(axes[1:], label_maps.items(), strict=True):
        draw_labels(ax, globe.see(labels), centroids[k], units=units, cmap=cmap)
        mark_chosen(ax, chosen=k == chosen)
    globe.dress(axes)
    figure.trim(None if size is None else size[1])
    return figure


def _take_results(
    results: Any, raster: xr.DataArray | np.ndarray
) -> tuple[dict[int, Any], dict[int, np.ndarray]]:
    """Return the label maps and the centroids of results by k, or of one result."""
    by_k = results if isinstance(results, Mapping) else {getattr(results, "k", 0): results}
    maps, centroids = {}, {}
    for k, result in by_k.items():
        if not hasattr(result, "predict"):
            raise ValueError(
                "label_maps must be results of kmeans1d or cluster_raster if there are no centroids, "
                f"got {type(result).__name__} for k = {k}"
            )
        centroids[k] = np.ravel(result.centroids)
        if len(centroids[k]) != result.k:
            raise ValueError(
                "label_maps must be results of one band, got one of several: its plot() shows them, and "
                "stack_figure draws bands beside them"
            )
        maps[k] = result.labels if hasattr(result, "labels") else result.predict(raster)
    return maps, centroids


def labels_figure(
    labels: xr.DataArray | np.ndarray,
    centroids: Sequence[float] | np.ndarray | None = None,
    *,
    units: str | None = None,
    title: str | None = None,
    cmap: str | Colormap | None = None,
    projection: str | None = None,
    size: tuple[float, float | None] | None = None,
) -> Figure:
    """Show one label map, with shorelines if its cells have places on the globe.

    Parameters
    ----------
    labels : xarray.DataArray or numpy.ndarray, shape (rows, columns)
        Cluster numbers; -1 is missing.
    centroids : array-like, shape (k,) or (k, bands), optional
        The centroids; by default those that the label map carries as an attribute.
    units : str, optional
        Units of the centroids; by default those that the label map carries.
    title : str, optional
        The title; by default what was clustered, and the date, if there is one.
    cmap, projection, size
        As in `clusters_figure`.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there are no centroids, or `clusters_figure` would raise it.

    Examples
    --------
    >>> import fastkm, xarray as xr
    >>> raster = xr.DataArray([[1.0, 2.0], [8.0, 9.0]], name="water", attrs={"units": "m"})
    >>> figure = labels_figure(fastkm.kmeans1d(raster, 2).predict(raster))
    >>> figure.axes[0].get_title()
    '2 clusters of water'
    """
    globe = Globe(labels, projection)
    shown = globe.see(labels)
    figure, axes = make_panels(1, shown, size=size)
    attrs = getattr(labels, "attrs", {})
    centroids = attrs.get("centroids") if centroids is None else centroids
    if centroids is None:
        raise ValueError("centroids must be given, because the label map does not carry them")
    units = read_text(attrs.get("centroid_units")) if units is None else units
    if title is None:
        k = len(np.atleast_1d(centroids))
        what = read_text(attrs.get("long_name")).removeprefix("cluster")
        title = ", ".join(
            filter(None, (f"{k} cluster{'s' if k > 1 else ''}{escape(what)}", read_date(labels)))
        )
    draw_labels(axes[0], shown, np.atleast_1d(centroids), units=units, title=title, cmap=cmap)
    axes[0].set_title(wrap(axes[0].get_title(), figure.get_figwidth() - BESIDE_INCHES))
    globe.dress(axes)
    figure.trim(None if size is None else size[1])
    return figure


class Globe:
    """What the panels of a page show of the globe: a projection, if one is named, and shorelines."""

    def __init__(self, raster: xr.DataArray | np.ndarray, projection: str | None) -> None:
        self._raster, self._warp = raster, None
        if projection is not None:
            from fastkm.plot.globe.projections import Warp, check_projection  # with shapely

            projection, places = check_projection(projection), find_places(raster)
            if places is None:
                raise ValueError(
                    f"projection {projection} needs the places of cells: give the raster longitudes and "
                    "latitudes, or a reference system"
                )
            self._warp = Warp(projection, places, raster.shape)

    def see(self, data: xr.DataArray | np.ndarray) -> xr.DataArray | np.ndarray:
        """Return a raster of the grid as the panels show it."""
        if self._warp is None or isinstance(self._raster, np.ndarray):
            return data
        return self._warp.apply(
            self._raster.copy(data=data) if isinstance(data, np.ndarray) else data
        )

    def dress(self, axes: Sequence[Axes]) -> None:
        """Add shorelines to panels that are drawn, and the edge of the globe."""
        shores = find_shores(self.see(self._raster))
        for ax in axes:
            add_shores(ax, shores)
            if self._warp is not None:
                self._warp.frame_panel(ax)


def mark_chosen(ax: Axes, *, chosen: bool) -> None:
    """Say in the title of a panel that its number of clusters is the one that was chosen."""
    if chosen:
        ax.set_title(f"{ax.get_title()} (chosen)", fontweight="bold")


def require_shape(label_maps: Mapping[int, Any], raster: xr.DataArray | np.ndarray) -> None:
    """Raise ValueError unless all label maps have the raster's shape."""
    for k, labels in label_maps.items():
        if labels.shape != raster.shape:
            raise ValueError(
                f"label_maps[{k}] must have the raster's shape {raster.shape}, got {labels.shape}"
            )


def make_panels(
    count: int,
    raster: xr.DataArray | np.ndarray,
    *,
    columns: int | None = None,
    title: str | None = None,
    size: tuple[float, float | None] | None = None,
) -> tuple[Page, list[Axes]]:
    """Make a page of `count` panels that share their axes, in the raster's scale.

    Parameters
    ----------
    count : int
        The number of panels, at least 1.
    raster : xarray.DataArray or numpy.ndarray, shape (rows, columns)
        What is drawn in them, or another raster of the same grid.
    columns : int, optional
        How many panels stand side by side; by default the page is about twice as wide as high, or
        has one column if the raster is six times as wide as high.
    title : str, optional
        The page's title.
    size : (width, height), optional
        Inches; the height is for `trim`.

    Returns
    -------
    page : matplotlib.figure.Figure
        Its height is not known before panels are drawn: call `page.trim()` then.
    axes : list of matplotlib.axes.Axes
        The panels, row by row.

    Raises
    ------
    ValueError
        If `raster` is not two-dimensional or has no cells.

    Examples
    --------
    >>> import numpy as np
    >>> from fastkm.plot import draw_raster
    >>> page, axes = make_panels(2, np.eye(3), columns=1)
    >>> images = [draw_raster(ax, cells) for ax, cells in zip(axes, [np.eye(3), 1 - np.eye(3)])]
    >>> page.trim()
    >>> page.savefig("two.png", dpi=150)  # doctest: +SKIP
    """
    ratio = read_grid(raster, name="raster").ratio
    if columns is None:
        columns = 1 if ratio < FLAT else _choose_columns(count)
    across = columns
    rows = math.ceil(count / across)
    width = WIDE_INCHES if across == 1 else PANEL_INCHES
    # A tall map is held to the height of a square one, as far as its labels leave room.
    width = width if ratio <= 1 else max(width / ratio, min(NARROW_INCHES, TALLEST_INCHES / ratio))
    page_width = across * (width + BESIDE_INCHES) if size is None else size[0]
    if size is not None:
        width = max(page_width / across - BESIDE_INCHES, 0.5)
    page_height = rows * (width * ratio + ABOVE_INCHES) + MARGIN_INCHES  # `trim` knows better
    page = Page(ratio, figsize=(page_width, page_height))
    if title:
        lines = make_printable(title).split("\n")
        page.suptitle("\n".join(wrap(line, 0.9 * page_width) for line in lines))
    # Panels row by row; only the lowest of a column and the first of a row are labelled.
    axes: list[Axes] = []
    for number in range(count):
        first = axes[0] if axes else None
        ax = page.add_subplot(rows, across, number + 1, sharex=first, sharey=first)
        ax.tick_params(labelbottom=number + across >= count, labelleft=number % across == 0)
        axes.append(ax)
    return page, axes


def _choose_columns(count: int) -> int:
    """Choose the columns of a page about twice as wide as high: eight panels are 2 x 4."""
    rows = max(round(math.sqrt(count / 2)), math.ceil(count / MOST_COLUMNS))
    return math.ceil(count / rows)
