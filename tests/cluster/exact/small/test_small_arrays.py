"""The short way against the long one, to the bit, and what is left to the long one."""

from dataclasses import fields
from unittest import mock

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from fastkm import KMeans1D, kmeans1d
from fastkm.cluster.exact.result import Profile
from fastkm.cluster.exact.small import small_arrays
from fastkm.cluster.exact.small.small_arrays import cluster_small
from tests.codebooks import assert_same

SEEDS = st.integers(0, 2**32)
KINDS = st.sampled_from(
    ["plain", "repeated", "offset", "huge", "tiny", "outlier", "skewed", "missing", "blobs", "near",
     "both zeros", "f4", "f2", ">f8", "i8", "i4", "i2", "u1", "bool"]
)  # fmt: skip
RNG = np.random.default_rng(0)
PLAIN = RNG.normal(size=30)


def make_values(seed, n, kind):
    """Make n values."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    made = {
        "plain": lambda: x,
        "repeated": lambda: x.round(1),
        "offset": lambda: x + 1e9,
        "huge": lambda: x * 10.0 ** rng.integers(100, 300),
        "tiny": lambda: x * 10.0 ** -rng.integers(60, 300),
        "outlier": lambda: np.append(x, 10.0 ** rng.integers(1, 300)),
        "skewed": lambda: rng.exponential(size=n) ** 8,
        "missing": lambda: np.where(rng.random(n) < 0.3, np.nan, x),
        "blobs": lambda: x * 1e-3 + rng.integers(0, 7, n),
        "near": lambda: 1 + rng.integers(0, 100, n) * 2.0**-52,
        "both zeros": lambda: x * rng.choice([0.0, -0.0, 1.0], n),
        "i8": lambda: rng.integers(-(2 ** rng.integers(2, 60)), 2 ** rng.integers(2, 60), n),
        "bool": lambda: x > 0,
    }
    if kind in made:
        return made[kind]()
    return (x * 50).astype(kind) if kind[0] != "u" else rng.integers(0, 255, n).astype(kind)


def take_long_way(values, ks):
    """Cluster as the values of a callable are clustered."""
    with mock.patch.object(small_arrays, "MAX_SMALL", -1):
        return kmeans1d(values, ks)


def assert_same_bits(got, wanted):
    """Hold that two results and their profiles are the same."""
    assert_same(got, wanted)
    assert type(got.inertia) is type(wanted.inertia)
    for name in (field.name for field in fields(Profile)):
        one, other = (getattr(result.profile, name) for result in (got, wanted))
        if name == "recount":
            assert one is other is None
        else:
            assert one.dtype == other.dtype
            assert one.tobytes() == other.tobytes()


@given(SEEDS, st.sampled_from([1, 2, 3, 8, 30]), KINDS)
def test_results_are_those_of_the_long_way(seed, n, kind):
    values = make_values(seed, n, kind)
    present = values[~np.isnan(values)] if values.dtype.kind == "f" else values
    distinct = len(np.unique(present))
    ks = sorted({2, seed % 7 + 1, distinct} & set(range(1, distinct + 1)))
    for k in ks:
        got = cluster_small(values, [k])
        if got is not None:
            assert_same_bits(got[k], take_long_way(values, k))


@pytest.mark.parametrize("shape", [(), (30,), (5, 6), (3, 10)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_any_shape_and_order(shape, order):
    values = np.asarray(PLAIN[:1] if shape == () else PLAIN).reshape(shape, order=order)
    got = cluster_small(values, [1])[1]
    assert got.counts.tolist() == [values.size]
    assert_same_bits(got, take_long_way(values, 1))


def test_lists_and_several_ks():
    got = kmeans1d(PLAIN.tolist(), [3, 2, 3])
    assert list(got) == [3, 2]
    for k, wanted in take_long_way(PLAIN, [3, 2]).items():
        assert isinstance(got[k], KMeans1D)
        assert_same_bits(got[k], wanted)
    assert got[2].profile is got[3].profile


def test_the_array_stays_as_it_is():
    values = PLAIN.copy()
    values.flags.writeable = False
    result = cluster_small(values, [3])[3]
    assert np.array_equal(values, PLAIN)
    assert not np.shares_memory(result.profile.values, values)


@pytest.mark.parametrize(
    "values",
    [
        np.ma.masked_greater(PLAIN, 1),
        xr.DataArray(PLAIN),
        lambda: [PLAIN],
        "text",
        tuple(PLAIN),
        PLAIN + 1j,
        PLAIN.astype(np.longdouble),
        PLAIN.astype(object),
        [],
        np.empty((0, 3)),
        np.full(9, np.nan),
        np.append(PLAIN, np.inf),
        np.append(PLAIN, -np.inf),
        PLAIN * 1e200,
        PLAIN * 1e-200,
        np.array([0, 1, 2, 2**53 + 1]),
        np.array([0, 1, 2, 2**64 - 1], np.uint64),
        np.array([-(2**63), 1, 2]),
        np.arange(20.0),  # partitions are equally good
        np.array([-1.0, 1.0, 8.0, 9.0]),  # sums about the median lose a mean of 0
    ],
)
def test_other_kinds_are_left_to_the_long_way(values):
    ks = [3] if np.size(values) > 10 else [2]
    assert cluster_small(values, ks) is None


def test_too_many_values_and_too_large_ks_are_left_to_the_long_way(monkeypatch):
    assert cluster_small(PLAIN, [31]) is None
    assert cluster_small(PLAIN, [2, 31]) is None
    monkeypatch.setattr(small_arrays, "MAX_SMALL", 29)
    assert cluster_small(PLAIN, [3]) is None
    assert cluster_small(PLAIN.tolist(), [3]) is None
    assert cluster_small(PLAIN[1:], [3]) is not None


def test_the_short_way_is_taken():
    with mock.patch("fastkm.cluster.exact.kmeans1d._solve", side_effect=AssertionError):
        assert kmeans1d(PLAIN, 3).gap == 0
        with pytest.raises(AssertionError):
            kmeans1d(PLAIN, 3, weights=np.ones(30))


@pytest.mark.parametrize(
    "values",
    [
        xr.DataArray(np.append(PLAIN, np.nan)),
        np.ma.masked_greater(np.append(PLAIN, 99.0), 9),
        xr.DataArray(PLAIN.reshape(5, 6).astype("f4")),
        [PLAIN[:10].tolist(), PLAIN[10:20].tolist()],
    ],
    ids=["NaN", "masked", "float32", "nested lists"],
)
def test_other_arrays_in_memory_go_the_short_way_too(values, monkeypatch):
    with mock.patch.object(small_arrays, "MAX_SMALL", 0):
        wanted = kmeans1d(values, [2, 4])
    monkeypatch.setattr("fastkm.cluster.exact.kmeans1d.Solver", None)
    for k, result in kmeans1d(values, [2, 4]).items():
        assert_same(result, wanted[k])
