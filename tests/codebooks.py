"""What any result of `kmeans1d` holds, checked in exact arithmetic, and passes over small data."""

import itertools
from contextlib import contextmanager
from dataclasses import fields
from fractions import Fraction
from functools import lru_cache

import numpy as np
import pytest

from fastkm import KMeans1D, kmeans1d
from fastkm._core import threads
from fastkm.cluster.exact import collectors, key_histograms, solver, weighted_histograms
from fastkm.cluster.exact.small import small_arrays
from fastkm.cluster.streaming import chunks
from tests import naive

FIELDS = [field.name for field in fields(KMeans1D) if field.name != "profile"]
TINY, HUGE = 1e-290, 1e300


@contextmanager
def several_passes(few=20, cells=64):
    """Make tables so small that the way of big data is taken for more than `few` values.

    Gives the patch, which is undone at the end: another that begins within would put back what is
    set here.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MAX_SORTED", "MAX_COPIED", "MAX_COPIED_OF_LAZY", "GATHERED_AT_ONCE"):
            patch.setattr(collectors, name, few)
        for name in ("FINER_BINS", "FINER_BINS_OF_LAZY"):
            patch.setattr(key_histograms, name, cells)
        patch.setattr(weighted_histograms, "BINS", cells)
        patch.setattr(solver, "WINDOWS", cells // 16)
        patch.setattr(small_arrays, "MAX_SMALL", 0)
        patch.setattr(chunks, "CHUNK_VALUES", 32)
        patch.setattr(threads, "CHUNK_BYTES", 128)
        yield patch


def assert_same(got, wanted, *, but=()):
    """Hold that two results are equal bit for bit, but for some fields."""
    for name in FIELDS:
        one, other = np.asarray(getattr(got, name)), np.asarray(getattr(wanted, name))
        assert one.dtype == other.dtype, name
        if name not in but:
            assert one.tobytes() == other.tobytes(), (name, one, other)
    if "profile" not in but:
        for name in ("values", "weights", "counts", "widths"):
            one, other = getattr(got.profile, name), getattr(wanted.profile, name)
            assert one.tobytes() == other.tobytes(), f"profile.{name}"


def present(values, weights=None):
    """Give the values that count, ascending, as plain numbers, and their weights."""
    values = np.asarray(values)
    weights = np.ones(values.shape) if weights is None else np.broadcast_to(weights, values.shape)
    keep = weights > 0
    if values.dtype.kind == "f":
        keep = keep & ~np.isnan(values)
    values, weights = values[keep], weights[keep]
    order = np.argsort(values, kind="stable")
    return values[order], weights[order]


def optimum(values, weights, k):
    """Find the least cost and, of the partitions that have it, the counts of the lowest."""
    ends = [0, *(np.flatnonzero(values[1:] != values[:-1]) + 1).tolist(), len(values)]
    numbers = values - values[0] if values.dtype.kind in "iu" else values
    cost, counts = _find_optimum(tuple(numbers.tolist()), tuple(weights.tolist()), tuple(ends), k)
    return cost, list(counts)


@lru_cache(maxsize=8)  # tests of the same data, clustered in several ways, follow each other
def _find_optimum(numbers, weights, ends, k):
    costs = naive.segment_costs(numbers, weights, ends)
    m = len(ends) - 1
    layers = [[0], *[list(range(1, m))] * (k - 1), [m]]
    table, cuts = naive.solve_layers(costs, layers)
    path = [m]
    for layer, cut in zip(layers[:0:-1], cuts[:0:-1], strict=True):
        path.append(cut[layer.index(path[-1])])
    return table[-1][-1], np.diff([ends[at] for at in path[::-1]]).tolist()


def close(number, exact, relative):
    """Tell whether a float is a fraction, nearly; beyond float64 it must be inf, below about 0."""
    if abs(exact) > HUGE:
        return abs(number) > HUGE / 10
    if abs(exact) < TINY:
        return abs(number) < 10 * TINY
    if not np.isfinite(number):
        return False
    return abs(Fraction(float(number)) - exact) <= Fraction(relative) * abs(exact)


def assert_consistent(result, values, weights=None):
    """Hold that all fields of a result speak of the partition that it predicts."""
    result_is_weighted = weights is not None
    values, weights = present(values, weights)
    k, labels = result.k, result.predict(values)
    assert result.centroids.shape == result.counts.shape == result.weights.shape == (k,)
    assert (result.breaks.shape, result.ranges.shape) == ((k - 1,), (k, 2))
    assert np.bincount(labels, minlength=k).tolist() == result.counts.tolist()
    assert (np.diff(result.centroids) >= 0).all()
    inertia = 0
    extent = float(values[-1]) - float(values[0])
    heaviest = Fraction(float(max(weights))) if result_is_weighted else Fraction(0)
    for j in range(k):
        part, own = values[labels == j].tolist(), naive.as_fractions(weights[labels == j])
        numbers, total = [Fraction(value) for value in part], sum(own)
        mean = sum(map(Fraction.__mul__, numbers, own)) / total
        square = sum(w * (x - mean) ** 2 for x, w in zip(numbers, own, strict=True))
        inertia += square
        assert result.ranges[j].tolist() == [float(part[0]), float(part[-1])]
        largest = max(abs(numbers[0]), abs(numbers[-1]))
        slip = abs(Fraction(float(result.centroids[j])) - mean)
        assert slip <= Fraction(4e-16) * largest + Fraction(5e-324)
        assert close(result.weights[j], total, 1e-14)
        exact = square / total
        if not close(result.variances[j], exact, 1e-11):
            # if values are binned, a weight is summed to 2^-83 of the heaviest one
            slip = len(part) * Fraction(2) ** -83 * heaviest * Fraction(extent) ** 2 / total
            assert abs(Fraction(float(result.variances[j])) - exact) <= slip
        if j < k - 1:
            assert part[-1] <= result.breaks[j].item() < values[labels == j + 1][0].item()
    assert close(result.inertia, inertia, 1e-12)
    assert_fits(result, values, weights)


def assert_fits(result, values, weights):
    """Hold that the profile is of the whole data, and that its bins belong to clusters."""
    profile = result.profile
    assert (np.diff(profile.values) >= 0).all()
    if result.breaks.dtype.kind != "f":  # integers beyond 2^53, which a float64 profile rounds
        return
    cluster = np.searchsorted(result.breaks, profile.values, side="left")
    totals = np.bincount(cluster, profile.counts, minlength=result.k)
    assert totals.tolist() == result.counts.tolist()
    heavy = np.bincount(cluster, profile.weights, minlength=result.k)
    np.testing.assert_allclose(heavy, result.weights, rtol=1e-13)
    assert (profile.widths >= 0).all()
    alone = profile.widths == 0
    assert np.isin(profile.values[alone], values.astype(float)).all()


def assert_optimal(values, k, weights=None):
    """Hold that the result is the optimum, exactly, with the lowest breaks; give it."""
    result = kmeans1d(values, k, weights=weights)
    _, counts = optimum(*present(values, weights), k)
    assert result.counts.tolist() == counts
    assert result.gap == 0.0
    assert_consistent(result, values, weights)
    return result


def possible(values, k, weights=None):
    """Give k, or the number of distinct values if that is less."""
    return min(k, len(set(present(values, weights)[0].tolist())))


def random_values(seed, kind, dtype, size):
    """Some values of a kind, of any type."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=size)
    if kind == "skewed":
        x = np.exp(3 * x)
    elif kind == "rounded":
        x = np.round(x * 4) / 4
    elif kind == "outlier":
        x[rng.integers(size)] = 1e4
    elif kind == "spread":
        x = np.sign(x) * 10.0 ** rng.uniform(-4, 4, size)
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        return x.astype(dtype)
    if dtype.kind == "b":
        return x > 0
    reach = min(np.iinfo(dtype).max // 2, 2**52)
    steps = np.round(x / np.abs(x).max() * reach).astype(np.int64)
    return (steps + (reach if dtype.kind == "u" else 0)).astype(dtype)


def random_chunks(rng, values, weights=None):
    """Cut values, and weights with them, at random places; some chunks are empty."""
    ends = np.sort(rng.integers(0, len(values) + 1, 6)).tolist()
    spans = itertools.pairwise([0, *ends, len(values)])
    if weights is None:
        return [values[a:b] for a, b in spans]
    return [(values[a:b], weights[a:b]) for a, b in spans]
