"""The assignment kernels against a comparison of all pairs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastkm._kernels.assign import assign, assign_by_breaks
from tests import naive

SIZES = st.sampled_from([0, 1, 2, 7, 255, 256, 257, 600])
DTYPES = st.sampled_from(["f4", "f8"])


def run(x, codebook):
    codes, distances = np.full(len(x), -7, np.int32), np.full(len(x), -7, x.dtype)
    assign(x, codebook, codes, distances)
    return codes, distances


def some_rows(seed, n, d, k, dtype, kind):
    """Rows and codes of a kind that is hard to get right."""
    rng = np.random.default_rng(seed)
    x, codebook = rng.normal(size=(n, d)), rng.normal(size=(k, d))
    if kind == "ties":
        x, codebook = np.round(x), np.round(codebook)
    elif kind == "duplicates":
        codebook = codebook[rng.integers(0, max(1, k // 2), k)]
    elif kind == "offset":
        x, codebook = x + 1e9, codebook + 1e9
    elif kind == "outlier":
        x[rng.random(n) < 0.1] = 1e12
    elif kind == "nan":
        x[rng.random(n) < 0.3, rng.integers(0, d)] = np.nan
    return x.astype(dtype), codebook.astype(dtype)


KINDS = st.sampled_from(["plain", "ties", "duplicates", "offset", "outlier", "nan"])


@given(st.integers(0, 2**32), SIZES, st.integers(1, 4), st.integers(1, 5), DTYPES, KINDS)
def test_assign_is_the_comparison_of_all_pairs_to_the_bit(seed, n, d, k, dtype, kind):
    x, codebook = some_rows(seed, n, d, k, dtype, kind)
    comp, ref = run(x, codebook), naive.assign(x, codebook)
    np.testing.assert_array_equal(comp[0], ref[0])
    np.testing.assert_array_equal(comp[1], ref[1])


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_equidistant_codes_go_to_the_lowest_index(dtype):
    codes, _ = run(np.array([[5.0]], dtype), np.array([[6.0], [4.0], [6.0]], dtype))
    assert codes.tolist() == [0]


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_a_row_of_nan_gets_code_0_and_an_infinite_distance(dtype):
    x = np.array([[np.nan, 0.0], [3.0, 4.0]], dtype)
    codes, distances = run(x, np.array([[9.0, 9.0], [0.0, 0.0]], dtype))
    assert codes.tolist() == [0, 1]
    assert distances.tolist() == [np.inf, 5.0]


def test_the_distance_of_a_row_to_itself_is_zero_at_a_large_offset():
    x = np.random.default_rng(1).normal(1e9, 1, (40, 12))
    codes, distances = run(x, x)
    assert codes.tolist() == list(range(40))
    assert not distances.any()


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
