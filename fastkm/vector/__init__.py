"""Polygons with coordinates and a CRS: outlines of clusters, and files of them."""

from fastkm.vector.coordinates import regional_extent, to_coordinates
from fastkm.vector.outline import contours_to_frame, outline
from fastkm.vector.write import check_extension, write_outlines

__all__ = [
    "check_extension",
    "contours_to_frame",
    "outline",
    "regional_extent",
    "to_coordinates",
    "write_outlines",
]
