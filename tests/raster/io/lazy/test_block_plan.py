"""The plan of blocks: whole tiles, some 2^22 values, runs of positions."""

import numpy as np
import pytest

from fastkm.raster.io.lazy.block_plan import (
    BLOCK_VALUES,
    MOST_VALUES,
    WHOLE,
    arrange,
    choose_block_shape,
    cover,
    cut_positions,
)


@pytest.mark.parametrize(
    ("rows", "columns", "depth", "tile", "expected"),
    [
        (10980, 10980, 1, (1, 10980), (381, WHOLE)),  # strips
        (10980, 10980, 1, (256, 256), (256, WHOLE)),
        (10980, 10980, 4, (256, 256), (256, 4096)),  # a row of tiles would be 11 million values
        (32768, 32768, 1, (512, 512), (512, 8192)),
        (10, 20, 1, (256, 256), (5242880 // 20 // 256 * 256, WHOLE)),
        (5000, 5000, 1, (5000, 1), (5000, 838)),  # columns lie together
        (20000, 20000, 1, (4000, 4000), (4000, 4000)),  # large, but tiles are not cut
        (20000, 20000, 1, (20000, 20000), (209, 20000)),  # too large
        (10, 10_000_000, 1, (10, 10_000_000), (1, BLOCK_VALUES)),
        (100, 100, 10**8, (10, 10), (1, 1)),  # many bands
    ],
)
def test_shape(rows, columns, depth, tile, expected):
    height, width = choose_block_shape(rows, columns, depth, tile)
    if rows == 10:
        assert (height >= rows) == (expected[0] >= rows)
    else:
        assert (height, width) == expected
    values = min(height, rows) * min(width, columns) * depth
    assert values <= MOST_VALUES or depth > MOST_VALUES


def test_runs_and_multiples_are_cut():
    lengths, parts = cut_positions(np.arange(5, 25), 10)
    assert lengths == (5, 10, 5)
    assert parts == [slice(5, 10), slice(10, 20), slice(20, 25)]
    assert cut_positions(np.array([4]), 3) == ((1,), [slice(4, 5)])
    assert cut_positions(np.arange(9), WHOLE) == ((9,), [slice(0, 9)])


def test_positions_in_any_order_are_not_cut_into_single_ones():
    positions = np.random.default_rng(0).permutation(100)
    lengths, parts = cut_positions(positions, 30)
    assert lengths == (30, 30, 30, 10)
    values = np.arange(300).reshape(3, 100)
    read = [arrange(values[:, cover(part)], slice(0, 3), part - 0) for part in parts]
    assert np.array_equal(np.concatenate(read, axis=1), values[:, positions])
