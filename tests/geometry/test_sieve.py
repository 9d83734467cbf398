"""Small regions join the label around them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastkm.geometry.sieve import sieve_labels
from tests import naive


def sieve(labels, limit, *, fill_holes=False, **options):
    """Sieve integers of which the negative ones are missing."""
    missing = labels < 0
    return sieve_labels(labels, missing, limit, holes=missing if fill_holes else None, **options)


@given(
    st.integers(0, 2**32 - 1),
    st.tuples(st.integers(1, 8), st.integers(1, 9)),
    st.integers(1, 5),
    st.sampled_from([0.0, 0.15, 0.5]),
    st.integers(0, 12),
    st.sampled_from([4, 8]),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_is_its_naive_twin(
    seed, shape, classes, gone, limit, connectivity, periodic, fill_holes, weighted
):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, shape)
    labels[rng.random(shape) < gone] = -1
    areas = rng.integers(0, 4, shape) if weighted else None
    options = {"connectivity": connectivity, "periodic": periodic, "fill_holes": fill_holes}
    expected = naive.sieve(labels, limit, areas=areas, **options)
    np.testing.assert_array_equal(sieve(labels, limit, areas=areas, **options), expected)
