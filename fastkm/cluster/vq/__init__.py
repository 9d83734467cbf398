"""K-means with scipy's functions: this module stands where ``scipy.cluster.vq`` stands.

The names, signatures, draws and results are scipy's::

    from fastkm.cluster.vq import kmeans, kmeans2, vq, whiten

`quantize` holds `vq` and `whiten`; `iterate` holds `kmeans` and `kmeans2`, whose starts come from
`initialization` and whose iterations from `steps`.
"""

from fastkm.cluster.vq.iterate import kmeans, kmeans2
from fastkm.cluster.vq.quantize import vq, whiten
from fastkm.errors import ClusterError

__all__ = ["ClusterError", "kmeans", "kmeans2", "vq", "whiten"]
