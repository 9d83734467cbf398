"""Public names that have moved: the old ones keep working for one release, with a warning.

A module in which such names stood takes its ``__getattr__`` from `make_getattr`. Some of the names are
modules now; `make_callable` lets them be called as the functions that they were.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

from fastkm._core.notes import warn_user

RENAMED = {
    "fastkm.archives": {
        "ArchiveOptions": "fastkm.workflows.archive.options.ArchiveOptions",
        "Done": "fastkm.workflows.archive.run.RunResult",
        "cluster_archive": "fastkm.workflows.archive.run.cluster_archive",
    },
    "fastkm.cli": {"app": "fastkm.cli.commands.app", "main": "fastkm.cli.commands.main"},
    "fastkm.cluster": {
        "Choice": "fastkm.Choice",
        "KMeans1D": "fastkm.KMeans1D",
        "choose_k": "fastkm.choose_k",
        "kmeans": "fastkm.kmeans",
        "kmeans1d": "fastkm.kmeans1d",
        "kmeans2": "fastkm.kmeans2",
        "load_codebook": "fastkm.load_codebook",
        "whiten": "fastkm.whiten",
    },
    "fastkm.geometry": {
        "EARTH_RADIUS": "fastkm.geometry.diameters.farthest_on_globe.EARTH_RADIUS",
        "FarthestPair": "fastkm.geometry.distance.FarthestPair",
        "Regions": "fastkm.geometry.regions.Regions",
        "Rings": "fastkm.geometry.regions.Rings",
        "bridged": "fastkm.geometry.region_merging.find_bridged_pairs",
        "exceeds_distance": "fastkm.exceeds_distance",
        "find_contours": "fastkm.find_contours",
        "find_regions": "fastkm.geometry.regions.find_regions",
        "joined": "fastkm.geometry.region_merging.merge_pairs",
        "max_pairwise_distance": "fastkm.max_pairwise_distance",
        "max_pairwise_distances": "fastkm.geometry.distance.max_pairwise_distances",
        "touching": "fastkm.geometry.region_merging.find_touching_pairs",
        "trace_rings": "fastkm.geometry.regions.trace_rings",
    },
    "fastkm.raster": {
        "Axes": "fastkm.raster.grid.axes.Axes",
        "Description": "fastkm.raster.io.describe.variables.VariableInfo",
        "RasterClusters": "fastkm.RasterClusters",
        "StackAxes": "fastkm.raster.grid.axes.StackAxes",
        "StackCodebook": "fastkm.raster.codebook.BandsCodebook",
        "apply_mask": "fastkm.raster.mask.apply_mask",
        "cell_areas": "fastkm.raster.grid.areas.cell_areas",
        "describe": "fastkm.raster.io.describe.variables.describe_variables",
        "find_axes": "fastkm.raster.grid.axes.find_axes",
        "find_stack_axes": "fastkm.raster.grid.axes.find_stack_axes",
        "is_geographic": "fastkm.raster.grid.axes.is_geographic",
        "is_geotiff": "fastkm.raster.io.geotiff.read_geotiff.is_geotiff",
        "label_raster": "fastkm.raster.labels.label_raster",
        "load_stack_codebook": "fastkm.load_codebook",
        "open_archive": "fastkm.open_archive",
        "read_areas": "fastkm.raster.io.read_bands.read_areas",
        "read_raster": "fastkm.read_raster",
        "read_stack": "fastkm.raster.io.read_bands.read_stack",
        "sample_dataset": "fastkm.datasets.sample_dataset",
        "suspicious_values": "fastkm.raster.io.describe.suspicious.find_suspicious_values",
        "write_label_tiff": "fastkm.raster.io.geotiff.write_geotiff.write_label_tiff",
        "write_labels": "fastkm.raster.io.write_netcdf.write_labels",
        "write_sample": "fastkm.datasets.write_sample",
    },
    "fastkm.raster.codebook": {
        "StackCodebook": "fastkm.raster.codebook.BandsCodebook",
        "load_stack_codebook": "fastkm.load_codebook",
    },
    "fastkm.raster.sample_archive": {
        "write_sample_archive": "fastkm.datasets.write_sample_archive",
    },
    "fastkm.vector": {
        "as_area": "fastkm.vector.measure.as_area",
        "as_length": "fastkm.vector.measure.as_length",
        "check_extension": "fastkm.vector.write.check_extension",
        "to_rfc7946": "fastkm.vector.formats.geojson.to_rfc7946",
        "write_outlines": "fastkm.vector.write.write_outlines",
    },
}
"""The new name of each old one, by the module in which it stood."""


def make_getattr(module: str) -> Callable[[str], Any]:
    """Return a ``__getattr__`` for a module that finds its old names under their new ones."""

    def find_renamed(name: str) -> Any:
        if name not in RENAMED[module]:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        new = RENAMED[module][name]
        _warn(f"{module}.{name}", new)
        home, _, new_name = new.rpartition(".")
        return getattr(import_module(home), new_name)

    return find_renamed


def make_callable(module: str) -> None:
    """Let a module be called as the function of the same name in `fastkm`."""
    sys.modules[module].__class__ = _CallableModule


class _CallableModule(ModuleType):
    def __call__(self, *args: Any, **options: Any) -> Any:
        name = self.__name__.rpartition(".")[2]
        _warn(f"{self.__name__} as a function", f"fastkm.{name}")
        return getattr(import_module("fastkm"), name)(*args, **options)


def _warn(old: str, new: str) -> None:
    warn_user(
        f"{old} is an old name, which goes with the next release; use {new}", DeprecationWarning
    )
