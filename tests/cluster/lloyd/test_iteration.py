"""From one iteration to the next: every way gives the same bits, sums stay right, bounds stay bounds."""

import numpy as np
import pytest

from fastkm.cluster.lloyd import iteration
from fastkm.cluster.lloyd import row_chunks as module
from fastkm.cluster.lloyd.iteration import ALGORITHMS, LloydState, measure_drifts, pad_to_even
from fastkm.cluster.lloyd.row_chunks import RowChunks
from tests import naive
from tests.clouds import KINDS, SHAPES, cloud, freeze
from tests.conftest import COMPILED

N, STEPS = (900, 12) if COMPILED else (300, 4)


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch):
    monkeypatch.setattr(module, "MIN_ROWS", 256)
    monkeypatch.setattr(module, "MIN_NUMBERS", 1)
    monkeypatch.setattr(module, "MAX_ROWS", 256)


def begun(x, k, *, algorithm="lloyd", weights=None, threads=1, shift=None):
    table = RowChunks(x)
    shift = np.zeros(table.d, table.dtype) if shift is None else shift
    weights = None if weights is None else freeze(weights)
    return LloydState(
        table, freeze(shift), k, weights=weights, algorithm=algorithm, threads=threads
    )


def in_step(states, codes):
    """Do one iteration of each; check that they agree to the bit, and give the first's means."""
    moved = [state.step(codes) for state in states]
    for state, other in zip(states, moved, strict=True):
        assert other == moved[0]
        np.testing.assert_array_equal(state.labels, states[0].labels)
        np.testing.assert_array_equal(state.sums, states[0].sums)
    return states[0].means()


WAYS = [("lloyd", 1), ("bounded", 2), ("blas", 3), ("auto", 2)]


