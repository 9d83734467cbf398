import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fastkm._kernels.overlaps import list_shared_runs
from tests import naive

SHAPES = st.tuples(st.integers(0, 5), st.integers(0, 8))


def listed(before, now, areas, size, room):
    keys, cells, shared = np.full(room, -1), np.zeros(room, np.int64), np.zeros(room)
    runs = list_shared_runs(before, now, areas, size, keys, shared, cells)
    return runs, keys, shared, cells


@given(st.data())
def test_runs_add_up_to_what_cells_add_up_to(data):
    shape = data.draw(SHAPES)
    before, now = (data.draw(arrays(np.int32, shape, elements=st.integers(-1, 2))) for _ in "ab")
    areas = data.draw(arrays(np.float64, shape, elements=st.integers(0, 9)))
    runs, keys, shared, cells = listed(before, now, areas, 3, before.size)
    found = {}
    for key, area, count in zip(keys[:runs], shared, cells, strict=False):
        sums = found.setdefault(divmod(int(key), 3), [0.0, 0])
        sums[0] += area
        sums[1] += int(count)
    assert found == naive.count_overlaps(before, now, areas)


def test_a_run_ends_where_either_region_or_the_row_does():
    before, now = np.int32([[0, 0, 1, 1], [1, -1, 1, 1]]), np.int32([[0, 1, 1, 1], [1, 1, 1, -1]])
    areas = np.arange(8.0).reshape(2, 4)
    runs, keys, shared, cells = listed(before, now, areas, 2, 8)
    assert runs == 5
    assert keys[:5].tolist() == [0, 1, 3, 3, 3]
    assert shared[:5].tolist() == [0, 1, 5, 4, 6]
    assert cells[:5].tolist() == [1, 1, 2, 1, 1]


def test_runs_beyond_the_room_are_counted_only():
    before = np.int32([[0, 1, 0, 1]])
    runs, keys, _, _ = listed(before, before, np.ones((1, 4)), 2, 1)
    assert (runs, keys.tolist()) == (4, [0])
