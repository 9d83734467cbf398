"""Small regions join the label around them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastkm.geometry.sieve import STRIPE, sieve_labels
from tests import naive

SIZES = st.tuples(st.integers(1, 8), st.integers(1, 9))


def sieve(labels, limit, *, fill_holes=False, **options):
    """Sieve integers of which the negative ones are missing."""
    missing = labels < 0
    return sieve_labels(labels, missing, limit, holes=missing if fill_holes else None, **options)


def make_labels(seed, shape, classes=4, gone=0.15):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, shape)
    labels[rng.random(shape) < gone] = -1
    return labels


@given(
    st.builds(
        make_labels,
        st.integers(0, 2**32 - 1),
        SIZES,
        st.integers(1, 5),
        st.sampled_from([0.0, 0.15, 0.5]),
    ),
    st.integers(0, 12),
    st.sampled_from([4, 8]),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_is_its_naive_twin(labels, limit, connectivity, periodic, fill_holes, weighted):
    areas = np.random.default_rng(1).integers(0, 4, labels.shape) if weighted else None
    options = {"connectivity": connectivity, "periodic": periodic, "fill_holes": fill_holes}
    expected = naive.sieve(labels, limit, areas=areas, **options)
    np.testing.assert_array_equal(sieve(labels, limit, areas=areas, **options), expected)


def test_even_stripes_have_their_turn_before_odd_ones(monkeypatch):
    monkeypatch.setattr("fastkm.geometry.sieve.STRIPE", 4)
    labels = make_labels(0, (13, 6))
    expected = naive.sieve(labels, 9, stripe=4)
    np.testing.assert_array_equal(sieve(labels, 9), expected)
    assert not np.array_equal(expected, naive.sieve(labels, 9))


def test_any_number_of_threads_does_the_same(monkeypatch):
    labels = make_labels(7, (2 * STRIPE + 9, 4))
    found = []
    for threads in ("1", "3"):
        monkeypatch.setenv("FASTKM_NUM_THREADS", threads)
        found.append(sieve(labels, 40, connectivity=8, periodic=True))
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("factor", [30, 200, 9000, 10**12])
def test_labels_may_be_large(factor):
    labels = make_labels(0, (9, 8))
    expected = np.where(labels < 0, labels, sieve(labels, 3) * factor)
    scaled = np.where(labels < 0, labels, labels * factor)
    np.testing.assert_array_equal(sieve(scaled, 3), expected)


def test_the_first_of_two_white_ends_of_a_row_joins_first():
    row = np.array([[3, 1, 1, 1, 2]])  # three neighbours of 3 are 1, 2: it becomes 1, then 2 does
    np.testing.assert_array_equal(sieve(row, 2, periodic=True), [[1, 1, 1, 1, 1]])
    tied = np.array([[0, 5, 5, 5, 4], [0, 0, 5, 4, 4]])
    np.testing.assert_array_equal(
        sieve(tied, 2, periodic=True), naive.sieve(tied, 2, periodic=True)
    )


def test_cells_that_are_no_holes_stay_missing():
    labels = np.array([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, 1, 1]])
    holes = np.zeros(labels.shape, bool)
    holes[1, 1] = True
    found = sieve_labels(labels, labels < 0, 2, holes=holes)
    np.testing.assert_array_equal(found, np.where(holes, 1, labels))


def test_an_unknown_connectivity_is_refused():
    with pytest.raises(ValueError, match="connectivity must be 4 or 8, got 6"):
        sieve(np.array([[1]]), 2, connectivity=6)
