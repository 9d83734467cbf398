"""Blocks hold the rows, and the two nearest codes are those of all pairs."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fastkm._kernels.row_blocks import (
    BLOCK,
    SLAB,
    UNROLLED,
    find_two_nearest,
    gather_rows,
    load_rows,
    make_rest,
    rank_square,
)
from fastkm._kernels.row_products import find_two_nearest_of_row
from tests import naive
from tests.kernel_rows import KS, NUMBERS, SEEDS, Setting, each_shape, lattice_or_not


def test_the_rest_is_what_slabs_leave_over():
    for d in range(1, 60):
        first = len(make_rest(d))
        assert first == d if d <= UNROLLED else first < SLAB
        assert (d - first) % SLAB == 0


@given(st.lists(st.sampled_from([0.0, 1.0, 2.0, np.inf, np.nan]), max_size=8))
def test_nearer_ranks_the_two_least_and_the_first_of_equals_wins(squares):
    best, second, code = np.inf, np.inf, np.int32(0)
    for j, square in enumerate(squares):
        if square == square:
            best, second, code = rank_square(square, np.int32(j), best, second, code)
    known = [*sorted(s for s in squares if s == s), np.inf, np.inf]
    assert [best, second] == known[:2]
    assert code == (squares.index(best) if best < np.inf else 0)
    assert rank_square(np.nan, np.int32(9), best, np.inf, code)[::2] == (best, code)


@each_shape
@given(SEEDS, lattice_or_not, st.sampled_from([1, 2, 255, 256]), KS)
def test_the_two_nearest_are_those_of_all_pairs(dtype, order, d, seed, kind, width, k):
    s = Setting(seed, kind, width, k, dtype, order, d)
    best, second = np.empty((2, width), dtype)
    code = np.empty(width, np.int32)
    find_two_nearest(s.columns(), s.even, s.rest, best, second, code)
    s.check(code, best)
    ranked = np.sort(naive.square_distances(s.relative, s.even), axis=1)
    np.testing.assert_allclose(second, ranked[:, 1] if k > 1 else np.inf, rtol=s.eps)


@each_shape
def test_one_row_alone_gets_the_squares_of_its_block_to_the_bit(dtype, order, d):
    """Otherwise rows that matrix products cannot decide would go elsewhere than by comparison."""
    s = Setting(d, "near ties", 256, 8, dtype, order, d)
    best, second = np.empty((2, s.n), dtype)
    code, room = np.empty(s.n, np.int32), np.empty(s.k, dtype)
    find_two_nearest(s.columns(), s.even, s.rest, best, second, code)
    alone = [
        find_two_nearest_of_row(row, np.ascontiguousarray(s.codes.T), room) for row in s.relative
    ]
    np.testing.assert_array_equal([a[0] for a in alone], best)
    np.testing.assert_array_equal([a[1] for a in alone], second)
    np.testing.assert_array_equal([a[2] for a in alone], code)


@each_shape
@given(SEEDS, NUMBERS, st.integers(0, 2**32))
def test_blocks_hold_rows_less_the_shift(dtype, order, d, seed, n, other):
    s = Setting(seed, "noise", n, 1, dtype, order, d)
    rng = np.random.default_rng(other)
    start = int(rng.integers(0, n))
    count = min(int(rng.integers(0, n - start + 1)), BLOCK)
    columns = np.full((d, BLOCK), 7, dtype)
    load_rows(s.x, start, count, s.shift, columns)
    np.testing.assert_array_equal(columns[:, :count], s.relative[start : start + count].T)
    assert np.all(columns[:, count:] == 7)
    rows = rng.permutation(n - start)[:count].astype(np.int32)
    columns[:] = 7
    gather_rows(s.x, start, rows, s.shift, columns)
    np.testing.assert_array_equal(columns[:, :count], s.relative[start + rows].T)
    assert np.all(columns[:, count:] == 7)
