"""Rasters with coordinates: reading, missing cells, clusters of bands, label maps, the sample.

What clusters loads when it is first used, and so does what reads archives: reading a raster needs
neither.
"""

from typing import TYPE_CHECKING

from fastkm.raster.area import cell_areas
from fastkm.raster.axes import Axes, StackAxes, find_axes, find_stack_axes, is_geographic
from fastkm.raster.describe import Description, describe, suspicious_values
from fastkm.raster.geotiff import is_geotiff
from fastkm.raster.label_tiff import write_label_tiff
from fastkm.raster.labels import label_raster, write_labels
from fastkm.raster.mask import apply_mask
from fastkm.raster.read import global_attributes, read_raster
from fastkm.raster.read_stack import read_areas, read_stack
from fastkm.raster.sample import sample_dataset, write_sample

if TYPE_CHECKING:
    from fastkm.raster.assemble import open_archive
    from fastkm.raster.clusters import RasterClusters
    from fastkm.raster.codebook import StackCodebook, load_stack_codebook
    from fastkm.raster.kmeans import cluster_raster

_LATER = {
    "RasterClusters": "clusters",
    "StackCodebook": "codebook",
    "cluster_raster": "kmeans",
    "load_stack_codebook": "codebook",
    "open_archive": "assemble",
}

__all__ = [
    "Axes",
    "Description",
    "RasterClusters",
    "StackAxes",
    "StackCodebook",
    "apply_mask",
    "cell_areas",
    "cluster_raster",
    "describe",
    "find_axes",
    "find_stack_axes",
    "global_attributes",
    "is_geographic",
    "is_geotiff",
    "label_raster",
    "load_stack_codebook",
    "open_archive",
    "read_areas",
    "read_raster",
    "read_stack",
    "sample_dataset",
    "suspicious_values",
    "write_label_tiff",
    "write_labels",
    "write_sample",
]


def __getattr__(name: str) -> object:
    """Import what clusters when it is first asked for."""
    from importlib import import_module

    if name not in _LATER:
        raise AttributeError(f"module 'fastkm.raster' has no attribute {name!r}")
    value = getattr(import_module(f"fastkm.raster.{_LATER[name]}"), name)
    globals()[name] = value
    return value
