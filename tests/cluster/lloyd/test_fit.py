"""K-means of rows: every way gives the same bits; a naive Lloyd and scikit-learn agree."""

import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans

from fastkm.cluster.lloyd import fit as fit_module
from fastkm.cluster.lloyd import row_chunks as module
from fastkm.cluster.lloyd.fit import assign_rows, fit_rows, measure_distances
from fastkm.cluster.lloyd.iteration import ALGORITHMS
from tests import naive
from tests.clouds import KINDS, LAYOUTS, SHAPES, cloud
from tests.conftest import COMPILED, needs_jit

N, LONG = (900, 100) if COMPILED else (300, 4)


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch):
    monkeypatch.setattr(module, "MIN_ROWS", 256)
    monkeypatch.setattr(module, "MIN_NUMBERS", 1)
    monkeypatch.setattr(module, "MAX_ROWS", 256)


def fit(x, k, **options):
    seed = options.pop("seed", 1)
    return fit_rows(x, k, **{"rng": np.random.RandomState(seed), "max_iter": LONG, **options})


def assert_same(one, other):
    np.testing.assert_array_equal(one.centroids, other.centroids)
    np.testing.assert_array_equal(one.labels, other.labels)
    assert one.inertia == other.inertia
    assert one.iterations == other.iterations


def assert_all_ways_alike(x, k, **options):
    """Compare the ways of computing, with several threads, to the bit; give the result."""
    plain = fit(x, k, algorithm="lloyd", threads=1, **options)
    for algorithm, threads in [
        ("lloyd", 3),
        ("bounded", 1),
        ("bounded", 2),
        ("blas", 2),
        ("auto", 3),
    ]:
        assert_same(fit(x, k, algorithm=algorithm, threads=threads, **options), plain)
    again = assign_rows(x, plain.centroids, weights=options.get("weights"))
    np.testing.assert_array_equal(again.labels, plain.labels)
    assert again.inertia == plain.inertia
    return plain


def some_weights(kind, n, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "none": None,
        "any": rng.random(n) + 0.01,
        "some zero": rng.random(n) * (np.arange(n) % 3 > 0),
        "of all sizes": 10.0 ** rng.integers(-8, 8, n),
    }[kind]


@pytest.mark.parametrize(("dtype", "order", "d"), SHAPES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_way_gives_the_same_bits(kind, dtype, order, d):
    x = cloud(d + 1, kind, N, d, dtype, order)
    weights = some_weights(["none", "any", "some zero", "of all sizes"][d % 4], N)
    assert_all_ways_alike(x, 6, weights=weights, tol=0)


@pytest.mark.parametrize("k", [1, 2, 8, 17, 60])
@pytest.mark.parametrize("weights", ["none", "any", "some zero", "of all sizes"])
def test_every_way_gives_the_same_bits_for_few_and_many_clusters(k, weights):
    x = cloud(k, "lattice", 60 if k == 60 else N, 3)
    assert_all_ways_alike(x, k, weights=some_weights(weights, len(x)))


@pytest.mark.slow
@needs_jit
@pytest.mark.parametrize("d", [2, 5, 12, 47, 48, 70])
@pytest.mark.parametrize("seed", range(4))
def test_every_way_gives_the_same_bits_from_poor_starts(d, seed):
    """Some starts are far from all rows, so that clusters are empty and filled again."""
    dtype = "f4" if d in {2, 47} else "f8"
    x = cloud(seed, "near ties" if seed % 2 else "mixture", N, d, dtype)
    start = x[np.random.default_rng(seed).integers(0, N, 9)].astype(float)
    start[::3] *= 100
    assert_all_ways_alike(x, 9, init=start, tol=0)


SCALES = {"f4": [-22, -20, -18, 15], "f8": [-150, -22, -20, -18, 15, 150]}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["noise", "lattice"])
@pytest.mark.parametrize(
    ("dtype", "power"), [(dtype, power) for dtype in SCALES for power in SCALES[dtype]]
)
def test_every_way_gives_the_same_bits_at_any_scale(dtype, power, kind):
    x = (cloud(3, kind, N, 13) * 10.0**power).astype(dtype)
    found = assert_all_ways_alike(x, 5, tol=0)
    assert found.iterations > 1
    assert np.isfinite(found.centroids).all()


