"""Figures of rasters, label maps, scores and outlines; each panel draws on the axes it is given.

Nothing here touches pyplot: figures are plain `matplotlib.figure.Figure` objects.
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
