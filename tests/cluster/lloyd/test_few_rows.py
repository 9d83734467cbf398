"""Few rows get what many rows get, to the bit."""

import numpy as np
import pytest

from fastkm.cluster.lloyd import few_rows
from fastkm.cluster.lloyd.fit import assign_rows, fit_rows
from tests.clouds import cloud


@pytest.mark.parametrize(("dtype", "d"), [("f4", 3), ("f4", 13), ("f8", 1), ("f8", 16)])
@pytest.mark.parametrize(("n", "k"), [(1, 1), (30, 4), (300, 3), (600, 2)])
def test_few_rows_get_what_many_get(monkeypatch, dtype, d, n, k):
    x = cloud(n + d, "noise", n, d, dtype, "C")
    few = fit_rows(x, k, rng=np.random.RandomState(1))
    few_assigned = assign_rows(x, few.centroids)
    monkeypatch.setattr(few_rows, "FEW_PRODUCTS", 0)
    many = fit_rows(x, k, rng=np.random.RandomState(1))
    many_assigned = assign_rows(x, few.centroids)
    np.testing.assert_array_equal(few.centroids, many.centroids)
    np.testing.assert_array_equal(few.labels, many.labels)
    assert few[2:] == many[2:]
    np.testing.assert_array_equal(few_assigned.labels, many_assigned.labels)
    assert few_assigned.inertia == many_assigned.inertia
