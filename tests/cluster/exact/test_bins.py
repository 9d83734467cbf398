"""Atoms: replaced, scaled and summed without losing a bit."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastkm.cluster.exact.bins import MAX_EXPONENT, Bins, add_tables, make_distinct_bins
from fastkm.cluster.extended_precision import as_double_double
from tests import naive

SEEDS = st.integers(0, 2**32)


def whole(pair):
    """Give double-doubles exactly."""
    return [sum(parts) for parts in zip(*map(naive.as_fractions, pair), strict=True)]


def ones(values):
    """Distinct values, once each."""
    number = np.ones(len(values), np.int64)
    return make_distinct_bins(np.array(values, float), number, as_double_double(number))


def a_bin(low, high, values):
    """One atom for several values."""
    sums = naive.sum_around_centres(values, np.ones(len(values)), [0] * len(values), [low])[0]
    columns = [[float(number)] for pair in sums for number in (pair, 0)]
    return Bins(
        np.array([low], float), np.array([high], float), np.array([low], float),
        np.array([len(values)]), np.array(columns), np.zeros(1, bool),
    )  # fmt: skip


def side_by_side(*parts):
    """Join atoms."""
    return Bins(*(np.concatenate(arrays, axis=-1) for arrays in zip(*parts, strict=True)))


def assert_same(atoms, wanted):
    for name in Bins._fields:
        np.testing.assert_array_equal(getattr(atoms, name), getattr(wanted, name), err_msg=name)


@given(SEEDS)
def test_finer_atoms_take_the_place_of_runs(seed):
    rng = np.random.default_rng(seed)
    bins = [a_bin(10.0 * b, 10.0 * b + 9, 10.0 * b + np.arange(3)) for b in range(12)]
    fine = [ones(10.0 * b + np.arange(3)) for b in range(12)]
    wanted = rng.random(12) < 0.5
    if not wanted.any():
        wanted[0] = True
    first = np.flatnonzero(wanted & ~np.append(False, wanted[:-1]))
    last = np.flatnonzero(wanted & ~np.append(wanted[1:], False))
    finer = side_by_side(*(f for f, w in zip(fine, wanted, strict=True) if w))
    mixed = side_by_side(*(f if w else b for f, b, w in zip(fine, bins, wanted, strict=True)))
    assert_same(side_by_side(*bins).replace_runs(first, last, finer), mixed)


def test_a_run_may_have_one_finer_atom():
    atoms = side_by_side(ones([1.0]), a_bin(2.0, 3.0, [2.5, 2.5]), ones([4.0]))
    replaced = atoms.replace_runs(np.array([1]), np.array([1]), ones([2.5]))
    assert_same(replaced, ones([1.0, 2.5, 4.0]))


def test_resolved_atoms_are_one_value():
    atoms = side_by_side(ones([1.0]), a_bin(2.0, 3.0, [2.0, 3.0]))
    assert atoms.resolved.tolist() == [True, False]
    assert atoms.tight.tolist() == [True, False]


def test_a_part_has_its_own_atoms():
    assert_same(ones([1.0, 2.0, 4.0, 8.0]).select(1, 3), ones([2.0, 4.0]))


@given(SEEDS, st.integers(-300, 300))
def test_scaled_atoms_are_those_of_scaled_values(seed, exponent):
    values = np.random.default_rng(seed).normal(size=4)
    low, high = np.sort(values)[[0, -1]]
    atoms = a_bin(low, high, values).scale(exponent)
    factor = Fraction(2) ** -exponent
    exact = naive.sum_around_centres(values, np.ones(4), [0] * 4, [low])[0]
    assert naive.as_fractions([atoms.low[0], atoms.high[0], atoms.base[0]]) == [
        Fraction(end) * factor for end in (low, high, low)
    ]
    for comp, number, power in zip(atoms.sums[::2, 0], exact, (0, 1, 2), strict=True):
        assert comp == pytest.approx(float(number * factor**power), rel=1e-15, abs=0)
    assert atoms.counts.tolist() == [4]


def test_no_exponent_leaves_the_atoms_alone():
    atoms = ones([1.0, 2.0])
    assert atoms.choose_exponent() == 0
    assert atoms.scale(0) is atoms


@pytest.mark.parametrize("values", [[-1.7e308, 1.7e308], [5e-324, 1e-323], [1e-300, 1e300]])
def test_the_exponent_brings_squares_into_range(values):
    atoms = ones(values)
    scaled = atoms.scale(atoms.choose_exponent())
    squares = scaled.compute_prefix_sums()[4]
    assert np.isfinite(squares).all()
    assert np.abs(squares).max() > 0
    assert np.abs(scaled.base).max() <= 2.0**MAX_EXPONENT


@given(st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=9, unique=True))
def test_the_sums_before_each_position_are_about_the_median_atom(numbers):
    values = np.array(sorted(numbers), float)
    middle = len(values) // 2
    sums = np.array(naive.accumulate_moments(values, np.ones(len(values)), values[middle]), object)
    wanted = (sums - sums[middle]).T
    prefix = ones(values).compute_prefix_sums()
    assert [whole(pair) for pair in prefix.reshape(3, 2, -1)] == wanted.tolist()


def test_tables_of_integers_are_added():
    tables = [np.array([2**62, 1]), np.array([2**62 - 1, 2]), np.array([0, 3])]
    added = add_tables(iter(tables))
    assert added.tolist() == [2**63 - 1, 6]
    assert added.dtype == np.int64


@given(st.lists(st.integers(-9, 9)), st.lists(st.integers(-9, 9), min_size=1))
def test_merged_distinct_values_are_those_of_both(left, right):
    def counted(numbers):
        values, counts = np.unique(np.array(numbers, float), return_counts=True)
        return make_distinct_bins(values, counts, as_double_double(counts))

    got, wanted = counted(left).add_distinct(counted(right)), counted(left + right)
    for one, other in zip(got, wanted, strict=True):
        np.testing.assert_array_equal(one, other)
