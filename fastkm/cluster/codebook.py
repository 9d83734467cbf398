"""What every codebook can do: label values, describe its clusters, and be kept in a file.

There are two kinds, `fastkm.cluster.exact.result.KMeans1D` for one band and
`fastkm.raster.codebook.BandsCodebook` for several. Code that labels rasters or writes results takes
a `Codebook` and does not ask which kind it is.
"""

from __future__ import annotations

import html
import os
import re
from collections.abc import Sequence
from functools import cache
from typing import Any, Protocol, Self

import numpy as np

from fastkm._core.attributes import carry_crs

MISSING = -1
"""The label of a missing cell."""


class Codebook(Protocol):
    """Centroids that label values, of one band (`KMeans1D`) or of several (`BandsCodebook`)."""

    @property
    def k(self) -> int:
        """Number of clusters."""

    @property
    def centroids(self) -> np.ndarray:
        """The centroids in the units of the bands: shape (k,) for one band, (k, d) for several."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the bands; empty for a codebook of one band, which may have any name."""

    @property
    def units(self) -> tuple[str, ...]:
        """Units of the bands; empty for a codebook of one band, which does not know them."""

    @property
    def inertia(self) -> float | None:
        """The inertia of the data that was clustered, or None if the codebook does not know it."""

    @property
    def passes(self) -> int:
        """How often the data was read; 0 if the codebook does not know it."""

    @property
    def proven_optimal(self) -> bool:
        """Whether it is proven that no clustering of the same data has a lower inertia."""

    def predict(self, values: Any, /) -> Any:
        """Return the label of each value or cell, -1 if it is missing."""

    def describe(self, raster: Any, /) -> dict[str, Any]:
        """Return the attributes of a label map of `raster`, without the inertia."""

    def tabulate(self) -> dict[str, list[Any]]:
        """Return the columns of a table with one row a cluster: centroids, and breaks if any."""

    def without_profile(self) -> Self:
        """Return the codebook without the profile of the data, which labels do not need."""

    def to_dict(self) -> dict[str, Any]:
        """Return what the codebook's file holds: strings, integers, floats, lists of them."""

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Self:
        """Rebuild a codebook; raise ValueError, TypeError or KeyError if it is damaged."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the codebook as a JSON file, whole or not at all."""


@cache
def label_dtype(k: int) -> np.dtype:
    """Choose the narrowest signed integer type that holds the labels of k clusters.

    Examples
    --------
    >>> label_dtype(128), label_dtype(129)
    (dtype('int8'), dtype('int16'))
    """
    return np.min_scalar_type(-k)


def describe_labels(labels: Any, raster: Any, attrs: dict[str, Any]) -> Any:
    """Name and describe labels, a `DataArray` with the coordinates of the raster that is labelled.

    They name the reference system that the raster carries. Their encoding says that -1 is missing,
    so that files which xarray writes say so, too.
    """
    labels.name, labels.attrs = "cluster", attrs
    if "flag_values" in attrs:  # of the type of the labels, as CF asks
        labels.attrs["flag_values"] = attrs["flag_values"].astype(labels.dtype)
    labels.encoding = {"_FillValue": labels.dtype.type(MISSING)}
    return carry_crs(raster, labels)


def describe_classes(what: str, centroids: np.ndarray, units: str = "") -> dict[str, Any]:
    """Return the attributes that CF gives to a map of classes of `what`: name, values and meanings.

    The meaning of a class is one word, of the letters that CF allows: its centroid, of (k,) or
    (k, d), and its units.

    Examples
    --------
    >>> describe_classes("water", np.array([1.5, 8.5]), "kg m-2")["flag_meanings"]
    'around_1.5_kg_m-2 around_8.5_kg_m-2'
    """
    k = len(centroids)
    # as few digits as tell the centroids apart
    for digits in range(4, 18):
        words = ["_".join(f"{x:.{digits}g}" for x in row) for row in centroids.reshape(k, -1)]
        if len(set(words)) == k:
            break
    meanings = [re.sub(r"[^A-Za-z0-9_.+@-]+", "_", f"around_{word}_{units}") for word in words]
    return {
        "long_name": f"cluster of {what}",
        "flag_values": np.arange(k, dtype=label_dtype(k)),
        "flag_meanings": " ".join(meaning.strip("_") for meaning in meanings),
    }


def to_html_table(caption: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in HTML, all texts escaped."""
    [head, *body] = [
        "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells)
        for tag, cells in [("th", headings), *(("td", row) for row in rows)]
    ]
    return (
        f"<table><caption>{html.escape(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(f'<tr>{row}</tr>' for row in body)}</tbody></table>"
    )


def select_clusters(select: str | int, k: int) -> list[int]:
    """Turn "all", "highest", "lowest" or a number below k, also as a text, into cluster numbers.

    Anything else raises a ValueError.
    """
    named = {"lowest": [0], "highest": [k - 1], "all": list(range(k))}
    if select in named:
        return named[str(select)]
    try:
        cluster = int(select)
    except ValueError:
        cluster = -1
    if not 0 <= cluster < k:
        raise ValueError(f"select must be all, highest, lowest or 0 to {k - 1}, got {select!r}")
    return [cluster]
