"""Natural breaks, the classes of maps (Jenks), under the name by which they are looked for.

Fisher's classes of least variance, known as Jenks' natural breaks, are the optimal one-dimensional
k-means that `fastkm.kmeans1d` finds; the breaks are written here as map makers write them.

Fisher, W. D. (1958). On grouping for maximum homogeneity. J. Am. Stat. Assoc. 53, 789-798.
Jenks, G. F. (1977). Optimal data classification for choropleth maps. University of Kansas.
"""

from __future__ import annotations

import operator
from typing import Any, SupportsIndex

from fastkm.cluster.exact.kmeans1d import kmeans1d
from fastkm.errors import ClusterError


def natural_breaks(values: Any, n_classes: SupportsIndex) -> list[float]:
    """Return the natural breaks of values (Fisher-Jenks), proven optimal.

    They are those of ``jenkspy.jenks_breaks``, in time that grows as n log n instead of n^2. The
    class of a value x is ``np.searchsorted(breaks[1:-1], x)``.

    Parameters
    ----------
    values : array-like, DataArray, dask array or callable
        As for `fastkm.kmeans1d`: of any shape; missing values are left out.
    n_classes : int
        Number of classes.

    Returns
    -------
    list of float
        ``n_classes + 1`` values of the data: the least one, and the greatest of each class.

    Raises
    ------
    ClusterError
        If there are fewer distinct values than classes; it is a ``ValueError``.
    ValueError
        If `n_classes` is below 1, or values are infinite.
    TypeError
        If `values` does not hold real numbers, or `n_classes` is not an integer.

    See Also
    --------
    fastkm.kmeans1d : the same classes with their means, counts, labels and inertia.
    fastkm.FisherJenks : the same classes for mapclassify.

    Notes
    -----
    jenkspy refuses NaN and arrays of several dimensions, and takes any of several classifications that
    are equally good; here the one with the lowest breaks is taken.

    Examples
    --------
    >>> import fastkm
    >>> values = [1.3, 7.1, 7.3, 2.3, 3.9, 4.1, 7.8, 1.2, 4.3, 7.3, 5.0, 4.3]
    >>> fastkm.natural_breaks(values, 3)
    [1.2, 2.3, 5.0, 7.8]
    """
    try:
        k = operator.index(n_classes)
    except TypeError:
        raise TypeError(f"n_classes must be an integer, got {n_classes!r}") from None
    if k < 1:
        raise ValueError(f"n_classes must be at least 1, got {k}")
    try:
        ranges = kmeans1d(values, k).ranges
    except ClusterError as error:
        raise ClusterError(f"n_classes: {error}") from None
    return [float(ranges[0, 0]), *ranges[:, 1].tolist()]
