"""Figures of rasters, label maps, distributions, scores and outlines.

Results draw themselves: ``fastkm.cluster_raster(raster, 6).plot()``, ``.plot_histogram()``,
``fastkm.choose_k(results).plot()``, and `fastkm.plot_map` draws polygons. This module has the same
figures with more choices, of any data:

- maps: `clusters_figure` (a raster beside its label maps), `labels_figure` (one label map),
  `stack_figure` (several bands), `map_figure` (outlines over land);
- numbers: `histogram_figure` (the distribution, with breaks), `scores_figure` (scores of each k);
- archives: `areas_figure`, `hovmoller_figure`, `frequency_figure`, `climatology_figure`.

Each returns a plain `matplotlib.figure.Figure`: ``savefig`` writes it, and notebooks show it. Nothing
here touches pyplot. To put panels on axes of your own, take `draw_raster`, `draw_labels`, `draw_shores`,
`draw_histogram`, `draw_scores`, `draw_area`, `draw_hovmoller` or `draw_climatology`; `make_panels` makes
a page of panels in the scale of a raster. `RASTER_CMAP`, `cluster_colormap` and `class_colours` are the
colours, `land_polygons` the land.
"""

from fastkm.plot.bands import stack_figure
from fastkm.plot.coastlines import land_polygons
from fastkm.plot.figures import clusters_figure, labels_figure, make_panels
from fastkm.plot.globe.shores import draw_shores
from fastkm.plot.highest_cluster import (
    climatology_figure,
    draw_climatology,
    draw_hovmoller,
    frequency_figure,
    hovmoller_figure,
)
from fastkm.plot.histogram import draw_histogram, histogram_figure
from fastkm.plot.maps import map_figure
from fastkm.plot.panels import draw_labels, draw_raster
from fastkm.plot.scores import draw_scores, scores_figure
from fastkm.plot.style import RASTER_CMAP, class_colours, cluster_colormap
from fastkm.plot.time_series import areas_figure, draw_area

__all__ = [
    "RASTER_CMAP",
    "areas_figure",
    "class_colours",
    "climatology_figure",
    "cluster_colormap",
    "clusters_figure",
    "draw_area",
    "draw_climatology",
    "draw_histogram",
    "draw_hovmoller",
    "draw_labels",
    "draw_raster",
    "draw_scores",
    "draw_shores",
    "frequency_figure",
    "histogram_figure",
    "hovmoller_figure",
    "labels_figure",
    "land_polygons",
    "make_panels",
    "map_figure",
    "scores_figure",
    "stack_figure",
]
