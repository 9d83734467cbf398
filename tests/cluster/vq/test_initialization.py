"""The same draws as scipy, and generators left in scipy's state."""

import inspect

import numpy as np
import pytest
import scipy.cluster.vq as scipy_vq

import fastkm
from fastkm.cluster.vq import initialization
from tests.older_versions import NUMPY, SCIPY

DATA = np.random.default_rng(5).normal(10, 2, (40, 3))
SHAPES = {"flat": DATA[:, 0].copy(), "column": DATA[:, :1].copy(), "rows": DATA}


def state(rng):
    """Give what tells two generators' states apart."""
    if isinstance(rng, np.random.RandomState):
        _, keys, position, *rest = rng.get_state()
        return keys.tobytes(), position, *rest
    return str(rng.bit_generator.state)


GENERATORS = {
    "rng=Generator": ("rng", lambda: np.random.default_rng(3)),
    "rng=int": ("rng", lambda: 3),
    "rng=BitGenerator": ("rng", lambda: np.random.Philox(3)),
    "rng=SeedSequence": ("rng", lambda: np.random.SeedSequence(3)),
    "rng=RandomState": ("rng", lambda: np.random.RandomState(3)),
    "seed=int": ("seed", lambda: 3),
    "seed=numpy int": ("seed", lambda: np.int32(3)),
    "seed=RandomState": ("seed", lambda: np.random.RandomState(3)),
    "seed=Generator": ("seed", lambda: np.random.default_rng(3)),
}
if NUMPY < (2, 2):  # whose `default_rng` takes none
    del GENERATORS["rng=RandomState"]


@pytest.mark.parametrize("data", SHAPES)
@pytest.mark.parametrize("given", GENERATORS)
def test_kmeans_draws_as_scipy_and_leaves_the_generator_alike(given, data):
    name, make = GENERATORS[given]
    ours, theirs = make(), make()
    book, distortion = fastkm.kmeans(SHAPES[data], 3, 4, **{name: ours})
    wanted, wanted_distortion = scipy_vq.kmeans(SHAPES[data], 3, 4, **{name: theirs})
    np.testing.assert_allclose(book, wanted, rtol=0, atol=1e-9 * np.abs(DATA).max())
    assert distortion == pytest.approx(wanted_distortion, rel=1e-12)
    if isinstance(ours, np.random.Generator | np.random.RandomState):
        assert state(ours) == state(theirs)


@pytest.mark.parametrize("data", SHAPES)
@pytest.mark.parametrize("minit", ["random", "points", "++"])
@pytest.mark.parametrize("given", GENERATORS)
def test_kmeans2_draws_as_scipy_and_leaves_the_generator_alike(given, minit, data):
    name, make = GENERATORS[given]
    ours, theirs = make(), make()
    book, label = fastkm.kmeans2(SHAPES[data], 2, 3, minit=minit, **{name: ours})
    wanted, wanted_label = scipy_vq.kmeans2(SHAPES[data], 2, 3, minit=minit, **{name: theirs})
    np.testing.assert_allclose(book, wanted, rtol=0, atol=1e-9 * np.abs(DATA).max())
    np.testing.assert_array_equal(label, wanted_label)
    if isinstance(ours, np.random.Generator | np.random.RandomState):
        assert state(ours) == state(theirs)


@pytest.mark.parametrize("keywords", [{}, {"seed": None}, {"seed": np.random}], ids=str)
@pytest.mark.parametrize("function", ["kmeans", "kmeans2"])
def test_without_a_generator_numpys_global_state_is_used(function, keywords):
    before = np.random.get_state()
    try:
        results, states = [], []
        for module in (fastkm, scipy_vq):
            np.random.seed(11)
            results.append(getattr(module, function)(DATA, 3, **keywords)[0])
            states.append(state(np.random.mtrand._rand))
    finally:
        np.random.set_state(before)
    np.testing.assert_allclose(*results, rtol=0, atol=1e-9 * np.abs(DATA).max())
    assert states[0] == states[1]


def test_rng_none_leaves_the_global_state_alone():
    before = state(np.random.mtrand._rand)
    fastkm.kmeans(DATA, 2, 1, rng=None)
    assert state(np.random.mtrand._rand) == before


def test_a_guess_draws_nothing():
    rng = np.random.default_rng(3)
    before = state(rng)
    fastkm.kmeans(DATA, DATA[:3], rng=rng)
    fastkm.kmeans2(DATA, DATA[:3], rng=rng)
    assert state(rng) == before