def from_starts(seed, n, d, k, weights=None, *, apart=10.0):
    """Separated clusters, and a start in each."""
    rng = np.random.default_rng(seed)
    middles = apart * rng.normal(size=(k, d))
    x = middles[np.arange(n) % k] + rng.normal(size=(n, d))
    return x, x[:k].copy(), some_weights(weights or "none", n, seed)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("weights", ["none", "any", "some zero"])
@pytest.mark.parametrize(("d", "k"), [(1, 3), (3, 5), (16, 4), (40, 3)])
def test_results_are_those_of_a_naive_lloyd_and_of_scikit_learn(d, k, weights, algorithm):
    x, start, w = from_starts(d, N, d, k, weights, apart=2.0)
    iterations = 100 if COMPILED else 5
    found = fit(x, k, init=start, weights=w, algorithm=algorithm, max_iter=iterations)
    each = np.ones(N) if w is None else w
    centroids, labels, inertia, count = naive.run_lloyd(x, start, each, iterations, 1e-4)
    check_against(found, centroids, labels, inertia, count)
    model = KMeans(k, init=start, n_init=1, algorithm="lloyd", max_iter=iterations)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.warn", lambda *_, **__: None)  # max_iter may be few
        check_against_model(found, model, x, w)


def check_against(found, centroids, labels, inertia, iterations):
    np.testing.assert_allclose(found.centroids, centroids, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(found.labels, labels)
    assert found.inertia == pytest.approx(inertia, rel=1e-9)
    assert found.iterations == iterations


def check_against_model(found, model, x, w):
    """Fit scikit-learn's model to the rows that have a weight: it moves empty clusters to others."""
    has = np.ones(len(x), bool) if w is None else w > 0
    model.fit(x[has], sample_weight=None if w is None else w[has])
    found = found._replace(labels=found.labels[has])
    check_against(found, model.cluster_centers_, model.labels_, model.inertia_, model.n_iter_)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("weights", ["none", "any", "some zero"])
@pytest.mark.parametrize("away", [1, 2, 3])
def test_empty_clusters_get_the_farthest_rows_as_in_scikit_learn(away, weights, algorithm):
    x, start, w = from_starts(3, N, 3, 4, weights)
    start[:away] = 1e4 * np.arange(1, away + 1)[:, None]
    found = fit(x, 4, init=start, weights=w, algorithm=algorithm, tol=0, max_iter=300)
    check_against_model(found, KMeans(4, init=start, n_init=1, tol=0), x, w)
    assert len(np.unique(found.labels)) == 4


def test_a_cluster_that_loses_all_its_rows_to_empty_ones_keeps_its_centroid():
    x = np.array([[1.0, 2.0, 0.0], [1.1, 2.0, 0.0], [1.0, 2.2, 0.0], [9.0, 9.0, 0.0]])
    start = [[1.0, 2.0, 0.0], [100, 100, 0], [200, 200, 0], [300, 300, 0]]
    found = fit(x, 4, init=start, weights=[0.1, 0.2, 0.3, 0.0])
    assert found.inertia == pytest.approx(0, abs=1e-30)
    once = fit(x, 4, init=start, weights=[0.1, 0.2, 0.3, 0.0], max_iter=1)
    np.testing.assert_allclose(once.centroids[0], [1.0, 2.0, 0.0], rtol=1e-15)
    fewer = fit(x, 4, init=start, weights=[0.0, 1.0, 0.0, 0.0])
    assert fewer.inertia == pytest.approx(0, abs=1e-30)
    assert [1.1, 2.0, 0.0] in fewer.centroids.round(12).tolist()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_all_rows_alike_are_one_cluster_without_a_warning(algorithm):
    found = fit(np.full((300, 3), 0.1), 5, algorithm=algorithm)
    assert found.inertia == pytest.approx(0, abs=1e-28)
    np.testing.assert_allclose(found.centroids, 0.1, rtol=1e-15)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_as_many_clusters_as_rows_leave_nothing(algorithm):
    x = cloud(1, "noise", 40, 3)
    found = fit(x, 40, init=x, algorithm=algorithm)
    assert found.inertia == pytest.approx(0, abs=1e-28)
    np.testing.assert_array_equal(found.labels, np.arange(40))


def test_one_cluster_is_the_weighted_mean():
    x, w = cloud(2, "offset", N, 3), some_weights("any", N)
    found = fit(x, 1, weights=w)
    np.testing.assert_allclose(found.centroids[0], np.average(x, axis=0, weights=w), rtol=1e-15)
    assert not found.labels.any()


def test_a_weight_is_that_many_rows():
    x, start, _ = from_starts(5, 300, 3, 4)
    times = np.arange(300) % 3
    weighted = fit(x, 4, init=start, weights=times, tol=0)
    repeated = fit(np.repeat(x, times, axis=0), 4, init=start, tol=0)
    np.testing.assert_allclose(weighted.centroids, repeated.centroids, rtol=1e-12)
    assert weighted.inertia == pytest.approx(repeated.inertia, rel=1e-12)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    "dtype", ["f4", "f8", "f2", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "?"]
)
def test_layouts_and_types_give_what_a_plain_copy_gives(layout, dtype):
    plain = cloud(6, "lattice", 300, 3) if dtype == "?" else 30 * cloud(6, "noise", 300, 3)
    x = LAYOUTS[layout](plain.astype(dtype))
    copy = np.array(x, "f4" if dtype in {"f4", "f2"} else "f8", order="C")
    for algorithm in ("lloyd", "blas") if COMPILED else ("lloyd",):
        assert_same(fit(x, 3, algorithm=algorithm), fit(copy, 3, algorithm=algorithm))
    codes = copy[:3].astype(float)
    np.testing.assert_array_equal(assign_rows(x, codes).labels, assign_rows(copy, codes).labels)


