"""kmeans and kmeans2 beside scipy's."""

import itertools
import warnings

import numpy as np
import pytest
import scipy.cluster.vq as scipy_vq
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import fastkm
from fastkm.cluster.vq import steps
from tests.cluster.vq.test_quantize import LAYOUTS
from tests.conftest import needs_jit
from tests.from_file import from_file
from tests.older_versions import NO_NUMBERS

RNG = np.random.default_rng(9)
ROWS = RNG.normal(RNG.integers(0, 4, (80, 1)) * 4.0, 1.0, (80, 3))
FLAT = ROWS[:, 0].copy()
DATA = {"flat": FLAT, "column": ROWS[:, :1].copy(), "plane": ROWS[:, :2].copy(), "rows": ROWS}
EMPTY = "One of the clusters is empty"


def close(got, wanted, scale):
    """Codebooks agree to 1e-9 of the largest magnitude, in type and shape."""
    assert got.dtype == wanted.dtype
    assert got.shape == wanted.shape
    tolerance = 1e-6 if got.dtype == np.float32 else 1e-9
    np.testing.assert_allclose(got, wanted, rtol=0, atol=tolerance * scale)


def outcome(function, *args, **keywords):
    """Give the class of the error that a call raises, None where it raises none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            function(*args, **keywords)
        except Exception as error:  # noqa: BLE001  (whatever scipy raises)
            return type(error)
    return None


def caught_alike(got, wanted):
    """Tell whether the `except` clause that catches scipy's error catches ours."""
    if wanted is None or got is None:
        return wanted is got
    builtin = next(c for c in wanted.__mro__ if c.__module__ in {"builtins", "numpy.linalg"})
    return issubclass(got, builtin)


@pytest.mark.parametrize("k", [1, 2, 5])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("data", DATA)
def test_kmeans_gives_scipys_codebook_and_distortion(data, dtype, k):
    obs = DATA[data].astype(dtype)
    book, distortion = fastkm.kmeans(obs, k, 5, rng=1)
    wanted, wanted_distortion = scipy_vq.kmeans(obs, k, 5, rng=1)
    close(book, wanted, np.abs(obs).max())
    assert distortion == pytest.approx(wanted_distortion, rel=1e-5 if dtype == "f4" else 1e-12)
    assert type(distortion) is type(wanted_distortion)


@pytest.mark.parametrize("data", DATA)
def test_kmeans_from_a_guess_gives_scipys_codebook(data):
    obs = DATA[data]
    book, distortion = fastkm.kmeans(obs, obs[:4])
    wanted, wanted_distortion = scipy_vq.kmeans(obs, obs[:4])
    close(book, wanted, np.abs(obs).max())
    assert distortion == pytest.approx(wanted_distortion, rel=1e-12)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("iterations", [1, 3])
def test_kmeans2_gives_scipys_centroids_and_labels(data, dtype, iterations):
    obs = DATA[data].astype(dtype)
    book, label = fastkm.kmeans2(obs, obs[:4], iterations)
    wanted, wanted_label = scipy_vq.kmeans2(obs, obs[:4], iterations)
    close(book, wanted, np.abs(obs).max())
    np.testing.assert_array_equal(label, wanted_label)
    assert label.dtype == wanted_label.dtype


def test_many_features_agree_to_scipys_own_error():
    obs = RNG.normal(size=(40, 12))
    got, wanted = fastkm.kmeans(obs, 3, 4, rng=0)[0], scipy_vq.kmeans(obs, 3, 4, rng=0)[0]
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-6 * np.abs(obs).max())


@pytest.mark.parametrize("offset", [1e9, -1e9])
@pytest.mark.parametrize("data", ["flat", "plane"])
def test_an_offset_of_1e9_changes_nothing_but_the_offset(data, offset):
    obs = np.round(DATA[data] * 64) / 64  # exact at the offset
    near, _ = fastkm.kmeans(obs, obs[:4])
    far, _ = fastkm.kmeans(obs + offset, obs[:4] + offset)
    np.testing.assert_allclose(far - offset, near, rtol=0, atol=4e-7)  # 4 units in the last place


def test_an_outlier_of_1e12_leaves_the_other_codes_as_scipy_has_them():
    obs = np.append(FLAT, 1e12)
    guess = np.array([0.0, 5.0, 10.0, 1e12])
    book, _ = fastkm.kmeans(obs, guess)
    wanted, _ = fastkm.kmeans(FLAT, guess[:3])
    np.testing.assert_allclose(book[:3], wanted, rtol=1e-12)
    close(book, scipy_vq.kmeans(obs, guess)[0], 20.0)


