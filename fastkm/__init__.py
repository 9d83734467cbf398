"""Clusters of large rasters: fast k-means, the proven optimum in one dimension, maps, outlines.

- `kmeans1d` finds the proven optimum in one dimension, `choose_k` compares numbers of clusters,
  `load_codebook` reads a result that was saved. `natural_breaks` and `FisherJenks` give the same
  optimum in the words of jenkspy and mapclassify.
- `kmeans`, `kmeans2`, `vq` and `whiten` stand in for those of ``scipy.cluster.vq``, and `KMeans` for
  scikit-learn's.
- `read_raster` reads a file with every missing cell missing, `open_raster` opens one of any size
  lazily, `open_archive` opens many files as one lazy array, `cluster_raster` clusters bands together.
- `cluster_archive` does what the command ``fastkm archive`` does, for files or anything that xarray
  opens; `transitions` counts what passes between the clusters of label maps through time, `track`
  follows the regions of a cluster.
- `outline` and `polygonize` turn label maps into polygons, `polygonize_to_file` those that do not fit
  in memory; `find_contours`, `max_pairwise_distance` and
  `exceeds_distance` trace and measure contours.
- `report` writes a result as one page for a browser.
- Results draw themselves: ``.plot()``, ``.plot_histogram()``; `plot_map` draws polygons over coastlines.
- ``import fastkm.xarray`` makes methods of these functions: ``raster.fastkm.cluster(6)``.

Names load when they are first used (SPEC 1, by PEP 562): ``import fastkm`` itself imports
nothing, not even numba.
"""

from typing import TYPE_CHECKING

from fastkm._lazy_names import make_getattr
from fastkm._version import __version__

_ROOMS = {
    "ArchiveClusters": "workflows.archive_clusters",
    "Choice": "cluster.selection.choose_k",
    "ClusterError": "errors",
    "FisherJenks": "cluster.fisher_jenks",
    "KMeans": "cluster.estimator",
    "KMeans1D": "cluster.exact.result",
    "RasterClusters": "raster.raster_clusters",
    "bands": "vector.levels.bands",
    "Tracks": "vector.tracking.track",
    "Transitions": "raster.change.transitions",
    "choose_k": "cluster.selection.choose_k",
    "cluster_archive": "workflows.cluster_archive",
    "cluster_raster": "raster.cluster_raster",
    "exceeds_distance": "geometry.distance",
    "find_contours": "geometry.contours",
    "isolines": "vector.levels.isolines",
    "kmeans": "cluster.vq",
    "kmeans1d": "cluster.exact.kmeans1d",
    "kmeans2": "cluster.vq",
    "load_codebook": "raster.codebook",
    "max_pairwise_distance": "geometry.distance",
    "natural_breaks": "cluster.natural_breaks",
    "open_archive": "raster.multifile.combine",
    "open_raster": "raster.io.lazy.open_raster",
    "outline": "vector.outline",
    "plot_map": "vector.plot_map",
    "polygonize": "vector.polygonize",
    "polygonize_to_file": "vector.write_batches",
    "read_raster": "raster.io.read_netcdf",
    "report": "workflows.reports.report",
    "sieve": "raster.sieve",
    "track": "vector.tracking.track",
    "transitions": "raster.change.transitions",
    "vq": "cluster.vq",
    "whiten": "cluster.vq",
}

_EXTRA = {"FisherJenks": "mapclassify", "KMeans": "sklearn"}
"""Names that need a package which is an extra. They are not in `__all__`, so that ``from fastkm
import *`` works without it, and in `dir` only with it, so that `help` and completion do."""

__all__ = [  # noqa: PLE0604  (the names are those above)
    "__version__",
    *(name for name in _ROOMS if name not in _EXTRA),
]


if not TYPE_CHECKING:  # otherwise type checkers would take any name for a public one
    __getattr__ = make_getattr(__name__, _ROOMS)


def __dir__() -> list[str]:
    from importlib.util import find_spec

    extra = {name for name, package in _EXTRA.items() if find_spec(package)}
    return sorted({*globals(), *__all__, *extra})


if TYPE_CHECKING:
    from fastkm.cluster.estimator import KMeans as KMeans
    from fastkm.cluster.exact.kmeans1d import kmeans1d as kmeans1d
    from fastkm.cluster.exact.result import KMeans1D as KMeans1D
    from fastkm.cluster.fisher_jenks import FisherJenks as FisherJenks
    from fastkm.cluster.natural_breaks import natural_breaks as natural_breaks
    from fastkm.cluster.selection.choose_k import Choice as Choice
    from fastkm.cluster.selection.choose_k import choose_k as choose_k
    from fastkm.cluster.vq.iterate import kmeans as kmeans
    from fastkm.cluster.vq.iterate import kmeans2 as kmeans2
    from fastkm.cluster.vq.quantize import vq as vq
    from fastkm.cluster.vq.quantize import whiten as whiten
    from fastkm.errors import ClusterError as ClusterError
    from fastkm.geometry.contours import find_contours as find_contours
    from fastkm.geometry.distance import exceeds_distance as exceeds_distance
    from fastkm.geometry.distance import max_pairwise_distance as max_pairwise_distance
    from fastkm.raster.change.transitions import Transitions as Transitions
    from fastkm.raster.change.transitions import transitions as transitions
    from fastkm.raster.cluster_raster import cluster_raster as cluster_raster
    from fastkm.raster.codebook import load_codebook as load_codebook
    from fastkm.raster.io.lazy.open_raster import open_raster as open_raster
    from fastkm.raster.io.read_netcdf import read_raster as read_raster
    from fastkm.raster.multifile.combine import open_archive as open_archive
    from fastkm.raster.raster_clusters import RasterClusters as RasterClusters
    from fastkm.raster.sieve import sieve as sieve
    from fastkm.vector.levels.bands import bands as bands
    from fastkm.vector.levels.isolines import isolines as isolines
    from fastkm.vector.outline import outline as outline
    from fastkm.vector.plot_map import plot_map as plot_map
    from fastkm.vector.polygonize import polygonize as polygonize
    from fastkm.vector.tracking.track import Tracks as Tracks
    from fastkm.vector.tracking.track import track as track
    from fastkm.vector.write_batches import polygonize_to_file as polygonize_to_file
    from fastkm.workflows.archive_clusters import ArchiveClusters as ArchiveClusters
    from fastkm.workflows.cluster_archive import cluster_archive as cluster_archive
    from fastkm.workflows.reports.report import report as report
