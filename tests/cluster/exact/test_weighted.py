"""Weights: the optimum of weighted values in exact arithmetic, and what weights are refused."""

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import fastkm
from fastkm import kmeans1d
from fastkm.cluster.exact import collectors
from tests.codebooks import (
    assert_consistent,
    assert_optimal,
    assert_same,
    optimum,
    possible,
    random_values,
    several_passes,
)

SEEDS = st.integers(0, 2**32)
KINDS = st.sampled_from(["normal", "skewed", "rounded", "outlier", "spread"])
DTYPES = ["?", "f2", "f4", "f8", "i1", "u2", "i4", "u8"]

WEIGHTS = {
    "random": lambda rng, n: rng.uniform(0.1, 1, n),
    "cell areas": lambda rng, n: np.cos(np.deg2rad(rng.uniform(-89.5, 89.5, n))),
    "whole": lambda rng, n: rng.integers(1, 9, n).astype(float),
    "some zero": lambda rng, n: rng.integers(0, 3, n) * 0.7,
    "huge": lambda rng, n: rng.uniform(0.1, 1, n) * 1e300,
    "tiny": lambda rng, n: rng.uniform(0.1, 1, n) * 1e-300,
    "float32": lambda rng, n: rng.uniform(0.1, 1, n).astype("f4"),
}


def weights_of(kind, seed, size):
    weights = WEIGHTS[kind](np.random.default_rng(seed), size)
    weights[:2] = weights.max()  # not all are 0
    return weights


@pytest.mark.filterwarnings("ignore:the inertia is beyond float64")
@pytest.mark.parametrize("weighting", WEIGHTS)
@given(SEEDS, KINDS, st.integers(1, 5))
def test_the_optimum_of_few(weighting, seed, kind, k):
    values, weights = random_values(seed, kind, "f8", 16), weights_of(weighting, seed, 16)
    assert_optimal(values, possible(values, k, weights), weights)


@pytest.mark.filterwarnings("ignore:the inertia is beyond float64")
@pytest.mark.parametrize("weighting", WEIGHTS)
@given(SEEDS, KINDS, st.integers(1, 4))
def test_the_optimum_in_several_passes(weighting, seed, kind, k):
    values, weights = random_values(seed, kind, "f8", 40), weights_of(weighting, seed, 40)
    with several_passes(few=8):
        assert_optimal(values, possible(values, k, weights), weights)


@pytest.mark.parametrize("dtype", DTYPES)
@given(SEEDS, KINDS, st.integers(1, 4), st.booleans())
def test_any_type_is_weighted(dtype, seed, kind, k, big):
    values, weights = random_values(seed, kind, dtype, 30), weights_of("random", seed, 30)
    with several_passes(few=8 if big else 100):
        assert_optimal(values, possible(values, k), weights)


@pytest.mark.parametrize("big", [False, True], ids=["few", "several passes"])
@given(SEEDS, st.integers(2, 5))
def test_weights_may_differ_by_15_orders(big, seed, k):
    rng = np.random.default_rng(seed)
    values, weights = rng.normal(size=25), 10.0 ** rng.uniform(-15, 0, 25)
    with several_passes(few=8 if big else 100):
        assert_optimal(values, k, weights)


@pytest.mark.parametrize("mirrored", [False, True])
def test_weights_of_bins_that_are_not_sorted_stay_rounded(monkeypatch, mirrored):
    """Sorting the two values near 10 must not let the solver trust the sums of the other bins.

    Those two values belong to the lighter of their neighbours near 9 and 11. The weights of these
    differ by 2^-26 of themselves; in fixed point, beside a weight of 1 near 15, the heavier of them
    becomes the lighter one.
    """
    monkeypatch.setattr(collectors, "MAX_SORTED", 5)
    light, digit = 2.0**-58, 2.0**-25  # `digit`: the last one in fixed point, a share of `light`
    heavier, lighter = [1 + 0.9 * digit] * 2, [1.0, 1 + digit]
    left, right = (lighter, heavier) if mirrored else (heavier, lighter)
    centre = 10 + 3 * 2.0**-14  # inside a bin
    values = centre + np.array([-1.0, -1.0, -(2.0**-20), 2.0**-20, 1.0, 1.0, 5.0])
    weights = light * np.array([*left, 1.0, 1.0, *right, 1 / light])
    result = kmeans1d(values, 3, weights=weights)
    assert result.counts.tolist() == optimum(values, weights, 3)[1]
    assert result.counts.tolist() == ([4, 2, 1] if mirrored else [2, 4, 1])
    assert result.gap == 0.0


@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(0, 4)), min_size=2), st.integers(1, 5))
def test_of_equal_costs_the_lowest_breaks_win(pairs, k):
    values, weights = np.array(pairs, float).T
    weights[0] = 1.0
    assert_optimal(values, possible(values, k, weights), weights)
    with several_passes(few=5):
        assert_optimal(values, possible(values, k, weights), weights)