@pytest.mark.parametrize("guess", [[10.0, 20.0, 30.0], [30.0, 10.0, 20.0], [20.0, 30.0, 10.0]])
def test_netcdf_fill_values_left_in_go_where_scipy_sends_them(guess):
    obs = np.array([9.0, 11, 19, 21, 29, 31, 9.96921e36])
    close(fastkm.kmeans(obs, guess)[0], scipy_vq.kmeans(obs, np.array(guess))[0], 9.96921e36)
    label, wanted = (m.kmeans2(obs, np.array(guess), 1)[1] for m in (fastkm, scipy_vq))
    np.testing.assert_array_equal(label, wanted)


@pytest.mark.parametrize("guess", [[30.0, 10.0, 20.0], [20.0, 30.0, 10.0]])
def test_means_belong_to_labels_with_a_fill_value_left_in(guess):
    obs = np.array([9.0, 11, 19, 21, 29, 31, 9.96921e36])
    book, label = fastkm.kmeans2(obs, np.array(guess), 1)
    np.testing.assert_allclose(book, [obs[label == j].mean() for j in range(3)], rtol=1e-12)


@pytest.mark.parametrize("data", ["flat", "rows"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout_gives_what_the_plain_array_gives(layout, data):
    obs = DATA[data]
    wanted = scipy_vq.kmeans(obs, obs[:3])
    book, distortion = fastkm.kmeans(LAYOUTS[layout](obs), LAYOUTS[layout](obs[:3]))
    close(book, wanted[0], np.abs(obs).max())
    assert distortion == pytest.approx(wanted[1], rel=1e-12)
    centroid, label = fastkm.kmeans2(LAYOUTS[layout](obs), LAYOUTS[layout](obs[:3]))
    wanted = scipy_vq.kmeans2(obs, obs[:3])
    close(centroid, wanted[0], np.abs(obs).max())
    np.testing.assert_array_equal(label, wanted[1])


@pytest.mark.parametrize("data", ["flat", "rows"])
@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "i4", "i8", "u8", "f2"])
def test_types_that_scipy_refuses_give_the_result_of_their_values(dtype, data):
    obs = np.abs(DATA[data] * 4).astype(dtype)
    book, distortion = fastkm.kmeans(obs, 3, 4, rng=2)
    working = np.float32 if dtype == "f2" else np.float64
    wanted = scipy_vq.kmeans(obs.astype(working), 3, 4, rng=2)
    close(book, wanted[0], 64.0)
    assert distortion == pytest.approx(wanted[1], rel=1e-5)


def test_bools_are_noughts_and_ones():
    book, _ = fastkm.kmeans(FLAT > 5, 1)
    assert book.tolist() == [np.mean(FLAT > 5)]


@given(st.integers(0, 2**32), st.integers(1, 5), st.sampled_from([1, 2]))
@pytest.mark.filterwarnings("ignore:One of the clusters is empty")
def test_ties_and_duplicates_on_a_lattice_go_where_scipy_sends_them(seed, k, d):
    rng = np.random.default_rng(seed)
    obs = rng.integers(0, 8, (25, d)).astype(float)
    guess = rng.integers(0, 8, (k, d)).astype(float)
    got, wanted = (m.kmeans2(obs, guess, 1, minit="matrix") for m in (fastkm, scipy_vq))
    close(got[0], wanted[0], 8.0)
    np.testing.assert_array_equal(got[1], wanted[1])


@pytest.mark.parametrize("data", ["flat", "rows"])
def test_as_many_codes_as_rows_are_the_rows(data):
    obs = DATA[data][:6]
    book, distortion = fastkm.kmeans(obs, 6, rng=0)
    np.testing.assert_array_equal(np.sort(book, axis=0), np.sort(obs, axis=0))
    assert distortion == 0


@pytest.mark.parametrize("obs", [[3.5], [[3.5, 4.5]]])
def test_one_cell_is_its_own_code(obs):
    book, distortion = fastkm.kmeans(obs, 1)
    np.testing.assert_array_equal(book, obs)
    assert distortion == 0


