"""Sums of rows by label: those of a plain loop, and the same bits in any order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastkm._kernels.fixed_point_rows import FOLD, sum_rows_by_label
from tests import naive


def problem(seed, n, d, k, dtype, weighted):
    rng = np.random.default_rng(seed)
    rows = np.ascontiguousarray(rng.normal(0, 10, (n, d)).astype(dtype))
    labels = rng.integers(0, k, n).astype(np.int32)
    weights = rng.uniform(0, 1, n) if weighted else np.ones(1)
    wide = rows.astype(float)
    least = wide.min(axis=0)
    scales = np.ldexp(1.0, -np.frexp(wide.max(axis=0) - least + 1e-9)[1])
    centroids = np.ascontiguousarray(wide[rng.integers(0, n, k)])
    return rows, labels, weights, least, scales, centroids


def unfolded(sums):
    folds = sums[:, 1:].reshape(len(sums), -1, 3) / FOLD ** np.array([1, 2, 3])
    return folds.sum(axis=2)


@given(
    st.integers(0, 99), st.integers(1, 40), st.integers(1, 5), st.integers(1, 4),
    st.sampled_from(["f4", "f8"]), st.booleans(),
)  # fmt: skip
def test_it_gives_the_sums_of_a_plain_loop(seed, n, d, k, dtype, weighted) -> None:
    given_ = problem(seed, n, d, k, dtype, weighted)
    sums = np.zeros((k, 4 + 6 * d), np.int64)
    sum_rows_by_label(*given_, sums)
    counts, expected = naive.sum_rows_by_label(*given_)
    np.testing.assert_array_equal(sums[:, 0], counts)
    np.testing.assert_allclose(unfolded(sums), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_order_and_parts_change_no_bit(dtype) -> None:
    rows, labels, weights, least, scales, centroids = problem(1, 200, 3, 4, dtype, True)
    whole, parts = np.zeros((2, 4, 22), np.int64)
    sum_rows_by_label(rows, labels, weights, least, scales, centroids, whole)
    order = np.random.default_rng(2).permutation(200)
    for some in np.array_split(order, 7):
        sum_rows_by_label(rows[some], labels[some], weights[some], least, scales, centroids, parts)
    np.testing.assert_array_equal(parts, whole)
