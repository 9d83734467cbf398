"""Overlaps of two maps of regions: all pairs, in order, however many runs they have."""

import numpy as np

from fastkm.geometry import overlaps
from fastkm.geometry.overlaps import count_overlaps
from tests import naive


def test_pairs_of_noise_are_those_of_all_cells(monkeypatch):
    monkeypatch.setattr(overlaps, "FEW_RUNS", 4)  # so that maps are read twice
    rng = np.random.default_rng(0)
    before, now = rng.integers(-1, 6, (2, 20, 30)).astype(np.int32)
    areas = rng.integers(1, 9, before.shape).astype(float)
    found = count_overlaps(before, now, areas, 6)
    pairs = list(zip(found.first.tolist(), found.second.tolist(), strict=True))
    expected = naive.count_overlaps(before, now, areas)
    assert pairs == sorted(expected)
    sums = [list(pair) for pair in zip(found.area.tolist(), found.cells.tolist(), strict=True)]
    assert sums == [expected[pair] for pair in pairs]


def test_maps_of_any_layout_are_taken():
    before = np.asfortranarray(np.int32([[0, 0], [1, 1]]))
    found = count_overlaps(before, before[:, ::-1], np.ones((2, 2)), 2)
    assert (found.first.tolist(), found.second.tolist()) == ([0, 1], [0, 1])


def test_no_regions_overlap_in_nothing():
    found = count_overlaps(
        np.full((2, 2), -1, np.int32), np.zeros((2, 2), np.int32), np.ones((2, 2)), 0
    )
    assert [len(column) for column in found] == [0, 0, 0, 0]
