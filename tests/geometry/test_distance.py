"""The farthest pair beside cdist."""

import tracemalloc

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from fastkm import max_pairwise_distance
from fastkm._kernels import farthest
from fastkm.geometry import distance
from tests.conftest import COMPILED, needs_jit

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
        patch.setattr(distance, "MANY_CORNERS", 0)
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


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["hull", "chunked", "chains"])
def test_the_pair_lies_at_the_distance(kind, method):
    points = KINDS[kind](np.random.default_rng(4), SIZE)
    found = (
        corners_searched(points)
        if method == "chains"
        else max_pairwise_distance(points, method=method, return_pair=True)
    )
    assert 0 <= found.first <= found.second < len(points)
    assert cdist(points[[found.first]], points[[found.second]]).item() == pytest.approx(
        found.distance, rel=1e-12, abs=0
    )


@given(SEEDS)
def test_hull_and_chunked_find_the_same_lowest_rows(seed):
    points = KINDS["lattice"](np.random.default_rng(seed), 40)
    pair = max_pairwise_distance(points, method="chunked", return_pair=True)
    assert max_pairwise_distance(points, method="hull", return_pair=True) == pair


@needs_jit
@pytest.mark.parametrize("n", [1025, 3000])
def test_more_corners_than_are_compared_in_pairs(n):
    points = KINDS["even circle"](None, n) * [3, 2]
    assert len(distance._hull_corners(np.ascontiguousarray(points))) > distance.MANY_CORNERS
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
    points.attrs["_FillValue"] = -999.0
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
        ([[0.0, 0.0]], "brute", "method must be 'auto', 'hull' or 'chunked', got 'brute'"),
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
    monkeypatch.setattr(distance, "CHUNK", 8)
    pairs = set()
    for threads in ("1", "2", "5"):
        monkeypatch.setenv("FASTKM_NUM_THREADS", threads)
        pairs.add(max_pairwise_distance(points, method=method, return_pair=True))
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
    size = farthest.hull(points, corners)
    assert size <= 2 * len(points)
    assert (corners[2 * len(points) :] == -7).all()
    assert max_pairwise_distance(points) == pytest.approx(cdist(points, points).max(), rel=1e-12)


@pytest.mark.parametrize("exponent", [-1000, -600, 500, 515, 1000])
@pytest.mark.parametrize("method", ["hull", "chunked"])
def test_squares_neither_overflow_nor_underflow(exponent, method):
    points = np.random.default_rng(0).normal(size=(50, 2))
    wanted = np.ldexp(max_pairwise_distance(points), exponent)
    assert max_pairwise_distance(np.ldexp(points, exponent), method=method) == wanted
