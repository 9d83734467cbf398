"""Sums in folds are exact, and the ways of 64 bits hold what a naive grouping holds."""

import numpy as np
import pytest

from fastkm import kmeans1d
from fastkm.cluster.exact.weighted_histograms import (
    WeightedHistogram,
    choose_start,
)
from fastkm.cluster.streaming.source import Source
from tests.codebooks import random_values, several_passes


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", ["normal", "skewed", "outlier", "rounded"])
def test_bins_hold_their_values(weighted, kind):
    values = random_values(1, kind, "f8", 300)
    weights = np.random.default_rng(1).uniform(0.1, 1, 300) if weighted else np.ones(300)
    source = Source(values, weights if weighted else None)
    folded = WeightedHistogram(values.dtype, 2)
    with several_passes():
        folded.measure(source)
        atoms = folded.bin_all(source)
    assert (atoms.low[1:] > atoms.high[:-1]).all()
    assert atoms.counts.sum() == 300
    for i in range(len(atoms.low)):
        keep = (values >= atoms.low[i]) & (values <= atoms.high[i])
        inside, own = values[keep], weights[keep] * folded.unit
        assert atoms.counts[i] == keep.sum()
        assert (atoms.low[i], atoms.high[i]) == (inside.min(), inside.max())
        distances = inside - atoms.base[i]
        assert atoms.sums[0, i] + atoms.sums[1, i] == pytest.approx(own.sum(), rel=1e-14)
        first = (own * distances).sum()
        slack = 1e-14 * np.ptp(inside) * own.sum() + 1e-15 * np.abs(inside).max()
        assert abs(atoms.sums[2, i] + atoms.sums[3, i] - first) <= slack


@pytest.mark.filterwarnings("ignore:overflow encountered")  # said by kernels as plain Python
def test_a_pass_that_has_other_values_than_were_measured_is_an_error(monkeypatch):
    monkeypatch.setattr("fastkm.cluster.exact.collectors.MAX_SORTED", 5)
    values = np.arange(9.0)
    for other in (values + 5, values - 20):
        passes = iter([[values], [other], [values]])
        with pytest.raises(ValueError, match=r"same in every pass: 9 were .*, [04] in the next"):
            kmeans1d(lambda passes=passes: next(passes), 2)


@pytest.mark.parametrize("weighted", [False, True])
def test_sorted_values_are_the_distinct_ones(weighted):
    values = random_values(1, "rounded", "f8", 200)
    weights = np.random.default_rng(1).uniform(0.1, 1, 200)
    source, folded = (
        Source(values, weights if weighted else None),
        WeightedHistogram(values.dtype, 2),
    )
    folded.measure(source)
    (piece,) = source.read_chunks()
    atoms = folded.sort(piece)
    distinct, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    assert atoms.low.tolist() == distinct.tolist()
    assert atoms.counts.tolist() == counts.tolist()
    if weighted:
        wanted = np.bincount(where, weights * folded.unit)
        np.testing.assert_allclose(atoms.sums[0] + atoms.sums[1], wanted, rtol=1e-14)


@pytest.mark.parametrize(
    ("least", "greatest", "start"),
    [
        (0, 2**53, 0),
        (-(2**53), 2**53, 0),
        (1, 2**53 + 1, 1),
        (2**62, 2**62 + 2**53, 2**62),
        (-(2**63), -(2**63) + 5, -(2**63)),
        (2**64 - 9, 2**64 - 1, 2**64 - 9),
        (-1e300, 1e300, 0),
    ],
    ids=str,
)
def test_what_is_taken_off_integers(least, greatest, start):
    assert choose_start(least, greatest) == start


@pytest.mark.parametrize(
    ("least", "greatest"), [(-1, 2**53 + 1), (0, 2**53 + 1), (-(2**63), 2**63 - 1), (0, 2**64 - 1)]
)
def test_integers_too_far_apart_are_an_error(least, greatest):
    with pytest.raises(ValueError, match=rf"more than 2\^53, from {least} to {greatest}"):
        choose_start(least, greatest)


@pytest.mark.parametrize("apart", [59, 61])
def test_weights_beyond_2_to_the_60_are_an_error(apart):
    folded = WeightedHistogram(np.dtype("f8"), 1)
    data = Source([1.0, 2.0], weights=[1.0, 2.0**-apart])
    if apart == 59:
        folded.measure(data)
        assert folded.unit == 0.5
    else:
        with pytest.raises(ValueError, match=r"weights must not differ by more than 2\^60 times"):
            folded.measure(data)


def test_more_values_than_sums_can_hold_are_refused(monkeypatch) -> None:
    monkeypatch.setattr("fastkm.cluster.exact.weighted_histograms.MAX_VALUES", 1000)
    monkeypatch.setattr("fastkm.cluster.exact.collectors.MAX_SORTED", 10)
    monkeypatch.setattr("fastkm.cluster.exact.small.small_arrays.MAX_SMALL", 0)
    with pytest.raises(ValueError, match=r"fewer than 2\^35, got 1,000"):
        kmeans1d(np.arange(1000) / 7, 2)
