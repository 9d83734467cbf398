"""The farthest pair beside cdist."""

import itertools
import math
import tracemalloc

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from fastkm import max_pairwise_distance
from fastkm._kernels import farthest_pair, ring_diameters
from fastkm.geometry import distance
from fastkm.geometry.diameters import farthest_in_plane
from fastkm.geometry.distance import exceeds_distance, max_pairwise_distances
from tests.conftest import COMPILED, needs_jit
from tests.from_file import from_file

SEEDS = st.integers(0, 2**32)
SIZE = 200 if COMPILED else 60


def sliver(rng, n):
    """Nearly collinear: the products round, so points lie off the line by an ulp."""
    return np.outer(np.sort(rng.random(n)), [0.1, 0.3])


KINDS = {
    "random": lambda rng, n: rng.normal(size=(n, 2)),
    "lattice": lambda rng, n: rng.integers(0, 12, (n, 2)).astype(float),
    "row": lambda rng, n: np.column_stack([rng.random(n), np.full(n, 0.3)]),
    "column": lambda rng, n: np.column_stack([np.full(n, 0.3), rng.random(n)]),
    "diagonal": lambda rng, n: np.outer(rng.integers(0, 99, n), [1.0, 3.0]),
    "sliver": sliver,
    "turned sliver": lambda rng, n: sliver(rng, n) @ [[0.6, 0.8], [-0.8, 0.6]],
    "offset sliver": lambda rng, n: sliver(rng, n) + np.array([1e3, -1e4]),
    "duplicates": lambda rng, n: rng.normal(size=(9, 2))[rng.integers(0, 9, n)],
    "circle": lambda rng, n: np.exp(2j * np.pi * rng.random(n)).view(float).reshape(n, 2),
    "even circle": lambda rng, n: np.exp(2j * np.pi * np.arange(n) / n).view(float).reshape(n, 2),
    "flat ellipse": lambda rng, n: (
        np.exp(2j * np.pi * rng.random(n)).view(float).reshape(n, 2) * [1, 1e-9]
    ),
    "parabola": lambda rng, n: np.column_stack([np.arange(n), np.arange(n) ** 2.0]),
    "offset": lambda rng, n: rng.normal(size=(n, 2)) + 1e9,
    "contour": lambda rng, n: np.round(np.cumsum(rng.integers(-1, 2, (n, 2)), axis=0)) / 2,
    "two": lambda rng, n: rng.normal(size=(2, 2)),
    "three": lambda rng, n: rng.normal(size=(3, 2)),
    "large": lambda rng, n: rng.normal(size=(n, 2)) * 1e150,
    "small": lambda rng, n: rng.normal(size=(n, 2)) * 1e-150,
}


def reference(points):
    points = np.asarray(points, float)
    return cdist(points, points).max()


def corners_searched(points):
    """Run the hull's way with its chains, however few corners there are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(farthest_in_plane, "MANY_CORNERS", 0)
        return max_pairwise_distance(points, method="hull", return_pair=True)


def strips_searched(points):
    """Run the hull's way with its strips, however few points there are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(farthest_in_plane, "MANY_LEFT", 4)
        patch.setattr(farthest_in_plane, "STRIPS", 8)
        patch.setattr(farthest_in_plane, "ROWS", 64)
        return max_pairwise_distance(points, method="hull", return_pair=True)


@pytest.mark.parametrize("kind", KINDS)
@given(SEEDS)
def test_every_way_gives_the_maximum_of_cdist(kind, seed):
    points = KINDS[kind](np.random.default_rng(seed), SIZE)
    wanted = reference(points)
    assert max_pairwise_distance(points) == pytest.approx(wanted, rel=1e-12, abs=0)
    assert max_pairwise_distance(points, method="hull") == pytest.approx(wanted, rel=1e-12, abs=0)
    assert max_pairwise_distance(points, method="chunked") == pytest.approx(
        wanted, rel=1e-12, abs=0
    )
    assert corners_searched(points).distance == pytest.approx(wanted, rel=1e-12, abs=0)
    assert strips_searched(points).distance == pytest.approx(wanted, rel=1e-12, abs=0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["hull", "chunked", "chains", "strips"])
