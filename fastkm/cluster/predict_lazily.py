"""Labels of the rows of a dask array, block by block, for `fastkm.KMeans`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from fastkm._core import cf_missing
from fastkm.cluster.streaming.arrays import RawArray, as_raw_array, is_lazy


def find_lazy_rows(X: Any) -> RawArray | None:
    """Return rows of dask, perhaps of a `DataArray`, with their rules; None if they are not lazy."""
    lazy = is_lazy(getattr(X, "data", None) if cf_missing.is_described_array(X) else X)
    return as_raw_array(X, "X") if lazy else None


def predict_lazily(
    rows: RawArray, features: int, predict: Callable[[np.ndarray], np.ndarray]
) -> Any:
    """Plan the labels of lazy rows: an array of dask, (n,) int32; `predict` labels each block."""
    array = rows.values
    if array.ndim != 2 or array.shape[1] != features:
        raise ValueError(
            f"X must have shape (rows, features) with {features} features, as fit had, got "
            f"{array.shape}"
        )
    rules = replace(rows, values=np.empty(0, array.dtype))
    return array.rechunk({1: -1}).map_blocks(
        _predict_block, rules=rules, predict=predict, drop_axis=1, dtype=np.int32,
        meta=np.empty(0, np.int32),
    )  # fmt: skip


def _predict_block(
    block: Any, *, rules: RawArray, predict: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Label the rows of one block."""
    computed = as_raw_array(block, "X")
    cells = replace(rules, values=computed.values, mask=computed.mask)
    missing = cells.find_missing()
    if missing is not None and missing.any():
        raise ValueError(
            f"X must not have missing cells, but {np.count_nonzero(missing)} of a block are masked "
            "or missing by its attributes: leave their rows out, or fill them"
        )
    return predict(cf_missing.to_physical(cells))
