import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fastkm._kernels.label_pairs import count_label_pairs
from tests import naive


@given(st.data())
def test_pairs_are_counted_as_cell_by_cell(data):
    m = data.draw(st.integers(0, 30))
    dtype = data.draw(st.sampled_from([np.int8, np.int32]))
    labels = arrays(dtype, m, elements=st.integers(-3, 3))
    before, after = data.draw(labels), data.draw(labels)
    areas = data.draw(arrays(np.int64, st.sampled_from([m, 0]), elements=st.integers(0, 1 << 40)))
    tables = np.zeros((2, 5, 5), np.int64)
    count_label_pairs(before, after, areas, *tables)
    np.testing.assert_array_equal(tables, naive.count_label_pairs(before, after, areas, 5))


def test_tables_add_to_what_is_there():
    tables = np.full((2, 2, 2), 7, np.int64)
    count_label_pairs(np.zeros(3, np.int8), np.zeros(3, np.int8), np.arange(3), *tables)
    assert tables.tolist() == [[[7, 7], [7, 10]], [[7, 7], [7, 10]]]