@pytest.mark.parametrize(("dtype", "order", "d"), SHAPES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_way_follows_every_other_to_the_bit(kind, dtype, order, d):
    """Codes that move by means, by hair's breadths, far away, onto each other, and not at all."""
    rng = np.random.default_rng(d)
    x = cloud(d, kind, N, d, dtype, order)
    weights = rng.integers(0, 3, N) * 0.37 if d % 2 else None
    shift = x.mean(axis=0, dtype=float).astype(dtype)
    states = [begun(x, 5, algorithm=a, weights=weights, threads=t, shift=shift) for a, t in WAYS]
    codes = x[rng.integers(0, N, 5)].astype(float) - shift
    for i in range(STEPS):
        means = in_step(states, codes)
        codes = [means, means, codes * (1 + 1e-7), means * 100, means, codes][i % 6].copy()
        if i % 6 == 4:
            codes[0] = codes[3]


@pytest.mark.parametrize("seed", range(12 if COMPILED else 2))
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("scale", [1.0, 1e-19, 1e10])
def test_rows_halfway_between_codes_go_the_same_way(seed, dtype, scale):
    """Each row lies in the middle of two codes, but for a little of many sizes."""
    rng = np.random.default_rng(seed)
    codes = rng.normal(size=(6, 3)).astype(dtype).astype(float)
    first, second = rng.integers(0, 6, (2, N))
    little = rng.normal(size=(N, 3)) * 10.0 ** rng.choice([-20, -12, -8, -7, -6, -3], size=(N, 1))
    x = ((codes[first] + codes[second]) / 2 + little).astype(dtype) * np.dtype(dtype).type(scale)
    states = [begun(x, 6, algorithm=a, threads=t) for a, t in WAYS]
    at = codes * scale
    for _ in range(STEPS):
        in_step(states, at)
        at = at + scale * 10.0 ** rng.integers(-12, -2) * rng.normal(size=at.shape)


def test_coinciding_codes_leave_all_rows_to_the_first():
    x = cloud(2, "lattice", N, 3)
    states = [begun(x, 4, algorithm=a, threads=t) for a, t in WAYS]
    for _ in range(3):
        in_step(states, np.repeat(x[:2], 2, axis=0).astype(float))
        assert states[0].counts[[1, 3]].tolist() == [0, 0]
        assert not states[0].sums[[1, 3]].any()


@pytest.mark.parametrize("scale", [1e-170, 1e-150, 1e-40, 1e40, 1e150])
def test_bounds_that_float32_cannot_hold_change_nothing(scale):
    x = cloud(3, "noise", N, 3) * scale
    states = [begun(x, 4, algorithm=a, threads=t) for a, t in WAYS]
    codes = x[:4]
    for _ in range(STEPS):
        codes = in_step(states, codes)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_inertia_never_rises(algorithm, kind):
    x = cloud(6, kind, N, 3)
    if kind == "outliers":
        x = np.clip(x, -1e12, 1e12)
    weights = 0.5 + np.random.default_rng(6).random(N)
    shift = x.mean(axis=0)
    state = begun(x, 5, algorithm=algorithm, weights=weights, shift=shift)
    codes, before = x[:5] - shift, np.inf
    for _ in range(STEPS):
        squares = np.empty(N)
        state.step(codes, squares)
        inertia = float(squares @ weights)
        assert inertia <= before * (1 + 1e-12)
        means, before = state.means(), inertia
        codes = np.where(state.counts[:, None] > 0, means, codes)


def check_means(state, rtol):
    """Compare what the state keeps with exact sums; errors are relative to the largest row."""
    x = state.rows.array - state.shift
    weights = state.weights if len(state.weights) else np.ones(len(x))
    sums, masses, counts = naive.sum_clusters(x, state.labels, weights, len(state.sums))
    np.testing.assert_array_equal(state.counts, counts)
    np.testing.assert_allclose(state.masses, masses, rtol=rtol)
    for j in range(len(sums)):
        if counts[j] == 0:
            assert not state.sums[j].any()
            continue
        size = np.abs(x[state.labels == j]).max()
        np.testing.assert_allclose(state.means()[j], sums[j] / masses[j], rtol=0, atol=rtol * size)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_sums_that_have_moved_for_long_are_those_of_the_rows(kind, weighted):
    rng = np.random.default_rng(9)
    x = cloud(9, kind, N, 3)
    state = begun(x, 4, weights=rng.random(N) * (rng.random(N) < 0.8) if weighted else None)
    for _ in range(50 if COMPILED else 5):
        state.step(x[rng.integers(0, N, 4)] + 0.1)
    check_means(state, 1e-9)


@pytest.mark.parametrize("far", [1e6, 1e8, 1e9, 1e10, 1e12, 1e20])
def test_a_far_row_that_has_left_costs_the_others_no_digit_that_counts(far):
    near = cloud(1, "noise", 400, 3)
    x = np.concatenate([near + 5, [[far, 1.0, 1.0]], cloud(2, "noise", 400, 3) - 5])
    state = begun(x, 2)
    state.step(np.array([[0.0, 0.0, 0.0], [far * 1e5, 0.0, 0.0]]))
    assert state.counts.tolist() == [801, 0]
    state.step(np.array([[0.0, 0.0, 0.0], [far, 0.0, 0.0]]))
    assert state.counts.tolist() == [800, 1]
    check_means(state, 1e-9)


def test_far_rows_that_come_and_go_do_not_add_up():
    x = np.concatenate([cloud(1, "noise", 300, 3) + 5, [[1e8, 1.0, 1.0]]])
    state = begun(x, 2)
    for _ in range(100):
        state.step(np.array([[0.0, 0.0, 0.0], [1e13, 0.0, 0.0]]))
        state.step(np.array([[0.0, 0.0, 0.0], [1e8, 0.0, 0.0]]))
    check_means(state, 1e-9)


def test_a_heavy_row_in_the_middle_that_has_left_costs_no_weight():
    """It adds nothing to the sums, but its weight hides that of all others."""
    x = np.concatenate([cloud(1, "noise", 400, 3) + 5, [[0.0, 0.0, 0.0]]])
    weights = np.full(401, 0.3)
    weights[-1] = 1e20
    state = begun(x, 2, weights=weights)
    state.step(np.array([[3.0, 3.0, 3.0], [1e5, 0.0, 0.0]]))
    state.step(np.array([[5.0, 5.0, 5.0], [0.0, 0.0, 0.0]]))
    check_means(state, 1e-9)


def test_an_empty_cluster_is_exactly_zero_and_fills_again():
    x = cloud(4, "noise", 300, 3) / 3
    states = [begun(x, 2, algorithm=a, weights=np.full(300, 0.1)) for a, _ in WAYS]
    for away in (0.9, 99.0, 0.9):
        in_step(states, np.array([[0.1] * 3, [away] * 3]) / 3)
        assert (states[0].counts[1] == 0) == (away == 99)
        assert states[0].sums[1].any() == (away != 99)
        assert (states[0].means()[1] == 0).all() == (away == 99)


@pytest.mark.parametrize("d", [3, 48])
@pytest.mark.parametrize(("algorithm", "threads"), WAYS)
def test_a_step_measures_squares_when_asked_and_goes_on(algorithm, threads, d):
    x = cloud(5, "lattice", 600, d)
    state = begun(x, 4, algorithm=algorithm, threads=threads)
    for codes in (x[:4], x[5:9], x[9:13]):
        squares = np.empty(600) if codes[0, 0] != x[5, 0] else None
        state.step(codes.astype(float), squares)
        labels, wanted = naive.assign(x, codes)
        np.testing.assert_array_equal(state.labels, labels)
        if squares is not None:
            np.testing.assert_array_equal(squares, wanted)


def test_to_forget_is_to_begin_anew():
    x = cloud(7, "noise", 600, 3)
    old, new = begun(x, 3, algorithm="bounded"), begun(x, 3, algorithm="bounded")
    old.step(x[:3])
    old.step(x[3:6])
    old.reset()
    in_step([old, new], x[6:9])


def test_the_farthest_rows_are_those_of_all_pairs_and_have_a_weight():
    x = cloud(8, "noise", 600, 3)
    weights = (np.arange(600) % 3 > 0).astype(float)
    squares = naive.assign(x, x[:4])[1]
    for w in (None, weights):
        order = np.argsort(
            -np.where(w == 0, -1, squares) if w is not None else -squares, kind="stable"
        )
        for threads in (1, 2):
            state = begun(x, 4, weights=w, threads=threads)
            state.step(x[:4])
            assert state.find_farthest(x[:4], 5) == order[:5].tolist()


def test_of_equally_far_rows_the_first_are_found():
    x = np.zeros((600, 3))
    x[[3, 200, 300, 599]] = 1.0
    assert begun(x, 1, threads=2).find_farthest(np.zeros((1, 3)), 3) == [3, 200, 300]


@pytest.mark.parametrize("k", [1, 2, 3])
def test_an_odd_number_of_codes_gets_one_that_is_nobodys(k):
    even = pad_to_even(np.ones((k, 2), np.float32))
    assert len(even) % 2 == 0
    assert even.dtype == np.float32
    assert np.all(even[:k] == 1)
    assert np.all(np.isnan(even[k:]))


@pytest.mark.parametrize("k", [1, 2, 5])
def test_drifts_are_bounds_of_how_codes_have_moved(k):
    rng = np.random.default_rng(k)
    before, after = rng.normal(size=(2, k, 3))
    moved = np.sqrt(np.sum((after - before) ** 2, axis=1))
    own, other, half = measure_drifts(before, after).astype(float)
    assert np.all(own >= moved)
    np.testing.assert_allclose(own, moved, rtol=1e-5)
    np.testing.assert_allclose(
        other, [np.delete(moved, j).max(initial=0) for j in range(k)], rtol=1e-5
    )
    assert np.all([other[j] >= np.delete(moved, j).max(initial=0) for j in range(k)])
    apart = np.sqrt(naive.square_distances(after, after)) + np.diag(np.full(k, np.inf))
    assert np.all(half <= apart.min(axis=1) / 2)
    np.testing.assert_allclose(half, apart.min(axis=1) / 2, rtol=1e-5)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("order", ["C", "F"])
def test_rows_in_doubt_are_gathered_for_products(monkeypatch, order, weighted):
    """Two clusters far apart settle at once; of two that overlap, some rows stay in doubt."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(600, 32)) + np.repeat([[0.0], [0.5], [50.0], [90.0]], 150, axis=0)
    x = np.asarray(rng.permutation(x), order=order)
    weights = rng.integers(0, 3, 600) * 0.37 if weighted else None
    states = [begun(x, 4, algorithm=a, weights=weights) for a in ("lloyd", "bounded")]
    seen, step = [], iteration.step_by_products

    def look(rows, start, *rest):
        seen.append((len(rows), start, len(rest[4][0])))
        assert not rest[4][1].flags.writeable  # or else the kernel is compiled for both
        return step(rows, start, *rest)

    monkeypatch.setattr(iteration, "step_by_products", look)
    codes = np.array([[0.0], [0.5], [50.0], [90.0]]) * np.ones(32)
    for _ in range(3):
        codes = in_step(states, codes) + 0.01 * rng.normal(size=(4, 32))
    # whole chunks at first, then only rows in doubt
    assert [m for _, _, m in seen[:3]] == [256, 256, 88]
    assert len(seen) > 3
    for n, start, m in seen[3:]:
        assert (n, start) == (m, 0)
        assert 0 < m <= 128
    if not weighted:
        np.testing.assert_array_equal(states[1].labels, naive.assign(x, states[1]._codes)[0])


def test_bounds_are_kept_once_rows_settle_and_given_up_where_they_do_not_help(monkeypatch):
    x = np.ascontiguousarray(cloud(1, "mixture", 2000 if COMPILED else 600, 16))
    state = begun(x, 8, algorithm="auto")
    codes, known = x[:8].copy(), []
    for _ in range(20 if COMPILED else 6):
        state.step(codes)
        codes = np.where(state.counts[:, None] > 0, state.means(), codes)
        known.append(state._has_bounds)
    assert not known[0]
    assert known[-1] or not COMPILED
    monkeypatch.setattr(iteration, "MANY_IN_DOUBT", -1.0)
    state._has_bounds = True
    state._allocate_bounds()
    state.reset()
    state.algorithm = "bounded"
    state.step(codes)
    state.algorithm = "auto"
    state.step(codes)
    assert not state._has_bounds