@pytest.mark.parametrize("data", ["flat", "plane"])
def test_kmeans_drops_the_codes_that_scipy_drops(data):
    obs = DATA[data]
    guess = np.concatenate([obs[:2], obs[:1] + 1e6])
    book, distortion = fastkm.kmeans(obs, guess)
    wanted = scipy_vq.kmeans(obs, guess)
    assert len(book) == 2
    close(book, wanted[0], np.abs(obs).max())
    assert distortion == pytest.approx(wanted[1], rel=1e-12)


@pytest.mark.parametrize("data", ["flat", "plane"])
def test_kmeans2_warns_of_an_empty_cluster_as_often_as_scipy_and_leaves_it(data):
    obs = DATA[data]
    guess = np.concatenate([obs[:2], obs[:1] + 1e6])
    with pytest.warns(UserWarning, match=EMPTY) as ours:
        book, label = fastkm.kmeans2(obs, guess, 3)
    with pytest.warns(UserWarning, match=EMPTY) as theirs:
        wanted, wanted_label = scipy_vq.kmeans2(obs, guess, 3)
    assert [str(w.message) for w in ours] == [str(w.message) for w in theirs]
    assert ours[0].filename == __file__
    np.testing.assert_array_equal(book[2], guess[2])
    close(book, wanted, 1e6)
    np.testing.assert_array_equal(label, wanted_label)


@pytest.mark.parametrize("error", [fastkm.ClusterError, scipy_vq.ClusterError])
@pytest.mark.parametrize("data", ["flat", "plane"])
def test_kmeans2_raises_for_an_empty_cluster_what_scipys_except_catches(data, error):
    obs = DATA[data]
    with pytest.raises(error, match=EMPTY):
        fastkm.kmeans2(obs, np.concatenate([obs[:2], obs[:1] + 1e6]), missing="raise")


ROW3 = ROWS[:3]
BAD_KMEANS = {
    "no clusters": (FLAT, 0),
    "a negative number": (FLAT, -1),
    "half a cluster": (FLAT, 2.5),
    "k is NaN": (FLAT, np.nan),
    "k is text": (FLAT, "a"),
    "k is None": (FLAT, None),
    "an empty guess": (FLAT, []),
    "more clusters than rows": (FLAT, 81),
    "guess of another rank": (FLAT, ROW3),
    "guess of other features": (ROWS, ROW3[:, :2]),
    "guess with NaN": (FLAT, [1.0, np.nan]),
    "no rows": (np.empty(0), 2),
    "three dimensions": (ROWS[None], 2),
    "NaN": (np.append(FLAT, np.nan), 2),
    "infinity": (np.append(FLAT, np.inf), 2),
    "text": (["a", "b"], 1),
    "objects": ([None, None], 1),
    "complex": (FLAT * 1j, 2),
}


NOT_NUMBERS = {"k is text", "k is None", "text", "objects"}
"""Cases for which fastkm raises what scipy does from 1.16 on."""


@pytest.mark.parametrize("case", BAD_KMEANS)
def test_kmeans_raises_for_bad_input_what_scipy_raises(case):
    ours, theirs = (outcome(module.kmeans, *BAD_KMEANS[case]) for module in (fastkm, scipy_vq))
    if case in NOT_NUMBERS:
        assert (ours, theirs) == (TypeError, NO_NUMBERS)
    else:
        assert theirs is not None
        assert caught_alike(ours, theirs), (ours, theirs)


@pytest.mark.parametrize("case", BAD_KMEANS)
def test_kmeans2_raises_for_bad_input_what_scipy_raises(case):
    obs, k = BAD_KMEANS[case]
    keywords = {"minit": "points", "seed": 1}
    ours, theirs = (outcome(m.kmeans2, obs, k, **keywords) for m in (fastkm, scipy_vq))
    if case in {"text", "objects"}:
        assert (ours, theirs) == (TypeError, NO_NUMBERS)
    else:
        assert caught_alike(ours, theirs), (ours, theirs)


@pytest.mark.parametrize(
    "keywords",
    [{"iter": 0}, {"iter": -1}, {"iter": 1.5}, {"iter": 0.5}, {"iter": "3"}, {"iter": None}],
    ids=str,
)
@pytest.mark.parametrize("function", ["kmeans", "kmeans2"])
def test_a_bad_number_of_iterations_raises_what_scipy_raises(function, keywords):
    ours, theirs = (outcome(getattr(m, function), FLAT, 2, **keywords) for m in (fastkm, scipy_vq))
    assert caught_alike(ours, theirs), (ours, theirs)


