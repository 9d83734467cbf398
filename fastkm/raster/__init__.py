"""Rasters with coordinates: reading, missing cells, label maps, the sample."""

from fastkm.raster.axes import Axes, find_axes, is_geographic
from fastkm.raster.describe import Description, describe, suspicious_values
from fastkm.raster.labels import label_raster, write_labels
from fastkm.raster.mask import apply_mask
from fastkm.raster.read import global_attributes, read_raster
from fastkm.raster.sample import sample_dataset, write_sample

__all__ = [
    "Axes",
    "Description",
    "apply_mask",
    "describe",
    "find_axes",
    "global_attributes",
    "is_geographic",
    "label_raster",
    "read_raster",
    "sample_dataset",
    "suspicious_values",
    "write_labels",
    "write_sample",
]
