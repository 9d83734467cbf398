"""Figures of rasters, label maps, distributions, scores and outlines.

Results draw themselves: ``fastkm.cluster_raster(raster, 6).plot()``, ``.plot_histogram()``,
``fastkm.choose_k(results).plot()``, and `fastkm.plot_map` draws polygons. This module has the same
figures with more choices, of any data:

- maps: `clusters_figure` (a raster beside its label maps), `labels_figure` (one label map),
  `stack_figure` (several bands), `map_figure` (outlines over land);
- numbers: `histogram_figure` (the distribution, with breaks), `scores_figure` (scores of each k);
- archives: `areas_figure`, `hovmoller_figure`, `frequency_figure`, `climatology_figure`,
  `transitions_figure` and `flows_figure` (what passes between clusters), `tracks_figure` and
  `lives_figure` (regions followed through time).

Each returns a plain `matplotlib.figure.Figure`: ``savefig`` writes it, and notebooks show it. Nothing
here touches pyplot. To put panels on axes of your own, take `draw_raster`, `draw_labels`, `draw_shores`,
`draw_histogram`, `draw_scores`, `draw_area`, `draw_hovmoller` or `draw_climatology`; `make_panels` makes
a page of panels in the scale of a raster. `RASTER_CMAP`, `cluster_colormap` and `class_colours` are the
colours, `land_polygons` the land.

A name is imported when it is first asked for, so that colours need no figures, and charts no shapely.
"""

from typing import TYPE_CHECKING

from fastkm._lazy_names import make_getattr

_MODULES = {
    "RASTER_CMAP": "style",
    "areas_figure": "archive.time_series",
    "class_colours": "style",
    "climatology_figure": "archive.highest_cluster",
    "cluster_colormap": "style",
    "clusters_figure": "figures",
    "draw_area": "archive.time_series",
    "draw_climatology": "archive.highest_cluster",
    "draw_histogram": "histogram",
    "draw_hovmoller": "archive.highest_cluster",
    "draw_labels": "panels",
    "draw_raster": "panels",
    "draw_scores": "scores",
    "draw_shores": "globe.shores",
    "flows_figure": "archive.transitions",
    "frequency_figure": "archive.highest_cluster",
    "histogram_figure": "histogram",
    "hovmoller_figure": "archive.highest_cluster",
    "labels_figure": "figures",
    "land_polygons": "coastlines",
    "lives_figure": "archive.tracks",
    "make_panels": "figures",
    "map_figure": "maps",
    "scores_figure": "scores",
    "stack_figure": "bands",
    "tracks_figure": "archive.tracks",
    "transitions_figure": "archive.transitions",
}
"""The module of each public name."""

__all__ = [*_MODULES]  # noqa: PLE0604  (the names are those above)


if not TYPE_CHECKING:  # otherwise type checkers would take any name for a public one
    __getattr__ = make_getattr(__name__, _MODULES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


if TYPE_CHECKING:
    from fastkm.plot.archive.highest_cluster import climatology_figure as climatology_figure
    from fastkm.plot.archive.highest_cluster import draw_climatology as draw_climatology
    from fastkm.plot.archive.highest_cluster import draw_hovmoller as draw_hovmoller
    from fastkm.plot.archive.highest_cluster import frequency_figure as frequency_figure
    from fastkm.plot.archive.highest_cluster import hovmoller_figure as hovmoller_figure
    from fastkm.plot.archive.time_series import areas_figure as areas_figure
    from fastkm.plot.archive.time_series import draw_area as draw_area
    from fastkm.plot.archive.tracks import lives_figure as lives_figure
    from fastkm.plot.archive.tracks import tracks_figure as tracks_figure
    from fastkm.plot.archive.transitions import flows_figure as flows_figure
    from fastkm.plot.archive.transitions import transitions_figure as transitions_figure
    from fastkm.plot.bands import stack_figure as stack_figure
    from fastkm.plot.coastlines import land_polygons as land_polygons
    from fastkm.plot.figures import clusters_figure as clusters_figure
    from fastkm.plot.figures import labels_figure as labels_figure
    from fastkm.plot.figures import make_panels as make_panels
    from fastkm.plot.globe.shores import draw_shores as draw_shores
    from fastkm.plot.histogram import draw_histogram as draw_histogram
    from fastkm.plot.histogram import histogram_figure as histogram_figure
    from fastkm.plot.maps import map_figure as map_figure
    from fastkm.plot.panels import draw_labels as draw_labels
    from fastkm.plot.panels import draw_raster as draw_raster
    from fastkm.plot.scores import draw_scores as draw_scores
    from fastkm.plot.scores import scores_figure as scores_figure
    from fastkm.plot.style import RASTER_CMAP as RASTER_CMAP
    from fastkm.plot.style import class_colours as class_colours
    from fastkm.plot.style import cluster_colormap as cluster_colormap
