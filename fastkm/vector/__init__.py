"""Polygons with coordinates and a CRS: outlines of clusters, and files of them."""

from fastkm.vector.contours import contours_to_frame
from fastkm.vector.geojson import to_rfc7946
from fastkm.vector.outline import as_area, as_length, outline
from fastkm.vector.polygonize import polygonize
from fastkm.vector.write import check_extension, write_outlines

__all__ = [
    "as_area",
    "as_length",
    "check_extension",
    "contours_to_frame",
    "outline",
    "polygonize",
    "to_rfc7946",
    "write_outlines",
]
