"""The exceptions of fastkm.

Loaded when one is needed, not by ``import fastkm``: the class below descends from scipy's, so
that ``except scipy.cluster.vq.ClusterError`` catches it, and scipy takes a while to import.
"""

from scipy.cluster.vq import ClusterError as ScipyClusterError


class ClusterError(ScipyClusterError, ValueError):  # type: ignore[misc]
    """Clusters cannot be formed as asked: one is empty, or the values are too few.

    It is a `ValueError` too.

    Examples
    --------
    >>> import scipy.cluster.vq
    >>> issubclass(ClusterError, scipy.cluster.vq.ClusterError)
    True
    """
