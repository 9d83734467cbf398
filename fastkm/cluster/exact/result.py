"""The result of `kmeans1d`: a codebook that labels, reports, prints itself and is kept in a file.

Its file is JSON, see `fastkm.cluster.codebook_file`; it holds every number of the codebook, but not
its profile of the data.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, get_args, overload

import numpy as np

from fastkm._core.attributes import read_text
from fastkm.cluster.codebook import describe_classes, describe_labels, to_html_table
from fastkm.cluster.codebook_file import (
    VERSION,
    read_array,
    read_integer,
    read_words,
    to_json_number,
    write_codebook,
)
from fastkm.cluster.diagnostics import Report, describe_clusters
from fastkm.cluster.exact.predict import label
from fastkm.cluster.result_figures import ResultFigures
from fastkm.cluster.result_tables import ResultTables

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import ArrayLike

    from fastkm.cluster.streaming.arrays import LazyArray

Centre = Literal["mean", "median"]

CENTRES: tuple[Centre, ...] = get_args(Centre)
"""What clusters gather round."""

FORMAT, MEDIANS_FORMAT = "fastkm codebook", "fastkm codebook of medians"

BREAKS_TYPES = ("float64", "int64", "uint64")


@dataclass(frozen=True, eq=False)
class Profile:
    """Summary of the whole data: its sorted bins, shared by all results of one call.

    No bin straddles a break of any of these results, so bin i belongs to cluster
    ``np.searchsorted(breaks, values[i])``.

    Attributes
    ----------
    values : (m,) float64 array
        Mean of each bin, ascending.
    weights : (m,) float64 array
        Weight of each bin.
    counts : (m,) int64 array
        Number of values in each bin.
    widths : (m,) float64 array
        Greatest minus least value that may be in the bin; 0 if it is one distinct value.
    recount : callable, optional
        Reads the data again and returns the profile of its distinct values, or None if they are
        too many; lost when a result is pickled.
    """

    values: np.ndarray
    weights: np.ndarray
    counts: np.ndarray
    widths: np.ndarray
    recount: Callable[[], Profile | None] | None = field(default=None, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "recount": None}


@dataclass(frozen=True, eq=False, repr=False)
class KMeans1D(ResultTables, ResultFigures):
    """An optimal one-dimensional clustering.

    Attributes
    ----------
    k : int
        Number of clusters.
    centroids : (k,) float64 array
        Cluster means, or medians, ascending.
    breaks : (k - 1,) float64 array
        Upper ends of all clusters but the last: cluster j holds the values above
        ``breaks[j - 1]`` up to and including ``breaks[j]``. They are the midpoints of
        neighbouring centroids, in the data's own type; int64 or uint64 if the data holds
        integers beyond 2^53.
    counts : (k,) int64 array
        Number of values in each cluster.
    weights : (k,) float64 array
        Summed weight of each cluster; the counts if no weights were given.
    inertia : float
        (Weighted) sum of squared distances to the means, or of distances to the medians; inf if
        it is beyond float64.
    gap : float
        The inertia is proven to be at most this far above the least possible one; 0.0 means
        that it is proven optimal.
    passes : int
        How often the data was read; 0 if the codebook's file does not say it.
    ranges : (k, 2) float64 array
        Least and greatest value of each cluster.
    variances : (k,) float64 array
        (Weighted) mean squared distance to the centroid in each cluster.
    profile : Profile, optional
        What `fastkm.choose_k` needs to know of the data; not kept in a file.
    criterion : {"mean", "median"}
        What clusters gather round.

    Examples
    --------
    >>> import fastkm
    >>> fastkm.kmeans1d([1, 2, 8, 9], 2)
    KMeans1D: 2 clusters, inertia 1, proven optimal
      0:          1.5              up to 5             2 values  50.00%
      1:          8.5                above             2 values  50.00%
    """

    k: int
    centroids: np.ndarray
    breaks: np.ndarray
    counts: np.ndarray
    weights: np.ndarray
    inertia: float
    gap: float
    passes: int
    ranges: np.ndarray
    variances: np.ndarray
    profile: Profile | None = field(default=None, repr=False)
    criterion: Centre = "mean"

    @overload
    def predict(self, values: xr.DataArray, *, out: np.ndarray | None = ...) -> xr.DataArray: ...
    @overload
    def predict(self, values: LazyArray, *, out: None = ...) -> Any: ...
    @overload
    def predict(self, values: ArrayLike, *, out: np.ndarray | None = ...) -> np.ndarray: ...
    def predict(self, values: Any, *, out: np.ndarray | None = None) -> Any:
        """Label values by cluster.

        Parameters
        ----------
        values : array-like
            Any shape and any real type. Missing cells (NaN, a mask, a `DataArray`'s attributes)
            get -1; a value equal to a break belongs to the cluster below it.
        out : array, optional
            The array to fill: a writeable array of the shape of `values`, of any signed
            integer type that holds them; a memory map too.

        Returns
        -------
        array or DataArray
            Labels in the shape of `values`: `out`, or the narrowest signed integers that hold
            them, int8 up to 128 clusters. For a `DataArray` a label map (around `out` if that is
            given), described as `fastkm.RasterClusters.labels`; lazy if `values` is. For a
            pandas Series a Series named "cluster", with its index.

        Raises
        ------
        TypeError
            If `values` does not hold real numbers, `out` is not an array of signed integers
            that hold the labels, or `out` is given for a dask array.
        ValueError
            If `values` holds complex numbers, or `out` has another shape, is read-only or
            shares memory with `values`.

        Examples
        --------
        >>> import numpy as np
        >>> import fastkm
        >>> result = fastkm.kmeans1d([1, 2, 8, 9], 2)
        >>> result.predict([[0.0, 20.0], [5.0, np.nan]])
        array([[ 0,  1],
               [ 0, -1]], dtype=int8)
        >>> result.predict([4, 6], out=np.empty(2, "i4"))
        array([0, 1], dtype=int32)
        """
        labels = label(values, self.breaks, out=out)
        if hasattr(labels, "coords"):  # a DataArray
            return describe_labels(labels, values, self.describe(values))
        return labels

    @property
    def names(self) -> tuple[str, ...]:
        """Names of bands: none, since values of any one band may be labelled."""
        return ()

    @property
    def units(self) -> tuple[str, ...]:
        """Units of bands: none, since the codebook does not know them."""
        return ()

    @property
    def proven_optimal(self) -> bool:
        """Whether it is proven that no clustering of the same data has a lower inertia."""
        return bool(self.gap == 0)

    def report(self) -> Report:
        """Describe the clusters and test the assumptions of k-means on them.

        Returns
        -------
        Report
            Share, range, mean and variance of each cluster; whether the clusters are spherical,
            of equal variance and of equal size. It prints as a text and holds the numbers.

        Examples
        --------
        >>> import fastkm
        >>> fastkm.kmeans1d([0, 1, 2, 3, 50], 2).report()
        cluster    share         least      greatest          mean      variance
              0   80.00%             0             3           1.5          1.25
              1   20.00%            50            50            50             0
        <BLANKLINE>
        What k-means assumes:
        spherical variance: holds. With one variable there is only one direction, so it holds by
          construction.
        equal variance: does not hold. Cluster 1 is one distinct value, of variance 0, and the
          others are wider. A break lies midway between two centroids, whatever their
          variances, so the outer values of a wide group are counted to its narrow neighbour.
        equal size: does not hold. The largest cluster, 0 with 80.00%, is 4 times the smallest,
          1 with 20.00%; up to 2 times counts as equal. K-means lowers its cost by cutting large
          groups and joining small ones, so a large group may be several clusters, and a small
          one part of another.
        """
        return describe_clusters(
            self.centroids, self.ranges, self.variances, self.weights, centre=self.criterion
        )

    def describe(self, raster: Any, /) -> dict[str, Any]:
        """Return the attributes of a label map of `raster`, a `DataArray`, without the inertia."""
        units = read_text(raster.attrs, "units")
        name = "values" if raster.name is None else str(raster.name)
        what = read_text(raster.attrs, "long_name", name)
        return {
            **describe_classes(what, self.centroids, units),
            "centroids": self.centroids,
            "breaks": self.breaks,
            "centroid_units": units,
        }

    def tabulate(self) -> dict[str, list[Any]]:
        """Return the centroids and the breaks between which clusters lie, one row a cluster."""
        breaks = self.breaks.tolist()
        return {
            "centroid": self.centroids.tolist(),
            "above": ["", *breaks],
            "up_to": [*breaks, ""],
        }

    def without_profile(self) -> KMeans1D:
        """Return the codebook without its profile of the data, which labels do not need."""
        return replace(self, profile=None)

    def to_dict(self) -> dict[str, Any]:
        """Return what the codebook's file holds: strings, integers, floats, lists of them."""
        return {
            "format": FORMAT if self.criterion == "mean" else MEDIANS_FORMAT,
            "version": VERSION,
            "k": int(self.k),
            "inertia": to_json_number(float(self.inertia)),
            "gap": to_json_number(float(self.gap)),
            "passes": int(self.passes),
            "breaks_type": self.breaks.dtype.name,
            **{name: to_json_number(getattr(self, name).tolist()) for name in _list_shapes(self.k)},
        }

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> KMeans1D:
        """Rebuild a codebook from what its file holds.

        Raises
        ------
        KeyError, ValueError
            If an entry is missing or wrong.
        """
        k = read_integer(stored, "k", least=1)
        if stored["breaks_type"] not in BREAKS_TYPES:
            raise ValueError(f"breaks_type must be one of {BREAKS_TYPES}")
        types = {"breaks": stored["breaks_type"], "counts": "int64"}
        least = {"counts": 1, "weights": 0, "variances": 0}
        arrays: dict[str, Any] = {
            name: read_array(stored, name, shape, types.get(name, "float64"), least=least.get(name))
            for name, shape in _list_shapes(k).items()
        }
        for name in ("centroids", "breaks"):
            steps = zip(arrays[name][:-1], arrays[name][1:], strict=True)
            # centroids of huge integers may round to the same float
            ascends = all(a < b if name == "breaks" else a <= b for a, b in steps)
            if not (ascends and np.isfinite(arrays[name]).all()):
                raise ValueError(f"{name} must be finite and ascend")
        low, high = arrays["ranges"].T
        breaks = arrays["breaks"].astype(np.float64)
        between = (high[:-1] <= breaks).all() and (breaks <= low[1:]).all()
        if not (between and (low <= high).all() and np.isfinite(arrays["ranges"]).all()):
            raise ValueError("ranges must be finite and ascend, with the breaks between them")
        for name in {"names", "units"} & set(stored):  # an archive's codebook has them
            read_words(stored, name)
        if not 0 < arrays["weights"].max() < np.inf:
            raise ValueError("weights must be finite and not all 0")
        return cls(
            k=k,
            inertia=float(read_array(stored, "inertia", (), least=0)),
            gap=float(read_array(stored, "gap", (), least=0)),
            passes=read_integer(stored, "passes", least=0) if "passes" in stored else 0,
            criterion="median" if stored.get("format") == MEDIANS_FORMAT else "mean",
            **arrays,
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the codebook as a JSON file, whole or not at all; see `fastkm.load_codebook`.

        Parameters
        ----------
        path : path-like
            The file to write; one that exists is replaced. All but `profile` is kept, to the bit.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        lines = [
            f"  {json.dumps(name)}: {json.dumps(value, allow_nan=False)}"
            for name, value in self.to_dict().items()
        ]
        write_codebook(path, "{\n" + ",\n".join(lines) + "\n}\n")

    plot = ResultFigures.plot_histogram

    def __repr__(self) -> str:
        lines = [self._headline()]
        for j, (mean, end, count, share) in enumerate(self._list_rows()):
            noun = "value " if count == "1" else "values"
            lines.append(f"  {j}: {mean:>12}  {end:>20}  {count:>12} {noun} {share:>7}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        headings = ("cluster", "centroid", "values", "count", "share")
        rows = [(str(j), *row) for j, row in enumerate(self._list_rows())]
        return to_html_table(self._headline(), headings, rows)

    def _headline(self) -> str:
        proof = "proven optimal" if self.gap == 0 else f"at most {self.gap:.3g} above the optimum"
        clusters = "1 cluster" if self.k == 1 else f"{self.k} clusters"
        clusters += " of least absolute deviations" if self.criterion == "median" else ""
        return f"KMeans1D: {clusters}, inertia {self.inertia:.6g}, {proof}"

    def _list_rows(self) -> list[tuple[str, str, str, str]]:
        """Return centroid, end, count and share of each cluster as text."""
        ends = [*(f"up to {end:.6g}" for end in self.breaks.tolist()), "above"]
        shares = self.report().shares
        return [
            (f"{mean:.6g}", end, f"{count:,}", f"{share:.2%}")
            for mean, end, count, share in zip(
                self.centroids, ends, self.counts, shares, strict=True
            )
        ]


def _list_shapes(k: int) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the arrays of a codebook by name, in the order of its file."""
    return {
        "centroids": (k,),
        "breaks": (k - 1,),
        "counts": (k,),
        "weights": (k,),
        "ranges": (k, 2),
        "variances": (k,),
    }
