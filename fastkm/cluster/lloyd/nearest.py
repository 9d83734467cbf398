"""The nearest centroid of rows: one way to find it, so that all callers give the same labels."""

from __future__ import annotations

import numpy as np

from fastkm._core import validation
from fastkm._kernels.lloyd import assign
from fastkm._kernels.row_blocks import make_rest
from fastkm.cluster.lloyd.iteration import pad_to_even


class NearestCentroid:
    """Finds the nearest of some centroids, (k, d) float64; the first of equally near ones.

    `dtype` is the type in which distances are computed, float32 or float64.
    """

    def __init__(self, centroids: np.ndarray, dtype: np.dtype) -> None:
        self.dtype = dtype
        self.shift = validation.freeze(centroids.mean(axis=0).astype(dtype))
        self.codes = pad_to_even((centroids - self.shift).astype(dtype))
        self.rest = make_rest(centroids.shape[1])

    def find(self, x: np.ndarray, start: int, labels: np.ndarray) -> np.ndarray:
        """Fill labels, (m,) int32, for the rows of x from `start` on; return squared distances.

        x is (n, d), in C or Fortran order, of `dtype` or of integers.
        """
        squares = np.empty(len(labels), self.dtype)
        assign(x, start, self.shift, self.codes, self.rest, labels, squares)
        return squares
