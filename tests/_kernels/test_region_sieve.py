"""Kernels that let small regions join, against an obvious twin."""

import numpy as np
import pytest

from fastkm._kernels.region_sieve import (
    AREA,
    CELLS,
    FIRST,
    NEVER,
    PARENT,
    WALL,
    join_single_cells,
    join_small_regions,
    queue_small_regions,
)
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


@pytest.mark.parametrize("limit", [2, 5, 100])
def test_small_regions_are_joined_as_one_after_another(limit):
    codes = make_codes(np.int8, 4)
    expected = naive.sieve(codes[1:-1, 1:-1], limit)
    numbers = naive.number_regions(codes).astype(np.int32)
    places = [np.argwhere(numbers == k) for k in range(numbers.max() + 1)]
    boxes = np.array([[*own.min(axis=0), *own.max(axis=0)] for own in places], np.int32)
    cells, n, width = np.array([len(own) for own in places]), len(places), codes.shape[1]
    regions = np.empty((4, n), np.int64)
    regions[PARENT], regions[CELLS], regions[AREA] = np.arange(n), cells, cells
    queue = np.empty(n, np.int64)
    flat = codes.reshape(-1)
    waiting = queue_small_regions(flat, numbers, boxes, regions, limit, -1, queue)
    small = np.flatnonzero(cells < limit)
    np.testing.assert_array_equal(queue[:waiting], small)
    firsts = [places[k][0] @ [width, 1] for k in small]
    np.testing.assert_array_equal(regions[FIRST, small], firsts)
    keys = -np.arange(LABELS + 1)
    keys[-1] = NEVER
    offsets = np.array([-width, -1, 1, width])
    scratch = np.empty(flat.size, np.int64), np.empty(4 * flat.size, np.int64)
    join_small_regions(
        flat, numbers, regions, limit, False, offsets, keys, queue[:waiting], *scratch
    )
    np.testing.assert_array_equal(codes[1:-1, 1:-1], expected)
