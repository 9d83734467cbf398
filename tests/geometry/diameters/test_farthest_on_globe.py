"""Diameters on the globe beside all pairs, measured by haversines and by pyproj."""

import itertools
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from fastkm import max_pairwise_distance
from fastkm.geometry.diameters import farthest_on_globe
from fastkm.geometry.diameters.farthest_on_globe import EARTH_RADIUS
from fastkm.geometry.distance import exceeds_distance, max_pairwise_distances
from tests.conftest import COMPILED, needs_jit

SEEDS = st.integers(0, 2**32)
METRICS = ["great_circle", "geodesic"]
SIZE = 60 if COMPILED else 24


def anywhere(rng, n):
    return np.column_stack([np.degrees(np.arcsin(rng.uniform(-1, 1, n))), rng.uniform(0, 360, n)])


def cluster(rng, n):
    """A few points at any scale, anywhere between the poles."""
    scale = 10 ** rng.uniform(-6, 1)
    points = rng.uniform([-80, -180], [80, 180]) + scale * rng.normal(size=(n, 2))
    return np.clip(points, [-90, -999], [90, 999])


def antipodal(rng, n):
    """Pairs of points that are almost antipodes."""
    points = cluster(rng, n)
    points[::2] = points[::2] * [-1, 1] + [0, 180]
    return points


def grown(rng, n):
    """A circle around any point, of any radius, rough or not."""
    angle, radius = np.linspace(0, 2 * np.pi, n, endpoint=False), rng.uniform(0.01, 3)
    radius *= 1 + rng.choice([0, 1e-3]) * rng.normal(size=n)
    x = np.stack([np.sin(radius) * np.cos(angle), np.sin(radius) * np.sin(angle), np.cos(radius)])
    turned = np.linalg.qr(rng.normal(size=(3, 3)))[0] @ x
    latitude = np.degrees(np.arcsin(np.clip(turned[2], -1, 1)))
    return np.column_stack([latitude, np.degrees(np.arctan2(turned[1], turned[0]))])


KINDS = {
    "anywhere": anywhere,
    "cluster": cluster,
    "antipodal": antipodal,
    "circle": grown,
    "polar cap": lambda rng, n: np.column_stack(
        [rng.uniform(80, 90, n), rng.uniform(-180, 180, n)]
    ),
    "both poles": lambda rng, n: np.column_stack(
        [rng.choice([-1, 1], n) * rng.uniform(85, 90, n), rng.uniform(0, 360, n)]
    ),
    "the poles": lambda rng, n: np.column_stack(
        [rng.choice([-90.0, 90], n), rng.uniform(0, 360, n)]
    ),
    "across 180": lambda rng, n: np.column_stack(
        [rng.uniform(-20, 20, n), (180 + rng.uniform(-9, 9, n)) - 360 * rng.integers(0, 2, n)]
    ),
    "meridian": lambda rng, n: np.column_stack(
        [rng.uniform(-90, 90, n), 30 + 180.0 * rng.integers(0, 2, n)]
    ),
    "equator": lambda rng, n: np.column_stack([np.zeros(n), rng.uniform(0, 360, n)]),
    "even equator": lambda rng, n: np.column_stack([np.zeros(n), np.arange(n) * 360 / n]),
    "odd equator": lambda rng, n: np.column_stack(
        [np.zeros(n - 1), np.arange(n - 1) * 360 / (n - 1)]
    ),
    "parallel": lambda rng, n: np.column_stack([np.full(n, 60.0), np.arange(n) * 360 / n]),
    "two parallels": lambda rng, n: np.column_stack(
        [rng.choice([-30.0, 30], n), rng.integers(0, 720, n) / 2]
    ),
    "lattice": lambda rng, n: np.column_stack(
        [rng.integers(-9, 10, n) * 10.0, rng.integers(0, 36, n) * 10.0]
    ),
    "cells": lambda rng, n: rng.integers(0, 9, (n, 2)) / 4 + [40, 100],
    "duplicates": lambda rng, n: anywhere(rng, 5)[rng.integers(0, 5, n)],
    "one place": lambda rng, n: np.repeat(anywhere(rng, 1), n, axis=0),
    "many turns": lambda rng, n: anywhere(rng, n) + 360.0 * rng.integers(-3, 4, (n, 1)) * [0, 1],
}


