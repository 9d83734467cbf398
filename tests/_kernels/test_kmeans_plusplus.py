"""The kernels of k-means++ against comparisons of all pairs."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fastkm._kernels.kmeans_plusplus import lower_squares, square_distances, try_candidates
from tests import naive
from tests.clouds import freeze
from tests.kernel_rows import NO_WEIGHTS, NUMBERS, SEEDS, Setting, each_shape


@each_shape
@given(SEEDS, NUMBERS, st.integers(1, 4), st.booleans(), st.sampled_from(["lattice", "noise"]))
def test_candidates_are_told_what_each_would_leave(dtype, order, d, seed, n, t, weighted, kind):
    s = Setting(seed, kind, n, t, dtype, order, d)
    so_far = naive.square_distances(s.relative, s.relative[:1])[:, 0]
    weights, totals = s.weights if weighted else NO_WEIGHTS, np.full(t, np.nan)
    try_candidates(s.x, 0, s.shift, freeze(s.codes), weights, so_far, totals)
    each = s.weights if weighted else np.ones(n)
    remain = np.minimum(so_far[:, None], naive.square_distances(s.relative, s.codes)).astype(float)
    np.testing.assert_allclose(totals, each @ remain, rtol=0 if s.exact else 1e-12 + s.eps)


@each_shape
@given(SEEDS, NUMBERS, st.sampled_from(["lattice", "noise"]))
def test_squares_to_one_more_code_are_kept_where_they_are_less(dtype, order, d, seed, n, kind):
    s = Setting(seed, kind, n, 1, dtype, order, d)
    square, code = np.empty(n, dtype), freeze(s.codes[0])
    wanted = naive.square_distances(s.relative, s.codes)[:, 0]
    rtol = 0 if s.exact else s.eps
    square_distances(s.columns(), code, square)
    np.testing.assert_allclose(square, wanted, rtol=rtol)
    so_far = naive.square_distances(s.relative, s.relative[:1])[:, 0]
    kept = so_far.copy()
    lower_squares(s.x, 0, s.shift, code, kept)
    np.testing.assert_allclose(kept, np.minimum(so_far, wanted), rtol=rtol)
