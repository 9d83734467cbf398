"""The kernels that cut corners against one pass after another."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fastkm._kernels.corner_cutting import cut_free_corners, mark_free_corners
from tests import naive


def some_rings(seed, rows, columns, junctions):
    """Give a map of regions, the rings of one after another, and where each starts."""
    numbers = naive.number_regions(np.random.default_rng(seed).integers(-1, 3, (rows, columns)))
    marked = naive.find_junctions(numbers) if junctions else ()
    rings = [
        ring
        for region in range(numbers.max() + 1)
        for ring in naive.trace_rings(numbers == region, contour=False, junctions=marked)
    ]
    offsets = np.cumsum([0, *map(len, rings)])
    return numbers, np.concatenate([*rings, np.empty((0, 2))]), offsets


def template(passes):
    """Cut a corner whose edges are long."""
    corner = np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 0.0]])
    return naive.smooth_ring(corner, [False, True, False, False, False], passes)[1:-3]


@settings(max_examples=25)
@given(
    st.integers(0, 2**32), st.integers(1, 6), st.integers(1, 6), st.integers(0, 4), st.booleans()
)
def test_each_ring_is_that_of_its_passes(seed, rows, columns, passes, junctions):
    numbers, points, offsets = some_rings(seed, rows, columns, junctions)
    count = len(offsets) - 1
    free, counts = np.ones(len(points), bool), np.empty(count, np.int64)
    shifted = points + np.array([0.0, 7.0])
    # some rings, then the others
    for start, stop in ((0, count // 2), (count // 2, count)):
        mark_free_corners(shifted, offsets, numbers, 7, start, stop, free, counts)
    shape = template(passes)
    cut_offsets = offsets + (len(shape) - 1) * np.append(0, np.cumsum(counts))
    cut = np.full((cut_offsets[-1], 2), np.nan)
    for start, stop in ((0, count // 2), (count // 2, count)):
        cut_free_corners(points, offsets, free, shape, start, stop, cut_offsets, cut)
    for i in range(count):
        ring = points[offsets[i] : offsets[i + 1]]
        wanted = naive.find_free_corners(numbers, ring)
        assert free[offsets[i] : offsets[i + 1]].tolist() == [*wanted[:-1], False]
        assert counts[i] == sum(wanted[:-1])
        found = cut[cut_offsets[i] : cut_offsets[i + 1]]
        np.testing.assert_array_equal(found, naive.smooth_ring(ring, wanted, passes))
