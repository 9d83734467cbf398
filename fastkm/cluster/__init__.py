"""The algorithms: scipy's four functions and the optimum in one dimension."""

from fastkm.cluster.choose import Choice, choose_k
from fastkm.cluster.codebook import KMeans1D, load_codebook
from fastkm.cluster.exact import kmeans1d
from fastkm.cluster.lloyd import kmeans, kmeans2
from fastkm.cluster.quantize import vq, whiten

__all__ = [
    "Choice",
    "KMeans1D",
    "choose_k",
    "kmeans",
    "kmeans1d",
    "kmeans2",
    "load_codebook",
    "vq",
    "whiten",
]
