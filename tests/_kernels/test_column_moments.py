"""Moments of columns: numpy's, to the bit."""

import numpy as np
import pytest

from fastkm._kernels.column_moments import measure_columns
from tests.clouds import freeze


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("shape", [(1, 2), (300, 3), (20, 40)])
def test_mean_and_variance_are_numpys_to_the_bit(dtype, shape):
    x = (1e3 + np.random.default_rng(1).normal(size=shape)).astype(dtype)
    mean, variance = np.full((2, shape[1]), np.nan)
    measure_columns(freeze(x), mean, variance)
    np.testing.assert_array_equal(mean, x.mean(axis=0, dtype=float))
    np.testing.assert_array_equal(variance, x.var(axis=0, dtype=float))
