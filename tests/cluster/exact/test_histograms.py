"""Bins hold what a naive grouping holds; what is gathered and collected is what was asked for."""

import numpy as np
import pytest

from fastkm.cluster.exact.histograms import KeyHistogram, SmallTypeHistogram
from fastkm.cluster.streaming.source import Source
from tests.codebooks import random_values

TYPES = pytest.mark.parametrize("dtype", ["f4", "i4", "u4"])


def values_of(dtype, size=300):
    """Give values of which many share a bin of 2^11 keys, and some are equal."""
    values = random_values(1, "rounded", dtype, size)
    return values // 2**19 if values.dtype.kind in "iu" else values / 2**13 + np.float32(1)


def assert_holds(atoms, values):
    """Hold that atoms are disjoint, ascending, and have the counts and sums of the values."""
    assert (atoms.low[1:] > atoms.high[:-1]).all()
    for i in range(len(atoms.low)):
        inside = values[(values >= atoms.low[i]) & (values <= atoms.high[i])].astype("f8")
        assert atoms.counts[i] == inside.size > 0
        assert atoms.resolved[i] == (inside.min() == inside.max())
        distances = inside - atoms.base[i]
        wanted = [inside.size, distances.sum(), (distances**2).sum()]
        assert atoms.sums[::2, i] + atoms.sums[1::2, i] == pytest.approx(wanted, rel=1e-12)
    assert atoms.counts.sum() == values.size


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "f2"])
def test_codes_are_the_distinct_values(dtype):
    values = random_values(1, "rounded", dtype, 300)
    atoms = SmallTypeHistogram(np.dtype(dtype), 2).first(Source(values))
    distinct, counts = np.unique(values, return_counts=True)
    assert atoms.low.tolist() == distinct.tolist()
    assert atoms.counts.tolist() == counts.tolist()
    assert_holds(atoms, values)


def test_codes_of_both_zeros_are_one_value_and_nan_is_none():
    values = np.array([0.0, -0.0, np.nan, 1.0, -0.0], "f2")
    atoms = SmallTypeHistogram(values.dtype, 1).first(Source(values))
    assert (atoms.low.tolist(), atoms.counts.tolist()) == ([0.0, 1.0], [3, 1])


@TYPES
def test_packed_bins_hold_their_values_and_finer_ones_too(dtype):
    values = values_of(dtype)
    packed, source = KeyHistogram(np.dtype(dtype), 2), Source(values)
    atoms = packed.first(source)
    assert_holds(atoms, values)
    assert not atoms.resolved.all()
    wanted = ~atoms.resolved
    finer = packed.refine(source, packed.windows(atoms.low[wanted], atoms.high[wanted]))
    inside = np.concatenate(
        [
            values[(values >= low) & (values <= high)]
            for low, high in zip(atoms.low[wanted], atoms.high[wanted], strict=True)
        ]
    )
    assert_holds(finer, inside)
    assert finer.resolved.all()


@pytest.mark.parametrize("make", [SmallTypeHistogram, KeyHistogram])
@pytest.mark.parametrize("infinity", [np.inf, -np.inf])
def test_an_infinity_is_met(make, infinity):
    values = np.array([1.0, 2.0, infinity], "f2" if make is SmallTypeHistogram else "f4")
    for numbers, wanted in [(values, True), (values[:2], False)]:
        binning = make(values.dtype, 1)
        binning.first(Source(numbers))
        assert binning.infinite is wanted
