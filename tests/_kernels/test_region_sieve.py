"""Kernels that let small regions join, against an obvious twin."""

import numpy as np
import pytest

from fastkm._kernels.region_sieve import WALL, join_regions, join_single_cells, list_starts
from tests import naive

LABELS = 4


def make_codes(dtype, seed, shape=(7, 9)):
    """Draw labels and walls, padded with walls, as the signed type has them."""
    rng = np.random.default_rng(seed)
    codes = np.full((shape[0] + 2, shape[1] + 2), WALL, dtype)
    codes[1:-1, 1:-1] = rng.integers(0, LABELS, shape)
    codes[1:-1, 1:-1][rng.random(shape) < 0.1] = WALL
    return codes


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32])
def test_single_cells_are_joined_as_one_after_another(dtype):
    codes = make_codes(dtype, 0, (4, 35))
    unsigned = np.dtype(f"u{codes.itemsize}").type
    before, after = codes.view(unsigned), codes.view(unsigned).copy()
    ends = unsigned(LABELS), unsigned(np.iinfo(unsigned).max)
    join_single_cells(before, after, 0, *ends)
    join_single_cells(after, before, 1, *ends)
    expected = naive.sieve(make_codes(dtype, 0, (4, 35))[1:-1, 1:-1], 2)
    np.testing.assert_array_equal(codes[1:-1, 1:-1], expected)


@pytest.mark.parametrize("black", [0, 1])
def test_regions_begin_at_cells_that_are_listed(black):
    codes = make_codes(np.int8, 3)
    starts = np.empty(codes.size, np.int64)
    rows, columns = np.divmod(starts[: list_starts(codes, 1, 2, 6, black, starts)], codes.shape[1])
    listed = list(zip(rows.tolist(), columns.tolist(), strict=True))
    assert listed == sorted(listed)
    cells = {cell for cell in np.ndindex(codes.shape) if 2 <= cell[0] < 6 and codes[cell] >= 1}
    firsts = {min(naive.flood(codes, cell, 4, False)) for cell in cells} & cells
    assert {cell for cell in firsts if sum(cell) % 2 == black} <= set(listed) <= cells


def test_small_regions_are_joined_as_one_after_another():
    codes = make_codes(np.int8, 4)
    width, flat, limit = codes.shape[1], codes.reshape(-1), 6
    expected = naive.sieve(codes[1:-1, 1:-1], limit)
    offsets, counts = np.array([-width, -1, 1, width]), np.zeros(LABELS + 1, np.int64)
    scratch = counts, np.empty(codes.size, np.int64), np.empty(4 * codes.size, np.int64)
    starts = {}
    for black in (0, 1):
        found = np.empty(codes.size, np.int64)
        starts[black] = found[: list_starts(codes, 0, 1, len(codes) - 1, black, found)]
    for turn in (2, limit):
        for black, own in starts.items():
            areas = np.empty(0, np.int64)
            kept = join_regions(flat, own, 0, turn, limit, areas, offsets, *scratch)
            assert kept <= len(own)
            starts[black] = own[:kept]
    np.testing.assert_array_equal(codes[1:-1, 1:-1], expected)
    assert not counts.any()
