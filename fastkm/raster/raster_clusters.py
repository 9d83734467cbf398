"""The clusters of a raster: its label map, and what the clusters are in the units of the bands."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from fastkm.cluster.codebook import to_html_table
from fastkm.cluster.lloyd.fit import assign_rows
from fastkm.cluster.result_tables import IN_UNITS, ResultTables, list_sizes, make_dataset
from fastkm.cluster.selection.criteria_nd import Partition
from fastkm.raster.bands import BandStack, CellRows, as_band_stack, gather_rows
from fastkm.raster.codebook import warn_of_other_units
from fastkm.raster.grid.repeated_columns import drop_repeated_columns
from fastkm.raster.labels import label_raster

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

    from fastkm.cluster.exact.result import KMeans1D
    from fastkm.raster.codebook import BandsCodebook


@dataclass(frozen=True, eq=False)
class ClusteredRows:
    """The rows that were clustered, which all results of a call share; gathered when needed.

    `scale`, (d,), is what each band was divided by; `weights`, (y, x), are those of the cells.
    """

    stack: BandStack
    scale: np.ndarray | None
    weights: np.ndarray | None

    def gather(self) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the rows as they were clustered, and their weights."""
        cells = gather_rows(self.stack, self.scale)
        return cells.rows, self.select_weights(cells)

    def get_labels(self, result: RasterClusters) -> np.ndarray:
        """Return the cluster of each row."""
        labels = drop_repeated_columns(result.labels).values  # as they were clustered
        return labels[labels >= 0]

    def select_weights(self, cells: CellRows) -> np.ndarray | None:
        """Return the weights of the cells that are not missing."""
        if self.weights is None:
            return None
        return self.weights.reshape(-1) if cells.valid is None else self.weights[cells.valid]


