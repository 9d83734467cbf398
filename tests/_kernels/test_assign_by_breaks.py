"""Codes from breaks against one comparison after the other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastkm._kernels.assign_by_breaks import assign_by_breaks
from tests import naive

SIZES = st.sampled_from([0, 1, 2, 7, 255, 256, 257, 600])
DTYPES = st.sampled_from(["f4", "f8"])


@given(st.integers(0, 2**32), SIZES, st.integers(0, 6), DTYPES, st.sampled_from(["i1", "i2"]))
def test_assign_by_breaks_counts_the_breaks_below(seed, n, breaks, dtype, label):
    rng = np.random.default_rng(seed)
    x = np.round(rng.normal(size=n), 1).astype(dtype)
    x[rng.random(n) < 0.2] = np.nan
    edges = np.sort(np.round(rng.normal(size=breaks), 1).astype(dtype))
    codes = np.full(n, 77, label)
    assign_by_breaks(x, edges, codes)
    np.testing.assert_array_equal(codes, naive.assign_by_breaks(x, edges))


def test_a_value_at_a_break_belongs_below_it():
    codes = np.empty(4, np.int8)
    assign_by_breaks(np.array([1.0, 2.0, -np.inf, np.inf]), np.array([1.0, 2.0]), codes)
    assert codes.tolist() == [0, 1, 0, 2]


@pytest.mark.parametrize("dtype", ["i8", "u8"])
def test_integers_that_float64_cannot_tell_apart_are_told_apart(dtype):
    top = np.iinfo(dtype).max
    codes = np.empty(4, np.int8)
    x = np.array([0, top - 2, top - 1, top], dtype)
    assign_by_breaks(x, np.array([top - 2, top - 1], dtype), codes)
    assert codes.tolist() == [0, 0, 1, 2]
