"""The extreme values and their counts are those of sorting, whatever the order and the type."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastkm._kernels.extremes import (
    BLOCK,
    add_block,
    collect_extremes,
    comes_before,
    count_held,
    insert_block,
)
from tests import naive


def collect(values, limits, most):
    least, greatest = np.empty((2, most), values.dtype)
    counts, numbers = np.zeros((2, most), np.int64), np.zeros(2, np.int64)
    collect_extremes(values, np.array(limits, values.dtype), least, greatest, counts, numbers)
    low, high = numbers
    return (
        list(zip(least[:low].tolist(), counts[0, :low].tolist(), strict=True)),
        list(zip(greatest[:high].tolist(), counts[1, :high].tolist(), strict=True)),
    )


# three of these are the types of `test_suspicious` as well: the kernel is compiled once for each
@pytest.mark.parametrize("name", ["f4", "f8", "u2", "i2"])
@given(
    st.integers(0, 2**32),
    st.sampled_from([0, 1, 7, BLOCK, 3 * BLOCK + 1]),
    st.sampled_from([1, 3, 12, 10_000]),
    st.integers(1, 5),
    st.sampled_from(["random", "ascending", "descending"]),
)
def test_extremes_are_those_of_sorted_values(name, seed, number, different, most, order):
    rng = np.random.default_rng(seed)
    pool = rng.integers(0, 30_000, different).astype(name)
    values = rng.choice(pool, number)
    if order != "random":
        values = np.sort(values)[:: 1 if order == "ascending" else -1].copy()
    limits = (100, 29_000)
    if values.dtype.kind == "f":
        values[rng.random(number) < 0.1] = np.nan
        values[rng.random(number) < 0.02] = np.inf
        values[rng.random(number) < 0.02] = -np.inf
        limits = (-np.inf, np.inf) if seed % 2 else (0, 1e30)
    assert collect(values, limits, most) == naive.collect_extremes(values, limits, most)


@pytest.mark.parametrize("descending", [False, True])
def test_order_of_two_numbers(descending):
    numbers = np.array([-1.0, 0.0, 2.0, np.nan])
    for a in numbers:
        for b in numbers:
            assert comes_before(a, b, descending) == (b < a if descending else a < b)


@given(st.integers(0, 2**32), st.integers(0, 40), st.integers(0, 5))
def test_values_that_are_held_are_counted(seed, n, m):
    rng = np.random.default_rng(seed)
    block, held = (
        rng.integers(0, 9, n).astype(np.float32),
        rng.permutation(9)[:m].astype(np.float32),
    )
    counts = np.empty(m, np.int64)
    total = count_held(block, held, counts)
    assert counts.tolist() == naive.count_held(block, held)
    assert total == counts.sum()


@given(st.integers(0, 2**32), st.integers(0, 40), st.integers(1, 6), st.booleans())
def test_blocks_are_inserted_one_after_another(seed, n, most, descending):
    rng = np.random.default_rng(seed)
    blocks = [rng.integers(0, 12, n).astype(np.float64) for _ in range(3)]
    limits = np.array([2.0, 10.0])
    values, counts, number = np.empty(most), np.zeros(most, np.int64), 0
    for block in blocks:
        number = insert_block(block, limits, descending, values, counts, number)
    again = counts.copy()
    reached = sum(value in values[:number] for value in blocks[0])
    assert add_block(blocks[0], reached, limits, descending, values, again, number) == number
    assert (
        again[:number].tolist() == (counts + naive.count_held(blocks[0], values))[:number].tolist()
    )
    found = list(zip(values[:number].tolist(), counts[:number].tolist(), strict=True))
    assert found == naive.insert_first(np.concatenate(blocks), limits, descending, most)