def test_more_features_than_rows_draw_as_scipy():
    data = np.random.default_rng(8).normal(size=(5, 9))
    got, _ = fastkm.kmeans2(data, 2, 1, missing="warn", seed=4)
    wanted, _ = scipy_vq.kmeans2(data, 2, 1, missing="warn", seed=4)
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-9)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("minit", ["random", "points", "++"])
def test_starts_of_a_type_are_scipys(minit, dtype):
    data = DATA.astype(dtype)
    got, _ = fastkm.kmeans2(data, 2, 1, minit=minit, rng=1)
    wanted, _ = scipy_vq.kmeans2(data, 2, 1, minit=minit, rng=1)
    assert got.dtype == wanted.dtype
    np.testing.assert_allclose(got, wanted, rtol=0, atol=(1e-5 if dtype == "f4" else 1e-9) * 20)


@pytest.mark.filterwarnings("ignore:One of the clusters is empty")
@pytest.mark.filterwarnings("ignore:invalid value encountered in divide")  # scipy's own
@pytest.mark.parametrize("data", [np.ones(6), np.ones((6, 2)), np.array([1.0, 1, 5])], ids=str)
def test_kmeans_plus_plus_with_more_codes_than_different_rows_is_scipys(data):
    ours, theirs = np.random.default_rng(2), np.random.default_rng(2)
    got = fastkm.kmeans2(data, 3, minit="++", rng=ours)
    wanted = scipy_vq.kmeans2(data, 3, minit="++", rng=theirs)
    np.testing.assert_allclose(got[0], wanted[0])
    np.testing.assert_array_equal(got[1], wanted[1])
    assert state(ours) == state(theirs)


@pytest.mark.parametrize("function", ["kmeans", "kmeans2"])
@pytest.mark.parametrize("values", [(1, 1), (None, None), (1, None)])
def test_rng_and_seed_together_are_refused(function, values):
    with pytest.raises(TypeError, match="rng or seed"):
        getattr(fastkm, function)(DATA, 2, rng=values[0], seed=values[1])


@pytest.mark.parametrize("name", ["kmeans", "kmeans2", "vq", "whiten"])
def test_the_signature_is_scipys(name):
    def described(function):
        parameters = inspect.signature(function).parameters.values()
        return [(p.name, p.kind, p.default) for p in parameters]

    ours, theirs = described(getattr(fastkm, name)), described(getattr(scipy_vq, name))
    if SCIPY < (1, 17):  # takes `seed`, too, but does not say so
        ours = [one for one in ours if one[0] != "seed"]
    if SCIPY < (1, 16) and name == "whiten":  # None, which means True for arrays of numpy
        theirs = [(*one[:2], None) if one[0] == "check_finite" else one for one in theirs]
    assert ours == theirs


@pytest.mark.parametrize(
    "keywords", [{"seed": "a"}, {"seed": -1}, {"seed": 1.5}, {"rng": "a"}, {"rng": -1}], ids=str
)
@pytest.mark.parametrize("function", ["kmeans", "kmeans2"])
def test_a_bad_generator_raises_what_scipy_raises(function, keywords):
    with pytest.raises((ValueError, TypeError)) as wanted:
        getattr(scipy_vq, function)(DATA, 2, **keywords)
    with pytest.raises(wanted.type):
        getattr(fastkm, function)(DATA, 2, **keywords)


@pytest.mark.parametrize("minit", ["random", "points", "++"])
def test_masked_rows_are_not_drawn(minit):
    data = np.ma.MaskedArray(np.append(DATA[:, 0], [1e9] * 40), [False] * 40 + [True] * 40)
    got, _ = fastkm.kmeans2(data, 2, minit=minit, rng=1)
    wanted, _ = scipy_vq.kmeans2(DATA[:, 0], 2, minit=minit, rng=1)
    np.testing.assert_allclose(got, wanted, rtol=1e-9)


def test_the_spread_start_weighs_rows_by_their_squared_distance():
    rows = np.array([[0.0], [1.0], [3.0]])
    rng = np.random.default_rng(0)
    starts = [initialization.draw_plusplus(rows, 2, rng)[:, 0] for _ in range(2000)]
    seconds = [second for first, second in starts if first == 0]
    assert np.mean(np.equal(seconds, 3)) == pytest.approx(0.9, abs=0.04)
