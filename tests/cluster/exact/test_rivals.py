"""kmeans1d beside two others that find the optimum: kmeans1d of PyPI and R's Ckmeans.1d.dp.

They have nothing in common with fastkm's algorithm or with each other's: the first fills the
dynamic program's matrix by SMAWK, the second (as ckwrap ships it) by divide and conquer. Their
partitions are measured here, in float64 about each cluster's mean, and not their own sums.
"""

import ckwrap
import kmeans1d as pypi_kmeans1d
import numpy as np
import pytest

from fastkm import kmeans1d
from tests.conftest import COMPILED

KS = (2, 3, 6, 9)
FEW = 1 if COMPILED else 10  # uncompiled kernels get a tenth of the values


def continuous():
    """Values whose optimum is unique, all distinct."""
    rng = np.random.default_rng(5)
    return {
        "normal": rng.normal(size=20_000 // FEW),
        "mixture": np.append(rng.gamma(3, 8, 5_000 // FEW), rng.normal(45, 6, 5_000 // FEW)),
        "skewed": rng.lognormal(0, 2, 8_000 // FEW),
        "heavy tails": rng.standard_t(1.5, 4_000 // FEW),
        "uniform": rng.uniform(-1, 1, 2_000 // FEW),
        "float32": rng.gamma(3, 8, 5_000 // FEW).astype("f4"),
        "far apart": np.append(rng.normal(size=3_000 // FEW), rng.normal(1e4, 1, 20)),
        "offset 1e6": rng.normal(1e6, 1e3, 5_000 // FEW),
    }


def tied():
    """Values many of which are equal."""
    rng = np.random.default_rng(6)
    return {
        "rounded": np.round(rng.normal(0, 20, 20_000 // FEW)),
        "two digits": np.round(rng.gamma(3, 8, 10_000 // FEW), 1),
        "few numbers": rng.integers(0, 12, 5_000 // FEW),
        "mostly one": np.where(rng.random(8_000 // FEW) < 0.9, 0.0, rng.normal(size=8_000 // FEW)),
        "fill values": np.append(rng.normal(30, 9, 3_000 // FEW), np.repeat([-999.0, -500.0], 999)),
    }


def by_pypi_kmeans1d(values, k):
    return np.asarray(pypi_kmeans1d.cluster(values.tolist(), k).clusters)


def by_ckwrap(values, k):
    return ckwrap.ckmeans(values, k).labels


RIVALS = pytest.mark.parametrize("rival", [by_pypi_kmeans1d, by_ckwrap])
CONTINUOUS, TIED = continuous(), tied()


def inertia_of(values, labels, weights=None):
    """Sum the squared distances to the mean of each cluster that labels make."""
    total = 0.0
    for label in np.unique(labels):
        own = values[labels == label].astype("f8")
        own_weights = np.ones(len(own)) if weights is None else weights[labels == label]
        about = own - np.median(own)
        total += own_weights @ (about - own_weights @ about / own_weights.sum()) ** 2
    return total


@RIVALS
@pytest.mark.parametrize("name", CONTINUOUS)
def test_where_the_optimum_is_unique_partitions_are_equal(name, rival):
    values = CONTINUOUS[name]
    for k, result in kmeans1d(values, KS).items():
        theirs = rival(values, k)
        assert np.array_equal(result.predict(values), theirs), k
        assert result.inertia == pytest.approx(inertia_of(values, theirs), rel=1e-10), k


@RIVALS
@pytest.mark.parametrize("name", TIED)
def test_among_equal_values_inertia_is_equal(name, rival):
    values = TIED[name]
    for k, result in kmeans1d(values, KS).items():
        theirs = inertia_of(values, rival(values, k))
        assert result.inertia == pytest.approx(theirs, rel=1e-10), k
        assert inertia_of(values, result.predict(values)) == pytest.approx(theirs, rel=1e-10), k


@pytest.mark.parametrize("offset", [1e6, -1e9])
def test_an_offset_of_many_spreads_where_others_lose_digits(offset):
    """Of values about 1e6 with a spread of 1, PyPI's kmeans1d is up to 0.2 % above the optimum."""
    steps = np.round(np.random.default_rng(7).normal(size=5_000 // FEW) * 2**20) / 2**20  # exact
    for k, result in kmeans1d(steps + offset, KS).items():
        ours = result.predict(steps + offset)
        assert np.array_equal(ours, by_ckwrap(steps + offset, k)), k
        assert np.array_equal(ours, by_pypi_kmeans1d(steps, k)), k
        assert result.inertia == pytest.approx(inertia_of(steps, ours), rel=1e-10), k


@pytest.mark.parametrize("name", ["normal", "mixture", "skewed"])
@pytest.mark.parametrize("kind", ["cell areas", "whole numbers", "some are zero"])
def test_weighted(name, kind):
    values = CONTINUOUS[name]
    rng = np.random.default_rng(8)
    weights = {
        "cell areas": np.cos(rng.uniform(-1.5, 1.5, len(values))),
        "whole numbers": rng.integers(1, 9, len(values)).astype("f8"),
        "some are zero": rng.exponential(size=len(values)) * (rng.random(len(values)) < 0.7),
    }[kind]
    heavy = weights > 0
    for k, result in kmeans1d(values, KS, weights=weights).items():
        theirs = ckwrap.ckmeans(values[heavy], k, weights=weights[heavy]).labels
        assert np.array_equal(result.predict(values[heavy]), theirs), k
        wanted = inertia_of(values[heavy], theirs, weights[heavy])
        assert result.inertia == pytest.approx(wanted, rel=1e-10), k


def test_whole_weights_are_repeated_values():
    rng = np.random.default_rng(9)
    values, times = rng.normal(size=2_000 // FEW), rng.integers(1, 9, 2_000 // FEW)
    for k, result in kmeans1d(np.repeat(values, times), KS).items():
        theirs = ckwrap.ckmeans(values, k, weights=times).labels
        assert np.array_equal(result.predict(values), theirs), k
