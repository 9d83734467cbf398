"""Results as tables: a dataset of xarray or a data frame of pandas, one row a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

MEANINGS = {
    "centroid": "centroid of the cluster",
    "above": "break below the cluster: its values are above it",
    "up_to": "break above the cluster: its values are up to it",
    "least": "least value of the cluster",
    "greatest": "greatest value of the cluster",
    "count": "number of values of the cluster",
    "weight": "summed weight of the cluster",
    "share": "share of the cluster in the summed weight",
    "variance": "mean squared distance to the centroid",
}
"""The variables, and their ``long_name``."""

IN_UNITS = ("centroid", "above", "up_to", "least", "greatest")
"""Variables in the units of the values."""


class ResultTables:
    """The tables of a result with clusters of one variable, which others extend."""

    def to_dataset(self) -> xr.Dataset:
        """Return the clusters as a dataset, one row a cluster.

        Returns
        -------
        xarray.Dataset
            Dimension ``cluster`` with the labels; ``centroid``, the breaks ``above`` which and
            ``up_to`` which its values lie (infinite at the ends; float64, so rounded beyond 2^53),
            its ``least`` and ``greatest`` value, ``count``, ``weight``, ``share`` (of the weights)
            and ``variance``. Its attributes are the criterion, the inertia, the gap and the passes.

        Examples
        --------
        >>> import fastkm
        >>> clusters = fastkm.kmeans1d([1, 2, 8, 9], 2).to_dataset()
        >>> clusters.centroid.values, clusters.attrs["inertia"]
        (array([1.5, 8.5]), 1.0)
        """
        result: Any = self
        breaks = result.breaks.astype(np.float64)
        columns = {
            "centroid": result.centroids,
            "above": np.append(-np.inf, breaks),
            "up_to": np.append(breaks, np.inf),
            "least": result.ranges[:, 0],
            "greatest": result.ranges[:, 1],
            **list_sizes(result.counts, result.weights),
            "variance": result.variances,
        }
        names = ("criterion", "inertia", "gap", "passes")
        return make_dataset(columns, {name: getattr(result, name) for name in names})

    def to_frame(self) -> pd.DataFrame:
        """Return the clusters as a data frame, one row a cluster, with the columns of `to_dataset`.

        Centroids of several bands are a column for each band.

        Returns
        -------
        pandas.DataFrame
            Its index is the labels.

        Examples
        --------
        >>> import fastkm
        >>> result = fastkm.kmeans1d([1, 2, 8, 9], 2)
        >>> result.to_frame()[["centroid", "above", "up_to", "count", "share"]]
                 centroid  above  up_to  count  share
        cluster
        0             1.5   -inf    5.0      2    0.5
        1             8.5    5.0    inf      2    0.5
        """
        dataset = self.to_dataset()
        if "band" not in dataset.dims:
            return dataset.to_dataframe()
        sizes = dataset.drop_dims("band").to_dataframe()
        return dataset["centroid"].to_pandas().rename_axis(columns=None).join(sizes)


def list_sizes(counts: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Return the columns that say how large clusters are."""
    return {"count": counts, "weight": weights, "share": weights / weights.sum()}


def make_dataset(columns: Mapping[str, Any], attrs: Mapping[str, Any]) -> xr.Dataset:
    """Make a dataset of columns, one row a cluster; attributes that are None are left out."""
    import xarray as xr

    kept = {name: value for name, value in attrs.items() if value is not None}
    rows = {
        n: column if hasattr(column, "dims") else ("cluster", column)
        for n, column in columns.items()
    }
    dataset = xr.Dataset(rows, attrs=kept)
    for name, column in dataset.data_vars.items():
        column.attrs["long_name"] = MEANINGS[str(name)]
    return dataset.assign_coords(cluster=np.arange(dataset.sizes["cluster"]))
