"""The kernels for few rows against all pairs, and against those for many rows, to the bit."""

import numpy as np
from hypothesis import given

from fastkm._kernels.few_rows import (
    BLOCK,
    assign_few,
    iterate_few,
    move_few,
    rank_codes,
    update_codes,
)
from fastkm._kernels.lloyd import COUNT, EXTRA, GONE, MASS, assign, move_rows
from fastkm.cluster.lloyd.iteration import LloydState
from fastkm.cluster.lloyd.row_chunks import RowChunks
from tests import naive
from tests.clouds import freeze
from tests.kernel_rows import (
    KS,
    NO_WEIGHTS,
    NUMBERS,
    SEEDS,
    Setting,
    each_shape,
    lattice_or_not,
)


def run_few(columns, start, iterations):
    """Iterate; return how many left a code empty, the codes, those before, labels, sums, squares."""
    (k, d), n, dtype = start.shape, columns.shape[1], columns.dtype
    codes, before = start.copy(), np.full((k, d), np.nan, dtype)
    labels, squares = np.full(n, -1, np.int32), np.full(n, np.nan, dtype)
    sums, change = np.zeros((2, k, d + EXTRA))
    scratch, nearest = np.empty(BLOCK, dtype), np.empty(BLOCK, np.int32)
    state = labels, sums, change, squares
    empty = iterate_few(freeze(columns), codes, before, iterations, state, scratch, nearest)
    return empty, codes, before, labels, sums, squares


@each_shape
@given(seed=SEEDS, kind=lattice_or_not, n=NUMBERS, k=KS)
def test_the_nearest_codes_are_those_of_all_pairs_and_of_the_other_kernel(
    dtype, order, d, seed, kind, n, k
):
    s = Setting(seed, kind, n, k, dtype, order, d)
    columns, scratch = freeze(s.columns()), np.empty(BLOCK, dtype)
    codes, distances = np.full(n, -7, np.int32), np.full(n, np.nan, dtype)
    assert assign_few(columns, freeze(s.codes), scratch, codes, distances)
    wanted, squares = np.empty(n, np.int32), np.empty(n, dtype)
    assign(s.x, 0, s.shift, s.even, s.rest, wanted, squares)
    np.testing.assert_array_equal(codes, wanted)
    np.testing.assert_array_equal(distances, np.sqrt(squares))
    # one block
    m = min(n, BLOCK)
    rank_codes(columns, n - m, freeze(s.codes), scratch, squares[:m], wanted[:m])
    np.testing.assert_array_equal(wanted[:m], codes[n - m :])
    np.testing.assert_array_equal(np.sqrt(squares[:m]), distances[n - m :])
    s.check(codes, naive.assign(s.relative, s.codes)[1])


def test_a_row_without_a_finite_distance_gets_code_0():
    columns = freeze(np.array([[1.0, np.nan, np.inf, 5.0]]))
    codes, distances = np.full(4, -7, np.int32), np.empty(4)
    with np.errstate(invalid="ignore"):
        book = freeze(np.array([[5.0], [1.0]]))
        assert not assign_few(columns, book, np.empty(BLOCK), codes, distances)
    assert codes.tolist() == [1, 0, 0, 0]
    assert distances.tolist() == [0.0, np.inf, np.inf, 0.0]


class WatchedState(LloydState):
    """Notes whether sums were added up again."""

    added_again = False

    def _has_cancelled(self):
        found = super()._has_cancelled()
        self.added_again |= found
        return found


@each_shape
@given(seed=SEEDS, kind=lattice_or_not, n=NUMBERS, k=KS)
def test_iterations_are_those_of_the_kernels_for_many_rows(dtype, order, d, seed, kind, n, k):
    s = Setting(seed, kind, n, k, dtype, order, d)
    zero = freeze(np.zeros(d, dtype))
    state, codes, empties = WatchedState(RowChunks(s.x), zero, k, threads=1), s.codes.copy(), 0
    for _ in range(4):
        before = codes
        state.step(codes)
        full = state.counts > 0
        empties += not full.all()
        codes = np.where(full[:, None], state.means(), before).astype(dtype)
    empty, found, last, labels, sums, squares = run_few(s.x.T.copy(), s.codes, 4)
    if state.added_again:
        assert empty == -1
        return
    assert empty == empties
    np.testing.assert_array_equal(found, codes)
    np.testing.assert_array_equal(last, before)
    np.testing.assert_array_equal(labels, state.labels)
    np.testing.assert_array_equal(sums[:, d + COUNT], state.counts)
    np.testing.assert_allclose(squares, naive.assign(s.x, before)[1], rtol=s.eps)


def test_iterations_end_when_nothing_moves_and_count_the_empty_codes_of_the_rest():
    columns = np.array([[0.0, 1.0, 8.0, 9.0]])
    empty, codes, before, *_ = run_few(columns, np.array([[0.0], [9.0], [99.0]]), 10)
    assert empty == 10
    assert codes.tolist() == before.tolist() == [[0.5], [8.5], [99.0]]


def test_what_overflows_or_cancels_is_given_up():
    with np.errstate(over="ignore"):
        assert run_few(np.array([[0.0, 1e200]]), np.array([[0.0]]), 3)[0] == -1
    # 1.3e9 leaves a sum of ones
    columns = np.array([[1.0, 1.0, 1.3e9, 1.9e9, 1.9e9]])
    assert run_few(columns, np.array([[1.0], [3e9]]), 1)[0] == 0
    assert run_few(columns, np.array([[1.0], [3e9]]), 9)[0] == -1


@given(SEEDS)
def test_rows_move_as_they_do_among_many(seed):
    rng = np.random.default_rng(seed)
    columns = rng.normal(size=(3, 20))
    labels, nearest = rng.integers(-1, 4, 20).astype("i4"), rng.integers(0, 4, 20).astype("i4")
    changed = np.flatnonzero(labels != nearest).astype("i4")
    wanted, sums, change = labels.copy(), np.zeros((4, 3 + EXTRA)), np.zeros((4, 3 + EXTRA))
    move_rows(columns, nearest, changed, changed, wanted, NO_WEIGHTS, sums)
    assert move_few(freeze(columns), 0, np.zeros(20), nearest, labels, change) == len(changed)
    np.testing.assert_array_equal(labels, wanted)
    np.testing.assert_array_equal(change, sums)
    assert move_few(freeze(columns), 0, np.full(20, np.inf), nearest, labels, change) == -1


def test_codes_are_the_means_of_the_sums():
    sums, change, codes = np.zeros((2, 1 + EXTRA)), np.zeros((2, 1 + EXTRA)), np.full((2, 1), 7.0)
    change[0, 0], change[0, 1 + MASS], change[0, 1 + COUNT] = 9.0, 2.0, 2.0
    assert update_codes(sums, change, codes) == 1
    assert codes.tolist() == [[4.5], [7.0]]
    assert not change.any()
    change[0, 1 + GONE] = 2.0**23
    assert update_codes(sums, change, codes) == -1
