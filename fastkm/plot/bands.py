"""Figures of rasters of several bands: the bands, or a photo, and label maps.

Clusters of several bands have no order from low to high, so they get colours that differ instead
of samples of one colour map. Clusters of a photo get the colours of their centroids, so that the
label map looks like the photo in few colours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import ListedColormap, to_rgb

from fastkm.plot._grid import read_grid
from fastkm.plot._text import escape, format_quantity
from fastkm.plot.figures import Globe, make_panels, mark_chosen, require_shape
from fastkm.plot.panels import (
    describe,
    draw_cells,
    draw_classes,
    draw_raster,
    name_clusters,
    read_date,
)
from fastkm.plot.style import MISSING_COLOUR

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

MOST_BANDS = 12  # bands that are drawn; if there are more, this many, evenly spread


def stack_figure(
    bands: Sequence[xr.DataArray],
    label_maps: Mapping[int, xr.DataArray],
    centroids: Mapping[int, np.ndarray],
    colours: Mapping[int, Sequence[Sequence[float]]],
    *,
    names: Sequence[str] | None = None,
    photo: bool = False,
    title: str | None = None,
    chosen: int | None = None,
    cmap: str | Colormap | None = None,
    projection: str | None = None,
    size: tuple[float, float | None] | None = None,
) -> Figure:
    """Show bands and their label maps for several numbers of clusters.

    Parameters
    ----------
    bands : sequence of xarray.DataArray, shape (rows, columns)
        The bands, missing cells NaN; ``long_name`` and ``units`` name their panels.
    label_maps : mapping of int to xarray.DataArray
        A label map for each number of clusters k; -1 is missing.
    centroids : mapping of int to array, shape (k, bands)
        The centroids of each label map.
    colours : mapping of int to sequence, shape (k, 3 or 4)
        Red, green and blue of each cluster, from 0 to 1.
    names : sequence of str, optional
        What tells bands of one variable apart, such as dates; by default their dates or numbers.
    photo : bool, default False
        Show the first three bands as red, green and blue of one picture.
    title : str, optional
        The figure's title; by default what all bands have in common, the variable or the date, and
        how many bands are shown if these are not all.
    cmap : str or matplotlib.colors.Colormap, optional
        The colour map of the bands; viridis by default.
    chosen, projection, size
        As in `clusters_figure`.

    Returns
    -------
    matplotlib.figure.Figure
        The bands first, or the picture, then one panel a k in the mapping's order. Of more than 12
        bands 12 are shown, evenly spread. Bands of one variable have one scale of colours.

    Raises
    ------
    ValueError
        If a label map has another shape than the bands, or a panel cannot be drawn; if the colour
        map or the projection is unknown, or nothing says where on the globe the cells lie.

    Examples
    --------
    >>> import xarray as xr
    >>> band = xr.DataArray([[1.0, 9.0]], attrs={"long_name": "height"})
    >>> other = xr.DataArray([[2.0, 3.0]], attrs={"long_name": "slope"})
    >>> label = xr.DataArray([[0, 1]])
    >>> centres = np.array([[1.0, 2.0], [9.0, 3.0]])
    >>> figure = stack_figure([band, other], {2: label}, {2: centres}, {2: [(1, 0, 0), (0, 0, 1)]})
    >>> [ax.get_title() for ax in figure.axes]
    ['height', 'slope', '2 clusters']
    """
    require_shape(label_maps, bands[0])
    evenly = [round(j) for j in np.linspace(0, len(bands) - 1, min(len(bands), MOST_BANDS))]
    together = len(bands) > 1 and not photo and len({describe(band) for band in bands}) == 1
    first = 1 if photo else len(evenly)
    globe = Globe(bands[0], projection)
    if title is None:
        common = format_quantity(*describe(bands[0])) if together else read_date(bands[0])
        some = f"{first} of {len(bands)} bands" if 1 < first < len(bands) else ""
        title = ", ".join(filter(None, (common, some)))
    figure, axes = make_panels(first + len(label_maps), globe.see(bands[0]), title=title, size=size)
    # The bands, or a photo.
    if photo:
        _draw_photo(axes[0], [globe.see(band) for band in bands[:3]])
    else:
        images = [
            draw_raster(ax, globe.see(bands[j]), cmap=cmap)
            for ax, j in zip(axes, evenly, strict=False)
        ]
        if together:
            _share_colours(images)
            for ax, j in zip(axes, evenly, strict=False):
                name = read_date(bands[j]) or f"band {j + 1}" if names is None else names[j]
                ax.set_title(escape(name))
    # The label maps.
    units = describe(bands[0])[1]
    for ax, (k, labels) in zip(axes[first:], label_maps.items(), strict=True):
        means = np.mean(centroids[k], axis=1)
        texts = (
            [str(j) for j in range(k)]
            if photo
            else name_clusters(means if together else centroids[k])
        )
        image = draw_classes(ax, globe.see(labels), ListedColormap(list(colours[k])), texts)
        if together and image.colorbar is not None:
            image.colorbar.set_label(format_quantity("mean centroid", units))
        ax.set_title(f"{k} cluster{'s' if k > 1 else ''}")
        mark_chosen(ax, chosen=k == chosen)
    globe.dress(axes)
    figure.trim(None if size is None else size[1])
    return figure


def _share_colours(images: Sequence[AxesImage]) -> None:
    """Give images one scale of colours, from the least to the greatest value of all."""
    present = [
        image for image in images if not np.ma.getmaskarray(np.ma.asarray(image.get_array())).all()
    ]
    limits = [image.get_clim() for image in present]
    if limits:
        low, high = min(low for low, _ in limits), max(high for _, high in limits)
        for image in images:
            image.set_clim(low, high)


def _draw_photo(ax: Axes, bands: Sequence[xr.DataArray | np.ndarray]) -> None:
    """Draw three bands of bytes as one picture; cells that any of them misses are light grey."""
    layers = [read_grid(band, name="band", missing=-1) for band in bands]
    missing = np.logical_or.reduce([np.ma.getmaskarray(layer.cells) for layer in layers])
    picture = np.dstack([layer.cells.filled(0) for layer in layers]).clip(0, 255) / 255.0
    picture[missing] = to_rgb(MISSING_COLOUR)
    draw_cells(ax, layers[0], picture)
    ax.set_title("red, green, blue")
