"""Bins hold what a naive grouping holds; what is gathered and collected is what was asked for."""

import numpy as np
import pytest

from fastkm.cluster.exact import collectors
from fastkm.cluster.exact.histograms import SmallTypeHistogram
from fastkm.cluster.exact.key_histograms import KeyHistogram
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
def test_packed_bins_hold_their_values_and_finer_ones_too(dtype, monkeypatch):
    monkeypatch.setattr(collectors, "MAX_SORTED", 0)
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


@pytest.mark.parametrize("most", [0, 1 << 18], ids=["binned", "sorted"])
@pytest.mark.parametrize("make", [SmallTypeHistogram, KeyHistogram])
@pytest.mark.parametrize("infinity", [np.inf, -np.inf])
def test_an_infinity_is_met(make, infinity, most, monkeypatch):
    monkeypatch.setattr(collectors, "MAX_SORTED", most)
    values = np.array([1.0, 2.0, infinity], "f2" if make is SmallTypeHistogram else "f4")
    assert make(values.dtype, 1).first(Source(values[:2])).counts.sum() == 2
    with pytest.raises(ValueError, match=r"values must not be infinite, but cell \(2,\) is"):
        make(values.dtype, 1).first(Source(values))


def test_nan_of_any_payload_is_no_infinity(monkeypatch):
    """Signalling NaN share the bins of the infinities."""
    monkeypatch.setattr(collectors, "MAX_SORTED", 0)
    bits = np.array([0x7F800001, 0xFF800001, 0x3F800000], "u4")
    assert KeyHistogram(np.dtype("f4"), 1).first(Source(bits.view("f4"))).low.tolist() == [1.0]
