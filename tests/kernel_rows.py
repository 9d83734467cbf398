"""Rows for the kernels of Lloyd's algorithm and of k-means++, exact on a lattice."""

import numpy as np
import pytest
from hypothesis import strategies as st

from fastkm._kernels.row_blocks import make_rest
from tests import naive
from tests.clouds import SHAPES, SIZES, cloud, freeze

SEEDS = st.integers(0, 2**32)
KS = st.integers(1, 9)
NUMBERS = st.sampled_from(SIZES)
NO_WEIGHTS = freeze(np.empty(0))

each_shape = pytest.mark.parametrize(("dtype", "order", "d"), SHAPES)
lattice_or_not = st.sampled_from(["lattice", "noise", "near ties"])


class Setting:
    """Rows, codes, a shift, weights, and what kernels get of them; all exact on a lattice."""

    def __init__(self, seed, kind, n, k, dtype, order, d):
        rng = np.random.default_rng(seed)
        self.exact = kind == "lattice"
        self.n, self.k, self.d = n, k, d
        self.x = freeze(cloud(seed, kind, n, d, dtype, order))
        shift = rng.integers(0, 3, d) if self.exact else rng.random(d)
        self.shift = freeze(shift.astype(dtype))
        self.codes = cloud(seed + 1, kind, k, d, dtype) - self.shift
        self.rest = make_rest(d)
        self.relative = self.x - self.shift
        self.weights = freeze(rng.integers(0, 3, n).astype(float))
        self.eps = (d + 4) * np.finfo(dtype).eps

    @property
    def even(self):
        """Codes as kernels want them."""
        nowhere = np.full((self.k % 2, self.d), np.nan, self.codes.dtype)
        return np.concatenate([self.codes, nowhere])

    def columns(self, width=None):
        columns = np.zeros((self.d, width or self.n), self.x.dtype)
        columns[:, : self.n] = self.relative.T
        return columns

    def state(self, labels=None, *, weighted=False, bounded=False, squares=False):
        labels = np.full(self.n, -1, np.int32) if labels is None else labels.copy()
        weights = self.weights if weighted else NO_WEIGHTS
        upper, lower = np.full((2, self.n if bounded else 0), np.nan, np.float32)
        room = np.full(self.n if squares else 0, np.nan, self.x.dtype)
        return labels, weights, upper, lower, room

    def check(self, codes, squares):
        """Compare labels and squares with those of all pairs."""
        wanted, least_squares = naive.assign(self.relative, self.codes)
        if self.exact:
            np.testing.assert_array_equal(codes, wanted)
            np.testing.assert_array_equal(squares, least_squares)
        else:
            np.testing.assert_allclose(squares, least_squares, rtol=self.eps)
            chosen = naive.square_distances(self.relative, self.codes)[np.arange(self.n), codes]
            np.testing.assert_allclose(chosen, least_squares, rtol=self.eps)