def test_the_pair_lies_at_the_distance(kind, method):
    points = KINDS[kind](np.random.default_rng(4), SIZE)
    if method in ("chains", "strips"):
        found = (corners_searched if method == "chains" else strips_searched)(points)
    else:
        found = max_pairwise_distance(points, method=method, return_pair=True)
    assert 0 <= found.first <= found.second < len(points)
    assert cdist(points[[found.first]], points[[found.second]]).item() == pytest.approx(
        found.distance, rel=1e-12, abs=0
    )


@given(SEEDS)
def test_hull_and_chunked_find_the_same_lowest_rows(seed):
    points = KINDS["lattice"](np.random.default_rng(seed), 40)
    pair = max_pairwise_distance(points, method="chunked", return_pair=True)
    assert max_pairwise_distance(points, method="hull", return_pair=True) == pair
    assert strips_searched(points) == pair


@needs_jit
@pytest.mark.parametrize("n", [1025, 3000])
def test_more_corners_than_are_compared_in_pairs(n):
    points = KINDS["even circle"](None, n) * [3, 2]
    box, _ = farthest_in_plane.find_bounding_box(points)
    assert len(farthest_in_plane.find_hull_corners(points, box)) > farthest_in_plane.MANY_CORNERS
    assert max_pairwise_distance(points) == pytest.approx(reference(points), rel=1e-12, abs=0)


@pytest.mark.parametrize("d", [1, 2, 3, 5])
@pytest.mark.parametrize("n", [1, 2, 50])
def test_any_dimension(d, n):
    points = np.random.default_rng(d).normal(size=(n, d))
    assert max_pairwise_distance(points) == pytest.approx(reference(points), rel=1e-12, abs=0)
    assert max_pairwise_distance(points, method="chunked") == max_pairwise_distance(points)


@pytest.mark.parametrize("method", ["auto", "hull", "chunked"])
def test_one_point_is_at_no_distance_from_itself(method):
    found = max_pairwise_distance([[3.0, 4.0]], method=method, return_pair=True)
    assert found == (0.0, 0, 0)


@pytest.mark.parametrize("method", ["hull", "chunked"])
def test_equal_points_are_at_no_distance(method):
    assert max_pairwise_distance(np.full((20, 2), 0.1), method=method) == 0.0


@pytest.mark.parametrize("dtype", ["i1", "u1", "i4", "u8", "f2", "f4", ">f8", "?"])
def test_any_real_type_is_measured_in_float64(dtype):
    points = (np.random.default_rng(1).random((30, 2)) * 100).astype(dtype)
    assert max_pairwise_distance(points) == pytest.approx(reference(points), rel=1e-12, abs=0)


@pytest.mark.parametrize(
    "layout",
    [np.asfortranarray, lambda a: a[::-1], lambda a: np.repeat(a, 2, 1)[:, ::2], np.ndarray.tolist],
    ids=["F", "backwards", "gaps", "list"],
)
def test_any_layout(layout):
    points = np.random.default_rng(2).normal(size=(30, 2))
    assert max_pairwise_distance(layout(points)) == max_pairwise_distance(points)


def test_the_result_is_a_plain_float():
    assert type(max_pairwise_distance([[0, 0], [3, 4]])) is float


@pytest.mark.parametrize("method", ["hull", "chunked"])
def test_masked_rows_are_left_out_and_rows_are_numbered_as_they_came(method):
    points = np.ma.MaskedArray([[9e9, 0], [0, 0], [0, 9e9], [3, 4], [1, 1]], False)
    points[0], points[2, 1] = np.ma.masked, np.ma.masked
    assert max_pairwise_distance(points, method=method, return_pair=True) == (5.0, 1, 3)


