"""A guess counts keys by place and back, and says what it does not know."""

import numpy as np
import pytest

from fastkm._kernels.histogram import LOW_BITS
from fastkm.cluster.exact import key_histograms
from fastkm.cluster.exact import sortable_keys as module
from fastkm.cluster.exact.bins import SparseCounts, add_counts
from fastkm.cluster.exact.key_histograms import (
    CountCoarsely,
    KeyHistogram,
    ThreadTable,
    list_single_counts,
)
from fastkm.cluster.exact.sortable_keys import KeyOrder, SingleKeys, make_sparse
from fastkm.cluster.streaming.chunks import Chunk

WIDE = 1 << LOW_BITS


def test_bins_of_the_lowest_ranks_make_up_the_table(monkeypatch):
    bins, ranks = np.array([9, 5, 9, 7, 100, 4]), np.array([0.5, 0.2, 0.0, 0.3, 0.1, 0.9])
    assert SingleKeys.choose(bins, ranks).bins.tolist() == [4, 5, 7, 9, 100]
    monkeypatch.setattr(module, "SINGLE_KEYS", 3 * WIDE)
    assert SingleKeys.choose(bins, ranks).bins.tolist() == [5, 9, 100]
    assert SingleKeys.choose(bins[:0], ranks[:0]).size == 0


def test_places_are_those_of_keys():
    guess = SingleKeys(np.array([3, 4, 9]))
    places = np.arange(guess.size)
    keys = (guess.bins[:, None] * WIDE + np.arange(WIDE)).ravel().astype(np.uint64)
    np.testing.assert_array_equal(
        guess.find_starts()[keys >> np.uint64(LOW_BITS)] + keys % np.uint64(WIDE), places
    )
    np.testing.assert_array_equal(guess.find_places(keys), places)


@pytest.mark.parametrize("dtype", ["f4", "i4"])
def test_known_bins_are_divided_to_single_values_without_a_pass(dtype):
    values = np.random.default_rng(4).integers(-3_000, 3_000, 900).astype(dtype)
    histogram = KeyHistogram(values.dtype, 1)
    here = np.unique(histogram.find_coarse_bins(values.astype(float)))
    histogram.singles = SingleKeys(here[::2])
    bins = histogram.open(histogram.reduction.map(iter([Chunk(values, None)]), 1))
    known = histogram.find_known(bins)
    assert known.tolist() == np.isin(histogram.find_coarse_bins(bins.low), here[::2]).tolist()
    for _ in range(2):
        wanted = histogram.find_known(bins) & ~bins.resolved
        if not wanted.any():
            break
        finer = histogram.refine_known(bins.take(np.flatnonzero(wanted)))
        each = [np.flatnonzero(wanted)] * 2
        bins = bins.replace_runs(*each, finer)
    inside = np.isin(histogram.find_coarse_bins(values.astype(float)), here[::2])
    distinct, counts = np.unique(values[inside], return_counts=True)
    single = histogram.find_known(bins)
    assert bins.resolved[single].all()
    assert bins.low[single].tolist() == distinct.tolist()
    assert bins.counts[single].tolist() == counts.tolist()


@pytest.mark.parametrize("span", [50, 10**6])
def test_bins_are_summed_in_any_grouping(span):
    rng = np.random.default_rng(span)
    parts, wanted = [], {}
    for _ in range(7):
        places = np.unique(rng.integers(0, span, 20))
        totals = rng.integers(1, 9, (len(places), 2))
        parts.append(SparseCounts(places, totals))
        for place, total in zip(places.tolist(), totals, strict=True):
            wanted[place] = wanted.get(place, 0) + total
    parts.append(SparseCounts(np.empty(0, np.int64), np.empty((0, 2), np.int64)))
    for found in (add_counts(parts), add_counts([add_counts(parts[:3]), add_counts(parts[:2:-1])])):
        assert found.places.tolist() == sorted(wanted)
        assert found.totals.tolist() == [wanted[place].tolist() for place in sorted(wanted)]


def test_a_table_that_overflows_loses_nothing(monkeypatch):
    values = np.random.default_rng(2).normal(300, 1, 500).astype("f4")
    order = KeyOrder.of(values.dtype)
    reduction = CountCoarsely(
        order, SingleKeys(np.unique(order.to_keys(values) >> np.uint64(LOW_BITS))[::2].astype(int))
    )
    wanted = reduction.map(iter([Chunk(values, None)]), 1)
    monkeypatch.setattr("fastkm._kernels.histogram.MAX_VALUES", 150)
    pieces = [Chunk(part, None) for part in np.array_split(values, 9)]
    got = reduction.map(iter(pieces), 1)
    merged = reduction.combine([reduction.map(iter([piece]), 1) for piece in pieces])
    for found in (got, merged):
        for one, other in zip(
            (*found.bins, *found.singles), (*wanted.bins, *wanted.singles), strict=True
        ):
            np.testing.assert_array_equal(one, other)
        assert found.ends.tolist() == wanted.ends.tolist()
    assert wanted.singles.totals.sum() < 500 == wanted.bins.totals[:, 0].sum()


@pytest.mark.parametrize("dtype", [np.uint32, np.int64])
@pytest.mark.parametrize("at_once", [3, 100])
def test_counts_of_single_keys_are_those_of_all_threads(monkeypatch, dtype, at_once):
    monkeypatch.setattr(key_histograms, "USED_AT_ONCE", at_once)
    rng = np.random.default_rng(at_once)
    tables = [
        (rng.integers(0, 3, 10).astype(np.uint8), rng.integers(0, 2, 10).astype(np.uint32))
        for _ in range(3)
    ]
    wanted = sum(counts.astype(int) + 256 * wraps for counts, wraps in tables)
    wanted[4] = 0
    for counts, wraps in tables:
        counts[4] = wraps[4] = 0
    keys, found = list_single_counts(tables, dtype)
    assert keys.tolist() == np.flatnonzero(wanted).tolist()
    assert found.tolist() == wanted[wanted > 0, None].tolist()
    assert found.dtype == dtype


@pytest.mark.parametrize("size", [0, 1, 5_000])
def test_sparse_zeros_are_zeros_that_can_be_written(size):
    zeros = make_sparse(size)
    assert zeros.dtype == np.uint32
    assert zeros.tolist() == [0] * size
    zeros[-1:] = 7
    assert zeros.sum() == 7 * (size > 0)


def test_an_empty_table_is_empty():
    assert len(ThreadTable(64, SingleKeys.none()).list_bins().places) == 0