def brute_force(points, metric):
    """Measure the pairs whose chord is almost the longest of all: by unit vectors, or by pyproj.

    Great circles are as long as their chords or longer, by a factor that grows with the chord, and
    geodesics differ from them by less than 0.6 percent: a chord 2 percent shorter is never farthest.
    """
    a, b = np.deg2rad(points).T
    units = np.stack([np.cos(a) * np.cos(b), np.cos(a) * np.sin(b), np.sin(a)], axis=1)
    first, second = np.triu_indices(len(points))
    chords = np.linalg.norm(units[first] - units[second], axis=1)
    far = chords >= 0.98 * chords.max()
    first, second = first[far], second[far]
    if metric == "geodesic":
        p, q = points[first], points[second]
        return Geod(ellps="WGS84").inv(p[:, 1], p[:, 0], q[:, 1], q[:, 0])[2].max()
    u, v = units[first], units[second]
    sine = np.linalg.norm(np.cross(u, v), axis=1)
    return EARTH_RADIUS * np.arctan2(sine, (u * v).sum(axis=1)).max()


def by_tree(points, metric):
    """Search with the tree, however few points there are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(farthest_on_globe, "SMALL", 1)
        return max_pairwise_distance(points, metric=metric, return_pair=True)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", KINDS)
@given(SEEDS)
def test_every_way_gives_the_maximum_of_all_pairs(kind, metric, seed):
    points = KINDS[kind](np.random.default_rng(seed), SIZE)
    wanted = brute_force(points, metric)
    found = max_pairwise_distance(points, metric=metric)
    assert found == pytest.approx(wanted, rel=1e-12, abs=1e-6)
    assert by_tree(points, metric).distance == found
    assert max_pairwise_distance(points, metric=metric, method="chunked") == found


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["auto", "chunked", "tree"])
def test_the_pair_lies_at_the_distance(kind, metric, method):
    points = KINDS[kind](np.random.default_rng(4), SIZE)
    if method == "tree":
        found = by_tree(points, metric)
    else:
        found = max_pairwise_distance(points, metric=metric, method=method, return_pair=True)
    assert 0 <= found.first <= found.second < len(points)
    assert type(found.distance) is float
    assert brute_force(points[list(found[1:])], metric) == pytest.approx(
        found.distance, rel=1e-12, abs=1e-6
    )


@needs_jit
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_thousand_points(kind, metric):
    points = KINDS[kind](np.random.default_rng(7), 1000)
    found = max_pairwise_distance(points, metric=metric)
    assert found == pytest.approx(brute_force(points, metric), rel=1e-12, abs=1e-6)
    assert exceeds_distance(points, found, metric=metric) is False
    assert exceeds_distance(points, np.nextafter(found, -1), metric=metric) is True


@pytest.mark.slow
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", KINDS)
@given(SEEDS, st.lists(st.integers(0, 12), min_size=0, max_size=6))
def test_many_contours_are_measured_as_each_alone(kind, metric, seed, sizes):
    rng = np.random.default_rng(seed)
    points = np.concatenate([*(KINDS[kind](rng, max(n, 3))[:n] for n in sizes), np.empty((0, 2))])
    lengths = [min(n, len(KINDS[kind](rng, max(n, 3)))) for n in sizes]
    offsets = np.cumsum([0, *lengths])
    pieces = [points[a:b] for a, b in itertools.pairwise(offsets)]
    each = [max_pairwise_distance(p, metric=metric) if len(p) else np.nan for p in pieces]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(farthest_on_globe, "SMALL", 8)
        found = max_pairwise_distances(points, offsets, metric=metric)
        np.testing.assert_array_equal(found, each)
        limits = [*[d for d in each if d == d][:2], 0.0, 1e6]
        for limit in {*limits, *np.nextafter(limits, np.inf), *np.nextafter(limits, -1), 3e7, -1.0}:
            answers = exceeds_distance(points, limit, metric=metric, offsets=offsets)
            assert answers.dtype == bool
            np.testing.assert_array_equal(answers, found > limit)


@pytest.mark.parametrize("metric", METRICS)
def test_one_point_is_at_no_distance_from_itself(metric):
    for method in ("auto", "chunked"):
        found = max_pairwise_distance([[1, 2]], metric=metric, method=method, return_pair=True)
        assert found == (0.0, 0, 0)
    assert max_pairwise_distances([[1, 2]], [0, 0, 1], metric=metric)[1] == 0
    assert not exceeds_distance([[1, 2]], 0, metric=metric)
    assert exceeds_distance([[1, 2]], -1, metric=metric)


@pytest.mark.parametrize("metric", METRICS)
def test_no_point_exceeds_nothing(metric):
    assert exceeds_distance(np.empty((0, 2)), -1, metric=metric) is False
    assert max_pairwise_distances(np.empty((0, 2)), [0], metric=metric).shape == (0,)
    with pytest.raises(ValueError, match="no point"):
        max_pairwise_distance(np.empty((0, 2)), metric=metric)


@pytest.mark.parametrize(
    ("metric", "longest"),
    [("great_circle", np.pi * EARTH_RADIUS), ("geodesic", 20003931.458625447)],
)
@pytest.mark.parametrize(
    "points", [[[0, 0], [0, 180]], [[90, 5], [-90, 7]], [[12.5, -20], [-12.5, 160]]]
)
def test_antipodes_are_as_far_as_can_be(metric, longest, points):
    assert max_pairwise_distance(points, metric=metric) == pytest.approx(longest, abs=1e-8)
    assert not exceeds_distance(points, longest + 1e-8, metric=metric)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", ["anywhere", "circle", "odd equator", "lattice"])
def test_any_number_of_threads_gives_the_same_bits(kind, metric, monkeypatch):
    points = KINDS[kind](np.random.default_rng(6), SIZE)
    offsets = [0, 5, 9, 9, len(points) - 12, len(points)]
    monkeypatch.setattr(farthest_on_globe, "SMALL", 16)
    monkeypatch.setattr(farthest_on_globe, "PAIRS", 256)
    monkeypatch.setattr(farthest_on_globe, "PAIRS_A_CHUNK", 1024)
    monkeypatch.setattr(farthest_on_globe, "rows_per_chunk", lambda _: 2)
    results = set()
    for threads in (1, 2, 5):
        options = {"metric": metric, "threads": threads}
        results.add(
            (
                max_pairwise_distance(points, return_pair=True, **options),
                max_pairwise_distance(points, return_pair=True, method="chunked", **options)[0],
                max_pairwise_distances(points, offsets, **options).tobytes(),
                exceeds_distance(points, 1e7, offsets=offsets, **options).tobytes(),
            )
        )
    assert len(results) == 1


@pytest.mark.parametrize("metric", METRICS)
def test_masked_rows_are_left_out_and_rows_are_numbered_as_they_came(metric):
    points = np.ma.MaskedArray([[99.0, 0], [0, 0], [np.nan, 9], [0, 4], [0, 1]], False)
    points[0], points[2] = np.ma.masked, np.ma.masked
    found = max_pairwise_distance(points, metric=metric, return_pair=True)
    assert found[1:] == (1, 3)
    assert max_pairwise_distances(points, [0, 2, 5], metric=metric)[1] < found.distance


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dtype", ["i2", "f4", ">f8"])
@pytest.mark.parametrize("layout", [np.asfortranarray, lambda a: a[::-1][::-1], np.ndarray.tolist])
def test_any_type_and_layout(metric, dtype, layout):
    points = np.random.default_rng(0).integers(-90, 91, (20, 2)).astype(dtype)
    points.flags.writeable = False
    wanted = brute_force(points.astype(float), metric)
    assert max_pairwise_distance(layout(points), metric=metric) == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([[0, 0], [90.5, 0]], r"latitudes.* row 1 is \[90.5"),
        ([[-91, 0]], r"row 0 is \[-91"),
        ([[0, 0, 0]], r"shape \(n, 2\), latitude and longitude, for metric .* got \(1, 3\)"),
        ([[0, np.inf]], "row 0"),
        ([[0.0, 0], [np.nan, 0]], "row 1"),
    ],
)
def test_bad_points_are_a_value_error_that_says_what_came(metric, points, message):
    for call in (
        lambda: max_pairwise_distance(points, metric=metric),
        lambda: exceeds_distance(points, 1, metric=metric),
        lambda: max_pairwise_distances(points, [0, len(points)], metric=metric),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_no_hull_serves_on_a_globe():
    with pytest.raises(ValueError, match="every point is a corner"):
        max_pairwise_distance([[0, 0]], metric="geodesic", method="hull")


def test_an_unknown_metric_is_a_value_error():
    with pytest.raises(ValueError, match="metric must be one of 'euclidean', 'great_circle', 'geo"):
        max_pairwise_distance([[0, 0]], metric="haversine")


@given(SEEDS)
def test_the_arc_is_right_at_all_scales(seed):
    p, q = (KINDS["cluster"](np.random.default_rng(seed), 20) for _ in range(2))
    q = p + (q - p) * 1e-7
    q[:, 0] = np.clip(q[:, 0], -90, 90)
    a, b = (np.deg2rad(points.astype(np.longdouble)).T for points in (p, q))
    slant, turn = np.deg2rad((q.astype(np.longdouble) - p).T)
    near = np.sin(slant / 2) ** 2 + np.cos(a[0]) * np.cos(b[0]) * np.sin(turn / 2) ** 2
    wanted = EARTH_RADIUS * 2 * np.arcsin(np.sqrt(near)).astype(float)
    found = farthest_on_globe.great_circle(*p.T, *q.T)
    np.testing.assert_allclose(found, wanted, rtol=1e-14)
    np.testing.assert_array_equal(farthest_on_globe.great_circle(*q.T, *p.T), found)
    far = farthest_on_globe.great_circle(*p.T, -q[:, 0], q[:, 1] + 180)  # rounds by some nanometres
    np.testing.assert_allclose(np.pi * EARTH_RADIUS - far, wanted, atol=1e-7)


def test_the_order_along_a_curve_keeps_neighbours_together():
    points = anywhere(np.random.default_rng(0), 2000)
    columns = farthest_on_globe.to_unit_vectors(farthest_on_globe.SPHERE, points)
    order = farthest_on_globe.sort_along_curve(columns)
    assert sorted(order.tolist()) == list(range(2000))
    step = np.linalg.norm(np.diff(columns[:, order], axis=1), axis=0)
    assert np.median(step) < 0.1
    same = farthest_on_globe.sort_along_curve(np.repeat(columns[:, :3], 5, axis=1))
    for group in np.split(same, 3):
        assert (np.diff(group) == 1).all()


@needs_jit
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", ["anywhere", "circle", "odd equator", "duplicates"])
def test_memory_grows_with_the_points_not_with_the_pairs(metric, kind):
    points = KINDS[kind](np.random.default_rng(0), 10_000)
    max_pairwise_distance(points[:1000], metric=metric)  # compiled
    tracemalloc.start()
    try:
        max_pairwise_distance(points, metric=metric)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20e6


@needs_jit
@pytest.mark.parametrize("metric", METRICS)
def test_few_pairs_are_measured(metric, monkeypatch):
    measured = []
    real = farthest_on_globe._measure
    monkeypatch.setattr(
        farthest_on_globe,
        "_measure",
        lambda *a, **k: (measured.append(len(a[2])), real(*a, **k))[1],
    )
    rng = np.random.default_rng(0)
    for kind in ("anywhere", "cluster", "polar cap", "across 180"):
        measured.clear()
        max_pairwise_distance(KINDS[kind](rng, 20_000), metric=metric)
        assert sum(measured) < 60_000
