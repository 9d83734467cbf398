"""The classifier of `fastkm.kmeans1d`'s optimum for mapclassify, which is an extra.

mapclassify's own ``FisherJenks`` takes time and memory that grow as the square of the number of
values, and so samples of large data; this one takes all values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm.cluster.exact.kmeans1d import kmeans1d

try:
    from mapclassify.classifiers import MapClassifier, UserDefined
except ImportError as error:
    raise ImportError(
        "fastkm.FisherJenks needs mapclassify 2.8 or later: pip install 'fastkm[choropleth]'; "
        "fastkm.natural_breaks finds the same breaks without it"
    ) from error

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


class FisherJenks(MapClassifier):
    """Fisher-Jenks classes of a map, of all values, proven optimal: a classifier of mapclassify.

    Parameters
    ----------
    y : array-like
        Values, as for `fastkm.kmeans1d`; they are flattened.
    k : int, default: 5
        Number of classes.

    Attributes
    ----------
    yb : (n,) int64 array
        Class of each value, -1 if it is NaN.
    bins : (k,) float64 array
        Greatest value of each class.
    counts : (k,) int64 array
        Number of values in each class.

    Raises
    ------
    ClusterError
        If there are fewer distinct values than k; it is a ``ValueError``.

    Notes
    -----
    All methods of mapclassify's classifiers work, such as ``plot(gdf)``, ``find_bin`` and ``make``. A map
    of geopandas takes the name of a scheme, and no classifier; give it the bins (``explore`` too)::

        bins = fastkm.FisherJenks(gdf["income"], 6).bins
        gdf.plot("income", scheme="userdefined", classification_kwds={"bins": bins}, legend=True)

    mapclassify's own ``FisherJenks`` counts NaN as a value, so a break of its may be NaN.

    Examples
    --------
    >>> import fastkm, mapclassify
    >>> classes = fastkm.FisherJenks(mapclassify.load_example(), 5)
    >>> classes.bins.tolist(), classes.counts.tolist()
    ([75.29, 192.05, 370.5, 722.85, 4111.45], [49, 3, 4, 1, 1])
    """

    def __init__(self, y: ArrayLike, k: int = 5) -> None:
        self.k = k
        super().__init__(y)
        self.name = "FisherJenks"

    def plot(self, gdf: Any, **options: Any) -> tuple[Any, Any]:
        """Plot the rows of a table of geopandas in these classes.

        Parameters
        ----------
        gdf : GeoDataFrame
            The table with the values that were classified.
        **options
            Options of mapclassify's classifiers: ``cmap``, ``legend``, ``title``, ``ax`` ...

        Returns
        -------
        figure, axes
            Those of matplotlib.
        """
        # the base class would let mapclassify classify again, into five classes
        drawn: tuple[Any, Any] = UserDefined(self.y, self.bins).plot(gdf, **options)
        return drawn

    def _classify(self) -> None:
        """Find the bins, and the class of each value."""
        result = kmeans1d(self.y, self.k)
        self.bins = result.ranges[:, 1].copy()
        self.yb, self.counts = result.predict(self.y, out=np.empty(len(self.y), int)), result.counts