def test_a_masked_nan_is_left_out():
    points = np.ma.masked_invalid([[np.nan, 0], [0, 0], [3, 4]])
    assert max_pairwise_distance(points) == 5.0


def test_missing_cells_of_a_dataarray_are_left_out():
    points = xr.DataArray([[-999.0, 0], [0, 0], [3, 4]], dims=("point", "axis"))
    points = from_file(points, _FillValue=-999.0)
    assert max_pairwise_distance(points, return_pair=True) == (5.0, 1, 2)


@pytest.mark.parametrize(
    ("points", "method", "message"),
    [
        ([1.0, 2.0], "auto", r"shape \(n, d\), got \(2,\)"),
        (np.zeros((2, 2, 2)), "auto", r"shape \(n, d\)"),
        (5.0, "auto", r"shape \(n, d\)"),
        (np.empty((0, 2)), "auto", "no point"),
        (np.empty((3, 0)), "auto", "points must have shape"),
        (np.ma.masked_all((3, 2)), "auto", "no point"),
        ([[0.0, np.nan]], "auto", "row 0"),
        ([[0.0, 0.0], [np.inf, 0.0]], "chunked", "row 1"),
        ([[0.0, 0.0]], "brute", "method must be one of 'auto', 'hull', 'chunked', got 'brute'"),
        ([[0.0, 0.0, 0.0]], "hull", r"'hull' needs points of shape \(n, 2\), got \(1, 3\)"),
    ],
)
def test_bad_input_is_a_value_error_that_says_what_came(points, method, message):
    with pytest.raises(ValueError, match=message):
        max_pairwise_distance(points, method=method)


@pytest.mark.parametrize("points", [[["a", "b"]], [[None, 1]]])
def test_what_is_no_real_number_is_a_type_error(points):
    with pytest.raises(TypeError, match="points must hold real numbers"):
        max_pairwise_distance(points)


@pytest.mark.parametrize("method", ["hull", "chunked"])
def test_any_number_of_threads_gives_the_same_pair(method, monkeypatch):
    points = KINDS["lattice"](np.random.default_rng(6), 150)
    monkeypatch.setattr(farthest_in_plane, "CHUNK", 8)
    monkeypatch.setattr(farthest_in_plane, "MANY_LEFT", 8)
    monkeypatch.setattr(farthest_in_plane, "ROWS", 16)
    pairs = set()
    for threads in ("1", "2", "5"):
        monkeypatch.setenv("FASTKM_NUM_THREADS", threads)
        pairs.add(max_pairwise_distance(points, method=method, return_pair=True))
    monkeypatch.setenv("FASTKM_NUM_THREADS", "7")
    pairs.add(max_pairwise_distance(points, method=method, return_pair=True, threads=3))
    assert len(pairs) == 1


@needs_jit
@pytest.mark.parametrize("method", ["auto", "chunked"])
def test_memory_grows_with_the_points_not_with_the_pairs(method):
    points = np.cumsum(np.random.default_rng(0).integers(-1, 2, (10_000, 2)), axis=0) / 2
    max_pairwise_distance(points[:9], method=method)  # compiled
    tracemalloc.start()
    try:
        found = max_pairwise_distance(points, method=method)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found > 0
    assert peak < 10e6


TRIPLE = [[0.30000000000000004, 0.8999999999999999], [4.2, 12.6], [6.9, 20.7]]


def test_a_hull_that_rounding_walks_twice_stays_in_its_buffer():
    points = np.array(TRIPLE)
    corners = np.full(2 * len(points) + 4, -7)
    size = farthest_pair.find_hull(points, corners)
    assert size <= 2 * len(points)
    assert (corners[2 * len(points) :] == -7).all()
    assert max_pairwise_distance(points) == pytest.approx(cdist(points, points).max(), rel=1e-12)


@pytest.mark.parametrize("exponent", [-1000, -600, 500, 515, 1000])
@pytest.mark.parametrize("method", ["hull", "chunked"])
def test_squares_neither_overflow_nor_underflow(exponent, method):
    points = np.random.default_rng(0).normal(size=(50, 2))
    wanted = np.ldexp(max_pairwise_distance(points), exponent)
    assert max_pairwise_distance(np.ldexp(points, exponent), method=method) == wanted


