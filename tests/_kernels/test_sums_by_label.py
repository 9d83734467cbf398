"""Sums of rows by label, integers and floats: those of a plain loop, and the same in any order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastkm._kernels.fixed_point_rows import FOLD
from fastkm._kernels.sums_by_label import (
    cut_into_folds,
    sum_in_folds,
    sum_integers_by_label,
    sum_numbers_by_label,
)
from tests import naive
from tests._kernels.test_fixed_point_rows import problem, unfolded


@given(
    st.integers(0, 99), st.integers(0, 40), st.integers(1, 5), st.integers(1, 4),
    st.sampled_from(["u1", "i2", "u2"]),
)  # fmt: skip
def test_integers_are_summed(seed, n, d, k, dtype) -> None:
    rng = np.random.default_rng(seed)
    limits = np.iinfo(dtype)
    rows = rng.integers(limits.min, limits.max, (d, n), endpoint=True).astype(np.int32).T
    labels = rng.integers(0, k, n).astype(np.int32)
    sums = np.zeros((k, 1 + d), np.int64)
    sum_integers_by_label(rows, labels, sums)
    np.testing.assert_array_equal(sums, naive.sum_integers_by_label(rows, labels, k))


@given(
    st.integers(0, 99), st.integers(1, 600), st.integers(1, 5), st.integers(1, 4),
    st.sampled_from(["f4", "f8"]), st.booleans(),
)  # fmt: skip
def test_numbers_are_summed(seed, n, d, k, dtype, weighted) -> None:
    rows, labels, weights, least, scales, centroids = problem(seed, n, d, k, dtype, weighted)
    sums = np.zeros((k, 4 + 3 * d), np.int64)
    rows = np.asfortranarray(rows)
    sum_numbers_by_label(rows, labels, weights, least, scales, sums)
    counts, expected = naive.sum_rows_by_label(rows, labels, weights, least, scales, centroids)
    np.testing.assert_array_equal(sums[:, 0], counts)
    np.testing.assert_allclose(unfolded(sums), expected[:, : 1 + d], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_order_and_parts_change_no_bit(dtype) -> None:
    rows, labels, weights, least, scales, _ = problem(1, 700, 3, 4, dtype, True)
    whole, parts = np.zeros((2, 4, 13), np.int64)
    sum_numbers_by_label(rows, labels, weights, least, scales, whole)
    for some in np.array_split(np.random.default_rng(2).permutation(700), 7):
        sum_numbers_by_label(rows[some], labels[some], weights[some], least, scales, parts)
    np.testing.assert_array_equal(parts, whole)


@given(st.lists(st.floats(0, 1), max_size=300))
def test_terms_are_summed(terms) -> None:
    sums = np.zeros(3, np.int64)
    sum_in_folds(np.array(terms), sums)
    assert float(sums @ FOLD ** -np.array([1.0, 2, 3])) == pytest.approx(sum(terms), abs=1e-12)


@given(st.lists(st.floats(0, 1, exclude_max=True), max_size=20))
def test_terms_are_cut_into_folds(terms) -> None:
    numbers = np.array(terms)
    folds = np.zeros((3, len(terms)), np.int64)
    cut_into_folds(numbers, len(terms), *folds)
    assert list(map(tuple, folds.T.tolist())) == naive.cut_into_folds(numbers)