@pytest.mark.parametrize("weight", [0.1, 1 / 3, 1e-300, 1e300], ids=str)
@pytest.mark.parametrize("big", [False, True], ids=["few", "several passes"])
def test_an_even_row_of_equal_weights_has_the_lowest_breaks(weight, big):
    values = np.arange(31.0)
    with several_passes(few=8 if big else 100):
        result = kmeans1d(values, 4, weights=weight)
        assert_optimal(values, 4, np.full(31, weight))
        plain = kmeans1d(values, 4)
    assert result.breaks.tolist() == plain.breaks.tolist()


@pytest.mark.parametrize("big", [False, True], ids=["few", "several passes"])
@given(SEEDS, KINDS, st.integers(1, 5))
def test_whole_weights_are_repeated_values(big, seed, kind, k):
    values, times = random_values(seed, kind, "f8", 30), weights_of("whole", seed, 30)
    k = possible(values, k)
    with several_passes(few=8 if big else 1000):
        weighted = kmeans1d(values, k, weights=times)
        repeated = kmeans1d(np.repeat(values, times.astype(int)), k)
    assert weighted.breaks == pytest.approx(repeated.breaks, rel=1e-14)
    assert weighted.weights.tolist() == repeated.counts.tolist()
    assert weighted.ranges.tolist() == repeated.ranges.tolist()
    assert weighted.inertia == pytest.approx(repeated.inertia, rel=1e-12, abs=1e-28)
    np.testing.assert_allclose(weighted.centroids, repeated.centroids, rtol=1e-15, atol=1e-15)


@pytest.mark.parametrize("big", [False, True], ids=["few", "several passes"])
def test_a_power_of_two_times_all_weights_changes_only_them(big):
    values, weights = random_values(1, "skewed", "f8", 60), weights_of("cell areas", 1, 60)
    with several_passes(few=8 if big else 1000):
        one, other = (kmeans1d(values, 4, weights=w) for w in (weights, weights * 2.0**-70))
    assert_same(other, one, but=("weights", "inertia", "profile"))
    assert (other.weights * 2.0**70).tolist() == one.weights.tolist()
    assert other.inertia * 2.0**70 == one.inertia


@pytest.mark.parametrize("big", [False, True], ids=["few", "several passes"])
def test_weight_zero_leaves_a_value_out(big):
    values = random_values(2, "normal", "f8", 60)
    weights = weights_of("random", 2, 60)
    zero = np.random.default_rng(2).random(60) < 0.4
    with several_passes(few=8 if big else 1000):
        got = kmeans1d(values, 3, weights=np.where(zero, 0.0, weights))
        assert_same(got, kmeans1d(values[~zero], 3, weights=weights[~zero]))


def test_what_weighs_nothing_may_be_infinite_and_is_no_distinct_value():
    values, weights = [1.0, 2.0, np.inf, 5.0], [1.0, 1.0, 0.0, 0.0]
    assert kmeans1d(values, 2, weights=weights).ranges.tolist() == [[1.0, 1.0], [2.0, 2.0]]
    with pytest.raises(fastkm.ClusterError, match=r"distinct values, 2\b"):
        kmeans1d(values, 3, weights=weights)


def test_all_weights_zero_is_an_error():
    with pytest.raises(fastkm.ClusterError, match=r"distinct values, 0\b"):
        kmeans1d([1.0, 2.0], 1, weights=[0.0, 0.0])


@pytest.mark.parametrize("wrong", [-1.0, np.nan, np.inf, -np.inf])
def test_a_wrong_weight_is_an_error_that_says_where(wrong):
    weights = np.ones((3, 4))
    weights[2, 1] = wrong
    with pytest.raises(ValueError, match=rf"weights .* got {wrong} in cell \(2, 1\)"):
        kmeans1d(np.arange(12.0).reshape(3, 4), 2, weights=weights)


def test_a_wrong_weight_of_a_missing_value_is_none():
    assert kmeans1d([1.0, np.nan, 3.0], 2, weights=[1.0, -1.0, 2.0]).weights.tolist() == [1.0, 2.0]


def test_weights_of_another_shape_are_an_error():
    with pytest.raises(ValueError, match=r"weights must broadcast to the shape of values, \(3,\)"):
        kmeans1d([1.0, 2.0, 3.0], 1, weights=[1.0, 2.0])


def test_weights_of_a_raster_go_by_the_names_of_dimensions():
    rng = np.random.default_rng(4)
    grid = xr.DataArray(rng.normal(size=(3, 5, 4)), dims=("time", "lat", "lon"))
    areas = xr.DataArray(np.cos(np.deg2rad(np.linspace(-80, 80, 5))), dims="lat")
    wanted = kmeans1d(grid.values, 3, weights=areas.values[:, None])
    assert_consistent(wanted, grid.values, areas.values[:, None])
    assert_same(kmeans1d(grid, 3, weights=areas), wanted)
    turned = grid.transpose("lon", "time", "lat")
    assert_same(kmeans1d(turned, 3, weights=areas), wanted)
    assert_same(kmeans1d(grid.chunk({"lat": 2}), 3, weights=areas), wanted)


def test_weights_of_dask_and_values_of_numpy():
    values, weights = random_values(3, "normal", "f8", 50), weights_of("random", 3, 50)
    lazy = kmeans1d(values, 3, weights=da.from_array(weights, chunks=7))
    assert_same(lazy, kmeans1d(values, 3, weights=weights))