@dataclass(frozen=True, eq=False)
class SampledRows:
    """The sample of the cells of a large raster, which all results of a call share.

    `rows` are in the space that was clustered, `weights` None if there are none.
    """

    rows: np.ndarray
    weights: np.ndarray | None

    def gather(self) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the rows and their weights."""
        return self.rows, self.weights

    def get_labels(self, result: RasterClusters) -> np.ndarray:
        """Return the cluster of each row."""
        return assign_rows(self.rows, cast("BandsCodebook", result.codebook).codes).labels


@dataclass(frozen=True, eq=False, repr=False)
class RasterClusters(ResultTables):
    """Clusters of a raster of one or several bands: a result of `fastkm.cluster_raster`.

    Attributes
    ----------
    k : int
        Number of clusters.
    labels : xarray.DataArray
        The cluster of each cell, (y, x), -1 where a band is missing; lazy if the raster is large
        and lazy. Numbers are an order:
        centroids of the first band ascend; if some are equal, those of the next band do.
        Attributes tell the centroids and, as CF does, the meaning of each label. Files that
        ``labels.to_netcdf`` writes have -1 as fill value; ``labels.where(labels >= 0).plot()``
        leaves missing cells white.
    centroids : xarray.DataArray
        Dimensions (cluster, band), float64, in the units of the bands, which are the coordinate
        ``units``.
    counts : (k,) int64 array
        Cells of each cluster.
    weights : (k,) float64 array
        Their summed weight; the counts if no weights were given.
    inertia : float
        (Weighted) sum of squared distances to the centroids, in the space that was clustered:
        in units of the deviations of the bands if these were standardised.
    gap : float or None
        For one band, how far the inertia may be above the least possible one, see
        `fastkm.KMeans1D`; None for several bands, for which nothing is proven.
    iterations : int or None
        Iterations of Lloyd's algorithm, on a sample and on all cells if the raster is large; None
        for one band.
    scale : xarray.DataArray or None
        The deviations that bands were divided by.
    codebook : KMeans1D or BandsCodebook
        It labels other rasters, and is kept in a file.
    clustered_rows : ClusteredRows, SampledRows or None
        The rows of several bands, or of a sample of their cells if the raster is large, which
        `fastkm.choose_k` needs; lost when a result is pickled.
    passes : int or None
        How often all cells were read; None for several bands of a raster that is not large.

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
    codebook: KMeans1D | BandsCodebook
    clustered_rows: ClusteredRows | SampledRows | None = field(default=None, repr=False)
    passes: int | None = None

    @property
    def shares(self) -> np.ndarray:
        """Share of each cluster in the summed weight."""
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
            in their order. Standardised bands are divided by the deviations of the raster
            that was clustered.

        Returns
        -------
        xarray.DataArray
            Labels like those of the raster that was clustered, -1 where a band is missing.

        Raises
        ------
        ValueError
            If the bands are not those that were clustered, or hold infinities.

        Warns
        -----
        UserWarning
            If a band has other units than the one that was clustered.

        Examples
        --------
        >>> import fastkm, xarray as xr
        >>> year = xr.DataArray([[[1.0, 9.0]], [[2.0, 8.0]]], dims=("time", "y", "x"))
        >>> fastkm.cluster_raster(year, 2).predict(year + 1).values
        array([[0, 1]], dtype=int8)
        """
        if not self.codebook.names:
            stack = as_band_stack(raster)
            if len(stack.bands) != 1:
                raise ValueError(
                    f"raster must have one band, as the one that was clustered, got {len(stack.bands)}"
                )
            warn_of_other_units(stack.units, self.centroids["units"].values.tolist())
            raster = stack.grid
        return label_raster(raster, self.codebook, with_inertia=False)

    def to_dataset(self) -> xr.Dataset:
        """Return the clusters, without their label map, as a dataset, one row a cluster.

        Returns
        -------
        xarray.Dataset
            For one band the variables of `fastkm.KMeans1D.to_dataset`, with their units. For
            several bands ``centroid`` has dimensions (cluster, band), the units are a coordinate of
            the bands, and ``count``, ``weight`` and ``share`` have one row a cluster. Attributes are
            the inertia and, if they are known, gap, iterations and passes.

        Examples
        --------
        >>> import fastkm, xarray as xr
        >>> bands = xr.DataArray([[[1.0, 9.0]], [[2.0, 8.0]]], dims=("band", "y", "x"))
        >>> fastkm.cluster_raster(bands, 2).to_frame()
                 band 1  band 2  count  weight  share
        cluster
        0           1.0     2.0      1     1.0    0.5
        1           9.0     8.0      1     1.0    0.5
        """
        names = ("inertia", "gap", "iterations", "passes")
        attrs = {name: getattr(self, name) for name in names}
        if self.gap is None:
            sizes = list_sizes(self.counts, self.weights)
            return make_dataset({"centroid": self.centroids, **sizes}, attrs)
        dataset = self.codebook.to_dataset()  # type: ignore[union-attr]  # it is a KMeans1D
        dataset.attrs = {name: value for name, value in attrs.items() if value is not None}
        units = str(self.centroids["units"].values[0])
        for name in IN_UNITS if units else ():
            dataset[name].attrs["units"] = units
        return dataset

    def plot(
        self,
        *,
        ax: Axes | None = None,
        title: str | None = None,
        cmap: str | Colormap | None = None,
        projection: str | None = None,
        size: tuple[float, float | None] | None = None,
    ) -> Figure:
        """Draw the label map, with the centroids and, if cells have places on the globe, shorelines.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default in a new figure.
        title : str, optional
            The title; by default what was clustered, and its date.
        cmap : str or matplotlib.colors.Colormap, optional
            The colour map that the clusters' colours are samples of; viridis by default, and colours
            without an order for several bands.
        projection : str, optional
            "robinson", "plate-carree", "orthographic", "polar" or "EPSG:n", in a new figure only.
        size : (width, height), optional
            Inches of a new figure; if the height is None, it is as high as the map.

        Returns
        -------
        matplotlib.figure.Figure
            Notebooks show it; ``savefig`` writes it.

        Raises
        ------
        ValueError
            If `ax` is given with a projection or a size, the projection or the colour map is unknown,
            or nothing says where on the globe cells lie, which a projection needs.
        ModuleNotFoundError
            If a projection needs cartopy, and that is not installed.

        Examples
        --------
        >>> import fastkm, xarray as xr
        >>> water = xr.DataArray([[1.0, 9.0]], dims=("y", "x"), name="water")
        >>> fastkm.cluster_raster(water, 2).plot().axes[0].get_title()
        '2 clusters of water'
        """
        from fastkm.plot import draw_labels, draw_shores, labels_figure

        units = ", ".join(dict.fromkeys(str(unit) for unit in self.centroids["units"].values))
        if title is None and len(self.bands) > 2:
            clusters = "1 cluster" if self.k == 1 else f"{self.k} clusters"
            title = f"{clusters} of {len(self.bands)} bands"
        centroids = self.codebook.centroids
        if ax is None:
            return labels_figure(
                self.labels, centroids, units=units, title=title, cmap=cmap,
                projection=projection, size=size,
            )  # fmt: skip
        if projection is not None or size is not None:
            raise ValueError("projection and size are those of a new figure: leave them or ax out")
        draw_labels(ax, self.labels, centroids, units=units, title=title, cmap=cmap)
        draw_shores(ax, self.labels)
        return ax.get_figure(root=True)  # type: ignore[return-value]

    def plot_histogram(
        self,
        *,
        ax: Axes | None = None,
        title: str | None = None,
        cmap: str | Colormap | None = None,
    ) -> Figure:
        """Draw the distribution of the band, with the clusters, as `fastkm.KMeans1D.plot_histogram`.

        Raises
        ------
        ValueError
            If there are several bands, or the codebook was loaded from a file.
        """
        if self.gap is None:
            raise ValueError(
                f"a histogram needs clusters of one band, got those of {len(self.bands)}"
            )
        codebook = cast("KMeans1D", self.codebook)
        [units] = self.centroids["units"].values
        name = str(self.labels.attrs["long_name"]).removeprefix("cluster of ")
        return codebook.plot_histogram(ax=ax, name=name, units=str(units), title=title, cmap=cmap)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the codebook as a JSON file; `fastkm.load_codebook` reads it."""
        self.codebook.save(path)

    def for_selection(self) -> KMeans1D | Partition:
        """Return what `fastkm.choose_k` needs to know.

        Raises
        ------
        ValueError
            If the result has been pickled, since the raster is not pickled with it.
        """
        if self.gap is not None:  # one band
            return cast("KMeans1D", self.codebook)
        if self.clustered_rows is None:
            raise ValueError("results must come from cluster_raster: pickled ones have no values")
        rows = self.clustered_rows
        return Partition(
            k=self.k,
            counts=self.counts,
            weights=self.weights,
            inertia=self.inertia,
            centroids=cast("BandsCodebook", self.codebook).codes,
            labels=lambda: rows.get_labels(self),
            rows=rows,
        )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "clustered_rows": None}

    def _headline(self) -> str:
        clusters = "1 cluster" if self.k == 1 else f"{self.k} clusters"
        bands = self.bands[0] if len(self.bands) == 1 else f"{len(self.bands)} bands"
        space = "" if self.scale is None else " of standardised bands"
        proven = ", proven optimal" if self.gap == 0 else ""
        return (
            f"RasterClusters: {clusters} of {bands}, {self.counts.sum():,} cells, "
            f"inertia {self.inertia:.6g}{space}{proven}"
        )

    def _list_rows(self) -> list[list[str]]:
        """Return the headings, then a row of text for each cluster."""
        units = [str(unit) for unit in self.centroids["units"].values]
        bands = [f"{name} {unit}".strip() for name, unit in zip(self.bands, units, strict=True)]
        rows = [["", *bands, "cells", "share"]]
        for j, centroid in enumerate(self.centroids.values):
            numbers = [f"{number:.6g}" for number in centroid]
            rows.append([str(j), *numbers, f"{self.counts[j]:,}", f"{self.shares[j]:.2%}"])
        return rows

    def __repr__(self) -> str:
        lines = [self._headline()]
        for first, *bands, cells, share in self._list_rows():
            numbers = "".join(f" {text:>14}" for text in bands)
            lines.append(f"  {first:<4}{numbers[1:]} {cells:>14} {share:>10}".rstrip())
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        headings, *rows = self._list_rows()
        return to_html_table(self._headline(), headings, rows)


def to_band_array(stack: BandStack, numbers: np.ndarray) -> xr.DataArray:
    """Return numbers of shape (d,) or (k, d) with the names and units of the bands."""
    import xarray as xr

    coords = {"band": list(stack.names), "units": ("band", list(stack.units))}
    dims = ("cluster", "band")[-numbers.ndim :]
    name = "centroids" if numbers.ndim == 2 else "deviations"
    return xr.DataArray(numbers, coords, dims, name=name)
