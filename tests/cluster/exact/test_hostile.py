"""Data that breaks sums in float64: outliers, hundreds of orders of magnitude, offsets, ends."""

import numpy as np
import pytest

from fastkm import kmeans1d
from tests.codebooks import assert_optimal, assert_same, several_passes
from tests.conftest import needs_jit

BIG = pytest.mark.parametrize("few", [1000, 8], ids=["few", "several passes"])


def orders(seed, size, reach):
    rng = np.random.default_rng(seed)
    return rng.choice([-1.0, 1.0], size) * 10.0 ** rng.uniform(-reach, reach, size)


@BIG
@pytest.mark.parametrize("k", [1, 2, 3, 5])
@pytest.mark.parametrize("outlier", [1e12, -1e12, 1e30, 1e300], ids=str)
def test_one_outlier(few, k, outlier):
    values = np.append(np.random.default_rng(1).random(60), outlier)
    with several_passes(few), np.errstate(all="raise", under="ignore"):
        if k == 1 and outlier == 1e300:
            with pytest.warns(UserWarning, match="inertia is beyond float64"):
                assert_optimal(values, k)
        else:
            assert_optimal(values, k)


@needs_jit
@pytest.mark.parametrize("weighted", [False, True])
def test_one_outlier_among_many(weighted):
    """The tables are of their own size here."""
    values = np.random.default_rng(1).random(300_000)
    weights = np.full(300_001, 0.5) if weighted else None
    alone = kmeans1d(values, 1)
    result = kmeans1d(np.append(values, 1e12), 2, weights=weights)
    assert result.counts.tolist() == [300_000, 1]
    assert result.centroids[0] == pytest.approx(alone.centroids[0], rel=1e-15)
    assert result.variances[0] == pytest.approx(alone.variances[0], rel=1e-12)


@BIG
@pytest.mark.filterwarnings("ignore:the inertia is beyond float64")
@pytest.mark.parametrize("k", [1, 2, 4, 7])
@pytest.mark.parametrize("reach", [20, 100, 300])
@pytest.mark.parametrize("weight", [None, 1.0, 1e-300])
def test_hundreds_of_orders_of_magnitude(few, k, reach, weight):
    values = orders(2, 60, reach)
    with several_passes(few):
        assert_optimal(values, k, None if weight is None else np.full(60, weight))


@pytest.mark.slow
@needs_jit
@pytest.mark.filterwarnings("ignore:the inertia is beyond float64")
@pytest.mark.parametrize("k", [5, 20])
def test_many_values_over_600_orders(k):
    values = 10.0 ** np.random.default_rng(0).uniform(-300, 300, 300_000)
    result = kmeans1d(values, k)
    assert (result.gap, result.inertia) == (0.0, np.inf)
    with several_passes(few=10**6):
        assert_same(result, kmeans1d(values, k), but=("passes", "centroids", "profile"))


@BIG
@pytest.mark.filterwarnings("ignore:the inertia is beyond float64")
@pytest.mark.parametrize("weight", [None, 1e300])
@pytest.mark.parametrize("k", [1, 2, 3, 6])
def test_up_to_the_ends_of_float64(few, weight, k):
    values = (2 * np.random.default_rng(3).random(60) - 1) * 1.79e308
    values[:2] = np.finfo("f8").max, np.finfo("f8").min
    with several_passes(few):
        assert_optimal(values, k, None if weight is None else np.full(60, weight))


@BIG
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("k", [1, 2, 5])
def test_an_offset_of_1e9_with_spread_1(few, dtype, k):
    values = (1e9 + np.random.default_rng(4).normal(size=60) * 200).astype(dtype)
    with several_passes(few):
        assert_optimal(values, k)


@BIG
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("weight", [None, 0.7])
def test_denormals_and_both_zeros(few, dtype, weight):
    steps = np.random.default_rng(5).integers(-400, 400, 60).astype(dtype)
    values = np.append(steps * np.finfo(dtype).smallest_subnormal, np.array([0.0, -0.0], dtype))
    with several_passes(few):
        assert_optimal(values, 4, None if weight is None else np.full(62, weight))


def test_calls_of_positive_and_mixed_values_follow_each_other():
    """Keys of positive float64 are beyond int64: one compiled kernel must take both."""
    mixed = np.random.default_rng(6).normal(size=60)
    with several_passes(few=8):
        for values in (mixed, np.abs(mixed), mixed):
            assert_optimal(values, 3)