def test_read_only_rows_are_taken_as_they_are():
    x = cloud(7, "noise", 300, 3)
    wanted = fit(x, 3)
    x.flags.writeable = False
    assert_same(fit(x, 3), wanted)


@needs_jit
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("algorithm", ["lloyd", "bounded", "auto"])
def test_memory_is_a_few_bytes_a_row_and_no_copy(monkeypatch, algorithm, dtype, order):
    monkeypatch.undo()  # chunks of the usual size
    n = 600_000
    x = cloud(1, "noise", n, 3, dtype, order)
    options = {"init": x[:4].astype(float), "algorithm": algorithm, "max_iter": 3, "threads": 2}
    fit(x[:2000], 4, **{**options, "init": x[:4].astype(float)})  # compiled
    fit(x, 4, **options)
    tracemalloc.start()
    try:
        fit(x, 4, **options)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 16 * n + 2**20


@pytest.mark.parametrize(("dtype", "order", "d"), SHAPES)
def test_nearest_rows_are_those_of_all_pairs(dtype, order, d):
    x = cloud(8, "lattice", 600, d, dtype, order)
    codes, w = x[:8].astype(float), some_weights("any", 600)
    labels, squares = naive.assign(x.astype(float), codes)
    found = assign_rows(x, codes, weights=w, threads=2)
    np.testing.assert_array_equal(found.labels, labels)
    assert found.labels.dtype == np.int32
    assert found.inertia == pytest.approx(squares @ w, rel=1e-6 if dtype == "f4" else 1e-12)
    assert assign_rows(x, codes).inertia == pytest.approx(squares.sum(), rel=1e-6)


def test_no_rows_have_no_labels():
    found = assign_rows(np.empty((0, 2)), np.zeros((3, 2)))
    assert found.labels.shape == (0,)
    assert found.inertia == 0.0


