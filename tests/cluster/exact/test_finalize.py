"""Breaks in each type lie where the partition is cut."""

import numpy as np
import pytest

from fastkm.cluster.exact.finalize import compute_breaks

FLOATS = ["f2", "f4", "f8"]


def one(low, high, below, above, dtype, start=0):
    """Give the break between two centroids, and the values next to it."""
    centroids = np.array([low, high], float)
    found = compute_breaks(
        centroids, np.array([below], float), np.array([above], float), np.dtype(dtype), start
    )
    assert found.shape == (1,)
    return found[0]


@pytest.mark.parametrize("dtype", [*FLOATS, "i1", "u2", "i4", "u8"])
def test_a_break_is_the_midpoint_of_centroids(dtype):
    assert one(2, 10, 4, 8, dtype) == 6.0


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_float_break_is_a_number_of_the_type(dtype):
    middle = one(0.1, 0.3, 0.15, 0.29, dtype)
    assert middle == np.dtype(dtype).type(0.2)


@pytest.mark.parametrize("dtype", ["i1", "i8", "u4"])
def test_a_break_between_integers_is_rounded_down(dtype):
    assert one(2, 9, 4, 8, dtype) == 5.0


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("value", [1.0, -1.0, 0.0, 300.0])
def test_a_break_between_neighbours_is_the_lower(dtype, value):
    typed = np.dtype(dtype).type
    above = np.nextafter(typed(value), typed(np.inf))
    for middle in (value - 1, value, float(above), float(above) + 1):
        assert one(middle, middle, value, float(above), dtype) == value


@pytest.mark.parametrize("dtype", ["i1", "i2", "i8"])
def test_a_break_between_neighbouring_integers_is_the_lower(dtype):
    for middle in (3, 5, 5.5, 6, 9):
        assert one(middle, middle, 5, 6, dtype) == 5.0


@pytest.mark.parametrize(
    ("dtype", "start"), [("i8", 2**60 + 1), ("u8", 2**63 + 1), ("i8", -(2**62) - 1)]
)
def test_breaks_of_huge_integers_keep_all_digits(dtype, start):
    found = one(2, 9, 4, 8, dtype, start)
    assert found.dtype == dtype
    assert int(found) == start + 5


def test_breaks_at_the_ends_of_float64_do_not_overflow():
    most = np.finfo("f8").max
    with np.errstate(all="raise"):
        assert one(most / 2, most, most / 2, most, "f8") == pytest.approx(most * 0.75)
        assert one(-most, most, -most, most, "f8") == 0.0
