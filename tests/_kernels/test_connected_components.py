"""The kernels that join runs against flooding."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastkm._kernels.connected_components import (
    find_root,
    join_rows,
    number_runs,
    paint_runs,
    renumber_cells,
)
from tests import naive


def some_map(seed, rows, columns, values=3):
    return np.random.default_rng(seed).integers(-1, values, (rows, columns))


def runs_of(labels):
    """Return the flat starts of the runs, their labels, and the first run of each row."""
    new = np.ones(labels.shape, bool)
    new[:, 1:] = labels[:, 1:] != labels[:, :-1]
    starts = np.append(np.flatnonzero(new), labels.size)
    offsets = np.searchsorted(starts, np.arange(len(labels) + 1) * labels.shape[1])
    return starts, labels.reshape(-1)[starts[:-1]], offsets


def numbered(labels, bands=1):
    """Run all kernels, the joins in bands of rows; return the numbers and the measures."""
    starts, run_labels, offsets = runs_of(labels)
    rows, columns = labels.shape
    runs = np.arange(len(run_labels))
    cuts = np.linspace(0, rows, bands + 1).astype(int)
    joins = 0
    for first, last in itertools.pairwise(cuts.tolist()):
        joins += join_rows(starts, run_labels, offsets, columns, first + 1, last, runs)
    for row in cuts[1:-1]:
        joins += join_rows(starts, run_labels, offsets, columns, row, row + 1, runs)
    assert (runs <= np.arange(len(runs))).all()
    n = np.count_nonzero(run_labels >= 0) - joins
    out, cells = np.empty(n, np.int64), np.empty(n, np.int64)
    boxes = np.empty((n, 4), np.int32)
    number_runs(starts, run_labels, offsets, columns, runs, out, cells, boxes)
    numbers = np.full(labels.size + 1, 99, np.int32)
    paint_runs(starts, runs, 0, len(runs), numbers)
    assert numbers[-1] == 99
    return numbers[:-1].reshape(labels.shape), out, cells, boxes


@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(1, 24), st.integers(1, 4))
def test_regions_are_those_of_flooding_however_the_rows_are_banded(seed, rows, columns, bands):
    labels = some_map(seed, rows, columns)
    numbers, out, cells, boxes = numbered(labels, min(bands, rows))
    ref = naive.number_regions(labels)
    np.testing.assert_array_equal(numbers, ref)
    for region in range(ref.max() + 1):
        row, column = np.nonzero(ref == region)
        assert out[region] == labels[row[0], column[0]]
        assert cells[region] == len(row)
        assert boxes[region].tolist() == [row.min(), column.min(), row.max(), column.max()]
    assert len(out) == ref.max() + 1


def test_a_comb_is_one_region_though_its_teeth_meet_last():
    labels = np.tile([1, 0], (9, 8))
    labels[-1] = 1
    numbers, out, cells, _ = numbered(labels)
    assert out.tolist() == [1, *[0] * 8]
    assert cells[0] == 8 * 9 + 8
    np.testing.assert_array_equal(numbers, naive.number_regions(labels))


def test_a_root_is_found_and_the_path_to_it_halved():
    parents = np.array([0, 0, 1, 2, 3])
    assert find_root(parents, 4) == 0
    assert parents.tolist() == [0, 0, 0, 2, 2]


@pytest.mark.parametrize("lengths", [[1], [7, 1, 8], [9, 16, 17], [1, 1, 1, 25]])
def test_the_blocks_of_a_run_reach_no_further_than_the_last_run(lengths):
    starts = np.concatenate([[0], np.cumsum(lengths)])
    for last in range(1, len(starts)):
        numbers = np.full(starts[-1] + 20, 99, np.int32)
        paint_runs(starts, np.arange(len(lengths)), 0, last, numbers)
        ref = np.full(starts[-1] + 20, 99)
        ref[: starts[last]] = np.repeat(np.arange(last), lengths[:last])
        np.testing.assert_array_equal(numbers, ref)


@given(st.lists(st.integers(-2, 4), max_size=30), st.integers(0, 30), st.integers(0, 30))
def test_cells_are_renumbered_from_the_first_to_the_last(numbers, first, last):
    table, found = np.int32([7, 5, -1, 9, 7]), np.full(len(numbers), 99, np.int32)
    last = min(last, len(numbers))
    renumber_cells(np.array(numbers, np.int32), table, first, last, found)
    wanted = [table[n] if n >= 0 else -1 for n in numbers]
    assert found.tolist() == [
        own if first <= cell < last else 99 for cell, own in enumerate(wanted)
    ]