def test_strips_leave_few_of_many_points():
    rng = np.random.default_rng(5)
    n = 100_000 if COMPILED else 3000
    angle, radius = rng.random(n) * 2 * np.pi, 100 + rng.normal(size=n)
    ring = np.column_stack([radius * np.cos(angle), 2 * radius * np.sin(angle)])
    box, finite = farthest_in_plane.find_bounding_box(ring)
    assert finite
    for axis in (0, 1):
        kept = farthest_in_plane.find_outer_rows(ring, box, axis, farthest_in_plane.STRIPS)
        assert (np.diff(kept) > 0).all()
        assert len(kept) < n / 20


@pytest.mark.parametrize("points", [np.zeros((9, 2)), np.arange(9)[:, None] * [[0.0, 1.0]]])
def test_a_line_has_no_inside(points):
    box, _ = farthest_in_plane.find_bounding_box(points)
    assert len(farthest_in_plane.find_outer_rows(points, box, 0, farthest_in_plane.STRIPS)) == len(
        points
    )


def test_of_points_on_the_sides_of_the_box_the_ends_are_kept():
    inside = np.array([[2.0, 1.0]])
    sides = [[0, y] for y in (0, 1, 2, 3)] + [[x, 0] for x in (1, 4)] + [[4, 3], [4, 2]]
    points = np.concatenate([inside, np.array(sides, float)])
    box, _ = farthest_in_plane.find_bounding_box(points)
    assert farthest_in_plane.find_side_ends(points, box).tolist() == [0, 1, 4, 6, 7]


def pieces_of(rng, kind, sizes):
    offsets = np.cumsum([0, *sizes])
    points = [KINDS[kind](rng, max(size, 3))[:size] for size in sizes]
    return np.concatenate([*points, np.empty((0, 2))]), offsets


RAGGED_KINDS = [
    "random",
    "lattice",
    "row",
    "sliver",
    "duplicates",
    "circle",
    "contour",
    "offset",
    "large",
]


@pytest.mark.parametrize("kind", RAGGED_KINDS)
@pytest.mark.parametrize("small", [6, ring_diameters.SMALL])
@given(SEEDS, st.lists(st.integers(0, 30), min_size=0, max_size=6))
def test_many_contours_are_measured_as_each_alone(kind, small, seed, sizes):
    points, offsets = pieces_of(np.random.default_rng(seed), kind, sizes)
    pieces = [points[a:b] for a, b in itertools.pairwise(offsets)]
    with pytest.MonkeyPatch.context() as patch:
        if not COMPILED:
            patch.setattr(ring_diameters, "SMALL", small)
        each = [max_pairwise_distance(piece) if len(piece) else np.nan for piece in pieces]
        found = max_pairwise_distances(points, offsets)
        np.testing.assert_array_equal(found, each)
        limits = [d for d in each if d == d] + [0.0, -1.0, np.inf, 1.0]
        for limit in {*limits, *np.nextafter(limits, np.inf), *np.nextafter(limits, -np.inf)}:
            answers = exceeds_distance(points, limit, offsets=offsets)
            assert answers.dtype == bool
            np.testing.assert_array_equal(answers, found > limit)
            for piece, answer in zip(pieces, answers, strict=True):
                assert exceeds_distance(piece, limit) is bool(answer)


@needs_jit
@given(SEEDS, st.sampled_from(["contour", "circle", "random"]))
def test_large_contours_are_measured_as_each_alone(seed, kind):
    sizes = [700, 3, ring_diameters.SMALL, ring_diameters.SMALL + 1, 0, 2]
    points, offsets = pieces_of(np.random.default_rng(seed), kind, sizes)
    each = [
        max_pairwise_distance(points[a:b]) if b > a else np.nan
        for a, b in itertools.pairwise(offsets)
    ]
    found = max_pairwise_distances(points, offsets)
    np.testing.assert_array_equal(found, each)
    for limit in found[:4]:
        np.testing.assert_array_equal(
            exceeds_distance(points, limit, offsets=offsets), found > limit
        )


