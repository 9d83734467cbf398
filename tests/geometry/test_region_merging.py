import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fastkm.geometry.region_merging import find_bridged_pairs
from fastkm.geometry.regions import find_regions

MAPS = arrays(np.int8, st.tuples(st.integers(1, 6), st.integers(1, 8)), elements=st.integers(-1, 1))


def pairs_by_walking(regions, cells, *, periodic):
    """Walk from each cell right and down over missing cells."""
    rows, columns = regions.numbers.shape
    found = set()
    for row, column in np.ndindex(rows, columns):
        for down, right in ((0, 1), (1, 0)):
            line = []
            for step in range(1, cells + 2):
                r, c = row + step * down, column + step * right
                if periodic and right and step < columns:
                    c %= columns
                if r >= rows or c >= columns:
                    break
                line.append(regions.numbers[r, c])
                if line[-1] >= 0:
                    break
            a = regions.numbers[row, column]
            if len(line) < 2 or line[-1] < 0 or a < 0 or a == line[-1]:
                continue
            if regions.labels[a] == regions.labels[line[-1]]:
                found.add((min(a, line[-1]), max(a, line[-1])))
    return sorted((int(a), int(b)) for a, b in found)


@given(MAPS, st.integers(0, 4), st.booleans())
def test_bridges_are_those_that_a_walk_finds(labels, cells, periodic):
    regions = find_regions(labels)
    found = find_bridged_pairs(regions, cells, periodic=periodic)
    assert found.dtype == np.int64
    assert found.shape[1] == 2
    assert [tuple(p) for p in found.tolist()] == pairs_by_walking(regions, cells, periodic=periodic)


@pytest.mark.parametrize(("cells", "count"), [(0, 0), (1, 1), (2, 2)])
def test_as_many_missing_cells_as_are_allowed(cells, count):
    regions = find_regions([[1, -1, 1, -1, -1, 1, 0, 1]])
    assert len(find_bridged_pairs(regions, cells)) == count
