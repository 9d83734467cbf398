"""A guess counts keys by place and back, and says what it does not know."""

import numpy as np
import pytest

from fastkm._kernels.histogram import LOW_BITS
from fastkm.cluster.exact import sortable_keys as module
from fastkm.cluster.exact.bins import SparseCounts, add_counts
from fastkm.cluster.exact.key_histograms import COARSE_BINS, CountCoarsely, ThreadTable
from fastkm.cluster.exact.sortable_keys import KeyOrder, SingleKeys

WIDE = 1 << LOW_BITS


@pytest.mark.parametrize("bins", [[5], [0, COARSE_BINS - 1], [100, 101, 5000]], ids=str)
def test_bins_beside_each_cut_make_up_the_table(bins):
    guess = SingleKeys.around(np.array(bins), COARSE_BINS)
    assert (np.diff(guess.bins) > 0).all()
    assert np.isin(bins, guess.bins).all()
    assert guess.bins.min() >= 0
    assert guess.bins.max() < COARSE_BINS
    assert guess.size <= module.SINGLE_KEYS


def test_too_many_cuts_or_none_are_no_guess():
    assert SingleKeys.around(np.arange(module.SINGLE_KEYS // WIDE), COARSE_BINS).size == 0
    assert SingleKeys.around(np.empty(0, np.int64), COARSE_BINS).size == 0


def test_places_are_those_of_keys():
    guess = SingleKeys(np.array([3, 4, 9]))
    places = np.arange(guess.size, dtype=np.uint32)
    keys = guess.to_keys(places)
    np.testing.assert_array_equal(guess.find_starts()[keys >> LOW_BITS] + keys % WIDE, places)
    np.testing.assert_array_equal(guess.find_places(np.stack([keys, keys]))[0], places)
    assert (np.delete(guess.find_starts(), guess.bins) == guess.size).all()


@pytest.mark.parametrize(
    ("first", "last", "known"),
    [
        (3 * WIDE, 5 * WIDE - 1, True),
        (3 * WIDE, 5 * WIDE, False),
        (3 * WIDE - 1, 4 * WIDE, False),
        (4 * WIDE, 9 * WIDE, False),
        (9 * WIDE + 7, 9 * WIDE + 7, True),
    ],
)
def test_only_windows_that_are_covered_are_known(first, last, known):
    guess = SingleKeys(np.array([3, 4, 9]))
    assert (guess.find_places(np.array([[first], [last]], np.uint64)) is not None) == known
    both = np.array([[3 * WIDE, first], [3 * WIDE + 1, last]], np.uint64)
    assert (guess.find_places(both) is not None) == known
    assert SingleKeys.none().find_places(np.array([[first], [last]], np.uint64)) is None


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
    from fastkm.cluster.streaming.chunks import Chunk

    values = np.random.default_rng(2).normal(300, 1, 500).astype("f4")
    order = KeyOrder.of(values.dtype)
    reduction = CountCoarsely(
        order, SingleKeys(np.unique(order.to_keys(values) >> np.uint64(LOW_BITS))[::2].astype(int))
    )
    wanted = reduction.map(iter([Chunk(values, None)]), 1)
    monkeypatch.setattr("fastkm._kernels.histogram.MAX_VALUES", 150)
    monkeypatch.setattr("fastkm.cluster.exact.key_histograms.MAX_SINGLE_COUNTS", 100)
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


def test_an_empty_table_is_empty():
    assert len(ThreadTable(64).list_bins().places) == 0