@pytest.mark.parametrize("d", [1, 3, 5])
@given(SEEDS)
def test_contours_of_any_dimension(d, seed):
    points = np.random.default_rng(seed).normal(size=(40, d))
    offsets = [0, 10, 10, 11, 40]
    each = [
        max_pairwise_distance(points[a:b]) if b > a else np.nan
        for a, b in itertools.pairwise(offsets)
    ]
    found = max_pairwise_distances(points, offsets)
    np.testing.assert_array_equal(found, each)
    for limit in (found[0], found[3], np.nextafter(found[0], 0), 1e-3, 99.0, -1.0):
        np.testing.assert_array_equal(
            exceeds_distance(points, limit, offsets=offsets), found > limit
        )


def test_the_search_of_all_pairs_ends_with_the_first_beyond(monkeypatch):
    calls = []
    real = farthest_in_plane.find_farthest_in_columns
    monkeypatch.setattr(farthest_in_plane, "CHUNK", 4)
    monkeypatch.setattr(farthest_in_plane, "FEW", 3)
    monkeypatch.setattr(
        farthest_in_plane, "find_farthest_in_columns", lambda *a: (calls.append(1), real(*a))[1]
    )
    points = np.random.default_rng(0).random((40, 3))
    longest = max_pairwise_distance(points)
    calls.clear()
    assert exceeds_distance(points, 1.1, threads=1)
    assert len(calls) < 10
    calls.clear()
    assert not exceeds_distance(points, longest, threads=1)
    assert len(calls) == 10


@pytest.mark.parametrize(
    "limit", [0.0, 5e-324, 1e-320, 1e-160, 0.1, 1 / 3, 1.0, 3.0, 1e160, 1.7e308, np.inf]
)
def test_the_largest_square_below_a_limit_is_exact(limit):
    square = farthest_in_plane.find_largest_square(limit)
    assert math.sqrt(square) <= limit
    if square < math.inf:
        assert math.sqrt(math.nextafter(square, math.inf)) > limit


def test_masked_rows_are_left_out_of_contours():
    points = np.ma.MaskedArray([[0, 0], [9e9, 0], [3, 4], [0, 0], [np.nan, 1], [1, 0]], False)
    points[1], points[4] = np.ma.masked, np.ma.masked
    offsets = [0, 3, 6]
    assert max_pairwise_distances(points, offsets).tolist() == [5, 1]
    assert exceeds_distance(points, 2, offsets=offsets).tolist() == [True, False]
    assert exceeds_distance(points, 2)
    assert np.isnan(max_pairwise_distances(points, [0, 1, 2, 6])[1])


@pytest.mark.parametrize("points", [np.empty((0, 2)), np.empty((0, 3)), np.ma.masked_all((3, 2))])
def test_no_point_exceeds_nothing(points):
    assert exceeds_distance(points, -1.0) is False
    assert exceeds_distance(points, 0.0, offsets=[0, len(points)]).tolist() == [False]


@pytest.mark.parametrize("offsets", [[0], np.array([0], np.uint8)])
def test_there_may_be_no_contour(offsets):
    points = np.empty((0, 2))
    assert exceeds_distance(points, 0.0, offsets=offsets).shape == (0,)
    assert max_pairwise_distances(points, offsets).shape == (0,)


@pytest.mark.parametrize("dtype", ["i4", "u8", "f4", ">f8"])
@pytest.mark.parametrize("layout", [np.asfortranarray, lambda a: a[::-1][::-1], np.ndarray.tolist])
def test_contours_of_any_type_and_layout(dtype, layout):
    points = (np.random.default_rng(1).random((30, 2)) * 100).astype(dtype)
    offsets = np.array([0, 10, 30], "u4")
    wanted = max_pairwise_distances(points.astype(float), offsets)
    np.testing.assert_array_equal(max_pairwise_distances(layout(points), offsets), wanted)
    points.flags.writeable = False
    assert (
        exceeds_distance(points, wanted[0], offsets=offsets).tolist()
        == (wanted > wanted[0]).tolist()
    )