@pytest.mark.parametrize(
    "keywords", [{"minit": "x"}, {"missing": "x"}, {"minit": "matrix"}], ids=str
)
def test_an_unknown_option_raises_what_scipy_raises(keywords):
    ours, theirs = (outcome(m.kmeans2, FLAT, 2, **keywords) for m in (fastkm, scipy_vq))
    assert theirs is ValueError
    assert ours is ValueError


def test_kmeans2_calls_its_argument_by_its_name():
    with pytest.raises(ValueError, match="data"):
        fastkm.kmeans2([1.0, np.nan], 1)


def test_a_number_that_is_no_integer_is_converted_with_scipys_warning():
    with pytest.warns(UserWarning, match="k was not an integer, was converted") as caught:
        book, _ = fastkm.kmeans2(FLAT, 2.5, seed=1)
    assert len(book) == 2
    assert caught[0].filename == __file__


@pytest.mark.parametrize("data", ["flat", "rows"])
def test_masked_rows_take_no_part(data):
    obs = DATA[data]
    masked = np.ma.MaskedArray(np.concatenate([obs, obs[:2] * 0 + 1e9]), False)
    masked[-1], masked[-2] = np.ma.masked, np.ma.masked
    close(fastkm.kmeans(masked, 3, 4, rng=1)[0], scipy_vq.kmeans(obs, 3, 4, rng=1)[0], 20.0)
    book, label = fastkm.kmeans2(masked, obs[:3])
    wanted, wanted_label = scipy_vq.kmeans2(obs, obs[:3])
    close(book, wanted, 20.0)
    assert label.tolist() == [*wanted_label.tolist(), -1, -1]


def test_one_masked_cell_takes_its_row_out():
    masked = np.ma.MaskedArray(ROWS.copy(), False)
    masked[0, 1] = np.ma.masked
    book, label = fastkm.kmeans2(masked, ROWS[1:4])
    close(book, scipy_vq.kmeans2(ROWS[1:], ROWS[1:4])[0], 20.0)
    assert label[0] == -1


def test_a_described_arrays_missing_cells_take_no_part():
    obs = xr.DataArray(np.append(FLAT, [-999.0, 99.0, np.nan]), dims="x")
    obs = from_file(obs, _FillValue=-999.0, valid_range=[-50.0, 75.0])
    close(fastkm.kmeans(obs, 3, 4, rng=1)[0], scipy_vq.kmeans(FLAT, 3, 4, rng=1)[0], 20.0)


def test_nothing_but_masked_rows_is_an_error():
    with pytest.raises(ValueError, match="no observations"):
        fastkm.kmeans(np.ma.masked_all(5), 1)


@pytest.mark.parametrize("function", ["kmeans", "kmeans2"])
def test_a_masked_code_is_an_error(function):
    with pytest.raises(ValueError, match="masked"):
        getattr(fastkm, function)(FLAT, np.ma.MaskedArray([1.0, 2.0], [False, True]))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("data", ["flat", "rows"])
@pytest.mark.parametrize("function", ["kmeans", "kmeans2"])
def test_unchecked_infinities_and_nan_raise_all_the_same(function, data, value):
    obs = DATA[data].copy()
    obs[7] = value
    with pytest.raises(ValueError, match="row 7"):
        getattr(fastkm, function)(obs, DATA[data][:2], check_finite=False)


@pytest.mark.filterwarnings("ignore:overflow encountered")  # where kernels are not compiled
def test_squares_that_overflow_raise_instead_of_clustering_noise():
    with pytest.raises(ValueError, match="too large"):
        fastkm.kmeans(np.array([[1e200, 0], [-1e200, 0]]), [[0.0, 0], [1.0, 0]])


def test_of_restarts_that_tie_the_first_wins():
    obs = np.array([0.0, 1.0, 100.0, 101.0])
    rng, draws = np.random.default_rng(4), np.random.default_rng(4)
    book, _ = fastkm.kmeans(obs, 2, 10, rng=rng)
    starts = [obs[draws.choice(4, 2, replace=False)] for _ in range(10)]
    settled = [fastkm.kmeans(obs, start) for start in starts]
    best = min(distortion for _, distortion in settled)
    books = [tuple(b) for b, distortion in settled if distortion == best]
    assert len(set(books)) == 2  # both orders occur among the best
    assert tuple(book) == books[0]


