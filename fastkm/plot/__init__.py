"""Figures of rasters, label maps, scores and outlines; each panel draws on the axes it is given.

Nothing here touches pyplot: figures are plain `matplotlib.figure.Figure` objects. A name is imported
when it is first asked for, so that colours need no figures, and charts no shapely.
"""

from typing import TYPE_CHECKING

from fastkm._lazy_names import make_getattr

_MODULES = {
    "RASTER_CMAP": "style",
    "areas_figure": "time_series",
    "class_colours": "style",
    "climatology_figure": "highest_cluster",
    "cluster_colormap": "style",
    "clusters_figure": "figures",
    "draw_area": "time_series",
    "draw_climatology": "highest_cluster",
    "draw_hovmoller": "highest_cluster",
    "draw_labels": "panels",
    "draw_raster": "panels",
    "draw_scores": "scores",
    "frequency_figure": "highest_cluster",
    "hovmoller_figure": "highest_cluster",
    "land_polygons": "coastlines",
    "make_panels": "figures",
    "map_figure": "maps",
    "scores_figure": "scores",
    "stack_figure": "bands",
}
"""The module of each public name."""

__all__ = [*_MODULES]  # noqa: PLE0604  (the names are those above)


if not TYPE_CHECKING:  # otherwise type checkers would take any name for a public one
    __getattr__ = make_getattr(__name__, _MODULES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


if TYPE_CHECKING:
    from fastkm.plot.bands import stack_figure as stack_figure
    from fastkm.plot.coastlines import land_polygons as land_polygons
    from fastkm.plot.figures import clusters_figure as clusters_figure
    from fastkm.plot.figures import make_panels as make_panels
    from fastkm.plot.highest_cluster import climatology_figure as climatology_figure
    from fastkm.plot.highest_cluster import draw_climatology as draw_climatology
    from fastkm.plot.highest_cluster import draw_hovmoller as draw_hovmoller
    from fastkm.plot.highest_cluster import frequency_figure as frequency_figure
    from fastkm.plot.highest_cluster import hovmoller_figure as hovmoller_figure
    from fastkm.plot.maps import map_figure as map_figure
    from fastkm.plot.panels import draw_labels as draw_labels
    from fastkm.plot.panels import draw_raster as draw_raster
    from fastkm.plot.scores import draw_scores as draw_scores
    from fastkm.plot.scores import scores_figure as scores_figure
    from fastkm.plot.style import RASTER_CMAP as RASTER_CMAP
    from fastkm.plot.style import class_colours as class_colours
    from fastkm.plot.style import cluster_colormap as cluster_colormap
    from fastkm.plot.time_series import areas_figure as areas_figure
    from fastkm.plot.time_series import draw_area as draw_area