@pytest.mark.parametrize(
    ("offsets", "error", "message"),
    [
        ([0, 2], ValueError, "offsets must ascend from 0 to the number of points, 3, got 0 ... 2"),
        ([1, 3], ValueError, "got 1 ... 3"),
        ([0, 2, 1, 3], ValueError, "got 0 ... 3, not ascending"),
        ([], TypeError, "offsets must be integers, got float64"),
        (np.empty(0, int), ValueError, r"offsets must have shape \(m \+ 1,\), got \(0,\)"),
        ([[0, 3]], ValueError, r"got \(1, 2\)"),
        ([0.0, 3.0], TypeError, "offsets must be integers, got float64"),
    ],
)
def test_bad_offsets_are_an_error_that_says_what_came(offsets, error, message):
    for call in (
        lambda: exceeds_distance(np.zeros((3, 2)), 1.0, offsets=offsets),
        lambda: max_pairwise_distances(np.zeros((3, 2)), offsets),
    ):
        with pytest.raises(error, match=message):
            call()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("metric", distance.METRICS)
def test_what_is_not_finite_is_an_error_in_any_contour(bad, d, metric):
    points = np.zeros((700, d))
    points[650, 1] = bad
    message = "row 650" if metric == "euclidean" or d == 2 else r"shape \(n, 2\)"
    for call in (
        lambda: exceeds_distance(points, 1.0, metric=metric),
        lambda: exceeds_distance(points, 1.0, offsets=[0, 3, 700], metric=metric),
        lambda: max_pairwise_distances(points, [0, 600, 700], metric=metric),
        lambda: max_pairwise_distance(points, metric=metric),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_bad_thresholds_are_an_error_that_says_what_came():
    with pytest.raises(TypeError, match="threshold must be a number, got 'far'"):
        exceeds_distance([[0, 0]], "far")
    with pytest.raises(ValueError, match="threshold must be a number, got nan"):
        exceeds_distance([[0, 0]], np.nan)
    assert exceeds_distance([[0, 0], [3, 4]], np.float32(4.9))
    assert exceeds_distance([[0, 0], [3, 4]], np.int8(4))


@pytest.mark.parametrize("threads", [0, -1, 1.5])
def test_bad_threads_are_an_error(threads):
    for call in (
        lambda: max_pairwise_distance([[0, 0]], threads=threads),
        lambda: exceeds_distance([[0, 0]], 1, threads=threads),
        lambda: max_pairwise_distances([[0, 0]], [0, 1], threads=threads),
    ):
        with pytest.raises(ValueError, match="threads must be a positive integer"):
            call()


@pytest.mark.parametrize("exponent", [-1000, -600, 500, 1000])
def test_contours_whose_squares_overflow_or_underflow(exponent):
    points = np.random.default_rng(0).normal(size=(50, 2))
    points[20:] = np.ldexp(points[20:], exponent)
    offsets = [0, 20, 50]
    each = [max_pairwise_distance(points[a:b]) for a, b in itertools.pairwise(offsets)]
    np.testing.assert_array_equal(max_pairwise_distances(points, offsets), each)
    for limit in each:
        assert exceeds_distance(points, limit, offsets=offsets).tolist() == [
            d > limit for d in each
        ]


@pytest.mark.parametrize("metric", ["euclidean", "great_circle", "geodesic"])
def test_a_pair_is_of_plain_numbers(metric):
    points = np.random.default_rng(8).normal(size=(300, 2)) * 20
    for some in (points, points[:3]):
        pair = max_pairwise_distance(some, metric=metric, return_pair=True)
        assert [type(part) for part in pair] == [float, int, int]