@pytest.mark.parametrize("data", ["flat", "plane"])
def test_the_distortion_does_not_depend_on_the_order_of_the_codebook(data):
    obs = DATA[data]
    guess = obs[:5]
    distortions = {fastkm.kmeans(obs, guess[order])[1] for order in permutations_of(5)}
    assert len(distortions) == 1


def permutations_of(k):
    rng = np.random.default_rng(k)
    return [rng.permutation(k) for _ in range(8)]


@pytest.mark.parametrize("data", ["flat", "plane"])
def test_inertia_never_rises_over_the_iterations(data):
    obs, book = DATA[data], DATA[data][:4]
    inertia = [np.inf]
    for _ in range(8):
        book, _ = fastkm.kmeans2(obs, book, 1)
        inertia.append(np.sum(fastkm.vq(obs, book)[1] ** 2))
    assert all(after <= before * (1 + 1e-12) for before, after in itertools.pairwise(inertia))
    assert inertia[-1] < inertia[1]


@pytest.mark.parametrize("data", ["flat", "plane"])
def test_any_number_of_threads_gives_the_same_bits(data, monkeypatch):
    obs = DATA[data]
    monkeypatch.setattr("fastkm._core.threads.CHUNK_BYTES", 16 * 7)
    results = set()
    for threads in ("1", "2", "5"):
        monkeypatch.setenv("FASTKM_NUM_THREADS", threads)
        book, distortion = fastkm.kmeans(obs, 4, 3, rng=1)
        centroid, label = fastkm.kmeans2(obs, obs[:3])
        results.add((book.tobytes(), distortion, centroid.tobytes(), label.tobytes()))
    assert len(results) == 1


@needs_jit
@pytest.mark.parametrize("d", [1, 2])
def test_real_chunks_give_the_same_bits_with_any_number_of_threads(d, monkeypatch):
    obs = np.random.default_rng(0).normal(size=(150_000, d))
    results = set()
    for threads in ("1", "2", "5"):
        monkeypatch.setenv("FASTKM_NUM_THREADS", threads)
        centroid, label = fastkm.kmeans2(obs, obs[:4], 3)
        results.add((centroid.tobytes(), label.tobytes()))
    assert len(results) == 1


@needs_jit
def test_the_mean_of_1e7_float32_temperatures_is_right():
    pattern = np.linspace(287, 289, 1000, dtype=np.float32)
    obs = np.tile(pattern, 10_000)
    assert abs(float(np.cumsum(obs)[-1]) / 1e7 - 288) > 1  # what float32 sums make of it
    book, distortion = fastkm.kmeans(obs, 1, 1, rng=0)
    assert book[0] == pytest.approx(pattern.mean(dtype=float), rel=1e-6)
    assert distortion == pytest.approx(0.5, rel=5e-3)
    book, _ = fastkm.kmeans2(np.stack([obs, obs], axis=1), obs[:2].reshape(1, 2), 1)
    np.testing.assert_allclose(book, pattern.mean(dtype=float), rtol=1e-6)


@needs_jit
def test_float32_sums_drift_in_scipy_and_not_here():
    obs, start = np.full(10_000_000, 288, np.float32), np.array([288.0], np.float32)
    theirs, _ = scipy_vq.kmeans2(obs, start, 1, minit="matrix")
    ours, _ = fastkm.kmeans2(obs, start, 1, minit="matrix")
    assert theirs[0] == pytest.approx(262.0, abs=0.05)  # the figure of the docstring
    assert ours[0] == 288


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("data", DATA)
def test_iterations_one_by_one_give_the_bits_of_one_call(data, dtype, monkeypatch):
    obs = DATA[data].astype(dtype)
    start = np.concatenate([obs[:4], obs[:1] + 999])

    def run():
        with pytest.warns(UserWarning, match=EMPTY) as caught:
            found = [*fastkm.kmeans2(obs, start, 4), *fastkm.kmeans(obs, obs[:5])]
        return *found, len(caught)

    wanted = run()
    for engine in (steps.SortedEngine, steps.RowEngine):
        monkeypatch.setattr(engine, "run", lambda *_: None)
    monkeypatch.setattr(steps, "FEW_PRODUCTS", 0)
    for got, one_call in zip(run(), wanted, strict=True):
        np.testing.assert_array_equal(got, one_call, strict=True)
    with pytest.raises(fastkm.ClusterError):
        fastkm.kmeans2(obs, start, 4, missing="raise")
