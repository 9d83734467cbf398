"""The kernels of Lloyd's algorithm against comparisons of all pairs and exact sums.

On a lattice all squares and sums are exact in both types, so results are equal to the last bit,
ties included. Elsewhere products and sums are fused, and squares agree to rounding.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastkm._kernels.lloyd import (
    ARRIVED,
    COUNT,
    DEPARTED,
    EXTRA,
    GONE,
    LEAST,
    LINE,
    MASS,
    OUTWARDS,
    assign,
    find_flags,
    find_undecided_rows,
    list_changes,
    move_rows,
    step_all_rows,
    step_chosen_rows,
    sum_features,
    write_bounds,
)
from fastkm._kernels.row_blocks import BLOCK, make_rest
from fastkm._kernels.row_products import step_by_products
from tests import naive
from tests.clouds import cloud, freeze
from tests.kernel_rows import KS, NO_WEIGHTS, NUMBERS, SEEDS, Setting, each_shape, lattice_or_not


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("scale", [0.0, 1e-44, 1e-38, 1e-30, 1.0, 1e30])
def test_bounds_lie_outside_by_no_more_than_they_must(dtype, scale):
    best = (np.random.default_rng(3).random(40) * scale).astype(dtype)
    second = best * np.dtype(dtype).type(1.5)
    upper, lower = np.empty((2, 30), np.float32)
    slack = np.float32(3) * OUTWARDS
    write_bounds(best, second, slack, upper, lower)
    near, far = np.sqrt(best[:30].astype(float)), np.sqrt(second[:30].astype(float))
    tiny = float(LEAST) + np.sqrt(float(np.finfo(dtype).tiny))
    assert np.all(upper >= near * (1 + float(slack) / 2) + tiny / 2)
    assert np.all(upper <= near * (1 + 2 * float(slack)) + 2 * tiny)
    assert np.all(lower <= far + tiny / 2)
    assert np.all(lower >= far * (1 - 2 * float(slack)) - tiny)


def test_bounds_of_squares_that_float32_cannot_hold_are_not_trusted():
    upper, lower = np.empty((2, 1), np.float32)
    with np.errstate(over="ignore"):
        write_bounds(np.array([1e200]), np.array([1e202]), OUTWARDS, upper, lower)
    assert upper[0] == np.inf
    assert lower[0] < np.inf


@given(SEEDS, st.sampled_from([0.0, 0.01, 0.5, 1.0]))
def test_positions_are_those_of_the_flags(seed, share):
    flags = (np.random.default_rng(seed).random(BLOCK) < share).astype(np.uint8)
    found = np.empty(BLOCK, np.int32)
    count = find_flags(flags, found)
    np.testing.assert_array_equal(found[:count], np.flatnonzero(flags))


@given(SEEDS, st.integers(1, BLOCK), st.sampled_from([1, 2, 50]))
def test_changes_are_the_rows_of_the_block_with_another_label(seed, n, k):
    code, labels = np.random.default_rng(seed).integers(-1, k, (2, BLOCK), np.int32)
    flags, found = (
        np.ones(BLOCK, np.uint8),
        np.empty(BLOCK, np.int32),
    )  # rows of a fuller block before
    count = list_changes(code, labels[:n], flags, found)
    assert found[:count].tolist() == naive.list_changes(code, labels[:n])


@given(SEEDS, st.booleans())
def test_moved_rows_count_where_they_are(seed, weighted):
    s = Setting(seed, "lattice", 60, 4, "f8", "C", 3)
    rng = np.random.default_rng(seed)
    weights = s.weights if weighted else NO_WEIGHTS
    labels, sums = np.full(60, -1, np.int32), np.zeros((4, 3 + EXTRA))
    for _ in range(3):
        code = rng.integers(0, 4, 60, dtype=np.int32)
        places = rng.permutation(60)[: rng.integers(20, 60)].astype(np.int32)
        move_rows(s.columns()[:, places].copy(), code, np.arange(len(places), dtype=np.int32), places,
             labels, weights, sums)  # fmt: skip
        np.testing.assert_array_equal(labels[places], code[: len(places)])
    known = labels >= 0
    check_sums(
        sums, s.relative[known], labels[known], (s.weights if weighted else np.ones(60))[known]
    )


def check_sums(sums, rows, labels, weights, *, rtol=0.0):
    """Compare the sums of clusters with exact ones; what came less what went is what is there."""
    d = rows.shape[1]
    wanted, masses, counts = naive.sum_clusters(rows, labels, weights, len(sums))
    size = np.zeros(len(sums))
    np.add.at(size, labels, weights * np.abs(rows).sum(axis=1, dtype=float))
    np.testing.assert_allclose(sums[:, :d], wanted, rtol=0, atol=rtol * size.max())
    np.testing.assert_allclose(sums[:, d + MASS], masses, rtol=rtol)
    np.testing.assert_array_equal(sums[:, d + COUNT], counts)
    there = sums[:, d + ARRIVED] - sums[:, d + DEPARTED]
    np.testing.assert_allclose(there, size, rtol=max(rtol, 1e-6))
    assert np.all(sums[:, d + GONE] >= 0)


def step(s, name, state, rows):
    """Do one iteration of some rows by one of the three kernels; return the moved and the sums."""
    sums = np.zeros((s.k, s.d + EXTRA))
    if name == "all":
        moved = step_all_rows(s.x, 0, s.shift, s.even, s.rest, state, sums)
    elif name == "some":
        moved = step_chosen_rows(s.x, 0, rows, s.shift, s.even, s.rest, state, sums)
    else:
        moved = step_products(s, 0, state, sums)
    return moved, sums


def step_products(s, start, state, sums):
    """Do one iteration of rows from `start` on by products of unshifted rows."""
    wide = s.codes.astype(float)
    norms = (np.sum(wide**2, axis=1) + 2 * wide @ s.shift).astype(s.x.dtype)
    x, sizes = freeze(np.ascontiguousarray(s.x)), np.full(len(state[0]), -1, s.x.dtype)
    numbers = np.arange(s.k, dtype=f"i{sizes.itemsize}")
    turned, own = np.ascontiguousarray(s.codes.T), (*state[:4], sizes)
    return step_by_products(x, start, s.shift, turned, norms, numbers, own, sums)


@pytest.mark.slow
@each_shape
@given(SEEDS, lattice_or_not, NUMBERS, KS, st.booleans(), st.booleans())
def test_the_three_steps_do_the_same_to_the_bit(
    dtype, order, d, seed, kind, n, k, weighted, bounded
):
    s = Setting(seed, kind, n, k, dtype, order, d)
    old = np.random.default_rng(seed).integers(-1, k, n).astype(np.int32)
    rows, results = np.arange(n, dtype=np.int32), []
    for name in ("all", "some", "products"):
        state = s.state(old, weighted=weighted, bounded=bounded, squares=name == "all")
        moved, sums = step(s, name, state, rows)
        results.append((state, moved, sums))
        if bounded:
            check_bounds(s, state)
    (labels, _, _, _, squares), moved, sums = results[0]
    s.check(labels, squares)
    assert moved == np.count_nonzero(labels != old)
    for state, other_moved, other_sums in results[1:]:
        np.testing.assert_array_equal(state[0], labels)
        np.testing.assert_array_equal(other_sums, sums)
        assert other_moved == moved


def check_bounds(s, state):
    """Compare bounds with the true distances to the own code and to the nearest other one."""
    labels, _, upper, lower, _ = state
    distances = np.sqrt(naive.square_distances(s.relative.astype(float), s.codes))
    own = distances[np.arange(s.n), labels]
    distances[np.arange(s.n), labels] = np.inf
    assert np.all(upper >= own)
    assert np.all(lower <= distances.min(axis=1))


@pytest.mark.slow
@each_shape
@given(SEEDS, NUMBERS, KS, st.booleans())
def test_the_first_step_adds_up_all_rows(dtype, order, d, seed, n, k, weighted):
    s = Setting(seed, "lattice", n, k, dtype, order, d)
    state = s.state(weighted=weighted)
    moved, sums = step(s, "all", state, None)
    assert moved == n
    check_sums(sums, s.relative, state[0], s.weights if weighted else np.ones(n))


def test_a_step_of_some_rows_leaves_the_others_alone():
    s = Setting(1, "noise", 300, 4, "f8", "C", 3)
    rows = np.arange(5, 300, 7, dtype=np.int32)
    state = s.state(np.full(300, 3, np.int32), bounded=True)
    moved, sums = step(s, "some", state, rows)
    others = np.setdiff1d(np.arange(300), rows)
    assert np.all(state[0][others] == 3)
    assert np.isnan(state[2][others]).all()
    assert not np.isnan(state[2][rows]).any()
    assert sums[:3, 3 + COUNT].sum() == moved == np.count_nonzero(state[0] != 3)
    assert sums[3, 3 + COUNT] == -moved


def test_rows_far_into_an_array_are_their_own():
    s = Setting(2, "lattice", 600, 5, "f8", "C", 3)
    part = slice(300, 557)
    wanted = naive.assign(s.relative[part], s.codes)[0]
    for name in ("all", "some", "products"):
        state = tuple(a[: 557 - 300].copy() for a in s.state())
        state = (state[0], NO_WEIGHTS, *state[2:])
        sums, rows = np.zeros((5, 3 + EXTRA)), np.arange(257, dtype=np.int32)
        if name == "all":
            step_all_rows(s.x, 300, s.shift, s.even, s.rest, state, sums)
        elif name == "some":
            step_chosen_rows(s.x, 300, rows, s.shift, s.even, s.rest, state, sums)
        else:
            step_products(s, 300, state, sums)
        np.testing.assert_array_equal(state[0], wanted)


@pytest.mark.parametrize("scale", [1e-22, 1e-20, 1e-19, 1e-17])
def test_products_that_underflow_decide_nothing(scale):
    s = Setting(3, "noise", 257, 6, "f4", "C", 13)
    s.x = freeze((s.x * scale).astype("f4"))
    s.codes, s.shift = (s.codes * scale).astype("f4"), freeze(np.zeros(13, "f4"))
    rows, direct, products = np.arange(257, dtype=np.int32), s.state(), s.state()
    step(s, "all", direct, rows)
    step(s, "products", products, rows)
    np.testing.assert_array_equal(products[0], direct[0])


@given(SEEDS, st.sampled_from([1, 2, 257, 513]), KS, st.sampled_from([0.0, 0.01, 0.3, 5.0]))
def test_rows_that_are_not_suspect_keep_their_label_and_bounds_stay_bounds(seed, n, k, drift):
    s = Setting(seed, "near ties" if seed % 2 else "noise", n, k, "f8", "C", 3)
    state = s.state(bounded=True)
    step(s, "all", state, None)
    rng = np.random.default_rng(seed)
    rows, suspected = np.empty(n, np.int32), np.zeros(n, bool)
    margin = np.float32(1 - 6 * float(OUTWARDS))
    for _ in range(3):
        before = s.codes
        s.codes = before + drift * rng.normal(size=(k, 3)) * (rng.random((k, 1)) < 0.7)
        count = find_undecided_rows(
            *state[:1], *state[2:4], naive_drifts(before, s.codes), margin, rows
        )
        assert np.all(np.diff(rows[:count]) > 0)
        suspected[rows[:count]] = True
        check_bounds(s, state)
        labels = naive.assign(s.relative, s.codes)[0]
        np.testing.assert_array_equal(labels[~suspected], state[0][~suspected])
    if drift == 0.0:
        squares = naive.square_distances(
            s.relative, s.codes
        )  # none but rows about as near to another
        apart = np.sort(np.c_[squares, np.full(n, np.inf)], axis=1)
        assert np.all(apart[suspected, 1] <= apart[suspected, 0] * (1 + 1e-3) + 1e-12)


def naive_drifts(before, after):
    """How far each code has moved, how far any other, and half the distance to the nearest."""
    own = np.sqrt(np.sum((after - before) ** 2, axis=1))
    k = len(own)
    apart = np.sqrt(naive.square_distances(after, after))
    np.fill_diagonal(apart, np.inf)
    other = [max((own[i] for i in range(k) if i != j), default=0.0) for j in range(k)]
    outwards, inwards = 1 + float(OUTWARDS), 1 - float(OUTWARDS)
    drifts = [own * outwards, np.array(other) * outwards, apart.min(axis=1) / 2 * inwards]
    return np.array(drifts).astype(np.float32)


@each_shape
@given(SEEDS, lattice_or_not, NUMBERS, KS)
def test_assign_finds_the_nearest_code_of_all(dtype, order, d, seed, kind, n, k):
    s = Setting(seed, kind, n, k, dtype, order, d)
    labels, squares = np.full(n, -7, np.int32), np.empty(n, dtype)
    assign(s.x, 0, s.shift, s.even, s.rest, labels, squares)
    s.check(labels, squares)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_a_row_of_nan_gets_code_0_and_an_infinite_square(dtype):
    x = freeze(np.array([[np.nan, 0, 0], [3, 4, 0]], dtype))
    codes, shift = np.array([[9, 9, 9], [0, 0, 0]], dtype), freeze(np.zeros(3, dtype))
    labels, squares = np.empty(2, np.int32), np.empty(2, dtype)
    assign(x, 0, shift, codes, make_rest(3), labels, squares)
    assert labels.tolist() == [0, 1]
    assert squares.tolist() == [np.inf, 25.0]


def test_writable_rows_do_as_well():
    x, shift = cloud(1, "lattice", 30, 3), np.zeros(3)
    labels, squares = np.empty(30, np.int32), np.empty(30)
    assign(x, 0, shift, x[:4].copy(), make_rest(3), labels, squares)
    np.testing.assert_array_equal(labels, naive.assign(x, x[:4])[0])


def test_the_distance_of_a_row_to_itself_is_zero_at_a_large_offset():
    x = freeze(np.random.default_rng(1).normal(1e9, 1, (40, 12)))
    labels, squares = np.empty(40, np.int32), np.empty(40)
    shift = freeze(x[0].copy())
    assign(x, 0, shift, x - shift, make_rest(12), labels, squares)
    assert labels.tolist() == list(range(40))
    assert not squares.any()


@each_shape
@given(SEEDS, NUMBERS, st.sampled_from(["lattice", "noise"]))
def test_moments_are_sums_about_one_row(dtype, order, d, seed, n, kind):
    x = cloud(seed, kind, n, d, dtype, "C")
    lanes = np.zeros((2, LINE * d))
    sum_features(freeze(x.reshape(-1)), np.tile(x[n // 3], LINE), *lanes)
    sums, squares = lanes.reshape(2, LINE, d).sum(axis=1)
    apart = (x - x[n // 3]).astype(float)
    rtol = 0 if kind == "lattice" else 1e-12
    np.testing.assert_allclose(sums, apart.sum(axis=0), rtol=rtol, atol=1e-12 * n)
    np.testing.assert_allclose(squares, (apart**2).sum(axis=0), rtol=rtol)
