"""The update kernel against sums of one row after the other."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fastkm._kernels.lloyd import accumulate
from tests import naive
from tests.conftest import needs_jit


@given(
    st.integers(0, 2**32),
    st.sampled_from([0, 1, 255, 256, 257, 600]),
    st.integers(1, 4),
    st.integers(1, 5),
    st.sampled_from(["f4", "f8"]),
    st.sampled_from([0.0, 1e9]),
)
def test_sums_counts_and_total_are_those_of_one_row_after_the_other(seed, n, d, k, dtype, offset):
    rng = np.random.default_rng(seed)
    x = (rng.normal(size=(n, d)) + offset).astype(dtype)
    codes, distances = rng.integers(0, k, n).astype(np.int32), rng.random(n).astype(dtype)
    sums, counts = np.zeros((k, d)), np.zeros(k, np.int64)
    total = accumulate(x, codes, distances, sums, counts)
    ref = naive.accumulate(x, codes, distances, k)
    np.testing.assert_array_equal(sums, ref[0])
    np.testing.assert_array_equal(counts, ref[1])
    assert total == ref[2]


def test_what_is_in_the_sums_already_stays():
    sums, counts = np.array([[10.0]]), np.array([3])
    accumulate(np.array([[1.0]]), np.zeros(1, np.int32), np.zeros(1), sums, counts)
    assert (sums.item(), counts.item()) == (11.0, 4)


@needs_jit
def test_float32_rows_are_summed_in_float64():
    n = (1 << 24) + 1000  # float32 counts no further than 2^24
    x = np.ones((n, 1), np.float32)
    sums, counts = np.zeros((1, 1)), np.zeros(1, np.int64)
    total = accumulate(x, np.zeros(n, np.int32), x[:, 0], sums, counts)
    assert (sums.item(), counts.item(), total) == (n, n, n)
