"""Exact medians and distances against fractions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastkm._kernels.dynamic_program import accumulate_moments
from fastkm.cluster.exact.medians import exact_segments
from fastkm.cluster.exact.medians.exact_segments import ExactSegments, SortedRows
from tests import naive


def make_segments(values, weights, *, noise=0.0, scale=1.0):
    """Make segments of sorted values; `noise` spoils the rounded sums, in units of `scale`."""
    starts = np.flatnonzero(np.append(True, np.diff(values) > 0))
    sums = np.zeros((6, len(starts)))
    sums[0] = np.add.reduceat(weights, starts)
    prefix, distinct = np.empty((6, len(starts) + 1)), values[starts] * scale
    accumulate_moments(distinct, sums, distinct[len(starts) // 2], prefix)
    prefix[0] += noise * np.arange(len(starts) + 1)
    rows = SortedRows(values, weights, np.append(starts, len(values)))
    return ExactSegments(rows, prefix, 2), distinct, sums[0]


@pytest.mark.parametrize("block", [2, 1 << 11])
@pytest.mark.parametrize("noise", [0.0, 3.0])
@given(seed=st.integers(0, 2**32))
def test_medians_and_costs_are_exact(block, noise, seed):
    rng = np.random.default_rng(seed)
    values = np.sort(np.round(rng.normal(size=9) * 3) * rng.choice([1.0, 0.1, 1e100]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact_segments, "BLOCK", block)
        # weights of quarters: sums of equal values are exact
        segments, distinct, weights = make_segments(values, rng.choice([1.0, 0.25], 9), noise=noise)
        costs = naive.deviation_costs(distinct, weights)
        unit = None
        for (j, i), cost in costs.items():
            if i - j < 1:
                continue
            t, even = segments.find_median(j, i)
            assert t == naive.find_median(weights, j, i)
            assert even == (2 * weights[j : t + 1].sum() == weights[j:i].sum())
            median = segments.compute_median(j, i)
            assert distinct[t] <= median <= distinct[min(t + even, i - 1)]
            found = segments.compute_cost(j, i)
            assert (found == 0) == (cost == 0)
            if cost:
                unit = unit or found / cost
                assert found / cost == unit


def test_the_median_of_two_is_half_way_even_if_the_sum_overflows():
    segments, *_ = make_segments(np.array([1e308, 1.5e308]), np.ones(2), scale=2.0**-900)
    assert segments.compute_median(0, 2) == 1.25e308
    assert segments.compute_median(0, 1) == 1e308
