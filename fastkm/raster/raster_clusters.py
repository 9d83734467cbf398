"""The clusters of a raster: its label map, and what the clusters are in the units of the bands."""

from __future__ import annotations

import html
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fastkm.cluster.exact.result import KMeans1D
from fastkm.cluster.selection.criteria_nd import Partition
from fastkm.raster.bands import Stack, gathered, stack_of
from fastkm.raster.codebook import StackCodebook
from fastkm.raster.labels import label_raster

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr


@dataclass(frozen=True, eq=False)
class Gathering:
    """How to gather again the rows that were clustered; all results of a call share one.

    Attributes
    ----------
    stack : Stack
        The bands.
    scale : (d,) float64 array or None
        What each band was divided by.
    weights : (y, x) float64 array or None
        Weights of the cells.
    """

    stack: Stack
    scale: np.ndarray | None
    weights: np.ndarray | None

    def gathered(self) -> tuple[np.ndarray, np.ndarray | None]:
        """Give the rows as they were clustered, and their weights."""
        rows, valid = gathered(self.stack, self.scale)
        return rows, at_valid(self.weights, valid)


def at_valid(weights: np.ndarray | None, valid: np.ndarray | None) -> np.ndarray | None:
    """Give the weights of the cells that are not missing."""
    if weights is None:
        return None
    return weights.reshape(-1) if valid is None else weights[valid]


@dataclass(frozen=True, eq=False, repr=False)
class RasterClusters:
    """Clusters of a raster of one or several bands: a result of `fastkm.cluster_raster`.

    Attributes
    ----------
    k : int
        Number of clusters.
    labels : xarray.DataArray
        The cluster of each cell, (y, x), -1 where a band is missing. Numbers are an order:
        centroids of the first band ascend, of equal ones those of the next.
    centroids : xarray.DataArray
        Dimensions (cluster, band), float64, in the units of the bands, which are the coordinate
        ``units``.
    counts : (k,) int64 array
        Cells of each cluster.
    weights : (k,) float64 array
        Their summed weight; the counts where no weights were given.
    inertia : float
        (Weighted) sum of squared distances to the centroids, in the space that was clustered:
        where bands were standardised, in units of their deviations.
    gap : float or None
        Of one band how far the inertia may be above the least possible one, see
        `fastkm.KMeans1D`; None for several, where nothing is proven.
    iterations : int or None
        Of Lloyd's algorithm; None for one band.
    scale : xarray.DataArray or None
        The deviations that bands were divided by.
    codebook : KMeans1D or StackCodebook
        What labels other rasters, and is kept in a file.

    Examples
    --------
    >>> import fastkm, numpy as np, xarray as xr
    >>> bands = xr.DataArray(
    ...     [[[1.0, 2.0, 8.0, np.nan]], [[30.0, 20.0, 5.0, 5.0]]],
    ...     {"band": ["red", "nir"]}, ("band", "y", "x"),
    ... )
    >>> fastkm.cluster_raster(bands, 2)
    RasterClusters: 2 clusters of 2 bands, 3 cells, inertia 50.5
                       red            nir          cells      share
      0                1.5             25              2     66.67%
      1                  8              5              1     33.33%
    """

    k: int
    labels: xr.DataArray
    centroids: xr.DataArray
    counts: np.ndarray
    weights: np.ndarray
    inertia: float
    gap: float | None
    iterations: int | None
    scale: xr.DataArray | None
    codebook: KMeans1D | StackCodebook
    gathering: Gathering | None = field(default=None, repr=False)

    @property
    def shares(self) -> np.ndarray:
        """The share of each cluster in the summed weight."""
        return self.weights / self.weights.sum()

    @property
    def bands(self) -> tuple[str, ...]:
        """Names of the bands."""
        return tuple(str(name) for name in self.centroids["band"].values)

    def predict(self, raster: xr.DataArray | xr.Dataset) -> xr.DataArray:
        """Label the cells of another raster by the same centroids.

        Parameters
        ----------
        raster : xarray.DataArray or xarray.Dataset
            With these bands: the variables of a dataset are taken by name, the bands of an array
            in their order. Standardised bands are divided by the remembered deviations.

        Returns
        -------
        xarray.DataArray
            Labels like those of the raster that was clustered; -1 where a band is missing.

        Raises
        ------
        ValueError
            If the bands are not those that were clustered, or hold infinities.

        Examples
        --------
        >>> import fastkm, xarray as xr
        >>> year = xr.DataArray([[[1.0, 9.0]], [[2.0, 8.0]]], dims=("time", "y", "x"))
        >>> fastkm.cluster_raster(year, 2).predict(year + 1).values
        array([[0, 1]], dtype=int8)
        """
        if isinstance(self.codebook, StackCodebook):
            return self.codebook.predict(raster)
        stack = stack_of(raster)
        if len(stack.bands) != 1:
            raise ValueError(
                f"raster must have one band, as the one that was clustered, got {len(stack.bands)}"
            )
        labels = label_raster(stack.grid, self.codebook)
        del labels.attrs["inertia"]  # it is not this raster's
        return labels

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the codebook as a JSON file: see `KMeans1D.save` and `StackCodebook.save`."""
        self.codebook.save(path)

    def for_choice(self) -> KMeans1D | Partition:
        """Give what `fastkm.choose_k` needs to know.

        Raises
        ------
        ValueError
            If the result has been pickled: the raster is not.
        """
        if isinstance(self.codebook, KMeans1D):
            return self.codebook
        if self.gathering is None:
            raise ValueError("results must come from cluster_raster: pickled ones have no values")
        labels = self.labels.values
        return Partition(
            k=self.k,
            counts=self.counts,
            weights=self.weights,
            inertia=self.inertia,
            centroids=self.codebook.codes,
            labels=lambda: labels[labels >= 0],
            rows=self.gathering,
        )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "gathering": None}

    def _title(self) -> str:
        clusters = "1 cluster" if self.k == 1 else f"{self.k} clusters"
        bands = self.bands[0] if len(self.bands) == 1 else f"{len(self.bands)} bands"
        space = "" if self.scale is None else " of standardised bands"
        proven = ", proven optimal" if self.gap == 0 else ""
        return (
            f"RasterClusters: {clusters} of {bands}, {self.counts.sum():,} cells, "
            f"inertia {self.inertia:.6g}{space}{proven}"
        )

    def _table(self) -> list[list[str]]:
        """Give the headings, then a row of text a cluster."""
        units = [str(unit) for unit in self.centroids["units"].values]
        bands = [f"{name} {unit}".strip() for name, unit in zip(self.bands, units, strict=True)]
        rows = [["", *bands, "cells", "share"]]
        for j, centroid in enumerate(self.centroids.values):
            numbers = [f"{number:.6g}" for number in centroid]
            rows.append([str(j), *numbers, f"{self.counts[j]:,}", f"{self.shares[j]:.2%}"])
        return rows

    def __repr__(self) -> str:
        lines = [self._title()]
        for first, *bands, cells, share in self._table():
            numbers = "".join(f" {text:>14}" for text in bands)
            lines.append(f"  {first:<4}{numbers[1:]} {cells:>14} {share:>10}".rstrip())
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        head, *body = self._table()
        rows = [_html_row("th", head), *(_html_row("td", row) for row in body)]
        return f"<table><caption>{html.escape(self._title())}</caption>{''.join(rows)}</table>"


def _html_row(tag: str, cells: list[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{html.escape(cell)}</{tag}>' for cell in cells)}</tr>"