@pytest.mark.parametrize("dtype", ["f4", "f8", "i2"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_distances_are_scipys(dtype, order):
    x = np.asarray((30 * cloud(9, "noise", 500, 3)).astype(dtype), order=order)
    codes = 30 * cloud(10, "noise", 4, 3)
    for threads in (1, 3):
        found = measure_distances(x, codes, threads=threads)
        assert found.dtype == (np.float32 if dtype == "f4" else np.float64)
        np.testing.assert_allclose(found, cdist(x, codes), rtol=1e-6 if dtype == "f4" else 1e-14)
    assert measure_distances(x[:0], codes).shape == (0, 4)


X = cloud(11, "noise", 9, 2)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("init", ["k-means++", "random", X[:2]], ids=["++", "random", "array"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_a_row_that_is_not_finite_is_named(dtype, value, init, algorithm):
    x = X.astype(dtype)
    x[5, 1] = value
    with pytest.raises(ValueError, match=r"X must not hold infs or NaNs: row 5 is \[.*(nan|inf)\]"):
        fit(x, 2, init=init, algorithm=algorithm)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("init", ["k-means++", "random", "array"])
@pytest.mark.parametrize(
    ("dtype", "scale"), [("f4", 1e20), ("f4", 1e30), ("f4", 3e38), ("f8", 1e155), ("f8", 1e300)]
)
def test_squares_that_overflow_are_said_to(dtype, scale, init, algorithm):
    x = ((cloud(12, "noise", 300, 3) - 0.5) * 2 * scale).astype(dtype)
    start = x[:3].astype(float) if init == "array" else init
    with pytest.raises(
        ValueError, match="X is too large: squared distances overflow; scale it down"
    ):
        fit(x, 3, init=start, algorithm=algorithm, threads=2)


def test_weights_that_make_the_inertia_overflow_are_no_warning():
    x = cloud(13, "noise", 300, 3) * 1e150
    for init in ("k-means++", x[:3]):
        with pytest.raises(ValueError, match="too large"):
            fit(x, 3, init=init, weights=np.full(300, 1e9), threads=2)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("far", [1e25, 1e100, 1e200])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_a_start_that_is_too_far_to_be_squared_is_moved_like_any_other(dtype, far, algorithm):
    x = cloud(14, "noise", 300, 3, dtype)
    found = fit(x, 3, init=[[0, 0, 0], [1, 1, 1], [far, 0, 0]], algorithm=algorithm, max_iter=300)
    assert np.abs(found.centroids).max() <= 1
    assert len(np.unique(found.labels)) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 0}, "k must be from 1 to the number of rows, 9, got 0"),
        ({"k": 10}, "k must be from 1 to the number of rows, 9, got 10"),
        ({"k": 1, "rows": X[:0]}, "k must be from 1 to the number of rows, 0, got 1"),
        ({"init": np.zeros((2, 2))}, r"init must have shape .* = \(3, 2\), got \(2, 2\)"),
        ({"init": np.zeros(3)}, r"init must have shape .* = \(3, 2\), got \(3,\)"),
        ({"init": lambda *_, **__: [[1]]}, r"what init returns must have shape .*, got \(1, 1\)"),
        ({"init": np.full((3, 2), np.nan)}, "init must not hold infs or NaNs"),
        ({"init": "best"}, "init must be one of 'k-means\\+\\+', 'random', .*, got 'best'"),
        (
            {"algorithm": "elkan"},
            "algorithm must be one of 'auto', 'lloyd', 'bounded', 'blas', got 'elkan'",
        ),
        ({"threads": 0}, "threads must be a positive integer, got 0"),
    ],
)
def test_wrong_arguments_are_named_with_what_was_expected(options, message):
    options = {"k": 3, "rows": X, **options}
    with pytest.raises(ValueError, match=f"^{message}$"):
        fit(options.pop("rows"), options.pop("k"), **options)


def test_the_best_of_several_runs_is_kept():
    x = cloud(15, "mixture", 300, 3)
    rng = np.random.RandomState(4)
    runs = [fit_rows(x, 6, init="random", n_init=1, max_iter=LONG, rng=rng) for _ in range(5)]
    found = fit(x, 6, init="random", n_init=5, seed=4)
    assert_same(found, min(runs, key=lambda run: run.inertia))
    assert len({run.inertia for run in runs}) > 1


def test_how_many_runs_there_are(monkeypatch):
    calls, x = [], cloud(16, "noise", 60, 2)
    settle = fit_module._iterate
    monkeypatch.setattr(fit_module, "_iterate", lambda *a: calls.append(1) or settle(*a))
    for options, runs in [
        ({}, 1),
        ({"init": "random"}, 10),
        ({"init": lambda rows, k, random_state: rows[:k]}, 10),
        ({"init": x[:3]}, 1),
        ({"n_init": 3}, 3),
    ]:
        calls.clear()
        fit(x, 3, **options)
        assert len(calls) == runs


