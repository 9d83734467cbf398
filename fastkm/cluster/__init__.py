"""The algorithms: scipy's four functions and the optimum in one dimension."""

from fastkm.cluster.exact import KMeans1D, kmeans1d
from fastkm.cluster.lloyd import kmeans, kmeans2
from fastkm.cluster.quantize import vq, whiten

__all__ = ["KMeans1D", "kmeans", "kmeans1d", "kmeans2", "vq", "whiten"]
