"""Cells are drawn by the hashes of their places, and integers are measured."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fastkm._kernels.cell_survey import draw_cells, measure_integers
from tests import naive


@given(
    st.integers(0, 2**63), st.integers(0, 2**64 - 1), st.integers(1, 5), st.integers(0, 6),
    st.integers(1, 20), st.integers(0, 99),
)  # fmt: skip
def test_cells_are_drawn_by_hash(seed, limit, width, skipped, m, draw) -> None:
    columns, row, column = 9, 3, 2
    excluded = np.random.default_rng(draw).random(m) < 0.3
    chosen, places, hashes = np.empty(m, "i4"), np.empty(m, "i8"), np.empty(m, "u8")
    with np.errstate(over="ignore"):
        count = draw_cells(
            excluded, np.array([skipped, row, column]), width, columns,
            np.uint64(seed), np.uint64(limit), chosen, places, hashes,
        )  # fmt: skip
    numbers = np.arange(skipped, skipped + m)
    expected = (row + numbers // width) * columns + column + numbers % width
    found = [naive.hash_place(place, seed) for place in expected.tolist()]
    drawn = [i for i in range(m) if found[i] <= limit and not excluded[i]]
    assert chosen[:count].tolist() == drawn
    assert places[:count].tolist() == expected[drawn].tolist()
    assert hashes[:count].tolist() == [found[i] for i in drawn]


def test_no_two_places_have_one_hash() -> None:
    m = 5000
    chosen, places, hashes = np.empty(m, "i4"), np.empty(m, "i8"), np.empty(m, "u8")
    with np.errstate(over="ignore"):
        draw_cells(
            np.zeros(m, bool), np.zeros(3, np.int64), 100, 100,
            np.uint64(7), np.uint64(2**64 - 1), chosen, places, hashes,
        )  # fmt: skip
    assert len(np.unique(hashes)) == m
    assert abs(hashes.astype(float).mean() / 2**64 - 0.5) < 0.02


@given(st.integers(0, 99), st.sampled_from(["u1", "i2", "u2"]), st.integers(0, 40))
def test_integers_are_measured(seed, dtype, m) -> None:
    rng = np.random.default_rng(seed)
    limits = np.iinfo(dtype)
    numbers = rng.integers(limits.min, limits.max, m, endpoint=True).astype(np.int32)
    missing = rng.random(m) < 0.5
    totals = np.array([999_999, -999_999, 5, 7])
    measure_integers(numbers, missing, totals)
    present = [int(number) for number in numbers[~missing]]
    assert totals.tolist() == [
        min([999_999, *present]), max([-999_999, *present]),
        5 + sum(present), 7 + sum(number**2 for number in present),
    ]  # fmt: skip
