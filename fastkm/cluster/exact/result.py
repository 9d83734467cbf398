"""The result of `kmeans1d`: a codebook that labels, reports, prints itself and is kept in a file.

A codebook is kept as JSON that a person can read: a float is written with the digits that give
the same float back, one that JSON has no number for as a string ("inf"). Nothing in the file
depends on when or where it was written, so the same result gives the same bytes.
"""

from __future__ import annotations

import html
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fastkm._core.atomic_write import atomic_write
from fastkm.cluster.diagnostics import Report, measure
from fastkm.cluster.exact.predict import label

__all__ = ["KMeans1D", "Profile", "Report", "load_codebook"]

FORMAT = "fastkm codebook"
VERSION = 1

BREAKS_TYPES = ("float64", "int64", "uint64")


@dataclass(frozen=True, eq=False)
class Profile:
    """What is known of the whole data: its sorted pieces, shared by all results of one call.

    No piece straddles a break of any of these results, so piece i belongs to cluster
    ``np.searchsorted(breaks, values[i])``.

    Attributes
    ----------
    values : (m,) float64 array
        Mean of each piece, ascending.
    weights : (m,) float64 array
        Weight of each piece.
    counts : (m,) int64 array
        Number of values in each piece.
    widths : (m,) float64 array
        Greatest minus least value that may be in the piece; 0 where it is one distinct value.
    recount : callable, optional
        Reads the data again and gives the profile of its distinct values, or None where they are
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
class KMeans1D:
    """An optimal one-dimensional clustering.

    Attributes
    ----------
    k : int
        Number of clusters.
    centroids : (k,) float64 array
        Cluster means, ascending.
    breaks : (k - 1,) float64 array
        Upper ends of all clusters but the last: cluster j holds the values above
        ``breaks[j - 1]`` up to and including ``breaks[j]``. They are the midpoints of
        neighbouring centroids, in the data's own type; int64 or uint64 where the data is of
        integers beyond 2^53.
    counts : (k,) int64 array
        Number of values in each cluster.
    weights : (k,) float64 array
        Summed weight of each cluster; the counts where no weights were given.
    inertia : float
        (Weighted) sum of squared distances to the centroids; inf where it is beyond float64.
    gap : float
        The inertia is proven to be at most this far above the least possible one; 0.0 means
        that it is proven optimal.
    passes : int
        How often the data was read; 0 where a file does not tell.
    ranges : (k, 2) float64 array
        Least and greatest value of each cluster.
    variances : (k,) float64 array
        (Weighted) mean squared distance to the centroid in each cluster.
    profile : Profile, optional
        What `fastkm.choose_k` needs to know of the data; not kept in a file.

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

    def predict(self, values: Any, *, out: np.ndarray | None = None) -> Any:
        """Label values by cluster.

        Parameters
        ----------
        values : array-like
            Any shape and any real type. Missing cells (NaN, a mask, a `DataArray`'s attributes)
            get -1; a value equal to a break belongs to the cluster below it.
        out : array, optional
            Where to put the labels: a writeable array of the shape of `values`, of any signed
            integer type that holds them; a memory map too.

        Returns
        -------
        array or DataArray
            Labels in the shape of `values`: `out`, or the narrowest signed integers that hold
            them, int8 up to 128 clusters. A `DataArray` where one came, with its coordinates
            and without its attributes (around `out` if that is given); lazy where `values` is.

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
        return label(values, self.breaks, out=out)

    def report(self) -> Report:
        """Describe the clusters, and tell which assumptions of k-means hold in them.

        Returns
        -------
        Report
            Share, range, mean and variance of each cluster; whether the clusters are spherical,
            of equal variance and of equal size. It prints as a text and has the numbers too.

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
        return measure(self.centroids, self.ranges, self.variances, self.weights)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the codebook as a JSON file, whole or not at all; see `load_codebook`.

        Parameters
        ----------
        path : path-like
            The file to write; one that exists is replaced. All but `profile` is kept, to the bit.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        stored = {
            "format": FORMAT,
            "version": VERSION,
            "k": int(self.k),
            "inertia": _number(float(self.inertia)),
            "gap": _number(float(self.gap)),
            "passes": int(self.passes),
            "breaks_type": self.breaks.dtype.name,
            **{name: _number(getattr(self, name).tolist()) for name in _shapes(self.k)},
        }
        lines = [
            f"  {json.dumps(name)}: {json.dumps(value, allow_nan=False)}"
            for name, value in stored.items()
        ]
        with atomic_write(path) as draft:
            draft.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8", newline="\n")

    def __repr__(self) -> str:
        lines = [self._headline()]
        for j, (mean, end, count, share) in enumerate(self._rows()):
            noun = "value " if count == "1" else "values"
            lines.append(f"  {j}: {mean:>12}  {end:>20}  {count:>12} {noun} {share:>7}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        heads = ("cluster", "centroid", "values", "count", "share")
        rows = [(str(j), *row) for j, row in enumerate(self._rows())]
        return (
            f"<table><caption>{html.escape(self._headline())}</caption>"
            f"<thead>{_html_row('th', heads)}</thead>"
            f"<tbody>{''.join(_html_row('td', row) for row in rows)}</tbody></table>"
        )

    def _headline(self) -> str:
        proof = "proven optimal" if self.gap == 0 else f"at most {self.gap:.3g} above the optimum"
        clusters = "1 cluster" if self.k == 1 else f"{self.k} clusters"
        return f"KMeans1D: {clusters}, inertia {self.inertia:.6g}, {proof}"

    def _rows(self) -> list[tuple[str, str, str, str]]:
        """Centroid, end, count and share of each cluster, in words."""
        ends = [*(f"up to {end:.6g}" for end in self.breaks.tolist()), "above"]
        shares = self.report().shares
        return [
            (f"{mean:.6g}", end, f"{count:,}", f"{share:.2%}")
            for mean, end, count, share in zip(
                self.centroids, ends, self.counts, shares, strict=True
            )
        ]


def load_codebook(path: str | os.PathLike[str]) -> KMeans1D:
    """Read a codebook that `KMeans1D.save` wrote.

    Parameters
    ----------
    path : path-like
        A JSON file.

    Returns
    -------
    KMeans1D
        It predicts, reports and prints as the one that was saved; its `profile` is None.

    Raises
    ------
    OSError
        If there is no such file, or it cannot be read.
    ValueError
        If it is not a codebook, is one of another version, or is damaged.

    Examples
    --------
    >>> import tempfile
    >>> import fastkm
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     fastkm.kmeans1d([1, 2, 8, 9], 2).save(f"{folder}/year.json")
    ...     codebook = fastkm.load_codebook(f"{folder}/year.json")
    >>> codebook.predict([0.5, 7.0])
    array([0, 1], dtype=int8)
    """
    file = Path(path)
    if file.is_dir():
        raise IsADirectoryError(f"{file} is a folder, not a codebook")
    if not file.exists():
        raise FileNotFoundError(f"{file}: no such file")
    try:
        stored = json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        stored = None
    if not isinstance(stored, dict) or stored.get("format") != FORMAT:
        raise ValueError(f"{file} is not a codebook of fastkm")
    if stored.get("version") != VERSION:
        raise ValueError(
            f"{file} is a codebook of version {stored.get('version')!r}; this fastkm reads "
            f"version {VERSION}"
        )
    try:
        return _restore(stored)
    except KeyError as error:
        raise ValueError(f"{file} is damaged: {error} is missing") from None
    except ValueError as error:
        raise ValueError(f"{file} is damaged: {error}") from None


def _html_row(tag: str, cells: tuple[str, ...]) -> str:
    return f"<tr>{''.join(f'<{tag}>{html.escape(cell)}</{tag}>' for cell in cells)}</tr>"


def _number(value: Any) -> Any:
    """Give what strict JSON can hold: inf and NaN as strings, lists element by element."""
    if isinstance(value, list):
        return [_number(element) for element in value]
    return value if np.isfinite(value) else str(value)


def _shapes(k: int) -> dict[str, tuple[int, ...]]:
    """List the arrays of a codebook, in the order of the file."""
    return {
        "centroids": (k,),
        "breaks": (k - 1,),
        "counts": (k,),
        "weights": (k,),
        "ranges": (k, 2),
        "variances": (k,),
    }


def _restore(stored: dict[str, Any]) -> KMeans1D:
    """Rebuild a codebook; raise ValueError or KeyError if it is damaged."""
    k = _whole(stored, "k", least=1)
    if stored["breaks_type"] not in BREAKS_TYPES:
        raise ValueError(f"breaks_type must be one of {BREAKS_TYPES}")
    types = {"breaks": stored["breaks_type"], "counts": "int64"}
    arrays: dict[str, Any] = {
        name: _array(stored, name, shape, np.dtype(types.get(name, "float64")))
        for name, shape in _shapes(k).items()
    }
    for name in ("centroids", "breaks"):
        steps = zip(arrays[name][:-1], arrays[name][1:], strict=True)
        # centroids of huge integers may round to the same float
        rises = all(a < b if name == "breaks" else a <= b for a, b in steps)
        if not (rises and np.isfinite(arrays[name]).all()):
            raise ValueError(f"{name} must be finite and ascend")
    return KMeans1D(
        k=k,
        inertia=float(_array(stored, "inertia", (), np.dtype("f8"))),
        gap=float(_array(stored, "gap", (), np.dtype("f8"))),
        passes=_whole(stored, "passes", least=0) if "passes" in stored else 0,
        **arrays,
    )


def _whole(stored: dict[str, Any], name: str, *, least: int) -> int:
    value = stored[name]
    if type(value) is not int or value < least:
        raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}")
    return value


def _array(
    stored: dict[str, Any], name: str, shape: tuple[int, ...], dtype: np.dtype
) -> np.ndarray:
    """Read numbers of one shape; nothing is rounded to an integer, and null is not NaN."""
    value = stored[name]
    try:
        array = np.array(value, dtype)
    except (ValueError, TypeError, OverflowError):
        array = np.array(np.nan)
    if np.isnan(array).any() or (dtype.kind in "iu" and array.tolist() != value):
        raise ValueError(f"{name} must hold numbers of type {dtype.name}")
    if array.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {array.shape}")
    return array
