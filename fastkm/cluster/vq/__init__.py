"""The functions of ``scipy.cluster.vq``, under the same names.

This module can be imported instead of scipy's. Signatures, random draws and results are scipy's::

    from fastkm.cluster.vq import ClusterError, kmeans, kmeans2, vq, whiten

`quantize` defines `vq` and `whiten`; `iterate` defines `kmeans` and `kmeans2`, whose starts come
from `initialization` and whose iterations from `steps`.
"""

from typing import TYPE_CHECKING

from fastkm._core.renamed import make_callable
from fastkm.cluster.vq.iterate import kmeans, kmeans2
from fastkm.cluster.vq.quantize import vq, whiten

if TYPE_CHECKING:
    from fastkm.errors import ClusterError as ClusterError

__all__ = ["ClusterError", "kmeans", "kmeans2", "vq", "whiten"]

make_callable(__name__)


def __getattr__(name: str) -> object:
    """Import `ClusterError` when it is first asked for: it loads scipy's module."""
    if name == "ClusterError":
        from fastkm.errors import ClusterError

        return ClusterError
    raise AttributeError(f"module 'fastkm.cluster.vq' has no attribute {name!r}")