@pytest.mark.parametrize("init", ["k-means++", "random"])
def test_the_same_generator_gives_the_same_result(init):
    x, w = cloud(17, "mixture", 300, 3), some_weights("some zero", 300)
    assert_same(fit(x, 5, init=init, weights=w), fit(x, 5, init=init, weights=w))
    other = fit(x, 5, init=init, weights=w, seed=2, max_iter=1)
    assert other.inertia != fit(x, 5, init=init, weights=w, max_iter=1).inertia


def test_random_starts_are_rows_and_have_a_weight():
    x, w = cloud(18, "noise", 60, 2), some_weights("some zero", 60)
    for seed in range(5):
        start = fit(x, 20, init="random", n_init=1, weights=w, seed=seed, max_iter=0).centroids
        apart = cdist(start, x).min(axis=1)
        assert apart.max() < 1e-12
        assert len(np.unique(start.round(9), axis=0)) == 20
        assert np.all(w[cdist(start, x).argmin(axis=1)] > 0)


def test_a_callable_is_asked_for_starts_with_rows_k_and_generator():
    x, asked, rng = cloud(19, "noise", 60, 2), [], np.random.RandomState(1)

    def init(rows, k, random_state):
        same = np.shares_memory(rows, x) and not rows.flags.writeable
        asked.append((same, k, random_state is rng))
        return rows[:k]

    found = fit_rows(x, 3, init=init, n_init=2, rng=rng)
    assert asked == [(True, 3, True)] * 2
    assert_same(found, fit(x, 3, init=x[:3], max_iter=300))


def test_iterations_end_when_told_to():
    x = cloud(20, "noise", 300, 3)
    assert fit(x, 5, init=x[:5], max_iter=2, tol=0).iterations == 2
    assert fit(x, 5, init=x[:5], max_iter=300, tol=1e9).iterations == 1
    if COMPILED:
        slow, quick = (fit(x, 5, init=x[:5], tol=tol, max_iter=300) for tol in (0, 1e-2))
        assert quick.iterations < slow.iterations < 300
        settled = fit(x, 5, init=slow.centroids, tol=0)
        assert settled.iterations == 2
        np.testing.assert_array_equal(settled.labels, slow.labels)


@pytest.mark.parametrize(("dtype", "offset"), [("f4", 1e6), ("f8", 1e9)])
def test_an_offset_costs_no_digit(dtype, offset):
    near = np.round(cloud(21, "mixture", 300, 3) * 8) / 8  # exact at either offset
    far = (near + offset).astype(dtype)
    one, other = fit(near.astype(dtype), 4, init=near[:4]), fit(far, 4, init=near[:4] + offset)
    np.testing.assert_array_equal(other.labels, one.labels)
    np.testing.assert_allclose(other.centroids - offset, one.centroids, atol=1e-6)
    assert other.inertia == pytest.approx(one.inertia, rel=1e-5)


@needs_jit
def test_every_blas_has_one_thread_while_rows_are_clustered_in_a_new_process():
    """Libraries that were loaded after the first look for them would be missed."""
    code = (
        "import numpy as np; from threadpoolctl import threadpool_info\n"
        "from fastkm.cluster.lloyd import fit, iteration\n"
        "seen, step = [], iteration.step_by_products\n"
        "def look(*a):\n"
        "    moved = step(*a)\n"
        "    seen.extend(p['num_threads'] for p in threadpool_info() if p['user_api'] == 'blas')\n"
        "    return moved\n"
        "iteration.step_by_products = look\n"
        "x = np.random.default_rng(0).normal(size=(600, 50))\n"
        "fit.fit_rows(x, 4, init=x[:4], rng=None, algorithm='blas')\n"
        "print(sorted(set(seen)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[1]"


@pytest.mark.parametrize("init", [np.ones((2, 3)) * 1j, lambda x, k, random_state: x[:k] * 1j])
def test_complex_centers_are_refused(init):
    with pytest.raises(ValueError, match="must hold real numbers"):
        fit_rows(np.eye(3), 2, init=init, rng=np.random.default_rng(0))
