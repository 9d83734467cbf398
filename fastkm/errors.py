"""The exceptions of fastkm.

They are loaded when one is needed, not by ``import fastkm``: `ClusterError` descends from scipy's,
so that ``except scipy.cluster.vq.ClusterError`` catches it, and scipy takes a while to import.
"""

from scipy.cluster.vq import ClusterError as ScipyClusterError


class ClusterError(ScipyClusterError, ValueError):  # type: ignore[misc]
    """Clusters cannot be formed: one is empty, or there are too few values. Also a `ValueError`.

    Examples
    --------
    >>> import scipy.cluster.vq
    >>> issubclass(ClusterError, scipy.cluster.vq.ClusterError)
    True
    """


class ArchiveError(ValueError):
    """An input of an archive, or one of its steps, cannot be used.

    `step` is the time of the step, empty if the whole input is meant.

    Examples
    --------
    >>> print(ArchiveError("tpw_200910.nc", "2009-10-16", "all cells are missing"))
    tpw_200910.nc, 2009-10-16: all cells are missing
    """

    def __init__(self, file: str, step: str, reason: str) -> None:
        super().__init__(file, step, reason)
        self.file, self.step, self.reason = file, step, reason

    def __str__(self) -> str:
        where = f"{self.file}, {self.step}" if self.step else self.file
        return f"{where}: {self.reason}"
